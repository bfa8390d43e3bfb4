// Command store-replenishes is flow 4, 店铺补货: a store asks for goods, head office
// approves what it has, Jushuitan's WMS picks and ships them.
//
//	go run ./examples/store-replenishes
//
// The implementation guide shows this flow as a picture that is not available. Our
// reading: an other-out (其它出库) from the head warehouse. Jushuitan hears what leaves and
// not where it goes: the receipt is DianJia's own, and the stores' new sum is pushed to
// 店加线下仓 afterwards. A transfer as in head-office-allocates does as well; the other-out
// is the one that also works for a store which is bound to no warehouse.
//
// With a real account it uploads one other-out and shows how far it is:
//
//	go run ./examples/store-replenishes -app-key KEY -no BH-1 -from 10100001:1 -to S02 -lines 'TEE-M=10' -yes
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
		Name: "store-replenishes", Flags: q.Flags,
		Furnish: func(s *jushuitantest.Server) error {
			if err := flows.Furnish(s); err != nil {
				return err
			}
			return s.SetStock(demo.MainWarehouse, demo.TeeL, decimal.NewFromInt(5)) // fewer than the store asks for
		},
		Run: func(ctx context.Context, a *app.App) error {
			h := &host{client: a.Client}
			if a.Real() {
				return flows.Real(ctx, a, q, dianjia.TransferReplenishment, h.upload, h.read)
			}
			return h.demo(ctx, a)
		},
	}
}

// host is DianJia's side of the flow. Its methods are what to copy.
type host struct {
	client *jushuitan.Client
	cursor int64 // row version of the documents that were read; a host keeps it in its database
	pushed []mapping.VirtualStock
}

// approve lowers what a store asks for to what the head warehouse can give: 可售, stock
// less what orders hold. A SKU without a row has nothing.
func (h *host) approve(ctx context.Context, asked []dianjia.TransferItem) ([]dianjia.TransferItem, error) {
	query := &jushuitan.InventoryQuery{WMSCoID: demo.MainWarehouse}
	for _, it := range asked {
		query.SKUIDs = append(query.SKUIDs, it.SKUCode)
	}
	has := map[string]decimal.Decimal{}
	for row, err := range h.client.Inventory.All(ctx, query) {
		if err != nil {
			return nil, err
		}
		stock := mapping.StockOf(row)
		qty, err := mapping.StockSellable().EvalWith(&stock, mapping.Policy{Negative: mapping.NegativeZero})
		if err != nil {
			return nil, err // a figure that is not known is not zero
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

// upload tells Jushuitan what is to leave the head warehouse. A repeat with the same
// number gives the same document.
func (h *host) upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	req, err := plan.OtherOut()
	if err != nil {
		return 0, err
	}
	result, err := h.client.OtherInOuts.Upload(ctx, req)
	if err != nil {
		return 0, err
	}
	return result.IOID, nil
}

// read asks for one document.
func (h *host) read(ctx context.Context, t *dianjia.Transfer, _ int64) (mapping.TransferProgress, error) {
	page, err := h.client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{t.TransferNo}})
	if err != nil {
		return mapping.TransferProgress{}, err
	}
	if len(page.OtherInOuts) != 1 {
		return mapping.TransferProgress{}, fmt.Errorf("%d documents have the number %s", len(page.OtherInOuts), t.TransferNo)
	}
	return mapping.ReadOtherOut(t, &page.OtherInOuts[0]), nil
}

// poll is the other way to read: a job that asks for everything that changed since the
// last time, for all stores at once.
func (h *host) poll(ctx context.Context, open map[string]*dianjia.Transfer) (map[string]mapping.TransferProgress, error) {
	changed := map[string]mapping.TransferProgress{}
	for doc, err := range h.client.OtherInOuts.Since(ctx, h.cursor, &jushuitan.OtherInOutQuery{}) {
		if err != nil {
			return nil, err
		}
		if t := open[doc.SoID]; t != nil {
			changed[doc.SoID] = mapping.ReadOtherOut(t, doc)
		}
		h.cursor = max(h.cursor, doc.TS)
	}
	return changed, nil
}

