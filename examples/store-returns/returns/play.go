package returns

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

// Furnish adds to the demo merchant what the flow needs.
func Furnish(s *jushuitantest.Server) error { return flows.Furnish(s) }

// play is the state of the flow.
type play struct {
	*Host
	erp  *jushuitantest.Server
	r    *flows.Report
	t    *dianjia.Transfer
	plan mapping.TransferPlan
	ioID int64
	now  mapping.TransferProgress // as last read
}

// Play runs the flow against the fake, whose operator plays the WMS.
func Play(ctx context.Context, a *app.App, r *flows.Report) error {
	r.Reading("An other-in document for the return warehouse (slot 2) that the WMS receives and counts; the real quantities are read back.",
		"店铺退货 = 其它退货入销退仓（仓位 2）：聚水潭 WMS 收货清点，回读实收数量。")
	r.Flow(5, "店铺退货: a store returns goods to head office")
	p := &play{Host: &Host{Client: a.Client, Seen: a.Fake.Now()}, erp: a.Fake, r: r}
	var err error
	if p.Carriers, _, err = mapping.DefaultCarriers().WithJushuitan(p.erp.Carriers()); err != nil {
		return err
	}
	if err := p.slots(ctx); err != nil {
		return err
	}
	if err := p.pack(); err != nil {
		return err
	}
	if a.DryRun {
		_, err := p.Upload(ctx, p.plan)
		flows.DryRunEnds(a)
		return err
	}
	for _, step := range []func(context.Context) error{p.carrier, p.uploadTwice, p.unknownSKU, p.count, p.token, p.cancel, p.settle, p.restock, p.missed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) slots(ctx context.Context) error {
	found, err := p.CheckSlots(ctx, flows.Warehouses())
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "CheckWarehouseSlots", flows.HeadWarehouse, "the codes of DianJia's warehouses fit")
	p.r.Check(len(found) == 0, "DianJia's warehouses fit: %s, and %s for returns", flows.HeadWarehouse, dianjia.ReturnWarehouseCode)

	p.r.Failure("the return warehouse has the code 9 and not 2 销退仓编码错误")
	wrong := flows.Warehouses()
	wrong[1].WarehouseCode = "9"
	if found, err = p.CheckSlots(ctx, wrong); err != nil {
		return err
	}
	for _, f := range found {
		p.r.Found(f)
	}
	p.r.Check(len(found) == 1 && found[0].Code == mapping.SetupReturnWarehouseCode, "the wrong code is found")
	p.r.Host("stops here until the merchant has changed the code")
	return nil
}

// pack: the store packs what it was asked to, except one TEE-L.
func (p *play) pack() error {
	p.r.Shows(flows.Partial, "the store packs 1 of 2 TEE-L")
	p.t = &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: "TH-5001", Kind: dianjia.TransferReturn, FromCode: "S01", ToCode: dianjia.ReturnWarehouseCode,
		Items: flows.Qtys{demo.TeeM: 3, demo.TeeL: 2, demo.Cap: 2}.Items(),
	}
	for i := range p.t.Items {
		p.t.Items[i].Shipped = p.t.Items[i].Qty
		if p.t.Items[i].SKUCode == demo.TeeL {
			p.t.Items[i].Shipped = decimal.NewFromInt(1)
		}
	}
	packed := Packed(p.t)
	var err error
	if p.plan, err = mapping.PlanTransfer(packed, flows.Stores(), flows.Warehouses()); err != nil {
		return err
	}
	p.r.Host("tells Jushuitan what was packed, not what was asked for: what the WMS then does not find is a loss")
	p.r.Check(packed.Items[1].SKUCode == demo.TeeL && packed.Items[1].Qty.Equal(flows.One()), "the document will say 1 %s", demo.TeeL)
	return nil
}

