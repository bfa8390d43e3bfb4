package formula_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/mapping/formula"
)

func parse(t testing.TB, text string) *formula.Formula {
	t.Helper()
	e, err := formula.Parse(text)
	require.NoError(t, err, text)
	return e
}

// primes knows every figure: 2, 3, 5, 7 and so on, the primes in the order of
// the terms.
func primes() formula.Row {
	s := formula.Row{SKUID: "A"}
	for i, prime := range []int64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53} {
		s.Set(formula.Term(i), decimal.NewFromInt(prime))
	}
	return s
}

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		fields string // canonical
		result string // of the primes
	}{
		{"", "qty", "2"},
		{" \t\r\n　", "qty", "2"},
		{"qty", "qty", "2"},
		{"QTY + Virtual_Qty", "qty+virtual_qty", "5"},
		{"实际库存-订单占有数", "qty-order_lock", "-11"},
		{"实际库存 － 订单占用", "qty-order_lock", "-11"},
		{"库存下载取数逻辑＝实际库存＋虚拟库存", "qty+virtual_qty", "5"},
		{" 库存下载取数逻辑 = qty", "qty", "2"},
		{"（实际库存＋虚拟库存）×２÷５", "(qty+virtual_qty)*2/5", "2"},
		{"ＭＡＸ（ｑｔｙ，０．５）", "max(qty,0.5)", "2"},
		{"qty−order_lock", "qty-order_lock", "-11"},
		{"qty–order_lock", "qty-order_lock", "-11"},
		{"\ufeffqty\u200b+1", "qty+1", "3"},
		{"自定义仓１+自定义仓3", "customize_qty_1+customize_qty_3", "96"},
		{"qty\n+\r\nin_qty", "qty+in_qty", "9"},
		{"1+2*3-4/2", "1+2*3-4/2", "5"},
		{"1-2-3", "1-2-3", "-4"},
		{"1-(2-3)", "1-(2-3)", "2"},
		{"1-(2+3)", "1-(2+3)", "-4"},
		{"(1-2)-3", "1-2-3", "-4"},
		{"8/4/2", "8/4/2", "1"},
		{"8/(4/2)", "8/(4/2)", "4"},
		{"2*(3*4)", "2*(3*4)", "24"},
		{"2*3/4", "2*3/4", "1.5"},
		{"-qty", "-qty", "-2"},
		{"-(qty+1)", "-(qty+1)", "-3"},
		{"-(2*qty)", "-(2*qty)", "-4"},
		{"-2*qty", "-2*qty", "-4"},
		{"--qty", "-(-qty)", "2"},
		{"1--qty", "1-(-qty)", "3"},
		{"2*-qty", "2*(-qty)", "-4"},
		{"-(-(-qty))", "-(-(-qty))", "-2"},
		{"((((qty))))", "qty", "2"},
		{"max(1,2,3)", "max(1,2,3)", "3"},
		{"max(max(1,2),3)", "max(1,2,3)", "3"},
		{"max(1,max(2,3))", "max(1,max(2,3))", "3"},
		{"min(3,2,1)", "min(3,2,1)", "1"},
		{"min(qty, max(1, 5))", "min(qty,max(1,5))", "2"},
		{"floor(7/2)+ceil(7/2)+round(7/2)", "floor(7/2)+ceil(7/2)+round(7/2)", "11"},
		{"floor(-7/2)", "floor(-7/2)", "-4"},
		{"ceil(-7/2)", "ceil(-7/2)", "-3"},
		{"round(-7/2)", "round(-7/2)", "-4"},
		{"round(2.5)+round(-2.5)", "round(2.5)+round(-2.5)", "0"},
		{"floor(qty)", "floor(qty)", "2"},
		{"0.1+0.2", "0.1+0.2", "0.3"},
		{"007.50", "7.5", "7.5"},
		{"0", "0", "0"},
		{"0.00", "0", "0"},
		{"1/3", "1/3", "0.3333333333333333"},
		{"-1/3", "-1/3", "-0.3333333333333333"},
		{"2/3", "2/3", "0.6666666666666666"},
		{"1/3*3", "1/3*3", "1"},
		{"qty/3+qty/3+qty/3", "qty/3+qty/3+qty/3", "2"},
		{"qty*in_qty/virtual_qty", "qty*in_qty/virtual_qty", "4.6666666666666666"},
		{"1/1024", "1/1024", "0.0009765625"},
		{"qty/1048576/1048576/1048576", "qty/1048576/1048576/1048576", "0.0000000000000000017347234759768070944119244813919067382812500"},
		{"9223372036854775807+qty", "9223372036854775807+qty", "9223372036854775809"},
		{"1234567890123456789.01+0.99", "1234567890123456789.01+0.99", "1234567890123456790"},
		{"99999999999999999999*99999999999999999999", "99999999999999999999*99999999999999999999", "9999999999999999999800000000000000000001"},
		{"max(99999999999999999999,qty)-99999999999999999998", "max(99999999999999999999,qty)-99999999999999999998", "1"},
		{"floor(0.5*qty+0.99)", "floor(0.5*qty+0.99)", "1"},
		{"qty*0", "qty*0", "0"},
	}
	stock := primes()
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			e := parse(t, tt.text)
			assert.Equal(t, tt.fields, e.Fields())
			got, err := e.Eval(&stock)
			require.NoError(t, err)
			assert.True(t, dec(tt.result).Equal(got), "%s, not %s", got, tt.result)
			for _, again := range []string{e.String(), e.Fields()} {
				e2 := parse(t, again)
				assert.Equal(t, e.String(), e2.String())
				assert.Equal(t, e.Fields(), e2.Fields())
				assert.Equal(t, e.Terms(), e2.Terms())
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	type problem = formula.SyntaxProblem
	tests := []struct {
		text string
		want []problem // without Expected, where that says nothing new
	}{
		{"实际库存-订单占有", []problem{{Line: 1, Column: 6, Found: "订单占有", Expected: "a stock term", ExpectedZH: "库存项", Nearest: "订单占用"}}},
		{"实际库", []problem{{Line: 1, Column: 1, Found: "实际库", Expected: "a stock term", ExpectedZH: "库存项", Nearest: "实际库存"}}},
		{"虚似库存", []problem{{Line: 1, Column: 1, Found: "虚似库存", Nearest: "虚拟库存"}}},
		{"库存锁定量", []problem{{Line: 1, Column: 1, Found: "库存锁定量", Nearest: "锁定库存"}}},
		{"order_lok", []problem{{Line: 1, Column: 1, Found: "order_lok", Nearest: "order_lock"}}},
		{"Order-Lock", []problem{{Line: 1, Column: 1, Found: "Order"}, {Line: 1, Column: 7, Found: "Lock"}}},
		{"xyzzy", []problem{{Line: 1, Column: 1, Found: "xyzzy"}}},
		{"qty+", []problem{{Line: 1, Column: 5, Expected: "a term, a number or (", ExpectedZH: "库存项、数字或 ("}}},
		{"qty+\n\n  ", []problem{{Line: 3, Column: 3}}},
		{"qty 3", []problem{{Line: 1, Column: 5, Found: "3", Expected: "an operator", ExpectedZH: "运算符"}}},
		{"2实际库存", []problem{{Line: 1, Column: 2, Found: "实际库存", Expected: "an operator"}}},
		{"qty+*in_qty", []problem{{Line: 1, Column: 5, Found: "*"}}},
		{"+qty", []problem{{Line: 1, Column: 1, Found: "+"}}},
		{"(qty", []problem{{Line: 1, Column: 5, Expected: "a ) for the ( of line 1, column 1", ExpectedZH: "与第 1 行第 1 列 ( 配对的 )"}}},
		{"qty)", []problem{{Line: 1, Column: 4, Found: ")", Expected: "an operator or the end", ExpectedZH: "运算符或结尾"}}},
		{"qty)+in_qty", []problem{{Line: 1, Column: 4, Found: ")"}}},
		{"()", []problem{{Line: 1, Column: 2, Found: ")"}}},
		{"max(qty)", []problem{{Line: 1, Column: 8, Found: ")", Expected: ", and one more argument of max"}}},
		{"max()", []problem{{Line: 1, Column: 5, Found: ")"}}},
		{"max", []problem{{Line: 1, Column: 4, Expected: "( after max"}}},
		{"floor(1,2)", []problem{{Line: 1, Column: 8, Found: ",", Expected: ") since floor has one argument"}}},
		{"mix(1,2)", []problem{{Line: 1, Column: 1, Found: "mix", Expected: "one of max, min, floor, ceil, round", Nearest: "max"}}},
		{"qty(1)", []problem{{Line: 1, Column: 4, Found: "(", Expected: "an operator"}}},
		{"1,2", []problem{{Line: 1, Column: 2, Found: ","}}},
		{"1.2.3", []problem{{Line: 1, Column: 1, Found: "1.2.3", Expected: "a number such as 12 or 0.5"}}},
		{".5", []problem{{Line: 1, Column: 1, Found: ".5"}}},
		{"5.", []problem{{Line: 1, Column: 1, Found: "5."}}},
		{"5%", []problem{{Line: 1, Column: 2, Found: "%"}}},
		{"实际库存、虚拟库存", []problem{{Line: 1, Column: 5, Found: "、", Expected: "an operator"}}},
		{"实际库存——订单占用", []problem{{Line: 1, Column: 5, Found: "—"}, {Line: 1, Column: 6, Found: "—"}}},
		{"qty # 1", []problem{{Line: 1, Column: 5, Found: "#"}}},
		{"\xffqty", []problem{{Line: 1, Column: 1, Found: "\xff"}}},
		{"可售库存=qty", []problem{{Line: 1, Column: 1, Found: "可售库存", Nearest: "库存下载取数逻辑"}}},
		{"=qty", []problem{{Line: 1, Column: 1, Found: "="}}},
		{"qty=1", []problem{{Line: 1, Column: 1, Found: "qty", Nearest: "库存下载取数逻辑"}}},
		{"1+qty=1", []problem{{Line: 1, Column: 6, Found: "="}}},
		// Several in one pass.
		{"实际库村+\n虚拟库村 7-(订单占有\n", []problem{
			{Line: 1, Column: 1, Found: "实际库村", Nearest: "实际库存"},
			{Line: 2, Column: 1, Found: "虚拟库村", Nearest: "虚拟库存"},
			{Line: 2, Column: 6, Found: "7"},
			{Line: 2, Column: 9, Found: "订单占有", Nearest: "订单占用"},
			{Line: 3, Column: 1},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			e, err := formula.Parse(tt.text)
			assert.Nil(t, e)
			var failed *formula.SyntaxError
			require.ErrorAs(t, err, &failed)
			require.Len(t, failed.Problems, len(tt.want), err.Error())
			for i, want := range tt.want {
				got := failed.Problems[i]
				assert.NotEmpty(t, got.Expected)
				assert.NotEmpty(t, got.ExpectedZH)
				if want.Expected == "" {
					got.Expected = ""
				}
				if want.ExpectedZH == "" {
					got.ExpectedZH = ""
				}
				assert.Equal(t, want, got)
				assert.Contains(t, err.Error(), failed.Problems[i].English())
				assert.Contains(t, err.Error(), failed.Problems[i].Chinese())
			}
		})
	}
}

