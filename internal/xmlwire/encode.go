package xmlwire

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// Header is the XML declaration at the start of every document.
const Header = `<?xml version="1.0" encoding="utf-8"?>`

// Marshal writes v as a compact document with the given root element. Zero values
// of fields whose json tag has omitzero are left out. JSON (of a raw field, an
// embedded map, or v itself) becomes elements, an array one for each entry.
// Characters that XML cannot represent are omitted. Equal values yield equal bytes.
func (c *Codec) Marshal(root string, v any) ([]byte, error) {
	e := &encoder{Codec: c, buf: make([]byte, 0, c.size.Load()+c.size.Load()/8+512)}
	e.buf = append(e.buf, Header...)
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	if !value.IsValid() || value.Kind() == reflect.Pointer { // nil
		return append(e.buf, "<"+root+"></"+root+">"...), nil
	}
	if value.Kind() == reflect.Map { // of any values: encoded as its JSON
		text, err := wire.Marshal(v)
		if err != nil {
			return nil, err
		}
		value = reflect.ValueOf(jsontext.Value(text))
	}
	p, err := c.planOf(value.Type())
	if err != nil {
		return nil, err
	}
	if err := e.element(newTags(root), p, value); err != nil {
		return nil, err
	}
	c.size.Store(min(int64(len(e.buf)), 1<<20))
	return e.buf, nil
}

type encoder struct {
	*Codec
	buf []byte
}

// element writes one element.
func (e *encoder) element(tags *tags, p *plan, v reflect.Value) error { //nolint:gocyclo // one case for each kind
	if p.kind == rawKind {
		return e.json(tags.name, v.Bytes(), 0)
	}
	e.buf = append(e.buf, tags.open...)
	switch p.kind {
	case textKind:
		e.buf = appendText(e.buf, v.String())
	case intKind:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case boolKind:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case decimalKind:
		e.buf = appendDecimal(e.buf, decimalOf(v))
	case timeKind:
		if t := timeOf(v); !t.IsZero() {
			e.buf = t.In(wire.CST).AppendFormat(e.buf, wire.TimeLayout)
		}
	case dateKind:
		if t := timeOf(v); !t.IsZero() {
			e.buf = t.In(wire.CST).AppendFormat(e.buf, time.DateOnly)
		}
	case mapKind:
		if err := e.entries(p, v); err != nil {
			return err
		}
	case structKind:
		for _, n := range p.node.children {
			if err := e.node(n, v); err != nil {
				return err
			}
		}
		if at := p.node.extra; at >= 0 {
			if err := e.entries(&plan{elem: &plan{kind: rawKind}}, v.Field(at)); err != nil {
				return err
			}
		}
	case listKind:
		return fmt.Errorf("xmlwire: <%s>: a list has no name for its entries", tags.name)
	}
	e.buf = append(e.buf, tags.end...)
	return nil
}

func (e *encoder) start(name string) {
	e.buf = append(append(append(e.buf, '<'), name...), '>')
}

func (e *encoder) end(name string) {
	e.buf = append(append(append(e.buf, '<', '/'), name...), '>')
}

// node writes a field, or the element around several fields unless all are left out.
func (e *encoder) node(n *node, owner reflect.Value) error {
	if n.field == nil {
		if !n.present(owner) {
			return nil
		}
		e.buf = append(e.buf, n.open...)
		for _, c := range n.children {
			if err := e.node(c, owner); err != nil {
				return err
			}
		}
		e.buf = append(e.buf, n.end...)
		return nil
	}
	if !n.present(owner) {
		return nil
	}
	v := owner.Field(n.field.index)
	if n.field.pointer {
		if v.IsNil() {
			e.buf = append(append(e.buf, n.open...), n.end...)
			return nil
		}
		v = v.Elem()
	}
	if n.field.plan.kind != listKind {
		return e.element(n.tags, n.field.plan, v)
	}
	for i := range v.Len() {
		if err := e.element(n.tags, n.field.plan.elem, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// present reports whether any part of a node is written.
func (n *node) present(owner reflect.Value) bool {
	if f := n.field; f != nil {
		return !f.omit || !isZero(f, owner.Field(f.index))
	}
	return slices.ContainsFunc(n.children, func(c *node) bool { return c.present(owner) })
}

// decimalOf and timeOf do not allocate if v is addressable.
func decimalOf(v reflect.Value) decimal.Decimal {
	if v.CanAddr() {
		return *v.Addr().Interface().(*decimal.Decimal)
	}
	return v.Interface().(decimal.Decimal)
}

func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

// appendDecimal appends d as text, with a fast path for the most common quantities.
func appendDecimal(dst []byte, d decimal.Decimal) []byte {
	if d.Exponent() == 0 && d.NumDigits() <= 18 {
		return strconv.AppendInt(dst, d.CoefficientInt64(), 10)
	}
	return append(dst, d.String()...)
}

// isZero follows omitzero in JSON, which calls the IsZero method if there is one.
func isZero(f *field, v reflect.Value) bool {
	if !f.pointer {
		switch f.plan.kind {
		case decimalKind:
			return decimalOf(v).IsZero()
		case timeKind, dateKind:
			return timeOf(v).IsZero()
		}
	}
	return v.IsZero()
}

// entries writes the members of a map, sorted by name.
func (e *encoder) entries(p *plan, v reflect.Value) error {
	names := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		names = append(names, k.String())
	}
	slices.Sort(names)
	for _, name := range names {
		if name == textMember && p.elem.kind == rawKind {
			text, err := jsontext.AppendUnquote(nil, v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key())).Bytes())
			if err != nil {
				return errJSON
			}
			e.buf = appendText(e.buf, string(text))
			continue
		}
		element := strings.TrimSuffix(name, again)
		if !validName(element) {
			return fmt.Errorf("xmlwire: a name of %d characters is no name of an element", utf8.RuneCountInString(name))
		}
		if err := e.element(newTags(element), p.elem, v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key()))); err != nil {
			return err
		}
	}
	return nil
}

