package pages

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// query is a [Query] whose requests, answers and rows are pointers in an any.
type query struct {
	PageSize  int64
	MaxPages  int64
	WindowMax time.Duration

	Page     func(req any) (index, size *int64)
	Next     func(req, reply any) (more, stuck bool)
	Rows     func(reply any) list
	Info     func(reply any) Info
	Window   func(req any) (begin, end *time.Time)
	Key      func(row any) string
	Modified func(row any) time.Time
	When     func(req, row any) time.Time
	Cursor   func(req any) *int64
	Version  func(row any) int64
	NoTotal  func(req any)

	copy func(req any) any // of nothing, if the pointer is nil
}

// list is the rows of an answer.
type list struct {
	n  int
	at func(i int) any // pointer to row i
}

// pager is a query of a service.
type pager struct {
	query
	Service
}

func (p *Pages[Req, Reply, Row]) untyped() *pager {
	return &pager{query: p.Query.untyped(), Service: p.Service}
}

func (q *Query[Req, Reply, Row]) untyped() query {
	return query{
		PageSize: q.PageSize, MaxPages: q.MaxPages, WindowMax: q.WindowMax,
		Page: of2(q.Page), Window: of2(q.Window), Cursor: of1(q.Cursor), Info: of1(q.Info),
		Key: of1(q.Key), Modified: of1(q.Modified), Version: of1(q.Version),
		Rows: func(reply any) list {
			rows := q.Rows(reply.(*Reply))
			return list{n: len(rows), at: func(i int) any { return &rows[i] }}
		},
		When:    ofTwo(q.When),
		Next:    q.next(),
		NoTotal: q.noTotal(),
		copy: func(req any) any {
			out := new(Req)
			if req := req.(*Req); req != nil {
				*out = *req
			}
			return out
		},
	}
}

func (q *Query[Req, Reply, Row]) next() func(req, reply any) (more, stuck bool) {
	if q.Next == nil {
		return nil
	}
	return func(req, reply any) (more, stuck bool) { return q.Next(req.(*Req), reply.(*Reply)) }
}

func (q *Query[Req, Reply, Row]) noTotal() func(req any) {
	if q.NoTotal == nil {
		return nil
	}
	return func(req any) { q.NoTotal(req.(*Req)) }
}

// of1 takes away the type of a function's parameter.
func of1[T, R any](f func(*T) R) func(any) R {
	if f == nil {
		return nil
	}
	return func(v any) R { return f(v.(*T)) }
}

// of2 does so for a function with two results.
func of2[T, R any](f func(*T) (R, R)) func(any) (R, R) {
	if f == nil {
		return nil
	}
	return func(v any) (R, R) { return f(v.(*T)) }
}

// ofTwo does so for a function with two parameters.
func ofTwo[T, U, R any](f func(*T, *U) R) func(a, b any) R {
	if f == nil {
		return nil
	}
	return func(a, b any) R { return f(a.(*T), b.(*U)) }
}

// typed converts the rows of a loop to their type.
func typed[Row any](loop func(yield func(any, error) bool)) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		loop(func(row any, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(row.(*Row), nil)
		})
	}
}

// Stream iterates over rows and records which are committed. It is not safe for concurrent
// use.
type Stream[Row any] struct{ s *stream }

// Rows yields the rows that are not committed yet.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] {
	return typed[Row](func(yield func(any, error) bool) { s.s.rows(ctx, yield) })
}

// Checkpoint returns what is committed.
func (s *Stream[Row]) Checkpoint() Checkpoint { return s.s.checkpoint() }

// Commit commits the row in progress.
func (s *Stream[Row]) Commit() { s.s.commit() }

// Delta returns what the last commit changed.
func (s *Stream[Row]) Delta() Delta { return s.s.delta() }

func (q *query) complete(req any) {
	if q.Page == nil {
		return
	}
	index, size := q.Page(req)
	*index = max(*index, 1)
	if *size <= 0 {
		*size = q.PageSize
	}
}

// first returns a copy of the request that is for page 1.
func (q *query) first(req any) any {
	out := q.copy(req)
	q.complete(out)
	if q.Page != nil {
		index, _ := q.Page(out)
		*index = 1
	}
	return out
}

func (p *pager) inconsistent(format string, args ...any) error {
	return p.Fail(Inconsistent, fmt.Errorf(format, args...))
}

func (p *pager) invalid(format string, args ...any) error {
	return p.Fail(Invalid, fmt.Errorf(format, args...))
}
