package mapping_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// stockDec reads a number; one with an e may have any exponent.
func stockDec(s string) decimal.Decimal {
	if digits, exp, ok := strings.Cut(s, "e"); ok {
		e, err := strconv.ParseInt(exp, 10, 32)
		if err != nil {
			panic(err)
		}
		return decimal.New(decimal.RequireFromString(digits).IntPart(), int32(e))
	}
	return decimal.RequireFromString(s)
}

// TestGuidePart3_4StockTerms holds to the words of the guide and the fields of the
// inventory query, and to the labels of Jushuitan's own page.
func TestGuidePart3_4StockTerms(t *testing.T) {
	tests := []struct {
		term         formula.Term
		label, field string
		also         string
	}{
		{formula.TermQty, "实际库存", "qty", "主仓实际库存"},
		{formula.TermVirtualQty, "虚拟库存", "virtual_qty", ""},
		{formula.TermPurchaseQty, "采购在途", "purchase_qty", "采购在途数"},
		{formula.TermInQty, "进货仓库存", "in_qty", ""},
		{formula.TermReturnQty, "销退仓库存", "return_qty", ""},
		{formula.TermOrderLock, "订单占用", "order_lock", "订单占有数"},
		{formula.TermPickLock, "仓库待发数", "pick_lock", ""},
		{formula.TermAllocateQty, "调拨在途", "allocate_qty", "调拨在途数"},
		{formula.TermSaleRefundQty, "销退在途", "sale_refund_qty", "销退在途数"},
		{formula.TermDefectiveQty, "次品仓库存", "defective_qty", "次品库存"},
		{formula.TermLockQty, "锁定库存", "lock_qty", "库存锁定数"},
		{formula.TermMinQty, "安全库存下限", "min_qty", "库容下限"},
		{formula.TermMaxQty, "安全库存上限", "max_qty", "库容上限"},
		{formula.TermCustomizeQty1, "自定义仓1", "customize_qty_1", ""},
		{formula.TermCustomizeQty2, "自定义仓2", "customize_qty_2", ""},
		{formula.TermCustomizeQty3, "自定义仓3", "customize_qty_3", ""},
	}
	all := formula.Terms()
	require.Len(t, all, len(tests))
	for i, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			assert.Equal(t, tt.term, all[i])
			assert.Equal(t, tt.label, tt.term.String())
			assert.Equal(t, tt.field, tt.term.Field())

			// The field of the answer is the term's, also through every name.
			var row jushuitan.InventoryRow
			require.NoError(t, wire.Unmarshal([]byte(`{"sku_id":"A","`+tt.field+`":41}`), &row))
			stock := mapping.StockOf(&row)
			for _, name := range []string{tt.label, tt.field, tt.also} {
				if name == "" {
					continue
				}
				e, err := formula.Parse(name)
				require.NoError(t, err)
				assert.Equal(t, []formula.Term{tt.term}, e.Terms())
				assert.Equal(t, tt.term == formula.TermLockQty, e.HasLockQty())
				got, err := e.Eval(&stock)
				require.NoError(t, err)
				assert.Equal(t, "41", got.String())
			}
			for _, other := range all {
				_, known := stock.Value(other)
				assert.Equal(t, other == tt.term, known, other.Field())
			}
		})
	}
	none := formula.Term(len(tests))
	assert.Equal(t, "?", none.String())
	assert.Equal(t, "?", none.Field())
}

