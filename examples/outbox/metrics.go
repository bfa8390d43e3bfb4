package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// quotaWaits adds up how long calls have waited for the quota.
type quotaWaits struct{ ns atomic.Int64 }

func (q *quotaWaits) after(_ context.Context, a jushuitan.Attempt) { q.ns.Add(int64(a.Waited)) }

// metrics prints what a monitor should watch, in the text format of Prometheus.
type metrics struct {
	commands *sqlstate.Commands
	waits    *quotaWaits
	out      io.Writer
}

// until prints the metrics repeatedly, until nothing is waiting or ctx ends, and returns how
// many commands are unfinished.
func (m *metrics) until(ctx context.Context, every time.Duration) (left int, err error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		working, left, err := m.print(context.WithoutCancel(ctx))
		if err != nil || working == 0 {
			return left, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return left, nil
		}
	}
}

// print prints the metrics and returns how many commands are to be worked on, and how many
// are not finished.
func (m *metrics) print(ctx context.Context) (working, left int, err error) {
	stats, err := m.commands.Stats(ctx)
	if err != nil {
		return 0, 0, err
	}
	var total sqlstate.Stats
	for _, s := range stats {
		total.Waiting += s.Waiting
		total.Unsettled += s.Unsettled
		total.Unknown += s.Unknown
		total.Buried += s.Buried
		total.Oldest = max(total.Oldest, s.Oldest)
	}
	fmt.Fprintf(m.out, "outbox_waiting %d\noutbox_unsettled %d\noutbox_unknown %d\noutbox_buried %d\noutbox_oldest_seconds %.1f\noutbox_quota_wait_seconds %.1f\n\n",
		total.Waiting, total.Unsettled, total.Unknown, total.Buried, total.Oldest.Seconds(), time.Duration(m.waits.ns.Load()).Seconds())
	working = total.Waiting + total.Unsettled
	return working, working + total.Unknown + total.Buried, nil
}
