package pages_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/pages"
)

// The server of the model, derived from what the sources state and not from the loops:
//
//	S1  page_index starts at 1; answers hold page_index, page_size, page_count,
//	    data_count and has_next (general rules of the order interfaces).
//	S2  data_count and page_count are null or absent with is_get_total=false; some
//	    operations document no counts (order action log) and some no has_next.
//	S3  has_next is called unreliable by a user of one SDK; members are misspelled in
//	    the documentation of some operations, so that a reader does not find them.
//	S4  page_size has a maximum that sources disagree about (100 or 50): a server may
//	    return fewer rows a page than were asked for.
//	S5  start_ts returns rows whose version is at least the value, lowest first; a
//	    version is a SQL Server rowversion: it grows with every write, also where
//	    modified does not change. It is assigned when a row is written, and the row is
//	    visible when its transaction commits: L seconds later at most.
//	S6  A time range has whole seconds and both its ends; modified is the time of the
//	    server's last write, with or without fractions.
//	S7  Rows move while pages are read: a row that changes leaves a range of the past,
//	    others enter. (The field text itself says so.)
//	S8  The server refuses a clock that is more than 10 minutes off, and nothing less.
//	S9  Keys: a key is not unique in every list (stock has a row per warehouse under
//	    one sku_id), and fields may be empty.
//	    A range may filter by another time than the rows show (date_type), or by one
//	    that they do not show.
//	S10 Answers of HTTP have a Date in whole seconds (RFC 9110, 6.6.1), unless the
//	    server has no clock; servers behind one address differ by a second.
//
// A server with both of these faults leaves no evidence and is left out: it returns fewer
// rows than asked for without saying so, and its members say that there are no more.

// state is a version of a row, from one write to the next.
type state struct {
	id       int // of the row in the database; key is what the answer shows
	key      string
	version  int64
	modified time.Time
	seen     time.Time // when it became visible
	content  int64     // of this state only
	gone     bool      // it no longer matches the query
}

// row is a state as an answer returns it.
type row struct {
	Key      string
	Version  int64
	Modified time.Time
	Content  int64
}

type request struct {
	Index, Size int64
	Begin, End  time.Time
	Cursor      int64
	NoTotal     bool
	Shop        int64 // the filter
}

type reply struct {
	rows []row
	info pages.Info
}

// members are the members with which a server's answers describe its pages.
type members struct {
	name          string
	next, counts  bool
	size          bool // page_size of the answer is that of the server
	nextLie       int  // 1: always more, 2: never more
	countLie      int  // 1: rows of the page, 2: more than there are
	capped, twice bool
}

func (m members) lies() bool { return m.nextLie != 0 || m.countLie != 0 }

// dialects are the different ways of answering.
var dialects = []members{
	{name: "has_next and counts", next: true, counts: true, size: true},
	{name: "has_next and counts, capped", next: true, counts: true, capped: true},
	{name: "has_next", next: true},
	{name: "has_next, capped", next: true, capped: true},
	{name: "counts", counts: true},
	{name: "counts, capped", counts: true, capped: true, size: true},
	{name: "nothing", size: true},
	{name: "nothing, capped", capped: true},
	{name: "rows twice", next: true, counts: true, twice: true},
	{name: "has_next lies: more", next: true, nextLie: 1, size: true},
	{name: "has_next lies: no more", next: true, nextLie: 2, size: true},
	{name: "has_next lies: no more, capped", next: true, nextLie: 2, size: true, capped: true},
	{name: "has_next lies beside counts", next: true, nextLie: 2, counts: true, size: true},
	{name: "counts lie: too low", counts: true, countLie: 1, size: true},
	{name: "counts lie: too high", counts: true, countLie: 2, size: true},
}

// world is a server with its clock, and the client's clock.
type world struct {
	mu      sync.Mutex
	rng     *rand.Rand
	now     time.Time
	states  []state // by version
	members members
	cap     int64
	offset  time.Duration // of the client's clock
	late    time.Duration // L
	fine    bool          // modified has fractions of seconds
	byKey   bool          // pages are in the order of keys, not of modified
	noDate  bool
	clock   call.Clock
	fetches int
	pageful bool // answers have pages
}