func (p *play) carrier(ctx context.Context) error {
	p.r.Shows(flows.CarrierUnknown, "the store's staff names a carrier that is not in the table")
	_, err := p.Send(ctx, p.plan, "圆通速运达", "YT5001")
	p.r.Says(err, nil)
	p.r.Check(len(p.erp.OtherInOuts()) == 0, "nothing was uploaded")
	p.r.Host("shows the nearest ones to choose from; the staff chooses 圆通速递")
	return nil
}

func (p *play) uploadTwice(ctx context.Context) error {
	p.r.Instead(flows.DuplicatePush, "the answer of the upload is lost, and the job runs a second time 应答丢失、重复上传", flows.NoPush)
	remove := p.erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/otherinout/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	var err error
	p.ioID, err = p.Send(ctx, p.plan, "圆通速递", "YT5001")
	remove()
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "OtherInOuts.Upload", fmt.Sprintf("%s io_id %d", p.t.TransferNo, p.ioID), fmt.Sprintf("%d slot %d, first answer lost, retried by itself", p.plan.To.WMSCoID, p.plan.To.Slot))
	again, err := p.Send(ctx, p.plan, "圆通速递", "YT5001")
	if err != nil {
		return err
	}
	p.r.Host("nothing: external_id %s is the key, the same document came back", p.t.TransferNo)
	docs := p.erp.OtherInOuts()
	p.r.Check(again == p.ioID && len(docs) == 1 && docs[0].LCID == "YTO" && docs[0].LID == "YT5001", "three uploads made one document, with %s %s", docs[0].LogisticsCompany, docs[0].LID)
	return nil
}

func (p *play) upload(ctx context.Context) func(mapping.TransferPlan) (int64, error) {
	return func(plan mapping.TransferPlan) (int64, error) { return p.Upload(ctx, plan) }
}

func (p *play) unknownSKU(ctx context.Context) error {
	return p.r.UnknownSKU(*p.t, "TH-5000", p.upload(ctx))
}

// count: the WMS finds one TEE-M less and one cap more than the store packed.
func (p *play) count(ctx context.Context) error {
	p.r.GoesOn("the WMS receives the goods")
	var err error
	if p.now, err = p.Read(ctx, p.t, p.ioID); err != nil {
		return err
	}
	p.r.Table(&p.now)
	p.r.Check(p.now.State == mapping.TransferInTransit, "nothing counts as missing before the WMS has counted")
	if err := p.erp.ConfirmOtherInOut(p.ioID, flows.Qtys{demo.TeeM: 2, demo.TeeL: 1, demo.Cap: 3}.Decimals()); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "WMS counts", fmt.Sprintf("io_id %d", p.ioID), "TEE-M 2 of 3, cap 3 of 2")
	return nil
}

func (p *play) token(ctx context.Context) error {
	if err := p.r.TokenEnds(p.erp, func() (err error) {
		p.now, err = p.Read(ctx, p.t, p.ioID)
		return err
	}); err != nil {
		return err
	}
	p.r.Table(&p.now)
	p.r.Check(p.now.State == mapping.TransferReceived, "the real quantities were read back")
	return nil
}

func (p *play) cancel(ctx context.Context) error {
	p.r.Shows(flows.CancelAfterShipping, "the store takes its return back after the WMS received it")
	err := p.Cancel(ctx, p.t, demo.MainWarehouse)
	p.r.Host("refuses: %v", err)
	p.r.Check(err != nil && p.erp.OtherInOuts()[0].Status == "Confirmed", "nothing was undone in Jushuitan")
	return nil
}

