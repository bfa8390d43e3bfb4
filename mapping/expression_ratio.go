package mapping

import (
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// exprRatio is the exact number n/d with d > 0, not always in lowest terms. Its
// operations report false where the result does not fit; the caller then computes
// with math/big.
type exprRatio struct{ n, d int64 }

func exprWhole(n int64) exprRatio { return exprRatio{n, 1} }

// exprPowers holds 10^k for k from 0 to 18.
var exprPowers = [...]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

func exprAdd64(a, b int64) (int64, bool) {
	s := a + b
	return s, (a^s)&(b^s) >= 0 && s != math.MinInt64
}

func exprAbs64(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func exprMul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(exprAbs64(a), exprAbs64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func exprGCD(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// exprOfDecimal gives a decimal of few digits as a ratio.
func exprOfDecimal(v decimal.Decimal) (exprRatio, bool) {
	if v.NumDigits() > stockFastDigits {
		return exprRatio{}, false
	}
	n, exp := v.CoefficientInt64(), v.Exponent()
	switch {
	case exp == 0 || n == 0:
		return exprWhole(n), true
	case exp < 0 && exp >= -stockFastDigits:
		return exprRatio{n, exprPowers[-exp]}, true
	case exp > 0 && exp <= stockFastDigits:
		n, ok := exprMul64(n, exprPowers[exp])
		return exprWhole(n), ok
	}
	return exprRatio{}, false
}

func (a exprRatio) reduced() exprRatio {
	if a.d == 1 {
		return a
	}
	g := int64(exprGCD(uint64(a.d), exprAbs64(a.n)))
	return exprRatio{a.n / g, a.d / g}
}

func (a exprRatio) neg() exprRatio { return exprRatio{-a.n, a.d} }

func (a exprRatio) add(b exprRatio) (exprRatio, bool) {
	if a.d == b.d {
		n, ok := exprAdd64(a.n, b.n)
		return exprRatio{n, a.d}, ok
	}
	g := int64(exprGCD(uint64(a.d), uint64(b.d)))
	l, ok1 := exprMul64(a.n, b.d/g)
	r, ok2 := exprMul64(b.n, a.d/g)
	d, ok3 := exprMul64(a.d, b.d/g)
	n, ok4 := exprAdd64(l, r)
	return exprRatio{n, d}, ok1 && ok2 && ok3 && ok4
}

func (a exprRatio) mul(b exprRatio) (exprRatio, bool) {
	n, ok1 := exprMul64(a.n, b.n)
	d, ok2 := exprMul64(a.d, b.d)
	if !ok1 || !ok2 {
		// What is common across is taken out first.
		a, b = exprRatio{a.n, b.d}.reduced(), exprRatio{b.n, a.d}.reduced()
		n, ok1 = exprMul64(a.n, b.n)
		d, ok2 = exprMul64(a.d, b.d)
	}
	return exprRatio{n, d}, ok1 && ok2
}

// div needs b not zero.
func (a exprRatio) div(b exprRatio) (exprRatio, bool) {
	if b.n < 0 {
		return a.mul(exprRatio{-b.d, -b.n})
	}
	return a.mul(exprRatio{b.d, b.n})
}

// less is exact: the cross products have 128 bits.
func (a exprRatio) less(b exprRatio) bool {
	if a.d == b.d {
		return a.n < b.n
	}
	if a.n < 0 != (b.n < 0) {
		return a.n < 0
	}
	lh, ll := bits.Mul64(exprAbs64(a.n), uint64(b.d))
	rh, rl := bits.Mul64(exprAbs64(b.n), uint64(a.d))
	if a.n < 0 {
		lh, ll, rh, rl = rh, rl, lh, ll
	}
	return lh < rh || lh == rh && ll < rl
}

// whole rounds. A rounding that does not exist, and RoundNone, count as RoundDown.
func (a exprRatio) whole(r RoundingPolicy) int64 {
	if a.d == 1 {
		return a.n
	}
	q, rest := a.n/a.d, a.n%a.d
	if rest == 0 {
		return q
	}
	away := int64(1)
	if rest < 0 {
		away, rest = -1, -rest
	}
	// rest against a.d-rest tells where the half is, without an overflow.
	up := false
	switch r {
	case RoundUp:
		up = true
	case RoundHalfUp:
		up = rest >= a.d-rest
	case RoundHalfEven:
		up = rest > a.d-rest || rest == a.d-rest && q%2 != 0
	case RoundFloor:
		up = away < 0
	case RoundCeiling:
		up = away > 0
	}
	if up {
		q += away
	}
	return q
}

// exprTens gives the smallest k for which d divides 10^k.
func exprTens(d int64) (k int32, ok bool) {
	var twos, fives int32
	for d%2 == 0 {
		d, twos = d/2, twos+1
	}
	for d%5 == 0 {
		d, fives = d/5, fives+1
	}
	return max(twos, fives), d == 1
}

// decimal gives the number as it is, where it has an end and fits.
func (a exprRatio) decimal() (decimal.Decimal, bool) {
	if a.d == 1 {
		return decimal.New(a.n, 0), true
	}
	a = a.reduced()
	k, ok := exprTens(a.d)
	if !ok || k > stockFastDigits {
		return decimal.Decimal{}, false
	}
	n, ok := exprMul64(a.n, exprPowers[k]/a.d)
	return decimal.New(n, -k), ok
}
