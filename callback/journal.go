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

// ErrJournal means that the journal failed. A push that the host's function handled is
// acknowledged nevertheless, and the failure is reported to [Config].OnError;
// [Reconcile] will report the push as missed.
var ErrJournal = errors.New("journal of pushes failed")

// JournalScope separates journal entries: one kind of push to one registered URL.
type JournalScope struct {
	Method      jushuitan.PushMethod
	EntID       string // entId of the URL: the merchant
	StorageCode string // storageCode of the URL: shop or warehouse
}

// JournalEntry is the record of a handled push in a [Journal]; a stock push has one per
// row. It holds no personal data.
type JournalEntry struct {
	JournalScope
	// Document identifies, within the scope, what the push is about: "o_id 200001" for
	// a shipment, "so_id SO-1" for a cancel, "as_id 400001" for returned goods, "sku_id
	// SKU-A" for a stock row. If a push has no ERP number, shipments use so_id,
	// returned goods outer_as_id and stock rows shop_sku_id. Entries are looked up by
	// it; several may share it.
	Document string
	At       time.Time // when it was handled
	Sent     time.Time // ts: when the ERP sent it; zero if unknown or redelivered

	SoID      string                // 线上单号: of shipments, cancels and returned goods
	OID       int64                 // 内部单号: of shipments and returned goods
	LID       string                // 快递单号: of shipments
	LCID      string                // 物流公司编码: of shipments
	Carrier   string                // 物流公司: of shipments, its name
	ASID      int64                 // 售后单号: of returned goods
	OuterASID string                // 外部售后单号: of returned goods
	Action    jushuitan.GoodsAction // 操作: of returned goods
	Lines     []JournalLine         // 明细: of shipments and returned goods

	ShopID    int64           // 店铺编号: of a stock row, 0 if it had none
	SKUID     string          // 商品编码: of a stock row
	ShopSKUID string          // 店铺商品编码: of a stock row
	Figure    decimal.Decimal // 库存: of a stock row
	Modified  time.Time       // 修改时间: of a stock row, zero if it had none
}

// JournalLine is a line of a parcel or of returned goods.
type JournalLine struct {
	SoID      string          // 线上单号: of the line, which in merged orders is its own
	OuterOIID string          // 平台子订单号
	SKUID     string          // 商品编码
	Qty       decimal.Decimal // 数量
}

// Journal records handled pushes, so that [Reconcile] can find missed ones. Implement
// it over your own tables: one row per entry, with an index on scope and document and
// one on scope and time. It must be safe for concurrent use. Processes that serve the
// same URLs share one journal.
type Journal interface {
	// Record stores the entries of one push, all or none. For a stock row only the
	// latest figure of its document and ShopID is needed: one with a later Modified, or
	// recorded later with the same or no Modified, may replace the previous one.
	Record(ctx context.Context, entries ...JournalEntry) error
	// Find returns the entries of a document, oldest first, or none.
	Find(ctx context.Context, of JournalScope, document string) ([]JournalEntry, error)
	// Between yields the entries of a scope that were handled at or after from and
	// before to, in any order. It stops at the first error. It is never called for
	// stock.
	Between(ctx context.Context, of JournalScope, from, to time.Time) iter.Seq2[JournalEntry, error]
	// Since returns the time from which the journal has every handled push of the
	// scope: when it was created, or up to when old entries were deleted. Zero means
	// all times.
	Since(ctx context.Context, of JournalScope) (time.Time, error)
}

// WithJournal returns a config whose functions record in the journal what the functions
// of cfg handled:
//
//	receiver, err := callback.New(callback.WithJournal(cfg, journal))
//
// A push is recorded after the function returned nil, with the time of cfg.Now. If the
// journal fails, OnError receives [ErrJournal] and the push is acknowledged
// nevertheless, since the host has handled it. A duplicate that is answered without
// invoking your function is not recorded again. With NoDedupe it is, and returned goods
// are then counted twice: [Reconcile] requires deduplication for them.
func WithJournal(cfg Config, j Journal) Config {
	n := notary{journal: j, now: cfg.Now, onError: cfg.OnError}
	if n.now == nil {
		n.now = time.Now
	}
	cfg.Shipment = noted(n, cfg.Shipment, shipmentEntries)
	cfg.Cancel = noted(n, cfg.Cancel, cancelEntries)
	cfg.GoodsReturned = noted(n, cfg.GoodsReturned, goodsReturnedEntries)
	cfg.Stock = noted(n, cfg.Stock, stockEntries)
	return cfg
}

