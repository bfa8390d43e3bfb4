package qimen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/pipeline"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Call calls a method by its name, also one that has no Go method. The request is
// a struct or a map: of a form call its members are the parameters (objects and
// lists are sent as JSON text), else it is the document, whose root element is
// request in XML. A []byte is a document that is sent as it is. The answer is read
// into what into points to, without flag, code and message; nil reads only these. A
// [encoding/json.RawMessage] takes all of the answer as JSON.
//
// A method that is not in the table of [Methods] is called in the way that its name
// says (taobao.qimen.* with a document, all others with a form). Such a call, and a
// write whose request is not of the method's own type, is never repeated once it
// may have been received.
func (c *Client) Call(ctx context.Context, method string, req, into any) error {
	m := methodAt(method)
	if m == nil {
		m = &Method{Name: method}
		if strings.HasPrefix(method, "taobao.qimen.") {
			m.Body = BodyXML
		}
	}
	if into != nil {
		if v := reflect.ValueOf(into); v.Kind() != reflect.Pointer || v.IsNil() {
			return (&oneCall{Client: c, method: m}).invalid("the answer is to be read into a %T, which is not a pointer", into)
		}
	}
	return c.call(ctx, m, req, into)
}

// call sends req and reads the answer.
func call[R any](ctx context.Context, c *Client, m *Method, req any) (*R, error) {
	out := new(R)
	if err := c.call(ctx, m, req, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (c *Client) call(ctx context.Context, m *Method, req, into any) error {
	k, err := c.newCall(m, req)
	if err != nil {
		return err
	}
	k.into = into
	return k.do(ctx)
}

// oneCall is a call from its first attempt to its last.
type oneCall struct {
	*Client
	method     *Method
	req        any
	route      *route
	gateway    string
	form       map[string]string // business parameters of a form call
	body       []byte            // document of any other, encoded once: the signed bytes are the sent bytes
	format     Format
	repeatable bool // sending it again after a lost answer changes nothing
	into       any  // nil: only the head of the answer is read

	run      pipeline.Call // runs the attempts
	attempts int
	sign     string // of the last attempt
	seen     seen   // of the last attempt
}

// seen is what an attempt notes for the hooks.
type seen struct {
	waited   time.Duration
	received int
	status   int
}

// newCall prepares a call: its request is encoded once.
func (c *Client) newCall(m *Method, req any) (*oneCall, error) {
	k := &oneCall{Client: c, method: m, req: req, route: c.core.routes[laneOf(m)]}
	k.format = k.route.Format
	if k.gateway = c.core.gateways[m.Name]; k.gateway == "" {
		k.gateway = k.route.url
	}
	switch m.Effect {
	case jushuitan.Read:
		k.repeatable = true
	case jushuitan.Keyed:
		keyed, ok := req.(interface{ IdempotencyKey() string })
		k.repeatable = ok && !isNil(req) && keyed.IdempotencyKey() != ""
	}
	if k.routed() && c.customer == "" {
		return nil, k.invalid("no customer: set CustomerID or use ForCustomer / 缺少奇门客户编码（路由参数 %s）", k.route.RoutingParam)
	}
	if l := c.legacy; isLegacy(m) && (l.PartnerID == "" || l.PartnerKey == "" || l.Token == "") {
		return nil, k.invalid("no partner credentials: set Legacy or use WithLegacy / 缺少 partnerid、partnerkey 或 token")
	}
	var err error
	if m.Body == BodyXML {
		err = k.document(req)
	} else {
		err = k.parameters(req)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// routed tells whether a call names the customer. The old methods name the merchant
// by their token.
func (k *oneCall) routed() bool {
	return k.route.RoutingParam != "" && !isLegacy(k.method)
}

func isLegacy(m *Method) bool { return strings.HasPrefix(m.Name, "jst.") }

// document encodes the body of a call.
func (k *oneCall) document(req any) (err error) {
	switch raw, ok := req.([]byte); {
	case ok:
		k.body = raw
	case k.format == XML:
		k.body, err = k.core.xml.Marshal("request", req)
	case isNil(req):
		k.body = []byte("{}")
	default:
		k.body, err = wire.Marshal(req)
	}
	if err != nil {
		return k.invalid("request not encodable: %w", err)
	}
	return nil
}

// parameters encodes the business parameters of a form call.
func (k *oneCall) parameters(req any) error {
	k.form = map[string]string{}
	if isNil(req) {
		return nil
	}
	text, err := wire.Marshal(req)
	if err != nil {
		return k.invalid("request not encodable: %w", err)
	}
	var members map[string]jsontext.Value
	if err := wire.UnmarshalStrict(text, &members); err != nil {
		return k.invalid("a form call takes a struct or a map, not a %T", req)
	}
	for name, v := range members {
		value := string(v) // numbers, flags, objects and lists
		switch v.Kind() {
		case 'n':
			continue
		case '"':
			s, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return k.invalid("request not encodable: a text is not UTF-8")
			}
			value = string(s)
		}
		if k.isSystem(name) {
			return k.invalid("the parameter %s is the client's to set", name)
		}
		if value != "" && name != "" {
			k.form[name] = value
		}
	}
	return nil
}

func (k *oneCall) isSystem(name string) bool {
	switch name {
	case "method", "app_key", "timestamp", "v", "format", "sign_method", "sign", "target_app_key", "session":
		return true
	}
	return name == k.route.RoutingParam
}

func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil() || r.Kind() == reflect.Map && r.IsNil()
}

// do runs the call: attempts until one passes or another would not help.
func (k *oneCall) do(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return k.fail(&Error{Outcome: jushuitan.NotSent, cause: err})
	}
	k.run = pipeline.Call{
		Service: k, HTTP: k.core.http, Timeout: k.core.timeout, MaxBody: k.core.maxBody,
		Retry: k.core.retry, Repeatable: k.repeatable, Now: k.core.now,
	}
	err, cancelled := k.run.Run(ctx, k.watch)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok { // the context ended before the first attempt
		e = k.fail(&Error{Outcome: jushuitan.NotSent, cause: err})
	}
	if cancelled != nil && !errors.Is(e, cancelled) {
		e.cause = cancelled
	}
	// An earlier attempt may have been carried out, unless the server has now said
	// plainly what it thinks of the call.
	if k.run.Lost && (e.Outcome == jushuitan.NotSent || e.Outcome == jushuitan.Rejected && e.class != jushuitan.ErrInvalid) {
		e.Outcome = jushuitan.Unknown
	}
	return e
}

// The stages of an attempt that are this service's own follow, in their order;
// what lies between them (send, bounded read) is package pipeline's.

// Permit waits for the quota: before the time stamp, so that a long wait never
// sends a stale one.
func (k *oneCall) Permit(ctx context.Context) (sent func(), err error) {
	begin := time.Now()
	sent, err = k.core.limiter.Wait(ctx, k.limitKey(k.method))
	k.seen.waited = time.Since(begin)
	if err != nil {
		e := &Error{Outcome: jushuitan.NotSent, cause: err}
		if ctx.Err() == nil { // the wait would outlast the deadline, or the limiter failed
			e.class = jushuitan.ErrRateLimited
		}
		return nil, k.fail(e)
	}
	return sent, nil
}

// Request makes the request of one attempt, with a new time stamp and signature.
func (k *oneCall) Request(ctx context.Context) (*http.Request, error) {
	now := k.core.now()
	system, form := k.system(now), k.form
	if isLegacy(k.method) {
		form = k.withLegacy(form, now)
	}
	signed := system
	if len(form) > 0 {
		signed = maps.Clone(system)
		maps.Copy(signed, form)
	}
	signature, err := Sign(k.route.SignMethod, k.core.secret, signed, k.body)
	if err != nil {
		return nil, k.fail(&Error{Outcome: jushuitan.NotSent, class: jushuitan.ErrInvalid, cause: err})
	}
	system["sign"], k.sign = signature, signature

	target, body, contentType := k.gateway, k.body, k.contentType()
	switch {
	case k.method.Body == BodyXML:
		target += "?" + encode(system)
	case k.core.allInForm:
		signed["sign"] = signature
		body = []byte(encode(signed))
	default:
		target += "?" + encode(system)
		body = []byte(encode(form))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, k.invalid("gateway and method do not make a URL")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json, text/xml, application/xml")
	return req, nil
}

// system is the system parameters of one attempt, without the signature.
func (k *oneCall) system(now time.Time) map[string]string {
	params := map[string]string{
		"method":      k.method.Name,
		"app_key":     k.core.appKey,
		"timestamp":   now.In(wire.CST).Format(wire.TimeLayout),
		"v":           k.core.version,
		"format":      string(k.format),
		"sign_method": string(k.route.SignMethod),
	}
	// None is empty: verifiers disagree whether an empty parameter is signed.
	if k.route.TargetAppKey != "" {
		params["target_app_key"] = k.route.TargetAppKey
	}
	if k.core.session != "" {
		params["session"] = k.core.session
	}
	if k.routed() {
		params[k.route.RoutingParam] = k.customer
	}
	return params
}

func (k *oneCall) contentType() string {
	switch {
	case k.method.Body != BodyXML:
		return "application/x-www-form-urlencoded;charset=utf-8"
	case k.format == JSON:
		return "application/json;charset=utf-8"
	default:
		return "text/xml;charset=utf-8"
	}
}

func encode(params map[string]string) string {
	values := make(url.Values, len(params))
	for name, v := range params {
		values.Set(name, v)
	}
	return values.Encode()
}

// Trouble is no answer, or one that could not be read whole.
func (k *oneCall) Trouble(t pipeline.Trouble) error {
	k.seen.status, k.seen.received = t.Status, t.Received
	e := &Error{Outcome: jushuitan.Outcome(t.Outcome), class: jushuitan.ErrUnavailable, HTTPStatus: t.Status, cause: k.plainCause(t.Err), retry: !t.TooLarge}
	if t.TooLarge {
		e.class = jushuitan.ErrDecode
		e.cause = fmt.Errorf("%w: ask for smaller pages or raise WithMaxResponseBytes", t.Err)
	}
	return k.fail(e)
}

// Judge looks at the HTTP status, then at the answer's head and body.
func (k *oneCall) Judge(a *pipeline.Answer) error {
	k.seen.status, k.seen.received = a.StatusCode, len(a.Content)
	if a.StatusCode != http.StatusOK {
		return k.checkStatus(a)
	}
	e := k.core.decode(k.method, a.Content, k.into)
	if e == nil {
		return nil
	}
	e.HTTPStatus = a.StatusCode
	k.penalise(e)
	return k.fail(e)
}

// checkStatus handles every status but 200, which the gateway gives even to errors.
func (k *oneCall) checkStatus(a *pipeline.Answer) error {
	status := a.StatusCode
	e := &Error{HTTPStatus: status, class: jushuitan.ErrInvalid, Outcome: jushuitan.Rejected}
	switch {
	case status >= 300 && status < 400:
		e.class = jushuitan.ErrUnavailable
		e.cause = errors.New("the gateway redirects, which is not followed with a signed request: check the gateway")
	case status == http.StatusTooManyRequests:
		e.class, e.retry = jushuitan.ErrRateLimited, true
		e.retryAfter = a.RetryAfter
	case status >= 500, status >= 200 && status < 300:
		e.class, e.Outcome, e.retry = jushuitan.ErrUnavailable, jushuitan.Unknown, true
		e.retryAfter = a.RetryAfter
	case status == http.StatusRequestTimeout:
		e.class, e.retry = jushuitan.ErrUnavailable, true
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.class = jushuitan.ErrPermission
	}
	// Should the answer be the usual refusal all the same, it says more.
	if said := k.core.decode(k.method, a.Content, nil); said != nil && said.Code+said.SubCode+said.Msg != "" {
		e.Code, e.SubCode, e.Msg, e.SubMsg, e.RequestID = said.Code, said.SubCode, said.Msg, said.SubMsg, said.RequestID
		if status < 500 {
			e.class, e.Outcome, e.retry = said.class, said.Outcome, said.retry
			e.retryAfter = max(e.retryAfter, said.retryAfter)
		}
	}
	k.penalise(e)
	return k.fail(e)
}

// penalise tells the limiter how long a call limit holds, so that other calls wait
// as well.
func (k *oneCall) penalise(e *Error) {
	if e.class != jushuitan.ErrRateLimited || e.retryAfter <= 0 {
		return
	}
	e.retryAfter = min(e.retryAfter, k.core.retry.MaxRetryAfter)
	if p, ok := k.core.limiter.(jushuitan.Penalizer); ok {
		e.held = p.Penalize(context.Background(), k.limitKey(k.method), e.retryAfter) == nil
	}
}

// Renew has nothing to renew: sessions and secrets are the host's.
func (k *oneCall) Renew(error) bool { return false }

// Verdict reads an error for the next attempt.
func (k *oneCall) Verdict(err error) pipeline.Verdict {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return pipeline.Verdict{}
	}
	return pipeline.Verdict{Outcome: pipeline.Outcome(e.Outcome), Again: e.retry, After: e.retryAfter, Held: e.held}
}

// invalid is the error of a call that is not sent.
func (k *oneCall) invalid(format string, args ...any) error {
	return k.fail(&Error{Outcome: jushuitan.NotSent, class: jushuitan.ErrInvalid, cause: fmt.Errorf(format, args...)})
}

// fail completes an error with what is known about the call.
func (k *oneCall) fail(e *Error) *Error {
	e.Method, e.Title, e.Customer, e.Attempts = k.method.Name, k.method.Title, k.customer, k.attempts
	e.write = k.method.Effect != jushuitan.Read
	if e.Msg+e.SubMsg == "" {
		return e
	}
	hide := append(k.personal(), k.secrets()...)
	for _, msg := range []*string{&e.Msg, &e.SubMsg} {
		*msg = redact.Text(*msg, hide...)
		if r := []rune(*msg); len(r) > 300 {
			*msg = string(r[:300]) + "..."
		}
	}
	return e
}

// personal is the texts of the request that no error may show: those that its type
// marks, or all where the type is not the method's own.
func (k *oneCall) personal() []string {
	if own := k.method.NewRequest(); own != nil && reflect.TypeOf(own) == reflect.TypeOf(k.req) {
		return redact.Personal(k.req)
	}
	text, isText := k.req.([]byte)
	switch {
	case isText && k.format == XML:
		var raw jsontext.Value
		if _, err := k.core.xml.Unmarshal(text, &raw); err == nil {
			text = raw
		}
	case !isText:
		text, _ = wire.Marshal(k.req) // it was encoded before
	}
	var v any
	if err := wire.UnmarshalStrict(text, &v); err != nil {
		return []string{string(text)}
	}
	return leaves(nil, v)
}

// leaves collects the texts in a value read from JSON.
func leaves(out []string, v any) []string {
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, item := range v {
			out = leaves(out, item)
		}
	case map[string]any:
		for _, item := range v {
			out = leaves(out, item)
		}
	}
	return out
}

