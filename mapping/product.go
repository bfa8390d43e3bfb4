package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
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
	warnings   []string
}

// NewProductMapper checks the config. The error names every field whose source is
// wrong, or can have no value in this kind of sync: category properties (ups) come
// with a style query only, other_6 to other_10 with a SKU query only. Where just a
// member of FromFirst can have none it is a warning.
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
	for i := range productAttributes {
		s, field := &m.sources[i], productAttributes[i].field
		*s = *productAttributes[i].source(&cfg)
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
	for _, c := range cfg.Categories {
		m.categories[c.CID] = dianjia.Category{
			Code: productCategoryCode(c.CID), Name: c.Name, ParentCode: productCategoryCode(c.ParentCID),
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

func sourceDeadReason(s *FieldSource) string {
	if s.kind == sourceUps {
		return "has a value with PullSPU only / 类目属性仅在拉取SPU时返回"
	}
	return "has no value with PullSPU: a style query returns other_1 to other_5 / 拉取SPU仅返回 other_1 至 other_5"
}

func productCategoryCode(cid int64) string {
	if cid == 0 {
		return ""
	}
	return strconv.FormatInt(cid, 10)
}

// Warnings are members of FromFirst that can have no value in this kind of sync.
func (m *ProductMapper) Warnings() []string { return slices.Clone(m.warnings) }

// Item maps a row of the style query (普通商品查询（按款）) with its SKUs. The price of
// a SKU comes before the style's.
func (m *ProductMapper) Item(row *jushuitan.Item) *dianjia.Product {
	g := m.Grouper()
	g.AddItem(row)
	return g.order[0].product()
}

// SKUs maps rows of the SKU query (普通商品资料查询) and groups them to styles, as a
// [ProductGrouper] does.
func (m *ProductMapper) SKUs(rows []jushuitan.SKU) []*dianjia.Product {
	g := m.Grouper()
	for i := range rows {
		g.AddSKU(&rows[i])
	}
	return slices.AppendSeq(make([]*dianjia.Product, 0, g.Len()), g.Products())
}

// Bundles maps bundles (组合装) and groups them to styles. A bundle has no tag price,
// purchase price or category of the tree.
func (m *ProductMapper) Bundles(rows []jushuitan.Bundle) []*dianjia.Product {
	g := m.Grouper()
	for i := range rows {
		g.AddBundle(&rows[i])
	}
	return slices.AppendSeq(make([]*dianjia.Product, 0, g.Len()), g.Products())
}

// ProductGrouper collects rows of a stream and groups them to styles by i_id: rows of
// one style may come far apart. What it returns does not depend on their order:
//
//   - A field of the style is that of its first SKU, by code, that has a value.
//   - Of a SKU that comes twice, the later modified row counts; of equally old ones,
//     the later to come.
//   - A row of the style query is a whole style and takes the place of what came
//     before it for the style, unless it was modified earlier.
//
// It holds all of it until it is dropped: for rows by the million, start a new one
// now and then, such as one for each time window, or query whole styles by i_ids. Not
// safe for concurrent use.
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
		*st = productStyle{no: st.no}
	}
	g.m.addItem(st, row)
}

// style is the style of a row.
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
		st = &productStyle{no: no}
		group[key] = st
		g.order = append(g.order, st)
	}
	return st
}

// Products yields the styles by number, each with its SKUs by code. It may be called
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

// A productStyle is a style that is being put together.
type productStyle struct {
	no       string
	filled   bool          // some row came
	modified int64         // latest of its rows
	price    dianjia.Price // of the style's own row
	head     productValues
	values   []productValues // of its SKUs, mostly one set for all
	skus     []productSKU
	index    map[string]int // of skus by code, once there are many
}

// productValues are what a row says of its style.
type productValues struct {
	name, brand string
	category    dianjia.Category
	attributes  [len(productAttributes)]string
}

type productSKU struct {
	dianjia.SKU
	modified int64
	values   int // index in productStyle.values
}

