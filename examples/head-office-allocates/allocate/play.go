package allocate

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
}

// Play runs the flow against the fake, whose operator plays the WMS.
func Play(ctx context.Context, a *app.App, r *flows.Report) error {
	r.Reading("A cross-warehouse transfer from the head warehouse; the WMS picks and ships, the store receives, differences are recorded.",
		"总部配货 = 从总仓到店加线下仓的跨仓调拨：聚水潭 WMS 拣货出库，门店收货，记录差异。")
	r.Flow(3, "总部配货: head office allocates to a store")
	p := &play{Host: &Host{Client: a.Client, Seen: a.Fake.Now()}, erp: a.Fake, r: r}
	before := flows.Total(p.erp, demo.TeeM)

	p.t = &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: "PH-3001", Kind: dianjia.TransferAllocation, FromCode: flows.HeadWarehouse, ToCode: "S01", Created: time.Now(),
		Items: flows.Qtys{demo.TeeM: 10, demo.TeeL: 6, demo.Cap: 4}.Items(),
	}
	var err error
	if p.plan, err = mapping.PlanTransfer(p.t, flows.Stores(), flows.Warehouses()); err != nil {
		return err
	}
	r.Step(demo.DianJia, "PlanTransfer", p.t.TransferNo, fmt.Sprintf("%s: %d slot %d -> %d slot %d", p.plan.Route(), p.plan.From.WMSCoID, p.plan.From.Slot, p.plan.To.WMSCoID, p.plan.To.Slot))
	if a.DryRun {
		_, err := p.Upload(ctx, p.plan)
		flows.DryRunEnds(a)
		return err
	}
	for _, step := range []func(context.Context) error{p.uploadTwice, p.unknownSKU, p.pick, p.carrier, p.cancel, p.token, p.receive, p.missed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.settle(ctx, before)
}

func (p *play) upload(ctx context.Context) func(mapping.TransferPlan) (int64, error) {
	return func(plan mapping.TransferPlan) (int64, error) { return p.Upload(ctx, plan) }
}

func (p *play) read(ctx context.Context) (mapping.TransferProgress, error) {
	return p.Read(ctx, p.t, p.ioID)
}

func (p *play) uploadTwice(ctx context.Context) error {
	p.r.Instead(flows.DuplicatePush, "the answer of the upload is lost, and the job runs a second time 应答丢失、重复上传", flows.NoPush)
	remove := p.erp.Inject(jushuitantest.Fault{Path: "/open/allocate/kc/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	var err error
	p.ioID, err = p.Upload(ctx, p.plan)
	remove()
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "UploadCrossWarehouse", fmt.Sprintf("%s io_id %d", p.t.TransferNo, p.ioID), "first answer lost, retried by itself")
	again, err := p.Upload(ctx, p.plan)
	if err != nil {
		return err
	}
	p.r.Host("nothing: the number %s is the key, the same document came back", p.t.TransferNo)
	p.r.Check(again == p.ioID && len(p.erp.Transfers()) == 1, "three uploads of %s made one document", p.t.TransferNo)
	return nil
}

func (p *play) unknownSKU(ctx context.Context) error {
	return p.r.UnknownSKU(*p.t, "PH-3000", p.upload(ctx))
}

func (p *play) pick(ctx context.Context) error {
	p.r.Shows(flows.Partial, "the WMS finds 4 of 6 TEE-L")
	if err := p.erp.ShipTransfer(p.ioID, flows.Qtys{demo.TeeM: 10, demo.TeeL: 4, demo.Cap: 4}.Decimals()); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "WMS ships", fmt.Sprintf("io_id %d", p.ioID), "TEE-M 10, TEE-L 4, cap 4")
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	p.r.Table(&now)
	p.r.Check(now.State == mapping.TransferInTransit, "the goods are in transit, and what was not shipped is no loss")
	p.r.Host("asks for the rest again when the transfer is done, see the end")
	return nil
}

func (p *play) carrier(ctx context.Context) error {
	return p.r.WaybillUnknown(p.erp, p.ioID, func() (mapping.TransferProgress, error) { return p.read(ctx) })
}

func (p *play) cancel(ctx context.Context) error {
	p.r.Shows(flows.CancelAfterShipping, "head office takes the transfer back while it is on a lorry")
	p.r.Says(p.Cancel(ctx, p.ioID), jushuitan.ErrInvalid)
	p.r.Host("lets it come: the store receives it and returns the goods (store-returns)")
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	p.r.Check(now.State == mapping.TransferInTransit, "the transfer is %s %s as before", now.State, now.State.Label())
	return nil
}

