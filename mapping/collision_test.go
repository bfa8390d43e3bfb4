package mapping_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func TestCheck(t *testing.T) {
	good := func(change ...func(*dianjia.SKU)) []dianjia.SKU {
		sku := dianjia.SKU{Code: "A-1", Barcode: "6901234567892", Color: "红", Size: "S", Price: dianjia.Price{Retail: price("99.50")}}
		for _, c := range change {
			c(&sku)
		}
		return []dianjia.SKU{sku}
	}
	other := dianjia.SKU{Code: "A-2", Color: "红", Size: "M"}
	tests := []struct {
		name     string
		products []*dianjia.Product
		want     []mapping.Collision
	}{
		{"nothing", []*dianjia.Product{{StyleNo: "A", Name: "T恤", SKUs: append(good(), other)}, {StyleNo: "B", SKUs: nil}}, nil},
		{"two SKUs with one barcode", []*dianjia.Product{
			{StyleNo: "A", SKUs: good()}, {StyleNo: "B", SKUs: good(func(s *dianjia.SKU) { s.Code = "B-1" })}, {StyleNo: "C", SKUs: good(func(s *dianjia.SKU) { s.Code = "C-1" })},
		}, []mapping.Collision{
			{Kind: mapping.CollisionBarcode, StyleNo: "B", SKU: "B-1", Field: mapping.FieldBarcode, Value: "6901234567892", Other: "A-1"},
			{Kind: mapping.CollisionBarcode, StyleNo: "C", SKU: "C-1", Field: mapping.FieldBarcode, Value: "6901234567892", Other: "A-1"},
		}},
		{"empty i_id", []*dianjia.Product{{StyleNo: " ", SKUs: good()}}, []mapping.Collision{{Kind: mapping.CollisionNoStyleNo, StyleNo: " ", Field: mapping.FieldStyleNo}}},
		{"i_id equal to sku_id", []*dianjia.Product{{StyleNo: "A-1", SKUs: good()}}, []mapping.Collision{
			{Kind: mapping.CollisionStyleIsSKU, StyleNo: "A-1", SKU: "A-1", Field: mapping.FieldStyleNo, Value: "A-1"},
		}},
		{"name used as i_id", []*dianjia.Product{{StyleNo: "圆领T恤", Name: "圆领T恤", SKUs: good()}}, []mapping.Collision{
			{Kind: mapping.CollisionStyleIsName, StyleNo: "圆领T恤", Field: mapping.FieldStyleNo, Value: "圆领T恤"},
		}},
		{"the same sku_id in two styles", []*dianjia.Product{{StyleNo: "A", SKUs: good()}, {StyleNo: "B", SKUs: good()}}, []mapping.Collision{
			{Kind: mapping.CollisionSKU, StyleNo: "B", SKU: "A-1", Field: mapping.FieldSKUCode, Value: "A-1", Other: "A"},
		}},
		{"codes that look alike", []*dianjia.Product{{StyleNo: "A\ufeff", SKUs: good(func(s *dianjia.SKU) { s.Code, s.Barcode = "A-\u200b1", "" })}, {StyleNo: "B", SKUs: good(func(s *dianjia.SKU) { s.Code, s.Barcode = "B-1 ", "" })}}, []mapping.Collision{
			{Kind: mapping.CollisionInvisible, StyleNo: "A\ufeff", Field: mapping.FieldStyleNo, Value: "A\ufeff"},
			{Kind: mapping.CollisionInvisible, StyleNo: "A\ufeff", SKU: "A-\u200b1", Field: mapping.FieldSKUCode, Value: "A-\u200b1"},
			{Kind: mapping.CollisionInvisible, StyleNo: "B", SKU: "B-1 ", Field: mapping.FieldSKUCode, Value: "B-1 "},
		}},
		{"no sku_id", []*dianjia.Product{{StyleNo: "A", SKUs: good(func(s *dianjia.SKU) { s.Code = "" })}}, []mapping.Collision{
			{Kind: mapping.CollisionNoSKUCode, StyleNo: "A", Field: mapping.FieldSKUCode},
		}},
		{"invalid EAN", []*dianjia.Product{{StyleNo: "A", SKUs: good(func(s *dianjia.SKU) { s.Barcode = "6901234567890" })}}, []mapping.Collision{
			{Kind: mapping.CollisionBadBarcode, StyleNo: "A", SKU: "A-1", Field: mapping.FieldBarcode, Value: "6901234567890", Detail: "the check digit is 0, want 2 / 校验位为 0，应为 2"},
		}},
		{"missing colour and size", []*dianjia.Product{{StyleNo: "A", SKUs: good(func(s *dianjia.SKU) { s.Color, s.Size, s.PropertiesText = "", "", "材质:棉" })}}, []mapping.Collision{
			{Kind: mapping.CollisionNoColor, StyleNo: "A", SKU: "A-1", Field: mapping.FieldColor, Detail: `properties_value "材质:棉"`},
			{Kind: mapping.CollisionNoSize, StyleNo: "A", SKU: "A-1", Field: mapping.FieldSize, Detail: `properties_value "材质:棉"`},
		}},
		{"price with more than two decimals", []*dianjia.Product{{StyleNo: "A", Price: dianjia.Price{Cost: price("10.005")}, SKUs: good(func(s *dianjia.SKU) {
			s.Price = dianjia.Price{Cost: price("1.999"), Tag: price("1.990"), Retail: price("1.001")}
		})}}, []mapping.Collision{
			{Kind: mapping.CollisionPriceDecimal, StyleNo: "A", Field: mapping.FieldCostPrice, Value: "10.005"},
			{Kind: mapping.CollisionPriceDecimal, StyleNo: "A", SKU: "A-1", Field: mapping.FieldCostPrice, Value: "1.999"},
			{Kind: mapping.CollisionPriceDecimal, StyleNo: "A", SKU: "A-1", Field: mapping.FieldRetailPrice, Value: "1.001"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mapping.CheckProducts(tt.products)
			assert.Equal(t, tt.want, got)
			for _, c := range got {
				chinese, english := c.Kind.Text()
				assert.NotEqual(t, string(c.Kind), chinese)
				assert.Contains(t, c.String(), chinese+" / "+english)
				for _, text := range []string{c.SKU, c.Value} { // quoted, so that everything is seen
					assert.Contains(t, c.String(), strings.Trim(strconv.Quote(text), `"`))
				}
				assert.Contains(t, c.String(), c.Detail)
			}
		})
	}
}

func TestCheckBarcode(t *testing.T) {
	tests := []struct{ code, want string }{
		{"6901234567892", ""}, // EAN-13
		{"96385074", ""},      // EAN-8
		{"036000291452", ""},  // UPC-A
		{"10012345678902", ""},
		{"6901234567893", "check digit is 3, want 2"},
		{"96385075", "check digit"},
		{"036000291453", "check digit"},
		{"10012345678903", "check digit"},
		{"9601234567892", "check digit"}, // two digits swapped
		{"690123456789", "check digit"},
		{"69012345678", "11 digits"},
		{"", "0 digits"},
		{"690123456789X", "other than digits"},
		{" 6901234567892", "other than digits"},
		{"６９０１２３４５６７８９２", "other than digits"},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			err := mapping.CheckBarcode(tt.code)
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// Every wrong digit of a code is found.
func TestCheckBarcodeFindsEachDigit(t *testing.T) {
	const good = "6901234567892"
	for i := range good {
		for d := byte('0'); d <= '9'; d++ {
			code := good[:i] + string(d) + good[i+1:]
			assert.Equal(t, code == good, mapping.CheckBarcode(code) == nil, code)
		}
	}
}

func TestCollisionCheckerLimit(t *testing.T) {
	products := func(n int) (out []*dianjia.Product) {
		for i := range n {
			code := strconv.Itoa(i)
			out = append(out, &dianjia.Product{StyleNo: "S" + code, SKUs: []dianjia.SKU{{Code: code, Barcode: "6901234567892", Color: "红", Size: "S"}}})
		}
		return out
	}
	for _, tt := range []struct {
		limit, products int
		complete        bool
	}{{0, 50, true}, {50, 50, true}, {49, 50, false}, {1, 50, false}} {
		c := mapping.NewCollisionChecker(tt.limit)
		var found []mapping.Collision
		for _, p := range products(tt.products) {
			found = c.Append(found, p)
		}
		assert.Equal(t, tt.complete, c.Complete(), "%+v", tt)
		assert.Len(t, found, tt.products-1, "the first barcode is remembered")
	}
}

// BenchmarkCollisions checks a million SKUs as a stream.
func BenchmarkCollisions(b *testing.B) {
	const rows = 1_000_000
	m := mapper(b, millionConfig)
	in := million(rows)
	for i := range in {
		in[i].SKUCode = fmt.Sprintf("%013d", i)
	}
	products := m.SKUs(in)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := mapping.NewCollisionChecker(0)
	var found []mapping.Collision
	for _, p := range products {
		found = c.Append(found[:0], p)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(c)
	for b.Loop() {
		c := mapping.NewCollisionChecker(0)
		for _, p := range products {
			found = c.Append(found[:0], p)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/rows, "heap-B/row")
}

func ExampleCheckProducts() {
	m, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range mapping.CheckProducts(m.SKUs([]jushuitan.SKU{
		{SKUID: "TEE24-M", IID: "TEE24", SKUCode: "6901234567892", PropertiesValue: "白色;M"},
		{SKUID: "TEE24-L", IID: "TEE24", SKUCode: "6901234567892", PropertiesValue: "白色"},
	})) {
		text, _, _ := strings.Cut(c.String(), " / ")
		fmt.Println(text)
	}
	// Output:
	// [no_size] 货号 "TEE24" SKU "TEE24-L": 没有识别出尺码，请检查颜色及规格
	// [same_barcode] 货号 "TEE24" SKU "TEE24-M" 条形码 "6901234567892" = "TEE24-L": 多个SKU使用同一条形码，请在聚水潭核对国标码
}
