package qimentest

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// maxBody limits the size of the bodies of calls and of receivers' answers.
const maxBody = 16 << 20

// exchange is one call on its way through the gateway.
type exchange struct {
	*fakeserver.Exchange
	s      *Server
	params map[string]string // of the query and of a form
	body   []byte            // any other body
	method *qimen.Method     // a name alone where it is unknown
	format qimen.Format
	fault  *Fault
	shape  shape
	rec    RequestRecord
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, params: map[string]string{}, method: &qimen.Method{}, format: qimen.JSON}
	x.rec.Time = s.Now()
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	x.Exchange = s.host.Begin(w, r, x.record)
	defer x.End()
	if !strings.HasPrefix(r.URL.Path, "/router/") {
		x.Fail(http.StatusNotFound, "404 page not found")
		return
	}
	early := x.read()
	x.recognise()
	delay, fault := s.faults.Pick(x.metBy)
	if x.fault = fault; fault != nil {
		x.rec.Fault = fault.Kind
	} else if delay > 0 {
		x.rec.Fault = Slow
	}
	x.Delay(delay)
	var ban, page bool
	if x.shape, ban, page = s.speaks(x.method); fault != nil {
		x.shape = x.shape.with(shapes[fault.Kind])
	}
	switch {
	case fault != nil && x.insteadOf():
		return
	case page:
		x.HTMLPage()
		return
	case ban:
		x.send(banned(time.Second))
		return
	}
	if early != nil {
		x.send(early)
		return
	}
	if a := x.verify(); a != nil {
		x.send(a)
		return
	}
	x.send(x.dispatch())
}

// recognise finds the method that is called, and the format of the answer.
func (x *exchange) recognise() {
	name := x.params["method"]
	x.rec.Method = name
	if m, ok := qimen.LookupMethod(name); ok && (m.Name == name || m.Family == qimen.FamilyPOS && strings.HasPrefix(name, "taobao.")) {
		x.method, x.rec.Method = m, m.Name
	} else if x.method.Name = name; strings.HasPrefix(name, "taobao.qimen.") {
		x.method.Body = qimen.BodyXML
	}
	x.format = qimen.Format(x.params["format"])
	if !x.format.Known() {
		if x.format = qimen.JSON; x.method.Body == qimen.BodyXML {
			x.format = qimen.XML
		}
	}
}

// metBy reports whether the call is one that a fault is for.
func (x *exchange) metBy(f Fault) bool { return f.Method == "" || f.Method == x.method.Name }

// record adds the call to the log.
func (x *exchange) record() {
	x.rec.Status = x.Status
	x.s.log.Add(x.rec)
}

// read takes in query, form and body.
func (x *exchange) read() *answer {
	if x.R.Method != http.MethodPost && x.R.Method != http.MethodGet {
		return refuse(codeInvalid, "Invalid arguments:http method")
	}
	if a := x.add(x.R.URL.RawQuery); a != nil {
		return a
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.W, x.R.Body, maxBody))
	if err != nil {
		return refuse(codeInvalid, "Invalid arguments:body")
	}
	kind, _, _ := mime.ParseMediaType(x.R.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		return x.add(string(body))
	}
	x.body = body
	return nil
}

// add takes parameters in. Duplicates are refused.
func (x *exchange) add(raw string) *answer {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return refuse(codeInvalid, "Invalid arguments:encoding")
	}
	for name, all := range values {
		if _, twice := x.params[name]; twice || len(all) > 1 {
			return refuse(codeInvalid, "Invalid arguments:"+name)
		}
		x.params[name] = all[0]
	}
	return nil
}

// verify checks what all calls have in common.
func (x *exchange) verify() *answer {
	p := x.params
	if a := x.verifyPresent(); a != nil {
		return a
	}
	if a := x.verifySign(); a != nil {
		return a
	}
	stamp, err := time.ParseInLocation(wire.TimeLayout, p["timestamp"], wire.CST)
	if err != nil {
		return refuse(codeInvalid, "Invalid arguments:timestamp")
	}
	if !fakeserver.InTime(x.s.Now(), stamp) {
		return refuse(codeInvalid, "Invalid arguments:timestamp")
	}
	if v := p["v"]; v != "1.0" && v != "2.0" && v != "3.0" && (v != "" || !isLegacy(x.method.Name)) {
		return refuse(codeInvalid, "Invalid arguments:v")
	}
	if f := p["format"]; f != "" && !qimen.Format(f).Known() {
		return refuse(codeInvalid, "Invalid arguments:format")
	}
	return x.verifyRoute()
}