var epoch = time.Date(2024, 6, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))

// newWorld fills a server with rows of the two days before, and schedules what will happen
// in the next minutes.
func newWorld(rng *rand.Rand, dialect members) *world {
	w := &world{
		rng: rng, now: epoch, members: dialect, pageful: true, fine: rng.IntN(2) == 0, byKey: rng.IntN(4) == 0, noDate: rng.IntN(5) == 0,
		offset: time.Duration(rng.Int64N(int64(20*time.Minute))) - 10*time.Minute,
	}
	if rng.IntN(3) == 0 {
		w.offset = 0
	}
	if rng.IntN(2) == 0 {
		w.late = time.Duration(rng.IntN(8_000)) * time.Millisecond
	}
	w.cap = 1000
	if dialect.capped {
		w.cap = 1 + rng.Int64N(4)
	}
	keys := rng.IntN(6) // 0: empty ones among them, 1: some are shared
	rows, shared := rng.IntN(40), rng.IntN(5) == 0
	version := int64(1000)
	for id := range rows {
		s := state{id: id, key: fmt.Sprint("k", id), content: int64(id + 1)}
		switch {
		case keys == 0 && rng.IntN(3) == 0:
			s.key = ""
		case keys == 1 && rng.IntN(3) == 0:
			s.key = fmt.Sprint("k", rng.IntN(5))
		}
		s.modified = epoch.Add(-time.Duration(rows-id)*48*time.Hour/time.Duration(rows+1) + time.Duration(rng.IntN(900))*time.Millisecond)
		if hour := s.modified.Truncate(time.Hour); rng.IntN(3) == 0 && (id == 0 || hour.After(w.states[id-1].modified)) {
			s.modified = hour // where ranges may have their borders
		}
		if !shared || id%7 == 0 {
			version += 1 + rng.Int64N(9)
		}
		s.version, s.seen = version, s.modified
		w.states = append(w.states, s)
	}
	w.happen(rows, version)
	return w
}

// happen schedules the writes of the next minutes: rows change, enter and leave.
func (w *world) happen(rows int, version int64) {
	at := epoch
	for range w.rng.IntN(14) {
		if w.rng.IntN(4) > 0 { // otherwise in the same second
			at = at.Add(time.Duration(w.rng.IntN(25_000)) * time.Millisecond)
		} else {
			at = at.Add(time.Duration(w.rng.IntN(200)) * time.Millisecond)
		}
		version += 1 + w.rng.Int64N(9)
		s := state{id: rows, key: fmt.Sprint("k", rows), version: version, modified: at, content: version * 1000, seen: at}
		if w.late > 0 && w.rng.IntN(2) == 0 {
			s.seen = at.Add(time.Duration(w.rng.Int64N(int64(w.late))))
		}
		if what := w.rng.IntN(10); what > 2 && len(w.states) > 0 {
			old := w.states[w.rng.IntN(len(w.states))]
			s.id, s.key, s.gone = old.id, old.key, what == 9
		} else {
			rows++
		}
		w.states = append(w.states, s)
	}
}

// last returns the time after which nothing happens any more.
func (w *world) last() time.Time {
	last := epoch
	for _, s := range w.states {
		if s.seen.After(last) {
			last = s.seen
		}
	}
	return last
}

// visible returns the states that a query finds now, by row.
func (w *world) visible(req *request) map[int]state {
	found := map[int]state{}
	for _, s := range w.states {
		if !s.seen.After(w.now) {
			found[s.id] = s
		}
	}
	second := func(t time.Time) time.Time {
		if w.fine {
			return t
		}
		return t.Truncate(time.Second)
	}
	for id, s := range found {
		m := second(s.modified)
		if s.gone || s.version < req.Cursor || !req.Begin.IsZero() &&
			(m.Before(req.Begin.Truncate(time.Second)) || m.After(req.End.Truncate(time.Second))) {
			delete(found, id)
		}
	}
	return found
}

