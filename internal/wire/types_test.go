package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

type (
	Text   string
	Count  int64
	Base   struct{ Deep int64 }
	hidden struct{ Deep int64 }
)

// own decodes itself, unless it is 0.
type own struct{ text string }

func (o *own) UnmarshalJSON(b []byte) error {
	if string(b) == "0" {
		return errors.New("refused")
	}
	o.text = string(b)
	return nil
}

// Structs whose fields this package has a rule for, and structs that it leaves to the JSON
// library.
type (
	promoted struct {
		Base
		A int64
	}
	promotedHidden struct {
		hidden
		A int64
	}
	member struct {
		Base `json:"base"`
		A    int64
	}
	memberText struct {
		Text `json:"text"`
		A    int64
	}
	promotedPointer struct {
		*Base
		A int64
	}
	pointed struct {
		*Base `json:"p"`
		A     int64
	}
	restOfNumbers struct {
		A    int64
		Rest map[string]int64 `json:",embed"`
	}
	restOfLists struct {
		A    int64
		Rest map[Text][]Base `json:",embed"`
	}
	restRaw struct {
		A    int64
		Rest jsontext.Value `json:",embed"`
	}
	anyCase struct {
		A int64 `json:"Aa,case:ignore"`
	}
)

// TestTypes: a value of any type is decoded, by a rule or by the JSON library, which
// tolerates the same in what it decodes. What cannot be decoded names the field.
func TestTypes(t *testing.T) {
	at := time.Date(2024, 6, 11, 9, 20, 31, 0, wire.CST)
	two := decimal.NewFromInt(2)
	for _, tt := range []struct {
		text     string
		want     any
		bad, err string
	}{
		{`1.5`, 1.5, `"x"`, "f: want value, got text of 1 characters"},
		{`7`, uint8(7), `256`, "f: want value, got number"},
		{`-7`, int8(-7), `128`, "f: want integer, got number of 3 characters"},
		{`[1,"2"]`, [2]int64{1, 2}, `[1,"x"]`, "f: want array, got array"},
		{`[1,"false"]`, [2]bool{true, false}, `"x"`, "f: want array, got text of 1 characters"},
		{`[5]`, [1]string{"5"}, `[{}]`, "f: want array, got array"},
		{`["2"]`, [1]decimal.Decimal{two}, `["x"]`, "f: want array, got array"},
		{`["2024/6/11 09:20:31"]`, [1]time.Time{at}, `["x"]`, "f: want array, got array"},
		{`{"1":2}`, map[int]string{1: "2"}, `{"x":2}`, "f: want object, got object"},
		{`"10.0.0.1"`, netip.AddrFrom4([4]byte{10, 0, 0, 1}), `"10.0.0"`, "f: want object, got text of 6 characters"},
		{`"AQI="`, []byte{1, 2}, `"="`, "f: want array, got text of 1 characters"},
		{`[1, 2]`, own{"[1, 2]"}, `0`, "f: want object, got number"},
		{`[1, 2]`, json.RawMessage("[1, 2]"), "", ""},
		{`{"a":1,"a":2}`, any(map[string]any{"a": 2.0}), "", ""},
		{`{"Deep":"1"}`, &Base{1}, `{"Deep":"x"}`, "f.Deep: want integer, got text of 1 characters"},
		{`null`, (*Base)(nil), `5`, "f: want object, got number"},
		{`"1"`, new(int64(1)), `"x"`, "f: want integer, got text of 1 characters"},
		{`{"Deep":"1","A":2}`, promoted{Base{1}, 2}, `{"Deep":"x"}`, "f.Deep: want integer, got text of 1 characters"},
		{`{"Deep":"1","A":2}`, promotedHidden{hidden{1}, 2}, `{"Deep":"x"}`, "f.Deep: want integer, got text of 1 characters"},
		{`{"base":{"Deep":"1"},"A":2,"Deep":3}`, member{Base{1}, 2}, `{"base":{"Deep":"x"}}`, "f.base.Deep: want integer, got text of 1 characters"},
		{`{"text":5,"A":"2"}`, memberText{"5", 2}, `{"text":[]}`, "f.text: want text, got array"},
		{`{"Deep":"1","A":"2"}`, promotedPointer{&Base{1}, 2}, `{"A":"x"}`, "f: want object, got object"},
		{`{"A":"2"}`, pointed{nil, 2}, `{"A":"x"}`, "f.A: want integer, got text of 1 characters"},
		{`{"A":"2","b":"3"}`, restOfNumbers{2, map[string]int64{"b": 3}}, `{"b":"x"}`, "f.b: want integer, got text of 1 characters"},
		{`{"b":[{"Deep":3}]}`, restOfLists{0, map[Text][]Base{"b": {{3}}}}, `{"b":[{},{"Deep":"x"}]}`, "f.b[1].Deep: want integer, got text of 1 characters"},
		{`{"A":"2","b":3}`, restRaw{2, jsontext.Value(`{"b":3}`)}, `{"A":"x"}`, "f: want object, got object"},
		{`{"AA":"2"}`, anyCase{2}, `{"aa":"x"}`, "f.Aa: want integer, got text of 1 characters"},
	} {
		typ := reflect.TypeOf(tt.want)
		t.Run(typ.String(), func(t *testing.T) {
			if typ.Kind() == reflect.Map && strings.HasPrefix(tt.text, `{"a"`) {
				typ = reflect.TypeFor[any]()
			}
			row := reflect.StructOf([]reflect.StructField{
				{Name: "F", Type: typ, Tag: `json:"f"`}, {Name: "ID", Type: reflect.TypeFor[int64](), Tag: `json:"id"`},
			})
			rows := reflect.New(reflect.SliceOf(row))
			// The second row has the members of the first in their order.
			require.NoError(t, wire.Unmarshal(fmt.Appendf(nil, `[{"f":%s,"id":1},{"f":%[1]s,"id":2}]`, tt.text), rows.Interface()))
			require.Equal(t, 2, rows.Elem().Len())
			for i := range 2 {
				assert.Equal(t, tt.want, rows.Elem().Index(i).Field(0).Interface())
				assert.EqualValues(t, i+1, rows.Elem().Index(i).Field(1).Int())
			}
			if tt.bad == "" {
				return
			}
			text := fmt.Appendf(nil, `[{"f":%s,"id":1},{"f":%s,"id":2}]`, tt.text, tt.bad)
			require.EqualError(t, wire.Unmarshal(text, rows.Interface()), "[1]."+tt.err)
		})
	}
}

