package pages

import "time"

// The times of rows are the server's. Therefore its clock determines how far a range is
// read and what is committed; the host's clock may be minutes off.

// margin is how far commits stay behind the server's clock: the clocks of servers behind
// one address differ by a second, and a Date has whole seconds.
const margin = 2 * time.Second

// skew is how far the clocks may differ while the server's time is unknown: the server
// refuses requests whose timestamp is further off.
const skew = 10 * time.Minute

// Clock returns bounds of the server's time at a time of the host's clock; ok is false
// while they are unknown.
type Clock interface {
	Server(local time.Time) (low, high time.Time, ok bool)
}

// server returns bounds of the server's time at a time of the host's clock.
func (s *Service) server(local time.Time) (low, high time.Time, ok bool) {
	if s.Clock != nil {
		if low, high, ok = s.Clock.Server(local); ok {
			return low, high, true
		}
	}
	return local.Add(-skew), local.Add(skew), false
}

// now returns the end of a range that is open-ended: the server's time at a time of the
// host's clock, or that time itself while the server's is unknown.
func (s *Service) now(local time.Time) time.Time {
	if _, high, ok := s.server(local); ok {
		return high
	}
	return local
}

// settled returns the time up to which all rows were visible to a request made at a time of
// the host's clock.
func (s *Service) settled(local time.Time) time.Time {
	low, _, _ := s.server(local)
	return low.Add(-margin - s.Overlap)
}
