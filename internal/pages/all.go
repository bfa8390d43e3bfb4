package pages

import (
	"context"
)

func (p *pager) all(ctx context.Context, req any, yield func(any, error) bool) {
	w, err := p.split(req)
	if err != nil {
		yield(nil, err)
		return
	}
	w.most, _ = ctx.Value(partsKey{}).(int64)
	p.read(ctx, w, nil, yield)
}

// read iterates over the rows of windows; the first page may have been fetched already. It
// reports whether the loop reached its end.
func (p *pager) read(
	ctx context.Context, w *windows, first *fetched, yield func(any, error) bool,
) bool {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	f := &fetcher{
		p: p, contents: &contents{}, slots: make(chan struct{}, p.Prefetch), out: make(chan *fetched, p.Prefetch),
	}
	f.workers.Go(func() { f.plan(ctx, w, first) })
	defer f.workers.Wait() // no goroutine outlives this loop
	defer cancel()

	r := &reader{f: f, yield: yield, tally: newTally()}
	for page := range f.out {
		<-page.done
		if page.index == 1 && !r.verify(ctx) {
			return false
		}
		if !r.page(page) {
			return false
		}
		if page.slot {
			<-f.slots // room for prefetching one more page
		}
	}
	if err := whole.Err(); err != nil {
		yield(nil, p.Fail(Canceled, err))
		return false
	}
	return r.verify(ctx)
}

// reader yields the rows of pages, in order, and checks that the pages are consistent.
type reader struct {
	f        *fetcher
	yield    func(any, error) bool
	boundary boundary

	// State of the current window.
	first *fetched
	pages turned
	empty int // consecutive pages without a row that promise more
	tally *tally
}

// page yields the rows of a page; false ends the loop.
func (r *reader) page(page *fetched) bool {
	if page.err != nil {
		r.yield(nil, page.err)
		return false
	}
	if page.index == 1 {
		r.first, r.pages, r.empty = page, turned{}, 0
		r.tally.open(page.rows)
		r.boundary.open(r.f.p.end(page.req))
	}
	if err := r.check(page); err != nil {
		r.yield(nil, err)
		return false
	}
	return r.give(page)
}

// give yields the rows of a page that were not yielded before; false ends the loop.
func (r *reader) give(page *fetched) bool {
	rows := r.f.p.Rows(page.reply)
	r.tally.page(page.info)
	for i := range rows.n {
		s := page.stamps[i]
		fresh := r.tally.row(s)
		edge := r.boundary.met(s, r.f.p.when(page.req, rows.at(i)))
		if fresh && !edge && !r.yield(rows.at(i), nil) {
			return false
		}
	}
	return true
}

// check returns an error for a page that contradicts those before.
func (r *reader) check(page *fetched) error {
	r.pages.turn(page)
	if r.f.p.Next == nil && r.pages.again != "" {
		return r.f.p.inconsistent("page %d %s", page.index, r.pages.again)
	}
	switch {
	case page.rows > page.nulls:
		r.empty = 0
	case r.f.p.Page != nil && r.pages.next() == exists:
		if r.empty++; r.empty == emptyPages {
			return r.f.p.inconsistent("%d empty pages in a row promise more", r.empty)
		}
	}
	return nil
}
