package jushuitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// match is how a row compares with what a write says.
type match int

const (
	same    match = iota
	unshown       // the row does not show it
	differs
)

// finding is what a row, or all rows of a document, prove about a write.
type finding struct {
	outcome Outcome // Unknown: they prove nothing
	final   bool    // reading again proves nothing more
	undone  bool
	why     string
}

// settled determines the outcome of a document, and reports it.
func (s *settling) settled(ctx context.Context, d *document) Settlement {
	out := Settlement{
		Op: s.op.Name(), Merchant: s.merchant, Index: d.index, Key: d.name(s.rb), Outcome: Unknown, Query: s.rb.query.Name(),
		Age: s.now.Sub(s.write.Ended),
	}
	f := s.judge(ctx, d)
	out.Outcome, out.Undone, out.Reason, out.Rows, out.Found = f.outcome, f.undone, f.why, d.rows, s.found(d)
	if f.outcome == Unknown && !f.final {
		out.Again = s.again
		if s.mature || d.err != nil {
			out.Again = s.now.Add(max(s.delay, time.Minute))
		}
	}
	if s.core.onOutcome != nil {
		s.core.onOutcome(OutcomeEvent{
			Op: out.Op, Merchant: out.Merchant, Settled: true, Outcome: out.Outcome, Undone: out.Undone, Found: out.Found, Age: out.Age, Again: out.Again,
		})
	}
	return out
}

// judge determines the outcome of a document.
func (s *settling) judge(ctx context.Context, d *document) finding {
	switch {
	case d.effect.unproven != "":
		return finding{Unknown, true, false, d.effect.unproven + " / 查询结果无法证明该写入"}
	case !d.asked:
		return finding{Unknown, true, false, "the request has no " + s.rb.names() + " to query by / 请求中没有可查询的单号"}
	case d.err != nil:
		return finding{outcome: Unknown, why: "cannot query: " + d.err.Error()}
	case d.silent:
		return finding{outcome: Unknown, why: "the answer has no list of rows or null rows, which does not prove that there are none / 响应缺少列表或含空行，不能视为没有单据"}
	case s.rb.fresh:
		return s.judgeFresh(d)
	case s.rb.hidden && d.loose:
		return finding{Unknown, true, false, "the query returned other documents too, and rows do not show their number / 查询返回了其他单据，且行内没有单号"}
	case len(d.rows) == 0:
		return s.absent(ctx, d)
	case s.rb.creates:
		return s.judgeCreated(d)
	}
	return s.bestState(d)
}

// bestState decides by the state that the rows of a document show: one row that has what was
// written is enough.
func (s *settling) bestState(d *document) finding {
	var best finding
	for i, row := range d.rows {
		f := s.judgeState(d, row)
		if i == 0 || f.outcome == Applied || f.outcome == Unknown && best.outcome == NotApplied {
			best = f
		}
		if f.outcome == Applied {
			break
		}
	}
	return best
}

// later returns a finding of NotApplied once absence is evidence, and of Unknown before.
func (s *settling) later(why string) finding {
	if !s.mature {
		return finding{outcome: Unknown, why: why + "; it may become visible late / 可能尚未可见，请稍后再核实"}
	}
	return finding{NotApplied, true, false, fmt.Sprintf("%s %s after the write / 写入后仍未生效", why, s.now.Sub(s.write.Ended).Round(time.Second))}
}

// absent decides about a document that the query does not return.
func (s *settling) absent(ctx context.Context, d *document) finding {
	switch {
	case !s.rb.creates && !s.mature:
		return finding{outcome: Unknown, why: "the query does not return the document / 查询未返回该单据"}
	case !s.rb.creates:
		return finding{Unknown, true, false, "the query does not return the document, so its state is not visible / 查询未返回该单据，无法得知状态"}
	case s.rb.hidden && s.mature: // a row without a number may be this document
		r := s.since(ctx)
		if r.err != nil || r.silent {
			return finding{outcome: Unknown, why: fmt.Sprintf("cannot query what has changed: %v / 无法查询变更的单据", r.err)}
		}
		d.rows = slices.DeleteFunc(slices.Clone(r.rows), func(row json.RawMessage) bool { return !s.maybe(d, row) })
		if len(d.rows) > 0 {
			return finding{Unknown, true, false, "a document without a number has the same lines / 存在内容相同但未显示单号的单据"}
		}
	}
	return s.later("no such document")
}

