package formula

// NegativePolicy says what becomes of a result below zero. Results are really
// negative at times: presale, or a qty that is itself below zero.
type NegativePolicy uint8

// What becomes of a result below zero.
const (
	NegativeKeep NegativePolicy = iota // it stays
	NegativeZero                       // it becomes zero
)

// RoundingPolicy says how a result becomes a whole number of pieces.
type RoundingPolicy uint8

// How a result becomes whole.
const (
	RoundDown     RoundingPolicy = iota // toward zero
	RoundUp                             // away from zero
	RoundHalfUp                         // to the nearest, a half away from zero
	RoundHalfEven                       // to the nearest, a half to the even one
	RoundFloor                          // toward minus infinity
	RoundCeiling                        // toward plus infinity
	RoundNone                           // not at all
)

// MissingPolicy says what becomes of a figure that is not known.
type MissingPolicy uint8

// What becomes of a figure that is not known.
const (
	MissingError MissingPolicy = iota // an error, [ErrMissing]
	MissingZero                       // it counts as zero
)

// EvalPolicy makes a stock figure of an exact result. The zero value keeps what is
// negative, rounds down to whole pieces and refuses what is not known. Rounding
// comes once, at the end, on the exact value; Negative comes after it. A policy
// that does not exist counts as the zero one.
type EvalPolicy struct {
	Negative NegativePolicy
	Rounding RoundingPolicy
	Missing  MissingPolicy
}
