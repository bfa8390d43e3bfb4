package pages

import (
	"context"
	"maps"
	"reflect"
	"strconv"
	"time"
)

// Stream iterates over the rows of a query that are not committed. A row is committed when
// the loop asks for the next one, or by Commit.
type stream struct {
	walk func(ctx context.Context, yield func(any, error) bool)
	name string
	at   Checkpoint
	err  error

	open bool // a row is in progress
	row  done // that row
	last done // what was committed last
}

// done is a row among those that a checkpoint has as committed.
type done struct {
	entry string
	mark  int64
}

func (s *stream) rows(ctx context.Context, yield func(any, error) bool) {
	if s.err != nil {
		yield(nil, s.err)
		return
	}
	s.walk(ctx, yield)
}

// Checkpoint returns how far the stream is: all rows that are committed.
func (s *stream) checkpoint() Checkpoint {
	at := s.at
	at.Version, at.Stream, at.Done = CheckpointVersion, s.name, maps.Clone(s.at.Done)
	return at
}

// Commit commits the row in progress, and does nothing if there is none.
func (s *stream) commit() {
	if s.open {
		s.open, s.last = false, s.row
		s.at.commit(s.row.entry, s.row.mark)
	}
}

// Delta returns what the last commit changed. A row that was not committed is none of it.
func (s *stream) delta() Delta {
	head := s.at
	head.Version, head.Stream, head.Done = CheckpointVersion, s.name, nil
	return Delta{Head: head, Entry: s.last.entry, Mark: s.last.mark, Floor: head.floor()}
}

// Stream returns a stream of a query, by row version unless the query has a time range or
// no row version.
func (p *pager) stream(req any, from Checkpoint) *stream {
	s := &stream{name: p.Name, at: from}
	s.at.Done = maps.Clone(from.Done)
	q := p.first(req)
	var begin, end time.Time
	if p.Window != nil {
		b, e := p.Window(q)
		begin, end = *b, *e
	}
	byTime := !begin.IsZero()
	s.at.Filter = p.filter(q)
	if s.err = p.accept(from, byTime, s.at.Filter); s.err != nil {
		return s
	}
	switch {
	case byTime && !end.IsZero() && end.Before(begin):
		s.err = p.backwards()
	case byTime:
		if s.at.Time.IsZero() && from.From == "" {
			s.at.Time = begin
		}
		s.at.Until = end // a later end extends the stream
		s.walk = func(ctx context.Context, yield func(any, error) bool) { p.walkTimes(ctx, s, q, yield) }
	case p.Cursor != nil:
		s.walk = func(ctx context.Context, yield func(any, error) bool) {
			if err := p.start(ctx, s, q); err != nil {
				yield(nil, err)
				return
			}
			p.walkVersions(ctx, s, q, yield)
		}
	default:
		s.err = p.invalid("a stream of this query needs the beginning of a time range")
	}
	return s
}

// filter returns the fingerprint of what a query asks for, apart from its pages, its time
// range and its cursor.
func (p *pager) filter(req any) string {
	req = p.copy(req)
	if p.Page != nil {
		index, size := p.Page(req)
		*index, *size = 0, 0
	}
	if p.Window != nil {
		begin, end := p.Window(req)
		*begin, *end = time.Time{}, time.Time{}
	}
	if p.Cursor != nil {
		*p.Cursor(req) = 0
	}
	if p.NoTotal != nil {
		p.NoTotal(req)
	}
	c := contents{}
	return strconv.FormatUint(c.hash(reflect.ValueOf(req).Elem()), 36)
}

// pass yields a row that is not committed and commits it; false ends the loop. key and old
// are what earlier formats stored for it.
func (s *stream) pass(entry string, mark int64, key string, old int64, row any, yield func(any, error) bool) bool {
	if s.at.committed(entry, key, old) {
		return true
	}
	s.open, s.row = true, done{entry, mark}
	if !yield(row, nil) {
		s.open = false
		return false
	}
	s.commit()
	return true
}
