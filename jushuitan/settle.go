package jushuitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// DefaultSettleDelay is how long after a write its absence counts as evidence, see
// [SettleAfter]. No source says how late a write may become visible to a query; the figure
// is our choice.
const DefaultSettleDelay = 5 * time.Minute

// Write is a write whose outcome is to be settled. It is a plain value, so that a host can
// store it as JSON and settle it in another process.
type Write struct {
	Operation string    // Orders.Upload, or its path
	Request   any       `pii:"true"` // what was sent: the typed request, or its JSON
	Began     time.Time // when it was sent for the first time, by the host's clock
	Ended     time.Time // when the last call for it returned; Began if it is zero
}

// Format prints the write without its request.
func (w Write) Format(s fmt.State, verb rune) { redact.Format(s, verb, w) }

// LogValue is the write for slog, without its request.
func (w Write) LogValue() slog.Value { return redact.LogValue(w) }

// Settlement is the outcome of one document of a write.
type Settlement struct {
	Op       string // Orders.Upload
	Merchant string
	Index    int    // of the document in the request
	Key      string // the numbers that name it

	// Outcome is Applied, NotApplied or Unknown. Applied means that the ERP holds what was
	// written, NotApplied that it does not and that nothing suggests that it ever did.
	Outcome Outcome
	Undone  bool // it was applied, and the ERP has cancelled or undone it since

	Found  int               // number of documents that match; more than one may be duplicates
	Query  string            // the query that was read, such as Orders.Query
	Rows   []json.RawMessage `pii:"true"` // what it returned for this document
	Reason string            // the evidence for the outcome, or why it is unknown

	// Again is when to settle the document again while its outcome is unknown. If it is
	// zero, reading again does not help: somebody has to look at the document.
	Again time.Time
	Age   time.Duration // from the end of the write to this reading
}

// Format prints the settlement without the rows.
func (s Settlement) Format(f fmt.State, verb rune) { redact.Format(f, verb, s) }

// LogValue is the settlement for slog, without the rows.
func (s Settlement) LogValue() slog.Value { return redact.LogValue(s) }

// SettleOption changes how a write is settled.
type SettleOption func(*settling)

// SettleAfter sets how long after the end of a write, by the server's clock, a document that
// does not exist, or that has not changed, counts as not written; [DefaultSettleDelay] by
// default. Until then its outcome stays unknown, since writes may become visible late.
func SettleAfter(d time.Duration) SettleOption {
	return func(s *settling) { s.delay, s.err = d, engine.NotNegative("SettleAfter", d) }
}

// Settle (核实写入结果) reads back a write whose response was lost, or that was refused because
// the document exists. It returns the outcome of each document of the write, in the order of
// the request. The comment of each write method states whether and how it can be read back.
//
// A document counts as not applied only if a reading that began [SettleAfter] after the end of
// the write shows that it does not exist or has not changed since the write began. A stored
// document is compared as far as the query shows the data that was sent. In all other cases
// the outcome is Unknown, with the reason and the time to settle it again. If somebody has
// changed the document since the write and it does not hold what was written, the outcome
// stays Unknown, since nothing shows whether it held it for a while. A [Keyed] write of data
// that only the host writes may then be sent again.
//
// Settle only sends queries. It never repeats the write; after NotApplied, repeating it is
// safe.
//
// The error joins the errors of the queries; the documents concerned are Unknown, and the
// others are settled. If no query can show the write, the error is [errors.ErrUnsupported].
func (c *Client) Settle(ctx context.Context, w Write, opts ...SettleOption) ([]Settlement, error) {
	return c.settle(ctx, w, nil, opts)
}

// SettleError settles the documents whose outcome an error of a write method leaves open:
// those whose outcome is unknown, and those that were refused because they exist or already
// have the wanted state. request is the argument of the method. Documents whose outcome the
// error states are left out of the result; Index identifies the others in the request.
func (c *Client) SettleError(ctx context.Context, err error, request any, opts ...SettleOption) ([]Settlement, error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.write {
		return nil, nil
	}
	w := Write{Operation: e.Path, Request: request, Began: e.Began, Ended: e.Ended}
	var only []int
	if batch, ok := errors.AsType[*BatchError](err); ok {
		open := false
		for _, row := range batch.Failed {
			of, ok := errors.AsType[*Error](row.Err)
			if !ok || !of.open() {
				continue
			}
			open = true
			w.Began, w.Ended = earlier(w.Began, of.Began), later(w.Ended, of.Ended)
			if row.Index >= 0 {
				only = append(only, row.Index)
			}
		}
		if !open {
			return nil, nil
		}
	} else if !e.open() {
		return nil, nil
	}
	if c.merchant != e.Merchant {
		c = c.ForMerchant(e.Merchant)
	}
	return c.settle(ctx, w, only, opts)
}

