package readbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// A pageForm is how the values of a page are written.
type pageForm struct {
	Orders  int
	Varied  bool // the values differ from order to order
	AsText  bool // every number is text
	OneText bool // o_id is text
}

const lines = 3 // of an order

// maker makes the values of one page.
type maker struct {
	pageForm
	fields []*catalog.Field
	rnd    *rand.Rand
}

// makePage is an answer with a page of orders of three lines each.
func makePage(f pageForm) ([]byte, error) {
	ops, err := catalog.Operations()
	if err != nil {
		return nil, err
	}
	p := &maker{pageForm: f, rnd: rand.New(rand.NewPCG(1, 2))}
	for _, op := range ops {
		if op.Path == "/open/orders/single/query" {
			p.fields = op.Response
		}
	}
	if p.fields == nil {
		return nil, errors.New("the catalog has no query of orders")
	}
	orders := make([]any, f.Orders)
	for i := range orders {
		orders[i] = p.order()
	}
	return json.Marshal(map[string]any{"code": 0, "msg": "执行成功", "data": map[string]any{
		"page_index": 1, "page_size": 50, "data_count": f.Orders, "page_count": 1, "has_next": false, "orders": orders,
	}})
}

func (p *maker) order() map[string]any {
	const prefix = "data.orders[]."
	return p.object(prefix, func(leaf string) any {
		switch leaf {
		case "items":
			out := make([]any, lines)
			for i := range out {
				out[i] = p.object(prefix+"items[].", nil)
			}
			return out
		case "pays":
			return []any{p.object(prefix+"pays[].", nil)}
		}
		return p.object(prefix+leaf+".", nil)
	})
}

func (p *maker) object(prefix string, nested func(leaf string) any) map[string]any {
	out := map[string]any{}
	for _, f := range p.fields {
		rest, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || strings.Contains(rest, ".") {
			continue
		}
		if v := p.value(f, rest); v != nil {
			out[rest] = v
		} else {
			out[rest] = nested(rest)
		}
	}
	return out
}

// value is a value of a field, nil of one that is an object.
func (p *maker) value(f *catalog.Field, name string) any {
	n := 910233
	if p.Varied {
		n = p.rnd.IntN(900_000) + 100_000
	}
	switch f.Type {
	case "int":
		if p.AsText || f.Wire == "string" || p.OneText && name == "o_id" {
			return strconv.Itoa(n)
		}
		return n
	case "decimal":
		d := json.Number("1234.56")
		if p.Varied {
			d = json.Number(decimal.New(int64(n), -2).String())
		}
		if p.AsText || f.Wire == "string" {
			return string(d)
		}
		return d
	case "bool":
		return !p.Varied || n%2 == 0
	case "time":
		if p.Varied {
			return time.Date(2024, 6, 11, 9, 20, 31, 0, time.UTC).Add(time.Duration(n) * time.Second).Format("2006-01-02 15:04:05")
		}
		return "2024-06-11 09:20:31"
	case "string":
		if p.Varied && n%8 == 0 {
			return fmt.Sprintf("示例%s %d", name, n)
		}
		if p.Varied {
			return fmt.Sprintf("text %s %d", name, n)
		}
		return "some text " + name
	case "commas":
		return "first,second"
	case "any":
		return []any{"WEB-1"}
	}
	return nil
}

// plainAnswer is the type of an answer as a user of a JSON library would write it: float64
// for decimals, string for times, nothing for unknown members. asText makes every number
// a string, since such libraries read nothing else from text.
func plainAnswer(asText bool) reflect.Type {
	return reflect.StructOf([]reflect.StructField{
		{Name: "Code", Type: reflect.TypeFor[int](), Tag: `json:"code"`},
		{Name: "Msg", Type: reflect.TypeFor[string](), Tag: `json:"msg"`},
		{Name: "Data", Tag: `json:"data"`, Type: reflect.StructOf([]reflect.StructField{
			{Name: "Orders", Type: reflect.SliceOf(plain(reflect.TypeFor[jushuitan.Order](), asText)), Tag: `json:"orders"`},
		})},
	})
}

func plain(t reflect.Type, asText bool) reflect.Type {
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		if asText {
			return reflect.TypeFor[string]()
		}
		return reflect.TypeFor[float64]()
	case reflect.TypeFor[time.Time](), reflect.TypeFor[jushuitan.CommaList]():
		return reflect.TypeFor[string]()
	case reflect.TypeFor[json.RawMessage]():
		return t
	}
	switch t.Kind() {
	case reflect.Int64:
		if asText {
			return reflect.TypeFor[string]()
		}
	case reflect.Slice:
		return reflect.SliceOf(plain(t.Elem(), asText))
	case reflect.Pointer:
		return reflect.PointerTo(plain(t.Elem(), asText))
	case reflect.Struct:
		return plainStruct(t, asText)
	}
	return t
}

func plainStruct(t reflect.Type, asText bool) reflect.Type {
	var fields []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options == "embed" || !f.IsExported() {
			continue
		}
		typ, keep := plain(f.Type, asText), ""
		number := f.Type.Kind() == reflect.Int64 || f.Type == reflect.TypeFor[decimal.Decimal]()
		if !asText && number && strings.Contains(options, "string") {
			keep = ",string"
		}
		if strings.Contains(options, "omitzero") {
			keep += ",omitzero"
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: typ, Tag: reflect.StructTag(`json:"` + name + keep + `"`)})
	}
	return reflect.StructOf(fields)
}
