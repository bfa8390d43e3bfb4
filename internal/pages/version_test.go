package pages_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// cursors returns the row versions that were requested, each with the numbers of its pages.
func (s *script) cursors() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out strings.Builder
	for i, q := range s.asked {
		if i == 0 || q.Cursor != s.asked[i-1].Cursor {
			fmt.Fprintf(&out, " %d:", q.Cursor)
		}
		fmt.Fprint(&out, q.Index)
	}
	return strings.TrimSpace(out.String())
}

// byCursor answers the pages of each row version that is requested, and nothing at others.
func byCursor(lists map[int64][]page) func(n int, q request) page {
	return func(n int, q request) page { return inTurn(lists[q.Cursor]...)(n, q) }
}

// TestRowVersions: a page in order moves the cursor to its last version; otherwise the pages
// of a version are read to the end, until two passes over them agree.
func TestRowVersions(t *testing.T) {
	for name, tt := range map[string]struct {
		since int64
		lists map[int64][]page
		asked string
		rows  string
		says  string
	}{
		"nothing": {0, nil, "1:1", "", ""},
		"one page, which is the last": {0, map[int64][]page{
			1: {{rows: "a5 b6", info: last}}, 6: {{rows: "b6", info: last}},
		}, "1:1 6:1", "ab", ""},
		"from a version on, without its rows": {5, map[int64][]page{
			5: {{rows: "a5 b6", info: last}}, 6: {{rows: "b6", info: last}},
		}, "5:1 6:1", "b", ""},
		"in order, more behind": {0, map[int64][]page{
			1: {{rows: "a5 b6", info: more}, {rows: "x9"}}, 6: {{rows: "b6 c7", info: last}}, 7: {{rows: "c7", info: last}},
		}, "1:1 6:1 7:1", "abc", ""},
		"one version is in order": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}, {rows: "x9"}}, 5: {{rows: "a5 b5", info: last}},
		}, "1:1 5:1", "ab", ""},
		"out of order": {0, map[int64][]page{
			1: {{rows: "a6 b5", info: more}, {rows: "c4", info: last}}, 6: {{rows: "a6", info: last}},
		}, "1:1212 6:1", "abc", ""},
		"out of order and alone": {0, map[int64][]page{
			1: {{rows: "a6 b5", info: last}}, 6: {{rows: "a6", info: last}},
		}, "1:1 6:1", "ab", ""},
		"more of one version than a page holds": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {rows: "c5 d5", info: more}, {rows: "e5", info: last}},
		}, "1:1 5:123123123123", "abcde", ""},
		"rows below the cursor": {5, map[int64][]page{
			5: {{rows: "a3 b4 c6", info: last}}, 6: {{rows: "a3 b4 c6", info: last}},
		}, "5:1 6:1212", "c", ""},
		"a row changes": {0, map[int64][]page{
			1: {{rows: "a5 b6", info: last}}, 6: {{rows: "b6 A7", info: last}}, 7: {{rows: "A7", info: last}},
		}, "1:1 6:1 7:1", "abA", ""},
		"without keys": {0, map[int64][]page{
			1: {{rows: ".a5 .a5", info: more}}, 5: {{rows: ".a5 .a5", info: more}, {rows: ".a5 .b5", info: more}, {rows: ".a5", info: last}},
		}, "1:1 5:123123123123", "aaaba", ""},
		"without a version": {0, map[int64][]page{
			1: {{rows: "a5 b", info: last}},
		}, "1:1", "a", "row b has no row version to follow"},
		"of version 1": {0, map[int64][]page{
			1: {{rows: "a1", info: last}},
		}, "1:11", "a", ""},

		// pages of one version
		"a page repeats": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {rows: "b5 a5", info: more}},
		}, "1:1 5:12", "ab", "page 2 repeats the page before"},
		"a short page repeats and says nothing": {0, map[int64][]page{
			1: {{rows: "a5"}}, 5: {{rows: "a5"}, {rows: "a5"}, {rows: "x5"}},
		}, "1:1 5:1212", "a", ""},
		"a short page of the same keys says nothing": {0, map[int64][]page{
			1: {{rows: "a5 b5"}}, 5: {{rows: "a5 b5"}, {rows: "A5 B5"}, {rows: "c5"}},
		}, "1:1 5:12", "ab", "page 2 has the keys of the page before"},
		"an empty page promises more": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {info: more}, {rows: "c5", info: last}},
		}, "1:1 5:123123123123", "abc", ""},
		"an empty first page promises more": {0, map[int64][]page{
			1: {{info: more}, {rows: "a5", info: last}}, 5: {{rows: "a5", info: last}},
		}, "1:1212 5:1", "a", ""},
		"two empty pages promise more": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {info: more}, {info: more}, {rows: "c5"}},
		}, "1:1 5:123", "ab", "empty pages promise more at row version 5"},
		"the second empty page is the last": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {info: more}, {info: last}, {rows: "x5"}},
		}, "1:1 5:123123", "ab", ""},
		"an empty page, and a row that cannot be decoded": {0, map[int64][]page{
			1: {{rows: "a5 b5", info: more}}, 5: {{rows: "a5 b5", info: more}, {info: more}, {rows: "?", info: more}, {rows: "c5", info: last}},
		}, "1:1 5:1234123412341234", "abc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(byCursor(tt.lists))
			got, err := letters(s.Since(t.Context(), tt.since, &request{Size: 3}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
			assert.Equal(t, tt.asked, s.cursors(), "versions and pages requested")
		})
	}
}