// verifyPresent checks that no system parameter is missing.
func (x *exchange) verifyPresent() *answer {
	if x.params["method"] == "" {
		return refuse(codeNoMethod, "Missing method")
	}
	for _, name := range []string{"app_key", "timestamp", "v", "sign"} {
		if x.params[name] == "" && (name != "v" || !isLegacy(x.method.Name)) {
			return refuse(codeMissing, "Missing required arguments:"+name)
		}
	}
	return nil
}

// verifySign checks the app and its signature.
func (x *exchange) verifySign() *answer {
	p := x.params
	algorithm := cmp.Or(qimen.SignMethod(p["sign_method"]), qimen.MD5)
	if !algorithm.Known() {
		return refuse(codeInvalid, "Invalid arguments:sign_method")
	}
	if p["app_key"] != x.s.cfg.appKey {
		return refuse(codeAppKey, "Invalid app Key")
	}
	bodies := [][]byte{x.body}
	if x.isCloud() && len(x.body) > 0 { // ignored: the parameters are form fields
		bodies = append(bodies, nil)
	}
	for _, body := range bodies {
		want, err := qimen.Sign(algorithm, x.s.cfg.appSecret, p, body)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(p["sign"])) == 1 {
			return nil
		}
	}
	return refuse(codeSign, "Invalid signature")
}

// verifyRoute checks the target app and the customer.
func (x *exchange) verifyRoute() *answer {
	p := x.params
	if x.isCloud() && !x.isTOP() {
		switch p["target_app_key"] {
		case "":
			return refuse(codeMissing, "Missing required arguments:target_app_key")
		case x.s.cfg.target:
		default:
			return refuse(codeInvalid, "Invalid arguments:target_app_key")
		}
	}
	if isLegacy(x.method.Name) {
		return nil
	}
	spelling := x.s.cfg.routing
	switch {
	case x.isTOP(): // has none as a rule
		x.rec.Customer = p["customerId"] + p["customer_id"] + p["customerid"]
		return nil
	case spelling != "":
	case x.isScene():
		spelling = "customer_id"
	case x.isCloud():
		spelling = "customerid"
	default:
		spelling = "customerId"
	}
	if x.rec.Customer = p[spelling]; x.rec.Customer == "" {
		return refuse(codeMissing, "Missing required arguments:"+spelling)
	}
	if _, ok := x.s.customer(x.rec.Customer); !ok {
		return refuse(codeInvalid, "Invalid arguments:"+spelling)
	}
	return nil
}

func isLegacy(method string) bool { return strings.HasPrefix(method, "jst.") }

func isRouting(name string) bool {
	return name == "customerId" || name == "customer_id" || name == "customerid"
}

// isScene reports whether Jushuitan answers a call.
func (x *exchange) isScene() bool {
	return isLegacy(x.method.Name) || strings.HasPrefix(x.method.Name, "jushuitan.")
}

// isCloud reports whether a call has its parameters in a form.
func (x *exchange) isCloud() bool { return x.method.Body == qimen.BodyForm }

// isTOP reports whether a method is one of the open platform itself.
func (x *exchange) isTOP() bool {
	return x.isCloud() && !x.isScene() && !strings.HasPrefix(x.method.Name, "qimen.")
}

// dispatch carries a call out.
func (x *exchange) dispatch() *answer {
	r := x.s.receiver(x.rec.Customer, x.method.Name)
	known := x.method.Family != ""
	switch {
	case x.isScene() && known:
		return x.scene()
	case !known && (r == nil || !slices.Contains(r.Methods, x.method.Name)): // also a standard method without its prefix
		return refuse(codeMethod, "Invalid method")
	case r != nil:
		x.rec.Forwarded = true
		return x.forward(r)
	case x.isTOP():
		return refuse(codePermission, "Insufficient app permissions")
	default: // an assumption
		return refuse(codeInvalid, "Invalid arguments:no URL is registered for the customer")
	}
}

// business is the parameters that are the method's own.
func (x *exchange) business() map[string]string {
	out := map[string]string{}
	for name, v := range x.params {
		switch name {
		case "method", "app_key", "timestamp", "v", "format", "sign", "sign_method", "session", "partner_id", "simplify", "target_app_key":
		default:
			if strings.TrimSpace(v) != "" && !isRouting(name) {
				out[name] = v
			}
		}
	}
	return out
}

