package jushuitantest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// once is a client that never repeats a call.
func once(t *testing.T, srv *jushuitantest.Server, opts ...jushuitan.Option) *jushuitan.Client {
	t.Helper()
	c, err := srv.Client(append([]jushuitan.Option{jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1})}, opts...)...)
	require.NoError(t, err)
	_, err = c.Token(t.Context())
	require.NoError(t, err)
	return c
}

func TestFaultsWithoutRepeat(t *testing.T) {
	for _, tt := range []struct {
		fault   jushuitantest.Fault
		class   error
		outcome jushuitan.Outcome
		status  int
		code    int64
	}{
		{jushuitantest.Fault{Kind: jushuitantest.Throttle}, jushuitan.ErrRateLimited, jushuitan.Rejected, 200, 199},
		{jushuitantest.Fault{Kind: jushuitantest.ThrottleMinute}, jushuitan.ErrRateLimited, jushuitan.Rejected, 200, 200},
		{jushuitantest.Fault{Kind: jushuitantest.HTTP5xx}, jushuitan.ErrUnavailable, jushuitan.Unknown, 502, 0},
		{jushuitantest.Fault{Kind: jushuitantest.HTTP5xx, Status: 503}, jushuitan.ErrUnavailable, jushuitan.Unknown, 503, 0},
		{jushuitantest.Fault{Kind: jushuitantest.HTTP429, RetryAfter: time.Second}, jushuitan.ErrRateLimited, jushuitan.Unknown, 429, 0},
		{jushuitantest.Fault{Kind: jushuitantest.Reset}, jushuitan.ErrUnavailable, jushuitan.Unknown, 0, 0},
		{jushuitantest.Fault{Kind: jushuitantest.CutBody}, jushuitan.ErrUnavailable, jushuitan.Unknown, 200, 0},
		{jushuitantest.Fault{Kind: jushuitantest.LostAnswer}, jushuitan.ErrUnavailable, jushuitan.Unknown, 0, 0},
		{jushuitantest.Fault{Kind: jushuitantest.HTMLPage}, jushuitan.ErrUnavailable, jushuitan.Unknown, 200, 0},
		{jushuitantest.Fault{Kind: jushuitantest.TooLarge, Size: 2 << 20}, jushuitan.ErrDecode, jushuitan.Unknown, 200, 0},
		{jushuitantest.Fault{Kind: jushuitantest.Redirect}, jushuitan.ErrUnavailable, jushuitan.Unknown, 302, 0},
		{jushuitantest.Fault{Kind: jushuitantest.Refuse, Code: 170, Msg: "校验失败"}, jushuitan.ErrInvalid, jushuitan.Rejected, 200, 170},
	} {
		t.Run(tt.fault.Kind.String(), func(t *testing.T) {
			srv, _ := furnished(t)
			client := once(t, srv, jushuitan.WithMaxResponseBytes(1<<20))
			tt.fault.Times = 1
			srv.Inject(tt.fault)
			_, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.ErrorIs(t, err, tt.class)
			var e *jushuitan.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.outcome, e.Outcome)
			assert.Equal(t, tt.status, e.HTTPStatus)
			assert.Equal(t, tt.code, e.Code)
			records := srv.Requests()
			assert.Equal(t, tt.fault.Kind, records[len(records)-1].Fault)
			assert.Equal(t, 1, srv.Stats().Faults)

			fresh := once(t, srv)
			_, err = fresh.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.NoError(t, err, "the fault is over")
		})
	}
}

func TestFaultsThatTheClientOvercomes(t *testing.T) {
	for _, f := range []jushuitantest.Fault{
		{Kind: jushuitantest.HTTP5xx, Times: 2},
		{Kind: jushuitantest.Reset, Times: 2},
		{Kind: jushuitantest.CutBody, Times: 2},
		{Kind: jushuitantest.LostAnswer, Times: 2},
		{Kind: jushuitantest.HTMLPage, Times: 2},
		{Kind: jushuitantest.Throttle, Times: 1},
		{Kind: jushuitantest.ExpiredToken, Times: 1},
		{Kind: jushuitantest.Slow, Delay: 5 * time.Millisecond, Times: 1},
		{Kind: jushuitantest.BadCode},
		{Kind: jushuitantest.TypeDrift},
		{Kind: jushuitantest.HTTP5xx, Skip: 1},
	} {
		t.Run(f.Kind.String(), func(t *testing.T) {
			srv, client := furnished(t)
			srv.Inject(f)
			page, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.NoError(t, err)
			require.Len(t, page.Shops, 2)
			assert.Equal(t, mallShop, page.Shops[0].ShopID)
		})
	}
}

