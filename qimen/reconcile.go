package qimen

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ErrJournal means that the journal of handled messages failed. A message that your function
// handled is answered with success nevertheless, and the failure is passed to
// [MuxConfig].OnError; [Reconcile] will report its documents.
var ErrJournal = errors.New("journal of messages failed")

// JournalEntry is the record of a document that a message brought and your function handled.
// It holds no personal data.
type JournalEntry struct {
	CustomerID string    // of the message
	Method     string    // full name: taobao.qimen.deliveryorder.create
	Document   string    // its number in the message: deliveryOrderCode, entryOrderCode, orderBillCode ...
	At         time.Time // when it was handled
}

// Journal records the documents of handled messages, so that [Reconcile] can find what was
// never forwarded. Implement it over your own tables: one row per customer, method and
// document. It must be safe for concurrent use. Processes that serve the same URL share one.
type Journal interface {
	// Record stores the entries of one message, all or none. A document may come again.
	Record(ctx context.Context, entries ...JournalEntry) error
	// Handled returns which of the documents are recorded for a customer and a method.
	Handled(ctx context.Context, customerID, method string, documents []string) (map[string]bool, error)
}

// journalTimeout limits a journal write, which may outlive the request.
const journalTimeout = 5 * time.Second

// note records the documents of a message that was handled.
func (m *Mux) note(ctx context.Context, env Envelope, documents []string) {
	if m.cfg.Journal == nil || len(documents) == 0 {
		return
	}
	now := time.Now
	if m.cfg.Now != nil {
		now = m.cfg.Now
	}
	entries := make([]JournalEntry, len(documents))
	for i, d := range documents {
		entries[i] = JournalEntry{CustomerID: env.CustomerID, Method: env.Method, Document: d, At: now()}
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTimeout)
	defer cancel()
	if err := m.cfg.Journal.Record(writing, entries...); err != nil {
		m.report(ctx, env, fmt.Errorf("handled and answered with success, but not recorded / 消息已处理并应答成功，但处理记录写入失败: %w: %w",
			ErrJournal, err))
	}
}

// numbers returns the numbers of the documents that a message is about.
func numbers(req any) []string {
	codes := documents(req)
	switch r := req.(type) {
	case *OrderCancelRequest:
		return nil // the document is that of another message
	case *DeliveryOrderConfirmRequest:
		codes = []string{r.DeliveryOrder.DeliveryOrderCode}
	case *DeliveryOrderBatchConfirmRequest:
		for i := range r.Orders {
			codes = append(codes, r.Orders[i].DeliveryOrder.DeliveryOrderCode)
		}
	case *EntryOrderConfirmRequest:
		codes = []string{r.EntryOrder.EntryOrderCode}
	case *ReturnOrderConfirmRequest:
		codes = []string{r.ReturnOrder.ReturnOrderCode}
	case *StockOutConfirmRequest:
		codes = []string{r.DeliveryOrder.DeliveryOrderCode}
	case *StoreProcessConfirmRequest:
		codes = []string{r.ProcessOrderCode}
	case *POSWebOrderSyncRequest:
		codes = []string{r.OrderBillCode}
	case *POSWebOrderSingleSyncRequest:
		codes = []string{r.OrderBillCode}
	case *POSReplenishNoticeRequest:
		codes = []string{r.OrderInfo.OrderCode}
	}
	var out []string
	for _, c := range codes {
		if c != "" {
			out = append(out, c)
		}
	}
	return out
}

// ReconcileSource is a query of the ERP whose documents the gateway should have forwarded.
type ReconcileSource struct {
	// Method is the method through which they should have come, such as
	// taobao.qimen.deliveryorder.create.
	Method string
	// Documents yields the documents of a time range, including from and excluding to.
	Documents func(ctx context.Context, c *Client, from, to time.Time) iter.Seq2[ExpectedDocument, error]
}

// ExpectedDocument is a document of the ERP that the gateway should have forwarded.
type ExpectedDocument struct {
	Document string    // its number in the message
	At       time.Time // when it was created or changed
	Value    any       // as the ERP returned it, such as *jushuitan.Outbound
}

// ReconcileConfig configures [Reconcile].
type ReconcileConfig struct {
	// Client queries the ERP, for one customer ([Client.ForCustomer]).
	Client *Client
	// Journal has the documents that were handled, see [MuxConfig].Journal.
	Journal Journal
	// Sources are the queries to compare.
	Sources []ReconcileSource

	// From and To are the time range, including From and excluding To. A zero To means now.
	From, To time.Time
	// Grace skips documents younger than this, whose message may still be on its way; 0 means
	// [DefaultGrace], a negative value no grace.
	Grace time.Duration
	// Now returns the current time; nil means time.Now.
	Now func() time.Time
}

// DefaultGrace is how old a document must be by default before its message counts as missed.
const DefaultGrace = 5 * time.Minute

