package sqlstate

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The defaults of [CommandsConfig].
const (
	DefaultDrainLease  = 30 * time.Second
	DefaultMaxAttempts = 20
)

// CommandState is how far a command is.
type CommandState int

// The states. Waiting and unsettled commands are worked on by [Commands.Drain]; unknown and
// buried ones wait for a person, who calls [Commands.Replay] or [Commands.Drop].
const (
	Waiting   CommandState = iota // to be sent
	Unsettled                     // sent; whether it was applied is still to be found out 待核实
	Unknown                       // sent; whether it was applied cannot be found out 结果未知
	Buried                        // refused, with the reason 死信
	Done                          // applied
	Dropped                       // given up by [Commands.Drop]
)

func (s CommandState) String() string {
	if s < Waiting || s > Dropped {
		return fmt.Sprintf("CommandState(%d)", int(s))
	}
	return [...]string{"waiting", "unsettled", "unknown", "buried", "done", "dropped"}[s]
}

// Command is a write that is to be made (待执行的写操作).
type Command struct {
	Merchant  string // 商家
	Operation string // a key of [CommandsConfig].Handlers, such as Orders.Upload
	// Document names what is written, such as shop_id and so_id. Commands of one document
	// keep their order: one that is refused, or whose outcome is unknown, stops those behind
	// it. Commands of other documents run on. "" means that the command is alone.
	Document string
	// Payload is the request, or whatever the handler expects, as JSON or as a value that
	// is encoded like a request. One document a command: a batch of which a part is refused
	// cannot be settled as a whole.
	Payload any `pii:"true"`
	// After is the earliest time at which it is sent, by the database's clock; zero means
	// at once.
	After time.Time
}

// Format prints the command without its payload.
func (c Command) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue is the command for slog, without its payload.
func (c Command) LogValue() slog.Value { return redact.LogValue(c) }

// CommandsConfig configures [State.Commands].
type CommandsConfig struct {
	AppKey   string             // of the client
	Client   *jushuitan.Client  // sends the commands, within its rate limits
	Handlers map[string]Handler // by operation; see [Write]

	// Strict keeps the order of all commands of a merchant: none runs while an earlier one
	// is refused or unknown.
	Strict bool
	// Lease is how long a worker may be silent before another takes over the merchant;
	// 0 means [DefaultDrainLease]. A handler must return within it after its context ends.
	Lease time.Duration
	// MaxAttempts is after how many failed attempts a command is buried; 0 means
	// [DefaultMaxAttempts].
	MaxAttempts int
	// Backoff returns how long to wait after the n-th failed attempt; nil means exponential
	// backoff from one second to five minutes.
	Backoff func(attempt int) time.Duration
	// SettleAfter is passed to [jushuitan.SettleAfter]; 0 means its default.
	SettleAfter time.Duration
}

// Handler makes the writes of one operation.
type Handler struct {
	// Do makes the call for a payload. Its error decides what becomes of the command: see
	// [Commands.Drain].
	Do func(ctx context.Context, client *jushuitan.Client, payload json.RawMessage) error
	// Settle reads back a write whose outcome is unknown; nil means
	// [jushuitan.Client.Settle], for which the command's operation must be that of the call
	// and its payload the request. The write has the payload as its request.
	Settle func(ctx context.Context, client *jushuitan.Client, w jushuitan.Write) ([]jushuitan.Settlement, error)
}

// Write returns the handler of a method whose request is the payload:
//
//	sqlstate.Write(func(ctx context.Context, c *jushuitan.Client, orders []jushuitan.OrderUpload) error {
//		_, err := c.Orders.Upload(ctx, orders)
//		return err
//	})
func Write[Req any](call func(ctx context.Context, client *jushuitan.Client, req Req) error) Handler {
	return Handler{Do: func(ctx context.Context, client *jushuitan.Client, payload json.RawMessage) error {
		var req Req
		if err := wire.Unmarshal(payload, &req); err != nil {
			return fmt.Errorf("%w: decode the payload: %w", ErrRefused, err)
		}
		return call(ctx, client, req)
	}}
}

