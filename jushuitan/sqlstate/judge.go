package sqlstate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// aboutMerchant are the classes of errors that every command of the merchant would have.
var aboutMerchant = []error{
	jushuitan.ErrSign, jushuitan.ErrTokenExpired, jushuitan.ErrReauthorize, jushuitan.ErrPermission,
	jushuitan.ErrIPNotAllowed, jushuitan.ErrTimestamp,
}

// judge decides what becomes of a command whose call has ended.
func (d *drain) judge(ctx context.Context, e *Entry, h Handler, err error) error {
	if err == nil {
		return d.store(ctx, e, change{state: Done, closed: true})
	}
	if errors.Is(err, ErrRefused) {
		return d.store(ctx, e, change{state: Buried, reason: err.Error(), closed: true})
	}
	failed, ok := errors.AsType[*jushuitan.Error](err)
	if !ok {
		// An error of the handler's own says nothing about whether something was sent.
		return d.unsettle(ctx, e, h, err)
	}
	if batch, ok := errors.AsType[*jushuitan.BatchError](err); ok {
		return d.judgeRows(ctx, e, h, batch)
	}
	switch failed.Outcome {
	case jushuitan.Applied:
		return d.store(ctx, e, change{state: Done, reason: err.Error(), closed: true})
	case jushuitan.Unknown:
		return d.unsettle(ctx, e, h, err)
	}
	return d.unapplied(ctx, e, h, failed, err)
}

// unapplied decides about a call that changed nothing.
func (d *drain) unapplied(ctx context.Context, e *Entry, h Handler, failed *jushuitan.Error, err error) error {
	for _, class := range aboutMerchant {
		if errors.Is(err, class) {
			stored := d.store(ctx, e, change{state: Waiting, reason: err.Error(), after: d.cfg.Backoff(e.Attempts), closed: true})
			return cmp.Or(stored, err)
		}
	}
	passing := failed.Outcome == jushuitan.NotSent && !errors.Is(err, jushuitan.ErrInvalid) || failed.Temporary()
	switch {
	case ctx.Err() != nil && failed.Outcome == jushuitan.NotSent:
		return d.store(ctx, e, change{state: Waiting, reason: err.Error(), closed: true})
	case passing:
		return d.retry(ctx, e, err.Error())
	}
	return d.refused(ctx, e, h, err)
}

// refused buries a command, unless it was refused because the ERP has it.
func (d *drain) refused(ctx context.Context, e *Entry, h Handler, err error) error {
	settled, readErr := d.client.SettleError(ctx, err, e.Payload, d.settleOptions()...)
	if h.Settle != nil && len(settled) > 0 {
		settled, readErr = h.Settle(ctx, d.client, d.write(e))
	}
	if readErr == nil && len(settled) > 0 && all(settled, jushuitan.Applied) {
		return d.store(ctx, e, change{state: Done, reason: err.Error(), closed: true})
	}
	return d.store(ctx, e, change{state: Buried, reason: err.Error(), closed: true})
}

// judgeRows decides about an upload of which rows failed.
func (d *drain) judgeRows(ctx context.Context, e *Entry, h Handler, batch *jushuitan.BatchError) error {
	for _, row := range batch.Failed {
		if of, ok := errors.AsType[*jushuitan.Error](row.Err); !ok || of.Outcome == jushuitan.Unknown {
			return d.unsettle(ctx, e, h, batch)
		}
	}
	for _, row := range batch.Failed {
		of, _ := errors.AsType[*jushuitan.Error](row.Err)
		switch {
		case of.Outcome == jushuitan.Applied:
		case len(batch.Failed) == 1 && batch.Total <= 1:
			return d.unapplied(ctx, e, h, of, batch)
		default:
			return d.refused(ctx, e, h, batch)
		}
	}
	return d.store(ctx, e, change{state: Done, reason: batch.Error(), closed: true})
}

// retry leaves a command waiting that was not applied.
func (d *drain) retry(ctx context.Context, e *Entry, reason string) error {
	if e.Attempts >= d.cfg.MaxAttempts {
		return d.store(ctx, e, change{state: Buried, closed: true, reason: fmt.Sprintf("given up after %d attempts / 多次尝试后放弃: %s", e.Attempts, reason)})
	}
	return d.store(ctx, e, change{state: Waiting, reason: reason, after: d.cfg.Backoff(e.Attempts), closed: true})
}