// Missed is a document of the ERP that no message brought.
type Missed struct {
	ExpectedDocument
	CustomerID string
	Method     string // through which it should have come
}

// Reconcile finds what the gateway should have forwarded and did not: it queries the ERP for
// the documents of a time range and compares their numbers with the journal of handled
// messages. It yields each document that is missing as it is found.
//
//	cfg := qimen.ReconcileConfig{
//		Client: client.ForCustomer(id), Journal: journal, From: yesterday,
//		Sources: []qimen.ReconcileSource{qimen.ReconcileSaleouts("taobao.qimen.deliveryorder.create",
//			qimen.SaleoutListRequest{WMSCoID: warehouse},
//			func(o *jushuitan.Outbound) string { return strconv.FormatInt(o.IOID, 10) })},
//	}
//	for missed, err := range qimen.Reconcile(ctx, cfg) {
//		...
//	}
//
// A source that fails yields an error that names its method, and the others continue; run it
// again, since its documents were not all compared. If the context ends, that is the last
// error.
func Reconcile(ctx context.Context, cfg ReconcileConfig) iter.Seq2[*Missed, error] {
	return func(yield func(*Missed, error) bool) {
		if err := cfg.check(); err != nil {
			yield(nil, fmt.Errorf("qimen: reconcile: %w", err))
			return
		}
		now := time.Now
		if cfg.Now != nil {
			now = cfg.Now
		}
		to := now().Add(-max(0, cmp.Or(cfg.Grace, DefaultGrace)))
		if !cfg.To.IsZero() && cfg.To.Before(to) {
			to = cfg.To
		}
		if !cfg.From.Before(to) {
			return // no document is old enough
		}
		for _, source := range cfg.Sources {
			c := &comparison{cfg: &cfg, source: source, yield: yield}
			err := c.run(ctx, to)
			switch {
			case c.left:
				return
			case err == nil:
				continue
			}
			err = fmt.Errorf("qimen: reconcile %s of customer %q: incomplete, run it again / 核对未完成，请重新核对: %w",
				source.Method, cfg.Client.customer, err)
			if !yield(nil, err) || ctx.Err() != nil {
				return
			}
		}
	}
}

func (c *ReconcileConfig) check() error {
	switch {
	case c.Client == nil:
		return errors.New("no Client to query the ERP / 缺少 Client")
	case c.Journal == nil:
		return errors.New("no Journal of handled messages / 缺少 Journal")
	case len(c.Sources) == 0:
		return errors.New("no Sources to compare / 缺少 Sources")
	case c.From.IsZero():
		return errors.New("no time From which to compare / 缺少开始时间 From")
	case !c.To.IsZero() && c.To.Before(c.From):
		return errors.New("invalid range: To is before From / 结束时间早于开始时间")
	}
	for i, s := range c.Sources {
		if s.Method == "" || s.Documents == nil {
			return fmt.Errorf("no Method or no Documents in Sources[%d] / 缺少 Method 或 Documents", i)
		}
	}
	return nil
}

// comparison compares the documents of one source.
type comparison struct {
	cfg    *ReconcileConfig
	source ReconcileSource
	yield  func(*Missed, error) bool
	left   bool // the loop was left
	batch  []ExpectedDocument
	given  map[string]bool // yielded already
}

// reconcileBatch is how many documents the journal is asked for at once.
const reconcileBatch = 200

func (c *comparison) run(ctx context.Context, to time.Time) error {
	c.given = map[string]bool{}
	for d, err := range c.source.Documents(ctx, c.cfg.Client, c.cfg.From, to) {
		switch {
		case err != nil:
			return err
		case d.Document == "":
			return errors.New("a document has no number")
		case !d.At.IsZero() && (d.At.Before(c.cfg.From) || !d.At.Before(to)):
			continue
		}
		if c.batch = append(c.batch, d); len(c.batch) == reconcileBatch {
			if err := c.flush(ctx); err != nil || c.left {
				return err
			}
		}
	}
	return c.flush(ctx)
}

// flush asks the journal for the documents of the batch and yields those that are missing.
func (c *comparison) flush(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	method := c.source.Method
	if m := methodAt(method); m != nil {
		method = m.Name
	}
	codes := make([]string, len(c.batch))
	for i := range c.batch {
		codes[i] = c.batch[i].Document
	}
	handled, err := c.cfg.Journal.Handled(ctx, c.cfg.Client.customer, method, codes)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	for _, d := range c.batch {
		if handled[d.Document] || c.given[d.Document] {
			continue
		}
		c.given[d.Document] = true
		if !c.yield(&Missed{ExpectedDocument: d, CustomerID: c.cfg.Client.customer, Method: method}, nil) {
			c.left = true
			return nil
		}
	}
	c.batch = c.batch[:0]
	return nil
}

