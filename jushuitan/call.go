package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pipeline"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// oneCall is a call from its first attempt to its last.
type oneCall struct {
	*Client
	op         *Operation
	path       string
	auth       bool              // a token call: no access_token, version and biz
	params     map[string]string // of a token call
	biz        string            // encoded once: the signed bytes are the sent bytes
	repeatable bool              // sending it again after a lost answer changes nothing
	personal   func() []string   // texts of the request that must not be shown
	into       func(body []byte) *Error

	run      pipeline.Call // runs the attempts
	attempts int
	token    Token // of the last attempt
	replayed bool  // a refused token was replaced and the call sent again
	seen     seen  // of the last attempt
}

// do runs the call: attempts until one passes or another would not help.
func (k *oneCall) do(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return k.fail(&Error{Outcome: NotSent, cause: err})
	}
	if k.dry() {
		return nil
	}
	k.run = pipeline.Call{
		Service: k, HTTP: k.core.http, Timeout: k.core.timeout, MaxBody: k.core.maxBody,
		Retry: pipeline.Policy(k.core.retry), Repeatable: k.repeatable, Now: k.core.now,
	}
	err, cancelled := k.run.Run(ctx, k.watch)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok { // the context ended before the first attempt
		e = k.fail(&Error{Outcome: NotSent, cause: err})
	}
	if cancelled != nil && !errors.Is(e, cancelled) {
		e.cause = cancelled
	}
	// An earlier attempt may have been carried out, unless the server has now said
	// plainly what it thinks of the call.
	if k.run.Lost && e.Outcome <= Rejected && (e.Outcome == NotSent || e.class == ErrRateLimited || e.class == ErrTimestamp || e.class == ErrTokenExpired) {
		e.Outcome = Unknown
	}
	return e
}

// The stages of an attempt that are this service's own follow, in their order;
// what lies between them (send, bounded read) is package pipeline's. Everything
// that must be fresh each time is made in them: the permit, the token, the time
// stamp, the signature.

// Permit waits for the quota: before the time stamp, so that a long wait never
// sends a stale one.
func (k *oneCall) Permit(ctx context.Context) (sent func(), err error) {
	begin := time.Now()
	sent, err = k.core.limiter.Wait(ctx, k.limitKey(k.path))
	k.seen.waited = time.Since(begin)
	if err != nil {
		e := &Error{Outcome: NotSent, cause: err}
		if ctx.Err() == nil { // the wait would outlast the deadline, or the limiter failed
			e.class = ErrRateLimited
		}
		return nil, k.fail(e)
	}
	return sent, nil
}

// Request gets the token and makes the signed form.
func (k *oneCall) Request(ctx context.Context) (*http.Request, error) {
	token, err := k.fetchToken(ctx)
	if err != nil {
		return nil, err
	}
	form := k.form(token)
	form["sign"] = Sign(k.core.cred.AppSecret, form)
	values := make(url.Values, len(form))
	for name, v := range form {
		values.Set(name, v)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.core.baseURL.String()+k.path, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: errors.New("path does not make a URL")})
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// Trouble is no answer, or one that could not be read whole.
func (k *oneCall) Trouble(t pipeline.Trouble) error {
	k.seen.status, k.seen.received = t.Status, t.Received
	e := &Error{Outcome: Outcome(t.Outcome), class: ErrUnavailable, HTTPStatus: t.Status, cause: t.Err, retry: !t.TooLarge}
	if t.TooLarge {
		e.class = ErrDecode
		e.cause = fmt.Errorf("%w: ask for smaller pages or raise WithMaxResponseBytes", t.Err)
	}
	return k.fail(e)
}

// Judge looks at the HTTP status, then at envelope and payload.
func (k *oneCall) Judge(a *pipeline.Answer) error {
	k.seen.status, k.seen.received = a.StatusCode, len(a.Content)
	if err := k.checkStatus(a); err != nil {
		return err
	}
	return k.decode(a.Content, a.StatusCode)
}

// Renew replaces a refused token, once.
func (k *oneCall) Renew(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.class != ErrTokenExpired || k.auth || k.Client.token != "" || k.replayed {
		return false
	}
	k.replayed = true
	k.core.tokens.Rejected(context.Background(), k.merchant, k.token)
	return true
}

// Verdict reads an error for the next attempt.
func (k *oneCall) Verdict(err error) pipeline.Verdict {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return pipeline.Verdict{}
	}
	return pipeline.Verdict{Outcome: pipeline.Outcome(e.Outcome), Again: e.retry, After: e.retryAfter, Held: e.penalty > 0}
}