type notary struct {
	journal Journal
	now     func() time.Time
	onError func(ctx context.Context, env Envelope, err error)
}

// noted wraps a function so that what it handled is recorded.
func noted[P any](n notary, function func(context.Context, Envelope, *P) error, entries func(*P) []JournalEntry) func(context.Context, Envelope, *P) error {
	if function == nil {
		return nil
	}
	return func(ctx context.Context, env Envelope, p *P) error {
		taken := entries(p) // before the call, since the function may change the message
		if err := function(ctx, env, p); err != nil {
			return err
		}
		n.note(ctx, env, taken)
		return nil
	}
}

// noteTimeout limits a journal write, which may outlive the request.
const noteTimeout = 5 * time.Second

// note writes to the journal, even if the request has ended.
func (n notary) note(ctx context.Context, env Envelope, entries []JournalEntry) {
	if len(entries) == 0 {
		return
	}
	at := n.now()
	for i := range entries {
		entries[i].JournalScope = JournalScope{Method: env.Method, EntID: env.EntID, StorageCode: env.StorageCode}
		entries[i].At, entries[i].Sent = at, env.TS
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if err := n.journal.Record(ctx, entries...); err != nil && n.onError != nil {
		n.onError(ctx, env, fmt.Errorf("callback: push %s of merchant %q, %s: handled and acknowledged, but not recorded / 推送已处理并应答成功，但推送记录写入失败: %w: %w",
			env.Method, env.EntID, entries[0].Document, ErrJournal, err))
	}
}

func shipmentEntries(p *jushuitan.ShipmentPush) []JournalEntry {
	r := JournalEntry{Document: shipmentDocument(p.OID, p.SoID), SoID: p.SoID, OID: p.OID, LID: p.LID, LCID: p.LCID, Carrier: p.LogisticsCompany}
	for _, item := range p.Items {
		r.Lines = append(r.Lines, JournalLine{SoID: p.OrderOf(item), OuterOIID: item.OuterOIID, SKUID: item.SKUID, Qty: item.Qty})
	}
	return []JournalEntry{r}
}

func cancelEntries(p *jushuitan.CancelPush) []JournalEntry {
	return []JournalEntry{{Document: cancelDocument(p.SoID), SoID: p.SoID}}
}

func goodsReturnedEntries(p *jushuitan.GoodsReturnedPush) []JournalEntry {
	r := JournalEntry{Document: goodsDocument(p.ASID, p.OuterASID), SoID: p.SoID, OID: p.OID, ASID: p.ASID, OuterASID: p.OuterASID, Action: p.Action}
	for _, item := range p.Items {
		r.Lines = append(r.Lines, JournalLine{SoID: p.SoID, SKUID: item.SKUID, Qty: item.Qty})
	}
	return []JournalEntry{r}
}

func stockEntries(p *jushuitan.StockPush) []JournalEntry {
	out := make([]JournalEntry, len(p.Rows))
	for i, row := range p.Rows {
		out[i] = JournalEntry{
			Document: stockDocument(row.SKUID, row.ShopSKUID),
			ShopID:   row.ShopID, SKUID: row.SKUID, ShopSKUID: row.ShopSKUID, Figure: row.Qty, Modified: row.Modified,
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

// DefaultJournalEntries is the default capacity of a [MemoryJournal].
const DefaultJournalEntries = 100_000

// MemoryJournal is a [Journal] for one process, of bounded size: when it is full, the
// oldest entry is evicted and Since moves on. It is meant for tests and small hosts.
// After a restart it is empty: pushes missed before can only be found with a persistent
// journal.
type MemoryJournal struct {
	limit int
	start time.Time

	mu     sync.Mutex
	found  map[journalKey][]*list.Element // of *JournalEntry, oldest first
	order  list.List                      // of *JournalEntry, which do not change
	forgot map[jushuitan.PushMethod]time.Time
}

type journalKey struct {
	JournalScope
	document string
}

// NewMemoryJournal returns a journal that holds at most the given number of entries; 0
// means [DefaultJournalEntries]. start is the time from which pushes are recorded in
// it, usually now.
func NewMemoryJournal(entries int, start time.Time) *MemoryJournal {
	if entries <= 0 {
		entries = DefaultJournalEntries
	}
	return &MemoryJournal{limit: entries, start: start, found: map[journalKey][]*list.Element{}, forgot: map[jushuitan.PushMethod]time.Time{}}
}

// Len returns the number of entries in memory.
func (m *MemoryJournal) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.order.Len()
}

// Record implements [Journal]. For a stock row it keeps only the latest figure.
func (m *MemoryJournal) Record(ctx context.Context, entries ...JournalEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range entries {
		key := journalKey{r.JournalScope, r.Document}
		if known := m.figure(key, r.ShopID); r.Method == jushuitan.PushStock && known != nil {
			if !laterStock(r, entryOf(known)) {
				continue
			}
			m.drop(known)
		}
		r.Lines = slices.Clone(r.Lines)
		m.found[key] = append(m.found[key], m.order.PushBack(&r))
		if m.order.Len() > m.limit {
			oldest := entryOf(m.order.Front())
			m.drop(m.order.Front())
			if after := oldest.At.Add(1); after.After(m.forgot[oldest.Method]) {
				m.forgot[oldest.Method] = after
			}
		}
	}
	return nil
}

// figure returns the entry of a stock row of a shop, or nil.
func (m *MemoryJournal) figure(key journalKey, shop int64) *list.Element {
	for _, e := range m.found[key] {
		if entryOf(e).ShopID == shop {
			return e
		}
	}
	return nil
}

func entryOf(e *list.Element) JournalEntry {
	r, _ := e.Value.(*JournalEntry)
	return *r
}

// laterStock reports whether a new figure supersedes a previous one.
func laterStock(r, before JournalEntry) bool {
	return r.Modified.IsZero() || !r.Modified.Before(before.Modified)
}

func (m *MemoryJournal) drop(e *list.Element) {
	r := entryOf(e)
	m.order.Remove(e)
	key := journalKey{r.JournalScope, r.Document}
	rest := slices.DeleteFunc(m.found[key], func(other *list.Element) bool { return other == e })
	if len(rest) == 0 {
		delete(m.found, key)
		return
	}
	m.found[key] = rest
}

// Find implements [Journal].
func (m *MemoryJournal) Find(ctx context.Context, of JournalScope, document string) ([]JournalEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []JournalEntry
	for _, e := range m.found[journalKey{of, document}] {
		r := entryOf(e)
		r.Lines = slices.Clone(r.Lines)
		out = append(out, r)
	}
	return out, nil
}

// Between implements [Journal]. It yields the entries present when it starts.
func (m *MemoryJournal) Between(ctx context.Context, of JournalScope, from, to time.Time) iter.Seq2[JournalEntry, error] {
	return func(yield func(JournalEntry, error) bool) {
		for _, r := range m.between(of, from, to) {
			if err := ctx.Err(); err != nil {
				yield(JournalEntry{}, err)
				return
			}
			entry := *r
			entry.Lines = slices.Clone(r.Lines)
			if !yield(entry, nil) {
				return
			}
		}
	}
}

func (m *MemoryJournal) between(of JournalScope, from, to time.Time) []*JournalEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*JournalEntry
	for e := m.order.Front(); e != nil; e = e.Next() {
		if r, _ := e.Value.(*JournalEntry); r.JournalScope == of && !r.At.Before(from) && r.At.Before(to) {
			out = append(out, r)
		}
	}
	return out
}

// Since implements [Journal]. It returns the start, or later once entries of the kind
// were evicted.
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
