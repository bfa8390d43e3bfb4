package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// lone is a worker with its own Redis and fake Jushuitan.
func lone(t *testing.T, merchants ...string) (*worker, *jushuitantest.Server) {
	t.Helper()
	needRedis(t)
	addr, stop, err := startRedis(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return loneOn(t, addr, merchants...)
}

func loneOn(t *testing.T, addr string, merchants ...string) (*worker, *jushuitantest.Server) {
	t.Helper()
	fake := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{AppKey: "k", AppSecret: "s", Type: jushuitan.ServiceProvider}))
	t.Cleanup(fake.Close)
	w, err := newWorker(settings{
		redis: addr, prefix: "jst", appKey: "k", appSecret: "s", provider: true, baseURL: fake.URL,
		period: time.Second, lease: time.Minute, turn: time.Minute, batch: 2, concurrency: 4,
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(w.close)
	w.ending = t.Context()
	for _, merchant := range merchants {
		authorise(t, w, fake, merchant)
		require.NoError(t, w.rdb.SAdd(t.Context(), w.merchantsKey(), merchant).Err())
	}
	return w, fake
}

func authorise(t *testing.T, w *worker, fake *jushuitantest.Server, merchant string) {
	t.Helper()
	redirect, err := w.client.ParseRedirect(fake.Authorize(merchant, merchant))
	require.NoError(t, err)
	_, err = w.client.ForMerchant(merchant).ExchangeCode(t.Context(), redirect.Code)
	require.NoError(t, err)
}

// scheduled returns the merchants that have jobs.
func scheduled(t *testing.T, w *worker) map[string]int {
	t.Helper()
	all, err := w.GetConfigs()
	require.NoError(t, err)
	jobs := map[string]int{}
	for _, c := range all {
		var j job
		require.NoError(t, json.Unmarshal(c.Task.Payload(), &j))
		jobs[j.Merchant]++
	}
	return jobs
}

func orders(t *testing.T, w *worker, merchant string) error {
	t.Helper()
	payload, err := json.Marshal(job{Merchant: merchant, Stream: "orders"})
	require.NoError(t, err)
	return w.handle(t.Context(), asynq.NewTask(jobType, payload))
}

// A merchant has jobs while it has a token that was not refused.
func TestScheduled(t *testing.T) {
	t.Parallel()
	w, fake := lone(t, "10010", "10011")
	require.NoError(t, w.rdb.SAdd(t.Context(), w.merchantsKey(), "10012").Err())
	assert.Equal(t, map[string]int{"10010": 4, "10011": 4}, scheduled(t, w), "10012 has no token yet")

	fake.ExpireTokens("10011")
	err := orders(t, w, "10011")
	require.ErrorIs(t, err, jushuitan.ErrReauthorize)
	require.ErrorIs(t, err, asynq.SkipRetry)
	require.NoError(t, orders(t, w, "10010"))
	assert.Equal(t, map[string]int{"10010": 4}, scheduled(t, w), "that of 10011 was refused")

	authorise(t, w, fake, "10011")
	authorise(t, w, fake, "10012")
	require.NoError(t, orders(t, w, "10011"))
	assert.Equal(t, map[string]int{"10010": 4, "10011": 4, "10012": 4}, scheduled(t, w))
}

// A job does nothing while another process holds the stream, and continues where it
// stopped.
func TestHeld(t *testing.T) {
	t.Parallel()
	w, fake := lone(t, "10010")
	require.NoError(t, fake.Company("10010").AddShop(jushuitan.Shop{ShopID: demoShop}))
	d := &demo{fake: fake}
	require.NoError(t, d.receive("10010", 0, 5))

	key := redisstate.StreamKey{AppKey: "k", Merchant: "10010", Stream: "orders"}
	lease, err := w.checkpoints.Acquire(t.Context(), key, time.Minute)
	require.NoError(t, err)
	require.NoError(t, orders(t, w, "10010"))
	rows, _, err := w.sink.rows(t.Context(), "10010", "orders")
	require.NoError(t, err)
	assert.Empty(t, rows, "the other process has it")

	require.NoError(t, lease.Release(t.Context()))
	require.NoError(t, orders(t, w, "10010"))
	require.NoError(t, d.receive("10010", 5, 2))
	require.NoError(t, orders(t, w, "10010"))
	rows, stored, err := w.sink.rows(t.Context(), "10010", "orders")
	require.NoError(t, err)
	assert.Len(t, rows, 7)
	assert.EqualValues(t, 7, stored)

	var out strings.Builder
	require.NoError(t, w.status(t.Context(), &out))
	row := columns(t, out.String(), "10010")
	assert.Equal(t, "7", row["rows"])
	assert.Equal(t, "0", row["again"], "the second job began behind the first")
	assert.Equal(t, "not", row["lag"], "three streams had no job")
}

// A job that is told to stop keeps what it has stored, and does not count as failed.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w, fake := lone(t, "10010")
	require.NoError(t, fake.Company("10010").AddShop(jushuitan.Shop{ShopID: demoShop}))
	require.NoError(t, (&demo{fake: fake}).receive("10010", 0, 5))
	ending, stop := context.WithCancel(t.Context())
	stop()
	w.ending = ending
	require.NoError(t, orders(t, w, "10010"))
	var out strings.Builder
	require.NoError(t, w.status(t.Context(), &out))
	assert.Equal(t, "not", columns(t, out.String(), "10010")["lag"], "it did not come to the end")

	w.ending = t.Context()
	require.NoError(t, orders(t, w, "10010"))
	rows, stored, err := w.sink.rows(t.Context(), "10010", "orders")
	require.NoError(t, err)
	assert.Len(t, rows, 5)
	assert.EqualValues(t, 5, stored)
}

