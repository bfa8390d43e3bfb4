package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// maxPropertiesValue is the maximum length of a properties_value in an upload, in characters.
const maxPropertiesValue = 100

// SKUUploadError reports why a SKU, or one of its fields, cannot be uploaded.
type SKUUploadError struct {
	StyleNo string // 货号
	SKU     string // 商品编码
	Field   ProductField
	Problem string // in English and Chinese
}

// Error names the product, the SKU, the field and what to do.
func (e *SKUUploadError) Error() string {
	return fmt.Sprintf("mapping: upload of style %q SKU %q: %s (%s): %s", e.StyleNo, e.SKU, e.Field, e.Field.Title(), e.Problem)
}

// SKUUploads is the reverse mapping: it returns the rows that upload the product to
// Jushuitan (普通商品资料上传, itemsku/upload), one per SKU. Jushuitan leaves missing
// fields unchanged, so an empty field or price of DianJia has no effect.
//
// It uploads name, style number, SKU code, barcode, brand, category by name (which must
// be a leaf of the merchant's tree), the three prices (of the SKU, otherwise of the
// style), labels (which are added), color and size as properties_value of up to 100
// characters, and the configured fields through their source: FromUps as a category
// property, FromOther 1 to 5 as a custom text, FromLabelPrefix as a label. FromFirst
// uses the first member that can be written. A field from FromFunc or without a source
// is not uploaded; one from FromConstant or FromCategory must have that value.
//
// Values by which a SKU differs from its style in Jushuitan ([dianjia.SKU.Own]) are kept: the
// upload of a product that was downloaded and not changed repeats what was downloaded.
//
// The standard cost is written to the price it comes from. The original
// properties_value is sent again if it has the same color and size.
//
// A SKU that cannot be represented has no row; the error joins an [*SKUUploadError] for
// each reason, and the other rows are valid.
func (m *ProductMapper) SKUUploads(p *dianjia.Product) ([]jushuitan.SKUUpload, error) {
	rows := make([]jushuitan.SKUUpload, 0, len(p.SKUs))
	err := m.upload(p, func(sku *dianjia.SKU, properties string, fail func(ProductField, string)) {
		row := jushuitan.SKUUpload{
			SKUID: sku.Code, IID: p.StyleNo, Name: uploadName(sku, p), Brand: uploadOwn(sku, FieldBrand, p.Brand),
			CName: uploadOwn(sku, FieldCategory, p.Category.Name), SKUCode: sku.Barcode, PropertiesValue: properties, Labels: slices.Clone(sku.Labels),
			SPrice:      uploadPrice(sku, FieldRetailPrice, sku.Price.Retail, p.Price.Retail),
			MarketPrice: uploadPrice(sku, FieldTagPrice, sku.Price.Tag, p.Price.Tag),
		}
		if len(row.Labels) == 0 && !sku.Own[string(FieldLabels)].Differs {
			row.Labels = slices.DeleteFunc(slices.Clone(p.Labels), func(label string) bool { // those of other SKUs
				return slices.ContainsFunc(p.SKUs, func(s dianjia.SKU) bool { return slices.Contains(s.Labels, label) })
			})
		}
		cost := uploadPrice(sku, FieldCostPrice, sku.Price.Cost, p.Price.Cost)
		if m.cfg.Cost == CostFromCostPrice || sku.Own[string(FieldCostPrice)].From == costFromCost {
			row.CPrice = cost
		} else {
			row.PurchasePrice = cost
		}
		for i := range productAttributes {
			field := productAttributes[i].field
			if value := uploadOwn(sku, field, *productAttributes[i].value(p)); value != "" {
				source := m.sources[i].reverse(m.cfg.PullSPU)
				if from := sku.Own[string(field)].From; from != "" {
					source = m.sources[i].member(from)
				}
				if problem := uploadAttribute(&row, p, &source, value); problem != "" {
					fail(field, problem)
				}
			}
		}
		for _, label := range row.Labels {
			if strings.ContainsAny(label, ",，") || strings.TrimSpace(label) != label || label == "" {
				fail(FieldLabels, fmt.Sprintf("label %q is empty, contains a comma, or starts or ends with a blank: queries return labels as a comma-separated list / 标签不能为空、含逗号或首尾空格", label))
			}
		}
		rows = append(rows, row)
	}, func() { rows = rows[:len(rows)-1] })
	return rows, err
}

