package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"time"
)

// ErrPaging is the class of errors of pages that do not make sense (one repeats, or
// empty ones keep promising more): going on could lose rows or never end.
var ErrPaging = errors.New("pages inconsistent")

// pager is how a query turns its pages. It is generated from the catalog; what
// an operation does not have is nil.
type pager[Req, Reply, Row any] struct {
	op       *Operation
	page     func(*Req) (index, size *int64)
	next     func(*Req, *Reply) (more, stuck bool) // instead of page: makes the next request of an answer
	rows     func(*Reply) []Row
	info     func(*Reply) pageInfo
	window   func(*Req) (begin, end *time.Time)
	key      func(*Row) string
	modified func(*Row) time.Time
	cursor   func(*Req) *int64
	version  func(*Row) int64
	noTotal  func(*Req)
}

// pageInfo is what an answer says about the pages to come.
type pageInfo struct {
	hasNext   bool
	knowsNext bool // the operation has a has_next
	total     int64
	pages     int64
}

// count is how many pages there are, 0 when the answer does not say.
func (i pageInfo) count(size int64) int64 {
	if i.pages > 0 {
		return i.pages
	}
	if i.total > 0 && size > 0 {
		return (i.total + size - 1) / size
	}
	return 0
}

// more tells whether page index, with n rows, is followed by another.
func (i pageInfo) more(index, size int64, n int) bool {
	switch {
	case i.hasNext:
		return true
	case i.count(size) > 0:
		return index < i.count(size)
	case i.knowsNext:
		return false
	default:
		return int64(n) >= size
	}
}

// emptyPages is how many empty pages in a row may promise more.
const emptyPages = 3

// all goes through the rows of every page of every window.
func (p *pager[Req, Reply, Row]) all(ctx context.Context, c *Client, req *Req) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		windows, err := p.split(c, req)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		f := &fetcher[Req, Reply, Row]{
			pager: p, client: c, slots: make(chan struct{}, c.core.prefetch), out: make(chan *fetched[Req, Reply], c.core.prefetch),
		}
		f.workers.Go(func() { f.plan(ctx, windows) })
		defer f.workers.Wait() // nothing of this loop outlives it
		defer cancel()

		r := &reader[Req, Reply, Row]{pager: p, client: c, yield: yield}
		for page := range f.out {
			<-page.done
			if page.index == 1 && !r.finish(ctx) {
				return
			}
			if !r.read(page) {
				return
			}
			<-f.slots // room for one more page ahead
		}
		if !r.finish(ctx) {
			return
		}
		if err := ctx.Err(); err != nil {
			yield(nil, (&oneCall{Client: c, op: p.op, path: p.op.Path}).fail(&Error{Outcome: NotSent, cause: err}))
		}
	}
}

// reader hands the rows of pages on, in order, and watches that the pages make
// sense.
type reader[Req, Reply, Row any] struct {
	pager  *pager[Req, Reply, Row]
	client *Client
	yield  func(*Row, error) bool
	recent recentKeys[Row]

	// Of the window at hand.
	req   *Req
	empty int // empty pages in a row that promise more
	count windowCount
}

// read hands on the rows of a page; false ends the loop.
func (r *reader[Req, Reply, Row]) read(page *fetched[Req, Reply]) bool {
	if page.err != nil {
		r.yield(nil, page.err)
		return false
	}
	p := r.pager
	if page.index == 1 {
		r.req, r.empty, r.count = &page.req, 0, windowCount{}
		r.recent.pager = p
		r.recent.open(page.end)
	}
	rows, info := p.rows(page.reply), p.info(page.reply)
	if r.recent.repeats(rows) && page.index > 1 {
		r.yield(nil, p.paging(r.client, "page %d repeats the page before", page.index))
		return false
	}
	if len(rows) > 0 {
		r.empty = 0
	} else if p.page != nil && info.more(page.index, page.size, 0) {
		if r.empty++; r.empty == emptyPages {
			r.yield(nil, p.paging(r.client, "%d empty pages in a row promise more", r.empty))
			return false
		}
	}
	r.count.page(info.total)
	for i := range rows {
		if p.key != nil {
			r.count.row(p.key(&rows[i]))
		}
		if !r.recent.seen(&rows[i]) && !r.yield(&rows[i], nil) {
			return false
		}
	}
	return true
}

