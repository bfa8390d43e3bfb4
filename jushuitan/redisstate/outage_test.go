package redisstate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// span is when something began and ended.
type span struct{ from, to time.Time }

func (s span) overlaps(o span) bool { return !s.to.Before(o.from) && !o.to.Before(s.from) }

// ledger notes when pushes were sent and handled, by Message.ID.
type ledger struct {
	mu      sync.Mutex
	puts    map[string]span        // from the first call to the one that succeeded
	refused map[string]bool        // a call returned an error
	runs    map[string][]time.Time // when each began
}

func (l *ledger) put(id string, s span, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.puts[id], l.refused[id] = s, failed
}

func (l *ledger) handle(_ context.Context, m redisstate.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs[m.ID] = append(l.runs[m.ID], time.Now())
	return nil
}

// twice tells apart the pushes that were handled more than once: whose sender had no
// answer because of the failure, whose worker had none, and all others, which are a
// fault, unless their sender had an error and so was told to send them again: on a busy machine
// a replica may be late at any time. lag is by how much what was written before the failure may
// be lost.
func (l *ledger) twice(failure span, lag time.Duration) (senders, workers, others []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const told = time.Second // from a run to the note of it, on a busy machine
	lost := span{failure.from.Add(-told - lag), failure.to}
	for id, runs := range l.runs {
		switch first := runs[0]; {
		case len(runs) == 1:
		case l.puts[id].overlaps(failure):
			senders = append(senders, id)
		case l.refused[id]:
		case span{first, first}.overlaps(lost):
			workers = append(workers, id)
		default:
			others = append(others, id)
		}
	}
	return senders, workers, others
}

const (
	outageSenders = 8
	outageWorkers = 4
)

// outage is a failure of Redis.
type outage struct {
	rdb    redis.UniversalClient
	cfg    redisstate.Config
	fail   func(t testing.TB)
	lag    time.Duration             // what a failover may lose
	chosen func(t testing.TB) string // the primaries, if others can become one
}

func outagePause() time.Duration {
	if *long {
		return 10 * time.Second
	}
	return 1500 * time.Millisecond
}

func outageReplicas() redisstate.Config {
	return redisstate.Config{Replicas: 1, ReplicaTimeout: 500 * time.Millisecond}
}

func outages() map[string]func(t *testing.T) *outage {
	return map[string]func(t *testing.T) *outage{
		"restarted": func(t *testing.T) *outage {
			s := ownServer(t, "--appendonly", "yes", "--appendfsync", "always")
			if s == nil {
				return nil
			}
			return &outage{rdb: universal(t, "", s.addr), fail: func(t testing.TB) {
				s.kill()
				require.NoError(t, s.start())
			}}
		},
		"paused": func(t *testing.T) *outage {
			s := ownServer(t)
			if s == nil {
				return nil
			}
			return &outage{rdb: universal(t, "", s.addr), fail: func(t testing.TB) {
				require.NoError(t, s.pause())
				<-time.After(outagePause()) // the time that is tested
				require.NoError(t, s.resume())
			}}
		},
		// By the cluster alone. One replica is left to wait for.
		"failed over by Cluster": func(t *testing.T) *outage {
			c := ownCluster(t, true)
			if c == nil {
				return nil
			}
			return &outage{rdb: c.rdb, cfg: outageReplicas(), fail: c.failover, lag: outageReplicas().ReplicaTimeout, chosen: c.chosen}
		},
		// By the Sentinels alone. One replica is left to wait for.
		"failed over by Sentinel": func(t *testing.T) *outage {
			s := ownSentinels(t)
			if s == nil {
				return nil
			}
			return &outage{rdb: s.rdb, cfg: outageReplicas(), fail: s.failover, lag: outageReplicas().ReplicaTimeout, chosen: s.chosen}
		},
		// By the Sentinels, although it lives and has a replica that was not told yet: one that
		// confirms a write is not enough.
		"replaced while alive": func(t *testing.T) *outage {
			s := ownSentinels(t, "--min-replicas-to-write", "2")
			if s == nil {
				return nil
			}
			cfg := outageReplicas()
			cfg.Replicas = 2
			return &outage{rdb: s.rdb, cfg: cfg, fail: s.silence, lag: cfg.ReplicaTimeout, chosen: s.chosen}
		},
	}
}

