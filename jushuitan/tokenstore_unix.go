//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package jushuitan

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// tokenFileReadLock is false: a file can be replaced while it is read.
const tokenFileReadLock = false

// lockTokenFile takes the lock unless another open file has it. The lock ends when
// it is closed, or with the process.
func lockTokenFile(path string) (lock io.Closer, ok bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, true, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, &os.PathError{Op: "flock", Path: path, Err: err}
}
