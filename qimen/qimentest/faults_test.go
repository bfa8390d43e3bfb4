package qimentest_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// TestFaults: what the client makes of each fault, of a query of the scene and of a
// forwarded document.
func TestFaults(t *testing.T) { faults(t) }

func faults(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	once, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}), qimen.WithTimeout(200*time.Millisecond))
	require.NoError(t, err)
	var handled atomic.Int64
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets(gateway.Config().AppSecret),
		Merchant: func(context.Context, string) (string, error) { return "m", nil },
		Now:      gateway.Now, NoDedupe: true,
	})
	require.NoError(t, err)
	qimen.Handle(mux, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
		handled.Add(1)
		return nil, nil
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL}))

	refuse := func(code, sub string) qimentest.Fault {
		return qimentest.Fault{Kind: qimentest.Refuse, Code: code, SubCode: sub}
	}
	kind := func(k qimentest.FaultKind) qimentest.Fault { return qimentest.Fault{Kind: k} }
	for name, test := range map[string]struct {
		fault qimentest.Fault
		class error // of one attempt; nil: it goes through
		again bool  // whether another attempt goes through
		done  bool  // whether it was carried out all the same
		text  string
	}{
		"invalid signature":      {refuse("25", ""), jushuitan.ErrSign, false, false, "Invalid signature"},
		"session expired":        {refuse("15", "isv.session-expired"), jushuitan.ErrTokenExpired, false, false, "session-expired"},
		"isv":                    {refuse("15", "isv.shop-not-exist"), jushuitan.ErrInvalid, false, false, "isv.shop-not-exist"},
		"isp timeout":            {refuse("15", "isp.remote-service-timeout"), jushuitan.ErrUnavailable, true, false, "Remote service error"},
		"isp unavailable":        {refuse("15", "isp.item-service-unavailable"), jushuitan.ErrUnavailable, true, false, ""},
		"isp null pointer":       {refuse("15", "isp.null-pointer-exception"), jushuitan.ErrUnavailable, false, false, ""},
		"currently unavailable":  {refuse("10", ""), jushuitan.ErrUnavailable, true, false, "Service currently unavailable"},
		"no permission":          {refuse("12", ""), jushuitan.ErrPermission, false, false, "Insufficient user permissions"},
		"invalid method":         {refuse("22", ""), jushuitan.ErrInvalid, false, false, "Invalid method"},
		"missing argument":       {refuse("40", ""), jushuitan.ErrInvalid, false, false, "Missing required arguments"},
		"invalid argument":       {refuse("41", ""), jushuitan.ErrInvalid, false, false, "Invalid arguments"},
		"no session":             {refuse("42", ""), jushuitan.ErrTokenExpired, false, false, "Missing access token"},
		"invalid session":        {refuse("43", ""), jushuitan.ErrTokenExpired, false, false, "Invalid access token"},
		"code that is a word":    {refuse("sign-check-failure", ""), jushuitan.ErrSign, false, false, "sign-check-failure"},
		"HTTP 502":               {kind(qimentest.HTTP5xx), jushuitan.ErrUnavailable, true, false, "HTTP 502"},
		"HTTP 503":               {qimentest.Fault{Kind: qimentest.HTTP5xx, Status: 503}, jushuitan.ErrUnavailable, true, false, "HTTP 503"},
		"reset":                  {kind(qimentest.Reset), jushuitan.ErrUnavailable, true, false, ""},
		"hang":                   {kind(qimentest.Hang), jushuitan.ErrUnavailable, true, false, ""},
		"a page":                 {kind(qimentest.HTMLPage), jushuitan.ErrUnavailable, true, false, "page"},
		"cut body":               {kind(qimentest.CutBody), jushuitan.ErrUnavailable, true, true, ""},
		"lost answer":            {kind(qimentest.LostAnswer), jushuitan.ErrUnavailable, true, true, ""},
		"too slow":               {qimentest.Fault{Kind: qimentest.Slow, Delay: 10 * time.Second}, jushuitan.ErrUnavailable, true, false, ""},
		"slow":                   {qimentest.Fault{Kind: qimentest.Slow, Delay: 5 * time.Millisecond}, nil, true, true, ""},
		"control characters":     {kind(qimentest.ControlChars), nil, true, true, ""},
		"code of the other kind": {kind(qimentest.CodeDrift), nil, true, true, ""},
		"other root":             {kind(qimentest.OtherRoot), nil, true, true, ""},
		"any root":               {qimentest.Fault{Kind: qimentest.OtherRoot, Root: "result"}, nil, true, true, ""},
	} {
		calls := map[string]func(c *qimen.Client) error{
			"jushuitan.saleout.list.query": func(c *qimen.Client) error {
				_, err := c.Scene.SaleoutList(t.Context(), nil)
				return err
			},
			"taobao.qimen.deliveryorder.confirm": func(c *qimen.Client) error {
				_, err := c.Warehouse.DeliveryOrderConfirm(t.Context(), &qimen.DeliveryOrderConfirmRequest{DeliveryOrder: qimen.DeliveredOrder{
					DeliveryOrderCode: "1", OutBizCode: "out-1"}})
				return err
			},
		}
		for method, call := range calls {
			t.Run(name+" "+method, func(t *testing.T) {
				before, answered := handled.Load(), len(gateway.Requests())
				remove := gateway.Inject(test.fault)
				err := call(once)
				remove()
				if method == "taobao.qimen.deliveryorder.confirm" && test.fault.Kind != qimentest.Slow {
					assert.Equal(t, test.done, handled.Load() == before+1, "carried out")
				}
				if test.fault.Kind != qimentest.Hang && test.fault.Delay < time.Second { // else nobody waited for the answer
					// Calls that nobody waited for may be noted in between.
					assert.True(t, slices.ContainsFunc(gateway.Requests()[answered:], func(r qimentest.RequestRecord) bool {
						return r.Fault == test.fault.Kind && r.Method == method
					}))
				}
				if test.class == nil {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, test.class)
					assert.ErrorContains(t, err, test.text)
				}
				test.fault.Times = 1
				if test.fault.Kind == qimentest.Hang || test.fault.Delay > time.Second {
					return // the patient client would wait as long
				}
				remove = gateway.Inject(test.fault)
				defer remove()
				if err = call(client); test.again {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, test.class)
				}
			})
		}
	}
}

