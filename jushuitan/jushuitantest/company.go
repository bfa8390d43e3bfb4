package jushuitantest

import (
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Company is one merchant's ERP: its shops, stock and documents. Its methods play the
// merchant's staff. It is safe for concurrent use. If a method returns an error,
// nothing was changed.
type Company struct {
	s    *Server
	name string
	id   int64 // co_id

	mu         sync.Mutex
	now        time.Time                             // of the change in progress
	version    int64                                 // the last row version
	written    map[int64]time.Time                   // when versions were assigned; only while rows are late
	past       map[*jushuitan.InventoryRow][]pastRow // earlier figures; only while stock is late
	nextOID    int64
	nextOIID   int64
	nextIOID   int64
	nextASID   int64
	nextLine   int64 // lines of other documents, payments, log entries
	shops      []*jushuitan.Shop
	warehouses []*jushuitan.Warehouse
	carriers   []*jushuitan.Carrier
	skus       map[string]*jushuitan.SKU
	skuOrder   []string
	items      map[string]*jushuitan.Item
	bundles    []*jushuitan.Bundle
	shopSKUs   []*jushuitan.ShopSKU
	stock      map[stockKey]*jushuitan.InventoryRow
	stockOrder []stockKey
	stocktakes []*stocktake
	orders     map[int64]*order
	orderList  []*order
	ordersBySo map[string][]*order
	outbounds  map[int64]*outbound
	outList    []*outbound
	shipments  []*shipment
	actions    []jushuitan.OrderAction
	afterSales map[int64]*afterSale
	asList     []*afterSale
	receipts   []*jushuitan.ReturnReceipt
	returnIDs  map[string]bool
	pushURLs   map[pushTarget]string

	nextPOID        int64
	nextSupplier    int64
	transfers       []*transfer
	otherInOuts     []*otherInOut
	suppliers       []*jushuitan.Supplier
	purchases       []*jushuitan.Purchase
	purchaseIns     []*purchaseReceipt
	purchaseReturns []*purchaseReturn
}

// firstVersion is the first row version: beyond 32 bits, like real ones.
const firstVersion = 7_000_000_000

// newCompany returns the n-th company. Document numbers differ between companies, so
// that a call with another company's token finds nothing.
func newCompany(s *Server, name string, n int64) *Company {
	base := n * 10_000_000
	return &Company{
		s: s, name: name, id: 10_000_001 + n,
		version: firstVersion + base, nextOID: 910_000 + base, nextOIID: 1_200_000 + base,
		nextIOID: 50_000 + base, nextPOID: 71_000 + base, nextSupplier: 880 + base, nextASID: 30_000 + base, nextLine: 600_000 + base,
		skus: map[string]*jushuitan.SKU{}, items: map[string]*jushuitan.Item{},
		stock: map[stockKey]*jushuitan.InventoryRow{}, orders: map[int64]*order{}, ordersBySo: map[string][]*order{}, outbounds: map[int64]*outbound{},
		afterSales: map[int64]*afterSale{}, returnIDs: map[string]bool{}, pushURLs: map[pushTarget]string{},
	}
}

// Merchant returns the name passed to [Server.Company].
func (c *Company) Merchant() string { return c.name }

// CoID returns the company's number (co_id).
func (c *Company) CoID() int64 { return c.id }

// change begins a change by the merchant's staff: it acquires the lock, which the
// returned function releases, and sets the time.
func (c *Company) change() (unlock func()) {
	c.mu.Lock()
	c.now = stamp(c.s.Now())
	return c.mu.Unlock
}

// stamp returns a time as in documents: whole seconds in UTC+8.
func stamp(t time.Time) time.Time { return time.Unix(t.Unix(), 0).In(wire.CST) }

// bump returns a new row version.
func (c *Company) bump() int64 {
	c.version++
	if c.s.late.Load() > 0 {
		if c.written == nil {
			c.written = map[int64]time.Time{}
		}
		c.written[c.version] = c.s.Now()
	}
	return c.version
}

func next(n *int64) int64 {
	*n++
	return *n
}

func problem(format string, args ...any) error {
	return fmt.Errorf("jushuitantest: "+format, args...)
}

// deepCopy copies a value and everything it points to. Times and decimals are immutable
// and shared.
func deepCopy[T any](v T) T {
	out := copyValue(reflect.ValueOf(&v).Elem())
	return out.Interface().(T)
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	decimalType = reflect.TypeFor[decimal.Decimal]()
)

func copyValue(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == timeType || v.Type() == decimalType {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() { // the others are markers
				out.Field(i).Set(copyValue(v.Field(i)))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copyValue(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), copyValue(it.Value()))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copyValue(v.Elem()))
		return out
	default:
		return v
	}
}

// Format identifies the company, for every verb.
func (c *Company) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "jushuitantest.Company{%q}", c.name)
}

// LogValue is the company for slog.
func (c *Company) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
