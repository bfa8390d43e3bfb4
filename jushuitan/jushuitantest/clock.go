package jushuitantest

import (
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// clock is a time source that can be moved forward.
type clock struct {
	base   func() time.Time
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset)
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// stamp is a time as documents carry it: whole seconds, in China.
func stamp(t time.Time) time.Time {
	return time.Unix(t.Unix(), 0).In(wire.CST)
}

// wait sleeps for d of real time; it reports whether nothing cut it short.
func wait(d time.Duration, ends ...<-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	var a, b <-chan struct{}
	if len(ends) > 0 {
		a = ends[0]
	}
	if len(ends) > 1 {
		b = ends[1]
	}
	select {
	case <-t.C:
		return true
	case <-a:
		return false
	case <-b:
		return false
	}
}
