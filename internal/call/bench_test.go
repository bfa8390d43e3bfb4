package call_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/call"
)

type outcome int

// accepting is a service that accepts every answer.
type accepting struct{}

var body = []byte("a=1")

func (accepting) Sign(req *http.Request) *call.Failure[outcome] {
	call.SetBody(req, "text/plain", body)
	return nil
}
func (accepting) Judge(int, []byte) *call.Failure[outcome] { return nil }
func (accepting) Refusal([]byte) *call.Failure[outcome]    { return nil }
func (accepting) Secrets() []string                        { return nil }
func (accepting) Personal() []string                       { return nil }

// canned returns fixed answers without a network.
type canned struct{}

func (canned) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req}, nil
}

// BenchmarkDo measures what a call costs beyond the same request through a plain client:
// the retries, the timeout and the connection trace.
func BenchmarkDo(b *testing.B) {
	hc := call.Client(&http.Client{Transport: canned{}})
	e := &call.Engine{HTTP: hc, Timeout: time.Minute, MaxBody: 1 << 20, Retry: call.Policy{}.WithDefaults(), Now: time.Now, Rules: &call.Rules{}}
	b.Run("call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := call.Call[outcome]{Engine: e, Service: accepting{}, URL: "http://fake.example/x"}
			if f := c.Do(b.Context()); f != nil {
				b.Fatal(f.Cause)
			}
		}
	})
	b.Run("plain client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://fake.example/x", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			resp, err := hc.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	})
}
