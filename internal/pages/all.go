package pages

import (
	"context"
	"iter"
)

// All goes through the rows of every page of every window.
func (p *Pages[Req, Reply, Row]) All(ctx context.Context, req *Req) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		windows, err := p.split(req)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		f := &fetcher[Req, Reply, Row]{
			Pages: p, slots: make(chan struct{}, p.Prefetch), out: make(chan *fetched[Req, Reply], p.Prefetch),
		}
		f.workers.Go(func() { f.plan(ctx, windows) })
		defer f.workers.Wait() // nothing of this loop outlives it
		defer cancel()

		r := &reader[Req, Reply, Row]{Pages: p, yield: yield, recent: recent[Row]{key: p.Key, modified: p.Modified}}
		for page := range f.out {
			<-page.done
			if page.index == 1 && !r.reread(ctx) {
				return
			}
			if !r.read(page) {
				return
			}
			<-f.slots // room for one more page ahead
		}
		if !r.reread(ctx) {
			return
		}
		if err := ctx.Err(); err != nil {
			yield(nil, p.Fail(Canceled, err))
		}
	}
}

// reader yields the rows of pages, in order, and checks that the pages make sense.
type reader[Req, Reply, Row any] struct {
	*Pages[Req, Reply, Row]
	yield    func(*Row, error) bool
	recent   recent[Row]
	boundary boundary

	// Of the window in progress.
	req   *Req
	empty int // empty pages in a row that promise more
	tally tally
}

// read yields the rows of a page; false ends the loop.
func (r *reader[Req, Reply, Row]) read(page *fetched[Req, Reply]) bool {
	if page.err != nil {
		r.yield(nil, page.err)
		return false
	}
	if page.index == 1 {
		r.req, r.empty, r.tally = &page.req, 0, tally{}
		r.boundary.open(r.end(&page.req))
	}
	rows, info := r.Rows(page.reply), r.Info(page.reply)
	if err := r.check(page, rows, info); err != nil {
		r.yield(nil, err)
		return false
	}
	r.tally.page(info.Total)
	for i := range rows {
		if !r.met(rows, i) && !r.yield(&rows[i], nil) {
			return false
		}
	}
	return true
}

// check reports a page that makes no sense after those before.
func (r *reader[Req, Reply, Row]) check(page *fetched[Req, Reply], rows []Row, info Info) error {
	if r.recent.turn(rows) && page.index > 1 {
		return r.inconsistent("page %d repeats the page before", page.index)
	}
	switch {
	case len(rows) > 0:
		r.empty = 0
	case r.Page != nil && info.more(page.index, page.size, 0):
		if r.empty++; r.empty == emptyPages {
			return r.inconsistent("%d empty pages in a row promise more", r.empty)
		}
	}
	return nil
}

// met counts row i of a page and reports whether it was given before.
func (r *reader[Req, Reply, Row]) met(rows []Row, i int) bool {
	if r.Key == nil {
		return false
	}
	own := r.recent.stamps[i]
	r.tally.row(own.key)
	return r.recent.met(rows, i) || r.boundary.met(own.key, own.modified, r.when(r.req, &rows[i]))
}
