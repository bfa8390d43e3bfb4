package sqlstate_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// database is one that the tests run on.
type database struct {
	name    string
	dialect sqlstate.Dialect
	driver  string
	start   func(dir string) (*server, error) // nil: no server
}

var databases = []database{
	{"SQLite", sqlstate.SQLite, "sqlite", nil},
	{"PostgreSQL", sqlstate.PostgreSQL, "pgx", startPostgreSQL},
	{"MariaDB", sqlstate.MySQL, "mysql", startMariaDB},
}

// server is a database server that the tests have started.
type server struct {
	dsn  string
	cmd  *exec.Cmd
	done chan struct{}
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// servers are started when a test first needs one, and stopped by TestMain.
var servers struct {
	sync.Mutex
	dir     string
	running map[string]*server
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
	servers.dir, servers.running, servers.failed = dir, map[string]*server{}, map[string]error{}
	code := m.Run()
	for _, s := range servers.running {
		s.stop()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var errMissing = errors.New("the server is not installed")

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
		return s.dsn
	}
	if servers.failed[d.name] == nil {
		s, err := d.start(filepath.Join(servers.dir, d.name))
		if err == nil {
			servers.running[d.name] = s
			return s.dsn
		}
		servers.failed[d.name] = err
		if errors.Is(err, errMissing) {
			fmt.Fprintf(os.Stderr, "\n*** %s IS NOT TESTED: %v. Install it to test it too.\n\n", d.name, err)
		}
	}
	if err := servers.failed[d.name]; os.Getenv("CI") == "true" || !errors.Is(err, errMissing) {
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

// asUser makes a command run as an unprivileged user, which PostgreSQL insists on, if the
// tests run as root.
func asUser(cmd *exec.Cmd, dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil || os.Geteuid() != 0 {
		return err
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w: no user %s", errMissing, name)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, uid, gid))
	})
}

// find returns the path of a program, also where Debian keeps those of PostgreSQL.
func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		found2, _ := filepath.Glob("/usr/sbin/" + name)
		if found = append(found, found2...); len(found) > 0 {
			slices.Sort(found)
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("%w: no %s", errMissing, strings.Join(names, " or "))
}

func freePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func prepare(dir, name, program string, args ...string) error {
	cmd := exec.CommandContext(context.Background(), program, args...)
	if err := asUser(cmd, dir, name); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// run starts a server and waits until it answers.
func run(dir, name, driver, dsn, program string, args ...string) (*server, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	if err := asUser(cmd, dir, name); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{dsn: dsn, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(s.done)
	}()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); {
		select {
		case <-s.done:
			return nil, fmt.Errorf("%s ended: %s", program, out.String())
		case <-tick.C:
			if db.PingContext(context.Background()) == nil {
				return s, nil
			}
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s does not answer: %s", program, out.String())
}

func startPostgreSQL(dir string) (*server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres")
	if err != nil {
		return nil, err
	}
	if err := prepare(dir, "postgres", initdb, "-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	fsync := "off"
	if *durable {
		fsync = "on"
	}
	return run(dir, "postgres", "pgx", fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), postgres,
		"-D", dir, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync="+fsync)
}

func startMariaDB(dir string) (*server, error) {
	install, err := find("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return nil, err
	}
	mariadbd, err := find("mariadbd", "mysqld")
	if err != nil {
		return nil, err
	}
	if err := prepare(dir, "mysql", install, "--no-defaults", "--datadir="+dir, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	flush := "0"
	if *durable {
		flush = "1"
	}
	return run(dir, "mysql", "mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/mysql?interpolateParams=true", port), mariadbd,
		"--no-defaults", "--datadir="+dir, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1", "--socket="+filepath.Join(dir, "s"),
		"--innodb-flush-log-at-trx-commit="+flush, "--skip-log-bin", "--max-connections=200")
}
