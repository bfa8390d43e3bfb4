package callback

import (
	"context"
	"errors"
	"fmt"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Outcome is what became of a request, see [Result].
type Outcome int

// The outcomes. The first four are answered with success; only Handled has invoked your
// function.
const (
	Handled Outcome = iota + 1 // your function returned nil
	Repeat                     // a duplicate of the message handled last of its document
	Stale                      // something newer of its document was handled already
	Probe                      // the probe of a registered URL, not a message
	Refused                    // not a message that may be handled
	Failed                     // your function or the deduplication store failed
)

func (o Outcome) String() string {
	switch o {
	case Handled:
		return "handled"
	case Repeat:
		return "repeat"
	case Stale:
		return "stale"
	case Probe:
		return "probe"
	case Refused:
		return "refused"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Result is what [Config].OnResult receives of a request. Outcome and Reason have few
// values and are fit for the labels of a metric.
type Result struct {
	Outcome Outcome
	// Reason is why a message was refused or failed, otherwise "": source, kind, function
	// missing, merchant, window, token, checksum, rate, too large, late, request, decode,
	// action, busy, store, panic, function.
	Reason string
	Err    error // as for OnError; nil unless refused or failed
}

// reasons are the labels of errors, the more special first.
var reasons = []struct {
	err    error
	reason string
}{
	{jushuitan.ErrSource, "source"},
	{ErrKind, "kind"},
	{ErrNoFunction, "function missing"},
	{ErrMerchant, "merchant"},
	{jushuitan.ErrWindow, "window"},
	{ErrToken, "token"},
	{ErrChecksum, "checksum"},
	{ErrRate, "rate"},
	{jushuitan.ErrTooLarge, "too large"},
	{context.DeadlineExceeded, "late"},
	{jushuitan.ErrRequest, "request"},
	{ErrUnknownAction, "action"},
	{jushuitan.ErrBusy, "busy"},
	{jushuitan.ErrDedupe, "store"},
	{jushuitan.ErrDecode, "decode"},
}

// reasonOf returns the label of a failure.
func reasonOf(f *failure) string {
	if _, ok := errors.AsType[*jushuitan.PanicError](f.err); ok {
		return "panic"
	}
	if !f.byHost {
		for _, r := range reasons {
			if errors.Is(f.err, r.err) {
				return r.reason
			}
		}
	}
	return "function"
}
