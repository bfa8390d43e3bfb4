package mapping

import "github.com/dianjia/jushuitan-go/jushuitan"

// OrderState 订单状态 is the state of an order on DianJia's side. The states are
// defined by this package, since DianJia's own are not public. The zero value is
// OrderUnknown, which permits nothing: neither shipping, cancelling nor refunding.
type OrderState string

// The states.
const (
	OrderUnknown   OrderState = ""          // 未知: an undocumented status; have a person decide
	OrderUnpaid    OrderState = "unpaid"    // 待付款
	OrderPaid      OrderState = "paid"      // 已付款: awaits its audit
	OrderHeld      OrderState = "held"      // 异常: requires manual handling
	OrderShipping  OrderState = "shipping"  // 发货中: a warehouse processes it
	OrderShipped   OrderState = "shipped"   // 已发货
	OrderFinished  OrderState = "finished"  // 交易成功: received by the buyer
	OrderCancelled OrderState = "cancelled" // 已取消
	OrderReplaced  OrderState = "replaced"  // 被合并或拆分: replaced by other orders, see their states
)

// OrderStateOf returns the state for the status of an order in Jushuitan (订单状态).
// WaitConfirm and WaitFConfirm are OrderPaid, Delivering and WaitOuterSent are
// OrderShipping, Merged and Split are OrderReplaced. Statuses that occur only in public
// code and are not explained (Delete, Lock, OuterSent, SentCancelled, Replaced,
// Disabled, Finished) are OrderUnknown, as is any other text.
func OrderStateOf(status string) OrderState {
	switch status {
	case jushuitan.OrderStatusWaitPay:
		return OrderUnpaid
	case jushuitan.OrderStatusWaitConfirm, jushuitan.OrderStatusWaitFConfirm:
		return OrderPaid
	case jushuitan.OrderStatusQuestion:
		return OrderHeld
	case jushuitan.OrderStatusDelivering, jushuitan.OrderStatusWaitOuterSent:
		return OrderShipping
	case jushuitan.OrderStatusSent:
		return OrderShipped
	case jushuitan.OrderStatusCancelled:
		return OrderCancelled
	case jushuitan.OrderStatusMerged, jushuitan.OrderStatusSplit:
		return OrderReplaced
	}
	return OrderUnknown
}

// Statuses returns the Jushuitan statuses of this state, for a query. There are none
// for OrderUnknown, nor for OrderFinished, which Jushuitan does not distinguish from
// OrderShipped.
func (s OrderState) Statuses() []string {
	switch s {
	case OrderUnpaid:
		return []string{jushuitan.OrderStatusWaitPay}
	case OrderPaid:
		return []string{jushuitan.OrderStatusWaitConfirm, jushuitan.OrderStatusWaitFConfirm}
	case OrderHeld:
		return []string{jushuitan.OrderStatusQuestion}
	case OrderShipping:
		return []string{jushuitan.OrderStatusDelivering, jushuitan.OrderStatusWaitOuterSent}
	case OrderShipped:
		return []string{jushuitan.OrderStatusSent}
	case OrderCancelled:
		return []string{jushuitan.OrderStatusCancelled}
	case OrderReplaced:
		return []string{jushuitan.OrderStatusMerged, jushuitan.OrderStatusSplit}
	}
	return nil
}

// OrderStateOfShop returns the state for a shop_status (店铺状态, 平台状态), the status
// of the order in its shop. Statuses of other platforms are OrderUnknown.
func OrderStateOfShop(shopStatus string) OrderState {
	switch shopStatus {
	case jushuitan.ShopStatusWaitBuyerPay:
		return OrderUnpaid
	case jushuitan.ShopStatusWaitSellerSendGoods:
		return OrderPaid
	case jushuitan.ShopStatusWaitBuyerConfirm:
		return OrderShipped
	case jushuitan.ShopStatusTradeFinished:
		return OrderFinished
	case jushuitan.ShopStatusTradeClosed, jushuitan.ShopStatusTradeClosedBeforePay:
		return OrderCancelled
	}
	return OrderUnknown
}

// ShopStatus returns the shop_status to upload for an order in this state. paid
// distinguishes the two kinds of cancelled orders and is otherwise ignored. For
// OrderUnknown and OrderReplaced there is none: ok is false, and nothing must be
// uploaded.
func (s OrderState) ShopStatus(paid bool) (status string, ok bool) {
	switch s {
	case OrderUnpaid:
		return jushuitan.ShopStatusWaitBuyerPay, true
	case OrderPaid, OrderHeld, OrderShipping:
		return jushuitan.ShopStatusWaitSellerSendGoods, true
	case OrderShipped:
		return jushuitan.ShopStatusWaitBuyerConfirm, true
	case OrderFinished:
		return jushuitan.ShopStatusTradeFinished, true
	case OrderCancelled:
		if paid {
			return jushuitan.ShopStatusTradeClosed, true
		}
		return jushuitan.ShopStatusTradeClosedBeforePay, true
	}
	return "", false
}

