package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog/qimen"
)

// qimenAPI is what will be written of package qimen: the structs in the order in which they
// are found.
type qimenAPI struct {
	families []*qimen.Family
	shared   map[string]*qimen.Shared
	home     map[string]string // family in whose file a shared type stands
	structs  map[string]*qimenStruct
	order    []*qimenStruct
}

// qimenStruct is one generated type.
type qimenStruct struct {
	name   string
	family string
	doc    string
	fields []*qimenField
	seen   int                      // times met in a request
	users  map[string]*qimen.Method // by name
}

// qimenField is one member of it.
type qimenField struct {
	name, wire string
	typ        string
	child      string // struct type that it contains, if any
	xml        string
	src        *qimen.Field
	required   int // times met as required, in requests
	inRequest  bool
	inferred   bool // wherever it was met
	pii        bool
	always     bool
}

// qimenNode is a field with its members.
type qimenNode struct {
	field    *qimen.Field
	leaf     string
	children []*qimenNode
}

func runQimen(dir string, readmes []string) error {
	families, err := qimen.Load()
	if err != nil {
		return err
	}
	a, err := buildQimen(families)
	if err != nil {
		return err
	}
	for _, f := range families {
		if f.Service == "" {
			continue
		}
		if err := writeGo(filepath.Join(dir, f.Family+"_gen.go"), a.familyFile(f)); err != nil {
			return err
		}
	}
	if err := writeGo(filepath.Join(dir, "methods_gen.go"), a.methodsFile()); err != nil {
		return err
	}
	if err := writeGo(filepath.Join(dir, "client_gen.go"), a.clientFile()); err != nil {
		return err
	}
	return writeTables(readmes, qimenBegin, qimenEnd, a.table)
}

func buildQimen(families []*qimen.Family) (*qimenAPI, error) {
	a := &qimenAPI{
		families: families, shared: map[string]*qimen.Shared{}, home: map[string]string{}, structs: map[string]*qimenStruct{},
	}
	for _, f := range families {
		for _, s := range f.Shared {
			if a.shared[s.Name] != nil {
				return nil, fmt.Errorf("%s: shared type %s is there twice", f.Family, s.Name)
			}
			a.shared[s.Name] = s
			a.home[s.Name] = f.Family
		}
	}
	names := map[string]bool{}
	for _, f := range families {
		for _, m := range f.Methods {
			if names[m.Method] {
				return nil, fmt.Errorf("%s is there twice", m.Method)
			}
			names[m.Method] = true
			if err := a.method(m); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Method, err)
			}
		}
	}
	for name := range a.shared {
		if a.structs[name] == nil {
			return nil, fmt.Errorf("shared type %s is used nowhere", name)
		}
	}
	// One name in two methods is a decision that must be on the list.
	for _, s := range a.order {
		if len(s.users) > 1 && a.shared[s.name] == nil {
			return nil, fmt.Errorf("%s is a type of %d methods and not on the list of shared types", s.name, len(s.users))
		}
	}
	return a, a.keysExist()
}

func (a *qimenAPI) method(m *qimen.Method) error {
	if err := checkMethod(m); err != nil {
		return err
	}
	for _, side := range []struct {
		name, typ string
		fields    []*qimen.Field
	}{{"request", m.Go.Request, m.Request}, {"response", m.Go.Response, m.Response}} {
		if side.typ == "" {
			continue
		}
		root, err := qimenTree(side.fields)
		if err != nil {
			return err
		}
		if a.structs[side.typ] != nil {
			return fmt.Errorf("type %s is there twice", side.typ)
		}
		s := a.declare(side.typ, m)
		s.doc = fmt.Sprintf("%s %s", side.typ, titled(m.TitleZH, "the "+side.name+" of "+methodLink(m)))
		if side.name == "response" {
			s.doc = fmt.Sprintf("%s %s", side.typ, titled(m.TitleZH, "the answer of "+methodLink(m)))
		}
		if err := a.fill(m, s, root.children, side.name); err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
	}
	return nil
}

func checkMethod(m *qimen.Method) error {
	known := func(what, value string, values ...string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("%s %q is none of %s", what, value, strings.Join(values, ", "))
		}
		return nil
	}
	for _, err := range []error{
		known("body", m.Body, "form", "xml"),
		known("direction", m.Direction, "outbound", "inbound", "both"),
		known("effect", m.Effect, "read", "keyed", "unsafe"),
		known("confidence", m.Confidence, "high", "medium", "low"),
	} {
		if err != nil {
			return err
		}
	}
	for _, form := range m.Success {
		if err := known("success", form, "flag success", "code 0", "code 1", "issuccess true", "method root"); err != nil {
			return err
		}
	}
	switch {
	case (m.Effect == "keyed") != (len(m.Key) > 0):
		return fmt.Errorf("effect %s with %d key members", m.Effect, len(m.Key))
	case m.Effect != "read" && m.Why == "":
		return fmt.Errorf("effect %s without a reason", m.Effect)
	case (m.Go.Name == "") != (m.Go.Request == ""):
		return fmt.Errorf("a name and a request type go together")
	}
	return nil
}

