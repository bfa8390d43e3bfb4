package replenish

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Furnish adds to the demo merchant what the flow needs: the head warehouse has less stock
// than the store asks for.
func Furnish(s *jushuitantest.Server) error {
	return errors.Join(flows.Furnish(s), s.SetStock(demo.MainWarehouse, demo.TeeL, decimal.NewFromInt(5)))
}

// play is the state of the flow.
type play struct {
	*Host
	erp    *jushuitantest.Server
	r      *flows.Report
	stores map[string]flows.Qtys // DianJia's stock
	t      *dianjia.Transfer
	plan   mapping.TransferPlan
	ioID   int64
	now    mapping.TransferProgress // as last read
}

// Play runs the flow against the fake, whose operator plays the WMS.
func Play(ctx context.Context, a *app.App, r *flows.Report) error {
	r.Reading("An other-out from the head warehouse that the WMS picks and ships; the store's receipt is DianJia's own, the stores' sum is pushed afterwards.",
		"店铺补货 = 总仓其它出库：聚水潭 WMS 拣货出库，门店收货记在店加，再把门店库存汇总推送到店加线下仓。")
	r.Flow(4, "店铺补货: a store asks for goods")
	p := &play{Host: &Host{Client: a.Client}, erp: a.Fake, r: r, stores: map[string]flows.Qtys{
		"S01": {demo.TeeM: 4, demo.TeeL: 2, demo.Cap: 3}, "S02": {demo.TeeM: 1, demo.TeeL: 0, demo.Cap: 0},
	}}
	if _, err := p.pushStock(ctx); err != nil {
		return err
	}
	if err := p.approve(ctx); err != nil {
		return err
	}
	if a.DryRun {
		_, err := p.Upload(ctx, p.plan)
		flows.DryRunEnds(a)
		return err
	}
	for _, step := range []func(context.Context) error{
		p.uploadTwice, p.unknownSKU, p.withdrawn, p.pick, p.carrier, p.token, p.cancel, p.receive, p.missed,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) pushStock(ctx context.Context) ([]mapping.VirtualStock, error) {
	return p.PushStock(ctx, flows.Stores()[:2], append(p.stores["S01"].Rows("S01"), p.stores["S02"].Rows("S02")...))
}

func (p *play) upload(ctx context.Context) func(mapping.TransferPlan) (int64, error) {
	return func(plan mapping.TransferPlan) (int64, error) { return p.Upload(ctx, plan) }
}

func (p *play) approve(ctx context.Context) error {
	p.t = &dianjia.Transfer{EntID: demo.Merchant, TransferNo: "BH-4001", Kind: dianjia.TransferReplenishment, FromCode: flows.HeadWarehouse, ToCode: "S02"}
	asked := flows.Qtys{demo.TeeM: 12, demo.TeeL: 8, demo.Cap: 5}.Items()
	var err error
	if p.t.Items, err = p.Approve(ctx, demo.MainWarehouse, asked); err != nil {
		return err
	}
	for i, it := range p.t.Items {
		p.r.Step(demo.DianJia, "approve", fmt.Sprintf("S02 %s asked %s", it.SKUCode, asked[i].Qty), fmt.Sprintf("approved 批准 %s", it.Qty))
		if cut := asked[i].Qty.Sub(it.Qty); !cut.IsZero() {
			p.r.Differs(p.t.TransferNo, it.SKUCode, demo.NotApproved, cut)
			p.r.Settles(p.t.TransferNo, it.SKUCode, demo.NotApproved, cut, "head office has no more, the store is told")
		}
	}
	p.plan, err = mapping.PlanTransfer(p.t, flows.Stores(), flows.Warehouses())
	return err
}

func (p *play) uploadTwice(ctx context.Context) error {
	p.r.Instead(flows.DuplicatePush, "the answer of the upload is lost, and the job runs a second time 应答丢失、重复上传", flows.NoPush)
	remove := p.erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/otherinout/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	var err error
	p.ioID, err = p.Upload(ctx, p.plan)
	remove()
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "OtherInOuts.Upload", fmt.Sprintf("%s io_id %d", p.t.TransferNo, p.ioID), "first answer lost, retried by itself")
	again, err := p.Upload(ctx, p.plan)
	if err != nil {
		return err
	}
	p.r.Host("nothing: external_id %s is the key, the same document came back", p.t.TransferNo)
	p.r.Check(again == p.ioID && len(p.erp.OtherInOuts()) == 1, "three uploads made one document")
	return nil
}

func (p *play) unknownSKU(ctx context.Context) error {
	return p.r.UnknownSKU(*p.t, "BH-4000", p.upload(ctx))
}