// rereads is how often a window whose rows moved is read again at most.
const rereads = 5

// finish ends a window. When fewer rows came than the server counted, rows moved
// to pages that had been read already: the window is read again for them, until
// all are there or none is found any more.
func (r *reader[Req, Reply, Row]) finish(ctx context.Context) bool {
	if r.req == nil || r.pager.key == nil || r.pager.page == nil {
		return true
	}
	p := r.pager
	for pass := 0; pass < rereads && r.count.short(); pass++ {
		found := 0
		q := *r.req
		index, size := p.page(&q)
		before := r.count.again()
		for *index = 1; ; *index++ {
			reply, err := call[Reply](ctx, r.client, p.op, &q)
			if err != nil {
				r.yield(nil, err)
				return false
			}
			rows, info := p.rows(reply), p.info(reply)
			r.count.page(info.total)
			for i := range rows {
				if !r.count.row(p.key(&rows[i])) {
					continue
				}
				found++
				if !r.yield(&rows[i], nil) {
					return false
				}
			}
			if len(rows) == 0 || !info.more(*index, *size, len(rows)) {
				break
			}
		}
		if found == 0 && r.count.distinct() == before {
			break
		}
	}
	return true
}

// windowCount counts the rows of a window and compares them with what the server
// says. Beyond keptRows rows it only counts: shorter ranges are better then.
type windowCount struct {
	seed     maphash.Seed
	seen     map[uint64]struct{}
	overflow bool
	highest  int64 // total that was told
	fell     bool  // the total went down while pages were read
}

// keptRows bounds the memory of a window.
const keptRows = 200_000

// row notes a key and reports whether it is new.
func (w *windowCount) row(key string) bool {
	if w.overflow {
		return false
	}
	if w.seen == nil {
		w.seed, w.seen = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	h := maphash.String(w.seed, key)
	if _, ok := w.seen[h]; ok {
		return false
	}
	if len(w.seen) == keptRows {
		w.overflow, w.seen = true, nil
		return false
	}
	w.seen[h] = struct{}{}
	return true
}

func (w *windowCount) page(total int64) {
	if total <= 0 {
		return
	}
	w.fell = w.fell || total < w.highest
	w.highest = max(w.highest, total)
}

// again starts another pass over the window.
func (w *windowCount) again() (distinct int) {
	w.fell, w.highest = false, 0
	return len(w.seen)
}

func (w *windowCount) distinct() int { return len(w.seen) }

// short reports that rows may have been missed.
func (w *windowCount) short() bool {
	return !w.overflow && w.highest > 0 && (w.fell || int64(len(w.seen)) < w.highest)
}

func (p *pager[Req, Reply, Row]) paging(c *Client, format string, args ...any) error {
	k := &oneCall{Client: c, op: p.op, path: p.op.Path}
	return k.fail(&Error{Outcome: Applied, class: ErrPaging, cause: fmt.Errorf(format, args...)})
}

// split makes requests that the server accepts of one whose time range may be
// longer. Ranges share their boundary, since both ends belong to a range and
// times have fractions; a row on a boundary is given once.
func (p *pager[Req, Reply, Row]) split(c *Client, req *Req) ([]Req, error) {
	var q Req
	if req != nil {
		q = *req
	}
	p.first(&q)
	if p.window == nil {
		return []Req{q}, nil
	}
	begin, end := p.window(&q)
	if begin.IsZero() {
		return []Req{q}, nil
	}
	if end.IsZero() {
		*end = c.core.now()
	}
	if end.Before(*begin) {
		return nil, (&oneCall{Client: c, op: p.op, path: p.op.Path}).fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: errors.New("the time range ends before it begins")})
	}
	if p.op.WindowMax == 0 || end.Sub(*begin) <= p.op.WindowMax {
		return []Req{q}, nil
	}
	var out []Req
	for from := *begin; ; {
		to := from.Add(p.op.WindowMax)
		part := q
		b, e := p.window(&part)
		*b = from
		if !to.Before(*end) {
			*e = *end
			return append(out, part), nil
		}
		*e = to
		out = append(out, part)
		from = to
	}
}

