package receive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// trustedLength is how much memory is taken at once because the sender announces a
// long body.
const trustedLength = 256 << 10

// ErrLate is the error, an [ErrRequest], of a body that did not arrive in time.
var ErrLate = fmt.Errorf("%w: the body did not arrive in time", ErrRequest)

// Body reads a body of at most limit bytes, until the request's context ends or it
// takes too long. Its errors are [ErrTooLarge], [ErrLate] and else [ErrRequest].
func (r *Receiver[S, C]) Body(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	late := &lateBody{w: w}
	interrupt := late.interrupt
	timer := time.AfterFunc(r.cfg.BodyTimeout, interrupt)
	stop := func() bool { return true }
	if req.Context().Done() != nil {
		stop = context.AfterFunc(req.Context(), interrupt)
	}
	body, err := readAll(http.MaxBytesReader(w, req.Body, limit), min(req.ContentLength, limit, trustedLength))
	timer.Stop()
	stop()
	if interrupted := late.end(); err != nil {
		return nil, notRead(w, req, err, limit, interrupted)
	}
	return body, nil
}

// notRead is why a body could not be read.
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
	mu                 sync.Mutex
	w                  http.ResponseWriter
	ended, interrupted bool
}

func (l *lateBody) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.interrupted = true
		_ = http.NewResponseController(l.w).SetReadDeadline(time.Unix(1, 0)) // not every server can
	}
}

func (l *lateBody) end() (interrupted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return l.interrupted
}

// readAll is [io.ReadAll] of a body whose announced length is known, perhaps.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length <= 0 {
		length = bytes.MinRead
	}
	b := make([]byte, 0, length+1) // one more, to see the end
	for {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			b = slices.Grow(b, len(b))
		}
	}
}

// Trim returns a body without blanks and a byte order mark. Of a probe nothing is left.
func Trim(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
}

// Answer writes an answer.
func Answer(w http.ResponseWriter, status int, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
