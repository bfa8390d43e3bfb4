// Command mall-order-warehouse-ships is flow 2 of the implementation guide, 业务二
// 线下订单线上发货: an order of DianJia's mall that the e-commerce warehouse ships.
//
//	go run ./examples/mall-order-warehouse-ships
//	go run ./examples/mall-order-warehouse-ships -dry-run    without a write
//
// It shows the flow as it should go (part 3 of the guide), then what goes wrong: the seven
// failures that every flow shows, an order that was assigned to 店加线下仓, and a forged push.
// What else reconcile can find is in examples/reconcile.
//
// The flow is in package mall; the code to copy is in its host.go.
//
// With a real account it prints what the merchant enters in Jushuitan, and the state of
// one order; it writes nothing:
//
//	go run ./examples/mall-order-warehouse-ships -app-key KEY -merchant 10010 -order MALL-1
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/mall-order-warehouse-ships/mall"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

func program() app.Program {
	order := ""
	return app.Program{
		Name: "mall-order-warehouse-ships", Source: source, Options: mall.FakeOptions(),
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&order, "order", "", "real account: order number 线上单号 to show")
		},
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				return readAccount(ctx, a, order)
			}
			return flows.Run(ctx, a, mall.Play)
		},
	}
}

// readAccount only reads.
func readAccount(ctx context.Context, a *app.App, order string) error {
	var shop *jushuitan.Shop
	for s, err := range a.Client.Shops.All(ctx, &jushuitan.ShopQuery{}) {
		if err != nil {
			return err
		}
		if s.ShopSite == mapping.MallShopSite {
			shop = s
		}
	}
	if shop == nil {
		return errors.New("no shop of the type 商家自有商城: create one in Jushuitan / 请先在聚水潭创建商家自有商城店铺")
	}
	var head *jushuitan.Warehouse
	for w, err := range a.Client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return err
		}
		if w.IsMain {
			head = w
		}
	}
	if head == nil {
		return errors.New("the merchant has no main warehouse / 商家没有主仓")
	}
	// Without a secret these are the guide's URLs; receive-callbacks shows those with a token.
	if err := (dianjia.URLBuilder{}).WriteSettings(a.Out, dianjia.ShopSettings{
		EntID: a.Client.Merchant(), ShopID: shop.ShopID, WMSCoID: head.WMSCoID,
	}); err != nil {
		return err
	}
	if order == "" {
		return nil
	}
	page, err := a.Client.Orders.Query(ctx, &jushuitan.OrderQuery{ShopID: &shop.ShopID, SoIDs: []string{order}})
	if err != nil {
		return err
	}
	for _, o := range page.Orders { // several if the order was split
		a.Printf("\n%s o_id %d: %s\n", o.SoID, o.OID, mapping.OrderStateOf(o.Status).Label())
	}
	a.Printf("%d orders found / 找到 %d 个订单\n", len(page.Orders), len(page.Orders))
	return nil
}
