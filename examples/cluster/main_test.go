package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/cli/clitest"
)

const envProcess = "CLUSTER_PROCESS"

// TestMain lets this program run as a process of the demo.
func TestMain(m *testing.M) {
	if os.Getenv(envProcess) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// again starts this program as a process of the demo.
func again(ctx context.Context, args ...string) (*exec.Cmd, error) {
	cmd, err := self(ctx, args...)
	if err == nil {
		cmd.Env = append(cmd.Env, envProcess+"=1")
	}
	return cmd, err
}

func none(string) string { return "" }

// TestDemo runs processes, one of which is killed and one stopped.
func TestDemo(t *testing.T) {
	t.Parallel()
	needRedis(t)
	var out strings.Builder
	begin := time.Now()
	err := command(none, again).Start(t.Context(), []string{"-demo"}, &out)
	text := out.String()
	require.NoError(t, err, "%s", text)
	t.Logf("the demo took %v", time.Since(begin).Round(time.Second))

	assert.Contains(t, text, "Every one of 375 orders is in the sink exactly once.")
	assert.Regexp(t, `Jushuitan counted \d+ calls and throttled 0`, text)
	assert.Regexp(t, `-- worker \d is processing orders and receiving pushes: kill -9`, text)
	stopped := regexp.MustCompile(`-- (worker \d) is processing orders and receiving pushes: SIGTERM`).FindStringSubmatch(text)
	require.NotNil(t, stopped, "%s", text)
	assert.Contains(t, text, stopped[1]+": interrupted: ", "its job ended at a row")
	assert.Contains(t, text, stopped[1]+": stopped")

	// Merchant 10014 failed, and the others continued to the end.
	before, after, ok := strings.Cut(text, "authorises the app again")
	require.True(t, ok, "%s", text)
	_, before, _ = strings.Cut(before, "are complete")
	for _, merchant := range demoMerchants[:4] {
		row := columns(t, before, merchant)
		assert.Equal(t, "0", row["dead"], "merchant %s", merchant)
		assert.Equal(t, "0", row["throttled"], "merchant %s", merchant)
		assert.NotContains(t, row["lag"], "not", "merchant %s", merchant)
	}
	assert.NotEqual(t, "0", columns(t, before, "10014")["dead"], "its jobs were given up")
	assert.Equal(t, "not", columns(t, before, "10014")["lag"], "it is not current")

	// In the end all merchants are complete: orders, outbound documents of half of the
	// first sixty, after-sales, and stock that may have been delivered more than once.
	for _, merchant := range demoMerchants {
		row := columns(t, after, merchant)
		assert.Equal(t, "0", row["throttled"], "merchant %s", merchant)
		assert.NotContains(t, row["lag"], "not", "merchant %s", merchant)
		assert.Regexp(t, `^1[7-9]\d$`, row["rows"], "75 + 30 + 8 + 30 and 30 pushes at least; merchant %s", merchant)
		for _, stream := range []string{"orders 75 75 0 0 0", "outbounds 30 30 0 0 0", "after-sales 8 8 0 0 0", "stock 30 30 0 0", "pushes 30 30 0 0 0"} {
			assert.Contains(t, strings.Join(strings.Fields(text), " "), merchant+" "+stream)
		}
	}
	for _, secret := range []string{"clustersecret", "clusterpush", "token=", "access_token="} {
		assert.NotContains(t, text, secret)
	}
}

// columns reads a merchant's line of the first table in text.
func columns(t *testing.T, text, merchant string) map[string]string {
	t.Helper()
	var names []string
	for line := range strings.Lines(text) {
		cells := strings.Fields(line)
		switch {
		case len(cells) > 1 && cells[0] == "merchant" && cells[1] == "rows":
			names = cells
		case names != nil && len(cells) >= len(names) && cells[0] == merchant:
			row := map[string]string{}
			for i, name := range names {
				row[name] = cells[i]
			}
			return row
		}
	}
	require.Fail(t, "no such merchant", "%s in\n%s", merchant, text)
	return nil
}

// needRedis fails if there is no redis-server, as the demo does.
func needRedis(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	require.NoError(t, err, "these tests need redis-server (Debian: apt install redis-server)")
}

func TestFlags(t *testing.T) {
	t.Parallel()
	secret := func(name string) string {
		return map[string]string{envAppSecret: "s", envStateKey: "not base64!"}[name]
	}
	for name, test := range map[string]struct {
		args []string
		env  func(string) string
		want string
	}{
		"no redis":   {nil, secret, "-redis or -demo is required"},
		"no secret":  {[]string{"-redis", "127.0.0.1:1", "-app-key", "k"}, none, envAppSecret},
		"listen":     {[]string{"-redis", "127.0.0.1:1", "-app-key", "k", "-listen", "127.0.0.1:0"}, secret, envPushSecret},
		"no flag":    {[]string{"x"}, secret, `unexpected argument "x"`},
		"period":     {[]string{"-redis", "127.0.0.1:1", "-app-key", "k", "-period", "1ms"}, secret, "-period"},
		"lease":      {[]string{"-redis", "127.0.0.1:1", "-app-key", "k", "-lease", "1ms"}, secret, "-lease"},
		"encryption": {[]string{"-redis", "127.0.0.1:1", "-app-key", "k"}, secret, envStateKey},
		"away":       {[]string{"-redis", "127.0.0.1:1", "-app-key", "k"}, func(n string) string { return map[string]string{envAppSecret: "s"}[n] }, "无法连接 Redis"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			require.ErrorContains(t, command(test.env, again).Start(t.Context(), test.args, &out), test.want)
		})
	}
}

func TestUsage(t *testing.T) {
	clitest.Usage(t, func() cli.Command { return command(none, again) }, "-demo")
}
