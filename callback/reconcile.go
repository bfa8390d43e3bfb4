package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultGrace is how old a document must be, where nothing else is said, before
// its push counts as missed.
const DefaultGrace = 5 * time.Minute

// ReconcileConfig says what [Reconcile] compares.
type ReconcileConfig struct {
	// Client asks the ERP; it must be one for the merchant EntID. Calls are reads of
	// Logistics.Query and Outbounds.Query (shipments), Orders.Query (cancels),
	// AfterSales.QueryReturnReceipts and AfterSales.Query (returned goods) and
	// Inventory.Query (stock); the app needs the permission of those that are used.
	Client *jushuitan.Client
	// Journal is what was handled, see [Journaled].
	Journal Journal
	// EntID is the entId of the registered URLs.
	EntID string

	// From and To are the window: documents of the time From and later, before To. To
	// is now where it is zero. Fractions of seconds are cut off, since the ERP's times
	// have none. Which time counts is said at [Reconcile].
	From, To time.Time
	// Grace leaves out documents that are younger: their push may still be on its
	// way. 0 is [DefaultGrace], less than 0 is none.
	Grace time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// Methods are the kinds that are compared; none is all four. Stock is compared
	// for Stocks, the others for Shops.
	Methods []jushuitan.PushMethod
	Shops   []ReconcileShop
	Stocks  []ReconcileStock

	// Unexpected also goes through what the journal has of the window and asks the ERP
	// whether it is so: a shipment without the parcel, a cancel of an order that is not
	// cancelled, returned goods without any receipt. It costs one call for 20 shipments
	// or cancels, or 50 returns. Stock is not asked for, nor what names no so_id or
	// as_id.
	Unexpected bool
}

// ReconcileShop is a self-owned mall shop (商家自有商城) whose pushes are compared.
type ReconcileShop struct {
	ShopID      int64  // 店铺编号
	StorageCode string // of its registered URLs; empty is the ShopID in digits
}

// ReconcileStock is a warehouse whose stock is pushed to a shop.
type ReconcileStock struct {
	WMSCoID     int64  // 分仓编号 of the stock; 0 is the sum of all warehouses
	StorageCode string // of the registered URL; empty is the WMSCoID in digits
	ShopID      int64  // 店铺编号 of the shop, for the messages; may be 0
	// Figure computes what the ERP would push of a row, by the formula in the shop's
	// settings, which no API exposes. False leaves the SKU out: one that the shop
	// does not list, or whose figure is not known. Unknown is not zero.
	Figure func(row *jushuitan.InventoryRow) (qty decimal.Decimal, ok bool)
}

// DifferenceKind is how a push and the ERP disagree.
type DifferenceKind int

// The kinds of difference.
const (
	Missed     DifferenceKind = iota + 1 // the ERP has it, no push was handled
	Differs                              // a push was handled that says something else
	Unexpected                           // a push was handled, the ERP does not have it
)

func (k DifferenceKind) String() string {
	switch k {
	case Missed:
		return "missed"
	case Differs:
		return "differs"
	case Unexpected:
		return "unexpected"
	}
	return fmt.Sprintf("DifferenceKind(%d)", int(k))
}

// Difference is a push that was missed, or says something else than the ERP.
type Difference struct {
	Kind        DifferenceKind
	Method      jushuitan.PushMethod
	EntID       string // entId of the registered URL
	StorageCode string // storageCode of the registered URL

	SoID      string // 线上单号
	OID       int64  // 内部单号
	LID       string // 快递单号: as it is in the ERP, or was pushed where that has none
	ASID      int64  // 售后单号
	OuterASID string // 外部售后单号
	SKUID     string // 商品编码: of stock

	// Fields are what differs, by the names of the push. None where it was missed.
	Fields []FieldDifference

	// The message as it should have come, one of these by Method, for the function
	// that handles pushes; none where Kind is Unexpected, or where no message can make
	// good what differs. See [Reconcile] for what is not known of it.
	Shipment      *jushuitan.ShipmentPush
	Cancel        *jushuitan.CancelPush
	GoodsReturned *jushuitan.GoodsReturnedPush
	Stock         *jushuitan.StockPush
}

// FieldDifference is a value that differs. Empty text means that there is none.
type FieldDifference struct {
	Name   string // l_id, lc_id, items[SO-1 SKU-A].qty, status, qty
	Pushed string // as the journal has it
	Pulled string // as the ERP has it
}

// Format prints the difference for people, without members of the message that
// are not known.
func (d Difference) Format(s fmt.State, verb rune) { redact.Format(s, verb, d) }

// LogValue is the difference for slog, as Format prints it.
func (d Difference) LogValue() slog.Value { return redact.LogValue(d) }

