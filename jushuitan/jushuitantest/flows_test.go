package jushuitantest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// receiver is a mall that takes pushes.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies map[jushuitan.PushMethod][][]byte
	order  []jushuitan.PushMethod
	reply  func(n int) (status int, body string)
	n      int
	bad    []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{bodies: map[jushuitan.PushMethod][][]byte{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		q := req.URL.Query()
		method := jushuitan.PushMethod(q.Get("method"))
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, check := range []struct {
			ok  bool
			why string
		}{
			{req.Method == http.MethodPost, "method " + req.Method},
			{q.Get("partnerid") == "erp", "partnerid"},
			{len(q.Get("ts")) == 10, "ts"},
			{q.Get("sign") == jushuitan.SignPush(method, q), "sign"},
			{q.Get("entId") == "10010", "own parameters"},
			{json.Valid(body), "body"},
		} {
			if !check.ok {
				r.bad = append(r.bad, check.why)
			}
		}
		r.n++
		status, reply := 200, `{"code":"0","msg":"执行成功"}`
		if r.reply != nil {
			status, reply = r.reply(r.n)
		}
		if status == 200 && strings.Contains(reply, "0") {
			r.bodies[method] = append(r.bodies[method], body)
			r.order = append(r.order, method)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) register(t *testing.T, c *jushuitantest.Company) {
	t.Helper()
	for method, path := range map[jushuitan.PushMethod]string{
		jushuitan.PushShipment:      "/delivery_callback?entId=10010&storageCode=10350",
		jushuitan.PushCancel:        "/cancal_callback?entId=10010&storageCode=10350",
		jushuitan.PushGoodsReturned: "/return_goods_callback?entId=10010&storageCode=10350",
		jushuitan.PushStock:         "/stock_callback?entId=10010&storageCode=11200000&type=2",
	} {
		require.NoError(t, c.RegisterPush(mallShop, method, r.URL+path))
	}
}

func (r *receiver) got(method jushuitan.PushMethod) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies[method]
}

// Flow 1: an online order is assigned to the virtual warehouse of the stores,
// fetched from there and shipped by a store.
func TestOnlineOrderShippedByAStore(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	start := srv.Now().Add(-time.Hour)

	require.NoError(t, client.Inventory.SetVirtualQtys(ctx, &jushuitan.InventorySetVirtualQtysRequest{
		WMSCoID: storeWMS, SKUAndQty: []jushuitan.VirtualQty{{SKUID: "TS-BLK-M", Qty: d("30")}},
	}))
	assert.Equal(t, "30", stockOf(t, srv.Company(""), storeWMS, "TS-BLK-M").VirtualQty.String())

	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: onlineShop, SoID: "DY-1", Items: []jushuitan.OrderUploadItem{
		{SKUID: "TS-BLK-M", Qty: d("2"), Price: d("55")}, {SKUID: "TS-BLK-L", Qty: d("1"), Price: d("55")},
	}})
	require.NoError(t, err)
	o, _ := srv.Order(oID)
	assert.Equal(t, "WaitConfirm", o.Status)
	assert.Equal(t, "165", o.PayAmount.String())

	ioID, err := srv.AssignOrder(oID, storeWMS)
	require.NoError(t, err)
	assert.Equal(t, "2", stockOf(t, srv.Company(""), storeWMS, "TS-BLK-M").OrderLock.String())

	var seen []*jushuitan.Outbound
	for d, err := range client.Outbounds.All(ctx, &jushuitan.OutboundQuery{WMSCoID: storeWMS, Status: "WaitConfirm", ModifiedBegin: start, ModifiedEnd: srv.Now()}) {
		require.NoError(t, err)
		seen = append(seen, d)
	}
	require.Len(t, seen, 1)
	assert.Equal(t, ioID, seen[0].IOID)
	assert.Equal(t, "DY-1", seen[0].SoID)
	require.Len(t, seen[0].Items, 2)

	rows, err := client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{
		{IOID: ioID, LCID: "YTO", LCName: "圆通速递", LID: "YT-1", WMSCoID: storeWMS},
		{IOID: 1, LCID: "YTO", LCName: "圆通速递", LID: "YT-2"},
	})
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	require.NoError(t, rows[0].Err)
	require.Error(t, rows[1].Err)

	o, _ = srv.Order(oID)
	assert.Equal(t, "Sent", o.Status)
	assert.Equal(t, "YT-1", o.LID)
	out, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, "Confirmed", out.Status)
	row := stockOf(t, srv.Company(""), storeWMS, "TS-BLK-M")
	assert.Equal(t, "2", row.Qty.String())
	assert.True(t, row.OrderLock.IsZero())

	rows, err = client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{IOID: ioID, LCID: "YTO", LCName: "圆通速递", LID: "YT-3"}})
	require.Error(t, err, "it is shipped already")
	assert.Contains(t, rows[0].Err.Error(), "已发货")

	shipped, err := client.Logistics.Query(ctx, &jushuitan.ShipmentQuery{SoIDs: []string{"DY-1"}})
	require.NoError(t, err)
	require.Len(t, shipped.Shipments, 1)
	assert.Equal(t, "YT-1", shipped.Shipments[0].LID)
	assert.Len(t, shipped.Shipments[0].Items, 2)
}

