package formula

import (
	"math"

	"github.com/shopspring/decimal"
)

// linear is a formula of the form (c0 + Σ coef·term) / d with whole numbers, as most
// formulas are. A term whose coefs cancel out is not included, but an evaluation still
// requires it.
type linear struct {
	coefs []coefficient
	c0, d int64
	tens  int32  // d is 10^tens, or -1
	limit uint64 // with every |term| up to it, the sum fits in an int64
}

type coefficient struct {
	term Term
	coef int64
}

// compile prepares the evaluation.
func (f *Formula) compile() {
	depth := 0
	for i := range f.nodes {
		switch k := f.nodes[i].op; {
		case k <= opTerm:
			depth++
		case k.binary():
			depth--
		}
		f.depth = max(f.depth, depth)
	}
	b := linearBuilder{f: f, constant: wholeRatio(0)}
	for t := range b.coefs {
		b.coefs[t] = wholeRatio(0)
	}
	if b.add(f.root(), wholeRatio(1)) {
		f.lin = b.build()
	}
}

type linearBuilder struct {
	f        *Formula
	coefs    [termCount]ratio
	constant ratio
}

// add adds a node, times a factor, and reports whether it could.
func (b *linearBuilder) add(i int32, factor ratio) bool {
	n := &b.f.nodes[i]
	if n.terms == 0 {
		return b.addConstant(i, factor)
	}
	switch n.op {
	case opTerm:
		c, ok := b.coefs[n.term].add(factor)
		b.coefs[n.term] = c
		return ok
	case opNeg:
		return b.add(n.left, factor.neg())
	case opAdd:
		return b.add(n.left, factor) && b.add(n.right, factor)
	case opSub:
		return b.add(n.left, factor) && b.add(n.right, factor.neg())
	case opMul:
		return b.addProduct(n, factor)
	case opDiv:
		c, ok := b.f.constant(n.right)
		if !ok || c.n == 0 {
			return false
		}
		factor, ok = factor.div(c)
		return ok && b.add(n.left, factor)
	}
	return false
}

func (b *linearBuilder) addConstant(i int32, factor ratio) bool {
	c, ok := b.f.constant(i)
	if !ok {
		return false
	}
	if c, ok = c.mul(factor); !ok {
		return false
	}
	b.constant, ok = b.constant.add(c)
	return ok
}

// addProduct adds a product of which one side has no terms.
func (b *linearBuilder) addProduct(n *node, factor ratio) bool {
	varying, fixed := n.left, n.right
	if b.f.nodes[varying].terms == 0 {
		varying, fixed = fixed, varying
	}
	c, ok := b.f.constant(fixed)
	if !ok {
		return false
	}
	factor, ok = factor.mul(c)
	return ok && b.add(varying, factor)
}

// constant computes a node that has no terms.
func (f *Formula) constant(i int32) (ratio, bool) {
	n := &f.nodes[i]
	if n.terms != 0 {
		return ratio{}, false
	}
	if n.op == opNumber {
		return n.ratio, n.ratio.d != 0
	}
	a, ok := f.constant(n.left)
	if !ok {
		return ratio{}, false
	}
	if n.op.unary() {
		return applyUnary(n.op, a), true
	}
	b, ok := f.constant(n.right)
	if !ok || n.op == opDiv && b.n == 0 {
		return ratio{}, false
	}
	return applyBinary(n.op, a, b)
}

// build brings all coefs to one denominator, a power of ten where there is one.
func (b *linearBuilder) build() *linear {
	lin := &linear{d: 1, tens: -1}
	var ratios [termCount + 1]ratio // the constant is the last
	for t, c := range b.coefs {
		ratios[t] = c.reduced()
	}
	ratios[termCount] = b.constant.reduced()
	for _, c := range ratios {
		d, ok := mul64(lin.d, c.d/int64(gcd(uint64(lin.d), uint64(c.d))))
		if !ok {
			return nil
		}
		lin.d = d
	}
	if k, tens := decimalPlaces(lin.d); tens && k <= fastDigits {
		lin.d, lin.tens = powersOfTen[k], k
	}
	sum := uint64(0) // of |coef|
	for t, c := range ratios {
		n, ok := mul64(c.n, lin.d/c.d)
		if !ok {
			return nil
		}
		if t == termCount {
			lin.c0 = n
		} else if n != 0 {
			lin.coefs = append(lin.coefs, coefficient{Term(t), n})
			if sum += abs64(n); sum > math.MaxInt64 {
				return nil
			}
		}
	}
	lin.limit = (math.MaxInt64 - abs64(lin.c0)) / max(sum, 1)
	return lin
}

// int64 computes a row whose needed figures are known. It reports false where the
// sum may not fit, or is not whole under RoundNone.
func (l *linear) int64(row *IntRow, p EvalPolicy) (int64, bool) {
	sum, all := l.c0, uint64(0)
	for _, c := range l.coefs {
		v := row.values[c.term%termCount]
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
		sum = ratio{sum, l.d}.whole(p.Rounding)
	}
	return p.int64(sum), true
}

// decimal computes a row. It reports false where 64 bits are not enough, or the
// result has no end.
func (l *linear) decimal(row *Row, p EvalPolicy) (decimal.Decimal, bool) {
	sum, exp, ok := l.sum(row)
	if !ok {
		return decimal.Decimal{}, false
	}
	if p.Negative == NegativeZero && sum < 0 {
		return decimal.New(0, 0), true
	}
	if p.Rounding == RoundNone && l.tens >= 0 {
		return decimal.New(sum, exp-l.tens), true
	}
	if exp < -fastDigits {
		return decimal.Decimal{}, false
	}
	d, ok := mul64(l.d, powersOfTen[-exp])
	if !ok {
		return decimal.Decimal{}, false
	}
	r := ratio{sum, d}
	if p.Rounding == RoundNone {
		return r.decimal()
	}
	return decimal.New(r.whole(p.Rounding), 0), true
}

// sum returns c0 + Σ coef·term as n·10^exp, with exp at most zero.
func (l *linear) sum(row *Row) (n int64, exp int32, ok bool) {
	n = l.c0
	for _, c := range l.coefs {
		v := &row.values[c.term%termCount]
		if v.NumDigits() > fastDigits {
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
			if x, ok = mul64(x, c.coef); !ok {
				return 0, 0, false
			}
		}
		if at := v.Exponent(); at != exp {
			if n, x, exp, ok = align(n, exp, x, at); !ok {
				return 0, 0, false
			}
		}
		if n, ok = add64(n, x); !ok {
			return 0, 0, false
		}
	}
	return n, exp, true
}

// align brings n·10^exp and x·10^at to the smaller exponent of the two.
func align(n int64, exp int32, x int64, at int32) (int64, int64, int32, bool) {
	steps := at - exp
	if at < -fastDigits || at > fastDigits || steps > fastDigits || steps < -fastDigits {
		return 0, 0, 0, false
	}
	if steps > 0 {
		x, ok := mul64(x, powersOfTen[steps])
		return n, x, exp, ok
	}
	n, ok := mul64(n, powersOfTen[-steps])
	return n, x, at, ok
}
