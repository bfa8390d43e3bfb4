package qimentest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

var cst = time.FixedZone("CST", 8*3600)

// caller makes calls without the client, so that it can make wrong ones.
type caller struct {
	t       *testing.T
	gateway *qimentest.Server
}

// params are those of a right call of the scene.
func (c caller) params(more map[string]string) map[string]string {
	cfg := c.gateway.Config()
	p := map[string]string{
		"method": "jushuitan.saleout.list.query", "app_key": cfg.AppKey, "target_app_key": cfg.TargetAppKey, "customer_id": cfg.CustomerID,
		"timestamp": c.gateway.Now().In(cst).Format("2006-01-02 15:04:05"), "v": "2.0", "format": "json", "sign_method": "md5",
		"page_index": "1", "page_size": "50",
	}
	maps.Copy(p, more)
	for name, v := range more {
		if v == "-" {
			delete(p, name)
		}
	}
	return p
}

// call signs and sends a call whose body, if any, is no form.
func (c caller) call(p map[string]string, body string) (status int, answer string) {
	c.t.Helper()
	p = maps.Clone(p)
	if p["sign"] == "" {
		sign, err := qimen.Sign(qimen.SignMethod(p["sign_method"]), c.gateway.Config().AppSecret, p, []byte(body))
		if err != nil {
			sign = "none"
		}
		p["sign"] = sign
	}
	values := url.Values{}
	for name, v := range p {
		values.Set(name, v)
	}
	return c.send(values.Encode(), "text/xml", body)
}

func (c caller) send(query, contentType, body string) (status int, answer string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.gateway.URL+"/router/qm?"+query, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Body.Close())
	return resp.StatusCode, string(text)
}

// head is flag, code and message of an answer of any form.
func head(t *testing.T, answer string) string {
	t.Helper()
	var roots map[string]struct {
		Flag    string
		Code    json.RawMessage
		Message string
		Msg     string
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &roots), "%s", answer)
	require.Len(t, roots, 1)
	for root, h := range roots {
		return fmt.Sprintf("%s %s %s %s", root, h.Flag, h.Code, h.Message+h.Msg)
	}
	return ""
}

