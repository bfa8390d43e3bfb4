package qimen_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// muxClasses are the errors that OnError may be told, by name.
var muxClasses = []struct {
	name string
	err  error
}{
	{"ErrRequest", jushuitan.ErrRequest}, {"ErrSource", jushuitan.ErrSource}, {"ErrSignature", qimen.ErrSignature}, {"ErrWindow", jushuitan.ErrWindow},
	{"ErrTooLarge", jushuitan.ErrTooLarge}, {"ErrArgument", qimen.ErrArgument}, {"ErrCustomer", qimen.ErrCustomer}, {"ErrMethod", qimen.ErrMethod},
	{"ErrBusy", jushuitan.ErrBusy}, {"ErrDedupe", jushuitan.ErrDedupe}, {"ErrAnswer", qimen.ErrAnswer}, {"ErrDecode", jushuitan.ErrDecode},
}

func muxClassesOf(errs []error) string {
	var out []string
	for _, err := range errs {
		var names []string
		for _, c := range muxClasses {
			if errors.Is(err, c.err) {
				names = append(names, c.name)
			}
		}
		if _, ok := errors.AsType[*jushuitan.PanicError](err); ok {
			names = append(names, "PanicError")
		}
		if names == nil {
			names = []string{"other"}
		}
		out = append(out, strings.Join(names, "+"))
	}
	return strings.Join(out, ", ")
}

// states is a store that says one thing.
type states struct {
	state  jushuitan.ClaimState
	claim  error
	commit error
}

func (s states) Claim(context.Context, string, string, string, time.Duration) (jushuitan.ClaimState, string, error) {
	return s.state, "", s.claim
}
func (s states) Commit(context.Context, string, string, string, string, time.Duration) error {
	return s.commit
}
func (s states) Release(context.Context, string, string) error { return nil }

