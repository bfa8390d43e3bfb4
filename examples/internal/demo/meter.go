package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Meter counts what a host exchanges with the ERP, on the wire: it is the transport of the
// client's HTTP client, and the client's hook.
type Meter struct {
	Next http.RoundTripper

	calls, givenUp, retries, in, out atomic.Int64
}

// Traffic is what a [Meter] counted.
type Traffic struct {
	Calls   int // HTTP requests, including token requests and retries
	GivenUp int // of these, calls that were cancelled without an answer: they may have arrived, or not
	Retries int // of these, calls that the client retried: an answer was lost, a token expired, ...
	In      int // documents in answers: orders, outbound, after-sales, transfers, other in/out, parcels
	Out     int // documents in writes that the ERP accepted; each row of a list counts
}

// Traffic returns what was counted so far.
func (m *Meter) Traffic() Traffic {
	return Traffic{Calls: int(m.calls.Load()), GivenUp: int(m.givenUp.Load()), Retries: int(m.retries.Load()), In: int(m.in.Load()), Out: int(m.out.Load())}
}

// Hook counts retries.
func (m *Meter) Hook() jushuitan.Hook {
	return jushuitan.Hook{Before: func(_ context.Context, a jushuitan.Attempt) {
		if a.N > 1 {
			m.retries.Add(1)
		}
	}}
}

// RoundTrip counts one request and the documents in it.
func (m *Meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.calls.Add(1)
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := m.Next.RoundTrip(req)
	if err != nil {
		if req.Context().Err() != nil {
			m.givenUp.Add(1)
		}
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err == nil {
		m.count(req.URL.Path, body, answer)
	}
	// The client receives what could be read, then the error.
	resp.Body = &replay{Reader: io.MultiReader(bytes.NewReader(answer), failing{err}), Closer: resp.Body}
	return resp, nil
}

type replay struct {
	io.Reader
	io.Closer
}

// failing is a reader that only returns an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// count adds the documents of a call that the ERP carried out.
func (m *Meter) count(path string, request, answer []byte) {
	members := map[string]json.RawMessage{}
	if json.Unmarshal(answer, &members) != nil {
		return
	}
	if strings.HasPrefix(path, "/router/") { // Qimen, which is only used for reading here
		m.in.Add(int64(rows(answer)))
		return
	}
	op := operation(path)
	if code := string(members["code"]); op == nil || code != "0" && code != `"0"` {
		return
	}
	switch {
	case op.Effect != jushuitan.Read:
		m.out.Add(int64(sent(request) - refused(answer)))
	case isDocument(op.Service):
		m.in.Add(int64(rows(answer)))
	}
}

// operation finds an operation of the client by its path; token requests have none.
func operation(path string) *jushuitan.Operation {
	for _, op := range jushuitan.Operations() {
		if op.Path == path && op.Service != "" {
			return &op
		}
	}
	return nil
}

// isDocument distinguishes documents from shops, warehouses, goods and stock figures.
func isDocument(service string) bool {
	switch service {
	case "Orders", "Outbounds", "Logistics", "AfterSales", "Transfers", "OtherInOuts":
		return true
	}
	return false
}

// rows counts the rows of an answer: the member datas or orders, which may be nested.
func rows(answer json.RawMessage) int {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil {
		return 0
	}
	for _, name := range []string{"datas", "orders"} {
		var list []json.RawMessage
		if json.Unmarshal(members[name], &list) == nil && members[name] != nil {
			return len(list)
		}
	}
	n := 0
	for _, member := range members {
		n += rows(member)
	}
	return n
}

// refused counts the rows that an upload's answer rejects although the call was accepted.
func refused(answer json.RawMessage) int {
	var list []json.RawMessage
	n := 0
	if json.Unmarshal(answer, &list) == nil {
		for _, row := range list {
			n += refused(row)
		}
		return n
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil {
		return 0
	}
	if string(members["issuccess"]) == "false" || string(members["is_success"]) == "false" {
		return 1
	}
	for _, member := range members {
		n += refused(member)
	}
	return n
}

// sent counts the documents of a write.
func sent(form []byte) int {
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return 0
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(values.Get("biz")), &list) == nil {
		return len(list)
	}
	return 1
}
