// Package mall is flow 2 of the implementation guide, 业务二 线下订单线上发货. [Host] is what
// to copy; [Play] goes through the flow and its failures against a fake Jushuitan.
package mall

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Host is DianJia's side of the flow: its mall's orders and returns, and what pushes report about them.
// A real host has a database instead of the maps.
type Host struct {
	Client   *jushuitan.Client
	Receiver *callback.Receiver
	Journal  callback.Journal // of the pushes that were handled
	Secret   string           `pii:"true"` // of the tokens in the registered URLs
	Now      func() time.Time

	mu       sync.Mutex
	carriers mapping.Carriers
	orders   map[string]*Order         // by so_id
	returns  map[string]dianjia.Return // by outer_as_id
	refused  []error                   // reasons that the answers do not reveal
	unknown  func(err error)           // is called for a carrier that is not in the table; m.mu is held
}

// Order is an order of the mall.
type Order struct {
	Ordered, Shipped map[string]decimal.Decimal
	Parcels          []string
	Calls            int // how often a push for it was handled
	Cancelled        bool
}

// New returns a host whose journal begins now, truncated to a whole second, since the ERP's
// times have no fractions.
func New(client *jushuitan.Client, now func() time.Time) (*Host, error) {
	m := &Host{
		Client: client, Journal: callback.NewMemoryJournal(0, now().Truncate(time.Second)), Secret: rand.Text(), Now: now,
		carriers: mapping.DefaultCarriers(), orders: map[string]*Order{}, returns: map[string]dianjia.Return{}, unknown: func(error) {},
	}
	var err error
	m.Receiver, err = callback.New(callback.WithJournal(callback.Config{
		Shipment: m.onShipment, Cancel: m.onCancel, GoodsReturned: m.onGoodsReturned,
		Secrets: []string{m.Secret}, Now: now,
		OnError: func(_ context.Context, _ callback.Envelope, err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.refused = append(m.refused, err)
		},
	}, m.Journal))
	return m, err
}

// Upload sends a paid order to Jushuitan. It is keyed by shop and order number: a retry
// changes nothing.
func (m *Host) Upload(ctx context.Context, number string, lines ...dianjia.OrderItem) (oID int64, err error) {
	now := time.Now()
	o := &dianjia.Order{
		EntID: demo.Merchant, OrderNo: number, ShopID: demo.MallShop, Created: now, Paid: now, Items: lines,
		BuyerID: "buyer-02", ReceiverName: "林二", ReceiverMobile: "13900000002", ReceiverAddress: "浙江省杭州市西湖区示例路9号",
	}
	mine := &Order{Ordered: map[string]decimal.Decimal{}, Shipped: map[string]decimal.Decimal{}}
	for _, it := range lines {
		o.Amount = o.Amount.Add(it.Amount)
		mine.Ordered[it.SKUCode] = mine.Ordered[it.SKUCode].Add(it.Qty)
	}
	row, err := mapping.OrderUpload(o, mapping.OrderPayment{ID: "PAY-" + number, Method: "微信", SellerAccount: "seller-01", BuyerAccount: "buyer-02"})
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	m.orders[number] = mine // before the upload, since the push may arrive before the upload returns
	m.mu.Unlock()
	results, err := m.Client.Orders.Upload(ctx, []jushuitan.OrderUpload{row})
	if err != nil {
		return 0, err
	}
	return results[0].Result.OID, nil
}

// Return sends a return or refund of an order to Jushuitan (售后单). It is keyed by shop and
// return number: a retry changes nothing, also where goods were received in the meantime.
func (m *Host) Return(ctx context.Context, r *dianjia.Return) (asID int64, err error) {
	row, err := mapping.AfterSaleUpload(r)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	if _, again := m.returns[r.ReturnNo]; !again { // before the upload, since a push may arrive first
		m.returns[r.ReturnNo] = *r
	}
	m.mu.Unlock()
	results, err := m.Client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{row})
	if err != nil {
		return 0, err
	}
	return results[0].Result.ASID, nil
}

// Refunds returns a return as it is now, and what to pay back: the refund once the goods are
// with the seller, at once if none come back, and nothing again if the receipt was undone.
func (m *Host) Refunds(returnNo string) (r dianjia.Return, refund decimal.Decimal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r = m.returns[returnNo]
	if r.Goods == dianjia.GoodsReceived || r.Kind == dianjia.ReturnRefund {
		return r, r.Refund
	}
	return r, decimal.Decimal{}
}

