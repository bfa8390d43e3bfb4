package mapping_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func price(s string) decimal.NullDecimal {
	if s == "" {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(dec(s))
}

func mapper(t testing.TB, cfg mapping.ProductConfig) *mapping.ProductMapper {
	t.Helper()
	m, err := mapping.NewProductMapper(cfg)
	require.NoError(t, err)
	return m
}

func show(d decimal.NullDecimal) string {
	if !d.Valid {
		return "none"
	}
	return d.Decimal.String()
}

// Part 6 商品字段: each of the sixteen rows, from each kind of row that Jushuitan has.
func TestGuidePart6ProductFields(t *testing.T) {
	sku := jushuitan.SKU{
		Name: "圆领T恤", IID: "TEE24", SKUID: "TEE24-WHT-M", SKUCode: "6901234567892", PropertiesValue: "白色;M", Brand: "青禾",
		CostPrice: dec("38.5"), MarketPrice: dec("199"), SalePrice: dec("99"),
		Other1: "2026", Other2: "夏", Other3: "一波", Other4: "A", Other10: "通勤", Labels: jushuitan.CommaList{"店加", "系列:海岸"},
	}
	item := jushuitan.Item{
		Name: "圆领T恤", IID: "TEE24", Brand: "青禾", CPrice: dec("38.5"), MarketPrice: dec("199"), SPrice: dec("99"),
		Ups: []jushuitan.ItemProperty{
			{PName: "年份", PVValue: "2026"}, {PName: "季节", PVValue: "夏"}, {PName: "波段", PVValue: "一波"},
			{PName: "商品层", PVValue: "A"}, {PName: "风格", PVValue: "通勤"}, {PName: "系列", PVValue: "海岸"},
		},
		SKUs: []jushuitan.ItemSKU{{SKUID: "TEE24-WHT-M", IID: "TEE24", SKUCode: "6901234567892", PropertiesValue: "白色;M"}},
	}
	bundle := jushuitan.Bundle{
		Name: "圆领T恤", IID: "TEE24", SKUID: "TEE24-WHT-M", SKUCode: "6901234567892", PropertiesValue: "白色;M", Brand: "青禾",
		CostPrice: dec("38.5"), SalePrice: dec("99"),
		Other1: "2026", Other2: "夏", Other3: "一波", Other4: "A", Other5: "通勤", Labels: jushuitan.CommaList{"店加", "系列:海岸"},
	}
	bySKU := mapper(t, mapping.ProductConfig{
		Year: mapping.FromOther(1), Season: mapping.FromOther(2), Wave: mapping.FromOther(3), Tier: mapping.FromOther(4),
		Style: mapping.FromFirst(mapping.FromOther(10), mapping.FromOther(5)), Series: mapping.FromLabelPrefix("系列:"),
	})
	byStyle := mapper(t, mapping.ProductConfig{
		PullSPU: true,
		Year:    mapping.FromUps("年份"), Season: mapping.FromUps("季节"), Wave: mapping.FromUps("波段"), Tier: mapping.FromUps("商品层"),
		Style: mapping.FromUps("风格"), Series: mapping.FromUps("系列"),
	})
	products := map[string]*dianjia.Product{
		"sku":    bySKU.SKUs([]jushuitan.SKU{sku})[0],
		"item":   byStyle.Item(&item),
		"bundle": bySKU.Bundles([]jushuitan.Bundle{bundle})[0],
	}
	tests := []struct {
		title string
		get   func(*dianjia.Product) string
		want  string
		no    string // the kind of row that does not have it
	}{
		{"商品名称", func(p *dianjia.Product) string { return p.Name }, "圆领T恤", ""},
		{"货号", func(p *dianjia.Product) string { return p.StyleNo }, "TEE24", ""},
		{"商品编码", func(p *dianjia.Product) string { return p.SKUs[0].Code }, "TEE24-WHT-M", ""},
		{"条形码", func(p *dianjia.Product) string { return p.SKUs[0].Barcode }, "6901234567892", ""},
		{"颜色", func(p *dianjia.Product) string { return p.SKUs[0].Color }, "白色", ""},
		{"尺码", func(p *dianjia.Product) string { return p.SKUs[0].Size }, "M", ""},
		{"品牌", func(p *dianjia.Product) string { return p.Brand }, "青禾", ""},
		{"标准成本价", func(p *dianjia.Product) string { return show(p.SKUs[0].Price.Cost) }, "38.5", ""},
		{"标准吊牌价", func(p *dianjia.Product) string { return show(p.SKUs[0].Price.Tag) }, "199", "bundle"},
		{"标准零售价", func(p *dianjia.Product) string { return show(p.SKUs[0].Price.Retail) }, "99", ""},
		{"年份", func(p *dianjia.Product) string { return p.Year }, "2026", ""},
		{"季节", func(p *dianjia.Product) string { return p.Season }, "夏", ""},
		{"波段", func(p *dianjia.Product) string { return p.Wave }, "一波", ""},
		{"商品层", func(p *dianjia.Product) string { return p.Tier }, "A", ""},
		{"风格", func(p *dianjia.Product) string { return p.Style }, "通勤", ""},
		{"系列", func(p *dianjia.Product) string { return p.Series }, "海岸", ""},
	}
	require.Len(t, tests, 16)
	for _, tt := range tests {
		for kind, p := range products {
			t.Run(tt.title+" "+kind, func(t *testing.T) {
				want := tt.want
				if tt.no == kind {
					want = "none"
				}
				assert.Equal(t, want, tt.get(p))
			})
		}
	}
	for kind, p := range products {
		assert.Equal(t, "白色;M", p.SKUs[0].PropertiesText, kind)
	}
}

// Every field with a source of its own goes the whole way, also one that is added later:
// from Jushuitan's row to the product, the plan, the report and back.
func TestEverySourceFieldTravels(t *testing.T) {
	fields := mapping.FieldsWithSource()
	require.NotEmpty(t, fields)
	for _, field := range fields {
		t.Run(string(field), func(t *testing.T) {
			assert.NotEqual(t, string(field), field.Title(), "it needs a Chinese name")
			tests := map[string]struct {
				source  mapping.FieldSource
				pullSPU bool
				item    jushuitan.Item
				back    func(jushuitan.SKUUpload) any
			}{
				"category property": {mapping.FromUps("属性"), true,
					jushuitan.Item{IID: "A", Name: "甲", Ups: []jushuitan.ItemProperty{{PName: "属性", PVValue: "值"}}, SKUs: []jushuitan.ItemSKU{{SKUID: "A-1"}}},
					func(row jushuitan.SKUUpload) any { return row.CategoryProperties["属性"] }},
				"custom text": {mapping.FromOther(3), false,
					jushuitan.Item{IID: "A", Name: "甲", SKUs: []jushuitan.ItemSKU{{SKUID: "A-1", Other3: "值"}}},
					func(row jushuitan.SKUUpload) any { return row.Other3 }},
				"label": {mapping.FromLabelPrefix("前缀:"), false,
					jushuitan.Item{IID: "A", Name: "甲", SKUs: []jushuitan.ItemSKU{{SKUID: "A-1", Labels: jushuitan.CommaList{"前缀:值"}}}},
					func(row jushuitan.SKUUpload) any { return strings.TrimPrefix(row.Labels[0], "前缀:") }},
			}
			for name, tt := range tests {
				t.Run(name, func(t *testing.T) {
					cfg := mapping.ProductConfig{PullSPU: tt.pullSPU}
					*cfg.Source(field) = tt.source
					m := mapper(t, cfg)
					p := m.Item(&tt.item)
					assert.Empty(t, m.MissingFields(p))

					decision := mapping.SyncSettings{PullSPU: tt.pullSPU}.Plan(&dianjia.Product{StyleNo: "A"}, p)
					assert.Contains(t, decision.Changes, mapping.SyncChange{Field: field, New: "值"})
					assert.Equal(t, mapping.ActionSkip, mapping.SyncSettings{PullSPU: tt.pullSPU}.Plan(&decision.Product, p).Action)

					rows, err := m.SKUUploads(&decision.Product)
					require.NoError(t, err)
					require.Len(t, rows, 1)
					assert.Equal(t, "值", tt.back(rows[0]))

					without := m.Item(&jushuitan.Item{IID: "B", SKUs: []jushuitan.ItemSKU{{SKUID: "B-1"}}})
					assert.Equal(t, []mapping.ProductField{field}, m.MissingFields(without))
				})
			}
			cfg := mapping.ProductConfig{}
			*cfg.Source(field) = mapping.FromUps("属性")
			_, err := mapping.NewProductMapper(cfg)
			require.ErrorContains(t, err, fmt.Sprintf("source of %s (%s)", field, field.Title()))
		})
	}
	assert.Nil(t, new(mapping.ProductConfig).Source(mapping.FieldName), "a name has no source to choose")
}

func TestPrices(t *testing.T) {
	style := jushuitan.Item{IID: "A", CPrice: dec("10"), MarketPrice: dec("30"), SPrice: dec("20")}
	tests := []struct {
		name              string
		cfg               mapping.ProductConfig
		sku               jushuitan.ItemSKU
		cost, tag, retail string
	}{
		{"the SKU's own", mapping.ProductConfig{}, jushuitan.ItemSKU{CostPrice: dec("11"), MarketPrice: dec("31"), SalePrice: dec("21")}, "11", "31", "21"},
		{"the style's", mapping.ProductConfig{}, jushuitan.ItemSKU{PurchasePrice: dec("9")}, "10", "30", "20"},
		{"one by one", mapping.ProductConfig{}, jushuitan.ItemSKU{SalePrice: dec("21")}, "10", "30", "21"},
		{"zero is a price", mapping.ProductConfig{ZeroPrices: mapping.ZeroIsPrice}, jushuitan.ItemSKU{SalePrice: dec("0"), MarketPrice: decimal.New(0, 0)}, "10", "0", "0"},
		{"zero of the tag is none", mapping.ProductConfig{}, jushuitan.ItemSKU{SalePrice: dec("0"), MarketPrice: decimal.New(0, 0), CostPrice: dec("0")}, "10", "30", "0"},
		{"zero is none", mapping.ProductConfig{ZeroPrices: mapping.ZeroIsUnset}, jushuitan.ItemSKU{SalePrice: dec("0")}, "10", "30", "20"},
		{"negative is none", mapping.ProductConfig{ZeroPrices: mapping.ZeroIsPrice}, jushuitan.ItemSKU{SalePrice: dec("-1"), MarketPrice: dec("-0.01"), CostPrice: dec("-5")}, "10", "30", "20"},
		{"negative purchase price", mapping.ProductConfig{Cost: mapping.CostFromPurchaseElseCost}, jushuitan.ItemSKU{PurchasePrice: dec("-9"), CostPrice: dec("11")}, "11", "30", "20"},
		{"purchase price", mapping.ProductConfig{Cost: mapping.CostFromPurchasePrice}, jushuitan.ItemSKU{CostPrice: dec("11"), PurchasePrice: dec("9")}, "9", "30", "20"},
		{"no purchase price", mapping.ProductConfig{Cost: mapping.CostFromPurchasePrice}, jushuitan.ItemSKU{CostPrice: dec("11")}, "10", "30", "20"},
		{"purchase else cost", mapping.ProductConfig{Cost: mapping.CostFromPurchaseElseCost}, jushuitan.ItemSKU{CostPrice: dec("11")}, "11", "30", "20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := style
			tt.sku.SKUID = "A-1"
			row.SKUs = []jushuitan.ItemSKU{tt.sku}
			tt.cfg.PullSPU = true
			p := mapper(t, tt.cfg).Item(&row)
			assert.Equal(t, []string{"10", "30", "20"}, []string{show(p.Price.Cost), show(p.Price.Tag), show(p.Price.Retail)}, "of the style")
			got := p.SKUs[0].Price
			assert.Equal(t, []string{tt.cost, tt.tag, tt.retail}, []string{show(got.Cost), show(got.Tag), show(got.Retail)})
		})
	}

	t.Run("a SKU query", func(t *testing.T) {
		rows := []jushuitan.SKU{{SKUID: "A-1", IID: "A", CostPrice: dec("11"), PurchasePrice: dec("9"), SalePrice: dec("0")}}
		got := mapper(t, mapping.ProductConfig{Cost: mapping.CostFromPurchasePrice}).SKUs(rows)[0]
		assert.Equal(t, dianjia.Price{Cost: price("9"), Retail: price("0")}, got.SKUs[0].Price)
		assert.Equal(t, dianjia.Price{}, got.Price, "a SKU query knows no price of the style")
	})
}

