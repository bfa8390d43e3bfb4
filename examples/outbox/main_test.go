package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// TestOutbox: every committed order is in the ERP once, although answers are lost.
func TestOutbox(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out output
	require.NoError(t, run(ctx, []string{"-orders", "30", "-every", "100ms"}, &out))
	assert.Contains(t, out.text.String(), "outbox_waiting ")
	assert.Contains(t, out.text.String(), "30 orders are committed, and all of them are in the ERP, which has 30\n")
}

// TestOutboxStops: a program that is told to stop leaves the rest in the table, and the next
// one finishes it.
func TestOutboxStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "outbox.db")
	stopping, stop := context.WithCancel(ctx)
	out := output{seen: func(text string) {
		if strings.Contains(text, "outbox_waiting ") {
			stop()
		}
	}}
	require.NoError(t, run(stopping, []string{"-orders", "40", "-database", file, "-merchants", "10010", "-every", "10ms"}, &out))
	require.Contains(t, out.text.String(), "stopped: 40 orders are committed")
	var again output
	require.NoError(t, run(ctx, []string{"-orders", "0", "-lost", "0", "-database", file, "-every", "100ms"}, &again))
	assert.Contains(t, again.text.String(), "40 orders are committed, and all of them are in the ERP")
}
