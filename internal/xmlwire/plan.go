package xmlwire

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
)

// kind is how a value is represented on the wire.
type kind int

const (
	textKind kind = iota
	intKind
	boolKind
	decimalKind
	timeKind
	dateKind // a time that is written as a date: tag time:"date"
	structKind
	listKind
	mapKind // elements with arbitrary names
	rawKind // JSON of unknown structure
)

// plan describes a type; it is created once and then only read.
type plan struct {
	kind kind
	elem *plan // of a list; of a map, its values
	node *node // of a struct

	once    sync.Once
	entries [][]byte // see nests
}

// node is an element that a struct may have: a field, or the element around the fields
// whose tag names it as their parent ("orderLines>orderLine"). The root of a struct has no
// name.
type node struct {
	*tags
	field    *field
	children []*node
	byName   map[string]*node
	only     *node // the only child of a parent, if that is a list
	extra    int   // of a struct: the field that keeps unknown members, or -1
}

// tags holds an element's name with its start and end tags.
type tags struct{ name, open, end string }

func newTags(name string) *tags { return &tags{name, "<" + name + ">", "</" + name + ">"} }

// field is one field of a struct.
type field struct {
	index   int
	plan    *plan
	pointer bool
	omit    bool // a zero value is not written
	vital   bool // tag wire:"vital": a document must not be used without it
}

// child finds an element. Documents usually keep the order of the fields, so the search
// starts after the previous one; a list repeats its own element.
func (n *node) child(name string, guess *int) *node {
	for g := *guess; g < len(n.children) && g < *guess+3; g++ {
		if n.children[g].name == name {
			*guess = g
			return n.children[g]
		}
	}
	return n.byName[name]
}

// nameOf returns a name as a text.
func (n *node) nameOf(name []byte, guess int) string {
	for g := guess; g < len(n.children) && g < guess+3; g++ {
		if known := n.children[g].name; known == string(name) {
			return known
		}
	}
	if c := n.byName[string(name)]; c != nil {
		return c.name
	}
	return string(name)
}

// planOf returns the plan of a type, which is created once.
func (c *Codec) planOf(t reflect.Type) (*plan, error) {
	if p, ok := c.plans.Load(t); ok {
		return p.(*plan), nil
	}
	b := builder{done: map[reflect.Type]*plan{}}
	p, err := b.build(t)
	if err != nil {
		return nil, err
	}
	kept, _ := c.plans.LoadOrStore(t, p)
	return kept.(*plan), nil
}

// builder creates the plans of a type and of those it contains, which may be recursive.
type builder struct{ done map[reflect.Type]*plan }

func (b *builder) build(t reflect.Type) (*plan, error) { //nolint:gocyclo // one case for each kind
	if p, ok := b.done[t]; ok {
		return p, nil
	}
	p := new(plan)
	b.done[t] = p
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		p.kind = decimalKind
		return p, nil
	case reflect.TypeFor[time.Time]():
		p.kind = timeKind
		return p, nil
	}
	var err error
	switch t.Kind() {
	case reflect.String:
		p.kind = textKind
	case reflect.Int64, reflect.Int:
		p.kind = intKind
	case reflect.Bool:
		p.kind = boolKind
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // json.RawMessage, jsontext.Value
			p.kind = rawKind
			break
		}
		p.kind = listKind
		p.elem, err = b.build(t.Elem())
		if err == nil && (p.elem.kind == listKind || t.Elem().Kind() == reflect.Pointer) {
			err = fmt.Errorf("xmlwire: %s is not supported", t)
		}
	case reflect.Map:
		p.kind = mapKind
		p.elem, err = b.build(t.Elem())
		if err == nil && (t.Key().Kind() != reflect.String || p.elem.kind != textKind && p.elem.kind != rawKind) {
			err = fmt.Errorf("xmlwire: %s is not supported", t)
		}
	case reflect.Struct:
		p.kind = structKind
		err = b.members(t, p)
	default:
		err = fmt.Errorf("xmlwire: %s is not supported", t)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// pathOf returns the path of a field: names of elements, from the outermost, separated by
