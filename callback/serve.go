package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// success is the answer that most receivers give; no other is known to be taken.
const success = `{"code":"0","msg":"执行成功"}`

// cst is China Standard Time, without need of a time zone database.
var cst = time.FixedZone("CST", 8*60*60)

// A failure is an answer and its reason, which the answer does not show.
type failure struct {
	status int
	msg    string // for the ERP
	err    error  // for the host
}

// A kind of message. Its deliver, nil without a function of the host, reads the
// JSON and calls the function.
type kind struct {
	method  jushuitan.PushMethod
	deliver func(ctx context.Context, env Envelope, doc []byte) *failure
}

func kindOf[P any](
	method jushuitan.PushMethod,
	parse func(body []byte) (*P, error),
	function func(ctx context.Context, env Envelope, p *P) error,
) kind {
	k := kind{method: method}
	if function == nil {
		return k
	}
	k.deliver = func(ctx context.Context, env Envelope, doc []byte) *failure {
		p, err := parse(doc)
		switch {
		case errors.Is(err, ErrUnknownAction):
			return &failure{http.StatusUnprocessableEntity, "未知的售后操作", err}
		case err != nil:
			return &failure{http.StatusBadRequest, "消息内容无法识别", err}
		}
		if err := call(ctx, env, p, function); err != nil {
			return &failure{http.StatusInternalServerError, "处理失败", err}
		}
		return nil
	}
	return k
}

// call calls the function and turns a panic into an error.
func call[P any](ctx context.Context, env Envelope, p *P, function func(context.Context, Envelope, *P) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return function(ctx, env, p)
}

func parseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	p, err := jushuitan.ParseGoodsReturnedPush(body)
	if err == nil && !p.Action.Known() {
		return nil, ErrUnknownAction
	}
	return p, err
}

// byPath is the kind that the end of a path names, as DianJia's URLs do, or nil.
func (r *Receiver) byPath(p string) *kind {
	switch path.Base(p) {
	case "delivery_callback":
		return &r.shipment
	case "cancal_callback":
		return &r.cancel
	case "return_goods_callback":
		return &r.goodsReturned
	case "stock_callback":
		return &r.stock
	}
	return nil
}

// byMethod is the kind that the parameter method names, or nil.
func (r *Receiver) byMethod(method string) *kind {
	for _, k := range []*kind{&r.shipment, &r.cancel, &r.goodsReturned, &r.stock} {
		if string(k.method) == method {
			return k
		}
	}
	return nil
}

// serve handles a request, whose URL is for the kind k, or for any where k is nil.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, k *kind) {
	env := Envelope{RemoteAddr: req.RemoteAddr}
	if k != nil {
		env.Method = k.method
	}
	f := r.receive(w, req, k, &env)
	if f == nil {
		answer(w, http.StatusOK, success)
		return
	}
	if r.onError != nil {
		what := "push"
		if env.Method != "" {
			what += " " + string(env.Method)
		}
		r.onError(req.Context(), env, fmt.Errorf("callback: %s: %w", what, f.err))
	}
	if f.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, POST, PUT")
	}
	answer(w, f.status, `{"code":"-1","msg":"`+f.msg+`"}`)
}

// receive does all but answer: it gives nil where success is to be answered.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, k *kind, env *Envelope) *failure {
	if k != nil && k.deliver == nil {
		return noFunction()
	}
	if req.Method == http.MethodGet {
		return nil // a probe
	}
	body, f := readBody(w, req, r.maxBody)
	if f != nil {
		return f
	}
	text := trim(body)
	if len(text) == 0 {
		return nil // a probe
	}
	env.Raw = body
	if req.Method != http.MethodPost && req.Method != http.MethodPut {
		return &failure{http.StatusMethodNotAllowed, "请使用 POST", fmt.Errorf("%w: neither POST nor PUT", ErrRequest)}
	}
	k, f = r.readQuery(req.URL.RawQuery, k, env)
	if f != nil {
		return f
	}
	doc, err := document(text)
	if err != nil {
		return badRequest(err)
	}
	return k.deliver(req.Context(), *env, doc)
}

// readQuery fills the envelope, finds the kind and checks the checksum.
func (r *Receiver) readQuery(raw string, k *kind, env *Envelope) (*kind, *failure) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest(errors.New("the query cannot be read"))
	}
	for _, values := range query {
		if len(values) > 1 {
			return nil, badRequest(errors.New("a parameter of the query stands twice"))
		}
	}
	env.EntID, env.StorageCode, env.Type = query.Get("entId"), query.Get("storageCode"), query.Get("type")
	named := r.byMethod(query.Get("method"))
	switch {
	case k == nil && named == nil:
		return nil, &failure{http.StatusNotFound, "未知的消息类型", fmt.Errorf("%w: neither the parameter method nor the path names a known one", ErrKind)}
	case k == nil:
		k = named
	case query.Has("method") && named != k:
		return nil, &failure{http.StatusBadRequest, "消息类型与地址不符", fmt.Errorf("%w: the parameter method names another one than the URL", ErrKind)}
	}
	env.Method = k.method
	if k.deliver == nil {
		return nil, noFunction()
	}
	if env.TS, err = timestamp(query.Get("ts")); err != nil {
		return nil, badRequest(err)
	}
	form, ok := pushsign.Valid(string(k.method), raw, query.Get("sign"))
	env.ChecksumForm = form
	if !ok && !r.skipChecksum {
		reason := "the parameter sign matches no known way of signing"
		if query.Get("sign") == "" {
			reason = "the parameter sign is missing"
		}
		return nil, &failure{http.StatusForbidden, "签名校验失败", fmt.Errorf("%w: %s", ErrChecksum, reason)}
	}
	return k, nil
}

// document is the JSON of a body: the body itself, or the biz of a form. The
// content type is not looked at, since no source says what the ERP sends.
func document(text []byte) ([]byte, error) {
	if text[0] == '{' || text[0] == '[' {
		return text, nil
	}
	form, err := url.ParseQuery(string(text))
	if err != nil || len(form["biz"]) != 1 {
		return nil, errors.New("the body is neither JSON nor a form with one biz")
	}
	return []byte(form.Get("biz")), nil
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
		return time.Unix(int64(n), 0).In(cst), nil
	}
	return time.UnixMilli(int64(n)).In(cst), nil
}

// readBody reads the body up to the limit, until the request's context ends.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, *failure) {
	if req.Body == nil {
		return nil, nil
	}
	ctx := req.Context()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // not every server can
	})
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	if !stop() {
		<-ended // w must not be used after the handler returned
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, &failure{http.StatusRequestEntityTooLarge, "消息内容过大", fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return nil, badRequest(fmt.Errorf("the body did not arrive whole: %w", err))
	}
	w.Header().Set("Connection", "close") // the rest of the body is still to come
	return nil, &failure{http.StatusRequestTimeout, "消息接收超时", fmt.Errorf("%w: the body did not arrive in time: %w", ErrRequest, err)}
}

// trim removes blanks and a byte order mark.
func trim(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
}

func badRequest(err error) *failure {
	return &failure{http.StatusBadRequest, "请求无法识别", fmt.Errorf("%w: %w", ErrRequest, err)}
}

func noFunction() *failure {
	return &failure{http.StatusNotImplemented, "未接入该消息", ErrNoFunction}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
