package qimen_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// officialAnswer is an answer as the official client's parser reads it.
type officialAnswer struct {
	members map[string]string
	success bool // QimenResponse.isSuccess: flag equals success
}

// officialParse follows the official client: XML has its members among the children of the
// root element, whatever its name; in JSON they are in the object under response, or in the
// root; in json2 they are in the root.
func officialParse(t *testing.T, format, text string) officialAnswer {
	t.Helper()
	out := officialAnswer{members: map[string]string{}}
	if strings.HasPrefix(format, "json") {
		var root map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &root))
		if inner, ok := root["response"].(map[string]any); ok && format == "json" {
			root = inner
		}
		for name, v := range root {
			if s, ok := v.(string); ok {
				out.members[name] = s
			}
		}
	} else {
		dec := xml.NewDecoder(strings.NewReader(text))
		depth, name := 0, ""
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			switch token := token.(type) {
			case xml.StartElement:
				if depth++; depth == 2 {
					name = token.Name.Local
				}
			case xml.EndElement:
				depth--
			case xml.CharData:
				if depth == 2 {
					out.members[name] += string(token)
				}
			}
		}
	}
	out.success = out.members["flag"] == "success"
	return out
}

// TestOfficialParser: what the mux answers is what the official client reads.
func TestOfficialParser(t *testing.T) {
	m := newMux(t, muxConfig(new(reasons)))
	qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		if req.DeliveryOrder.DeliveryOrderCode == "BAD" {
			return nil, &qimen.Failure{Code: "S003", SubCode: "isv.no-stock", Message: "库存不足 <1>"}
		}
		return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D&1"}, nil
	})
	for _, format := range []string{"xml", "json", "json2", "xml2"} {
		for name, tt := range map[string]struct {
			msg  *forward
			want map[string]string
		}{
			"success":   {creation("SO-" + format), map[string]string{"flag": "success", "code": "0", "deliveryOrderId": "D&1"}},
			"repeated":  {creation("SO-" + format), map[string]string{"flag": "success", "code": "0", "deliveryOrderId": "D&1"}},
			"failure":   {creation("BAD"), map[string]string{"flag": "failure", "code": "S003", "sub_code": "isv.no-stock", "message": "库存不足 <1>"}},
			"no method": {message("made.up", "<request/>"), map[string]string{"flag": "failure", "code": "22"}},
			"unsigned":  {with(creation("SO-9"), func(f *forward) { f.secret = "another" }), map[string]string{"flag": "failure", "code": "sign-check-failure", "message": "Illegal request"}},
		} {
			w := httptest.NewRecorder()
			m.ServeHTTP(w, tt.msg.with("format", format).request())
			got := officialParse(t, format, w.Body.String())
			assert.Equal(t, tt.want["flag"] == "success", got.success, "%s, %s: %s", name, format, w.Body)
			for member, want := range tt.want {
				assert.Equal(t, want, got.members[member], "%s, %s: %s of %s", name, format, member, w.Body)
			}
			if format == "json2" {
				assert.NotContains(t, w.Body.String(), `"response"`)
			}
		}
	}
	// The simplified format without a wrapper is read as well.
	body := `{"deliveryOrder":{"deliveryOrderCode":"SO-flat"}}`
	w := httptest.NewRecorder()
	m.ServeHTTP(w, message("deliveryorder.create", body).with("format", "json2").request())
	assert.True(t, officialParse(t, "json2", w.Body.String()).success, w.Body)
}

func with(f *forward, change func(f *forward)) *forward {
	change(f)
	return f
}

