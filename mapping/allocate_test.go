package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func allocationCase() (mapping.StoreAllocator, []dianjia.StockRow) {
	stores := []dianjia.StoreBinding{
		{EntID: "1", StoreCode: "S03", WMSCoID: 7}, {EntID: "1", StoreCode: "S01", WMSCoID: 7}, {EntID: "1", StoreCode: "S02", WMSCoID: 7, OrderStore: true},
		{EntID: "1", StoreCode: "S09", WMSCoID: 8},
	}
	var stock []dianjia.StockRow
	for store, skus := range map[string]map[string]int64{"S01": {"A": 5}, "S02": {"A": 1, "B": 1}, "S03": {"A": 9, "B": 2}, "S09": {"A": 99, "B": 99, "C": 99}} {
		for sku, n := range skus {
			stock = append(stock, dianjia.StockRow{EntID: "1", StoreCode: store, SKUCode: sku, Qty: decimal.NewFromInt(n)})
		}
	}
	return mapping.StoreAllocator{Stores: stores, Split: true}, stock
}

// TestStoreAllocation: 派单 prefers the designated order store, then a store that has the whole
// order, then a split; a store that refused is left out, and the reasons are said.
func TestStoreAllocation(t *testing.T) {
	allocator, stock := allocationCase()
	order := func(lines ...any) (items []dianjia.OrderItem) {
		for i := 0; i < len(lines); i += 2 {
			items = append(items, dianjia.OrderItem{LineNo: fmt.Sprint(i), SKUCode: lines[i].(string), Qty: decimal.NewFromInt(int64(lines[i+1].(int)))})
		}
		return items
	}
	tests := []struct {
		name    string
		items   []dianjia.OrderItem
		refused []string
		want    string
		why     string
	}{
		{"the designated store first", order("A", 1), nil, "S02: A 1", "store S02 has the whole order"},
		{"by code without it", order("A", 1), []string{"S02"}, "S01: A 1", "store S02 refused"},
		{"whole before split", order("A", 2, "B", 2), nil, "S03: A 2, B 2", "S02 does not have the whole order"},
		{"refused by two", order("A", 1), []string{"S02", "S01"}, "S03: A 1", "门店 S01 已拒单"},
		{"split", order("A", 10, "B", 3), nil, "S02: A 1, B 1; S03: A 9, B 2", "S03 ships"},
		{"lines of one SKU", order("A", 6, "A", 4), nil, "S03: A 6, A 3; S02: A 1", ""},
		{"nobody has it", order("C", 1), nil, "missing C x1", "lack C x1"},
		{"not enough", order("A", 16), nil, "missing A x1", ""},
		{"all refused", order("A", 1), []string{"S01", "S02", "S03"}, "missing A x1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for range 10 {
				rng.Shuffle(len(stock), func(i, j int) { stock[i], stock[j] = stock[j], stock[i] })
				rng.Shuffle(len(allocator.Stores), func(i, j int) { allocator.Stores[i], allocator.Stores[j] = allocator.Stores[j], allocator.Stores[i] })
				got := allocator.Allocate(7, tt.items, stock, tt.refused...)
				require.Equal(t, tt.want, allocationText(got))
				require.Contains(t, strings.Join(got.Why, "\n"), tt.why)
			}
		})
	}
	allocator.Split = false
	got := allocator.Allocate(7, order("A", 10, "B", 3), stock)
	assert.Empty(t, got.Parts)
	assert.Empty(t, got.Missing)
}

func allocationText(a mapping.StoreAllocation) string {
	var parts []string
	for _, p := range a.Parts {
		var lines []string
		for _, it := range p.Items {
			lines = append(lines, it.SKUCode+" "+it.Qty.String())
		}
		parts = append(parts, p.StoreCode+": "+strings.Join(lines, ", "))
	}
	for _, it := range a.Missing {
		parts = append(parts, "missing "+it.SKUCode+" x"+it.Qty.String())
	}
	return strings.Join(parts, "; ")
}

// TestStoreAllocationProperty: no store ships more than it has, and the parts are the order.
func TestStoreAllocationProperty(t *testing.T) {
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 3))
		allocator := mapping.StoreAllocator{Split: rng.IntN(2) == 0}
		have, all := map[string]int64{}, map[string]int64{}
		var stock []dianjia.StockRow
		for s := range 4 {
			store := fmt.Sprint("S", s)
			allocator.Stores = append(allocator.Stores, dianjia.StoreBinding{EntID: "1", StoreCode: store, WMSCoID: 7, OrderStore: s == 2})
			for _, sku := range []string{"A", "B", "C"} {
				n := int64(rng.IntN(5)) - 1
				have[store+sku] = max(n, 0)
				all[sku] += max(n, 0)
				stock = append(stock, dianjia.StockRow{EntID: "1", StoreCode: store, SKUCode: sku, Qty: decimal.NewFromInt(n)})
			}
		}
		var items []dianjia.OrderItem
		want, enough := map[string]int64{}, true
		for i := range 1 + rng.IntN(3) {
			it := dianjia.OrderItem{LineNo: fmt.Sprint(i), SKUCode: []string{"A", "B", "C"}[rng.IntN(3)], Qty: decimal.NewFromInt(int64(1 + rng.IntN(4)))}
			items = append(items, it)
			want[it.SKUCode] += it.Qty.IntPart()
		}
		whole := false
		for s := range 4 {
			one := true
			for sku, n := range want {
				one = one && have[fmt.Sprint("S", s)+sku] >= n
			}
			whole = whole || one
		}
		for sku, n := range want {
			enough = enough && all[sku] >= n
		}
		got := allocator.Allocate(7, items, stock)
		require.Equal(t, whole || enough && allocator.Split, len(got.Parts) > 0, "seed %d: %s", seed, got.Why)
		require.Equal(t, whole, got.Whole(), "seed %d", seed)
		require.Equal(t, !enough, len(got.Missing) > 0, "seed %d", seed)
		shipped := map[string]int64{}
		for _, p := range got.Parts {
			own := map[string]int64{}
			for _, it := range p.Items {
				own[it.SKUCode] += it.Qty.IntPart()
				shipped[it.SKUCode] += it.Qty.IntPart()
			}
			for sku, n := range own {
				require.LessOrEqual(t, n, have[p.StoreCode+sku], "seed %d", seed)
			}
		}
		if len(got.Parts) > 0 {
			require.Equal(t, want, shipped, "seed %d", seed)
		}
	}
}
