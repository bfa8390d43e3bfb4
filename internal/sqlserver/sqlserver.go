//go:build linux

// Package sqlserver starts database servers for the tests of the modules that store state in
// SQL, on free ports of the loopback interface.
package sqlserver

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing means that a server is not installed.
var ErrMissing = errors.New("the server is not installed")

// Server is a database server that was started.
type Server struct {
	DSN  string
	cmd  *exec.Cmd
	done chan struct{}
}

// Stop ends the server.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// asUser makes a command run as an unprivileged user, which PostgreSQL insists on, if the
// tests run as root.
func asUser(cmd *exec.Cmd, dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil || os.Geteuid() != 0 {
		return err
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w: no user %s", ErrMissing, name)
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
	return "", fmt.Errorf("%w: no %s", ErrMissing, strings.Join(names, " or "))
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
func run(dir, name, driver, dsn, program string, args ...string) (*Server, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	if err := asUser(cmd, dir, name); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{DSN: dsn, cmd: cmd, done: make(chan struct{})}
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
	s.Stop()
	return nil, fmt.Errorf("%s does not answer: %s", program, out.String())
}

// PostgreSQL starts PostgreSQL with its data in dir, for the driver pgx. A durable server syncs
// the disk at each commit.
func PostgreSQL(dir string, durable bool) (*Server, error) {
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
	if durable {
		fsync = "on"
	}
	return run(dir, "postgres", "pgx", fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), postgres,
		"-D", dir, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync="+fsync)
}

// MariaDB starts MariaDB with its data in dir, for the driver mysql. A durable server syncs the
// disk at each commit.
func MariaDB(dir string, durable bool) (*Server, error) {
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
	if durable {
		flush = "1"
	}
	return run(dir, "mysql", "mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/mysql?interpolateParams=true", port), mariadbd,
		"--no-defaults", "--datadir="+dir, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1", "--socket="+filepath.Join(dir, "s"),
		"--innodb-flush-log-at-trx-commit="+flush, "--skip-log-bin", "--max-connections=200")
}
