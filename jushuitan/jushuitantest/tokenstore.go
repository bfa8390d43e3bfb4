package jushuitantest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestTokenStore checks that an implementation of [jushuitan.TokenStore] keeps its
// contract: versions, compare-and-swap among many goroutines, unchanged fields, separate
// keys, contexts, Delete if the store has it, and leases if it is a
// [jushuitan.TokenLeaser].
//
// It calls mk for each part. The stores may share one database, since the keys differ
// every time.
//
//	func TestMyStore(t *testing.T) {
//		jushuitantest.TestTokenStore(t, func(t *testing.T) jushuitan.TokenStore { return openMyStore(t) })
//	}
func TestTokenStore(t *testing.T, mk func(t *testing.T) jushuitan.TokenStore) {
	t.Helper()
	for _, check := range tokenStoreChecks {
		t.Run(check.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := check.run(ctx, mk(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

type tokenStoreCheck struct {
	name string
	run  func(ctx context.Context, s jushuitan.TokenStore) error
}

var tokenStoreChecks = []tokenStoreCheck{
	{"absent", checkTokenAbsent},
	{"create", checkTokenCreate},
	{"swap", checkTokenSwap},
	{"fields", checkTokenFields},
	{"ends", checkTokenEnds},
	{"keys", checkTokenKeys},
	{"one creator", checkTokenOneCreator},
	{"no lost swap", checkTokenNoLostSwap},
	{"context", checkTokenContext},
	{"delete", checkTokenDelete},
	{"lease", checkTokenLease},
}

func newTokenKey() jushuitan.TokenKey {
	return jushuitan.TokenKey{AppKey: "app-" + rand.Text(), Merchant: "10010"}
}

// madeUpToken is a token of this test; n tells them apart.
func madeUpToken(n int) jushuitan.Token {
	return jushuitan.Token{
		AccessToken:  fmt.Sprintf("conformance-access-%04d", n),
		RefreshToken: fmt.Sprintf("conformance-refresh-%04d", n),
		ExpiresAt:    time.Date(2031, 2, 3, 4, 5, n%60, 0, time.UTC),
		Scope:        "all",
	}
}

// tokenDiffers says in what got is not want at this version. The tokens are the
// test's own, so that they may be shown.
func tokenDiffers(got, want jushuitan.Token, version int64) error {
	want.Version = version
	show := func(t jushuitan.Token) string {
		return fmt.Sprintf("{access %q, refresh %q, expires %v, scope %q, version %d}",
			t.AccessToken, t.RefreshToken, t.ExpiresAt, t.Scope, t.Version)
	}
	if got.AccessToken != want.AccessToken || got.RefreshToken != want.RefreshToken || got.Scope != want.Scope ||
		got.Version != want.Version || !got.ExpiresAt.Equal(want.ExpiresAt) || got.ExpiresAt.IsZero() != want.ExpiresAt.IsZero() {
		return fmt.Errorf("got  %s\nwant %s", show(got), show(want))
	}
	return nil
}

// tokenSwapped wants CompareAndSwap to store next under the version after old's; the
// first one of a key may be any from 1 on.
func tokenSwapped(ctx context.Context, s jushuitan.TokenStore, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, error) {
	got, ok, err := s.CompareAndSwap(ctx, key, old, next)
	if err != nil || !ok {
		return got, fmt.Errorf("CompareAndSwap over version %d: ok = %v, error = %s; want it stored", old.Version, ok, fmt.Sprint(err))
	}
	version := old.Version + 1
	if old.Version == 0 {
		version = max(1, got.Version)
	}
	if err := tokenDiffers(got, next, version); err != nil {
		return got, fmt.Errorf("CompareAndSwap over version %d returned\n%w", old.Version, err)
	}
	return got, holdsToken(ctx, s, key, next, version)
}

// tokenRefused wants CompareAndSwap to lose against current.
func tokenRefused(ctx context.Context, s jushuitan.TokenStore, key jushuitan.TokenKey, old, next, current jushuitan.Token) error {
	version := current.Version
	got, ok, err := s.CompareAndSwap(ctx, key, old, next)
	if err != nil || ok {
		return fmt.Errorf("CompareAndSwap over version %d where %d is stored: ok = %v, error = %s; want ok = false and no error",
			old.Version, version, ok, fmt.Sprint(err))
	}
	if err := tokenDiffers(got, current, version); err != nil {
		return fmt.Errorf("a lost CompareAndSwap must return what is stored:\n%w", err)
	}
	if version == 0 {
		return holdsNoToken(ctx, s, key)
	}
	return holdsToken(ctx, s, key, current, version)
}

func holdsToken(ctx context.Context, s jushuitan.TokenStore, key jushuitan.TokenKey, want jushuitan.Token, version int64) error {
	got, err := s.Load(ctx, key)
	if err != nil {
		return fmt.Errorf("Load: %w", err)
	}
	if err := tokenDiffers(got, want, version); err != nil {
		return fmt.Errorf("Load\n%w", err)
	}
	return nil
}

func holdsNoToken(ctx context.Context, s jushuitan.TokenStore, key jushuitan.TokenKey) error {
	got, err := s.Load(ctx, key)
	if !errors.Is(err, jushuitan.ErrNoToken) {
		return fmt.Errorf("Load of nothing: error = %s, want one that is ErrNoToken", fmt.Sprint(err))
	}
	if err := tokenDiffers(got, jushuitan.Token{}, 0); err != nil {
		return fmt.Errorf("Load of nothing\n%w", err)
	}
	return nil
}

func checkTokenAbsent(ctx context.Context, s jushuitan.TokenStore) error {
	key := newTokenKey()
	if err := holdsNoToken(ctx, s, key); err != nil {
		return err
	}
	return tokenRefused(ctx, s, key, jushuitan.Token{Version: 3}, madeUpToken(1), jushuitan.Token{})
}

func checkTokenCreate(ctx context.Context, s jushuitan.TokenStore) error {
	key := newTokenKey()
	first := madeUpToken(1)
	first.Version = 77 // does not count
	stored, err := tokenSwapped(ctx, s, key, jushuitan.Token{}, first)
	if err != nil {
		return err
	}
	return tokenRefused(ctx, s, key, jushuitan.Token{}, madeUpToken(2), stored)
}

func checkTokenSwap(ctx context.Context, s jushuitan.TokenStore) error {
	key := newTokenKey()
	var current jushuitan.Token
	for n := 1; n <= 5; n++ {
		stored, err := tokenSwapped(ctx, s, key, current, madeUpToken(n))
		if err != nil {
			return err
		}
		current = stored
	}
	for _, version := range []int64{0, current.Version - 1, current.Version + 1} {
		if err := tokenRefused(ctx, s, key, jushuitan.Token{Version: version}, madeUpToken(9), current); err != nil {
			return err
		}
	}
	// Only the version of old counts, and the same text may be stored again.
	_, err := tokenSwapped(ctx, s, key, jushuitan.Token{AccessToken: "conformance-other", Version: current.Version}, current)
	return err
}

func checkTokenFields(ctx context.Context, s jushuitan.TokenStore) error {
	long := make([]byte, 2000)
	for i := range long {
		long[i] = "0123456789abcdef"[i%16]
	}
	for _, c := range []struct {
		name string
		tok  jushuitan.Token
	}{
		{"no refresh token, no end, no scope", jushuitan.Token{AccessToken: "conformance-access-0001"}},
		{"no end", jushuitan.Token{AccessToken: "conformance-access-0002", RefreshToken: "conformance-refresh-0002", Scope: "all"}},
		{"end in another zone", jushuitan.Token{
			AccessToken: "conformance-access-0003", ExpiresAt: time.Date(2031, 2, 3, 23, 30, 0, 0, time.FixedZone("", -9*3600)),
		}},
		{"end in the past", jushuitan.Token{AccessToken: "conformance-access-0004", ExpiresAt: time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)}},
		{"far end", jushuitan.Token{AccessToken: "conformance-access-0005", ExpiresAt: time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)}},
		{"first end", jushuitan.Token{AccessToken: "conformance-access-0006", ExpiresAt: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)}},
		{"last end", jushuitan.Token{AccessToken: "conformance-access-0007", ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}},
		{"signs and Chinese", jushuitan.Token{AccessToken: `a"b\c:d/e'f%g{}|h 令牌`, RefreshToken: "<&>;--\t", Scope: "全部,all"}},
		{"long", jushuitan.Token{AccessToken: string(long), RefreshToken: string(long)}},
	} {
		key := newTokenKey()
		stored, err := tokenSwapped(ctx, s, key, jushuitan.Token{}, c.tok)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		// No field of the token before may shine through.
		if stored, err = tokenSwapped(ctx, s, key, stored, madeUpToken(1)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if _, err := tokenSwapped(ctx, s, key, stored, c.tok); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// checkTokenEnds wants a token to be kept whatever its end is: a store that expires its tokens must
// not compute a time that overflows, such as beyond the year 2262, or 292 years from now.
func checkTokenEnds(ctx context.Context, s jushuitan.TokenStore) error {
	var keys []jushuitan.TokenKey
	var ends []time.Time
	for year := 1; year <= 9999; {
		ends = append(ends, time.Date(year, 12, 31, 23, 59, 59, 999999999, time.UTC))
		switch {
		case year < 1900, year >= 2400:
			year += 450
		case year < 2200:
			year += 50
		default:
			year += 9
		}
	}
	ends = append(ends, time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Unix(0, 0), time.Unix(0, 1<<63-1), time.Unix(0, 1<<63-1).Add(time.Nanosecond),
		time.Now().Add(1<<63-1), time.Now().Add(1<<63-1).Add(time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC))
	tokens := make([]jushuitan.Token, len(ends))
	for n, end := range ends {
		tok := madeUpToken(n)
		tok.ExpiresAt = end
		keys = append(keys, newTokenKey())
		stored, ok, err := s.CompareAndSwap(ctx, keys[n], jushuitan.Token{}, tok)
		if err != nil || !ok {
			return fmt.Errorf("end %v: CompareAndSwap: ok = %v, error = %s; want it stored", end, ok, fmt.Sprint(err))
		}
		tokens[n] = stored
		if err := tokenDiffers(stored, tok, stored.Version); err != nil {
			return fmt.Errorf("end %v: CompareAndSwap returned\n%w", end, err)
		}
	}
	for n, key := range keys { // all of them some milliseconds later
		if err := holdsToken(ctx, s, key, tokens[n], tokens[n].Version); err != nil {
			return fmt.Errorf("end %v: %w", ends[n], err)
		}
	}
	return nil
}

func checkTokenKeys(ctx context.Context, s jushuitan.TokenStore) error {
	app := "app-" + rand.Text()
	keys := []jushuitan.TokenKey{
		{AppKey: app, Merchant: "bc"}, {AppKey: app + "b", Merchant: "c"},
		{AppKey: app, Merchant: "b:c"}, {AppKey: app + ":b", Merchant: "c"},
		{AppKey: app, Merchant: "b/c"}, {AppKey: app + "/b", Merchant: "c"},
		{AppKey: app, Merchant: "x"}, {AppKey: app, Merchant: "X"}, {AppKey: app, Merchant: "x "},
		{AppKey: app, Merchant: "*"}, {AppKey: app, Merchant: "商家"}, {AppKey: app, Merchant: ""},
	}
	stored := make([]jushuitan.Token, len(keys))
	for i, key := range keys {
		var err error
		if stored[i], err = tokenSwapped(ctx, s, key, jushuitan.Token{}, madeUpToken(i)); err != nil {
			return fmt.Errorf("merchant %q: %w", key.Merchant, err)
		}
	}
	for i, key := range keys {
		if err := holdsToken(ctx, s, key, madeUpToken(i), stored[i].Version); err != nil {
			return fmt.Errorf("merchant %q: %w", key.Merchant, err)
		}
	}
	return nil
}

// inTokenRace runs f in n goroutines at once and returns their first error.
func inTokenRace(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkTokenOneCreator(ctx context.Context, s jushuitan.TokenStore) error {
	const racers = 16
	for range 4 {
		key := newTokenKey()
		var seen [racers]jushuitan.Token
		var won [racers]bool
		if err := inTokenRace(racers, func(i int) (err error) {
			seen[i], won[i], err = s.CompareAndSwap(ctx, key, jushuitan.Token{}, madeUpToken(i))
			return err
		}); err != nil {
			return err
		}
		winner := -1
		for i, w := range won {
			if w && winner >= 0 {
				return fmt.Errorf("goroutines %d and %d both stored the first token", winner, i)
			}
			if w {
				winner = i
			}
		}
		if winner < 0 {
			return errors.New("none of the goroutines could store the first token")
		}
		for i := range seen {
			if err := tokenDiffers(seen[i], madeUpToken(winner), seen[winner].Version); err != nil {
				return fmt.Errorf("goroutine %d (stored: %v) must see the winner's token:\n%w", i, won[i], err)
			}
		}
		if err := holdsToken(ctx, s, key, madeUpToken(winner), max(1, seen[winner].Version)); err != nil {
			return err
		}
	}
	return nil
}

func checkTokenNoLostSwap(ctx context.Context, s jushuitan.TokenStore) error {
	const racers, each = 8, 5
	shared, own := newTokenKey(), newTokenKey()
	first, err := tokenSwapped(ctx, s, shared, jushuitan.Token{}, madeUpToken(0))
	if err != nil {
		return err
	}
	var last [racers]jushuitan.Token
	if err := inTokenRace(racers, func(i int) error {
		for n := range each {
			// Changes of one merchant must not undo those of another.
			key := jushuitan.TokenKey{AppKey: own.AppKey, Merchant: fmt.Sprint(i)}
			var err error
			if last[i], err = tokenSwapped(ctx, s, key, last[i], madeUpToken(n)); err != nil {
				return fmt.Errorf("merchant of goroutine %d: %w", i, err)
			}
			current, err := s.Load(ctx, shared)
			if err != nil {
				return fmt.Errorf("Load: %w", err)
			}
			for ok := false; !ok; {
				if current, ok, err = s.CompareAndSwap(ctx, shared, current, madeUpToken(i*each+n)); err != nil {
					return fmt.Errorf("CompareAndSwap: %w", err)
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	current, err := s.Load(ctx, shared)
	if err != nil {
		return fmt.Errorf("Load: %w", err)
	}
	if got := current.Version - first.Version; got != racers*each {
		return fmt.Errorf("%d swaps were said to be stored, and the version grew by %d", racers*each, got)
	}
	for i := range racers {
		key := jushuitan.TokenKey{AppKey: own.AppKey, Merchant: fmt.Sprint(i)}
		if err := holdsToken(ctx, s, key, madeUpToken(each-1), last[i].Version); err != nil {
			return fmt.Errorf("merchant of goroutine %d: %w", i, err)
		}
	}
	return nil
}

func checkTokenContext(ctx context.Context, s jushuitan.TokenStore) error {
	key := newTokenKey()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Load(ended, key); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Load with an ended context: error = %s, want one that is context.Canceled", fmt.Sprint(err))
	}
	if _, ok, err := s.CompareAndSwap(ended, key, jushuitan.Token{}, madeUpToken(1)); ok || !errors.Is(err, context.Canceled) {
		return fmt.Errorf("CompareAndSwap with an ended context: ok = %v, error = %s, want one that is context.Canceled", ok, fmt.Sprint(err))
	}
	return holdsNoToken(ctx, s, key)
}

func checkTokenDelete(ctx context.Context, s jushuitan.TokenStore) error {
	d, ok := s.(interface {
		Delete(ctx context.Context, key jushuitan.TokenKey) error
	})
	if !ok {
		return nil
	}
	key, other := newTokenKey(), newTokenKey()
	if err := d.Delete(ctx, key); err != nil {
		return fmt.Errorf("Delete of nothing: %w", err)
	}
	beside, err := tokenSwapped(ctx, s, other, jushuitan.Token{}, madeUpToken(8))
	if err != nil {
		return err
	}
	stored, err := tokenSwapped(ctx, s, key, jushuitan.Token{}, madeUpToken(1))
	if err != nil {
		return err
	}
	if err := d.Delete(ctx, key); err != nil {
		return fmt.Errorf("Delete: %w", err)
	}
	if err := holdsNoToken(ctx, s, key); err != nil {
		return err
	}
	if err := tokenRefused(ctx, s, key, stored, madeUpToken(2), jushuitan.Token{}); err != nil {
		return fmt.Errorf("a deleted token must not come back: %w", err)
	}
	if err := d.Delete(ctx, key); err != nil {
		return fmt.Errorf("second Delete: %w", err)
	}
	if err := holdsToken(ctx, s, other, madeUpToken(8), beside.Version); err != nil {
		return fmt.Errorf("another merchant's token: %w", err)
	}
	again, err := tokenSwapped(ctx, s, key, jushuitan.Token{}, madeUpToken(3))
	if err != nil {
		return fmt.Errorf("after Delete: %w", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.Delete(ended, key); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Delete with an ended context: error = %s, want one that is context.Canceled", fmt.Sprint(err))
	}
	return holdsToken(ctx, s, key, madeUpToken(3), again.Version)
}

func checkTokenLease(ctx context.Context, s jushuitan.TokenStore) error {
	l, ok := s.(jushuitan.TokenLeaser)
	if !ok {
		return nil
	}
	key := newTokenKey()
	var current jushuitan.Token // none at first
	for n := range 3 {
		if err := leasedOnce(ctx, s, l, key, current); err != nil {
			return fmt.Errorf("over version %d: %w", current.Version, err)
		}
		stored, err := s.Load(ctx, key)
		if err != nil {
			return fmt.Errorf("Load: %w", err)
		}
		if current.Version != 0 && stored.Version != current.Version+1 {
			return fmt.Errorf("round %d: the version grew by %d, want 1: one of the racers renews", n, stored.Version-current.Version)
		}
		current = stored
	}
	return leaseEndsWithContext(ctx, l, key, current)
}

// leasedOnce has many goroutines renew old under the lease, as clients do: one of them
// must find it still stored.
func leasedOnce(ctx context.Context, s jushuitan.TokenStore, l jushuitan.TokenLeaser, key jushuitan.TokenKey, old jushuitan.Token) error {
	const racers = 8
	var renewed, inside atomic.Int64
	err := inTokenRace(racers, func(i int) error {
		release, err := l.Lease(ctx, key, old)
		if err != nil {
			return fmt.Errorf("lease: %w", err)
		}
		defer release()
		current, err := s.Load(ctx, key)
		if err != nil && !errors.Is(err, jushuitan.ErrNoToken) {
			return fmt.Errorf("Load: %w", err)
		}
		if current.Version != old.Version {
			return nil
		}
		if inside.Add(1) != 1 {
			return errors.New("two hold the lease of one token at a time")
		}
		defer inside.Add(-1)
		renewed.Add(1)
		if _, ok, err := s.CompareAndSwap(ctx, key, old, madeUpToken(i)); err != nil || !ok {
			return fmt.Errorf("CompareAndSwap under the lease: ok = %v, error = %s", ok, fmt.Sprint(err))
		}
		return nil
	})
	if err == nil && renewed.Load() != 1 {
		err = fmt.Errorf("%d goroutines renewed the token, want 1", renewed.Load())
	}
	return err
}

// leaseEndsWithContext waits for a lease that another holds until its context ends.
func leaseEndsWithContext(ctx context.Context, l jushuitan.TokenLeaser, key jushuitan.TokenKey, current jushuitan.Token) error {
	release, err := l.Lease(ctx, key, current)
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := l.Lease(waiting, key, current); !errors.Is(err, context.DeadlineExceeded) {
		release()
		return fmt.Errorf("lease while another holds it: error = %s, want one that is context.DeadlineExceeded", fmt.Sprint(err))
	}
	release()
	release, err = l.Lease(ctx, key, current)
	if err != nil {
		return fmt.Errorf("lease after the release: %w", err)
	}
	release()
	return nil
}
