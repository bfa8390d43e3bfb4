// Command store-to-store is flow 6, 店店调拨: goods go from one of DianJia's stores to
// another.
//
//	go run ./examples/store-to-store
//
// The implementation guide shows this flow as a picture that is not available. Our
// reading: the stores are DianJia's own. When both feed the same virtual warehouse
// (店加线下仓) only their stock moves; Jushuitan sees one total, which stays as it is. When
// they feed different ones, a cross-warehouse transfer (跨仓调拨) is uploaded, and DianJia
// confirms both ends with what the stores counted. That moves real stock (实际库存): it is
// for stores whose sum goes up as a stocktake (盘点) and not as virtual quantities.
//
// With a real account it uploads one transfer and shows how far it is:
//
//	go run ./examples/store-to-store -app-key KEY -no DD-1 -from 10100088:1 -to 10100089:1 -lines 'TEE-M=3' -yes
package main

import (
	"context"
	"errors"
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
		Name: "store-to-store", Flags: q.Flags, Furnish: flows.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			h := newHost(a.Client)
			if a.Real() {
				return flows.Real(ctx, a, q, dianjia.TransferBetweenStores, h.upload, h.read)
			}
			return h.demo(ctx, a)
		},
	}
}

// host is DianJia's side of the flow, with its stores' stock.
type host struct {
	client *jushuitan.Client
	stores map[string]flows.Qtys
	pushed []mapping.VirtualStock
}

func newHost(client *jushuitan.Client) *host {
	return &host{client: client, stores: map[string]flows.Qtys{
		"S01": {demo.TeeM: 5, demo.TeeL: 5, demo.Cap: 4}, "S02": {demo.TeeM: 2, demo.TeeL: 0, demo.Cap: 5}, // 店加线下仓
		"S11": {demo.TeeM: 2}, // 店加线下仓华南
	}}
}

// move books a transfer in DianJia's own stores.
func (h *host) move(p *mapping.TransferProgress) {
	for _, it := range p.Transfer.Items {
		h.stores[p.Transfer.FromCode][it.SKUCode] -= it.Shipped.IntPart()
		h.stores[p.Transfer.ToCode][it.SKUCode] += it.Received.IntPart()
	}
}

// changedStock is what the virtual warehouses must be told: sums that are not what they
// were at the last push.
func (h *host) changedStock() ([]mapping.VirtualStock, error) {
	var rows []dianjia.StockRow
	for store, stock := range h.stores {
		rows = append(rows, stock.Rows(store)...)
	}
	sums, err := mapping.SumStoreStock(flows.Stores(), rows, mapping.StoreStockRules{})
	if err != nil {
		return nil, err
	}
	changed := mapping.ChangedVirtualStock(h.pushed, sums.Rows).Changed
	h.pushed = sums.Rows
	return changed, nil
}

// upload tells Jushuitan of a transfer between two virtual warehouses. A repeat with the
// same number gives the same document.
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

// read asks what is booked so far.
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

// confirm books one end with what the store counted. It has no key: after
// jushuitan.ErrOutcomeUnknown read before you try again.
func (h *host) confirm(ctx context.Context, ioID int64, at mapping.TransferPlace, counted flows.Qtys) error {
	req := &jushuitan.TransferConfirm{IOID: ioID, WMSCoID: at.WMSCoID}
	for _, it := range counted.Items() {
		req.Items = append(req.Items, jushuitan.TransferConfirmItem{SKUID: it.SKUCode, Qty: it.Qty})
	}
	return h.client.Transfers.Confirm(ctx, req)
}

func between(number, from, to string, lines flows.Qtys) *dianjia.Transfer {
	return &dianjia.Transfer{
		EntID: demo.Merchant, TransferNo: number, Kind: dianjia.TransferBetweenStores, FromCode: from, ToCode: to, Items: lines.Items(),
	}
}

