// Package dedupe runs a message once, however often it is received: it claims the
// message's key, runs it, and commits or releases the key. The contract of the store
// is jushuitan.Deduper, which [Deduper] repeats since internal packages do not import that
// package. What a repeat is, is decided in memory.go.
package dedupe

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// The pauses between checks of a busy key.
const (
	busyFirst = 5 * time.Millisecond
	busyMost  = 200 * time.Millisecond
)

// Detached limits store writes after the request may have ended.
const Detached = 5 * time.Second

// The pauses after which a failed write is retried: what was handled but not committed keeps
// its key busy until the claim ends.
var retries = [...]time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond}

// The states of a claim, as numbers of the store's own type.
const (
	Claimed   = iota + 1 // the key is the caller's: run, then Commit or Release
	Committed            // this state was handled last: do not run
	Busy                 // another is running it
	Unsettled            // Claimed, and what was handled last is unknown
)

// Deduper is jushuitan.Deduper with its jushuitan.ClaimState, where it is documented.
type Deduper[C ~int] interface {
	Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (C, string, error)
	Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error
	Release(ctx context.Context, key, owner string) error
}

// Runner runs messages once. S is what a report is about, such as a message's
// envelope, and C the state of a claim. Make one with [NewRunner]; it is safe for
// concurrent use.
type Runner[S any, C ~int] struct {
	cfg     Config[S, C]
	prefix  string // of this process's owners, which nobody can guess
	owners  atomic.Uint64
	running runningList
}

// Config configures a [Runner].
type Config[S any, C ~int] struct {
	Deduper   Deduper[C]    // nil: every message runs
	Local     bool          // the store is in memory, and cannot block
	ClaimTTL  time.Duration // of a claim, and of the context of a run
	CommitTTL time.Duration
	Wait      time.Duration // for the run of the same message by another; 0 or less: none

	ErrBusy  error // is wrapped where another runs the message for too long
	ErrStore error // is wrapped where the store fails

	// Report receives failures of the store after a run and in Forget, when the outcome of
	// the run is already known.
	Report func(ctx context.Context, subject S, err error)
}

// NewRunner returns a runner.
func NewRunner[S any, C ~int](cfg Config[S, C]) *Runner[S, C] {
	return &Runner[S, C]{cfg: cfg, prefix: rand.Text() + "-"}
}

// Active reports whether messages are deduplicated, so that keys are needed.
func (r *Runner[S, C]) Active() bool { return r.cfg.Deduper != nil }

// OldestClaim returns for how long the longest run of this process has lasted, 0 if none
// is in progress.
func (r *Runner[S, C]) OldestClaim() time.Duration { return r.running.oldest() }

// owner returns a text that is unique among all claims of all processes.
func (r *Runner[S, C]) owner() string {
	b := append(make([]byte, 0, 64), r.prefix...)
	return string(strconv.AppendUint(b, r.owners.Add(1), 36))
}

// Once runs a message without a state unless it was done. Without a key it runs in any case.
// The error is one of the run, or ErrBusy or ErrStore of the config.
func (r *Runner[S, C]) Once(ctx context.Context, subject S, key string, run func(context.Context) error) error {
	if r.cfg.Deduper == nil || key == "" {
		return run(ctx)
	}
	if store, ok := r.cfg.Deduper.(Transactor); ok {
		return r.onceInTx(ctx, store, key, run)
	}
	c := claim[S, C]{Runner: r, subject: subject, key: key, owner: r.owner()}
	switch state, err := c.acquire(ctx, r.cfg.Wait); {
	case err != nil:
		return err
	case state == Committed:
		return nil
	}
	return c.run(ctx, run, func(ctx context.Context, done bool) (string, error) {
		if done {
			return "commit", r.cfg.Deduper.Commit(ctx, key, "", c.owner, "", r.cfg.CommitTTL)
		}
		return "release", r.cfg.Deduper.Release(ctx, key, c.owner)
	})
}

