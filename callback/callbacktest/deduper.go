package callbacktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
)

// TestDeduper checks that an implementation of [callback.Deduper] keeps its
// contract. mk is called once for each subtest; the stores may share their state,
// since every subtest uses keys of its own. Times to live of some hundred
// milliseconds pass in real time.
func TestDeduper(t *testing.T, mk func(t *testing.T) callback.Deduper) {
	t.Helper()
	for _, c := range deduperChecks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.check(t.Context(), mk(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

type deduperCheck struct {
	name  string
	check func(ctx context.Context, d callback.Deduper) error
}

var deduperChecks = []deduperCheck{
	{"claim", checkDedupeClaim},
	{"commit", checkDedupeCommit},
	{"release", checkDedupeRelease},
	{"not another's claim", checkDedupeOwner},
	{"claim ends", checkDedupeClaimEnds},
	{"commit ends", checkDedupeCommitEnds},
	{"forget", checkDedupeForget},
	{"commit after the claim ended", checkDedupeLateCommit},
	{"one of many", checkDedupeRace},
	{"done context", checkDedupeContext},
}

const (
	longTTL  = time.Minute
	shortTTL = 150 * time.Millisecond
)

func claims(ctx context.Context, d callback.Deduper, key, owner string, ttl time.Duration, want callback.ClaimState) error {
	got, err := d.Claim(ctx, key, owner, ttl)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if got != want {
		return fmt.Errorf("claim: got %s, want %s", got, want)
	}
	return nil
}

func checkDedupeClaim(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		claims(ctx, d, key, "b", longTTL, callback.Busy),
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		claims(ctx, d, key+"x", "b", longTTL, callback.Claimed),
	)
}

func checkDedupeCommit(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		d.Commit(ctx, key, "a", longTTL),
		claims(ctx, d, key, "b", longTTL, callback.Committed),
		claims(ctx, d, key, "a", longTTL, callback.Committed),
		d.Commit(ctx, key, "a", longTTL),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "b", longTTL, callback.Committed),
	)
}

// checkDedupeForget: a commit for no time forgets what is done, and nothing else.
func checkDedupeForget(ctx context.Context, d callback.Deduper) error {
	done, running, none := "key-"+rand.Text(), "key-"+rand.Text(), "key-"+rand.Text()
	return errors.Join(
		d.Commit(ctx, done, "a", longTTL),
		d.Commit(ctx, done, "b", 0),
		claims(ctx, d, done, "c", longTTL, callback.Claimed),
		claims(ctx, d, running, "a", longTTL, callback.Claimed),
		d.Commit(ctx, running, "b", 0),
		claims(ctx, d, running, "b", longTTL, callback.Busy),
		d.Commit(ctx, running, "a", -time.Second),
		claims(ctx, d, running, "b", longTTL, callback.Busy),
		d.Commit(ctx, none, "a", 0),
		claims(ctx, d, none, "b", longTTL, callback.Claimed),
	)
}

func checkDedupeRelease(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		d.Release(ctx, key, "a"),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "b", longTTL, callback.Claimed),
	)
}

func checkDedupeOwner(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		d.Release(ctx, key, "b"),
		claims(ctx, d, key, "b", longTTL, callback.Busy),
	)
}

func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func checkDedupeClaimEnds(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", shortTTL, callback.Claimed),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, callback.Claimed),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "c", longTTL, callback.Busy),
	)
}

func checkDedupeCommitEnds(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, callback.Claimed),
		d.Commit(ctx, key, "a", shortTTL),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, callback.Claimed),
	)
}

func checkDedupeLateCommit(ctx context.Context, d callback.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", shortTTL, callback.Claimed),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, callback.Claimed),
		d.Commit(ctx, key, "a", longTTL),
		claims(ctx, d, key, "c", longTTL, callback.Committed),
		d.Release(ctx, key, "b"),
		claims(ctx, d, key, "c", longTTL, callback.Committed),
	)
}

func checkDedupeRace(ctx context.Context, d callback.Deduper) error {
	const callers = 16
	key := "key-" + rand.Text()
	states, errs := make([]callback.ClaimState, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { states[i], errs[i] = d.Claim(ctx, key, rand.Text(), longTTL) })
	}
	wg.Wait()
	won := 0
	for _, s := range states {
		if s == callback.Claimed {
			won++
		} else if s != callback.Busy {
			errs = append(errs, fmt.Errorf("claim: got %s", s))
		}
	}
	if won != 1 {
		errs = append(errs, fmt.Errorf("%d of %d callers have the claim", won, callers))
	}
	return errors.Join(errs...)
}

func checkDedupeContext(ctx context.Context, d callback.Deduper) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Claim(ctx, "key-"+rand.Text(), "a", longTTL); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("claim with a context that ended: %w", errors.Join(err, errors.New("want its error")))
	}
	return nil
}
