package callbacktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestDeduper checks that an implementation of [jushuitan.Deduper] keeps its
// contract. mk is called once for each subtest; the stores may share their state,
// since every subtest uses keys of its own. The test waits in real time for times to live
// of a few hundred milliseconds.
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
	{"last state", checkDedupeLast},
	{"memory", checkDedupeMemory},
	{"release", checkDedupeRelease},
	{"not another's claim", checkDedupeOwner},
	{"claim ends", checkDedupeClaimEnds},
	{"claim that ended is no commit", checkDedupeUnsettled},
	{"commit ends", checkDedupeCommitEnds},
	{"forget", checkDedupeForget},
	{"commit after the claim ended", checkDedupeLateCommit},
	{"one of many", checkDedupeRace},
	{"many keys at once", checkDedupeMany},
	{"done context", checkDedupeContext},
}

const (
	longTTL  = time.Minute
	shortTTL = 150 * time.Millisecond
)

// record is one key of a deduper under test, with the first error.
type record struct {
	ctx context.Context
	d   jushuitan.Deduper
	key string
	err error
}

func newRecord(ctx context.Context, d jushuitan.Deduper) *record {
	return &record{ctx: ctx, d: d, key: "key-" + rand.Text()}
}

// claim claims a state and notes an answer that is not the wanted one.
func (r *record) claim(state, owner string, ttl time.Duration, want jushuitan.ClaimState, memory string) {
	got, told, err := r.d.Claim(r.ctx, r.key, state, owner, ttl)
	switch {
	case r.err != nil:
	case err != nil:
		r.err = fmt.Errorf("claim of state %q: %w", state, err)
	case got != want:
		r.err = fmt.Errorf("claim of state %q by %s: got %s, want %s", state, owner, got, want)
	case got != jushuitan.Busy && told != memory:
		r.err = fmt.Errorf("claim of state %q by %s: got memory %q, want %q", state, owner, told, memory)
	}
}

func (r *record) commit(state, owner, memory string, ttl time.Duration) {
	if err := r.d.Commit(r.ctx, r.key, state, owner, memory, ttl); err != nil && r.err == nil {
		r.err = fmt.Errorf("commit of state %q: %w", state, err)
	}
}

func (r *record) release(owner string) {
	if err := r.d.Release(r.ctx, r.key, owner); err != nil && r.err == nil {
		r.err = fmt.Errorf("release: %w", err)
	}
}

func (r *record) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ctx.Done():
		r.err = errors.Join(r.err, context.Cause(r.ctx))
	}
}

// bothForms runs a check for messages with a state and for those without.
func bothForms(ctx context.Context, d jushuitan.Deduper, check func(r *record, state string)) error {
	var errs []error
	for _, state := range []string{"", "A"} {
		r := newRecord(ctx, d)
		check(r, state)
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}

func checkDedupeClaim(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		r.claim(state, "b", longTTL, jushuitan.Busy, "")
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		other := newRecord(ctx, d)
		other.claim(state, "b", longTTL, jushuitan.Claimed, "")
		r.err = errors.Join(r.err, other.err)
	})
}

func checkDedupeCommit(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		r.commit(state, "a", "", longTTL)
		r.claim(state, "b", longTTL, jushuitan.Committed, "")
		r.claim(state, "a", longTTL, jushuitan.Committed, "")
		r.commit(state, "a", "", longTTL)
		r.release("a")
		r.claim(state, "b", longTTL, jushuitan.Committed, "")
	})
}

// checkDedupeLast: only the state that was handled last is committed.
func checkDedupeLast(ctx context.Context, d jushuitan.Deduper) error {
	r := newRecord(ctx, d)
	for i, state := range []string{"A", "B", "A"} {
		owner := fmt.Sprint("owner ", i)
		memory := map[bool]string{false: "after B", true: "after A"}[i == 1]
		if i == 0 {
			memory = ""
		}
		r.claim(state, owner, longTTL, jushuitan.Claimed, memory)
		r.claim("A", "other", longTTL, jushuitan.Busy, "") // of whatever state
		r.claim("B", "other", longTTL, jushuitan.Busy, "")
		r.commit(state, owner, "after "+state, longTTL)
		r.claim(state, "other", longTTL, jushuitan.Committed, "after "+state)
	}
	return r.err
}

// checkDedupeMemory: the memory comes back as it was, and survives a claim that is released.
func checkDedupeMemory(ctx context.Context, d jushuitan.Deduper) error {
	r := newRecord(ctx, d)
	memory := strings.Repeat("0123456789abcDEF-_", 110) // almost 2,000 characters
	r.commit("A", "a", memory, longTTL)
	r.claim("B", "b", longTTL, jushuitan.Claimed, memory)
	r.claim("B", "b", longTTL, jushuitan.Claimed, memory)
	r.release("b")
	r.claim("A", "c", longTTL, jushuitan.Committed, memory)
	r.commit("A", "c", "", longTTL)
	r.claim("A", "c", longTTL, jushuitan.Committed, "")
	return r.err
}

