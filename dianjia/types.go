package dianjia

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// Names that DianJia's settings rely on.
const (
	LabelDianJia  = "店加"    // 标签: with 仅同步含店加标签, only products with this label are synced
	CategoryOther = "其他"    // 类目: with 仅同步一次类目, the category of products in their first sync
	WarehouseName = "店加线下仓" // the usual name of the warehouse in Jushuitan that represents the stores
)

// Product 商品 is a style (款) in DianJia with its SKUs.
type Product struct {
	Name     string   // 商品名称
	StyleNo  string   // 货号: i_id in Jushuitan
	Brand    string   // 品牌
	Category Category // 类目
	// CategoryPath 类目路径: the categories from the first level down to Category, where the tree
	// is known. Only downloaded products have it.
	CategoryPath []Category
	Price        Price // of the style, for SKUs without their own

	Year   string // 年份
	Season string // 季节
	Wave   string // 波段
	Tier   string // 商品层
	Style  string // 风格
	Series string // 系列

	SpecTemplate string   // 规格模板: set when the product is created
	Labels       []string // 标签: of the product, or of any of its SKUs
	// Own 来源差异 is like Own of [SKU], for the style's own row in Jushuitan.
	Own  map[string]OwnValue
	SKUs []SKU
}

// SKU is one colour and size of a product.
type SKU struct {
	Code    string // 商品编码: sku_id in Jushuitan
	Barcode string // 条形码: the international barcode
	Color   string // 颜色
	Size    string // 尺码
	Price   Price

	PropertiesText string   // 聚水潭属性: the original properties_value, from which color and size were parsed
	Labels         []string // 标签: of this SKU

	Barcodes      []string            // 辅助码: further barcodes
	Picture       string              // 图片: URL
	Weight        decimal.NullDecimal // 重量: in the merchant's unit; not valid if unknown
	Kind          string              // 商品属性: 成品, 半成品, 原材料 or 包材 (packaging)
	State         SKUState            // 启用状态
	StockDisabled bool                // 禁止同步库存: Jushuitan sends its stock to no shop; a style query does not return it
	AutoID        int64               // 聚水潭唯一编号: stays the same if the code is renamed

	// Own 单品差异 holds the values of this SKU in Jushuitan that differ from the product's, by
	// field (name, brand, category, year, cost, ...). An upload needs them to leave unchanged
	// what nobody changed. Store them with the SKU.
	Own map[string]OwnValue
}

// OwnValue 单品差异 is the value that Jushuitan has for one field of one SKU.
type OwnValue struct {
	Differs bool   // the value differs from the product's and is Text
	Text    string // the value; "" if the SKU has none
	From    string // the source it was read from, if an upload does not write there by default
}

// SKUState 启用状态 states whether a SKU is in use.
type SKUState string

// The states. The zero value is unknown or 备用 (standby), which Jushuitan does not distinguish.
const (
	SKUEnabled  SKUState = "启用"
	SKUDisabled SKUState = "停用"
)

// KindPackaging 包材 is the Kind of packaging material, which is not sold.
const KindPackaging = "包材"

// Price 价格 holds the prices of a product or SKU. An invalid one leaves DianJia's unchanged;
// zero is a price.
type Price struct {
	Cost   decimal.NullDecimal // 标准成本价
	Tag    decimal.NullDecimal // 标准吊牌价
	Retail decimal.NullDecimal // 标准零售价: the sale price, which 不同步销售价 excludes from the sync
}

// Category 类目 is a node of the category tree. Downloaded categories are placed below a
// first-level one, the mount category (挂载类目).
type Category struct {
	Code       string // 类目编码
	Name       string // 类目名称
	ParentCode string // 上级类目编码: empty on the first level
}

