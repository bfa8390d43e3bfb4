package callback_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestResults: each request is told to OnResult once, with the reason of a refusal.
func TestResults(t *testing.T) {
	const good = `{"so_id":"SO-1"}`
	for reason, c := range map[string]struct {
		query, body string
		config      func(*callback.Config)
		outcome     callback.Outcome
	}{
		"source":           {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, callback.Refused},
		"kind":             {"entId=1&method=other", good, nil, callback.Refused},
		"function missing": {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.Cancel = nil }, callback.Refused},
		"merchant":         {"method=cancel.order", good, nil, callback.Refused},
		"window":           {"entId=1&method=cancel.order&ts=1", good, func(c *callback.Config) { c.MaxAge = time.Hour }, callback.Refused},
		"token":            {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.AllowUnauthenticated, c.Secrets = false, []string{"0123456789abcdef"} }, callback.Refused},
		"checksum":         {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.Checksum = callback.ChecksumAny }, callback.Refused},
		"too large":        {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.MaxBody = 5 }, callback.Refused},
		"request":          {"entId=1&method=cancel.order", "x", nil, callback.Refused},
		"decode":           {"entId=1&method=cancel.order", `{"so_id":`, nil, callback.Refused},
		"action":           {"entId=1&method=refund.goods", `{"as_id":1,"action_name":"?"}`, nil, callback.Refused},
		"panic":            {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.Cancel = cancelFunc(func() error { panic("boom") }) }, callback.Failed},
		"function":         {"entId=1&method=cancel.order", good, func(c *callback.Config) { c.Cancel = cancelFunc(func() error { return jushuitan.ErrBusy }) }, callback.Failed},
		"":                 {"entId=1&method=cancel.order", good, nil, callback.Handled},
	} {
		var h host
		cfg := h.config()
		cfg.Checksum, cfg.AllowUnauthenticated = callback.ChecksumOff, true
		if c.config != nil {
			c.config(&cfg)
		}
		var told []callback.Result
		cfg.OnResult = func(_ context.Context, _ callback.Envelope, res callback.Result) { told = append(told, res) }
		send(t, receiver(t, cfg), http.MethodPost, "/?"+c.query, c.body)
		require.Len(t, told, 1, reason)
		assert.Equal(t, reason, told[0].Reason, "%v", told[0].Err)
		assert.Equal(t, c.outcome, told[0].Outcome, reason)
		assert.Equal(t, reason == "", told[0].Err == nil, reason)
	}
}

func cancelFunc(f func() error) func(context.Context, callback.Envelope, *jushuitan.CancelPush) error {
	return func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return f() }
}

// TestOldestClaim: the age of the longest run, and none when all have ended.
func TestOldestClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		cfg := h.config()
		cfg.NoDedupe, cfg.Checksum = false, callback.ChecksumOff
		cfg.Cancel = cancelFunc(func() error { time.Sleep(10 * time.Second); return nil }) // virtual
		r := receiver(t, cfg)
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.ServeHTTP(httptest.NewRecorder(), signedRequest(t, jushuitan.PushCancel, `{"so_id":"SO-1"}`))
		}()
		time.Sleep(3 * time.Second) // virtual
		assert.Equal(t, 3*time.Second, r.OldestClaim())
		<-done
		assert.Zero(t, r.OldestClaim())
	})
}
