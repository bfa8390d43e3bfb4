package callback_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestLoad: many connections, with repeats and forgeries among the messages.
func TestLoad(t *testing.T) {
	total := racetest.Fewer(50_000)
	const connections = 64
	var mu sync.Mutex
	handled := map[string]int{}
	var refused atomic.Int64
	r := receiver(t, callback.Config{
		Secrets: []string{present},
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			mu.Lock()
			defer mu.Unlock()
			handled[p.LID]++
			return nil
		},
		OnError: func(context.Context, callback.Envelope, error) { refused.Add(1) },
	})
	server := httptest.NewServer(r)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()

	// The plan: of 100 messages 75 are new, 20 repeat one of before, 5 are forged.
	random := rand.New(rand.NewPCG(3, 4))
	type job struct {
		id     string
		forged int // 0: genuine
	}
	var jobs []job
	genuine := map[string]bool{}
	var ids []string
	forgeries := 0
	for i := range total {
		switch n := random.IntN(100); {
		case n < 5:
			forgeries++
			jobs = append(jobs, job{fmt.Sprintf("FORGED-%d", i), 1 + n%3})
		case n < 25 && len(ids) > 0:
			jobs = append(jobs, job{ids[max(0, len(ids)-1-random.IntN(min(len(ids), 1000)))], 0})
		default:
			id := fmt.Sprintf("YT-%d", i)
			ids, genuine[id] = append(ids, id), true
			jobs = append(jobs, job{id, 0})
		}
	}
	took := make([]time.Duration, total)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range connections {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				j := jobs[i]
				m := callbacktest.Message{Method: jushuitan.PushShipment, EntID: "9001", StorageCode: "1", Secret: present,
					Body: strings.NewReplacer("YT1", j.id, `"SO-1"`, `"SO-`+j.id+`"`).Replace(shipmentBody)}
				switch j.forged {
				case 1:
					m.Secret = ""
				case 2:
					m.Secret = "secret of somebody else"
				case 3:
					m.Checksum = callback.ChecksumOff
				}
				began := time.Now()
				reply, err := m.Send(context.WithoutCancel(t.Context()), client, server.URL)
				took[i] = time.Since(began)
				if !assert.NoError(t, err) || !assert.Equal(t, j.forged == 0, reply.OK(), reply.Body) {
					return
				}
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	require.Len(t, handled, len(genuine))
	for id, n := range handled {
		require.True(t, genuine[id], "a forgery was handled")
		require.Equal(t, 1, n, id)
	}
	assert.EqualValues(t, forgeries, refused.Load())
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[int(p*float64(total-1))].Round(10 * time.Microsecond) }
	t.Logf("%d pushes (%d forged) in %s: %.0f/s; p50 %s p90 %s p99 %s p99.9 %s max %s", total, forgeries,
		elapsed.Round(time.Millisecond), float64(total)/elapsed.Seconds(), at(.5), at(.9), at(.99), at(.999), at(1))
}

// The structs of the bare handler.
type (
	plainItem struct {
		OIID      int64   `json:"oi_id"`
		SKUID     string  `json:"sku_id"`
		Qty       float64 `json:"qty"`
		Name      string  `json:"name"`
		OuterOIID string  `json:"outer_oi_id"`
		SoID      string  `json:"so_id"`
	}
	plainShipment struct {
		OID      int64       `json:"o_id"`
		SoID     string      `json:"so_id"`
		LID      string      `json:"l_id"`
		LCID     string      `json:"lc_id"`
		Company  string      `json:"logistics_company"`
		SendDate string      `json:"send_date"`
		WMSCoID  int64       `json:"wms_co_id"`
		Items    []plainItem `json:"items"`
	}
	plainStock struct {
		Datas []struct {
			ID        int64   `json:"id"`
			ShopID    int64   `json:"shop_id"`
			SKUID     string  `json:"sku_id"`
			ShopSKUID string  `json:"shop_sku_id"`
			IID       string  `json:"i_id"`
			ShopIID   string  `json:"shop_i_id"`
			Qty       float64 `json:"qty"`
			Modified  string  `json:"modified"`
		} `json:"datas"`
	}
)

func bare[T any](w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var p T
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, success)
}

