package callback_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestRate: a merchant over its budget is refused with 429 until time has filled it; others
// are not affected.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		cfg := h.config()
		cfg.Rate, cfg.Burst = 1, 2
		r := receiver(t, cfg)
		push := func(ent string) int {
			m := callbacktest.Message{Method: jushuitan.PushCancel, EntID: ent, StorageCode: "1", Body: cancelBody}
			return serve(t, r, m).Status
		}
		for i, want := range []int{200, 200, 429, 429} {
			assert.Equal(t, want, push("1"), "push %d", i)
		}
		require.Len(t, h.errs, 2)
		require.ErrorIs(t, h.errs[0], callback.ErrRate)
		assert.Equal(t, 200, push("2"), "another merchant")
		time.Sleep(time.Second)
		assert.Equal(t, 200, push("1"), "a second fills the budget by one")
		assert.Equal(t, 429, push("1"))
		assert.Len(t, h.seen, 4)
	})
}

// TestStaleStockApart: stock of one shop does not wait for that of another, a push that finds
// nothing else running is never refused, and a row of the far future is.
func TestStaleStockApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		blocked, release := make(chan struct{}), make(chan struct{})
		cfg := h.config()
		cfg.DropStaleStock, cfg.Wait = true, -1
		cfg.Stock = func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			if p.Rows[0].ShopID == 1 && blocked != nil {
				close(blocked)
				<-release
			}
			return nil
		}
		r := receiver(t, cfg)
		push := func(shop, modified string) int {
			body := `[{"shop_id":` + shop + `,"sku_id":"A","qty":1,"modified":"` + modified + `"}]`
			return send(t, r, http.MethodPost, "/?"+query(jushuitan.PushStock), body).Code
		}
		now := func(ahead time.Duration) string {
			return time.Now().Add(ahead).UTC().Add(8 * time.Hour).Format(time.DateTime)
		}
		var wg sync.WaitGroup
		wg.Go(func() { assert.Equal(t, 200, push("1", now(0))) })
		<-blocked
		assert.Equal(t, 200, push("2", now(0)), "another shop")
		assert.Equal(t, 500, push("1", now(0)), "the shop's push is in progress")
		close(release)
		wg.Wait()
		blocked = nil
		for range 3 {
			assert.Equal(t, 200, push("1", now(0)), "nothing else runs")
		}
		assert.Equal(t, 422, push("1", now(25*time.Hour)), "dated in the far future")
		assert.Equal(t, 200, push("1", now(time.Second)), "its SKU is not frozen")
	})
}

// BenchmarkFlood measures a quiet merchant's pushes alone, and while 64 connections of another
// merchant send as fast as they can.
func BenchmarkFlood(b *testing.B) {
	r := receiver(b, callback.Config{
		AllowUnauthenticated: true, Rate: 50, NoDedupe: true,
		Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil },
	})
	server := httptest.NewServer(r)
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	b.Cleanup(client.CloseIdleConnections)
	push := func(ctx context.Context, ent string) bool {
		m := callbacktest.Message{Method: jushuitan.PushCancel, EntID: ent, StorageCode: "1", Body: strings.Repeat(" ", 100) + cancelBody}
		reply, err := m.Send(ctx, client, server.URL)
		return err == nil && reply.OK()
	}
	lost := 0
	quiet := func() time.Duration {
		took := make([]time.Duration, 100)
		for i := range took {
			start := time.Now()
			if !push(b.Context(), "quiet") {
				lost++
			}
			took[i] = time.Since(start)
			time.Sleep(max(0, 25*time.Millisecond-took[i]))
		}
		slices.Sort(took)
		return took[len(took)-2]
	}
	for b.Loop() {
		idle := quiet()
		ctx, stop := context.WithCancel(b.Context())
		var flood atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for ctx.Err() == nil {
					push(ctx, "loud")
					flood.Add(1)
				}
			})
		}
		flooded := quiet()
		stop()
		wg.Wait()
		b.ReportMetric(float64(idle)/1e6, "idle-p99-ms")
		b.ReportMetric(float64(flooded)/1e6, "flooded-p99-ms")
		b.ReportMetric(float64(flood.Load()), "flood-pushes")
		b.ReportMetric(float64(lost), "quiet-lost")
	}
}
