// Command head-office-allocates is flow 3, 总部配货: head office sends goods to a store,
// Jushuitan's WMS picks and ships them, the store receives them.
//
//	go run ./examples/head-office-allocates
//
// The implementation guide shows this flow as a picture that is not available. Our
// reading: a cross-warehouse transfer (跨仓调拨) from the head warehouse to the warehouse
// that stands for the stores. What was shipped and received is read back, and each
// difference ends in a decision: asked for again, or settled by a difference document.
//
// With a real account it uploads one transfer and shows how far it is:
//
//	go run ./examples/head-office-allocates -app-key KEY -no PH-1 -from 10100001:1 -to 10100088:1 -lines 'TEE-M=10' -yes
package main

import (
	"context"
	"fmt"
	"time"

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
		Name: "head-office-allocates", Flags: q.Flags, Furnish: flows.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			h := &host{client: a.Client}
			if a.Real() {
				return flows.Real(ctx, a, q, dianjia.TransferAllocation, h.upload, h.read)
			}
			return h.demo(ctx, a)
		},
	}
}

// host is DianJia's side of the flow. These three methods are what to copy.
type host struct{ client *jushuitan.Client }

// upload tells Jushuitan of the transfer. A repeat with the same number gives the same
// document, so that the client sends it again by itself if the answer is lost.
func (h *host) upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	row, err := plan.CrossWarehouse()
	if err != nil {
		return 0, err
	}
	results, err := h.client.Transfers.UploadCrossWarehouse(ctx, []jushuitan.CrossTransferUpload{row})
	if err != nil {
		return 0, err
	}
	return results[0].Result.IOID, nil
}

// read asks what was shipped and received so far.
func (h *host) read(ctx context.Context, t *dianjia.Transfer, ioID int64) (mapping.TransferProgress, error) {
	var docs []jushuitan.Transfer
	for d, err := range h.client.Transfers.All(ctx, &jushuitan.TransferQuery{SoIDs: []string{t.TransferNo}}) {
		if err != nil {
			return mapping.TransferProgress{}, err
		}
		docs = append(docs, *d)
	}
	return mapping.ReadTransfer(t, ioID, docs)
}

// receive tells Jushuitan what the store's staff counted. It has no key: after
// jushuitan.ErrOutcomeUnknown read before you try again.
func (h *host) receive(ctx context.Context, p mapping.TransferProgress, to mapping.TransferPlace, counted flows.Qtys) error {
	req := &jushuitan.TransferConfirm{IOID: p.InIOID, WMSCoID: to.WMSCoID}
	for _, it := range p.Transfer.Items {
		req.Items = append(req.Items, jushuitan.TransferConfirmItem{SKUID: it.SKUCode, Qty: decimal.NewFromInt(counted[it.SKUCode])})
	}
	return h.client.Transfers.Confirm(ctx, req)
}

