package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Config holds the host's functions, one per kind of message, and determines how strict
// the receiver is. The functions may be called concurrently.
//
// If the function of a kind is nil, its messages are answered with failure, including
// the probe of a saved URL: a message that nobody handles is not acknowledged.
type Config struct {
	// Shipment 物流同步: a parcel was shipped.
	Shipment func(ctx context.Context, env Envelope, p *jushuitan.ShipmentPush) error
	// Cancel 取消订单: the ERP cancelled an order.
	Cancel func(ctx context.Context, env Envelope, p *jushuitan.CancelPush) error
	// GoodsReturned 售后收货: returned goods were received, or that receipt was undone.
	// It is called only for the two known actions, see [ErrUnknownAction].
	GoodsReturned func(ctx context.Context, env Envelope, p *jushuitan.GoodsReturnedPush) error
	// Stock 库存同步: new stock quantities, as absolute figures.
	Stock func(ctx context.Context, env Envelope, p *jushuitan.StockPush) error

	// MerchantOf names the merchant of a request whose URL has it elsewhere than in the
	// query parameter entId, such as in the path or the host name. The name becomes
	// [Envelope].EntID, for the token too. Nil means the parameter entId. A request without
	// a merchant is refused: its messages could be taken for another's.
	MerchantOf func(req *http.Request) string

	// Secrets are the secrets of the tokens in the registered URLs: the current one
	// first, then previous ones that stay valid while URLs are being replaced. Each has
	// at least 16 bytes. A message is refused unless its URL has a token that was
	// derived from one of them for its entId, storageCode and kind.
	Secrets []string
	// AllowUnauthenticated accepts messages from anyone who knows the URL. It is
	// required if Secrets is empty and an error otherwise.
	AllowUnauthenticated bool

	// Checksum selects the signing scheme that the parameter sign must match; by
	// default any. It proves nothing about the sender, see the package comment.
	Checksum Checksum

	// Sources, if any, are the networks from which messages are accepted.
	Sources []netip.Prefix
	// ProxyHeader is the header in which trusted proxies name the sender, such as
	// X-Forwarded-For or X-Real-Ip. It is used only if the connection comes from one of
	// Proxies; of several addresses, the last one that is not a proxy counts.
	ProxyHeader string
	Proxies     []netip.Prefix

	// MaxAge and MaxAhead limit how far the time stamp ts may be in the past and in the
	// future; ts is then required. Zero, the default, and negative values disable the
	// check: anyone who knows the URL can sign any ts with the public key, so a limit
	// keeps nobody out, and if the ERP retries a message with its original ts, a limit
	// would refuse it permanently. MaxAhead also limits the rows of DropStaleStock.
	MaxAge, MaxAhead time.Duration
	// Now returns the current time for these two; nil means time.Now.
	Now func() time.Time

	// MaxBody limits the size of a body in bytes; 0 means [jushuitan.DefaultMaxBody].
	MaxBody int64
	// MaxRows limits the rows, or lines, of a push: decoding ends at the first one beyond
	// it, and the push is refused. 0 means [jushuitan.DefaultMaxRows], a negative value no
	// limit.
	MaxRows int
	// BodyTimeout limits how long a body may take to arrive, if the server allows reads
	// to be interrupted; 0 means [jushuitan.DefaultBodyTimeout].
	BodyTimeout time.Duration

	// Deduper remembers handled messages, so that duplicates are acknowledged without
	// invoking your function; nil means a [jushuitan.MemoryDeduper] of the default
	// size. Processes that serve the same URLs should share one.
	Deduper jushuitan.Deduper
	// NoDedupe calls your function for duplicates as well, possibly concurrently.
	NoDedupe bool
	// ClaimTTL limits one run of your function: its context ends then, and the message
	// may run again. After a crash a shared Deduper blocks the message for as long. 0
	// means [jushuitan.DefaultClaimTTL].
	ClaimTTL time.Duration
	// CommitTTL is how long the message handled last for each document is remembered; 0
	// means [jushuitan.DefaultCommitTTL]. If the same lines of an after-sale case are really
	// returned a second time within it, without unique_id, the message looks like a
	// duplicate: [Reconcile] finds it.
	CommitTTL time.Duration
	// CancelTTL is how long a cancel is remembered; 0 means [DefaultCancelTTL]. It is short,
	// since an order can be uploaded and cancelled again with the same words, and your
	// function has to query the order anyway to learn which parts are cancelled. A cancel
	// whose ts is later by at least CancelTTL runs as well.
	CancelTTL time.Duration
	// Wait is how long a duplicate waits for the message in progress before it is
	// answered as failed; 0 means [jushuitan.DefaultWait], a negative value disables
	// waiting.
	Wait time.Duration

	// DropStaleStock drops rows of a stock push that were modified earlier than the
	// last row your function accepted for the same SKU, shop_id, entId and storageCode;
	// rows without modified are kept. Stock pushes of one shop then run one at a time,
	// those of different shops do not wait for each other. A push without remaining rows is
	// acknowledged without invoking your function, with the outcome [Stale]. A push with a
	// row that is dated further in the future than MaxAhead (by default one day) is refused
	// with [jushuitan.ErrWindow] (HTTP 422), since no later figure of its SKU would be
	// accepted; a negative MaxAhead accepts it. The memory is per process and bounded.
	DropStaleStock bool

	// Rate and Burst limit the pushes of each merchant (entId) by a token bucket: Rate
	// pushes a second on average, at most Burst at once (0 means one second's worth, at
	// least 1). Further ones are answered as failed with HTTP 429 before their body is
	// read; other merchants are not affected. 0, the default, means no limit. How the ERP
	// treats a 429 is not documented: leave room for its largest batches.
	Rate  rate.Limit
	Burst int

	// FailureStatus and FailureCode answer a message that your function did not accept:
	// HTTP 500 and "-1" by default. What the ERP counts as failure is not documented.
	FailureStatus int
	FailureCode   string

	// OnError receives the reason of every refusal and failure, which the answer does
	// not show: an error of this package, a [*jushuitan.Error] for a body that cannot
	// be decoded, a [*jushuitan.PanicError], or the error your function returned. Apart
	// from the latter two, errors hold no personal data, and never a signature or
	// token. The envelope holds what was known at that point. May be nil.
	OnError func(ctx context.Context, env Envelope, err error)
	// OnResult receives the outcome of every request, once, for metrics: also of those that
	// are acknowledged without invoking your function (repeats, stale messages and probes).
	// See [Receiver.OldestClaim] for runs that do not end. May be nil.
	OnResult func(ctx context.Context, env Envelope, res Result)
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
	stale  *staleFilter // nil if disabled
	budget *budget      // nil if disabled
	failed string       // the answer of a failure
	refuse string       // the answer of a refusal

	in *receive.Receiver[*Envelope, jushuitan.ClaimState]
}

