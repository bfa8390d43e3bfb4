package callback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultMaxBody is the limit of a body where [Config] sets none: 4 MiB.
const DefaultMaxBody = 4 << 20

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

	// MaxBody is the longest body that is read, in bytes; 0 is [DefaultMaxBody].
	MaxBody int64

	// OnError is told the reason of every refusal and failure, which the answer
	// does not show: one of the errors of this package, a [*jushuitan.Error] for a
	// body that cannot be read, a [*PanicError], or what the host's function
	// returned. Apart from the latter two no personal data is in it, and never a
	// signature. The envelope holds what was known by then. May be nil.
	OnError func(ctx context.Context, env Envelope, err error)

	// SkipChecksum accepts messages with a wrong or without a sign parameter.
	SkipChecksum bool
}

// Receiver handles pushes. It is safe for concurrent use.
type Receiver struct {
	shipment, cancel, goodsReturned, stock kind

	maxBody      int64
	onError      func(ctx context.Context, env Envelope, err error)
	skipChecksum bool
}

// New makes a receiver. At least one function is needed.
func New(cfg Config) (*Receiver, error) {
	if cfg.Shipment == nil && cfg.Cancel == nil && cfg.GoodsReturned == nil && cfg.Stock == nil {
		return nil, errors.New("callback: the config has no function")
	}
	if cfg.MaxBody < 0 {
		return nil, fmt.Errorf("callback: MaxBody is %d", cfg.MaxBody)
	}
	r := &Receiver{
		shipment:      kindOf(jushuitan.PushShipment, jushuitan.ParseShipmentPush, cfg.Shipment),
		cancel:        kindOf(jushuitan.PushCancel, jushuitan.ParseCancelPush, cfg.Cancel),
		goodsReturned: kindOf(jushuitan.PushGoodsReturned, parseGoodsReturned, cfg.GoodsReturned),
		stock:         kindOf(jushuitan.PushStock, jushuitan.ParseStockPush, cfg.Stock),
		maxBody:       cfg.MaxBody,
		onError:       cfg.OnError,
		skipChecksum:  cfg.SkipChecksum,
	}
	if r.maxBody == 0 {
		r.maxBody = DefaultMaxBody
	}
	return r, nil
}

// Shipment handles 物流同步 alone, on any path.
func (r *Receiver) Shipment() http.Handler { return r.only(&r.shipment) }

// Cancel handles 取消订单 alone, on any path.
func (r *Receiver) Cancel() http.Handler { return r.only(&r.cancel) }

// GoodsReturned handles 售后收货 alone, on any path.
func (r *Receiver) GoodsReturned() http.Handler { return r.only(&r.goodsReturned) }

// Stock handles 库存同步 alone, on any path.
func (r *Receiver) Stock() http.Handler { return r.only(&r.stock) }

func (r *Receiver) only(k *kind) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, k) })
}

// ServeHTTP handles all four kinds, told apart by the query parameter method or
// the end of the path. Where both tell, they must agree.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.serve(w, req, r.byPath(req.URL.Path))
}

// Envelope is what a push says besides its body.
type Envelope struct {
	EntID       string               // entId of the registered URL: the merchant
	StorageCode string               // storageCode of the registered URL: shop or warehouse
	Type        string               // type of the registered URL
	Method      jushuitan.PushMethod // the kind
	TS          time.Time            // ts: when it was sent, zero where that is missing; not checked
	RemoteAddr  string               // of the connection, which may be a proxy's

	// ChecksumForm is the way of signing that matched: ts, sorted, arrival-ts-first
	// or arrival. Which one the ERP uses is not documented. Empty: none did.
	ChecksumForm string

	// Raw is the body as it came. It is never printed, nor encoded as JSON.
	Raw []byte `json:"-"`
}

// String is the envelope without the body.
func (e Envelope) String() string {
	ts := ""
	if !e.TS.IsZero() {
		ts = e.TS.Format(time.RFC3339)
	}
	return fmt.Sprintf("Envelope{EntID:%q StorageCode:%q Type:%q Method:%q TS:%s RemoteAddr:%q ChecksumForm:%q Raw:(%d bytes)}",
		e.EntID, e.StorageCode, e.Type, string(e.Method), ts, e.RemoteAddr, e.ChecksumForm, len(e.Raw))
}

// Format prints the envelope without the body, for every verb.
func (e Envelope) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.String())) }

// LogValue is the envelope for slog, without the body.
func (e Envelope) LogValue() slog.Value { return slog.StringValue(e.String()) }