func TestExpiredTokenForGood(t *testing.T) {
	srv, client := furnished(t)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.ExpiredToken})
	_, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
	calls := 0
	for _, r := range srv.Requests() {
		if r.Path == shopsPath {
			calls++
		}
	}
	assert.Equal(t, 2, calls, "one replay and no more")
}

func TestHangEndsWithTheCaller(t *testing.T) {
	srv, client := furnished(t)
	_, err := client.Token(t.Context())
	require.NoError(t, err)
	remove := srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Hang, Path: shopsPath})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client.Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	remove()
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
}

func TestCloseEndsHangingCalls(t *testing.T) {
	arrived := make(chan struct{})
	srv := jushuitantest.NewServer(jushuitantest.WithMiddleware(func(_ *jushuitantest.Server, api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == shopsPath {
				close(arrived)
			}
			api.ServeHTTP(w, r)
		})
	}))
	client := once(t, srv)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Hang})
	got := make(chan error, 1)
	go func() {
		_, err := client.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
		got <- err
	}()
	<-arrived
	srv.Close()
	require.Error(t, <-got)
	srv.Close() // again is harmless
}

func TestFaultsMeetTheirPathOnly(t *testing.T) {
	srv, client := furnished(t)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Refuse, Code: 130, Msg: "x", Path: shopsPath, Skip: 1, Times: 1})
	ctx := t.Context()
	ask := func() error { _, err := client.Shops.Query(ctx, &jushuitan.ShopQuery{}); return err }
	require.NoError(t, ask(), "skipped")
	_, err := client.Warehouses.Query(ctx, &jushuitan.WarehouseQuery{})
	require.NoError(t, err, "another path")
	require.ErrorIs(t, ask(), jushuitan.ErrInvalid)
	require.NoError(t, ask(), "once only")
}

func TestTokenEndpointsHaveFaultsOfTheirOwn(t *testing.T) {
	srv, client := furnished(t)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.HTTP5xx, Path: "/openWeb/auth/getInitToken"})
	_, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrUnavailable)
}

func TestPageDrift(t *testing.T) {
	srv, client := furnished(t)
	for i := range 7 {
		require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "D-" + string(rune('a'+i))}))
	}
	calm := srv.Inject(jushuitantest.Fault{Kind: jushuitantest.PageDrift})
	query := func(page int64) []string {
		p, err := client.SKUs.Query(t.Context(), &jushuitan.SKUQuery{PageIndex: page, PageSize: 3, ModifiedBegin: srv.Now().Add(-time.Hour), ModifiedEnd: srv.Now()})
		require.NoError(t, err)
		var ids []string
		for _, s := range p.SKUs {
			ids = append(ids, s.SKUID)
		}
		return ids
	}
	first, second := query(1), query(2)
	assert.Equal(t, first[2], second[0], "the last row comes again")

	all := func() (seen map[string]int, err error) {
		seen = map[string]int{}
		for s, err := range client.SKUs.All(t.Context(), &jushuitan.SKUQuery{PageSize: 3, ModifiedBegin: srv.Now().Add(-time.Hour), ModifiedEnd: srv.Now()}) {
			if err != nil {
				return seen, err
			}
			seen[s.SKUID]++
		}
		return seen, nil
	}
	_, err := all()
	require.ErrorIs(t, err, jushuitan.ErrPaging, "rows that never stop shifting")
	calm()
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.PageDrift, Times: 2})
	seen, err := all()
	require.NoError(t, err)
	assert.Len(t, seen, 9, "nothing is lost")
	for id, n := range seen {
		assert.Equal(t, 1, n, id)
	}
}

func TestTypeDriftOfAnOrder(t *testing.T) {
	srv, client := furnished(t)
	_, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	req := &jushuitan.OrderQuery{SoIDs: []string{"SO-1"}}
	plain, err := client.Orders.Query(t.Context(), req)
	require.NoError(t, err)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.TypeDrift})
	drifted, err := client.Orders.Query(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, drifted.Orders, 1)
	got := drifted.Orders[0]
	assert.Contains(t, got.Extra, "x_new_member")
	got.Extra = plain.Orders[0].Extra
	assert.True(t, plain.Orders[0].PayAmount.Equal(got.PayAmount))
	assert.Equal(t, plain.Orders[0].OID, got.OID)
	assert.Equal(t, plain.Orders[0].Items[0].SKUID, got.Items[0].SKUID)
	assert.Equal(t, plain.Orders[0].Modified, got.Modified)
}

