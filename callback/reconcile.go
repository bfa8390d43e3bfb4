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

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultGrace is how old a document must be by default before its push counts as
// missed.
const DefaultGrace = 5 * time.Minute

// ReconcileConfig configures [Reconcile].
type ReconcileConfig struct {
	// Client queries the ERP; it must be the client of the merchant EntID. It calls
	// Logistics.Query and Outbounds.Query (shipments), Orders.Query (cancels),
	// AfterSales.QueryReturnReceipts and AfterSales.Query (returned goods) and
	// Inventory.Query (stock); the app needs permission for those that are used.
	Client *jushuitan.Client
	// Journal has the handled pushes, see [WithJournal].
	Journal Journal
	// EntID is the entId of the registered URLs.
	EntID string

	// From and To are the time window, including From and excluding To. A zero To means
	// now minus Grace; a later To is refused, since the window would end before it. Pass
	// what End returned as the next window's From, so that no document is between two
	// windows. Fractions of seconds are cut off, since the ERP's times have none.
	// [Reconcile] states which time of a document counts.
	From, To time.Time
	// Grace keeps the window away from documents younger than this, whose push may still be
	// on its way. 0 means [DefaultGrace], a negative value no grace. It should be longer
	// than the ERP repeats a push: one that is handled after its window was compared, while a
	// later push of its document was lost, is not compared again.
	Grace time.Duration
	// Now returns the current time; nil means time.Now.
	Now func() time.Time

	// Methods are the kinds to compare; empty means all that can be compared: shipments,
	// cancels and returned goods of Shops, and stock of Stocks.
	Methods []jushuitan.PushMethod
	Shops   []ReconcileShop
	Stocks  []ReconcileStock

	// Unexpected also verifies the pushes that the journal has in the window: it
	// reports a shipment without the parcel, a cancel of an order that is not
	// cancelled, and returned goods without any receipt. It costs one call per 20
	// shipments or cancels, or per 50 returns. Stock is not verified, nor are pushes
	// without so_id or as_id.
	Unexpected bool
}

// End returns the end of the window that [Reconcile] compares when it is called now,
// excluding it: To or, if that is zero, now minus Grace, in whole seconds and not before
// From. Set To to it, and begin the next window there once this one is compared without an
// error:
//
//	cfg.From = last // the end of the window before
//	cfg.To = cfg.End()
//	complete := true
//	for d, err := range callback.Reconcile(ctx, cfg) {
//		...
//	}
//	if complete {
//		last = cfg.To
//	}
func (c *ReconcileConfig) End() time.Time {
	from, to := c.From.Truncate(time.Second), c.To
	if to.IsZero() {
		to = c.latest()
	}
	if to = to.Truncate(time.Second); to.Before(from) {
		return from
	}
	return to
}

// latest returns the latest end of a window.
func (c *ReconcileConfig) latest() time.Time {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	return now().Add(-max(0, cmp.Or(c.Grace, DefaultGrace)))
}

// ReconcileShop is a self-owned mall shop (商家自有商城) whose pushes are compared.
type ReconcileShop struct {
	ShopID      int64  // 店铺编号
	StorageCode string // of its registered URLs; empty means the ShopID in digits
}

// ReconcileStock is a warehouse whose stock is pushed to a shop.
type ReconcileStock struct {
	WMSCoID     int64  // 分仓编号 of the stock; 0 means the sum of all warehouses
	StorageCode string // of the registered URL; empty means the WMSCoID in digits
	ShopID      int64  // 店铺编号 of the shop, for the messages; may be 0
	// Figure computes the quantity that the ERP would push for a row, by the formula in
	// the shop's settings, which no API exposes. Return false to skip the SKU: the shop
	// does not list it, or its quantity is unknown. Unknown is not zero.
	Figure func(row *jushuitan.InventoryRow) (qty decimal.Decimal, ok bool)
}

// DifferenceKind is how a push and the ERP disagree.
type DifferenceKind int

