package mapping_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// randomSKU returns a row of a SKU query, of which everything may be missing but its keys and
// its name.
func randomSKU(rng *rand.Rand, style string, n int) jushuitan.SKU {
	text := func(options ...string) string { return options[rng.IntN(len(options))] }
	amount := func() decimal.Decimal {
		return []decimal.Decimal{{}, decimal.New(0, 0), decimal.NewFromInt(59), decimal.RequireFromString("99.9"), decimal.NewFromInt(-1)}[rng.IntN(5)]
	}
	row := jushuitan.SKU{
		SKUID: fmt.Sprintf("%s-%d", style, n), IID: style, Name: text("圆领T恤", "圆领T恤 大码", "童装T恤"), Brand: text("", "青禾", "禾苗"),
		CID: 5, Category: text("", "T恤", "上衣"), SKUCode: text("", "6901234567892"), PropertiesValue: text("", "红;M", "红-L", "颜色:红;尺码:M", "材质:棉", "红,白,XL", "尺 码：ＸＬ。颜 色：红", "L;红色", "\ufeff红;M", "颜色:红:偏橙;尺码:M"),
		Color: text("", "", "红", "红,白"), CostPrice: amount(), PurchasePrice: amount(), MarketPrice: amount(), SalePrice: amount(),
		Other1: text("", "2025", "2026"), Other2: text("", "夏"), Other3: text("", "一波"),
	}
	for _, label := range []string{"店加", "新品", "季节:春"} {
		if rng.IntN(3) == 0 {
			row.Labels = append(row.Labels, label)
		}
	}
	return row
}

// TestDownloadThenUploadChangesNothing: what is downloaded, planned and uploaded again is for
// every SKU what Jushuitan has already: no value of one SKU is written over another.
func TestDownloadThenUploadChangesNothing(t *testing.T) {
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 22))
		m := mapper(t, mapping.ProductConfig{
			Cost: mapping.CostSource(rng.IntN(3)), ZeroPrices: mapping.ZeroPricePolicy(rng.IntN(3)),
			Year: mapping.FromOther(1), Season: mapping.FromFirst(mapping.FromOther(2), mapping.FromLabelPrefix("季节:")), Wave: mapping.FromFirst(mapping.FromOther(3), mapping.FromOther(1)),
		})
		settings := mapping.SyncSettings{AutoCreate: true, CategoryOnce: rng.IntN(2) == 0, OverwriteSalePrice: rng.IntN(2) == 0, SkipSalePrice: rng.IntN(4) == 0, MountCategory: dianjia.Category{Code: "9", Name: "聚水潭"}}
		rows := map[string]jushuitan.SKU{}
		var product *dianjia.Product
		for range 3 { // three windows, each with some SKUs of the style
			var window []jushuitan.SKU
			for n := range 4 {
				row := randomSKU(rng, "TEE24", n)
				if old, ok := rows[row.SKUID]; ok {
					row = old // nobody changed it
				} else if rng.IntN(2) == 0 {
					continue
				}
				rows[row.SKUID] = row
				window = append(window, row)
			}
			if len(window) == 0 {
				continue
			}
			incoming := m.SKUs(window)[0]
			decision := settings.Plan(product, incoming)
			if decision.Action != mapping.ActionSkip {
				if product = &decision.Product; seed%10 == 0 { // a host keeps it in a table
					text, err := json.Marshal(product)
					require.NoError(t, err)
					product = &dianjia.Product{}
					require.NoError(t, json.Unmarshal(text, product))
				}
			}
			again := settings.Plan(product, incoming)
			require.Equal(t, mapping.ActionSkip, again.Action, "seed %d: planning again: %s", seed, again)
		}
		if product == nil {
			continue
		}
		uploads, err := m.SKUUploads(product)
		require.NoError(t, err, "seed %d", seed)
		require.Len(t, uploads, len(rows), "seed %d", seed)
		for _, u := range uploads {
			row := rows[u.SKUID]
			same := func(what, sent, has string) {
				if sent != "" && sent != has {
					require.Equal(t, has, sent, "seed %d: %s of %s", seed, what, u.SKUID)
				}
			}
			same("name", u.Name, row.Name)
			same("brand", u.Brand, row.Brand)
			same("category", u.CName, row.Category)
			same("barcode", u.SKUCode, row.SKUCode)
			same("properties", u.PropertiesValue, row.PropertiesValue)
			same("other_1", u.Other1, row.Other1)
			same("other_2", u.Other2, row.Other2)
			same("other_3", u.Other3, row.Other3)
			for _, price := range []struct {
				sent *decimal.Decimal
				has  decimal.Decimal
			}{{u.CPrice, row.CostPrice}, {u.PurchasePrice, row.PurchasePrice}, {u.MarketPrice, row.MarketPrice}, {u.SPrice, row.SalePrice}} {
				if price.sent != nil {
					require.True(t, price.sent.Equal(price.has) && price.has != decimal.Decimal{}, "seed %d: price %s of %s, it has %v", seed, price.sent, u.SKUID, price.has)
				}
			}
			for _, label := range u.Labels {
				require.True(t, slices.Contains(row.Labels, label), "seed %d: label %q of %s", seed, label, u.SKUID)
			}
		}
	}
}

