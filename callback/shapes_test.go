package callback_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The receiver of the table has every check on.
const (
	shapesMaxBody     = 2048
	shapesBodyTimeout = 5 * time.Second
	shapesWindow      = time.Minute
)

// A shape is one row of the table: what is sent, what the host saw of it, what was
// answered and what the hook was told.
type shape struct {
	kind   jushuitan.PushMethod
	name   string
	sends  []step
	atOnce bool                   // the sends overlap; otherwise one comes after the other
	config func(*callback.Config) // turns a check round
	host   func(call int) error   // what the host does after it saw a message; nil: takes it

	saw  []string // a line for each call of the host's function
	told []error  // for errors.Is, one for each time the hook was called
	form string   // the way of signing that the host is told; "": any
}

// A step is one request and the status of its answer, which tells the body.
type step struct {
	status int
	edits  []edit
}

func send1(status int, edits ...edit) []step { return []step{{status, edits}} }

// An edit makes the right message of a kind another one: before it is signed, or
// after.
type edit struct {
	message func(*callbacktest.Message)
	request func(*http.Request)
	slow    bool   // the body stops after its first byte
	path    string // of the receiver for all kinds; "": the handler of the kind, on any path
}

func before(f func(m *callbacktest.Message)) edit { return edit{message: f} }
func after(f func(req *http.Request)) edit        { return edit{request: f} }

func body(text string) edit { return before(func(m *callbacktest.Message) { m.Body = text }) }
func verb(method string) edit {
	return after(func(req *http.Request) { req.Method = method })
}

func contentType(v ...string) edit {
	return after(func(req *http.Request) { req.Header["Content-Type"] = v })
}

func raw(f func(query string) string) edit {
	return after(func(req *http.Request) { req.URL.RawQuery = f(req.URL.RawQuery) })
}

func noQuery() edit { return raw(func(string) string { return "" }) }

// param sets a parameter to another value after the message was signed.
func param(name, value string) edit {
	return raw(func(query string) string {
		parts := strings.Split(query, "&")
		for i, part := range parts {
			if strings.HasPrefix(part, name+"=") {
				parts[i] = name + "=" + url.QueryEscape(value)
			}
		}
		return strings.Join(parts, "&")
	})
}

// signed adds a parameter to the registered URL.
func signed(name, value string) edit {
	return before(func(m *callbacktest.Message) { m.Extra = url.Values{name: {value}} })
}

// token takes the token of another URL, or of another secret.
func token(secret string, method jushuitan.PushMethod, entID, storageCode string) edit {
	return before(func(m *callbacktest.Message) {
		m.Secret = ""
		m.Extra = url.Values{"jstToken": {callbacktest.Token(secret, method, entID, storageCode)}}
	})
}

// breaksOff is a body whose end does not come.
func breaksOff(text string) edit {
	return after(func(req *http.Request) {
		req.Body, req.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(text), failingReader{})), -1
	})
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// wholes is what the host sees of the sample of each kind.
func wholes(kind jushuitan.PushMethod) string {
	switch kind {
	case jushuitan.PushShipment:
		return "shipment 200001 SO-1 YT1 YTO/YTO [SO-1 SKU-A x2]"
	case jushuitan.PushCancel:
		return `cancel SO-1 "out of stock"`
	case jushuitan.PushGoodsReturned:
		return `returned 400001 RT-1 确认收货 "" [SKU-A x1]`
	}
	return "stock [SKU-A/SKU-B 15]"
}

// kinds in the order of the settings page.
func kinds() []jushuitan.PushMethod {
	return []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned, jushuitan.PushStock}
}

// next is the kind after another.
func next(kind jushuitan.PushMethod) jushuitan.PushMethod {
	return kinds()[(slices.Index(kinds(), kind)+1)%4]
}

// TestShapes: every shape of a body that is known or thought possible, and every
// way to do harm that is, with all checks on. With -v it prints them as a table.
func TestShapes(t *testing.T) {
	var shapes []shape
	for _, kind := range kinds() {
		shapes = append(shapes, accepted(kind)...)
		shapes = append(shapes, probes(kind)...)
		shapes = append(shapes, foreignParameters(kind)...)
		shapes = append(shapes, forged(kind)...)
		shapes = append(shapes, malformed(kind)...)
		shapes = append(shapes, sequences(kind)...)
	}
	shapes = append(shapes, shipmentShapes()...)
	shapes = append(shapes, cancelShapes()...)
	shapes = append(shapes, returnedShapes()...)
	shapes = append(shapes, stockShapes()...)
	slices.SortStableFunc(shapes, func(a, b shape) int {
		return slices.Index(kinds(), a.kind) - slices.Index(kinds(), b.kind)
	})

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nKIND\tSHAPE\tANSWERED\tHOOK TOLD\tHOST SAW")
	names := map[string]bool{}
	for _, s := range shapes {
		name := string(s.kind) + "/" + s.name
		require.False(t, names[name], "duplicate name %s", name)
		names[name] = true
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := s.run(t)
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", s.kind, s.name, o.columns())
				s.check(t, o)
			})
		})
	}
	require.NoError(t, w.Flush())
	t.Log(table.String())
}

// An outcome is what became of a row.
type outcome struct {
	saw     []string
	told    []error
	failed  []callback.Envelope // as the hook was told them
	replies []*connection
}

// reasons are all that the hook may be told here.
func reasons() []error {
	return []error{
		jushuitan.ErrTooLarge, callback.ErrKind, callback.ErrMerchant, callback.ErrRate, callback.ErrNoFunction, callback.ErrChecksum, callback.ErrToken, jushuitan.ErrSource,
		jushuitan.ErrWindow, jushuitan.ErrBusy, callback.ErrUnknownAction, jushuitan.ErrDecode, errHost, jushuitan.ErrRequest,
	}
}

// columns are the answers, what the hook was told, and what the host saw.
func (o outcome) columns() string {
	var answered, told []string
	for _, w := range o.replies {
		_, code, _ := strings.Cut(w.Body.String(), `"code":"`)
		code, _, _ = strings.Cut(code, `"`)
		answered = append(answered, fmt.Sprintf("%d code %s", w.Code, code))
	}
	for _, err := range o.told {
		i := slices.IndexFunc(reasons(), func(reason error) bool { return errors.Is(err, reason) })
		if i < 0 {
			told = append(told, "?")
			continue
		}
		told = append(told, reasons()[i].Error())
	}
	return counted(answered) + "\t" + counted(told) + "\t" + counted(o.saw)
}

// counted joins texts, and counts those that follow each other.
func counted(texts []string) string {
	if len(texts) == 0 {
		return "-"
	}
	var parts []string
	for i := 0; i < len(texts); {
		n := 1
		for i+n < len(texts) && texts[i+n] == texts[i] {
			n++
		}
		part := texts[i]
		if n > 1 {
			part += fmt.Sprintf(" (%d times)", n)
		}
		parts, i = append(parts, part), i+n
	}
	return strings.Join(parts, ", ")
}

