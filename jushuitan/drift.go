package jushuitan

import (
	"errors"
)

// DriftKind is how a response differs from its documentation.
type DriftKind string

// The kinds of drift.
const (
	UnknownMember DriftKind = "unknown member"   // a field that this package does not know
	OtherKind     DriftKind = "other kind"       // another JSON type, such as a string for a number
	NewValue      DriftKind = "new value"        // an unknown value of a status or another enum
	OtherSpelling DriftKind = "other spelling"   // a field name that differs by case or underscores only
	Unreadable    DriftKind = "unreadable value" // a value that cannot be decoded; it is kept in Extra
	NullRow       DriftKind = "null row"         // a null in a list of rows; it is left out
)

// Drift is one difference between a response and its documentation. It holds no value of
// the response.
type Drift struct {
	Op       string // Orders.Query
	Merchant string
	Path     string // data.orders[].new_field
	Kind     DriftKind
}

// WithOnDrift calls f for each difference between a response and its documentation, once
// for each field path and response, so that unannounced changes of the API are noticed
// early.
func WithOnDrift(f func(Drift)) Option {
	return func(s *settings) error {
		if f == nil {
			return errors.New("WithOnDrift: nil")
		}
		s.onDrift = f
		return nil
	}
}

// drifted reports what was noted while the response was decoded.
func (k *oneCall) drifted() {
	for _, n := range k.notes {
		k.core.onDrift(Drift{Op: k.op.Name(), Merchant: k.merchant, Path: n.Path, Kind: DriftKind(n.Kind)})
	}
}