// New returns a receiver. Config needs at least one function, and either Secrets or
// AllowUnauthenticated.
func New(cfg Config) (*Receiver, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	cfg.FailureStatus = cmp.Or(cfg.FailureStatus, http.StatusInternalServerError)
	cfg.FailureCode = cmp.Or(cfg.FailureCode, "-1")
	cfg.CancelTTL = cmp.Or(cfg.CancelTTL, DefaultCancelTTL)
	cfg.Burst = cmp.Or(cfg.Burst, max(1, int(math.Ceil(min(float64(cfg.Rate), 1e6)))))
	r := &Receiver{
		cfg:    cfg,
		trust:  newTrust(&cfg),
		budget: newBudget(cfg.Rate, cfg.Burst),
		failed: `{"code":"` + cfg.FailureCode + `","msg":"处理失败"}`,
		refuse: `{"code":"` + cfg.FailureCode + `","msg":"请求被拒绝"}`,
	}
	var err error
	r.in, err = receive.New(receive.Config[*Envelope, jushuitan.ClaimState]{
		Sources: cfg.Sources, Proxies: cfg.Proxies, ProxyHeader: cfg.ProxyHeader,
		MaxAge: cfg.MaxAge, MaxAhead: cfg.MaxAhead, Now: cfg.Now, MaxBody: cfg.MaxBody, BodyTimeout: cfg.BodyTimeout,
		Deduper: cfg.Deduper, Memory: jushuitan.NewMemoryDeduper(0), NoDedupe: cfg.NoDedupe,
		ClaimTTL: cfg.ClaimTTL, CommitTTL: cfg.CommitTTL, Wait: cfg.Wait,
		Panic:  func(value any, stack []byte) error { return &jushuitan.PanicError{Value: value, Stack: stack} },
		Report: func(ctx context.Context, env *Envelope, err error) { r.report(ctx, *env, err) },
	})
	if err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	if cfg.DropStaleStock {
		r.stale = newStaleFilter(staleEntries)
	}
	parser := jushuitan.PushParser{MaxRows: cfg.MaxRows}
	bind(r, parser.Shipment, cfg.Shipment)
	bind(r, parser.Cancel, cfg.Cancel)
	bind(r, knownAction(parser.GoodsReturned), cfg.GoodsReturned)
	bind(r, parser.Stock, r.freshOnly(cfg.Stock))
	if !slices.ContainsFunc(r.kinds, func(k kind) bool { return k.handle != nil }) {
		return nil, errors.New("callback: the config has no function for any kind of push")
	}
	return r, nil
}

