// Command tour runs the two retail flows between a host that plays DianJia (店加)
// and a fake Jushuitan (聚水潭), over real HTTP with signatures and quotas
// enforced:
//
//	go run ./examples/tour
//
// It prints what each side did and exits 1 if anything that must hold does not. With
// -via qimen the first flow reads its documents through a fake Qimen (奇门) gateway,
// with the same result.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

func main() {
	virtual := flag.Bool("virtual", false, "push store stock as virtual quantities (虚拟库存) instead of a stocktake (盘点)")
	via := flag.String("via", viaOpen, "where flow 1 reads outbound documents: open (开放平台) or qimen (奇门)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, settings{virtual: *virtual, via: *via})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

// What -via may be.
const (
	viaOpen  = "open"
	viaQimen = "qimen"
)

type settings struct {
	virtual bool
	via     string

	// For tests.
	erp  []jushuitantest.Option          // of the fake
	look func(erp *jushuitantest.Server) // is called at the end of flow 1
}

func run(ctx context.Context, out io.Writer, s settings) error {
	begin := time.Now()
	if s.via != viaOpen && s.via != viaQimen {
		return fmt.Errorf("-via %q: want %s or %s", s.via, viaOpen, viaQimen)
	}

	// The ERP: in a real program this is https://openapi.jushuitan.com.
	erp := jushuitantest.NewServer(s.erp...)
	defer erp.Close()
	if err := demo.Furnish(erp); err != nil {
		return err
	}

	// The SDK's client, for one merchant. The counter shows what goes over the wire.
	sent := &counter{next: http.DefaultTransport}
	app, err := jushuitan.New(erp.Credentials(), jushuitan.WithBaseURL(erp.URL), jushuitan.WithHTTPClient(&http.Client{Transport: sent}))
	if err != nil {
		return err
	}
	line := demo.NewTimeline(out)
	host, err := demo.NewHost(app.ForMerchant(demo.Merchant), line)
	if err != nil {
		return err
	}

	// The host's side of the pushes.
	web := httptest.NewServer(host.Handler())
	defer web.Close()

	fmt.Fprintf(out, "A fake Jushuitan runs at %s, a DianJia-like host at %s.\n", erp.URL, web.URL)
	var gateway *qimentest.Server
	if s.via == viaQimen {
		// In a real program this is qimen.GatewayJushuitan.
		if gateway, err = qimentest.Start(ctx, "127.0.0.1:0", qimentest.WithERP(erp)); err != nil {
			return err
		}
		defer gateway.Close()
		qm, err := qimen.New(gateway.Config())
		if err != nil {
			return err
		}
		host.ViaQimen(qm.ForCustomer(qimentest.DefaultCustomer))
		fmt.Fprintf(out, "A fake Qimen gateway runs at %s.\n", gateway.URL)
	}
	if err := demo.FlowOne(ctx, erp, host, s.virtual); err != nil {
		return fmt.Errorf("flow 1: %w", err)
	}
	if s.look != nil {
		s.look(erp)
	}
	if err := demo.FlowTwo(ctx, erp, host, web.URL); err != nil {
		return fmt.Errorf("flow 2: %w", err)
	}

	stats := erp.Stats()
	failed := 0
	for _, p := range erp.Pushes() {
		if !p.Delivered() {
			failed++
		}
	}
	line.Check(stats.Throttled == 0, "no call was throttled")
	line.Check(failed == 0, "every push was delivered")
	if gateway != nil {
		calls, failures := gateway.Requests(), 0
		for _, r := range calls {
			if r.Flag != "success" {
				failures++
			}
		}
		line.Check(len(calls) > 0 && failures == 0, "every call through Qimen was answered with success")
		fmt.Fprintf(out, "\n%d requests to the Qimen gateway.", len(calls))
	}
	fmt.Fprintf(out, "\nSummary: %d requests to Jushuitan (%d of them repeats after a lost answer), throttled = %d, pushes = %d, %s\n",
		sent.n.Load(), sent.lost.Load(), stats.Throttled, len(erp.Pushes()), time.Since(begin).Round(time.Millisecond))
	if n := len(line.Failed); n > 0 {
		return fmt.Errorf("%d of %d checks failed: %q", n, line.Checks, line.Failed)
	}
	fmt.Fprintf(out, "%d checks: every check passed\n", line.Checks)
	return nil
}

// counter counts requests and those that ended without an answer.
type counter struct {
	next    http.RoundTripper
	n, lost atomic.Int64
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		c.lost.Add(1)
	}
	return resp, err
}
