package callback

import (
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// staleEntries is how many SKUs are remembered.
const staleEntries = 200_000

// staleFilter remembers for each SKU when the last accepted figure was modified. The
// least recently accepted SKU is evicted first.
type staleFilter struct {
	limit int

	mu    sync.Mutex
	turns map[shopKey]*shopTurn      // of the shops with a push in progress
	rows  map[staleKey]*list.Element // of *staleRow
	order list.List
}

// shopKey is a shop whose stock is pushed, and its warehouse.
type shopKey struct {
	entID, storageCode string
	shopID             int64
}

// shopTurn is held while one of the shop's pushes runs.
type shopTurn struct {
	held  chan struct{}
	users int
}

type staleKey struct {
	shopKey
	skuID, shopSKUID string
}

type staleRow struct {
	key      staleKey
	modified time.Time
}

func newStaleFilter(limit int) *staleFilter {
	return &staleFilter{limit: limit, turns: map[shopKey]*shopTurn{}, rows: map[staleKey]*list.Element{}}
}

func shopOf(env Envelope, row *jushuitan.StockPushRow) shopKey {
	return shopKey{brief(env.EntID), brief(env.StorageCode), row.ShopID}
}

func keyOf(env Envelope, row *jushuitan.StockPushRow) staleKey {
	return staleKey{shopOf(env, row), brief(row.SKUID), brief(row.ShopSKUID)}
}

// brief returns a text that is remembered, or a hash of one that is longer than any that the ERP
// has, since whoever sends it chooses its length.
func brief(text string) string {
	if len(text) <= 128 {
		return text
	}
	hash := sha256.Sum256([]byte(text))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(hash[:])
}

// turn waits, at most for the given time, until no other stock push of the shops is in
// progress. Shops are taken in their order, so that pushes do not wait for each other.
func (f *staleFilter) turn(ctx context.Context, wait time.Duration, env Envelope, rows []jushuitan.StockPushRow) (done func(), err error) {
	var shops []int64
	for i := range rows {
		if n := len(shops); n == 0 || shops[n-1] != rows[i].ShopID {
			shops = append(shops, rows[i].ShopID)
		}
	}
	slices.Sort(shops)
	shops = slices.Compact(shops)
	taken := 0
	done = func() {
		for _, shop := range shops[:taken] {
			f.leave(shopOf(env, &jushuitan.StockPushRow{ShopID: shop}), true)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, max(wait, 0))
	defer cancel()
	for _, shop := range shops {
		if err := f.enter(ctx, shopOf(env, &jushuitan.StockPushRow{ShopID: shop})); err != nil {
			done()
			return nil, err
		}
		taken++
	}
	return done, nil
}

// enter takes the turn of a shop: at once if nobody has it.
func (f *staleFilter) enter(ctx context.Context, shop shopKey) error {
	f.mu.Lock()
	t := f.turns[shop]
	if t == nil {
		t = &shopTurn{held: make(chan struct{}, 1)}
		f.turns[shop] = t
	}
	t.users++
	f.mu.Unlock()
	select {
	case t.held <- struct{}{}:
		return nil
	default:
	}
	select {
	case t.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		f.leave(shop, false)
		return context.Cause(ctx)
	}
}

func (f *staleFilter) leave(shop shopKey, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.turns[shop]
	if held {
		<-t.held
	}
	if t.users--; t.users == 0 {
		delete(f.turns, shop)
	}
}

// fresh returns the rows that are not older than those accepted before. It reuses the
// slice.
func (f *staleFilter) fresh(env Envelope, rows []jushuitan.StockPushRow) []jushuitan.StockPushRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := rows[:0]
	newest := make(map[staleKey]time.Time, len(rows)) // of this push
	for _, row := range rows {
		key := keyOf(env, &row)
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

// took records accepted rows.
func (f *staleFilter) took(env Envelope, rows []jushuitan.StockPushRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range rows {
		if row.Modified.IsZero() {
			continue
		}
		key := keyOf(env, &row)
		if e := f.rows[key]; e != nil {
			if known, ok := e.Value.(*staleRow); ok {
				known.modified = row.Modified
			}
			f.order.MoveToBack(e)
			continue
		}
		// The whole query would be kept with its parts.
		key.entID, key.storageCode = strings.Clone(key.entID), strings.Clone(key.storageCode)
		f.rows[key] = f.order.PushBack(&staleRow{key, row.Modified})
		if len(f.rows) > f.limit {
			if oldest, ok := f.order.Remove(f.order.Front()).(*staleRow); ok {
				delete(f.rows, oldest.key)
			}
		}
	}
}

var (
	// errAllStale: no row of a push is newer than what was accepted.
	errAllStale = errors.New("every row is older than the last one that was accepted")
	// errFuture: later figures of the row's SKU would all be dropped.
	errFuture = fmt.Errorf("%w: a row of stock is dated in the future", jushuitan.ErrWindow)
	// errTurn: another push of the shop takes too long.
	errTurn = fmt.Errorf("%w: another stock push of this shop", jushuitan.ErrBusy)
)

// freshOnly wraps the host's function with the filter.
func (r *Receiver) freshOnly(function func(context.Context, Envelope, *jushuitan.StockPush) error) func(context.Context, Envelope, *jushuitan.StockPush) error {
	f := r.stale
	if function == nil || f == nil {
		return function
	}
	return func(ctx context.Context, env Envelope, p *jushuitan.StockPush) error {
		if err := r.notAhead(p.Rows); err != nil {
			return err
		}
		done, err := f.turn(ctx, r.in.Wait(), env, p.Rows)
		if err != nil {
			return fmt.Errorf("%w: %w", errTurn, err)
		}
		defer done()
		empty := len(p.Rows) == 0
		rows := f.fresh(env, p.Rows)
		if len(rows) == 0 && !empty {
			return errAllStale
		}
		p.Rows = rows
		taken := append([]jushuitan.StockPushRow(nil), rows...) // the function may change p.Rows
		if err := function(ctx, env, p); err != nil {
			return err
		}
		f.took(env, taken)
		return nil
	}
}

// notAhead refuses rows that are dated too far in the future.
func (r *Receiver) notAhead(rows []jushuitan.StockPushRow) error {
	limit := cmp.Or(r.cfg.MaxAhead, maxAhead)
	if limit < 0 {
		return nil
	}
	latest := r.in.Now().Add(limit)
	for i := range rows {
		if rows[i].Modified.After(latest) {
			return fmt.Errorf("%w: datas[%d].modified: check the clock of the ERP and of this machine", errFuture, i)
		}
	}
	return nil
}