// answers is the body that goes with a status.
func answers(status int) string {
	switch status {
	case http.StatusOK:
		return success
	case http.StatusInternalServerError:
		return `{"code":"-1","msg":"处理失败"}`
	}
	return `{"code":"-1","msg":"请求被拒绝"}`
}

// run is to be called in a bubble, so that no time passes but the virtual one.
func (s shape) run(t *testing.T) outcome {
	var h host
	cfg := h.config()
	cfg.AllowUnauthenticated, cfg.Secrets = false, []string{present, previous}
	cfg.NoDedupe, cfg.DropStaleStock = false, true
	cfg.MaxBody, cfg.BodyTimeout = shapesMaxBody, shapesBodyTimeout
	cfg.MaxAge, cfg.MaxAhead = shapesWindow, shapesWindow
	cfg.Now = func() time.Time { return time.Unix(1700000000, 0) }
	cfg.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if s.config != nil {
		s.config(&cfg)
	}
	if s.host != nil {
		h.reply = func() error {
			h.mu.Lock()
			call := len(h.seen)
			h.mu.Unlock()
			return s.host(call)
		}
	}
	r := receiver(t, cfg)
	hidden := []string{"CANARY", present, previous}
	var replies []*connection
	var wg sync.WaitGroup
	for _, step := range s.sends {
		w := newConnection()
		handler, req := step.request(t, r, s.kind, w)
		hidden = append(hidden, proofs(s.kind, req.URL.RawQuery)...)
		replies = append(replies, w)
		wg.Go(func() { handler.ServeHTTP(w, req) })
		if s.atOnce {
			synctest.Wait() // it stands still in the host's function, or waits for another
			continue
		}
		wg.Wait()
	}
	wg.Wait()

	for _, env := range h.envs {
		assert.Equal(t, s.kind, env.Method)
		assert.Equal(t, "192.0.2.1:1234", env.RemoteAddr)
		assert.Equal(t, "192.0.2.1", env.Source.String())
		assert.Equal(t, cmp.Or(s.form, env.ChecksumForm), env.ChecksumForm)
		assert.Equal(t, cfg.Checksum == callback.ChecksumOff, env.ChecksumForm == "")
		assert.NotEmpty(t, env.Raw)
	}
	// Neither errors nor answers show what was sent.
	for _, text := range hidden {
		for i, err := range h.errs {
			assert.False(t, text != "" && strings.Contains(fmt.Sprintf("%v %+v %#v %v", err, err, err, h.failed[i]), text))
		}
		for _, w := range replies {
			assert.False(t, text != "" && strings.Contains(w.Body.String(), text))
		}
	}
	return outcome{h.seen, h.errs, h.failed, replies}
}

// urlKind is the kind that the URL is for.
func (s shape) urlKind() jushuitan.PushMethod {
	for _, e := range s.sends[0].edits {
		for kind, path := range paths {
			if e.path == path {
				return kind
			}
		}
	}
	return s.kind
}

// proofs are the sign and the token of a query, those given and those that would
// be right.
func proofs(kind jushuitan.PushMethod, rawQuery string) []string {
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil
	}
	out := slices.Concat(q["sign"], q["token"], q["jstToken"])
	unsigned, _, _ := strings.Cut(rawQuery, "&sign=")
	for c := callback.ChecksumTS; c <= callback.ChecksumArrival; c++ {
		if sign, err := c.Sign(kind, unsigned); err == nil {
			out = append(out, sign)
		}
	}
	for _, secret := range []string{present, previous} {
		out = append(out, callbacktest.Token(secret, kind, q.Get("entId"), q.Get("storageCode")))
	}
	return out
}

// check compares what became of a row with what it says.
func (s shape) check(t *testing.T, o outcome) {
	assert.Equal(t, s.saw, o.saw, "what the host saw")
	require.Len(t, o.told, len(s.told), "what the hook was told")
	for i, reason := range s.told {
		require.ErrorIs(t, o.told[i], reason)
		assert.Equal(t, s.urlKind(), o.failed[i].Method)
		assert.Contains(t, o.told[i].Error(), "callback: push "+string(s.urlKind()))
	}
	for i, w := range o.replies {
		status := s.sends[i].status
		assert.Equal(t, status, w.Code, "answer %d", i)
		assert.Equal(t, answers(status), w.Body.String(), "answer %d", i)
		assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		assert.Equal(t, status == http.StatusMethodNotAllowed, w.Header().Get("Allow") != "")
		if slices.ContainsFunc(s.sends[i].edits, func(e edit) bool { return e.slow }) {
			assert.Equal(t, "close", w.Header().Get("Connection"), "the rest of the body is still to come")
		}
	}
}

func (s step) request(t *testing.T, r *callback.Receiver, kind jushuitan.PushMethod, c *connection) (http.Handler, *http.Request) {
	m := callbacktest.Message{
		Method: kind, EntID: "9001", StorageCode: "10101010", TS: time.Unix(1700000000, 0), Body: bodies[kind], Secret: present,
	}
	handler, path, slow := handlers(r)[kind], "/any", false
	for _, e := range s.edits {
		if e.message != nil {
			e.message(&m)
		}
		if e.path != "" {
			handler, path = r, e.path
		}
		slow = slow || e.slow
	}
	req, err := m.Request(t.Context(), path)
	require.NoError(t, err)
	for _, e := range s.edits {
		if e.request != nil {
			e.request(req)
		}
	}
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), cmp.Or(req.RemoteAddr, "192.0.2.1:1234")
	if slow {
		req.Body = &stuckBody{reader: io.LimitReader(req.Body, 1), ended: c.ended}
	}
	return handler, req
}

// A connection has a read deadline, as those of net/http have.
type connection struct {
	*httptest.ResponseRecorder
	once  sync.Once
	ended chan struct{} // the deadline has passed
}

func newConnection() *connection {
	return &connection{ResponseRecorder: httptest.NewRecorder(), ended: make(chan struct{})}
}

func (c *connection) SetReadDeadline(at time.Time) error {
	if time.Until(at) <= 0 {
		c.once.Do(func() { close(c.ended) })
	}
	return nil
}

// stuckBody begins and does not go on.
type stuckBody struct {
	reader io.Reader
	ended  chan struct{}
}

func (s *stuckBody) Read(b []byte) (int, error) {
	if n, err := s.reader.Read(b); err == nil {
		return n, nil
	}
	<-s.ended
	return 0, os.ErrDeadlineExceeded
}

func (s *stuckBody) Close() error { return nil }

