package call

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// Show determines how the recorded request and answer are shown to the host.
type Show struct {
	Personal bool            // personal data is not masked
	Names    map[string]bool // of members with personal data, see [redact.Folded]
}

// Wire is the request and the answer of one attempt, masked.
type Wire struct {
	URL      string // without the query
	Params   url.Values
	Request  string // the body, unless it is a form
	Header   http.Header
	Response string
}

// look records what is shown of an attempt if there is a function to receive it. It copies,
// because the buffer of the body is reused.
func (l *loop[O]) look(seen *Seen[O], req *http.Request, resp *http.Response, body []byte) {
	if l.OnExchange == nil {
		return
	}
	mask := redact.Wire{Names: l.Show.Names, Personal: l.Show.Personal, Values: l.Service.Secrets()}
	if !mask.Personal {
		mask.Values = append(mask.Values, l.Service.Personal()...)
	}
	address := *req.URL
	address.RawQuery, address.User = "", nil
	params, sent := req.URL.Query(), sentBody(req)
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(sent)) // written by this module
		maps.Copy(params, form)
		sent = nil
	}
	w := &Wire{URL: mask.Text(address.String()), Params: mask.Params(params), Request: mask.Body(sent)}
	if resp != nil {
		w.Header, w.Response = mask.Header(resp.Header), mask.Body(body)
	}
	seen.Wire = w
}

// sentBody returns the body of a request that has already been sent.
func sentBody(req *http.Request) []byte {
	if req.GetBody == nil {
		return nil
	}
	r, err := req.GetBody()
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(r) // from memory
	return body
}
