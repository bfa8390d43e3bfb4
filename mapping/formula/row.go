package formula

import "github.com/shopspring/decimal"

// Row 库存行 holds the figures of one SKU. A figure that was never set is unknown,
// which is not zero. In the zero value all figures are unknown.
type Row struct {
	SKUID string // 商品编码: named in errors

	known  termSet
	values [termCount]decimal.Decimal // zero where unknown
}

// NewRow returns the row of a SKU with the figures that are known.
func NewRow(skuID string, figures map[Term]decimal.Decimal) Row {
	s := Row{SKUID: skuID}
	for t, v := range figures {
		s.Set(t, v)
	}
	return s
}

// Set sets a figure, which is known from then on. Invalid terms are ignored.
func (row *Row) Set(t Term, v decimal.Decimal) {
	if t < termCount {
		row.known |= 1 << t
		row.values[t] = v
	}
}

// Value returns a figure and reports whether it is known.
func (row *Row) Value(t Term) (decimal.Decimal, bool) {
	if t >= termCount || !row.known.has(t) {
		return decimal.Decimal{}, false
	}
	return row.values[t], true
}

// IntRow is [Row] in whole pieces, the fast form for millions of rows. A figure that
// was never set is unknown, which is not zero.
type IntRow struct {
	SKUID string // 商品编码: named in errors

	known  termSet
	values [termCount]int64 // zero where unknown
}

// Set sets a figure, which is known from then on. Invalid terms are ignored.
func (row *IntRow) Set(t Term, v int64) {
	if t < termCount {
		row.known |= 1 << t
		row.values[t] = v
	}
}

// Value returns a figure and reports whether it is known.
func (row *IntRow) Value(t Term) (int64, bool) {
	if t >= termCount || !row.known.has(t) {
		return 0, false
	}
	return row.values[t], true
}

// Ints returns the same figures in whole pieces. The error is a [*RowError]:
// [ErrFraction] for a figure that is not whole, [ErrRange] for one that
// an int64 does not hold.
func (row *Row) Ints() (IntRow, error) {
	ints := IntRow{SKUID: row.SKUID, known: row.known}
	for t := range Term(termCount) {
		if !row.known.has(t) {
			continue
		}
		v, class := wholeNumber(row.values[t])
		if class != nil {
			return IntRow{}, &RowError{SKUID: row.SKUID, Term: t, class: class}
		}
		ints.values[t] = v
	}
	return ints, nil
}

// wholeNumber returns a decimal as an int64, or the class of the error.
func wholeNumber(d decimal.Decimal) (int64, error) {
	if d.Exponent() == 0 && d.NumDigits() <= fastDigits {
		return d.CoefficientInt64(), nil
	}
	if !InRange(d) {
		return 0, ErrRange
	}
	if !d.IsInteger() {
		return 0, ErrFraction
	}
	n := d.BigInt()
	if !n.IsInt64() {
		return 0, ErrRange
	}
	return n.Int64(), nil
}

// The bounds of figures and of the numbers in a formula.
const (
	fastDigits  = 18 // any number of so many digits is an int64
	maxDigits   = 40 // of a figure, without its exponent
	maxExponent = 40 // of a figure, either way
)

// InRange reports whether a figure can be used in computations: at most 40 digits and
// an exponent between -40 and 40. Otherwise 1e999999999 would exhaust the memory.
func InRange(d decimal.Decimal) bool {
	return d.Exponent() >= -maxExponent && d.Exponent() <= maxExponent && d.NumDigits() <= maxDigits
}
