// Package wire turns Go values into the JSON that Jushuitan reads and its
// replies into Go values. The Go side is plain (int64, string, bool,
// decimal.Decimal, time.Time, slices, structs); the tolerance that the replies
// need lives here and nowhere else.
//
// A reply is read strictly first, which is fast, and once more tolerantly when
// that fails: a number may come as text, a text as number, a flag as 1 or
// "true", an empty text where an object belongs. A value that carries something
// but cannot be read is a [FieldError] that names its path, never a zero.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// CST is China Standard Time, the zone of every time on the wire and of those that
// are stored or shown. It is a fixed zone (UTC+8, no daylight saving), so that no
// time zone database is needed.
var CST = time.FixedZone("CST", 8*60*60)

// TimeLayout is the form of a time on the wire, without a zone: it is in [CST].
const TimeLayout = "2006-01-02 15:04:05"

const timeLayoutMillis = "2006-01-02 15:04:05.000"

// FieldError says that a value could not be read. It names the place and the
// kind of what was found, never the value itself, which may be personal data.
type FieldError struct {
	Path string // data.orders[3].pay_amount
	Want string // "number", "time", ...
	Got  string // "text of 5 characters", "object", ...
}

func (e *FieldError) Error() string {
	path := e.Path
	if path == "" {
		path = "(root)"
	}
	return fmt.Sprintf("%s: want %s, got %s", path, e.Want, e.Got)
}

// SyntaxError says that the text is not JSON, or not all of it.
type SyntaxError struct {
	Path      string
	Offset    int64
	Truncated bool // the text ends too early
}

func (e *SyntaxError) Error() string {
	what := "not JSON"
	if e.Truncated {
		what = "JSON cut off"
	}
	return fmt.Sprintf("%s at byte %d", what, e.Offset)
}

// Is reports a cut text as [io.ErrUnexpectedEOF].
func (e *SyntaxError) Is(target error) bool {
	return e.Truncated && target == io.ErrUnexpectedEOF
}

// The option sets are built once and never change.
var (
	marshalOptions = json.JoinOptions(
		json.Deterministic(true),
		json.WithMarshalers(json.JoinMarshalers(
			json.MarshalToFunc(marshalDecimal),
			json.MarshalToFunc(marshalTime(TimeLayout, TimeLayout)),
		)),
	)
	marshalExactOptions = json.JoinOptions(
		json.Deterministic(true),
		json.WithMarshalers(json.JoinMarshalers(
			json.MarshalToFunc(marshalDecimal),
			json.MarshalToFunc(marshalTime(TimeLayout, timeLayoutMillis)),
		)),
	)
	lenientText = json.JoinOptions(
		jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true),
	)
	strictOptions = json.JoinOptions(lenientText, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(unmarshalDecimal),
		json.UnmarshalFromFunc(unmarshalTime),
	)))
	tolerantOptions = json.JoinOptions(lenientText, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(unmarshalDecimal),
		json.UnmarshalFromFunc(unmarshalTime),
		json.UnmarshalFromFunc(unmarshalInt),
		json.UnmarshalFromFunc(unmarshalString),
		json.UnmarshalFromFunc(unmarshalBool),
		json.UnmarshalFromFunc(unmarshalContainer),
	)))
)

// Marshal encodes a request: decimals as JSON numbers (as text where the field
// is tagged ",string"), times as [TimeLayout] in [CST]. The text is not escaped
// for HTML or JavaScript, and equal values give equal bytes.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, marshalOptions) }

// MarshalExact is [Marshal], with the milliseconds of a time where it has some,
// as replies carry them.
func MarshalExact(v any) ([]byte, error) { return json.Marshal(v, marshalExactOptions) }

// Unmarshal reads data into out, a pointer. What out held before is lost. The
// error is a [*FieldError] or a [*SyntaxError].
func Unmarshal(data []byte, out any) error {
	if json.Unmarshal(data, out, strictOptions) == nil {
		return nil
	}
	return UnmarshalTolerant(data, out)
}