// ErrRefused is wrapped by a handler's error that buries the command at once, since nothing
// was sent and retrying will not help.
var ErrRefused = errors.New("the command is refused")

// Commands is the table of the writes that are to be made (发件箱). It is safe for concurrent
// use.
type Commands struct {
	state *State
	cfg   CommandsConfig
	known map[string]jushuitan.Operation
	ended atomic.Bool
}

// Stop ends each [Commands.Drain] of this Commands after the command in progress, for a graceful
// stop (优雅停机); it does not wait for them. Later ones process nothing.
func (c *Commands) Stop() { c.ended.Store(true) }

// Commands returns the commands of an app. The handlers are needed by [Commands.Drain] only.
func (s *State) Commands(cfg CommandsConfig) (*Commands, error) {
	cfg.Lease = cmp.Or(cfg.Lease, DefaultDrainLease)
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, DefaultMaxAttempts)
	if cfg.Backoff == nil {
		cfg.Backoff = func(n int) time.Duration { return min(time.Second<<min(n-1, 20), 5*time.Minute) }
	}
	switch {
	case cfg.Lease < 100*time.Millisecond:
		return nil, fmt.Errorf("sqlstate: commands: Lease is %v, must be at least 100 ms / 租约过短", cfg.Lease)
	case cfg.MaxAttempts < 0 || cfg.SettleAfter < 0:
		return nil, errors.New("sqlstate: commands: MaxAttempts or SettleAfter is negative / 不能为负数")
	}
	c := &Commands{state: s, cfg: cfg, known: map[string]jushuitan.Operation{}}
	for op, h := range cfg.Handlers {
		if h.Do == nil {
			return nil, fmt.Errorf("sqlstate: commands: the handler of %q has no Do / 缺少处理函数", op)
		}
	}
	for _, op := range jushuitan.Operations() {
		c.known[op.Name()] = op
	}
	return c, nil
}

// repeatable reports whether a command may be sent again although it may have been applied.
func (c *Commands) repeatable(e *Entry) bool {
	op, ok := c.known[e.Operation]
	return ok && op.Repeatable(e.Payload)
}

// Format prints no payloads, for any verb.
func (c *Commands) Format(f fmt.State, _ rune) { opaque(f, "sqlstate.Commands") }

func (c *Commands) fault(ctx context.Context, merchant, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstate: commands of merchant %q: %s: %w", merchant, what, cause(ctx, err))
}

func (c *Commands) sealed(merchant, operation, document string) string {
	return c.state.sealed("command", c.cfg.AppKey, merchant, operation, document)
}

// Enqueue stores a command in the host's transaction (与业务同事务写入), which has made the
// change that the command tells the ERP: both are committed, or neither is. It returns the
// sequence of the command, which is that of the calls: two transactions at once that write about
// one document need a lock of the host's, such as that of the document's row. Wake a worker after the commit; a command that nobody was woken
// for is found by [Commands.Due].
func (c *Commands) Enqueue(ctx context.Context, tx *sql.Tx, cmd Command) (int64, error) {
	id, err := c.enqueue(ctx, tx, cmd)
	return id, c.fault(ctx, cmd.Merchant, "enqueue "+cmd.Operation, err)
}

func (c *Commands) enqueue(ctx context.Context, tx *sql.Tx, cmd Command) (int64, error) {
	if tx == nil {
		return 0, errors.New("no transaction / 缺少事务")
	}
	if cmd.Operation == "" || cmd.Merchant == "" {
		return 0, errors.New("a command needs a merchant and an operation / 命令缺少商家或操作")
	}
	if err := checkNames(c.cfg.AppKey, cmd.Merchant, cmd.Operation, cmd.Document); err != nil {
		return 0, err
	}
	payload, err := wire.Marshal(cmd.Payload)
	if err != nil {
		return 0, fmt.Errorf("encode the payload: %w", err)
	}
	due := int64(0)
	if !cmd.After.IsZero() {
		due = cmd.After.UnixMilli()
	}
	s := c.state
	query := s.q("INSERT INTO {command} (app, merchant, document, operation, payload, state, attempts, reason, created, due, began, ended, changed, moves)" +
		" VALUES (?, ?, ?, ?, ?, 0, 0, '', {now}, ?, 0, 0, {now}, 0)")
	args := []any{name(c.cfg.AppKey), name(cmd.Merchant), name(cmd.Document), name(cmd.Operation),
		s.cfg.Keyring.Seal(c.sealed(cmd.Merchant, cmd.Operation, cmd.Document), payload), due}
	if s.cfg.Dialect != PostgreSQL {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return res.LastInsertId()
	}
	var id int64
	return id, tx.QueryRowContext(ctx, query+" RETURNING id", args...).Scan(&id)
}

