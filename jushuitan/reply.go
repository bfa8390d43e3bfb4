package jushuitan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// noReply is the payload of an operation whose response has nothing but a code.
type noReply struct{}

// call sends req and decodes the payload of the response.
func call[T any](ctx context.Context, c *Client, op *Operation, req any) (*T, error) {
	out, _, err := callRows[T](ctx, c, op, req)
	return out, err
}

// callRows is [call] and also returns what the response lacks about its pages and rows.
func callRows[T any](ctx context.Context, c *Client, op *Operation, req any) (out *T, heard pages.Heard, err error) {
	k, err := c.newCall(op, c.pathOf(op), req)
	if err != nil {
		return nil, heard, err
	}
	if err := k.check(req); err != nil {
		return nil, heard, err
	}
	out, err = exchange[T](ctx, k)
	if errors.Is(err, ErrOutcomeUnknown) {
		return out, heard, err // what was decoded may help the caller to learn the outcome
	}
	if err != nil {
		return nil, heard, err
	}
	if c.options.seen != nil {
		c.options.seen(k.raw, k.rawSure)
	}
	if err := k.rowFailures(); err != nil {
		return out, heard, err
	}
	if f, ok := any(out).(interface{ failures() []RowError }); ok {
		if failed := f.failures(); len(failed) > 0 {
			for i := range failed {
				failed[i].Err = k.refusedRow(failed[i].Err.Error())
			}
			return out, heard, &BatchError{Op: op.Name(), Merchant: c.merchant, Failed: failed}
		}
	}
	return out, k.heard, k.badRows()
}

// exchange runs a prepared call and decodes the payload of its response, which is empty in a
// dry run.
func exchange[T any](ctx context.Context, k *oneCall) (*T, error) {
	out := new(T)
	k.into = func(body []byte) *failure {
		*out = *new(T)
		return k.decode(body, out)
	}
	return out, k.do(ctx)
}

// decode decodes a response into out, a pointer to its payload.
func (k *oneCall) decode(body []byte, out any) *failure {
	a := k.answer(body)
	if _, none := out.(*noReply); !none {
		a.out = out
	}
	f := k.judge(a)
	if f == nil || f.Outcome != Rejected {
		k.bad, k.nulls = a.r.Bad, a.r.Nulls()
		if k.options.seen != nil {
			k.raw, k.rawSure = elements(a.rowsText()), k.nulls == 0 && (a.r.Listed || a.countsNone())
		}
		if k.op.paged {
			k.heard = a.heard()
		}
		k.notes = a.r.Notes
	}
	k.mangled = a.r.Mangled
	return f
}

// judge determines what a response means, and decodes its payload.
func (k *oneCall) judge(a *answer) *failure {
	k.rows, k.rootRefusal = nil, nil
	f := a.envelope()
	if f != nil && f.Class != nil { // there is no envelope
		return f
	}
	if k.op.Effect != Read && !k.auth {
		return k.judgeWrite(a, f)
	}
	if f == nil {
		f = a.payload()
	}
	return f
}

// callRaw sends biz and returns the data member of the response unchanged.
func callRaw(ctx context.Context, c *Client, op *Operation, biz any) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.callInto(ctx, op, c.pathOf(op), biz, &out)
	return out, err
}

// Call sends biz to any path, for endpoints that have no method yet, and decodes the data
// member of the response into out, as tolerantly as the typed methods do. A nil out discards
// the data; a *json.RawMessage receives it unchanged. A path that is not in [Operations]
// counts as [Unsafe] unless an option states otherwise. One that is [Keyed] there is retried
// after a lost response only if every document in biz contains its key.
func (c *Client) Call(ctx context.Context, path string, biz, out any, opts ...CallOption) error {
	op := Operation{Path: path}
	if known := operationAt(path); known != nil {
		op = *known
	}
	if len(opts) > 0 {
		c = c.With(opts...)
	}
	if e := c.options.effect; e != nil {
		op.Effect = *e
	}
	return c.callInto(ctx, &op, path, biz, out)
}

