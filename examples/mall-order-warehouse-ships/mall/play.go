package mall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// FakeOptions make the fake retry an unacknowledged push twice, after a short delay; then
// the push is lost.
func FakeOptions() []jushuitantest.Option {
	return []jushuitantest.Option{jushuitantest.WithPushRetry(20*time.Millisecond, 20*time.Millisecond)}
}

// Play runs the flow and its failures against the fake.
func Play(ctx context.Context, a *app.App, r *flows.Report) error {
	f := &play{erp: a.Fake, r: r}
	if a.DryRun {
		return f.dryRun(ctx, a)
	}
	dj, err := demo.NewHost(a.Client, r.Timeline)
	if err != nil {
		return err
	}
	web := httptest.NewServer(dj.Handler())
	defer web.Close()
	if err := demo.FlowTwo(ctx, a.Fake, dj, web.URL); err != nil {
		return err
	}

	f.erp.Advance(time.Second) // the journal begins after this setup
	if f.Host, err = New(a.Client, f.erp.Now); err != nil {
		return err
	}
	host := httptest.NewServer(f.unreliable(f.Receiver))
	defer host.Close()
	if err := f.register(host.URL); err != nil {
		return err
	}
	for _, scene := range []func(context.Context) error{
		f.skuUnknown, f.wrongWarehouse, f.cancelledInParts, f.returned, f.carrierUnknown, f.answerLost, f.forged, f.tokenExpired, f.pushLost,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

// play is the state of the flow's failures.
type play struct {
	*Host
	erp  *jushuitantest.Server
	r    *flows.Report
	lose atomic.Int32 // answers to pushes that get lost
	down atomic.Bool  // pushes do not get through
	urls dianjia.URLBuilder
}

// dryRun shows the write of the flow.
func (f *play) dryRun(ctx context.Context, a *app.App) error {
	f.r.Flow(2, "线下订单线上发货: the write, which is not sent")
	var err error
	if f.Host, err = New(a.Client, f.erp.Now); err != nil {
		return err
	}
	missing, err := f.Missing(ctx, demo.TeeM)
	if err != nil {
		return err
	}
	f.r.Step(demo.DianJia, "SKUs.All", demo.TeeM, fmt.Sprintf("%d missing in Jushuitan", len(missing)))
	_, err = f.Upload(ctx, "MALL-2001", line("1", demo.TeeM, 2))
	flows.DryRunEnds(a)
	return err
}

// unreliable simulates the network between the ERP and the receiver, which loses pushes and
// answers.
func (f *play) unreliable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if f.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		if f.lose.Add(-1) >= 0 {
			next.ServeHTTP(httptest.NewRecorder(), req) // handled, but the answer is lost
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// register enters the URLs of this receiver in the shop's settings.
func (f *play) register(base string) error {
	f.urls = dianjia.URLBuilder{BaseURL: base + "/dex/jushuitan/", Secret: f.Secret}
	for _, kind := range []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned} {
		url, err := f.urls.URL(dianjia.PushURL{Kind: kind, EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)})
		if err != nil {
			return err
		}
		if err := f.erp.RegisterPush(demo.MallShop, kind, url); err != nil {
			return err
		}
	}
	return nil
}

func line(number, sku string, n int64) dianjia.OrderItem {
	price := decimal.NewFromInt(59)
	return dianjia.OrderItem{LineNo: number, SKUCode: sku, Name: sku, Qty: decimal.NewFromInt(n), Price: price, Amount: price.Mul(decimal.NewFromInt(n))}
}

// place uploads an order and assigns it to a warehouse.
func (f *play) place(ctx context.Context, number string, warehouse int64, lines ...dianjia.OrderItem) (oID, ioID int64, err error) {
	if oID, err = f.Upload(ctx, number, lines...); err != nil {
		return 0, 0, err
	}
	if ioID, err = f.erp.AssignOrder(oID, warehouse); err != nil {
		return 0, 0, err
	}
	f.r.Step(demo.DianJia, "Orders.Upload", fmt.Sprintf("%s o_id %d io_id %d", number, oID, ioID), fmt.Sprintf("assigned to %d", warehouse))
	return oID, ioID, nil
}

// skuUnknown: the missing SKU is uploaded before the order.
func (f *play) skuUnknown(ctx context.Context) error {
	f.r.Shows(flows.SKUUnknown, "an order has a SKU that Jushuitan does not have")
	product := &dianjia.Product{
		Name: "帆布包", StyleNo: "BAG24", SKUs: []dianjia.SKU{{Code: "BAG24-NAT", Color: "本色", Size: "均码"}},
		Price: dianjia.Price{Retail: decimal.NewNullDecimal(decimal.NewFromInt(59))},
	}
	missing, err := f.Missing(ctx, demo.TeeM, "BAG24-NAT")
	if err != nil {
		return err
	}
	f.r.Check(len(missing) == 1 && missing[0] == "BAG24-NAT", "the host asks before it uploads: %q is missing in Jushuitan", missing)
	mapper, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		return err
	}
	rows, err := mapper.SKUUploads(product)
	if err != nil {
		return err
	}
	if _, err := f.Client.SKUs.Upload(ctx, &jushuitan.SKUUploadRequest{Items: rows}); err != nil {
		return err
	}
	if missing, err = f.Missing(ctx, "BAG24-NAT"); err != nil {
		return err
	}
	f.r.Host("uploads the product (SKUs.Upload), then the order; %d missing now", len(missing))
	f.r.Check(len(missing) == 0, "the product is there")
	_, _, err = f.place(ctx, "MALL-2101", demo.MainWarehouse, line("1", "BAG24-NAT", 1))
	return err
}

