package redisstate_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

var _ jushuitan.TokenLeaser = (*redisstate.TokenStore)(nil)

func tokenStore(t testing.TB, s *redisstate.State, cfg redisstate.TokenStoreConfig) *redisstate.TokenStore {
	t.Helper()
	store, err := s.TokenStore(cfg)
	require.NoError(t, err)
	return store
}

func testTokenStore(t *testing.T, rdb redis.UniversalClient) {
	plain := stateOn(t, rdb, redisstate.Config{})
	sealed := stateOn(t, rdb, redisstate.Config{Keyring: newKeyring(t, "k1")})
	for name, s := range map[string]*redisstate.State{"plain": plain, "sealed": sealed} {
		t.Run(name, func(t *testing.T) {
			jushuitantest.TestTokenStore(t, func(t *testing.T) jushuitan.TokenStore { return tokenStore(t, s, redisstate.TokenStoreConfig{}) })
		})
	}
}

func TestTokenStoreKeepsNothingInTheClear(t *testing.T) {
	prefix := "test-sealed-" + rand.Text()
	ctx, rdb := t.Context(), client(t)
	store := tokenStore(t, state(t, redisstate.Config{Prefix: prefix, Keyring: newKeyring(t, "k1")}), redisstate.TokenStoreConfig{})
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "10010"}
	_, ok, err := store.CompareAndSwap(ctx, key, jushuitan.Token{}, jushuitan.Token{AccessToken: "CANARY-access", RefreshToken: "CANARY-refresh"})
	require.NoError(t, err)
	require.True(t, ok)
	name := prefix + ":token:{app/10010}"
	held, err := rdb.HGetAll(ctx, name).Result()
	require.NoError(t, err)
	assert.NotContains(t, fmt.Sprint(held), "CANARY")
	ttl, err := rdb.PTTL(ctx, name).Result()
	require.NoError(t, err)
	assert.Positive(t, ttl)

	// A value that was copied to another merchant is refused.
	require.NoError(t, rdb.HSet(ctx, prefix+":token:{app/20020}", "v", held["v"], "t", held["t"]).Err())
	_, err = store.Load(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "20020"})
	require.ErrorIs(t, err, keyring.ErrDecrypt)
	assert.Contains(t, err.Error(), "20020")
	// So is one in the clear, unless it is asked for.
	require.NoError(t, rdb.HSet(ctx, prefix+":token:{app/30030}", "v", "7", "t", `p{"a":"CANARY-plain"}`).Err())
	moving := jushuitan.TokenKey{AppKey: "app", Merchant: "30030"}
	_, err = store.Load(ctx, moving)
	require.ErrorIs(t, err, keyring.ErrDecrypt)
	assert.NotContains(t, err.Error(), "CANARY")
	accepting := tokenStore(t, state(t, redisstate.Config{Prefix: prefix, Keyring: newKeyring(t, "k1"), AcceptPlaintext: true}), redisstate.TokenStoreConfig{})
	tok, err := accepting.Load(ctx, moving)
	require.NoError(t, err)
	assert.Equal(t, "CANARY-plain", tok.AccessToken)
	assert.EqualValues(t, 7, tok.Version)

	// What no keyring is given for, or another one.
	for _, cfg := range []redisstate.Config{{Prefix: prefix}, {Prefix: prefix, Keyring: newKeyring(t, "k2")}} {
		_, err = tokenStore(t, state(t, cfg), redisstate.TokenStoreConfig{}).Load(ctx, key)
		require.ErrorIs(t, err, keyring.ErrDecrypt)
	}
	for _, damaged := range []string{"", "p", "s", "s\x02k", "s\x02k1", "s\x02k1short", "x", held["t"][:len(held["t"])-1]} {
		require.NoError(t, rdb.HSet(ctx, name, "t", damaged).Err())
		_, err = store.Load(ctx, key)
		require.Error(t, err, "%q", damaged)
	}
}

