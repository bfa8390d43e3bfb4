package xmlwire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// Unmarshal decodes a document into one or more values, which must be pointers, and returns
// the name of its root element. If there are several, they must point to structs: each
// member of the root goes to the first that knows it, and unknown members go to the last
// that keeps unknown ones. What the values held before is overwritten. The error is a
// [*wire.FieldError] or a [*SyntaxError].
func (c *Codec) Unmarshal(data []byte, into ...any) (root string, err error) {
	return c.unmarshal(data, into, true)
}

// unmarshal implements [Codec.Unmarshal]; without plain, the tokenizer reads everything.
func (c *Codec) unmarshal(data []byte, into []any, plain bool) (root string, err error) {
	d := &decoder{Codec: c, limits: c.Limits.withDefaults(), plain: plain}
	if len(data) > d.limits.Bytes {
		return "", &SyntaxError{Reason: fmt.Sprintf("document longer than %d bytes", d.limits.Bytes)}
	}
	at, charset := Prolog(data)
	if !ReadableCharset(charset) {
		return "", &SyntaxError{Offset: int64(at), Reason: "a charset other than UTF-8 is declared"}
	}
	d.source, d.passed = source{data: data, at: at}, int64(at)
	d.xml = xml.NewDecoder(&d.source)

	scopes := make([]scope, len(into))
	for i, v := range into {
		ptr := reflect.ValueOf(v)
		if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
			return "", fmt.Errorf("xmlwire: want a pointer, got %T", v)
		}
		p, err := c.planOf(ptr.Type().Elem())
		if err != nil {
			return "", err
		}
		if p.kind != structKind && len(into) > 1 {
			return "", fmt.Errorf("xmlwire: want a pointer to a struct, got %T", v)
		}
		ptr.Elem().SetZero()
		scopes[i] = scope{value: ptr.Elem(), plan: p, node: p.node}
	}
	start, err := d.prolog()
	if err != nil {
		return "", err
	}
	switch {
	case len(scopes) == 0:
		err = d.skip()
	case scopes[0].plan.kind == structKind:
		err = d.members(scopes)
	default:
		err = d.value(scopes[0].plan, scopes[0].value)
	}
	if err == nil {
		err = d.epilog()
	}
	return start.Name.Local, plainError(err)
}

// unfit is the error of a value that its field cannot hold, but that can be kept as JSON.
type unfit struct {
	*wire.FieldError
	raw []byte
}

// plainError returns the error for callers.
func plainError(err error) error {
	if u, ok := err.(*unfit); ok { //nolint:errorlint // ours, never wrapped on its way
		return u.FieldError
	}
	return err
}

// decoder is the state of decoding one document.
type decoder struct {
	*Codec
	source source
	xml    *xml.Decoder // of the source
	plain  bool         // plain elements are read without the tokenizer
	passed int64        // bytes of the source that bypassed the tokenizer
	limits Limits
	tokens int
	items  int
	open   []xml.Name // the enclosing elements
	text   []byte     // of the current element
	ended  bool       // the source is exhausted
}

// scope is a value whose members are being decoded.
type scope struct {
	value reflect.Value // a struct
	plan  *plan
	node  *node
	guess int
	seen  [2]uint64 // fields that are not lists, by index
}

// again reports whether a field was decoded before.
func (s *scope) again(index int) bool {
	if index >= 64*len(s.seen) {
		return false
	}
	word, bit := &s.seen[index/64], uint64(1)<<(index%64)
	was := *word&bit != 0
	*word |= bit
	return was
}

func (d *decoder) bad(format string, args ...any) error {
	return &SyntaxError{Offset: d.offset(), Reason: fmt.Sprintf(format, args...)}
}

