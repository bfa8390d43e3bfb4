package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// success is the usual acknowledgement; no other is known to be accepted.
const success = `{"code":"0","msg":"执行成功"}`

const contentType = "application/json; charset=utf-8"

// A failure is an answer and its reason, which the answer does not show.
type failure struct {
	status int // 0: the host's function failed
	err    error
	byHost bool // the error is that of the host's function
}

func fail(status int, err error) *failure { return &failure{status: status, err: err} }

// A kind of message. Its handle, nil without a function of the host, decodes the JSON
// and calls the function, unless the message was handled before.
type kind struct {
	method jushuitan.PushMethod
	path   string // last element of the path of DianJia's URL
	handle func(ctx context.Context, env *Envelope, doc []byte) (Outcome, *failure)
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
	if function != nil {
		remembered := row.Record != nil && r.in.Active()
		k.handle = func(ctx context.Context, env *Envelope, doc []byte) (Outcome, *failure) {
			p, err := parse(doc)
			switch {
			case errors.Is(err, ErrUnknownAction):
				return Refused, fail(http.StatusUnprocessableEntity, err)
			case err != nil:
				return Refused, fail(http.StatusBadRequest, err)
			}
			run := guarded(r, env, p, function)
			if !remembered {
				return outcomeOf(dedupe.Ran, run(ctx, false))
			}
			return outcomeOf(r.in.Handle(ctx, env, r.event(env, M(p)), run))
		}
	}
	r.kinds = append(r.kinds, k)
}

// outcomeOf returns the outcome of a message that was decoded.
func outcomeOf(out dedupe.Outcome, err error) (Outcome, *failure) {
	switch {
	case errors.Is(err, errAllStale):
		return Stale, nil
	case errors.Is(err, errFuture):
		return Refused, fail(http.StatusUnprocessableEntity, err)
	case err != nil:
		f := fail(0, err)
		f.byHost = out == dedupe.Ran && !errors.Is(err, errTurn)
		return Failed, f
	}
	switch out {
	case dedupe.Repeat:
		return Repeat, nil
	case dedupe.Stale:
		return Stale, nil
	}
	return Handled, nil
}

// byPath returns the kind that the last element of a path names, or nil.
func (r *Receiver) byPath(p string) *kind {
	end := path.Base(p)
	for i := range r.kinds {
		if r.kinds[i].path == end {
			return &r.kinds[i]
		}
	}
	return nil
}

// byMethod returns the kind that the parameter method names, or nil.
func (r *Receiver) byMethod(method string) *kind {
	for i := range r.kinds {
		if string(r.kinds[i].method) == method {
			return &r.kinds[i]
		}
	}
	return nil
}

// serve handles a request to a URL of kind k, or of any kind if k is nil.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, k *kind) {
	env := Envelope{RemoteAddr: req.RemoteAddr, Source: r.in.Source(req)}
	if k != nil {
		env.Method = k.method
	}
	out, f := r.receive(w, req, k, &env)
	if f == nil {
		r.tell(req.Context(), env, Result{Outcome: out})
		receive.Answer(w, http.StatusOK, contentType, success)
		return
	}
	r.report(req.Context(), env, f.err)
	r.tell(req.Context(), env, Result{Outcome: out, Reason: reasonOf(f), Err: f.err})
	switch f.status {
	case 0:
		receive.Answer(w, r.cfg.FailureStatus, contentType, r.failed)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, POST, PUT")
	}
	receive.Answer(w, f.status, contentType, r.refuse)
}

// drained is the largest body that the server may read after a refusal, so that the connection
// stays usable. For larger bodies it would have to wait too long.
const drained = 64 << 10

func unread(w http.ResponseWriter, req *http.Request, f *failure) (Outcome, *failure) {
	if req.ContentLength < 0 || req.ContentLength > drained {
		w.Header().Set("Connection", "close")
	}
	return Refused, f
}

// tell passes the result of a request to OnResult.
func (r *Receiver) tell(ctx context.Context, env Envelope, res Result) {
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(ctx, env, res)
	}
}

// report passes the reason of a failure to OnError.
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

// receive does everything but answer. Without a failure, success is to be answered.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, k *kind, env *Envelope) (Outcome, *failure) {
	if err := r.in.FromSource(env.Source); err != nil {
		return Refused, fail(http.StatusForbidden, err)
	}
	if k != nil && k.handle == nil {
		return Refused, noFunction()
	}
	// The query is checked before the body is read: without a token, only as much is read
	// as is needed to recognize a probe.
	k, probe, refused := r.readQuery(req, k, env)
	if probe && isBlank(w, req, r) {
		return Probe, nil
	}
	switch {
	case refused != nil:
		return unread(w, req, refused)
	case req.Method != http.MethodPost && req.Method != http.MethodPut:
		return unread(w, req, fail(http.StatusMethodNotAllowed, fmt.Errorf("%w: neither POST nor PUT", jushuitan.ErrRequest)))
	}
	if err := r.budget.take(env.EntID, r.in.Now); err != nil {
		return unread(w, req, fail(http.StatusTooManyRequests, err))
	}
	body, err := r.in.Body(w, req, r.in.MaxBody())
	if err != nil {
		return Refused, notRead(err)
	}
	env.Raw = body
	text := receive.Trim(body)
	if len(text) == 0 {
		return Refused, badRequest(errors.New("a push without a body"))
	}
	doc, err := document(text)
	if err != nil {
		return Refused, badRequest(err)
	}
	return k.handle(req.Context(), env, doc)
}

