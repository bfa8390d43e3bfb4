package qimen

import (
	"cmp"
	"errors"
	"fmt"
)

// The reasons of a failure that a [Mux] answers, as [MuxConfig].OnError is told
// them; find them with errors.Is. Those that package callback has too are in package
// jushuitan: ErrRequest, ErrTooLarge, ErrSource, ErrWindow, ErrBusy and ErrDedupe. A
// body that cannot be read is [jushuitan.ErrDecode].
var (
	// ErrSignature: there is no signature, or not one made with a secret of the app.
	ErrSignature = errors.New("signature refused")
	// ErrArgument: a system parameter is missing or not one that is known, v above
	// all.
	ErrArgument = errors.New("parameter refused")
	// ErrCustomer: no merchant of the host has the customer id.
	ErrCustomer = errors.New("customer not known")
	// ErrMethod: there is no handler for the method.
	ErrMethod = errors.New("no handler for the method")
	// ErrAnswer: what the handler returned cannot be written in the sender's format.
	ErrAnswer = errors.New("answer not encodable")
)

// Failure is an error with which a handler chooses its answer: flag failure with
// these members. The sender sees them, so they must hold no personal data.
type Failure struct {
	Code    string // code; the default is "15", Remote service error
	SubCode string // sub_code; "" leaves it out
	Message string // message; the default is general words
}

// Error is the members of the answer.
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

// The failures that the mux itself answers. The codes are the platform's own.
func illegal(err error) error { // who sent it is unknown: no word more
	return &refusal{Failure{Code: "sign-check-failure", Message: "Illegal request"}, err}
}

func refuse(code, message string, err error) error {
	return &refusal{Failure{Code: code, Message: message}, err}
}

func again(err error) error {
	return &refusal{Failure{Code: "10", SubCode: "isp.remote-service-unavailable", Message: "Service currently unavailable"}, err}
}

// refusal is an error with the answer that it is given.
type refusal struct {
	answer Failure
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// failureOf is the answer to an error.
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
