package pages

import (
	"context"
	"math"
)

// start finds the start of a stream by row version that leaves out all earlier rows. No API
// returns the highest version, so it is found by bisection, in about 70 calls the first
// time and never again.
func (p *pager) start(ctx context.Context, s *stream, req any) error {
	if s.at.From != FromNow {
		return nil
	}
	q := p.first(req)
	if p.NoTotal != nil {
		p.NoTotal(q)
	}
	c := &contents{}
	top := int64(0) // a version that exists
	for low, high := int64(1), int64(math.MaxInt64); low < high; {
		at := low + (high-low)/2
		if low < 1<<32 { // versions are small numbers among 63 bits
			at = min(at, 2*low)
		}
		*p.Cursor(q) = at
		page := p.ask(q, 1)
		if p.load(ctx, c, page); page.err != nil {
			return page.err
		}
		rows := p.Rows(page.reply)
		if page.rows == 0 {
			high = at
			continue
		}
		for i := range rows.n {
			top = max(top, p.Version(rows.at(i)))
		}
		low = max(at, top) + 1
	}
	s.at.Cursor, s.at.From = top+1, ""
	return nil
}