func TestColorOfTheQuery(t *testing.T) {
	tests := []struct{ text, color, wantColor, wantSize string }{
		{"红,白,XL", "红,白", "红,白", "XL"}, // the colour has a separator
		{"十片", "十片", "十片", ""},
		{"XL", "XL", "XL", ""}, // a colour that looks like a size
		{"XL;红色", "红色", "红色", "XL"},
		{"颜色:红;尺码:XL", "深红", "红", "XL"}, // labels are surer
		{"红色;XL", "蓝色", "红色", "XL"},     // the text does not agree: it counts
		{"", "红色", "红色", ""},
		{"材质:棉", "红色", "红色", ""},
		{"红 XL", "红 XL", "红 XL", ""},
	}
	for _, tt := range tests {
		t.Run(tt.text+" "+tt.color, func(t *testing.T) {
			got := mapper(t, mapping.ProductConfig{}).SKUs([]jushuitan.SKU{{SKUID: "A-1", IID: "A", PropertiesValue: tt.text, Color: tt.color}})[0].SKUs[0]
			assert.Equal(t, tt.wantColor, got.Color)
			assert.Equal(t, tt.wantSize, got.Size)
			assert.Equal(t, tt.text, got.PropertiesText)
		})
	}
}

func TestMinConfidence(t *testing.T) {
	rows := []jushuitan.SKU{
		{SKUID: "1", IID: "A", PropertiesValue: "红色"},
		{SKUID: "2", IID: "A", PropertiesValue: "红色;XL"},
		{SKUID: "3", IID: "A", PropertiesValue: "L;红色", Color: "红色"},
	}
	p := mapper(t, mapping.ProductConfig{MinConfidence: mapping.ConfidencePositional}).SKUs(rows)[0]
	assert.Equal(t, dianjia.SKU{Code: "1", PropertiesText: "红色"}, p.SKUs[0], "a guess is left out")
	assert.Equal(t, "红色", p.SKUs[1].Color)
	assert.Equal(t, "XL", p.SKUs[1].Size)
	assert.Equal(t, "L", p.SKUs[2].Size, "the colour of the query makes it sure")
}

