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
	NotApproved    What = "not_approved" // requested, but reduced before it went to the ERP
	NotShipped     What = "not_shipped"  // requested or ordered, but not shipped; negative if too much was shipped
	NotReceived    What = "not_received" // shipped, but not received; negative if too much was received
	PushMissed     What = "push_missed"  // the ERP has it, but its push never arrived
	NotInERP       What = "not_in_erp"   // it was pushed, but the ERP does not have it
	DocumentMissed What = "not_read"     // the ERP has it, but no poll had read it
)

// Label returns the kind as text for people.
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

// rule is the rule that decides about a kind of difference, except those of transfers, see
// mapping.TransferProgress.Rules.
func (w What) rule() string {
	switch w {
	case NotApproved:
		return "stock_limits_approval"
	case NotShipped:
		return "later_parcel"
	case PushMissed:
		return "reconcile_redelivers"
	case NotInERP:
		return "person_decides"
	case DocumentMissed:
		return "next_poll_reads"
	}
	return "loss_is_pushed"
}

// Difference 差异 is a quantity that differs between two sides, with the decisions about it.
// It is explained when the decisions add up to it.
type Difference struct {
	Flow     int             `json:"flow"`
	Document string          `json:"document"`
	Item     string          `json:"item"` // a SKU or a waybill; "" for the whole document
	What     What            `json:"what"`
	Rule     string          `json:"rule"`    // the rule that decides about it
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
		t.Differences = append(t.Differences, Difference{Flow: t.flow, Document: document, Item: item, What: what, Rule: what.rule(), How: []string{}})
	}
	return &t.Differences[i]
}

// Differs records a difference. Of several readings the last one counts.
func (t *Timeline) Differs(document, item string, what What, qty decimal.Decimal) {
	t.difference(document, item, what).Qty = qty
}

// Decided names the rule that decides about a difference.
func (t *Timeline) Decided(document, item string, what What, rule string) {
	t.difference(document, item, what).Rule = rule
}

// Settles records a decision about a difference: its quantity, and what was done. A
// difference that was never found cannot be settled and counts as unexplained.
func (t *Timeline) Settles(document, item string, what What, qty decimal.Decimal, how string) {
	d := t.difference(document, item, what)
	d.Settled = d.Settled.Add(qty)
	d.How = append(d.How, how)
}

// Outstanding compares an order with what was shipped of it. What is missing is a
// difference; how explains what was missing at the last reading and no longer is.
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

// Unexplained returns the differences that the decisions do not add up to.
func (t *Timeline) Unexplained() []Difference {
	var out []Difference
	for _, d := range t.Differences {
		if !d.Explained() {
			out = append(out, d)
		}
	}
	return out
}

// PrintDifferences prints the differences and the decisions, and checks that none is
// unexplained.
func (t *Timeline) PrintDifferences() {
	open := t.Unexplained()
	fmt.Fprintf(t.w, "\n   Differences 差异: %d found, %d unexplained\n", len(t.Differences), len(open))
	if len(t.Differences) > 0 {
		t.line("   %s %s %s %8s  %s", Pad("document", 12), Pad("item", 12), Pad("what", 19), "quantity", "decision")
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