// withdrawn cancels a request before the WMS processed it.
func (p *play) withdrawn(ctx context.Context) error {
	p.r.Failure("the store takes a request back before the goods left 出库前取消")
	t := *p.t
	t.TransferNo = "BH-4002"
	plan, err := mapping.PlanTransfer(&t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	if _, err := p.Upload(ctx, plan); err != nil {
		return err
	}
	if err := p.Cancel(ctx, &t, demo.MainWarehouse); err != nil {
		return err
	}
	now, err := p.Read(ctx, &t, 0)
	if err != nil {
		return err
	}
	p.r.Host("voids the document: %s is %s %s", t.TransferNo, now.State, now.State.Label())
	p.r.Check(now.State == mapping.TransferCancelled, "the request is cancelled in Jushuitan")
	return nil
}

func (p *play) pick(ctx context.Context) error {
	p.r.Shows(flows.Partial, "one TEE-L is damaged, the WMS ships 4 of 5")
	if err := p.erp.ConfirmOtherInOut(p.ioID, flows.Qtys{demo.TeeM: 12, demo.TeeL: 4, demo.Cap: 5}.Decimals()); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "WMS ships", fmt.Sprintf("io_id %d", p.ioID), "TEE-M 12, TEE-L 4, cap 5")
	now, err := p.Read(ctx, p.t, 0)
	if err != nil {
		return err
	}
	short := now.Differences()
	p.r.Host("keeps what is missing with the request, and asks for it again when the store has counted")
	p.r.Check(len(short) == 1 && short[0].NotShipped.Equal(flows.One()), "%s of %s was not shipped", short[0].NotShipped, short[0].SKUCode)
	return nil
}

func (p *play) carrier(ctx context.Context) error {
	return p.r.WaybillUnknown(p.erp, p.ioID, func() (mapping.TransferProgress, error) { return p.Read(ctx, p.t, 0) })
}

func (p *play) token(ctx context.Context) error {
	if err := p.r.TokenEnds(p.erp, func() error {
		changed, err := p.Poll(ctx, map[string]*dianjia.Transfer{p.t.TransferNo: p.t})
		p.now = changed[p.t.TransferNo]
		return err
	}); err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "OtherInOuts.Since", p.t.TransferNo, fmt.Sprintf("%s %s, cursor %d", p.now.State, p.now.State.Label(), p.Cursor))
	p.r.Check(p.now.State == mapping.TransferInTransit, "the document is read as in transit")
	p.r.Table(&p.now)
	return nil
}

func (p *play) cancel(ctx context.Context) error {
	p.r.Shows(flows.CancelAfterShipping, "the store takes its request back after the goods left")
	err := p.Cancel(ctx, p.t, demo.MainWarehouse)
	p.r.Host("refuses: %v", err)
	p.r.Check(err != nil && p.erp.OtherInOuts()[0].Status == "Confirmed", "nothing was undone in Jushuitan")
	return nil
}

// receive: the store counts, and one TEE-M is missing. Jushuitan is not told, since it has
// no document for this end.
func (p *play) receive(ctx context.Context) error {
	p.r.GoesOn("the store counts, and each difference gets its decision")
	now := &p.now
	now.State = mapping.TransferReceived
	for i := range now.Transfer.Items {
		it := &now.Transfer.Items[i]
		if it.Received = it.Shipped; it.SKUCode == demo.TeeM {
			it.Received = it.Received.Sub(decimal.NewFromInt(1))
		}
		p.stores["S02"][it.SKUCode] += it.Received.IntPart()
	}
	p.r.Table(now)
	for _, d := range now.Differences() {
		if d.NotReceived.IsPositive() {
			p.r.Step(demo.DianJia, "claim", fmt.Sprintf("在途损耗 %s %s", d.SKUCode, d.NotReceived), "booked as a loss in transit; Jushuitan keeps its figure")
			p.r.Settles(p.t.TransferNo, d.SKUCode, demo.NotReceived, d.NotReceived, "loss on the way 在途损耗, a claim on the carrier")
		}
	}
	up, err := p.pushStock(ctx)
	if err != nil {
		return err
	}
	for _, v := range up {
		p.r.Step(demo.DianJia, "SetVirtualQtys", fmt.Sprintf("wms_co_id %d", v.WMSCoID), fmt.Sprintf("%s %s", v.SKUCode, v.Qty))
	}
	p.r.Check(len(up) == 3 && up[2].Qty.Equal(decimal.NewFromInt(16)), "the stores' sum of %s is 4 + 1 + 11 = 16", demo.TeeM)
	return p.r.SettleNotShipped(now, "asked for again", p.upload(ctx))
}

// missed: documents change while the host is down.
func (p *play) missed(ctx context.Context) error {
	p.r.Instead(flows.LostPush, "the host is down while the WMS works, its poll does not run 停机漏读", flows.NoPush)
	rest, _ := p.now.Remaining(2)
	open := map[string]*dianjia.Transfer{rest.TransferNo: &rest}
	if _, err := p.Poll(ctx, open); err != nil {
		return err
	}
	docs := p.erp.OtherInOuts()
	last := docs[len(docs)-1]
	if err := p.erp.SetStock(demo.MainWarehouse, demo.TeeL, decimal.NewFromInt(1)); err != nil {
		return err
	}
	if err := p.erp.ConfirmOtherInOut(last.IOID, nil); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "WMS ships", fmt.Sprintf("%s io_id %d", last.SoID, last.IOID), "the host is not informed")
	p.r.Differs(last.SoID, "", demo.DocumentMissed, flows.One())
	from := p.Cursor
	changed, err := p.Poll(ctx, open)
	if err != nil {
		return err
	}
	for number := range changed {
		p.r.Settles(number, "", demo.DocumentMissed, flows.One(), "read by the next poll, from the stored cursor")
	}
	p.r.Host("asks from the cursor in its database, %d: %s found, cursor %d", from, demo.Count(len(changed), "document"), p.Cursor)
	p.r.Check(changed[last.SoID].State == mapping.TransferInTransit, "%s is read as in transit", last.SoID)
	return nil
}
