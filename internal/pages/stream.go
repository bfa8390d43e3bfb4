package pages

import (
	"context"
	"iter"
	"maps"
	"time"
)

// streamWindow is the time range of one step of a stream by time: the rows committed
// in a step are in the checkpoint, so that steps are short.
const streamWindow = 24 * time.Hour

// Stream goes through the rows of a query that are not committed. A row is committed
// when the loop asks for the next one.
type Stream[Row any] struct {
	walk func(ctx context.Context, yield func(*Row, error) bool)
	name string
	at   Checkpoint
	err  error
}

// Rows goes through the rows that are not committed yet.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		if s.err != nil {
			yield(nil, s.err)
			return
		}
		s.walk(ctx, yield)
	}
}

// Checkpoint is how far the stream is: all rows before the one in progress.
func (s *Stream[Row]) Checkpoint() Checkpoint {
	at := s.at
	at.Version, at.Stream, at.Done = CheckpointVersion, s.name, maps.Clone(s.at.Done)
	return at
}

// Stream makes a stream of a query, by row version unless the query has a time range
// or no row version.
func (p *Pages[Req, Reply, Row]) Stream(req *Req, from Checkpoint) *Stream[Row] {
	s := &Stream[Row]{name: p.Name, at: from}
	s.at.Done = maps.Clone(from.Done)
	q := p.first(req)
	var begin, end time.Time
	if p.Window != nil {
		b, e := p.Window(&q)
		begin, end = *b, *e
	}
	byTime := !begin.IsZero()
	if s.err = p.accept(from, byTime); s.err != nil {
		return s
	}
	switch {
	case byTime:
		if s.at.Time.IsZero() {
			s.at.Time = begin
		}
		if s.at.Until.IsZero() {
			s.at.Until = end
		}
		s.walk = func(ctx context.Context, yield func(*Row, error) bool) { p.walkTimes(ctx, s, &q, yield) }
	case p.Cursor != nil:
		s.walk = func(ctx context.Context, yield func(*Row, error) bool) { p.walkVersions(ctx, s, &q, yield) }
	default:
		s.err = p.invalid("a stream of this query needs the beginning of a time range")
	}
	return s
}

func (p *Pages[Req, Reply, Row]) walkVersions(ctx context.Context, s *Stream[Row], req *Req, yield func(*Row, error) bool) {
	// The rows at the cursor itself are asked for again, and those committed are left
	// out: others may share its version.
	for row, err := range p.follow(ctx, max(s.at.Cursor-1, 0), req, s.at.passVersion) {
		if err != nil {
			yield(nil, err)
			return
		}
		if !s.pass(p.Key(row), p.Version(row), row, yield) {
			return
		}
	}
}

func (p *Pages[Req, Reply, Row]) walkTimes(ctx context.Context, s *Stream[Row], req *Req, yield func(*Row, error) bool) {
	until := s.at.Until
	if until.IsZero() {
		until = p.Now()
	}
	step := streamWindow
	if p.WindowMax > 0 {
		step = min(step, p.WindowMax)
	}
	for from := s.at.Time; from.Before(until); from = s.at.Time {
		to := from.Add(step)
		if to.After(until) {
			to = until
		}
		part := *req
		b, e := p.Window(&part)
		*b, *e = from, to
		inside := map[string]struct{}{}
		for row, err := range p.All(ctx, &part) {
			if err != nil {
				yield(nil, err)
				return
			}
			key, mark := p.Key(row), int64(0)
			if p.Modified != nil {
				mark = p.Modified(row).UnixMilli()
			}
			if p.When != nil && !onBoundary(p.When(&part, row), to) {
				inside[key] = struct{}{}
			}
			if !s.pass(key, mark, row, yield) {
				return
			}
		}
		s.at.passTime(to, inside)
	}
}

// pass yields a row that is not committed and commits it; false ends the loop.
func (s *Stream[Row]) pass(key string, mark int64, row *Row, yield func(*Row, error) bool) bool {
	if s.at.committed(key, mark) {
		return true
	}
	if !yield(row, nil) {
		return false
	}
	s.at.commit(key, mark)
	return true
}
