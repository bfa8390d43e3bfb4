package qimentest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// muxOf registers a mux for what the gateway forwards to the default customer.
func muxOf(t *testing.T, gateway *qimentest.Server, cfg qimen.MuxConfig, mount func(m *qimen.Mux)) {
	t.Helper()
	cfg.Secrets = qimen.StaticSecrets(gateway.Config().AppSecret)
	cfg.Merchant = func(context.Context, string) (string, error) { return "merchant", nil }
	cfg.Now = gateway.Now
	mux, err := qimen.NewMux(cfg)
	require.NoError(t, err)
	mount(mux)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL}))
}

// TestDialects: under every dialect the client reads the same rows, does a write once and
// reports a refusal; under those without a verdict it says that it does not know.
func TestDialects(t *testing.T) {
	all := append(qimentest.Dialects(), qimentest.Guesses()...)
	names := map[string]bool{}
	for _, d := range all {
		assert.False(t, names[d.Name], d.Name)
		names[d.Name] = true
		assert.NotEmpty(t, d.Source)
		assert.NotEmpty(t, d.EN)
		assert.NotEmpty(t, d.ZH)
	}
	for _, name := range []string{"verdict-less", "nested", "sub_message", "json2", "gbk", "ban", "page"} {
		assert.True(t, names[name], name)
	}
	for _, d := range all {
		t.Run(d.Name, func(t *testing.T) {
			gateway, _ := started(t, qimentest.WithDialect(d))
			company := gateway.ERP.Company("")
			furnish(t, company)
			busy(t, gateway.ERP, company, 24)
			client, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond, MaxRetryAfter: 2 * time.Second}))
			require.NoError(t, err)
			done := 0
			muxOf(t, gateway, qimen.MuxConfig{}, func(m *qimen.Mux) {
				qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
					done++
					return nil, nil
				})
				qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.ReturnOrderConfirmRequest) (*qimen.ReturnOrderConfirmResponse, error) {
					return nil, &qimen.Failure{Code: "S001", SubCode: "isv.no-such-order", Message: "退货单不存在"}
				})
			})

			var rows []int64
			var failed error
			for o, err := range client.Scene.AllOrders(t.Context(), &qimen.OrderListRequest{PageSize: 5, StartTime: gateway.Now().Add(-6 * 24 * time.Hour), EndTime: gateway.Now()}) {
				if failed = err; err != nil {
					break
				}
				rows = append(rows, o.OID)
			}
			write := &qimen.DeliveryOrderConfirmRequest{}
			write.DeliveryOrder.DeliveryOrderCode, write.DeliveryOrder.OutBizCode = "DO-1", "B-1"
			_, writeErr := client.Warehouse.DeliveryOrderConfirm(t.Context(), write)
			assert.Equal(t, 1, done, "the write is done once")
			refused := &qimen.ReturnOrderConfirmRequest{}
			refused.ReturnOrder.ReturnOrderCode, refused.ReturnOrder.OutBizCode = "R-1", "B-2"
			_, refusal := client.Warehouse.ReturnOrderConfirm(t.Context(), refused)
			require.Error(t, refusal)
			if d.Name == "verdict-less" {
				assert.ErrorIs(t, failed, jushuitan.ErrDecode, "no empty page")
				assert.Empty(t, rows)
				assert.ErrorIs(t, writeErr, jushuitan.ErrOutcomeUnknown)
				assert.ErrorIs(t, refusal, jushuitan.ErrOutcomeUnknown)
				return
			}
			require.NoError(t, failed)
			assert.Len(t, rows, 24)
			slices.Sort(rows)
			assert.Len(t, slices.Compact(rows), 24)
			assert.NoError(t, writeErr)
			assert.ErrorContains(t, refusal, "S001")
			assert.ErrorContains(t, refusal, "退货单不存在")
			assert.NotErrorIs(t, refusal, jushuitan.ErrOutcomeUnknown)
		})
	}
}

// TestSpeak: a dialect is spoken for one method, until it is undone.
func TestSpeak(t *testing.T) {
	gateway, client := started(t)
	undo := gateway.Speak("jushuitan.order.list.query", qimentest.Guesses()...)
	dialects, methods := gateway.Speaking()
	assert.Len(t, dialects, len(qimentest.Guesses()))
	assert.Equal(t, "jushuitan.order.list.query", methods[0])
	_, err := client.Scene.OrderList(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrDecode)
	_, err = client.Scene.SaleoutList(t.Context(), nil)
	assert.NoError(t, err)
	undo()
	undo()
	_, err = client.Scene.OrderList(t.Context(), nil)
	assert.NoError(t, err)
	_, err = qimentest.New(qimentest.WithDialect(qimentest.Dialect{Name: "x"}))
	assert.ErrorContains(t, err, "a name and a source")
}