func TestRefusals(t *testing.T) {
	gateway, _ := started(t)
	c := caller{t, gateway}
	at := func(d time.Duration) map[string]string {
		return map[string]string{"timestamp": gateway.Now().Add(d).In(cst).Format("2006-01-02 15:04:05")}
	}
	for name, test := range map[string]struct {
		params map[string]string
		want   string
	}{
		"right":                  {nil, "response success 0 "},
		"hmac":                   {map[string]string{"sign_method": "hmac"}, "response success 0 "},
		"hmac-sha256":            {map[string]string{"sign_method": "hmac-sha256"}, "response success 0 "},
		"9 minutes old":          {at(-9 * time.Minute), "response success 0 "},
		"11 minutes old":         {at(-11 * time.Minute), "response failure 41 Invalid arguments:timestamp"},
		"11 minutes ahead":       {at(11 * time.Minute), "response failure 41 Invalid arguments:timestamp"},
		"time in another form":   {map[string]string{"timestamp": "1704135845"}, "response failure 41 Invalid arguments:timestamp"},
		"wrong signature":        {map[string]string{"sign": "66987CB115214E59E6EC978214934FB8"}, "response failure 25 Invalid signature"},
		"unknown algorithm":      {map[string]string{"sign_method": "sha1"}, "response failure 41 Invalid arguments:sign_method"},
		"no method":              {map[string]string{"method": "-"}, "error_response  21 Missing method"},
		"unknown method":         {map[string]string{"method": "qimen.taobao.pos.nothing", "customerid": qimentest.DefaultCustomer}, "response failure 22 Invalid method"},
		"no app key":             {map[string]string{"app_key": "-"}, "response failure 40 Missing required arguments:app_key"},
		"unknown app":            {map[string]string{"app_key": "1"}, "response failure 29 Invalid app Key"},
		"no time stamp":          {map[string]string{"timestamp": "-"}, "response failure 40 Missing required arguments:timestamp"},
		"no version":             {map[string]string{"v": "-"}, "response failure 40 Missing required arguments:v"},
		"version 9":              {map[string]string{"v": "9.0"}, "response failure 41 Invalid arguments:v"},
		"unknown format":         {map[string]string{"format": "csv"}, "response failure 41 Invalid arguments:format"},
		"no target":              {map[string]string{"target_app_key": "-"}, "response failure 40 Missing required arguments:target_app_key"},
		"other target":           {map[string]string{"target_app_key": "1"}, "response failure 41 Invalid arguments:target_app_key"},
		"no customer":            {map[string]string{"customer_id": "-"}, "response failure 40 Missing required arguments:customer_id"},
		"customer misspelled":    {map[string]string{"customer_id": "-", "customerId": qimentest.DefaultCustomer}, "response failure 40 Missing required arguments:customer_id"},
		"unknown customer":       {map[string]string{"customer_id": "1"}, "response failure 41 Invalid arguments:customer_id"},
		"no page":                {map[string]string{"page_index": "-"}, "response failure 40 Missing required arguments:page_index"},
		"page 0":                 {map[string]string{"page_index": "0"}, "response failure 140 参数 page_index 应从1开始"},
		"page too large":         {map[string]string{"page_size": "51"}, "response failure 140 参数 page_size 超出范围：最大50"},
		"page is a word":         {map[string]string{"page_size": "many"}, "response failure 140 参数无法转换：page_size: want integer, got text of 4 characters"},
		"half a range":           {map[string]string{"start_time": "2024-01-01 00:00:00"}, "response failure 140 开始时间与结束时间必须同时传"},
		"7 days":                 {map[string]string{"start_time": "2024-01-01 00:00:00", "end_time": "2024-01-08 00:00:00"}, "response success 0 "},
		"longer than 7 days":     {map[string]string{"start_time": "2024-01-01 00:00:00", "end_time": "2024-01-08 00:00:01"}, "response failure 140 开始时间与结束时间的间隔不能超过7天"},
		"range of negative size": {map[string]string{"start_time": "2024-01-02 00:00:00", "end_time": "2024-01-01 00:00:00"}, "response failure 140 结束时间不能早于开始时间"},
		"nobody receives it": {map[string]string{"method": "qimen.taobao.pos.clerk.get", "customerid": qimentest.DefaultCustomer},
			"response failure 41 Invalid arguments:no URL is registered for the customer"},
		"the platform's own": {map[string]string{"method": "taobao.omniorder.store.accpeted"}, "error_response  13 Insufficient app permissions"},
		"scene in xml":       {map[string]string{"format": "xml"}, "<response><flag>failure</flag><code>41</code><message>Invalid arguments:format</message>"},
		"legacy":             {map[string]string{"method": "jst.orders.query"}, "response failure 40 Missing required arguments:partnerid"},
		"answer not known": {func() map[string]string {
			return legacy(gateway, "jst.orders.source.query", nil)
		}(), "response failure 13 Insufficient app permissions"},
		"legacy right":      {legacy(gateway, "jst.orders.query", nil), "response success 0 "},
		"legacy partner":    {legacy(gateway, "jst.orders.query", map[string]string{"partnerid": "other"}), "response failure 100 合作方编号或授权码错误"},
		"legacy token":      {legacy(gateway, "jst.orders.query", map[string]string{"token": "demotoken-1"}), "response failure 100 合作方编号或授权码错误"},
		"legacy signature":  {legacy(gateway, "jst.orders.query", map[string]string{"jstsign": "0"}), "response failure 120 签名错误"},
		"legacy time stamp": {legacy(gateway, "jst.orders.query", map[string]string{"ts": "1704135845"}), "response failure 180 时间戳错误"},
		"legacy page too big": {legacy(gateway, "jst.orders.query", map[string]string{"page_size": "51"}),
			"response failure 140 参数 page_size 超出范围：最大50"},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := caller{t, gateway}.call(c.params(test.params), "")
			assert.Equal(t, http.StatusOK, status)
			if strings.HasPrefix(test.want, "<") {
				assert.Contains(t, answer, test.want)
				return
			}
			assert.Equal(t, test.want, head(t, answer))
		})
	}
	t.Run("a parameter twice", func(t *testing.T) {
		_, answer := c.send("method=a&method=b", "text/xml", "")
		assert.Contains(t, answer, "Invalid arguments:method")
		_, answer = c.send("method=a", "application/x-www-form-urlencoded", "method=b")
		assert.Contains(t, answer, "Invalid arguments:method")
	})
	t.Run("another path", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway.URL+"/open/orders/single/query", nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	})
}