// Flow 2: the mall's order is uploaded, shipped by the e-commerce warehouse in two
// parcels, pushed; part of it comes back.
func TestMallOrderShippedByTheWarehouse(t *testing.T) {
	srv, client := furnished(t)
	mall := newReceiver(t)
	mall.register(t, srv.Company(""))
	ctx := t.Context()

	rows, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	oID := rows[0].Result.OID
	ioID, err := srv.AssignOrder(oID, 0)
	require.NoError(t, err)
	page, err := client.Orders.Query(ctx, &jushuitan.OrderQuery{SoIDs: []string{"SO-1"}})
	require.NoError(t, err)
	assert.Equal(t, "Delivering", page.Orders[0].Status)
	assert.Zero(t, page.Orders[0].WMSCoID, "orders name the main warehouse 0")
	out, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, mainWMS, out.WMSCoID, "outbound documents by its number")

	require.Error(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "??", LID: "X"}), "unknown carrier")
	require.Error(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO"}), "no waybill")
	require.Error(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "X", Lines: lines("TS-BLK-M", "3")}), "too many")
	require.Error(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "X", Lines: lines("none", "1")}), "unknown SKU")
	require.NoError(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "SF.9", LID: "SF-1", Lines: lines("TS-BLK-M", "1")}))
	o, _ := srv.Order(oID)
	assert.Equal(t, "Delivering", o.Status, "shipped in part")
	require.Error(t, srv.CancelOrder(oID, ""), "shipped in part")
	require.Error(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "SF.9", LID: "SF-1"}), "the waybill is used")
	require.NoError(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "YT-1"}))
	require.Error(t, srv.CancelOrder(oID, ""), "sent")
	waitPushes(t, srv)

	bodies := mall.got(jushuitan.PushShipment)
	require.Len(t, bodies, 2)
	first, err := jushuitan.ParseShipmentPush(bodies[0])
	require.NoError(t, err)
	assert.Equal(t, oID, first.OID)
	assert.Equal(t, "SF.9", first.LCID)
	assert.Equal(t, "顺丰速运", first.LogisticsCompany)
	assert.False(t, first.IsSendAll)
	require.Len(t, first.Items, 1)
	assert.Equal(t, "SO-1-1", first.Items[0].OuterOIID)
	assert.Equal(t, "1", first.Items[0].Qty.String())
	second, err := jushuitan.ParseShipmentPush(bodies[1])
	require.NoError(t, err)
	assert.True(t, second.IsSendAll)
	assert.Len(t, second.Items, 2)

	// One piece comes back.
	result, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{afterSale("RF-1", "SO-1", "1")})
	require.NoError(t, err)
	asID := result[0].Result.ASID
	assert.Equal(t, oID, result[0].Result.OID)
	require.Error(t, srv.RevokeReturn(asID), "nothing came")
	require.NoError(t, srv.ReceiveReturn(asID))
	require.Error(t, srv.ReceiveReturn(asID), "it is received")
	assert.Equal(t, "1", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").ReturnQty.String())
	cases, err := client.AfterSales.Query(ctx, &jushuitan.AfterSaleQuery{ASIDs: []int64{asID}})
	require.NoError(t, err)
	assert.Equal(t, "SELLER_RECEIVED", cases.AfterSales[0].GoodStatus)
	assert.Equal(t, "Sent", cases.AfterSales[0].OrderStatus)
	assert.Positive(t, cases.AfterSales[0].TS)
	receipts, err := client.AfterSales.QueryReturnReceipts(ctx, &jushuitan.ReturnReceiptQuery{ASIDs: []int64{asID}})
	require.NoError(t, err)
	require.Len(t, receipts.ReturnReceipts, 1)
	assert.Equal(t, "1", receipts.ReturnReceipts[0].Items[0].Qty.String())
	require.NoError(t, srv.RevokeReturn(asID))
	assert.True(t, stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").ReturnQty.IsZero())
	assert.Equal(t, "Cancelled", srv.ReturnReceipts()[0].Status)
	waitPushes(t, srv)
	returned := mall.got(jushuitan.PushGoodsReturned)
	require.Len(t, returned, 2)
	for i, action := range []jushuitan.GoodsAction{jushuitan.GoodsReceived, jushuitan.GoodsRevoked} {
		p, err := jushuitan.ParseGoodsReturnedPush(returned[i])
		require.NoError(t, err)
		assert.Equal(t, action, p.Action)
		assert.Equal(t, "RF-1", p.OuterASID)
		assert.Equal(t, "TS-BLK-M", p.Items[0].SKUID)
	}

	// Stock is pushed.
	require.NoError(t, srv.PushStock(mallShop, mainWMS, "TS-BLK-M"))
	waitPushes(t, srv)
	stock, err := jushuitan.ParseStockPush(mall.got(jushuitan.PushStock)[0])
	require.NoError(t, err)
	require.Len(t, stock.Rows, 1)
	assert.Equal(t, "8", stock.Rows[0].Qty.String())
	assert.Contains(t, string(mall.got(jushuitan.PushStock)[0]), `"datas":[`)

	assert.Empty(t, mall.bad)
	for _, p := range srv.Pushes() {
		assert.True(t, p.Delivered(), p.Err)
		assert.Equal(t, 1, p.Attempts)
		assert.Contains(t, p.URL, "entId=10010")
		assert.Contains(t, p.URL, "sign=***")
	}
	assert.Equal(t, 5, srv.Stats().Pushes)
}

func TestCancelAndReassign(t *testing.T) {
	srv, client := furnished(t)
	mall := newReceiver(t)
	mall.register(t, srv.Company(""))
	ctx := t.Context()
	rows, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now()), mallOrder("SO-2", srv.Now())})
	require.NoError(t, err)
	oID := rows[0].Result.OID
	first, err := srv.AssignOrder(oID, storeWMS)
	require.NoError(t, err)
	second, err := srv.ReassignOrder(oID, 0)
	require.NoError(t, err)
	byID := map[int64]string{}
	for _, d := range srv.Outbounds() {
		byID[d.IOID] = d.Status
	}
	assert.Equal(t, map[int64]string{first: "Delete", second: "WaitConfirm"}, byID)
	assert.True(t, stockOf(t, srv.Company(""), storeWMS, "TS-BLK-M").OrderLock.IsZero())
	assert.Equal(t, "2", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").OrderLock.String())

	require.NoError(t, srv.CancelOrder(oID, "缺货"))
	require.Error(t, srv.CancelOrder(oID, "缺货"))
	out, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, "Delete", out.Status)
	assert.True(t, stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").OrderLock.IsZero())
	require.Error(t, srv.ShipOutbound(second, jushuitantest.Parcel{LCID: "YTO", LID: "Y"}), "voided")

	_, err = client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{rows[1].Result.OID}, Remark: "不要了"})
	require.NoError(t, err)
	_, err = client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{rows[1].Result.OID}})
	require.NoError(t, err, "a repeat changes nothing")
	_, err = client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{1}})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	waitPushes(t, srv)
	bodies := mall.got(jushuitan.PushCancel)
	require.Len(t, bodies, 2)
	p, err := jushuitan.ParseCancelPush(bodies[0])
	require.NoError(t, err)
	assert.Equal(t, "SO-1", p.SoID)
	assert.Equal(t, "缺货", p.Remark)
	assert.Empty(t, mall.bad)
}