func TestCategories(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{PullSPU: true, Categories: []jushuitan.Category{
		{CID: 3, Name: "服装"}, {CID: 30011, ParentCID: 3, Name: "T恤"},
	}})
	assert.Equal(t, dianjia.Category{Code: "30011", Name: "T恤", ParentCode: "3"}, m.Item(&jushuitan.Item{IID: "A", CID: 30011, CName: "旧名"}).Category)
	assert.Equal(t, dianjia.Category{Code: "3", Name: "服装"}, m.Item(&jushuitan.Item{IID: "A", CID: 3}).Category)
	assert.Equal(t, dianjia.Category{Code: "77", Name: "帽子"}, m.Item(&jushuitan.Item{IID: "A", CID: 77, CName: "帽子"}).Category, "unknown to the tree")
	assert.Equal(t, dianjia.Category{Name: "帽子"}, m.Item(&jushuitan.Item{IID: "A", CName: "帽子"}).Category)
	item := jushuitan.Item{IID: "A", SKUs: []jushuitan.ItemSKU{{SKUID: "A-1", CID: 30011, Name: "圆领", Brand: "青禾"}}}
	p := m.Item(&item)
	assert.Equal(t, "T恤", p.Category.Name, "of a SKU where the style has none")
	assert.Equal(t, "圆领", p.Name)
	assert.Equal(t, "青禾", p.Brand)
}

