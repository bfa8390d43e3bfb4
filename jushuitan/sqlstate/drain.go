package sqlstate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Progress is what a [Commands.Drain] did.
type Progress struct {
	Done    int // applied
	Retried int // failed, and will be tried again
	Buried  int
	Unknown int
	// Again is in how long commands will be due that are not due yet; 0 means that there are
	// none. Call Drain again then.
	Again time.Duration
}

// Drain processes a merchant's commands in their sequence (按序执行), until none can be processed
// now. One worker at a time does: while another has the lease of the merchant, the error is
// [ErrLeaseHeld].
//
// Before a command is sent, it is stored that it will be. What becomes of it:
//
//   - without an error, or with one that says that the server accepted it, it is done;
//   - an error that says that it was not applied and that may pass (rate limited, unavailable,
//     not sent) leaves it waiting, for the backoff;
//   - an error about the app or the merchant (signature, token, authorisation, permission,
//     address, clock) leaves it waiting and ends Drain with that error: it is no fault of the
//     command;
//   - a refusal buries it with the reason. A refusal because the document exists is read back
//     first: if the ERP holds what was to be written, the command is done;
//   - otherwise the outcome is unknown: the command is read back until its outcome is known,
//     and nothing is sent again before. It is then done, or sent again if it was not applied.
//     Where no query shows it, or no reading decides it, a [jushuitan.Keyed] write is sent
//     again if the ERP shows no document that differs, and any other becomes Unknown, for a
//     person.
//
// The same goes for the command in progress when a process dies: the next Drain settles it.
//
// Drain ends when ctx does; the command in progress is then settled by the next one. After
// [Commands.Stop] it finishes the command in progress first. A handler that panics has an
// unknown outcome.
func (c *Commands) Drain(ctx context.Context, merchant string) (Progress, error) {
	if c.cfg.Client == nil || len(c.cfg.Handlers) == 0 {
		return Progress{}, c.fault(ctx, merchant, "drain", errors.New("the config has no Client or no Handlers / 未配置客户端或处理函数"))
	}
	d := &drain{Commands: c, merchant: merchant, owner: nonce(), client: c.cfg.Client.ForMerchant(merchant)}
	if err := d.acquire(ctx); err != nil {
		return Progress{}, c.fault(ctx, merchant, "drain", err)
	}
	live, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := keepAlive(c.cfg.Lease, func(ctx context.Context) bool {
		if err := d.renew(ctx); errors.Is(err, ErrLeaseLost) || err != nil && d.valid.over() {
			cancel(ErrLeaseLost)
			return false
		}
		return true
	})
	err := d.work(live)
	stop()
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Lease/3)
	defer done()
	_, _ = c.state.exec(bounded, c.state.db, "UPDATE {drain} SET owner = '', ends = 0, moves = moves + 1"+d.mine(), d.key()...)
	if lost := context.Cause(live); errors.Is(lost, ErrLeaseLost) {
		err = lost
	}
	return d.progress, c.fault(ctx, merchant, "drain", err)
}

// drain is a Drain in progress.
type drain struct {
	*Commands
	merchant string
	client   *jushuitan.Client
	owner    string
	fence    int64
	valid    deadline
	progress Progress
}

// mine is the condition of the lease, with the arguments of key.
func (d *drain) mine() string { return " WHERE app = ? AND merchant = ? AND owner = ? AND fence = ?" }

func (d *drain) key(before ...any) []any {
	return append(before, name(d.cfg.AppKey), name(d.merchant), d.owner, d.fence)
}

// renew extends the lease, or fails with ErrLeaseLost if another worker has it.
func (d *drain) renew(ctx context.Context) error {
	began := time.Now()
	n, err := d.state.exec(ctx, d.state.db, "UPDATE {drain} SET ends = {now} + ?, moves = moves + 1"+d.mine(), d.key(millis(d.cfg.Lease))...)
	switch {
	case err != nil:
		return err
	case n != 1:
		return ErrLeaseLost
	}
	d.valid.renew(began.Add(d.cfg.Lease))
	return nil
}

func (d *drain) acquire(ctx context.Context) error {
	if err := checkNames(d.merchant); err != nil {
		return err
	}
	s := d.state
	d.valid.renew(time.Now().Add(d.cfg.Lease))
	return s.tx(ctx, func(tx *sql.Tx) error {
		app, merchant := name(d.cfg.AppKey), name(d.merchant)
		if _, err := s.exec(ctx, tx, "INSERT INTO {drain} (app, merchant, fence, owner, ends, moves) VALUES (?, ?, 0, '', 0, 0) {ignore}", app, merchant); err != nil {
			return err
		}
		n, err := s.exec(ctx, tx, "UPDATE {drain} SET owner = ?, fence = fence + 1, ends = {now} + ?, moves = moves + 1"+
			" WHERE app = ? AND merchant = ? AND (owner = '' OR ends <= {now})", d.owner, millis(d.cfg.Lease), app, merchant)
		if err == nil && n != 1 {
			err = fmt.Errorf("%w / 该商家的命令正由其他进程执行", ErrLeaseHeld)
		}
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, s.q("SELECT fence FROM {drain} WHERE app = ? AND merchant = ?"), app, merchant).Scan(&d.fence)
	})
}

// work processes commands until none is due.
func (d *drain) work(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if d.ended.Load() {
			d.progress.Again = time.Second // for a process that starts meanwhile
			return nil
		}
		e, err := d.next(ctx)
		if err != nil {
			return err
		}
		if e == nil {
			d.progress.Again, err = d.again(ctx)
			return err
		}
		if err := d.step(ctx, e); err != nil && !errors.Is(err, errSkip) {
			return err
		}
	}
}

