package mapping

import (
	"strings"
)

// StockWarningCode names a warning of [StockExpression.Lint].
type StockWarningCode string

// The warnings.
const (
	// WarnDivisionByZero 除数恒为零: the expression never has a result. It comes alone.
	WarnDivisionByZero StockWarningCode = "division_by_zero"
	// WarnOversells 超卖: order_lock is not subtracted.
	WarnOversells StockWarningCode = "oversells"
	// WarnDoubleDeduction 重复扣减: pick_lock is a part of order_lock, and both are subtracted.
	WarnDoubleDeduction StockWarningCode = "double_deduction"
	// WarnPromiseStock 在途计入可售: goods that cannot be shipped today are counted.
	WarnPromiseStock StockWarningCode = "promise_stock"
	// WarnDefectiveStock 次品计入可售: defective goods are counted.
	WarnDefectiveStock StockWarningCode = "defective_stock"
	// WarnNeedsRequest 需请求: the term is returned only where it is asked for.
	WarnNeedsRequest StockWarningCode = "needs_request"
	// WarnMayBeAbsent 可能缺失: the term is returned only where the merchant set it up.
	WarnMayBeAbsent StockWarningCode = "may_be_absent"
	// WarnNotInIncrements 增量不含: a change of the term does not count as a change of the row.
	WarnNotInIncrements StockWarningCode = "not_in_increments"
	// WarnConstant 无库存项: the expression uses no figure of the row.
	WarnConstant StockWarningCode = "constant"
)

// StockWarning is what a merchant should know of an expression that is valid.
type StockWarning struct {
	Code  StockWarningCode
	Terms []StockTerm // which it is about, in the order of [StockTerms]
}

// String is the warning in English and Chinese.
func (w StockWarning) String() string { return w.English() + " / " + w.Chinese() }

// English is the warning in English.
func (w StockWarning) English() string {
	en, _ := w.texts()
	return w.insert(en, StockTerm.Field, ", ")
}

// Chinese is the warning in Chinese.
func (w StockWarning) Chinese() string {
	_, zh := w.texts()
	return w.insert(zh, StockTerm.String, "、")
}

func (w StockWarning) insert(text string, name func(StockTerm) string, comma string) string {
	names := make([]string, len(w.Terms))
	for i, t := range w.Terms {
		names[i] = name(t)
	}
	return strings.ReplaceAll(text, "{}", strings.Join(names, comma))
}

func (w StockWarning) texts() (en, zh string) {
	switch w.Code {
	case WarnOversells:
		return "{} is not subtracted: what orders hold is sold again", "未扣减{}: 已被订单占用的库存会再次售出, 可能超卖"
	case WarnDoubleDeduction:
		return "{} are both subtracted: pick_lock is a part of order_lock, so goods are deducted twice", "同时扣减了{}: 仓库待发数已包含在订单占用中, 会重复扣减"
	case WarnPromiseStock:
		return "{} counted as stock: these goods cannot be shipped today", "{}计入了库存: 这些货当天不能发出, 仅适合预售"
	case WarnDefectiveStock:
		return "{} counted as stock: defective goods would be sold", "{}计入了库存: 次品会被售出"
	case WarnNeedsRequest:
		return "{} is returned only when the inventory query sets has_lock_qty", "{}仅在查询库存时传 has_lock_qty 才返回"
	case WarnMayBeAbsent:
		return "{} may be absent or null: decide whether what is missing counts as zero", "{}可能未返回或为空: 请设置缺失时报错还是按 0 计"
	case WarnNotInIncrements:
		return "a change of {} alone does not change the row's modified time: incremental downloads miss it unless Jushuitan switches it on", "{}单独变化时不更新修改时间: 增量下载会漏掉, 除非聚水潭开通"
	case WarnDivisionByZero:
		return "a divisor is always zero: there is never a result", "除数恒为零: 永远没有结果"
	case WarnConstant:
		return "no stock figure is used: the result is the same for every SKU", "未使用任何库存项: 所有商品的结果都相同"
	}
	return string(w.Code), string(w.Code)
}

