package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check finds what the entries leave undecided or contradict: sources, evidence and
// read-backs. Its error names each operation and what to add.
func Check(groups []*Group) error {
	byName := map[string]*Operation{}
	for _, g := range groups {
		for _, op := range g.Operations {
			byName[op.Name()] = op
		}
	}
	var errs []error
	for _, g := range groups {
		for _, op := range g.Operations {
			c := &checker{op: op}
			c.sources()
			c.fields()
			c.evidence()
			c.readBack(byName)
			errs = append(errs, c.errs...)
		}
		for _, t := range g.Titles {
			if t.TitleZH == "" || t.TitleEN == "" || t.Group == "" || t.Confidence != "low" || len(t.Sources) == 0 {
				errs = append(errs, fmt.Errorf("title %s without a path: needs title_zh, title_en, group, confidence low and sources", t.TitleZH))
			}
		}
	}
	return errors.Join(errs...)
}

// checker collects the problems of an operation.
type checker struct {
	op   *Operation
	errs []error
}

func (c *checker) add(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf(c.op.Path+": "+format, args...))
	}
}

func (c *checker) sources() {
	c.add(len(c.op.Sources) > 0, "needs sources")
	lists := map[string][]string{"the operation": c.op.Sources}
	for side, fields := range map[string][]*Field{"request": c.op.Request, "response": c.op.Response} {
		for _, f := range fields {
			lists[side+" "+f.Name] = c.op.SourcesOf(f)
			c.add(f.Sources == nil || len(f.Sources) > 0, "%s %s: sources is empty", side, f.Name)
		}
	}
	for of, list := range lists {
		seen := map[string]bool{}
		for _, s := range list {
			c.add(strings.TrimSpace(s) != "" && !seen[s], "sources of %s: %q is blank or a duplicate", of, s)
			seen[s] = true
		}
	}
}

func (c *checker) fields() {
	for _, f := range append(slices.Clone(c.op.Request), c.op.Response...) {
		c.add(!f.Inferred || !f.Required, "%s is required or inferred, not both", f.Name)
		c.add(!f.OrObject || f.Type == "[]object", "%s: or_object of a member that is no list of objects", f.Name)
	}
	c.add(!c.op.RowPayload || c.op.Rows != "", "row_payload without rows")
}

// payload returns the path of the payload: that of an operation without a type is in data.
func (c *checker) payload() string {
	if c.op.Go.Response == "" {
		return "data"
	}
	return c.op.Payload
}

// place returns where members of an answer are: a path without [], followed by a dot.
func (c *checker) place(of string) string {
	payload := ""
	if name := c.payload(); name != "" {
		payload = name + "."
	}
	row := payload
	if c.op.Rows != "" {
		row += c.op.Rows + "."
	}
	switch {
	case of == "row" && c.op.Rows == "" && c.op.Fail != nil:
		return payload + c.op.Fail.Rows + "."
	case of == "row":
		return row
	case of == "payload" || of == "lists":
		return payload
	}
	return ""
}

func (c *checker) evidence() {
	e := c.op.Evidence
	switch {
	case c.op.Effect == "read":
		c.add(e == nil && c.op.ReadBack == nil, "is a read: evidence and read_back are of writes")
		c.add(c.op.OKFlag == "" && !c.op.InnerCode && !c.op.FalseIsFailure && !c.op.NullIsFailure,
			"is a read: nothing reads its ok_flag, inner_code, false_data_is_failure or null_data_is_failure")
		return
	case e == nil:
		c.add(false, "needs evidence: what in the answer proves that the write was applied, or none and why")
		return
	case e.None != "":
		c.add(e.Of == "" && e.kinds() == 0 && len(e.Refusals) == 0, "evidence is none and something at once")
		return
	}
	c.add(slices.Contains([]string{"root", "payload", "row", "lists"}, e.Of), "evidence of %q: want root, payload, row or lists", e.Of)
	c.add((e.Of == "lists") == (e.Done != "" && e.Failed != ""), "evidence of lists needs done and failed, and no other has them")
	c.add(e.kinds() > 0, "evidence names nothing")
	c.members(e)
	for _, m := range append(slices.Clone(e.Messages), e.Refusals...) {
		c.add(m.Source != "", "evidence: the message %q needs its source", m.Text)
	}
	for _, form := range e.Values {
		c.add(c.dataIs(form), "evidence: data is no %s", form)
	}
	c.agree(e)
}

// members checks that the members named by the evidence are in the answer.
func (c *checker) members(e *Evidence) {
	at := c.place(e.Of)
	for _, name := range slices.Concat(e.IDs, e.Codes, nonempty(e.Done, e.Failed)) {
		c.add(has(c.op.Response, at+name), "evidence: the answer has no %s%s", at, name)
	}
	for _, name := range e.Flags {
		c.add(has(c.op.Response, at+name) || e.Of == "lists" && has(c.op.Response, at+e.Done+"."+name),
			"evidence: the answer has no %s%s", at, name)
	}
	for _, name := range e.Root {
		c.add(e.Of != "root" && has(c.op.Response, name), "evidence: the answer has no flag %s of the call", name)
	}
}

