package call

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"
)

// Client returns a copy of the caller's client, which is never changed, or a new one.
// Redirects are not followed, since that would send signed data and tokens to an unknown
// host.
func Client(caller *http.Client) *http.Client {
	var hc http.Client
	if caller != nil {
		hc = *caller
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = 32
		// Well below the idle timeout of servers: if the server closes a connection just as
		// a write is sent, the outcome of the write is unknown.
		t.IdleConnTimeout = 30 * time.Second
		hc.Transport = t
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &hc
}

// SetBody sets the body of a request.
func SetBody(req *http.Request, contentType string, body []byte) {
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", contentType)
}

// send sends the request. Whether a connection was obtained distinguishes a request that
// was never sent from one whose answer was lost.
func (c *Call[O]) send(ctx context.Context, req *http.Request, sent func()) (*http.Response, *Failure[O]) {
	var mu sync.Mutex
	asked, connected := false, false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { mu.Lock(); asked = true; mu.Unlock() },
		GotConn:      func(httptrace.GotConnInfo) { mu.Lock(); connected = true; mu.Unlock() },
		WroteRequest: func(httptrace.WroteRequestInfo) { sent() },
	})
	resp, err := c.HTTP.Do(req.WithContext(ctx))
	if err == nil {
		return resp, nil
	}
	mu.Lock()
	defer mu.Unlock()
	f := &Failure[O]{Class: c.Rules.Unavailable, Outcome: Unknown, Retry: true, Cause: PlainCause(err), silent: true}
	dial := &net.OpError{}
	if asked && !connected || errors.As(err, &dial) && dial.Op == "dial" {
		f.Outcome = NotSent
	}
	return nil, f
}

// bodies pools the buffers for the bodies of answers.
var bodies = sync.Pool{New: func() any { return new(make([]byte, 0, 64<<10)) }}

// maxPooled is the largest buffer that is returned to the pool.
const maxPooled = 2 << 20

func release(buf *[]byte) {
	if cap(*buf) <= maxPooled {
		bodies.Put(buf)
	}
}

// trustedLength is the most memory allocated up front for an announced Content-Length;
// beyond it, the buffer grows as the body arrives.
const trustedLength = 512 << 10

// bom is the byte order mark that some servers put before JSON and XML.
var bom = []byte("\xef\xbb\xbf")

// read reads the body into buf, up to the limit and without a byte order mark. If reading
// fails, it returns what has arrived. The status is that of the answer, whatever happens to
// its body.
func (c *Call[O]) read(resp *http.Response, buf *[]byte) ([]byte, *Failure[O]) {
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > c.MaxBody {
		return nil, c.tooLarge()
	}
	if n := min(resp.ContentLength, trustedLength) + 1; n > int64(cap(*buf)) {
		*buf = make([]byte, 0, n)
	}
	limit := c.MaxBody
	if limit < math.MaxInt64 {
		limit++ // one more byte shows that the limit is exceeded
	}
	body, err := readAll(io.LimitReader(resp.Body, limit), (*buf)[:0])
	*buf = body
	switch {
	case err != nil:
		return body, &Failure[O]{
			Class: c.Rules.Unavailable, Outcome: Unknown, Retry: true, silent: true,
			Cause: fmt.Errorf("answer cut off after %d bytes: %w", len(body), PlainCause(err)),
		}
	case int64(len(body)) > c.MaxBody:
		return body, c.tooLarge()
	}
	return bytes.TrimPrefix(body, bom), nil
}

func (c *Call[O]) tooLarge() *Failure[O] {
	return &Failure[O]{
		Class: c.Rules.TooLarge, Outcome: Unknown, Cause: fmt.Errorf("answer larger than %d bytes: %s", c.MaxBody, c.Rules.LargerHint),
	}
}

// readAll reads into buf, growing it as needed.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// retryAfter parses the header, in seconds or as a date; invalid values are ignored.
func (c *Call[O]) retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(c.Now()))
	}
	return 0
}