// Lint gives what is doubtful about the expression, in the order of the codes
// above; nil where nothing is.
func (e *StockExpression) Lint() []StockWarning {
	e = e.orActual()
	if e.dividesByZero() {
		return []StockWarning{{Code: WarnDivisionByZero}}
	}
	added, subtracted := e.directions()
	need := e.need()
	var list []StockWarning
	warn := func(code StockWarningCode, terms stockMask) {
		list = append(list, StockWarning{Code: code, Terms: terms.terms()})
	}
	some := func(code StockWarningCode, terms stockMask) {
		if terms != 0 {
			warn(code, terms)
		}
	}
	const (
		orderLock = stockMask(1 << TermOrderLock)
		pickLock  = stockMask(1 << TermPickLock)
		promise   = stockMask(1<<TermPurchaseQty | 1<<TermInQty | 1<<TermReturnQty | 1<<TermAllocateQty | 1<<TermSaleRefundQty)
		custom    = stockMask(1<<TermCustomizeQty1 | 1<<TermCustomizeQty2 | 1<<TermCustomizeQty3)
		optional  = custom | 1<<TermAllocateQty | 1<<TermSaleRefundQty | 1<<TermMinQty | 1<<TermMaxQty
		defective = stockMask(1 << TermDefectiveQty)
	)
	if need != 0 && subtracted&orderLock == 0 {
		warn(WarnOversells, orderLock)
	}
	if both := orderLock | pickLock; subtracted&both == both && (e.lin != nil || e.together(e.root(), 1)) {
		warn(WarnDoubleDeduction, orderLock|pickLock)
	}
	some(WarnPromiseStock, added&promise)
	some(WarnDefectiveStock, added&defective)
	some(WarnNeedsRequest, need&(1<<TermLockQty))
	some(WarnMayBeAbsent, need&optional)
	some(WarnNotInIncrements, need&(defective|custom))
	if need == 0 {
		warn(WarnConstant, 0)
	}
	return list
}

// directions gives the terms that make the result larger, and those that make it
// smaller. In a sum the coefs tell; elsewhere each place where a term is written.
func (e *StockExpression) directions() (added, subtracted stockMask) {
	if e.lin != nil {
		for _, c := range e.lin.coefs {
			if c.coef > 0 {
				added |= 1 << c.term
			} else {
				subtracted |= 1 << c.term
			}
		}
		return added, subtracted
	}
	e.signs(e.root(), 1, func(t StockTerm, sign int) {
		if sign > 0 {
			added |= 1 << t
		} else if sign < 0 {
			subtracted |= 1 << t
		}
	})
	return added, subtracted
}

// together tells whether a node subtracts both order_lock and pick_lock in one
// sum; max(order_lock,pick_lock) has them side by side and deducts one.
func (e *StockExpression) together(i int32, sign int) bool {
	n := &e.nodes[i]
	right := sign
	switch n.kind {
	case exprNumber, exprTerm:
		return false
	case exprNeg:
		return e.together(n.left, -sign)
	case exprFloor, exprCeil, exprRound:
		return e.together(n.left, sign)
	case exprMul, exprDiv:
		return e.together(n.left, sign*e.constantSign(n.right)) || e.together(n.right, sign*e.constantSign(n.left))
	case exprMax, exprMin:
		return e.together(n.left, sign) || e.together(n.right, sign)
	case exprSub:
		right = -sign
	}
	subtracts := func(i int32, sign int) (order, pick bool) {
		e.signs(i, sign, func(t StockTerm, sign int) {
			order = order || t == TermOrderLock && sign < 0
			pick = pick || t == TermPickLock && sign < 0
		})
		return order, pick
	}
	order, pick := subtracts(n.left, sign)
	orderToo, pickToo := subtracts(n.right, right)
	return order && pickToo || pick && orderToo || e.together(n.left, sign) || e.together(n.right, right)
}

// dividesByZero tells whether a divisor is zero whatever the row.
func (e *StockExpression) dividesByZero() bool {
	for i := range e.nodes {
		if n := &e.nodes[i]; n.kind == exprDiv {
			if c, ok := e.constant(n.right); ok && c.n == 0 {
				return true
			}
		}
	}
	return false
}
