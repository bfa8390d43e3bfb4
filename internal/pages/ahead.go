package pages

import (
	"context"
	"sync"
	"time"
)

// fetched is a page that has been requested; done is closed when it has arrived.
type fetched struct {
	req         any
	index, size int64
	begun       time.Time // by the host's clock
	slot        bool      // it holds one of the fetcher's slots
	done        chan struct{}
	reply       any
	info        Info
	stamps      []stamp
	rows        int // in the answer, including undecodable and null ones
	nulls       int // of them
	err         error
}

func (p *fetched) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// repeats reports whether two pages that are not empty have the same rows in any order, and
// resembles whether they do, or have several rows with the same keys: the rows may have changed
// meanwhile, or be others that share the keys.
func (p *fetched) repeats(other *fetched) (repeats, resembles bool) {
	if len(p.stamps) == 0 || len(other.stamps) == 0 {
		return false, false
	}
	if p.stamps[0].key == "" && len(p.stamps) != len(other.stamps) {
		return false, false // rows without a key may be equal
	}
	ids, keys := map[uint64]bool{}, map[string]bool{}
	for _, s := range other.stamps {
		ids[s.id], keys[s.key] = false, false
	}
	unique := len(keys) == len(other.stamps) && len(keys) > 1
	sameIDs, sameKeys := p.common(ids, keys)
	repeats = sameIDs == len(ids)
	return repeats, repeats || unique && sameKeys == len(keys) && len(p.stamps) == len(keys)
}

// common counts the ids and the keys that the page has, each once, and sets them to true;
// with an id that is not among them the first count is negative.
func (p *fetched) common(ids map[uint64]bool, keys map[string]bool) (sameIDs, sameKeys int) {
	for _, s := range p.stamps {
		if met, ok := ids[s.id]; ok && !met {
			ids[s.id] = true
			sameIDs++
		} else if !ok {
			sameIDs = -len(p.stamps) - len(ids)
		}
		if met, ok := keys[s.key]; ok && !met && s.key != "" {
			keys[s.key] = true
			sameKeys++
		}
	}
	return sameIDs, sameKeys
}

// turned is the state of the pages of a window that were read so far.
type turned struct {
	last    *fetched
	read    int64  // rows up to and including the last page
	nulls   int64  // of them
	ignored bool   // the server ignores the page number: the last page repeats the one before
	again   string // what is wrong with the last page, if it repeats or resembles the one before
}

func (t *turned) turn(page *fetched) {
	t.ignored, t.again = false, ""
	if t.last != nil {
		// A server that says nothing about pages and returns the same short page again has no
		// others; the same full page again is an error, and so is one of other rows with the
		// same keys, since more may follow.
		repeats, resembles := page.repeats(t.last)
		t.ignored = repeats && t.next() == unsaid && int64(t.last.rows) < t.last.info.size(t.last.size)
		switch {
		case repeats && !t.ignored:
			t.again = "repeats the page before / 本页与上一页相同"
		case resembles && !repeats:
			t.again = "has the keys of the page before, but other contents / 本页与上一页主键相同，内容不同"
		}
	}
	t.last, t.read, t.nulls = page, t.read+int64(page.rows), t.nulls+int64(page.nulls)
}

// next returns what the last page says about the page after it.
func (t *turned) next() next {
	if t.ignored {
		return none
	}
	return t.last.info.next(t.last.index, t.last.size, t.last.rows, t.read, t.nulls)
}

// fetcher prefetches pages for the reader, in order, so that the quota rather than the
// round trip limits the speed.
type fetcher struct {
	p        *pager
	contents *contents
	slots    chan struct{} // one for each page that has been fetched but not read
	out      chan *fetched
	workers  sync.WaitGroup
}

// plan requests the pages: those of a window as soon as its first page reports how many
// there are, and meanwhile the first page of the next window.
func (f *fetcher) plan(ctx context.Context, w *windows, ahead *fetched) {
	defer close(f.out)
	for req, ok := w.next(); ok; req, ok = w.next() {
		first := ahead
		ahead = nil
		if first == nil {
			if first = f.launch(ctx, req, 1, true); first == nil {
				return
			}
		}
		if after, ok := w.peek(); ok {
			ahead = f.launch(ctx, after, 1, false)
		}
		if w.most > 0 && f.wait(ctx, first) && w.divide(ctx, first) {
			f.discard(first)
			f.discard(ahead)
			ahead = nil
			continue
		}
		if !f.hand(ctx, first) || !f.rest(ctx, req, first) {
			return
		}
	}
}

