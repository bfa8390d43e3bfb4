//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package jushuitan

import (
	"errors"
	"io"
)

const tokenFileReadLock = true

// lockTokenFile: the standard library has no lock for this system.
func lockTokenFile(string) (io.Closer, bool, error) { return nil, false, errors.ErrUnsupported }
