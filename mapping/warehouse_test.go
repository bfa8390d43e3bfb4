package mapping_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

const (
	warehouseEnt     = "10010"
	warehouseMain    = 10100001
	warehouseVirtual = 10100077
	warehouseSecond  = 10100088
)

func bindStore(code string, wms int64) dianjia.StoreBinding {
	return dianjia.StoreBinding{EntID: warehouseEnt, StoreCode: code, WMSCoID: wms}
}

func stockRow(store, sku, qty string) dianjia.StockRow {
	return dianjia.StockRow{EntID: warehouseEnt, StoreCode: store, SKUCode: sku, Qty: decimal.RequireFromString(qty)}
}

// virtualTexts are rows as text, since decimals that are equal may be held differently.
func virtualTexts(rows []mapping.VirtualStock) []string {
	texts := []string{}
	for _, r := range rows {
		texts = append(texts, fmt.Sprintf("%d %s %s", r.WMSCoID, r.SKUCode, r.Qty))
	}
	return texts
}

func stockTexts(rows []dianjia.StockRow) []string {
	texts := []string{}
	for _, r := range rows {
		texts = append(texts, fmt.Sprintf("%s %s %s", r.StoreCode, r.SKUCode, r.Qty))
	}
	return texts
}

// 店加 adds up its stores' stock and pushes it to 店加线下仓.
func TestGuidePart2_1StoreStockOfTheVirtualWarehouse(t *testing.T) {
	bindings := []dianjia.StoreBinding{bindStore("S2", warehouseVirtual), bindStore("S1", warehouseVirtual), bindStore("S3", warehouseSecond)}
	rows := []dianjia.StockRow{
		stockRow("S1", "B", "5"), stockRow("S1", "A", "3"), stockRow("S2", "A", "4"), stockRow("S2", "B", "2"),
		stockRow("S3", "A", "9"), stockRow("S9", "A", "100"),
	}
	other := stockRow("S1", "A", "50")
	other.EntID = "20020"
	got, err := mapping.SumStoreStock(bindings, append(rows, other, stockRow("S1", "", "1")), mapping.StoreStockRules{})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 7", "10100077 B 7", "10100088 A 9"}, virtualTexts(got.Rows))
	assert.Equal(t, 3, got.Ignored, "a store that is not bound, another merchant's row, a row without a SKU")
	assert.Zero(t, got.Gaps.Total)
	assert.Empty(t, got.Findings)

	requests := mapping.VirtualQtyRequests(got.Rows)
	require.Len(t, requests, 2)
	assert.EqualValues(t, warehouseVirtual, requests[0].WMSCoID)
	assert.Len(t, requests[0].SKUAndQty, 2)
	assert.Equal(t, "B", requests[0].SKUAndQty[1].SKUID)
	assert.EqualValues(t, warehouseSecond, requests[1].WMSCoID)
}

func TestSumStoreStockReserve(t *testing.T) {
	bindings := []dianjia.StoreBinding{bindStore("S1", warehouseVirtual), bindStore("S2", warehouseVirtual)}
	rows := []dianjia.StockRow{
		stockRow("S1", "A", "5"), stockRow("S2", "A", "1"), // the second keeps all it has
		stockRow("S1", "B", "-4"), stockRow("S2", "B", "6"), // one owes, the other does not pay for it
		stockRow("S1", "C", "2.75"), stockRow("S2", "C", "0.1"),
	}
	sum := func(rules mapping.StoreStockRules) []string {
		got, err := mapping.SumStoreStock(bindings, rows, rules)
		require.NoError(t, err)
		return virtualTexts(got.Rows)
	}
	d := decimal.RequireFromString
	assert.Equal(t, []string{"10100077 A 6", "10100077 B 6", "10100077 C 2.85"}, sum(mapping.StoreStockRules{}))
	assert.Equal(t, []string{"10100077 A 3", "10100077 B 4", "10100077 C 0.75"}, sum(mapping.StoreStockRules{Reserve: d("2")}))
	assert.Equal(t, []string{"10100077 A 4", "10100077 B 4", "10100077 C 0.8"}, sum(mapping.StoreStockRules{
		Reserve: d("2"),
		ReserveFor: func(store, sku string) (decimal.Decimal, bool) {
			switch {
			case store == "S1" && sku == "A":
				return d("1"), true
			case store == "S2" && sku == "C":
				return d("0.05"), true
			}
			return decimal.Zero, false
		},
	})) // A 4+0, B 0+4, C 0.75+0.05

	_, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Reserve: d("-1")})
	require.ErrorContains(t, err, "不能为负")
	_, err = mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{ReserveFor: func(string, string) (decimal.Decimal, bool) { return d("-0.5"), true }})
	require.ErrorContains(t, err, `store "S1" for SKU "A"`)
	require.ErrorContains(t, err, `店仓 "S1" 商品 "A"`)
}