// TestParts: the parts of a document under one number all run, and an exact repeat of any of
// them does not.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMux(t, muxConfig(new(reasons)))
		var ran []string
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.StockOutCreateRequest) (*qimen.StockOutCreateResponse, error) {
			ran = append(ran, "stockout "+req.OrderLines[0].ItemCode)
			return nil, nil
		})
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.EntryOrderCreateRequest) (*qimen.EntryOrderCreateResponse, error) {
			ran = append(ran, "entry "+req.OrderLines[0].ItemCode)
			return nil, nil
		})
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
			ran = append(ran, "confirm "+req.OrderLines[0].ItemCode)
			return nil, nil
		})
		lines := func(item string) string {
			return `<orderLines><orderLine><itemCode>` + item + `</itemCode></orderLine></orderLines></request>`
		}
		stockout := func(item string) *forward {
			return message("stockout.create", `<request><deliveryOrder><totalOrderLines>2</totalOrderLines><deliveryOrderCode>DO</deliveryOrderCode></deliveryOrder>`+lines(item))
		}
		entry := func(item string) *forward {
			return message("entryorder.create", `<request><entryOrder><totalOrderLines>2</totalOrderLines><entryOrderCode>E</entryOrderCode></entryOrder>`+lines(item))
		}
		confirm := func(item string) *forward {
			return message("deliveryorder.confirm", `<request><deliveryOrder><deliveryOrderCode>DO</deliveryOrderCode><outBizCode>B</outBizCode></deliveryOrder>`+lines(item))
		}
		for i, msg := range []*forward{
			stockout("A"), stockout("B"), stockout("A"), stockout("B"), entry("A"), entry("B"), entry("B"), entry("A"), confirm("A"), confirm("B"), confirm("A"),
		} {
			stamp := muxTime().Add(time.Duration(i) * time.Second).Format(time.DateTime)
			assert.Equal(t, "success", serve(t, m, msg.with("timestamp", stamp).request()).Flag)
		}
		assert.Equal(t, []string{"stockout A", "stockout B", "entry A", "entry B", "confirm A", "confirm B"}, ran)
	})
}

// TestCancelledElsewhere: a document that another process cancelled may be created again with
// the same content, in all its parts, and cancelled again.
func TestCancelledElsewhere(t *testing.T) {
	shared := jushuitan.NewMemoryDeduper(0)
	var ran []string
	process := func() *qimen.Mux {
		cfg := muxConfig(new(reasons))
		cfg.Deduper = shared
		m := newMux(t, cfg)
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.StockOutCreateRequest) (*qimen.StockOutCreateResponse, error) {
			ran = append(ran, req.OrderLines[0].ItemCode)
			return nil, nil
		})
		qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.OrderCancelRequest) (*qimen.OrderCancelResponse, error) {
			ran = append(ran, "cancel")
			return nil, nil
		})
		return m
	}
	part := func(item string) *forward {
		return message("stockout.create", `<request><deliveryOrder><deliveryOrderCode>DO</deliveryOrderCode><orderType>PTCK</orderType></deliveryOrder>`+
			`<orderLines><orderLine><itemCode>`+item+`</itemCode></orderLine></orderLines></request>`)
	}
	cancel := cancellation("DO", "PTCK")
	for _, msg := range []*forward{part("A"), part("B"), part("A"), cancel, cancel, part("A"), part("B"), part("B"), part("A"), cancel, part("B"), part("B")} {
		assert.Equal(t, "success", serve(t, process(), msg.request()).Flag) // each time another process
	}
	assert.Equal(t, []string{"A", "B", "cancel", "A", "B", "cancel", "B"}, ran)
}

// TestPOSNames: a POS method has one handler under both of its names, and v may be anything.
func TestPOSNames(t *testing.T) {
	m := newMux(t, muxConfig(new(reasons)))
	var methods []string
	qimen.Handle(m, func(_ context.Context, env qimen.Envelope, req *qimen.POSWebOrderSyncRequest) (*qimen.POSWebOrderSyncResponse, error) {
		methods = append(methods, env.Method+" "+req.OrderBillCode)
		return nil, nil
	})
	for i, name := range []string{"qimen.taobao.pos.weborder.sync", "taobao.pos.weborder.sync", "taobao.pos.weborder.sync"} {
		body := `{"orderBillCode":"` + []string{"A", "B", "A"}[i] + `"}`
		r := serve(t, m, message(name, body).with("format", "json").with("v", []string{"", "9.1", "v2"}[i]).request())
		assert.Equal(t, "success", r.Flag)
		assert.Equal(t, "1", r.Code)
	}
	assert.Equal(t, []string{"qimen.taobao.pos.weborder.sync A", "qimen.taobao.pos.weborder.sync B"}, methods, "one method, also for its repeats")
	assert.Panics(t, func() {
		m.HandleRaw("taobao.pos.weborder.sync", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil })
	})
}

