package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// DriftKind is how a value differs from the documentation.
type DriftKind string

// The kinds of drift.
const (
	DriftUnknown DriftKind = "unknown member"   // the type has no such member
	DriftKindOf  DriftKind = "other kind"       // text for a number, a number for text or a flag ...
	DriftValue   DriftKind = "new value"        // not one of the known values of the field
	DriftName    DriftKind = "other spelling"   // the name matches except for case and underscores
	DriftUnread  DriftKind = "unreadable value" // it is kept among the unknown members
	DriftNull    DriftKind = "null row"         // it is left out
)

// Note is a difference from the documentation. In its path every index is [].
type Note struct {
	Path string
	Kind DriftKind
}

// step is a part of a path: a member, with the index of an element if it is a list.
type step struct {
	plan  *plan  // of an object
	field int    // of it, or -1
	name  []byte // if there is no field
	index int    // -1: none
	any   bool   // an entry of a map, which has any name
}

// of returns the field at the end of a path, nil if there is none.
func (s *step) of() *field {
	if s.plan == nil || s.field < 0 {
		return nil
	}
	return &s.plan.fields[s.field]
}

// current returns the field whose value is being decoded, nil if there is none.
func (r *Reader) current() *field {
	if n := len(r.path); n > 0 {
		return r.path[n-1].of()
	}
	return nil
}

// shape records what was noted about the values at one path, so that each note is made
// once.
type shape struct {
	noted   uint8
	fields  []shape
	unknown map[string]struct{}
}

// field returns the shape of a member, nil if nothing is noted.
func (s *shape) field(p *plan, i int) *shape {
	if s == nil {
		return nil
	}
	if s.fields == nil {
		s.fields = make([]shape, len(p.fields))
	}
	return &s.fields[i]
}

func (r *Reader) shape() *shape {
	if r.Drift {
		return new(shape)
	}
	return nil
}

// noteKind notes a number, a flag or a time whose JSON kind is not the documented one.
func (r *Reader) noteKind(k kind, c byte, s *shape) {
	if s == nil {
		return
	}
	same := false
	switch k {
	case flagKind:
		same = c == 't' || c == 'f'
	case timeKind:
		same = c == '"'
	default:
		f := r.current()
		same = (c == '"') == (f != nil && f.text)
	}
	if !same {
		r.note(s, kindNoted, DriftKindOf)
	}
}

// The notes about a value. The elements of a list, or the entries of a map, share its shape:
// their bits are the ones to the left.
const (
	kindNoted = 1 << iota
	valueNoted
	unreadNoted
	nullNoted

	elements = 4
)

// note notes something about the current value, once for all values at its path.
func (r *Reader) note(s *shape, bit uint8, kind DriftKind) {
	if s == nil {
		return
	}
	if n := len(r.path); n > 0 && (r.path[n-1].index >= 0 || r.path[n-1].any) {
		bit <<= elements
	}
	if s.noted&bit != 0 {
		return
	}
	s.noted |= bit
	r.Notes = append(r.Notes, Note{pathText(r.path, true), kind})
}

// noteName notes a name that the type does not have in this spelling.
func (r *Reader) noteName(s *shape, name []byte, kind DriftKind) {
	if s == nil {
		return
	}
	r.path[len(r.path)-1].field, r.path[len(r.path)-1].name = -1, nil
	if _, twice := s.unknown[string(name)]; twice || len(s.unknown) >= maxUnknown {
		return
	}
	if s.unknown == nil {
		s.unknown = map[string]struct{}{}
	}
	s.unknown[string(name)] = struct{}{}
	path := pathText(r.path, true)
	r.Notes = append(r.Notes, Note{strings.TrimPrefix(path+"."+string(name), "."), kind})
}

// maxUnknown limits the unknown names that are noted for the objects at one path.
const maxUnknown = 1000

func (r *Reader) fieldError(bad *badValue) *FieldError {
	return &FieldError{Path: pathText(r.path, false), Want: bad.want, Got: bad.got}
}

// pathText returns a path such as data.orders[3].pay_amount, or data.orders[].pay_amount
// for all elements.
func pathText(path []step, all bool) string {
	var b strings.Builder
	for i := range path {
		s := &path[i]
		name := string(s.name)
		switch {
		case s.of() != nil:
			name = s.of().name
		case all && s.any:
			name = "*"
		}
		if name != "" {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(name)
		}
		switch {
		case s.index >= 0 && all:
			b.WriteString("[]")
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	return b.String()
}

// Unread returns those entries in the map of unknown members of an object that its type
// knows: values that could not be decoded, by their paths. v points to the object.
func Unread(v any) []string {
	o := reflect.ValueOf(v).Elem()
	p := planOf(o.Type())
	if p.extra == nil {
		return nil
	}
	var out []string
	for _, key := range o.FieldByIndex(p.extra).MapKeys() {
		first, _, _ := strings.Cut(key.String(), ".")
		first, _, _ = strings.Cut(first, "[")
		if p.find([]byte(first)) >= 0 {
			out = append(out, key.String())
		}
	}
	slices.Sort(out)
	return out
}
