package inuse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

func TestMemoryDeduper(t *testing.T) {
	callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return jushuitan.NewMemoryDeduper(0) })
}

var (
	errBusy  = errors.New("busy")
	errStore = errors.New("store")
)

func newRunner(d jushuitan.Deduper, report func(context.Context, string, error)) *dedupe.Runner[string, jushuitan.ClaimState] {
	return dedupe.NewRunner(dedupe.Config[string, jushuitan.ClaimState]{
		Deduper: d, ClaimTTL: time.Minute, CommitTTL: time.Hour, Wait: time.Second,
		ErrBusy: errBusy, ErrStore: errStore, Report: report,
	})
}

// TestOnce: what a runner does with the messages of one key.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(jushuitan.NewMemoryDeduper(0), nil)
		require.True(t, r.Active())
		runs := 0
		count := func(context.Context) error { runs++; return nil }
		fail := errors.New("fails")
		ctx := t.Context()
		require.ErrorIs(t, r.Once(ctx, "", "k", func(context.Context) error { runs++; return fail }), fail)
		for range 3 {
			require.NoError(t, r.Once(ctx, "", "k", count))
		}
		assert.Equal(t, 2, runs, "it failed, it was done, and that is remembered")
		r.Forget(ctx, "", "k")
		require.NoError(t, r.Once(ctx, "", "k", count))
		assert.Equal(t, 3, runs, "forgotten")
		time.Sleep(time.Hour)
		require.NoError(t, r.Once(ctx, "", "k", count))
		assert.Equal(t, 4, runs, "remembered for an hour")
		for range 2 {
			require.NoError(t, r.Once(ctx, "", "", count))
		}
		assert.Equal(t, 6, runs, "without a key")
		r.Forget(ctx, "", "")

		none := newRunner(nil, nil)
		assert.False(t, none.Active())
		for range 2 {
			require.NoError(t, none.Once(ctx, "", "k", count))
		}
		none.Forget(ctx, "", "k")
		assert.Equal(t, 8, runs, "without a store")

		assert.Panics(t, func() { _ = r.Once(ctx, "", "p", func(context.Context) error { panic("x") }) })
		require.NoError(t, r.Once(ctx, "", "p", count))
		assert.Equal(t, 9, runs, "a panic releases the claim")
	})
}

// TestOnceWaits: one runs, one waits for it, one gives up, one is told to stop.
func TestOnceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(jushuitan.NewMemoryDeduper(0), nil)
		var wg sync.WaitGroup
		begin := time.Now()
		after := func(d time.Duration, want error, took time.Duration, ctx context.Context) {
			wg.Go(func() {
				time.Sleep(d)
				start := time.Now()
				err := r.Once(ctx, "", "k", func(ctx context.Context) error {
					deadline, ok := ctx.Deadline()
					assert.True(t, ok)
					assert.Equal(t, begin.Add(time.Minute), deadline)
					time.Sleep(2 * time.Second)
					return nil
				})
				require.ErrorIs(t, err, want)
				assert.InDelta(t, took, time.Since(start), float64(200*time.Millisecond))
			})
		}
		stopped, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		after(0, nil, 2*time.Second, t.Context())
		after(time.Millisecond, errBusy, time.Second, t.Context())
		after(1500*time.Millisecond, nil, 500*time.Millisecond, t.Context())
		after(200*time.Millisecond, context.DeadlineExceeded, 500*time.Millisecond, stopped)
		wg.Wait()
	})
}

// wordStore answers with a state, or an error, of its own.
type wordStore struct {
	state jushuitan.ClaimState
	err   error
}

func (s wordStore) Claim(context.Context, string, string, string, time.Duration) (jushuitan.ClaimState, string, error) {
	return s.state, "", s.err
}

func (s wordStore) Commit(ctx context.Context, _, _, _, _ string, _ time.Duration) error {
	return s.told(ctx)
}
func (s wordStore) Release(ctx context.Context, _, _ string) error { return s.told(ctx) }

func (s wordStore) told(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
		return fmt.Errorf("bounded %t, %w", bounded, ctx.Err())
	}
	return errors.New("down")
}

// TestOnceStoreFails: before the run it is an error, after it a report, which comes
// though the request has ended.
func TestOnceStoreFails(t *testing.T) {
	var told []string
	report := func(_ context.Context, subject string, err error) {
		require.ErrorIs(t, err, errStore)
		told = append(told, subject+": "+err.Error())
	}
	down := errors.New("down")
	run := func(context.Context) error { return nil }
	require.ErrorIs(t, newRunner(wordStore{err: down}, report).Once(t.Context(), "s", "k", run), down)
	require.ErrorIs(t, newRunner(wordStore{state: 9}, report).Once(t.Context(), "s", "k", run), errStore)
	assert.Empty(t, told)

	r := newRunner(wordStore{state: jushuitan.Claimed}, report)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.Once(ctx, "a", "k", func(context.Context) error { cancel(); return nil }))
	require.ErrorIs(t, r.Once(ctx, "b", "k", func(context.Context) error { return down }), down)
	r.Forget(ctx, "c", "k")
	assert.Equal(t, []string{"a: store: commit: down", "b: store: release: down", "c: store: forget: down"}, told)
}

func Example() {
	r := dedupe.NewRunner(dedupe.Config[string, jushuitan.ClaimState]{Deduper: jushuitan.NewMemoryDeduper(0), ClaimTTL: time.Minute, CommitTTL: time.Hour})
	for range 2 {
		err := r.Once(context.Background(), "", "order-1", func(context.Context) error {
			fmt.Println("runs")
			return nil
		})
		fmt.Println(err)
	}
	// Output:
	// runs
	// <nil>
	// <nil>
}
