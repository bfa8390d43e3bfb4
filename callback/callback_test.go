package callback_test

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
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	success = `{"code":"0","msg":"执行成功"}`
	bom     = "\xef\xbb\xbf"

	shipmentBody = `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","logistics_company":"圆通速递","send_date":"2024-01-01 12:00:00",
		"wms_co_id":10101010,"items":[{"oi_id":300001,"sku_id":"SKU-A","qty":2,"name":"Item A","outer_oi_id":"SO-1-1","so_id":"SO-1"}]}`
	cancelBody   = `{"so_id":"SO-1","remark":"out of stock"}`
	returnedBody = `{"o_id":200001,"as_id":400001,"so_id":"SO-1","outer_as_id":"RT-1","shop_id":1,"action_name":"确认收货","remark":"","items":[{"sku_id":"SKU-A","qty":1}]}`
	stockBody    = `{"datas":[{"id":1,"shop_id":1,"sku_id":"SKU-A","shop_sku_id":"SKU-B","qty":15,"sku_source":null,"modified":"2023-11-14 12:00:00"}]}`
)

var bodies = map[jushuitan.PushMethod]string{
	jushuitan.PushShipment: shipmentBody, jushuitan.PushCancel: cancelBody,
	jushuitan.PushGoodsReturned: returnedBody, jushuitan.PushStock: stockBody,
}

var paths = map[jushuitan.PushMethod]string{
	jushuitan.PushShipment: "/dex/jushuitan/delivery_callback", jushuitan.PushCancel: "/dex/jushuitan/cancal_callback",
	jushuitan.PushGoodsReturned: "/dex/jushuitan/return_goods_callback", jushuitan.PushStock: "/dex/jushuitan/stock_callback",
}

// A host writes down what it saw, one line for a call.
type host struct {
	mu     sync.Mutex
	seen   []string
	envs   []callback.Envelope
	errs   []error
	failed []callback.Envelope
	reply  func() error // what the functions do after that
}

func (h *host) note(env callback.Envelope, line string) error {
	h.mu.Lock()
	h.seen, h.envs = append(h.seen, line), append(h.envs, env)
	h.mu.Unlock()
	if h.reply != nil {
		return h.reply()
	}
	return nil
}

func (h *host) config() callback.Config {
	return callback.Config{
		AllowUnauthenticated: true, NoDedupe: true, // tests of these turn them round
		Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
			full, base := p.Carrier()
			line := fmt.Sprintf("shipment %d %s %s %s/%s", p.OID, p.SoID, p.LID, full, base)
			for _, item := range p.Items {
				line += fmt.Sprintf(" [%s %s x%s]", p.OrderOf(item), item.SKUID, item.Qty)
			}
			return h.note(env, line)
		},
		Cancel: func(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
			return h.note(env, fmt.Sprintf("cancel %s %q", p.SoID, p.Remark))
		},
		GoodsReturned: func(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			line := fmt.Sprintf("returned %d %s %s %q", p.ASID, p.OuterASID, p.Action, p.Remark)
			for _, item := range p.Items {
				line += fmt.Sprintf(" [%s x%s]", item.SKUID, item.Qty)
			}
			return h.note(env, line)
		},
		Stock: func(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
			line := "stock"
			for _, row := range p.Rows {
				line += fmt.Sprintf(" [%s/%s %s]", row.SKUID, row.ShopSKUID, row.Qty)
			}
			return h.note(env, line)
		},
		OnError: func(_ context.Context, env callback.Envelope, err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.errs, h.failed = append(h.errs, err), append(h.failed, env)
		},
	}
}

func receiver(t testing.TB, cfg callback.Config) *callback.Receiver {
	t.Helper()
	r, err := callback.New(cfg)
	require.NoError(t, err)
	return r
}

func handlers(r *callback.Receiver) map[jushuitan.PushMethod]http.Handler {
	return map[jushuitan.PushMethod]http.Handler{
		jushuitan.PushShipment: r.Shipment(), jushuitan.PushCancel: r.Cancel(),
		jushuitan.PushGoodsReturned: r.GoodsReturned(), jushuitan.PushStock: r.Stock(),
	}
}

