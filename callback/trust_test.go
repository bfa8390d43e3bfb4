package callback_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	present  = "present secret of the host"
	previous = "previous secret of the host"
)

// message is a cancel push of merchant 9001.
func message() callbacktest.Message {
	return callbacktest.Message{
		Method: jushuitan.PushCancel, EntID: "9001", StorageCode: "10101010", TS: time.Unix(1700000000, 0), Body: cancelBody, Secret: present,
	}
}

func serve(t *testing.T, h http.Handler, m callbacktest.Message) callbacktest.Reply {
	t.Helper()
	reply, err := m.Serve(t.Context(), h, "/push")
	require.NoError(t, err)
	return reply
}

// TestTokens: each secret opens the URLs that it made, and no others; the answer
// tells nothing.
func TestTokens(t *testing.T) {
	token := func(method jushuitan.PushMethod, ent, storage string) func(*callbacktest.Message) {
		return func(m *callbacktest.Message) {
			m.Secret = ""
			m.Extra = map[string][]string{"token": {callbacktest.Token(present, method, ent, storage)}}
		}
	}
	tests := map[string]struct {
		change func(*callbacktest.Message)
		ok     bool
	}{
		"present secret":       {func(*callbacktest.Message) {}, true},
		"previous secret":      {func(m *callbacktest.Message) { m.Secret = previous }, true},
		"form":                 {func(m *callbacktest.Message) { m.Form = true }, true},
		"token of this URL":    {token(jushuitan.PushCancel, "9001", "10101010"), true},
		"unknown secret":       {func(m *callbacktest.Message) { m.Secret = "secret of somebody else" }, false},
		"no token":             {func(m *callbacktest.Message) { m.Secret = "" }, false},
		"another kind's":       {token(jushuitan.PushShipment, "9001", "10101010"), false},
		"another merchant's":   {token(jushuitan.PushCancel, "9002", "10101010"), false},
		"another storage code": {token(jushuitan.PushCancel, "9001", "10101011"), false},
		"border moved":         {token(jushuitan.PushCancel, "90011", "0101010"), false},
		"cut": {func(m *callbacktest.Message) {
			m.Secret = ""
			m.Extra = map[string][]string{"token": {callbacktest.Token(present, jushuitan.PushCancel, "9001", "10101010")[:21]}}
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.AllowUnauthenticated, cfg.Secrets = false, []string{present, previous}
			m := message()
			tt.change(&m)
			reply := serve(t, receiver(t, cfg), m)
			assert.Equal(t, tt.ok, reply.OK())
			if tt.ok {
				assert.Len(t, h.seen, 1)
				assert.Empty(t, h.errs)
				return
			}
			assert.Equal(t, callbacktest.Reply{Status: 403, Code: "-1", Body: `{"code":"-1","msg":"请求被拒绝"}`}, reply)
			assert.Empty(t, h.seen)
			require.Len(t, h.errs, 1)
			require.ErrorIs(t, h.errs[0], callback.ErrToken)
			for _, secret := range []string{present, previous, callbacktest.Token(present, jushuitan.PushCancel, "9001", "10101010")} {
				assert.NotContains(t, fmt.Sprintf("%v %+v", h.errs[0], h.failed[0]), secret)
			}
		})
	}
}

// TestRefusalsLookAlike: whatever is wrong with the proof, the answer is one.
func TestRefusalsLookAlike(t *testing.T) {
	var h host
	cfg := h.config()
	cfg.AllowUnauthenticated, cfg.Secrets, cfg.MaxAge = false, []string{present}, time.Minute
	cfg.Now = func() time.Time { return time.Unix(1700000000, 0) }
	cfg.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	r := receiver(t, cfg)
	for _, change := range []func(*callbacktest.Message){
		func(m *callbacktest.Message) { m.Secret = "" },
		func(m *callbacktest.Message) { m.Checksum = callback.ChecksumOff },
		func(m *callbacktest.Message) { m.TS = time.Unix(1600000000, 0) },
	} {
		m := message()
		change(&m)
		assert.Equal(t, callbacktest.Reply{Status: 403, Code: "-1", Body: `{"code":"-1","msg":"请求被拒绝"}`}, serve(t, r, m))
	}
	assert.Len(t, h.errs, 3)
	assert.True(t, serve(t, r, message()).OK())
}

