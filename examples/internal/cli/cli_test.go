package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

const source = `// Command demo does nothing.
//
//	go run ./examples/demo
//	go run ./examples/demo -n 2
//
// It is for tests.
package main

// Not this.
`

// TestStatus: how each program ends.
func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name            string
		args            []string
		interrupt       bool
		result          error
		status          int
		out, complaints string
	}{
		{name: "done", status: 0, out: "n=1\n"},
		{name: "flag", args: []string{"-n", "2"}, status: 0, out: "n=2\n"},
		{name: "failed", result: errors.New("no network"), status: 1, out: "n=1\n", complaints: "demo: no network\n"},
		{name: "bad flag", args: []string{"-m"}, status: 2, complaints: "demo: flag provided but not defined: -m\ndemo -h describes the flags. / 用 -h 查看用法。\n"},
		{name: "bad value", args: []string{"-n", "x"}, status: 2, complaints: "demo: invalid value \"x\" for flag -n: parse error\ndemo -h describes the flags. / 用 -h 查看用法。\n"},
		{name: "argument", args: []string{"x"}, status: 2, complaints: "demo: unexpected argument \"x\": there are only flags / 多余的参数\ndemo -h describes the flags. / 用 -h 查看用法。\n"},
		{name: "flags that contradict", result: fmt.Errorf("flow 1: %w", Usagef("-n is for %s", "-m")), status: 2, out: "n=1\n", complaints: "demo: -n is for -m\ndemo -h describes the flags. / 用 -h 查看用法。\n"},
		{name: "help", args: []string{"-h"}, status: 0, out: "demo does nothing.\n\n    go run ./examples/demo\n    go run ./examples/demo -n 2\n\nIt is for tests.\n\nFlags / 参数:\n  -n int\n    \ta number (default 1)\n  -h\tprint this help / 显示本帮助\n"},
		{name: "stopped", interrupt: true, status: 0, out: "n=1\ndemo: stopped. / 已停止。\n"},
		{name: "interrupted", interrupt: true, result: fmt.Errorf("page 3: %w", context.Canceled), status: 130, out: "n=1\n", complaints: "demo: interrupted before it had finished. / 已中断，未完成。\n"},
		{name: "interrupted, with more to say", interrupt: true, result: errors.New("resume with -at"), status: 130, out: "n=1\n", complaints: "demo: resume with -at\ndemo: interrupted before it had finished. / 已中断，未完成。\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			c := Command{Name: "demo", Source: source, Flags: func(fs *flag.FlagSet) { fs.IntVar(&n, "n", 1, "a number") }}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.Run = func(_ context.Context, out io.Writer) error {
				fmt.Fprintf(out, "n=%d\n", n)
				if tt.interrupt {
					cancel()
				}
				return tt.result
			}
			var out, complaints bytes.Buffer
			assert.Equal(t, tt.status, c.Status(ctx, tt.args, &out, &complaints))
			assert.Equal(t, tt.out, out.String())
			assert.Equal(t, tt.complaints, complaints.String())
		})
	}
}

// TestProgress: a program that works in silence says what it does every two seconds; one that
// prints, or waits for others, does not.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, lines bytes.Buffer
		p := newProgress("demo", &out)
		end := p.report(&lines)
		told := func(want string) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			assert.Equal(t, want, lines.String())
			lines.Reset()
		}
		ctx := withProgress(t.Context(), p)
		time.Sleep(time.Minute)
		told("") // a server waits

		hook, ok := Hook(ctx)
		require.True(t, ok)
		hook.Before(ctx, jushuitan.Attempt{Op: "Orders.Query"})
		time.Sleep(time.Second)
		fmt.Fprintln(p, "a page")
		time.Sleep(time.Second)
		told("")
		time.Sleep(time.Second)
		told("demo: working for 63 s / 已运行 63 秒: 1 calls, now Orders.Query\n")
		time.Sleep(2 * time.Second)
		told("demo: working for 65 s / 已运行 65 秒: 1 calls, now Orders.Query\n") // its answer takes long
		hook.After(ctx, jushuitan.Attempt{})
		time.Sleep(time.Minute)
		told("")

		Doing(ctx, "%d of %d flows are done", 2, 6)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		p.mu.Lock()
		assert.Equal(t, 1, strings.Count(lines.String(), "2 of 6 flows are done"))
		lines.Reset()
		p.mu.Unlock()
		Doing(ctx, "")
		time.Sleep(time.Minute)
		told("")
		end()
		assert.Equal(t, "a page\n", out.String())

		_, ok = Hook(t.Context())
		assert.False(t, ok)
		Doing(t.Context(), "nobody reads this")
	})
}
