// Package wire encodes Go values as the JSON that Jushuitan accepts and decodes its
// responses. The Go side uses plain types (int64, string, bool, decimal.Decimal, time.Time,
// slices, structs); all the tolerance that the responses need is in this package.
//
// A text is decoded in one pass, by a plan that is created once for each Go type. Tolerance
// costs nothing extra: numeric strings and numbers are both accepted, as are 1 or "true"
// for a flag, an empty text in place of an object, and a time in any of the forms of
// [ParseTime]. An exact match of a member's name counts first, then a match except for case
// and underscores; the last of duplicates counts. A value that is present but cannot be
// decoded is a [FieldError] that names the field, or is kept as [Reader] describes, but
// never becomes zero.
//
// The files: scan.go scans the bytes, plan.go describes the types, value.go parses numbers,
// flags and times (also for package xmlwire), and read.go combines them.
package wire

import (
	"fmt"
	"io"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// CST is China Standard Time, the zone of every time on the wire and of those that are
// stored or shown. It is a fixed zone (UTC+8, no daylight saving time), so that no time
// zone database is needed.
var CST = time.FixedZone("CST", 8*60*60)

// TimeLayout is the layout of a time on the wire, which has no zone and is in [CST].
const TimeLayout = "2006-01-02 15:04:05"

const timeLayoutMillis = "2006-01-02 15:04:05.000"

// FieldError means that a value could not be decoded. It names the field and the kind of
// the value found, but never the value itself, which may be personal data.
type FieldError struct {
	Path string // data.orders[3].pay_amount
	Want string // "number", "time", ...
	Got  string // "text of 5 characters", "object", ...; "nothing" if it is missing
}

const nothing = "nothing"

func (e *FieldError) Error() string {
	path := e.Path
	if path == "" {
		path = "(root)"
	}
	if e.Got == nothing {
		return path + " is missing"
	}
	return fmt.Sprintf("%s: want %s, got %s", path, e.Want, e.Got)
}

// SyntaxError means that the text is not JSON, or not complete.
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

// Is reports whether target is [io.ErrUnexpectedEOF] for truncated text.
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
			json.MarshalToFunc(marshalRow),
		)),
	)
	marshalExactOptions = json.JoinOptions(
		json.Deterministic(true),
		json.WithMarshalers(json.JoinMarshalers(
			json.MarshalToFunc(marshalDecimal),
			json.MarshalToFunc(marshalTime(TimeLayout, timeLayoutMillis)),
			json.MarshalToFunc(marshalRow),
		)),
	)
	anyText = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
)

// libraryOptions decode values without a plan, see libraryKind.
func libraryOptions() json.Options {
	return json.JoinOptions(anyText, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(unmarshal[decimal.Decimal]),
		json.UnmarshalFromFunc(unmarshal[time.Time]),
		json.UnmarshalFromFunc(unmarshal[int64]),
		json.UnmarshalFromFunc(unmarshal[string]),
		json.UnmarshalFromFunc(unmarshal[bool]),
	)))
}

// unmarshal decodes a value inside one that the library decodes.
func unmarshal[T any](dec *jsontext.Decoder, out *T) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return Unmarshal(v, out)
}

// Marshal encodes a request: decimals as JSON numbers (as text if the field is tagged
// ",string"), times as [TimeLayout] in [CST]. The text is not escaped for HTML or
// JavaScript, and equal values yield equal bytes.
func Marshal(v any) ([]byte, error) { return marshal(v, TimeLayout, marshalOptions) }

// MarshalExact is like [Marshal] but keeps the milliseconds of times, as responses do.
func MarshalExact(v any) ([]byte, error) { return marshal(v, timeLayoutMillis, marshalExactOptions) }

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

func kindOfByte(c byte) string {
	switch c {
	case 'n':
		return "null"
	case 'f', 't':
		return "true or false"
	case '"':
		return "text"
	case '{':
		return "object"
	case '[':
		return "array"
	default:
		return "number"
	}
}

// describe names the kind of a value without showing it.
func describe(v []byte) string {
	if v[0] == '"' {
		return textOf(utf8.RuneCount(v) - 2)
	}
	return kindOfByte(v[0])
}

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