// wrongWarehouse: the loop that part 3.5 of the guide warns of.
func (f *play) wrongWarehouse(ctx context.Context) error {
	f.r.Failure("a mall order is assigned to 店加线下仓: it would come back to the stores 循环派单")
	oID, _, err := f.place(ctx, "MALL-2102", demo.StoreWarehouse, line("1", demo.TeeL, 1))
	if err != nil {
		return err
	}
	check := mapping.NewRoutingChecker(mapping.Routing{Stores: flows.Stores(), MallShopID: demo.MallShop})
	for o, err := range f.Client.Orders.All(ctx, &jushuitan.OrderQuery{OIDs: []int64{oID}}) {
		if err != nil {
			return err
		}
		found, bad := check.Order(o)
		f.r.Check(bad && found.Code == mapping.SetupMallOrderToVirtualWarehouse, "the loop is found")
		f.r.Found(found)
	}
	f.r.Host("assigns it to %d, and asks the merchant to change the strategy", demo.MainWarehouse)
	return f.Client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: oID, WMSCoID: demo.MainWarehouse}})
}

// cancelledInParts: a first parcel is on its way when the buyer cancels.
func (f *play) cancelledInParts(ctx context.Context) error {
	f.r.Shows(flows.Partial, "the warehouse ships the order in two parcels")
	oID, ioID, err := f.place(ctx, "MALL-2103", demo.MainWarehouse, line("1", demo.TeeM, 2), line("2", demo.Cap, 1))
	if err != nil {
		return err
	}
	if err := f.ship(ctx, ioID, "YTO", "YT2103", flows.Qtys{demo.TeeM: 2}); err != nil {
		return err
	}
	o, all := f.State("MALL-2103")
	f.r.Step(demo.DianJia, "push logistics.upload", "MALL-2103 YT2103", fmt.Sprintf("shipped %s of %s tees, %s of %s caps", o.Shipped[demo.TeeM], o.Ordered[demo.TeeM], o.Shipped[demo.Cap], o.Ordered[demo.Cap]))
	f.r.Host("books what the push names, and no more")
	f.r.Check(!all, "the order is partly shipped")
	f.r.Outstanding("MALL-2103", o.Ordered, o.Shipped, "parcel YT2103")

	f.r.Shows(flows.CancelAfterShipping, "the buyer cancels after the first parcel")
	_, err = f.Client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{oID}, CancelType: "客户取消", Remark: "不想要了"})
	f.r.Says(err, jushuitan.ErrInvalid)
	f.r.Host("refunds nothing yet: the rest goes out, and the buyer sends all of it back (AfterSales.Upload)")
	if err := f.ship(ctx, ioID, "SF", "SF2103", nil); err != nil {
		return err
	}
	o, all = f.State("MALL-2103")
	f.r.Check(all && len(o.Parcels) == 2, "two parcels, all shipped: %q", o.Parcels)
	f.r.Outstanding("MALL-2103", o.Ordered, o.Shipped, "parcel SF2103")
	return nil
}

