package redisstate_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

var long = flag.Bool("long", false, "run the tests with many processes for minutes")

// shared is the Redis of all tests that do not kill theirs.
var shared struct {
	addr  string
	which string
	mini  bool
}

// silent is go-redis's log in these tests: that connections fail is what they are about.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	if role := os.Getenv(childRole); role != "" {
		os.Exit(child(role))
	}
	flag.Parse()
	os.Exit(withRedis(m.Run))
}

// withRedis runs the tests with REDIS_ADDR, or a redis-server of their own, or
// miniredis, in this order.
func withRedis(run func() int) int {
	if addr := os.Getenv("REDIS_ADDR"); addr != "" {
		shared.addr, shared.which = addr, "REDIS_ADDR "+addr
		return run()
	}
	if s, err := startServer(); err == nil {
		defer s.close()
		shared.addr, shared.which = s.addr, "redis-server at "+s.addr
		return run()
	} else if !errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer mini.Close()
	// Its times to live pass only when it is told so.
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		const step = 10 * time.Millisecond
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				mini.FastForward(step)
			case <-stop:
				return
			}
		}
	}()
	shared.addr, shared.which, shared.mini = mini.Addr(), "miniredis", true
	return run()
}

// server is a redis-server of a test's own.
type server struct {
	addr  string
	dir   string
	args  []string // all but the address and the directory
	ready string   // what it says when it is ready
	cmd   *exec.Cmd
}

// plainArgs keep nothing on disk.
var plainArgs = []string{"--save", "", "--appendonly", "no", "--daemonize", "no"}

// startServer starts a redis-server that keeps nothing on disk unless args say so.
func startServer(args ...string) (*server, error) {
	return startReady("Ready to accept connections", nil, append(plainArgs[:len(plainArgs):len(plainArgs)], args...)...)
}

// startReady starts a redis-server; conf, if any, is the text of its file.
func startReady(ready string, conf []byte, args ...string) (*server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "redisstate")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, args: args, ready: ready}
	if s.addr, err = freeAddr(); err == nil && conf != nil {
		name := filepath.Join(dir, "redis.conf")
		s.args = append([]string{name}, args...)
		err = os.WriteFile(name, conf, 0o600)
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// freeAddr is a loopback address that was free a moment ago.
func freeAddr() (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func port(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return port
}

func (s *server) start() error {
	s.cmd = exec.Command("redis-server", append(s.args[:len(s.args):len(s.args)], "--bind", "127.0.0.1", "--port", port(s.addr), "--dir", s.dir)...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() {
		var log strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), s.ready) {
				select {
				case ready <- nil:
				default:
				}
			}
			if log.Len() < 10_000 {
				log.WriteString(lines.Text() + "\n")
			}
		}
		select {
		case ready <- fmt.Errorf("redis-server ended: %s", log.String()):
		default:
		}
	}()
	select {
	case err := <-ready:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("redis-server does not start")
	}
}

// kill ends the server at once, as a crash does.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT)
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) pause() error  { return s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

func (s *server) close() {
	s.kill()
	_ = os.RemoveAll(s.dir)
}

// ownServer is a redis-server for one test, nil where there is none on PATH.
func ownServer(t testing.TB, args ...string) *server {
	t.Helper()
	s, err := startServer(args...)
	if errors.Is(err, exec.ErrNotFound) {
		t.Log("this part was not run: it needs redis-server on PATH")
		return nil
	}
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

var announce sync.Once

// dial connects to addr as an installation should.
func dial(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, DialTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// client connects to the Redis of all tests.
func client(t testing.TB) *redis.Client {
	t.Helper()
	announce.Do(func() { t.Log("Redis of these tests: " + shared.which) })
	c := dial(shared.addr)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// state makes a State with keys of its own.
func state(t testing.TB, cfg redisstate.Config) *redisstate.State {
	t.Helper()
	return stateOn(t, client(t), cfg)
}

func stateOn(t testing.TB, rdb redis.UniversalClient, cfg redisstate.Config) *redisstate.State {
	t.Helper()
	cfg.Prefix = cmp.Or(cfg.Prefix, "test-"+rand.Text())
	s, err := redisstate.New(rdb, cfg)
	require.NoError(t, err)
	return s
}

func newKeyring(t testing.TB, ids ...string) *keyring.Keyring {
	t.Helper()
	keys := map[string][]byte{}
	for _, id := range ids {
		key := make([]byte, keyring.KeySize)
		copy(key, "key of the test "+id)
		keys[id] = key
	}
	ring, err := keyring.New(ids[0], keys)
	require.NoError(t, err)
	return ring
}

// eventually waits for a condition, not for a time.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for tick := time.NewTicker(5 * time.Millisecond); !ok(); <-tick.C {
		require.True(t, time.Now().Before(deadline), "not within %v: %s", within, what)
	}
}
