package pages

import (
	"context"
	"time"
)

// Rows shift to a later page when rows are inserted before them: then they are returned
// again, and yielded once. They shift to an earlier page when rows leave the result: if
// that page has already been read, they would be missed. Therefore a window of several
// pages is read until its rows are known to be complete ([tally.complete]), and otherwise
// the loop ends with an error.

// passes is the maximum number of times that a window is read.
const passes = 8

// keptRows limits the memory of a window. Of a longer window only the last rows are
// remembered, and it cannot be read again.
const keptRows = 500_000

// tally records the rows of a window.
type tally struct {
	seen, before map[uint64]int // rows yielded, by stamp; before holds those that exceed keptRows
	overflow     bool
	head         int64 // rows of the first page

	// State of the current pass.
	number  int            // of the pass, from 1
	total   int64          // count reported by the server
	moved   bool           // the count has changed
	fresh   int            // rows that no earlier pass had
	left    int64          // rows that could not be decoded
	sum     uint64         // of the stamps, independent of their order
	last    uint64         // sum of the previous pass
	keyless map[uint64]int // rows without a key
}

func newTally() *tally { return &tally{} }

// open begins a window.
func (t *tally) open(head int) {
	*t = tally{seen: map[uint64]int{}, head: int64(head)}
	t.again()
}

// again begins a pass.
func (t *tally) again() {
	t.number++
	t.last = t.sum
	t.total, t.moved, t.fresh, t.left, t.sum, t.keyless = 0, false, 0, 0, 0, nil
}

// page records what an answer says about the whole window.
func (t *tally) page(i Info) {
	total := i.Total
	t.left += int64(i.heard.Left)
	t.moved = t.moved || total > 0 && t.total > 0 && total != t.total
	if total > 0 {
		t.total = total
	}
}

// row records a row and reports whether it must be yielded, which is the case if no earlier
// row was the same. Rows without a key are yielded as often as they occur in a pass.
func (t *tally) row(s stamp) bool {
	t.sum += mix(s.id, 0)
	known := t.seen[s.id]
	if s.key == "" {
		if t.keyless == nil {
			t.keyless = map[uint64]int{}
		}
		if t.keyless[s.id]++; t.keyless[s.id] <= known {
			return false
		}
	} else if known > 0 || t.before[s.id] > 0 {
		return false
	}
	t.fresh++
	if len(t.seen) >= keptRows {
		t.overflow, t.before, t.seen = true, t.seen, map[uint64]int{}
	}
	t.seen[s.id] = known + 1
	return true
}

// complete reports whether the pass proves that no row was missed. settled is that no
// row can enter the window any more, so that a count that did not change means that none
// has left; atomic that all rows came in one answer.
//
//   - With counts: the count is stable, and either nothing new was found, or the pass is
//     the first over a settled window and has as many rows as are counted, which are more
//     than those of the first page: some servers count the rows of an answer only.
//   - Without: two passes agree.
func (t *tally) complete(settled, atomic bool) bool {
	switch {
	case atomic:
		return true
	case t.total > 0 && t.moved:
		return false
	case t.total > 0 && t.number == 1:
		return settled && t.total > t.head && int64(t.fresh)+t.left == t.total
	case t.total > 0:
		return t.fresh == 0
	}
	return t.number > 1 && t.fresh == 0 && t.sum == t.last
}

// verify ends a window: it is read again until it is complete. False ends the loop.
func (r *reader) verify(ctx context.Context) bool {
	if r.first == nil || r.f.p.Page == nil {
		return true
	}
	atomic := r.pages.last == r.first
	for !r.tally.complete(r.unchanging(r.first.req, r.first.begun), atomic) {
		if r.tally.overflow || r.tally.number == passes {
			r.yield(nil, r.f.p.inconsistent("rows shift between pages, and the %d passes over them do not agree: ask for a shorter time range / "+
				"翻页期间数据持续变化，请缩短时间范围", r.tally.number))
			return false
		}
		r.tally.again()
		if !r.pass(ctx) {
			return false
		}
	}
	return true
}

// unchanging reports whether no row can enter the time range of a request that was sent at
// a time of the host's clock. For a query without a time range this is unknown, and its
// counts are trusted.
func (r *reader) unchanging(req any, begun time.Time) bool {
	end := r.f.p.end(req)
	return end.IsZero() || end.Add(time.Second).Before(r.f.p.settled(begun))
}

// pass reads the window once more, page by page, and yields the rows that were not yielded
// before.
func (r *reader) pass(ctx context.Context) bool {
	req := r.first.req
	r.pages, r.empty = turned{}, 0
	for index := int64(1); ; index++ {
		page := r.f.p.ask(req, index)
		r.f.p.load(ctx, r.f.contents, page)
		if page.err == nil {
			page.err = r.check(page)
		}
		if page.err != nil {
			r.yield(nil, page.err)
			return false
		}
		if !r.give(page) {
			return false
		}
		if r.pages.next() == none {
			return true
		}
	}
}
