package mapping_test

import (
	"errors"
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

// TestGuidePart3_4StockDownloadRule holds to what the guide writes.
func TestGuidePart3_4StockDownloadRule(t *testing.T) {
	stock := mapping.NewStock("A", map[mapping.StockTerm]decimal.Decimal{
		mapping.TermQty: stockDec("10"), mapping.TermVirtualQty: stockDec("20"), mapping.TermPurchaseQty: stockDec("300"),
		mapping.TermInQty: stockDec("4000"), mapping.TermReturnQty: stockDec("50000"), mapping.TermOrderLock: stockDec("7"),
	})
	tests := map[string]struct{ text, result string }{
		"example":         {"库存下载取数逻辑=实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用", "54323"},
		"left empty":      {"", "10"},
		"the default":     {"库存下载取数逻辑=实际库存", "10"},
		"name and no sum": {"库存下载取数逻辑=", "10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := mapping.ParseStockExpression(tt.text)
			require.NoError(t, err)
			got, err := e.Eval(&stock)
			require.NoError(t, err)
			assert.Equal(t, tt.result, got.String())
		})
	}
}

// TestGuidePart3_4StockTerms holds to the words of the guide and the fields of the
// inventory query, and to the labels of Jushuitan's own page.
func TestGuidePart3_4StockTerms(t *testing.T) {
	tests := []struct {
		term         mapping.StockTerm
		label, field string
		also         string
	}{
		{mapping.TermQty, "实际库存", "qty", "主仓实际库存"},
		{mapping.TermVirtualQty, "虚拟库存", "virtual_qty", ""},
		{mapping.TermPurchaseQty, "采购在途", "purchase_qty", "采购在途数"},
		{mapping.TermInQty, "进货仓库存", "in_qty", ""},
		{mapping.TermReturnQty, "销退仓库存", "return_qty", ""},
		{mapping.TermOrderLock, "订单占用", "order_lock", "订单占有数"},
		{mapping.TermPickLock, "仓库待发数", "pick_lock", ""},
		{mapping.TermAllocateQty, "调拨在途", "allocate_qty", "调拨在途数"},
		{mapping.TermSaleRefundQty, "销退在途", "sale_refund_qty", "销退在途数"},
		{mapping.TermDefectiveQty, "次品仓库存", "defective_qty", "次品库存"},
		{mapping.TermLockQty, "锁定库存", "lock_qty", "库存锁定数"},
		{mapping.TermMinQty, "安全库存下限", "min_qty", "库容下限"},
		{mapping.TermMaxQty, "安全库存上限", "max_qty", "库容上限"},
		{mapping.TermCustomizeQty1, "自定义仓1", "customize_qty_1", ""},
		{mapping.TermCustomizeQty2, "自定义仓2", "customize_qty_2", ""},
		{mapping.TermCustomizeQty3, "自定义仓3", "customize_qty_3", ""},
	}
	all := mapping.StockTerms()
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
				e, err := mapping.ParseStockExpression(name)
				require.NoError(t, err)
				assert.Equal(t, []mapping.StockTerm{tt.term}, e.Terms())
				assert.Equal(t, tt.term == mapping.TermLockQty, e.HasLockQty())
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
	none := mapping.StockTerm(len(tests))
	assert.Equal(t, "?", none.String())
	assert.Equal(t, "?", none.Field())
}

func TestStockUnknownIsNotZero(t *testing.T) {
	var row jushuitan.InventoryRow
	require.NoError(t, wire.Unmarshal([]byte(`{"sku_id":"A-1","qty":0,"order_lock":"0","min_qty":null,"max_qty":"","virtual_qty":-2.50}`), &row))
	stock := mapping.StockOf(&row)
	assert.Equal(t, "A-1", stock.SKUID)
	tests := map[mapping.StockTerm]string{
		mapping.TermQty: "0", mapping.TermOrderLock: "0", mapping.TermVirtualQty: "-2.5",
		mapping.TermMinQty: "", mapping.TermMaxQty: "", mapping.TermLockQty: "", 99: "",
	}
	for term, want := range tests {
		v, known := stock.Value(term)
		assert.Equal(t, want != "", known, term.Field())
		if known {
			assert.Equal(t, want, v.String())
		}
	}

	e, err := mapping.ParseStockExpression("qty-lock_qty-max_qty")
	require.NoError(t, err)
	_, err = e.Eval(&stock)
	require.ErrorIs(t, err, mapping.ErrStockMissing)
	var failed *mapping.StockError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "A-1", failed.SKUID)
	assert.Equal(t, mapping.TermLockQty, failed.Term)
	assert.Equal(t, `mapping: stock of SKU "A-1": 锁定库存 lock_qty is not known; ask for has_lock_qty in the inventory query`+
		` / 商品 "A-1" 的库存: 锁定库存 lock_qty 未知; 查询库存时请传 has_lock_qty`, err.Error())

	got, err := e.EvalWith(&stock, mapping.Policy{Missing: mapping.MissingZero})
	require.NoError(t, err)
	assert.Equal(t, "0", got.String())

	// A cancelled term must be known all the same.
	e, err = mapping.ParseStockExpression("qty+max_qty-max_qty")
	require.NoError(t, err)
	_, err = e.Eval(&stock)
	require.ErrorIs(t, err, mapping.ErrStockMissing)

	var empty mapping.Stock
	_, err = mapping.StockActual().Eval(&empty)
	require.ErrorIs(t, err, mapping.ErrStockMissing)
}

