package callback

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ErrJournal says that the journal failed. A push that the host's function took is
// acknowledged all the same, and the failure reported to [Config].OnError;
// [Reconcile] will call that push missed.
var ErrJournal = errors.New("journal of pushes failed")

// JournalScope is what receipts are kept apart by: one kind of push of one
// registered URL.
type JournalScope struct {
	Method      jushuitan.PushMethod
	EntID       string // entId of the URL: the merchant
	StorageCode string // storageCode of the URL: shop or warehouse
}

// Receipt is what a [Journal] keeps of a push that was handled; of a stock push,
// of each row. It has no personal data.
type Receipt struct {
	JournalScope
	// Document names what the push is about, within the scope: "o_id 200001" of a
	// shipment, "so_id SO-1" of a cancel, "as_id 400001" of returned goods, "sku_id
	// SKU-A" of a stock row. Where a push names no ERP number, shipments go by so_id,
	// returned goods by outer_as_id and stock rows by shop_sku_id. Receipts are found
	// by it; several may share it.
	Document string
	At       time.Time // when it was handled

	SoID      string                // 线上单号: of shipments, cancels and returned goods
	OID       int64                 // 内部单号: of shipments and returned goods
	LID       string                // 快递单号: of shipments
	LCID      string                // 物流公司编码: of shipments
	ASID      int64                 // 售后单号: of returned goods
	OuterASID string                // 外部售后单号: of returned goods
	Action    jushuitan.GoodsAction // 操作: of returned goods
	Lines     []ReceiptLine         // 明细: of shipments and returned goods

	SKUID     string          // 商品编码: of a stock row
	ShopSKUID string          // 店铺商品编码: of a stock row
	Figure    decimal.Decimal // 库存: of a stock row
	Modified  time.Time       // 修改时间: of a stock row, zero where it had none
}

// ReceiptLine is a line of a parcel or of returned goods.
type ReceiptLine struct {
	SoID      string          // 线上单号: of the line, where orders were merged its own
	OuterOIID string          // 平台子订单号
	SKUID     string          // 商品编码
	Qty       decimal.Decimal // 数量
}

// Journal keeps what pushes were handled, so that [Reconcile] can tell what was
// missed. A host implements it over its own tables: one row for each receipt, with
// an index on scope and document and one on scope and time. It is used by many
// goroutines at once. Processes that serve the same URLs share one journal.
type Journal interface {
	// Note keeps the receipts of one push, all or none. Of a stock row only the
	// latest figure of its document is needed: one with a later Modified, or noted
	// later where Modified is the same or missing, may replace the one before.
	Note(ctx context.Context, receipts ...Receipt) error
	// Find returns the receipts of a document, oldest first, or none.
	Find(ctx context.Context, of JournalScope, document string) ([]Receipt, error)
	// Between goes through the receipts of a scope that were handled from one time
	// on until before another, in any order. It ends at the first error. Stock is not
	// asked for.
	Between(ctx context.Context, of JournalScope, from, to time.Time) iter.Seq2[Receipt, error]
	// Since is the time from which on the journal knows every push of the scope that
	// was handled: when it was begun, or how far its old rows were deleted. Zero: of
	// all times.
	Since(ctx context.Context, of JournalScope) (time.Time, error)
}

// Journaled returns a config whose functions note in the journal what the functions
// of cfg took:
//
//	receiver, err := callback.New(callback.Journaled(cfg, journal))
//
// A push is noted after the function returned nil, with the time of cfg.Now. A
// failure of the journal goes to OnError as [ErrJournal] and does not undo that: the
// push is acknowledged, since the host did its part. A repeat that is answered
// without a call is not noted again. With NoDedupe it is, and returned goods are
// counted twice then: [Reconcile] needs the dedupe store for them.
func Journaled(cfg Config, j Journal) Config {
	n := notary{journal: j, now: cfg.Now, onError: cfg.OnError}
	if n.now == nil {
		n.now = time.Now
	}
	cfg.Shipment = noted(n, cfg.Shipment, shipmentReceipts)
	cfg.Cancel = noted(n, cfg.Cancel, cancelReceipts)
	cfg.GoodsReturned = noted(n, cfg.GoodsReturned, goodsReturnedReceipts)
	cfg.Stock = noted(n, cfg.Stock, stockReceipts)
	return cfg
}

