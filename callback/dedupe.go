package callback

import (
	"container/list"
	"context"
	"crypto/rand"
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
	// Commit notes that the key is done, for ttl, whoever has a claim.
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

	mu    sync.Mutex
	keys  map[string]*dedupeEntry
	order list.List // committed keys, oldest first
}

type dedupeEntry struct {
	owner string
	until time.Time
	done  *list.Element // in order; nil: only claimed
}

// NewMemoryDeduper makes one for so many keys; 0 is [DefaultDedupeEntries].
func NewMemoryDeduper(entries int) *MemoryDeduper {
	if entries <= 0 {
		entries = DefaultDedupeEntries
	}
	return &MemoryDeduper{limit: entries, keys: map[string]*dedupeEntry{}}
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
			m.drop(key, e)
		case e.done != nil:
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
	m.keys[key] = &dedupeEntry{owner: owner, until: now.Add(ttl)}
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
	if e == nil {
		if err := m.room(now); err != nil {
			return err
		}
		e = &dedupeEntry{}
		m.keys[key] = e
	}
	if e.done != nil {
		m.order.Remove(e.done)
	}
	e.owner, e.until, e.done = owner, now.Add(ttl), m.order.PushBack(key)
	return nil
}

// Release is [Deduper].Release.
func (m *MemoryDeduper) Release(ctx context.Context, key, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.keys[key]; e != nil && e.done == nil && e.owner == owner {
		m.drop(key, e)
	}
	return nil
}

func (m *MemoryDeduper) drop(key string, e *dedupeEntry) {
	if e.done != nil {
		m.order.Remove(e.done)
	}
	delete(m.keys, key)
}

// room makes room for one more key.
func (m *MemoryDeduper) room(now time.Time) error {
	if len(m.keys) < m.limit {
		return nil
	}
	if oldest := m.order.Front(); oldest != nil {
		key, _ := oldest.Value.(string)
		m.drop(key, m.keys[key])
		return nil
	}
	for key, e := range m.keys {
		if !now.Before(e.until) {
			m.drop(key, e)
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

// once runs a message unless it was done. The error is one of the run, or
// ErrBusy, or ErrDedupe.
func (r *Receiver) once(ctx context.Context, env Envelope, key string, run func(context.Context) error) error {
	if r.cfg.Deduper == nil || key == "" {
		return run(ctx)
	}
	owner := rand.Text()
	deadline := time.Now().Add(r.cfg.Wait)
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
	tell := func(what string, f func(context.Context) error) {
		ctx := context.WithoutCancel(ctx)
		if _, local := r.cfg.Deduper.(*MemoryDeduper); !local {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, detached)
			defer cancel()
		}
		if err := f(ctx); err != nil {
			r.report(ctx, env, fmt.Errorf("%w: %s: %w", ErrDedupe, what, err))
		}
	}
	done := false
	defer func() {
		if !done {
			tell("release", func(ctx context.Context) error { return r.cfg.Deduper.Release(ctx, key, owner) })
		}
	}()
	runCtx, cancel := context.WithTimeout(ctx, r.cfg.ClaimTTL)
	defer cancel()
	if err := run(runCtx); err != nil {
		return err
	}
	done = true
	tell("commit", func(ctx context.Context) error { return r.cfg.Deduper.Commit(ctx, key, owner, r.cfg.CommitTTL) })
	return nil
}

// keyOf hashes the parts of a key. Lengths go in with the texts.
func keyOf(kind jushuitan.PushMethod, env Envelope, parts ...string) string {
	b := make([]byte, 0, 256)
	for _, part := range append([]string{env.EntID, env.StorageCode}, parts...) {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return string(kind) + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// shipmentKey: a parcel of an order, with its lines in any order.
func shipmentKey(env Envelope, p *jushuitan.ShipmentPush) string {
	lines := make([]string, len(p.Items))
	for i, item := range p.Items {
		b := make([]byte, 0, 96)
		for _, part := range []string{item.OuterOIID, p.OrderOf(item), item.SKUID, item.Qty.String()} {
			b = binary.AppendUvarint(b, uint64(len(part)))
			b = append(b, part...)
		}
		lines[i] = string(strconv.AppendInt(b, item.OIID, 10))
	}
	slices.Sort(lines)
	order := "o" + strconv.FormatInt(p.OID, 10)
	if p.OID == 0 {
		order = "s" + p.SoID
	}
	return keyOf(jushuitan.PushShipment, env, append([]string{order, p.LID}, lines...)...)
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
		// Done for no time at all: forgotten, by any store.
		err := r.cfg.Deduper.Commit(context.WithoutCancel(ctx), goodsReturnedKey(env, &opposite), rand.Text(), time.Nanosecond)
		if err != nil {
			r.report(ctx, env, fmt.Errorf("%w: forget: %w", ErrDedupe, err))
		}
		return nil
	}
}