// kinds returns how many kinds of evidence there are.
func (e *Evidence) kinds() int {
	return len(e.Flags) + len(e.Root) + len(e.Codes) + len(e.IDs) + len(e.Values) + len(e.Messages) + len(nonempty(e.Done))
}

// dataIs reports whether data can have a form.
func (c *checker) dataIs(form string) bool {
	types := map[string][]string{
		"true": {"bool"}, "text": {"string"}, "object": {"object"}, "array": {"[]int", "[]string", "[]object"},
	}
	f := find(c.op.Response, "data")
	return f != nil && slices.Contains(types[form], f.Type)
}

// agree compares the evidence with what the entry says elsewhere.
func (c *checker) agree(e *Evidence) {
	if b := c.op.Batch; b != nil && b.OK != "" {
		c.add(e.Of == "row" && slices.Contains(e.Flags, b.OK), "evidence of rows lacks the flag %s of batch", b.OK)
	}
	if f := c.op.Fail; f != nil {
		c.add(e.Failed == f.Rows || f.OK != "" && e.Of == "row" && slices.Contains(e.Flags, f.OK), "evidence and fail name other rows")
	}
	if f := c.op.OKFlag; f != "" {
		c.add(slices.Contains(e.Flags, f) || len(e.Messages) > 0, "evidence lacks ok_flag %s", f)
	}
	c.add(!c.op.InnerCode || slices.Contains(e.Codes, "code"), "evidence lacks the code of inner_code")
	c.add(!c.op.FalseIsFailure || slices.Contains(e.Values, "true"), "evidence lacks the value true of false_data_is_failure")
	c.add(!c.op.NullIsFailure || len(e.Refusals) > 0, "evidence lacks the refusals of null_data_is_failure")
}

func (c *checker) readBack(byName map[string]*Operation) {
	r := c.op.ReadBack
	if r == nil {
		return
	}
	q := byName[r.Operation]
	if q == nil || q.Effect != "read" || q.Rows == "" {
		c.add(false, "read_back: %s is no query", r.Operation)
		return
	}
	row := (&checker{op: q}).place("row")
	c.add(len(r.Key) > 0, "read_back needs a key")
	c.add(len(r.Ask) > 0 || r.Fresh && q.Window != nil, "read_back without a filter needs fresh and a query by time")
	c.add(!r.Fresh || r.Creates, "read_back: fresh is of a write that creates")
	c.add(r.Made == "" || has(q.Response, row+r.Made), "read_back: a row of %s has no %s", q.Name(), r.Made)
	for name := range r.With {
		c.add(has(q.Request, name), "read_back: %s has no filter %s", q.Name(), name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Ask)) {
		c.add(has(q.Request, name), "read_back: %s has no filter %s", q.Name(), name)
		c.add(has(c.op.Request, r.Ask[name]), "read_back: the request has no %s", r.Ask[name])
	}
	c.pairs(q, row, r.Key)
	c.values(q, row, r.Count)
	c.effect(q, row, &r.Effect)
	told := r.Creates || r.tells()
	for i := range r.Cases {
		cs := &r.Cases[i]
		for name := range cs.If {
			c.add(has(c.op.Request, name), "read_back: the request has no %s", name)
		}
		c.effect(q, row, &cs.Effect)
		told = told || cs.tells()
	}
	c.add(told, "read_back needs what must be the same or what proves the write")
}

func (e *Effect) tells() bool { return len(e.Same) > 0 || len(e.Proof) > 0 }

// effect checks the members that an effect names.
func (c *checker) effect(q *Operation, row string, e *Effect) {
	c.pairs(q, row, e.Same)
	for _, m := range []map[string][]string{e.Proof, e.Undone, e.Before} {
		c.values(q, row, m)
	}
	for name, how := range e.How {
		other, isElse := strings.CutPrefix(how, "else ")
		c.add(isElse && has(q.Response, row+other) || slices.Contains([]string{"contains", "lacks", "ends", "magnitude", "warehouse"}, how),
			"read_back: how %q of %s", how, name)
		c.add(has(q.Response, row+name), "read_back: a row of %s has no %s", q.Name(), name)
	}
}

// pairs checks members of the row read and of the write.
func (c *checker) pairs(q *Operation, row string, m map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		c.add(has(q.Response, row+name), "read_back: a row of %s has no %s", q.Name(), name)
		c.add(has(c.op.Request, m[name]), "read_back: the request has no %s", m[name])
	}
}

// values checks members of the row read and the values that they may have.
func (c *checker) values(q *Operation, row string, m map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f := find(q.Response, row+name)
		c.add(f != nil && len(m[name]) > 0, "read_back: a row of %s has no %s, or no value of it is named", q.Name(), name)
		for _, v := range m[name] {
			c.add(f == nil || len(f.Values) == 0 || slices.Contains(f.Values, v), "read_back: %s of %s is never %s", name, q.Name(), v)
		}
	}
}

// find returns the member at a path without [], or nil if there is none.
func find(fields []*Field, path string) *Field {
	for _, f := range fields {
		if strings.ReplaceAll(f.Name, "[]", "") == path {
			return f
		}
	}
	return nil
}

func has(fields []*Field, path string) bool { return find(fields, path) != nil }

func nonempty(names ...string) []string {
	return slices.DeleteFunc(names, func(s string) bool { return s == "" })
}
