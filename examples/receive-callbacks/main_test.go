package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/internal/flows/flowstest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
)

func TestProgram(t *testing.T) {
	text := flowstest.Run(t, program())
	for _, want := range []string{
		`authorised 授权成功 entId=10010: Token\{AccessToken:\*\*\*`,
		`the state was already used\n  answered HTTP 403`,
		`push logistics.upload 物流同步 entId=10010 storageCode=10200077: MALL-7001 by 圆通速递 YT7001: TEE24-WHT-M x2`,
		`MALL-7001 by 顺丰速运 SF7002: CAP24-RED x1`,
		`push cancel.order 取消订单 .*MALL-7002`,
		`RET-7001 确认收货 MALL-7001: TEE24-WHT-M x1`,
		`RET-7001 取消收货`,
		`push inventory.upload 库存同步 entId=10010 storageCode=10100001: 3 rows: .*CAP24-RED=99`,
		`duplicate 重复推送: acknowledged, not handled again\n  the sender sees: accepted`,
		`token of the URL refused: missing`,
		`it was not derived from any of the secrets for this URL`,
		`\{"ok":true,"handled":6,"refused":3\}`,
		`stopped: 6 pushes handled, 3 refused`,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestNewSecret(t *testing.T) {
	text := flowstest.Run(t, program(), "-new-secret", "-secret-env", "MY_SECRET", "-public-url", "https://shop.example.com/", "-storage-code", "133242", "-warehouse", "12345")
	secret := regexp.MustCompile(`export MY_SECRET=(\w+)`).FindStringSubmatch(text)
	require.Len(t, secret, 2)
	require.GreaterOrEqual(t, len(secret[1]), 16)
	// The token in each URL is derived from that secret.
	urls, err := dianjia.URLBuilder{BaseURL: "https://shop.example.com" + callbackPath, Secret: secret[1]}.URLs(dianjia.ShopSettings{EntID: "10010", ShopID: 133242, WMSCoID: 12345})
	require.NoError(t, err)
	require.Len(t, urls, 4)
	for _, url := range urls {
		assert.Contains(t, text, url)
	}
	assert.NotContains(t, flowstest.Run(t, program(), "-new-secret"), secret[1], "each secret is new")
}

// lines is a writer that signals when a text was written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first match of a pattern as soon as there is one.
func (l *lines) wait(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		if found := re.FindStringSubmatch(l.String()); found != nil {
			return found
		}
		select {
		case <-l.more:
		case <-t.Context().Done():
			t.Fatalf("%s did not come:\n%s", pattern, l)
		case <-time.After(10 * time.Second):
			t.Fatalf("%s did not come:\n%s", pattern, l)
		}
	}
}

// TestBesideSandbox: the server registers its URLs in a sandbox, an order is shipped as by
// a click on the sandbox's page, and the push is printed and recorded. A previous secret is
// still accepted.
func TestBesideSandbox(t *testing.T) {
	sandbox := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(console.Config{})))
	defer sandbox.Close()
	require.NoError(t, demo.Furnish(sandbox))
	t.Setenv("PUSH_SECRETS", "the-present-secret-0001,the-previous-secret-001")
	journal := filepath.Join(t.TempDir(), "pushes.jsonl")

	ctx, stop := context.WithCancel(t.Context())
	out := &lines{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- program().Start(ctx, []string{
			"-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS", "-sandbox", sandbox.URL, "-journal", journal,
		}, func(string) string { return "" }, out)
	}()
	defer stop()
	base := out.wait(t, `receiving at (http://\S+),`)[1]
	out.wait(t, `registered in the sandbox`)
	assert.NotContains(t, out.String(), "the-present-secret", "a secret is not printed")
	assert.Contains(t, out.String(), "delivery_callback?entId=10010&jstToken=***&storageCode=10200077\n", "nor are tokens")
	assert.NotRegexp(t, `[tT]oken=[^*]`, out.String())

	click := func(path, body string) string {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, sandbox.URL+console.Root+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode, "%s", answer)
		return string(answer)
	}
	number := func(answer string) string { return regexp.MustCompile(`_id":(\d+)`).FindStringSubmatch(answer)[1] }
	oID := number(click("orders", `{"shop_id":10200077,"so_id":"MALL-1","items":[{"sku_id":"CAP24-RED","qty":2,"price":39}]}`))
	ioID := number(click("orders/"+oID+"/assign", `{"wms_co_id":10100001}`))
	click("outbounds/"+ioID+"/ship", `{"lc_id":"YTO","l_id":"YT1"}`)
	out.wait(t, `push logistics.upload 物流同步 entId=10010 storageCode=10200077: MALL-1 by 圆通速递 YT1: CAP24-RED x2`)

	old, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: base + callbackPath, Secret: "the-previous-secret-001"}})
	require.NoError(t, err)
	require.NoError(t, old.SendCancel(ctx, dianjia.Target{EntID: "10010", StorageCode: "10200077"}, &jushuitan.CancelPush{SoID: "MALL-2"}))

	stop()
	require.NoError(t, <-ended)
	assert.Contains(t, out.String(), "stopped: 2 pushes handled, 0 refused")
	_, err = http.Get(base + "/healthz") //nolint:noctx // it does not listen any more
	require.Error(t, err)

	kept, err := flows.OpenJournal(journal, time.Now())
	require.NoError(t, err)
	defer func() { require.NoError(t, kept.Close()) }()
	found, err := kept.Find(t.Context(), callback.JournalScope{Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "10200077"}, "o_id "+oID)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "MALL-1 YT1", found[0].SoID+" "+found[0].LID)
	if info, err := os.Stat(journal); assert.NoError(t, err) {
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

// TestRestart: a push that is repeated after a restart is not handled again, and the URLs
// are shown on request.
func TestRestart(t *testing.T) {
	t.Setenv("PUSH_SECRETS", "the-present-secret-0001")
	file := filepath.Join(t.TempDir(), "seen.jsonl")
	for _, want := range []string{"stopped: 1 pushes handled, 0 refused", "stopped: 0 pushes handled, 0 refused"} {
		ctx, stop := context.WithCancel(t.Context())
		out := &lines{more: make(chan struct{}, 1)}
		ended := make(chan error, 1)
		go func() {
			ended <- program().Start(ctx, []string{"-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS", "-seen", file, "-show-urls"}, func(string) string { return "" }, out)
		}()
		base := out.wait(t, `receiving at (http://\S+),`)[1]
		out.wait(t, `jstToken=[\w-]{10}`)
		sender, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: base + callbackPath, Secret: "the-present-secret-0001"}})
		require.NoError(t, err)
		require.NoError(t, sender.SendCancel(ctx, dianjia.Target{EntID: "10010", StorageCode: "10200077"}, &jushuitan.CancelPush{SoID: "MALL-1"}))
		stop()
		require.NoError(t, <-ended)
		assert.Contains(t, out.String(), want)
	}
}

