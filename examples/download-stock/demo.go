package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// demoBindings binds the head office's warehouse under its own number, with its returns,
// and one warehouse of DianJia that stands for the south.
func demoBindings() bindFlag {
	main := strconv.FormatInt(demo.MainWarehouse, 10)
	bindings := bindFlag{
		{WMSCoID: demo.MainWarehouse, WarehouseCode: main, WarehouseName: "青禾总仓"},
		{WMSCoID: demo.MainWarehouse, WarehouseCode: dianjia.ReturnWarehouseCode, WarehouseName: "销退仓", Slot: dianjia.SlotSalesReturn},
		{WMSCoID: demo.OtherWarehouse, WarehouseCode: "SOUTH", WarehouseName: "华南仓"},
	}
	for i := range bindings {
		bindings[i].DownloadStock = true
	}
	return bindings
}

// demoBundle is a bundle of a T-shirt in two sizes.
const demoBundle = "SET24-FAMILY"

// furnish sets figures in the fake for which the formulas differ: some stock is reserved by
// orders, virtual, in transit, returned or defective.
func furnish(fake *jushuitantest.Server) error {
	n := decimal.NewFromInt
	err := errors.Join(
		fake.SetStockRow(demo.MainWarehouse, jushuitan.InventoryRow{SKUID: demo.TeeM, VirtualQty: n(20), PurchaseQty: n(200), InQty: n(12), ReturnQty: n(3), DefectiveQty: n(1)},
			"virtual_qty", "purchase_qty", "in_qty", "return_qty", "defective_qty"),
		fake.SetStockRow(demo.MainWarehouse, jushuitan.InventoryRow{SKUID: demo.Cap, ReturnQty: n(1)}, "return_qty"),
		fake.SetStock(demo.OtherWarehouse, demo.Cap, n(2)),
		fake.AddBundle(jushuitan.Bundle{SKUID: demoBundle, IID: "SET24", Name: "圆领T恤亲子装", Items: []jushuitan.BundleComponent{
			{SrcSKUID: demo.TeeM, Qty: n(1)}, {SrcSKUID: demo.TeeL, Qty: n(2)},
		}}),
	)
	for warehouse, line := range map[int64]jushuitan.OrderUploadItem{
		demo.MainWarehouse:  {SKUID: demo.TeeM, Qty: n(30), Price: n(59)},
		demo.OtherWarehouse: {SKUID: demo.Cap, Qty: n(5), Price: n(39)}, // more than is in stock
	} {
		order, failed := fake.ImportOrder(jushuitan.OrderUpload{
			ShopID: demo.MallShop, SoID: "STOCK-" + line.SKUID, Items: []jushuitan.OrderUploadItem{line},
		})
		if failed == nil {
			_, failed = fake.AssignOrder(order, warehouse)
		}
		err = errors.Join(err, failed)
	}
	return err
}

// demo is a second download after a change, and what can go wrong.
func (d *download) demo(ctx context.Context, a *app.App, last []dianjia.StockRow) error {
	a.Printf("\n-- A stocktake in Jushuitan finds 95 of %s in the main warehouse. / 聚水潭盘点后库存变化。\n", demo.TeeL)
	if err := a.Fake.SetStock(demo.MainWarehouse, demo.TeeL, decimal.NewFromInt(95)); err != nil {
		return err
	}
	quiet := *d
	own := *d.settings
	quiet.settings = &own
	quiet.explain = ""
	if _, err := quiet.once(ctx, a, last); err != nil {
		return err
	}

	a.Printf("\nFailure scenes 出错示例\n")
	a.Printf("-- 1. A term of the expression is misspelled; the settings page rejects it. / 表达式写错\n")
	_, err := formula.Parse("库存下载取数逻辑=实际库村-订单占用")
	a.Printf("   %v\n", err)

	a.Printf("-- 2. One warehouse feeds two: its stock would be sold twice. Nothing is downloaded. / 一个仓库下载到两个仓库\n")
	own.bind = append(demoBindings(), dianjia.WarehouseBinding{WarehouseCode: "NORTH", WMSCoID: demo.OtherWarehouse, DownloadStock: true})
	_, err = quiet.once(ctx, a, last)
	refused, ok := errors.AsType[*mapping.SetupError](err)
	if !ok {
		return errors.Join(errors.New("one warehouse fed two"), err)
	}
	a.Printf("   %v\n", refused)

	a.Printf("-- 3. A figure that the merchant has not set up is unknown, not zero. / 未启用的库存项是未知，不是零\n")
	unset, err := formula.Parse("实际库存-调拨在途")
	if err != nil {
		return err
	}
	row := formula.NewRow(demo.TeeM, map[formula.Term]decimal.Decimal{formula.TermQty: decimal.NewFromInt(100)})
	_, err = unset.EvalWith(&row, d.policy)
	a.Printf("   %v\n", err)
	return nil
}
