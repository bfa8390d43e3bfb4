package qimen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// message is one message on its way through the mux.
type message struct {
	env   Envelope
	in    inbound
	form  bool   // the members of the document are parameters
	sign  string // verified
	route *muxRoute
}

// ServeHTTP verifies a message, has it handled and answers it.
func (m *Mux) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	msg := &message{env: Envelope{RemoteAddr: req.RemoteAddr}, in: inbound{params: map[string]string{}, signed: map[string]string{}}}
	var text []byte
	err := m.in.Guard(func() (err error) {
		text, err = m.receive(w, req, msg)
		return err
	})
	if msg.env.AnswerFormat == "" {
		msg.env.AnswerFormat = answerFormat(req, &msg.in)
	}
	if err != nil {
		m.report(req.Context(), msg.env, err)
		if text == nil {
			text = m.failed(msg.env.AnswerFormat, failureOf(err))
		}
	}
	contentType := "text/xml;charset=utf-8"
	if msg.env.AnswerFormat == JSON {
		contentType = "application/json;charset=utf-8"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
}

// report tells the hook the reason of a failure.
func (m *Mux) report(ctx context.Context, env Envelope, err error) {
	if m.cfg.OnError == nil {
		return
	}
	what := "message"
	if env.Method != "" {
		what = fmt.Sprintf("%q", env.Method)
	}
	if env.CustomerID != "" {
		what += fmt.Sprintf(" customer %q", env.CustomerID)
	}
	m.cfg.OnError(ctx, env, fmt.Errorf("qimen: mux: %s: %w", what, err))
}

// answerFormat is the format that a sender reads.
func answerFormat(req *http.Request, in *inbound) Format {
	switch f := Format(strings.ToLower(in.params["format"])); f {
	case JSON, XML:
		return f
	}
	switch text := trimBOM(in.body); {
	case len(text) > 0 && text[0] == '{':
		return JSON
	case len(text) > 0 && text[0] == '<':
		return XML
	}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind == "application/json" || kind == formType {
		return JSON
	}
	return XML
}

const formType = "application/x-www-form-urlencoded"

// trimBOM drops blanks and a byte order mark before a text.
func trimBOM(body []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// receive does all but write: it returns the text of the answer, or the error that is
// answered; with a text of its own, both.
func (m *Mux) receive(w http.ResponseWriter, req *http.Request, msg *message) ([]byte, error) {
	ctx := req.Context()
	if err := m.read(w, req, msg); err != nil {
		return nil, err
	}
	if err := m.trust(ctx, msg); err != nil {
		return nil, err
	}
	msg.env.AnswerFormat = answerFormat(req, &msg.in)
	if err := m.resolve(ctx, msg); err != nil {
		return nil, err
	}
	return m.handle(ctx, msg)
}

// read reads parameters, headers and body.
func (m *Mux) read(w http.ResponseWriter, req *http.Request, msg *message) error {
	if err := m.in.FromSource(m.in.Source(req)); err != nil {
		return illegal(err)
	}
	in := &msg.in
	if err := in.readParams(req.URL.RawQuery, "query"); err != nil {
		return illegal(fmt.Errorf("%w: %w", jushuitan.ErrRequest, err))
	}
	if req.Method != http.MethodPost {
		return illegal(fmt.Errorf("%w: not a POST", jushuitan.ErrRequest))
	}
	if coding := req.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return illegal(fmt.Errorf("%w: the body is encoded", jushuitan.ErrRequest))
	}
	if err := in.readHeaders(req.Header); err != nil {
		return illegal(fmt.Errorf("%w: %w", jushuitan.ErrRequest, err))
	}
	body, err := m.readBody(w, req)
	if err != nil {
		return err
	}
	msg.env.Raw = body
	kind, params, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return illegal(fmt.Errorf("%w: its charset is not UTF-8", jushuitan.ErrRequest))
	}
	if kind == formType {
		msg.form = true
		if err := in.readParams(string(body), "form"); err != nil {
			return illegal(fmt.Errorf("%w: %w", jushuitan.ErrRequest, err))
		}
		return nil
	}
	in.body = body
	return nil
}

// readBody reads the body up to the limit.
func (m *Mux) readBody(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	body, err := m.in.Body(w, req, m.in.MaxBody())
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, jushuitan.ErrTooLarge):
		return nil, refuse("41", "Invalid arguments: the body is too large", err)
	}
	w.Header().Set("Connection", "close") // the rest of the body is still to come
	return nil, illegal(err)
}

// trust checks signature and time stamp.
func (m *Mux) trust(ctx context.Context, msg *message) error {
	in, env := &msg.in, &msg.env
	env.AppKey = first(in.params["target_appkey"], in.params["app_key"])
	env.SourceAppKey, env.RequestID = in.params["source_appkey"], in.params["request_id"]
	env.Method = in.params["method"]
	if method := methodAt(env.Method); method != nil {
		env.Method = method.Name
	}
	if in.params["sign"] == "" {
		return illegal(fmt.Errorf("%w: there is none", ErrSignature))
	}
	secrets, err := m.cfg.Secrets(ctx, env.AppKey)
	if err != nil {
		return again(fmt.Errorf("secrets of the app: %w", err))
	}
	if msg.sign, err = in.verify(secrets, func(s SignMethod) bool { return slices.Contains(m.cfg.SignMethods, s) }); err != nil {
		return illegal(fmt.Errorf("%w: %w", ErrSignature, err))
	}
	return m.checkTime(msg)
}

