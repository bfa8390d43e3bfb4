package formula

import (
	"strings"
)

// WarningCode identifies a warning of [Formula.Lint].
type WarningCode string

// The codes.
const (
	// WarnDivisionByZero 除数恒为零：the formula never has a result. It is the only warning then.
	WarnDivisionByZero WarningCode = "division_by_zero"
	// WarnOversells 超卖: order_lock is not subtracted.
	WarnOversells WarningCode = "oversells"
	// WarnDoubleDeduction 重复扣减: pick_lock is a part of order_lock, and both are subtracted.
	WarnDoubleDeduction WarningCode = "double_deduction"
	// WarnPromiseStock 在途计入可售: goods that cannot be shipped today are counted.
	WarnPromiseStock WarningCode = "promise_stock"
	// WarnDefectiveStock 次品计入可售: defective goods are counted.
	WarnDefectiveStock WarningCode = "defective_stock"
	// WarnNeedsRequest 需请求: the term is returned only on request.
	WarnNeedsRequest WarningCode = "needs_request"
	// WarnMayBeAbsent 可能缺失: the term is returned only if the merchant configured it.
	WarnMayBeAbsent WarningCode = "may_be_absent"
	// WarnNotInIncrements 增量不含: a change of the term does not count as a change of the row.
	WarnNotInIncrements WarningCode = "not_in_increments"
	// WarnConstant 无库存项: the formula uses no figure of the row.
	WarnConstant WarningCode = "constant"
)

// Warning is a doubtful property of a valid formula.
type Warning struct {
	Code  WarningCode
	Terms []Term // the terms concerned, in the order of [Terms]
}

// String returns the warning in English and Chinese.
func (w Warning) String() string { return w.English() + " / " + w.Chinese() }

// English returns the warning in English.
func (w Warning) English() string {
	en, _ := w.texts()
	return w.insert(en, Term.Field, ", ")
}

// Chinese returns the warning in Chinese.
func (w Warning) Chinese() string {
	_, zh := w.texts()
	return w.insert(zh, Term.String, "、")
}

func (w Warning) insert(text string, name func(Term) string, comma string) string {
	names := make([]string, len(w.Terms))
	for i, t := range w.Terms {
		names[i] = name(t)
	}
	return strings.ReplaceAll(text, "{}", strings.Join(names, comma))
}

func (w Warning) texts() (en, zh string) {
	switch w.Code {
	case WarnOversells:
		return "{} is not subtracted: stock held by orders is sold again", "未扣减{}：已被订单占用的库存会再次售出，可能超卖"
	case WarnDoubleDeduction:
		return "{} are both subtracted: pick_lock is a part of order_lock, so goods are deducted twice", "同时扣减了{}：仓库待发数已包含在订单占用中，会重复扣减"
	case WarnPromiseStock:
		return "{} counted as stock: these goods cannot be shipped today", "{}计入了库存：这些货当天不能发出，仅适合预售"
	case WarnDefectiveStock:
		return "{} counted as stock: defective goods would be sold", "{}计入了库存：次品会被售出"
	case WarnNeedsRequest:
		return "{} is returned only when the inventory query sets has_lock_qty", "{}仅在查询库存时传 has_lock_qty 才返回"
	case WarnMayBeAbsent:
		return "{} may be absent or null: decide whether what is missing counts as zero", "{}可能未返回或为空：请设置缺失时报错还是按 0 计"
	case WarnNotInIncrements:
		return "a change of {} alone does not change the row's modified time: incremental downloads miss it unless Jushuitan switches it on", "{}单独变化时不更新修改时间：增量下载会漏掉，除非聚水潭开通"
	case WarnDivisionByZero:
		return "a divisor is always zero: there is never a result", "除数恒为零：永远没有结果"
	case WarnConstant:
		return "no stock figure is used: the result is the same for every SKU", "未使用任何库存项：所有商品的结果都相同"
	}
	return string(w.Code), string(w.Code)
}

// Lint returns the warnings for the formula, in the order of the codes above; nil if
// there are none.
func (f *Formula) Lint() []Warning {
	f = f.orActual()
	if f.dividesByZero() {
		return []Warning{{Code: WarnDivisionByZero}}
	}
	added, subtracted := f.directions()
	need := f.need()
	var list []Warning
	warn := func(code WarningCode, terms termSet) {
		list = append(list, Warning{Code: code, Terms: terms.terms()})
	}
	some := func(code WarningCode, terms termSet) {
		if terms != 0 {
			warn(code, terms)
		}
	}
	const (
		orderLock = termSet(1 << TermOrderLock)
		pickLock  = termSet(1 << TermPickLock)
		promise   = termSet(1<<TermPurchaseQty | 1<<TermInQty | 1<<TermReturnQty | 1<<TermAllocateQty | 1<<TermSaleRefundQty)
		custom    = termSet(1<<TermCustomizeQty1 | 1<<TermCustomizeQty2 | 1<<TermCustomizeQty3)
		optional  = custom | 1<<TermAllocateQty | 1<<TermSaleRefundQty | 1<<TermMinQty | 1<<TermMaxQty
		defective = termSet(1 << TermDefectiveQty)
	)
	if need != 0 && subtracted&orderLock == 0 {
		warn(WarnOversells, orderLock)
	}
	if both := orderLock | pickLock; subtracted&both == both && (f.lin != nil || f.together(f.root(), 1)) {
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

// directions returns the terms that make the result larger, and those that make it
// smaller. In a sum the coefs tell; elsewhere each place where a term is written.
func (f *Formula) directions() (added, subtracted termSet) {
	if f.lin != nil {
		for _, c := range f.lin.coefs {
			if c.coef > 0 {
				added |= 1 << c.term
			} else {
				subtracted |= 1 << c.term
			}
		}
		return added, subtracted
	}
	f.signs(f.root(), 1, func(t Term, sign int) {
		if sign > 0 {
			added |= 1 << t
		} else if sign < 0 {
			subtracted |= 1 << t
		}
	})
	return added, subtracted
}

// together reports whether a node subtracts both order_lock and pick_lock in one
// sum; max(order_lock,pick_lock) has them side by side and deducts one.
func (f *Formula) together(i int32, sign int) bool {
	n := &f.nodes[i]
	left, right := sign, sign
	switch n.op {
	case opNumber, opTerm:
		return false
	case opNeg:
		return f.together(n.left, -sign)
	case opFloor, opCeil, opRound:
		return f.together(n.left, sign)
	case opMul, opDiv:
		left, right = sign*f.constantSign(n.right), sign*f.constantSign(n.left)
	case opSub:
		right = -sign
	}
	if n.op == opAdd || n.op == opSub {
		order, pick := f.subtractsLocks(n.left, left)
		orderToo, pickToo := f.subtractsLocks(n.right, right)
		if order && pickToo || pick && orderToo {
			return true
		}
	}
	return f.together(n.left, left) || f.together(n.right, right)
}

// subtractsLocks reports which of order_lock and pick_lock a node subtracts.
func (f *Formula) subtractsLocks(i int32, sign int) (order, pick bool) {
	f.signs(i, sign, func(t Term, sign int) {
		order = order || t == TermOrderLock && sign < 0
		pick = pick || t == TermPickLock && sign < 0
	})
	return order, pick
}

// dividesByZero reports whether a divisor is zero whatever the row.
func (f *Formula) dividesByZero() bool {
	for i := range f.nodes {
		if n := &f.nodes[i]; n.op == opDiv {
			if c, ok := f.constant(n.right); ok && c.n == 0 {
				return true
			}
		}
	}
	return false
}
