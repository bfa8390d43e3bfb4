package exprbench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/PaesslerAG/gval"
	"github.com/casbin/govaluate"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

const (
	sixTerms = "库存下载取数逻辑=实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用"
	// What the peers read: the same with the names of the fields.
	sixFields = "qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock"
)

// figures are the six terms in the order of the expression.
type figures [6]int64

// fields are the same as the peers take them. Numbers as float64 are what each of
// them is fastest with.
type fields struct {
	Qty         float64 `expr:"qty"`
	VirtualQty  float64 `expr:"virtual_qty"`
	PurchaseQty float64 `expr:"purchase_qty"`
	InQty       float64 `expr:"in_qty"`
	ReturnQty   float64 `expr:"return_qty"`
	OrderLock   float64 `expr:"order_lock"`
}

type ints struct {
	Qty         int `expr:"qty"`
	VirtualQty  int `expr:"virtual_qty"`
	PurchaseQty int `expr:"purchase_qty"`
	InQty       int `expr:"in_qty"`
	ReturnQty   int `expr:"return_qty"`
	OrderLock   int `expr:"order_lock"`
}

const rowCount = 1024

// rows are the same for every contender.
func rows() [rowCount]figures {
	r := rand.New(rand.NewPCG(1, 2))
	var list [rowCount]figures
	for i := range list {
		for j := range list[i] {
			list[i][j] = r.Int64N(5000)
		}
	}
	return list
}

func (f figures) want() int64 { return f[0] + f[1] + f[2] + f[3] + f[4] - f[5] }

func (f figures) row() *jushuitan.InventoryRow {
	return &jushuitan.InventoryRow{
		SKUID: "A", Qty: decimal.NewFromInt(f[0]), VirtualQty: decimal.NewFromInt(f[1]),
		PurchaseQty: decimal.NewFromInt(f[2]), InQty: decimal.NewFromInt(f[3]),
		ReturnQty: decimal.NewFromInt(f[4]), OrderLock: decimal.NewFromInt(f[5]),
	}
}

func (f figures) fields() fields {
	return fields{float64(f[0]), float64(f[1]), float64(f[2]), float64(f[3]), float64(f[4]), float64(f[5])}
}

func (f figures) ints() ints {
	return ints{int(f[0]), int(f[1]), int(f[2]), int(f[3]), int(f[4]), int(f[5])}
}

func (f figures) floats() map[string]any {
	return map[string]any{
		"qty": float64(f[0]), "virtual_qty": float64(f[1]), "purchase_qty": float64(f[2]),
		"in_qty": float64(f[3]), "return_qty": float64(f[4]), "order_lock": float64(f[5]),
	}
}

// A contender computes the result of row i.
type contender struct {
	name string
	eval func(i int) int64
}

// results keep what the benchmarks compute.
var results [rowCount]int64

func each[T any](convert func(figures) T) (list [rowCount]T) {
	for i, f := range rows() {
		list[i] = convert(f)
	}
	return list
}

