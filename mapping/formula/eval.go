package formula

import (
	"fmt"
	"math"
	"math/big"

	"github.com/shopspring/decimal"
)

// QuotientDigits is the number of decimal places that [Formula.Eval] returns for a
// non-terminating quotient such as 1/3.
const QuotientDigits = 16

// Eval returns the exact result, without rounding and including negative values. Only a
// non-terminating quotient such as 1/3 is truncated after [QuotientDigits] digits,
// once, at the end: 1/3*3 is 1.
//
// The error is a [*RowError]: [ErrMissing], [ErrDivisionByZero] or [ErrRange]. A
// division by zero is an error everywhere, even in an argument that max or min does not
// select.
func (f *Formula) Eval(row *Row) (decimal.Decimal, error) {
	return f.EvalWith(row, EvalPolicy{Rounding: RoundNone})
}

// EvalWith returns the result under a policy. Errors are those of
// [Formula.Eval].
func (f *Formula) EvalWith(row *Row, p EvalPolicy) (decimal.Decimal, error) {
	v, err := f.orActual().eval(row, p)
	if err != nil {
		return decimal.Decimal{}, err
	}
	return v, nil
}

// EvalInto stores the result of each row under a policy in dst, which must be at least
// as long as rows. All rows are computed: the error is [RowErrors] with the rows that
// have no result, whose elements in dst are unchanged.
func (f *Formula) EvalInto(dst []decimal.Decimal, rows []Row, p EvalPolicy) error {
	if err := checkLength(len(dst), len(rows)); err != nil {
		return err
	}
	f = f.orActual()
	var failed RowErrors
	for i := range rows {
		v, err := f.eval(&rows[i], p)
		if err != nil {
			failed = append(failed, err.at(i))
			continue
		}
		dst[i] = v
	}
	return failed.orNil()
}

// EvalInt64 is [Formula.EvalInto] in whole pieces. It does not allocate unless there
// are errors or unusually large numbers, which are computed exactly in a slower way. In
// addition to the errors of [Formula.Eval] there are [ErrRange] for a result that
// overflows an int64 and, under RoundNone, [ErrFraction] for one that is not whole.
func (f *Formula) EvalInt64(dst []int64, rows []IntRow, p EvalPolicy) error {
	if err := checkLength(len(dst), len(rows)); err != nil {
		return err
	}
	f = f.orActual()
	var failed RowErrors
	dst = dst[:len(rows)]
	lin, need := f.lin, f.need()
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
		v, err := f.evalInts(row, p)
		if err != nil {
			failed = append(failed, err.at(i))
			continue
		}
		dst[i] = v
	}
	return failed.orNil()
}

func checkLength(dst, rows int) error {
	if dst < rows {
		return fmt.Errorf("mapping: %w: %d places for %d rows / dst 长度 %d 小于行数 %d", ErrShortDst, dst, rows, dst, rows)
	}
	return nil
}

func (e *RowError) at(row int) *RowError {
	e.Row = row
	return e
}