// returned: of two shirts the buyer sends back one, and the warehouse undoes its receipt.
func (f *play) returned(ctx context.Context) error {
	f.r.Failure("the warehouse undoes the receipt of a partial return 部分退货、取消收货")
	back := &dianjia.Return{
		EntID: demo.Merchant, ShopID: demo.MallShop, OrderNo: "MALL-2103", ReturnNo: "RET-2103", Kind: dianjia.ReturnGoods,
		State: dianjia.ReturnSent, Goods: dianjia.GoodsSentBack, Reason: "七天无理由退货", Total: decimal.NewFromInt(177), Refund: decimal.NewFromInt(54),
		Items: []dianjia.ReturnItem{{LineNo: "1", SKUCode: demo.TeeM, Qty: decimal.NewFromInt(1), Amount: decimal.NewFromInt(54)}},
	}
	asID, err := f.Return(ctx, back)
	if err != nil {
		return err
	}
	f.r.Step(demo.DianJia, "AfterSales.Upload", fmt.Sprintf("RET-2103 as_id %d", asID), "one of two tees, 54 of 59 are paid back")
	for i, does := range []func(int64) error{f.erp.ReceiveReturn, f.erp.RevokeReturn, f.erp.ReceiveReturn} {
		if err := does(asID); err != nil {
			return err
		}
		if err := f.erp.WaitPushes(ctx); err != nil {
			return err
		}
		r, refund := f.Refunds("RET-2103")
		f.r.Step(demo.Jushuitan, []string{"goods received", "receipt undone", "goods received"}[i], fmt.Sprintf("as_id %d", asID), "")
		f.r.Step(demo.DianJia, "push refund.goods", fmt.Sprintf("RET-2103 received %s", r.Items[0].Received), fmt.Sprintf("%s, to pay back %s", r.Goods, refund))
		f.r.Check(refund.Equal([]decimal.Decimal{back.Refund, {}, back.Refund}[i]), "the refund follows the goods")
	}
	f.r.Host("pays when the goods are there, and not before the second receipt if the first was undone before the payment")
	return nil
}

// ship lets the warehouse ship, and waits for the push.
func (f *play) ship(ctx context.Context, ioID int64, lcID, waybill string, lines flows.Qtys) error {
	p := jushuitantest.Parcel{LCID: lcID, LID: waybill}
	if lines != nil {
		p.Lines = lines.Decimals()
	}
	if err := f.erp.ShipOutbound(ioID, p); err != nil {
		return err
	}
	f.r.Step(demo.Jushuitan, "warehouse ships", fmt.Sprintf("io_id %d %s", ioID, waybill), "")
	return f.erp.WaitPushes(ctx)
}

// carrierUnknown: the push is refused until somebody has added the carrier.
func (f *play) carrierUnknown(ctx context.Context) error {
	f.r.Shows(flows.CarrierUnknown, "a push names a carrier that DianJia does not know")
	if err := f.erp.AddCarrier(jushuitan.Carrier{LCID: "CN-JSD", LCName: "菜鸟急送达"}); err != nil {
		return err
	}
	_, ioID, err := f.place(ctx, "MALL-2104", demo.MainWarehouse, line("1", demo.TeeM, 1))
	if err != nil {
		return err
	}
	// The person who is notified adds a row before the ERP retries.
	f.mu.Lock()
	f.unknown = func(error) {
		row := mapping.CarrierRow{Code: "JSD", Name: "菜鸟急送达", LCIDs: []string{"CN-JSD"}}
		if more, err := f.carriers.With(row); err == nil {
			f.carriers = more
		}
	}
	f.mu.Unlock()
	if err := f.ship(ctx, ioID, "CN-JSD", "JS2104", nil); err != nil {
		return err
	}
	for _, why := range f.Reasons() {
		f.r.Says(why, nil)
	}
	f.r.Host("answers failure, adds the row, and takes the ERP's next attempt")
	pushes := f.erp.Pushes()
	last := pushes[len(pushes)-1]
	o, all := f.State("MALL-2104")
	f.r.Check(all && last.Delivered() && last.Attempts == 2, "delivered at attempt %d: %q", last.Attempts, o.Parcels)
	return nil
}

