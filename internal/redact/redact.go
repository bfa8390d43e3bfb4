// Package redact prints values without the personal data and secrets in them.
// Which fields are personal is said by the struct tag pii:"true".
package redact

import (
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Mask stands for what is not shown.
const Mask = "***"

// Format writes v to s for any verb: the fields that hold something, with
// personal data masked.
func Format(s fmt.State, _ rune, v any) {
	var b strings.Builder
	value(&b, reflect.ValueOf(v), 0)
	_, _ = s.Write([]byte(b.String()))
}

// LogValue is v for a structured log, as [Format] prints it.
func LogValue(v any) slog.Value {
	var b strings.Builder
	value(&b, reflect.ValueOf(v), 0)
	return slog.StringValue(b.String())
}

// String is v as [Format] prints it.
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

// plain returns a value whose own String is safe to use: not one of a struct of
// ours, which would come back here.
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

// keys prints the names in a map, not what they hold.
func keys(b *strings.Builder, v reflect.Value) {
	names := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		names = append(names, fmt.Sprint(k))
	}
	fmt.Fprintf(b, "(%d members)", len(names))
}

// digits are looked through for mobile numbers.
var digits = regexp.MustCompile(`\d+`)

// maskPhone masks a run of digits that is a Chinese mobile number, as it turns up
// in a server's message; longer numbers are those of documents.
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

// Text masks in s the given values, wherever they stand, and mobile numbers.
// Values shorter than two characters are left, since they are everywhere.
func Text(s string, values ...string) string {
	for _, v := range values {
		if utf8.RuneCountInString(v) >= 2 {
			s = strings.ReplaceAll(s, v, Mask)
		}
	}
	return digits.ReplaceAllStringFunc(s, maskPhone)
}

// Personal collects the texts of the fields of v that are tagged as personal.
func Personal(v any) []string {
	var out []string
	collect(&out, reflect.ValueOf(v), 0)
	return out
}

func collect(out *[]string, v reflect.Value, depth int) {
	if !v.IsValid() || depth > maxDepth {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			collect(out, v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			collect(out, v.Index(i), depth+1)
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			if f.Tag.Get("pii") == "true" && v.Field(i).Kind() == reflect.String {
				if s := v.Field(i).String(); s != "" {
					*out = append(*out, s)
				}
				continue
			}
			collect(out, v.Field(i), depth+1)
		}
	}
}