// unsettle notes that the outcome of a call is unknown, and settles it.
func (d *drain) unsettle(ctx context.Context, e *Entry, h Handler, err error) error {
	if failed, ok := errors.AsType[*jushuitan.Error](err); ok && !failed.Ended.IsZero() && failed.Ended.After(e.Ended) {
		e.Ended = failed.Ended
	}
	if ctx.Err() != nil {
		return d.store(ctx, e, change{state: Unsettled, reason: err.Error()})
	}
	return d.settle(ctx, e, h, err)
}

func (d *drain) write(e *Entry) jushuitan.Write {
	return jushuitan.Write{Operation: e.Operation, Request: e.Payload, Began: e.Began, Ended: e.Ended}
}

func (d *drain) settleOptions() []jushuitan.SettleOption {
	if d.cfg.SettleAfter == 0 {
		return nil
	}
	return []jushuitan.SettleOption{jushuitan.SettleAfter(d.cfg.SettleAfter)}
}

// settle reads a command back whose outcome is unknown. err is the error of its call, nil if
// the call was of a worker that died.
func (d *drain) settle(ctx context.Context, e *Entry, h Handler, err error) error {
	reason := e.Reason
	if err != nil {
		reason = err.Error()
	} else if e.Ended.IsZero() {
		// Its worker died, or lost the lease: until now the call may have been in progress.
		e.Ended = time.Now()
		reason = "the worker ended while it was sent / 发送时进程中断"
	}
	read := h.Settle
	if read == nil {
		read = func(ctx context.Context, c *jushuitan.Client, w jushuitan.Write) ([]jushuitan.Settlement, error) {
			return c.Settle(ctx, w, d.settleOptions()...)
		}
	}
	settled, readErr := read(ctx, d.client, d.write(e))
	if ctx.Err() != nil {
		return d.store(ctx, e, change{state: Unsettled, reason: reason})
	}
	switch {
	case errors.Is(readErr, errors.ErrUnsupported):
		if d.repeatable(e) {
			return d.resend(ctx, e, reason)
		}
		return d.store(ctx, e, change{state: Unknown, reason: reason + "; no query shows whether it was applied / 无查询接口可核实"})
	case readErr != nil:
		return d.store(ctx, e, change{state: Unsettled, reason: reason + "; settle: " + readErr.Error(), after: d.cfg.Backoff(max(e.Attempts, 1))})
	case len(settled) > 0 && all(settled, jushuitan.Applied):
		return d.store(ctx, e, change{state: Done, reason: reason, closed: true})
	case len(settled) > 0 && all(settled, jushuitan.NotApplied):
		return d.retry(ctx, e, reason)
	}
	return d.undecided(ctx, e, reason, settled)
}

// undecided decides about a command whose documents were read and whose outcome is still
// unknown, or differs between them.
func (d *drain) undecided(ctx context.Context, e *Entry, reason string, settled []jushuitan.Settlement) error {
	differs := len(settled) == 0
	var again time.Time
	for i := range settled {
		s := &settled[i]
		if s.Outcome == jushuitan.Unknown {
			reason += "; " + s.Reason
			differs = differs || s.Found > 0
			if s.Again.After(again) {
				again = s.Again
			}
		}
	}
	switch {
	case d.repeatable(e) && !differs:
		return d.resend(ctx, e, reason)
	case !again.IsZero():
		return d.store(ctx, e, change{state: Unsettled, reason: reason, after: max(time.Until(again), time.Millisecond)})
	}
	return d.store(ctx, e, change{state: Unknown, reason: reason})
}

// resend leaves a keyed write waiting, although it may have been applied: a repeat changes
// nothing more. What is read back later refers to its first sending.
func (d *drain) resend(ctx context.Context, e *Entry, reason string) error {
	if e.Attempts >= d.cfg.MaxAttempts {
		return d.store(ctx, e, change{state: Unknown, reason: fmt.Sprintf("given up after %d attempts / 多次尝试后放弃: %s", e.Attempts, reason)})
	}
	return d.store(ctx, e, change{state: Waiting, reason: reason, after: d.cfg.Backoff(e.Attempts)})
}

func all(settled []jushuitan.Settlement, want jushuitan.Outcome) bool {
	for i := range settled {
		if settled[i].Outcome != want {
			return false
		}
	}
	return true
}

// atomicTime is a time that several goroutines use.
type atomicTime struct {
	mu sync.Mutex
	t  time.Time
}

func (a *atomicTime) store(t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t = t
}

func (a *atomicTime) load() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.t
}
