package redisstate_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

func testCheckpoints(t *testing.T, rdb redis.UniversalClient) {
	const ttl = 200 * time.Millisecond
	ctx := t.Context()
	prefix := "test-checkpoint-" + rand.Text()
	s := stateOn(t, rdb, redisstate.Config{Prefix: prefix})
	cps := s.Checkpoints(0)
	key := redisstate.StreamKey{AppKey: "app", Merchant: "10010", Stream: "orders"}

	first, err := cps.Acquire(ctx, key, ttl)
	require.NoError(t, err)
	assert.Zero(t, first.Checkpoint().Cursor)
	require.NoError(t, first.Save(ctx, jushuitan.Checkpoint{Cursor: 10, Done: map[string]int64{"o1": 10}}))
	_, err = cps.Acquire(ctx, key, ttl)
	require.ErrorIs(t, err, redisstate.ErrLeaseHeld)

	// The lease has ended, and nobody took the stream: it is still the first's.
	var second *redisstate.Lease
	eventually(t, 5*time.Second, "the lease ends", func() bool {
		second, err = cps.Acquire(ctx, key, time.Minute)
		return err == nil
	})
	assert.EqualValues(t, 10, second.Checkpoint().Cursor)
	assert.Equal(t, map[string]int64{"o1": 10}, second.Checkpoint().Done)
	assert.Greater(t, second.Fence(), first.Fence())

	// Whose lease was taken over moves nothing, neither back nor forward.
	for _, cursor := range []int64{5, 50} {
		require.ErrorIs(t, first.Save(ctx, jushuitan.Checkpoint{Cursor: cursor}), redisstate.ErrLeaseLost)
	}
	require.ErrorIs(t, first.Renew(ctx), redisstate.ErrLeaseLost)
	require.NoError(t, first.Release(ctx))
	_, err = cps.Acquire(ctx, key, ttl)
	require.ErrorIs(t, err, redisstate.ErrLeaseHeld) // the release was not heeded
	require.NoError(t, second.Save(ctx, jushuitan.Checkpoint{Cursor: 20}))
	require.NoError(t, second.Renew(ctx))
	require.NoError(t, second.Release(ctx))
	cp, err := cps.Load(ctx, key)
	require.NoError(t, err)
	assert.EqualValues(t, 20, cp.Cursor)

	testForget(t, cps)
	testFences(t, rdb)

	third, err := cps.Acquire(ctx, key, ttl)
	require.NoError(t, err)
	assert.Greater(t, third.Fence(), second.Fence())
	require.ErrorIs(t, second.Save(ctx, jushuitan.Checkpoint{Cursor: 21}), redisstate.ErrLeaseLost)
	assert.Positive(t, rdb.PTTL(ctx, prefix+":checkpoint:{app/10010}:orders").Val())

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = cps.Acquire(ended, key, ttl)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, third.Save(ended, cp), context.Canceled)
	_, err = cps.Acquire(ctx, key, 0)
	require.Error(t, err)
	cp, err = cps.Load(ctx, redisstate.StreamKey{Stream: "none"})
	require.NoError(t, err)
	assert.Zero(t, cp.Cursor)
}

// testForget: all streams of one merchant are forgotten, and no others'.
func testForget(t *testing.T, cps *redisstate.Checkpoints) {
	t.Helper()
	ctx := t.Context()
	key := func(merchant, stream string) redisstate.StreamKey {
		return redisstate.StreamKey{AppKey: "app*[x]", Merchant: merchant, Stream: stream}
	}
	for _, k := range []redisstate.StreamKey{key("left", "orders"), key("left", "商品:1"), key("left*", "orders"), key("lef?", "orders"), key("stays", "orders")} {
		lease, err := cps.Acquire(ctx, k, time.Minute)
		require.NoError(t, err)
		require.NoError(t, lease.Save(ctx, jushuitan.Checkpoint{Cursor: 7}))
		if k == key("left", "orders") {
			require.NoError(t, cps.Forget(ctx, k.AppKey, "left"))
			require.ErrorIs(t, lease.Save(ctx, jushuitan.Checkpoint{Cursor: 8}), redisstate.ErrLeaseLost)
			lease, err = cps.Acquire(ctx, k, time.Minute)
			require.NoError(t, err)
			require.NoError(t, lease.Save(ctx, jushuitan.Checkpoint{Cursor: 9}))
		}
	}
	require.NoError(t, cps.Forget(ctx, "app*[x]", "left"))
	require.NoError(t, cps.Forget(ctx, "app*[x]", "left"), "what is not there is no error")
	for k, want := range map[redisstate.StreamKey]int64{
		key("left", "orders"): 0, key("left", "商品:1"): 0, key("left*", "orders"): 7, key("lef?", "orders"): 7, key("stays", "orders"): 7,
	} {
		cp, err := cps.Load(ctx, k)
		require.NoError(t, err)
		assert.Equal(t, want, cp.Cursor, "%v", k)
	}
}

// testFences: what a worker may remember is smaller than the fence of the next one, although the
// checkpoint has expired, was forgotten or is lost.
func testFences(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	ctx := t.Context()
	prefix := "test-fences-" + rand.Text()
	cps := stateOn(t, rdb, redisstate.Config{Prefix: prefix}).Checkpoints(20 * time.Millisecond)
	key := redisstate.StreamKey{AppKey: "app", Merchant: "10010", Stream: "orders"}
	name := prefix + ":checkpoint:{app/10010}:orders"
	var last *redisstate.Lease
	for _, ends := range []func() error{
		func() error { return nil },
		func() error { return last.Release(ctx) },
		func() error { return cps.Forget(ctx, "app", "10010") },
		func() error { return rdb.Del(ctx, name).Err() },
		func() error {
			eventually(t, 5*time.Second, "it expires", func() bool { return rdb.Exists(ctx, name).Val() == 0 })
			return nil
		},
		func() error { return rdb.HSet(ctx, name, "f", 7, "u", 0).Err() }, // of a version that counted from 1
	} {
		require.NoError(t, ends())
		var next *redisstate.Lease
		eventually(t, 5*time.Second, "the stream is free", func() (ok bool) {
			var err error
			next, err = cps.Acquire(ctx, key, time.Millisecond)
			return err == nil
		})
		if last != nil {
			assert.Greater(t, next.Fence(), last.Fence())
			require.Error(t, last.Save(ctx, jushuitan.Checkpoint{Cursor: 1}))
		}
		require.NoError(t, next.Save(ctx, jushuitan.Checkpoint{Cursor: 2}))
		last = next
	}
}
