package qimen

import (
	"cmp"
	"context"
	"crypto/rand"
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
	DefaultWindow  = 10 * time.Minute // the platform's tolerance
	DefaultAnswers = 10_000
)

// MuxConfig configures [NewMux]. Secrets and Merchant are required; other zero fields
// have defaults.
type MuxConfig struct {
	// Secrets returns the secrets of your app that a message is for: the current one
	// first, then previous ones that are still accepted during a rotation. appKey is
	// target_appkey or, if missing, app_key. If Secrets returns none, the message is
	// refused. It is not clearly documented whether app_key of a standard message is
	// the receiver's or the sender's; with a single app, use [StaticSecrets], which
	// ignores it.
	Secrets func(ctx context.Context, appKey string) ([]string, error)

	// Merchant returns your name for the merchant with a customer id (奇门客户编码). An
	// empty name refuses the message; an error is answered like an error of a handler,
	// so that a [*Failure] determines the answer.
	Merchant func(ctx context.Context, customerID string) (merchant string, err error)

	// SignMethods are the accepted algorithms; by default all three.
	SignMethods []SignMethod

	// MaxAge and MaxAhead limit how far the time stamp may be in the past and in the
	// future, against replayed messages. 0 means [DefaultWindow]; a negative value
	// disables the check.
	MaxAge, MaxAhead time.Duration
	// Now returns the current time for these two; nil means time.Now.
	Now func() time.Time

	// Sources, if any, are the networks from which messages are accepted.
	Sources []netip.Prefix
	// ProxyHeader is the header in which trusted proxies name the sender, such as
	// X-Forwarded-For or X-Real-Ip. It is used only if the connection comes from one of
	// Proxies; of several addresses, the last one that is not a proxy counts.
	ProxyHeader string
	Proxies     []netip.Prefix

	// MaxBody limits the size of a body in bytes; 0 means [jushuitan.DefaultMaxBody].
	MaxBody int64
	// BodyTimeout limits how long a body may take to arrive, if the server allows reads
	// to be interrupted; 0 means [jushuitan.DefaultBodyTimeout].
	BodyTimeout time.Duration

	// Deduper remembers handled messages, so that duplicates are answered without
	// invoking your handler; nil means a [jushuitan.MemoryDeduper] of the default size.
	// Processes that serve the same URL should share one, and package callback may
	// share it too.
	Deduper jushuitan.Deduper
	// NoDedupe calls the handler for duplicates as well, possibly concurrently.
	NoDedupe bool
	// ClaimTTL limits one run of a handler: its context ends then, and the message may
	// run again. After a crash a shared Deduper blocks the message for as long. 0 means
	// [jushuitan.DefaultClaimTTL].
	ClaimTTL time.Duration
	// CommitTTL is how long a handled message is remembered; 0 means
	// [jushuitan.DefaultCommitTTL].
	CommitTTL time.Duration
	// Wait is how long a duplicate waits for the message in progress before it is
	// answered as failed; 0 means [jushuitan.DefaultWait], a negative value disables
	// waiting.
	Wait time.Duration
	// Answers is how many answers are kept in memory for duplicates; 0 means
	// [DefaultAnswers]. See [HandleRepeat].
	Answers int

	// Journal records the documents of handled messages for [Reconcile]; nil means none.
	Journal Journal

	// OnError receives the reason of every failure, which the answer does not show: an
	// error of this package, a [*jushuitan.PanicError], or the error of your function.
	// It is also called if the Deduper fails after a run. Apart from your own errors
	// they hold no personal data, and never a secret or signature. The envelope holds
	// what was known at that point; do not trust it after [ErrSignature]. May be nil.
	OnError func(ctx context.Context, env Envelope, err error)
}

// StaticSecrets returns [MuxConfig].Secrets for a program with one app: its current
// secret, then previous ones.
func StaticSecrets(secrets ...string) func(context.Context, string) ([]string, error) {
	own := slices.Clone(secrets)
	return func(context.Context, string) ([]string, error) { return own, nil }
}

