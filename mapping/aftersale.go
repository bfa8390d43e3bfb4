package mapping

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// An afterSaleType is a kind of return in Jushuitan: the type of the case and that of its lines.
type afterSaleType struct{ whole, row string }

var afterSaleTypes = map[dianjia.ReturnKind]afterSaleType{
	dianjia.ReturnGoods:    {"普通退货", jushuitan.AfterSaleTypeReturn},
	dianjia.ReturnRefund:   {"仅退款", jushuitan.AfterSaleTypeOther},
	dianjia.ReturnRefused:  {"拒收退货", jushuitan.AfterSaleTypeReturn},
	dianjia.ReturnExchange: {"换货", jushuitan.AfterSaleTypeReturn},
}

// returnStates are the shop_status of an after-sale case (平台售后状态).
var returnStates = map[dianjia.ReturnState]string{
	dianjia.ReturnAsked: "WAIT_SELLER_AGREE", dianjia.ReturnAgreed: "WAIT_BUYER_RETURN_GOODS",
	dianjia.ReturnSent: "WAIT_SELLER_CONFIRM_GOODS", dianjia.ReturnRejected: "SELLER_REFUSE_BUYER",
	dianjia.ReturnClosed: "CLOSED", dianjia.ReturnDone: "SUCCESS",
}

// goodsStates are the good_status of an after-sale case (货物状态).
var goodsStates = map[dianjia.GoodsState]string{
	dianjia.GoodsNotReceived: jushuitan.GoodStatusBuyerNotReceived, dianjia.GoodsWithBuyer: jushuitan.GoodStatusBuyerReceived,
	dianjia.GoodsSentBack: jushuitan.GoodStatusBuyerReturnedGoods, dianjia.GoodsReceived: jushuitan.GoodStatusSellerReceived,
}

// ReturnShopStatus returns the shop_status of a return's state; ok is false for an unknown
// state.
func ReturnShopStatus(s dianjia.ReturnState) (shopStatus string, ok bool) {
	shopStatus, ok = returnStates[s]
	return shopStatus, ok
}

// ReturnStateOf returns the state for a shop_status of an after-sale case; ok is false for an
// undocumented one.
func ReturnStateOf(shopStatus string) (s dianjia.ReturnState, ok bool) {
	for s, status := range returnStates {
		if status == shopStatus {
			return s, true
		}
	}
	return "", false
}

// GoodStatus returns the good_status of a goods state; ok is false for an unknown state.
func GoodStatus(s dianjia.GoodsState) (goodStatus string, ok bool) {
	goodStatus, ok = goodsStates[s]
	return goodStatus, ok
}

// GoodsStateOf returns the state for a good_status; ok is false for an undocumented one.
func GoodsStateOf(goodStatus string) (s dianjia.GoodsState, ok bool) {
	for s, status := range goodsStates {
		if status == goodStatus {
			return s, true
		}
	}
	return "", false
}

// ReturnError reports why a return cannot be uploaded, or why a push cannot be applied to it.
type ReturnError struct {
	EntID    string // 商家
	ReturnNo string // 售后单号
	SKUCode  string // 商品编码: of the line concerned, otherwise empty
	Problem  string // in English and Chinese
}

// Error names the return, the SKU and what is wrong.
func (e *ReturnError) Error() string {
	text := fmt.Sprintf("mapping: return %q of merchant %q", e.ReturnNo, e.EntID)
	if e.SKUCode != "" {
		text += fmt.Sprintf(", SKU %q", e.SKUCode)
	}
	return text + ": " + e.Problem
}

// AfterSaleUpload returns the row of client.AfterSales.Upload for a return (售后上传). The
// number becomes the outer_as_id. The refund may be a part of the order's total (部分退款). The
// error is a [*ReturnError]: a number, the shop, the reason or the lines are missing, the
// kind or a state is unknown, a quantity is not a positive whole number, an amount is
// negative or has more than two decimals, the lines' amounts exceed the refund, or the refund
// exceeds the order's total.
func AfterSaleUpload(r *dianjia.Return) (jushuitan.AfterSaleUpload, error) {
	bad := func(sku, problem string) (jushuitan.AfterSaleUpload, error) {
		return jushuitan.AfterSaleUpload{}, &ReturnError{EntID: r.EntID, ReturnNo: r.ReturnNo, SKUCode: sku, Problem: problem}
	}
	if problem := returnProblem(r); problem != "" {
		return bad("", problem)
	}
	kind := afterSaleTypes[r.Kind]
	u := jushuitan.AfterSaleUpload{
		ShopID: r.ShopID, OuterASID: r.ReturnNo, SoID: r.OrderNo, Type: kind.whole,
		ShopStatus: returnStates[r.State], GoodStatus: goodsStates[r.Goods],
		QuestionType: r.Reason, TotalAmount: r.Total, Refund: r.Refund, LogisticsCompany: r.CarrierName, LID: r.WaybillNo, Remark: r.Remark,
	}
	lines := decimal.Decimal{}
	for _, it := range r.Items {
		if problem := returnLineProblem(&it); problem != "" {
			return bad(it.SKUCode, problem)
		}
		lines = lines.Add(it.Amount)
		u.Items = append(u.Items, jushuitan.AfterSaleUploadItem{
			OuterOIID: it.LineNo, SKUID: it.SKUCode, Qty: it.Qty, Amount: it.Amount, Type: kind.row,
		})
	}
	switch {
	case lines.GreaterThan(r.Refund):
		return bad("", fmt.Sprintf("the lines add up to %s, more than the refund of %s: correct the amounts / 明细合计 %[1]s 超过退款金额 %[2]s，请核对金额", lines, r.Refund))
	case r.Refund.GreaterThan(r.Total):
		return bad("", fmt.Sprintf("the refund of %s exceeds the order's total of %s: correct the amounts / 退款金额 %[1]s 超过原单总金额 %[2]s，请核对金额", r.Refund, r.Total))
	}
	return u, nil
}

