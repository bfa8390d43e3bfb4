package redisstate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	childRole = "REDISSTATE_CHILD"
	childArgs = "REDISSTATE_ARGS"
)

// child is what this program does when a test started it: one of roles.
func child(role string) int {
	run := roles()[role]
	if run == nil {
		fmt.Fprintln(os.Stderr, "no such role: "+role)
		return 2
	}
	if err := run(context.Background(), []byte(os.Getenv(childArgs))); err != nil {
		fmt.Fprintln(os.Stderr, role+": "+err.Error())
		return 1
	}
	return 0
}

// process is a child; what it prints comes line by line.
type process struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines chan string
	once  sync.Once
	err   error
}

// spawn starts a child, which ends with the test at the latest.
func spawn(t testing.TB, role string, args any) *process {
	t.Helper()
	return spawnProgram(t, os.Args[0], role, args)
}

// spawnProgram starts a child of this program as it is, or as it was in an earlier version.
func spawnProgram(t testing.TB, program, role string, args any) *process {
	t.Helper()
	text, err := json.Marshal(args)
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childRole+"="+role, childArgs+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{cmd: cmd, in: in, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.wait()
}

// wait waits for the end, after the last line.
func (p *process) wait() error {
	p.once.Do(func() {
		for range p.lines { //nolint:revive // what nobody read
		}
		p.err = p.cmd.Wait()
	})
	return p.err
}

// tell writes a line to the child.
func (p *process) tell(t testing.TB, line string) {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(t, err)
}

// next is the next line of the child.
func (p *process) next(t testing.TB) string {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			require.NoError(t, p.wait())
			require.Fail(t, "the child has ended")
		}
		return line
	case <-time.After(5 * time.Minute):
		require.Fail(t, "the child says nothing")
	}
	return ""
}

// roles are what a child may be.
func roles() map[string]func(context.Context, []byte) error {
	return map[string]func(context.Context, []byte) error{
		"renew":    renewChild,
		"load":     loadChild,
		"receive":  receiveChild,
		"work":     workChild,
		"hang":     hangChild,
		"poison":   poisonChild,
		"claim":    claimChild,
		"sequence": sequenceChild,
	}
}
