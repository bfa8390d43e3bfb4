package callback_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The receiver on a mux of net/http, and one message as the ERP sends it.
func ExampleNew() {
	receiver, err := callback.New(callback.Config{
		Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
			for _, item := range p.Items {
				fmt.Println("merchant", env.EntID, "order", p.OrderOf(item), "shipped", item.SKUID, item.Qty, "by", p.LID)
			}
			return nil // acknowledged from here on
		},
		GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			if p.Action == jushuitan.GoodsRevoked {
				fmt.Println("receipt undone:", p.OuterASID)
			}
			return nil
		},
		OnError: func(_ context.Context, _ callback.Envelope, err error) { fmt.Println(err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const secret = "4f0c2d" // a long random text, from the host's configuration
	mux := http.NewServeMux()
	mux.Handle("/push/"+secret+"/", receiver)

	server := httptest.NewServer(mux)
	defer server.Close()
	query := url.Values{"entId": {"10010"}, "storageCode": {"133242"}, "ts": {"1700000000"}}
	sign := jushuitan.SignPush(jushuitan.PushShipment, query)
	query.Set("partnerid", "erp")
	query.Set("method", string(jushuitan.PushShipment))
	query.Set("sign", sign)
	res, err := http.Post(server.URL+"/push/"+secret+"/delivery_callback?"+query.Encode(), "application/json",
		strings.NewReader(`{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","items":[{"sku_id":"SKU-A","qty":2}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	reply, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(reply))
	// Output:
	// merchant 10010 order SO-1 shipped SKU-A 2 by YT1
	// 200 {"code":"0","msg":"执行成功"}
}

// One handler for each URL, each on a path of its own.
func ExampleReceiver_Cancel() {
	receiver, err := callback.New(callback.Config{
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			fmt.Println("cancelled:", p.SoID)
			return nil
		},
		SkipChecksum: true, // for this example only
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/erp/cancelled", receiver.Cancel())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/erp/cancelled", strings.NewReader(`{"so_id":"SO-1"}`)))
	fmt.Println(w.Body)
	// Output:
	// cancelled: SO-1
	// {"code":"0","msg":"执行成功"}
}