// maybe reports whether a row that does not show the number of a document may be it.
func (s *settling) maybe(d *document, row json.RawMessage) bool {
	at, ok := s.timeOf(row, "modified")
	lines, _ := s.lines(d, []json.RawMessage{row})
	differing, _ := s.scalars(d, row)
	return s.isOf(d, row) && !(ok && at.Before(s.low)) && lines != differs && len(differing) == 0 && has(row, s.rb.count) != differs
}

// judgeCreated decides about documents with the key of one that the write creates.
func (s *settling) judgeCreated(d *document) finding {
	undone := !slices.ContainsFunc(d.rows, func(row json.RawMessage) bool { return !d.isUndone(row) })
	for _, row := range d.rows {
		if made, ok := s.timeOf(row, s.rb.made); ok && !made.Before(s.high) {
			return finding{Applied, true, undone, "the document was made after the write began"}
		}
	}
	result, what := s.lines(d, d.rows)
	if !s.rb.together { // each document stands for itself
		for _, row := range d.rows {
			if m, _ := s.lines(d, []json.RawMessage{row}); m < result {
				result = m
			}
		}
	}
	differing, hidden := sorted(result, what, nil, nil)
	dif, hid := s.scalars(d, d.rows[0])
	for _, row := range d.rows[1:] { // one document that has everything is enough
		if d2, h2 := s.scalars(d, row); len(d2)+len(h2) < len(dif)+len(hid) {
			dif, hid = d2, h2
		}
	}
	differing, hidden = append(differing, dif...), append(hidden, hid...)
	switch {
	case len(differing)+len(hidden) == 0:
		return finding{Applied, true, undone, "the document has the number and what was sent"}
	case s.untouched(d.rows):
		return s.later("the document was not changed since the write began")
	case !s.mature:
		return finding{outcome: Unknown, why: notSame(differing, hidden)}
	}
	return finding{Unknown, true, false, notSame(differing, hidden)}
}

// sorted appends a name to the names that differ or to those that are not shown.
func sorted(m match, name string, differing, hidden []string) (dif, hid []string) {
	switch m {
	case differs:
		differing = append(differing, name)
	case unshown:
		hidden = append(hidden, name)
	}
	return differing, hidden
}

func notSame(differing, hidden []string) string {
	if len(differing) > 0 {
		return "the document was changed since the write began, and differs in " + strings.Join(differing, ", ") + " / 单据内容与写入不一致，且之后有过变更"
	}
	return "the query does not show " + strings.Join(hidden, ", ") + " / 查询结果未显示这些字段"
}

// judgeState decides about a document whose state a write changes.
func (s *settling) judgeState(d *document, row json.RawMessage) finding {
	differing, hidden := s.scalars(d, row)
	if m, what := s.lines(d, []json.RawMessage{row}); m != same {
		differing, hidden = sorted(m, what, differing, hidden)
	}
	state := has(row, d.effect.proof)
	equal := len(differing)+len(hidden) == 0
	switch {
	case equal && state == same:
		return finding{Applied, true, false, "the document shows what was written"}
	case equal && d.isUndone(row):
		return finding{Applied, true, true, "the write was applied and undone since"}
	case len(d.effect.before) > 0 && has(row, d.effect.before) == same:
		return s.later("the document still has its state of before")
	case s.untouched([]json.RawMessage{row}):
		return s.later("the document was not changed since the write began")
	}
	if state != same {
		differing, hidden = sorted(state, strings.Join(slices.Sorted(maps.Keys(d.effect.proof)), ", "), differing, hidden)
	}
	return finding{Unknown, s.mature && !isPending(row, d.effect.proof), false, notSame(differing, hidden)}
}

// isPending reports whether a row is in a state that changes without another write: an
// external warehouse or a preparation step confirms it.
func isPending(row json.RawMessage, proof map[string][]string) bool {
	for name := range proof {
		if text, _ := plain(find(row, name)); strings.HasSuffix(text, "Confirming") {
			return true
		}
	}
	return false
}

// judgeFresh finds the document of a write that no number names: newer than the write, and
// with its lines.
func (s *settling) judgeFresh(d *document) finding {
	own, near := s.newer(d)
	if m, _ := s.lines(d, near); len(own) == 0 && len(near) > 1 && s.rb.together && m == same {
		d.rows = near
		return finding{Applied, true, false, "documents newer than the write have its lines together"}
	}
	switch {
	case len(own) == 1:
		d.rows = own
		return finding{Applied, true, d.isUndone(own[0]), "a document newer than the write has its lines"}
	case len(own) > 1:
		d.rows = own
		return finding{Unknown, s.mature, false, fmt.Sprintf("%d documents newer than the write have its lines, and none names it / 有多张内容相同的新单据", len(own))}
	case len(near) > 0:
		d.rows = near
		return finding{Unknown, s.mature, false, "a document newer than the write has its SKUs but shows other quantities / 存在商品相同但数量不同的新单据"}
	}
	d.rows = nil
	return s.later("no document newer than the write has its lines")
}

