package sqlstate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The errors of leases.
var (
	// ErrLeaseHeld means that another worker has acquired the stream, or the merchant's
	// commands.
	ErrLeaseHeld = errors.New("another worker has the lease")
	// ErrLeaseLost means that another worker has taken over: stop, save nothing, and roll
	// the transaction back.
	ErrLeaseLost = errors.New("another worker has taken over the lease")
)

// Checkpoints stores how far the streams of merchants have been processed (断点存储), by one
// worker per stream at a time. A worker acquires a stream, processes rows, and saves in the
// transaction that stores them. If it is silent for longer than its lease, another worker may
// acquire the stream; from then on the first can no longer move the checkpoint, however late
// it resumes, and its transaction fails with [ErrLeaseLost].
type Checkpoints struct{ state *State }

// Checkpoints returns a store for checkpoints.
func (s *State) Checkpoints() *Checkpoints { return &Checkpoints{state: s} }

// Format prints no keys, for any verb.
func (c *Checkpoints) Format(f fmt.State, _ rune) { opaque(f, "sqlstate.Checkpoints") }

// StreamKey identifies a stream of a merchant by a name that you choose, such as the
// operation's.
type StreamKey struct {
	AppKey   string
	Merchant string
	Stream   string
}

func (k StreamKey) args(before ...any) []any {
	return append(before, name(k.AppKey), name(k.Merchant), name(k.Stream))
}

const thatStream = " WHERE app = ? AND merchant = ? AND stream = ?"

func streamFault(ctx context.Context, key StreamKey, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstate: checkpoint of stream %q of merchant %q: %s: %w", key.Stream, key.Merchant, what, cause(ctx, err))
}

// Lease (租约) entitles one worker to move a checkpoint. It is safe for concurrent use.
type Lease struct {
	state *State
	key   StreamKey
	owner string
	ttl   time.Duration
	fence int64
	found jushuitan.Checkpoint
}

// Acquire leases the stream to a worker for ttl. Each save and [Lease.Renew] extends the
// lease by ttl. While another worker holds it, the error is [ErrLeaseHeld].
func (c *Checkpoints) Acquire(ctx context.Context, key StreamKey, ttl time.Duration) (*Lease, error) {
	err := checkNames(key.AppKey, key.Merchant, key.Stream)
	if ttl < time.Millisecond {
		err = fmt.Errorf("the lease of %v is too short / 租约过短", ttl)
	}
	l := &Lease{state: c.state, key: key, owner: nonce(), ttl: ttl}
	if err == nil {
		err = c.state.tx(ctx, func(tx *sql.Tx) error { return l.acquire(ctx, tx) })
	}
	if err != nil {
		return nil, streamFault(ctx, key, "acquire", err)
	}
	return l, nil
}

func (l *Lease) acquire(ctx context.Context, tx *sql.Tx) error {
	s := l.state
	if _, err := s.exec(ctx, tx, "INSERT INTO {checkpoint} (app, merchant, stream, floor, fence, owner, ends, used, moves)"+
		" VALUES (?, ?, ?, 0, 0, '', 0, {now}, 0) {ignore}", l.key.args()...); err != nil {
		return err
	}
	n, err := s.exec(ctx, tx, "UPDATE {checkpoint} SET owner = ?, fence = fence + 1, ends = {now} + ?, used = {now}, moves = moves + 1"+
		thatStream+" AND (owner = '' OR ends <= {now})", l.key.args(l.owner, millis(l.ttl))...)
	if err != nil {
		return err
	}
	var left int64
	if err := tx.QueryRowContext(ctx, s.q("SELECT fence, ends - {now} FROM {checkpoint}"+thatStream), l.key.args()...).Scan(&l.fence, &left); err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%w for at least %d ms / 该数据流正由其他进程处理", ErrLeaseHeld, max(left, 1))
	}
	l.found, err = s.loadCheckpoint(ctx, tx, l.key)
	return err
}

