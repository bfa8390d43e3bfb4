package receive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// trustedLength limits the memory allocated for a body before any of it has arrived.
const trustedLength = 256 << 10

// ErrLate means that a body did not arrive in time. It is an [ErrRequest].
var ErrLate = fmt.Errorf("%w: the body did not arrive in time", ErrRequest)

// Body reads a body of at most limit bytes, until the request's context ends or it
// takes too long. Its errors are [ErrTooLarge], [ErrLate] and otherwise [ErrRequest].
func (r *Receiver[S, C]) Body(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	late := watch(req.Context(), w, r.cfg.BodyTimeout)
	body, err := readAll(http.MaxBytesReader(w, req.Body, limit), min(req.ContentLength, limit))
	if interrupted := late.end(); err != nil {
		return nil, notRead(w, req, err, limit, interrupted)
	}
	return body, nil
}

// notRead returns the error of a body that could not be read.
func notRead(w http.ResponseWriter, req *http.Request, err error, limit int64, interrupted bool) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit) // it closes the connection itself
	}
	switch {
	case req.Context().Err() != nil:
		err = context.Cause(req.Context())
	case interrupted:
		err = context.DeadlineExceeded
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: the body did not arrive whole: %w", ErrRequest, err)
	}
	w.Header().Set("Connection", "close") // the rest of the body is still to come
	return fmt.Errorf("%w: %w", ErrLate, err)
}

// lateBody interrupts the reading of a body, until that has ended: the response
// writer must not be used after the handler returned.
type lateBody struct {
	w           http.ResponseWriter
	timer       *time.Timer
	stop        func() bool
	mu          sync.Mutex
	ended, late bool
}

// watch interrupts the reading of a body when the context ends or after the timeout. It
// returns nil, at no cost, where the reading cannot be interrupted, as in a server that
// has read the body already.
func watch(ctx context.Context, w http.ResponseWriter, timeout time.Duration) *lateBody {
	if !interruptible(w) {
		return nil
	}
	l := &lateBody{w: w}
	interrupt := l.interrupt
	l.timer, l.stop = time.AfterFunc(timeout, interrupt), context.AfterFunc(ctx, interrupt)
	return l
}

// interruptible reports whether a read deadline can be set, as [http.ResponseController]
// looks for it.
func interruptible(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ SetReadDeadline(at time.Time) error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

func (l *lateBody) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.late = true
		_ = http.NewResponseController(l.w).SetReadDeadline(time.Unix(1, 0)) // not every connection can
	}
}

// end ends the watch and reports whether reading was interrupted.
func (l *lateBody) end() bool {
	if l == nil {
		return false
	}
	l.timer.Stop()
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return l.late
}

// readAll is [io.ReadAll] for a body with an announced length, if known. The memory for it
// is allocated as the body arrives, since anyone can announce a length.
func readAll(body io.Reader, length int64) ([]byte, error) {
	whole := int(min(max(length, bytes.MinRead-1), 1<<30)) + 1 // one more, to see the end
	b := make([]byte, 0, min(whole, trustedLength))
	for {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			more := 3 * len(b)
			if len(b) < whole {
				more = min(more, whole-len(b))
			}
			b = append(make([]byte, 0, len(b)+more), b...)
		}
	}
}

// Trim returns a body without surrounding white space and byte order mark. A probe is empty
// then.
func Trim(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
}

// Answer writes an answer.
func Answer(w http.ResponseWriter, status int, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