func TestPushesAreRepeatedInOrder(t *testing.T) {
	srv, client := furnished(t, jushuitantest.WithPushRetry(time.Millisecond, time.Millisecond, time.Millisecond))
	mall := newReceiver(t)
	mall.register(t, srv.Company(""))
	mall.reply = func(n int) (int, string) {
		switch n {
		case 1:
			return 500, ""
		case 2:
			return 200, `{"code":"-1"}`
		default:
			return 200, `{"code":0}`
		}
	}
	rows, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now()), mallOrder("SO-2", srv.Now())})
	require.NoError(t, err)
	for _, r := range rows {
		require.NoError(t, srv.CancelOrder(r.Result.OID, ""))
	}
	waitPushes(t, srv)
	got := srv.Pushes()
	require.Len(t, got, 2)
	assert.Equal(t, 3, got[0].Attempts)
	assert.True(t, got[0].Delivered())
	assert.Equal(t, 1, got[1].Attempts)
	first, err := jushuitan.ParseCancelPush(mall.got(jushuitan.PushCancel)[0])
	require.NoError(t, err)
	assert.Equal(t, "SO-1", first.SoID)

	mall.reply = func(int) (int, string) { return 200, "接收失败" }
	require.NoError(t, srv.PushStock(mallShop, mainWMS))
	waitPushes(t, srv)
	last := srv.Pushes()[2]
	assert.False(t, last.Delivered())
	assert.Equal(t, 4, last.Attempts)
	require.Error(t, last.Err)
	assert.Equal(t, 1, srv.Stats().PushFailures)

	mall.Close()
	require.NoError(t, srv.PushStock(mallShop, mainWMS))
	waitPushes(t, srv)
	last = srv.Pushes()[3]
	assert.Zero(t, last.Status)
	assert.NotContains(t, last.Err.Error(), "entId", "the error does not show the address")
}

