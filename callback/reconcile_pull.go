package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// errLeft: the caller left the loop.
var errLeft = errors.New("the loop was left")

// How many documents are looked at together: what the queries by number take.
const (
	chunkRows  = 50 // o_ids, as_ids
	chunkSoIDs = 20 // so_ids
)

// keptGiven bounds the memory of documents that were given; beyond it one may be
// given again.
const keptGiven = 50_000

// puller is what the comparers share: the client, the journal and the window of one kind
// of one shop.
type puller struct {
	client   *jushuitan.Client
	journal  Journal
	scope    JournalScope
	begin    time.Time // of the window, as it was asked for
	from, to time.Time // in whole seconds
	since    time.Time // of the journal
	yield    func(*Difference, error) bool
	given    map[string]struct{} // documents whose rows may come again
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
		return fmt.Errorf("%w: it knows pushes from %s on, the window begins at %s: begin later / 推送记录不覆盖所选时间段，请推迟开始时间",
			ErrJournal, since.In(wire.CST).Format(time.RFC3339), p.begin.In(wire.CST).Format(time.RFC3339))
	}
	// The ERP's times have no fractions of seconds: what came in the second in which the
	// journal began counts as known to it. At worst it is reported as missed.
	p.since = since.Truncate(time.Second)
	c := p.comparer(job)
	if err := c.compare(ctx); err != nil || !unexpected {
		return err
	}
	return c.unexpected(ctx)
}

// comparer compares the pushes of one kind with the ERP. It hands what it finds to
// [puller.give], some rows at a time, and ends with the first error.
type comparer interface {
	// compare finds what the ERP has in the window and no push told of, or told otherwise.
	compare(ctx context.Context) error
	// unexpected finds pushes of the window that the ERP knows nothing of.
	unexpected(ctx context.Context) error
}

func (p *puller) comparer(job reconcileJob) comparer {
	switch job.scope.Method {
	case jushuitan.PushShipment:
		return &shipmentComparer{p, job.shop}
	case jushuitan.PushCancel:
		return &cancelComparer{p, job.shop}
	case jushuitan.PushGoodsReturned:
		return &goodsComparer{p, job.shop}
	}
	return &stockComparer{p, job.stock}
}

// give hands a difference on.
func (p *puller) give(ctx context.Context, d *Difference) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Method, d.EntID, d.StorageCode = p.scope.Method, p.scope.EntID, p.scope.StorageCode
	if !p.yield(d, nil) {
		return errLeft
	}
	return nil
}

// again reports whether a document was met before in this run, and remembers it.
func (p *puller) again(document string) bool {
	if _, met := p.given[document]; met {
		return true
	}
	if len(p.given) < keptGiven {
		p.given[document] = struct{}{}
	}
	return false
}

// find returns the receipts of a document by its ERP number, and those of pushes
// that did not name it by the mall's.
func (p *puller) find(ctx context.Context, documents ...string) ([]Receipt, error) {
	var out []Receipt
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
	return out, nil
}

// inWindow reports whether a time belongs to the window; one that is not told does.
func (p *puller) inWindow(t time.Time) bool {
	return t.IsZero() || !t.Before(p.from) && t.Before(p.to)
}

// chunks hands rows on some at a time; those before an error are handed on first.
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
