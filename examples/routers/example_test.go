package routers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/examples/routers"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The four handlers and the authorisation redirect on a mux of net/http, each on
// a path of its own. A pattern without a method lets POST, PUT and the GET of a
// probe through.
func Example_netHTTP() {
	h := newHost()
	defer h.close()

	mux := http.NewServeMux()
	mux.Handle("/dex/jushuitan/delivery_callback", h.pushes.Shipment())
	mux.Handle("/dex/jushuitan/cancal_callback", h.pushes.Cancel())
	mux.Handle("/dex/jushuitan/return_goods_callback", h.pushes.GoodsReturned())
	mux.Handle("/dex/jushuitan/stock_callback", h.pushes.Stock())
	mux.Handle("/jushuitan/authorized", h.authorize)

	h.receive(mux)
	// Output:
	// logistics.upload: merchant 10010, order SO-1 shipped with YT1
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// cancel.order: merchant 10010, order SO-2 cancelled
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// refund.goods: merchant 10010, RT-1 确认收货
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// inventory.upload: merchant 10010, SKU-A has 15
	// message: 200 {"code":"0","msg":"执行成功"}
	// forged: 403 {"code":"-1","msg":"请求被拒绝"}
	// probe: 200 {"code":"0","msg":"执行成功"}
	// merchant 10010 granted the app
	// redirect: 200 {"code":0}
}

// The same on a router of chi.
func Example_chi() {
	h := newHost()
	defer h.close()

	r := chi.NewRouter()
	r.Route("/dex/jushuitan", func(r chi.Router) {
		r.Handle("/delivery_callback", h.pushes.Shipment())
		r.Handle("/cancal_callback", h.pushes.Cancel())
		r.Handle("/return_goods_callback", h.pushes.GoodsReturned())
		r.Handle("/stock_callback", h.pushes.Stock())
	})
	r.Handle("/jushuitan/authorized", h.authorize)

	h.receive(r)
	// Output:
	// logistics.upload: merchant 10010, order SO-1 shipped with YT1
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// cancel.order: merchant 10010, order SO-2 cancelled
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// refund.goods: merchant 10010, RT-1 确认收货
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// inventory.upload: merchant 10010, SKU-A has 15
	// message: 200 {"code":"0","msg":"执行成功"}
	// forged: 403 {"code":"-1","msg":"请求被拒绝"}
	// probe: 200 {"code":"0","msg":"执行成功"}
	// merchant 10010 granted the app
	// redirect: 200 {"code":0}
}

// The same on an engine of gin. gin.Default would log whole queries, tokens
// included.
func Example_gin() {
	gin.SetMode(gin.ReleaseMode)
	h := newHost()
	defer h.close()

	r := gin.New()
	group := r.Group("/dex/jushuitan")
	group.Any("/delivery_callback", gin.WrapH(h.pushes.Shipment()))
	group.Any("/cancal_callback", gin.WrapH(h.pushes.Cancel()))
	group.Any("/return_goods_callback", gin.WrapH(h.pushes.GoodsReturned()))
	group.Any("/stock_callback", gin.WrapH(h.pushes.Stock()))
	r.Any("/jushuitan/authorized", gin.WrapH(h.authorize))

	h.receive(r)
	// Output:
	// logistics.upload: merchant 10010, order SO-1 shipped with YT1
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// cancel.order: merchant 10010, order SO-2 cancelled
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// refund.goods: merchant 10010, RT-1 确认收货
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// inventory.upload: merchant 10010, SKU-A has 15
	// message: 200 {"code":"0","msg":"执行成功"}
	// forged: 403 {"code":"-1","msg":"请求被拒绝"}
	// probe: 200 {"code":"0","msg":"执行成功"}
	// merchant 10010 granted the app
	// redirect: 200 {"code":0}
}

// The same on an instance of echo.
func Example_echo() {
	h := newHost()
	defer h.close()

	e := echo.New()
	group := e.Group("/dex/jushuitan")
	group.Any("/delivery_callback", echo.WrapHandler(h.pushes.Shipment()))
	group.Any("/cancal_callback", echo.WrapHandler(h.pushes.Cancel()))
	group.Any("/return_goods_callback", echo.WrapHandler(h.pushes.GoodsReturned()))
	group.Any("/stock_callback", echo.WrapHandler(h.pushes.Stock()))
	e.Any("/jushuitan/authorized", echo.WrapHandler(h.authorize))

	h.receive(e)
	// Output:
	// logistics.upload: merchant 10010, order SO-1 shipped with YT1
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// cancel.order: merchant 10010, order SO-2 cancelled
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// refund.goods: merchant 10010, RT-1 确认收货
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// inventory.upload: merchant 10010, SKU-A has 15
	// message: 200 {"code":"0","msg":"执行成功"}
	// forged: 403 {"code":"-1","msg":"请求被拒绝"}
	// probe: 200 {"code":"0","msg":"执行成功"}
	// merchant 10010 granted the app
	// redirect: 200 {"code":0}
}