// token returns the next start, end or text; everything else in XML is skipped or refused
// here.
func (d *decoder) token() (xml.Token, error) {
	for {
		t, err := d.xml.RawToken()
		if err != nil {
			return nil, d.broken(err)
		}
		if d.tokens++; d.tokens > d.limits.Tokens {
			return nil, d.bad("more than %d elements and texts", d.limits.Tokens)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(d.open) == d.limits.Depth {
				return nil, d.bad("elements nested deeper than %d", d.limits.Depth)
			}
			d.open = append(d.open, t.Name)
			return t, nil
		case xml.EndElement:
			last := len(d.open) - 1
			if last < 0 || d.open[last] != t.Name {
				return nil, d.bad("an element is closed that is not the last one opened")
			}
			d.open = d.open[:last]
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			return nil, d.bad("a document type or other directive is not accepted")
		case xml.ProcInst:
			return nil, d.bad("a processing instruction is not accepted")
		}
	}
}

// broken converts the tokenizer's error to ours, since its text may quote the document.
func (d *decoder) broken(err error) error {
	e := &SyntaxError{Offset: d.offset(), Reason: "not well-formed XML"}
	syntax := &xml.SyntaxError{}
	switch {
	case errors.As(err, &syntax):
		switch {
		case strings.HasSuffix(syntax.Msg, "EOF"):
			e.Reason, e.Truncated = "XML cut off", true
		case strings.Contains(syntax.Msg, "UTF-8"):
			e.Reason = "text that is not UTF-8"
		case strings.Contains(syntax.Msg, "entity"):
			e.Reason = "an entity that XML does not have"
		case strings.Contains(syntax.Msg, "character code"):
			e.Reason = "a character that XML does not allow"
		}
	case errors.Is(err, io.EOF):
		d.ended = true
		e.Reason, e.Truncated = "XML cut off", true
	}
	return e
}

// prolog reads everything before the root element.
func (d *decoder) prolog() (xml.StartElement, error) {
	for {
		t, err := d.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if !blank(t) {
				return xml.StartElement{}, d.bad("text before the root element")
			}
		}
	}
}

// epilog checks that nothing follows the root element.
func (d *decoder) epilog() error {
	for {
		t, err := d.token()
		switch t := t.(type) {
		case xml.StartElement:
			return d.bad("a second root element")
		case xml.CharData:
			if !blank(t) {
				return d.bad("text after the root element")
			}
			continue
		}
		if err == nil || d.ended { // the document ends here, as it should
			return nil
		}
		return err
	}
}

func blank(b []byte) bool {
	for _, c := range b {
		if c > ' ' {
			return false
		}
	}
	return true
}

// members decodes the members of the current element into structs, up to its end.
func (d *decoder) members(scopes []scope) error {
	var text []byte
	empty := true
	for {
		if name, ok := d.plainStart(&scopes[0]); ok {
			if err := d.member(scopes, name); err != nil {
				return err
			}
			empty = false
			continue
		}
		if text == nil && d.plainEnd() {
			return nil
		}
		t, err := d.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if text == nil {
				return nil
			}
			return d.stray(&scopes[0], text, empty)
		case xml.CharData:
			if !blank(t) {
				text = append(text, t...)
			}
		case xml.StartElement:
			if err := d.member(scopes, t.Name.Local); err != nil {
				return err
			}
			empty = false
		}
	}
}

// stray handles text where members are expected: it is the entry of a list of texts, or kept
// beside the members, or the value of the whole element.
func (d *decoder) stray(s *scope, text []byte, empty bool) error {
	if list := s.node.texts(); list != nil && empty {
		v := s.value.Field(list.index)
		v.Set(reflect.Append(v, reflect.ValueOf(string(text)).Convert(v.Type().Elem())))
		return nil
	}
	raw, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return err
	}
	if at := s.plan.node.extra; !empty && at >= 0 {
		return d.store(s.value.Field(at), textMember, raw)
	}
	if empty && isNull(text) {
		return nil
	}
	return &unfit{&wire.FieldError{Want: "object", Got: textOf(text)}, raw}
}

func isNull(text []byte) bool { return string(bytes.TrimSpace(text)) == "null" }