// A token is kept for Keep after its end, and for a hundred years at least if both are farther
// than that, whatever the end and Keep are.
func TestTokenStoreKeepsFarEnds(t *testing.T) {
	ctx, rdb := t.Context(), client(t)
	const century = 100 * 365 * 24 * time.Hour
	for _, keep := range []time.Duration{time.Minute, redisstate.DefaultTokenKeep, 1<<63 - 1} {
		prefix := "test-ends-" + rand.Text()
		store := tokenStore(t, state(t, redisstate.Config{Prefix: prefix}), redisstate.TokenStoreConfig{Keep: keep})
		for year := 1; year <= 9999; year += 7 {
			tok := jushuitan.Token{AccessToken: "t", ExpiresAt: time.Date(year, 6, 30, 0, 0, 0, 0, time.UTC)}
			merchant := fmt.Sprint(year)
			_, ok, err := store.CompareAndSwap(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: merchant}, jushuitan.Token{}, tok)
			require.NoError(t, err)
			require.True(t, ok)
			ttl, err := rdb.PTTL(ctx, prefix+":token:{app/"+merchant+"}").Result()
			require.NoError(t, err)
			left := max(time.Until(tok.ExpiresAt), 0)
			least := min(keep, century) + min(left, century) - time.Minute/2
			require.GreaterOrEqual(t, ttl, least, "year %d, Keep %v", year, keep)
		}
	}
}

func TestTokenStoreRotatesKeys(t *testing.T) {
	prefix := "test-rotate-" + rand.Text()
	ctx, key := t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "1"}
	with := func(ring *keyring.Keyring) *redisstate.TokenStore {
		return tokenStore(t, state(t, redisstate.Config{Prefix: prefix, Keyring: ring, AcceptPlaintext: true}), redisstate.TokenStoreConfig{})
	}
	next := jushuitan.Token{AccessToken: "access", ExpiresAt: time.Now().Add(time.Hour)}
	_, _, err := with(nil).CompareAndSwap(ctx, key, jushuitan.Token{}, next)
	require.NoError(t, err)
	for _, ids := range [][]string{{"k1"}, {"k2", "k1"}} {
		store := with(newKeyring(t, ids...))
		done, err := store.Reencrypt(ctx, key)
		require.NoError(t, err)
		require.True(t, done, ids)
		done, err = store.Reencrypt(ctx, key)
		require.NoError(t, err)
		require.False(t, done, ids)
	}
	tok, err := with(newKeyring(t, "k2")).Load(ctx, key)
	require.NoError(t, err)
	assert.Equal(t, "access", tok.AccessToken)
	assert.EqualValues(t, 3, tok.Version)
	_, err = with(newKeyring(t, "k1")).Load(ctx, key)
	require.ErrorIs(t, err, keyring.ErrDecrypt)
	done, err := with(nil).Reencrypt(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "none"})
	require.NoError(t, err)
	assert.False(t, done)
}

