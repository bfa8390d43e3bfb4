package jushuitantest

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// pageReq is how a query wants its rows.
type pageReq struct {
	index, size int64
	usual       int64 // size when none is asked for
	noTotal     bool
}

// page cuts one page out of the rows and writes it as the platform does. always
// are members that a row has even where they are empty.
func page[R any](q *call, p pageReq, rows []R, always map[string]string) answer {
	size := p.size
	if size == 0 {
		if size = p.usual; size == 0 {
			size = 30
		}
	}
	index := max(p.index, 1)
	total, shift := int64(len(rows)), int64(0)
	if q.drift && index > 1 { // as if a row had come in before all others
		total, shift = total+1, 1
	}
	from := min(max((index-1)*size-shift, 0), int64(len(rows)))
	to := min(max(index*size-shift, 0), int64(len(rows)))
	out := make([]jsontext.Value, 0, to-from)
	for _, r := range rows[from:to] {
		v, err := rowJSON(r, always)
		if err != nil {
			return refuse(codeBadData, "jushuitantest: %v", err)
		}
		out = append(out, v)
	}
	pages := (total + size - 1) / size
	payload := map[string]any{
		"page_index": index, "page_size": size, "has_next": index < pages,
		"data_count": total, "page_count": pages, q.op.Rows: out,
	}
	if p.noTotal {
		payload["data_count"], payload["page_count"] = nil, nil
	}
	return done(payload)
}

// rowJSON writes one row.
func rowJSON(v any, always map[string]string) (jsontext.Value, error) {
	text, err := wire.MarshalExact(v)
	if err != nil || len(always) == 0 {
		return text, err
	}
	var m map[string]jsontext.Value
	if err := wire.UnmarshalStrict(text, &m); err != nil {
		return nil, err
	}
	for name, def := range always {
		if _, ok := m[name]; !ok {
			m[name] = jsontext.Value(def)
		}
	}
	return wire.MarshalExact(m)
}

// span is a time filter, both ends included; a zero end is open.
type span struct{ begin, end time.Time }

func (s span) holds(t time.Time) bool {
	if s.begin.IsZero() && s.end.IsZero() {
		return true
	}
	return !t.IsZero() && (s.begin.IsZero() || !t.Before(s.begin)) && (s.end.IsZero() || !t.After(s.end))
}

// wanted reports whether a list filter, if given, holds a value.
func wanted[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

// matches reports whether a filter by one value, if given, is that value.
func matches[T comparable](want, v T) bool {
	var none T
	return want == none || want == v
}

// byVersion sorts rows for a cursor.
func byVersion[R any](rows []R, version func(R) int64) {
	sortStable(rows, func(a, b R) int { return cmp.Compare(version(a), version(b)) })
}

// byModified sorts rows for pages: by the time of change, then the number.
func byModified[R any, K cmp.Ordered](rows []R, modified func(R) time.Time, id func(R) K) {
	sortStable(rows, func(a, b R) int {
		return cmp.Or(modified(a).Compare(modified(b)), cmp.Compare(id(a), id(b)))
	})
}

// inOrder sorts rows as a query wants them: by version where it follows a cursor, else
// for pages.
func inOrder[R any, K cmp.Ordered](rows []R, startTS int64, version func(R) int64, modified func(R) time.Time, id func(R) K) {
	if startTS > 0 {
		byVersion(rows, version)
	} else {
		byModified(rows, modified, id)
	}
}

// sortStable sorts rows, which mostly are in order already.
func sortStable[R any](rows []R, compare func(a, b R) int) {
	if !slices.IsSortedFunc(rows, compare) {
		slices.SortStableFunc(rows, compare)
	}
}