// Load reads a checkpoint without acquiring the stream; the zero one if there is none.
func (c *Checkpoints) Load(ctx context.Context, key StreamKey) (cp jushuitan.Checkpoint, err error) {
	for before := int64(-1); ; {
		if cp, err = c.state.loadCheckpoint(ctx, c.state.db, key); err != nil {
			return cp, streamFault(ctx, key, "load", err)
		}
		var moves int64 // saved between the statements, or before
		err = c.state.db.QueryRowContext(ctx, c.state.q("SELECT moves FROM {checkpoint}"+thatStream), key.args()...).Scan(&moves)
		if errors.Is(err, sql.ErrNoRows) || err == nil && moves == before {
			return cp, nil
		}
		if before = moves; err != nil {
			return jushuitan.Checkpoint{}, streamFault(ctx, key, "load", err)
		}
	}
}

func (s *State) loadCheckpoint(ctx context.Context, on runner, key StreamKey) (cp jushuitan.Checkpoint, err error) {
	var head, done []byte
	var floor int64
	err = on.QueryRowContext(ctx, s.q("SELECT head, done, floor FROM {checkpoint}"+thatStream), key.args()...).Scan(&head, &done, &floor)
	if errors.Is(err, sql.ErrNoRows) || err == nil && head == nil {
		return cp, nil
	}
	if err != nil {
		return cp, err
	}
	if err = json.Unmarshal(head, &cp); err == nil && done != nil {
		err = json.Unmarshal(done, &cp.Done)
	}
	if err != nil {
		return jushuitan.Checkpoint{}, fmt.Errorf("the stored checkpoint is damaged: %w; forget it to start over / 断点已损坏，删除后可重新开始", err)
	}
	rows, err := on.QueryContext(ctx, s.q("SELECT entry, mark FROM {checkpoint_row}"+thatStream), key.args()...)
	if err != nil {
		return cp, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var entry []byte
		var mark int64
		if err := rows.Scan(&entry, &mark); err != nil {
			return cp, err
		}
		if cp.Done == nil {
			cp.Done = map[string]int64{}
		}
		cp.Done[string(entry)] = mark
	}
	for entry, mark := range cp.Done {
		if mark < floor {
			delete(cp.Done, entry)
		}
	}
	if len(cp.Done) == 0 {
		cp.Done = nil
	}
	return cp, rows.Err()
}

var _ jushuitan.Forgetter = (*Checkpoints)(nil)

// Forget implements [jushuitan.Forgetter]: it deletes the checkpoints of all streams of a
// merchant. A worker that holds one of them fails with [ErrLeaseLost] when it saves. The
// fences of a merchant that returns start at 1 again.
func (c *Checkpoints) Forget(ctx context.Context, appKey, merchant string) error {
	err := c.state.tx(ctx, func(tx *sql.Tx) error { return c.state.forgetCheckpoints(ctx, tx, appKey, merchant) })
	if err != nil {
		return fmt.Errorf("sqlstate: checkpoints of merchant %q: forget: %w", merchant, cause(ctx, err))
	}
	return nil
}

func (s *State) forgetCheckpoints(ctx context.Context, tx *sql.Tx, appKey, merchant string) error {
	for _, table := range []string{"{checkpoint}", "{checkpoint_row}"} {
		if _, err := s.exec(ctx, tx, "DELETE FROM "+table+" WHERE app = ? AND merchant = ?", name(appKey), name(merchant)); err != nil {
			return err
		}
	}
	return nil
}

// Checkpoint returns what was stored when the stream was acquired.
func (l *Lease) Checkpoint() jushuitan.Checkpoint { return l.found }

// Fence returns a number larger than those of all previous workers. A host that stores rows
// elsewhere can reject smaller numbers there.
func (l *Lease) Fence() int64 { return l.fence }

// Save stores a checkpoint and extends the lease. It fails with [ErrLeaseLost] once another
// worker has acquired the stream. An expired lease is still valid as long as nobody else has
// acquired the stream.
func (l *Lease) Save(ctx context.Context, cp jushuitan.Checkpoint) error {
	err := l.state.tx(ctx, func(tx *sql.Tx) error { return l.save(ctx, tx, cp) })
	return streamFault(ctx, l.key, "save", err)
}

// SaveTx is Save in the transaction of the host that stores the rows (与数据同事务保存断点):
// rows and checkpoint commit together, and only while the lease is valid. Call it last: it
// locks the checkpoint until the transaction ends. After an error, roll back.
func (l *Lease) SaveTx(ctx context.Context, tx *sql.Tx, cp jushuitan.Checkpoint) error {
	return streamFault(ctx, l.key, "save", l.save(ctx, tx, cp))
}