// discard makes room for another page instead of one that is not read.
func (f *fetcher) discard(page *fetched) {
	if page != nil {
		<-page.done
		<-f.slots
	}
}

// rest requests the pages of a window after its first; false ends the reading.
func (f *fetcher) rest(ctx context.Context, req any, first *fetched) bool {
	open := []*fetched{first} // not examined yet, in order
	t := turned{}
	for index := int64(2); ; index++ {
		for len(open) > 0 && open[0].isDone() { // what has arrived is not kept
			if !f.wait(ctx, open[0]) {
				return false
			}
			t.turn(open[0])
			open[0], open = nil, open[1:]
		}
		// Pages that are known to exist are requested concurrently.
		if index > f.known(first) {
			for _, page := range open {
				if !f.wait(ctx, page) {
					return false
				}
				t.turn(page)
			}
			open = open[:0]
			if more, ok := f.follows(ctx, req, &t); !more {
				return ok
			}
		}
		if f.p.MaxPages > 0 && index > f.p.MaxPages {
			f.refuse(ctx, index, "the server returns no more than %d pages: ask for a shorter time range", f.p.MaxPages)
			return false
		}
		page := f.launch(ctx, req, index, true)
		if page == nil || !f.hand(ctx, page) {
			return false
		}
		open = append(open, page)
	}
}

// known returns how many pages the first page of a window promises, or 0 if it has not
// arrived or does not say.
func (f *fetcher) known(first *fetched) int64 {
	if f.p.Page == nil || !first.isDone() || first.err != nil {
		return 0
	}
	return first.info.count(first.size)
}

// wait waits for a page and reports whether it arrived without an error.
func (f *fetcher) wait(ctx context.Context, page *fetched) bool {
	select {
	case <-page.done:
		return page.err == nil // the reader finds the error in its turn
	case <-ctx.Done():
		return false
	}
}

// follows reports whether another page must be requested; ok is false if nothing more is to
// be read at all.
func (f *fetcher) follows(ctx context.Context, req any, t *turned) (more, ok bool) {
	if f.p.Next == nil {
		return f.p.Page != nil && t.next() != none, true
	}
	more, stuck := f.p.Next(req, t.last.reply)
	if stuck {
		f.refuse(ctx, t.last.index+1, "page %d has the cursor of the page before", t.last.index+1)
		return false, false
	}
	// Without has_next, a cursor is followed as long as it leads to rows.
	return more || !t.last.info.KnowsNext && t.last.rows > 0, true
}

// refuse ends the reading with an error instead of a page.
func (f *fetcher) refuse(ctx context.Context, index int64, format string, args ...any) {
	page := &fetched{index: index, done: make(chan struct{}), err: f.p.inconsistent(format, args...)}
	close(page.done)
	f.hand(ctx, page)
}

// launch starts fetching a page when there is room; with wait false it returns nil instead
// of waiting.
func (f *fetcher) launch(ctx context.Context, req any, index int64, wait bool) *fetched {
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
	page := f.p.ask(req, index)
	page.slot = true
	f.workers.Go(func() { f.p.load(ctx, f.contents, page) })
	return page
}

// ask creates the request of a page.
func (p *pager) ask(req any, index int64) *fetched {
	page := &fetched{req: p.copy(req), index: index, begun: p.Now(), done: make(chan struct{})}
	if p.Page != nil {
		i, size := p.Page(page.req)
		*i, page.size = index, *size
	}
	return page
}

// load fetches a page.
func (p *pager) load(ctx context.Context, c *contents, page *fetched) {
	defer close(page.done)
	var heard Heard
	if page.reply, heard, page.err = p.Fetch(ctx, page.req); page.err != nil {
		return
	}
	page.info = p.told(page.reply, heard)
	page.stamps = p.stamps(c, p.Rows(page.reply))
	page.rows = len(page.stamps) + heard.Left + heard.Nulls
	if p.Page != nil { // where there are no other pages, nothing more can be read
		page.nulls = heard.Nulls
	}
	switch cause := Missing(page.info, heard); {
	case cause != nil:
		page.err = p.Fail(Inconsistent, cause)
	case page.index == 1 && page.rows == 0 && page.info.Total > 0:
		page.err = p.inconsistent("the answer counts %d rows, but its first page is empty / 总数不为零，但首页没有数据", page.info.Total)
	}
}

func (f *fetcher) hand(ctx context.Context, page *fetched) bool {
	select {
	case f.out <- page:
		return true
	case <-ctx.Done():
		return false
	}
}
