// Package arch holds no code, only a test: the rules of this repository's
// structure that a compiler does not check. Which package may import which,
// which modules may be used where, and what library code may not do (init
// functions, globals that change, reading the environment, the process's time
// zone).
package arch
