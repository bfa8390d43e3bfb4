package wire

import (
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// DriftKind says how a value differs from what is documented.
type DriftKind string

// The kinds of drift.
const (
	DriftUnknown DriftKind = "unknown member" // the type has no such member
	DriftKindOf  DriftKind = "other kind"     // text for a number, a number for text or a flag ...
	DriftValue   DriftKind = "new value"      // not one of those known for the field
)

// Drift compares data with what a value of type t is documented to be, and
// reports each difference once for its path, whose elements are all [].
func Drift(data []byte, t reflect.Type, path string, report func(path string, kind DriftKind)) {
	d := drift{report: report, seen: map[string]bool{}}
	d.value(jsontext.Value(data), t, path, reflect.StructTag(""))
}

type drift struct {
	report func(string, DriftKind)
	seen   map[string]bool
}

func (d *drift) note(path string, kind DriftKind) {
	if key := path + "\x00" + string(kind); !d.seen[key] {
		d.seen[key] = true
		d.report(path, kind)
	}
}

func (d *drift) value(v jsontext.Value, t reflect.Type, path string, tag reflect.StructTag) { //nolint:gocyclo,funlen // one case for each kind of value
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := v.Kind()
	if kind == 'n' || len(v) == 0 {
		return
	}
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		d.number(kind, path, tag)
		return
	case reflect.TypeFor[time.Time]():
		if kind != '"' {
			d.note(path, DriftKindOf)
		}
		return
	}
	if t.Implements(reflect.TypeFor[json.Marshaler]()) { // reads more than one kind by design
		return
	}
	switch t.Kind() {
	case reflect.Int64:
		d.number(kind, path, tag)
	case reflect.String:
		if kind != '"' {
			d.note(path, DriftKindOf)
			return
		}
		if known := tag.Get("known"); known != "" {
			text, err := jsontext.AppendUnquote(nil, v)
			if err == nil && len(text) > 0 && !strings.Contains(","+known+",", ","+string(text)+",") {
				d.note(path, DriftValue)
			}
		}
	case reflect.Bool:
		if kind != 't' && kind != 'f' {
			d.note(path, DriftKindOf)
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return
		}
		var items []jsontext.Value
		if kind != '[' || json.Unmarshal(v, &items, lenientText) != nil {
			d.note(path, DriftKindOf)
			return
		}
		for _, item := range items {
			d.value(item, t.Elem(), path+"[]", tag)
		}
	case reflect.Map:
		var m map[string]jsontext.Value
		if kind != '{' || json.Unmarshal(v, &m, lenientText) != nil {
			d.note(path, DriftKindOf)
			return
		}
		for _, item := range m {
			d.value(item, t.Elem(), path+".*", tag)
		}
	case reflect.Struct:
		d.object(v, t, path)
	}
}

// number: a field whose numbers are documented as text is tagged ",string".
func (d *drift) number(kind jsontext.Kind, path string, tag reflect.StructTag) {
	want := jsontext.Kind('0')
	if strings.Contains(tag.Get("json"), ",string") {
		want = '"'
	}
	if kind != want {
		d.note(path, DriftKindOf)
	}
}

func (d *drift) object(v jsontext.Value, t reflect.Type, path string) {
	var m map[string]jsontext.Value
	if v.Kind() != '{' || json.Unmarshal(v, &m, lenientText) != nil {
		d.note(path, DriftKindOf)
		return
	}
	fields := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields[name] = f
		}
	}
	for name, item := range m {
		at := strings.TrimPrefix(path+"."+name, ".")
		if f, ok := fields[name]; ok {
			d.value(item, f.Type, at, f.Tag)
		} else {
			d.note(at, DriftUnknown)
		}
	}
}