// ShopSKUUploads is the reverse mapping for a shop: it returns the rows that link the
// SKUs of the product to the shop with the given shop_id (店铺商品资料上传,
// skumap/upload), such as the merchant's self-owned mall. The style number is the
// shop's style code and the SKU code the shop's SKU code. Errors are those of
// [ProductMapper.SKUUploads].
func (m *ProductMapper) ShopSKUUploads(p *dianjia.Product, shopID int64) ([]jushuitan.ShopSKUUpload, error) {
	if shopID <= 0 {
		return nil, fmt.Errorf("mapping: upload of style %q: the shop_id %d is not positive / 店铺编号 %[2]d 无效", p.StyleNo, shopID)
	}
	rows := make([]jushuitan.ShopSKUUpload, 0, len(p.SKUs))
	err := m.upload(p, func(sku *dianjia.SKU, properties string, _ func(ProductField, string)) {
		rows = append(rows, jushuitan.ShopSKUUpload{
			ShopID: shopID, SKUID: sku.Code, IID: p.StyleNo, ShopIID: p.StyleNo, ShopSKUID: sku.Code,
			OriginalSKUID: sku.Code, Name: uploadName(sku, p), SKUCode: sku.Barcode, ShopPropertiesValue: properties,
		})
	}, func() { rows = rows[:len(rows)-1] })
	return rows, err
}

// upload creates a row for each SKU, and drops it if it is invalid.
func (m *ProductMapper) upload(p *dianjia.Product, row func(sku *dianjia.SKU, properties string, fail func(ProductField, string)), drop func()) error {
	var errs []error
	seen := make(map[string]struct{}, len(p.SKUs))
	for i := range p.SKUs {
		sku := &p.SKUs[i]
		before := len(errs)
		fail := func(field ProductField, problem string) {
			errs = append(errs, &SKUUploadError{StyleNo: p.StyleNo, SKU: sku.Code, Field: field, Problem: problem})
		}
		for _, required := range [...]struct {
			field ProductField
			value string
		}{{FieldSKUCode, sku.Code}, {FieldStyleNo, p.StyleNo}, {FieldName, uploadName(sku, p)}} {
			if strings.TrimSpace(required.value) == "" {
				fail(required.field, "the field is required / 必填")
			}
		}
		if _, ok := seen[sku.Code]; ok && sku.Code != "" {
			fail(FieldSKUCode, "the product has several SKUs with this code / 商品编码重复")
		}
		seen[sku.Code] = struct{}{}
		properties, problem := m.propertiesValue(sku)
		if problem != "" {
			fail(FieldProperties, problem)
		}
		row(sku, properties, fail)
		if len(errs) > before {
			drop()
		}
	}
	return errors.Join(errs...)
}

// propertiesValue returns a text that is parsed to the same color and size.
func (m *ProductMapper) propertiesValue(sku *dianjia.SKU) (text, problem string) {
	labels := m.cfg.Properties
	says := func(text string) bool {
		color, size := m.colorSize(text, "")
		if own := sku.Own[string(FieldColor)].From; own != "" && text == sku.PropertiesText {
			color, size = m.colorSize(text, own) // Jushuitan's own color helped to parse it
		}
		return color == sku.Color && size == sku.Size
	}
	candidates := []string{sku.PropertiesText}
	switch {
	case sku.Color == "" && sku.Size == "":
		candidates = append(candidates, "")
	case sku.Size == "":
		candidates = append(candidates, sku.Color, labels.Color[0]+":"+sku.Color)
	case sku.Color == "":
		candidates = append(candidates, sku.Size, labels.Size[0]+":"+sku.Size)
	default:
		candidates = append(candidates, sku.Color+";"+sku.Size,
			labels.Color[0]+":"+sku.Color+";"+labels.Size[0]+":"+sku.Size)
	}
	for _, text := range candidates {
		if !says(text) {
			continue
		}
		if utf8.RuneCountInString(text) <= maxPropertiesValue {
			return text, ""
		}
		problem = cmp.Or(problem, fmt.Sprintf("colour and size take %d characters, maximum %d / 颜色及规格过长，最多 %d 个字符",
			utf8.RuneCountInString(text), maxPropertiesValue, maxPropertiesValue))
	}
	return "", cmp.Or(problem, fmt.Sprintf("colour %q and size %q cannot be restored from properties_value: remove separators, and blanks at their ends / 颜色或尺码含分隔符，无法还原，请修改", sku.Color, sku.Size))
}