// accepted: what holds for every kind and is taken.
func accepted(kind jushuitan.PushMethod) []shape {
	sample, line := bodies[kind], wholes(kind)
	form := before(func(m *callbacktest.Message) { m.Form = true })
	unsigned := before(func(m *callbacktest.Message) { m.Checksum = callback.ChecksumOff })
	rows := []struct {
		name  string
		edits []edit
	}{
		{"JSON", nil},
		{"PUT", []edit{verb(http.MethodPut)}},
		{"all kinds, by method", []edit{{path: "/push"}}},
		{"all kinds, by path", []edit{{path: paths[kind]}}},
		{"all kinds, by path without method", []edit{{path: paths[kind]}, raw(func(query string) string {
			return strings.Replace(query, "&method="+string(kind), "", 1)
		})}},
		{"no Content-Type", []edit{contentType()}},
		{"empty Content-Type", []edit{contentType("")}},
		{"Content-Type not readable", []edit{contentType(";;")}},
		{"JSON called text in another charset", []edit{contentType("text/plain; charset=gbk")}},
		{"JSON called a form", []edit{contentType("application/x-www-form-urlencoded")}},
		{"JSON called a multipart form", []edit{contentType("multipart/form-data; boundary=x")}},
		{"form with biz", []edit{form}},
		{"form with biz, called JSON", []edit{form, contentType("application/json")}},
		{"form with biz, no Content-Type", []edit{form, contentType()}},
		{"form with biz and the subscription's others", []edit{body(biz(sample))}},
		{"form with biz, blanks and byte order mark", []edit{body(bom + "\r\n" + biz(sample) + "\r\n")}},
		{"byte order mark", []edit{body(bom + sample)}},
		{"blanks around", []edit{body("\r\n\t " + sample + " \n")}},
		{"blanks, byte order mark, blanks", []edit{body("\n" + bom + "\n" + sample + "\r\n")}},
		{"unknown members", []edit{body(strings.ReplaceAll(sample, "{", `{"not_known":[1,"x",null],`))}},
		{"length not announced", []edit{after(func(req *http.Request) { req.ContentLength = -1 })}},
		{"exactly as long as may be", []edit{body(sample + strings.Repeat(" ", shapesMaxBody-len(sample)))}},
		{"URL of the previous secret", []edit{before(func(m *callbacktest.Message) { m.Secret = previous })}},
		{"unknown parameter", []edit{signed("shopid", "1")}},
		{"oldest time", []edit{before(func(m *callbacktest.Message) { m.TS = m.TS.Add(-shapesWindow) })}},
		{"furthest time", []edit{before(func(m *callbacktest.Message) { m.TS = m.TS.Add(shapesWindow) })}},
		{"sign in capitals", []edit{raw(func(query string) string {
			at := strings.Index(query, "&sign=") + len("&sign=")
			return query[:at] + strings.ToUpper(query[at:])
		})}},
	}
	var out []shape
	for _, row := range rows {
		out = append(out, shape{kind: kind, name: row.name, sends: send1(200, row.edits...), saw: []string{line}})
	}
	for _, c := range []callback.Checksum{callback.ChecksumTS, callback.ChecksumSorted, callback.ChecksumArrivalTSFirst, callback.ChecksumArrival} {
		// With the parameter a, each way signs another text.
		edits := []edit{signed("a", "1"), before(func(m *callbacktest.Message) { m.Checksum = c })}
		out = append(out, shape{kind: kind, name: "checksum " + c.String(), sends: send1(200, edits...), saw: []string{line}, form: c.String()})
	}
	// How a subscription's push is signed is unknown: its sign stands in the form.
	subscribed := biz(sample) + "&sign=" + strings.Repeat("0", 32)
	return append(out,
		shape{kind: kind, name: "subscription's form, sign in the body", sends: send1(403, body(subscribed), unsigned), told: []error{callback.ErrChecksum}},
		shape{kind: kind, name: "subscription's form, no checksum demanded", sends: send1(200, body(subscribed), unsigned), saw: []string{line},
			config: func(c *callback.Config) { c.Checksum = callback.ChecksumOff }},
	)
}

// probes: what the ERP may send when a URL is saved.
func probes(kind jushuitan.PushMethod) []shape {
	none := body("")
	var out []shape
	for _, row := range []struct {
		name   string
		status int
		edits  []edit
	}{
		{"GET", 200, []edit{none, noQuery(), verb(http.MethodGet)}},
		{"GET of the registered URL", 200, []edit{none, registeredQuery(), verb(http.MethodGet)}},
		{"POST", 200, []edit{none, noQuery()}},
		{"POST of the registered URL", 200, []edit{none, registeredQuery()}},
		{"POST without a body", 200, []edit{none, noQuery(), after(func(req *http.Request) { req.Body = nil })}},
		{"POST of no announced length", 200, []edit{none, noQuery(), after(func(req *http.Request) { req.ContentLength = -1 })}},
		{"POST, called a form", 200, []edit{none, noQuery(), contentType("application/x-www-form-urlencoded")}},
		{"POST, all kinds", 200, []edit{none, noQuery(), {path: paths[kind]}}},
	} {
		out = append(out, shape{kind: kind, name: "probe, " + row.name, sends: send1(row.status, row.edits...)})
	}
	for _, row := range []struct {
		name   string
		status int
		reason error
		edits  []edit
	}{
		{"GET of a push", 405, jushuitan.ErrRequest, []edit{none, verb(http.MethodGet)}},
		{"GET with a body", 405, jushuitan.ErrRequest, []edit{verb(http.MethodGet)}},
		{"HEAD", 403, jushuitan.ErrWindow, []edit{none, noQuery(), verb(http.MethodHead)}},
		{"HEAD of a push", 405, jushuitan.ErrRequest, []edit{none, verb(http.MethodHead)}},
		{"PUT", 403, jushuitan.ErrWindow, []edit{none, noQuery(), verb(http.MethodPut)}},
		{"push without its body", 400, jushuitan.ErrRequest, []edit{none}},
		{"push without its body, PUT", 400, jushuitan.ErrRequest, []edit{none, verb(http.MethodPut)}},
		{"push of blanks", 400, jushuitan.ErrRequest, []edit{body(" \r\n")}},
		{"POST of blanks", 403, jushuitan.ErrWindow, []edit{body(" \r\n"), noQuery()}},
		{"POST of a byte order mark", 403, jushuitan.ErrWindow, []edit{body(bom), noQuery()}},
		{"POST, wrong sign", 403, callback.ErrChecksum, []edit{none, param("sign", strings.Repeat("0", 32))}},
	} {
		out = append(out, shape{kind: kind, name: "no probe, " + row.name, sends: send1(row.status, row.edits...), told: []error{row.reason}})
	}
	return out
}

// foreignParameters: a correct URL to which the ERP or a proxy adds a parameter of its own,
// before or after it signs.
func foreignParameters(kind jushuitan.PushMethod) []shape {
	var out []shape
	old := before(func(m *callbacktest.Message) {
		m.Secret = ""
		m.Extra = url.Values{"token": {callbacktest.Token(present, kind, "9001", "10101010")}}
	})
	for _, row := range []struct {
		name  string
		edits []edit
	}{
		{"token, signed", []edit{signed("token", "theirs")}},
		{"token, not signed", []edit{raw(func(query string) string { return query + "&token=theirs" })}},
		{"token, in front", []edit{raw(func(query string) string { return "token=theirs&" + query })}},
		{"type, signed", []edit{signed("type", "cancelOrder")}},
		{"type, not signed", []edit{raw(func(query string) string { return query + "&type=cancelOrder" })}},
		{"type and token twice, not signed", []edit{raw(func(query string) string { return query + "&type=one&type=two&token=three&token=four" })}},
		{"URL of before", []edit{old}},
		{"URL of before, token", []edit{old, raw(func(query string) string { return query + "&token=theirs" })}},
		{"URL of before, token in front", []edit{old, raw(func(query string) string { return "token=theirs&" + query })}},
		{"URL of before, type", []edit{old, raw(func(query string) string { return query + "&type=cancelOrder" })}},
	} {
		out = append(out, shape{kind: kind, name: "foreign parameter, " + row.name, sends: send1(200, row.edits...), saw: []string{wholes(kind)}})
	}
	return out
}

