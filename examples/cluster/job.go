package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// stream is one kind of row of a merchant.
type stream struct {
	name string
	// follow passes the rows after a checkpoint to a batch, until there is nothing newer.
	follow func(ctx context.Context, c *jushuitan.Client, from jushuitan.Checkpoint, b *batch) error
}

// streams lists what is synchronised, each by row version 行版本.
func streams(page int64) []stream {
	return []stream{
		{"orders", func(ctx context.Context, c *jushuitan.Client, from jushuitan.Checkpoint, b *batch) error {
			return follow(ctx, b, c.Orders.Stream(&jushuitan.OrderQuery{PageSize: page}, from), func(r *jushuitan.Order) row {
				return row{id: strconv.FormatInt(r.OID, 10), version: r.TS}
			})
		}},
		{"outbounds", func(ctx context.Context, c *jushuitan.Client, from jushuitan.Checkpoint, b *batch) error {
			return follow(ctx, b, c.Outbounds.Stream(&jushuitan.OutboundQuery{PageSize: min(page, 50)}, from), func(r *jushuitan.Outbound) row {
				return row{id: strconv.FormatInt(r.IOID, 10), version: r.TS}
			})
		}},
		{"after-sales", func(ctx context.Context, c *jushuitan.Client, from jushuitan.Checkpoint, b *batch) error {
			return follow(ctx, b, c.AfterSales.Stream(&jushuitan.AfterSaleQuery{PageSize: min(page, 50)}, from), func(r *jushuitan.AfterSale) row {
				return row{id: strconv.FormatInt(r.ASID, 10), version: r.TS}
			})
		}},
		{"stock", func(ctx context.Context, c *jushuitan.Client, from jushuitan.Checkpoint, b *batch) error {
			return follow(ctx, b, c.Inventory.Stream(&jushuitan.InventoryQuery{PageSize: page}, from), func(r *jushuitan.InventoryRow) row {
				return row{id: r.SKUID, version: r.TS}
			})
		}},
	}
}

// follow passes the rows of a stream to a batch. A checkpoint is saved once the rows that
// it covers are in the sink: after a crash some rows are repeated, and none is missing.
func follow[Row any](ctx context.Context, b *batch, s *jushuitan.Stream[Row], brief func(*Row) row) error {
	for r, err := range s.Rows(ctx) {
		if err != nil {
			return errors.Join(err, b.flush(s.Checkpoint())) // what arrived is kept
		}
		// The checkpoint holds the rows before this one, which are those of the batch.
		if len(b.rows) == b.most {
			if err := b.flush(s.Checkpoint()); err != nil {
				return err
			}
		}
		b.rows = append(b.rows, brief(r))
	}
	return b.flush(s.Checkpoint())
}

// batch holds the rows that are not in the sink yet.
type batch struct {
	rows  []row
	most  int
	store func([]row, jushuitan.Checkpoint) error
}

func (b *batch) flush(at jushuitan.Checkpoint) error {
	err := b.store(b.rows, at)
	b.rows = b.rows[:0]
	return err
}

// sync brings the sink up to date with a merchant's stream. It does nothing while another
// process does so, and ends early, without an error, when this process must stop.
func (w *worker) sync(ctx context.Context, merchant string, s stream) (err error) {
	key := redisstate.StreamKey{AppKey: w.appKey, Merchant: merchant, Stream: s.name}
	lease, err := w.checkpoints.Acquire(ctx, key, w.lease)
	if errors.Is(err, redisstate.ErrLeaseHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	// The final save must not be cancelled by what ended the work.
	saving, done := context.WithTimeout(context.WithoutCancel(ctx), 2*w.turn)
	defer done()
	working, stop := context.WithTimeoutCause(ctx, w.turn, errTurn)
	defer stop()
	working, end := context.WithCancelCause(working)
	defer context.AfterFunc(w.ending, func() { end(errEnding) })()
	var helpers sync.WaitGroup
	helpers.Go(func() { w.keep(working, lease, end) })
	defer func() {
		end(nil)
		helpers.Wait()
		err = errors.Join(err, lease.Release(saving), w.metrics.flush(saving, merchant))
	}()

	begin := time.Now()
	total := 0
	b := &batch{most: w.batch, store: func(rows []row, at jushuitan.Checkpoint) error {
		if err := w.sink.put(saving, merchant, s.name, lease.Fence(), rows); err != nil {
			return err
		}
		if err := lease.Save(saving, at); err != nil {
			return err
		}
		if total += len(rows); len(rows) > 0 {
			w.log.Info("saved", "merchant", merchant, "stream", s.name, "rows", len(rows), "fence", lease.Fence())
		}
		return w.metrics.flush(saving, merchant)
	}}
	err = s.follow(working, w.client.ForMerchant(merchant), lease.Checkpoint(), b)
	cause := context.Cause(working)
	switch {
	case errors.Is(err, redisstate.ErrLeaseLost) || errors.Is(cause, redisstate.ErrLeaseLost):
		w.log.Warn("another process took over the stream", "merchant", merchant, "stream", s.name, "fence", lease.Fence())
		return nil
	case errors.Is(err, context.Canceled) && errors.Is(cause, errEnding), errors.Is(err, context.DeadlineExceeded) && errors.Is(cause, errTurn):
		w.log.Info("interrupted", "merchant", merchant, "stream", s.name, "rows", total, "cause", cause)
		return nil
	case err != nil:
		return err
	}
	w.metrics.current(merchant, s.name, begin)
	return nil
}

// The reasons why a job ends before its stream does.
var (
	errEnding = errors.New("the process is stopping")
	errTurn   = errors.New("its turn has ended")
)

// keep renews a lease until ctx ends, and stops the work when another process holds the
// lease.
func (w *worker) keep(ctx context.Context, lease *redisstate.Lease, end context.CancelCauseFunc) {
	tick := time.NewTicker(w.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// Without Redis the work goes on: a save is refused anyway if another process
			// holds the lease.
			if err := lease.Renew(ctx); errors.Is(err, redisstate.ErrLeaseLost) {
				end(err)
				return
			}
		}
	}
}
