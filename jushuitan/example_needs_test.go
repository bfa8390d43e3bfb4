package jushuitan_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Keep tokens in a file, so that they survive a restart. Processes on one machine may share
// it: one of them renews a token for all.
func ExampleNewFileTokenStore() {
	srv, _ := newFake()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "tokens")
	must(err)
	defer os.RemoveAll(dir)

	ctx := context.Background()
	for _, process := range []string{"started", "restarted"} {
		store, err := jushuitan.NewFileTokenStore(filepath.Join(dir, "tokens.json"))
		must(err)
		client, err := srv.Client(jushuitan.WithTokenStore(store))
		must(err)
		token, err := client.ForMerchant("10010").Token(ctx)
		must(err)
		fmt.Println(process, "token version", token.Version)
	}
	// Output:
	// started token version 1
	// restarted token version 1
}

// mallOrder is a paid order of the mall, as Orders.Upload takes it.
func mallOrder(srv *jushuitantest.Server, shopID int64, soID string) jushuitan.OrderUpload {
	price, now := decimal.NewFromInt(99), srv.Now()
	return jushuitan.OrderUpload{
		ShopID: shopID, SoID: soID, OrderDate: now, ShopModified: now,
		ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopBuyerID: "buyer",
		ReceiverName: "收货人", ReceiverMobile: "13900000001", ReceiverAddress: "收货地址", PayAmount: price,
		Items: []jushuitan.OrderUploadItem{{
			SKUID: shirt, ShopSKUID: shirt, Name: "圆领T恤", OuterOIID: soID + "-1",
			Qty: decimal.NewFromInt(1), BasePrice: price, Amount: price,
		}},
		Pay: &jushuitan.OrderUploadPay{
			OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "seller", BuyerAccount: "buyer", Amount: price,
		},
	}
}

// Find out which rows of an upload failed: the others are in the ERP. Index is that of the
// row in the input.
func ExampleBatchError() {
	srv, client := newFake()
	defer srv.Close()
	orders := []jushuitan.OrderUpload{
		mallOrder(srv, mallShop, "MALL-1"), mallOrder(srv, 99999999, "MALL-2"), mallOrder(srv, mallShop, "MALL-3"),
	}
	_, err := client.Orders.Upload(context.Background(), orders)
	if failed, ok := errors.AsType[*jushuitan.BatchError](err); ok {
		fmt.Println(len(failed.Failed), "of", failed.Total, "failed")
		for _, row := range failed.Failed {
			fmt.Println(orders[row.Index].SoID, "invalid:", errors.Is(row.Err, jushuitan.ErrInvalid))
		}
	} else if err != nil {
		fmt.Println("nothing is known of the rows:", err)
	}
	// Output:
	// 1 of 3 failed
	// MALL-2 invalid: true
}

// Count calls and their latency for your metrics. A hook sees each attempt, without secrets
// and personal data.
func ExampleWithHook() {
	srv, _ := newFake()
	defer srv.Close()
	srv.Inject(jushuitantest.Fault{Path: "/open/shops/query", Kind: jushuitantest.Throttle, Times: 1})

	client, err := srv.Client(
		jushuitan.WithHook(jushuitan.Hook{After: func(_ context.Context, a jushuitan.Attempt) {
			fmt.Println(a.Op, "merchant", a.Merchant, "attempt", a.N, "code", a.Code, "failed:", a.Err != nil, "latency known:", a.Took > 0)
		}}),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond}),
	)
	must(err)
	_, err = client.ForMerchant("10010").WithToken(srv.AccessToken("10010")).Shops.Query(context.Background(), nil)
	must(err)
	// Output:
	// Shops.Query merchant 10010 attempt 1 code 199 failed: true latency known: true
	// Shops.Query merchant 10010 attempt 2 code 0 failed: false latency known: true
}

// Log every attempt with slog: failed ones at level warn, the others at level debug.
func ExampleWithLogger() {
	srv, _ := newFake()
	defer srv.Close()
	srv.Inject(jushuitantest.Fault{Path: "/open/shops/query", Kind: jushuitantest.HTTP5xx, Times: 1})

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // what this example can compare
			if a.Key == "level" || a.Key == "op" || a.Key == "attempt" || a.Key == "status" {
				return a
			}
			return slog.Attr{}
		},
	}))
	client, err := srv.Client(jushuitan.WithLogger(logger), jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond}))
	must(err)
	_, err = client.Shops.Query(context.Background(), nil)
	must(err)
	// Output: level=WARN op=Shops.Query attempt=1 status=502
}

// The answer of a write is lost: read back what the ERP has before anything is sent again.
func ExampleClient_SettleError() {
	srv, client := newFake()
	defer srv.Close()
	srv.Inject(jushuitantest.Fault{Path: "/open/jushuitan/orders/upload", Kind: jushuitantest.LostAnswer})
	client = client.With(jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))

	ctx := context.Background()
	orders := []jushuitan.OrderUpload{mallOrder(srv, mallShop, "MALL-1")}
	_, err := client.Orders.Upload(ctx, orders)
	fmt.Println("outcome unknown:", errors.Is(err, jushuitan.ErrOutcomeUnknown))

	settled, err := client.SettleError(ctx, err, orders)
	must(err)
	for _, s := range settled {
		fmt.Println(orders[s.Index].SoID, s.Outcome, "by", s.Query)
	}
	// Output:
	// outcome unknown: true
	// MALL-1 applied by Orders.Query
}

// Settle a write that was stored as JSON, such as one that a process left behind when it died.
func ExampleClient_Settle() {
	srv, client := newFake(jushuitantest.WithClock(time.Now().Add(-time.Hour)))
	defer srv.Close()
	orders := []jushuitan.OrderUpload{mallOrder(srv, mallShop, "MALL-1")} // which never reached the ERP
	write := jushuitan.Write{Operation: "Orders.Upload", Request: orders, Began: srv.Now(), Ended: srv.Now()}
	srv.Advance(time.Hour)

	settled, err := client.Settle(context.Background(), write)
	must(err)
	for _, s := range settled {
		fmt.Println(orders[s.Index].SoID, s.Outcome) // sending it again is safe
	}
	// Output: MALL-1 not applied
}
