package qimen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SettlePOS (核实写入结果) reads back a write to the POS methods whose answer was lost, and
// returns the outcome of each of its documents, as [jushuitan.Client.Settle] does. w.Operation
// is the name of the method; delay is how long after the write a document in another state
// counts as not written, [jushuitan.DefaultSettleDelay] if it is 0.
//
// Only qimen.taobao.pos.deliveryorder.confirm can be read back, with deliveryorder.get. One
// source describes that query's answer: an order of which the answer shows orderCode and
// orderStatus, wherever they stand, is settled; any other stays Unknown.
//
// For every other write of this package the error is [errors.ErrUnsupported]. The queries of
// the standard warehouse methods (deliveryorder.query, entryorder.query, orderprocess.query
// and others) go in the other direction, from the ERP to the warehouse, and store.query
// requires a number that only the lost answer has. A keyed method may be sent again, since its
// receiver must recognize repeats; see IdempotencyKey of its request. A host that knows the
// io_id of an outbound document can learn the outcome of its confirmation with
// [jushuitan.Client.Settle] of Outbounds.Ship, which only sends queries.
func (c *Client) SettlePOS(ctx context.Context, w jushuitan.Write, delay time.Duration) ([]jushuitan.Settlement, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("qimen: SettlePOS %s customer %q: %w", w.Operation, c.customer, fmt.Errorf(format, args...))
	}
	if w.Operation != opPOSDeliveryOrderConfirm.Name {
		return nil, fail("%w: no query shows whether it was applied / 没有可核实该写入的查询接口", errors.ErrUnsupported)
	}
	text, err := wire.Marshal(w.Request)
	if err != nil {
		return nil, fail("cannot encode the request: %w", err)
	}
	var req POSDeliveryOrderConfirmRequest
	switch err := wire.Unmarshal(text, &req); {
	case err != nil:
		return nil, fail("cannot read the request: %w", err)
	case w.Began.IsZero() || len(req.Orders) == 0:
		return nil, fail("Began or the orders are missing / 缺少写入时间或单据")
	}
	if w.Ended.IsZero() {
		w.Ended = w.Began
	}
	if delay <= 0 {
		delay = jushuitan.DefaultSettleDelay
	}
	var out []jushuitan.Settlement
	var errs []error
	for i, order := range req.Orders {
		now := c.core.now()
		s := jushuitan.Settlement{
			Op: w.Operation, Merchant: c.customer, Index: i, Key: order.OrderCode, Outcome: jushuitan.Unknown,
			Query: opPOSDeliveryOrderGet.Name, Age: now.Sub(w.Ended),
		}
		reply, err := c.POS.DeliveryOrderGet(ctx, &POSDeliveryOrderGetRequest{
			StoreCode: req.StoreCode, OrderStatus: order.OrderStatus, OrderID: order.OrderCode, Page: 1, PageSize: 20,
		})
		if err != nil {
			errs = append(errs, err)
			s.Reason, s.Again = "cannot query: "+err.Error(), now.Add(delay)
		} else {
			answer, err := wire.Marshal(reply) // documented members and others
			if err != nil {
				return nil, fail("cannot read the answer: %w", err)
			}
			judgeOrder(&s, order, ordersInside(answer, order.OrderCode), w.Ended.Add(delay), now)
		}
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

// posBefore are the states that a store delivery order leaves for good.
var posBefore = map[POSOrderStatus][]POSOrderStatus{
	POSOrderStatusAccepted:  {POSOrderStatusNew},
	POSOrderStatusRejected:  {POSOrderStatusNew},
	POSOrderStatusPickedUp:  {POSOrderStatusNew, POSOrderStatusAccepted},
	POSOrderStatusDelivered: {POSOrderStatusNew, POSOrderStatusAccepted},
}

// judgeOrder decides by the objects of an answer that are of an order.
func judgeOrder(s *jushuitan.Settlement, order POSDeliveryOrder, found []foundOrder, mature, now time.Time) {
	s.Found = len(found)
	early := now.Before(mature)
	s.Reason = "the answer does not show the order with its orderStatus / 查询结果未显示该单据及其状态"
	if early {
		s.Again = mature
	}
	for _, f := range found {
		s.Rows = append(s.Rows, f.text)
		switch {
		case f.status == order.OrderStatus:
			s.Outcome, s.Reason, s.Again = jushuitan.Applied, "the order has the state that was written / 单据状态与写入一致", time.Time{}
			return
		case containsStatus(posBefore[order.OrderStatus], f.status) && !early:
			s.Outcome, s.Reason = jushuitan.NotApplied, fmt.Sprintf("the order is still %s / 单据状态仍为 %s", f.status, f.status)
		case f.status != "":
			s.Reason = fmt.Sprintf("the order is %s, which does not show whether it was %s / 单据状态为 %s，无法判断", f.status, order.OrderStatus, f.status)
		}
	}
}

func containsStatus(list []POSOrderStatus, status POSOrderStatus) bool {
	for _, s := range list {
		if s == status {
			return true
		}
	}
	return false
}

// foundOrder is an object of an answer with the number of an order.
type foundOrder struct {
	text   json.RawMessage
	status POSOrderStatus
}

// ordersIn returns the objects of an answer, however deep, whose orderCode is that of an
// order.
func ordersIn(members map[string]json.RawMessage, code string) (found []foundOrder) {
	var f foundOrder
	var of string
	for name, v := range members {
		switch strings.ToLower(strings.ReplaceAll(name, "_", "")) {
		case "ordercode":
			_ = wire.Unmarshal(v, &of)
		case "orderstatus":
			_ = wire.Unmarshal(v, &f.status)
		default:
			found = append(found, ordersInside(v, code)...)
		}
	}
	if of == code && code != "" {
		f.text, _ = json.Marshal(members)
		found = append(found, f)
	}
	return found
}

func ordersInside(v json.RawMessage, code string) (found []foundOrder) {
	var list []json.RawMessage
	var members map[string]json.RawMessage
	switch {
	case len(v) > 0 && v[0] == '[' && json.Unmarshal(v, &list) == nil:
		for _, e := range list {
			found = append(found, ordersInside(e, code)...)
		}
	case len(v) > 0 && v[0] == '{' && json.Unmarshal(v, &members) == nil:
		found = ordersIn(members, code)
	}
	return found
}
