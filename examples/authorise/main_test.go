package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestDemo(t *testing.T) {
	var out strings.Builder
	require.NoError(t, program().Start(t.Context(), nil, func(string) string { return "" }, &out), "%s", &out)
	text := out.String()
	parts := regexp.MustCompile(`(?m)^-- \d\. `).Split(text, -1)
	require.Len(t, parts, 10, "%s", text)

	assert.Contains(t, parts[1], "https://openweb.jushuitan.com/auth?app_key=…&charset=…&sign=…&state=…&timestamp=…")
	assert.Contains(t, parts[2], `200 {"code":0}`)
	assert.Contains(t, parts[2], "Version:1}")
	assert.Contains(t, parts[2], "1 shops")
	assert.Equal(t, 3, strings.Count(parts[3], `403 {"code":-1}`), parts[3])
	for _, why := range []string{"the state was already used", "the signature does not match", "not issued here, or altered"} {
		assert.Contains(t, parts[3], why)
	}
	assert.Contains(t, parts[4], "1 shops", "from the store")
	assert.Equal(t, 1, strings.Count(parts[5], "hook: ask merchant \"10010\""), "two calls, one notice: %s", parts[5])
	assert.Equal(t, 2, strings.Count(parts[5], "请商家重新授权"), parts[5])
	assert.Contains(t, parts[6], "Version:2}")

	assert.Contains(t, parts[7], "2 shops; calls and their codes 调用: getInitToken 0, query 0\n")
	assert.Contains(t, parts[8], "调用: refreshToken 0, query 0\n", "20 calls, one refresh")
	assert.Contains(t, parts[9], "调用: query 100, refreshToken 100, getInitToken 0, query 0\n")

	assert.NotRegexp(t, `[0-9a-f]{8,}`, strings.ReplaceAll(text, "127.0.0.1", ""), "tokens are masked")
}

// start runs the program with a service provider's account and returns what it prints,
// line by line.
func start(t *testing.T, ctx context.Context, srv *jushuitantest.Server, args ...string) (lines *bufio.Scanner, done chan error) {
	t.Helper()
	cred := srv.Credentials()
	args = append([]string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-service-provider"}, args...)
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	r, w := io.Pipe()
	done = make(chan error, 1)
	go func() {
		err := program().Start(ctx, args, env, w)
		done <- err
		_ = w.CloseWithError(err)
	}()
	return bufio.NewScanner(r), done
}

func until(t *testing.T, lines *bufio.Scanner, part string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), part) {
			return lines.Text()
		}
	}
	require.Failf(t, "not printed", "%q: %v", part, lines.Err())
	return ""
}

// TestReal treats a fake as a real account: the page is printed, the redirect arrives over
// HTTP, and the token still exists when the program is started again.
func TestReal(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{AppKey: "k", AppSecret: "a-secret", Type: jushuitan.ServiceProvider}))
	defer srv.Close()
	require.NoError(t, srv.Company("10010").AddShop(jushuitan.Shop{ShopID: 1}))
	tokens := filepath.Join(t.TempDir(), "tokens.json")
	bring := func(address string, query url.Values) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"?"+query.Encode(), nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}

	for round, flags := range [][]string{{"-token-file", tokens}, {"-token-file", tokens, "-again"}} {
		lines, done := start(t, t.Context(), srv, append(flags, "-merchant", "10010")...)
		address := regexp.MustCompile(`http://[^ ]+/authorised`).FindString(until(t, lines, "Waiting for the redirect on"))
		page, err := url.Parse(until(t, lines, "https://"))
		require.NoError(t, err)
		if round == 0 {
			assert.Equal(t, http.StatusForbidden, bring(address, srv.Authorize("10010", "made-up")))
			until(t, lines, "refused 已拒绝")
		}
		assert.Equal(t, http.StatusOK, bring(address, srv.Authorize("10010", page.Query().Get("state"))))
		assert.Contains(t, until(t, lines, "已授权"), `Merchant 商家 "10010"`)
		until(t, lines, "1 shops")
		require.NoError(t, <-done)
	}

	lines, done := start(t, t.Context(), srv, "-token-file", tokens, "-merchant", "10010")
	assert.Contains(t, until(t, lines, "已授权"), "Version:2}", "authorised before: no page is needed")
	until(t, lines, "1 shops")
	require.NoError(t, <-done)

	_, done = start(t, t.Context(), srv)
	require.ErrorContains(t, <-done, "-merchant is required")

	ctx, cancel := context.WithCancel(t.Context())
	lines, done = start(t, ctx, srv, "-merchant", "10011")
	until(t, lines, "https://")
	cancel()
	require.ErrorContains(t, <-done, "商家尚未授权")
}

// TestOnboarding: the texts for a merchant are printed with nothing before them, since they are
// copied.
func TestOnboarding(t *testing.T) {
	var out strings.Builder
	err := program().Start(t.Context(), []string{"-onboarding", "-company", "青禾服饰有限公司", "-mall-shop", "青禾微商城"}, func(string) string { return "" }, &out)
	require.NoError(t, err, "%s", &out)
	assert.Equal(t, dianjia.Onboarding{Company: "青禾服饰有限公司", MallShop: "青禾微商城"}.Text(), out.String())
	for _, want := range []string{"APPKEY：30043143", "公司名称：青禾服饰有限公司", "名称：店加线下仓", "店铺“青禾微商城”（商家自有商城）的订单禁止分配到仓库“店加线下仓”"} {
		assert.Contains(t, out.String(), want)
	}
}

// TestSelfBuilt: a self-built app needs no page.
func TestSelfBuilt(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	cred := srv.Credentials()
	var out strings.Builder
	err := program().Start(t.Context(), []string{"-app-key", cred.AppKey, "-base-url", srv.URL},
		func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }, &out)
	require.NoError(t, err, "%s", &out)
	assert.Contains(t, out.String(), "已授权: Token{AccessToken:***")
	assert.NotContains(t, out.String(), srv.AccessToken(""))
}
