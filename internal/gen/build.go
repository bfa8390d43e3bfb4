package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// api is what will be written: the structs in the order in which they are found, and the
// operations by service.
type api struct {
	groups   []*catalog.Group
	services []*catalog.Service
	structs  map[string]*goStruct
	order    []*goStruct
	keyedBy  map[string]*catalog.Operation // by request type: the first keyed operation that has it
}

// goStruct is one generated type.
type goStruct struct {
	name   string
	group  string
	doc    string
	fields []*goField
	rows   string // Go name of the field that holds the rows, of a page
	extra  bool   // keeps unknown members
	reply  bool
	asked  bool // it is part of a request
}

// field returns a member by its wire name.
func (s *goStruct) field(wire string) *goField {
	if i := slices.IndexFunc(s.fields, func(f *goField) bool { return f.wire == wire }); i >= 0 {
		return s.fields[i]
	}
	return nil
}

// hasFigures reports whether the type is of answers only and has amounts or quantities, of
// which zero is not the same as unknown.
func (s *goStruct) hasFigures() bool {
	return !s.asked && s.reply && slices.ContainsFunc(s.fields, func(f *goField) bool { return f.typ == "decimal.Decimal" })
}

// goField is one member of a struct.
type goField struct {
	name    string
	wire    string
	typ     string
	child   string // struct type that it contains, if any
	batched bool   // the list that is sent in parts
	vital   bool   // an answer must not be used if this cannot be decoded
	tag     string
	src     *catalog.Field
}

// node is a field with its members.
type node struct {
	field    *catalog.Field
	leaf     string
	path     string
	children []*node
}

func build(groups []*catalog.Group) (*api, error) {
	a := &api{groups: groups, structs: map[string]*goStruct{}, keyedBy: map[string]*catalog.Operation{}}
	if err := a.declareServices(); err != nil {
		return nil, err
	}
	for _, g := range groups {
		for _, op := range g.Operations {
			if op.Go.Auth || op.Go.Raw && op.Go.Request == "" {
				continue
			}
			if err := errors.Join(a.operation(op), a.checkKeyed(op)); err != nil {
				return nil, fmt.Errorf("%s: %w", op.Path, err)
			}
			a.markVital(op)
		}
	}
	return a, nil
}

func (a *api) operation(op *catalog.Operation) error {
	if op.Go.Request != "" {
		if op.Effect != "read" && !strings.HasSuffix(op.Go.Request, "Request") && !strings.HasSuffix(op.Go.Request, "Upload") {
			return fmt.Errorf("request type %s of a write: want a name that ends in Request, or in Upload for a document", op.Go.Request)
		}
		root := tree(op.Request)
		s := a.declare(op.Go.Request, op.Group)
		s.asked = true
		s.doc = fmt.Sprintf("%s %s: the request of [%s.%s].", op.Go.Request, op.TitleZH, serviceType(op), op.Go.Method)
		if err := a.fill(op, s, root.children, "request"); err != nil {
			return err
		}
	}
	if op.Go.Response != "" {
		payload := tree(op.Response).find(op.Payload)
		if payload == nil {
			return fmt.Errorf("no payload %q among the response fields", op.Payload)
		}
		members := payload.children
		if op.Payload == "" {
			members = slices.DeleteFunc(slices.Clone(members), func(n *node) bool { return envelope[n.leaf] })
		}
		s := a.declare(op.Go.Response, op.Group)
		s.reply = true
		s.doc = fmt.Sprintf("%s %s: the answer of [%s.%s].", op.Go.Response, op.TitleZH, serviceType(op), op.Go.Method)
		if err := a.fill(op, s, members, "response"); err != nil {
			return err
		}
	}
	return nil
}

// envelope members belong to every reply and are decoded by the call itself.
var envelope = map[string]bool{"code": true, "msg": true, "issuccess": true, "request_id": true, "requestId": true}

func serviceType(op *catalog.Operation) string { return singular(op.Go.Service) + "Service" }

// tree builds nodes from the flat names.
func tree(fields []*catalog.Field) *node {
	root := &node{}
	for _, f := range fields {
		root.insert(f)
	}
	return root
}

// insert places a field by its path; parents that are not listed are created.
func (n *node) insert(f *catalog.Field) {
	parts := strings.Split(f.Name, ".")
	at := n
	for i, part := range parts {
		leaf := strings.TrimRight(part, "[]")
		if leaf == "*" { // a map: its elements are members of the map's node
			continue
		}
		next := at.child(leaf)
		if next == nil {
			next = &node{leaf: leaf, path: strings.Join(parts[:i+1], ".")}
			at.children = append(at.children, next)
		}
		at = next
	}
	at.field = f
}

func (n *node) child(leaf string) *node {
	for _, c := range n.children {
		if c.leaf == leaf {
			return c
		}
	}
	return nil
}

func (n *node) find(path string) *node {
	if path == "" {
		return n
	}
	at := n
	for part := range strings.SplitSeq(path, ".") {
		if at = at.child(part); at == nil {
			return nil
		}
	}
	return at
}

func (a *api) declare(name, group string) *goStruct {
	if s := a.structs[name]; s != nil {
		return s
	}
	s := &goStruct{name: name, group: group}
	a.structs[name] = s
	a.order = append(a.order, s)
	return s
}

