// Command reconcile finds lost pushes and passes them to the functions that handle
// pushes.
//
//	go run ./examples/reconcile
//	go run ./examples/reconcile -dry-run    without a write
//
// Against the fake it loses pushes on purpose: the host is down while the warehouse
// works. Then it compares the ERP with the journal of handled pushes, redelivers what is
// missing, and shows that a second run finds nothing and that a late push has no effect.
//
// With a real account it only reports, against the journal that receive-callbacks kept;
// run it from cron with the receiver's own process doing the redelivery:
//
//	go run ./examples/reconcile -app-key KEY -merchant 10010 -journal pushes.jsonl -shop 133242 -hours 24
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

// options are the program's own flags.
type options struct {
	journal         string
	shop, warehouse int64
	hours           float64
}

func program() app.Program {
	var o options
	return app.Program{
		Name: "reconcile", Source: source,
		Options: []jushuitantest.Option{jushuitantest.WithPushRetry()}, // a push that is not acknowledged is lost
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&o.journal, "journal", "", "real account: journal file of receive-callbacks")
			fs.Int64Var(&o.shop, "shop", 0, "real account: shop_id 店铺编号 of the self-owned mall")
			fs.Int64Var(&o.warehouse, "warehouse", 0, "real account: wms_co_id 仓库编号 whose stock is pushed; 0 skips stock")
			fs.Float64Var(&o.hours, "hours", 24, "real account: hours to look back")
		},
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				return report(ctx, a, o)
			}
			return play(ctx, a)
		},
	}
}

// available is the formula of the shop's stock in the ERP, which no API exposes:
// 可用数, unless the merchant has set another.
func available(row *jushuitan.InventoryRow) (decimal.Decimal, bool) {
	return row.Qty.Add(row.VirtualQty).Sub(row.OrderLock), true
}

// window returns the start of what can be compared: not before the journal began.
func window(ctx context.Context, journal callback.Journal, from time.Time) (time.Time, error) {
	since, err := journal.Since(ctx, callback.JournalScope{})
	if since.After(from) {
		return since, err
	}
	return from, err
}

// report prints the differences of a real account.
func report(ctx context.Context, a *app.App, o options) error {
	if o.journal == "" || o.shop == 0 {
		return cli.Usagef("a real account requires -journal and -shop / 连接真实账号需要 -journal 与 -shop")
	}
	journal, err := flows.OpenJournal(o.journal, time.Now())
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }() // only read here
	from, err := window(ctx, journal, time.Now().Add(-time.Duration(o.hours*float64(time.Hour))))
	if err != nil {
		return err
	}
	cfg := callback.ReconcileConfig{
		Client: a.Client, Journal: journal, EntID: a.Client.Merchant(), From: from,
		Shops: []callback.ReconcileShop{{ShopID: o.shop}}, Unexpected: true,
	}
	if o.warehouse != 0 {
		cfg.Stocks = []callback.ReconcileStock{{WMSCoID: o.warehouse, ShopID: o.shop, Figure: available}}
	}
	n := 0
	var failed error
	for d, err := range callback.Reconcile(ctx, cfg) {
		if err != nil {
			failed = errors.Join(failed, err) // this kind is incomplete; the others continue
			continue
		}
		n++
		a.Printf("%s %s %s %s%s\n", d.Kind, d.Method, d.Document(), text(d), fields(d))
	}
	a.Printf("%d differences / 共 %d 处差异\n", n, n)
	return failed
}

// text describes a difference, without personal data.
func text(d *callback.Difference) string { return strings.TrimRight(name(d)+" "+d.LID, " ") }

func name(d *callback.Difference) string { return cmp.Or(d.OuterASID, d.SoID, d.SKUID) }

// fields lists what differs.
func fields(d *callback.Difference) string {
	out := ""
	for _, f := range d.Fields {
		out += fmt.Sprintf("; %s: pushed %q, ERP %q", f.Name, f.Pushed, f.Pulled)
	}
	return out
}

// host is DianJia's side. It counts what each function handled.
type host struct {
	r        *flows.Report
	client   *jushuitan.Client
	erp      *jushuitantest.Server
	journal  callback.Journal
	receiver *callback.Receiver
	secret   string

	mu    sync.Mutex
	state map[string]string // what the host knows, by document
	calls int
}

