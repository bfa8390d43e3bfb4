package qimen_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

const (
	muxSecret   = "helloworld" // of the vectors
	muxPrevious = "helloworld-before"
	muxCustomer = "stub-cust-code"
	xmlCreate   = `<?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>出库单-1</deliveryOrderCode></deliveryOrder><orderLines><orderLine><itemCode>A</itemCode><planQty>2</planQty></orderLine></orderLines></request>`
	jsonCreate  = `{"deliveryOrder":{"deliveryOrderCode":"出库单-1"},"orderLines":[{"itemCode":"A","planQty":2}]}`
)

// muxTime is the time of the vectors.
func muxTime() time.Time { return time.Date(2024, 1, 2, 3, 4, 5, 0, cst) }

// forward is a message as the gateway makes it. Its signature is made here, with
// nothing of the package's.
type forward struct {
	verb    string
	params  map[string]string // of the query, without sign
	form    map[string]string
	header  map[string]string // signed headers
	kind    string            // content type
	body    string
	secret  string
	empties bool // the names of empty parameters are signed

	unsigned bool
	change   func(r *http.Request) // after signing
}

func message(method, body string) *forward {
	return &forward{
		verb: http.MethodPost, body: body, kind: "text/xml;charset=utf-8", secret: muxSecret,
		params: map[string]string{
			"method": method, "app_key": "12345678", "customerId": muxCustomer, "format": "xml", "sign_method": "md5",
			"timestamp": "2024-01-02 03:04:05", "v": "2.0",
		},
	}
}

func (f *forward) with(name, value string) *forward {
	f.params = maps.Clone(f.params)
	f.params[name] = value
	return f
}

func (f *forward) without(names ...string) *forward {
	f.params = maps.Clone(f.params)
	for _, name := range names {
		delete(f.params, name)
	}
	return f
}

func (f *forward) sign() string {
	all := maps.Clone(f.params)
	maps.Copy(all, f.form)
	maps.Copy(all, f.header)
	body := f.body
	if f.form != nil {
		body = ""
	}
	return theirSign(f.params["sign_method"], f.secret, all, body, func(v string) bool { return v == "" && !f.empties })
}

func (f *forward) request() *http.Request {
	values := func(m map[string]string) url.Values {
		v := url.Values{}
		for name, value := range m {
			v.Set(name, value)
		}
		return v
	}
	query, body := values(f.params), f.body
	if !f.unsigned {
		query.Set("sign", f.sign())
	}
	if f.form != nil {
		body = values(f.form).Encode()
	}
	r := httptest.NewRequest(f.verb, "/qimen?"+query.Encode(), strings.NewReader(body))
	if f.kind != "" {
		r.Header.Set("Content-Type", f.kind)
	}
	if f.header != nil {
		r.Header.Set("top-sign-list", strings.Join(slices.Sorted(maps.Keys(f.header)), ","))
		for name, v := range f.header {
			r.Header.Set(name, url.QueryEscape(v))
		}
	}
	if f.change != nil {
		f.change(r)
	}
	return r
}

// reply is an answer, in either format.
type reply struct {
	XMLName xml.Name `json:"-" xml:"response"`
	Flag    string   `json:"flag" xml:"flag"`
	Code    string   `json:"code" xml:"code"`
	SubCode string   `json:"sub_code" xml:"sub_code"`
	Message string   `json:"message" xml:"message"`
	OrderID string   `json:"deliveryOrderId" xml:"deliveryOrderId"`
	Body    string   `json:"-" xml:"-"`
	JSON    bool     `json:"-" xml:"-"`
}

func serve(t testing.TB, m http.Handler, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	out := reply{Body: w.Body.String()}
	switch w.Header().Get("Content-Type") {
	case "application/json;charset=utf-8":
		root := struct {
			Response *reply `json:"response"`
		}{&out}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &root), out.Body)
		out.JSON = true
	case "text/xml;charset=utf-8":
		require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &out), out.Body)
	default:
		t.Fatalf("content type %q", w.Header().Get("Content-Type"))
	}
	require.Contains(t, []string{"success", "failure"}, out.Flag)
	return out
}

// reasons collects what the hook is told.
type reasons struct {
	errs []error
	envs []qimen.Envelope
}

func (r *reasons) note(_ context.Context, env qimen.Envelope, err error) {
	r.errs, r.envs = append(r.errs, err), append(r.envs, env)
}

