package qimentest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// A test of code that fetches what 店加线下仓 is to ship, through the scene.
func Example() {
	gateway := qimentest.NewServer()
	defer gateway.Close()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	erp := gateway.ERP // plays the merchant's staff
	must(erp.AddShop(jushuitan.Shop{ShopID: 10360, ShopName: "旗舰店", ShopSite: "淘宝天猫"}))
	must(erp.AddWarehouse(jushuitan.Warehouse{WMSCoID: 901, Name: "店加线下仓"}))
	must(erp.AddSKU(jushuitan.SKU{SKUID: "TS-M", Name: "短袖"}))
	must(erp.SetStock(901, "TS-M", d(5)))
	oID, err := erp.ImportOrder(jushuitan.OrderUpload{ShopID: 10360, SoID: "TM-1", Items: []jushuitan.OrderUploadItem{{SKUID: "TS-M", Qty: d(2), Price: d(55)}}})
	must(err)
	_, err = erp.AssignOrder(oID, 901)
	must(err)

	// What is tested would do this.
	client, err := gateway.Client()
	must(err)
	for doc, err := range client.Scene.SaleoutsSince(context.Background(), 0, &qimen.SaleoutListRequest{WMSCoID: 901}) {
		must(err)
		fmt.Println(doc.SoID, doc.Status, doc.Items[0].SKUID, doc.Items[0].Qty)
	}
	// Output: TM-1 WaitConfirm TS-M 2
}

// A test of code that receives the documents of an ERP.
func ExampleServer_Register() {
	gateway := qimentest.NewServer()
	defer gateway.Close()

	// What is tested would be this.
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets("secret-of-the-warehouse"),
		Merchant: func(context.Context, string) (string, error) { return "10010", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	qimen.Handle(mux, func(_ context.Context, env qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		fmt.Println("received", req.DeliveryOrder.DeliveryOrderCode, "for", env.Merchant)
		return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "WH-" + req.DeliveryOrder.DeliveryOrderCode}, nil
	})
	web := httptest.NewServer(mux)
	defer web.Close()

	err = gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: web.URL, AppKey: "30000001", AppSecret: "secret-of-the-warehouse"})
	if err != nil {
		fmt.Println(err)
		return
	}
	erp, err := gateway.Client() // the test plays the ERP
	if err != nil {
		fmt.Println(err)
		return
	}
	order := &qimen.DeliveryOrderCreateRequest{}
	order.DeliveryOrder.DeliveryOrderCode = "CK-1"
	answer, err := erp.Warehouse.DeliveryOrderCreate(context.Background(), order)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("answered", answer.DeliveryOrderID)
	// Output:
	// received CK-1 for 10010
	// answered WH-CK-1
}