// query is the query of a push as the ERP sends it to DianJia's URL.
func query(method jushuitan.PushMethod) string {
	q := url.Values{"entId": {"9001"}, "storageCode": {"10101010"}, "ts": {"1700000000"}}
	sign := jushuitan.SignPush(method, q)
	return q.Encode() + "&partnerid=erp&method=" + string(method) + "&sign=" + sign
}

func send(t *testing.T, h http.Handler, httpMethod, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(t.Context(), httpMethod, target, content)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func assertSuccess(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, success, w.Body.String())
	assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
}

func assertFailure(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	assert.Equal(t, status, w.Code)
	assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	var reply map[string]string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &reply))
	assert.Equal(t, "-1", reply["code"])
	assert.NotEmpty(t, reply["msg"])
	assert.Len(t, reply, 2)
}

func biz(doc string) string {
	return url.Values{"biz": {doc}, "action_code": {"x"}, "timestamp": {"1700000000"}}.Encode()
}

// TestProbe: a URL that is being saved gets success, and no function is called; what has the
// query of a push or anything for a body is none.
func TestProbe(t *testing.T) {
	var h host
	var told []callback.Outcome
	cfg := h.config()
	cfg.OnResult = func(_ context.Context, _ callback.Envelope, res callback.Result) { told = append(told, res.Outcome) }
	r := receiver(t, cfg)
	all := handlers(r)
	for method, path := range paths {
		for _, target := range []string{path, path + "?entId=1&storageCode=2", path + "?entId=1&storageCode=2&type=2&jstToken=x"} {
			for _, handler := range []http.Handler{r, all[method]} {
				assertSuccess(t, send(t, handler, http.MethodGet, target, ""))
				assertSuccess(t, send(t, handler, http.MethodPost, target, "", "Content-Type", "application/x-www-form-urlencoded"))
			}
		}
	}
	assertSuccess(t, send(t, r, http.MethodGet, "/", ""))
	req := httptest.NewRequest(http.MethodPost, "/", nil)
	req.Body = nil
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	assertSuccess(t, w)
	assert.Empty(t, h.errs)
	for _, out := range told {
		assert.Equal(t, callback.Probe, out)
	}
	assert.Len(t, told, 4*3*2*2+2, "each is reported")

	for method, path := range paths {
		for i, w := range []*httptest.ResponseRecorder{
			send(t, r, http.MethodGet, path+"?"+query(method), ""),
			send(t, r, http.MethodPost, path+"?"+query(method), ""),
			send(t, r, http.MethodPost, path+"?"+query(method), " \r\n"),
			send(t, r, http.MethodPost, path, " "),
			send(t, r, http.MethodPost, path, bom),
			send(t, r, http.MethodGet, path, bodies[method]),
			send(t, r, http.MethodPut, path, ""),
			send(t, r, http.MethodPost, path+"?entId=1&entId=2&sign=x", ""),
			send(t, r, http.MethodPost, path+"?method="+string(method), ""),
		} {
			assert.NotEqual(t, http.StatusOK, w.Code, "%s %d", method, i)
			assert.Contains(t, w.Body.String(), `"code":"-1"`, "%s %d", method, i)
		}
	}
	assert.Empty(t, h.seen)
}

