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
	require.ErrorIs(t, err, redisstate.ErrHeld)

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
	require.ErrorIs(t, err, redisstate.ErrHeld) // the release was not heeded
	require.NoError(t, second.Save(ctx, jushuitan.Checkpoint{Cursor: 20}))
	require.NoError(t, second.Renew(ctx))
	require.NoError(t, second.Release(ctx))
	cp, err := cps.Load(ctx, key)
	require.NoError(t, err)
	assert.EqualValues(t, 20, cp.Cursor)

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
