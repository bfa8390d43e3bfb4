package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// startRedis starts a redis-server for the demo, on a free port of 127.0.0.1, that
// keeps nothing on disk.
func startRedis(ctx context.Context, more ...string) (addr string, stop func() error, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, fmt.Errorf("-demo needs redis-server on PATH (Debian: apt install redis-server): %w / 演示需要 redis-server", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return "", nil, err
	}
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no"}, more...)
	cmd := exec.CommandContext(ctx, path, args...)
	log, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	ready, ended := make(chan struct{}, 1), make(chan struct{})
	var said strings.Builder
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				ready <- struct{}{}
			}
			if said.Len() < 10_000 {
				said.WriteString(lines.Text() + "\n")
			}
		}
		_ = cmd.Wait() // killed, since there is nothing to keep
	}()
	stop = func() error {
		_ = cmd.Process.Kill()
		<-ended
		return os.RemoveAll(dir)
	}
	select {
	case <-ready:
		return addr, stop, nil
	case <-ended:
		return "", nil, errors.Join(fmt.Errorf("redis-server exited: %s", said.String()), os.RemoveAll(dir))
	case <-time.After(20 * time.Second):
		return "", nil, errors.Join(errors.New("redis-server did not become ready"), stop())
	}
}
