package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// demonstrate runs the server, lets the fake's operator work, and stops the server.
func demonstrate(ctx context.Context, a *app.App) error {
	if a.Real() {
		return cli.Usagef("a real account requires -listen / 连接真实账号请使用 -listen")
	}
	if flows.DryRunEnds(a) {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secret := rand.Text()
	s, err := newServer(config{
		out: a.Out, secrets: []string{secret}, client: a.Client, now: a.Fake.Now,
		journal: callback.NewMemoryJournal(0, a.Fake.Now()),
	})
	if err != nil {
		return closing(l, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l) }()

	d := &demonstration{server: s, erp: a.Fake, client: a.Client, base: "http://" + l.Addr().String(), secret: secret}
	err = d.run(ctx)
	stop() // as Ctrl-C does
	if served := <-ended; err == nil {
		err = served
	}
	return err
}

type demonstration struct {
	*server
	erp          *jushuitantest.Server
	client       *jushuitan.Client
	base, secret string
}

// get sends a request as a browser or a probe does.
func (d *demonstration) get(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	d.printf("  answered HTTP %d %s\n", resp.StatusCode, body)
	return err
}

func (d *demonstration) say(format string, args ...any) { d.printf("\n-- "+format+"\n", args...) }

//nolint:gocyclo,funlen // a script, read from top to bottom; nearly all its branches are errors
func (d *demonstration) run(ctx context.Context) error {
	d.say("The merchant authorises the app, and the browser comes back 授权回调")
	redirect := d.base + authorizePath + "?" + d.erp.Authorize("", d.authorize.State(demo.Merchant)).Encode()
	for range 2 { // the same address is called again: refused
		if err := d.get(ctx, redirect); err != nil {
			return err
		}
	}

	urls := dianjia.URLBuilder{BaseURL: base(d.base), Secret: d.secret}
	all, err := urls.URLs(dianjia.ShopSettings{EntID: demo.Merchant, ShopID: demo.MallShop, WMSCoID: demo.MainWarehouse})
	if err != nil {
		return err
	}
	d.say("Four URLs are registered; saving one sends a probe 登记推送地址")
	for kind, address := range all {
		if err := d.erp.RegisterPush(demo.MallShop, kind, address); err != nil {
			return err
		}
	}
	if err := d.get(ctx, all[jushuitan.PushShipment]); err != nil {
		return err
	}

	d.say("The warehouse ships an order in two parcels; another order is cancelled 发货、取消")
	first, err := d.order("MALL-7001", flows.Qtys{demo.TeeM: 2, demo.Cap: 1})
	if err != nil {
		return err
	}
	ioID, err := d.erp.AssignOrder(first, demo.MainWarehouse)
	if err != nil {
		return err
	}
	for _, p := range []jushuitantest.Parcel{
		{LCID: "YTO", LID: "YT7001", Lines: flows.Qtys{demo.TeeM: 2}.Decimals()},
		{LCID: "SF", LID: "SF7002", Lines: flows.Qtys{demo.Cap: 1}.Decimals()},
	} {
		if err := d.erp.ShipOutbound(ioID, p); err != nil {
			return err
		}
	}
	second, err := d.order("MALL-7002", flows.Qtys{demo.TeeL: 1})
	if err != nil {
		return err
	}
	if err := d.erp.CancelOrder(second, "缺货"); err != nil {
		return err
	}
	if err := d.erp.WaitPushes(ctx); err != nil {
		return err
	}

	d.say("A return is received, and the receipt is undone; stock is pushed 售后收货、取消收货、库存")
	price := decimal.NewFromInt(59)
	results, err := d.client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{{
		ShopID: demo.MallShop, SoID: "MALL-7001", OuterASID: "RET-7001", Type: "普通退货", ShopStatus: "WAIT_BUYER_RETURN_GOODS",
		GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "七天无理由退货", TotalAmount: price, Refund: price,
		Items: []jushuitan.AfterSaleUploadItem{{OuterOIID: "MALL-7001-2", SKUID: demo.TeeM, Qty: decimal.NewFromInt(1), Amount: price, Type: jushuitan.AfterSaleTypeReturn}},
	}})
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return d.erp.ReceiveReturn(results[0].Result.ASID) },
		func() error { return d.erp.RevokeReturn(results[0].Result.ASID) },
		func() error {
			return d.erp.PushStock(demo.MallShop, demo.MainWarehouse, demo.TeeM, demo.TeeL, demo.Cap)
		},
		func() error { return d.erp.WaitPushes(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return d.failures(ctx, urls)
}

// order creates an order of the mall.
func (d *demonstration) order(soID string, lines flows.Qtys) (oID int64, err error) {
	u := jushuitan.OrderUpload{ShopID: demo.MallShop, SoID: soID}
	for _, it := range lines.Items() {
		u.Items = append(u.Items, jushuitan.OrderUploadItem{SKUID: it.SKUCode, Qty: it.Qty, Price: decimal.NewFromInt(59)})
	}
	return d.erp.ImportOrder(u)
}

// failures sends pushes that fail on purpose.
func (d *demonstration) failures(ctx context.Context, urls dianjia.URLBuilder) error {
	to := dianjia.Target{EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)}
	send := func(urls dianjia.URLBuilder, p *jushuitan.CancelPush) error {
		sender, err := dianjia.New(dianjia.Config{URLs: urls})
		if err != nil {
			return err
		}
		sees := "accepted 已接收"
		if err := sender.SendCancel(ctx, to, p); err != nil {
			sees = err.Error()
		}
		d.printf("  the sender sees: %s\n", sees)
		return nil
	}
	d.say("Failure, on purpose: the cancel comes again 重复推送")
	if err := send(urls, &jushuitan.CancelPush{SoID: "MALL-7002", Remark: "缺货"}); err != nil {
		return err
	}
	d.say("Failure, on purpose: a push without the token, with a valid checksum 伪造推送")
	if err := send(dianjia.URLBuilder{BaseURL: urls.BaseURL}, &jushuitan.CancelPush{SoID: "MALL-7001"}); err != nil {
		return err
	}
	d.say("Failure, on purpose: a push with a token of another secret 密钥不符")
	if err := send(dianjia.URLBuilder{BaseURL: urls.BaseURL, Secret: rand.Text()}, &jushuitan.CancelPush{SoID: "MALL-7001"}); err != nil {
		return err
	}
	d.say("Health check and graceful shutdown 健康检查、优雅退出")
	if err := d.get(ctx, d.base+"/healthz"); err != nil {
		return err
	}
	lost := 0
	for _, p := range d.erp.Pushes() {
		if !p.Delivered() {
			lost++
		}
	}
	d.printf("The ERP sent %d pushes; %d of them were lost.\n", len(d.erp.Pushes()), lost)
	if lost > 0 || d.handled.Load() != int64(len(d.erp.Pushes())) {
		return fmt.Errorf("%d pushes were sent, %d handled, %d lost", len(d.erp.Pushes()), d.handled.Load(), lost)
	}
	return nil
}