func (c *Client) callInto(ctx context.Context, op *Operation, path string, biz, out any) error {
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return (&oneCall{Client: c, op: op, path: path}).fail(&Error{
			Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf("out must be a pointer, not %T", out),
		})
	}
	k, err := c.newCall(op, path, biz)
	if err != nil {
		return err
	}
	k.personal = func() []string { return redact.PersonalJSON([]byte(k.biz), personalNames) }
	k.into = func(body []byte) *failure {
		a := k.answer(body)
		f := k.judge(a)
		if f != nil && f.Outcome == Rejected || out == nil || a.data.absent() {
			return f
		}
		r := a.aside(&a.data)
		err := r.Into(out, nil)
		if k.mangled = r.Mangled; err != nil {
			return k.unreadable(f, err)
		}
		return f
	}
	if err := k.do(ctx); err != nil {
		return err
	}
	return k.rowFailures()
}

// unreadable returns the failure of a call whose data cannot be decoded into the caller's
// value; f is what the response states about the call.
func (k *oneCall) unreadable(f *failure, err error) *failure {
	u := unreadable(err)
	if f != nil {
		u.Outcome = f.Outcome
	}
	return u
}

// answer is a response while it is decoded. One pass decodes its envelope and, if it is in
// one of the documented places, its payload.
type answer struct {
	op   *Operation
	body []byte
	r    *wire.Reader
	out  any // the payload, a pointer; nil reads none

	coded     bool // there is a code
	code      int64
	msg       string
	message   string // stands in for msg
	requestID string
	failed    bool // code 0, but issuccess is false

	root, data, deep place

	word string // scratch of [answer.text]

	read  *place // where out was read from, nil: nowhere yet
	found *place // where the payload is
	err   error  // of out
}

// place is a value of an answer that may be the payload.
type place struct {
	at   int
	kind byte // its first byte, 0: it is a number or there is none
	path []string
	row  bool // it is one row
}

// absent reports whether there is no such member.
func (p place) absent() bool { return p.kind == 0 && p.path == nil }

// deepPath is the path of the deepest place; nobody changes it.
var deepPath = [...]string{"data", "data"}

func (k *oneCall) answer(body []byte) *answer {
	r := wire.NewReader(body)
	r.Keep, r.Skip, r.Rows, r.Drift = true, true, k.op.rows, k.core.onDrift != nil
	return &answer{op: k.op, body: body, r: r}
}

// refused returns the failure that an envelope states. If class is nil, [classify] derives it
// from the code.
func (a *answer) refused(class error) *failure {
	f := &failure{Outcome: Rejected, Class: class, Msg: a.msg, RequestID: a.requestID}
	if a.code != 0 {
		f.Code = strconv.FormatInt(a.code, 10)
	}
	return f
}

// envelope reads the response to its end. It returns a failure if there is no envelope, or if
// the code is not 0.
func (a *answer) envelope() *failure {
	a.root = place{at: a.r.Offset(), kind: a.r.Kind()}
	var err error
	switch {
	case a.root.kind != '{':
		_, err = a.r.Raw()
	case a.out != nil && a.op.payload == "":
		a.read = &a.root
		err = a.r.Into(a.out, a.rootMember)
		if field, ok := errors.AsType[*wire.FieldError](err); ok {
			a.err, err = field, nil
		}
	default:
		err = a.r.Members(func(name []byte) error {
			_, err := a.rootMember(name)
			return err
		})
	}
	if err == nil {
		err = a.r.End()
	}
	if err != nil || !a.coded {
		return a.unusable(err)
	}
	a.msg = cmp.Or(a.msg, a.message)
	if a.requestID == "" && a.read != &a.data {
		for _, name := range []string{"request_id", "requestId"} {
			if id := a.member(&a.data, name); id.kind == '"' && a.requestID == "" {
				_ = a.aside(&id).Into(&a.requestID, nil)
			}
		}
	}
	if a.code != 0 {
		return a.refused(nil)
	}
	return nil
}

