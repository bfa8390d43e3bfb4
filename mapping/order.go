package mapping

import (
	"fmt"
	"log/slog"

	"github.com/shopspring/decimal"

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
	LineNo  string // 子订单号: of the line concerned, otherwise empty
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
// The error is an [*OrderUploadError]: the order number, shop, lines or a line number is
// missing, a line number is duplicate, a quantity is not a positive whole number, an amount
// is negative or has more decimals than the endpoint takes (two, a unit price four), a line's
// amount is not its price times its quantity, a gift costs something, the amounts do not add
// up as [dianjia.Order] states, or the order was paid before it was created. The client
// validates the required texts and their length.
func OrderUpload(o *dianjia.Order, payment OrderPayment) (jushuitan.OrderUpload, error) {
	bad := func(line, problem string) (jushuitan.OrderUpload, error) {
		return jushuitan.OrderUpload{}, &OrderUploadError{EntID: o.EntID, OrderNo: o.OrderNo, LineNo: line, Problem: problem}
	}
	if problem := orderProblem(o); problem != "" {
		return bad("", problem)
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
	lines := decimal.Decimal{}
	for _, it := range o.Items {
		switch {
		case it.LineNo == "":
			return bad("", fmt.Sprintf("the line of SKU %q has no number / 明细缺少子订单号", it.SKUCode))
		case seen[it.LineNo]:
			return bad(it.LineNo, "duplicate line number / 子订单号重复")
		}
		if problem := orderLineProblem(&it); problem != "" {
			return bad(it.LineNo, problem)
		}
		seen[it.LineNo] = true
		lines = lines.Add(it.Amount)
		u.Items = append(u.Items, jushuitan.OrderUploadItem{
			SKUID: it.SKUCode, ShopSKUID: it.SKUCode, Name: it.Name, Qty: it.Qty,
			Price: it.Price, BasePrice: orderBasePrice(&it), Amount: it.Amount, OuterOIID: it.LineNo, IsGift: it.IsGift,
		})
	}
	if want := lines.Sub(o.Discount).Add(o.Freight); !want.Equal(o.Amount) {
		return bad("", fmt.Sprintf("the amount payable is %s, but lines %s - discount %s + freight %s = %s: correct the amounts"+
			" / 应付金额 %[1]s 与 明细 %[2]s - 优惠 %[3]s + 运费 %[4]s = %[5]s 不符，请核对",
			o.Amount, lines, o.Discount, o.Freight, want))
	}
	return u, nil
}

// orderProblem returns what is wrong with an order, apart from its lines.
func orderProblem(o *dianjia.Order) string {
	switch {
	case o.OrderNo == "":
		return "the order number is missing / 缺少订单号"
	case o.ShopID == 0:
		return "the shop is missing: configure the shop_id of the self-owned mall / 缺少自有商城店铺编号，请先配置"
	case len(o.Items) == 0:
		return "the order has no lines / 没有明细"
	case !o.Paid.IsZero() && o.Paid.Before(o.Created):
		return "the payment time is before the creation time: check both times and their zone / 付款时间早于下单时间，请核对时间与时区"
	}
	for _, amount := range []orderAmount{
		{"the amount payable", "应付金额", o.Amount, 2}, {"the discount", "优惠金额", o.Discount, 2}, {"the freight", "运费", o.Freight, 2},
	} {
		if problem := amount.problem(); problem != "" {
			return problem
		}
	}
	return ""
}

// An orderAmount is an amount of an order with the decimals that the endpoint takes.
type orderAmount struct {
	name, title string
	value       decimal.Decimal
	places      int32
}

func (a orderAmount) problem() string {
	switch {
	case a.value.IsNegative():
		return fmt.Sprintf("%s is negative: %s / %s不能为负：%[2]s", a.name, a.value, a.title)
	case !a.value.Equal(a.value.Truncate(a.places)):
		return fmt.Sprintf("%s has more than %d decimals: %s / %s最多 %[2]d 位小数：%[3]s", a.name, a.places, a.value, a.title)
	}
	return ""
}

// orderLineProblem returns what is wrong with the figures of a line.
func orderLineProblem(it *dianjia.OrderItem) string {
	switch {
	case !it.Qty.IsPositive():
		return "the quantity must be positive / 数量必须大于 0"
	case !it.Qty.IsInteger():
		return fmt.Sprintf("the quantity is not a whole number: %s / 数量必须为整数：%[1]s", it.Qty)
	}
	for _, amount := range []orderAmount{
		{"the price", "成交单价", it.Price, 4}, {"the amount of the line", "成交金额", it.Amount, 2}, {"the list price", "原价", it.BasePrice, 2},
	} {
		if problem := amount.problem(); problem != "" {
			return problem
		}
	}
	switch {
	case it.IsGift && !it.Amount.IsZero():
		return fmt.Sprintf("the line is a gift, but its amount is %s: it must be 0 / 赠品的成交金额应为 0，实际为 %[1]s", it.Amount)
	case it.IsGift && !it.Price.IsZero():
		return fmt.Sprintf("the line is a gift, but its price is %s: the paid price must be 0, BasePrice has the list price / 赠品的成交单价应为 0，实际为 %[1]s，原价请填 BasePrice", it.Price)
	}
	if off := it.Price.Mul(it.Qty).Sub(it.Amount).Abs(); off.GreaterThan(orderRounding(it)) {
		return fmt.Sprintf("the amount is %s, but %s pieces at %s cost %s / 成交金额 %[1]s 与 数量 %[2]s x 单价 %[3]s = %[4]s 不符",
			it.Amount, it.Qty, it.Price, it.Price.Mul(it.Qty))
	}
	return ""
}

// orderRounding returns by how much the amount of a line may differ from its price times its
// quantity: the price is rounded to its decimals, two at least, and the amount to cents.
func orderRounding(it *dianjia.OrderItem) decimal.Decimal {
	cent := decimal.New(1, -2)
	for places := int32(2); places < 4; places++ {
		if it.Price.Equal(it.Price.Truncate(places)) {
			return decimal.Max(it.Qty.Mul(decimal.New(1, -places)), cent)
		}
	}
	return decimal.Max(it.Qty.Mul(decimal.New(1, -4)), cent)
}

// orderBasePrice returns the list price in the two decimals that the endpoint takes. A list price
// of zero is none: an order that went through JSON has 0 in its place.
func orderBasePrice(it *dianjia.OrderItem) decimal.Decimal {
	if it.BasePrice.IsZero() {
		return it.Price.Round(2)
	}
	return it.BasePrice
}

// Format prints the payment for people, without accounts.
func (p OrderPayment) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the payment for slog, without accounts.
func (p OrderPayment) LogValue() slog.Value { return redact.LogValue(p) }