// UnmarshalStrict reads data of the documented types only; it is the fast half
// of [Unmarshal].
func UnmarshalStrict(data []byte, out any) error {
	return plainError(json.Unmarshal(data, out, strictOptions))
}

// UnmarshalTolerant is the slow half of [Unmarshal].
func UnmarshalTolerant(data []byte, out any) error {
	reflect.ValueOf(out).Elem().SetZero()
	return plainError(json.Unmarshal(data, out, tolerantOptions))
}

// plainError makes our error of the decoder's.
func plainError(err error) error {
	if err == nil {
		return nil
	}
	var sem *json.SemanticError
	if errors.As(err, &sem) {
		// A pointer tag of the outermost error is the whole path.
		path := dotted(sem.JSONPointer)
		var bad *badValue
		if errors.As(sem.Err, &bad) {
			return &FieldError{Path: path, Want: bad.want, Got: bad.got}
		}
		want := "value"
		if sem.GoType != nil {
			want = kindName(sem.GoType)
		}
		got := describeKind(sem.JSONKind)
		if len(sem.JSONValue) > 0 {
			got = describe(sem.JSONValue)
		}
		return &FieldError{Path: path, Want: want, Got: got}
	}
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		return &SyntaxError{
			Path: dotted(syn.JSONPointer), Offset: syn.ByteOffset,
			Truncated: errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF),
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &SyntaxError{Truncated: true}
	}
	return err
}

// dotted writes /data/orders/3/pay_amount as data.orders[3].pay_amount.
func dotted(p jsontext.Pointer) string {
	var b strings.Builder
	for tok := range p.Tokens() {
		if tok != "" && strings.Trim(tok, "0123456789") == "" {
			b.WriteString("[" + tok + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(tok)
	}
	return b.String()
}

func kindName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		return "number"
	case reflect.TypeFor[time.Time]():
		return "time"
	}
	switch t.Kind() {
	case reflect.Int64, reflect.Int:
		return "integer"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "value"
	}
}

func describeKind(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 'f', 't':
		return "true or false"
	case '"':
		return "text"
	case '0':
		return "number"
	case '{', '}':
		return "object"
	case '[', ']':
		return "array"
	default:
		return "something else"
	}
}

// describe names what a value is without showing it.
func describe(v jsontext.Value) string {
	if v.Kind() == '"' {
		return textOf(len([]rune(string(v))) - 2)
	}
	return describeKind(v.Kind())
}

func textOf(chars int) string { return fmt.Sprintf("text of %d characters", chars) }

// badValue is what an unmarshaler returns; the decoder wraps it and knows where.
type badValue struct{ want, got string }

func (e *badValue) Error() string { return "want " + e.want + ", got " + e.got }

func marshalDecimal(e *jsontext.Encoder, d decimal.Decimal) error {
	if quoted, _ := json.GetOption(e.Options(), json.StringifyNumbers); quoted {
		return e.WriteToken(jsontext.String(d.String()))
	}
	return e.WriteValue(jsontext.Value(d.String()))
}

func marshalTime(layout, fraction string) func(*jsontext.Encoder, time.Time) error {
	return func(e *jsontext.Encoder, t time.Time) error {
		if t.IsZero() {
			return e.WriteToken(jsontext.String(""))
		}
		l := layout
		if t.Nanosecond()/int(time.Millisecond) != 0 {
			l = fraction
		}
		return e.WriteToken(jsontext.String(t.In(CST).Format(l)))
	}
}

func unmarshalDecimal(dec *jsontext.Decoder, d *decimal.Decimal) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case 'n':
		*d = decimal.Decimal{}
		return nil
	case '0':
		return parseDecimal(v, d)
	case '"':
		text := unquote(v)
		if len(text) == 0 {
			*d = decimal.Decimal{}
			return nil
		}
		return parseDecimal(text, d)
	}
	return &badValue{"number", describe(v)}
}

