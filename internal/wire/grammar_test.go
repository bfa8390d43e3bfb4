package wire_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// every calls f with each text of at most n of the parts.
func every(parts []string, n int, f func(text string)) {
	var add func(prefix string, n int)
	add = func(prefix string, n int) {
		f(prefix)
		if n == 0 {
			return
		}
		for _, p := range parts {
			add(prefix+p, n-1)
		}
	}
	add("", n)
}

// checkGrammar: a text is JSON, or has its first error at a byte, as package encoding/json
// finds it.
func checkGrammar(t *testing.T, text string) bool {
	t.Helper()
	r := wire.NewReader([]byte(text))
	raw, err := r.Raw()
	if err == nil {
		err = r.End()
	}
	var want *json.SyntaxError
	if !errors.As(json.Unmarshal([]byte(text), new(json.RawMessage)), &want) {
		require.NoError(t, err, "%q", text)
		require.Equal(t, strings.Trim(text, " \t\r\n"), string(raw), "%q", text)
		return true
	}
	var got *wire.SyntaxError
	require.ErrorAs(t, err, &got, "%q", text)
	// encoding/json sees a blank at the end.
	truncated := strings.HasPrefix(want.Error(), "unexpected end") ||
		want.Offset == int64(len(text)) && strings.HasPrefix(want.Error(), "invalid character ' '") && !strings.HasSuffix(text, " ")
	require.Equal(t, truncated, got.Truncated, "%q: %v, %v", text, got, want)
	if truncated {
		require.EqualValues(t, len(text), got.Offset, "%q", text)
	} else {
		require.Equal(t, want.Offset-1, got.Offset, "%q: %v, %v", text, got, want)
	}
	return false
}

