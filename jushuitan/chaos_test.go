package jushuitan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestChaos reads many orders through a server on which everything goes wrong in
// turn, by time range and by row version: every order is had once.
func TestChaos(t *testing.T) {
	orders := racetest.Fewer(50_000)
	if testing.Short() {
		orders = min(orders, 10_000)
	}
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota())
	defer srv.Close()
	const shop = 10200001
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: shop, ShopSite: "头条放心购"}))
	begin := srv.Now()
	stored := make(map[int64]bool, orders)
	for i := range orders {
		if i%(orders/10) == 0 {
			srv.Advance(36 * time.Hour) // three windows and more
		}
		id, err := srv.ImportOrder(jushuitan.OrderUpload{
			ShopID: shop, SoID: "SO-" + strconv.Itoa(i),
			Items: []jushuitan.OrderUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(1)}},
		})
		require.NoError(t, err)
		stored[id] = true
	}
	require.Len(t, stored, orders)
	for _, f := range []jushuitantest.Fault{
		{Kind: jushuitantest.Throttle, Skip: 3, Times: 2},
		{Kind: jushuitantest.Reset, Skip: 20, Times: 2},
		{Kind: jushuitantest.CutBody, Skip: 40, Times: 2},
		{Kind: jushuitantest.LostAnswer, Skip: 60, Times: 2},
		{Kind: jushuitantest.HTTP5xx, Skip: 80, Times: 2},
		{Kind: jushuitantest.HTMLPage, Skip: 100, Times: 2},
		{Kind: jushuitantest.ExpiredToken, Skip: 120, Times: 1},
		{Kind: jushuitantest.PageDrift, Skip: 140, Times: 150},
		{Kind: jushuitantest.TypeDrift, Skip: 300, Times: 30},
		{Kind: jushuitantest.BadCode, Skip: 350, Times: 10},
		{Kind: jushuitantest.Reset, Skip: 400, Times: 2},
	} {
		f.Path = "/open/orders/single/query"
		srv.Inject(f)
	}
	c, err := srv.Client(jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Millisecond}),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 6, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond}))
	require.NoError(t, err)

	read := func(name string, seq func(func(*jushuitan.Order, error) bool)) {
		got := make(map[int64]int, orders)
		for o, err := range seq {
			require.NoError(t, err, name)
			got[o.OID]++
		}
		assert.Len(t, got, orders, name)
		for id, n := range got {
			if n != 1 || !stored[id] {
				t.Fatalf("%s: order %d was given %d times", name, id, n)
			}
		}
	}
	read("All", c.Orders.All(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: begin.Add(-time.Hour), ModifiedEnd: srv.Now().Add(time.Hour)}))
	read("Since", c.Orders.Since(t.Context(), 0, &jushuitan.OrderQuery{}))
	assert.Positive(t, srv.Stats().Calls)
}

