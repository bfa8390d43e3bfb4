package main

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

const scope = "github.com/dianjia/jushuitan-go/examples/opentelemetry"

// The recorded attributes. Nothing else is recorded: nothing of the form, the answer, the
// token or the signature, and not the server's message either, which may repeat personal
// data.
const (
	attrOp       = attribute.Key("jushuitan.op")             // Orders.Upload
	attrPath     = attribute.Key("jushuitan.path")           // /open/jushuitan/orders/upload
	attrMerchant = attribute.Key("jushuitan.merchant")       // the host's own id
	attrAttempt  = attribute.Key("jushuitan.attempt")        // counted from 1
	attrOutcome  = attribute.Key("jushuitan.outcome")        // ok, rejected, unknown ...
	attrCode     = attribute.Key("jushuitan.code")           // of the answer
	attrSent     = attribute.Key("jushuitan.bytes.sent")     // of biz
	attrReceived = attribute.Key("jushuitan.bytes.received") // of the answer
)

// httpClient returns a client whose transport creates a span for each HTTP request,
// including token calls. Forms and answers travel in bodies, which are not recorded; the
// URL is only the path. Trace ids are not propagated, since the server belongs to a third
// party. Use it with jushuitan.WithHTTPClient.
func httpClient(base http.RoundTripper, tp trace.TracerProvider, mp metric.MeterProvider) *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(tp),
		otelhttp.WithMeterProvider(mp),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Path }),
	)}
}

// hook records a span and measurements for each attempt of a call: the wait for the quota,
// and the result in the server's terms. Use it with jushuitan.WithHook.
//
// The span is created when the attempt is over, with its original start time, since a hook
// cannot change the context. So it is a sibling of its HTTP span, below the span of the
// caller's context.
func hook(tp trace.TracerProvider, mp metric.MeterProvider) (jushuitan.Hook, error) {
	tracer, meter := tp.Tracer(scope), mp.Meter(scope)
	attempts, err := meter.Int64Counter("jushuitan.attempts",
		metric.WithDescription("Attempts of calls, including retries."))
	if err != nil {
		return jushuitan.Hook{}, err
	}
	took, err := meter.Float64Histogram("jushuitan.attempt.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of an attempt, including the wait for the quota."))
	if err != nil {
		return jushuitan.Hook{}, err
	}
	waited, err := meter.Float64Histogram("jushuitan.quota.wait", metric.WithUnit("s"),
		metric.WithDescription("Wait for the quota."))
	if err != nil {
		return jushuitan.Hook{}, err
	}
	return jushuitan.Hook{After: func(ctx context.Context, a jushuitan.Attempt) {
		end := time.Now()
		outcome := "ok"
		if a.Err != nil {
			outcome = a.Outcome.String()
		}
		_, span := tracer.Start(ctx, "jushuitan "+a.Op,
			trace.WithTimestamp(end.Add(-a.Took)),
			trace.WithAttributes(
				attrOp.String(a.Op), attrPath.String(a.Path), attrMerchant.String(a.Merchant), attrAttempt.Int(a.N),
				attrOutcome.String(outcome), attrCode.Int64(a.Code), attrSent.Int(a.Sent), attrReceived.Int(a.Received),
			))
		if a.Err != nil {
			span.SetStatus(codes.Error, outcome)
		}
		span.End(trace.WithTimestamp(end))

		// No merchant here, since each would become a separate time series.
		set := metric.WithAttributes(attrOp.String(a.Op), attrOutcome.String(outcome), attrCode.Int64(a.Code))
		attempts.Add(ctx, 1, set)
		took.Record(ctx, a.Took.Seconds(), set)
		waited.Record(ctx, a.Waited.Seconds(), metric.WithAttributes(attrOp.String(a.Op)))
	}}, nil
}
