package qimen

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Call calls a method by name, even one that has no Go method. The request is a struct
// or a map. For a form call its members are the parameters (objects and lists are sent
// as JSON text); otherwise it is the document, in XML with the root element request. A
// []byte is sent as the document unchanged. The members of the answer other than flag,
// code and message are decoded into the value that into points to; nil discards them. A
// [encoding/json.RawMessage] receives the whole answer as JSON.
//
// A POS method is called by the name that is given, with or without the prefix qimen.; see
// [Config].POSPrefix. A method that is not listed in [Methods] is called by the rule of its name
// (taobao.qimen.* with a document, all others with a form). Such a call, and a write
// whose request is not of the method's type, is not retried once the server may have
// received it.
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
			return (&oneCall{Client: c, method: m}).invalid("into must be a pointer, not %T", into)
		}
	}
	k, err := c.newCall(m, req)
	if err != nil {
		return err
	}
	if laneOf(m) == lanePOS {
		k.name = method
	}
	k.into = into
	return k.do(ctx)
}

// call sends req and decodes the answer.
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

// oneCall is a call with all its attempts.
type oneCall struct {
	*Client
	method     *Method
	name       string // of the method, on the wire
	req        any
	route      *route
	gateway    string
	form       map[string]string // business parameters of a form call
	body       []byte            // document of any other call, encoded once: the signed bytes are the sent bytes
	format     Format
	repeatable bool // a retry after a lost answer is harmless
	into       any  // nil: only the head of the answer is decoded

	run           engine.Call[jushuitan.Outcome] // runs the attempts
	sign          string                         // of the last attempt
	contentTypeOf string                         // of the last answer
}

// failure is the reason of a failed attempt, as the engine defines it; it becomes an
// [Error].
type failure = engine.Failure[jushuitan.Outcome]

// rules are the gateway's rules for judging answers.
var rules = &engine.Rules{
	Classes: engine.Classes{
		Invalid: jushuitan.ErrInvalid, Permission: jushuitan.ErrPermission, RateLimited: jushuitan.ErrRateLimited,
		Unavailable: jushuitan.ErrUnavailable, TooLarge: jushuitan.ErrDecode,
	},
	LargerHint: "ask for smaller pages or raise WithMaxResponseBytes",
}

