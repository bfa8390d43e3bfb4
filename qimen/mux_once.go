package qimen

import (
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// messageKey is how the repeats of a message are recognized.
type messageKey struct {
	claim string // in the Deduper; "" if every message runs
	// before is the key of the same message without its content, under which earlier versions
	// of this package remembered it; "" if there is none.
	before string
}

// errBefore means that an earlier version handled the message.
var errBefore = errors.New("handled by an earlier version")

// keyOf returns the key of a message. The natural key includes the content of the message, since
// a document may come in parts under one number: each part runs, and only a message with the
// same content is a repeat. After a document was cancelled, a message that creates it again is
// not a repeat.
func (m *Mux) keyOf(ctx context.Context, msg *message, req any) (messageKey, error) {
	method := msg.route.method
	if !m.in.Active() || method != nil && method.Effect == jushuitan.Read {
		return messageKey{}, nil
	}
	env := &msg.env
	natural := naturalKey(method, req)
	if natural == "" {
		return messageKey{claim: hashKey(env, "sign", msg.sign)}, nil
	}
	if _, cancels := req.(*OrderCancelRequest); cancels { // repeats may differ only in the reason
		return messageKey{claim: hashKey(env, "key", natural)}, nil
	}
	before := ""
	if !m.once.own { // a store that outlives this process
		before = hashKey(env, "key", natural)
	}
	for _, code := range documents(req) {
		n, err := m.cancels(ctx, env.CustomerID, code)
		if err != nil {
			return messageKey{}, err
		}
		if n > 0 {
			natural += "\x00" + strconv.Itoa(n)
		}
	}
	content := msg.content()
	return messageKey{claim: hashKey(env, "content", natural+"\x00"+string(content[:])), before: before}, nil
}

// content returns the digest of a message's content: its body as received, or its parameters.
func (msg *message) content() [sha256.Size]byte {
	if len(msg.in.body) > 0 {
		return sha256.Sum256(msg.in.body)
	}
	params := msg.in.business()
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(params)) {
		for _, part := range [...]string{name, params[name]} {
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
	}
	return sha256.Sum256(b)
}

// marks reads and writes the keys of the Deduper that are not those of messages in progress.
type marks struct {
	store     jushuitan.Deduper
	own       bool // only this mux uses the store
	prefix    string
	owners    atomic.Uint64
	cancelled atomic.Bool // this mux has handled a cancellation
}

// probeTTL limits the claim of a key that is only looked at.
const probeTTL = time.Second

// committed reports whether a key was committed.
func (k *marks) committed(ctx context.Context, key string) (bool, error) {
	if k.store == nil || key == "" {
		return false, nil
	}
	owner := k.prefix + strconv.FormatUint(k.owners.Add(1), 36)
	state, _, err := k.store.Claim(ctx, key, "", owner, probeTTL)
	if err == nil && (state == jushuitan.Claimed || state == jushuitan.Unsettled) {
		_ = k.store.Release(context.WithoutCancel(ctx), key, owner) // it ends soon anyway
	}
	if err != nil {
		return false, fmt.Errorf("%w: look up: %w", jushuitan.ErrDedupe, err)
	}
	return state == jushuitan.Committed, nil
}

// maxCancels limits how many cancellations of one document are distinguished.
const maxCancels = 1000

// cancels returns how often a document was cancelled, as far as the Deduper remembers.
func (m *Mux) cancels(ctx context.Context, customer, code string) (int, error) {
	n := 0
	if m.once.own && !m.once.cancelled.Load() {
		return n, nil
	}
	for code != "" && n < maxCancels {
		done, err := m.once.committed(ctx, cancelKey(customer, code, n+1))
		if err != nil || !done {
			return n, err
		}
		n++
	}
	return n, nil
}

func cancelKey(customer, code string, n int) string {
	return hashed(opOrderCancel.Name, customer, "cancelled", code+"\x00"+strconv.Itoa(n))
}

// naturalKey returns the request's own key, or "" if part of it is a state to be set,
// since changing back and forth is not a duplicate.
func naturalKey(method *Method, req any) string {
	keyed, ok := req.(interface{ IdempotencyKey() string })
	if !ok || method == nil || slices.ContainsFunc(method.Key, func(part string) bool {
		return strings.HasSuffix(strings.ToLower(part), "status")
	}) {
		return ""
	}
	return keyed.IdempotencyKey()
}

// hashKey hashes the parts of a key with their lengths.
func hashKey(env *Envelope, kind, value string) string {
	return hashed(env.Method, env.CustomerID, kind, value)
}

func hashed(method, customer, kind, value string) string {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{customer, kind, value} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return strings.TrimPrefix(method, standardPrefix) + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// documents returns the numbers of the documents that a message creates or cancels.
func documents(req any) []string {
	switch r := req.(type) {
	case *DeliveryOrderCreateRequest:
		return []string{r.DeliveryOrder.DeliveryOrderCode}
	case *DeliveryOrderBatchCreateRequest:
		var codes []string
		for i := range r.Orders {
			codes = append(codes, r.Orders[i].DeliveryOrder.DeliveryOrderCode)
		}
		return codes
	case *EntryOrderCreateRequest:
		return []string{r.EntryOrder.EntryOrderCode}
	case *ReturnOrderCreateRequest:
		return []string{r.ReturnOrder.ReturnOrderCode}
	case *StockOutCreateRequest:
		return []string{r.DeliveryOrder.DeliveryOrderCode}
	case *StoreProcessCreateRequest:
		return []string{r.ProcessOrderCode}
	case *OrderCancelRequest:
		return []string{r.OrderCode}
	}
	return nil
}

// turn clears the memory of what a message undoes: a cancelled document may be
// created again, and then cancelled again.
func (m *Mux) turn(ctx context.Context, env Envelope, req any) {
	codes := documents(req)
	if len(codes) == 0 {
		return
	}
	var keys []string
	_, cancels := req.(*OrderCancelRequest)
	for _, code := range codes {
		// Everything that this process remembers, separately or together with others.
		keys = append(keys, m.answers.undone(env.CustomerID, code, cancels)...)
		// What another process may remember under a key with only the number.
		if cancels {
			m.cancelled(ctx, env, code)
			for _, created := range createdAs(code) {
				keys = append(keys, hashed(created.method.Name, env.CustomerID, "key", created.key))
			}
			continue
		}
		for _, undo := range []*OrderCancelRequest{{OrderCode: code}, {OrderCode: code, OrderType: orderType(req)}} {
			keys = append(keys, hashed(opOrderCancel.Name, env.CustomerID, "key", undo.IdempotencyKey()))
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		m.in.Forget(ctx, env, key)
		m.answers.drop(key)
	}
}

// cancelled notes that a document was cancelled.
func (m *Mux) cancelled(ctx context.Context, env Envelope, code string) {
	ctx = context.WithoutCancel(ctx)
	m.once.cancelled.Store(true)
	n, err := m.cancels(ctx, env.CustomerID, code)
	if err == nil && m.once.store != nil {
		ttl := cmp.Or(m.cfg.CommitTTL, jushuitan.DefaultCommitTTL)
		err = m.once.store.Commit(ctx, cancelKey(env.CustomerID, code, n+1), "", m.once.prefix, "", ttl)
	}
	if err != nil {
		m.report(ctx, env, fmt.Errorf("%w: cancel: %w", jushuitan.ErrDedupe, err))
	}
}

type creation struct {
	method *Method
	key    string
}

// createdAs returns the keys under which a document may have been created.
func createdAs(code string) []creation {
	delivery, entry, back, out := DeliveryOrderCreateRequest{}, EntryOrderCreateRequest{}, ReturnOrderCreateRequest{}, StockOutCreateRequest{}
	delivery.DeliveryOrder.DeliveryOrderCode, entry.EntryOrder.EntryOrderCode = code, code
	back.ReturnOrder.ReturnOrderCode, out.DeliveryOrder.DeliveryOrderCode = code, code
	process := StoreProcessCreateRequest{ProcessOrderCode: code}
	return []creation{
		{opDeliveryOrderCreate, delivery.IdempotencyKey()}, {opEntryOrderCreate, entry.IdempotencyKey()},
		{opReturnOrderCreate, back.IdempotencyKey()}, {opStockOutCreate, out.IdempotencyKey()},
		{opStoreProcessCreate, process.IdempotencyKey()},
	}
}

// orderType returns the type of the document that a message creates.
func orderType(req any) OrderType {
	switch r := req.(type) {
	case *DeliveryOrderCreateRequest:
		return r.DeliveryOrder.OrderType
	case *EntryOrderCreateRequest:
		return r.EntryOrder.OrderType
	case *ReturnOrderCreateRequest:
		return r.ReturnOrder.OrderType
	case *StockOutCreateRequest:
		return r.DeliveryOrder.OrderType
	case *StoreProcessCreateRequest:
		return r.OrderType
	}
	return ""
}

// keep stores the first answer of a message, in both formats if possible.
func (m *Mux) keep(env Envelope, req any, key string, success Failure, resp any, text []byte) {
	a := &kept{key: key, customer: env.CustomerID, documents: documents(req)}
	_, a.cancels = req.(*OrderCancelRequest)
	for _, f := range [...]Format{XML, JSON} {
		if f == env.AnswerFormat {
			a.texts[slot(f)] = text
		} else if more, err := m.encode(f, true, success, resp); err == nil {
			a.texts[slot(f)] = more
		}
	}
	m.answers.put(a)
}

// answers keeps first answers in memory, limited in number and size: when it is full,
// the oldest is evicted.
type answers struct {
	limit int

	mu    sync.Mutex
	size  int
	keys  map[string]*list.Element
	order list.List                      // of *kept, oldest first
	codes map[documentKey]map[*kept]bool // the messages that created or cancelled a document
}

type kept struct {
	key       string
	texts     [2][]byte // by format; nil if not encodable
	customer  string
	documents []string
	cancels   bool
}

type documentKey struct{ customer, code string }

// answersSize limits the total size of all answers.
const answersSize = 32 << 20

func newAnswers(limit int) *answers {
	return &answers{limit: limit, keys: map[string]*list.Element{}, codes: map[documentKey]map[*kept]bool{}}
}

func slot(f Format) int {
	if f.isJSON() {
		return 1
	}
	return 0
}

func (k *kept) size() int { return len(k.texts[0]) + len(k.texts[1]) }

func (a *answers) put(k *kept) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(k.key)
	a.keys[k.key] = a.order.PushBack(k)
	a.size += k.size()
	for _, code := range k.documents {
		at := documentKey{k.customer, code}
		if a.codes[at] == nil {
			a.codes[at] = map[*kept]bool{}
		}
		a.codes[at][k] = true
	}
	for len(a.keys) > a.limit || a.size > answersSize {
		oldest, _ := a.order.Front().Value.(*kept)
		a.remove(oldest.key)
	}
}

func (a *answers) get(key string, f Format) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.keys[key]
	if e == nil {
		return nil
	}
	text := e.Value.(*kept).texts[slot(f)]
	if f == JSON2 && text != nil {
		return text[len(jsonOpen)-1 : len(text)-1]
	}
	return text
}

func (a *answers) drop(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(key)
}

func (a *answers) remove(key string) {
	e := a.keys[key]
	if e == nil {
		return
	}
	k, _ := a.order.Remove(e).(*kept)
	delete(a.keys, key)
	a.size -= k.size()
	for _, code := range k.documents {
		at := documentKey{k.customer, code}
		if delete(a.codes[at], k); len(a.codes[at]) == 0 {
			delete(a.codes, at)
		}
	}
}

// undone returns the keys of the messages that creating or cancelling a document
// undoes: those of the opposite kind.
func (a *answers) undone(customer, code string, cancels bool) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var keys []string
	for k := range a.codes[documentKey{customer, code}] {
		if k.cancels != cancels {
			keys = append(keys, k.key)
		}
	}
	return keys
}