// ReconcileSaleouts compares outbound documents (销售出库单), by modified. req selects them;
// its time range is set. number returns the number under which a message brings the document;
// no public source states which of its numbers that is.
func ReconcileSaleouts(method string, req SaleoutListRequest, number func(*jushuitan.Outbound) string) ReconcileSource {
	return ReconcileSource{method, func(ctx context.Context, c *Client, from, to time.Time) iter.Seq2[ExpectedDocument, error] {
		q := req
		q.StartTime, q.EndTime = from, to
		return expected(c.Scene.AllSaleouts(ctx, &q), number, func(r *jushuitan.Outbound) time.Time { return r.Modified })
	}}
}

// ReconcileOrders compares orders, by modified, like [ReconcileSaleouts].
func ReconcileOrders(method string, req OrderListRequest, number func(*jushuitan.Order) string) ReconcileSource {
	return ReconcileSource{method, func(ctx context.Context, c *Client, from, to time.Time) iter.Seq2[ExpectedDocument, error] {
		q := req
		q.StartTime, q.EndTime = from, to
		return expected(c.Scene.AllOrders(ctx, &q), number, func(r *jushuitan.Order) time.Time { return r.Modified })
	}}
}

// ReconcileRefunds compares after-sale cases, like [ReconcileSaleouts]. The query has no time
// range: it reads all cases after the row version since, and skips those modified at another
// time.
func ReconcileRefunds(method string, since int64, number func(*jushuitan.AfterSale) string) ReconcileSource {
	return ReconcileSource{method, func(ctx context.Context, c *Client, _, _ time.Time) iter.Seq2[ExpectedDocument, error] {
		modified := func(r *jushuitan.AfterSale) time.Time { return r.Modified }
		return expected(c.Scene.RefundsSince(ctx, since, &RefundListRequest{}), number, modified)
	}}
}

// ReconcilePOSDeliveryOrders compares the delivery orders of a store (门店发货单), by creation.
// req selects them; its time range and page are set. Their number is orderCode.
func ReconcilePOSDeliveryOrders(method string, req POSDeliveryOrderGetRequest) ReconcileSource {
	return ReconcileSource{method, func(ctx context.Context, c *Client, from, to time.Time) iter.Seq2[ExpectedDocument, error] {
		return func(yield func(ExpectedDocument, error) bool) {
			q := req
			q.StartTime, q.EndTime, q.Page, q.PageSize = from, to, 0, max(q.PageSize, 20)
			for seen := map[string]bool{}; ; {
				q.Page++
				page, err := c.POS.DeliveryOrderGet(ctx, &q)
				if err != nil {
					yield(ExpectedDocument{}, err)
					return
				}
				before := len(seen)
				for i := range page.Order {
					o := &page.Order[i]
					if seen[o.OrderCode] && o.OrderCode != "" {
						continue
					}
					seen[o.OrderCode] = true
					at, _ := wire.ParseTime(o.CreateTime) // of the query's time range in any case
					if !yield(ExpectedDocument{Document: o.OrderCode, At: at, Value: o}, nil) {
						return
					}
				}
				if done, why := lastPOSPage(page, len(seen), len(seen) > before); done || why != "" {
					if why != "" {
						yield(ExpectedDocument{}, fmt.Errorf("page %d %s after %d of %d delivery orders: %w",
							q.Page, why, len(seen), page.Total, jushuitan.ErrPaging))
					}
					return
				}
			}
		}
	}}
}

// lastPOSPage reports whether a page is the last one, after which so many orders were read, or
// why that cannot be told.
func lastPOSPage(page *POSDeliveryOrderGetResponse, read int, more bool) (done bool, why string) {
	switch {
	case len(page.Order) == 0 && hasLists(page.Extra):
		return false, "has a list under another name than order"
	case int64(read) >= page.Total && (page.Total > 0 || len(page.Order) == 0):
		return true, ""
	case len(page.Order) == 0:
		return false, "is empty"
	case !more:
		return false, "repeats the pages before"
	}
	return false, ""
}

// hasLists reports whether unknown members hold objects or lists, which may be rows.
func hasLists(extra map[string]json.RawMessage) bool {
	for _, v := range extra {
		if k := jsontext.Value(v).Kind(); k == '{' || k == '[' && !blankList(jsontext.Value(v)) {
			return true
		}
	}
	return false
}

// expected turns the rows of a query into documents.
func expected[Row any](rows iter.Seq2[*Row, error], number func(*Row) string, at func(*Row) time.Time) iter.Seq2[ExpectedDocument, error] {
	return func(yield func(ExpectedDocument, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(ExpectedDocument{}, err)
				return
			}
			if !yield(ExpectedDocument{Document: number(row), At: at(row), Value: row}, nil) {
				return
			}
		}
	}
}