// first makes the request of the first page.
func (p *pager[Req, Reply, Row]) first(q *Req) {
	if p.page == nil {
		return
	}
	index, size := p.page(q)
	if *size <= 0 {
		*size = int64(p.op.PageMax)
	}
	*index = 1
}

// follows tells whether a page is followed by another, and makes its request;
// stuck, if it were the same page again.
func (p *pager[Req, Reply, Row]) follows(q *Req, last *fetched[Req, Reply]) (more, stuck bool) {
	switch {
	case p.next != nil:
		return p.next(q, last.reply)
	case p.page == nil:
		return false, false
	}
	return p.info(last.reply).more(last.index, last.size, len(p.rows(last.reply))), false
}

// fetched is a page on its way; done closes when it is there.
type fetched[Req, Reply any] struct {
	req         Req // of its window
	index, size int64
	end         time.Time // of its window
	done        chan struct{}
	reply       *Reply
	err         error
}

// fetcher fetches pages ahead of the reader, in order, so that the quota and not
// the round trip bounds the speed.
type fetcher[Req, Reply, Row any] struct {
	pager   *pager[Req, Reply, Row]
	client  *Client
	slots   chan struct{} // one for each page that is fetched and not yet read
	out     chan *fetched[Req, Reply]
	workers sync.WaitGroup
}

// plan orders the pages: those of a window as soon as its first page tells how
// many there are, and the first page of the next window meanwhile.
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
		if !f.hand(ctx, first) {
			return
		}
		last, req := first, windows[w]
		for index := int64(2); ; index++ {
			// The pages that are known to exist need not wait for one another.
			known := int64(0)
			if f.pager.page != nil && isDone(first) && first.err == nil {
				known = f.pager.info(first.reply).count(first.size)
			}
			if index > known {
				select {
				case <-last.done:
				case <-ctx.Done():
					return
				}
				if last.err != nil {
					return // the reader meets the error in its turn
				}
				more, stuck := f.pager.follows(&req, last)
				if stuck {
					f.refuse(ctx, index, "page %d has the cursor of the page before", index)
					return
				}
				if !more {
					break
				}
			}
			if m := f.pager.op.MaxPages; m > 0 && index > int64(m) {
				f.refuse(ctx, index, "the server gives no more than %d pages: ask for a shorter time range", m)
				return
			}
			if last = f.launch(ctx, req, index, true); last == nil || !f.hand(ctx, last) {
				return
			}
		}
	}
}

// refuse ends the reading with an error in place of a page.
func (f *fetcher[Req, Reply, Row]) refuse(ctx context.Context, index int64, format string, args ...any) {
	page := &fetched[Req, Reply]{index: index, done: make(chan struct{}), err: f.pager.paging(f.client, format, args...)}
	close(page.done)
	f.hand(ctx, page)
}

