package formula

// NegativePolicy decides what happens to a negative result. Results can be negative:
// with presale, or if qty itself is negative.
type NegativePolicy uint8

// The policies for negative results.
const (
	NegativeKeep NegativePolicy = iota // stays negative
	NegativeZero                       // becomes zero
)

// RoundingPolicy decides how a result becomes a whole number of pieces.
type RoundingPolicy uint8

// The rounding policies.
const (
	RoundDown     RoundingPolicy = iota // toward zero
	RoundUp                             // away from zero
	RoundHalfUp                         // to the nearest, a half away from zero
	RoundHalfEven                       // to the nearest, a half to the even one
	RoundFloor                          // toward minus infinity
	RoundCeiling                        // toward plus infinity
	RoundNone                           // no rounding
)

// MissingPolicy decides what happens to an unknown figure.
type MissingPolicy uint8

// The policies for unknown figures.
const (
	MissingError MissingPolicy = iota // an error, [ErrMissing]
	MissingZero                       // counts as zero
)

// EvalPolicy converts the exact result of a formula into a stock figure. The zero value
// keeps negative results, rounds toward zero to whole pieces and refuses unknown
// figures. Rounding is applied once, to the exact result, then Negative. Undefined
// values count as zero values.
type EvalPolicy struct {
	Negative NegativePolicy
	Rounding RoundingPolicy
	Missing  MissingPolicy
}