// A Redis that is restarted, paused, and replaced by its replica, dead or alive, while pushes
// come in and are worked, and a stream is synchronised. No push that was acknowledged and no
// row is lost, and the checkpoint never goes back. Handled twice is what the package
// comment says and nothing else: at most the push in progress of each sender and of each
// worker, and after a failover what workers had ended shortly before. A row comes twice
// only where a checkpoint was not acknowledged: the one in progress and the one before.
func TestRedisFails(t *testing.T) {
	pushes := 3000
	if *long {
		pushes = 20_000
	} else {
		t.Parallel()
	}
	for name, start := range outages() {
		t.Run(name, func(t *testing.T) {
			if !*long {
				t.Parallel()
			}
			o := start(t)
			if o == nil {
				return
			}
			if o.chosen == nil {
				o.chosen = func(testing.TB) string { return "" }
			}
			s := stateOn(t, o.rdb, o.cfg)
			book := &ledger{puts: map[string]span{}, refused: map[string]bool{}, runs: map[string][]time.Time{}}
			i := inbox(t, s, redisstate.InboxConfig{Visibility: 4 * time.Second})
			running(t, i, outageWorkers, book.handle)

			var next, acked, again atomic.Int64
			var wg sync.WaitGroup
			for range outageSenders {
				wg.Go(func() {
					for {
						n := next.Add(1)
						if n > int64(pushes) {
							return
						}
						m := redisstate.Message{ID: fmt.Sprint(n), EntID: "10010", Raw: []byte("{}")}
						begin := time.Now()
						failed := false
						for t.Context().Err() == nil && i.Put(t.Context(), m) != nil {
							failed = true
							again.Add(1)
							<-time.After(20 * time.Millisecond) // as the sender of pushes waits
						}
						book.put(m.ID, span{begin, time.Now()}, failed)
						acked.Add(1)
					}
				})
			}
			var stream synced
			wg.Go(func() { stream.run(t, s, &acked, int64(pushes)) })

			eventually(t, time.Minute, "a third of the pushes", func() bool { return acked.Load() > int64(pushes)/3 })
			failure := span{from: time.Now()}
			o.fail(t)
			chosen := o.chosen(t)
			before := acked.Load()
			require.Less(t, before, int64(pushes), "all was over before")
			eventually(t, time.Minute, "Redis is in use again", func() bool { return acked.Load() > before+outageSenders })
			failure.to = time.Now()
			wg.Wait()
			drained(t, i, time.Minute)

			senders, workers, others := book.twice(failure, o.lag)
			runs := 0
			for _, all := range book.runs {
				runs += len(all)
			}
			t.Logf("away for %v; %d pushes, %d sent again, %d runs: %d twice by senders, %d by workers; %d rows, %d of them twice",
				failure.to.Sub(failure.from).Round(10*time.Millisecond), pushes, again.Load(), runs, len(senders), len(workers), stream.rows, stream.twice)
			assert.Equal(t, chosen, o.chosen(t), "Redis failed over again, which this test did not ask for")
			assert.Equal(t, pushes, len(book.runs), "pushes were lost")
			if len(others) > 0 {
				t.Errorf("%d were handled twice without need, some of them: %v", len(others), others[:min(len(others), 10)])
			}
			assert.LessOrEqual(t, len(senders), outageSenders)
			if o.lag == 0 {
				assert.LessOrEqual(t, len(workers), outageWorkers)
			}
			assert.Positive(t, stream.rows)
			assert.Zero(t, stream.missing, "rows are missing")
			assert.Zero(t, stream.back, "the checkpoint went back")
			assert.LessOrEqual(t, stream.twice, 2*stream.unsaved, "rows came twice that were saved")
		})
	}
}

// synced is what became of a merchant's orders.
type synced struct {
	made                 int // orders in Jushuitan
	seen                 map[int64]int
	rows, twice, missing int
	unsaved              int // calls that failed, checkpoints that were not acknowledged
	back                 int // how often a checkpoint was behind one that was
}

// run brings the host up to date with a merchant's orders, with tokens, quota and
// checkpoints in Redis, until all pushes are in. New orders come as long.
func (y *synced) run(t *testing.T, s *redisstate.State, acked *atomic.Int64, pushes int64) {
	quota := jushuitan.Quota{Limit: 100, Per: time.Second}
	fake := jushuitantest.NewServer(jushuitantest.WithApp(testApp()), jushuitantest.WithQuota(quota))
	defer fake.Close()
	company := fake.Company("")
	const shop = 10200077
	items := []jushuitan.OrderUploadItem{{SKUID: "SKU", Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)}}
	assert.NoError(t, company.AddShop(jushuitan.Shop{ShopID: shop}))
	c, err := jushuitan.New(testApp(), jushuitan.WithBaseURL(fake.URL), jushuitan.WithTokenStore(tokenStore(t, s, redisstate.TokenStoreConfig{})),
		jushuitan.WithLimiter(limiter(t, s, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{quota}, Slack: 50 * time.Millisecond})))
	assert.NoError(t, err)
	c = c.ForMerchant("10010")

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	y.seen = map[int64]int{}
	key := redisstate.StreamKey{AppKey: testApp().AppKey, Merchant: "10010", Stream: "orders"}
	var saved int64 // the last that Redis acknowledged
	for (acked.Load() < pushes || len(y.seen) < y.made) && ctx.Err() == nil {
		lease, err := s.Checkpoints(0).Acquire(ctx, key, 300*time.Millisecond)
		if err != nil {
			<-time.After(20 * time.Millisecond)
			continue
		}
		if lease.Checkpoint().Cursor < saved {
			y.back++
		}
		stream := c.Orders.Stream(&jushuitan.OrderQuery{PageSize: 10}, lease.Checkpoint())
		save := func() bool {
			at := stream.Checkpoint()
			if err := lease.Save(ctx, at); err != nil {
				y.unsaved++
				return false
			}
			saved = at.Cursor
			return true
		}
		for going := true; going && (acked.Load() < pushes || len(y.seen) < y.made); {
			for range 5 {
				if acked.Load() < pushes {
					_, err := company.ImportOrder(jushuitan.OrderUpload{ShopID: shop, SoID: fmt.Sprint("so", y.made), Items: items})
					assert.NoError(t, err)
					y.made++
				}
			}
			for r, err := range stream.Rows(ctx) {
				if err != nil {
					y.unsaved++
					going = false
					break
				}
				if y.seen[r.OID]++; y.seen[r.OID] > 1 {
					y.twice++
				}
				if going = save(); !going { // the rows before this one
					break
				}
			}
			going = going && save()
		}
	}
	y.rows, y.missing = len(y.seen), y.made-len(y.seen)
	assert.Zero(t, fake.Stats().Throttled)
}

