package wire

import (
	jsonv1 "encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// unquote returns the text of a string. Invalid UTF-8, and half a surrogate pair, are replaced.
func (r *Reader) unquote(inner []byte, how texture) []byte {
	text, _ := r.unquoted(inner, how)
	return text
}

// unquoted is [Reader.unquote], and reports whether nothing was replaced.
func (r *Reader) unquoted(inner []byte, how texture) ([]byte, bool) {
	if how&nonASCII != 0 && !utf8.Valid(inner) {
		r.Mangled = true
	} else if how&escaped == 0 {
		return inner, true
	}
	quoted := make([]byte, 0, len(inner)+2)
	quoted = append(append(append(quoted, '"'), inner...), '"')
	text, err := jsontext.AppendUnquote(make([]byte, 0, len(inner)), quoted)
	return text, err == nil
}

// copied returns a copy of a part of the text.
func (r *Reader) copied(raw []byte) []byte {
	r.Mangled = r.Mangled || !utf8.Valid(raw)
	return slices.Clone(raw)
}

// value decodes the next value into v, a pointer; c is its first byte. The error is a
// *badValue if the value could not be decoded but was skipped.
func (r *Reader) value(p *plan, v any, c byte, s *shape) error {
	switch p.kind {
	case textKind:
		if c == '"' {
			return r.text(v, s)
		}
	case intKind, decimalKind:
		if r.number(v, c, s) {
			return nil
		}
	case flagKind, timeKind:
	default:
		return r.compound(p, v, c, s)
	}
	return r.scalarValue(p, v, c, s)
}

// number decodes the next value if it is a number in its plain form, and reports whether it
// did.
func (r *Reader) number(v any, c byte, s *shape) bool {
	if c != '-' && !isDigit(c) {
		return false
	}
	n, scale, end, ok := plainNumber(r.data, r.at)
	if !ok {
		return false
	}
	switch v := v.(type) {
	case *int64:
		if scale != 0 {
			return false
		}
		*v = n
		r.noteKind(intKind, c, s)
	case *decimal.Decimal:
		*v = r.decimal(n, scale)
		r.noteKind(decimalKind, c, s)
	default:
		return false
	}
	r.at = end
	return true
}

// compound is [Reader.value] for values other than text, numbers, flags and times.
func (r *Reader) compound(p *plan, v any, c byte, s *shape) error {
	switch {
	case p.kind == objectKind && c == '{':
		return r.object(&object{plan: p, value: v, shape: s})
	case p.kind == listKind && c == '[':
		length := 0
		return r.list(p, v, s, false, &length)
	case p.kind == mapKind && c == '{':
		return r.dictionary(p, v, s)
	case p.kind == pointerKind && c == 'n':
		setZero(v)
		return r.literal("null")
	case p.kind == pointerKind:
		e := reflect.New(p.typ.Elem())
		reflect.ValueOf(v).Elem().Set(e)
		return r.value(p.elem, e.Interface(), c, s)
	case p.kind == rawKind, p.kind == ownsKind, p.kind == libraryKind:
		return r.foreign(p, v)
	}
	return r.nothing(p, v, c, s)
}

// scalarValue decodes a text, a number, a flag or a time from any of its forms.
func (r *Reader) scalarValue(p *plan, v any, c byte, s *shape) error {
	if c == '{' || c == '[' {
		if err := r.skip(); err != nil {
			return err
		}
		return &badValue{kindName(p.typ), kindOfByte(c)}
	}
	text, how, err := r.scalar(c)
	switch {
	case err != nil:
		return err
	case c == 'n':
		setZero(v)
		return nil
	case p.kind == textKind: // a number or a flag
		setText(v, string(text))
		r.note(s, kindNoted, DriftKindOf)
		return nil
	case c == '"':
		if how != 0 {
			text = r.unquote(text, how)
		}
		text = trimSpace(text)
	case p.kind != flagKind && (c == 't' || c == 'f'):
		return &badValue{kindName(p.typ), "true or false"}
	}
	r.noteKind(p.kind, c, s)
	return r.set(p, v, text, c)
}

// set decodes a number, a flag or a time from its text.
func (r *Reader) set(p *plan, v any, text []byte, c byte) error {
	var bad *badValue
	switch p.kind {
	case intKind:
		bad = setInt(v, text)
	case flagKind:
		var b bool
		b, bad = parseBool(text)
		reflect.ValueOf(v).Elem().SetBool(b)
	case decimalKind:
		d := v.(*decimal.Decimal)
		if n, scale, ok := parsePlain(text); ok {
			*d = r.decimal(n, scale)
		} else {
			*d, bad = parseLongDecimal(text)
		}
	case timeKind:
		t := v.(*time.Time)
		if c == '"' || digits(text, 0) == len(text) {
			*t, bad = parseTime(text)
		} else {
			*t, bad = unixTime(text)
		}
	}
	if bad == nil {
		return nil
	}
	if c != '"' {
		bad.got = strings.Replace(bad.got, "text", kindOfByte(c), 1)
	}
	return bad
}

// plainNumber parses a number of at most 18 digits without an exponent, and returns where it
// ends.
func plainNumber(d []byte, i int) (n int64, scale int32, end int, ok bool) { //nolint:gocyclo // hot: one pass over the digits, without calls for its parts
	minus := i < len(d) && d[i] == '-'
	if minus {
		i++
	}
	first := i
	for ; i < len(d) && isDigit(d[i]); i++ {
		n = n*10 + int64(d[i]-'0')
	}
	whole := i
	if i < len(d) && d[i] == '.' {
		for i++; i < len(d) && isDigit(d[i]); i++ {
			n = n*10 + int64(d[i]-'0')
		}
		if scale = int32(whole + 1 - i); scale == 0 {
			return 0, 0, 0, false
		}
	}
	if whole == first || i-first > 18 || d[first] == '0' && whole > first+1 || i < len(d) && d[i]|0x20 == 'e' {
		return 0, 0, 0, false
	}
	if minus {
		n = -n
	}
	return n, scale, i, true
}

// memo caches decimals, since many of them repeat: equal ones are allocated once.
type memo struct {
	decimals    [256]remembered
	tries, hits int
}

type remembered struct {
	n     int64
	scale int32
	made  bool
	d     decimal.Decimal
}

// memoTries is the number of decimals after which a quarter of them must have been in the
// memo for it to be used further.
const memoTries = 256

// memoAfter is the minimum length of an input for which there is a memo, and for which texts
// are packed.
const memoAfter = 4096

func (r *Reader) decimal(n int64, scale int32) decimal.Decimal {
	if r.memo == nil {
		if len(r.data) < memoAfter {
			return decimal.New(n, scale)
		}
		r.memo = new(memo)
	}
	m := r.memo
	if m.tries >= memoTries && m.hits < memoTries/4 {
		return decimal.New(n, scale)
	}
	m.tries++
	e := &m.decimals[(uint64(n)*0x9e3779b97f4a7c15+uint64(scale))>>56]
	if e.made && e.n == n && e.scale == scale {
		m.hits++
		return e.d
	}
	e.n, e.scale, e.made, e.d = n, scale, true, decimal.New(n, scale)
	return e.d
}

// Short texts are packed into blocks of this size: fewer allocations, but a text that is
// kept keeps no more than its block in memory.
const (
	blockSize = 1024
	maxPacked = 64
)

// string copies a text, so that no decoded value keeps the whole body in memory.
func (r *Reader) string(text []byte) string {
	if len(text) > maxPacked || len(r.data) < memoAfter {
		return string(text)
	}
	b := &r.block
	from := b.Len()
	if b.Cap()-from < len(text) {
		b.Reset()
		b.Grow(blockSize)
		from = 0
	}
	b.Write(text)
	return b.String()[from:]
}

func isNoText(text []byte) bool { return len(text) == 0 || isNull(text) }

// setInt decodes an integer from its text.
func setInt(v any, text []byte) *badValue {
	n, bad := parseInt(text)
	if out, ok := v.(*int64); ok {
		*out = n
		return bad
	}
	out := reflect.ValueOf(v).Elem()
	if bad == nil && out.OverflowInt(n) {
		bad = badText("integer", text)
	}
	out.SetInt(n)
	return bad
}

// setText stores a text.
func setText(v any, text string) {
	if out, ok := v.(*string); ok {
		*out = text
		return
	}
	reflect.ValueOf(v).Elem().SetString(text)
}

// text decodes a text from a string.
func (r *Reader) text(v any, s *shape) error {
	text, how, err := r.quoted()
	if err != nil {
		return err
	}
	if how == 0 && s == nil {
		setText(v, r.string(text))
		return nil
	}
	f := r.current()
	if how != 0 {
		var exact bool
		if text, exact = r.unquoted(text, how); !exact && f != nil && f.vital {
			return &badValue{"text", "text that is not UTF-8"} // two different keys would become equal
		}
	}
	setText(v, r.string(text))
	if s != nil && f != nil && f.known != nil && len(text) > 0 && !slices.Contains(f.known, string(text)) {
		r.note(s, valueNoted, DriftValue)
	}
	return nil
}

// foreign decodes a value of a type that this package has no rule for.
func (r *Reader) foreign(p *plan, v any) error {
	raw, err := r.raw()
	if err != nil {
		return err
	}
	switch {
	case p.kind == rawKind:
		reflect.ValueOf(v).Elem().SetBytes(r.copied(raw))
		return nil
	case p.typ.Kind() == reflect.Interface:
		err = json.Unmarshal(raw, v, anyText)
	case p.kind == ownsKind:
		err = v.(jsonv1.Unmarshaler).UnmarshalJSON(raw)
	default:
		err = json.Unmarshal(raw, v, libraryOptions())
	}
	if err != nil {
		return &badValue{kindName(p.typ), describe(raw)}
	}
	return nil
}

// nothing skips an empty value ("", [], {}, null) in place of an object or a list.
func (r *Reader) nothing(p *plan, v any, c byte, s *shape) error {
	raw, err := r.raw()
	switch {
	case err != nil:
		return err
	case c == 'n' && p.needs == nil:
	case c == '"' && isNoText(trimSpace(r.unquote(raw[1:len(raw)-1], escaped))),
		c != '"' && blankValue(raw):
		r.note(s, kindNoted, DriftKindOf)
	default:
		return &badValue{kindName(p.typ), describe(raw)}
	}
	setZero(v)
	return nil
}