// TestChecksumPolicy: which policy takes which way of signing.
func TestChecksumPolicy(t *testing.T) {
	all := []callback.Checksum{callback.ChecksumTS, callback.ChecksumSorted, callback.ChecksumArrivalTSFirst, callback.ChecksumArrival}
	m := message()
	m.Secret, m.StorageCode = "", ""
	// z before entId and ts, so that the four ways give four signs.
	address := "/push?z=1"
	for _, sent := range append(all, callback.ChecksumOff) {
		for _, policy := range append([]callback.Checksum{callback.ChecksumAny, callback.ChecksumOff}, all...) {
			t.Run(fmt.Sprintf("sent %s, policy %s", sent, policy), func(t *testing.T) {
				var h host
				cfg := h.config()
				cfg.Checksum = policy
				m := m
				m.Checksum = sent
				reply, err := m.Serve(t.Context(), receiver(t, cfg), address)
				require.NoError(t, err)
				ok := policy == callback.ChecksumOff || sent != callback.ChecksumOff && (policy == callback.ChecksumAny || policy == sent)
				require.Equal(t, ok, reply.OK())
				if !ok {
					require.ErrorIs(t, h.errs[0], callback.ErrChecksum)
					assert.Empty(t, h.seen)
					return
				}
				form := sent.String()
				if sent == callback.ChecksumOff {
					form = ""
				}
				assert.Equal(t, form, h.envs[0].ChecksumForm)
			})
		}
	}
	assert.Equal(t, "Checksum(9)", callback.Checksum(9).String())
	_, err := callback.ChecksumTS.Sign(jushuitan.PushStock, "a=%zz")
	require.Error(t, err)
}

func TestWindow(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for name, tt := range map[string]struct {
		age, ahead time.Duration
		ts         string
		ok         bool
	}{
		"not checked":           {0, 0, "1", true},
		"not checked, missing":  {0, 0, "", true},
		"present":               {time.Minute, time.Minute, "1700000000", true},
		"oldest":                {time.Minute, time.Minute, "1699999940", true},
		"too old":               {time.Minute, time.Minute, "1699999939", false},
		"too old, milliseconds": {time.Minute, time.Minute, "1699999939999", false},
		"furthest ahead":        {time.Minute, time.Minute, "1700000060", true},
		"too far ahead":         {time.Minute, time.Minute, "1700000061", false},
		"age alone":             {time.Minute, 0, "1800000000", true},
		"ahead alone":           {0, time.Minute, "1600000000", true},
		"missing":               {time.Minute, 0, "", false},
		"zero":                  {time.Minute, 0, "0", false},
	} {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.MaxAge, cfg.MaxAhead, cfg.Checksum = tt.age, tt.ahead, callback.ChecksumOff
			cfg.Now = func() time.Time { return now }
			w := send(t, receiver(t, cfg).Cancel(), http.MethodPost, "/?entId=1&ts="+tt.ts, cancelBody)
			assert.Equal(t, tt.ok, w.Code == 200)
			assert.Len(t, h.seen, map[bool]int{true: 1}[tt.ok])
			if !tt.ok {
				require.ErrorIs(t, h.errs[0], jushuitan.ErrWindow)
			}
		})
	}
}

