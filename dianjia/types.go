package dianjia

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// Names that DianJia's settings rely on.
const (
	LabelDianJia  = "店加"    // 标签: only products with it are synced, where 仅同步含店加标签 is on
	CategoryOther = "其他"    // 类目: where the first sync puts products, where 仅同步一次类目 is on
	WarehouseName = "店加线下仓" // the usual name of the warehouse in Jushuitan that stands for the stores
)

// Product 商品 is a style (款) in DianJia with its SKUs.
type Product struct {
	Name     string   // 商品名称
	StyleNo  string   // 货号: i_id in Jushuitan
	Brand    string   // 品牌
	Category Category // 类目
	Price    Price    // of the style, where a SKU has none of its own

	Year   string // 年份
	Season string // 季节
	Wave   string // 波段
	Tier   string // 商品层
	Style  string // 风格
	Series string // 系列

	SpecTemplate string   // 规格模板: named where the product is created
	Labels       []string // 标签: of the product, or of any of its SKUs
	SKUs         []SKU
}

// SKU is one colour and size of a product.
type SKU struct {
	Code    string // 商品编码: sku_id in Jushuitan
	Barcode string // 条形码: the international one
	Color   string // 颜色
	Size    string // 尺码
	Price   Price

	PropertiesText string   // 聚水潭属性: properties_value as it came, which colour and size were read from
	Labels         []string // 标签: of this SKU
}

// Price 价格 holds the prices of a product or SKU. One that is not valid is left as
// it is in DianJia; zero is a price.
type Price struct {
	Cost   decimal.NullDecimal // 标准成本价
	Tag    decimal.NullDecimal // 标准吊牌价
	Retail decimal.NullDecimal // 标准零售价: the sale price, which a sync may have to leave alone (不同步销售价)
}

// Category 类目 is a node of the product tree. Downloaded products hang below a
// first-level one, the mount category (挂载类目).
type Category struct {
	Code       string // 类目编码
	Name       string // 类目名称
	ParentCode string // 上级类目编码: empty on the first level
}

// StoreBinding 绑定店仓 says that a store, or a warehouse of DianJia, ships the
// orders of a warehouse in Jushuitan, and adds its stock to it.
type StoreBinding struct {
	EntID      string // 商家
	StoreCode  string // 店仓编码
	StoreName  string // 店仓名称
	WMSCoID    int64  // 电商仓编码: wms_co_id of the virtual warehouse in Jushuitan
	OrderStore bool   // 指定下单店仓: online orders are entered in its name
}

// WarehouseSlot is the place of a warehouse in Jushuitan (仓位类型).
type WarehouseSlot int

// The slots.
const (
	SlotMain        WarehouseSlot = 1 // 主仓
	SlotSalesReturn WarehouseSlot = 2 // 销退仓: the code of DianJia's return warehouse must be 2
	SlotPurchaseIn  WarehouseSlot = 3 // 进货仓
	SlotDefective   WarehouseSlot = 4 // 次品仓
)

// ReturnWarehouseCode is the code that DianJia's return warehouse 销退仓 must have.
const ReturnWarehouseCode = "2"

// WarehouseBinding 下载策略 maps a warehouse of Jushuitan to one of DianJia.
type WarehouseBinding struct {
	EntID           string        // 商家
	WarehouseCode   string        // 店加仓库编码
	WarehouseName   string        // 店加仓库名称
	WMSCoID         int64         // 聚水潭仓库编号: wms_co_id
	Slot            WarehouseSlot // 聚水潭仓位: zero where it does not matter
	DownloadStock   bool          // 下载库存
	StockExpression string        // 库存下载取数逻辑: empty is 实际库存
}

// StockRow 库存 is the figure of a SKU in a store or warehouse of DianJia.
type StockRow struct {
	EntID     string          // 商家
	StoreCode string          // 店仓编码
	SKUCode   string          // 商品编码
	Qty       decimal.Decimal // 数量: absolute
	Modified  time.Time       // 修改时间
}

// Order 订单 is an order of a store or the mall that a warehouse of Jushuitan ships,
// or one of an online shop that a store ships.
type Order struct {
	EntID     string          // 商家
	OrderNo   string          // 订单号: so_id in Jushuitan
	ShopID    int64           // 聚水潭店铺编号: of the self-owned mall shop
	StoreCode string          // 下单店仓编码
	Created   time.Time       // 下单时间
	Paid      time.Time       // 付款时间
	Amount    decimal.Decimal // 应付金额
	Freight   decimal.Decimal // 运费

	BuyerID          string `pii:"true"` // 买家账号
	BuyerMessage     string `pii:"true"` // 买家留言
	Remark           string `pii:"true"` // 备注
	ReceiverName     string `pii:"true"` // 收货人
	ReceiverMobile   string `pii:"true"` // 手机
	ReceiverState    string `pii:"true"` // 省
	ReceiverCity     string `pii:"true"` // 市
	ReceiverDistrict string `pii:"true"` // 区
	ReceiverAddress  string `pii:"true"` // 详细地址

	CarrierCode string // 物流公司编码: DianJia's; empty until shipped
	CarrierName string // 物流公司
	WaybillNo   string // 快递单号

	Items []OrderItem // 明细
}

// OrderItem 明细 is one line of an order.
type OrderItem struct {
	LineNo  string          // 子订单号: outer_oi_id in Jushuitan
	SKUCode string          // 商品编码
	Name    string          // 商品名称
	Qty     decimal.Decimal // 数量
	Price   decimal.Decimal // 成交单价
	Amount  decimal.Decimal // 成交金额
}

// TransferKind 流程 is one of the four wholesale flows (批发).
type TransferKind string

// The flows.
const (
	TransferAllocation    TransferKind = "总部配货" // head office allocates to a store
	TransferReplenishment TransferKind = "店铺补货" // a store asks for goods
	TransferReturn        TransferKind = "店铺退货" // a store returns goods to head office
	TransferBetweenStores TransferKind = "店店调拨" // from store to store
)

// Transfer 调拨 moves goods between stores and warehouses of DianJia.
type Transfer struct {
	EntID      string       // 商家
	TransferNo string       // 调拨单号
	Kind       TransferKind // 流程
	FromCode   string       // 调出店仓编码
	ToCode     string       // 调入店仓编码
	Created    time.Time    // 制单时间
	Remark     string       `pii:"true"` // 备注
	Items      []TransferItem
}

// TransferItem 明细 is one line of a transfer.
type TransferItem struct {
	SKUCode  string          // 商品编码
	Qty      decimal.Decimal // 通知数量: asked for
	Shipped  decimal.Decimal // 实发数量
	Received decimal.Decimal // 实收数量
}

// Difference 差异 returns the received quantity minus the shipped quantity.
func (i TransferItem) Difference() decimal.Decimal { return i.Received.Sub(i.Shipped) }

// Format prints the order for people, without personal data.
func (o Order) Format(s fmt.State, verb rune) { redact.Format(s, verb, o) }

// LogValue is the order for slog, without personal data.
func (o Order) LogValue() slog.Value { return redact.LogValue(o) }

// Format prints the transfer for people, without personal data.
func (t Transfer) Format(s fmt.State, verb rune) { redact.Format(s, verb, t) }

// LogValue is the transfer for slog, without personal data.
func (t Transfer) LogValue() slog.Value { return redact.LogValue(t) }
