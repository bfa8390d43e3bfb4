// Package pages iterates over the pages of a query: over every row, by row version, or as a
// stream with a checkpoint. It is independent of any service: a [Query] describes how an
// operation paginates, and a [Service] fetches the pages and creates the errors.
//
// Each rule has one file: ends.go decides whether another page follows, window.go splits
// time ranges and handles their boundaries, content.go identifies rows, moved.go detects
// rows that shifted between pages, clock.go estimates the server's time, version.go
// advances the cursor of row versions, late.go waits for rows that become visible late, and
// checkpoint.go records which rows are committed. all.go and ahead.go run the loop and
// prefetch. They know requests, answers and rows as pointers of any type: untyped.go takes
// the types away, since a loop compiled for each of some sixty queries would be the largest
// part of every program.
package pages

import (
	"context"
	"iter"
	"time"
)

// Query describes how an operation paginates. Functions that the operation does not need
// are nil, except Rows and Info.
type Query[Req, Reply, Row any] struct {
	PageSize  int64         // rows of a page if the request does not say
	MaxPages  int64         // maximum pages of a query that the server returns, 0 if no limit is known
	WindowMax time.Duration // longest time range, 0 if no limit is known

	Page   func(*Req) (index, size *int64)
	Next   func(*Req, *Reply) (more, stuck bool) // instead of Page: creates the next request from an answer
	Rows   func(*Reply) []Row
	Info   func(*Reply) Info
	Window func(*Req) (begin, end *time.Time)

	Key      func(*Row) string          // the same for two versions of one row
	Modified func(*Row) time.Time       // differs between two versions of one row
	When     func(*Req, *Row) time.Time // the time that Window filters by; nil: Modified

	Cursor  func(*Req) *int64 // lowest row version requested
	Version func(*Row) int64
	NoTotal func(*Req) // asks the server not to count the rows, which a cursor does not need
}

// Service is the client of one merchant, for one operation. Fetch takes and returns pointers
// of the types of the [Query].
type Service struct {
	Name     string // name of its streams: operation and merchant
	Fetch    func(ctx context.Context, req any) (reply any, heard Heard, err error)
	Fail     func(why Reason, cause error) error // creates the service's own error
	Now      func() time.Time                    // of the host's clock
	Clock    Clock                               // of the server; nil: unknown
	Overlap  time.Duration                       // rows become visible up to this much late
	Prefetch int                                 // pages that are fetched but not yet read, at least 1
}

// Reason is the reason why a loop ends with an error that Fetch did not return.
type Reason int

// The reasons.
const (
	Inconsistent Reason = iota // the pages contradict each other
	Invalid                    // the request or the checkpoint is wrong; nothing was sent
	Canceled                   // the context has ended
)

// Pages is a query of a service.
type Pages[Req, Reply, Row any] struct {
	Query[Req, Reply, Row]
	Service
}

// All yields the rows of all pages and all time ranges.
func (p *Pages[Req, Reply, Row]) All(ctx context.Context, req *Req) iter.Seq2[*Row, error] {
	return typed[Row](func(yield func(any, error) bool) { p.untyped().all(ctx, req, yield) })
}

// Since follows the row version: it yields rows with a version above since until there are
// no newer ones. The server returns rows whose version is at least the cursor, oldest
// first, always on page 1. If a page is out of order, or all of one version, its query is
// paginated to the end before the cursor moves.
func (p *Pages[Req, Reply, Row]) Since(ctx context.Context, since int64, req *Req) iter.Seq2[*Row, error] {
	return typed[Row](func(yield func(any, error) bool) { p.untyped().since(ctx, since, req, yield) })
}

// Stream returns a stream that resumes after from.
func (p *Pages[Req, Reply, Row]) Stream(req *Req, from Checkpoint) *Stream[Row] {
	return &Stream[Row]{p.untyped().stream(req, from)}
}

// Check returns an error if an answer lacks its list of rows although another array, a count
// or has_next is evidence of rows.
func (p *Pages[Req, Reply, Row]) Check(reply *Reply, heard Heard) error {
	if cause := Missing(p.Info(reply), heard); cause != nil {
		return p.Fail(Inconsistent, cause)
	}
	return nil
}

// Complete sets the page number and the page size if the request does not.
func (q *Query[Req, Reply, Row]) Complete(req *Req) {
	u := q.untyped()
	u.complete(req)
}
