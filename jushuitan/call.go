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

// failure is why an attempt failed, in the engine's terms; [Error] is made of it.
type failure = engine.Failure[Outcome]

// rules are what is Jushuitan's own in how calls are judged. The server answers 200
// even to errors, so that a 5xx comes from what stands before it.
var rules = &engine.Rules{
	Classes: engine.Classes{
		Invalid: ErrInvalid, Permission: ErrPermission, RateLimited: ErrRateLimited, Unavailable: ErrUnavailable, TooLarge: ErrDecode,
	},
	StatusSpeaks: func(status int) bool { return status >= 500 },
	LargerHint:   "ask for smaller pages or raise WithMaxResponseBytes",
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
	into       func(body []byte) *failure

	run      engine.Call[Outcome] // runs the attempts
	token    Token                // of the last attempt
	replayed bool                 // a refused token was replaced and the call sent again
}

// do runs the call: attempts until one passes or another would not help.
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

// The stages of an attempt that are this service's own follow, in their order; all
// others are package call's.

// Sign gets the token and makes the signed form.
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

// Judge reads envelope and payload and classifies what they say.
func (k *oneCall) Judge(_ int, body []byte) *failure {
	f := k.into(body)
	if f != nil && f.Code != "" && f.Class == nil {
		classify(k.op, f)
	}
	return f
}

// Refusal reads the envelope of an answer with another status than 2xx.
func (k *oneCall) Refusal(body []byte) *failure {
	env, ok := readEnvelope(body)
	if !ok || env.code == 0 {
		return nil
	}
	f := env.refused(nil)
	classify(k.op, f)
	return f
}

// Hidden is what no error may show.
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

// Renew replaces a refused token, once.
func (k *oneCall) Renew(f *failure) bool {
	if !errors.Is(f.Class, ErrTokenExpired) || k.auth || k.Client.token != "" || k.replayed {
		return false
	}
	k.replayed = true
	k.core.tokens.Rejected(context.Background(), k.merchant, k.token)
	return true
}

// failed makes the error of a failed call or attempt.
func (k *oneCall) failed(f *failure) *Error {
	e := k.fail(&Error{Outcome: f.Outcome, HTTPStatus: f.Status, RequestID: f.RequestID, class: f.Class, cause: f.Cause})
	e.Code, _ = strconv.ParseInt(f.Code, 10, 64)
	e.Msg, e.Attempts = f.Msg, f.Attempts // masked
	return e
}

// fail completes an error with what is known about the call.
func (k *oneCall) fail(e *Error) *Error {
	e.Op, e.Title, e.Path, e.Merchant = k.op.Name(), k.op.Title, k.path, k.merchant
	e.Attempts = k.run.Attempts()
	e.write = k.op.Effect != Read
	if e.Msg != "" {
		e.Msg = engine.Clean(e.Msg, k.Hidden())
	}
	return e
}

// refusedRow is the error of a row that the server refused. After a lost answer
// that may be because the first attempt was carried out.
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
		if e, ok := errors.AsType[*Error](err); ok { // the token call's own
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
