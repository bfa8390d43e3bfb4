package jushuitantest_test

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// A test of code that fetches what a warehouse is to ship, and ships it.
func Example() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	must(srv.AddShop(jushuitan.Shop{ShopID: 10360, ShopName: "抖音店", ShopSite: "头条放心购"}))
	must(srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 901, Name: "店加线下仓"}))
	must(srv.AddSKU(jushuitan.SKU{SKUID: "TS-BLK-M", Name: "短袖"}))
	must(srv.SetStock(901, "TS-BLK-M", decimal.NewFromInt(5)))
	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: 10360, SoID: "DY-1", Items: []jushuitan.OrderUploadItem{
		{SKUID: "TS-BLK-M", Qty: decimal.NewFromInt(2), Price: decimal.NewFromInt(55)},
	}})
	must(err)
	_, err = srv.AssignOrder(oID, 901)
	must(err)

	// What is tested would do this.
	client, err := srv.Client()
	must(err)
	ctx := context.Background()
	for doc, err := range client.Outbounds.Since(ctx, 0, &jushuitan.OutboundQuery{WMSCoID: 901, Status: "WaitConfirm"}) {
		must(err)
		_, err = client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{IOID: doc.IOID, LCID: "YTO", LCName: "圆通速递", LID: "YT-1"}})
		must(err)
	}

	order, _ := srv.Order(oID)
	fmt.Println(order.SoID, order.Status, order.LID, "left:", srv.Stock(901)[0].Qty)
	// Output: DY-1 Sent YT-1 left: 3
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
