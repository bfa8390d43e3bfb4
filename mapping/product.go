package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ProductMapper maps products from Jushuitan to DianJia and back. It is immutable and
// safe for concurrent use. Products share strings and label slices with the rows they
// come from.
type ProductMapper struct {
	cfg        ProductConfig
	sources    [len(productAttributes)]FieldSource // in the order of productAttributes
	categories map[int64]dianjia.Category
	paths      map[string][]dianjia.Category // by code, from the first level
	written    [len(productAttributes)]string
	warnings   []string
}

// NewProductMapper validates the config. The error names every field whose source is
// invalid or cannot have a value in this kind of sync: category properties (ups) come
// only with a style query, other_6 to other_10 only with a SKU query. If that concerns
// only a member of FromFirst, it is a warning.
func NewProductMapper(cfg ProductConfig) (*ProductMapper, error) {
	m := &ProductMapper{
		cfg:        cfg,
		categories: make(map[int64]dianjia.Category, len(cfg.Categories)),
	}
	m.cfg.Categories = nil
	if len(cfg.Properties.Color) == 0 && len(cfg.Properties.Size) == 0 {
		m.cfg.Properties = DefaultPropertyLabels()
	} else {
		m.cfg.Properties = PropertyLabels{Color: slices.Clone(cfg.Properties.Color), Size: slices.Clone(cfg.Properties.Size)}
	}
	errs := []error{m.cfg.Properties.Validate()}
	if cfg.Cost < CostFromCostPrice || cfg.Cost > CostFromPurchaseElseCost {
		errs = append(errs, fmt.Errorf("mapping: Cost is %d, not one of the CostFrom constants / 成本价来源无效", cfg.Cost))
	}
	if cfg.MinConfidence < ConfidenceNone || cfg.MinConfidence > ConfidenceLabelled {
		errs = append(errs, fmt.Errorf("mapping: MinConfidence is %d, not one of the Confidence constants / 置信度无效", cfg.MinConfidence))
	}
	errs = append(errs, m.takeSources(&cfg)...)
	for _, c := range cfg.Categories {
		m.categories[c.CID] = dianjia.Category{
			Code: productCategoryCode(c.CID), Name: c.Name, ParentCode: productCategoryCode(c.ParentCID),
		}
	}
	if cfg.ZeroPrices < ZeroUnsetExceptRetail || cfg.ZeroPrices > ZeroIsUnset {
		errs = append(errs, fmt.Errorf("mapping: ZeroPrices is %d, not one of the ZeroPricePolicy constants / 零价格策略无效", cfg.ZeroPrices))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	m.paths = productPaths(m.categories)
	for i := range m.sources {
		reverse := m.sources[i].reverse(cfg.PullSPU)
		m.written[i] = reverse.String()
	}
	return m, nil
}

// takeSources takes the sources of the attributes from the config, and checks them.
func (m *ProductMapper) takeSources(cfg *ProductConfig) []error {
	var errs []error
	for i := range productAttributes {
		s, field := &m.sources[i], productAttributes[i].field
		*s = *productAttributes[i].source(cfg)
		if err := s.check(field, false); err != nil {
			errs = append(errs, err)
			continue
		}
		dead, all := s.dead(cfg.PullSPU)
		for _, d := range dead {
			text := fmt.Sprintf("source of %s (%s): %s %s", field, field.Title(), d, sourceDeadReason(&d))
			if all {
				errs = append(errs, errors.New("mapping: "+text))
			} else {
				m.warnings = append(m.warnings, text)
			}
		}
	}
	return errs
}

// productPaths returns the path to each category from the first level, or from the highest
// ancestor that the tree has.
func productPaths(categories map[int64]dianjia.Category) map[string][]dianjia.Category {
	byCode := make(map[string]dianjia.Category, len(categories))
	for _, c := range categories {
		byCode[c.Code] = c
	}
	paths := make(map[string][]dianjia.Category, len(categories))
	for code, c := range byCode {
		var path []dianjia.Category
		for ok := true; ok && !slices.Contains(path, c); c, ok = byCode[c.ParentCode] { // a tree may be broken
			path = append(path, c)
		}
		slices.Reverse(path)
		paths[code] = path
	}
	return paths
}

func sourceDeadReason(s *FieldSource) string {
	if s.kind == sourceUps {
		return "has a value only with PullSPU / 类目属性仅在拉取SPU时返回"
	}
	return "has no value with PullSPU: a style query returns other_1 to other_5 / 拉取SPU仅返回 other_1 至 other_5"
}

func productCategoryCode(cid int64) string {
	if cid == 0 {
		return ""
	}
	return strconv.FormatInt(cid, 10)
}

// Warnings returns the members of FromFirst that cannot have a value in this kind of
// sync.
func (m *ProductMapper) Warnings() []string { return slices.Clone(m.warnings) }

// Item maps a row of the style query (普通商品查询（按款）) with its SKUs. A SKU's own
// price takes precedence over the style's.
func (m *ProductMapper) Item(row *jushuitan.Item) *dianjia.Product {
	g := m.Grouper()
	g.AddItem(row)
	return g.order[0].product()
}

// SKUs maps rows of the SKU query (普通商品资料查询) and groups them into styles, like
// a [ProductGrouper].
func (m *ProductMapper) SKUs(rows []jushuitan.SKU) []*dianjia.Product {
	g := m.Grouper()
	for i := range rows {
		g.AddSKU(&rows[i])
	}
	return slices.AppendSeq(make([]*dianjia.Product, 0, g.Len()), g.Products())
}

// Bundles maps bundles (组合装) and groups them into styles. A bundle has no tag price,
// purchase price or category of the tree.
func (m *ProductMapper) Bundles(rows []jushuitan.Bundle) []*dianjia.Product {
	g := m.Grouper()
	for i := range rows {
		g.AddBundle(&rows[i])
	}
	return slices.AppendSeq(make([]*dianjia.Product, 0, g.Len()), g.Products())
}

// ProductGrouper groups the rows of a stream into styles by i_id: rows of one style may
// be far apart. The result does not depend on their order:
//
//   - A field of the style is that of its first SKU, by code, that has a value.
//   - If a SKU occurs twice, the row modified later counts; if equal, the later one.
//   - A row of the style query is a complete style and replaces earlier rows of the
//     style, unless it was modified earlier.
//
// It keeps all rows in memory: for millions of rows, start a new one from time to time,
// such as one per time window, or query whole styles by i_ids. It is not safe for
// concurrent use.
type ProductGrouper struct {
	m      *ProductMapper
	styles map[string]*productStyle // by i_id
	single map[string]*productStyle // of rows without i_id, by sku_id
	order  []*productStyle
}

// Grouper returns a new, empty [ProductGrouper].
func (m *ProductMapper) Grouper() *ProductGrouper {
	return &ProductGrouper{m: m, styles: map[string]*productStyle{}}
}

// Len returns the number of styles collected so far.
func (g *ProductGrouper) Len() int { return len(g.order) }

// AddSKU adds a row of the SKU query. The caller may reuse the row afterwards.
func (g *ProductGrouper) AddSKU(row *jushuitan.SKU) {
	g.m.addSKU(g.style(row.IID, row.SKUID), row)
}

// AddBundle adds a bundle.
func (g *ProductGrouper) AddBundle(row *jushuitan.Bundle) {
	g.m.addBundle(g.style(row.IID, row.SKUID), row)
}

// AddItem adds a row of the style query.
func (g *ProductGrouper) AddItem(row *jushuitan.Item) {
	code := ""
	if len(row.SKUs) > 0 {
		code = row.SKUs[0].SKUID
	}
	st := g.style(row.IID, code)
	if st.filled {
		if productTime(row.Modified) < st.modified {
			return
		}
		*st = productStyle{no: st.no, paths: st.paths}
	}
	g.m.addItem(st, row)
}

// style returns the style of a row.
func (g *ProductGrouper) style(no, code string) *productStyle {
	group := g.styles
	key := no
	switch {
	case no != "":
	case g.m.cfg.SKUCodeForStyleNo && code != "":
		no, key = code, code
	default:
		if g.single == nil {
			g.single = map[string]*productStyle{}
		}
		group, key = g.single, code
	}
	st := group[key]
	if st == nil {
		st = &productStyle{no: no, paths: g.m.paths}
		group[key] = st
		g.order = append(g.order, st)
	}
	return st
}

// Products yields the styles sorted by number, each with its SKUs sorted by code. It may be called
// repeatedly, also after adding further rows.
func (g *ProductGrouper) Products() iter.Seq[*dianjia.Product] {
	return func(yield func(*dianjia.Product) bool) {
		order := slices.Clone(g.order)
		slices.SortStableFunc(order, func(a, b *productStyle) int {
			if c := strings.Compare(a.no, b.no); c != 0 || a.no != "" {
				return c
			}
			return strings.Compare(a.firstCode(), b.firstCode())
		})
		for _, st := range order {
			if !yield(st.product()) {
				return
			}
		}
	}
}

// A productStyle is a style in progress.
type productStyle struct {
	no       string
	filled   bool          // there is a row
	modified int64         // latest of its rows
	price    dianjia.Price // of the style's own row
	own      map[string]dianjia.OwnValue
	paths    map[string][]dianjia.Category // of the mapper
	head     productValues
	values   []productValues // of its SKUs, mostly one set for all
	skus     []productSKU
	index    map[string]int // of skus by code, once there are many
}

// productValues are the values of a style in a row.
type productValues struct {
	name, brand string
	category    dianjia.Category
	attributes  [len(productAttributes)]string
	from        [len(productAttributes)]string // where they were read, if not where they are written
}

type productSKU struct {
	dianjia.SKU
	modified int64
	values   int // index in productStyle.values
}

// productManySKUs is the number of SKUs of a style from which they are indexed.
const productManySKUs = 24

func productTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// firstCode returns the smallest code of its SKUs.
func (st *productStyle) firstCode() string {
	first := ""
	for i := range st.skus {
		if code := st.skus[i].Code; i == 0 || code < first {
			first = code
		}
	}
	return first
}

// find returns the index of a SKU, or -1.
func (st *productStyle) find(code string) int {
	if code == "" {
		return -1
	}
	if st.index != nil {
		if i, ok := st.index[code]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(st.skus, func(s productSKU) bool { return s.Code == code })
}

// place returns the entry of a SKU, or nil if there is a newer row of it.
func (st *productStyle) place(code string, at time.Time, v *productValues) *dianjia.SKU {
	modified := productTime(at)
	st.filled = true
	st.modified = max(st.modified, modified)
	last := len(st.values) - 1
	if last < 0 || st.values[last] != *v {
		st.values = append(st.values, *v)
		last++
	}
	sku := productSKU{modified: modified, values: last}
	if i := st.find(code); i >= 0 {
		if modified < st.skus[i].modified {
			return nil
		}
		st.skus[i] = sku
		return &st.skus[i].SKU
	}
	if st.skus == nil {
		st.skus = make([]productSKU, 0, 4)
	}
	st.skus = append(st.skus, sku)
	i := len(st.skus) - 1
	if st.index != nil {
		st.index[code] = i
	} else if i >= productManySKUs {
		st.index = make(map[string]int, 2*len(st.skus))
		for j := range st.skus[:i] {
			st.index[st.skus[j].Code] = j
		}
		st.index[code] = i
	}
	return &st.skus[i].SKU
}

// product returns the style with its SKUs sorted by code. The style's own row takes
// precedence over its SKUs.
func (st *productStyle) product() *dianjia.Product {
	order := make([]*productSKU, len(st.skus))
	for i := range st.skus {
		order[i] = &st.skus[i]
	}
	slices.SortStableFunc(order, func(a, b *productSKU) int { return strings.Compare(a.Code, b.Code) })

	p := &dianjia.Product{
		StyleNo: st.no, Name: st.head.name, Brand: st.head.brand, Category: st.head.category, Price: st.price,
		Own: st.own, SKUs: make([]dianjia.SKU, len(order)),
	}
	for i := range productAttributes {
		*productAttributes[i].value(p) = st.head.attributes[i]
	}
	seen := -1
	for i, sku := range order {
		p.SKUs[i] = sku.SKU
		p.Labels = productJoinLabels(p.Labels, sku.Labels)
		if sku.values == seen {
			continue
		}
		seen = sku.values
		v := &st.values[seen]
		p.Name = cmp.Or(p.Name, v.name)
		p.Brand = cmp.Or(p.Brand, v.brand)
		p.Category = cmp.Or(p.Category, v.category)
		for j := range productAttributes {
			a := productAttributes[j].value(p)
			*a = cmp.Or(*a, v.attributes[j])
		}
	}
	if path := st.paths[p.Category.Code]; len(path) > 0 {
		p.CategoryPath = path
	}
	for i, sku := range order {
		p.SKUs[i].Own = st.values[sku.values].own(p, &st.head, &sku.SKU)
	}
	return p
}

// own returns the values by which a SKU differs from its product. A value that a SKU of the
// style query lacks is that of the style's row.
func (v *productValues) own(p *dianjia.Product, head *productValues, sku *dianjia.SKU) map[string]dianjia.OwnValue {
	own := sku.Own
	shared := true // own is the map of the row
	set := func(field ProductField, value dianjia.OwnValue) {
		if shared {
			own, shared = maps.Clone(own), false
			if own == nil {
				own = make(map[string]dianjia.OwnValue)
			}
		}
		own[string(field)] = value
	}
	differs := func(value, style, head string) bool { return value != style && (value != "" || head == "") }
	if differs(v.name, p.Name, head.name) {
		set(FieldName, dianjia.OwnValue{Differs: true, Text: v.name})
	}
	if differs(v.brand, p.Brand, head.brand) {
		set(FieldBrand, dianjia.OwnValue{Differs: true, Text: v.brand})
	}
	if differs(v.category.Name, p.Category.Name, head.category.Name) {
		set(FieldCategory, dianjia.OwnValue{Differs: true, Text: v.category.Name})
	}
	for j := range productAttributes {
		if value := (dianjia.OwnValue{From: v.from[j]}); v.attributes[j] != *productAttributes[j].value(p) {
			value.Differs, value.Text = true, v.attributes[j]
			set(productAttributes[j].field, value)
		} else if value.From != "" {
			set(productAttributes[j].field, value)
		}
	}
	if len(sku.Labels) == 0 && len(p.Labels) > 0 {
		set(FieldLabels, dianjia.OwnValue{Differs: true})
	}
	return own
}

// productJoinLabels returns the union of two lists of labels, without modifying them.
func productJoinLabels(to, labels []string) []string {
	if len(to) == 0 {
		return slices.Clip(labels)
	}
	for _, label := range labels {
		if !slices.Contains(to, label) {
			to = append(slices.Clip(to), label)
		}
	}
	return to
}

// addItem adds a row of the style query.
func (m *ProductMapper) addItem(st *productStyle, row *jushuitan.Item) {
	st.filled = true
	st.modified = max(st.modified, productTime(row.Modified))
	st.own = nil
	st.price = dianjia.Price{
		Cost:   m.priceOf(&st.own, FieldCostPrice, row.CPrice, decimal.NullDecimal{}),
		Tag:    m.priceOf(&st.own, FieldTagPrice, row.MarketPrice, decimal.NullDecimal{}),
		Retail: m.priceOf(&st.own, FieldRetailPrice, row.SPrice, decimal.NullDecimal{}),
	}
	st.head = productValues{name: row.Name, brand: row.Brand, category: m.category(row.CID, row.CName)}
	src := FieldSourceRow{Item: row}
	if len(row.SKUs) == 0 {
		m.attributes(&st.head, &src)
	}
	st.skus = slices.Grow(st.skus, len(row.SKUs))
	for i := range row.SKUs {
		r := &row.SKUs[i]
		src.ItemSKU = r
		v := productValues{name: r.Name, brand: r.Brand, category: m.category(r.CID, r.Category)}
		m.attributes(&v, &src)
		sku := st.place(r.SKUID, row.Modified, &v)
		m.fillSKU(sku, r.SKUID, r.SKUCode, r.PropertiesValue, "", r.Labels)
		sku.Price = dianjia.Price{
			Cost:   m.cost(&sku.Own, r.CostPrice, r.PurchasePrice, st.price.Cost),
			Tag:    m.priceOf(&sku.Own, FieldTagPrice, r.MarketPrice, st.price.Tag),
			Retail: m.priceOf(&sku.Own, FieldRetailPrice, r.SalePrice, st.price.Retail),
		}
		sku.Picture, sku.Weight = cmp.Or(r.Pic, r.PicBig, row.Pic), productWeight(r.Weight)
		sku.Kind, sku.State = cmp.Or(r.ItemType, row.ItemType), productState(r.Enabled)
	}
}

// addSKU adds a row of the SKU query.
func (m *ProductMapper) addSKU(st *productStyle, r *jushuitan.SKU) {
	v := productValues{name: r.Name, brand: r.Brand, category: m.category(r.CID, r.Category)}
	m.attributes(&v, &FieldSourceRow{SKU: r})
	sku := st.place(r.SKUID, r.Modified, &v)
	if sku == nil {
		return
	}
	m.fillSKU(sku, r.SKUID, r.SKUCode, r.PropertiesValue, r.Color, r.Labels)
	sku.Price = dianjia.Price{
		Cost:   m.cost(&sku.Own, r.CostPrice, r.PurchasePrice, decimal.NullDecimal{}),
		Tag:    m.priceOf(&sku.Own, FieldTagPrice, r.MarketPrice, decimal.NullDecimal{}),
		Retail: m.priceOf(&sku.Own, FieldRetailPrice, r.SalePrice, decimal.NullDecimal{}),
	}
	sku.Barcodes, sku.Picture = slices.Clip([]string(r.SKUCodes)), cmp.Or(r.Pic, r.PicBig)
	sku.Weight, sku.Kind = productWeight(r.Weight), r.ItemType
	sku.State, sku.StockDisabled, sku.AutoID = productState(r.Enabled), r.StockDisabled == 1, r.Autoid
}

// addBundle adds a bundle.
func (m *ProductMapper) addBundle(st *productStyle, r *jushuitan.Bundle) {
	v := productValues{name: r.Name, brand: r.Brand}
	m.attributes(&v, &FieldSourceRow{Bundle: r})
	sku := st.place(r.SKUID, r.Modified, &v)
	if sku == nil {
		return
	}
	m.fillSKU(sku, r.SKUID, r.SKUCode, r.PropertiesValue, "", r.Labels)
	sku.Price = dianjia.Price{
		Cost:   m.cost(&sku.Own, r.CostPrice, decimal.Decimal{}, decimal.NullDecimal{}),
		Retail: m.priceOf(&sku.Own, FieldRetailPrice, r.SalePrice, decimal.NullDecimal{}),
	}
	sku.Picture, sku.Weight, sku.Kind, sku.State = r.Pic, productWeight(r.Weight), r.ItemType, productState(r.Enabled)
}

// productState returns the state for enabled. 0 is 备用 or absent.
func productState(enabled int64) dianjia.SKUState {
	switch enabled {
	case 1:
		return dianjia.SKUEnabled
	case -1:
		return dianjia.SKUDisabled
	}
	return ""
}

// productWeight returns the weight of a row. 0 means that none was entered.
func productWeight(d decimal.Decimal) decimal.NullDecimal {
	return decimal.NullDecimal{Decimal: d, Valid: d.IsPositive()}
}

// attributes returns the values of the configured sources.
func (m *ProductMapper) attributes(v *productValues, row *FieldSourceRow) {
	for i := range m.sources {
		if m.sources[i].kind != sourceNone {
			v.attributes[i] = m.sources[i].value(row)
			if m.sources[i].kind == sourceChain && v.attributes[i] != "" {
				if read := m.sources[i].read(row); read != m.written[i] {
					v.from[i] = read
				}
			}
		}
	}
}

func (m *ProductMapper) fillSKU(sku *dianjia.SKU, code, barcode, text, color string, labels []string) {
	sku.Code, sku.Barcode, sku.PropertiesText, sku.Labels = code, barcode, text, slices.Clip(labels)
	sku.Color, sku.Size = m.colorSize(text, color)
	if color != "" {
		if c, s := m.colorSize(text, ""); c != sku.Color || s != sku.Size {
			productOwn(&sku.Own, FieldColor, dianjia.OwnValue{From: color})
		}
	}
}

// productOwn records the value that Jushuitan has for a field.
func productOwn(own *map[string]dianjia.OwnValue, field ProductField, value dianjia.OwnValue) {
	if *own == nil {
		*own = make(map[string]dianjia.OwnValue)
	}
	(*own)[string(field)] = value
}

// colorSize parses a properties_value. color is Jushuitan's own value, if present.
func (m *ProductMapper) colorSize(text, color string) (_, size string) {
	p := m.cfg.Properties.Parse(text)
	p.withColor(color)
	if p.Confidence < m.cfg.MinConfidence {
		return "", ""
	}
	return p.Color, p.Size
}

// price returns the price of a row. The zero Decimal, to which a missing or null price is
// decoded, is no price, unlike 0; a negative one is none either.
func (m *ProductMapper) price(field ProductField, d decimal.Decimal) decimal.NullDecimal {
	if d == (decimal.Decimal{}) || d.IsNegative() || d.IsZero() && m.zeroUnset(field) {
		return decimal.NullDecimal{}
	}
	return decimal.NullDecimal{Decimal: d, Valid: true}
}

// zeroUnset reports whether a price of 0 counts as not entered.
func (m *ProductMapper) zeroUnset(field ProductField) bool {
	return m.cfg.ZeroPrices == ZeroIsUnset || m.cfg.ZeroPrices == ZeroUnsetExceptRetail && field != FieldRetailPrice
}

// priceOf returns the price of a row or, if it has none, that of the style, and records the difference.
func (m *ProductMapper) priceOf(
	own *map[string]dianjia.OwnValue, field ProductField, d decimal.Decimal, style decimal.NullDecimal,
) decimal.NullDecimal {
	price := m.price(field, d)
	switch {
	case price.Valid:
		return price
	case d != (decimal.Decimal{}): // a zero or a negative price that does not count
		productOwn(own, field, dianjia.OwnValue{Differs: true, Text: d.String()})
	case style.Valid:
		productOwn(own, field, dianjia.OwnValue{Differs: true})
	}
	return style
}

// costFromCost is the OwnValue.From of a standard cost that is not the purchase price.
const costFromCost = "cost_price"

func (m *ProductMapper) cost(
	own *map[string]dianjia.OwnValue, cost, purchase decimal.Decimal, style decimal.NullDecimal,
) decimal.NullDecimal {
	switch m.cfg.Cost {
	case CostFromPurchasePrice:
		return m.priceOf(own, FieldCostPrice, purchase, style)
	case CostFromPurchaseElseCost:
		if price := m.price(FieldCostPrice, purchase); price.Valid {
			return price
		}
		if price := m.price(FieldCostPrice, cost); price.Valid {
			productOwn(own, FieldCostPrice, dianjia.OwnValue{From: costFromCost})
			return price
		}
	}
	return m.priceOf(own, FieldCostPrice, cost, style)
}

func productFirst(a, b decimal.NullDecimal) decimal.NullDecimal {
	if a.Valid {
		return a
	}
	return b
}

// category returns the category of a row, with its parent from the tree.
func (m *ProductMapper) category(cid int64, name string) dianjia.Category {
	if c, ok := m.categories[cid]; ok {
		c.Name = cmp.Or(c.Name, name)
		return c
	}
	return dianjia.Category{Code: productCategoryCode(cid), Name: name}
}

// MissingFields returns the fields that have a source but no value in the product.
func (m *ProductMapper) MissingFields(p *dianjia.Product) []ProductField {
	var fields []ProductField
	for i := range productAttributes {
		if m.without(p, i) {
			fields = append(fields, productAttributes[i].field)
		}
	}
	return fields
}

// without reports whether attribute i has a source and no value in the product.
func (m *ProductMapper) without(p *dianjia.Product, i int) bool {
	return m.sources[i].kind != sourceNone && *productAttributes[i].value(p) == ""
}

// MissingFieldReport is the number of products without a value, for one field that has
// a source.
type MissingFieldReport struct {
	Field    ProductField
	Source   FieldSource
	Without  int      // products without a value
	Products int      // all products
	Examples []string // 货号 of the first of them, up to ten
}

// String returns the report in Chinese and English.
func (r MissingFieldReport) String() string {
	return fmt.Sprintf("%s（%s）：%d 个商品中 %d 个无值，例如 %s / %d of %d products have no value",
		r.Field.Title(), r.Source, r.Products, r.Without, strings.Join(r.Examples, "、"), r.Without, r.Products)
}

// MissingReports returns a report for each field that has a source and that some
// product lacks.
func (m *ProductMapper) MissingReports(products iter.Seq[*dianjia.Product]) []MissingFieldReport {
	var all [len(productAttributes)]MissingFieldReport
	n := 0
	for p := range products {
		n++
		for i := range productAttributes {
			if !m.without(p, i) {
				continue
			}
			if all[i].Without++; all[i].Without <= 10 {
				all[i].Examples = append(all[i].Examples, p.StyleNo)
			}
		}
	}
	var out []MissingFieldReport
	for i, r := range all {
		if r.Without > 0 {
			r.Field, r.Source, r.Products = productAttributes[i].field, m.sources[i], n
			out = append(out, r)
		}
	}
	return out
}
