package qimen

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

func shortName(name string) string { return strings.TrimPrefix(name, standardPrefix) }

// keyOf is the key by which a repeat of a message is known, or nothing.
func (m *Mux) keyOf(msg *message, req any) string {
	method := msg.route.method
	if !m.in.Active() || method != nil && method.Effect == jushuitan.Read {
		return ""
	}
	if natural := naturalKey(method, req); natural != "" {
		return hashKey(&msg.env, "key", natural)
	}
	return hashKey(&msg.env, "sign", msg.sign)
}

// naturalKey is the request's own key. Where a part of it is a state that is being
// set there is none: back and forth and back again is no repeat.
func naturalKey(method *Method, req any) string {
	keyed, ok := req.(interface{ IdempotencyKey() string })
	if !ok || method == nil || slices.ContainsFunc(method.Key, func(part string) bool {
		return strings.HasSuffix(strings.ToLower(part), "status")
	}) {
		return ""
	}
	return keyed.IdempotencyKey()
}

// hashKey hashes the parts of a key. Lengths go in with the texts.
func hashKey(env *Envelope, kind, value string) string {
	return hashed(env.Method, env.CustomerID, kind, value)
}

func hashed(method, customer, kind, value string) string {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{customer, kind, value} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return shortName(method) + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// documents are the numbers of the documents that a message creates or cancels.
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

// turn ends the memory of what a message undoes: a document that is cancelled may
// be created again, and cancelled again after that.
func (m *Mux) turn(ctx context.Context, env Envelope, req any) {
	codes := documents(req)
	if len(codes) == 0 {
		return
	}
	var keys []string
	_, cancels := req.(*OrderCancelRequest)
	for _, code := range codes {
		// Whatever this process remembers, in parts or together with others.
		keys = append(keys, m.answers.undone(env.CustomerID, code, cancels)...)
		// What another process may remember under a key of the number alone.
		if cancels {
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

type creation struct {
	method *Method
	key    string
}

// createdAs is the keys under which a document may have been created.
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

// orderType is the type of the document that a message creates.
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

// keep notes the first answer of a message, in both formats where that goes.
func (m *Mux) keep(env Envelope, req any, key string, success Failure, resp any, text []byte) {
	a := &kept{key: key, customer: env.CustomerID, documents: documents(req)}
	_, a.cancels = req.(*OrderCancelRequest)
	other := JSON
	if env.AnswerFormat == JSON {
		other = XML
	}
	a.texts[slot(env.AnswerFormat)] = text
	if more, err := m.encode(other, true, success, resp); err == nil {
		a.texts[slot(other)] = more
	}
	m.answers.put(a)
}

// answers keeps first answers in memory, of bounded number and size: when it is full
// the oldest goes.
type answers struct {
	limit int

	mu    sync.Mutex
	size  int
	keys  map[string]*list.Element
	order list.List                      // of *kept, oldest first
	codes map[documentKey]map[*kept]bool // which messages made or cancelled a document
}

type kept struct {
	key       string
	texts     [2][]byte // by format; nil: it cannot be written so
	customer  string
	documents []string
	cancels   bool
}

type documentKey struct{ customer, code string }

// answersSize bounds the texts of all answers together.
const answersSize = 32 << 20

func newAnswers(limit int) *answers {
	return &answers{limit: limit, keys: map[string]*list.Element{}, codes: map[documentKey]map[*kept]bool{}}
}

func slot(f Format) int {
	if f == JSON {
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
	if e := a.keys[key]; e != nil {
		return e.Value.(*kept).texts[slot(f)]
	}
	return nil
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

// undone is the keys of the messages that a creation or a cancel of a document
// undoes: those of the other kind.
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
