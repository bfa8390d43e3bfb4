package jushuitan

import (
	"errors"
	"reflect"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// DriftKind says how an answer differs from what is documented.
type DriftKind string

// The kinds of drift.
const (
	UnknownMember DriftKind = "unknown member" // a field that this package does not know
	OtherKind     DriftKind = "other kind"     // text for a number, a number for text or a flag ...
	NewValue      DriftKind = "new value"      // a status or the like that is not known
)

// Drift is one difference between an answer and its documentation. It holds no
// value of the answer.
type Drift struct {
	Op       string // Orders.Query
	Merchant string
	Path     string // data.orders[].new_field
	Kind     DriftKind
}

// WithOnDrift calls f for each difference between an answer and what is
// documented, once for each path and answer, so that a silent change of the
// vendor's is seen before it hurts. It costs a second reading of each answer.
func WithOnDrift(f func(Drift)) Option {
	return func(s *settings) error {
		if f == nil {
			return errors.New("WithOnDrift: nil")
		}
		s.onDrift = f
		return nil
	}
}

// drift compares a good answer with its type.
func (k *oneCall) drift(body []byte, payload reflect.Type) {
	report := k.core.onDrift
	if report == nil || payload == reflect.TypeFor[noReply]() {
		return
	}
	env, ok := readEnvelope(body)
	if !ok {
		return
	}
	data, path := locate(env, k.op, body)
	if len(data) == 0 {
		return
	}
	wire.Drift(data, payload, path, func(path string, kind wire.DriftKind) {
		if k.op.payload == "" && isEnvelope(path) {
			return
		}
		report(Drift{Op: k.op.Name(), Merchant: k.merchant, Path: path, Kind: DriftKind(kind)})
	})
}

func isEnvelope(path string) bool {
	switch path {
	case "code", "msg", "issuccess", "request_id", "requestId":
		return true
	}
	return false
}
