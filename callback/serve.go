package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// success is the answer that most receivers give; no other is known to be taken.
const success = `{"code":"0","msg":"执行成功"}`

// A failure is an answer and its reason, which the answer does not show.
type failure struct {
	status int // 0: the host did not take it
	err    error
}

// A kind of message. Its handle, nil without a function of the host, reads the
// JSON and calls the function, unless the message was handled before.
type kind struct {
	method jushuitan.PushMethod
	path   string // the end of the path of DianJia's URL
	handle func(ctx context.Context, env *Envelope, doc []byte) *failure
}

// pushPointer is a pointer to a message.
type pushPointer[P any] interface {
	*P
	jushuitan.PushMessage
}

// bind adds the kind of a message.
func bind[P any, M pushPointer[P]](r *Receiver, parse func(body []byte) (*P, error), function func(ctx context.Context, env Envelope, p *P) error) {
	row, ok := push.Of(string(M(nil).PushMethod()))
	if !ok {
		panic(fmt.Sprintf("callback: %T has no row in package push", M(nil)))
	}
	k := kind{method: M(nil).PushMethod(), path: row.Path}
	if function = turning[P, M](r, function); function != nil {
		k.handle = func(ctx context.Context, env *Envelope, doc []byte) *failure {
			p, err := parse(doc)
			switch {
			case errors.Is(err, ErrUnknownAction):
				return &failure{http.StatusUnprocessableEntity, err}
			case err != nil:
				return &failure{http.StatusBadRequest, err}
			}
			key := ""
			if r.cfg.Deduper != nil {
				key = keyOf(*env, M(p))
			}
			err = r.once(ctx, *env, key, func(ctx context.Context) error { return call(ctx, *env, p, function) })
			if err != nil {
				return &failure{0, err}
			}
			return nil
		}
	}
	r.kinds = append(r.kinds, k)
}

// call calls the function and turns a panic into an error.
func call[P any](ctx context.Context, env Envelope, p *P, function func(context.Context, Envelope, *P) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &jushuitan.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return function(ctx, env, p)
}

// byPath is the kind that the end of a path names, as DianJia's URLs do, or nil.
func (r *Receiver) byPath(p string) *kind {
	end := path.Base(p)
	for i := range r.kinds {
		if r.kinds[i].path == end {
			return &r.kinds[i]
		}
	}
	return nil
}

// byMethod is the kind that the parameter method names, or nil.
func (r *Receiver) byMethod(method string) *kind {
	for i := range r.kinds {
		if string(r.kinds[i].method) == method {
			return &r.kinds[i]
		}
	}
	return nil
}

// serve handles a request, whose URL is for the kind k, or for any where k is nil.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, k *kind) {
	env := Envelope{RemoteAddr: req.RemoteAddr, Source: r.trust.source(req)}
	if k != nil {
		env.Method = k.method
	}
	f := r.receive(w, req, k, &env)
	if f == nil {
		answer(w, http.StatusOK, success)
		return
	}
	r.report(req.Context(), env, f.err)
	switch f.status {
	case 0:
		answer(w, r.cfg.FailureStatus, r.failed)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, POST, PUT")
	}
	answer(w, f.status, r.refuse)
}

// report tells the hook the reason of a failure.
func (r *Receiver) report(ctx context.Context, env Envelope, err error) {
	if r.cfg.OnError == nil {
		return
	}
	what := "push"
	if env.Method != "" {
		what += " " + string(env.Method)
	}
	r.cfg.OnError(ctx, env, fmt.Errorf("callback: %s: %w", what, err))
}

// receive does all but answer: it gives nil where success is to be answered.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, k *kind, env *Envelope) *failure {
	if err := r.trust.fromSource(env.Source); err != nil {
		return &failure{http.StatusForbidden, err}
	}
	if k != nil && k.handle == nil {
		return noFunction()
	}
	if req.Method == http.MethodGet {
		return nil // a probe
	}
	// The query is checked before the body is read, but a blank body is a probe
	// whatever the query says.
	k, refused := r.readQuery(req.URL.RawQuery, k, env)
	limit := r.cfg.MaxBody
	if refused != nil {
		limit = min(limit, blankBody)
		if req.ContentLength > limit {
			return refused
		}
	}
	body, f := r.readBody(w, req, limit)
	if f != nil {
		if refused != nil {
			return refused
		}
		return f
	}
	text := trim(body)
	if len(text) == 0 {
		return nil // a probe
	}
	env.Raw = body
	if req.Method != http.MethodPost && req.Method != http.MethodPut {
		return &failure{http.StatusMethodNotAllowed, fmt.Errorf("%w: neither POST nor PUT", ErrRequest)}
	}
	if refused != nil {
		return refused
	}
	doc, err := document(text)
	if err != nil {
		return badRequest(err)
	}
	return k.handle(req.Context(), env, doc)
}