// checkTime holds the time stamp against the clock.
func (m *Mux) checkTime(msg *message) error {
	stamp, err := time.ParseInLocation(wire.TimeLayout, msg.in.params["timestamp"], wire.CST)
	switch {
	case err == nil:
		msg.env.Timestamp = stamp
	case msg.in.params["timestamp"] != "":
		return illegal(fmt.Errorf("%w: it is not a time", jushuitan.ErrWindow))
	}
	if err := m.in.InTime(msg.env.Timestamp); err != nil {
		return illegal(err)
	}
	return nil
}

// resolve finds merchant and handler of a message that is the gateway's.
func (m *Mux) resolve(ctx context.Context, msg *message) error {
	in, env := &msg.in, &msg.env
	switch v := in.params["v"]; v {
	case "", "1.0", "2.0", "3.0": // cloud messages have none
	default:
		return refuse("41", "Invalid arguments: v", fmt.Errorf("%w: v is neither 1.0, 2.0 nor 3.0", ErrArgument))
	}
	if in.params["method"] == "" {
		return refuse("21", "Missing method", fmt.Errorf("%w: there is no method", ErrArgument))
	}
	id, err := in.customer()
	if err != nil {
		return refuse("41", "Invalid arguments: customerId", fmt.Errorf("%w: %w", ErrArgument, err))
	}
	if id == "" {
		return refuse("40", "Missing required arguments: customerId", fmt.Errorf("%w: there is no customerId", ErrArgument))
	}
	env.CustomerID = id
	m.mu.RLock()
	msg.route = m.routes[shortName(env.Method)]
	m.mu.RUnlock()
	if msg.route == nil {
		return refuse("22", "Invalid method", ErrMethod)
	}
	merchant, err := m.cfg.Merchant(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("merchant of the customer: %w", err)
	case merchant == "":
		return refuse("41", "Invalid arguments: customerId", ErrCustomer)
	}
	env.Merchant = merchant
	return nil
}

// handle reads the document and runs the handler, once.
func (m *Mux) handle(ctx context.Context, msg *message) ([]byte, error) {
	env := msg.env
	var req any
	if msg.route.newReq != nil {
		req = msg.route.newReq()
		if err := m.decode(msg, req); err != nil {
			return nil, refuse("41", "Invalid arguments: "+err.Error(), fmt.Errorf("%w: %w", jushuitan.ErrDecode, err))
		}
	}
	key := m.keyOf(msg, req)
	var text []byte
	ran := false
	err := m.in.Once(ctx, env, key, func(ctx context.Context) (err error) {
		ran = true
		text, err = m.run(ctx, env, msg.route, req, key)
		return err
	})
	switch {
	case !ran && err != nil: // ErrBusy or ErrDedupe
		return text, again(err)
	case ran:
		return text, err
	}
	return m.repeated(ctx, env, msg.route, req, key)
}

// run calls the handler and writes its answer, which is kept for repeats.
func (m *Mux) run(ctx context.Context, env Envelope, route *muxRoute, req any, key string) ([]byte, error) {
	resp, err := m.call(ctx, env, req, route.handle)
	if err != nil {
		if own, ok := errors.AsType[*Failure](err); ok && own != nil && resp != nil {
			if text, encodeErr := m.encode(env.AnswerFormat, false, failureOf(err), resp); encodeErr == nil {
				return text, err
			}
		}
		return nil, err
	}
	success := Failure{Code: successCode(route.method), Message: "ok"}
	text, err := m.encode(env.AnswerFormat, true, success, resp)
	if err != nil {
		return nil, err
	}
	if key != "" {
		m.keep(env, req, key, success, resp, text)
		m.turn(ctx, env, req)
	}
	return text, nil
}

// repeated answers a message that was done before.
func (m *Mux) repeated(ctx context.Context, env Envelope, route *muxRoute, req any, key string) ([]byte, error) {
	if text := m.answers.get(key, env.AnswerFormat); text != nil {
		return text, nil
	}
	m.mu.RLock()
	look := m.repeats[route.method]
	m.mu.RUnlock()
	success := Failure{Code: successCode(route.method), Message: "message repeated"}
	if look == nil || req == nil {
		return m.encode(env.AnswerFormat, true, success, nil)
	}
	success.Message = "ok"
	resp, err := m.call(ctx, env, req, look)
	if err != nil {
		return nil, err
	}
	return m.encode(env.AnswerFormat, true, success, resp)
}

func (m *Mux) call(ctx context.Context, env Envelope, req any, f handlerFunc) (resp any, err error) {
	err = m.in.Guard(func() (err error) {
		resp, err = f(ctx, env, req)
		return err
	})
	return resp, err
}
