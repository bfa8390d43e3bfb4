package jushuitantest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// fakeGoroutines are the stacks that run code of a server or its pushes.
func fakeGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "jushuitantest.(*") || strings.Contains(g, "fakeserver.(*") || strings.Contains(g, "net/http.(*conn).serve") || strings.Contains(g, "net/http.(*persistConn)") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	for range 3 {
		mall := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then it sees the caller go away
			<-r.Context().Done()
		}))
		srv := jushuitantest.NewServer()
		furnish(t, srv.Company(""))
		require.NoError(t, srv.RegisterPush(mallShop, jushuitan.PushStock, mall.URL))
		client, err := srv.Client()
		require.NoError(t, err)
		_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		require.NoError(t, srv.PushStock(mallShop, mainWMS))
		require.NoError(t, srv.PushStock(mallShop, mainWMS))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		require.ErrorIs(t, srv.WaitPushes(ctx), context.DeadlineExceeded)
		cancel()
		srv.Close()
		require.NoError(t, srv.WaitPushes(t.Context()), "pushes that wait are given up")
		for _, p := range srv.Pushes() {
			assert.True(t, p.Done)
			assert.False(t, p.Delivered())
		}
		mall.Close()
	}
	assert.Eventually(t, func() bool { return fakeGoroutines() == "" }, 5*time.Second, 5*time.Millisecond, "%s", fakeGoroutines())
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv, err := jushuitantest.Start(ctx, "127.0.0.1:0")
	require.NoError(t, err)
	client, err := srv.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	cancel()
	srv.Close()
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrUnavailable)
	_, err = jushuitantest.Start(ctx, "127.0.0.1:0")
	require.ErrorIs(t, err, context.Canceled)
}

func TestHandlerElsewhere(t *testing.T) {
	srv, _ := furnished(t)
	host := httptest.NewServer(srv.Handler())
	defer host.Close()
	client, err := jushuitan.New(srv.Credentials(), jushuitan.WithBaseURL(host.URL))
	require.NoError(t, err)
	page, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Shops, 2)
}

func TestVirtualClock(t *testing.T) {
	start := time.Date(2024, 6, 11, 1, 20, 31, 0, time.UTC)
	srv := jushuitantest.NewServer(jushuitantest.WithClock(start), jushuitantest.WithoutQuota())
	defer srv.Close()
	furnish(t, srv.Company(""))
	client, err := srv.Client()
	require.NoError(t, err)
	srv.Advance(time.Hour)
	rows, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	o, _ := srv.Order(rows[0].Result.OID)
	assert.WithinDuration(t, start.Add(time.Hour), o.Modified, time.Minute)
	_, offset := o.Modified.Zone()
	assert.Equal(t, 8*3600, offset, "stamps are in China")
}

// Everything at once, for the race detector.
func TestManyAtOnce(t *testing.T) {
	srv, client := furnished(t)
	mall := newReceiver(t)
	mall.register(t, srv.Company(""))
	var wg sync.WaitGroup
	for i := range 8 {
		so := "SO-" + string(rune('a'+i))
		wg.Go(func() {
			rows, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder(so, srv.Now())})
			if !assert.NoError(t, err) {
				return
			}
			ioID, err := srv.AssignOrder(rows[0].Result.OID, mainWMS)
			assert.NoError(t, err)
			if i%2 == 0 {
				assert.NoError(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "YT-" + so}))
			} else {
				assert.NoError(t, srv.CancelOrder(rows[0].Result.OID, ""))
			}
			_, err = client.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{so}})
			assert.NoError(t, err)
			srv.Orders()
			srv.Stock(0)
			srv.Pushes()
			srv.Stats()
			srv.Requests()
			remove := srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Slow, Delay: time.Millisecond})
			remove()
			srv.Company("other")
		})
	}
	wg.Wait()
	waitPushes(t, srv)
	assert.Len(t, mall.got(jushuitan.PushShipment), 4)
	assert.Len(t, mall.got(jushuitan.PushCancel), 4)
	row := stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M")
	assert.Equal(t, "2", row.Qty.String())
	assert.True(t, row.OrderLock.IsZero())
}

// What a user reads is a copy.
func TestCopies(t *testing.T) {
	srv, client := furnished(t)
	rows, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	o, _ := srv.Order(rows[0].Result.OID)
	o.Items[0].SKUID = "changed"
	o.Pays[0].Payment = "changed"
	again, _ := srv.Order(rows[0].Result.OID)
	assert.Equal(t, "TS-BLK-M", again.Items[0].SKUID)
	assert.Equal(t, "微信", again.Pays[0].Payment)
	_, ok := srv.Order(1)
	assert.False(t, ok)
	_, ok = srv.OrderBySoID(mallShop, "none")
	assert.False(t, ok)
	_, ok = srv.OutboundOfOrder(1)
	assert.False(t, ok)
}
