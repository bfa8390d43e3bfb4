package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is one of the examples, running.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

// start builds and runs an example of the root module.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./examples/"+name)
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	p := &program{t: t, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	p.cmd = exec.CommandContext(ctx, bin, args...)
	p.cmd.Stderr = os.Stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 10 * time.Second
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = p.cmd.Wait()
	})
	return p
}

// line waits for a line of the program's output that matches.
func (p *program) line(pattern string) []string {
	p.t.Helper()
	want := regexp.MustCompile(pattern)
	limit := time.After(30 * time.Second)
	for at := 0; ; {
		p.mu.Lock()
		lines, more := p.lines[at:], p.more
		p.mu.Unlock()
		for _, l := range lines {
			at++
			if m := want.FindStringSubmatch(l); m != nil {
				return m
			}
		}
		select {
		case <-more:
		case <-limit:
			p.t.Fatalf("%s printed no line like %q; it printed:\n%s", filepath.Base(p.cmd.Path), pattern, strings.Join(lines, "\n"))
		}
	}
}

// window is a browser window of some size. What its console complains of fails the
// test, unless that is expected.
func window(t *testing.T, width, height int, expected ...string) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	require.NotEmpty(t, path, "no Chromium found: install it (Debian: apt-get install chromium)")
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.WindowSize(width, height), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en-US"), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			known := slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(m.Text, part) })
			if !known && (m.IsException() || m.Type == "error" || m.Type == "warning") {
				t.Errorf("the console says: %s", m)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return ctx
}

const patience = 60 * time.Second

// do runs steps in the window; where one does not end in time, the failure shows
// what the page shows.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	run(t, ctx, chromedp.Steps(steps...))
}

func run[T any](t *testing.T, ctx context.Context, step chromedp.Action[T]) T {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil { // the browser must not end with the limit below
		require.NoError(t, err)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := chromedp.Run(limited, step)
	if err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Text("body"))
		require.NoError(t, err, "the page shows:\n%s", text)
	}
	return v
}

// click clicks the button with a text inside the element with an id.
func click(id, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(`//*[@id="`+id+`"]//button[normalize-space()="`+text+`"]`, chromedp.NodeVisible)
}

type sandbox struct {
	URL string `json:"url"`
}

func openSandbox(t *testing.T) sandbox {
	t.Helper()
	var hello struct {
		Jushuitan sandbox `json:"jushuitan"`
	}
	require.NoError(t, json.Unmarshal([]byte(start(t, "sandbox").line(`^\{.*\}$`)[0]), &hello))
	return hello.Jushuitan
}

// TestShipByClick: an operator places an order, gives it to the warehouse and ships
// it, each by a click; the host's program prints the push.
func TestShipByClick(t *testing.T) {
	box := openSandbox(t)
	host := start(t, "receive-callbacks", "-listen", "127.0.0.1:0", "-storage-code", "10200077")
	address := host.line(`(http://127\.0\.0\.1:\d+\S*delivery_callback\S*)`)[1]

	ctx := window(t, 1280, 1000)
	do(t, ctx,
		chromedp.Navigate(box.URL+"/_sandbox/"),
		chromedp.WaitVisible(`body[data-ready=yes]`),
		chromedp.SetValue(`#register select[name=shop]`, "10200077"),
		chromedp.SetValue(`#register select[name=method]`, "logistics.upload"),
		chromedp.SendKeys(`#register input[name=url]`, address),
		click("register", "Register"),
		chromedp.WaitVisible(`#addresses article`),
		chromedp.SetValue(`#new-order select[name=shop]`, "10200077"),
		click("new-order", "Place an order"),
		chromedp.WaitVisible(`#orders article`),
		click("orders", "Assign"),
		chromedp.WaitVisible(`#outbounds article button.ship`),
		chromedp.SetValue(`#outbounds article input[aria-label=Waybill]`, "CLICK-0001"),
		click("outbounds", "Ship"),
		chromedp.WaitVisible(`#pushes article .good`),
	)
	host.line(`CLICK-0001`)

	// The page says so too, and shows no token of the address.
	do(t, ctx, chromedp.WaitVisible(`//*[@id="orders"]//*[@title="Sent"]`))
	page := run(t, ctx, chromedp.OuterHTML("html"))
	token := regexp.MustCompile(`token=([^&\s]+)`).FindStringSubmatch(address)
	require.NotNil(t, token, "the registered address has a token")
	assert.NotContains(t, page, token[1])
}

// TestPage: the page in a wide and in a narrow window, in both languages.
func TestPage(t *testing.T) {
	box := openSandbox(t)
	for name, width := range map[string]int{"wide": 1400, "narrow": 390} {
		t.Run(name, func(t *testing.T) {
			ctx := window(t, width, 900)
			do(t, ctx, chromedp.Navigate(box.URL+"/_sandbox/"), chromedp.WaitVisible(`body[data-ready=yes]`))
			assert.Equal(t, "Jushuitan sandbox · operator", run(t, ctx, chromedp.Text("h1")))
			do(t, ctx, chromedp.Click("#language"))
			assert.Equal(t, "聚水潭沙箱 · 运营台", run(t, ctx, chromedp.Text("h1")))
			assert.False(t, run(t, ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)), "the page is wider than the window")
			assert.Positive(t, run(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("#stock tbody tr").length`)))
		})
	}
}

// TestOtherOrigin: a page of elsewhere cannot use the console through the browser.
func TestOtherOrigin(t *testing.T) {
	box := openSandbox(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>")
	}))
	defer other.Close()
	ctx := window(t, 800, 600, "403")
	do(t, ctx, chromedp.Navigate(other.URL))
	before := orders(t, box)
	run(t, ctx, chromedp.Evaluate[string](`fetch(`+quote(box.URL+"/_sandbox/orders")+`, {method: "POST", mode: "no-cors",
		body: '{"shop_id":10200077,"items":[{"sku_id":"CAP24-RED","qty":1}]}'}).then(r => r.type, () => "refused")`, chromedp.EvalAwaitPromise))
	require.Equal(t, before, orders(t, box), "no order came of it")
}

// orders counts the orders of a sandbox.
func orders(t *testing.T, box sandbox) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, box.URL+"/_sandbox/state", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var state struct {
		Orders []struct{} `json:"orders"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&state))
	return len(state.Orders)
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(b)
}
