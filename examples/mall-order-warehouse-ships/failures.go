package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// failures are the scenes that go wrong on purpose.
type failures struct {
	*mall
	erp  *jushuitantest.Server
	r    *flows.Report
	lose atomic.Int32 // answers to pushes that get lost
	urls dianjia.URLBuilder
}

// unreliable is the way from the ERP to the receiver, on which answers get lost.
func (f *failures) unreliable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if f.lose.Add(-1) >= 0 {
			next.ServeHTTP(httptest.NewRecorder(), req) // handled, and nobody hears of it
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// register enters the shipment URL of this receiver in the shop's settings.
func (f *failures) register(base string) error {
	f.urls = dianjia.URLBuilder{BaseURL: base + "/dex/jushuitan/", Secret: f.secret}
	url, err := f.urls.URL(dianjia.PushURL{Kind: jushuitan.PushShipment, EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)})
	if err != nil {
		return err
	}
	return f.erp.RegisterPush(demo.MallShop, jushuitan.PushShipment, url)
}

func line(number, sku string, n int64) dianjia.OrderItem {
	price := decimal.NewFromInt(59)
	return dianjia.OrderItem{LineNo: number, SKUCode: sku, Name: sku, Qty: decimal.NewFromInt(n), Price: price, Amount: price.Mul(decimal.NewFromInt(n))}
}

// place uploads an order and assigns it to a warehouse.
func (f *failures) place(ctx context.Context, number string, warehouse int64, lines ...dianjia.OrderItem) (oID, ioID int64, err error) {
	if oID, err = f.upload(ctx, number, lines...); err != nil {
		return 0, 0, err
	}
	if ioID, err = f.erp.Assign(oID, warehouse); err != nil {
		return 0, 0, err
	}
	f.r.Step(demo.DianJia, "Orders.Upload", fmt.Sprintf("%s o_id %d io_id %d", number, oID, ioID), fmt.Sprintf("assigned to %d", warehouse))
	return oID, ioID, nil
}

// skuUnknown: what Jushuitan does not have is uploaded before the order is.
func (f *failures) skuUnknown(ctx context.Context) error {
	f.r.Failure("an order has a SKU that Jushuitan does not know 商品编码不存在")
	product := &dianjia.Product{
		Name: "帆布包", StyleNo: "BAG24", SKUs: []dianjia.SKU{{Code: "BAG24-NAT", Color: "本色", Size: "均码"}},
		Price: dianjia.Price{Retail: decimal.NewNullDecimal(decimal.NewFromInt(59))},
	}
	missing, err := f.missing(ctx, demo.TeeM, "BAG24-NAT")
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
	if _, err := f.client.SKUs.Upload(ctx, &jushuitan.SKUUploadRequest{Items: rows}); err != nil {
		return err
	}
	if missing, err = f.missing(ctx, "BAG24-NAT"); err != nil {
		return err
	}
	f.r.Host("uploads the product (SKUs.Upload), then the order; %d missing now", len(missing))
	f.r.Check(len(missing) == 0, "the product is there")
	_, _, err = f.place(ctx, "MALL-2101", demo.MainWarehouse, line("1", "BAG24-NAT", 1))
	return err
}

// wrongWarehouse: the loop that part 3.5 of the guide warns of.
func (f *failures) wrongWarehouse(ctx context.Context) error {
	f.r.Failure("a mall order is assigned to 店加线下仓: it would come back to the stores 循环派单")
	oID, _, err := f.place(ctx, "MALL-2102", demo.StoreWarehouse, line("1", demo.TeeL, 1))
	if err != nil {
		return err
	}
	check := mapping.NewRoutingCheck(mapping.Routing{Stores: flows.Stores(), MallShopID: demo.MallShop})
	for o, err := range f.client.Orders.All(ctx, &jushuitan.OrderQuery{OIDs: []int64{oID}}) {
		if err != nil {
			return err
		}
		found, bad := check.Order(o)
		f.r.Check(bad && found.Code == mapping.MallOrderToVirtualWarehouse, "the loop is found")
		f.r.Found(found)
	}
	f.r.Host("assigns it to %d, and asks the merchant to change the strategy", demo.MainWarehouse)
	return f.client.Orders.AssignWarehouse(ctx, []jushuitan.OrderWarehouse{{OID: oID, WMSCoID: demo.MainWarehouse}})
}

