// Command doctor looks for what commonly keeps a merchant's integration from working
// 集成体检: clock, token, permissions, shop, warehouse, and settings that send orders
// or stock in a circle.
//
//	go run ./examples/doctor            a merchant in good health
//	go run ./examples/doctor -broken    one who is not
//
// It only reads. It ends with 1 if something has to be repaired, so that it can run
// every night: with -json a machine reads it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

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
}

func program() app.Program {
	s := &settings{}
	return app.Program{
		Name: "doctor",
		Flags: func(fs *flag.FlagSet) {
			fs.Int64Var(&s.shop, "shop", 0, "shop_id 店铺编号 of the self-owned mall 商家自有商城")
			fs.StringVar(&s.warehouse, "warehouse", dianjia.WarehouseName, "name of the warehouse that stands for the stores")
			fs.StringVar(&s.operations, "operations", "Orders.Query,Outbounds.Query,Inventory.Query,SKUs.Query,Orders.Upload", "operations 接口 whose permission is looked at")
			fs.Var(&s.stores, "store", "a bound store 绑定店仓 as CODE=wms_co_id, with ,order behind it the one orders are entered for 指定下单店仓; may be repeated")
			fs.Var(&s.downloads, "download", "a warehouse whose stock is downloaded 下载库存 as CODE=wms_co_id; may be repeated")
			fs.IntVar(&s.days, "days", 7, "days of orders whose warehouse is looked at")
			fs.BoolVar(&s.asJSON, "json", false, "print JSON")
			fs.BoolVar(&s.broken, "broken", false, "break the fake merchant's settings first")
		},
		Furnish: s.furnish,
		Run:     s.run,
	}
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	if s.broken && a.Real() {
		return errors.New("-broken is for the fake only / -broken 仅用于内置模拟环境")
	}
	if !a.Real() {
		s.useDemo()
	}

	// What the SDK itself can look at: one read for each thing.
	report, err := a.Client.Doctor(ctx, jushuitan.DoctorOptions{
		Operations: strings.FieldsFunc(s.operations, func(r rune) bool { return r == ',' }),
		ShopID:     s.shop,
		Warehouse:  s.warehouse,
	})
	if err != nil {
		return err
	}

	// What only DianJia knows: which stores and warehouses are bound to what. Orders
	// of the last days show where Jushuitan really sent them.
	found, err := s.routing(ctx, a.Client, report.Time.AddDate(0, 0, -s.days))
	for _, f := range found {
		report.Findings = append(report.Findings, finding(f))
	}
	switch {
	case err != nil:
		report.Findings = append(report.Findings, jushuitan.Finding{
			Check: "bindings 绑定", Verdict: jushuitan.Failed, Detail: fmt.Sprintf("not looked at to the end 未能检查完: %v", err),
		})
	case len(found) == 0:
		report.Findings = append(report.Findings, jushuitan.Finding{
			Check: "bindings 绑定", Verdict: jushuitan.Fine, Detail: "no order and no stock goes round, nothing is counted twice 未发现回流、循环或重复计算",
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
	if !report.OK() {
		return errors.New("something has to be repaired / 有需要处理的问题")
	}
	return nil
}

// routing reads shops, warehouses and recent orders, and checks them against
// DianJia's bindings. With an error the findings are those up to it.
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
	check := mapping.NewRoutingCheck(r)
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

// finding puts what is wrong with the bindings in the form of the doctor's report.
func finding(f mapping.SetupFinding) jushuitan.Finding {
	verdict := jushuitan.Failed
	if f.Code.Warning() {
		verdict = jushuitan.Warning
	}
	return jushuitan.Finding{
		Check: string(f.Code), Verdict: verdict, Detail: f.What + " " + f.WhatZH, Hint: f.Do, HintZH: f.DoZH,
	}
}
