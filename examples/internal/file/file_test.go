package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/file"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state.json")
	for _, text := range []string{"a longer first text", "short"} {
		require.NoError(t, file.Replace(name, []byte(text)))
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077, "others may not read it")

	// If it cannot be replaced, nothing is left behind.
	blocked := filepath.Join(dir, "blocked")
	require.NoError(t, os.MkdirAll(filepath.Join(blocked, "full"), 0o700))
	require.Error(t, file.Replace(blocked, []byte("x")))
	require.Error(t, file.Replace(filepath.Join(dir, "no", "such"), []byte("x")))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}

func TestAppendAndLines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	require.NoError(t, file.Append(f, []byte("one\n")))
	require.NoError(t, file.Append(f, []byte("two\nthree\ncut sho"))) // as a crash leaves it
	_, err = f.Seek(0, 0)
	require.NoError(t, err)
	lines, whole, err := file.Lines(f)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("one\n"), []byte("two\n"), []byte("three\n")}, lines)
	assert.EqualValues(t, len("one\ntwo\nthree\n"), whole)

	// A read failure is an error and not the end of the file; a write failure is reported.
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer func() { _ = dir.Close() }()
	_, _, err = file.Lines(dir)
	require.Error(t, err)
	readOnly, err := os.Open(name)
	require.NoError(t, err)
	defer func() { _ = readOnly.Close() }()
	require.Error(t, file.Append(readOnly, []byte("four\n")))
	after, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\nthree\ncut sho", string(after))
}
