package redisstate_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// keyPattern is a kind of key as the package comment lists it.
type keyPattern struct {
	parts []string
	bound bool // it never expires but is bounded
}

// documented reads the list of keys from the package comment.
func documented(t *testing.T) map[string]keyPattern {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	all := map[string]keyPattern{}
	for line := range strings.Lines(string(text)) {
		line, ok := strings.CutPrefix(line, "//\tjst:")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		assert.Regexp(t, ` (expires|bounded:) `, rest, name)
		all[name] = keyPattern{parts: strings.Split(name, ":"), bound: strings.Contains(rest, " bounded: ")}
	}
	require.NotEmpty(t, all)
	return all
}

// matches reports whether a key, without its prefix, is of the kind.
func (p keyPattern) matches(key string) bool {
	parts := strings.Split(key, ":")
	if len(parts) != len(p.parts) && !(p.parts[0] == "seen" && len(parts) > 1) {
		return false
	}
	for i, part := range p.parts {
		switch part {
		case "{app/merchant}", "{name/n}":
			if !strings.HasPrefix(parts[i], "{") || !strings.HasSuffix(parts[i], "}") {
				return false
			}
		case "path", "stream", "document", "after-sale", "key":
		default:
			if parts[i] != part {
				return false
			}
		}
	}
	return true
}

// After all parts were used, each key of the prefix is one of those that the package
// comment lists and expires, or is bounded as stated there.
func testKeys(t *testing.T, rdb redis.UniversalClient) {
	ctx := t.Context()
	cfg := redisstate.Config{Prefix: "test-keys-" + rand.Text()}
	s := stateOn(t, rdb, cfg)
	var seen sync.Map // kinds of keys
	patterns := documented(t)
	walk := func() {
		require.NoError(t, each(ctx, rdb, func(ctx context.Context, c *redis.Client) error {
			all := c.Scan(ctx, 0, cfg.Prefix+":*", 1000).Iterator()
			for all.Next(ctx) {
				key := all.Val()
				kind := ""
				for name, p := range patterns {
					if p.matches(strings.TrimPrefix(key, cfg.Prefix+":")) {
						kind = name
					}
				}
				if !assert.NotEmpty(t, kind, "not in the package comment: %s", key) {
					continue
				}
				seen.Store(kind, true)
				ttl, err := c.PTTL(ctx, key).Result()
				if err != nil {
					return err
				}
				if !patterns[kind].bound && ttl != -2 { // -2: it has expired meanwhile
					assert.Positive(t, ttl, "%s does not expire", key)
				}
			}
			return all.Err()
		}))
	}

	token := jushuitan.TokenKey{AppKey: "app", Merchant: "10010"}
	store := tokenStore(t, s, redisstate.TokenStoreConfig{})
	tok, _, err := store.CompareAndSwap(ctx, token, jushuitan.Token{}, jushuitan.Token{AccessToken: "t"})
	require.NoError(t, err)
	_, err = store.Load(ctx, token)
	require.NoError(t, err)
	_, _, err = store.CompareAndSwap(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "ends"}, jushuitan.Token{}, jushuitan.Token{AccessToken: "t", ExpiresAt: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	_, _, err = store.CompareAndSwap(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "leaves"}, jushuitan.Token{}, jushuitan.Token{AccessToken: "t"})
	require.NoError(t, err)
	require.NoError(t, store.Delete(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "leaves"}))
	release, err := store.Lease(ctx, token, tok)
	require.NoError(t, err)

	limited := jushuitan.LimitKey{AppKey: "app", Merchant: "10010", Path: "/open/p"}
	l := limiter(t, s, redisstate.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 1, Per: time.Minute}}})
	sent, err := l.Wait(ctx, limited)
	require.NoError(t, err)
	sent()
	waiting, stop := context.WithCancel(ctx)
	var waiters sync.WaitGroup
	waiters.Go(func() {
		_, err := l.Wait(waiting, limited)
		assert.ErrorIs(t, err, context.Canceled)
	})
	require.NoError(t, l.Penalize(ctx, jushuitan.LimitKey{AppKey: "app", Merchant: "late", Path: "/p"}, time.Minute))

	d := s.Deduper()
	for _, key := range []string{"k", "logistics.upload:k"} {
		_, _, err = d.Claim(ctx, key, "", "a", time.Minute)
		require.NoError(t, err)
	}
	require.NoError(t, d.Commit(ctx, "k", "", "a", "", time.Hour))

	lease, err := s.Checkpoints(0).Acquire(ctx, redisstate.StreamKey{AppKey: "app", Merchant: "10010", Stream: "orders:all"}, time.Minute)
	require.NoError(t, err)
	require.NoError(t, lease.Save(ctx, jushuitan.Checkpoint{Cursor: 1}))

	i := inbox(t, s, redisstate.InboxConfig{Ordered: true, MaxAttempts: 2, Partitions: 2})
	at := make(chan struct{}, 10)
	hold := make(chan struct{})
	end := running(t, i, 4, func(ctx context.Context, m redisstate.Message) error {
		if m.SoID == "fails" {
			return errors.New("of the handler")
		}
		at <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return nil
	})
	env := callback.Envelope{EntID: "10010", Method: jushuitan.PushCancel, Raw: []byte("{}")}
	require.NoError(t, i.Put(ctx, redisstate.Message{SoID: "fails"}))
	require.NoError(t, i.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "s"}))
	require.NoError(t, i.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "s", Remark: "another part"})) // behind it
	returned := callback.Envelope{EntID: "10010", Method: jushuitan.PushGoodsReturned, Raw: []byte("{}")}
	shipped := callback.Envelope{EntID: "10010", Method: jushuitan.PushShipment, Raw: []byte("{}")}
	require.NoError(t, i.Shipment(ctx, shipped, &jushuitan.ShipmentPush{OID: 7, SoID: "fails", LID: "L"}))
	require.NoError(t, i.GoodsReturned(ctx, returned, &jushuitan.GoodsReturnedPush{ASID: 7, SoID: "r", Action: jushuitan.GoodsReceived}))
	<-at
	eventually(t, 10*time.Second, "each kind of key was there", func() bool {
		walk()
		missing := 0
		for name := range patterns {
			if _, ok := seen.Load(name); !ok {
				missing++
			}
		}
		return missing == 0 || t.Failed()
	})
	close(hold)
	stop()
	release()
	waiters.Wait()
	drained(t, i, 10*time.Second)
	end()
	walk()
	// Of the inbox nothing is left but the dead letter, the empty streams and what
	// tells repeats.
	for p := range 2 {
		for _, key := range []string{":due", ":tries", ":busy", ":parked"} {
			n, err := rdb.Exists(ctx, cfg.Prefix+":inbox:{/"+string(rune('0'+p))+"}"+key).Result()
			require.NoError(t, err)
			assert.Zero(t, n, key)
		}
	}
}
