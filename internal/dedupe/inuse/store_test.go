package inuse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// storeLog is a store that notes when and how it was called.
type storeLog struct {
	jushuitan.Deduper
	start time.Time
	busy  map[string]bool // the keys that others have
	fails int             // so many writes fail
	hangs bool            // writes end with their context

	calls []string
	ctxs  []context.Context // of writes
}

func newStoreLog() *storeLog {
	return &storeLog{Deduper: jushuitan.NewMemoryDeduper(0), start: time.Now(), busy: map[string]bool{}}
}

func (s *storeLog) note(what, key string) {
	s.calls = append(s.calls, fmt.Sprintf("%s %s @%d", what, key, time.Since(s.start).Milliseconds()))
}

func (s *storeLog) write(ctx context.Context) error {
	s.ctxs = append(s.ctxs, ctx)
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.fails--; s.fails >= 0 {
		return errors.New("down")
	}
	return nil
}

func (s *storeLog) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	s.note("claim", key)
	if s.busy[key] {
		return jushuitan.Busy, "", nil
	}
	return s.Deduper.Claim(ctx, key, state, owner, ttl)
}

func (s *storeLog) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	s.note("commit", key)
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

func (s *storeLog) Release(ctx context.Context, key, owner string) error {
	s.note("release", key)
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.Deduper.Release(ctx, key, owner)
}

func does(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// TestBusyPauses: a key that another has is asked for with exponential backoff, up to a pause that
// a store can bear, and once more at the end of the wait.
func TestBusyPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStoreLog()
		store.busy["k"] = true
		require.ErrorIs(t, newRunner(store, nil).Once(t.Context(), "", "k", does(nil)), errBusy)
		var want []string
		for _, ms := range []int{0, 5, 15, 35, 75, 155, 315, 515, 715, 915, 1000} {
			want = append(want, fmt.Sprintf("claim k @%d", ms))
		}
		assert.Equal(t, want, store.calls)
	})
}

// TestFailedWrites: a write that fails is retried three times, within 5 seconds in all, and what
// fails at last is reported, once. The context of a write ends with it.
func TestFailedWrites(t *testing.T) {
	for name, tt := range map[string]struct {
		fails  int
		hangs  bool
		host   error
		want   []string
		report string
	}{
		"none":           {0, false, nil, []string{"commit k @0"}, ""},
		"once":           {1, false, nil, []string{"commit k @0", "commit k @5"}, ""},
		"three times":    {3, false, nil, []string{"commit k @0", "commit k @5", "commit k @55", "commit k @555"}, ""},
		"always":         {9, false, nil, []string{"commit k @0", "commit k @5", "commit k @55", "commit k @555"}, "subject: store: commit: down"},
		"of a release":   {9, false, assert.AnError, []string{"release k @0", "release k @5", "release k @55", "release k @555"}, "subject: store: release: down"},
		"until its time": {0, true, nil, []string{"commit k @0"}, "subject: store: commit: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newStoreLog()
				store.fails, store.hangs = tt.fails, tt.hangs
				report := ""
				r := newRunner(store, func(_ context.Context, subject string, err error) { report += subject + ": " + err.Error() })
				ctx, cancel := context.WithCancel(t.Context())
				require.ErrorIs(t, r.Once(ctx, "subject", "k", func(context.Context) error { cancel(); return tt.host }), tt.host)
				assert.Equal(t, append([]string{"claim k @0"}, tt.want...), store.calls)
				assert.Equal(t, tt.report, report)
				if tt.hangs {
					assert.Equal(t, dedupe.Detached, time.Since(store.start))
				}
				for _, ctx := range store.ctxs {
					require.Error(t, ctx.Err(), "the store's context ends")
					deadline, _ := ctx.Deadline()
					assert.Equal(t, dedupe.Detached, deadline.Sub(store.start), "of all writes together")
				}
			})
		})
	}
}

// TestLocalStore: a store in memory is written at once, and only once.
func TestLocalStore(t *testing.T) {
	store, report := newStoreLog(), ""
	store.fails = 1
	r := dedupe.NewRunner(dedupe.Config[string, jushuitan.ClaimState]{
		Deduper: store, Local: true, ClaimTTL: time.Minute, CommitTTL: time.Hour, ErrStore: errStore,
		Report: func(_ context.Context, subject string, err error) { report += subject + ": " + err.Error() },
	})
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.Once(ctx, "subject", "k", func(context.Context) error { cancel(); return nil }))
	assert.Equal(t, "subject: store: commit: down", report)
	assert.Len(t, store.ctxs, 1)
	require.NoError(t, store.ctxs[0].Err(), "whoever hung up")
}

