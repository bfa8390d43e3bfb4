package pages_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/call"
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

// TestLongWalk: what takes longer than an observation of the server's clock is valid ends where
// something quick does, also if the host's clock is behind.
func TestLongWalk(t *testing.T) {
	const behind = time.Minute
	loops := map[string]func(s *script, req *request) iter.Seq2[*row, error]{
		"stream": func(s *script, req *request) iter.Seq2[*row, error] {
			return s.Stream(req, pages.Checkpoint{}).Rows(t.Context())
		},
		"All": func(s *script, req *request) iter.Seq2[*row, error] { return s.All(t.Context(), req) },
	}
	for name, loop := range loops {
		for pace, each := range map[string]time.Duration{"quick": time.Second, "slow": 11 * time.Minute} {
			t.Run(name+" "+pace, func(t *testing.T) {
				s, now, clock := scripted(func(int, request) page { return page{info: last} }), epoch, &call.Clock{}
				s.Window, s.WindowMax = func(q *request) (begin, end *time.Time) { return &q.Begin, &q.End }, 24*time.Hour
				var mu sync.Mutex
				s.Now, s.Clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }, clock
				fetch := s.Fetch
				s.Fetch = func(ctx context.Context, req any) (any, pages.Heard, error) {
					mu.Lock()
					sent := now
					now = now.Add(each)
					clock.Observe(http.Header{"Date": {sent.Add(behind).UTC().Format(http.TimeFormat)}}, sent, sent)
					mu.Unlock()
					return fetch(ctx, req)
				}
				_, err := letters(loop(s, &request{Size: 20, Begin: epoch.AddDate(0, 0, -10)}))
				require.NoError(t, err)
				assert.Greater(t, len(s.asked), 5, "several ranges")
				// Its Date has whole seconds.
				assert.Equal(t, epoch.Add(behind+time.Second), s.asked[len(s.asked)-1].End, "the server's time at the beginning")
			})
		}
	}
}
