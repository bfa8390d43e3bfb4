package pages_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// content is a row with members of every kind. Its key is no part of its content.
type content struct {
	Key    string `json:",embed"`
	Flag   *bool
	Int    int64
	Small  int8
	Size   uint16
	Float  float64
	Text   string
	Other  string
	Raw    json.RawMessage
	Bytes  []byte
	Texts  []string
	Flags  [2]bool
	Map    map[string]int64
	Number *int64
	Time   time.Time
	Amount decimal.Decimal
	Deep   []deep
}

type deep struct {
	Name  string
	Qty   decimal.Decimal
	Until *time.Time
	Left  any
}

// takenForOther reads rows that all come in one answer, and returns those that are taken for one
// before.
func takenForOther(t *testing.T, rows ...content) []content {
	t.Helper()
	read := map[*content]bool{}
	for r, err := range oneAnswer(rows).All(t.Context(), nil) {
		require.NoError(t, err)
		read[r] = true
	}
	var out []content
	for i := range rows {
		if !read[&rows[i]] {
			out = append(out, rows[i])
		}
	}
	return out
}

// oneAnswer is a server that answers the same rows to everything.
func oneAnswer(rows []content) *pages.Pages[request, []content, content] {
	return &pages.Pages[request, []content, content]{
		Query: pages.Query[request, []content, content]{
			PageSize: int64(len(rows) + 1),
			Page:     func(q *request) (index, size *int64) { return &q.Index, &q.Size },
			Rows:     func(r *[]content) []content { return *r },
			Info:     func(*[]content) pages.Info { return last },
			Key:      func(r *content) string { return r.Key },
			Cursor:   func(q *request) *int64 { return &q.Cursor },
			Version:  func(*content) int64 { return 7 },
		},
		Service: pages.Service{
			Now: time.Now, Prefetch: 1, Fail: func(_ pages.Reason, cause error) error { return cause },
			Fetch: func(context.Context, any) (any, pages.Heard, error) { return &rows, pages.Heard{}, nil },
		},
	}
}

// TestContentsThatDiffer: rows of one key that differ anywhere are different rows.
func TestContentsThatDiffer(t *testing.T) {
	at := time.Date(2024, 6, 1, 8, 0, 0, 0, time.UTC)
	later := at.Add(time.Second)
	big := decimal.RequireFromString("12345678901234567890.5")
	rows := []content{
		{},
		{Flag: new(true)}, {Flag: new(false)}, {Flags: [2]bool{true, false}}, {Flags: [2]bool{false, true}},
		{Int: 1}, {Int: 2}, {Int: -1}, {Int: 10}, {Small: 1}, {Size: 1}, {Size: 2}, {Float: 1}, {Float: 1.5},
		{Number: new(int64(0))}, {Number: new(int64(1))},
		{Text: "a"}, {Other: "a"}, {Text: "a", Other: "b"}, {Text: "ab"}, {Text: "b", Other: "a"},
		{Raw: json.RawMessage(`{}`)}, {Raw: json.RawMessage(`{"a":1}`)}, {Bytes: []byte("{}")},
		{Texts: []string{"a"}}, {Texts: []string{"b"}}, {Texts: []string{"a", "b"}}, {Texts: []string{"b", "a"}}, {Texts: []string{"ab"}}, {Texts: []string{"a", ""}},
		{Map: map[string]int64{"a": 1}}, {Map: map[string]int64{"a": 2}}, {Map: map[string]int64{"b": 1}},
		{Map: map[string]int64{"a": 1, "b": 2}}, {Map: map[string]int64{"a": 2, "b": 1}},
		{Time: at}, {Time: later}, {Time: at.Add(time.Nanosecond)},
		{Amount: decimal.RequireFromString("1.5")}, {Amount: decimal.RequireFromString("15")}, {Amount: decimal.RequireFromString("150")},
		{Amount: decimal.RequireFromString("-1.5")}, {Amount: decimal.RequireFromString("1.05")}, {Amount: decimal.RequireFromString("105")},
		{Amount: big}, {Amount: big.Neg()}, {Amount: big.Add(decimal.New(1, -1))},
		{Deep: []deep{{Name: "a"}}}, {Deep: []deep{{}, {Name: "a"}}}, {Deep: []deep{{Name: "a", Qty: decimal.New(1, 0)}}},
		{Deep: []deep{{Until: &at}}}, {Deep: []deep{{Until: &later}}}, {Deep: []deep{{Left: "a"}}}, {Deep: []deep{{Left: int64(7)}}},
	}
	for i := range rows {
		rows[i].Key = "k"
	}
	assert.Empty(t, takenForOther(t, rows...))
}

