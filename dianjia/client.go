package dianjia

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/pushsend"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Config configures [New]. With the zero value, pushes are sent to DianJia without tokens.
type Config struct {
	// URLs builds the URLs of the endpoints, with a base URL and a secret.
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

	// Limiter is one budget for all calls of the app. It may be the one passed to
	// [jushuitan.WithRate]. Nil means no budget.
	Limiter *rate.Limiter

	// OnExchange is called with what went over the wire in each attempt, masked as in
	// [jushuitan.WithOnExchange]. Op is the kind of push, Merchant is the entId.
	OnExchange func(ctx context.Context, x jushuitan.Exchange)

	// PersonalData leaves personal data in what OnExchange receives. Secrets are masked
	// all the same.
	PersonalData bool

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
	exchange  func(context.Context, jushuitan.Exchange)
}

// New returns a client. The error names the invalid field of cfg.
func New(cfg Config) (*Client, error) {
	if _, err := cfg.URLs.base(); err != nil {
		return nil, fmt.Errorf("dianjia: New: %w", err)
	}
	if cfg.URLs.Secret != "" {
		if err := pushsign.CheckSecret(cfg.URLs.Secret); err != nil {
			return nil, fmt.Errorf("dianjia: New: URLs: %w", err)
		}
	}
	retry := call.Policy(cfg.Retry)
	if err := retry.Check("dianjia: New"); err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 || cfg.MaxReplyBytes < 0 {
		return nil, errors.New("dianjia: New: Timeout or MaxReplyBytes is negative")
	}
	for _, kind := range cfg.RetryLostAnswers {
		if _, ok := endpointOf(kind); !ok {
			return nil, fmt.Errorf("dianjia: New: RetryLostAnswers: unknown kind of push %q", kind)
		}
	}
	c := &Client{urls: cfg.URLs, lostKinds: slices.Clone(cfg.RetryLostAnswers), exchange: cfg.OnExchange}
	if cfg.RetryLostAnswers == nil {
		c.lostKinds = harmless()
	}
	c.engine = call.Engine{
		HTTP: call.Client(cfg.HTTPClient), Timeout: cmp.Or(cfg.Timeout, 30*time.Second), MaxBody: cmp.Or(cfg.MaxReplyBytes, 64<<10),
		Retry: retry.WithDefaults(), Now: cfg.Now, Rules: rules,
		Rate: cfg.Limiter, Show: call.Show{Personal: cfg.PersonalData},
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

// Target is the receiver of a push. The texts are not interpreted.
type Target struct {
	EntID       string // entId 商家: the merchant in DianJia
	StorageCode string // storageCode: the shop_id 店铺编号, for stock the wms_co_id 仓库编号
	Type        string // type: [DefaultStockType] for stock where it is empty
}

// SendShipment sends 物流同步: a parcel was shipped.
func (c *Client) SendShipment(ctx context.Context, to Target, p *jushuitan.ShipmentPush) error {
	return push(ctx, c, jushuitan.PushShipment, to, p, jushuitan.ParseShipmentPush)
}

// SendCancel sends 取消订单: the ERP cancelled an order.
func (c *Client) SendCancel(ctx context.Context, to Target, p *jushuitan.CancelPush) error {
	return push(ctx, c, jushuitan.PushCancel, to, p, jushuitan.ParseCancelPush)
}

// SendGoodsReturned sends 售后收货: returned goods were received, or that receipt was
// revoked. A push with another action is not sent, since the receiver could take it for a
// receipt and refund it.
func (c *Client) SendGoodsReturned(ctx context.Context, to Target, p *jushuitan.GoodsReturnedPush) error {
	return push(ctx, c, jushuitan.PushGoodsReturned, to, p, func(body []byte) (*jushuitan.GoodsReturnedPush, error) {
		read, err := jushuitan.ParseGoodsReturnedPush(body)
		if err == nil && !read.Action.Known() {
			return nil, errors.New("action_name is neither 确认收货 nor 取消收货")
		}
		return read, err
	})
}

// SendStock sends 库存同步: absolute stock figures. The target's StorageCode is the
// warehouse.
func (c *Client) SendStock(ctx context.Context, to Target, p *jushuitan.StockPush) error {
	return push(ctx, c, jushuitan.PushStock, to, p, jushuitan.ParseStockPush)
}

// onePush is a call from its first attempt to its last.
type onePush struct {
	*Client
	kind    jushuitan.PushMethod
	to      Target
	url     string // as registered
	body    []byte
	message any      // the push
	hide    []string // secrets of the current attempt, which errors must not contain
}

// failure is why an attempt failed, in the engine's terms; it is converted to an [Error].
type failure = call.Failure[jushuitan.Outcome]

// rules are DianJia's own rules by which pushes are judged.
var rules = &call.Rules{
	Classes: call.Classes{
		Invalid: ErrRefused, Permission: ErrRefused, RateLimited: ErrUnavailable, Unavailable: ErrUnavailable, TooLarge: ErrRefused,
	},
	LargerHint: "check the base URL or raise MaxReplyBytes",
}

// push encodes a message once and sends it until an attempt succeeds or retrying cannot
// help. A message that the receiver could not parse is not sent.
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
		return invalid(errors.Unwrap(err)) // fail names the call
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
	k.message = p
	return k.do(ctx)
}

func (k *onePush) do(ctx context.Context) error {
	target, _, _ := strings.Cut(k.url, "?")
	run := call.Call[jushuitan.Outcome]{
		Engine: &k.engine, Service: k, URL: target, Repeatable: slices.Contains(k.lostKinds, k.kind),
	}
	if k.exchange != nil {
		run.OnExchange = k.exchanged
	}
	if f := run.Do(ctx); f != nil {
		return k.failed(f)
	}
	return nil
}

// exchanged passes an attempt to the host.
func (k *onePush) exchanged(ctx context.Context, s *call.Seen[jushuitan.Outcome]) {
	path, effect := "", jushuitan.Unsafe
	if u, err := url.Parse(k.url); err == nil {
		path = u.Path
	}
	if slices.Contains(k.lostKinds, k.kind) {
		effect = jushuitan.Keyed
	}
	w := s.Wire
	x := jushuitan.Exchange{
		Attempt: jushuitan.Attempt{
			Op: string(k.kind), Path: path, Merchant: k.to.EntID, Effect: effect, N: s.N, Sent: len(k.body),
			Waited: s.Waited, Took: s.Took, Received: s.Received, HTTPStatus: s.Status,
		},
		URL: w.URL, Params: w.Params, Request: w.Request, Header: w.Header, Response: w.Response,
	}
	if s.Failure != nil {
		e := k.failed(s.Failure)
		x.Err, x.Outcome = e, e.Outcome
		x.Code, _ = strconv.ParseInt(e.Code, 10, 64)
	}
	k.exchange(ctx, x)
}

// The methods below are the stages of an attempt that are specific to this service, in
// order. Package call runs the others. No source states a rate limit, so there is no quota.

// Sign builds the query of the URL for this attempt.
func (k *onePush) Sign(req *http.Request) *failure {
	signed, err := pushsend.Push{URL: k.url, Method: string(k.kind), TS: k.engine.Now(), Form: pushsend.Sorted, Body: k.body}.Request(req.Context())
	if err != nil {
		return &failure{Outcome: jushuitan.NotSent, Class: ErrInvalid, Cause: errors.New("the target does not result in a valid URL")}
	}
	signed.Header.Set("Accept", "application/json")
	q := signed.URL.Query()
	k.hide = []string{signed.URL.RawQuery, q.Get("sign"), q.Get(pushsign.TokenParam), k.urls.Secret}
	*req = *signed
	return nil
}

// Judge decodes the code of a response with a status of 2xx.
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

// Refusal decodes the code and the message of a response with another status.
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

// Secrets returns the strings that nothing may contain.
func (k *onePush) Secrets() []string { return slices.Clone(k.hide) }

// Personal returns the personal data of the push, which no error may contain.
func (k *onePush) Personal() []string { return redact.Personal(k.message) }

// failed converts the failure of a call or attempt to an [Error].
func (k *onePush) failed(f *failure) *Error {
	return k.fail(&Error{
		Code: f.Code, Msg: f.Msg, HTTPStatus: f.Status, Attempts: f.Attempts, Outcome: f.Outcome, class: f.Class, cause: f.Cause,
	})
}

// fail adds what is known about the call to an error.
func (k *onePush) fail(e *Error) *Error {
	e.Kind, e.EntID, e.StorageCode = k.kind, k.to.EntID, k.to.StorageCode
	return e
}
