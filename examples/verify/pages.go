package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// page is one page of a query: what was asked for, and what the answer says of it.
type page struct {
	index, size int
	keys        []string // of its rows, in order
	rows        []map[string]any
	total       *int
	next        *bool
	hasTotal    bool // the member is there, even if null
}

// several is the size of the pages that show the order of rows and the end of a query.
const several = 5

// maxLastPage is the highest page that is asked for, since high pages are slow.
const maxLastPage = 200

// pages are those that show how a query is paginated.
type pages struct {
	one, two, big *page // the first two of one row, and the first of several rows
	last, after   *page // of several rows; last is nil if it is the first
}

// pages asks for the pages that show how a query is paginated. The first was asked for before.
// If one cannot be read, why is returned; an error ends the run.
func (v *verifier) pages(ctx context.Context, r *result, biz request, first *page) (why string, err error) {
	op := r.op
	if r.sent[len(r.sent)-1][cursorOf(op)] != nil { // the row was found by its version
		return "", nil
	}
	ask := func(to **page, index, size int) bool {
		answered, failed := v.ask(ctx, r, biz.page(op, index, size))
		if failed != nil {
			why = fmt.Sprintf("page %d of %d rows cannot be read: %s", index, size, v.reason(failed))
			if isFatal(failed) {
				err = failed
			}
			return false
		}
		answered.index, answered.size = index, size
		*to = answered
		return true
	}
	p := &r.pages
	p.one, first.index, first.size = first, 1, 1
	if !ask(&p.two, 2, 1) || !ask(&p.big, 1, several) {
		return why, err
	}
	end := 1
	if len(p.big.keys) == several {
		if p.big.total == nil || *p.big.total <= 0 {
			return "", nil // where it ends is not said
		}
		end = (*p.big.total + several - 1) / several
		if end > maxLastPage || op.Paging.MaxPages > 0 && end >= op.Paging.MaxPages {
			return "", nil
		}
		if end > 1 && !ask(&p.last, end, several) {
			return why, err
		}
	}
	ask(&p.after, end+1, several)
	return why, err
}

func cursorOf(op *catalog.Operation) string {
	if op.Cursor == nil {
		return ""
	}
	return op.Cursor.Param
}

// pageOf reads what an answer says of its page.
func pageOf(op *catalog.Operation, root map[string]any) *page {
	p := &page{}
	l := locate(op, root, op.Payload)
	for _, row := range l.rows {
		o, _ := row.(map[string]any)
		p.rows = append(p.rows, o)
		p.keys = append(p.keys, keyOf(op, row))
	}
	if op.Paging == nil {
		return p
	}
	for _, o := range []map[string]any{l.object, root} {
		if p.total == nil {
			p.total, p.hasTotal = count(o, cmp.Or(op.Paging.Total, "data_count"), p.hasTotal)
		}
		if p.next == nil {
			p.next = flagOf(o, "has_next")
		}
	}
	return p
}

func memberOf(o map[string]any, name string) any {
	for n, v := range o {
		if folded(n) == folded(name) {
			return v
		}
	}
	return nil
}

func count(o map[string]any, path string, before bool) (n *int, there bool) {
	var v any = o
	for part := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, before
		}
		v = memberOf(m, part)
	}
	i, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return nil, before || v != nil
	}
	return &i, true
}

func flagOf(o map[string]any, name string) *bool {
	b, err := strconv.ParseBool(strings.ToLower(fmt.Sprint(memberOf(o, name))))
	if err != nil {
		return nil
	}
	return &b
}

