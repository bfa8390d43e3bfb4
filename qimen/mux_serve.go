package qimen

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// message is a message in progress.
type message struct {
	env         Envelope
	in          inbound
	form        bool // the parameters are the document
	contentType string
	sign        string // verified
	route       *muxRoute
}

// ServeHTTP verifies, handles and answers a message.
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
	if msg.env.AnswerFormat.isJSON() {
		contentType = "application/json;charset=utf-8"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
}

// report passes the reason of a failure to OnError.
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

// answerFormat returns the format that the sender expects.
func answerFormat(req *http.Request, in *inbound) Format {
	if f := Format(strings.ToLower(in.params["format"])); f.Known() {
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

// receive does everything but write: it returns the text of the answer, the error to
// answer, or both.
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
		return illegal(fmt.Errorf("%w: unsupported Content-Encoding", jushuitan.ErrRequest))
	}
	if err := in.readHeaders(req.Header); err != nil {
		return illegal(fmt.Errorf("%w: %w", jushuitan.ErrRequest, err))
	}
	body, err := m.readBody(w, req)
	if err != nil {
		return err
	}
	msg.env.Raw = body
	msg.contentType = req.Header.Get("Content-Type")
	kind, _, _ := mime.ParseMediaType(msg.contentType)
	if !xmlwire.ReadableCharset(charsetOf(msg.contentType)) {
		return illegal(fmt.Errorf("%w: the charset is neither UTF-8 nor GBK", jushuitan.ErrRequest))
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
	w.Header().Set("Connection", "close") // the rest of the body is unread
	return nil, illegal(err)
}

// trust verifies signature and time stamp.
func (m *Mux) trust(ctx context.Context, msg *message) error {
	in, env := &msg.in, &msg.env
	env.AppKey = first(in.params["target_appkey"], in.params["app_key"])
	env.SourceAppKey, env.RequestID = in.params["source_appkey"], in.params["request_id"]
	env.Method = in.params["method"]
	if method := methodAt(env.Method); method != nil {
		env.Method = method.Name
	}
	if in.params["sign"] == "" {
		return illegal(fmt.Errorf("%w: missing", ErrSignature))
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

// checkTime compares the time stamp with the clock.
func (m *Mux) checkTime(msg *message) error {
	stamp, err := time.ParseInLocation(wire.TimeLayout, msg.in.params["timestamp"], wire.CST)
	switch {
	case err == nil:
		msg.env.Timestamp = stamp
	case msg.in.params["timestamp"] != "":
		return illegal(fmt.Errorf("%w: invalid time stamp", jushuitan.ErrWindow))
	}
	if err := m.in.InTime(msg.env.Timestamp); err != nil {
		return illegal(err)
	}
	return nil
}

// resolve finds the merchant and the handler of a verified message.
func (m *Mux) resolve(ctx context.Context, msg *message) error {
	in, env := &msg.in, &msg.env
	if in.params["method"] == "" {
		return refuse("21", "Missing method", fmt.Errorf("%w: no method", ErrArgument))
	}
	id, err := in.customer()
	if err != nil {
		return refuse("41", "Invalid arguments: customerId", fmt.Errorf("%w: %w", ErrArgument, err))
	}
	if id == "" {
		return refuse("40", "Missing required arguments: customerId", fmt.Errorf("%w: no customerId", ErrArgument))
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

// handle decodes the document and runs the handler unless the message is a duplicate.
func (m *Mux) handle(ctx context.Context, msg *message) ([]byte, error) {
	env := msg.env
	var req any
	if msg.route.newReq != nil {
		req = msg.route.newReq()
		if err := m.decode(msg, req); err != nil {
			return nil, refuse("41", "Invalid arguments: "+err.Error(), fmt.Errorf("%w: %w", jushuitan.ErrDecode, err))
		}
	}
	key, err := m.keyOf(ctx, msg, req)
	if err != nil {
		return nil, again(err)
	}
	var text []byte
	ran := false
	err = m.in.Once(ctx, env, key.claim, func(ctx context.Context) error {
		// An earlier version claims the document and not its content.
		fresh, err := m.in.Guarded(ctx, env, key.before, func(ctx context.Context) (err error) {
			ran = true
			text, err = m.run(ctx, env, msg.route, req, key)
			return err
		})
		if err == nil && !fresh {
			return errBefore
		}
		return err
	})
	switch {
	case errors.Is(err, errBefore), err == nil && !ran:
		return m.repeated(ctx, env, msg.route, req, key.claim)
	case !ran: // ErrBusy or ErrDedupe
		return text, again(err)
	}
	return text, err
}

// run calls the handler and encodes its answer, which is kept for duplicates.
func (m *Mux) run(ctx context.Context, env Envelope, route *muxRoute, req any, key messageKey) ([]byte, error) {
	codes := numbers(req) // before the call, since the function may change the message
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
	m.note(ctx, env, codes)
	if key.claim != "" {
		m.keep(env, req, key.claim, success, resp, text)
		m.turn(ctx, env, req)
	}
	return text, nil
}

// repeated answers a duplicate.
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
