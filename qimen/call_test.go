package qimen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

const (
	secret   = "stub-app-secret"
	session  = "stub-session-key"
	customer = "c-10000001"
	gateway  = "http://gateway.invalid/router/qm"
)

// freeLimiter grants every permit at once, and notes penalties.
type freeLimiter struct {
	mu        sync.Mutex
	penalties []time.Duration
	keys      []jushuitan.LimitKey
}

func (l *freeLimiter) Wait(_ context.Context, key jushuitan.LimitKey) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, key)
	return func() {}, nil
}

func (l *freeLimiter) Penalize(_ context.Context, _ jushuitan.LimitKey, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.penalties = append(l.penalties, d)
	return nil
}

// plainLimiter is one that is no Penalizer.
type plainLimiter struct{}

func (plainLimiter) Wait(context.Context, jushuitan.LimitKey) (func(), error) {
	return func() {}, nil
}

// sent is a request as the gateway sees it.
type sent struct {
	url    *url.URL
	header http.Header
	query  url.Values
	form   url.Values
	body   string
}

// verified checks the signature of a request with the algorithm that it names.
func (s sent) verified(t *testing.T) bool {
	t.Helper()
	params := map[string]string{}
	for name := range s.query {
		params[name] = s.query.Get(name)
	}
	body := []byte(s.body)
	if strings.HasPrefix(s.header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body = nil
		for name := range s.form {
			params[name] = s.form.Get(name)
		}
	}
	want, err := qimen.Sign(qimen.SignMethod(params["sign_method"]), secret, params, body)
	require.NoError(t, err)
	for name, v := range params {
		assert.NotEmpty(t, v, "parameter %s", name)
	}
	return want == params["sign"]
}

// fake is a gateway that answers as told.
type fake struct {
	mu       sync.Mutex
	requests []sent
	answer   func(n int, r sent) (*http.Response, error)
}

func (f *fake) transport() *httpmock.MockTransport {
	tr := httpmock.NewMockTransport()
	tr.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s := sent{url: r.URL, header: r.Header, query: r.URL.Query(), body: string(body)}
		if s.form, err = url.ParseQuery(s.body); err != nil {
			s.form = nil
		}
		f.mu.Lock()
		f.requests = append(f.requests, s)
		n := len(f.requests)
		f.mu.Unlock()
		return f.answer(n, s)
	})
	return tr
}

func (f *fake) last() sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[len(f.requests)-1]
}

// text answers every request with the given bodies, the last one again and again.
func text(bodies ...string) *fake {
	return &fake{answer: func(n int, _ sent) (*http.Response, error) {
		return httpmock.NewStringResponse(200, bodies[min(n, len(bodies))-1]), nil
	}}
}

func config() qimen.Config {
	return qimen.Config{AppKey: "12345678", AppSecret: secret, CustomerID: customer, Gateway: gateway}
}

func newClient(t testing.TB, f *fake, cfg qimen.Config, opts ...qimen.Option) *qimen.Client {
	t.Helper()
	opts = append([]qimen.Option{
		qimen.WithHTTPClient(&http.Client{Transport: f.transport()}),
		qimen.WithLimiter(&freeLimiter{}),
		qimen.WithRetry(jushuitan.RetryPolicy{MinWait: time.Nanosecond, MaxWait: time.Nanosecond}),
		qimen.WithClock(func() time.Time { return time.Date(2024, 1, 1, 19, 4, 5, 0, time.UTC) }),
	}, opts...)
	c, err := qimen.New(cfg, opts...)
	require.NoError(t, err)
	return c
}

// TestFormCall: V2 as it goes over the wire.
func TestFormCall(t *testing.T) {
	req := &qimen.SaleoutListRequest{
		PageIndex: 1, PageSize: 50, Status: jushuitan.OutboundStatusWaitConfirm, WMSCoID: 10000002,
		StartTime: time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*3600)),
		EndTime:   time.Date(2024, 1, 1, 16, 0, 0, 0, time.UTC),
	}
	system := map[string]string{
		"method": "jushuitan.saleout.list.query", "app_key": "12345678", "target_app_key": "23060081", "customer_id": "10000001",
		"timestamp": "2024-01-02 03:04:05", "format": "json", "v": "2.0", "sign_method": "md5", "sign": "2C23FEC6149D6D95C071C8C66EA31F83",
	}
	business := map[string]string{
		"page_index": "1", "page_size": "50", "start_time": "2024-01-01 00:00:00", "end_time": "2024-01-02 00:00:00",
		"status": "WaitConfirm", "wms_co_id": "10000002",
	}
	flat := func(v url.Values) map[string]string {
		out := map[string]string{}
		for name := range v {
			out[name] = v.Get(name)
		}
		return out
	}
	cfg := config()
	cfg.AppSecret, cfg.CustomerID = "helloworld", "10000001"

	f := text(`{"response":{"flag":"success","code":0,"datas":[{"io_id":7}]}}`)
	page, err := newClient(t, f, cfg).Scene.SaleoutList(t.Context(), req)
	require.NoError(t, err)
	assert.EqualValues(t, 7, page.Outbounds[0].IOID)
	got := f.last()
	assert.Equal(t, system, flat(got.query))
	assert.Equal(t, business, flat(got.form))
	assert.Equal(t, "/router/qm", got.url.Path)
	assert.Equal(t, "application/x-www-form-urlencoded;charset=utf-8", got.header.Get("Content-Type"))

	f = text(`{"response":{"flag":"success","datas":[]}}`)
	_, err = newClient(t, f, cfg, qimen.WithAllInForm()).Scene.SaleoutList(t.Context(), req)
	require.NoError(t, err)
	got = f.last()
	assert.Empty(t, got.query)
	for name, v := range system {
		business[name] = v
	}
	assert.Equal(t, business, flat(got.form))

	// Objects and lists are JSON text, and nothing empty is sent.
	f = text(`{"response":{"flag":"success"}}`)
	err = newClient(t, f, config()).Call(t.Context(), "qimen.taobao.pos.deliveryorder.confirm", map[string]any{
		"storeCode": "店1", "order": []map[string]any{{"orderCode": "a&b=c"}}, "empty": "", "nothing": nil, "flag": true, "n": 12,
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"storeCode": "店1", "order": `[{"orderCode":"a&b=c"}]`, "flag": "true", "n": "12"}, flat(f.last().form))
	assert.Equal(t, customer, f.last().query.Get("customerid"))
	assert.True(t, f.last().verified(t))
}