func TestStockUnknownIsNotZero(t *testing.T) {
	var row jushuitan.InventoryRow
	require.NoError(t, wire.Unmarshal([]byte(`{"sku_id":"A-1","qty":0,"order_lock":"0","min_qty":null,"max_qty":"","virtual_qty":-2.50}`), &row))
	stock := mapping.StockOf(&row)
	assert.Equal(t, "A-1", stock.SKUID)
	tests := map[formula.Term]string{
		formula.TermQty: "0", formula.TermOrderLock: "0", formula.TermVirtualQty: "-2.5",
		formula.TermMinQty: "", formula.TermMaxQty: "", formula.TermLockQty: "", 99: "",
	}
	for term, want := range tests {
		v, known := stock.Value(term)
		assert.Equal(t, want != "", known, term.Field())
		if known {
			assert.Equal(t, want, v.String())
		}
	}

	e, err := formula.Parse("qty-lock_qty-max_qty")
	require.NoError(t, err)
	_, err = e.Eval(&stock)
	require.ErrorIs(t, err, formula.ErrMissing)
	var failed *formula.RowError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "A-1", failed.SKUID)
	assert.Equal(t, formula.TermLockQty, failed.Term)
	assert.Equal(t, `mapping: stock of SKU "A-1": 锁定库存 lock_qty is unknown; ask for has_lock_qty in the inventory query`+
		` / 商品 "A-1" 的库存：锁定库存 lock_qty 未知；查询库存时请传 has_lock_qty`, err.Error())

	got, err := e.EvalWith(&stock, formula.EvalPolicy{Missing: formula.MissingZero})
	require.NoError(t, err)
	assert.Equal(t, "0", got.String())

	// A cancelled term must be known all the same.
	e, err = formula.Parse("qty+max_qty-max_qty")
	require.NoError(t, err)
	_, err = e.Eval(&stock)
	require.ErrorIs(t, err, formula.ErrMissing)

	var empty formula.Row
	_, err = formula.Actual().Eval(&empty)
	require.ErrorIs(t, err, formula.ErrMissing)
}

func TestStockInts(t *testing.T) {
	tests := map[string]struct {
		value string
		want  int64
		class error
	}{
		"whole":       {"12", 12, nil},
		"negative":    {"-12", -12, nil},
		"zero places": {"12.000", 12, nil},
		"exponent":    {"12e3", 12000, nil},
		"largest":     {"9223372036854775807", math.MaxInt64, nil},
		"smallest":    {"-9223372036854775808", math.MinInt64, nil},
		"one more":    {"9223372036854775808", 0, formula.ErrRange},
		"fraction":    {"0.5", 0, formula.ErrFraction},
		"huge":        {"1e999999999", 0, formula.ErrRange},
		"tiny":        {"1e-999999999", 0, formula.ErrRange},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ints, err := mapping.StockIntsOf(&jushuitan.InventoryRow{SKUID: "A", Qty: stockDec("1"), PickLock: stockDec(tt.value)})
			require.ErrorIs(t, err, tt.class)
			if tt.class != nil {
				var failed *formula.RowError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, formula.TermPickLock, failed.Term)
				assert.Contains(t, err.Error(), "pick_lock")
				return
			}
			v, known := ints.Value(formula.TermPickLock)
			assert.True(t, known)
			assert.Equal(t, tt.want, v)
			_, known = ints.Value(formula.TermOrderLock)
			assert.False(t, known)
		})
	}
}