// returnProblem returns what is wrong with a return, apart from its lines.
func returnProblem(r *dianjia.Return) string {
	_, kind := afterSaleTypes[r.Kind]
	_, state := returnStates[r.State]
	_, goods := goodsStates[r.Goods]
	switch {
	case r.ReturnNo == "" || r.OrderNo == "" || r.ShopID == 0:
		return "the return number, the order number or the shop is missing / 缺少售后单号、订单号或店铺编号"
	case !kind || !state || !goods:
		return fmt.Sprintf("the kind %q, the state %q or the goods state %q is none of dianjia's constants / 售后类型、售后状态或货物状态不是 dianjia 包的常量",
			r.Kind, r.State, r.Goods)
	case r.Reason == "":
		return "the reason is missing / 缺少售后原因"
	case len(r.Items) == 0:
		return "the return has no lines / 没有明细"
	}
	for _, amount := range []orderAmount{{"the refund", "退款金额", r.Refund, 2}, {"the order's total", "原单总金额", r.Total, 2}} {
		if problem := amount.problem(); problem != "" {
			return problem
		}
	}
	return ""
}

// returnLineProblem returns what is wrong with a line.
func returnLineProblem(it *dianjia.ReturnItem) string {
	switch {
	case it.SKUCode == "":
		return "a line has no SKU code / 明细缺少商品编码"
	case !it.Qty.IsPositive() || !it.Qty.IsInteger():
		return fmt.Sprintf("the quantity is not a positive whole number: %s / 数量必须为正整数：%[1]s", it.Qty)
	}
	return orderAmount{"the amount of the line", "明细退款金额", it.Amount, 2}.problem()
}

// ReturnReceived applies a push about returned goods (售后收货) to a return and returns the
// result; the return is not modified. Received quantities are added, and subtracted again if
// the receipt is revoked (取消收货). A push may cover a part of the return. The error is a
// [*ReturnError]: the push belongs to another return, the action or a quantity is unknown, a
// SKU is not in the return, or the push revokes more than was received.
func ReturnReceived(r *dianjia.Return, push *jushuitan.GoodsReturnedPush) (dianjia.Return, error) {
	bad := func(sku, problem string) (dianjia.Return, error) {
		return *r, &ReturnError{EntID: r.EntID, ReturnNo: r.ReturnNo, SKUCode: sku, Problem: problem}
	}
	out := *r
	out.Items = slices.Clone(r.Items)
	switch {
	case push.OuterASID != r.ReturnNo:
		return bad("", fmt.Sprintf("the push belongs to return %q / 推送属于售后单 %[1]q", push.OuterASID))
	case push.Action != jushuitan.GoodsReceived && push.Action != jushuitan.GoodsRevoked:
		return bad("", fmt.Sprintf("the action %q is unknown: have a person decide / 操作 %[1]q 未知，请人工处理", push.Action))
	}
	for _, line := range push.Items {
		if problem := receiveLine(out.Items, &line, push.Action); problem != "" {
			return bad(line.SKUID, problem)
		}
	}
	whole, some := true, false
	for _, it := range out.Items {
		whole, some = whole && it.Received.GreaterThanOrEqual(it.Qty), some || it.Received.IsPositive()
	}
	switch {
	case whole:
		out.Goods = dianjia.GoodsReceived
	case out.Goods == dianjia.GoodsReceived || some:
		out.Goods = dianjia.GoodsSentBack
	}
	return out, nil
}

// receiveLine applies a line of a push to the lines of its SKU, and returns what is wrong with it.
// Each line receives up to its quantity, and the last one the rest; what is revoked is taken from
// the last line first, which has what was not announced.
func receiveLine(items []dianjia.ReturnItem, line *jushuitan.GoodsReturnedPushItem, action jushuitan.GoodsAction) string {
	if line.Qty == (decimal.Decimal{}) || line.Qty.IsNegative() {
		return "the quantity is unknown: query the receipt with AfterSales.QueryReturnReceipts / 数量未知，请查询实际收货（AfterSales.QueryReturnReceipts）"
	}
	var of []*dianjia.ReturnItem
	for i := range items {
		if items[i].SKUCode == line.SKUID {
			of = append(of, &items[i])
		}
	}
	if len(of) == 0 {
		return "the SKU is not in the return: have a person decide / 该商品不在售后单中，请人工处理"
	}
	last, left := of[len(of)-1], line.Qty
	if action == jushuitan.GoodsReceived {
		for _, it := range of {
			part := decimal.Max(decimal.Min(left, it.Qty.Sub(it.Received)), decimal.Decimal{})
			it.Received, left = it.Received.Add(part), left.Sub(part)
		}
		last.Received = last.Received.Add(left) // more than the return announced
		return ""
	}
	for _, it := range slices.Backward(of) {
		part := decimal.Min(left, it.Received)
		it.Received, left = it.Received.Sub(part), left.Sub(part)
	}
	if left.IsPositive() {
		return fmt.Sprintf("the push revokes %s more than was received: have a person decide / 取消收货数量比已收数量多 %[1]s，请人工处理", left)
	}
	return ""
}
