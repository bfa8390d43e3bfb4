package jushuitan

import (
	"context"
	"errors"
	"sync"
	"time"
)

// DefaultDedupeEntries is the default capacity of a [MemoryDeduper].
const DefaultDedupeEntries = 100_000

// MemoryDeduper is a [Deduper] for one process with a fixed capacity. When it is full, it
// evicts the key that was committed first.
type MemoryDeduper struct {
	limit int

	mu   sync.Mutex
	keys map[string]*dedupeEntry
	done dedupeEntry // ring of committed keys; next is the oldest
}

// dedupeEntry is also the element of its list, to save memory.
type dedupeEntry struct {
	key        string
	owner      string // owner of the claim
	until      time.Time
	prev, next *dedupeEntry // nil if only claimed
}

// unlink removes the entry from the ring, if it is in it.
func (e *dedupeEntry) unlink() {
	if e.next != nil {
		e.prev.next, e.next.prev = e.next, e.prev
		e.prev, e.next = nil, nil
	}
}

// linkBefore inserts the entry into the ring before next.
func (e *dedupeEntry) linkBefore(next *dedupeEntry) {
	e.prev, e.next = next.prev, next
	e.prev.next, next.prev = e, e
}

// NewMemoryDeduper returns a MemoryDeduper that holds at most entries keys; 0 means
// [DefaultDedupeEntries].
func NewMemoryDeduper(entries int) *MemoryDeduper {
	if entries <= 0 {
		entries = DefaultDedupeEntries
	}
	m := &MemoryDeduper{limit: entries, keys: map[string]*dedupeEntry{}}
	m.done.prev, m.done.next = &m.done, &m.done
	return m
}

// Len returns the number of keys in memory.
func (m *MemoryDeduper) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys)
}

// Claim implements [Deduper]. It returns an error if every key in memory is claimed and
// not yet committed.
func (m *MemoryDeduper) Claim(ctx context.Context, key, owner string, ttl time.Duration) (ClaimState, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.keys[key]; e != nil {
		switch {
		case !now.Before(e.until):
			m.drop(e)
		case e.next != nil:
			return Committed, nil
		case e.owner != owner:
			return Busy, nil
		default:
			e.until = now.Add(ttl)
			return Claimed, nil
		}
	}
	if err := m.room(now); err != nil {
		return 0, err
	}
	m.keys[key] = &dedupeEntry{key: key, owner: owner, until: now.Add(ttl)}
	return Claimed, nil
}

// Commit implements [Deduper].
func (m *MemoryDeduper) Commit(ctx context.Context, key, owner string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.keys[key]
	if ttl <= 0 {
		if e != nil && e.next != nil {
			m.drop(e)
		}
		return nil
	}
	if e == nil {
		if err := m.room(now); err != nil {
			return err
		}
		e = &dedupeEntry{key: key}
		m.keys[key] = e
	}
	e.unlink()
	e.linkBefore(&m.done)
	e.owner, e.until = "", now.Add(ttl)
	return nil
}

// Release implements [Deduper].
func (m *MemoryDeduper) Release(ctx context.Context, key, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.keys[key]; e != nil && e.next == nil && e.owner == owner {
		m.drop(e)
	}
	return nil
}

func (m *MemoryDeduper) drop(e *dedupeEntry) {
	e.unlink()
	delete(m.keys, e.key)
}

// room evicts a key if memory is full.
func (m *MemoryDeduper) room(now time.Time) error {
	if len(m.keys) < m.limit {
		return nil
	}
	if oldest := m.done.next; oldest != &m.done {
		m.drop(oldest)
		return nil
	}
	for _, e := range m.keys {
		if !now.Before(e.until) {
			m.drop(e)
		}
	}
	if len(m.keys) >= m.limit {
		return errors.New("jushuitan: the MemoryDeduper is full of messages in progress: increase the entries passed to NewMemoryDeduper")
	}
	return nil
}