// maxExponent bounds what is taken for a number: no amount, price or quantity
// comes near it, and 1e999999999 would cost gigabytes to print.
const maxExponent = 64

func parseDecimal(text []byte, d *decimal.Decimal) error { //nolint:gocyclo // one scan over the digits: calls in between would cost more than the scan
	// Up to 18 digits with an optional point: an int64 and a scale.
	if len(text) <= 19 {
		var mant int64
		scale, digits, neg, ok := int32(0), 0, false, true
		point := false
		for i, c := range text {
			switch {
			case c >= '0' && c <= '9' && digits < 18:
				mant = mant*10 + int64(c-'0')
				digits++
				if point {
					scale--
				}
			case c == '.' && !point && digits > 0 && i < len(text)-1:
				point = true
			case c == '-' && i == 0:
				neg = true
			default:
				ok = false
			}
			if !ok {
				break
			}
		}
		if ok && digits > 0 {
			if neg {
				mant = -mant
			}
			*d = decimal.New(mant, scale)
			return nil
		}
	}
	if len(text) > 128 {
		return &badValue{"number", textOf(len(text))}
	}
	if i := strings.IndexAny(string(text), "eE"); i >= 0 {
		exp, err := strconv.Atoi(string(text[i+1:]))
		if err != nil || exp > maxExponent || exp < -maxExponent {
			return &badValue{"number", textOf(len([]rune(string(text))))}
		}
	}
	x, err := decimal.NewFromString(string(text))
	if err != nil {
		return &badValue{"number", textOf(len([]rune(string(text))))}
	}
	*d = x
	return nil
}

// unquote returns the text of a JSON string without its blanks at both ends; it
// does not allocate for a string without escapes.
func unquote(v jsontext.Value) []byte {
	inner := v[1 : len(v)-1]
	for _, c := range inner {
		if c == '\\' {
			b, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return inner
			}
			return trimSpace(b)
		}
	}
	return trimSpace(inner)
}

// isPlain reports whether the inner of a JSON string is its text.
func isPlain(inner []byte) bool {
	return bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner)
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

func unmarshalInt(dec *jsontext.Decoder, n *int64) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case 'n':
		*n = 0
		return nil
	case '0':
		return parseInt(v, n)
	case '"':
		text := unquote(v)
		if len(text) == 0 {
			*n = 0
			return nil
		}
		return parseInt(text, n)
	}
	return &badValue{"integer", describe(v)}
}

// parseInt reads an integer, also one written 12.0 or 1.2e1, as long as nothing
// is lost.
func parseInt(text []byte, n *int64) error {
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*n = i
		return nil
	}
	var d decimal.Decimal
	if parseDecimal(text, &d) != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
		return &badValue{"integer", textOf(len([]rune(string(text))))}
	}
	*n = d.IntPart()
	return nil
}

func unmarshalString(dec *jsontext.Decoder, s *string) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case 'n':
		*s = ""
	case '"':
		if inner := v[1 : len(v)-1]; isPlain(inner) {
			*s = string(inner)
			return nil
		}
		b, err := jsontext.AppendUnquote(nil, v)
		if err != nil && len(b) == 0 {
			return &badValue{"text", "text that is not UTF-8"}
		}
		*s = string(b)
	case '0', 't', 'f':
		*s = string(v)
	default:
		return &badValue{"text", describe(v)}
	}
	return nil
}

func unmarshalBool(dec *jsontext.Decoder, b *bool) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	text := []byte(v)
	switch v.Kind() {
	case 'n':
		*b = false
		return nil
	case '"':
		text = unquote(v)
	}
	switch strings.ToLower(string(text)) {
	case "true", "1":
		*b = true
	case "false", "0", "":
		*b = false
	default:
		return &badValue{"true or false", describe(v)}
	}
	return nil
}

