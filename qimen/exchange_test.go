package qimen_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// An exchange has the parameters and the documents without secrets and personal data, in
// whatever family and format.
func TestExchange(t *testing.T) {
	req := &qimen.DeliveryOrderConfirmRequest{}
	req.DeliveryOrder.DeliveryOrderCode, req.DeliveryOrder.OutBizCode = "SHOWN-1", "b1"
	for name, call := range map[string]func(c *qimen.Client) error{
		"document": func(c *qimen.Client) error {
			return c.Call(t.Context(), "taobao.qimen.deliveryorder.confirm",
				[]byte(`<request><orderCode>SHOWN-1</orderCode><name>张canary三</name><mobile>13900000001</mobile></request>`), nil)
		},
		"form": func(c *qimen.Client) error {
			return c.Call(t.Context(), "jushuitan.order.list.query", map[string]any{"so_id": "SHOWN-1", "receiver_mobile": "13900000001", "name": "canary"}, nil)
		},
		"typed": func(c *qimen.Client) error { _, err := c.Warehouse.DeliveryOrderConfirm(t.Context(), req); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var sign string
			f := &fake{answer: func(_ int, s sent) (*http.Response, error) {
				sign = s.query.Get("sign")
				res := httpmock.NewStringResponse(200, fmt.Sprintf(
					`<response><flag>failure</flag><code>S1</code><message>shown %s %s 13900000001</message><mobile>canary</mobile></response>`, sign, secret))
				res.Header.Set("Set-Cookie", "canary")
				return res, nil
			}}
			var seen []jushuitan.Exchange
			c := newClient(t, f, config(), qimen.WithRate(rate.NewLimiter(rate.Inf, 1)), qimen.WithOnExchange(func(_ context.Context, x jushuitan.Exchange) {
				seen = append(seen, x)
			}))
			require.Error(t, call(c))
			require.Len(t, seen, 1)
			x := seen[0]
			text := fmt.Sprintf("%v %+v", x, x.Header)
			for _, hidden := range []string{"canary", "13900000001", secret, sign} {
				assert.NotContains(t, text, hidden)
			}
			if name == "typed" { // of others nobody knows what is personal
				assert.Contains(t, x.Request, "SHOWN-1")
			}
			assert.Equal(t, "***", x.Params.Get("sign"))
			assert.Equal(t, "12345678", x.Params.Get("app_key"))
			assert.Contains(t, x.Response, "<code>S1</code><message>shown ***")
			assert.Equal(t, 200, x.HTTPStatus)
			assert.Equal(t, customer, x.Merchant)
		})
	}
}

// The budget of the app counts here too.
func TestRateIsWaitedFor(t *testing.T) {
	f := &fake{answer: func(int, sent) (*http.Response, error) { return nil, io.EOF }}
	err := newClient(t, f, config(), qimen.WithRate(rate.NewLimiter(1, 0))).Call(t.Context(), "jushuitan.order.list.query", nil, nil)
	require.ErrorIs(t, err, jushuitan.ErrRateLimited)
	assert.Empty(t, f.requests)
}
