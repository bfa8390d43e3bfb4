package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// evidenceEntry writes what proves a write.
func evidenceEntry(w *writer, op *catalog.Operation) {
	e := op.Evidence
	if e == nil {
		return
	}
	w.f("evidence: &evidence{")
	texts := func(messages []catalog.Message) (out []string) {
		for _, m := range messages {
			out = append(out, m.Text)
		}
		return out
	}
	for _, m := range []struct{ name, value string }{
		{"of", e.Of}, {"done", e.Done}, {"failed", e.Failed}, {"reason", e.Reason}, {"key", rowKey(op)},
	} {
		if m.value != "" {
			w.f("%s: %q,", m.name, m.value)
		}
	}
	for _, m := range []struct {
		name string
		list []string
	}{
		{"flags", e.Flags}, {"rootFlags", e.Root}, {"codes", e.Codes}, {"ids", e.IDs}, {"values", e.Values},
		{"messages", texts(e.Messages)}, {"refusals", texts(e.Refusals)},
	} {
		if m.list != nil {
			w.f("%s: %#v,", m.name, m.list)
		}
	}
	w.f("},")
}

// readBackEntry writes the query that shows whether a write was applied.
func readBackEntry(w *writer, op *catalog.Operation, queries map[string]*catalog.Operation) {
	r := op.ReadBack
	if r == nil {
		return
	}
	q := queries[r.Operation]
	w.f("readBack: &readBack{\nquery: op%s,", strings.ReplaceAll(r.Operation, ".", ""))
	if len(r.Ask) > 0 {
		w.f("ask: []ask{")
		for _, name := range slices.Sorted(maps.Keys(r.Ask)) {
			f := q.RequestField(name)
			w.f("{%q, %q, %d},", name, r.Ask[name], mostOf(f))
		}
		w.f("},")
	}
	valuesEntry(w, "with", r.With)
	pairsEntry(w, "key", r.Key)
	for _, flag := range []struct {
		name string
		set  bool
	}{{"creates", r.Creates}, {"hidden", r.Hidden}, {"fresh", r.Fresh}, {"together", r.Together}} {
		if flag.set {
			w.f("%s: true,", flag.name)
		}
	}
	if r.Made != "" {
		w.f("made: %q,", r.Made)
	}
	valuesEntry(w, "count", r.Count)
	w.f("readEffect: readEffect{")
	effectEntry(w, &r.Effect)
	w.f("},")
	if len(r.Cases) > 0 {
		w.f("cases: []readCase{")
		for i := range r.Cases {
			w.f("{")
			w.f("when: map[string][]string%s,", valuesText(r.Cases[i].If))
			w.f("readEffect: readEffect{")
			effectEntry(w, &r.Cases[i].Effect)
			w.f("},\n},")
		}
		w.f("},")
	}
	w.f("},")
}

// byName returns the operations by their names.
func (a *api) byName() map[string]*catalog.Operation {
	out := map[string]*catalog.Operation{}
	for _, g := range a.groups {
		for _, op := range g.Operations {
			out[op.Name()] = op
		}
	}
	return out
}

// readers writes which queries read writes back: as a function, so that a program that does
// not settle writes holds none of them.
func (a *api) readers(w *writer) {
	queries := map[string]bool{}
	for _, g := range a.groups {
		for _, op := range g.Operations {
			if op.ReadBack != nil {
				queries[strings.ReplaceAll(op.ReadBack.Operation, ".", "")] = true
			}
		}
	}
	w.f("// readerOf returns the iterator over the rows of a query that reads writes back, nil if the")
	w.f("// query does not.")
	w.f("func readerOf(query *Operation) rowReader {\nswitch query {")
	for _, q := range slices.Sorted(maps.Keys(queries)) {
		w.f("case op%s:\nreturn readRows(pages%s)", q, q)
	}
	w.f("}\nreturn nil\n}\n")
}

// mostOf returns how many values a filter takes: 0 for one, and what no source states is
// what most queries take.
func mostOf(f *catalog.Field) int {
	if f.Type != "commas" && !strings.HasPrefix(f.Type, "[]") {
		return 0
	}
	return cmp.Or(f.MaxItems, 20)
}

func effectEntry(w *writer, e *catalog.Effect) {
	pairsEntry(w, "same", e.Same)
	if len(e.How) > 0 {
		w.f("how: %#v,", e.How)
	}
	valuesEntry(w, "proof", e.Proof)
	valuesEntry(w, "undone", e.Undone)
	valuesEntry(w, "before", e.Before)
	if e.Unproven != "" {
		w.f("unproven: %q,", e.Unproven)
	}
}

func pairsEntry(w *writer, name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	var parts []string
	for _, n := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("{%q, %q}", n, m[n]))
	}
	w.f("%s: [][2]string{%s},", name, strings.Join(parts, ", "))
}

func valuesEntry(w *writer, name string, m map[string][]string) {
	if len(m) > 0 {
		w.f("%s: map[string][]string%s,", name, valuesText(m))
	}
}

func valuesText(m map[string][]string) string {
	var parts []string
	for _, n := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%q: {%s}", n, strings.Join(quoted(m[n]), ", ")))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return out
}

// settleDoc says how the outcome of a write can be found out.
func settleDoc(op *catalog.Operation) string {
	r := op.ReadBack
	if r == nil {
		return "Settle: no query that is known shows whether it was applied; ask in Jushuitan."
	}
	text := "Settle: [Client.Settle] reads back " + r.Operation
	if len(r.Ask) > 0 {
		text += " by " + strings.Join(slices.Sorted(maps.Keys(r.Ask)), ", ")
	} else {
		text += " by time"
	}
	var must []string
	must = append(must, slices.Sorted(maps.Keys(r.Same))...)
	for _, name := range slices.Sorted(maps.Keys(r.Proof)) {
		must = append(must, name+" "+strings.Join(r.Proof[name], " or "))
	}
	switch {
	case r.Fresh:
		text += "; a document newer than the write must show " + strings.Join(must, ", ")
	case r.Creates && r.Made != "":
		text += "; the document must be newer than the write, or show the same " + strings.Join(must, ", ")
	case len(must) > 0:
		text += "; it must show " + strings.Join(must, ", ")
	}
	for i := range r.Cases {
		if why := r.Cases[i].Unproven; why != "" {
			text += "; in some cases " + why
		}
	}
	return text + "."
}

// rowKey returns the member that identifies a row in the answer to a write that is not an
// upload.
func rowKey(op *catalog.Operation) string {
	if op.Evidence.Of == "row" && op.Fail != nil {
		return op.Fail.Key
	}
	return ""
}