func TestSyntaxErrorText(t *testing.T) {
	_, err := formula.Parse("实际库存-(订单占有")
	require.Error(t, err)
	assert.Equal(t, `mapping: stock expression: line 1, column 7: found "订单占有", expected a stock term (did you mean "订单占用"?); `+
		`line 1, column 11: found the end of the text, expected a ) for the ( of line 1, column 6`+
		` / 库存取数表达式有误：第 1 行第 7 列：遇到 "订单占有"，应为库存项，是否为 "订单占用"; `+
		`第 1 行第 11 列：遇到 表达式结尾，应为与第 1 行第 6 列 ( 配对的 )`, err.Error())
}

func TestParseLimits(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("(", n) + "qty" + strings.Repeat(")", n) }
	sum := func(n int) string { return strings.TrimSuffix(strings.Repeat("qty+", n), "+") }
	tests := []struct {
		name, at, over string
		column         int // of the problem
		expected       string
	}{
		{"characters", strings.Repeat(" ", 1996) + "实际库存", strings.Repeat(" ", 1997) + "实际库存", 1, "at most 2000 characters"},
		{"parentheses", nest(64), nest(65), 65, "at most 64 nestings"},
		{"signs", strings.Repeat("-", 64) + "1", strings.Repeat("-", 65) + "1", 65, "at most 64 nestings"},
		{"signs in parentheses", strings.Repeat("(-", 64) + "1" + strings.Repeat(")", 64), strings.Repeat("(-", 65) + "1" + strings.Repeat(")", 65), 129, "at most 64 nestings"},
		{"functions", strings.Repeat("ceil(", 64) + "1" + strings.Repeat(")", 64), strings.Repeat("ceil(", 65) + "1" + strings.Repeat(")", 65), 325, "at most 64 nestings"},
		{"terms", sum(200), sum(201), 801, "at most 200 terms"},
		{"digits", strings.Repeat("9", 40), strings.Repeat("9", 41), 1, "at most 40 digits"},
		{"digits after the point", "0." + strings.Repeat("9", 39), "0." + strings.Repeat("9", 40), 1, "at most 40 digits"},
	}
	stock := primes()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, tt.at)
			_, err := e.Eval(&stock)
			require.NoError(t, err)
			assert.Equal(t, e.String(), parse(t, e.String()).String(), "the canonical form is within the limits, too")
			_, err = formula.Parse(tt.over)
			var failed *formula.SyntaxError
			require.ErrorAs(t, err, &failed)
			require.Len(t, failed.Problems, 1)
			assert.Equal(t, tt.column, failed.Problems[0].Column)
			assert.Equal(t, tt.expected, failed.Problems[0].Expected)
			assert.Less(t, len(err.Error()), 600, "what was found is cut")
		})
	}

	_, err := formula.Parse(strings.Repeat("错 ", 50))
	var failed *formula.SyntaxError
	require.ErrorAs(t, err, &failed)
	assert.Len(t, failed.Problems, 10)
}

