package mapping

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// StockOf converts an inventory row (商品库存查询). Figures that are absent or null in the
// response stay unknown: they are [decimal.Decimal]'s zero value in the row, unlike a
// zero that was sent.
func StockOf(row *jushuitan.InventoryRow) (stock formula.Row) {
	stock.SKUID = row.SKUID
	setSent(&stock, formula.TermQty, row.Qty)
	setSent(&stock, formula.TermVirtualQty, row.VirtualQty)
	setSent(&stock, formula.TermPurchaseQty, row.PurchaseQty)
	setSent(&stock, formula.TermInQty, row.InQty)
	setSent(&stock, formula.TermReturnQty, row.ReturnQty)
	setSent(&stock, formula.TermOrderLock, row.OrderLock)
	setSent(&stock, formula.TermPickLock, row.PickLock)
	setSent(&stock, formula.TermAllocateQty, row.AllocateQty)
	setSent(&stock, formula.TermSaleRefundQty, row.SaleRefundQty)
	setSent(&stock, formula.TermDefectiveQty, row.DefectiveQty)
	setSent(&stock, formula.TermLockQty, row.LockQty)
	setSent(&stock, formula.TermMinQty, row.MinQty)
	setSent(&stock, formula.TermMaxQty, row.MaxQty)
	setSent(&stock, formula.TermCustomizeQty1, row.CustomizeQty1)
	setSent(&stock, formula.TermCustomizeQty2, row.CustomizeQty2)
	setSent(&stock, formula.TermCustomizeQty3, row.CustomizeQty3)
	return stock
}

// setSent sets a figure that was present in the response.
func setSent(stock *formula.Row, t formula.Term, v decimal.Decimal) {
	if v != (decimal.Decimal{}) {
		stock.Set(t, v)
	}
}

// StockIntsOf is [StockOf] in whole pieces. The error is a [*formula.RowError]:
// [formula.ErrFraction] for a figure that is not whole, [formula.ErrRange] for one that
// overflows an int64.
func StockIntsOf(row *jushuitan.InventoryRow) (formula.IntRow, error) {
	stock := StockOf(row)
	return stock.Ints()
}

// BundleStock is how many units of a bundle can be assembled.
type BundleStock struct {
	SKUID     string          // 组合装编码
	Capacity  decimal.Decimal // whole bundles
	LimitedBy string          // 子商品编码: the component with the lowest capacity, the first of several
}

// BundleCapacity returns how many units of a bundle (组合装) its components allow: the
// minimum of available ÷ quantity, rounded down. A bundle has no inventory row of its
// own. The quantities of a component that is listed twice are added. Bundles may share
// components, so that their capacities do not add up.
//
// available returns the figure of a component, computed by any formula, and whether it
// is known. An unknown figure is an error unless the policy counts it as zero. A
// negative figure counts as zero under [formula.NegativeZero]; otherwise the capacity
// is negative, rounded toward minus infinity. The policy's Rounding is ignored.
//
// The error is a [*BundleError]. It matches [formula.ErrMissing] for an unknown
// component, [formula.ErrRange] for a figure that is too long, and
// [jushuitan.ErrInvalid] if the bundle has no components, a component has no code, or a
// quantity is not positive.
func BundleCapacity(b *jushuitan.Bundle, available func(skuID string) (decimal.Decimal, bool), p formula.EvalPolicy) (BundleStock, error) {
	fail := func(component string, class error) (BundleStock, error) {
		return BundleStock{}, &BundleError{SKUID: b.SKUID, Component: component, class: class}
	}
	if len(b.Items) == 0 {
		return fail("", jushuitan.ErrInvalid)
	}
	needed := make(map[string]decimal.Decimal, len(b.Items))
	for _, item := range b.Items {
		if item.SrcSKUID == "" {
			return BundleStock{}, &BundleError{SKUID: b.SKUID, class: jushuitan.ErrInvalid, noCode: true}
		}
		if !formula.InRange(item.Qty) || !item.Qty.IsPositive() {
			return fail(item.SrcSKUID, jushuitan.ErrInvalid)
		}
		needed[item.SrcSKUID] = needed[item.SrcSKUID].Add(item.Qty)
	}
	result := BundleStock{SKUID: b.SKUID}
	for _, item := range b.Items {
		have, known := available(item.SrcSKUID)
		switch {
		case !known && p.Missing != formula.MissingZero:
			return fail(item.SrcSKUID, formula.ErrMissing)
		case !known, p.Negative == formula.NegativeZero && have.IsNegative():
			have = decimal.New(0, 0)
		case !formula.InRange(have):
			return fail(item.SrcSKUID, formula.ErrRange)
		}
		n := stockFloorDiv(have, needed[item.SrcSKUID])
		if result.LimitedBy == "" || n.LessThan(result.Capacity) {
			result.Capacity, result.LimitedBy = n, item.SrcSKUID
		}
	}
	return result, nil
}

// stockFloorDiv returns a/b rounded toward minus infinity, for b above zero.
func stockFloorDiv(a, b decimal.Decimal) decimal.Decimal {
	q, rest := a.QuoRem(b, 0)
	if rest.IsNegative() {
		q = q.Sub(decimal.New(1, 0))
	}
	return q
}

// BundleError reports why the capacity of a bundle cannot be computed.
type BundleError struct {
	SKUID     string // 组合装编码
	Component string // 子商品编码, "" for the bundle as a whole

	class  error
	noCode bool // a component has no code
}

// Error returns what is wrong with which component, and what to do, in English and
// Chinese.
func (e *BundleError) Error() string {
	en, zh := "the bundle has no components: query it again", "没有子商品，请重新查询组合装"
	switch {
	case e.noCode:
		en, zh = "a component has no code: correct the bundle in Jushuitan", "有子商品缺少编码，请在聚水潭中修正"
	case e.class == formula.ErrMissing:
		en, zh = "the stock of the component is unknown: query it first", "子商品库存未知，请先查询"
	case e.class == formula.ErrRange:
		en, zh = "the stock of the component is out of range: check its figures", "子商品库存超出范围，请核对数据"
	case e.Component != "":
		en, zh = "the quantity of the component must be positive: correct the bundle in Jushuitan", "子商品数量必须大于零，请在聚水潭中修正"
	}
	if e.Component == "" {
		return fmt.Sprintf("mapping: bundle %q: %s / 组合装 %q：%s", e.SKUID, en, e.SKUID, zh)
	}
	return fmt.Sprintf("mapping: bundle %q, component %q: %s / 组合装 %q，子商品 %q：%s", e.SKUID, e.Component, en, e.SKUID, e.Component, zh)
}

// Unwrap returns the class.
func (e *BundleError) Unwrap() error { return e.class }