type notary struct {
	journal Journal
	now     func() time.Time
	onError func(ctx context.Context, env Envelope, err error)
}

// noted is a function that notes what it took.
func noted[P any](n notary, function func(context.Context, Envelope, *P) error, receipts func(*P) []Receipt) func(context.Context, Envelope, *P) error {
	if function == nil {
		return nil
	}
	return func(ctx context.Context, env Envelope, p *P) error {
		taken := receipts(p) // before the function, which may change the message
		if err := function(ctx, env, p); err != nil {
			return err
		}
		n.note(ctx, env, taken)
		return nil
	}
}

// noteTimeout bounds a note, which may be made after the request has ended.
const noteTimeout = 5 * time.Second

// note tells the journal, even when the request has ended.
func (n notary) note(ctx context.Context, env Envelope, receipts []Receipt) {
	if len(receipts) == 0 {
		return
	}
	at := n.now()
	for i := range receipts {
		receipts[i].JournalScope = JournalScope{Method: env.Method, EntID: env.EntID, StorageCode: env.StorageCode}
		receipts[i].At = at
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if err := n.journal.Note(ctx, receipts...); err != nil && n.onError != nil {
		n.onError(ctx, env, fmt.Errorf("callback: push %s of merchant %q, %s: it was handled and acknowledged, but not noted / 推送已处理，但未能写入推送记录: %w: %w",
			env.Method, env.EntID, receipts[0].Document, ErrJournal, err))
	}
}

func shipmentReceipts(p *jushuitan.ShipmentPush) []Receipt {
	r := Receipt{Document: shipmentDocument(p.OID, p.SoID), SoID: p.SoID, OID: p.OID, LID: p.LID, LCID: p.LCID}
	for _, item := range p.Items {
		r.Lines = append(r.Lines, ReceiptLine{SoID: p.OrderOf(item), OuterOIID: item.OuterOIID, SKUID: item.SKUID, Qty: item.Qty})
	}
	return []Receipt{r}
}

func cancelReceipts(p *jushuitan.CancelPush) []Receipt {
	return []Receipt{{Document: cancelDocument(p.SoID), SoID: p.SoID}}
}

func goodsReturnedReceipts(p *jushuitan.GoodsReturnedPush) []Receipt {
	r := Receipt{Document: goodsDocument(p.ASID, p.OuterASID), SoID: p.SoID, OID: p.OID, ASID: p.ASID, OuterASID: p.OuterASID, Action: p.Action}
	for _, item := range p.Items {
		r.Lines = append(r.Lines, ReceiptLine{SoID: p.SoID, SKUID: item.SKUID, Qty: item.Qty})
	}
	return []Receipt{r}
}

func stockReceipts(p *jushuitan.StockPush) []Receipt {
	out := make([]Receipt, len(p.Rows))
	for i, row := range p.Rows {
		out[i] = Receipt{
			Document: stockDocument(row.SKUID, row.ShopSKUID),
			SKUID:    row.SKUID, ShopSKUID: row.ShopSKUID, Figure: row.Qty, Modified: row.Modified,
		}
	}
	return out
}

func shipmentDocument(oID int64, soID string) string {
	if oID == 0 {
		return "so_id " + soID
	}
	return "o_id " + strconv.FormatInt(oID, 10)
}

func cancelDocument(soID string) string { return "so_id " + soID }

func goodsDocument(asID int64, outerASID string) string {
	if asID == 0 {
		return "outer_as_id " + outerASID
	}
	return "as_id " + strconv.FormatInt(asID, 10)
}

func stockDocument(skuID, shopSKUID string) string {
	if skuID == "" {
		return "shop_sku_id " + shopSKUID
	}
	return "sku_id " + skuID
}

// DefaultJournalEntries is the size of a [MemoryJournal] where none is named.
const DefaultJournalEntries = 100_000

// MemoryJournal is a [Journal] for one process, of bounded size: when it is full
// the receipt that was noted first is forgotten, and Since moves on. It is for
// tests and small hosts. After a restart it knows nothing: what was missed before
// can be told only with a journal that is kept.
type MemoryJournal struct {
	limit int
	start time.Time

	mu     sync.Mutex
	found  map[journalKey][]*list.Element // of Receipt, oldest first
	order  list.List                      // of Receipt
	forgot map[jushuitan.PushMethod]time.Time
}

type journalKey struct {
	JournalScope
	document string
}

// NewMemoryJournal makes one for so many receipts; 0 is [DefaultJournalEntries].
// start is the time from which on pushes are noted in it, usually now.
func NewMemoryJournal(entries int, start time.Time) *MemoryJournal {
	if entries <= 0 {
		entries = DefaultJournalEntries
	}
	return &MemoryJournal{limit: entries, start: start, found: map[journalKey][]*list.Element{}, forgot: map[jushuitan.PushMethod]time.Time{}}
}

// Len is the number of receipts in memory.
func (m *MemoryJournal) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.order.Len()
}