// TestAnswerFaults: each kind of odd answer on request.
func TestAnswerFaults(t *testing.T) {
	gateway, client := started(t)
	for name, tt := range map[string]struct {
		fault qimentest.Fault
		class error // nil: it is read
		text  string
	}{
		"no verdict":         {qimentest.Fault{Kind: qimentest.NoVerdict}, jushuitan.ErrDecode, "no verdict"},
		"nested":             {qimentest.Fault{Kind: qimentest.Nested}, nil, ""},
		"nested, no":         {qimentest.Fault{Kind: qimentest.Nested, Code: "13"}, jushuitan.ErrPermission, "code 13"},
		"sub_message":        {qimentest.Fault{Kind: qimentest.SubMessage, SubCode: "isv.x", SubMsg: "商家未授权"}, jushuitan.ErrInvalid, "商家未授权"},
		"bare":               {qimentest.Fault{Kind: qimentest.Bare}, nil, ""},
		"GBK":                {qimentest.Fault{Kind: qimentest.GBK}, nil, ""},
		"banned for an hour": {qimentest.Fault{Kind: qimentest.Banned, Ban: time.Hour}, jushuitan.ErrRateLimited, "ban will last for 3600 more seconds"},
		"page":               {qimentest.Fault{Kind: qimentest.HTMLPage}, jushuitan.ErrUnavailable, "page"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client.ForCustomer(qimentest.DefaultCustomer)
			remove := gateway.Inject(tt.fault)
			defer remove()
			method := "jushuitan.refund.list.query"
			if tt.fault.Kind == qimentest.Banned {
				method = "jushuitan.saleout.list.query" // whose quota it holds
			}
			err := c.Call(t.Context(), method, map[string]int{"page_index": 1, "page_size": 1}, nil)
			if tt.class == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, tt.class)
			assert.ErrorContains(t, err, tt.text)
		})
	}
}

// TestStrictness: what the gateway refuses and what it does not ask for.
func TestStrictness(t *testing.T) {
	gateway, client := started(t)
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, `<response><flag>success</flag></response>`)
	}))
	t.Cleanup(web.Close)
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL}))

	// send signs and sends a call as a client of its own.
	send := func(params map[string]string, contentType, body string, signBody bool) string {
		cfg := gateway.Config()
		p := map[string]string{"app_key": cfg.AppKey, "timestamp": gateway.Now().In(time.FixedZone("CST", 8*60*60)).Format(time.DateTime), "sign_method": "md5",
			"target_app_key": cfg.TargetAppKey, "customerid": qimentest.DefaultCustomer, "customer_id": qimentest.DefaultCustomer, "customerId": qimentest.DefaultCustomer}
		for name, v := range params {
			p[name] = v
		}
		var signed []byte
		if signBody {
			signed = []byte(body)
		}
		sign, err := qimen.Sign(qimen.MD5, cfg.AppSecret, p, signed)
		require.NoError(t, err)
		q := url.Values{"sign": {sign}}
		for name, v := range p {
			q.Set(name, v)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cfg.Gateway+"?"+q.Encode(), strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(text)
	}
	for _, method := range []string{"made.up", "deliveryorder.confirm", "order.cancel", "taobao.qimen.made.up"} {
		text := send(map[string]string{"method": method, "v": "2.0"}, "text/xml", `<request><a>1</a></request>`, true)
		assert.Contains(t, text, "22", method)
		assert.NotContains(t, text, "success", method)
	}
	assert.Zero(t, asked, "nothing was forwarded")
	raw := map[string]string{"method": "jushuitan.order.list.query", "v": "2.0", "page_index": "1", "page_size": "10"}
	for _, signed := range []bool{true, false} {
		assert.Contains(t, send(raw, "application/json", `{"page_size":9999}`, signed), `"success"`, "a raw body is ignored")
	}
	legacy := gateway.LegacyCredentials(qimentest.DefaultCustomer)
	ts := strconv.FormatInt(gateway.Now().Unix(), 10)
	old := map[string]string{"method": "jst.orders.query", "partnerid": legacy.PartnerID, "token": legacy.Token, "ts": ts,
		"jstsign": qimen.LegacySign("jst.orders.query", legacy.PartnerID, legacy.Token, ts, legacy.PartnerKey), "page_index": "1", "page_size": "10"}
	assert.Contains(t, send(old, "application/x-www-form-urlencoded", "", false), `"success"`, "the old methods have no v")
	delete(raw, "v")
	assert.Contains(t, send(raw, "application/x-www-form-urlencoded", "", false), "40", "the others have")

	// The POS methods have two names.
	for _, name := range []string{"taobao.pos.items.get", "qimen.taobao.pos.items.get"} {
		require.NoError(t, client.Call(t.Context(), name, map[string]string{"storeCode": "S"}, nil))
	}
	assert.Equal(t, 2, asked)
	records := gateway.Requests()
	assert.Equal(t, "qimen.taobao.pos.items.get", records[len(records)-1].Method)
	assert.Equal(t, records[len(records)-1].Method, records[len(records)-2].Method)
}

