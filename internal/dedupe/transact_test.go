package dedupe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// claims is the part of a store that a Transactor does not use for messages.
type claims struct{ t *testing.T }

func (c claims) Claim(context.Context, string, string, string, time.Duration) (int, string, error) {
	c.t.Error("a claim beside the transaction")
	return 0, "", nil
}

func (c claims) Commit(context.Context, string, string, string, string, time.Duration) error {
	c.t.Error("a commit beside the transaction")
	return nil
}
func (c claims) Release(context.Context, string, string) error { return nil }

// oneTx is a Transactor with one record.
type oneTx struct {
	claims
	last   *Last
	fails  error // of the commit
	locked bool
	wait   time.Duration // as it was told
}

func (o *oneTx) Transact(ctx context.Context, _ string, _ Record, wait time.Duration, run func(context.Context, *Last) (*Record, error)) error {
	o.wait = wait
	if o.locked {
		return ErrLocked
	}
	rec, err := run(ctx, o.last)
	if err != nil || rec == nil {
		return err
	}
	if o.fails != nil {
		return o.fails
	}
	o.last = &Last{Known: true, State: rec.State, Memory: rec.Memory}
	return nil
}

// TestTransactor: with a store of transactions a message is judged as with claims, and a
// commit that fails is a failure of the message.
func TestTransactor(t *testing.T) {
	errBusy, errStore, errHost := errors.New("busy"), errors.New("store"), errors.New("host")
	store := &oneTx{claims: claims{t}}
	r := NewRunner[string, int](Config[string, int]{
		Deduper: store, ClaimTTL: time.Minute, CommitTTL: time.Hour, ErrBusy: errBusy, ErrStore: errStore,
	})
	event := func(said byte, at int64) *Event {
		e := &Event{Key: "k", State: string('A' + said), Limit: 8, At: time.UnixMilli(at)}
		e.Said[0] = said
		return e
	}
	runs := 0
	handle := func(e *Event, fail error) (Outcome, error) {
		return r.Handle(t.Context(), "", e, func(context.Context, bool) error { runs++; return fail })
	}
	for _, step := range []struct {
		name string
		e    *Event
		fail error
		want Outcome
		runs int
	}{
		{"the host fails", event(1, 1000), errHost, Ran, 1},
		{"it is sent again", event(1, 1000), nil, Ran, 2},
		{"a repeat", event(1, 1000), nil, Repeat, 2},
		{"another state", event(2, 2000), nil, Ran, 3},
		{"what was sent before", event(3, 1500), nil, Stale, 3},
		{"back to the first", event(1, 3000), nil, Ran, 4},
	} {
		got, err := handle(step.e, step.fail)
		require.ErrorIs(t, err, step.fail, step.name)
		assert.Equal(t, step.want, got, step.name)
		assert.Equal(t, step.runs, runs, step.name)
	}

	store.fails = errors.New("the connection broke")
	got, err := handle(event(4, 4000), nil)
	require.ErrorIs(t, err, errStore)
	require.ErrorIs(t, err, store.fails)
	assert.Equal(t, Ran, got)
	store.fails = nil
	got, err = handle(event(4, 4000), nil)
	require.NoError(t, err)
	assert.Equal(t, Ran, got, "the failed commit is not remembered")
	assert.Equal(t, 6, runs)

	store.last.Unsettled = true
	got, err = handle(event(4, 4000), nil)
	require.NoError(t, err)
	assert.Equal(t, Ran, got, "what was handled last is unknown")

	store.locked = true
	got, err = handle(event(5, 5000), nil)
	require.ErrorIs(t, err, errBusy)
	assert.Equal(t, Refused, got)
	require.ErrorIs(t, r.Once(t.Context(), "", "k", func(context.Context) error { return nil }), errBusy)
	store.locked, store.last = false, nil
	for range 2 {
		require.NoError(t, r.Once(t.Context(), "", "k", func(context.Context) error { runs++; return nil }))
	}
	assert.Equal(t, 8, runs, "once")
	assert.Zero(t, r.OldestClaim())
}

// TestTransactorTimes: a store waits for as long as the config says, and a run has the time of a
// claim and is among those in progress.
func TestTransactorTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for wait, want := range map[time.Duration]time.Duration{-1: 0, 0: 0, 1: 1, time.Second: time.Second} {
			store := &oneTx{claims: claims{t}}
			r := NewRunner[string, int](Config[string, int]{Deduper: store, Wait: wait, ClaimTTL: time.Minute, CommitTTL: time.Hour})
			run := func(ctx context.Context) error {
				deadline, ok := ctx.Deadline()
				assert.True(t, ok)
				assert.Equal(t, time.Minute, time.Until(deadline))
				time.Sleep(time.Second)
				assert.Equal(t, time.Second, r.OldestClaim())
				return nil
			}
			require.NoError(t, r.Once(t.Context(), "", "once", run))
			assert.Equal(t, want, store.wait)
			store.last, store.wait = nil, time.Hour
			_, err := r.Handle(t.Context(), "", &Event{Key: "k", State: "s"}, func(ctx context.Context, _ bool) error { return run(ctx) })
			require.NoError(t, err)
			assert.Equal(t, want, store.wait)
			assert.Zero(t, r.OldestClaim())
		}
	})
}