// Note is [Journal].Note. Of a stock row it keeps the latest figure only.
func (m *MemoryJournal) Note(ctx context.Context, receipts ...Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range receipts {
		key := journalKey{r.JournalScope, r.Document}
		if known := m.found[key]; r.Method == jushuitan.PushStock && len(known) > 0 {
			if !laterStock(r, receiptOf(known[0])) {
				continue
			}
			m.drop(known[0])
		}
		r.Lines = slices.Clone(r.Lines)
		m.found[key] = append(m.found[key], m.order.PushBack(r))
		if m.order.Len() > m.limit {
			oldest := receiptOf(m.order.Front())
			m.drop(m.order.Front())
			if after := oldest.At.Add(1); after.After(m.forgot[oldest.Method]) {
				m.forgot[oldest.Method] = after
			}
		}
	}
	return nil
}

func receiptOf(e *list.Element) Receipt {
	r, _ := e.Value.(Receipt)
	return r
}

// laterStock reports whether a figure that is noted now is newer than one before.
func laterStock(r, before Receipt) bool {
	return r.Modified.IsZero() || !r.Modified.Before(before.Modified)
}

func (m *MemoryJournal) drop(e *list.Element) {
	r := receiptOf(e)
	m.order.Remove(e)
	key := journalKey{r.JournalScope, r.Document}
	rest := slices.DeleteFunc(m.found[key], func(other *list.Element) bool { return other == e })
	if len(rest) == 0 {
		delete(m.found, key)
		return
	}
	m.found[key] = rest
}

// Find is [Journal].Find.
func (m *MemoryJournal) Find(ctx context.Context, of JournalScope, document string) ([]Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Receipt
	for _, e := range m.found[journalKey{of, document}] {
		r := receiptOf(e)
		r.Lines = slices.Clone(r.Lines)
		out = append(out, r)
	}
	return out, nil
}

// Between is [Journal].Between, of the receipts that are there when it begins.
func (m *MemoryJournal) Between(ctx context.Context, of JournalScope, from, to time.Time) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		for _, r := range m.between(of, from, to) {
			if err := ctx.Err(); err != nil {
				yield(Receipt{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *MemoryJournal) between(of JournalScope, from, to time.Time) []Receipt {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Receipt
	for e := m.order.Front(); e != nil; e = e.Next() {
		r := receiptOf(e)
		if r.JournalScope == of && !r.At.Before(from) && r.At.Before(to) {
			r.Lines = slices.Clone(r.Lines)
			out = append(out, r)
		}
	}
	return out
}

// Since is [Journal].Since: the start, or later where receipts of the kind were
// forgotten.
func (m *MemoryJournal) Since(ctx context.Context, of JournalScope) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if forgot := m.forgot[of.Method]; forgot.After(m.start) {
		return forgot, nil
	}
	return m.start, nil
}