// productManySKUs is from how many SKUs of a style on they are found by index.
const productManySKUs = 24

func productTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// firstCode is the least code of its SKUs.
func (st *productStyle) firstCode() string {
	first := ""
	for i := range st.skus {
		if code := st.skus[i].Code; i == 0 || code < first {
			first = code
		}
	}
	return first
}

// find is the index of a SKU, or -1.
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

// place makes room for a SKU. It is nil where a newer row of the SKU is there.
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

// product is the style with its SKUs by code. The style's own row comes before its
// SKUs.
func (st *productStyle) product() *dianjia.Product {
	order := make([]*productSKU, len(st.skus))
	for i := range st.skus {
		order[i] = &st.skus[i]
	}
	slices.SortStableFunc(order, func(a, b *productSKU) int { return strings.Compare(a.Code, b.Code) })

	p := &dianjia.Product{
		StyleNo: st.no, Name: st.head.name, Brand: st.head.brand, Category: st.head.category, Price: st.price,
		SKUs: make([]dianjia.SKU, len(order)),
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
	return p
}

// productJoinLabels adds the labels that are missing. It does not write to either
// list.
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
	st.price = dianjia.Price{Cost: m.price(row.CPrice), Tag: m.price(row.MarketPrice), Retail: m.price(row.SPrice)}
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
			Cost:   productFirst(m.cost(r.CostPrice, r.PurchasePrice), st.price.Cost),
			Tag:    productFirst(m.price(r.MarketPrice), st.price.Tag),
			Retail: productFirst(m.price(r.SalePrice), st.price.Retail),
		}
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
	sku.Price = dianjia.Price{Cost: m.cost(r.CostPrice, r.PurchasePrice), Tag: m.price(r.MarketPrice), Retail: m.price(r.SalePrice)}
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
	sku.Price = dianjia.Price{Cost: m.cost(r.CostPrice, decimal.Decimal{}), Retail: m.price(r.SalePrice)}
}

// attributes reads the configured sources.
func (m *ProductMapper) attributes(v *productValues, row *FieldSourceRow) {
	for i := range m.sources {
		if m.sources[i].kind != sourceNone {
			v.attributes[i] = m.sources[i].value(row)
		}
	}
}

func (m *ProductMapper) fillSKU(sku *dianjia.SKU, code, barcode, text, color string, labels []string) {
	sku.Code, sku.Barcode, sku.PropertiesText, sku.Labels = code, barcode, text, slices.Clip(labels)
	sku.Color, sku.Size = m.colorSize(text, color)
}

// colorSize reads a properties_value. Color is what Jushuitan says of it, if anything.
func (m *ProductMapper) colorSize(text, color string) (_, size string) {
	p := m.cfg.Properties.Parse(text)
	p.withColor(color)
	if p.Confidence < m.cfg.MinConfidence {
		return "", ""
	}
	return p.Color, p.Size
}

// price is a price as the row has it. The zero Decimal is none: it is what a missing
// or null price decodes to, unlike 0.
func (m *ProductMapper) price(d decimal.Decimal) decimal.NullDecimal {
	if d == (decimal.Decimal{}) || m.cfg.ZeroPriceIsUnset && d.IsZero() {
		return decimal.NullDecimal{}
	}
	return decimal.NullDecimal{Decimal: d, Valid: true}
}

func (m *ProductMapper) cost(cost, purchase decimal.Decimal) decimal.NullDecimal {
	switch m.cfg.Cost {
	case CostFromPurchasePrice:
		return m.price(purchase)
	case CostFromPurchaseElseCost:
		return productFirst(m.price(purchase), m.price(cost))
	}
	return m.price(cost)
}

func productFirst(a, b decimal.NullDecimal) decimal.NullDecimal {
	if a.Valid {
		return a
	}
	return b
}

// category is the category of a row, its parent from the tree.
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
	Products int      // all
	Examples []string // 货号 of the first of them, up to ten
}

// String is the report in Chinese and English.
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
