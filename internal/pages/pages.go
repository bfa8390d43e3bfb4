// Package pages turns the pages of a query: it goes through every row, follows a row
// version, and streams with a checkpoint. It knows no service: a [Query] describes how
// an operation pages, a [Service] fetches the pages and makes the errors.
//
// Each rule has one file: ends.go decides whether another page follows, window.go
// splits time ranges and knows their boundaries, moved.go finds rows that shifted
// between pages, version.go moves the cursor of row versions, checkpoint.go says which
// rows are committed. all.go and ahead.go run the loop and fetch ahead of it.
package pages

import (
	"context"
	"fmt"
	"time"
)

// Query is how an operation pages. A function that the operation has no use for is
// nil, but for Rows and Info.
type Query[Req, Reply, Row any] struct {
	PageSize  int64         // rows of a page where the request does not say
	MaxPages  int64         // most pages of a query that the server returns, 0 where no limit is known
	WindowMax time.Duration // longest time range, 0 where no limit is known

	Page   func(*Req) (index, size *int64)
	Next   func(*Req, *Reply) (more, stuck bool) // instead of Page: makes the next request of an answer
	Rows   func(*Reply) []Row
	Info   func(*Reply) Info
	Window func(*Req) (begin, end *time.Time)

	Key      func(*Row) string          // equal for two versions of one row
	Modified func(*Row) time.Time       // differs between two versions of one row
	When     func(*Req, *Row) time.Time // the time that Window is about; nil: Modified

	Cursor  func(*Req) *int64 // lowest row version asked for
	Version func(*Row) int64
	NoTotal func(*Req) // asks not to count the rows, which a cursor has no use for
}

// Service is the client of one merchant, for one operation.
type Service[Req, Reply any] struct {
	Name     string // of its streams: operation and merchant
	Fetch    func(ctx context.Context, req *Req) (*Reply, error)
	Fail     func(why Reason, cause error) error // makes the service's own error
	Now      func() time.Time
	Prefetch int // pages that are fetched and not yet read, at least 1
}

// Reason is why a loop ends with an error that Fetch did not return.
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
	Service[Req, Reply]
}

// Complete sets the page and page size of a request that does not name them.
func (q *Query[Req, Reply, Row]) Complete(req *Req) {
	if q.Page == nil {
		return
	}
	index, size := q.Page(req)
	*index = max(*index, 1)
	if *size <= 0 {
		*size = q.PageSize
	}
}

// first copies a request, nil for none, and makes it that of page 1.
func (q *Query[Req, Reply, Row]) first(req *Req) Req {
	var out Req
	if req != nil {
		out = *req
	}
	q.Complete(&out)
	if q.Page != nil {
		index, _ := q.Page(&out)
		*index = 1
	}
	return out
}

func (p *Pages[Req, Reply, Row]) inconsistent(format string, args ...any) error {
	return p.Fail(Inconsistent, fmt.Errorf(format, args...))
}

func (p *Pages[Req, Reply, Row]) invalid(format string, args ...any) error {
	return p.Fail(Invalid, fmt.Errorf(format, args...))
}
