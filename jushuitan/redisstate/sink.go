package redisstate

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// content is what tells a push from all others: what its URL says and its body, and
// none of what differs when it is sent again (ts, sign).
func content(env callback.Envelope, more ...string) string {
	parts := append([]string{string(env.Method), env.EntID, env.StorageCode, env.Type, string(env.Raw)}, more...)
	return string(env.Method) + ":" + digest(parts...)
}

func (i *Inbox) push(ctx context.Context, env callback.Envelope, id, soID string, p jushuitan.PushMessage) error {
	var last *turn
	if document, action := jushuitan.PushDocument(p); document != nil {
		last = &turn{document: digestOf(append(appendParts(nil, string(env.Method), env.EntID, env.StorageCode), document...)), action: action}
	}
	return i.put(ctx, Message{
		ID: id, EntID: env.EntID, StorageCode: env.StorageCode, Type: env.Type, Method: string(env.Method), TS: env.TS, SoID: soID, Raw: env.Raw,
	}, last)
}

// Shipment stores a push 物流同步: it is a function for callback.Config. Of the same
// content there is one message, with one [Message].ID.
func (i *Inbox) Shipment(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	return i.push(ctx, env, content(env), p.SoID, p)
}

// Cancel stores a push 取消订单: it is a function for callback.Config. The same content
// is the same message for [InboxConfig].CommitTTL: an order that is cancelled again
// later is cancelled anew.
func (i *Inbox) Cancel(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
	return i.push(ctx, env, content(env), p.SoID, p)
}

// GoodsReturned stores a push 售后收货: it is a function for callback.Config. The same
// content is the same message for [InboxConfig].CommitTTL, and until the opposite is
// stored: goods that are received, given back and received again are three messages,
// although the third says what the first said.
func (i *Inbox) GoodsReturned(ctx context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	return i.push(ctx, env, content(env), p.SoID, p)
}

// Stock stores a push 库存同步: it is a function for callback.Config. It belongs to no
// order; figures are absolute, so that a worker must not take an older one for newer:
// compare Modified. The same content is the same message if each row has Modified;
// else only with the same ts, as a figure may come back to what it was.
func (i *Inbox) Stock(ctx context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
	id := content(env)
	if len(p.Rows) == 0 || slices.ContainsFunc(p.Rows, func(r jushuitan.StockPushRow) bool { return r.Modified.IsZero() }) {
		id = "" // nothing tells a repeat
		if !env.TS.IsZero() {
			id = content(env, strconv.FormatInt(env.TS.UnixMilli(), 10))
		}
	}
	return i.push(ctx, env, id, "", p)
}

// Handlers are the functions of the host, as those of callback.Config, called by the
// workers of an [Inbox] instead of the receiver. A host that has to know a repeat calls
// [Handlers.Handle] from a function of its own, which notes [Message].ID.
type Handlers struct {
	Shipment      func(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error
	Cancel        func(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error
	GoodsReturned func(ctx context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error
	Stock         func(ctx context.Context, env callback.Envelope, p *jushuitan.StockPush) error
}

// Handle reads a message and calls the function of its kind: it is for [Inbox.Run]. A
// kind without a function is an error.
func (h Handlers) Handle(ctx context.Context, m Message) error {
	env := callback.Envelope{
		EntID: m.EntID, StorageCode: m.StorageCode, Type: m.Type, Method: jushuitan.PushMethod(m.Method), TS: m.TS, Raw: m.Raw,
	}
	switch env.Method {
	case jushuitan.PushShipment:
		return dispatch(ctx, env, callback.ParseShipment, h.Shipment)
	case jushuitan.PushCancel:
		return dispatch(ctx, env, callback.ParseCancel, h.Cancel)
	case jushuitan.PushGoodsReturned:
		return dispatch(ctx, env, callback.ParseGoodsReturned, h.GoodsReturned)
	case jushuitan.PushStock:
		return dispatch(ctx, env, callback.ParseStock, h.Stock)
	}
	return fmt.Errorf("redisstate: inbox: message %s: kind %q is not known / 未知的推送类型", m.ID, m.Method)
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