// member decodes one element into the first struct that knows it.
func (d *decoder) member(scopes []scope, name string) error {
	for i := range scopes {
		s := &scopes[i]
		n := s.node.child(name, &s.guess)
		if n == nil && s.node.only != nil { // an entry of a list under a different name, or the members of a single entry
			if n = s.node.only; n.holds(name) {
				return d.single(s, n.field, scopes[i:i+1], name)
			}
		}
		if n == nil {
			continue
		}
		if n.field != nil {
			return d.field(n.field, s, name)
		}
		inner := [1]scope{{value: s.value, plan: s.plan, node: n}}
		return under(plainError(d.members(inner[:])), name, -1)
	}
	for i := len(scopes) - 1; i >= 0; i-- {
		if at := scopes[i].plan.node.extra; at >= 0 {
			return d.keep(scopes[i].value.Field(at), name)
		}
	}
	return d.skip()
}

// single begins the entry of a list whose members stand in the element of the list itself,
// and decodes the first of them; the others follow in the same scope.
func (d *decoder) single(s *scope, f *field, scopes []scope, name string) error {
	v := s.value.Field(f.index)
	entry, err := d.entry(v)
	if err != nil {
		return err
	}
	*s = scope{value: entry, plan: f.plan.elem, node: f.plan.elem.node}
	return d.member(scopes, name)
}

// entry appends an entry to a list.
func (d *decoder) entry(list reflect.Value) (reflect.Value, error) {
	if d.items++; d.items > d.limits.Items {
		return reflect.Value{}, d.bad("more than %d list entries", d.limits.Items)
	}
	n := list.Len()
	if n == list.Cap() {
		list.Grow(1)
	}
	list.SetLen(n + 1)
	return list.Index(n), nil
}

// kept keeps a value that its field cannot hold among the unknown members of the owner, as
// long as nothing depends on it.
func (d *decoder) kept(err error, owner *scope, name string) error {
	u, ok := err.(*unfit) //nolint:errorlint // ours, never wrapped on its way
	if !ok {
		return err
	}
	at := owner.plan.node.extra
	if at < 0 {
		return u.FieldError
	}
	return d.store(owner.value.Field(at), name, u.raw)
}

// field decodes the current element into a field; for a list it adds an entry. Of several
// elements for one value the first counts, and the others are kept under name[1].
func (d *decoder) field(f *field, owner *scope, name string) error {
	v := owner.value.Field(f.index)
	if f.plan.kind != listKind && owner.again(f.index) { // only one of them fits
		return d.keepAgain(owner, name)
	}
	if f.pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	err, n := error(nil), -1
	switch {
	case f.plan.kind != listKind:
		err = d.value(f.plan, v)
	case f.plan.elem.kind == textKind:
		return under(d.textEntries(v), name, v.Len())
	default:
		n = v.Len()
		e, bad := d.entry(v)
		if bad != nil {
			return bad
		}
		err = d.value(f.plan.elem, e)
	}
	if err == nil {
		return nil
	}
	u, ok := err.(*unfit) //nolint:errorlint // ours, never wrapped on its way
	switch {
	case !ok:
	case f.vital || f.plan.isVital():
		err = u.FieldError
	default:
		if n >= 0 {
			v.SetLen(n)
		} else if f.pointer {
			owner.value.Field(f.index).SetZero()
		}
		return d.kept(err, owner, name)
	}
	return under(err, name, n)
}

// keepAgain keeps the current element, of which there was one before, unless it is empty. What
// cannot be kept is an error.
func (d *decoder) keepAgain(owner *scope, name string) error {
	raw, err := d.raw(nil)
	if err != nil || string(raw) == `""` {
		return err
	}
	if owner.plan.node.extra < 0 {
		return &wire.FieldError{Path: name, Want: "one value", Got: "another"}
	}
	return d.store(owner.value.Field(owner.plan.node.extra), name+again, raw)
}

