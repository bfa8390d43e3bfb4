package mapping_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// TestCombineOracle compares SumDownloadedStock with a sum that is written out here: whole
// numbers, expressions of up to four terms, unknown figures, missing and repeated rows.
func TestCombineOracle(t *testing.T) {
	words := []string{"实际库存", "虚拟库存", "销退仓库存", "订单占用"}
	for seed := range uint64(racetest.Fewer(10_000)) {
		rng := rand.New(rand.NewPCG(seed, 31))
		type source struct {
			wms   int64
			terms []int // +1, -1 or 0 for each word
		}
		targets := map[string][]source{}
		var bindings []dianjia.WarehouseBinding
		for w := range int64(1 + rng.IntN(4)) { // each warehouse feeds one
			code := fmt.Sprint("W", rng.IntN(2))
			terms, text := make([]int, len(words)), ""
			for i, word := range words {
				terms[i] = rng.IntN(3) - 1
				switch {
				case terms[i] > 0 && text == "":
					text = word
				case terms[i] > 0:
					text += "+" + word
				case terms[i] < 0 && text != "":
					text += "-" + word
				default:
					terms[i] = 0
				}
			}
			if text == "" {
				terms[0] = 1 // 实际库存
			}
			targets[code] = append(targets[code], source{w + 1, terms})
			bindings = append(bindings, dianjia.WarehouseBinding{EntID: "1", WarehouseCode: code, WMSCoID: w + 1, DownloadStock: true, StockExpression: text})
		}
		rows := map[int64]map[string][]*[4]*int64{} // figures by warehouse and SKU, several where repeated
		var stock []mapping.WarehouseStock
		for w := range int64(4) {
			rows[w+1] = map[string][]*[4]*int64{}
			ws := mapping.WarehouseStock{WMSCoID: w + 1}
			for k := range 3 {
				sku := fmt.Sprint("K", k)
				for range []int{0, 1, 1, 1, 1, 2}[rng.IntN(6)] {
					figures := &[4]*int64{}
					row := &jushuitan.InventoryRow{SKUID: sku}
					for i, at := range []*decimal.Decimal{&row.Qty, &row.VirtualQty, &row.ReturnQty, &row.OrderLock} {
						if rng.IntN(8) > 0 {
							n := rng.Int64N(9) - 2
							figures[i], *at = &n, decimal.NewFromInt(n)
						}
					}
					rows[w+1][sku] = append(rows[w+1][sku], figures)
					ws.Rows = append(ws.Rows, row)
				}
			}
			stock = append(stock, ws)
		}
		policy := mapping.UnknownStockPolicy(rng.IntN(2))
		want := map[string]int64{}
		for code, sources := range targets {
			for k := range 3 {
				sku := fmt.Sprint("K", k)
				sum, known, unknown, repeated := int64(0), 0, 0, false
				for _, s := range sources {
					found := rows[s.wms][sku]
					value, values := int64(0), 0
					for _, figures := range found {
						figure, complete := int64(0), true
						for i, sign := range s.terms {
							if sign != 0 && figures[i] == nil {
								complete = false
							} else if sign != 0 {
								figure += int64(sign) * *figures[i]
							}
						}
						if complete {
							value, values = figure, values+1
						}
					}
					repeated = repeated || values > 1
					if values == 0 {
						unknown++
					} else {
						sum, known = sum+value, known+1
					}
				}
				if known > 0 && !repeated && (unknown == 0 || policy == mapping.UnknownLeaveOut) {
					want[code+" "+sku] = sum
				}
			}
		}
		got, err := mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{Unknown: policy})
		require.NoError(t, err, "seed %d", seed)
		have := map[string]int64{}
		for _, r := range got.Rows {
			have[r.StoreCode+" "+r.SKUCode] = r.Qty.IntPart()
		}
		require.Equal(t, want, have, "seed %d: %+v", seed, bindings)
	}
}