// The kinds of difference.
const (
	Missed     DifferenceKind = iota + 1 // the ERP has the document, but no push was handled
	Differs                              // a push was handled, but its values differ
	Unexpected                           // a push was handled, but the ERP does not have the document
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

// Difference is a push that was missed or does not match the ERP.
type Difference struct {
	Kind        DifferenceKind
	Method      jushuitan.PushMethod
	EntID       string // entId of the registered URL
	StorageCode string // storageCode of the registered URL

	SoID      string // 线上单号
	OID       int64  // 内部单号
	LID       string // 快递单号: in the ERP or, if it has none, as pushed
	ASID      int64  // 售后单号
	OuterASID string // 外部售后单号
	SKUID     string // 商品编码: of stock

	// Fields lists the values that differ, by their names in the push; empty for a
	// missed push, except a cancel of an order of which another cancel was handled: then
	// it is the time of that and of the missed one.
	Fields []FieldDifference
	// LastHandled is when the last push of the document was handled, zero if none was.
	LastHandled time.Time
	// AsOf is when the ERP was asked, by its own clock: what it says of the document is at
	// least as new. Zero if its answers have no Date.
	AsOf time.Time

	// The message as it should have been pushed, in one of these by Method, for the
	// function that handles pushes. All are nil if Kind is Unexpected or if no message
	// can correct the difference. [Reconcile] states which members are unknown.
	Shipment      *jushuitan.ShipmentPush
	Cancel        *jushuitan.CancelPush
	GoodsReturned *jushuitan.GoodsReturnedPush
	Stock         *jushuitan.StockPush
}

// FieldDifference is a value that differs. An empty text means no value.
type FieldDifference struct {
	Name   string // l_id, lc_id, logistics_company, items[SO-1 SKU-A].qty, status, modified, qty
	Pushed string // value in the journal
	Pulled string // value in the ERP
}

// Format prints the difference for people, without unknown members of the message.
func (d Difference) Format(s fmt.State, verb rune) { redact.Format(s, verb, d) }

// LogValue is the difference for slog, as Format prints it.
func (d Difference) LogValue() slog.Value { return redact.LogValue(d) }

// Document identifies what the difference is about, like [JournalEntry].Document.
func (d *Difference) Document() string {
	switch d.Method {
	case jushuitan.PushShipment:
		return shipmentDocument(d.OID, d.SoID)
	case jushuitan.PushCancel:
		return cancelDocument(d.SoID)
	case jushuitan.PushGoodsReturned:
		return goodsDocument(d.ASID, d.OuterASID)
	case jushuitan.PushStock:
		return stockDocument(d.SKUID, "")
	}
	return ""
}

// JournalEntries returns the entries to record for the message, handled at the given
// time, for a host that corrected the difference without [Receiver.Redeliver]. It
// returns none if there is no message.
func (d *Difference) JournalEntries(at time.Time) []JournalEntry {
	var out []JournalEntry
	switch {
	case d.Shipment != nil:
		out = shipmentEntries(d.Shipment)
	case d.Cancel != nil:
		out = cancelEntries(d.Cancel)
	case d.GoodsReturned != nil:
		out = goodsReturnedEntries(d.GoodsReturned)
	case d.Stock != nil:
		out = stockEntries(d.Stock)
	}
	for i := range out {
		out[i].JournalScope = JournalScope{Method: d.Method, EntID: d.EntID, StorageCode: d.StorageCode}
		out[i].At = at
	}
	return out
}

// ReconcileError means that one kind of push of one shop was not compared completely. If
// errors.As finds a [*jushuitan.BadRowsError] in it, or errors.Is [ErrNotCompared], only the
// documents that it names were not compared, and the kind goes on: look at them in the ERP.
// Otherwise the kind ended; run the same window again.
type ReconcileError struct {
	JournalScope
	Err error
}

func (e *ReconcileError) Error() string {
	todo := "incomplete, run it again / 核对未完成，请重新核对"
	if errors.Is(e.Err, ErrNotCompared) {
		todo = "check the document in the ERP / 该单据未核对，请在聚水潭中查看"
	} else if _, ok := errors.AsType[*jushuitan.BadRowsError](e.Err); ok {
		todo = "documents with unreadable rows were not compared, check them in the ERP / 部分单据数据无法解析，未核对，请在聚水潭中查看"
	}
	return fmt.Sprintf("callback: reconcile %s of merchant %q, storage code %q: %s: %v", e.Method, e.EntID, e.StorageCode, todo, e.Err)
}

// Unwrap returns the reason.
func (e *ReconcileError) Unwrap() error { return e.Err }

// Reconcile finds lost pushes: it queries the ERP for what happened in a time window
// and compares it with the journal of handled pushes. It yields each difference as it
// is found; pass it to [Receiver.Redeliver], or its message to your function.
//
//	for d, err := range callback.Reconcile(ctx, cfg) {
//		if err != nil {
//			log.Print(err) // one kind is incomplete; the others continue
//			continue
//		}
//		if d.Kind != callback.Unexpected {
//			err = receiver.Redeliver(ctx, d)
//		}
//		...
//	}
//
// It compares the last state of each document:
//   - shipments: parcels (发货信息), by ship time (send_date) and by modified, with the
//     last push of each: waybill, carrier and lines. A parcel whose waybill was changed
//     after the last push differs in l_id, also if it was changed back. The message
//     takes oi_id, item names and warehouse from the outbound documents; order_from is
//     empty, and is_send_all reports whether the whole order is shipped by now.
//     Carriers that differ only in the suffix (SF, SF.9) are equal. Of parcels shipped
//     before the journal began only those that it has are compared.
//   - cancels: orders with the status Cancelled, by modified. Orders that the mall
//     itself closed (shop_status TRADE_CLOSED, TRADE_CLOSED_BY_TAOBAO) are skipped. A
//     part of a split order that was cancelled after the last push is missed, since a
//     cancel names no part; an order is reported once. remark is empty. A cancelled
//     order that is modified again is reported again, since the ERP does not say what
//     was changed: handling a cancel twice has no further effect.
//   - goods returned: actual receipts (实际收货), by modified, summed up per case: what
//     valid receipts brought into the warehouse against what pushes reported as
//     received and undone. The message has the rest: goods that were received, or the
//     undoing of a receipt. A receipt that was undone before any push arrived needs no
//     message. unique_id is empty. If one SKU has too much and another too little,
//     there is no message.
//   - stock: rows by modified whose quantity differs from the last push of that SKU. It
//     is missed if that push is older than the row. shop_sku_id is that of the last
//     push. A row that changed twice is reported once. Of several shops of a warehouse
//     only the pushes with the ShopID of the config count, and those without any.
//
// A push that is handled after the window of its document was compared may have replaced a
// later state, whose push was lost. Therefore documents of which the window has such a push are
// compared again: returned goods without a receipt in the window, for one call per 50 of them,
// and shipments that changed an earlier push of their lines. The latter are compared with what
// the ERP says by then, although the push of a still later change may be on its way. A cancel
// undoes no other, and of stock the journal keeps the figure that was modified last: a late one
// without modified is not found until the row is modified again.
//
// A document that is modified again after the window is reported with a later window,
// so that windows of which each begins at the [ReconcileConfig.End] of the one before find
// every document. A window that, by the Date of the ERP's answers, is not over yet fails.
// The journal must have all pushes since the beginning of the window; otherwise the kind
// fails with [ErrJournal]. For
// documents from before the journal began that were modified since, cancels are
// reported as missed, and undone receipts are not found.
//
// A kind that fails yields a [*ReconcileError], and the others continue. So does a row that
// cannot be decoded, of which the function of [jushuitan.WithOnBadRow] is not told, and a
// receipt whose status is unknown: the other documents are compared. If the context ends, that is the last error. Nothing runs
// after the loop was left. Memory does not grow with the number of documents: rows are
// queried and compared in batches, and a window of more than 5,000 by the ERP's count is read in
// parts, of which the shortest is a second. A document of several rows is reported once as long
// as fewer than 5,000 others are reported in between.
func Reconcile(ctx context.Context, cfg ReconcileConfig) iter.Seq2[*Difference, error] {
	return func(yield func(*Difference, error) bool) {
		if err := cfg.check(); err != nil {
			yield(nil, fmt.Errorf("callback: reconcile: %w", err))
			return
		}
		from, to := cfg.From.Truncate(time.Second), cfg.End() // as the ERP's times
		if !from.Before(to) {
			return // no document is old enough
		}
		ctx := pages.InParts(ctx, partRows)
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
			if p.report(err) != nil || ctx.Err() != nil {
				return
			}
		}
	}
}