func muxConfig(r *reasons) qimen.MuxConfig {
	return qimen.MuxConfig{
		Secrets: func(_ context.Context, appKey string) ([]string, error) {
			if appKey == "12345678" {
				return []string{muxSecret, muxPrevious}, nil
			}
			return nil, nil
		},
		Merchant: func(_ context.Context, customerID string) (string, error) {
			switch customerID {
			case muxCustomer:
				return "merchant-1", nil
			case "other-cust-code":
				return "merchant-2", nil
			case "down":
				return "", errors.New("the database is down")
			}
			return "", nil
		},
		Now:     muxTime,
		OnError: r.note,
	}
}

func newMux(t testing.TB, cfg qimen.MuxConfig) *qimen.Mux {
	t.Helper()
	m, err := qimen.NewMux(cfg)
	require.NoError(t, err)
	return m
}

// TestMuxMessages: which messages reach the handler, and how the others are
// answered.
func TestMuxMessages(t *testing.T) {
	create := func() *forward { return message("deliveryorder.create", xmlCreate) }
	cloud := func() *forward {
		f := message("qimen.taobao.pos.weborder.sync", `{"orderBillCode":"A123"}`)
		f.kind = "application/json"
		f.params = map[string]string{
			"customerid": muxCustomer, "app_key": "12345678", "target_appkey": "12345678", "method": "qimen.taobao.pos.weborder.sync",
			"sign_method": "md5", "format": "json", "request_id": "8ih3lzvo92w6", "source_appkey": "87654321", "timestamp": "2024-01-02 03:04:05",
		}
		return f
	}
	form := func() *forward {
		f := cloud()
		f.kind, f.body = "application/x-www-form-urlencoded;charset=utf-8", ""
		f.form = map[string]string{"orderBillCode": "A123", "quantity": "3", "note": "{brackets}", "item": `[{"qty":1},{"qty":2}]`}
		return f
	}
	edit := func(f *forward, change func(r *http.Request)) *forward { f.change = change; return f }
	query := func(f *forward, change func(q url.Values)) *forward {
		return edit(f, func(r *http.Request) {
			q := r.URL.Query()
			change(q)
			r.URL.RawQuery = q.Encode()
		})
	}
	body := func(f *forward, text string) *forward {
		return edit(f, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(text)) })
	}
	set := func(f *forward, change func(*forward)) *forward { change(f); return f }
	at := func(d time.Duration) string { return muxTime().Add(d).Format("2006-01-02 15:04:05") }

	const illegal = "sign-check-failure"
	tests := []struct {
		name string
		f    *forward
		code string // of the answer; 0 and 1 are successes
		err  error  // told to the hook
	}{
		{"with the short name", create(), "0", nil},
		{"with the full name", create().with("method", "taobao.qimen.deliveryorder.create"), "0", nil},
		{"hmac", create().with("sign_method", "hmac"), "0", nil},
		{"hmac-sha256", create().with("sign_method", "hmac-sha256"), "0", nil},
		{"HMAC", create().with("sign_method", "HMAC"), "0", nil},
		{"without sign_method: md5", create().without("sign_method"), "0", nil},
		{"previous secret", set(create(), func(f *forward) { f.secret = muxPrevious }), "0", nil},
		{"customer_id", create().without("customerId").with("customer_id", muxCustomer), "0", nil},
		{"two spellings of one customer", create().with("customer_id", muxCustomer), "0", nil},
		{"another merchant", create().with("customerId", "other-cust-code"), "0", nil},
		{"v 3.0", create().with("v", "3.0"), "0", nil},
		{"text/plain", set(create(), func(f *forward) { f.kind = "text/plain" }), "0", nil},
		{"no content type", set(create(), func(f *forward) { f.kind = "" }), "0", nil},
		{"application/xml", set(create(), func(f *forward) { f.kind = "application/xml; charset=UTF-8" }), "0", nil},
		{"JSON of a standard method", set(create().with("format", "json"), func(f *forward) { f.kind, f.body = "application/json", jsonCreate }), "0", nil},
		{"byte order mark", set(create(), func(f *forward) { f.body = "\xef\xbb\xbf" + f.body }), "0", nil},
		{"a control character in a text", set(create(), func(f *forward) { f.body = strings.Replace(f.body, "出库单-1", "出库单\x0b-1", 1) }), "0", nil},
		{"empty parameter not signed", create().with("session", ""), "0", nil},
		{"empty parameter signed", set(create().with("session", ""), func(f *forward) { f.empties = true }), "0", nil},
		{"empty parameter signed, hmac", set(create().with("session", "").with("sign_method", "hmac"), func(f *forward) { f.empties = true }), "0", nil},
		{"signed headers", set(create(), func(f *forward) { f.header = map[string]string{"X-Top-A": "值 1", "x-top-b": "2"} }), "0", nil},
		{"a listed header that is missing", set(create(), func(f *forward) { f.header, f.empties = map[string]string{"X-Top-A": ""}, true }), "0", nil},
		{"lower-case signature", query(create(), func(q url.Values) { q.Set("sign", strings.ToLower(q.Get("sign"))) }), "0", nil},
		{"10 minutes old", create().with("timestamp", at(-10*time.Minute)), "0", nil},
		{"10 minutes ahead", create().with("timestamp", at(10*time.Minute)), "0", nil},
		{"cloud", cloud(), "1", nil},
		{"cloud, hmac-sha256", cloud().with("sign_method", "hmac-sha256"), "1", nil},
		{"form", form(), "1", nil},
		{"form with a field that is no JSON", set(form(), func(f *forward) { f.form["memo"], f.form["more"] = "[1", "{vip}" }), "1", nil},
		{"form with an empty field, signed", set(form(), func(f *forward) { f.form["note"], f.empties = "", true }), "1", nil},
		{"all in the query", set(cloud().with("orderBillCode", "A123"), func(f *forward) { f.body = "" }), "1", nil},
		{"all in the form", set(form(), func(f *forward) {
			maps.Copy(f.form, f.params)
			f.form["sign"] = f.sign()
			f.params, f.unsigned = map[string]string{}, true
		}), "1", nil},

		{"JSON in a field of a form", set(create(), func(f *forward) {
			f.kind, f.form = "application/x-www-form-urlencoded", map[string]string{"request": jsonCreate}
		}), "0", nil},

		{"probe", &forward{verb: http.MethodPost, unsigned: true}, illegal, qimen.ErrSignature},
		{"probe by GET", &forward{verb: http.MethodGet, unsigned: true}, illegal, jushuitan.ErrRequest},
		{"signed GET", set(create(), func(f *forward) { f.verb = http.MethodGet }), illegal, jushuitan.ErrRequest},
		{"not signed", set(create(), func(f *forward) { f.unsigned = true }), illegal, qimen.ErrSignature},
		{"another's secret", set(create(), func(f *forward) { f.secret = "stranger" }), illegal, qimen.ErrSignature},
		{"no secret", set(create(), func(f *forward) { f.secret = "" }), illegal, qimen.ErrSignature},
		{"app not known", create().with("app_key", "99"), illegal, qimen.ErrSignature},
		{"target app not known", cloud().with("target_appkey", "99"), illegal, qimen.ErrSignature},
		{"sign method not known", create().with("sign_method", "sha1"), illegal, qimen.ErrSignature},
		{"changed body", body(create(), strings.Replace(xmlCreate, ">2<", ">3<", 1)), illegal, qimen.ErrSignature},
		{"a blank behind the body", body(create(), xmlCreate+" "), illegal, qimen.ErrSignature},
		{"changed form", body(form(), "orderBillCode=A124"), illegal, qimen.ErrSignature},
		{"signature for another merchant", query(create(), func(q url.Values) { q.Set("customerId", "other-cust-code") }), illegal, qimen.ErrSignature},
		{"signature for another method", query(create(), func(q url.Values) { q.Set("method", "deliveryorder.query") }), illegal, qimen.ErrSignature},
		{"prefix taken off after signing", query(create().with("method", "taobao.qimen.deliveryorder.create"), func(q url.Values) { q.Set("method", "deliveryorder.create") }), illegal, qimen.ErrSignature},
		{"later time stamp", query(create(), func(q url.Values) { q.Set("timestamp", at(time.Second)) }), illegal, qimen.ErrSignature},
		{"method weakened after signing", query(create().with("sign_method", "hmac"), func(q url.Values) { q.Set("sign_method", "md5") }), illegal, qimen.ErrSignature},
		{"an added parameter", query(create(), func(q url.Values) { q.Set("zz", "1") }), illegal, qimen.ErrSignature},
		{"a parameter twice", query(create(), func(q url.Values) { q.Add("v", "2.0") }), illegal, jushuitan.ErrRequest},
		{"sign twice", query(create(), func(q url.Values) { q.Add("sign", "0") }), illegal, jushuitan.ErrRequest},
		{"in query and form", set(form(), func(f *forward) { f.form["v"] = "2.0"; f.params["v"] = "2.0" }), illegal, jushuitan.ErrRequest},
		{"bad escape", edit(create(), func(r *http.Request) { r.URL.RawQuery += "&x=%zz" }), illegal, jushuitan.ErrRequest},
		{"a flood of parameters", edit(create(), func(r *http.Request) { r.URL.RawQuery += strings.Repeat("&", 3000) }), illegal, jushuitan.ErrRequest},
		{"changed header", edit(set(create(), func(f *forward) { f.header = map[string]string{"x-top-a": "1"} }), func(r *http.Request) { r.Header.Set("x-top-a", "2") }), illegal, qimen.ErrSignature},
		{"header twice", edit(set(create(), func(f *forward) { f.header = map[string]string{"x-top-a": "1"} }), func(r *http.Request) { r.Header.Add("x-top-a", "1") }), illegal, jushuitan.ErrRequest},
		{"header listed twice", edit(create(), func(r *http.Request) { r.Header.Set("top-sign-list", "x-a,x-a") }), illegal, jushuitan.ErrRequest},
		{"two lists", edit(create(), func(r *http.Request) { r.Header["Top-Sign-List"] = []string{"x-a", "x-b"} }), illegal, jushuitan.ErrRequest},
		{"header that is a parameter", edit(create(), func(r *http.Request) { r.Header.Set("top-sign-list", "v") }), illegal, jushuitan.ErrRequest},
		{"header with a bad escape", edit(create(), func(r *http.Request) { r.Header.Set("top-sign-list", "x-a"); r.Header.Set("x-a", "%zz") }), illegal, jushuitan.ErrRequest},
		{"unlisted header", edit(set(create(), func(f *forward) { f.header = map[string]string{"x-top-a": "1"} }), func(r *http.Request) { r.Header.Del("top-sign-list") }), illegal, qimen.ErrSignature},
		{"compressed", edit(create(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), illegal, jushuitan.ErrRequest},
		{"Big5 in the content type", set(create(), func(f *forward) { f.kind = "text/xml;charset=Big5" }), illegal, jushuitan.ErrRequest},
		{"cut off", edit(create(), func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) }), illegal, jushuitan.ErrRequest},
		{"stale", create().with("timestamp", at(-10*time.Minute-time.Second)), illegal, jushuitan.ErrWindow},
		{"from the future", create().with("timestamp", at(10*time.Minute+time.Second)), illegal, jushuitan.ErrWindow},
		{"no time stamp", create().without("timestamp"), illegal, jushuitan.ErrWindow},
		{"no time", create().with("timestamp", "1704135845"), illegal, jushuitan.ErrWindow},

		{"v 9", create().with("v", "9"), "0", nil},
		{"no method", create().without("method"), "21", qimen.ErrArgument},
		{"no customer", create().without("customerId"), "40", qimen.ErrArgument},
		{"two customers", create().with("customer_id", "other-cust-code"), "41", qimen.ErrArgument},
		{"customer of nobody", create().with("customerId", "nobody"), "41", qimen.ErrCustomer},
		{"merchants not available", create().with("customerId", "down"), "15", nil},
		{"method without handler", create().with("method", "entryorder.create"), "22", qimen.ErrMethod},
		{"method of nobody", create().with("method", "x.y"), "22", qimen.ErrMethod},
		{"no document", set(create(), func(f *forward) { f.body = "hello" }), "41", jushuitan.ErrDecode},
		{"an array", set(create(), func(f *forward) { f.body = "[]" }), "41", jushuitan.ErrDecode},
		{"not a number", set(create(), func(f *forward) { f.body = strings.Replace(xmlCreate, ">2<", ">two<", 1) }), "41", jushuitan.ErrDecode},
		{"cut XML", set(create(), func(f *forward) { f.body = xmlCreate[:len(xmlCreate)-5] }), "41", jushuitan.ErrDecode},
		{"cut JSON", set(create(), func(f *forward) { f.body = jsonCreate[:len(jsonCreate)-5] }), "41", jushuitan.ErrDecode},
		{"a list that is none", set(form(), func(f *forward) { f.form["item"] = "x" }), "41", jushuitan.ErrDecode},
		{"an empty form", set(create(), func(f *forward) { f.kind, f.form = "application/x-www-form-urlencoded", map[string]string{} }), "41", jushuitan.ErrDecode},
		{"XML in a field of a form", set(create(), func(f *forward) {
			f.kind, f.form = "application/x-www-form-urlencoded", map[string]string{"request": xmlCreate}
		}), "41", jushuitan.ErrDecode},
		{"too large", set(create(), func(f *forward) { f.body += strings.Repeat(" ", 100_000) }), "41", jushuitan.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hook reasons
			cfg := muxConfig(&hook)
			cfg.MaxBody = 64 << 10
			m := newMux(t, cfg)
			var got []qimen.Envelope
			qimen.Handle(m, func(_ context.Context, env qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
				got = append(got, env)
				assert.Equal(t, "出库单-1", req.DeliveryOrder.DeliveryOrderCode)
				if assert.Len(t, req.OrderLines, 1) {
					assert.Equal(t, "2", req.OrderLines[0].PlanQty.String())
				}
				return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-1"}, nil
			})
			qimen.Handle(m, func(_ context.Context, env qimen.Envelope, req *qimen.POSWebOrderSyncRequest) (*qimen.POSWebOrderSyncResponse, error) {
				got = append(got, env)
				assert.Equal(t, "A123", req.OrderBillCode)
				if tt.f.form["item"] != "" {
					require.Len(t, req.Items, 2)
				}
				assert.Equal(t, tt.f.form["note"], req.Note)
				return nil, nil
			})
			r := serve(t, m, tt.f.request())
			assert.Equal(t, tt.code, r.Code, "%v", hook.errs)
			for _, s := range []string{muxSecret, muxPrevious, tt.f.sign()} {
				assert.NotContains(t, fmt.Sprint(hook.errs, hook.envs)+r.Body, s)
			}
			if tt.code == "0" || tt.code == "1" {
				assert.Equal(t, "success", r.Flag)
				require.Len(t, got, 1)
				assert.Empty(t, hook.errs)
				assert.Equal(t, tt.code == "0", r.OrderID == "D-1")
				return
			}
			assert.Equal(t, "failure", r.Flag)
			assert.Empty(t, got, "the handler was called")
			require.Len(t, hook.errs, 1)
			if tt.err != nil {
				require.ErrorIs(t, hook.errs[0], tt.err)
			}
			if tt.code == illegal {
				assert.Equal(t, "Illegal request", r.Message)
			}
		})
	}
}