// TestSeen: the file keeps what a deduper must remember, and drops expired and damaged
// lines.
func TestSeen(t *testing.T) {
	dir := t.TempDir()
	callbacktest.TestDeduper(t, func(t *testing.T) jushuitan.Deduper {
		s, err := openSeen(filepath.Join(t.TempDir(), "seen.jsonl"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	})

	path := filepath.Join(dir, "seen.jsonl")
	s, err := openSeen(path)
	require.NoError(t, err)
	for key, ttl := range map[string]time.Duration{"kept": time.Hour, "over": 1, "forgotten": time.Hour} {
		require.NoError(t, s.Commit(t.Context(), key, "A", "o", "m", ttl))
	}
	require.NoError(t, s.Commit(t.Context(), "forgotten", "A", "o", "", 0))
	require.NoError(t, s.Close())
	cut, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = cut.WriteString(`{"key":"cu`)
	require.NoError(t, err)
	require.NoError(t, cut.Close())

	again, err := openSeen(path)
	require.NoError(t, err)
	require.NoError(t, again.Close())
	s, err = openSeen(path)
	require.NoError(t, err)
	for key, want := range map[string]jushuitan.ClaimState{"kept": jushuitan.Committed, "over": jushuitan.Claimed, "forgotten": jushuitan.Claimed, "cu": jushuitan.Claimed} {
		state, _, err := s.Claim(t.Context(), key, "A", "p", time.Minute)
		require.NoError(t, err)
		assert.Equal(t, want, state, key)
	}
	require.NoError(t, s.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(text), "kept"))
	assert.NotRegexp(t, "over|forgotten", string(text))
	assert.NotContains(t, string(text), `{"key":"cu`)
	if info, err := os.Stat(path); assert.NoError(t, err) {
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "no other file is left")

	require.NoError(t, os.WriteFile(path, []byte("no line of it\n"), 0o600))
	_, err = openSeen(path)
	require.ErrorContains(t, err, "line 1")
}

func TestListenRefuses(t *testing.T) {
	t.Setenv("PUSH_SECRETS", "short")
	_, err := flowstest.Start(t, program(), nil, "-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS")
	require.ErrorContains(t, err, "shorter")
	t.Setenv("PUSH_SECRETS", "the-present-secret-0001")
	_, err = flowstest.Start(t, program(), nil, "-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS", "-sandbox", "http://127.0.0.1:1")
	require.ErrorContains(t, err, "in the sandbox")
	_, err = flowstest.Start(t, program(), nil, "-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS", "-storage-code", "shop", "-sandbox", "http://127.0.0.1:1")
	require.ErrorContains(t, err, "invalid value")
}

// TestNoSecret: the program creates a secret for this run, and the URLs contain its tokens.
func TestNoSecret(t *testing.T) {
	t.Setenv("PUSH_SECRETS", "")
	ctx, stop := context.WithCancel(t.Context())
	out := &lines{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- program().Start(ctx, []string{"-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS"}, func(string) string { return "" }, out)
	}()
	defer stop()
	address := out.wait(t, `(http://127\.0\.0\.1:\d+\S*/delivery_callback\?\S+)`)[1]
	out.wait(t, `4\. 订单分仓策略`)
	assert.Contains(t, out.String(), "valid until this program exits")
	require.Regexp(t, `oken=[\w-]`, address)
	base, _, _ := strings.Cut(address, "delivery_callback")
	stranger, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: base}})
	require.NoError(t, err)
	require.ErrorIs(t, stranger.SendCancel(ctx, dianjia.Target{EntID: "10010", StorageCode: "10200077"}, &jushuitan.CancelPush{SoID: "MALL-1"}), dianjia.ErrRefused)
	out.wait(t, `token of the URL refused: missing`)
	stop()
	require.NoError(t, <-ended)
	assert.Contains(t, out.String(), "0 pushes handled, 1 refused")
}

// TestAuthorizeOfAccount: with an app, redirects are accepted.
func TestAuthorizeOfAccount(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider}))
	defer srv.Close()
	client, err := srv.Client()
	require.NoError(t, err)
	s, err := newServer(config{out: io.Discard, secrets: []string{"the-present-secret-0001"}, client: client, journal: callback.NewMemoryJournal(0, srv.Now())})
	require.NoError(t, err)
	none, err := newServer(config{out: io.Discard, secrets: []string{"the-present-secret-0001"}, journal: callback.NewMemoryJournal(0, srv.Now())})
	require.NoError(t, err)
	for _, tt := range []struct {
		server *server
		want   int
	}{{s, http.StatusOK}, {none, http.StatusNotFound}} {
		got := statusOf(tt.server, authorizePath+"?"+srv.Authorize("", s.authorize.State("10010")).Encode())
		assert.Equal(t, tt.want, got)
	}
}

func statusOf(s *server, target string) (status int) {
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Code
}