// TestBackfillRate compares the iterator with a loop that asks for one page after
// another, over 3,000 pages in 30 windows, 50 calls a second allowed, 200 ms a
// round trip, in virtual time. The iterator uses what the quota allows and is
// never refused.
func TestBackfillRate(t *testing.T) {
	const pages, windows, perSecond, roundTrip = 3000, 30, 50, 200 * time.Millisecond
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, wire.CST)

	ids := func(q orderQuery) int64 { // one for each window and page
		from, err := wire.ParseTime(q.Begin)
		if err != nil {
			panic(err)
		}
		return from.Unix() + q.PageIndex
	}
	run := func(t *testing.T, job func(t *testing.T, hc *http.Client) int) (took time.Duration, refused int) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var arrivals []time.Time
			hc := pipeServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := readQuery(r)
				mu.Lock()
				now := time.Now()
				n := 0
				for i := len(arrivals) - 1; i >= 0 && now.Sub(arrivals[i]) < time.Second; i-- {
					n++
				}
				if n >= perSecond {
					refused++
					mu.Unlock()
					_, _ = io.WriteString(w, `{"code":199,"msg":"超过每秒调用次数"}`)
					return
				}
				arrivals = append(arrivals, now)
				mu.Unlock()
				time.Sleep(roundTrip) // virtual
				reply(w, map[string]any{
					"page_index": q.PageIndex, "has_next": q.PageIndex < pages/windows, "page_count": pages / windows, "data_count": pages / windows,
					"orders": []any{map[string]any{"o_id": ids(q), "modified": q.Begin}},
				})
			}))
			start := time.Now()
			assert.Equal(t, pages, job(t, hc))
			took = time.Since(start)
		})
		return took, refused
	}

	iterator, refusedIterator := run(t, func(t *testing.T, hc *http.Client) int {
		c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"}, jushuitan.WithBaseURL("http://fake.example"),
			jushuitan.WithHTTPClient(hc), jushuitan.WithToken("test-access-token-0001"), jushuitan.WithPrefetch(20),
			jushuitan.WithClock(func() time.Time { return begin.AddDate(1, 0, 0) }),
			jushuitan.WithQuota(jushuitan.Quota{Limit: perSecond, Per: time.Second}))
		require.NoError(t, err)
		n := 0
		for _, err := range c.Orders.All(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(windows * 7 * 24 * time.Hour), PageSize: 1}) {
			require.NoError(t, err)
			n++
		}
		return n // each page has one row
	})
	loop, refusedLoop := run(t, func(t *testing.T, hc *http.Client) int {
		n := 0
		for w := range windows {
			from := begin.Add(time.Duration(w) * 7 * 24 * time.Hour)
			for page := int64(1); ; page++ {
				biz := fmt.Sprintf(`{"page_index":%d,"page_size":1,"modified_begin":%q}`, page, from.Format(wire.TimeLayout))
				resp, err := hc.PostForm("http://fake.example/open/orders/single/query", url.Values{"biz": {biz}})
				require.NoError(t, err)
				var got struct {
					Code int
					Data struct {
						HasNext bool `json:"has_next"`
					}
				}
				require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
				_ = resp.Body.Close()
				if got.Code != 0 {
					time.Sleep(time.Second)
					page--
					continue
				}
				n++
				if !got.Data.HasNext {
					break
				}
			}
		}
		return n
	})
	ideal := time.Duration(float64(pages) / perSecond * float64(time.Second))
	t.Logf("iterator %v (%.1f%% of the quota, %d refused), page by page %v (%.1f%%, %d refused)",
		iterator.Round(time.Millisecond), 100*ideal.Seconds()/iterator.Seconds(), refusedIterator,
		loop.Round(time.Millisecond), 100*ideal.Seconds()/loop.Seconds(), refusedLoop)
	assert.Zero(t, refusedIterator)
	assert.GreaterOrEqual(t, ideal.Seconds()/iterator.Seconds(), 0.98)
	assert.Greater(t, loop, 5*iterator)
}

// BenchmarkReaderMemory reads a million rows, a tenth of them with -short, and reports the peak
// heap: the reader holds a few pages, not what it has read.
func BenchmarkReaderMemory(b *testing.B) {
	const pageSize = 100
	row := `{"o_id":%d,"so_id":"SO-%d","status":"Sent","pay_amount":118.00,"modified":"2024-06-11 09:20:31","items":[{"sku_id":"A","qty":1}]}`
	most := 1_000_000
	if testing.Short() {
		most /= 10
	}
	for _, rows := range []int{10_000, most} {
		b.Run(strconv.Itoa(rows)+" rows", func(b *testing.B) {
			transport := roundTripper(func(r *http.Request) (*http.Response, error) {
				q := readQuery(r)
				var page strings.Builder
				pages := rows / pageSize
				fmt.Fprintf(&page, `{"code":0,"data":{"page_index":%d,"page_count":%d,"data_count":%d,"has_next":%v,"orders":[`,
					q.PageIndex, pages, rows, q.PageIndex < int64(pages))
				for i := range pageSize {
					if i > 0 {
						page.WriteByte(',')
					}
					id := (int(q.PageIndex)-1)*pageSize + i + 1
					fmt.Fprintf(&page, row, id, id)
				}
				page.WriteString("]}}")
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(page.String())), Request: r}, nil
			})
			c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "secret"}, jushuitan.WithHTTPClient(&http.Client{Transport: transport}),
				jushuitan.WithToken("token"), jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}))
			require.NoError(b, err)
			for b.Loop() {
				runtime.GC()
				var m runtime.MemStats
				peak, n := uint64(0), 0
				for _, err := range c.Orders.All(context.Background(), &jushuitan.OrderQuery{PageSize: pageSize}) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n%20_000 == 0 || n == rows {
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
				}
				if n != rows {
					b.Fatalf("%d rows", n)
				}
				b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
