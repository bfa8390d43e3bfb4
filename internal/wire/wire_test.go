package wire_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

type row struct {
	Int    int64            `json:"int,omitzero"`
	Quoted int64            `json:"quoted,omitzero,string"`
	Text   string           `json:"text,omitzero"`
	Flag   bool             `json:"flag,omitzero"`
	Dec    decimal.Decimal  `json:"dec,omitzero"`
	DecPtr *decimal.Decimal `json:"dec_ptr,omitempty"`
	Time   time.Time        `json:"time,omitzero"`
	List   []string         `json:"list,omitzero"`
	Object struct {
		A int64 `json:"a,omitzero"`
	} `json:"object,omitzero"`

	Extra map[string]json.RawMessage `json:",embed"`
}

type page struct {
	Data struct {
		Orders []row `json:"orders"`
	} `json:"data"`
}

// TestTolerance decodes every kind from every form that was seen or is expected.
func TestTolerance(t *testing.T) {
	at := func(text string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04:05.999", text, wire.CST)
		require.NoError(t, err)
		return x
	}
	const refused = "\x00"
	forms := map[string]string{
		"number": `12`, "text number": `"12"`, "empty": `""`, "null": `null`, "absent": "", "object": `{"x":1}`, "array": `[1]`,
		"19 digits": `1234567890123456789`, "20 digits": `12345678901234567890`, "thousands": `"1,234.5"`, "fraction": `12.50`,
		"whole fraction": `"12.00"`, "zero date": `"0000-00-00 00:00:00"`, "year one": `"0001-01-01 00:00:00"`,
		"time": `"2024-06-11 09:20:31"`, "milliseconds": `"2023-01-03 09:43:26.487"`, "date": `"2024-06-11"`, "unix": `1718068831`,
		"unix ms": `1718068831000`, "chinese": `"无"`, "true": `true`, "text true": `"True"`, "one": `1`, "text zero": `"0"`, "blanks": `" 12 "`,
		"empty array": `[]`, "empty object": `{}`, "huge exponent": `1e9999`, "leap": `"2024-02-29 00:00:00"`, "no such day": `"2023-02-29 00:00:00"`,
	}
	// The result of each kind for each form; a form that is not listed is refused.
	tests := map[string]map[string]string{
		"int": {
			"number": "12", "text number": "12", "empty": "0", "null": "0", "absent": "0", "19 digits": "1234567890123456789",
			"whole fraction": "12", "unix": "1718068831", "unix ms": "1718068831000", "one": "1", "text zero": "0", "blanks": "12",
		},
		"text": {
			"number": "12", "text number": "12", "empty": "", "null": "", "absent": "", "19 digits": "1234567890123456789",
			"20 digits": "12345678901234567890", "thousands": "1,234.5", "fraction": "12.50", "whole fraction": "12.00",
			"zero date": "0000-00-00 00:00:00", "year one": "0001-01-01 00:00:00", "time": "2024-06-11 09:20:31",
			"milliseconds": "2023-01-03 09:43:26.487", "date": "2024-06-11", "unix": "1718068831", "unix ms": "1718068831000",
			"chinese": "无", "true": "true", "text true": "True", "one": "1", "text zero": "0", "blanks": " 12 ", "huge exponent": "1e9999",
			"leap": "2024-02-29 00:00:00", "no such day": "2023-02-29 00:00:00",
		},
		"flag": {
			"empty": "false", "null": "false", "absent": "false", "true": "true", "text true": "true", "one": "true", "text zero": "false",
		},
		"dec": {
			"number": "12", "text number": "12", "empty": "0", "null": "0", "absent": "0", "19 digits": "1234567890123456789",
			"20 digits": "12345678901234567890", "fraction": "12.5", "whole fraction": "12", "unix": "1718068831",
			"unix ms": "1718068831000", "one": "1", "text zero": "0", "blanks": "12",
		},
		"time": {
			"empty": "zero", "null": "zero", "absent": "zero", "zero date": "zero", "year one": "zero", "text zero": "zero",
			"time": "2024-06-11 09:20:31", "milliseconds": "2023-01-03 09:43:26.487", "date": "2024-06-11 00:00:00",
			"unix": "2024-06-11 09:20:31", "unix ms": "2024-06-11 09:20:31", "leap": "2024-02-29 00:00:00",
			"number": "1970-01-01 08:00:12", "text number": "1970-01-01 08:00:12", "one": "1970-01-01 08:00:01", "blanks": "1970-01-01 08:00:12",
		},
		"list":   {"empty": "[]", "null": "[]", "absent": "[]", "empty array": "[]", "empty object": "[]", "array": `["1"]`},
		"object": {"empty": "0", "null": "0", "absent": "0", "empty array": "0", "empty object": "0", "object": "0"},
	}
	usual := map[string]string{"int": "1", "text": `"x"`, "flag": "true", "dec": "1.5", "time": `"2024-01-02 03:04:05"`, "list": "[]", "object": `{"a":1}`}
	// The row under test is alone, or comes after some with the same members in the same order.
	member := func(kind, value string, alike bool) string {
		switch {
		case value == "":
			return "{}"
		case !alike:
			return `{"` + kind + `":` + value + `}`
		}
		return `{"quoted":"1","` + kind + `":` + value + `,"dec_ptr":2}`
	}
	for kind, accepted := range tests {
		for form, value := range forms {
			check := func(t *testing.T, alike bool) {
				want, ok := accepted[form]
				if !ok {
					want = refused
				}
				before := "{}"
				if alike {
					before = member(kind, usual[kind], true)
				}
				body := `{"data":{"orders":[` + strings.Repeat(before+",", 3) + member(kind, value, alike) + `]}}`
				var got page
				got.Data.Orders = []row{{Int: 99}} // earlier content must not remain
				err := wire.Unmarshal([]byte(body), &got)
				if want == refused {
					var field *wire.FieldError
					require.ErrorAs(t, err, &field)
					path := "data.orders[3]." + kind
					if kind == "object" && form == "object" || kind == "list" && form == "array" {
						path = field.Path
					}
					assert.Equal(t, path, field.Path)
					assert.NotContains(t, err.Error(), "无", "the value is not shown")
					return
				}
				require.NoError(t, err)
				r := got.Data.Orders[3]
				switch kind {
				case "int":
					assert.Equal(t, want, decimal.NewFromInt(r.Int).String())
				case "text":
					assert.Equal(t, want, r.Text)
				case "flag":
					assert.Equal(t, want == "true", r.Flag)
				case "dec":
					assert.Equal(t, want, r.Dec.String())
				case "time":
					if want == "zero" {
						assert.True(t, r.Time.IsZero())
						return
					}
					assert.True(t, at(want).Equal(r.Time), "%s", r.Time)
					_, offset := r.Time.Zone()
					assert.Equal(t, 8*3600, offset)
				case "list":
					if want == "[]" {
						assert.Empty(t, r.List)
					} else {
						assert.Equal(t, []string{"1"}, r.List)
					}
				}
			}
			t.Run(kind+"/"+form, func(t *testing.T) { check(t, false) })
			t.Run(kind+"/"+form+" in a row like those before", func(t *testing.T) { check(t, true) })
		}
	}
}

