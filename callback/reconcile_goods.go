package callback

import (
	"cmp"
	"context"
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
	there     map[string]decimal.Decimal // by receipts
	pushed    map[string]decimal.Decimal // by pushes
	skip      bool                       // a receipt is not understood, or younger than the window
}

// compare finds cases whose receipts are not what pushes told of.
func (p *goodsComparer) compare(ctx context.Context) error {
	rows := p.client.AfterSales.AllReturnReceipts(ctx, &jushuitan.ReturnReceiptQuery{ShopID: p.shop, ModifiedBegin: p.from, ModifiedEnd: p.to})
	return chunks(rows, chunkRows, func(rows []*jushuitan.ReturnReceipt) error {
		var asIDs []int64
		for _, row := range rows {
			if row.ShopID == p.shop && p.inWindow(row.Modified) && row.ASID != 0 {
				asIDs = append(asIDs, row.ASID)
			}
		}
		return p.cases(ctx, distinct(asIDs))
	})
}

// cases compares after-sale cases, all receipts of each, since the window may have
// only some of them.
func (p *goodsComparer) cases(ctx context.Context, asIDs []int64) error {
	if len(asIDs) == 0 {
		return nil
	}
	cases, err := p.received(ctx, asIDs)
	if err != nil {
		return err
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
			c.pushed = netGoods(known)
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
		if c == nil || c.skip {
			continue
		}
		known, err := p.find(ctx, goodsDocument(asID, ""))
		if err != nil {
			return nil, err
		}
		c.pushed = netGoods(known)
		if len(differentSums(c.pushed, c.there)) > 0 {
			open = append(open, asID)
		}
	}
	return open, nil
}

// name adds the numbers and the remark of cases, which receipts do not have.
func (p *goodsComparer) name(ctx context.Context, cases map[int64]*returned, asIDs []int64) error {
	for row, err := range p.client.AfterSales.All(ctx, &jushuitan.AfterSaleQuery{ASIDs: asIDs}) {
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
	for row, err := range p.client.AfterSales.AllReturnReceipts(ctx, &jushuitan.ReturnReceiptQuery{ASIDs: asIDs}) {
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
			if row.IODate.IsZero() || !row.IODate.Before(p.since) { // else the journal cannot know
				for _, it := range row.Items {
					c.there[it.SKUID] = c.there[it.SKUID].Add(it.Qty)
				}
			}
		case jushuitan.OutboundStatusWaitConfirm, jushuitan.OutboundStatusCancelled, jushuitan.OutboundStatusDelete:
		default:
			c.skip = true
		}
		c.skip = c.skip || !row.Modified.Before(p.to) // a later window has it, and its push may be on its way
	}
	return out, nil
}

// netGoods is what came in by pushes, less what was undone, never less than none.
func netGoods(receipts []Receipt) map[string]decimal.Decimal {
	net := map[string]decimal.Decimal{}
	slices.SortStableFunc(receipts, func(a, b Receipt) int { return a.At.Compare(b.At) })
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

// difference is what is wrong with a case, or nil.
func (c *returned) difference(shop int64) *Difference {
	fields := differentSums(c.pushed, c.there)
	if len(fields) == 0 {
		return nil
	}
	missing, surplus := lacking(c.pushed, c.there), lacking(c.there, c.pushed)
	d := &Difference{Kind: Differs, SoID: c.soID, OID: c.oID, ASID: c.asID, OuterASID: c.outerASID, Fields: fields}
	if len(missing) > 0 && len(surplus) > 0 {
		return d // no message says this
	}
	if !some(c.pushed) || !some(c.there) { // nothing had been told, or all was undone
		d.Kind, d.Fields = Missed, nil
	}
	d.GoodsReturned = &jushuitan.GoodsReturnedPush{
		OID: c.oID, ASID: c.asID, SoID: c.soID, OuterASID: c.outerASID, ShopID: shop, Remark: c.remark,
		Action: jushuitan.GoodsReceived, Items: missing,
	}
	if len(surplus) > 0 {
		d.GoodsReturned.Action, d.GoodsReturned.Items = jushuitan.GoodsRevoked, surplus
	}
	return d
}

func some(sums map[string]decimal.Decimal) bool {
	for _, qty := range sums {
		if !qty.IsZero() {
			return true
		}
	}
	return false
}

// lacking is what has lacks of want, by SKU.
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
	return chunks(p.journal.Between(ctx, p.scope, p.from, p.to), chunkRows, func(receipts []Receipt) error {
		var asIDs []int64
		for _, r := range receipts {
			asIDs = append(asIDs, r.ASID)
		}
		if asIDs = distinct(asIDs); len(asIDs) == 0 {
			return nil
		}
		cases, err := p.received(ctx, asIDs)
		if err != nil {
			return err
		}
		for _, r := range receipts {
			if r.ASID == 0 || cases[r.ASID] != nil || p.again(r.Document) {
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
	})
}
