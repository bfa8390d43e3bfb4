// Package callbacktest sends Jushuitan's pushes to a host's handlers, for tests,
// and checks implementations of callback.Deduper.
package callbacktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Message is a push to be sent.
type Message struct {
	Method      jushuitan.PushMethod // may be left out where Body is one of the four messages
	EntID       string               // of the registered URL, left out when empty
	StorageCode string
	Type        string
	TS          time.Time  // zero: now
	Extra       url.Values // further parameters of the registered URL

	// Body is a message (*jushuitan.ShipmentPush ...), which is encoded as JSON, or
	// the text to be sent: string or []byte.
	Body any
	// Form sends the JSON as biz of a form.
	Form bool

	// Secret makes the token of the registered URL; "" leaves it out.
	Secret string
	// Checksum is the way of signing: sorted where none is named, and no sign at all
	// for [callback.ChecksumOff].
	Checksum callback.Checksum
}

// Format prints the message without body and secret.
func (m Message) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "callbacktest.Message{Method:%q EntID:%q StorageCode:%q}", string(m.Method), m.EntID, m.StorageCode)
}

// LogValue is the message for slog, without body and secret.
func (m Message) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Token is the token of a registered URL, for the query parameter token.
func Token(secret string, method jushuitan.PushMethod, entID, storageCode string) string {
	return pushsign.Token(secret, string(method), entID, storageCode)
}

// Request makes the signed request: a POST to the address, whose own parameters
// come first in the query.
func (m Message) Request(ctx context.Context, address string) (*http.Request, error) {
	body, method, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("callbacktest: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("callbacktest: the address is not a URL")
	}
	var query []string
	if u.RawQuery != "" {
		query = append(query, u.RawQuery)
	}
	add := func(name, value string) { query = append(query, name+"="+url.QueryEscape(value)) }
	for _, p := range [][2]string{{"entId", m.EntID}, {"storageCode", m.StorageCode}, {"type", m.Type}} {
		if p[1] != "" {
			add(p[0], p[1])
		}
	}
	if len(m.Extra) > 0 {
		query = append(query, m.Extra.Encode())
	}
	if m.Secret != "" {
		add(pushsign.TokenParam, Token(m.Secret, method, m.EntID, m.StorageCode))
	}
	ts := m.TS
	if ts.IsZero() {
		ts = time.Now()
	}
	add("ts", strconv.FormatInt(ts.Unix(), 10))
	add("partnerid", pushsign.Key)
	add("method", string(method))
	if m.Checksum != callback.ChecksumOff {
		sign, err := m.Checksum.Sign(method, strings.Join(query, "&"))
		if err != nil {
			return nil, err
		}
		add("sign", sign)
	}
	u.RawQuery = strings.Join(query, "&")
	contentType := "application/json; charset=utf-8"
	if m.Form {
		contentType = "application/x-www-form-urlencoded"
		body = url.Values{"biz": {body}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("callbacktest: the address is not a URL")
	}
	req.Header.Set("Content-Type", contentType)
	return req, nil
}

func (m Message) encode() (string, jushuitan.PushMethod, error) {
	method := m.Method
	known := func(of jushuitan.PushMethod) {
		if method == "" {
			method = of
		}
	}
	switch body := m.Body.(type) {
	case nil:
		return "", method, nil
	case string:
		return body, method, nil
	case []byte:
		return string(body), method, nil
	case *jushuitan.ShipmentPush:
		known(jushuitan.PushShipment)
	case *jushuitan.CancelPush:
		known(jushuitan.PushCancel)
	case *jushuitan.GoodsReturnedPush:
		known(jushuitan.PushGoodsReturned)
	case *jushuitan.StockPush:
		known(jushuitan.PushStock)
	default:
		return "", "", fmt.Errorf("the body is a %T: want a pointer to a message, or text", m.Body)
	}
	text, err := wire.MarshalExact(m.Body)
	return string(text), method, err
}

// Reply is what the receiver answered.
type Reply struct {
	Status int    // HTTP status
	Code   string // the member code, "" where there is none
	Body   string
}

// OK reports whether the message was acknowledged.
func (r Reply) OK() bool { return r.Status == http.StatusOK && r.Code == "0" }

// Serve gives the message to a handler, as a request to the path (or whole
// address), and returns its answer.
func (m Message) Serve(ctx context.Context, h http.Handler, path string) (Reply, error) {
	req, err := m.Request(ctx, path)
	if err != nil {
		return Reply{}, err
	}
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:1234"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return reply(w.Code, w.Body.Bytes()), nil
}

// Send posts the message to an address; nil is a client that follows no
// redirects.
func (m Message) Send(ctx context.Context, client *http.Client, address string) (Reply, error) {
	req, err := m.Request(ctx, address)
	if err != nil {
		return Reply{}, err
	}
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	res, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // it holds the whole address
			err = u.Err
		}
		return Reply{}, fmt.Errorf("callbacktest: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return Reply{}, fmt.Errorf("callbacktest: the answer was cut off: %w", err)
	}
	return reply(res.StatusCode, body), nil
}

func reply(status int, body []byte) Reply {
	r := Reply{Status: status, Body: string(body)}
	var answer struct {
		Code string `json:"code"`
	}
	if wire.Unmarshal(body, &answer) == nil {
		r.Code = answer.Code
	}
	return r
}
