package jushuitan

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"
)

// checkpointVersion is that of the form of [Checkpoint].
const checkpointVersion = 1

// streamWindow is the time range of one step of a stream that follows modified
// times: the rows committed in a step are in the checkpoint, so that steps are
// short.
const streamWindow = day

// Checkpoint is how far a stream has been worked off. It is a plain value: store
// it as JSON, in the transaction that stores the rows if there is one. The zero
// value starts at the beginning.
type Checkpoint struct {
	Version int    `json:"version,omitempty"` // of this form
	Stream  string `json:"stream,omitempty"`  // whose it is: operation and merchant

	Cursor int64     `json:"cursor,omitempty"` // row version (行版本) up to which all is committed
	Time   time.Time `json:"time,omitzero"`    // or time up to which all is committed
	Until  time.Time `json:"until,omitzero"`   // end of the stream's time range

	// Done are the rows committed beyond, by key, with their version or time.
	Done map[string]int64 `json:"done,omitempty"`
}

// Stream goes through the rows of a query and can be resumed after a crash: no
// committed row is given again and none is passed over. The row that was in the
// loop body when the process died is given again.
//
// A row is committed when the loop asks for the next one. A body that breaks,
// returns or panics leaves its row uncommitted; so does an error.
type Stream[Row any] struct {
	client *Client
	walk   func(ctx context.Context, yield func(*Row, error) bool)
	name   string
	at     Checkpoint
	err    error
}

// Rows goes through the rows that are not committed yet. A stream by row version
// ends when nothing newer comes; call it again later to go on.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		if s.err != nil {
			yield(nil, s.err)
			return
		}
		s.walk(ctx, yield)
	}
}

// Checkpoint is how far the stream is: all rows before the one at hand.
func (s *Stream[Row]) Checkpoint() Checkpoint {
	cp := s.at
	cp.Version, cp.Stream = checkpointVersion, s.name
	cp.Done = maps.Clone(s.at.Done)
	return cp
}

// commit notes a row as worked off.
func (s *Stream[Row]) commit(key string, mark int64) {
	if s.at.Done == nil {
		s.at.Done = map[string]int64{}
	}
	s.at.Done[key] = mark
}

func (s *Stream[Row]) committed(key string, mark int64) bool {
	done, ok := s.at.Done[key]
	return ok && done == mark
}

// stream makes a stream of a query, by row version unless the query has a time
// range or no row version.
func (p *pager[Req, Reply, Row]) stream(c *Client, req *Req, from Checkpoint) *Stream[Row] {
	s := &Stream[Row]{client: c, name: p.op.Name() + "@" + c.merchant, at: from}
	s.at.Done = maps.Clone(from.Done)
	var q Req
	if req != nil {
		q = *req
	}
	fail := func(format string, args ...any) *Stream[Row] {
		s.err = (&oneCall{Client: c, op: p.op, path: p.op.Path}).fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf(format, args...)})
		return s
	}
	if from.Version > checkpointVersion {
		return fail("the checkpoint is of version %d, this package knows up to %d", from.Version, checkpointVersion)
	}
	if from.Stream != "" && from.Stream != s.name {
		return fail("the checkpoint is of stream %s, not %s", from.Stream, s.name)
	}
	var begin, end time.Time
	if p.window != nil {
		b, e := p.window(&q)
		begin, end = *b, *e
	}
	switch {
	case p.cursor != nil && begin.IsZero():
		if !from.Time.IsZero() {
			return fail("the checkpoint is of a stream with a time range, this one has none")
		}
		s.walk = func(ctx context.Context, yield func(*Row, error) bool) { p.walkVersions(ctx, s, &q, yield) }
	case p.window != nil && !begin.IsZero():
		if from.Cursor != 0 {
			return fail("the checkpoint is of a stream by row version, this one has a time range")
		}
		if s.at.Time.IsZero() {
			s.at.Time = begin
		}
		if s.at.Until.IsZero() {
			s.at.Until = end
		}
		s.walk = func(ctx context.Context, yield func(*Row, error) bool) { p.walkTimes(ctx, s, q, yield) }
	default:
		return fail("a stream of this query needs the beginning of a time range")
	}
	return s
}

func (p *pager[Req, Reply, Row]) walkVersions(ctx context.Context, s *Stream[Row], q *Req, yield func(*Row, error) bool) {
	moved := func(cursor int64) {
		s.at.Cursor = cursor
		maps.DeleteFunc(s.at.Done, func(_ string, v int64) bool { return v < cursor })
	}
	// The rows at the cursor itself are asked for again, and those committed are
	// left out: others may share its version.
	for row, err := range p.follow(ctx, s.client, max(s.at.Cursor-1, 0), q, moved) {
		if err != nil {
			yield(nil, err)
			return
		}
		key, v := p.key(row), p.version(row)
		if s.committed(key, v) {
			continue
		}
		if !yield(row, nil) {
			return
		}
		s.commit(key, v)
	}
}

func (p *pager[Req, Reply, Row]) walkTimes(ctx context.Context, s *Stream[Row], q Req, yield func(*Row, error) bool) {
	until := s.at.Until
	if until.IsZero() {
		until = s.client.core.now()
	}
	step := streamWindow
	if p.op.WindowMax > 0 {
		step = min(step, p.op.WindowMax)
	}
	for from := s.at.Time; from.Before(until); from = s.at.Time {
		to := from.Add(step)
		if to.After(until) {
			to = until
		}
		part := q
		b, e := p.window(&part)
		*b, *e = from, to
		for row, err := range p.all(ctx, s.client, &part) {
			if err != nil {
				yield(nil, err)
				return
			}
			key, mark := p.key(row), int64(0)
			if p.modified != nil {
				mark = p.modified(row).UnixMilli()
			}
			if s.committed(key, mark) {
				continue
			}
			if !yield(row, nil) {
				return
			}
			s.commit(key, mark)
		}
		// The range is done. Rows of its last second are met again in the next.
		s.at.Time = to
		last := to.Truncate(time.Second).UnixMilli()
		maps.DeleteFunc(s.at.Done, func(_ string, mark int64) bool { return mark < last })
	}
}