// TestLastDuplicateCounts: of a member that comes twice nothing of the first remains.
func TestLastDuplicateCounts(t *testing.T) {
	for body, want := range map[string]row{
		`{"text":"a","text":"b"}`:                   {Text: "b"},
		`{"int":1,"int":null}`:                      {},
		`{"list":["a","b"],"list":["c"]}`:           {List: []string{"c"}},
		`{"list":["a"],"list":null}`:                {},
		`{"object":{"a":1},"text":"x","object":{}}`: {Text: "x"},
		`{"dec":1,"dec":"2.5"}`:                     {Dec: decimal.RequireFromString("2.5")},
	} {
		var got page
		require.NoError(t, wire.Unmarshal([]byte(`{"data":{"orders":[{"text":"first"},`+body+`]}}`), &got))
		assert.Equal(t, want.Dec.String(), got.Data.Orders[1].Dec.String(), body)
		want.Dec, got.Data.Orders[1].Dec = decimal.Decimal{}, decimal.Decimal{}
		assert.Equal(t, want, got.Data.Orders[1], body)
	}
}

func TestMarshal(t *testing.T) {
	zero := decimal.Decimal{}
	tests := map[string]struct {
		give row
		want string
	}{
		"nothing":          {row{}, `{}`},
		"exact decimal":    {row{Dec: decimal.RequireFromString("0.1").Add(decimal.RequireFromString("0.2"))}, `{"dec":0.3}`},
		"long decimal":     {row{Dec: decimal.RequireFromString("1234567890123456789.01")}, `{"dec":1234567890123456789.01}`},
		"zero that counts": {row{DecPtr: &zero}, `{"dec_ptr":0}`},
		"number as text":   {row{Quoted: 7}, `{"quoted":"7"}`},
		"time in China":    {row{Time: time.Date(2024, 6, 10, 16, 0, 0, 5e8, time.UTC)}, `{"time":"2024-06-11 00:00:00"}`},
		"text as it is":    {row{Text: "<a href='x'>&+%/= 中文 😀 \u2028 \""}, "{\"text\":\"<a href='x'>&+%/= 中文 😀 \u2028 \\\"\"}"},
		"extra":            {row{Extra: map[string]json.RawMessage{"b": json.RawMessage(`[1]`), "a": json.RawMessage(`2`)}}, `{"a":2,"b":[1]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := wire.Marshal(tt.give)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
		})
	}
	got, err := wire.MarshalExact(row{Time: time.Date(2024, 6, 10, 16, 0, 0, 487e6, time.UTC)})
	require.NoError(t, err)
	assert.Equal(t, `{"time":"2024-06-11 00:00:00.487"}`, string(got))
}

func TestUnmarshalKeepsUnknownMembers(t *testing.T) {
	for name, body := range map[string]string{
		"strict":   `{"int":1,"new_field":{"a":[1,"x"]}}`,
		"tolerant": `{"int":"1","new_field":{"a":[1,"x"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var r row
			require.NoError(t, wire.Unmarshal([]byte(body), &r))
			assert.EqualValues(t, 1, r.Int)
			require.Len(t, r.Extra, 1)
			assert.JSONEq(t, `{"a":[1,"x"]}`, string(r.Extra["new_field"]))
		})
	}
}

func TestUnmarshalSyntax(t *testing.T) {
	tests := map[string]struct {
		body      string
		truncated bool
	}{
		"cut":        {`{"data":{"orders":[{"int":1},{"int"`, true},
		"cut number": {`{"data":{"orders":[{"int":1`, true},
		"empty":      {``, true},
		"page":       {`<html>busy</html>`, false},
		"garbage":    {`{"data":}`, false},
		"two values": {`{} {}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var p page
			err := wire.Unmarshal([]byte(tt.body), &p)
			var syntax *wire.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, tt.truncated, syntax.Truncated)
			assert.Equal(t, tt.truncated, errors.Is(err, io.ErrUnexpectedEOF))
		})
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"data":{"orders":[{"int":"1","dec":"1.5","time":"2024-06-11 09:20:31","flag":1,"text":5,"x":null}]}}`))
	f.Add([]byte(`{"data":{"orders":[{"dec":1e400,"time":1718068831000,"list":"","object":[]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p page
		if err := wire.Unmarshal(data, &p); err != nil {
			return
		}
		// Decoded values can be encoded and decoded again without a change.
		first, err := wire.MarshalExact(p)
		require.NoError(t, err)
		var q page
		require.NoError(t, wire.Unmarshal(first, &q))
		second, err := wire.MarshalExact(q)
		require.NoError(t, err)
		assert.Equal(t, string(first), string(second))
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2024-06-11 09:20:31", "2023-01-03 09:43:26.487", "2024-06-11", "0000-00-00 00:00:00", "1718068831", "2024-02-30 00:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := wire.ParseTime(text)
		if err != nil {
			return
		}
		if _, offset := got.Zone(); !got.IsZero() && offset != 8*3600 {
			t.Fatalf("not China time: %v", got)
		}
	})
}
