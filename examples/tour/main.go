// Command tour runs the six business flows of the implementation guide (part 7) between
// a host that plays DianJia (店加) and a fake Jushuitan (聚水潭), over real HTTP with
// signatures and quotas enforced, each with its failures on purpose:
//
//	go run ./examples/tour
//	go run ./examples/tour -via qimen
//	go run ./examples/tour -json
//
// It prints what each side did, the library's errors, the quantities that differed with
// the decision about each, and a summary. It exits with status 1 if a requirement fails: a
// check, a throttled call, a lost push that was not recovered, or an unexplained
// difference.
//
// Each flow has a fake of its own, since the flows count its stock. They run at the same
// time, because most of their time is spent waiting for the quota of 5 calls a second; they
// are printed in their order. The fakes measure that second with 300 ms of tolerance, since
// on a busy machine calls that leave in time arrive bunched. With -via qimen the first flow
// reads its documents through a fake Qimen (奇门) gateway, with the same result; with
// -virtual stock is uploaded as virtual quantities.
//
// With -dialects it runs the flows once in each way in which the service may answer, see
// jushuitantest.Dialects and Guesses, with more calls a second allowed, and prints a line
// for each: under a dialect that a public source shows everything must hold, under a guess
// the flows may also end with an error.
//
// With -json it prints one JSON document and nothing else:
//
//	ok            whether everything held
//	timeline      flow, step (0: a remark), scene (0: none), ms, who, call, documents, result
//	scenes        the failures on purpose: flow, scene (its number in the flow), kind (the table of
//	              package flows in examples/internal/flows; "": the flow's own), stands_in (the flow
//	              has no such thing, this is what it has instead), title, why
//	checks        flow, ms, ok, text
//	differences   flow, document, item (SKU or waybill), what (not_approved, not_shipped,
//	              not_received, push_missed, not_in_erp, not_read), rule (that decides), qty, settled,
//	              how (decisions)
//	flows         flow, title, and the numbers of one flow
//	summary       the numbers of all flows together
//
// The numbers, counted at the wire and by the fake:
//
//	calls             HTTP requests to Jushuitan and Qimen, token requests included
//	retries           calls and pushes that were sent again: an answer was lost, a token ended, ...
//	throttled         calls that were refused for the quota
//	pushes            pushes that the host took
//	documents_in      documents that the host read or was pushed
//	documents_out     documents that the host sent and Jushuitan took
//	differences       differences found
//	unexplained       of them, those that the decisions do not add up to
//	checks, failed    checks, and those that failed
//	ms                time
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/mall-order-warehouse-ships/mall"
	"github.com/dianjia/jushuitan-go/examples/online-order-store-ships/storeship"
	"github.com/dianjia/jushuitan-go/examples/store-replenishes/replenish"
	"github.com/dianjia/jushuitan-go/examples/store-returns/returns"
	"github.com/dianjia/jushuitan-go/examples/store-to-store/storetransfer"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

//go:embed main.go
var source string

func main() { command().Main() }

func command() cli.Command {
	var s settings
	each := false
	return cli.Command{
		Name: "tour", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.BoolVar(&s.virtual, "virtual", false, "push store stock as virtual quantities (虚拟库存) instead of a stocktake (盘点)")
			fs.StringVar(&s.via, "via", viaOpen, "where flow 1 reads outbound documents: open (开放平台) or qimen (奇门)")
			fs.BoolVar(&s.json, "json", false, "print one JSON document, for machines")
			fs.BoolVar(&each, "dialects", false, "run the flows in every way in which the service may answer, and print a line for each")
		},
		Run: func(ctx context.Context, out io.Writer) error {
			if each {
				return inEachDialect(ctx, out, s)
			}
			return run(ctx, out, s)
		},
	}
}

// The values of -via.
const (
	viaOpen  = "open"
	viaQimen = "qimen"
)

type settings struct {
	virtual bool
	via     string
	json    bool
	dialect *jushuitantest.Dialect // of every fake; nil: none

	// For tests.
	look func(erp *jushuitantest.Server) // is called at the end of flow 1
}