func TestBundleCapacity(t *testing.T) {
	type items = []jushuitan.BundleComponent
	item := func(sku, qty string) jushuitan.BundleComponent {
		return jushuitan.BundleComponent{SrcSKUID: sku, Qty: stockDec(qty)}
	}
	available := map[string]decimal.Decimal{
		"ten": stockDec("10"), "seven": stockDec("7"), "zero": stockDec("0"), "short": stockDec("-3"), "part": stockDec("2.9"), "huge": stockDec("1e999999999"),
	}
	tests := map[string]struct {
		items     items
		policy    formula.EvalPolicy
		capacity  string
		limitedBy string
		class     error
		names     string // the end of the error, or a part of it
	}{
		"one":                 {items: items{item("ten", "1")}, capacity: "10", limitedBy: "ten"},
		"minimum":             {items: items{item("ten", "1"), item("seven", "1")}, capacity: "7", limitedBy: "seven"},
		"rounded down":        {items: items{item("ten", "3"), item("seven", "2")}, capacity: "3", limitedBy: "ten"},
		"not enough for one":  {items: items{item("seven", "8")}, capacity: "0", limitedBy: "seven"},
		"zero":                {items: items{item("ten", "1"), item("zero", "2")}, capacity: "0", limitedBy: "zero"},
		"listed twice":        {items: items{item("ten", "2"), item("ten", "3")}, capacity: "2", limitedBy: "ten"},
		"fractions":           {items: items{item("part", "0.1")}, capacity: "29", limitedBy: "part"},
		"negative kept":       {items: items{item("ten", "1"), item("short", "2")}, capacity: "-2", limitedBy: "short"},
		"negative to zero":    {items: items{item("short", "2")}, policy: formula.EvalPolicy{Negative: formula.NegativeZero}, capacity: "0", limitedBy: "short"},
		"unknown":             {items: items{item("ten", "1"), item("none", "1")}, class: formula.ErrMissing, names: `component "none": the stock of the component is unknown: query it first / 组合装 "B-1"，子商品 "none"：子商品库存未知，请先查询`},
		"unknown to zero":     {items: items{item("ten", "1"), item("none", "1")}, policy: formula.EvalPolicy{Missing: formula.MissingZero}, capacity: "0", limitedBy: "none"},
		"no components":       {class: jushuitan.ErrInvalid, names: `the bundle has no components: query it again / 组合装 "B-1"：没有子商品，请重新查询组合装`},
		"no quantity":         {items: items{item("ten", "0")}, class: jushuitan.ErrInvalid, names: `"ten"`},
		"negative quantity":   {items: items{item("ten", "-1")}, class: jushuitan.ErrInvalid, names: `component "ten": the quantity of the component must be positive: correct the bundle in Jushuitan / 组合装 "B-1"，子商品 "ten"：子商品数量必须大于零，请在聚水潭中修正`},
		"absurd quantity":     {items: items{item("ten", "1e-999999999")}, class: jushuitan.ErrInvalid, names: `"ten"`},
		"no code":             {items: items{item("", "1")}, class: jushuitan.ErrInvalid, names: `a component has no code: correct the bundle in Jushuitan / 组合装 "B-1"：有子商品缺少编码，请在聚水潭中修正`},
		"figure out of range": {items: items{item("huge", "1")}, class: formula.ErrRange, names: `component "huge": the stock of the component is out of range: check its figures / 组合装 "B-1"，子商品 "huge"：子商品库存超出范围，请核对数据`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := mapping.BundleCapacity(&jushuitan.Bundle{SKUID: "B-1", Items: tt.items}, func(sku string) (decimal.Decimal, bool) {
				v, ok := available[sku]
				return v, ok
			}, tt.policy)
			require.ErrorIs(t, err, tt.class)
			if tt.class != nil {
				var failed *mapping.BundleError
				require.ErrorAs(t, err, &failed)
				assert.Contains(t, err.Error(), `bundle "B-1"`)
				assert.Contains(t, err.Error(), `组合装 "B-1"`)
				assert.Contains(t, err.Error(), tt.names)
				return
			}
			assert.Equal(t, "B-1", got.SKUID)
			assert.Equal(t, tt.capacity, got.Capacity.String())
			assert.Equal(t, tt.limitedBy, got.LimitedBy)
		})
	}
}

func ExampleBundleCapacity() {
	bundle := &jushuitan.Bundle{SKUID: "SET-1", Items: []jushuitan.BundleComponent{
		{SrcSKUID: "SHIRT", Qty: stockDec("1")},
		{SrcSKUID: "SOCKS", Qty: stockDec("3")},
	}}
	stock := map[string]decimal.Decimal{"SHIRT": stockDec("12"), "SOCKS": stockDec("20")}
	got, err := mapping.BundleCapacity(bundle, func(sku string) (decimal.Decimal, bool) {
		v, ok := stock[sku]
		return v, ok
	}, formula.EvalPolicy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.Capacity, "limited by", got.LimitedBy)
	// Output: 6 limited by SOCKS
}
