package jushuitan_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// answerTypes returns all structs that answers and pushes consist of, by name: those that
// the methods of the services return, and those within them.
func answerTypes(t *testing.T) map[string]reflect.Type {
	t.Helper()
	found := map[string]reflect.Type{}
	var add func(reflect.Type)
	add = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			add(typ.Elem())
		case reflect.Map:
			add(typ.Elem())
		case reflect.Func: // iter.Seq2[*Row, error]
			if typ.NumIn() == 1 && typ.In(0).Kind() == reflect.Func && typ.In(0).NumIn() > 0 {
				add(typ.In(0).In(0))
			}
		case reflect.Struct:
			if _, ok := found[typ.Name()]; ok || !strings.HasSuffix(typ.PkgPath(), "/jushuitan") {
				return
			}
			if !strings.HasPrefix(typ.Name(), "RowResult[") {
				found[typ.Name()] = typ
			}
			for i := range typ.NumField() {
				if f := typ.Field(i); f.IsExported() {
					add(f.Type)
				}
			}
		}
	}
	client := reflect.TypeFor[jushuitan.Client]()
	for i := range client.NumField() {
		f := client.Field(i)
		if !f.IsExported() || f.Type.Kind() != reflect.Pointer {
			continue
		}
		for j := range f.Type.NumMethod() {
			for k := range f.Type.Method(j).Type.NumOut() {
				if out := f.Type.Method(j).Type.Out(k); !strings.Contains(out.String(), "Stream[") {
					add(out)
				}
			}
		}
	}
	for _, m := range []any{jushuitan.ShipmentPush{}, jushuitan.CancelPush{}, jushuitan.GoodsReturnedPush{}, jushuitan.StockPush{}} {
		add(reflect.TypeOf(m))
	}
	return found
}

// fillRow sets every field of a value to its zero, known or unknown, or to a value.
func fillRow(v reflect.Value, how string, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[decimal.Decimal]():
		switch how {
		case "zero":
			v.Set(reflect.ValueOf(decimal.New(0, 0)))
		case "value":
			v.Set(reflect.ValueOf(decimal.RequireFromString("-12.50")))
		}
		return
	case v.Type() == reflect.TypeFor[time.Time]():
		if how == "value" {
			v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 9, 30, 0, 0, wire.CST)))
		}
		return
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		if how == "value" {
			v.SetBytes([]byte(`{"a":[1]}`))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillRow(v.Field(i), how, depth)
			}
		}
	case reflect.Slice:
		if depth < 3 && (how == "value" || v.Type().Elem().Kind() != reflect.String && v.Type().Elem() != reflect.TypeFor[json.RawMessage]()) {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fillRow(v.Index(0), how, depth+1)
		}
	case reflect.Pointer:
		if depth < 3 {
			v.Set(reflect.New(v.Type().Elem()))
			fillRow(v.Elem(), how, depth+1)
		}
	case reflect.String:
		if how == "value" {
			v.SetString("值1")
		}
	case reflect.Int64:
		if how == "value" {
			v.SetInt(7)
		}
	case reflect.Bool:
		v.SetBool(how == "value")
	case reflect.Map:
		if how == "value" && v.Type().Elem() == reflect.TypeFor[json.RawMessage]() {
			v.Set(reflect.ValueOf(map[string]json.RawMessage{"unknown_member": json.RawMessage("0")}))
		}
	}
}

// differences lists the fields that differ between a row before and after, in value or in
// whether they are known.
func differences(path string, a, b reflect.Value) (out []string) {
	switch {
	case a.Type() == reflect.TypeFor[decimal.Decimal]():
		x, y := a.Interface().(decimal.Decimal), b.Interface().(decimal.Decimal)
		if (x == decimal.Decimal{}) != (y == decimal.Decimal{}) || !x.Equal(y) {
			return []string{path}
		}
		return nil
	case a.Type() == reflect.TypeFor[time.Time]():
		if !a.Interface().(time.Time).Equal(b.Interface().(time.Time)) {
			return []string{path}
		}
		return nil
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() {
				out = append(out, differences(path+"."+f.Name, a.Field(i), b.Field(i))...)
			}
		}
		return out
	case reflect.Slice:
		if a.Len() != b.Len() {
			return []string{path}
		}
		for i := range a.Len() {
			out = append(out, differences(path, a.Index(i), b.Index(i))...)
		}
		return out
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				return []string{path}
			}
			return nil
		}
		return differences(path, a.Elem(), b.Elem())
	}
	if !reflect.DeepEqual(a.Interface(), b.Interface()) {
		return []string{path}
	}
	return nil
}

// TestRowsKeepWhatIsKnown: a row that goes through a queue, a table or a cache as JSON is
// the same afterwards: a figure of zero is still zero, and an unknown one still unknown, so
// that a SKU that is sold out does not become one whose stock nobody knows.
func TestRowsKeepWhatIsKnown(t *testing.T) {
	forms := map[string]struct {
		marshal   func(any) ([]byte, error)
		unmarshal func([]byte, any) error
	}{
		"encoding/json": {json.Marshal, json.Unmarshal},
		"wire":          {wire.MarshalExact, wire.Unmarshal},
		"wire request":  {wire.Marshal, wire.Unmarshal},
	}
	figures, types := 0, answerTypes(t)
	for name, typ := range types {
		for i := range typ.NumField() {
			if typ.Field(i).Type == reflect.TypeFor[decimal.Decimal]() {
				figures++
			}
		}
		for _, how := range []string{"unknown", "zero", "value"} {
			if name == "StockPush" || name == "StockPushRow" {
				if how == "unknown" {
					continue // a push without the figure is refused
				}
			}
			row := reflect.New(typ)
			fillRow(row.Elem(), how, 0)
			for form, f := range forms {
				for _, value := range []any{row.Interface(), row.Elem().Interface()} {
					text, err := f.marshal(value)
					require.NoError(t, err, "%s %s as %s", name, how, form)
					back := reflect.New(typ)
					require.NoError(t, f.unmarshal(text, back.Interface()), "%s %s as %s: %s", name, how, form, text)
					assert.Empty(t, differences(name, row.Elem(), back.Elem()), "%s %s as %s: %s", name, how, form, text)
				}
			}
		}
	}
	assert.Greater(t, len(types), 250, "types of answers")
	assert.Greater(t, figures, 300, "amounts and quantities")
	for _, name := range []string{"InventoryRow", "SKU", "Item", "ItemSKU", "Order", "Outbound", "AfterSale", "Transfer", "Bundle"} {
		assert.Contains(t, types, name)
	}
}
