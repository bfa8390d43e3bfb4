package mapping

import (
	"fmt"
	"strings"
)

// SetupCode identifies a problem in a merchant's settings.
type SetupCode string

// Problems of shops and orders.
const (
	SetupMallOrderToVirtualWarehouse SetupCode = "mall_order_to_virtual_warehouse" // 自有商城订单分配到店加线下仓
	SetupOrderShopUnknown            SetupCode = "order_shop_unknown"              // 订单店铺未知
	SetupMallShopMissing             SetupCode = "mall_shop_missing"               // 没有自有商城店铺
	SetupMallShopUnknown             SetupCode = "mall_shop_unknown"               // 配置的自有商城店铺不存在
	SetupMallShopSiteWrong           SetupCode = "mall_shop_site_wrong"            // 配置的店铺不是自有商城
)

// Problems of bindings.
const (
	SetupMerchantsMixed             SetupCode = "merchants_mixed"              // 混有多个商家
	SetupBindingCodeMissing         SetupCode = "binding_code_missing"         // 店仓或仓库编码为空
	SetupStoreWithoutWarehouse      SetupCode = "store_without_warehouse"      // 店仓没有电商仓编码
	SetupStoreBoundTwice            SetupCode = "store_bound_twice"            // 店仓重复绑定
	SetupStoreShared                SetupCode = "store_shared"                 // 店仓绑定多个电商仓: counted twice
	SetupWarehouseUnknown           SetupCode = "warehouse_unknown"            // 仓库未知
	SetupWarehouseDisabled          SetupCode = "warehouse_disabled"           // 仓库未生效
	SetupMainWarehouseBound         SetupCode = "main_warehouse_bound"         // 绑定到主仓
	SetupOrderStoreMissing          SetupCode = "order_store_missing"          // 没有指定下单店仓
	SetupOrderStoreAmbiguous        SetupCode = "order_store_ambiguous"        // 多个指定下单店仓
	SetupVirtualWarehouseUnbound    SetupCode = "virtual_warehouse_unbound"    // 店加线下仓没有店仓
	SetupVirtualWarehouseDownloaded SetupCode = "virtual_warehouse_downloaded" // 下载店加线下仓库存
	SetupDownloadBoundTwice         SetupCode = "download_bound_twice"         // 下载策略重复
	SetupDownloadShared             SetupCode = "download_shared"              // 一个仓库下载到多个仓库: counted twice
	SetupDownloadOfAll              SetupCode = "download_of_all"              // 未指定仓库，下载全部仓库之和
	SetupStockLoop                  SetupCode = "stock_loop"                   // 库存循环
	SetupTermCountedTwice           SetupCode = "term_counted_twice"           // 两个下载策略计入同一库存项
	SetupExpressionUnreadable       SetupCode = "expression_unreadable"        // 取数逻辑无法解析
)

// Problems of a merchant that uses Jushuitan's WMS.
const (
	SetupHeadWarehouseMissing   SetupCode = "head_warehouse_missing"   // 没有总仓
	SetupHeadWarehouseCode      SetupCode = "head_warehouse_code"      // 总仓编码与聚水潭不一致
	SetupHeadWarehouseName      SetupCode = "head_warehouse_name"      // 总仓名称与聚水潭不一致
	SetupReturnWarehouseMissing SetupCode = "return_warehouse_missing" // 没有销退仓
	SetupReturnWarehouseCode    SetupCode = "return_warehouse_code"    // 销退仓编码不是 2
	SetupReturnCodeTaken        SetupCode = "return_code_taken"        // 编码 2 不是销退仓
	SetupSlotUnknown            SetupCode = "slot_unknown"             // 仓位未知
)

// Warning reports whether the problem is tolerable: no order or stock is lost, repeated
// or overstated because of it.
func (c SetupCode) Warning() bool {
	switch c {
	case SetupOrderShopUnknown, SetupMallShopMissing, SetupStoreBoundTwice, SetupDownloadBoundTwice, SetupWarehouseDisabled, SetupHeadWarehouseName:
		return true
	}
	return false
}

// SetupFinding is a problem, its place, and what to do about it. It holds no
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
	Path          []string // 循环路径: the places through which stock flows, from a warehouse back to itself

	What   string // what is wrong
	WhatZH string // 问题
	Do     string // what to do
	DoZH   string // 处理办法
}

// String returns the finding in English and Chinese.
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
