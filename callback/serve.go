package callback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// success is the answer that most receivers give; no other is known to be taken.
const success = `{"code":"0","msg":"执行成功"}`

const contentType = "application/json; charset=utf-8"

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
			if r.in.Active() {
				key = keyOf(*env, M(p))
			}
			err = r.once(ctx, *env, key, guarded(r, *env, p, function))
			if err != nil {
				return &failure{0, err}
			}
			return nil
		}
	}
	r.kinds = append(r.kinds, k)
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
	env := Envelope{RemoteAddr: req.RemoteAddr, Source: r.in.Source(req)}
	if k != nil {
		env.Method = k.method
	}
	f := r.receive(w, req, k, &env)
	if f == nil {
		receive.Answer(w, http.StatusOK, contentType, success)
		return
	}
	r.report(req.Context(), env, f.err)
	switch f.status {
	case 0:
		receive.Answer(w, r.cfg.FailureStatus, contentType, r.failed)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, POST, PUT")
	}
	receive.Answer(w, f.status, contentType, r.refuse)
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

// receive does all but answer: it returns nil where success is to be answered.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, k *kind, env *Envelope) *failure {
	if err := r.in.FromSource(env.Source); err != nil {
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
	limit := r.in.MaxBody()
	if refused != nil {
		limit = min(limit, blankBody)
		if req.ContentLength > limit {
			return refused
		}
	}
	body, err := r.in.Body(w, req, limit)
	if err != nil {
		if refused != nil {
			return refused
		}
		return notRead(err)
	}
	text := receive.Trim(body)
	if len(text) == 0 {
		return nil // a probe
	}
	env.Raw = body
	if req.Method != http.MethodPost && req.Method != http.MethodPut {
		return &failure{http.StatusMethodNotAllowed, fmt.Errorf("%w: neither POST nor PUT", jushuitan.ErrRequest)}
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
		return nil, badRequest(errors.New("duplicate parameter in the query"))
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
	if err := r.in.InTime(env.TS); err != nil {
		return nil, &failure{http.StatusForbidden, err}
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

// notRead is the answer to a body that could not be read.
func notRead(err error) *failure {
	switch {
	case errors.Is(err, jushuitan.ErrTooLarge):
		return &failure{http.StatusRequestEntityTooLarge, err}
	case errors.Is(err, receive.ErrLate):
		return &failure{http.StatusRequestTimeout, err}
	}
	return &failure{http.StatusBadRequest, err}
}

func badRequest(err error) *failure {
	return &failure{http.StatusBadRequest, fmt.Errorf("%w: %w", jushuitan.ErrRequest, err)}
}

func noFunction() *failure {
	return &failure{http.StatusNotImplemented, ErrNoFunction}
}
