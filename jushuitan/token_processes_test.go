package jushuitan_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The environment of a process that calls with tokens of a shared file.
const (
	callerURL    = "JUSHUITAN_TEST_CALLER_URL"
	callerKey    = "JUSHUITAN_TEST_CALLER_KEY"
	callerSecret = "JUSHUITAN_TEST_CALLER_SECRET"
	callerFile   = "JUSHUITAN_TEST_CALLER_FILE"
	callerPaths  = "JUSHUITAN_TEST_CALLER_PATHS" // of the API, one a goroutine
)

// TestTokenFileCaller is not a test: the test below runs it as a process, which calls until
// its standard input ends, and prints how many calls it made and which failed.
func TestTokenFileCaller(t *testing.T) {
	url := os.Getenv(callerURL)
	if url == "" {
		return
	}
	client, err := jushuitan.New(
		jushuitan.Credentials{AppKey: os.Getenv(callerKey), AppSecret: os.Getenv(callerSecret)},
		jushuitan.WithBaseURL(url), jushuitan.WithTokenStore(openTokenFile(t, os.Getenv(callerFile))),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1_000_000, Per: time.Second}),
	)
	require.NoError(t, err)
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop.Store(true)
	}()
	var calls, failed atomic.Int64
	var wg sync.WaitGroup
	for path := range strings.SplitSeq(os.Getenv(callerPaths), ",") {
		wg.Go(func() {
			for !stop.Load() {
				calls.Add(1)
				biz := map[string]int{"page_index": 1, "page_size": 10}
				if err := client.Call(t.Context(), path, biz, nil, jushuitan.AsRead()); err != nil {
					failed.Add(1)
					fmt.Println(err)
				}
			}
		})
	}
	wg.Wait()
	fmt.Printf("calls %d failed %d\n", calls.Load(), failed.Load())
}

// Three processes share a token file, and the server ends the token before with every
// grant. After each revocation one of them asks for a new token and the others use it, so
// that no call fails.
func TestTokenFileRenewsOnceAmongProcesses(t *testing.T) {
	const revocations = 20
	processes := [][]string{ // every goroutine has a path of its own
		{"/open/shops/query", "/open/wms/partner/query"},
		{"/open/category/query", "/open/logisticscompany/query"},
		{"/open/combine/sku/query", "/open/jushuitan/distributor/query"},
	}
	paths := slices.Concat(processes...)
	fake := jushuitantest.NewServer(jushuitantest.WithSingleToken(), jushuitantest.WithoutQuota())
	t.Cleanup(fake.Close)
	file := filepath.Join(t.TempDir(), "tokens.json")
	outputs := make([]bytes.Buffer, len(processes))
	var children []*exec.Cmd
	var inputs []io.Closer
	for i, own := range processes {
		c, in := tokenFileCaller(t, fake, file, own)
		c.Stdout, c.Stderr = &outputs[i], &outputs[i]
		require.NoError(t, c.Start())
		children, inputs = append(children, c), append(inputs, in)
	}
	served := func() map[string]int { // calls that succeeded, by path
		n := map[string]int{}
		for _, r := range fake.Requests() {
			if r.Code == 0 {
				n[r.Path]++
			}
		}
		return n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(served())
		}
	})
	for n := range 1 + revocations {
		if n > 0 {
			fake.ExpireTokens("")
		}
		before := served()
		// Every goroutine of every process has made calls with the new token.
		require.Eventually(t, func() bool {
			now := served()
			return !slices.ContainsFunc(paths, func(path string) bool { return now[path] < before[path]+2 })
		}, 20*time.Second, 5*time.Millisecond, "revocation %d", n)
	}
	for i, c := range children {
		require.NoError(t, inputs[i].Close())
		require.NoError(t, c.Wait(), "%s", &outputs[i])
		assert.Contains(t, outputs[i].String(), " failed 0\n")
	}
	assert.Equal(t, 1+revocations, served()["/openWeb/auth/getInitToken"], "one grant at the start and one after each revocation")
}

// tokenFileCaller returns a process that calls paths, and what ends it when closed.
func tokenFileCaller(t *testing.T, fake *jushuitantest.Server, file string, paths []string) (*exec.Cmd, io.Closer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), self, "-test.run=^TestTokenFileCaller$", "-test.count=1", "-test.timeout=120s")
	cred := fake.Credentials()
	c.Env = append(os.Environ(), callerURL+"="+fake.URL, callerKey+"="+cred.AppKey, callerSecret+"="+cred.AppSecret,
		callerFile+"="+file, callerPaths+"="+strings.Join(paths, ","))
	in, err := c.StdinPipe()
	require.NoError(t, err)
	return c, in
}
