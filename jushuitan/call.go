package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// failure is why an attempt failed, in the engine's terms; it is converted to an [Error].
type failure = engine.Failure[Outcome]

// rules are how Jushuitan's responses are judged.
var rules = &engine.Rules{
	Classes: engine.Classes{
		Invalid: ErrInvalid, Permission: ErrPermission, RateLimited: ErrRateLimited, Unavailable: ErrUnavailable, TooLarge: ErrDecode,
	},
	LargerHint: "ask for smaller pages or raise WithMaxResponseBytes",
}

// oneCall is one call with all of its attempts.
type oneCall struct {
	*Client
	op          *Operation
	path        string
	auth        bool              // a token call: no access_token, version and biz
	params      map[string]string // form parameters of a token call
	biz         string            // encoded once: the signed bytes are the bytes sent
	repeatable  bool              // a retry after a lost response changes nothing
	personal    func() []string   // personal data of the request, which errors must not show
	into        func(body []byte) *failure
	bad         []wire.BadRow // left out of the payload
	nulls       int           // of bad
	heard       pages.Heard   // of an operation with pages
	notes       []wire.Note   // of the last response, with WithOnDrift
	raw         []element     // the rows of the last response as they were sent, with the option seen
	rawSure     bool          // the last response has their list without a null, or says that there are none
	rows        []ruling      // what each row of the last response says of a write
	rootRefusal *failure      // the failure that a non-zero code means, if there are rows as well
	mangled     bool          // the last response has text that is not UTF-8

	run      engine.Call[Outcome] // runs the attempts
	token    Token                // token of the last attempt
	sign     string               // signature of the last attempt
	began    time.Time            // before the first attempt
	replayed bool                 // the token was rejected and replaced, and the call sent again
}

// do runs attempts until one succeeds or retrying cannot help.
func (k *oneCall) do(ctx context.Context) error {
	if err := k.optionsError(); err != nil {
		return err
	}
	if ctx.Err() == nil && k.dry() {
		return nil
	}
	k.run = engine.Call[Outcome]{
		Engine: k.engineOf(), Service: k, URL: k.core.baseURL.String() + k.path, Repeatable: k.repeatable,
		Quota: engine.QuotaOf(k.core.limiter, k.limitKey(k.path)),
	}
	if len(k.core.hooks) > 0 {
		k.run.Hook = engine.Tell(k.core.hooks, k.attempt)
	}
	if k.core.onExchange != nil {
		k.run.OnExchange = k.exchanged
	}
	k.began = k.core.now()
	if f := k.run.Do(ctx); f != nil {
		return k.unknown(k.failed(f))
	}
	if !k.auth && k.Client.token == "" {
		k.core.tokens.Accepted(k.merchant, k.token)
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
	k.sign = Sign(k.core.cred.AppSecret, form)
	form["sign"] = k.sign
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
	if k.mangled || f != nil {
		if text, ok := wire.FromGBK(body); ok {
			f = k.into(text)
		}
	}
	k.drifted()
	if f != nil && f.Code != "" && f.Class == nil {
		classify(k.op, f)
	}
	return f
}

// Refusal decodes the envelope of a response whose status is not 2xx.
func (k *oneCall) Refusal(body []byte) *failure {
	if text, ok := wire.FromGBK(body); ok {
		body = text
	}
	a := k.answer(body)
	f := a.envelope()
	if !a.coded || a.code == 0 {
		return nil
	}
	classify(k.op, f)
	return f
}

// Secrets returns the strings that nothing may contain.
func (k *oneCall) Secrets() []string {
	return []string{
		k.core.cred.AppSecret, k.token.AccessToken, k.token.RefreshToken, k.Client.token, k.sign, k.params["code"], k.params["refresh_token"],
	}
}

// Personal returns the personal data of the request, which no error may contain.
func (k *oneCall) Personal() []string {
	if k.personal == nil {
		return nil
	}
	return k.personal()
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
	if e.write && !k.began.IsZero() {
		e.Began, e.Ended = k.began, k.core.now()
	}
	if e.Msg != "" {
		e.Msg = engine.Clean(e.Msg, append(k.Secrets(), k.Personal()...))
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
	if err := engine.CheckPath(path); err != nil {
		k.path = strconv.QuoteToASCII(path)
		k.op = &Operation{Path: k.path, Effect: op.Effect}
		return nil, k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: err})
	}
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