// While Redis is away workers wait, and say so now and then; then they go on.
func TestInboxWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	s := ownServer(t, "--appendonly", "yes", "--appendfsync", "always")
	if s == nil {
		return
	}
	var failures atomic.Int64
	i := inbox(t, stateOn(t, universal(t, "", s.addr), redisstate.Config{}), redisstate.InboxConfig{
		OnError: func(_ context.Context, m redisstate.Message, err error) {
			assert.Empty(t, m.ID)
			assert.Error(t, err)
			failures.Add(1)
		},
	})
	require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: "a"}))
	s.kill()
	require.Error(t, i.Put(t.Context(), redisstate.Message{ID: "b"}))
	begin := time.Now()
	handled := make(chan string, 1)
	running(t, i, 8, func(_ context.Context, m redisstate.Message) error {
		handled <- m.ID
		return nil
	})
	eventually(t, 20*time.Second, "Redis is missed twice", func() bool { return failures.Load() > 1 })
	assert.LessOrEqual(t, time.Duration(failures.Load()-1)*time.Second, time.Since(begin))
	require.NoError(t, s.start())
	select {
	case id := <-handled:
		assert.Equal(t, "a", id)
	case <-time.After(20 * time.Second):
		t.Fatal("the workers do not go on")
	}
	drained(t, i, 10*time.Second)
}

// While Redis is away a call is refused after some time, or has its local share; what
// was sent meanwhile counts when Redis is back.
func TestLimiterWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	s := ownServer(t)
	if s == nil {
		return
	}
	rdb := dial(s.addr)
	t.Cleanup(func() { _ = rdb.Close() })
	st, err := redisstate.New(rdb, redisstate.Config{})
	require.NoError(t, err)
	quota := jushuitan.Quota{Limit: 8, Per: 600 * time.Millisecond}
	refusing := limiter(t, st, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{quota}, OutageWait: 200 * time.Millisecond})
	sharing := limiter(t, st, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{quota}, Outage: redisstate.OutageLocalShare, Processes: 4})
	take := func(l *redisstate.Limiter, path string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		sent, err := l.Wait(ctx, jushuitan.LimitKey{AppKey: "app", Merchant: "1", Path: path})
		if err == nil {
			sent()
		}
		return err
	}
	require.NoError(t, take(refusing, "/a", time.Minute))
	require.NoError(t, take(sharing, "/b", time.Minute))
	s.kill()
	err = take(refusing, "/a", time.Minute)
	require.ErrorIs(t, err, redisstate.ErrUnavailable)
	assert.Contains(t, err.Error(), "/a")
	// Its share is 2 in a window, once the window before is over.
	require.NoError(t, take(sharing, "/b", 20*time.Second))
	begin := time.Now()
	for range 4 {
		require.NoError(t, take(sharing, "/b", 20*time.Second))
	}
	assert.GreaterOrEqual(t, time.Since(begin), quota.Per-100*time.Millisecond)
	require.NoError(t, s.start())
	// Redis was empty, and has been told now what was sent.
	eventually(t, 20*time.Second, "Redis is in use again", func() bool {
		require.NoError(t, take(sharing, "/b", 20*time.Second))
		n, err := rdb.ZCard(t.Context(), "jst:limit:{app/1}:%2Fb").Result()
		return err == nil && n >= 2
	})
	require.NoError(t, take(refusing, "/a", time.Minute))
	for _, cfg := range []redisstate.LimiterConfig{
		{Slack: -1}, {PermitTTL: -1}, {OutageWait: -1}, {Outage: redisstate.OutageLocalShare}, {Outage: 7},
		{Quotas: []jushuitan.Quota{{Limit: 0, Per: 1}}}, {Quotas: []jushuitan.Quota{{Limit: 1}}},
	} {
		_, err := st.Limiter(cfg)
		require.Error(t, err)
	}
	_, err = refusing.WaitUpTo(t.Context(), jushuitan.LimitKey{}, 0)
	require.Error(t, err)
	require.False(t, errors.Is(err, redisstate.ErrUnavailable))
}