// TestContentsThatAreTheSame: how a value is spelled is no difference.
func TestContentsThatAreTheSame(t *testing.T) {
	at := time.Date(2024, 6, 1, 8, 0, 0, 0, time.UTC)
	there := at.In(time.FixedZone("CST", 8*3600))
	number := decimal.RequireFromString
	for name, rows := range map[string][]content{
		"decimals":            {{Amount: number("1.5")}, {Amount: number("1.50")}, {Amount: number("1.500")}},
		"whole decimals":      {{Amount: number("150")}, {Amount: number("1.5e2")}, {Amount: number("150.00")}},
		"negative decimals":   {{Amount: number("-0.5")}, {Amount: number("-0.50")}},
		"no amount":           {{}, {Amount: number("0")}, {Amount: number("0.00")}},
		"zones":               {{Time: at}, {Time: there}},
		"zones, deep":         {{Deep: []deep{{Until: &at}}}, {Deep: []deep{{Until: &there}}}},
		"null and absent":     {{}, {Raw: json.RawMessage("null")}},
		"the order of a map":  {{Map: map[string]int64{"a": 1, "b": 2, "c": 3}}, {Map: map[string]int64{"c": 3, "b": 2, "a": 1}}},
		"copies of pointers":  {{Number: new(int64(7))}, {Number: new(int64(7))}},
		"copies of long text": {{Text: strings.Repeat("单", 9)}, {Text: strings.Repeat("单", 9)}},
	} {
		for i := range rows {
			rows[i].Key = "k"
		}
		assert.Equal(t, rows[1:], takenForOther(t, rows...), name)
	}
}

// TestTextsThatDiffer: a text differs from every other, whatever its length and wherever they
// differ, in a member and in the key.
func TestTextsThatDiffer(t *testing.T) {
	texts := map[string]bool{"": true}
	for n := 1; n <= 25; n++ {
		text := []byte(strings.Repeat("a", n))
		texts[string(text)] = true
		texts[string(text)+"\x00"] = true
		for i := range text {
			for _, c := range []byte{'b', 0, 0xff} {
				text[i] = c
				texts[string(text)] = true
			}
			text[i] = 'a'
		}
	}
	var members, keys []content
	for text := range texts {
		members = append(members, content{Key: "k", Text: text})
		if text != "" {
			keys = append(keys, content{Key: text})
		}
	}
	assert.Empty(t, takenForOther(t, members...), "in a member")
	assert.Empty(t, takenForOther(t, keys...), "in the key")
}

// TestRowsWithoutKey: a key of zeros is none, so that equal rows may be two.
func TestRowsWithoutKey(t *testing.T) {
	for key, want := range map[string]int{"": 3, "0": 3, "0|0": 3, "|": 3, "10": 1, "a": 1, "0|a": 1, "0|1|0": 1} {
		row := content{Key: key, Text: "x"}
		assert.Len(t, takenForOther(t, row, row, row), 3-want, fmt.Sprintf("key %q", key))
	}
}

// TestEntriesOfACheckpoint: the names of the rows in a checkpoint are stored. Another release
// must find them.
func TestEntriesOfACheckpoint(t *testing.T) {
	at := time.Date(2024, 6, 1, 8, 0, 0, 1, time.UTC)
	rows := []content{
		{Key: "k-0123456789|7", Text: "0123456789abcdef0"},
		{Key: "k", Flag: new(true), Int: -1, Small: 1, Size: 1, Float: 1.5, Number: new(int64(0)), Raw: json.RawMessage(`{"a":1}`)},
		{Key: "k", Texts: []string{"a", "b"}, Flags: [2]bool{true, false}, Map: map[string]int64{"a": 1, "b": 2}, Time: at},
		{Key: "k", Amount: decimal.RequireFromString("12345678901234567890.5")},
		{Key: "k", Deep: []deep{{Name: "a", Qty: decimal.RequireFromString("-1.50"), Until: &at, Left: "b"}, {}}},
		{Text: "a"},
		{Text: "a"},
	}
	stream := oneAnswer(rows).Stream(nil, pages.Checkpoint{})
	n := 0
	for _, err := range stream.Rows(t.Context()) {
		require.NoError(t, err)
		if n++; n == len(rows) {
			stream.Commit()
			break
		}
	}
	assert.Equal(t, map[string]int64{
		"k-0123456789|7#yhdabfnomn": 7, "k#c9v4u29xjz": 7, "k#cpi4a1b3w8": 7, "k#p54rp9r58z": 7, "k#z9xiurv1qa": 7,
		"#c9b4c90jut": 7, "#c9b4c90jut*2": 7,
	}, stream.Checkpoint().Done)
}
