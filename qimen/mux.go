package qimen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The defaults of [MuxConfig].
const (
	DefaultWindow  = 10 * time.Minute // the platform's own tolerance
	DefaultAnswers = 10_000
)

// MuxConfig says whom a [Mux] believes and how it remembers. Secrets and Merchant
// are needed; what else is zero has a default.
type MuxConfig struct {
	// Secrets returns the secrets of the own app that a message is for, the present one
	// first, then previous ones that are still accepted while the secret is changed.
	// The app key is that of target_appkey, or else of app_key. With none the message
	// is refused. Whether app_key of a standard message is the receiver's or the
	// sender's no source says plainly: who has one app only may use [OneApp], which
	// does not ask.
	Secrets func(ctx context.Context, appKey string) ([]string, error)

	// Merchant returns the host's own name of the merchant with a customer id
	// (奇门客户编码). An empty one refuses the message; an error is answered as one of
	// a handler is, so that a [*Failure] chooses the answer.
	Merchant func(ctx context.Context, customerID string) (merchant string, err error)

	// SignMethods are the algorithms that are accepted, all three by default.
	SignMethods []SignMethod

	// MaxAge and MaxAhead bound the time stamp before and after the present, so that
	// a message that somebody kept is not taken again later. 0 is [DefaultWindow]; less
	// than 0 is not checked.
	MaxAge, MaxAhead time.Duration
	// Now is the clock for these two; nil is time.Now.
	Now func() time.Time

	// Sources, if any, are the networks from which messages are accepted.
	Sources []netip.Prefix
	// ProxyHeader is the header in which trusted proxies name the sender, such as
	// X-Forwarded-For or X-Real-Ip. It is believed only if the connection comes from
	// one of Proxies; of several addresses the last that is no proxy counts.
	ProxyHeader string
	Proxies     []netip.Prefix

	// MaxBody is the longest body that is read, in bytes; 0 is [jushuitan.DefaultMaxBody].
	MaxBody int64
	// BodyTimeout is how long a body may take to arrive, where the server lets the
	// read be stopped; 0 is [jushuitan.DefaultBodyTimeout].
	BodyTimeout time.Duration

	// Deduper remembers what was done, so that a repeat is answered without a call;
	// nil is a [jushuitan.MemoryDeduper] with the default size. Processes that serve
	// the same URL should share one, and package callback may share it too.
	Deduper jushuitan.Deduper
	// NoDedupe calls the handler for repeats as well, at the same time even.
	NoDedupe bool
	// ClaimTTL bounds one run of a handler: its context ends then, and the message may
	// run again. After a crash a shared Deduper holds a message back for so long. 0 is
	// [jushuitan.DefaultClaimTTL].
	ClaimTTL time.Duration
	// CommitTTL is how long a repeat is known; 0 is [jushuitan.DefaultCommitTTL].
	CommitTTL time.Duration
	// Wait is how long a repeat waits for the run of the same message before it is
	// answered as failed; 0 is [jushuitan.DefaultWait], less than 0 is not at all.
	Wait time.Duration
	// Answers is how many first answers are kept in memory for repeats; 0 is
	// [DefaultAnswers]. See [HandleRepeat].
	Answers int

	// OnError is told the reason of every failure that is answered, which the answer
	// does not show: one of the errors of this package, a [*jushuitan.PanicError], or what the
	// host's function returned. It is told as well where the Deduper fails after a run.
	// Apart from the host's own errors no personal data is in it, and never a secret
	// or signature. The envelope holds what was known by then; nothing in it is to be
	// believed after [ErrSignature]. May be nil.
	OnError func(ctx context.Context, env Envelope, err error)
}

// OneApp is [MuxConfig].Secrets of a program that has one app: its present secret,
// then previous ones.
func OneApp(secrets ...string) func(context.Context, string) ([]string, error) {
	own := slices.Clone(secrets)
	return func(context.Context, string) ([]string, error) { return own, nil }
}

