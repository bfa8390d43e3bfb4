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

// Unmarshal reads a document into one or more values, pointers, and returns the name
// of its root element. With more than one, which must be structs, each member of
// the root goes to the first that knows it, and unknown ones to the last that
// keeps such. What the values held before is lost. The error is a
// [*wire.FieldError] or a [*SyntaxError].
func (c *Codec) Unmarshal(data []byte, into ...any) (root string, err error) {
	return c.unmarshal(data, into, true)
}

// unmarshal is [Codec.Unmarshal]; what is plain may be left to the tokenizer as well.
func (c *Codec) unmarshal(data []byte, into []any, plain bool) (root string, err error) {
	d := &decoder{Codec: c, limits: c.Limits.withDefaults(), plain: plain}
	if len(data) > d.limits.Bytes {
		return "", &SyntaxError{Reason: fmt.Sprintf("document longer than %d bytes", d.limits.Bytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d.source = source{data: data}
	d.xml = xml.NewDecoder(&d.source)
	d.xml.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errCharset }

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
	return start.Name.Local, err
}

var errCharset = errors.New("charset")

// decoder is one reading of a document.
type decoder struct {
	*Codec
	source source
	xml    *xml.Decoder // of the source
	plain  bool         // plain elements are read without the tokenizer
	passed int64        // the bytes of the source that the tokenizer has not seen
	limits Limits
	tokens int
	items  int
	open   []xml.Name // the elements around the place
	text   []byte     // of the current element
	ended  bool       // no byte is left
}

// scope is a value whose members are being read.
type scope struct {
	value reflect.Value // a struct
	plan  *plan
	node  *node
	guess int
}

func (d *decoder) bad(format string, args ...any) error {
	return &SyntaxError{Offset: d.offset(), Reason: fmt.Sprintf(format, args...)}
}

// token is the next start, end or text; what else XML has is passed over or
// refused here.
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
			if t.Target != "xml" || d.tokens > 1 {
				return nil, d.bad("a processing instruction is not accepted")
			}
		}
	}
}

// broken makes our error of the tokenizer's, whose words may show the document's.
func (d *decoder) broken(err error) error {
	e := &SyntaxError{Offset: d.offset(), Reason: "not well-formed XML"}
	syntax := &xml.SyntaxError{}
	switch {
	case errors.Is(err, errCharset):
		e.Reason = "a charset other than UTF-8 is declared"
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

// prolog reads up to the root element.
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

// epilog reads what follows the root element: nothing.
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
		if err == nil || d.ended { // the end of the document, where it belongs
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

// members reads the members of the current element into structs, to its end.
func (d *decoder) members(scopes []scope) error {
	for {
		if name, ok := d.plainStart(); ok {
			if err := d.member(scopes, name); err != nil {
				return err
			}
			continue
		}
		t, err := d.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.CharData:
			if !blank(t) {
				return &wire.FieldError{Want: "object", Got: textOf(t)}
			}
		case xml.StartElement:
			if err := d.member(scopes, t.Name.Local); err != nil {
				return err
			}
		}
	}
}

// member reads one element into the first struct that knows it.
func (d *decoder) member(scopes []scope, name string) error {
	for i := range scopes {
		s := &scopes[i]
		n := s.node.child(name, &s.guess)
		if n == nil {
			n = s.node.only // an entry of a list under another name
		}
		if n == nil {
			continue
		}
		if n.field != nil {
			return d.field(n.field, s.value, name)
		}
		inner := [1]scope{{value: s.value, plan: s.plan, node: n}}
		return under(d.members(inner[:]), name, -1)
	}
	for i := len(scopes) - 1; i >= 0; i-- {
		if at := scopes[i].plan.node.extra; at >= 0 {
			return d.keep(scopes[i].value.Field(at), name)
		}
	}
	return d.skip()
}

// field reads the current element into a field; one of a list adds an entry.
func (d *decoder) field(f *field, owner reflect.Value, name string) error {
	v := owner.Field(f.index)
	if f.pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if f.plan.kind != listKind {
		return under(d.value(f.plan, v), name, -1)
	}
	if d.items++; d.items > d.limits.Items {
		return d.bad("more than %d list entries", d.limits.Items)
	}
	n := v.Len()
	if n == v.Cap() {
		v.Grow(1)
	}
	v.SetLen(n + 1)
	return under(d.value(f.plan.elem, v.Index(n)), name, n)
}

// under puts the name of an element before an error's path.
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

// value reads the current element, to its end.
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

// entries reads the members of the current element into a map. Some systems put
// the JSON of the map there, which is read as well.
func (d *decoder) entries(p *plan, v reflect.Value) error {
	m := reflect.MakeMap(v.Type())
	d.text = d.text[:0]
	for {
		t, err := d.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if blank(d.text) {
				v.Set(m)
				return nil
			}
			if m.Len() > 0 || wire.Unmarshal(d.text, v.Addr().Interface()) != nil {
				return &wire.FieldError{Want: "object", Got: textOf(d.text)}
			}
			return nil
		case xml.CharData:
			if m.Len() == 0 || !blank(t) {
				d.text = append(d.text, t...)
			}
		case xml.StartElement:
			if !blank(d.text) {
				return &wire.FieldError{Want: "object", Got: textOf(d.text)}
			}
			e := reflect.New(v.Type().Elem()).Elem()
			if err := d.value(p.elem, e); err != nil {
				return err // without the entry's name, which anyone may have chosen
			}
			m.SetMapIndex(reflect.ValueOf(t.Name.Local).Convert(v.Type().Key()), e)
			d.text = d.text[:0]
		}
	}
}

// keep puts an unknown element, as JSON, in the map that is for them. One that
// repeats becomes an array.
func (d *decoder) keep(m reflect.Value, name string) error {
	if d.items++; d.items > d.limits.Items {
		return d.bad("more than %d list entries", d.limits.Items)
	}
	raw, err := d.raw(nil)
	if err != nil {
		return err
	}
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	key := reflect.ValueOf(name)
	if before := m.MapIndex(key); before.IsValid() {
		b := before.Bytes()
		if len(b) > 0 && b[0] == '[' { // an element alone is never an array
			raw = append(append(b[:len(b)-1], ','), raw...)
		} else {
			raw = append(append(append([]byte{'['}, b...), ','), raw...)
		}
		raw = append(raw, ']')
	}
	m.SetMapIndex(key, reflect.ValueOf(raw).Convert(m.Type().Elem()))
	return nil
}

// textMember is the name of the text beside the elements of a mixed element.
const textMember = "#text"

// group is the members of one name.
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

// raw appends the current element as JSON: its text, or an object of its members,
// in which members of one name are an array.
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

// skip passes over the current element.
func (d *decoder) skip() error {
	for depth := len(d.open); len(d.open) >= depth; {
		if _, err := d.token(); err != nil {
			return err
		}
	}
	return nil
}