// TestLatestBodies: message and answer are kept for the latest 500 pushes, the record for all.
func TestLatestBodies(t *testing.T) {
	srv, _ := furnished(t)
	mall := newReceiver(t)
	mall.register(t, srv.Company(""))
	for range 503 {
		require.NoError(t, srv.PushStock(mallShop, mainWMS))
	}
	waitPushes(t, srv)
	got := srv.Pushes()
	require.Len(t, got, 503)
	for i, p := range got {
		assert.Equal(t, i >= 3, p.Body != "", "push %d", i)
		assert.Equal(t, i >= 3, p.Answer != "", "push %d", i)
		assert.True(t, p.Delivered())
	}
}

func TestIdempotentUploads(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	order := mallOrder("SO-1", srv.Now())
	first, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{order})
	require.NoError(t, err)
	before, _ := srv.OrderBySoID(mallShop, "SO-1")
	srv.Advance(time.Minute)
	again, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{order})
	require.NoError(t, err)
	assert.Equal(t, first[0].Result.OID, again[0].Result.OID)
	after, _ := srv.OrderBySoID(mallShop, "SO-1")
	assert.Equal(t, before, after, "not even the row version changes")

	order.Remark = "请尽快"
	_, err = client.Orders.Upload(ctx, []jushuitan.OrderUpload{order})
	require.NoError(t, err)
	after, _ = srv.OrderBySoID(mallShop, "SO-1")
	assert.Equal(t, "请尽快", after.Remark)
	assert.Greater(t, after.TS, before.TS)
	assert.True(t, after.Modified.After(before.Modified))
	assert.Len(t, after.Pays, 1)

	one, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{afterSale("RF-1", "SO-1", "1")})
	require.NoError(t, err)
	two, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{afterSale("RF-1", "SO-1", "1")})
	require.NoError(t, err)
	assert.Equal(t, one[0].Result.ASID, two[0].Result.ASID)
	assert.Len(t, srv.AfterSales(), 1)

	count := &jushuitan.StocktakeUpload{SoID: "CNT-1", Warehouse: "1", Type: "adjust", IsConfirm: true, WMSCoID: mainWMS,
		Items: []jushuitan.StocktakeUploadItem{{SKUID: "TS-BLK-M", Qty: d("5")}}}
	a, err := client.Stocktakes.Upload(ctx, count)
	require.NoError(t, err)
	b, err := client.Stocktakes.Upload(ctx, count)
	require.NoError(t, err)
	assert.Equal(t, a.IOID, b.IOID)
	assert.Equal(t, "15", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").Qty.String())

	confirm := []jushuitan.AfterSaleConfirmGoodsRequest{{ASID: one[0].Result.ASID, ReturnID: "RCV-1", Items: []jushuitan.AfterSaleConfirmGoodsItem{{SKUID: "TS-BLK-M", Qty: d("1")}}}}
	for range 2 {
		_, err = client.AfterSales.ConfirmGoods(ctx, confirm)
		require.NoError(t, err)
	}
	assert.Equal(t, "1", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").ReturnQty.String())
	confirm[0].ReturnID = "RCV-2"
	_, err = client.AfterSales.ConfirmGoods(ctx, confirm)
	require.Error(t, err, "nothing is left to receive")
}

func TestOrderStates(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(o *jushuitan.OrderUpload)
		status string
	}{
		{"paid", func(*jushuitan.OrderUpload) {}, "WaitConfirm"},
		{"paid too little", func(o *jushuitan.OrderUpload) { o.Pay.Amount = d("172.99") }, "WaitPay"},
		{"no payment", func(o *jushuitan.OrderUpload) { o.Pay = nil }, "WaitPay"},
		{"cash on delivery", func(o *jushuitan.OrderUpload) { o.Pay, o.IsCod = nil, true }, "WaitConfirm"},
		{"waits for payment", func(o *jushuitan.OrderUpload) { o.ShopStatus, o.Pay = "WAIT_BUYER_PAY", nil }, "WaitPay"},
		{"closed", func(o *jushuitan.OrderUpload) { o.ShopStatus = "TRADE_CLOSED" }, "Cancelled"},
		{"closed before payment", func(o *jushuitan.OrderUpload) { o.ShopStatus = "TRADE_CLOSED_BY_TAOBAO" }, "Cancelled"},
		{"shipped elsewhere", func(o *jushuitan.OrderUpload) { o.ShopStatus = "WAIT_BUYER_CONFIRM_GOODS" }, "Sent"},
		{"a line is being refunded", func(o *jushuitan.OrderUpload) { o.Items[0].RefundStatus = "waiting" }, "Question"},
		{"a line is refunded", func(o *jushuitan.OrderUpload) { o.Items[0].RefundStatus = "success" }, "Question"},
		{"all lines are refunded", func(o *jushuitan.OrderUpload) {
			o.Items[0].RefundStatus, o.Items[1].RefundStatus = "success", "success"
		}, "Cancelled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, _ := furnished(t)
			o := mallOrder("SO-1", srv.Now())
			tt.change(&o)
			require.True(t, uploadOrders(t, srv, o)[0].IsSuccess)
			got, _ := srv.OrderBySoID(mallShop, "SO-1")
			assert.Equal(t, tt.status, got.Status)
		})
	}
}