// The lease keeps others away, the fence keeps away who lost it.
func TestTokenLease(t *testing.T) {
	const lease = 300 * time.Millisecond
	ctx, prefix := t.Context(), "test-lease"
	key := jushuitan.TokenKey{AppKey: "app", Merchant: rand.Text()}
	mk := func() *redisstate.TokenStore {
		return tokenStore(t, state(t, redisstate.Config{Prefix: prefix}), redisstate.TokenStoreConfig{Lease: lease})
	}
	a, b := mk(), mk()
	old, _, err := a.CompareAndSwap(ctx, key, jushuitan.Token{}, jushuitan.Token{AccessToken: "t1"})
	require.NoError(t, err)

	release, err := a.Lease(ctx, key, old)
	require.NoError(t, err)
	waiting, cancel := context.WithTimeout(ctx, 3*lease) // longer than it lasts unattended
	_, err = b.Lease(waiting, key, old)
	cancel()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	got := make(chan error, 1)
	go func() {
		release, err := b.Lease(ctx, key, old)
		if err == nil {
			release()
		}
		got <- err
	}()
	second, ok, err := a.CompareAndSwap(ctx, key, old, jushuitan.Token{AccessToken: "t2"})
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, <-got) // without the right: the token is new
	release()
	release()

	// Whose lease is another's by now stores nothing.
	release, err = a.Lease(ctx, key, second)
	require.NoError(t, err)
	defer release()
	rdb := client(t)
	require.NoError(t, rdb.Set(ctx, prefix+":renew:{app/"+key.Merchant+"}", "another", time.Minute).Err())
	_, _, err = a.CompareAndSwap(ctx, key, second, jushuitan.Token{AccessToken: "t3"})
	require.ErrorIs(t, err, redisstate.ErrFenced)
	assert.NotContains(t, err.Error(), "t3")
	// An authorisation of the merchant's has no need of the right.
	third, ok, err := b.CompareAndSwap(ctx, key, second, jushuitan.Token{AccessToken: "t4"})
	require.NoError(t, err)
	require.True(t, ok)
	assert.EqualValues(t, 3, third.Version)
}

func TestTokenConfigIsChecked(t *testing.T) {
	s := state(t, redisstate.Config{})
	for _, cfg := range []redisstate.TokenStoreConfig{{Keep: -1}, {Lease: -1}, {Lease: time.Millisecond}} {
		_, err := s.TokenStore(cfg)
		require.Error(t, err)
	}
	for _, cfg := range []redisstate.Config{{Prefix: "a{b"}, {Replicas: -1}, {ReplicaTimeout: -1}} {
		_, err := redisstate.New(client(t), cfg)
		require.Error(t, err)
	}
	_, err := redisstate.New(nil, redisstate.Config{})
	require.Error(t, err)
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": shared.addr}})
	t.Cleanup(func() { _ = ring.Close() })
	_, err = redisstate.New(ring, redisstate.Config{})
	require.ErrorContains(t, err, "Ring")
}

// renewArgs is what a process needs that uses a token.
type renewArgs struct {
	Redis, URL, Prefix string
	Lease              time.Duration
}

// testApp is the app of the fakes of these tests.
func testApp() jushuitan.Credentials {
	return jushuitan.Credentials{AppKey: "app", AppSecret: "secret-of-the-tests", Type: jushuitan.SelfBuilt}
}

// renewChild gets the token of each merchant that it is told, and says how long
// that took.
func renewChild(ctx context.Context, text []byte) error {
	var args renewArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	store, err := args.store()
	if err != nil {
		return err
	}
	c, err := jushuitan.New(testApp(), jushuitan.WithBaseURL(args.URL), jushuitan.WithTokenStore(store))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		begin := time.Now()
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		_, err := c.ForMerchant(lines.Text()).Token(bounded)
		cancel()
		if err != nil {
			return err
		}
		fmt.Println("done", time.Since(begin).Milliseconds())
	}
	return nil
}

func (a renewArgs) store() (*redisstate.TokenStore, error) {
	s, err := redisstate.New(dial(a.Redis), redisstate.Config{Prefix: a.Prefix})
	if err != nil {
		return nil, err
	}
	return s.TokenStore(redisstate.TokenStoreConfig{Lease: a.Lease})
}

// expired stores a token of the merchant's that has ended.
func expired(t *testing.T, store *redisstate.TokenStore, merchant string) {
	t.Helper()
	_, ok, err := store.CompareAndSwap(t.Context(), jushuitan.TokenKey{AppKey: testApp().AppKey, Merchant: merchant}, jushuitan.Token{},
		jushuitan.Token{AccessToken: "ended-long-ago-" + merchant, RefreshToken: "ended-too", ExpiresAt: time.Now().Add(-time.Hour)})
	require.NoError(t, err)
	require.True(t, ok)
}

// grants counts the renewals that the fake granted.
func grants(fake *jushuitantest.Server) int {
	n := 0
	for _, r := range fake.Requests() {
		if strings.Contains(r.Path, "/auth/") && r.Code == 0 {
			n++
		}
	}
	return n
}