// TestMostOtherMembers: a map of unknown members that are not raw has the same limit.
func TestMostOtherMembers(t *testing.T) {
	for _, n := range []int{20_000, 20_001} {
		var b strings.Builder
		b.WriteString(`{"A":1`)
		for i := range n {
			fmt.Fprintf(&b, `,"n%d":%d`, i, i)
		}
		var got restOfNumbers
		err := wire.Unmarshal([]byte(b.String()+"}"), &got)
		if n > 20_000 {
			require.EqualError(t, err, "(root): want at most 20000 unknown members, got more")
			continue
		}
		require.NoError(t, err)
		assert.Len(t, got.Rest, n)
	}
}

// TestMarshalTypes: a value of any type is encoded as the JSON library encodes it with the
// options of its field.
func TestMarshalTypes(t *testing.T) {
	two, at := decimal.NewFromInt(2), time.Date(2024, 6, 11, 9, 20, 31, 5e6, wire.CST)
	for _, v := range []any{
		nil, (*Base)(nil), "a", 1, int8(-1), 1.5, true, two, &two, at, []byte{1, 2}, [2]int64{1, 2}, map[int]string{1: "2"},
		netip.AddrFrom4([4]byte{10, 0, 0, 1}), json.RawMessage(`[1]`), json.RawMessage(`[`), jsontext.Value(nil), []any{1, "a", nil, two},
		promoted{Base{1}, 2}, promotedHidden{hidden{1}, 2}, member{Base{1}, 2}, memberText{"5", 2}, promotedPointer{&Base{1}, 2}, pointed{nil, 2},
		restOfNumbers{2, map[string]int64{"b": 3}}, restOfNumbers{2, map[string]int64{"A": 3}}, restOfNumbers{2, nil}, restRaw{2, jsontext.Value(`{"b":3}`)},
		restOfLists{0, map[Text][]Base{"b": {{3}}}}, anyCase{2}, []Text{"a", "b"}, []*Base{nil, {1}}, map[string]decimal.Decimal{"a": two}, fmt.Errorf,
		struct {
			Float   float64         `json:"float,string"`
			Small   uint8           `json:"small,string"`
			Int     int64           `json:"int,string"`
			Dec     decimal.Decimal `json:"dec,string"`
			Pointer *int64          `json:"pointer,string"`
		}{1.5, 7, 8, two, new(int64(9))},
		struct {
			Small uint8 `json:"small,string"`
		}{7},
		struct {
			Base Base `json:"base,string"`
		}{Base{1}},
		struct {
			Array [2]int64 `json:"array,string"`
		}{[2]int64{1, 2}},
		struct {
			Named Count       `json:"named,string,omitzero"`
			Text  Text        `json:"text,omitempty"`
			Flag  bool        `json:"flag,omitempty"`
			List  []int64     `json:"list,omitempty"`
			Addr  netip.Addr  `json:"addr,omitzero"`
			Map   map[int]int `json:"map,omitzero"`
		}{Named: 0},
		struct {
			Named Count       `json:"named,string,omitzero"`
			Addr  netip.Addr  `json:"addr,omitzero"`
			Map   map[int]int `json:"map,omitzero"`
		}{5, netip.AddrFrom4([4]byte{}), map[int]int{}},
	} {
		for _, each := range []struct{ own, library func(any) ([]byte, error) }{
			{wire.Marshal, library(wire.Marshal)}, {wire.MarshalExact, library(wire.MarshalExact)},
		} {
			want, wantErr := each.library(v)
			got, err := each.own(v)
			require.Equal(t, wantErr == nil, err == nil, "%T: %v, %v", v, err, wantErr)
			assert.Equal(t, string(want), string(got), "%T", v)
		}
	}
	got, err := wire.Marshal(struct {
		Small uint8 `json:"small,string"`
	}{7})
	require.NoError(t, err)
	assert.Equal(t, `{"small":"7"}`, string(got))
}