// TestDocumentCall: V3 as it goes over the wire, and a JSON document.
func TestDocumentCall(t *testing.T) {
	f := text(`<?xml version="1.0" encoding="utf-8"?><response><flag>success</flag><code>0</code><message>ok</message></response>`)
	cfg := config()
	cfg.AppSecret, cfg.CustomerID = "helloworld", "stub-cust-code"
	const document = `<?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>出库单-1</deliveryOrderCode></deliveryOrder></request>`
	require.NoError(t, newClient(t, f, cfg).Call(t.Context(), "taobao.qimen.deliveryorder.confirm", []byte(document), nil))
	got := f.last()
	assert.Equal(t, document, got.body)
	assert.Equal(t, "74B57F08DE802BDC103BEA7799475F57", got.query.Get("sign"))
	assert.Equal(t, "stub-cust-code", got.query.Get("customerId"))
	assert.NotContains(t, got.query, "target_app_key")
	assert.Equal(t, "text/xml;charset=utf-8", got.header.Get("Content-Type"))

	cfg = config()
	cfg.Session, cfg.Version = session, "3.0"
	cfg.Warehouse = qimen.Route{Gateway: "https://other.invalid/service", Format: qimen.JSON, SignMethod: qimen.HMACSHA256, TargetAppKey: "87654321", RoutingParam: "customer_id"}
	f = text(`{"response":{"flag":"success"}}`)
	req := &qimen.DeliveryOrderConfirmRequest{OrderLines: []qimen.DeliveredLine{{ItemCode: "TEE-M"}}}
	req.DeliveryOrder.DeliveryOrderCode = "出库单-1"
	_, err := newClient(t, f, cfg).Warehouse.DeliveryOrderConfirm(t.Context(), req)
	require.NoError(t, err)
	got = f.last()
	assert.True(t, got.verified(t))
	assert.Equal(t, "other.invalid", got.url.Host)
	assert.Equal(t, "application/json;charset=utf-8", got.header.Get("Content-Type"))
	assert.Contains(t, got.body, `"deliveryOrderCode":"出库单-1"`)
	for name, want := range map[string]string{"sign_method": "hmac-sha256", "target_app_key": "87654321", "customer_id": customer, "session": session, "v": "3.0", "format": "json"} {
		assert.Equal(t, want, got.query.Get(name), name)
	}
}

