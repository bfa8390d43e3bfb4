package dedupe

import (
	"context"
	"sync"
	"time"
)

// runContext is what [context.WithTimeout] returns, but made only when somebody waits
// for its end: a timer and a place among the parent's children cost more than most
// checks of a message.
type runContext struct {
	parent          context.Context
	start, deadline time.Time

	mu    sync.Mutex
	timed context.Context // nil: nobody has asked
	stop  context.CancelFunc
	over  bool
}

// begin starts the time of a new context.
func (c *runContext) begin(parent context.Context, timeout time.Duration) {
	c.parent, c.start = parent, time.Now()
	c.deadline = c.start.Add(timeout)
}

// real returns the context that ends.
func (c *runContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.stop = context.WithDeadline(c.parent, c.deadline)
		if c.over {
			c.stop()
		}
	}
	return c.timed
}

// end ends the context, as a cancel function does.
func (c *runContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.stop != nil {
		c.stop()
	}
}

func (c *runContext) Deadline() (deadline time.Time, ok bool) {
	if deadline, ok = c.parent.Deadline(); ok && deadline.Before(c.deadline) {
		return deadline, true
	}
	return c.deadline, true
}

func (c *runContext) Done() <-chan struct{} { return c.real().Done() }

func (c *runContext) Err() error { return c.real().Err() }

// Value asks the context that ends, once there is one: package context looks there
// for the parent of what is derived, and for the cause.
func (c *runContext) Value(key any) any {
	c.mu.Lock()
	ctx := c.timed
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.parent
	}
	return ctx.Value(key)
}
