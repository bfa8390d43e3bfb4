package wire

import (
	"bytes"
	"encoding"
	jsonv1 "encoding/json"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// writer encodes values by their plans, as the JSON library would with the same options but
// faster. It refuses a value that it has no rule for, or that is an error: the library then
// encodes the whole.
type writer struct {
	fraction string // the layout of times with milliseconds
	options  json.Options
	located  []any  // the fields of the objects being encoded
	room     []byte // for the text
}

func marshal(v any, fraction string, options json.Options) ([]byte, error) {
	at := addressed(v)
	if at == nil {
		return json.Marshal(v, options)
	}
	w := writers.Get().(*writer)
	w.fraction, w.options = fraction, options
	dst, written := w.value(w.room[:0], planOf(reflect.TypeOf(at).Elem()), at, false)
	text := bytes.Clone(dst)
	if clear(dst); cap(dst) <= maxBuffer {
		clear(w.located[:cap(w.located)])
		*w = writer{room: dst, located: w.located[:0]}
		writers.Put(w)
	}
	if !written {
		return json.Marshal(v, options)
	}
	return text, nil
}

// addressed returns a pointer to a value: v itself if it is one, else to a copy. It is nil if
// there is no value.
func addressed(v any) any {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return nil
	}
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		return v
	}
	copied := reflect.New(rv.Type())
	copied.Elem().Set(rv)
	return copied.Interface()
}

// writers holds idle writers, with room for at most maxBuffer bytes each.
var writers = sync.Pool{New: func() any { return new(writer) }}

const maxBuffer = 1 << 20

// marshals reports whether a type encodes itself.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.MarshalerTo]()) || p.Implements(reflect.TypeFor[jsonv1.Marshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextAppender]())
}

// value appends the value that v points to, and reports whether it could. text is the option
// of the field: numbers are written as text.
func (w *writer) value(dst []byte, p *plan, v any, text bool) ([]byte, bool) {
	switch v := v.(type) {
	case *string:
		return appendText(dst, *v)
	case *int64:
		return appendInt(dst, *v, text), true
	case *bool:
		return strconv.AppendBool(dst, *v), true
	case *decimal.Decimal:
		return appendDecimal(dst, v, text), true
	case *time.Time:
		return w.time(dst, *v), true
	}
	if p.marshals || p.kind == rawKind || p.kind == libraryKind || p.kind == ownsKind {
		return w.foreign(dst, v, text)
	}
	switch p.kind {
	case listKind:
		return w.list(dst, p, reflect.ValueOf(v).Elem(), text)
	case objectKind:
		if text {
			return dst, false
		}
		return w.object(dst, p, v)
	case pointerKind:
		if to := reflect.ValueOf(v).Elem(); !to.IsNil() {
			return w.value(dst, p.elem, to.Interface(), text)
		}
		return append(dst, "null"...), true
	}
	return w.named(dst, p, reflect.ValueOf(v).Elem(), text)
}

// named appends a value of a type of its own, such as type Status string.
func (w *writer) named(dst []byte, p *plan, v reflect.Value, text bool) ([]byte, bool) {
	switch p.kind {
	case intKind:
		return appendInt(dst, v.Int(), text), true
	case textKind:
		return appendText(dst, v.String())
	case flagKind:
		return strconv.AppendBool(dst, v.Bool()), true
	}
	return dst, false
}

func (w *writer) list(dst []byte, p *plan, v reflect.Value, text bool) ([]byte, bool) {
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = w.value(dst, p.elem, v.Index(i).Addr().Interface(), text); !ok {
			return dst, false
		}
	}
	return append(dst, ']'), true
}