func TestPolicy(t *testing.T) {
	type row [7]string
	rounded := func(p formula.EvalPolicy) (r row) {
		for i, v := range []string{"2.5", "-2.5", "3.5", "2.4", "-2.4", "2.6", "-2.6"} {
			// Half of the figure: a sum; the same in a way that is no sum; and whole pieces.
			stock := formula.NewRow("A", map[formula.Term]decimal.Decimal{formula.TermQty: dec(v).Mul(dec("10"))})
			for _, text := range []string{"qty/10", "0.1*qty", "max(qty,qty)/10", "max(qty,99999999999999999999)*0+qty/10"} {
				e := parse(t, text)
				got, err := e.EvalWith(&stock, p)
				require.NoError(t, err)
				if r[i] != "" {
					assert.Equal(t, r[i], got.String(), text)
				}
				r[i] = got.String()
				ints, err := stock.Ints()
				require.NoError(t, err)
				var whole [1]int64
				err = e.EvalInt64(whole[:], []formula.IntRow{ints}, p)
				if p.Rounding == formula.RoundNone && (p.Negative != formula.NegativeZero || got.IsPositive()) {
					require.ErrorIs(t, err, formula.ErrFraction)
					continue
				}
				if p.Rounding != formula.RoundNone {
					require.NoError(t, err)
					assert.Equal(t, r[i], fmt.Sprint(whole[0]), text)
				}
			}
		}
		return r
	}
	tests := map[string]struct {
		policy formula.EvalPolicy
		want   row
	}{
		"default":             {formula.EvalPolicy{}, row{"2", "-2", "3", "2", "-2", "2", "-2"}},
		"up":                  {formula.EvalPolicy{Rounding: formula.RoundUp}, row{"3", "-3", "4", "3", "-3", "3", "-3"}},
		"half up":             {formula.EvalPolicy{Rounding: formula.RoundHalfUp}, row{"3", "-3", "4", "2", "-2", "3", "-3"}},
		"half even":           {formula.EvalPolicy{Rounding: formula.RoundHalfEven}, row{"2", "-2", "4", "2", "-2", "3", "-3"}},
		"floor":               {formula.EvalPolicy{Rounding: formula.RoundFloor}, row{"2", "-3", "3", "2", "-3", "2", "-3"}},
		"ceiling":             {formula.EvalPolicy{Rounding: formula.RoundCeiling}, row{"3", "-2", "4", "3", "-2", "3", "-2"}},
		"none":                {formula.EvalPolicy{Rounding: formula.RoundNone}, row{"2.5", "-2.5", "3.5", "2.4", "-2.4", "2.6", "-2.6"}},
		"none, zero at least": {formula.EvalPolicy{Rounding: formula.RoundNone, Negative: formula.NegativeZero}, row{"2.5", "0", "3.5", "2.4", "0", "2.6", "0"}},
		"zero at least":       {formula.EvalPolicy{Negative: formula.NegativeZero}, row{"2", "0", "3", "2", "0", "2", "0"}},
		"one unheard of":      {formula.EvalPolicy{Rounding: 99, Negative: 99, Missing: 99}, row{"2", "-2", "3", "2", "-2", "2", "-2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, rounded(tt.policy)) })
	}
}

func TestEvalRange(t *testing.T) {
	tests := map[string]struct {
		text, value string
		want        string // "" for ErrRange
	}{
		"forty digits":       {"qty+1", "9999999999999999999999999999999999999999", "10000000000000000000000000000000000000000"},
		"forty-one digits":   {"qty+1", "99999999999999999999999999999999999999999", ""},
		"exponent":           {"qty+1", "1e40", "10000000000000000000000000000000000000001"},
		"exponent too large": {"qty+1", "1e41", ""},
		"absurd":             {"qty+1", "1e999999999", ""},
		"absurdly small":     {"qty+1", "1e-999999999", ""},
		"absurd in no sum":   {"max(qty,1)", "1e999999999", ""},
		"absurd times zero":  {"0*max(qty,1)", "1e-999999999", ""},
		"nineteen digits":    {"qty+0.1", "1234567890123456789", "1234567890123456789.1"},
		"sum overflows":      {"999999999999999999*9+qty", "999999999999999999", "9999999999999999990"},
		"product overflows":  {"10*qty", "999999999999999999", "9999999999999999990"},
		"different scales":   {"qty+0.000000000000000001", "1e18", "1000000000000000000.000000000000000001"},
		"negative scale":     {"qty*qty", "0.000000000000000001", "0.000000000000000000000000000000000001"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stock := formula.NewRow("A", map[formula.Term]decimal.Decimal{formula.TermQty: dec(tt.value)})
			got, err := parse(t, tt.text).Eval(&stock)
			x := parse(t, tt.text).Explain(&stock, formula.EvalPolicy{Rounding: formula.RoundNone})
			if tt.want == "" {
				require.ErrorIs(t, err, formula.ErrRange)
				assert.Contains(t, err.Error(), "qty is out of range")
				require.ErrorIs(t, x.Err, formula.ErrRange)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
			assert.Equal(t, tt.want, x.Figure.String())
		})
	}
}

func TestEvalInt64(t *testing.T) {
	row := func(qty, lock int64) formula.IntRow {
		s := formula.IntRow{SKUID: "A"}
		s.Set(formula.TermQty, qty)
		s.Set(formula.TermOrderLock, lock)
		return s
	}
	tests := map[string]struct {
		text   string
		row    formula.IntRow
		policy formula.EvalPolicy
		want   int64
		class  error
	}{
		"sum":                     {text: "qty-order_lock", row: row(5, 8), want: -3},
		"zero at least":           {text: "qty-order_lock", row: row(5, 8), policy: formula.EvalPolicy{Negative: formula.NegativeZero}},
		"largest":                 {text: "qty-order_lock", row: row(math.MaxInt64, 0), want: math.MaxInt64},
		"one more":                {text: "qty-order_lock", row: row(math.MaxInt64, -1), class: formula.ErrRange},
		"overflow and back":       {text: "qty+order_lock-order_lock*1+order_lock*0", row: row(math.MaxInt64, 2), want: math.MaxInt64},
		"overflow on the way":     {text: "max(qty+order_lock,0)-order_lock", row: row(math.MaxInt64, 2), want: math.MaxInt64},
		"smallest":                {text: "qty-order_lock", row: row(math.MinInt64, 0), want: math.MinInt64},
		"smallest, negated":       {text: "-qty", row: row(math.MinInt64, 0), class: formula.ErrRange},
		"smallest to zero":        {text: "-max(qty,qty)+order_lock*0-1", row: row(math.MaxInt64, 0), want: math.MinInt64},
		"far too small to zero":   {text: "qty*4", row: row(math.MinInt64, 0), policy: formula.EvalPolicy{Negative: formula.NegativeZero}},
		"product overflows":       {text: "qty*order_lock", row: row(1<<40, 1<<40), class: formula.ErrRange},
		"product and back":        {text: "qty*order_lock/order_lock", row: row(1<<40, 1<<40), want: 1 << 40},
		"coef":                    {text: "0.8*qty", row: row(9, 0), want: 7},
		"division":                {text: "floor(qty/3)*3", row: row(11, 0), want: 9},
		"third":                   {text: "qty/3", row: row(11, 0), want: 3},
		"division by a figure":    {text: "qty/order_lock", row: row(7, 2), want: 3},
		"division by zero":        {text: "qty/order_lock", row: row(7, 0), class: formula.ErrDivisionByZero},
		"big division by zero":    {text: "99999999999999999999*qty/order_lock", row: row(7, 0), class: formula.ErrDivisionByZero},
		"constant zero":           {text: "qty/(1-1)", row: row(7, 0), class: formula.ErrDivisionByZero},
		"zero over zero":          {text: "0*(qty/order_lock)", row: row(0, 0), class: formula.ErrDivisionByZero},
		"not chosen":              {text: "max(qty,qty/order_lock)", row: row(1, 0), class: formula.ErrDivisionByZero},
		"unknown":                 {text: "qty-pick_lock", row: row(7, 0), class: formula.ErrMissing},
		"unknown to zero":         {text: "qty-pick_lock", row: row(7, 0), policy: formula.EvalPolicy{Missing: formula.MissingZero}, want: 7},
		"unknown in no sum":       {text: "max(qty,pick_lock)", row: row(7, 0), class: formula.ErrMissing},
		"unknown to zero, no sum": {text: "min(qty,pick_lock)", row: row(7, 0), policy: formula.EvalPolicy{Missing: formula.MissingZero}, want: 0},
		"not whole":               {text: "qty/2", row: row(7, 0), policy: formula.EvalPolicy{Rounding: formula.RoundNone}, class: formula.ErrFraction},
		"whole":                   {text: "qty/2", row: row(8, 0), policy: formula.EvalPolicy{Rounding: formula.RoundNone}, want: 4},
		"not whole, big":          {text: "99999999999999999999+qty/2", row: row(7, 0), policy: formula.EvalPolicy{Rounding: formula.RoundNone}, class: formula.ErrFraction},
		"no terms":                {text: "max(1,2)", want: 2},
		"deep":                    {text: strings.Repeat("1+(", 40) + "qty" + strings.Repeat(")*max(1,qty)", 40), row: row(1, 0), want: 41},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dst := []int64{77, 77}
			err := parse(t, tt.text).EvalInt64(dst, []formula.IntRow{tt.row}, tt.policy)
			require.ErrorIs(t, err, tt.class)
			if tt.class != nil {
				assert.EqualValues(t, 77, dst[0], "failed rows keep what dst held")
				assert.Contains(t, err.Error(), `SKU "A"`)
				return
			}
			assert.Equal(t, tt.want, dst[0])
			assert.EqualValues(t, 77, dst[1])
		})
	}
}

