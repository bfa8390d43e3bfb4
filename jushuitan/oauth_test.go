package jushuitan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// tokenServer grants tokens and accepts only the last one it granted.
type tokenServer struct {
	mu       sync.Mutex
	granted  int
	valid    string
	refuse   bool // every business call is told that its token is not valid
	calls    atomic.Int64
	inits    atomic.Int64
	renewals atomic.Int64
	delay    time.Duration
	life     int64
	forms    []url.Values
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if s.delay > 0 && strings.Contains(r.URL.Path, "/auth/") {
		time.Sleep(s.delay) // virtual
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(r.URL.Path, "/auth/") {
		s.forms = append(s.forms, r.PostForm)
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/auth/getInitToken"):
		s.inits.Add(1)
	case strings.HasSuffix(r.URL.Path, "/auth/refreshToken"):
		s.renewals.Add(1)
	case strings.HasSuffix(r.URL.Path, "/auth/accessToken"):
		if r.PostForm.Get("code") != "good-code" {
			_, _ = io.WriteString(w, `{"code":100,"msg":"code无效"}`)
			return
		}
	default:
		s.calls.Add(1)
		if s.refuse || r.PostForm.Get("access_token") != s.valid {
			_, _ = io.WriteString(w, `{"code":100,"msg":"access_token 无效或已过期"}`)
			return
		}
		_, _ = io.WriteString(w, okShops)
		return
	}
	s.granted++
	s.valid = fmt.Sprintf("granted-access-token-%04d", s.granted)
	_, _ = fmt.Fprintf(w, `{"code":"0","msg":"success","data":{"access_token":%q,"refresh_token":"granted-refresh-token-%04d","expires_in":%d,"scope":"all"}}`,
		s.valid, s.granted, s.life)
}

func tokenClient(t *testing.T, s *tokenServer, typ jushuitan.AppType, opts ...jushuitan.Option) *jushuitan.Client {
	t.Helper()
	if s.life == 0 {
		s.life = 2592000
	}
	opts = append([]jushuitan.Option{
		jushuitan.WithHTTPClient(pipeServer(t, s)), jushuitan.WithBaseURL("http://fake.example"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Nanosecond}),
	}, opts...)
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001", Type: typ}, opts...)
	require.NoError(t, err)
	return c
}

func query(c *jushuitan.Client) error {
	_, err := c.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	return err
}

// TestExpiredTokenIsRenewedOnce: a thousand callers, one renewal.
func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{delay: time.Second}
		c := tokenClient(t, s, jushuitan.SelfBuilt).ForMerchant("10010")
		require.NoError(t, query(c))
		require.EqualValues(t, 1, s.inits.Load())

		time.Sleep(31 * 24 * time.Hour) // virtual: the token runs out
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var failed, cancelled atomic.Int64
		wg.Go(func() {
			if _, err := c.Shops.Query(first, &jushuitan.ShopQuery{}); err != nil {
				cancelled.Add(1)
			}
		})
		synctest.Wait()
		for range 999 {
			wg.Go(func() {
				if query(c) != nil {
					failed.Add(1)
				}
			})
		}
		synctest.Wait()
		cancel() // the first caller gives up in the middle of the renewal
		wg.Wait()
		assert.EqualValues(t, 1, cancelled.Load())
		assert.Zero(t, failed.Load(), "the others do not suffer from it")
		assert.EqualValues(t, 1, s.inits.Load()+s.renewals.Load()-1, "one renewal")
	})
}

// TestRejectedTokenIsReplacedOnce: the server refuses a token that looked good;
// it is replaced once for everybody and each call is sent again once.
func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{delay: time.Second}
		c := tokenClient(t, s, jushuitan.SelfBuilt)
		require.NoError(t, query(c))
		s.mu.Lock()
		s.valid = "revoked by somebody"
		s.mu.Unlock()
		before := s.calls.Load()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { assert.NoError(t, query(c)) })
		}
		wg.Wait()
		assert.EqualValues(t, 1, s.inits.Load()+s.renewals.Load()-1)
		assert.LessOrEqual(t, s.calls.Load()-before, int64(400), "each call is repeated once at most")

		s.mu.Lock()
		s.refuse = true
		s.mu.Unlock()
		before = s.calls.Load()
		err := query(c)
		assert.ErrorIs(t, err, jushuitan.ErrTokenExpired, "refused again with the new token: given up")
		assert.EqualValues(t, 2, s.calls.Load()-before, "one replay, no more")
	})
}

