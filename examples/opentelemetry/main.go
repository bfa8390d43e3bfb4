// Command opentelemetry shows how to observe the client with OpenTelemetry: through the
// transport of its http.Client, and through a hook around each attempt. It runs against a
// fake server in the same process, which fails once, so that one call has two attempts, and
// prints the spans.
//
//	go run -C examples/opentelemetry .
//	go run .                in examples/opentelemetry
//	go test -v -race ./...  in examples/opentelemetry
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { command().Main() }

func command() cli.Command {
	return cli.Command{Name: "opentelemetry", Source: source, Run: run}
}

func run(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// Your program exports to a collector instead.
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))

	srv := jushuitantest.NewServer()
	defer srv.Close()
	srv.Inject(jushuitantest.Fault{Path: uploadPath, Kind: jushuitantest.HTTP5xx, Times: 1})
	if err := upload(ctx, srv, http.DefaultTransport, tp, mp); err != nil {
		return err
	}
	if err := printSpans(w, spans.GetSpans()); err != nil {
		return err
	}
	return printAttempts(ctx, w, reader)
}

const (
	uploadPath = "/open/jushuitan/orders/upload"
	mallShop   = 10200077
)

// upload uploads one order under a parent span.
func upload(ctx context.Context, srv *jushuitantest.Server, base http.RoundTripper, tp trace.TracerProvider, mp metric.MeterProvider) error {
	if err := srv.AddShop(jushuitan.Shop{ShopID: mallShop, ShopName: "微商城", ShopSite: "商家自有商城"}); err != nil {
		return err
	}
	watch, err := hook(tp, mp)
	if err != nil {
		return err
	}
	client, err := jushuitan.New(srv.Credentials(),
		jushuitan.WithBaseURL(srv.URL),
		jushuitan.WithHTTPClient(httpClient(base, tp, mp)),
		jushuitan.WithHook(watch),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: 20 * time.Millisecond}),
	)
	if err != nil {
		return err
	}

	ctx, work := tp.Tracer(scope).Start(ctx, "send orders")
	defer work.End()
	_, err = client.ForMerchant("10010").Orders.Upload(ctx, []jushuitan.OrderUpload{order(mallShop, "MALL-1")})
	return err
}

func order(shopID int64, soID string) jushuitan.OrderUpload {
	now, price := time.Now(), decimal.RequireFromString("59.00")
	return jushuitan.OrderUpload{
		ShopID: shopID, SoID: soID, OrderDate: now, ShopModified: now,
		ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopBuyerID: "buyer-of-" + soID,
		ReceiverName: "王小青", ReceiverMobile: "13900000001", ReceiverAddress: "西溪路 1 号 2 单元",
		PayAmount: price,
		Items: []jushuitan.OrderUploadItem{{
			SKUID: "TEE24-WHT-M", ShopSKUID: "TEE24-WHT-M", Name: "T恤", OuterOIID: soID + "-1",
			Qty: decimal.NewFromInt(1), BasePrice: price, Amount: price,
		}},
		Pay: &jushuitan.OrderUploadPay{
			OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "seller", BuyerAccount: "account-of-" + soID, Amount: price,
		},
	}
}

// printSpans prints the spans as a tree, ordered by start time.
func printSpans(w io.Writer, spans tracetest.SpanStubs) error {
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	below := map[trace.SpanID][]tracetest.SpanStub{}
	for _, s := range spans {
		below[s.Parent.SpanID()] = append(below[s.Parent.SpanID()], s)
	}
	var b strings.Builder
	var branch func(parent trace.SpanID, indent string)
	branch = func(parent trace.SpanID, indent string) {
		for _, s := range below[parent] {
			fmt.Fprintf(&b, "%s%s  %s  %s\n", indent, s.Name, s.EndTime.Sub(s.StartTime).Round(10*time.Microsecond), s.Status.Code)
			for _, a := range s.Attributes {
				fmt.Fprintf(&b, "%s    %s = %s\n", indent, a.Key, a.Value.String())
			}
			branch(s.SpanContext.SpanID(), indent+"  ")
		}
	}
	branch(trace.SpanID{}, "")
	_, err := io.WriteString(w, b.String())
	return err
}

// printAttempts prints the counter of attempts.
func printAttempts(ctx context.Context, w io.Writer, reader sdkmetric.Reader) error {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		return err
	}
	var lines []string
	for _, sm := range all.ScopeMetrics {
		for _, m := range sm.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			if !ok || m.Name != "jushuitan.attempts" {
				continue
			}
			for _, p := range sum.DataPoints {
				op, _ := p.Attributes.Value(attrOp)
				outcome, _ := p.Attributes.Value(attrOutcome)
				lines = append(lines, fmt.Sprintf("%s %q %s: %d\n", m.Name, op.AsString(), outcome.AsString(), p.Value))
			}
		}
	}
	slices.Sort(lines)
	_, err := io.WriteString(w, strings.Join(lines, ""))
	return err
}
