package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// failure is why an attempt failed, in the engine's terms; it is converted to an [Error].
type failure = engine.Failure[Outcome]

// rules are how Jushuitan's responses are judged. The server answers 200 even to errors,
// so a 5xx comes from a proxy in front of it.
var rules = &engine.Rules{
	Classes: engine.Classes{
		Invalid: ErrInvalid, Permission: ErrPermission, RateLimited: ErrRateLimited, Unavailable: ErrUnavailable, TooLarge: ErrDecode,
	},
	StatusSpeaks: func(status int) bool { return status >= 500 },
	LargerHint:   "ask for smaller pages or raise WithMaxResponseBytes",
}

// oneCall is one call with all of its attempts.
type oneCall struct {
	*Client
	op         *Operation
	path       string
	auth       bool              // a token call: no access_token, version and biz
	params     map[string]string // form parameters of a token call
	biz        string            // encoded once: the signed bytes are the bytes sent
	repeatable bool              // a retry after a lost response changes nothing
	personal   func() []string   // personal data of the request, which errors must not show
	into       func(body []byte) *failure

	run      engine.Call[Outcome] // runs the attempts
	token    Token                // token of the last attempt
	replayed bool                 // the token was rejected and replaced, and the call sent again
}

// do runs attempts until one succeeds or retrying cannot help.
func (k *oneCall) do(ctx context.Context) error {
	if ctx.Err() == nil && k.dry() {
		return nil
	}
	k.run = engine.Call[Outcome]{
		Engine: &k.core.engine, Service: k, URL: k.core.baseURL.String() + k.path, Repeatable: k.repeatable,
		Quota: engine.QuotaOf(k.core.limiter, k.limitKey(k.path)),
	}
	if len(k.core.hooks) > 0 {
		k.run.Hook = engine.Tell(k.core.hooks, k.attempt)
	}
	if f := k.run.Do(ctx); f != nil {
		return k.failed(f)
	}
	return nil
}

// The methods below are the stages of an attempt that are specific to Jushuitan, in
// order. Package call runs the others.

// Sign gets the token and sets the signed form as the body.
func (k *oneCall) Sign(req *http.Request) *failure {
	token, f := k.fetchToken(req.Context())
	if f != nil {
		return f
	}
	form := k.form(token)
	form["sign"] = Sign(k.core.cred.AppSecret, form)
	values := make(url.Values, len(form))
	for name, v := range form {
		values.Set(name, v)
	}
	engine.SetBody(req, "application/x-www-form-urlencoded;charset=UTF-8", []byte(values.Encode()))
	req.Header.Set("Accept", "application/json")
	return nil
}

// Judge decodes the envelope and the payload and classifies the result.
func (k *oneCall) Judge(_ int, body []byte) *failure {
	f := k.into(body)
	if f != nil && f.Code != "" && f.Class == nil {
		classify(k.op, f)
	}
	return f
}

// Refusal decodes the envelope of a response whose status is not 2xx.
func (k *oneCall) Refusal(body []byte) *failure {
	env, ok := readEnvelope(body)
	if !ok || env.code == 0 {
		return nil
	}
	f := env.refused(nil)
	classify(k.op, f)
	return f
}

// Hidden returns the strings that no error may contain.
func (k *oneCall) Hidden() []string {
	hide := []string{k.core.cred.AppSecret, k.token.AccessToken, k.token.RefreshToken, k.Client.token}
	for _, v := range k.params {
		if len(v) >= 16 {
			hide = append(hide, v)
		}
	}
	if k.personal != nil {
		hide = append(hide, k.personal()...)
	}
	return hide
}

// Renew replaces a rejected token, at most once.
func (k *oneCall) Renew(f *failure) bool {
	if !errors.Is(f.Class, ErrTokenExpired) || k.auth || k.Client.token != "" || k.replayed {
		return false
	}
	k.replayed = true
	k.core.tokens.Rejected(context.Background(), k.merchant, k.token)
	return true
}

// failed converts the failure of a call or attempt to an [Error].
func (k *oneCall) failed(f *failure) *Error {
	e := k.fail(&Error{Outcome: f.Outcome, HTTPStatus: f.Status, RequestID: f.RequestID, class: f.Class, cause: f.Cause})
	e.Code, _ = strconv.ParseInt(f.Code, 10, 64)
	e.Msg, e.Attempts = f.Msg, f.Attempts // masked
	return e
}

// fail adds what is known about the call to an error.
func (k *oneCall) fail(e *Error) *Error {
	e.Op, e.Title, e.Path, e.Merchant = k.op.Name(), k.op.Title, k.path, k.merchant
	e.Attempts = k.run.Attempts()
	e.write = k.op.Effect != Read
	if e.Msg != "" {
		e.Msg = engine.Clean(e.Msg, k.Hidden())
	}
	return e
}

// refusedRow returns the error of a row that the server rejected. If the call was retried
// after a lost response, the first attempt may have been applied.
func (k *oneCall) refusedRow(msg string) *Error {
	return k.fail(&Error{Outcome: k.run.Merge(Rejected), class: ErrInvalid, Msg: msg})
}

func (k *oneCall) fetchToken(ctx context.Context) (string, *failure) {
	switch {
	case k.auth:
		return "", nil
	case k.Client.token != "":
		return k.Client.token, nil
	}
	tok, err := k.core.tokens.Token(ctx, k.merchant)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok { // the error of the token call
			f := &failure{Outcome: NotSent, Class: e.class, Cause: err, Status: e.HTTPStatus, RequestID: e.RequestID}
			if e.Code != 0 {
				f.Code = strconv.FormatInt(e.Code, 10)
			}
			return "", f
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
		return "", &failure{Outcome: NotSent, Class: class, Cause: err}
	}
	k.token = tok
	return tok.AccessToken, nil
}

// form returns the parameters of one attempt without the signature. No parameter is
// empty: clients disagree on whether empty parameters are signed, so none is sent.
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

// newCall prepares a business call and encodes its request.
func (c *Client) newCall(op *Operation, path string, req any) (*oneCall, error) {
	k := &oneCall{Client: c, op: op, path: path, personal: func() []string { return redact.Personal(req) }}
	biz, err := wire.Marshal(req)
	if err != nil {
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf("cannot encode the request: %w", err)})
	}
	k.biz = string(biz)
	if k.biz == "null" {
		k.biz = "{}"
	}
	k.repeatable = op.repeatable(req, biz)
	return k, nil
}
