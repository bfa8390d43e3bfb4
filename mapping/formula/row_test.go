package formula_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// dec reads a number; one with an e may have any exponent.
func dec(s string) decimal.Decimal {
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
	stock := formula.NewRow("A", map[formula.Term]decimal.Decimal{
		formula.TermQty: dec("10"), formula.TermVirtualQty: dec("20"), formula.TermPurchaseQty: dec("300"),
		formula.TermInQty: dec("4000"), formula.TermReturnQty: dec("50000"), formula.TermOrderLock: dec("7"),
	})
	tests := map[string]struct{ text, result string }{
		"example":         {"库存下载取数逻辑=实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用", "54323"},
		"left empty":      {"", "10"},
		"the default":     {"库存下载取数逻辑=实际库存", "10"},
		"name and no sum": {"库存下载取数逻辑=", "10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := formula.Parse(tt.text)
			require.NoError(t, err)
			got, err := e.Eval(&stock)
			require.NoError(t, err)
			assert.Equal(t, tt.result, got.String())
		})
	}
}

func TestSetIgnoresWhatIsNoTerm(t *testing.T) {
	var s formula.Row
	s.Set(formula.Term(16), dec("1"))
	var ints formula.IntRow
	ints.Set(formula.Term(16), 1)
	for _, term := range append(formula.Terms(), 16, 255) {
		_, known := s.Value(term)
		assert.False(t, known)
		_, known = ints.Value(term)
		assert.False(t, known)
	}
	ints.Set(formula.TermQty, -3)
	v, known := ints.Value(formula.TermQty)
	assert.True(t, known)
	assert.EqualValues(t, -3, v)
}

func TestPresets(t *testing.T) {
	tests := map[string]struct {
		e               *formula.Formula
		fields, chinese string
	}{
		"actual":      {formula.Actual(), "qty", "实际库存"},
		"sellable":    {formula.Sellable(), "qty+virtual_qty-order_lock", "实际库存+虚拟库存-订单占用"},
		"available":   {formula.Available(), "qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock", "实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用"},
		"allocatable": {formula.Allocatable(), "qty-pick_lock", "实际库存-仓库待发数"},
		"zero value":  {new(formula.Formula), "qty", "实际库存"},
		"nil":         {nil, "qty", "实际库存"},
	}
	stock := formula.NewRow("A", map[formula.Term]decimal.Decimal{
		formula.TermQty: dec("10"), formula.TermVirtualQty: dec("2"), formula.TermPurchaseQty: dec("300"), formula.TermInQty: dec("4000"),
		formula.TermReturnQty: dec("50000"), formula.TermOrderLock: dec("7"), formula.TermPickLock: dec("1"),
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
			assert.Equal(t, results[name], tt.e.Explain(&stock, formula.EvalPolicy{}).Figure.String())
			dst := make([]int64, 1)
			ints, err := stock.Ints()
			require.NoError(t, err)
			require.NoError(t, tt.e.EvalInt64(dst, []formula.IntRow{ints}, formula.EvalPolicy{}))
			assert.Equal(t, results[name], fmt.Sprint(dst[0]))
			_ = tt.e.Lint()
		})
	}
}

func TestRowErrorsJoinRows(t *testing.T) {
	e, err := formula.Parse("10/qty")
	require.NoError(t, err)
	rows := make([]formula.Row, 6)
	for i := range rows {
		rows[i] = formula.NewRow(fmt.Sprintf("S%d", i), map[formula.Term]decimal.Decimal{formula.TermQty: decimal.NewFromInt(int64(i % 2))})
	}
	rows[5] = formula.Row{SKUID: "S5"}
	dst := make([]decimal.Decimal, 7)
	for i := range dst {
		dst[i] = dec("-77")
	}
	err = e.EvalInto(dst, rows, formula.EvalPolicy{})
	var failed formula.RowErrors
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed, 4)
	for i, want := range []int{0, 2, 4, 5} {
		assert.Equal(t, want, failed[i].Row)
		assert.Equal(t, fmt.Sprintf("S%d", want), failed[i].SKUID)
	}
	require.ErrorIs(t, err, formula.ErrDivisionByZero)
	require.ErrorIs(t, err, formula.ErrMissing)
	assert.NotErrorIs(t, err, formula.ErrRange)
	var one *formula.RowError
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

	require.ErrorIs(t, e.EvalInto(dst[:2], rows, formula.EvalPolicy{}), formula.ErrShortDst)
	require.ErrorIs(t, e.EvalInt64(nil, make([]formula.IntRow, 1), formula.EvalPolicy{}), formula.ErrShortDst)
	require.NoError(t, e.EvalInto(nil, nil, formula.EvalPolicy{}))
	require.NoError(t, e.EvalInt64(nil, nil, formula.EvalPolicy{}))
	assert.False(t, errors.Is(e.EvalInto(dst, rows[1:2], formula.EvalPolicy{}), formula.ErrMissing))
}