func isDone[Req, Reply any](p *fetched[Req, Reply]) bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// launch starts fetching a page when there is room; without wait it gives nil
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
	page := &fetched[Req, Reply]{index: index, done: make(chan struct{})}
	if f.pager.page != nil {
		i, size := f.pager.page(&req)
		*i, page.size = index, *size
	}
	page.req = req
	if f.pager.window != nil {
		_, end := f.pager.window(&req)
		page.end = *end
	}
	f.workers.Go(func() {
		defer close(page.done)
		page.reply, page.err = call[Reply](ctx, f.client, f.pager.op, &req)
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

// recentKeys remembers the rows of the last pages, and those on the boundary of
// the window before, so that a row that moved to the next page or stands on a
// boundary is given once. A row that changes while it is read may come twice.
type recentKeys[Row any] struct {
	pager interface {
		keyOf(*Row) (string, time.Time, bool)
	}
	pages    [4]map[string]time.Time
	end      time.Time
	boundary map[string]time.Time
	next     map[string]time.Time
}

func (p *pager[Req, Reply, Row]) keyOf(r *Row) (key string, modified time.Time, ok bool) {
	if p.key == nil {
		return "", time.Time{}, false
	}
	if p.modified != nil {
		modified = p.modified(r)
	}
	return p.key(r), modified, true
}

// open starts a window that ends at end.
func (d *recentKeys[Row]) open(end time.Time) {
	d.boundary, d.next, d.end = d.next, map[string]time.Time{}, end
}

// repeats tells whether a page has the rows of the page before, and makes it the
// page that rows are now remembered for.
func (d *recentKeys[Row]) repeats(rows []Row) bool {
	same := len(rows) > 0 && len(d.pages[0]) == len(rows)
	for i := range rows {
		if !same {
			break
		}
		key, modified, ok := d.pager.keyOf(&rows[i])
		before, found := d.pages[0][key]
		same = ok && found && before.Equal(modified)
	}
	copy(d.pages[1:], d.pages[:])
	d.pages[0] = make(map[string]time.Time, len(rows))
	return same
}

func (d *recentKeys[Row]) seen(r *Row) bool {
	key, modified, ok := d.pager.keyOf(r)
	if !ok {
		return false
	}
	for _, page := range d.pages {
		if before, found := page[key]; found && before.Equal(modified) {
			d.pages[0][key] = modified
			return true
		}
	}
	d.pages[0][key] = modified
	if before, found := d.boundary[key]; found && before.Equal(modified) {
		return true
	}
	if !d.end.IsZero() && !modified.IsZero() && !modified.Before(d.end.Truncate(time.Second)) {
		d.next[key] = modified
	}
	return false
}

// since follows the row version. The server gives rows whose version is at least
// the cursor, oldest first, always on page 1; should a page not be in order, its
// query is paged to the end before the cursor moves.
func (p *pager[Req, Reply, Row]) since(ctx context.Context, c *Client, since int64, req *Req) iter.Seq2[*Row, error] {
	return p.follow(ctx, c, since, req, func(int64) {})
}

// follow is since; it calls moved when all rows below a version have been given
// and read.
func (p *pager[Req, Reply, Row]) follow(ctx context.Context, c *Client, since int64, req *Req, moved func(version int64)) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		var q Req
		if req != nil {
			q = *req
		}
		p.first(&q)
		index, size := p.page(&q)
		if p.window != nil {
			begin, end := p.window(&q)
			*begin, *end = time.Time{}, time.Time{}
		}
		if p.noTotal != nil {
			p.noTotal(&q)
		}
		cursor, top := since, since
		given := map[string]int64{} // rows given since the cursor moved, and those on it
		fresh := 0                  // of them, those given since page 1 was asked for
		for *index = 1; ; {
			*p.cursor(&q) = max(cursor, 1) // 0 would be left out
			reply, err := call[Reply](ctx, c, p.op, &q)
			if err != nil {
				yield(nil, err)
				return
			}
			rows := p.rows(reply)
			ordered, before := true, int64(0)
			for i := range rows {
				v, key := p.version(&rows[i]), p.key(&rows[i])
				if v <= 0 {
					yield(nil, p.paging(c, "row %s has no row version: use All", key))
					return
				}
				ordered = ordered && v >= before
				before = v
				if known, ok := given[key]; v < cursor || v == since || ok && known == v {
					continue
				}
				given[key] = v
				top = max(top, v)
				fresh++
				if !yield(&rows[i], nil) {
					return
				}
			}
			full := int64(len(rows)) >= *size || p.info(reply).hasNext && len(rows) > 0
			switch {
			case full && (!ordered || *index > 1 || top == cursor):
				*index++ // more rows than a page at this cursor
				if *index > 1_000_000 {
					yield(nil, p.paging(c, "no end after %d pages at one row version", *index))
					return
				}
			case fresh == 0:
				return // nothing newer
			default:
				*index, cursor, fresh = 1, top, 0
				moved(cursor)
				for key, v := range given {
					if v < cursor {
						delete(given, key)
					}
				}
			}
		}
	}
}
