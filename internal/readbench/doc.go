// Package readbench compares the reader of internal/wire with other JSON libraries on a
// page of 50 orders, in one run, in CPU time:
//
//	go test -bench . -benchtime 25x
//
// It is a module of its own, so that the peers are no dependencies of the library.
// Only its tests hold code.
package readbench