func (c *Config) check() error {
	switch {
	case len(c.Secrets) == 0 && !c.AllowUnauthenticated:
		return errors.New("no secret for the tokens of the registered URLs: set Secrets, or AllowUnauthenticated to accept messages from anyone")
	case len(c.Secrets) > 0 && c.AllowUnauthenticated:
		return errors.New("both Secrets and AllowUnauthenticated are set")
	case c.Checksum < ChecksumAny || c.Checksum > ChecksumOff:
		return fmt.Errorf("unknown Checksum %d", int(c.Checksum))
	case c.Rate < 0 || c.Burst < 0 || c.CancelTTL < 0:
		return errors.New("negative Rate, Burst or CancelTTL")
	}
	if err := c.checkFailure(); err != nil {
		return err
	}
	for _, s := range c.Secrets {
		if err := pushsign.CheckSecret(s); err != nil {
			return err
		}
	}
	return nil
}

// checkFailure checks the answer to a push that was not handled.
func (c *Config) checkFailure() error {
	switch {
	case c.FailureStatus != 0 && (c.FailureStatus < 200 || c.FailureStatus > 599):
		return fmt.Errorf("FailureStatus is %d, must be 200 to 599", c.FailureStatus)
	case strings.Trim(c.FailureCode, "0") == "" && c.FailureCode != "" || !plain(c.FailureCode):
		return errors.New("FailureCode means success, or needs escaping in JSON")
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

// Shipment returns a handler for 物流同步 only, for any path.
func (r *Receiver) Shipment() http.Handler { return r.only(jushuitan.PushShipment) }

// Cancel returns a handler for 取消订单 only, for any path.
func (r *Receiver) Cancel() http.Handler { return r.only(jushuitan.PushCancel) }

// GoodsReturned returns a handler for 售后收货 only, for any path.
func (r *Receiver) GoodsReturned() http.Handler { return r.only(jushuitan.PushGoodsReturned) }

// Stock returns a handler for 库存同步 only, for any path.
func (r *Receiver) Stock() http.Handler { return r.only(jushuitan.PushStock) }

func (r *Receiver) only(method jushuitan.PushMethod) http.Handler {
	k := r.byMethod(string(method))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, k) })
}

// OldestClaim returns for how long the longest run of your functions in this process has
// lasted, 0 if none is in progress. A run that outlives ClaimTTL no longer blocks duplicates.
func (r *Receiver) OldestClaim() time.Duration { return r.in.OldestClaim() }

// ServeHTTP handles all four kinds, identified by the query parameter method or the
// last element of the path. If both are present, they must agree.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.serve(w, req, r.byPath(req.URL.Path))
}