// uploadAttribute writes a configured field through its source.
func uploadAttribute(row *jushuitan.SKUUpload, p *dianjia.Product, s *FieldSource, value string) (problem string) {
	if value != strings.TrimSpace(value) && s.kind != sourceNone && s.kind != sourceFunc {
		return fmt.Sprintf("%q starts or ends with a blank, which queries do not return: remove it / 首尾空格无法还原，请去除", value)
	}
	switch s.kind {
	case sourceUps:
		return uploadProperty(row, s.text, value)
	case sourceOther:
		return uploadOther(row, s.n, value)
	case sourceLabel:
		return uploadLabel(row, s.text, value)
	case sourceCategory:
		style := p.Own[string(FieldCategory)] // the style's category in Jushuitan
		if value != p.Category.Name && value != row.CName && !(style.Differs && value == style.Text) {
			return fmt.Sprintf("the value differs from its source, the category %q / 来源为类目 %q，与该值不一致", p.Category.Name, p.Category.Name)
		}
	case sourceConstant:
		if value != s.text {
			return fmt.Sprintf("the value differs from its source, the constant %q / 来源为常量 %q，与该值不一致", s.text, s.text)
		}
	}
	return ""
}

func uploadProperty(row *jushuitan.SKUUpload, name, value string) (problem string) {
	if row.CategoryProperties == nil {
		row.CategoryProperties = map[string]any{}
	}
	if have, ok := row.CategoryProperties[name]; ok && have != value {
		return fmt.Sprintf("category property %q would have two values / 类目属性 %q 有两个不同的值", name, name)
	}
	row.CategoryProperties[name] = value
	return ""
}

func uploadOther(row *jushuitan.SKUUpload, n int, value string) (problem string) {
	slots := [...]*string{&row.Other1, &row.Other2, &row.Other3, &row.Other4, &row.Other5}
	if n < 1 || n > len(slots) {
		return fmt.Sprintf("an upload supports other_1 to other_5, not other_%d / 上传仅支持 other_1 至 other_5", n)
	}
	slot := slots[n-1]
	if *slot != "" && *slot != value {
		return fmt.Sprintf("other_%d would have two values / other_%d 有两个不同的值", n, n)
	}
	*slot = value
	return ""
}

func uploadLabel(row *jushuitan.SKUUpload, prefix, value string) (problem string) {
	for _, label := range row.Labels {
		if rest, ok := strings.CutPrefix(label, prefix); ok {
			if strings.TrimSpace(rest) == value {
				return ""
			}
			return fmt.Sprintf("the product has the label %q, which contradicts the value / 已有标签 %q 与该值不一致", label, label)
		}
	}
	row.Labels = append(row.Labels, prefix+value)
	return ""
}

// uploadOwn returns the value of a field of a SKU: its own if it differs from the style's in
// Jushuitan.
func uploadOwn(sku *dianjia.SKU, field ProductField, value string) string {
	if own := sku.Own[string(field)]; own.Differs {
		return own.Text
	}
	return value
}

// uploadName returns the name of a SKU, which an upload requires, or the style's if it has none.
func uploadName(sku *dianjia.SKU, p *dianjia.Product) string {
	return cmp.Or(uploadOwn(sku, FieldName, p.Name), p.Name)
}

// uploadPrice returns the price of a SKU or, if it has none, that of the style, unless Jushuitan
// has no price for the SKU.
func uploadPrice(sku *dianjia.SKU, field ProductField, price, style decimal.NullDecimal) *decimal.Decimal {
	if sku.Own[string(field)].Differs && (!price.Valid || planSamePrice(price, style)) {
		return nil
	}
	if price = productFirst(price, style); price.Valid {
		return &price.Decimal
	}
	return nil
}
