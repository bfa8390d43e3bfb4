// Package redact prints values without the personal data and secrets in them.
// The struct tag pii:"true" marks personal fields.
package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Mask replaces masked values.
const Mask = "***"

// Format writes v to s for any verb: the fields that are not empty, with personal data
// masked.
func Format(s fmt.State, _ rune, v any) {
	var b strings.Builder
	value(&b, reflect.ValueOf(v), 0)
	_, _ = s.Write([]byte(b.String()))
}

// LogValue returns v for a structured log, in the form that [Format] prints.
func LogValue(v any) slog.Value {
	var b strings.Builder
	value(&b, reflect.ValueOf(v), 0)
	return slog.StringValue(b.String())
}

// String returns v in the form that [Format] prints.
func String(v any) string {
	var b strings.Builder
	value(&b, reflect.ValueOf(v), 0)
	return b.String()
}

const maxDepth = 12

func value(b *strings.Builder, v reflect.Value, depth int) { //nolint:gocyclo // one case for each kind of value
	if !v.IsValid() {
		b.WriteString("nil")
		return
	}
	if depth > maxDepth {
		b.WriteString("...")
		return
	}
	switch x := plain(v).(type) {
	case time.Time:
		b.WriteString(x.Format("2006-01-02T15:04:05.999Z07:00"))
		return
	case fmt.Stringer:
		b.WriteString(x.String())
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		value(b, v.Elem(), depth+1)
	case reflect.Struct:
		structValue(b, v, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "(%d bytes)", v.Len())
			return
		}
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(' ')
			}
			value(b, v.Index(i), depth+1)
		}
		b.WriteByte(']')
	case reflect.Map:
		keys(b, v)
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		if v.CanInterface() {
			fmt.Fprint(b, v.Interface())
		}
	}
}

// plain returns a value whose own String method is safe to call: not that of a struct of
// this module, which would recurse.
func plain(v reflect.Value) any {
	if !v.CanInterface() {
		return nil
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t
	}
	if v.Kind() == reflect.Struct {
		if s, ok := v.Interface().(fmt.Stringer); ok {
			return s
		}
	}
	return nil
}

func structValue(b *strings.Builder, v reflect.Value, depth int) {
	t := v.Type()
	b.WriteString(t.Name())
	b.WriteByte('{')
	first := true
	for i := range t.NumField() {
		f, fv := t.Field(i), v.Field(i)
		if !f.IsExported() || fv.IsZero() {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(f.Name)
		b.WriteByte(':')
		switch {
		case f.Tag.Get("pii") != "true":
			value(b, fv, depth+1)
		case fv.Kind() == reflect.Map:
			keys(b, fv)
		default:
			b.WriteString(Mask)
		}
	}
	b.WriteByte('}')
}

// keys prints the keys of a map, but not its values.
func keys(b *strings.Builder, v reflect.Value) {
	names := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		names = append(names, fmt.Sprint(k))
	}
	fmt.Fprintf(b, "(%d members)", len(names))
}

// digits matches runs of digits that may be mobile numbers.
var digits = regexp.MustCompile(`\d+`)

// maskPhone masks digits that form a Chinese mobile number, which a server's message may
// contain; longer numbers are document numbers.
func maskPhone(run string) string {
	number := run
	if len(run) == 13 {
		number = strings.TrimPrefix(run, "86")
	}
	if len(number) != 11 || number[0] != '1' || number[1] < '3' {
		return run
	}
	return number[:3] + Mask
}

// Text masks the given values in s, wherever they occur, and mobile numbers. Values shorter
// than two characters are not masked, since they occur everywhere.
func Text(s string, values ...string) string {
	return digits.ReplaceAllStringFunc(Values(s, values), maskPhone)
}

// Values masks the given values in s, the longest first, since one may be part of another.
func Values(s string, values []string) string {
	for _, v := range slices.SortedFunc(slices.Values(values), func(a, b string) int { return len(b) - len(a) }) {
		if utf8.RuneCountInString(v) >= 2 {
			s = strings.ReplaceAll(s, v, Mask)
		}
	}
	return s
}

// Personal collects the texts in the fields of v that are tagged as personal, whatever the
// types of the fields.
func Personal(v any) []string {
	var c collector
	c.value(reflect.ValueOf(v), false, 0)
	return c.texts
}

// PersonalJSON collects the texts in the members of a JSON text whose names, in lower case,
// denote personal data.
func PersonalJSON(text []byte, names map[string]bool) []string {
	c := collector{names: names}
	c.json(text, false)
	return c.texts
}

type collector struct {
	names map[string]bool
	texts []string
}

func (c *collector) add(text string) {
	if text != "" {
		c.texts = append(c.texts, text)
	}
}

// shortestNumber is the least number of digits that can identify a person.
const shortestNumber = 5

func (c *collector) number(text string) {
	if len(text) >= shortestNumber {
		c.add(text)
	}
}

func (c *collector) value(v reflect.Value, personal bool, depth int) { //nolint:gocyclo // one case for each kind of value
	if !v.IsValid() || depth > maxDepth {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			c.value(v.Elem(), personal, depth+1)
		}
	case reflect.String:
		if personal {
			c.add(v.String())
		}
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Int32:
		if personal && v.CanInterface() {
			c.number(fmt.Sprint(v.Interface()))
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			if personal {
				c.json(v.Bytes(), true)
			}
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i), personal, depth+1)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			c.value(v.MapIndex(k), personal, depth+1)
		}
	case reflect.Struct:
		c.fields(v, personal, depth)
	}
}

func (c *collector) fields(v reflect.Value, personal bool, depth int) {
	t := v.Type()
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			c.value(v.Field(i), personal || f.Tag.Get("pii") == "true", depth+1)
		}
	}
}

// json collects from a JSON text; any other text is taken as a whole.
func (c *collector) json(text []byte, personal bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		if personal {
			c.add(string(text))
		}
		return
	}
	c.decoded(v, personal)
}

func (c *collector) decoded(v any, personal bool) {
	switch v := v.(type) {
	case string:
		if personal {
			c.add(v)
		}
	case json.Number:
		if personal {
			c.number(v.String())
		}
	case []any:
		for _, e := range v {
			c.decoded(e, personal)
		}
	case map[string]any:
		for name, e := range v {
			c.decoded(e, personal || c.names[strings.ToLower(name)])
		}
	}
}

// JSON returns v as a JSON object of texts, with its fields as [Format] prints them: for
// the MarshalJSON of types that may reach a logger.
func JSON(v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	t := rv.Type()
	out := make(map[string]any, t.NumField())
	for i := range t.NumField() {
		f, fv := t.Field(i), rv.Field(i)
		switch {
		case !f.IsExported() || fv.IsZero():
		case f.Tag.Get("pii") == "true":
			out[f.Name] = Mask
		default:
			out[f.Name] = fv.Interface()
		}
	}
	return json.Marshal(out)
}
