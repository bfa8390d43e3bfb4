package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// mall is DianJia's side of the flow: its orders, and what happens to them by pushes.
// Its methods are what to copy; a host has a database where this has maps.
type mall struct {
	client   *jushuitan.Client
	receiver *callback.Receiver
	secret   string // of the tokens in the registered URLs

	mu       sync.Mutex
	carriers mapping.Carriers
	orders   map[string]*order // by so_id
	refused  []error           // reasons that the answers do not show
	unknown  func(err error)   // told of a carrier that is not in the table; m.mu is held
}

type order struct {
	ordered, shipped map[string]decimal.Decimal
	parcels          []string
	calls            int // how often a push of it was handled
}

func newMall(client *jushuitan.Client) (*mall, error) {
	m := &mall{client: client, secret: rand.Text(), carriers: mapping.DefaultCarriers(), orders: map[string]*order{}, unknown: func(error) {}}
	var err error
	m.receiver, err = callback.New(callback.Config{
		Shipment: m.onShipment,
		Secrets:  []string{m.secret},
		OnError: func(_ context.Context, _ callback.Envelope, err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.refused = append(m.refused, err)
		},
	})
	return m, err
}

// upload sends a paid order to Jushuitan. It is keyed by shop and order number: a repeat
// changes nothing.
func (m *mall) upload(ctx context.Context, number string, lines ...dianjia.OrderItem) (oID int64, err error) {
	now := time.Now()
	o := &dianjia.Order{
		EntID: demo.Merchant, OrderNo: number, ShopID: demo.MallShop, Created: now, Paid: now, Items: lines,
		BuyerID: "buyer-02", ReceiverName: "林二", ReceiverMobile: "13900000002", ReceiverAddress: "浙江省杭州市西湖区示例路9号",
	}
	mine := &order{ordered: map[string]decimal.Decimal{}, shipped: map[string]decimal.Decimal{}}
	for _, it := range lines {
		o.Amount = o.Amount.Add(it.Amount)
		mine.ordered[it.SKUCode] = mine.ordered[it.SKUCode].Add(it.Qty)
	}
	row, err := mapping.OrderUpload(o, mapping.OrderPayment{ID: "PAY-" + number, Method: "微信", SellerAccount: "seller-01", BuyerAccount: "buyer-02"})
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	m.orders[number] = mine // before the upload: a push may be fast
	m.mu.Unlock()
	results, err := m.client.Orders.Upload(ctx, []jushuitan.OrderUpload{row})
	if err != nil {
		return 0, err
	}
	return results[0].Result.OID, nil
}

// missing are the SKUs that Jushuitan does not have.
func (m *mall) missing(ctx context.Context, skus ...string) ([]string, error) {
	there := map[string]bool{}
	for row, err := range m.client.SKUs.All(ctx, &jushuitan.SKUQuery{SKUIDs: skus}) {
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

// onShipment books a parcel: only the lines that the push names. An error makes the
// answer a failure, so that the ERP sends the push again.
func (m *mall) onShipment(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[p.SoID]
	if o == nil {
		return fmt.Errorf("shipment push for entId %s: order %s is not known", env.EntID, p.SoID)
	}
	carrier, err := m.carriers.FromJushuitan(p.LCID, p.LogisticsCompany)
	if err != nil {
		m.unknown(err)
		return err
	}
	o.calls++
	o.parcels = append(o.parcels, carrier.Name+" "+p.LID)
	for _, item := range p.Items {
		o.shipped[item.SKUID] = o.shipped[item.SKUID].Add(item.Qty)
	}
	return nil
}

// state is a copy of an order and whether all of it is shipped.
func (m *mall) state(number string) (o order, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, all = *m.orders[number], true
	for sku, n := range o.ordered {
		all = all && o.shipped[sku].GreaterThanOrEqual(n)
	}
	return o, all
}

// reasons takes the reasons of refusals since the last time.
func (m *mall) reasons() []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.refused
	m.refused = nil
	return out
}
