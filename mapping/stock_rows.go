package mapping

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// StockRowsOfPush converts the figures of a stock push (库存同步) to rows of a warehouse of
// DianJia. They are absolute, and Jushuitan has already applied its formula. Of several rows
// for the same SKU the last one counts; a row without a figure is left out. The result is sorted
// by SKU.
func StockRowsOfPush(entID, warehouseCode string, push *jushuitan.StockPush) []dianjia.StockRow {
	rows := make([]dianjia.StockRow, 0, len(push.Rows))
	for i := range push.Rows {
		if r := &push.Rows[i]; r.SKUID != "" && r.Qty != (decimal.Decimal{}) {
			rows = append(rows, dianjia.StockRow{EntID: entID, StoreCode: warehouseCode, SKUCode: r.SKUID, Qty: r.Qty, Modified: r.Modified})
		}
	}
	return warehouseSorted(rows, func(a, b *dianjia.StockRow) int { return cmp.Compare(a.SKUCode, b.SKUCode) })
}

// StockRowOf converts an inventory row to a row of a warehouse of DianJia, with the figure that
// the formula computes; nil means 实际库存. The error is that of [formula.Formula.EvalWith]: an
// unknown figure is not zero. [SumDownloadedStock] converts whole warehouses.
func StockRowOf(entID, warehouseCode string, row *jushuitan.InventoryRow, f *formula.Formula, p formula.EvalPolicy) (dianjia.StockRow, error) {
	stock := StockOf(row)
	qty, err := f.EvalWith(&stock, p)
	if err != nil {
		return dianjia.StockRow{}, err
	}
	return dianjia.StockRow{EntID: entID, StoreCode: warehouseCode, SKUCode: row.SKUID, Qty: qty, Modified: row.Modified}, nil
}

// HeldStock returns, by SKU, the quantities held by DianJia's orders that Jushuitan does not
// have yet: those that are unpaid or not uploaded. Leave out uploaded orders, since 订单占用
// (order_lock) includes them: they would be deducted twice. A line of one of the bundles (组合装)
// holds its components, and not the bundle, which has no stock of its own.
func HeldStock(orders []*dianjia.Order, bundles ...*jushuitan.Bundle) map[string]decimal.Decimal {
	parts := make(map[string][]jushuitan.BundleComponent, len(bundles))
	for _, b := range bundles {
		parts[b.SKUID] = b.Items
	}
	held := make(map[string]decimal.Decimal)
	for _, o := range orders {
		for i := range o.Items {
			it := &o.Items[i]
			if len(parts[it.SKUCode]) == 0 {
				held[it.SKUCode] = held[it.SKUCode].Add(it.Qty)
			}
			for _, part := range parts[it.SKUCode] {
				held[part.SrcSKUID] = held[part.SrcSKUID].Add(it.Qty.Mul(part.Qty))
			}
		}
	}
	return held
}

// DeductHeld returns the rows with the held quantities (see [HeldStock]) deducted in the given
// warehouse, the one that ships those orders. A positive figure is not reduced below zero; a
// figure that is zero or negative stays. The rows are not modified.
func DeductHeld(rows []dianjia.StockRow, warehouseCode string, held map[string]decimal.Decimal) []dianjia.StockRow {
	rows = slices.Clone(rows)
	for i := range rows {
		r := &rows[i]
		if n, ok := held[r.SKUCode]; ok && r.StoreCode == warehouseCode && r.Qty.IsPositive() {
			r.Qty = decimal.Max(r.Qty.Sub(n), decimal.New(0, 0))
		}
	}
	return rows
}

