package callback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// refusalClasses are the errors that OnError may be told, by name.
var refusalClasses = []struct {
	name string
	err  error
}{
	{"ErrRequest", jushuitan.ErrRequest}, {"ErrTooLarge", jushuitan.ErrTooLarge}, {"ErrKind", callback.ErrKind},
	{"ErrNoFunction", callback.ErrNoFunction}, {"ErrChecksum", callback.ErrChecksum}, {"ErrToken", callback.ErrToken},
	{"ErrMerchant", callback.ErrMerchant}, {"ErrRate", callback.ErrRate},
	{"ErrSource", jushuitan.ErrSource}, {"ErrWindow", jushuitan.ErrWindow}, {"ErrBusy", jushuitan.ErrBusy},
	{"ErrDedupe", jushuitan.ErrDedupe}, {"ErrUnknownAction", callback.ErrUnknownAction}, {"ErrDecode", jushuitan.ErrDecode},
	{"DeadlineExceeded", context.DeadlineExceeded}, {"Canceled", context.Canceled},
}

func classesOf(errs []error) string {
	var out []string
	for _, err := range errs {
		var names []string
		for _, c := range refusalClasses {
			if errors.Is(err, c.err) {
				names = append(names, c.name)
			}
		}
		if p := (*jushuitan.PanicError)(nil); errors.As(err, &p) {
			names = append(names, "PanicError")
		}
		if names == nil {
			names = []string{"other"}
		}
		out = append(out, strings.Join(names, "+"))
	}
	return strings.Join(out, ", ")
}

