package wire

import (
	jsonv1 "encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// MarshalRow encodes a row of an answer for encoding/json: a figure of zero is written, and
// one that is unknown, which is the zero value of [decimal.Decimal], is left out. The option
// omitzero cannot tell the two apart, since it asks the decimal, whose value is 0 in both.
func MarshalRow(row any) ([]byte, error) { return jsonv1.Marshal(known(reflect.ValueOf(row))) }

// marshalRow is [MarshalRow] for [Marshal]: the rows are the structs that have MarshalJSON.
func marshalRow(e *jsontext.Encoder, row jsonv1.Marshaler) error {
	v := reflect.ValueOf(row)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return errors.ErrUnsupported
	}
	return json.MarshalEncode(e, known(v))
}

// twins caches the types of [known] by the type of the row. Its content affects only how
// long encoding takes.
var twins sync.Map

// known returns a copy of a row in which its figures are pointers, nil if unknown.
func known(row reflect.Value) any {
	if row.Kind() == reflect.Pointer {
		row = row.Elem()
	}
	twin := twinOf(row.Type())
	out := reflect.New(twin).Elem()
	n := 0
	for i := range row.NumField() {
		if !row.Type().Field(i).IsExported() {
			continue
		}
		from, to := row.Field(i), out.Field(n)
		n++
		if to.Type() == from.Type() {
			to.Set(from)
		} else if d := from.Interface().(decimal.Decimal); d != (decimal.Decimal{}) {
			to.Set(reflect.ValueOf(&d))
		}
	}
	return out.Interface()
}

func twinOf(t reflect.Type) reflect.Type {
	if twin, ok := twins.Load(t); ok {
		return twin.(reflect.Type)
	}
	var fields []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() { // the reader's, without a size
			continue
		}
		twin := reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag}
		if f.Type == reflect.TypeFor[decimal.Decimal]() {
			tag := strings.ReplaceAll(f.Tag.Get("json"), ",omitzero", ",omitempty") // one that is required is null
			twin.Type, twin.Tag = reflect.TypeFor[*decimal.Decimal](), reflect.StructTag(`json:"`+tag+`"`)
		}
		fields = append(fields, twin)
	}
	twin, _ := twins.LoadOrStore(t, reflect.StructOf(fields))
	return twin.(reflect.Type)
}