// textEntries decodes the current element into entries of a list of texts: its text, or the
// text of each element in it.
func (d *decoder) textEntries(list reflect.Value) error {
	add := func(text []byte) error {
		e, err := d.entry(list)
		if err == nil {
			e.SetString(string(text))
		}
		return err
	}
	if text, ok := d.plainText(); ok {
		return add(text)
	}
	var text []byte
	nested := false
	for {
		t, err := d.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if nested && blank(text) {
				return nil
			}
			return add(text)
		case xml.CharData:
			text = append(text, t...)
		case xml.StartElement:
			nested = true
			inner, err := d.chars(textKind)
			if err == nil {
				err = add(inner)
			}
			if err != nil {
				return err
			}
		}
	}
}

// under prefixes an error's path with the name of an element.
func under(err error, name string, index int) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*wire.FieldError) //nolint:errorlint // ours, never wrapped on its way
	if !ok {
		return err
	}
	if index >= 0 {
		name = fmt.Sprintf("%s[%d]", name, index)
	}
	if e.Path != "" {
		name += "." + e.Path
	}
	e.Path = name
	return e
}

// value decodes the current element, up to its end.
func (d *decoder) value(p *plan, v reflect.Value) error { //nolint:gocyclo // one case for each kind
	switch p.kind {
	case structKind:
		scopes := [1]scope{{value: v, plan: p, node: p.node}}
		return d.members(scopes[:])
	case mapKind:
		return d.entries(p, v)
	case rawKind:
		raw, err := d.raw(nil)
		if err != nil {
			return err
		}
		v.SetBytes(raw)
		return nil
	case listKind: // a document whose root is a list: its members are the entries
		return &wire.FieldError{Want: "object", Got: "list"}
	}
	text, err := d.chars(p.kind)
	if err != nil {
		return err
	}
	switch p.kind {
	case textKind:
		v.SetString(string(text))
	case intKind:
		n, err := wire.ParseInt(text)
		if err != nil {
			return err
		}
		if v.OverflowInt(n) {
			return &wire.FieldError{Want: want(p.kind), Got: textOf(text)}
		}
		v.SetInt(n)
	case boolKind:
		b, err := wire.ParseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case decimalKind:
		x, err := wire.ParseDecimal(text)
		if err != nil {
			return err
		}
		*v.Addr().Interface().(*decimal.Decimal) = x
	case timeKind, dateKind:
		x, err := wire.ParseTime(string(text))
		if err != nil {
			return err
		}
		*v.Addr().Interface().(*time.Time) = x
	}
	return nil
}

func want(k kind) string {
	switch k {
	case intKind:
		return "integer"
	case boolKind:
		return "true or false"
	case decimalKind:
		return "number"
	case timeKind, dateKind:
		return "time"
	default:
		return "text"
	}
}

func textOf(b []byte) string { return fmt.Sprintf("text of %d characters", utf8.RuneCount(b)) }

// chars returns the text of the current element, valid until the next.
func (d *decoder) chars(k kind) ([]byte, error) {
	if text, ok := d.plainText(); ok {
		return text, nil
	}
	d.text = d.text[:0]
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return d.text, nil
		case xml.CharData:
			d.text = append(d.text, t...)
		case xml.StartElement:
			return nil, &wire.FieldError{Want: want(k), Got: "object"}
		}
	}
}

// entries decodes the members of the current element into a map. Some systems put the map
// as JSON there, which is decoded as well; anything that is no such map is kept raw.
func (d *decoder) entries(p *plan, v reflect.Value) error {
	raw, err := d.raw(nil)
	if err != nil {
		return err
	}
	m, ok := mapOf(p, raw)
	if !ok {
		return &unfit{&wire.FieldError{Want: "object", Got: "other members"}, raw}
	}
	out := reflect.MakeMapWithSize(v.Type(), len(m))
	for name, text := range m {
		e := reflect.New(v.Type().Elem()).Elem()
		if p.elem.kind == rawKind {
			e.SetBytes(text)
		} else {
			e.SetString(string(text))
		}
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
	}
	v.Set(out)
	return nil
}

