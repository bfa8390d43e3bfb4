package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// request is the biz of a read, before it is encoded.
type request map[string]any

// set sets the member at a path.
func (r request) set(path string, v any) {
	at := map[string]any(r)
	parts := strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		next, ok := at[part].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[part] = next
		}
		at = next
	}
	at[parts[len(parts)-1]] = v
}

// fixed are members that a request needs and no answer holds: the root of a tree, and kinds of
// documents.
var fixed = map[string]request{
	"/open/api/goods/inneropen/category/querycategorybypid": {"pid": "0"},
	"/open/api/fmsopen/querypayable":                        {"type": 1},
	"/open/webapi/aftersaleapi/getasexpress":                {"page_index": 1, "page_size": 100}, // 100, 200 or 500
}

// usualDays is the time range of a query for which no maximum is documented.
const usualDays = 7

// smallest returns the request for one row: the first page of the smallest size, the widest
// time range that is allowed and ends now, and what else is required. If a required member is
// in no answer so far, lacking names it.
func smallest(op *catalog.Operation, now time.Time, ids *idBook) (biz request, lacking string) {
	biz = request{}
	if p := op.Paging; p != nil {
		if p.Index != "" {
			biz.set(p.Index, 1)
		}
		biz.set(p.Size, 1)
	}
	if begin, end := rangeOf(op); begin != "" {
		setRange(biz, begin, end, now, days(op))
	}
	for name, v := range fixed[op.Path] {
		biz.set(name, v)
	}
	for _, f := range op.Request {
		if !f.Required && !f.Inferred || strings.Contains(f.Name, "[]") || dig(biz, f.Name) != nil {
			continue
		}
		v, ok := ids.valueFor(f)
		if !ok {
			return nil, f.Name
		}
		biz.set(f.Name, v)
	}
	if len(biz) == 0 {
		return oneThing(op, ids)
	}
	return biz, ""
}

// oneThing returns the request of a query that demands nothing: for one thing whose id is
// known, or for everything if it has no member for an id.
func oneThing(op *catalog.Operation, ids *idBook) (biz request, lacking string) {
	for _, f := range op.Request {
		if v, ok := ids.valueFor(f); ok {
			return request{f.Name: v}, ""
		}
		if f.Type == "string" {
			lacking = cmp.Or(lacking, f.Name)
		}
	}
	return request{}, lacking
}

// rangeOf returns the members of the time range of a query.
func rangeOf(op *catalog.Operation) (begin, end string) {
	if op.Window != nil {
		return op.Window.Begin, op.Window.End
	}
	var times []string
	for _, f := range op.Request {
		if f.Type == "time" && f.Required {
			times = append(times, f.Name)
		}
	}
	if len(times) == 2 {
		return times[0], times[1]
	}
	return "", ""
}

func days(op *catalog.Operation) int {
	if op.Window != nil && op.Window.Days > 0 {
		return op.Window.Days
	}
	return usualDays
}

func setRange(biz request, begin, end string, now time.Time, days int) {
	now = now.In(wire.CST).Truncate(time.Second)
	biz.set(begin, now.AddDate(0, 0, -days).Format(wire.TimeLayout))
	biz.set(end, now.Format(wire.TimeLayout))
}

// withIDs adds the ids that a query may ask for instead of a time range, for those that demand
// both. It reports whether there are any.
func withIDs(op *catalog.Operation, biz request, ids *idBook) bool {
	for _, f := range op.Request {
		if !f.Conditional || f.Type == "time" || dig(biz, f.Name) != nil {
			continue
		}
		if v, ok := ids.valueFor(f); ok {
			biz.set(f.Name, v)
			return true
		}
	}
	return false
}

// fromStart returns the request by row version from the first row on, for operations that have
// one: it finds a row whatever its age.
func fromStart(op *catalog.Operation) request {
	biz := request{}
	if op.Paging.Index != "" {
		biz.set(op.Paging.Index, 1)
	}
	biz.set(op.Paging.Size, 1)
	biz.set(op.Cursor.Param, 1)
	if op.Cursor.TotalFlag != "" {
		biz.set(op.Cursor.TotalFlag, false)
	}
	return biz
}

// page returns the request for another page of the same query.
func (r request) page(op *catalog.Operation, index, size int) request {
	var out request
	text, err := json.Marshal(r)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return nil // cannot happen: it was made here
	}
	out.set(op.Paging.Index, index)
	out.set(op.Paging.Size, size)
	return out
}

// idBook holds the ids that answers showed, by the folded name of their member.
type idBook struct {
	values map[string][]any
}

func newIDBook() *idBook { return &idBook{values: map[string][]any{}} }

// idName matches the names of members that hold ids.
var idName = regexp.MustCompile(`(?i)(_id|Id|_code|_sn|^pid)$`)

// maxIDs is how many ids are kept for a name.
const maxIDs = 5

// walk collects the ids in a value.
func (b *idBook) walk(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for n, e := range v {
			b.walk(n, e)
		}
	case []any:
		for _, e := range v {
			b.walk(name, e)
		}
	case string, json.Number:
		key, text := folded(name), fmt.Sprint(v)
		if !idName.MatchString(name) || name == "request_id" || name == "requestId" || text == "" || text == "0" ||
			len(b.values[key]) >= maxIDs || slices.Contains(b.values[key], v) {
			return
		}
		b.values[key] = append(b.values[key], v)
	}
}

// others are names of request members that ask for an id with another name in answers.
var others = map[string]string{"owner_co_id": "co_id", "item_spuid": "item_spu_id", "carry_ids": "carry_id"}

// valueFor returns a known id for a member of a request.
func (b *idBook) valueFor(f *catalog.Field) (any, bool) {
	name := f.Leaf()
	if o := others[strings.ToLower(name)]; o != "" {
		name = o
	}
	values := b.values[folded(name)]
	if one, plural := strings.CutSuffix(name, "s"); plural && len(values) == 0 {
		values = b.values[folded(one)]
	}
	if len(values) == 0 {
		return nil, false
	}
	v := values[0]
	switch f.Type {
	case "[]string":
		return []any{fmt.Sprint(v)}, true
	case "[]int":
		return []any{number(v)}, wholeNumber.MatchString(fmt.Sprint(v))
	case "int":
		return number(v), wholeNumber.MatchString(fmt.Sprint(v))
	case "string", "commas":
		return fmt.Sprint(v), true
	}
	return nil, false
}

func number(v any) json.Number { return json.Number(fmt.Sprint(v)) }

// texts returns all ids, to mask them in messages.
func (b *idBook) texts() []string {
	var out []string
	for _, values := range b.values {
		for _, v := range values {
			if text := fmt.Sprint(v); len(text) >= 3 {
				out = append(out, text)
			}
		}
	}
	return out
}