// Mux receives what the gateway forwards (奇门回传): it is an [http.Handler] for the
// registered URL that verifies each message and calls the handler of its method, see
// [Handle]. A method has one handler, by whatever name it comes: standard methods with or
// without taobao.qimen., POS methods with or without qimen. The parameter v may have any
// value. All answers are HTTP 200, in the sender's format (the parameter format: json, xml,
// json2 or xml2; if missing, the format of the body), with flag success or failure:
//
//	code                 sub_code                        meaning
//	0                                                    success (1 where the method's documentation says so, see [Method].Success)
//	sign-check-failure                                   invalid signature, too old, not a POST, or a probe
//	21, 22                                               no method, or no handler for it
//	40, 41                                               a parameter is missing or invalid, or the body is invalid or too large
//	10                   isp.remote-service-unavailable  a duplicate is in progress, or a store failed: the sender should retry
//	15                   isp.remote-service-error        the handler failed: the sender should retry
//
// or what the handler chose with a [*Failure]. Only [MuxConfig].OnError receives more
// details.
//
// # Signature
//
// The signature covers the parameters of the query and of a form, and the headers
// listed in the header top-sign-list, sorted by name, followed by any other body as it
// arrived, with md5, hmac or hmac-sha256. Implementations differ in whether the name of
// an empty parameter is signed: both are accepted. The boundaries between names and
// values are not signed. Serve over TLS.
//
// # Duplicates
//
// A duplicate is a message with the same customer id, method, key (IdempotencyKey of its
// request: outBizCode or the document's number) and content: the parts of a document that
// comes in several messages under one number all run, and an exact repeat of any of them
// does not. Once the first message was handled, a duplicate is answered with success
// without invoking the handler; if it arrives while the first is in progress, it waits. If
// the key is a state to be set, or there is none, only an identical message, signed in the
// same second, is a duplicate. Queries are never deduplicated. Cancelling a document clears
// the memory of its creation and vice versa, so that it may be created again.
//
// After a crash between your commit and the deduplication commit, a message runs again:
// handlers must be idempotent. [HandleRepeat] determines the answer to a duplicate.
type Mux struct {
	cfg     MuxConfig
	xml     *xmlwire.Codec
	in      *receive.Receiver[Envelope, jushuitan.ClaimState]
	answers *answers
	once    marks

	mu      sync.RWMutex
	routes  map[string]*muxRoute    // by short name
	repeats map[*Method]handlerFunc // registered with HandleRepeat
}

// handlerFunc calls the host's function with a decoded request.
type handlerFunc func(ctx context.Context, env Envelope, req any) (any, error)

// muxRoute is the handling of a method's messages.
type muxRoute struct {
	method *Method // nil if unknown
	newReq func() any
	texts  map[string]bool // text members of the request
	handle handlerFunc
}

// NewMux returns a mux without handlers.
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
	memory := jushuitan.NewMemoryDeduper(0)
	if m.once.prefix = rand.Text() + "-"; !cfg.NoDedupe {
		m.once.store, m.once.own = memory, cfg.Deduper == nil
		if cfg.Deduper != nil {
			m.once.store = cfg.Deduper
		}
	}
	var err error
	m.in, err = receive.New(receive.Config[Envelope, jushuitan.ClaimState]{
		Sources: cfg.Sources, Proxies: cfg.Proxies, ProxyHeader: cfg.ProxyHeader,
		MaxAge: cfg.MaxAge, MaxAhead: cfg.MaxAhead, Now: cfg.Now, MaxBody: cfg.MaxBody, BodyTimeout: cfg.BodyTimeout,
		Deduper: cfg.Deduper, Memory: memory, NoDedupe: cfg.NoDedupe,
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
		return errors.New("config: Secrets is required: it returns the secret of your app / 缺少 Secrets（自己应用的密钥）")
	case c.Merchant == nil:
		return errors.New("config: Merchant is required: it finds the merchant of a customer id / 缺少 Merchant（按奇门客户编码查商家）")
	}
	for _, s := range c.SignMethods {
		if !s.Known() {
			return fmt.Errorf("unknown sign method %q: use md5, hmac or hmac-sha256 / 不支持的签名方法", string(s))
		}
	}
	if c.Answers < 0 {
		return fmt.Errorf("config: Answers is %d, must not be negative / Answers 不能为负数", c.Answers)
	}
	return nil
}

