package call

import (
	"fmt"
	"net/http"
	"net/url"
)

// Rules are the differences between services.
type Rules struct {
	Classes
	// LargerHint says how a caller can receive an answer that is longer than the limit.
	LargerHint string
}

// Classes are the errors that callers match.
type Classes struct {
	Invalid     error // the request is wrong
	Permission  error // it is not allowed
	RateLimited error // too many calls
	Unavailable error // no usable answer
	TooLarge    error // an answer longer than the limit
}

// status is what an HTTP status means if the body holds no known code.
type status struct {
	from, to int // inclusive
	class    func(*Classes) error
	outcome  int
	retry    bool // and Retry-After is honoured
}

func unavailable(c *Classes) error { return c.Unavailable }
func permission(c *Classes) error  { return c.Permission }
func rateLimited(c *Classes) error { return c.RateLimited }

// statuses lists the statuses that say more than an unknown code does; the first match
// counts. For all others outside of 2xx the refusal in the body decides. A 5xx may come
// from a server that had already executed the call.
var statuses = []status{
	{http.StatusForbidden, http.StatusForbidden, permission, Rejected, false},
	{http.StatusRequestTimeout, http.StatusRequestTimeout, unavailable, Rejected, true},
	{http.StatusTooManyRequests, http.StatusTooManyRequests, rateLimited, Rejected, true},
	{500, 999, unavailable, Unknown, true},
}

func statusOf(code int) *status {
	for i := range statuses {
		if s := &statuses[i]; code >= s.from && code <= s.to {
			return s
		}
	}
	return nil
}

// judge decides what an answer means: for a 2xx the body, for any other status the refusal
// in the body. An answer without a refusal did not come from the API.
func (c *Call[O]) judge(resp *http.Response, body []byte) *Failure[O] {
	code := resp.StatusCode
	if s, ok := c.Service.(HeaderReader); ok {
		s.Answered(resp.Header)
	}
	if code >= 200 && code < 300 {
		return c.Service.Judge(code, body)
	}
	f, s := c.Service.Refusal(body), statusOf(code)
	if f == nil || f.Class == nil {
		return c.between(resp, s, f)
	}
	if s == nil {
		return f
	}
	if !f.Known {
		f.Class, f.Retry = s.class(&c.Rules.Classes), s.retry
	}
	f.Outcome = max(f.Outcome, O(s.outcome))
	if f.Retry {
		f.After = max(f.After, c.retryAfter(resp))
	}
	return f
}

// between returns the failure of an answer without a refusal of the API, such as proxies
// and gateways send: it is unknown whether the request reached the server.
func (c *Call[O]) between(resp *http.Response, s *status, said *Failure[O]) *Failure[O] {
	f := &Failure[O]{Class: c.Rules.Unavailable, Outcome: Unknown}
	if said != nil {
		f.Msg = said.Msg
	}
	if s != nil && s.retry {
		f.Class, f.Retry, f.After = s.class(&c.Rules.Classes), true, c.retryAfter(resp)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		to := ""
		if loc, err := resp.Location(); err == nil {
			to = fmt.Sprintf(" to host %q", loc.Hostname())
		}
		f.Cause = fmt.Errorf("the server redirects%s, which is not followed with a signed request: check the address", to)
		return f
	}
	f.Cause = fmt.Errorf("the answer has no verdict of the API (content type %q, host %q): something between here and it answered",
		Clean(resp.Header.Get("Content-Type"), nil), hostOf(c.URL))
	return f
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
