package callback

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
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
// became another's. callbacktest.TestDeduper checks an implementation.
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
		return errors.New("callback: the dedupe memory is full of messages that are being handled")
	}
	return nil
}

// The waits between looks at a busy key.
const (
	busyFirst = 5 * time.Millisecond
	busyMost  = 200 * time.Millisecond
)

// detached bounds what is told to a store after the request may have ended.
const detached = 5 * time.Second

// owner is a text that no other claim has, of this process or another.
func (r *Receiver) owner() string {
	b := append(make([]byte, 0, 64), r.ownerPrefix...)
	return string(strconv.AppendUint(b, r.owners.Add(1), 36))
}

// once runs a message unless it was done. The error is one of the run, or
// ErrBusy, or ErrDedupe.
func (r *Receiver) once(ctx context.Context, env Envelope, key string, run func(context.Context) error) error {
	if r.cfg.Deduper == nil || key == "" {
		return run(ctx)
	}
	owner := r.owner()
	var deadline time.Time // known once somebody else is running it
	for wait := busyFirst; ; wait = min(2*wait, busyMost) {
		state, err := r.cfg.Deduper.Claim(ctx, key, owner, r.cfg.ClaimTTL)
		switch {
		case err != nil:
			return fmt.Errorf("%w: claim: %w", ErrDedupe, err)
		case state == Committed:
			return nil
		case state == Claimed:
			return r.claimed(ctx, env, key, owner, run)
		case state != Busy:
			return fmt.Errorf("%w: claim: state %d", ErrDedupe, int(state))
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(r.cfg.Wait)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return ErrBusy
		}
		timer := time.NewTimer(min(wait, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
		}
	}
}

// claimed runs a message that is this owner's, and commits or releases it,
// whatever becomes of the goroutine.
func (r *Receiver) claimed(ctx context.Context, env Envelope, key, owner string, run func(context.Context) error) error {
	done := false
	defer func() { r.settle(ctx, env, key, owner, done) }()
	runCtx := newRunContext(ctx, r.cfg.ClaimTTL)
	defer runCtx.end()
	if err := run(runCtx); err != nil {
		return err
	}
	done = true
	return nil
}

// settle commits what is done and releases what is not, though the request may
// have ended.
func (r *Receiver) settle(ctx context.Context, env Envelope, key, owner string, done bool) {
	ctx = context.WithoutCancel(ctx)
	if _, local := r.cfg.Deduper.(*MemoryDeduper); !local {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, detached)
		defer cancel()
	}
	what, err := "commit", error(nil)
	if done {
		err = r.cfg.Deduper.Commit(ctx, key, owner, r.cfg.CommitTTL)
	} else {
		what, err = "release", r.cfg.Deduper.Release(ctx, key, owner)
	}
	if err != nil {
		r.report(ctx, env, fmt.Errorf("%w: %s: %w", ErrDedupe, what, err))
	}
}

// keyRoom is how long the parts of a key may be without memory of their own.
const keyRoom = 512

// appendPart appends a part of a key. Its length goes in with it.
func appendPart[T string | []byte](b []byte, part T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// appendStart appends the parts with which each key starts.
func appendStart(b []byte, env Envelope) []byte {
	return appendPart(appendPart(b, env.EntID), env.StorageCode)
}

// hashed is the key of a kind and the parts.
func hashed(kind jushuitan.PushMethod, parts []byte) string {
	sum := sha256.Sum256(parts)
	b := append(make([]byte, 0, 64), kind...)
	return string(base64.RawURLEncoding.AppendEncode(append(b, ':'), sum[:]))
}

// keyOf hashes the parts of a key.
func keyOf(kind jushuitan.PushMethod, env Envelope, parts ...string) string {
	b := appendStart(make([]byte, 0, keyRoom), env)
	for _, part := range parts {
		b = appendPart(b, part)
	}
	return hashed(kind, b)
}

// shipmentKey: a parcel of an order, with its lines in any order.
func shipmentKey(env Envelope, p *jushuitan.ShipmentPush) string {
	b := appendStart(make([]byte, 0, keyRoom), env)
	if p.OID == 0 {
		b = appendPart(b, "s"+p.SoID)
	} else {
		b = appendPart(b, strconv.AppendInt(append(make([]byte, 0, 32), 'o'), p.OID, 10))
	}
	b = appendPart(b, p.LID)
	text := make([]byte, 0, keyRoom) // of all lines
	lines := make([][2]int, 0, 8)    // from and to
	for i := range p.Items {
		item, start := &p.Items[i], len(text)
		text = appendPart(text, item.OuterOIID)
		text = appendPart(text, p.OrderOf(*item))
		text = appendPart(text, item.SKUID)
		text = appendPart(text, item.Qty.String())
		text = strconv.AppendInt(text, item.OIID, 10)
		lines = append(lines, [2]int{start, len(text)})
	}
	slices.SortFunc(lines, func(x, y [2]int) int { return bytes.Compare(text[x[0]:x[1]], text[y[0]:y[1]]) })
	for _, line := range lines {
		b = appendPart(b, text[line[0]:line[1]])
	}
	return hashed(jushuitan.PushShipment, b)
}

func cancelKey(env Envelope, p *jushuitan.CancelPush) string {
	return keyOf(jushuitan.PushCancel, env, p.SoID)
}

func goodsReturnedKey(env Envelope, p *jushuitan.GoodsReturnedPush) string {
	doc := "a" + strconv.FormatInt(p.ASID, 10)
	if p.ASID == 0 {
		doc = "o" + p.OuterASID
	}
	return keyOf(jushuitan.PushGoodsReturned, env, doc, string(p.Action), p.UniqueID)
}

// turning lets goods be received, given back and received again: what is done ends
// the memory of its opposite, whose next message is no repeat then.
func (r *Receiver) turning(host func(context.Context, Envelope, *jushuitan.GoodsReturnedPush) error) func(context.Context, Envelope, *jushuitan.GoodsReturnedPush) error {
	if host == nil || r.cfg.Deduper == nil {
		return host
	}
	return func(ctx context.Context, env Envelope, p *jushuitan.GoodsReturnedPush) error {
		if err := host(ctx, env, p); err != nil {
			return err
		}
		opposite := *p
		opposite.Action = jushuitan.GoodsReceived
		if p.Action == jushuitan.GoodsReceived {
			opposite.Action = jushuitan.GoodsRevoked
		}
		err := r.cfg.Deduper.Commit(context.WithoutCancel(ctx), goodsReturnedKey(env, &opposite), r.owner(), 0)
		if err != nil {
			r.report(ctx, env, fmt.Errorf("%w: forget: %w", ErrDedupe, err))
		}
		return nil
	}
}