// json writes JSON as an element; an array is one element for each entry.
func (e *encoder) json(name string, text jsontext.Value, depth int) error {
	if depth > e.Limits.withDefaults().Depth {
		return fmt.Errorf("xmlwire: JSON nested deeper than %d", e.Limits.withDefaults().Depth)
	}
	switch text.Kind() {
	case '[':
		var items []jsontext.Value
		if err := json.Unmarshal(text, &items); err != nil {
			return errJSON
		}
		for _, item := range items {
			if err := e.json(name, item, depth+1); err != nil {
				return err
			}
		}
		return nil
	case '{':
		return e.object(name, text, depth)
	}
	e.start(name)
	switch text.Kind() {
	case '"':
		s, err := jsontext.AppendUnquote(nil, text)
		if err != nil {
			return errJSON
		}
		e.buf = appendText(e.buf, string(s))
	case '0', 't', 'f':
		e.buf = append(e.buf, strings.TrimSpace(string(text))...)
	case 'n':
	default:
		if len(text) > 0 {
			return errJSON
		}
	}
	e.end(name)
	return nil
}

// object writes a JSON object as an element, with its members sorted by name.
func (e *encoder) object(name string, text jsontext.Value, depth int) error {
	var m map[string]jsontext.Value
	if err := json.Unmarshal(text, &m); err != nil {
		return errJSON
	}
	e.start(name)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == textMember {
			s, err := jsontext.AppendUnquote(nil, m[k])
			if err != nil {
				return errJSON
			}
			e.buf = appendText(e.buf, string(s))
			continue
		}
		if !validName(k) {
			return fmt.Errorf("xmlwire: a name of %d characters is no name of an element", utf8.RuneCountInString(k))
		}
		if err := e.json(k, m[k], depth+1); err != nil {
			return err
		}
	}
	e.end(name)
	return nil
}

var errJSON = fmt.Errorf("xmlwire: a raw value is not JSON")

// validName reports whether every XML reader accepts a name for an element: Latin letters
// and Chinese characters. The editions of XML differ about all others.
func validName(name string) bool {
	for i, r := range name {
		switch {
		case r == '_', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= 0x4e00 && r <= 0x9fa5:
		case i > 0 && (r == '-' || r == '.' || r >= '0' && r <= '9'):
		default:
			return false
		}
	}
	return name != "" && !strings.EqualFold(name[:min(3, len(name))], "xml")
}

// appendText appends s as the text of an element.
func appendText(dst []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			esc := ""
			switch {
			case c == '&':
				esc = "&amp;"
			case c == '<':
				esc = "&lt;"
			case c == '>':
				esc = "&gt;"
			case c == '\r':
				esc = "&#xD;" // a bare one would be normalised to a line feed
			case c >= ' ', c == '\t', c == '\n':
				i++
				continue
			}
			dst = append(append(dst, s[last:i]...), esc...)
			i++
			last = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(append(dst, s[last:i]...), "\uFFFD"...)
			i++
			last = i
			continue
		}
		if r == 0xfffe || r == 0xffff {
			dst = append(dst, s[last:i]...)
			last = i + n
		}
		i += n
	}
	return append(dst, s[last:]...)
}
