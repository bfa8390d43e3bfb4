package wire

import (
	"bytes"
	jsonv1 "encoding/json"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// object is the state of an object being decoded.
type object struct {
	plan    *plan
	value   any                             // a pointer to the struct
	members func(name []byte) (bool, error) // see [Reader.Into]
	shape   *shape
	root    bool    // it is the value that Into decodes
	traces  []trace // see [Reader.tracesOf]
	last    int     // last field decoded, -1 at first
	have    seenFields
	located []any // the fields of value, once one of them is read
}

// pointer returns a pointer to a field of an object.
func (r *Reader) pointer(o *object, i int) any {
	if o.located == nil {
		from := len(r.located)
		r.located = o.plan.locate(o.value, r.located)
		o.located = r.located[from:]
	}
	return o.located[i]
}

// trace records what followed a field in the previous object of a type, and what its value
// was, as the next object often has the same. The first trace of an object belongs to its
// beginning, the others to its fields.
type trace struct {
	next   int    // the field that came next, counted from 1; 0: none
	text   string // the text of the field
	misses int    // how often in succession the text was another one
	length int    // the number of elements of the field, a list
}

// maxMisses is the number of different texts in succession after which a field is no longer
// expected to repeat its text.
const maxMisses = 4

// traced holds the traces of the objects of a type.
type traced struct {
	plan   *plan
	traces []trace
}

// owner is the nearest enclosing object that keeps unknown members.
type owner struct {
	value any   // a pointer to the struct
	plan  *plan // of the struct
	depth int   // of its path
}

// seenFields records the fields of an object that were decoded.
type seenFields [4]uint64

func (s *seenFields) has(i int) bool { return i < 256 && s[i>>6]>>(i&63)&1 != 0 }

func (s *seenFields) add(i int) {
	if i < 256 {
		s[i>>6] |= 1 << (i & 63)
	}
}

func (s *seenFields) remove(i int) { s[i>>6] &^= 1 << (i & 63) }

// object decodes the next object.
func (r *Reader) object(o *object) error {
	if err := r.open(); err != nil {
		return err
	}
	depth, outer, located := len(r.path), r.owner, len(r.located)
	r.path = append(r.path, step{plan: o.plan, field: -1, index: -1})
	if o.plan.extra != nil {
		r.owner = owner{o.value, o.plan, depth}
	}
	if o.root {
		r.whose, r.said = o.plan, seenFields{}
	}
	o.traces, o.last = r.tracesOf(o.plan), -1
	err := r.objectMembers(o, depth)
	r.owner, r.located = outer, r.located[:located]
	if err != nil {
		return err
	}
	for _, i := range o.plan.needs {
		if !o.have.has(i) {
			r.path[depth].field = i
			return r.fieldError(&badValue{kindName(o.plan.fields[i].plan.typ), nothing})
		}
	}
	r.path = r.path[:depth]
	return nil
}

// objectMembers decodes the members of an object.
func (r *Reader) objectMembers(o *object, depth int) error {
	for first := true; ; first = false {
		if o.traces != nil && !o.root {
			if err := r.run(o, &first); err != nil {
				return err
			}
		}
		more, err := r.more(first, '}')
		if err != nil || !more {
			return err
		}
		if err := r.member(o, depth); err != nil {
			return err
		}
	}
}

// run decodes members as long as they follow each other as in the previous object of the
// type, without white space.
func (r *Reader) run(o *object, first *bool) error {
	for {
		i := o.traces[o.last+1].next - 1
		if i < 0 {
			return nil
		}
		l := &o.plan.lanes[i]
		token := l.token
		if *first {
			token = token[1:] // the comma
		}
		to := r.at + len(token)
		if to >= len(r.data) || string(r.data[r.at:to]) != token {
			return nil
		}
		r.at = to
		*first, o.last = false, i
		if o.have.has(i) || !r.plain(o, i, l) {
			if err := r.field(o, i, r.peek()); err != nil {
				return err
			}
			continue
		}
		o.have.add(i)
	}
}

// plain decodes the next value if it is a plain one of its field's documented kind, and
// reports whether it did.
func (r *Reader) plain(o *object, i int, l *lane) bool {
	switch l.kind {
	case textKind:
		return r.data[r.at] == '"' && (o.shape == nil || !l.known) && r.plainText(o, i)
	case intKind, decimalKind:
		return r.plainNumber(o, i, o.shape != nil, l.text)
	case timeKind:
		return r.plainTime(o, i)
	case flagKind:
		return r.plainFlag(o, i)
	}
	return false
}

func (r *Reader) plainText(o *object, i int) bool {
	d, from := r.data, r.at+1
	to, how := textEnd(d, from, 0)
	if to >= len(d) || d[to] != '"' || how != 0 && !utf8.Valid(d[from:to]) {
		return false
	}
	s, ok := r.pointer(o, i).(*string)
	if !ok {
		return false
	}
	r.at = to + 1
	t := &o.traces[i+1]
	if t.text == string(d[from:to]) {
		*s, t.misses = t.text, 0
		return true
	}
	*s = r.string(d[from:to])
	if t.misses < maxMisses {
		t.misses++
		t.text = *s
	}
	return true
}

// plainNumber is [Reader.plain] for numbers, which may be text unless notes are taken: then
// only as documented.
func (r *Reader) plainNumber(o *object, i int, noted, text bool) bool {
	at, quoted := r.at, r.data[r.at] == '"'
	if quoted {
		at++
	}
	n, scale, end, ok := plainNumber(r.data, at)
	if !ok || quoted && (end >= len(r.data) || r.data[end] != '"') || noted && quoted != text {
		return false
	}
	if quoted {
		end++
	}
	switch v := r.pointer(o, i).(type) {
	case *int64:
		if scale != 0 {
			return false
		}
		*v = n
	case *decimal.Decimal:
		*v = r.decimal(n, scale)
	default:
		return false
	}
	r.at = end
	return true
}

func (r *Reader) plainTime(o *object, i int) bool {
	from := r.at + 1
	to := from + len(TimeLayout)
	if r.data[r.at] != '"' || to >= len(r.data) || r.data[to] != '"' {
		return false
	}
	t, ok := fixedTime(r.data[from:to])
	if !ok {
		return false
	}
	v, ok := r.pointer(o, i).(*time.Time)
	if ok {
		*v = t
		r.at = to + 1
	}
	return ok
}

func (r *Reader) plainFlag(o *object, i int) bool {
	word := ""
	switch r.data[r.at] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	default:
		return false
	}
	to := r.at + len(word)
	if to > len(r.data) || string(r.data[r.at:to]) != word {
		return false
	}
	v, ok := r.pointer(o, i).(*bool)
	if ok {
		*v = word == "true"
		r.at = to
	}
	return ok
}