// A bound store without a figure is not a store with none left.
func TestSumStoreStockUnknownIsNotZero(t *testing.T) {
	bindings := []dianjia.StoreBinding{bindStore("S1", warehouseVirtual), bindStore("S2", warehouseVirtual), bindStore("S3", warehouseVirtual)}
	rows := []dianjia.StockRow{
		stockRow("S1", "A", "5"), stockRow("S2", "A", "0"), stockRow("S3", "A", "0"),
		stockRow("S1", "B", "5"),
		stockRow("S1", "C", "1"), stockRow("S2", "C", "1"), stockRow("S2", "C", "1"), stockRow("S2", "C", "2"), // repeated
	}
	got, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 5", "10100077 B 5"}, virtualTexts(got.Rows))
	gap := func(store, sku string, reason mapping.StockGapReason, withheld bool) mapping.StockGap {
		return mapping.StockGap{WMSCoID: warehouseVirtual, StoreCode: store, SKUCode: sku, Reason: reason, Withheld: withheld}
	}
	assert.Equal(t, mapping.StockGaps{Total: 4, Withheld: 1, First: []mapping.StockGap{
		gap("S2", "B", mapping.GapUnknown, false), gap("S3", "B", mapping.GapUnknown, false),
		gap("S2", "C", mapping.GapRepeated, true), gap("S3", "C", mapping.GapUnknown, true),
	}}, got.Gaps)

	got, err = mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Unknown: mapping.UnknownWithhold, Details: 3})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 5"}, virtualTexts(got.Rows))
	assert.Equal(t, 4, got.Gaps.Total)
	assert.Equal(t, 2, got.Gaps.Withheld)
	assert.Len(t, got.Gaps.First, 3, "no more details than asked for")

	got, err = mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Details: -1})
	require.NoError(t, err)
	assert.Empty(t, got.Gaps.First)
	assert.Equal(t, 4, got.Gaps.Total)

	got, err = mapping.SumStoreStock(bindings, nil, mapping.StoreStockRules{})
	require.NoError(t, err)
	assert.Empty(t, got.Rows, "no rows are no zeros")
}

// More stores than one word of bits has.
func TestSumStoreStockManyStores(t *testing.T) {
	var bindings []dianjia.StoreBinding
	var rows []dianjia.StockRow
	for i := range 130 {
		code := fmt.Sprintf("S%03d", i)
		bindings = append(bindings, bindStore(code, warehouseVirtual))
		if i != 64 && i != 129 {
			rows = append(rows, stockRow(code, "A", "2"))
		}
	}
	rows = append(rows, stockRow("S128", "B", "1"))
	got, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 256", "10100077 B 1"}, virtualTexts(got.Rows))
	assert.Equal(t, 2+129, got.Gaps.Total)
	assert.Equal(t, "S064", got.Gaps.First[0].StoreCode)
	assert.Equal(t, "S129", got.Gaps.First[1].StoreCode)
}

