package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Config holds the functions of the host, one for each kind of message, and how
// strict the receiver is. A function may be called by many goroutines at once.
//
// A function that is nil makes the handler of its kind answer failure, to the
// probe of a saved URL as well: a message that nobody handles is not
// acknowledged.
type Config struct {
	// Shipment 物流同步: a parcel was shipped.
	Shipment func(ctx context.Context, env Envelope, p *jushuitan.ShipmentPush) error
	// Cancel 取消订单: the ERP cancelled an order.
	Cancel func(ctx context.Context, env Envelope, p *jushuitan.CancelPush) error
	// GoodsReturned 售后收货: returned goods were received, or that was undone. It
	// is called for the two known actions only, see [ErrUnknownAction].
	GoodsReturned func(ctx context.Context, env Envelope, p *jushuitan.GoodsReturnedPush) error
	// Stock 库存同步: new stock figures, absolute ones.
	Stock func(ctx context.Context, env Envelope, p *jushuitan.StockPush) error

	// Secrets are those with which the tokens of the registered URLs were made: the
	// present one first, then previous ones that are still accepted while URLs are
	// changed. Each has at least 16 bytes. A message whose URL has no token that one
	// of them made for its entId, storageCode and kind is refused.
	Secrets []string
	// AllowUnauthenticated accepts messages of anybody who knows the URL. It is
	// needed where Secrets is empty, and wrong where it is not.
	AllowUnauthenticated bool

	// Checksum is which way of signing the parameter sign must match; the default is
	// any. It proves nothing about the sender, see the package comment.
	Checksum Checksum

	// Sources, if any, are the networks from which messages are accepted.
	Sources []netip.Prefix
	// ProxyHeader is the header in which trusted proxies name the sender, such as
	// X-Forwarded-For or X-Real-Ip. It is believed only where the connection comes
	// from one of Proxies; of several addresses the last that is no proxy counts.
	ProxyHeader string
	Proxies     []netip.Prefix

	// MaxAge and MaxAhead bound the time stamp ts, before and after the present; it
	// must then be there. The default of 0 is not checked, as less than 0 is: whoever
	// knows the URL can sign any ts with the public key, so that a bound keeps nobody
	// out, and it is unknown whether a repeated message has the ts of the first, which
	// a bound would then refuse for good.
	MaxAge, MaxAhead time.Duration
	// Now is the clock for these two; nil is time.Now.
	Now func() time.Time

	// MaxBody is the longest body that is read, in bytes; 0 is [jushuitan.DefaultMaxBody].
	MaxBody int64
	// BodyTimeout is how long a body may take to arrive, where the server lets the
	// read be stopped; 0 is [jushuitan.DefaultBodyTimeout].
	BodyTimeout time.Duration

	// Deduper remembers what was done, so that a repeat is acknowledged without a
	// call; nil is a [jushuitan.MemoryDeduper] with the default size. Processes that serve the
	// same URLs should share one.
	Deduper jushuitan.Deduper
	// NoDedupe calls the function for repeats as well, at the same time even.
	NoDedupe bool
	// ClaimTTL bounds one run of a function: its context ends then, and the message
	// may run again. After a crash a shared Deduper holds a message back for so long.
	// 0 is [jushuitan.DefaultClaimTTL].
	ClaimTTL time.Duration
	// CommitTTL is how long a repeat is known; 0 is [jushuitan.DefaultCommitTTL]. A cancel, or a
	// receipt without unique_id, that really happens a second time within it looks
	// like a repeat, as neither carries a time.
	CommitTTL time.Duration
	// Wait is how long a repeat waits for the run of the same message before it is
	// answered as failed; 0 is [jushuitan.DefaultWait], less than 0 is not at all.
	Wait time.Duration

	// DropStaleStock leaves out rows of a stock push that were modified before what
	// the function took last for that SKU (same entId and storageCode); rows without
	// modified are kept. Stock pushes of one shop then run one after the other. A push
	// of which nothing is left is acknowledged without invoking your function. Memory is per process
	// and bounded.
	DropStaleStock bool

	// FailureStatus and FailureCode answer a message that the function did not take.
	// 0 is HTTP 500, "" is "-1". What the ERP counts as failure is not known.
	FailureStatus int
	FailureCode   string

	// OnError is told the reason of every refusal and failure, which the answer
	// does not show: one of the errors of this package, a [*jushuitan.Error] for a
	// body that cannot be read, a [*jushuitan.PanicError], or what the host's function
	// returned. Apart from the latter two no personal data is in it, and never a
	// signature or token. The envelope holds what was known by then. May be nil.
	OnError func(ctx context.Context, env Envelope, err error)
}

// Format prints the config without its secrets, for every verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "callback.Config{Secrets:(%d) AllowUnauthenticated:%t Checksum:%s}", len(c.Secrets), c.AllowUnauthenticated, c.Checksum)
}

// LogValue is the config for slog, without its secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Receiver handles pushes. It is safe for concurrent use.
type Receiver struct {
	kinds []kind // in the order of the settings page

	cfg    Config
	trust  *trust
	stale  *staleFilter // nil: not wanted
	failed string       // the answer of a failure
	refuse string       // the answer of a refusal

	in *receive.Receiver[Envelope, jushuitan.ClaimState]
}

