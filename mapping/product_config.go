package mapping

import (
	"cmp"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ProductField names a field of a product or SKU of DianJia.
type ProductField string

// The fields of products (商品字段), and of SKUs.
const (
	FieldName        ProductField = "name"       // 商品名称
	FieldStyleNo     ProductField = "style_no"   // 货号
	FieldSKUCode     ProductField = "sku_code"   // 商品编码
	FieldBarcode     ProductField = "barcode"    // 条形码
	FieldColor       ProductField = "color"      // 颜色
	FieldSize        ProductField = "size"       // 尺码
	FieldBrand       ProductField = "brand"      // 品牌
	FieldCostPrice   ProductField = "cost"       // 标准成本价
	FieldTagPrice    ProductField = "tag"        // 标准吊牌价
	FieldRetailPrice ProductField = "retail"     // 标准零售价
	FieldYear        ProductField = "year"       // 年份
	FieldSeason      ProductField = "season"     // 季节
	FieldWave        ProductField = "wave"       // 波段
	FieldTier        ProductField = "tier"       // 商品层
	FieldStyle       ProductField = "style"      // 风格
	FieldSeries      ProductField = "series"     // 系列
	FieldCategory    ProductField = "category"   // 类目
	FieldLabels      ProductField = "labels"     // 标签
	FieldTemplate    ProductField = "template"   // 规格模板
	FieldProperties  ProductField = "properties" // 聚水潭属性
	FieldBarcodes    ProductField = "barcodes"   // 辅助码
	FieldPicture     ProductField = "picture"    // 图片
	FieldWeight      ProductField = "weight"     // 重量
	FieldKind        ProductField = "kind"       // 商品属性
	FieldState       ProductField = "state"      // 启用状态
	FieldStockOff    ProductField = "stock_off"  // 禁止同步库存
	FieldAutoID      ProductField = "auto_id"    // 聚水潭唯一编号
	FieldOwn         ProductField = "own"        // 单品差异
)

// productAttributes are the fields whose source each merchant chooses, with their place in a
// product and in a config. Mapping, plans, uploads and reports use this table.
var productAttributes = [...]struct {
	field  ProductField
	title  string
	value  func(*dianjia.Product) *string
	source func(*ProductConfig) *FieldSource
}{
	{
		FieldYear, "年份",
		func(p *dianjia.Product) *string { return &p.Year },
		func(c *ProductConfig) *FieldSource { return &c.Year },
	},
	{
		FieldSeason, "季节",
		func(p *dianjia.Product) *string { return &p.Season },
		func(c *ProductConfig) *FieldSource { return &c.Season },
	},
	{
		FieldWave, "波段",
		func(p *dianjia.Product) *string { return &p.Wave },
		func(c *ProductConfig) *FieldSource { return &c.Wave },
	},
	{
		FieldTier, "商品层",
		func(p *dianjia.Product) *string { return &p.Tier },
		func(c *ProductConfig) *FieldSource { return &c.Tier },
	},
	{
		FieldStyle, "风格",
		func(p *dianjia.Product) *string { return &p.Style },
		func(c *ProductConfig) *FieldSource { return &c.Style },
	},
	{
		FieldSeries, "系列",
		func(p *dianjia.Product) *string { return &p.Series },
		func(c *ProductConfig) *FieldSource { return &c.Series },
	},
}

// productTitles are the Chinese names of the other fields.
var productTitles = map[ProductField]string{
	FieldName:        "商品名称",
	FieldStyleNo:     "货号",
	FieldSKUCode:     "商品编码",
	FieldBarcode:     "条形码",
	FieldColor:       "颜色",
	FieldSize:        "尺码",
	FieldBrand:       "品牌",
	FieldCostPrice:   "标准成本价",
	FieldTagPrice:    "标准吊牌价",
	FieldRetailPrice: "标准零售价",
	FieldCategory:    "类目",
	FieldLabels:      "标签",
	FieldTemplate:    "规格模板",
	FieldProperties:  "聚水潭属性",
	FieldBarcodes:    "辅助码",
	FieldPicture:     "图片",
	FieldWeight:      "重量",
	FieldKind:        "商品属性",
	FieldState:       "启用状态",
	FieldStockOff:    "禁止同步库存",
	FieldAutoID:      "聚水潭唯一编号",
	FieldOwn:         "单品差异",
}

// Title returns the Chinese name of the field.
func (f ProductField) Title() string {
	for i := range productAttributes {
		if productAttributes[i].field == f {
			return productAttributes[i].title
		}
	}
	return cmp.Or(productTitles[f], string(f))
}

// FieldsWithSource returns the fields that have a [FieldSource] in [ProductConfig].
func FieldsWithSource() []ProductField {
	fields := make([]ProductField, len(productAttributes))
	for i := range productAttributes {
		fields[i] = productAttributes[i].field
	}
	return fields
}

// Source returns a pointer to the field's source in the config, or nil for a field
// without one.
func (c *ProductConfig) Source(field ProductField) *FieldSource {
	for i := range productAttributes {
		if productAttributes[i].field == field {
			return productAttributes[i].source(c)
		}
	}
	return nil
}

// CostSource selects the Jushuitan price that becomes the standard cost (标准成本价) of a
// SKU. A style has one figure for both, 成本价(采购价), c_price.
type CostSource int

// The choices.
const (
	// CostFromCostPrice is 成本价, cost_price.
	CostFromCostPrice CostSource = iota
	// CostFromPurchasePrice is 采购价, purchase_price. A SKU query returns it only on
	// request: jushuitan.SKUQuery{Fields: {"purchase_price"}}. Bundles have none.
	CostFromPurchasePrice
	// CostFromPurchaseElseCost is the purchase price, or the cost price if a SKU has none.
	CostFromPurchaseElseCost
)

// ZeroPricePolicy decides what a price of 0 in Jushuitan means.
type ZeroPricePolicy int

// The policies. A plan reports the prices that count as not entered ([RuleZeroPriceUnset]).
const (
	// ZeroUnsetExceptRetail means that a tag price or cost of 0 was not entered, so that
	// DianJia's stays; a retail price of 0 is a price.
	ZeroUnsetExceptRetail ZeroPricePolicy = iota
	ZeroIsPrice                           // 0 is a price in every field
	ZeroIsUnset                           // 0 counts as not entered in every field
)

// ProductConfig configures how products are mapped for one merchant. The zero value is
// a sync by SKU without the fields that have a [FieldSource].
type ProductConfig struct {
	PullSPU bool       // 拉取SPU: rows come from the style query, which determines the sources with values
	Cost    CostSource // price that becomes the standard cost

	// Properties are the labels of colour and size; the zero value is
	// DefaultPropertyLabels.
	Properties PropertyLabels
	// MinConfidence leaves color and size empty if they are less certain. Empty values
	// leave DianJia's unchanged.
	MinConfidence PropertyConfidence

	// ZeroPrices decides which prices of 0 count. By default a tag price or cost of 0 counts
	// as not entered. The zero Decimal is a missing price: in rows constructed by hand, write
	// a price of 0 as decimal.New(0, 0).
	ZeroPrices ZeroPricePolicy
	// SKUCodeForStyleNo uses the sku_id as 货号 for a row without i_id; otherwise the
	// style number stays empty, and each such row is a product of its own.
	SKUCodeForStyleNo bool

	// Categories are the rows of the category query, which determine parent categories.
	// Without them every category is on the first level.
	Categories []jushuitan.Category

	Year   FieldSource // 年份
	Season FieldSource // 季节
	Wave   FieldSource // 波段
	Tier   FieldSource // 商品层
	Style  FieldSource // 风格
	Series FieldSource // 系列
}
