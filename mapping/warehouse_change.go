package mapping

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// StockChanges are the rows to push so that the receiver has the new figures.
type StockChanges[R VirtualStock | dianjia.StockRow] struct {
	// Changed are the new rows that were never pushed or whose quantity differs from
	// the last push.
	Changed []R
	// Gone are the previous rows without a figure now. Do not push them as zero unless
	// you know that the goods are gone: an unknown figure is not zero.
	Gone []R
}

// ChangedVirtualStock returns the rows of now that differ from last, the figures pushed
// previously. Both may be in any order and are not modified; of several rows for the
// same warehouse and SKU the last one counts. The result is sorted by warehouse and
// SKU.
func ChangedVirtualStock(last, now []VirtualStock) StockChanges[VirtualStock] {
	return warehouseChanges(last, now,
		func(a, b *VirtualStock) int {
			return cmp.Or(cmp.Compare(a.WMSCoID, b.WMSCoID), cmp.Compare(a.SKUCode, b.SKUCode))
		},
		func(r *VirtualStock) decimal.Decimal { return r.Qty })
}

// ChangedStock is [ChangedVirtualStock] for DianJia's stores and warehouses. The result
// is sorted by merchant, store and SKU. A row is unchanged if only Modified differs.
func ChangedStock(last, now []dianjia.StockRow) StockChanges[dianjia.StockRow] {
	return warehouseChanges(last, now,
		func(a, b *dianjia.StockRow) int {
			return cmp.Or(cmp.Compare(a.EntID, b.EntID), cmp.Compare(a.StoreCode, b.StoreCode), cmp.Compare(a.SKUCode, b.SKUCode))
		},
		func(r *dianjia.StockRow) decimal.Decimal { return r.Qty })
}

func warehouseChanges[R VirtualStock | dianjia.StockRow](last, now []R, order func(a, b *R) int, qty func(*R) decimal.Decimal) (changes StockChanges[R]) {
	last, now = warehouseSorted(last, order), warehouseSorted(now, order)
	for len(last) > 0 || len(now) > 0 {
		which := 0
		switch {
		case len(last) == 0:
			which = 1
		case len(now) == 0:
			which = -1
		default:
			which = order(&last[0], &now[0])
		}
		switch {
		case which < 0:
			changes.Gone = append(changes.Gone, last[0])
			last = last[1:]
			continue
		case which > 0:
			changes.Changed = append(changes.Changed, now[0])
		default:
			if !qty(&last[0]).Equal(qty(&now[0])) {
				changes.Changed = append(changes.Changed, now[0])
			}
			last = last[1:]
		}
		now = now[1:]
	}
	return changes
}

// warehouseSorted returns the rows sorted, keeping the last of equal keys. It copies them
// if necessary.
func warehouseSorted[R any](rows []R, order func(a, b *R) int) []R {
	done := true
	for i := 1; i < len(rows) && done; i++ {
		done = order(&rows[i-1], &rows[i]) < 0
	}
	if done {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b R) int { return order(&a, &b) })
	kept := rows[:0]
	for i := range rows {
		if i+1 == len(rows) || order(&rows[i], &rows[i+1]) != 0 {
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// VirtualQtyRequests returns the requests of client.Inventory.SetVirtualQtys: one per
// warehouse, sorted by warehouse and SKU. The client splits them at the server's limit.
// The rows must be unique, as [ChangedVirtualStock] returns them.
func VirtualQtyRequests(rows []VirtualStock) []*jushuitan.InventorySetVirtualQtysRequest {
	rows = warehouseSorted(rows, func(a, b *VirtualStock) int {
		return cmp.Or(cmp.Compare(a.WMSCoID, b.WMSCoID), cmp.Compare(a.SKUCode, b.SKUCode))
	})
	var requests []*jushuitan.InventorySetVirtualQtysRequest
	for i := range rows {
		r := &rows[i]
		if len(requests) == 0 || requests[len(requests)-1].WMSCoID != r.WMSCoID {
			requests = append(requests, &jushuitan.InventorySetVirtualQtysRequest{WMSCoID: r.WMSCoID})
		}
		to := requests[len(requests)-1]
		to.SKUAndQty = append(to.SKUAndQty, jushuitan.VirtualQty{SKUID: r.SKUCode, Qty: r.Qty})
	}
	return requests
}
