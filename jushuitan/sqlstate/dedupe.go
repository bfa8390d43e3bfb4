package sqlstate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Deduper is a [jushuitan.Deduper] for any number of processes (去重). If several processes
// receive a message at once, one handles it and the others answer according to its outcome.
// The claim of a process that died expires, and the next caller takes it over.
//
// It is for functions that do not work in the database. For those that do, [TxDeduper]
// remembers the message in their transaction.
type Deduper struct{ state *State }

var _ jushuitan.Deduper = (*Deduper)(nil)

// Deduper returns a deduper.
func (s *State) Deduper() *Deduper { return &Deduper{state: s} }

// Format prints no keys, for any verb.
func (d *Deduper) Format(f fmt.State, _ rune) { opaque(f, "sqlstate.Deduper") }

func dedupeFault(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstate: dedupe: %s: %w", what, cause(ctx, err))
}

// The longest state and owner that the table takes, in bytes.
const (
	stateMost = 200
	ownerMost = 100
)

func checkRecord(key, state, owner string) error {
	if len(key) > nameMost || len(state) > stateMost || len(owner) > ownerMost {
		return fmt.Errorf("a key of %d, a state of %d or an owner of %d bytes is too long: at most %d, %d and %d are stored",
			len(key), len(state), len(owner), nameMost, stateMost, ownerMost)
	}
	return nil
}

// seenRow is what is stored of a key.
type seenRow struct {
	said, owner string
	memory      []byte
	known       bool // said and memory count
	alive       bool // the claim of the owner has not ended
	moves       int64
}

// readSeen reads a row; lock is "{lock}" to lock it.
func (s *State) readSeen(ctx context.Context, on runner, key, lock string) (r seenRow, err error) {
	var known, ends, now int64
	err = on.QueryRowContext(ctx, s.q("SELECT said, memory, known, owner, ends, moves, {now} FROM {seen} WHERE id = ?"+lock), key).
		Scan(&r.said, &r.memory, &known, &r.owner, &ends, &r.moves, &now)
	r.known, r.alive = known > now, r.owner != "" && ends > now
	return r, err
}

// on returns where the statements of a deduper run: in the transaction of the message that
// is being handled, if there is one, otherwise outside any.
func (d *Deduper) on(ctx context.Context) runner {
	if h := handleOf(ctx, d.state); h != nil {
		return h.tx
	}
	return d.state.db
}

// spoil keeps a transaction from being committed without what failed to be written in it.
func (d *Deduper) spoil(ctx context.Context, err error) error {
	if h := handleOf(ctx, d.state); h != nil && err != nil {
		h.failed = err
	}
	return err
}

// Claim implements [jushuitan.Deduper].
func (d *Deduper) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	if err := checkRecord(key, state, owner); err != nil {
		return 0, "", dedupeFault(ctx, "claim", err)
	}
	got, memory, err := d.claim(ctx, key, state, owner, ttl)
	return got, memory, dedupeFault(ctx, "claim", d.spoil(ctx, err))
}

func (d *Deduper) claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	on, s := d.on(ctx), d.state
	for ctx.Err() == nil {
		n, err := s.exec(ctx, on, "INSERT INTO {seen} (id, said, memory, known, owner, ends, moves) VALUES (?, '', ?, 0, ?, {now} + ?, 0) {ignore}",
			key, []byte{}, owner, millis(ttl))
		if err != nil || n == 1 {
			return jushuitan.Claimed, "", err
		}
		var r seenRow
		err = s.again(ctx, func() (err error) { r, err = s.readSeen(ctx, on, key, ""); return err })
		if errors.Is(err, sql.ErrNoRows) {
			continue // deleted since
		}
		if err != nil {
			return 0, "", err
		}
		answer, memory := r.answer(state, owner)
		if answer == jushuitan.Busy || answer == jushuitan.Committed {
			return answer, memory, nil
		}
		n, err = s.exec(ctx, on, "UPDATE {seen} SET owner = ?, ends = {now} + ?, moves = moves + 1 WHERE id = ? AND moves = ?",
			owner, millis(ttl), key, r.moves)
		if err != nil || n == 1 {
			return answer, memory, err
		}
	}
	return 0, "", ctx.Err()
}

// answer is that to the claim of a state by an owner.
func (r *seenRow) answer(state, owner string) (answer jushuitan.ClaimState, memory string) {
	if r.known {
		memory = string(r.memory)
	}
	switch {
	case r.alive && r.owner != owner:
		return jushuitan.Busy, ""
	case r.owner == "" && r.known && r.said == state:
		return jushuitan.Committed, memory
	case r.known && r.owner != "" && !r.alive:
		return jushuitan.Unsettled, memory
	}
	return jushuitan.Claimed, memory
}

// Commit implements [jushuitan.Deduper].
func (d *Deduper) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	err := checkRecord(key, state, owner)
	for err == nil {
		until, keep := "{now} + ?", millis(ttl)
		if ttl <= 0 {
			until, keep = "?", 0
		}
		var n int64
		n, err = d.state.exec(ctx, d.on(ctx), "UPDATE {seen} SET said = ?, memory = ?, known = "+until+","+
			" ends = CASE WHEN owner = ? THEN 0 ELSE ends END, owner = CASE WHEN owner = ? THEN '' ELSE owner END, moves = moves + 1 WHERE id = ?",
			state, []byte(memory), keep, owner, owner, key)
		if err != nil || n > 0 || ttl <= 0 {
			break
		}
		n, err = d.state.exec(ctx, d.on(ctx), "INSERT INTO {seen} (id, said, memory, known, owner, ends, moves) VALUES (?, ?, ?, {now} + ?, '', 0, 0) {ignore}",
			key, state, []byte(memory), keep)
		if n == 1 {
			break
		}
	}
	return dedupeFault(ctx, "commit", d.spoil(ctx, err))
}

