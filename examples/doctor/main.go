// Command doctor checks for common problems of a merchant's integration
// 集成体检: clock, token, permissions, shop, warehouse, and settings that send orders
// or stock in a circle.
//
//	go run ./examples/doctor            a merchant without problems
//	go run ./examples/doctor -broken    one with problems
//	JUSHUITAN_APP_SECRET=... go run ./examples/doctor -app-key KEY -merchant 10010 -json
//
// It only reads. It exits with status 1 if something must be fixed, so that it can run
// every night; -json prints machine-readable findings. What it could not determine is
// reported as unknown, not as ok.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

// settings are what DianJia has on file for the merchant.
type settings struct {
	shop       int64
	warehouse  string
	operations string
	stores     storeFlag
	downloads  downloadFlag
	days       int
	asJSON     bool
	broken     bool
	raw        bool
}

func program() app.Program {
	s := &settings{}
	return app.Program{
		Name: "doctor", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.Int64Var(&s.shop, "shop", 0, "shop_id 店铺编号 of the self-owned mall 商家自有商城")
			fs.StringVar(&s.warehouse, "warehouse", dianjia.WarehouseName, "name of the warehouse that represents the stores")
			fs.StringVar(&s.operations, "operations", "Orders.Query,Outbounds.Query,Inventory.Query,SKUs.Query,Orders.Upload", "operations 接口 whose permissions are checked")
			fs.Var(&s.stores, "store", "a bound store 绑定店仓 as CODE=wms_co_id; append ,order for the store of incoming orders 指定下单店仓; may be repeated")
			fs.Var(&s.downloads, "download", "a warehouse whose stock is downloaded 下载库存 as CODE=wms_co_id; may be repeated")
			fs.IntVar(&s.days, "days", 7, "check the warehouses of the orders of this many days")
			fs.BoolVar(&s.asJSON, "json", false, "print JSON")
			fs.BoolVar(&s.raw, "raw", false, "print requests and answers 原始报文 for the vendor's support, with secrets and personal data masked")
			fs.BoolVar(&s.broken, "broken", false, "break the fake merchant's settings first")
		},
		Client:  s.client,
		Furnish: s.furnish,
		Run:     s.run,
	}
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	if s.broken && a.Real() {
		return cli.Usagef("-broken is for the fake only / -broken 仅用于内置模拟环境")
	}
	if s.raw && s.asJSON {
		return cli.Usagef("-raw prints text, not JSON / -raw 输出文本，不能与 -json 同时使用")
	}
	if !a.Real() {
		s.useDemo()
	}

	// What the SDK can check by itself: one read for each item.
	report, err := a.Client.Doctor(ctx, jushuitan.DoctorOptions{
		Operations: strings.FieldsFunc(s.operations, func(r rune) bool { return r == ',' }),
		ShopID:     s.shop,
		Warehouse:  s.warehouse,
	})
	if err != nil {
		return err
	}

	// What only DianJia knows: which stores and warehouses are bound to what. The orders of
	// the last days show where Jushuitan really sent them.
	found, err := s.routing(ctx, a.Client, report.Time.AddDate(0, 0, -s.days))
	for _, f := range found {
		report.Findings = append(report.Findings, finding(f))
	}
	switch {
	case err != nil:
		report.Findings = append(report.Findings, jushuitan.Finding{
			Check: "bindings 绑定", Verdict: jushuitan.VerdictUnknown, Detail: fmt.Sprintf("not checked completely 未能全部检查: %v", err),
		})
	case len(found) == 0:
		report.Findings = append(report.Findings, jushuitan.Finding{
			Check: "bindings 绑定", Verdict: jushuitan.VerdictOK, Detail: "no order or stock loops, nothing is counted twice 未发现回流、循环或重复计算",
		})
	}

	if s.asJSON {
		text, err := report.JSON()
		if err != nil {
			return err
		}
		a.Printf("%s\n", text)
	} else {
		a.Printf("%s", report)
	}
	switch {
	case !report.OK():
		return errors.New("there are problems to fix / 有需要处理的问题")
	case err != nil:
		return errors.New("the bindings were not checked completely / 绑定未能全部检查")
	}
	return nil
}

// client returns the options of the client: with -raw every exchange is printed.
func (s *settings) client(out io.Writer) []jushuitan.Option {
	var opts []jushuitan.Option
	if s.broken {
		// 3. This machine's clock is wrong by three minutes.
		opts = append(opts, jushuitan.WithClock(func() time.Time { return time.Now().Add(3 * time.Minute) }))
	}
	if s.raw {
		var mu sync.Mutex // pages are prefetched concurrently
		opts = append(opts, jushuitan.WithOnExchange(func(_ context.Context, x jushuitan.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(out, x)
		}))
	}
	return opts
}

// routing reads shops, warehouses and recent orders, and checks them against DianJia's
// bindings. If it returns an error, the findings are those up to the error.
func (s *settings) routing(ctx context.Context, client *jushuitan.Client, since time.Time) ([]mapping.SetupFinding, error) {
	r := mapping.Routing{Stores: s.stores, Downloads: s.downloads, MallShopID: s.shop}
	for shop, err := range client.Shops.All(ctx, &jushuitan.ShopQuery{}) {
		if err != nil {
			return nil, err
		}
		r.Shops = append(r.Shops, *shop)
	}
	for w, err := range client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return nil, err
		}
		r.Warehouses = append(r.Warehouses, *w)
	}
	check := mapping.NewRoutingChecker(r)
	found := check.Findings()
	for order, err := range client.Orders.All(ctx, &jushuitan.OrderQuery{ModifiedBegin: since}) {
		if err != nil {
			return found, err
		}
		if f, bad := check.Order(order); bad {
			found = append(found, f)
		}
	}
	return found, nil
}

// finding converts a problem of the bindings into the format of the doctor's report.
func finding(f mapping.SetupFinding) jushuitan.Finding {
	verdict := jushuitan.VerdictFailed
	if f.Code.Warning() {
		verdict = jushuitan.VerdictWarning
	}
	return jushuitan.Finding{
		Check: string(f.Code), Verdict: verdict, Detail: f.What + " " + f.WhatZH, Hint: f.Do, HintZH: f.DoZH,
	}
}
