package mapping

import (
	"fmt"
	"math"
	"math/big"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// StockQuotientDigits is how many digits after the point [StockExpression.Eval]
// gives of a quotient that has no end, such as 1/3.
const StockQuotientDigits = 16

// Eval gives the exact result: nothing is rounded and what is below zero stays.
// Only a quotient without an end, such as 1/3, is cut after
// [StockQuotientDigits] digits, toward zero, once, at the end: 1/3*3 is 1.
//
// The error is a [*StockError]: [ErrStockMissing], [ErrStockDivisionByZero] or
// [ErrStockRange]. Divisions by zero are errors wherever they are, also in an
// argument that max or min does not choose.
func (e *StockExpression) Eval(s *Stock) (decimal.Decimal, error) {
	return e.EvalWith(s, Policy{Rounding: RoundNone})
}

// EvalWith gives the result under a policy. Errors are those of
// [StockExpression.Eval].
func (e *StockExpression) EvalWith(s *Stock, p Policy) (decimal.Decimal, error) {
	v, err := e.orActual().eval(s, p)
	if err != nil {
		return decimal.Decimal{}, err
	}
	return v, nil
}

// EvalInto puts the result of each row under a policy into dst, which must be as
// long as rows, or longer. All rows are computed: the error is [StockErrors] with
// the ones that have no result, whose places in dst stay as they were.
func (e *StockExpression) EvalInto(dst []decimal.Decimal, rows []Stock, p Policy) error {
	if err := exprFits(len(dst), len(rows)); err != nil {
		return err
	}
	e = e.orActual()
	var failed StockErrors
	for i := range rows {
		v, err := e.eval(&rows[i], p)
		if err != nil {
			failed = append(failed, err.at(i))
			continue
		}
		dst[i] = v
	}
	return failed.orNil()
}

// EvalInt64 is [StockExpression.EvalInto] in whole pieces. It allocates nothing as
// long as all is well and the numbers are of a usual size; others take a slower
// way to the same exact result. Beside the errors of [StockExpression.Eval] there
// are [ErrStockRange] for a result that an int64 does not hold, and, under
// RoundNone, [ErrStockFraction] for one that is not whole.
func (e *StockExpression) EvalInt64(dst []int64, rows []StockInts, p Policy) error {
	if err := exprFits(len(dst), len(rows)); err != nil {
		return err
	}
	e = e.orActual()
	var failed StockErrors
	dst = dst[:len(rows)]
	lin, need := e.lin, e.need()
	if p.Missing == MissingZero {
		need = 0
	}
	for i := range rows {
		row := &rows[i]
		if lin != nil && row.known&need == need {
			if v, ok := lin.int64(row, p); ok {
				dst[i] = v
				continue
			}
		}
		v, err := e.evalInts(row, p)
		if err != nil {
			failed = append(failed, err.at(i))
			continue
		}
		dst[i] = v
	}
	return failed.orNil()
}

func exprFits(dst, rows int) error {
	if dst < rows {
		return fmt.Errorf("mapping: dst has %d places for %d rows / dst 长度 %d 小于行数 %d: %w", dst, rows, dst, rows, jushuitan.ErrInvalid)
	}
	return nil
}

func (e *StockError) at(row int) *StockError {
	e.Row = row
	return e
}

func (e StockErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// missing gives the error of the figures that the policy needs and that are not known.
func (e *StockExpression) missing(skuID string, known stockMask, p Policy) *StockError {
	unknown := e.need() &^ known
	if unknown == 0 || p.Missing == MissingZero {
		return nil
	}
	return &StockError{SKUID: skuID, Term: stockFirst(unknown), class: ErrStockMissing}
}

func (e *StockExpression) divisionByZero(skuID string, n *exprNode) *StockError {
	return &StockError{SKUID: skuID, Line: int(n.line), Column: int(n.column), class: ErrStockDivisionByZero}
}

func (p Policy) negative(v decimal.Decimal) decimal.Decimal {
	if p.Negative == NegativeZero && v.IsNegative() {
		return decimal.New(0, 0)
	}
	return v
}

func (p Policy) int64(v int64) int64 {
	if p.Negative == NegativeZero && v < 0 {
		return 0
	}
	return v
}

func (e *StockExpression) eval(s *Stock, p Policy) (decimal.Decimal, *StockError) {
	if err := e.missing(s.SKUID, s.known, p); err != nil {
		return decimal.Decimal{}, err
	}
	if e.lin != nil {
		if v, ok := e.lin.decimal(s, p); ok {
			return v, nil
		}
	} else if r, at, ok := e.ratio(func(t StockTerm) (exprRatio, bool) { return exprOfDecimal(s.values[t]) }); at != nil {
		return decimal.Decimal{}, e.divisionByZero(s.SKUID, at)
	} else if ok {
		if p.Rounding != RoundNone {
			return decimal.New(p.int64(r.whole(p.Rounding)), 0), nil
		}
		if v, ok := r.decimal(); ok {
			return p.negative(v), nil
		}
	}
	r, err := e.bigOf(s)
	if err != nil {
		return decimal.Decimal{}, err
	}
	if p.Rounding != RoundNone {
		return p.negative(decimal.NewFromBigInt(exprRoundBig(r, p.Rounding), 0)), nil
	}
	return p.negative(exprDecimal(r)), nil
}

func (e *StockExpression) evalInts(s *StockInts, p Policy) (int64, *StockError) {
	if err := e.missing(s.SKUID, s.known, p); err != nil {
		return 0, err
	}
	if r, at, ok := e.ratio(func(t StockTerm) (exprRatio, bool) {
		return exprWhole(s.values[t]), s.values[t] != math.MinInt64
	}); at != nil {
		return 0, e.divisionByZero(s.SKUID, at)
	} else if ok {
		if p.Rounding == RoundNone && r.n%r.d != 0 {
			return 0, &StockError{SKUID: s.SKUID, class: ErrStockFraction, whole: true}
		}
		return p.int64(r.whole(p.Rounding)), nil
	}
	r, at := e.big(func(t StockTerm) *big.Rat { return new(big.Rat).SetInt64(s.values[t]) })
	if at != nil {
		return 0, e.divisionByZero(s.SKUID, at)
	}
	if p.Rounding == RoundNone && !r.IsInt() {
		return 0, &StockError{SKUID: s.SKUID, class: ErrStockFraction, whole: true}
	}
	n := exprRoundBig(r, p.Rounding)
	if p.Negative == NegativeZero && n.Sign() < 0 {
		return 0, nil
	}
	if !n.IsInt64() {
		return 0, &StockError{SKUID: s.SKUID, class: ErrStockRange, whole: true}
	}
	return n.Int64(), nil
}

// ratio computes in 64 bits. It reports false where that is not enough, and the
// division whose divisor is zero.
func (e *StockExpression) ratio(value func(StockTerm) (exprRatio, bool)) (r exprRatio, at *exprNode, ok bool) {
	var few [16]exprRatio
	stack := few[:]
	if e.depth > len(few) {
		stack = make([]exprRatio, e.depth)
	}
	top := -1
	for i := range e.nodes {
		n := &e.nodes[i]
		ok := true
		switch {
		case n.kind == exprNumber:
			top++
			stack[top], ok = n.ratio, n.ratio.d != 0
		case n.kind == exprTerm:
			top++
			stack[top], ok = value(n.term)
		case n.kind.unary():
			stack[top] = exprUnary(n.kind, stack[top])
		default:
			top--
			if n.kind == exprDiv && stack[top+1].n == 0 {
				return exprRatio{}, n, false
			}
			stack[top], ok = exprBinary(n.kind, stack[top], stack[top+1])
		}
		if !ok {
			return exprRatio{}, nil, false
		}
	}
	return stack[0], nil, true
}

func exprUnary(k exprKind, a exprRatio) exprRatio {
	switch k {
	case exprNeg:
		return a.neg()
	case exprFloor:
		return exprWhole(a.whole(RoundFloor))
	case exprCeil:
		return exprWhole(a.whole(RoundCeiling))
	}
	return exprWhole(a.whole(RoundHalfUp))
}

func exprBinary(k exprKind, a, b exprRatio) (exprRatio, bool) {
	switch k {
	case exprAdd:
		return a.add(b)
	case exprSub:
		return a.add(b.neg())
	case exprMul:
		return a.mul(b)
	case exprDiv:
		return a.div(b)
	case exprMax:
		if a.less(b) {
			return b, true
		}
		return a, true
	}
	if b.less(a) {
		return b, true
	}
	return a, true
}

// bigOf computes with numbers of any size.
func (e *StockExpression) bigOf(s *Stock) (*big.Rat, *StockError) {
	for _, t := range e.Terms() {
		if !stockBounded(s.values[t]) {
			return nil, &StockError{SKUID: s.SKUID, Term: t, class: ErrStockRange}
		}
	}
	r, at := e.big(func(t StockTerm) *big.Rat { return s.values[t].Rat() })
	if at != nil {
		return nil, e.divisionByZero(s.SKUID, at)
	}
	return r, nil
}

// big computes the whole expression, or gives the division whose divisor is zero.
func (e *StockExpression) big(value func(StockTerm) *big.Rat) (*big.Rat, *exprNode) {
	values, at := e.bigAll(value)
	if at != nil {
		return nil, at
	}
	return values[e.root()], nil
}

// bigAll computes every node.
func (e *StockExpression) bigAll(value func(StockTerm) *big.Rat) ([]*big.Rat, *exprNode) {
	values := make([]*big.Rat, len(e.nodes))
	for i := range e.nodes {
		n := &e.nodes[i]
		switch {
		case n.kind == exprNumber:
			values[i] = n.number.Rat()
		case n.kind == exprTerm:
			values[i] = value(n.term)
		case n.kind.unary():
			values[i] = exprBigUnary(n.kind, values[n.left])
		case n.kind == exprDiv && values[n.right].Sign() == 0:
			return values, n
		default:
			values[i] = exprBigBinary(n.kind, values[n.left], values[n.right])
		}
	}
	return values, nil
}

func exprBigUnary(k exprKind, a *big.Rat) *big.Rat {
	r := new(big.Rat)
	switch k {
	case exprNeg:
		return r.Neg(a)
	case exprFloor:
		return r.SetInt(exprRoundBig(a, RoundFloor))
	case exprCeil:
		return r.SetInt(exprRoundBig(a, RoundCeiling))
	}
	return r.SetInt(exprRoundBig(a, RoundHalfUp))
}

func exprBigBinary(k exprKind, a, b *big.Rat) *big.Rat {
	r := new(big.Rat)
	switch k {
	case exprAdd:
		return r.Add(a, b)
	case exprSub:
		return r.Sub(a, b)
	case exprMul:
		return r.Mul(a, b)
	case exprDiv:
		return r.Quo(a, b)
	case exprMax:
		if a.Cmp(b) < 0 {
			return b
		}
		return a
	}
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

// exprRoundBig is [exprRatio.whole] for numbers of any size.
func exprRoundBig(a *big.Rat, r RoundingPolicy) *big.Int {
	q, rest := new(big.Int).QuoRem(a.Num(), a.Denom(), new(big.Int))
	if rest.Sign() == 0 {
		return q
	}
	away := int64(rest.Sign())
	half := rest.Lsh(rest.Abs(rest), 1).Cmp(a.Denom())
	up := false
	switch r {
	case RoundUp:
		up = true
	case RoundHalfUp:
		up = half >= 0
	case RoundHalfEven:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case RoundFloor:
		up = away < 0
	case RoundCeiling:
		up = away > 0
	}
	if up {
		q.Add(q, big.NewInt(away))
	}
	return q
}

// exprDecimal gives a fraction in full, or its first digits where it has no end.
func exprDecimal(r *big.Rat) decimal.Decimal {
	digits, exact := r.FloatPrec()
	if !exact {
		digits = StockQuotientDigits
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n := ten.Mul(ten, r.Num())
	return decimal.NewFromBigInt(n.Quo(n, r.Denom()), int32(-digits))
}
