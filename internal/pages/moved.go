package pages

import (
	"context"
	"hash/maphash"
	"maps"
	"reflect"
	"time"
)

// Rows move to a later page when rows enter before them: they are met again and must
// be given once. They move to an earlier page when rows leave: the window is then read
// again for those that were missed.

// recentPages is how many pages back a row is recognised.
const recentPages = 4

// stamp is what a row is recognised by.
type stamp struct {
	key      string
	modified time.Time
}

// recent remembers the rows of the last pages. A row that changes while it is read may
// come twice.
type recent[Row any] struct {
	key      func(*Row) string // nil: rows cannot be told apart
	modified func(*Row) time.Time
	pages    [recentPages]map[string]time.Time // by key; the page in progress first
	stamps   []stamp                           // of the page in progress, row by row
}

// turn remembers the rows of a page and reports whether they are those of the page
// before.
func (d *recent[Row]) turn(rows []Row) (repeats bool) {
	if d.key == nil {
		return false
	}
	page := make(map[string]time.Time, len(rows))
	d.stamps = d.stamps[:0]
	for i := range rows {
		s := stamp{key: d.key(&rows[i])}
		if d.modified != nil {
			s.modified = d.modified(&rows[i])
		}
		d.stamps = append(d.stamps, s)
		page[s.key] = s.modified
	}
	repeats = len(page) > 0 && maps.EqualFunc(page, d.pages[0], time.Time.Equal)
	copy(d.pages[1:], d.pages[:])
	d.pages[0] = page
	return repeats
}

// met reports whether row i of the page in progress stood on one of the pages before,
// or above it on this one. Two rows of one key on one page did not move: both are
// given unless they are equal.
func (d *recent[Row]) met(rows []Row, i int) bool {
	own := d.stamps[i]
	for _, page := range d.pages[1:] {
		if at, ok := page[own.key]; ok && at.Equal(own.modified) {
			return true
		}
	}
	if len(d.pages[0]) == len(rows) {
		return false // no key is there twice
	}
	for j := range rows[:i] {
		if d.stamps[j].key == own.key && reflect.DeepEqual(rows[j], rows[i]) {
			return true
		}
	}
	return false
}

// rereads is how often a window whose rows moved is read again at most.
const rereads = 5

// reread ends a window. When fewer rows came than the server counted, rows moved to
// pages that had been read already: the window is read again for them, until all are
// there or none is found any more. False ends the loop.
func (r *reader[Req, Reply, Row]) reread(ctx context.Context) bool {
	if r.req == nil || r.Key == nil || r.Page == nil {
		return true
	}
	for pass := 0; pass < rereads && r.tally.short(); pass++ {
		before := r.tally.again()
		if !r.pass(ctx) {
			return false
		}
		if r.tally.distinct() == before {
			break
		}
	}
	return true
}

// pass reads the window once more, one page after another, and yields the rows that
// were not given before.
func (r *reader[Req, Reply, Row]) pass(ctx context.Context) bool {
	q := *r.req
	index, size := r.Page(&q)
	for *index = 1; ; *index++ {
		reply, err := r.Fetch(ctx, &q)
		if err != nil {
			r.yield(nil, err)
			return false
		}
		rows, info := r.Rows(reply), r.Info(reply)
		r.tally.page(info.Total)
		for i := range rows {
			if r.tally.row(r.Key(&rows[i])) && !r.yield(&rows[i], nil) {
				return false
			}
		}
		if len(rows) == 0 || !info.more(*index, *size, len(rows)) {
			return true
		}
	}
}

// keptRows bounds the memory of a window. Beyond it rows are not compared with the
// server's count any more: shorter time ranges are better then.
const keptRows = 200_000

// tally counts the rows of a window and compares them with what the server says.
type tally struct {
	seed     maphash.Seed
	seen     map[uint64]struct{}
	overflow bool
	highest  int64 // total that the server told
	fell     bool  // the total went down while pages were read
}

// row notes a key and reports whether it is new.
func (w *tally) row(key string) bool {
	if w.overflow {
		return false
	}
	if w.seen == nil {
		w.seed, w.seen = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	h := maphash.String(w.seed, key)
	if _, ok := w.seen[h]; ok {
		return false
	}
	if len(w.seen) == keptRows {
		w.overflow, w.seen = true, nil
		return false
	}
	w.seen[h] = struct{}{}
	return true
}

// page notes the total of an answer, 0 for none.
func (w *tally) page(total int64) {
	if total <= 0 {
		return
	}
	w.fell = w.fell || total < w.highest
	w.highest = max(w.highest, total)
}

// again starts another pass over the window.
func (w *tally) again() (distinct int) {
	w.fell, w.highest = false, 0
	return len(w.seen)
}

func (w *tally) distinct() int { return len(w.seen) }

// short reports whether rows may have been missed.
func (w *tally) short() bool {
	return !w.overflow && w.highest > 0 && (w.fell || int64(len(w.seen)) < w.highest)
}
