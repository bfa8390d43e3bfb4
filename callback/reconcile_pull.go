package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// errLeft means that the caller left the loop.
var errLeft = errors.New("loop left")

// Documents per batch: the maximum of the queries by number.
const (
	chunkRows  = 50 // o_ids, as_ids
	chunkSoIDs = 20 // so_ids
)

// partRows is how many rows of a window are listed at a time, since a listing remembers its
// rows. Those of one second are listed together.
const partRows = 5_000

// keptGiven is how many reported documents are remembered at least.
const keptGiven = 5_000

// puller is what the comparers share: the client, the journal and the window of one kind
// of one shop.
type puller struct {
	client   *jushuitan.Client
	journal  Journal
	scope    JournalScope
	begin    time.Time // of the window, as configured
	from, to time.Time // in whole seconds
	since    time.Time // of the journal
	yield    func(*Difference, error) bool
	asOf     time.Time // when the ERP was asked, by its clock

	given, earlier map[string]struct{} // documents whose rows may repeat; those of earlier were given before
}

func (p *puller) run(ctx context.Context, job reconcileJob, unexpected bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	since, err := p.journal.Since(ctx, p.scope)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	if p.begin.Before(since) {
		return fmt.Errorf("%w: it has pushes from %s on, but the window begins at %s: choose a later From / 推送记录未覆盖所选时间段，请推迟开始时间 From",
			ErrJournal, since.In(wire.CST).Format(time.RFC3339), p.begin.In(wire.CST).Format(time.RFC3339))
	}
	// The ERP's times have no fractions of seconds: a document of the second in which the
	// journal began counts as recorded. At worst it is reported as missed.
	p.since = since.Truncate(time.Second)
	c := p.comparer(job)
	if err := c.compare(ctx); err != nil {
		return err
	}
	if err := c.late(ctx); err != nil || !unexpected {
		return err
	}
	return c.unexpected(ctx)
}

// comparer compares the pushes of one kind with the ERP. It hands what it finds to
// [puller.give], some rows at a time, and ends with the first error.
type comparer interface {
	// compare finds documents of the window without a push, or with one that differs.
	compare(ctx context.Context) error
	// late finds documents that did not change in the window, of which it has a push that
	// came too late: it may have undone what the host knew since their window was compared.
	late(ctx context.Context) error
	// unexpected finds pushes of the window without a document in the ERP.
	unexpected(ctx context.Context) error
}

// comparer returns the comparer of a job, or nil where its kind has none.
func (p *puller) comparer(job reconcileJob) comparer {
	switch job.scope.Method {
	case jushuitan.PushShipment:
		return &shipmentComparer{p, job.shop}
	case jushuitan.PushCancel:
		return &cancelComparer{p, job.shop}
	case jushuitan.PushGoodsReturned:
		return &goodsComparer{p, job.shop}
	case jushuitan.PushStock:
		return &stockComparer{p, job.stock}
	}
	return nil
}

// compared reports whether a kind has a comparer.
func compared(m jushuitan.PushMethod) bool {
	return (*puller)(nil).comparer(reconcileJob{scope: JournalScope{Method: m}}) != nil
}

// give yields a difference.
func (p *puller) give(ctx context.Context, d *Difference) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Method, d.EntID, d.StorageCode, d.AsOf = p.scope.Method, p.scope.EntID, p.scope.StorageCode, p.asOf
	if !p.yield(d, nil) {
		return errLeft
	}
	return nil
}

// report yields an error after which the loop goes on.
func (p *puller) report(err error) error {
	if !p.yield(nil, &ReconcileError{JournalScope: p.scope, Err: err}) {
		return errLeft
	}
	return nil
}

// listed yields the rows of a listing of the window. Rows that cannot be decoded, which may
// hide a document, are reported, and the listing goes on. It ends with an error if the window
// was not over by the ERP's clock: more documents may come into it.
func listed[T any](p *puller, list func(c *jushuitan.Client) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var heard answers
		for row, err := range list(heard.to(p.client)) {
			p.asOf = heard.since()
			if left := p.reportBad(heard.bad()); left != nil {
				yield(none, left)
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
		if left := p.reportBad(heard.bad()); left != nil {
			yield(none, left)
		} else if err := heard.over(p.to); err != nil {
			yield(none, err)
		}
	}
}

// queried yields the rows of a query for some documents. It ends with an error if one of its
// rows could not be decoded, whatever the options of the client say.
func queried[T any](p *puller, query func(c *jushuitan.Client) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var heard answers
		for row, err := range query(heard.to(p.client)) {
			if !yield(row, err) || err != nil {
				return
			}
		}
		if bad := heard.bad(); len(bad) > 0 {
			yield(none, &jushuitan.BadRowsError{Op: bad[0].Op, Merchant: bad[0].Merchant, Rows: bad})
		}
	}
}

// answers is what the answers to a query have beside its rows. Several goroutines read them.
type answers struct {
	mu   sync.Mutex
	rows []jushuitan.BadRow // that cannot be decoded
	date time.Time          // of the earliest answer, by the ERP's clock
}

