package call

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"
)

// Client copies the caller's client, which is never changed, or makes one. A
// redirect is handed back as it is: following one would send what is signed, and
// tokens, to a host that nobody chose.
func Client(caller *http.Client) *http.Client {
	var hc http.Client
	if caller != nil {
		hc = *caller
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = 32
		// Well below what servers keep: a connection that the server closes in the
		// moment a write goes out leaves its outcome unknown.
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

// send sends the request. Whether a connection was had tells one that was never
// sent from one whose answer was lost.
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
	f := &Failure[O]{Class: c.Rules.Unavailable, Outcome: Unknown, Retry: true, Cause: plainCause(err, c.Service.Hidden())}
	dial := &net.OpError{}
	if asked && !connected || errors.As(err, &dial) && dial.Op == "dial" {
		f.Outcome = NotSent
	}
	return nil, f
}

// read reads the body, up to the limit, and returns what it has read of one that
// fails. The status is that of the answer, whatever happens to its body.
func (c *Call[O]) read(resp *http.Response) ([]byte, *Failure[O]) {
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > c.MaxBody {
		return nil, c.tooLarge()
	}
	var buf []byte
	if resp.ContentLength > 0 {
		buf = make([]byte, 0, resp.ContentLength+1)
	}
	body, err := readAll(io.LimitReader(resp.Body, c.MaxBody+1), buf)
	switch {
	case err != nil:
		return body, &Failure[O]{
			Class: c.Rules.Unavailable, Outcome: Unknown, Retry: true,
			Cause: fmt.Errorf("answer cut off after %d bytes: %w", len(body), plainCause(err, c.Service.Hidden())),
		}
	case int64(len(body)) > c.MaxBody:
		return body, c.tooLarge()
	}
	return body, nil
}

func (c *Call[O]) tooLarge() *Failure[O] {
	return &Failure[O]{
		Class: c.Rules.TooLarge, Outcome: Unknown, Cause: fmt.Errorf("answer larger than %d bytes: %s", c.MaxBody, c.Rules.LargerHint),
	}
}

// readAll reads into buf, growing it as needed.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, 4096)
	}
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

// retryAfter reads the header, in seconds or as a date; nonsense is none.
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