// newCall prepares a call: its request is encoded once.
func (c *Client) newCall(m *Method, req any) (*oneCall, error) {
	k := &oneCall{Client: c, method: m, name: m.Name, req: req, route: c.core.routes[laneOf(m)]}
	if laneOf(m) == lanePOS && !c.core.posPrefix {
		k.name = m.ShortName()
	}
	k.format = k.route.Format
	if k.gateway = c.core.gateways[m.Name]; k.gateway == "" {
		k.gateway = k.route.url
	}
	k.repeatable = isRepeatable(m, req)
	if k.routed() && isBlank(c.customer) {
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

// isRepeatable reports whether a call may run twice: it reads, or its request has a key.
func isRepeatable(m *Method, req any) bool {
	switch m.Effect {
	case jushuitan.Read:
		return true
	case jushuitan.Keyed:
		keyed, ok := req.(interface{ IdempotencyKey() string })
		return ok && !isNil(req) && keyed.IdempotencyKey() != ""
	}
	return false
}

// routed reports whether a call has the customer id. The old methods identify the
// merchant by a token instead.
func (k *oneCall) routed() bool {
	return k.route.RoutingParam != "" && !isLegacy(k.method)
}

func isLegacy(m *Method) bool { return strings.HasPrefix(m.Name, "jst.") }

// document encodes the body of a call.
func (k *oneCall) document(req any) (err error) {
	switch raw, ok := req.([]byte); {
	case ok:
		k.body = raw
	case !k.format.isJSON():
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
	if err := wire.Unmarshal(text, &members); err != nil || text[0] != '{' {
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
			return k.invalid("the client sets the parameter %s itself: leave it out", name)
		}
		if !isBlank(value) && !isBlank(name) {
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

// do runs the call: it retries until an attempt succeeds or no further attempt is useful.
func (k *oneCall) do(ctx context.Context) error {
	k.run = engine.Call[jushuitan.Outcome]{
		Engine: &k.core.engine, Service: k, URL: k.gateway, Repeatable: k.repeatable,
		Quota: engine.QuotaOf(k.core.limiter, k.limitKey(k.method)),
	}
	if len(k.core.hooks) > 0 {
		k.run.Hook = engine.Tell(k.core.hooks, k.attempt)
	}
	if k.core.onExchange != nil {
		k.run.OnExchange = k.exchanged
	}
	if f := k.run.Do(ctx); f != nil {
		return k.failed(f)
	}
	return nil
}

// The stages of an attempt that are specific to this service follow in their order;
// package call has the others.

// Sign completes the request of one attempt, with a new time stamp and signature.
func (k *oneCall) Sign(req *http.Request) *failure {
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
		return &failure{Outcome: jushuitan.NotSent, Class: jushuitan.ErrInvalid, Cause: err}
	}
	system["sign"], k.sign = signature, signature

	query, body := encode(system), k.body
	switch {
	case k.method.Body == BodyXML:
	case k.core.allInForm:
		signed["sign"] = signature
		query, body = "", []byte(encode(signed))
	default:
		body = []byte(encode(form))
	}
	target := *req.URL
	target.RawQuery = query
	req.URL = &target
	engine.SetBody(req, k.contentType(), body)
	req.Header.Set("Accept", "application/json, text/xml, application/xml")
	return nil
}

// system returns the system parameters of one attempt, without the signature.
func (k *oneCall) system(now time.Time) map[string]string {
	params := map[string]string{
		"method":      k.name,
		"app_key":     k.core.appKey,
		"timestamp":   now.In(wire.CST).Format(wire.TimeLayout),
		"v":           k.core.version,
		"format":      string(k.format),
		"sign_method": string(k.route.SignMethod),
	}
	// No parameter is blank: verifiers disagree whether a blank one is signed.
	if k.route.TargetAppKey != "" {
		params["target_app_key"] = k.route.TargetAppKey
	}
	if !isBlank(k.core.session) {
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
	case k.format.isJSON():
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

// Answered notes the Content-Type of the answer that is judged next.
func (k *oneCall) Answered(header http.Header) { k.contentTypeOf = header.Get("Content-Type") }

// Judge decodes the answer's head and body.
func (k *oneCall) Judge(_ int, body []byte) *failure {
	_, f := k.core.decode(k.method, k.contentTypeOf, body, k.into)
	return k.banned(f)
}

// banned ends a call at once if the server refuses calls for longer than the retry policy
// waits. The limiter holds back further calls until then.
func (k *oneCall) banned(f *failure) *failure {
	if f != nil && f.Window > k.core.engine.Retry.MaxRetryAfter {
		f.Retry = false
	}
	return f
}

// Refusal decodes the head of an answer with a status other than 2xx.
func (k *oneCall) Refusal(body []byte) *failure {
	head, f := k.core.decode(k.method, k.contentTypeOf, body, nil)
	if f == nil || f.Window == 0 && !head.refuses(k.method) {
		return nil
	}
	return k.banned(f)
}

// Secrets returns the texts that nothing may contain.
func (k *oneCall) Secrets() []string {
	return []string{k.core.secret, k.core.session, k.legacy.Token, k.legacy.PartnerKey, k.sign}
}

// invalid returns the error of a call that is not sent.
func (k *oneCall) invalid(format string, args ...any) error {
	return k.fail(&Error{Outcome: jushuitan.NotSent, class: jushuitan.ErrInvalid, cause: fmt.Errorf(format, args...)})
}

// failed returns the error of a failed call or attempt.
func (k *oneCall) failed(f *failure) *Error {
	e := k.fail(&Error{
		Code: f.Code, SubCode: f.SubCode, Msg: f.Msg, SubMsg: f.SubMsg, RequestID: f.RequestID, HTTPStatus: f.Status,
		Outcome: f.Outcome, class: f.Class, cause: f.Cause,
	})
	e.Attempts = f.Attempts
	if f.Window > 0 {
		e.Until = k.core.now().Add(f.Window)
	}
	return e
}

// fail adds the properties of the call to an error.
func (k *oneCall) fail(e *Error) *Error {
	e.Method, e.Title, e.Customer = k.method.Name, k.method.Title, k.customer
	e.write = k.method.Effect != jushuitan.Read
	return e
}

// Personal returns the texts of the request that no error may contain: those that its
// type marks, or all if the type is not the method's.
func (k *oneCall) Personal() []string {
	if own := k.method.NewRequest(); own != nil && reflect.TypeOf(own) == reflect.TypeOf(k.req) {
		return redact.Personal(k.req)
	}
	text, isText := k.req.([]byte)
	switch {
	case isText && !k.format.isJSON():
		var raw jsontext.Value
		if _, err := k.core.xml.Unmarshal(text, &raw); err == nil {
			text = raw
		}
	case !isText:
		text, _ = wire.Marshal(k.req) // cannot fail: it was encoded before
	}
	var v any
	if err := wire.Unmarshal(text, &v); err != nil {
		return []string{string(text)}
	}
	return leaves(nil, v)
}

// leaves collects the texts in a value decoded from JSON.
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

// exchanged passes an attempt to the host.
func (k *oneCall) exchanged(ctx context.Context, s *engine.Seen[jushuitan.Outcome]) {
	w := s.Wire
	k.core.onExchange(ctx, jushuitan.Exchange{
		Attempt: k.attempt(s), URL: w.URL, Params: w.Params, Request: w.Request, Header: w.Header, Response: w.Response,
	})
}

// attempt returns what hooks receive.
func (k *oneCall) attempt(s *engine.Seen[jushuitan.Outcome]) jushuitan.Attempt {
	a := jushuitan.Attempt{
		Op: k.method.Name, Path: k.method.Name, Merchant: k.customer, Effect: k.method.Effect, N: s.N, Sent: len(k.body),
		Waited: s.Waited, Took: s.Took, Received: s.Received, HTTPStatus: s.Status,
	}
	if k.form != nil {
		a.Sent = len(encode(k.form))
	}
	if r, ok := k.into.(payloadReader); ok && s.Failure == nil {
		a.NullRows = r.nullRows()
	}
	if s.Failure != nil {
		e := k.failed(s.Failure)
		a.Err, a.RequestID, a.Outcome = e, e.RequestID, e.Outcome
		a.Code, _ = strconv.ParseInt(e.Code, 10, 64)
	}
	return a
}
