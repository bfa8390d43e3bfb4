// Package racetest tells tests whether they run under the race detector, which slows them
// about ten times down.
package racetest

import "testing"

// Fewer returns how often a test does what finds the same faults at any speed: n times, a
// tenth of that under the race detector, and a fortieth with -short as well, but once at
// least. `.ci/run test` also runs the packages that call it without the race detector.
func Fewer(n int) int {
	switch {
	case !Enabled:
		return n
	case testing.Short():
		return max(1, n/40)
	default:
		return max(1, n/10)
	}
}
