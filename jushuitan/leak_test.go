package jushuitan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// printed is v in every form in which a host may log it.
func printed(t *testing.T, v any) []string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	nested, err := json.Marshal(map[string]any{"v": []any{v}})
	require.NoError(t, err)
	out := []string{string(text), string(nested)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		out = append(out, fmt.Sprintf(verb, v))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "in", map[string]any{"v": v})
	return append(out, log.String())
}

// Types that hold a secret mask it in JSON, in slog and with every verb, and keep what they
// show apart from it.
func TestSecretsAreMasked(t *testing.T) {
	for name, c := range map[string]struct {
		v     any
		shows string
	}{
		"Credentials": {jushuitan.Credentials{AppKey: "shown-key", AppSecret: "canary-secret"}, "shown-key"},
		"DryCall":     {jushuitan.DryCall{Op: "Orders.Upload", Biz: json.RawMessage(`{"a":"canary-biz"}`), Sign: "canary-sign"}, "Orders.Upload"},
		"Redirect":    {jushuitan.Redirect{Code: "canary-code", State: "shown-state"}, "shown-state"},
		"Token":       {jushuitan.Token{AccessToken: "canary-access-token", Scope: "shown-scope"}, "shown-scope"},
	} {
		for _, text := range printed(t, c.v) {
			assert.NotContains(t, text, "canary", name)
			assert.NotContains(t, text, "63616e617279", name+": in hexadecimal")
			assert.NotContains(t, text, "Y2FuYXJ5", name+": in base64")
		}
		for _, text := range printed(t, c.v)[:5] {
			assert.Contains(t, text, c.shows, name)
		}
	}
	// What is read is not masked: credentials may come from a file.
	var cred jushuitan.Credentials
	require.NoError(t, json.Unmarshal([]byte(`{"AppKey":"k","AppSecret":"s"}`), &cred))
	assert.Equal(t, jushuitan.Credentials{AppKey: "k", AppSecret: "s"}, cred)
}

// echoing answers with what was sent, as some refusals do.
func echoing(biz func(form string) string) *http.Client {
	return &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		return answering(func(string) string {
			msg, _ := json.Marshal(biz(r.PostForm.Get("biz")))
			return fmt.Sprintf(`{"code":10001,"msg":%s}`, msg)
		}).RoundTrip(r)
	})}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What a host sends through Call is masked by the names of its members, in maps and in
// structs of the host's own.
func TestCallMasksKnownNames(t *testing.T) {
	type own struct {
		Name  string `json:"receiver_name"`
		SoID  string `json:"so_id"`
		Extra any    `json:"card_info"`
	}
	for name, biz := range map[string]any{
		"map": map[string]any{
			"so_id": "SHOWN-1", "receiver_name": "canary-name", "receiver_mobile": int64(13900000001),
			"items": []any{map[string]any{"buyer_message": "canary-message"}}, "Receiver_Address": []string{"canary-street"},
		},
		"struct": &own{Name: "canary-name", SoID: "SHOWN-1", Extra: map[string]string{"no": "canary-card"}},
		"raw":    json.RawMessage(`{"so_id":"SHOWN-1","receiver_name":"canary-name"}`),
	} {
		c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"}, jushuitan.WithToken("made-up-access-token"),
			jushuitan.WithHTTPClient(echoing(func(biz string) string { return "refused: " + biz })))
		require.NoError(t, err)
		for _, path := range []string{"/open/not/known", "/open/jushuitan/orders/upload"} {
			err = c.Call(t.Context(), path, biz, nil)
			require.ErrorIs(t, err, jushuitan.ErrInvalid, name)
			assert.Contains(t, err.Error(), "SHOWN-1", name)
			for _, text := range []string{"canary", "13900000001", "made-up"} {
				assert.NotContains(t, err.Error(), text, name)
			}
		}
	}
}

// The cause of a failure is masked as the server's words are, and still found by what it is.
func TestCausesAreMasked(t *testing.T) {
	broken := errors.New("proxy refused made-up-access-token for canary-name 13900000001")
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"}, jushuitan.WithToken("made-up-access-token"),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}), jushuitan.WithoutValidation(),
		jushuitan.WithHTTPClient(&http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) { return nil, broken })}))
	require.NoError(t, err)
	_, err = c.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{ShopID: 1, SoID: "SHOWN-1", ReceiverName: "canary-name"}})
	require.Error(t, err)
	require.ErrorIs(t, err, broken)
	assert.Contains(t, err.Error(), "proxy refused")
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, text := range []string{fmt.Sprintf("%v", e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
			for _, secret := range []string{"canary", "13900000001", "made-up-access-token"} {
				assert.NotContains(t, text, secret)
			}
		}
	}
}

// A limiter and a token store of the host may quote anything.
func TestHostErrorsAreMasked(t *testing.T) {
	failing := errors.New("no room for 13900000001")
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"}, jushuitan.WithToken("made-up-access-token"),
		jushuitan.WithLimiter(failingLimiter{failing}))
	require.NoError(t, err)
	_, err = c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, failing)
	assert.NotContains(t, err.Error(), "13900000001")
}

type failingLimiter struct{ err error }

func (l failingLimiter) Wait(context.Context, jushuitan.LimitKey) (func(), error) {
	return func() {}, l.err
}
