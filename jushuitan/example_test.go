package jushuitan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Each example runs against the fake server; with a real account leave out
// WithBaseURL.

func Example() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddShop(jushuitan.Shop{ShopID: 10200077, ShopName: "青禾微商城", ShopSite: "商家自有商城"}); err != nil {
		fmt.Println(err)
		return
	}

	client, err := jushuitan.New(srv.Credentials(), jushuitan.WithBaseURL(srv.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	for shop, err := range client.ForMerchant("10010").Shops.All(context.Background(), nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(shop.ShopID, shop.ShopName)
	}
	// Output: 10200077 青禾微商城
}

// Upload orders: the result of each row is looked at, not only the error of the
// call.
func ExampleOrderService_Upload() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddShop(jushuitan.Shop{ShopID: 10200077, ShopName: "青禾微商城", ShopSite: "商家自有商城"}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Now()
	mall := func(shopID int64, soID string) jushuitan.OrderUpload {
		return jushuitan.OrderUpload{
			ShopID: shopID, SoID: soID, OrderDate: now, ShopModified: now,
			ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopBuyerID: "buyer",
			ReceiverName: "收货人", ReceiverMobile: "13900000001", ReceiverAddress: "收货地址",
			PayAmount: decimal.RequireFromString("59.00"),
			Items: []jushuitan.OrderUploadItem{{
				SKUID: "TEE24-WHT-M", ShopSKUID: "TEE24-WHT-M", Name: "T恤", OuterOIID: soID + "-1",
				Qty: decimal.NewFromInt(1), BasePrice: decimal.NewFromInt(59), Amount: decimal.NewFromInt(59),
			}},
			Pay: &jushuitan.OrderUploadPay{
				OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "seller", BuyerAccount: "buyer",
				Amount: decimal.RequireFromString("59.00"),
			},
		}
	}
	results, err := client.Orders.Upload(context.Background(), []jushuitan.OrderUpload{
		mall(10200077, "MALL-1"), mall(99999999, "MALL-2"), // the second shop does not exist
	})
	var failed *jushuitan.BatchError
	if err != nil && !errors.As(err, &failed) {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Println(r.Key, r.Err == nil)
	}
	// Output:
	// MALL-1 true
	// MALL-2 false
}

// Follow changes by the row version: keep the cursor, start there next time.
func ExampleOrderService_Since() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddShop(jushuitan.Shop{ShopID: 10200001, ShopName: "青禾抖音店", ShopSite: "头条放心购"}); err != nil {
		fmt.Println(err)
		return
	}
	for _, soID := range []string{"DY-1", "DY-2"} {
		if _, err := srv.ImportOrder(jushuitan.OrderUpload{
			ShopID: 10200001, SoID: soID,
			Items: []jushuitan.OrderUploadItem{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(1)}},
		}); err != nil {
			fmt.Println(err)
			return
		}
	}
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}

	var cursor int64 // kept by the host between runs
	for range 2 {
		n := 0
		for order, err := range client.Orders.Since(context.Background(), cursor, nil) {
			if err != nil {
				fmt.Println(err)
				return
			}
			n++
			cursor = max(cursor, order.TS)
		}
		fmt.Println(n, "orders changed")
	}
	// Output:
	// 2 orders changed
	// 0 orders changed
}

// Stock figures of one warehouse are replaced by a stocktake.
func ExampleStocktakeService_Upload() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓", WMSCoID: 10100088}); err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.AddSKU(jushuitan.SKU{SKUID: "TEE24-WHT-M"}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = client.Stocktakes.Upload(ctx, &jushuitan.StocktakeUpload{
		SoID: "CNT-1", WMSCoID: 10100088, Type: jushuitan.StocktakeCheck, IsConfirm: true, Warehouse: "1",
		Items: []jushuitan.StocktakeUploadItem{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(7)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := client.Inventory.Query(ctx, &jushuitan.InventoryQuery{WMSCoID: 10100088, SKUIDs: []string{"TEE24-WHT-M"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Rows[0].SKUID, page.Rows[0].Qty)
	// Output: TEE24-WHT-M 7
}

// Endpoints that have no method yet are called by path.
func ExampleClient_Call() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddShop(jushuitan.Shop{ShopID: 10200077, ShopName: "青禾微商城"}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	var data json.RawMessage
	err = client.Call(context.Background(), "/open/shops/query", map[string]any{"page_index": 1}, &data, jushuitan.AsRead())
	fmt.Println(len(data) > 0, err)
	// Output: true <nil>
}

// Errors tell their class, and what became of the call.
func ExampleError() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	cred := srv.Credentials()
	cred.AppSecret = "not the secret"
	client, err := jushuitan.New(cred, jushuitan.WithBaseURL(srv.URL), jushuitan.WithToken(srv.AccessToken("")))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	var e *jushuitan.Error
	if errors.As(err, &e) {
		fmt.Println(errors.Is(err, jushuitan.ErrSign), e.Code, e.Outcome, e.Attempts)
		fmt.Println(e.Hint())
	}
	// Output:
	// true 10 rejected 1
	// check AppKey and AppSecret, and that both belong to this environment (production or test) / 签名校验失败，请检查 AppKey、AppSecret 是否正确、与环境是否匹配
}

// Sign is what every call does for itself; it is exported for other tools.
func ExampleSign() {
	fmt.Println(jushuitan.Sign("secret", map[string]string{"app_key": "app", "charset": "utf-8", "timestamp": "100"}))
	// Output: 706427ca94e342781ac36d501151cb10
}

// A merchant of a service-provider app grants it on a page; the redirect is
// verified and its code exchanged for the merchant's token.
func ExampleClient_ExchangeCode() {
	srv := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{
		AppKey: "demo-app", AppSecret: "demo-secret", Type: jushuitan.ServiceProvider,
	}))
	defer srv.Close()
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = client.AuthorizeURL("state-of-10010") // the merchant opens it; Jushuitan then calls the app:
	redirect, err := client.ParseRedirect(srv.Authorize("10010", "state-of-10010"))
	if err != nil {
		fmt.Println(err)
		return
	}
	merchant := client.ForMerchant("10010")
	if _, err := merchant.ExchangeCode(context.Background(), redirect.Code); err != nil {
		fmt.Println(err)
		return
	}
	_, err = merchant.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	fmt.Println(redirect.State, err)
	// Output: state-of-10010 <nil>
}
