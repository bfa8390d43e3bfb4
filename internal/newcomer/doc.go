// Package newcomer holds no code, only tests: what somebody who is new here does. They
// build and run every example, and follow the READMEs, copying their programs and
// commands word for word.
package newcomer
