package pushsign_test

import (
	"net/url"
	"slices"
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