func (l *Lease) save(ctx context.Context, tx *sql.Tx, cp jushuitan.Checkpoint) error {
	var done []byte
	if len(cp.Done) > 0 {
		var err error
		if done, err = json.Marshal(cp.Done); err != nil {
			return err
		}
	}
	cp.Done = nil
	head, err := json.Marshal(cp)
	if err != nil {
		return err
	}
	if err := l.move(ctx, tx, "head = ?, done = ?, floor = 0, ", l.ttl, head, done); err != nil {
		return err
	}
	_, err = l.state.exec(ctx, tx, "DELETE FROM {checkpoint_row}"+thatStream, l.key.args()...)
	return err
}

// SaveDelta stores what the last commit of the stream changed, as [jushuitan.Stream.Delta]
// returns it after Commit, in the transaction of the host that stores the row. Its cost does
// not grow with the rows of a time range, as that of [Lease.SaveTx] does. Every commit of the
// stream needs its own SaveDelta, or a SaveTx after the last.
func (l *Lease) SaveDelta(ctx context.Context, tx *sql.Tx, d jushuitan.CheckpointDelta) error {
	return streamFault(ctx, l.key, "save", l.saveDelta(ctx, tx, d))
}

func (l *Lease) saveDelta(ctx context.Context, tx *sql.Tx, d jushuitan.CheckpointDelta) error {
	d.Head.Done = nil
	head, err := json.Marshal(d.Head)
	if err != nil {
		return err
	}
	if err := l.move(ctx, tx, "head = ?, floor = CASE WHEN floor > ? THEN floor ELSE ? END, ", l.ttl, head, d.Floor, d.Floor); err != nil {
		return err
	}
	s := l.state
	if _, err := s.exec(ctx, tx, "DELETE FROM {checkpoint_row}"+thatStream+" AND mark < ?", append(l.key.args(), d.Floor)...); err != nil || d.Entry == "" {
		return err
	}
	sum := sha256.Sum256([]byte(d.Entry))
	id := base64.RawURLEncoding.EncodeToString(sum[:])
	n, err := s.exec(ctx, tx, "UPDATE {checkpoint_row} SET mark = ?, moves = moves + 1"+thatStream+" AND id = ?", append(l.key.args(d.Mark), id)...)
	if err != nil || n > 0 {
		return err
	}
	_, err = s.exec(ctx, tx, "INSERT INTO {checkpoint_row} (app, merchant, stream, id, entry, mark, moves) VALUES (?, ?, ?, ?, ?, ?, 0)",
		append(l.key.args(), id, []byte(d.Entry), d.Mark)...)
	return err
}

// Renew extends the lease.
func (l *Lease) Renew(ctx context.Context) error {
	return streamFault(ctx, l.key, "renew", l.move(ctx, l.state.db, "", l.ttl))
}

// Release ends the lease, so that another worker can acquire the stream. It does nothing if
// another worker holds it.
func (l *Lease) Release(ctx context.Context) error {
	err := l.move(ctx, l.state.db, "", 0)
	if errors.Is(err, ErrLeaseLost) {
		return nil
	}
	return streamFault(ctx, l.key, "release", err)
}

// move changes the row unless another worker has acquired the stream.
func (l *Lease) move(ctx context.Context, on runner, set string, ttl time.Duration, args ...any) error {
	ends := "{now} + ?"
	if ttl == 0 {
		ends = "?"
	}
	n, err := l.state.exec(ctx, on, "UPDATE {checkpoint} SET "+set+"ends = "+ends+", used = {now}, moves = moves + 1"+thatStream+" AND owner = ? AND fence = ?",
		append(l.key.args(append(args, ttl.Milliseconds())...), l.owner, l.fence)...)
	if err == nil && n != 1 {
		err = fmt.Errorf("%w; stop processing the stream / 该数据流已被其他进程接管，请停止处理", ErrLeaseLost)
	}
	return err
}

// Format prints only the stream, for any verb.
func (l *Lease) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "sqlstate.Lease{%q of merchant %q, fence %d}", l.key.Stream, l.key.Merchant, l.fence)
}