// legacy are the parameters of an old call, signed by the partner.
func legacy(gateway *qimentest.Server, method string, more map[string]string) map[string]string {
	cred := gateway.LegacyCredentials(qimentest.DefaultCustomer)
	p := map[string]string{"method": method, "partnerid": cred.PartnerID, "token": cred.Token, "ts": fmt.Sprint(gateway.Now().Unix()), "customer_id": "-"}
	maps.Copy(p, more)
	if p["jstsign"] == "" {
		p["jstsign"] = qimen.LegacySign(method, p["partnerid"], p["token"], p["ts"], cred.PartnerKey)
	}
	return p
}

// TestBodySignature: the body of a standard call is signed, to the byte.
func TestBodySignature(t *testing.T) {
	gateway, _ := started(t)
	c := caller{t, gateway}
	body := `<?xml version="1.0" encoding="utf-8"?><request><orderCode>出库单-1</orderCode></request>`
	p := c.params(map[string]string{"method": "taobao.qimen.order.cancel", "format": "xml", "customerId": qimentest.DefaultCustomer,
		"customer_id": "-", "target_app_key": "-", "page_index": "-", "page_size": "-"})
	sign, err := qimen.Sign(qimen.MD5, gateway.Config().AppSecret, p, []byte(body))
	require.NoError(t, err)
	p["sign"] = sign
	_, answer := c.call(p, body)
	assert.Contains(t, answer, "<code>41</code><message>Invalid arguments:no URL is registered", "verified, but nobody is there")
	_, answer = c.call(p, strings.Replace(body, "-1", "-2", 1))
	assert.Contains(t, answer, "<code>25</code><message>Invalid signature</message>")
}

// TestRoutingParam: one spelling for all, and no other.
func TestRoutingParam(t *testing.T) { routingParam(t) }

func routingParam(t *testing.T, opts ...qimentest.Option) {
	opts = append(opts, qimentest.WithRoutingParam("customerId"), qimentest.WithTargetAppKey("777"), qimentest.WithApp("1234", "own-secret"))
	gateway, client := started(t, opts...)
	_, err := client.Scene.OrderList(t.Context(), nil)
	require.NoError(t, err)
	cfg := gateway.Config()
	cfg.RoutingParam = "customer_id"
	other, err := qimen.New(cfg)
	require.NoError(t, err)
	_, err = other.Scene.OrderList(t.Context(), nil)
	assert.ErrorContains(t, err, "Missing required arguments:customerId")
}

// TestClock: the time is the ERP's, and moves with it.
func TestClock(t *testing.T) { clock(t) }

func clock(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	gateway.Advance(24 * time.Hour)
	assert.WithinDuration(t, gateway.ERP.Now(), gateway.Now(), time.Second)
	_, err := client.Scene.OrderList(t.Context(), nil)
	require.NoError(t, err)
	late, err := gateway.Client(qimen.WithClock(time.Now))
	require.NoError(t, err)
	_, err = late.Scene.OrderList(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrTimestamp)
}

// TestForwardedForm shows what a receiver gets, which is what is documented.
func TestForwardedForm(t *testing.T) { forwardedForm(t) }

