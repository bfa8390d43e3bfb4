package pushsign_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
)

// checkParams: a query is read as package net/url reads it.
func checkParams(t *testing.T, raw string) {
	t.Helper()
	want, wantErr := url.ParseQuery(raw)
	params, err := pushsign.Parse(raw)
	require.Equal(t, wantErr == nil, err == nil, raw)
	if err != nil {
		return
	}
	repeated := false
	for name, values := range want {
		value, ok := params.Lookup(name)
		require.True(t, ok, raw)
		require.Equal(t, values[0], value, raw)
		repeated = repeated || len(values) > 1
	}
	for _, p := range params {
		require.True(t, slices.Contains(want[p[0]], p[1]), raw)
	}
	require.Equal(t, repeated, params.Repeated(), raw)
	require.Equal(t, pushsign.Sorted("m", want), params.Sorted("m").String())
	require.Equal(t, pushsign.TimeOnly("m", want), params.TimeOnly("m").String())
}

func queries() []string {
	return []string{
		"", "&", "a", "a=", "=1", "=", "a=1&a=2", "a=1&&b=2&", "a=b=c", "%41=1&A=1", "a=1+2%2B&%e5=", "a;b=1", "a=%zz", "%", "a=%4",
		own, strings.Repeat("a=1&", 20), strings.Repeat("&", 9_999), strings.Repeat("&", 10_000),
		"a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r", "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&a",
	}
}

func TestParse(t *testing.T) {
	for _, raw := range queries() {
		checkParams(t, raw)
	}
	params, err := pushsign.Parse("b=2&a=1&b=3")
	require.NoError(t, err)
	assert.Equal(t, pushsign.Params{{"b", "2"}, {"a", "1"}, {"b", "3"}}, params, "in the order in which they stand")
	assert.Equal(t, pushsign.Of("m", [][2]string{{"a", "1"}, {"b", "2"}}), params.Sorted("m").String(), "the first of two counts")
	assert.Empty(t, params.Get("c"))
}

func TestParseSum(t *testing.T) {
	sum, ok := pushsign.ParseSum(strings.ToUpper(signPublic))
	require.True(t, ok)
	assert.Equal(t, signPublic, sum.String())
	lower, _ := pushsign.ParseSum(signPublic)
	assert.True(t, sum.Equal(lower))
	assert.False(t, sum.Equal(pushsign.Sum{}))
	for _, text := range []string{"", signPublic[:31], signPublic + "0", signPublic[:31] + "g", signPublic[:30] + "é"} {
		_, ok = pushsign.ParseSum(text)
		assert.False(t, ok, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range queries() {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkParams(t, raw) })
}

// TestWithout: what is not dropped is left as it stood, and nothing else is.
func TestWithout(t *testing.T) {
	params, err := pushsign.Parse("a=1&b=2&a=3")
	require.NoError(t, err)
	for _, tt := range []struct {
		drop string
		want pushsign.Params
	}{{"a", pushsign.Params{{"b", "2"}}}, {"b", pushsign.Params{{"a", "1"}, {"a", "3"}}}, {"c", params}} {
		assert.Equal(t, tt.want, params.Without(func(i int) bool { return params[i][0] == tt.drop }), tt.drop)
	}
	assert.Empty(t, params.Without(func(int) bool { return true }))
	assert.Empty(t, pushsign.Params{}.Without(func(int) bool { return true }))
}

// TestRepeated: a name that is there twice is found among few parameters as among many, but
// for those that may be.
func TestRepeated(t *testing.T) {
	for _, more := range []int{0, pushsign.Few - 3, pushsign.Few - 2, pushsign.Few - 1, 2 * pushsign.Few} {
		for _, tt := range []struct {
			query string
			mayBe []string
			want  bool
		}{
			{"a=1&b=1", nil, false},
			{"a=1&a=1", nil, true},
			{"a=1&a=2", nil, true},
			{"=1&=2", nil, true},
			{"a=1&a=2", []string{"a"}, false},
			{"a=1&a=2", []string{"b", "a"}, false},
			{"a=1&a=2", []string{"b"}, true},
			{"a=b&a=b", []string{"b"}, true}, // a value is no name
			{"a=1&a=2&b=1&b=2", []string{"a"}, true},
			{"b=1&b=2&a=1&a=2", []string{"a"}, true},
		} {
			var ordinary strings.Builder
			for i := range more {
				ordinary.WriteString("&n" + strconv.Itoa(i) + "=1")
			}
			for _, raw := range []string{tt.query + ordinary.String(), ordinary.String() + "&" + tt.query} {
				params, err := pushsign.Parse(raw)
				require.NoError(t, err)
				assert.Equal(t, tt.want, params.Repeated(tt.mayBe...), "%s, may be: %s", raw, tt.mayBe)
			}
		}
	}
}

// TestSorted: the checksum is that of the first value of each name, sorted by name, without
// the parameters that are not signed.
func TestSorted(t *testing.T) {
	for raw, want := range map[string][][2]string{
		"":                 nil,
		"b=2&a=1":          {{"a", "1"}, {"b", "2"}},
		"b=2&a=1&b=0&a=9":  {{"a", "1"}, {"b", "2"}},
		"b=1&a=2":          {{"a", "2"}, {"b", "1"}}, // by name, not by value
		"a=1&b=1":          {{"a", "1"}, {"b", "1"}}, // the same value is no duplicate
		"a=1&=2":           {{"", "2"}, {"a", "1"}},  // one without a name counts too
		"B=1&a=2&A=3":      {{"A", "3"}, {"B", "1"}, {"a", "2"}},
		"ts=1&x=sign":      {{"ts", "1"}, {"x", "sign"}},
		"x=1&sign=2":       {{"x", "1"}},
		"method=m&x=1":     {{"x", "1"}},
		"partnerid=erp&x":  {{"x", ""}},
		"partnerkey=erp&x": {{"x", ""}},
	} {
		params, err := pushsign.Parse(raw)
		require.NoError(t, err)
		assert.Equal(t, pushsign.Of("m", want), params.Sorted("m").String(), raw)
	}
}
