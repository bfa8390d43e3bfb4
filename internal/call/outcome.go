package call

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// The outcomes, of any type that a service's API has for them.
const (
	NotSent  = iota // the server cannot have seen it
	Rejected        // the server refused it, nothing was changed
	Unknown         // it was sent and the answer was lost
	Applied         // the server accepted it, only its answer could not be read
)

// Failure is why an attempt failed and, after the last one, a call.
type Failure[O ~int] struct {
	Class    error // nil where the context ended
	Outcome  O
	Status   int // of HTTP, 0 where no answer came
	Cause    error
	Attempts int // set by [Call.Do]

	// What the answer says.
	Code, SubCode string
	Msg, SubMsg   string
	RequestID     string

	Retry  bool          // another attempt may pass
	After  time.Duration // that the server asks for before the next
	Window time.Duration // the quota is used up for so long, as is documented

	held bool // the next attempt's permit holds it back long enough
}

// said reports whether the answer says anything.
func (f *Failure[O]) said() bool { return f != nil && f.Code+f.SubCode+f.Msg+f.SubMsg != "" }

// shown masks what no error may show.
func (f *Failure[O]) shown(hide []string) {
	for _, text := range []*string{&f.Code, &f.SubCode, &f.Msg, &f.SubMsg} {
		if *text != "" {
			*text = Clean(*text, hide)
		}
	}
}

// maxText bounds a server's words in an error, in characters.
const maxText = 300

// Clean is a server's text as errors show it: the hidden texts and mobile numbers
// are masked, also where they are escaped as in a query, and the rest is cut.
func Clean(text string, hide []string) string {
	text = redact.Text(mask(text, hide))
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText]) + "..."
	}
	return text
}

// mask replaces the hidden texts. One character is everywhere, so it is left.
func mask(text string, hide []string) string {
	for _, h := range hide {
		if utf8.RuneCountInString(h) > 1 {
			text = strings.ReplaceAll(text, h, redact.Mask)
			text = strings.ReplaceAll(text, url.QueryEscape(h), redact.Mask)
		}
	}
	plain, err := url.QueryUnescape(text)
	if err != nil || plain == text {
		return text
	}
	for _, h := range hide { // escaped in another way
		if utf8.RuneCountInString(h) > 1 && strings.Contains(plain, h) {
			return redact.Mask
		}
	}
	return text
}

// plainCause drops from an error of a transport what names the URL, and masks the
// hidden texts in the rest.
func plainCause(err error, hide []string) error {
	err = PlainCause(err)
	text := err.Error()
	clean := mask(text, hide)
	if clean == text {
		return err
	}
	m := &masked{text: clean}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			m.known = known
			break
		}
	}
	return m
}

// PlainCause drops what net/http wraps around an error: it names the URL, which
// may hold what must not be shown.
func PlainCause(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// masked stands for an error whose text named what must not be shown.
type masked struct {
	text  string
	known error // what errors.Is may still find, or nil
}

func (e *masked) Error() string { return e.text }
func (e *masked) Unwrap() error { return e.known }