// TestMuxVectors: V4 and V5, in which everything was computed elsewhere.
func TestMuxVectors(t *testing.T) {
	for name, tt := range map[string]struct{ query, body, method, source, id, success string }{
		"V4": {
			"method=deliveryorder.create&app_key=12345678&customerId=stub-cust-code&format=xml&sign_method=md5&timestamp=2024-01-02+03%3A04%3A05&v=2.0&sign=30C8A6F9E301BC9128F33D08B86BE1C0",
			"<request/>", "taobao.qimen.deliveryorder.create", "", "",
			`<?xml version="1.0" encoding="utf-8"?><response><flag>success</flag><code>0</code><message>ok</message></response>`,
		},
		"V5": {
			"customerid=stub-cust-code&app_key=12345678&target_appkey=12345678&method=qimen.taobao.pos.weborder.sync&sign_method=md5&format=json&request_id=8ih3lzvo92w6&source_appkey=87654321&timestamp=2024-01-02+03%3A04%3A05&sign=95AC3A06FE2C958A0ACF71F645517F69",
			`{"orderBillCode":"A123"}`, "qimen.taobao.pos.weborder.sync", "87654321", "8ih3lzvo92w6",
			`{"response":{"flag":"success","code":"1","message":"ok"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var hook reasons
			m := newMux(t, muxConfig(&hook))
			var got []qimen.Envelope
			qimen.Handle(m, func(_ context.Context, env qimen.Envelope, _ *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
				got = append(got, env)
				return nil, nil
			})
			qimen.Handle(m, func(_ context.Context, env qimen.Envelope, _ *qimen.POSWebOrderSyncRequest) (*qimen.POSWebOrderSyncResponse, error) {
				got = append(got, env)
				return nil, nil
			})
			r := httptest.NewRequest(http.MethodPost, "/?"+tt.query, strings.NewReader(tt.body))
			assert.Equal(t, tt.success, serve(t, m, r).Body, "%v", hook.errs)
			require.Len(t, got, 1)
			env := got[0]
			assert.Equal(t, tt.body, string(env.Raw))
			env.Raw = nil
			want := qimen.Envelope{
				Method: tt.method, CustomerID: muxCustomer, Merchant: "merchant-1", AppKey: "12345678", SourceAppKey: tt.source,
				RequestID: tt.id, Timestamp: muxTime(), AnswerFormat: env.AnswerFormat, RemoteAddr: "192.0.2.1:1234",
			}
			assert.True(t, want.Timestamp.Equal(env.Timestamp))
			assert.Equal(t, fmt.Sprint(want), fmt.Sprint(env))
		})
	}
}

// TestMuxAnswerFormat: the sender's, as far as it is known.
func TestMuxAnswerFormat(t *testing.T) {
	for name, tt := range map[string]struct {
		format, kind, body string
		json               bool
	}{
		"the parameter":        {"json", "text/xml", xmlCreate, true},
		"the parameter, XML":   {"xml", "application/json", jsonCreate, false},
		"the body":             {"", "text/plain", jsonCreate, true},
		"the body, XML":        {"", "application/json", xmlCreate, false},
		"not known, and JSON":  {"csv", "", jsonCreate, true},
		"nothing":              {"", "", "hello", false},
		"content type":         {"", "application/json", "hello", true},
		"nothing and no body":  {"", "", "", false},
		"form":                 {"", "application/x-www-form-urlencoded", "", true},
		"upper case parameter": {"JSON", "text/xml", xmlCreate, true},
	} {
		for _, broken := range []bool{false, true} {
			f := message("deliveryorder.create", tt.body).with("format", tt.format)
			f.kind = tt.kind
			if broken {
				f.secret = "stranger"
			}
			m := newMux(t, muxConfig(new(reasons)))
			m.HandleRaw("deliveryorder.create", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil })
			assert.Equal(t, tt.json, serve(t, m, f.request()).JSON, "%s, broken %t", name, broken)
		}
	}
}

// TestMuxHandlers: answers and errors of handlers.
func TestMuxHandlers(t *testing.T) {
	const personal = "13800000000"
	secretCause := errors.New("receiver " + personal)
	for name, tt := range map[string]struct {
		answer *qimen.DeliveryOrderCreateResponse
		err    error
		panics any
		want   reply
	}{
		"success without members": {want: reply{Flag: "success", Code: "0", Message: "ok"}},
		"success":                 {answer: &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D<1>"}, want: reply{Flag: "success", Code: "0", Message: "ok", OrderID: "D<1>"}},
		"any error":               {err: secretCause, want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"}},
		"a failure": {
			err:  fmt.Errorf("stock: %w", errors.Join(secretCause, &qimen.Failure{Code: "S003", SubCode: "isv.no-stock", Message: `缺货 <A> & "B"`})),
			want: reply{Flag: "failure", Code: "S003", SubCode: "isv.no-stock", Message: `缺货 <A> & "B"`},
		},
		"a failure with members": {
			answer: &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-2"}, err: &qimen.Failure{Code: "P1", Message: "half"},
			want: reply{Flag: "failure", Code: "P1", Message: "half", OrderID: "D-2"},
		},
		"no failure": {err: (*qimen.Failure)(nil), want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"}},
		"no failure with members": {
			answer: &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-2"}, err: (*qimen.Failure)(nil),
			want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"},
		},
		"an empty failure":       {err: &qimen.Failure{}, want: reply{Flag: "failure", Code: "15", Message: "Remote service error"}},
		"a failure not in UTF-8": {err: &qimen.Failure{Code: "\xff", Message: "a\xffb"}, want: reply{Flag: "failure", Code: "?", Message: "a?b"}},
		"members with an error":  {answer: &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-3"}, err: secretCause, want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"}},
		"a panic":                {panics: personal, want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"}},
		"a panic with an error":  {panics: secretCause, want: reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"}},
		"not encodable": {
			answer: &qimen.DeliveryOrderCreateResponse{Extra: map[string]json.RawMessage{"x": json.RawMessage("{")}},
			want:   reply{Flag: "failure", Code: "15", SubCode: "isp.remote-service-error", Message: "Remote service error"},
		},
	} {
		for _, format := range []string{"xml", "json"} {
			t.Run(name+" "+format, func(t *testing.T) {
				var hook reasons
				m := newMux(t, muxConfig(&hook))
				qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
					if tt.panics != nil {
						panic(tt.panics)
					}
					return tt.answer, tt.err
				})
				got := serve(t, m, message("deliveryorder.create", xmlCreate).with("format", format).request())
				assert.NotContains(t, got.Body, personal)
				if format == "xml" && name == "a failure not in UTF-8" {
					return // XML has its own sign for that
				}
				want := tt.want
				want.Body, want.JSON, want.XMLName = got.Body, format == "json", got.XMLName
				assert.Equal(t, want, got)
				if want.Flag == "success" {
					assert.Empty(t, hook.errs)
					return
				}
				require.Len(t, hook.errs, 1)
				if tt.err != nil {
					require.ErrorIs(t, hook.errs[0], tt.err)
				}
				if tt.panics != nil {
					_, ok := errors.AsType[*jushuitan.PanicError](hook.errs[0])
					require.True(t, ok)
					assert.NotContains(t, fmt.Sprintf("%v %+v %#v", hook.errs[0], hook.errs[0], hook.errs[0]), personal)
				}
				if name == "not encodable" {
					require.ErrorIs(t, hook.errs[0], qimen.ErrAnswer)
				}
			})
		}
	}
}

func TestMuxHostPanics(t *testing.T) {
	for name, change := range map[string]func(*qimen.MuxConfig){
		"secrets":  func(c *qimen.MuxConfig) { c.Secrets = func(context.Context, string) ([]string, error) { panic("x") } },
		"merchant": func(c *qimen.MuxConfig) { c.Merchant = func(context.Context, string) (string, error) { panic("x") } },
		"clock":    func(c *qimen.MuxConfig) { c.Now = func() time.Time { panic("x") } },
	} {
		t.Run(name, func(t *testing.T) {
			var hook reasons
			cfg := muxConfig(&hook)
			change(&cfg)
			m := newMux(t, cfg)
			m.HandleRaw("deliveryorder.create", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil })
			assert.Equal(t, "15", serve(t, m, message("deliveryorder.create", xmlCreate).request()).Code)
			require.Len(t, hook.errs, 1)
		})
	}
	t.Run("a store of secrets that fails", func(t *testing.T) {
		var hook reasons
		cfg := muxConfig(&hook)
		down := errors.New("down")
		cfg.Secrets = func(context.Context, string) ([]string, error) { return nil, down }
		r := serve(t, newMux(t, cfg), message("deliveryorder.create", xmlCreate).request())
		assert.Equal(t, "10", r.Code)
		assert.Equal(t, "isp.remote-service-unavailable", r.SubCode)
		require.ErrorIs(t, hook.errs[0], down)
	})
	t.Run("a merchant chosen answer", func(t *testing.T) {
		cfg := muxConfig(new(reasons))
		cfg.Merchant = func(context.Context, string) (string, error) {
			return "", &qimen.Failure{Code: "gone", Message: "left"}
		}
		m := newMux(t, cfg)
		m.HandleRaw("deliveryorder.create", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil })
		assert.Equal(t, "gone", serve(t, m, message("deliveryorder.create", xmlCreate).request()).Code)
	})
}

// TestMuxRaw: methods without types, by either name, and their answers.
func TestMuxRaw(t *testing.T) {
	type answer struct {
		ID string `json:"deliveryOrderId,omitzero" xml:"deliveryOrderId"`
	}
	for name, tt := range map[string]struct {
		handled, sent string
		answer        any
		id            string
		fails         bool
	}{
		"nil":                  {"inventoryreserve.create", "taobao.qimen.inventoryreserve.create", nil, "", false},
		"map":                  {"taobao.qimen.inventoryreserve.create", "inventoryreserve.create", map[string]any{"deliveryOrderId": "R1"}, "R1", false},
		"struct":               {"own.method", "own.method", answer{"R2"}, "R2", false},
		"pointer":              {"own.method", "own.method", &answer{"R3"}, "R3", false},
		"nil pointer":          {"own.method", "own.method", (*answer)(nil), "", false},
		"JSON":                 {"own.method", "own.method", json.RawMessage(`{"deliveryOrderId":"R4"}`), "R4", false},
		"empty object":         {"own.method", "own.method", json.RawMessage(`{}`), "", false},
		"text":                 {"own.method", "own.method", "R5", "", true},
		"list":                 {"own.method", "own.method", []answer{{"R6"}}, "", true},
		"JSON that is a list":  {"own.method", "own.method", json.RawMessage(`[1]`), "", true},
		"JSON that is cut off": {"own.method", "own.method", json.RawMessage(`{"a":`), "", true},
		"a typed method":       {"deliveryorder.create", "deliveryorder.create", answer{"R7"}, "R7", false},
	} {
		for _, format := range []string{"xml", "json"} {
			t.Run(name+" "+format, func(t *testing.T) {
				var hook reasons
				m := newMux(t, muxConfig(&hook))
				m.HandleRaw(tt.handled, func(_ context.Context, env qimen.Envelope, body []byte) (any, error) {
					assert.Equal(t, xmlCreate, string(body))
					assert.Equal(t, "merchant-1", env.Merchant)
					return tt.answer, nil
				})
				r := serve(t, m, message(tt.sent, xmlCreate).with("format", format).request())
				if tt.fails {
					assert.Equal(t, "failure", r.Flag)
					require.Len(t, hook.errs, 1)
					require.ErrorIs(t, hook.errs[0], qimen.ErrAnswer)
					return
				}
				assert.Equal(t, "success", r.Flag, "%v", hook.errs)
				assert.Equal(t, tt.id, r.OrderID)
			})
		}
	}
}

func TestMuxConfigRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*qimen.MuxConfig)
		want   string
	}{
		"no secrets":       {func(c *qimen.MuxConfig) { c.Secrets = nil }, "Secrets is required"},
		"no merchant":      {func(c *qimen.MuxConfig) { c.Merchant = nil }, "Merchant is required"},
		"sign method":      {func(c *qimen.MuxConfig) { c.SignMethods = []qimen.SignMethod{"sha1"} }, `unknown sign method "sha1"`},
		"a network":        {func(c *qimen.MuxConfig) { c.Sources = make([]netip.Prefix, 1) }, "not valid"},
		"negative body":    {func(c *qimen.MuxConfig) { c.MaxBody = -1 }, "MaxBody is -1"},
		"negative answers": {func(c *qimen.MuxConfig) { c.Answers = -1 }, "Answers is -1"},
	} {
		cfg := muxConfig(new(reasons))
		tt.change(&cfg)
		_, err := qimen.NewMux(cfg)
		require.ErrorContains(t, err, tt.want, name)
	}
}

func TestMuxRegistration(t *testing.T) {
	create := func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		return nil, nil
	}
	raw := func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil }
	m := newMux(t, muxConfig(new(reasons)))
	qimen.Handle(m, create)
	qimen.HandleRepeat(m, create)
	for name, f := range map[string]func(){
		"twice":            func() { qimen.Handle(m, create) },
		"raw beside typed": func() { m.HandleRaw("taobao.qimen.deliveryorder.create", raw) },
		"repeat twice":     func() { qimen.HandleRepeat(m, create) },
		"no name":          func() { m.HandleRaw("", raw) },
		"only the prefix":  func() { m.HandleRaw("taobao.qimen.", raw) },
		"no request": func() {
			qimen.Handle(m, func(context.Context, qimen.Envelope, *string) (*string, error) { return nil, nil })
		},
		"another one's type": func() {
			qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.StockQueryRequest) (*qimen.OrderCancelResponse, error) {
				return nil, nil
			})
		},
	} {
		assert.Panics(t, f, name)
	}
}

// TestMuxStrict: what a config may narrow.
func TestMuxStrict(t *testing.T) {
	ok := func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil }
	for name, tt := range map[string]struct {
		change func(*qimen.MuxConfig)
		f      *forward
		code   string
	}{
		"md5 not allowed":     {func(c *qimen.MuxConfig) { c.SignMethods = []qimen.SignMethod{qimen.HMACSHA256} }, message("m", "<r/>"), "sign-check-failure"},
		"sha256 allowed":      {func(c *qimen.MuxConfig) { c.SignMethods = []qimen.SignMethod{qimen.HMACSHA256} }, message("m", "<r/>").with("sign_method", "hmac-sha256"), "0"},
		"from elsewhere":      {func(c *qimen.MuxConfig) { c.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, message("m", "<r/>"), "sign-check-failure"},
		"from the network":    {func(c *qimen.MuxConfig) { c.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, message("m", "<r/>"), "0"},
		"no window":           {func(c *qimen.MuxConfig) { c.MaxAge, c.MaxAhead = -1, -1 }, message("m", "<r/>").with("timestamp", "2001-01-01 00:00:00"), "0"},
		"no window, no stamp": {func(c *qimen.MuxConfig) { c.MaxAge, c.MaxAhead = -1, -1 }, message("m", "<r/>").without("timestamp"), "0"},
		"a second":            {func(c *qimen.MuxConfig) { c.MaxAge = time.Second }, message("m", "<r/>").with("timestamp", "2024-01-02 03:04:03"), "sign-check-failure"},
		"one app":             {func(c *qimen.MuxConfig) { c.Secrets = qimen.StaticSecrets("new", muxSecret) }, message("m", "<r/>").with("app_key", "of the sender"), "0"},
		"one app, no secret":  {func(c *qimen.MuxConfig) { c.Secrets = qimen.StaticSecrets("") }, func() *forward { f := message("m", "<r/>"); f.secret = ""; return f }(), "sign-check-failure"},
	} {
		cfg := muxConfig(new(reasons))
		tt.change(&cfg)
		m := newMux(t, cfg)
		m.HandleRaw("m", ok)
		assert.Equal(t, tt.code, serve(t, m, tt.f.request()).Code, name)
	}
}

// TestEnvelopePrinted: without the body, however it is printed.
func TestEnvelopePrinted(t *testing.T) {
	env := qimen.Envelope{Method: "m", CustomerID: "c", Raw: []byte("13800000000")}
	text, err := json.Marshal(env)
	require.NoError(t, err)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s", env, env, env, env), fmt.Sprint(&env), env.LogValue().String(), string(text)} {
		assert.NotContains(t, s, "138")
		assert.NotContains(t, s, fmt.Sprint([]byte("138"))[1:])
	}
	assert.Contains(t, env.String(), "Raw:(11 bytes)")
}

// TestMuxBodyDeadline: a body that does not arrive holds nothing for ever.
func TestMuxBodyDeadline(t *testing.T) {
	var hook reasons
	cfg := muxConfig(&hook)
	cfg.BodyTimeout = 50 * time.Millisecond
	m := newMux(t, cfg)
	server := httptest.NewServer(m)
	defer server.Close()
	slow, end := io.Pipe()
	defer func() { _ = end.Close() }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"?sign=x", slow)
	require.NoError(t, err)
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), "sign-check-failure")
	require.ErrorIs(t, hook.errs[0], jushuitan.ErrRequest)
}
