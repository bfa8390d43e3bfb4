package callback

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// stockComparer compares the figures of inventory rows with the last push of each SKU.
type stockComparer struct {
	*puller
	config *ReconcileStock
}

// compare finds figures that were never pushed, or that another figure was pushed of.
func (p *stockComparer) compare(ctx context.Context) error {
	s := p.config
	for row, err := range p.client.Inventory.All(ctx, &jushuitan.InventoryQuery{WMSCoID: s.WMSCoID, ModifiedBegin: p.from, ModifiedEnd: p.to}) {
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
func stockDifference(s *ReconcileStock, row *jushuitan.InventoryRow, qty decimal.Decimal, known []Receipt) *Difference {
	d := &Difference{Kind: Missed, SKUID: row.SKUID}
	message := jushuitan.StockPushRow{ShopID: s.ShopID, SKUID: row.SKUID, IID: row.IID, Qty: qty, Modified: row.Modified}
	var last *Receipt
	for i := range known {
		if r := &known[i]; last == nil || laterStock(*r, *last) {
			last = r
		}
	}
	if last != nil {
		if last.Figure.Equal(qty) {
			return nil
		}
		// A push that is not older than the row, or does not tell, was of this figure.
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

// unexpected asks for nothing, as [ReconcileConfig] says of stock.
func (p *stockComparer) unexpected(context.Context) error { return nil }
