package jushuitan_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// leasingStore leases the renewal of all its tokens to one client at a time.
type leasingStore struct {
	*jushuitan.MemoryTokenStore
	turn chan struct{}
}

func (s leasingStore) Lease(ctx context.Context, _ jushuitan.TokenKey, _ jushuitan.Token) (func(), error) {
	select {
	case s.turn <- struct{}{}:
		return sync.OnceFunc(func() { <-s.turn }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var _ jushuitan.TokenLeaser = leasingStore{}

// Clients that know nothing of each other share a store that leases: one of them asks
// the server, and the others take what it stored.
func TestTokenLeaseRenewsOnce(t *testing.T) {
	const clients = 8
	fake := jushuitantest.NewServer(jushuitantest.WithSingleToken(), jushuitantest.WithLatency(20*time.Millisecond))
	t.Cleanup(fake.Close)
	store := leasingStore{jushuitan.NewMemoryTokenStore(), make(chan struct{}, 1)}
	key := jushuitan.TokenKey{AppKey: fake.Credentials().AppKey, Merchant: "10010"}
	_, ok, err := store.CompareAndSwap(t.Context(), key, jushuitan.Token{}, jushuitan.Token{
		AccessToken: "ended-access-token", RefreshToken: "ended-refresh-token", ExpiresAt: time.Now().Add(-time.Hour),
	})
	require.NoError(t, err)
	require.True(t, ok)
	var wg sync.WaitGroup
	var got [clients]jushuitan.Token
	for i := range clients {
		c, err := fake.Client(jushuitan.WithTokenStore(store))
		require.NoError(t, err)
		wg.Go(func() {
			tok, err := c.ForMerchant("10010").Token(t.Context())
			assert.NoError(t, err)
			got[i] = tok
		})
	}
	wg.Wait()
	granted := 0
	for _, r := range fake.Requests() {
		if strings.Contains(r.Path, "/auth/") && r.Code == 0 {
			granted++
		}
	}
	assert.Equal(t, 1, granted)
	for _, tok := range got {
		assert.Equal(t, got[0].AccessToken, tok.AccessToken)
	}
	assert.Empty(t, store.turn, "the lease was given back")
}

// A lease that could not be acquired fails the call, whose token has ended, and shows no token.
func TestTokenLeaseFails(t *testing.T) {
	fake := jushuitantest.NewServer()
	t.Cleanup(fake.Close)
	store := leasingStore{jushuitan.NewMemoryTokenStore(), make(chan struct{}, 1)}
	store.turn <- struct{}{} // another's, for good
	c, err := fake.Client(jushuitan.WithTokenStore(store))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.ForMerchant("10010").Token(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Zero(t, fake.Stats().TokenCalls)
}
