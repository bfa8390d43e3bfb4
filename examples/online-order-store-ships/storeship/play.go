package storeship

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/qimen"
)

// NewSKU exists in Jushuitan but was not downloaded to DianJia.
const NewSKU = "TEE24-GRN-M"

// Furnish adds to the demo merchant what the flow needs.
func Furnish(s *jushuitantest.Server) error {
	if err := s.AddSKU(jushuitan.SKU{SKUID: NewSKU, IID: "TEE24", Name: "圆领纯棉T恤", PropertiesValue: "绿色;M", SalePrice: decimal.NewFromInt(59)}); err != nil {
		return err
	}
	return s.SetStock(demo.OtherWarehouse, NewSKU, decimal.NewFromInt(20))
}

// Options change how the flow is run.
type Options struct {
	Virtual bool          // upload stock as virtual quantities (虚拟库存) instead of a stocktake (盘点)
	Qimen   *qimen.Client // reads the outbound documents through Qimen; nil: through the open API
}

// Play runs the flow and its failures against the fake.
func Play(o Options) func(context.Context, *app.App, *flows.Report) error {
	return func(ctx context.Context, a *app.App, r *flows.Report) error {
		f := &play{
			Host: &Host{Client: a.Client}, erp: a.Fake, r: r, known: map[string]bool{demo.TeeM: true, demo.TeeL: true, demo.Cap: true},
		}
		if a.DryRun {
			return f.dryRun(ctx, a, o.Virtual)
		}
		var err error
		if f.dj, err = demo.NewHost(a.Client, r.Timeline); err != nil {
			return err
		}
		if o.Qimen != nil {
			f.dj.ViaQimen(o.Qimen)
		}
		if err := demo.FlowOne(ctx, f.erp, f.dj, o.Virtual); err != nil {
			return err
		}
		if err := f.LoadCarriers(ctx); err != nil {
			return err
		}
		for _, scene := range []func(context.Context) error{
			f.carrierUnknown, f.shippedTwice, f.cancelledAfterShipping, f.cancelledBeforeShipping, f.inParts, f.skuUnknown, f.tokenExpired, f.missed,
		} {
			if err := scene(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// play is the state of the flow's failures.
type play struct {
	*Host
	dj    *demo.Host // DianJia in the course of the flow
	erp   *jushuitantest.Server
	r     *flows.Report
	known map[string]bool // SKUs in DianJia's product centre
	order *jushuitan.Outbound
}

// dryRun shows the two writes of the flow.
func (f *play) dryRun(ctx context.Context, a *app.App, virtual bool) error {
	f.r.Flow(1, "线上订单线下发货: the writes, which are not sent")
	if err := f.LoadCarriers(ctx); err != nil {
		return err
	}
	dj, err := demo.NewHost(a.Client, f.r.Timeline)
	if err != nil {
		return err
	}
	if _, _, err := dj.SendStock(ctx, demo.StoreWarehouse, virtual); err != nil {
		return err
	}
	if err := f.arrive(ctx, "DY-1001", demo.TeeM); err != nil {
		return err
	}
	if err := f.Ship(ctx, f.order, "圆通速递", "YT1000000001"); err != nil {
		return err
	}
	flows.DryRunEnds(a)
	return nil
}

// arrive creates an online order that is assigned to 店加线下仓.
func (f *play) arrive(ctx context.Context, soID string, skus ...string) error {
	o := jushuitan.OrderUpload{ShopID: demo.PlatformShop, SoID: soID}
	for _, sku := range skus {
		o.Items = append(o.Items, jushuitan.OrderUploadItem{SKUID: sku, Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)})
	}
	oID, err := f.erp.ImportOrder(o)
	if err != nil {
		return err
	}
	ioID, err := f.erp.AssignOrder(oID, demo.StoreWarehouse)
	if err != nil {
		return err
	}
	if f.order, err = f.Outbound(ctx, ioID); err != nil {
		return err
	}
	f.r.Step(demo.Jushuitan, "order assigned", fmt.Sprintf("%s io_id %d", soID, ioID), Lines(f.order))
	return nil
}

func (f *play) state(ctx context.Context) (mapping.OutboundState, error) {
	doc, err := f.Outbound(ctx, f.order.IOID)
	if err != nil {
		return "", err
	}
	return mapping.OutboundStateOf(doc.Status), nil
}

func (f *play) carrierUnknown(ctx context.Context) error {
	f.r.Shows(flows.CarrierUnknown, "the store's staff names a carrier that is not in the table")
	if err := f.arrive(ctx, "DY-1101", demo.TeeM); err != nil {
		return err
	}
	f.r.Says(f.Ship(ctx, f.order, "圆通速运达", "YT1101"), nil)
	state, err := f.state(ctx)
	if err != nil {
		return err
	}
	f.r.Check(state == mapping.OutboundWaiting, "nothing was sent, the document waits")
	f.r.Host("shows the nearest ones to choose from; or, since 圆通速运达 is a name that this merchant uses, adds it to the row")
	rows := f.Carriers.Rows()
	for _, row := range rows {
		if row.Code == "YTO" {
			row.Aliases = append(row.Aliases, "圆通速运达")
			if f.Carriers, err = f.Carriers.With(row); err != nil {
				return err
			}
		}
	}
	if err := f.Ship(ctx, f.order, "圆通速运达", "YT1101"); err != nil {
		return err
	}
	f.r.Step(demo.DianJia, "Outbounds.Ship", fmt.Sprintf("io_id %d YT1101", f.order.IOID), "shipped")

	f.r.Failure("the carrier is known, but the merchant has not set it up in Jushuitan 物流公司未在聚水潭设置")
	f.r.Says(f.Ship(ctx, f.order, "韵达速递", "YD1"), nil)
	f.r.Host("asks the merchant to add the carrier in Jushuitan, and reads the carriers again")
	return nil
}

func (f *play) shippedTwice(ctx context.Context) error {
	f.r.Instead(flows.DuplicatePush, "a job ships the same document twice 重复发货",
		"Jushuitan pushes to self-owned malls (商家自有商城) only, these documents are fetched: what comes twice is the host's own call / 线上订单的出库单没有推送，由店加查询")
	err := f.Ship(ctx, f.order, "圆通速递", "YT1101")
	f.r.Host("nothing: the ERP refuses the repeat, the document has this very waybill, so it is done")
	f.r.Check(err == nil, "the repeat counts as done")
	f.r.Failure("another store ships it too, with another waybill 两店同时发货")
	f.r.Says(f.Ship(ctx, f.order, "顺丰速运", "SF1101"), jushuitan.ErrInvalid)
	f.r.Host("tells the second store to unpack")
	return nil
}

func (f *play) cancelledAfterShipping(ctx context.Context) error {
	f.r.Shows(flows.CancelAfterShipping, "the buyer cancels after the store shipped")
	_, err := f.Client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{f.order.OID}, CancelType: "客户取消", Remark: "不想要了"})
	f.r.Says(err, jushuitan.ErrInvalid)
	f.r.Host("does not put the goods back into the store's stock: a return is opened when they come")
	state, err := f.state(ctx)
	if err != nil {
		return err
	}
	f.r.Check(state == mapping.OutboundShipped, "the document is %s as before", state.Label())
	return nil
}

func (f *play) cancelledBeforeShipping(ctx context.Context) error {
	f.r.Failure("the order is cancelled while the store packs 拣货中取消")
	if err := f.arrive(ctx, "DY-1102", demo.TeeM); err != nil {
		return err
	}
	if err := f.erp.CancelOrder(f.order.OID, "买家取消"); err != nil {
		return err
	}
	f.r.Says(f.Ship(ctx, f.order, "圆通速递", "YT1102"), jushuitan.ErrInvalid)
	state, err := f.state(ctx)
	if err != nil {
		return err
	}
	f.r.Check(state == mapping.OutboundVoided, "the document is %s", state.Label())
	f.r.Host("stops the parcel, and puts the goods back into the store's stock")
	return nil
}

// inParts: Outbounds.Ship ships a document whole, so an order that no single store can ship
// is returned. The other warehouse ships it in two parcels.
func (f *play) inParts(ctx context.Context) error {
	f.r.Shows(flows.Partial, "no store has all items, the order goes out in parts")
	if err := f.arrive(ctx, "DY-1103", demo.TeeL, demo.Cap); err != nil {
		return err
	}
	f.r.Host("S01 has the tee, S02 the cap: a document is shipped whole or not at all, so the order goes to %d", demo.OtherWarehouse)
	if err := f.Client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: f.order.OID, WMSCoID: demo.OtherWarehouse}}); err != nil {
		return err
	}
	moved, ok := f.erp.OutboundOfOrder(f.order.OID)
	f.r.Check(ok && moved.WMSCoID == demo.OtherWarehouse, "the other warehouse has the document")
	ordered, shipped := flows.Qtys{demo.TeeL: 1, demo.Cap: 1}.Decimals(), map[string]decimal.Decimal{}
	for i, sku := range []string{demo.TeeL, demo.Cap} {
		waybill := fmt.Sprintf("SF110%d", 3+i)
		if err := f.erp.ShipOutbound(moved.IOID, jushuitantest.Parcel{LCID: "SF", LID: waybill, Lines: flows.Qtys{sku: 1}.Decimals()}); err != nil {
			return err
		}
		page, err := f.Client.Orders.Query(ctx, &jushuitan.OrderQuery{OIDs: []int64{f.order.OID}})
		if err != nil {
			return err
		}
		if len(page.Orders) != 1 {
			return fmt.Errorf("order %d: %d found", f.order.OID, len(page.Orders))
		}
		state := mapping.OrderStateOf(page.Orders[0].Status)
		f.r.Step(demo.Jushuitan, "warehouse ships", waybill+" "+sku, "the order is "+string(state)+" "+state.Label())
		want := []mapping.OrderState{mapping.OrderShipping, mapping.OrderShipped}[i]
		f.r.Check(state == want, "after parcel %d of 2 the order is %s", i+1, want)
		if err := f.parcels(ctx, shipped); err != nil {
			return err
		}
		f.r.Outstanding("DY-1103", ordered, shipped, "parcel "+waybill)
	}
	return nil
}

