package mapping

import (
	"fmt"
	"strings"
)

// SetupCode identifies a problem in a merchant's settings.
type SetupCode string

// Problems of shops and orders.
const (
	MallOrderToVirtualWarehouse SetupCode = "mall_order_to_virtual_warehouse" // 自有商城订单分配到店加线下仓
	OrderShopUnknown            SetupCode = "order_shop_unknown"              // 订单店铺未知
	MallShopMissing             SetupCode = "mall_shop_missing"               // 没有自有商城店铺
	MallShopUnknown             SetupCode = "mall_shop_unknown"               // 配置的自有商城店铺不存在
	MallShopSiteWrong           SetupCode = "mall_shop_site_wrong"            // 配置的店铺不是自有商城
)

// Problems of bindings.
const (
	MerchantsMixed             SetupCode = "merchants_mixed"              // 混有多个商家
	BindingCodeMissing         SetupCode = "binding_code_missing"         // 店仓或仓库编码为空
	StoreWithoutWarehouse      SetupCode = "store_without_warehouse"      // 店仓没有电商仓编码
	StoreBoundTwice            SetupCode = "store_bound_twice"            // 店仓重复绑定
	StoreShared                SetupCode = "store_shared"                 // 店仓绑定多个电商仓: counted twice
	WarehouseUnknown           SetupCode = "warehouse_unknown"            // 仓库未知
	WarehouseDisabled          SetupCode = "warehouse_disabled"           // 仓库未生效
	MainWarehouseBound         SetupCode = "main_warehouse_bound"         // 绑定到主仓
	OrderStoreMissing          SetupCode = "order_store_missing"          // 没有指定下单店仓
	OrderStoreAmbiguous        SetupCode = "order_store_ambiguous"        // 多个指定下单店仓
	VirtualWarehouseUnbound    SetupCode = "virtual_warehouse_unbound"    // 店加线下仓没有店仓
	VirtualWarehouseDownloaded SetupCode = "virtual_warehouse_downloaded" // 下载店加线下仓库存
	DownloadBoundTwice         SetupCode = "download_bound_twice"         // 下载策略重复
	DownloadShared             SetupCode = "download_shared"              // 一个仓库下载到多个仓库: counted twice
	DownloadOfAll              SetupCode = "download_of_all"              // 未指定仓库，下载全部仓库之和
	StockLoop                  SetupCode = "stock_loop"                   // 库存循环
	ExpressionUnreadable       SetupCode = "expression_unreadable"        // 取数逻辑无法解析
)

// Problems of a merchant that uses Jushuitan's WMS.
const (
	HeadWarehouseMissing   SetupCode = "head_warehouse_missing"   // 没有总仓
	HeadWarehouseCode      SetupCode = "head_warehouse_code"      // 总仓编码与聚水潭不一致
	HeadWarehouseName      SetupCode = "head_warehouse_name"      // 总仓名称与聚水潭不一致
	ReturnWarehouseMissing SetupCode = "return_warehouse_missing" // 没有销退仓
	ReturnWarehouseCode    SetupCode = "return_warehouse_code"    // 销退仓编码不是 2
	ReturnCodeTaken        SetupCode = "return_code_taken"        // 编码 2 不是销退仓
	SlotUnknown            SetupCode = "slot_unknown"             // 仓位未知
)

// Warning reports whether the problem is tolerable: no order or stock is lost, repeated
// or overstated because of it.
func (c SetupCode) Warning() bool {
	switch c {
	case OrderShopUnknown, MallShopMissing, StoreBoundTwice, DownloadBoundTwice, WarehouseDisabled, HeadWarehouseName:
		return true
	}
	return false
}

// SetupFinding is one thing that is wrong, where, and what to do about it. It holds no
// personal data. Fields that do not apply are empty.
type SetupFinding struct {
	Code SetupCode

	EntID         string   // 商家
	StoreCode     string   // 店仓编码
	WarehouseCode string   // 店加仓库编码
	WMSCoID       int64    // 聚水潭仓库编号
	ShopID        int64    // 聚水潭店铺编号
	OID           int64    // 内部单号
	SoID          string   // 线上单号
	Path          []string // 循环路径: where stock goes, from a warehouse back to it

	What   string // what is wrong
	WhatZH string // 问题
	Do     string // what to do
	DoZH   string // 处理办法
}

// String is the finding in English and Chinese.
func (f SetupFinding) String() string {
	return fmt.Sprintf("%s: %s: %s / %s：%s", f.Code, f.What, f.Do, f.WhatZH, f.DoZH)
}

func (f SetupFinding) with(code SetupCode, what, whatZH, do, doZH string) SetupFinding {
	f.Code, f.What, f.WhatZH, f.Do, f.DoZH = code, what, whatZH, do, doZH
	return f
}

// SetupError reports that nothing was computed because the settings would make the
// result wrong.
type SetupError struct {
	Findings []SetupFinding // at least one
}

// Error returns the findings, one after the other.
func (e *SetupError) Error() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = f.String()
	}
	return "mapping: settings: " + strings.Join(texts, "; ")
}

// Has reports whether one of the findings has the code.
func (e *SetupError) Has(code SetupCode) bool {
	for _, f := range e.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}
