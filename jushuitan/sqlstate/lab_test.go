package sqlstate_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dianjia/jushuitan-go/internal/sqlserver"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// database is one that the tests run on.
type database struct {
	name    string
	dialect sqlstate.Dialect
	driver  string
	start   func(dir string, durable bool) (*sqlserver.Server, error) // nil: no server
}

var databases = []database{
	{"SQLite", sqlstate.SQLite, "sqlite", nil},
	{"PostgreSQL", sqlstate.PostgreSQL, "pgx", sqlserver.PostgreSQL},
	{"MariaDB", sqlstate.MySQL, "mysql", sqlserver.MariaDB},
}

// servers are started when a test first needs one, and stopped by TestMain.
var servers struct {
	sync.Mutex
	dir     string
	running map[string]*sqlserver.Server
	failed  map[string]error
}

// durable makes the servers write to the disk before they acknowledge, for benchmarks.
var durable = flag.Bool("sql.durable", false, "servers and SQLite sync the disk at each commit")

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "sqlstate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Chmod(dir, 0o755)
	servers.dir, servers.running, servers.failed = dir, map[string]*sqlserver.Server{}, map[string]error{}
	code := m.Run()
	for _, s := range servers.running {
		s.Stop()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// dsn returns where the database is; "" if its server is not installed, which only CI
// counts as a failure.
func (d database) dsn(t testing.TB) string {
	t.Helper()
	if d.start == nil {
		sync := "NORMAL"
		if *durable {
			sync = "FULL"
		}
		return "file:" + filepath.Join(t.TempDir(), "state.db") + "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + sync + ")&_txlock=immediate"
	}
	servers.Lock()
	defer servers.Unlock()
	if s := servers.running[d.name]; s != nil {
		return s.DSN
	}
	if servers.failed[d.name] == nil {
		s, err := d.start(filepath.Join(servers.dir, d.name), *durable)
		if err == nil {
			servers.running[d.name] = s
			return s.DSN
		}
		servers.failed[d.name] = err
		if errors.Is(err, sqlserver.ErrMissing) {
			fmt.Fprintf(os.Stderr, "\n*** %s IS NOT TESTED: %v. Install it to test it too.\n\n", d.name, err)
		}
	}
	if err := servers.failed[d.name]; os.Getenv("CI") == "true" || !errors.Is(err, sqlserver.ErrMissing) {
		t.Fatalf("%s: %v", d.name, err)
	}
	return ""
}

// onEach runs a test on every database. Each has tables of its own.
func onEach(t *testing.T, test func(t *testing.T, l *lab)) {
	for _, d := range databases {
		dsn := d.dsn(t)
		if dsn == "" {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, d, dsn)
			require.NoError(t, l.state.Migrate(t.Context()))
			test(t, l)
		})
	}
}

// lab is a database with tables of the test's own.
type lab struct {
	database
	dsn   string
	db    *sql.DB
	cfg   sqlstate.Config
	state *sqlstate.State
}

func newLab(t testing.TB, d database, dsn string) *lab {
	t.Helper()
	db, err := sql.Open(d.driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	l := &lab{database: d, dsn: dsn, db: db, cfg: sqlstate.Config{Dialect: d.dialect, Prefix: "t" + strings.ToLower(rand.Text()[:10]) + "_"}}
	l.state = l.with(t, func(*sqlstate.Config) {})
	return l
}

// with returns a state on the same tables with another config.
func (l *lab) with(t testing.TB, change func(cfg *sqlstate.Config)) *sqlstate.State {
	t.Helper()
	cfg := l.cfg
	change(&cfg)
	s, err := sqlstate.New(l.db, cfg)
	require.NoError(t, err)
	return s
}

// q numbers the question marks of a statement and replaces {x} by the name of a table.
func (l *lab) q(text string) string { return dialectText(l.dialect, l.cfg.Prefix, text) }

func dialectText(d sqlstate.Dialect, prefix, text string) string {
	text = strings.NewReplacer("{", prefix, "}", "").Replace(text)
	for n := 1; d == sqlstate.PostgreSQL && strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", "$"+strconv.Itoa(n), 1)
	}
	return text
}

func (l *lab) exec(t testing.TB, text string, args ...any) {
	t.Helper()
	_, err := l.db.ExecContext(t.Context(), l.q(text), args...)
	require.NoError(t, err)
}

func (l *lab) count(t testing.TB, text string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, l.db.QueryRowContext(t.Context(), l.q(text), args...).Scan(&n))
	return n
}

// inTx runs f in a transaction.
func (l *lab) inTx(t testing.TB, f func(tx *sql.Tx) error) error {
	t.Helper()
	tx, err := l.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
