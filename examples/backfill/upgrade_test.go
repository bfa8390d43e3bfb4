package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUpgrade: a backfill that was stopped under an earlier version continues, and ends
// with each order stored once.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"checkpoint.json", "orders.jsonl"} {
		text, err := os.ReadFile(filepath.Join("testdata/upgrade", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	var out output
	args := []string{"-checkpoint", filepath.Join(dir, "checkpoint.json"), "-out", filepath.Join(dir, "orders.jsonl"), "-orders", "60"}
	require.NoError(t, program().Start(t.Context(), args, none, &out), "%s", &out)
	assert.Contains(t, out.String(), "resumed at 续传自 2025-07-11: 29 orders received, 0 of them duplicates 重复, 60 in the sink 已入库; finished")
	lines, err := os.ReadFile(filepath.Join(dir, "orders.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 60, strings.Count(string(lines), "\n"))
}