// Mux receives what the gateway forwards (奇门回传): it is an [http.Handler] for the
// registered URL that verifies each message and calls the handler of its method, see
// [Handle]. All answers are HTTP 200, in the sender's format (the parameter format,
// or else the form of the body), with flag success or failure:
//
//	code                 sub_code                        what
//	0                                                    success (1 for weborder.sync and update.salesorder, as documented)
//	sign-check-failure                                   not signed by the gateway for this app, too old, no POST, a probe
//	21, 22                                               no method, or one without handler
//	40, 41                                               a parameter is missing, or it or the body cannot be read or is too large
//	10                   isp.remote-service-unavailable  the same message is being handled, or a store failed: send it again
//	15                   isp.remote-service-error        the handler failed: send it again
//
// or what the handler chose with a [*Failure]. Nobody but [MuxConfig].OnError is
// told more.
//
// # Signature
//
// The parameters of the query and of a form, and the headers that the header
// top-sign-list names, are signed in the order of their names, then any other body
// as it arrived, with md5, hmac or hmac-sha256. Implementations differ in whether
// the name of an empty parameter takes part: both are accepted. The borders between
// names and values are not signed. Serve over TLS.
//
// # Repeats
//
// A repeat is a message of the same customer id and method with the same key
// (IdempotencyKey of its request: outBizCode, or the document's number). It is
// answered with success, without a call, once the first has returned nil; of two at
// once one runs and the other waits. Where the key is a state that is being set, or
// there is none, only the very same message, signed at the same second, is a repeat;
// queries are never deduplicated. A cancelled document ends the memory of its creation, and
// the other way round: it may be sent again.
//
// After a crash between the host's commit and the note of it a message runs again:
// a handler must bear that. Which answer a repeat gets, [HandleRepeat] says.
type Mux struct {
	cfg     MuxConfig
	xml     *xmlwire.Codec
	in      *receive.Receiver[Envelope, jushuitan.ClaimState]
	answers *answers

	mu      sync.RWMutex
	routes  map[string]*muxRoute    // by the short name
	repeats map[*Method]handlerFunc // of HandleRepeat
}

// handlerFunc handles a request that was read: with the host's function.
type handlerFunc func(ctx context.Context, env Envelope, req any) (any, error)

// muxRoute is what becomes of a method's messages.
type muxRoute struct {
	method *Method // nil: not in the table
	newReq func() any
	texts  map[string]bool // members of the request that are text
	handle handlerFunc
}

// NewMux makes a mux without handlers.
func NewMux(cfg MuxConfig) (*Mux, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("qimen: mux: %w", err)
	}
	cfg.SignMethods = slices.Clone(cfg.SignMethods)
	if len(cfg.SignMethods) == 0 {
		cfg.SignMethods = []SignMethod{MD5, HMACMD5, HMACSHA256}
	}
	cfg.MaxAge = cmp.Or(cfg.MaxAge, DefaultWindow)
	cfg.MaxAhead = cmp.Or(cfg.MaxAhead, DefaultWindow)
	m := &Mux{
		cfg:     cfg,
		answers: newAnswers(cmp.Or(cfg.Answers, DefaultAnswers)),
		routes:  map[string]*muxRoute{},
		repeats: map[*Method]handlerFunc{},
	}
	var err error
	m.in, err = receive.New(receive.Config[Envelope, jushuitan.ClaimState]{
		Sources: cfg.Sources, Proxies: cfg.Proxies, ProxyHeader: cfg.ProxyHeader,
		MaxAge: cfg.MaxAge, MaxAhead: cfg.MaxAhead, Now: cfg.Now, MaxBody: cfg.MaxBody, BodyTimeout: cfg.BodyTimeout,
		Deduper: cfg.Deduper, Memory: jushuitan.NewMemoryDeduper(0), NoDedupe: cfg.NoDedupe,
		ClaimTTL: cfg.ClaimTTL, CommitTTL: cfg.CommitTTL, Wait: cfg.Wait,
		Panic:  func(value any, stack []byte) error { return &jushuitan.PanicError{Value: value, Stack: stack} },
		Report: m.report,
	})
	if err != nil {
		return nil, fmt.Errorf("qimen: mux: %w", err)
	}
	m.xml = &xmlwire.Codec{Limits: xmlwire.Limits{Bytes: int(min(m.in.MaxBody(), maxInt))}}
	return m, nil
}

const maxInt = int64(^uint(0) >> 1)

func (c *MuxConfig) check() error {
	switch {
	case c.Secrets == nil:
		return errors.New("no Secrets: the secret of the own app is needed / 缺少 Secrets（自己应用的密钥）")
	case c.Merchant == nil:
		return errors.New("no Merchant: who has a customer id is needed / 缺少 Merchant（按奇门客户编码查商家）")
	}
	for _, s := range c.SignMethods {
		if !s.Known() {
			return fmt.Errorf("sign method %q is not known: use md5, hmac or hmac-sha256 / 不支持的签名方法", string(s))
		}
	}
	if c.Answers < 0 {
		return fmt.Errorf("the number of Answers is %d, must not be negative / 不能为负数", c.Answers)
	}
	return nil
}

// Handle calls fn for every message of the method whose request type is Req, such
// as [DeliveryOrderCreateRequest], with the answer type of the same method. fn may
// be called by many goroutines at once.
//
// When fn returns nil the message is answered with success and the members of the
// answer, which may be nil; success means that the document was created or
// confirmed. A [*Failure] in the error chooses the answer, with the members of the
// answer if there is one; any other error is answered in general words.
//
// Like Handle of [http.ServeMux] it panics where that cannot be: a type that is no
// request, an answer of another method, or a second handler of a method.
func Handle[Req, Resp any](m *Mux, fn func(ctx context.Context, env Envelope, req *Req) (*Resp, error)) {
	method := methodOf[Req, Resp]("Handle")
	m.add(method.Name, &muxRoute{
		method: method,
		newReq: func() any { return new(Req) },
		texts:  textMembers(reflect.TypeFor[Req]()),
		handle: typed(fn),
	})
}

