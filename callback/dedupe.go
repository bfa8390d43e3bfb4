package callback

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// detached bounds what is told to a store after the request may have ended.
const detached = dedupe.Detached

// once runs a message unless it was done. The error is one of the run, or
// ErrBusy, or ErrDedupe.
func (r *Receiver) once(ctx context.Context, env Envelope, key string, run func(context.Context) error) error {
	return r.in.Once(ctx, env, key, run)
}

// guarded is a call of the host's function that turns a panic into an error.
func guarded[P any](r *Receiver, env Envelope, p *P, function func(context.Context, Envelope, *P) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.in.Guard(func() error { return function(ctx, env, p) })
	}
}

// keyRoom holds the parts of a key until they are hashed.
var keyRoom = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// keyRoomMax is how large a buffer is kept.
const keyRoomMax = 64 << 10

// keyOf is the dedupe key of a message, or "" for a kind that has none.
func keyOf(env Envelope, m jushuitan.PushMessage) string {
	return hashed(env, m, jushuitan.AppendPushKey)
}

// hashed is the key of which the message's own part is appended.
func hashed(env Envelope, m jushuitan.PushMessage, appendKey func([]byte, jushuitan.PushMessage) []byte) string {
	room := keyRoom.Get().(*[]byte)
	parts := push.AppendPart(push.AppendPart((*room)[:0], env.EntID), env.StorageCode)
	head := len(parts)
	parts = appendKey(parts, m)
	key := ""
	if len(parts) > head {
		sum := sha256.Sum256(parts)
		b := append(append(make([]byte, 0, 64), m.PushMethod()...), ':')
		key = string(base64.RawURLEncoding.AppendEncode(b, sum[:]))
	}
	if cap(parts) <= keyRoomMax {
		*room = parts
	}
	keyRoom.Put(room)
	return key
}

// turning ends, with each message that is done, the memory of the message that it
// undoes, whose next one is no repeat then: goods are received, given back and received
// again.
func turning[P any, M pushPointer[P]](r *Receiver, host func(context.Context, Envelope, *P) error) func(context.Context, Envelope, *P) error {
	if host == nil || !r.in.Active() {
		return host
	}
	return func(ctx context.Context, env Envelope, p *P) error {
		if err := host(ctx, env, p); err != nil {
			return err
		}
		if key := hashed(env, M(p), jushuitan.AppendOppositePushKey); key != "" {
			r.in.Forget(ctx, env, key)
		}
		return nil
	}
}
