package qimentest_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

func collect[T any](t *testing.T, rows iter.Seq2[*T, error]) []T {
	t.Helper()
	var out []T
	for r, err := range rows {
		require.NoError(t, err)
		out = append(out, *r)
	}
	return out
}

// world is a merchant with many documents, seen through both APIs.
type world struct {
	erp     *jushuitantest.Server
	company *jushuitantest.Company
	gateway *qimentest.Server
	open    *jushuitan.Client
	qimen   *qimen.Client
	begin   time.Time // before the first document
}

func newWorld(t *testing.T, n int, opts ...qimentest.Option) *world {
	t.Helper()
	gateway, client := started(t, opts...)
	w := &world{erp: gateway.ERP, company: gateway.ERP.Company(""), gateway: gateway, qimen: client, begin: gateway.Now()}
	furnish(t, w.company)
	busy(t, w.erp, w.company, n)
	var err error
	w.open, err = w.erp.Client()
	require.NoError(t, err)
	var returns []jushuitan.AfterSaleUpload
	for i, o := range w.company.Orders() {
		if o.Status != jushuitan.OrderStatusSent {
			continue
		}
		returns = append(returns, jushuitan.AfterSaleUpload{
			ShopID: mallShop, SoID: o.SoID, OuterASID: fmt.Sprintf("RET-%d", i), Type: "普通退货", ShopStatus: "WAIT_BUYER_RETURN_GOODS",
			GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "七天无理由退货", TotalAmount: d(173), Refund: d(55),
			LogisticsCompany: "圆通速递", LID: fmt.Sprintf("YTR%03d", i),
			Items: []jushuitan.AfterSaleUploadItem{{OuterOIID: o.SoID + "-2", SKUID: "TS-L", Qty: d(1), Amount: d(55), Type: jushuitan.AfterSaleTypeReturn}},
		})
	}
	for len(returns) > 0 {
		part := returns[:min(len(returns), 20)]
		returns = returns[len(part):]
		_, err := w.open.AfterSales.Upload(t.Context(), part)
		require.NoError(t, err)
		w.erp.Advance(time.Hour)
	}
	for i, a := range w.company.AfterSales() {
		if i%3 == 0 {
			require.NoError(t, w.company.ReceiveReturn(a.ASID))
		}
	}
	return w
}

// TestSameDocuments: the documents that both ways give are equal values, whichever
// way they are asked for.
func TestSameDocuments(t *testing.T) { sameDocuments(t, 230) } // more than 9 days, more than two pages

func sameDocuments(t *testing.T, n int, opts ...qimentest.Option) {
	w := newWorld(t, n, opts...)
	ctx := t.Context()
	offline := mallShop

	t.Run("orders", func(t *testing.T) {
		window := jushuitan.OrderQuery{ModifiedBegin: w.begin, ModifiedEnd: w.erp.Now(), PageSize: 50}
		want := collect(t, w.open.Orders.All(ctx, &window))
		require.Len(t, want, n)
		require.NotEmpty(t, want[0].Items)
		require.NotEmpty(t, want[0].ReceiverName)
		assert.Equal(t, want, collect(t, w.qimen.Scene.AllOrders(ctx, &qimen.OrderListRequest{StartTime: w.begin})))
		assert.Equal(t, want, collect(t, w.qimen.Scene.AllLegacyOrders(ctx, &qimen.LegacyOrdersRequest{ModifiedBegin: w.begin})))

		want = collect(t, w.open.Orders.Since(ctx, 0, &jushuitan.OrderQuery{Status: "Sent", ShopID: &offline}))
		require.NotEmpty(t, want)
		assert.Equal(t, want, collect(t, w.qimen.Scene.OrdersSince(ctx, 0, &qimen.OrderListRequest{Status: "Sent", ShopID: mallShop})))

		open, err := w.open.Orders.Query(ctx, &jushuitan.OrderQuery{SoIDs: []string{"SO-007", "SO-010"}, PageIndex: 1, PageSize: 25})
		require.NoError(t, err)
		require.Len(t, open.Orders, 2)
		got, err := w.qimen.Scene.OrderList(ctx, &qimen.OrderListRequest{SoIDs: jushuitan.CommaList{"SO-007", "SO-010"}, PageSize: 25})
		require.NoError(t, err)
		assert.Equal(t, open, got)
		got, err = w.qimen.Scene.OrderList(ctx, &qimen.OrderListRequest{OIDs: []int64{open.Orders[0].OID, open.Orders[1].OID}, PageSize: 25})
		require.NoError(t, err)
		assert.Equal(t, open, got)
	})
	t.Run("outbounds", func(t *testing.T) {
		want := collect(t, w.open.Outbounds.All(ctx, &jushuitan.OutboundQuery{ModifiedBegin: w.begin, ModifiedEnd: w.erp.Now()}))
		require.Greater(t, len(want), n/3)
		assert.Equal(t, want, collect(t, w.qimen.Scene.AllSaleouts(ctx, &qimen.SaleoutListRequest{StartTime: w.begin})))
		assert.Equal(t, want, collect(t, w.qimen.Scene.AllLegacyOutbounds(ctx, &qimen.LegacyOutboundsRequest{ModifiedBegin: w.begin})))

		want = collect(t, w.open.Outbounds.Since(ctx, 0, &jushuitan.OutboundQuery{WMSCoID: storeWMS, Status: "WaitConfirm"}))
		require.NotEmpty(t, want)
		got := collect(t, w.qimen.Scene.SaleoutsSince(ctx, 0, &qimen.SaleoutListRequest{WMSCoID: storeWMS, Status: "WaitConfirm"}))
		assert.Equal(t, want, got)
		next := collect(t, w.qimen.Scene.SaleoutsSince(ctx, got[4].TS, &qimen.SaleoutListRequest{WMSCoID: storeWMS, Status: "WaitConfirm"}))
		assert.Equal(t, want[5:], next)

		page, err := w.open.Outbounds.Query(ctx, &jushuitan.OutboundQuery{IOIDs: []string{fmt.Sprint(want[0].IOID)}, PageIndex: 1, PageSize: 50})
		require.NoError(t, err)
		require.Len(t, page.Outbounds, 1)
		one, err := w.qimen.Scene.SaleoutList(ctx, &qimen.SaleoutListRequest{IOIDs: []int64{want[0].IOID}})
		require.NoError(t, err)
		assert.Equal(t, page, one)
		one, err = w.qimen.Scene.SaleoutList(ctx, &qimen.SaleoutListRequest{OIDs: []int64{want[0].OID}})
		require.NoError(t, err)
		assert.Equal(t, page, one)

		shipped := time.Now().Add(365 * 24 * time.Hour) // io_date, of which waiting ones have none
		byDate := collect(t, w.qimen.Scene.AllSaleouts(ctx, &qimen.SaleoutListRequest{StartTime: w.begin, EndTime: shipped.Truncate(time.Second), DateType: 2}))
		require.NotEmpty(t, byDate)
		for _, doc := range byDate {
			assert.Equal(t, jushuitan.OutboundStatusConfirmed, doc.Status)
		}
	})
	t.Run("after-sales", func(t *testing.T) {
		want := collect(t, w.open.AfterSales.Since(ctx, 0, &jushuitan.AfterSaleQuery{}))
		require.Greater(t, len(want), n/5)
		assert.Equal(t, want, collect(t, w.qimen.Scene.RefundsSince(ctx, 0, nil)))
		want = collect(t, w.open.AfterSales.All(ctx, &jushuitan.AfterSaleQuery{ModifiedBegin: w.begin, ModifiedEnd: w.erp.Now()}))
		assert.Equal(t, want, collect(t, w.qimen.Scene.AllLegacyRefunds(ctx, &qimen.LegacyRefundsRequest{ModifiedBegin: w.begin})))
	})
}