func TestSources(t *testing.T) {
	prefixes := func(texts ...string) (out []netip.Prefix) {
		for _, text := range texts {
			out = append(out, netip.MustParsePrefix(text))
		}
		return out
	}
	for name, tt := range map[string]struct {
		sources, proxies []netip.Prefix
		remote           string
		header           []string
		source           string
		ok               bool
	}{
		"no list":                     {nil, nil, "203.0.113.9:1", nil, "203.0.113.9", true},
		"in":                          {prefixes("203.0.113.0/24"), nil, "203.0.113.9:1", nil, "203.0.113.9", true},
		"out":                         {prefixes("203.0.113.0/24"), nil, "198.51.100.1:1", nil, "198.51.100.1", false},
		"mapped":                      {prefixes("203.0.113.0/24"), nil, "[::ffff:203.0.113.9]:1", nil, "203.0.113.9", true},
		"mapped list":                 {prefixes("::ffff:203.0.113.0/120"), nil, "203.0.113.9:1", nil, "203.0.113.9", true},
		"IPv6":                        {prefixes("2001:db8::/32"), nil, "[2001:db8::1%eth0]:1", nil, "2001:db8::1", true},
		"no address":                  {prefixes("0.0.0.0/0"), nil, "@", nil, "", false},
		"header, no proxies":          {prefixes("203.0.113.0/24"), nil, "198.51.100.1:1", []string{"203.0.113.9"}, "198.51.100.1", false},
		"header of a stranger":        {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "198.51.100.1:1", []string{"203.0.113.9"}, "198.51.100.1", false},
		"header of a proxy":           {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9", true},
		"with a port":                 {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"203.0.113.9:55"}, "203.0.113.9", true},
		"two proxies":                 {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9", true},
		"two headers":                 {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"1.1.1.1", "203.0.113.9, 10.0.0.2"}, "203.0.113.9", true},
		"forged before the real one":  {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1", false},
		"rubbish":                     {prefixes("0.0.0.0/0"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "", false},
		"proxy without the header":    {prefixes("203.0.113.0/24"), prefixes("10.0.0.0/8"), "10.0.0.1:1", nil, "10.0.0.1", false},
		"proxies only":                {prefixes("10.0.0.0/8"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3", true},
		"a proxy's header left empty": {prefixes("10.0.0.0/8"), prefixes("10.0.0.0/8"), "10.0.0.1:1", []string{""}, "10.0.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.Sources, cfg.Proxies, cfg.Checksum = tt.sources, tt.proxies, callback.ChecksumOff
			if tt.proxies != nil {
				cfg.ProxyHeader = "x-forwarded-for"
			}
			r := receiver(t, cfg)
			for _, body := range []string{cancelBody, ""} {
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?entId=1", strings.NewReader(body))
				req.RemoteAddr = tt.remote
				for _, line := range tt.header {
					req.Header.Add("X-Forwarded-For", line)
				}
				w := httptest.NewRecorder()
				r.Cancel().ServeHTTP(w, req)
				assert.Equal(t, tt.ok, w.Code == 200, "a probe too is answered to the sources only")
			}
			if tt.ok {
				require.Len(t, h.envs, 1)
				assert.Equal(t, tt.source, h.envs[0].Source.String())
				return
			}
			require.Len(t, h.errs, 2)
			require.ErrorIs(t, h.errs[0], jushuitan.ErrSource)
			if tt.source != "" {
				assert.Equal(t, tt.source, h.failed[0].Source.String())
			}
		})
	}
}

// TestConfigChecks: what New refuses.
func TestConfigChecks(t *testing.T) {
	var h host
	for name, change := range map[string]func(*callback.Config){
		"no secret":               func(c *callback.Config) { c.AllowUnauthenticated = false },
		"secret and none needed":  func(c *callback.Config) { c.Secrets = []string{present} },
		"empty secret":            func(c *callback.Config) { c.AllowUnauthenticated, c.Secrets = false, []string{present, ""} },
		"short secret":            func(c *callback.Config) { c.AllowUnauthenticated, c.Secrets = false, []string{"fifteen bytes.."} },
		"checksum not known":      func(c *callback.Config) { c.Checksum = 9 },
		"header without proxies":  func(c *callback.Config) { c.ProxyHeader = "X-Real-Ip" },
		"proxies without header":  func(c *callback.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"network not valid":       func(c *callback.Config) { c.Sources = []netip.Prefix{{}} },
		"negative body time":      func(c *callback.Config) { c.BodyTimeout = -1 },
		"deduper and no dedupe":   func(c *callback.Config) { c.Deduper = jushuitan.NewMemoryDeduper(1) },
		"failure status":          func(c *callback.Config) { c.FailureStatus = 100 },
		"failure code zero":       func(c *callback.Config) { c.FailureCode = "0" },
		"failure code of zeros":   func(c *callback.Config) { c.FailureCode = "00" },
		"failure code with quote": func(c *callback.Config) { c.FailureCode = `1"` },
	} {
		cfg := h.config()
		change(&cfg)
		_, err := callback.New(cfg)
		require.Error(t, err, name)
		for _, text := range []string{present, "fifteen"} {
			assert.NotContains(t, err.Error(), text)
		}
	}
	var b strings.Builder
	cfg := h.config()
	cfg.Secrets = []string{present}
	slog.New(slog.NewTextHandler(&b, nil)).Info("config", "config", cfg)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", cfg, &cfg, cfg)+b.String(), present)
}

// TestFailureAnswer: the answer of a failure is the host's choice.
func TestFailureAnswer(t *testing.T) {
	h := host{reply: func() error { return assert.AnError }}
	cfg := h.config()
	cfg.FailureStatus, cfg.FailureCode = 200, "1"
	r := receiver(t, cfg)
	m := message()
	m.Secret = ""
	assert.Equal(t, callbacktest.Reply{Status: 200, Code: "1", Body: `{"code":"1","msg":"处理失败"}`}, serve(t, r, m))
	m.Checksum = callback.ChecksumOff
	assert.Equal(t, callbacktest.Reply{Status: 403, Code: "1", Body: `{"code":"1","msg":"请求被拒绝"}`}, serve(t, r, m))
}

// blocking is a body that ends with the read deadline, as a connection does.
type blocking struct {
	http.ResponseWriter
	ended chan struct{}
}

func (b *blocking) SetReadDeadline(time.Time) error { close(b.ended); return nil }
func (b *blocking) Read([]byte) (int, error)        { <-b.ended; return 0, context.DeadlineExceeded }
func (b *blocking) Close() error                    { return nil }

// TestBodyTimeout: a body that never comes is given up.
func TestBodyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		cfg := h.config()
		cfg.BodyTimeout = 5 * time.Second
		b := &blocking{ResponseWriter: httptest.NewRecorder(), ended: make(chan struct{})}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+query(jushuitan.PushCancel), b)
		start := time.Now()
		receiver(t, cfg).Cancel().ServeHTTP(b, req)
		assert.Equal(t, 5*time.Second, time.Since(start))
		require.Len(t, h.errs, 1)
		require.ErrorIs(t, h.errs[0], context.DeadlineExceeded)
		assert.Empty(t, h.seen)
	})
}
