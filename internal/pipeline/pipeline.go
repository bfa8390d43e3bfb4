// Package pipeline runs a call of any service over HTTP, from its first attempt to
// its last. The stages of an attempt and their order are the same for all: permit,
// request (fresh time stamp, signature), send, bounded read, judge. What a service
// does in the stages that are its own is its [Service].
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/retry"
)

// Outcome is what became of a request. Services have the same one, with the same
// values, in their API.
type Outcome int

// The outcomes.
const (
	NotSent  Outcome = iota // the server cannot have seen it
	Rejected                // the server refused it, nothing was changed
	Unknown                 // it was sent and the answer was lost
	Applied                 // the server accepted it, only its answer could not be read
)

// Call is the part of a call that is the same for every service.
type Call struct {
	Service    Service
	HTTP       *http.Client     // see [Client]
	Timeout    time.Duration    // of sending and reading in one attempt
	MaxBody    int64            // of an answer, in bytes
	Retry      Policy           // with its defaults, see [Policy.WithDefaults]
	Repeatable bool             // sending it again after a lost answer changes nothing
	Now        func() time.Time // for a Retry-After that is a date

	Lost bool // set: the answer of some attempt was lost
}

// Service is what a service does in the stages of an attempt. Its errors are its
// own type, which Verdict reads.
type Service interface {
	// Permit waits until the quota has room. The function it gives is called when
	// the request is on the wire, and once more when the attempt ends.
	Permit(ctx context.Context) (sent func(), err error)
	// Request makes the request of one attempt, with all that must be fresh: token,
	// time stamp, signature.
	Request(ctx context.Context) (*http.Request, error)
	// Judge says what an answer that was read whole means.
	Judge(a *Answer) error
	// Trouble makes an error of an answer that was not read whole, or never came.
	Trouble(t Trouble) error
	// Renew reports whether what made an attempt fail was replaced (a token), so
	// that another is made that is not one of the repeats. It says so once at most.
	Renew(err error) bool
	// Verdict is what an error means for the next attempt.
	Verdict(err error) Verdict
}

// Answer is an answer that was read whole.
type Answer struct {
	*http.Response        // its body is closed
	Content        []byte // the body
	RetryAfter     time.Duration
}

// Trouble is why there is no answer.
type Trouble struct {
	Outcome  Outcome
	Err      error
	Status   int  // 0 where none came
	Received int  // bytes of the body
	TooLarge bool // the body is longer than MaxBody
}

// Verdict is what an error means for the next attempt.
type Verdict struct {
	Outcome Outcome
	Again   bool          // another attempt could pass
	After   time.Duration // that the server asks for, before the next
	Held    bool          // the next attempt's permit holds it back long enough
}

// Policy says how often and when a failed call is sent again.
type Policy struct {
	MaxAttempts   int
	MinWait       time.Duration
	MaxWait       time.Duration
	MaxRetryAfter time.Duration
}

// WithDefaults sets the members that are zero.
func (p Policy) WithDefaults() Policy {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 4
	}
	def(&p.MinWait, 500*time.Millisecond)
	def(&p.MaxWait, 10*time.Second)
	def(&p.MaxRetryAfter, 30*time.Second)
	return p
}

// Run makes attempts, each by the given function (which calls [Call.Attempt]),
// until one passes or another would not help. It returns the error of the last
// one, and beside it ctx's where a wait was cut short.
func (c *Call) Run(ctx context.Context, attempt func(ctx context.Context, n int) error) (err, cancelled error) {
	renewed := 0
	_, err, cancelled = retry.Do(ctx, attempt, func(n int, err error) (time.Duration, bool) {
		v := c.Service.Verdict(err)
		if v.Outcome == Unknown {
			c.Lost = true
		}
		if c.Service.Renew(err) {
			renewed++
			return 0, true
		}
		switch {
		case !v.Again, n >= c.Retry.MaxAttempts+renewed, v.Outcome == Unknown && !c.Repeatable:
			return 0, false
		case v.Held:
			return 0, true
		}
		return max(retry.Backoff(n, c.Retry.MinWait, c.Retry.MaxWait), min(v.After, c.Retry.MaxRetryAfter)), true
	})
	return err, cancelled
}

// Attempt is one attempt, top to bottom. The permit is inside, since repeats count
// too, and before the request, so that a long wait never sends a stale time stamp.
func (c *Call) Attempt(ctx context.Context) error {
	sent, err := c.Service.Permit(ctx)
	if err != nil {
		return err
	}
	defer sent() // at the latest; earlier when the request is on the wire
	req, err := c.Service.Request(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	resp, trouble := c.send(ctx, req, sent) //nolint:bodyclose // read closes it
	if trouble != nil {
		return c.Service.Trouble(*trouble)
	}
	content, trouble := c.read(resp)
	if trouble != nil {
		return c.Service.Trouble(*trouble)
	}
	return c.Service.Judge(&Answer{Response: resp, Content: content, RetryAfter: c.retryAfter(resp)})
}

// send sends the request. Whether a connection was had tells one that was never
// sent from one whose answer was lost.
func (c *Call) send(ctx context.Context, req *http.Request, sent func()) (*http.Response, *Trouble) {
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
	outcome := Unknown
	dial := &net.OpError{}
	if asked && !connected || errors.As(err, &dial) && dial.Op == "dial" {
		outcome = NotSent
	}
	return nil, &Trouble{Outcome: outcome, Err: PlainCause(err)}
}

// PlainCause drops what net/http wraps around an error: it names the URL, which
// may hold what must not be shown.
func PlainCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (c *Call) read(resp *http.Response) ([]byte, *Trouble) {
	defer func() { _ = resp.Body.Close() }()
	tooLarge := &Trouble{
		Outcome: Unknown, Status: resp.StatusCode, TooLarge: true, Err: fmt.Errorf("answer larger than %d bytes", c.MaxBody),
	}
	if resp.ContentLength > c.MaxBody {
		return nil, tooLarge
	}
	var buf []byte
	if resp.ContentLength > 0 {
		buf = make([]byte, 0, resp.ContentLength+1)
	}
	body, err := readAll(io.LimitReader(resp.Body, c.MaxBody+1), buf)
	tooLarge.Received = len(body)
	switch {
	case err != nil:
		return nil, &Trouble{
			Outcome: Unknown, Status: resp.StatusCode, Received: len(body),
			Err: fmt.Errorf("answer cut off after %d bytes: %w", len(body), PlainCause(err)),
		}
	case int64(len(body)) > c.MaxBody:
		return nil, tooLarge
	}
	return body, nil
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
func (c *Call) retryAfter(resp *http.Response) time.Duration {
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