// renewals is a server that ends a token when it grants the next one, and takes its time.
func renewals(t *testing.T) *jushuitantest.Server {
	t.Helper()
	fake := jushuitantest.NewServer(jushuitantest.WithApp(testApp()), jushuitantest.WithSingleToken(), jushuitantest.WithLatency(100*time.Millisecond))
	t.Cleanup(fake.Close)
	return fake
}

// Eight processes find the same token expired: the server hears of one.
func TestProcessesRenewOnce(t *testing.T) {
	const processes = 8
	fake := renewals(t)
	client(t)
	args := renewArgs{Redis: shared.addr, URL: fake.URL, Prefix: "test-" + rand.Text(), Lease: 5 * time.Second}
	store, err := args.store()
	require.NoError(t, err)
	expired(t, store, "10010")

	var all []*process
	for range processes {
		p := spawn(t, "renew", args)
		require.Equal(t, "ready", p.next(t))
		all = append(all, p)
	}
	for _, p := range all {
		p.tell(t, "10010")
	}
	for _, p := range all {
		require.Contains(t, p.next(t), "done")
	}
	assert.Equal(t, 1, grants(fake))
	tok, err := store.Load(t.Context(), jushuitan.TokenKey{AppKey: testApp().AppKey, Merchant: "10010"})
	require.NoError(t, err)
	assert.Equal(t, fake.AccessToken(""), tok.AccessToken)
	assert.EqualValues(t, 2, tok.Version)
}

// The process that renews is killed at random points while two others want the token
// as well. Nobody waits for it longer than the lease, the others renew once, and what
// is stored in the end is what the server takes.
func TestRenewingProcessIsKilled(t *testing.T) {
	t.Parallel()
	const (
		kills  = 50
		lease  = 250 * time.Millisecond
		spread = 150 * time.Millisecond // a renewal takes about 100
	)
	fake := jushuitantest.NewServer(jushuitantest.WithApp(testApp()), jushuitantest.WithSingleToken(), jushuitantest.WithLatency(30*time.Millisecond))
	t.Cleanup(fake.Close)
	client(t)
	args := renewArgs{Redis: shared.addr, URL: fake.URL, Prefix: "test-" + rand.Text(), Lease: lease}
	store, err := args.store()
	require.NoError(t, err)
	var heirs [2]*process
	for n := range heirs {
		heirs[n] = spawn(t, "renew", args)
		require.Equal(t, "ready", heirs[n].next(t))
	}
	lost, waited, longest := 0, 0, time.Duration(0)
	for round := range kills {
		merchant := fmt.Sprint(round)
		expired(t, store, merchant)
		victim := spawn(t, "renew", args)
		require.Equal(t, "ready", victim.next(t))
		before := grants(fake)
		victim.tell(t, merchant)
		<-time.After(time.Duration(mathrand.Int64N(int64(spread))))
		victim.kill()
		begin := time.Now()
		for _, heir := range heirs {
			heir.tell(t, merchant)
		}
		for _, heir := range heirs {
			require.Contains(t, heir.next(t), "done")
		}
		took := time.Since(begin)
		longest = max(longest, took)
		if took > lease/4 {
			waited++
		}
		granted := grants(fake) - before
		require.LessOrEqual(t, granted, 2)
		if granted == 2 {
			lost++
		}
		tok, err := store.Load(t.Context(), jushuitan.TokenKey{AppKey: testApp().AppKey, Merchant: merchant})
		require.NoError(t, err)
		require.Equal(t, fake.AccessToken(""), tok.AccessToken, "round %d: the server ended the token that is stored", round)
	}
	t.Logf("%d kills: the heirs had to wait %d times, %v at most; %d grants died with their process", kills, waited, longest.Round(time.Millisecond), lost)
	assert.Less(t, longest, lease+time.Second, "stuck")
}