func TestExplain(t *testing.T) {
	stock := formula.NewRow("SKU-1", map[formula.Term]decimal.Decimal{
		formula.TermQty: dec("10"), formula.TermVirtualQty: dec("2.5"), formula.TermOrderLock: dec("20"),
	})
	tests := map[string]struct {
		text   string
		policy formula.EvalPolicy
		want   string
	}{
		"sum": {"实际库存+虚拟库存-订单占用", formula.EvalPolicy{Negative: formula.NegativeZero}, `商品 SKU-1: 实际库存+虚拟库存-订单占用
  + 实际库存 = 10
  + 虚拟库存 = 2.5
  - 订单占用 = 20
  结果 -7.5, 按规则取 0`},
		"parts": {"0.5*实际库存-(max(订单占用-实际库存,0)-1)", formula.EvalPolicy{Rounding: formula.RoundNone}, `商品 SKU-1: 0.5*实际库存-(max(订单占用-实际库存,0)-1)
  + 0.5*实际库存 = 5 (实际库存 10)
  - max(订单占用-实际库存,0) = 10 (订单占用 20, 实际库存 10)
  + 1 = 1
  结果 -4`},
		"unknown": {"实际库存-仓库待发数-max(虚拟库存,锁定库存)", formula.EvalPolicy{}, `商品 SKU-1: 实际库存-仓库待发数-max(虚拟库存,锁定库存)
  + 实际库存 = 10
  - 仓库待发数 = 未知
  - max(虚拟库存,锁定库存) = 无法计算 (虚拟库存 2.5, 锁定库存 未知)
  无结果: 商品 "SKU-1" 的库存：仓库待发数 pick_lock 未知；请从表达式中去掉该项，或设置缺失按 0 计`},
		"unknown to zero": {"实际库存-仓库待发数", formula.EvalPolicy{Missing: formula.MissingZero}, `商品 SKU-1: 实际库存-仓库待发数
  + 实际库存 = 10
  - 仓库待发数 = 0 (未知, 按规则)
  结果 10`},
		"division by zero": {"实际库存/(虚拟库存-2.5)", formula.EvalPolicy{}, `商品 SKU-1: 实际库存/(虚拟库存-2.5)
  + 实际库存/(虚拟库存-2.5) = 无法计算 (实际库存 10, 虚拟库存 2.5)
  无结果: 商品 "SKU-1" 的库存：表达式第 1 行第 5 列的除数为零；请修改表达式，保证除数不为零`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, parse(t, tt.text).Explain(&stock, tt.policy).String())
		})
	}

	x := parse(t, "实际库存-(订单占用-虚拟库存)*-2").Explain(&stock, formula.EvalPolicy{})
	require.NoError(t, x.Err)
	require.Len(t, x.Parts, 2)
	assert.Equal(t, "45", x.Figure.String())
	assert.Equal(t, 1, x.Parts[0].Sign)
	assert.Equal(t, "10", x.Parts[0].Contribution.String())
	assert.Equal(t, -1, x.Parts[1].Sign)
	assert.Equal(t, "(订单占用-虚拟库存)*(-2)", x.Parts[1].Text)
	assert.Equal(t, "-35", x.Parts[1].Value.String())
	assert.Equal(t, "35", x.Parts[1].Contribution.String())
	// Part and factor both turn the sign: more held by orders makes more of the result.
	assert.Equal(t, []int{1, -1}, []int{x.Parts[1].Terms[0].Sign, x.Parts[1].Terms[1].Sign})
}