func TestRefundWhileShipping(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	o := mallOrder("SO-1", srv.Now())
	rows, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{o})
	require.NoError(t, err)
	oID := rows[0].Result.OID
	_, err = srv.AssignOrder(oID, 0)
	require.NoError(t, err)
	o.Items[0].RefundStatus, o.Items[0].RefundQty = "success", d("1")
	_, err = client.Orders.Upload(ctx, []jushuitan.OrderUpload{o})
	require.NoError(t, err)
	out, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, "Delete", out.Status)
	assert.True(t, stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").OrderLock.IsZero())
	require.Error(t, srv.AuditOrder(oID), "it is abnormal")
	require.NoError(t, srv.ResolveOrder(oID))
	require.NoError(t, srv.AuditOrder(oID))
	out, _ = srv.OutboundOfOrder(oID)
	require.Len(t, out.Items, 2)
	assert.Equal(t, "1", out.Items[0].Qty.String(), "what is refunded is not shipped")

	o.ShopStatus = "TRADE_CLOSED"
	_, err = client.Orders.Upload(ctx, []jushuitan.OrderUpload{o})
	require.NoError(t, err)
	got, _ := srv.Order(oID)
	assert.Equal(t, "Cancelled", got.Status)
	assert.True(t, stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").OrderLock.IsZero())
}

func TestUploadRowErrors(t *testing.T) {
	srv, client := furnished(t)
	good, noShop, platform, twice := mallOrder("A", srv.Now()), mallOrder("B", srv.Now()), mallOrder("C", srv.Now()), mallOrder("D", srv.Now())
	noShop.ShopID, platform.ShopID = 999, onlineShop
	twice.Items[1].OuterOIID = twice.Items[0].OuterOIID
	rows := uploadOrders(t, srv, good, noShop, platform, twice)
	assert.True(t, rows[0].IsSuccess)
	for i, why := range []string{"", "不存在", "不支持上传", "重复"} {
		assert.Equal(t, i == 0, rows[i].IsSuccess)
		assert.Contains(t, rows[i].Msg, why)
	}
	assert.Len(t, srv.Orders(), 1)

	_, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{good, noShop, platform})
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	assert.Len(t, batch.Failed, 2)
	_, err = client.AfterSales.Upload(t.Context(), []jushuitan.AfterSaleUpload{afterSale("RF-9", "unknown", "1")})
	require.ErrorAs(t, err, &batch)
}

func TestWritesOnOrders(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	rows, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	oID := rows[0].Result.OID
	require.NoError(t, client.Orders.SetLabels(ctx, &jushuitan.OrderSetLabelsRequest{OID: oID, Labels: []string{"加急", "店加"}, ActionType: 1}))
	require.NoError(t, client.Orders.SetLabels(ctx, &jushuitan.OrderSetLabelsRequest{ShopID: mallShop, SoID: "SO-1", Labels: []string{"加急"}, ActionType: 2}))
	require.NoError(t, client.Orders.SetRemark(ctx, &jushuitan.OrderSetRemarkRequest{OID: oID, Remark: "甲"}))
	require.NoError(t, client.Orders.SetRemarkBySoID(ctx, &jushuitan.OrderSetRemarkBySoIDRequest{SoID: "SO-1", Remark: "乙", IsAppend: true}))
	require.NoError(t, client.Orders.SetNodes(ctx, &jushuitan.OrderSetNodesRequest{ShopID: mallShop, Items: []jushuitan.OrderNode{{SoID: "SO-1", Node: "内部"}}}))
	require.NoError(t, client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: oID, WMSCoID: storeWMS}}))
	o, _ := srv.Order(oID)
	assert.Equal(t, "店加", o.Labels.String())
	assert.Equal(t, "甲乙", o.Remark)
	assert.Equal(t, "内部", o.Node)
	assert.Equal(t, storeWMS, o.WMSCoID)

	require.NoError(t, srv.AuditOrder(oID), "to the warehouse that was named")
	out, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, storeWMS, out.WMSCoID)
	require.NoError(t, client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: oID, WMSCoID: mainWMS}}))
	out, _ = srv.OutboundOfOrder(oID)
	assert.Equal(t, mainWMS, out.WMSCoID)

	_, err = client.Orders.MarkQuestion(ctx, &jushuitan.OrderMarkQuestionRequest{OIDs: []int64{oID, 5}, QuestionType: "等待补货"})
	require.Error(t, err, "one of them does not exist")
	o, _ = srv.Order(oID)
	assert.Equal(t, "Question", o.Status)
	require.NoError(t, srv.ResolveOrder(oID))
	_, err = client.Orders.MarkSent(ctx, &jushuitan.OrderMarkSentRequest{Items: []jushuitan.OrderMarkSentItem{{OID: oID, LCID: "YTO", LCName: "圆通速递", LID: "YT-1"}}})
	require.NoError(t, err)
	o, _ = srv.Order(oID)
	assert.Equal(t, "Sent", o.Status)
	assert.Equal(t, "8", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").Qty.String())
	_, err = client.Orders.MarkSent(ctx, &jushuitan.OrderMarkSentRequest{Items: []jushuitan.OrderMarkSentItem{{OID: oID, LCID: "YTO", LCName: "圆通速递", LID: "YT-2"}}})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)

	actions, err := client.Orders.QueryActions(ctx, &jushuitan.OrderActionQuery{OID: oID, ModifiedBegin: srv.Now().Add(-time.Hour), ModifiedEnd: srv.Now()})
	require.NoError(t, err)
	assert.Equal(t, "创建订单", actions.OrderActions[0].Name)
	assert.Greater(t, len(actions.OrderActions), 5)
}

