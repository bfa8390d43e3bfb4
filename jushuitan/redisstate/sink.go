package redisstate

import (
	"context"
	"fmt"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

func (i *Inbox) push(ctx context.Context, env callback.Envelope, soID string) error {
	return i.Put(ctx, Message{
		EntID: env.EntID, StorageCode: env.StorageCode, Type: env.Type, Method: string(env.Method), TS: env.TS, SoID: soID, Raw: env.Raw,
	})
}

// Shipment stores a push 物流同步: it is a function for callback.Config.
func (i *Inbox) Shipment(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	return i.push(ctx, env, p.SoID)
}

// Cancel stores a push 取消订单: it is a function for callback.Config.
func (i *Inbox) Cancel(ctx context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
	return i.push(ctx, env, p.SoID)
}

// GoodsReturned stores a push 售后收货: it is a function for callback.Config.
func (i *Inbox) GoodsReturned(ctx context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	return i.push(ctx, env, p.SoID)
}

// Stock stores a push 库存同步: it is a function for callback.Config. It belongs to no
// order; figures are absolute, so that a worker must not take an older one for newer:
// compare Modified.
func (i *Inbox) Stock(ctx context.Context, env callback.Envelope, _ *jushuitan.StockPush) error {
	return i.push(ctx, env, "")
}

// Handlers are the functions of the host, as those of callback.Config, called by the
// workers of an [Inbox] instead of the receiver.
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
		return dispatch(ctx, env, jushuitan.ParseShipmentPush, h.Shipment)
	case jushuitan.PushCancel:
		return dispatch(ctx, env, jushuitan.ParseCancelPush, h.Cancel)
	case jushuitan.PushGoodsReturned:
		return dispatch(ctx, env, jushuitan.ParseGoodsReturnedPush, h.GoodsReturned)
	case jushuitan.PushStock:
		return dispatch(ctx, env, jushuitan.ParseStockPush, h.Stock)
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
