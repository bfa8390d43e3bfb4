package mapping_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func TestSKUUploads(t *testing.T) {
	p := &dianjia.Product{
		Name: "圆领T恤", StyleNo: "TEE24", Brand: "青禾", Category: dianjia.Category{Code: "5", Name: "T恤"}, Price: dianjia.Price{Tag: price("199")},
		Year: "2026", Season: "夏", Wave: "一波", Tier: "T恤", Style: "通勤", Series: "海岸", Labels: []string{"店加"},
		SKUs: []dianjia.SKU{
			{Code: "TEE24-M", Barcode: "6901234567892", Color: "白色", Size: "M", PropertiesText: "尺码:M;颜色:白色;材质:棉",
				Price: dianjia.Price{Cost: price("38.5"), Retail: price("0")}},
			{Code: "TEE24-L", Color: "白色", Size: "L", PropertiesText: "白色;XL", Labels: []string{"新品"}},
		},
	}
	m := mapper(t, mapping.ProductConfig{
		PullSPU: true, Cost: mapping.CostFromPurchasePrice,
		Year: mapping.FromFirst(mapping.FromOther(7), mapping.FromUps("年份")), Season: mapping.FromOther(2), Wave: mapping.FromLabelPrefix("波段:"),
		Tier: mapping.FromCategory(), Style: mapping.FromFunc(func(mapping.FieldSourceRow) string { return "x" }), Series: mapping.FromConstant("海岸"),
	})
	rows, err := m.SKUUploads(p)
	require.NoError(t, err)
	assert.Equal(t, []jushuitan.SKUUpload{
		{
			SKUID: "TEE24-M", IID: "TEE24", Name: "圆领T恤", Brand: "青禾", CName: "T恤", SKUCode: "6901234567892",
			SPrice: new(dec("0")), MarketPrice: new(dec("199")), PurchasePrice: new(dec("38.5")),
			PropertiesValue: "尺码:M;颜色:白色;材质:棉", Labels: []string{"店加", "波段:一波"}, Other2: "夏", CategoryProperties: map[string]any{"年份": "2026"},
		},
		{
			SKUID: "TEE24-L", IID: "TEE24", Name: "圆领T恤", Brand: "青禾", CName: "T恤", MarketPrice: new(dec("199")),
			PropertiesValue: "白色;L", Labels: []string{"新品", "波段:一波"}, Other2: "夏", CategoryProperties: map[string]any{"年份": "2026"},
		},
	}, rows)
	assert.Equal(t, []string{"店加"}, p.Labels, "the product is not changed")

	shop, err := m.ShopSKUUploads(p, 10200077)
	require.NoError(t, err)
	assert.Equal(t, []jushuitan.ShopSKUUpload{
		{SKUID: "TEE24-M", IID: "TEE24", SKUCode: "6901234567892", ShopIID: "TEE24", ShopSKUID: "TEE24-M", OriginalSKUID: "TEE24-M", Name: "圆领T恤",
			ShopPropertiesValue: "尺码:M;颜色:白色;材质:棉", ShopID: 10200077},
		{SKUID: "TEE24-L", IID: "TEE24", ShopIID: "TEE24", ShopSKUID: "TEE24-L", OriginalSKUID: "TEE24-L", Name: "圆领T恤", ShopPropertiesValue: "白色;L", ShopID: 10200077},
	}, shop)
	_, err = m.ShopSKUUploads(p, 0)
	require.ErrorContains(t, err, "shop_id 0 is not positive")

	bySKU := mapper(t, mapping.ProductConfig{Year: mapping.FromFirst(mapping.FromUps("年份"), mapping.FromOther(1))})
	rows, err = bySKU.SKUUploads(p)
	require.NoError(t, err)
	assert.Equal(t, "2026", rows[0].Other1, "where a sync by SKU reads it")
	assert.Empty(t, rows[0].CategoryProperties)
	assert.Equal(t, "38.5", rows[0].CPrice.String())
}

