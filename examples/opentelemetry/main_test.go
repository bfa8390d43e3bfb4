package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/dianjia/jushuitan-go/examples/internal/cli/clitest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, want := range []string{
		"send orders", "jushuitan Orders.Upload", "POST /open/jushuitan/orders/upload", "jushuitan.attempt = 2",
		`jushuitan.attempts "Orders.Upload" ok: 1`, `jushuitan.attempts "Orders.Upload" unknown: 1`,
	} {
		assert.Contains(t, out.String(), want)
	}
}

// watched is what one run of upload recorded.
type watched struct {
	spans   tracetest.SpanStubs
	metrics metricdata.ResourceMetrics
	secrets map[string]string // kind of secret by its text
	sent    string            // all forms, decoded
	err     error
}

// watchUpload runs upload against a server with these faults.
func watchUpload(t *testing.T, faults ...jushuitantest.Fault) watched {
	t.Helper()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	for _, f := range faults {
		srv.Inject(f)
	}
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	base := &recorder{next: &http.Transport{}, secrets: map[string]string{srv.Credentials().AppSecret: "app secret"}}
	defer base.next.CloseIdleConnections()

	w := watched{err: upload(t.Context(), srv, base, tp, mp)}
	require.NoError(t, reader.Collect(t.Context(), &w.metrics))
	w.spans, w.secrets, w.sent = spans.GetSpans(), base.secrets, base.sent.String()
	for _, text := range personal() {
		w.secrets[text] = "personal data"
	}
	return w
}

// personal is the personal data of the order that is sent.
func personal() []string {
	o := order(mallShop, "MALL-1")
	return []string{o.ReceiverName, o.ReceiverMobile, o.ReceiverAddress, o.ShopBuyerID, o.Pay.BuyerAccount}
}

// recorder is the innermost transport: it notes the secrets that pass.
type recorder struct {
	next    *http.Transport
	mu      sync.Mutex
	secrets map[string]string
	sent    strings.Builder
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if err := req.Body.Close(); err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	r.note(form)
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	var token struct {
		Data struct {
			AccessToken  string `json:"access_token"`
			RefreshToken string `json:"refresh_token"`
		} `json:"data"`
	}
	if json.Unmarshal(answer, &token) == nil {
		r.note(url.Values{"access_token": {token.Data.AccessToken}, "refresh_token": {token.Data.RefreshToken}})
	}
	return resp, nil
}

func (r *recorder) note(values url.Values) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, list := range values {
		for _, v := range list {
			r.sent.WriteString(v + "\n")
			if v != "" && (name == "access_token" || name == "refresh_token" || name == "sign" || name == "biz") {
				r.secrets[v] = name
			}
		}
	}
}

// texts returns every text of a span: names, status, attributes, events, links.
func texts(s tracetest.SpanStub) []string {
	out := []string{s.Name, s.Status.Description, s.InstrumentationScope.Name, s.SpanContext.TraceState().String()}
	add := func(list []attribute.KeyValue) {
		for _, a := range list {
			out = append(out, string(a.Key), a.Value.String())
		}
	}
	add(s.Attributes)
	for _, e := range s.Events {
		out = append(out, e.Name)
		add(e.Attributes)
	}
	for _, l := range s.Links {
		add(l.Attributes)
	}
	add(s.Resource.Attributes())
	return out
}

// words returns every text in v, including names of members.
func words(t *testing.T, v any) []string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var out []string
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		if text, ok := token.(string); ok {
			out = append(out, text)
		}
	}
}

// leaks returns the kinds of secrets that are in the texts.
func leaks(secrets map[string]string, texts ...string) []string {
	var found []string
	for _, text := range texts {
		for secret, what := range secrets {
			if strings.Contains(text, secret) {
				found = append(found, what)
			}
		}
	}
	return found
}