// titled puts a Chinese title before a text, if there is one.
func titled(zh, text string) string {
	if zh == "" {
		return "is " + text + "."
	}
	return zh + ": " + text + "."
}

func methodLink(m *qimen.Method) string {
	if m.Go.Method == "" {
		return m.Method
	}
	return fmt.Sprintf("[%sService.%s]", m.Go.Service, m.Go.Method)
}

func qimenTree(fields []*qimen.Field) (*qimenNode, error) {
	root := &qimenNode{}
	for _, f := range fields {
		at := root
		parts := strings.Split(f.Name, ".")
		for i, part := range parts {
			leaf := strings.TrimSuffix(part, "[]")
			j := slices.IndexFunc(at.children, func(n *qimenNode) bool { return n.leaf == leaf })
			switch last := i == len(parts)-1; {
			case j < 0 && !last:
				return nil, fmt.Errorf("%s: %s is not listed before it", f.Name, part)
			case j < 0:
				at.children = append(at.children, &qimenNode{leaf: leaf, field: f})
			case last:
				return nil, fmt.Errorf("%s is there twice", f.Name)
			default:
				at = at.children[j]
			}
		}
	}
	return root, nil
}

func (a *qimenAPI) declare(name string, m *qimen.Method) *qimenStruct {
	s := a.structs[name]
	if s == nil {
		s = &qimenStruct{name: name, family: m.Family, users: map[string]*qimen.Method{}}
		if home := a.home[name]; home != "" {
			s.family = home
		}
		a.structs[name] = s
		a.order = append(a.order, s)
	}
	s.users[m.Method] = m
	return s
}

// fill adds members to a struct; if the struct exists, it adds the missing ones, and the
// others must agree.
func (a *qimenAPI) fill(m *qimen.Method, s *qimenStruct, members []*qimenNode, side string) error {
	if side == "request" {
		s.seen++
	}
	for _, n := range members {
		if n.field.ByClient || n.field.Envelope && s.name == m.Go.Response {
			continue
		}
		f, err := a.field(m, s, n, side)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(s.fields, func(g *qimenField) bool { return g.wire == f.wire })
		if i < 0 {
			if i := slices.IndexFunc(s.fields, func(g *qimenField) bool { return g.name == f.name }); i >= 0 {
				return fmt.Errorf("%s.%s is the name of both %s and %s", s.name, f.name, f.wire, s.fields[i].wire)
			}
			if f.name == "Extra" {
				return fmt.Errorf("%s: the name Extra of %s is taken", s.name, f.wire)
			}
			s.fields = append(s.fields, f)
			continue
		}
		if err := s.fields[i].merge(f); err != nil {
			return fmt.Errorf("%s.%s: %w", s.name, f.name, err)
		}
	}
	return nil
}

// merge combines what two methods say about one member of a shared type. It returns an
// error if the two could be read or written differently.
func (f *qimenField) merge(g *qimenField) error {
	switch {
	case f.typ != g.typ:
		return fmt.Errorf("%s here, %s before", g.typ, f.typ)
	case f.name != g.name:
		return fmt.Errorf("named %s here, %s before", g.name, f.name)
	case f.xml != g.xml:
		return fmt.Errorf("XML %s here, %s before", g.xml, f.xml)
	case f.src.Quoted != g.src.Quoted:
		return fmt.Errorf("quoted %t here, %t before", g.src.Quoted, f.src.Quoted)
	case (f.src.Type == "date") != (g.src.Type == "date"):
		return fmt.Errorf("%s here, %s before", g.src.Type, f.src.Type)
	case f.pii != g.pii:
		return fmt.Errorf("personal data %t here, %t before", g.pii, f.pii)
	}
	f.required += g.required
	f.inRequest = f.inRequest || g.inRequest
	f.always = f.always || g.always
	if f.inferred && !g.inferred || len(g.src.EN) < len(f.src.EN) && f.inferred == g.inferred {
		f.src = g.src // the clearer text
	}
	f.inferred = f.inferred && g.inferred
	return nil
}