// secrets are what no error may show.
func (k *oneCall) secrets() []string {
	return []string{k.core.secret, k.core.session, k.legacy.Token, k.legacy.PartnerKey, k.sign}
}

// plainCause drops from the error of a transport what names the URL, which holds
// the signature and the session.
func (k *oneCall) plainCause(err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	text := err.Error()
	clean := text
	for _, s := range k.secrets() {
		if len(s) > 1 {
			clean = strings.ReplaceAll(strings.ReplaceAll(clean, s, redact.Mask), url.QueryEscape(s), redact.Mask)
		}
	}
	if clean == text {
		return err
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", clean, known)
		}
	}
	return errors.New(clean)
}

// watch runs one attempt between the hooks.
func (k *oneCall) watch(ctx context.Context, n int) error {
	k.attempts = n
	hooks := k.core.hooks
	if len(hooks) == 0 {
		return k.run.Attempt(ctx)
	}
	a := jushuitan.Attempt{
		Op: k.method.Name, Path: k.method.Name, Merchant: k.customer, Effect: k.method.Effect, N: n, Sent: len(k.body),
	}
	if k.form != nil {
		a.Sent = len(encode(k.form))
	}
	for _, h := range hooks {
		if h.Before != nil {
			h.Before(ctx, a)
		}
	}
	k.seen = seen{}
	begin := time.Now()
	err := k.run.Attempt(ctx)
	a.Took = time.Since(begin)
	a.Waited, a.Received, a.HTTPStatus = k.seen.waited, k.seen.received, k.seen.status
	if e, ok := errors.AsType[*Error](err); ok {
		a.Err, a.RequestID, a.Outcome = e, e.RequestID, e.Outcome
		a.Code, _ = strconv.ParseInt(e.Code, 10, 64)
	}
	for _, h := range hooks {
		if h.After != nil {
			h.After(ctx, a)
		}
	}
	return err
}
