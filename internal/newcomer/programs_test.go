package newcomer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// build builds packages into a directory, which it returns.
func build(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-ldflags=-s -w", "-o", out + string(filepath.Separator)}, args...)...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	return out
}

// program is a program that runs until the test ends.
type program struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

// start starts a program.
func start(t *testing.T, env []string, bin string, args ...string) *program {
	t.Helper()
	p := &program{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), env...), t.TempDir()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
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
		cancel()
		<-read
		err := cmd.Wait()
		if ended := (*exec.ExitError)(nil); errors.As(err, &ended) || complaints.Len() > 0 {
			t.Errorf("%s %q did not end well after an interrupt: %v\n%s", filepath.Base(bin), args, err, complaints.String())
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
	if err != nil || complaints.Len() > 0 {
		why := cmp.Or(err, errors.New("it complains"))
		return string(out), fmt.Errorf("%s %q: %w\n%s\n%s", filepath.Base(bin), args, why, complaints.String(), out)
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

// TestTutorial follows each README from nothing to a shipped order: its files, its
// commands, in their order. Only addresses are other ones, and what "go run" would
// build is built before.
func TestTutorial(t *testing.T) {
	binaries := build(t, root, "./examples/sandbox")
	for _, name := range readmes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &student{sandbox: freeAddress(t), receiver: freeAddress(t), bin: binaries, dir: t.TempDir()}
			s.follow(t, readDocument(t, name))
			assert.Equal(t, []string{"authorise", "products", "receive", "order", "ship"}, s.steps)
			assert.Equal(t, 5, s.posts)
			assert.Contains(t, s.out["authorise"], "10200077 青禾微商城 商家自有商城")
			assert.NotContains(t, s.out["authorise"], "demosecret")
			assert.Regexp(t, `AccessToken:\*\*\*`, s.out["authorise"])
			assert.Regexp(t, `create TEE24 圆领纯棉T恤 2`, s.out["products"])
			assert.Regexp(t, `o_id 910001\n`, s.out["order"])
			assert.Regexp(t, `io_id 50002 DY-1\n`, s.out["ship"])
			s.receive.line(t, `MALL-1 TEE24-WHT-M x 1 .* 顺丰速运 SF0001`)
		})
	}
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
	for _, name := range readmes {
		d := readDocument(t, name)
		for _, f := range d.in("go") {
			if f.file != "" {
				continue
			}
			n++
			// An error of the compiler names the file, and so the line in the document.
			file := filepath.Join(dir, fmt.Sprintf("%s_line%d", strings.ReplaceAll(name, ".", "_"), f.line), "snippet.go")
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, body, f.text), 0o600))
		}
	}
	require.Equal(t, 4, n)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "./...")
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
}

// student follows a document.
type student struct {
	sandbox, receiver string // addresses instead of those in the document
	bin, dir          string // built examples; the student's own folder
	own               string // the student's program, built
	env               []string
	erp, receive      *program
	out               map[string]string // what the steps printed
	steps             []string
	posts             int
}

func (s *student) follow(t *testing.T, d document) {
	t.Helper()
	s.out = map[string]string{}
	address := strings.NewReplacer("127.0.0.1:8080", s.sandbox, "127.0.0.1:8090", s.receiver)
	for _, f := range d.fences {
		text := address.Replace(f.text)
		switch {
		case f.language == "go" && f.file != "":
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, f.file), []byte(text), 0o600))
		case f.language == "sh":
			for line := range strings.Lines(text) {
				line, _, _ = strings.Cut(line, " # ")
				for part := range strings.SplitSeq(line, "&&") {
					s.command(t, d.at(f), strings.TrimSpace(part))
				}
			}
		}
	}
}

var (
	export = regexp.MustCompile(`^export (\w+=\S+)$`)
	goRun  = regexp.MustCompile(`^go run \. (\w+)$`)
	curl   = regexp.MustCompile(`^curl -H 'Content-Type: application/json' (\S+) -d '(.*)'$`)
)

// command does what a line of a block says. Lines that a test cannot do, as they need
// the published module, are known by their words.
func (s *student) command(t *testing.T, at, line string) {
	t.Helper()
	switch {
	case line == "go run ./examples/tour", line == "go test ./...": // other tests do
	case strings.HasPrefix(line, "go run ./examples/sandbox -addr "):
		s.erp = start(t, nil, filepath.Join(s.bin, "sandbox"), "-addr", s.sandbox)
		s.erp.line(t, `^\{"jushuitan":`)
		s.erp.line(t, `/_sandbox/`)
	case strings.HasPrefix(line, "mkdir "), strings.HasPrefix(line, "cd "), strings.HasPrefix(line, "go get "), strings.HasPrefix(line, "go mod init "):
	case export.MatchString(line):
		s.env = append(s.env, export.FindStringSubmatch(line)[1])
	case line == "go mod tidy":
		s.build(t)
	case goRun.MatchString(line):
		step := goRun.FindStringSubmatch(line)[1]
		s.steps = append(s.steps, step)
		if step == "receive" {
			s.receive = start(t, s.env, s.own, step)
			s.receive.line(t, `http://`)
			return
		}
		text, err := execute(t.Context(), s.dir, s.env, s.own, step)
		require.NoError(t, err, at)
		s.out[step] = text
	case curl.MatchString(line):
		m := curl.FindStringSubmatch(line)
		s.post(t, at, m[1], m[2])
	default:
		require.Fail(t, "a command that no test does", "%s: %s", at, line)
	}
}

// build builds the student's files.
func (s *student) build(t *testing.T) {
	t.Helper()
	writeModule(t, s.dir)
	s.own = filepath.Join(build(t, s.dir, "-mod=mod", "."), "try-jushuitan")
	cmd := exec.CommandContext(t.Context(), "gofmt", "-l", ".")
	cmd.Dir = s.dir
	unformatted, err := cmd.Output()
	require.NoError(t, err)
	assert.Empty(t, string(unformatted), "gofmt")
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

func (s *student) post(t *testing.T, at, url, body string) {
	t.Helper()
	s.posts++
	if strings.Contains(url, "push-addresses") {
		address := s.receive.line(t, `(http://\S+)`)[1]
		body = regexp.MustCompile(`"url":"[^"]*"`).ReplaceAllLiteralString(body, `"url":"`+address+`"`)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s %s: %s", at, url, body, answer)
}
