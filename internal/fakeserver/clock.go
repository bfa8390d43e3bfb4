package fakeserver

import (
	"sync/atomic"
	"time"
)

// maxSkew is how far a time stamp may be off: 10 minutes, by the documentation of
// Jushuitan and of Taobao's open platform.
const maxSkew = 10 * time.Minute

// Clock is a time source that can be moved forward.
type Clock struct {
	base   func() time.Time
	offset atomic.Int64
}

// NewClock returns a clock that follows base.
func NewClock(base func() time.Time) *Clock { return &Clock{base: base} }

// Now is the time of base and what Advance added.
func (c *Clock) Now() time.Time { return c.base().Add(time.Duration(c.offset.Load())) }

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// InTime reports whether a request's time stamp is near enough to now.
func InTime(now, stamp time.Time) bool {
	d := now.Sub(stamp)
	return -maxSkew <= d && d <= maxSkew
}
