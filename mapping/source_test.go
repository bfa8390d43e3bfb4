package mapping_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func TestSources(t *testing.T) {
	sku := jushuitan.SKU{
		SKUID: "A-1", IID: "A", Category: "T恤", Labels: jushuitan.CommaList{"年份:", "季节:夏", "年份: 2026", "年份:2025"},
		Other1: "一", Other2: "二", Other3: "三", Other4: "四", Other5: "五", Other6: "六", Other7: "七", Other8: "八", Other9: "九", Other10: " 十 ",
	}
	item := jushuitan.Item{
		IID: "A", CName: "卫衣", Ups: []jushuitan.ItemProperty{{PName: "年份", PVValue: " "}, {PName: "年份", PVValue: "2026"}},
		SKUs: []jushuitan.ItemSKU{
			{SKUID: "A-2", Labels: jushuitan.CommaList{"季节:冬"}, Other1: "壹二", Other5: "伍"},
			{SKUID: "A-1", Other1: "壹", Other2: "贰", Other3: "叁", Other4: "肆"},
		},
	}
	bundle := jushuitan.Bundle{SKUID: "A-1", IID: "A", Labels: jushuitan.CommaList{"年份:2027"}, Other1: "a", Other2: "b", Other3: "c", Other4: "d", Other5: "e"}
	tests := []struct {
		source            mapping.FieldSource
		sku, item, bundle string // "!" where the mapper cannot be made
	}{
		{mapping.FieldSource{}, "", "", ""},
		{mapping.FromUps("年份"), "!", "2026", "!"},
		{mapping.FromOther(1), "一", "壹", "a"},
		{mapping.FromOther(2), "二", "贰", "b"},
		{mapping.FromOther(3), "三", "叁", "c"},
		{mapping.FromOther(4), "四", "肆", "d"},
		{mapping.FromOther(5), "五", "伍", "e"},
		{mapping.FromOther(6), "六", "!", ""},
		{mapping.FromOther(7), "七", "!", ""},
		{mapping.FromOther(8), "八", "!", ""},
		{mapping.FromOther(9), "九", "!", ""},
		{mapping.FromOther(10), "十", "!", ""},
		{mapping.FromLabelPrefix("年份:"), "2026", "", "2027"},
		{mapping.FromLabelPrefix("季节:"), "夏", "冬", ""},
		{mapping.FromCategory(), "T恤", "卫衣", ""},
		{mapping.FromConstant("2026"), "2026", "2026", "2026"},
		{mapping.FromFirst(mapping.FromUps("年份"), mapping.FromOther(9), mapping.FromConstant("无")), "九", "2026", "无"},
		{mapping.FromFirst(mapping.FromFirst(mapping.FromUps("波段")), mapping.FromLabelPrefix("波段:")), "", "", ""},
		{mapping.FromFunc(func(row mapping.FieldSourceRow) string {
			switch {
			case row.SKU != nil:
				return row.SKU.SKUID
			case row.ItemSKU != nil:
				return row.Item.IID + "/" + row.ItemSKU.SKUID
			case row.Bundle != nil:
				return "bundle"
			}
			return ""
		}), "A-1", "A/A-1", "bundle"},
	}
	for _, tt := range tests {
		t.Run(tt.source.String(), func(t *testing.T) {
			check := func(kind, want string, pullSPU bool, get func(m *mapping.ProductMapper) *dianjia.Product) {
				m, err := mapping.NewProductMapper(mapping.ProductConfig{PullSPU: pullSPU, Year: tt.source})
				if want == "!" {
					require.ErrorContains(t, err, "year (年份)", kind)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want, get(m).Year, kind)
			}
			check("sku", tt.sku, false, func(m *mapping.ProductMapper) *dianjia.Product { return m.SKUs([]jushuitan.SKU{sku})[0] })
			check("item", tt.item, true, func(m *mapping.ProductMapper) *dianjia.Product { return m.Item(&item) })
			check("bundle", tt.bundle, false, func(m *mapping.ProductMapper) *dianjia.Product { return m.Bundles([]jushuitan.Bundle{bundle})[0] })
		})
	}

	t.Run("a style without SKUs", func(t *testing.T) {
		m := mapper(t, mapping.ProductConfig{PullSPU: true, Year: mapping.FromUps("年份"), Wave: mapping.FromOther(1), Tier: mapping.FromLabelPrefix("层:")})
		p := m.Item(&jushuitan.Item{IID: "A", Ups: item.Ups})
		assert.Equal(t, "2026", p.Year)
		assert.Equal(t, []mapping.ProductField{mapping.FieldWave, mapping.FieldTier}, m.MissingFields(p))
	})
}

