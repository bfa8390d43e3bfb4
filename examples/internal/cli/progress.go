package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// patience is how long a program that works may print nothing.
const patience = 2 * time.Second

// progress says what a program is doing whenever it has worked in silence for some time:
// calls of its client, or what it announces with [Doing]. A server that waits for requests
// says nothing.
type progress struct {
	name string
	out  io.Writer

	mu      sync.Mutex
	started time.Time
	last    time.Time // of output, or of the last line about progress
	calls   int
	told    int // calls at that time
	open    int // calls that have not ended
	op      string
	doing   string
}

func newProgress(name string, out io.Writer) *progress {
	now := time.Now()
	return &progress{name: name, out: out, started: now, last: now}
}

// Write writes to the program's output, which counts as a sign of life.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.last = time.Now()
	p.mu.Unlock()
	return p.out.Write(b)
}

func (p *progress) hook() jushuitan.Hook {
	return jushuitan.Hook{
		Before: func(_ context.Context, a jushuitan.Attempt) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.begin()
			p.calls, p.op = p.calls+1, a.Op
			p.open++
		},
		After: func(context.Context, jushuitan.Attempt) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.open--
		},
	}
}

// idle reports whether there is nothing to say.
func (p *progress) idle() bool { return p.calls == p.told && p.open == 0 && p.doing == "" }

// begin starts a silence with the work, not with the wait before it.
func (p *progress) begin() {
	if p.idle() {
		p.last = time.Now()
	}
}

// line is what there is to say; "" for nothing.
func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.last) < patience || p.idle() {
		return ""
	}
	p.last, p.told = now, p.calls
	text := fmt.Sprintf("%s: working for %.0f s / 已运行 %.0f 秒", p.name, now.Sub(p.started).Seconds(), now.Sub(p.started).Seconds())
	if p.doing != "" {
		text += ": " + p.doing
	}
	if p.calls > 0 {
		text += fmt.Sprintf(": %d calls, now %s", p.calls, p.op)
	}
	return text
}

// report writes lines to w until end is called.
func (p *progress) report(w io.Writer) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(patience / 4)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if line := p.line(); line != "" {
					fmt.Fprintln(w, line)
				}
			}
		}
	}()
	return func() { close(stop); <-done }
}

type progressKey struct{}

func withProgress(ctx context.Context, p *progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// Hook returns the hook that counts a client's calls in the lines about progress; ok is false
// if nobody reads them.
func Hook(ctx context.Context) (hook jushuitan.Hook, ok bool) {
	if p := progressOf(ctx); p != nil {
		return p.hook(), true
	}
	return hook, false
}

func progressOf(ctx context.Context) *progress {
	p, _ := ctx.Value(progressKey{}).(*progress)
	return p
}

// Doing announces what a program is doing for longer than a moment, in the lines about its
// progress; "" ends that.
func Doing(ctx context.Context, format string, args ...any) {
	if p := progressOf(ctx); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.begin()
		p.doing = fmt.Sprintf(format, args...)
	}
}