func TestLostAnswerIsCarriedOut(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.LostAnswer, Path: "/open/jushuitan/orders/upload", Times: 1})
	rows, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err, "a keyed upload is sent again")
	assert.Len(t, srv.Orders(), 1)
	assert.Equal(t, srv.Orders()[0].OID, rows[0].Result.OID)

	ioID, err := srv.AssignOrder(srv.Orders()[0].OID, storeWMS)
	require.NoError(t, err)
	srv.Inject(jushuitantest.Fault{Kind: jushuitantest.LostAnswer, Path: "/open/orders/wms/sent/upload", Times: 1})
	_, err = client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{IOID: ioID, LCID: "YTO", LCName: "圆通速递", LID: "YT1"}})
	require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "shipping is not")
	page, err := client.Outbounds.Query(ctx, &jushuitan.OutboundQuery{SoIDs: []string{"SO-1"}})
	require.NoError(t, err)
	assert.Equal(t, "Confirmed", page.Outbounds[0].Status, "it was shipped all the same")
}

func TestLatency(t *testing.T) {
	srv, _ := furnished(t, jushuitantest.WithLatency(20*time.Millisecond))
	begin := time.Now()
	call(t, srv, shopsPath, "{}")
	assert.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
}

func TestErrorsOfTheOperator(t *testing.T) {
	srv, _ := furnished(t)
	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: onlineShop, SoID: "P1", Items: []jushuitan.OrderUploadItem{{SKUID: "TS-BLK-M", Qty: d("1"), Price: d("55")}}})
	require.NoError(t, err)
	for name, do := range map[string]func() error{
		"shop without id":         func() error { return srv.AddShop(jushuitan.Shop{}) },
		"warehouse without id":    func() error { return srv.AddWarehouse(jushuitan.Warehouse{}) },
		"second main warehouse":   func() error { return srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 5, IsMain: true}) },
		"carrier without id":      func() error { return srv.AddCarrier(jushuitan.Carrier{}) },
		"SKU without id":          func() error { return srv.AddSKU(jushuitan.SKU{}) },
		"item without id":         func() error { return srv.AddItem(jushuitan.Item{}) },
		"stock of no SKU":         func() error { return srv.SetStock(mainWMS, "none", d("1")) },
		"stock in no warehouse":   func() error { return srv.SetStock(1, "TS-BLK-M", d("1")) },
		"stock figure":            func() error { return srv.SetStockRow(0, jushuitan.InventoryRow{SKUID: "TS-BLK-M"}, "order_lock") },
		"push for no shop":        func() error { return srv.RegisterPush(1, jushuitan.PushCancel, "http://h/") },
		"push of no kind":         func() error { return srv.RegisterPush(mallShop, "x", "http://h/") },
		"push to no URL":          func() error { return srv.RegisterPush(mallShop, jushuitan.PushCancel, "h") },
		"push with its parameter": func() error { return srv.RegisterPush(mallShop, jushuitan.PushCancel, "http://h/?sign=1") },
		"stock push unregistered": func() error { return srv.PushStock(mallShop, mainWMS) },
		"order of no shop": func() error {
			_, err := srv.ImportOrder(jushuitan.OrderUpload{SoID: "x", Items: mallOrder("x", srv.Now()).Items})
			return err
		},
		"order without lines": func() error {
			_, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: mallShop, SoID: "x"})
			return err
		},
		"audit of nothing":       func() error { return srv.AuditOrder(1) },
		"assign nothing":         func() error { _, err := srv.AssignOrder(1, 0); return err },
		"assign to no warehouse": func() error { _, err := srv.AssignOrder(oID, 1); return err },
		"reassign too early":     func() error { _, err := srv.ReassignOrder(oID, storeWMS); return err },
		"ship nothing":           func() error { return srv.ShipOutbound(1, jushuitantest.Parcel{LID: "x"}) },
		"cancel nothing":         func() error { return srv.CancelOrder(1, "") },
		"resolve a normal order": func() error { return srv.ResolveOrder(oID) },
		"receive nothing":        func() error { return srv.ReceiveReturn(1) },
		"revoke nothing":         func() error { return srv.RevokeReturn(1) },
		"confirm no stocktake":   func() error { return srv.ConfirmStocktake(1) },
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, do())
		})
	}
	o, ok := srv.Order(oID)
	require.True(t, ok)
	assert.Equal(t, "WaitConfirm", o.Status, "nothing was changed")
}