// journal is a [qimen.Journal] in memory.
type journal struct {
	mu   sync.Mutex
	rows map[string]bool
	err  error
}

func (j *journal) Record(_ context.Context, entries ...qimen.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rows == nil {
		j.rows = map[string]bool{}
	}
	for _, e := range entries {
		j.rows[e.CustomerID+"|"+e.Method+"|"+e.Document] = true
	}
	return j.err
}

func (j *journal) Handled(_ context.Context, customer, method string, documents []string) (map[string]bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string]bool{}
	for _, d := range documents {
		out[d] = j.rows[customer+"|"+method+"|"+d]
	}
	return out, j.err
}

// TestReconcile: what the ERP has and the gateway never forwarded is found, and nothing else.
func TestReconcile(t *testing.T) { reconcile(t) }

func reconcile(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	company := gateway.ERP.Company("")
	furnish(t, company)
	busy(t, gateway.ERP, company, 30)
	j := &journal{}
	muxOf(t, gateway, qimen.MuxConfig{Journal: j}, func(m *qimen.Mux) {
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
			if strings.HasSuffix(req.DeliveryOrder.DeliveryOrderCode, "0") {
				return nil, &qimen.Failure{Code: "S001"} // not handled
			}
			req.DeliveryOrder.DeliveryOrderCode = "changed"
			return nil, nil
		})
	})
	gateway.Advance(time.Hour)
	number := func(o *jushuitan.Outbound) string { return strconv.FormatInt(o.IOID, 10) }
	from := gateway.Now().Add(-6 * 24 * time.Hour)
	var want []string
	i := 0
	for o, err := range client.Scene.AllSaleouts(t.Context(), &qimen.SaleoutListRequest{StartTime: from, EndTime: gateway.Now()}) {
		require.NoError(t, err)
		if i++; i%3 == 0 {
			want = append(want, number(o)) // never forwarded
			continue
		}
		req := &qimen.DeliveryOrderCreateRequest{}
		req.DeliveryOrder.DeliveryOrderCode = number(o)
		if _, err := client.Warehouse.DeliveryOrderCreate(t.Context(), req); err != nil {
			want = append(want, number(o))
		}
	}
	require.Greater(t, i, 12)
	cfg := qimen.ReconcileConfig{
		Client: client, Journal: j, From: from, Now: gateway.Now,
		Sources: []qimen.ReconcileSource{qimen.ReconcileSaleouts("deliveryorder.create", qimen.SaleoutListRequest{}, number)},
	}
	var got []string
	for missed, err := range qimen.Reconcile(t.Context(), cfg) {
		require.NoError(t, err)
		assert.Equal(t, "taobao.qimen.deliveryorder.create", missed.Method)
		assert.Equal(t, qimentest.DefaultCustomer, missed.CustomerID)
		assert.IsType(t, &jushuitan.Outbound{}, missed.Value)
		got = append(got, missed.Document)
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got)

	// An answer without a verdict is no empty list: the source is incomplete.
	gateway.Inject(qimentest.Fault{Kind: qimentest.NoVerdict, Method: "jushuitan.saleout.list.query"})
	failures := 0
	for missed, err := range qimen.Reconcile(t.Context(), cfg) {
		assert.Nil(t, missed)
		require.ErrorIs(t, err, jushuitan.ErrDecode)
		assert.ErrorContains(t, err, "incomplete, run it again")
		failures++
	}
	assert.Equal(t, 1, failures)
	for name, bad := range map[string]qimen.ReconcileConfig{
		"no Client": {}, "no Journal": {Client: client}, "no Sources": {Client: client, Journal: j},
		"no time From": {Client: client, Journal: j, Sources: cfg.Sources},
	} {
		for _, err := range qimen.Reconcile(t.Context(), bad) {
			assert.ErrorContains(t, err, name)
		}
	}
}
