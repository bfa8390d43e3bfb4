package main

import (
	"slices"
	"strings"
)

// locatorType returns the name of the type that locates the fields of a struct for package
// wire, which finds it as the type of a blank field.
func locatorType(s *goStruct) string { return strings.ToLower(s.name[:1]) + s.name[1:] + "Fields" }

// locatorsFile writes where the fields of requests and answers are, since package wire would
// otherwise locate them by reflection, at a multiple of the cost.
func (a *api) locatorsFile() string {
	var w writer
	for _, s := range a.order {
		if locatable(s) {
			w.locator(s)
		}
	}
	return header + w.String()
}

// locatable reports whether a struct has a locator: it has fields.
func locatable(s *goStruct) bool { return len(s.fields) > 0 }

// perLine is the number of fields in a line.
const perLine = 5

func (w *writer) locator(s *goStruct) {
	w.f("type %s struct{}\n", locatorType(s))
	w.f("func (%s) Locate(v any, to []any) []any {", locatorType(s))
	w.f("s := v.(*%s)", s.name)
	w.f("return append(to,")
	for fields := range slices.Chunk(s.fields, perLine) {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = "&s." + f.name
		}
		w.f("%s,", strings.Join(names, ", "))
	}
	w.f(")\n}\n")
}