// If one function mounts all four, use the handler for all kinds: see the functions of this
// package.
func ExampleChi() {
	h := newHost()
	defer h.close()

	h.receive(routers.Chi(h.pushes, h.authorize))
	// Output:
	// logistics.upload: merchant 10010, order SO-1 shipped with YT1
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// cancel.order: merchant 10010, order SO-2 cancelled
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// refund.goods: merchant 10010, RT-1 确认收货
	// message: 200 {"code":"0","msg":"执行成功"}
	// repeat: 200 {"code":"0","msg":"执行成功"}
	// inventory.upload: merchant 10010, SKU-A has 15
	// message: 200 {"code":"0","msg":"执行成功"}
	// forged: 403 {"code":"-1","msg":"请求被拒绝"}
	// probe: 200 {"code":"0","msg":"执行成功"}
	// merchant 10010 granted the app
	// redirect: 200 {"code":0}
}

// host is what the examples share: functions that print what they receive, and a fake
// Jushuitan that authorises the app.
type host struct {
	pushes    *callback.Receiver
	authorize *callback.AuthorizeHandler
	fake      *jushuitantest.Server
}

func newHost() *host {
	say := func(env callback.Envelope, text string) error {
		fmt.Printf("%s: merchant %s, %s\n", env.Method, env.EntID, text)
		return nil // the message is acknowledged from here on
	}
	pushes, err := callback.New(callback.Config{
		Secrets: []string{secret},
		Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
			return say(env, "order "+p.SoID+" shipped with "+p.LID)
		},
		Cancel: func(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
			return say(env, "order "+p.SoID+" cancelled")
		},
		GoodsReturned: func(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			return say(env, p.OuterASID+" "+string(p.Action))
		},
		Stock: func(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
			return say(env, p.Rows[0].SKUID+" has "+p.Rows[0].Qty.String())
		},
	})
	if err != nil {
		panic(err)
	}
	fake := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{
		AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider,
	}))
	client, err := fake.Client()
	if err != nil {
		panic(err)
	}
	authorize, err := callback.NewAuthorizeHandler(client, callback.AuthorizeConfig{
		StateSecrets: []string{secret},
		OnGranted: func(_ context.Context, entID string, _ jushuitan.Token) {
			fmt.Println("merchant", entID, "granted the app")
		},
	})
	if err != nil {
		panic(err)
	}
	return &host{pushes, authorize, fake}
}

func (h *host) close() { h.fake.Close() }

// receive serves the router and delivers each message twice, as the ERP sends it to a
// registered URL; then a message without a token, the probe that the ERP sends when a URL
// is saved, and the redirect of a merchant who authorised the app.
func (h *host) receive(router http.Handler) {
	server := httptest.NewServer(router)
	defer server.Close()
	for _, push := range []struct {
		method     jushuitan.PushMethod
		path, body string
	}{
		{jushuitan.PushShipment, "delivery_callback", `{"o_id":1,"so_id":"SO-1","l_id":"YT1","items":[{"sku_id":"SKU-A","qty":2}]}`},
		{jushuitan.PushCancel, "cancal_callback", `{"so_id":"SO-2","remark":"null"}`},
		{jushuitan.PushGoodsReturned, "return_goods_callback", `{"as_id":2,"outer_as_id":"RT-1","action_name":"确认收货"}`},
		{jushuitan.PushStock, "stock_callback", `{"datas":[{"sku_id":"SKU-A","qty":15,"modified":"2024-01-01 12:00:00"}]}`},
	} {
		m := callbacktest.Message{Method: push.method, EntID: "10010", StorageCode: "133242", Secret: secret, Body: push.body}
		h.post(server, "message", push.path, m)
		if push.method != jushuitan.PushStock { // stock is absolute: a duplicate is handled again
			h.post(server, "repeat", push.path, m)
		}
	}
	h.post(server, "forged", "cancal_callback", callbacktest.Message{EntID: "10010", StorageCode: "133242", Body: &jushuitan.CancelPush{SoID: "SO-3"}})
	h.get(server, "probe", "/dex/jushuitan/stock_callback")
	h.get(server, "redirect", "/jushuitan/authorized?"+h.fake.Authorize("10010", h.authorize.State("10010")).Encode())
}

func (h *host) post(server *httptest.Server, what, path string, m callbacktest.Message) {
	reply, err := m.Send(context.Background(), server.Client(), server.URL+"/dex/jushuitan/"+path)
	if err != nil {
		panic(err)
	}
	fmt.Println(what+":", reply.Status, reply.Body)
}

func (h *host) get(server *httptest.Server, what, path string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+path, nil)
	if err != nil {
		panic(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		panic(err)
	}
	fmt.Println(what+":", res.StatusCode, string(body))
}
