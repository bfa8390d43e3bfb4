package jushuitan_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// What went over the wire, to be sent to the vendor's support. Secrets and personal data
// are masked.
func ExampleWithOnExchange() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	client, err := srv.Client(jushuitan.WithOnExchange(func(_ context.Context, x jushuitan.Exchange) {
		if x.Op == "Shops.Query" { // the token call is shown too
			fmt.Println(x.Op, x.HTTPStatus, x.Params.Get("biz"), x.Params.Get("access_token"), x.Params.Get("sign"))
		}
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Shops.Query(context.Background(), &jushuitan.ShopQuery{PageSize: 10}); err != nil {
		fmt.Println(err)
		return
	}
	// Output:
	// Shops.Query 200 {"page_size":10} *** ***
}

// One budget for all merchants and clients of an app: no more than 20 calls a second leave
// this process, beside the quota of each merchant and path.
func ExampleWithRate() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	budget := rate.NewLimiter(20, 5) // share it with qimen.WithRate and dianjia.Config.Limiter
	client, err := srv.Client(jushuitan.WithRate(budget))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	fmt.Println(err)
	// Output:
	// <nil>
}

// A page that somebody waits for: no retries, little patience, and the header of the answer.
func ExampleClient_With() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	hasty := client.With(
		jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
		jushuitan.WithCallTimeout(5*time.Second),
		jushuitan.WithResponseHeader(func(h http.Header) { fmt.Println("has a date:", h.Get("Date") != "") }),
	)
	_, err = hasty.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	fmt.Println(err)
	// Output:
	// has a date: true
	// <nil>
}
