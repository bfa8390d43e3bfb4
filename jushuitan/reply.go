package jushuitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// noReply is the payload of an operation that answers nothing but its code.
type noReply struct{}

// call sends req and reads the payload of the answer.
func call[T any](ctx context.Context, c *Client, op *Operation, req any) (*T, error) {
	k, err := c.newCall(op, c.pathOf(op), req)
	if err != nil {
		return nil, err
	}
	if err := k.check(req); err != nil {
		return nil, err
	}
	out, err := exchange[T](ctx, k)
	if err != nil {
		return nil, err
	}
	if f, ok := any(out).(interface{ failures() []RowError }); ok {
		if failed := f.failures(); len(failed) > 0 {
			for i := range failed {
				failed[i].Err = k.refusedRow(failed[i].Err.Error())
			}
			return out, &BatchError{Op: op.Name(), Merchant: c.merchant, Failed: failed}
		}
	}
	return out, nil
}

// exchange runs a prepared call and reads the payload of its answer, which is
// empty in a dry run.
func exchange[T any](ctx context.Context, k *oneCall) (*T, error) {
	out := new(T)
	k.into = func(body []byte) (f *failure) {
		if out, f = decodeReply[T](k.op, body); f == nil {
			k.drift(body, reflect.TypeFor[T]())
		}
		return f
	}
	return out, k.do(ctx)
}

// callRaw sends biz and returns the data member of the answer as it is.
func callRaw(ctx context.Context, c *Client, op *Operation, biz any) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.callInto(ctx, op, c.pathOf(op), biz, &out)
	return out, err
}

// CallOption changes one [Client.Call].
type CallOption func(*Operation)

// AsRead says that the call changes nothing, so that it may be repeated.
func AsRead() CallOption { return func(op *Operation) { op.Effect = Read } }

// AsKeyed says that a repeat of the call changes nothing more. Where [Operations]
// has the path as [Keyed] already, biz must name its keys all the same.
func AsKeyed() CallOption { return func(op *Operation) { op.Effect = Keyed } }

// Call sends biz to any path, for endpoints that have no method yet, and reads
// the data member of the answer into out (tolerantly; nil drops it, a
// *json.RawMessage takes it as it is). A path that is not in [Operations] counts
// as [Unsafe] unless an option says otherwise; one that is [Keyed] there is sent
// again after a lost answer only if every document in biz names its key.
func (c *Client) Call(ctx context.Context, path string, biz, out any, opts ...CallOption) error {
	op := Operation{Path: path}
	if known := operationAt(path); known != nil {
		op = *known
	}
	for _, opt := range opts {
		opt(&op)
	}
	return c.callInto(ctx, &op, path, biz, out)
}

func (c *Client) callInto(ctx context.Context, op *Operation, path string, biz, out any) error {
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("jushuitan: Call %s: out must be a pointer, not %T", path, out)
	}
	k, err := c.newCall(op, path, biz)
	if err != nil {
		return err
	}
	k.into = func(body []byte) *failure {
		env, f := parseEnvelope(body)
		if f != nil || out == nil {
			return f
		}
		if raw, ok := out.(*json.RawMessage); ok {
			var text []byte = env.data // the two names are one type from Go 1.27 on
			*raw = text
			return nil
		}
		if len(env.data) == 0 {
			return nil
		}
		if err := wire.Unmarshal(env.data, out); err != nil {
			return unreadable(err, "data")
		}
		return nil
	}
	return k.do(ctx)
}

// reply is the usual answer, read in one pass.
type reply[T any] struct {
	Code       jsontext.Value `json:"code"`
	Msg        jsontext.Value `json:"msg"`
	IsSuccess  jsontext.Value `json:"issuccess"`
	RequestID  jsontext.Value `json:"request_id"`
	RequestID2 jsontext.Value `json:"requestId"`
	Data       *T             `json:"data"`
}

// decodeReply reads an answer of the documented form in one strict pass, and any
// other with the tolerance that sources ask for.
func decodeReply[T any](op *Operation, body []byte) (*T, *failure) {
	if out := decodeDocumented[T](op, body); out != nil {
		return checked(out)
	}
	env, f := parseEnvelope(body)
	if f != nil {
		return nil, f
	}
	if op.falseIsFailure && (string(env.data) == "false" || string(env.data) == `"false"`) {
		return nil, env.refused(ErrInvalid)
	}
	out := new(T)
	payload, path := locate(env, op, body)
	if len(payload) == 0 || payload.Kind() == 'n' {
		if env.failed || op.nullIsFailure {
			return nil, env.refused(ErrInvalid)
		}
		return checked(out)
	}
	if _, none := any(out).(*noReply); !none {
		if err := wire.Unmarshal(payload, out); err != nil {
			return nil, unreadable(err, path)
		}
	}
	if env.failed {
		// Rows say for themselves which of them failed.
		if c, ok := any(out).(interface{ rowCount() int }); !ok || c.rowCount() == 0 {
			return nil, env.refused(ErrInvalid)
		}
	}
	return checked(out)
}

// decodeDocumented reads an answer of the documented form; nil is any other.
func decodeDocumented[T any](op *Operation, body []byte) *T {
	if op.payload != "data" {
		return nil
	}
	var r reply[T]
	if wire.UnmarshalStrict(body, &r) != nil || string(r.Code) != "0" || r.Data == nil || !plainFlag(r.IsSuccess) {
		return nil
	}
	if c, ok := any(r.Data).(interface{ rowCount() int }); ok && c.rowCount() == 0 {
		return nil
	}
	return r.Data
}

// checked looks at the verdict that some answers carry inside code 0.
func checked[T any](out *T) (*T, *failure) {
	if v, ok := any(out).(interface {
		verdict() (ok bool, code int64, msg string)
	}); ok {
		if ok, code, msg := v.verdict(); !ok {
			return nil, (&envelope{code: code, msg: msg}).refused(ErrInvalid)
		}
	}
	return out, nil
}

