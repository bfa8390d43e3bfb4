package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The results of an operation.
const (
	resultRows     = "rows"      // answered with rows, whose members were compared
	resultEmpty    = "no rows"   // answered, but nothing can be said about its rows
	resultDenied   = "denied"    // the app has no permission
	resultRefused  = "refused"   // the service did not accept the request
	resultFailed   = "failed"    // no answer that can be used
	resultNotTried = "not tried" // and why
)

// result is what became of an operation.
type result struct {
	Name     string     `json:"operation"`
	Path     string     `json:"path"`
	Title    string     `json:"title"`
	Result   string     `json:"result"`
	Code     int64      `json:"code,omitempty"`
	Why      string     `json:"why,omitempty"`
	Calls    int        `json:"calls"`
	Rows     int        `json:"rows"`
	Took     int64      `json:"took_ms"` // of the first call, without the wait for the quota
	Findings []*finding `json:"findings,omitempty"`
	Missing  []string   `json:"missing,omitempty"` // documented members that no answer had

	op      *catalog.Operation
	answers []*answer
	sent    []request // of the answers, nil where an attempt was repeated
	pages   pages
	unread  string // why a page after the first was not read
}

// verifier calls the reads of an account.
type verifier struct {
	client *jushuitan.Client
	guard  *guard
	ops    []*catalog.Operation
	ids    *idBook
	now    func() time.Time
	say    func(done, of int, r *result) // after each operation
	slow   func(op *catalog.Operation)   // while an operation takes longer than patience; called from another goroutine

	patience time.Duration
	reached  bool // the service has answered
	silent   int  // operations in succession that had no answer

	mu       sync.Mutex
	drift    []jushuitan.Drift
	attempts []jushuitan.Attempt
}

func newVerifier(ops []*catalog.Operation) *verifier {
	return &verifier{
		guard: newGuard(ops), ops: reads(ops), ids: newIDBook(), now: time.Now,
		say: func(int, int, *result) {}, slow: func(*catalog.Operation) {}, patience: 2 * time.Second,
	}
}

// options are those of the client: it sends reads only, and what it notices is kept.
func (v *verifier) options() []jushuitan.Option {
	return []jushuitan.Option{
		jushuitan.WithHTTPClient(v.guard.client()),
		jushuitan.WithOnDrift(func(d jushuitan.Drift) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.drift = append(v.drift, d)
		}),
		jushuitan.WithHook(jushuitan.Hook{After: func(_ context.Context, a jushuitan.Attempt) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.attempts = append(v.attempts, a)
		}}),
	}
}

// reads returns the operations that are called.
func reads(ops []*catalog.Operation) []*catalog.Operation {
	var out []*catalog.Operation
	for _, op := range ops {
		if op.Effect == "read" && op.Go.Method != "" && !op.Go.Auth {
			out = append(out, op)
		}
	}
	return out
}

// run calls every operation. Those that lack an id are called at the end, if another answer
// had it. The error is that of the account, or of the context; the results are complete
// either way.
func (v *verifier) run(ctx context.Context) (results []*result, err error) {
	results = make([]*result, len(v.ops))
	done := 0
	finish := func(i int, r *result) {
		done++
		results[i] = r
		v.say(done, len(v.ops), r)
	}
	var later []int
	for i, op := range v.ops {
		if err != nil {
			break
		}
		var r *result
		switch r, err = v.operation(ctx, op); {
		case r == nil: // interrupted
		case err == nil && r.Result == resultNotTried:
			later = append(later, i)
			results[i] = r
		default:
			finish(i, r)
		}
	}
	for _, i := range later {
		if err != nil {
			break
		}
		var r *result
		if r, err = v.operation(ctx, v.ops[i]); r != nil {
			finish(i, r)
		}
	}
	if err == nil && len(results) > 0 {
		err = v.refusals(ctx, results)
	}
	why := "interrupted"
	if err != nil && ctx.Err() == nil {
		why = "the account cannot call"
	}
	for i, r := range results {
		if r == nil {
			results[i] = v.newResult(v.ops[i])
			results[i].Result, results[i].Why = resultNotTried, why
		}
	}
	return results, err
}

func (v *verifier) newResult(op *catalog.Operation) *result {
	return &result{Name: op.Name(), Path: op.Path, Title: op.TitleZH, op: op}
}

// charged is in the titles of operations that cost money.
const charged = "收费"

// fatal are the failures that every further call would have too.
var fatal = []error{jushuitan.ErrSign, jushuitan.ErrTokenExpired, jushuitan.ErrReauthorize, jushuitan.ErrIPNotAllowed, jushuitan.ErrTimestamp}