func TestSumStoreStockShared(t *testing.T) {
	bindings := []dianjia.StoreBinding{bindStore("S1", warehouseSecond), bindStore("S1", warehouseVirtual), bindStore("S2", warehouseSecond), bindStore("S1", warehouseVirtual)}
	rows := []dianjia.StockRow{stockRow("S1", "A", "5"), stockRow("S2", "A", "10"), stockRow("S1", "B", "2.5"), stockRow("S2", "B", "0")}
	_, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{})
	var refused *mapping.SetupError
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.Has(mapping.SetupStoreShared))
	assert.False(t, refused.Has(mapping.SetupStoreBoundTwice))
	assert.Contains(t, err.Error(), `store "S1"`)
	assert.Contains(t, err.Error(), "重复计算")

	got, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Shared: mapping.SharedFull})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 5", "10100077 B 2.5", "10100088 A 15", "10100088 B 2.5"}, virtualTexts(got.Rows))
	require.Len(t, got.Findings, 2)
	assert.Equal(t, []mapping.SetupCode{mapping.SetupStoreShared, mapping.SetupStoreBoundTwice}, []mapping.SetupCode{got.Findings[0].Code, got.Findings[1].Code})

	got, err = mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Shared: mapping.SharedSplit})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 3", "10100077 B 1.5", "10100088 A 12", "10100088 B 1"}, virtualTexts(got.Rows))

	mixed := append(slices.Clone(bindings), dianjia.StoreBinding{EntID: "20020", StoreCode: "S7", WMSCoID: 5})
	_, err = mapping.SumStoreStock(mixed, rows, mapping.StoreStockRules{Shared: mapping.SharedFull})
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.Has(mapping.SetupMerchantsMixed))
}

// Sums equal those of rationals, whatever the order of the rows, and a split assigns
// exactly what there is.
func TestSumStoreStockProperties(t *testing.T) {
	for seed := range uint64(racetest.Fewer(10_000)) {
		r := rand.New(rand.NewPCG(seed, 1))
		stores, warehouses, skus := 1+r.IntN(5), 1+r.IntN(3), 1+r.IntN(4)
		var bindings []dianjia.StoreBinding
		places := map[string]int{}
		for i := range stores {
			code := fmt.Sprintf("S%d", i)
			for w := range warehouses {
				if w == 0 || r.IntN(2) == 0 {
					bindings = append(bindings, bindStore(code, int64(1+w)))
					places[code]++
				}
			}
		}
		reserve := decimal.New(r.Int64N(300), -2)
		var rows []dianjia.StockRow
		total, full := map[string]*big.Rat{}, map[string]*big.Rat{}
		for i := range stores {
			for k := range skus {
				row := stockRow(fmt.Sprintf("S%d", i), fmt.Sprintf("K%d", k), "0")
				switch r.IntN(4) {
				case 0:
					row.Qty = decimal.New(r.Int64N(2000)-500, -2)
				case 1:
					row.Qty = decimal.New(r.Int64(), int32(r.IntN(3))).Mul(decimal.New(r.Int64(), 0)) // beyond an int64
				default:
					row.Qty = decimal.New(r.Int64N(50)-5, 0)
				}
				rows = append(rows, row)
				left := row.Qty.Sub(reserve)
				if left.IsNegative() {
					left = decimal.Zero
				}
				if total[row.SKUCode] == nil {
					total[row.SKUCode], full[row.SKUCode] = new(big.Rat), new(big.Rat)
				}
				total[row.SKUCode].Add(total[row.SKUCode], left.Rat())
				full[row.SKUCode].Add(full[row.SKUCode], new(big.Rat).Mul(left.Rat(), big.NewRat(int64(places[row.StoreCode]), 1)))
			}
		}
		for policy, want := range map[mapping.SharedStockPolicy]map[string]*big.Rat{mapping.SharedSplit: total, mapping.SharedFull: full} {
			rules := mapping.StoreStockRules{Reserve: reserve, Shared: policy}
			got, err := mapping.SumStoreStock(bindings, rows, rules)
			require.NoError(t, err)
			sum := map[string]*big.Rat{}
			for i, row := range got.Rows {
				if sum[row.SKUCode] == nil {
					sum[row.SKUCode] = new(big.Rat)
				}
				sum[row.SKUCode].Add(sum[row.SKUCode], row.Qty.Rat())
				assert.False(t, row.Qty.IsNegative())
				if i > 0 {
					before := got.Rows[i-1]
					assert.True(t, before.WMSCoID < row.WMSCoID || before.WMSCoID == row.WMSCoID && before.SKUCode < row.SKUCode)
				}
			}
			for sku, w := range want {
				assert.Zero(t, w.Cmp(sum[sku]), "seed %d: SKU %s: %s, want %s", seed, sku, sum[sku], w)
			}
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			r.Shuffle(len(bindings), func(i, j int) { bindings[i], bindings[j] = bindings[j], bindings[i] })
			again, err := mapping.SumStoreStock(bindings, rows, rules)
			require.NoError(t, err)
			assert.Equal(t, virtualTexts(got.Rows), virtualTexts(again.Rows), "seed %d", seed)
		}
	}
}

