//go:build race

package racetest

// Enabled: this is a build with -race.
const Enabled = true