// fetch answers a request, which takes time.
func (w *world) fetch(ctx context.Context, asked any) (any, pages.Heard, error) {
	req := asked.(*request)
	if err := ctx.Err(); err != nil {
		return nil, pages.Heard{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fetches++; w.fetches > 20_000 {
		return nil, pages.Heard{}, fmt.Errorf("the loop does not end")
	}
	sent := w.now.Add(w.offset)
	w.wait(700)
	out := w.answer(req)
	if !w.noDate {
		jitter := time.Duration(w.rng.IntN(1_000)-500) * time.Millisecond
		date := w.now.Add(jitter).UTC().Format(http.TimeFormat)
		w.wait(700)
		w.clock.Observe(http.Header{"Date": {date}}, sent, w.now.Add(w.offset))
	}
	return out, pages.Heard{}, nil
}

func (w *world) wait(ms int) { w.now = w.now.Add(time.Duration(1+w.rng.IntN(ms)) * time.Millisecond) }

func (w *world) answer(req *request) *reply {
	var found []state
	for _, s := range w.visible(req) {
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b state) int {
		order := 0
		switch {
		case req.Cursor > 0:
			order = int(a.version - b.version)
		case !w.byKey:
			order = a.modified.Compare(b.modified)
		}
		if order == 0 {
			order = a.id - b.id
		}
		return order
	})
	size := min(req.Size, w.cap)
	if !w.pageful {
		size = 8
	}
	from := min((max(req.Index, 1)-1)*size, int64(len(found)))
	to := min(from+size, int64(len(found)))
	out := &reply{}
	for _, s := range found[from:to] {
		r := row{Key: s.key, Version: s.version, Modified: s.modified, Content: s.content}
		if !w.fine {
			r.Modified = r.Modified.Truncate(time.Second)
		}
		out.rows = append(out.rows, r)
		if w.members.twice && w.rng.IntN(9) == 0 {
			out.rows = append(out.rows, r)
		}
	}
	out.info = w.members.say(int64(len(found)), from, to, size, req.NoTotal)
	return out
}

// say fills in what the members of a page say.
func (m members) say(total, from, to, size int64, noTotal bool) (i pages.Info) {
	if m.next {
		i.KnowsNext, i.HasNext = true, (to < total || m.nextLie == 1) && m.nextLie != 2
	}
	if m.counts && !noTotal {
		switch m.countLie {
		case 1:
			total = to - from
		case 2:
			total += 5
		}
		i.Total, i.Pages = total, (total+size-1)/size
	}
	if m.size {
		i.Size = size
	}
	return i
}

// service is the client's side.
func (w *world) service(lag time.Duration) pages.Service {
	return pages.Service{
		Name:  "Model.Query@1",
		Fetch: w.fetch,
		Fail: func(why pages.Reason, cause error) error {
			return fmt.Errorf("%w: %s", []error{errPaging, errInvalid, errCanceled}[why], strings.TrimSpace(cause.Error()))
		},
		Now:      func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now.Add(w.offset) },
		Clock:    &w.clock,
		Overlap:  lag,
		Prefetch: 1 + w.rng.IntN(3),
	}
}

// query describes how the operation paginates; one is a query whose rows come in one answer,
// as the scene's refunds do.
func (w *world) query(one bool) pages.Query[request, reply, row] {
	q := pages.Query[request, reply, row]{
		PageSize: 2 + w.rng.Int64N(8), WindowMax: []time.Duration{0, 7 * 24 * time.Hour, 5 * time.Hour}[w.rng.IntN(3)],
		Page:     func(q *request) (index, size *int64) { return &q.Index, &q.Size },
		Rows:     func(r *reply) []row { return r.rows },
		Info:     func(r *reply) pages.Info { return r.info },
		Window:   func(q *request) (begin, end *time.Time) { return &q.Begin, &q.End },
		Key:      func(r *row) string { return r.Key },
		Modified: func(r *row) time.Time { return r.Modified },
		When:     func(_ *request, r *row) time.Time { return r.Modified },
		Cursor:   func(q *request) *int64 { return &q.Cursor },
		Version:  func(r *row) int64 { return r.Version },
		NoTotal:  func(q *request) { q.NoTotal = true },
	}
	if w.rng.IntN(4) == 0 {
		q.Modified, q.When = nil, nil
	}
	if one {
		w.pageful, q.Page, q.Window, q.NoTotal, q.When = false, nil, nil, nil, nil
	}
	return q
}