// TestOnlyThroughTheScene: orders of Tmall are not in the open API's list.
func TestOnlyThroughTheScene(t *testing.T) { onlyThroughTheScene(t) }

func onlyThroughTheScene(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	furnish(t, gateway.ERP.Company(""))
	oID, err := gateway.ERP.ImportOrder(upload(tmallShop, "TM-1", gateway.Now()))
	require.NoError(t, err)
	open, err := gateway.ERP.Client()
	require.NoError(t, err)
	hidden, err := open.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"TM-1"}})
	require.NoError(t, err)
	assert.Empty(t, hidden.Orders)
	page, err := client.Scene.OrderList(t.Context(), &qimen.OrderListRequest{SoIDs: jushuitan.CommaList{"TM-1"}})
	require.NoError(t, err)
	require.Len(t, page.Orders, 1)
	assert.Equal(t, oID, page.Orders[0].OID)

	for name, c := range map[string]struct {
		req   qimen.OrderListRequest
		found bool
	}{
		"status":        {qimen.OrderListRequest{Status: "WaitConfirm"}, true},
		"not status":    {qimen.OrderListRequest{NotStatus: "WaitConfirm"}, false},
		"other status":  {qimen.OrderListRequest{NotStatus: "Sent"}, true},
		"paid":          {qimen.OrderListRequest{IsPaid: true}, true},
		"warehouse":     {qimen.OrderListRequest{WMSCoID: storeWMS}, false},
		"shop":          {qimen.OrderListRequest{ShopID: tmallShop}, true},
		"other shop":    {qimen.OrderListRequest{ShopID: mallShop}, false},
		"kept in files": {qimen.OrderListRequest{Archive: true}, false},
		"after it":      {qimen.OrderListRequest{StartTS: page.Orders[0].TS + 1}, false},
		"of another":    {qimen.OrderListRequest{SoIDs: jushuitan.CommaList{"TM-2"}}, false},
	} {
		got, err := client.Scene.OrderList(t.Context(), &c.req)
		require.NoError(t, err, name)
		assert.Equal(t, c.found, len(got.Orders) == 1, name)
	}
}

// TestCustomers: a customer id shows the documents of its merchant and no others,
// and so does a legacy token.
func TestCustomers(t *testing.T) { customers(t) }

func customers(t *testing.T, opts ...qimentest.Option) {
	gateway, client := started(t, opts...)
	for i, merchant := range []string{"", otherMerch} {
		c := gateway.ERP.Company(merchant)
		furnish(t, c)
		_, err := c.ImportOrder(upload(mallShop, fmt.Sprintf("SO-%d", i), gateway.Now()))
		require.NoError(t, err)
	}
	gateway.AddCustomer("10000003", "30030")
	for id, want := range map[string][]string{qimentest.DefaultCustomer: {"SO-0"}, otherID: {"SO-1"}, "10000003": nil} {
		c := client.ForCustomer(id).WithLegacy(gateway.LegacyCredentials(id))
		for what, rows := range map[string]iter.Seq2[*jushuitan.Order, error]{
			"scene": c.Scene.AllOrders(t.Context(), nil), "legacy": c.Scene.AllLegacyOrders(t.Context(), nil),
		} {
			var got []string
			for _, o := range collect(t, rows) {
				got = append(got, o.SoID)
			}
			assert.Equal(t, want, got, "%s %s", what, id)
		}
	}
}