// shipmentOf is a shipment of so many lines.
func shipmentOf(lines int) string {
	var b strings.Builder
	b.WriteString(`{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","logistics_company":"圆通速递","send_date":"2024-01-01 12:00:00","wms_co_id":10101010,"items":[`)
	for i := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"oi_id":%d,"sku_id":"SKU-%d","qty":2,"name":"Item %d","outer_oi_id":"SO-1-%d","so_id":"SO-1"}`, 300001+i, i, i, i)
	}
	return b.String() + "]}"
}

func stockOf(rows int) string {
	var b strings.Builder
	b.WriteString(`{"datas":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":1,"shop_id":10101010,"sku_id":"SKU-%d","shop_sku_id":"SKU-%d","i_id":"STYLE-%d","shop_i_id":"STYLE-%d","qty":%d,"sku_source":null,"modified":"2024-01-01 12:00:00"}`, i, i, i/8, i/8, i%100)
	}
	return b.String() + "]}"
}

// BenchmarkHandler measures the handler with all checks on against one that only
// reads and decodes the same body, over connections of loopback and without. Both
// run in turns within one benchmark, so that the ratio is of one time. Each shipment is a
// further parcel of one order, or the first one of an order.
func BenchmarkHandler(b *testing.B) {
	for _, tt := range []struct {
		name   string
		method jushuitan.PushMethod
		body   string
		fresh  string // is replaced in each message
		plain  http.HandlerFunc
	}{
		{"shipment1", jushuitan.PushShipment, shipmentOf(1), "YT1", bare[plainShipment]},
		{"shipment5", jushuitan.PushShipment, shipmentOf(5), "YT1", bare[plainShipment]},
		{"order1", jushuitan.PushShipment, shipmentOf(1), "200001", bare[plainShipment]},
		{"stock500", jushuitan.PushStock, stockOf(500), "", bare[plainStock]},
	} {
		r, err := callback.New(callback.Config{
			Secrets: []string{present, previous}, MaxAge: time.Hour, MaxAhead: time.Hour, DropStaleStock: true,
			Sources:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")},
			Shipment: func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return nil },
			Stock:    func(context.Context, callback.Envelope, *jushuitan.StockPush) error { return nil },
		})
		require.NoError(b, err)
		m := callbacktest.Message{Method: tt.method, EntID: "9001", StorageCode: "1", Type: "2", Secret: present, Body: tt.body}
		n := 0
		request := func(address string) *http.Request {
			m := m
			if n++; tt.fresh != "" {
				m.Body = strings.Replace(tt.body, tt.fresh, fmt.Sprint(tt.fresh, n), 1)
			}
			req, err := m.Request(b.Context(), address)
			require.NoError(b, err)
			return req
		}
		b.Run(tt.name+"/direct", func(b *testing.B) {
			compare(b, func(b *testing.B, h http.Handler) func() func() {
				return func() func() {
					req := request("/push")
					req.RemoteAddr = "192.0.2.1:1234"
					w := httptest.NewRecorder()
					return func() {
						if h.ServeHTTP(w, req); w.Code != 200 {
							b.Fatal(w.Code, w.Body)
						}
					}
				}
			}, r, tt.plain)
		})
		b.Run(tt.name+"/loopback", func(b *testing.B) {
			compare(b, func(b *testing.B, h http.Handler) func() func() {
				server := httptest.NewServer(h)
				b.Cleanup(server.Close)
				return func() func() {
					req := request(server.URL)
					return func() {
						res, err := server.Client().Do(req)
						if err == nil {
							_, err = io.Copy(io.Discard, res.Body)
						}
						if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
							b.Fatal(err)
						}
					}
				}
			}, r, tt.plain)
		})
	}
}

// compare measures both in turns, in batches that are prepared before, by the time that the
// process computes. Next to the ratio of all time stands that of the median batches, which a
// busy machine disturbs less.
func compare(b *testing.B, of func(b *testing.B, h http.Handler) func() func(), ours, plain http.Handler) {
	const batch = 100
	var took [2][]time.Duration
	forms := [2]func() func(){of(b, ours), of(b, plain)}
	runs := make([]func(), batch)
	for b.Loop() {
		for i, prepare := range forms {
			for j := range runs {
				runs[j] = prepare()
			}
			start := cpu()
			for _, run := range runs {
				run()
			}
			took[i] = append(took[i], cpu()-start)
		}
	}
	var all, median [2]float64 // nanoseconds of a message
	for i := range took {
		for _, d := range took[i] {
			all[i] += float64(d) / batch / float64(len(took[i]))
		}
		slices.Sort(took[i])
		median[i] = float64(took[i][len(took[i])/2]) / batch
	}
	b.ReportMetric(all[0], "cpu-ns/receiver")
	b.ReportMetric(all[1], "cpu-ns/bare")
	b.ReportMetric(all[1]/all[0], "speed-ratio")
	b.ReportMetric(median[1]/median[0], "median-ratio")
}
