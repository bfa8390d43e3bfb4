package pages

import "time"

// split makes requests that the server accepts of one whose time range may be longer.
// Ranges share their boundary, since both ends belong to a range and times have
// fractions; a row on a boundary is given once.
func (p *Pages[Req, Reply, Row]) split(req *Req) ([]Req, error) {
	q := p.first(req)
	if p.Window == nil {
		return []Req{q}, nil
	}
	begin, end := p.Window(&q)
	if begin.IsZero() {
		return []Req{q}, nil
	}
	if end.IsZero() {
		*end = p.Now()
	}
	if end.Before(*begin) {
		return nil, p.invalid("the time range ends before it begins / 结束时间早于开始时间")
	}
	if p.WindowMax == 0 || end.Sub(*begin) <= p.WindowMax {
		return []Req{q}, nil
	}
	var out []Req
	for from := *begin; ; from = from.Add(p.WindowMax) {
		part := q
		b, e := p.Window(&part)
		*b = from
		to := from.Add(p.WindowMax)
		if !to.Before(*end) {
			*e = *end
			return append(out, part), nil
		}
		*e = to
		out = append(out, part)
	}
}

// end returns the end of a request's time range, zero when it has none.
func (q *Query[Req, Reply, Row]) end(req *Req) time.Time {
	if q.Window == nil {
		return time.Time{}
	}
	_, end := q.Window(req)
	return *end
}

// when returns the time of a row that a time range is about, zero when it has none.
func (q *Query[Req, Reply, Row]) when(req *Req, row *Row) time.Time {
	switch {
	case q.When != nil:
		return q.When(req, row)
	case q.Modified != nil:
		return q.Modified(row)
	}
	return time.Time{}
}

// boundary remembers the rows in the last second of a time range: the next range
// begins there and has them too.
type boundary struct {
	end         time.Time
	before, own map[string]time.Time // by key: of the range before, and of this one
}

// open starts the range that ends at end.
func (b *boundary) open(end time.Time) {
	b.before, b.own, b.end = b.own, map[string]time.Time{}, end
}

// met reports whether a row was given in the range before, and else remembers it if
// the next range will have it.
func (b *boundary) met(key string, modified, when time.Time) bool {
	if at, ok := b.before[key]; ok && at.Equal(modified) {
		return true
	}
	if !b.end.IsZero() && onBoundary(when, b.end) {
		b.own[key] = modified
	}
	return false
}

// onBoundary reports whether a row of time when may stand in the range that begins at
// end: what is asked for has whole seconds.
func onBoundary(when, end time.Time) bool {
	return !when.Before(end.Truncate(time.Second))
}