// cancelledInParts: a first parcel is on its way when the buyer cancels.
func (f *failures) cancelledInParts(ctx context.Context) error {
	f.r.Failure("the buyer cancels after a part was shipped 部分发货后取消")
	oID, ioID, err := f.place(ctx, "MALL-2103", demo.MainWarehouse, line("1", demo.TeeM, 2), line("2", demo.Cap, 1))
	if err != nil {
		return err
	}
	if err := f.ship(ctx, ioID, "YTO", "YT2103", flows.Qtys{demo.TeeM: 2}); err != nil {
		return err
	}
	o, all := f.state("MALL-2103")
	f.r.Step(demo.DianJia, "push logistics.upload", "MALL-2103 YT2103", fmt.Sprintf("shipped %s of %s tees, %s of %s caps", o.shipped[demo.TeeM], o.ordered[demo.TeeM], o.shipped[demo.Cap], o.ordered[demo.Cap]))
	f.r.Check(!all, "the order is partly shipped")
	_, err = f.client.Orders.Cancel(ctx, &jushuitan.OrderCancel{OIDs: []int64{oID}, CancelType: "客户取消", Remark: "不想要了"})
	f.r.Says(err, jushuitan.ErrInvalid)
	f.r.Host("refunds nothing yet: the rest goes out, and the buyer sends all of it back (AfterSales.Upload)")
	if err := f.ship(ctx, ioID, "SF", "SF2103", nil); err != nil {
		return err
	}
	o, all = f.state("MALL-2103")
	f.r.Check(all && len(o.parcels) == 2, "two parcels, all shipped: %q", o.parcels)
	return nil
}

// ship lets the warehouse ship, and waits for the push.
func (f *failures) ship(ctx context.Context, ioID int64, lcID, waybill string, lines flows.Qtys) error {
	p := jushuitantest.Parcel{LCID: lcID, LID: waybill}
	if lines != nil {
		p.Lines = lines.Decimals()
	}
	if err := f.erp.Ship(ioID, p); err != nil {
		return err
	}
	f.r.Step(demo.Jushuitan, "warehouse ships", fmt.Sprintf("io_id %d %s", ioID, waybill), "")
	return f.erp.WaitPushes(ctx)
}

// carrierUnknown: the push is refused until somebody has added the carrier.
func (f *failures) carrierUnknown(ctx context.Context) error {
	f.r.Failure("a push names a carrier that DianJia does not know 物流公司未知")
	if err := f.erp.AddCarrier(jushuitan.Carrier{LCID: "CN-JSD", LCName: "菜鸟急送达"}); err != nil {
		return err
	}
	_, ioID, err := f.place(ctx, "MALL-2104", demo.MainWarehouse, line("1", demo.TeeM, 1))
	if err != nil {
		return err
	}
	// The person who is told adds a row, before the ERP tries again.
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
	for _, why := range f.reasons() {
		f.r.Says(why, nil)
	}
	f.r.Host("answers failure, adds the row, and takes the ERP's next attempt")
	pushes := f.erp.Pushes()
	last := pushes[len(pushes)-1]
	o, all := f.state("MALL-2104")
	f.r.Check(all && last.Delivered() && last.Attempts == 2, "delivered at attempt %d: %q", last.Attempts, o.parcels)
	return nil
}

// answerLost: the same push comes twice.
func (f *failures) answerLost(ctx context.Context) error {
	f.r.Failure("the answer to a push is lost, so the ERP sends it again 重复推送")
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
	o, _ := f.state("MALL-2105")
	f.r.Host("nothing: the dedupe store knows the repeat and acknowledges it")
	f.r.Check(last.Attempts == 2 && o.calls == 1 && o.shipped[demo.TeeM].Equal(decimal.NewFromInt(2)),
		"%d attempts, handled %d time, %s tees shipped", last.Attempts, o.calls, o.shipped[demo.TeeM])
	return nil
}

// forged: somebody without the URL of the settings sends a push. The sign is right, its
// key is public.
func (f *failures) forged(ctx context.Context) error {
	f.r.Failure("a push that is forged 伪造推送")
	stranger, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: f.urls.BaseURL}})
	if err != nil {
		return err
	}
	err = stranger.Shipment(ctx, dianjia.Target{EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)},
		&jushuitan.ShipmentPush{OID: 1, SoID: "MALL-2101", LID: "X1", LCID: "YTO", Items: []jushuitan.ShipmentPushItem{{SKUID: "BAG24-NAT", Qty: decimal.NewFromInt(1)}}})
	f.r.Says(err, dianjia.ErrRefused)
	why := errors.Join(f.reasons()...)
	f.r.Says(why, callback.ErrToken)
	o, _ := f.state("MALL-2101")
	f.r.Check(o.calls == 0, "nothing was booked")
	return nil
}

func (f *failures) tokenExpired(ctx context.Context) error {
	f.r.Failure("the token ends in the middle 令牌过期")
	f.erp.ExpireTokens("")
	tokens := f.erp.Stats().TokenCalls
	oID, err := f.upload(ctx, "MALL-2106", line("1", demo.TeeL, 1))
	if err != nil {
		return err
	}
	f.r.Host("nothing: the client got a new token and sent the order, o_id %d", oID)
	f.r.Check(f.erp.Stats().TokenCalls > tokens, "the token was renewed by itself")
	return nil
}