// demo goes through the flow against the fake, whose operator plays the WMS.
func (h *host) demo(ctx context.Context, a *app.App) error {
	erp, r := a.Fake, flows.New(a.Out)
	r.Reading("A cross-warehouse transfer from the head warehouse; the WMS picks and ships, the store receives, differences are recorded.",
		"总部配货 = 从总仓到店加线下仓的跨仓调拨：聚水潭 WMS 拣货出库，门店收货，记录差异。")
	r.Flow("Flow 3 总部配货: head office allocates to a store")
	before := flows.Total(erp, demo.TeeM)

	t := &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: "PH-3001", Kind: dianjia.TransferAllocation, FromCode: flows.HeadWarehouse, ToCode: "S01", Created: time.Now(),
		Items: flows.Qtys{demo.TeeM: 10, demo.TeeL: 6, demo.Cap: 4}.Items(),
	}
	plan, err := mapping.PlanTransfer(t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	r.Step(demo.DianJia, "PlanTransfer", t.TransferNo, fmt.Sprintf("%s: %d slot %d -> %d slot %d", plan.Route(), plan.From.WMSCoID, plan.From.Slot, plan.To.WMSCoID, plan.To.Slot))

	r.Failure("the answer of the upload is lost on the way 上传应答丢失")
	remove := erp.Inject(jushuitantest.Fault{Path: "/open/allocate/kc/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	ioID, err := h.upload(ctx, plan)
	remove()
	if err != nil || flows.DryRunEnds(a) {
		return err
	}
	r.Host("nothing: the client asked again with the same number, io_id %d", ioID)
	again, err := h.upload(ctx, plan)
	if err != nil {
		return err
	}
	r.Check(again == ioID && len(erp.Transfers()) == 1, "three uploads of %s made one document", t.TransferNo)

	if err := h.unknownSKU(ctx, r, *t); err != nil {
		return err
	}

	// The WMS picks: two TEE-L are not to be found.
	if err := erp.ShipTransfer(ioID, flows.Qtys{demo.TeeM: 10, demo.TeeL: 4, demo.Cap: 4}.Decimals()); err != nil {
		return err
	}
	r.Step(demo.Jushuitan, "WMS ships", fmt.Sprintf("io_id %d", ioID), "TEE-L 4 of 6")

	r.Failure("the token ends in the middle 令牌过期")
	erp.ExpireTokens("")
	tokens := erp.Stats().TokenCalls
	p, err := h.read(ctx, t, ioID)
	if err != nil {
		return err
	}
	r.Host("nothing: the client got a new token and asked again")
	r.Check(erp.Stats().TokenCalls > tokens, "the token was renewed by itself")
	r.Table(&p)
	r.Check(p.State == mapping.TransferInTransit, "the goods are in transit")

	// The store counts: one TEE-M less, one cap more than was shipped.
	counted := flows.Qtys{demo.TeeM: 9, demo.TeeL: 4, demo.Cap: 5}
	if err := h.receive(ctx, p, plan.To, counted); err != nil {
		return err
	}
	r.Step(demo.DianJia, "Transfers.Confirm", fmt.Sprintf("io_id %d", p.InIOID), "the store S01 received TEE-M 9, TEE-L 4, cap 5")
	if p, err = h.read(ctx, t, ioID); err != nil {
		return err
	}
	r.Table(&p)

	r.Failure("the store confirms a second time 重复确认收货")
	r.Says(h.receive(ctx, p, plan.To, counted), jushuitan.ErrInvalid)
	r.Host("reads the state: %s %s, there is nothing to do", p.State, p.State.Label())

	return h.settle(ctx, r, erp, &p, before)
}

// unknownSKU uploads a transfer with a SKU that Jushuitan does not have.
func (h *host) unknownSKU(ctx context.Context, r *flows.Report, t dianjia.Transfer) error {
	r.Failure("a SKU is not known in Jushuitan 商品编码不存在")
	t.TransferNo = "PH-3000"
	t.Items = append([]dianjia.TransferItem{{SKUCode: "TEE24-WHT-XXL", Qty: decimal.NewFromInt(1)}}, t.Items...)
	plan, err := mapping.PlanTransfer(&t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	_, err = h.upload(ctx, plan)
	r.Says(err, jushuitan.ErrInvalid)
	r.Host("downloads the products again, or takes the line out and tells head office; nothing was uploaded")
	return nil
}

// settle does something about each difference, and checks that no piece got lost.
func (h *host) settle(ctx context.Context, r *flows.Report, erp *jushuitantest.Server, p *mapping.TransferProgress, before decimal.Decimal) error {
	r.Step(demo.Jushuitan, "stock", "店加线下仓", flows.Stock(erp, demo.StoreWarehouse, dianjia.SlotMain, demo.TeeM, demo.Cap))
	for _, doc := range p.DifferenceDocuments() {
		reply, err := h.client.Transfers.CreateDifference(ctx, doc)
		if err != nil {
			return err
		}
		r.Step(demo.DianJia, "CreateDifference", fmt.Sprintf("差异单 io_id %d", reply.Rows[0].IOID), fmt.Sprintf("%s %s", doc.Items[0].SKUID, doc.Items[0].Qty))
	}
	r.Step(demo.Jushuitan, "stock", "店加线下仓", flows.Stock(erp, demo.StoreWarehouse, dianjia.SlotMain, demo.TeeM, demo.Cap))
	r.Check(flows.Total(erp, demo.TeeM).Equal(before), "no %s got lost: %s in all, as before", demo.TeeM, before)

	rest, ok := p.Remaining(2)
	r.Check(ok, "what was not shipped is known")
	plan, err := mapping.PlanTransfer(&rest, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	ioID, err := h.upload(ctx, plan)
	if err != nil {
		return err
	}
	r.Step(demo.DianJia, "ask again", fmt.Sprintf("补发 %s io_id %d", rest.TransferNo, ioID), fmt.Sprintf("%s %s", rest.Items[0].SKUCode, rest.Items[0].Qty))
	return r.End()
}