// TestSpans: a call with one retry has a span for each attempt and each request, under the
// span of the caller.
func TestSpans(t *testing.T) {
	w := watchUpload(t, jushuitantest.Fault{Path: uploadPath, Kind: jushuitantest.HTTP5xx, Times: 1})
	require.NoError(t, w.err)

	byName := map[string][]tracetest.SpanStub{}
	for _, s := range w.spans {
		byName[s.Name] = append(byName[s.Name], s)
	}
	require.Len(t, byName["send orders"], 1)
	caller := byName["send orders"][0]

	attempts := byName["jushuitan Orders.Upload"]
	require.Len(t, attempts, 2)
	for i, want := range []struct {
		outcome string
		status  codes.Code
	}{{"unknown", codes.Error}, {"ok", codes.Unset}} {
		s := attempts[i]
		assert.Equal(t, caller.SpanContext.SpanID(), s.Parent.SpanID())
		assert.Equal(t, want.status, s.Status.Code)
		assert.Equal(t, []attribute.Key{attrOp, attrPath, attrMerchant, attrAttempt, attrOutcome, attrCode, attrSent, attrReceived}, keys(s), "the allow-list")
		set := attribute.NewSet(s.Attributes...)
		value := func(k attribute.Key) attribute.Value { v, _ := set.Value(k); return v }
		assert.Equal(t, "Orders.Upload", value(attrOp).AsString())
		assert.Equal(t, uploadPath, value(attrPath).AsString())
		assert.Equal(t, "10010", value(attrMerchant).AsString())
		assert.Equal(t, int64(i+1), value(attrAttempt).AsInt64())
		assert.Equal(t, want.outcome, value(attrOutcome).AsString())
		assert.Positive(t, value(attrSent).AsInt64())
	}

	requests := byName["POST "+uploadPath]
	require.Len(t, requests, 2)
	for _, s := range requests {
		assert.Equal(t, trace.SpanKindClient, s.SpanKind)
		assert.Equal(t, caller.SpanContext.SpanID(), s.Parent.SpanID())
	}
	assert.Contains(t, byName, "POST /openWeb/auth/getInitToken", "the token call has a span too")
}

func keys(s tracetest.SpanStub) []attribute.Key {
	var out []attribute.Key
	for _, a := range s.Attributes {
		out = append(out, a.Key)
	}
	return out
}

// TestNothingLeaks: what is exported contains no secret, token, signature or personal data,
// whatever happens to the call.
func TestNothingLeaks(t *testing.T) {
	tests := map[string]struct {
		fault jushuitantest.Fault
		fails bool
	}{
		"one repeat":     {fault: jushuitantest.Fault{Kind: jushuitantest.HTTP5xx, Times: 1}},
		"lost answer":    {fault: jushuitantest.Fault{Kind: jushuitantest.LostAnswer, Times: 1}},
		"token replaced": {fault: jushuitantest.Fault{Kind: jushuitantest.ExpiredToken, Times: 1}},
		"refused in words that repeat the data": {fails: true, fault: jushuitantest.Fault{
			Kind: jushuitantest.Refuse, Code: 130, Msg: strings.Join(personal(), " "),
		}},
		"web page": {fails: true, fault: jushuitantest.Fault{Kind: jushuitantest.HTMLPage}},
		"redirect": {fails: true, fault: jushuitantest.Fault{Kind: jushuitantest.Redirect}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.fault.Path = uploadPath
			w := watchUpload(t, tt.fault)
			assert.Equal(t, tt.fails, w.err != nil)

			kinds := map[string]int{}
			for _, what := range w.secrets {
				kinds[what]++
			}
			for _, what := range []string{"app secret", "access_token", "refresh_token", "sign", "biz", "personal data"} {
				assert.Positive(t, kinds[what], "the scan knows of %s", what)
			}
			for _, text := range personal() {
				assert.Contains(t, w.sent, text, "it was on the wire")
			}

			require.NotEmpty(t, w.spans)
			for _, s := range w.spans {
				assert.Empty(t, leaks(w.secrets, texts(s)...), "span %s", s.Name)
			}
			measured := words(t, w.metrics)
			assert.Contains(t, measured, "jushuitan.attempts")
			assert.Contains(t, measured, "Orders.Upload")
			assert.Empty(t, leaks(w.secrets, measured...), "metrics")
		})
	}
}

// TestTheScanFinds: the scan sees every place where a secret could be.
func TestTheScanFinds(t *testing.T) {
	const secret = "canary-of-the-scan"
	tests := map[string]func(s trace.Span){
		"name":      func(s trace.Span) { s.SetName("x " + secret) },
		"attribute": func(s trace.Span) { s.SetAttributes(attribute.String("x", "a"+secret)) },
		"list":      func(s trace.Span) { s.SetAttributes(attribute.StringSlice("x", []string{"a", secret})) },
		"status":    func(s trace.Span) { s.SetStatus(codes.Error, secret) },
		"event":     func(s trace.Span) { s.AddEvent(secret) },
		"error":     func(s trace.Span) { s.RecordError(assert.AnError, trace.WithAttributes(attribute.String("x", secret))) },
		"link": func(s trace.Span) {
			s.AddLink(trace.Link{SpanContext: s.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("x", secret)}})
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			spans := tracetest.NewInMemoryExporter()
			_, span := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)).Tracer("x").Start(t.Context(), "x")
			spoil(span)
			span.End()
			require.Len(t, spans.GetSpans(), 1)
			assert.Equal(t, []string{"canary"}, leaks(map[string]string{secret: "canary"}, texts(spans.GetSpans()[0])...))
		})
	}
}

func TestUsage(t *testing.T) { clitest.Usage(t, command) }