func TestLint(t *testing.T) {
	const (
		oversells = formula.WarnOversells
		double    = formula.WarnDoubleDeduction
		promise   = formula.WarnPromiseStock
	)
	type codes = []formula.WarningCode
	tests := []struct {
		text string
		want codes
	}{
		{"", codes{oversells}},
		{"qty-order_lock", nil},
		{"qty+virtual_qty-order_lock", nil},
		{"qty-pick_lock", codes{oversells}},
		{"qty+order_lock", codes{oversells}},
		{"qty-(0-order_lock)", codes{oversells}},
		{"qty+order_lock-2*order_lock", nil},
		{"qty-order_lock+order_lock", codes{oversells}},
		{"qty-order_lock*0", codes{oversells}},
		{"max(qty-order_lock,0)", nil},
		{"max(0,-order_lock*-1)+qty", codes{oversells}},
		{"qty+min(order_lock*-1,0)", nil},
		{"qty-floor(order_lock/2)", nil},
		{"qty-order_lock-pick_lock", codes{double}},
		{"qty-(order_lock+pick_lock)", codes{double}},
		{"max(qty-order_lock-pick_lock,0)", codes{double}},
		{"max(qty-order_lock,0)-pick_lock", codes{double}},
		{"qty-max(order_lock,pick_lock)", nil},
		{"qty-max(order_lock,pick_lock)-pick_lock", codes{double}},
		{"min(qty-order_lock,qty-pick_lock)", nil},
		{"max(qty-order_lock,0)+pick_lock", nil},
		{"qty+purchase_qty+in_qty+return_qty-order_lock", codes{promise}},
		{"qty-order_lock+0.5*allocate_qty", codes{promise, formula.WarnMayBeAbsent}},
		{"qty-order_lock+max(sale_refund_qty,0)", codes{promise, formula.WarnMayBeAbsent}},
		{"qty-order_lock-purchase_qty", nil},
		{"qty-order_lock+defective_qty", codes{formula.WarnDefectiveStock, formula.WarnNotInIncrements}},
		{"qty-order_lock-defective_qty", codes{formula.WarnNotInIncrements}},
		{"qty-order_lock-lock_qty", codes{formula.WarnNeedsRequest}},
		{"qty-order_lock-min_qty", codes{formula.WarnMayBeAbsent}},
		{"qty-order_lock+customize_qty_2", codes{formula.WarnMayBeAbsent, formula.WarnNotInIncrements}},
		{"(qty-order_lock)/(2-2)", codes{formula.WarnDivisionByZero}},
		{"(qty-order_lock)/2", nil},
		{"12", codes{formula.WarnConstant}},
		{"1/0", codes{formula.WarnDivisionByZero}},
	}
	seen := map[formula.WarningCode]bool{}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var got codes
			for _, w := range parse(t, tt.text).Lint() {
				got = append(got, w.Code)
				seen[w.Code] = true
				assert.Equal(t, w.English()+" / "+w.Chinese(), w.String())
				assert.NotContains(t, w.String(), "{}")
				assert.NotContains(t, w.String(), string(w.Code)+" / ")
				for _, term := range w.Terms {
					assert.Contains(t, w.English(), term.Field())
					assert.Contains(t, w.Chinese(), term.String())
				}
				assert.Greater(t, utf8.RuneCountInString(w.Chinese()), 8)
			}
			assert.Equal(t, tt.want, got)
		})
	}
	assert.Len(t, seen, 9, "every code is shown")
}

