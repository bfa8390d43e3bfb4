package mapping_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// TestTermCountedTwice: a figure that two downloads count is a finding that names both, for
// every slot and wherever the settings are checked; the guide's own formula with the guide's
// own return warehouse is such a case.
func TestTermCountedTwice(t *testing.T) {
	const guide = "库存下载取数逻辑=实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用"
	bind := func(code string, wms int64, slot dianjia.WarehouseSlot, expression string) dianjia.WarehouseBinding {
		return dianjia.WarehouseBinding{EntID: "10010", WarehouseCode: code, WMSCoID: wms, Slot: slot, DownloadStock: true, StockExpression: expression}
	}
	off := bind("2", 7, dianjia.SlotSalesReturn, "")
	off.DownloadStock = false
	tests := []struct {
		name     string
		bindings []dianjia.WarehouseBinding
		want     []string // texts of each finding
	}{
		{"the guide's formula and return warehouse", []dianjia.WarehouseBinding{bind("7", 7, 1, guide), bind("2", 7, 2, "")},
			[]string{"return_qty of warehouse 7", `"7"`, `"2"`, "销退仓库存"}},
		{"incoming slot", []dianjia.WarehouseBinding{bind("7", 7, 0, "实际库存+进货仓库存"), bind("3", 7, 3, "")}, []string{"in_qty"}},
		{"defective slot", []dianjia.WarehouseBinding{bind("4", 7, 4, ""), bind("7", 7, 1, "max(次品仓库存,实际库存)")}, []string{"defective_qty"}},
		{"an expression for the slot itself", []dianjia.WarehouseBinding{bind("7", 7, 1, ""), bind("2", 7, 2, "实际库存+销退仓库存")}, []string{"qty"}},
		{"subtracted", []dianjia.WarehouseBinding{bind("7", 7, 1, "实际库存-销退仓库存"), bind("2", 7, 2, "")}, nil},
		{"limits, which are no goods", []dianjia.WarehouseBinding{bind("7", 7, 1, "实际库存+安全库存下限+安全库存上限"), bind("2", 7, 2, "销退仓库存+安全库存下限+安全库存上限")}, nil},
		{"another warehouse", []dianjia.WarehouseBinding{bind("7", 7, 1, guide), bind("2", 8, 2, "")}, nil},
		{"not downloaded", []dianjia.WarehouseBinding{bind("7", 7, 1, guide), off}, nil},
		{"defaults", []dianjia.WarehouseBinding{bind("7", 7, 1, ""), bind("2", 7, 2, ""), bind("3", 7, 3, ""), bind("4", 7, 4, "")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, err := mapping.SumDownloadedStock(tt.bindings, nil, mapping.StockDownloadRules{})
			require.NoError(t, err)
			for where, findings := range map[string][]mapping.SetupFinding{
				"SumDownloadedStock":  sum.Findings,
				"CheckRouting":        mapping.CheckRouting(mapping.Routing{Downloads: tt.bindings}),
				"CheckWarehouseSlots": mapping.CheckWarehouseSlots(jushuitan.Warehouse{WMSCoID: 7}, tt.bindings),
			} {
				var twice []mapping.SetupFinding
				for _, f := range findings {
					if f.Code == mapping.SetupTermCountedTwice {
						twice = append(twice, f)
					}
				}
				if tt.want == nil {
					assert.Empty(t, twice, where)
					continue
				}
				require.Len(t, twice, 1, where)
				for _, text := range tt.want {
					assert.Contains(t, twice[0].String(), text, where)
				}
				assert.False(t, twice[0].Code.Warning(), "goods are overstated")
			}
		})
	}
	// A figure of the host's own replaces the expressions: nothing is said about them.
	own := func(dianjia.WarehouseBinding, *jushuitan.InventoryRow) (decimal.NullDecimal, error) {
		return decimal.NewNullDecimal(decimal.NewFromInt(1)), nil
	}
	sum, err := mapping.SumDownloadedStock(tests[0].bindings, nil, mapping.StockDownloadRules{Figure: own})
	require.NoError(t, err)
	assert.Empty(t, sum.Findings)
}