// Release implements [jushuitan.Deduper].
func (d *Deduper) Release(ctx context.Context, key, owner string) error {
	_, err := d.state.exec(ctx, d.on(ctx), "UPDATE {seen} SET owner = '', ends = 0, moves = moves + 1 WHERE id = ? AND owner = ?", key, owner)
	return dedupeFault(ctx, "release", d.spoil(ctx, err))
}

// TxDeduper is a [jushuitan.Deduper] that remembers a message in the transaction in which
// [InTx] and [MuxInTx] run the host's function (事务内去重): effect and memory commit
// together, or neither does. A receiver that has it begins a transaction for every message,
// locks the message's document, and commits after the function returned nil. All functions of
// such a receiver should be wrapped: others hold a transaction open without using it.
type TxDeduper struct{ Deduper }

var (
	_ jushuitan.Deduper = (*TxDeduper)(nil)
	_ dedupe.Transactor = (*TxDeduper)(nil)
)

// TxDeduper returns a deduper for functions that work in this database.
func (s *State) TxDeduper() *TxDeduper { return &TxDeduper{Deduper{state: s}} }

// Format prints no keys, for any verb.
func (d *TxDeduper) Format(f fmt.State, _ rune) { opaque(f, "sqlstate.TxDeduper") }

// Transact is called by callback.Receiver and qimen.Mux.
func (d *TxDeduper) Transact(
	ctx context.Context, key string, fresh dedupe.Record, wait time.Duration,
	run func(ctx context.Context, last *dedupe.Last) (*dedupe.Record, error),
) error {
	if err := checkRecord(key, fresh.State, ""); err != nil {
		return dedupeFault(ctx, "begin", err)
	}
	tx, last, err := d.lock(ctx, key, fresh, wait)
	if err != nil {
		return dedupeFault(ctx, "begin", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	h := &handle{state: d.state, tx: tx}
	rec, err := run(context.WithValue(ctx, handleKey{}, h), last)
	if err != nil {
		return err
	}
	if rec == nil {
		return nil
	}
	if last != nil {
		err = d.state.storeSeen(ctx, tx, key, rec)
	}
	if err = errors.Join(err, h.failed); err == nil {
		err = tx.Commit()
	}
	return dedupeFault(ctx, "commit", err)
}

// lock begins a transaction that has the row of a key: a new one, with last nil, or the
// stored one.
func (d *TxDeduper) lock(ctx context.Context, key string, fresh dedupe.Record, wait time.Duration) (*sql.Tx, *dedupe.Last, error) {
	deadline := time.Now().Add(wait)
	for pausing := againFirst; ; pausing = min(2*pausing, againMost) {
		tx, err := d.state.db.BeginTx(ctx, d.state.cfg.TxOptions)
		if err != nil {
			return nil, nil, err
		}
		last, err := d.lockIn(ctx, tx, key, fresh, deadline)
		if err == nil {
			return tx, last, nil
		}
		_ = tx.Rollback()
		late := time.Until(deadline) < pausing
		switch {
		case ctx.Err() != nil:
			return nil, nil, err
		case errors.Is(err, context.DeadlineExceeded), late && (errors.Is(err, dedupe.ErrLocked) || d.state.cfg.Dialect.passing(err)):
			return nil, nil, fmt.Errorf("%w: %w", dedupe.ErrLocked, err)
		case !errors.Is(err, dedupe.ErrLocked) && !errors.Is(err, sql.ErrNoRows) && !d.state.cfg.Dialect.passing(err):
			return nil, nil, err
		}
		if !pause(ctx, pausing/2+jitter(pausing/2)) {
			return nil, nil, ctx.Err()
		}
	}
}

// lockLeast is how long a statement may wait for a lock even if duplicates do not wait for
// the message in progress.
const lockLeast = 500 * time.Millisecond

func (d *TxDeduper) lockIn(ctx context.Context, tx *sql.Tx, key string, fresh dedupe.Record, deadline time.Time) (*dedupe.Last, error) {
	bounded, done := context.WithTimeout(ctx, max(time.Until(deadline), lockLeast))
	defer done()
	s := d.state
	n, err := s.exec(bounded, tx, "INSERT INTO {seen} (id, said, memory, known, owner, ends, moves) VALUES (?, ?, ?, {now} + ?, '', 0, 0) {ignore}",
		key, fresh.State, []byte(fresh.Memory), millis(fresh.TTL))
	if err != nil {
		return nil, cause(bounded, err)
	}
	if n == 1 {
		return nil, nil
	}
	r, err := s.readSeen(bounded, tx, key, "{lock}")
	switch {
	case err != nil:
		return nil, cause(bounded, err)
	case r.alive: // of a Deduper without transactions
		return nil, dedupe.ErrLocked
	}
	return &dedupe.Last{Known: r.known, State: r.said, Memory: string(r.memory), Unsettled: r.known && r.owner != ""}, nil
}

func (s *State) storeSeen(ctx context.Context, tx *sql.Tx, key string, rec *dedupe.Record) error {
	if err := checkRecord(key, rec.State, ""); err != nil {
		return err
	}
	n, err := s.exec(ctx, tx, "UPDATE {seen} SET said = ?, memory = ?, known = {now} + ?, owner = '', ends = 0, moves = moves + 1 WHERE id = ?",
		rec.State, []byte(rec.Memory), millis(rec.TTL), key)
	if err == nil && n != 1 {
		err = errors.New("the record has been deleted")
	}
	return err
}
