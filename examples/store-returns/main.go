// Command store-returns is flow 5, 店铺退货: a store sends goods back to head office, and
// Jushuitan's WMS receives them in its return warehouse 销退仓 (slot 2).
//
//	go run ./examples/store-returns
//
// The implementation guide shows this flow as a picture that is not available. Our
// reading: an other-in (其它退货) to slot 2 of the head warehouse, which waits until the
// WMS has counted; the real quantities are read back. What is good again goes from slot
// 2 to the main slot by a transfer within the warehouse (仓内调拨).
//
// With a real account it uploads one other-in and shows how far it is:
//
//	go run ./examples/store-returns -app-key KEY -no TH-1 -from S01 -to 10100001:2 -lines 'TEE-M=3' -yes
package main

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "store-returns", Flags: q.Flags, Furnish: flows.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			h := &host{client: a.Client}
			if a.Real() {
				return flows.Real(ctx, a, q, dianjia.TransferReturn, h.upload, h.read)
			}
			return h.demo(ctx, a)
		},
	}
}

// host is DianJia's side of the flow. Its methods are what to copy.
type host struct{ client *jushuitan.Client }

// upload tells Jushuitan what is on its way. A repeat with the same number gives the
// same document.
func (h *host) upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	req, err := plan.OtherIn()
	if err != nil {
		return 0, err
	}
	result, err := h.client.OtherInOuts.Upload(ctx, req)
	if err != nil {
		return 0, err
	}
	return result.IOID, nil
}

// read asks what the WMS has counted.
func (h *host) read(ctx context.Context, t *dianjia.Transfer, _ int64) (mapping.TransferProgress, error) {
	page, err := h.client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{t.TransferNo}})
	if err != nil {
		return mapping.TransferProgress{}, err
	}
	if len(page.OtherInOuts) != 1 {
		return mapping.TransferProgress{}, fmt.Errorf("%d documents have the number %s", len(page.OtherInOuts), t.TransferNo)
	}
	return mapping.ReadOtherIn(t, &page.OtherInOuts[0]), nil
}

// restock moves what is good again from slot 2 to the main slot, at once.
func (h *host) restock(ctx context.Context, number string, good flows.Qtys) (*jushuitan.InnerTransferUploadResult, error) {
	t := &dianjia.Transfer{EntID: demo.Merchant, TransferNo: number, Kind: dianjia.TransferReturn, FromCode: dianjia.ReturnWarehouseCode, ToCode: flows.HeadWarehouse, Items: good.Items()}
	plan, err := mapping.PlanTransfer(t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return nil, err
	}
	req, err := plan.InWarehouse()
	if err != nil {
		return nil, err
	}
	req.IsConfirm = true
	return h.client.Transfers.UploadInWarehouse(ctx, req)
}

// checkSlots reads the head warehouse and checks DianJia's warehouses against it.
func (h *host) checkSlots(ctx context.Context, bindings []dianjia.WarehouseBinding) ([]mapping.SetupFinding, error) {
	for w, err := range h.client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return nil, err
		}
		if w.IsMain {
			return mapping.CheckWarehouseSlots(*w, bindings), nil
		}
	}
	return nil, fmt.Errorf("merchant %s has no main warehouse / 商家没有主仓", demo.Merchant)
}