// peers are the expression languages, each compiled beforehand and with its
// variables ready, in every form that is quick for it.
func peers(tb testing.TB) []contender {
	program := func(env any) *vm.Program {
		p, err := expr.Compile(sixFields, expr.Env(env))
		require.NoError(tb, err)
		return p
	}
	run := func(machine *vm.VM, p *vm.Program, env any) any {
		v, err := machine.Run(p, env)
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
	structs, wholes, maps := each(figures.fields), each(figures.ints), each(figures.floats)
	var boxed, boxedWholes, boxedMaps [rowCount]any // conversions to any are not on their bill
	for i := range structs {
		boxed[i], boxedWholes[i], boxedMaps[i] = structs[i], wholes[i], maps[i]
	}
	ofFloats, ofInts, ofMap := program(fields{}), program(ints{}), program(maps[0])
	machine := new(vm.VM)

	ge, err := gval.Full().NewEvaluable(sixFields)
	require.NoError(tb, err)
	arithmetic, err := gval.Arithmetic().NewEvaluable(sixFields)
	require.NoError(tb, err)
	ctx := tb.Context()

	gov, err := govaluate.NewEvaluableExpression(sixFields)
	require.NoError(tb, err)

	return []contender{
		{"expr, floats in a struct", func(i int) int64 { return int64(run(machine, ofFloats, boxed[i]).(float64)) }},
		{"expr, ints in a struct", func(i int) int64 { return int64(run(machine, ofInts, boxedWholes[i]).(int)) }},
		{"expr, floats in a map", func(i int) int64 { return int64(run(machine, ofMap, boxedMaps[i]).(float64)) }},
		{"gval, full", func(i int) int64 {
			v, err := ge(ctx, maps[i])
			if err != nil {
				tb.Fatal(err)
			}
			return int64(v.(float64))
		}},
		{"gval, arithmetic", func(i int) int64 {
			v, err := arithmetic(ctx, maps[i])
			if err != nil {
				tb.Fatal(err)
			}
			return int64(v.(float64))
		}},
		{"govaluate", func(i int) int64 {
			v, err := gov.Evaluate(maps[i])
			if err != nil {
				tb.Fatal(err)
			}
			return int64(v.(float64))
		}},
	}
}

// byHand is the chain of decimal operations that one would write.
func byHand() contender {
	list := each(figures.row)
	return contender{"decimals by hand", func(i int) int64 {
		r := list[i]
		v := r.Qty.Add(r.VirtualQty).Add(r.PurchaseQty).Add(r.InQty).Add(r.ReturnQty).Sub(r.OrderLock)
		return v.IntPart()
	}}
}

func parse(tb testing.TB) *formula.Formula {
	e, err := formula.Parse(sixTerms)
	require.NoError(tb, err)
	return e
}

// exact is Eval: decimals in, a decimal out.
func exact(tb testing.TB) contender {
	e := parse(tb)
	list := each(func(f figures) formula.Row { return mapping.StockOf(f.row()) })
	return contender{"exact, decimals", func(i int) int64 {
		v, err := e.Eval(&list[i])
		if err != nil {
			tb.Fatal(err)
		}
		return v.IntPart()
	}}
}

// fromRow is Eval with the conversion from Jushuitan's row on its bill.
func fromRow(tb testing.TB) contender {
	e := parse(tb)
	list := each(figures.row)
	return contender{"exact, from inventory rows", func(i int) int64 {
		s := mapping.StockOf(list[i])
		v, err := e.Eval(&s)
		if err != nil {
			tb.Fatal(err)
		}
		return v.IntPart()
	}}
}

func intRows(tb testing.TB) []formula.IntRow {
	list := make([]formula.IntRow, rowCount)
	for i, f := range rows() {
		row, err := mapping.StockIntsOf(f.row())
		require.NoError(tb, err)
		list[i] = row
	}
	return list
}

func BenchmarkSixTerms(b *testing.B) {
	for _, c := range append(peers(b), byHand(), exact(b), fromRow(b)) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				i := n % rowCount
				results[i] = c.eval(i)
			}
		})
	}
	b.Run("batch, ints", func(b *testing.B) {
		e, list, dst := parse(b), intRows(b), make([]int64, rowCount)
		b.ReportAllocs()
		n := 0
		for ; b.Loop(); n++ {
			if err := e.EvalInt64(dst, list, formula.EvalPolicy{}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*rowCount), "ns/row")
	})
}

// BenchmarkRatios takes turns between all of them and reports how many times
// quicker than the quickest peer, and than the decimals by hand, the library is.
// The best of several turns counts for each.
func BenchmarkRatios(b *testing.B) {
	const turns, evaluations = 7, 20 * rowCount
	others := peers(b)
	hand, ours, ofRows := byHand(), exact(b), fromRow(b)
	e, list, dst := parse(b), intRows(b), make([]int64, rowCount)
	batch := contender{"batch", nil}
	all := slices.Concat(others, []contender{hand, ours, ofRows, batch})
	best := map[string]time.Duration{}
	const parses, parsing = 500, "parsing"
	for b.Loop() {
		for range turns {
			start := time.Now()
			for range parses {
				parse(b)
			}
			if took := time.Since(start); best[parsing] == 0 || took < best[parsing] {
				best[parsing] = took
			}
			for _, c := range all {
				start := time.Now()
				if c.eval == nil {
					for range evaluations / rowCount {
						if err := e.EvalInt64(dst, list, formula.EvalPolicy{}); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					for n := range evaluations {
						results[n%rowCount] = c.eval(n % rowCount)
					}
				}
				if took := time.Since(start); best[c.name] == 0 || took < best[c.name] {
					best[c.name] = took
				}
			}
		}
	}
	fastest := best[others[0].name]
	for _, c := range others {
		fastest = min(fastest, best[c.name])
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / evaluations }
	b.ReportMetric(each(fastest), "ns/fastest-peer")
	b.ReportMetric(each(best[hand.name]), "ns/by-hand")
	b.ReportMetric(each(best[ours.name]), "ns/exact")
	b.ReportMetric(each(best[batch.name]), "ns/batch-row")
	b.ReportMetric(float64(best[parsing].Nanoseconds())/parses, "ns/parse")
	b.ReportMetric(float64(fastest)/float64(best[ours.name]), "x-exact-to-peer")
	b.ReportMetric(float64(fastest)/float64(best[ofRows.name]), "x-exact-from-rows-to-peer")
	b.ReportMetric(float64(best[hand.name])/float64(best[ours.name]), "x-exact-to-hand")
	b.ReportMetric(float64(fastest)/float64(best[batch.name]), "x-batch-to-peer")
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := formula.Parse(sixTerms); err != nil {
			b.Fatal(err)
		}
	}
}