// parcels reads what has been shipped of the order, by its parcels (发货信息).
func (f *play) parcels(ctx context.Context, shipped map[string]decimal.Decimal) error {
	clear(shipped)
	for o, err := range f.Client.Logistics.All(ctx, &jushuitan.ShipmentQuery{SoIDs: []string{f.order.SoID}}) {
		if err != nil {
			return err
		}
		for _, it := range o.Items {
			shipped[it.SKUID] = shipped[it.SKUID].Add(it.Qty)
		}
	}
	return nil
}

// skuUnknown: a SKU that is not in DianJia's product centre is downloaded immediately.
func (f *play) skuUnknown(ctx context.Context) error {
	f.r.Shows(flows.SKUUnknown, "an order names a SKU that was not downloaded")
	if err := f.arrive(ctx, "DY-1104", NewSKU); err != nil {
		return err
	}
	var missing []string
	for _, it := range f.order.Items {
		if !f.known[it.SKUID] {
			missing = append(missing, it.SKUID)
		}
	}
	page, err := f.Client.SKUs.Query(ctx, &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList(missing)})
	if err != nil {
		return err
	}
	mapper, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		return err
	}
	for _, p := range mapper.SKUs(page.SKUs) {
		for _, sku := range p.SKUs {
			f.known[sku.Code] = true
			f.r.Step(demo.DianJia, "SKUs.Query", sku.Code, fmt.Sprintf("downloaded: %s %s %s %s", p.StyleNo, p.Name, sku.Color, sku.Size))
		}
	}
	f.r.Check(f.known[NewSKU], "the SKU is known now")
	f.r.Host("no store has it: the order goes to %d. A SKU that Jushuitan has not either is marked abnormal (Orders.MarkQuestion)", demo.OtherWarehouse)
	return f.Client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: f.order.OID, WMSCoID: demo.OtherWarehouse}})
}