// mostSilent is after how many operations without any answer, in succession, no further one is
// called. Before the first answer, one is enough.
const mostSilent = 3

// unreachable reports whether the service no longer answers at all.
func (v *verifier) unreachable(r *result, err error) bool {
	if len(r.answers) > 0 || !errors.Is(err, jushuitan.ErrUnavailable) {
		v.reached, v.silent = v.reached || len(r.answers) > 0, 0
		return false
	}
	v.silent++
	return !v.reached || v.silent >= mostSilent
}

func isFatal(err error) bool {
	return slices.ContainsFunc(fatal, func(class error) bool { return errors.Is(err, class) })
}

// operation calls one read as often as it takes to compare its rows and its pages. The error
// means that no further operation can be called; without a result, that the run was
// interrupted.
func (v *verifier) operation(ctx context.Context, op *catalog.Operation) (*result, error) {
	r := v.newResult(op)
	biz, lacking := smallest(op, v.now(), v.ids)
	switch {
	case strings.Contains(op.TitleZH, charged):
		r.Result, r.Why = resultNotTried, "the service charges for each call 按次收费"
		return r, nil
	case lacking != "":
		r.Result, r.Why = resultNotTried, "no answer had a value for "+lacking
		return r, nil
	}
	defer time.AfterFunc(v.patience, func() { v.slow(op) }).Stop()
	p, err := v.first(ctx, r, biz)
	if err == nil && len(p.keys) > 0 && op.Paging != nil && op.Paging.Index != "" {
		r.unread, err = v.pages(ctx, r, biz, p)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v.judge(r, err)
	if isFatal(err) || v.unreachable(r, err) {
		return r, err
	}
	return r, nil
}

// first asks for one row: in the time range, also by an id if the service demands both, and by
// row version if nothing changed in the time range.
func (v *verifier) first(ctx context.Context, r *result, biz request) (*page, error) {
	p, err := v.ask(ctx, r, biz)
	if errors.Is(err, jushuitan.ErrInvalid) && withIDs(r.op, biz, v.ids) {
		p, err = v.ask(ctx, r, biz)
	}
	if err == nil && len(p.keys) == 0 && r.op.Cursor != nil && r.op.Paging != nil {
		if again, failed := v.ask(ctx, r, fromStart(r.op)); failed == nil && len(again.keys) > 0 {
			p = again
		}
	}
	return p, err
}

// judge sets the result of an operation by the error of its last call and its answers.
func (v *verifier) judge(r *result, err error) {
	s := inspect(r.op, r.answers...)
	s.paging(&r.pages)
	if r.unread != "" {
		s.add(kindPages, "", "", r.unread, nil)
	}
	r.Rows = s.rows
	v.noted(s)
	e, _ := errors.AsType[*jushuitan.Error](err)
	switch {
	case err == nil && s.rows > 0, err == nil && r.op.Rows == "" && s.full():
		r.Result = resultRows
	case err == nil:
		r.Result = resultEmpty
	case errors.Is(err, jushuitan.ErrPermission):
		r.Result = resultDenied
	case errors.Is(err, jushuitan.ErrInvalid):
		r.Result = resultRefused
	default:
		r.Result = resultFailed
		if e == nil || errors.Is(err, jushuitan.ErrDecode) {
			s.add(kindReading, "", "", "the SDK cannot read the answer", nil)
		}
	}
	if err != nil {
		r.Why = v.reason(err)
	}
	if e != nil {
		r.Code = e.Code
	}
	r.Findings = s.sorted()
	if r.Result == resultRows {
		r.Missing = s.missing()
	}
}

// reason returns why a call failed, without ids: the class, and what the service said.
func (v *verifier) reason(err error) string {
	e, ok := errors.AsType[*jushuitan.Error](err)
	if !ok {
		return "the rows cannot be used"
	}
	for _, class := range append([]error{
		jushuitan.ErrPaging, jushuitan.ErrPermission, jushuitan.ErrInvalid, jushuitan.ErrRateLimited, jushuitan.ErrUnavailable, jushuitan.ErrDecode,
	}, fatal...) {
		if errors.Is(err, class) {
			return said(class.Error(), redact.Text(e.Msg, v.ids.texts()...))
		}
	}
	return "no answer"
}

func said(what, msg string) string {
	if msg == "" {
		return what
	}
	return fmt.Sprintf("%s: %q", what, msg)
}

// noted adds what the SDK noticed while it read the answers and the comparison did not: values
// that it keeps but cannot read.
func (v *verifier) noted(s *shape) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, d := range v.drift {
		if d.Op == s.op.Name() && d.Kind == jushuitan.Unreadable {
			s.add(kindUnread, d.Path, "", "a value that the SDK keeps and cannot read", nil)
		}
	}
}

