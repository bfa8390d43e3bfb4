// Package call runs a call to any service over HTTP with all its attempts. The stages of an
// attempt and their order are the same for every service: acquire a permit, sign (with a
// fresh timestamp and token), send, read up to the limit, judge. The same holds for what
// follows from them: which statuses and failures are retried and when, how a lost answer
// changes the meaning of later answers, what hooks receive, and what no error may show. A
// service states in data how it differs ([Rules]) and implements in a [Service] what its
// requests and answers look like.
//
// To add a rule about a status, see status.go; about transports, send.go; about retries,
// this file.
package call

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"
)

// Engine is shared by all calls of a client.
type Engine struct {
	HTTP    *http.Client     // see [Client]
	Timeout time.Duration    // for sending and reading in one attempt
	MaxBody int64            // of an answer, in bytes
	Retry   Policy           // with its defaults, see [Policy.WithDefaults]
	Now     func() time.Time // for a Retry-After header that holds a date
	Rules   *Rules
	Rate    *rate.Limiter     // of the whole app; nil: no limit
	Show    Show              // for OnExchange
	Header  func(http.Header) // is called with the header of every answer; may be nil
	Clock   *Clock            // nil: the server's time is not tracked
}

// Call is one call with all its attempts. O is the type of outcomes in the service's API.
type Call[O ~int] struct {
	*Engine
	Service    Service[O]
	URL        string                                // of the request, before signing
	Repeatable bool                                  // it is safe to send it again after a lost answer
	Quota      Quota                                 // nil: no limit
	Hook       *Hook[Seen[O]]                        // may be nil, see [Tell]
	OnExchange func(ctx context.Context, s *Seen[O]) // is called after the hook, with Wire set; may be nil

	lost     bool // the answer to some attempt was lost
	attempts int
}

// Service implements the stages of an attempt for a service. It may also be a [Renewer] if
// it can replace what made an attempt fail.
type Service[O ~int] interface {
	// Sign completes the request of one attempt: body, headers and query, with everything
	// that must be fresh.
	Sign(req *http.Request) *Failure[O]
	// Judge reads the body of an answer whose status is 2xx. It returns nil if the body
	// itself says that the server accepted the call; the status alone does not prove that.
	// Neither Judge nor Refusal may retain the body.
	Judge(status int, body []byte) *Failure[O]
	// Refusal reads the body of an answer with any other status and returns the refusal in
	// it, or nil. A refusal without a class only adds the server's message; the status
	// decides.
	Refusal(body []byte) *Failure[O]
	// Secrets returns the texts that must never be shown: secrets, tokens and signatures,
	// including those of the last attempt.
	Secrets() []string
	// Personal returns the personal data in the request.
	Personal() []string
}

// hidden returns the texts that no error may show.
func (c *Call[O]) hidden() []string {
	return slices.Concat(c.Service.Secrets(), c.Service.Personal())
}

// Renewer is an optional interface of a [Service].
type Renewer[O ~int] interface {
	// Renew reports whether it replaced what made an attempt fail, such as a token. If so,
	// one more attempt is made that does not count as a retry. It returns true at most
	// once.
	Renew(f *Failure[O]) bool
}

// HeaderReader is an optional interface of a [Service].
type HeaderReader interface {
	// Answered is called with the header of an answer before its body is judged.
	Answered(header http.Header)
}

// Policy determines how often and when a failed call is retried.
type Policy struct {
	MaxAttempts   int
	MinWait       time.Duration
	MaxWait       time.Duration
	MaxRetryAfter time.Duration
}

// WithDefaults fills in the defaults of zero fields.
func (p Policy) WithDefaults() Policy {
	return p.Over(Policy{MaxAttempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 10 * time.Second, MaxRetryAfter: 30 * time.Second})
}

// Over returns the policy with its zero fields taken from base.
func (p Policy) Over(base Policy) Policy {
	return Policy{
		MaxAttempts: cmp.Or(p.MaxAttempts, base.MaxAttempts), MinWait: cmp.Or(p.MinWait, base.MinWait),
		MaxWait: cmp.Or(p.MaxWait, base.MaxWait), MaxRetryAfter: cmp.Or(p.MaxRetryAfter, base.MaxRetryAfter),
	}
}

// Check returns an error for negative values; what is the name of the option.
func (p Policy) Check(what string) error {
	if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxRetryAfter < 0 {
		return errors.New(what + ": negative value")
	}
	return nil
}

// Given returns an error for an option without a value.
func Given(what string, given bool) error {
	if !given {
		return errors.New(what + ": nil")
	}
	return nil
}

// Positive returns an error for an option of zero or less.
func Positive[N int | int64 | time.Duration](what string, n N) error {
	if n <= 0 {
		return errors.New(what + ": not positive")
	}
	return nil
}

// NotNegative returns an error for an option below zero.
func NotNegative(what string, d time.Duration) error {
	if d < 0 {
		return errors.New(what + ": negative value")
	}
	return nil
}

// Attempts returns the number of attempts, including the one in progress.
func (c *Call[O]) Attempts() int { return c.attempts }