// Missing returns the SKUs that Jushuitan does not have.
func (m *Host) Missing(ctx context.Context, skus ...string) ([]string, error) {
	there := map[string]bool{}
	for row, err := range m.Client.SKUs.All(ctx, &jushuitan.SKUQuery{SKUIDs: skus}) {
		if err != nil {
			return nil, err
		}
		there[row.SKUID] = true
	}
	var out []string
	for _, sku := range skus {
		if !there[sku] {
			out = append(out, sku)
		}
	}
	return out, nil
}

// onShipment books a parcel: only the lines in the push. If it returns an error, the push
// is not acknowledged, so that the ERP sends it again.
func (m *Host) onShipment(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[p.SoID]
	if o == nil {
		return fmt.Errorf("shipment push for entId %s: unknown order %s: it is rejected until the order exists / 订单未知，待订单到达后重推", env.EntID, p.SoID)
	}
	carrier, err := m.carriers.FromJushuitan(p.LCID, p.LogisticsCompany)
	if err != nil {
		m.unknown(err)
		return err
	}
	o.Calls++
	o.Parcels = append(o.Parcels, carrier.Name+" "+p.LID)
	for _, item := range p.Items {
		o.Shipped[item.SKUID] = o.Shipped[item.SKUID].Add(item.Qty)
	}
	return nil
}

// onCancel marks an order that Jushuitan cancelled. The push does not say which part of a split
// order is meant, so the parts are read.
func (m *Host) onCancel(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
	rest := 0
	for o, err := range m.Client.Orders.All(ctx, &jushuitan.OrderQuery{ShopID: new(demo.MallShop), SoIDs: []string{p.SoID}}) {
		if err != nil {
			return err
		}
		if mapping.OrderStateOf(o.Status) != mapping.OrderCancelled {
			rest++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[p.SoID]
	if o == nil {
		return fmt.Errorf("cancel push for entId %s: unknown order %s: it is rejected until the order exists / 订单未知，待订单到达后重推", env.EntID, p.SoID)
	}
	o.Cancelled = rest == 0
	return nil
}

// onGoodsReturned books received goods of a return, and takes back what was undone.
func (m *Host) onGoodsReturned(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.returns[p.OuterASID]
	if !ok {
		return fmt.Errorf("goods-returned push for entId %s: unknown return %s: it is rejected until the return exists / 售后单未知，待售后单到达后重推", env.EntID, p.OuterASID)
	}
	booked, err := mapping.ReturnReceived(&r, p)
	if err != nil {
		return err
	}
	m.returns[p.OuterASID] = booked
	return nil
}

// Reconcile is the job that finds pushes that never arrived, and passes them to the
// functions for pushes. It starts where the last run started, or at the beginning of the
// journal; a host keeps that time in its database. report is called for each.
func (m *Host) Reconcile(ctx context.Context, shopID int64, from time.Time, report func(d *callback.Difference, err error)) error {
	since, err := m.Journal.Since(ctx, callback.JournalScope{})
	if err != nil {
		return err
	}
	if since.After(from) {
		from = since
	}
	var unfinished error
	for d, err := range callback.Reconcile(ctx, callback.ReconcileConfig{
		Client: m.Client, Journal: m.Journal, EntID: m.Client.Merchant(), Now: m.Now, From: from,
		Methods: []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned}, Shops: []callback.ReconcileShop{{ShopID: shopID}},
	}) {
		if err != nil {
			unfinished = errors.Join(unfinished, err) // the next run repeats it
			continue
		}
		report(d, m.Receiver.Redeliver(ctx, d))
	}
	return unfinished
}

// State returns a copy of an order and whether all of it has been shipped.
func (m *Host) State(number string) (o Order, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, all = *m.orders[number], true
	o.Shipped = maps.Clone(o.Shipped)
	for sku, n := range o.Ordered {
		all = all && o.Shipped[sku].GreaterThanOrEqual(n)
	}
	return o, all
}

// Reasons returns the reasons of refusals since the last call.
func (m *Host) Reasons() []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.refused
	m.refused = nil
	return out
}