// ask sends one request, keeps its answers, and returns the page in the last of them.
func (v *verifier) ask(ctx context.Context, r *result, biz request) (*page, error) {
	v.guard.take()
	err := invoke(ctx, v.client, r.op, biz)
	got := v.guard.take()
	r.Calls += len(got)
	for _, a := range got {
		r.answers = append(r.answers, a)
		r.sent = append(r.sent, biz)
		if len(r.answers) == 1 {
			r.Took = a.Got.Sub(a.Sent).Milliseconds()
		}
	}
	if len(got) == 0 {
		return &page{}, err
	}
	return v.read(r.op, got[len(got)-1]), err
}

// read reads the page in an answer, and keeps its ids.
func (v *verifier) read(op *catalog.Operation, a *answer) *page {
	text, _, _ := plain(a.Body)
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&root) != nil {
		return &page{}
	}
	v.ids.walk("", root)
	return pageOf(op, root)
}

// refusals sends two requests that the documentation rules out: a longer time range, and
// another page size. How they are refused shows how refusals are spelled.
func (v *verifier) refusals(ctx context.Context, results []*result) error {
	long := func(op *catalog.Operation) (request, string) {
		if op.Window == nil || op.Window.Days == 0 {
			return nil, ""
		}
		biz, lacking := smallest(op, v.now(), v.ids)
		if lacking != "" {
			return nil, ""
		}
		n := op.Window.Days + 1
		setRange(biz, op.Window.Begin, op.Window.End, v.now(), n)
		return biz, fmt.Sprintf("a time range of %d days, documented maximum %d", n, op.Window.Days)
	}
	size := func(op *catalog.Operation) (request, string) {
		if op.Path != "/open/webapi/aftersaleapi/getasexpress" {
			return nil, ""
		}
		return request{"page_index": 1, "page_size": 1}, "a page size of 1, documented 100, 200 or 500"
	}
	for _, probe := range []func(*catalog.Operation) (request, string){long, size} {
		for _, r := range results {
			biz, what := probe(r.op)
			if biz == nil || r.Result != resultRows && r.Result != resultEmpty {
				continue
			}
			if err := v.refusal(ctx, r, biz, what); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// usualRefusal is the code of requests that are refused for their content.
const usualRefusal = 130

func (v *verifier) refusal(ctx context.Context, r *result, biz request, what string) error {
	v.guard.take()
	var out json.RawMessage
	err := v.client.Call(ctx, r.op.Path, biz, &out)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	got := v.guard.take()
	r.Calls += len(got)
	s := inspect(r.op, got...)
	e, _ := errors.AsType[*jushuitan.Error](err)
	switch {
	case s.inner: // the finding says so
	case err == nil:
		s.add(kindRefusal, "", what, "accepted", nil)
	case e == nil || e.Code == 0 || len(got) == 0:
		s.add(kindRefusal, "", what, "refused without a code", nil)
	case e.Code != usualRefusal:
		s.add(kindRefusal, "", fmt.Sprintf("code %d for a request refused for its content", usualRefusal), fmt.Sprintf("code %d", e.Code), nil)
	}
	for _, f := range s.sorted() {
		if !slices.ContainsFunc(r.Findings, func(o *finding) bool { return *o == *f }) {
			r.Findings = append(r.Findings, f)
		}
	}
	return nil
}

// invoke calls the method of an operation with a request, as a program that uses the SDK does.
func invoke(ctx context.Context, client *jushuitan.Client, op *catalog.Operation, biz request) error {
	method := reflect.ValueOf(client).Elem().FieldByName(op.Go.Service).MethodByName(op.Go.Method)
	args := []reflect.Value{reflect.ValueOf(ctx)}
	if method.Type().NumIn() == 2 {
		text, err := json.Marshal(biz)
		if err != nil {
			return err
		}
		arg := reflect.New(method.Type().In(1))
		if err := wire.Unmarshal(text, arg.Interface()); err != nil {
			return err
		}
		args = append(args, arg.Elem())
	}
	out := method.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// offset returns how far the server's clock is ahead of this one, and whether answers show it.
// The Date header has whole seconds, and the half second that it lacks on average is added.
func offset(answers []*answer) (time.Duration, bool) {
	var all []time.Duration
	for _, a := range answers {
		if !a.Date.IsZero() {
			middle := a.Sent.Add(a.Got.Sub(a.Sent) / 2)
			all = append(all, a.Date.Add(500*time.Millisecond).Sub(middle))
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.SortFunc(all, cmp.Compare)
	return all[len(all)/2], true
}
