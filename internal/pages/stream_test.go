package pages_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// TestRangeThatWasNotRead: a range that was not read to its end is not committed, whatever
// ended it; the rows before are, and come no more.
func TestRangeThatWasNotRead(t *testing.T) {
	begin := epoch.Add(-time.Hour)
	failure := errors.New("no answer")
	for name, tt := range map[string]struct {
		answers func(n int, q request) page
		fail    int // the request that fails
		stop    int // the row that is not committed
		again   string
		says    string
	}{
		"the first page fails":         {answers: passes("a b | c"), fail: 1, again: "abc", says: "no answer"},
		"the second page fails":        {answers: passes("a b | c"), fail: 2, again: "c", says: "no answer"},
		"the second pass fails":        {answers: passes("a b | c"), fail: 3, again: "", says: "no answer"},
		"the consumer stops":           {answers: passes("a b | c"), stop: 2, again: "bc"},
		"the consumer stops at a last": {answers: passes("a b | c"), stop: 3, again: "c"},
		"a page repeats":               {answers: passes("a b | b a"), again: "c", says: "page 2 repeats"},
		"rows shift":                   {answers: passes("a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | d", "a b | c", "a b | d", "a b | c"), again: "", says: "do not agree"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(tt.answers).inRanges(epoch.Add(time.Hour))
			fetch, n := s.Fetch, 0
			s.Fetch = func(ctx context.Context, req any) (any, pages.Heard, error) {
				if n++; n == tt.fail {
					return nil, pages.Heard{}, failure
				}
				return fetch(ctx, req)
			}
			req := &request{Size: 20, Begin: begin, End: epoch} // a range with full pages would be read in parts
			stream := s.Stream(req, pages.Checkpoint{})
			var err error
			rows := 0
			for _, err = range stream.Rows(t.Context()) {
				if rows++; err != nil || rows == tt.stop {
					break
				}
			}
			if tt.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.says)
			}
			at := stream.Checkpoint()
			assert.Equal(t, begin, at.Time, "the range is not committed")

			stream = scripted(passes("a b | c")).inRanges(epoch.Add(time.Hour)).Stream(req, at)
			got, err := letters(stream.Rows(t.Context()))
			require.NoError(t, err)
			assert.Equal(t, tt.again, got, "read by the next process")
			assert.Equal(t, epoch, stream.Checkpoint().Time)
		})
	}
}

// TestEqualRowsOfAStream: of two equal rows without a key, one that was committed says nothing
// about the other.
func TestEqualRowsOfAStream(t *testing.T) {
	for name, byTime := range map[string]bool{"by time": true, "by row version": false} {
		t.Run(name, func(t *testing.T) {
			open := func(from pages.Checkpoint) *pages.Stream[row] {
				req := &request{Size: 8}
				if byTime {
					req.Begin, req.End = epoch.Add(-time.Hour), epoch
				}
				return scripted(inTurn(page{rows: ".a5 .a5 .b5 .a5", info: last})).inRanges(epoch.Add(2*time.Second)).Stream(req, from)
			}
			at := pages.Checkpoint{}
			for _, want := range []string{"aaba", "aba", "ba", "a", ""} {
				rest, err := letters(open(at).Rows(t.Context()))
				require.NoError(t, err)
				assert.Equal(t, want, rest)
				stream := open(at)
				for _, err := range stream.Rows(t.Context()) { // a process that ends after one row
					require.NoError(t, err)
					stream.Commit()
					break
				}
				at = stream.Checkpoint()
			}
		})
	}
}