// unmarshalContainer reads what carries nothing ("", [], {}, null) as an empty
// object or array; all else is left to the decoder. It is asked for every type.
func unmarshalContainer(dec *jsontext.Decoder, out any) error {
	kind := dec.PeekKind()
	if kind != '"' && kind != '[' && kind != '{' {
		return errors.ErrUnsupported
	}
	target := reflect.TypeOf(out).Elem()
	var want jsontext.Kind
	switch target.Kind() {
	case reflect.Struct, reflect.Map:
		want = '{'
	case reflect.Slice:
		if target.Elem().Kind() == reflect.Uint8 { // raw JSON
			return errors.ErrUnsupported
		}
		want = '['
	default:
		return errors.ErrUnsupported
	}
	if kind == want || reflect.TypeOf(out).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return errors.ErrUnsupported
	}
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	empty := false
	switch v.Kind() {
	case '"':
		empty = len(unquote(v)) == 0
	case '[', '{':
		empty = len(trimSpace(v[1:len(v)-1])) == 0
	}
	if !empty {
		return &badValue{kindName(target), describe(v)}
	}
	reflect.ValueOf(out).Elem().SetZero()
	return nil
}

func unmarshalTime(dec *jsontext.Decoder, t *time.Time) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case 'n':
		*t = time.Time{}
		return nil
	case '0':
		return unixTime(v, t)
	case '"':
		return parseTime(unquote(v), t)
	}
	return &badValue{"time", describe(v)}
}

// ParseTime reads a time as it comes on the wire: 2006-01-02 15:04:05, with or
// without a fraction, a date alone, Unix seconds or milliseconds, or "" and
// 0000-00-00 and the year 1 for none. It is in [CST].
func ParseTime(text string) (time.Time, error) {
	var t time.Time
	if err := parseTime(trimSpace([]byte(text)), &t); err != nil {
		return time.Time{}, &FieldError{Want: "time", Got: textOf(len([]rune(text)))}
	}
	return t, nil
}

func parseTime(b []byte, t *time.Time) error {
	*t = time.Time{}
	if len(b) == 0 {
		return nil
	}
	if fast, ok := fixedTime(b); ok {
		*t = fast
		return nil
	}
	text := string(b)
	if strings.HasPrefix(text, "0000-00-00") || strings.HasPrefix(text, "0001-01-01") {
		return nil
	}
	if strings.Trim(text, "0123456789") == "" {
		return unixTime(b, t)
	}
	for _, layout := range [...]string{
		"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05",
		"2006/01/02 15:04:05", "2006/1/2 15:04:05", "2006/01/02", "2006/1/2", "2006-1-2 15:04:05", "2006-1-2",
	} {
		if x, err := time.ParseInLocation(layout, text, CST); err == nil {
			*t = x
			return nil
		}
	}
	if x, err := time.Parse(time.RFC3339Nano, text); err == nil {
		*t = x.In(CST)
		return nil
	}
	return &badValue{"time", textOf(len([]rune(text)))}
}

// fixedTime reads 2006-01-02 15:04:05 and nothing else, without allocating.
func fixedTime(b []byte) (time.Time, bool) { //nolint:gocyclo // each byte of the layout has its own check
	if len(b) != len(TimeLayout) || b[4] != '-' || b[7] != '-' || b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return time.Time{}, false
	}
	num := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := num(0, 4), num(5, 7), num(8, 10)
	hour, minute, sec := num(11, 13), num(14, 16), num(17, 19)
	if year <= 1 || month < 1 || month > 12 || day < 1 || day > 28 ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec > 59 {
		return time.Time{}, false // the slow way knows the lengths of months and the zero dates
	}
	return time.Date(year, time.Month(month), day, hour, minute, sec, 0, CST), true
}

// unixTime reads seconds, or milliseconds when there are too many for seconds.
func unixTime(text []byte, t *time.Time) error {
	var n int64
	if parseInt(text, &n) != nil || n < 0 || n > 1e14 {
		return &badValue{"time", "number"}
	}
	switch {
	case n == 0:
		*t = time.Time{}
	case n < 1e11:
		*t = time.Unix(n, 0).In(CST)
	default:
		*t = time.UnixMilli(n).In(CST)
	}
	return nil
}
