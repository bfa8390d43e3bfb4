package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// What is a kind of difference.
type What string

// The kinds.
const (
	NotApproved    What = "not_approved" // asked for, and cut before it went to the ERP
	NotShipped     What = "not_shipped"  // asked for or ordered, and not shipped; below zero, too much was
	NotReceived    What = "not_received" // shipped, and not received; below zero, too much was
	PushMissed     What = "push_missed"  // the ERP has it, and its push never came
	NotInERP       What = "not_in_erp"   // it was pushed, and the ERP does not have it
	DocumentMissed What = "not_read"     // the ERP has it, and no poll had read it
)

// Label is the kind for people.
func (w What) Label() string {
	switch w {
	case NotApproved:
		return "not approved 未批准"
	case NotShipped:
		return "not shipped 少发"
	case NotReceived:
		return "not received 少收"
	case PushMissed:
		return "push missed 漏推"
	case NotInERP:
		return "not in ERP 可疑推送"
	case DocumentMissed:
		return "not read 漏读"
	}
	return string(w)
}

// Difference 差异 is a quantity that is another on two sides, and what was decided about
// it. It is explained when the decisions add up to it.
type Difference struct {
	Flow     int             `json:"flow"`
	Document string          `json:"document"`
	Item     string          `json:"item"` // a SKU, or a waybill; "": the whole document
	What     What            `json:"what"`
	Qty      decimal.Decimal `json:"qty"`     // at the last reading
	Settled  decimal.Decimal `json:"settled"` // by decisions
	How      []string        `json:"how"`     // the decisions
}

// Explained reports whether the decisions add up to the difference.
func (d *Difference) Explained() bool { return d.Qty.Equal(d.Settled) }

func (t *Timeline) difference(document, item string, what What) *Difference {
	i := slices.IndexFunc(t.Differences, func(d Difference) bool {
		return d.Flow == t.flow && d.Document == document && d.Item == item && d.What == what
	})
	if i < 0 {
		i = len(t.Differences)
		t.Differences = append(t.Differences, Difference{Flow: t.flow, Document: document, Item: item, What: what, How: []string{}})
	}
	return &t.Differences[i]
}

// Differs notes a difference. Of several readings the last counts.
func (t *Timeline) Differs(document, item string, what What, qty decimal.Decimal) {
	t.difference(document, item, what).Qty = qty
}

// Settles notes a decision about a difference: how much of it, and what was done. What
// nobody found cannot be settled: it is unexplained then.
func (t *Timeline) Settles(document, item string, what What, qty decimal.Decimal, how string) {
	d := t.difference(document, item, what)
	d.Settled = d.Settled.Add(qty)
	d.How = append(d.How, how)
}

// Outstanding compares an order with what was shipped of it. What is missing is a
// difference; what was missing at the last reading and is not any more, how settles.
func (t *Timeline) Outstanding(document string, ordered, shipped map[string]decimal.Decimal, how string) {
	for _, sku := range slices.Sorted(maps.Keys(ordered)) {
		missing := ordered[sku].Sub(shipped[sku])
		i := slices.IndexFunc(t.Differences, func(d Difference) bool {
			return d.Flow == t.flow && d.Document == document && d.Item == sku && d.What == NotShipped
		})
		if i < 0 {
			if !missing.IsZero() {
				t.Differs(document, sku, NotShipped, missing)
			}
			continue
		}
		if d := t.Differences[i]; !missing.Equal(d.Qty.Sub(d.Settled)) {
			t.Settles(document, sku, NotShipped, d.Qty.Sub(d.Settled).Sub(missing), how)
		}
	}
}

// Unexplained are the differences that the decisions do not add up to.
func (t *Timeline) Unexplained() []Difference {
	var out []Difference
	for _, d := range t.Differences {
		if !d.Explained() {
			out = append(out, d)
		}
	}
	return out
}

// PrintDifferences prints the differences with what was decided, and checks that none is
// unexplained.
func (t *Timeline) PrintDifferences() {
	open := t.Unexplained()
	fmt.Fprintf(t.w, "\n   Differences 差异: %d found, %d unexplained\n", len(t.Differences), len(open))
	if len(t.Differences) > 0 {
		t.line("   %s %s %s %8s  %s", Pad("document", 12), Pad("item", 12), Pad("what", 19), "quantity", "what was decided")
	}
	for _, d := range t.Differences {
		how := strings.Join(d.How, "; ")
		if !d.Explained() {
			how = strings.TrimPrefix(how+"; ", "; ") + "UNEXPLAINED: " + d.Qty.Sub(d.Settled).String()
		}
		t.line("   %s %s %s %8s  %s", Pad(d.Document, 12), Pad(d.Item, 12), Pad(d.What.Label(), 19), d.Qty, how)
	}
	t.Check(len(open) == 0, "every difference is explained: %d of %d", len(t.Differences)-len(open), len(t.Differences))
}
