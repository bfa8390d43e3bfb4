package newcomer

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// builtPrograms are all examples of the root module; linking them takes longer than running
// them.
var builtPrograms struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(builtPrograms.dir)
	os.Exit(code)
}

// programs returns the directory of all examples of the root module, built once.
func programs(t *testing.T) string {
	t.Helper()
	b := &builtPrograms
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "programs"); b.err == nil {
			b.err = buildInto(context.Background(), b.dir, root, "./examples/...")
		}
	})
	require.NoError(t, b.err)
	return b.dir
}

// serving is how the programs that can serve do so, until they are interrupted.
var serving = map[string][]string{
	"authorise":         {"-app-key", "k", "-service-provider", "-merchant", "10010"},
	"receive-callbacks": {"-listen", "127.0.0.1:0"},
	"sandbox":           {},
}

// ran is what became of a process.
type ran struct {
	status          int
	out, complaints string
}

// sh runs a program; interrupted means after its first line of output.
func sh(ctx context.Context, dir, bin string, interrupted bool, args ...string) (ran, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), "JUSHUITAN_APP_SECRET=s", "JUSHUITAN_ACCESS_TOKEN="), dir
	var out, complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return ran{}, err
	}
	if err := cmd.Start(); err != nil {
		return ran{}, err
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		out.Write(append(lines.Bytes(), '\n'))
		if interrupted {
			interrupted = false
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				return ran{}, err
			}
		}
	}
	_ = cmd.Wait() // the status is looked at
	if err := lines.Err(); err != nil {
		return ran{}, err
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}, nil
}

// TestUsage runs every program of the root module with -h, with a flag that it does not have,
// with an argument, and interrupts it after its first line. The nested modules do the same
// with examples/internal/cli/clitest.
func TestUsage(t *testing.T) {
	bin := programs(t)
	entries, err := os.ReadDir(bin)
	require.NoError(t, err)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	for name := range examples {
		require.Contains(t, names, name)
	}
	require.Contains(t, names, "sandbox")
	type four struct{ help, flag, argument, interrupted ran }
	results := make([]four, len(names))
	var running errgroup.Group
	running.SetLimit(4)
	for i, name := range names {
		dir, r := t.TempDir(), &results[i]
		running.Go(func() (err error) {
			path := filepath.Join(bin, name)
			for _, run := range []struct {
				into *ran
				args []string
			}{{&r.help, []string{"-h"}}, {&r.flag, []string{"-no-such-flag"}}, {&r.argument, []string{"extra"}}} {
				if *run.into, err = sh(t.Context(), dir, path, false, run.args...); err != nil {
					return err
				}
			}
			r.interrupted, err = sh(t.Context(), dir, path, true, serving[name]...)
			return err
		})
	}
	begin := time.Now()
	require.NoError(t, running.Wait())
	t.Logf("%d programs in %v", len(names), time.Since(begin).Round(time.Millisecond))
	invocation := regexp.MustCompile(`(?m)^    (\w+=\S+ )*go run \./examples/`)
	early := 0
	for i, name := range names {
		r := results[i]
		assert.Zero(t, r.help.status, name)
		assert.Empty(t, r.help.complaints, name)
		assert.Regexp(t, `^`+name+` [a-z]`, r.help.out, "-h does not say what the program does")
		assert.GreaterOrEqual(t, len(invocation.FindAllString(r.help.out, -1)), 3, "%s -h shows fewer than three invocations", name)
		assert.Contains(t, r.help.out, "\nFlags / 参数:\n", name)
		for wrong, got := range map[string]ran{"no-such-flag": r.flag, "extra": r.argument} {
			assert.Equal(t, 2, got.status, "%s %s", name, wrong)
			assert.Empty(t, got.out, "%s %s", name, wrong)
			assert.Regexp(t, `^`+name+`: .*`+wrong+`.*\n`+name+` -h describes the flags\. / 用 -h 查看用法。\n$`, got.complaints)
		}
		switch in := r.interrupted; in.status {
		case 130:
			early++
			assert.True(t, strings.HasSuffix(in.complaints, name+": interrupted before it had finished. / 已中断，未完成。\n"), "%s: %s", name, in.complaints)
		case 0: // stopped as it should be, or done before the interrupt arrived
			if serving[name] != nil {
				early++
				assert.True(t, strings.HasSuffix(in.out, name+": stopped. / 已停止。\n"), "%s: %s", name, in.out)
			}
		default:
			t.Errorf("%s: status %d after an interrupt\n%s\n%s", name, in.status, in.out, in.complaints)
		}
	}
	assert.GreaterOrEqual(t, early, len(names)/2, "programs were interrupted")
}

// TestDialable: the sandbox prints an address that can be dialled, also if it accepts
// connections on all of them.
func TestDialable(t *testing.T) {
	bin := programs(t)
	for _, addr := range []string{":0", "0.0.0.0:0"} {
		got, err := sh(t.Context(), t.TempDir(), filepath.Join(bin, "sandbox"), true, "-addr", addr)
		require.NoError(t, err)
		urls := regexp.MustCompile(`https?://[^\s"/]+`).FindAllString(got.out, -1)
		require.NotEmpty(t, urls)
		for _, u := range slices.Compact(urls) {
			assert.Regexp(t, `^http://127\.0\.0\.1:\d+`, u, addr)
		}
	}
}