// TestRowVersionsShift: the pages of one version are read until two passes over them agree in
// all of their rows, since a row that left let another slip to a page already read.
func TestRowVersionsShift(t *testing.T) {
	for name, tt := range map[string]struct {
		passes []string // pages 1 and 2 of version 5, for each pass; the last one stays
		rows   string
		says   string
	}{
		"nothing shifts":                     {[]string{"a5 b5, c5 d5"}, "abcd", ""},
		"the second pass finds a row":        {[]string{"a5 b5, c5 d5", "a5 b5, d5 e5"}, "abcde", ""},
		"another order is no difference":     {[]string{"a5 b5, c5 d5", "b5 a5, d5 c5"}, "abcd", ""},
		"page 2 differs, then shows a row":   {[]string{"a5 b5, c5 d5", "a5 b5, c5 d5", "a5 b5, d5", "a5 b5, c5 d5", "a5 b5, c5 d5 e5"}, "abcde", ""},
		"page 1 differs, then page 2 shows":  {[]string{"a5 b5, c5 d5", "a5 b5, c5 d5", "b5, c5 d5", "a5 b5, c5 d5", "a5 b5, c5 d5 e5"}, "abcde", ""},
		"a pass agrees only with its last":   {[]string{"a5 b5, c5 d5", "a5 b5, d5", "a5 b5, c5 d5", "a5 b5, c5", "a5 b5, c5", "a5 b5, c5 d5 e5"}, "abcde", ""},
		"no two passes agree":                {[]string{"a5, b5", "a5, c5", "a5, b5", "a5, c5", "a5, b5", "a5, c5", "a5, b5", "a5, c5", "a5, x5"}, "abc", "8 passes over them do not agree"},
		"the eighth agrees with the seventh": {[]string{"a5, b5", "a5, c5", "a5, b5", "a5, c5", "a5, b5", "a5, c5", "a5, b5", "a5, b5", "a5, d5"}, "abcd", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pass := 0
			s := scripted(func(_ int, q request) page {
				if q.Cursor == 1 { // page 1, before it was followed
					first, _, _ := strings.Cut(tt.passes[0], ",")
					return page{rows: first, info: more}
				}
				if q.Index == 1 {
					pass++
				}
				first, second, _ := strings.Cut(tt.passes[min(pass, len(tt.passes))-1], ",")
				if q.Index == 1 {
					return page{rows: first, info: more}
				}
				return page{rows: second, info: last}
			})
			got, err := letters(s.Since(t.Context(), 0, &request{Size: 4}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
		})
	}
}

// TestStopByRowVersion: a consumer can stop at any row; nothing is asked for behind it.
func TestStopByRowVersion(t *testing.T) {
	calls := 0
	for stop := 1; stop <= 6; stop++ {
		s := scripted(func(n int, q request) page {
			third := "e5"
			if n > 4 { // another row in the second pass
				third = "e5 f5"
			}
			return inTurn(page{rows: "a5 b5", info: more}, page{rows: "c5 d5", info: more}, page{rows: third, info: last})(n, q)
		})
		n := 0
		for _, err := range s.Since(t.Context(), 4, &request{Size: 3}) {
			require.NoError(t, err)
			if n++; n == stop {
				break
			}
		}
		assert.Equal(t, stop, n)
		assert.GreaterOrEqual(t, len(s.asked), calls)
		calls = len(s.asked)
		assert.LessOrEqual(t, calls, []int{1, 1, 3, 3, 4, 7}[stop-1], "%d rows", stop)
	}
}

// TestRowVersionsInOneAnswer: of a query without pages, rows that do not fit in an answer are
// an error, unless the cursor can move on.
func TestRowVersionsInOneAnswer(t *testing.T) {
	s := scripted(byCursor(map[int64][]page{0: nil, 1: {{rows: "a5 b6", info: more}}, 6: {{rows: "b6 c6", info: more}}}))
	s.Page = nil
	fetch := s.Fetch
	s.Fetch = func(ctx context.Context, req any) (any, pages.Heard, error) {
		req.(*request).Index = 1
		return fetch(ctx, req)
	}
	got, err := letters(s.Since(t.Context(), 0, &request{}))
	assertEnd(t, "more rows than an answer holds at one row version, 6", err)
	assert.Equal(t, "abc", got)
}

// TestNoTotal: what follows the row version asks the server not to count, if it can be asked.
func TestNoTotal(t *testing.T) {
	store := func(_ int, q request) page {
		switch {
		case q.Cursor <= 700:
			return page{rows: "a600 b700", info: last}
		case q.Cursor <= 900:
			return page{rows: "c900", info: last}
		}
		return page{info: last}
	}
	for _, asks := range []bool{true, false} {
		for name, read := range map[string]func(s *script) error{
			"since": func(s *script) error { _, err := letters(s.Since(t.Context(), 0, nil)); return err },
			"stream": func(s *script) error {
				_, err := letters(s.Stream(nil, pages.Checkpoint{}).Rows(t.Context()))
				return err
			},
			"stream from now on": func(s *script) error {
				stream := s.Stream(nil, pages.Checkpoint{From: pages.FromNow})
				got, err := letters(stream.Rows(t.Context()))
				assert.Empty(t, got)
				assert.Equal(t, int64(901), stream.Checkpoint().Cursor, "behind the highest version")
				return err
			},
		} {
			s := scripted(store)
			if !asks {
				s.Pages.NoTotal = nil
			}
			require.NoError(t, read(s), name)
			for _, q := range s.asked {
				assert.Equal(t, asks, q.NoTotal, name)
			}
			assert.NotEmpty(t, s.asked, name)
		}
	}
}