// to returns a client whose answers are heard.
func (a *answers) to(c *jushuitan.Client) *jushuitan.Client {
	return c.With(jushuitan.WithResponseHeader(a.dated), jushuitan.WithCallBadRow(func(row jushuitan.BadRow) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.rows = append(a.rows, row)
	}))
}

// bad returns the rows that cannot be decoded, since the last call.
func (a *answers) bad() []jushuitan.BadRow {
	a.mu.Lock()
	defer a.mu.Unlock()
	rows := a.rows
	a.rows = nil
	return rows
}

// dated keeps the Date of an answer, unless it comes from a cache.
func (a *answers) dated(header http.Header) {
	at, err := http.ParseTime(header.Get("Date"))
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && header.Get("Age") == "" && (a.date.IsZero() || at.Before(a.date)) {
		a.date = at
	}
}

// since returns the ERP's time at its earliest answer, or zero.
func (a *answers) since() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.date
}

// clockFar is more than the clocks may differ: the ERP refuses requests whose timestamp is
// further off.
const clockFar = 15 * time.Minute

// over returns an error if a window ended after the ERP's time of the first answer.
func (a *answers) over(to time.Time) error {
	date := a.since()
	early := to.Sub(date)
	if date.IsZero() || early <= 0 || early > clockFar {
		return nil
	}
	return fmt.Errorf("the window ends %s after the ERP's time, whose clock is behind: choose a larger Grace / "+
		"聚水潭时钟较慢，时间段尚未结束，请调大 Grace", early)
}

// reportBad reports rows that could not be decoded, each once.
func (p *puller) reportBad(rows []jushuitan.BadRow) error {
	for _, row := range rows {
		if p.again("row " + cmp.Or(row.Key, string(row.Raw))) {
			continue
		}
		if err := p.report(&jushuitan.BadRowsError{Op: row.Op, Merchant: row.Merchant, Rows: []jushuitan.BadRow{row}}); err != nil {
			return err
		}
	}
	return nil
}

// separately compares some documents together or, if a row of one cannot be decoded, one by
// one: that one is reported, and the others are compared.
func separately[T any](p *puller, documents []T, compare func([]T) error) error {
	err := compare(documents)
	if _, bad := errors.AsType[*jushuitan.BadRowsError](err); !bad {
		return err
	}
	if len(documents) == 1 {
		return p.report(err)
	}
	for i := range documents {
		if err := separately(p, documents[i:i+1], compare); err != nil {
			return err
		}
	}
	return nil
}

// again reports whether a document is among the last that were seen in this run, and remembers
// it.
func (p *puller) again(document string) bool {
	_, met := p.given[document]
	if _, before := p.earlier[document]; met || before {
		return true
	}
	if len(p.given) >= keptGiven {
		p.given, p.earlier = map[string]struct{}{}, p.given
	}
	p.given[document] = struct{}{}
	return false
}

// find returns the receipts of a document by its ERP number, and those of pushes
// that did not name it by the mall's, oldest first.
func (p *puller) find(ctx context.Context, documents ...string) ([]JournalEntry, error) {
	var out []JournalEntry
	for i, document := range documents {
		if i > 0 && document == documents[0] {
			continue
		}
		found, err := p.journal.Find(ctx, p.scope, document)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrJournal, document, err)
		}
		out = append(out, found...)
	}
	if len(documents) > 1 {
		slices.SortStableFunc(out, func(a, b JournalEntry) int { return a.At.Compare(b.At) })
	}
	return out, nil
}

// lastHandled returns when the last of some pushes was handled.
func lastHandled(known []JournalEntry) (at time.Time) {
	for _, r := range known {
		if r.At.After(at) {
			at = r.At
		}
	}
	return at
}

// between yields the receipts of the window.
func (p *puller) between(ctx context.Context) iter.Seq2[JournalEntry, error] {
	return func(yield func(JournalEntry, error) bool) {
		for entry, err := range p.journal.Between(ctx, p.scope, p.from, p.to) {
			if err != nil {
				err = fmt.Errorf("%w: %w", ErrJournal, err)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// inWindow reports whether a time is in the window; an unknown time is.
func (p *puller) inWindow(t time.Time) bool {
	return t.IsZero() || !t.Before(p.from) && t.Before(p.to)
}

// chunks passes rows on in batches; those before an error are passed on first.
func chunks[T any](rows iter.Seq2[T, error], size int, do func([]T) error) error {
	chunk := make([]T, 0, size)
	for row, err := range rows {
		if err != nil {
			if len(chunk) > 0 {
				if failed := do(chunk); failed != nil {
					return failed
				}
			}
			return err
		}
		if chunk = append(chunk, row); len(chunk) == size {
			if err := do(chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	if len(chunk) == 0 {
		return nil
	}
	return do(chunk)
}

func distinct[T cmp.Ordered](values []T) []T {
	slices.Sort(values)
	var zero T
	return slices.DeleteFunc(slices.Compact(values), func(v T) bool { return v == zero })
}
