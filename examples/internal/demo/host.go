package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/qimen"
)

// Store 门店 is one of the host's stores.
type Store struct {
	Code    string
	Refuses bool // its staff rejects orders
	stock   map[string]decimal.Decimal
}

// Host plays DianJia: it knows its stores, its mall's orders and what it received from
// Jushuitan. Its calls go through the client of one merchant.
type Host struct {
	Secret string `pii:"true"` // of the tokens in the registered URLs

	jst  *jushuitan.Client
	qm   *qimen.Client // reads outbound documents instead of jst; nil: jst does
	line *Timeline

	stores     []*Store
	designated string // 指定下单店仓: is asked first
	wmsCoID    int64  // 电商仓编码 that the stores are bound to
	cursor     int64  // row version of the outbound documents read

	mu       sync.Mutex
	reserved map[int64]*Store          // outbound document -> store that must ship it
	mall     map[string]*MallOrder     // so_id -> order of the mini-program mall
	returns  map[string]dianjia.Return // outer_as_id -> state
	pushed   map[string]decimal.Decimal
	heard    []string
	receiver *callback.Receiver
}

// MallOrder 微商城订单 is an order of the host's mall.
type MallOrder struct {
	SoID    string
	OID     int64
	Status  string
	Ordered map[string]decimal.Decimal
	Shipped map[string]decimal.Decimal
	Parcels []string
}

// NewHost returns a host that prints to line.
func NewHost(jst *jushuitan.Client, line *Timeline) (*Host, error) {
	h := &Host{
		jst: jst, line: line, reserved: map[int64]*Store{}, mall: map[string]*MallOrder{},
		returns: map[string]dianjia.Return{}, pushed: map[string]decimal.Decimal{}, Secret: rand.Text(),
	}
	var err error
	h.receiver, err = callback.New(callback.Config{
		Shipment: h.onShipment, Cancel: h.onCancel, GoodsReturned: h.onGoodsReturned, Stock: h.onStock,
		Secrets: []string{h.Secret},
	})
	return h, err
}

// ViaQimen makes the host read its outbound documents (出库单) through Jushuitan's own Qimen
// scene, as merchants on Taobao and Tmall need. Everything else, including shipping, still
// goes through the open API: no public source says that the scene has a method for it.
func (h *Host) ViaQimen(client *qimen.Client) { h.qm = client }

// outboundsSince returns the outbound documents of the stores' warehouse that changed
// after a row version, and the name of the call.
func (h *Host) outboundsSince(ctx context.Context, since int64) (string, iter.Seq2[*jushuitan.Outbound, error]) {
	if h.qm != nil {
		return "Scene.SaleoutsSince", h.qm.Scene.SaleoutsSince(ctx, since, &qimen.SaleoutListRequest{WMSCoID: h.wmsCoID})
	}
	return "Outbounds.Since", h.jst.Outbounds.Since(ctx, since, &jushuitan.OutboundQuery{WMSCoID: h.wmsCoID})
}

// Handler serves the pushes, under DianJia's paths.
func (h *Host) Handler() http.Handler { return h.receiver }

// AddStore opens a store with stock.
func (h *Host) AddStore(code string, stock map[string]int64) *Store {
	s := &Store{Code: code, stock: map[string]decimal.Decimal{}}
	for sku, n := range stock {
		s.stock[sku] = qty(n)
	}
	h.stores = append(h.stores, s)
	return s
}

// total adds up the stores' stock of a SKU.
func (h *Host) total(sku string) decimal.Decimal {
	sum := decimal.Decimal{}
	for _, s := range h.stores {
		sum = sum.Add(s.stock[sku])
	}
	return sum
}