// registeredQuery leaves what the registered URL has itself.
func registeredQuery() edit {
	return raw(func(query string) string {
		registered, _, _ := strings.Cut(query, "&ts=")
		return registered
	})
}

// forged: what does not come from where it should.
func forged(kind jushuitan.PushMethod) []shape {
	other := next(kind)
	var out []shape
	for _, row := range []struct {
		name   string
		status int
		reason error
		edits  []edit
	}{
		{"no query", 403, jushuitan.ErrWindow, []edit{noQuery()}},
		{"no token", 403, callback.ErrToken, []edit{before(func(m *callbacktest.Message) { m.Secret = "" })}},
		{"empty token", 403, callback.ErrToken, []edit{param("jstToken", "")}},
		{"token of another merchant", 403, callback.ErrToken, []edit{token(present, kind, "9002", "10101010")}},
		{"token of another kind", 403, callback.ErrToken, []edit{token(present, other, "9001", "10101010")}},
		{"token of another storage code", 403, callback.ErrToken, []edit{token(present, kind, "9001", "10101011")}},
		{"token with the border moved", 403, callback.ErrToken, []edit{token(present, kind, "90011", "0101010")}},
		{"token of an unknown secret", 403, callback.ErrToken, []edit{token("secret of somebody else", kind, "9001", "10101010")}},
		{"token, a digit short", 403, callback.ErrToken, []edit{
			token(present, kind, "9001", "10101010"),
			before(func(m *callbacktest.Message) { m.Extra.Set("jstToken", m.Extra.Get("jstToken")[1:]) }),
		}},
		{"token in the body only", 403, callback.ErrToken, []edit{
			before(func(m *callbacktest.Message) { m.Secret = "" }),
			body(biz(bodies[kind]) + "&jstToken=" + callbacktest.Token(present, kind, "9001", "10101010")),
		}},
		{"merchant changed after signing", 403, callback.ErrToken, []edit{param("entId", "9002")}},
		{"storage code changed after signing", 403, callback.ErrToken, []edit{param("storageCode", "2")}},
		{"no checksum", 403, callback.ErrChecksum, []edit{before(func(m *callbacktest.Message) { m.Checksum = callback.ChecksumOff })}},
		{"empty checksum", 403, callback.ErrChecksum, []edit{param("sign", "")}},
		{"wrong checksum", 403, callback.ErrChecksum, []edit{param("sign", strings.Repeat("0", 32))}},
		{"checksum, a digit short", 403, callback.ErrChecksum, []edit{raw(func(query string) string { return query[:len(query)-1] })}},
		{"checksum of another time", 403, callback.ErrChecksum, []edit{param("ts", "1700000001")}},
		{"parameter added after signing", 403, callback.ErrChecksum, []edit{raw(func(query string) string { return query + "&shopid=1" })}},
		{"time too old", 403, jushuitan.ErrWindow, []edit{before(func(m *callbacktest.Message) { m.TS = m.TS.Add(-shapesWindow - time.Second) })}},
		{"time too far ahead", 403, jushuitan.ErrWindow, []edit{before(func(m *callbacktest.Message) { m.TS = m.TS.Add(shapesWindow + time.Second) })}},
		{"no time", 403, jushuitan.ErrWindow, []edit{param("ts", "")}},
		{"time that is none", 400, jushuitan.ErrRequest, []edit{param("ts", "yesterday")}},
		{"time beyond all times", 400, jushuitan.ErrRequest, []edit{param("ts", "170000000000000000")}},
		{"sender of another network", 403, jushuitan.ErrSource, []edit{after(func(req *http.Request) { req.RemoteAddr = "198.51.100.1:1" })}},
		{"sender named in a header", 403, jushuitan.ErrSource, []edit{after(func(req *http.Request) {
			req.RemoteAddr = "198.51.100.1:1"
			req.Header.Set("X-Forwarded-For", "192.0.2.1")
		})}},
		{"sender of another network, GET", 403, jushuitan.ErrSource, []edit{body(""), verb(http.MethodGet), after(func(req *http.Request) {
			req.RemoteAddr = "198.51.100.1:1"
		})}},
		{"another kind's method", 400, callback.ErrKind, []edit{before(func(m *callbacktest.Message) { m.Method = other })}},
		{"unknown method", 400, callback.ErrKind, []edit{before(func(m *callbacktest.Message) { m.Method = "order.label" })}},
		{"empty method", 400, callback.ErrKind, []edit{param("method", "")}},
		{"another kind's path", 400, callback.ErrKind, []edit{{path: paths[other]}}},
		{"entId twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return "entId=9002&" + query })}},
		{"storageCode twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&storageCode=2" })}},
		{"method twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&method=" + string(kind) })}},
		{"ts twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&ts=1700000000" })}},
		{"sign twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string {
			_, sign, _ := strings.Cut(query, "&sign=")
			return query + "&sign=" + sign
		})}},
		{"token twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&jstToken=CANARY" })}},
		{"token that is not ours", 403, callback.ErrToken, []edit{
			before(func(m *callbacktest.Message) { m.Secret = "" }),
			raw(func(query string) string { return query + "&token=CANARY" }),
		}},
		{"entId twice, once escaped", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&ent%49d=9001" })}},
		{"any parameter twice", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&x=1&x=1" })}},
		{"query not readable", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + "&x=%zz" })}},
		{"query with a semicolon", 400, jushuitan.ErrRequest, []edit{raw(func(query string) string { return query + ";x=1" })}},
	} {
		out = append(out, shape{kind: kind, name: "forged, " + row.name, sends: send1(row.status, row.edits...), told: []error{row.reason}})
	}
	open := func(c *callback.Config) { c.Secrets, c.AllowUnauthenticated = nil, true }
	return append(out,
		shape{kind: kind, name: "forged, merchant changed, URLs without tokens", sends: send1(403, param("entId", "9002")),
			config: open, told: []error{callback.ErrChecksum}},
		shape{kind: kind, name: "forged, another time, URLs without tokens", sends: send1(403, param("ts", "1700000001")),
			config: open, told: []error{callback.ErrChecksum}},
		shape{kind: kind, name: "forged, pinned to another checksum", sends: send1(403), told: []error{callback.ErrChecksum},
			config: func(c *callback.Config) { c.Checksum = callback.ChecksumTS }},
		shape{kind: kind, name: "no function", sends: []step{{501, nil}, {501, []edit{body(""), verb(http.MethodGet)}}},
			told: []error{callback.ErrNoFunction, callback.ErrNoFunction}, config: without(kind)},
	)
}