// A reference expression: its text, and its value with numbers of any size.
type reference struct {
	text string
	eval func(row map[formula.Term]*big.Rat) (*big.Rat, bool) // false: divided by zero
}

// randomReference makes an expression of the depth given, with needless parentheses,
// spaces and full-width forms here and there.
func randomReference(r *rand.Rand, depth int) reference {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	type values = map[formula.Term]*big.Rat
	if depth == 0 || r.IntN(8) == 0 {
		if r.IntN(3) == 0 {
			text := pick("0", "1", "2", "3", "7", "10", "0.5", "0.8", "1.25", "100", "0.001", "99999999999", "123456789012345678901")
			v, _ := new(big.Rat).SetString(text)
			return reference{text, func(values) (*big.Rat, bool) { return v, true }}
		}
		term := formula.Term(r.IntN(8))
		return reference{pick(term.String(), term.Field()), func(row values) (*big.Rat, bool) { return row[term], true }}
	}
	a, b := randomReference(r, depth-1), randomReference(r, depth-1)
	both := func(f func(x, y *big.Rat) (*big.Rat, bool)) func(values) (*big.Rat, bool) {
		return func(row values) (*big.Rat, bool) {
			x, ok := a.eval(row)
			if !ok {
				return nil, false
			}
			y, ok := b.eval(row)
			if !ok {
				return nil, false
			}
			return f(x, y)
		}
	}
	space := pick("", "", " ", "　")
	infix := func(op string) string {
		return pick("(", "（") + a.text + ")" + space + op + "(" + b.text + pick(")", "）")
	}
	call := func(name string) string {
		return name + space + pick("(", "（") + a.text + pick(", ", "，　") + b.text + ")"
	}
	floor := func(x *big.Rat) *big.Rat {
		return new(big.Rat).SetInt(new(big.Int).Div(x.Num(), x.Denom()))
	}
	one := func(name string, f func(x *big.Rat) *big.Rat) reference {
		return reference{name + "(" + a.text + ")", func(row values) (*big.Rat, bool) {
			x, ok := a.eval(row)
			if !ok {
				return nil, false
			}
			return f(x), true
		}}
	}
	half := big.NewRat(1, 2)
	switch r.IntN(12) {
	case 0, 1, 2:
		return reference{infix(pick("+", "＋")), both(func(x, y *big.Rat) (*big.Rat, bool) { return new(big.Rat).Add(x, y), true })}
	case 3, 4:
		return reference{infix(pick("-", "－", "−")), both(func(x, y *big.Rat) (*big.Rat, bool) { return new(big.Rat).Sub(x, y), true })}
	case 5:
		return reference{infix(pick("*", "×", "＊")), both(func(x, y *big.Rat) (*big.Rat, bool) { return new(big.Rat).Mul(x, y), true })}
	case 6:
		return reference{infix(pick("/", "÷", "／")), both(func(x, y *big.Rat) (*big.Rat, bool) {
			if y.Sign() == 0 {
				return nil, false
			}
			return new(big.Rat).Quo(x, y), true
		})}
	case 7:
		return reference{call("max"), both(func(x, y *big.Rat) (*big.Rat, bool) {
			if x.Cmp(y) > 0 {
				return x, true
			}
			return y, true
		})}
	case 8:
		return reference{call("Min"), both(func(x, y *big.Rat) (*big.Rat, bool) {
			if x.Cmp(y) < 0 {
				return x, true
			}
			return y, true
		})}
	case 9:
		return one("floor", floor)
	case 10:
		return one("round", func(x *big.Rat) *big.Rat { // a half away from zero
			abs := floor(new(big.Rat).Add(new(big.Rat).Abs(x), half))
			if x.Sign() < 0 {
				abs.Neg(abs)
			}
			return abs
		})
	}
	ref := one("-", func(x *big.Rat) *big.Rat { return new(big.Rat).Neg(x) })
	return ref
}

// referenceRound rounds by its own means: the digits of the fraction's half.
func referenceRound(x *big.Rat, r formula.RoundingPolicy) *big.Int {
	floor := new(big.Int).Div(x.Num(), x.Denom())
	if x.IsInt() {
		return floor
	}
	ceiling := new(big.Int).Add(floor, big.NewInt(1))
	inner, outer := floor, ceiling
	if x.Sign() < 0 {
		inner, outer = ceiling, floor
	}
	toHalf := new(big.Rat).Sub(new(big.Rat).Abs(x), new(big.Rat).Abs(new(big.Rat).SetInt(inner))).Cmp(big.NewRat(1, 2))
	switch r {
	case formula.RoundUp:
		return outer
	case formula.RoundFloor:
		return floor
	case formula.RoundCeiling:
		return ceiling
	case formula.RoundHalfUp:
		if toHalf >= 0 {
			return outer
		}
	case formula.RoundHalfEven:
		if toHalf > 0 || toHalf == 0 && inner.Bit(0) == 1 {
			return outer
		}
	}
	return inner
}