func TestStock(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	stock := func(req *jushuitan.InventoryQuery) map[string]string {
		got := map[string]string{}
		for r, err := range client.Inventory.All(ctx, req) {
			require.NoError(t, err)
			got[r.SKUID] = r.Qty.String()
		}
		return got
	}
	both := jushuitan.CommaList{"TS-BLK-M", "TS-BLK-L"}
	assert.Equal(t, map[string]string{"TS-BLK-M": "14", "TS-BLK-L": "14"}, stock(&jushuitan.InventoryQuery{SKUIDs: both}), "0 is the sum of all")
	assert.Equal(t, map[string]string{"TS-BLK-M": "4", "TS-BLK-L": "4"}, stock(&jushuitan.InventoryQuery{SKUIDs: both, WMSCoID: storeWMS}))
	_, err := client.Inventory.Query(ctx, &jushuitan.InventoryQuery{WMSCoID: 1, SKUIDs: both})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	assert.Empty(t, stock(&jushuitan.InventoryQuery{ModifiedBegin: srv.Now().Add(-2 * time.Hour), ModifiedEnd: srv.Now().Add(-time.Hour)}))

	var top int64
	for r, err := range client.Inventory.Since(ctx, 0, &jushuitan.InventoryQuery{WMSCoID: mainWMS}) {
		require.NoError(t, err)
		top = max(top, r.TS)
	}
	assert.Greater(t, top, int64(7_000_000_000))
	require.NoError(t, srv.SetStock(mainWMS, "TS-BLK-L", d("9.5")))
	var changed []string
	for r, err := range client.Inventory.Since(ctx, top, &jushuitan.InventoryQuery{WMSCoID: mainWMS}) {
		require.NoError(t, err)
		changed = append(changed, r.SKUID+"="+r.Qty.String())
	}
	assert.Equal(t, []string{"TS-BLK-L=9.5"}, changed)

	// A count that is not confirmed changes nothing yet.
	result, err := client.Stocktakes.Upload(ctx, &jushuitan.StocktakeUpload{SoID: "C-1", Warehouse: "4", Type: "check",
		Items: []jushuitan.StocktakeUploadItem{{SKUID: "TS-BLK-M", Qty: d("3")}}})
	require.NoError(t, err)
	assert.True(t, stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").DefectiveQty.IsZero())
	require.NoError(t, srv.ConfirmStocktake(result.IOID))
	require.Error(t, srv.ConfirmStocktake(result.IOID))
	assert.Equal(t, "3", stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").DefectiveQty.String())
	counts, err := client.Stocktakes.Query(ctx, &jushuitan.StocktakeQuery{Status: "Confirmed"})
	require.NoError(t, err)
	require.Len(t, counts.Stocktakes, 1)
	for name, req := range map[string]*jushuitan.StocktakeUpload{
		"warehouse": {SoID: "x", Warehouse: "1", WMSCoID: 1, Items: []jushuitan.StocktakeUploadItem{{SKUID: "TS-BLK-M", Qty: d("3")}}},
		"slot":      {SoID: "x", Warehouse: "9", Items: []jushuitan.StocktakeUploadItem{{SKUID: "TS-BLK-M", Qty: d("3")}}},
		"SKU":       {SoID: "x", Warehouse: "1", Items: []jushuitan.StocktakeUploadItem{{SKUID: "none", Qty: d("3")}}},
		"negative":  {SoID: "x", Warehouse: "1", Type: "check", Items: []jushuitan.StocktakeUploadItem{{SKUID: "TS-BLK-M", Qty: d("-3")}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := sendAs(t, srv, "/open/jushuitan/inventoryv2/upload", req)
			assert.Equal(t, "130", string(a.Code), a.Msg)
		})
	}
	err = client.Inventory.SetVirtualQtys(ctx, &jushuitan.InventorySetVirtualQtysRequest{WMSCoID: storeWMS, SKUAndQty: []jushuitan.VirtualQty{{SKUID: "none", Qty: d("1")}}})
	require.Error(t, err, "code 0 with data null changed nothing")
}

func TestGoods(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	rows, err := client.SKUs.Upload(ctx, &jushuitan.SKUUploadRequest{Items: []jushuitan.SKUUpload{{
		SKUID: "NEW-1", IID: "NEW", Name: "新款", SPrice: new(d("99")), Labels: []string{"店加"},
		CategoryProperties: map[string]any{"季节": "夏", "年份": 2026},
	}}})
	require.NoError(t, err)
	assert.Equal(t, "NEW-1", rows[0].Result.SKUID)
	page, err := client.SKUs.Query(ctx, &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList{"NEW-1"}})
	require.NoError(t, err)
	require.Len(t, page.SKUs, 1)
	assert.Equal(t, "99", page.SKUs[0].SalePrice.String())
	assert.Equal(t, "店加", page.SKUs[0].Labels.String())
	items, err := client.Items.Query(ctx, &jushuitan.ItemQuery{IIDs: []string{"NEW", "TS"}})
	require.NoError(t, err)
	require.Len(t, items.Items, 2)
	for _, it := range items.Items {
		switch it.IID {
		case "NEW":
			require.Len(t, it.Ups, 2)
			assert.Equal(t, "夏", it.Ups[0].PVValue)
			assert.Len(t, it.SKUs, 1)
		case "TS":
			assert.Len(t, it.SKUs, 2)
		}
	}
	require.NoError(t, srv.AddItem(jushuitan.Item{IID: "TS", Name: "短袖T恤", Brand: "店加", SKUs: []jushuitan.ItemSKU{{SKUID: "TS-WHT-M"}}}))
	items, err = client.Items.Query(ctx, &jushuitan.ItemQuery{IIDs: []string{"TS"}})
	require.NoError(t, err)
	assert.Equal(t, "短袖T恤", items.Items[0].Name)
	assert.Len(t, items.Items[0].SKUs, 3)

	require.NoError(t, client.ShopSKUs.Upload(ctx, &jushuitan.ShopSKUUploadRequest{Items: []jushuitan.ShopSKUUpload{
		{ShopID: mallShop, SKUID: "NEW-1", ShopIID: "p1", ShopSKUID: "p1-1"},
	}}))
	links, err := client.ShopSKUs.Query(ctx, &jushuitan.ShopSKUQuery{SKUIDs: jushuitan.CommaList{"NEW-1"}})
	require.NoError(t, err)
	require.Len(t, links.ShopSKUs, 1)
	assert.Equal(t, "p1-1", links.ShopSKUs[0].ShopSKUID)
	require.Error(t, client.ShopSKUs.Upload(ctx, &jushuitan.ShopSKUUploadRequest{Items: []jushuitan.ShopSKUUpload{
		{ShopID: 1, SKUID: "NEW-1", ShopIID: "p1", ShopSKUID: "p1-1"},
	}}))
}

func TestPagesAndCursors(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	start := srv.Now()
	for i := range 25 {
		_, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: onlineShop, SoID: "P-" + string(rune('a'+i)), Items: []jushuitan.OrderUploadItem{{SKUID: "TS-BLK-M", Qty: d("1"), Price: d("1")}}})
		require.NoError(t, err)
		srv.Advance(24 * time.Hour)
	}
	n := 0
	for _, err := range client.Orders.All(ctx, &jushuitan.OrderQuery{ModifiedBegin: start.Add(-time.Minute), PageSize: 2}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 25, n, "over windows of 7 days and pages of 2")
	var last int64
	n = 0
	for o, err := range client.Orders.Since(ctx, 0, &jushuitan.OrderQuery{PageSize: 4}) {
		require.NoError(t, err)
		assert.Greater(t, o.TS, last)
		last = o.TS
		n++
	}
	assert.Equal(t, 25, n)
	require.NoError(t, srv.CancelOrder(srv.Orders()[3].OID, ""))
	n = 0
	for o, err := range client.Orders.Since(ctx, last, nil) {
		require.NoError(t, err)
		assert.Equal(t, "P-d", o.SoID)
		n++
	}
	assert.Equal(t, 1, n)

	a := call(t, srv, "/open/orders/single/query", `{"start_ts":1,"page_size":2,"is_get_total":false}`)
	assert.Contains(t, string(a.Data), `"data_count":null`)
	assert.Contains(t, string(a.Data), `"has_next":true`)
	a = call(t, srv, "/open/orders/single/query", `{"start_ts":1,"page_size":2}`)
	assert.Contains(t, string(a.Data), `"data_count":25`)
	assert.Contains(t, string(a.Data), `"page_count":13`)
}