// minSecret is the least length of a secret.
const minSecret = 16

// New makes a receiver. At least one function is needed, and Secrets or
// AllowUnauthenticated.
func New(cfg Config) (*Receiver, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	cfg.FailureStatus = cmp.Or(cfg.FailureStatus, http.StatusInternalServerError)
	cfg.FailureCode = cmp.Or(cfg.FailureCode, "-1")
	r := &Receiver{
		cfg:    cfg,
		trust:  newTrust(&cfg),
		failed: `{"code":"` + cfg.FailureCode + `","msg":"处理失败"}`,
		refuse: `{"code":"` + cfg.FailureCode + `","msg":"请求被拒绝"}`,
	}
	var err error
	r.in, err = receive.New(receive.Config[Envelope, jushuitan.ClaimState]{
		Sources: cfg.Sources, Proxies: cfg.Proxies, ProxyHeader: cfg.ProxyHeader,
		MaxAge: cfg.MaxAge, MaxAhead: cfg.MaxAhead, Now: cfg.Now, MaxBody: cfg.MaxBody, BodyTimeout: cfg.BodyTimeout,
		Deduper: cfg.Deduper, Memory: jushuitan.NewMemoryDeduper(0), NoDedupe: cfg.NoDedupe,
		ClaimTTL: cfg.ClaimTTL, CommitTTL: cfg.CommitTTL, Wait: cfg.Wait,
		Panic:  func(value any, stack []byte) error { return &jushuitan.PanicError{Value: value, Stack: stack} },
		Report: r.report,
	})
	if err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	if cfg.DropStaleStock {
		r.stale = newStaleFilter(staleEntries)
	}
	bind(r, jushuitan.ParseShipmentPush, cfg.Shipment)
	bind(r, jushuitan.ParseCancelPush, cfg.Cancel)
	bind(r, parseGoodsReturned, cfg.GoodsReturned)
	bind(r, jushuitan.ParseStockPush, r.freshOnly(cfg.Stock))
	if !slices.ContainsFunc(r.kinds, func(k kind) bool { return k.handle != nil }) {
		return nil, errors.New("callback: the config has no function")
	}
	return r, nil
}

func (c *Config) check() error {
	switch {
	case len(c.Secrets) == 0 && !c.AllowUnauthenticated:
		return errors.New("no secret for the tokens of the registered URLs; give Secrets, or AllowUnauthenticated to accept messages of anybody")
	case len(c.Secrets) > 0 && c.AllowUnauthenticated:
		return errors.New("both Secrets and AllowUnauthenticated are set")
	case c.Checksum < ChecksumAny || c.Checksum > ChecksumOff:
		return fmt.Errorf("Checksum is %d", int(c.Checksum))
	case c.FailureStatus != 0 && (c.FailureStatus < 200 || c.FailureStatus > 599):
		return fmt.Errorf("FailureStatus is %d", c.FailureStatus)
	case strings.Trim(c.FailureCode, "0") == "" && c.FailureCode != "" || !plain(c.FailureCode):
		return errors.New("FailureCode is zero, or no plain text")
	}
	for _, s := range c.Secrets {
		if len(s) < minSecret {
			return fmt.Errorf("a secret is shorter than %d bytes", minSecret)
		}
	}
	return nil
}

// plain reports whether a code needs no escaping in JSON.
func plain(code string) bool {
	for _, c := range code {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// Shipment handles 物流同步 alone, on any path.
func (r *Receiver) Shipment() http.Handler { return r.only(jushuitan.PushShipment) }

// Cancel handles 取消订单 alone, on any path.
func (r *Receiver) Cancel() http.Handler { return r.only(jushuitan.PushCancel) }

// GoodsReturned handles 售后收货 alone, on any path.
func (r *Receiver) GoodsReturned() http.Handler { return r.only(jushuitan.PushGoodsReturned) }

// Stock handles 库存同步 alone, on any path.
func (r *Receiver) Stock() http.Handler { return r.only(jushuitan.PushStock) }

// ParseShipment reads the body of a 物流同步 push: JSON, or a form with the JSON in
// biz.
func ParseShipment(body []byte) (*jushuitan.ShipmentPush, error) {
	return parseBody(body, jushuitan.ParseShipmentPush)
}

// ParseCancel reads the body of a 取消订单 push, see [ParseShipment].
func ParseCancel(body []byte) (*jushuitan.CancelPush, error) {
	return parseBody(body, jushuitan.ParseCancelPush)
}

// ParseGoodsReturned reads the body of a 售后收货 push, see [ParseShipment]. An
// action that is not known is [ErrUnknownAction].
func ParseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	return parseBody(body, parseGoodsReturned)
}

// ParseStock reads the body of a 库存同步 push: {"datas":[...]}, a bare array, a
// single row, or a form with one of these in biz.
func ParseStock(body []byte) (*jushuitan.StockPush, error) {
	return parseBody(body, jushuitan.ParseStockPush)
}

func (r *Receiver) only(method jushuitan.PushMethod) http.Handler {
	k := r.byMethod(string(method))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, k) })
}

// ServeHTTP handles all four kinds, told apart by the query parameter method or
// the end of the path. Where both tell, they must agree.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.serve(w, req, r.byPath(req.URL.Path))
}