func TestSumsBeyondInt64(t *testing.T) {
	bindings := []dianjia.StoreBinding{}
	rows := []dianjia.StockRow{}
	for i := range 20 {
		code := fmt.Sprintf("S%02d", i)
		bindings = append(bindings, bindStore(code, warehouseVirtual))
		rows = append(rows, stockRow(code, "A", "999999999999999999"))
	}
	got, err := mapping.SumStoreStock(bindings, append(rows, stockRow("S00", "B", "0.1"), stockRow("S01", "B", "0.2")), mapping.StoreStockRules{})
	require.NoError(t, err)
	assert.Equal(t, []string{"10100077 A 19999999999999999980", "10100077 B 0.3"}, virtualTexts(got.Rows))
}

func download(code string, wms int64, slot dianjia.WarehouseSlot) dianjia.WarehouseBinding {
	return dianjia.WarehouseBinding{EntID: warehouseEnt, WarehouseCode: code, WMSCoID: wms, Slot: slot, DownloadStock: true}
}

func inventory(sku, qty string) *jushuitan.InventoryRow {
	return &jushuitan.InventoryRow{SKUID: sku, Qty: decimal.RequireFromString(qty)}
}

// 下载策略: Jushuitan's warehouses are mapped to DianJia's.
func TestGuidePart3_4CombineStock(t *testing.T) {
	early, late := time.Date(2025, 6, 1, 8, 0, 0, 0, time.UTC), time.Date(2025, 6, 2, 8, 0, 0, 0, time.UTC)
	a := inventory("A", "5")
	a.ReturnQty, a.InQty, a.DefectiveQty, a.Modified = decimal.New(2, 0), decimal.New(3, 0), decimal.New(4, 0), late
	b := inventory("A", "-1.5")
	b.Modified = early
	stock := []mapping.WarehouseStock{
		{WMSCoID: warehouseMain, Rows: []*jushuitan.InventoryRow{a, nil, inventory("", "1")}},
		{WMSCoID: warehouseSecond, Rows: []*jushuitan.InventoryRow{b, inventory("B", "8")}},
		{WMSCoID: 999, Rows: []*jushuitan.InventoryRow{inventory("A", "100")}},
	}
	off := download("W1", 999, 0)
	off.DownloadStock = false

	t.Run("several into one", func(t *testing.T) {
		got, err := mapping.SumDownloadedStock([]dianjia.WarehouseBinding{download("W1", warehouseSecond, 0), download("W1", warehouseMain, 0), off}, stock, mapping.StockDownloadRules{})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 3.5", "W1 B 8"}, stockTexts(got.Rows))
		assert.Equal(t, warehouseEnt, got.Rows[0].EntID)
		assert.Equal(t, late, got.Rows[0].Modified)
		assert.Equal(t, 3, got.Ignored)
		assert.Equal(t, mapping.StockGaps{Total: 1, First: []mapping.StockGap{
			{WMSCoID: warehouseMain, WarehouseCode: "W1", SKUCode: "B", Reason: mapping.GapUnknown},
		}}, got.Gaps)

		got, err = mapping.SumDownloadedStock([]dianjia.WarehouseBinding{download("W1", warehouseSecond, 0), download("W1", warehouseMain, 0)}, stock, mapping.StockDownloadRules{Unknown: mapping.UnknownWithhold})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 3.5"}, stockTexts(got.Rows))
	})

	t.Run("slots", func(t *testing.T) {
		got, err := mapping.SumDownloadedStock([]dianjia.WarehouseBinding{
			download("W1", warehouseMain, dianjia.SlotMain), download("2", warehouseMain, dianjia.SlotSalesReturn),
			download("W3", warehouseMain, dianjia.SlotPurchaseIn), download("W4", warehouseMain, dianjia.SlotDefective),
		}, stock[:1], mapping.StockDownloadRules{})
		require.NoError(t, err)
		assert.Equal(t, []string{"2 A 2", "W1 A 5", "W3 A 3", "W4 A 4"}, stockTexts(got.Rows))
	})

	t.Run("one into several", func(t *testing.T) {
		bindings := []dianjia.WarehouseBinding{download("W2", warehouseMain, 0), download("W1", warehouseMain, dianjia.SlotMain)}
		var refused *mapping.SetupError
		_, err := mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{})
		require.ErrorAs(t, err, &refused)
		assert.True(t, refused.Has(mapping.SetupDownloadShared))
		got, err := mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{Shared: mapping.SharedFull})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 5", "W2 A 5"}, stockTexts(got.Rows))
		got, err = mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{Shared: mapping.SharedSplit})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 3", "W2 A 2"}, stockTexts(got.Rows))
		a.Qty = decimal.New(-5, 0)
		defer func() { a.Qty = decimal.New(5, 0) }()
		got, err = mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{Shared: mapping.SharedSplit})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A -3", "W2 A -2"}, stockTexts(got.Rows))
	})

	t.Run("expression", func(t *testing.T) {
		bound := download("W1", warehouseMain, 0)
		bound.StockExpression = "实际库存+销退仓库"
		var refused *mapping.SetupError
		_, err := mapping.SumDownloadedStock([]dianjia.WarehouseBinding{bound}, stock, mapping.StockDownloadRules{})
		require.ErrorAs(t, err, &refused)
		assert.True(t, refused.Has(mapping.SetupExpressionUnreadable))
		assert.Contains(t, err.Error(), "销退仓库存", "the nearest term")

		bound.StockExpression = "库存下载取数逻辑=实际库存+销退仓库存"
		whole := inventory("A", "5.7")
		whole.ReturnQty = decimal.New(2, 0)
		lacking := inventory("B", "5")
		got, err := mapping.SumDownloadedStock([]dianjia.WarehouseBinding{bound}, []mapping.WarehouseStock{{WMSCoID: warehouseMain, Rows: []*jushuitan.InventoryRow{whole, lacking}}}, mapping.StockDownloadRules{})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 7.7"}, stockTexts(got.Rows))
		require.Len(t, got.Gaps.First, 1, "a row without 销退仓库存 is unknown, not zero")
		assert.Equal(t, mapping.GapUnknown, got.Gaps.First[0].Reason)
		got, err = mapping.SumDownloadedStock([]dianjia.WarehouseBinding{bound}, []mapping.WarehouseStock{{WMSCoID: warehouseMain, Rows: []*jushuitan.InventoryRow{whole, lacking}}},
			mapping.StockDownloadRules{Policy: &formula.EvalPolicy{Missing: formula.MissingZero}})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 7", "W1 B 5"}, stockTexts(got.Rows))

		fails := errors.New("division by zero")
		rules := mapping.StockDownloadRules{Figure: func(b dianjia.WarehouseBinding, row *jushuitan.InventoryRow) (decimal.NullDecimal, error) {
			switch {
			case row.SKUID == "BAD":
				return decimal.NullDecimal{}, fails
			case row.SKUID == "UNKNOWN":
				return decimal.NullDecimal{}, nil
			}
			assert.Equal(t, bound, b)
			return decimal.NewNullDecimal(row.Qty.Add(row.ReturnQty)), nil
		}}
		rows := []mapping.WarehouseStock{{WMSCoID: warehouseMain, Rows: []*jushuitan.InventoryRow{a, inventory("BAD", "1"), inventory("UNKNOWN", "1"), inventory("TWICE", "1"), inventory("TWICE", "1")}}}
		got, err = mapping.SumDownloadedStock([]dianjia.WarehouseBinding{bound}, rows, rules)
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 7"}, stockTexts(got.Rows))
		gap := mapping.StockGap{WMSCoID: warehouseMain, WarehouseCode: "W1", Withheld: true}
		bad, twice, unknown := gap, gap, gap
		bad.SKUCode, bad.Reason, bad.Err = "BAD", mapping.GapFailed, fails
		twice.SKUCode, twice.Reason = "TWICE", mapping.GapRepeated
		unknown.SKUCode, unknown.Reason = "UNKNOWN", mapping.GapUnknown
		assert.Equal(t, mapping.StockGaps{Total: 3, Withheld: 3, First: []mapping.StockGap{bad, twice, unknown}}, got.Gaps)

		bound.StockExpression = "实际库存"
		got, err = mapping.SumDownloadedStock([]dianjia.WarehouseBinding{bound}, rows[:1], mapping.StockDownloadRules{})
		require.NoError(t, err, "which an empty one stands for")
		assert.Equal(t, "W1 A 5", stockTexts(got.Rows)[0])
	})

	t.Run("settings", func(t *testing.T) {
		other := download("W2", 5, 0)
		other.EntID = "20020"
		for _, tt := range []struct {
			bindings []dianjia.WarehouseBinding
			want     mapping.SetupCode
		}{
			{[]dianjia.WarehouseBinding{download("W1", 0, 0), download("W2", 5, 0)}, mapping.SetupDownloadOfAll},
			{[]dianjia.WarehouseBinding{download("W1", 4, 0), other}, mapping.SetupMerchantsMixed},
			{[]dianjia.WarehouseBinding{download("W1", 4, 6)}, mapping.SetupSlotUnknown},
		} {
			_, err := mapping.SumDownloadedStock(tt.bindings, stock, mapping.StockDownloadRules{Shared: mapping.SharedFull})
			var refused *mapping.SetupError
			require.ErrorAs(t, err, &refused)
			assert.True(t, refused.Has(tt.want), err)
		}
		got, err := mapping.SumDownloadedStock([]dianjia.WarehouseBinding{download("W1", 0, 0), download("W1", 0, 1), download("", 0, 0)},
			[]mapping.WarehouseStock{{Rows: []*jushuitan.InventoryRow{inventory("A", "4")}}}, mapping.StockDownloadRules{})
		require.NoError(t, err)
		assert.Equal(t, []string{"W1 A 4"}, stockTexts(got.Rows), "bound twice counts once")
		assert.Equal(t, []mapping.SetupCode{mapping.SetupDownloadOfAll, mapping.SetupDownloadBoundTwice, mapping.SetupBindingCodeMissing}, setupCodes(got.Findings))
	})
}

