package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	patience = 60 * time.Second

	mallShop      = "10200077"
	mainWarehouse = "10100001"
)

// The programs and the browser are shared by all tests.
var (
	programs string          // directory of the programs under test
	browser  context.Context // of the browser; each test has a tab in it
)

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// prepare builds the programs and starts the browser for the tests.
func prepare(m *testing.M) (code int, err error) {
	programs, err = os.MkdirTemp("", "browser-test")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(programs) }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", programs+string(filepath.Separator), "./examples/sandbox", "./examples/receive-callbacks")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w\n%s", err, out)
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if path == "" {
		return 1, fmt.Errorf("no Chromium found: install it (Debian: apt-get install chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en-US"), chromedp.UserDataDir(filepath.Join(programs, "profile")))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	browser, cancel = chromedp.NewContext(allocator)
	defer cancel()
	if _, err := chromedp.Run(browser, chromedp.Navigate("about:blank")); err != nil {
		return 1, fmt.Errorf("start the browser: %w", err)
	}
	code = m.Run()
	return code, chromedp.Cancel(browser) // the browser has ended before its profile is removed
}

// program is one of the examples, running.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

// start runs an example.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{t: t, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	p.cmd = exec.CommandContext(ctx, filepath.Join(programs, name), args...)
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

// line waits for a matching line of the program's output.
func (p *program) line(pattern string) []string {
	p.t.Helper()
	want := regexp.MustCompile(pattern)
	limit := time.After(patience)
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
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("%s printed no line like %q; it printed:\n%s", filepath.Base(p.cmd.Path), pattern, strings.Join(p.lines, "\n"))
		}
	}
}

// sandbox is a running sandbox, as described by its first line.
type sandbox struct {
	URL         string `json:"url"`
	AppKey      string `json:"app_key"`
	AppSecret   string `json:"app_secret"`
	AccessToken string `json:"access_token"`
}

func openSandbox(t *testing.T) sandbox {
	t.Helper()
	var hello struct {
		Jushuitan sandbox `json:"jushuitan"`
	}
	require.NoError(t, json.Unmarshal([]byte(start(t, "sandbox").line(`^\{.*\}$`)[0]), &hello))
	return hello.Jushuitan
}

// client returns the SDK's client of the sandbox, which does not retry.
func (b sandbox) client(t *testing.T) *jushuitan.Client {
	t.Helper()
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: b.AppKey, AppSecret: b.AppSecret, Type: jushuitan.SelfBuilt},
		jushuitan.WithBaseURL(b.URL), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	return c.WithToken(b.AccessToken)
}

// post uses the sandbox's HTTP API, for what a test needs before its clicks. It returns the
// number in the answer, if there is one.
func (b sandbox) post(t *testing.T, path string, body any) string {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+"/_sandbox/"+path, bytes.NewReader(text))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(answer))
	if m := regexp.MustCompile(`_id":(\d+)`).FindSubmatch(answer); m != nil {
		return string(m[1])
	}
	return ""
}

// get reads from the sandbox's HTTP API.
func (b sandbox) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/_sandbox/"+path, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(answer)
}

// order places a paid order of the mall, given SKUs and quantities alternately.
func (b sandbox) order(t *testing.T, soID string, items ...any) (oID string) {
	t.Helper()
	var list []map[string]any
	for i := 0; i < len(items); i += 2 {
		list = append(list, map[string]any{"sku_id": items[i], "qty": items[i+1], "price": 59})
	}
	return b.post(t, "orders", map[string]any{"shop_id": json.Number(mallShop), "so_id": soID, "items": list})
}

// sent places an order and ships it, and returns its number.
func (b sandbox) sent(t *testing.T, soID, sku string, qty int) (oID string) {
	t.Helper()
	oID = b.order(t, soID, sku, qty)
	ioID := b.post(t, "orders/"+oID+"/assign", map[string]any{"wms_co_id": json.Number(mainWarehouse)})
	b.post(t, "outbounds/"+ioID+"/ship", map[string]any{"lc_id": "SF", "l_id": "SF-" + soID})
	return oID
}

// listen starts the host's program and registers its addresses in the sandbox.
func (b sandbox) listen(t *testing.T) *program {
	t.Helper()
	host := start(t, "receive-callbacks", "-listen", "127.0.0.1:0", "-storage-code", mallShop, "-sandbox", b.URL)
	host.line(`registered in the sandbox`)
	return host
}