// blankBody is how much is read of the body of a request that is refused unless
// it is blank.
const blankBody = 512

// readQuery fills the envelope, finds the kind and checks who sent it.
func (r *Receiver) readQuery(raw string, k *kind, env *Envelope) (*kind, *failure) {
	query, err := pushsign.Parse(raw)
	if err != nil {
		return nil, badRequest(errors.New("the query cannot be read"))
	}
	if query.Repeated() {
		return nil, badRequest(errors.New("a parameter of the query stands twice"))
	}
	env.EntID, env.StorageCode, env.Type = query.Get("entId"), query.Get("storageCode"), query.Get("type")
	method, hasMethod := query.Lookup("method")
	named := r.byMethod(method)
	switch {
	case k == nil && named == nil:
		return nil, &failure{http.StatusNotFound, fmt.Errorf("%w: neither the parameter method nor the path names a known one", ErrKind)}
	case k == nil:
		k = named
	case hasMethod && named != k:
		return nil, &failure{http.StatusBadRequest, fmt.Errorf("%w: the parameter method names another one than the URL", ErrKind)}
	}
	env.Method = k.method
	if k.handle == nil {
		return nil, noFunction()
	}
	if env.TS, err = timestamp(query.Get("ts")); err != nil {
		return nil, badRequest(err)
	}
	if err := r.trust.check(query, env); err != nil {
		return nil, &failure{http.StatusForbidden, err}
	}
	return k, nil
}

// timestamp reads Unix seconds, or milliseconds where there are too many for
// seconds.
func timestamp(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil || n > 1e14:
		return time.Time{}, errors.New("the parameter ts is not a time")
	case n < 1e11:
		return time.Unix(int64(n), 0).In(wire.CST), nil
	}
	return time.UnixMilli(int64(n)).In(wire.CST), nil
}

// readBody reads the body up to the limit, until the request's context ends or it
// takes too long.
func (r *Receiver) readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, *failure) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	late := &lateBody{w: w}
	interrupt := late.interrupt
	timer := time.AfterFunc(r.cfg.BodyTimeout, interrupt)
	stop := context.AfterFunc(req.Context(), interrupt)
	body, err := readAll(http.MaxBytesReader(w, req.Body, limit), min(req.ContentLength, limit, trustedLength))
	timer.Stop()
	stop()
	if interrupted := late.end(); err != nil {
		return nil, notRead(w, req, err, limit, interrupted)
	}
	return body, nil
}

// notRead is why a body could not be read.
func notRead(w http.ResponseWriter, req *http.Request, err error, limit int64, interrupted bool) *failure {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &failure{http.StatusRequestEntityTooLarge, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)}
	case req.Context().Err() != nil:
		err = context.Cause(req.Context())
	case interrupted:
		err = context.DeadlineExceeded
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return badRequest(fmt.Errorf("the body did not arrive whole: %w", err))
	}
	w.Header().Set("Connection", "close") // the rest of the body is still to come
	return &failure{http.StatusRequestTimeout, fmt.Errorf("%w: the body did not arrive in time: %w", ErrRequest, err)}
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

// readAll is [io.ReadAll] for what is so long, perhaps.
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

// trustedLength is how much memory is taken at once because the sender announces
// a long body.
const trustedLength = 256 << 10

// trim removes blanks and a byte order mark.
func trim(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
}

func badRequest(err error) *failure {
	return &failure{http.StatusBadRequest, fmt.Errorf("%w: %w", ErrRequest, err)}
}

func noFunction() *failure {
	return &failure{http.StatusNotImplemented, ErrNoFunction}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
