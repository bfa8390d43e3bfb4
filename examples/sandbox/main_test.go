package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
	"github.com/dianjia/jushuitan-go/qimen"
)

// start runs the sandbox and reads its first line.
func start(t *testing.T, receiver string, dialects ...string) (first string, at hello) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, w, settings{addr: "127.0.0.1:0", receiver: receiver, dialects: strings.Join(dialects, ",")})
	}()
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	dec := json.NewDecoder(strings.NewReader(first))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&at))
	return first, at
}

// TestSandbox calls the sandbox using only what its first line says.
func TestSandbox(t *testing.T) {
	_, hello := start(t, "")
	at := hello.Jushuitan
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: at.AppKey, AppSecret: at.AppSecret},
		jushuitan.WithBaseURL(at.URL), jushuitan.WithToken(at.AccessToken))
	require.NoError(t, err)
	page, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Shops, 2)

	resp, err := get(t, at.URL+console.Root)
	require.NoError(t, err)
	assert.Contains(t, resp, "<html", "the operator's page is beside them")
}

// TestSandboxDialect: the sandbox answers in the dialects that it is told, and goes on to
// answer callers whose clock does not follow when the operator advances its clock.
func TestSandboxDialect(t *testing.T) {
	_, hello := start(t, "", "bom", "rows-at-root")
	at := hello.Jushuitan
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: at.AppKey, AppSecret: at.AppSecret}, jushuitan.WithBaseURL(at.URL), jushuitan.WithToken(at.AccessToken))
	require.NoError(t, err)
	for range 2 {
		page, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		assert.Len(t, page.Shops, 2)
		post(t, at.URL+console.Root+"advance", `{"seconds":86400}`)
	}
	state, err := get(t, at.URL+console.Root+"state")
	require.NoError(t, err)
	assert.Contains(t, state, `"dialects":[{"name":"bom"`)
	post(t, at.URL+console.Root+"dialects", `{"names":[]}`)
	state, err = get(t, at.URL+console.Root+"state")
	require.NoError(t, err)
	assert.Contains(t, state, `"dialects":[]`)

	assert.ErrorContains(t, run(t.Context(), io.Discard, settings{addr: "127.0.0.1:0", dialects: "klingon"}), `-dialect: jushuitantest: no dialect is named "klingon"`)
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func get(t *testing.T, url string) (string, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestSandboxQimen calls the gateway using only what the first line says: the scene, and a
// standard method that is forwarded to the receiver.
func TestSandboxQimen(t *testing.T) {
	received := make(chan string, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received <- r.URL.Query().Get("method")
		_, _ = io.WriteString(w, "<response><flag>success</flag><code>0</code><message>ok</message><deliveryOrderId>W1</deliveryOrderId></response>")
	}))
	defer web.Close()
	_, hello := start(t, web.URL)
	at := hello.Qimen
	c, err := qimen.New(qimen.Config{AppKey: at.AppKey, AppSecret: at.AppSecret, TargetAppKey: at.TargetAppKey, CustomerID: at.CustomerID, Gateway: at.URL})
	require.NoError(t, err)
	page, err := c.Scene.SaleoutList(t.Context(), &qimen.SaleoutListRequest{WMSCoID: demo.StoreWarehouse})
	require.NoError(t, err)
	assert.Empty(t, page.Outbounds)
	answer, err := c.Warehouse.DeliveryOrderCreate(t.Context(), &qimen.DeliveryOrderCreateRequest{})
	require.NoError(t, err)
	assert.Equal(t, "W1", answer.DeliveryOrderID)
	assert.Equal(t, "deliveryorder.create", <-received)
	log, err := get(t, hello.Jushuitan.URL+console.Root+"requests")
	require.NoError(t, err)
	assert.Regexp(t, `"method":"\S*deliveryorder.create","status":200,"code":0`, log, "the operator sees the gateway's requests too")
	assert.NotContains(t, log, at.AppSecret)

	assert.ErrorContains(t, run(t.Context(), io.Discard, settings{addr: "127.0.0.1:0", receiver: "somewhere"}), "-qimen-receiver")
}

// TestInterop lets another language call the sandbox with its own signatures: a valid one
// is answered 0, an invalid one 10, an old timestamp 140. An order that is uploaded through
// the open API is returned through Qimen, with any algorithm.
func TestInterop(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("python3 is not installed: nothing to interoperate with here")
		return
	}
	first, _ := start(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "testdata/interop.py", first).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.JSONEq(t, `{
		"right":0,"shops":2,"wrong sign":10,"old timestamp":140,"uploaded":0,"same order":true,
		"qimen":{"md5":["success",["PY-1"]],"hmac":["success",["PY-1"]],"hmac-sha256":["success",["PY-1"]]},
		"qimen wrong sign":["failure",25]}`, string(out))
}
