package main

import (
	"fmt"
	"time"
)

// progress tells how far a backfill is. How many orders there are is not known
// before they are read: the time range that is done tells how much is left.
type progress struct {
	begin, until time.Time // the whole time range
	from         time.Time // where this run began in it
	at           time.Time // and where it is
	orders       int64     // that this run read

	started, now time.Time // of the clock on the wall
}

// share is the part of the whole time range that is done, 0 to 1.
func (p progress) share() float64 {
	whole := p.until.Sub(p.begin)
	if whole <= 0 {
		return 1
	}
	return min(max(float64(p.at.Sub(p.begin))/float64(whole), 0), 1)
}

// rate is how many orders came in a second.
func (p progress) rate() float64 {
	return float64(p.orders) / max(p.now.Sub(p.started).Seconds(), 0.001)
}

// left is how long it takes on, as fast as this run has been.
func (p progress) left() (left time.Duration, known bool) {
	done := p.at.Sub(p.from)
	if done <= 0 {
		return 0, false
	}
	rest := max(p.until.Sub(p.at), 0)
	return time.Duration(float64(p.now.Sub(p.started)) * (float64(rest) / float64(done))), true
}

func (p progress) String() string {
	eta := "?"
	if left, known := p.left(); known {
		eta = left.Round(100 * time.Millisecond).String()
	}
	return fmt.Sprintf("%3.0f%%  at 进度 %s  %6d orders  %5.0f/s  left 预计剩余 %s", 100*p.share(), p.at.Format(time.DateOnly), p.orders, p.rate(), eta)
}