// TestTokenFailureIsToldOnce: the error of a call without a token says
// so, for whom and why, without saying it again and again.
func TestTokenFailureIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := tokenClient(t, &tokenServer{}, jushuitan.SelfBuilt, jushuitan.WithHTTPClient(pipeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"code":10,"msg":"签名错误"}`)
		}))))
		err := query(c.ForMerchant("10010"))
		require.ErrorIs(t, err, jushuitan.ErrSign)
		text := err.Error()
		assert.Contains(t, text, "cannot get a token, /openWeb/auth/getInitToken failed")
		for _, once := range []string{"10010", "签名校验失败，请检查", "signature rejected", "code 10"} {
			assert.Equal(t, 1, strings.Count(text, once), "%q in %s", once, text)
		}
	})
}

// TestFixedTokenIsNotRenewed: a refused one is an error.
func TestFixedTokenIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{}
		c := tokenClient(t, s, jushuitan.SelfBuilt)
		err := query(c.WithToken("granted-access-token-9999"))
		assert.ErrorIs(t, err, jushuitan.ErrTokenExpired)
		assert.Zero(t, s.inits.Load()+s.renewals.Load())
		assert.EqualValues(t, 1, s.calls.Load())
	})
}

// TestServiceProvider: never renews; the host is told once to send the merchant
// to the page, and all works after the grant.
func TestServiceProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{}
		var asked []string
		c := tokenClient(t, s, jushuitan.ServiceProvider, jushuitan.WithOnReauthorize(func(_ context.Context, merchant string, reason error) {
			asked = append(asked, merchant)
			assert.Error(t, reason)
		}))
		m := c.ForMerchant("10010")
		for range 3 {
			err := query(m)
			assert.ErrorIs(t, err, jushuitan.ErrReauthorize)
			assert.ErrorContains(t, err, "10010")
		}
		_, err := m.ExchangeCode(t.Context(), "bad-code")
		require.ErrorIs(t, err, jushuitan.ErrInvalid)
		tok, err := m.ExchangeCode(t.Context(), "good-code")
		require.NoError(t, err)
		assert.Equal(t, "granted-access-token-0001", tok.AccessToken)
		assert.WithinDuration(t, time.Now().Add(30*24*time.Hour), tok.ExpiresAt, time.Minute)
		require.NoError(t, query(m))
		assert.ErrorIs(t, query(c.ForMerchant("10011")), jushuitan.ErrReauthorize, "another merchant has its own")

		time.Sleep(31 * 24 * time.Hour) // virtual
		assert.ErrorIs(t, query(m), jushuitan.ErrReauthorize)
		assert.Zero(t, s.inits.Load()+s.renewals.Load(), "never renewed")
		synctest.Wait()
		assert.Equal(t, []string{"10010", "10011", "10010"}, asked, "once for each token")
	})
}

// TestTokenCallsForm: the token endpoints get their own parameters, signed, and
// nothing else.
func TestTokenCallsForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{}
		c := tokenClient(t, s, jushuitan.SelfBuilt, jushuitan.WithTokenPath("/openWebIsv/"))
		require.NoError(t, query(c))
		require.Len(t, s.forms, 1)
		f := s.forms[0]
		assert.Equal(t, "authorization_code", f.Get("grant_type"))
		assert.Len(t, f.Get("code"), 6)
		for _, absent := range []string{"access_token", "version", "biz", "refresh_token"} {
			assert.NotContains(t, f, absent)
		}
		params := map[string]string{}
		for name := range f {
			params[name] = f.Get(name)
		}
		assert.Equal(t, jushuitan.Sign("test-secret-0001", params), f.Get("sign"))
	})
}

func TestAuthorizeURL(t *testing.T) {
	at := time.Unix(1767225600, 0)
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "demoappkey0000000000000000000001", AppSecret: "demosecret0000000000000000000001", Type: jushuitan.ServiceProvider},
		jushuitan.WithClock(func() time.Time { return at }))
	require.NoError(t, err)
	u, err := url.Parse(c.AuthorizeURL("shop-42"))
	require.NoError(t, err)
	assert.Equal(t, "openweb.jushuitan.com", u.Host)
	assert.Equal(t, "/auth", u.Path)
	assert.Equal(t, "5e4a47af571128112d3302b0e1aa4845", u.Query().Get("sign"), "the reference's example")
	u, err = url.Parse(c.AuthorizeURL(""))
	require.NoError(t, err)
	assert.False(t, u.Query().Has("state"))
	assert.Equal(t, "73a890941d2b2278708f107cae86e3ac", u.Query().Get("sign"))
}

func TestParseRedirect(t *testing.T) {
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "demoappkey0000000000000000000001", AppSecret: "demosecret0000000000000000000001"})
	require.NoError(t, err)
	const good = "app_key=demoappkey0000000000000000000001&code=cb-code-0001&state=shop-42&sign=92c5e5ccd15f09cc8b765ee28c7edb49"
	tests := map[string]struct {
		query string
		ok    bool
	}{
		"the reference's example": {good, true},
		"capital sign":            {strings.Replace(good, "92c5e5cc", "92C5E5CC", 1), true},
		"other code":              {strings.Replace(good, "0001&state", "0002&state", 1), false},
		"other state":             {strings.Replace(good, "shop-42", "shop-43", 1), false},
		"other app":               {strings.Replace(good, "demoappkey", "someappkey", 1), false},
		"no sign":                 {"app_key=demoappkey0000000000000000000001&code=cb-code-0001&state=shop-42", false},
		"no code":                 {"app_key=demoappkey0000000000000000000001&sign=x", false},
		"code twice":              {good + "&code=evil", false},
		"one more parameter":      {good + "&admin=1", false},
		"nothing":                 {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q, err := url.ParseQuery(tt.query)
			require.NoError(t, err)
			got, err := c.ParseRedirect(q)
			if tt.ok {
				require.NoError(t, err)
				assert.Equal(t, "cb-code-0001", got.Code)
				assert.Equal(t, "shop-42", got.State)
				assert.NotContains(t, fmt.Sprintf("%+v %#v", got, got), "cb-code-0001", "a code is a secret")
				return
			}
			require.ErrorIs(t, err, jushuitan.ErrSign)
			assert.NotContains(t, err.Error(), "92c5e5cc", "the right signature is not told")
			assert.Empty(t, got)
		})
	}
}

func FuzzParseRedirect(f *testing.F) {
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("app_key=app&code=1&state=2&sign=3")
	f.Add("app_key=app&code=1&code=2")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		if got, err := c.ParseRedirect(q); err == nil {
			params := map[string]string{}
			for name := range q {
				params[name] = q.Get(name)
			}
			if jushuitan.Sign("test-secret-0001", params) != strings.ToLower(q.Get("sign")) || got.Code == "" {
				t.Fatal("a forgery was accepted")
			}
		}
	})
}

func TestNew(t *testing.T) {
	cred := jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"}
	tests := map[string]struct {
		cred jushuitan.Credentials
		opts []jushuitan.Option
	}{
		"no key":         {jushuitan.Credentials{AppSecret: "x"}, nil},
		"no secret":      {jushuitan.Credentials{AppKey: "x"}, nil},
		"base URL":       {cred, []jushuitan.Option{jushuitan.WithBaseURL("openapi.jushuitan.com")}},
		"user in URL":    {cred, []jushuitan.Option{jushuitan.WithBaseURL("https://a:b@example.com")}},
		"query in URL":   {cred, []jushuitan.Option{jushuitan.WithBaseURL("https://example.com?x=1")}},
		"nil client":     {cred, []jushuitan.Option{jushuitan.WithHTTPClient(nil)}},
		"nil store":      {cred, []jushuitan.Option{jushuitan.WithTokenStore(nil)}},
		"nil limiter":    {cred, []jushuitan.Option{jushuitan.WithLimiter(nil)}},
		"nil clock":      {cred, []jushuitan.Option{jushuitan.WithClock(nil)}},
		"bad quota":      {cred, []jushuitan.Option{jushuitan.WithQuota(jushuitan.Quota{Limit: 0, Per: time.Second})}},
		"bad retry":      {cred, []jushuitan.Option{jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: -1})}},
		"bad timeout":    {cred, []jushuitan.Option{jushuitan.WithTimeout(0)}},
		"no quota":       {cred, []jushuitan.Option{jushuitan.WithQuota()}},
		"bad size":       {cred, []jushuitan.Option{jushuitan.WithMaxResponseBytes(0)}},
		"bad prefetch":   {cred, []jushuitan.Option{jushuitan.WithPrefetch(0)}},
		"bad token path": {cred, []jushuitan.Option{jushuitan.WithTokenPath("openWeb")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := jushuitan.New(tt.cred, tt.opts...)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "test-secret")
		})
	}
}

// TestNothingLeaks prints everything that can be printed in every way and looks
// for the values that must not be seen.
func TestNothingLeaks(t *testing.T) {
	const secret, token, phone, name = "canary-app-secret-77", "canary-access-token-77", "13800138077", "金丝雀收货人"
	cred := jushuitan.Credentials{AppKey: "app", AppSecret: secret}
	order := jushuitan.Order{
		OID: 1, ReceiverName: name, ReceiverMobile: phone, ReceiverAddress: "canary-address", ShopBuyerID: "canary-buyer",
		PayAmount: decimal.RequireFromString("12.50"), Pays: []jushuitan.OrderPay{{BuyerAccount: "canary-account"}},
		Extra: map[string]json.RawMessage{"new_phone": json.RawMessage(`"` + phone + `"`)},
	}
	upload := sampleUpload("SO-1")
	upload.ReceiverName, upload.ReceiverMobile, upload.Card = name, phone, &jushuitan.OrderUploadCard{Name: name, CardID: "canary-card"}
	msg := fmt.Sprintf("收货人 %s 手机 %s 地址有误, token %s secret %s, tel 13911112222", name, phone, token, secret)
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, `{"code":130,"msg":`+strconv.Quote(msg)+`}`))
	real, err := jushuitan.New(cred, jushuitan.WithHTTPClient(&http.Client{Transport: mock}), jushuitan.WithToken(token))
	require.NoError(t, err)
	_, callErr := real.ForMerchant("10010").WithToken(token).Orders.Upload(t.Context(), []jushuitan.OrderUpload{upload})
	require.ErrorIs(t, callErr, jushuitan.ErrInvalid)
	require.Contains(t, callErr.Error(), "地址有误", "the rest of the server's words is shown")

	things := map[string]any{
		"credentials": cred, "client": real, "token": jushuitan.Token{AccessToken: token, RefreshToken: token, Scope: "all"},
		"order": order, "order pointer": &order, "orders": []jushuitan.Order{order}, "page": &jushuitan.OrderPage{Orders: []jushuitan.Order{order}},
		"upload": upload, "error": callErr, "nested": struct{ O jushuitan.Order }{order},
		"result": jushuitan.RowResult[jushuitan.Order]{Result: order},
	}
	for what, thing := range things {
		t.Run(what, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
				_, _ = fmt.Fprintf(&out, verb+"\n", thing)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "thing", thing)
			if what != "orders" && what != "nested" && what != "result" { // encoding a value as JSON is what a host does on purpose
				slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "thing", thing)
			}
			for _, canary := range []string{secret, token, phone, name, "canary-address", "canary-buyer", "canary-account", "canary-card", "13911112222"} {
				assert.NotContains(t, out.String(), canary)
			}
		})
	}
	assert.Contains(t, fmt.Sprintf("%+v", order), "PayAmount:12.5", "what is not personal is shown")
}
