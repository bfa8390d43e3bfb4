package main

import (
	"fmt"
	"time"
)

// progress reports how far a backfill is. The number of orders is unknown before they are
// read, so the part of the time range that is done determines how much is left.
type progress struct {
	begin, until time.Time // the whole time range
	from         time.Time // where this run began in the range
	at           time.Time // where it is now
	orders       int64     // read by this run

	started, now time.Time // by the wall clock
}

// share returns the part of the whole time range that is done, 0 to 1.
func (p progress) share() float64 {
	whole := p.until.Sub(p.begin)
	if whole <= 0 {
		return 1
	}
	return min(max(float64(p.at.Sub(p.begin))/float64(whole), 0), 1)
}

// rate returns the orders per second.
func (p progress) rate() float64 {
	return float64(p.orders) / max(p.now.Sub(p.started).Seconds(), 0.001)
}

// left estimates the remaining time at the speed of this run.
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
	return fmt.Sprintf("%3.0f%%  at 进度 %s  %6d orders  %5.0f/s  remaining 预计剩余 %s", 100*p.share(), p.at.Format(time.DateOnly), p.orders, p.rate(), eta)
}