// TestOldestClaim: the age of the longest of the runs in progress, in whatever order they end.
func TestOldestClaim(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			r := newRunner(jushuitan.NewMemoryDeduper(0), nil)
			begin := time.Now()
			type span struct{ from, to time.Duration }
			var spans []span
			var wg sync.WaitGroup
			for i := range 8 {
				s := span{from: time.Duration(i) * time.Second}
				s.to = s.from + time.Duration(1+rng.IntN(5))*time.Second + time.Millisecond
				if rng.IntN(3) == 0 {
					continue
				}
				spans = append(spans, s)
				wg.Go(func() {
					time.Sleep(s.from)
					assert.NoError(t, r.Once(t.Context(), "", fmt.Sprint(i), func(context.Context) error {
						time.Sleep(s.to - s.from)
						return nil
					}))
				})
			}
			time.Sleep(500 * time.Millisecond)
			for range 14 {
				now := time.Since(begin)
				want := time.Duration(0)
				for _, s := range spans {
					if s.from <= now && now < s.to {
						want = max(want, now-s.from)
					}
				}
				require.Equal(t, want, r.OldestClaim(), "seed %d, after %v of %v", seed, now, spans)
				time.Sleep(time.Second)
			}
			wg.Wait()
		})
	}
}

// TestGuarded: a key is held while it is guarded, and free afterwards; what was committed is not
// run.
func TestGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(jushuitan.NewMemoryDeduper(0), nil)
		guarded := func(r *dedupe.Runner[string, jushuitan.ClaimState], key string, err error) bool {
			runs := 0
			ran, got := r.Guarded(t.Context(), "", key, func(context.Context) error { runs++; return err })
			require.ErrorIs(t, got, err)
			assert.Equal(t, ran, runs == 1)
			return ran
		}
		for _, err := range []error{nil, assert.AnError, nil} {
			assert.True(t, guarded(r, "k", err))
		}
		ran, err := r.Guarded(t.Context(), "", "k", func(context.Context) error {
			assert.ErrorIs(t, r.Once(t.Context(), "", "k", does(nil)), errBusy)
			return nil
		})
		assert.True(t, ran)
		require.NoError(t, err)
		require.NoError(t, r.Once(t.Context(), "", "k", does(nil)))
		assert.False(t, guarded(r, "k", nil), "it was committed")
		assert.True(t, guarded(r, "", nil), "without a key")
		assert.True(t, guarded(newRunner(nil, nil), "k", nil), "without a store")

		ran, err = newRunner(wordStore{err: assert.AnError}, nil).Guarded(t.Context(), "", "k", does(nil))
		assert.False(t, ran)
		require.ErrorIs(t, err, errStore)
	})
}

