package callback

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// detached limits store writes after the request may have ended.
const detached = dedupe.Detached

// sum is a hash of a part of an identity.
type sum [sha256.Size]byte

// text returns a hash as text, after the kind.
func (s *sum) text(method jushuitan.PushMethod, separator byte) string {
	b := append(append(make([]byte, 0, 64), method...), separator)
	return string(base64.RawURLEncoding.AppendEncode(b, s[:]))
}

// texts returns the key of the record and the state, in one piece of memory.
func (id *identity) texts(method jushuitan.PushMethod) (key, state string) {
	b := append(append(make([]byte, 0, 128), method...), '/')
	b = base64.RawURLEncoding.AppendEncode(b, id.record[:])
	n := len(b)
	both := string(base64.RawURLEncoding.AppendEncode(b, id.said[:]))
	return both[:n], both[n:]
}

// identity identifies what a message says to a merchant's URL.
type identity struct {
	record   sum // the record that the memory is kept for
	document sum
	said     sum // everything
}

// partsRoom holds buffers for the parts of an identity.
var partsRoom = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// partsRoomMax is the largest buffer that is kept.
const partsRoomMax = 64 << 10

// giveBack returns a buffer to the pool.
func giveBack(room *[]byte, b []byte) {
	if cap(b) <= partsRoomMax {
		*room = b
	}
	partsRoom.Put(room)
}

// identify returns the identity of a message to a merchant's URL.
func identify(env *Envelope, m jushuitan.PushMessage) (id identity) {
	room, _ := partsRoom.Get().(*[]byte)
	b := (*room)[:0]
	if len(env.Raw) > partsRoomMax { // at once, since growing costs as much again
		size := len(env.Raw) + len(env.Raw)/8
		if m.PushMethod() == jushuitan.PushCancel { // its document has most of it too
			size *= 2
		}
		b = slices.Grow(b, size)
	}
	b = push.AppendPart(push.AppendPart(b, env.EntID), env.StorageCode)
	b = jushuitan.AppendPushRecord(b, m)
	id.record = sha256.Sum256(b)
	record := len(b)
	if b = jushuitan.AppendPushDocument(b, m); len(b) > record {
		id.document = sha256.Sum256(b)
	} else {
		id.document = id.record
	}
	b = jushuitan.AppendPushState(b, m)
	id.said = sha256.Sum256(b)
	giveBack(room, b)
	return id
}

// identified decodes Raw again and returns its identity.
func (e *Envelope) identified() (id identity, ok bool) {
	parser := jushuitan.PushParser{MaxRows: -1} // Raw was accepted
	var m jushuitan.PushMessage
	var err error
	switch e.Method {
	case jushuitan.PushShipment:
		m, err = parser.Shipment(e.Raw)
	case jushuitan.PushCancel:
		m, err = parser.Cancel(e.Raw)
	case jushuitan.PushGoodsReturned:
		m, err = parser.GoodsReturned(e.Raw)
	case jushuitan.PushStock:
		m, err = parser.Stock(e.Raw)
	default:
		return id, false
	}
	if err != nil {
		return id, false
	}
	return identify(e, m), true
}

// Key (推送标识) returns the identity of the message as text of at most 64 ASCII characters: a
// hash of everything that Raw says to its merchant and storage code, without what belongs to
// its transport (ts, sign, the order and spelling of members, the order of lines). Each call
// computes it. It is empty if Raw is not a message of the kind Method.
//
// Equal keys alone do not mean a repeat: a waybill that is changed and changed back has its
// first key again. Compare with the message handled last, see [Envelope.Document].
func (e Envelope) Key() string {
	id, ok := e.identified()
	if !ok {
		return ""
	}
	return id.said.text(e.Method, ':')
}

// Document (单据标识) identifies what the message is about as text of at most 64 ASCII
// characters: a hash of the merchant, the storage code and
//
//   - the order (o_id and so_id) and the lines of a shipment,
//   - the order (so_id) and the remark of a cancel,
//   - the after-sale (as_id, otherwise outer_as_id), the unique_id and the lines of returned
//     goods,
//   - the SKUs of stock.
//
// A message is a repeat if its Key equals that of the message handled last with the same
// Document. A host that deduplicates in its own database stores, in the transaction of its
// work, one unique row for each Document with the Key handled last.
func (e Envelope) Document() string {
	id, ok := e.identified()
	if !ok {
		return ""
	}
	return id.document.text(e.Method, ':')
}

// DefaultCancelTTL is how long a cancel is remembered by default.
const DefaultCancelTTL = time.Minute

// The number of messages that are remembered for a record: for an after-sale case, whose goods
// come in parts, and for other records.
const (
	manyEntries = dedupe.MaxEntries
	fewEntries  = 8
)

// maxAhead is how far in the future a time may be, unless the config states otherwise.
const maxAhead = 24 * time.Hour

// event describes a message for the memory of handled ones.
func (r *Receiver) event(env *Envelope, m jushuitan.PushMessage) *dedupe.Event {
	id := identify(env, m)
	e := &dedupe.Event{Limit: fewEntries, At: env.TS}
	e.Key, e.State = id.texts(env.Method)
	copy(e.Document[:], id.document[:])
	copy(e.Said[:], id.said[:])
	e.Side, e.Whole = jushuitan.PushSide(m)
	if e.Side != 0 {
		e.Limit = manyEntries
	}
	if kind, ok := push.Of(string(env.Method)); ok && kind.Short {
		e.TTL, e.Again = r.cfg.CancelTTL, r.cfg.CancelTTL
	}
	if !e.At.IsZero() && e.At.Sub(r.in.Now()) > maxAhead {
		e.At = time.Time{} // otherwise everything after it would be stale
	}
	room, _ := partsRoom.Get().(*[]byte)
	b := jushuitan.AppendPushCore((*room)[:0], m)
	core := sha256.Sum256(b)
	copy(e.Core[:], core[:])
	if !r.in.Local() {
		b = push.AppendPart(push.AppendPart(b[:0], env.EntID), env.StorageCode)
		b, e.EarlierProves = jushuitan.AppendEarlierPushKey(b, m)
		earlier := sum(sha256.Sum256(b))
		e.Earlier = earlier.text(env.Method, ':')
	}
	giveBack(room, b)
	return e
}

// guarded wraps the host's function so that a panic becomes an error.
func guarded[P any](r *Receiver, env *Envelope, p *P, function func(context.Context, Envelope, *P) error) func(context.Context, bool) error {
	return func(ctx context.Context, mayRepeat bool) (err error) {
		defer r.in.Recover(&err)
		env := *env
		env.MayRepeat = mayRepeat
		return function(ctx, env, p)
	}
}
