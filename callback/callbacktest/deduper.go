package callbacktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestDeduper checks that an implementation of [jushuitan.Deduper] keeps its
// contract. mk is called once for each subtest; the stores may share their state,
// since every subtest uses keys of its own. Times to live of some hundred
// milliseconds pass in real time.
func TestDeduper(t *testing.T, mk func(t *testing.T) jushuitan.Deduper) {
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
	check func(ctx context.Context, d jushuitan.Deduper) error
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

func claims(ctx context.Context, d jushuitan.Deduper, key, owner string, ttl time.Duration, want jushuitan.ClaimState) error {
	got, err := d.Claim(ctx, key, owner, ttl)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if got != want {
		return fmt.Errorf("claim: got %s, want %s", got, want)
	}
	return nil
}

func checkDedupeClaim(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		claims(ctx, d, key, "b", longTTL, jushuitan.Busy),
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		claims(ctx, d, key+"x", "b", longTTL, jushuitan.Claimed),
	)
}

func checkDedupeCommit(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		d.Commit(ctx, key, "a", longTTL),
		claims(ctx, d, key, "b", longTTL, jushuitan.Committed),
		claims(ctx, d, key, "a", longTTL, jushuitan.Committed),
		d.Commit(ctx, key, "a", longTTL),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "b", longTTL, jushuitan.Committed),
	)
}

// checkDedupeForget: a commit for no time forgets what is done, and nothing else.
func checkDedupeForget(ctx context.Context, d jushuitan.Deduper) error {
	done, running, none := "key-"+rand.Text(), "key-"+rand.Text(), "key-"+rand.Text()
	return errors.Join(
		d.Commit(ctx, done, "a", longTTL),
		d.Commit(ctx, done, "b", 0),
		claims(ctx, d, done, "c", longTTL, jushuitan.Claimed),
		claims(ctx, d, running, "a", longTTL, jushuitan.Claimed),
		d.Commit(ctx, running, "b", 0),
		claims(ctx, d, running, "b", longTTL, jushuitan.Busy),
		d.Commit(ctx, running, "a", -time.Second),
		claims(ctx, d, running, "b", longTTL, jushuitan.Busy),
		d.Commit(ctx, none, "a", 0),
		claims(ctx, d, none, "b", longTTL, jushuitan.Claimed),
	)
}

func checkDedupeRelease(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		d.Release(ctx, key, "a"),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "b", longTTL, jushuitan.Claimed),
	)
}

func checkDedupeOwner(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		d.Release(ctx, key, "b"),
		claims(ctx, d, key, "b", longTTL, jushuitan.Busy),
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

func checkDedupeClaimEnds(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", shortTTL, jushuitan.Claimed),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, jushuitan.Claimed),
		d.Release(ctx, key, "a"),
		claims(ctx, d, key, "c", longTTL, jushuitan.Busy),
	)
}

func checkDedupeCommitEnds(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", longTTL, jushuitan.Claimed),
		d.Commit(ctx, key, "a", shortTTL),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, jushuitan.Claimed),
	)
}

func checkDedupeLateCommit(ctx context.Context, d jushuitan.Deduper) error {
	key := "key-" + rand.Text()
	return errors.Join(
		claims(ctx, d, key, "a", shortTTL, jushuitan.Claimed),
		pass(ctx, 2*shortTTL),
		claims(ctx, d, key, "b", longTTL, jushuitan.Claimed),
		d.Commit(ctx, key, "a", longTTL),
		claims(ctx, d, key, "c", longTTL, jushuitan.Committed),
		d.Release(ctx, key, "b"),
		claims(ctx, d, key, "c", longTTL, jushuitan.Committed),
	)
}

func checkDedupeRace(ctx context.Context, d jushuitan.Deduper) error {
	const callers = 16
	key := "key-" + rand.Text()
	states, errs := make([]jushuitan.ClaimState, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { states[i], errs[i] = d.Claim(ctx, key, rand.Text(), longTTL) })
	}
	wg.Wait()
	won := 0
	for _, s := range states {
		if s == jushuitan.Claimed {
			won++
		} else if s != jushuitan.Busy {
			errs = append(errs, fmt.Errorf("claim: got %s", s))
		}
	}
	if won != 1 {
		errs = append(errs, fmt.Errorf("%d of %d callers have the claim", won, callers))
	}
	return errors.Join(errs...)
}

func checkDedupeContext(ctx context.Context, d jushuitan.Deduper) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Claim(ctx, "key-"+rand.Text(), "a", longTTL); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("claim with a context that ended: %w", errors.Join(err, errors.New("want its error")))
	}
	return nil
}