// >.
func pathOf(f reflect.StructField, tag, jsonName string) string {
	path, _, _ := strings.Cut(tag, ",")
	if path == "" {
		path = jsonName
	}
	if path == "" || path == "-" {
		path = f.Name
	}
	return path
}

// place finds the node of a path and creates missing ones.
func (n *node) place(path string) *node {
	at := n
	for name := range strings.SplitSeq(path, ">") {
		next := at.byName[name]
		if next == nil {
			next = &node{tags: newTags(name), byName: map[string]*node{}}
			at.byName[name] = next
			at.children = append(at.children, next)
		}
		at = next
	}
	return at
}

func (b *builder) members(t reflect.Type, p *plan) error {
	p.node = &node{byName: map[string]*node{}, extra: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, jsonTag := f.Tag.Get("xml"), f.Tag.Get("json")
		if !f.IsExported() || tag == "-" {
			continue
		}
		jsonName, jsonOptions, _ := strings.Cut(jsonTag, ",")
		if jsonName == "" && strings.Contains(","+jsonOptions+",", ",embed,") {
			p.node.extra = i
			continue
		}
		path := pathOf(f, tag, jsonName)
		ft := f.Type
		pointer := ft.Kind() == reflect.Pointer
		if pointer {
			ft = ft.Elem()
		}
		fp, err := b.build(ft)
		if err != nil {
			return fmt.Errorf("%w (field %s of %s)", err, f.Name, t)
		}
		if fp.kind == timeKind && f.Tag.Get("time") == "date" {
			fp = &plan{kind: dateKind}
		}
		at := p.node.place(path)
		if at.field != nil || len(at.children) > 0 {
			return fmt.Errorf("xmlwire: two fields of %s are <%s>", t, path)
		}
		at.field = &field{
			index: i, plan: fp, pointer: pointer,
			omit:  strings.Contains(","+jsonOptions+",", ",omitzero,") || strings.HasSuffix(tag, ",omitempty"),
			vital: f.Tag.Get("wire") == "vital",
		}
	}
	p.node.markLists()
	return nil
}

// markLists marks the elements that contain nothing but one list.
func (n *node) markLists() {
	for _, c := range n.children {
		if len(c.children) == 1 && c.children[0].field != nil && c.children[0].field.plan.kind == listKind {
			c.only = c.children[0]
		}
	}
}

// isVital reports whether values of a type hold anything without which a document must not
// be used, by the rule of package wire: a number, a flag, a time or a field marked so.
func (p *plan) isVital() bool { return p.holdsVital(map[*plan]bool{}) }

func (p *plan) holdsVital(seen map[*plan]bool) bool {
	if seen[p] {
		return false
	}
	seen[p] = true
	switch p.kind {
	case intKind, boolKind, decimalKind, timeKind, dateKind:
		return true
	case listKind, mapKind:
		return p.elem.holdsVital(seen)
	case structKind:
		return p.node.holdsVital(seen)
	}
	return false
}

func (n *node) holdsVital(seen map[*plan]bool) bool {
	if n.field != nil && (n.field.vital || n.field.plan.holdsVital(seen)) {
		return true
	}
	return slices.ContainsFunc(n.children, func(c *node) bool { return c.holdsVital(seen) })
}

// texts returns the list of texts that is all that an element contains, nil if it is
// anything else.
func (n *node) texts() *field {
	if len(n.children) != 1 || n.children[0].field == nil {
		return nil
	}
	if f := n.children[0].field; f.plan.kind == listKind && f.plan.elem.kind == textKind {
		return f
	}
	return nil
}

// holds reports whether the entries of a list have a member of that name.
func (n *node) holds(name string) bool {
	elem := n.field.plan.elem
	return elem.kind == structKind && elem.node.byName[name] != nil
}