func (p *play) token(ctx context.Context) error {
	return p.r.TokenEnds(p.erp, func() error {
		_, err := p.read(ctx)
		return err
	})
}

// receive: the store counts one TEE-M less and one cap more than was shipped.
func (p *play) receive(ctx context.Context) error {
	p.r.GoesOn("the store receives the goods")
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	counted := flows.Qtys{demo.TeeM: 9, demo.TeeL: 4, demo.Cap: 5}.Items()
	if err := p.Confirm(ctx, now.InIOID, p.plan.To, counted); err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "Transfers.Confirm", fmt.Sprintf("io_id %d", now.InIOID), "the store S01 received TEE-M 9, TEE-L 4, cap 5")
	inIOID := now.InIOID
	if now, err = p.read(ctx); err != nil {
		return err
	}
	p.r.Table(&now)

	p.r.Failure("the store confirms a second time 重复确认收货")
	p.r.Says(p.Confirm(ctx, inIOID, p.plan.To, counted), jushuitan.ErrInvalid)
	p.r.Host("reads the state: %s %s, there is nothing to do", now.State, now.State.Label())
	return nil
}

// missed: a transfer is shipped and received in Jushuitan while the host is down.
func (p *play) missed(ctx context.Context) error {
	p.r.Instead(flows.LostPush, "the host is down while people work in Jushuitan, its poll does not run 停机漏读", flows.NoPush)
	t := *p.t
	t.TransferNo, t.Items = "PH-3002", flows.Qtys{demo.Cap: 2}.Items()
	plan, err := mapping.PlanTransfer(&t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	ioID, err := p.Upload(ctx, plan)
	if err != nil {
		return err
	}
	open := map[int64]*dianjia.Transfer{ioID: &t}
	if _, err := p.Poll(ctx, p.erp.Now(), open); err != nil {
		return err
	}
	p.erp.Advance(time.Hour)
	if err := p.erp.ShipTransfer(ioID, nil); err != nil {
		return err
	}
	if err := p.erp.ReceiveTransfer(ioID, nil); err != nil {
		return err
	}
	p.r.Step(demo.Jushuitan, "shipped and received", fmt.Sprintf("%s io_id %d", t.TransferNo, ioID), "the host is not informed")
	p.r.Differs(t.TransferNo, "", demo.DocumentMissed, flows.One())
	p.erp.Advance(time.Hour)
	changed, err := p.Poll(ctx, p.erp.Now(), open)
	if err != nil {
		return err
	}
	for _, now := range changed {
		p.r.Settles(now.Transfer.TransferNo, "", demo.DocumentMissed, flows.One(), "read by the next poll")
	}
	p.r.Host("asks from where it got to, two hours ago, and not from now: %s found", demo.Count(len(changed), "transfer"))
	p.r.Check(changed[ioID].State == mapping.TransferReceived, "%s is read as %s %s", t.TransferNo, changed[ioID].State, changed[ioID].State.Label())
	return nil
}

// settle decides about each difference, and checks that no piece got lost.
func (p *play) settle(ctx context.Context, before decimal.Decimal) error {
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	stock := func() {
		p.r.Step(demo.Jushuitan, "stock", "店加线下仓", flows.Stock(p.erp, demo.StoreWarehouse, dianjia.SlotMain, demo.TeeM, demo.Cap))
	}
	p.r.GoesOn("each difference gets its decision")
	stock()
	if err := p.Settle(ctx, &now, func(ioID int64, it jushuitan.TransferCreateDifferenceItem) {
		p.r.Step(demo.DianJia, "CreateDifference", fmt.Sprintf("差异单 io_id %d", ioID), fmt.Sprintf("%s %s", it.SKUID, it.Qty))
		p.r.Settles(p.t.TransferNo, it.SKUID, demo.NotReceived, it.Qty, fmt.Sprintf("difference document 差异单 io_id %d", ioID))
	}); err != nil {
		return err
	}
	stock()
	p.r.Check(flows.Total(p.erp, demo.TeeM).Equal(before), "no %s got lost: %s in all, as before", demo.TeeM, before)
	return p.r.SettleNotShipped(&now, "asked for again", p.upload(ctx))
}