func TestStockSetIgnoresWhatIsNoTerm(t *testing.T) {
	var s mapping.Stock
	s.Set(mapping.StockTerm(16), stockDec("1"))
	var ints mapping.StockInts
	ints.Set(mapping.StockTerm(16), 1)
	for _, term := range append(mapping.StockTerms(), 16, 255) {
		_, known := s.Value(term)
		assert.False(t, known)
		_, known = ints.Value(term)
		assert.False(t, known)
	}
	ints.Set(mapping.TermQty, -3)
	v, known := ints.Value(mapping.TermQty)
	assert.True(t, known)
	assert.EqualValues(t, -3, v)
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
		"one more":    {"9223372036854775808", 0, mapping.ErrStockRange},
		"fraction":    {"0.5", 0, mapping.ErrStockFraction},
		"huge":        {"1e999999999", 0, mapping.ErrStockRange},
		"tiny":        {"1e-999999999", 0, mapping.ErrStockRange},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ints, err := mapping.StockIntsOf(&jushuitan.InventoryRow{SKUID: "A", Qty: stockDec("1"), PickLock: stockDec(tt.value)})
			require.ErrorIs(t, err, tt.class)
			if tt.class != nil {
				var failed *mapping.StockError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, mapping.TermPickLock, failed.Term)
				assert.Contains(t, err.Error(), "pick_lock")
				return
			}
			v, known := ints.Value(mapping.TermPickLock)
			assert.True(t, known)
			assert.Equal(t, tt.want, v)
			_, known = ints.Value(mapping.TermOrderLock)
			assert.False(t, known)
		})
	}
}

