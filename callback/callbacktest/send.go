// Package callbacktest sends Jushuitan's pushes to a host's handlers, for tests,
// and checks implementations of jushuitan.Deduper.
//
//	reply, err := callbacktest.Message{
//		EntID: "10010", StorageCode: "10200077", Secret: secret,
//		Body: &jushuitan.ShipmentPush{OID: 1, SoID: "MALL-1", LID: "SF1"},
//	}.Serve(ctx, receiver, "/dex/jushuitan/delivery_callback")
//
// The message is signed and its URL has a token, as the real one's would.
package callbacktest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/pushsend"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Message is a push to be sent.
type Message struct {
	Method      jushuitan.PushMethod // optional if Body is one of the four messages
	EntID       string               // of the registered URL, omitted if empty
	StorageCode string
	Type        string
	TS          time.Time  // zero means now
	Extra       url.Values // further parameters of the registered URL

	// Body is a message (*jushuitan.ShipmentPush ...), which is encoded as JSON, or the
	// text to send: string or []byte.
	Body any
	// Form sends the JSON in the field biz of a form.
	Form bool

	// Secret derives the token of the registered URL; "" omits it.
	Secret string
	// Checksum is the signing scheme, sorted by default; [callback.ChecksumOff] omits
	// the sign.
	Checksum callback.Checksum
}

// Format prints the message without body and secret.
func (m Message) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "callbacktest.Message{Method:%q EntID:%q StorageCode:%q}", string(m.Method), m.EntID, m.StorageCode)
}

// LogValue is the message for slog, without body and secret.
func (m Message) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Token returns the token of a registered URL, for the query parameter token.
func Token(secret string, method jushuitan.PushMethod, entID, storageCode string) string {
	return pushsign.Token(secret, string(method), entID, storageCode)
}

// Request returns the signed request: a POST to the address, whose own parameters come
// first in the query.
func (m Message) Request(ctx context.Context, address string) (*http.Request, error) {
	body, method, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("callbacktest: %w", err)
	}
	push := pushsend.Push{
		URL: address, Query: m.query(method), Method: string(method), TS: m.TS, Form: form(m.Checksum), Body: body, Biz: m.Form,
	}
	if push.TS.IsZero() {
		push.TS = time.Now()
	}
	req, err := push.Request(ctx)
	if err != nil {
		return nil, fmt.Errorf("callbacktest: %w", err)
	}
	return req, nil
}

// query returns the parameters of the registered URL.
func (m Message) query(method jushuitan.PushMethod) string {
	var query []string
	add := func(name, value string) {
		if value != "" {
			query = append(query, name+"="+url.QueryEscape(value))
		}
	}
	add("entId", m.EntID)
	add("storageCode", m.StorageCode)
	add("type", m.Type)
	if len(m.Extra) > 0 {
		query = append(query, m.Extra.Encode())
	}
	if m.Secret != "" {
		add(pushsign.TokenParam, Token(m.Secret, method, m.EntID, m.StorageCode))
	}
	return strings.Join(query, "&")
}

// form returns the signing scheme of a policy.
func form(c callback.Checksum) pushsend.Form {
	switch c {
	case callback.ChecksumAny:
		return pushsend.Sorted
	case callback.ChecksumOff:
		return pushsend.Unsigned
	}
	return pushsend.Form(c.String())
}

func (m Message) encode() ([]byte, jushuitan.PushMethod, error) {
	method := m.Method
	switch body := m.Body.(type) {
	case nil:
		return nil, method, nil
	case string:
		return []byte(body), method, nil
	case []byte:
		return body, method, nil
	case jushuitan.PushMessage:
		if method == "" {
			method = body.PushMethod()
		}
	default:
		return nil, "", fmt.Errorf("the body is a %T: want a pointer to a message, or text", m.Body)
	}
	text, err := wire.MarshalExact(m.Body)
	return text, method, err
}

// Reply is what the receiver answered.
type Reply struct {
	Status int    // HTTP status
	Code   string // the member code, "" where there is none
	Body   string
}

// OK reports whether the message was acknowledged.
func (r Reply) OK() bool { return r.Status == http.StatusOK && r.Code == "0" }

// Serve passes the message to a handler, as a request to the path (or whole
// address), and returns its answer.
func (m Message) Serve(ctx context.Context, h http.Handler, path string) (Reply, error) {
	req, err := m.Request(ctx, path)
	if err != nil {
		return Reply{}, err
	}
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:1234"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return reply(pushsend.Read(w.Code, w.Body.Bytes())), nil
}

// Send posts the message to an address. A nil client means one that does not follow
// redirects.
func (m Message) Send(ctx context.Context, client *http.Client, address string) (Reply, error) {
	req, err := m.Request(ctx, address)
	if err != nil {
		return Reply{}, err
	}
	if client == nil {
		client = pushsend.Client(nil, 0)
	}
	answer, err := pushsend.Do(client, req)
	if err != nil {
		return Reply{}, fmt.Errorf("callbacktest: %w", err)
	}
	return reply(answer), nil
}

func reply(r pushsend.Reply) Reply {
	return Reply{Status: r.Status, Code: r.Code, Body: string(r.Body)}
}
