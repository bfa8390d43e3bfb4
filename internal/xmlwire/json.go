package xmlwire

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// UnmarshalText decodes JSON into a value, in the same shapes as XML: a list in an object
// (orderLines.orderLine[]), its entries each in an object (items[].item), a single entry
// without a list, a list of texts in elements of its own, an object or a map as JSON in a
// text. What a field cannot hold is kept as [Codec.Unmarshal] keeps it, and of members that share
// a name the first counts and the others are kept. The error is that of package wire.
func (c *Codec) UnmarshalText(text []byte, into any) error {
	ptr := reflect.ValueOf(into)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() || ptr.Type().Elem().Kind() != reflect.Struct {
		return wire.Unmarshal(text, into)
	}
	p, err := c.planOf(ptr.Type().Elem())
	if err != nil {
		return wire.Unmarshal(text, into)
	}
	if !p.nests(text) && !repeats(text) {
		err := wire.Unmarshal(text, into)
		if _, unfit := err.(*wire.FieldError); !unfit { //nolint:errorlint // as package wire returns it
			return err
		}
	}
	var whole jsontext.Value // what follows the value is not looked at below
	if err := wire.Unmarshal(text, &whole); err != nil {
		return err
	}
	fitted, err := p.fit(jsontext.Value(text))
	if err != nil {
		return wire.Unmarshal(text, into) // for its error
	}
	r := wire.NewReader(fitted)
	r.Keep = true
	if err := r.Into(into, nil); err != nil {
		return err
	}
	return r.End()
}

// repeats reports whether a member of an object in a text stands there twice.
func repeats(text []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true))
	return errors.Is(dec.SkipValue(), jsontext.ErrDuplicateName)
}

// distinct leaves the first of the members that share a name; the others are together under
// name[1], as in XML: a value, or a list of them.
func distinct(members []member) []member {
	first, others := make(map[string]bool, len(members)), map[string][][]byte{}
	out := members[:0]
	for _, m := range members {
		if first[m.name] {
			others[m.name] = append(others[m.name], m.value)
			continue
		}
		first[m.name] = true
		out = append(out, m)
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		value := bytes.Join(others[name], []byte{','})
		if len(others[name]) > 1 {
			value = slices.Concat([]byte{'['}, value, []byte{']'})
		}
		out = append(out, member{name + again, value})
	}
	return out
}

// nests reports whether a text has members that are named like the entries of a list, so that
// its lists may have the shape of XML.
func (p *plan) nests(text []byte) bool {
	p.once.Do(func() { p.entries = p.node.entryNames(map[*plan]bool{p: true}, nil) })
	for _, name := range p.entries {
		if bytes.Contains(text, name) {
			return true
		}
	}
	return false
}

// entryNames collects the quoted names of list entries, with their other spelling.
func (n *node) entryNames(seen map[*plan]bool, names [][]byte) [][]byte {
	for _, c := range n.children {
		if c.only != nil {
			for _, name := range []string{c.only.name, snake(c.only.name)} {
				quoted := []byte(`"` + name + `"`)
				known := false
				for _, other := range names {
					known = known || bytes.Equal(other, quoted)
				}
				if !known {
					names = append(names, quoted)
				}
			}
		}
		if c.field != nil {
			p := c.field.plan
			if p.kind == listKind {
				p = p.elem
			}
			if p.kind == structKind && !seen[p] {
				seen[p] = true
				names = p.node.entryNames(seen, names)
			}
		}
		names = c.entryNames(seen, names)
	}
	return names
}

// snake returns a name as the official generator writes it where the description has none:
// order_line for orderLine.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fit rewrites a value into the shape of the plan. What it does not know it leaves as it is.
func (p *plan) fit(v jsontext.Value) (jsontext.Value, error) {
	switch p.kind {
	case structKind:
		return p.fitObject(v)
	case mapKind:
		if m, ok := innerJSON(v); ok && m.Kind() == '{' {
			v = m
		}
		if v.Kind() == '{' {
			members, err := membersOf(v)
			if err != nil {
				return nil, err
			}
			return object(distinct(members))
		}
	case listKind:
		return p.fitList(v)
	}
	return v, nil
}

// innerJSON returns the JSON object or list inside a text.
func innerJSON(v jsontext.Value) (jsontext.Value, bool) {
	if v.Kind() != '"' {
		return nil, false
	}
	text, err := jsontext.AppendUnquote(nil, v)
	inner := jsontext.Value(bytes.TrimSpace(text))
	if k := inner.Kind(); err != nil || k != '{' && k != '[' || !inner.IsValid() {
		return nil, false
	}
	return inner, true
}

