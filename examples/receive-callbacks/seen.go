package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/file"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// seen is a jushuitan.Deduper in a file, for one process: it remembers what was handled
// after a restart too. Hosts with several processes share one over their database, or use
// jushuitan/redisstate.
type seen struct {
	*jushuitan.MemoryDeduper // claims belong to this process alone and end with it

	mu   sync.Mutex
	file *os.File
}

// done is a line of the file: a message that was handled, and how long that is remembered.
type done struct {
	Key    string    `json:"key"`
	State  string    `json:"state,omitempty"`
	Memory string    `json:"memory,omitempty"`
	Until  time.Time `json:"until"` // zero: removed again
}

// openSeen reads the file, if it exists, and rewrites it without expired lines; while the
// program runs it only grows. A line that a crash cut short is dropped: its push was not
// acknowledged.
func openSeen(path string) (*seen, error) {
	s := &seen{MemoryDeduper: jushuitan.NewMemoryDeduper(0)}
	keys, err := readDone(path)
	if err != nil {
		return nil, fmt.Errorf("-seen: %w", err)
	}
	last := map[string]time.Time{}
	for _, d := range keys {
		last[d.Key] = d.Until
	}
	var kept bytes.Buffer
	for _, d := range keys {
		left := time.Until(d.Until)
		if left <= 0 || !last[d.Key].Equal(d.Until) {
			continue
		}
		err = errors.Join(s.MemoryDeduper.Commit(context.Background(), d.Key, d.State, "", d.Memory, left), json.NewEncoder(&kept).Encode(d))
		if err != nil {
			return nil, fmt.Errorf("-seen: %w", err)
		}
	}
	if err := file.Replace(path, kept.Bytes()); err != nil {
		return nil, fmt.Errorf("-seen: %w", err)
	}
	if s.file, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("-seen: %w", err)
	}
	return s, nil
}

func readDone(path string) ([]done, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	lines, _, err := file.Lines(f)
	if err != nil {
		return nil, err
	}
	var all []done
	for n, line := range lines {
		var d done
		if err := json.Unmarshal(line, &d); err != nil || d.Key == "" {
			return nil, fmt.Errorf("%s: line %d is not a handled push", path, n+1)
		}
		all = append(all, d)
	}
	return all, nil
}

// Commit returns when the line is on disk, before the push is acknowledged.
func (s *seen) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	d := done{Key: key, State: state, Memory: memory}
	if ttl > 0 {
		d.Until = time.Now().Add(ttl)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	line, err := json.Marshal(d)
	if err == nil {
		err = file.Append(s.file, append(line, '\n'))
	}
	if err != nil {
		return err
	}
	return s.MemoryDeduper.Commit(ctx, key, state, owner, memory, ttl)
}

// Close closes the file.
func (s *seen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}