// rootMember reads a member of the envelope, and the payload where that is documented to
// be in it. It reports whether it read the value.
func (a *answer) rootMember(name []byte) (bool, error) {
	switch string(name) {
	case "code":
		blank := isBlank(a.r.Look()) // a blank code is missing, not 0
		err := a.r.Into(&a.code, nil)
		a.coded = err == nil && !blank
		return true, syntaxOnly(err)
	case "msg":
		return true, a.text(&a.msg)
	case "message":
		if a.message == "" && a.r.Kind() == '"' {
			_ = wire.Unmarshal(a.r.Look(), &a.message)
		}
	case "request_id", "requestId":
		return true, a.text(&a.requestID)
	case "issuccess":
		if isBlank(a.r.Look()) {
			return false, nil
		}
		var ok bool
		err := a.r.Into(&ok, nil)
		a.failed = err == nil && !ok
		return true, syntaxOnly(err)
	case "data":
		a.data = place{at: a.r.Offset(), kind: a.r.Kind(), path: deepPath[:1:1]}
		return a.dataMember()
	}
	return false, nil
}

// dataMember reads the payload if it is documented to be in data, or in data of data.
func (a *answer) dataMember() (bool, error) {
	switch {
	case a.out == nil || a.data.kind != '{':
		return false, nil
	case a.op.payload == "data":
		return true, a.readHere(&a.data)
	case a.op.payload == "data.data":
		return true, a.r.Members(func(name []byte) error {
			if string(name) != "data" {
				return nil
			}
			a.deep = place{at: a.r.Offset(), kind: a.r.Kind(), path: deepPath[:]}
			if a.deep.kind != '{' {
				return nil
			}
			return a.readHere(&a.deep)
		})
	case a.op.rows == "data": // of which data may be the place, and not the rows
		_, err := a.r.Raw()
		return true, err
	}
	return false, nil
}

// readHere reads the next value as the payload.
func (a *answer) readHere(p *place) error {
	a.read = p
	a.err = a.r.Into(a.out, func(name []byte) (bool, error) {
		switch string(name) {
		case "data":
			if p == &a.data {
				a.deep = place{at: a.r.Offset(), kind: a.r.Kind(), path: deepPath[:]}
			}
		case "request_id", "requestId":
			if a.requestID == "" && a.r.Kind() == '"' {
				_ = wire.Unmarshal(a.r.Look(), &a.requestID)
			}
		}
		return false, nil
	})
	return syntaxOnly(a.err)
}

// text reads a string of the envelope into dst unless dst is already set. Values of other
// kinds are ignored.
func (a *answer) text(dst *string) error {
	err := a.r.Into(&a.word, nil)
	if *dst == "" {
		*dst = a.word
	}
	return syntaxOnly(err)
}

// syntaxOnly returns err unless it concerns only the value of a field that is skipped.
func syntaxOnly(err error) error {
	if _, ok := errors.AsType[*wire.FieldError](err); ok {
		return nil
	}
	return err
}

// unusable returns the failure of a response without an envelope. err is the syntax error of
// the text, if there is one.
func (a *answer) unusable(err error) *failure {
	f := &failure{Outcome: Unknown, Class: ErrUnavailable, Retry: true}
	text := bytes.TrimLeftFunc(a.body, func(r rune) bool { return r <= ' ' || r == '\ufeff' })
	syntax, broken := errors.AsType[*wire.SyntaxError](err)
	switch {
	case len(text) == 0:
		f.Cause = errors.New("the answer is empty")
	case text[0] == '<':
		f.Cause = errors.New("the answer is HTML or XML, not JSON: a proxy or gateway answered instead of the API")
	case broken:
		f.Cause = err
		if !syntax.Truncated {
			f.Class, f.Retry = ErrDecode, false
		}
	default:
		f.Class, f.Retry = ErrDecode, false
		f.Cause = errors.New("the answer is JSON without a code")
	}
	return f
}

// unreadable returns the failure of an accepted call whose response cannot be decoded.
func unreadable(err error) *failure {
	return &failure{Outcome: Applied, Class: ErrDecode, Cause: err}
}

// payload reads the payload of a read whose code is 0.
func (a *answer) payload() *failure {
	a.find()
	if err := a.readPayload(); err != nil {
		return unreadable(err)
	}
	if a.objectForRows() {
		return unreadable(&wire.FieldError{Path: a.op.rows, Want: "list of rows", Got: "object"})
	}
	if a.failed && a.rowCount() == 0 { // each row states whether it failed
		return a.refused(ErrInvalid)
	}
	return nil
}