func networks(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// A refusal is a request and what becomes of it.
type refusal struct {
	name    string
	config  func(*callback.Config)
	message func(*callbacktest.Message)
	request func(*http.Request)
	want    string // status, headers that differ, body; what OnError is told
}

const (
	refused = ` {"code":"-1","msg":"请求被拒绝"}`
	failed  = ` {"code":"-1","msg":"处理失败"}`
	taken   = ` {"code":"0","msg":"执行成功"}`
)

// TestRefusals: for each thing that can be wrong with a request the answer, and what
// the host is told.
func TestRefusals(t *testing.T) {
	age := func(age, ahead time.Duration) func(*callback.Config) {
		return func(c *callback.Config) { c.MaxAge, c.MaxAhead = age, ahead }
	}
	sent := func(at int64) func(*callbacktest.Message) {
		return func(m *callbacktest.Message) { m.TS = time.Unix(at, 0) }
	}
	sources := func(texts ...string) func(*callback.Config) {
		return func(c *callback.Config) { c.Sources = networks(texts...) }
	}
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	body := func(v any) func(*callbacktest.Message) { return func(m *callbacktest.Message) { m.Body = v } }
	fails := func(err error) func(*callback.Config) {
		return func(c *callback.Config) {
			c.Cancel = func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return err }
		}
	}
	kind := func(method jushuitan.PushMethod, text string) func(*callbacktest.Message) {
		return func(m *callbacktest.Message) { m.Method, m.Body = method, text }
	}
	for _, tt := range []refusal{
		{name: "taken", want: "200" + taken},

		{name: "source", config: sources("198.51.100.0/24"), want: "403" + refused + " ErrSource"},
		{name: "source network", config: sources("192.0.2.0/24"), want: "200" + taken},
		{name: "mapped source network", config: sources("::ffff:192.0.2.0/120"), want: "200" + taken},
		{name: "mapped source network, wide", config: sources("::ffff:0.0.0.0/96"), want: "200" + taken},
		{name: "mapped source network of others", config: sources("::ffff:198.51.100.0/120"), want: "403" + refused + " ErrSource"},
		{name: "mapped connection", config: sources("192.0.2.0/24"), request: from("[::ffff:192.0.2.1]:1"), want: "200" + taken},
		{name: "mapped both", config: sources("::ffff:192.0.2.0/120"), request: from("[::ffff:192.0.2.1]:1"), want: "200" + taken},
		{name: "zone", config: sources("fe80::/10"), request: from("[fe80::1%eth0]:1"), want: "200" + taken},
		{name: "no address", config: sources("192.0.2.0/24"), request: from("@"), want: "403" + refused + " ErrSource"},
		{name: "source by a mapped proxy", config: func(c *callback.Config) {
			c.Sources, c.Proxies, c.ProxyHeader = networks("198.51.100.0/24"), networks("::ffff:192.0.2.0/120"), "X-Real-Ip"
		}, request: func(r *http.Request) { r.Header.Set("X-Real-Ip", "198.51.100.7") }, want: "200" + taken},

		{name: "probe", request: func(r *http.Request) {
			r.Method, r.URL.RawQuery, r.Body, r.ContentLength = http.MethodGet, "entId=1", nil, 0
		}, want: "200" + taken},
		{name: "GET of a push", request: func(r *http.Request) { r.Method = http.MethodGet }, want: "405 Allow:GET, POST, PUT" + refused + " ErrRequest"},
		{name: "blank body", message: body(" \r\n"), want: "400" + refused + " ErrRequest"},
		{name: "blank body of an unknown kind", message: kind("x", " "), want: "404" + refused + " ErrKind"},
		{name: "no merchant", config: func(c *callback.Config) { c.Secrets, c.AllowUnauthenticated = nil, true },
			message: func(m *callbacktest.Message) { m.EntID = "" }, want: "403" + refused + " ErrMerchant"},
		{name: "merchant in the path", config: func(c *callback.Config) {
			c.Secrets, c.AllowUnauthenticated = nil, true
			c.MerchantOf = func(r *http.Request) string { return strings.Split(r.URL.Path, "/")[1] }
		}, message: func(m *callbacktest.Message) { m.EntID = "" }, want: "200" + taken},
		{name: "DELETE", request: func(r *http.Request) { r.Method = http.MethodDelete }, want: "405 Allow:GET, POST, PUT" + refused + " ErrRequest"},
		{name: "PUT", request: func(r *http.Request) { r.Method = http.MethodPut }, want: "200" + taken},
		{name: "query not readable", request: func(r *http.Request) { r.URL.RawQuery += "&x=%zz" }, want: "400" + refused + " ErrRequest"},
		{name: "parameter twice", request: func(r *http.Request) { r.URL.RawQuery += "&ts=1" }, want: "400" + refused + " ErrRequest"},
		{name: "ts no time", request: func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "ts=1700000000", "ts=x", 1) }, want: "400" + refused + " ErrRequest"},
		{name: "unknown kind", message: kind("x", cancelBody), want: "404" + refused + " ErrKind"},
		{name: "kind of another URL", request: func(r *http.Request) { r.URL.Path = "/stock_callback" }, want: "400" + refused + " ErrKind"},
		{name: "no function", config: func(c *callback.Config) { c.Stock = nil }, message: kind(jushuitan.PushStock, stockBody), want: "501" + refused + " ErrNoFunction"},
		{name: "no function, probe", config: func(c *callback.Config) { c.Stock = nil }, request: func(r *http.Request) {
			r.Method, r.URL.Path = http.MethodGet, "/stock_callback"
		}, want: "501" + refused + " ErrNoFunction"},

		{name: "no token", message: func(m *callbacktest.Message) { m.Secret = "" }, want: "403" + refused + " ErrToken"},
		{name: "token of another", message: func(m *callbacktest.Message) { m.Secret = "secret of somebody else" }, want: "403" + refused + " ErrToken"},
		{name: "no sign", message: func(m *callbacktest.Message) { m.Checksum = callback.ChecksumOff }, want: "403" + refused + " ErrChecksum"},
		{name: "sign of another way", config: func(c *callback.Config) { c.Checksum = callback.ChecksumTS }, want: "403" + refused + " ErrChecksum"},

		{name: "age: default", config: age(0, 0), message: sent(1), want: "200" + taken},
		{name: "age: not checked", config: age(-1, -1), message: sent(1), want: "200" + taken},
		{name: "age: at the bound", config: age(time.Minute, 0), message: sent(1700000000 - 60), want: "200" + taken},
		{name: "age: over", config: age(time.Minute, 0), message: sent(1700000000 - 61), want: "403" + refused + " ErrWindow"},
		{name: "ahead: at the bound", config: age(0, time.Minute), message: sent(1700000000 + 60), want: "200" + taken},
		{name: "ahead: over", config: age(0, time.Minute), message: sent(1700000000 + 61), want: "403" + refused + " ErrWindow"},

		{name: "too large", config: func(c *callback.Config) { c.MaxBody = 5 }, want: "413" + refused + " ErrTooLarge"},
		{name: "cut off", request: func(r *http.Request) {
			r.Body = io.NopCloser(iotest.TimeoutReader(strings.NewReader(cancelBody)))
		}, want: "400" + refused + " ErrRequest"},
		{name: "context ended", request: func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			*r = *r.WithContext(ctx)
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("reset")))
		}, want: "408 Connection:close" + refused + " ErrRequest+Canceled"},
		{name: "no JSON", message: body("x"), want: "400" + refused + " ErrRequest"},
		{name: "JSON cut", message: body(`{"so_id"`), want: "400" + refused + " ErrDecode"},
		{name: "no so_id", message: body(`{}`), want: "400" + refused + " ErrDecode"},
		{name: "unknown action", message: kind(jushuitan.PushGoodsReturned, `{"as_id":1,"action_name":"x"}`), want: "422" + refused + " ErrUnknownAction"},

		{name: "function fails", config: fails(errors.New("down")), want: "500" + failed + " other"},
		{name: "function fails, other answer", config: func(c *callback.Config) {
			fails(errors.New("down"))(c)
			c.FailureStatus, c.FailureCode = 200, "7"
		}, want: `200 {"code":"7","msg":"处理失败"} other`},
		{name: "function panics", config: func(c *callback.Config) {
			c.Cancel = func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { panic("x") }
		}, want: "500" + failed + " PanicError"},
		{name: "busy", config: func(c *callback.Config) {
			c.NoDedupe, c.Wait, c.Deduper = false, -1, &broken{state: jushuitan.Busy}
		}, want: "500" + failed + " ErrBusy"},
		{name: "store fails before", config: func(c *callback.Config) {
			c.NoDedupe, c.Deduper = false, &broken{claim: errors.New("down")}
		}, want: "500" + failed + " ErrDedupe"},
		{name: "store fails after", config: func(c *callback.Config) {
			c.NoDedupe, c.Deduper = false, &broken{state: jushuitan.Claimed, commit: errors.New("down")}
		}, want: "200" + taken + " ErrDedupe"},
		{name: "repeat", config: func(c *callback.Config) {
			c.NoDedupe, c.Deduper = false, &broken{state: jushuitan.Committed}
		}, want: "200" + taken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.AllowUnauthenticated, cfg.Secrets = false, []string{present}
			cfg.Now = func() time.Time { return time.Unix(1700000000, 0) }
			if tt.config != nil {
				tt.config(&cfg)
			}
			m := message()
			if tt.message != nil {
				tt.message(&m)
			}
			req, err := m.Request(t.Context(), "/push")
			require.NoError(t, err)
			req.RemoteAddr = "192.0.2.1:1234"
			if tt.request != nil {
				tt.request(req)
			}
			w := httptest.NewRecorder()
			receiver(t, cfg).ServeHTTP(w, req)
			got := fmt.Sprint(w.Code)
			for _, name := range []string{"Allow", "Connection"} {
				if v := w.Header().Get(name); v != "" {
					got += " " + name + ":" + v
				}
			}
			got += " " + w.Body.String()
			if len(h.errs) > 0 {
				got += " " + classesOf(h.errs)
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		})
	}
}