// tab is the sandbox's page in a browser tab.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// window opens a tab of some size. Console errors fail the test, unless they are expected.
func window(t *testing.T, width, height int64, expected ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &tab{t, ctx}
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			known := false
			for _, part := range expected {
				known = known || strings.Contains(m.Text, part)
			}
			if !known && (m.IsException() || m.Type == "error" || m.Type == "warning") {
				t.Errorf("the console says: %s", m)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	p.do(chromedp.EmulateViewport(width, height))
	return p
}

// open opens the operator's page.
func (p *tab) open(b sandbox) {
	p.t.Helper()
	p.do(chromedp.Navigate(b.URL+"/_sandbox/"), chromedp.WaitVisible(`body[data-ready=yes]`))
}

// scheme makes the browser prefer light or dark colours.
func (p *tab) scheme(name string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// do runs steps in the tab; if one does not end in time, the failure shows what the page
// shows.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	run(p, chromedp.Steps(steps...))
}

func run[T any](p *tab, step chromedp.Action[T]) T {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Location()); err != nil { // the tab must not end with the limit below
		require.NoError(p.t, err)
	}
	limited, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(limited, step)
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Text("body"))
		require.NoError(p.t, err, "the page shows:\n%s", text)
	}
	return v
}

// click clicks the button with a text inside the element that a selector finds, and waits
// until the action has succeeded and is shown.
func (p *tab) click(selector, text string) {
	p.t.Helper()
	p.press(selector, text)
	p.settle()
	require.Equal(p.t, "good", run(p, chromedp.Evaluate[string](`document.querySelector("#notice").className`)), run(p, chromedp.TextContent("#notice")))
}

// doubleClick clicks twice at the place of a button, as a person does; the second time when
// the action has ended, since before that the page has another reason to do nothing.
func (p *tab) doubleClick(selector string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(selector), chromedp.ScrollIntoView(selector))
	at := run(p, chromedp.Evaluate[[]float64](`((r) => [r.left + r.width / 2, r.top + r.height / 2])(document.querySelector(`+quote(selector)+`).getBoundingClientRect())`))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.settle()
	p.do(chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(2)))
	p.settle()
}

// unfold opens the form for a new document.
func (p *tab) unfold(form string) {
	p.t.Helper()
	p.do(chromedp.Click(`details:has(` + form + `) summary`))
	p.do(chromedp.WaitVisible(form))
}

// stock is the actual stock in a row of the table.
func (p *tab) stock(row string) string {
	p.t.Helper()
	return p.eval(`document.querySelector('[data-stock="` + row + `"] input').value`)
}

// press clicks a button without waiting.
func (p *tab) press(selector, text string) {
	p.t.Helper()
	mark := `(() => {
		for (const b of document.querySelectorAll("[data-pressed]")) b.removeAttribute("data-pressed");
		const found = [...document.querySelectorAll(` + quote(selector+" button") + `)].find((b) => b.textContent.trim() === ` + quote(text) + ` && !b.hidden);
		found?.setAttribute("data-pressed", "");
		return !!found;
	})()`
	p.wait(mark)
	p.do(chromedp.Click(`[data-pressed]`, chromedp.NodeVisible))
}

// settle waits until no action is in progress.
func (p *tab) settle() {
	p.t.Helper()
	p.wait(`!document.body.dataset.busy`)
}

// wait waits until a condition holds on the page.
func (p *tab) wait(condition string) {
	p.t.Helper()
	run(p, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(patience)))
}

// text waits until the element that a selector finds shows a text.
func (p *tab) text(selector, want string) {
	p.t.Helper()
	p.wait(`[...document.querySelectorAll(` + quote(selector) + `)].some((e) => e.textContent.includes(` + quote(want) + `))`)
}

// fill replaces the value of an input; "" clears it.
func (p *tab) fill(selector, value string) {
	p.t.Helper()
	if value == "" {
		value = kb.Delete
	}
	p.do(chromedp.Focus(selector))
	p.eval(`document.activeElement.select(), ""`)
	p.do(chromedp.KeyEvent(value))
}

func (p *tab) eval(expression string) string {
	p.t.Helper()
	return run(p, chromedp.Evaluate[string](expression))
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(b)
}