// 聚水潭WMS收发货: the code of the return warehouse must be 2.
func TestGuidePart4WarehouseSlots(t *testing.T) {
	head := jushuitan.Warehouse{Name: "杭州主仓", CoID: warehouseMain, WMSCoID: warehouseMain, IsMain: true, Status: "生效"}
	named := download("10100001", warehouseMain, dianjia.SlotMain)
	named.WarehouseName = "杭州主仓"
	renamed := named
	renamed.WarehouseName = "总仓"
	back := download("2", warehouseMain, dianjia.SlotSalesReturn)
	tests := []struct {
		name     string
		bindings []dianjia.WarehouseBinding
		want     []mapping.SetupCode
	}{
		{"good", []dianjia.WarehouseBinding{named, back}, nil},
		{"slot not given", []dianjia.WarehouseBinding{download("10100001", warehouseMain, 0), back}, nil},
		{"nothing", nil, []mapping.SetupCode{mapping.SetupHeadWarehouseMissing, mapping.SetupReturnWarehouseMissing}},
		{"another's", []dianjia.WarehouseBinding{download("5", 5, 1)}, []mapping.SetupCode{mapping.SetupHeadWarehouseMissing, mapping.SetupReturnWarehouseMissing}},
		{"code of the head", []dianjia.WarehouseBinding{download("ZC", warehouseMain, 1), back}, []mapping.SetupCode{mapping.SetupHeadWarehouseCode}},
		{"name of the head", []dianjia.WarehouseBinding{renamed, back}, []mapping.SetupCode{mapping.SetupHeadWarehouseName}},
		{"no return", []dianjia.WarehouseBinding{named}, []mapping.SetupCode{mapping.SetupReturnWarehouseMissing}},
		{"code of the return", []dianjia.WarehouseBinding{named, download("02", warehouseMain, 2)}, []mapping.SetupCode{mapping.SetupReturnWarehouseCode}},
		{"code 2 elsewhere", []dianjia.WarehouseBinding{named, download("2", warehouseMain, 4), download("3", warehouseMain, 2)}, []mapping.SetupCode{mapping.SetupReturnCodeTaken, mapping.SetupReturnWarehouseCode}},
		{"slot", []dianjia.WarehouseBinding{named, back, download("9", warehouseMain, 9)}, []mapping.SetupCode{mapping.SetupSlotUnknown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := mapping.CheckWarehouseSlots(head, tt.bindings)
			assert.Equal(t, tt.want, setupCodes(found))
			checkFindingTexts(t, found)
		})
	}
	head.WMSCoID = 0 // the main warehouse's company number is its own
	assert.Empty(t, mapping.CheckWarehouseSlots(head, []dianjia.WarehouseBinding{named, back}))
}