// TestProbeOfUnknownLength: a body whose length is not announced makes a probe only if it is
// empty, and is not lost where it makes none.
func TestProbeOfUnknownLength(t *testing.T) {
	for name, tt := range map[string]struct {
		method, target, body string
		checksum             callback.Checksum
		want                 int
		outcome              callback.Outcome
	}{
		"GET":                       {http.MethodGet, paths[jushuitan.PushCancel], "", 0, 200, callback.Probe},
		"POST":                      {http.MethodPost, paths[jushuitan.PushCancel], "", 0, 200, callback.Probe},
		"POST to any kind":          {http.MethodPost, "/", "", 0, 200, callback.Probe},
		"PUT":                       {http.MethodPut, paths[jushuitan.PushCancel], "", 0, 403, callback.Refused},
		"a byte":                    {http.MethodPost, paths[jushuitan.PushCancel], "x", 0, 403, callback.Refused},
		"GET with a byte":           {http.MethodGet, paths[jushuitan.PushCancel], "x", 0, 403, callback.Refused},
		"GET of a plain URL":        {http.MethodGet, paths[jushuitan.PushCancel] + "?entId=1&storageCode=1", cancelBody, callback.ChecksumOff, 405, callback.Refused},
		"a push of a plain URL":     {http.MethodPost, paths[jushuitan.PushCancel] + "?entId=1&storageCode=1", cancelBody, callback.ChecksumOff, 200, callback.Handled},
		"an unreadable query":       {http.MethodGet, "/?a=%zz", "", 0, 400, callback.Refused},
		"a kind without function":   {http.MethodGet, paths[jushuitan.PushStock], "", 0, 501, callback.Refused},
		"any, and no such function": {http.MethodPost, "/?method=" + string(jushuitan.PushStock), "", 0, 501, callback.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			for _, announced := range []int64{-1, int64(len(tt.body))} {
				var h host
				var outcome callback.Outcome
				cfg := h.config()
				cfg.Stock, cfg.Checksum = nil, tt.checksum
				cfg.OnResult = func(_ context.Context, _ callback.Envelope, res callback.Result) { outcome = res.Outcome }
				req := httptest.NewRequest(tt.method, "/", io.MultiReader(strings.NewReader(tt.body)))
				req.URL, req.ContentLength = &url.URL{}, announced
				req.URL.Path, req.URL.RawQuery, _ = strings.Cut(tt.target, "?")
				w := httptest.NewRecorder()
				receiver(t, cfg).ServeHTTP(w, req)
				assert.Equal(t, tt.want, w.Code, "announced %d: %v", announced, h.errs)
				assert.Equal(t, tt.outcome, outcome, "announced %d", announced)
				if tt.outcome == callback.Handled {
					require.Len(t, h.envs, 1)
					assert.Equal(t, tt.body, string(h.envs[0].Raw), "all of it")
				}
			}
		})
	}
}

// TestKeyOfNoMessage: what is not a message of its kind has no identity.
func TestKeyOfNoMessage(t *testing.T) {
	for _, env := range []callback.Envelope{
		{}, {Raw: []byte(cancelBody)}, {Method: "unknown", Raw: []byte(cancelBody)}, {Method: jushuitan.PushShipment, Raw: []byte("x")},
		{Method: jushuitan.PushShipment}, {Method: jushuitan.PushCancel, Raw: []byte(`{"so_id":`)}, {Method: jushuitan.PushStock, Raw: []byte(`[{"qty":1}`)},
		{Method: jushuitan.PushGoodsReturned, Raw: []byte("[")},
	} {
		assert.Empty(t, env.Key(), "%s %s", env.Method, env.Raw)
		assert.Empty(t, env.Document(), "%s %s", env.Method, env.Raw)
	}
	for method, body := range bodies {
		env := callback.Envelope{Method: method, Raw: []byte(body)}
		assert.NotEmpty(t, env.Key(), method)
		assert.NotEmpty(t, env.Document(), method)
	}
}

// TestChecksumTexts: what OnError is told of a sign that was refused.
func TestChecksumTexts(t *testing.T) {
	for name, c := range map[string]struct {
		checksum callback.Checksum
		sign     string
		want     string
	}{
		"none":                  {callback.ChecksumAny, "", "the parameter sign is missing"},
		"none, one scheme":      {callback.ChecksumTS, "", "the parameter sign is missing"},
		"wrong":                 {callback.ChecksumAny, strings.Repeat("0", 32), "the parameter sign matches no known signing scheme"},
		"wrong, only one right": {callback.ChecksumTS, strings.Repeat("0", 32), "the parameter sign does not match the signing scheme " + callback.ChecksumTS.String()},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host{}
			cfg := h.config()
			cfg.Checksum = c.checksum
			req := signedRequest(t, jushuitan.PushCancel, `{"so_id":"A"}`)
			q := req.URL.Query()
			q.Set("sign", c.sign)
			req.URL.RawQuery = q.Encode()
			receiver(t, cfg).ServeHTTP(httptest.NewRecorder(), req)
			require.Len(t, h.errs, 1)
			require.ErrorIs(t, h.errs[0], callback.ErrChecksum)
			assert.ErrorContains(t, h.errs[0], c.want)
		})
	}
}