func forwardedForm(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	type got struct {
		query       url.Values
		contentType string
		body        string
	}
	seen := make(chan got, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- got{r.URL.Query(), r.Header.Get("Content-Type"), string(body)}
		_, _ = io.WriteString(w, `<response><flag>success</flag><code>0</code><message>ok</message></response>`)
	}))
	defer web.Close()
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL + "/a?entId=1", AppKey: ownKey, AppSecret: ownSecret}))

	_, err := client.Warehouse.OrderCancel(t.Context(), &qimen.OrderCancelRequest{OrderCode: "A<1>", WarehouseCode: "W"})
	require.NoError(t, err)
	g := <-seen
	assert.Equal(t, "text/xml;charset=utf-8", g.contentType)
	assert.Equal(t, `<?xml version="1.0" encoding="utf-8"?><request><warehouseCode>W</warehouseCode><orderCode>A&lt;1&gt;</orderCode></request>`, g.body)
	check := func(g got, want map[string]string) {
		t.Helper()
		p := map[string]string{}
		for name := range g.query {
			p[name] = g.query.Get(name)
		}
		sign, err := qimen.Sign(qimen.MD5, ownSecret, p, []byte(g.body))
		require.NoError(t, err)
		assert.Equal(t, sign, p["sign"])
		stamp, err := time.ParseInLocation("2006-01-02 15:04:05", p["timestamp"], cst)
		require.NoError(t, err)
		assert.WithinDuration(t, gateway.Now(), stamp, time.Minute)
		delete(p, "sign")
		delete(p, "timestamp")
		if want["request_id"] != "" {
			assert.NotEmpty(t, p["request_id"])
			p["request_id"] = want["request_id"]
		}
		assert.Equal(t, want, p)
	}
	check(g, map[string]string{"method": "order.cancel", "app_key": ownKey, "customerId": qimentest.DefaultCustomer, "format": "xml",
		"sign_method": "md5", "v": "2.0", "entId": "1"})

	_, err = client.POS.WebOrderSync(t.Context(), &qimen.POSWebOrderSyncRequest{OrderBillCode: "A123"})
	require.NoError(t, err)
	g = <-seen
	assert.Equal(t, "application/json;charset=utf-8", g.contentType)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(g.body), &doc))
	assert.Equal(t, "A123", doc["orderBillCode"])
	check(g, map[string]string{"method": "qimen.taobao.pos.weborder.sync", "app_key": ownKey, "target_appkey": ownKey, "source_appkey": gateway.Config().AppKey,
		"customerid": qimentest.DefaultCustomer, "format": "json", "sign_method": "md5", "request_id": "*", "entId": "1"})
}

// TestBothSides: a customer's two sides have a receiver each, told apart by method;
// methods that are not in the table go where they are named.
func TestBothSides(t *testing.T) { bothSides(t) }

func bothSides(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	side := func(name string) string {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `<response><flag>failure</flag><code>%s</code><message>m</message></response>`, name)
		}))
		t.Cleanup(web.Close)
		return web.URL
	}
	for _, r := range []qimentest.Receiver{
		{URL: side("erp"), Methods: []string{"taobao.qimen.deliveryorder.confirm", "taobao.qimen.own.invention"}},
		{URL: side("old")},
		{URL: side("warehouse")},
	} {
		require.NoError(t, gateway.Register(qimentest.DefaultCustomer, r))
	}
	ask := func(method string) string {
		err := client.Call(t.Context(), method, map[string]string{"a": "b"}, nil)
		var e *qimen.Error
		require.ErrorAs(t, err, &e)
		return e.Code
	}
	assert.Equal(t, "erp", ask("taobao.qimen.deliveryorder.confirm"))
	assert.Equal(t, "warehouse", ask("taobao.qimen.deliveryorder.create"))
	assert.Equal(t, "erp", ask("taobao.qimen.own.invention"))
	require.ErrorContains(t, client.ForCustomer(otherID).Call(t.Context(), "taobao.qimen.deliveryorder.create", map[string]string{}, nil), "no URL is registered")

	for want, r := range map[string]qimentest.Receiver{
		"want http(s)":         {URL: "ftp://x"},
		"is unknown":           {URL: "http://x", SignMethod: "sha1"},
		"duplicate":            {URL: "http://x?a=1&a=2"},
		"the query is invalid": {URL: "http://x?a=%zz"},
		`customer "nobody" is`: {URL: "http://x"},
	} {
		require.ErrorContains(t, gateway.Register("nobody", r), want)
	}
}

