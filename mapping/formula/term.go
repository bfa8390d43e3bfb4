package formula

import (
	"math"
	"math/bits"
)

// Term 库存项 is a figure of Jushuitan's inventory row that a stock
// formula can use.
type Term uint8

// The terms, with the words of the guide and the names of the fields.
const (
	TermQty           Term = iota // 实际库存 qty: physical stock
	TermVirtualQty                // 虚拟库存 virtual_qty
	TermPurchaseQty               // 采购在途 purchase_qty: on the way from suppliers
	TermInQty                     // 进货仓库存 in_qty: in the incoming sub-warehouse
	TermReturnQty                 // 销退仓库存 return_qty: in the sales-return sub-warehouse
	TermOrderLock                 // 订单占用 order_lock: held by orders
	TermPickLock                  // 仓库待发数 pick_lock: waiting to be sent, a part of order_lock
	TermAllocateQty               // 调拨在途 allocate_qty: only if the merchant configured it
	TermSaleRefundQty             // 销退在途 sale_refund_qty: only if the merchant configured it
	TermDefectiveQty              // 次品仓库存 defective_qty
	TermLockQty                   // 锁定库存 lock_qty: only if the query sets has_lock_qty
	TermMinQty                    // 安全库存下限 min_qty: may be null
	TermMaxQty                    // 安全库存上限 max_qty: may be null
	TermCustomizeQty1             // 自定义仓1 customize_qty_1: only if the merchant configured it
	TermCustomizeQty2             // 自定义仓2 customize_qty_2: only if the merchant configured it
	TermCustomizeQty3             // 自定义仓3 customize_qty_3: only if the merchant configured it
)

const termCount = 16

// termSet is a set of terms, one bit each.
type termSet uint16

func (m termSet) has(t Term) bool { return m>>t&1 != 0 }

// first returns the first term of a set that is not empty.
func (m termSet) first() Term { return Term(bits.TrailingZeros16(uint16(m))) }

func (m termSet) terms() []Term {
	var list []Term
	for t := range Term(termCount) {
		if m.has(t) {
			list = append(list, t)
		}
	}
	return list
}

// Terms returns all terms, for a settings page.
func Terms() []Term { return termSet(math.MaxUint16).terms() }

// String returns the Chinese word, such as 实际库存.
func (t Term) String() string {
	if t >= termCount {
		return "?"
	}
	return termNames[t].label
}

// Field returns the field name in Jushuitan's inventory row, such as qty.
func (t Term) Field() string {
	if t >= termCount {
		return "?"
	}
	return termNames[t].field
}

// termNames are the words that stand for a term in a formula.
var termNames = [termCount]struct {
	label, field string
	also         string // another word for it: the one of Jushuitan's own page
}{
	TermQty:           {"实际库存", "qty", "主仓实际库存"},
	TermVirtualQty:    {"虚拟库存", "virtual_qty", ""},
	TermPurchaseQty:   {"采购在途", "purchase_qty", "采购在途数"},
	TermInQty:         {"进货仓库存", "in_qty", ""},
	TermReturnQty:     {"销退仓库存", "return_qty", ""},
	TermOrderLock:     {"订单占用", "order_lock", "订单占有数"},
	TermPickLock:      {"仓库待发数", "pick_lock", ""},
	TermAllocateQty:   {"调拨在途", "allocate_qty", "调拨在途数"},
	TermSaleRefundQty: {"销退在途", "sale_refund_qty", "销退在途数"},
	TermDefectiveQty:  {"次品仓库存", "defective_qty", "次品库存"},
	TermLockQty:       {"锁定库存", "lock_qty", "库存锁定数"},
	TermMinQty:        {"安全库存下限", "min_qty", "库容下限"},
	TermMaxQty:        {"安全库存上限", "max_qty", "库容上限"},
	TermCustomizeQty1: {"自定义仓1", "customize_qty_1", ""},
	TermCustomizeQty2: {"自定义仓2", "customize_qty_2", ""},
	TermCustomizeQty3: {"自定义仓3", "customize_qty_3", ""},
}

// termNamed finds a term by one of its names.
func termNamed(name string) (Term, bool) {
	for t := range termNames {
		if n := &termNames[t]; name == n.label || name == n.field || name == n.also {
			return Term(t), true
		}
	}
	return 0, false
}
