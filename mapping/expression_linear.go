package mapping

import (
	"math"

	"github.com/shopspring/decimal"
)

// exprLinear is an expression that is a sum: (c0 + Σ coef·term) / d, all of them
// whole numbers. Most expressions are. A term whose coefs cancel is not in it, but
// stays among the terms that an evaluation needs.
type exprLinear struct {
	coefs []exprCoef
	c0, d int64
	tens  int32  // d is 10^tens, or -1
	limit uint64 // with every |term| up to it, the sum fits in an int64
}

type exprCoef struct {
	term StockTerm
	coef int64
}

// compile prepares the evaluation.
func (e *StockExpression) compile() {
	depth := 0
	for i := range e.nodes {
		switch k := e.nodes[i].kind; {
		case k <= exprTerm:
			depth++
		case k.binary():
			depth--
		}
		e.depth = max(e.depth, depth)
	}
	b := exprLinearBuilder{e: e, constant: exprWhole(0)}
	for t := range b.coefs {
		b.coefs[t] = exprWhole(0)
	}
	if b.add(e.root(), exprWhole(1)) {
		e.lin = b.build()
	}
}

type exprLinearBuilder struct {
	e        *StockExpression
	coefs    [stockTerms]exprRatio
	constant exprRatio
}

// add adds a node, times a factor, and tells whether it could.
func (b *exprLinearBuilder) add(i int32, factor exprRatio) bool {
	n := &b.e.nodes[i]
	if n.terms == 0 {
		c, ok := b.e.constant(i)
		if !ok {
			return false
		}
		if c, ok = c.mul(factor); !ok {
			return false
		}
		b.constant, ok = b.constant.add(c)
		return ok
	}
	switch n.kind {
	case exprTerm:
		c, ok := b.coefs[n.term].add(factor)
		b.coefs[n.term] = c
		return ok
	case exprNeg:
		return b.add(n.left, factor.neg())
	case exprAdd:
		return b.add(n.left, factor) && b.add(n.right, factor)
	case exprSub:
		return b.add(n.left, factor) && b.add(n.right, factor.neg())
	case exprMul:
		varying, fixed := n.left, n.right
		if b.e.nodes[varying].terms == 0 {
			varying, fixed = fixed, varying
		}
		c, ok := b.e.constant(fixed)
		if !ok {
			return false
		}
		factor, ok = factor.mul(c)
		return ok && b.add(varying, factor)
	case exprDiv:
		c, ok := b.e.constant(n.right)
		if !ok || c.n == 0 {
			return false
		}
		factor, ok = factor.div(c)
		return ok && b.add(n.left, factor)
	}
	return false
}

// constant computes a node that has no terms.
func (e *StockExpression) constant(i int32) (exprRatio, bool) {
	n := &e.nodes[i]
	if n.terms != 0 {
		return exprRatio{}, false
	}
	if n.kind == exprNumber {
		return n.ratio, n.ratio.d != 0
	}
	a, ok := e.constant(n.left)
	if !ok {
		return exprRatio{}, false
	}
	if n.kind.unary() {
		return exprUnary(n.kind, a), true
	}
	b, ok := e.constant(n.right)
	if !ok || n.kind == exprDiv && b.n == 0 {
		return exprRatio{}, false
	}
	return exprBinary(n.kind, a, b)
}