func TestTaobaoOrdersAreHidden(t *testing.T) {
	srv, client := furnished(t)
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: 7, ShopSite: "淘宝天猫"}))
	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: 7, SoID: "TB-1", Items: []jushuitan.OrderUploadItem{{SKUID: "TS-BLK-M", Qty: d("1"), Price: d("1")}}})
	require.NoError(t, err)
	page, err := client.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"TB-1"}})
	require.NoError(t, err)
	assert.Empty(t, page.Orders)
	_, err = srv.AssignOrder(oID, storeWMS)
	require.NoError(t, err)
	out, err := client.Outbounds.Query(t.Context(), &jushuitan.OutboundQuery{SoIDs: []string{"TB-1"}})
	require.NoError(t, err)
	assert.Len(t, out.Outbounds, 1)
}

func TestCompaniesAreSeparate(t *testing.T) {
	srv, client := furnished(t)
	other := srv.Company("other")
	furnish(t, other)
	ctx := t.Context()
	b := client.WithToken(srv.AccessToken("other"))
	_, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	rows, err := b.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	assert.NotEqual(t, srv.Orders()[0].OID, rows[0].Result.OID)
	require.Len(t, other.Orders(), 1)
	require.NoError(t, other.CancelOrder(rows[0].Result.OID, ""))
	assert.Equal(t, "WaitConfirm", srv.Orders()[0].Status)
	page, err := client.Orders.Query(ctx, &jushuitan.OrderQuery{OIDs: []int64{rows[0].Result.OID}})
	require.NoError(t, err)
	assert.Empty(t, page.Orders)
	assert.Same(t, other, srv.Company("other"))
	assert.NotEqual(t, other.CoID(), srv.CoID())
	merchants := map[string]bool{}
	for _, r := range srv.Requests() {
		merchants[r.Merchant] = true
	}
	assert.True(t, merchants["other"])
}

