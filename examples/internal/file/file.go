// Package file writes the files of the example programs.
package file

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts data in place of what the file holds, as a whole or not at all: after
// a crash it holds either the old or the new. Only the owner may read it.
func Replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync() // or the new name could come to disk before the data
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
