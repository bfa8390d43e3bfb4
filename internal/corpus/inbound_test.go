package corpus

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

var errUnknownAction = callback.ErrUnknownAction

// The clock and the secret of the signed messages, as the index states them.
const inboundSecret = "demosecret0000000000000000000002"

func inboundNow() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, wire.CST) }

// runPush sends the payload to a receiver as the ERP does.
func runPush(t *testing.T, p *payload) *result {
	t.Helper()
	r := &result{}
	if p.Target == "(new subscription)" {
		return runSubscription(t, p)
	}
	receiver, err := callback.New(callback.Config{
		AllowUnauthenticated: true, Now: inboundNow,
		Shipment: func(_ context.Context, _ callback.Envelope, v *jushuitan.ShipmentPush) error { return keep(t, r, v) },
		Cancel:   func(_ context.Context, _ callback.Envelope, v *jushuitan.CancelPush) error { return keep(t, r, v) },
		GoodsReturned: func(_ context.Context, _ callback.Envelope, v *jushuitan.GoodsReturnedPush) error {
			return keep(t, r, v)
		},
		Stock:   func(_ context.Context, _ callback.Envelope, v *jushuitan.StockPush) error { return keep(t, r, v) },
		OnError: func(_ context.Context, _ callback.Envelope, err error) { r.err = err },
	})
	require.NoError(t, err)
	query := url.Values{}
	if len(body(t, p.Files[0])) == 0 { // a probe comes to the URL as it is registered
		query = url.Values{"entId": {"10010"}, "storageCode": {"133242"}}
	} else if p.Query == nil { // the signed form
		query = url.Values{
			"method": {p.Target}, "entId": {"10010"}, "storageCode": {"133242"},
			"ts": {strconv.FormatInt(inboundNow().Unix(), 10)},
		}
		query.Set("sign", jushuitan.SignPush(jushuitan.PushMethod(p.Target), query))
	}
	w := post(t, receiver, p, query.Encode())
	r.answer = "not 0"
	if code, _ := lookup(tree(t, w.Body.Bytes()), "code"); text(code) == "0" {
		r.answer = "0"
	}
	return r
}

// runSubscription sends the payload to a handler of the newer subscription.
func runSubscription(t *testing.T, p *payload) *result {
	t.Helper()
	r := &result{}
	handler, err := callback.NewSubscription(callback.SubscriptionConfig{
		AllowUnauthenticated: true,
		Handle: func(_ context.Context, m *callback.SubscriptionMessage) error {
			switch {
			case m.Shipment != nil:
				return keep(t, r, m.Shipment)
			case m.AfterSale != nil:
				return keep(t, r, m.AfterSale)
			case m.Stock != nil:
				return keep(t, r, m.Stock)
			}
			return nil
		},
		OnError: func(_ context.Context, err error) { r.err = err },
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(t, handler, p, "").Code, p.ID)
	return r
}

// runQimenInbound sends the payload to a mux as the gateway does.
func runQimenInbound(t *testing.T, p *payload) *result {
	t.Helper()
	r := &result{}
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets(inboundSecret),
		Merchant: func(_ context.Context, customer string) (string, error) { return "merchant-" + customer, nil },
		Now:      inboundNow,
		OnError:  func(_ context.Context, _ qimen.Envelope, err error) { r.err = err },
	})
	require.NoError(t, err)
	handle[qimen.DeliveryOrderConfirmRequest, qimen.DeliveryOrderConfirmResponse](t, mux, r)
	handle[qimen.EntryOrderConfirmRequest, qimen.EntryOrderConfirmResponse](t, mux, r)
	handle[qimen.StockOutConfirmRequest, qimen.StockOutConfirmResponse](t, mux, r)
	handle[qimen.ReturnOrderConfirmRequest, qimen.ReturnOrderConfirmResponse](t, mux, r)
	require.NotNil(t, p.Query, p.ID)
	w := post(t, mux, p, *p.Query)
	switch text := w.Body.String(); {
	case strings.Contains(text, "<flag>success</flag>"), strings.Contains(text, `"flag":"success"`):
		r.answer = "success"
	case strings.Contains(text, "<flag>failure</flag>"), strings.Contains(text, `"flag":"failure"`):
		r.answer = "failure"
	}
	return r
}

func handle[Req, Resp any](t *testing.T, mux *qimen.Mux, r *result) {
	qimen.Handle(mux, func(_ context.Context, _ qimen.Envelope, req *Req) (*Resp, error) {
		return nil, keep(t, r, req)
	})
}

// keep notes what a receiver handed over.
func keep(t *testing.T, r *result, v any) error {
	r.value = treeOf(t, reflect.ValueOf(v))
	return nil
}

func post(t *testing.T, h http.Handler, p *payload, query string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+query, bytes.NewReader(body(t, p.Files[0])))
	req.Header.Set("Content-Type", p.HTTP.ContentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}