// Guarded runs while the key is claimed, and releases it then: another message under the key
// may run afterwards. If the key was committed nothing runs, and the result is false.
func (r *Runner[S, C]) Guarded(ctx context.Context, subject S, key string, run func(context.Context) error) (bool, error) {
	if _, ok := r.cfg.Deduper.(Transactor); ok || r.cfg.Deduper == nil || key == "" {
		return true, run(ctx) // no earlier version had such a store
	}
	c := claim[S, C]{Runner: r, subject: subject, key: key, owner: r.owner()}
	switch state, err := c.acquire(ctx, r.cfg.Wait); {
	case err != nil:
		return false, err
	case state == Committed:
		return false, nil
	}
	return true, c.run(ctx, run, func(ctx context.Context, _ bool) (string, error) {
		return "release", r.cfg.Deduper.Release(ctx, key, c.owner)
	})
}

// Handle runs an event unless it is a repeat of what was handled last, or older. Only an
// event that ran may have an error of the run; ErrBusy and ErrStore are errors of events
// that did not.
func (r *Runner[S, C]) Handle(ctx context.Context, subject S, e *Event, run func(ctx context.Context, mayRepeat bool) error) (Outcome, error) {
	if r.cfg.Deduper == nil {
		return Ran, run(ctx, false)
	}
	e.remember()
	if store, ok := r.cfg.Deduper.(Transactor); ok {
		return r.handleInTx(ctx, store, e, run)
	}
	c := &claim[S, C]{Runner: r, subject: subject, key: e.Key, state: e.State, owner: r.owner()}
	state, err := c.acquire(ctx, r.cfg.Wait)
	if err != nil {
		return Refused, err
	}
	if state == Committed {
		if e.Again == 0 || parse(c.memory).judge(e, false).Outcome == Repeat {
			return Repeat, nil
		}
		c.state = "" // which no event has
		if state, err = c.acquire(ctx, r.cfg.Wait); err != nil {
			return Refused, err
		}
	}
	before := parse(c.memory)
	v := before.judge(e, state == Unsettled)
	if v.Outcome == Ran && e.Earlier != "" && !r.cfg.Local && before.len() == 0 {
		return r.earlier(ctx, c, e, before, v, run)
	}
	return c.decided(ctx, e, before, v, run)
}

// earlier asks for what an earlier version of the module remembers of a document that this
// one does not know, and runs the event unless that version handled it.
func (r *Runner[S, C]) earlier(
	ctx context.Context, c *claim[S, C], e *Event, before history, v verdict, run func(ctx context.Context, mayRepeat bool) error,
) (Outcome, error) {
	old := claim[S, C]{Runner: r, subject: c.subject, key: e.Earlier, owner: c.owner}
	release := func(c *claim[S, C]) {
		c.settle(ctx, func(ctx context.Context) (string, error) {
			return "release", r.cfg.Deduper.Release(ctx, c.key, c.owner)
		})
	}
	switch state, err := old.acquire(ctx, r.cfg.Wait); {
	case err != nil:
		release(c)
		return Refused, err
	case state == Committed && e.EarlierProves:
		return c.decided(ctx, e, before, verdict{Outcome: Repeat, note: true, fills: true}, run)
	case state == Committed:
		v.MayRepeat = true
	default:
		defer release(&old)
	}
	return c.decided(ctx, e, before, v, run)
}

// claim is the attempt of one owner at one key.
type claim[S any, C ~int] struct {
	*Runner[S, C]
	subject           S
	key, state, owner string
	memory            string

	context runContext // of the run
	entry   running
}

// acquire claims the key. It waits while another has it.
func (c *claim[S, C]) acquire(ctx context.Context, most time.Duration) (C, error) {
	var deadline time.Time // known once somebody else is running it
	for wait := busyFirst; ; wait = min(2*wait, busyMost) {
		state, memory, err := c.cfg.Deduper.Claim(ctx, c.key, c.state, c.owner, c.cfg.ClaimTTL)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%w: claim: %w", c.cfg.ErrStore, err)
		case state == Claimed || state == Committed || state == Unsettled:
			c.memory = memory
			return state, nil
		case state != Busy:
			return 0, fmt.Errorf("%w: claim: state %d", c.cfg.ErrStore, int(state))
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(most)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return 0, c.cfg.ErrBusy
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, fmt.Errorf("%w: %w", c.cfg.ErrBusy, context.Cause(ctx))
		}
	}
}