// HandleRepeat tells the answer of a repeat whose first answer is forgotten: fn
// looks the document up and does nothing else. The request is the repeat's.
//
// The first answers are kept in memory, [MuxConfig].Answers of them, so that a
// repeat has the same ids (deliveryOrderId, entryOrderId) as the first message had.
// They are not kept over a restart, nor for the other processes that share a
// Deduper: then fn is asked, and without fn the answer is success, without members,
// with the message "message repeated".
//
// It panics like [Handle]. It may stand before or after Handle of its method.
func HandleRepeat[Req, Resp any](m *Mux, fn func(ctx context.Context, env Envelope, req *Req) (*Resp, error)) {
	method := methodOf[Req, Resp]("HandleRepeat")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.repeats[method] != nil {
		panic("qimen: HandleRepeat: a second function for " + method.Name)
	}
	m.repeats[method] = typed(fn)
}

// HandleRaw calls fn for every message of a method by its name, with or without the
// prefix taobao.qimen., whether this package knows it or not, with the body as it
// arrived. The answer is nil, a struct, a map or the text of a JSON object; see
// [Handle] for the error. As the key of the message is not known, only the very same
// message is a repeat. It panics for an empty name or a second handler.
func (m *Mux) HandleRaw(method string, fn func(ctx context.Context, env Envelope, body []byte) (any, error)) {
	m.add(method, &muxRoute{
		method: methodAt(method),
		handle: func(ctx context.Context, env Envelope, _ any) (any, error) { return fn(ctx, env, env.Raw) },
	})
}

func typed[Req, Resp any](fn func(ctx context.Context, env Envelope, req *Req) (*Resp, error)) handlerFunc {
	return func(ctx context.Context, env Envelope, req any) (any, error) {
		resp, err := fn(ctx, env, req.(*Req))
		if resp == nil {
			return nil, err
		}
		return resp, err
	}
}

// methodOf finds the method with a request and an answer type.
func methodOf[Req, Resp any](who string) *Method {
	for _, m := range methods {
		if m.newRequest == nil || reflect.TypeOf(m.newRequest()) != reflect.TypeFor[*Req]() {
			continue
		}
		if m.newResponse == nil || reflect.TypeOf(m.newResponse()) != reflect.TypeFor[*Resp]() {
			panic(fmt.Sprintf("qimen: %s: %s is not the answer of %s", who, reflect.TypeFor[Resp](), m.Name))
		}
		return m
	}
	panic(fmt.Sprintf("qimen: %s: %s is the request of no method; use HandleRaw", who, reflect.TypeFor[Req]()))
}

func (m *Mux) add(name string, route *muxRoute) {
	m.mu.Lock()
	defer m.mu.Unlock()
	short := shortName(name)
	switch {
	case short == "":
		panic("qimen: a handler needs the name of its method")
	case m.routes[short] != nil:
		panic("qimen: a second handler for " + name)
	}
	m.routes[short] = route
}

// Envelope is what a message says besides its document.
type Envelope struct {
	Method       string    // full name where it is known: taobao.qimen.deliveryorder.create
	CustomerID   string    // customerId, customer_id or customerid: the merchant's code
	Merchant     string    // as [MuxConfig].Merchant names it
	AppKey       string    // of the app that the message is for: target_appkey, or else app_key
	SourceAppKey string    // source_appkey: who called the gateway; "" where it does not say
	RequestID    string    // request_id of the gateway; "" where it does not say
	Timestamp    time.Time // when the gateway signed it, in UTC+8
	AnswerFormat Format    // of the answer: json or xml
	RemoteAddr   string    // of the connection, which may be a proxy's

	// Raw is the body as it came. It is never printed, nor encoded as JSON.
	Raw []byte `json:"-"`
}

// String is the envelope without the body.
func (e Envelope) String() string {
	stamp := ""
	if !e.Timestamp.IsZero() {
		stamp = e.Timestamp.Format(time.RFC3339)
	}
	return fmt.Sprintf("Envelope{Method:%q CustomerID:%q Merchant:%q AppKey:%q SourceAppKey:%q RequestID:%q Timestamp:%s AnswerFormat:%q RemoteAddr:%q Raw:(%d bytes)}",
		e.Method, e.CustomerID, e.Merchant, e.AppKey, e.SourceAppKey, e.RequestID, stamp, string(e.AnswerFormat), e.RemoteAddr, len(e.Raw))
}

// Format prints the envelope without the body, for every verb.
func (e Envelope) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.String())) }

// LogValue is the envelope for slog, without the body.
func (e Envelope) LogValue() slog.Value { return slog.StringValue(e.String()) }
