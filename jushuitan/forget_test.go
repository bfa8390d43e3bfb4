package jushuitan_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// forgets is a store with a method Delete.
type forgets struct {
	seen []string
	err  error
}

func (f *forgets) Forget(_ context.Context, appKey, merchant string) error {
	f.seen = append(f.seen, appKey+"/"+merchant)
	return f.err
}

// A merchant that left has no token in memory or in the store; the others keep theirs.
func TestForget(t *testing.T) {
	fake := jushuitantest.NewServer()
	t.Cleanup(fake.Close)
	app := fake.Credentials().AppKey
	store := jushuitan.NewMemoryTokenStore()
	c, err := fake.Client(jushuitan.WithTokenStore(store))
	require.NoError(t, err)
	for _, merchant := range []string{"left", "stays"} {
		_, err := c.ForMerchant(merchant).Token(t.Context())
		require.NoError(t, err)
	}
	failing := &forgets{err: errors.New("the database is down")}
	working := &forgets{}
	err = c.Forget(t.Context(), "left", failing, working)
	require.ErrorIs(t, err, failing.err)
	assert.Contains(t, err.Error(), `"left"`)
	assert.Equal(t, []string{app + "/left"}, working.seen, "one that fails does not keep the others from forgetting")
	failing.err = nil
	require.NoError(t, c.Forget(t.Context(), "left", failing), "it may be called again")

	_, err = store.Load(t.Context(), jushuitan.TokenKey{AppKey: app, Merchant: "left"})
	require.ErrorIs(t, err, jushuitan.ErrNoToken)
	_, err = store.Load(t.Context(), jushuitan.TokenKey{AppKey: app, Merchant: "stays"})
	require.NoError(t, err)
	before := fake.Stats().TokenCalls
	_, err = c.ForMerchant("stays").Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before, fake.Stats().TokenCalls)
	_, err = c.ForMerchant("left").Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before+1, fake.Stats().TokenCalls, "nothing was left in memory")
}

// undeletable is a store without a method Delete.
type undeletable struct{ jushuitan.TokenStore }

func TestForgetWithoutDelete(t *testing.T) {
	fake := jushuitantest.NewServer()
	t.Cleanup(fake.Close)
	c, err := fake.Client(jushuitan.WithTokenStore(undeletable{jushuitan.NewMemoryTokenStore()}))
	require.NoError(t, err)
	working := &forgets{}
	err = c.Forget(t.Context(), "left", working)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.Contains(t, err.Error(), "Delete")
	assert.Len(t, working.seen, 1)
}

// slowStore stores only when it is told to.
type slowStore struct {
	*jushuitan.MemoryTokenStore
	asked, release chan struct{}
}

func (s slowStore) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	s.asked <- struct{}{}
	<-s.release
	return s.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
}

// A renewal that is in progress when its merchant is forgotten leaves no token behind.
func TestForgetDuringRenewal(t *testing.T) {
	fake := jushuitantest.NewServer()
	t.Cleanup(fake.Close)
	store := slowStore{jushuitan.NewMemoryTokenStore(), make(chan struct{}), make(chan struct{})}
	c, err := fake.Client(jushuitan.WithTokenStore(store))
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		_, err := c.ForMerchant("left").Token(t.Context())
		failed <- err
	}()
	<-store.asked
	require.NoError(t, c.Forget(t.Context(), "left"))
	close(store.release)
	require.ErrorIs(t, <-failed, jushuitan.ErrNoToken)
	_, err = store.Load(t.Context(), jushuitan.TokenKey{AppKey: fake.Credentials().AppKey, Merchant: "left"})
	require.ErrorIs(t, err, jushuitan.ErrNoToken)
}

// WithToken applies to every merchant except those with a token of their own.
func TestWithTokenForMerchants(t *testing.T) {
	fake := jushuitantest.NewServer()
	t.Cleanup(fake.Close)
	fixed := fake.AccessToken("")
	var stored atomic.Int64
	c, err := fake.Client(jushuitan.WithToken(fixed), jushuitan.WithTokenStore(countingStore{jushuitan.NewMemoryTokenStore(), &stored}))
	require.NoError(t, err)
	for _, merchant := range []string{"", "10010", "10020"} {
		m := c.ForMerchant(merchant)
		tok, err := m.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, fixed, tok.AccessToken)
		_, err = m.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
	}
	assert.Zero(t, fake.Stats().TokenCalls)
	assert.Zero(t, stored.Load())
	own := c.ForMerchant("10010").WithToken("made-up-other-token")
	tok, err := own.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "made-up-other-token", tok.AccessToken)
	back, err := own.ForMerchant("10020").Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, fixed, back.AccessToken, "one merchant's token is not another's")

	_, err = jushuitan.New(fake.Credentials(), jushuitan.WithToken(""))
	require.Error(t, err)
}

type countingStore struct {
	*jushuitan.MemoryTokenStore
	n *atomic.Int64
}

func (s countingStore) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	s.n.Add(1)
	return s.MemoryTokenStore.Load(ctx, key)
}