// build brings all coefs to one denominator, a power of ten where there is one.
func (b *exprLinearBuilder) build() *exprLinear {
	lin := &exprLinear{d: 1, tens: -1}
	var ratios [stockTerms + 1]exprRatio // the constant is the last
	for t, c := range b.coefs {
		ratios[t] = c.reduced()
	}
	ratios[stockTerms] = b.constant.reduced()
	for _, c := range ratios {
		d, ok := exprMul64(lin.d, c.d/int64(exprGCD(uint64(lin.d), uint64(c.d))))
		if !ok {
			return nil
		}
		lin.d = d
	}
	if k, tens := exprTens(lin.d); tens && k <= stockFastDigits {
		lin.d, lin.tens = exprPowers[k], k
	}
	sum := uint64(0) // of |coef|
	for t, c := range ratios {
		n, ok := exprMul64(c.n, lin.d/c.d)
		if !ok {
			return nil
		}
		if t == stockTerms {
			lin.c0 = n
		} else if n != 0 {
			lin.coefs = append(lin.coefs, exprCoef{StockTerm(t), n})
			if sum += exprAbs64(n); sum > math.MaxInt64 {
				return nil
			}
		}
	}
	lin.limit = (math.MaxInt64 - exprAbs64(lin.c0)) / max(sum, 1)
	return lin
}

// int64 computes a row whose needed figures are known. It reports false where the
// sum may not fit, or is not whole under RoundNone.
func (l *exprLinear) int64(s *StockInts, p Policy) (int64, bool) {
	sum, all := l.c0, uint64(0)
	for _, c := range l.coefs {
		v := s.values[c.term%stockTerms]
		sum += c.coef * v
		all |= uint64(v ^ v>>63) // |v| - 1 where v is negative, else |v|
	}
	if all >= l.limit {
		return 0, false
	}
	if l.d != 1 {
		if p.Rounding == RoundNone && sum%l.d != 0 {
			return 0, false
		}
		sum = exprRatio{sum, l.d}.whole(p.Rounding)
	}
	return p.int64(sum), true
}

// decimal computes a row. It reports false where 64 bits are not enough, or the
// result has no end.
func (l *exprLinear) decimal(s *Stock, p Policy) (decimal.Decimal, bool) {
	sum, exp, ok := l.sum(s)
	if !ok {
		return decimal.Decimal{}, false
	}
	if p.Negative == NegativeZero && sum < 0 {
		return decimal.New(0, 0), true
	}
	if p.Rounding == RoundNone && l.tens >= 0 {
		return decimal.New(sum, exp-l.tens), true
	}
	if exp < -stockFastDigits {
		return decimal.Decimal{}, false
	}
	d, ok := exprMul64(l.d, exprPowers[-exp])
	if !ok {
		return decimal.Decimal{}, false
	}
	r := exprRatio{sum, d}
	if p.Rounding == RoundNone {
		return r.decimal()
	}
	return decimal.New(r.whole(p.Rounding), 0), true
}

// sum gives c0 + Σ coef·term as n·10^exp, with exp at most zero.
func (l *exprLinear) sum(s *Stock) (n int64, exp int32, ok bool) {
	n = l.c0
	for _, c := range l.coefs {
		v := &s.values[c.term%stockTerms]
		if v.NumDigits() > stockFastDigits {
			return 0, 0, false
		}
		x := v.CoefficientInt64()
		if x == 0 {
			continue
		}
		switch c.coef {
		case 1:
		case -1:
			x = -x
		default:
			if x, ok = exprMul64(x, c.coef); !ok {
				return 0, 0, false
			}
		}
		if at := v.Exponent(); at != exp {
			if n, x, exp, ok = exprAlign(n, exp, x, at); !ok {
				return 0, 0, false
			}
		}
		if n, ok = exprAdd64(n, x); !ok {
			return 0, 0, false
		}
	}
	return n, exp, true
}

// exprAlign brings n·10^exp and x·10^at to the smaller exponent of the two.
func exprAlign(n int64, exp int32, x int64, at int32) (int64, int64, int32, bool) {
	steps := at - exp
	if at < -stockFastDigits || at > stockFastDigits || steps > stockFastDigits || steps < -stockFastDigits {
		return 0, 0, 0, false
	}
	if steps > 0 {
		x, ok := exprMul64(x, exprPowers[steps])
		return n, x, exp, ok
	}
	n, ok := exprMul64(n, exprPowers[-steps])
	return n, x, at, ok
}