func TestGrouping(t *testing.T) {
	at := func(min int) time.Time { return time.Date(2026, 1, 3, 10, min, 0, 0, time.UTC) }
	rows := []jushuitan.SKU{
		{SKUID: "B-2", IID: "B", Name: "乙二", Modified: at(1)},
		{SKUID: "A-1", IID: "A", Name: "甲", Modified: at(1), Labels: jushuitan.CommaList{"新品"}},
		{SKUID: "B-1", IID: "B", Name: "", Brand: "青禾", Modified: at(1), Labels: jushuitan.CommaList{"店加"}},
		{SKUID: "loose-2", Name: "散二", Modified: at(1)},
		{SKUID: "A-1", IID: "A", Name: "", Modified: at(2), SKUCode: "new"}, // newer: the name is gone
		{SKUID: "B-3", IID: "B", Name: "乙三", Modified: at(1), Labels: jushuitan.CommaList{"店加", "新品"}},
		{SKUID: "loose-1", Name: "散一", Modified: at(1)},
	}
	m := mapper(t, mapping.ProductConfig{})
	want := []*dianjia.Product{
		{Name: "散一", SKUs: []dianjia.SKU{{Code: "loose-1"}}},
		{Name: "散二", SKUs: []dianjia.SKU{{Code: "loose-2"}}},
		{StyleNo: "A", SKUs: []dianjia.SKU{{Code: "A-1", Barcode: "new"}}},
		{StyleNo: "B", Name: "乙二", Brand: "青禾", Labels: []string{"店加", "新品"}, SKUs: []dianjia.SKU{
			{Code: "B-1", Labels: []string{"店加"}}, {Code: "B-2"}, {Code: "B-3", Labels: []string{"店加", "新品"}},
		}},
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		got := m.SKUs(rows)
		for _, p := range got {
			for i := range p.SKUs {
				p.SKUs[i].Own = nil
			}
		}
		require.Equal(t, want, got, "the order of the rows does not matter")
	}
	assert.Equal(t, jushuitan.CommaList{"店加"}, rows[slices.IndexFunc(rows, func(r jushuitan.SKU) bool { return r.SKUID == "B-1" })].Labels,
		"the rows are not changed")

	t.Run("the SKU code for the style number", func(t *testing.T) {
		got := mapper(t, mapping.ProductConfig{SKUCodeForStyleNo: true}).SKUs([]jushuitan.SKU{{SKUID: "loose"}})
		assert.Equal(t, "loose", got[0].StyleNo)
	})
	t.Run("rows without any code stay", func(t *testing.T) {
		got := m.SKUs([]jushuitan.SKU{{IID: "A", SKUCode: "1"}, {IID: "A", SKUCode: "2"}})
		require.Len(t, got, 1)
		assert.Len(t, got[0].SKUs, 2)
	})
	t.Run("a style with many SKUs", func(t *testing.T) {
		g := m.Grouper()
		for round := range 2 {
			for i := range 200 {
				g.AddSKU(&jushuitan.SKU{SKUID: fmt.Sprintf("S-%03d", i), IID: "S", SKUCode: strconv.Itoa(round), Modified: at(round)})
			}
		}
		assert.Equal(t, 1, g.Len())
		for p := range g.Products() {
			require.Len(t, p.SKUs, 200)
			for i, sku := range p.SKUs {
				require.Equal(t, fmt.Sprintf("S-%03d", i), sku.Code)
				require.Equal(t, "1", sku.Barcode)
			}
		}
	})
	t.Run("a row of the style query is the whole style", func(t *testing.T) {
		old := jushuitan.Item{IID: "A", Name: "旧", Modified: at(1), SKUs: []jushuitan.ItemSKU{{SKUID: "A-1"}, {SKUID: "A-2"}}}
		now := jushuitan.Item{IID: "A", Name: "新", Modified: at(2), SKUs: []jushuitan.ItemSKU{{SKUID: "A-2"}}}
		want := &dianjia.Product{StyleNo: "A", Name: "新", SKUs: []dianjia.SKU{{Code: "A-2"}}}
		for _, order := range [][]*jushuitan.Item{{&old, &now}, {&now, &old}} {
			g := m.Grouper()
			for _, row := range order {
				g.AddItem(row)
			}
			assert.Equal(t, []*dianjia.Product{want}, slices.Collect(g.Products()))
		}
	})
	t.Run("bundles join their style", func(t *testing.T) {
		g := m.Grouper()
		g.AddSKU(&jushuitan.SKU{SKUID: "A-1", IID: "A", Name: "单件"})
		g.AddBundle(&jushuitan.Bundle{SKUID: "A-0", IID: "A", Name: "两件装"})
		for p := range g.Products() {
			assert.Equal(t, "两件装", p.Name)
			assert.Len(t, p.SKUs, 2)
			break // a consumer may stop
		}
	})
}

