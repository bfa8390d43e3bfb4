package storetransfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
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

// Play runs both cases against the fake.
func Play(ctx context.Context, a *app.App, r *flows.Report) error {
	r.Reading("Stores of one virtual warehouse: only DianJia's stock moves. Stores of different ones: a cross-warehouse transfer is uploaded and confirmed.",
		"店店调拨：同一线下仓的门店只在店加内部移库，聚水潭总数不变；不同线下仓的门店上传跨仓调拨并确认出入库。")
	p := &play{erp: a.Fake, r: r, Host: &Host{
		Host: allocate.Host{Client: a.Client, Seen: a.Fake.Now()}, Stores: flows.Stores(),
		Stock: map[string]map[string]decimal.Decimal{
			"S01": flows.Qtys{demo.TeeM: 5, demo.TeeL: 5, demo.Cap: 4}.Decimals(), "S02": flows.Qtys{demo.TeeM: 2, demo.Cap: 5}.Decimals(), // 店加线下仓
			"S11": flows.Qtys{demo.TeeM: 2}.Decimals(), // 店加线下仓华南
		},
	}}
	var err error
	if p.Pushed, err = p.Sums(); err != nil { // what was pushed on earlier days
		return err
	}
	if err := p.sameWarehouse(ctx, a.DryRun); err != nil {
		return err
	}
	r.Flow(6, "店店调拨: from store to store, b: of different virtual warehouses")
	before := flows.Total(p.erp, demo.Cap)
	if err := p.carrier(); err != nil {
		return err
	}
	if a.DryRun {
		_, err := p.Upload(ctx, p.plan)
		flows.DryRunEnds(a)
		return err
	}
	for _, step := range []func(context.Context) error{p.uploadTwice, p.unknownSKU, p.tooMuch, p.pack, p.token, p.cancel, p.answerLost, p.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.Check(flows.Total(p.erp, demo.Cap).Equal(before), "no %s got lost: %s in all, as before", demo.Cap, before)
	if err := p.missed(ctx); err != nil {
		return err
	}
	if err := p.notBound(); err != nil {
		return err
	}
	return p.compare()
}

func between(number, from, to string, lines flows.Qtys) *dianjia.Transfer {
	return &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: number, Kind: dianjia.TransferBetweenStores, FromCode: from, ToCode: to, Items: lines.Items(),
	}
}

// sameWarehouse: S01 and S02 both feed 店加线下仓.
func (p *play) sameWarehouse(ctx context.Context, dry bool) error {
	p.r.Flow(6, "店店调拨: from store to store, a: of one virtual warehouse")
	calls := p.erp.Stats().Calls
	t := between("DD-6001", "S01", "S02", flows.Qtys{demo.TeeM: 3, demo.TeeL: 2})
	plan, err := mapping.PlanTransfer(t, p.Stores, flows.Warehouses())
	if err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "PlanTransfer", t.TransferNo+" S01 -> S02", fmt.Sprintf("%s: both are in %d", plan.Route(), plan.From.WMSCoID))
	_, err = plan.CrossTransfer()
	p.r.Check(plan.Route() == mapping.RouteNone && err != nil, "there is nothing to upload")

	now := mapping.TransferProgress{Transfer: *t, State: mapping.TransferReceived}
	for i := range now.Transfer.Items {
		now.Transfer.Items[i].Shipped, now.Transfer.Items[i].Received = now.Transfer.Items[i].Qty, now.Transfer.Items[i].Qty
	}
	p.r.Table(&now)
	p.Move(&now)
	changed, err := p.PushStock(ctx, "DJ-DD-6001")
	if err != nil {
		return err
	}
	p.r.Check(len(changed) == 0 && p.erp.Stats().Calls == calls, "the total is unchanged: no call to Jushuitan")
	if dry {
		return nil
	}

	// The way back, on which one TEE-M is lost.
	back := between("DD-6002", "S02", "S01", flows.Qtys{demo.TeeM: 2})
	back.Items[0].Shipped, back.Items[0].Received = decimal.NewFromInt(2), decimal.NewFromInt(1)
	now = mapping.TransferProgress{Transfer: *back, State: mapping.TransferReceived}
	p.r.Table(&now)
	p.Move(&now)
	if changed, err = p.PushStock(ctx, "DJ-DD-6002"); err != nil {
		return err
	}
	for _, v := range changed {
		p.r.Step(demo.DianJia, "Stocktakes.Upload", fmt.Sprintf("wms_co_id %d", v.WMSCoID), fmt.Sprintf("%s %s: the lost items are missing in the total", v.SKUCode, v.Qty))
		p.r.Settles("DD-6002", v.SKUCode, demo.NotReceived, decimal.NewFromInt(7).Sub(v.Qty), "loss 损耗, the new total is pushed 盘点")
	}
	p.r.Check(len(changed) == 1 && changed[0].Qty.Equal(decimal.NewFromInt(6)), "the difference alone changes the total: 7 became 6")
	return nil
}

