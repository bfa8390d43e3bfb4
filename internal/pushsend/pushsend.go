// Package pushsend sends pushes like Jushuitan: it adds its own parameters to a
// registered URL, signs them, posts the message and reads the code of the answer.
package pushsend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// Form is a signing scheme of the parameter sign, named as in [pushsign.Valid].
type Form string

// The forms.
const (
	Sorted         Form = "sorted"           // all parameters, sorted by name
	TimeOnly       Form = "ts"               // only ts
	ArrivalTSFirst Form = "arrival-ts-first" // all parameters, ts first, the others as they stand in the URL
	Arrival        Form = "arrival"          // all parameters as they stand in the URL
	Unsigned       Form = "off"              // the parameter is left out
)

// sign returns the parameter sign for a query without one.
func (f Form) sign(method, rawQuery string) (string, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", errors.New("the query cannot be read") // err quotes it
	}
	switch f {
	case Sorted:
		return pushsign.Sorted(method, query), nil
	case TimeOnly:
		return pushsign.TimeOnly(method, query), nil
	case ArrivalTSFirst:
		return pushsign.Arrival(method, rawQuery, true), nil
	case Arrival:
		return pushsign.Arrival(method, rawQuery, false), nil
	}
	return "", fmt.Errorf("unknown signing scheme %q", string(f))
}

// A Push is one message to one registered URL.
type Push struct {
	URL    string // as it is registered; its query is kept byte for byte and comes first
	Query  string // more of that query, escaped
	Method string // of the push, not of HTTP
	TS     time.Time
	Form   Form
	Body   []byte // the JSON
	Biz    bool   // send it as biz of a form
}

// Request returns the signed request. Its errors do not quote the URL, which may contain a
// token.
func (p Push) Request(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errNoURL()
	}
	var query []string
	for _, part := range []string{u.RawQuery, p.Query} {
		if part != "" {
			query = append(query, part)
		}
	}
	query = append(query, "ts="+strconv.FormatInt(p.TS.Unix(), 10), "partnerid="+pushsign.Key, "method="+url.QueryEscape(p.Method))
	u.RawQuery = strings.Join(query, "&")
	if p.Form != Unsigned {
		sign, err := p.Form.sign(p.Method, u.RawQuery)
		if err != nil {
			return nil, err
		}
		u.RawQuery += "&sign=" + sign
	}
	body, contentType := p.Body, "application/json; charset=utf-8"
	if p.Biz {
		body, contentType = []byte(url.Values{"biz": {string(body)}}.Encode()), "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil || req.URL.RawQuery != u.RawQuery { // a query that is none, with a # in it
		return nil, errNoURL()
	}
	req.Header.Set("Content-Type", contentType)
	return req, nil
}

func errNoURL() error { return errors.New("the address is not a URL") }

// Reply is what a receiver answered.
type Reply struct {
	Status int
	Code   string // the member code, text or number; "" where there is none
	Body   []byte
}

// OK reports whether the push was acknowledged.
func (r Reply) OK() bool { return r.Status == http.StatusOK && r.Code == "0" }

// Read decodes an answer.
func Read(status int, body []byte) Reply {
	var answer map[string]json.RawMessage // by exact name: an ERP that looks for code sees no Code
	code := ""
	if wire.Unmarshal(body, &answer) != nil || wire.Unmarshal(answer["code"], &code) != nil {
		code = ""
	}
	return Reply{Status: status, Code: code, Body: body}
}

// maxReply limits the size of an answer.
const maxReply = 1 << 20

// Do sends a request and reads the answer. The error does not contain the URL. A
// truncated reply has only its status.
func Do(client *http.Client, req *http.Request) (Reply, error) {
	res, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok { // it holds the whole address
			err = u.Err
		}
		return Reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return Reply{Status: res.StatusCode}, fmt.Errorf("the answer was cut off: %w", err)
	}
	return Read(res.StatusCode, body), nil
}

// Client returns a client with a transport, nil for the default one, that does not follow
// redirects: a redirect does not acknowledge a push.
func Client(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