// Handle registers fn for the method whose request type is Req, such as
// [DeliveryOrderCreateRequest]. Resp is the answer type of the same method. fn may be
// called concurrently.
//
// If fn returns a nil error, the message is answered with success and the members of
// the answer, which may be nil; success means that the document was created or
// confirmed. A [*Failure] in the error determines the answer, with the members of the
// answer if there is one; any other error is answered in general terms.
//
// Like Handle of [http.ServeMux], it panics for invalid arguments: a type that is not a
// request, an answer type of another method, or a second handler for a method.
func Handle[Req, Resp any](m *Mux, fn func(ctx context.Context, env Envelope, req *Req) (*Resp, error)) {
	method := methodOf[Req, Resp]("Handle")
	m.add(method.Name, &muxRoute{
		method: method,
		newReq: func() any { return new(Req) },
		texts:  textMembers(reflect.TypeFor[Req]()),
		handle: typed(fn),
	})
}

// HandleRepeat registers fn to answer duplicates whose first answer is no longer in
// memory: fn looks the document up and has no other effect. Its request is that of the
// duplicate.
//
// The latest [MuxConfig].Answers answers are kept in memory, so that a duplicate
// receives the same ids (deliveryOrderId, entryOrderId) as the first message. They do
// not survive a restart and are not shared with other processes that use the same
// Deduper; then fn is called, or without fn the answer is success without members, with
// the message "message repeated".
//
// HandleRepeat panics like [Handle]. It may be called before or after Handle.
func HandleRepeat[Req, Resp any](m *Mux, fn func(ctx context.Context, env Envelope, req *Req) (*Resp, error)) {
	method := methodOf[Req, Resp]("HandleRepeat")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.repeats[method] != nil {
		panic("qimen: HandleRepeat: duplicate function for " + method.Name)
	}
	m.repeats[method] = typed(fn)
}

// HandleRaw registers fn for a method by its name, with or without the prefix
// taobao.qimen., even if this package does not know the method. fn receives the body
// as it arrived and returns nil, a struct, a map or the text of a JSON object; see
// [Handle] for the error. Since the message has no known key, only an identical
// message counts as a repeat. HandleRaw panics for an empty name or a second handler.
//
// Experimental: it may change in any minor version.
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

// methodOf returns the method with the given request and answer types.
func methodOf[Req, Resp any](who string) *Method {
	for _, m := range methods {
		if m.newRequest == nil || reflect.TypeOf(m.newRequest()) != reflect.TypeFor[*Req]() {
			continue
		}
		if m.newResponse == nil || reflect.TypeOf(m.newResponse()) != reflect.TypeFor[*Resp]() {
			panic(fmt.Sprintf("qimen: %s: %s is not the answer type of %s", who, reflect.TypeFor[Resp](), m.Name))
		}
		return m
	}
	panic(fmt.Sprintf("qimen: %s: %s is not the request type of any method; use HandleRaw", who, reflect.TypeFor[Req]()))
}

func (m *Mux) add(name string, route *muxRoute) {
	m.mu.Lock()
	defer m.mu.Unlock()
	short := shortName(name)
	switch {
	case short == "":
		panic("qimen: a handler requires a method name")
	case m.routes[short] != nil:
		panic("qimen: duplicate handler for " + name)
	}
	m.routes[short] = route
}

// Envelope is the part of a message outside its document.
type Envelope struct {
	Method       string    // full name if known: taobao.qimen.deliveryorder.create
	CustomerID   string    // customerId, customer_id or customerid: the merchant's code
	Merchant     string    // from [MuxConfig].Merchant
	AppKey       string    // of the app that the message is for: target_appkey or, if missing, app_key
	SourceAppKey string    // source_appkey: who called the gateway; "" if missing
	RequestID    string    // request_id of the gateway; "" if missing
	Timestamp    time.Time // when the gateway signed it, in UTC+8
	AnswerFormat Format    // of the answer
	RemoteAddr   string    // of the connection, which may be a proxy's

	// Raw is the body as received. It is never printed or encoded as JSON.
	Raw []byte `json:"-"`
}

// String returns the envelope without the body.
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