func TestStockPresets(t *testing.T) {
	tests := map[string]struct {
		e               *mapping.StockExpression
		fields, chinese string
	}{
		"actual":      {mapping.StockActual(), "qty", "实际库存"},
		"sellable":    {mapping.StockSellable(), "qty+virtual_qty-order_lock", "实际库存+虚拟库存-订单占用"},
		"available":   {mapping.StockAvailable(), "qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock", "实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用"},
		"allocatable": {mapping.StockAllocatable(), "qty-pick_lock", "实际库存-仓库待发数"},
		"zero value":  {new(mapping.StockExpression), "qty", "实际库存"},
		"nil":         {nil, "qty", "实际库存"},
	}
	stock := mapping.NewStock("A", map[mapping.StockTerm]decimal.Decimal{
		mapping.TermQty: stockDec("10"), mapping.TermVirtualQty: stockDec("2"), mapping.TermPurchaseQty: stockDec("300"), mapping.TermInQty: stockDec("4000"),
		mapping.TermReturnQty: stockDec("50000"), mapping.TermOrderLock: stockDec("7"), mapping.TermPickLock: stockDec("1"),
	})
	results := map[string]string{"actual": "10", "sellable": "5", "available": "54305", "allocatable": "9", "zero value": "10", "nil": "10"}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.fields, tt.e.Fields())
			assert.Equal(t, tt.chinese, tt.e.String())
			got, err := tt.e.Eval(&stock)
			require.NoError(t, err)
			assert.Equal(t, results[name], got.String())
			assert.NotEmpty(t, tt.e.Terms())
			assert.False(t, tt.e.HasLockQty())
			assert.Equal(t, results[name], tt.e.Explain(&stock, mapping.Policy{}).Figure.String())
			dst := make([]int64, 1)
			ints, err := stock.Ints()
			require.NoError(t, err)
			require.NoError(t, tt.e.EvalInt64(dst, []mapping.StockInts{ints}, mapping.Policy{}))
			assert.Equal(t, results[name], fmt.Sprint(dst[0]))
			_ = tt.e.Lint()
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
		policy    mapping.Policy
		capacity  string
		limitedBy string
		class     error
		names     string // part of the error
	}{
		"one":                 {items: items{item("ten", "1")}, capacity: "10", limitedBy: "ten"},
		"minimum":             {items: items{item("ten", "1"), item("seven", "1")}, capacity: "7", limitedBy: "seven"},
		"rounded down":        {items: items{item("ten", "3"), item("seven", "2")}, capacity: "3", limitedBy: "ten"},
		"not enough for one":  {items: items{item("seven", "8")}, capacity: "0", limitedBy: "seven"},
		"zero":                {items: items{item("ten", "1"), item("zero", "2")}, capacity: "0", limitedBy: "zero"},
		"listed twice":        {items: items{item("ten", "2"), item("ten", "3")}, capacity: "2", limitedBy: "ten"},
		"fractions":           {items: items{item("part", "0.1")}, capacity: "29", limitedBy: "part"},
		"negative kept":       {items: items{item("ten", "1"), item("short", "2")}, capacity: "-2", limitedBy: "short"},
		"negative to zero":    {items: items{item("short", "2")}, policy: mapping.Policy{Negative: mapping.NegativeZero}, capacity: "0", limitedBy: "short"},
		"unknown":             {items: items{item("ten", "1"), item("none", "1")}, class: mapping.ErrStockMissing, names: `"none"`},
		"unknown to zero":     {items: items{item("ten", "1"), item("none", "1")}, policy: mapping.Policy{Missing: mapping.MissingZero}, capacity: "0", limitedBy: "none"},
		"no components":       {class: jushuitan.ErrInvalid, names: "no components"},
		"no quantity":         {items: items{item("ten", "0")}, class: jushuitan.ErrInvalid, names: `"ten"`},
		"negative quantity":   {items: items{item("ten", "-1")}, class: jushuitan.ErrInvalid, names: "above zero"},
		"absurd quantity":     {items: items{item("ten", "1e-999999999")}, class: jushuitan.ErrInvalid, names: `"ten"`},
		"no code":             {items: items{item("", "1")}, class: jushuitan.ErrInvalid, names: "no code"},
		"figure out of range": {items: items{item("huge", "1")}, class: mapping.ErrStockRange, names: `"huge"`},
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

func TestStockErrorsJoinRows(t *testing.T) {
	e, err := mapping.ParseStockExpression("10/qty")
	require.NoError(t, err)
	rows := make([]mapping.Stock, 6)
	for i := range rows {
		rows[i] = mapping.NewStock(fmt.Sprintf("S%d", i), map[mapping.StockTerm]decimal.Decimal{mapping.TermQty: decimal.NewFromInt(int64(i % 2))})
	}
	rows[5] = mapping.Stock{SKUID: "S5"}
	dst := make([]decimal.Decimal, 7)
	for i := range dst {
		dst[i] = stockDec("-77")
	}
	err = e.EvalInto(dst, rows, mapping.Policy{})
	var failed mapping.StockErrors
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed, 4)
	for i, want := range []int{0, 2, 4, 5} {
		assert.Equal(t, want, failed[i].Row)
		assert.Equal(t, fmt.Sprintf("S%d", want), failed[i].SKUID)
	}
	require.ErrorIs(t, err, mapping.ErrStockDivisionByZero)
	require.ErrorIs(t, err, mapping.ErrStockMissing)
	assert.NotErrorIs(t, err, mapping.ErrStockRange)
	var one *mapping.StockError
	require.ErrorAs(t, err, &one)
	assert.Equal(t, "S0", one.SKUID)
	assert.Equal(t, 3, one.Column)
	for i, want := range []string{"-77", "10", "-77", "10", "-77", "-77", "-77"} {
		assert.Equal(t, want, dst[i].String(), "failed rows keep what dst held")
	}
	text := err.Error()
	for _, part := range []string{"4 stock rows have no figure / 4 行", "S0", "S4", "line 1, column 3", "..."} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "S5")

	require.ErrorIs(t, e.EvalInto(dst[:2], rows, mapping.Policy{}), jushuitan.ErrInvalid)
	require.ErrorIs(t, e.EvalInt64(nil, make([]mapping.StockInts, 1), mapping.Policy{}), jushuitan.ErrInvalid)
	require.NoError(t, e.EvalInto(nil, nil, mapping.Policy{}))
	require.NoError(t, e.EvalInt64(nil, nil, mapping.Policy{}))
	assert.False(t, errors.Is(e.EvalInto(dst, rows[1:2], mapping.Policy{}), mapping.ErrStockMissing))
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
	}, mapping.Policy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.Capacity, "limited by", got.LimitedBy)
	// Output: 6 limited by SOCKS
}
