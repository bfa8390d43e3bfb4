package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The limits of the request log.
const (
	loggedRequests = 500
	loggedPushes   = 500
	loggedBytes    = 32 << 10 // of a request's and of an answer's text
)

// entry is one request to the API and its answer, masked.
type entry struct {
	No     int64           `json:"no"`
	Time   string          `json:"time"`
	Path   string          `json:"path"`
	Method string          `json:"method,omitempty"` // of Qimen, if a gateway is behind the console
	Status int             `json:"status"`           // 0: the connection was cut
	Code   json.RawMessage `json:"code,omitempty"`
	Msg    string          `json:"msg,omitempty"`
	Biz    json.RawMessage `json:"biz,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"` // omitted unless it is JSON of limited length
}

// operation is an operation of the API.
type operation struct {
	Path    string `json:"path"`
	Title   string `json:"title"`
	TitleEN string `json:"title_en"`
}

type requestLog struct {
	hidden     map[string]map[string]bool // by path: names of members with personal data
	paths      map[string]bool            // of all operations
	operations []operation

	mu      sync.Mutex
	no      int64
	entries []entry
}

func newRequestLog() *requestLog {
	l := &requestLog{hidden: map[string]map[string]bool{}, paths: map[string]bool{}}
	groups, err := catalog.Load()
	if err != nil {
		panic(err) // cannot happen: the catalog is embedded and tested
	}
	for _, g := range groups {
		for _, op := range g.Operations {
			l.operations = append(l.operations, operation{op.Path, op.TitleZH, op.TitleEN})
			hidden := map[string]bool{}
			for _, fields := range [][]*catalog.Field{op.Request, op.Response} {
				for _, f := range fields {
					if f.PII {
						hidden[f.Leaf()] = true
					}
				}
			}
			for _, path := range append([]string{op.Path}, op.AltPaths...) {
				l.paths[path], l.hidden[path] = true, hidden
			}
		}
	}
	return l
}

// watch records requests to the API and their answers.
func (l *requestLog) watch(s *jushuitantest.Server, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, came := &head{}, &head{}
		e := entry{Time: clock(s.Now()), Path: r.URL.Path, Method: r.URL.Query().Get("method")}
		if r.Body != nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, came), r.Body}
		}
		out := &recorder{ResponseWriter: w, sent: sent}
		defer func() { // the API cuts connections by a panic
			e.Status = out.status
			l.fill(&e, came.Bytes(), sent.Bytes())
			l.add(e)
		}()
		api.ServeHTTP(out, r)
	})
}

// fill extracts the shown part of a request and its answer.
func (l *requestLog) fill(e *entry, request, answer []byte) {
	if form, err := url.ParseQuery(string(request)); err == nil {
		if form.Has("biz") {
			e.Biz = l.masked(e.Path, []byte(form.Get("biz")))
		}
		e.Method = cmp.Or(e.Method, form.Get("method"))
	}
	if e.Method != "" {
		e.Code, e.Msg = qimenEnvelope(answer)
		return // the catalog, which marks personal data, does not have it
	}
	var whole bool
	if e.Code, e.Msg, whole = envelope(answer); whole {
		e.Answer = l.masked(e.Path, answer)
	}
}

// envelope decodes the code and the message of an answer, which may be truncated. It
// reports whether the answer is complete.
func envelope(answer []byte) (code json.RawMessage, msg string, whole bool) {
	dec := json.NewDecoder(bytes.NewReader(answer))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, "", false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return code, msg, false
		}
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return code, msg, false
		}
		switch name {
		case "code":
			code = v
		case "msg":
			_ = json.Unmarshal(v, &msg) // only text is shown
		}
	}
	_, err := dec.Token()
	return code, msg, err == nil
}

// qimenEnvelope decodes an answer of Qimen in either format; success has code 0.
func qimenEnvelope(answer []byte) (code json.RawMessage, msg string) {
	var got struct {
		Response struct {
			Flag    string `json:"flag"`
			Code    any    `json:"code"`
			Message string `json:"message"`
		} `json:"response"`
	}
	flag, text := "", ""
	if json.Unmarshal(answer, &got) == nil {
		flag, msg = got.Response.Flag, got.Response.Message
		if got.Response.Code != nil {
			text = fmt.Sprint(got.Response.Code)
		}
	} else {
		var v struct {
			Flag    string `xml:"flag"`
			Code    string `xml:"code"`
			Message string `xml:"message"`
		}
		if xml.Unmarshal(answer, &v) != nil {
			return nil, ""
		}
		flag, text, msg = v.Flag, v.Code, v.Message
	}
	if flag == "success" {
		return json.RawMessage("0"), ""
	}
	code, err := json.Marshal(cmp.Or(text, flag))
	if err != nil || flag == "" && text == "" {
		return nil, msg
	}
	return code, msg
}