// object appends the struct that v points to. Unknown members are left to the library, which
// finds names that are there twice.
func (w *writer) object(dst []byte, p *plan, v any) ([]byte, bool) {
	if p.unwritable || p.extra != nil && reflect.ValueOf(v).Elem().FieldByIndex(p.extra).Len() > 0 {
		return dst, false
	}
	dst = append(dst, '{')
	start, outer := len(dst), len(w.located)
	w.located = p.locate(v, w.located)
	for i, at := range w.located[outer:] {
		l := &p.lanes[i]
		if l.omitZero && isZero(at) {
			continue
		}
		token := l.token
		if len(dst) == start {
			token = token[1:] // the comma
		}
		dst = append(dst, token...)
		var ok bool
		if dst, ok = w.value(dst, p.fields[i].plan, at, l.text); !ok {
			return dst, false
		}
	}
	w.located = w.located[:outer]
	return append(dst, '}'), true
}

// isZero reports whether a field with the option omitzero, which v points to, is left out.
func isZero(v any) bool {
	switch v := v.(type) {
	case *string:
		return *v == ""
	case *int64:
		return *v == 0
	case *bool:
		return !*v
	case *decimal.Decimal:
		return v.IsZero()
	case *time.Time:
		return v.IsZero()
	}
	return reflect.ValueOf(v).Elem().IsZero()
}

// foreign appends a value as the library encodes it.
func (w *writer) foreign(dst []byte, v any, text bool) ([]byte, bool) {
	if text {
		return dst, false
	}
	foreign, err := json.Marshal(v, w.options)
	return append(dst, foreign...), err == nil
}

// appendText appends a text. One that is not UTF-8 is an error of the library's.
func appendText(dst []byte, s string) ([]byte, bool) {
	dst = append(dst, '"')
	from := len(dst)
	dst = append(dst, s...)
	end, how := textEnd(dst, from, 0)
	if how&nonASCII != 0 && !utf8.Valid(dst[from:]) {
		return dst, false
	}
	if end < len(dst) { // it has characters to escape
		dst, err := jsontext.AppendQuote(dst[:from-1], s)
		return dst, err == nil
	}
	return append(dst, '"'), true
}

// time appends a time; its form is that of [TimeLayout], or of the writer's fraction.
func (w *writer) time(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	if !t.IsZero() {
		dst = w.moment(dst, t.In(CST))
	}
	return append(dst, '"')
}

func (w *writer) moment(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	switch {
	case t.Nanosecond()/int(time.Millisecond) != 0:
		return t.AppendFormat(dst, w.fraction)
	case year < 1000 || year > 9999:
		return t.AppendFormat(dst, TimeLayout)
	}
	hour, minute, sec := t.Clock()
	return append(dst,
		digit(year/1000), digit(year/100), digit(year/10), digit(year), '-', digit(int(month)/10), digit(int(month)), '-', digit(day/10), digit(day), ' ',
		digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(sec/10), digit(sec))
}

// digit returns the last digit of a number.
func digit(n int) byte { return '0' + byte(n%10) }

func appendInt(dst []byte, n int64, text bool) []byte {
	dst = appendQuote(dst, text)
	dst = strconv.AppendInt(dst, n, 10)
	return appendQuote(dst, text)
}

func appendQuote(dst []byte, text bool) []byte {
	if text {
		return append(dst, '"')
	}
	return dst
}

// appendDecimal appends what d.String returns, as a number or as text.
func appendDecimal(dst []byte, d *decimal.Decimal, text bool) []byte {
	dst = appendQuote(dst, text)
	if exp := d.Exponent(); exp > 0 || exp < -12 || d.NumDigits() > 18 {
		dst = append(dst, d.String()...)
	} else {
		dst = appendFixed(dst, d.CoefficientInt64(), int(-exp))
	}
	return appendQuote(dst, text)
}

// appendFixed appends a number of so many hundredths, thousandths and so on, without zeros at
// its end.
func appendFixed(dst []byte, n int64, places int) []byte {
	for places > 0 && n%10 == 0 {
		n /= 10
		places--
	}
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	if places == 0 {
		return append(dst, digits...)
	}
	if whole := len(digits) - places; whole > 0 {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	} else {
		dst = append(dst, '0')
	}
	dst = append(dst, '.')
	for range places - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
