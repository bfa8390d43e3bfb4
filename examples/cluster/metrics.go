package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// What is counted for each merchant, over all processes. The sink counts the first two. Of
// the others, a process that dies loses what it counted since its last batch.
const (
	metricRows      = "rows"      // stored in the sink
	metricAgain     = "again"     // rows that were already there
	metricCalls     = "calls"     // attempts that were sent to Jushuitan
	metricThrottled = "throttled" // of these, refused because of too many calls
	metricRetries   = "retries"   // attempts after the first, and jobs after the first
	metricDead      = "dead"      // jobs that were given up

	currentPrefix = "current:" // followed by a stream: when it was last known to be at its end
)

type metrics struct {
	rdb    redis.UniversalClient
	prefix string

	mu     sync.Mutex
	counts map[string]map[string]int64 // since the last flush, by merchant
}

func (m *metrics) key(merchant string) string { return merchantKey(m.prefix, merchant) + "metrics" }

func (m *metrics) add(merchant, name string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(merchant)[name] += n
}

// of returns what was counted for a merchant. The caller holds the lock.
func (m *metrics) of(merchant string) map[string]int64 {
	if m.counts[merchant] == nil {
		m.counts[merchant] = map[string]int64{}
	}
	return m.counts[merchant]
}

// attempt is the client's hook.
func (m *metrics) attempt(_ context.Context, a jushuitan.Attempt) {
	if a.Err != nil && a.Outcome == jushuitan.NotSent {
		return // it was waiting for the quota when the job was stopped, or has no token
	}
	m.add(a.Merchant, metricCalls, 1)
	if a.N > 1 {
		m.add(a.Merchant, metricRetries, 1)
	}
	if errors.Is(a.Err, jushuitan.ErrRateLimited) {
		m.add(a.Merchant, metricThrottled, 1)
	}
}

// current records that a stream was processed up to its end as of a time.
func (m *metrics) current(merchant, stream string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(merchant)[currentPrefix+stream] = at.UnixMilli()
}

// flush adds this process's counts of a merchant to the counters in Redis.
func (m *metrics) flush(ctx context.Context, merchant string) error {
	m.mu.Lock()
	counts := m.counts[merchant]
	delete(m.counts, merchant)
	m.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	_, err := m.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for name, n := range counts {
			if strings.HasPrefix(name, currentPrefix) {
				p.HSet(ctx, m.key(merchant), name, n)
			} else {
				p.HIncrBy(ctx, m.key(merchant), name, n)
			}
		}
		return nil
	})
	return err
}

// report is what the processes did for a merchant.
type report struct {
	merchant string
	counts   map[string]int64
	lag      time.Duration // time since the stream that is furthest behind was at its end
	unknown  bool          // one never reached it
}

func (m *metrics) report(ctx context.Context, merchant string, streams []stream) (report, error) {
	r := report{merchant: merchant, counts: map[string]int64{}}
	all, err := m.rdb.HGetAll(ctx, m.key(merchant)).Result()
	if err != nil {
		return r, err
	}
	for name, text := range all {
		if r.counts[name], err = strconv.ParseInt(text, 10, 64); err != nil {
			return r, fmt.Errorf("metric %s of merchant %q: %w", name, merchant, err)
		}
	}
	for _, s := range streams {
		at, ok := r.counts[currentPrefix+s.name]
		if !ok {
			r.unknown = true
			continue
		}
		r.lag = max(r.lag, time.Since(time.UnixMilli(at)))
	}
	return r, nil
}

// status prints what was done for every merchant.
func (w *worker) status(ctx context.Context, out io.Writer) error {
	merchants, err := w.rdb.SMembers(ctx, w.merchantsKey()).Result()
	if err != nil {
		return err
	}
	slices.Sort(merchants)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := []string{metricRows, metricAgain, metricCalls, metricThrottled, metricRetries, metricDead}
	fmt.Fprintf(t, "merchant\t%s\tlag\t\n", strings.Join(columns, "\t"))
	for _, merchant := range merchants {
		r, err := w.metrics.report(ctx, merchant, w.streams)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t", merchant)
		for _, c := range columns {
			fmt.Fprintf(t, "%d\t", r.counts[c])
		}
		lag := r.lag.Round(100 * time.Millisecond).String()
		if r.unknown {
			lag = "not current 未追平"
		}
		fmt.Fprintf(t, "%s\t\n", lag)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	inbox, err := w.inbox()
	if err != nil {
		return err
	}
	st, err := inbox.Stats(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "pushes 推送: %d waiting 待处理, %d dead letters 死信\n", st.Waiting, st.Dead)
	return err
}

// legend explains the table of status.
const legend = `rows 入库行数; again 重复到达; calls 调用次数; throttled 被限流; retries 重试; dead: jobs given up 放弃的任务;
lag: since the stream that is furthest behind was known to be up to date 最慢数据流距上次追平的时间
`