// checkDedupeForget: a commit with a ttl of zero forgets what was handled; another's claim stays.
func checkDedupeForget(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.commit(state, "a", "", longTTL)
		r.commit(state, "b", "", 0)
		r.claim(state, "c", longTTL, jushuitan.Claimed, "")
		r.commit(state, "b", "", 0)
		r.claim(state, "b", longTTL, jushuitan.Busy, "")
		r.commit(state, "b", "", -time.Second)
		r.claim(state, "b", longTTL, jushuitan.Busy, "")
		none := newRecord(ctx, d)
		none.commit(state, "a", "", 0)
		none.claim(state, "b", longTTL, jushuitan.Claimed, "")
		r.err = errors.Join(r.err, none.err)
	})
}

func checkDedupeRelease(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.release("a")
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		r.release("a")
		r.release("a")
		r.claim(state, "b", longTTL, jushuitan.Claimed, "")
	})
}

func checkDedupeOwner(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		r.release("b")
		r.claim(state, "b", longTTL, jushuitan.Busy, "")
	})
}

func checkDedupeClaimEnds(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.claim(state, "a", shortTTL, jushuitan.Claimed, "")
		r.pass(2 * shortTTL)
		r.claim(state, "b", longTTL, jushuitan.Claimed, "")
		r.release("a")
		r.claim(state, "c", longTTL, jushuitan.Busy, "")
	})
}

// checkDedupeUnsettled: after a claim that expired, the state is unknown until a commit.
func checkDedupeUnsettled(ctx context.Context, d jushuitan.Deduper) error {
	r := newRecord(ctx, d)
	r.commit("A", "a", "after A", longTTL)
	r.claim("B", "b", shortTTL, jushuitan.Claimed, "after A")
	r.pass(2 * shortTTL)
	r.claim("A", "c", shortTTL, jushuitan.Unsettled, "after A")
	r.pass(2 * shortTTL)
	r.claim("B", "d", longTTL, jushuitan.Unsettled, "after A")
	r.commit("B", "d", "after B", longTTL)
	r.claim("B", "e", longTTL, jushuitan.Committed, "after B")
	return r.err
}

func checkDedupeCommitEnds(ctx context.Context, d jushuitan.Deduper) error {
	return bothForms(ctx, d, func(r *record, state string) {
		r.claim(state, "a", longTTL, jushuitan.Claimed, "")
		r.commit(state, "a", "", shortTTL)
		r.pass(2 * shortTTL)
		r.claim(state, "b", longTTL, jushuitan.Claimed, "")
	})
}

// checkDedupeLateCommit: a late commit counts, and the claim of the run that followed stays.
func checkDedupeLateCommit(ctx context.Context, d jushuitan.Deduper) error {
	r := newRecord(ctx, d)
	r.claim("A", "a", shortTTL, jushuitan.Claimed, "")
	r.pass(2 * shortTTL)
	r.claim("A", "b", longTTL, jushuitan.Claimed, "")
	r.commit("A", "a", "after A", longTTL)
	r.claim("A", "c", longTTL, jushuitan.Busy, "")
	r.release("b")
	r.claim("A", "c", longTTL, jushuitan.Committed, "after A")
	return r.err
}

func checkDedupeRace(ctx context.Context, d jushuitan.Deduper) error {
	const callers = 16
	return bothForms(ctx, d, func(r *record, state string) {
		states, errs := make([]jushuitan.ClaimState, callers), make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { states[i], _, errs[i] = d.Claim(ctx, r.key, state, rand.Text(), longTTL) })
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
		r.err = errors.Join(errs...)
	})
}

// checkDedupeMany: keys are independent.
func checkDedupeMany(ctx context.Context, d jushuitan.Deduper) error {
	const keys = 16
	errs := make([]error, keys)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			r := newRecord(ctx, d)
			memory := ""
			for turn := range 8 {
				state := fmt.Sprint("state ", turn%3)
				r.claim(state, "a", longTTL, jushuitan.Claimed, memory)
				memory = fmt.Sprint("memory ", i, turn)
				r.commit(state, "a", memory, longTTL)
				r.claim(state, "b", longTTL, jushuitan.Committed, memory)
			}
			errs[i] = r.err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func checkDedupeContext(ctx context.Context, d jushuitan.Deduper) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	for _, state := range []string{"", "A"} {
		if _, _, err := d.Claim(ctx, "key-"+rand.Text(), state, "a", longTTL); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("claim with a context that ended: %w", errors.Join(err, errors.New("want its error")))
		}
	}
	return nil
}
