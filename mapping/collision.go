package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// CollisionKind is the kind of a [Collision].
type CollisionKind string

// The kinds.
const (
	CollisionBarcode      CollisionKind = "same_barcode"         // 条形码 of another SKU
	CollisionSKU          CollisionKind = "same_sku"             // 商品编码 occurs more than once
	CollisionNoSKUCode    CollisionKind = "no_sku_code"          // 商品编码 is empty
	CollisionNoStyleNo    CollisionKind = "no_style_no"          // 款式编码 is empty
	CollisionStyleIsSKU   CollisionKind = "style_no_is_sku"      // 款式编码 equals a 商品编码
	CollisionStyleIsName  CollisionKind = "style_no_is_name"     // 款式编码 equals the 商品名称
	CollisionBadBarcode   CollisionKind = "invalid_barcode"      // 条形码 is not a valid EAN
	CollisionNoColor      CollisionKind = "no_color"             // 颜色 is empty
	CollisionNoSize       CollisionKind = "no_size"              // 尺码 is empty
	CollisionPriceDecimal CollisionKind = "price_decimal_places" // a price has more than two decimals
	CollisionInvisible    CollisionKind = "invisible_character"  // 款式编码 or 商品编码 has a blank at an end, or a character that nobody sees
)

// Text returns the problem and its fix in Chinese and English.
func (k CollisionKind) Text() (chinese, english string) {
	switch k {
	case CollisionBarcode:
		return "多个SKU使用同一条形码，请在聚水潭核对国标码", "two SKUs share a barcode: correct sku_code in Jushuitan"
	case CollisionSKU:
		return "同一商品编码出现多次，请核对款式归属", "the SKU code occurs more than once: check which style it belongs to"
	case CollisionNoSKUCode:
		return "商品编码为空，该SKU无法同步", "the SKU has no code and cannot be synced"
	case CollisionNoStyleNo:
		return "款式编码为空，请在聚水潭补全", "the style number is empty: set i_id in Jushuitan"
	case CollisionStyleIsSKU:
		return "款式编码与商品编码相同，可能不是真实货号，请在聚水潭核对", "the style number equals a SKU code and may not be a real style number: check i_id in Jushuitan"
	case CollisionStyleIsName:
		return "款式编码与商品名称相同，可能不是真实货号，请在聚水潭核对", "the style number equals the product name and may not be a real style number: check i_id in Jushuitan"
	case CollisionBadBarcode:
		return "条形码不是有效的EAN，请核对国标码", "the barcode is not a valid EAN: check sku_code"
	case CollisionNoColor:
		return "没有识别出颜色，请检查颜色及规格", "no colour was recognized: check properties_value and the labels"
	case CollisionNoSize:
		return "没有识别出尺码，请检查颜色及规格", "no size was recognized: check properties_value and the labels"
	case CollisionInvisible:
		return "编码含不可见字符或首尾空格，看似相同的编码会被当作不同商品，请在聚水潭修正", "the code has an invisible character, or a blank at an end, so that codes that look alike differ: correct it in Jushuitan"
	case CollisionPriceDecimal:
		return "价格超过两位小数，请在聚水潭修正", "the price has more than two decimals: correct it in Jushuitan"
	}
	return string(k), string(k)
}

// Collision is one problem found in the data of a product. Nothing is changed
// automatically.
type Collision struct {
	Kind    CollisionKind
	StyleNo string       // 货号
	SKU     string       // 商品编码: empty if the problem concerns the whole product
	Field   ProductField // the field with the problem
	Value   string       // the value of the field
	Other   string       // 商品编码 of the first SKU with the same value; for CollisionSKU the 货号 of the first one
	Detail  string       // further explanation in English and Chinese, otherwise empty
}

// String returns the finding in Chinese and English.
func (c Collision) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] 货号 %q", c.Kind, c.StyleNo)
	if c.SKU != "" {
		fmt.Fprintf(&b, " SKU %q", c.SKU)
	}
	if c.Value != "" {
		fmt.Fprintf(&b, " %s %q", c.Field.Title(), c.Value)
	}
	if c.Other != "" {
		fmt.Fprintf(&b, " = %q", c.Other)
	}
	chinese, english := c.Kind.Text()
	b.WriteString(": " + chinese + " / " + english)
	if c.Detail != "" {
		b.WriteString(" (" + c.Detail + ")")
	}
	return b.String()
}

// CheckProducts returns the collisions of products, in the order of the products and
// their SKUs. If several SKUs share a value, each but the first is reported, together
// with the first.
func CheckProducts(products []*dianjia.Product) []Collision {
	var found []Collision
	c := NewCollisionChecker(0)
	for _, p := range products {
		found = c.Append(found, p)
	}
	return found
}

// CollisionChecker is [CheckProducts] for a stream of products. To find values shared
// between products it remembers the code, style number and barcode of every SKU: about
// 200 bytes each beyond the texts themselves, 200 MB for a million. It is not safe for
// concurrent use.
type CollisionChecker struct {
	limit    int
	cut      bool
	styles   map[string]string // 货号 by 商品编码
	barcodes map[string]string // 商品编码 by 条形码
}

// NewCollisionChecker returns a checker that remembers up to limit SKUs; 0 means no
// limit. SKUs beyond the limit are still checked on their own and against the
// remembered ones.
func NewCollisionChecker(limit int) *CollisionChecker {
	return &CollisionChecker{limit: limit, styles: map[string]string{}, barcodes: map[string]string{}}
}