// plainFlag reports whether issuccess does not say no.
func plainFlag(v jsontext.Value) bool {
	var ok bool
	return len(v) == 0 || v.Kind() == 'n' || wire.Unmarshal(v, &ok) != nil || ok
}

// envelope is what every answer has.
type envelope struct {
	code      int64
	msg       string
	requestID string
	failed    bool // code 0, but issuccess says no
	data      jsontext.Value
}

// refused is the failure that an envelope tells of; without a class, its code names
// it, see [classify].
func (v *envelope) refused(class error) *failure {
	f := &failure{Outcome: Rejected, Class: class, Msg: v.msg, RequestID: v.requestID}
	if v.code != 0 {
		f.Code = strconv.FormatInt(v.code, 10)
	}
	return f
}

// readEnvelope reads an envelope if body is one.
func readEnvelope(body []byte) (envelope, bool) {
	var r struct {
		reply[jsontext.Value]
		Message jsontext.Value `json:"message"`
	}
	if wire.UnmarshalStrict(body, &r) != nil || len(r.Code) == 0 {
		return envelope{}, false
	}
	env := envelope{failed: !plainFlag(r.IsSuccess)}
	if wire.Unmarshal(r.Code, &env.code) != nil {
		return envelope{}, false
	}
	text := func(dst *string, vs ...jsontext.Value) {
		for _, v := range vs {
			if *dst == "" && len(v) > 0 {
				_ = wire.Unmarshal(v, dst)
			}
		}
	}
	text(&env.msg, r.Msg, r.Message)
	text(&env.requestID, r.RequestID, r.RequestID2)
	if r.Data != nil {
		env.data = *r.Data
	}
	if env.requestID == "" && env.data.Kind() == '{' {
		var in struct {
			A jsontext.Value `json:"request_id"`
			B jsontext.Value `json:"requestId"`
		}
		if wire.UnmarshalStrict(env.data, &in) == nil {
			text(&env.requestID, in.A, in.B)
		}
	}
	return env, true
}

// parseEnvelope is readEnvelope with the reason when it fails, or when the code
// is not 0.
func parseEnvelope(body []byte) (envelope, *failure) {
	env, ok := readEnvelope(body)
	if ok {
		if env.code != 0 {
			return env, env.refused(nil)
		}
		return env, nil
	}
	f := &failure{Outcome: Unknown, Class: ErrUnavailable, Retry: true}
	text := trimmed(body)
	var syntax *wire.SyntaxError
	err := wire.UnmarshalStrict(body, new(jsontext.Value))
	switch {
	case len(text) == 0:
		f.Cause = errors.New("the answer is empty")
	case text[0] == '<':
		f.Cause = errors.New("the answer is a page (HTML or XML), not JSON: something between here and the API answered")
	case errors.As(err, &syntax):
		f.Cause = err
		if !syntax.Truncated {
			f.Class, f.Retry = ErrDecode, false
		}
	default:
		f.Class, f.Retry = ErrDecode, false
		f.Cause = errors.New("the answer is JSON without a code")
	}
	return env, f
}

func trimmed(b []byte) []byte {
	for len(b) > 0 && (b[0] <= ' ' || b[0] == 0xef || b[0] == 0xbb || b[0] == 0xbf) {
		b = b[1:]
	}
	return b
}

// unreadable is the error of an accepted call whose answer cannot be read.
func unreadable(err error, at string) *failure {
	var field *wire.FieldError
	if errors.As(err, &field) && at != "" {
		sep := "."
		if field.Path == "" || field.Path[0] == '[' {
			sep = ""
		}
		err = &wire.FieldError{Path: at + sep + field.Path, Want: field.Want, Got: field.Got}
	}
	return &failure{Outcome: Applied, Class: ErrDecode, Cause: err}
}

// locate finds the payload. The documented place comes first; since sources
// disagree about the nesting (data, data.data or the root), the member that
// holds the rows is looked for in the other places too, and a bare array stands
// for the rows.
func locate(env envelope, op *Operation, body []byte) (payload jsontext.Value, path string) {
	inner := member(env.data, "data")
	type place struct {
		value jsontext.Value
		path  string
	}
	root, data, deep := place{body, ""}, place{env.data, "data"}, place{inner, "data.data"}
	var order []place
	switch op.payload {
	case "":
		order = []place{root, data, deep}
	case "data.data":
		order = []place{deep, data, root}
	default:
		order = []place{data, deep, root}
	}
	if op.rows == "" {
		for _, p := range order[:2] {
			if p.value.Kind() == '{' {
				return p.value, p.path
			}
		}
		return order[0].value, order[0].path
	}
	for _, p := range order {
		if v := member(p.value, op.rows); v.Kind() == '[' {
			return p.value, p.path
		}
	}
	for _, p := range []place{data, deep} {
		if p.value.Kind() == '[' {
			wrapped := append(jsontext.Value(`{"`+op.rows+`":`), p.value...)
			return append(wrapped, '}'), ""
		}
	}
	if v := member(order[0].value, op.rows); op.BatchMax > 0 && v.Kind() == '{' { // one row, not in a list
		wrapped := append(jsontext.Value(`{"`+op.rows+`":[`), v...)
		return append(wrapped, "]}"...), order[0].path
	}
	return order[0].value, order[0].path // no rows anywhere
}

// member is the value of a member of an object, or nothing.
func member(obj jsontext.Value, name string) jsontext.Value {
	if obj.Kind() != '{' {
		return nil
	}
	var m map[string]jsontext.Value
	if jsonv2.Unmarshal(obj, &m, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return m[name]
}
