package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// answer is one answer as it was sent, and how long it took. It holds whatever the merchant's
// data is, and must not be printed.
type answer struct {
	Op          *catalog.Operation
	Status      int
	ContentType string
	Transfer    string // chunked, gzip or until close; "": it has a length
	Date        time.Time
	Sent, Got   time.Time
	Body        []byte
}

// guard is a transport that sends reads only: requests for the paths that the catalog calls
// reads, and for tokens. Everything else is refused before a connection is made, whatever the
// program asks for. It records the answers to the reads.
type guard struct {
	next   http.RoundTripper
	reads  map[string]*catalog.Operation // by path
	tokens []string                      // paths

	mu      sync.Mutex
	answers []*answer // since [guard.take]
}

// errNotARead is the error of a request that the guard refused.
var errNotARead = errors.New("verify sends reads only / 只允许发送查询")

func newGuard(ops []*catalog.Operation) *guard {
	g := &guard{next: http.DefaultTransport.(*http.Transport).Clone(), reads: map[string]*catalog.Operation{}}
	for _, op := range ops {
		for _, path := range append([]string{op.Path}, op.AltPaths...) {
			switch {
			case op.Go.Auth:
				g.tokens = append(g.tokens, path)
			case op.Effect == "read":
				g.reads[path] = op
			}
		}
	}
	return g
}

// allowed returns the read at an address, nil for a token request. The base URL may have a
// path of its own, so the end of the path counts.
func (g *guard) allowed(req *http.Request) (*catalog.Operation, error) {
	if req.Method != http.MethodPost {
		return nil, fmt.Errorf("%w: %s", errNotARead, req.Method)
	}
	for path, op := range g.reads {
		if strings.HasSuffix(req.URL.Path, path) {
			return op, nil
		}
	}
	if slices.ContainsFunc(g.tokens, func(path string) bool { return strings.HasSuffix(req.URL.Path, path) }) {
		return nil, nil
	}
	return nil, errNotARead
}

// RoundTrip sends a read or a request for a token.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	op, err := g.allowed(req)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	resp, err := g.next.RoundTrip(req)
	if err != nil || op == nil {
		return resp, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	rest := io.Reader(resp.Body) // of an answer that is too long
	if err != nil {
		rest = failing{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), resp.Body}
	a := &answer{
		Op: op, Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Transfer: transfer(resp),
		Sent: sent, Got: time.Now(), Body: body,
	}
	a.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, a)
	return resp, nil
}

// maxAnswer is more than the client reads.
const maxAnswer = 32<<20 + 1

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func transfer(resp *http.Response) string {
	switch {
	case resp.Uncompressed:
		return "gzip"
	case slices.Contains(resp.TransferEncoding, "chunked"):
		return "chunked"
	case resp.ContentLength < 0:
		return "until close"
	}
	return ""
}

// take returns the answers recorded since the last call.
func (g *guard) take() []*answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.answers
	g.answers = nil
	return out
}

// client returns an HTTP client that sends through the guard.
func (g *guard) client() *http.Client { return &http.Client{Transport: g} }
