// Package racetest tells tests whether they run under the race detector, which slows them
// about ten times down.
package racetest

// Fewer returns how often a test does what finds the same faults at any speed: n times, and
// a tenth of that, but once at least, under the race detector. `.ci/run test` also runs the
// packages that call it without the race detector.
func Fewer(n int) int {
	if Enabled {
		return max(1, n/10)
	}
	return n
}
