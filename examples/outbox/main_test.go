package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/cli/clitest"
	"github.com/dianjia/jushuitan-go/internal/sqlserver"
)

// output collects what the program prints.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	seen func(text string)
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if o.seen != nil {
		o.seen(o.text.String())
	}
	return len(b), nil
}

// onEach runs a test on SQLite and on PostgreSQL. Where that is not installed only CI fails.
func onEach(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "outbox.db")) })
	dir, err := os.MkdirTemp("", "outbox") //nolint:usetesting // PostgreSQL's user needs the way to it
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(dir) }()
	require.NoError(t, os.Chmod(dir, 0o755))
	s, err := sqlserver.PostgreSQL(filepath.Join(dir, "data"), false)
	if errors.Is(err, sqlserver.ErrMissing) && os.Getenv("CI") != "true" {
		fmt.Fprintf(os.Stderr, "\n*** PostgreSQL IS NOT TESTED: %v. Install it to test it too.\n\n", err)
		return
	}
	require.NoError(t, err)
	defer s.Stop()
	t.Run("PostgreSQL", func(t *testing.T) { test(t, s.DSN) })
}

// TestOutbox: every committed order is in the ERP once, although answers are lost.
func TestOutbox(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var out output
		require.NoError(t, command().Start(ctx, []string{"-orders", "30", "-database", database, "-every", "100ms"}, &out))
		assert.Contains(t, out.text.String(), "outbox_waiting ")
		assert.Contains(t, out.text.String(), "30 orders are committed, and all of them are in the ERP, which has 30\n")
	})
}

// TestOutboxStops: a program that is told to stop leaves the rest in the table, and the next
// one finishes it.
func TestOutboxStops(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		stopping, stop := context.WithCancel(ctx)
		defer stop()
		out := output{seen: func(text string) {
			if strings.Contains(text, "outbox_waiting ") {
				stop()
			}
		}}
		require.NoError(t, command().Start(stopping, []string{"-orders", "40", "-database", database, "-merchants", "10010", "-every", "10ms"}, &out))
		require.Contains(t, out.text.String(), "stopped: 40 orders are committed")
		var again output
		require.NoError(t, command().Start(ctx, []string{"-orders", "0", "-lost", "0", "-database", database, "-every", "100ms"}, &again))
		assert.Contains(t, again.text.String(), "40 orders are committed, and all of them are in the ERP")
	})
}

func TestUsage(t *testing.T) { clitest.Usage(t, command) }
