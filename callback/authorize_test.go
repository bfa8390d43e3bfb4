package callback_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// granter is a service-provider app with its fake server.
type granter struct {
	srv     *jushuitantest.Server
	client  *jushuitan.Client
	handler *callback.AuthorizeHandler
	now     time.Time
	mu      sync.Mutex
	granted []string
	errs    []error
}

func newGranter(t *testing.T, change func(*callback.AuthorizeConfig)) *granter {
	t.Helper()
	g := &granter{now: time.Unix(1700000000, 0)}
	g.srv = jushuitantest.NewServer(jushuitantest.WithoutQuota(),
		jushuitantest.WithApp(jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider}))
	t.Cleanup(g.srv.Close)
	require.NoError(t, g.srv.Company("ent-1").AddShop(jushuitan.Shop{ShopID: 1, ShopName: "一"}))
	require.NoError(t, g.srv.Company("ent-2").AddShop(jushuitan.Shop{ShopID: 2, ShopName: "二"}))
	var err error
	g.client, err = g.srv.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	g.handler = g.with(t, change)
	return g
}

func (g *granter) with(t *testing.T, change func(*callback.AuthorizeConfig)) *callback.AuthorizeHandler {
	t.Helper()
	cfg := callback.AuthorizeConfig{
		StateSecrets: []string{present}, MaxAge: 10 * time.Minute, Now: func() time.Time { return g.now },
		OnGranted: func(_ context.Context, entID string, tok jushuitan.Token) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.granted = append(g.granted, entID)
			assert.NotEmpty(t, tok.AccessToken)
		},
		OnError: func(_ context.Context, _ string, err error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, err)
		},
	}
	if change != nil {
		change(&cfg)
	}
	a, err := callback.NewAuthorizeHandler(g.client, cfg)
	require.NoError(t, err)
	return a
}

func (g *granter) visit(t *testing.T, q url.Values) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authorized?"+q.Encode(), nil))
	return w
}

func (g *granter) refused(t *testing.T, w *httptest.ResponseRecorder, status int, reason error) {
	t.Helper()
	assert.Equal(t, status, w.Code)
	assert.Equal(t, `{"code":-1}`, w.Body.String())
	require.NotEmpty(t, g.errs)
	require.ErrorIs(t, g.errs[len(g.errs)-1], reason)
}

// TestAuthorize: each merchant's token is stored under the entID of the state.
func TestAuthorize(t *testing.T) {
	g := newGranter(t, nil)
	for _, ent := range []string{"ent-1", "ent-2"} {
		page, err := url.Parse(g.handler.URL(ent))
		require.NoError(t, err)
		state := page.Query().Get("state")
		require.NotEmpty(t, state)
		w := g.visit(t, g.srv.Authorize(ent, state))
		assert.Equal(t, 200, w.Code)
		assert.JSONEq(t, `{"code":0}`, w.Body.String())
		shops, err := g.client.ForMerchant(ent).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		assert.Len(t, shops.Shops, 1)
	}
	assert.Equal(t, []string{"ent-1", "ent-2"}, g.granted)
	assert.Empty(t, g.errs)
	assert.NotEqual(t, g.handler.State("ent-1"), g.handler.State("ent-1"))
}

func TestAuthorizeReplays(t *testing.T) {
	g := newGranter(t, nil)
	state := g.handler.State("ent-1")
	redirect := g.srv.Authorize("ent-1", state)
	assert.Equal(t, 200, g.visit(t, redirect).Code)
	g.refused(t, g.visit(t, redirect), 403, callback.ErrRedirect)
	g.refused(t, g.visit(t, g.srv.Authorize("ent-1", state)), 403, callback.ErrRedirect) // a new code, the old state
	code := redirect.Get("code")
	params := map[string]string{"app_key": "isv", "code": code, "state": g.handler.State("ent-1")}
	q := url.Values{"app_key": {"isv"}, "code": {code}, "state": {params["state"]}, "sign": {jushuitan.Sign("isv-secret", params)}}
	g.refused(t, g.visit(t, q), 403, callback.ErrRedirect) // the old code, a new state
	assert.Equal(t, []string{"ent-1"}, g.granted)
	for _, err := range g.errs {
		text := fmt.Sprintf("%v %+v", err, err)
		assert.NotContains(t, text, code)
		assert.NotContains(t, text, state)
	}
}

// TestAuthorizeAtOnce: of many at the same time one is taken.
func TestAuthorizeAtOnce(t *testing.T) {
	g := newGranter(t, nil)
	redirect := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	codes := make([]int, 16)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { codes[i] = g.visit(t, redirect).Code })
	}
	wg.Wait()
	taken := 0
	for _, code := range codes {
		if code == 200 {
			taken++
		}
	}
	assert.Equal(t, 1, taken)
	assert.Equal(t, []string{"ent-1"}, g.granted)
}

