package main

import (
	"bytes"
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
	read        bool // there is a page
}

// several is the size of the pages that show the order of rows and the end of a query.
const several = 5

// maxLastPage is the highest page that is asked for, since high pages are slow.
const maxLastPage = 200

// pages asks for the pages that show how a query is paginated: the second of one row, the
// first of several rows, the last, and the one after it. The first was asked for before.
func (v *verifier) pages(ctx context.Context, r *result, biz request) error {
	op := r.op
	first := pageOf(op, last(r.answers), 1, 1)
	if r.sent[len(r.sent)-1][cursorOf(op)] != nil { // it was found by its row version
		return nil
	}
	r.pages = append(r.pages, first)
	ask := func(index, size int) (*page, error) {
		if _, err := v.ask(ctx, r, biz.page(op, index, size)); err != nil {
			return nil, err
		}
		p := pageOf(op, last(r.answers), index, size)
		r.pages = append(r.pages, p)
		return p, nil
	}
	if _, err := ask(2, 1); err != nil {
		return err
	}
	p, err := ask(1, several)
	if err != nil {
		return err
	}
	end := 1
	if len(p.keys) == several {
		if p.total == nil || *p.total <= 0 {
			return nil // where it ends is not said
		}
		if end = (*p.total + several - 1) / several; end > maxLastPage || op.Paging.MaxPages > 0 && end >= op.Paging.MaxPages {
			return nil
		}
		if end > 1 {
			if _, err := ask(end, several); err != nil {
				return err
			}
		}
	}
	_, err = ask(end+1, several)
	return err
}

func cursorOf(op *catalog.Operation) string {
	if op.Cursor == nil {
		return ""
	}
	return op.Cursor.Param
}

func last(answers []*answer) *answer {
	if len(answers) == 0 {
		return &answer{}
	}
	return answers[len(answers)-1]
}

// pageOf reads what an answer says of its page.
func pageOf(op *catalog.Operation, a *answer, index, size int) *page {
	p := &page{index: index, size: size}
	text, _, _ := plain(a.Body)
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&root) != nil {
		return p
	}
	l := locate(op, documented(op), root, op.Payload)
	p.read = true
	for _, row := range l.rows {
		o, _ := row.(map[string]any)
		p.rows = append(p.rows, o)
		p.keys = append(p.keys, keyOf(op, row))
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

func member0(o map[string]any, name string) any {
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
		v = member0(m, part)
	}
	i, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return nil, before || v != nil
	}
	return &i, true
}

func flagOf(o map[string]any, name string) *bool {
	b, err := strconv.ParseBool(strings.ToLower(fmt.Sprint(member0(o, name))))
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
			if v := member0(o, name); v != nil {
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
func (s *shape) paging(pages []*page) {
	pages = slices.DeleteFunc(slices.Clone(pages), func(p *page) bool { return !p.read })
	if len(pages) < 3 || len(pages[0].keys) == 0 {
		return
	}
	one, two, big := pages[0], pages[1], pages[2]
	if end := pages[len(pages)-1]; len(pages) > 3 && slices.Equal(one.keys, two.keys) && slices.Equal(big.keys, end.keys) {
		s.add(kindPages, "", "", "the page number has no effect", nil)
		return
	}
	s.said(one, two, big)
	s.counts(one, two, big, pages[3:])
	s.order(one, two, big)
}

// documents reports whether the catalog has a member of the page.
func (s *shape) documents(name string) bool {
	if s.op.Rows == "data" && s.op.Payload == "" {
		return s.root.kids[name] != nil
	}
	return s.root.at(join(s.op.Payload, name)).field != nil
}

// said notes what pages say of the next page.
func (s *shape) said(one, two, big *page) {
	more := len(two.keys) > 0
	if s.documents("has_next") {
		switch {
		case one.next == nil && big.next == nil:
			s.add(kindPages, "has_next", "flag", "absent or null", nil)
		case one.next != nil && !*one.next && more:
			s.add(kindPages, "has_next", "", "false although another page follows", nil)
		case big.next != nil && *big.next && len(big.keys) < big.size && (big.total == nil || *big.total <= len(big.keys)):
			s.add(kindPages, "has_next", "", "true on the last page", nil)
		}
	}
	if name := s.op.Paging.Total; s.documents(cmp.Or(name, "data_count")) && one.total == nil {
		seen := "absent"
		if one.hasTotal || s.members[join(s.op.Payload, cmp.Or(name, "data_count"))] {
			seen = "null"
		}
		s.add(kindPages, cmp.Or(name, "data_count"), "number", seen, nil)
	}
}

// counts compares the count with the rows. After the pages of one and of several rows come the
// last page, unless the first of several rows is the last, and the one after it.
func (s *shape) counts(one, two, big *page, ends []*page) {
	name := cmp.Or(s.op.Paging.Total, "data_count")
	var after *page
	if len(ends) > 0 {
		after = ends[len(ends)-1]
	}
	if after != nil && len(big.keys) < big.size && len(after.keys) > 0 && after.keys[0] != big.keys[0] {
		s.add(kindPages, "page_size", "", fmt.Sprintf("pages hold at most %d rows, %d were requested", len(big.keys), big.size), nil)
		return
	}
	if one.total == nil || big.total == nil {
		return
	}
	rows := len(big.keys) // of all pages, if they were read
	if len(ends) == 2 {
		rows = (ends[0].index-1)*several + len(ends[0].keys)
	}
	ended := after != nil && len(after.keys) == 0 && *two.total0() == *one.total
	switch {
	case *one.total != *big.total && *one.total == len(one.keys) && *big.total == len(big.keys):
		s.add(kindPages, name, "", "counts the rows of the page, not of the query", nil)
	case *one.total != *two.total0(), *one.total != *big.total:
		s.add(kindPages, name, "", "changes between pages: the data changed, or rows entered", nil)
	case after != nil && len(after.keys) > 0, rows > *big.total:
		s.add(kindPages, name, "", "lower than the number of rows", nil)
	case ended && *big.total > rows:
		s.add(kindPages, name, "", "higher than the number of rows", nil)
	}
}

// total0 is the total, or 0.
func (p *page) total0() *int {
	if p.total == nil {
		return new(int)
	}
	return p.total
}

// order notes rows that are in another place on another page, and pages without an order.
func (s *shape) order(one, two, big *page) {
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
	for _, name := range names {
		var values []string
		for _, row := range rows {
			if v := member0(row, name); v != nil {
				text := fmt.Sprint(v)
				if wholeNumber.MatchString(text) {
					text = fmt.Sprintf("%020s", text)
				}
				values = append(values, text)
			}
		}
		if len(values) < len(rows) {
			continue
		}
		if slices.IsSorted(values) || slices.IsSortedFunc(values, func(a, b string) int { return cmp.Compare(b, a) }) {
			return true
		}
	}
	return false
}
