// Package calltest runs every service that calls over HTTP through the same faults
// and compares what its callers are told with a table in testdata. The services
// are tested from outside, so that a rule of the engine that one of them bypasses
// shows in its table.
package calltest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update-faults", false, "write testdata/faults.tsv anew")

// Service is one service as its callers see it.
type Service struct {
	Calls   []Call
	Success string            // the body of an answer that accepts every call
	Refusal string            // the body of an answer that refuses the data
	Silent  string            // the body of an answer that says neither
	Bodies  map[string]string // further bodies, by the names of their rows
	Classes map[string]error  // the classes of failure, by name
	See     func(err error) Seen
}

// Call is a call of one effect.
type Call struct {
	Effect string // read, keyed or unsafe
	Do     func(ctx context.Context, s Settings) error
}

// Settings are what a client is made with.
type Settings struct {
	Transport http.RoundTripper
	Attempts  int // at most
	MinWait   time.Duration
	MaxWait   time.Duration
	Timeout   time.Duration // of an attempt
	MaxBody   int64
}

// Seen is what an error tells the caller.
type Seen struct {
	Outcome  fmt.Stringer
	Code     string
	Status   int
	Attempts int
	Hint     string
}

// Limits of the clients under test.
const (
	timeout = 20 * time.Second
	maxBody = 4000
)

// fault answers one request.
type fault struct {
	name    string
	respond http.HandlerFunc // an answer, or
	fail    func(req *http.Request) (*http.Response, error)
	end     func(ctx context.Context) (context.Context, context.CancelFunc) // of the caller's context; nil: it does not end
}

// answer is a response without a server.
type answer struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) Write(text []byte) (int, error) { return a.body.Write(text) }

func (f fault) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	if f.fail != nil {
		return f.fail(req)
	}
	a := &answer{status: http.StatusOK, header: http.Header{}}
	f.respond(a, req)
	return &http.Response{
		StatusCode: a.status, Header: a.header, Request: req, ContentLength: int64(a.body.Len()), Body: io.NopCloser(&a.body),
	}, nil
}

// Answer responds with a status, a body and headers, each "Name: value".
func Answer(status int, body string, headers ...string) http.RoundTripper {
	return fault{respond: func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}}
}

// broken is a transport error. asked and connected are what net/http tells a
// client trace about the connection before it.
func broken(asked, connected bool, err error) fault {
	return fault{fail: func(req *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(req.Context())
		if asked && trace != nil && trace.GetConn != nil {
			trace.GetConn(req.URL.Host)
		}
		if connected && trace != nil && trace.GotConn != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
		return nil, err
	}}
}

// slow never answers.
var slow = fault{fail: func(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}}

// slowBody never ends.
var slowBody = streamed(-1, func(ctx context.Context) io.Reader {
	return readFunc(func([]byte) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
})

// patience is how long a caller waits whose context ends.
const patience = 5 * time.Second

func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}

func cancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(patience, cancel)
	return ctx, cancel
}

// Lost is an attempt whose answer does not arrive.
var Lost http.RoundTripper = broken(true, true, io.EOF)

// streamed is an answer of 200 whose body comes from r, with the announced length.
func streamed(length int64, body func(ctx context.Context) io.Reader) fault {
	return fault{fail: func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{}, Request: req, ContentLength: length, Body: io.NopCloser(body(req.Context())),
		}, nil
	}}
}

// cut is a body that ends before its announced length.
func cut(text string) fault {
	return streamed(1000, func(context.Context) io.Reader {
		return io.MultiReader(strings.NewReader(text), readFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// faults lists the rows of the table, in its order.
func (s *Service) faults() []fault {
	var out []fault
	add := func(name string, rt http.RoundTripper) {
		f, _ := rt.(fault)
		f.name = name
		out = append(out, f)
	}
	for _, status := range []int{200, 201, 202, 206} {
		add(fmt.Sprintf("%d accepted", status), Answer(status, s.Success))
		add(fmt.Sprintf("%d refused", status), Answer(status, s.Refusal))
		add(fmt.Sprintf("%d silent", status), Answer(status, s.Silent))
		add(fmt.Sprintf("%d page", status), Answer(status, "<!DOCTYPE html><html></html>"))
		add(fmt.Sprintf("%d empty", status), Answer(status, ""))
	}
	add("204", Answer(204, ""))
	for _, status := range []int{301, 302, 303, 307, 308} {
		add(strconv.Itoa(status), Answer(status, "", "Location: https://elsewhere.example/x"))
	}
	add("302 refused", Answer(302, s.Refusal, "Location: https://elsewhere.example/x"))
	add("304", Answer(304, ""))
	for _, status := range []int{400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504, 520} {
		add(strconv.Itoa(status), Answer(status, "no"))
		add(fmt.Sprintf("%d refused", status), Answer(status, s.Refusal))
		add(fmt.Sprintf("%d accepted", status), Answer(status, s.Success))
	}
	for _, status := range []int{408, 429, 500, 503} {
		add(fmt.Sprintf("%d Retry-After 7", status), Answer(status, "", "Retry-After: 7"))
		add(fmt.Sprintf("%d Retry-After a day", status), Answer(status, "", "Retry-After: 86400"))
	}
	add("429 Retry-After a date", Answer(429, "", "Retry-After: Sat, 01 Jan 2000 00:00:09 GMT"))
	add("429 Retry-After nonsense", Answer(429, "", "Retry-After: soon"))
	add("connection refused", broken(true, false, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}))
	add("refused by a proxy's dial", broken(false, false, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}))
	add("reset before sending", broken(true, false, syscall.ECONNRESET))
	add("reset after sending", broken(true, true, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}))
	add("unknown transport", broken(false, false, errors.New("something failed")))
	add("slow", slow)
	add("slow body", slowBody)
	add("cut body", cut(`{"code":0,`))
	add("cut body, whole answer", cut(s.Success))
	add("too large", Answer(200, s.Success+strings.Repeat(" ", maxBody)))
	add("too large, no length", streamed(-1, func(context.Context) io.Reader {
		return strings.NewReader(s.Success + strings.Repeat(" ", maxBody))
	}))
	add("503 too large", Answer(503, strings.Repeat(" ", maxBody+1)))
	out = append(out, s.givenUp()...)
	for _, name := range sortedKeys(s.Bodies) {
		add(name, Answer(200, s.Bodies[name]))
	}
	return out
}

// givenUp lists the rows in which the caller's context ends.
func (s *Service) givenUp() (out []fault) {
	ends := func(name string, rt http.RoundTripper, end func(context.Context) (context.Context, context.CancelFunc)) {
		f, _ := rt.(fault)
		f.name, f.end = name, end
		out = append(out, f)
	}
	ends("cancelled before sending", Answer(200, s.Success), func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	})
	ends("cancelled while sending", slow, cancelled)
	ends("cancelled in a slow body", slowBody, cancelled)
	ends("cancelled before a repeat", Answer(503, "", "Retry-After: 7"), cancelled)
	ends("deadline while sending", slow, deadline)
	ends("deadline in a slow body", slowBody, deadline)
	ends("deadline before a repeat", Answer(503, "", "Retry-After: 7"), deadline)
	return out
}