// million makes rows as a merchant with 200,000 styles of five SKUs has them.
func million(n int) []jushuitan.SKU {
	rows := make([]jushuitan.SKU, n)
	modified := time.Date(2026, 1, 3, 10, 20, 30, 0, time.UTC)
	colors := []string{"红色;S", "红色;M", "颜色:蓝;尺码:L", "T恤-紫-预定15个工作日发;S", "水青色,十片"}
	cost, tag, retail := dec("38.5"), dec("199"), dec("99")
	for i := range rows {
		style := "TEE" + strconv.Itoa(i%max(n/5, 1)) // the SKUs of a style come far apart
		rows[i] = jushuitan.SKU{
			SKUID: style + "-" + strconv.Itoa(i/max(n/5, 1)), IID: style, Name: "圆领纯棉T恤", Brand: "青禾", SKUCode: "6901234567892",
			CID: int64(30000 + i%50), Category: "T恤", PropertiesValue: colors[i%len(colors)], Modified: modified,
			CostPrice: cost, MarketPrice: tag, SalePrice: retail, Other1: "2026", Other2: "夏", Labels: jushuitan.CommaList{"新品", "店加"},
		}
	}
	return rows
}

var millionConfig = mapping.ProductConfig{
	Year: mapping.FromOther(1), Season: mapping.FromFirst(mapping.FromLabelPrefix("季节:"), mapping.FromOther(2)), Series: mapping.FromConstant("海岸"),
}

