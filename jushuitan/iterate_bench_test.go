package jushuitan_test

import (
	"bytes"
	"io"
	"iter"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// BenchmarkIterate reads 10,000 small orders, 100 a page, that are answered from
// memory: what the loops cost beside the calls.
func BenchmarkIterate(b *testing.B) {
	const rows, size = 10_000, 100
	orders := someOrders(rows, time.Minute)
	var answers [rows / size][]byte
	for i := range answers {
		text, err := wire.MarshalExact(map[string]any{"code": 0, "data": map[string]any{
			"orders": orders[i*size : (i+1)*size], "has_next": i+1 < len(answers), "data_count": rows, "page_count": len(answers),
		}})
		if err != nil {
			b.Fatal(err)
		}
		answers[i] = text
	}
	answer := roundTripper(func(r *http.Request) (*http.Response, error) {
		q := readQuery(r)
		n := q.PageIndex - 1
		if q.StartTS > 0 {
			n = (q.StartTS - 1000 + 3*size - 1) / (3 * size)
		}
		text := []byte(`{"code":0,"data":{"orders":[]}}`)
		if n = max(n, 0); n < int64(len(answers)) {
			text = answers[n]
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
	})
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "secret"}, jushuitan.WithToken("token"),
		jushuitan.WithHTTPClient(&http.Client{Transport: answer}), jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}))
	if err != nil {
		b.Fatal(err)
	}
	loops := map[string]func() iter.Seq2[*jushuitan.Order, error]{
		"all": func() iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.All(b.Context(), &jushuitan.OrderQuery{PageSize: size})
		},
		"stream": func() iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.Stream(&jushuitan.OrderQuery{PageSize: size}, jushuitan.Checkpoint{}).Rows(b.Context())
		},
	}
	for _, name := range []string{"all", "stream"} {
		b.Run(name+"/"+strconv.Itoa(rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range loops[name]() {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != rows {
					b.Fatalf("%d rows, not %d", n, rows)
				}
			}
		})
	}
}
