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
// evicts the key whose claim ended first; keys with a claim stay.
type MemoryDeduper struct {
	limit int

	mu   sync.Mutex
	keys map[string]*dedupeEntry
	done dedupeEntry // ring of keys without a claim; next is the one to evict
}

// dedupeEntry is a record, and the element of its list, to save memory.
type dedupeEntry struct {
	key           string
	state, memory string
	until         time.Time    // of state and memory; zero: nothing is remembered
	owner         string       // of the claim, "" for none
	ends          time.Time    // of the claim
	prev, next    *dedupeEntry // nil while claimed
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

// Claim implements [Deduper]. It returns an error if every key in memory is claimed.
func (m *MemoryDeduper) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (ClaimState, string, error) {
	if err := ctx.Err(); err != nil {
		return 0, "", err
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.keys[key]
	if e == nil {
		if err := m.room(now); err != nil {
			return 0, "", err
		}
		m.keys[key] = &dedupeEntry{key: key, owner: owner, ends: now.Add(ttl)}
		return Claimed, "", nil
	}
	answer := Claimed
	if e.owner != "" && !now.Before(e.ends) {
		answer = Unsettled
	}
	known := e.remembers(now)
	switch {
	case e.owner != "" && answer == Claimed && e.owner != owner:
		return Busy, "", nil
	case e.owner == "" && known && e.state == state:
		return Committed, e.memory, nil
	case !known && answer == Unsettled:
		answer = Claimed // nothing to doubt
	}
	e.unlink()
	e.owner, e.ends = owner, now.Add(ttl)
	return answer, e.memory, nil
}

// remembers reports whether something that was handled is remembered, and forgets what has
// ended.
func (e *dedupeEntry) remembers(now time.Time) bool {
	if now.Before(e.until) {
		return true
	}
	e.state, e.memory, e.until = "", "", time.Time{}
	return false
}

// Commit implements [Deduper].
func (m *MemoryDeduper) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.keys[key]
	if e == nil {
		if ttl <= 0 {
			return nil
		}
		if err := m.room(now); err != nil {
			return err
		}
		e = &dedupeEntry{key: key}
		m.keys[key] = e
	}
	e.state, e.memory, e.until = state, memory, now.Add(ttl)
	if e.owner == owner {
		e.owner = ""
	}
	m.settle(e, now)
	return nil
}

// Release implements [Deduper].
func (m *MemoryDeduper) Release(ctx context.Context, key, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.keys[key]; e != nil && e.owner == owner {
		e.owner = ""
		m.settle(e, time.Now())
	}
	return nil
}

// settle appends an entry without a claim to the ring, or drops it if it remembers nothing.
func (m *MemoryDeduper) settle(e *dedupeEntry, now time.Time) {
	known := e.remembers(now)
	if e.owner != "" {
		return
	}
	e.unlink()
	if !known {
		delete(m.keys, e.key)
		return
	}
	e.linkBefore(&m.done)
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
		if !now.Before(e.ends) {
			m.drop(e)
		}
	}
	if len(m.keys) >= m.limit {
		return errors.New("jushuitan: the MemoryDeduper is full of messages in progress: increase the entries passed to NewMemoryDeduper")
	}
	return nil
}