// member is a member of an object.
type member struct {
	name  string
	value jsontext.Value
}

// membersOf returns the members of an object, also those that share a name.
func membersOf(v jsontext.Value) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var out []member
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		m.value = value.Clone()
		out = append(out, m)
	}
	return out, nil
}

// entriesOf returns the entries of a list.
func entriesOf(v jsontext.Value) ([]jsontext.Value, error) {
	var out []jsontext.Value
	err := wire.Unmarshal(v, &out)
	return out, err
}

func (p *plan) fitObject(v jsontext.Value) (jsontext.Value, error) {
	if list := p.node.texts(); list != nil && v.Kind() != '{' {
		if inner, ok := innerJSON(v); ok {
			v = inner
		}
		if v.Kind() == '[' || v.Kind() == '"' && !blankText(v) {
			entries, err := list.plan.fitList(v)
			if err != nil {
				return nil, err
			}
			return object([]member{{p.node.children[0].name, entries}})
		}
	}
	if inner, ok := innerJSON(v); ok {
		v = inner
	}
	if v.Kind() != '{' {
		return v, nil
	}
	members, err := membersOf(v)
	if err != nil {
		return nil, err
	}
	members = distinct(members)
	for i := range members {
		field := p.fieldOf(members[i].name)
		if field == nil {
			continue
		}
		if members[i].value, err = field.plan.fit(members[i].value); err != nil {
			return nil, err
		}
	}
	return object(members)
}

// fieldOf returns the field for a member, or nil.
func (p *plan) fieldOf(name string) *field {
	n := p.node.find(name)
	switch {
	case n == nil:
		return nil
	case n.only != nil:
		return n.only.field
	}
	return n.field
}

// find returns the child of a name in any spelling that package wire accepts.
func (n *node) find(name string) *node {
	if c := n.byName[name]; c != nil {
		return c
	}
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, c := range n.children {
		if fold(c.name) == fold(name) {
			return c
		}
	}
	return nil
}

func (p *plan) fitList(v jsontext.Value) (jsontext.Value, error) {
	if inner, ok := innerJSON(v); ok {
		v = inner
	}
	var entries []jsontext.Value
	var err error
	switch v.Kind() {
	case '[':
		if entries, err = entriesOf(v); err != nil {
			return nil, err
		}
	case '{':
		if inner, ok, err := p.inElement(v); err != nil {
			return nil, err
		} else if ok {
			return p.fitList(inner)
		}
		entries = []jsontext.Value{v}
	case '"':
		if p.elem.kind != textKind || blankText(v) {
			return v, nil
		}
		entries = []jsontext.Value{v}
	default:
		return v, nil
	}
	all, err := p.unwrapped(entries)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i], err = p.elem.fit(all[i]); err != nil {
			return nil, err
		}
	}
	return wire.Marshal(all)
}

// unwrapped returns the entries of a list without the elements around them.
func (p *plan) unwrapped(entries []jsontext.Value) ([]jsontext.Value, error) {
	var all []jsontext.Value
	for _, e := range entries {
		if e.Kind() == '{' {
			if inner, ok, err := p.inElement(e); err != nil {
				return nil, err
			} else if ok {
				e = inner
			}
		}
		if e.Kind() == '[' { // several entries in one element
			more, err := entriesOf(e)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
			continue
		}
		all = append(all, e)
	}
	return all, nil
}

// inElement returns what the only member of an object holds, if that is the element of one or
// more entries and not a member of an entry.
func (p *plan) inElement(v jsontext.Value) (jsontext.Value, bool, error) {
	members, err := membersOf(v)
	if err != nil || len(members) != 1 {
		return nil, false, err
	}
	m := members[0]
	switch p.elem.kind {
	case structKind:
		if k := m.value.Kind(); k != '{' && k != '[' || p.elem.node.find(m.name) != nil {
			return nil, false, nil
		}
	case textKind:
		if m.value.Kind() == '{' {
			return nil, false, nil
		}
	default:
		return nil, false, nil
	}
	return m.value, true, nil
}

// blankText reports whether a text holds nothing.
func blankText(v jsontext.Value) bool {
	text, err := jsontext.AppendUnquote(nil, v)
	return err == nil && (blank(text) || isNull(text))
}

// object writes the members of an object.
func object(members []member) (jsontext.Value, error) {
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = jsontext.AppendQuote(out, m.name); err != nil {
			return nil, err
		}
		out = append(append(out, ':'), m.value...)
	}
	return append(out, '}'), nil
}