// The sink stores a row once in each version, and refuses a worker whose lease was taken
// over.
func TestSink(t *testing.T) {
	t.Parallel()
	w, _ := lone(t)
	ctx := t.Context()
	put := func(fence int64, rows ...row) error { return w.sink.put(ctx, "10010", "orders", fence, rows) }
	require.NoError(t, put(1, row{"1", 10}, row{"2", 11}))
	require.NoError(t, put(2, row{"2", 11}, row{"3", 12}, row{"1", 13}))
	require.ErrorIs(t, put(1, row{"4", 14}), redisstate.ErrLeaseLost)
	require.NoError(t, put(2, row{"1", 10}), "an older version is no fault")
	rows, stored, err := w.sink.rows(ctx, "10010", "orders")
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"1": 13, "2": 11, "3": 12}, rows)
	assert.EqualValues(t, 4, stored)
	r, err := w.metrics.report(ctx, "10010", w.streams)
	require.NoError(t, err)
	assert.EqualValues(t, 4, r.counts[metricRows])
	assert.EqualValues(t, 2, r.counts[metricAgain])
}

// A stream whose checkpoint was lost starts over, and the sink takes its rows: its fence is not
// smaller than the ones that the sink remembers.
func TestCheckpointLost(t *testing.T) {
	t.Parallel()
	w, fake := lone(t, "10010")
	require.NoError(t, fake.Company("10010").AddShop(jushuitan.Shop{ShopID: demoShop}))
	require.NoError(t, (&demo{fake: fake}).receive("10010", 0, 5))
	for range 2 {
		require.NoError(t, orders(t, w, "10010"))
	}
	require.NoError(t, (&demo{fake: fake}).receive("10010", 5, 1))
	require.NoError(t, orders(t, w, "10010")) // the sink remembers the fence of the third worker
	require.NoError(t, w.checkpoints.Forget(t.Context(), w.appKey, "10010"))
	require.NoError(t, (&demo{fake: fake}).receive("10010", 6, 1))
	require.NoError(t, orders(t, w, "10010"))
	rows, stored, err := w.sink.rows(t.Context(), "10010", "orders")
	require.NoError(t, err)
	assert.Len(t, rows, 7)
	assert.EqualValues(t, 7, stored)
}