// TestReceiverFails: what the caller is told when the receiver does not answer.
func TestReceiverFails(t *testing.T) { receiverFails(t) }

func receiverFails(t *testing.T, opts ...qimentest.Option) {
	gateway, _ := started(t, append(opts, qimentest.WithReceiverTimeout(50*time.Millisecond))...)
	client, err := gateway.Client(qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	gone := httptest.NewServer(nil)
	gone.Close()
	answers := map[string]http.HandlerFunc{
		"isp.remote-service-error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusBadGateway) },
		"isp.remote-service-timeout": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the caller has gone
			<-r.Context().Done()
		},
		"isp.remote-connection-error": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	}
	for sub, answer := range answers {
		web := httptest.NewServer(answer)
		require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL}))
		_, err := client.Warehouse.OrderCancel(t.Context(), &qimen.OrderCancelRequest{OrderCode: "1"})
		var e *qimen.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, [2]string{"15", sub}, [2]string{e.Code, e.SubCode})
		require.ErrorIs(t, err, jushuitan.ErrUnavailable)
		web.Close()
	}
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: gone.URL}))
	_, err = client.Warehouse.OrderCancel(t.Context(), &qimen.OrderCancelRequest{OrderCode: "1"})
	assert.ErrorContains(t, err, "isp.remote-connection-error")
}

func TestServer(t *testing.T) {
	t.Run("its own ERP", func(t *testing.T) {
		gateway := qimentest.NewServer()
		client, err := gateway.Client()
		require.NoError(t, err)
		_, err = client.Scene.OrderList(t.Context(), nil)
		require.NoError(t, err)
		open, err := gateway.ERP.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		gateway.Close()
		gateway.Close()
		_, err = open.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		assert.Error(t, err, "closed with it")
	})
	t.Run("mounted", func(t *testing.T) {
		erp := jushuitantest.NewServer()
		defer erp.Close()
		gateway, err := qimentest.New(qimentest.WithERP(erp))
		require.NoError(t, err)
		defer gateway.Close()
		_, err = gateway.Client()
		require.ErrorContains(t, err, "does not listen")
		web := httptest.NewServer(gateway)
		defer web.Close()
		cfg := gateway.Config()
		cfg.Gateway = web.URL + "/router/qm"
		client, err := qimen.New(cfg, qimen.WithClock(gateway.Now))
		require.NoError(t, err)
		_, err = client.Scene.OrderList(t.Context(), nil)
		assert.NoError(t, err)
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		gateway, err := qimentest.Start(ctx, "127.0.0.1:0")
		require.NoError(t, err)
		cancel()
		gateway.Close()
		_, err = qimentest.Start(ctx, "127.0.0.1:0")
		assert.ErrorIs(t, err, context.Canceled)
	})
	t.Run("options", func(t *testing.T) {
		for want, opt := range map[string]qimentest.Option{
			"WithERP": qimentest.WithERP(nil), "WithApp": qimentest.WithApp("a", ""), "WithTargetAppKey": qimentest.WithTargetAppKey(""),
			"WithRoutingParam": qimentest.WithRoutingParam("customer"), "WithCustomer": qimentest.WithCustomer("", ""), "WithReceiverTimeout": qimentest.WithReceiverTimeout(0),
		} {
			_, err := qimentest.New(opt)
			assert.ErrorContains(t, err, want)
		}
		_, err := qimentest.Start(t.Context(), "256.0.0.1:0")
		assert.Error(t, err)
	})
	t.Run("printing", func(t *testing.T) {
		gateway, _ := started(t)
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			text := fmt.Sprintf(verb+verb, gateway, gateway.Config())
			assert.Contains(t, text, gateway.URL)
			assert.NotContains(t, text, gateway.Config().AppSecret)
			text = fmt.Sprintf(verb, qimentest.Receiver{URL: "http://x", AppSecret: ownSecret})
			assert.NotContains(t, text, ownSecret)
		}
	})
}