// keyOf identifies a row.
func keyOf(op *catalog.Operation, row any) string {
	if o, ok := row.(map[string]any); ok && len(op.Key) > 0 {
		var parts []string
		for _, name := range op.Key {
			if v := memberOf(o, name); v != nil {
				parts = append(parts, fmt.Sprint(v))
			}
		}
		if len(parts) == len(op.Key) {
			return strings.Join(parts, "|")
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		return ""
	}
	return string(text)
}

// paging adds what the pages of a query show together.
func (s *shape) paging(p *pages) {
	if p.big == nil || len(p.one.keys) == 0 {
		return
	}
	if slices.Equal(p.one.keys, p.two.keys) {
		switch {
		case p.after == nil:
			s.add(kindPages, "", "", "the second page is the first again: the page number has no effect, or rows entered", nil)
			return
		case slices.Equal(p.big.keys, p.after.keys):
			s.add(kindPages, "", "", "the page number has no effect", nil)
			return
		}
	}
	s.said(p)
	s.counts(p)
	s.order(p)
}

// documents reports whether the catalog has a member of the page.
func (s *shape) documents(name string) bool {
	if s.op.Rows == "data" && s.op.Payload == "" {
		return s.root.kids[name] != nil
	}
	return s.root.at(join(s.op.Payload, name)).field != nil
}

// said notes what pages say of the next page and whether they count the rows.
func (s *shape) said(p *pages) {
	const next = "has_next"
	one, big := p.one, p.big
	short := len(big.keys) < big.size && (big.total == nil || *big.total <= len(big.keys))
	switch {
	case !s.documents(next):
	case one.next == nil && big.next == nil:
		s.add(kindPages, next, "flag", "absent or null", nil)
	case one.next != nil && !*one.next && len(p.two.keys) > 0:
		s.add(kindPages, next, "", "false although another page follows", nil)
	case big.next != nil && *big.next && short:
		s.add(kindPages, next, "", "true on the last page", nil)
	}
	s.total(one)
}

// total notes that a page does not count the rows.
func (s *shape) total(one *page) {
	if total := s.totalName(); s.documents(total) && one.total == nil {
		seen := "absent"
		if one.hasTotal || s.members[join(s.op.Payload, total)] {
			seen = "null"
		}
		s.add(kindPages, total, "number", seen, nil)
	}
}

// totalName returns the member that counts the rows of a query.
func (s *shape) totalName() string { return cmp.Or(s.op.Paging.Total, "data_count") }

// counts compares the count with the rows.
func (s *shape) counts(p *pages) {
	one, big := p.one, p.big
	if p.beyond() && len(big.keys) < big.size && p.after.keys[0] != big.keys[0] {
		s.add(kindPages, "page_size", "", fmt.Sprintf("pages hold at most %d rows, %d were requested", len(big.keys), big.size), nil)
		return
	}
	if one.total == nil || big.total == nil {
		return
	}
	rows := p.read()
	ofPage := *one.total != *big.total && *one.total == len(one.keys) && *big.total == len(big.keys)
	moved := p.two.total != nil && (*p.two.total != *one.total || *big.total != *one.total)
	seen := ""
	switch {
	case ofPage:
		seen = "the number of rows of the page, not of the query"
	case moved:
		seen = "another on another page: the data changed, or rows entered"
	case p.beyond(), rows > *big.total:
		seen = "lower than the number of rows"
	case p.after != nil && *big.total > rows:
		seen = "higher than the number of rows"
	default:
		return
	}
	s.add(kindPages, s.totalName(), "", seen, nil)
}

// beyond reports whether there are rows after the last page.
func (p *pages) beyond() bool { return p.after != nil && len(p.after.keys) > 0 }

// read returns the number of rows up to the last page that was read.
func (p *pages) read() int {
	if p.last != nil {
		return (p.last.index-1)*several + len(p.last.keys)
	}
	return len(p.big.keys)
}

// order notes rows that are in another place on another page, and pages without an order.
func (s *shape) order(p *pages) {
	one, two, big := p.one, p.two, p.big
	switch {
	case len(two.keys) > 0 && two.keys[0] == one.keys[0]:
		s.add(kindPages, "", "", "the row of the first page is on the second too: rows entered while pages were read", nil)
	case len(big.keys) > 0 && big.keys[0] != one.keys[0], len(two.keys) > 0 && len(big.keys) > 1 && big.keys[1] != two.keys[0]:
		s.add(kindPages, "", "", "rows moved between pages while they were read", nil)
	}
	if len(big.keys) >= 3 && !s.ordered(big.rows) {
		s.add(kindPages, "", "", "rows have no recognisable order", nil)
	}
}

// ordered reports whether a member of the rows that may order them rises or falls.
func (s *shape) ordered(rows []map[string]any) bool {
	names := append([]string{"modified", "ts", "created"}, s.op.Key...)
	if s.op.Window != nil {
		names = append(names, strings.TrimSuffix(s.op.Window.Begin, "_begin"))
	}
	orderless := true // no member tells
	for _, name := range names {
		var values []string
		for _, row := range rows {
			if v := memberOf(row, name); v != nil {
				text := fmt.Sprint(v)
				if wholeNumber.MatchString(text) {
					text = fmt.Sprintf("%020s", text)
				}
				values = append(values, text)
			}
		}
		if len(values) < len(rows) || len(slices.Compact(slices.Clone(values))) == 1 {
			continue
		}
		orderless = false
		if slices.IsSorted(values) || slices.IsSortedFunc(values, func(a, b string) int { return cmp.Compare(b, a) }) {
			return true
		}
	}
	return orderless
}