func TestChangedStock(t *testing.T) {
	v := func(wms int64, sku, qty string) mapping.VirtualStock {
		return mapping.VirtualStock{WMSCoID: wms, SKUCode: sku, Qty: decimal.RequireFromString(qty)}
	}
	last := []mapping.VirtualStock{v(2, "A", "5"), v(1, "A", "5"), v(1, "B", "7"), v(1, "C", "1"), v(1, "B", "6.0")}
	now := []mapping.VirtualStock{v(1, "D", "0"), v(1, "A", "5.00"), v(1, "B", "7"), v(2, "A", "4")}
	got := mapping.ChangedVirtualStock(last, now)
	assert.Equal(t, []string{"1 B 7", "1 D 0", "2 A 4"}, virtualTexts(got.Changed), "5 and 5.00 are the same; a first zero is pushed; B was 6 last")
	assert.Equal(t, []string{"1 C 1"}, virtualTexts(got.Gone), "no figure is not zero")
	assert.Equal(t, "2 A 5", virtualTexts(last)[0], "the arguments are not put in order")

	rows := mapping.ChangedStock(
		[]dianjia.StockRow{stockRow("W1", "A", "1"), stockRow("W2", "A", "1")},
		[]dianjia.StockRow{stockRow("W2", "A", "2"), {EntID: warehouseEnt, StoreCode: "W1", SKUCode: "A", Qty: decimal.New(1, 0), Modified: time.Unix(1, 0)}})
	assert.Equal(t, []string{"W2 A 2"}, stockTexts(rows.Changed))
	assert.Empty(t, rows.Gone)
	assert.Empty(t, mapping.VirtualQtyRequests(nil))
}