// TestRefusedQuietly: OnError is not needed.
func TestRefusedQuietly(t *testing.T) {
	var h host
	cfg := h.config()
	cfg.OnError = nil
	assertFailure(t, send(t, receiver(t, cfg).Cancel(), http.MethodPost, "/", cancelBody), http.StatusForbidden)
	assert.Empty(t, h.seen)
}

func TestMaxBody(t *testing.T) {
	body := func(n int) string { return cancelBody + strings.Repeat(" ", n-len(cancelBody)) }
	for _, tt := range []struct {
		max    int64
		length int
		ok     bool
	}{
		{0, jushuitan.DefaultMaxBody, true},
		{0, jushuitan.DefaultMaxBody + 1, false},
		{100, 100, true},
		{100, 101, false},
		{8 << 20, jushuitan.DefaultMaxBody + 1, true},
	} {
		t.Run(strconv.FormatInt(tt.max, 10)+" "+strconv.Itoa(tt.length), func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.MaxBody = tt.max
			w := send(t, receiver(t, cfg).Cancel(), http.MethodPost, "/?"+query(jushuitan.PushCancel), body(tt.length))
			if tt.ok {
				assertSuccess(t, w)
				assert.Len(t, h.seen, 1)
				return
			}
			assertFailure(t, w, http.StatusRequestEntityTooLarge)
			assert.Empty(t, h.seen)
		})
	}
}

// TestChecksumForms: the candidates of the reference, and the public vector.
func TestChecksumForms(t *testing.T) {
	const own = "entId=9001&storageCode=10101010&ts=1700000000&partnerid=erp&method=logistics.upload&sign="
	const mixed = "storageCode=2&ts=1700000000&entId=1&method=logistics.upload&sign="
	arrival := pushsign.Of("logistics.upload", [][2]string{{"storageCode", "2"}, {"ts", "1700000000"}, {"entId", "1"}})
	for query, form := range map[string]string{
		own + "0c05cdecefc5bf7ca59d46a74922da2a": "ts",
		own + "47bca78b4cd5a8a32400dce0bb8cb38e": "sorted",
		own + "185d3cf1a4ac392e763830a8d67e1364": "arrival-ts-first",
		mixed + arrival:                          "arrival",
		"entId=9001&storageCode=10101010&ts=1700000000&sign=47bca78b4cd5a8a32400dce0bb8cb38e": "sorted", // without method
	} {
		var h host
		assertSuccess(t, send(t, receiver(t, h.config()).Shipment(), http.MethodPost, "/?"+query, shipmentBody))
		require.Len(t, h.envs, 1)
		assert.Equal(t, form, h.envs[0].ChecksumForm)
	}

	var h host
	const public = "ts=1547048796&partnerid=erp&method=cancel.order&type=cancelOrder&sign=6be7466d0b6a89b9c12cf04a2a1e356c"
	cfg := h.config()
	cfg.MerchantOf = func(*http.Request) string { return "the only one" } // it has no entId
	assertSuccess(t, send(t, receiver(t, cfg), http.MethodPost, "/?"+public, cancelBody))
	require.Len(t, h.envs, 1)
	assert.Equal(t, "cancelOrder", h.envs[0].Type)
	assert.Equal(t, "sorted", h.envs[0].ChecksumForm)
}

