package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// The outcomes. Each service's API has its own type for them.
const (
	NotSent  = iota // the request provably never reached the server
	Rejected        // the server refused it and changed nothing
	Unknown         // it was sent and the answer was lost
	Applied         // the server accepted it, but its answer could not be decoded
)

// Failure is the reason why an attempt failed or, after the last attempt, why the call
// failed.
type Failure[O ~int] struct {
	Class    error // nil if the context ended
	Outcome  O
	Status   int // HTTP status, 0 if no answer arrived
	Cause    error
	Attempts int // set by [Call.Do]

	// From the answer:
	Code, SubCode string
	Msg, SubMsg   string
	RequestID     string

	Known  bool          // the code is in the service's table and takes precedence over the HTTP status
	Retry  bool          // another attempt may succeed
	After  time.Duration // delay before the next attempt that the server asks for
	Window time.Duration // documented time after which the quota is available again

	held   bool // the permit of the next attempt already waits long enough
	silent bool // no answer was judged: the network failed or the context ended first
}

// cut turns a failure into that of the caller's context, which has no class. The outcome
// stays the same.
func (f *Failure[O]) cut(err error, during string) {
	text := cmp.Or(f.Class, errFailed).Error()
	switch {
	case f.Cause == nil:
		f.Cause = fmt.Errorf("%w %s: %s", err, during, text)
	case !errors.Is(f.Cause, err):
		f.Cause = fmt.Errorf("%w %s: %s: %w", err, during, text, f.Cause)
	}
	f.Class, f.Retry = nil, false
}

// ended returns the error of a context that has ended. It also checks the deadline, since
// the network may fail before the context's timer fires.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t, ok := ctx.Deadline(); ok && !time.Now().Before(t) {
		return context.DeadlineExceeded
	}
	return nil
}

// shown masks secrets and personal data in the server's message and in the cause.
func (f *Failure[O]) shown(hide []string) {
	for _, text := range []*string{&f.Code, &f.SubCode, &f.Msg, &f.SubMsg} {
		if *text != "" {
			*text = Clean(*text, hide)
		}
	}
	if f.Cause != nil {
		f.Cause = cleanCause(f.Cause, hide)
	}
}

// Text returns the text of a failure: the class, the answer, the cause, the hint and the
// outcome.
func (f *Failure[O]) Text(hint string) string {
	var b strings.Builder
	b.WriteString(cmp.Or(f.Class, errFailed).Error())
	for _, code := range [][2]string{{"code", f.Code}, {"sub_code", f.SubCode}} {
		if code[1] != "" {
			b.WriteString(", " + code[0] + " " + code[1])
		}
	}
	if f.Status != 0 && f.Status != http.StatusOK {
		fmt.Fprintf(&b, ", HTTP %d", f.Status)
	}
	for _, msg := range []string{f.Msg, f.SubMsg} {
		if msg != "" {
			fmt.Fprintf(&b, ", %q", msg)
		}
	}
	if f.Cause != nil {
		fmt.Fprintf(&b, ": %v", f.Cause)
	}
	if hint != "" {
		b.WriteString("; " + hint)
	}
	fmt.Fprintf(&b, " [outcome %v, attempts %d", f.Outcome, f.Attempts)
	if f.RequestID != "" {
		b.WriteString(", request " + f.RequestID)
	}
	return b.String() + "]"
}

// errFailed is the class of a failure that has no other.
var errFailed = errors.New("failed")

// maxText limits a server's message in an error, in characters.
const maxText = 300

// Clean prepares a server's text for an error: it masks hidden texts and mobile numbers,
// even if query-escaped, and truncates the text.
func Clean(text string, hide []string) string {
	text = redact.Text(mask(text, hide))
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText]) + "..."
	}
	return text
}

// mask replaces the hidden texts, except single characters, which occur everywhere.
func mask(text string, hide []string) string {
	escaped := make([]string, 0, 2*len(hide))
	for _, h := range hide {
		if utf8.RuneCountInString(h) > 1 {
			escaped = append(escaped, h, url.QueryEscape(h))
		}
	}
	text = redact.Values(text, escaped)
	plain, err := url.QueryUnescape(text)
	if err != nil || plain == text {
		return text
	}
	for _, h := range hide { // escaped differently
		if utf8.RuneCountInString(h) > 1 && strings.Contains(plain, h) {
			return redact.Mask
		}
	}
	return text
}

// cleanCause masks in the text of a cause what [Clean] masks in a server's message.
func cleanCause(err error, hide []string) error {
	text := err.Error()
	if clean := redact.Text(mask(text, hide)); clean != text {
		return &masked{text: clean, cause: err}
	}
	return err
}

// PlainCause unwraps an error of net/http, whose text contains the URL and so possibly
// secrets.
func PlainCause(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// masked replaces an error whose text contained something that must not be shown. errors.Is
// still matches what it matched before, but the original error cannot be reached.
type masked struct {
	text  string
	cause error
}

func (e *masked) Error() string                { return e.text }
func (e *masked) Is(target error) bool         { return errors.Is(e.cause, target) }
func (e *masked) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, e.text) }
func (e *masked) MarshalText() ([]byte, error) { return []byte(e.text), nil }