// send writes the answer, or what a fault makes of it.
func (x *exchange) send(a *answer) {
	contentType := "application/json;charset=utf-8"
	if isXML(x.format) {
		contentType = "text/xml;charset=utf-8"
	}
	a.top = x.isTOP()
	if x.fault != nil && x.fault.Kind == OtherRoot {
		a.top, a.root = true, x.fault.Root
	}
	var text []byte
	var err error
	if a.raw != nil {
		text, contentType = a.raw, a.rawType
		if x.fault != nil && x.fault.Kind == OtherRoot {
			text = renamed(text, x.root(a))
		}
	} else {
		text, err = x.encode(a)
	}
	if err != nil {
		x.Fail(http.StatusInternalServerError, "qimentest: answer not encodable")
		return
	}
	x.rec.Flag, x.rec.Code = "success", a.code
	if a.failed {
		x.rec.Flag = "failure"
	}
	if text = x.shape.apply(text, a.failed); x.shape.gbk {
		contentType = strings.Replace(contentType, "charset=utf-8", "charset=GBK", 1)
	}
	if x.fault != nil {
		if text = x.distort(text, contentType); text == nil {
			return
		}
	}
	x.Answer(contentType, text)
}

// Receiver receives the messages of a customer, see [Server.Register].
type Receiver struct {
	// URL is the receiver's URL. Its query parameters are kept and signed.
	URL string

	// AppKey and AppSecret are the receiver's own, with which forwarded messages are
	// signed. Without a key, those of the server's app are used.
	AppKey    string
	AppSecret string `pii:"true"`

	SignMethod qimen.SignMethod // md5 by default, the one that every receiver knows

	// Methods are the full names of the methods that are forwarded to the receiver; empty
	// means all methods of the customer. Both sides of a customer can thus have a receiver:
	// the ERP for deliveryorder.confirm, the warehouse for deliveryorder.create.
	Methods []string

	// Form forwards the parameters of form calls as a form. By default they are sent as
	// a JSON document.
	Form bool
}

// Format prints the receiver without its secret.
func (r Receiver) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue is the receiver for slog, without its secret.
func (r Receiver) LogValue() slog.Value { return redact.LogValue(r) }

type receiver struct {
	Receiver
	url   *url.URL
	query map[string]string
}

// Register registers the receiver of a customer's messages. If several receivers match a
// method, one that names the method takes precedence over one for all methods, and a newer
// one over an older one. Standard messages (taobao.qimen.*) are forwarded without that
// prefix, with their body as received; those of the cloud (qimen.taobao.pos.* and others)
// under their name, with target_appkey, source_appkey and request_id. The answer is returned
// unchanged, unless there is none in time (code 15, isp.remote-service-timeout), no
// connection (isp.remote-connection-error) or a status other than 200
// (isp.remote-service-error).
//
// The customer "" stands for calls that name none: those of the open platform itself.
func (s *Server) Register(customerID string, r Receiver) error {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return errors.New("qimentest: Register: want http(s)://host/path")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("qimentest: Register: the query is invalid")
	}
	own := &receiver{Receiver: r, url: u, query: map[string]string{}}
	for name, all := range values {
		if own.query[name] = all[0]; len(all) > 1 {
			return fmt.Errorf("qimentest: Register: duplicate parameter %s", name)
		}
	}
	own.Methods = slices.Clone(r.Methods)
	if own.SignMethod == "" {
		own.SignMethod = qimen.MD5
	}
	if !own.SignMethod.Known() {
		return errors.New("qimentest: Register: sign method is unknown")
	}
	if own.AppKey == "" {
		own.AppKey, own.AppSecret = s.cfg.appKey, s.cfg.appSecret
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.customers[customerID]; !ok && customerID != "" {
		return fmt.Errorf("qimentest: Register: customer %q is unknown", customerID)
	}
	s.receivers[customerID] = append([]*receiver{own}, s.receivers[customerID]...)
	return nil
}

// receiver finds who gets a method of a customer.
func (s *Server) receiver(customerID, method string) *receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all *receiver
	for _, r := range s.receivers[customerID] {
		switch {
		case slices.Contains(r.Methods, method):
			return r
		case all == nil && len(r.Methods) == 0:
			all = r
		}
	}
	return all
}