func TestConfirmAfterSales(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	_, err := client.Orders.Upload(ctx, []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	rows, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{afterSale("RF-1", "SO-1", "2")})
	require.NoError(t, err)
	asID := rows[0].Result.ASID
	_, err = client.AfterSales.Confirm(ctx, &jushuitan.AfterSaleConfirmRequest{ASIDs: []int64{asID}})
	require.NoError(t, err)
	_, err = client.AfterSales.Confirm(ctx, &jushuitan.AfterSaleConfirmRequest{ASIDs: []int64{asID, 1}})
	require.Error(t, err)
	got, _ := srv.AfterSale(asID)
	assert.Equal(t, "Confirmed", got.Status)
	assert.False(t, got.ConfirmDate.IsZero())
	_, err = client.AfterSales.Unconfirm(ctx, &jushuitan.AfterSaleUnconfirmRequest{ASIDs: []int64{asID}})
	require.NoError(t, err)
	got, _ = srv.AfterSale(asID)
	assert.Equal(t, "WaitConfirm", got.Status)

	// Goods come in parts, one of them defective.
	for i, c := range []jushuitan.AfterSaleConfirmGoodsRequest{
		{ASID: asID, ReturnID: "1", WhID: new(int64(1)), Items: []jushuitan.AfterSaleConfirmGoodsItem{{SKUID: "TS-BLK-M", Qty: d("1"), QtyType: new(int64(0))}}},
		{ASID: asID, ReturnID: "2", Items: []jushuitan.AfterSaleConfirmGoodsItem{{SKUID: "TS-BLK-M", Qty: d("1"), QtyType: new(int64(4))}}},
	} {
		_, err = client.AfterSales.ConfirmGoods(ctx, []jushuitan.AfterSaleConfirmGoodsRequest{c})
		require.NoError(t, err)
		got, _ = srv.AfterSale(asID)
		assert.Equal(t, i == 1, got.GoodStatus == "SELLER_RECEIVED")
	}
	row := stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M")
	assert.Equal(t, "11", row.Qty.String())
	assert.Equal(t, "1", row.DefectiveQty.String())
	assert.Len(t, srv.ReturnReceipts(), 2)

	closed := afterSale("RF-2", "SO-1", "1")
	closed.ShopStatus = "CLOSED"
	rows, err = client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{closed})
	require.NoError(t, err)
	got, _ = srv.AfterSale(rows[0].Result.ASID)
	assert.Equal(t, "Cancelled", got.Status)
	require.Error(t, srv.ReceiveReturn(got.ASID))
}
