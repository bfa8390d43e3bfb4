package jushuitan_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// upgradeTokens is a store on a copy of the token file that an earlier version wrote.
func upgradeTokens(t *testing.T) *jushuitan.FileTokenStore {
	t.Helper()
	text, err := os.ReadFile("testdata/upgrade/tokens.json")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "tokens.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return openTokenFile(t, path)
}

// TestUpgradeTokenFile: every token of a file that an earlier version wrote is still there.
func TestUpgradeTokenFile(t *testing.T) {
	store := upgradeTokens(t)
	late, early := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	own := func(merchant string) jushuitan.TokenKey {
		return jushuitan.TokenKey{AppKey: "made-up-own-app", Merchant: merchant}
	}
	isv := func(merchant string) jushuitan.TokenKey {
		return jushuitan.TokenKey{AppKey: "made-up-isv/app:1", Merchant: merchant}
	}
	for key, want := range map[jushuitan.TokenKey]jushuitan.Token{
		own(""):                 {AccessToken: "access-own", RefreshToken: "refresh-own", ExpiresAt: late, Scope: "all", Version: 1},
		own("10010"):            {AccessToken: "access-10010", RefreshToken: "refresh-10010", ExpiresAt: late.Add(123456789), Scope: "all", Version: 3},
		own("expired"):          {AccessToken: "access-expired", RefreshToken: "refresh-expired", ExpiresAt: early, Scope: "all", Version: 1},
		own("no refresh token"): {AccessToken: "access-alone", ExpiresAt: late, Version: 1},
		isv("商家 20020/一"):       {AccessToken: "access-20020", RefreshToken: "refresh-20020", ExpiresAt: late, Scope: "all", Version: 1},
		isv("never ends"):       {AccessToken: "access-never-ends", Version: 1},
		isv("expired"):          {AccessToken: "access-isv-expired", RefreshToken: "refresh-isv-expired", ExpiresAt: early, Version: 1},
	} {
		got, err := store.Load(t.Context(), key)
		require.NoError(t, err, key.Merchant)
		assert.True(t, got.ExpiresAt.Equal(want.ExpiresAt), "%s expires at %v, want %v", key.Merchant, got.ExpiresAt, want.ExpiresAt)
		got.ExpiresAt = want.ExpiresAt
		assert.True(t, got == want, "token of %q: %v, want %v", key.Merchant, got, want)
	}
	_, err := store.Load(t.Context(), own("left"))
	require.ErrorIs(t, err, jushuitan.ErrNoToken)
	again, ok, err := store.CompareAndSwap(t.Context(), own("left"), jushuitan.Token{}, jushuitan.Token{AccessToken: "returned"})
	require.NoError(t, err)
	assert.True(t, ok)
	assert.EqualValues(t, 2, again.Version, "version 1 was the deleted token's")
}

// TestUpgradeTokensAreUsed: a living token is used as it is, an expired one is refreshed where
// the app may do so, and else asked for once.
func TestUpgradeTokensAreUsed(t *testing.T) {
	store := upgradeTokens(t)
	app := jushuitan.Credentials{AppKey: "made-up-own-app", AppSecret: "made-up-app-secret", Type: jushuitan.SelfBuilt}
	fake := jushuitantest.NewServer(jushuitantest.WithApp(app))
	t.Cleanup(fake.Close)
	own, err := jushuitan.New(app, jushuitan.WithBaseURL(fake.URL), jushuitan.WithTokenStore(store))
	require.NoError(t, err)

	tok, err := own.ForMerchant("10010").Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "access-10010", tok.AccessToken)
	assert.Empty(t, fake.Requests(), "a living token needs no server")

	tok, err = own.ForMerchant("expired").Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, fake.AccessToken(""), tok.AccessToken)
	stored, err := store.Load(t.Context(), jushuitan.TokenKey{AppKey: app.AppKey, Merchant: "expired"})
	require.NoError(t, err)
	assert.Equal(t, tok.AccessToken, stored.AccessToken)
	assert.EqualValues(t, 2, stored.Version)

	asked := 0
	isv, err := jushuitan.New(jushuitan.Credentials{AppKey: "made-up-isv/app:1", AppSecret: "made-up-app-secret", Type: jushuitan.ServiceProvider},
		jushuitan.WithBaseURL(fake.URL), jushuitan.WithTokenStore(store),
		jushuitan.WithOnReauthorize(func(_ context.Context, merchant string, _ error) {
			asked++
			assert.Equal(t, "expired", merchant)
		}))
	require.NoError(t, err)
	for merchant, want := range map[string]string{"商家 20020/一": "access-20020", "never ends": "access-never-ends"} {
		tok, err := isv.ForMerchant(merchant).Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, tok.AccessToken)
	}
	for range 2 {
		_, err = isv.ForMerchant("expired").Token(t.Context())
		require.ErrorIs(t, err, jushuitan.ErrReauthorize)
	}
	assert.Equal(t, 1, asked)
}

// TestUpgradeCheckpoints: a stream that an earlier version stopped goes on with its next row,
// and comes to the end without a repeat and without a gap.
func TestUpgradeCheckpoints(t *testing.T) {
	text, err := os.ReadFile("testdata/upgrade/checkpoints.json")
	require.NoError(t, err)
	var stopped struct {
		Rows []struct {
			OID      int64     `json:"o_id"`
			Modified time.Time `json:"modified"`
			TS       int64     `json:"ts"`
		} `json:"rows"`
		Streams map[string]struct {
			Begin      time.Time            `json:"begin"`
			End        time.Time            `json:"end"`
			Taken      int                  `json:"taken"`
			Checkpoint jushuitan.Checkpoint `json:"checkpoint"`
		} `json:"streams"`
	}
	require.NoError(t, json.Unmarshal(text, &stopped))
	require.Len(t, stopped.Rows, 30)
	require.Len(t, stopped.Streams, 5)
	var rows []jushuitan.Order
	for _, r := range stopped.Rows {
		rows = append(rows, jushuitan.Order{OID: r.OID, Modified: r.Modified, TS: r.TS})
	}
	for name, s := range stopped.Streams {
		t.Run(name, func(t *testing.T) {
			now := rows[len(rows)-1].Modified.Add(24 * time.Hour)
			c := served(t, orderStore(rows, true), jushuitan.WithClock(func() time.Time { return now }))
			query := jushuitan.OrderQuery{PageSize: 10, ModifiedBegin: s.Begin, ModifiedEnd: s.End}
			stream := c.Orders.Stream(&query, s.Checkpoint)
			ids, err := collect(t, stream.Rows(t.Context()))
			require.NoError(t, err)
			assert.ElementsMatch(t, idsOf(rows[s.Taken:]), ids)

			again := c.Orders.Stream(&query, stream.Checkpoint())
			ids, err = collect(t, again.Rows(t.Context()))
			require.NoError(t, err)
			assert.Empty(t, ids, "all was read")
		})
	}
}
