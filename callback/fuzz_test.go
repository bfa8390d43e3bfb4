package callback_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// FuzzParsers: no parser panics, and none returns nothing without an error.
func FuzzParsers(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
		f.Add([]byte(biz(body)))
	}
	f.Add([]byte(`[{"sku_id":"A","qty":null}]`))
	f.Add([]byte(`{"datas":[{"sku_id":"A","qty":"1e999999999"}]}`))
	f.Add([]byte("biz=%7b"))
	f.Fuzz(func(t *testing.T, body []byte) {
		shipment, err := jushuitan.ParseShipmentPush(body)
		require.Equal(t, err == nil, shipment != nil)
		cancel, err := jushuitan.ParseCancelPush(body)
		require.Equal(t, err == nil, cancel != nil)
		returned, err := jushuitan.ParseGoodsReturnedPush(body)
		require.Equal(t, err == nil, returned != nil)
		stock, err := jushuitan.ParseStockPush(body)
		require.Equal(t, err == nil, stock != nil)
	})
}

// FuzzForgery: without the secret nobody gets a message to the host, whatever
// the query says.
func FuzzForgery(f *testing.F) {
	good := query(jushuitan.PushCancel)
	f.Add(good, cancelBody)
	f.Add(good+"&token="+callbacktest.Token(previous, jushuitan.PushCancel, "9001", "10101010"), cancelBody)
	f.Add("token=&token=", "")
	f.Add("method=cancel.order&sign=", biz(cancelBody))
	f.Fuzz(func(t *testing.T, raw, body string) {
		called := false
		r, err := callback.New(callback.Config{Secrets: []string{present},
			Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { called = true; return nil }})
		require.NoError(t, err)
		for _, checked := range []string{raw, raw + "&sign=" + signOf(raw)} {
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			req.URL = &url.URL{Path: "/cancal_callback", RawQuery: checked}
			r.ServeHTTP(httptest.NewRecorder(), req)
			require.False(t, called, "a forgery was accepted")
		}
	})
}

func signOf(raw string) string {
	sign, err := callback.ChecksumSorted.Sign(jushuitan.PushCancel, raw)
	if err != nil {
		return "0"
	}
	return sign
}
