package xmlwire

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// kind is how a value stands on the wire.
type kind int

const (
	textKind kind = iota
	intKind
	boolKind
	decimalKind
	timeKind
	dateKind // a time of which the day is written: tag time:"date"
	structKind
	listKind
	mapKind // names of its own choice
	rawKind // JSON of an unknown inner structure
)

// plan is what is known of a type: made once, then only read.
type plan struct {
	kind kind
	elem *plan // of a list; of a map, its values
	node *node // of a struct
}

// node is an element that a struct may have: a field, or what holds the fields
// whose tag names it as their parent ("orderLines>orderLine"). The root of a
// struct has no name.
type node struct {
	*tags
	field    *field
	children []*node
	byName   map[string]*node
	only     *node // the one child of a parent, where that is a list
	extra    int   // of a struct: the field that keeps unknown members, or -1
}

// tags are the texts of an element's name.
type tags struct{ name, open, end string }

func newTags(name string) *tags { return &tags{name, "<" + name + ">", "</" + name + ">"} }

// field is one field of a struct.
type field struct {
	index   int
	plan    *plan
	pointer bool
	omit    bool // a zero value is not written
}

// child finds an element. Documents mostly keep the order of the fields, so that
// it is looked for after the one before; a list repeats itself.
func (n *node) child(name string, guess *int) *node {
	for g := *guess; g < len(n.children) && g < *guess+3; g++ {
		if n.children[g].name == name {
			*guess = g
			return n.children[g]
		}
	}
	return n.byName[name]
}

// planOf returns the plan of a type, made once.
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

// builder makes the plans of a type and of those in it, which may lead back.
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

// pathOf is where a field stands: names of elements, from the outermost, with >.
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

// place finds the node of a path and makes what is missing of it.
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
			omit: strings.Contains(","+jsonOptions+",", ",omitzero,") || strings.HasSuffix(tag, ",omitempty"),
		}
	}
	p.node.markLists()
	return nil
}

// markLists notes the elements that hold nothing but one list.
func (n *node) markLists() {
	for _, c := range n.children {
		if len(c.children) == 1 && c.children[0].field != nil && c.children[0].field.plan.kind == listKind {
			c.only = c.children[0]
		}
	}
}
