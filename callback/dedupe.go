package callback

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// detached bounds what is told to a store after the request may have ended.
const detached = dedupe.Detached

// once runs a message unless it was done. The error is one of the run, or
// ErrBusy, or ErrDedupe.
func (r *Receiver) once(ctx context.Context, env Envelope, key string, run func(context.Context) error) error {
	return r.dedupe.Once(ctx, env, key, run)
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
		r.dedupe.Forget(ctx, env, goodsReturnedKey(env, &opposite))
		return nil
	}
}