// A task that is not a job of this version is not retried.
func TestUnknownJob(t *testing.T) {
	t.Parallel()
	w, _ := lone(t)
	for _, payload := range []string{`{"merchant":"10010","stream":"x"}`, `{`} {
		require.ErrorIs(t, w.handle(t.Context(), asynq.NewTask(jobType, []byte(payload))), asynq.SkipRetry)
	}
}

// A push that is repeated is stored once, and another push with the same body is stored
// separately.
func TestPush(t *testing.T) {
	t.Parallel()
	w, _ := lone(t)
	m := redisstate.Message{ID: "a", EntID: "10010", Method: string(jushuitan.PushStock), Raw: []byte(`{"datas":[]}`)}
	other := m
	other.ID = "b"
	for _, m := range []redisstate.Message{m, m, other, m} {
		require.NoError(t, w.push(t.Context(), m))
	}
	rows, stored, err := w.sink.rows(t.Context(), "10010", pushStream)
	require.NoError(t, err)
	assert.Len(t, rows, 2)
	assert.EqualValues(t, 2, stored)
}

// Throttled calls and retries are counted.
func TestThrottled(t *testing.T) {
	t.Parallel()
	w, fake := lone(t, "10010")
	fake.Inject(jushuitantest.Fault{Path: "/open/orders/single/query", Times: 1, Kind: jushuitantest.Throttle})
	require.NoError(t, orders(t, w, "10010"))
	r, err := w.metrics.report(t.Context(), "10010", w.streams)
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.counts[metricThrottled])
	assert.EqualValues(t, 1, r.counts[metricRetries])
	assert.EqualValues(t, 3, r.counts[metricCalls], "with that for the token")
}

// startCluster joins three nodes of Redis Cluster, and returns their addresses.
func startCluster(t *testing.T) string {
	t.Helper()
	needRedis(t)
	const nodes, slots = 3, 16384
	ctx := t.Context()
	var addrs []string
	var clients []*redis.Client
	for i := range nodes {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, bus, err := net.SplitHostPort(l.Addr().String())
		require.NoError(t, err)
		require.NoError(t, l.Close())
		addr, stop, err := startRedis(context.Background(), "--cluster-enabled", "yes", "--cluster-port", bus)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, stop()) })
		c := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		require.NoError(t, c.ClusterAddSlotsRange(ctx, i*slots/nodes, (i+1)*slots/nodes-1).Err())
		addrs, clients = append(addrs, addr), append(clients, c)
		if i > 0 {
			_, port, err := net.SplitHostPort(addr)
			require.NoError(t, err)
			require.NoError(t, clients[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", port, bus).Err())
		}
	}
	require.Eventually(t, func() bool {
		for _, c := range clients {
			info, err := c.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond)
	return strings.Join(addrs, ",")
}

// A process works on Redis Cluster too: its jobs, its pushes and its counters.
func TestOnCluster(t *testing.T) {
	t.Parallel()
	w, fake := loneOn(t, startCluster(t), "10010", "10011")
	w.lease = 2 * time.Second
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	inbox, err := w.inbox()
	require.NoError(t, err)
	for _, merchant := range []string{"10010", "10011"} {
		require.NoError(t, fake.Company(merchant).AddShop(jushuitan.Shop{ShopID: demoShop}))
		require.NoError(t, (&demo{fake: fake}).receive(merchant, 0, 5))
		require.NoError(t, inbox.Put(ctx, redisstate.Message{ID: "a", EntID: merchant}))
	}
	require.Eventually(t, func() bool {
		for _, merchant := range []string{"10010", "10011"} {
			orders, _, err := w.sink.rows(t.Context(), merchant, "orders")
			pushes, _, err2 := w.sink.rows(t.Context(), merchant, pushStream)
			if errors.Join(err, err2) != nil || len(orders) != 5 || len(pushes) != 1 {
				return false
			}
		}
		return true
	}, 30*time.Second, 50*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	var out strings.Builder
	require.NoError(t, w.status(t.Context(), &out))
	for _, merchant := range []string{"10010", "10011"} {
		assert.Equal(t, "6", columns(t, out.String(), merchant)["rows"])
	}
	assert.Contains(t, out.String(), "0 wait")
}
