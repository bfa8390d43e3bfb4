package mapping

import (
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// StockOf takes the figures of an inventory row (商品库存查询). What the answer did
// not hold, or held as null, is unknown: that is a field which is still
// [decimal.Decimal]'s zero value; a zero that was sent is not.
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

// setSent sets a figure that the answer held.
func setSent(stock *formula.Row, t formula.Term, v decimal.Decimal) {
	if v != (decimal.Decimal{}) {
		stock.Set(t, v)
	}
}

// StockIntsOf is [StockOf] in whole pieces. The error is a [*formula.RowError]:
// [formula.ErrFraction] for a figure that is not whole, [formula.ErrRange] for one that an
// int64 does not hold.
func StockIntsOf(row *jushuitan.InventoryRow) (formula.IntRow, error) {
	stock := StockOf(row)
	return stock.Ints()
}