func TestPropertiesValueOfUploads(t *testing.T) {
	long := strings.Repeat("红", 99)
	tests := []struct {
		color, size, text string
		want              string // "!" and part of the error
	}{
		{"红", "S", "", "红;S"},
		{"红", "S", "红-S", "红-S"},
		{"红", "S", "红;M", "红;S"},
		{"S", "红", "", "颜色:S;尺码:红"},
		{"红:蓝", "S", "", "红:蓝;S"},
		{"", "S", "", "S"},
		{"", "十片", "", "尺码:十片"},
		{"红", "", "", "红"},
		{"S", "", "", "颜色:S"},
		{"红,白", "", "", "颜色:红,白"},
		{"红(加绒;加厚)", "S", "", "红(加绒;加厚);S"},
		{"", "", "材质:棉", "材质:棉"},
		{"", "", "红;S", ""},
		{"", "", "", ""},
		{"红;白", "S", "", "!cannot be restored"},
		{" 红", "S", "", "!cannot be restored"},
		{long, "", "", long},
		{long, "SS", "", "!take 102 characters, maximum 100"},
		{"红", "S", "红;S" + strings.Repeat(";", 98), "红;S"},
	}
	m := mapper(t, mapping.ProductConfig{})
	for _, tt := range tests {
		t.Run(tt.color+" "+tt.size, func(t *testing.T) {
			p := &dianjia.Product{StyleNo: "A", Name: "T恤", SKUs: []dianjia.SKU{{Code: "A-1", Color: tt.color, Size: tt.size, PropertiesText: tt.text}}}
			rows, err := m.SKUUploads(p)
			if problem, ok := strings.CutPrefix(tt.want, "!"); ok {
				require.ErrorContains(t, err, problem)
				require.ErrorContains(t, err, `style "A" SKU "A-1"`)
				require.Empty(t, rows)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, rows[0].PropertiesValue)
		})
	}
}

func TestUploadErrors(t *testing.T) {
	cfg := mapping.ProductConfig{
		Year: mapping.FromOther(6), Season: mapping.FromOther(1), Wave: mapping.FromOther(1), Tier: mapping.FromCategory(),
		Style: mapping.FromConstant("通勤"), Series: mapping.FromLabelPrefix("系列:"),
	}
	tests := []struct {
		name   string
		cfg    mapping.ProductConfig
		change func(*dianjia.Product)
		field  mapping.ProductField
		want   string
	}{
		{"no code", cfg, func(p *dianjia.Product) { p.SKUs[0].Code = "" }, mapping.FieldSKUCode, "required"},
		{"no style number", cfg, func(p *dianjia.Product) { p.StyleNo = " " }, mapping.FieldStyleNo, "required"},
		{"no name", cfg, func(p *dianjia.Product) { p.Name = "" }, mapping.FieldName, "required"},
		{"a comma in a label", cfg, func(p *dianjia.Product) { p.Labels = []string{"a,b"} }, mapping.FieldLabels, "comma"},
		{"a label that is empty", cfg, func(p *dianjia.Product) { p.Labels = []string{""} }, mapping.FieldLabels, "empty"},
		{"a slot that uploads lack", cfg, func(p *dianjia.Product) { p.Year = "2026" }, mapping.FieldYear, "not other_6"},
		{"two values for a slot", cfg, func(p *dianjia.Product) { p.Season, p.Wave = "夏", "一波" }, mapping.FieldWave, "other_1 would have two values"},
		{"not the category", cfg, func(p *dianjia.Product) { p.Tier = "A" }, mapping.FieldTier, "differs from its source, the category"},
		{"not the constant", cfg, func(p *dianjia.Product) { p.Style = "运动" }, mapping.FieldStyle, "differs from its source, the constant"},
		{"no member that uploads have", mapping.ProductConfig{Year: mapping.FromFirst(mapping.FromOther(6), mapping.FromConstant("2025"))},
			func(p *dianjia.Product) { p.Year = "2026" }, mapping.FieldYear, "not other_6"},
		{"another label", cfg, func(p *dianjia.Product) { p.Series = "海岸"; p.Labels = []string{"系列:山"} }, mapping.FieldSeries, "contradicts the value"},
		{"blanks", cfg, func(p *dianjia.Product) { p.Series = " 海岸" }, mapping.FieldSeries, "blank"},
		{"two values for a property", mapping.ProductConfig{PullSPU: true, Year: mapping.FromUps("a"), Season: mapping.FromUps("a")},
			func(p *dianjia.Product) { p.Year, p.Season = "1", "2" }, mapping.FieldSeason, "would have two values"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &dianjia.Product{StyleNo: "A", Name: "T恤", SKUs: []dianjia.SKU{{Code: "A-1", Color: "红", Size: "S"}}}
			tt.change(p)
			rows, err := mapper(t, tt.cfg).SKUUploads(p)
			require.Empty(t, rows)
			problem, ok := errors.AsType[*mapping.SKUUploadError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.field, problem.Field)
			assert.Equal(t, p.SKUs[0].Code, problem.SKU)
			assert.Contains(t, problem.Error(), tt.want)
			assert.Contains(t, problem.Error(), tt.field.Title())
		})
	}

	t.Run("a bad SKU does not stop the others", func(t *testing.T) {
		p := &dianjia.Product{StyleNo: "A", Name: "T恤", SKUs: []dianjia.SKU{
			{Code: "A-1", Color: "红;白", Size: "S"}, {Code: "A-2", Color: "红", Size: "S"}, {Code: "A-2", Color: "红", Size: "M"}, {Code: "A-3", Color: "红", Size: "L"},
		}}
		m := mapper(t, mapping.ProductConfig{})
		rows, err := m.SKUUploads(p)
		require.ErrorContains(t, err, `"A-1"`)
		require.ErrorContains(t, err, "several SKUs with this code")
		require.Len(t, rows, 2)
		assert.Equal(t, "A-2", rows[0].SKUID)
		assert.Equal(t, "A-3", rows[1].SKUID)
		shop, err := m.ShopSKUUploads(p, 1)
		require.Error(t, err)
		assert.Len(t, shop, 2)
	})
}

