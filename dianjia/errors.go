package dianjia

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Error classes for errors.Is. All but ErrRefused are those of package jushuitan.
var (
	// ErrInvalid means that validation failed before the call; nothing was sent.
	ErrInvalid = jushuitan.ErrInvalid
	// ErrRefused means that the endpoint did not accept the push.
	ErrRefused = errors.New("push refused")
	// ErrUnavailable means that there was no usable response: network failure, HTTP
	// 408, 429 or 5xx, a redirect, or an empty body.
	ErrUnavailable = jushuitan.ErrUnavailable
	// ErrOutcomeUnknown means that the push may or may not have been handled. It
	// accompanies one of the other classes.
	ErrOutcomeUnknown = jushuitan.ErrOutcomeUnknown
)

// Error is the error of a failed push; find it with errors.As. It holds no secret,
// token, signature, query or body.
type Error struct {
	Kind        jushuitan.PushMethod
	EntID       string
	StorageCode string
	Code        string // code or resultCode of the answer, "" when there was none
	Msg         string // the endpoint's message
	HTTPStatus  int    // of the last answer, 0 when there was none
	Attempts    int
	Outcome     jushuitan.Outcome

	class error
	cause error
}

// Error returns what failed, for which merchant, and what to do, in English and
// Chinese.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dianjia: push " + string(e.Kind))
	if ep, ok := endpointOf(e.Kind); ok {
		b.WriteString(" (" + ep.Label + ")")
	}
	fmt.Fprintf(&b, " entId %q storageCode %q: ", e.EntID, e.StorageCode)
	f := failure{Class: e.class, Status: e.HTTPStatus, Msg: e.Msg, Cause: e.cause, Outcome: e.Outcome, Attempts: e.Attempts}
	if e.Code != "" {
		f.Code = strconv.Quote(e.Code)
	}
	return b.String() + f.Text(e.Hint())
}

// Is matches the class, and [ErrOutcomeUnknown] for a push whose outcome is unknown.
func (e *Error) Is(target error) bool {
	return target != nil && target == e.class || target == ErrOutcomeUnknown && e.Outcome == jushuitan.Unknown
}

// Unwrap returns the cause, such as a network error or the context's.
func (e *Error) Unwrap() error { return e.cause }

// Format prints the text of the error, for every verb.
func (e *Error) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.Error())) }

// LogValue is the text of the error for slog.
func (e *Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Temporary reports whether retrying the unchanged push may succeed later.
func (e *Error) Temporary() bool { return e.class == ErrUnavailable }

// Hint returns what to do, in English and Chinese.
func (e *Error) Hint() string {
	switch {
	case e.Outcome == jushuitan.Unknown:
		return "the push may have been handled: check in DianJia before sending it again / 推送可能已生效，请先在店加核对再决定是否重发"
	case e.class == ErrInvalid:
		return "correct the push or its target / 请检查推送内容与 entId、storageCode"
	case e.class == ErrRefused:
		return "correct what the message reports, retrying will not help / 店加拒绝了该推送，请按提示修正，重试无效"
	case e.class == ErrUnavailable:
		return "try again later / 店加接口暂不可用，请稍后重试"
	}
	return ""
}
