package callback

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// cancelComparer compares cancelled orders with cancel pushes.
type cancelComparer struct {
	*puller
	shop int64
}

// compare finds cancelled orders without a push.
func (p *cancelComparer) compare(ctx context.Context) error {
	return chunks(listed(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
		return c.Orders.All(ctx, &jushuitan.OrderQuery{
			ShopID: &p.shop, Status: jushuitan.OrderStatusCancelled, ModifiedBegin: p.from, ModifiedEnd: p.to,
		})
	}), chunkSoIDs, func(orders []*jushuitan.Order) error { return p.parts(ctx, orders) })
}

// part is a cancelled order, or a part of one that was split, and its difference.
type part struct {
	order *jushuitan.Order
	diff  *Difference
	told  int // cancels of the same second, since it has one and may have needed several
}

// parts compares cancelled orders and parts of orders.
func (p *cancelComparer) parts(ctx context.Context, orders []*jushuitan.Order) error {
	var found []part
	var unsure []string
	for _, o := range orders {
		if !p.concerns(o) {
			continue
		}
		known, err := p.find(ctx, cancelDocument(o.SoID))
		if err != nil {
			return err
		}
		c := part{order: o, diff: &Difference{Kind: Missed, SoID: o.SoID, OID: o.OID, Cancel: &jushuitan.CancelPush{SoID: o.SoID}, LastHandled: lastHandled(known)}}
		if len(known) > 0 {
			last, count := lastTold(known)
			switch {
			case last.After(o.Modified):
				continue // its function saw that this part is cancelled
			case last.Equal(o.Modified):
				c.told = count
				unsure = append(unsure, o.SoID)
			}
			c.diff.Fields = []FieldDifference{{Name: "modified", Pushed: last.Format(wire.TimeLayout), Pulled: o.Modified.In(wire.CST).Format(wire.TimeLayout)}}
		}
		found = append(found, c)
	}
	cancels, err := p.atOnce(ctx, distinct(unsure))
	if err != nil {
		return err
	}
	for _, c := range found {
		if c.told > 0 && c.told >= cancels[second{c.order.SoID, c.order.Modified.Unix()}] || p.again(c.order.SoID) {
			continue
		}
		if err := p.give(ctx, c.diff); err != nil {
			return err
		}
	}
	return nil
}

// concerns reports whether the order was cancelled by the ERP, in the shop and the window.
func (p *cancelComparer) concerns(o *jushuitan.Order) bool {
	return o.ShopID == p.shop && o.SoID != "" && cancelled(o) && !closedByMall(o) && p.inWindow(o.Modified)
}

// lastTold returns when the last cancel was sent by the ERP's clock or, if that is unknown,
// handled, in whole seconds as the ERP's times are, and how many cancels have that time.
func lastTold(known []JournalEntry) (last time.Time, count int) {
	for _, r := range known {
		at := r.Sent
		if at.IsZero() {
			at = r.At
		}
		switch at = at.In(wire.CST).Truncate(time.Second); {
		case at.After(last):
			last, count = at, 1
		case at.Equal(last):
			count++
		}
	}
	return last, count
}

// second is a second in which parts of an order were cancelled.
type second struct {
	soID string
	unix int64
}

// atOnce counts the parts of some orders that were cancelled in each second.
func (p *cancelComparer) atOnce(ctx context.Context, soIDs []string) (map[second]int, error) {
	out := map[second]int{}
	if len(soIDs) == 0 {
		return out, nil
	}
	err := separately(p.puller, soIDs, func(soIDs []string) error {
		counts := map[second]int{}
		for o, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.All(ctx, &jushuitan.OrderQuery{ShopID: &p.shop, SoIDs: soIDs})
		}) {
			if err != nil {
				return err
			}
			if cancelled(o) {
				counts[second{o.SoID, o.Modified.Unix()}]++
			}
		}
		maps.Copy(out, counts)
		return nil
	})
	return out, err
}

func cancelled(o *jushuitan.Order) bool { return o.Status == jushuitan.OrderStatusCancelled }

// closedByMall reports whether the mall itself closed the order.
func closedByMall(o *jushuitan.Order) bool {
	return o.ShopStatus == jushuitan.ShopStatusTradeClosed || o.ShopStatus == jushuitan.ShopStatusTradeClosedBeforePay
}

// late does nothing: a cancel undoes no other.
func (p *cancelComparer) late(context.Context) error { return nil }

// unexpected finds pushes of orders of which no part is cancelled.
func (p *cancelComparer) unexpected(ctx context.Context) error {
	return chunks(p.between(ctx), chunkSoIDs, func(receipts []JournalEntry) error {
		soIDs := make([]string, len(receipts))
		for i, r := range receipts {
			soIDs[i] = r.SoID
		}
		return separately(p.puller, distinct(soIDs), func(soIDs []string) error { return p.living(ctx, soIDs) })
	})
}

// living reports the orders of which no part is cancelled.
func (p *cancelComparer) living(ctx context.Context, soIDs []string) error {
	if len(soIDs) == 0 {
		return nil
	}
	gone, status := map[string]bool{}, map[string]string{}
	for o, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
		return c.Orders.All(ctx, &jushuitan.OrderQuery{ShopID: &p.shop, SoIDs: soIDs})
	}) {
		if err != nil {
			return err
		}
		gone[o.SoID] = gone[o.SoID] || cancelled(o)
		status[o.SoID] = o.Status
	}
	for _, soID := range soIDs {
		if gone[soID] || p.again(soID) {
			continue
		}
		d := &Difference{Kind: Unexpected, SoID: soID, Fields: []FieldDifference{{Name: "status", Pushed: jushuitan.OrderStatusCancelled, Pulled: status[soID]}}}
		if err := p.give(ctx, d); err != nil {
			return err
		}
	}
	return nil
}