// script answers the n-th request with its n-th step, and all further ones with the
// last.
type script struct {
	steps []http.RoundTripper
	sent  int
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	step := s.steps[min(s.sent, len(s.steps)-1)]
	s.sent++
	return step.RoundTrip(req)
}

// head names the columns. Sent is the requests that arrived, took the (virtual)
// time of the call: that of the waits, where the fault itself takes none.
const head = "fault\teffect\twhen\tclass\tcode\toutcome\thint\tstatus\tattempts\tsent\ttook\n"

// Table runs every call of s into every fault, as the first thing that happens and
// again after an attempt whose answer was lost, and compares what the caller is
// told with testdata/faults.tsv, whose comments lead with #. With -update-faults it writes
// that file.
func Table(t *testing.T, s *Service) {
	t.Helper()
	const file = "testdata/faults.tsv"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	got.WriteString(comments(string(text)) + head)
	for i, f := range s.faults() {
		for _, c := range s.Calls {
			got.WriteString(s.row(t, c, f, "first", f))
			if c.Effect != "unsafe" || i == 0 { // it is not sent again once its answer was lost, whatever would come
				got.WriteString(s.row(t, c, f, "after lost", Lost, f))
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
		return
	}
	want, have := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), strings.Split(got.String(), "\n")
	for i := range max(len(want), len(have)) {
		if w, h := at(want, i), at(have, i); w != h {
			t.Errorf("%s, line %d:\nwant %q\ngot  %q", file, i+1, w, h)
		}
	}
}

// comments are the lines at the beginning of a table that lead with #.
func comments(text string) (out string) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		if line[0] != '#' {
			break
		}
		out += line
	}
	return out
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// row is what one call tells its caller. The fault happens in the last attempts.
func (s *Service) row(t *testing.T, c Call, f fault, when string, steps ...http.RoundTripper) (row string) {
	synctest.Test(t, func(t *testing.T) {
		net := &script{steps: steps}
		begin, ctx := time.Now(), t.Context()
		if f.end != nil {
			var cancel context.CancelFunc
			ctx, cancel = f.end(ctx)
			defer cancel()
		}
		err := c.Do(ctx, Settings{
			Transport: net, Attempts: len(steps) + 1, MinWait: time.Millisecond, MaxWait: time.Millisecond, Timeout: timeout, MaxBody: maxBody,
		})
		row = strings.Join([]string{
			f.name, c.Effect, when, s.told(err), strconv.Itoa(net.sent), took(time.Since(begin)),
		}, "\t") + "\n"
	})
	return row
}

// told is class, code, outcome, hint, status and attempts.
func (s *Service) told(err error) string {
	if err == nil {
		return "passed\t\t\t\t\t"
	}
	var classes []string
	for _, name := range sortedKeys(s.Classes) {
		if errors.Is(err, s.Classes[name]) {
			classes = append(classes, name)
		}
	}
	seen, hint := s.See(err), ""
	switch {
	case strings.Contains(seen.Hint, "before retrying"), strings.Contains(seen.Hint, "before sending it again"):
		hint = "read back"
	case strings.Contains(seen.Hint, " / "):
		hint = "yes"
	}
	return strings.Join([]string{
		strings.Join(classes, "+"), seen.Code, seen.Outcome.String(), hint, strconv.Itoa(seen.Status), strconv.Itoa(seen.Attempts),
	}, "\t")
}

// took rounds to seconds; backoff, which is drawn by chance, is below one.
func took(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return "<1s"
	}
	return d.Round(time.Second).String()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