// carrier: S01 feeds 店加线下仓, S11 feeds the virtual warehouse in the south. The store sends
// the goods with a carrier of its own.
func (p *play) carrier() error {
	p.r.Instead(flows.CarrierUnknown, "the store's staff names a carrier that is not in the table",
		"upload and confirmation of a transfer have no field for a carrier: nothing is refused for it / 调拨上传与确认接口没有物流字段")
	p.t = between("DD-6003", "S01", "S11", flows.Qtys{demo.Cap: 4, demo.TeeL: 2})
	_, _, err := mapping.DefaultCarriers().ToJushuitan("", "圆通速运达")
	p.r.Says(err, nil)
	p.t.Remark = "圆通速运达 YT6003"
	p.r.Host("sends name and waybill as they are, in the remark 备注, for people to read")
	if p.plan, err = mapping.PlanTransfer(p.t, p.Stores, flows.Warehouses()); err != nil {
		return err
	}
	row, err := p.plan.CrossTransfer()
	if err != nil {
		return err
	}
	p.r.Check(row.Remark == p.t.Remark, "the upload has the remark")
	p.r.Step(demo.DianJia, "PlanTransfer", p.t.TransferNo+" S01 -> S11", fmt.Sprintf("%s: %d -> %d", p.plan.Route(), p.plan.From.WMSCoID, p.plan.To.WMSCoID))
	return nil
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
	p.r.Check(again == p.ioID && len(p.erp.Transfers()) == 1, "three uploads made one document")
	return nil
}

func (p *play) unknownSKU(ctx context.Context) error {
	return p.r.UnknownSKU(*p.t, "DD-6000", func(plan mapping.TransferPlan) (int64, error) { return p.Upload(ctx, plan) })
}

func (p *play) read(ctx context.Context) (mapping.TransferProgress, error) {
	return p.Read(ctx, p.t, p.ioID)
}

func (p *play) tooMuch(ctx context.Context) error {
	p.r.Failure("the store tells more than the transfer asks for 超发")
	p.r.Says(p.Confirm(ctx, p.ioID, p.plan.From, flows.Qtys{demo.Cap: 40, demo.TeeL: 2}.Items()), jushuitan.ErrInvalid)
	p.r.Host("counts again; nothing was booked")
	return nil
}

func (p *play) pack(ctx context.Context) error {
	p.r.Shows(flows.Partial, "the store S01 packs 3 of 4 caps")
	if err := p.Confirm(ctx, p.ioID, p.plan.From, flows.Qtys{demo.Cap: 3, demo.TeeL: 2}.Items()); err != nil {
		return err
	}
	p.r.Step(demo.DianJia, "Transfers.Confirm", fmt.Sprintf("调拨出 io_id %d", p.ioID), "S01 shipped: cap 3, TEE-L 2")
	p.r.Host("confirms what was packed; the rest stays in S01, see the end")
	out := p.erp.Transfers()[0]
	p.r.Check(out.Items[0].SKUID == demo.Cap && out.Items[0].RQty.Equal(decimal.NewFromInt(3)), "Jushuitan has %s of %s", out.Items[0].RQty, out.Items[0].Qty)
	return nil
}

func (p *play) token(ctx context.Context) error {
	return p.r.TokenEnds(p.erp, func() error {
		now, err := p.read(ctx)
		if err == nil {
			p.r.Table(&now)
		}
		return err
	})
}

func (p *play) cancel(ctx context.Context) error {
	p.r.Shows(flows.CancelAfterShipping, "the store takes the transfer back while it is on its way")
	p.r.Says(p.Cancel(ctx, p.ioID), jushuitan.ErrInvalid)
	p.r.Host("lets it arrive, and makes a transfer the other way round")
	out := p.erp.Transfers()[0]
	p.r.Check(out.Status == "Confirmed", "the transfer is %s as before", out.Status)
	return nil
}

// answerLost: the confirmation has no key, so its outcome is unknown.
func (p *play) answerLost(ctx context.Context) error {
	p.r.Failure("the answer of the receipt is lost, and a confirmation has no key 确认应答丢失")
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	remove := p.erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/allocate/confirm", Times: 1, Kind: jushuitantest.LostAnswer})
	counted := flows.Qtys{demo.Cap: 2, demo.TeeL: 2}.Items()
	err = p.Confirm(ctx, now.InIOID, p.plan.To, counted)
	remove()
	p.r.Says(err, jushuitan.ErrOutcomeUnknown)
	if !errors.Is(err, jushuitan.ErrOutcomeUnknown) {
		return err
	}
	found, err := p.Client.SettleError(ctx, err, allocate.ConfirmRequest(now.InIOID, p.plan.To, counted))
	if err != nil {
		return err
	}
	if now, err = p.read(ctx); err != nil {
		return err
	}
	p.r.Host("settles it before it would try again: the receipt is %v, %s is %s %s", found[0].Outcome, p.t.TransferNo, now.State, now.State.Label())
	p.r.Check(found[0].Outcome == jushuitan.Applied && now.State == mapping.TransferReceived, "the receipt was booked, once")
	return nil
}

