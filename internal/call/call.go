// Package call runs a call of any service over HTTP, from its first attempt to its
// last. The stages of an attempt and their order are the same for all: permit, sign
// (fresh time stamp and token), send, bounded read, judge. So is what follows from
// them: which statuses and failures are tried again and when, what a lost answer
// makes of the answers after it, what hooks are told, what no error may show. A
// service says in data how it differs ([Rules]), and in a [Service] what its
// requests and answers look like.
//
// To add a rule about a status, see status.go; about transports, send.go; about
// repeating, this file.
package call

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Engine is what the calls of a client share.
type Engine struct {
	HTTP    *http.Client     // see [Client]
	Timeout time.Duration    // of sending and reading in one attempt
	MaxBody int64            // of an answer, in bytes
	Retry   Policy           // with its defaults, see [Policy.WithDefaults]
	Now     func() time.Time // for a Retry-After that is a date
	Rules   *Rules
}

// Call is one call, from its first attempt to its last. O is the type of outcomes
// in the service's API.
type Call[O ~int] struct {
	*Engine
	Service    Service[O]
	URL        string         // of the request, before it is signed
	Repeatable bool           // sending it again after a lost answer changes nothing
	Quota      Quota          // nil: there is none
	Hook       *Hook[Seen[O]] // nil: nobody listens, see [Tell]

	lost     bool // the answer of some attempt was lost
	attempts int
}

// Service is what a service does in the stages of an attempt. One that can replace
// what made an attempt fail is a [Renewer] too.
type Service[O ~int] interface {
	// Sign completes the request of one attempt: body, headers and query, with all
	// that must be fresh.
	Sign(req *http.Request) *Failure[O]
	// Judge reads the body of an answer whose status is 2xx. Nil: the server took the
	// call and said so, which a status alone does not.
	Judge(status int, body []byte) *Failure[O]
	// Refusal reads the body of an answer with any other status: what the server
	// says in it, or nil. Without a class it is words, not a verdict.
	Refusal(body []byte) *Failure[O]
	// Hidden is the texts that no error may show: secrets, tokens, signatures and
	// the personal data of the request.
	Hidden() []string
}

// Renewer is an optional interface of a [Service].
type Renewer[O ~int] interface {
	// Renew reports whether what made an attempt fail was replaced (a token), so
	// that another is made that is not one of the repeats. It says so once at most.
	Renew(f *Failure[O]) bool
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

// Attempts is how many attempts were made, the one in progress included.
func (c *Call[O]) Attempts() int { return c.attempts }

// Do makes attempts until one passes or another would not help, and returns why the
// last one failed.
func (c *Call[O]) Do(ctx context.Context) *Failure[O] {
	if err := ctx.Err(); err != nil {
		return &Failure[O]{Outcome: NotSent, Cause: err}
	}
	f := newLoop(c).run(ctx)
	if f == nil {
		return nil
	}
	f.Attempts = c.attempts
	if err := ctx.Err(); err != nil && !errors.Is(f.Cause, err) {
		f.Cause = err // it cut a wait short
	}
	f.Outcome = c.Merge(f.Outcome)
	return f
}

// Merge is what the outcome of a refusal is, given what was before it. Once an
// answer was lost the call may have been carried out, and a later refusal, of
// whatever kind, may be that of the repeat.
func (c *Call[O]) Merge(o O) O {
	if c.lost && o < Unknown {
		return Unknown
	}
	return o
}

// loop runs the attempts of one call. The repeating, its waits and its answer to a
// cancelled context are hashicorp/go-retryablehttp's, on the real request but for
// what every attempt makes anew: the loop is the transport below it, which waits
// for the quota, signs a copy of the request and sends that through the caller's
// client. So the library never holds a signature, a token or a body that it could
// show or send again, and has no idle connections of the caller's to close; its
// logging is off, and when to repeat is decided here.
type loop[O ~int] struct {
	*Call[O]
	http    http.Client
	client  retryablehttp.Client
	failed  *Failure[O] // of the last attempt
	wait    time.Duration
	renewed int
}

func newLoop[O ~int](c *Call[O]) *loop[O] {
	l := &loop[O]{Call: c}
	l.http.Transport = l
	l.client.HTTPClient = &l.http
	l.client.RetryMax = math.MaxInt32 // again decides
	l.client.CheckRetry = func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
		return l.failed != nil && ctx.Err() == nil && l.again(l.failed), nil
	}
	l.client.Backoff = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return l.wait }
	l.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return l
}