// Label returns the state in Chinese.
func (s OrderState) Label() string {
	switch s {
	case OrderUnpaid:
		return "待付款"
	case OrderPaid:
		return "已付款"
	case OrderHeld:
		return "异常"
	case OrderShipping:
		return "发货中"
	case OrderShipped:
		return "已发货"
	case OrderFinished:
		return "交易成功"
	case OrderCancelled:
		return "已取消"
	case OrderReplaced:
		return "被合并或拆分"
	}
	return "未知"
}

// RefundState 退款状态 is the refund state of an order line. The zero value is
// RefundUnknown, which permits nothing.
type RefundState string

// The states, which correspond to Jushuitan's refund_status of a line.
const (
	RefundUnknown RefundState = ""        // 未知: missing or undocumented
	RefundNone    RefundState = "none"    // 未申请退款
	RefundWaiting RefundState = "waiting" // 退款中
	RefundSuccess RefundState = "success" // 退款成功: the line is not shipped; when all lines are refunded the order is cancelled
	RefundClosed  RefundState = "closed"  // 退款关闭: the refund was withdrawn or refused
)

// RefundStateOf returns the state for the refund_status of a line. An empty text is
// RefundUnknown, not RefundNone: its absence does not mean that there is no refund.
func RefundStateOf(refundStatus string) RefundState {
	switch s := RefundState(refundStatus); s {
	case RefundNone, RefundWaiting, RefundSuccess, RefundClosed:
		return s
	}
	return RefundUnknown
}

// RefundStatus returns the refund_status to upload for a line. For RefundNone and
// RefundUnknown, ok is false: any refund_status in an upload makes the order abnormal
// (异常).
func (s RefundState) RefundStatus() (status string, ok bool) {
	switch s {
	case RefundWaiting, RefundSuccess, RefundClosed:
		return string(s), true
	}
	return "", false
}

// MayShip reports whether a line with this refund may be shipped: there is no refund,
// or it was closed.
func (s RefundState) MayShip() bool { return s == RefundNone || s == RefundClosed }

// Label returns the state in Chinese.
func (s RefundState) Label() string {
	switch s {
	case RefundNone:
		return "未退款"
	case RefundWaiting:
		return "退款中"
	case RefundSuccess:
		return "退款成功"
	case RefundClosed:
		return "退款关闭"
	}
	return "未知"
}

// OutboundState 出库单状态 is the state of an outbound document, as defined by this
// package. The zero value is OutboundUnknown, which permits nothing.
type OutboundState string

// The states.
const (
	OutboundUnknown   OutboundState = ""          // 未知
	OutboundWaiting   OutboundState = "waiting"   // 待出库: to be shipped by a store or warehouse
	OutboundExternal  OutboundState = "external"  // 外部发货中: shipped by an external warehouse, and by nobody else
	OutboundShipped   OutboundState = "shipped"   // 已出库
	OutboundVoided    OutboundState = "voided"    // 作废: the order was cancelled during shipping; stop
	OutboundCancelled OutboundState = "cancelled" // 取消: the shipment was revoked
	OutboundArchived  OutboundState = "archived"  // 归档
)

// outboundStatusArchive is documented only as a filter of queries.
const outboundStatusArchive = "Archive"

// OutboundStateOf returns the state for the status of an outbound document in Jushuitan
// (出库单状态). Undocumented texts are OutboundUnknown.
func OutboundStateOf(status string) OutboundState {
	switch status {
	case jushuitan.OutboundStatusWaitConfirm:
		return OutboundWaiting
	case jushuitan.OutboundStatusOuterConfirming:
		return OutboundExternal
	case jushuitan.OutboundStatusConfirmed:
		return OutboundShipped
	case jushuitan.OutboundStatusDelete:
		return OutboundVoided
	case jushuitan.OutboundStatusCancelled:
		return OutboundCancelled
	case outboundStatusArchive:
		return OutboundArchived
	}
	return OutboundUnknown
}

// Status returns the Jushuitan status of this state, for a query; ok is false for
// OutboundUnknown.
func (s OutboundState) Status() (status string, ok bool) {
	switch s {
	case OutboundWaiting:
		return jushuitan.OutboundStatusWaitConfirm, true
	case OutboundExternal:
		return jushuitan.OutboundStatusOuterConfirming, true
	case OutboundShipped:
		return jushuitan.OutboundStatusConfirmed, true
	case OutboundVoided:
		return jushuitan.OutboundStatusDelete, true
	case OutboundCancelled:
		return jushuitan.OutboundStatusCancelled, true
	case OutboundArchived:
		return outboundStatusArchive, true
	}
	return "", false
}

// Label returns the state in Chinese.
func (s OutboundState) Label() string {
	switch s {
	case OutboundWaiting:
		return "待出库"
	case OutboundExternal:
		return "外部发货中"
	case OutboundShipped:
		return "已出库"
	case OutboundVoided:
		return "作废"
	case OutboundCancelled:
		return "取消"
	case OutboundArchived:
		return "归档"
	}
	return "未知"
}
