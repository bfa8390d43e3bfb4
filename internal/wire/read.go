package wire

import (
	"fmt"
	"reflect"
	"strings"
)

// BadRow is a row with an undecodable value without which the row must not be used.
type BadRow struct {
	Index int
	Raw   []byte // part of the input
	Err   *FieldError
}

// Null reports whether the row is null: there was nothing to decode.
func (b BadRow) Null() bool { return string(b.Raw) == "null" }

// Nulls counts the rows in Bad that are null.
func (r *Reader) Nulls() (n int) {
	for _, bad := range r.Bad {
		if bad.Null() {
			n++
		}
	}
	return n
}

// Reader decodes one text in a single pass. Set its fields before it reads.
type Reader struct {
	// Keep keeps values that cannot be decoded. Without it, decoding ends with a
	// [FieldError]. With it, a value that is not vital is stored in the map of unknown
	// members of the nearest object that has one, under its path from there.
	Keep bool
	// Skip leaves out the rows with a vital value that cannot be decoded, and records them
	// in Bad.
	Skip bool
	// Rows is the member, of the value that [Reader.Into] decodes, whose elements are rows.
	Rows string
	// MaxRows limits the objects in lists; 0 means no limit.
	MaxRows int
	// MaxUnknown limits the unknown members that are kept; 0 means no limit.
	MaxUnknown int
	// Drift enables Notes.
	Drift bool

	Bad   []BadRow
	Notes []Note
	// Mangled reports whether the input had bytes that are not UTF-8, see [FromGBK].
	Mangled bool
	// Listed reports whether Rows was present as a list, or as an accepted substitute.
	Listed bool

	scanner
	path    []step
	owner   owner // of the map for undecodable values
	rows    int   // objects in lists so far
	kept    int   // unknown members so far
	traced  []traced
	located []any // the fields of the objects being decoded
	memo    *memo
	block   strings.Builder // of texts

	whose *plan // of the object that Into decoded last
	said  seenFields

	steps  [8]step // room for path
	types  [4]traced
	fields [16]any // room for located
}

// NewReader returns a reader of the text. It skips a byte order mark.
func NewReader(text []byte) *Reader {
	r := new(Reader)
	r.Reset(text)
	return r
}

// Reset makes a reader that is used again a new one, of another text. With nil it keeps nothing
// of what it read.
func (r *Reader) Reset(text []byte) {
	*r = Reader{scanner: scanner{data: text}}
	r.path, r.traced, r.located = r.steps[:0], r.types[:0], r.fields[:0]
	if len(text) >= 3 && string(text[:3]) == "\xef\xbb\xbf" {
		r.at = 3
	}
}

// Unmarshal decodes data into out, a pointer, and overwrites everything that out held. The
// error is a [*FieldError] or a [*SyntaxError].
func Unmarshal(data []byte, out any) error {
	r := NewReader(data)
	if err := r.Into(out, nil); err != nil {
		return err
	}
	return r.End()
}

// Kind returns the first byte of the next value, 0 for a number or an invalid value.
func (r *Reader) Kind() byte {
	switch c := r.peek(); c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return 0
}

// Raw skips the next value and returns its text.
func (r *Reader) Raw() ([]byte, error) { return r.raw() }

// Offset returns where the next value begins, for [Reader.Back].
func (r *Reader) Offset() int {
	r.peek()
	return r.at
}

// Back returns to a value that was read before, and discards what was noted since; at names
// the members that lead to the value.
func (r *Reader) Back(offset int, at ...string) {
	r.at, r.depth, r.path, r.rows = offset, 0, r.path[:0], 0
	r.kept = 0
	r.Bad, r.Notes, r.Listed, r.whose = nil, nil, false, nil
	for _, name := range at {
		r.path = append(r.path, step{field: -1, name: []byte(name), index: -1})
	}
}

// Look returns the text of the next value without consuming it.
func (r *Reader) Look() []byte {
	ahead := scanner{data: r.data, at: r.at}
	text, _ := ahead.raw()
	return text
}

// End returns an error if anything follows the value.
func (r *Reader) End() error { return r.end() }

// Members reads an object: it calls f with each name, and f reads the value or leaves it.
func (r *Reader) Members(f func(name []byte) error) error {
	if err := r.open(); err != nil {
		return err
	}
	r.path = append(r.path, step{index: -1})
	defer func() { r.path = r.path[:len(r.path)-1] }()
	for first := true; ; first = false {
		more, err := r.more(first, '}')
		if err != nil || !more {
			return err
		}
		name, err := r.memberName()
		if err != nil {
			return err
		}
		r.path[len(r.path)-1].name = name
		r.peek()
		before := r.at
		if err := f(name); err != nil {
			return err
		}
		if r.at == before {
			if err := r.skip(); err != nil {
				return err
			}
		}
	}
}

// Into decodes the next value into out, a pointer, and overwrites what out held. For an
// object it calls members with each name, which may read the value itself; members may be
// nil. If Into returns a [FieldError], the value has been skipped.
func (r *Reader) Into(out any, members func(name []byte) (bool, error)) error {
	p, err := target(out)
	if err != nil {
		return err
	}
	return r.past(func() error {
		if r.peek() == '{' && p.kind == objectKind {
			return r.object(&object{plan: p, value: out, members: members, shape: r.shape(), root: true})
		}
		return r.value(p, out, r.peek(), r.shape())
	})
}

// IntoRows decodes the next value, a list or one row, into the member Rows of the struct
// that out points to.
func (r *Reader) IntoRows(out any) error {
	p, err := target(out)
	if err != nil {
		return err
	}
	i := p.find([]byte(r.Rows))
	if i < 0 || p.fields[i].plan.kind != listKind {
		return fmt.Errorf("wire: %T has no list %s", out, r.Rows)
	}
	f := &p.fields[i]
	v, length := p.locate(out, nil)[i], 0
	r.Listed = true
	return r.past(func() error {
		s := r.shape().field(p, i)
		if r.peek() == '{' {
			return r.single(f.plan, v, s, true)
		}
		return r.list(f.plan, v, s, true, &length)
	})
}

// Said reports whether the object that [Reader.Into] decoded has a member with a value: one
// that is neither null nor a blank text. The name is that of the type, whatever the spelling
// in the text.
func (r *Reader) Said(name string) bool {
	if r.whose == nil {
		return false
	}
	i := r.whose.find([]byte(name))
	return i >= 0 && r.said.has(i)
}

// past decodes a value, and skips one that cannot be decoded.
func (r *Reader) past(read func() error) error {
	r.peek()
	start, depth, steps, outer := r.at, r.depth, len(r.path), r.owner
	err := r.whole(read())
	if _, ok := err.(*FieldError); !ok { //nolint:errorlint // ours, never wrapped on its way
		return err
	}
	r.at, r.depth, r.path, r.owner = start, depth, r.path[:steps], outer
	if skipped := r.skip(); skipped != nil {
		return skipped
	}
	return err
}

// target sets what out points to to its zero value, and returns its plan.
func target(out any) (*plan, error) {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fmt.Errorf("wire: want a pointer, not %T", out)
	}
	v = v.Elem()
	v.SetZero()
	return planOf(v.Type()), nil
}

// whole returns the error of a value that is not inside a member.
func (r *Reader) whole(err error) error {
	if bad, ok := err.(*badValue); ok { //nolint:errorlint // ours, never wrapped on its way
		return r.fieldError(bad)
	}
	return err
}
