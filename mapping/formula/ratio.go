package formula

import (
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// ratio is the exact number n/d with d > 0, not always in lowest terms. Its
// operations report false where the result does not fit; the caller then computes
// with math/big.
type ratio struct{ n, d int64 }

func wholeRatio(n int64) ratio { return ratio{n, 1} }

// powersOfTen holds 10^k for k from 0 to 18.
var powersOfTen = [...]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

func add64(a, b int64) (int64, bool) {
	s := a + b
	return s, (a^s)&(b^s) >= 0 && s != math.MinInt64
}

func abs64(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(abs64(a), abs64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// ratioOf returns a decimal of few digits as a ratio.
func ratioOf(v decimal.Decimal) (ratio, bool) {
	if v.NumDigits() > fastDigits {
		return ratio{}, false
	}
	n, exp := v.CoefficientInt64(), v.Exponent()
	switch {
	case exp == 0 || n == 0:
		return wholeRatio(n), true
	case exp < 0 && exp >= -fastDigits:
		return ratio{n, powersOfTen[-exp]}, true
	case exp > 0 && exp <= fastDigits:
		n, ok := mul64(n, powersOfTen[exp])
		return wholeRatio(n), ok
	}
	return ratio{}, false
}

func (a ratio) reduced() ratio {
	if a.d == 1 {
		return a
	}
	g := int64(gcd(uint64(a.d), abs64(a.n)))
	return ratio{a.n / g, a.d / g}
}

func (a ratio) neg() ratio { return ratio{-a.n, a.d} }

func (a ratio) add(b ratio) (ratio, bool) {
	if a.d == b.d {
		n, ok := add64(a.n, b.n)
		return ratio{n, a.d}, ok
	}
	g := int64(gcd(uint64(a.d), uint64(b.d)))
	l, ok1 := mul64(a.n, b.d/g)
	r, ok2 := mul64(b.n, a.d/g)
	d, ok3 := mul64(a.d, b.d/g)
	n, ok4 := add64(l, r)
	return ratio{n, d}, ok1 && ok2 && ok3 && ok4
}

func (a ratio) mul(b ratio) (ratio, bool) {
	n, ok1 := mul64(a.n, b.n)
	d, ok2 := mul64(a.d, b.d)
	if !ok1 || !ok2 {
		// Common factors are removed first.
		a, b = ratio{a.n, b.d}.reduced(), ratio{b.n, a.d}.reduced()
		n, ok1 = mul64(a.n, b.n)
		d, ok2 = mul64(a.d, b.d)
	}
	return ratio{n, d}, ok1 && ok2
}

// div returns a/b; b must not be zero.
func (a ratio) div(b ratio) (ratio, bool) {
	if b.n < 0 {
		return a.mul(ratio{-b.d, -b.n})
	}
	return a.mul(ratio{b.d, b.n})
}

// less is exact: the cross products have 128 bits.
func (a ratio) less(b ratio) bool {
	if a.d == b.d {
		return a.n < b.n
	}
	if a.n < 0 != (b.n < 0) {
		return a.n < 0
	}
	lh, ll := bits.Mul64(abs64(a.n), uint64(b.d))
	rh, rl := bits.Mul64(abs64(b.n), uint64(a.d))
	if a.n < 0 {
		lh, ll, rh, rl = rh, rl, lh, ll
	}
	return lh < rh || lh == rh && ll < rl
}

// whole returns the rounded number. RoundNone and undefined policies count as RoundDown.
func (a ratio) whole(r RoundingPolicy) int64 {
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

// decimalPlaces returns the smallest k for which d divides 10^k.
func decimalPlaces(d int64) (k int32, ok bool) {
	var twos, fives int32
	for d%2 == 0 {
		d, twos = d/2, twos+1
	}
	for d%5 == 0 {
		d, fives = d/5, fives+1
	}
	return max(twos, fives), d == 1
}

// decimal returns the number as it is, where it has an end and fits.
func (a ratio) decimal() (decimal.Decimal, bool) {
	if a.d == 1 {
		return decimal.New(a.n, 0), true
	}
	a = a.reduced()
	k, ok := decimalPlaces(a.d)
	if !ok || k > fastDigits {
		return decimal.Decimal{}, false
	}
	n, ok := mul64(a.n, powersOfTen[k]/a.d)
	return decimal.New(n, -k), ok
}