// StoreBinding 绑定店仓 binds a store, or a warehouse of DianJia, to a warehouse in Jushuitan:
// it ships the orders of that warehouse, which includes its stock.
type StoreBinding struct {
	EntID      string // 商家
	StoreCode  string // 店仓编码
	StoreName  string // 店仓名称
	WMSCoID    int64  // 电商仓编码: wms_co_id of the virtual warehouse in Jushuitan
	OrderStore bool   // 指定下单店仓: online orders are entered for it
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
	Slot            WarehouseSlot // 聚水潭仓位: zero if irrelevant
	DownloadStock   bool          // 下载库存
	StockExpression string        // 库存下载取数逻辑: empty means 实际库存
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
//
// Amount is what the buyer pays for everything: the sum of the lines' amounts, less
// Discount, plus Freight. A line's Amount is Qty times Price, after discounts of the line and
// before the order's Discount; neither includes freight.
type Order struct {
	EntID     string          // 商家
	OrderNo   string          // 订单号: so_id in Jushuitan
	ShopID    int64           // 聚水潭店铺编号: of the self-owned mall shop
	StoreCode string          // 下单店仓编码
	Created   time.Time       // 下单时间
	Paid      time.Time       // 付款时间
	Amount    decimal.Decimal // 应付金额: lines - Discount + Freight, two decimals
	Discount  decimal.Decimal // 优惠金额: of the order as a whole, not that of its lines; positive
	Freight   decimal.Decimal // 运费: part of Amount

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

	// Extra 其他 holds the members of the document for which this type has no field, such as
	// an invoice, as received. They may hold personal data.
	Extra map[string]json.RawMessage `pii:"true"`
}

// OrderItem 明细 is one line of an order.
type OrderItem struct {
	LineNo  string          // 子订单号: outer_oi_id in Jushuitan
	SKUCode string          // 商品编码
	Name    string          // 商品名称
	Qty     decimal.Decimal // 数量: whole pieces
	Price   decimal.Decimal // 成交单价: paid, up to four decimals; rounded if Amount requires it
	Amount  decimal.Decimal // 成交金额: Qty x Price, without freight and the order's Discount
	// BasePrice 原价: list price of one piece; zero means that it is the paid price.
	BasePrice decimal.Decimal
	IsGift    bool // 赠品: free of charge
}

// Return 退货 is a return or refund of an order of the mall.
type Return struct {
	EntID    string          // 商家
	ReturnNo string          // 售后单号: outer_as_id in Jushuitan
	OrderNo  string          // 订单号
	ShopID   int64           // 聚水潭店铺编号: of the order
	Kind     ReturnKind      // 售后类型
	State    ReturnState     // 售后状态
	Goods    GoodsState      // 货物状态
	Reason   string          // 原因, such as 七天无理由退货
	Total    decimal.Decimal // 原单总金额
	Refund   decimal.Decimal // 退款金额: may be a part of what the buyer paid

	CarrierName string // 退货物流公司
	WaybillNo   string // 退货快递单号
	Remark      string `pii:"true"` // 备注

	Items []ReturnItem
}

// ReturnItem 明细 is one line of a return.
type ReturnItem struct {
	LineNo   string          // 子订单号: of the order's line
	SKUCode  string          // 商品编码
	Qty      decimal.Decimal // 数量: requested, whole pieces
	Received decimal.Decimal // 实收数量
	Amount   decimal.Decimal // 退款金额: of the line
}

// ReturnKind 售后类型 is what the buyer asks for.
type ReturnKind string

// The kinds.
const (
	ReturnGoods    ReturnKind = "退货退款" // goods come back, money goes back
	ReturnRefund   ReturnKind = "仅退款"  // only money goes back
	ReturnRefused  ReturnKind = "拒收"   // the parcel comes back unopened
	ReturnExchange ReturnKind = "换货"   // other goods are sent
)

// ReturnState 售后状态 is how far the return is with buyer and seller.
type ReturnState string

// The states.
const (
	ReturnAsked    ReturnState = "待审核"
	ReturnAgreed   ReturnState = "待买家退货"
	ReturnSent     ReturnState = "待收货"
	ReturnRejected ReturnState = "已拒绝"
	ReturnClosed   ReturnState = "已关闭"
	ReturnDone     ReturnState = "已完成"
)

// GoodsState 货物状态 is where the goods of a return are.
type GoodsState string

// The states.
const (
	GoodsNotReceived GoodsState = "买家未收货"
	GoodsWithBuyer   GoodsState = "买家已收货"
	GoodsSentBack    GoodsState = "买家已退货"
	GoodsReceived    GoodsState = "卖家已收货"
)

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
	Qty      decimal.Decimal // 通知数量: requested
	Shipped  decimal.Decimal // 实发数量
	Received decimal.Decimal // 实收数量
}

// Difference 差异 returns the received quantity minus the shipped quantity.
func (i TransferItem) Difference() decimal.Decimal { return i.Received.Sub(i.Shipped) }

// Format prints the order for people, without personal data.
func (o Order) Format(s fmt.State, verb rune) { redact.Format(s, verb, o) }

// LogValue is the order for slog, without personal data.
func (o Order) LogValue() slog.Value { return redact.LogValue(o) }

// Format prints the return for people, without personal data.
func (r Return) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue is the return for slog, without personal data.
func (r Return) LogValue() slog.Value { return redact.LogValue(r) }

// Format prints the transfer for people, without personal data.
func (t Transfer) Format(s fmt.State, verb rune) { redact.Format(s, verb, t) }

// LogValue is the transfer for slog, without personal data.
func (t Transfer) LogValue() slog.Value { return redact.LogValue(t) }
