package qimen

import (
	"cmp"
	"errors"
	"fmt"
)

// The reasons of a failure that [MuxConfig].OnError receives; match them with
// errors.Is. Those shared with package callback are in package jushuitan: ErrRequest,
// ErrTooLarge, ErrSource, ErrWindow, ErrBusy and ErrDedupe. A body that cannot be
// decoded is [jushuitan.ErrDecode].
var (
	// ErrSignature means that the signature is missing or was not made with a secret of
	// the app.
	ErrSignature = errors.New("signature refused")
	// ErrArgument means that a system parameter is missing or invalid.
	ErrArgument = errors.New("parameter refused")
	// ErrCustomer means that the customer id belongs to no merchant of yours.
	ErrCustomer = errors.New("unknown customer")
	// ErrMethod means that the method has no handler.
	ErrMethod = errors.New("no handler for the method")
	// ErrAnswer means that the handler's answer cannot be encoded in the sender's
	// format.
	ErrAnswer = errors.New("answer not encodable")
)

// Failure is an error with which a handler determines the answer: flag failure with
// these members. The sender sees them, so they must hold no personal data.
type Failure struct {
	Code    string // code; the default is "15", Remote service error
	SubCode string // sub_code; "" omits it
	Message string // message; a general one by default
}

// Error returns the members of the answer.
func (f *Failure) Error() string {
	text := "answered with failure, code " + cmp.Or(f.Code, "15")
	if f.SubCode != "" {
		text += ", sub_code " + f.SubCode
	}
	if f.Message != "" {
		text += fmt.Sprintf(", %q", f.Message)
	}
	return text
}

// The failures that the mux itself answers, with the platform's codes.
func illegal(err error) error { // the sender is unknown: no details
	return &refusal{Failure{Code: "sign-check-failure", Message: "Illegal request"}, err}
}

func refuse(code, message string, err error) error {
	return &refusal{Failure{Code: code, Message: message}, err}
}

func again(err error) error {
	return &refusal{Failure{Code: "10", SubCode: "isp.remote-service-unavailable", Message: "Service currently unavailable"}, err}
}

// refusal is an error with its answer.
type refusal struct {
	answer Failure
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// failureOf returns the answer to an error.
func failureOf(err error) Failure {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.answer
	}
	f := Failure{SubCode: "isp.remote-service-error"}
	if own, ok := errors.AsType[*Failure](err); ok && own != nil {
		f = *own
	}
	f.Code = cmp.Or(f.Code, "15")
	f.Message = cmp.Or(f.Message, "Remote service error")
	return f
}