// demo goes through the flow against the fake, whose operator plays the WMS.
func (h *host) demo(ctx context.Context, a *app.App) error {
	erp, r := a.Fake, flows.New(a.Out)
	r.Reading("An other-in to the return warehouse (slot 2) that the WMS receives and counts; the real quantities are read back.",
		"店铺退货 = 其它退货入销退仓（仓位 2）：聚水潭 WMS 收货清点，回读实收数量。")
	r.Flow("Flow 5 店铺退货: a store returns goods to head office")

	found, err := h.checkSlots(ctx, flows.Warehouses())
	if err != nil {
		return err
	}
	r.Check(len(found) == 0, "DianJia's warehouses fit: %s, and %s for returns", flows.HeadWarehouse, dianjia.ReturnWarehouseCode)

	r.Failure("the return warehouse has the code 9 and not 2 销退仓编码错误")
	wrong := flows.Warehouses()
	wrong[1].WarehouseCode = "9"
	if found, err = h.checkSlots(ctx, wrong); err != nil {
		return err
	}
	for _, f := range found {
		r.Found(f)
	}
	r.Check(len(found) == 1 && found[0].Code == mapping.ReturnWarehouseCode, "the wrong code is found")
	r.Host("stops here until the merchant has changed the code")

	t := &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: "TH-5001", Kind: dianjia.TransferReturn, FromCode: "S01", ToCode: dianjia.ReturnWarehouseCode,
		Items: flows.Qtys{demo.TeeM: 3, demo.TeeL: 2, demo.Cap: 2}.Items(),
	}
	for i := range t.Items { // the store packed what it was asked to, but for one TEE-L
		t.Items[i].Shipped = t.Items[i].Qty
		if t.Items[i].SKUCode == demo.TeeL {
			t.Items[i].Shipped = decimal.NewFromInt(1)
		}
	}
	plan, err := mapping.PlanTransfer(shipped(t), flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}

	r.Failure("the answer of the upload is lost 上传应答丢失")
	remove := erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/otherinout/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	ioID, err := h.upload(ctx, plan)
	remove()
	if err != nil || flows.DryRunEnds(a) {
		return err
	}
	r.Host("nothing: the client asked again, external_id %s is the key", t.TransferNo)
	r.Check(len(erp.OtherInOuts()) == 1, "one document was made, io_id %d", ioID)
	r.Step(demo.DianJia, "OtherInOuts.Upload", fmt.Sprintf("%s io_id %d", t.TransferNo, ioID), fmt.Sprintf("%d slot %d", plan.To.WMSCoID, plan.To.Slot))

	p, err := h.read(ctx, t, ioID)
	if err != nil {
		return err
	}
	r.Table(&p)
	r.Check(p.State == mapping.TransferInTransit, "nothing counts as missing before the WMS has counted")

	// The WMS counts: one TEE-M less, one cap more than the store packed.
	if err := erp.ConfirmOtherInOut(ioID, flows.Qtys{demo.TeeM: 2, demo.TeeL: 1, demo.Cap: 3}.Decimals()); err != nil {
		return err
	}
	r.Step(demo.Jushuitan, "WMS counts", fmt.Sprintf("io_id %d", ioID), "TEE-M 2 of 3, cap 3 of 2")

	r.Failure("the token ends in the middle 令牌过期")
	erp.ExpireTokens("")
	if p, err = h.read(ctx, t, ioID); err != nil {
		return err
	}
	r.Host("nothing: the client got a new token and asked again")
	r.Table(&p)
	r.Check(p.State == mapping.TransferReceived, "the real quantities were read back")
	for _, d := range p.Differences() {
		if d.NotShipped.IsPositive() {
			r.Step(demo.DianJia, "not packed", fmt.Sprintf("少发 %s %s", d.SKUCode, d.NotShipped), "still in the store, the next return takes it along")
		}
		switch d.NotReceived.Sign() {
		case 1:
			r.Step(demo.DianJia, "claim", fmt.Sprintf("少收 %s %s", d.SKUCode, d.NotReceived), "lost on the way: a case with the carrier; nothing to correct in Jushuitan")
		case -1:
			r.Step(demo.DianJia, "correct the store", fmt.Sprintf("多收 %s %s", d.SKUCode, d.NotReceived.Neg()), "the store packed one more than it noted: its stock falls by that")
		}
	}
	r.Step(demo.Jushuitan, "stock", "销退仓 slot 2", flows.Stock(erp, demo.MainWarehouse, dianjia.SlotSalesReturn, demo.TeeM, demo.TeeL, demo.Cap))

	r.Failure("more is put back on the shelf than was received 数量超出")
	_, err = h.restock(ctx, "SJ-5002", flows.Qtys{demo.TeeM: 3})
	r.Says(err, jushuitan.ErrInvalid)
	r.Host("reads the stock of slot 2 and takes what is there")
	inner, err := h.restock(ctx, "SJ-5001", flows.Qtys{demo.TeeM: 2, demo.Cap: 2})
	if err != nil {
		return err
	}
	r.Step(demo.DianJia, "UploadInWarehouse", fmt.Sprintf("SJ-5001 io_id %d", inner.IOID), "slot 2 -> slot 1: good again")
	left := flows.Stock(erp, demo.MainWarehouse, dianjia.SlotSalesReturn, demo.TeeM, demo.TeeL, demo.Cap)
	r.Step(demo.Jushuitan, "stock", "销退仓 slot 2", left)
	r.Check(left == "TEE24-WHT-M 0, TEE24-WHT-L 1, CAP24-RED 1", "what is not good stays in slot 2")
	return r.End()
}

// shipped is the transfer as the store packed it: that is what Jushuitan is told.
func shipped(t *dianjia.Transfer) *dianjia.Transfer {
	packed := *t
	packed.Items = nil
	for _, it := range t.Items {
		if it.Shipped.IsPositive() {
			packed.Items = append(packed.Items, dianjia.TransferItem{SKUCode: it.SKUCode, Qty: it.Shipped})
		}
	}
	return &packed
}
