package qimen

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Stream iterates over the rows of a query and can be resumed after a crash, like
// [jushuitan.Stream]: committed rows are not repeated and none is skipped. A row is
// committed when the loop asks for the next one.
type Stream[Row any] struct{ stream *pages.Stream[Row] }

// Rows iterates over the rows that are not committed yet. A stream by row version ends
// when there is nothing newer; call Rows again later to continue.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] { return s.stream.Rows(ctx) }

// Checkpoint returns the progress of the stream: all rows before the one in progress.
// It belongs to one method and customer.
func (s *Stream[Row]) Checkpoint() jushuitan.Checkpoint {
	return jushuitan.Checkpoint(s.stream.Checkpoint())
}

// Commit commits the row in progress, like [jushuitan.Stream.Commit].
func (s *Stream[Row]) Commit() { s.stream.Commit() }

// Delta returns what the last commit changed, like [jushuitan.Stream.Delta].
func (s *Stream[Row]) Delta() jushuitan.CheckpointDelta {
	d := s.stream.Delta()
	return jushuitan.CheckpointDelta{Head: jushuitan.Checkpoint(d.Head), Entry: d.Entry, Mark: d.Mark, Floor: d.Floor}
}

// pager is a method whose rows come in pages or time ranges.
type pager[Req, Page, Row any] struct {
	method *Method
	member string // of the answer, that holds the rows
	key    string // of each row
	pages.Query[Req, Page, Row]
}

func (p *pager[Req, Page, Row]) of(c *Client) *pages.Pages[Req, Page, Row] {
	return &pages.Pages[Req, Page, Row]{Query: p.Query, Service: pages.Service{
		Name: p.method.Name + "@" + c.customer,
		Fetch: func(ctx context.Context, req any) (any, pages.Heard, error) {
			return p.fetch(ctx, c, req.(*Req))
		},
		Fail:     func(why pages.Reason, cause error) error { return pagingError(c, p.method, why, cause) },
		Now:      c.core.now,
		Clock:    c.core.engine.Clock,
		Overlap:  c.core.overlap,
		Prefetch: c.core.prefetch,
	}}
}

// fetch queries the page that req names. Rows that cannot be decoded are left out of it, and
// are an error beside it unless a function handles them or they are null.
func (p *pager[Req, Page, Row]) fetch(ctx context.Context, c *Client, req *Req) (*Page, pages.Heard, error) {
	out := pageReader[Page]{member: p.member, key: p.key}
	if err := c.call(ctx, p.method, req, &out); err != nil {
		return nil, pages.Heard{}, err
	}
	var rows []jushuitan.BadRow
	for _, bad := range out.bad {
		if bad.Null() && c.core.onBadRow == nil {
			continue // Attempt.NullRows reports it
		}
		rows = append(rows, jushuitan.BadRow{
			Op: p.method.Name, Merchant: c.customer, Index: bad.Index, Key: pages.RawKey(bad.Raw, p.key), Path: bad.Err.Path,
			Raw: bad.Raw, Err: bad.Err,
		})
	}
	if len(rows) > 0 && c.core.onBadRow == nil {
		return &out.page, out.heard, &jushuitan.BadRowsError{Op: p.method.Name, Merchant: c.customer, Rows: rows}
	}
	for _, row := range rows {
		c.core.onBadRow(row)
	}
	return &out.page, out.heard, nil
}

// WithOnBadRow calls f for each row of a page that cannot be decoded and continues without
// it, as [jushuitan.WithOnBadRow] does. Op is the method, Merchant the customer id. Without
// this option a page with such a row comes with a [*jushuitan.BadRowsError], and an iterator
// ends with it, unless the row is null.
func WithOnBadRow(f func(jushuitan.BadRow)) Option {
	return func(s *settings) error { s.onBadRow = f; return engine.Given("WithOnBadRow", f != nil) }
}