// without takes the host's function of a kind away.
func without(kind jushuitan.PushMethod) func(*callback.Config) {
	return func(c *callback.Config) {
		switch kind {
		case jushuitan.PushShipment:
			c.Shipment = nil
		case jushuitan.PushCancel:
			c.Cancel = nil
		case jushuitan.PushGoodsReturned:
			c.GoodsReturned = nil
		case jushuitan.PushStock:
			c.Stock = nil
		}
	}
}

// malformed: what is no message, or too much of one.
func malformed(kind jushuitan.PushMethod) []shape {
	sample := bodies[kind]
	long := sample + strings.Repeat(" ", shapesMaxBody+1-len(sample))
	unannounced := after(func(req *http.Request) { req.ContentLength = -1 })
	var out []shape
	for _, row := range []struct {
		name   string
		status int
		reason error
		edits  []edit
	}{
		{"DELETE", 405, jushuitan.ErrRequest, []edit{verb(http.MethodDelete)}},
		{"PATCH", 405, jushuitan.ErrRequest, []edit{verb(http.MethodPatch)}},
		{"too long", 413, jushuitan.ErrTooLarge, []edit{body(long)}},
		{"too long, not announced", 413, jushuitan.ErrTooLarge, []edit{body(long), unannounced}},
		{"too many blanks", 413, jushuitan.ErrTooLarge, []edit{body(strings.Repeat(" ", shapesMaxBody+1))}},
		{"too long and forged", 403, callback.ErrChecksum, []edit{body(long), param("sign", strings.Repeat("0", 32))}},
		{"too long and forged, not announced", 403, callback.ErrChecksum, []edit{body(long), unannounced, param("sign", strings.Repeat("0", 32))}},
		{"breaks off", 400, jushuitan.ErrRequest, []edit{breaksOff(`{"so_id":"CANARY`)}},
		{"slow", 408, jushuitan.ErrRequest, []edit{{slow: true}}},
		{"slow and forged", 403, callback.ErrToken, []edit{{slow: true}, param("entId", "9002"), unannounced}},
		{"HTML", 400, jushuitan.ErrRequest, []edit{body("<html>CANARY</html>")}},
		{"text", 400, jushuitan.ErrRequest, []edit{body("CANARY")}},
		{"number", 400, jushuitan.ErrRequest, []edit{body("20")}},
		{"null", 400, jushuitan.ErrRequest, []edit{body("null")}},
		{"text in JSON", 400, jushuitan.ErrRequest, []edit{body(`"CANARY"`)}},
		{"empty object", 400, jushuitan.ErrDecode, []edit{body("{}")}},
		{"cut off", 400, jushuitan.ErrDecode, []edit{body(`{"so_id":"CANARY`)}},
		{"two messages", 400, jushuitan.ErrDecode, []edit{body(sample + sample)}},
		{"form without biz", 400, jushuitan.ErrRequest, []edit{body("so_id=CANARY")}},
		{"form with biz twice", 400, jushuitan.ErrRequest, []edit{body(biz(sample) + "&" + biz(sample))}},
		{"form not readable", 400, jushuitan.ErrRequest, []edit{body(biz(sample) + "&x=%zz")}},
		{"form with an empty biz", 400, jushuitan.ErrDecode, []edit{body("biz=")}},
		{"form with text for biz", 400, jushuitan.ErrDecode, []edit{body(biz("CANARY"))}},
		{"message in a list in a list", 400, jushuitan.ErrDecode, []edit{body("[[" + sample + "]]")}},
		{"list where a text belongs", 400, jushuitan.ErrDecode, []edit{body(
			strings.NewReplacer(`"so_id":"SO-1"`, `"so_id":["CANARY"]`, `"sku_id":"SKU-A"`, `"sku_id":["CANARY"]`).Replace(sample))}},
	} {
		out = append(out, shape{kind: kind, name: row.name, sends: send1(row.status, row.edits...), told: []error{row.reason}})
	}
	return out
}

// errHost is what the host's functions fail with.
var errHost = errors.New("the host's own error")

// sequences: repeated, at the same time, and refused by the host. Stock is
// absolute and has no key: what is as new as what was taken is taken again.
func sequences(kind jushuitan.PushMethod) []shape {
	sample, line := bodies[kind], wholes(kind)
	times := func(n int) []string { return slices.Repeat([]string{line}, n) }
	once := func(repeats int) []string {
		if kind == jushuitan.PushStock {
			return times(repeats)
		}
		return times(1)
	}
	ok := step{200, nil}
	forgery := step{403, []edit{param("sign", strings.Repeat("0", 32))}}
	failsOnce := func(call int) error {
		if call == 1 {
			return errHost
		}
		return nil
	}
	panicsOnce := func(call int) error {
		if call == 1 {
			panic(errHost)
		}
		return nil
	}
	slowly := func(d time.Duration) func(int) error {
		return func(int) error { time.Sleep(d); return nil }
	}
	tooLong := jushuitan.DefaultWait + time.Second
	return []shape{
		{kind: kind, name: "repeated", sends: []step{ok, ok, ok}, saw: once(3)},
		{kind: kind, name: "repeated later, signed anew", sends: []step{ok, {200, []edit{
			before(func(m *callbacktest.Message) { m.TS, m.Checksum = m.TS.Add(30*time.Second), callback.ChecksumTS }),
		}}}, saw: once(2)},
		{kind: kind, name: "repeated as a form", sends: []step{ok, {200, []edit{body(biz(sample))}}}, saw: once(2)},
		{kind: kind, name: "with more members", sends: []step{ok, {200, []edit{body(strings.ReplaceAll(sample, "{", `{"not_known":1,`))}}}, saw: times(2)},
		{kind: kind, name: "repeated on the URL for all kinds", sends: []step{ok, {200, []edit{{path: paths[kind]}}}}, saw: once(2)},
		{kind: kind, name: "the same of another merchant", sends: []step{ok, {200, []edit{
			before(func(m *callbacktest.Message) { m.EntID = "9002" }),
		}}}, saw: times(2)},
		{kind: kind, name: "the same of another shop", sends: []step{ok, {200, []edit{
			before(func(m *callbacktest.Message) { m.StorageCode = "2" }),
		}}}, saw: times(2)},
		{kind: kind, name: "forged repeat", sends: []step{ok, forgery}, saw: times(1), told: []error{callback.ErrChecksum}},
		{kind: kind, name: "forged before the genuine one", sends: []step{forgery, ok}, saw: times(1), told: []error{callback.ErrChecksum}},
		{kind: kind, name: "three at once", sends: []step{ok, ok, ok}, atOnce: true, host: slowly(time.Second), saw: once(3)},
		{kind: kind, name: "two at once, longer than is waited", sends: []step{ok, {500, nil}}, atOnce: true, host: slowly(tooLong),
			saw: times(1), told: []error{jushuitan.ErrBusy}},
		{kind: kind, name: "two at once, the first fails", sends: []step{{500, nil}, ok}, atOnce: true,
			host: func(call int) error { time.Sleep(time.Second); return failsOnce(call) }, saw: times(2), told: []error{errHost}},
		{kind: kind, name: "host fails, repeated", sends: []step{{500, nil}, ok}, host: failsOnce, saw: times(2), told: []error{errHost}},
		{kind: kind, name: "host panics, repeated", sends: []step{{500, nil}, ok}, host: panicsOnce, saw: times(2), told: []error{errHost}},
		{kind: kind, name: "host fails always", sends: []step{{500, nil}, {500, nil}}, host: func(int) error { return errHost },
			saw: times(2), told: []error{errHost, errHost}},
	}
}