func (e RowErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// missing returns the error for unknown figures that the policy requires.
func (f *Formula) missing(skuID string, known termSet, p EvalPolicy) *RowError {
	unknown := f.need() &^ known
	if unknown == 0 || p.Missing == MissingZero {
		return nil
	}
	return &RowError{SKUID: skuID, Term: unknown.first(), class: ErrMissing}
}

func (f *Formula) divisionByZero(skuID string, n *node) *RowError {
	return &RowError{SKUID: skuID, Line: int(n.line), Column: int(n.column), class: ErrDivisionByZero}
}

func (p EvalPolicy) negative(v decimal.Decimal) decimal.Decimal {
	if p.Negative == NegativeZero && v.IsNegative() {
		return decimal.New(0, 0)
	}
	return v
}

func (p EvalPolicy) int64(v int64) int64 {
	if p.Negative == NegativeZero && v < 0 {
		return 0
	}
	return v
}

func (f *Formula) eval(row *Row, p EvalPolicy) (decimal.Decimal, *RowError) {
	if err := f.missing(row.SKUID, row.known, p); err != nil {
		return decimal.Decimal{}, err
	}
	if f.lin != nil {
		if v, ok := f.lin.decimal(row, p); ok {
			return v, nil
		}
	} else if r, at, ok := f.ratio(func(t Term) (ratio, bool) { return ratioOf(row.values[t]) }); at != nil {
		return decimal.Decimal{}, f.divisionByZero(row.SKUID, at)
	} else if ok {
		if p.Rounding != RoundNone {
			return decimal.New(p.int64(r.whole(p.Rounding)), 0), nil
		}
		if v, ok := r.decimal(); ok {
			return p.negative(v), nil
		}
	}
	r, err := f.bigOf(row)
	if err != nil {
		return decimal.Decimal{}, err
	}
	if p.Rounding != RoundNone {
		return p.negative(decimal.NewFromBigInt(roundBig(r, p.Rounding), 0)), nil
	}
	return p.negative(decimalOf(r)), nil
}

func (f *Formula) evalInts(row *IntRow, p EvalPolicy) (int64, *RowError) {
	if err := f.missing(row.SKUID, row.known, p); err != nil {
		return 0, err
	}
	if r, at, ok := f.ratio(func(t Term) (ratio, bool) {
		return wholeRatio(row.values[t]), row.values[t] != math.MinInt64
	}); at != nil {
		return 0, f.divisionByZero(row.SKUID, at)
	} else if ok {
		if p.Rounding == RoundNone && r.n%r.d != 0 {
			return 0, &RowError{SKUID: row.SKUID, class: ErrFraction, whole: true}
		}
		return p.int64(r.whole(p.Rounding)), nil
	}
	r, at := f.big(func(t Term) *big.Rat { return new(big.Rat).SetInt64(row.values[t]) })
	if at != nil {
		return 0, f.divisionByZero(row.SKUID, at)
	}
	if p.Rounding == RoundNone && !r.IsInt() {
		return 0, &RowError{SKUID: row.SKUID, class: ErrFraction, whole: true}
	}
	n := roundBig(r, p.Rounding)
	if p.Negative == NegativeZero && n.Sign() < 0 {
		return 0, nil
	}
	if !n.IsInt64() {
		return 0, &RowError{SKUID: row.SKUID, class: ErrRange, whole: true}
	}
	return n.Int64(), nil
}

// ratio computes in 64 bits. It reports false on overflow, and returns the division whose
// divisor is zero.
func (f *Formula) ratio(value func(Term) (ratio, bool)) (r ratio, at *node, ok bool) {
	var few [16]ratio
	stack := few[:]
	if f.depth > len(few) {
		stack = make([]ratio, f.depth)
	}
	top := -1
	for i := range f.nodes {
		n := &f.nodes[i]
		ok := true
		switch {
		case n.op == opNumber:
			top++
			stack[top], ok = n.ratio, n.ratio.d != 0
		case n.op == opTerm:
			top++
			stack[top], ok = value(n.term)
		case n.op.unary():
			stack[top] = applyUnary(n.op, stack[top])
		default:
			top--
			if n.op == opDiv && stack[top+1].n == 0 {
				return ratio{}, n, false
			}
			stack[top], ok = applyBinary(n.op, stack[top], stack[top+1])
		}
		if !ok {
			return ratio{}, nil, false
		}
	}
	return stack[0], nil, true
}

func applyUnary(k operation, a ratio) ratio {
	switch k {
	case opNeg:
		return a.neg()
	case opFloor:
		return wholeRatio(a.whole(RoundFloor))
	case opCeil:
		return wholeRatio(a.whole(RoundCeiling))
	}
	return wholeRatio(a.whole(RoundHalfUp))
}

func applyBinary(k operation, a, b ratio) (ratio, bool) {
	switch k {
	case opAdd:
		return a.add(b)
	case opSub:
		return a.add(b.neg())
	case opMul:
		return a.mul(b)
	case opDiv:
		return a.div(b)
	case opMax:
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

// bigOf computes with arbitrary precision.
func (f *Formula) bigOf(row *Row) (*big.Rat, *RowError) {
	for _, t := range f.Terms() {
		if !InRange(row.values[t]) {
			return nil, &RowError{SKUID: row.SKUID, Term: t, class: ErrRange}
		}
	}
	r, at := f.big(func(t Term) *big.Rat { return row.values[t].Rat() })
	if at != nil {
		return nil, f.divisionByZero(row.SKUID, at)
	}
	return r, nil
}

// big computes the whole formula, or returns the division whose divisor is zero.
func (f *Formula) big(value func(Term) *big.Rat) (*big.Rat, *node) {
	values, at := f.bigAll(value)
	if at != nil {
		return nil, at
	}
	return values[f.root()], nil
}

// bigAll computes every node.
func (f *Formula) bigAll(value func(Term) *big.Rat) ([]*big.Rat, *node) {
	values := make([]*big.Rat, len(f.nodes))
	for i := range f.nodes {
		n := &f.nodes[i]
		switch {
		case n.op == opNumber:
			values[i] = n.number.Rat()
		case n.op == opTerm:
			values[i] = value(n.term)
		case n.op.unary():
			values[i] = applyBigUnary(n.op, values[n.left])
		case n.op == opDiv && values[n.right].Sign() == 0:
			return values, n
		default:
			values[i] = applyBigBinary(n.op, values[n.left], values[n.right])
		}
	}
	return values, nil
}

func applyBigUnary(k operation, a *big.Rat) *big.Rat {
	r := new(big.Rat)
	switch k {
	case opNeg:
		return r.Neg(a)
	case opFloor:
		return r.SetInt(roundBig(a, RoundFloor))
	case opCeil:
		return r.SetInt(roundBig(a, RoundCeiling))
	}
	return r.SetInt(roundBig(a, RoundHalfUp))
}

func applyBigBinary(k operation, a, b *big.Rat) *big.Rat {
	r := new(big.Rat)
	switch k {
	case opAdd:
		return r.Add(a, b)
	case opSub:
		return r.Sub(a, b)
	case opMul:
		return r.Mul(a, b)
	case opDiv:
		return r.Quo(a, b)
	case opMax:
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

// roundBig is [ratio.whole] for arbitrary precision.
func roundBig(a *big.Rat, r RoundingPolicy) *big.Int {
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

// decimalOf returns a fraction exactly, or truncated if it does not terminate.
func decimalOf(r *big.Rat) decimal.Decimal {
	digits, exact := r.FloatPrec()
	if !exact {
		digits = QuotientDigits
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n := ten.Mul(ten, r.Num())
	return decimal.NewFromBigInt(n.Quo(n, r.Denom()), int32(-digits))
}