// Uploaded to a server and queried from it again, by SKU and by style, a product is
// what it was: on the fields that travel.
func TestRoundTripThroughServer(t *testing.T) {
	p := &dianjia.Product{
		Name: "圆领T恤", StyleNo: "TEE24", Brand: "青禾", Category: dianjia.Category{Name: "T恤"},
		Year: "2026", Season: "夏", Series: "海岸", Labels: []string{"店加", "系列:海岸"},
		SKUs: []dianjia.SKU{
			{Code: "TEE24-L", Color: "白色", Size: "L", PropertiesText: "白色;L", Labels: []string{"店加", "系列:海岸"},
				Price: dianjia.Price{Cost: price("38.5"), Tag: price("199"), Retail: price("99.01")}},
			{Code: "TEE24-M", Barcode: "6901234567892", Color: "S", Size: "红", PropertiesText: "颜色:S;尺码:红", Labels: []string{"店加", "系列:海岸"},
				Price: dianjia.Price{Cost: price("38.5"), Tag: price("199"), Retail: price("99")}},
		},
	}
	srv := jushuitantest.NewServer()
	defer srv.Close()
	client, err := srv.Client()
	require.NoError(t, err)
	ctx := context.Background()

	cfg := mapping.ProductConfig{Year: mapping.FromOther(1), Season: mapping.FromOther(2), Series: mapping.FromLabelPrefix("系列:")}
	bySKU := mapper(t, cfg)
	cfg.PullSPU, cfg.Season = true, mapping.FromFirst(mapping.FromUps("季节"))
	byStyle := mapper(t, cfg)

	for _, m := range []*mapping.ProductMapper{bySKU, byStyle} {
		rows, err := m.SKUUploads(p)
		require.NoError(t, err)
		results, err := client.SKUs.Upload(ctx, &jushuitan.SKUUploadRequest{Items: rows})
		require.NoError(t, err)
		require.Len(t, results, len(rows))
		for _, r := range results {
			require.NoError(t, r.Err)
		}
	}

	g := bySKU.Grouper()
	for row, err := range client.SKUs.All(ctx, &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList{"TEE24-M", "TEE24-L"}}) {
		require.NoError(t, err)
		g.AddSKU(row)
	}
	g2 := byStyle.Grouper()
	for row, err := range client.Items.All(ctx, &jushuitan.ItemQuery{IIDs: []string{"TEE24"}}) {
		require.NoError(t, err)
		g2.AddItem(row)
	}
	for kind, g := range map[string]*mapping.ProductGrouper{"by SKU": g, "by style": g2} {
		got := slices.Collect(g.Products())
		require.Len(t, got, 1, kind)
		normalise(p)
		normalise(got[0])
		got[0].Category.Code, got[0].Price = "", dianjia.Price{} // the server's own
		for i := range got[0].SKUs {
			got[0].SKUs[i].State = ""
		}
		assert.Equal(t, p, got[0], kind)
	}
}

// normalise returns prices of the same value the same form.
func normalise(p *dianjia.Product) {
	for i := range p.SKUs {
		pr := &p.SKUs[i].Price
		for _, d := range []*decimal.NullDecimal{&pr.Cost, &pr.Tag, &pr.Retail} {
			if d.Valid {
				d.Decimal = dec(d.Decimal.String())
			}
		}
	}
}