// TestCallLimit: a call limit is waited out, as long as the policy allows.
func TestCallLimit(t *testing.T) { callLimit(t) }

func callLimit(t *testing.T, opts ...qimentest.Option) {
	gateway, _ := started(t, opts...)
	client, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	gateway.Inject(qimentest.Fault{Kind: qimentest.CallLimited, Ban: 1500 * time.Millisecond, Times: 1})
	_, err = client.Scene.OrderList(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrRateLimited)
	assert.ErrorContains(t, err, "This ban will last for 2 more seconds")
	assert.ErrorContains(t, err, "code 7, sub_code accesscontrol.limited-by-api-access-count")

	patient, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond, MaxRetryAfter: 10 * time.Millisecond}))
	require.NoError(t, err)
	gateway.Inject(qimentest.Fault{Kind: qimentest.CallLimited, Times: 1})
	_, err = patient.Scene.OrderList(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrRateLimited, "it lasts longer than the policy waits")
}

// TestFaultSelection: by method, with or without the prefix, by number, in order.
func TestFaultSelection(t *testing.T) { faultSelection(t) }

func faultSelection(t *testing.T, opts ...qimentest.Option) {
	gateway, _ := started(t, opts...)
	client, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	code := func(method string) string {
		err := client.Call(t.Context(), method, map[string]any{"page_index": 1, "page_size": 1}, nil)
		if err == nil {
			return "0"
		}
		var e *qimen.Error
		require.ErrorAs(t, err, &e)
		return e.Code
	}
	gateway.Inject(qimentest.Fault{Kind: qimentest.Refuse, Code: "40", Method: "order.cancel"})
	assert.Equal(t, "40", code("taobao.qimen.order.cancel"))
	assert.Equal(t, "41", code("taobao.qimen.order.pending"), "nobody receives it")
	remove := gateway.Inject(qimentest.Fault{Kind: qimentest.Refuse, Code: "22", Method: "jushuitan.order.list.query", Skip: 1, Times: 2})
	gateway.Inject(qimentest.Fault{Kind: qimentest.Refuse, Code: "13", Method: "jushuitan.order.list.query", Times: 1})
	var got []string
	for range 5 {
		got = append(got, code("jushuitan.order.list.query"))
	}
	assert.Equal(t, []string{"13", "22", "22", "0", "0"}, got)
	remove()
	remove()
	assert.Equal(t, "lost-answer", qimentest.LostAnswer.String())
	assert.Equal(t, "FaultKind(99)", qimentest.FaultKind(99).String())
}