// mapOf returns the entries of a map: as JSON if its values are raw, otherwise as texts. It
// returns false if the value is no object, or has members that are not texts.
func mapOf(p *plan, raw jsontext.Value) (map[string][]byte, bool) {
	if raw.Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, raw)
		switch {
		case err != nil:
			return nil, false
		case blank(text), isNull(text):
			return nil, true
		}
		if raw = jsontext.Value(bytes.TrimSpace(text)); !raw.IsValid() {
			return nil, false
		}
	}
	var members map[string]jsontext.Value
	if raw.Kind() != '{' || wire.Unmarshal(raw, &members) != nil {
		return nil, false
	}
	out := make(map[string][]byte, len(members))
	for name, v := range members {
		if p.elem.kind == rawKind {
			out[name] = v
			continue
		}
		var text string
		if k := v.Kind(); k == '{' || k == '[' || k == 'n' || wire.Unmarshal(v, &text) != nil {
			return nil, false
		}
		out[name] = []byte(text)
	}
	return out, true
}

// keep stores an unknown element as JSON in the map for unknown members. A repeated element
// becomes an array.
func (d *decoder) keep(m reflect.Value, name string) error {
	raw, err := d.raw(nil)
	if err != nil {
		return err
	}
	return d.store(m, name, raw)
}

// store adds JSON to the map for unknown members.
func (d *decoder) store(m reflect.Value, name string, raw []byte) error {
	if d.items++; d.items > d.limits.Items {
		return d.bad("more than %d list entries", d.limits.Items)
	}
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	key := reflect.ValueOf(name)
	if before := m.MapIndex(key); before.IsValid() {
		b := before.Bytes()
		if len(b) > 0 && b[0] == '[' { // a single element is never an array
			raw = append(append(b[:len(b)-1], ','), raw...)
		} else {
			raw = append(append(append([]byte{'['}, b...), ','), raw...)
		}
		raw = append(raw, ']')
	}
	m.SetMapIndex(key, reflect.ValueOf(raw).Convert(m.Type().Elem()))
	return nil
}

// again ends the names under which further elements for a single value are kept.
const again = "[1]"

// textMember is the name for the text beside the elements of a mixed element.
const textMember = "#text"

// group holds the members that share a name.
type group struct {
	name   string
	values []byte // JSON, comma separated
	n      int
}

// appendObject appends the members as one JSON object.
func appendObject(dst []byte, groups []group) (_ []byte, err error) {
	dst = append(dst, '{')
	for i, g := range groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = jsontext.AppendQuote(dst, g.name); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if g.n > 1 {
			dst = append(append(append(dst, '['), g.values...), ']')
		} else {
			dst = append(dst, g.values...)
		}
	}
	return append(dst, '}'), nil
}

// raw appends the current element as JSON: its text, or an object of its members, in which
// members that share a name are an array.
func (d *decoder) raw(dst []byte) ([]byte, error) {
	var groups []group
	var byName map[string]int
	var text []byte
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			if len(groups) == 0 || !blank(t) {
				text = append(text, t...)
			}
		case xml.StartElement:
			at, found := byName[t.Name.Local]
			if !found {
				if byName == nil {
					byName = map[string]int{}
				}
				at = len(groups)
				byName[t.Name.Local] = at
				groups = append(groups, group{name: t.Name.Local})
			}
			g := &groups[at]
			if g.n++; g.n > 1 {
				g.values = append(g.values, ',')
			}
			values, err := d.raw(g.values)
			if err != nil {
				return nil, err
			}
			groups[at].values = values
		case xml.EndElement:
			if len(groups) == 0 {
				return jsontext.AppendQuote(dst, text)
			}
			if !blank(text) {
				quoted, err := jsontext.AppendQuote(nil, text)
				if err != nil {
					return nil, err
				}
				groups = append(groups, group{name: textMember, values: quoted, n: 1})
			}
			return appendObject(dst, groups)
		}
	}
}

// skip skips the current element.
func (d *decoder) skip() error {
	for depth := len(d.open); len(d.open) >= depth; {
		if _, err := d.token(); err != nil {
			return err
		}
	}
	return nil
}
