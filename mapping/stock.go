package mapping

import (
	"math"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// StockTerm 库存项 is a figure of Jushuitan's inventory row that a stock
// expression can use.
type StockTerm uint8

// The terms, with the words of the guide and the names of the fields.
const (
	TermQty           StockTerm = iota // 实际库存 qty: physical stock
	TermVirtualQty                     // 虚拟库存 virtual_qty
	TermPurchaseQty                    // 采购在途 purchase_qty: on the way from suppliers
	TermInQty                          // 进货仓库存 in_qty: in the incoming sub-warehouse
	TermReturnQty                      // 销退仓库存 return_qty: in the sales-return sub-warehouse
	TermOrderLock                      // 订单占用 order_lock: held by orders
	TermPickLock                       // 仓库待发数 pick_lock: waiting to be sent, a part of order_lock
	TermAllocateQty                    // 调拨在途 allocate_qty: only where the merchant set it up
	TermSaleRefundQty                  // 销退在途 sale_refund_qty: only where the merchant set it up
	TermDefectiveQty                   // 次品仓库存 defective_qty
	TermLockQty                        // 锁定库存 lock_qty: only where has_lock_qty was asked for
	TermMinQty                         // 安全库存下限 min_qty: may be null
	TermMaxQty                         // 安全库存上限 max_qty: may be null
	TermCustomizeQty1                  // 自定义仓1 customize_qty_1: only where the merchant set it up
	TermCustomizeQty2                  // 自定义仓2 customize_qty_2: as above
	TermCustomizeQty3                  // 自定义仓3 customize_qty_3: as above
)

const stockTerms = 16

// stockMask is a set of terms, one bit each.
type stockMask uint16

func (m stockMask) has(t StockTerm) bool { return m>>t&1 != 0 }

func (m stockMask) terms() []StockTerm {
	var list []StockTerm
	for t := range StockTerm(stockTerms) {
		if m.has(t) {
			list = append(list, t)
		}
	}
	return list
}

// StockTerms gives all terms, for a settings page.
func StockTerms() []StockTerm { return stockMask(math.MaxUint16).terms() }

// String is the Chinese word, such as 实际库存.
func (t StockTerm) String() string {
	if t >= stockTerms {
		return "?"
	}
	return stockTermName(t).label
}

// Field is the name in Jushuitan's inventory row, such as qty.
func (t StockTerm) Field() string {
	if t >= stockTerms {
		return "?"
	}
	return stockTermName(t).field
}

type stockName struct {
	label, field string
	also         string // another word for it: the one of Jushuitan's own page
}

func stockTermName(t StockTerm) stockName {
	return [stockTerms]stockName{
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
	}[t]
}

// stockTermOf finds a term by one of its names. A test holds it to stockTermName.
func stockTermOf(name string) (StockTerm, bool) {
	switch name {
	case "实际库存", "qty", "主仓实际库存":
		return TermQty, true
	case "虚拟库存", "virtual_qty":
		return TermVirtualQty, true
	case "采购在途", "purchase_qty", "采购在途数":
		return TermPurchaseQty, true
	case "进货仓库存", "in_qty":
		return TermInQty, true
	case "销退仓库存", "return_qty":
		return TermReturnQty, true
	case "订单占用", "order_lock", "订单占有数":
		return TermOrderLock, true
	case "仓库待发数", "pick_lock":
		return TermPickLock, true
	case "调拨在途", "allocate_qty", "调拨在途数":
		return TermAllocateQty, true
	case "销退在途", "sale_refund_qty", "销退在途数":
		return TermSaleRefundQty, true
	case "次品仓库存", "defective_qty", "次品库存":
		return TermDefectiveQty, true
	case "锁定库存", "lock_qty", "库存锁定数":
		return TermLockQty, true
	case "安全库存下限", "min_qty", "库容下限":
		return TermMinQty, true
	case "安全库存上限", "max_qty", "库容上限":
		return TermMaxQty, true
	case "自定义仓1", "customize_qty_1":
		return TermCustomizeQty1, true
	case "自定义仓2", "customize_qty_2":
		return TermCustomizeQty2, true
	case "自定义仓3", "customize_qty_3":
		return TermCustomizeQty3, true
	}
	return 0, false
}

// Stock 库存 holds the figures of one SKU. A figure that was never set is unknown,
// which is not zero. The zero value knows nothing.
type Stock struct {
	SKUID string // 商品编码: named in errors

	known  stockMask
	values [stockTerms]decimal.Decimal // zero where unknown
}

// NewStock makes the stock of a SKU from the figures that are known.
func NewStock(skuID string, figures map[StockTerm]decimal.Decimal) Stock {
	s := Stock{SKUID: skuID}
	for t, v := range figures {
		s.Set(t, v)
	}
	return s
}

// StockOf takes the figures of an inventory row (商品库存查询). What the answer did
// not hold, or held as null, is unknown: that is a field which is still
// [decimal.Decimal]'s zero value; a zero that was sent is not.
func StockOf(row *jushuitan.InventoryRow) (s Stock) {
	s.SKUID = row.SKUID
	s.take(TermQty, row.Qty)
	s.take(TermVirtualQty, row.VirtualQty)
	s.take(TermPurchaseQty, row.PurchaseQty)
	s.take(TermInQty, row.InQty)
	s.take(TermReturnQty, row.ReturnQty)
	s.take(TermOrderLock, row.OrderLock)
	s.take(TermPickLock, row.PickLock)
	s.take(TermAllocateQty, row.AllocateQty)
	s.take(TermSaleRefundQty, row.SaleRefundQty)
	s.take(TermDefectiveQty, row.DefectiveQty)
	s.take(TermLockQty, row.LockQty)
	s.take(TermMinQty, row.MinQty)
	s.take(TermMaxQty, row.MaxQty)
	s.take(TermCustomizeQty1, row.CustomizeQty1)
	s.take(TermCustomizeQty2, row.CustomizeQty2)
	s.take(TermCustomizeQty3, row.CustomizeQty3)
	return s
}

func (s *Stock) take(t StockTerm, v decimal.Decimal) {
	if v != (decimal.Decimal{}) {
		s.known |= 1 << t
		s.values[t] = v
	}
}

// Set makes a figure known. A term that does not exist is passed over.
func (s *Stock) Set(t StockTerm, v decimal.Decimal) {
	if t < stockTerms {
		s.known |= 1 << t
		s.values[t] = v
	}
}

// Value gives a figure, and whether it is known.
func (s *Stock) Value(t StockTerm) (decimal.Decimal, bool) {
	if t >= stockTerms || !s.known.has(t) {
		return decimal.Decimal{}, false
	}
	return s.values[t], true
}

// StockInts is [Stock] in whole pieces, the fast form for millions of rows. A
// figure that was never set is unknown, which is not zero.
type StockInts struct {
	SKUID string // 商品编码: named in errors

	known  stockMask
	values [stockTerms]int64 // zero where unknown
}

// Set makes a figure known. A term that does not exist is passed over.
func (s *StockInts) Set(t StockTerm, v int64) {
	if t < stockTerms {
		s.known |= 1 << t
		s.values[t] = v
	}
}

// Value gives a figure, and whether it is known.
func (s *StockInts) Value(t StockTerm) (int64, bool) {
	if t >= stockTerms || !s.known.has(t) {
		return 0, false
	}
	return s.values[t], true
}

// Ints gives the same figures in whole pieces. The error is a [*StockError]:
// [ErrStockFraction] for a figure that is not whole, [ErrStockRange] for one that
// an int64 does not hold.
func (s *Stock) Ints() (StockInts, error) {
	ints := StockInts{SKUID: s.SKUID, known: s.known}
	for t := range StockTerm(stockTerms) {
		if !s.known.has(t) {
			continue
		}
		v, class := stockInt(s.values[t])
		if class != nil {
			return StockInts{}, &StockError{SKUID: s.SKUID, Term: t, class: class}
		}
		ints.values[t] = v
	}
	return ints, nil
}

// StockIntsOf is [StockOf] and [Stock.Ints] in one.
func StockIntsOf(row *jushuitan.InventoryRow) (StockInts, error) {
	s := StockOf(row)
	return s.Ints()
}

// stockInt gives a decimal as an int64, or the class of the error.
func stockInt(d decimal.Decimal) (int64, error) {
	if d.Exponent() == 0 && d.NumDigits() <= stockFastDigits {
		return d.CoefficientInt64(), nil
	}
	if !stockBounded(d) {
		return 0, ErrStockRange
	}
	if !d.IsInteger() {
		return 0, ErrStockFraction
	}
	n := d.BigInt()
	if !n.IsInt64() {
		return 0, ErrStockRange
	}
	return n.Int64(), nil
}

// The bounds of figures and of the numbers in an expression.
const (
	stockFastDigits  = 18 // any number of so many digits is an int64
	stockMaxDigits   = 40 // of a figure, without its exponent
	stockMaxExponent = 40 // of a figure, either way
)

// stockBounded tells whether a figure can be computed with: 1e999999999 would
// take all memory.
func stockBounded(d decimal.Decimal) bool {
	return d.Exponent() >= -stockMaxExponent && d.Exponent() <= stockMaxExponent && d.NumDigits() <= stockMaxDigits
}

// NegativePolicy says what becomes of a result below zero. Results are really
// negative at times: presale, or a qty that is itself below zero.
type NegativePolicy uint8

// What becomes of a result below zero.
const (
	NegativeKeep NegativePolicy = iota // it stays
	NegativeZero                       // it becomes zero
)

// RoundingPolicy says how a result becomes a whole number of pieces.
type RoundingPolicy uint8

// How a result becomes whole.
const (
	RoundDown     RoundingPolicy = iota // toward zero
	RoundUp                             // away from zero
	RoundHalfUp                         // to the nearest, a half away from zero
	RoundHalfEven                       // to the nearest, a half to the even one
	RoundFloor                          // toward minus infinity
	RoundCeiling                        // toward plus infinity
	RoundNone                           // not at all
)

// MissingPolicy says what becomes of a figure that is not known.
type MissingPolicy uint8

// What becomes of a figure that is not known.
const (
	MissingError MissingPolicy = iota // an error, [ErrStockMissing]
	MissingZero                       // it counts as zero
)

// Policy makes a stock figure of an exact result. The zero value keeps what is
// negative, rounds down to whole pieces and refuses what is not known. Rounding
// comes once, at the end, on the exact value; Negative comes after it. A policy
// that does not exist counts as the zero one.
type Policy struct {
	Negative NegativePolicy
	Rounding RoundingPolicy
	Missing  MissingPolicy
}

// StockActual is 实际库存: qty. It is the guide's default, and it oversells, since
// what orders hold is still in it.
func StockActual() *StockExpression { return stockPreset("实际库存") }

// StockSellable is 可售: qty+virtual_qty-order_lock, what Jushuitan itself shows as
// 可用数.
func StockSellable() *StockExpression { return stockPreset("实际库存+虚拟库存-订单占用") }

// StockAvailable is 可用, the six terms of the guide's example:
// qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock. It counts goods that
// cannot be shipped today.
func StockAvailable() *StockExpression {
	return stockPreset("实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用")
}

// StockAllocatable is 可配货: qty-pick_lock, what the warehouse can still pick.
func StockAllocatable() *StockExpression { return stockPreset("实际库存-仓库待发数") }

func stockPreset(text string) *StockExpression {
	e, err := ParseStockExpression(text)
	if err != nil {
		panic(err) // a constant of this package
	}
	return e
}

// stockFirst gives the first term of a set that is not empty.
func stockFirst(m stockMask) StockTerm { return m.terms()[0] }
