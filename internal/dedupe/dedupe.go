// Package dedupe runs a message once, however often it is received: it claims the
// message's key, runs it, and commits or releases the key. Packages callback and
// qimen share it, so that one store serves both.
package dedupe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ClaimState is what a [Deduper] says to a claim.
type ClaimState int

// The states.
const (
	Claimed   ClaimState = iota + 1 // the key is the caller's: run, then Commit or Release
	Committed                       // it was done: do not run
	Busy                            // somebody else is running it
)

func (s ClaimState) String() string {
	switch s {
	case Claimed:
		return "claimed"
	case Committed:
		return "committed"
	case Busy:
		return "busy"
	}
	return fmt.Sprintf("ClaimState(%d)", int(s))
}

// Deduper remembers which messages were handled, by key. Each claim names its
// owner, a text of its own, so that one who took too long does not give back what
// became another's. callback/callbacktest.TestDeduper checks an implementation.
type Deduper interface {
	// Claim reserves a key for the owner until ttl has passed, if nobody has it.
	// The owner's own claim is extended.
	Claim(ctx context.Context, key, owner string, ttl time.Duration) (ClaimState, error)
	// Commit notes that the key is done, for ttl, whoever has a claim. With a ttl of 0
	// or less it forgets a key that is done; a claim stays.
	Commit(ctx context.Context, key, owner string, ttl time.Duration) error
	// Release gives the owner's claim back. It does nothing to a key that is
	// committed or another's.
	Release(ctx context.Context, key, owner string) error
}

// DefaultDedupeEntries is the size of a [MemoryDeduper] where none is named.
const DefaultDedupeEntries = 100_000

// MemoryDeduper is a [Deduper] for one process, of bounded size: when it is full
// the key that was committed first is forgotten.
type MemoryDeduper struct {
	limit int

	mu   sync.Mutex
	keys map[string]*dedupeEntry
	done dedupeEntry // the ring of what is committed: next is the oldest
}

// A dedupeEntry is also the element of its list: there are many.
type dedupeEntry struct {
	key        string
	owner      string // of the claim
	until      time.Time
	prev, next *dedupeEntry // nil: only claimed
}

// unlink takes an entry out of the ring, if it is in.
func (e *dedupeEntry) unlink() {
	if e.next != nil {
		e.prev.next, e.next.prev = e.next, e.prev
		e.prev, e.next = nil, nil
	}
}

// linkBefore puts an entry into the ring.
func (e *dedupeEntry) linkBefore(next *dedupeEntry) {
	e.prev, e.next = next.prev, next
	e.prev.next, next.prev = e, e
}

// NewMemoryDeduper makes one for so many keys; 0 is [DefaultDedupeEntries].
func NewMemoryDeduper(entries int) *MemoryDeduper {
	if entries <= 0 {
		entries = DefaultDedupeEntries
	}
	m := &MemoryDeduper{limit: entries, keys: map[string]*dedupeEntry{}}
	m.done.prev, m.done.next = &m.done, &m.done
	return m
}

// Len is the number of keys in memory.
func (m *MemoryDeduper) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys)
}

// Claim is [Deduper].Claim. It fails where all keys in memory are being handled.
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

// Commit is [Deduper].Commit.
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

// Release is [Deduper].Release.
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

// room makes room for one more key.
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
		return errors.New("dedupe: the memory is full of messages that are being handled")
	}
	return nil
}
