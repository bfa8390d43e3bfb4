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
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
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
	// refused: callback: push logistics.upload: token of the URL refused: it was not derived from any of the secrets for this URL
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
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/erp/cancelled?entId=10010", strings.NewReader(`{"so_id":"SO-1"}`)))
	fmt.Println(w.Body)
	// Output:
	// cancelled: SO-1
	// {"code":"0","msg":"执行成功"}
}

// The handlers of all four kinds and the authorisation redirect on a mux of
// net/http.
func ExampleNewAuthorizeHandler() {
	const secret = "from the host's configuration"
	fake := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{
		AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider,
	}))
	defer fake.Close()
	client, err := fake.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	authorize, err := callback.NewAuthorizeHandler(client, callback.AuthorizeConfig{
		StateSecrets: []string{secret},
		OnGranted: func(_ context.Context, entID string, tok jushuitan.Token) {
			fmt.Println("merchant", entID, "granted the app:", tok.AccessToken != "")
		},
		OnError: func(_ context.Context, entID string, err error) { fmt.Println("merchant", entID, "refused:", err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	seen := func(what string) error { fmt.Println(what); return nil }
	receiver, err := callback.New(callback.Config{
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			return seen("shipped: " + p.SoID)
		},
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			return seen("cancelled: " + p.SoID)
		},
		GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			return seen(string(p.Action) + ": " + p.OuterASID)
		},
		Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			return seen("stock: " + p.Rows[0].SKUID + " " + p.Rows[0].Qty.String())
		},
		Secrets: []string{secret},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/dex/jushuitan/delivery_callback", receiver.Shipment())
	mux.Handle("/dex/jushuitan/cancal_callback", receiver.Cancel())
	mux.Handle("/dex/jushuitan/return_goods_callback", receiver.GoodsReturned())
	mux.Handle("/dex/jushuitan/stock_callback", receiver.Stock())
	mux.Handle("GET /jushuitan/authorized", authorize)

	// The merchant grants the app, and the browser comes back with a code; somebody
	// calls the same address again.
	redirect := "/jushuitan/authorized?" + fake.Authorize("10010", authorize.State("10010")).Encode()
	for range 2 {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, redirect, nil))
		fmt.Println(w.Code, w.Body)
	}
	for _, push := range []struct {
		path string
		body any
	}{
		{"delivery_callback", &jushuitan.ShipmentPush{SoID: "SO-1", LID: "YT1"}},
		{"cancal_callback", &jushuitan.CancelPush{SoID: "SO-2"}},
		{"return_goods_callback", &jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsRevoked}},
		{"stock_callback", &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "SKU-A"}}}},
	} {
		m := callbacktest.Message{EntID: "10010", StorageCode: "133242", Secret: secret, Body: push.body}
		reply, err := m.Serve(context.Background(), mux, "/dex/jushuitan/"+push.path)
		fmt.Println(reply.Status, reply.Code, err)
	}
	// Output:
	// merchant 10010 granted the app: true
	// 200 {"code":0}
	// merchant 10010 refused: callback: authorisation redirect: authorisation redirect refused: the state was already used
	// 403 {"code":-1}
	// shipped: SO-1
	// 200 0 <nil>
	// cancelled: SO-2
	// 200 0 <nil>
	// 取消收货: RT-1
	// 200 0 <nil>
	// stock: SKU-A 0
	// 200 0 <nil>
}
