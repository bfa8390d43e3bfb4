package callback

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// goodsComparer compares actual receipts (实际收货), added up by case, with goods-returned pushes.
type goodsComparer struct {
	*puller
	shop int64
}

// returned is an after-sale case and what came in for it, by SKU.
type returned struct {
	asID      int64
	oID       int64
	soID      string
	outerASID string
	remark    string
	there     map[string]decimal.Decimal // according to receipts
	pushed    map[string]decimal.Decimal // according to pushes
	known     []JournalEntry             // these pushes, oldest first
	skip      bool                       // a receipt is later than the window
	listed    bool                       // a receipt is of the window
	unknown   error                      // why it cannot be compared
}

// compare finds cases whose receipts do not match their pushes.
func (p *goodsComparer) compare(ctx context.Context) error {
	rows := listed(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.ReturnReceipt, error] {
		return c.AfterSales.AllReturnReceipts(ctx, &jushuitan.ReturnReceiptQuery{ShopID: p.shop, ModifiedBegin: p.from, ModifiedEnd: p.to})
	})
	return chunks(rows, chunkRows, func(rows []*jushuitan.ReturnReceipt) error {
		var asIDs []int64
		for _, row := range rows {
			if row.ShopID == p.shop && p.inWindow(row.Modified) && row.ASID != 0 {
				asIDs = append(asIDs, row.ASID)
			}
		}
		return separately(p.puller, distinct(asIDs), func(asIDs []int64) error { return p.cases(ctx, asIDs, true) })
	})
}

// late compares the cases of which the window has a push, and no receipt.
func (p *goodsComparer) late(ctx context.Context) error {
	return chunks(p.between(ctx), chunkRows, func(pushes []JournalEntry) error {
		var asIDs []int64
		for _, r := range pushes {
			asIDs = append(asIDs, r.ASID)
		}
		return separately(p.puller, distinct(asIDs), func(asIDs []int64) error { return p.cases(ctx, asIDs, false) })
	})
}

// cases compares after-sale cases, all receipts of each, since the window may have
// only some of them. Those that are not listed have no receipt in the window.
func (p *goodsComparer) cases(ctx context.Context, asIDs []int64, listed bool) error {
	if len(asIDs) == 0 {
		return nil
	}
	cases, err := p.received(ctx, asIDs)
	if err != nil {
		return err
	}
	if !listed { // what never had a receipt is unexpected
		asIDs = slices.DeleteFunc(slices.Clone(asIDs), func(asID int64) bool { return cases[asID] == nil || cases[asID].listed })
	}
	open, err := p.unsettled(ctx, cases, asIDs)
	if err != nil || len(open) == 0 {
		return err
	}
	if err := p.name(ctx, cases, open); err != nil {
		return err
	}
	for _, asID := range open {
		c := cases[asID]
		if c.outerASID != "" {
			known, err := p.find(ctx, goodsDocument(asID, ""), goodsDocument(0, c.outerASID))
			if err != nil {
				return err
			}
			c.pushed, c.known = netGoods(known), known
		}
		d := c.difference(p.shop)
		if d == nil || p.again(goodsDocument(asID, "")) {
			continue
		}
		if err := p.give(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// unsettled returns the cases whose pushes do not add up to their receipts.
func (p *goodsComparer) unsettled(ctx context.Context, cases map[int64]*returned, asIDs []int64) ([]int64, error) {
	var open []int64
	for _, asID := range asIDs {
		c := cases[asID]
		if c == nil {
			c = &returned{unknown: fmt.Errorf("%w: receipts of after-sale %d are listed, but missing from its query / 按售后单号查不到列表中的收货单", ErrNotCompared, asID)}
		}
		if c.skip || c.unknown != nil && p.again(goodsDocument(asID, "")) {
			continue
		}
		if c.unknown != nil { // whether the goods are there is unknown
			if err := p.report(c.unknown); err != nil {
				return nil, err
			}
			continue
		}
		known, err := p.find(ctx, goodsDocument(asID, ""))
		if err != nil {
			return nil, err
		}
		c.pushed, c.known = netGoods(known), known
		if len(differentSums(c.pushed, c.there)) > 0 {
			open = append(open, asID)
		}
	}
	return open, nil
}

// name adds the numbers and the remark of cases, which receipts do not have.
func (p *goodsComparer) name(ctx context.Context, cases map[int64]*returned, asIDs []int64) error {
	for row, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.AfterSale, error] {
		return c.AfterSales.All(ctx, &jushuitan.AfterSaleQuery{ASIDs: asIDs})
	}) {
		if err != nil {
			return err
		}
		if c := cases[row.ASID]; c != nil {
			c.outerASID, c.remark = row.OuterASID, row.Remark
			c.oID, c.soID = cmp.Or(row.OID, c.oID), cmp.Or(row.SoID, c.soID)
		}
	}
	return nil
}

// received adds up the receipts of cases.
func (p *goodsComparer) received(ctx context.Context, asIDs []int64) (map[int64]*returned, error) {
	out := map[int64]*returned{}
	for row, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.ReturnReceipt, error] {
		return c.AfterSales.AllReturnReceipts(ctx, &jushuitan.ReturnReceiptQuery{ASIDs: asIDs})
	}) {
		if err != nil {
			return nil, err
		}
		c := out[row.ASID]
		if c == nil {
			c = &returned{asID: row.ASID, oID: row.OID, soID: row.SoID, there: map[string]decimal.Decimal{}}
			out[row.ASID] = c
		}
		switch row.Status {
		case jushuitan.OutboundStatusConfirmed:
			if row.IODate.IsZero() || !row.IODate.Before(p.since) { // earlier ones may be missing from the journal
				for _, it := range row.Items {
					c.there[it.SKUID] = c.there[it.SKUID].Add(it.Qty)
				}
			}
		case jushuitan.OutboundStatusWaitConfirm, jushuitan.OutboundStatusCancelled, jushuitan.OutboundStatusDelete:
		default:
			c.unknown = fmt.Errorf("%w: receipt %d of after-sale %d has the unknown status %q / 收货单状态未知", ErrNotCompared, row.IOID, row.ASID, row.Status)
		}
		c.listed = c.listed || row.ShopID == p.shop && p.inWindow(row.Modified)
		c.skip = c.skip || !row.Modified.Before(p.to) // a later window has it, and its push may be on its way
	}
	return out, nil
}

