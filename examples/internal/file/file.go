// Package file writes the files of the example programs.
package file

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Append adds whole lines to a file and has them on the disk when it returns. Where that
// fails, what came of them is cut off again, so that the next line begins a line.
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

// Lines returns the lines of a file, each with its end, and how many bytes they have
// together. A last line without an end, which a crash cut short, is left out.
func Lines(f *os.File) (lines [][]byte, whole int64, err error) {
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, whole, nil
		}
		if err != nil {
			return nil, 0, err // the rest is there, and must not be taken for missing
		}
		lines = append(lines, line)
		whole += int64(len(line))
	}
}

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
