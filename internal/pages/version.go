package pages

import (
	"context"
	"maps"
	"time"
)

// since follows the row version, as [Pages.Since] says.
func (p *pager) since(ctx context.Context, since int64, req any, yield func(any, error) bool) {
	p.follow(ctx, since, req, func(int64) bool { return true }, func(row any, _ stamp, _ int, err error) bool { return yield(row, err) })
}

// follow implements since; it calls moved when all rows below a version have been read and
// yielded, and continues if that returns true.
func (p *pager) follow(
	ctx context.Context, since int64, req any, moved func(version int64) bool, yield func(row any, s stamp, n int, err error) bool,
) {
	c := &cursor{
		p: p, req: p.first(req), since: since, at: since, top: since, given: map[uint64]met{}, moved: moved, yield: yield,
	}
	if p.Window != nil {
		begin, end := p.Window(c.req)
		*begin, *end = time.Time{}, time.Time{}
	}
	if p.NoTotal != nil {
		p.NoTotal(c.req)
	}
	if err := c.run(ctx); err != nil {
		yield(nil, stamp{}, 0, err)
	}
}

// cursor iterates over the rows from a version on.
type cursor struct {
	p        *pager
	contents contents
	req      any
	since    int64          // rows of this version and below are not yielded
	at       int64          // version that is requested
	top      int64          // highest version yielded
	given    map[uint64]met // by stamp: the rows yielded since the cursor moved and those at the cursor
	keyless  map[uint64]int // by stamp: rows without a key in this pass over the pages
	moved    func(version int64) bool
	yield    func(row any, s stamp, n int, err error) bool

	fresh int // rows yielded since the cursor moved
}

// met is a row that was yielded, and how often: rows without a key may be equal.
type met struct {
	version int64
	n       int
}

// run ends when nothing newer arrives or the consumer stops.
func (c *cursor) run(ctx context.Context) error {
	for {
		*c.p.Cursor(c.req) = max(c.at, 1) // the documented first value; 0 would be omitted
		pages := turned{}
		ordered, goOn, err := c.turn(ctx, &pages)
		if err != nil || !goOn {
			return err
		}
		behind := pages.next()
		// A page in order contains all rows between the cursor and its last row, in one
		// answer. The rows of several answers may have shifted between them.
		if behind != none && !(ordered && c.top > c.at) {
			if goOn, err = c.several(ctx, &pages); err != nil || !goOn {
				return err
			}
		}
		if c.fresh == 0 {
			return nil // nothing newer
		}
		c.at, c.fresh = c.top, 0
		maps.DeleteFunc(c.given, func(_ uint64, m met) bool { return m.version < c.at })
		if !c.moved(c.at) {
			return nil
		}
	}
}

// several reads the pages of one cursor after the first, and all of them again until two
// passes agree: rows that change leave the cursor's result, and others shift.
func (c *cursor) several(ctx context.Context, pages *turned) (goOn bool, err error) {
	var before uint64
	for pass := 1; ; pass++ {
		fresh := c.fresh
		sum := sumOf(pages.last.stamps)
		for pages.next() != none {
			if c.p.Page == nil {
				return false, c.p.inconsistent("more rows than an answer holds at one row version, %d / 同一行版本的数据超过一次响应的上限", c.at)
			}
			if _, goOn, err = c.turn(ctx, pages); err != nil || !goOn {
				return goOn, err
			}
			sum += sumOf(pages.last.stamps)
		}
		switch {
		case pass > 1 && sum == before && c.fresh == fresh:
			return true, nil
		case pass == passes:
			return false, c.p.inconsistent("rows of version %d shift between pages, and %d passes over them do not agree / "+
				"翻页期间数据持续变化", c.at, passes)
		}
		before = sum
		*pages = turned{}
		if _, goOn, err = c.turn(ctx, pages); err != nil || !goOn {
			return goOn, err
		}
	}
}

func sumOf(stamps []stamp) (sum uint64) {
	for _, s := range stamps {
		sum += mix(s.id, 0)
	}
	return sum
}

// turn fetches the page after those read, and yields its rows that were not yielded before.
func (c *cursor) turn(ctx context.Context, pages *turned) (ordered, goOn bool, err error) {
	index, empty := int64(1), false
	if last := pages.last; last != nil {
		index, empty = last.index+1, last.rows == 0
	}
	if index > maxCursorPages {
		return false, false, c.p.inconsistent("no end after %d pages at one row version", maxCursorPages)
	}
	if index == 1 {
		c.keyless = nil
	}
	page := c.p.ask(c.req, index)
	if c.p.load(ctx, &c.contents, page); page.err != nil {
		return false, false, page.err
	}
	pages.turn(page)
	switch {
	case pages.again != "":
		return false, false, c.p.inconsistent("page %d %s", index, pages.again)
	case empty && page.rows == 0 && pages.next() != none:
		return false, false, c.p.inconsistent("empty pages promise more at row version %d", c.at)
	}
	return c.give(c.p.Rows(page.reply), page.stamps)
}

// give yields the rows of a page that were not yielded before, and reports whether the page
// is in the order of versions.
func (c *cursor) give(rows list, stamps []stamp) (ordered, goOn bool, err error) {
	ordered = true
	before := int64(0)
	for i := range rows.n {
		version := c.p.Version(rows.at(i))
		if version <= 0 {
			return false, false, c.p.inconsistent("row %s has no row version to follow / 数据行缺少行版本", stamps[i].key)
		}
		ordered = ordered && version >= before
		before = version
		s, known := stamps[i], c.given[stamps[i].id]
		if version < c.at || version == c.since || c.again(s, known.n) {
			continue
		}
		c.given[s.id] = met{version, known.n + 1}
		c.top = max(c.top, version)
		c.fresh++
		if !c.yield(rows.at(i), s, known.n+1, nil) {
			return ordered, false, nil
		}
	}
	return ordered, true, nil
}

// again reports whether a row was yielded before, where n rows of its stamp were. Rows
// without a key are yielded as often as they occur in one pass over the pages.
func (c *cursor) again(s stamp, n int) bool {
	if s.key != "" {
		return n > 0
	}
	if c.keyless == nil {
		c.keyless = map[uint64]int{}
	}
	c.keyless[s.id]++
	return c.keyless[s.id] <= n
}
