package jushuitantest

import (
	"crypto/subtle"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The codes that the server answers. 10004 for a wrong method or path is an
// assumption: the code was reported without its text.
const (
	codeOK            = 0
	codeSign          = 10
	codeToken         = 100
	codeIP            = 110
	codeBadData       = 130
	codeTimestamp     = 140
	codeNoRefresh     = 150
	codeIntegrity     = 170
	codePermission    = 190
	codeTooManySecond = 199
	codeTooManyMinute = 200
	codeNoSuchAPI     = 10004
	codeMissing       = 10015
	codeSelfBuiltOnly = 21024
)

// maxRequest limits the size of a request body.
const maxRequest = 16 << 20

// contentType is the content type of JSON answers.
const contentType = "application/json; charset=utf-8"

// answer is the answer of an operation before it is encoded.
type answer struct {
	code    int64
	msg     string
	payload any            // at the place stated in the catalog
	raw     jsontext.Value // or the whole body
}

func done(payload any) answer { return answer{msg: "执行成功", payload: payload} }

func refuse(code int64, format string, args ...any) answer {
	return answer{code: code, msg: fmt.Sprintf(format, args...)}
}

// refused is the result of a check; nil passes.
func refused(code int64, format string, args ...any) *answer {
	a := refuse(code, format, args...)
	return &a
}

// exchange is a request in progress.
type exchange struct {
	*fakeserver.Exchange
	s        *Server
	arrived  time.Time
	form     url.Values
	merchant string
	isToken  bool
	fault    *Fault
	speech   *speech // of the dialects at its path, nil for none
	delayed  bool
	made     bool // it passed the checks of the protocol and was carried out or refused by the operation
	code     int64
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, arrived: s.Now()}
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	x.Exchange = s.host.Begin(w, r, x.record)
	defer x.End()
	_, x.isToken = tokenEndpoint(r.URL.Path)
	x.speech = s.speechAt(r.URL.Path, x.isToken)
	early := x.read()
	delay, fault := s.faults.Pick(x.metBy)
	x.fault, x.delayed = fault, delay > 0
	x.Delay(s.cfg.latency + delay)
	if fault != nil && x.insteadOf() {
		return
	}
	op := s.ops.byPath[r.URL.Path]
	if early != nil {
		x.send(op, *early)
		return
	}
	if x.gatewayPage(op) {
		return
	}
	x.send(op, x.handle(op))
}

// metBy reports whether a fault affects the request.
func (x *exchange) metBy(f Fault) bool {
	return f.Path == x.s.ops.canonical(x.R.URL.Path) || f.Path == "" && !x.isToken
}

// record adds the request to the log and the counters.
func (x *exchange) record() {
	rec := RequestRecord{Time: x.arrived, Path: x.R.URL.Path, Merchant: x.merchant, Code: x.code, Status: x.Status}
	switch {
	case x.fault != nil:
		rec.Fault = x.fault.Kind
	case x.delayed:
		rec.Fault = Slow
	}
	x.s.record(rec, x.isToken)
}

