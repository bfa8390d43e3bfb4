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

// Nothing is left of a message but one key with an end: as long as what is remembered, or its
// claim, lasts.
func TestDeduperKeys(t *testing.T) {
	ctx, rdb := t.Context(), client(t)
	for name, want := range map[string]string{"": "string", "A": "hash"} {
		prefix := "test-dedupe-" + rand.Text()
		d := state(t, redisstate.Config{Prefix: prefix}).Deduper()
		key := prefix + ":seen:k"
		got, _, err := d.Claim(ctx, "k", name, "a", time.Minute)
		require.NoError(t, err)
		require.Equal(t, jushuitan.Claimed, got)
		assert.Equal(t, want, rdb.Type(ctx, key).Val())
		ttl := func() time.Duration { return rdb.PTTL(ctx, key).Val() }
		assert.True(t, ttl() > 0 && ttl() <= time.Minute, ttl())
		require.NoError(t, d.Commit(ctx, "k", name, "a", "", time.Hour))
		assert.True(t, ttl() > time.Minute && ttl() <= time.Hour, ttl())
		if name != "" {
			_, _, err = d.Claim(ctx, "k", "B", "a", 2*time.Hour)
			require.NoError(t, err)
			assert.True(t, ttl() > time.Hour && ttl() <= 2*time.Hour, ttl())
			require.NoError(t, d.Release(ctx, "k", "a"))
			assert.True(t, ttl() > time.Minute && ttl() <= time.Hour, ttl())
		}
		require.NoError(t, d.Commit(ctx, "k", name, "b", "", 0)) // forgets
		assert.Zero(t, rdb.Exists(ctx, key).Val())
	}
}
