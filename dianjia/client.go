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
	"time"

	"github.com/dianjia/jushuitan-go/internal/pipeline"
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

	// HTTPClient is copied, never changed: its transport, jar and timeout are used.
	// Redirects are refused whatever it says. Nil is a client of our own.
	HTTPClient *http.Client

	// Timeout bounds each attempt, 30 s by default. The context bounds the call.
	Timeout time.Duration

	// Retry says how often and when a push is sent again; zero members are 4
	// attempts, waits from 500 ms doubling to 10 s, and at most 30 s for a
	// Retry-After.
	Retry jushuitan.RetryPolicy

	// RetryLostAnswers names the kinds of push that are sent again when the answer
	// of an attempt was lost, so that the push may have been handled already. Nil is
	// stock and cancel: stock figures are absolute, and an order is cancelled once.
	// Add shipment and goods returned where the receiver is known to drop repeats
	// (package callback's does with a dedupe store). An empty list, not nil, is none.
	// A refused push is never sent again.
	RetryLostAnswers []jushuitan.PushMethod

	// MaxReplyBytes bounds the answers that are read, 64 KiB by default.
	MaxReplyBytes int64

	// Now is the time of day for the time stamps, [time.Now] by default.
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

// Client sends pushes to DianJia's endpoints. It is safe for many goroutines.
type Client struct {
	urls      URLBuilder
	http      *http.Client
	timeout   time.Duration
	retry     jushuitan.RetryPolicy
	lostKinds []jushuitan.PushMethod
	maxReply  int64
	now       func() time.Time
}

// New makes a client.
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
	c := &Client{urls: cfg.URLs, timeout: cfg.Timeout, retry: r, lostKinds: slices.Clone(cfg.RetryLostAnswers), maxReply: cfg.MaxReplyBytes, now: cfg.Now}
	if cfg.RetryLostAnswers == nil {
		c.lostKinds = harmless()
	}
	c.timeout, c.maxReply = cmp.Or(c.timeout, 30*time.Second), cmp.Or(c.maxReply, 64<<10)
	c.retry = jushuitan.RetryPolicy(pipeline.Policy(r).WithDefaults())
	if c.now == nil {
		c.now = time.Now
	}
	c.http = pipeline.Client(cfg.HTTPClient)
	return c, nil
}

// String names the client without its secret.
func (c *Client) String() string {
	base, _ := c.urls.base()
	return fmt.Sprintf("dianjia.Client{%s}", base)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue is the client for slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Target is whom a push is for. The texts are opaque.
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

	attempts int
	hide     []string // of the present attempt: what errors must not name
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
	if err := ctx.Err(); err != nil {
		return k.fail(&Error{Outcome: jushuitan.NotSent, cause: err})
	}
	call := pipeline.Call{
		Service: k, HTTP: k.http, Timeout: k.timeout, MaxBody: k.maxReply,
		Retry: pipeline.Policy(k.retry), Repeatable: slices.Contains(k.lostKinds, k.kind), Now: k.now,
	}
	err, cancelled := call.Run(ctx, func(ctx context.Context, n int) error {
		k.attempts = n
		return call.Attempt(ctx)
	})
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok { // the context ended before the first attempt
		e = k.fail(&Error{Outcome: jushuitan.NotSent, cause: err})
	}
	if cancelled != nil && !errors.Is(e, cancelled) {
		e.cause = cancelled
	}
	// An earlier attempt may have been handled. A refusal that follows says nothing
	// about it: some receivers refuse repeats.
	if call.Lost {
		e.Outcome = jushuitan.Unknown
	}
	return e
}

// The stages of an attempt that are this service's own follow, in their order.

// Permit lets every push pass: no source knows a limit.
func (k *onePush) Permit(context.Context) (sent func(), err error) { return func() {}, nil }

