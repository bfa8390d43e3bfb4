package callback_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The receiver on a mux of net/http, and one message as the ERP sends it. Each
// registered URL carries a token.
func ExampleNew() {
	const secret = "from the host's configuration"
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
		Secrets: []string{secret},
		OnError: func(_ context.Context, _ callback.Envelope, err error) { fmt.Println("refused:", err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/dex/jushuitan/", receiver)

	server := httptest.NewServer(mux)
	defer server.Close()
	message := callbacktest.Message{
		Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242", Secret: secret,
		Body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","items":[{"sku_id":"SKU-A","qty":2}]}`,
	}
	for range 2 { // the repeat is acknowledged, not run
		reply, err := message.Send(context.Background(), server.Client(), server.URL+"/dex/jushuitan/delivery_callback")
		fmt.Println(reply.Status, reply.Body, err)
	}
	message.Secret = "somebody else's, from elsewhere"
	reply, err := message.Send(context.Background(), server.Client(), server.URL+"/dex/jushuitan/delivery_callback")
	fmt.Println(reply.Status, reply.Body, err)
	// Output:
	// merchant 10010 order SO-1 shipped SKU-A 2 by YT1
	// 200 {"code":"0","msg":"执行成功"} <nil>
	// 200 {"code":"0","msg":"执行成功"} <nil>
	// refused: callback: push logistics.upload: token of the URL refused: none of the secrets made it for this URL
	// 403 {"code":"-1","msg":"请求被拒绝"} <nil>
}

// One handler for each URL, each on a path of its own.
func ExampleReceiver_Cancel() {
	receiver, err := callback.New(callback.Config{
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			fmt.Println("cancelled:", p.SoID)
			return nil
		},
		Checksum: callback.ChecksumOff, AllowUnauthenticated: true, // for this example only
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
