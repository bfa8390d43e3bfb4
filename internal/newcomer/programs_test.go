package newcomer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// limit is far above what any program here takes.
const limit = 2 * time.Minute

func buildInto(ctx context.Context, out, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-s -w", "-o", out + string(filepath.Separator)}, args...)...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}

// program is a program that runs until the test ends.
type program struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

// start starts a program that ends, without a complaint, when its input ends.
func start(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{more: make(chan struct{})}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaints bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &complaints, 20*time.Second
	require.NoError(t, cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for in := bufio.NewScanner(out); in.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, in.Text())
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-read
		_ = cmd.Wait() // go run fails after an interrupt, whatever the program does
		for line := range strings.Lines(complaints.String()) {
			notice := strings.HasPrefix(line, "[1]+  Exit 1 ") || strings.HasPrefix(line, "[1]+  Done ") || strings.HasPrefix(line, "go: downloading ")
			assert.True(t, notice, "%q did not end well after an interrupt: %s", cmd.Args, line)
		}
	})
	return p
}

// line waits for a line that matches.
func (p *program) line(t *testing.T, pattern string) []string {
	t.Helper()
	want := regexp.MustCompile(pattern)
	late := time.After(limit)
	for {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
		for _, l := range lines {
			if m := want.FindStringSubmatch(l); m != nil {
				return m
			}
		}
		select {
		case <-more:
		case <-late:
			require.Fail(t, "no such line", "%q in:\n%s", pattern, strings.Join(lines, "\n"))
		}
	}
}

// progress is what an example says while it works in silence.
var progress = regexp.MustCompile(`(?m)^[\w-]+: working for \d+ s .*\n`)

// execute runs a program to its end and returns what it printed. It is an error if it ends
// with one or complains.
func execute(ctx context.Context, dir string, env []string, bin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), env...), dir
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	wrong := progress.ReplaceAllString(complaints.String(), "")
	if err != nil || wrong != "" {
		why := cmp.Or(err, errors.New("it complains"))
		return string(out), fmt.Errorf("%s %q: %w\n%s\n%s", filepath.Base(bin), args, why, wrong, out)
	}
	return string(out), nil
}

// freeAddress is a loopback address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestSnippets compiles the blocks of Go that are no whole file, each as the body of a
// function that is given what such a block may take for granted.
func TestSnippets(t *testing.T) {
	const body = `package snippet

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

var _, _, _ = fmt.Sprint, callback.New, jushuitan.New

func _(ctx context.Context, client *jushuitan.Client, mux *http.ServeMux, appKey, appSecret, secret string, lastTS int64) error {
	{
		%s
	}
	return nil
}
`
	dir, n := t.TempDir(), 0
	writeModule(t, dir)
	for _, name := range documents() {
		d := readDocument(t, name)
		for _, f := range d.in("go") {
			if f.file != "" {
				continue
			}
			n++
			// An error of the compiler names the file, and so the line in the document.
			file := filepath.Join(dir, fmt.Sprintf("%s_line%d", strings.NewReplacer(".", "_", "/", "_").Replace(name), f.line), "snippet.go")
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, body, f.text), 0o600))
		}
	}
	require.Equal(t, 2*snippets, n)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "./...")
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
}

// writeModule makes a folder a module of its own, with this repository in the place of
// the published module.
func writeModule(t *testing.T, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	const module = "github.com/dianjia/jushuitan-go"
	text := strings.Replace(string(mod), "module "+module, "module try-jushuitan", 1) +
		fmt.Sprintf("\nrequire %s v0.0.0\nreplace %s => %s\n", module, module, here)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
}
