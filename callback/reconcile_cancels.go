package callback

import (
	"context"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// cancelComparer compares cancelled orders with cancel pushes.
type cancelComparer struct {
	*puller
	shop int64
}

// compare finds cancelled orders that no push told of.
func (p *cancelComparer) compare(ctx context.Context) error {
	for o, err := range p.client.Orders.All(ctx, &jushuitan.OrderQuery{
		ShopID: &p.shop, Status: jushuitan.OrderStatusCancelled, ModifiedBegin: p.from, ModifiedEnd: p.to,
	}) {
		if err != nil {
			return err
		}
		if o.ShopID != p.shop || o.SoID == "" || !cancelled(o) || closedByMall(o) || !p.inWindow(o.Modified) {
			continue
		}
		known, err := p.find(ctx, cancelDocument(o.SoID))
		if err != nil {
			return err
		}
		if len(known) > 0 || p.again(o.SoID) {
			continue
		}
		if err := p.give(ctx, &Difference{Kind: Missed, SoID: o.SoID, OID: o.OID, Cancel: &jushuitan.CancelPush{SoID: o.SoID}}); err != nil {
			return err
		}
	}
	return nil
}

func cancelled(o *jushuitan.Order) bool { return o.Status == jushuitan.OrderStatusCancelled }

// closedByMall reports whether the mall itself said that the order is closed.
func closedByMall(o *jushuitan.Order) bool {
	return o.ShopStatus == jushuitan.ShopStatusTradeClosed || o.ShopStatus == jushuitan.ShopStatusTradeClosedBeforePay
}

// unexpected finds pushes of orders no part of which is cancelled.
func (p *cancelComparer) unexpected(ctx context.Context) error {
	return chunks(p.journal.Between(ctx, p.scope, p.from, p.to), chunkSoIDs, func(receipts []Receipt) error {
		soIDs := make([]string, len(receipts))
		for i, r := range receipts {
			soIDs[i] = r.SoID
		}
		if soIDs = distinct(soIDs); len(soIDs) == 0 {
			return nil
		}
		gone, status := map[string]bool{}, map[string]string{}
		for o, err := range p.client.Orders.All(ctx, &jushuitan.OrderQuery{ShopID: &p.shop, SoIDs: soIDs}) {
			if err != nil {
				return err
			}
			gone[o.SoID] = gone[o.SoID] || cancelled(o)
			status[o.SoID] = o.Status
		}
		for _, r := range receipts {
			if gone[r.SoID] || p.again(r.SoID) {
				continue
			}
			d := &Difference{Kind: Unexpected, SoID: r.SoID, Fields: []FieldDifference{{Name: "status", Pushed: jushuitan.OrderStatusCancelled, Pulled: status[r.SoID]}}}
			if err := p.give(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}
