package jushuitan

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
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/retry"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// attempt is one attempt of a call, top to bottom. Everything that must be fresh
// each time is made here: the permit, the token, the time stamp, the signature.
func (k *oneCall) attempt(ctx context.Context, n int) error {
	k.attempts = n
	sent, err := k.waitForQuota(ctx)
	if err != nil {
		return err
	}
	defer sent() // at the latest; earlier when the request is on the wire
	token, err := k.fetchToken(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, k.core.timeout)
	defer cancel()
	form := k.form(token)
	form["sign"] = Sign(k.core.cred.AppSecret, form)
	resp, err := k.send(ctx, form, sent) //nolint:bodyclose // read closes it
	if err != nil {
		return err
	}
	body, err := k.read(resp)
	if err != nil {
		return err
	}
	if err := k.checkStatus(resp, body); err != nil {
		return err
	}
	return k.decode(body, resp.StatusCode)
}

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

	attempts int
	token    Token // of the last attempt
	replayed bool  // a refused token was replaced and the call sent again
	lost     bool  // the answer of some attempt was lost
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
	_, err, cancelled := retry.Do(ctx, k.watch, k.again)
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
	if k.lost && e.Outcome <= Rejected && (e.Outcome == NotSent || e.class == ErrRateLimited || e.class == ErrTimestamp || e.class == ErrTokenExpired) {
		e.Outcome = Unknown
	}
	return e
}

// again decides whether a failed attempt is followed by another.
func (k *oneCall) again(n int, err error) (time.Duration, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return 0, false
	}
	if e.Outcome == Unknown {
		k.lost = true
	}
	if e.class == ErrTokenExpired && !k.auth && k.Client.token == "" && !k.replayed {
		k.replayed = true
		k.core.tokens.Rejected(context.Background(), k.merchant, k.token)
		return 0, true
	}
	p := k.core.retry
	budget := p.MaxAttempts
	if k.replayed {
		budget++ // the replay is not one of the repeats
	}
	if !e.retry || n >= budget {
		return 0, false
	}
	if e.Outcome == Unknown && !k.repeatable {
		return 0, false
	}
	if e.penalty > 0 { // the limiter holds the next attempt back
		return 0, true
	}
	wait := retry.Backoff(n, p.MinWait, p.MaxWait)
	return max(wait, min(e.retryAfter, p.MaxRetryAfter)), true
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

func (k *oneCall) waitForQuota(ctx context.Context) (sent func(), err error) {
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

func (k *oneCall) send(ctx context.Context, form map[string]string, sent func()) (*http.Response, error) {
	values := make(url.Values, len(form))
	for name, v := range form {
		values.Set(name, v)
	}
	// Whether a connection was had tells a request that was never sent from one
	// whose answer was lost.
	var mu sync.Mutex
	asked, connected := false, false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { mu.Lock(); asked = true; mu.Unlock() },
		GotConn:      func(httptrace.GotConnInfo) { mu.Lock(); connected = true; mu.Unlock() },
		WroteRequest: func(httptrace.WroteRequestInfo) { sent() },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.core.baseURL.String()+k.path, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: errors.New("path does not make a URL")})
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	resp, err := k.core.http.Do(req)
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
	return nil, k.fail(&Error{Outcome: outcome, class: ErrUnavailable, cause: plainCause(err), retry: true})
}

// plainCause drops what net/http wraps around an error: the URL is named already.
func plainCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (k *oneCall) read(resp *http.Response) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	limit := k.core.maxBody
	k.seen.status = resp.StatusCode
	if resp.ContentLength > limit {
		return nil, k.tooLarge(resp)
	}
	var buf []byte
	if resp.ContentLength > 0 {
		buf = make([]byte, 0, resp.ContentLength+1)
	}
	body, err := readAll(io.LimitReader(resp.Body, limit+1), buf)
	k.seen.received = len(body)
	switch {
	case err != nil:
		return nil, k.fail(&Error{
			Outcome: Unknown, class: ErrUnavailable, HTTPStatus: resp.StatusCode, retry: true,
			cause: fmt.Errorf("answer cut off after %d bytes: %w", len(body), plainCause(err)),
		})
	case int64(len(body)) > limit:
		return nil, k.tooLarge(resp)
	}
	return body, nil
}

func (k *oneCall) tooLarge(resp *http.Response) error {
	return k.fail(&Error{
		Outcome: Unknown, class: ErrDecode, HTTPStatus: resp.StatusCode,
		cause: fmt.Errorf("answer larger than %d bytes: ask for smaller pages or raise WithMaxResponseBytes", k.core.maxBody),
	})
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

// checkStatus handles every status but 200. The server answers 200 even to
// errors, so that others come from what stands before it.
func (k *oneCall) checkStatus(resp *http.Response, body []byte) error {
	status := resp.StatusCode
	if status == http.StatusOK {
		return nil
	}
	e := &Error{HTTPStatus: status, class: ErrInvalid, Outcome: Rejected}
	switch {
	case status >= 300 && status < 400:
		e.class = ErrUnavailable
		e.cause = errors.New("the server redirects, which is not followed with a signed form: check the base URL")
		if loc, err := resp.Location(); err == nil {
			e.cause = fmt.Errorf("the server redirects to %s, which is not followed with a signed form: check the base URL", loc.Host)
		}
	case status == http.StatusTooManyRequests:
		e.class, e.retry = ErrRateLimited, true
		e.retryAfter = k.retryAfter(resp)
	case status >= 500:
		e.class, e.Outcome, e.retry = ErrUnavailable, Unknown, true
		e.retryAfter = k.retryAfter(resp)
	case status == http.StatusRequestTimeout:
		e.class, e.retry = ErrUnavailable, true
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.class = ErrPermission
	}
	// Should the answer be the usual one all the same, it says more.
	if env, ok := readEnvelope(body); ok && env.code != 0 {
		e.Code, e.Msg, e.RequestID = env.code, env.msg, env.requestID
		if class, outcome, again := classify(k.op, env.code, env.msg); status < 500 {
			e.class, e.Outcome, e.retry = class, outcome, again
		}
	}
	return k.fail(e)
}

// retryAfter reads the header, in seconds or as a date; nonsense is none.
func (k *oneCall) retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(k.core.now()))
	}
	return 0
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
	k := &oneCall{Client: c, op: op, path: path, repeatable: repeatable(op, req), personal: func() []string { return redact.Personal(req) }}
	biz, err := wire.Marshal(req)
	if err != nil {
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf("request not encodable: %w", err)})
	}
	k.biz = string(biz)
	if k.biz == "null" {
		k.biz = "{}"
	}
	return k, nil
}

// repeatable tells whether a call whose answer was lost may be sent again.
func repeatable(op *Operation, req any) bool {
	switch op.Effect {
	case Read:
		return true
	case Keyed:
		return hasKey(op, req) && rowsRepeatable(req)
	default:
		return false
	}
}