// open reports whether an error leaves open whether the ERP holds what was written.
func (e *Error) open() bool {
	return e.Outcome == Unknown || e.Outcome == Rejected && aboutExisting.MatchString(e.Msg)
}

// aboutExisting are texts of refusals that say that a document exists, or that its state
// does not allow the write, which is so after the write was applied.
var aboutExisting = regexp.MustCompile(`(?i)已存在|已经存在|重复|状态|已(发货|出库|入库|收货|确认|审核|取消|作废|完成|生效)` +
	`|exist|already|duplicate|status`)

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// settling is a Settle in progress.
type settling struct {
	*Client
	op    *Operation
	rb    *readBack
	write Write
	delay time.Duration
	err   error

	now    time.Time // when the reading began, by the host's clock
	low    time.Time // earliest possible time of Began by the server's clock
	high   time.Time // latest possible time of Began by the server's clock
	mature bool      // absence is evidence
	again  time.Time // when it will be
	window *reading  // of the documents changed since Began, for those that a number does not find
}

func (c *Client) settle(ctx context.Context, w Write, only []int, opts []SettleOption) ([]Settlement, error) {
	s := &settling{Client: c, write: w, delay: DefaultSettleDelay}
	for _, opt := range opts {
		opt(s)
	}
	docs, err := s.prepare()
	if err != nil {
		return nil, err
	}
	if only != nil {
		docs = slices.DeleteFunc(docs, func(d *document) bool { return !slices.Contains(only, d.index) })
	}
	err = s.read(ctx, docs)
	out := make([]Settlement, len(docs))
	for i, d := range docs {
		out[i] = s.settled(ctx, d)
	}
	return out, errors.Join(err, s.windowErr())
}

// prepare finds the operation and its documents.
func (s *settling) prepare() ([]*document, error) {
	for _, op := range operations {
		if op.Name() == s.write.Operation || op.Path == s.write.Operation || slices.Contains(op.AltPaths, s.write.Operation) {
			s.op = op
		}
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("jushuitan: Settle %s merchant %q: %w", s.write.Operation, s.merchant, fmt.Errorf(format, args...))
	}
	switch {
	case s.err != nil:
		return nil, fail("%w", s.err)
	case s.op == nil:
		return nil, fail("no such operation / 未知接口")
	case s.op.readBack == nil:
		return nil, fail("%w: no query shows whether it was applied / 没有可核实该写入的查询接口", errors.ErrUnsupported)
	case s.write.Began.IsZero():
		return nil, fail("Began is missing / 缺少写入时间")
	}
	s.rb = s.op.readBack
	biz, err := wire.Marshal(s.write.Request)
	if err != nil {
		return nil, fail("cannot encode the request: %w", err)
	}
	docs := s.rb.documents(biz)
	if len(docs) == 0 {
		return nil, fail("the request names no document / 请求中没有单据")
	}
	if s.write.Ended.IsZero() {
		s.write.Ended = s.write.Began
	}
	return docs, nil
}

// OutcomeEvent reports that the outcome of a write is unknown, or what Settle found.
type OutcomeEvent struct {
	Op       string
	Merchant string
	Settled  bool          // found by Settle; otherwise a call has just ended
	Outcome  Outcome       // Unknown, and of Settle also Applied and NotApplied
	Undone   bool          // see [Settlement]
	Found    int           // see [Settlement]
	Age      time.Duration // from the end of the write to the reading
	Again    time.Time     // see [Settlement]
}

// WithOnOutcome calls f for each write call, or row of an upload, whose outcome is unknown
// after its last attempt, and for each document that [Client.Settle] reads: for metrics of
// how many outcomes are unknown, how old they become and how they are settled. f is called
// from many goroutines and must not block.
func WithOnOutcome(f func(OutcomeEvent)) Option {
	return func(s *settings) error { s.onOutcome = f; return engine.Given("WithOnOutcome", f != nil) }
}

// unknown reports an error whose outcome is unknown to the function of [WithOnOutcome].
func (k *oneCall) unknown(e *Error) *Error {
	if e.write && e.Outcome == Unknown && k.core.onOutcome != nil {
		k.core.onOutcome(OutcomeEvent{Op: e.Op, Merchant: e.Merchant, Outcome: Unknown})
	}
	return e
}
