// Package exprbench compares stock expressions with three expression languages on
// the guide's six-term expression, in one run:
//
//	go test -bench . -benchmem
//
// It is a module of its own, so that the peers are no dependencies of the library.
// Only its tests hold code.
package exprbench