// Pushing what has changed makes the last figures the new ones, and nothing less does.
func TestChangedStockProperties(t *testing.T) {
	type key struct {
		wms int64
		sku string
	}
	for seed := range uint64(racetest.Fewer(10_000)) {
		r := rand.New(rand.NewPCG(seed, 2))
		random := func() []mapping.VirtualStock {
			rows := make([]mapping.VirtualStock, r.IntN(12))
			for i := range rows {
				rows[i] = mapping.VirtualStock{WMSCoID: 1 + r.Int64N(3), SKUCode: string(rune('A' + r.IntN(4))), Qty: decimal.New(r.Int64N(3), 0)}
			}
			return rows
		}
		last, now := random(), random()
		state, want := map[key]string{}, map[key]string{}
		for _, row := range last {
			state[key{row.WMSCoID, row.SKUCode}] = row.Qty.String()
		}
		for _, row := range now {
			want[key{row.WMSCoID, row.SKUCode}] = row.Qty.String()
		}
		got := mapping.ChangedVirtualStock(last, now)
		for _, row := range got.Changed {
			k := key{row.WMSCoID, row.SKUCode}
			assert.NotEqual(t, state[k], row.Qty.String(), "seed %d: not needed", seed)
			state[k] = row.Qty.String()
		}
		for _, row := range got.Gone {
			k := key{row.WMSCoID, row.SKUCode}
			assert.NotContains(t, want, k)
			delete(state, k)
		}
		assert.Equal(t, want, state, "seed %d", seed)
		again := mapping.ChangedVirtualStock(now, now)
		assert.Empty(t, again.Changed)
		assert.Empty(t, again.Gone)
		assert.True(t, slices.IsSortedFunc(got.Changed, func(a, b mapping.VirtualStock) int {
			return int(a.WMSCoID-b.WMSCoID)*100 + int(a.SKUCode[0]) - int(b.SKUCode[0])
		}))
	}
}

