// Package dedupe runs a message once, however often it is received: it claims the
// message's key, runs it, and commits or releases the key. The contract of the store
// is jushuitan.Deduper, which [Deduper] repeats, as nothing internal knows that package.
package dedupe

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// The waits between looks at a busy key.
const (
	busyFirst = 5 * time.Millisecond
	busyMost  = 200 * time.Millisecond
)

// Detached bounds what is told to a store after the request may have ended.
const Detached = 5 * time.Second

// The states of a claim, as numbers of the store's own type.
const (
	Claimed   = iota + 1 // the key is the caller's: run, then Commit or Release
	Committed            // it was done: do not run
	Busy                 // another is running it
)

// Deduper is jushuitan.Deduper with its jushuitan.ClaimState, where it is documented.
type Deduper[C ~int] interface {
	Claim(ctx context.Context, key, owner string, ttl time.Duration) (C, error)
	Commit(ctx context.Context, key, owner string, ttl time.Duration) error
	Release(ctx context.Context, key, owner string) error
}

// Runner runs messages once. S is what a report is about, such as a message's
// envelope, and C the state of a claim. Make one with [NewRunner]; it is safe for
// concurrent use.
type Runner[S any, C ~int] struct {
	cfg    Config[S, C]
	prefix string // of this process's owners, which nobody can guess
	owners atomic.Uint64
}

// Config says how a [Runner] works.
type Config[S any, C ~int] struct {
	Deduper   Deduper[C]    // nil: every message runs
	Local     bool          // the store is in memory, and cannot block
	ClaimTTL  time.Duration // of a claim, and of the context of a run
	CommitTTL time.Duration
	Wait      time.Duration // for the run of the same message by another; 0 or less: none

	ErrBusy  error // is wrapped where another runs the message for too long
	ErrStore error // is wrapped where the store fails

	// Report is told what the store fails at after a run, and when it should forget
	// a key: what became of the run is known then.
	Report func(ctx context.Context, subject S, err error)
}

// NewRunner makes a runner.
func NewRunner[S any, C ~int](cfg Config[S, C]) *Runner[S, C] {
	return &Runner[S, C]{cfg: cfg, prefix: rand.Text() + "-"}
}

// Active reports whether anything is remembered, so that keys are worth making.
func (r *Runner[S, C]) Active() bool { return r.cfg.Deduper != nil }

// owner is a text that no other claim has, of this process or another.
func (r *Runner[S, C]) owner() string {
	b := append(make([]byte, 0, 64), r.prefix...)
	return string(strconv.AppendUint(b, r.owners.Add(1), 36))
}

// Once runs a message unless it was done. Without a key it runs in any case. The
// error is one of the run, or ErrBusy or ErrStore of the config.
func (r *Runner[S, C]) Once(ctx context.Context, subject S, key string, run func(context.Context) error) error {
	if r.cfg.Deduper == nil || key == "" {
		return run(ctx)
	}
	owner := r.owner()
	var deadline time.Time // known once somebody else is running it
	for wait := busyFirst; ; wait = min(2*wait, busyMost) {
		state, err := r.cfg.Deduper.Claim(ctx, key, owner, r.cfg.ClaimTTL)
		switch {
		case err != nil:
			return fmt.Errorf("%w: claim: %w", r.cfg.ErrStore, err)
		case state == Committed:
			return nil
		case state == Claimed:
			return r.claimed(ctx, subject, key, owner, run)
		case state != Busy:
			return fmt.Errorf("%w: claim: state %d", r.cfg.ErrStore, int(state))
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(r.cfg.Wait)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return r.cfg.ErrBusy
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", r.cfg.ErrBusy, context.Cause(ctx))
		}
	}
}

// claimed runs a message that is this owner's, and commits or releases it,
// whatever becomes of the goroutine.
func (r *Runner[S, C]) claimed(ctx context.Context, subject S, key, owner string, run func(context.Context) error) error {
	done := false
	defer func() { r.settle(ctx, subject, key, owner, done) }()
	runCtx := newRunContext(ctx, r.cfg.ClaimTTL)
	defer runCtx.end()
	if err := run(runCtx); err != nil {
		return err
	}
	done = true
	return nil
}

// settle commits what is done and releases what is not, though the request may
// have ended.
func (r *Runner[S, C]) settle(ctx context.Context, subject S, key, owner string, done bool) {
	ctx, cancel := r.detach(ctx)
	defer cancel()
	what, err := "commit", error(nil)
	if done {
		err = r.cfg.Deduper.Commit(ctx, key, owner, r.cfg.CommitTTL)
	} else {
		what, err = "release", r.cfg.Deduper.Release(ctx, key, owner)
	}
	r.report(ctx, subject, what, err)
}

// Forget ends the memory of a message that was done: the next one is no repeat.
func (r *Runner[S, C]) Forget(ctx context.Context, subject S, key string) {
	if r.cfg.Deduper == nil || key == "" {
		return
	}
	ctx, cancel := r.detach(ctx)
	defer cancel()
	r.report(ctx, subject, "forget", r.cfg.Deduper.Commit(ctx, key, r.owner(), 0))
}

// detach returns a context for what must be told to the store in any case.
func (r *Runner[S, C]) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.cfg.Local {
		return context.Background(), func() {} // a store in memory asks only whether it has ended
	}
	return context.WithTimeout(context.WithoutCancel(ctx), Detached)
}

func (r *Runner[S, C]) report(ctx context.Context, subject S, what string, err error) {
	if err != nil && r.cfg.Report != nil {
		r.cfg.Report(ctx, subject, fmt.Errorf("%w: %s: %w", r.cfg.ErrStore, what, err))
	}
}