// BundleStockRows returns the rows of bundles (组合装) in each warehouse, computed from the
// rows of their components: those of [SumDownloadedStock] after [DeductHeld], whose held
// quantities must be those of [HeldStock] with the same bundles. If only some
// components of a bundle have a row in a warehouse, the bundle is a gap there; if none has, it
// is left out. Bundles may share components, so that their figures do not add up. The result is
// sorted by warehouse and SKU; Modified is the latest of the components.
func BundleStockRows(rows []dianjia.StockRow, bundles []*jushuitan.Bundle) (out []dianjia.StockRow, gaps []StockGap) {
	type place struct{ ent, store string }
	have := map[place]map[string]*dianjia.StockRow{}
	var places []place
	for i := range rows {
		at := place{rows[i].EntID, rows[i].StoreCode}
		if have[at] == nil {
			have[at] = map[string]*dianjia.StockRow{}
			places = append(places, at)
		}
		have[at][rows[i].SKUCode] = &rows[i]
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.ent, b.ent), cmp.Compare(a.store, b.store)) })
	bundles = slices.Clone(bundles)
	slices.SortStableFunc(bundles, func(a, b *jushuitan.Bundle) int { return cmp.Compare(a.SKUID, b.SKUID) })
	for _, at := range places {
		for _, b := range bundles {
			row := dianjia.StockRow{EntID: at.ent, StoreCode: at.store, SKUCode: b.SKUID}
			stock, err := BundleCapacity(b, func(sku string) (decimal.Decimal, bool) {
				part, ok := have[at][sku]
				if !ok {
					return decimal.Decimal{}, false
				}
				if part.Modified.After(row.Modified) {
					row.Modified = part.Modified
				}
				return part.Qty, true
			}, formula.EvalPolicy{Negative: formula.NegativeZero})
			switch {
			case err == nil:
				row.Qty = stock.Capacity
				out = append(out, row)
			case len(b.Items) == 0 || slices.ContainsFunc(b.Items, func(c jushuitan.BundleComponent) bool { return have[at][c.SrcSKUID] != nil }):
				gaps = append(gaps, StockGap{WarehouseCode: at.store, SKUCode: b.SKUID, Reason: GapFailed, Withheld: true, Err: err})
			}
		}
	}
	return out, gaps
}

// KnownStock separates the rows whose SKU Jushuitan has from those whose SKU is unknown to it:
// one of these makes Jushuitan refuse the whole request. known reports whether Jushuitan has a
// SKU, as client.SKUs.All with SKUIDs shows.
func KnownStock(rows []VirtualStock, known func(skuCode string) bool) (kept, unknown []VirtualStock) {
	for _, r := range rows {
		if known(r.SKUCode) {
			kept = append(kept, r)
		} else {
			unknown = append(unknown, r)
		}
	}
	return kept, unknown
}

// maxStocktakeItems is the maximum number of lines of a stocktake.
const maxStocktakeItems = 500

// StocktakeRequests returns the requests of client.Stocktakes.Upload that set the actual stock
// (实际库存) of the warehouses to the figures, as [VirtualQtyRequests] does for virtual
// quantities: one per warehouse and 500 SKUs, confirmed, for the main slot. number is chosen by
// the host and must be new for each push: a repeated number changes nothing. The rows must be
// unique, as [ChangedVirtualStock] returns them.
func StocktakeRequests(rows []VirtualStock, number, remark string) []*jushuitan.StocktakeUpload {
	rows = warehouseSorted(rows, func(a, b *VirtualStock) int {
		return cmp.Or(cmp.Compare(a.WMSCoID, b.WMSCoID), cmp.Compare(a.SKUCode, b.SKUCode))
	})
	var requests []*jushuitan.StocktakeUpload
	part := 1
	for i := range rows {
		r := &rows[i]
		last := len(requests) - 1
		if last < 0 || requests[last].WMSCoID != r.WMSCoID || len(requests[last].Items) == maxStocktakeItems {
			so := fmt.Sprintf("%s-%d", number, r.WMSCoID)
			if part++; last < 0 || requests[last].WMSCoID != r.WMSCoID {
				part = 1
			} else {
				so = fmt.Sprintf("%s-%d", so, part)
			}
			requests = append(requests, &jushuitan.StocktakeUpload{
				SoID: so, WMSCoID: r.WMSCoID, Type: jushuitan.StocktakeCheck, IsConfirm: true, Warehouse: "1", Remark: remark,
			})
			last++
		}
		requests[last].Items = append(requests[last].Items, jushuitan.StocktakeUploadItem{SKUID: r.SKUCode, Qty: r.Qty})
	}
	return requests
}