// Complete reports whether all SKUs were remembered, so that no collision can have been
// missed.
func (c *CollisionChecker) Complete() bool { return !c.cut }

// Append checks a product and appends its collisions to found.
func (c *CollisionChecker) Append(found []Collision, p *dianjia.Product) []Collision {
	add := func(kind CollisionKind, field ProductField, value string) {
		found = append(found, Collision{Kind: kind, StyleNo: p.StyleNo, Field: field, Value: value})
	}
	switch {
	case strings.TrimSpace(p.StyleNo) == "":
		add(CollisionNoStyleNo, FieldStyleNo, "")
	case p.StyleNo == p.Name:
		add(CollisionStyleIsName, FieldStyleNo, p.StyleNo)
	}
	if collisionInvisible(p.StyleNo) {
		add(CollisionInvisible, FieldStyleNo, p.StyleNo)
	}
	found = collisionPrices(found, p.StyleNo, "", &p.Price)
	for i := range p.SKUs {
		found = c.sku(found, p, &p.SKUs[i])
	}
	return found
}

func (c *CollisionChecker) sku(found []Collision, p *dianjia.Product, sku *dianjia.SKU) []Collision {
	add := func(kind CollisionKind, field ProductField, value string) *Collision {
		found = append(found, Collision{Kind: kind, StyleNo: p.StyleNo, SKU: sku.Code, Field: field, Value: value})
		return &found[len(found)-1]
	}
	switch {
	case strings.TrimSpace(sku.Code) == "":
		add(CollisionNoSKUCode, FieldSKUCode, "")
	default:
		if style, ok := c.styles[sku.Code]; ok {
			add(CollisionSKU, FieldSKUCode, sku.Code).Other = style
		} else if c.room(len(c.styles)) {
			c.styles[sku.Code] = p.StyleNo
		}
		if sku.Code == p.StyleNo {
			add(CollisionStyleIsSKU, FieldStyleNo, p.StyleNo)
		}
		if collisionInvisible(sku.Code) {
			add(CollisionInvisible, FieldSKUCode, sku.Code)
		}
	}
	if sku.Barcode != "" {
		if first, ok := c.barcodes[sku.Barcode]; !ok {
			if c.room(len(c.barcodes)) {
				c.barcodes[sku.Barcode] = sku.Code
			}
		} else if first != sku.Code || sku.Code == "" {
			add(CollisionBarcode, FieldBarcode, sku.Barcode).Other = first
		}
		if err := CheckBarcode(sku.Barcode); err != nil {
			add(CollisionBadBarcode, FieldBarcode, sku.Barcode).Detail = err.Error()
		}
	}
	if sku.Color == "" {
		add(CollisionNoColor, FieldColor, "").Detail = collisionText(sku)
	}
	if sku.Size == "" {
		add(CollisionNoSize, FieldSize, "").Detail = collisionText(sku)
	}
	return collisionPrices(found, p.StyleNo, sku.Code, &sku.Price)
}

// collisionInvisible reports whether a code has characters that nobody sees.
func collisionInvisible(code string) bool {
	return propTrim(code) != "" && (propTrim(code) != code || strings.ContainsFunc(code, func(r rune) bool {
		return unicode.Is(unicode.Cf, r) || unicode.IsControl(r)
	}))
}

// room reports whether one more SKU may be remembered in addition to those held.
func (c *CollisionChecker) room(held int) bool {
	if c.limit > 0 && held >= c.limit {
		c.cut = true
		return false
	}
	return true
}

func collisionText(sku *dianjia.SKU) string {
	if sku.PropertiesText == "" {
		return ""
	}
	return fmt.Sprintf("properties_value %q", sku.PropertiesText)
}

func collisionPrices(found []Collision, styleNo, sku string, price *dianjia.Price) []Collision {
	for _, f := range [...]struct {
		field ProductField
		price decimal.NullDecimal
	}{{FieldCostPrice, price.Cost}, {FieldTagPrice, price.Tag}, {FieldRetailPrice, price.Retail}} {
		d := f.price.Decimal
		if f.price.Valid && d.Exponent() < -2 && !d.Equal(d.Truncate(2)) {
			found = append(found, Collision{Kind: CollisionPriceDecimal, StyleNo: styleNo, SKU: sku, Field: f.field, Value: d.String()})
		}
	}
	return found
}

// CheckBarcode returns an error unless the barcode (条形码) is a valid EAN-8, UPC-A,
// EAN-13 or GTIN-14: 8, 12, 13 or 14 digits with a correct check digit.
func CheckBarcode(code string) error {
	if strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }) {
		return errors.New("the barcode has characters other than digits / 条形码含有非数字字符")
	}
	if !slices.Contains([]int{8, 12, 13, 14}, len(code)) {
		return fmt.Errorf("the barcode has %d digits, want 8, 12, 13 or 14 / 条形码为 %[1]d 位，应为 8、12、13 或 14 位", len(code))
	}
	sum, last := 0, len(code)-1
	for i := range last {
		digit := int(code[i] - '0')
		if (last-i)%2 == 1 {
			digit *= 3
		}
		sum += digit
	}
	if want := byte('0' + (10-sum%10)%10); code[last] != want {
		return fmt.Errorf("the check digit is %c, want %c / 校验位为 %[1]c，应为 %[2]c", code[last], want)
	}
	return nil
}