// Document names what the difference is about, as [Receipt].Document does.
func (d *Difference) Document() string {
	switch d.Method {
	case jushuitan.PushShipment:
		return shipmentDocument(d.OID, d.SoID)
	case jushuitan.PushCancel:
		return cancelDocument(d.SoID)
	case jushuitan.PushGoodsReturned:
		return goodsDocument(d.ASID, d.OuterASID)
	}
	return stockDocument(d.SKUID, "")
}

// Receipts are what a journal notes of the message, handled at a time: for a host
// that put the difference right without [Receiver.Redeliver]. There are none where
// there is no message.
func (d *Difference) Receipts(at time.Time) []Receipt {
	var out []Receipt
	switch {
	case d.Shipment != nil:
		out = shipmentReceipts(d.Shipment)
	case d.Cancel != nil:
		out = cancelReceipts(d.Cancel)
	case d.GoodsReturned != nil:
		out = goodsReturnedReceipts(d.GoodsReturned)
	case d.Stock != nil:
		out = stockReceipts(d.Stock)
	}
	for i := range out {
		out[i].JournalScope = JournalScope{Method: d.Method, EntID: d.EntID, StorageCode: d.StorageCode}
		out[i].At = at
	}
	return out
}

// ReconcileError says that one kind of one shop could not be compared to its end.
type ReconcileError struct {
	JournalScope
	Err error
}

func (e *ReconcileError) Error() string {
	return fmt.Sprintf("callback: reconcile %s of merchant %q, storage code %q: not finished, run it again / 核对未完成，请重新核对: %v", e.Method, e.EntID, e.StorageCode, e.Err)
}

// Unwrap returns the reason.
func (e *ReconcileError) Unwrap() error { return e.Err }

// Reconcile finds pushes that got lost: it reads from the ERP what happened in a
// window and compares it with the journal of pushes that were handled. Each
// difference is given as it is found; hand it to [Receiver.Redeliver], or its message
// to the function for pushes.
//
//	for d, err := range callback.Reconcile(ctx, cfg) {
//		if err != nil {
//			log.Print(err) // a kind that is not finished; the others go on
//			continue
//		}
//		if d.Kind != callback.Unexpected {
//			err = receiver.Redeliver(ctx, d)
//		}
//		...
//	}
//
// What is compared:
//   - shipments: parcels (发货信息) by their ship time (send_date), carrier and lines.
//     A parcel whose waybill was changed after the push differs in l_id. The message
//     takes oi_id, item names and warehouse from the outbound documents;
//     order_from stays empty, and is_send_all reports whether all of the order is
//     shipped by now. Carriers that differ only in the suffix (SF, SF.9) are the same.
//   - cancels: orders with the status Cancelled, by modified. Those that the mall
//     itself closed (shop_status TRADE_CLOSED, TRADE_CLOSED_BY_TAOBAO) are left out. An
//     order is given once, whatever parts it was split into. remark stays empty.
//   - goods returned: actual receipts (实际收货), by modified, added up for each case:
//     what is in the warehouse by receipts that stand against what pushes said came in
//     and was undone. The message says what is missing: goods that came in, or that a
//     receipt was undone. A receipt that was undone before any push came is settled.
//     unique_id stays empty, and the sums say nothing where one SKU has too much and
//     another too little: then there is no message.
//   - stock: rows by modified, whose figure differs from the last push of that SKU.
//     Missed, where that push is older than the row. shop_sku_id is that of the last
//     push. A row that changed twice counts once.
//
// A document that is modified again after the window comes again with a later one,
// so that windows that follow one another find each. The journal must know pushes
// from the beginning of the window on, else the kind ends with [ErrJournal]. Of what
// happened before the journal began and was modified since, cancels are called
// missed, and goods that were undone are not found.
//
// A kind that fails yields a [*ReconcileError], and the others go on. When the context
// ends that is the last error. Nothing runs after the loop was left. Memory is
// bounded: rows are read and looked up some at a time.
func Reconcile(ctx context.Context, cfg ReconcileConfig) iter.Seq2[*Difference, error] {
	return func(yield func(*Difference, error) bool) {
		if err := cfg.check(); err != nil {
			yield(nil, fmt.Errorf("callback: reconcile: %w", err))
			return
		}
		now := time.Now
		if cfg.Now != nil {
			now = cfg.Now
		}
		grace := max(0, cmp.Or(cfg.Grace, DefaultGrace))
		to := now().Add(-grace)
		if !cfg.To.IsZero() && cfg.To.Before(to) {
			to = cfg.To
		}
		from, to := cfg.From.Truncate(time.Second), to.Truncate(time.Second) // as the ERP's times
		if !from.Before(to) {
			return // nothing is old enough
		}
		for _, job := range cfg.jobs() {
			p := &puller{
				client: cfg.Client, journal: cfg.Journal, scope: job.scope, begin: cfg.From, from: from, to: to, yield: yield,
				given: map[string]struct{}{},
			}
			err := p.run(ctx, job, cfg.Unexpected)
			switch {
			case errors.Is(err, errLeft):
				return
			case err == nil:
				continue
			}
			if !yield(nil, &ReconcileError{JournalScope: job.scope, Err: err}) || ctx.Err() != nil {
				return
			}
		}
	}
}

