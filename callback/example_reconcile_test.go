package callback_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The host was down when an order was shipped. A job compares the last hours with
// the journal and hands the lost push to the function that handles pushes.
func ExampleReconcile() {
	ctx := context.Background()
	erp := jushuitantest.NewServer(jushuitantest.WithPushRetry())
	defer erp.Close()
	client, err := erp.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := erp.Now()
	journal := callback.NewMemoryJournal(0, start) // a host has one of its own, over a table
	receiver, err := callback.New(callback.WithJournal(callback.Config{
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			fmt.Println("shipped:", p.SoID, p.LID, p.Items[0].SKUID, p.Items[0].Qty)
			return nil
		},
		AllowUnauthenticated: true, // for this example only
		Now:                  erp.Now,
	}, journal))
	if err != nil {
		fmt.Println(err)
		return
	}
	host := httptest.NewServer(receiver)
	address := host.URL + "/dex/jushuitan/delivery_callback?entId=10010&storageCode=10350"

	// Two orders are shipped; the second push meets a closed door.
	steps := []error{
		erp.AddShop(jushuitan.Shop{ShopID: 10350, ShopName: "微商城"}),
		erp.AddWarehouse(jushuitan.Warehouse{Name: "主仓", WMSCoID: 11200000, IsMain: true}),
		erp.AddCarrier(jushuitan.Carrier{LCID: "YTO", LCName: "圆通速递"}),
		erp.AddSKU(jushuitan.SKU{SKUID: "TS-BLK-M", IID: "TS", Name: "短袖"}),
		erp.RegisterPush(10350, jushuitan.PushShipment, address),
		ship(erp, "SO-1", "YT1"), erp.WaitPushes(ctx),
	}
	host.Close()
	steps = append(steps, ship(erp, "SO-2", "YT2"), erp.WaitPushes(ctx))
	for _, err := range steps {
		if err != nil {
			fmt.Println(err)
		}
	}

	// Later.
	erp.Advance(time.Hour)
	for d, err := range callback.Reconcile(ctx, callback.ReconcileConfig{
		Client: client, Journal: journal, EntID: "10010",
		From: start, Now: erp.Now,
		Shops: []callback.ReconcileShop{{ShopID: 10350}},
	}) {
		if err != nil {
			fmt.Println(err) // this kind is not finished; the others go on
			continue
		}
		fmt.Println(d.Kind, d.Method, d.SoID, d.LID)
		if err := receiver.Redeliver(ctx, d); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// shipped: SO-1 YT1 TS-BLK-M 2
	// missed logistics.upload SO-2 YT2
	// shipped: SO-2 YT2 TS-BLK-M 2
}

// ship lets an order come and go out.
func ship(erp *jushuitantest.Server, soID, waybill string) error {
	oID, err := erp.ImportOrder(jushuitan.OrderUpload{ShopID: 10350, SoID: soID, Items: []jushuitan.OrderUploadItem{
		{SKUID: "TS-BLK-M", Qty: decimal.NewFromInt(2), Price: decimal.NewFromInt(55)},
	}})
	if err != nil {
		return err
	}
	ioID, err := erp.AssignOrder(oID, 0)
	if err != nil {
		return err
	}
	return erp.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: waybill})
}
