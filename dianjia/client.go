package dianjia

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/pushsend"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Config configures [New]. Its zero value sends to DianJia without tokens.
type Config struct {
	// URLs makes the URLs of the endpoints: base URL and secret.
	URLs URLBuilder

	// HTTPClient is copied and never changed: its transport, cookie jar and timeout are
	// used, redirects are always refused. Nil means a default client.
	HTTPClient *http.Client

	// Timeout limits each attempt, 30 s by default. The context limits the whole call.
	Timeout time.Duration

	// Retry configures the retries. By default: 4 attempts, exponential backoff from
	// 500 ms to 10 s, and at most 30 s for a Retry-After.
	Retry jushuitan.RetryPolicy

	// RetryLostAnswers lists the kinds of push that are retried after a lost response,
	// although the push may have been handled. Nil means stock and cancel, which are
	// idempotent: stock figures are absolute, and an order is cancelled once. Add
	// shipment and goods returned if the receiver deduplicates (package callback does
	// with a Deduper). An empty, non-nil list disables such retries. A refused push is
	// never retried.
	RetryLostAnswers []jushuitan.PushMethod

	// MaxReplyBytes limits the size of a response, 64 KiB by default.
	MaxReplyBytes int64

	// Now returns the current time for time stamps, [time.Now] by default.
	Now func() time.Time
}

// Format prints the config without its secret.
func (c Config) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.text())) }

// LogValue is the config for slog, without its secret.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.text()) }

func (c Config) text() string {
	return fmt.Sprintf("Config{URLs:%v Timeout:%s Retry:%+v RetryLostAnswers:%q MaxReplyBytes:%d}",
		c.URLs, c.Timeout, c.Retry, c.RetryLostAnswers, c.MaxReplyBytes)
}

// Client sends pushes to DianJia's endpoints. It is safe for concurrent use.
type Client struct {
	urls      URLBuilder
	engine    call.Engine
	lostKinds []jushuitan.PushMethod
}

// New returns a client. The error names the invalid field of cfg.
func New(cfg Config) (*Client, error) {
	if _, err := cfg.URLs.base(); err != nil {
		return nil, fmt.Errorf("dianjia: New: %w", err)
	}
	r := cfg.Retry
	if cfg.Timeout < 0 || cfg.MaxReplyBytes < 0 || r.MaxAttempts < 0 || r.MinWait < 0 || r.MaxWait < 0 || r.MaxRetryAfter < 0 {
		return nil, errors.New("dianjia: New: negative value")
	}
	for _, kind := range cfg.RetryLostAnswers {
		if _, ok := endpointOf(kind); !ok {
			return nil, fmt.Errorf("dianjia: New: RetryLostAnswers: no kind of push %q", kind)
		}
	}
	c := &Client{urls: cfg.URLs, lostKinds: slices.Clone(cfg.RetryLostAnswers)}
	if cfg.RetryLostAnswers == nil {
		c.lostKinds = harmless()
	}
	c.engine = call.Engine{
		HTTP: call.Client(cfg.HTTPClient), Timeout: cmp.Or(cfg.Timeout, 30*time.Second), MaxBody: cmp.Or(cfg.MaxReplyBytes, 64<<10),
		Retry: call.Policy(r).WithDefaults(), Now: cfg.Now, Rules: rules,
	}
	if c.engine.Now == nil {
		c.engine.Now = time.Now
	}
	return c, nil
}

