package redisstate_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// What a permit costs on Redis of this machine, where the quota does not bind: beside
// redis_rate, which keeps one rate, approximately, and counts before a call is sent.
func BenchmarkPermit(b *testing.B) {
	quotas := []jushuitan.Quota{{Limit: 200, Per: time.Millisecond}, {Limit: 2000, Per: 10 * time.Millisecond}}
	rate := redis_rate.Limit{Rate: 200, Burst: 200, Period: time.Millisecond}
	rdb := client(b)
	keys := make([]jushuitan.LimitKey, 64)
	names := make([]string, len(keys))
	for i := range keys {
		keys[i] = jushuitan.LimitKey{AppKey: "bench", Merchant: strconv.Itoa(i), Path: "/p"}
		names[i] = "bench:{" + strconv.Itoa(i) + "}:/p"
	}
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprintf("redisstate/%d", workers), func(b *testing.B) {
			l := limiter(b, state(b, redisstate.Config{}), redisstate.LimiterConfig{Quotas: quotas, Slack: time.Microsecond})
			permits(b, workers, func(n uint64) error {
				sent, err := l.Wait(b.Context(), keys[n%uint64(len(keys))])
				if err == nil {
					sent()
				}
				return err
			})
		})
		b.Run(fmt.Sprintf("redis_rate/%d", workers), func(b *testing.B) {
			l := redis_rate.NewLimiter(rdb)
			permits(b, workers, func(n uint64) error {
				_, err := l.Allow(b.Context(), names[n%uint64(len(names))], rate)
				return err
			})
		})
	}
	b.Run("redisstate/batches of 10", func(b *testing.B) {
		l := limiter(b, state(b, redisstate.Config{}), redisstate.LimiterConfig{Quotas: quotas, Slack: time.Microsecond})
		b.ResetTimer()
		for n := 0; n < b.N; {
			all, err := l.WaitUpTo(b.Context(), keys[n%len(keys)], 10)
			require.NoError(b, err)
			for _, sent := range all {
				sent()
			}
			n += len(all)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "permits/s")
	})
}

// permits measures how many permits there are a second, and how long one takes.
func permits(b *testing.B, workers int, take func(n uint64) error) {
	b.Helper()
	var n atomic.Uint64
	var mu sync.Mutex
	var all []time.Duration
	b.SetParallelism(workers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var took []time.Duration
		for pb.Next() {
			begin := time.Now()
			if err := take(n.Add(1)); err != nil {
				b.Error(err)
				return
			}
			took = append(took, time.Since(begin))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "permits/s")
	if slices.Sort(all); len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	}
}

// How much of Redis an idle merchant takes: its token, sealed, and a checkpoint.
func BenchmarkIdleMerchant(b *testing.B) {
	if shared.mini {
		b.Log("not measured: miniredis does not tell")
		return
	}
	rdb := client(b)
	s := state(b, redisstate.Config{Keyring: newKeyring(b, "k1")})
	store, cps := tokenStore(b, s, redisstate.TokenStoreConfig{}), s.Checkpoints(0)
	before := used(b, rdb)
	for n := range b.N {
		merchant := strconv.Itoa(10_000_000 + n)
		_, _, err := store.CompareAndSwap(b.Context(), jushuitan.TokenKey{AppKey: strings.Repeat("a", 32), Merchant: merchant}, jushuitan.Token{},
			jushuitan.Token{AccessToken: strings.Repeat("t", 32), RefreshToken: strings.Repeat("r", 32), Scope: "all", ExpiresAt: time.Now().Add(time.Hour)})
		require.NoError(b, err)
		lease, err := cps.Acquire(b.Context(), redisstate.StreamKey{AppKey: strings.Repeat("a", 32), Merchant: merchant, Stream: "orders"}, time.Minute)
		require.NoError(b, err)
		require.NoError(b, lease.Save(b.Context(), jushuitan.Checkpoint{Version: 1, Stream: "orders@" + merchant, Cursor: 123456789}))
	}
	b.ReportMetric(float64(used(b, rdb)-before)/float64(b.N), "bytes/merchant")
}

func used(b *testing.B, rdb *redis.Client) int64 {
	b.Helper()
	info, err := rdb.Info(b.Context(), "memory").Result()
	require.NoError(b, err)
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory_dataset:"); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			require.NoError(b, err)
			return n
		}
	}
	b.Fatal("Redis does not tell its memory")
	return 0
}

// What storing and processing a push costs: shipments of separate orders, sealed, in order.
func BenchmarkInbox(b *testing.B) {
	s := state(b, redisstate.Config{Keyring: newKeyring(b, "k1")})
	i := inbox(b, s, redisstate.InboxConfig{Ordered: true, MaxWaiting: 1 << 40})
	env := callback.Envelope{EntID: "10010", StorageCode: "1", Method: jushuitan.PushShipment, Raw: []byte(strings.Repeat("x", 500))}
	put := func(n int64) error {
		return i.Shipment(b.Context(), env, &jushuitan.ShipmentPush{OID: n, SoID: fmt.Sprint("so", n), LID: "l"})
	}
	var n atomic.Int64
	b.Run("put", func(b *testing.B) {
		permits(b, 4, func(uint64) error { return put(n.Add(1)) })
	})
	running(b, i, 8, func(context.Context, redisstate.Message) error { return nil }) // until all are done
	drained(b, i, time.Minute)
	b.Run("put and process", func(b *testing.B) {
		begin := time.Now()
		permits(b, 4, func(uint64) error { return put(n.Add(1)) })
		drained(b, i, time.Minute)
		b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "pushes/s")
	})
}
