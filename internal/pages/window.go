package pages

import "time"

// windows splits a request whose time range is too long into requests that the server
// accepts. Adjacent ranges share their boundary, since both ends belong to a range and
// times have fractions; a row on a boundary is yielded once.
type windows struct {
	p         *pager
	req       any
	from, end time.Time
	begun     time.Time // by the host's clock, for an open-ended range; otherwise zero
	done      bool
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
	req = w.p.copy(w.req)
	begin, end := w.p.Window(req)
	*begin, *end = w.from, w.end
	if w.p.WindowMax > 0 && w.end.Sub(w.from) > w.p.WindowMax {
		*end = w.from.Add(w.p.WindowMax)
	}
	return req, true
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