// ahead is the condition that another command stops this one: an earlier unfinished one of
// its document or, in strict order, of its merchant.
func (d *drain) ahead() string {
	same := " AND c.document <> '' AND b.document = c.document"
	if d.cfg.Strict {
		same = ""
	}
	return "EXISTS (SELECT 1 FROM {command} b WHERE b.app = c.app AND b.merchant = c.merchant" + same + " AND b.id < c.id AND b.state < 4)"
}

// next returns the first command that can be processed now, or nil.
func (d *drain) next(ctx context.Context) (*Entry, error) {
	found, err := d.entries(ctx, "SELECT "+entryColumns+" FROM {command} c WHERE c.app = ? AND c.merchant = ? AND c.state IN (0, 1)"+
		" AND c.due <= {now} AND NOT "+d.ahead()+" ORDER BY c.id LIMIT 1", name(d.cfg.AppKey), name(d.merchant))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// again returns in how long the next command is due, 0 if none is waiting.
func (d *drain) again(ctx context.Context) (time.Duration, error) {
	var ms sql.NullInt64
	err := d.state.db.QueryRowContext(ctx, d.state.q("SELECT MIN(c.due) - {now} FROM {command} c WHERE c.app = ? AND c.merchant = ? AND c.state IN (0, 1)"+
		" AND NOT "+d.ahead()), name(d.cfg.AppKey), name(d.merchant)).Scan(&ms)
	if err != nil || !ms.Valid {
		return 0, err
	}
	return time.Duration(max(ms.Int64, 1)) * time.Millisecond, nil
}

// step sends a command, or settles one that was sent.
func (d *drain) step(ctx context.Context, e *Entry) error {
	h, ok := d.cfg.Handlers[e.Operation]
	if !ok {
		return d.store(ctx, e, change{state: Buried, reason: "no handler for the operation / 没有该操作的处理函数"})
	}
	if e.State == Unsettled {
		return d.settle(ctx, e, h, nil)
	}
	// A worker that was paused for longer than its lease must not send.
	if d.valid.over() {
		if err := d.renew(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := d.begin(ctx, e, began); err != nil {
		return err
	}
	err := d.call(ctx, h, e)
	e.Ended = time.Now()
	return d.judge(ctx, e, h, err)
}

// begin stores that a command will be sent.
func (d *drain) begin(ctx context.Context, e *Entry, began time.Time) error {
	if e.Began.IsZero() {
		e.Began = began
	}
	n, err := d.state.exec(ctx, d.state.db, "UPDATE {command} SET state = 1, attempts = attempts + 1, began = ?, ended = 0, changed = {now}, moves = moves + 1"+
		" WHERE id = ? AND state = 0 AND EXISTS (SELECT 1 FROM {drain}"+d.mine()+")", append([]any{e.Began.UnixMilli(), e.ID}, d.key()...)...)
	if err == nil && n != 1 {
		err = d.lost(ctx)
	}
	e.Attempts++
	return err
}

// errSkip means that a command was dropped while it was being looked at.
var errSkip = errors.New("the command has been dropped")

// lost returns why a command could not be changed.
func (d *drain) lost(ctx context.Context) error {
	if err := d.renew(ctx); err != nil {
		return err
	}
	return errSkip
}

// call calls the handler. A panic is an error whose outcome is unknown.
func (d *drain) call(ctx context.Context, h Handler, e *Entry) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &jushuitan.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return h.Do(ctx, d.client, e.Payload)
}

// change is what becomes of a command.
type change struct {
	state  CommandState
	reason string
	after  time.Duration // until it is due
	closed bool          // nothing of it is open: it counts as never sent
}

// reasonMost is the longest reason that is stored, in bytes.
const reasonMost = 2000

// store stores what became of a command, as long as the lease is this worker's.
func (d *drain) store(ctx context.Context, e *Entry, ch change) error {
	if len(ch.reason) > reasonMost {
		ch.reason = ch.reason[:reasonMost]
	}
	ch.reason = strings.ReplaceAll(strings.ToValidUTF8(ch.reason, "?"), "\x00", "?")
	began, ended := int64(0), int64(0)
	if !ch.closed && !e.Began.IsZero() {
		began = e.Began.UnixMilli()
	}
	if began != 0 && !e.Ended.IsZero() {
		ended = e.Ended.UnixMilli()
	}
	due, args := "0", []any{int64(ch.state), ch.reason}
	if ch.after > 0 {
		due, args = "{now} + ?", append(args, millis(ch.after))
	}
	// A stop must not lose what is known about a call that has ended.
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Lease)
	defer done()
	n, err := d.state.exec(bounded, d.state.db, "UPDATE {command} SET state = ?, reason = ?, due = "+due+","+
		" began = ?, ended = ?, changed = {now}, moves = moves + 1 WHERE id = ? AND state IN (0, 1) AND EXISTS (SELECT 1 FROM {drain}"+d.mine()+")",
		append(append(args, began, ended, e.ID), d.key()...)...)
	if err == nil && n != 1 {
		err = d.lost(bounded)
	}
	if err != nil {
		return err
	}
	switch ch.state {
	case Done:
		d.progress.Done++
	case Buried:
		d.progress.Buried++
	case Unknown:
		d.progress.Unknown++
	default:
		d.progress.Retried++
	}
	return nil
}

// deadline is until when the lease is certainly valid, by this process's monotonic clock.
type deadline struct{ at atomicTime }

func (v *deadline) renew(at time.Time)  { v.at.store(at) }
func (v *deadline) over() bool          { return v.left() <= 0 }
func (v *deadline) left() time.Duration { return time.Until(v.at.load()) }
