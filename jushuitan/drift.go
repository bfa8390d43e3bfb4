package jushuitan

import (
	"errors"
	"reflect"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// DriftKind is how a response differs from its documentation.
type DriftKind string

// The kinds of drift.
const (
	UnknownMember DriftKind = "unknown member" // a field that this package does not know
	OtherKind     DriftKind = "other kind"     // another JSON type, such as a string for a number
	NewValue      DriftKind = "new value"      // an unknown value of a status or another enum
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
// early. Each response is decoded a second time.
func WithOnDrift(f func(Drift)) Option {
	return func(s *settings) error {
		if f == nil {
			return errors.New("WithOnDrift: nil")
		}
		s.onDrift = f
		return nil
	}
}

// drift compares a successful response with its type.
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