// TestRoutes: each family has its own gateway, routing parameter and target.
func TestRoutes(t *testing.T) {
	tests := map[string]struct {
		method  string
		cfg     qimen.Config
		host    string
		routing string
		target  string
		format  string
	}{
		"scene":         {"jushuitan.order.list.query", qimen.Config{}, "a1q40taq0j.api.taobao.com/router/qm", "customer_id", "23060081", "json"},
		"legacy":        {"jst.orders.query", qimen.Config{}, "a1q40taq0j.api.taobao.com/router/qm", "", "23060081", "json"},
		"pos":           {"qimen.taobao.pos.items.get", qimen.Config{}, "qimen.api.taobao.com/router/qm", "customerid", "23060081", "json"},
		"warehouse":     {"taobao.qimen.inventory.query", qimen.Config{}, "qimen.api.taobao.com/router/qimen/service", "customerId", "", "xml"},
		"short name":    {"inventory.query", qimen.Config{}, "qimen.api.taobao.com/router/qimen/service", "customerId", "", "xml"},
		"platform":      {"taobao.omniorder.store.accpeted", qimen.Config{}, "eco.taobao.com/router/rest", "", "", "json"},
		"unknown":       {"taobao.qimen.something.new", qimen.Config{}, "qimen.api.taobao.com/router/qimen/service", "customerId", "", "xml"},
		"for all":       {"taobao.qimen.inventory.query", qimen.Config{Gateway: gateway, TargetAppKey: "9", RoutingParam: "cid"}, "gateway.invalid/router/qm", "cid", "", "xml"},
		"for all, form": {"jushuitan.order.list.query", qimen.Config{Gateway: gateway, TargetAppKey: "9", RoutingParam: "cid"}, "gateway.invalid/router/qm", "cid", "9", "json"},
		"own":           {"qimen.taobao.pos.items.get", qimen.Config{Gateway: gateway, POS: qimen.Route{Gateway: "https://pos.invalid/qm/", TargetAppKey: "8", Format: qimen.XML}}, "pos.invalid/qm", "customerid", "8", "xml"},
		"method's": {"jushuitan.order.list.query", qimen.Config{Gateway: gateway, MethodGateways: map[string]string{"jushuitan.order.list.query": "http://one.invalid/x"}},
			"one.invalid/x", "customer_id", "23060081", "json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := text(`{"response":{"flag":"success"}}`)
			cfg := tt.cfg
			cfg.AppKey, cfg.AppSecret, cfg.CustomerID = "1", secret, customer
			cfg.Legacy = qimen.LegacyCredentials{PartnerID: "p1", PartnerKey: "k1", Token: "t1"}
			require.NoError(t, newClient(t, f, cfg).Call(t.Context(), tt.method, nil, nil))
			got := f.last()
			assert.Equal(t, tt.host, got.url.Host+got.url.Path)
			assert.Equal(t, tt.target, got.query.Get("target_app_key"))
			assert.Equal(t, tt.format, got.query.Get("format"))
			for _, name := range []string{"customer_id", "customerid", "customerId", "cid"} {
				assert.Equal(t, name == tt.routing, got.query.Has(name), name)
			}
			assert.True(t, got.verified(t))
		})
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*qimen.Config)
		opt    qimen.Option
		want   string
	}{
		"no key":         {func(c *qimen.Config) { c.AppKey = "" }, nil, "AppKey and AppSecret are required"},
		"no secret":      {func(c *qimen.Config) { c.AppSecret = "" }, nil, "AppKey and AppSecret are required"},
		"sign method":    {func(c *qimen.Config) { c.POS.SignMethod = "sha1" }, nil, `POS: unknown sign method "sha1"`},
		"format":         {func(c *qimen.Config) { c.Warehouse.Format = "csv" }, nil, `Warehouse: unknown format "csv"`},
		"scene in xml":   {func(c *qimen.Config) { c.Scene.Format = qimen.XML }, nil, "Scene: Jushuitan's scene answers in json only"},
		"gateway":        {func(c *qimen.Config) { c.Gateway = "qimen.api.taobao.com" }, nil, "invalid gateway: use http(s)://host/path"},
		"gateway query":  {func(c *qimen.Config) { c.Other.Gateway = "http://h/x?a=1" }, nil, "Other: invalid gateway"},
		"method gateway": {func(c *qimen.Config) { c.MethodGateways = map[string]string{"m": "ftp://x"} }, nil, "m: invalid gateway"},
		"http client":    {nil, qimen.WithHTTPClient(nil), "WithHTTPClient: nil"},
		"limiter":        {nil, qimen.WithLimiter(nil), "WithLimiter: nil"},
		"quota":          {nil, qimen.WithQuota(jushuitan.Quota{Limit: -1, Per: time.Second}), "New: "},
		"retry":          {nil, qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: -1}), "WithRetry: negative"},
		"timeout":        {nil, qimen.WithTimeout(0), "WithTimeout: not positive"},
		"no quota":       {nil, qimen.WithQuota(), "WithQuota: number of quotas: not positive"},
		"size":           {nil, qimen.WithMaxResponseBytes(0), "WithMaxResponseBytes: not positive"},
		"clock":          {nil, qimen.WithClock(nil), "WithClock: nil"},
		"logger":         {nil, qimen.WithLogger(nil), "WithLogger: nil"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			if tt.change != nil {
				tt.change(&cfg)
			}
			var opts []qimen.Option
			if tt.opt != nil {
				opts = append(opts, tt.opt)
			}
			_, err := qimen.New(cfg, opts...)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

// answer is what the tables below read answers into.
type answer struct {
	ID    string                     `json:"deliveryOrderId,omitzero" xml:"deliveryOrderId"`
	Qty   decimal.Decimal            `json:"qty,omitzero" xml:"qty"`
	Extra map[string]json.RawMessage `json:",embed"`
}

// TestReplies: all forms of an answer say the same.
func TestReplies(t *testing.T) {
	tests := map[string]string{
		"response":            `{"response":{"flag":"success","code":"0","message":"ok","deliveryOrderId":"d1","qty":"2.5","more":"x"}}`,
		"code as number":      `{"response":{"flag":"success","code":0,"deliveryOrderId":"d1","qty":2.5,"more":"x","request_id":"r"}}`,
		"by method":           `{"qimen_deliveryorder_create_response":{"flag":"success","deliveryOrderId":"d1","qty":2.5,"more":"x"},"request_id":"r"}`,
		"any root":            `{"whatever":{"flag":"success","deliveryOrderId":"d1","qty":2.5,"more":"x"}}`,
		"no root":             `{"flag":"success","code":"0","deliveryOrderId":"d1","qty":2.5,"more":"x"}`,
		"one level deeper":    `{"x_response":{"response":{"flag":"success","deliveryOrderId":"d1","qty":2.5,"more":"x"}}}`,
		"JSON in a text":      `{"response":"{\"flag\":\"success\",\"deliveryOrderId\":\"d1\",\"qty\":2.5,\"more\":\"x\"}"}`,
		"XML in a text":       `{"response":"<response><flag>success</flag><deliveryOrderId>d1</deliveryOrderId><qty>2.5</qty><more>x</more></response>"}`,
		"raw line break":      "{\"response\":{\"flag\":\"success\",\"message\":\"a\tb\nc\",\"deliveryOrderId\":\"d1\",\"qty\":2.5,\"more\":\"x\"}}",
		"number for text":     `{"response":{"flag":"success","message":null,"deliveryOrderId":"d1","qty":"2.50","more":"x"}}`,
		"control characters":  "{\"response\":{\"flag\":\"success\",\"deliveryOrderId\":\"d\x001\x1f\",\"qty\":2.5,\x08\"more\":\"x\"}}",
		"byte order mark":     "\xef\xbb\xbf {\"response\":{\"flag\":\"success\",\"deliveryOrderId\":\"d1\",\"qty\":2.5,\"more\":\"x\"}}\n",
		"xml":                 `<?xml version="1.0" encoding="utf-8"?><response><flag>success</flag><code>0</code><message>ok</message><deliveryOrderId>d1</deliveryOrderId><qty> 2.5 </qty><more>x</more></response>`,
		"xml, any root":       `<qimen_deliveryorder_create_response><deliveryOrderId>d1</deliveryOrderId><qty>2.5</qty><more>x</more><flag>success</flag></qimen_deliveryorder_create_response>`,
		"xml, control":        "\n<response><flag>success</flag><deliveryOrderId>d\x011</deliveryOrderId><qty>2.5</qty><more>x</more></response>",
		"xml, deeper":         `<x_response><response><flag>success</flag><deliveryOrderId>d1</deliveryOrderId><qty>2.5</qty><more>x</more></response></x_response>`,
		"xml, JSON in a text": `<response>{"flag":"success","deliveryOrderId":"d1","qty":2.5,"more":"x"}</response>`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			var got answer
			require.NoError(t, newClient(t, text(body), config()).Call(t.Context(), "taobao.qimen.deliveryorder.create", map[string]string{"a": "b"}, &got))
			assert.Equal(t, "d1", got.ID)
			assert.Equal(t, "2.5", got.Qty.String())
			assert.Equal(t, map[string]json.RawMessage{"more": []byte(`"x"`)}, got.Extra)

			var raw json.RawMessage
			require.NoError(t, newClient(t, text(body), config()).Call(t.Context(), "taobao.qimen.deliveryorder.create", nil, &raw))
			var members map[string]any
			require.NoError(t, json.Unmarshal(raw, &members))
			assert.Equal(t, "x", members["more"])
			require.NoError(t, newClient(t, text(body), config()).Call(t.Context(), "taobao.qimen.deliveryorder.create", nil, nil))
		})
	}
	// Two methods are documented to say 1 for success.
	one := `{"response":{"code":"1","message":"ok"}}`
	assert.NoError(t, newClient(t, text(one), config()).Call(t.Context(), "qimen.taobao.pos.weborder.sync", nil, nil))
	assert.Error(t, newClient(t, text(one), config()).Call(t.Context(), "qimen.taobao.pos.items.get", nil, nil))
}