// A variant is one body, taken or refused, and what the host saw of it.
type variant struct {
	name, body, saw string
	status          int   // 0: 200
	reason          error // of a refusal
}

func variants(kind jushuitan.PushMethod, vs ...variant) []shape {
	var out []shape
	for _, v := range vs {
		s := shape{kind: kind, name: v.name, sends: send1(200, body(v.body)), saw: []string{v.saw}}
		if v.reason != nil {
			s.sends, s.saw, s.told = send1(v.status, body(v.body)), nil, []error{v.reason}
		}
		out = append(out, s)
	}
	return out
}

func pair(first, second string) []step {
	return []step{{200, []edit{body(first)}}, {200, []edit{body(second)}}}
}

func shipmentShapes() []shape {
	const kind = jushuitan.PushShipment
	const one, two = `{"sku_id":"A","qty":1,"outer_oi_id":"1"}`, `{"sku_id":"B","qty":2,"outer_oi_id":"2"}`
	ship := func(members string) string { return `{"o_id":1,"so_id":"S","l_id":"L",` + members + `}` }
	const sawOne, sawTwo = "shipment 1 S L / [S A x1]", "shipment 1 S L / [S B x2]"
	out := variants(kind,
		variant{name: "old shape, text for numbers", saw: "shipment 200001 SO-1 YT1 / [SO-1 SKU-A x2]",
			body: `{"o_id":"200001","l_id":"YT1","so_id":"SO-1","logistics_company":"圆通速递","send_date":"2024-01-01 12:00:00","items":[{"sku_id":"SKU-A","qty":"2","name":"Item A","so_id":"SO-1"}]}`},
		variant{name: "numbers for text", saw: "shipment 1 88 77 / [88 99 x1]",
			body: `{"o_id":1,"l_id":77,"so_id":88,"items":[{"sku_id":99,"qty":1}]}`},
		variant{name: "null members", saw: "shipment 0 S L /",
			body: `{"o_id":null,"so_id":"S","l_id":"L","lc_id":null,"logistics_company":null,"send_date":null,"wms_co_id":null,"items":null}`},
		variant{name: "subscription's members", saw: "shipment 1 S L / [S A x1]",
			body: biz(ship(`"is_send_all":true,"items":[` + one + `]`))},
		variant{name: "is_send_all as text", saw: "shipment 1 S L /", body: ship(`"is_send_all":"true"`)},
		variant{name: "carrier with a suffix", saw: "shipment 1 S L SF.9/SF", body: ship(`"lc_id":"SF.9"`)},
		variant{name: "carrier with two suffixes", saw: "shipment 1 S L POSTB.5.1/POSTB", body: ship(`"lc_id":"POSTB.5.1"`)},
		variant{name: "merged orders", saw: "shipment 1 S L / [T A x1] [S B x1] [S C x1]",
			body: ship(`"items":[{"so_id":"T","sku_id":"A","qty":1},{"so_id":"","sku_id":"B","qty":1},{"so_id":null,"sku_id":"C","qty":1}]`)},
		variant{name: "orders named by the lines alone", saw: "shipment 1  L / [T A x1]",
			body: `{"o_id":1,"l_id":"L","items":[{"so_id":"T","sku_id":"A","qty":1}]}`},
		variant{name: "fraction", saw: "shipment 1 S L / [S A x0.5]", body: ship(`"items":[{"sku_id":"A","qty":"0.50"}]`)},
		variant{name: "no waybill", body: `{"so_id":"CANARY"}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "list of messages", body: "[" + shipmentBody + "]", status: 400, reason: jushuitan.ErrDecode},
		variant{name: "message in datas", body: `{"datas":[` + shipmentBody + `]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "quantity that is none", body: ship(`"items":[{"sku_id":"A","qty":"CANARY"}]`), status: 400, reason: jushuitan.ErrDecode},
	)
	return append(out,
		shape{kind: kind, name: "repeated, text for numbers",
			sends: pair(ship(`"items":[`+one+`]`), `{"o_id":"1","l_id":"L","so_id":"S","items":[{"outer_oi_id":1,"sku_id":"A","qty":"1.0","so_id":"S"}]}`),
			saw:   []string{sawOne}},
		shape{kind: kind, name: "repeated, lines in another order",
			sends: pair(ship(`"items":[`+one+","+two+`]`), ship(`"items":[`+two+","+one+`]`)),
			saw:   []string{"shipment 1 S L / [S A x1] [S B x2]"}},
		shape{kind: kind, name: "second parcel of an order", sends: pair(ship(`"items":[`+two+`]`), strings.Replace(ship(`"items":[`+one+`]`), `"L"`, `"M"`, 1)),
			saw: []string{sawTwo, "shipment 1 S M / [S A x1]"}},
		shape{kind: kind, name: "second parcel of the same SKUs", sends: pair(ship(`"items":[`+one+`]`), strings.Replace(ship(`"items":[`+one+`]`), `"L"`, `"M"`, 1)),
			saw: []string{sawOne, "shipment 1 S M / [S A x1]"}},
		shape{kind: kind, name: "same waybill, other lines", sends: pair(ship(`"items":[`+two+`]`), ship(`"items":[`+one+`]`)), saw: []string{sawTwo, sawOne}},
		shape{kind: kind, name: "parts of a split order on one waybill",
			sends: pair(ship(`"items":[`+one+`]`), strings.Replace(ship(`"items":[`+one+`]`), `"o_id":1`, `"o_id":2`, 1)),
			saw:   []string{sawOne, "shipment 2 S L / [S A x1]"}},
		shape{kind: kind, name: "older sent after newer",
			sends: pair(ship(`"send_date":"2024-01-02 12:00:00","items":[`+two+`]`), strings.Replace(ship(`"send_date":"2024-01-01 12:00:00","items":[`+one+`]`), `"L"`, `"M"`, 1)),
			saw:   []string{sawTwo, "shipment 1 S M / [S A x1]"}},
	)
}

func cancelShapes() []shape {
	const kind = jushuitan.PushCancel
	out := variants(kind,
		variant{name: "remark is the text null", body: `{"so_id":"SO-1","remark":"null"}`, saw: `cancel SO-1 ""`},
		variant{name: "remark is null", body: `{"so_id":"SO-1","remark":null}`, saw: `cancel SO-1 ""`},
		variant{name: "no remark", body: `{"so_id":"SO-1"}`, saw: `cancel SO-1 ""`},
		variant{name: "number for text", body: `{"so_id":12,"remark":3}`, saw: `cancel 12 "3"`},
		variant{name: "decorated number", body: `{"so_id":"SO-1_2"}`, saw: `cancel SO-1_2 ""`},
		variant{name: "no order", body: `{"remark":"CANARY"}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "list of messages", body: "[" + cancelBody + "]", status: 400, reason: jushuitan.ErrDecode},
		variant{name: "message in datas", body: `{"datas":[` + cancelBody + `]}`, status: 400, reason: jushuitan.ErrDecode},
	)
	return append(out,
		shape{kind: kind, name: "another remark", sends: pair(cancelBody, `{"so_id":"SO-1","remark":"another"}`), saw: []string{wholes(kind), `cancel SO-1 "another"`}},
		shape{kind: kind, name: "another order", sends: pair(cancelBody, `{"so_id":"SO-2"}`), saw: []string{wholes(kind), `cancel SO-2 ""`}},
	)
}

func returnedShapes() []shape {
	const kind = jushuitan.PushGoodsReturned
	revoked := strings.Replace(returnedBody, "确认", "取消", 1)
	const sawRevoked = `returned 400001 RT-1 取消收货 "" [SKU-A x1]`
	goods := func(members string) string { return `{"action_name":"确认收货",` + members + `}` }
	action := func(name string) string { return strings.Replace(returnedBody, "确认收货", name, 1) }
	out := variants(kind,
		variant{name: "receipt undone", body: revoked, saw: sawRevoked},
		variant{name: "action escaped", body: action(`\u786e\u8ba4\u6536\u8d27`), saw: wholes(kind)},
		variant{name: "text for numbers, remark is the text null", saw: wholes(kind),
			body: `{"o_id":"1","as_id":"400001","shop_id":"1","outer_as_id":"RT-1","action_name":"确认收货","remark":"null","items":[{"sku_id":"SKU-A","qty":"1"}]}`},
		variant{name: "numbers for text", body: goods(`"as_id":1,"outer_as_id":2,"so_id":3,"unique_id":4,"items":[{"sku_id":5,"qty":6}]`), saw: `returned 1 2 确认收货 "" [5 x6]`},
		variant{name: "null members", body: goods(`"as_id":null,"outer_as_id":"R","o_id":null,"shop_id":null,"remark":null,"send_date":null,"items":null`), saw: `returned 0 R 确认收货 ""`},
		variant{name: "no after-sale number", body: goods(`"so_id":"CANARY"`), status: 400, reason: jushuitan.ErrDecode},
		variant{name: "list of messages", body: "[" + returnedBody + "]", status: 400, reason: jushuitan.ErrDecode},
		variant{name: "unknown action", body: action("CANARY"), status: 422, reason: callback.ErrUnknownAction},
		variant{name: "action in a sentence", body: action("已确认收货"), status: 422, reason: callback.ErrUnknownAction},
		variant{name: "action with a blank", body: action("确认收货 "), status: 422, reason: callback.ErrUnknownAction},
		variant{name: "empty action", body: action(""), status: 422, reason: callback.ErrUnknownAction},
		variant{name: "action is null", body: strings.Replace(returnedBody, `"确认收货"`, "null", 1), status: 422, reason: callback.ErrUnknownAction},
		variant{name: "no action", body: `{"as_id":1}`, status: 422, reason: callback.ErrUnknownAction},
		variant{name: "unknown action in a form", body: biz(action("CANARY")), status: 422, reason: callback.ErrUnknownAction},
	)
	return append(out,
		shape{kind: kind, name: "received, undone", sends: pair(returnedBody, revoked), saw: []string{wholes(kind), sawRevoked}},
		shape{kind: kind, name: "undone comes before received", sends: pair(revoked, returnedBody), saw: []string{sawRevoked, wholes(kind)}},
		shape{kind: kind, name: "received, undone, received again", sends: append(pair(returnedBody, revoked), pair(returnedBody, returnedBody)...),
			saw: []string{wholes(kind), sawRevoked, wholes(kind)}},
		shape{kind: kind, name: "unknown action, then a known one", sends: []step{{422, []edit{body(action("CANARY"))}}, {200, nil}},
			saw: []string{wholes(kind)}, told: []error{callback.ErrUnknownAction}},
		shape{kind: kind, name: "other unique_id", sends: pair(goods(`"as_id":1,"unique_id":"a"`), goods(`"as_id":1,"unique_id":"b"`)),
			saw: []string{`returned 1  确认收货 ""`, `returned 1  确认收货 ""`}},
		shape{kind: kind, name: "repeated, outer number alone", sends: pair(goods(`"outer_as_id":"R"`), goods(`"outer_as_id":"R"`)), saw: []string{`returned 0 R 确认收货 ""`}},
		shape{kind: kind, name: "outer number like another's number", sends: pair(goods(`"outer_as_id":"1"`), goods(`"as_id":1`)),
			saw: []string{`returned 0 1 确认收货 ""`, `returned 1  确认收货 ""`}},
	)
}

func stockShapes() []shape {
	const kind = jushuitan.PushStock
	row := func(sku, qty, minute string) string {
		return fmt.Sprintf(`{"sku_id":%q,"qty":%s,"modified":"2023-11-14 12:%s:00"}`, sku, qty, minute)
	}
	list := func(rows ...string) string { return "[" + strings.Join(rows, ",") + "]" }
	out := variants(kind,
		variant{name: "bare list", body: `[{"id":0,"shop_id":0,"sku_id":"A","qty":1,"shop_sku_id":"B","i_id":null,"shop_i_id":null},{"sku_id":"B","qty":"0"}]`, saw: "stock [A/B 1] [B/ 0]"},
		variant{name: "bare list, byte order mark", body: bom + `[{"sku_id":"A","qty":1}]`, saw: "stock [A/ 1]"},
		variant{name: "single row", body: `{"sku_id":"A","qty":1.5}`, saw: "stock [A/ 1.5]"},
		variant{name: "bare list in a form", body: biz(`[{"sku_id":"A","qty":1}]`), saw: "stock [A/ 1]"},
		variant{name: "single row in a form", body: biz(`{"sku_id":"A","qty":1}`), saw: "stock [A/ 1]"},
		variant{name: "text for numbers", body: `{"datas":[{"id":"1","shop_id":"1","sku_id":"A","qty":"15"}]}`, saw: "stock [A/ 15]"},
		variant{name: "numbers for text", body: `{"datas":[{"sku_id":1,"shop_sku_id":2,"i_id":3,"qty":15}]}`, saw: "stock [1/2 15]"},
		variant{name: "text and numbers mixed", body: `{"datas":[{"sku_id":"A","qty":1},{"sku_id":"B","qty":"2"},{"sku_id":3,"qty":3}]}`, saw: "stock [A/ 1] [B/ 2] [3/ 3]"},
		variant{name: "below zero", body: `{"datas":[{"sku_id":"A","qty":-3}]}`, saw: "stock [A/ -3]"},
		variant{name: "shop's code alone", body: `{"datas":[{"shop_sku_id":"B","qty":1}]}`, saw: "stock [/B 1]"},
		variant{name: "no figure", body: `[{"sku_id":"CANARY"}]`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "figure is null", body: `{"datas":[{"sku_id":"CANARY","qty":null}]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "figure is empty", body: `{"datas":[{"sku_id":"CANARY","qty":""}]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "figure that is none", body: `{"datas":[{"sku_id":"A","qty":"CANARY"}]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "one bad row of two", body: `{"datas":[{"sku_id":"A","qty":1},{"sku_id":"CANARY"}]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "no SKU", body: `{"datas":[{"qty":1}]}`, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "another kind's message", body: cancelBody, status: 400, reason: jushuitan.ErrDecode},
		variant{name: "time that is none", body: `{"datas":[{"sku_id":"A","qty":1,"modified":"CANARY"}]}`, status: 400, reason: jushuitan.ErrDecode},
	)
	return append(out,
		shape{kind: kind, name: "older after newer", sends: pair(list(row("A", "1", "10")), list(row("A", "2", "09"))), saw: []string{"stock [A/ 1]"}},
		shape{kind: kind, name: "older after newer, in another shape", sends: pair(`{"datas":`+list(row("A", "1", "10"))+`}`, row("A", "2", "09")), saw: []string{"stock [A/ 1]"}},
		shape{kind: kind, name: "one row of two is older", sends: pair(list(row("A", "1", "10"), row("B", "1", "10")), list(row("A", "2", "09"), row("B", "2", "11"))),
			saw: []string{"stock [A/ 1] [B/ 1]", "stock [B/ 2]"}},
		shape{kind: kind, name: "older within one push", sends: send1(200, body(list(row("A", "1", "20"), row("A", "2", "19")))), saw: []string{"stock [A/ 1]"}},
		shape{kind: kind, name: "newer after older", sends: pair(list(row("A", "1", "09")), list(row("A", "2", "10"))), saw: []string{"stock [A/ 1]", "stock [A/ 2]"}},
		shape{kind: kind, name: "without a time after newer", sends: pair(list(row("A", "1", "10")), `[{"sku_id":"A","qty":2}]`), saw: []string{"stock [A/ 1]", "stock [A/ 2]"}},
		shape{kind: kind, name: "older of another merchant", sends: []step{
			{200, []edit{body(list(row("A", "1", "10")))}},
			{200, []edit{body(list(row("A", "2", "09"))), before(func(m *callbacktest.Message) { m.EntID = "9002" })}},
		}, saw: []string{"stock [A/ 1]", "stock [A/ 2]"}},
		shape{kind: kind, name: "older after a newer one that the host refused", sends: []step{
			{500, []edit{body(list(row("A", "1", "10")))}},
			{200, []edit{body(list(row("A", "2", "09")))}},
		}, host: func(call int) error {
			if call == 1 {
				return errHost
			}
			return nil
		}, saw: []string{"stock [A/ 1]", "stock [A/ 2]"}, told: []error{errHost}},
		shape{kind: kind, name: "older while a newer one runs", atOnce: true, sends: pair(list(row("A", "1", "10")), list(row("A", "2", "09"))),
			host: func(int) error { time.Sleep(time.Second); return nil }, saw: []string{"stock [A/ 1]"}},
		shape{kind: kind, name: "older after newer, kept", sends: pair(list(row("A", "1", "10")), list(row("A", "2", "09"))),
			config: func(c *callback.Config) { c.DropStaleStock = false }, saw: []string{"stock [A/ 1]", "stock [A/ 2]"}},
		shape{kind: kind, name: "type of the URL", sends: send1(200, before(func(m *callbacktest.Message) { m.Type = "2" })), saw: []string{wholes(kind)}},
	)
}

// TestParsers: the parsers of package jushuitan read every body that the receiver accepts.
func TestParsers(t *testing.T) {
	parsers := map[jushuitan.PushMethod]func([]byte) (any, error){
		jushuitan.PushShipment:      func(b []byte) (any, error) { return jushuitan.ParseShipmentPush(b) },
		jushuitan.PushCancel:        func(b []byte) (any, error) { return jushuitan.ParseCancelPush(b) },
		jushuitan.PushGoodsReturned: func(b []byte) (any, error) { return jushuitan.ParseGoodsReturnedPush(b) },
		jushuitan.PushStock:         func(b []byte) (any, error) { return jushuitan.ParseStockPush(b) },
	}
	for _, kind := range kinds() {
		want, err := parsers[kind]([]byte(bodies[kind]))
		require.NoError(t, err)
		for _, text := range []string{bodies[kind], bom + bodies[kind], "\n" + bodies[kind] + " ", biz(bodies[kind]), bom + biz(bodies[kind])} {
			got, err := parsers[kind]([]byte(text))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		for _, text := range []string{"", bom + " ", "CANARY", "a=CANARY", "null", "{}", biz("CANARY"), `{"so_id":"CANARY`} {
			_, err := parsers[kind]([]byte(text))
			require.ErrorIs(t, err, jushuitan.ErrDecode, text)
			assert.NotContains(t, err.Error(), "CANARY")
		}
	}
	rows, err := jushuitan.ParseStockPush([]byte(biz(`[{"sku_id":"A","qty":"1"},{"sku_id":"B","qty":2}]`)))
	require.NoError(t, err)
	assert.Len(t, rows.Rows, 2)
}

// TestForgedIsNotRead: of a body of unknown length little is read where the query
// is refused, and nothing of one that announces to be long.
func TestForgedIsNotRead(t *testing.T) {
	for _, tt := range []struct{ announced, most int64 }{{-1, 1024}, {1 << 20, 0}} {
		var h host
		long := strings.NewReader(strings.Repeat("x", 1<<20))
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+query(jushuitan.PushStock)+"0", io.NopCloser(long))
		req.ContentLength = tt.announced
		w := httptest.NewRecorder()
		receiver(t, h.config()).Stock().ServeHTTP(w, req)
		assertFailure(t, w, http.StatusForbidden)
		assert.LessOrEqual(t, long.Size()-int64(long.Len()), tt.most)
		assert.Empty(t, h.seen)
	}
}

// TestEnvelope: what the host is told besides the message.
func TestEnvelope(t *testing.T) {
	for _, kind := range kinds() {
		for _, text := range []string{bodies[kind], biz(bodies[kind]), bom + bodies[kind] + "\n"} {
			var h host
			m := callbacktest.Message{Method: kind, EntID: "9001", StorageCode: "10101010", Type: "x", TS: time.Unix(1700000000, 0), Body: text}
			assert.True(t, serve(t, handlers(receiver(t, h.config()))[kind], m).OK())
			require.Len(t, h.envs, 1)
			env := h.envs[0]
			assert.True(t, bytes.Equal([]byte(text), env.Raw))
			env.Raw = nil
			assert.Equal(t, callback.Envelope{
				EntID: "9001", StorageCode: "10101010", Type: "x", Method: kind, TS: env.TS,
				RemoteAddr: "192.0.2.1:1234", Source: netip.MustParseAddr("192.0.2.1"), ChecksumForm: "sorted",
			}, env)
			assert.Equal(t, "2023-11-15T06:13:20+08:00", env.TS.Format(time.RFC3339))
		}
	}
}