// Every way of computing returns what fractions of any size give: the exact one, the
// rounded one, and the one in whole pieces.
func TestEvalEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 3))
	figures := []string{"0", "1", "-1", "2", "3", "12", "-7", "1000", "4999", "0.5", "2.75", "-0.125", "99999999.99",
		"123456789012345678", "-9223372036854775808", "9223372036854775807", "12345678901234567890.12345", "5e3", "1e-18"}
	big1 := func(d decimal.Decimal) *big.Rat { return d.Rat() }
	var zeros, exact, cut, outside, whole int
	for n := range 6000 {
		ref := randomReference(r, 1+n%5)
		e := parse(t, ref.text)
		require.Equal(t, e.String(), parse(t, e.String()).String())
		require.Equal(t, e.Fields(), parse(t, e.Fields()).Fields())
		require.Equal(t, e.String(), parse(t, e.Fields()).String())

		stock := formula.Row{SKUID: "A"}
		row := map[formula.Term]*big.Rat{}
		few := len(figures)
		if n%2 == 0 {
			few = 9 // whole and small
		}
		for term := range formula.Term(8) {
			v := dec(figures[r.IntN(few)])
			stock.Set(term, v)
			row[term] = big1(v)
		}
		want, ok := ref.eval(row)
		policy := formula.EvalPolicy{Rounding: formula.RoundingPolicy(r.IntN(6))}
		got, err := e.Eval(&stock)
		rounded, roundedErr := e.EvalWith(&stock, policy)
		ints, intsErr := stock.Ints()
		var pieces [1]int64
		var piecesErr error
		if intsErr == nil {
			piecesErr = e.EvalInt64(pieces[:], []formula.IntRow{ints}, policy)
		}
		if !ok {
			zeros++
			require.ErrorIs(t, err, formula.ErrDivisionByZero, ref.text)
			require.ErrorIs(t, roundedErr, formula.ErrDivisionByZero, ref.text)
			if intsErr == nil {
				require.ErrorIs(t, piecesErr, formula.ErrDivisionByZero, ref.text)
			}
			continue
		}
		require.NoError(t, err, ref.text)
		require.NoError(t, roundedErr, ref.text)
		if _, ends := want.FloatPrec(); ends {
			exact++
			require.Zero(t, want.Cmp(big1(got)), "%s is %s, not %s", ref.text, got, want)
		} else {
			cut++
			require.LessOrEqual(t, big1(got.Abs()).Cmp(new(big.Rat).Abs(want)), 0, ref.text)
			rest := new(big.Rat).Sub(want, big1(got))
			require.Negative(t, rest.Abs(rest).Cmp(big1(decimal.New(1, -formula.QuotientDigits))), ref.text)
		}
		wantWhole := referenceRound(want, policy.Rounding)
		require.Zero(t, wantWhole.Cmp(rounded.BigInt()), "%s rounded by %d is %s, not %s", ref.text, policy.Rounding, rounded, wantWhole)
		require.True(t, rounded.IsInteger())
		if intsErr == nil {
			if !wantWhole.IsInt64() {
				outside++
				require.ErrorIs(t, piecesErr, formula.ErrRange, ref.text)
			} else {
				whole++
				require.NoError(t, piecesErr, ref.text)
				require.Equal(t, wantWhole.Int64(), pieces[0], ref.text)
			}
		}

		x := e.Explain(&stock, formula.EvalPolicy{Rounding: formula.RoundNone})
		require.NoError(t, x.Err)
		require.True(t, got.Equal(x.Figure))
		sum := new(big.Rat)
		ends := true
		for _, part := range x.Parts {
			require.True(t, part.Known)
			sum.Add(sum, big1(part.Contribution))
			ends = ends && part.Value.Exponent() != -formula.QuotientDigits
		}
		if ends {
			require.Zero(t, sum.Cmp(want), "the parts of %s add up", ref.text)
		}
		_ = e.Lint()
	}
	// The test has seen each kind of case.
	for name, count := range map[string]int{"divisions by zero": zeros, "exact": exact, "cut": cut, "too large for 64 bits": outside, "whole": whole} {
		assert.Greater(t, count, 20, name)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "库存下载取数逻辑=实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用", "max(qty-order_lock,0)/3", "（实际库存＋１．５）×−２",
		"floor(ceil(round(min(1,2,3))))", "1/0", "--1", "((((((", "))))", "qty qty", "=", "库存下载取数逻辑==", "max(", "1.2.3", "\xff\xfe",
		"9999999999999999999999999999999999999999*9999999999999999999999999999999999999999", strings.Repeat("-", 100) + "1", "订单占有",
	} {
		f.Add(seed, int64(3), int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, a, b int64) {
		e, err := formula.Parse(text)
		if err != nil {
			var failed *formula.SyntaxError
			require.ErrorAs(t, err, &failed)
			require.Nil(t, e)
			require.NotEmpty(t, failed.Problems)
			require.LessOrEqual(t, len(failed.Problems), 10)
			last := formula.SyntaxProblem{}
			for _, p := range failed.Problems {
				require.True(t, p.Line > last.Line || p.Line == last.Line && p.Column > last.Column, "in the order of the text")
				require.NotEmpty(t, p.Expected)
				require.NotEmpty(t, p.ExpectedZH)
				last = p
			}
			require.NotEmpty(t, err.Error())
			return
		}
		canonical := e.String()
		again, err := formula.Parse(canonical)
		if utf8.RuneCountInString(canonical) <= formula.MaxChars {
			require.NoError(t, err, canonical)
		}
		if err == nil {
			require.Equal(t, canonical, again.String())
			require.Equal(t, e.Fields(), again.Fields())
		}
		_ = e.Lint()

		stock, ints := formula.Row{SKUID: "A"}, formula.IntRow{SKUID: "A"}
		for i, term := range formula.Terms() {
			v := a
			if i%2 == 1 {
				v = b
			}
			stock.Set(term, decimal.NewFromInt(v))
			ints.Set(term, v)
		}
		exact, err := e.Eval(&stock)
		whole, wholeErr := e.EvalWith(&stock, formula.EvalPolicy{})
		dst := make([]int64, 1)
		intErr := e.EvalInt64(dst, []formula.IntRow{ints}, formula.EvalPolicy{})
		if err != nil {
			require.ErrorIs(t, err, formula.ErrDivisionByZero)
			require.ErrorIs(t, wholeErr, formula.ErrDivisionByZero)
			require.ErrorIs(t, intErr, formula.ErrDivisionByZero)
			return
		}
		require.NoError(t, wholeErr)
		require.True(t, exact.Truncate(0).Equal(whole), "%s of %s", whole, exact)
		if intErr != nil {
			require.ErrorIs(t, intErr, formula.ErrRange)
			require.False(t, whole.BigInt().IsInt64())
			return
		}
		require.True(t, decimal.NewFromInt(dst[0]).Equal(whole))
		require.True(t, e.Explain(&stock, formula.EvalPolicy{}).Figure.Equal(whole))
	})
}

func TestEvalAllocations(t *testing.T) {
	rows, dst := make([]formula.IntRow, 64), make([]int64, 64)
	for i := range rows {
		for _, term := range formula.Terms() {
			rows[i].Set(term, int64(1000*i)+int64(term)-500)
		}
	}
	for _, text := range []string{
		"实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用", "0.8*qty-order_lock", "max(qty-order_lock,0)", "floor(qty/3)+min(in_qty,max(return_qty,5))",
	} {
		e := parse(t, text)
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			if err := e.EvalInt64(dst, rows, formula.EvalPolicy{}); err != nil {
				t.Error(err)
			}
		}), text)
	}
}