// Do retries until an attempt succeeds or no further attempt is useful, and returns the
// failure of the last attempt.
func (c *Call[O]) Do(ctx context.Context) *Failure[O] {
	if err := ctx.Err(); err != nil {
		return &Failure[O]{Outcome: NotSent, Cause: err}
	}
	l := newLoop(c)
	f := l.run(ctx)
	if f == nil {
		return nil
	}
	f.Attempts = c.attempts
	if err := ended(ctx); err != nil && l.waiting {
		f.cut(err, "before another attempt, after")
	}
	f.Outcome = c.Merge(f.Outcome)
	return f
}

// Merge returns the outcome of a refusal, considering the attempts before it. Once an
// answer was lost, the call may have been executed, and any later refusal may be that of
// the retry.
func (c *Call[O]) Merge(o O) O {
	if c.lost && o < Unknown {
		return Unknown
	}
	return o
}

// loop runs the attempts of one call. Retries, delays and the reaction to a cancelled
// context are those of hashicorp/go-retryablehttp, which sees the real request without the
// parts that each attempt creates anew. The loop is the transport below it: it waits for
// the quota, signs a copy of the request and sends the copy through the caller's client. So
// the library never holds a signature, a token or a body that it could log or send again,
// and it has no idle connections of the caller's to close. Its logging is off, and
// [loop.again] decides when to retry.
type loop[O ~int] struct {
	*Call[O]
	http    http.Client
	client  retryablehttp.Client
	failed  *Failure[O] // of the last attempt
	wait    time.Duration
	waiting bool // before another attempt
	renewed int
}

func newLoop[O ~int](c *Call[O]) *loop[O] {
	l := &loop[O]{Call: c}
	l.http.Transport = l
	l.client.HTTPClient = &l.http
	l.client.RetryMax = math.MaxInt32 // again decides
	l.client.CheckRetry = func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
		l.waiting = l.failed != nil && l.again(l.failed)
		return l.waiting && ctx.Err() == nil, nil
	}
	l.client.Backoff = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return l.wait }
	l.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return l
}

// errAttempt tells the library that an attempt failed; the loop holds the reason.
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
		_ = resp.Body.Close() // already read
	}
	if err != nil && l.failed == nil {
		return l.noURL() // the library rejected the request before sending it
	}
	return l.failed
}

// noURL replaces the error, which quotes the URL.
func (l *loop[O]) noURL() *Failure[O] {
	return &Failure[O]{Outcome: NotSent, Class: l.Rules.Invalid, Cause: errors.New("the address is not a URL")}
}

// RoundTrip makes one attempt.
func (l *loop[O]) RoundTrip(req *http.Request) (*http.Response, error) {
	l.attempts++
	l.waiting = false
	resp := l.watched(req)
	if l.failed == nil {
		return resp, nil
	}
	if l.failed.Outcome == Unknown {
		l.lost = true
	}
	return nil, errAttempt
}

// again decides whether to retry, and after what delay.
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

// backoff returns the delay after attempt n: exponential from low to high, with half of
// it random, so that many clients do not retry at the same time.
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

// attempt makes one attempt, stage by stage. The permit is acquired inside it, since
// retries count too; before signing, so that a long wait never sends a stale timestamp; and
// outside the timeout, which applies to the network only.
//
// Failures are masked before they are returned.
func (l *loop[O]) attempt(req *http.Request, seen *Seen[O]) (*http.Response, *Failure[O]) {
	resp, f := l.stages(req, seen)
	if f != nil {
		if err := ended(req.Context()); err != nil && f.silent {
			f.cut(err, "during the attempt")
		}
		f.shown(l.hidden())
	}
	return resp, f
}

func (l *loop[O]) stages(req *http.Request, seen *Seen[O]) (*http.Response, *Failure[O]) {
	ctx := req.Context()
	sent, f := l.permit(ctx, seen)
	if f != nil {
		return nil, f
	}
	defer sent() // at the latest here; earlier once the request is on the wire
	signed := req.WithContext(ctx)
	signed.Header = make(http.Header, 4)
	if f := l.Service.Sign(signed); f != nil {
		return nil, f
	}
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	begun := time.Now()
	resp, f := l.send(ctx, signed, sent) //nolint:bodyclose // read closes it
	if f != nil {
		l.look(seen, signed, nil, nil)
		return nil, f
	}
	if l.Header != nil {
		l.Header(resp.Header.Clone())
	}
	seen.Status = resp.StatusCode
	buf := bodies.Get().(*[]byte)
	defer release(buf)
	body, f := l.read(resp, buf)
	seen.Received = len(body)
	l.look(seen, signed, resp, body)
	if f == nil {
		f = l.judge(resp, body)
	}
	if f != nil {
		f.Status = resp.StatusCode
		l.penalise(f)
	} else if l.Clock != nil { // other answers may come from a proxy
		now := l.Now()
		l.Clock.Observe(resp.Header, now.Add(-time.Since(begun)), now)
	}
	resp.Body = http.NoBody
	return resp, f
}