func TestChecksumOff(t *testing.T) {
	var h host
	cfg := h.config()
	cfg.Checksum = callback.ChecksumOff
	r := receiver(t, cfg)
	assertSuccess(t, send(t, r.Cancel(), http.MethodPost, "/?entId=1", cancelBody))
	assertSuccess(t, send(t, r.Cancel(), http.MethodPost, "/?entId=1&sign=wrong&ts=1700000000123", cancelBody))
	assertSuccess(t, send(t, r.Cancel(), http.MethodPost, "/?"+query(jushuitan.PushCancel), cancelBody))
	assertFailure(t, send(t, r.Cancel(), http.MethodPost, "/?method=refund.goods", cancelBody), http.StatusBadRequest)
	assertFailure(t, send(t, r.Cancel(), http.MethodPost, "/?entId=1&entId=1", cancelBody), http.StatusBadRequest)
	require.Len(t, h.envs, 3)
	assert.Equal(t, []string{"", "", "sorted"}, []string{h.envs[0].ChecksumForm, h.envs[1].ChecksumForm, h.envs[2].ChecksumForm})
	assert.True(t, h.envs[0].TS.IsZero())
	assert.Equal(t, int64(1700000000123), h.envs[1].TS.UnixMilli())
}

// TestDispatch: the kinds on one URL, by method, by path, and by both.
func TestDispatch(t *testing.T) {
	tests := map[string]struct {
		target string
		body   string
		want   string // the first word of what was seen
		status int
		reason error
	}{
		"neither":                        {"/push", cancelBody, "", 404, callback.ErrKind},
		"unknown method":                 {"/push?method=order.label", cancelBody, "", 404, callback.ErrKind},
		"method with a blank":            {"/push?method=+cancel.order", cancelBody, "", 404, callback.ErrKind},
		"path that is not the end":       {"/cancal_callback/x", cancelBody, "", 404, callback.ErrKind},
		"path rightly spelled":           {"/cancel_callback", cancelBody, "", 404, callback.ErrKind},
		"path with more before":          {"/my_cancal_callback", cancelBody, "", 404, callback.ErrKind},
		"path and method differ":         {"/stock_callback?method=cancel.order", cancelBody, "", 400, callback.ErrKind},
		"path and unknown method":        {"/stock_callback?method=order.label", stockBody, "", 400, callback.ErrKind},
		"path with a slash":              {"/stock_callback/?entId=1", stockBody, "stock", 200, nil},
		"DianJia's stock URL":            {"/api/product/rs/dex/jushuitan/stock_callback?entId=1&storageCode=2&type=2", stockBody, "stock", 200, nil},
		"DianJia's URL, another's body":  {"/api/product/rs/dex/jushuitan/stock_callback?entId=1&storageCode=2&type=2", cancelBody, "", 400, jushuitan.ErrDecode},
		"a form tells nothing of a kind": {"/push", biz(cancelBody) + "&method=cancel.order", "", 404, callback.ErrKind},
	}
	words := map[jushuitan.PushMethod]string{
		jushuitan.PushShipment: "shipment", jushuitan.PushCancel: "cancel", jushuitan.PushGoodsReturned: "returned", jushuitan.PushStock: "stock",
	}
	for method, word := range words {
		add := func(name, target string) {
			tests[name+", "+word] = struct {
				target string
				body   string
				want   string
				status int
				reason error
			}{target, bodies[method], word, 200, nil}
		}
		add("method", "/push?entId=1&method="+string(method))
		add("path", paths[method]+"?entId=1")
		add("path and method", paths[method]+"?entId=1&method="+string(method))
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.Checksum = callback.ChecksumOff
			w := send(t, receiver(t, cfg), http.MethodPost, tt.target, tt.body)
			if tt.reason == nil {
				assertSuccess(t, w)
				require.Len(t, h.seen, 1)
				word, _, _ := strings.Cut(h.seen[0], " ")
				assert.Equal(t, tt.want, word)
				return
			}
			assertFailure(t, w, tt.status)
			assert.Empty(t, h.seen)
			require.Len(t, h.errs, 1)
			require.ErrorIs(t, h.errs[0], tt.reason)
		})
	}
	t.Run("checksum", func(t *testing.T) {
		for method, path := range paths {
			var h host
			r := receiver(t, h.config())
			assertSuccess(t, send(t, r, http.MethodPost, "/push?"+query(method), bodies[method]))
			assertSuccess(t, send(t, r, http.MethodPost, path+"?"+query(method), bodies[method]))
			assertFailure(t, send(t, r, http.MethodPost, path, bodies[method]), http.StatusForbidden)
			assert.Len(t, h.seen, 2)
		}
	})
}

