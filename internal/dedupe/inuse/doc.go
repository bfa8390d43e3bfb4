// Package inuse holds no code, only tests: package dedupe with the stores and receivers that
// use it. They are not beside its own tests, which reach into it: then all packages between
// would be compiled once more, for these tests alone.
package inuse