// masked returns a JSON text of an operation without personal data, or nothing if it
// cannot be decoded.
func (l *requestLog) masked(path string, text []byte) json.RawMessage {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return json.RawMessage(`"` + redact.Mask + `"`)
	}
	out, err := json.Marshal(mask(v, l.hidden[path]))
	if err != nil {
		return json.RawMessage(`"` + redact.Mask + `"`)
	}
	return out
}

// shownReply limits an answer to a push that is no JSON, such as an error page.
const shownReply = 500 // characters

var secretText = regexp.MustCompile(`[A-Za-z0-9_-]{16,}`)

// reply returns the answer to a push. It may be no JSON: then it is shown as text, without
// what could be a token or a mobile number.
func (l *requestLog) reply(answer string) json.RawMessage {
	switch {
	case answer == "":
		return nil
	case json.Valid([]byte(answer)):
		return l.masked("", []byte(answer))
	}
	text := []rune(secretText.ReplaceAllString(redact.Text(strings.ToValidUTF8(answer, "\ufffd")), redact.Mask))
	if len(text) > shownReply {
		text = append(text[:shownReply], '…')
	}
	out, err := json.Marshal(string(text))
	if err != nil {
		return nil // cannot happen: a text
	}
	return out
}

func mask(v any, hidden map[string]bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if (hidden[name] || private(name)) && member != nil && member != "" {
				v[name] = redact.Mask
				continue
			}
			v[name] = mask(member, hidden)
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i], hidden)
		}
	}
	return v
}

// private reports whether a member that the catalog does not mark is personal or secret
// by its name.
func private(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{
		"receiver", "buyer", "phone", "mobile", "address", "email", "contact", "account", "bank", "token", "secret", "sign",
	}, func(part string) bool { return strings.Contains(name, part) })
}

func (l *requestLog) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.no++
	e.No = l.no
	if len(l.entries) >= loggedRequests {
		l.entries = slices.Delete(l.entries, 0, len(l.entries)-loggedRequests+1)
	}
	l.entries = append(l.entries, e)
}

// requests returns the requests after an entry, oldest first.
func (c *console) requests(r *http.Request, _ *jushuitantest.Company) (any, error) {
	from, err := after(r)
	if err != nil {
		return nil, err
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	out := []entry{}
	for _, e := range c.log.entries {
		if e.No > from {
			out = append(out, e)
		}
	}
	return out, nil
}

// operations returns the operations of the API, to choose the path of a fault.
func (c *console) operations(*http.Request, *jushuitantest.Company) (any, error) {
	return c.log.operations, nil
}

// pushEntry is a push and its outcome.
type pushEntry struct {
	No       int64  `json:"no"`
	Time     string `json:"time"`
	Merchant string `json:"merchant"`
	Method   string `json:"method"`
	ShopID   int64  `json:"shop_id"`
	URL      string `json:"url"`
	Done     bool   `json:"done"`
	OK       bool   `json:"ok"`
	Attempts int    `json:"attempts"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Error    string `json:"error,omitempty"`

	Body   json.RawMessage `json:"body,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"` // a JSON string if the answer is no JSON
}

// pushes returns the pushes after a number, oldest first. One that is not done yet
// changes later: query it again.
func (c *console) pushes(r *http.Request, _ *jushuitantest.Company) (any, error) {
	from, err := after(r)
	if err != nil {
		return nil, err
	}
	out := []pushEntry{}
	all := c.srv.Pushes()
	from = max(from, int64(len(all)-loggedPushes))
	for no := from + 1; no <= int64(len(all)); no++ {
		p := all[no-1]
		e := pushEntry{
			No: no, Time: clock(p.Time), Merchant: p.Merchant, Method: string(p.Method), ShopID: p.ShopID, URL: p.URL,
			Done: p.Done, OK: p.Delivered(), Attempts: p.Attempts, Status: p.Status, Code: p.Code,
		}
		if p.Err != nil {
			e.Error = p.Err.Error()
		}
		if p.Body != "" {
			e.Body = c.log.masked("", []byte(p.Body))
		}
		e.Answer = c.log.reply(p.Answer)
		out = append(out, e)
	}
	return out, nil
}

// head keeps the first bytes of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := loggedBytes - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// recorder records the status and the beginning of an answer.
type recorder struct {
	http.ResponseWriter
	sent   *head
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_, _ = r.sent.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets the API flush and take over the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
