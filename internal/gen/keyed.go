package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// notNames lists members of keys that say where a document is or what kind it is, but do
// not identify it.
var notNames = []string{"shop_id", "wms_co_id", "supplier_id", "type"}

// naming is the set of members of a keyed request that identify its documents: its own, or
// those of the rows of its lists. Any one of them is enough.
type naming struct {
	list    *goField // nil: of the document itself
	members []*goField
}

// namings returns what identifies the documents of a keyed operation's request.
func (a *api) namings(op *catalog.Operation) ([]naming, error) {
	req := a.structs[op.Go.Request]
	if req == nil {
		return nil, fmt.Errorf("a keyed operation without a request type")
	}
	members := func(s *goStruct) (out []*goField) {
		for _, name := range op.Key {
			if f := s.field(name); f != nil && !slices.Contains(notNames, name) {
				out = append(out, f)
			}
		}
		return out
	}
	if own := members(req); own != nil {
		return []naming{{members: own}}, nil
	}
	var out []naming
	for _, f := range req.fields {
		if !strings.HasPrefix(f.typ, "[]") || f.child == "" {
			continue
		}
		if rows := members(a.structs[f.child]); rows != nil {
			out = append(out, naming{list: f, members: rows})
		}
	}
	if out == nil {
		return nil, fmt.Errorf("no member of %s or of its lists is of the key %s", req.name, strings.Join(op.Key, ", "))
	}
	return out, nil
}

// checkKeyed ensures that no two operations share a request type but have different keys.
func (a *api) checkKeyed(op *catalog.Operation) error {
	if op.Effect != "keyed" {
		return nil
	}
	if _, err := a.namings(op); err != nil {
		return err
	}
	other := a.keyedBy[op.Go.Request]
	if other != nil && (!slices.Equal(other.Key, op.Key) || other.UnsafeWhen != op.UnsafeWhen) {
		return fmt.Errorf("%s has another key in %s", op.Go.Request, other.Path)
	}
	if other == nil {
		a.keyedBy[op.Go.Request] = op
	}
	return nil
}

// keyed writes whether every document of a request is identified.
func (a *api) keyed(w *writer, op *catalog.Operation) {
	if a.keyedBy[op.Go.Request] != op {
		return
	}
	names, _ := a.namings(op)
	if names[0].list == nil {
		text := "keyed reports whether " + wires(names[0].members) + " is set"
		expr := anyFilled("r", names[0].members)
		if flag := op.UnsafeWhen; flag != "" {
			text += " and " + flag + ", which makes a repeat unsafe, is not"
			if len(names[0].members) > 1 {
				expr = "(" + expr + ")"
			}
			expr += " && !" + a.accessor(a.structs[op.Go.Request], "r", flag)
		}
		w.comment("", text+".")
		w.f("func (r *%s) keyed() bool { return %s }\n", op.Go.Request, expr)
		return
	}
	var each []string
	for _, n := range names {
		each = append(each, wires(n.members)+" is set in every row of "+n.list.wire)
	}
	w.comment("", "keyed reports whether "+strings.Join(each, " and ")+".")
	w.f("func (r *%s) keyed() bool {", op.Go.Request)
	for _, n := range names {
		w.f("for i := range r.%s {\nif %s {\nreturn false\n}\n}", n.list.name, noneFilled("r."+n.list.name+"[i]", n.members))
	}
	w.f("return true\n}\n")
}

// keyedFunc is the value of an operation's member keyed.
func keyedFunc(op *catalog.Operation) string {
	switch {
	case op.Effect != "keyed" || op.Go.Auth:
		return ""
	case op.Biz == "array":
		return "keyedRows[" + op.Go.Request + "]"
	default:
		return "keyedRequest[" + op.Go.Request + "]"
	}
}

func wires(members []*goField) string {
	names := make([]string, len(members))
	for i, f := range members {
		names[i] = f.wire
	}
	return strings.Join(names, " or ")
}

func anyFilled(v string, members []*goField) string {
	parts := make([]string, len(members))
	for i, f := range members {
		parts[i] = filled(v+"."+f.name, f.typ, true)
	}
	return strings.Join(parts, " || ")
}

func noneFilled(v string, members []*goField) string {
	parts := make([]string, len(members))
	for i, f := range members {
		parts[i] = filled(v+"."+f.name, f.typ, false)
	}
	return strings.Join(parts, " && ")
}

// filled is the condition that a member holds a value, or that it holds none.
func filled(expr, typ string, yes bool) string {
	switch {
	case typ == "string" && yes:
		return "!blank(" + expr + ")"
	case typ == "string":
		return "blank(" + expr + ")"
	case typ == "int64" && yes:
		return expr + " != 0"
	case typ == "int64":
		return expr + " == 0"
	case yes:
		return "len(" + expr + ") > 0"
	default:
		return "len(" + expr + ") == 0"
	}
}