// TestGroupOracle compares the grouper with a grouping that is written out here: the latest row
// of a SKU counts, a field of the style is that of its first SKU by code that has one.
func TestGroupOracle(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{Season: mapping.FromOther(2)})
	for seed := range uint64(racetest.Fewer(10_000)) {
		rng := rand.New(rand.NewPCG(seed, 32))
		var rows []jushuitan.SKU
		for i := range rng.IntN(14) {
			row := randomSKU(rng, fmt.Sprint("K", rng.IntN(3)), rng.IntN(4))
			row.Modified = time.Date(2026, 1, 1, 0, 0, rng.IntN(5), i, time.UTC).Truncate(time.Millisecond)
			rows = append(rows, row)
		}
		latest := map[string]map[string]jushuitan.SKU{}
		for _, row := range rows {
			if latest[row.IID] == nil {
				latest[row.IID] = map[string]jushuitan.SKU{}
			}
			if old, ok := latest[row.IID][row.SKUID]; !ok || !row.Modified.Before(old.Modified) {
				latest[row.IID][row.SKUID] = row
			}
		}
		var want []string
		for _, style := range slices.Sorted(maps.Keys(latest)) {
			name, brand, season, labels := "", "", "", map[string]bool{}
			codes := slices.Sorted(maps.Keys(latest[style]))
			for _, code := range codes {
				row := latest[style][code]
				if name == "" {
					name = row.Name
				}
				if brand == "" {
					brand = row.Brand
				}
				if season == "" {
					season = row.Other2
				}
				for _, label := range row.Labels {
					labels[label] = true
				}
			}
			want = append(want, fmt.Sprint(style, name, brand, season, codes, slices.Sorted(maps.Keys(labels))))
		}
		var got []string
		for _, p := range m.SKUs(rows) {
			var codes []string
			for i := range p.SKUs {
				codes = append(codes, p.SKUs[i].Code)
				require.Equal(t, latest[p.StyleNo][p.SKUs[i].Code].PropertiesValue, p.SKUs[i].PropertiesText, "seed %d", seed)
			}
			got = append(got, fmt.Sprint(p.StyleNo, p.Name, p.Brand, p.Season, codes, slices.Sorted(slices.Values(p.Labels))))
		}
		require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"), "seed %d", seed)
	}
}

// TestPlanOracle compares the prices, labels and the action of a plan by SKU with rules that
// are written out here.
func TestPlanOracle(t *testing.T) {
	for seed := range uint64(racetest.Fewer(10_000)) {
		rng := rand.New(rand.NewPCG(seed, 33))
		flip := func() bool { return rng.IntN(2) == 0 }
		amount := func() decimal.NullDecimal {
			return decimal.NullDecimal{Decimal: decimal.NewFromInt(rng.Int64N(3)), Valid: flip()}
		}
		product := func() *dianjia.Product {
			p := &dianjia.Product{StyleNo: "A", Name: "甲"}
			for n := range 3 {
				if flip() {
					sku := dianjia.SKU{Code: fmt.Sprint("A-", n), Price: dianjia.Price{Tag: amount(), Retail: amount()}}
					if flip() {
						sku.Labels = []string{"店加"}
					}
					p.SKUs = append(p.SKUs, sku)
				}
			}
			return p
		}
		s := mapping.SyncSettings{AutoCreate: flip(), OnlyLabelled: flip(), SkipSalePrice: flip()}
		s.OverwriteSalePrice = !s.SkipSalePrice && flip()
		existing, incoming := product(), product()
		if rng.IntN(3) == 0 {
			existing = nil
		}
		want, allowed := map[string]string{}, false
		text := func(sku *dianjia.SKU) string {
			return fmt.Sprint(sku.Price.Tag.Valid, sku.Price.Tag.Decimal, sku.Price.Retail.Valid, sku.Price.Retail.Decimal)
		}
		stored := map[string]dianjia.SKU{}
		if existing != nil {
			for _, sku := range existing.SKUs {
				stored[sku.Code] = sku
			}
		}
		result := maps.Clone(stored)
		for _, in := range incoming.SKUs {
			if s.OnlyLabelled && len(in.Labels) == 0 {
				continue
			}
			allowed = true
			sku := stored[in.Code]
			sku.Code = in.Code
			if in.Price.Tag.Valid {
				sku.Price.Tag = in.Price.Tag
			}
			if in.Price.Retail.Valid && !s.SkipSalePrice && (!sku.Price.Retail.Valid || s.OverwriteSalePrice) {
				sku.Price.Retail = in.Price.Retail
			}
			result[in.Code] = sku
		}
		skip := s.OnlyLabelled && !allowed || existing == nil && !s.AutoCreate
		if skip {
			result = stored
		}
		for code, sku := range result {
			want[code] = text(&sku)
		}
		decision := s.Plan(existing, incoming)
		got := map[string]string{}
		for i := range decision.Product.SKUs {
			got[decision.Product.SKUs[i].Code] = text(&decision.Product.SKUs[i])
		}
		require.Equal(t, want, got, "seed %d: %s", seed, decision)
		if skip {
			require.Equal(t, mapping.ActionSkip, decision.Action, "seed %d", seed)
		} else if existing == nil {
			require.Equal(t, mapping.ActionCreate, decision.Action, "seed %d", seed)
		}
	}
}
