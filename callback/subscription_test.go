package callback_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// inbox keeps what a subscription handler hands over and refuses.
type inbox struct {
	got  []*callback.SubscriptionMessage
	errs []error
	fail error
}

func (b *inbox) config() callback.SubscriptionConfig {
	return callback.SubscriptionConfig{
		AllowUnauthenticated: true,
		Handle: func(_ context.Context, m *callback.SubscriptionMessage) error {
			b.got = append(b.got, m)
			return b.fail
		},
		OnError: func(_ context.Context, err error) { b.errs = append(b.errs, err) },
	}
}

func sendSubscription(t testing.TB, cfg callback.SubscriptionConfig, method, query, body string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := callback.NewSubscription(cfg)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/erp?"+query, strings.NewReader(body)))
	return w
}

func subscriptionText(biz string) string {
	return url.Values{"biz": {biz}, "action_code": {"X"}, "timestamp": {"1700000000"}, "sign": {"00"}}.Encode()
}

// TestSubscription: what is known of the newer subscription, in the forms that were seen.
func TestSubscription(t *testing.T) {
	const (
		shipment = `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","is_send_all":true,"items":[{"sku_id":"A","qty":2}]}`
		after    = `{"outer_as_id":"R1","as_id":"700001","status":"审核通过","modified":"2026-01-01 08:00:00","items":[{"sku_id":"A","qty":1}]}`
		stock    = `{"msg_type":"business_sku_syn","items":[{"skuId":"A","qty":7,"virtualQty":2,"orderLock":1,"coid":5,"modified":"2026-01-01 08:00:00"}]}`
	)
	for name, c := range map[string]struct {
		body string
		want string // "" for a refusal or a probe
		code int
	}{
		"shipment":            {subscriptionText(shipment), "shipment SO-1 YT1 2", 200},
		"JSON body":           {shipment, "shipment SO-1 YT1 2", 200},
		"JSON with biz":       {`{"biz":` + shipment + `,"action_code":"X"}`, "shipment SO-1 YT1 2", 200},
		"JSON with biz text":  {`{"biz":"{\"o_id\":1,\"l_id\":\"YT2\",\"so_id\":\"SO-2\"}"}`, "shipment SO-2 YT2 ", 200},
		"after-sale":          {subscriptionText(after), "after-sale R1 700001 审核通过 1", 200},
		"stock":               {subscriptionText(stock), "stock A 7 2 1 5", 200},
		"unknown":             {subscriptionText(`{"sku_id":"A"}`), `biz {"sku_id":"A"}`, 200},
		"probe":               {"biz=", "", 200},
		"nothing":             {"", "", 200},
		"stock without qty":   {subscriptionText(`{"msg_type":"business_sku_syn","items":[{"skuId":"A"}]}`), "", 400},
		"line without qty":    {subscriptionText(`{"so_id":"S","l_id":"Y","items":[{"sku_id":"A"}]}`), "", 400},
		"return without qty":  {subscriptionText(`{"as_id":1,"items":[{"sku_id":"A"}]}`), "", 400},
		"not JSON":            {subscriptionText(`{"so_id"`), "", 400},
		"two biz":             {"biz={}&biz={}", "", 400},
		"no biz":              {"action_code=X", "", 400},
		"GBK":                 {"biz=%7B%22so_id%22%3A%22%BC%D7%22%2C%22l_id%22%3A%22Y%22%7D", "", 400},
		"unreadable quantity": {subscriptionText(`{"msg_type":"business_sku_syn","items":[{"skuId":"A","qty":"many"}]}`), "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			b := &inbox{}
			w := sendSubscription(t, b.config(), http.MethodPost, "entId=10010", c.body)
			assert.Equal(t, c.code, w.Code, b.errs)
			assert.Equal(t, c.code == 200, w.Body.String() == success)
			got := ""
			for _, m := range b.got {
				assert.Equal(t, "10010", m.EntID)
				got = subscriptionMessageText(m)
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.code != 200, len(b.errs) == 1)
		})
	}
}

func subscriptionMessageText(m *callback.SubscriptionMessage) string {
	switch {
	case m.Shipment != nil:
		qty := ""
		for _, it := range m.Shipment.Items {
			qty += it.Qty.String()
		}
		return fmt.Sprint("shipment ", m.Shipment.SoID, " ", m.Shipment.LID, " ", qty)
	case m.AfterSale != nil:
		return fmt.Sprint("after-sale ", m.AfterSale.OuterASID, " ", m.AfterSale.ASID, " ", m.AfterSale.Status, " ", m.AfterSale.Items[0].Qty)
	case m.Stock != nil:
		it := m.Stock.Items[0]
		return fmt.Sprint("stock ", it.SKUID, " ", it.Qty, " ", it.VirtualQty, " ", it.OrderLock, " ", it.CoID)
	}
	return "biz " + string(m.Biz)
}

