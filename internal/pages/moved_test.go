package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// passes answers the pages of one pass after another, each separated by " | ", with a total
// behind "=" if it counts; the last pass stays. A list without totals has has_next.
func passes(list ...string) func(n int, q request) page {
	pass := 0
	return func(_ int, q request) page {
		if q.Index == 1 {
			pass++
		}
		parts := strings.Split(list[min(pass, len(list))-1], " | ")
		if q.Index > int64(len(parts)) {
			return page{info: last}
		}
		rows, total, counts := strings.Cut(parts[q.Index-1], "=")
		switch {
		case counts:
			return page{rows: rows, info: counting(int64(total[0] - '0'))}
		case q.Index < int64(len(parts)):
			return page{rows: rows, info: more}
		}
		return page{rows: rows, info: last}
	}
}

// TestRowsThatShift: a list of several pages is read until it is known that no row was
// missed.
func TestRowsThatShift(t *testing.T) {
	for name, tt := range map[string]struct {
		passes []string
		asked  string
		rows   string
		says   string
	}{
		"as many as are counted":              {[]string{"a b c=4 | d=4"}, "12", "abcd", ""},
		"one of them cannot be decoded":       {[]string{"a b ?=4 | d=4"}, "12", "abd", ""},
		"fewer than are counted":              {[]string{"a b c=4 | =4", "a b c=4 | d=4"}, "121212", "abcd", ""},
		"more than are counted":               {[]string{"a b c=4 | d e=4"}, "1212", "abcde", ""},
		"the count falls":                     {[]string{"a b c=5 | e=4", "b c d=4 | e=4"}, "121212", "abced", ""},
		"the count rises":                     {[]string{"a b c=4 | d=5", "a b c=5 | d e=5"}, "1231212", "abcde", ""},
		"the count falls in the second pass":  {[]string{"a b c=5 | d=5", "a b c=5 | d=4", "a b c=4 | e=4"}, "123121212", "abcde", ""},
		"each page counts its own, all shift": {[]string{"a b c=3 | ", "b c d=3 | "}, "121212", "abcd", ""},
		"only one page counts":                {[]string{"a b c=4 | d=0"}, "123", "abcd", ""},
		"no counts, two passes agree":         {[]string{"a b c | d"}, "1212", "abcd", ""},
		"no counts, the second finds a row":   {[]string{"a b c | d", "a b c | e"}, "121212", "abcde", ""},
		"no counts, the second lacks a row":   {[]string{"a b c | d", "a b c | ", "a b e | d"}, "12121212", "abcde", ""},
		"no counts, another order":            {[]string{"a b c | d", "d c b | a"}, "1212", "abcd", ""},
		"no counts, no two agree":             {[]string{"a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | d", "a b | d"}, strings.Repeat("12", 8), "abcd", "8 passes over them do not agree"},
		"the eighth agrees":                   {[]string{"a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | c", "a b | e"}, strings.Repeat("12", 8), "abcd", ""},
		"a row moves to the next page":        {[]string{"a b c=4 | c d=4"}, "12", "abcd", ""},
		"a row changes":                       {[]string{"a b c=4 | A=4"}, "12", "abcA", ""},
		"without keys":                        {[]string{".a .a .b=4 | .a=4"}, "12", "aaba", ""},
		"without keys, no counts":             {[]string{".a .a .b | .a"}, "1212", "aaba", ""},
		"without keys, the second has more":   {[]string{".a .b | .a", ".a .b | .a .a"}, "121212", "abaa", ""},
		"without keys, the second has others": {[]string{".a .b | .a", ".a .c | .a"}, "121212", "abac", ""},
		"a page repeats in the second pass":   {[]string{"a b c | d", "a b c | c b a"}, "1212", "abcd", "page 2 repeats the page before"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(passes(tt.passes...))
			got, err := letters(s.All(t.Context(), &request{Size: 3}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
			assert.Equal(t, tt.asked, s.indexes(), "pages requested")
		})
	}
}

// TestStopInASecondPass: the consumer can stop at a row that the second pass finds.
func TestStopInASecondPass(t *testing.T) {
	s := scripted(passes("a b c | d", "e f c | d"))
	var got strings.Builder
	for r, err := range s.All(t.Context(), &request{Size: 3}) {
		require.NoError(t, err)
		if got.WriteRune(rune(r.Content)); r.Key == "e" {
			break
		}
	}
	assert.Equal(t, "abcde", got.String())
	assert.Equal(t, "121", s.indexes(), "pages requested")
}

// TestCountOfARange: one pass over a range is enough if nothing can enter it any more: its
// end is over for a second, the margin of the servers' clocks and the time that rows need to
// become visible.
func TestCountOfARange(t *testing.T) {
	for _, tt := range []struct {
		over, overlap time.Duration
		asked         string
	}{
		{3 * time.Second, 0, "1212"},
		{3*time.Second + 1, 0, "12"},
		{time.Hour, 0, "12"},
		{-time.Hour, 0, "1212"},
		{63 * time.Second, time.Minute, "1212"},
		{63*time.Second + 1, time.Minute, "12"},
	} {
		s := scripted(passes("a b c=4 | d=4")).inRanges(epoch)
		s.Overlap = tt.overlap
		got, err := letters(s.All(t.Context(), &request{Size: 3, Begin: epoch.Add(-30 * time.Hour), End: epoch.Add(-tt.over)}))
		require.NoError(t, err)
		assert.Equal(t, "abcd", got)
		assert.Equal(t, tt.asked, s.indexes(), "%s over, rows visible after %s", tt.over, tt.overlap)
	}
}
