package jushuitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// rowReader reads all rows of a query. They arrive, as they were sent, at the option seen of
// the client; the error is that of the iterator, whose rules decide whether the rows are
// complete.
type rowReader func(ctx context.Context, c *Client, biz []byte) error

func readRows[Req, Reply, Row any](p *pager[Req, Reply, Row]) rowReader {
	return func(ctx context.Context, c *Client, biz []byte) error {
		req := new(Req)
		if err := wire.Unmarshal(biz, req); err != nil {
			return fmt.Errorf("jushuitan: %s merchant %q: cannot build the query: %w", p.op.Name(), c.merchant, err)
		}
		for _, err := range p.all(ctx, c, req) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// reading is what a query returned.
type reading struct {
	rows   []json.RawMessage
	silent bool // an answer has null rows, or no list of rows, and does not say that there are none
	err    error
}

// query reads the rows of the query of a read-back.
func (s *settling) query(ctx context.Context, filters map[string]any) reading {
	for name, values := range s.rb.with {
		filters[name] = values
	}
	biz, err := wire.Marshal(filters)
	if err != nil {
		return reading{err: err}
	}
	var mu sync.Mutex
	var out reading
	at := map[string]int{}
	scope := s.scope
	scope.options.seen = func(rows []element, sure bool) {
		mu.Lock()
		defer mu.Unlock()
		out.silent = out.silent || !sure
		for _, row := range rows {
			key := pages.RawKey(row.text, s.rb.query.Key...)
			if i, again := at[key]; again && key != "" { // of a page that was read twice, or that shifted
				out.rows[i] = row.text
				continue
			}
			at[key] = len(out.rows)
			out.rows = append(out.rows, row.text)
		}
	}
	out.err = readerOf(s.rb.query)(ctx, newClient(scope), biz)
	return out
}

// countsNone reports whether an answer without a list of rows says that there are none: by a
// count of 0. One that is null or absent says nothing.
func (a *answer) countsNone() bool {
	for _, p := range []*place{&a.data, &a.deep, &a.root} {
		if p.kind != '{' {
			continue
		}
		object := a.aside(p).Look()
		for _, name := range []string{"data_count", "page_count"} {
			if text, ok := plain(find(object, name)); ok && strings.Trim(text, "0.") == "" {
				return true
			}
		}
	}
	return false
}

// read sends the queries for all documents and assigns the rows to them.
func (s *settling) read(ctx context.Context, docs []*document) error {
	s.now = s.core.now()
	var errs []error
	if len(s.rb.ask) == 0 {
		r := s.since(ctx)
		for _, d := range docs {
			d.asked, d.rows, d.silent, d.err = true, r.rows, r.silent, r.err
		}
	}
	for _, batch := range s.batches(docs) {
		r := s.query(ctx, s.filters(batch))
		errs = append(errs, r.err)
		for _, d := range batch {
			d.asked, d.silent, d.err = true, r.silent, r.err
			d.rows = slices.DeleteFunc(slices.Clone(r.rows), func(row json.RawMessage) bool { return !s.isOf(d, row) })
			d.loose = slices.ContainsFunc(r.rows, func(row json.RawMessage) bool {
				return !slices.ContainsFunc(batch, func(d *document) bool { return s.isOf(d, row) })
			})
		}
	}
	s.times()
	return errors.Join(errs...)
}

// times sets the times by the server's clock, which its answers to the queries state.
func (s *settling) times() {
	low, high, known := s.core.engine.Clock.Server(s.now)
	began := s.write.Began.Sub(s.now)
	s.low, s.high = low.Add(began), high.Add(began)
	if !known { // the server accepts clocks that are this far off
		s.low, s.high = s.low.Add(-clockMargin), s.high.Add(clockMargin)
	}
	s.low = s.low.Truncate(time.Second) // rows have whole seconds
	s.again = s.write.Ended.Add(s.delay + high.Sub(low))
	s.mature = !s.now.Before(s.again)
}

// clockMargin is how far the host's clock may be off while the server's is unknown.
const clockMargin = 15 * time.Minute

// since reads what has changed since the write began, once.
func (s *settling) since(ctx context.Context) reading {
	if s.window == nil {
		from, _, known := s.core.engine.Clock.Server(s.now)
		margin := time.Minute
		if !known {
			margin = clockMargin
		}
		from = from.Add(s.write.Began.Sub(s.now)).Add(-margin)
		r := s.query(ctx, map[string]any{s.rb.query.window[0]: from.In(wire.CST).Format(time.DateTime)})
		s.window = &r
	}
	return *s.window
}

func (s *settling) windowErr() error {
	if s.window == nil {
		return nil
	}
	return s.window.err
}

// batches groups documents that one query can read.
func (s *settling) batches(docs []*document) [][]*document {
	most := 0
	for _, a := range s.rb.ask {
		if a.most > 0 && (most == 0 || a.most < most) {
			most = a.most
		}
	}
	if s.rb.hidden {
		most = 1
	}
	groups := map[string]int{} // of the last batch of a kind
	var out [][]*document
	for _, d := range docs {
		kind, named := s.kind(d)
		if !named {
			continue
		}
		i, ok := groups[kind]
		if !ok || len(out[i]) >= most {
			i = len(out)
			groups[kind] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out
}

// kind is equal for documents that one query can read; named reports whether the document has
// a number to query by.
func (s *settling) kind(d *document) (kind string, named bool) {
	for _, a := range s.rb.ask {
		text, ok := plain(d.value(a.member))
		switch {
		case ok && a.most > 0:
			kind, named = kind+a.filter+"\n", true
		case ok:
			kind += a.filter + "=" + text + "\n"
		}
	}
	return kind, named
}

// filters returns the filters of a query for documents of one kind.
func (s *settling) filters(batch []*document) map[string]any {
	out := map[string]any{}
	for _, a := range s.rb.ask {
		var list []json.RawMessage
		for _, d := range batch {
			v := d.value(a.member)
			if _, ok := plain(v); !ok {
				continue
			}
			if a.most == 0 {
				out[a.filter] = v
				break
			}
			if !slices.ContainsFunc(list, func(other json.RawMessage) bool { return string(other) == string(v) }) {
				list = append(list, v)
			}
		}
		if list != nil {
			out[a.filter] = list
		}
	}
	return out
}

// isOf reports whether a row belongs to a document: its key is that of the document, or the
// row hides its key and only this document was queried.
func (s *settling) isOf(d *document, row json.RawMessage) bool {
	compared := 0
	for _, pair := range s.rb.key {
		want := d.value(pair[1])
		if _, ok := plain(want); !ok {
			continue
		}
		got := find(row, pair[0])
		if _, shown := plain(got); !shown && s.rb.hidden {
			compared++
			continue
		}
		if !s.equal(d, pair[0], row, got, want) {
			return false
		}
		compared++
	}
	return compared > 0 || s.rb.fresh
}

// names lists the members of a request that name its documents.
func (rb *readBack) names() string {
	var names []string
	for _, a := range rb.ask {
		if a.most > 0 {
			names = append(names, a.member)
		}
	}
	return strings.Join(names, " or ")
}