func newHost(a *app.App, r *flows.Report) (*host, error) {
	h := &host{r: r, client: a.Client, erp: a.Fake, secret: rand.Text(), state: map[string]string{}}
	// The journal begins at a whole second, since the ERP's times have no fractions.
	h.journal = callback.NewMemoryJournal(0, a.Fake.Now().Truncate(time.Second))
	var err error
	// The same config as the receiver's; WithJournal records what its functions handled.
	h.receiver, err = callback.New(callback.WithJournal(callback.Config{
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			return h.took(p.SoID+" "+p.LID, "shipped by "+p.LogisticsCompany)
		},
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			return h.took(p.SoID, "cancelled")
		},
		GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			return h.took(p.OuterASID, string(p.Action))
		},
		Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			for _, row := range p.Rows {
				_ = h.took(row.SKUID, row.Qty.String()) // never fails
			}
			return nil
		},
		Secrets: []string{h.secret}, DropStaleStock: true, Now: a.Fake.Now,
	}, h.journal))
	return h, err
}

func (h *host) took(document, state string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	h.state[document] = state
	return nil
}

// believes returns what the host knows of a document, and how many messages it handled.
func (h *host) believes(document string) (state string, calls int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return cmp.Or(h.state[document], "nothing"), h.calls
}

// reconcile compares the last two hours and redelivers what was missed. A host runs this
// job every few minutes.
func (h *host) reconcile(ctx context.Context) (found []*callback.Difference, err error) {
	from, err := window(ctx, h.journal, h.erp.Now().Add(-2*time.Hour))
	if err != nil {
		return nil, err
	}
	for d, failed := range callback.Reconcile(ctx, callback.ReconcileConfig{
		Client: h.client, Journal: h.journal, EntID: demo.Merchant, Now: h.erp.Now, From: from, Unexpected: true,
		Shops:  []callback.ReconcileShop{{ShopID: demo.MallShop}},
		Stocks: []callback.ReconcileStock{{WMSCoID: demo.MainWarehouse, ShopID: demo.MallShop, Figure: available}},
	}) {
		if failed != nil {
			err = errors.Join(err, failed) // this kind is incomplete: the next run repeats it
			continue
		}
		found = append(found, d)
		result := "redelivered"
		if d.Kind == callback.Unexpected {
			result = "not in the ERP: to be checked by a person"
		} else if failed := h.receiver.Redeliver(ctx, d); failed != nil {
			err = errors.Join(err, failed)
			result = "failed"
		} else {
			h.r.Settles(name(d), d.LID, demo.PushMissed, flows.One(), "redelivered")
		}
		h.r.Step(demo.DianJia, d.Kind.String(), fmt.Sprintf("%s %s", d.Method, text(d)), result+fields(d))
	}
	return found, err
}

// gate is the network in front of the receiver. While it is closed pushes get lost; it
// remembers them, so that they can arrive late.
type gate struct {
	next http.Handler

	mu     sync.Mutex
	closed bool
	lost   []lostPush
}

type lostPush struct {
	url  string
	body []byte
}

func (g *gate) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.next.ServeHTTP(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		g.lost = append(g.lost, lostPush{req.URL.String(), body})
	}
	http.Error(w, "down", http.StatusBadGateway)
}

func (g *gate) close(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// late delivers the lost pushes after all.
func (g *gate) late(ctx context.Context) (sent, taken int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.lost {
		w := httptest.NewRecorder()
		g.next.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(p.body)))
		sent++
		if w.Code == http.StatusOK {
			taken++
		}
	}
	return sent, taken
}

// play runs the demonstration against the fake.
func play(ctx context.Context, a *app.App) error {
	if flows.DryRunEnds(a) {
		return nil
	}
	r := flows.New(a.Out)
	h, err := newHost(a, r)
	if err != nil {
		return err
	}
	way := &gate{next: h.receiver}
	web := httptest.NewServer(way)
	defer web.Close()
	s := &scene{host: h, way: way}
	if err := s.register(web.URL); err != nil {
		return err
	}
	s.r.Part("The receiver works 推送正常")
	for _, step := range []func(context.Context) error{s.working, s.down, s.makeGood, s.again, s.late, s.unexpected} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.End()
}

// register enters the four URLs in the shop's settings.
func (s *scene) register(base string) error {
	s.urls = dianjia.URLBuilder{BaseURL: base + "/dex/jushuitan/", Secret: s.secret}
	registered, err := s.urls.URLs(dianjia.ShopSettings{
		EntID: demo.Merchant, ShopID: demo.MallShop, WMSCoID: demo.MainWarehouse,
	})
	if err != nil {
		return err
	}
	for kind, address := range registered {
		if err := s.erp.RegisterPush(demo.MallShop, kind, address); err != nil {
			return err
		}
	}
	return nil
}
