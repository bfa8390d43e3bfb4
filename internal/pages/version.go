package pages

import (
	"context"
	"iter"
	"maps"
	"time"
)

// Since follows the row version: rows of a version above since, until none is newer.
// The server returns rows whose version is at least the cursor, oldest first, always on
// page 1; should a page not be in order, or all of one version, its query is paged to
// the end before the cursor moves.
func (p *Pages[Req, Reply, Row]) Since(ctx context.Context, since int64, req *Req) iter.Seq2[*Row, error] {
	return p.follow(ctx, since, req, func(int64) {})
}

// follow is Since; it calls moved when all rows below a version have been given and
// read.
func (p *Pages[Req, Reply, Row]) follow(ctx context.Context, since int64, req *Req, moved func(version int64)) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		c := &cursor[Req, Reply, Row]{
			Pages: p, req: p.first(req), since: since, at: since, top: since, given: map[string]int64{}, moved: moved, yield: yield,
		}
		c.index, c.size = new(int64), new(int64)
		if p.Page != nil {
			c.index, c.size = p.Page(&c.req)
		}
		if p.Window != nil {
			begin, end := p.Window(&c.req)
			*begin, *end = time.Time{}, time.Time{}
		}
		if p.NoTotal != nil {
			p.NoTotal(&c.req)
		}
		if err := c.run(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// cursor goes through the rows from a version on.
type cursor[Req, Reply, Row any] struct {
	*Pages[Req, Reply, Row]
	req         Req
	index, size *int64           // of req
	since       int64            // rows of this version and below are not given
	at          int64            // version that is asked for
	top         int64            // highest version given
	given       map[string]int64 // version by key, of the rows given since the cursor moved and those on it
	fresh       int              // rows given since page 1 was asked for
	moved       func(version int64)
	yield       func(*Row, error) bool
}

// run ends when nothing newer comes or the reader has enough.
func (c *cursor[Req, Reply, Row]) run(ctx context.Context) error {
	for {
		*c.Cursor(&c.req) = max(c.at, 1) // the documented first value; 0 would be left out
		reply, err := c.Fetch(ctx, &c.req)
		if err != nil {
			return err
		}
		rows := c.Rows(reply)
		ordered, goOn, err := c.give(rows)
		if err != nil || !goOn {
			return err
		}
		full := c.Info(reply).full(*c.size, len(rows))
		switch {
		case full && (!ordered || *c.index > 1 || c.top == c.at):
			if err := c.turn(); err != nil {
				return err
			}
		case c.fresh == 0:
			return nil // nothing newer
		default:
			c.move()
		}
	}
}

// give yields the rows of a page that were not given before, and reports whether the
// page is in the order of versions.
func (c *cursor[Req, Reply, Row]) give(rows []Row) (ordered, goOn bool, err error) {
	ordered = true
	before := int64(0)
	for i := range rows {
		version, key := c.Version(&rows[i]), c.Key(&rows[i])
		if version <= 0 {
			return false, false, c.inconsistent("row %s has no row version to follow / 数据行缺少行版本", key)
		}
		ordered = ordered && version >= before
		before = version
		if known, ok := c.given[key]; version < c.at || version == c.since || ok && known == version {
			continue
		}
		c.given[key] = version
		c.top = max(c.top, version)
		c.fresh++
		if !c.yield(&rows[i], nil) {
			return ordered, false, nil
		}
	}
	return ordered, true, nil
}

// turn goes to the next page of the version that is asked for.
func (c *cursor[Req, Reply, Row]) turn() error {
	if c.Page == nil {
		return c.inconsistent("more rows than an answer holds at one row version")
	}
	if *c.index++; *c.index > maxCursorPages {
		return c.inconsistent("no end after %d pages at one row version", maxCursorPages)
	}
	return nil
}

// move asks for the rows from the highest version given on.
func (c *cursor[Req, Reply, Row]) move() {
	*c.index, c.at, c.fresh = 1, c.top, 0
	c.moved(c.at)
	maps.DeleteFunc(c.given, func(_ string, version int64) bool { return version < c.at })
}