// netGoods returns what pushes reported as received minus what they reported as undone,
// at least zero.
func netGoods(receipts []JournalEntry) map[string]decimal.Decimal {
	net := map[string]decimal.Decimal{}
	slices.SortStableFunc(receipts, func(a, b JournalEntry) int { return a.At.Compare(b.At) })
	for _, r := range receipts {
		switch {
		case r.Action == jushuitan.GoodsReceived:
			for _, l := range r.Lines {
				net[l.SKUID] = net[l.SKUID].Add(l.Qty)
			}
		case r.Action == jushuitan.GoodsRevoked && len(r.Lines) == 0:
			clear(net)
		case r.Action == jushuitan.GoodsRevoked:
			for _, l := range r.Lines {
				net[l.SKUID] = decimal.Max(decimal.Zero, net[l.SKUID].Sub(l.Qty))
			}
		}
	}
	return net
}

// difference returns the difference of a case, or nil.
func (c *returned) difference(shop int64) *Difference {
	fields := differentSums(c.pushed, c.there)
	if len(fields) == 0 {
		return nil
	}
	missing, surplus := lacking(c.pushed, c.there), lacking(c.there, c.pushed)
	d := &Difference{Kind: Differs, SoID: c.soID, OID: c.oID, ASID: c.asID, OuterASID: c.outerASID, Fields: fields, LastHandled: lastHandled(c.known)}
	if len(missing) > 0 && len(surplus) > 0 {
		return d // no message can express this
	}
	d.GoodsReturned = &jushuitan.GoodsReturnedPush{
		OID: c.oID, ASID: c.asID, SoID: c.soID, OuterASID: c.outerASID, ShopID: shop, Remark: c.remark,
		Action: jushuitan.GoodsReceived, Items: missing,
	}
	if len(surplus) > 0 {
		d.GoodsReturned.Action, d.GoodsReturned.Items = jushuitan.GoodsRevoked, surplus
	}
	// Nothing was pushed, or everything was undone. But a message that says the same as the
	// last one of its lines cannot be told from a repeat of it, and is a correction.
	if (!some(c.pushed) || !some(c.there)) && !c.repeats(d.GoodsReturned) {
		d.Kind, d.Fields = Missed, nil
	}
	return d
}

// repeats reports whether a message says the same as the last push of its lines.
func (c *returned) repeats(m *jushuitan.GoodsReturnedPush) bool {
	lines := goodsReturnedEntries(m)[0].Lines
	for _, r := range slices.Backward(c.known) {
		if len(differentSums(sumLines(r.Lines, skuOf), sumLines(lines, skuOf))) == 0 {
			return r.Action == m.Action
		}
	}
	return false
}

func skuOf(l JournalLine) string { return l.SKUID }

func some(sums map[string]decimal.Decimal) bool {
	for _, qty := range sums {
		if !qty.IsZero() {
			return true
		}
	}
	return false
}

// lacking returns by SKU what want has more than has.
func lacking(has, want map[string]decimal.Decimal) []jushuitan.GoodsReturnedPushItem {
	var out []jushuitan.GoodsReturnedPushItem
	for sku, qty := range want {
		if lack := qty.Sub(has[sku]); lack.IsPositive() {
			out = append(out, jushuitan.GoodsReturnedPushItem{SKUID: sku, Qty: lack})
		}
	}
	slices.SortFunc(out, func(a, b jushuitan.GoodsReturnedPushItem) int { return cmp.Compare(a.SKUID, b.SKUID) })
	return out
}

// unexpected finds pushes of cases for which nothing was ever received.
func (p *goodsComparer) unexpected(ctx context.Context) error {
	return chunks(p.between(ctx), chunkRows, func(receipts []JournalEntry) error {
		var asIDs []int64
		for _, r := range receipts {
			asIDs = append(asIDs, r.ASID)
		}
		return separately(p.puller, distinct(asIDs), func(asIDs []int64) error { return p.neverReceived(ctx, asIDs, receipts) })
	})
}

// neverReceived reports pushes of cases without any receipt.
func (p *goodsComparer) neverReceived(ctx context.Context, asIDs []int64, receipts []JournalEntry) error {
	if len(asIDs) == 0 {
		return nil
	}
	cases, err := p.received(ctx, asIDs)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		if !slices.Contains(asIDs, r.ASID) || cases[r.ASID] != nil || p.again(r.Document) {
			continue
		}
		d := &Difference{
			Kind: Unexpected, SoID: r.SoID, OID: r.OID, ASID: r.ASID, OuterASID: r.OuterASID,
			Fields: []FieldDifference{{Name: "action_name", Pushed: string(r.Action)}},
		}
		if err := p.give(ctx, d); err != nil {
			return err
		}
	}
	return nil
}