// errAttempt tells the library that an attempt failed; why is in the loop.
var errAttempt = errors.New("attempt failed")

func (l *loop[O]) run(ctx context.Context) *Failure[O] {
	plain, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, nil)
	if err != nil {
		return l.noURL()
	}
	req, err := retryablehttp.FromRequest(plain)
	if err != nil {
		return l.noURL()
	}
	resp, err := l.client.Do(req)
	if resp != nil {
		_ = resp.Body.Close() // it was read
	}
	if err != nil && l.failed == nil {
		return l.noURL() // it was not sent for
	}
	return l.failed
}

// noURL drops the error, which quotes the address.
func (l *loop[O]) noURL() *Failure[O] {
	return &Failure[O]{Outcome: NotSent, Class: l.Rules.Invalid, Cause: errors.New("the address is not a URL")}
}

// RoundTrip is one attempt.
func (l *loop[O]) RoundTrip(req *http.Request) (*http.Response, error) {
	l.attempts++
	resp := l.watched(req)
	if l.failed == nil {
		return resp, nil
	}
	if l.failed.Outcome == Unknown {
		l.lost = true
	}
	return nil, errAttempt
}

// again decides whether another attempt is made, and after what wait.
func (l *loop[O]) again(f *Failure[O]) bool {
	l.wait = 0
	if r, ok := l.Service.(Renewer[O]); ok && r.Renew(f) {
		l.renewed++
		return true
	}
	switch {
	case !f.Retry, l.attempts >= l.Retry.MaxAttempts+l.renewed, f.Outcome == Unknown && !l.Repeatable:
		return false
	case !f.held:
		l.wait = max(backoff(l.attempts, l.Retry.MinWait, l.Retry.MaxWait), min(max(f.After, f.Window), l.Retry.MaxRetryAfter))
	}
	return true
}

// backoff is the wait after attempt n: it doubles from low to high, and half of it
// is drawn by chance, so that many clients do not come back together.
func backoff(n int, low, high time.Duration) time.Duration {
	d := low
	for i := 1; i < n && d < high; i++ {
		d *= 2
	}
	d = min(d, high)
	if d <= 1 {
		return d
	}
	return d/2 + rand.N(d/2+1)
}

// attempt is one attempt, top to bottom. The permit is inside, since repeats count
// too; before the signature, so that a long wait never sends a stale time stamp;
// and outside of the timeout, which is that of the network.
func (l *loop[O]) attempt(req *http.Request, seen *Seen[O]) (*http.Response, *Failure[O]) {
	ctx := req.Context()
	sent, f := l.permit(ctx, seen)
	if f != nil {
		return nil, f
	}
	defer sent() // at the latest; earlier when the request is on the wire
	signed := req.WithContext(ctx)
	signed.Header = make(http.Header, 4)
	if f := l.Service.Sign(signed); f != nil {
		return nil, f
	}
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	resp, f := l.send(ctx, signed, sent) //nolint:bodyclose // read closes it
	if f != nil {
		return nil, f
	}
	seen.Status = resp.StatusCode
	body, f := l.read(resp)
	seen.Received = len(body)
	if f == nil {
		f = l.judge(resp, body)
	}
	if f != nil {
		f.Status = resp.StatusCode
		l.penalise(f)
	}
	resp.Body = http.NoBody
	return resp, f
}