// demo goes through both cases against the fake.
func (h *host) demo(ctx context.Context, a *app.App) error {
	r := flows.New(a.Out)
	r.Reading("Stores of one virtual warehouse: only DianJia's stock moves. Stores of different ones: a cross-warehouse transfer is uploaded and confirmed.",
		"店店调拨：同一线下仓的门店只在店加内部移库，聚水潭总数不变；不同线下仓的门店上传跨仓调拨并确认出入库。")
	if _, err := h.changedStock(); err != nil { // what was pushed before today
		return err
	}
	if err := h.sameWarehouse(a, r); err != nil {
		return err
	}
	if err := h.otherWarehouse(ctx, a, r); err != nil || a.DryRun {
		return err
	}
	if err := h.notBound(r); err != nil {
		return err
	}
	return r.End()
}

// sameWarehouse: S01 and S02 both feed 店加线下仓.
func (h *host) sameWarehouse(a *app.App, r *flows.Report) error {
	r.Flow("Flow 6a 店店调拨: two stores of one virtual warehouse")
	calls := a.Fake.Stats().Calls
	t := between("DD-6001", "S01", "S02", flows.Qtys{demo.TeeM: 3, demo.TeeL: 2})
	plan, err := mapping.PlanTransfer(t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	r.Step(demo.DianJia, "PlanTransfer", t.TransferNo+" S01 -> S02", fmt.Sprintf("%s: both are in %d", plan.Route(), plan.From.WMSCoID))
	_, err = plan.CrossWarehouse()
	r.Check(plan.Route() == mapping.RouteNone && err != nil, "there is nothing to upload")

	p := mapping.TransferProgress{Transfer: *t, State: mapping.TransferReceived}
	for i := range p.Transfer.Items {
		p.Transfer.Items[i].Shipped, p.Transfer.Items[i].Received = p.Transfer.Items[i].Qty, p.Transfer.Items[i].Qty
	}
	r.Table(&p)
	h.move(&p)
	changed, err := h.changedStock()
	if err != nil {
		return err
	}
	r.Check(len(changed) == 0 && a.Fake.Stats().Calls == calls, "the total is unchanged: no call to Jushuitan")

	// The same way back, and one TEE-M does not arrive.
	back := between("DD-6002", "S02", "S01", flows.Qtys{demo.TeeM: 2})
	back.Items[0].Shipped, back.Items[0].Received = decimal.NewFromInt(2), decimal.NewFromInt(1)
	p = mapping.TransferProgress{Transfer: *back, State: mapping.TransferReceived}
	r.Table(&p)
	h.move(&p)
	if changed, err = h.changedStock(); err != nil {
		return err
	}
	for _, v := range changed {
		r.Step(demo.DianJia, "sum to be pushed", fmt.Sprintf("wms_co_id %d", v.WMSCoID), fmt.Sprintf("%s %s: what got lost is missing in the total", v.SKUCode, v.Qty))
	}
	r.Check(len(changed) == 1 && changed[0].Qty.Equal(decimal.NewFromInt(6)), "the difference alone changes the total: 7 became 6")
	return nil
}

// otherWarehouse: S01 feeds 店加线下仓, S11 the one of the south.
func (h *host) otherWarehouse(ctx context.Context, a *app.App, r *flows.Report) error {
	erp := a.Fake
	r.Flow("Flow 6b 店店调拨: two stores of different virtual warehouses")
	before := flows.Total(erp, demo.Cap)
	t := between("DD-6003", "S01", "S11", flows.Qtys{demo.Cap: 4, demo.TeeL: 2})
	plan, err := mapping.PlanTransfer(t, flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	r.Step(demo.DianJia, "PlanTransfer", t.TransferNo+" S01 -> S11", fmt.Sprintf("%s: %d -> %d", plan.Route(), plan.From.WMSCoID, plan.To.WMSCoID))

	remove := erp.Inject(jushuitantest.Fault{Path: "/open/allocate/kc/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	ioID, err := h.upload(ctx, plan)
	remove()
	if err != nil || flows.DryRunEnds(a) {
		return err
	}
	r.Step(demo.DianJia, "UploadCrossWarehouse", fmt.Sprintf("%s io_id %d", t.TransferNo, ioID), "first answer lost, sent again by itself")
	r.Check(len(erp.Transfers()) == 1, "one document was made")

	r.Failure("the store tells more than the transfer asks for 超发")
	r.Says(h.confirm(ctx, ioID, plan.From, flows.Qtys{demo.Cap: 40, demo.TeeL: 2}), jushuitan.ErrInvalid)
	r.Host("counts again; nothing was booked")

	// The store S01 packs: one cap less than was asked for.
	if err := h.confirm(ctx, ioID, plan.From, flows.Qtys{demo.Cap: 3, demo.TeeL: 2}); err != nil {
		return err
	}
	r.Step(demo.DianJia, "Transfers.Confirm", fmt.Sprintf("调拨出 io_id %d", ioID), "S01 shipped: cap 3 of 4")

	r.Failure("the token ends in the middle, and the answer of the receipt is lost 令牌过期、应答丢失")
	erp.ExpireTokens("")
	p, err := h.read(ctx, t, ioID)
	if err != nil {
		return err
	}
	r.Host("nothing about the token: the client got a new one; %s is %s %s", t.TransferNo, p.State, p.State.Label())
	remove = erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/allocate/confirm", Times: 1, Kind: jushuitantest.LostAnswer})
	err = h.confirm(ctx, p.InIOID, plan.To, flows.Qtys{demo.Cap: 2, demo.TeeL: 2})
	remove()
	r.Says(err, jushuitan.ErrOutcomeUnknown)
	if !errors.Is(err, jushuitan.ErrOutcomeUnknown) {
		return err
	}
	if p, err = h.read(ctx, t, ioID); err != nil {
		return err
	}
	r.Host("reads before it would try again: %s is %s %s", t.TransferNo, p.State, p.State.Label())
	r.Check(p.State == mapping.TransferReceived, "the receipt was booked, once")
	r.Table(&p)
	h.move(&p)

	for _, doc := range p.DifferenceDocuments() {
		reply, err := h.client.Transfers.CreateDifference(ctx, doc)
		if err != nil {
			return err
		}
		r.Step(demo.DianJia, "CreateDifference", fmt.Sprintf("差异单 io_id %d", reply.Rows[0].IOID), fmt.Sprintf("%s %s: back on the books of S01's warehouse", doc.Items[0].SKUID, doc.Items[0].Qty))
		for _, it := range doc.Items {
			h.stores[t.FromCode][it.SKUID] += it.Qty.IntPart()
		}
	}
	r.Step(demo.Jushuitan, "stock", "店加线下仓", flows.Stock(erp, demo.StoreWarehouse, dianjia.SlotMain, demo.Cap, demo.TeeL))
	r.Step(demo.Jushuitan, "stock", "店加线下仓华南", flows.Stock(erp, flows.SouthStores, dianjia.SlotMain, demo.Cap, demo.TeeL))
	r.Check(flows.Total(erp, demo.Cap).Equal(before), "no %s got lost: %s in all, as before", demo.Cap, before)
	return nil
}

// notBound: what is wrong with the settings is found before anything is uploaded.
func (h *host) notBound(r *flows.Report) error {
	r.Failure("a store is bound to two warehouses 门店绑定了两个电商仓")
	stores := append(flows.Stores(), dianjia.StoreBinding{EntID: demo.Merchant, StoreCode: "S02", WMSCoID: flows.SouthStores})
	_, err := mapping.PlanTransfer(between("DD-6004", "S02", "S11", flows.Qtys{demo.TeeM: 1}), stores, flows.Warehouses())
	r.Says(err, nil)
	r.Host("asks the merchant to keep one binding; nothing was uploaded")

	r.Failure("a store is bound to none 门店未绑定")
	plan, err := mapping.PlanTransfer(between("DD-6005", "S02", "S99", flows.Qtys{demo.TeeM: 1}), flows.Stores(), flows.Warehouses())
	if err != nil {
		return err
	}
	_, err = plan.CrossWarehouse()
	r.Says(err, nil)
	r.Host("pushes the new sum of S02's warehouse instead: Jushuitan does not know S99")
	return nil
}