func (c *ReconcileConfig) check() error {
	known := jushuitan.PushMethods()
	switch {
	case c.Client == nil:
		return errors.New("no Client to ask the ERP / 缺少 Client")
	case c.Journal == nil:
		return errors.New("no Journal of pushes / 缺少 Journal")
	case c.From.IsZero():
		return errors.New("no time From which to compare / 缺少开始时间 From")
	case !c.To.IsZero() && c.To.Before(c.From):
		return errors.New("the window ends before it begins: To is before From / 结束时间早于开始时间")
	case len(c.Shops) == 0 && len(c.Stocks) == 0:
		return errors.New("neither Shops nor Stocks to compare / 缺少 Shops 与 Stocks")
	}
	for _, m := range c.Methods {
		if !slices.Contains(known, m) {
			return fmt.Errorf("method %q is not known / 未知的推送类型", string(m))
		}
	}
	for i, s := range c.Shops {
		if s.ShopID <= 0 {
			return fmt.Errorf("in Shops[%d] ShopID is %d / 店铺编号不正确", i, s.ShopID)
		}
	}
	for i, s := range c.Stocks {
		switch {
		case s.Figure == nil:
			return fmt.Errorf("in Stocks[%d] there is no Figure: the formula of the shop's stock must be known / 缺少库存计算公式 Figure", i)
		case s.WMSCoID < 0:
			return fmt.Errorf("in Stocks[%d] WMSCoID is %d / 分仓编号不正确", i, s.WMSCoID)
		}
	}
	return nil
}

// reconcileJob is one kind of one shop or warehouse.
type reconcileJob struct {
	scope JournalScope
	shop  int64
	stock *ReconcileStock
}

func (c *ReconcileConfig) jobs() []reconcileJob {
	var out []reconcileJob
	wanted := func(m jushuitan.PushMethod) bool { return len(c.Methods) == 0 || slices.Contains(c.Methods, m) }
	for _, s := range c.Shops {
		for _, m := range jushuitan.PushMethods() {
			if m != jushuitan.PushStock && wanted(m) {
				code := cmp.Or(s.StorageCode, strconv.FormatInt(s.ShopID, 10))
				out = append(out, reconcileJob{scope: JournalScope{Method: m, EntID: c.EntID, StorageCode: code}, shop: s.ShopID})
			}
		}
	}
	for i := range c.Stocks {
		if s := &c.Stocks[i]; wanted(jushuitan.PushStock) {
			code := cmp.Or(s.StorageCode, strconv.FormatInt(s.WMSCoID, 10))
			out = append(out, reconcileJob{scope: JournalScope{Method: jushuitan.PushStock, EntID: c.EntID, StorageCode: code}, shop: s.ShopID, stock: s})
		}
	}
	return out
}

// differentLines compares the lines of a parcel. Lines are told apart by the
// mall's line number where all have one.
func differentLines(pushed, pulled []ReceiptLine) []FieldDifference {
	if len(pushed) == 0 || len(pulled) == 0 {
		return nil // not told
	}
	all := slices.Concat(pushed, pulled)
	byLine := !slices.ContainsFunc(all, func(l ReceiptLine) bool { return l.OuterOIID == "" })
	byOrder := !slices.ContainsFunc(all, func(l ReceiptLine) bool { return l.SoID == "" })
	name := func(l ReceiptLine) string {
		parts := make([]string, 0, 3)
		if byOrder {
			parts = append(parts, l.SoID)
		}
		if byLine {
			parts = append(parts, l.OuterOIID)
		}
		return strings.Join(append(parts, l.SKUID), " ")
	}
	return differentSums(sumLines(pushed, name), sumLines(pulled, name))
}

func sumLines(lines []ReceiptLine, name func(ReceiptLine) string) map[string]decimal.Decimal {
	sums := make(map[string]decimal.Decimal, len(lines))
	for _, l := range lines {
		sums[name(l)] = sums[name(l)].Add(l.Qty)
	}
	return sums
}

// differentSums compares quantities by name; one that is missing is zero.
func differentSums(pushed, pulled map[string]decimal.Decimal) []FieldDifference {
	var out []FieldDifference
	note := func(name string) {
		if a, b := pushed[name], pulled[name]; !a.Equal(b) {
			out = append(out, FieldDifference{Name: "items[" + name + "].qty", Pushed: a.String(), Pulled: b.String()})
		}
	}
	for name := range pushed {
		note(name)
	}
	for name := range pulled {
		if _, both := pushed[name]; !both {
			note(name)
		}
	}
	slices.SortFunc(out, func(a, b FieldDifference) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