// TestFormTexts: a text of a form stays the text that it is, even if it looks like JSON.
func TestFormTexts(t *testing.T) {
	m := newMux(t, muxConfig(new(reasons)))
	var got *qimen.POSWebOrderSyncRequest
	qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.POSWebOrderSyncRequest) (*qimen.POSWebOrderSyncResponse, error) {
		got = req
		return nil, nil
	})
	f := message("qimen.taobao.pos.weborder.sync", "")
	f.kind = "application/x-www-form-urlencoded"
	f.form = map[string]string{"orderBillCode": "A", "name": `{"x":1}`, "creater": `["a"]`, "city": "[1", "quantity": "3"}
	require.Equal(t, "success", serve(t, m, f.request()).Flag)
	assert.Equal(t, []string{`{"x":1}`, `["a"]`, "[1", "3"}, []string{got.Name, got.Creator, got.City, got.Quantity.String()})
}

// TestFailureText: the text of a failure has what is answered.
func TestFailureText(t *testing.T) {
	assert.EqualError(t, &qimen.Failure{}, "answered with failure, code 15")
	assert.EqualError(t, &qimen.Failure{Code: "W1", SubCode: "isv.x", Message: "库存不足"}, `answered with failure, code W1, sub_code isv.x, "库存不足"`)
}

// TestOnErrorNames: what OnError is told names the method and the customer, as far as they are
// known.
func TestOnErrorNames(t *testing.T) {
	var hook reasons
	m := newMux(t, muxConfig(&hook))
	m.HandleRaw("deliveryorder.create", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, errors.New("boom") })
	for _, f := range []*forward{message("deliveryorder.create", xmlCreate), message("deliveryorder.create", xmlCreate).without("customerId"), message("", xmlCreate)} {
		serve(t, m, f.request())
	}
	require.Len(t, hook.errs, 3)
	assert.Contains(t, hook.errs[0].Error(), `qimen: mux: "taobao.qimen.deliveryorder.create" customer "stub-cust-code": `)
	assert.Contains(t, hook.errs[0].Error(), "boom")
	assert.Contains(t, hook.errs[1].Error(), `qimen: mux: "taobao.qimen.deliveryorder.create": `)
	assert.Contains(t, hook.errs[2].Error(), "qimen: mux: message: ")
}

// TestBlankValues: a value of white space only is neither signed nor sent; a message may have
// one, signed or not.
func TestBlankValues(t *testing.T) {
	f := text(`{"response":{"flag":"success"}}`)
	cfg := config()
	cfg.Session = " \t"
	err := newClient(t, f, cfg).Call(t.Context(), "qimen.taobao.pos.items.get", map[string]any{
		"storeCode": "S 1", "a": " ", "b": "\t\r\n", "c": "\u3000", "d": "\u00a0", "e": "", " ": "x",
	}, nil)
	require.NoError(t, err)
	sent := f.last()
	assert.Equal(t, "S 1", sent.form.Get("storeCode"))
	assert.Equal(t, "\u00a0", sent.form.Get("d"), "a no-break space is text, as in Java")
	assert.Len(t, sent.form, 2)
	assert.False(t, sent.query.Has("session"))
	assert.True(t, sent.verified(t))

	m := newMux(t, muxConfig(new(reasons)))
	(&host{}).mount(m)
	for name, msg := range map[string]*forward{
		"blank, signed":             creation("SO-1").with("session", "  "),
		"empty, signed":             with(creation("SO-2").with("session", ""), func(f *forward) { f.empties = true }),
		"both, signed":              with(creation("SO-3").with("session", "").with("x", " "), func(f *forward) { f.empties = true }),
		"empty left out, blank not": creation("SO-4").with("session", "").with("x", " "),
		"both left out": with(creation("SO-5").with("session", "").with("x", "\u3000"), func(f *forward) {
			signed := *f
			signed.params = f.without("session", "x").params
			f.params["sign"], f.unsigned = signed.sign(), true
		}),
	} {
		assert.Equal(t, "success", serve(t, m, msg.request()).Flag, name)
	}
	assert.Equal(t, "sign-check-failure", serve(t, m, with(creation("SO-6").with("x", " "), func(f *forward) { f.secret = "other" }).request()).Code)
}