func TestProductMappingAllocations(t *testing.T) {
	rows := racetest.Fewer(100_000)
	m, in := mapper(t, millionConfig), million(rows)
	n := 0
	allocs := testing.AllocsPerRun(2, func() { n = len(m.SKUs(in)) })
	assert.Equal(t, rows/5, n)
	assert.LessOrEqual(t, allocs/float64(rows), 8.0, "allocations per row")
}

// BenchmarkProducts maps a million rows of a SKU query to 200,000 products; with -short a tenth
// of them.
func BenchmarkProducts(b *testing.B) {
	rows := 1_000_000
	if testing.Short() {
		rows /= 10
	}
	m, in := mapper(b, millionConfig), million(rows)
	allocs := testing.AllocsPerRun(1, func() { m.SKUs(in) })
	b.ReportAllocs()
	for b.Loop() {
		if got := m.SKUs(in); len(got) != rows/5 {
			b.Fatal(len(got))
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(allocs/float64(rows), "allocs/row")
}

func ExampleProductMapper() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	for _, size := range []string{"M", "L"} {
		if err := srv.AddSKU(jushuitan.SKU{
			SKUID: "TEE24-WHT-" + size, IID: "TEE24", Name: "圆领纯棉T恤", PropertiesValue: "白色;" + size, Brand: "青禾",
			SalePrice: decimal.NewFromInt(99), Other1: "2026",
		}); err != nil {
			fmt.Println(err)
			return
		}
	}
	client, err := srv.Client()
	if err != nil {
		fmt.Println(err)
		return
	}

	mapper, err := mapping.NewProductMapper(mapping.ProductConfig{Year: mapping.FromOther(1), Wave: mapping.FromLabelPrefix("波段:")})
	if err != nil {
		fmt.Println(err)
		return
	}
	products := mapper.Grouper()
	for row, err := range client.SKUs.All(context.Background(), &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList{"TEE24-WHT-M", "TEE24-WHT-L"}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		products.AddSKU(row)
	}
	for p := range products.Products() {
		fmt.Println(p.StyleNo, p.Name, p.Year)
		for _, sku := range p.SKUs {
			fmt.Println(sku.Code, sku.Color, sku.Size, sku.Price.Retail.Decimal)
		}
		fmt.Println("missing:", mapper.MissingFields(p))
	}
	// Output:
	// TEE24 圆领纯棉T恤 2026
	// TEE24-WHT-L 白色 L 99
	// TEE24-WHT-M 白色 M 99
	// missing: [wave]
}
