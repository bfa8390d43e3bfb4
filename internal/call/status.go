package call

import (
	"fmt"
	"net/http"
)

// Rules are how a service differs from the others.
type Rules struct {
	Classes
	// StatusSpeaks reports whether a status outside of 2xx is that of something
	// before the service, so that its class holds whatever code the body has. For
	// all others a refusal in the body says more than the status.
	StatusSpeaks func(status int) bool
	// LargerHint is how a caller gets an answer that is longer than the limit.
	LargerHint string
}

// Classes are the errors by which callers tell failures apart.
type Classes struct {
	Invalid     error // the request is wrong
	Permission  error // it is not allowed
	RateLimited error // too many calls
	Unavailable error // no usable answer
	TooLarge    error // an answer longer than the limit
}

// status is what an HTTP status means by itself.
type status struct {
	from, to int // both included
	class    func(*Classes) error
	outcome  int
	retry    bool // and the Retry-After is kept
}

func unavailable(c *Classes) error { return c.Unavailable }
func invalid(c *Classes) error     { return c.Invalid }
func permission(c *Classes) error  { return c.Permission }
func rateLimited(c *Classes) error { return c.RateLimited }

// statuses are all but 2xx, which the body decides; the first that fits counts. A
// 5xx may come from a server that had done its work.
var statuses = []status{
	{300, 399, unavailable, Rejected, false},
	{401, 401, permission, Rejected, false},
	{403, 403, permission, Rejected, false},
	{http.StatusRequestTimeout, http.StatusRequestTimeout, unavailable, Rejected, true},
	{http.StatusTooManyRequests, http.StatusTooManyRequests, rateLimited, Rejected, true},
	{400, 499, invalid, Rejected, false},
	{500, 999, unavailable, Unknown, true},
}

// judge decides what an answer means.
func (c *Call[O]) judge(resp *http.Response, body []byte) *Failure[O] {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		f := c.Service.Judge(code, body)
		if f != nil && f.said() {
			f.shown(c.Service.Hidden())
		}
		return f
	}
	f := c.judgeStatus(resp)
	said := c.Service.Refusal(body)
	if !said.said() {
		return f
	}
	f.Code, f.SubCode, f.Msg, f.SubMsg, f.RequestID = said.Code, said.SubCode, said.Msg, said.SubMsg, said.RequestID
	f.shown(c.Service.Hidden())
	if said.Class != nil && !c.Rules.StatusSpeaks(code) {
		f.Class, f.Retry, f.Cause = said.Class, said.Retry, said.Cause
		f.Outcome = max(f.Outcome, said.Outcome)
		f.After, f.Window = max(f.After, said.After), said.Window
	}
	return f
}

func (c *Call[O]) judgeStatus(resp *http.Response) *Failure[O] {
	f := &Failure[O]{Class: c.Rules.Unavailable, Outcome: Unknown}
	for _, s := range statuses {
		if resp.StatusCode < s.from || resp.StatusCode > s.to {
			continue
		}
		f.Class, f.Outcome, f.Retry = s.class(&c.Rules.Classes), O(s.outcome), s.retry
		if s.retry {
			f.After = c.retryAfter(resp)
		}
		break
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		to := ""
		if loc, err := resp.Location(); err == nil {
			to = fmt.Sprintf(" to host %q", Clean(loc.Hostname(), c.Service.Hidden()))
		}
		f.Cause = fmt.Errorf("the server redirects%s, which is not followed with a signed request: check the address", to)
	}
	return f
}
