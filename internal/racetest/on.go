//go:build race

package racetest

// Enabled tells that this is a build with -race.
const Enabled = true