// cancel takes a request back. Where the goods have left it would undo that in Jushuitan
// while they are on a lorry: so it looks first.
func (h *host) cancel(ctx context.Context, t *dianjia.Transfer) error {
	p, err := h.read(ctx, t, 0)
	if err != nil {
		return err
	}
	if p.State != mapping.TransferWaiting {
		return fmt.Errorf("replenishment %s is %s and cannot be taken back: return the goods (store-returns) / 补货单状态为%s，不能取消，请走退货流程",
			t.TransferNo, p.State, p.State.Label())
	}
	return h.client.OtherInOuts.ChangeStatus(ctx, &jushuitan.OtherInOutStatusChange{SoIDs: []string{t.TransferNo}, OperateType: "3", WMSCoID: demo.MainWarehouse})
}

// pushStock sends the stores' new sums to their warehouses, only those that changed.
func (h *host) pushStock(ctx context.Context, rows []dianjia.StockRow) ([]mapping.VirtualStock, error) {
	sums, err := mapping.SumStoreStock(flows.Stores()[:2], rows, mapping.StoreStockRules{})
	if err != nil {
		return nil, err
	}
	changed := mapping.ChangedVirtualStock(h.pushed, sums.Rows).Changed
	for _, req := range mapping.VirtualQtyRequests(changed) {
		if err := h.client.Inventory.SetVirtualQtys(ctx, req); err != nil {
			return nil, err
		}
	}
	h.pushed = sums.Rows
	return changed, nil
}