func (p *play) settle(ctx context.Context) error {
	p.r.GoesOn("each difference gets its decision")
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	p.r.Table(&now)
	p.Move(&now)
	if err := p.Settle(ctx, &now, func(ioID int64, it jushuitan.TransferCreateDifferenceItem) {
		p.r.Step(demo.DianJia, "CreateDifference", fmt.Sprintf("差异单 io_id %d", ioID), fmt.Sprintf("%s %s: back on the books of S01's warehouse", it.SKUID, it.Qty))
		p.r.Settles(p.t.TransferNo, it.SKUID, demo.NotReceived, it.Qty, fmt.Sprintf("difference document 差异单 io_id %d", ioID))
		p.add(p.t.FromCode, it.SKUID, it.Qty)
	}); err != nil {
		return err
	}
	rest, ok := now.Remaining(2)
	p.r.Check(ok, "the missing quantity is known: %s", rest.TransferNo)
	for _, it := range rest.Items {
		p.r.Step(demo.DianJia, "closed", p.t.TransferNo, fmt.Sprintf("少发 %s %s: stays in S01; S11 no longer needs it", it.SKUCode, it.Qty))
		p.r.Settles(p.t.TransferNo, it.SKUCode, demo.NotShipped, it.Qty, "it stays in S01, nothing to book")
	}
	p.r.Step(demo.Jushuitan, "stock", "店加线下仓", flows.Stock(p.erp, demo.StoreWarehouse, dianjia.SlotMain, demo.Cap, demo.TeeL))
	p.r.Step(demo.Jushuitan, "stock", "店加线下仓华南", flows.Stock(p.erp, flows.SouthStores, dianjia.SlotMain, demo.Cap, demo.TeeL))
	return nil
}

// missed: head office confirms both ends in Jushuitan itself while the host is down.
func (p *play) missed(ctx context.Context) error {
	p.r.Instead(flows.LostPush, "the host is down, and head office confirms both ends in Jushuitan itself 停机漏读", flows.NoPush)
	t := between("DD-6006", "S02", "S11", flows.Qtys{demo.Cap: 1})
	plan, err := mapping.PlanTransfer(t, p.Stores, flows.Warehouses())
	if err != nil {
		return err
	}
	ioID, err := p.Upload(ctx, plan)
	if err != nil {
		return err
	}
	open := map[int64]*dianjia.Transfer{ioID: t}
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
	p.r.Step(demo.Jushuitan, "both ends confirmed", fmt.Sprintf("%s io_id %d", t.TransferNo, ioID), "the host is not informed")
	p.r.Differs(t.TransferNo, "", demo.DocumentMissed, flows.One())
	p.erp.Advance(time.Hour)
	changed, err := p.Poll(ctx, p.erp.Now(), open)
	if err != nil {
		return err
	}
	for _, now := range changed {
		p.Move(&now)
		p.r.Settles(now.Transfer.TransferNo, "", demo.DocumentMissed, flows.One(), "read by the next poll, booked in both stores")
	}
	p.r.Host("asks from where it got to, two hours ago, and not from now: %s found, and books both stores", demo.Count(len(changed), "transfer"))
	p.r.Check(changed[ioID].State == mapping.TransferReceived, "%s is read as %s %s", t.TransferNo, changed[ioID].State, changed[ioID].State.Label())
	return nil
}

// notBound: invalid settings are found before anything is uploaded.
func (p *play) notBound() error {
	p.r.Failure("a store is bound to two warehouses 门店绑定了两个电商仓")
	stores := append(flows.Stores(), dianjia.StoreBinding{EntID: demo.Merchant, StoreCode: "S02", WMSCoID: flows.SouthStores})
	_, err := mapping.PlanTransfer(between("DD-6004", "S02", "S11", flows.Qtys{demo.TeeM: 1}), stores, flows.Warehouses())
	p.r.Says(err, nil)
	p.r.Host("asks the merchant to keep one binding; nothing was uploaded")

	p.r.Failure("a store is bound to none 门店未绑定")
	plan, err := mapping.PlanTransfer(between("DD-6005", "S02", "S99", flows.Qtys{demo.TeeM: 1}), p.Stores, flows.Warehouses())
	if err != nil {
		return err
	}
	_, err = plan.CrossTransfer()
	p.r.Says(err, nil)
	p.r.Host("pushes the new sum of S02's warehouse instead: Jushuitan does not know S99")
	return nil
}

// compare: at the end Jushuitan has the same sums as the stores.
func (p *play) compare() error {
	p.r.GoesOn("at the end of the day")
	sums, err := p.Sums()
	if err != nil {
		return err
	}
	equal := 0
	for _, v := range sums {
		for _, row := range p.erp.Stock(v.WMSCoID) {
			if row.SKUID == v.SKUCode && row.Qty.Equal(v.Qty) {
				equal++
			}
		}
	}
	p.r.Check(equal == len(sums) && equal > 4, "DianJia's sums and Jushuitan's stock agree: %d of %d", equal, len(sums))
	return nil
}