func ExampleParse() {
	e, err := formula.Parse("库存下载取数逻辑＝max（实际库存－订单占用，0）")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e)
	fmt.Println(e.Fields())

	stock := formula.NewRow("A-RED-XL", map[formula.Term]decimal.Decimal{
		formula.TermQty:       decimal.NewFromInt(12),
		formula.TermOrderLock: decimal.NewFromInt(5),
	})
	fmt.Println(e.Eval(&stock))

	_, err = formula.Parse("实际库存-订单占有")
	fmt.Println(err)
	// Output:
	// max(实际库存-订单占用,0)
	// max(qty-order_lock,0)
	// 7 <nil>
	// mapping: stock expression: line 1, column 6: found "订单占有", expected a stock term (did you mean "订单占用"?) / 库存取数表达式有误：第 1 行第 6 列：遇到 "订单占有"，应为库存项，是否为 "订单占用"
}

func ExampleFormula_Explain() {
	stock := formula.NewRow("A-RED-XL", map[formula.Term]decimal.Decimal{
		formula.TermQty:        decimal.NewFromInt(12),
		formula.TermVirtualQty: decimal.NewFromInt(3),
		formula.TermOrderLock:  decimal.NewFromInt(20),
	})
	fmt.Println(formula.Sellable().Explain(&stock, formula.EvalPolicy{Negative: formula.NegativeZero}))
	// Output:
	// 商品 A-RED-XL: 实际库存+虚拟库存-订单占用
	//   + 实际库存 = 12
	//   + 虚拟库存 = 3
	//   - 订单占用 = 20
	//   结果 -5, 按规则取 0
}

func ExampleFormula_Lint() {
	for _, w := range formula.Actual().Lint() {
		fmt.Println(w.Code, w)
	}
	// Output: oversells order_lock is not subtracted: stock held by orders is sold again / 未扣减订单占用：已被订单占用的库存会再次售出，可能超卖
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := formula.Parse("实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEval compares the ways of computing with each other.
func BenchmarkEval(b *testing.B) {
	stock := primes()
	ints, err := stock.Ints()
	require.NoError(b, err)
	rows, dst := make([]formula.IntRow, 1000), make([]int64, 1000)
	for i := range rows {
		rows[i] = ints
	}
	for _, text := range []string{"qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock", "max(qty-order_lock,0)", "floor(qty/3)*3", "qty+99999999999999999999"} {
		e := parse(b, text)
		b.Run("decimal "+text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(&stock); err != nil {
					b.Fatal(err)
				}
			}
		})
		if strings.Contains(text, "99999") {
			continue
		}
		b.Run("1000 int64 "+text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.EvalInt64(dst, rows, formula.EvalPolicy{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestPastedNumbers: a number with a separator is an error and not two numbers; what is
// pasted along without being seen changes nothing, wherever it is.
func TestPastedNumbers(t *testing.T) {
	for _, text := range []string{"max(1,000)", "max(1,000,qty)", "min(qty,10,000)", "max(qty,00)", "max(qty,00.5)", "max(qty,1，０００)", "max(qty,007)", "max(qty, 000)", "floor(1,000)"} {
		_, err := formula.Parse(text)
		require.Error(t, err, text)
		assert.Regexp(t, "without leading zeros|one argument", err.Error(), text)
	}
	for _, text := range []string{"max(1,234,qty)", "max(qty,1,234)", "max(12，345.5,qty)", "max(1,234,567,qty)", "min(１２３,\u200b４５６,qty)", "max(1,234)"} {
		_, err := formula.Parse(text)
		require.ErrorContains(t, err, "a number without separators, as in 1234", text)
	}
	for text, want := range map[string]string{
		"max(1, 234,qty)": "max(1, 234,实际库存)", "max(0,100-qty)": "max(0,100-实际库存)", "max(qty*5,100)": "max(实际库存*5,100)", "max(5,100-qty)": "max(5,100-实际库存)",
		"max(0,100,qty)": "max(0, 100,实际库存)", "max(1234,567,qty)": "max(1234, 567,实际库存)", "max(1,2345,qty)": "max(1,2345,实际库存)", "max(qty,100)": "max(实际库存,100)", "min(max(1,qty),100)": "min(max(1,实际库存),100)",
	} {
		f, err := formula.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, f.String())
		again, err := formula.Parse(want)
		require.NoError(t, err, want)
		assert.Equal(t, want, again.String())
	}
	for _, text := range []string{"qty+0", "qty+0.5", "qty+0.05", "max(1,0)", "qty*1000", "qty*10"} {
		_, err := formula.Parse(text)
		require.NoError(t, err, text)
	}
	plain := "实际库存+虚拟库存-订单占用*10"
	want, err := formula.Parse(plain)
	require.NoError(t, err)
	for _, r := range "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202e\u2060\u2061\u2064\u2066\u2069\ufeff\u00ad\u034f\u061c\u115f\u1160\u180e\u2800\u3164\uffa0\ufe0f\U000e0001\U000e0100" {
		for i := range []rune(plain + "x") {
			runes := []rune(plain)
			text := string(runes[:i]) + string(r) + string(runes[i:])
			got, err := formula.Parse(text)
			require.NoError(t, err, "%q", text)
			assert.Equal(t, want.String(), got.String(), "%q", text)
		}
	}
	for _, r := range "\x00\x01\x08\x1b\x7f\ufffe" {
		_, err := formula.Parse("实际库存" + string(r) + "+虚拟库存")
		require.ErrorContains(t, err, fmt.Sprintf("%q", string(r)), "a control character is named")
	}
}

func TestAdded(t *testing.T) {
	for text, want := range map[string][]formula.Term{
		"": {formula.TermQty},
		"实际库存+销退仓库存-订单占用":   {formula.TermQty, formula.TermReturnQty},
		"实际库存-(订单占用-进货仓库存)": {formula.TermQty, formula.TermInQty},
		"max(实际库存,次品仓库存)":   {formula.TermQty, formula.TermDefectiveQty},
		"实际库存+进货仓库存-进货仓库存":  {formula.TermQty},
	} {
		f, err := formula.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, f.Added(), text)
	}
}
