package pages_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// TestMostPages: a list with as many pages as the server returns is complete; one with more
// is an error in place of the next page.
func TestMostPages(t *testing.T) {
	for name, tt := range map[string]struct {
		pages []page
		asked string
		rows  string
		says  string
	}{
		"as many":     {[]page{{rows: "a b", info: counting(4, true)}, {rows: "c d", info: counting(4, false)}}, "12", "abcd", ""},
		"one more":    {[]page{{rows: "a b", info: counting(5, true)}, {rows: "c d", info: counting(5, true)}, {rows: "e"}}, "12", "abcd", "no more than 2 pages"},
		"not counted": {[]page{{rows: "a b", info: more}, {rows: "c d", info: more}, {rows: "e"}}, "12", "abcd", "no more than 2 pages"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(inTurn(tt.pages...))
			s.MaxPages = 2
			got, err := letters(s.All(t.Context(), &request{Size: 2}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
			assert.Equal(t, tt.asked, s.indexes(), "pages requested")
		})
	}
}

// byNext is a server whose answers name the cursor of the next one, here its number.
func byNext(list ...page) *script {
	s := scripted(func(_ int, q request) page {
		if q.Cursor >= int64(len(list)) {
			return page{}
		}
		return list[q.Cursor]
	})
	s.Page = nil
	s.Next = func(q *request, r *reply) (more, stuck bool) {
		stuck = len(r.rows) > 0 && r.rows[0].Version == q.Cursor && q.Cursor > 0
		q.Cursor++
		return r.info.HasNext, stuck
	}
	return s
}

// TestPagesByCursor: a cursor is followed as long as the answer says that there is more, or
// says nothing and has rows.
func TestPagesByCursor(t *testing.T) {
	for name, tt := range map[string]struct {
		pages []page
		calls int
		rows  string
		says  string
	}{
		"has_next":                   {[]page{{rows: "a", info: more}, {rows: "b", info: last}, {rows: "c"}}, 2, "ab", ""},
		"more behind an empty page":  {[]page{{info: more}, {rows: "b", info: last}}, 2, "b", ""},
		"nothing is said":            {[]page{{rows: "a"}, {rows: "b"}}, 3, "ab", ""},
		"nothing is said, no rows":   {[]page{{}, {rows: "b"}}, 1, "", ""},
		"a row that is not decoded":  {[]page{{rows: "?"}, {rows: "b"}}, 3, "b", ""},
		"the same rows again":        {[]page{{rows: "a b", info: more}, {rows: "a b", info: more}, {rows: "c", info: last}}, 3, "abc", ""},
		"the cursor does not change": {[]page{{rows: "a", info: more}, {rows: "b1", info: more}, {rows: "c"}}, 2, "ab", "page 3 has the cursor of the page before"},
	} {
		t.Run(name, func(t *testing.T) {
			s := byNext(tt.pages...)
			got, err := letters(s.All(t.Context(), &request{}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
			assert.Len(t, s.asked, tt.calls, "calls")
		})
	}
}

// TestStopBeforeAPageArrives: a consumer can stop while the next page is on its way; nothing
// is asked for behind it.
func TestStopBeforeAPageArrives(t *testing.T) {
	for name, s := range map[string]*script{
		"by number": scripted(inTurn(page{rows: "a", info: more}, page{rows: "b", info: more}, page{rows: "c", info: more})),
		"by cursor": byNext(page{rows: "a", info: more}, page{rows: "b", info: more}, page{rows: "c", info: more}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fetch := s.Fetch
				s.Fetch = func(ctx context.Context, req any) (any, pages.Heard, error) {
					out, heard, err := fetch(ctx, req)
					if len(s.asked) > 1 {
						time.Sleep(time.Minute) // of the bubble: the server does not hear that nobody waits
					}
					return out, heard, err
				}
				s.Prefetch = 3
				for r, err := range s.All(t.Context(), &request{Size: 2}) {
					require.NoError(t, err)
					assert.Equal(t, "a", r.Key)
					synctest.Wait()
					break
				}
				assert.Len(t, s.asked, 2, "calls")
			})
		})
	}
}

// TestRangeOfAStream: a range with more rows than a checkpoint should hold is not read, but a
// shorter one.
func TestRangeOfAStream(t *testing.T) {
	for name, tt := range map[string]struct {
		size    int64
		first   page
		shorter bool
	}{
		"counted, 200 rows":                    {50, page{rows: "a b", info: counting(200)}, false},
		"counted, 201 rows":                    {50, page{rows: "a b", info: counting(201)}, true},
		"counted, a page of 300":               {300, page{rows: "a b", info: counting(300)}, false},
		"counted, more than a page of 300":     {300, page{rows: "a b", info: counting(301)}, true},
		"full, nothing is said":                {2, page{rows: "a b"}, true},
		"full, no more":                        {2, page{rows: "a b", info: last}, true},
		"not full":                             {3, page{rows: "a b"}, false},
		"a quarter of a page, more":            {8, page{rows: "a b", info: more}, true},
		"less than a quarter, more":            {9, page{rows: "a b", info: more}, false},
		"a quarter of the server's page, more": {50, page{rows: "a b", info: pages.Info{KnowsNext: true, HasNext: true, Size: 8}}, true},
		"nothing":                              {2, page{info: last}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(func(n int, _ request) page {
				if n == 1 {
					return tt.first
				}
				return page{info: last}
			}).inRanges(epoch.AddDate(0, 0, 1))
			req := &request{Size: tt.size, Begin: epoch.AddDate(0, 0, -2), End: epoch}
			for _, err := range s.Stream(req, pages.Checkpoint{}).Rows(t.Context()) {
				_ = err // pages that contradict the first are of no interest here
			}
			require.GreaterOrEqual(t, len(s.asked), 2)
			assert.Equal(t, epoch.AddDate(0, 0, -1), s.asked[0].End, "the first range is a day")
			shorter := s.asked[1].Begin.Equal(s.asked[0].Begin) && s.asked[1].End.Before(s.asked[0].End)
			assert.Equal(t, tt.shorter, shorter, "a shorter range from the same beginning: %v", s.asked[1])
		})
	}
}
