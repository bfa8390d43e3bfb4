package wire

import (
	"fmt"
	"reflect"
)

// TooManyError says that a text has more list entries, or unknown members, than are allowed.
type TooManyError struct {
	Max     int
	Unknown bool // of members
}

func (e *TooManyError) Error() string {
	if e.Unknown {
		return fmt.Sprintf("more than %d unknown members", e.Max)
	}
	return fmt.Sprintf("more than %d rows", e.Max)
}

// list decodes the next list into v, a pointer. length is how long the previous list of the
// same field was, and becomes the length of this one.
func (r *Reader) list(p *plan, out any, s *shape, rows bool, length *int) error {
	start, outer := r.at, len(r.path)
	if err := r.open(); err != nil {
		return err
	}
	if outer == 0 || r.path[outer-1].index >= 0 {
		r.path = append(r.path, step{index: -1})
	}
	top := len(r.path) - 1

	v := reflect.ValueOf(out).Elem()
	v.Set(reflect.MakeSlice(p.typ, 0, 0))
	n := 0
	for i := 0; ; i++ {
		more, err := r.more(i == 0, ']')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := r.count(p.elem); err != nil {
			return err
		}
		if n == v.Cap() {
			v.Grow(r.room(n, i, start, *length))
		}
		v.SetLen(n + 1)
		r.path[top].index = i
		ok, err := r.element(p.elem, v.Index(n).Addr().Interface(), s, rows)
		if err != nil {
			return r.badElement(err, p, start, outer)
		}
		if n++; !ok {
			n--
			v.Index(n).SetZero()
			v.SetLen(n)
		}
	}
	*length = n
	r.path[top].index = -1
	r.path = r.path[:outer]
	return nil
}

// count counts an object in a list.
func (r *Reader) count(p *plan) error {
	if p.kind != objectKind || r.MaxRows == 0 {
		return nil
	}
	if r.rows++; r.rows > r.MaxRows {
		return &TooManyError{Max: r.MaxRows}
	}
	return nil
}

// badElement returns the error of a list or a map, at start, that has an undecodable
// element. If it is not vital, it is skipped as a whole.
func (r *Reader) badElement(err error, p *plan, start, outer int) error {
	bad, ok := err.(*badValue) //nolint:errorlint // ours, never wrapped on its way
	if !ok || !r.Keep || p.vital {
		return r.whole(err)
	}
	r.path = r.path[:outer]
	return r.spoiled(bad, start)
}

// room returns by how many elements a list of n grows, where the previous one had the given
// length. For the first list in a text, which is the one of rows, it estimates the number
// from the size of the first element.
func (r *Reader) room(n, i, start, length int) int {
	if n == 0 && length > 0 {
		return min(length, 64)
	}
	if n == 1 && i == 1 && r.depth <= 3 {
		rest := (len(r.data) - r.at) / (r.at - start)
		return max(1, min(127, rest+rest/8))
	}
	return max(1, n)
}

// spoiled skips a list or an object with an element that cannot be decoded.
func (r *Reader) spoiled(bad *badValue, start int) error {
	r.at, r.depth = start, r.depth-1
	if len(r.path) > 0 {
		r.path[len(r.path)-1].index = -1
	}
	if err := r.skip(); err != nil {
		return err
	}
	return bad
}

// single decodes one object in place of a list.
func (r *Reader) single(p *plan, v any, s *shape, rows bool) error {
	r.note(s, kindNoted, DriftKindOf)
	if n := len(r.path); n > 0 {
		r.path[n-1].index = 0
	}
	list := reflect.ValueOf(v).Elem()
	list.Set(reflect.MakeSlice(p.typ, 1, 1))
	ok, err := r.element(p.elem, list.Index(0).Addr().Interface(), s, rows)
	if !ok {
		list.Set(reflect.MakeSlice(p.typ, 0, 0))
	}
	return err
}

// element decodes an element of a list, and reports whether it is kept: a row that must not
// be used is recorded and left out.
func (r *Reader) element(p *plan, v any, s *shape, rows bool) (bool, error) {
	if !rows || !r.Skip {
		return true, r.value(p, v, r.peek(), s)
	}
	kind, start, depth, steps, outer := r.peek(), r.at, r.depth, len(r.path), r.owner
	err := r.value(p, v, kind, s)
	if err == nil && kind == 'n' {
		r.note(s, nullNoted, DriftNull)
		err = &badValue{kindName(p.typ), "null"}
	}
	why, ok := r.whole(err).(*FieldError) //nolint:errorlint // ours, never wrapped on its way
	if !ok {
		return true, err
	}
	r.at, r.depth, r.path, r.owner = start, depth, r.path[:steps], outer
	raw, err := r.raw()
	if err == nil {
		r.Bad = append(r.Bad, BadRow{Index: max(0, r.path[steps-1].index), Raw: r.copied(raw), Err: why})
	}
	return false, err
}

// dictionary decodes an object into a map.
func (r *Reader) dictionary(p *plan, v any, s *shape) error {
	start, outer := r.at, len(r.path)
	if err := r.open(); err != nil {
		return err
	}
	m := reflect.MakeMap(p.typ)
	r.path = append(r.path, step{index: -1, any: true})
	for first := true; ; first = false {
		more, err := r.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := r.memberName()
		if err != nil {
			return err
		}
		r.path[outer].name = name
		e := reflect.New(p.typ.Elem())
		if err := r.value(p.elem, e.Interface(), r.peek(), s); err != nil {
			return r.badElement(err, p, start, outer)
		}
		m.SetMapIndex(reflect.ValueOf(string(name)).Convert(p.typ.Key()), e.Elem())
		if m.Len() > maxMembers {
			r.path = r.path[:outer]
			return r.badElement(&badValue{tooMany, "more"}, p, start, outer)
		}
	}
	reflect.ValueOf(v).Elem().Set(m)
	r.path = r.path[:outer]
	return nil
}