// member reads a member of an object: its name, and its value through the caller's function
// or by the plan.
func (r *Reader) member(o *object, depth int) error {
	p := o.plan
	name, err := r.memberName()
	if err != nil {
		return err
	}
	i := p.find(name)
	if i >= 0 && o.traces != nil {
		o.traces[o.last+1].next = i + 1
	}
	c := r.peek()
	if o.members != nil {
		r.path[depth].field, r.path[depth].name = -1, name
		if done, err := o.members(name); done || err != nil {
			return err
		}
	}
	if i >= 0 {
		o.last = i
		return r.field(o, i, c)
	}
	if i = p.findFolded(name); i < 0 || o.have.has(i) {
		return r.unknown(p, name, o.shape)
	}
	r.noteName(o.shape, name, DriftName)
	return r.field(o, i, c)
}

// tracesOf returns the traces of the objects of a type, nil for its first object.
func (r *Reader) tracesOf(p *plan) []trace {
	for i := range r.traced {
		if t := &r.traced[i]; t.plan == p {
			if t.traces == nil {
				t.traces = make([]trace, len(p.fields)+1)
			}
			return t.traces
		}
	}
	r.traced = append(r.traced, traced{plan: p})
	return nil
}

// memberName reads the name of a member and the colon.
func (r *Reader) memberName() ([]byte, error) {
	name, how, err := r.name()
	if err == nil && how != 0 {
		name = r.unquote(name, how)
	}
	return name, err
}

// isNothing reports whether the value at the beginning of text is null, a blank string or
// the word null in one.
func isNothing(text []byte) bool {
	if len(text) == 0 || text[0] == 'n' {
		return true
	}
	if text[0] != '"' {
		return false
	}
	i := 1
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	if bytes.HasPrefix(text[i:], []byte("null")) {
		i += len("null")
	}
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	return i < len(text) && text[i] == '"'
}

