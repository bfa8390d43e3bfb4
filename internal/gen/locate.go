package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// locatorType returns the name of the type that locates the fields of a struct for package
// wire, which finds it as the type of a blank field.
func locatorType(name string) string { return strings.ToLower(name[:1]) + name[1:] + "Fields" }

// pushFile has the structs of pushes, which are written by hand.
const pushFile = "push.go"

// locatorsFile writes where the fields of requests and answers are, and of the structs in a
// file by hand, since package wire would otherwise locate them by reflection, at a multiple of
// the cost.
func (a *api) locatorsFile(byHand string) (string, error) {
	var w writer
	for _, s := range a.order {
		if !locatable(s) {
			continue
		}
		names := make([]string, len(s.fields))
		for i, f := range s.fields {
			names[i] = f.name
		}
		w.locator(s.name, names)
	}
	file, err := parser.ParseFile(token.NewFileSet(), byHand, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for n := range ast.Preorder(file) {
		if t, ok := n.(*ast.TypeSpec); ok {
			if names := markedFields(t); names != nil {
				w.locator(t.Name.Name, names)
			}
		}
	}
	return header + w.String(), nil
}

// markedFields returns the fields of a struct whose first field, a blank one, asks for a locator.
func markedFields(t *ast.TypeSpec) (names []string) {
	s, ok := t.Type.(*ast.StructType)
	if !ok || len(s.Fields.List) == 0 {
		return nil
	}
	mark, ok := s.Fields.List[0].Type.(*ast.Ident)
	if !ok || mark.Name != locatorType(t.Name.Name) {
		return nil
	}
	for _, f := range s.Fields.List[1:] {
		if !strings.Contains(f.Tag.Value, ",embed") {
			names = append(names, f.Names[0].Name)
		}
	}
	return names
}

// locatable reports whether a struct has a locator: it has fields.
func locatable(s *goStruct) bool { return len(s.fields) > 0 }

// perLine is the number of fields in a line.
const perLine = 5

func (w *writer) locator(typ string, fields []string) {
	w.f("type %s struct{}\n", locatorType(typ))
	w.f("func (%s) Locate(v any, to []any) []any {", locatorType(typ))
	w.f("s := v.(*%s)", typ)
	w.f("return append(to,")
	for names := range slices.Chunk(fields, perLine) {
		w.f("&s.%s,", strings.Join(names, ", &s."))
	}
	w.f(")\n}\n")
}