// settle decides about each difference.
func (p *play) settle(ctx context.Context) error {
	p.r.GoesOn("each difference gets its decision")
	for _, d := range p.now.Differences() {
		switch d.NotReceived.Sign() {
		case 1:
			p.r.Step(demo.DianJia, "claim", fmt.Sprintf("少收 %s %s", d.SKUCode, d.NotReceived), "lost in transit: a claim against the carrier; nothing to correct in Jushuitan")
			p.r.Settles(p.t.TransferNo, d.SKUCode, demo.NotReceived, d.NotReceived, "loss on the way 在途损耗, a claim on the carrier")
		case -1:
			p.r.Step(demo.DianJia, "correct the store", fmt.Sprintf("多收 %s %s", d.SKUCode, d.NotReceived.Neg()), "the store packed one more than recorded: its stock is reduced")
			p.r.Settles(p.t.TransferNo, d.SKUCode, demo.NotReceived, d.NotReceived, "the store's stock was corrected 门店库存更正")
		}
	}
	return p.r.SettleNotShipped(&p.now, "next return", p.upload(ctx))
}

func (p *play) stock() string {
	text := flows.Stock(p.erp, demo.MainWarehouse, dianjia.SlotSalesReturn, demo.TeeM, demo.TeeL, demo.Cap)
	p.r.Step(demo.Jushuitan, "stock", "销退仓 slot 2", text)
	return text
}

func (p *play) restock(ctx context.Context) error {
	p.stock()
	plan := func(number string, good flows.Qtys) (mapping.TransferPlan, error) {
		return mapping.PlanTransfer(&dianjia.Transfer{
			EntID: demo.Merchant, TransferNo: number, Kind: dianjia.TransferReturn, FromCode: dianjia.ReturnWarehouseCode, ToCode: flows.HeadWarehouse, Items: good.Items(),
		}, flows.Stores(), flows.Warehouses())
	}
	p.r.Failure("more is put back on the shelf than was received 数量超出")
	tooMuch, err := plan("SJ-5002", flows.Qtys{demo.TeeM: 3})
	if err != nil {
		return err
	}
	_, err = p.Restock(ctx, tooMuch)
	p.r.Says(err, jushuitan.ErrInvalid)
	p.r.Host("reads the stock of slot 2 and takes what is there")
	good, err := plan("SJ-5001", flows.Qtys{demo.TeeM: 2, demo.Cap: 2})
	if err != nil {
		return err
	}
	inner, err := p.Restock(ctx, good)
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "UploadInWarehouse", fmt.Sprintf("SJ-5001 io_id %d", inner.IOID), "slot 2 -> slot 1: good again")
	p.r.Check(p.stock() == "TEE24-WHT-M 0, TEE24-WHT-L 1, CAP24-RED 1", "what is not good stays in slot 2")
	return nil
}

// missed: the WMS counts the second return while the host is down.
func (p *play) missed(ctx context.Context) error {
	p.r.Instead(flows.LostPush, "the host is down while the WMS counts, its poll does not run 停机漏读", flows.NoPush)
	rest, _ := p.now.Remaining(2)
	for i := range rest.Items {
		rest.Items[i].Shipped = rest.Items[i].Qty
	}
	open := map[string]*dianjia.Transfer{rest.TransferNo: &rest}
	if _, err := p.Poll(ctx, p.erp.Now(), open); err != nil {
		return err
	}
	p.erp.Advance(time.Hour)
	docs := p.erp.OtherInOuts()
	last := docs[len(docs)-1]
	if err := p.erp.ConfirmOtherInOut(last.IOID, nil); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "WMS counts", fmt.Sprintf("%s io_id %d", last.SoID, last.IOID), "the host is not informed")
	p.r.Differs(last.SoID, "", demo.DocumentMissed, flows.One())
	p.erp.Advance(time.Hour)
	changed, err := p.Poll(ctx, p.erp.Now(), open)
	if err != nil {
		return err
	}
	for number := range changed {
		p.r.Settles(number, "", demo.DocumentMissed, flows.One(), "read by the next poll, by the time of change")
	}
	now := changed[last.SoID]
	p.r.Host("asks from where it got to, two hours ago, and not from now: %s found", demo.Count(len(changed), "document"))
	p.r.Check(now.State == mapping.TransferReceived && len(now.Differences()) == 0, "%s is read as %s %s, nothing is missing", last.SoID, now.State, now.State.Label())
	return nil
}
