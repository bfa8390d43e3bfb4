package fakeserver

import (
	"sync/atomic"
	"time"
)

// maxSkew is how far a timestamp may be off: 10 minutes, according to the documentation of
// Jushuitan and of Taobao's open platform.
const maxSkew = 10 * time.Minute

// Clock is a clock that can be moved forward.
type Clock struct {
	base     func() time.Time
	advanced atomic.Int64
	skew     atomic.Int64
}

// NewClock returns a clock that follows base.
func NewClock(base func() time.Time) *Clock { return &Clock{base: base} }

// Now returns the server's time: base plus what Advance added and the skew.
func (c *Clock) Now() time.Time { return c.Host().Add(time.Duration(c.skew.Load())) }

// Host returns the time without the skew: that of a caller who follows Advance and has a
// clock of its own.
func (c *Clock) Host() time.Time { return c.base().Add(time.Duration(c.advanced.Load())) }

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.advanced.Add(int64(d)) }

// SetSkew sets how far the server's clock is ahead of the callers' clocks.
func (c *Clock) SetSkew(d time.Duration) { c.skew.Store(int64(d)) }

// Accepts reports whether a request's timestamp is close enough to the server's time, now
// or before it was advanced: the clocks of other processes do not advance.
func (c *Clock) Accepts(stamp time.Time) bool {
	return InTime(c.Now(), stamp) || InTime(c.Now().Add(-time.Duration(c.advanced.Load())), stamp)
}

// InTime reports whether a request's timestamp is close enough to now.
func InTime(now, stamp time.Time) bool {
	d := now.Sub(stamp)
	return -maxSkew <= d && d <= maxSkew
}
