package jushuitan

import (
	"context"
	"errors"
	"iter"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// ErrPaging is the class of errors for inconsistent pagination: a page repeats, or empty
// pages keep announcing more. Continuing could lose rows or never end.
var ErrPaging = errors.New("inconsistent pagination")

// pager is a query with pages or time ranges. The generator writes one for each such
// operation.
type pager[Req, Reply, Row any] struct {
	op    *Operation
	query pages.Query[Req, Reply, Row]
}

// page reads one page.
func (p *pager[Req, Reply, Row]) page(ctx context.Context, c *Client, req any) (*Reply, error) {
	reply, _, err := p.read(ctx, c, req)
	return reply, err
}

func (p *pager[Req, Reply, Row]) read(ctx context.Context, c *Client, req any) (*Reply, pages.Heard, error) {
	reply, heard, err := callRows[Reply](ctx, c, p.op, req)
	if err != nil {
		return reply, heard, err
	}
	if cause := pages.Missing(p.query.Info(reply), heard); cause != nil {
		return reply, heard, pagingError(c, p.op, pages.Inconsistent, cause)
	}
	return reply, heard, nil
}

func (p *pager[Req, Reply, Row]) of(c *Client) *pages.Pages[Req, Reply, Row] {
	query := p.query
	query.PageSize, query.MaxPages, query.WindowMax = int64(p.op.PageMax), int64(p.op.MaxPages), p.op.WindowMax
	return &pages.Pages[Req, Reply, Row]{Query: query, Service: pages.Service{
		Name: p.op.Name() + "@" + c.merchant,
		Fetch: func(ctx context.Context, req any) (any, pages.Heard, error) {
			return p.read(ctx, c, req)
		},
		Fail:     func(why pages.Reason, cause error) error { return pagingError(c, p.op, why, cause) },
		Now:      c.core.now,
		Clock:    c.core.engine.Clock,
		Overlap:  c.core.overlap,
		Prefetch: c.core.prefetch,
	}}
}

func (p *pager[Req, Reply, Row]) all(ctx context.Context, c *Client, req *Req) iter.Seq2[*Row, error] {
	return p.of(c).All(ctx, req)
}

func (p *pager[Req, Reply, Row]) since(ctx context.Context, c *Client, since int64, req *Req) iter.Seq2[*Row, error] {
	return p.of(c).Since(ctx, since, req)
}

func (p *pager[Req, Reply, Row]) stream(c *Client, req *Req, from Checkpoint) *Stream[Row] {
	return &Stream[Row]{stream: p.of(c).Stream(req, pages.Checkpoint(from))}
}

func pagingError(c *Client, op *Operation, why pages.Reason, cause error) error {
	e := &Error{Outcome: NotSent, cause: cause}
	switch why {
	case pages.Inconsistent:
		e.Outcome, e.class = Applied, ErrPaging
	case pages.Invalid:
		e.class = ErrInvalid
	}
	return (&oneCall{Client: c, op: op, path: op.Path}).fail(e)
}
