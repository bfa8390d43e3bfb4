package mapping

import (
	"fmt"
	"log/slog"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// OrderPayment 支付 is the payment of an order, apart from its time and amount. Jushuitan
// requires all fields for a paid order.
type OrderPayment struct {
	ID            string // 外部支付单号: outer_pay_id
	Method        string // 支付方式: such as 微信, up to 20 characters
	SellerAccount string `pii:"true"` // 收款账户
	BuyerAccount  string `pii:"true"` // 买家支付账号
}

// OrderUploadError reports why an order cannot be uploaded.
type OrderUploadError struct {
	EntID   string // 商家
	OrderNo string // 订单号
	LineNo  string // 子订单号: of the line that it is about, else empty
	Problem string // in English and Chinese
}

// Error names the order, the line and what is wrong.
func (e *OrderUploadError) Error() string {
	text := fmt.Sprintf("mapping: upload of order %q of merchant %q", e.OrderNo, e.EntID)
	if e.LineNo != "" {
		text += fmt.Sprintf(", line %q", e.LineNo)
	}
	return text + ": " + e.Problem
}

// OrderUpload returns the row of client.Orders.Upload for a DianJia order that a
// Jushuitan warehouse ships (业务二 线下订单线上发货). The order number becomes the so_id, which
// makes the upload idempotent, and the line number the outer_oi_id, by which shipments
// and returns refer to the line. An order with a payment time is uploaded as paid (待发货)
// with its payment; otherwise it waits for payment (待付款) and payment is ignored.
//
// The error is an [*OrderUploadError] if the order number, shop, lines or a line number
// is missing, a line number is duplicate, or a quantity is not positive. The client
// validates the required texts and their length.
func OrderUpload(o *dianjia.Order, payment OrderPayment) (jushuitan.OrderUpload, error) {
	bad := func(line, problem string) (jushuitan.OrderUpload, error) {
		return jushuitan.OrderUpload{}, &OrderUploadError{EntID: o.EntID, OrderNo: o.OrderNo, LineNo: line, Problem: problem}
	}
	switch {
	case o.OrderNo == "":
		return bad("", "it has no order number / 缺少订单号")
	case o.ShopID == 0:
		return bad("", "no shop: configure the shop_id of the self-owned mall / 缺少自有商城店铺编号")
	case len(o.Items) == 0:
		return bad("", "it has no lines / 没有明细")
	}
	state := OrderUnpaid
	if !o.Paid.IsZero() {
		state = OrderPaid
	}
	status, _ := state.ShopStatus(state == OrderPaid)
	u := jushuitan.OrderUpload{
		ShopID: o.ShopID, SoID: o.OrderNo, OrderDate: o.Created, ShopStatus: status, ShopModified: o.Created,
		ShopBuyerID: o.BuyerID, BuyerMessage: o.BuyerMessage, Remark: o.Remark, PayAmount: o.Amount, Freight: o.Freight,
		ReceiverName: o.ReceiverName, ReceiverMobile: o.ReceiverMobile, ReceiverState: o.ReceiverState,
		ReceiverCity: o.ReceiverCity, ReceiverDistrict: o.ReceiverDistrict, ReceiverAddress: o.ReceiverAddress,
	}
	if state == OrderPaid {
		u.ShopModified = o.Paid
		u.Pay = &jushuitan.OrderUploadPay{
			OuterPayID: payment.ID, Payment: payment.Method, SellerAccount: payment.SellerAccount, BuyerAccount: payment.BuyerAccount,
			PayDate: o.Paid, Amount: o.Amount,
		}
	}
	seen := make(map[string]bool, len(o.Items))
	for _, it := range o.Items {
		switch {
		case it.LineNo == "":
			return bad("", fmt.Sprintf("the line of SKU %q has no number / 明细缺少子订单号", it.SKUCode))
		case seen[it.LineNo]:
			return bad(it.LineNo, "duplicate line number / 子订单号重复")
		case !it.Qty.IsPositive():
			return bad(it.LineNo, "the quantity is not above zero / 数量必须大于 0")
		}
		seen[it.LineNo] = true
		u.Items = append(u.Items, jushuitan.OrderUploadItem{
			SKUID: it.SKUCode, ShopSKUID: it.SKUCode, Name: it.Name, Qty: it.Qty,
			Price: it.Price, BasePrice: it.Price, Amount: it.Amount, OuterOIID: it.LineNo,
		})
	}
	return u, nil
}

// Format prints the payment for people, without accounts.
func (p OrderPayment) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the payment for slog, without accounts.
func (p OrderPayment) LogValue() slog.Value { return redact.LogValue(p) }
