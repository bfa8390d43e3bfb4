package redisstate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// content returns a hash of what a push says to its URL, without what may differ when it is
// sent again (ts, sign, the order of members and lines).
func content(env callback.Envelope, p jushuitan.PushMessage, more ...string) string {
	parts := append([]string{string(env.Method), env.EntID, env.StorageCode, env.Type}, more...)
	return string(env.Method) + ":" + digestOf(jushuitan.AppendPushState(appendParts(make([]byte, 0, 512), parts...), p))
}

func message(env callback.Envelope, id, soID string) Message {
	return Message{
		ID: id, EntID: env.EntID, StorageCode: env.StorageCode, Type: env.Type, Method: string(env.Method), TS: env.TS, SoID: soID, Raw: env.Raw,
	}
}

// push stores a push of a document. part, if not empty, identifies the part of an order.
// Identical pushes have its ID until a different one is stored for the document.
func (i *Inbox) push(ctx context.Context, env callback.Envelope, soID, part string, p jushuitan.PushMessage, keep time.Duration) error {
	scope := appendParts(nil, string(env.Method), env.EntID, env.StorageCode)
	record := jushuitan.AppendPushRecord(scope, p)
	t := &turn{record: digestOf(record), document: digestOf(jushuitan.AppendPushDocument(record, p)), keep: keep, part: part}
	t.side, t.whole = jushuitan.PushSide(p)
	id := content(env, p)
	_, t.state, _ = strings.Cut(id, ":")
	return i.put(ctx, message(env, id, soID), t)
}

// Shipment stores a 物流同步 push. Use it as a function of callback.Config. Identical pushes
// are one message, with one [Message].ID, until a different one is stored for the same order
// and lines: a waybill that is changed and changed back makes three messages.
func (i *Inbox) Shipment(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	soID, part := p.SoID, ""
	for n, item := range p.Items { // of merged orders no line speaks for all
		if one := p.OrderOf(item); n == 0 && soID == "" {
			soID = one
		} else if p.SoID == "" && one != soID {
			soID = ""
			break
		}
	}
	if p.OID != 0 {
		part = strconv.FormatInt(p.OID, 10)
	}
	return i.push(ctx, env, soID, part, p, i.cfg.CommitTTL)
}

// Cancel stores a 取消订单 push. Use it as a function of callback.Config. Identical pushes
// are one message for [InboxConfig].CancelTTL; a later one means that the order was cancelled
// again.
func (i *Inbox) Cancel(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
	return i.push(ctx, env, p.SoID, "", p, i.cfg.CancelTTL)
}

// GoodsReturned stores a 售后收货 push. Use it as a function of callback.Config. Identical
// pushes are one message for [InboxConfig].CommitTTL, unless the opposite is stored in
// between: a receipt, its revocation and the same receipt again are three messages. If
// Ordered, the pushes of an after-sale are handled one after another, with or without so_id.
func (i *Inbox) GoodsReturned(ctx context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	return i.push(ctx, env, p.SoID, "", p, i.cfg.CommitTTL)
}

// Stock stores a 库存同步 push. Use it as a function of callback.Config. It belongs to
// no order; its figures are absolute, so a worker must compare Modified to avoid
// replacing a newer figure by an older one. Identical pushes are one message if every row
// has Modified; otherwise only with the same ts, since a figure may return to an earlier
// value.
func (i *Inbox) Stock(ctx context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
	id := content(env, p)
	if len(p.Rows) == 0 || slices.ContainsFunc(p.Rows, func(r jushuitan.StockPushRow) bool { return r.Modified.IsZero() }) {
		id = "" // a duplicate cannot be recognized
		if !env.TS.IsZero() {
			id = content(env, p, strconv.FormatInt(env.TS.UnixMilli(), 10))
		}
	}
	return i.put(ctx, message(env, id, ""), nil)
}

// Handlers are functions like those of callback.Config that the workers of an [Inbox]
// call instead of the receiver. To detect duplicates, call [Handlers.Handle] from a
// function of your own that records [Message].ID.
type Handlers struct {
	Shipment      func(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error
	Cancel        func(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error
	GoodsReturned func(ctx context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error
	Stock         func(ctx context.Context, env callback.Envelope, p *jushuitan.StockPush) error
}

// Handle decodes a message and calls the function of its kind; pass it to [Inbox.Run].
// A kind without a function is an error.
func (h Handlers) Handle(ctx context.Context, m Message) error {
	env := callback.Envelope{
		EntID: m.EntID, StorageCode: m.StorageCode, Type: m.Type, Method: jushuitan.PushMethod(m.Method), TS: m.TS, Raw: m.Raw,
	}
	switch env.Method {
	case jushuitan.PushShipment:
		return dispatch(ctx, env, jushuitan.ParseShipmentPush, h.Shipment)
	case jushuitan.PushCancel:
		return dispatch(ctx, env, jushuitan.ParseCancelPush, h.Cancel)
	case jushuitan.PushGoodsReturned:
		return dispatch(ctx, env, parseGoodsReturned, h.GoodsReturned)
	case jushuitan.PushStock:
		return dispatch(ctx, env, jushuitan.ParseStockPush, h.Stock)
	}
	return fmt.Errorf("redisstate: inbox: message %s: unknown kind %q / 未知的推送类型", m.ID, m.Method)
}

func parseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	p, err := jushuitan.ParseGoodsReturnedPush(body)
	if err == nil && !p.Action.Known() {
		return nil, callback.ErrUnknownAction
	}
	return p, err
}

func dispatch[P any](ctx context.Context, env callback.Envelope, parse func([]byte) (*P, error), function func(context.Context, callback.Envelope, *P) error) error {
	if function == nil {
		return fmt.Errorf("redisstate: inbox: no function for pushes of kind %q / 未配置该类推送的处理函数", string(env.Method))
	}
	p, err := parse(env.Raw)
	if err != nil {
		return err
	}
	return function(ctx, env, p)
}