// TestEarlier: where nothing is known of a document, what an earlier version of the module noted
// is asked for, and its key is held while the event runs.
func TestEarlier(t *testing.T) {
	for name, tt := range map[string]struct {
		noted, proves, known, local, busy bool
		none                              bool // the event has no key of an earlier version
		fail                              error
		want                              dedupe.Outcome
		calls                             string
	}{
		"handled":                       {noted: true, proves: true, want: dedupe.Repeat, calls: "[claim k @0 claim old @0 commit k @0]"},
		"handled, perhaps another":      {noted: true, want: dedupe.Ran, calls: "[claim k @0 claim old @0 commit k @0]"},
		"not handled":                   {proves: true, want: dedupe.Ran, calls: "[claim k @0 claim old @0 commit k @0 release old @0]"},
		"not handled, and fails":        {proves: true, fail: assert.AnError, want: dedupe.Ran, calls: "[claim k @0 claim old @0 release k @0 release old @0]"},
		"something is known":            {noted: true, proves: true, known: true, want: dedupe.Ran, calls: "[claim k @0 commit k @0]"},
		"in memory":                     {noted: true, proves: true, local: true, want: dedupe.Ran, calls: "[claim k @0 commit k @0]"},
		"without a key":                 {none: true, want: dedupe.Ran, calls: "[claim k @0 commit k @0]"},
		"an earlier version is running": {proves: true, busy: true, fail: errBusy, want: dedupe.Refused, calls: "[claim k @0 claim old @0 release k @0]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newStoreLog()
				r := dedupe.NewRunner(dedupe.Config[string, jushuitan.ClaimState]{
					Deduper: store, Local: tt.local, ClaimTTL: time.Minute, CommitTTL: time.Hour, ErrBusy: errBusy, ErrStore: errStore,
				})
				handle := func(e dedupe.Event) (dedupe.Outcome, error) {
					if !tt.none {
						e.Earlier, e.EarlierProves = "old", tt.proves
					}
					e.Key, e.Limit = "k", 8
					return r.Handle(t.Context(), "", &e, func(_ context.Context, mayRepeat bool) error {
						assert.Equal(t, tt.noted && !tt.known && !tt.local, mayRepeat, "flagged where it may be what was handled")
						return tt.fail
					})
				}
				if tt.known {
					_, err := handle(dedupe.Event{State: "other", Said: [12]byte{1}})
					require.NoError(t, err)
				}
				if tt.noted {
					require.NoError(t, store.Commit(t.Context(), "old", "", "", "", time.Hour))
				}
				store.busy["old"] = tt.busy
				store.calls = nil
				got, err := handle(dedupe.Event{State: "state"})
				require.ErrorIs(t, err, tt.fail)
				assert.Equal(t, tt.want, got)
				assert.Equal(t, tt.calls, fmt.Sprint(store.calls))
				if tt.fail != nil {
					return
				}
				state, _, err := store.Deduper.Claim(t.Context(), "k", "state", "another", time.Minute)
				require.NoError(t, err)
				assert.Equal(t, jushuitan.Committed, state, "it was handled last")
				got, err = handle(dedupe.Event{State: "state"})
				require.NoError(t, err)
				assert.Equal(t, dedupe.Repeat, got, "now it is known")
			})
		})
	}
}

// TestHandleWithoutStore: every event runs, and none is flagged.
func TestHandleWithoutStore(t *testing.T) {
	r := newRunner(nil, nil)
	for _, fail := range []error{nil, assert.AnError} {
		out, err := r.Handle(t.Context(), "", &dedupe.Event{Key: "k"}, func(_ context.Context, mayRepeat bool) error {
			assert.False(t, mayRepeat)
			return fail
		})
		require.ErrorIs(t, err, fail)
		assert.Equal(t, dedupe.Ran, out)
	}
}

// TestAgain: an event that is new after a time is a repeat until then, also where its state is that
// handled last.
func TestAgain(t *testing.T) {
	const again = time.Minute
	start := time.UnixMilli(1_700_000_000_000)
	for name, tt := range map[string]struct {
		first, second time.Time
		want          dedupe.Outcome
	}{
		"at once":             {start, start, dedupe.Repeat},
		"just before":         {start, start.Add(again - time.Millisecond), dedupe.Repeat},
		"then":                {start, start.Add(again), dedupe.Ran},
		"the first unknown":   {time.Time{}, start.Add(again), dedupe.Repeat},
		"the second unknown":  {start, time.Time{}, dedupe.Repeat},
		"the second before":   {start, start.Add(-again), dedupe.Repeat},
		"both times unknown":  {time.Time{}, time.Time{}, dedupe.Repeat},
		"a long time between": {time.UnixMilli(1), start, dedupe.Ran},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStoreLog()
			r := newRunner(store, nil)
			handle := func(at time.Time) dedupe.Outcome {
				out, err := r.Handle(t.Context(), "", &dedupe.Event{Key: "k", State: "s", At: at, Again: again, Limit: 8}, func(_ context.Context, mayRepeat bool) error {
					assert.False(t, mayRepeat)
					state, _, err := store.Deduper.Claim(t.Context(), "k", "", "another", time.Minute)
					assert.NoError(t, err)
					assert.Equal(t, jushuitan.Busy, state, "an event that runs has the claim")
					return nil
				})
				require.NoError(t, err)
				return out
			}
			require.Equal(t, dedupe.Ran, handle(tt.first))
			store.calls = nil
			assert.Equal(t, tt.want, handle(tt.second))
			if tt.want == dedupe.Repeat {
				assert.Len(t, store.calls, 1, "a repeat costs one question to the store")
			}
			state, _, err := store.Deduper.Claim(t.Context(), "k", "", "another", time.Minute)
			require.NoError(t, err)
			assert.Equal(t, jushuitan.Claimed, state, "no claim is left")
		})
	}
}
