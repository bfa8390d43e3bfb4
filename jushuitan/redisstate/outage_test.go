package redisstate_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// movable is a client whose server may be another one later, as with Sentinel.
func movable(t testing.TB, addr *atomic.Value) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: "movable:0", ContextTimeoutEnabled: true, ReadTimeout: time.Second, WriteTimeout: time.Second, DialTimeout: time.Second,
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			to, _ := addr.Load().(string)
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", to)
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A Redis that is restarted, paused, and replaced by its replica, while pushes come in
// and are worked, and a stream is synchronised: no push that was acknowledged and no
// row is lost, the checkpoint never goes back, and pushes are handled twice only where
// the answer to the worker or the sender was lost.
func TestRedisFails(t *testing.T) {
	pushes, paused := 3000, 1500*time.Millisecond
	if *long {
		pushes, paused = 20_000, 10*time.Second
	}
	for name, c := range map[string]struct {
		args     []string
		replicas int
		fail     func(t *testing.T, primary, replica *server, addr *atomic.Value)
	}{
		"restarted": {
			args: []string{"--appendonly", "yes", "--appendfsync", "always"},
			fail: func(t *testing.T, primary, _ *server, _ *atomic.Value) {
				primary.kill()
				require.NoError(t, primary.start())
			},
		},
		"paused": {
			fail: func(t *testing.T, primary, _ *server, _ *atomic.Value) {
				require.NoError(t, primary.pause())
				<-time.After(paused) // the time that is tested
				require.NoError(t, primary.resume())
			},
		},
		"failed over": {
			replicas: 1,
			fail: func(t *testing.T, primary, replica *server, addr *atomic.Value) {
				primary.kill()
				direct := dial(replica.addr)
				defer func() { _ = direct.Close() }()
				require.NoError(t, direct.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
				addr.Store(replica.addr)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			primary := ownServer(t, c.args...)
			if primary == nil {
				return
			}
			var replica *server
			if c.replicas > 0 {
				_, port, err := net.SplitHostPort(primary.addr)
				require.NoError(t, err)
				replica = ownServer(t, "--replicaof", "127.0.0.1 "+port, "--repl-diskless-sync-delay", "0")
				direct := dial(primary.addr)
				eventually(t, 20*time.Second, "the replica follows", func() bool {
					n, err := direct.Do(t.Context(), "WAIT", 1, 100).Int()
					return err == nil && n == 1
				})
				require.NoError(t, direct.Close())
			}
			var addr atomic.Value
			addr.Store(primary.addr)
			cfg := redisstate.Config{Replicas: c.replicas, ReplicaTimeout: 500 * time.Millisecond}
			if name == "failed over" {
				cfg.Replicas = 1
			}
			s, err := redisstate.New(movable(t, &addr), cfg)
			require.NoError(t, err)
			after := s // the new primary has no replica
			if c.replicas > 0 {
				after, err = redisstate.New(movable(t, &addr), redisstate.Config{})
				require.NoError(t, err)
			}
			var failed atomic.Bool
			now := func() *redisstate.State {
				if failed.Load() {
					return after
				}
				return s
			}

			var mu sync.Mutex
			handled := map[string]int{}
			i := inbox(t, after, redisstate.InboxConfig{Visibility: 2 * time.Second})
			running(t, i, 4, func(_ context.Context, m redisstate.Message) error {
				mu.Lock()
				defer mu.Unlock()
				handled[m.ID]++
				return nil
			})

			var next, acked, again atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for {
						n := next.Add(1)
						if n > int64(pushes) {
							return
						}
						m := redisstate.Message{ID: fmt.Sprint(n), EntID: "10010", Raw: []byte("{}")}
						for t.Context().Err() == nil {
							if inbox(t, now(), redisstate.InboxConfig{Visibility: 2 * time.Second}).Put(t.Context(), m) == nil {
								break
							}
							again.Add(1)
							<-time.After(20 * time.Millisecond) // as the sender of pushes waits
						}
						acked.Add(1)
					}
				})
			}
			var rows []int64 // as the host stored them
			var wentBack atomic.Bool
			wg.Go(func() { rows = synchronise(t, now, &acked, int64(pushes), &wentBack) })

			eventually(t, time.Minute, "a third of the pushes", func() bool { return acked.Load() > int64(pushes)/3 })
			c.fail(t, primary, replica, &addr)
			failed.Store(true)
			wg.Wait()
			drained(t, i, time.Minute)
			mu.Lock()
			defer mu.Unlock()
			runs := 0
			for _, n := range handled {
				runs += n
			}
			assert.Len(t, handled, pushes)
			assert.False(t, wentBack.Load(), "the checkpoint went back")
			seen := map[int64]bool{}
			for _, r := range rows {
				seen[r] = true
			}
			assert.NotEmpty(t, rows)
			assert.Len(t, seen, int(rows[len(rows)-1]), "rows are missing")
			t.Logf("%d pushes, %d sent again, %d runs; %d rows, %d of them twice", pushes, again.Load(), runs, len(seen), len(rows)-len(seen))
		})
	}
}

// synchronise works a stream row by row with a checkpoint after each, until all pushes
// are in.
func synchronise(t *testing.T, now func() *redisstate.State, acked *atomic.Int64, pushes int64, wentBack *atomic.Bool) (rows []int64) {
	ctx := t.Context()
	key := redisstate.StreamKey{AppKey: "app", Merchant: "10010", Stream: "orders"}
	saved := int64(0) // the last that Redis acknowledged
	for acked.Load() < pushes && ctx.Err() == nil {
		lease, err := now().Checkpoints(0).Acquire(ctx, key, 300*time.Millisecond)
		if err != nil {
			<-time.After(20 * time.Millisecond)
			continue
		}
		at := lease.Checkpoint().Cursor
		if at < saved {
			wentBack.Store(true)
		}
		for acked.Load() < pushes {
			at++
			rows = append(rows, at)
			if err := lease.Save(ctx, jushuitan.Checkpoint{Cursor: at}); err != nil {
				break // acquire it again and go on from what is stored
			}
			saved = at
		}
	}
	return rows
}

// While Redis is away a call is refused after some time, or has its local share; what
// was sent meanwhile counts when Redis is back.
func TestLimiterWhileRedisIsAway(t *testing.T) {
	s := ownServer(t)
	if s == nil {
		return
	}
	rdb := dial(s.addr)
	t.Cleanup(func() { _ = rdb.Close() })
	st, err := redisstate.New(rdb, redisstate.Config{})
	require.NoError(t, err)
	quota := jushuitan.Quota{Limit: 8, Per: 600 * time.Millisecond}
	refusing := limiter(t, st, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{quota}, Patience: 200 * time.Millisecond})
	sharing := limiter(t, st, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{quota}, Outage: redisstate.LocalShare, Replicas: 4})
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
	require.ErrorIs(t, err, redisstate.ErrAway)
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
		{Slack: -1}, {PermitTTL: -1}, {Patience: -1}, {Outage: redisstate.LocalShare}, {Outage: 7},
		{Quotas: []jushuitan.Quota{{Limit: 0, Per: 1}}}, {Quotas: []jushuitan.Quota{{Limit: 1}}},
	} {
		_, err := st.Limiter(cfg)
		require.Error(t, err)
	}
	_, err = refusing.WaitN(t.Context(), jushuitan.LimitKey{}, 0)
	require.Error(t, err)
	require.False(t, errors.Is(err, redisstate.ErrAway))
}