// TestMuxRefusals: for each thing that can be wrong with a message the answer, and
// what the host is told.
func TestMuxRefusals(t *testing.T) {
	create := func() *forward { return message("deliveryorder.create", xmlCreate) }
	edit := func(change func(r *http.Request)) func() *forward {
		return func() *forward { f := create(); f.change = change; return f }
	}
	with := func(name, value string) func() *forward {
		return func() *forward { return create().with(name, value) }
	}
	sources := func(texts ...string) func(*qimen.MuxConfig) {
		return func(c *qimen.MuxConfig) {
			for _, text := range texts {
				c.Sources = append(c.Sources, netip.MustParsePrefix(text))
			}
		}
	}
	from := func(addr string) func() *forward { return edit(func(r *http.Request) { r.RemoteAddr = addr }) }
	age := func(age, ahead time.Duration) func(*qimen.MuxConfig) {
		return func(c *qimen.MuxConfig) { c.MaxAge, c.MaxAhead = age, ahead }
	}
	at := func(d time.Duration) func() *forward {
		return with("timestamp", muxTime().Add(d).Format("2006-01-02 15:04:05"))
	}
	store := func(s states) func(*qimen.MuxConfig) {
		return func(c *qimen.MuxConfig) { c.Deduper, c.Wait = s, -1 }
	}
	failure := func(code, sub, text string) string {
		if sub != "" {
			sub = "<sub_code>" + sub + "</sub_code>"
		}
		return `<?xml version="1.0" encoding="utf-8"?>` + "<response><flag>failure</flag><code>" + code + "</code>" + sub + "<message>" + text + "</message></response>"
	}
	var (
		illegal = failure("sign-check-failure", "", "Illegal request")
		again   = failure("10", "isp.remote-service-unavailable", "Service currently unavailable")
		failed  = failure("15", "isp.remote-service-error", "Remote service error")
		taken   = `<?xml version="1.0" encoding="utf-8"?><response><flag>success</flag><code>0</code><message>ok</message></response>`
	)
	repeated := strings.Replace(taken, "ok<", "message repeated<", 1)
	for _, tt := range []struct {
		name   string
		config func(*qimen.MuxConfig)
		f      func() *forward
		handle func() error
		want   string // headers that differ, body; what OnError is told
	}{
		{name: "taken", want: taken},

		{name: "source", config: sources("198.51.100.0/24"), want: illegal + " ErrSource"},
		{name: "source network", config: sources("192.0.2.0/24"), want: taken},
		{name: "mapped source network", config: sources("::ffff:192.0.2.0/120"), want: taken},
		{name: "mapped source network, wide", config: sources("::ffff:0.0.0.0/96"), want: taken},
		{name: "mapped source network of others", config: sources("::ffff:198.51.100.0/120"), want: illegal + " ErrSource"},
		{name: "mapped connection", config: sources("192.0.2.0/24"), f: from("[::ffff:192.0.2.1]:1"), want: taken},
		{name: "mapped both", config: sources("::ffff:192.0.2.0/120"), f: from("[::ffff:192.0.2.1]:1"), want: taken},
		{name: "zone", config: sources("fe80::/10"), f: from("[fe80::1%eth0]:1"), want: taken},
		{name: "source by a mapped proxy", config: func(c *qimen.MuxConfig) {
			sources("198.51.100.0/24")(c)
			c.Proxies, c.ProxyHeader = []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}, "X-Real-Ip"
		}, f: edit(func(r *http.Request) { r.Header.Set("X-Real-Ip", "198.51.100.7") }), want: taken},
		{name: "no address", config: sources("192.0.2.0/24"), f: from("@"), want: illegal + " ErrSource"},

		{name: "GET", f: edit(func(r *http.Request) { r.Method = http.MethodGet }), want: illegal + " ErrRequest"},
		{name: "query not readable", f: edit(func(r *http.Request) { r.URL.RawQuery += "&x=%zz" }), want: illegal + " ErrRequest"},
		{name: "parameter twice", f: edit(func(r *http.Request) { r.URL.RawQuery += "&v=2.0" }), want: illegal + " ErrRequest"},
		{name: "compressed", f: edit(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), want: illegal + " ErrRequest"},
		{name: "charset", f: edit(func(r *http.Request) { r.Header.Set("Content-Type", "text/xml;charset=Big5") }), want: illegal + " ErrRequest"},
		{name: "blank body", f: edit(func(r *http.Request) { r.Body = http.NoBody }), want: illegal + " ErrSignature"},
		{name: "no sign", f: func() *forward { f := create(); f.unsigned = true; return f }, want: illegal + " ErrSignature"},
		{name: "another's secret", f: func() *forward { f := create(); f.secret = "stranger"; return f }, want: illegal + " ErrSignature"},
		{name: "secrets fail", config: func(c *qimen.MuxConfig) {
			c.Secrets = func(context.Context, string) ([]string, error) { return nil, errors.New("down") }
		}, want: again + " other"},

		{name: "age: default, at the bound", f: at(-10 * time.Minute), want: taken},
		{name: "age: default, over", f: at(-10*time.Minute - time.Second), want: illegal + " ErrWindow"},
		{name: "ahead: default, at the bound", f: at(10 * time.Minute), want: taken},
		{name: "ahead: default, over", f: at(10*time.Minute + time.Second), want: illegal + " ErrWindow"},
		{name: "age: at the bound", config: age(time.Minute, -1), f: at(-time.Minute), want: taken},
		{name: "age: over", config: age(time.Minute, -1), f: at(-time.Minute - time.Second), want: illegal + " ErrWindow"},
		{name: "ahead: over", config: age(-1, time.Minute), f: at(time.Minute + time.Second), want: illegal + " ErrWindow"},
		{name: "age: not checked", config: age(-1, -1), f: at(-1000 * time.Hour), want: taken},
		{name: "no timestamp", f: func() *forward { return create().without("timestamp") }, want: illegal + " ErrWindow"},
		{name: "no timestamp, not checked", config: age(-1, -1), f: func() *forward { return create().without("timestamp") }, want: taken},

		{name: "too large", config: func(c *qimen.MuxConfig) { c.MaxBody = 5 },
			want: failure("41", "", "Invalid arguments: the body is too large") + " ErrTooLarge"},
		{name: "cut off", f: edit(func(r *http.Request) {
			r.Body = io.NopCloser(iotest.TimeoutReader(strings.NewReader(xmlCreate)))
		}), want: "Connection:close " + illegal + " ErrRequest"},

		{name: "no method", f: with("method", ""), want: failure("21", "", "Missing method") + " ErrArgument"},
		{name: "unknown method", f: with("method", "x"), want: failure("22", "", "Invalid method") + " ErrMethod"},
		{name: "no customer", f: with("customerId", ""), want: failure("40", "", "Missing required arguments: customerId") + " ErrArgument"},
		{name: "two customers", f: with("customer_id", "x"), want: failure("41", "", "Invalid arguments: customerId") + " ErrArgument"},
		{name: "unknown customer", f: with("customerId", "x"), want: failure("41", "", "Invalid arguments: customerId") + " ErrCustomer"},
		{name: "merchants fail", f: with("customerId", "down"), want: failed + " other"},
		{name: "no document", f: func() *forward { return message("deliveryorder.create", "x") },
			want: failure("41", "", "Invalid arguments: the body is neither XML nor a JSON object") + " ErrDecode"},

		{name: "handler fails", handle: func() error { return errors.New("down") }, want: failed + " other"},
		{name: "handler's own failure", handle: func() error { return &qimen.Failure{Code: "S1", SubCode: "x", Message: "no"} }, want: failure("S1", "x", "no") + " other"},
		{name: "handler panics", handle: func() error { panic("x") }, want: failed + " PanicError"},
		{name: "busy", config: store(states{state: jushuitan.Busy}), want: again + " ErrBusy"},
		{name: "store fails before", config: store(states{claim: errors.New("down")}), want: again + " ErrDedupe"},
		{name: "store fails after", config: store(states{state: jushuitan.Claimed, commit: errors.New("down")}), want: taken + " ErrDedupe, ErrDedupe"},
		{name: "repeat", config: store(states{state: jushuitan.Committed}), want: repeated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var hook reasons
			cfg := muxConfig(&hook)
			if tt.config != nil {
				tt.config(&cfg)
			}
			m := newMux(t, cfg)
			qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
				if tt.handle != nil {
					return nil, tt.handle()
				}
				return nil, nil
			})
			f := create()
			if tt.f != nil {
				f = tt.f()
			}
			w := httptest.NewRecorder()
			m.ServeHTTP(w, f.request())
			got := w.Body.String()
			if v := w.Header().Get("Connection"); v != "" {
				got = "Connection:" + v + " " + got
			}
			if len(hook.errs) > 0 {
				got += " " + muxClassesOf(hook.errs)
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, "text/xml;charset=utf-8", w.Header().Get("Content-Type"))
		})
	}
}
