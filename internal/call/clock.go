package call

import (
	"net/http"
	"sync"
	"time"
)

const (
	// clockStale is how long before and after observations their bounds are valid, since the
	// host's clock may be adjusted.
	clockStale = 10 * time.Minute
	// clockDrift is what clocks drift apart, and the clocks of servers behind one address
	// differ by: observations that differ less show that no clock was adjusted between them.
	clockDrift = time.Second
	// clockFar is more than the timestamp of a request may be off (10 minutes, 15 in one
	// source): a Date further away is not that of the server that accepted the request.
	clockFar = 15 * time.Minute
)

// Clock estimates the difference between a server's clock and the host's from the Date
// headers of its answers. The zero value knows nothing yet. It is safe for concurrent use.
type Clock struct {
	mu        sync.Mutex
	low, high time.Duration // bounds of the server's clock minus the host's
	since, at time.Time     // the first of the observations that agree, and the last, by the host's clock
}

// Observe records the Date of an answer to a request that was sent and received at these
// times of the host's clock. Date has whole seconds, and the server wrote it at some moment
// in between, which bounds the difference from both sides. An answer with an Age header
// comes from a cache and is ignored.
func (c *Clock) Observe(header http.Header, sent, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" && header.Get("Age") != "0" || received.Before(sent) {
		return
	}
	low, high := date.Sub(received), date.Add(time.Second).Sub(sent)
	if low < -clockFar || high > clockFar {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// The intersection of two observations is narrower than either. If they do not overlap,
	// the older one is dropped, and a clock was adjusted unless it drifted.
	l, h := max(low, c.low), min(high, c.high)
	if c.at.IsZero() || l-h >= clockDrift {
		c.since = received
	} else if l <= h && received.Sub(c.at).Abs() < clockStale {
		low, high = l, h
	}
	c.low, c.high, c.at = low, high, received
}

// Server returns the bounds of the server's time at a time of the host's clock, which may be
// that of the beginning of a long loop; ok is false while they are unknown.
func (c *Clock) Server(local time.Time) (low, high time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || local.Sub(c.at) >= clockStale || c.since.Sub(local) >= clockStale {
		return local, local, false
	}
	return local.Add(c.low), local.Add(c.high), true
}