func (f *play) tokenExpired(ctx context.Context) error {
	return f.r.TokenEnds(f.erp, func() error {
		n := 0
		for _, err := range f.Client.Outbounds.Since(ctx, 0, &jushuitan.OutboundQuery{WMSCoID: demo.StoreWarehouse}) {
			if err != nil {
				return err
			}
			n++
		}
		f.r.Check(n > 0, "%s read", demo.Count(n, "document"))
		return nil
	})
}

// missed: documents change while the host is down.
func (f *play) missed(ctx context.Context) error {
	f.r.Instead(flows.LostPush, "the host is down while orders come in, its poll does not run 停机漏读",
		"there is no push to lose, the row version (ts) of the documents is followed / 没有推送，按 ts 游标增量查询")
	if _, err := f.dj.FetchOutbounds(ctx); err != nil { // the last poll before that
		return err
	}
	for _, soID := range []string{"DY-1105", "DY-1106"} {
		if err := f.arrive(ctx, soID, demo.TeeM); err != nil {
			return err
		}
		f.r.Differs(soID, "", demo.DocumentMissed, flows.One())
	}
	if err := f.erp.CancelOrder(f.order.OID, "买家取消"); err != nil {
		return err
	}
	f.r.Step(demo.Jushuitan, "order cancelled", f.order.SoID, "the host is not informed")
	f.erp.Advance(time.Hour)
	docs, err := f.dj.FetchOutbounds(ctx)
	if err != nil {
		return err
	}
	for soID, doc := range docs {
		state := mapping.OutboundStateOf(doc.Status)
		f.r.Settles(soID, "", demo.DocumentMissed, flows.One(), "read by the next poll: "+string(state)+" "+state.Label())
	}
	f.r.Host("asks from the cursor in its database: one document to ship, and one that was voided before a store packed it")
	f.r.Check(len(docs) == 2 && docs["DY-1106"] != nil && docs["DY-1106"].Status == jushuitan.OutboundStatusDelete, "%s found, DY-1106 is voided", demo.Count(len(docs), "document"))
	return nil
}