// qimenTypes are the Go types of members without members of their own.
var qimenTypes = map[string]string{
	"string": "string", "int": "int64", "bool": "bool", "decimal": "decimal.Decimal", "time": "time.Time", "date": "time.Time",
	"commas": "jushuitan.CommaList", "map": "map[string]string", "any": "json.RawMessage", "[]any": "[]json.RawMessage",
	"[]string": "[]string", "[]int": "[]int64",
}

func (a *qimenAPI) field(m *qimen.Method, s *qimenStruct, n *qimenNode, side string) (*qimenField, error) {
	src := n.field
	f := &qimenField{
		wire: n.leaf, name: src.Go, src: src, xml: n.leaf, pii: src.PII, always: src.Always, inferred: src.Inferred,
		inRequest: side == "request",
	}
	if f.name == "" {
		f.name = goName(n.leaf)
	}
	if src.Required {
		f.required = 1
	}
	if src.Child != "" {
		f.xml += ">" + src.Child
	}
	if err := checkType(src, len(n.children)); err != nil {
		return nil, err
	}
	if strings.HasSuffix(src.Type, "object") {
		if err := a.child(m, s, n, f, side); err != nil {
			return nil, err
		}
	}
	switch {
	case src.Enum != "":
		f.typ = src.Enum
	case src.Type == "[]object":
		f.typ = "[]" + f.child
	case src.Type == "object" && src.Value:
		f.typ = f.child
	case src.Type == "object":
		f.typ = "*" + f.child
	default:
		if f.typ = qimenTypes[src.Type]; f.typ == "" {
			return nil, fmt.Errorf("%s: type %q", src.Name, src.Type)
		}
	}
	if src.Pointer {
		f.typ = "*" + f.typ
	}
	return f, nil
}

// checkType ensures that the type of a member agrees with what else is said about it.
func checkType(src *qimen.Field, members int) error {
	switch list := strings.HasPrefix(src.Type, "[]"); {
	case list != strings.HasSuffix(src.Name, "[]") && src.Type != "[]int":
		return fmt.Errorf("%s is of type %s", src.Name, src.Type)
	case members > 0 != strings.HasSuffix(src.Type, "object"):
		return fmt.Errorf("%s is of type %s and has %d members", src.Name, src.Type, members)
	case src.Enum != "" && src.Type != "string":
		return fmt.Errorf("%s is of type %s and has an enumeration", src.Name, src.Type)
	}
	return nil
}

// child declares the type of a member that is an object or a list of them.
func (a *qimenAPI) child(m *qimen.Method, s *qimenStruct, n *qimenNode, f *qimenField, side string) error {
	f.child = f.src.Of
	if f.child == "" {
		base := s.name
		if base == m.Go.Request || base == m.Go.Response {
			base = m.Go.Name
		}
		f.child = base + singular(f.name)
	}
	if f.child == m.Go.Request || f.child == m.Go.Response {
		return fmt.Errorf("%s: its type %s is taken: name another with of", f.src.Name, f.child)
	}
	c := a.declare(f.child, m)
	if c.doc == "" {
		c.doc = fmt.Sprintf("%s is %s of [%s]: %s.", f.child, f.name, s.name, f.src.EN)
		if sh := a.shared[f.child]; sh != nil {
			c.doc = fmt.Sprintf("%s %s: %s.", f.child, sh.ZH, sh.EN)
		}
	}
	return a.fill(m, c, n.children, side)
}

// keysExist checks that the parts of a key are members.
func (a *qimenAPI) keysExist() error {
	for _, f := range a.families {
		for _, m := range f.Methods {
			for _, k := range m.Key {
				if m.Go.Request == "" {
					return fmt.Errorf("%s: a key without a request type", m.Method)
				}
				if _, err := a.keyPath(a.structs[m.Go.Request], k); err != nil {
					return fmt.Errorf("%s: %w", m.Method, err)
				}
			}
		}
	}
	return nil
}

// keyPath finds the fields along a path of wire names.
func (a *qimenAPI) keyPath(s *qimenStruct, path string) ([]*qimenField, error) {
	var out []*qimenField
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "?"), ".") {
		if s == nil {
			return nil, fmt.Errorf("key %s: nothing is below %s", path, out[len(out)-1].wire)
		}
		i := slices.IndexFunc(s.fields, func(f *qimenField) bool { return f.wire == strings.TrimSuffix(part, "[]") })
		if i < 0 || strings.HasPrefix(s.fields[i].typ, "[]") != strings.HasSuffix(part, "[]") {
			return nil, fmt.Errorf("key %s: %s has no %s", path, s.name, part)
		}
		out = append(out, s.fields[i])
		s = a.structs[s.fields[i].child]
	}
	return out, nil
}