// TestClasses: the classes that the platform documents.
func TestClasses(t *testing.T) {
	for name, tt := range map[string]struct {
		code, sub, msg string
		class          error
		attempts       int
	}{
		"11":                       {"11", "", "Insufficient isv permissions", jushuitan.ErrPermission, 1},
		"permission":               {"15", "isv.permission-api-package-limit", "x", jushuitan.ErrPermission, 1},
		"permission, suffix":       {"11", "isv.permission-api-package-empty:123", "x", jushuitan.ErrPermission, 1},
		"IP":                       {"15", "isv.ip-not-in-whitelist", "x", jushuitan.ErrIPNotAllowed, 1},
		"24":                       {"24", "", "Missing signature", jushuitan.ErrSign, 1},
		"25":                       {"25", "", "x", jushuitan.ErrSign, 1},
		"26":                       {"26", "", "Missing session", jushuitan.ErrTokenExpired, 1},
		"27":                       {"27", "", "Invalid session", jushuitan.ErrTokenExpired, 1},
		"29":                       {"29", "isv.appkey-not-exists", "Invalid app Key", jushuitan.ErrSign, 1},
		"app key":                  {"15", "isv.appkey-suspended", "x", jushuitan.ErrSign, 1},
		"40":                       {"40", "isv.missing-parameter:code", "Missing required arguments:code", jushuitan.ErrInvalid, 1},
		"41":                       {"41", "", "Invalid arguments:page_size", jushuitan.ErrInvalid, 1},
		"41, clock":                {"41", "", "Invalid arguments:timestamp", jushuitan.ErrTimestamp, 1},
		"31":                       {"31", "", "x", jushuitan.ErrTimestamp, 1},
		"7":                        {"7", "", "App Call Limited", jushuitan.ErrRateLimited, 4},
		"15":                       {"15", "", "Remote service error", jushuitan.ErrUnavailable, 4},
		"isp with suffix":          {"15", "isp.remote-service-timeout:hsf", "x", jushuitan.ErrUnavailable, 4},
		"isp unknown, suffix":      {"15", "isp.20090:x", "x", jushuitan.ErrUnavailable, 1},
		"isp service unavailable":  {"15", "isp.trade-service-unavailable:t", "x", jushuitan.ErrUnavailable, 4},
		"business limit":           {"15", "isv.BUSINESS_LIMIT_CONTROL", "触发业务流控", jushuitan.ErrRateLimited, 1},
		"business, timestamp":      {"S01", "", "字段 timestamp 与单据不符", jushuitan.ErrInvalid, 1},
		"isp, suffix in Chinese":   {"15", "isp.remote-service-error：超时", "x", jushuitan.ErrUnavailable, 4},
		"signature, no code":       {"", "", "Invalid signature", jushuitan.ErrSign, 1},
		"business, signature":      {"S02", "", "the receipt has an invalid signature", jushuitan.ErrInvalid, 1},
		"business, ban":            {"S03", "", "该商品已被 ban，请联系客服", jushuitan.ErrInvalid, 1},
		"business, seconds later":  {"S04", "", "订单将在 30 秒后关闭", jushuitan.ErrInvalid, 1},
		"business, timestamp, isv": {"15", "isv.biz", "the order's timestamp is wrong", jushuitan.ErrInvalid, 1},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"response": map[string]string{"flag": "failure", "code": tt.code, "sub_code": tt.sub, "message": tt.msg}})
			require.NoError(t, err)
			f := text(string(body))
			err = newClient(t, f, config()).Call(t.Context(), "jushuitan.order.list.query", nil, nil)
			assert.ErrorIs(t, err, tt.class)
			assert.Len(t, f.requests, tt.attempts)
		})
	}
}