// one queries one page, the first by default.
func (p *pager[Req, Page, Row]) one(ctx context.Context, c *Client, req *Req) (*Page, error) {
	var q Req
	if req != nil {
		q = *req
	}
	p.Complete(&q)
	page, heard, err := p.fetch(ctx, c, &q)
	if err == nil {
		if err = p.of(c).Check(page, heard); err != nil {
			page = nil
		}
	}
	return page, err
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

// pageReader decodes a page whose rows may be in data: not every answer is documented.
type pageReader[Page any] struct {
	page   Page
	member string // that holds the rows
	key    string // member of each row
	heard  pages.Heard
	bad    []wire.BadRow
}

func (r *pageReader[Page]) nullRows() int { return r.heard.Nulls }

// lenient writes members as they were received.
var lenient = json.JoinOptions(json.Deterministic(true), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func (r *pageReader[Page]) readPayload(payload jsontext.Value) error {
	if kind := payload.Kind(); kind != '{' && kind != 'n' {
		return &wire.FieldError{Want: "object", Got: "another value"}
	}
	if payload.Kind() == 'n' {
		payload = jsontext.Value("{}")
	}
	payload, members, path, err := r.inData(payload)
	if err != nil {
		return err
	}
	r.heard = pages.Heard{NextAbsent: !says(members, "hasnext"), Expected: r.member}
	changed, err := r.find(members)
	if err != nil {
		return err
	}
	if changed {
		if payload, err = json.Marshal(members, lenient); err != nil {
			return err
		}
	}
	in := wire.NewReader(payload)
	in.Keep, in.Skip, in.Rows = true, true, r.member
	in.Back(in.Offset(), path...)
	r.page = *new(Page)
	if err := in.Into(&r.page, nil); err != nil {
		return err
	}
	r.bad, r.heard.Nulls = in.Bad, in.Nulls()
	r.heard.Left = len(in.Bad) - r.heard.Nulls
	return in.End()
}

// inData returns the members of a page, which may be an object or JSON text in data, and the
// path to them.
func (r *pageReader[Page]) inData(payload jsontext.Value) (_ jsontext.Value, members map[string]jsontext.Value, path []string, err error) {
	members, err = onceEach(payload)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, ok := members[r.member]; ok {
		return payload, members, nil, nil
	}
	data := members["data"]
	if data.Kind() == '"' && !isBlankValue(data) {
		var text string
		if err := wire.Unmarshal(data, &text); err != nil {
			return nil, nil, nil, err
		}
		if data = jsontext.Value(strings.TrimSpace(text)); data.Kind() != '{' || !data.IsValid() {
			return nil, nil, nil, &wire.FieldError{Path: "data", Want: "object", Got: "text"}
		}
	}
	if data.Kind() != '{' {
		return payload, members, nil, nil
	}
	members, err = onceEach(data)
	return data, members, []string{"data"}, err
}

// onceEach returns the members of an object. Two of one name that differ are an error: which of
// them has the rows is unknown.
func onceEach(object jsontext.Value) (map[string]jsontext.Value, error) {
	members, twice, err := membersOf(object)
	for _, name := range slices.Sorted(maps.Keys(twice)) {
		for _, v := range twice[name] {
			if string(v) != string(twice[name][0]) && err == nil {
				err = &wire.FieldError{Path: name, Want: "one value", Got: "several"}
			}
		}
	}
	return members, err
}

// find finds the list of rows among the members of a page, and reports whether it had to
// change them. A list that has another name, or is inside an object as in XML, must show the
// key of a row.
func (r *pageReader[Page]) find(members map[string]jsontext.Value) (changed bool, err error) {
	rows, ok := members[r.member]
	switch {
	case ok && rows.Kind() == '[':
		if blankList(rows) {
			for _, name := range slices.Sorted(maps.Keys(members)) {
				if name != r.member && r.hasRows(members[name]) {
					return false, &wire.FieldError{Path: name, Want: "no rows beside an empty " + r.member, Got: "rows"}
				}
			}
		}
		return r.inElements(members, rows)
	case ok && rows.Kind() == '{':
		if members[r.member] = r.unwrap(rows); members[r.member] == nil {
			return false, &wire.FieldError{Path: r.member, Want: "array", Got: "object without rows"}
		}
		return true, nil
	case ok && !isBlankValue(rows):
		return false, nil // the reader refuses it
	}
	return r.elsewhere(members, !ok)
}

// elsewhere looks for the rows of a page whose list is absent or, if not missing, empty.
func (r *pageReader[Page]) elsewhere(members map[string]jsontext.Value, missing bool) (changed bool, err error) {
	r.heard.RowsAbsent = true
	var lists []string
	objects := false
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch members[name].Kind() {
		case '[':
			lists = append(lists, name)
		case '{':
			objects = true
		}
	}
	switch {
	case len(lists) == 1 && r.hasRows(members[lists[0]]):
		members[r.member], r.heard.RowsAbsent = members[lists[0]], false
		delete(members, lists[0])
		return true, nil
	case len(lists) > 0:
		r.heard.Instead = lists[0]
	case missing && objects: // rows could be anywhere: do not assume an empty page
		return false, &wire.FieldError{Path: r.member, Want: "array", Got: "nothing of that name"}
	}
	return false, nil
}

// inElements takes rows out of elements of their own: orders[].order.
func (r *pageReader[Page]) inElements(members map[string]jsontext.Value, list jsontext.Value) (changed bool, err error) {
	dec := jsontext.NewDecoder(bytes.NewReader(list), lenient)
	if _, err := dec.ReadToken(); err != nil || dec.PeekKind() != '{' {
		return false, nil //nolint:nilerr // the reader tells what is wrong
	}
	first, err := dec.ReadValue()
	if err != nil || r.hasRows(slices.Concat([]byte("["), first, []byte("]"))) || r.unwrap(first) == nil {
		return false, nil //nolint:nilerr // the reader tells what is wrong
	}
	var rows, out []jsontext.Value
	if err := wire.Unmarshal(list, &rows); err != nil {
		return false, err
	}
	for _, row := range rows {
		var inner []jsontext.Value
		if row.Kind() != '{' || wire.Unmarshal(r.unwrap(row), &inner) != nil {
			return false, &wire.FieldError{Path: r.member, Want: "rows in elements", Got: "another value"}
		}
		out = append(out, inner...)
	}
	members[r.member], err = wire.Marshal(out)
	return true, err
}

// blankList reports whether a list has no elements.
func blankList(list jsontext.Value) bool { return strings.Trim(string(list), "[] \t\r\n") == "" }

// unwrap returns the rows in an object that stands in place of their list: it is a row, or
// has one member, which is a row or a list of rows. Otherwise it returns nil.
func (r *pageReader[Page]) unwrap(object jsontext.Value) jsontext.Value {
	list := slices.Concat([]byte("["), object, []byte("]"))
	if r.hasRows(list) {
		return list
	}
	var members map[string]jsontext.Value
	if wire.Unmarshal(object, &members) != nil || len(members) != 1 {
		return nil
	}
	for _, v := range members {
		if v.Kind() == '{' {
			v = slices.Concat([]byte("["), v, []byte("]"))
		}
		if r.hasRows(v) {
			return v
		}
	}
	return nil
}

// hasRows reports whether a list has elements and the first one that is not null has the key
// of a row.
func (r *pageReader[Page]) hasRows(list jsontext.Value) bool {
	var rows []jsontext.Value
	if list.Kind() != '[' || wire.Unmarshal(list, &rows) != nil {
		return false
	}
	for _, row := range rows {
		if row.Kind() != 'n' {
			var members map[string]jsontext.Value
			return row.Kind() == '{' && wire.Unmarshal(row, &members) == nil && says(members, strings.ReplaceAll(r.key, "_", ""))
		}
	}
	return false
}

// isBlankValue reports whether a value is null or a blank string, which stands for nothing.
func isBlankValue(v jsontext.Value) bool {
	return v.Kind() == 'n' || v.Kind() == '"' && strings.TrimSpace(string(v[1:len(v)-1])) == ""
}

// says reports whether there is a member of that name, in any spelling that the reader
// accepts, with a value.
func says(members map[string]jsontext.Value, name string) bool {
	for n, v := range members {
		if v.Kind() != 'n' && string(v) != `""` && strings.EqualFold(strings.ReplaceAll(n, "_", ""), name) {
			return true
		}
	}
	return false
}