// answerLost: the same push arrives twice.
func (f *play) answerLost(ctx context.Context) error {
	f.r.Shows(flows.DuplicatePush, "the answer to a push is lost, so the ERP sends it again")
	_, ioID, err := f.place(ctx, "MALL-2105", demo.MainWarehouse, line("1", demo.TeeM, 2))
	if err != nil {
		return err
	}
	f.lose.Store(1)
	if err := f.ship(ctx, ioID, "YTO", "YT2105", nil); err != nil {
		return err
	}
	pushes := f.erp.Pushes()
	last := pushes[len(pushes)-1]
	o, _ := f.State("MALL-2105")
	f.r.Host("nothing: the dedupe store knows the repeat and acknowledges it")
	f.r.Check(last.Attempts == 2 && o.Calls == 1 && o.Shipped[demo.TeeM].Equal(decimal.NewFromInt(2)),
		"%d attempts, handled %d time, %s tees shipped", last.Attempts, o.Calls, o.Shipped[demo.TeeM])
	return nil
}

// forged: somebody without the URL of the settings sends a push. Its sign is valid, since
// the key is public.
func (f *play) forged(ctx context.Context) error {
	f.r.Failure("a push that is forged 伪造推送")
	stranger, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: f.urls.BaseURL}})
	if err != nil {
		return err
	}
	err = stranger.SendShipment(ctx, dianjia.Target{EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)},
		&jushuitan.ShipmentPush{OID: 1, SoID: "MALL-2101", LID: "X1", LCID: "YTO", Items: []jushuitan.ShipmentPushItem{{SKUID: "BAG24-NAT", Qty: decimal.NewFromInt(1)}}})
	f.r.Says(err, dianjia.ErrRefused)
	why := errors.Join(f.Reasons()...)
	f.r.Says(why, callback.ErrToken)
	o, _ := f.State("MALL-2101")
	f.r.Check(o.Calls == 0, "nothing was booked")
	return nil
}

func (f *play) tokenExpired(ctx context.Context) error {
	return f.r.TokenEnds(f.erp, func() error {
		oID, err := f.Upload(ctx, "MALL-2106", line("1", demo.TeeL, 1))
		f.r.Step(demo.DianJia, "Orders.Upload", fmt.Sprintf("MALL-2106 o_id %d", oID), "uploaded")
		return err
	})
}

// pushLost: the host is down while the warehouse ships, and the ERP gives up.
func (f *play) pushLost(ctx context.Context) error {
	f.r.Shows(flows.LostPush, "the host is down while the warehouse ships, and the ERP gives up")
	_, ioID, err := f.place(ctx, "MALL-2107", demo.MainWarehouse, line("1", demo.TeeM, 1), line("2", demo.Cap, 1))
	if err != nil {
		return err
	}
	f.down.Store(true)
	for _, p := range []struct{ waybill, sku string }{{"YT2107", demo.TeeM}, {"YT2108", demo.Cap}} {
		if err := f.ship(ctx, ioID, "YTO", p.waybill, flows.Qtys{p.sku: 1}); err != nil {
			return err
		}
		f.r.Differs("MALL-2107", p.waybill, demo.PushMissed, flows.One())
	}
	f.down.Store(false)
	lost := 0
	for _, p := range f.erp.Pushes() {
		if p.Done && !p.Delivered() {
			lost++
		}
	}
	_, all := f.State("MALL-2107")
	f.r.Check(lost == 2 && !all, "%d pushes are lost: DianJia knows of no parcel", lost)
	f.erp.Advance(time.Hour) // newer documents may still be in transit

	run := func() (found int, err error) {
		err = f.Reconcile(ctx, demo.MallShop, f.erp.Now().Add(-2*time.Hour), func(d *callback.Difference, failed error) {
			found++
			result := "handed to the function for pushes"
			if failed != nil {
				result = failed.Error()
			} else {
				f.r.Settles(d.SoID, d.LID, demo.PushMissed, flows.One(), "found by callback.Reconcile, redelivered")
			}
			f.r.Step(demo.DianJia, "Reconcile", d.SoID+" "+d.LID, d.Kind.String()+": "+result)
		})
		return found, err
	}
	found, err := run()
	if err != nil {
		return err
	}
	o, all := f.State("MALL-2107")
	f.r.Host("runs callback.Reconcile every few minutes: it compares the ERP's parcels with the journal of handled pushes, and redelivers")
	f.r.Check(found == 2 && all && len(o.Parcels) == 2, "%d found, the order is all shipped: %q", found, o.Parcels)
	if found, err = run(); err != nil {
		return err
	}
	f.r.Check(found == 0, "the next run finds %d", found)
	return nil
}