// TestFailures: class, outcome and repeats of every documented failure.
func TestFailures(t *testing.T) {
	top := func(code, sub, submsg string) string {
		return fmt.Sprintf(`{"error_response":{"code":%s,"msg":"Remote service error","sub_code":%q,"sub_msg":%q,"request_id":"rq1"}}`, code, sub, submsg)
	}
	tests := map[string]struct {
		status   int
		body     string
		class    error
		outcome  jushuitan.Outcome
		attempts int // of a read; 4 where it is tried again
		code     string
	}{
		"signature, scene":   {200, `{"response":{"flag":"failure","code":25,"message":"Invalid signature","request_id":"rq1"}}`, jushuitan.ErrSign, jushuitan.Rejected, 1, "25"},
		"signature, word":    {200, `<response><flag>failure</flag><code>sign-check-failure</code><message>Illegal request</message></response>`, jushuitan.ErrSign, jushuitan.Rejected, 1, "sign-check-failure"},
		"signature, sub":     {200, top("15", "isv.sign-check-failure", "x"), jushuitan.ErrSign, jushuitan.Rejected, 1, "15"},
		"signature, text":    {200, `{"response":{"flag":"failure","code":"S1","message":"Invalid signature"}}`, jushuitan.ErrSign, jushuitan.Rejected, 1, "S1"},
		"upload fail":        {200, top("3", "", ""), jushuitan.ErrInvalid, jushuitan.Rejected, 1, "3"},
		"call limit 4":       {200, top("4", "", ""), jushuitan.ErrRateLimited, jushuitan.Rejected, 4, "4"},
		"call limit 7":       {200, top("7", "accesscontrol.limited-by-api-access-count", "This ban will last for 1 more seconds"), jushuitan.ErrRateLimited, jushuitan.Rejected, 4, "7"},
		"dynamic limit":      {200, top("7", "accesscontrol.limited-by-dynamic-access-count", ""), jushuitan.ErrRateLimited, jushuitan.Rejected, 4, "7"},
		"unavailable":        {200, top("10", "", ""), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "10"},
		"user permission":    {200, top("12", "", ""), jushuitan.ErrPermission, jushuitan.Rejected, 1, "12"},
		"app permission":     {200, top("13", "", ""), jushuitan.ErrPermission, jushuitan.Rejected, 1, "13"},
		"isp remote":         {200, top("15", "isp.remote-service-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp timeout":        {200, top("15", "isp.remote-service-timeout", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp connection":     {200, top("15", "isp.remote-connection-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp top":            {200, top("15", "isp.top-remote-connection-timeout", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp top connection": {200, top("15", "isp.top-remote-connection-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp unavailable":    {200, top("15", "isp.item-service-unavailable", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp unknown":        {200, top("15", "isp.unknown-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"isp null pointer":   {200, top("15", "isp.null-pointer-exception", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 1, "15"},
		"isp parse":          {200, top("15", "isp.top-parse-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 1, "15"},
		"isp mapping":        {200, top("15", "isp.top-mapping-parse-error", "x"), jushuitan.ErrUnavailable, jushuitan.Unknown, 1, "15"},
		"isv":                {200, top("15", "isv.item-not-exist", "x"), jushuitan.ErrInvalid, jushuitan.Rejected, 1, "15"},
		"isv shop":           {200, top("15", "isv.shop-not-exist", "x"), jushuitan.ErrInvalid, jushuitan.Rejected, 1, "15"},
		"missing method":     {200, top("21", "", ""), jushuitan.ErrInvalid, jushuitan.Rejected, 1, "21"},
		"missing argument":   {200, top("40", "isv.missing-parameter", ""), jushuitan.ErrInvalid, jushuitan.Rejected, 1, "40"},
		"session":            {200, top("27", "invalid-sessionkey", ""), jushuitan.ErrTokenExpired, jushuitan.Rejected, 1, "27"},
		"session expired":    {200, top("15", "session-expired", ""), jushuitan.ErrTokenExpired, jushuitan.Rejected, 1, "15"},
		"token":              {200, top("43", "", ""), jushuitan.ErrTokenExpired, jushuitan.Rejected, 1, "43"},
		"timestamp":          {200, `{"response":{"flag":"failure","code":"x1","message":"Illegal timestamp"}}`, jushuitan.ErrTimestamp, jushuitan.Rejected, 1, "x1"},
		"jushuitan sign":     {200, `{"response":{"code":120,"issuccess":false,"msg":"签名错误"}}`, jushuitan.ErrSign, jushuitan.Rejected, 1, "120"},
		"jushuitan IP":       {200, `{"response":{"code":110,"issuccess":false,"msg":"x"}}`, jushuitan.ErrIPNotAllowed, jushuitan.Rejected, 1, "110"},
		"jushuitan clock":    {200, `{"response":{"code":180,"issuccess":false,"msg":"x"}}`, jushuitan.ErrTimestamp, jushuitan.Rejected, 4, "180"},
		"jushuitan right":    {200, `{"response":{"code":190,"msg":"x"}}`, jushuitan.ErrPermission, jushuitan.Rejected, 1, "190"},
		"jushuitan limit":    {200, `{"response":{"code":199,"msg":"x"}}`, jushuitan.ErrRateLimited, jushuitan.Rejected, 4, "199"},
		"jushuitan inside":   {200, `{"response":{"code":150,"msg":"x"}}`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "150"},
		"issuccess alone":    {200, `{"response":{"code":0,"issuccess":"false","msg":"x"}}`, jushuitan.ErrInvalid, jushuitan.Rejected, 1, "0"},
		"store reply":        {200, `{"response":{"qimen_code":"STORE_CLOSED","message":"x"}}`, jushuitan.ErrInvalid, jushuitan.Rejected, 1, "STORE_CLOSED"},
		"flag alone":         {200, `<response><flag>failure</flag></response>`, jushuitan.ErrInvalid, jushuitan.Rejected, 1, ""},
		"refused, odd body":  {200, `<response><flag>failure</flag><code>X</code><qty>abc</qty></response>`, jushuitan.ErrInvalid, jushuitan.Rejected, 1, "X"},
		"empty":              {200, "", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"page":               {200, "<!DOCTYPE html><html><body>login</body></html>", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"page, no doctype":   {200, "<HTML>", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"text":               {200, "Bad Gateway", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"cut json":           {200, `{"response":{"flag":"succ`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"cut xml":            {200, `<response><flag>success</flag><del`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"cut xml in a text":  {200, `"<response><flag>succ"`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"cut json in a text": {200, `"{\"response\":{\"flag\":\"succ"`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"text in a text":     {200, `"success"`, jushuitan.ErrDecode, jushuitan.Unknown, 1, ""},
		"bad json":           {200, `{"response":{"flag" "success"}}`, jushuitan.ErrDecode, jushuitan.Unknown, 1, ""},
		"entity trick":       {200, `<!DOCTYPE r [<!ENTITY x "y">]><r>&x;</r>`, jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"unreadable json":    {200, `{"response":{"flag":"success","qty":"abc"}}`, jushuitan.ErrDecode, jushuitan.Applied, 1, ""},
		"unreadable xml":     {200, `<response><flag>success</flag><qty>abc</qty></response>`, jushuitan.ErrDecode, jushuitan.Applied, 1, ""},
		"redirect":           {302, "", jushuitan.ErrUnavailable, jushuitan.Unknown, 1, ""},
		"bad request":        {400, "no", jushuitan.ErrUnavailable, jushuitan.Unknown, 1, ""},
		"forbidden":          {403, "no", jushuitan.ErrUnavailable, jushuitan.Unknown, 1, ""},
		"slow request":       {408, "", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"too many":           {429, "", jushuitan.ErrRateLimited, jushuitan.Unknown, 4, ""},
		"inside":             {500, "oops", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
		"inside, said":       {502, top("15", "isv.x", "y"), jushuitan.ErrUnavailable, jushuitan.Unknown, 4, "15"},
		"refused, said":      {400, top("25", "", ""), jushuitan.ErrSign, jushuitan.Rejected, 1, "25"},
		"nothing to read":    {204, "", jushuitan.ErrUnavailable, jushuitan.Unknown, 4, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: func(int, sent) (*http.Response, error) { return httpmock.NewStringResponse(tt.status, tt.body), nil }}
			c := newClient(t, f, config())
			var out answer
			err := c.Call(t.Context(), "taobao.qimen.inventory.query", nil, &out)
			e := &qimen.Error{}
			require.ErrorAs(t, err, &e)
			assert.ErrorIs(t, err, tt.class)
			assert.Equal(t, tt.outcome, e.Outcome)
			assert.Equal(t, tt.code, e.Code)
			assert.Equal(t, tt.attempts, e.Attempts)
			assert.Len(t, f.requests, tt.attempts)
			assert.Equal(t, tt.class == jushuitan.ErrRateLimited || tt.class == jushuitan.ErrUnavailable, e.Temporary())
			assert.NotErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "a read changes nothing")
			assert.NotEmpty(t, e.Hint())
			assert.Contains(t, err.Error(), "taobao.qimen.inventory.query")
			assert.Contains(t, err.Error(), customer)
			if strings.Contains(tt.body, "rq1") {
				assert.Equal(t, "rq1", e.RequestID)
			}
			if tt.outcome == jushuitan.Applied {
				assert.Contains(t, err.Error(), "qty: want number, got text of 3 characters")
			}

			// A write without a key is not sent again once it may have been done.
			f.requests = nil
			err = c.Call(t.Context(), "taobao.qimen.orderprocess.report", nil, &out)
			require.ErrorAs(t, err, &e)
			want := tt.attempts
			if tt.outcome == jushuitan.Unknown {
				want = 1
			}
			assert.Equal(t, want, e.Attempts)
			assert.Equal(t, tt.outcome == jushuitan.Unknown, errors.Is(err, jushuitan.ErrOutcomeUnknown))
		})
	}
}

// TestErrorText: what an error says, member by member.
func TestErrorText(t *testing.T) {
	full := qimen.Error{
		Method: "taobao.qimen.deliveryorder.confirm", Title: "发货单确认接口", Customer: "c-1", Code: "7", SubCode: "isp.x", Msg: "no", SubMsg: "not now",
		RequestID: "rq1", HTTPStatus: 503, Attempts: 4, Outcome: jushuitan.Rejected, Until: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for want, e := range map[string]qimen.Error{
		`qimen: m: failed [outcome not sent, attempts 0]`:                {Method: "m"},
		`qimen: m (发货单): failed [outcome not sent, attempts 0]`:          {Method: "m", Title: "发货单"},
		`qimen: m customer "c-1": failed [outcome not sent, attempts 0]`: {Method: "m", Customer: "c-1"},
		`qimen: m: failed, HTTP 503, "x" [outcome rejected, attempts 1]`: {Method: "m", HTTPStatus: 503, SubMsg: "x", Attempts: 1, Outcome: jushuitan.Rejected},
		`qimen: taobao.qimen.deliveryorder.confirm (发货单确认接口) customer "c-1": failed, code 7, sub_code isp.x, HTTP 503, "no", "not now"` +
			`; the limit ends at 2024-01-02 11:04:05 (UTC+8): make no call before / 限流至 2024-01-02 11:04:05 解除，此前请勿调用 [outcome rejected, attempts 4, request rq1]`: full,
	} {
		assert.Equal(t, want, e.Error())
	}
}

// TestKeyedWrite: a write with a key is sent again after a lost answer, with a new
// time stamp and signature; without the key it is not.
func TestKeyedWrite(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	f := &fake{answer: func(n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return nil, errors.New("connection reset")
		}
		return httpmock.NewStringResponse(200, `<response><flag>success</flag></response>`), nil
	}}
	c := newClient(t, f, config(), qimen.WithClock(func() time.Time { now = now.Add(time.Minute); return now }))
	req := &qimen.DeliveryOrderConfirmRequest{}
	req.DeliveryOrder.DeliveryOrderCode, req.DeliveryOrder.OutBizCode = "d1", "biz1"
	_, err := c.Warehouse.DeliveryOrderConfirm(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, f.requests, 2)
	assert.Equal(t, "2024-01-01 08:01:00", f.requests[0].query.Get("timestamp"))
	assert.Equal(t, "2024-01-01 08:02:00", f.requests[1].query.Get("timestamp"))
	assert.Equal(t, f.requests[0].body, f.requests[1].body)
	for _, r := range f.requests {
		assert.True(t, r.verified(t))
	}

	f.requests, req.DeliveryOrder.OutBizCode = nil, ""
	_, err = c.Warehouse.DeliveryOrderConfirm(t.Context(), req)
	require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
	assert.Contains(t, err.Error(), "请先查询单据")
	assert.Len(t, f.requests, 1)

	// An answer lost once leaves it open what the next refusal is about.
	f.requests, req.DeliveryOrder.OutBizCode = nil, "biz2"
	f.answer = func(n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return nil, errors.New("connection reset")
		}
		return httpmock.NewStringResponse(200, `<response><flag>failure</flag><code>25</code></response>`), nil
	}
	_, err = c.Warehouse.DeliveryOrderConfirm(t.Context(), req)
	assert.ErrorIs(t, err, jushuitan.ErrSign)
	assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
}

// TestBan: a call limit that says how long it holds is waited out, as long as the
// retry policy allows.
func TestBan(t *testing.T) {
	limited := `{"error_response":{"code":7,"msg":"App Call Limited","sub_code":"accesscontrol.limited-by-api-access-count","sub_msg":"This ban will last for %d more seconds"}}`
	ok := `{"response":{"flag":"success"}}`
	for name, tt := range map[string]struct {
		seconds int
		max     time.Duration
		want    time.Duration
		limiter jushuitan.Limiter
	}{
		"two seconds":               {2, 0, 2 * time.Second, nil},
		"as long as allowed":        {5, 5 * time.Second, 5 * time.Second, nil},
		"limiter without penalties": {7, 0, 7 * time.Second, plainLimiter{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := text(fmt.Sprintf(limited, tt.seconds), ok)
				limiter := tt.limiter
				if limiter == nil {
					memory, err := jushuitan.NewLimiter(jushuitan.LimiterConfig{})
					require.NoError(t, err)
					limiter = memory
				}
				c := newClient(t, f, config(), qimen.WithLimiter(limiter), qimen.WithClock(time.Now),
					qimen.WithRetry(jushuitan.RetryPolicy{MinWait: time.Nanosecond, MaxWait: time.Nanosecond, MaxRetryAfter: tt.max}))
				begin := time.Now()
				require.NoError(t, c.Call(t.Context(), "jushuitan.order.list.query", nil, nil))
				assert.InDelta(t, tt.want.Seconds(), time.Since(begin).Seconds(), 0.3)
				require.Len(t, f.requests, 2)
				assert.NotEqual(t, f.requests[0].query.Get("timestamp"), f.requests[1].query.Get("timestamp"))
			})
		})
	}
	free := &freeLimiter{}
	c := newClient(t, text(fmt.Sprintf(limited, 2), ok), config(), qimen.WithLimiter(free))
	require.NoError(t, c.Call(t.Context(), "jushuitan.order.list.query", nil, nil))
	assert.Equal(t, []time.Duration{2 * time.Second}, free.penalties)
	assert.Equal(t, jushuitan.LimitKey{AppKey: "12345678", Merchant: customer, Path: "jushuitan.order.list.query"}, free.keys[0])
}

func TestRetryAfterHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(n int, _ sent) (*http.Response, error) {
			if n > 1 {
				return httpmock.NewStringResponse(200, `{"response":{"flag":"success"}}`), nil
			}
			r := httpmock.NewStringResponse(503, "")
			r.Header.Set("Retry-After", "9")
			return r, nil
		}}
		begin := time.Now()
		require.NoError(t, newClient(t, f, config(), qimen.WithClock(time.Now)).Call(t.Context(), "jushuitan.order.list.query", nil, nil))
		assert.Equal(t, 9*time.Second, time.Since(begin))
	})
}

func TestCancellation(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f := text("")
		err := newClient(t, f, config()).Call(ctx, "jushuitan.order.list.query", nil, nil)
		assert.ErrorIs(t, err, context.Canceled)
		e := &qimen.Error{}
		require.ErrorAs(t, err, &e)
		assert.Equal(t, jushuitan.NotSent, e.Outcome)
		assert.Empty(t, f.requests)
	})
	t.Run("while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			f := text(`{"error_response":{"code":7,"sub_msg":"ban will last for 20 more seconds"}}`)
			begin := time.Now()
			err := newClient(t, f, config(), qimen.WithLimiter(plainLimiter{}), qimen.WithClock(time.Now)).Call(ctx, "jushuitan.order.list.query", nil, nil)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, jushuitan.ErrRateLimited, "the caller gave up")
			assert.Contains(t, err.Error(), "rate limited")
			assert.LessOrEqual(t, time.Since(begin), 3*time.Second)
		})
	})
	t.Run("no time for the quota", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			limiter, err := jushuitan.NewLimiter(jushuitan.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 1, Per: time.Minute}}})
			require.NoError(t, err)
			f := text(`{"response":{"flag":"success"}}`)
			c := newClient(t, f, config(), qimen.WithLimiter(limiter))
			require.NoError(t, c.Call(ctx, "jushuitan.order.list.query", nil, nil))
			err = c.Call(ctx, "jushuitan.order.list.query", nil, nil)
			assert.ErrorIs(t, err, jushuitan.ErrRateLimited)
			assert.Len(t, f.requests, 1)
			assert.NoError(t, c.ForCustomer("c-2").Call(ctx, "jushuitan.order.list.query", nil, nil), "quotas are per customer")
		})
	})
	t.Run("while sending", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-release }))
		defer srv.Close()
		defer close(release)
		cfg := config()
		cfg.Gateway = srv.URL
		c, err := qimen.New(cfg)
		require.NoError(t, err)
		err = c.Call(ctx, "taobao.qimen.orderprocess.report", nil, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
	})
	t.Run("each attempt is bounded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tr := httpmock.NewMockTransport()
			tr.RegisterNoResponder(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
			c, err := qimen.New(config(), qimen.WithHTTPClient(&http.Client{Transport: tr}), qimen.WithTimeout(10*time.Second),
				qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 2, MinWait: time.Nanosecond, MaxWait: time.Nanosecond}))
			require.NoError(t, err)
			begin := time.Now()
			err = c.Call(t.Context(), "jushuitan.order.list.query", nil, nil)
			assert.ErrorIs(t, err, jushuitan.ErrUnavailable)
			assert.InDelta(t, 20, time.Since(begin).Seconds(), 0.1)
		})
	})
}

