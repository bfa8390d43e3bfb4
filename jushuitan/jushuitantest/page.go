package jushuitantest

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// pageReq is the page that a query requests.
type pageReq struct {
	index, size int64
	usual       int64 // default size
	noTotal     bool
}

// page encodes one page of the rows as the platform does. always lists members that a
// row has even if they are empty.
func page[R any](q *call, p pageReq, rows []R, always map[string]string) answer {
	size := p.size
	if size == 0 {
		if size = p.usual; size == 0 {
			size = 30
		}
	}
	rows = spokenRows(q, rows)
	if q.speech != nil && q.speech.cap > 0 {
		size = min(size, q.speech.cap)
	}
	index := max(p.index, 1)
	shift, moved := q.speech.shifted(index)
	if q.drift && index > 1 {
		shift++
	}
	total := int64(len(rows)) + shift
	if moved = min(moved, int64(len(rows))); moved > 0 && !q.byVersion() {
		rows = append(slices.Clone(rows[moved:]), rows[:moved]...)
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

// byVersion reports whether a query follows the row version: a row that changes has the
// highest version then, and its old place is empty.
func (q *call) byVersion() bool {
	if q.op.Cursor == nil {
		return false
	}
	var m map[string]jsontext.Value
	if wire.Unmarshal(q.biz, &m) != nil {
		return false
	}
	from := m[q.op.Cursor.Param]
	return len(from) > 0 && string(from) != "0" && string(from) != "null"
}

// spokenRows returns the rows that a query sees, in the order in which the dialects return
// them.
func spokenRows[R any](q *call, rows []R) []R {
	if q.hides != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r R) bool { return q.hides(versionOf(r)) })
	}
	if q.speech != nil && q.speech.unsorted {
		mixed := make([]R, 0, len(rows))
		for start := range 3 { // every third row, so that neighbours are on different pages
			for i := start; i < len(rows); i += 3 {
				mixed = append(mixed, rows[i])
			}
		}
		slices.Reverse(mixed)
		rows = mixed
	}
	return rows
}

// versionOf returns the row version of a row or a pointer to one; 0 if it has none.
func versionOf(row any) int64 {
	v := reflect.Indirect(reflect.ValueOf(row))
	if v.Kind() != reflect.Struct {
		return 0
	}
	for _, name := range []string{"TS", "ts"} {
		if f := v.FieldByName(name); f.IsValid() && f.CanInt() {
			return f.Int()
		}
	}
	return 0
}

// rowJSON encodes one row.
func rowJSON(v any, always map[string]string) (jsontext.Value, error) {
	text, err := wire.MarshalExact(v)
	if err != nil || len(always) == 0 {
		return text, err
	}
	var m map[string]jsontext.Value
	if err := wire.Unmarshal(text, &m); err != nil {
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

// wanted reports whether a list filter, if present, contains a value.
func wanted[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

// matches reports whether a filter by one value, if present, equals that value.
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

// inOrder sorts rows as a query requires: by version if it follows a cursor, otherwise
// for pages.
func inOrder[R any, K cmp.Ordered](rows []R, startTS int64, version func(R) int64, modified func(R) time.Time, id func(R) K) {
	if startTS > 0 {
		byVersion(rows, version)
	} else {
		byModified(rows, modified, id)
	}
}

// sortStable sorts rows, which are mostly in order already.
func sortStable[R any](rows []R, compare func(a, b R) int) {
	if !slices.IsSortedFunc(rows, compare) {
		slices.SortStableFunc(rows, compare)
	}
}
