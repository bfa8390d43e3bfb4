package redisstate_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

func testDeduper(t *testing.T, rdb redis.UniversalClient) {
	s := stateOn(t, rdb, redisstate.Config{})
	callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return s.Deduper() })
}

// Nothing is left of a message but one key with an end.
func TestDeduperKeys(t *testing.T) {
	ctx, rdb := t.Context(), client(t)
	prefix := "test-dedupe-" + rand.Text()
	d := state(t, redisstate.Config{Prefix: prefix}).Deduper()
	name := prefix + ":seen:k"
	got, err := d.Claim(ctx, "k", "a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, jushuitan.Claimed, got)
	ttl := rdb.PTTL(ctx, name).Val()
	assert.True(t, ttl > 0 && ttl <= time.Minute, ttl)
	require.NoError(t, d.Commit(ctx, "k", "a", time.Hour))
	ttl = rdb.PTTL(ctx, name).Val()
	assert.True(t, ttl > time.Minute && ttl <= time.Hour, ttl)
	require.NoError(t, d.Commit(ctx, "k", "b", 0)) // forgets
	assert.Zero(t, rdb.Exists(ctx, name).Val())
}