// Entry is a stored command.
type Entry struct {
	ID        int64 // the sequence
	Merchant  string
	Operation string
	Document  string
	Payload   json.RawMessage `pii:"true"`
	State     CommandState
	Attempts  int
	Reason    string // of the last failure; without personal data if the handler's errors have none

	Created time.Time // by the database's clock
	Due     time.Time // not before, by the database's clock; zero: at once
	Began   time.Time // first sent, by the clock of the worker; zero: nothing of it is open
	Ended   time.Time // last returned, by the same clock; zero: it has not
	Changed time.Time // by the database's clock
}

// Format prints the entry without its payload.
func (e Entry) Format(s fmt.State, verb rune) { redact.Format(s, verb, e) }

// LogValue is the entry for slog, without its payload.
func (e Entry) LogValue() slog.Value { return redact.LogValue(e) }

// Filter selects commands.
type Filter struct {
	Merchant string         // "": of all merchants
	States   []CommandState // none: all
	After    int64          // with a larger sequence only
	Limit    int            // at most as many; 0 means 100
}

const entryColumns = "id, merchant, operation, document, payload, state, attempts, reason, created, due, began, ended, changed"

// List returns commands in their sequence (查询).
func (c *Commands) List(ctx context.Context, f Filter) ([]Entry, error) {
	where, args := "app = ? AND id > ?", []any{name(c.cfg.AppKey), f.After}
	if f.Merchant != "" {
		where, args = where+" AND merchant = ?", append(args, name(f.Merchant))
	}
	if len(f.States) > 0 {
		where += " AND state IN (?" + strings.Repeat(", ?", len(f.States)-1) + ")"
		for _, s := range f.States {
			args = append(args, int64(s))
		}
	}
	args = append(args, int64(cmp.Or(f.Limit, 100)))
	out, err := c.entries(ctx, "SELECT "+entryColumns+" FROM {command} WHERE "+where+" ORDER BY id LIMIT ?", args...)
	return out, c.fault(ctx, f.Merchant, "list", err)
}

func (c *Commands) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := c.state.db.QueryContext(ctx, c.state.q(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for rows.Next() {
		var e Entry
		var payload []byte
		var times [5]int64
		if err := rows.Scan(&e.ID, &e.Merchant, &e.Operation, &e.Document, &payload, &e.State, &e.Attempts, &e.Reason,
			&times[0], &times[1], &times[2], &times[3], &times[4]); err != nil {
			return nil, err
		}
		e.Merchant, e.Operation, e.Document = plain(e.Merchant), plain(e.Operation), plain(e.Document)
		for i, at := range []*time.Time{&e.Created, &e.Due, &e.Began, &e.Ended, &e.Changed} {
			*at = timeOf(times[i])
		}
		text, _, err := c.state.cfg.Keyring.Open(c.sealed(e.Merchant, e.Operation, e.Document), string(payload))
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", e.ID, err)
		}
		e.Payload = text
		out = append(out, e)
	}
	return out, rows.Err()
}

// timeOf returns a stored time in UTC+8, zero for 0.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).In(wire.CST)
}

// ErrState means that the command is not in a state for it, or does not exist.
var ErrState = errors.New("the command is not in a state for this, or does not exist")

// Replay makes a buried or unknown command waiting again, as if it had never been sent
// (重放): for an unknown one, only after somebody has seen that the ERP does not have it.
func (c *Commands) Replay(ctx context.Context, id int64) error {
	return c.turn(ctx, id, "replay", "state = 0, attempts = 0, due = 0, began = 0, ended = 0", "state IN (2, 3)")
}