// TestSubscriptionTrust: the token of the URL, and the sign as far as anything is known of it.
func TestSubscriptionTrust(t *testing.T) {
	const secret = "a-secret-of-16-bytes"
	form := map[string]string{"biz": `{"x":1}`, "action_code": "X", "timestamp": "1700000000"}
	body := func(sign string) string {
		v := url.Values{"sign": {sign}}
		for name, value := range form {
			v.Set(name, value)
		}
		return v.Encode()
	}
	plain := jushuitan.Sign("app-secret", form)
	form["app_key"] = "key"
	keyed := jushuitan.Sign("app-secret", form)
	delete(form, "app_key")
	for sign, want := range map[string]string{plain: "open-api", keyed: "open-api with app_key", "00": ""} {
		b := &inbox{}
		cfg := b.config()
		cfg.AppKey, cfg.AppSecret = "key", "app-secret"
		assert.Equal(t, 200, sendSubscription(t, cfg, http.MethodPost, "", body(sign)).Code, "a mismatch proves nothing")
		require.Len(t, b.got, 1)
		assert.Equal(t, want, b.got[0].SignForm)
		cfg.RequireSign = true
		assert.Equal(t, map[bool]int{true: 403, false: 200}[want == ""], sendSubscription(t, cfg, http.MethodPost, "", body(sign)).Code)
	}
	b := &inbox{}
	cfg := b.config()
	cfg.Sign = func(form map[string]string) string { return form["sign"] + " of " + form["action_code"] }
	sendSubscription(t, cfg, http.MethodPost, "", body("s"))
	assert.Equal(t, "s of X", b.got[0].SignForm)

	cfg.Secrets, cfg.AllowUnauthenticated = []string{secret}, false
	token := callback.SubscriptionToken(secret, "10010", "")
	assert.Equal(t, 200, sendSubscription(t, cfg, http.MethodPost, "entId=10010&jstToken="+token, body("s")).Code)
	for _, query := range []string{"", "entId=10010", "entId=10011&jstToken=" + token, "entId=10010&jstToken=x"} {
		assert.Equal(t, 403, sendSubscription(t, cfg, http.MethodPost, query, body("s")).Code, query)
	}
	require.ErrorIs(t, b.errs[0], callback.ErrToken)
}

// TestSubscriptionAnswers: an acknowledgement only after Handle returned nil.
func TestSubscriptionAnswers(t *testing.T) {
	b := &inbox{fail: errors.New("no database")}
	w := sendSubscription(t, b.config(), http.MethodPost, "", subscriptionText(`{"a":1}`))
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "database")
	require.ErrorIs(t, b.errs[0], b.fail)
	assert.Equal(t, 405, sendSubscription(t, b.config(), http.MethodGet, "code=1&state=2", "").Code)

	cfg := b.config()
	cfg.Handle = func(context.Context, *callback.SubscriptionMessage) error { panic("boom") }
	assert.Equal(t, 500, sendSubscription(t, cfg, http.MethodPost, "", subscriptionText(`{"a":1}`)).Code)
	cfg = b.config()
	b.fail = nil
	cfg.Success, cfg.Authorize = `{"code":0}`, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	assert.Equal(t, `{"code":0}`, sendSubscription(t, cfg, http.MethodPost, "", subscriptionText(`{"a":1}`)).Body.String())
	assert.Equal(t, http.StatusTeapot, sendSubscription(t, cfg, http.MethodGet, "code=1&state=2", "").Code)
	cfg.Kind = func(action string, _ json.RawMessage) string { return "stock" + action[1:] }
	b.got = nil
	sendSubscription(t, cfg, http.MethodPost, "", subscriptionText(`{"items":[{"sku_id":"A","qty":1}]}`))
	require.Len(t, b.got, 1)
	assert.Equal(t, "A", b.got[0].Stock.Items[0].SKUID)
	assert.NotEqual(t, b.got[0].Key(), (&callback.SubscriptionMessage{Biz: b.got[0].Biz}).Key())
	assert.NotContains(t, fmt.Sprintf("%v %+v", b.got[0], *b.got[0]), "items")

	for name, spoil := range map[string]func(*callback.SubscriptionConfig){
		"no Handle":     func(c *callback.SubscriptionConfig) { c.Handle = nil },
		"set either":    func(c *callback.SubscriptionConfig) { c.AllowUnauthenticated = false },
		"shorter":       func(c *callback.SubscriptionConfig) { c.AllowUnauthenticated, c.Secrets = false, []string{"short"} },
		"RequireSign":   func(c *callback.SubscriptionConfig) { c.RequireSign = true },
		"FailureStatus": func(c *callback.SubscriptionConfig) { c.FailureStatus = 7 },
	} {
		cfg := b.config()
		spoil(&cfg)
		_, err := callback.NewSubscription(cfg)
		require.ErrorContains(t, err, name)
	}
}

// FuzzSubscription: any body is handled once, refused with a reason, or a probe; and the biz of
// a message, sent again as a form, is the same message.
func FuzzSubscription(f *testing.F) {
	for _, seed := range []string{"", "biz=", `{"biz":{}}`, subscriptionText(`{"so_id":"S","l_id":"Y"}`), `{"as_id":1,"items":[{"qty":1}]}`, `{"msg_type":"business_sku_syn","items":[]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b := &inbox{}
		w := sendSubscription(t, b.config(), http.MethodPost, "", body)
		require.Equal(t, w.Code != 200, len(b.errs) == 1, "a refusal has a reason")
		require.LessOrEqual(t, len(b.got)+len(b.errs), 1)
		if len(b.got) == 0 {
			return
		}
		again := &inbox{}
		require.Equal(t, 200, sendSubscription(t, again.config(), http.MethodPost, "", url.Values{"biz": {string(b.got[0].Biz)}}.Encode()).Code)
		require.Len(t, again.got, 1)
		one, err := json.Marshal([]any{b.got[0].Shipment, b.got[0].AfterSale, b.got[0].Stock})
		require.NoError(t, err)
		two, err := json.Marshal([]any{again.got[0].Shipment, again.got[0].AfterSale, again.got[0].Stock})
		require.NoError(t, err)
		require.Equal(t, string(one), string(two))
	})
}
