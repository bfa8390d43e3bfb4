//go:build !race

package jushuitan_test

// raceDetector makes long tests read less, since it slows them ten times down.
const raceDetector = false