// String returns a text that identifies the client, without its secret.
func (c *Client) String() string {
	base, _ := c.urls.base()
	return fmt.Sprintf("dianjia.Client{%s}", base)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue is the client for slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Target is the receiver of a push. The texts are opaque.
type Target struct {
	EntID       string // entId 商家: the merchant in DianJia
	StorageCode string // storageCode: the shop_id 店铺编号, for stock the wms_co_id 仓库编号
	Type        string // type: [DefaultStockType] for stock where it is empty
}

// Shipment sends 物流同步: a parcel was shipped.
func (c *Client) Shipment(ctx context.Context, to Target, p *jushuitan.ShipmentPush) error {
	return push(ctx, c, jushuitan.PushShipment, to, p, jushuitan.ParseShipmentPush)
}

// Cancel sends 取消订单: the ERP cancelled an order.
func (c *Client) Cancel(ctx context.Context, to Target, p *jushuitan.CancelPush) error {
	return push(ctx, c, jushuitan.PushCancel, to, p, jushuitan.ParseCancelPush)
}

// GoodsReturned sends 售后收货: returned goods were received, or that receipt was
// undone. A push with another action is not sent, since it could be taken for a
// receipt and refunded.
func (c *Client) GoodsReturned(ctx context.Context, to Target, p *jushuitan.GoodsReturnedPush) error {
	return push(ctx, c, jushuitan.PushGoodsReturned, to, p, func(body []byte) (*jushuitan.GoodsReturnedPush, error) {
		read, err := jushuitan.ParseGoodsReturnedPush(body)
		if err == nil && !read.Action.Known() {
			return nil, errors.New("action_name is neither 确认收货 nor 取消收货")
		}
		return read, err
	})
}

// Stock sends 库存同步: absolute stock figures. The target's StorageCode is the
// warehouse.
func (c *Client) Stock(ctx context.Context, to Target, p *jushuitan.StockPush) error {
	return push(ctx, c, jushuitan.PushStock, to, p, jushuitan.ParseStockPush)
}

// onePush is a call from its first attempt to its last.
type onePush struct {
	*Client
	kind     jushuitan.PushMethod
	to       Target
	url      string // as it is registered
	body     []byte
	personal []string // texts of the push that must not be shown
	hide     []string // of the present attempt: what errors must not name
}

// failure is why an attempt failed, in the engine's terms; [Error] is made of it.
type failure = call.Failure[jushuitan.Outcome]

// rules are what is DianJia's own in how pushes are judged: the statuses of what
// stands before the endpoint speak louder than the body, and for all others the code
// in the body does.
var rules = &call.Rules{
	Classes: call.Classes{
		Invalid: ErrRefused, Permission: ErrRefused, RateLimited: ErrUnavailable, Unavailable: ErrUnavailable, TooLarge: ErrRefused,
	},
	StatusSpeaks: func(status int) bool {
		switch status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return status < 400
	},
	LargerHint: "check the base URL or raise MaxReplyBytes",
}

// push encodes a message once and sends it until an attempt passes or another
// would not help. What the receiver would not read is not sent.
func push[P any](ctx context.Context, c *Client, kind jushuitan.PushMethod, to Target, p *P, parse func([]byte) (*P, error)) error {
	k := &onePush{Client: c, kind: kind, to: to}
	invalid := func(cause error) error {
		return k.fail(&Error{Outcome: jushuitan.NotSent, class: ErrInvalid, cause: cause})
	}
	if p == nil {
		return invalid(errors.New("the push is nil"))
	}
	var err error
	if k.url, err = c.urls.URL(PushURL{Kind: kind, EntID: to.EntID, StorageCode: to.StorageCode, Type: to.Type}); err != nil {
		return invalid(errors.Unwrap(err)) // the call is named already
	}
	if k.body, err = wire.Marshal(p); err != nil {
		return invalid(errors.New("the push cannot be encoded"))
	}
	if _, err = parse(k.body); err != nil {
		if e, ok := errors.AsType[*jushuitan.Error](err); ok {
			err = e.Unwrap()
		}
		return invalid(err)
	}
	k.personal = redact.Personal(p)
	return k.do(ctx)
}

func (k *onePush) do(ctx context.Context) error {
	target, _, _ := strings.Cut(k.url, "?")
	run := call.Call[jushuitan.Outcome]{
		Engine: &k.engine, Service: k, URL: target, Repeatable: slices.Contains(k.lostKinds, k.kind),
	}
	f := run.Do(ctx)
	if f == nil {
		return nil
	}
	return k.fail(&Error{
		Code: f.Code, Msg: f.Msg, HTTPStatus: f.Status, Attempts: f.Attempts, Outcome: f.Outcome, class: f.Class, cause: f.Cause,
	})
}

// The stages of an attempt that are this service's own follow, in their order; all
// others are package call's. No source knows a limit, so that there is no quota.

// Sign makes the query of the URL anew.
func (k *onePush) Sign(req *http.Request) *failure {
	signed, err := pushsend.Push{URL: k.url, Method: string(k.kind), TS: k.engine.Now(), Form: pushsend.Sorted, Body: k.body}.Request(req.Context())
	if err != nil {
		return &failure{Outcome: jushuitan.NotSent, Class: ErrInvalid, Cause: errors.New("the target does not make a URL")}
	}
	signed.Header.Set("Accept", "application/json")
	q := signed.URL.Query()
	k.hide = []string{signed.URL.RawQuery, q.Get("sign"), q.Get(pushsign.TokenParam), k.urls.Secret}
	*req = *signed
	return nil
}

// Judge reads the code in an answer with a status of 2xx.
func (k *onePush) Judge(_ int, body []byte) *failure {
	r := parseReply(body)
	switch {
	case r.accepted:
		return nil
	case r.known:
		return &failure{Outcome: jushuitan.Rejected, Class: ErrRefused, Code: r.code, Msg: r.msg}
	case len(bytes.TrimSpace(body)) == 0:
		return &failure{Outcome: jushuitan.Unknown, Class: ErrUnavailable, Retry: true, Cause: errors.New("the answer is empty")}
	}
	return &failure{Outcome: jushuitan.Unknown, Class: ErrRefused, Msg: r.msg, Cause: errors.New("the answer has neither a code nor a resultCode")}
}

// Refusal reads the code and the words in an answer with another status.
func (k *onePush) Refusal(body []byte) *failure {
	r := parseReply(body)
	switch {
	case r.accepted:
		return nil
	case r.known:
		return &failure{Outcome: jushuitan.Rejected, Class: ErrRefused, Code: r.code, Msg: r.msg}
	}
	return &failure{Msg: r.msg}
}

// Hidden is what no error may show.
func (k *onePush) Hidden() []string { return append(slices.Clone(k.hide), k.personal...) }

// fail completes an error with what is known about the call.
func (k *onePush) fail(e *Error) *Error {
	e.Kind, e.EntID, e.StorageCode = k.kind, k.to.EntID, k.to.StorageCode
	return e
}