// TestNoFunction: a kind without a function is never acknowledged, the others
// are.
func TestNoFunction(t *testing.T) {
	for missing := range bodies {
		t.Run(string(missing), func(t *testing.T) {
			var h host
			cfg := h.config()
			switch missing {
			case jushuitan.PushShipment:
				cfg.Shipment = nil
			case jushuitan.PushCancel:
				cfg.Cancel = nil
			case jushuitan.PushGoodsReturned:
				cfg.GoodsReturned = nil
			case jushuitan.PushStock:
				cfg.Stock = nil
			}
			r := receiver(t, cfg)
			for method, handler := range handlers(r) {
				refused := 0
				for _, w := range []*httptest.ResponseRecorder{
					send(t, handler, http.MethodPost, "/?"+query(method), bodies[method]),
					send(t, r, http.MethodPost, "/?"+query(method), bodies[method]),
					send(t, r, http.MethodPost, paths[method]+"?"+query(method), bodies[method]),
					send(t, r, http.MethodGet, paths[method], ""),
					send(t, handler, http.MethodGet, "/", ""),
					send(t, handler, http.MethodPost, "/", ""),
				} {
					if method == missing {
						assertFailure(t, w, http.StatusNotImplemented)
						refused++
						continue
					}
					assertSuccess(t, w)
				}
				assert.Equal(t, method == missing, refused == 6)
			}
			assert.Len(t, h.seen, 9)
			require.Len(t, h.errs, 6)
			for i, err := range h.errs {
				require.ErrorIs(t, err, callback.ErrNoFunction)
				assert.Equal(t, missing, h.failed[i].Method)
			}
		})
	}
}

func TestNew(t *testing.T) {
	_, err := callback.New(callback.Config{OnError: func(context.Context, callback.Envelope, error) {}})
	require.Error(t, err)
	var h host
	cfg := h.config()
	cfg.MaxBody = -1
	_, err = callback.New(cfg)
	require.Error(t, err)
	_, err = callback.New(callback.Config{Stock: cfg.Stock, AllowUnauthenticated: true})
	require.NoError(t, err)
}

type secretValue struct{ name string }

// TestHostFails: an error or a panic of the host is answered as failure, without
// the reason.
func TestHostFails(t *testing.T) {
	lost := errors.New("database lost, CANARY")
	tests := map[string]struct {
		reply func() error
		check func(t *testing.T, err error)
	}{
		"error": {func() error { return lost }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, lost)
		}},
		"error of the context": {func() error { return context.DeadlineExceeded }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}},
		"panic with a text": {func() error { panic("CANARY") }, func(t *testing.T, err error) {
			var p *jushuitan.PanicError
			require.ErrorAs(t, err, &p)
			assert.Equal(t, "CANARY", p.Value)
			assert.Contains(t, string(p.Stack), "callback_test.go")
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				for _, v := range []error{p, err} {
					text := fmt.Sprintf(verb, v)
					assert.NotContains(t, text, "CANARY")
					assert.NotContains(t, text, fmt.Sprintf("%x", "CANARY"))
				}
			}
			assert.Contains(t, err.Error(), "string")
		}},
		"panic with a struct": {func() error { panic(secretValue{"CANARY"}) }, func(t *testing.T, err error) {
			assert.NotContains(t, err.Error(), "CANARY")
			assert.Contains(t, err.Error(), "secretValue")
		}},
		"panic with an error": {func() error { panic(lost) }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, lost)
			assert.NotContains(t, err.Error(), "CANARY")
		}},
		"panic of the runtime": {func() error { return setIn(nil) }, func(t *testing.T, err error) {
			assert.Contains(t, err.Error(), "nil map")
		}},
		"panic with nil": {func() error { return panicWith(nil) }, func(t *testing.T, err error) {
			var p *jushuitan.PanicError
			require.ErrorAs(t, err, &p)
		}},
		"abort": {func() error { panic(http.ErrAbortHandler) }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, http.ErrAbortHandler)
		}},
	}
	for name, tt := range tests {
		for method, body := range bodies {
			t.Run(name+", "+string(method), func(t *testing.T) {
				h := host{reply: tt.reply}
				w := send(t, receiver(t, h.config()), http.MethodPost, "/?"+query(method), body)
				assertFailure(t, w, http.StatusInternalServerError)
				assert.Equal(t, `{"code":"-1","msg":"处理失败"}`, w.Body.String())
				assert.Len(t, h.seen, 1)
				require.Len(t, h.errs, 1)
				tt.check(t, h.errs[0])
				assert.Equal(t, body, string(h.failed[0].Raw))
				assert.Equal(t, "9001", h.failed[0].EntID)
			})
		}
	}
}