// find finds the payload. The documented place comes first; since sources disagree about
// the nesting (data, data.data or the root), the member that holds the rows is looked for in
// the other places too, and a bare array stands for the rows.
func (a *answer) find() {
	a.found = a.read
	if a.found == nil || a.op.rows != "" && !a.r.Listed || a.nested() {
		a.found = a.locate()
	}
}

// nested reports whether a payload without rows that is documented in data is nested once
// more: data holds an object data and nothing else.
func (a *answer) nested() bool {
	if a.op.rows != "" || a.op.payload != "data" || a.data.kind != '{' {
		return false
	}
	n := 0
	_ = a.aside(&a.data).Members(func([]byte) error { n++; return nil })
	return n == 1 && a.member(&a.data, "data").kind == '{'
}

// objectForRows reports whether the response has an object, neither empty nor a page, in place
// of its list of rows.
func (a *answer) objectForRows() bool {
	if a.op.rows == "" || a.r.Listed || a.found == nil || a.found.row || a.found.kind != '{' {
		return false
	}
	at := a.member(a.found, a.op.rows)
	if at.kind != '{' || isNothing(a.aside(&at).Look()) {
		return false
	}
	for _, name := range []string{a.op.rows, "page_index", "has_next", "data_count", "page"} {
		if a.member(&at, name).kind != 0 {
			return false
		}
	}
	return true
}

// readPayload reads the payload from where it was found, unless it was read already.
func (a *answer) readPayload() error {
	if a.out == nil || a.found == nil || a.found.kind == 0 || a.found.kind == 'n' {
		return nil
	}
	if a.found != a.read {
		a.readAt(a.found)
	}
	return a.err
}

// rowCount returns the number of rows of the payload.
func (a *answer) rowCount() int {
	if c, ok := a.out.(interface{ rowCount() int }); ok {
		return c.rowCount()
	}
	return 0
}

// readAt reads the payload at a place, or only its rows if the place has a list.
func (a *answer) readAt(p *place) {
	a.r.Back(p.at, p.path...)
	if a.op.rows != "" && (p.kind == '[' || p.row) {
		a.err = a.r.IntoRows(a.out)
		return
	}
	a.err = a.r.Into(a.out, nil)
}

// locate finds a payload that is not in its documented place.
func (a *answer) locate() *place {
	if a.deep.kind == 0 {
		a.deep = a.member(&a.data, "data")
	}
	order := a.places()
	if a.nested() {
		a.deep = a.member(&a.data, "data")
		return &a.deep
	}
	if a.op.rows == "" {
		for _, p := range order[:2] {
			if p.kind == '{' {
				return p
			}
		}
		return order[0]
	}
	for _, p := range order {
		if rows := a.member(p, a.op.rows); rows.kind == '[' {
			return p
		}
	}
	for _, p := range []*place{&a.data, &a.deep} {
		if p.kind == '[' {
			return p
		}
	}
	if row := a.member(order[0], a.op.rows); row.kind == '{' && a.op.oneRow() {
		row.row = true
		return &row
	}
	if a.op.rowPayload && !a.member(&a.data, a.op.Key[0]).absent() {
		a.data.row = true
		a.read = nil
		return &a.data
	}
	return order[0] // no rows anywhere
}

// places returns the places where a payload may be, the documented one first.
func (a *answer) places() []*place {
	switch a.op.payload {
	case "":
		return []*place{&a.root, &a.data, &a.deep}
	case "data.data":
		return []*place{&a.deep, &a.data, &a.root}
	}
	return []*place{&a.data, &a.deep, &a.root}
}

// member finds a member of an object.
func (a *answer) member(of *place, name string) (found place) {
	if of.kind != '{' {
		return found
	}
	r := a.aside(of)
	_ = r.Members(func(n []byte) error {
		if string(n) == name {
			found = place{at: r.Offset(), kind: r.Kind(), path: append(slices.Clip(of.path), name)}
		}
		return nil
	})
	return found
}

// aside returns a separate reader that starts at a place.
func (a *answer) aside(p *place) *wire.Reader {
	r := wire.NewReader(a.body)
	r.Back(p.at, p.path...)
	return r
}