// fill adds members to a struct; if the struct exists, it adds the missing ones.
func (a *api) fill(op *catalog.Operation, s *goStruct, members []*node, side string) error {
	for _, n := range members {
		f, err := a.field(op, s, n, side)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(s.fields, func(g *goField) bool { return g.wire == f.wire }); i >= 0 {
			if s.fields[i].typ != f.typ {
				return fmt.Errorf("%s.%s: %s here, %s before", s.name, f.name, f.typ, s.fields[i].typ)
			}
			continue
		}
		if i := slices.IndexFunc(s.fields, func(g *goField) bool { return g.name == f.name }); i >= 0 {
			return fmt.Errorf("%s.%s is the name of both %s and %s", s.name, f.name, f.wire, s.fields[i].wire)
		}
		s.fields = append(s.fields, f)
	}
	return nil
}

// goTypes are the Go types of members without members of their own.
var goTypes = map[string]string{
	"int": "int64", "decimal": "decimal.Decimal", "string": "string", "bool": "bool", "time": "time.Time", "commas": "CommaList",
	"any": "json.RawMessage", "map": "map[string]any", "[]string": "[]string", "[]int": "[]int64",
}

// objectTypes are the types of members that are objects or hold some: what stands
// before the Go type of the object, and what marks it in [catalog.Operation].Types.
var objectTypes = map[string]struct{ prefix, mark string }{
	"object": {"", ""}, "[]object": {"[]", "[]"}, "[][]object": {"[][]", "[][]"}, "map[]object": {"map[string][]", ".*[]"},
}

func (a *api) field(op *catalog.Operation, s *goStruct, n *node, side string) (*goField, error) {
	src := n.field
	if src == nil {
		src = &catalog.Field{Name: n.path, Type: "object"}
	}
	f := &goField{wire: n.leaf, name: cmp.Or(src.Go, goName(n.leaf)), src: src}
	if holdsRows(op, n, side) {
		f.name = rowsName(op)
		s.rows = f.name
	}
	object, isObject := objectTypes[src.Type]
	switch f.typ = goTypes[src.Type]; {
	case f.typ == "" && !isObject:
		return nil, fmt.Errorf("%s: type %q", src.Name, src.Type)
	case isObject && len(n.children) == 0:
		f.typ = object.prefix + "json.RawMessage"
	case isObject:
		if err := a.child(op, s, n, f, side); err != nil {
			return nil, err
		}
		f.typ = object.prefix + f.child
		if src.Type == "object" && side == "request" && n.leaf != "page" {
			f.typ = "*" + f.child
		}
	}
	if src.Pointer {
		f.typ = "*" + f.typ
	}
	f.batched = side == "request" && op.Batch != nil && op.Batch.List == src.Name
	f.tag = jsonTag(f)
	return f, nil
}

// holdsRows reports whether a member is the one with the rows of an answer.
func holdsRows(op *catalog.Operation, n *node, side string) bool {
	depth := 0
	if op.Payload != "" {
		depth = strings.Count(op.Payload, ".") + 1
	}
	return side == "response" && op.Rows == n.leaf && strings.Count(n.path, ".") == depth
}

// child declares the type of a member that is an object, or holds some.
func (a *api) child(op *catalog.Operation, s *goStruct, n *node, f *goField, side string) error {
	isRows := holdsRows(op, n, side)
	name := op.Types[side+":"+f.src.Name+objectTypes[f.src.Type].mark]
	if name == "" {
		name = strings.TrimSuffix(s.name, "Request") + singular(f.name)
		if isRows {
			name = s.name + "Row"
		}
	}
	c := a.declare(name, op.Group)
	if c.doc == "" {
		c.doc = fmt.Sprintf("%s %s: %s of [%s].", name, label(f.src), f.name, s.name)
	}
	if isRows && op.Extra {
		c.extra = true
	}
	c.reply, c.asked = side == "response", c.asked || side == "request"
	f.child = name
	return a.fill(op, c, n.children, side)
}

// jsonTag returns the wire name of a member and its options: required members are always
// sent.
func jsonTag(f *goField) string {
	tag := f.wire
	switch {
	case f.typ == "*decimal.Decimal":
		// omitzero would ask the decimal and drop a 0 that was set deliberately.
		tag += ",omitempty"
	case !f.src.Required:
		tag += ",omitzero"
	}
	if f.src.Quoted {
		tag += ",string"
	}
	if strings.ToLower(f.wire[:1]) != f.wire[:1] {
		tag += ",case:ignore" // UpperCamelCase in one source, snake case in another
	}
	return tag
}

// rowsName returns the Go name of a page's rows: the plural of their type.
func rowsName(op *catalog.Operation) string {
	key := "response:" + joinPath(op.Payload, op.Rows) + "[]"
	row := op.Types[key]
	if row == "" {
		return "Rows"
	}
	if strings.HasSuffix(row, "Row") || strings.HasSuffix(row, "Result") {
		return "Rows"
	}
	name := row
	switch {
	case strings.HasSuffix(name, "y") && !strings.HasSuffix(name, "ay"):
		return strings.TrimSuffix(name, "y") + "ies"
	case strings.HasSuffix(name, "ch"):
		return name + "es"
	default:
		return name + "s"
	}
}

func joinPath(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}

func label(f *catalog.Field) string {
	if f.ZH != "" {
		return f.ZH
	}
	return f.Leaf()
}

// sensitive reports whether values of a type hold personal data.
func (a *api) sensitive(s *goStruct) bool { return a.sensitiveSeen(s, map[string]bool{}) }

func (a *api) sensitiveSeen(s *goStruct, seen map[string]bool) bool {
	if seen[s.name] {
		return false
	}
	seen[s.name] = true
	for _, f := range s.fields {
		if f.src.PII || f.child != "" && a.sensitiveSeen(a.structs[f.child], seen) {
			return true
		}
	}
	return s.extra // unknown members may contain anything
}