func (c *ReconcileConfig) check() error {
	switch {
	case c.Client == nil:
		return errors.New("no Client to ask the ERP / 缺少 Client")
	case c.Journal == nil:
		return errors.New("no Journal of pushes / 缺少 Journal")
	case c.From.IsZero():
		return errors.New("no time From which to compare / 缺少开始时间 From")
	case !c.To.IsZero() && c.To.Before(c.From.Truncate(time.Second)):
		return errors.New("invalid window: To is before From / 结束时间早于开始时间")
	case c.To.After(c.From) && c.To.After(c.latest()): // an empty window is none
		return errors.New("invalid window: To is later than now minus Grace, and the pushes of its last documents may still be on their way: " +
			"leave To empty, or set it to what End returns / 结束时间晚于当前时间减去 Grace，部分推送可能仍在途中：请留空 To，或使用 End 返回的时间")
	case len(c.Shops) == 0 && len(c.Stocks) == 0:
		return errors.New("neither Shops nor Stocks to compare / 缺少 Shops 与 Stocks")
	}
	return c.checkScope()
}

// checkScope checks what is compared.
func (c *ReconcileConfig) checkScope() error {
	for _, m := range c.Methods {
		if !compared(m) {
			return fmt.Errorf("pushes of the kind %q cannot be compared: leave it out of Methods / 不支持核对该类推送", string(m))
		}
	}
	for i, s := range c.Shops {
		if s.ShopID <= 0 {
			return fmt.Errorf("config: Shops[%d] has ShopID %d / 店铺编号不正确", i, s.ShopID)
		}
	}
	for i, s := range c.Stocks {
		switch {
		case s.Figure == nil:
			return fmt.Errorf("config: Stocks[%d] has no Figure, which computes the shop's stock / 缺少库存计算公式 Figure", i)
		case s.WMSCoID < 0:
			return fmt.Errorf("config: Stocks[%d] has WMSCoID %d / 分仓编号不正确", i, s.WMSCoID)
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
	wanted := func(m jushuitan.PushMethod) bool {
		return compared(m) && (len(c.Methods) == 0 || slices.Contains(c.Methods, m))
	}
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
func differentLines(pushed, pulled []JournalLine) []FieldDifference {
	if len(pushed) == 0 || len(pulled) == 0 {
		return nil // not stated
	}
	all := slices.Concat(pushed, pulled)
	byLine := !slices.ContainsFunc(all, func(l JournalLine) bool { return l.OuterOIID == "" })
	byOrder := !slices.ContainsFunc(all, func(l JournalLine) bool { return l.SoID == "" })
	name := func(l JournalLine) string {
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

func sumLines(lines []JournalLine, name func(JournalLine) string) map[string]decimal.Decimal {
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
