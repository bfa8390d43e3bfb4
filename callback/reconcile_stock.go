package callback

import (
	"context"
	"iter"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// stockComparer compares the figures of inventory rows with the last push of each SKU.
type stockComparer struct {
	*puller
	config *ReconcileStock
}

// compare finds quantities that were never pushed, or pushed differently.
func (p *stockComparer) compare(ctx context.Context) error {
	s := p.config
	for row, err := range listed(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.InventoryRow, error] {
		return c.Inventory.All(ctx, &jushuitan.InventoryQuery{WMSCoID: s.WMSCoID, ModifiedBegin: p.from, ModifiedEnd: p.to})
	}) {
		if err != nil {
			return err
		}
		if row.SKUID == "" || !p.inWindow(row.Modified) {
			continue
		}
		qty, ok := s.Figure(row)
		if !ok {
			continue
		}
		known, err := p.find(ctx, stockDocument(row.SKUID, ""))
		if err != nil {
			return err
		}
		if d := stockDifference(s, row, qty, known); d != nil {
			if err := p.give(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// stockDifference compares a row with the last push of its SKU.
func stockDifference(s *ReconcileStock, row *jushuitan.InventoryRow, qty decimal.Decimal, known []JournalEntry) *Difference {
	d := &Difference{Kind: Missed, SKUID: row.SKUID}
	message := jushuitan.StockPushRow{ShopID: s.ShopID, SKUID: row.SKUID, IID: row.IID, Qty: qty, Modified: row.Modified}
	var last *JournalEntry
	for i := range known {
		r := &known[i]
		if r.ShopID != 0 && s.ShopID != 0 && r.ShopID != s.ShopID {
			continue // another shop of the warehouse, with a formula of its own
		}
		if last == nil || laterStock(*r, *last) {
			last = r
		}
	}
	if last != nil {
		d.LastHandled = last.At
		if last.Figure.Equal(qty) {
			return nil
		}
		// A push that is not older than the row, or has no time, was of this figure.
		told := last.Modified
		if told.IsZero() {
			told = last.At
		}
		if !told.Before(row.Modified) {
			d.Kind = Differs
			d.Fields = []FieldDifference{{Name: "qty", Pushed: last.Figure.String(), Pulled: qty.String()}}
		}
		message.ShopSKUID = last.ShopSKUID
	}
	d.Stock = &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{message}}
	return d
}

// late does nothing: the journal keeps the figure that was modified last.
func (p *stockComparer) late(context.Context) error { return nil }

// unexpected does nothing, see [ReconcileConfig].
func (p *stockComparer) unexpected(context.Context) error { return nil }