// TestDownloadByStyleThenUploadChangesNothing is the same for the style query 拉取SPU: what is sent
// for a SKU is what its row has or, where that is empty, what the row of its style has.
func TestDownloadByStyleThenUploadChangesNothing(t *testing.T) {
	for seed := range uint64(racetest.Fewer(3000)) {
		rng := rand.New(rand.NewPCG(seed, 23))
		m := mapper(t, mapping.ProductConfig{
			PullSPU: true, Cost: mapping.CostSource(rng.IntN(3)), ZeroPrices: mapping.ZeroPricePolicy(rng.IntN(3)), Year: mapping.FromOther(1),
			Season: mapping.FromFirst(mapping.FromUps("季节"), mapping.FromOther(2), mapping.FromLabelPrefix("季节:")), Wave: mapping.FromUps("波段"), Series: mapping.FromCategory(),
		})
		settings := mapping.SyncSettings{
			AutoCreate: true, PullSPU: true, CategoryOnce: rng.IntN(2) == 0, OverwriteSalePrice: rng.IntN(2) == 0, OnlyLabelled: rng.IntN(3) == 0,
			MountCategory: dianjia.Category{Code: "9", Name: "聚水潭"},
		}
		head := randomSKU(rng, "TEE24", 0)
		item := jushuitan.Item{IID: "TEE24", Name: head.Name, Brand: head.Brand, CID: 5, CName: head.Category, CPrice: head.CostPrice, MarketPrice: head.MarketPrice, SPrice: head.SalePrice}
		properties := map[string]string{}
		for _, name := range []string{"季节", "波段"} {
			if rng.IntN(2) == 0 {
				properties[name] = []string{"夏", "春"}[rng.IntN(2)]
				item.Ups = append(item.Ups, jushuitan.ItemProperty{PName: name, PVValue: properties[name]})
			}
		}
		rows := map[string]jushuitan.SKU{}
		for n := range 1 + rng.IntN(3) {
			row := randomSKU(rng, "TEE24", n)
			row.Name = []string{"", row.Name}[rng.IntN(2)]
			rows[row.SKUID] = row
			item.SKUs = append(item.SKUs, jushuitan.ItemSKU{
				SKUID: row.SKUID, IID: "TEE24", Name: row.Name, Brand: row.Brand, Category: row.Category, CID: row.CID, SKUCode: row.SKUCode, PropertiesValue: row.PropertiesValue, Labels: row.Labels,
				CostPrice: row.CostPrice, PurchasePrice: row.PurchasePrice, MarketPrice: row.MarketPrice, SalePrice: row.SalePrice, Other1: row.Other1, Other2: row.Other2,
			})
		}
		decision := settings.Plan(nil, m.Item(&item))
		product, ok := decision.ToStore()
		if !ok {
			continue
		}
		require.Equal(t, mapping.ActionSkip, settings.Plan(product, m.Item(&item)).Action, "seed %d", seed)
		uploads, err := m.SKUUploads(product)
		require.NoError(t, err, "seed %d", seed)
		for _, u := range uploads {
			row := rows[u.SKUID]
			for what, text := range map[string][2]string{
				"name": {u.Name, cmp.Or(row.Name, item.Name)}, "brand": {u.Brand, cmp.Or(row.Brand, item.Brand)}, "category": {u.CName, cmp.Or(row.Category, item.CName)},
				"barcode": {u.SKUCode, row.SKUCode}, "properties": {u.PropertiesValue, row.PropertiesValue}, "other_1": {u.Other1, row.Other1}, "other_2": {u.Other2, row.Other2},
			} {
				require.True(t, text[0] == "" || text[0] == text[1], "seed %d: %s of %s: %q", seed, what, u.SKUID, text)
			}
			for name, value := range u.CategoryProperties {
				require.Equal(t, properties[name], value, "seed %d: %s", seed, name)
			}
			for what, price := range map[*decimal.Decimal]decimal.Decimal{u.CPrice: row.CostPrice, u.PurchasePrice: row.PurchasePrice, u.MarketPrice: row.MarketPrice, u.SPrice: row.SalePrice} {
				require.True(t, what == nil || what.Equal(price) && price != decimal.Decimal{}, "seed %d: price %v of %s, it has %v", seed, what, u.SKUID, price)
			}
			for _, label := range u.Labels {
				require.True(t, slices.Contains(row.Labels, label), "seed %d: label %q of %s", seed, label, u.SKUID)
			}
		}
	}
}