// isBlank reports whether a GET or POST has no body at all, of which it reads at most one
// byte where the length is not announced.
func isBlank(w http.ResponseWriter, req *http.Request, r *Receiver) bool {
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodPost || req.ContentLength > 0:
		return false
	case req.ContentLength == 0 || req.Body == nil || req.Body == http.NoBody:
		return true
	}
	whole := req.Body
	req.Body = &readAgain{io.LimitReader(whole, 1), whole}
	body, err := r.in.Body(w, req, 1)
	req.Body = &readAgain{io.MultiReader(bytes.NewReader(body), whole), whole}
	return err == nil && len(body) == 0
}

// readAgain is a body that is read otherwise than from its beginning to its end.
type readAgain struct {
	io.Reader
	io.Closer
}

// filled reports whether a query has what the ERP adds to the registered URL of a push.
func filled(query pushsign.Params) bool {
	return query.Get("sign") != "" || query.Get("ts") != "" || query.Get("method") != "" || query.Get("partnerid") != ""
}

// readQuery fills the envelope, finds the kind and verifies the sender. It reports whether
// the query is that of a registered URL alone, so that the request may be a probe.
func (r *Receiver) readQuery(req *http.Request, k *kind, env *Envelope) (_ *kind, probe bool, _ *failure) {
	var room [pushsign.Few][2]string
	query, err := pushsign.Params(room[:0]).Append(req.URL.RawQuery)
	if err != nil {
		return nil, false, badRequest(errors.New("invalid query"))
	}
	probe = !filled(query)
	if query.Repeated(foreign...) {
		return nil, probe, badRequest(errors.New("duplicate parameter in the query"))
	}
	env.EntID, env.StorageCode, env.Type = query.Get("entId"), query.Get("storageCode"), query.Get("type")
	if r.cfg.MerchantOf != nil {
		env.EntID = r.cfg.MerchantOf(req)
	}
	method, hasMethod := query.Lookup("method")
	named := r.byMethod(method)
	switch {
	case k == nil && named == nil:
		return nil, probe, fail(http.StatusNotFound, fmt.Errorf("%w: neither the parameter method nor the path names a known kind", ErrKind))
	case k == nil:
		k = named
	case hasMethod && named != k:
		return nil, probe, fail(http.StatusBadRequest, fmt.Errorf("%w: the parameter method names a different kind than the URL", ErrKind))
	}
	env.Method = k.method
	if k.handle == nil {
		return nil, false, noFunction()
	}
	return k, probe, r.verify(query, env)
}

// verify verifies the merchant, the time and the sender of a message.
func (r *Receiver) verify(query pushsign.Params, env *Envelope) *failure {
	var err error
	if env.TS, err = timestamp(query.Get("ts")); err != nil {
		return badRequest(err)
	}
	if err := r.in.InTime(env.TS); err != nil {
		return fail(http.StatusForbidden, err)
	}
	if err := r.trust.check(query, env); err != nil {
		return fail(http.StatusForbidden, err)
	}
	if env.EntID == "" {
		return fail(http.StatusForbidden, ErrMerchant)
	}
	return nil
}

// timestamp parses Unix seconds or, if the number is too large for that, milliseconds.
func timestamp(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil || n > 1e14:
		return time.Time{}, errors.New("the parameter ts is not a Unix time")
	case n < 1e11:
		return time.Unix(int64(n), 0).In(wire.CST), nil
	}
	return time.UnixMilli(int64(n)).In(wire.CST), nil
}

// notRead returns the failure for a body that could not be read.
func notRead(err error) *failure {
	switch {
	case errors.Is(err, jushuitan.ErrTooLarge):
		return fail(http.StatusRequestEntityTooLarge, err)
	case errors.Is(err, receive.ErrLate):
		return fail(http.StatusRequestTimeout, err)
	}
	return fail(http.StatusBadRequest, err)
}

func badRequest(err error) *failure {
	return fail(http.StatusBadRequest, fmt.Errorf("%w: %w", jushuitan.ErrRequest, err))
}

func noFunction() *failure {
	return fail(http.StatusNotImplemented, ErrNoFunction)
}
