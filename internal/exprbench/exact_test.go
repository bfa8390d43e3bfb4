package exprbench

import (
	"context"
	"testing"

	"github.com/PaesslerAG/gval"
	"github.com/casbin/govaluate"
	"github.com/expr-lang/expr"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// All contenders compute the same before any of them is timed.
func TestContendersAgree(t *testing.T) {
	all := append(peers(t), byHand(), exact(t), fromRow(t))
	for i, f := range rows() {
		for _, c := range all {
			require.Equal(t, f.want(), c.eval(i), "%s, row %d", c.name, i)
		}
	}
	dst := make([]int64, rowCount)
	require.NoError(t, parse(t).EvalInt64(dst, intRows(t), formula.EvalPolicy{}))
	for i, f := range rows() {
		require.Equal(t, f.want(), dst[i], "batch, row %d", i)
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	e, list, dst := parse(t), intRows(t), make([]int64, rowCount)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		if err := e.EvalInt64(dst, list, formula.EvalPolicy{}); err != nil {
			t.Error(err)
		}
	}))
}

// The peers compute with floats, which these figures do not survive. Each gets
// the same text and figures; the library's result is exact, theirs are not.
func TestExactWherePeersAreNot(t *testing.T) {
	tests := []struct {
		name, text   string
		qty, virtual string
		want         string
		peersRight   bool
	}{
		{"0.1+0.2", "qty+virtual_qty", "0.1", "0.2", "0.3", false},
		{"literals", "0.1+0.2+0*qty", "1", "1", "0.3", false},
		{"0.1*3", "qty*virtual_qty", "0.1", "3", "0.3", false},
		{"19 digits", "qty+virtual_qty", "1234567890123456789", "1", "1234567890123456790", false},
		{"19 digits, difference", "qty-virtual_qty", "9007199254740993", "9007199254740992", "1", false},
		{"many digits after the point", "qty+virtual_qty", "1234567890123.456789", "0.000001", "1234567890123.45679", false},
		{"large and small", "qty+virtual_qty-qty", "1000000000000000000", "0.5", "0.5", false},
		{"small whole numbers", "qty+virtual_qty", "12", "30", "42", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			qty, virtual := decimal.RequireFromString(tt.qty), decimal.RequireFromString(tt.virtual)
			e, err := formula.Parse(tt.text)
			require.NoError(t, err)
			stock := formula.NewRow("A", map[formula.Term]decimal.Decimal{formula.TermQty: qty, formula.TermVirtualQty: virtual})
			got, err := e.Eval(&stock)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.String())

			floats := map[string]any{"qty": qty.InexactFloat64(), "virtual_qty": virtual.InexactFloat64()}
			peers := map[string]func() (any, error){
				"expr": func() (any, error) { return expr.Eval(tt.text, floats) },
				"gval": func() (any, error) { return gval.Full().EvaluateWithContext(context.Background(), tt.text, floats) },
				"govaluate": func() (any, error) {
					e, err := govaluate.NewEvaluableExpression(tt.text)
					if err != nil {
						return nil, err
					}
					return e.Evaluate(floats)
				},
			}
			for name, eval := range peers {
				v, err := eval()
				require.NoError(t, err, name)
				f, ok := v.(float64)
				require.True(t, ok, "%s returns %T", name, v)
				// What it prints counts, so that 0.3 would do although no float is 0.3.
				assert.Equal(t, tt.peersRight, decimal.NewFromFloat(f).String() == tt.want, "%s: %v", name, f)
			}
		})
	}
}
