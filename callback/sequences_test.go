package callback_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/internal/pushcases"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestSequences: of each sequence of pushes the host sees what it must see, in order: none lost,
// none twice. redisstate runs the same over Redis with two processes.
func TestSequences(t *testing.T) {
	all := pushcases.Sequences()
	require.GreaterOrEqual(t, len(all), 40)
	names := map[string]bool{}
	for _, s := range all {
		require.False(t, names[s.Name], s.Name)
		names[s.Name] = true
		t.Run(s.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { runSequence(t, s) }) })
	}
}

func runSequence(t *testing.T, s pushcases.Sequence) {
	var h host
	var results []callback.Result
	cfg := h.config()
	cfg.NoDedupe, cfg.CancelTTL, cfg.Checksum = false, pushcases.CancelTTL, callback.ChecksumOff
	cfg.Now = func() time.Time { return time.Unix(1_700_100_000, 0) }
	cfg.OnResult = func(_ context.Context, _ callback.Envelope, res callback.Result) { results = append(results, res) }
	r := receiver(t, cfg)
	for i, step := range s.Steps {
		if step.Pause {
			time.Sleep(pushcases.CancelTTL) // virtual
			continue
		}
		h.reply = nil
		if step.Fails {
			h.reply = func() error { return assert.AnError }
		}
		before := len(h.seen)
		w := send(t, r, "POST", "/?"+sequenceQuery(step), step.Body)
		what := fmt.Sprintf("step %d: %s", i+1, step.Body)
		require.Equal(t, step.Fails, w.Code != 200, what)
		require.Equal(t, step.Runs, len(h.seen) > before, "%s: whether the host saw it", what)
		if step.Runs {
			assert.Equal(t, step.MayRepeat, h.envs[before].MayRepeat, "%s: flagged", what)
		}
		assert.Equal(t, sequenceOutcome(step), results[len(results)-1].Outcome, what)
	}
	assert.Zero(t, r.OldestClaim())
}

func sequenceQuery(s pushcases.Step) string {
	query := "entId=" + orElse(s.EntID, "10010") + "&storageCode=" + orElse(s.StorageCode, "1") + "&method=" + s.Method
	if s.TS != 0 {
		query += fmt.Sprint("&ts=", s.TS)
	}
	return query
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func sequenceOutcome(s pushcases.Step) callback.Outcome {
	switch {
	case s.Fails:
		return callback.Failed
	case s.Runs:
		return callback.Handled
	case s.Stale:
		return callback.Stale
	}
	return callback.Repeat
}

// failsOnce is a store one of whose calls fails.
type failsOnce struct {
	jushuitan.Deduper
	call string // claim, commit or release
	at   int    // counted from 1
	n    int
}

func (d *failsOnce) fails(call string) error {
	if call != d.call {
		return nil
	}
	if d.n++; d.n == d.at {
		return errors.New("store lost for a moment")
	}
	return nil
}

func (d *failsOnce) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	if err := d.fails("claim"); err != nil {
		return 0, "", err
	}
	return d.Deduper.Claim(ctx, key, state, owner, ttl)
}

func (d *failsOnce) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	if err := d.fails("commit"); err != nil {
		return err
	}
	return d.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

func (d *failsOnce) Release(ctx context.Context, key, owner string) error {
	if err := d.fails("release"); err != nil {
		return err
	}
	return d.Deduper.Release(ctx, key, owner)
}

// TestStoreFailsOnceBetween: received, undone, received with a store that fails once at any
// call: each is seen, a push that was not acknowledged is sent again.
func TestStoreFailsOnceBetween(t *testing.T) {
	undone := strings.Replace(returnedBody, "确认", "取消", 1)
	for _, call := range []string{"claim", "commit", "release"} {
		for at := 1; at <= 6; at++ {
			t.Run(fmt.Sprint(call, " ", at), func(t *testing.T) {
				var h host
				cfg := h.config()
				cfg.NoDedupe, cfg.Deduper = false, &failsOnce{Deduper: jushuitan.NewMemoryDeduper(0), call: call, at: at}
				r := receiver(t, cfg)
				for i, body := range []string{returnedBody, undone, returnedBody, undone} {
					m := callbacktest.Message{EntID: "1", StorageCode: "1", Method: jushuitan.PushGoodsReturned, Body: body}
					for tries := 0; !serve(t, r, m).OK(); tries++ {
						require.Less(t, tries, 2, "push %d is never acknowledged", i)
					}
				}
				require.Len(t, h.seen, 4)
				for i, action := range []jushuitan.GoodsAction{jushuitan.GoodsReceived, jushuitan.GoodsRevoked, jushuitan.GoodsReceived, jushuitan.GoodsRevoked} {
					assert.Contains(t, h.seen[i], string(action))
				}
			})
		}
	}
}