// read reads the form.
func (x *exchange) read() *answer {
	r := x.R
	r.Body = http.MaxBytesReader(x.W, r.Body, maxRequest)
	if r.Method != http.MethodPost {
		return refused(codeNoSuchAPI, "请求方式错误：只支持 POST")
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return refused(codeNoSuchAPI, "Content-Type 错误：应为 application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return refused(codeBadData, "请求表单无法解析")
	}
	x.form = r.PostForm
	if tok := x.form.Get("access_token"); tok != "" {
		if c := x.s.auth.owner(tok); c != nil {
			x.merchant = c.name
		}
	}
	return nil
}

// handle checks a request in the order of the real gateway and executes it.
func (x *exchange) handle(op *operation) answer {
	endpoint, isToken := tokenEndpoint(x.R.URL.Path)
	if op == nil && !isToken {
		return refuse(codeNoSuchAPI, "接口不存在：%s，最接近的是 %s", x.R.URL.Path, x.s.ops.nearest(x.R.URL.Path))
	}
	needed := []string{"app_key", "access_token", "timestamp", "charset", "version", "biz", "sign"}
	if isToken {
		needed = tokenParams(endpoint)
	}
	if a := x.checkSigned(needed); a != nil {
		return *a
	}
	if isToken {
		if a := x.checkIP(); a != nil {
			return *a
		}
		return x.s.auth.answer(endpoint, x.form)
	}
	token := x.form.Get("access_token")
	c, why := x.s.auth.check(token, x.s.Now())
	if c == nil {
		return refuse(codeToken, "%s", why)
	}
	if v := x.form.Get("version"); v != "2" {
		return refuse(codeBadData, "参数 version 应为 2")
	}
	if a := x.checkIP(); a != nil {
		return *a
	}
	if x.s.isDenied(op.Path) {
		return refuse(codePermission, "没有该接口的调用权限：%s", op.Path)
	}
	if code, msg := x.s.quota.take(token, op.Path, x.s.Now(), x.speech != nil && x.speech.counts); code != 0 {
		return refuse(code, "%s", msg)
	}
	return x.operate(op, c)
}

// checkSigned checks the common part of token calls and business calls.
func (x *exchange) checkSigned(needed []string) *answer {
	app := x.s.cfg.app
	if key := x.form.Get("app_key"); key != "" && key != app.AppKey {
		return refused(codeSign, "app_key 不存在")
	}
	for _, name := range needed {
		if name != "access_token" && x.form.Get(name) == "" {
			return refused(codeMissing, "缺少参数 %s", name)
		}
	}
	params := make(map[string]string, len(x.form))
	for name, values := range x.form {
		if len(values) > 1 {
			return refused(codeSign, "sign错误：参数 %s 重复", name)
		}
		params[name] = values[0]
	}
	want := jushuitan.Sign(app.AppSecret, params)
	if subtle.ConstantTimeCompare([]byte(want), []byte(params["sign"])) != 1 {
		return refused(codeSign, "sign错误：签名不匹配")
	}
	sec, err := strconv.ParseInt(params["timestamp"], 10, 64)
	if err != nil {
		return refused(codeTimestamp, "timestamp 无效：应为 10 位秒级时间戳")
	}
	if !x.s.clock.Accepts(time.Unix(sec, 0)) {
		return refused(codeTimestamp, "timestamp 无效：时间戳与服务器时间相差超过10分钟")
	}
	return nil
}

func (x *exchange) checkIP() *answer {
	if x.s.cfg.allow == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(x.R.RemoteAddr)
	if err == nil {
		if addr, err := netip.ParseAddr(host); err == nil {
			for _, p := range x.s.cfg.allow {
				if p.Contains(addr.Unmap()) {
					return nil
				}
			}
		}
	}
	return refused(codeIP, "调用方 IP 不在白名单内")
}

func (s *Server) isDenied(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denied[path]
}

// operate validates biz and executes the operation.
func (x *exchange) operate(op *operation, c *Company) answer {
	biz := jsontext.Value(x.form.Get("biz"))
	q := &call{op: op, biz: biz}
	if x.fault != nil && x.fault.Kind == PageDrift {
		q.drift = true
	}
	if a := op.check(q); a != nil {
		return *a
	}
	x.made = true
	if op.handler == nil {
		return sample(op, q)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = stamp(x.s.Now())
	q.speech, q.hides = x.speech, c.hides(x.speech)
	return op.handler(c, q)
}

// body encodes an answer as JSON.
func (x *exchange) body(op *operation, a answer) ([]byte, error) {
	if a.raw != nil {
		return a.raw, nil
	}
	root := map[string]any{"code": a.code, "msg": a.msg, "request_id": x.s.nextRequestID()}
	payload := ""
	if op != nil {
		payload = op.Payload
		if op.hasFlag {
			root["issuccess"] = a.code == codeOK
		}
	}
	switch {
	case a.code != codeOK:
		root["data"] = nil
	case payload == "data.data":
		root["data"] = map[string]any{"data": a.payload}
	case payload == "" && a.payload != nil:
		if m, ok := a.payload.(map[string]any); ok {
			for k, v := range m {
				root[k] = v
			}
			break
		}
		root["data"] = a.payload
	default:
		root["data"] = a.payload
	}
	return wire.MarshalExact(root)
}

func (s *Server) nextRequestID() string { return fmt.Sprintf("fake-%06d", s.requestNo.Add(1)) }

// send writes the answer, altered by a fault if there is one.
func (x *exchange) send(op *operation, a answer) {
	x.code = a.code
	body, err := x.body(op, a)
	if err == nil {
		body, err = x.speak(op, x.made, body)
	}
	if err != nil {
		x.Fail(http.StatusInternalServerError, "jushuitantest: answer not encodable: "+err.Error())
		return
	}
	if x.fault != nil {
		if body = x.distort(op, body); body == nil {
			return
		}
	}
	x.finish(body)
}

func trimPath(path string) string { return strings.TrimRight(path, "/") }