// newer returns the rows newer than the write that have its lines, and those that may be its
// document although they do not show the same.
func (s *settling) newer(d *document) (own, near []json.RawMessage) {
	for _, row := range d.rows {
		at, ok := s.timeOf(row, s.rb.made)
		if !ok {
			at, ok = s.timeOf(row, "modified")
		}
		if !s.isOf(d, row) || ok && at.Before(s.low) {
			continue
		}
		differing, hidden := s.scalars(d, row)
		m, what := s.lines(d, []json.RawMessage{row})
		differing, hidden = sorted(m, what, differing, hidden)
		switch {
		case len(differing)+len(hidden) == 0 && ok:
			own = append(own, row)
		case len(differing) == 0 || s.isNear(d, row):
			near = append(near, row)
		}
	}
	return own, near
}

// isNear reports whether a row has the SKUs of a document, or with together some of them.
func (s *settling) isNear(d *document, row json.RawMessage) bool {
	want, got := s.keysOf(d, nil), s.keysOf(d, row)
	if len(got) == 0 {
		return true
	}
	for k := range got {
		if !want[k] {
			return false
		}
	}
	return len(got) == len(want) || s.rb.together
}

// keysOf returns the SKUs of the lines of a row, or of the write if row is nil.
func (s *settling) keysOf(d *document, row json.RawMessage) map[string]bool {
	out := map[string]bool{}
	for _, pair := range d.effect.same {
		list, name, ok := strings.Cut(pair[0], ".")
		if !ok || isQuantity(name) {
			continue
		}
		lines := spread(find(row, list))
		if row == nil {
			lines, name = d.lines(pair[1])
		}
		for _, line := range lines {
			if text, ok := plain(find(line, name)); ok {
				out[text] = true
			}
		}
	}
	return out
}

// found counts the documents that match.
func (s *settling) found(d *document) int {
	n := 0
	for _, row := range d.rows {
		if has(row, s.rb.count) == same {
			n++
		}
	}
	if n == 0 {
		return len(d.rows)
	}
	return n
}

// untouched reports whether rows show that they were last changed before the write began.
func (s *settling) untouched(rows []json.RawMessage) bool {
	for _, row := range rows {
		if at, ok := s.timeOf(row, "modified"); !ok || !at.Before(s.low) {
			return false
		}
	}
	return true
}

func (s *settling) timeOf(row json.RawMessage, name string) (time.Time, bool) {
	if name == "" {
		return time.Time{}, false
	}
	text, ok := plain(find(row, name))
	if !ok {
		return time.Time{}, false
	}
	at, err := wire.ParseTime(text)
	return at, err == nil && !at.IsZero()
}

// isUndone reports whether a row shows that the write was applied and undone since.
func (d *document) isUndone(row json.RawMessage) bool {
	return len(d.effect.undone) > 0 && has(row, d.effect.undone) == same
}

// has reports whether each member of a row has one of its accepted values.
func has(row json.RawMessage, values map[string][]string) match {
	for name, list := range values {
		text, ok := plain(find(row, name))
		switch {
		case !ok:
			return unshown
		case !slices.Contains(list, text):
			return differs
		}
	}
	return same
}

// scalars compares the members of a row that are in no list, and returns those that differ
// and those that the row does not show. What was not sent is not compared.
func (s *settling) scalars(d *document, row json.RawMessage) (differing, hidden []string) {
	for _, pair := range d.effect.same {
		if strings.Contains(pair[0], ".") {
			continue
		}
		want := d.value(pair[1])
		list, isText := plain(want)
		if !isText && (len(want) == 0 || want[0] != '[') || isText && strings.TrimSpace(list) == "" {
			continue
		}
		differing, hidden = sorted(s.scalar(d, pair[0], row, want), pair[0], differing, hidden)
	}
	return differing, hidden
}

// scalar compares one member of a row.
func (s *settling) scalar(d *document, name string, row, want json.RawMessage) match {
	got := find(row, name)
	if other, ok := strings.CutPrefix(d.effect.how[name], "else "); ok {
		if _, shown := plain(got); !shown {
			got = find(row, other)
		}
	}
	if len(got) == 0 || got[0] == 'n' {
		return unshown
	}
	if s.equal(d, name, row, got, want) {
		return same
	}
	if text, _ := plain(got); text == "" && got[0] != '[' {
		return unshown
	}
	return differs
}

