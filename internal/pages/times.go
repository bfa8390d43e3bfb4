package pages

import (
	"context"
	"time"
)

// A stream by time reads one range after another. The committed rows of a range are in the
// checkpoint until the whole range is committed, so ranges should have a few hundred rows.
const (
	firstRange = 24 * time.Hour
	longRange  = 7 * 24 * time.Hour // if the server has no limit
	shortRange = time.Second        // times on the wire are whole seconds
	rangeRows  = 200
)

// times walks a stream by time.
type times struct {
	p     *pager
	s     *stream
	req   any
	yield func(any, error) bool
	begun time.Time     // by the host's clock
	from  time.Time     // everything before it has been read
	step  time.Duration // length of the next range
	open  bool          // a range was read that cannot be committed as a whole yet
	asked bool          // a request was made, whose answer may have revealed the server's time
}

func (p *pager) walkTimes(ctx context.Context, s *stream, req any, yield func(any, error) bool) {
	w := &times{p: p, s: s, req: req, yield: yield, begun: p.Now(), step: min(firstRange, p.longest())}
	if s.at.From == FromNow {
		if err := w.present(ctx); err != nil {
			yield(nil, err)
			return
		}
	}
	w.from = s.at.Time
	for {
		to := w.until()
		if !to.After(w.from) {
			return
		}
		if to.After(w.from.Add(w.step)) {
			to = w.from.Add(w.step)
		}
		if !w.read(ctx, to) {
			return
		}
	}
}

func (p *pager) longest() time.Duration {
	if p.WindowMax > 0 {
		return p.WindowMax
	}
	return longRange
}

// present starts a stream at the present: at the earliest time that it can be on the server,
// which a request reveals.
func (w *times) present(ctx context.Context) error {
	low, _, known := w.p.server(w.begun)
	if !known {
		if page := w.request(ctx, w.begun.Add(-shortRange), w.begun); page.err != nil {
			return page.err
		}
		low, _, _ = w.p.server(w.begun)
	}
	w.s.at.Time, w.s.at.From = low.Truncate(time.Second), ""
	return nil
}

// until returns where this walk ends: the server's time when it began, or the end of the
// stream if that is earlier. While the server's time is unknown and the host's clock is
// behind the checkpoint, it allows one range more, whose answer may reveal that time.
func (w *times) until() time.Time {
	to := w.p.now(w.begun).Truncate(time.Second)
	if _, _, known := w.p.server(w.begun); !known && !w.asked && !to.After(w.from) {
		to = w.from.Add(shortRange)
	}
	if end := w.s.at.Until; !end.IsZero() && end.Before(to) {
		return end
	}
	return to
}

// request requests the first page of a range.
func (w *times) request(ctx context.Context, from, to time.Time) *fetched {
	req := w.p.copy(w.req)
	begin, end := w.p.Window(req)
	*begin, *end = from, to
	page := w.p.ask(req, 1)
	w.p.load(ctx, &contents{}, page)
	w.asked = true
	return page
}

// read reads the range up to a time, or makes it shorter if it has too many rows.
func (w *times) read(ctx context.Context, to time.Time) bool {
	first := w.request(ctx, w.from, to)
	if first.err != nil {
		w.yield(nil, first.err)
		return false
	}
	rows, most := w.count(first)
	length := to.Sub(w.from)
	if rows > most && length > shortRange {
		w.step = suited(length, rows, most, length/2)
		return true
	}
	one := &windows{p: w.p, req: first.req}
	if !w.p.read(ctx, one, first, w.give(first.req)) {
		return false
	}
	w.commit(first.begun, to)
	w.from = to
	w.step = suited(length, rows, most, min(2*w.step, w.p.longest()))
	return true
}

// suited returns the length of the next range, at most longest, where one of the given length
// has a number of rows: three quarters of the most that it should have if the next one has
// rows as close together. So the number of committed rows in a checkpoint is independent of
// the number of all rows.
func suited(length time.Duration, rows, most int64, longest time.Duration) time.Duration {
	step := longest
	if rows > 0 {
		step = min(step, time.Duration(float64(length)*float64(3*most)/float64(4*rows)))
	}
	return max(step.Truncate(time.Second), shortRange)
}

// count returns how many rows a range has, according to its first page, and how many it
// should have at most: one page if there are no counts.
func (w *times) count(first *fetched) (rows, most int64) {
	info, n := first.info, int64(first.rows)
	switch {
	case w.p.Page == nil:
		return 0, rangeRows
	case info.Total > 0:
		return info.Total, max(rangeRows, first.size)
	case info.HasNext && 4*n >= info.size(first.size), n >= info.size(first.size):
		// A page with fewer rows that promises more may be the server's habit: halving
		// its range would go on to single seconds.
		return first.size + 1, first.size
	}
	return n, first.size
}

// give yields the rows of a range that are not committed.
func (w *times) give(req any) func(any, error) bool {
	c, keyless, end := &contents{}, map[uint64]int{}, w.p.end(req)
	return func(row any, err error) bool {
		if err != nil {
			w.yield(nil, err)
			return false
		}
		st := w.p.stamp(c, row)
		if st.key == "" {
			keyless[st.id]++
		}
		mark, old := w.s.at.Time.UnixMilli(), int64(0)
		switch at := w.p.when(req, row); {
		case at.IsZero(): // the next range may begin with it
			mark = max(mark, end.UnixMilli())
		case at.After(w.s.at.Time):
			mark = at.UnixMilli()
		}
		if w.p.Modified != nil {
			old = w.p.Modified(row).UnixMilli()
		}
		return w.s.pass(entry(st, keyless[st.id]), mark, st.key, old, row, w.yield)
	}
}

// commit moves the checkpoint to the end of a range that was requested at a time of the
// host's clock, but not beyond the time after which rows may still appear.
func (w *times) commit(begun, to time.Time) {
	if w.open {
		return
	}
	if settled := w.p.settled(begun).Truncate(time.Second); settled.Before(to) {
		w.open, to = true, settled
	}
	if to.After(w.s.at.Time) {
		w.s.at.passTime(to)
	}
}
