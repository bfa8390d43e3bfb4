package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// patchOperation is what would change in an operation's entry of the catalog: fields to add or
// to replace, and notes to add.
type patchOperation struct {
	Path     string           `json:"path"`
	Notes    []string         `json:"notes,omitempty"`
	Response []*catalog.Field `json:"response,omitempty"`
}

type patchGroup struct {
	Group      string           `json:"group"`
	Operations []patchOperation `json:"operations"`
}

// patches returns the lines of the catalog that would describe what was seen. New fields lack
// the label and the meaning, which no answer shows.
func patches(results []*result, at time.Time) []patchGroup {
	source := "answers of an account, " + at.Format(time.DateOnly)
	var out []patchGroup
	for _, r := range results {
		op := patchOperation{Path: r.Path}
		for _, f := range r.Findings {
			switch {
			case strings.Contains(f.Path, every) && f.line != nil && f.line.Sources == nil: // named by data
			case f.line != nil:
				op.Response = addLine(op.Response, f, source)
			case inCatalog[f.Kind]:
				op.Notes = append(op.Notes, f.String()+" ("+source+")")
			}
		}
		if op.Response == nil && op.Notes == nil {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Group != r.op.Group {
			out = append(out, patchGroup{Group: r.op.Group})
		}
		g := &out[len(out)-1]
		g.Operations = append(g.Operations, op)
	}
	return out
}

// inCatalog are the kinds of findings that the catalog describes in words.
var inCatalog = map[string]bool{
	kindPlace: true, kindRows: true, kindVerdict: true, kindTime: true, kindPages: true, kindRefusal: true,
	kindOther: true, kindValue: true, kindSpelling: true, kindUnread: true,
}

// addLine adds the line of a finding; two findings about one field make one line.
func addLine(lines []*catalog.Field, f *finding, source string) []*catalog.Field {
	line := *f.line
	if f.Kind == kindUnknown {
		line.EN = "undocumented; JSON " + f.Seen
		line.Sources = []string{source}
	}
	i := slices.IndexFunc(lines, func(l *catalog.Field) bool { return l.Name == line.Name })
	if i < 0 {
		return append(lines, &line)
	}
	for _, v := range line.Values {
		if !slices.Contains(lines[i].Values, v) {
			lines[i].Values = append(lines[i].Values, v)
		}
	}
	if f.Kind == kindOther {
		lines[i].Wire, lines[i].Quoted, lines[i].OrObject = line.Wire, line.Quoted, line.OrObject
	}
	return lines
}

// writePatch writes the groups as the files of the catalog are written: one field a line.
func writePatch(out *bytes.Buffer, groups []patchGroup) error {
	out.WriteString("[\n")
	for i, g := range groups {
		fmt.Fprintf(out, " {\"group\": %q, \"operations\": [\n", g.Group)
		for j, op := range g.Operations {
			fmt.Fprintf(out, "  {\n   \"path\": %q", op.Path)
			if len(op.Notes) > 0 {
				if err := writeLines(out, "notes", op.Notes); err != nil {
					return err
				}
			}
			if len(op.Response) > 0 {
				if err := writeLines(out, "response", op.Response); err != nil {
					return err
				}
			}
			out.WriteString("\n  }" + comma(j, len(g.Operations)) + "\n")
		}
		out.WriteString(" ]}" + comma(i, len(groups)) + "\n")
	}
	out.WriteString("]\n")
	return nil
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

func writeLines[T any](out *bytes.Buffer, name string, lines []T) error {
	fmt.Fprintf(out, ",\n   %q: [\n", name)
	for i, l := range lines {
		var plain bytes.Buffer
		enc := json.NewEncoder(&plain)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(l); err != nil {
			return err
		}
		text := jsontext.Value(bytes.TrimSpace(plain.Bytes()))
		if err := text.Format(jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true)); err != nil {
			return err
		}
		fmt.Fprintf(out, "    %s%s\n", text, comma(i, len(lines)))
	}
	out.WriteString("   ]")
	return nil
}
