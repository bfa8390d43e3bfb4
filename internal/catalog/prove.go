package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Proves reports whether an answer, decoded by [encoding/json] into an any, has one kind of
// the evidence of a write; if the evidence is in rows, the first row is checked.
func (op *Operation) Proves(answer any) bool {
	e, c := op.Evidence, &checker{op: op}
	data, at := walk(answer, "data"), walk(answer, strings.TrimSuffix(c.place(e.Of), "."))
	if list, ok := at.([]any); ok {
		if at = nil; len(list) > 0 {
			at = list[0]
		}
	}
	texts := []any{walk(answer, "msg")}
	if e.Of == "row" {
		texts = []any{walk(at, "msg"), walk(at, "message")}
	}
	says := func(in any, names []string, want string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(fmt.Sprint(walk(in, name)), want) })
	}
	return says(at, e.Flags, "true") || says(answer, e.Root, "true") || says(at, e.Codes, "0") ||
		slices.ContainsFunc(e.IDs, func(name string) bool { v := walk(at, name); return v != nil && v != "" }) ||
		slices.ContainsFunc(e.Values, func(form string) bool { return isForm(data, form) }) ||
		slices.ContainsFunc(e.Messages, func(m Message) bool { return slices.Contains(texts, any(m.Text)) }) ||
		e.Done != "" && !empty(walk(at, e.Done))
}

// empty reports whether a list has no rows, or whether a number of rows is 0.
func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || v == 0.0 || ok && len(list) == 0
}

// isForm reports whether data has one of the forms of [Evidence].Values.
func isForm(data any, form string) bool {
	switch data := data.(type) {
	case bool:
		return form == "true" && data
	case string:
		return form == "text" && data != ""
	case map[string]any:
		return form == "object"
	case []any:
		return form == "array"
	}
	return false
}

// walk returns the value at a path without [], or nil if there is none.
func walk(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		if m, ok := v.(map[string]any); ok && part != "" {
			v = m[part]
		} else if part != "" {
			return nil
		}
	}
	return v
}
