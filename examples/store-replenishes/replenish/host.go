// Package replenish is flow 4 of the implementation guide, 店铺补货. [Host] is what to
// copy; [Play] goes through the flow and its failures against a fake Jushuitan.
package replenish

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// Host is DianJia's side of replenishments. A real host keeps Cursor and Pushed in its
// database.
type Host struct {
	Client *jushuitan.Client
	Cursor int64                  // row version of the documents that were read
	Pushed []mapping.VirtualStock // the stores' sums that Jushuitan has
}

// Approve reduces what a store asks for to what a warehouse can provide: 可售, stock less
// what orders reserve. A SKU without a row has no stock, and is left out.
func (h *Host) Approve(ctx context.Context, wmsCoID int64, asked []dianjia.TransferItem) ([]dianjia.TransferItem, error) {
	query := &jushuitan.InventoryQuery{WMSCoID: wmsCoID}
	for _, it := range asked {
		query.SKUIDs = append(query.SKUIDs, it.SKUCode)
	}
	has := map[string]decimal.Decimal{}
	for row, err := range h.Client.Inventory.All(ctx, query) {
		if err != nil {
			return nil, err
		}
		stock := mapping.StockOf(row)
		qty, err := formula.Sellable().EvalWith(&stock, formula.EvalPolicy{Negative: formula.NegativeZero})
		if err != nil {
			return nil, err // an unknown figure is not zero
		}
		has[row.SKUID] = qty
	}
	var out []dianjia.TransferItem
	for _, it := range asked {
		if it.Qty = decimal.Min(it.Qty, has[it.SKUCode]); it.Qty.IsPositive() {
			out = append(out, it)
		}
	}
	return out, nil
}

// Upload tells Jushuitan what will leave the warehouse. A retry with the same number
// returns the same document.
func (h *Host) Upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	req, err := plan.OtherOut()
	if err != nil {
		return 0, err
	}
	result, err := h.Client.OtherInOuts.Upload(ctx, req)
	if err != nil {
		return 0, err
	}
	return result.IOID, nil
}

// Read queries one document.
func (h *Host) Read(ctx context.Context, t *dianjia.Transfer, _ int64) (mapping.TransferProgress, error) {
	page, err := h.Client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{t.TransferNo}})
	if err != nil {
		return mapping.TransferProgress{}, err
	}
	if len(page.OtherInOuts) != 1 {
		return mapping.TransferProgress{}, fmt.Errorf("OtherInOuts.Query merchant %q: %d documents have the number %s, want one: check that it was uploaded, and only once / 单号 %s 对应 %d 张单据，请检查是否已上传或重复",
			t.EntID, len(page.OtherInOuts), t.TransferNo, t.TransferNo, len(page.OtherInOuts))
	}
	return mapping.OtherOutProgressOf(t, &page.OtherInOuts[0]), nil
}

// Poll is the job that detects what happened in Jushuitan, since there is no push for
// other-outs: it returns the open replenishments (by their number) that have changed since
// the last run, for all stores at once.
func (h *Host) Poll(ctx context.Context, open map[string]*dianjia.Transfer) (map[string]mapping.TransferProgress, error) {
	changed := map[string]mapping.TransferProgress{}
	for doc, err := range h.Client.OtherInOuts.Since(ctx, h.Cursor, &jushuitan.OtherInOutQuery{}) {
		if err != nil {
			return nil, err // the cursor is at the last row, where the next run continues
		}
		if t := open[doc.SoID]; t != nil {
			changed[doc.SoID] = mapping.OtherOutProgressOf(t, doc)
		}
		h.Cursor = max(h.Cursor, doc.TS)
	}
	return changed, nil
}

// Cancel cancels a request. If the goods have already left, cancelling would reverse that
// in Jushuitan while they are on a lorry, so it checks first.
func (h *Host) Cancel(ctx context.Context, t *dianjia.Transfer, wmsCoID int64) error {
	p, err := h.Read(ctx, t, 0)
	if err != nil {
		return err
	}
	if p.State != mapping.TransferWaiting {
		return fmt.Errorf("merchant %q: replenishment %s is %s and cannot be cancelled: return the goods (store-returns) / 补货单状态为%s，不能取消，请走退货流程",
			t.EntID, t.TransferNo, p.State, p.State.Label())
	}
	return h.Client.OtherInOuts.ChangeStatus(ctx, &jushuitan.OtherInOutChangeStatusRequest{SoIDs: []string{t.TransferNo}, OperateType: "3", WMSCoID: wmsCoID})
}

// PushStock sends the stores' new sums to their warehouses, only those that changed.
func (h *Host) PushStock(ctx context.Context, stores []dianjia.StoreBinding, rows []dianjia.StockRow) ([]mapping.VirtualStock, error) {
	sums, err := mapping.SumStoreStock(stores, rows, mapping.StoreStockRules{})
	if err != nil {
		return nil, err
	}
	changed := mapping.ChangedVirtualStock(h.Pushed, sums.Rows).Changed
	for _, req := range mapping.VirtualQtyRequests(changed) {
		if err := h.Client.Inventory.SetVirtualQtys(ctx, req); err != nil {
			return nil, err
		}
	}
	h.Pushed = sums.Rows
	return changed, nil
}