// Drop abandons a command, or notes that its document was handled otherwise (丢弃):
// commands behind it go on. One whose outcome is still being settled cannot be dropped.
func (c *Commands) Drop(ctx context.Context, id int64) error {
	return c.turn(ctx, id, "drop", "state = 5", "state IN (0, 2, 3)")
}

func (c *Commands) turn(ctx context.Context, id int64, what, set, from string) error {
	n, err := c.state.exec(ctx, c.state.db, "UPDATE {command} SET "+set+", changed = {now}, moves = moves + 1 WHERE app = ? AND id = ? AND "+from,
		name(c.cfg.AppKey), id)
	if err == nil && n != 1 {
		err = fmt.Errorf("%w / 命令不存在或当前状态不允许", ErrState)
	}
	if err != nil {
		return fmt.Errorf("sqlstate: command %d: %s: %w", id, what, cause(ctx, err))
	}
	return nil
}

// Stats are the numbers of a merchant's commands that are not finished, for metrics.
type Stats struct {
	Merchant  string
	Waiting   int
	Unsettled int
	Unknown   int
	Buried    int
	Oldest    time.Duration // age of the oldest that is waiting or unsettled, by the database's clock
}

// Stats returns the numbers of each merchant that has unfinished commands (积压统计).
func (c *Commands) Stats(ctx context.Context) ([]Stats, error) {
	out, err := c.stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlstate: commands: stats: %w", cause(ctx, err))
	}
	return out, nil
}

func (c *Commands) stats(ctx context.Context) ([]Stats, error) {
	rows, err := c.state.db.QueryContext(ctx, c.state.q("SELECT merchant, state, COUNT(*), {now} - MIN(created) FROM {command}"+
		" WHERE app = ? AND state < 4 GROUP BY merchant, state ORDER BY merchant, state"), name(c.cfg.AppKey))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Stats
	for rows.Next() {
		var merchant string
		var state CommandState
		var n int
		var age int64
		if err := rows.Scan(&merchant, &state, &n, &age); err != nil {
			return nil, err
		}
		if merchant = plain(merchant); len(out) == 0 || out[len(out)-1].Merchant != merchant {
			out = append(out, Stats{Merchant: merchant})
		}
		s := &out[len(out)-1]
		*[]*int{&s.Waiting, &s.Unsettled, &s.Unknown, &s.Buried}[state] = n
		if state <= Unsettled {
			s.Oldest = max(s.Oldest, time.Duration(age)*time.Millisecond)
		}
	}
	return out, rows.Err()
}

// Due returns merchants with commands that can be worked on now (待处理商家), for a periodic
// sweep that wakes a worker for each of them.
func (c *Commands) Due(ctx context.Context) ([]string, error) {
	rows, err := c.state.db.QueryContext(ctx, c.state.q("SELECT DISTINCT merchant FROM {command}"+
		" WHERE app = ? AND state IN (0, 1) AND due <= {now} ORDER BY merchant"), name(c.cfg.AppKey))
	if err != nil {
		return nil, fmt.Errorf("sqlstate: commands: due: %w", cause(ctx, err))
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var merchant string
		if err := rows.Scan(&merchant); err != nil {
			return nil, fmt.Errorf("sqlstate: commands: due: %w", err)
		}
		out = append(out, plain(merchant))
	}
	return out, rows.Err()
}

var _ jushuitan.Forgetter = (*Commands)(nil)

// Forget implements [jushuitan.Forgetter]: it deletes all commands of a merchant, those that
// are waiting included.
func (c *Commands) Forget(ctx context.Context, appKey, merchant string) error {
	err := c.state.tx(ctx, func(tx *sql.Tx) error { return c.state.forgetCommands(ctx, tx, appKey, merchant) })
	return c.fault(ctx, merchant, "forget", err)
}

func (s *State) forgetCommands(ctx context.Context, tx *sql.Tx, appKey, merchant string) error {
	for _, table := range []string{"{command}", "{drain}"} {
		if _, err := s.exec(ctx, tx, "DELETE FROM "+table+" WHERE app = ? AND merchant = ?", name(appKey), name(merchant)); err != nil {
			return err
		}
	}
	return nil
}