// flow is one of the six flows.
type flow struct {
	furnish func(*jushuitantest.Server) error // fills its fake
	options []jushuitantest.Option            // of its fake
	play    func(context.Context, *app.App, *flows.Report) error
	viaQM   func(*qimen.Client) func(context.Context, *app.App, *flows.Report) error // instead of play, if the flow reads through Qimen
	look    func(erp *jushuitantest.Server)                                          // for tests, may be nil
}

// result is the result of a flow.
type result struct {
	out     bytes.Buffer
	report  *flows.Report
	numbers numbers
}

func run(ctx context.Context, out io.Writer, s settings) error {
	if s.via != viaOpen && s.via != viaQimen {
		return cli.Usagef("-via %q: want %s or %s", s.via, viaOpen, viaQimen)
	}
	begin := time.Now()
	none := func(*jushuitantest.Server) error { return nil }
	tour := []flow{
		{furnish: storeship.Furnish, play: storeship.Play(storeship.Options{Virtual: s.virtual}), look: s.look},
		{furnish: none, options: mall.FakeOptions(), play: mall.Play},
		{furnish: allocate.Furnish, play: allocate.Play},
		{furnish: replenish.Furnish, play: replenish.Play},
		{furnish: returns.Furnish, play: returns.Play},
		{furnish: storetransfer.Furnish, play: storetransfer.Play},
	}
	if s.via == viaQimen {
		tour[0].viaQM = func(qm *qimen.Client) func(context.Context, *app.App, *flows.Report) error {
			return storeship.Play(storeship.Options{Virtual: s.virtual, Qimen: qm})
		}
	}
	results := make([]*result, len(tour))
	done := make([]chan struct{}, len(tour))
	g, flowCtx := errgroup.WithContext(ctx)
	var ended atomic.Int32
	if s.dialect == nil {
		cli.Doing(ctx, "%d flows at the same time", len(tour))
		defer cli.Doing(ctx, "")
	}
	for i, f := range tour {
		results[i], done[i] = &result{}, make(chan struct{})
		g.Go(func() error {
			defer close(done[i])
			if err := results[i].inTour(flowCtx, s, f, i+1, begin); err != nil {
				return fmt.Errorf("flow %d: %w", i+1, err)
			}
			if s.dialect == nil {
				cli.Doing(ctx, "%d of %d flows are done", ended.Add(1), len(tour))
			}
			return nil
		})
	}
	if !s.json {
		fmt.Fprintln(out, "Six flows between a host that plays DianJia 店加 and a fake Jushuitan 聚水潭 in this process.")
	}
	for i := range tour { // in their order, each as soon as it is done
		<-done[i]
		if !s.json {
			fmt.Fprintf(out, "\n######## %d of %d\n", i+1, len(tour))
			if _, err := out.Write(results[i].out.Bytes()); err != nil {
				return err
			}
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return conclude(out, results, time.Since(begin), s.json)
}

// conclude prints the totals of all flows; it returns an error if a check failed.
func conclude(out io.Writer, results []*result, took time.Duration, asJSON bool) error {
	doc := document(results, took)
	if asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(doc); err != nil {
			return err
		}
	} else {
		doc.print(out)
	}
	if !doc.OK {
		return &flows.FailedChecks{Of: doc.Summary.Checks, Texts: doc.failed()}
	}
	if !asJSON {
		fmt.Fprintf(out, "%d checks: every check passed\n", doc.Summary.Checks)
	}
	return nil
}

// inTour runs a flow with the quota or the dialect of the tour. In a dialect, a host that
// panics is a result.
func (res *result) inTour(ctx context.Context, s settings, f flow, number int, begin time.Time) (err error) {
	f.options = append(f.options, jushuitantest.WithSlack(300*time.Millisecond))
	if s.dialect != nil {
		f.options = append(f.options, jushuitantest.WithDialect(*s.dialect), jushuitantest.WithQuota(manyCalls))
		defer func() {
			if p := recover(); p != nil {
				err = &panicked{flow: number, value: p, stack: debug.Stack()}
			}
		}()
	}
	return res.run(ctx, f, begin)
}

// run runs a flow against a fake of its own, and counts.
func (res *result) run(ctx context.Context, f flow, begin time.Time) error {
	erp, err := jushuitantest.Start(ctx, "127.0.0.1:0", f.options...)
	if err != nil {
		return err
	}
	defer erp.Close()
	if err := errors.Join(demo.Furnish(erp), f.furnish(erp)); err != nil {
		return err
	}
	// The SDK's client, for one merchant; a real program calls jushuitan.New. The meter
	// counts what goes over the wire.
	meter := &demo.Meter{Next: http.DefaultTransport}
	web := &http.Client{Transport: meter}
	client, err := erp.Client(jushuitan.WithHTTPClient(web), jushuitan.WithHook(meter.Hook()))
	if err != nil {
		return err
	}
	r := flows.NewAt(&res.out, begin)
	res.report = r
	play, viaQimen := f.play, func() []qimentest.RequestRecord { return nil }
	if f.viaQM != nil {
		gateway, err := qimentest.Start(ctx, "127.0.0.1:0", qimentest.WithERP(erp))
		if err != nil {
			return err
		}
		defer gateway.Close()
		qm, err := gateway.Client(qimen.WithHTTPClient(web), qimen.WithHook(meter.Hook()))
		if err != nil {
			return err
		}
		play, viaQimen = f.viaQM(qm.ForCustomer(qimentest.DefaultCustomer)), gateway.Requests
	}
	start := time.Now()
	a := &app.App{Client: client.ForMerchant(demo.Merchant), Fake: erp, Out: &res.out}
	if err := play(ctx, a, r); err != nil {
		return err
	}
	if f.look != nil {
		f.look(erp)
	}
	res.close(erp, viaQimen(), meter.Traffic(), time.Since(start))
	return nil
}

// close checks what must hold at the end of every flow.
func (res *result) close(erp *jushuitantest.Server, viaQimen []qimentest.RequestRecord, t demo.Traffic, took time.Duration) {
	r, stats := res.report, erp.Stats()
	r.PrintDifferences()
	r.Check(stats.Throttled == 0, "no call was throttled")
	seen, givenUp := stats.Calls+len(viaQimen), ""
	if t.GivenUp > 0 { // a page that was read ahead, when its loop had what it looked for
		givenUp = fmt.Sprintf(", %d of them given up", t.GivenUp)
	}
	r.Check(seen <= t.Calls && seen >= t.Calls-t.GivenUp, "the host and the ERP counted the same calls: %d%s and %d", t.Calls, givenUp, seen)
	if n := len(viaQimen); n > 0 {
		refused := slices.ContainsFunc(viaQimen, func(r qimentest.RequestRecord) bool { return r.Flag != "success" })
		r.Check(!refused, "every call through Qimen was answered with success: %d", n)
	}
	repeats, lost := 0, 0
	for _, p := range erp.Pushes() {
		repeats += max(p.Attempts-1, 0)
		if !p.Delivered() {
			lost++
		}
	}
	found := 0
	for _, d := range r.Differences {
		if d.What == demo.PushMissed && d.Explained() {
			found++
		}
	}
	if len(erp.Pushes()) > 0 {
		r.Check(lost == found, "every push was delivered, or found by reconcile: %d delivered, %d lost, %d found", stats.Pushes, lost, found)
	}
	res.numbers = numbers{
		Calls: t.Calls, Pushes: stats.Pushes, Retries: t.Retries + repeats, Throttled: stats.Throttled,
		DocumentsIn: t.In + stats.Pushes, DocumentsOut: t.Out,
		Differences: len(r.Differences), Unexplained: len(r.Unexplained()),
		Checks: len(r.Checks), Failed: len(r.Failed()), MS: took.Milliseconds(),
	}
}