// choose finds the store that ships a document, see [mapping.StoreAllocator].
func (h *Host) choose(d *jushuitan.Outbound) (*Store, error) {
	allocator := mapping.StoreAllocator{}
	var stock []dianjia.StockRow
	var refused []string
	for _, s := range h.stores {
		allocator.Stores = append(allocator.Stores, dianjia.StoreBinding{EntID: Merchant, StoreCode: s.Code, WMSCoID: h.wmsCoID, OrderStore: s.Code == h.designated})
		for sku, n := range s.stock {
			stock = append(stock, dianjia.StockRow{EntID: Merchant, StoreCode: s.Code, SKUCode: sku, Qty: n})
		}
		if s.Refuses {
			refused = append(refused, s.Code)
		}
	}
	order := mapping.OrderOfOutbound(Merchant, d)
	found := allocator.Allocate(h.wmsCoID, order.Items, stock, refused...)
	if !found.Whole() {
		return nil, fmt.Errorf("order %s: %s", order.OrderNo, strings.Join(found.Why, "; "))
	}
	return h.stores[slices.IndexFunc(h.stores, func(s *Store) bool { return s.Code == found.Parts[0].StoreCode })], nil
}

// take moves stock out of a store, or back if sign is -1.
func (s *Store) take(lines []jushuitan.OutboundItem, sign int64) {
	for _, l := range lines {
		s.stock[l.SKUID] = s.stock[l.SKUID].Sub(l.Qty.Mul(qty(sign)))
	}
}

// onShipment books a parcel. Each push lists its own lines only; a parcel that is pushed
// twice is booked once.
func (h *Host) onShipment(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range p.Items {
		o := h.mall[p.OrderOf(item)]
		if o == nil {
			return fmt.Errorf("shipment push for entId %s: unknown order %s", env.EntID, p.OrderOf(item))
		}
		if slices.Contains(o.Parcels, p.LID) {
			continue
		}
		o.Shipped[item.SKUID] = o.Shipped[item.SKUID].Add(item.Qty)
	}
	for _, item := range p.Items {
		o := h.mall[p.OrderOf(item)]
		if !slices.Contains(o.Parcels, p.LID) {
			o.Parcels = append(o.Parcels, p.LID)
		}
		o.Status = "shipped"
		for sku, n := range o.Ordered {
			if o.Shipped[sku].LessThan(n) {
				o.Status = "partly shipped"
			}
		}
	}
	h.hear("%s %s %s by %s", jushuitan.PushShipment, p.SoID, p.LID, p.LogisticsCompany)
	return nil
}

// onCancel records a cancellation. The push does not say which part of a split order is
// meant, so the state is read back from the ERP.
func (h *Host) onCancel(ctx context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
	page, err := h.jst.Orders.Query(ctx, &jushuitan.OrderQuery{ShopID: new(MallShop), SoIDs: []string{p.SoID}})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.mall[p.SoID]
	if o == nil {
		return fmt.Errorf("cancel push: unknown order %s", p.SoID)
	}
	for _, erp := range page.Orders {
		if erp.Status == jushuitan.OrderStatusCancelled {
			o.Status = "cancelled"
		}
	}
	h.hear("%s %s", jushuitan.PushCancel, p.SoID)
	return nil
}

// onGoodsReturned refunds once the goods have been received, and reverses that if the
// receipt is revoked. Any other action is an error, and nothing is refunded for it.
func (h *Host) onGoodsReturned(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	mine, ok := h.returns[p.OuterASID]
	if !ok {
		return fmt.Errorf("goods-returned push: return %s is unknown", p.OuterASID)
	}
	booked, err := mapping.ReturnReceived(&mine, p)
	if err != nil {
		return err
	}
	h.returns[p.OuterASID] = booked
	h.hear("%s %s %s", jushuitan.PushGoodsReturned, p.OuterASID, p.Action)
	return nil
}

// onStock overwrites the figures, which are absolute.
func (h *Host) onStock(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, row := range p.Rows {
		h.pushed[row.SKUID] = row.Qty
	}
	h.hear("%s %d rows", jushuitan.PushStock, len(p.Rows))
	return nil
}

// hear records a push; the caller holds h.mu.
func (h *Host) hear(format string, args ...any) {
	h.heard = append(h.heard, fmt.Sprintf(format, args...))
}

// news returns what was received since the last call.
func (h *Host) news() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.heard
	h.heard = nil
	return out
}

// order returns a copy of the state of a mall order.
func (h *Host) order(soID string) MallOrder {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *h.mall[soID]
}
