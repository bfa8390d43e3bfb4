package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// start runs the sandbox and reads its first line.
func start(t *testing.T) (first string, hello map[string]*access) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, "127.0.0.1:0", false, w) }()
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	require.NoError(t, json.Unmarshal([]byte(first), &hello))
	require.NotNil(t, hello["jushuitan"])
	assert.Nil(t, hello["qimen"])
	return first, hello
}

// TestSandbox calls the sandbox with nothing but what its first line says.
func TestSandbox(t *testing.T) {
	_, hello := start(t)
	at := hello["jushuitan"]
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: at.AppKey, AppSecret: at.AppSecret},
		jushuitan.WithBaseURL(at.URL), jushuitan.WithToken(at.AccessToken))
	require.NoError(t, err)
	page, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Shops, 2)
}

// TestInterop lets another language call the sandbox with its own signature: a
// right one is answered 0, a wrong one 10, an old time stamp 140.
func TestInterop(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("python3 is not installed: nothing to interoperate with here")
		return
	}
	first, _ := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "testdata/interop.py", first).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.JSONEq(t, `{"right":0,"shops":2,"wrong sign":10,"old timestamp":140}`, string(out))
}
