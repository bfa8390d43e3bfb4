package fakeserver

import (
	"slices"
	"sync"
)

// maxRecords limits a log.
const maxRecords = 10_000

// Log keeps the newest records: at most 10,000, at least 9,000 of them.
type Log[R any] struct {
	mu      sync.Mutex
	records []R
}

// Add appends a record.
func (l *Log[R]) Add(r R) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) == maxRecords {
		l.records = slices.Delete(l.records, 0, maxRecords/10)
	}
	l.records = append(l.records, r)
}

// All returns the records, oldest first.
func (l *Log[R]) All() []R {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}
