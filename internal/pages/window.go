package pages

import (
	"context"
	"time"
)

// windows splits a request whose time range is too long into requests that the server
// accepts. Adjacent ranges share their boundary, since both ends belong to a range and
// times have fractions; a row on a boundary is yielded once.
type windows struct {
	p         *pager
	req       any
	from, end time.Time
	begun     time.Time // by the host's clock, for an open-ended range; otherwise zero
	done      bool
	planned   any // the request that next will return, once it is known

	// Of a range that is read in parts, see [InParts].
	most  int64         // rows of a part, 0: the range is not divided
	step  time.Duration // length of a part, 0: all of the range
	whole *fetched      // what was divided, until a part is known to have fewer rows
}

type partsKey struct{}

// InParts returns a context with which All reads a time range that counts more rows in shorter
// ranges, down to a second, so that the rows that it remembers are bounded. It is for queries
// whose time range has whole seconds: a server that filters by days returns rows in several
// parts.
func InParts(ctx context.Context, rows int64) context.Context {
	return context.WithValue(ctx, partsKey{}, rows)
}

func (p *pager) split(req any) (*windows, error) {
	w := &windows{p: p, req: p.first(req)}
	if p.Window == nil {
		return w, nil
	}
	begin, end := p.Window(w.req)
	if begin.IsZero() {
		return w, nil
	}
	if end.IsZero() {
		w.begun = p.Now()
		*end = p.now(w.begun)
	}
	if end.Before(*begin) {
		return nil, p.backwards()
	}
	w.from, w.end = *begin, *end
	return w, nil
}

func (p *pager) backwards() error {
	return p.invalid("the time range ends before it begins / 结束时间早于开始时间")
}

// next returns the request of the next window.
func (w *windows) next() (req any, ok bool) {
	req, ok = w.peek()
	switch {
	case !ok:
		return w.late()
	case w.from.IsZero():
		w.done = true
	default:
		w.planned = nil
		w.from = w.end
		if _, end := w.p.Window(req); end.Before(w.end) {
			w.from = *end
		}
		w.done = !w.from.Before(w.end)
	}
	return req, true
}

// peek returns the request that next will return, if it is already known.
func (w *windows) peek() (req any, ok bool) {
	if w.done || w.from.IsZero() {
		return w.p.copy(w.req), !w.done
	}
	if w.planned != nil {
		return w.planned, true
	}
	req = w.p.copy(w.req)
	begin, end := w.p.Window(req)
	*begin, *end = w.from, w.end
	for _, longest := range []time.Duration{w.p.WindowMax, w.step} {
		if longest > 0 && end.Sub(*begin) > longest {
			*end = begin.Add(longest)
		}
	}
	w.planned = req
	return req, true
}

// divide reports whether the range of a first page has too many rows, and is to be read in
// shorter ones instead. Where a shorter one does not have fewer, the server may not count by
// time: then nothing is divided any more.
func (w *windows) divide(ctx context.Context, first *fetched) bool {
	if w.from.IsZero() {
		return false
	}
	begin, end := w.p.Window(first.req)
	rows, length := first.info.Total, end.Sub(*begin)
	if w.whole != nil && rows >= w.whole.info.Total && !w.counts(ctx, *end) {
		begin, _ = w.p.Window(w.whole.req)
		w.from, w.done, w.planned, w.most, w.step = *begin, false, nil, 0, 0
		return true
	}
	if rows <= w.most || length <= shortRange {
		if w.whole = nil; w.step > 0 {
			w.step = suited(length, rows, w.most, 2*w.step)
		}
		return false
	}
	w.from, w.done, w.planned, w.whole = *begin, false, nil, first
	w.step = suited(length, rows, w.most, length/2)
	return true
}

// counts reports whether the rest of the divided range, from a time on, has fewer rows than all
// of it.
func (w *windows) counts(ctx context.Context, from time.Time) bool {
	req := w.p.copy(w.whole.req)
	begin, _ := w.p.Window(req)
	*begin = from
	page := w.p.ask(req, 1)
	w.p.load(ctx, &contents{}, page)
	return page.err == nil && page.info.Total < w.whole.info.Total
}

// late returns one more window if an open-ended range ended too early: the host's clock is
// behind the server's, whose time the answers have since revealed.
func (w *windows) late() (req any, ok bool) {
	if w.begun.IsZero() {
		return req, false
	}
	end := w.p.now(w.begun)
	w.begun = time.Time{}
	if !end.After(w.end.Add(time.Second)) {
		return req, false
	}
	w.from, w.end, w.done = w.end, end, false
	return w.next()
}

// end returns the end of a request's time range, or zero if it has none.
func (q *query) end(req any) time.Time {
	if q.Window == nil {
		return time.Time{}
	}
	_, end := q.Window(req)
	return *end
}

// when returns the time of a row that a time range filters by, or zero if that is unknown.
func (q *query) when(req any, row any) time.Time {
	switch {
	case q.When != nil:
		return q.When(req, row)
	case q.Modified != nil:
		return q.Modified(row)
	}
	return time.Time{}
}

// boundary remembers the rows in the last second of a time range, since the next range
// begins there and returns them too; and all rows of a range whose time is unknown.
type boundary struct {
	end         time.Time
	before, own map[uint64]struct{} // of the previous range, and of this one
}

// open starts the range that ends at end.
func (b *boundary) open(end time.Time) {
	b.before, b.own, b.end = b.own, map[uint64]struct{}{}, end
}

// met reports whether a row was yielded in the previous range, and remembers it if the next
// range will return it.
func (b *boundary) met(s stamp, when time.Time) bool {
	if s.key == "" || b.end.IsZero() {
		return false
	}
	if when.IsZero() || !when.Before(b.end.Truncate(time.Second)) {
		b.own[s.id] = struct{}{}
	}
	_, ok := b.before[s.id]
	return ok
}
