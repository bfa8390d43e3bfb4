package qimen_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// into is a transport that passes requests to a handler.
type into struct{ http.Handler }

func (h into) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestMuxRoundTrip: every member of every typed request and answer gets from a client
// through a mux to a handler and back, with documents in XML and in JSON and with
// forms, with each way of signing.
func TestMuxRoundTrip(t *testing.T) {
	signs := []qimen.SignMethod{qimen.MD5, qimen.HMACMD5, qimen.HMACSHA256}
	typed := 0
	for i, method := range qimen.Methods() {
		if method.NewRequest() == nil || method.NewResponse() == nil {
			continue
		}
		typed++
		for _, format := range []qimen.Format{qimen.XML, qimen.JSON} {
			t.Run(fmt.Sprint(method.Name, " ", format), func(t *testing.T) {
				req, resp := method.NewRequest(), method.NewResponse()
				n := 0
				fill(reflect.ValueOf(req).Elem(), &n, 0)
				fill(reflect.ValueOf(resp).Elem(), &n, 0)
				wantReq, err := wire.Marshal(req)
				require.NoError(t, err)
				wantResp, err := wire.Marshal(resp)
				require.NoError(t, err)

				var hook reasons
				m := newMux(t, qimen.MuxConfig{
					Secrets:  qimen.StaticSecrets(secret),
					Merchant: func(context.Context, string) (string, error) { return "m", nil },
					OnError:  hook.note,
				})
				calls := 0
				m.HandleAny(method, func(_ context.Context, env qimen.Envelope, got any) (any, error) {
					calls++
					assert.Equal(t, method.Name, env.Method)
					assert.Equal(t, customer, env.CustomerID)
					text, err := wire.Marshal(got)
					require.NoError(t, err)
					assert.JSONEq(t, string(wantReq), string(text))
					return resp, nil
				})
				cfg := config()
				cfg.SignMethod = signs[i%len(signs)]
				cfg.POS.Format, cfg.Warehouse.Format, cfg.Other.Format = format, format, format
				cfg.Other.RoutingParam = "customerId"
				c, err := qimen.New(cfg, qimen.WithHTTPClient(&http.Client{Transport: into{m}}), qimen.WithLimiter(plainLimiter{}))
				require.NoError(t, err)
				for range 2 { // the second is a repeat, or another message
					out := method.NewResponse()
					require.NoError(t, c.Call(t.Context(), method.Name, req, out), "%v", hook.errs)
					text, err := wire.Marshal(out)
					require.NoError(t, err)
					assert.JSONEq(t, string(wantResp), string(text))
				}
				assert.NotZero(t, calls)
			})
		}
	}
	assert.GreaterOrEqual(t, typed, 60, "35 of the warehouse and 25 of the stores")
}
