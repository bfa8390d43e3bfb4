package mapping_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
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
	for seed := range uint64(10000) {
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
			decision := settings.Plan(product, m.SKUs(window)[0])
			if decision.Action != mapping.ActionSkip {
				text, err := json.Marshal(&decision.Product)
				require.NoError(t, err)
				product = &dianjia.Product{}
				require.NoError(t, json.Unmarshal(text, product), "a host keeps it in a table")
			}
			again := settings.Plan(product, m.SKUs(window)[0])
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
				if sent != "" {
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
