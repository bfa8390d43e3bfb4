package pages

import (
	"context"
	"sync"
)

// fetched is a page on its way; done closes when it is there.
type fetched[Req, Reply any] struct {
	req         Req
	index, size int64
	done        chan struct{}
	reply       *Reply
	err         error
}

func (p *fetched[Req, Reply]) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// fetcher fetches pages ahead of the reader, in order, so that the quota and not the
// round trip bounds the speed.
type fetcher[Req, Reply, Row any] struct {
	*Pages[Req, Reply, Row]
	slots   chan struct{} // one for each page that is fetched and not yet read
	out     chan *fetched[Req, Reply]
	workers sync.WaitGroup
}

// plan orders the pages: those of a window as soon as its first page tells how many
// there are, and the first page of the next window meanwhile.
func (f *fetcher[Req, Reply, Row]) plan(ctx context.Context, windows []Req) {
	defer close(f.out)
	var ahead *fetched[Req, Reply]
	for w := range windows {
		first := ahead
		ahead = nil
		if first == nil {
			if first = f.launch(ctx, windows[w], 1, true); first == nil {
				return
			}
		}
		if w+1 < len(windows) {
			ahead = f.launch(ctx, windows[w+1], 1, false)
		}
		if !f.hand(ctx, first) || !f.rest(ctx, windows[w], first) {
			return
		}
	}
}

// rest orders the pages of a window behind its first; false ends the reading.
func (f *fetcher[Req, Reply, Row]) rest(ctx context.Context, req Req, first *fetched[Req, Reply]) bool {
	last := first
	for index := int64(2); ; index++ {
		// The pages that are known to exist need not wait for one another.
		if index > f.known(first) {
			if more, ok := f.after(ctx, &req, last, index); !more {
				return ok
			}
		}
		if f.MaxPages > 0 && index > f.MaxPages {
			f.refuse(ctx, index, "the server returns no more than %d pages: ask for a shorter time range", f.MaxPages)
			return false
		}
		if last = f.launch(ctx, req, index, true); last == nil || !f.hand(ctx, last) {
			return false
		}
	}
}

// known returns how many pages the first page of a window promises, 0 while it does
// not.
func (f *fetcher[Req, Reply, Row]) known(first *fetched[Req, Reply]) int64 {
	if f.Page == nil || !first.isDone() || first.err != nil {
		return 0
	}
	return f.Info(first.reply).count(first.size)
}

// after waits for the last page and reports whether page index follows it; ok is false
// when nothing more is to be read at all.
func (f *fetcher[Req, Reply, Row]) after(ctx context.Context, req *Req, last *fetched[Req, Reply], index int64) (more, ok bool) {
	select {
	case <-last.done:
	case <-ctx.Done():
		return false, false
	}
	if last.err != nil {
		return false, false // the reader meets the error in its turn
	}
	more, stuck := f.follows(req, last)
	if stuck {
		f.refuse(ctx, index, "page %d has the cursor of the page before", index)
		return false, false
	}
	return more, true
}

// refuse ends the reading with an error in place of a page.
func (f *fetcher[Req, Reply, Row]) refuse(ctx context.Context, index int64, format string, args ...any) {
	page := &fetched[Req, Reply]{index: index, done: make(chan struct{}), err: f.inconsistent(format, args...)}
	close(page.done)
	f.hand(ctx, page)
}

// launch starts fetching a page when there is room; without wait it returns nil
// instead of waiting for room.
func (f *fetcher[Req, Reply, Row]) launch(ctx context.Context, req Req, index int64, wait bool) *fetched[Req, Reply] {
	if wait {
		select {
		case f.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
	} else {
		select {
		case f.slots <- struct{}{}:
		default:
			return nil
		}
	}
	page := &fetched[Req, Reply]{req: req, index: index, done: make(chan struct{})}
	if f.Page != nil {
		i, size := f.Page(&page.req)
		*i, page.size = index, *size
	}
	f.workers.Go(func() {
		defer close(page.done)
		page.reply, page.err = f.Fetch(ctx, &page.req)
	})
	return page
}

func (f *fetcher[Req, Reply, Row]) hand(ctx context.Context, page *fetched[Req, Reply]) bool {
	select {
	case f.out <- page:
		return true
	case <-ctx.Done():
		return false
	}
}