func TestNotSent(t *testing.T) {
	cfg := config()
	cfg.CustomerID = ""
	tests := map[string]struct {
		call func(c *qimen.Client) error
		want string
	}{
		"no customer": {func(c *qimen.Client) error { return c.Call(t.Context(), "jushuitan.order.list.query", nil, nil) }, "缺少奇门客户编码（路由参数 customer_id）"},
		"no partner":  {func(c *qimen.Client) error { return c.Call(t.Context(), "jst.orders.query", nil, nil) }, "缺少 partnerid"},
		"system param": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "jushuitan.order.list.query", map[string]string{"sign": "1"}, nil)
		}, "the client sets the parameter sign itself"},
		"routing param": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "jushuitan.order.list.query", map[string]string{"customer_id": "1"}, nil)
		}, "the client sets the parameter customer_id itself"},
		"no object": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "jushuitan.order.list.query", []int{1}, nil)
		}, "takes a struct or a map, not a []int"},
		"not encodable": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "jushuitan.order.list.query", func() {}, nil)
		}, "request not encodable"},
		"no document": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "taobao.qimen.inventory.query", 3.5, nil)
		}, "request not encodable"},
		"into no pointer": {func(c *qimen.Client) error {
			return c.ForCustomer("x").Call(t.Context(), "taobao.qimen.inventory.query", nil, answer{})
		}, "into must be a pointer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := text("")
			err := tt.call(newClient(t, f, cfg))
			require.ErrorContains(t, err, tt.want)
			assert.ErrorIs(t, err, jushuitan.ErrInvalid)
			e := &qimen.Error{}
			require.ErrorAs(t, err, &e)
			assert.Equal(t, jushuitan.NotSent, e.Outcome)
			assert.Empty(t, f.requests)
		})
	}
	// The platform's own methods need no customer.
	assert.NoError(t, newClient(t, text(`{"omni_order_detail_response":{}}`), cfg).Call(t.Context(), "taobao.omni.order.detail", nil, nil))
}