func TestAuthorizeRefusals(t *testing.T) {
	g := newGranter(t, nil)
	other := g.with(t, func(c *callback.AuthorizeConfig) { c.StateSecrets = []string{"secret of somebody else"} })
	rotated := g.with(t, func(c *callback.AuthorizeConfig) { c.StateSecrets = []string{"a secret that is new", present} })
	old := g.handler.State("ent-1")

	forged := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	forged.Set("code", "another")
	g.refused(t, g.visit(t, forged), 403, jushuitan.ErrSign)
	g.refused(t, g.visit(t, g.srv.Authorize("ent-1", "")), 403, callback.ErrState)
	g.refused(t, g.visit(t, g.srv.Authorize("ent-1", "ent-1")), 403, callback.ErrState)
	g.refused(t, g.visit(t, g.srv.Authorize("ent-1", other.State("ent-1"))), 403, callback.ErrState)
	g.refused(t, g.visit(t, g.srv.Authorize("ent-1", old[:len(old)-1])), 403, callback.ErrState)
	g.refused(t, g.visit(t, url.Values{}), 403, callback.ErrRedirect)
	twice := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	twice.Add("code", "x")
	g.refused(t, g.visit(t, twice), 403, callback.ErrRedirect)

	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	g.refused(t, w, 405, callback.ErrRedirect)
	w = httptest.NewRecorder()
	g.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?a=%zz", nil))
	g.refused(t, w, 400, callback.ErrRedirect)

	redirect := g.srv.Authorize("ent-1", old)
	g.now = g.now.Add(10 * time.Minute)
	g.refused(t, g.visit(t, redirect), 403, callback.ErrState)
	g.now = g.now.Add(-time.Second)
	g.handler = rotated // the state's secret is the previous one now
	assert.Equal(t, 200, g.visit(t, redirect).Code)
	assert.Equal(t, []string{"ent-1"}, g.granted)
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestAuthorizeHangUp: a caller that hangs up during the exchange loses nothing. The token is
// stored, and the repeat of the redirect is answered with success, once.
func TestAuthorizeHangUp(t *testing.T) {
	g := newGranter(t, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	exchanges := 0
	var err error
	g.client, err = g.srv.Client(jushuitan.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		exchanges++
		hangUp()
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		return http.DefaultTransport.RoundTrip(req)
	})}))
	require.NoError(t, err)
	g.handler = g.with(t, nil)
	redirect := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	g.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/authorized?"+redirect.Encode(), nil))
	require.Error(t, ctx.Err())
	assert.Equal(t, []string{"ent-1"}, g.granted)
	assert.Empty(t, g.errs)
	assert.Equal(t, 1, exchanges)

	assert.Equal(t, 200, g.visit(t, redirect).Code, "the caller asks again")
	g.refused(t, g.visit(t, redirect), 403, callback.ErrRedirect)
	assert.Equal(t, []string{"ent-1"}, g.granted)
	assert.Equal(t, 1, exchanges, "the code is exchanged once")
	shops, err := g.client.ForMerchant("ent-1").Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Len(t, shops.Shops, 1)
}

// TestAuthorizeHangUpWhileGranted: so does one that hangs up while the host is told of the token.
func TestAuthorizeHangUpWhileGranted(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	told := 0
	g := newGranter(t, func(c *callback.AuthorizeConfig) {
		c.OnGranted = func(context.Context, string, jushuitan.Token) { told++; hangUp() }
	})
	redirect := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	g.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/authorized?"+redirect.Encode(), nil))
	require.Error(t, ctx.Err())
	assert.Equal(t, 200, g.visit(t, redirect).Code, "the caller asks again")
	g.refused(t, g.visit(t, redirect), 403, callback.ErrRedirect)
	assert.Equal(t, 1, told)
}

// TestAuthorizeAgain: what failed on the way may come again, what was refused may
// not.
func TestAuthorizeAgain(t *testing.T) {
	g := newGranter(t, nil)
	redirect := g.srv.Authorize("ent-1", g.handler.State("ent-1"))
	dead, err := jushuitan.New(jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider},
		jushuitan.WithBaseURL("http://127.0.0.1:1"), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	alive := g.client
	g.client = dead
	g.handler = g.with(t, nil)
	g.refused(t, g.visit(t, redirect), 502, jushuitan.ErrUnavailable)
	g.refused(t, g.visit(t, redirect), 502, jushuitan.ErrUnavailable)
	g.client = alive
	g.handler = g.with(t, func(c *callback.AuthorizeConfig) {
		c.OnGranted = func(context.Context, string, jushuitan.Token) { panic("CANARY") }
	})
	assert.Equal(t, 200, g.visit(t, redirect).Code, "the token is stored, whatever the host does")
	var p *jushuitan.PanicError
	require.ErrorAs(t, g.errs[len(g.errs)-1], &p)
	g.refused(t, g.visit(t, redirect), 403, callback.ErrRedirect)

	late := g.srv.Authorize("ent-2", g.handler.State("ent-2"))
	g.srv.Advance(15 * time.Minute)
	g.refused(t, g.visit(t, late), 502, jushuitan.ErrInvalid)
	g.refused(t, g.visit(t, late), 403, callback.ErrRedirect)
}

func TestNewAuthorize(t *testing.T) {
	g := newGranter(t, nil)
	for name, cfg := range map[string]callback.AuthorizeConfig{
		"no secret":    {},
		"short secret": {StateSecrets: []string{"short"}},
		"negative age": {StateSecrets: []string{present}, MaxAge: -1},
	} {
		_, err := callback.NewAuthorizeHandler(g.client, cfg)
		require.Error(t, err, name)
	}
	_, err := callback.NewAuthorizeHandler(nil, callback.AuthorizeConfig{StateSecrets: []string{present}})
	require.Error(t, err)
	cfg := callback.AuthorizeConfig{StateSecrets: []string{present}}
	assert.NotContains(t, fmt.Sprintf("%v %#v", cfg, cfg)+cfg.LogValue().String(), present)
	_, err = callback.NewAuthorizeHandler(g.client, cfg)
	require.NoError(t, err)
}