// Any product either has an error or is read back as it was.
func TestUploadsAreReadBack(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{ZeroPrices: mapping.ZeroIsPrice,
		PullSPU: true, Year: mapping.FromUps("年份"), Season: mapping.FromOther(2), Wave: mapping.FromLabelPrefix("波段:"), Tier: mapping.FromCategory(),
		Style: mapping.FromConstant("通勤"), Series: mapping.FromFirst(mapping.FromOther(3), mapping.FromUps("系列")),
	})
	n, good, bad := racetest.Fewer(20_000), 0, 0
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 9))
		pick := func(of ...string) string { return of[r.IntN(len(of))] }
		word := func() string {
			var b strings.Builder
			for range r.IntN(5) {
				b.WriteString(pick("红", "白", "X", "L", "S", "3", ";", "；", ":", ",", "(", ")", " ", "-", "颜色", "尺码", "规格"))
			}
			return b.String()
		}
		p := &dianjia.Product{
			StyleNo: "A", Name: "T恤", Brand: pick("", "青禾"), Category: dianjia.Category{Name: pick("", "A")},
			Year: pick("", "2026", " "), Season: pick("", "夏"), Wave: pick("", "一,二", "一波"), Tier: pick("", "A"), Style: "通勤", Series: pick("", "海岸"),
			SKUs: []dianjia.SKU{{
				Code: "A-1", Barcode: pick("", "6901234567892"), Color: word(), Size: word(), PropertiesText: word() + ";" + word(),
				Price: dianjia.Price{Cost: price(pick("", "0", "1.5")), Tag: price(pick("", "2")), Retail: price(pick("", "3.25"))},
			}},
		}
		p.Tier = p.Category.Name
		rows, err := m.SKUUploads(p)
		if err != nil {
			bad++
			continue
		}
		good++
		back := m.Item(server(rows))
		// Labels that carry a field come back as labels too, and the text is the one sent.
		p.SKUs[0].PropertiesText, p.SKUs[0].Labels, p.Labels = rows[0].PropertiesValue, nil, nil
		back.SKUs[0].Labels, back.Labels = nil, nil
		require.Equal(t, p, back, "seed %d: %+v", seed, rows[0])
	}
	assert.Greater(t, good, n/5)
	assert.Greater(t, bad, n/20)
}

// server is the row of the style query that answers for rows that were uploaded.
func server(rows []jushuitan.SKUUpload) *jushuitan.Item {
	item := &jushuitan.Item{IID: rows[0].IID, Name: rows[0].Name, Brand: rows[0].Brand, CName: rows[0].CName}
	for name, value := range rows[0].CategoryProperties {
		item.Ups = append(item.Ups, jushuitan.ItemProperty{PName: name, PVValue: fmt.Sprint(value)})
	}
	value := func(d *decimal.Decimal) decimal.Decimal {
		if d == nil {
			return decimal.Decimal{}
		}
		return *d
	}
	for _, r := range rows {
		item.SKUs = append(item.SKUs, jushuitan.ItemSKU{
			SKUID: r.SKUID, IID: r.IID, SKUCode: r.SKUCode, PropertiesValue: r.PropertiesValue, Labels: r.Labels,
			SalePrice: value(r.SPrice), CostPrice: value(r.CPrice), MarketPrice: value(r.MarketPrice), PurchasePrice: value(r.PurchasePrice),
			Other1: r.Other1, Other2: r.Other2, Other3: r.Other3, Other4: r.Other4, Other5: r.Other5,
		})
	}
	return item
}

func ExampleProductMapper_SKUUploads() {
	m, err := mapping.NewProductMapper(mapping.ProductConfig{PullSPU: true, Year: mapping.FromUps("年份")})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := m.SKUUploads(&dianjia.Product{StyleNo: "TEE24", Name: "圆领T恤", Year: "2026", SKUs: []dianjia.SKU{
		{Code: "TEE24-M", Color: "白色", Size: "M"},
		{Code: "TEE24-L", Color: "白;灰", Size: "L"},
	}})
	for _, row := range rows {
		fmt.Println(row.SKUID, row.PropertiesValue, row.CategoryProperties)
	}
	fmt.Println(err)
	// Output:
	// TEE24-M 白色;M map[年份:2026]
	// mapping: upload of style "TEE24" SKU "TEE24-L": properties (聚水潭属性): colour "白;灰" and size "L" cannot be restored from properties_value: remove separators, and blanks at their ends / 颜色或尺码含分隔符，无法还原，请修改
}