// field decodes the value of a field; c is its first byte.
func (r *Reader) field(o *object, i int, c byte) error {
	f := &o.plan.fields[i]
	r.path[len(r.path)-1].field = i
	v := r.pointer(o, i)
	if o.have.has(i) {
		setZero(v) // the last duplicate counts
		o.have.remove(i)
		if o.root {
			r.said.remove(i)
		}
	}
	if blank := isNothing(r.data[r.at:]); !f.must || !blank {
		o.have.add(i)
		if o.root && !blank {
			r.said.add(i)
		}
	}
	start, s := r.at, o.shape.field(o.plan, i)
	var err error
	if f.plan.kind == listKind && c == '[' {
		err = r.listField(o, i, v, s)
	} else {
		err = r.value(f.plan, v, c, s)
	}
	if bad, ok := err.(*badValue); ok { //nolint:errorlint // ours, never wrapped on its way
		return r.unread(bad, f, v, start, s)
	}
	return err
}

// listField decodes a field that is a list.
func (r *Reader) listField(o *object, i int, v any, s *shape) error {
	f := &o.plan.fields[i]
	rows := o.root && f.name == r.Rows
	r.Listed = r.Listed || rows
	length := 0
	if o.traces == nil {
		return r.list(f.plan, v, s, rows, &length)
	}
	return r.list(f.plan, v, s, rows, &o.traces[i+1].length)
}

// unknown keeps or discards a member that the type does not have.
func (r *Reader) unknown(p *plan, name []byte, s *shape) error {
	r.path[len(r.path)-1].field, r.path[len(r.path)-1].name = -1, nil
	r.noteName(s, name, DriftUnknown)
	raw, err := r.raw()
	if err != nil || p.extra == nil {
		return err
	}
	if r.kept++; r.MaxUnknown > 0 && r.kept > r.MaxUnknown {
		return &TooManyError{Max: r.MaxUnknown, Unknown: true}
	}
	return r.keep(string(name), r.copied(raw))
}

// unread keeps a value that cannot be decoded, unless it is vital.
func (r *Reader) unread(bad *badValue, f *field, v any, start int, s *shape) error {
	if !r.Keep || f.vital || r.owner.plan == nil {
		return r.fieldError(bad)
	}
	setZero(v)
	r.note(s, unreadNoted, DriftUnread)
	return r.keep(pathText(r.path[r.owner.depth:], false), r.copied(r.data[start:r.at]))
}

// setZero sets what v points to to its zero value.
func setZero(v any) { reflect.ValueOf(v).Elem().SetZero() }

// maxMembers limits the unknown members of an object, and the entries of a map. An object
// with more is hostile: a map of millions costs a cache miss for each of them, and several
// times the memory of the text. The object is undecodable as a whole, so that nothing of it
// is dropped silently.
const maxMembers = 20_000

const tooMany = "at most 20000 unknown members"

// keep stores a value in the map of unknown members of the owner.
func (r *Reader) keep(name string, raw []byte) error {
	o := &r.owner
	extra := reflect.ValueOf(o.value).Elem().FieldByIndex(o.plan.extra)
	m, ok := extra.Addr().Interface().(*map[string]jsonv1.RawMessage)
	switch {
	case !ok:
		if err := r.convert(extra, name, raw); err != nil {
			return err
		}
	case *m == nil:
		*m = map[string]jsonv1.RawMessage{name: raw}
	default:
		(*m)[name] = raw
	}
	if extra.Len() > maxMembers {
		return &FieldError{Path: pathText(r.path[:o.depth], false), Want: tooMany, Got: "more"}
	}
	return nil
}

// convert stores a value in a map of unknown members whose values are not raw.
func (r *Reader) convert(extra reflect.Value, name string, raw []byte) error {
	if extra.IsNil() {
		extra.Set(reflect.MakeMap(extra.Type()))
	}
	v, inner := reflect.New(r.owner.plan.keeps.typ), NewReader(raw)
	inner.path = append(append(inner.path, r.path[:r.owner.depth]...), step{field: -1, name: []byte(name), index: -1})
	if err := inner.Into(v.Interface(), nil); err != nil {
		return err
	}
	extra.SetMapIndex(reflect.ValueOf(name).Convert(extra.Type().Key()), v.Elem())
	return nil
}
