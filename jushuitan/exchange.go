package jushuitan

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// Exchange is what went over the wire in one attempt, for support: to see what the service
// really sends, and to show it to the vendor. Secrets, tokens, signatures and authorisation
// codes are masked as ***, and so is personal data unless [WithPersonalData] leaves it in:
// known members of JSON and XML, the personal data of the request wherever it is repeated,
// and mobile numbers. What follows a syntax error in JSON or XML is left out. Anything
// else, such as an HTML page, is masked only by the values known from the request: check it
// before you pass it on.
type Exchange struct {
	Attempt             // which attempt it was, and how it ended
	URL      string     // without the query
	Params   url.Values // parameters of the query and the form
	Request  string     // the body, unless it is a form
	Header   http.Header
	Response string // the body of the answer, as far as it arrived
}

// WithOnExchange calls f after each attempt whose request was signed, including retries and
// token calls, and after the hooks. f is called from many goroutines and must not block; a
// panic in it is not recovered. Masking takes time in proportion to the size of the bodies:
// use it to investigate a problem, not permanently.
func WithOnExchange(f func(ctx context.Context, x Exchange)) Option {
	return func(s *settings) error {
		s.onExchange = f
		return engine.Given("WithOnExchange", f != nil)
	}
}

// WithPersonalData leaves personal data in what the function of [WithOnExchange] receives.
// Secrets are still masked.
func WithPersonalData() Option {
	return func(s *settings) error { s.personalData = true; return nil }
}

// String returns the exchange as text, in the order in which it went over the wire.
func (x Exchange) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (merchant %q, attempt %d)\n", x.Op, x.URL, x.Merchant, x.N)
	for _, name := range slices.Sorted(maps.Keys(x.Params)) {
		for _, v := range x.Params[name] {
			fmt.Fprintf(&b, "> %s=%s\n", name, v)
		}
	}
	if x.Request != "" {
		b.WriteString("> " + x.Request + "\n")
	}
	if x.HTTPStatus != 0 {
		fmt.Fprintf(&b, "< HTTP %d after %s\n", x.HTTPStatus, x.Took)
	}
	for _, name := range slices.Sorted(maps.Keys(x.Header)) {
		for _, v := range x.Header[name] {
			fmt.Fprintf(&b, "< %s: %s\n", name, v)
		}
	}
	if x.Response != "" {
		b.WriteString("< " + x.Response + "\n")
	}
	if x.Err != nil {
		fmt.Fprintf(&b, "! %v\n", x.Err)
	}
	return b.String()
}

// exchanged passes an attempt to the function of the host.
func (k *oneCall) exchanged(ctx context.Context, s *engine.Seen[Outcome]) {
	w := s.Wire
	k.core.onExchange(ctx, Exchange{
		Attempt: k.attempt(s), URL: w.URL, Params: w.Params, Request: w.Request, Header: w.Header, Response: w.Response,
	})
}