// TestSecrets: neither errors nor logs nor values show what must not be shown,
// with any verb.
func TestSecrets(t *testing.T) {
	const name, phone, address = "张三丰", "13800138000", "学院路8号"
	echo := fmt.Sprintf(`<response><flag>failure</flag><code>X1</code><message>no such receiver %s, %s, %s; key %s session %s</message></response>`, name, phone, address, secret, session)
	cfg := config()
	cfg.Session = session
	cfg.Legacy = qimen.LegacyCredentials{PartnerID: "p1", PartnerKey: "stub-partner-key", Token: "stub-token"}
	var log bytes.Buffer
	f := text(echo)
	c := newClient(t, f, cfg, qimen.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	req := &qimen.DeliveryOrderCreateRequest{}
	req.DeliveryOrder.ReceiverInfo = &qimen.ReceiverInfo{Name: name, Mobile: phone, DetailAddress: address}
	_, err := c.Warehouse.DeliveryOrderCreate(t.Context(), req)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "no such receiver ***")

	f.answer = func(int, sent) (*http.Response, error) {
		return nil, &url.Error{Op: "Post", URL: f.last().url.String(), Err: errors.New("refused")}
	}
	lost := c.Call(t.Context(), "jushuitan.order.list.query", nil, nil)
	require.Error(t, lost)
	assert.ErrorContains(t, lost, "service unavailable: refused")
	sign := f.last().query.Get("sign")
	f.answer = func(int, sent) (*http.Response, error) {
		return nil, fmt.Errorf("proxy: %s: %w", f.last().url, context.DeadlineExceeded)
	}
	proxied := c.Call(t.Context(), "taobao.qimen.orderprocess.report", nil, nil)
	assert.ErrorIs(t, proxied, context.DeadlineExceeded)
	assert.NotContains(t, proxied.Error(), f.last().query.Get("sign"))

	hidden := []string{secret, session, name, phone, address, sign, "stub-partner-key", "stub-token"}
	shown := []string{log.String()}
	for _, v := range []any{err, lost, proxied, cfg, &cfg, cfg.Legacy, c, c.Scene, req} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			if v == any(c.Scene) && verb != "%v" {
				continue
			}
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	var values bytes.Buffer
	slog.New(slog.NewJSONHandler(&values, nil)).Info("x", "cfg", cfg, "legacy", cfg.Legacy, "client", c, "err", err, "req", req)
	shown = append(shown, values.String())
	for _, s := range shown {
		for _, h := range hidden {
			assert.NotContains(t, s, h)
		}
	}
	assert.Contains(t, log.String(), `level=WARN msg="qimen call failed" method=taobao.qimen.deliveryorder.create customer=c-10000001 attempt=1`)
}

