package demo

import (
	"errors"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The numbers and names of the demo merchant.
const (
	StoreWarehouseName = "店加线下仓" // the virtual warehouse that represents all stores
	MallSite           = "商家自有商城"

	MainWarehouse  int64 = 10100001
	StoreWarehouse int64 = 10100088
	OtherWarehouse int64 = 10100099

	PlatformShop int64 = 10200001
	MallShop     int64 = 10200077

	Merchant = "10010" // entId: DianJia's number of the merchant
)

// SKU codes of the demo goods.
const (
	TeeM = "TEE24-WHT-M"
	TeeL = "TEE24-WHT-L"
	Cap  = "CAP24-RED"

	StoreOnly = "GIFT-BAG" // sold by a store, unknown to Jushuitan
)

func qty(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

// Furnish sets up the demo merchant in a fake server: shops, warehouses, carriers, goods,
// and stock of the warehouses other than the stores'.
func Furnish(s *jushuitantest.Server) error {
	err := errors.Join(
		s.AddWarehouse(jushuitan.Warehouse{Name: "青禾总仓", CoID: MainWarehouse, WMSCoID: MainWarehouse, IsMain: true, Status: "生效"}),
		s.AddWarehouse(jushuitan.Warehouse{Name: StoreWarehouseName, CoID: MainWarehouse, WMSCoID: StoreWarehouse, Status: "生效"}),
		s.AddWarehouse(jushuitan.Warehouse{Name: "青禾华南仓", CoID: MainWarehouse, WMSCoID: OtherWarehouse, Status: "生效"}),
		s.AddShop(jushuitan.Shop{ShopID: PlatformShop, ShopName: "青禾抖音旗舰店", ShopSite: "头条放心购", CoID: MainWarehouse, ShortName: "青禾"}),
		s.AddShop(jushuitan.Shop{ShopID: MallShop, ShopName: "青禾微商城", ShopSite: MallSite, CoID: MainWarehouse, ShortName: "商城"}),
		s.AddCarrier(jushuitan.Carrier{LCID: "YTO", LCName: "圆通速递"}),
		s.AddCarrier(jushuitan.Carrier{LCID: "SF", LCName: "顺丰速运"}),
	)
	for _, sku := range []jushuitan.SKU{
		{SKUID: TeeM, IID: "TEE24", Name: "圆领纯棉T恤", PropertiesValue: "白色;M", SalePrice: qty(59), Enabled: 1},
		{SKUID: TeeL, IID: "TEE24", Name: "圆领纯棉T恤", PropertiesValue: "白色;L", SalePrice: qty(59), Enabled: 1},
		{SKUID: Cap, IID: "CAP24", Name: "棒球帽", PropertiesValue: "红色;均码", SalePrice: qty(39), Enabled: 1},
	} {
		err = errors.Join(err, s.AddSKU(sku), s.SetStock(MainWarehouse, sku.SKUID, qty(100)), s.SetStock(OtherWarehouse, sku.SKUID, qty(50)))
	}
	return err
}