// TestGrammar: all short texts of characters that mean something.
func TestGrammar(t *testing.T) {
	for name, tt := range map[string]struct {
		parts  []string
		length int
		before string
		behind string
	}{
		"numbers":    {strings.Split("-+.019eE", ""), 5, "", ""},
		"in a list":  {strings.Split("-+.01eE, ", ""), 4, "[", "]"},
		"structure":  {[]string{"{", "}", "[", "]", ",", ":", `"a"`, "1", " "}, 5, "", ""},
		"an object":  {[]string{"{", "}", "[", ",", ":", `"a"`, `"b":`, "\n", "\t"}, 4, `{"x":`, "}"},
		"literals":   {[]string{"t", "rue", "f", "alse", "n", "ull", "u", "l", "\r", "\f"}, 4, "", ""},
		"escapes":    {[]string{`\`, "u", "0", "aF", "g", "n", `"`, "/", "\x00", "\x1f", " "}, 4, `"`, `"`},
		"hex":        {[]string{"0", "9", "a", "f", "A", "F", "g", "G", "/", ":", "@", "`"}, 4, `["\u`, `"]`},
		"long texts": {[]string{"12345678", "123456", "示", "\x80", "\n", `\n`, "\x7f"}, 4, `["`, `"]`},
		"cut texts":  {[]string{"1234567", `\u12`, "\x80", `\`, "/", `"`}, 4, `"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			valid := 0
			every(tt.parts, tt.length, func(text string) {
				if checkGrammar(t, tt.before+text+tt.behind) {
					valid++
				}
			})
			assert.Positive(t, valid)
		})
	}
	for c := range 256 { // each byte, escaped and not
		for _, text := range []string{`"\` + string([]byte{byte(c)}) + `"`, `"` + string([]byte{byte(c)}) + `"`, string([]byte{byte(c)}), `["\u0` + string([]byte{byte(c)}) + `00"]`} {
			checkGrammar(t, text)
		}
	}
}

// TestNumbers: every short number is decoded to its value, in the first row and in the one
// that looks like it, as a number and as text.
func TestNumbers(t *testing.T) {
	decoded := 0
	every(strings.Split("-+.019eE", ""), 5, func(text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		want, err := decimal.NewFromString(text)
		require.NoError(t, err, text)
		_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
		if n, _ := strconv.Atoi(exponent); n > 64 || n < -64 {
			assert.Error(t, wire.Unmarshal([]byte(`{"dec":`+text+`}`), new(row)), text)
			return
		}
		whole := want.IsInteger() && want.BigInt().IsInt64()
		for _, form := range []string{text, `"` + text + `"`} {
			var rows []row
			require.NoError(t, wire.Unmarshal([]byte(`[{"dec":`+form+`},{"dec":`+form+`},{"dec":`+form+`}]`), &rows), form)
			for i := range rows {
				require.True(t, want.Equal(rows[i].Dec), "%s: %s", form, rows[i].Dec)
			}
			err := wire.Unmarshal([]byte(`[{"int":`+form+`},{"int":`+form+`},{"int":`+form+`}]`), &rows)
			require.Equal(t, whole, err == nil, "%s: %v", form, err)
			for i := range rows {
				if whole {
					require.Equal(t, want.IntPart(), rows[i].Int, form)
				}
			}
		}
		decoded++
	})
	assert.Greater(t, decoded, 1000)
}

// TestMangledAnywhere: a byte that is not UTF-8 is noticed wherever it stands in a text, and
// none is where all are.
func TestMangledAnywhere(t *testing.T) {
	type object struct {
		Text string `json:"text"`
	}
	for _, part := range []string{"\x80", "\xbf", "\xc2", "\xff", "\x7f", "é", "示", "😀", ""} {
		for before := range 20 {
			for _, behind := range []int{0, 1, 6, 7, 8, 20} {
				text := strings.Repeat("a", before) + part + strings.Repeat("b", behind)
				want := strings.ToValidUTF8(text, "\ufffd")
				for _, tail := range []string{"", `,"more":"` + strings.Repeat("c", 20) + `"`} {
					body := `[{"text":"` + text + `"` + tail + `},{"text":"` + text + `"` + tail + `}]`
					r := wire.NewReader([]byte(body))
					var got []object
					require.NoError(t, r.Into(&got, nil), "%q", body)
					assert.Equal(t, []object{{want}, {want}}, got, "%q", body)
					assert.Equal(t, !utf8.ValidString(text), r.Mangled, "%q", body)
				}
			}
		}
	}
}

// TestSimilarNames: names that agree in their length, their first and their last eight bytes
// are different names.
func TestSimilarNames(t *testing.T) {
	const known, other, unknown = "receiver_is_a_address", "receiver_is_b_address", "receiver_is_c_address"
	var got struct {
		A string `json:"receiver_is_a_address"`
		B string `json:"receiver_is_b_address"`

		Extra map[string]json.RawMessage `json:",embed"`
	}
	names := []string{known, other, unknown}
	for range names {
		require.NoError(t, wire.Unmarshal([]byte(`{"`+names[0]+`":"`+names[0]+`","`+names[1]+`":"`+names[1]+`","`+names[2]+`":"`+names[2]+`"}`), &got))
		assert.Equal(t, known, got.A)
		assert.Equal(t, other, got.B)
		assert.Equal(t, map[string]json.RawMessage{unknown: json.RawMessage(`"` + unknown + `"`)}, got.Extra)
		names = slices.Concat(names[1:], names[:1])
	}
}

// TestOffset: the offset is that of the value, so that a reader that goes back to it can read
// the members at once.
func TestOffset(t *testing.T) {
	r := wire.NewReader([]byte(" \r\n\t {\"a\": [1]}"))
	at := r.Offset()
	assert.Equal(t, 5, at)
	_, err := r.Raw()
	require.NoError(t, err)
	r.Back(at)
	var names []string
	require.NoError(t, r.Members(func(name []byte) error {
		names = append(names, string(name))
		assert.Equal(t, 11, r.Offset())
		return nil
	}))
	assert.Equal(t, []string{"a"}, names)
	assert.NoError(t, r.End())
}