// TestBanLength: the length of a rate limit is understood in the units that systems write.
func TestBanLength(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"This ban will last for 90 more seconds":                   90 * time.Second,
		"This ban will last for 1 more second.":                    time.Second,
		"This ban will last for 0 more seconds":                    time.Second,
		"This ban will last for 2 more minutes":                    2 * time.Minute,
		"THIS BAN WILL LAST FOR 3 MORE HOURS":                      3 * time.Hour,
		"This ban will last for 1 more day":                        24 * time.Hour,
		"This ban will last for 1234567 more seconds":              1234567 * time.Second,
		"This ban will last for 99999999999999999999 more seconds": 31 * 24 * time.Hour,
		"调用过于频繁，请 60 秒后重试":                                         time.Minute,
		"限流，5分钟之后再试":                                               5 * time.Minute,
		"请2小时以后再试":                                                 2 * time.Hour,
		"App Call Limited":                                         0,
		"每分钟最多 100 次":                                              0,
		"每 24 小时最多 100 次":                                          0,
	} {
		body, err := json.Marshal(map[string]any{"response": map[string]string{"flag": "failure", "code": "7", "message": said}})
		require.NoError(t, err)
		c := newClient(t, text(string(body)), config(), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
		err = c.Call(t.Context(), "jushuitan.order.list.query", nil, nil)
		e := &qimen.Error{}
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, jushuitan.ErrRateLimited, said)
		if want == 0 {
			assert.Zero(t, e.Until, said)
			continue
		}
		assert.Equal(t, want, e.Until.Sub(time.Date(2024, 1, 1, 19, 4, 5, 0, time.UTC)), said)
	}
}

// TestBanEverywhere: a ban is honoured wherever its length stands. One longer than the policy
// waits is returned at once with its end, and no call goes out before.
func TestBanEverywhere(t *testing.T) {
	for name, body := range map[string]string{
		"message":     `{"response":{"flag":"failure","code":"7","message":"App Call Limited, This ban will last for 90 more seconds"}}`,
		"sub_message": `{"response":{"flag":"failure","code":"7","sub_message":"This ban will last for 90 more seconds"}}`,
		"sub_msg":     `{"error_response":{"code":7,"msg":"x","sub_msg":"This ban will last for 90 more seconds"}}`,
		"sub_code":    `{"error_response":{"code":15,"msg":"x","sub_code":"isv.limit:This ban will last for 90 more seconds"}}`,
		"XML":         `<response><flag>failure</flag><code>7</code><message>This ban will last for 90 more seconds</message></response>`,
		"elsewhere":   `{"response":{"flag":"failure","code":"15","detail":{"reason":"This ban will last for 90 more seconds"}}}`,
		"nested":      `{"response":{"flag":"success","data":{"flag":"failure","message":"This ban will last for 90 more seconds"}}}`,
		"a page":      `<html><body>This ban will last for 90 more seconds</body></html>`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := text(body, `{"response":{"flag":"success","orders":[]}}`)
				limiter, err := jushuitan.NewLimiter(jushuitan.LimiterConfig{})
				require.NoError(t, err)
				c := newClient(t, f, config(), qimen.WithLimiter(limiter), qimen.WithClock(time.Now))
				begin := time.Now()
				err = c.Call(t.Context(), "jushuitan.order.list.query", nil, nil)
				require.ErrorIs(t, err, jushuitan.ErrRateLimited)
				e := &qimen.Error{}
				require.ErrorAs(t, err, &e)
				assert.Zero(t, time.Since(begin), "at once")
				assert.WithinDuration(t, begin.Add(90*time.Second), e.Until, 0)
				assert.ErrorContains(t, err, "the limit ends at "+begin.Add(90*time.Second).In(cst).Format(time.DateTime))
				require.NoError(t, c.Call(t.Context(), "jushuitan.order.list.query", nil, nil))
				assert.InDelta(t, 90, time.Since(begin).Seconds(), 0.3, "the limiter holds the next call back")
				assert.Len(t, f.requests, 2)
			})
		})
	}
}
