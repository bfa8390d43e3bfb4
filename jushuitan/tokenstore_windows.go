package jushuitan

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// tokenFileReadLock is true: a file that is being read cannot be replaced.
const tokenFileReadLock = true

// lockTokenFile takes the lock unless somebody has it: it opens the file in the mode
// that lets nobody else open it. The lock ends when it is closed, or with the process.
func lockTokenFile(path string) (lock io.Closer, ok bool, err error) {
	const sharingViolation = syscall.Errno(32)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, false, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), true, nil
}
