package qimen

import (
	"context"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Stream goes through the rows of a query and can be resumed after a crash, as
// [jushuitan.Stream] does: no committed row is given again and none is passed over. A
// row is committed when the loop asks for the next one.
type Stream[Row any] struct{ stream *pages.Stream[Row] }

// Rows goes through the rows that are not committed yet. A stream by row version ends
// when nothing newer comes; call it again later to go on.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] { return s.stream.Rows(ctx) }

// Checkpoint is how far the stream is: all rows before the one in progress. It belongs
// to one method and customer.
func (s *Stream[Row]) Checkpoint() jushuitan.Checkpoint {
	return jushuitan.Checkpoint(s.stream.Checkpoint())
}

// pager is a method whose rows stand on pages or in time ranges.
type pager[Req, Page, Row any] struct {
	method *Method
	member string // of the answer, that holds the rows
	pages.Query[Req, Page, Row]
}

func (p *pager[Req, Page, Row]) of(c *Client) *pages.Pages[Req, Page, Row] {
	return &pages.Pages[Req, Page, Row]{Query: p.Query, Service: pages.Service[Req, Page]{
		Name:     p.method.Name + "@" + c.customer,
		Fetch:    func(ctx context.Context, req *Req) (*Page, error) { return p.fetch(ctx, c, req) },
		Fail:     func(why pages.Reason, cause error) error { return pagingError(c, p.method, why, cause) },
		Now:      c.core.now,
		Prefetch: c.core.prefetch,
	}}
}

// fetch asks for one page, as req has it.
func (p *pager[Req, Page, Row]) fetch(ctx context.Context, c *Client, req *Req) (*Page, error) {
	out := pageReader[Page]{member: p.member}
	if err := c.call(ctx, p.method, req, &out); err != nil {
		return nil, err
	}
	return &out.page, nil
}

// one asks for one page, the first unless req names another.
func (p *pager[Req, Page, Row]) one(ctx context.Context, c *Client, req *Req) (*Page, error) {
	var q Req
	if req != nil {
		q = *req
	}
	p.Complete(&q)
	return p.fetch(ctx, c, &q)
}

func (p *pager[Req, Page, Row]) all(ctx context.Context, c *Client, req *Req) iter.Seq2[*Row, error] {
	return p.of(c).All(ctx, req)
}

func (p *pager[Req, Page, Row]) since(ctx context.Context, c *Client, since int64, req *Req) iter.Seq2[*Row, error] {
	return p.of(c).Since(ctx, since, req)
}

func (p *pager[Req, Page, Row]) stream(c *Client, req *Req, from jushuitan.Checkpoint) *Stream[Row] {
	return &Stream[Row]{stream: p.of(c).Stream(req, pages.Checkpoint(from))}
}

func pagingError(c *Client, m *Method, why pages.Reason, cause error) error {
	e := &Error{Outcome: jushuitan.NotSent, cause: cause}
	switch why {
	case pages.Inconsistent:
		e.Outcome, e.class = jushuitan.Applied, jushuitan.ErrPaging
	case pages.Invalid:
		e.class = jushuitan.ErrInvalid
	}
	return (&oneCall{Client: c, method: m}).fail(e)
}

// pageReader reads a page whose rows may stand in data, or under another name than
// the open API's: not every answer is documented.
type pageReader[Page any] struct {
	page   Page
	member string
}

func (r *pageReader[Page]) readPayload(payload jsontext.Value) error {
	lenient := json.JoinOptions(json.Deterministic(true), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var members map[string]jsontext.Value
	if err := json.Unmarshal(payload, &members, lenient); err != nil {
		return err
	}
	if _, ok := members[r.member]; !ok && members["data"].Kind() == '{' {
		payload = members["data"]
		clear(members)
		if err := json.Unmarshal(payload, &members, lenient); err != nil {
			return err
		}
	}
	if _, ok := members[r.member]; ok {
		return wire.Unmarshal(payload, &r.page)
	}
	var lists, objects []string
	for name, v := range members {
		switch v.Kind() {
		case '[':
			lists = append(lists, name)
		case '{':
			objects = append(objects, name)
		}
	}
	switch {
	case len(lists) == 1:
		members[r.member] = members[lists[0]]
		delete(members, lists[0])
		renamed, err := json.Marshal(members, lenient)
		if err != nil {
			return err
		}
		payload = renamed
	case len(lists) > 1, len(objects) > 0: // rows could be anywhere: not an empty page
		return &wire.FieldError{Path: r.member, Want: "array", Got: "nothing of that name"}
	}
	return wire.Unmarshal(payload, &r.page)
}
