package qimen_test

import (
	"context"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// FuzzMuxForgery: what gets to the handler is signed with the app's secret, as the
// algorithm in its plainest form has it, whatever query, headers and body are; and
// nothing is answered with success that does not.
func FuzzMuxForgery(f *testing.F) {
	add := func(m *forward) {
		r := m.request()
		body := m.body
		if m.form != nil {
			v := url.Values{}
			for name, value := range m.form {
				v.Set(name, value)
			}
			body = v.Encode()
		}
		f.Add(r.URL.RawQuery, m.kind, r.Header.Get("top-sign-list"), "v", body)
	}
	add(message("deliveryorder.create", xmlCreate))
	add(message("deliveryorder.create", xmlCreate).with("sign_method", "hmac"))
	add(message("deliveryorder.create", jsonCreate).with("sign_method", "hmac-sha256").with("session", ""))
	form := message("deliveryorder.create", "")
	form.kind, form.form = "application/x-www-form-urlencoded", map[string]string{"remark": "x"}
	add(form)
	unsigned := message("deliveryorder.create", xmlCreate)
	unsigned.unsigned = true
	add(unsigned)
	f.Add("method=deliveryorder.create&sign=&sign_method=", "text/xml", "x-a,x-a", "", "<request/>")
	f.Add("sign=30C8A6F9E301BC9128F33D08B86BE1C0&method=deliveryorder.create&app_key=12345678&customerId=stub-cust-code&format=xml&sign_method=md5&timestamp=2024-01-02+03:04:05&v=2.0", "text/xml", "", "", "<request/>")

	f.Fuzz(func(t *testing.T, query, kind, list, value, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		if list != "" {
			r.Header["Top-Sign-List"] = []string{list}
			r.Header["X-A"] = []string{value}
		}
		cfg := muxConfig(new(reasons))
		cfg.NoDedupe = true
		m := newMux(t, cfg)
		called := 0
		m.HandleRaw("deliveryorder.create", func(context.Context, qimen.Envelope, []byte) (any, error) {
			called++
			return nil, nil
		})
		answer := serve(t, m, r)
		require.Equal(t, called == 1, answer.Flag == "success")
		if called == 0 {
			return
		}
		params := map[string]string{}
		collect := func(raw string) {
			values, err := url.ParseQuery(raw)
			require.NoError(t, err)
			for name, v := range values {
				require.Len(t, v, 1)
				params[name] = v[0]
			}
		}
		collect(query)
		rest := body
		if base, _, _ := mime.ParseMediaType(kind); base == "application/x-www-form-urlencoded" {
			collect(body)
			rest = ""
		}
		sign := strings.ToUpper(params["sign"])
		if list != "" {
			for name := range strings.SplitSeq(list, ",") {
				if name = strings.TrimSpace(name); name != "" {
					v, err := url.QueryUnescape(r.Header.Get(name))
					require.NoError(t, err)
					params[name] = v
				}
			}
		}
		for _, s := range []string{muxSecret, muxPrevious} {
			for _, omits := range []func(string) bool{theirBlank, func(v string) bool { return v == "" }, func(string) bool { return false }} {
				if theirSign(params["sign_method"], s, params, rest, omits) == sign {
					return
				}
			}
		}
		t.Fatal("a forgery was accepted")
	})
}

// FuzzMuxBody: a body of any kind, signed rightly, is taken or refused; it never
// panics, and what is taken is a value that can be written and read again.
func FuzzMuxBody(f *testing.F) {
	for _, body := range []string{
		xmlCreate, jsonCreate, "", "<request/>", "{}", "[]", "\xef\xbb\xbf<request/>", `<request><orderLines><orderLine><planQty>1e99</planQty></orderLine></orderLines></request>`,
		`<!DOCTYPE a><request/>`, `{"deliveryOrder":{"createTime":"2024-01-02 03:04:05"},"x":[[[1]]]}`, `<request><a b="c"/><a>1</a><extendProps><k>v</k></extendProps></request>`,
	} {
		f.Add(body, "text/xml")
		f.Add(body, "application/x-www-form-urlencoded")
	}
	f.Add("deliveryOrder=%7B%22deliveryOrderCode%22%3A%22A%22%7D&orderLines=%5B%7B%7D%5D", "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body, kind string) {
		var hook reasons
		cfg := muxConfig(&hook)
		cfg.NoDedupe = true
		m := newMux(t, cfg)
		qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
			text, err := wire.Marshal(req)
			require.NoError(t, err)
			require.NoError(t, wire.Unmarshal(text, new(qimen.DeliveryOrderCreateRequest)))
			return nil, nil
		})
		fwd := message("deliveryorder.create", body)
		fwd.kind = kind
		if base, _, _ := mime.ParseMediaType(kind); base == "application/x-www-form-urlencoded" {
			values, err := url.ParseQuery(body)
			if err != nil {
				return
			}
			fwd.form = map[string]string{}
			for name, v := range values {
				if _, system := fwd.params[name]; !system && name != "sign" && name != "" {
					fwd.form[name] = v[0]
				}
			}
		}
		answer := serve(t, m, fwd.request())
		for _, err := range hook.errs {
			require.NotErrorIs(t, err, qimen.ErrSignature)
			require.NotContains(t, err.Error(), "panicked")
		}
		require.Contains(t, []string{"0", "41", "sign-check-failure"}, answer.Code)
	})
}