// demo goes through the flow against the fake, whose operator plays the WMS.
func (h *host) demo(ctx context.Context, a *app.App) error {
	erp, r := a.Fake, flows.New(a.Out)
	r.Reading("An other-out from the head warehouse that the WMS picks and ships; the store's receipt is DianJia's own, the stores' sum is pushed afterwards.",
		"店铺补货 = 总仓其它出库：聚水潭 WMS 拣货出库，门店收货记在店加，再把门店库存汇总推送到店加线下仓。")
	r.Flow("Flow 4 店铺补货: a store asks for goods")

	stores := map[string]flows.Qtys{"S01": {demo.TeeM: 4, demo.TeeL: 2, demo.Cap: 3}, "S02": {demo.TeeM: 1, demo.TeeL: 0, demo.Cap: 0}}
	rows := func() []dianjia.StockRow { return append(stores["S01"].Rows("S01"), stores["S02"].Rows("S02")...) }
	if _, err := h.pushStock(ctx, rows()); err != nil || flows.DryRunEnds(a) {
		return err
	}

	asked := flows.Qtys{demo.TeeM: 12, demo.TeeL: 8, demo.Cap: 5}.Items()
	approved, err := h.approve(ctx, asked)
	if err != nil {
		return err
	}
	for i, it := range approved {
		r.Step(demo.DianJia, "approve", fmt.Sprintf("S02 %s asked %s", it.SKUCode, asked[i].Qty), fmt.Sprintf("approved 批准 %s", it.Qty))
	}
	t := &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: "BH-4001", Kind: dianjia.TransferReplenishment, FromCode: flows.HeadWarehouse, ToCode: "S02", Items: approved,
	}
	plan, err := mapping.PlanTransfer(t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}

	r.Failure("the answer of the upload is lost, and the job runs twice 应答丢失、重复上传")
	remove := erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/otherinout/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	ioID, err := h.upload(ctx, plan)
	remove()
	if err != nil {
		return err
	}
	again, err := h.upload(ctx, plan)
	if err != nil {
		return err
	}
	r.Host("nothing: external_id %s is the key, io_id %d", t.TransferNo, ioID)
	r.Check(again == ioID && len(erp.OtherInOuts()) == 1, "three uploads made one document")

	if err := h.withdrawn(ctx, r, *t); err != nil {
		return err
	}

	// The WMS picks: one TEE-L is damaged and stays.
	if err := erp.ConfirmOtherInOut(ioID, flows.Qtys{demo.TeeM: 12, demo.TeeL: 4, demo.Cap: 5}.Decimals()); err != nil {
		return err
	}
	r.Step(demo.Jushuitan, "WMS ships", fmt.Sprintf("io_id %d", ioID), "TEE-L 4 of 5")

	r.Failure("the token ends in the middle 令牌过期")
	erp.ExpireTokens("")
	changed, err := h.poll(ctx, map[string]*dianjia.Transfer{t.TransferNo: t})
	if err != nil {
		return err
	}
	p, ok := changed[t.TransferNo]
	r.Host("nothing: the client got a new token; %d document changed since the last poll, cursor %d", len(changed), h.cursor)
	r.Check(ok && p.State == mapping.TransferInTransit, "the document is read as in transit")
	r.Table(&p)

	r.Failure("the store takes its request back after the goods left 出库后取消")
	err = h.cancel(ctx, t)
	r.Host("refuses: %v", err)
	r.Check(err != nil && erp.OtherInOuts()[0].Status == "Confirmed", "nothing was undone in Jushuitan")

	// The store counts: one TEE-M is missing. Jushuitan is not told, it has no document
	// for this end.
	p.State = mapping.TransferReceived
	for i := range p.Transfer.Items {
		it := &p.Transfer.Items[i]
		if it.Received = it.Shipped; it.SKUCode == demo.TeeM {
			it.Received = it.Received.Sub(decimal.NewFromInt(1))
		}
		stores["S02"][it.SKUCode] += it.Received.IntPart()
	}
	r.Table(&p)
	for _, d := range p.Differences() {
		switch {
		case d.NotReceived.IsPositive():
			r.Step(demo.DianJia, "claim", fmt.Sprintf("在途损耗 %s %s", d.SKUCode, d.NotReceived), "booked as a loss on the way; Jushuitan keeps its figure")
		case d.NotShipped.IsPositive():
			r.Step(demo.DianJia, "still owed", fmt.Sprintf("少发 %s %s", d.SKUCode, d.NotShipped), "asked for again")
		}
	}
	up, err := h.pushStock(ctx, rows())
	if err != nil {
		return err
	}
	for _, v := range up {
		r.Step(demo.DianJia, "SetVirtualQtys", fmt.Sprintf("wms_co_id %d", v.WMSCoID), fmt.Sprintf("%s %s", v.SKUCode, v.Qty))
	}
	r.Check(len(up) == 3 && up[2].Qty.Equal(decimal.NewFromInt(16)), "the stores' sum of %s is 4 + 1 + 11 = 16", demo.TeeM)

	rest, ok := p.Remaining(2)
	r.Check(ok && len(rest.Items) == 1 && rest.Items[0].SKUCode == demo.TeeL, "what was not shipped is asked for again as %s", rest.TransferNo)
	return r.End()
}

// withdrawn takes a request back before the WMS worked it.
func (h *host) withdrawn(ctx context.Context, r *flows.Report, t dianjia.Transfer) error {
	r.Failure("the store takes a request back before the goods left 出库前取消")
	t.TransferNo = "BH-4002"
	plan, err := mapping.PlanTransfer(&t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	if _, err := h.upload(ctx, plan); err != nil {
		return err
	}
	if err := h.cancel(ctx, &t); err != nil {
		return err
	}
	p, err := h.read(ctx, &t, 0)
	if err != nil {
		return err
	}
	r.Host("voids the document: %s is %s %s", t.TransferNo, p.State, p.State.Label())
	r.Check(p.State == mapping.TransferCancelled, "the request is cancelled in Jushuitan")
	return nil
}