// decided does with a claimed event what was decided about it.
func (c *claim[S, C]) decided(
	ctx context.Context, e *Event, before history, v verdict, run func(ctx context.Context, mayRepeat bool) error,
) (Outcome, error) {
	store := c.cfg.Deduper
	if v.Outcome != Ran {
		c.settle(ctx, func(ctx context.Context) (string, error) {
			if v.note {
				state := unknownState // what was handled last is another event
				if v.fills {
					state = e.State
				}
				return "commit", store.Commit(ctx, c.key, state, c.owner, before.filled(e).text(c.cfg.Local), e.ttl(c.cfg.CommitTTL))
			}
			return c.release(ctx, e, before, v)
		})
		return v.Outcome, nil
	}
	return Ran, c.run(ctx, func(ctx context.Context) error { return run(ctx, v.MayRepeat) }, func(ctx context.Context, done bool) (string, error) {
		if !done {
			return c.release(ctx, e, before, v)
		}
		return "commit", store.Commit(ctx, c.key, e.State, c.owner, before.after(e, v).text(c.cfg.Local), e.ttl(c.cfg.CommitTTL))
	})
}

// release ends the claim of an event that was not handled.
func (c *claim[S, C]) release(ctx context.Context, e *Event, before history, v verdict) (string, error) {
	if v.unsettled && !before.damaged { // what was handled last is still unknown
		return "release", c.cfg.Deduper.Commit(
			ctx, c.key, unknownState, c.owner, before.doubted().text(c.cfg.Local), e.ttl(c.cfg.CommitTTL))
	}
	return "release", c.cfg.Deduper.Release(ctx, c.key, c.owner)
}

// run runs a message that this owner claimed, and commits or releases it even if the
// goroutine exits.
func (c *claim[S, C]) run(ctx context.Context, run func(context.Context) error, write func(ctx context.Context, done bool) (string, error)) error {
	c.context.begin(ctx, c.cfg.ClaimTTL)
	c.running.add(&c.entry, c.context.start)
	done := false
	defer func() {
		c.running.remove(&c.entry)
		c.settle(ctx, func(ctx context.Context) (string, error) { return write(ctx, done) })
	}()
	defer c.context.end()
	if err := run(&c.context); err != nil {
		return err
	}
	done = true
	return nil
}

// settle writes the outcome, even if the request has ended. A failing store is asked again.
func (c *claim[S, C]) settle(ctx context.Context, write func(context.Context) (what string, err error)) {
	if c.cfg.Local { // a store in memory asks only whether the context has ended
		what, err := write(context.Background())
		c.report(ctx, c.subject, what, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Detached)
	defer cancel()
	what, err := write(ctx)
	for _, pause := range retries {
		if err == nil {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			_, err = write(ctx)
		case <-ctx.Done():
			timer.Stop()
		}
	}
	c.report(ctx, c.subject, what, err)
}

// Forget drops the memory of a message without a state: the next one is not a duplicate.
func (r *Runner[S, C]) Forget(ctx context.Context, subject S, key string) {
	if r.cfg.Deduper == nil || key == "" {
		return
	}
	c := claim[S, C]{Runner: r, subject: subject, key: key, owner: r.owner()}
	c.settle(ctx, func(ctx context.Context) (string, error) {
		return "forget", r.cfg.Deduper.Commit(ctx, key, "", c.owner, "", 0)
	})
}

func (r *Runner[S, C]) report(ctx context.Context, subject S, what string, err error) {
	if err != nil && r.cfg.Report != nil {
		r.cfg.Report(ctx, subject, fmt.Errorf("%w: %s: %w", r.cfg.ErrStore, what, err))
	}
}
