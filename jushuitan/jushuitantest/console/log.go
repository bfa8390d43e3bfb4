package console

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The bounds of the request log.
const (
	loggedRequests = 500
	loggedBytes    = 64 << 10 // of a request's and of an answer's text
)

// entry is one request to the API and its answer, masked.
type entry struct {
	No     int64           `json:"no"`
	Time   string          `json:"time"`
	Path   string          `json:"path"`
	Status int             `json:"status"` // 0: the connection was cut
	Code   json.RawMessage `json:"code,omitempty"`
	Msg    string          `json:"msg,omitempty"`
	Biz    json.RawMessage `json:"biz,omitempty"`
}

type requestLog struct {
	hidden map[string]bool // names of members with personal data

	mu      sync.Mutex
	no      int64
	entries []entry
}

func newRequestLog() *requestLog {
	l := &requestLog{hidden: map[string]bool{}}
	groups, err := catalog.Load()
	if err != nil {
		panic(err) // the catalog is part of the program and tested
	}
	for _, g := range groups {
		for _, op := range g.Operations {
			for _, fields := range [][]*catalog.Field{op.Request, op.Response} {
				for _, f := range fields {
					if f.PII {
						l.hidden[f.Leaf()] = true
					}
				}
			}
		}
	}
	return l
}

// watch notes what passes to the API and back.
func (l *requestLog) watch(s *jushuitantest.Server, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, came := &head{}, &head{}
		e := entry{Time: clock(s.Now()), Path: r.URL.Path}
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

// fill reads what is shown of a request and its answer.
func (l *requestLog) fill(e *entry, request, answer []byte) {
	if form, err := url.ParseQuery(string(request)); err == nil && form.Has("biz") {
		e.Biz = l.masked([]byte(form.Get("biz")))
	}
	var reply struct {
		Code json.RawMessage `json:"code"`
		Msg  string          `json:"msg"`
	}
	if json.Unmarshal(answer, &reply) == nil {
		e.Code = reply.Code
		e.Msg = reply.Msg
	}
}

// masked is a JSON text without personal data; one that cannot be read is only
// measured.
func (l *requestLog) masked(text []byte) json.RawMessage {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return json.RawMessage(`"` + redact.Mask + `"`)
	}
	out, err := json.Marshal(l.mask(v))
	if err != nil {
		return json.RawMessage(`"` + redact.Mask + `"`)
	}
	return out
}

func (l *requestLog) mask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if l.hides(name) && member != nil && member != "" {
				v[name] = redact.Mask
				continue
			}
			v[name] = l.mask(member)
		}
	case []any:
		for i := range v {
			v[i] = l.mask(v[i])
		}
	}
	return v
}

// hides tells whether a member is personal: by the catalog, and by its name where
// the catalog does not know it.
func (l *requestLog) hides(name string) bool {
	if l.hidden[name] {
		return true
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"receiver", "buyer", "phone", "mobile", "address", "token", "secret", "sign"}, func(part string) bool {
		return strings.Contains(name, part)
	})
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

// after gives what came after an entry, oldest first.
func (l *requestLog) after(no int64) []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []entry{}
	for _, e := range l.entries {
		if e.No > no {
			out = append(out, e)
		}
	}
	return out
}

// pushEntry is one push and what became of it.
type pushEntry struct {
	No       int64  `json:"no"`
	Time     string `json:"time"`
	Method   string `json:"method"`
	ShopID   int64  `json:"shop_id"`
	URL      string `json:"url"`
	Done     bool   `json:"done"`
	OK       bool   `json:"ok"`
	Attempts int    `json:"attempts"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Error    string `json:"error,omitempty"`
}

// pushes gives the pushes after a number, oldest first. One that is not done yet
// changes later: ask from before it again.
func (c *console) pushes(after int64) []pushEntry {
	out := []pushEntry{}
	for i, p := range c.srv.Pushes() {
		if int64(i+1) <= after {
			continue
		}
		e := pushEntry{
			No: int64(i + 1), Time: clock(p.Time), Method: string(p.Method), ShopID: p.ShopID, URL: p.URL,
			Done: p.Done, OK: p.Delivered(), Attempts: p.Attempts, Status: p.Status, Code: p.Code,
		}
		if p.Err != nil {
			e.Error = p.Err.Error()
		}
		out = append(out, e)
	}
	return out
}

// head keeps the first bytes of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := loggedBytes - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// recorder notes the status and the beginning of an answer.
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