// equal compares a member of a row with one of the write, in the manner that is stated for
// it.
func (s *settling) equal(d *document, name string, row, got, want json.RawMessage) bool {
	switch how := d.effect.how[name]; how {
	case "contains", "lacks":
		return matchesList(how, got, want)
	case "ends":
		g, _ := plain(got)
		w, _ := plain(want)
		return strings.HasSuffix(strings.TrimSpace(g), strings.TrimSpace(w))
	case "warehouse":
		if text, _ := plain(got); text == "0" {
			got = find(row, "co_id")
		}
	}
	return equalValues(got, want)
}

func matchesList(how string, got, want json.RawMessage) bool {
	var g, w CommaList
	if g.UnmarshalJSON(got) != nil || w.UnmarshalJSON(want) != nil {
		return false
	}
	return !slices.ContainsFunc(w, func(label string) bool { return slices.Contains(g, label) == (how == "lacks") })
}

// equalValues compares two plain values: numbers by value, flags in each form that servers
// send, anything else as text.
func equalValues(got, want json.RawMessage) bool {
	g, ok := plain(got)
	w, sent := plain(want)
	if !ok || !sent {
		return false
	}
	switch want[0] {
	case '"':
		return strings.TrimSpace(g) == strings.TrimSpace(w)
	case 't', 'f':
		flag, err := wire.ParseBool([]byte(g))
		return err == nil && flag == (want[0] == 't')
	}
	a, err1 := decimal.NewFromString(strings.TrimSpace(g))
	b, err2 := decimal.NewFromString(w)
	return err1 == nil && err2 == nil && a.Equal(b)
}

func isQuantity(name string) bool { return strings.HasSuffix(name, "qty") }

// lines compares the lines of a write with those of rows, by the quantity of each SKU, and
// names what was compared.
func (s *settling) lines(d *document, rows []json.RawMessage) (result match, what string) {
	var keys, quantities [][2]string
	for _, pair := range d.effect.same {
		switch {
		case !strings.Contains(pair[0], "."):
		case isQuantity(pair[0]):
			quantities = append(quantities, pair)
		default:
			keys = append(keys, pair)
		}
	}
	if len(quantities) == 0 {
		return same, ""
	}
	q := quantities[0]
	sent, name := d.lines(q[1])
	if len(sent) == 0 {
		return same, ""
	}
	how := d.effect.how[q[0]]
	list, of, _ := strings.Cut(q[0], ".")
	var sentKeys, rowKeys []string
	for _, k := range keys {
		_, in := d.lines(k[1])
		sentKeys = append(sentKeys, in)
		rowKeys = append(rowKeys, strings.TrimPrefix(k[0], list+"."))
	}
	want, err := sums(sent, sentKeys, name, how)
	if err != nil {
		return unshown, q[0]
	}
	result = s.sameLines(want, rows, list, rowKeys, of, how)
	if other, ok := strings.CutPrefix(how, "else "); ok && result != same {
		if s.sameLines(want, rows, list, rowKeys, strings.TrimPrefix(other, list+"."), how) == same {
			result = same
		}
	}
	return result, list
}

func (s *settling) sameLines(want map[string]decimal.Decimal, rows []json.RawMessage, list string, keys []string, name, how string) match {
	var shown []json.RawMessage
	for _, row := range rows {
		shown = append(shown, spread(find(row, list))...)
	}
	got, err := sums(shown, keys, name, how)
	if len(shown) == 0 || err != nil {
		return unshown
	}
	for k, n := range want {
		if have := got[k]; !have.Equal(n) && !(s.rb.together && !s.rb.fresh && have.GreaterThan(n)) {
			return differs
		}
		delete(got, k)
	}
	for _, n := range got {
		if !n.IsZero() && (!s.rb.together || s.rb.fresh) {
			return differs
		}
	}
	return same
}

var errUnshown = errors.New("a line does not show its quantity")

// sums adds the quantities of lines that have the same values of keys.
func sums(lines []json.RawMessage, keys []string, name, how string) (map[string]decimal.Decimal, error) {
	out := map[string]decimal.Decimal{}
	for _, line := range lines {
		var key []string
		for _, k := range keys {
			text, ok := plain(find(line, k))
			if !ok {
				return nil, errUnshown
			}
			key = append(key, strings.TrimSpace(text))
		}
		text, ok := plain(find(line, name))
		if !ok {
			return nil, errUnshown
		}
		n, err := decimal.NewFromString(strings.TrimSpace(text))
		if err != nil {
			return nil, errUnshown
		}
		if how == "magnitude" {
			n = n.Abs()
		}
		k := strings.Join(key, "\n")
		out[k] = out[k].Add(n)
	}
	return out, nil
}
