// Package storetransfer is flow 6 of the implementation guide, 店店调拨. [Host] is what to
// copy; [Play] goes through the flow and its failures against a fake Jushuitan.
package storetransfer

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Host is DianJia's side of the flow: its stores' stock, and transfers as in
// head-office-allocates.
type Host struct {
	allocate.Host
	Stores []dianjia.StoreBinding
	Stock  map[string]map[string]decimal.Decimal // by store and SKU
	Pushed []mapping.VirtualStock                // the stores' sums that Jushuitan has
}

// Move books a received transfer in DianJia's own stores.
func (h *Host) Move(p *mapping.TransferProgress) {
	for _, it := range p.Transfer.Items {
		h.add(p.Transfer.FromCode, it.SKUCode, it.Shipped.Neg())
		h.add(p.Transfer.ToCode, it.SKUCode, it.Received)
	}
}

func (h *Host) add(store, sku string, qty decimal.Decimal) {
	h.Stock[store][sku] = h.Stock[store][sku].Add(qty)
}

// Sums adds up the stores' stock by virtual warehouse.
func (h *Host) Sums() ([]mapping.VirtualStock, error) {
	var rows []dianjia.StockRow
	for _, store := range h.Stores {
		for sku, qty := range h.Stock[store.StoreCode] {
			rows = append(rows, dianjia.StockRow{EntID: store.EntID, StoreCode: store.StoreCode, SKUCode: sku, Qty: qty})
		}
	}
	sums, err := mapping.SumStoreStock(h.Stores, rows, mapping.StoreStockRules{})
	if err != nil {
		return nil, err
	}
	return sums.Rows, nil
}

// PushStock uploads the sums that changed, as a stocktake (盘点) for each warehouse under a
// number of the host's. A transfer between two warehouses has already moved their stock;
// uploading the same figure again does no harm.
func (h *Host) PushStock(ctx context.Context, number string) ([]mapping.VirtualStock, error) {
	now, err := h.Sums()
	if err != nil {
		return nil, err
	}
	changed := mapping.ChangedVirtualStock(h.Pushed, now).Changed
	for _, c := range mapping.StocktakeRequests(changed, number, "店加门店库存汇总") {
		if _, err := h.Client.Stocktakes.Upload(ctx, c); err != nil {
			return nil, err
		}
	}
	h.Pushed = now
	return changed, nil
}