// watchedWriter counts what was written.
type watchedWriter struct {
	*httptest.ResponseRecorder
	writes int
}

func (w *watchedWriter) WriteHeader(status int) { w.writes++; w.ResponseRecorder.WriteHeader(status) }
func (w *watchedWriter) Write(b []byte) (int, error) {
	w.writes++
	return w.ResponseRecorder.Write(b)
}

func (w *watchedWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// TestAnsweredAfterTheFunction: nothing is written before it returned, and it
// gets the request's context.
func TestAnsweredAfterTheFunction(t *testing.T) {
	type key struct{}
	w := &watchedWriter{ResponseRecorder: httptest.NewRecorder()}
	called := false
	r := receiver(t, callback.Config{AllowUnauthenticated: true, Cancel: func(ctx context.Context, _ callback.Envelope, _ *jushuitan.CancelPush) error {
		called = true
		assert.Zero(t, w.writes)
		assert.Equal(t, "of the request", ctx.Value(key{}))
		return nil
	}})
	ctx := context.WithValue(t.Context(), key{}, "of the request")
	r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/?"+query(jushuitan.PushCancel), strings.NewReader(cancelBody)))
	assert.True(t, called)
	assertSuccess(t, w.ResponseRecorder)
	assert.Equal(t, 2, w.writes)
}

func TestEnvelopePrinting(t *testing.T) {
	env := callback.Envelope{
		EntID: "10010", StorageCode: "133242", Type: "2", Method: jushuitan.PushStock, TS: time.Unix(1700000000, 0).UTC(),
		RemoteAddr: "192.0.2.1:1234", Source: netip.MustParseAddr("192.0.2.1"), ChecksumForm: "sorted", Raw: []byte(`{"a":"CANARY"}`),
	}
	forms := []string{
		"CANARY", fmt.Sprintf("%x", "CANARY"), fmt.Sprintf("%X", "CANARY"), strings.Trim(fmt.Sprint([]byte("CANARY")), "[]"), "eyJhIjoi",
	}
	holder := struct{ Env callback.Envelope }{env}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%# x", "%d", "%o", "%b", "%c", "%U", "%t", "%e"} {
		texts = append(texts, fmt.Sprintf(verb, env), fmt.Sprintf(verb, &env), fmt.Sprintf(verb, []callback.Envelope{env}), fmt.Sprintf(verb, holder))
		assert.Contains(t, texts[len(texts)-1], "133242", verb)
	}
	for _, v := range []any{env, &env, holder} {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("push", "env", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("push", "env", v)
		texts = append(texts, b.String())
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		texts = append(texts, string(encoded))
	}
	for _, text := range texts {
		for _, form := range forms {
			assert.NotContains(t, text, form)
		}
	}
	assert.Equal(t, `Envelope{EntID:"10010" StorageCode:"133242" Type:"2" Method:"inventory.upload" TS:2023-11-15T06:13:20+08:00 `+
		`RemoteAddr:"192.0.2.1:1234" Source:192.0.2.1 ChecksumForm:"sorted" Raw:(14 bytes)}`, env.String())
	assert.Contains(t, callback.Envelope{}.String(), "TS: ")
}

// TestConcurrent: one receiver, many senders over HTTP, every message once.
func TestConcurrent(t *testing.T) {
	var calls, refused atomic.Int64
	var mu sync.Mutex
	seen := map[string]int{}
	r := receiver(t, callback.Config{
		AllowUnauthenticated: true,
		Cancel: func(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
			calls.Add(1)
			mu.Lock()
			defer mu.Unlock()
			seen[p.SoID]++
			assert.Contains(t, string(env.Raw), `"`+p.SoID+`"`)
			return nil
		},
		Stock: func(context.Context, callback.Envelope, *jushuitan.StockPush) error {
			calls.Add(1)
			panic("always")
		},
		OnError: func(context.Context, callback.Envelope, error) { refused.Add(1) },
	})
	server := httptest.NewServer(r)
	defer server.Close()
	post := func(method jushuitan.PushMethod, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?"+query(method), strings.NewReader(body))
		if !assert.NoError(t, err) {
			return 0, ""
		}
		res, err := server.Client().Do(req)
		if !assert.NoError(t, err) {
			return 0, ""
		}
		defer res.Body.Close()
		reply, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		return res.StatusCode, string(reply)
	}
	const workers, each = 8, 20
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for j := range each {
				status, reply := post(jushuitan.PushCancel, fmt.Sprintf(`{"so_id":"SO-%d-%d"}`, i, j))
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, success, reply)
				status, _ = post(jushuitan.PushStock, stockBody)
				assert.Equal(t, http.StatusInternalServerError, status)
			}
		})
	}
	wg.Wait()
	assert.Len(t, seen, workers*each)
	assert.EqualValues(t, 2*workers*each, calls.Load())
	assert.EqualValues(t, workers*each, refused.Load())
}