func TestSourceErrors(t *testing.T) {
	tests := []struct {
		source mapping.FieldSource
		want   string
	}{
		{mapping.FromOther(11), "other_1 to other_10"},
		{mapping.FromOther(0), "other_1 to other_10"},
		{mapping.FromUps(" "), "needs a name"},
		{mapping.FromLabelPrefix(""), "contain a comma"},
		{mapping.FromLabelPrefix("a,b"), "contain a comma"},
		{mapping.FromConstant(""), "constant is empty"},
		{mapping.FromFunc(nil), "function is nil"},
		{mapping.FromFirst(), "no members"},
		{mapping.FromFirst(mapping.FieldSource{}), "no source"},
		{mapping.FromFirst(mapping.FromOther(1), mapping.FromOther(11)), "other_1 to other_10"},
	}
	for _, tt := range tests {
		t.Run(tt.source.String(), func(t *testing.T) {
			_, err := mapping.NewProductMapper(mapping.ProductConfig{PullSPU: true, Season: tt.source})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "season (季节)")
		})
	}

	_, err := mapping.NewProductMapper(mapping.ProductConfig{Year: mapping.FromOther(11), Wave: mapping.FromUps("波段"), Cost: 9, MinConfidence: -1})
	for _, want := range []string{"year (年份)", "wave (波段)", "类目属性仅在拉取SPU时返回", "Cost is 9", "MinConfidence is -1"} {
		assert.ErrorContains(t, err, want, "all in one")
	}

	m := mapper(t, mapping.ProductConfig{Year: mapping.FromFirst(mapping.FromUps("年份"), mapping.FromOther(1))})
	require.Len(t, m.Warnings(), 1)
	assert.Contains(t, m.Warnings()[0], `FromUps("年份") has a value only with PullSPU`)
	m = mapper(t, mapping.ProductConfig{PullSPU: true, Year: mapping.FromFirst(mapping.FromUps("年份"), mapping.FromOther(6))})
	require.Len(t, m.Warnings(), 1)
	assert.Contains(t, m.Warnings()[0], "FromOther(6)")
	assert.Empty(t, mapper(t, mapping.ProductConfig{}).Warnings())
}

func TestMissingReport(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{Year: mapping.FromOther(1), Season: mapping.FromOther(2), Series: mapping.FromConstant("海岸")})
	var rows []jushuitan.SKU
	for i := range 30 {
		row := jushuitan.SKU{SKUID: fmt.Sprint(i), IID: fmt.Sprintf("S%02d", i), Other2: "夏"}
		if i%2 == 0 {
			row.Other1 = "2026"
		}
		rows = append(rows, row)
	}
	report := m.MissingReports(slices.Values(m.SKUs(rows)))
	require.Len(t, report, 1, "only the year is missing")
	assert.Equal(t, mapping.FieldYear, report[0].Field)
	assert.Equal(t, 15, report[0].Without)
	assert.Equal(t, 30, report[0].Products)
	assert.Len(t, report[0].Examples, 10)
	assert.Equal(t, "S01", report[0].Examples[0])
	assert.Contains(t, report[0].String(), "30 个商品中 15 个无值")
	assert.Contains(t, report[0].String(), "15 of 30 products have no value")
	assert.Contains(t, report[0].String(), "FromOther(1)")
}

func ExampleFromFirst() {
	_, err := mapping.NewProductMapper(mapping.ProductConfig{
		PullSPU: true,
		Year:    mapping.FromFirst(mapping.FromUps("年份"), mapping.FromLabelPrefix("年份:")),
		Season:  mapping.FromOther(11),
	})
	fmt.Println(err)
	// Output:
	// mapping: source of season (季节): FromOther(11): the number must be 1 to 10, for other_1 to other_10 / 序号必须为 1 至 10（other_1 至 other_10）
}