// TestUntypedSecrets: of a request whose type says nothing, no text is shown.
func TestUntypedSecrets(t *testing.T) {
	const name = "张三丰"
	refusal := `{"response":{"flag":"failure","code":"X1","message":"no receiver ` + name + ` in store S1, key phone"}}`
	type own struct {
		Name  string `json:"name" xml:"name"`
		Store string `json:"phone" xml:"phone"`
	}
	for what, tt := range map[string]struct {
		method string
		req    any
	}{
		"map":           {"qimen.taobao.pos.clerk.get", map[string]any{"name": name, "in": []any{map[string]any{"phone": "S1"}}}},
		"struct":        {"qimen.taobao.pos.clerk.get", own{name, "S1"}},
		"document":      {"taobao.qimen.inventory.query", []byte("<request><name>" + name + "</name><phone>S1</phone></request>")},
		"struct as XML": {"taobao.qimen.inventory.query", &own{name, "S1"}},
	} {
		err := newClient(t, text(refusal), config()).Call(t.Context(), tt.method, tt.req, nil)
		assert.ErrorContains(t, err, "no receiver *** in store ***, key phone", what)
	}
	cfg := config()
	cfg.Warehouse.Format = qimen.JSON
	f := text(refusal)
	c := newClient(t, f, cfg)
	err := c.Call(t.Context(), "taobao.qimen.inventory.query", []byte(`{"name":"`+name+`","phone":"S1"}`), nil)
	assert.ErrorContains(t, err, "no receiver *** in store ***, key phone")
	_, err = c.Warehouse.InventoryQuery(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
	assert.Equal(t, "{}", f.last().body)
}

func TestHooks(t *testing.T) {
	var got []jushuitan.Attempt
	f := text(`{"error_response":{"code":15,"sub_code":"isp.remote-service-timeout","request_id":"rq9"}}`, `{"response":{"flag":"success"}}`)
	c := newClient(t, f, config(), qimen.WithHook(jushuitan.Hook{
		Before: func(_ context.Context, a jushuitan.Attempt) { got = append(got, a) },
		After:  func(_ context.Context, a jushuitan.Attempt) { got = append(got, a) },
	}))
	require.NoError(t, c.Call(t.Context(), "jushuitan.order.list.query", map[string]int{"page_index": 1}, nil))
	require.Len(t, got, 4)
	assert.Equal(t, jushuitan.Attempt{Op: "jushuitan.order.list.query", Path: "jushuitan.order.list.query", Merchant: customer, Effect: jushuitan.Read, N: 1, Sent: 12}, got[0])
	assert.EqualValues(t, 15, got[1].Code)
	assert.Equal(t, "rq9", got[1].RequestID)
	assert.Equal(t, jushuitan.Unknown, got[1].Outcome)
	assert.ErrorIs(t, got[1].Err, jushuitan.ErrUnavailable)
	assert.Equal(t, 2, got[3].N)
	assert.NoError(t, got[3].Err)
	assert.Equal(t, 200, got[3].HTTPStatus)
}

// TestLargeAnswer: an answer longer than allowed is not read.
func TestLargeAnswer(t *testing.T) {
	c := newClient(t, text(`{"response":"`+strings.Repeat("x", 1000)+`"}`), config(), qimen.WithMaxResponseBytes(500))
	err := c.Call(t.Context(), "jushuitan.order.list.query", nil, nil)
	assert.ErrorIs(t, err, jushuitan.ErrDecode)
	assert.ErrorContains(t, err, "answer larger than 500 bytes")
}

// TestForCustomer: derived clients share all but the customer.
func TestForCustomer(t *testing.T) {
	f := text(`{"response":{"flag":"success"}}`)
	c := newClient(t, f, config())
	other := c.ForCustomer("c-2").WithLegacy(qimen.LegacyCredentials{PartnerID: "p", PartnerKey: "k", Token: "t"})
	assert.Equal(t, "c-2", other.Customer())
	assert.Equal(t, `qimen.Client{app 12345678 customer "c-2"}`, fmt.Sprintf("%+v", other))
	_, err := other.POS.ItemsGet(t.Context(), &qimen.POSItemsGetRequest{ItemCode: "x"})
	require.NoError(t, err)
	assert.Equal(t, "c-2", f.last().query.Get("customerid"))
	_, err = c.POS.ItemsGet(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, customer, f.last().query.Get("customerid"))
}

// FuzzReply: no answer makes a call panic, hang or show what it holds.
func FuzzReply(f *testing.F) {
	f.Add(200, []byte(`{"response":{"flag":"success","code":0,"orders":[{"o_id":1}]}}`))
	f.Add(200, []byte(`<response><flag>success</flag><items><item><quantity>1</quantity></item></items></response>`))
	f.Add(500, []byte(`{"error_response":{"code":7,"sub_msg":"ban will last for 99999999 more seconds"}}`))
	f.Add(200, []byte(`{"a":{"b":{"c":[[]]}}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			status = 200
		}
		fk := &fake{answer: func(int, sent) (*http.Response, error) { return httpmock.NewBytesResponse(status, body), nil }}
		c := newClient(t, fk, config(), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
		for _, call := range []func() error{
			func() error { _, err := c.Scene.OrderList(t.Context(), nil); return err },
			func() error { _, err := c.Warehouse.InventoryQuery(t.Context(), nil); return err },
			func() error { return c.Call(t.Context(), "jushuitan.order.list.query", nil, new(json.RawMessage)) },
		} {
			if err := call(); err != nil {
				e := &qimen.Error{}
				require.ErrorAs(t, err, &e)
				require.NotContains(t, err.Error(), secret)
				require.Less(t, len(err.Error()), 4000)
			}
		}
	})
}