// reading tells when the body is first read.
type reading struct {
	io.ReadCloser
	once  sync.Once
	began chan struct{}
}

func (r *reading) Read(b []byte) (int, error) {
	r.once.Do(func() { close(r.began) })
	return r.ReadCloser.Read(b)
}

// TestSlowBody: the end of the request's context ends the reading of a body that
// does not come, on both versions of HTTP.
func TestSlowBody(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			var h host
			r := receiver(t, h.config())
			ctx, cancel := context.WithCancelCause(t.Context())
			gaveUp := errors.New("gave up")
			began := make(chan struct{})
			served := make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				defer close(served)
				req.Body = &reading{ReadCloser: req.Body, began: began}
				r.ServeHTTP(w, req.WithContext(ctx))
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()

			body, more := io.Pipe()
			defer more.Close()
			answered := make(chan *http.Response, 1)
			go func() {
				defer close(answered)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?"+query(jushuitan.PushCancel), body)
				if !assert.NoError(t, err) {
					return
				}
				if res, err := server.Client().Do(req); err == nil {
					answered <- res
				}
			}()
			_, err := io.WriteString(more, `{"so_id":"SO`)
			require.NoError(t, err)
			<-began
			cancel(gaveUp)
			<-served
			assert.Empty(t, h.seen)
			require.Len(t, h.errs, 1)
			require.ErrorIs(t, h.errs[0], jushuitan.ErrRequest)
			require.ErrorIs(t, h.errs[0], gaveUp)
			require.NoError(t, more.CloseWithError(errors.New("enough")))
			if res := <-answered; res != nil {
				assert.Equal(t, http.StatusRequestTimeout, res.StatusCode)
				assert.NoError(t, res.Body.Close())
			}
		})
	}
}

// setIn writes into a map, which panics when it is nil.
func setIn(m map[string]int) error { m["a"] = 1; return nil }

func panicWith(v any) error { panic(v) }
