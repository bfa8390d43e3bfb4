package jushuitantest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Test what your code does when the service fails: here the second call is refused, because
// the app has no permission for it.
func ExampleServer_Inject() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	client, err := srv.Client()
	must(err)
	remove := srv.Inject(jushuitantest.Fault{Path: "/open/shops/query", Kind: jushuitantest.Refuse, Code: 190, Msg: "没有权限", Skip: 1})

	ctx := context.Background()
	for range 2 {
		_, err := client.Shops.Query(ctx, nil)
		fmt.Println("refused:", errors.Is(err, jushuitan.ErrPermission))
	}
	remove()
	_, err = client.Shops.Query(ctx, nil)
	fmt.Println("removed:", err)
	// Output:
	// refused: false
	// refused: true
	// removed: <nil>
}

// Test your receiver of pushes: a shop registers its address, the warehouse ships an order,
// and the fake pushes it. Package callback has handlers that verify and deduplicate.
func ExampleCompany_RegisterPush() {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		must(err)
		push, err := jushuitan.ParseShipmentPush(body)
		must(err)
		fmt.Println("merchant", r.FormValue("entId"), "order", push.SoID, "shipped by", push.LID)
		_, err = io.WriteString(w, `{"code":"0","msg":"执行成功"}`)
		must(err)
	}))
	defer host.Close()

	srv := jushuitantest.NewServer()
	defer srv.Close()
	must(srv.AddShop(jushuitan.Shop{ShopID: 10200077, ShopName: "微商城", ShopSite: "商家自有商城"}))
	must(srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 10100001, Name: "总仓", IsMain: true}))
	must(srv.AddSKU(jushuitan.SKU{SKUID: "TS-BLK-M", Name: "短袖"}))
	must(srv.SetStock(10100001, "TS-BLK-M", decimal.NewFromInt(5)))
	must(srv.RegisterPush(10200077, jushuitan.PushShipment, host.URL+"/delivery_callback?entId=10010"))

	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: 10200077, SoID: "MALL-1", Items: []jushuitan.OrderUploadItem{
		{SKUID: "TS-BLK-M", Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(55)},
	}})
	must(err)
	ioID, err := srv.AssignOrder(oID, 10100001)
	must(err)
	must(srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "SF", LID: "SF0001"}))
	must(srv.WaitPushes(context.Background()))
	for _, push := range srv.Pushes() {
		fmt.Println(push.Method, "acknowledged:", push.Delivered())
	}
	// Output:
	// merchant 10010 order MALL-1 shipped by SF0001
	// logistics.upload acknowledged: true
}
