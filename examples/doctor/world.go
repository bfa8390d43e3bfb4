package main

import (
	"errors"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// useDemo fills in what DianJia has on file for the demo merchant, unless a flag states
// otherwise.
func (s *settings) useDemo() {
	if s.shop == 0 {
		s.shop = demo.MallShop
	}
	if len(s.stores) == 0 {
		s.stores = storeFlag{
			{EntID: demo.Merchant, StoreCode: "S001", WMSCoID: demo.StoreWarehouse, OrderStore: !s.broken},
			{EntID: demo.Merchant, StoreCode: "S002", WMSCoID: demo.StoreWarehouse},
		}
		if s.broken { // a store whose stock would overwrite that of head office
			s.stores = append(s.stores, dianjia.StoreBinding{EntID: demo.Merchant, StoreCode: "S003", WMSCoID: demo.MainWarehouse})
		}
	}
	if len(s.downloads) == 0 {
		s.downloads = downloadFlag{{EntID: demo.Merchant, WarehouseCode: "W01", WMSCoID: demo.MainWarehouse, DownloadStock: true}}
		if s.broken { // the stores' own stock is downloaded into a store
			s.downloads = append(s.downloads, dianjia.WarehouseBinding{
				EntID: demo.Merchant, WarehouseCode: "S001", WMSCoID: demo.StoreWarehouse, DownloadStock: true,
			})
		}
	}
}

// furnish creates one of the mall's orders. For a merchant without problems, the head
// office's warehouse ships it.
func (s *settings) furnish(fake *jushuitantest.Server) error {
	order, err := fake.ImportOrder(jushuitan.OrderUpload{
		ShopID: demo.MallShop, SoID: "MALL-1",
		Items: []jushuitan.OrderUploadItem{{SKUID: demo.Cap, Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(39)}},
	})
	if err != nil {
		return err
	}
	warehouse := demo.MainWarehouse
	if s.broken {
		// 1. The order assignment strategy sends the mall's orders to the stores.
		warehouse = demo.StoreWarehouse
	}
	if _, err = fake.AssignOrder(order, warehouse); err != nil || !s.broken {
		return err
	}
	// 2. The open platform's console lacks a permission.
	fake.RevokePermission("/open/sku/query")
	// 3. This machine's clock is wrong, see client.
	// 4. The shop was created with the wrong type. 5. A warehouse is disabled.
	return errors.Join(
		fake.AddShop(jushuitan.Shop{ShopID: demo.MallShop, ShopName: "青禾微商城", ShopSite: "线下", CoID: demo.MainWarehouse}),
		fake.AddWarehouse(jushuitan.Warehouse{Name: demo.StoreWarehouseName, CoID: demo.MainWarehouse, WMSCoID: demo.StoreWarehouse, Status: "作废"}),
	)
}
