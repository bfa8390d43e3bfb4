package callback

import (
	"container/list"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// staleEntries is how many SKUs are remembered.
const staleEntries = 200_000

// staleFilter knows when the figure of a SKU that was taken last was modified.
// The SKU that was taken longest ago is forgotten first.
type staleFilter struct {
	limit int
	seed  maphash.Seed
	turns [64]chan struct{} // of the shops, by hash: held while one of its pushes runs

	mu    sync.Mutex
	rows  map[staleKey]*list.Element // of *staleRow
	order list.List
}

type staleKey struct{ entID, storageCode, skuID, shopSKUID string }

type staleRow struct {
	key      staleKey
	modified time.Time
}

func newStaleFilter(limit int) *staleFilter {
	f := &staleFilter{limit: limit, seed: maphash.MakeSeed(), rows: map[staleKey]*list.Element{}}
	for i := range f.turns {
		f.turns[i] = make(chan struct{}, 1)
	}
	return f
}

// turn waits for the turn of a shop.
func (f *staleFilter) turn(ctx context.Context, env Envelope) (done func(), err error) {
	turn := f.turns[maphash.Comparable(f.seed, [2]string{env.EntID, env.StorageCode})%uint64(len(f.turns))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fresh is the rows that are not older than those taken before, in the place of
// all rows.
func (f *staleFilter) fresh(env Envelope, rows []jushuitan.StockPushRow) []jushuitan.StockPushRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := rows[:0]
	newest := make(map[staleKey]time.Time, len(rows)) // of this push
	for _, row := range rows {
		key := staleKey{env.EntID, env.StorageCode, row.SKUID, row.ShopSKUID}
		if !row.Modified.IsZero() {
			last := newest[key]
			if e := f.rows[key]; e != nil {
				if known, ok := e.Value.(*staleRow); ok && known.modified.After(last) {
					last = known.modified
				}
			}
			if row.Modified.Before(last) {
				continue
			}
			newest[key] = row.Modified
		}
		out = append(out, row)
	}
	return out
}

// took notes rows that were taken.
func (f *staleFilter) took(env Envelope, rows []jushuitan.StockPushRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range rows {
		if row.Modified.IsZero() {
			continue
		}
		key := staleKey{env.EntID, env.StorageCode, row.SKUID, row.ShopSKUID}
		if e := f.rows[key]; e != nil {
			if known, ok := e.Value.(*staleRow); ok {
				known.modified = row.Modified
			}
			f.order.MoveToBack(e)
			continue
		}
		f.rows[key] = f.order.PushBack(&staleRow{key, row.Modified})
		if len(f.rows) > f.limit {
			if oldest, ok := f.order.Remove(f.order.Front()).(*staleRow); ok {
				delete(f.rows, oldest.key)
			}
		}
	}
}

// freshOnly is the host's function behind the filter.
func (r *Receiver) freshOnly(function func(context.Context, Envelope, *jushuitan.StockPush) error) func(context.Context, Envelope, *jushuitan.StockPush) error {
	f := r.stale
	if function == nil || f == nil {
		return function
	}
	return func(ctx context.Context, env Envelope, p *jushuitan.StockPush) error {
		waitCtx, cancel := context.WithTimeout(ctx, max(r.in.Wait(), 0))
		defer cancel()
		done, err := f.turn(waitCtx, env)
		if err != nil {
			return fmt.Errorf("%w: another stock push of this shop: %w", jushuitan.ErrBusy, err)
		}
		defer done()
		empty := len(p.Rows) == 0
		rows := f.fresh(env, p.Rows)
		if len(rows) == 0 && !empty {
			return nil
		}
		p.Rows = rows
		taken := append([]jushuitan.StockPushRow(nil), rows...) // the function may change its own
		if err := function(ctx, env, p); err != nil {
			return err
		}
		f.took(env, taken)
		return nil
	}
}