// A million rows: 500 stores, 2,000 SKUs each.
func BenchmarkSumStoreStock(b *testing.B) {
	const stores, skus = 500, 2000
	var bindings []dianjia.StoreBinding
	codes, names := make([]string, stores), make([]string, skus)
	for i := range codes {
		codes[i] = fmt.Sprintf("%07d", i)
		bindings = append(bindings, bindStore(codes[i], warehouseVirtual))
	}
	for i := range names {
		names[i] = fmt.Sprintf("SKU-2025-%06d", i)
	}
	rows := make([]dianjia.StockRow, 0, stores*skus)
	for i, code := range codes {
		for j, name := range names {
			rows = append(rows, dianjia.StockRow{EntID: warehouseEnt, StoreCode: code, SKUCode: name, Qty: decimal.New(int64(i+j)%40*100, -2)})
		}
	}
	for _, tt := range []struct {
		name  string
		rules mapping.StoreStockRules
	}{
		{"plain", mapping.StoreStockRules{}},
		{"reserve", mapping.StoreStockRules{Reserve: decimal.New(2, 0)}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got, err := mapping.SumStoreStock(bindings, rows, tt.rules)
				if err != nil || len(got.Rows) != skus || got.Gaps.Total != 0 {
					b.Fatal(len(got.Rows), err)
				}
			}
			b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("changed", func(b *testing.B) {
		last := make([]mapping.VirtualStock, 1_000_000)
		for i := range last {
			last[i] = mapping.VirtualStock{WMSCoID: warehouseVirtual, SKUCode: fmt.Sprintf("SKU-%07d", i), Qty: decimal.New(int64(i%9), 0)}
		}
		now := slices.Clone(last)
		for i := 0; i < len(now); i += 100 {
			now[i].Qty = decimal.New(99, 0)
		}
		b.ReportAllocs()
		for b.Loop() {
			if got := mapping.ChangedVirtualStock(last, now); len(got.Changed) != 10_000 {
				b.Fatal(len(got.Changed))
			}
		}
		b.ReportMetric(float64(len(now))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

func ExampleSumStoreStock() {
	bindings := []dianjia.StoreBinding{
		{EntID: "10010", StoreCode: "0001", WMSCoID: 10100077},
		{EntID: "10010", StoreCode: "0002", WMSCoID: 10100077},
	}
	rows := []dianjia.StockRow{
		{EntID: "10010", StoreCode: "0001", SKUCode: "A-RED-M", Qty: decimal.NewFromInt(5)},
		{EntID: "10010", StoreCode: "0002", SKUCode: "A-RED-M", Qty: decimal.NewFromInt(1)},
		{EntID: "10010", StoreCode: "0001", SKUCode: "A-RED-L", Qty: decimal.NewFromInt(4)},
	}
	// Two pieces stay in each store; the second store has said nothing about size L.
	stock, err := mapping.SumStoreStock(bindings, rows, mapping.StoreStockRules{Reserve: decimal.NewFromInt(2)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range stock.Rows {
		fmt.Println(r.WMSCoID, r.SKUCode, r.Qty)
	}
	for _, gap := range stock.Gaps.First {
		fmt.Println("no figure:", gap.StoreCode, gap.SKUCode)
	}

	last := []mapping.VirtualStock{{WMSCoID: 10100077, SKUCode: "A-RED-M", Qty: decimal.NewFromInt(3)}}
	for _, req := range mapping.VirtualQtyRequests(mapping.ChangedVirtualStock(last, stock.Rows).Changed) {
		fmt.Println("push:", req.WMSCoID, req.SKUAndQty[0].SKUID, req.SKUAndQty[0].Qty) // client.Inventory.SetVirtualQtys
	}
	// Output:
	// 10100077 A-RED-L 2
	// 10100077 A-RED-M 3
	// no figure: 0002 A-RED-L
	// push: 10100077 A-RED-L 2
}
