package main

import (
	"slices"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// located is where the payload of an answer is.
type located struct {
	place  string         // root, data or data.data, as a path
	object map[string]any // the payload; nil if it is a list
	name   string         // member that holds the rows
	rows   []any
	listed bool // there is a list of rows
}

// finder looks for the payload of an answer.
type finder struct {
	op   *catalog.Operation
	root map[string]any
	want string // the documented place
}

// locate finds the payload of an answer where the client looks for it: in its documented place,
// in one of the others, or without an object around the rows; and then under another name.
func locate(op *catalog.Operation, root map[string]any, want string) *located {
	f := &finder{op: op, root: root, want: want}
	if op.Rows == "" {
		return f.payload()
	}
	for _, find := range []func() *located{f.named, f.bare, f.oneForRows, f.renamed, f.oneForAll} {
		if l := find(); l != nil {
			return l
		}
	}
	return &located{place: want, object: f.object(want), name: op.Rows}
}

// object returns the object in a place, nil if there is none.
func (f *finder) object(place string) map[string]any {
	o, _ := dig(f.root, place).(map[string]any)
	return o
}

// places returns the places of a payload, the documented one first.
func (f *finder) places() []string {
	others := slices.DeleteFunc([]string{"data", "data.data", ""}, func(p string) bool { return p == f.want })
	return append([]string{f.want}, others...)
}

// named finds the list of rows under its name.
func (f *finder) named() *located {
	for _, place := range f.places() {
		if place == "" && f.want != "" && f.op.Rows == "data" {
			continue // data itself is a list
		}
		for name, v := range f.object(place) {
			if list, ok := v.([]any); ok && folded(name) == folded(f.op.Rows) {
				return &located{place: place, object: f.object(place), name: name, rows: list, listed: true}
			}
		}
	}
	return nil
}

// bare finds a list in the place of the payload.
func (f *finder) bare() *located {
	for _, place := range []string{"data", "data.data"} {
		if list, ok := dig(f.root, place).([]any); ok && f.want != "" {
			return &located{place: place, rows: list, listed: true}
		}
	}
	return nil
}

// oneForRows finds one row in the place of the list.
func (f *finder) oneForRows() *located {
	o := f.object(f.want)
	row, _ := o[f.op.Rows].(map[string]any)
	if len(row) == 0 || row[f.op.Rows] != nil || isPageOf(row) {
		return nil
	}
	return &located{place: f.want, object: o, name: f.op.Rows}
}

// renamed finds the one list of objects with a name that is not documented.
func (f *finder) renamed() *located {
	m := documented(f.op).at(f.want)
	for _, place := range f.places() {
		o := f.object(place)
		if name, list := otherList(m, o); name != "" {
			return &located{place: place, object: o, name: name, rows: list, listed: true}
		}
	}
	return nil
}

// oneForAll finds one row in the place of the payload.
func (f *finder) oneForAll() *located {
	row := f.object("data")
	_, listed := row[f.op.Rows]
	keyed := len(f.op.Key) > 0 && row[f.op.Key[0]] != nil
	if f.want != "data" || listed || isPageOf(row) || !keyed && (!f.op.RowPayload || len(row) == 0) {
		return nil
	}
	return &located{place: f.want, rows: []any{row}, listed: true}
}

// payload finds a payload without rows. One that data holds in a member data, alone, is nested
// once more.
func (f *finder) payload() *located {
	place, deep := f.want, f.object("data.data")
	switch {
	case place == "data" && len(f.object("data")) == 1 && deep != nil:
		place = "data.data"
	case place == "data.data" && dig(f.root, place) == nil && f.object("data") != nil:
		place = "data"
	}
	return &located{place: place, object: f.object(place)}
}

// isPageOf reports whether an object has members of a page.
func isPageOf(o map[string]any) bool {
	return slices.ContainsFunc([]string{"page_index", "has_next", "data_count", "page", "total", "count"}, func(n string) bool { _, ok := o[n]; return ok })
}

func otherList(m *member, o map[string]any) (name string, rows []any) {
	for n, v := range o {
		list, ok := v.([]any)
		if kid, _ := m.find(n); !ok || kid != nil || len(list) == 0 {
			continue
		}
		if _, isObject := list[0].(map[string]any); !isObject {
			continue
		}
		if name != "" {
			return "", nil
		}
		name, rows = n, list
	}
	return name, rows
}
