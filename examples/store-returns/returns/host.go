// Package returns is flow 5 of the implementation guide, 店铺退货. [Host] is what to copy;
// [Play] goes through the flow and its failures against a fake Jushuitan.
package returns

import (
	"context"
	"fmt"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Host is DianJia's side of returns.
type Host struct {
	Client   *jushuitan.Client
	Carriers mapping.Carriers
	Seen     time.Time // changes up to this time were read; a host keeps it in its database
}

// Upload tells Jushuitan what has been sent. A retry with the same number returns the same
// document.
func (h *Host) Upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	return h.Send(ctx, plan, "", "")
}

// Send is Upload with the carrier 物流公司 and the waybill 快递单号, if the store has them:
// the WMS then knows the parcel. carrier is the name that the staff chose; one that is
// not in the table is an error before anything is sent.
func (h *Host) Send(ctx context.Context, plan mapping.TransferPlan, carrier, waybill string) (ioID int64, err error) {
	req, err := plan.OtherIn()
	if err != nil {
		return 0, err
	}
	if carrier != "" {
		if req.LCID, req.LogisticsCompany, err = h.Carriers.ToJushuitan("", carrier); err != nil {
			return 0, err
		}
		req.LID = waybill
	}
	result, err := h.Client.OtherInOuts.Upload(ctx, req)
	if err != nil {
		return 0, err
	}
	return result.IOID, nil
}

// Read queries what the WMS has counted.
func (h *Host) Read(ctx context.Context, t *dianjia.Transfer, _ int64) (mapping.TransferProgress, error) {
	page, err := h.Client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{t.TransferNo}})
	if err != nil {
		return mapping.TransferProgress{}, err
	}
	if len(page.OtherInOuts) != 1 {
		return mapping.TransferProgress{}, fmt.Errorf("OtherInOuts.Query merchant %q: %d documents have the number %s, want one: check that it was uploaded, and only once / 单号 %s 对应 %d 张单据，请检查是否已上传或重复",
			t.EntID, len(page.OtherInOuts), t.TransferNo, t.TransferNo, len(page.OtherInOuts))
	}
	return mapping.OtherInProgressOf(t, &page.OtherInOuts[0]), nil
}

// Poll is the job that detects what happened in Jushuitan, since there is no push for
// other-ins: it returns the open returns (by their number) whose documents have changed
// since the last run. It queries by the time of change and starts slightly before the last
// run ended; store-replenishes follows the row version instead.
func (h *Host) Poll(ctx context.Context, now time.Time, open map[string]*dianjia.Transfer) (map[string]mapping.TransferProgress, error) {
	changed := map[string]mapping.TransferProgress{}
	for doc, err := range h.Client.OtherInOuts.All(ctx, &jushuitan.OtherInOutQuery{ModifiedBegin: h.Seen.Add(-5 * time.Minute), ModifiedEnd: now}) {
		if err != nil {
			return nil, err // Seen is unchanged: the next run repeats the query
		}
		if t := open[doc.SoID]; t != nil {
			changed[doc.SoID] = mapping.OtherInProgressOf(t, doc)
		}
	}
	h.Seen = now
	return changed, nil
}

// Cancel cancels a return. If the WMS has already counted it, cancelling would remove goods
// from the stock that are on its shelf, so it checks first.
func (h *Host) Cancel(ctx context.Context, t *dianjia.Transfer, wmsCoID int64) error {
	p, err := h.Read(ctx, t, 0)
	if err != nil {
		return err
	}
	if p.State != mapping.TransferInTransit {
		return fmt.Errorf("merchant %q: return %s is %s and cannot be cancelled: allocate the goods to the store (head-office-allocates) / 退货单状态为%s，不能取消，请走配货流程",
			t.EntID, t.TransferNo, p.State, p.State.Label())
	}
	return h.Client.OtherInOuts.ChangeStatus(ctx, &jushuitan.OtherInOutChangeStatusRequest{SoIDs: []string{t.TransferNo}, OperateType: "3", WMSCoID: wmsCoID})
}

// Restock moves sellable goods back from slot 2 to the main slot (仓内调拨), at once.
func (h *Host) Restock(ctx context.Context, plan mapping.TransferPlan) (*jushuitan.InnerTransferUploadResult, error) {
	req, err := plan.InnerTransfer()
	if err != nil {
		return nil, err
	}
	req.IsConfirm = true
	return h.Client.Transfers.UploadInWarehouse(ctx, req)
}

// CheckSlots reads the head warehouse and checks DianJia's warehouses against it.
func (h *Host) CheckSlots(ctx context.Context, bindings []dianjia.WarehouseBinding) ([]mapping.SetupFinding, error) {
	for w, err := range h.Client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return nil, err
		}
		if w.IsMain {
			return mapping.CheckWarehouseSlots(*w, bindings), nil
		}
	}
	return nil, fmt.Errorf("Warehouses.Query merchant %q: the merchant has no main warehouse: check it in Jushuitan / 商家没有主仓，请在聚水潭检查", h.Client.Merchant())
}

// Packed returns the transfer as the store packed it, which is what Jushuitan is told.
func Packed(t *dianjia.Transfer) *dianjia.Transfer {
	packed := *t
	packed.Items = nil
	for _, it := range t.Items {
		if it.Shipped.IsPositive() {
			packed.Items = append(packed.Items, dianjia.TransferItem{SKUCode: it.SKUCode, Qty: it.Shipped})
		}
	}
	return &packed
}