// fail completes an error with what is known about the call.
func (k *oneCall) fail(e *Error) *Error {
	e.Op, e.Title, e.Path, e.Merchant = k.op.Name(), k.op.Title, k.path, k.merchant
	e.Attempts = k.attempts
	e.write = k.op.Effect != Read
	if e.Msg != "" {
		hide := []string{k.core.cred.AppSecret, k.token.AccessToken, k.token.RefreshToken, k.Client.token}
		for _, v := range k.params {
			if len(v) >= 16 {
				hide = append(hide, v)
			}
		}
		if k.personal != nil {
			hide = append(hide, k.personal()...)
		}
		e.Msg = redact.Text(e.Msg, hide...)
		if r := []rune(e.Msg); len(r) > 300 {
			e.Msg = string(r[:300]) + "..."
		}
	}
	return e
}

func (k *oneCall) fetchToken(ctx context.Context) (string, error) {
	switch {
	case k.auth:
		return "", nil
	case k.Client.token != "":
		return k.Client.token, nil
	}
	tok, err := k.core.tokens.Token(ctx, k.merchant)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok { // the token call's own
			return "", k.fail(&Error{
				Outcome: NotSent, class: e.class, cause: err, Code: e.Code, HTTPStatus: e.HTTPStatus, RequestID: e.RequestID,
			})
		}
		class := ErrUnavailable
		for _, c := range []error{ErrReauthorize, ErrTokenExpired} {
			if errors.Is(err, c) {
				class = c
			}
		}
		if ctx.Err() != nil {
			class = nil
		}
		return "", k.fail(&Error{Outcome: NotSent, class: class, cause: err})
	}
	k.token = tok
	return tok.AccessToken, nil
}

// form is the parameters of one attempt, without the signature. None is empty:
// clients disagree whether an empty parameter is signed, so none is sent.
func (k *oneCall) form(token string) map[string]string {
	form := map[string]string{
		"app_key":   k.core.cred.AppKey,
		"timestamp": strconv.FormatInt(k.core.now().Unix(), 10),
		"charset":   "utf-8",
	}
	if k.auth {
		for name, v := range k.params {
			if v != "" {
				form[name] = v
			}
		}
		return form
	}
	form["access_token"], form["version"], form["biz"] = token, "2", k.biz
	return form
}

// checkStatus handles every status but 200. The server answers 200 even to
// errors, so that others come from what stands before it.
func (k *oneCall) checkStatus(a *pipeline.Answer) error {
	status := a.StatusCode
	if status == http.StatusOK {
		return nil
	}
	e := &Error{HTTPStatus: status, class: ErrInvalid, Outcome: Rejected}
	switch {
	case status >= 300 && status < 400:
		e.class = ErrUnavailable
		e.cause = errors.New("the server redirects, which is not followed with a signed form: check the base URL")
		if loc, err := a.Location(); err == nil {
			e.cause = fmt.Errorf("the server redirects to %s, which is not followed with a signed form: check the base URL", loc.Host)
		}
	case status == http.StatusTooManyRequests:
		e.class, e.retry = ErrRateLimited, true
		e.retryAfter = a.RetryAfter
	case status >= 500:
		e.class, e.Outcome, e.retry = ErrUnavailable, Unknown, true
		e.retryAfter = a.RetryAfter
	case status == http.StatusRequestTimeout:
		e.class, e.retry = ErrUnavailable, true
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.class = ErrPermission
	}
	// Should the answer be the usual one all the same, it says more.
	if env, ok := readEnvelope(a.Content); ok && env.code != 0 {
		e.Code, e.Msg, e.RequestID = env.code, env.msg, env.requestID
		if class, outcome, again := classify(k.op, env.code, env.msg); status < 500 {
			e.class, e.Outcome, e.retry = class, outcome, again
		}
	}
	return k.fail(e)
}

// decode reads the envelope and the payload and classifies what they say.
func (k *oneCall) decode(body []byte, status int) error {
	e := k.into(body)
	if e == nil {
		return nil
	}
	e.HTTPStatus = status
	if e.Code != 0 && e.class == nil {
		e.class, e.Outcome, e.retry = classify(k.op, e.Code, e.Msg)
		if e.class == ErrRateLimited {
			k.penalise(e)
		}
	}
	return k.fail(e)
}

// penalise tells the limiter that the server counts more calls than we do. What
// it says counts for its window: a second for 199, a minute for 200.
func (k *oneCall) penalise(e *Error) {
	window := time.Second
	if e.Code == 200 {
		window = time.Minute
	}
	if p, ok := k.core.limiter.(Penalizer); ok {
		if p.Penalize(context.Background(), k.limitKey(k.path), window) == nil {
			e.penalty = window
			return
		}
	}
	e.retryAfter = window
}

// newCall prepares a business call: the request is encoded once.
func (c *Client) newCall(op *Operation, path string, req any) (*oneCall, error) {
	k := &oneCall{Client: c, op: op, path: path, personal: func() []string { return redact.Personal(req) }}
	biz, err := wire.Marshal(req)
	if err != nil {
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf("request not encodable: %w", err)})
	}
	k.biz = string(biz)
	if k.biz == "null" {
		k.biz = "{}"
	}
	k.repeatable = op.repeatable(req, biz)
	return k, nil
}
