package dedupe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Transactor is an optional interface of a [Deduper] on a database, found by type assertion.
// The record of a key is locked, the message runs, and what was handled is stored in one
// transaction, so that no claim can be left behind.
type Transactor interface {
	// Transact locks the key and calls run at most once, with a context that carries the
	// transaction, and nil or what is known of the key. It stores the record that run
	// returns and commits. If run returns nil or an error, or panics, nothing is stored.
	// fresh is what run returns if nothing is known, so that it can be stored at once. The
	// error is run's, [ErrLocked] if another has the key for longer than wait, or the
	// store's; whatever the error is, nothing was stored, or it is unknown whether the
	// commit succeeded.
	Transact(ctx context.Context, key string, fresh Record, wait time.Duration,
		run func(ctx context.Context, last *Last) (*Record, error)) error
}

// ErrLocked is the error of [Transactor] for a key that another transaction has.
var ErrLocked = errors.New("another transaction has the key")

// Record is what is stored of a key.
type Record struct {
	State, Memory string
	TTL           time.Duration
}

// Last is what a [Transactor] knows of a key.
type Last struct {
	Known         bool // State and Memory are what was handled last
	State, Memory string
	Unsettled     bool // a claim without a transaction ended by itself
}

// inTx runs a message in the transaction of the store. ran reports whether run was called,
// and its error is not wrapped.
func (r *Runner[S, C]) inTx(
	ctx context.Context, store Transactor, key string, fresh Record,
	judged func(last *Last) (rec *Record, runs bool), run func(context.Context) error,
) (ran bool, err error) {
	var failed error
	err = store.Transact(ctx, key, fresh, max(r.cfg.Wait, 0), func(ctx context.Context, last *Last) (*Record, error) {
		rec, runs := judged(last)
		if !runs {
			return rec, nil
		}
		ran = true
		var entry running
		var runCtx runContext
		runCtx.begin(ctx, r.cfg.ClaimTTL)
		r.running.add(&entry, runCtx.start)
		defer r.running.remove(&entry)
		defer runCtx.end()
		failed = run(&runCtx)
		return rec, failed
	})
	switch {
	case failed != nil:
		return ran, failed
	case errors.Is(err, ErrLocked):
		return ran, fmt.Errorf("%w: %w", r.cfg.ErrBusy, err)
	case err != nil:
		return ran, fmt.Errorf("%w: transaction: %w", r.cfg.ErrStore, err)
	}
	return ran, nil
}

// onceInTx is [Runner.Once] in a transaction.
func (r *Runner[S, C]) onceInTx(ctx context.Context, store Transactor, key string, run func(context.Context) error) error {
	fresh := Record{TTL: r.cfg.CommitTTL}
	_, err := r.inTx(ctx, store, key, fresh, func(last *Last) (*Record, bool) {
		if last != nil && last.Known && !last.Unsettled {
			return nil, false
		}
		return &fresh, true
	}, run)
	return err
}

// handleInTx is [Runner.Handle] in a transaction.
func (r *Runner[S, C]) handleInTx(
	ctx context.Context, store Transactor, e *Event, run func(ctx context.Context, mayRepeat bool) error,
) (Outcome, error) {
	out, mayRepeat := Refused, false
	record := func(state string, h history) Record {
		return Record{State: state, Memory: h.text(false), TTL: e.ttl(r.cfg.CommitTTL)}
	}
	ran, err := r.inTx(ctx, store, e.Key, record(e.State, history{}.with(e)), func(last *Last) (*Record, bool) {
		if last == nil {
			last = &Last{}
		}
		before := history{}
		if last.Known {
			before = parse(last.Memory)
		}
		v := before.judge(e, last.Unsettled)
		if last.Known && !last.Unsettled && last.State == e.State && (e.Again == 0 || v.Outcome == Repeat) {
			out = Repeat
			return nil, false
		}
		out, mayRepeat = v.Outcome, v.MayRepeat
		switch {
		case v.Outcome == Ran:
			rec := record(e.State, before.after(e, v))
			return &rec, true
		case !v.note:
			return nil, false
		}
		state := unknownState // what was handled last is another event
		if v.fills {
			state = e.State
		}
		rec := record(state, before.filled(e))
		return &rec, false
	}, func(ctx context.Context) error { return run(ctx, mayRepeat) })
	if err != nil && !ran {
		return Refused, err
	}
	return out, err
}
