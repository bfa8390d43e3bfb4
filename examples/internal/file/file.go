// Package file writes the files of the example programs.
package file

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Append appends whole lines to a file and returns when they are on disk. If that fails, it
// removes what was written, so that the next line starts at the beginning of a line.
func Append(f *os.File, lines []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return nil
}

// Lines returns the lines of a file, each with its line end, and their total number of
// bytes. A last line without an end, which a crash cut short, is left out.
func Lines(f *os.File) (lines [][]byte, whole int64, err error) {
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, whole, nil
		}
		if err != nil {
			return nil, 0, err // the rest exists, and must not be treated as missing
		}
		lines = append(lines, line)
		whole += int64(len(line))
	}
}

// Replace atomically replaces the content of a file with data: after a crash the file holds
// either the old or the new content. Only the owner may read it.
func Replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync() // otherwise the new name could reach the disk before the data
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