// Request signs the URL anew.
func (k *onePush) Request(ctx context.Context) (*http.Request, error) {
	req, err := pushsend.Push{URL: k.url, Method: string(k.kind), TS: k.now(), Form: pushsend.Sorted, Body: k.body}.Request(ctx)
	if err != nil {
		return nil, k.fail(&Error{Outcome: jushuitan.NotSent, class: ErrInvalid, cause: errors.New("the target does not make a URL")})
	}
	req.Header.Set("Accept", "application/json")
	q := req.URL.Query()
	k.hide = []string{req.URL.RawQuery, q.Get("sign"), q.Get(pushsign.TokenParam), k.urls.Secret}
	return req, nil
}

// Trouble is no answer, or one that could not be read whole.
func (k *onePush) Trouble(t pipeline.Trouble) error {
	e := &Error{Outcome: jushuitan.Outcome(t.Outcome), class: ErrUnavailable, HTTPStatus: t.Status, retry: !t.TooLarge}
	e.cause = plainCause(t.Err, k.hide)
	if t.TooLarge {
		e.class = ErrRefused
	}
	return k.fail(e)
}

// Renew has nothing to replace.
func (k *onePush) Renew(error) bool { return false }

// Verdict reads an error for the next attempt.
func (k *onePush) Verdict(err error) pipeline.Verdict {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return pipeline.Verdict{}
	}
	return pipeline.Verdict{Outcome: pipeline.Outcome(e.Outcome), Again: e.retry, After: e.retryAfter}
}

// Judge decides what an answer means. The statuses of what stands before the
// endpoint (408, 429, 502, 503, 504) speak louder than the body; for all others
// the code in the body does.
func (k *onePush) Judge(a *pipeline.Answer) error {
	body := a.Content
	status, r := a.StatusCode, parseReply(body)
	ok := status >= 200 && status < 300
	if ok && r.accepted {
		return nil
	}
	e := &Error{HTTPStatus: status, class: ErrRefused, Outcome: jushuitan.Rejected}
	if !r.accepted {
		e.Code, e.Msg = r.code, r.msg
	}
	switch {
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests:
		e.class, e.retry, e.retryAfter = ErrUnavailable, true, a.RetryAfter
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout,
		status >= 500 && (!r.known || r.accepted):
		e.class, e.Outcome, e.retry, e.retryAfter = ErrUnavailable, jushuitan.Unknown, true, a.RetryAfter
	case status >= 500: // refused, after nobody knows which part of the work
		e.Outcome = jushuitan.Unknown
	case status >= 300 && status < 400:
		e.class = ErrUnavailable
		e.cause = errors.New("the endpoint redirects, which is not followed: check the base URL")
		if loc, err := a.Location(); err == nil {
			e.cause = fmt.Errorf("the endpoint redirects to host %q, which is not followed: check the base URL", k.clean(loc.Hostname()))
		}
	case ok && len(bytes.TrimSpace(body)) == 0:
		e.class, e.Outcome, e.retry = ErrUnavailable, jushuitan.Unknown, true
		e.cause = errors.New("the answer is empty")
	case ok && !r.known:
		e.Outcome = jushuitan.Unknown
		e.cause = errors.New("the answer has neither a code nor a resultCode")
	}
	return k.fail(e)
}

// fail completes an error with what is known about the call.
func (k *onePush) fail(e *Error) *Error {
	e.Kind, e.EntID, e.StorageCode, e.Attempts = k.kind, k.to.EntID, k.to.StorageCode, k.attempts
	e.Code, e.Msg = k.clean(e.Code), k.clean(e.Msg)
	return e
}

// clean masks in a text of the endpoint what must not be shown, and bounds it.
func (k *onePush) clean(text string) string {
	if u, err := url.QueryUnescape(text); err == nil && u != text {
		for _, h := range k.hide { // an escaped echo of the query
			if h != "" && bytes.Contains([]byte(u), []byte(h)) {
				return redact.Mask
			}
		}
	}
	text = redact.Text(text, append(slices.Clone(k.hide), k.personal...)...)
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "..."
	}
	return text
}
