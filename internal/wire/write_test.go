package wire_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// filler sets values at random, a third of them to zero.
type filler struct{ *rand.Rand }

func (f filler) fill(v reflect.Value, depth int) {
	if f.IntN(3) == 0 || depth > 5 || !v.CanSet() {
		return
	}
	switch v.Interface().(type) {
	case decimal.Decimal:
		v.Set(reflect.ValueOf(f.decimal()))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(f.Int64N(2e12)).In(wire.CST)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"a":[1,"b"]}`)))
		return
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		v.SetInt(f.Int64N(1<<40) - 1<<39)
	case reflect.String:
		v.SetString(texts[f.IntN(len(texts))])
		if f.IntN(300) == 0 {
			v.SetString("not UTF-8 \xff")
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.IntN(4), 4))
		for i := range v.Len() {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		if v.Type().Elem() == reflect.TypeFor[json.RawMessage]() && f.IntN(4) == 0 {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("new").Convert(v.Type().Key()), reflect.ValueOf(json.RawMessage(`1`)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), depth+1)
		}
	}
}

var texts = []string{"a", "TS-BLK-M", "示例路8号", "a\"b\\c\n\x01\u2028<&>\x7f", "a somewhat longer text, without anything special"}

func (f filler) decimal() decimal.Decimal {
	n := f.Int64() >> f.IntN(63)
	if f.IntN(2) == 0 {
		n = -n
	}
	return decimal.New(n, int32(f.IntN(24)-18))
}

// asked notes the options that it is encoded with.
type asked struct{ options jsonv2.Options }

func (a *asked) MarshalJSONTo(enc *jsontext.Encoder) error {
	a.options = jsonv2.JoinOptions(enc.Options()) // a copy: the encoder is used again
	return enc.WriteToken(jsontext.Null)
}

// library encodes as the JSON library alone does with the options of one of the ways of
// package wire. It does not reach into the package: with a test that does, all that this
// package is made of would be compiled once more, for these tests alone.
func library(own func(any) ([]byte, error)) func(any) ([]byte, error) {
	var a asked
	if text, err := own(&a); err != nil || string(text) != "null" {
		panic("wire does not ask the value")
	}
	return func(v any) ([]byte, error) { return jsonv2.Marshal(v, a.options) }
}

// TestMarshalAsLibrary: every request, answer and push of the catalog is encoded to the
// bytes that the JSON library writes, or to its error.
func TestMarshalAsLibrary(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(3, 4))} // fixed seed
	plain, precise := library(wire.Marshal), library(wire.MarshalExact)
	var written int
	for _, typ := range catalogTypes() {
		for range 6 {
			v := reflect.New(typ)
			f.fill(v.Elem(), 0)
			for _, each := range []any{v.Interface(), v.Elem().Interface()} {
				got, err := wire.Marshal(each)
				want, wantErr := plain(each)
				require.Equal(t, wantErr == nil, err == nil, "%s: %v, %v", typ, err, wantErr)
				require.Equal(t, string(want), string(got), typ)
				exact, _ := wire.MarshalExact(each)
				want, _ = precise(each)
				require.Equal(t, string(want), string(exact), typ)
				written += len(got)
			}
		}
	}
	assert.Greater(t, written, 500_000, "the values are too small to show anything")
}

// TestOwnTypes: a type that a user defines from one of the catalog is encoded and decoded as
// that one is.
func TestOwnTypes(t *testing.T) {
	type upload jushuitan.OrderUpload
	type order jushuitan.Order
	want := jushuitan.OrderUpload{ShopID: 1, SoID: "S", Items: []jushuitan.OrderUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(2)}}}
	text, err := wire.Marshal(want)
	require.NoError(t, err)
	got, err := wire.Marshal(upload(want))
	require.NoError(t, err)
	assert.Equal(t, string(text), string(got))
	var o order
	require.NoError(t, wire.Unmarshal([]byte(`{"so_id":"S","items":[{"sku_id":"A"}]}`), &o))
	assert.Equal(t, "S", o.SoID)
	require.Len(t, o.Items, 1)
	assert.Equal(t, "A", o.Items[0].SKUID)
}

// TestMarshalTimes: times are written as the library writes them, of every year and in every
// zone.
func TestMarshalTimes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), time.Date(999, 12, 31, 23, 59, 59, 0, wire.CST), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, wire.CST), time.Date(-1, 1, 1, 0, 0, 0, 0, wire.CST), time.Date(2024, 2, 29, 23, 59, 59, 999999, time.UTC),
	} {
		checkTime(t, at)
	}
	for range 5_000 {
		checkTime(t, time.UnixMilli(rnd.Int64N(1e15)-5e14).In(time.FixedZone("", rnd.IntN(86400)-43200)))
		checkTime(t, time.Unix(rnd.Int64N(1e12)-5e11, 0))
	}
}

func checkTime(t *testing.T, at time.Time) {
	t.Helper()
	for _, each := range []struct{ own, library func(any) ([]byte, error) }{
		{wire.Marshal, library(wire.Marshal)}, {wire.MarshalExact, library(wire.MarshalExact)},
	} {
		want, wantErr := each.library([]time.Time{at})
		got, err := each.own([]time.Time{at})
		require.Equal(t, wantErr == nil, err == nil, "%s", at)
		require.Equal(t, string(want), string(got), "%s", at)
	}
}

// TestMarshalDecimals: decimals are written as their String method does.
func TestMarshalDecimals(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(5, 6))}
	for range 20_000 {
		d := f.decimal()
		got, err := wire.Marshal(&d)
		require.NoError(t, err)
		require.Equal(t, d.String(), string(got), "%d %d", d.Coefficient(), d.Exponent())
	}
	for _, text := range []string{"0", "-0.00", "0.05", "-0.5", "118.00", "1e10", "999999999999999999", "-9223372036854775808", "0.000000000001"} {
		d := decimal.RequireFromString(text)
		got, err := wire.Marshal([]decimal.Decimal{d})
		require.NoError(t, err)
		assert.Equal(t, "["+d.String()+"]", string(got))
	}
}
