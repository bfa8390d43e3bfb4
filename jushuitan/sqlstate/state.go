package sqlstate

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
)

// DefaultPrefix begins the names of all tables unless [Config].Prefix says otherwise.
const DefaultPrefix = "jst_"

// Config configures [New]. Dialect is required; other zero fields have defaults.
type Config struct {
	Dialect Dialect

	// Prefix begins the names of all tables (表前缀); [DefaultPrefix] by default. It has
	// letters, digits and underscores, and may begin with a schema and a dot.
	// Installations that share a database need different prefixes.
	Prefix string

	// Keyring encrypts tokens and the payloads of commands at rest; nil stores them in
	// plain text. See [keyring.New].
	Keyring *keyring.Keyring
	// AcceptPlaintext also accepts plain text although a Keyring is set. Use it only
	// during a migration to encryption: anyone who can write to the database can then
	// store tokens of their own.
	AcceptPlaintext bool

	// TxOptions are those of the transactions in which [InTx] and [MuxInTx] run a
	// function; nil means the defaults of the driver. Read committed suffices.
	TxOptions *sql.TxOptions

	// Retention is how long rows are kept that nothing needs any more, see
	// [State.Cleanup].
	Retention Retention
}

// State is the part of a database that an installation uses. Create one per process. It is
// safe for concurrent use, runs nothing in the background and needs no closing.
type State struct {
	db   *sql.DB
	cfg  Config
	make func(string) string
	made sync.Map // of statements: text -> that of the dialect
}

var prefixForm = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,40}\.)?[A-Za-z_][A-Za-z0-9_]{0,40}$`)

// New returns a State that uses the tables of db, see [State.Migrate]. The caller owns db
// and closes it. For SQLite, db needs a busy timeout (PRAGMA busy_timeout).
func New(db *sql.DB, cfg Config) (*State, error) {
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	cfg.Retention = cfg.Retention.orDefaults()
	switch {
	case db == nil:
		return nil, errors.New("sqlstate: no database / 未提供数据库")
	case cfg.Dialect < PostgreSQL || cfg.Dialect > SQLite:
		return nil, errors.New("sqlstate: Dialect is required: PostgreSQL, MySQL or SQLite / 未指定数据库方言")
	case !prefixForm.MatchString(cfg.Prefix):
		return nil, fmt.Errorf("sqlstate: Prefix %q must have letters, digits and underscores / 表前缀只能含字母、数字和下划线", cfg.Prefix)
	case cfg.Retention.negative():
		return nil, errors.New("sqlstate: Retention is negative / 保留时长不能为负")
	}
	if cfg.AcceptPlaintext {
		cfg.Keyring = cfg.Keyring.AcceptPlaintext()
	}
	return &State{db: db, cfg: cfg, make: cfg.Dialect.writer(cfg.Prefix)}, nil
}

// Format prints neither the database nor keys, for any verb.
func (s *State) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "sqlstate.State{%s Prefix:%q Keyring:%v}", s.cfg.Dialect, s.cfg.Prefix, s.cfg.Keyring)
}

// q returns a statement in the dialect.
func (s *State) q(text string) string {
	if made, ok := s.made.Load(text); ok {
		return made.(string)
	}
	made := s.make(text)
	s.made.Store(text, made)
	return made
}

// runner is a *sql.DB or a *sql.Tx.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement and returns how many rows it affected. Outside transactions it is
// repeated after a conflict with another.
func (s *State) exec(ctx context.Context, on runner, text string, args ...any) (n int64, err error) {
	once := func() error {
		res, err := on.ExecContext(ctx, s.q(text), args...)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	}
	if _, ok := on.(*sql.DB); ok {
		return n, s.again(ctx, once)
	}
	return n, once()
}

// The pauses between attempts after a conflict with another statement, and how many there
// are.
const (
	againFirst = 2 * time.Millisecond
	againMost  = 200 * time.Millisecond
	againTimes = 30
)

// again repeats what changed nothing because of a conflict.
func (s *State) again(ctx context.Context, once func() error) error {
	wait := againFirst
	for n := 1; ; n++ {
		err := once()
		if n == againTimes || !s.cfg.Dialect.passing(err) || !pause(ctx, wait/2+jitter(wait/2)) {
			return err
		}
		wait = min(2*wait, againMost)
	}
}

// tx runs f in a transaction, and again after a conflict.
func (s *State) tx(ctx context.Context, f func(tx *sql.Tx) error) error {
	return s.again(ctx, func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing after Commit
		if err := f(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// name returns the stored form of a name: escaped, so that case, spaces and bytes survive
// every collation.
func name(s string) string { return url.QueryEscape(s) }

// plain is the reverse of name.
func plain(stored string) string {
	s, err := url.QueryUnescape(stored)
	if err != nil {
		return stored
	}
	return s
}

// checkNames returns an error for a name that is too long to be stored.
func checkNames(names ...string) error {
	for _, n := range names {
		if len(name(n)) > nameMost {
			return fmt.Errorf("a name of %d characters is too long: at most %d bytes are stored, escaped as in a URL / 名称过长", len(n), nameMost)
		}
	}
	return nil
}

// sealed is the name to which a stored value is bound.
func (s *State) sealed(kind string, parts ...string) string {
	out := s.cfg.Prefix + kind
	for _, p := range parts {
		out += "/" + name(p)
	}
	return out
}

// millis returns d in milliseconds, at least one.
func millis(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// nonce identifies the owner of a lease.
func nonce() string { return rand.Text()[:16] }

// jitter returns a random duration below d.
func jitter(d time.Duration) time.Duration {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return d * time.Duration(int(b[0])<<8|int(b[1])) >> 16
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// cause prefers the context's error to the driver's.
func cause(ctx context.Context, err error) error {
	if ctxErr := ctx.Err(); err != nil && ctxErr != nil && !errors.Is(err, ctxErr) {
		return fmt.Errorf("%w: %w", ctxErr, err)
	}
	return err
}

// opaque prints a type's name only.
func opaque(f fmt.State, name string) { _, _ = io.WriteString(f, name) }

var _ jushuitan.Forgetter = (*State)(nil)

// Forget implements [jushuitan.Forgetter]: it deletes the token, the checkpoints and the
// commands of a merchant, waiting ones included, in one transaction. What was remembered of
// messages is stored under hashes and expires.
func (s *State) Forget(ctx context.Context, appKey, merchant string) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		if err := s.forgetCheckpoints(ctx, tx, appKey, merchant); err != nil {
			return err
		}
		if err := s.forgetCommands(ctx, tx, appKey, merchant); err != nil {
			return err
		}
		return s.deleteToken(ctx, tx, jushuitan.TokenKey{AppKey: appKey, Merchant: merchant})
	})
	if err != nil {
		return fmt.Errorf("sqlstate: merchant %q: forget: %w", merchant, cause(ctx, err))
	}
	return nil
}
