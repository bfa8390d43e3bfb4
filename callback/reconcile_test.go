package callback_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const (
	mallShop = int64(10350)
	mainWMS  = int64(11200000)
	skuM     = "TS-BLK-M"
	skuL     = "TS-BLK-L"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// available is the formula of the fake's stock pushes.
func available(row *jushuitan.InventoryRow) (decimal.Decimal, bool) {
	return row.Qty.Add(row.VirtualQty).Sub(row.OrderLock), true
}

// A mall has an ERP whose pushes go to its receiver, unless they get lost.
type mall struct {
	t        *testing.T
	srv      *jushuitantest.Server
	client   *jushuitan.Client
	journal  callback.Journal
	receiver *callback.Receiver
	start    time.Time

	mu    sync.Mutex
	lose  func(method jushuitan.PushMethod, body string) bool // nil: none
	late  []*http.Request                                     // what was lost
	runs  []string                                            // what the host's functions did
	errs  []error
	calls map[string]int
}

func newMall(t *testing.T, change ...func(*callback.Config)) *mall {
	t.Helper()
	m := &mall{t: t, calls: map[string]int{}}
	m.srv = jushuitantest.NewServer(jushuitantest.WithoutQuota(), jushuitantest.WithPushRetry(), jushuitantest.WithPushClient(&http.Client{Transport: m}))
	t.Cleanup(m.srv.Close)
	var err error
	m.client, err = m.srv.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond}))
	require.NoError(t, err)
	require.NoError(t, m.srv.AddShop(jushuitan.Shop{ShopID: mallShop, ShopName: "微商城"}))
	require.NoError(t, m.srv.AddWarehouse(jushuitan.Warehouse{Name: "主仓", WMSCoID: mainWMS, IsMain: true}))
	require.NoError(t, m.srv.AddCarrier(jushuitan.Carrier{LCID: "YTO", LCName: "圆通速递"}))
	require.NoError(t, m.srv.AddCarrier(jushuitan.Carrier{LCID: "SF.9", LCName: "顺丰速运"}))
	for _, id := range []string{skuM, skuL} {
		require.NoError(t, m.srv.AddSKU(jushuitan.SKU{SKUID: id, IID: "TS", Name: "短袖", SalePrice: dec("55")}))
		require.NoError(t, m.srv.SetStock(mainWMS, id, dec("1000")))
	}
	m.srv.Advance(time.Hour)
	m.start = m.srv.Now().Truncate(time.Second)
	m.journal = callback.NewMemoryJournal(0, m.start)
	m.receiver = m.serve(change...)
	for method, path := range paths {
		code := "10350"
		if method == jushuitan.PushStock {
			code = "11200000"
		}
		require.NoError(t, m.srv.RegisterPush(mallShop, method, "http://mall.invalid"+path+"?entId=10010&storageCode="+code))
	}
	return m
}

// serve makes a receiver whose functions write down what they did.
func (m *mall) serve(change ...func(*callback.Config)) *callback.Receiver {
	m.t.Helper()
	run := func(format string, args ...any) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.runs = append(m.runs, fmt.Sprintf(format, args...))
		return nil
	}
	cfg := callback.Config{
		AllowUnauthenticated: true, Now: m.srv.Now,
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			lines := ""
			for _, item := range p.Items {
				lines += fmt.Sprintf(" %s/%s/%d x%s", p.OrderOf(item), item.SKUID, item.OIID, item.Qty)
			}
			return run("ship %d %s %s %s%s", p.OID, p.SoID, p.LID, p.LCID, lines)
		},
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			return run("cancel %s", p.SoID)
		},
		GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			lines := ""
			for _, item := range p.Items {
				lines += fmt.Sprintf(" %s x%s", item.SKUID, item.Qty)
			}
			return run("%s %s%s", p.Action, p.OuterASID, lines)
		},
		Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			for _, row := range p.Rows {
				if err := run("stock %s %s", row.SKUID, row.Qty); err != nil {
					return err
				}
			}
			return nil
		},
		OnError: func(_ context.Context, _ callback.Envelope, err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.errs = append(m.errs, err)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	r, err := callback.New(callback.WithJournal(cfg, m.journal))
	require.NoError(m.t, err)
	return r
}

// RoundTrip brings a push to the receiver, or loses it.
func (m *mall) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	again := req.Clone(context.WithoutCancel(req.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	again.RemoteAddr = "192.0.2.1:1234"
	m.mu.Lock()
	lose := m.lose
	m.mu.Unlock()
	if lose != nil && lose(jushuitan.PushMethod(req.URL.Query().Get("method")), string(body)) {
		m.mu.Lock()
		m.late = append(m.late, again)
		m.mu.Unlock()
		return nil, errors.New("lost")
	}
	w := httptest.NewRecorder()
	m.receiver.ServeHTTP(w, again)
	return w.Result(), nil
}

// losing makes pushes get lost while f runs, and waits for them.
func (m *mall) losing(lose func(method jushuitan.PushMethod, body string) bool, f func()) {
	m.t.Helper()
	m.settle()
	m.mu.Lock()
	m.lose = lose
	m.mu.Unlock()
	f()
	m.settle()
	m.mu.Lock()
	m.lose = nil
	m.mu.Unlock()
}

func all(jushuitan.PushMethod, string) bool { return true }

func (m *mall) settle() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	require.NoError(m.t, m.srv.WaitPushes(ctx))
}

// did returns what the host's functions did since the last call.
func (m *mall) did() []string {
	m.settle()
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.runs
	m.runs = nil
	return out
}

func (m *mall) config() callback.ReconcileConfig {
	return callback.ReconcileConfig{
		Client: m.client, Journal: m.journal, EntID: "10010", From: m.start, Now: m.srv.Now, Unexpected: true,
		Shops:  []callback.ReconcileShop{{ShopID: mallShop}},
		Stocks: []callback.ReconcileStock{{WMSCoID: mainWMS, ShopID: mallShop, Figure: available}},
	}
}

// documents is config without stock.
func (m *mall) documents() callback.ReconcileConfig {
	cfg := m.config()
	cfg.Stocks = nil
	return cfg
}

// differences is what there is to be found, once all is old enough.
func (m *mall) differences(cfg callback.ReconcileConfig) []*callback.Difference {
	m.t.Helper()
	m.settle()
	m.srv.Advance(callback.DefaultGrace + time.Second)
	var out []*callback.Difference
	for diff, err := range callback.Reconcile(m.t.Context(), cfg) {
		require.NoError(m.t, err)
		out = append(out, diff)
	}
	return out
}

// told writes differences as text.
func told(diffs []*callback.Difference) []string {
	out := []string{}
	for _, diff := range diffs {
		text := fmt.Sprintf("%s %s %s", diff.Kind, diff.Method, diff.Document())
		if diff.LID != "" {
			text += " " + diff.LID
		}
		for _, f := range diff.Fields {
			text += fmt.Sprintf(" %s:%s->%s", f.Name, f.Pushed, f.Pulled)
		}
		if g := diff.GoodsReturned; g != nil {
			text += " " + string(g.Action)
			for _, item := range g.Items {
				text += fmt.Sprintf(" %s x%s", item.SKUID, item.Qty)
			}
		}
		if diff.Stock != nil {
			text += " " + diff.Stock.Rows[0].Qty.String()
		}
		out = append(out, text)
	}
	return out
}

// repair redelivers what was found and checks that nothing is left.
func (m *mall) repair(cfg callback.ReconcileConfig, diffs []*callback.Difference) {
	m.t.Helper()
	for _, diff := range diffs {
		require.NoError(m.t, m.receiver.Redeliver(m.t.Context(), diff))
	}
	assert.Empty(m.t, told(m.differences(cfg)), "nothing is left")
	assert.Empty(m.t, m.errs)
}

// resend brings what was lost after all.
func (m *mall) resend() {
	m.t.Helper()
	m.mu.Lock()
	late := m.late
	m.late = nil
	m.mu.Unlock()
	for _, req := range late {
		w := httptest.NewRecorder()
		m.receiver.ServeHTTP(w, req)
		assert.Equal(m.t, success, w.Body.String())
	}
}

// order uploads an order of two M and one L, paid.
func (m *mall) order(soID string) (oID int64) {
	m.t.Helper()
	oID, err := m.srv.ImportOrder(jushuitan.OrderUpload{
		ShopID: mallShop, SoID: soID, ReceiverName: "林一", ReceiverMobile: "13900000001", ShopBuyerID: "buyer-7",
		Items: []jushuitan.OrderUploadItem{{SKUID: skuM, Qty: dec("2"), Price: dec("55")}, {SKUID: skuL, Qty: dec("1"), Price: dec("55")}},
	})
	require.NoError(m.t, err)
	return oID
}

// ship ships an order as a parcel, or part of it.
func (m *mall) ship(oID int64, lID string, lines map[string]decimal.Decimal) {
	m.t.Helper()
	out, ok := m.srv.OutboundOfOrder(oID)
	if !ok {
		_, err := m.srv.AssignOrder(oID, 0)
		require.NoError(m.t, err)
		out, _ = m.srv.OutboundOfOrder(oID)
	}
	require.NoError(m.t, m.srv.ShipOutbound(out.IOID, jushuitantest.Parcel{LCID: "YTO", LID: lID, Lines: lines}))
}

// goodsBack makes a return of some M of an order.
func (m *mall) goodsBack(outerASID, soID, qty string) (asID int64) {
	m.t.Helper()
	rows, err := m.client.AfterSales.Upload(m.t.Context(), []jushuitan.AfterSaleUpload{{
		ShopID: mallShop, OuterASID: outerASID, SoID: soID, Type: "普通退货", ShopStatus: "WAIT_SELLER_CONFIRM_GOODS",
		GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "尺码不合", TotalAmount: dec("110"), Refund: dec("110"),
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: skuM, Qty: dec(qty), OuterOIID: soID + "-1", Amount: dec("110"), Type: jushuitan.AfterSaleTypeReturn}},
	}})
	require.NoError(m.t, err)
	return rows[0].Result.ASID
}

// confirm receives part of a return.
func (m *mall) confirm(asID int64, returnID, qty string) {
	m.t.Helper()
	_, err := m.client.AfterSales.ConfirmGoods(m.t.Context(), []jushuitan.AfterSaleConfirmGoodsRequest{{
		ASID: asID, ReturnID: returnID, WMSCoID: mainWMS, LID: "BACK-" + returnID, LogisticsCompany: "圆通速递",
		Items: []jushuitan.AfterSaleConfirmGoodsItem{{SKUID: skuM, Qty: dec(qty)}},
	}})
	require.NoError(m.t, err)
}

// A lost push of each kind is found, redelivered, and then known: nothing is left,
// and the push itself is a repeat when it comes after all.
func TestReconcileLostPushes(t *testing.T) {
	for _, c := range []struct {
		name   string
		happen func(m *mall)
		want   []string // %d is the ERP's number of the document
		runs   []string
	}{
		{"shipment", func(m *mall) {
			oID := m.order("SO-1")
			m.losing(all, func() { m.ship(oID, "YT1", nil) })
		}, []string{"missed logistics.upload o_id 910001 YT1"}, []string{"ship 910001 SO-1 YT1 YTO SO-1/TS-BLK-M/1200001 x2 SO-1/TS-BLK-L/1200002 x1"}},
		{"second parcel", func(m *mall) {
			oID := m.order("SO-1")
			m.ship(oID, "YT1", map[string]decimal.Decimal{skuM: dec("1")})
			m.losing(all, func() { m.ship(oID, "YT2", map[string]decimal.Decimal{skuM: dec("1")}) })
			m.ship(oID, "YT3", nil)
		}, []string{"missed logistics.upload o_id 910001 YT2"}, []string{"ship 910001 SO-1 YT2 YTO SO-1/TS-BLK-M/1200001 x1"}},
		{"first parcel", func(m *mall) {
			oID := m.order("SO-1")
			m.losing(all, func() { m.ship(oID, "YT1", map[string]decimal.Decimal{skuL: dec("1")}) })
			m.ship(oID, "YT2", nil)
		}, []string{"missed logistics.upload o_id 910001 YT1"}, []string{"ship 910001 SO-1 YT1 YTO SO-1/TS-BLK-L/1200002 x1"}},
		{"cancel", func(m *mall) {
			kept, gone := m.order("SO-1"), m.order("SO-2")
			require.NoError(m.t, m.srv.CancelOrder(kept, ""))
			m.losing(all, func() { require.NoError(m.t, m.srv.CancelOrder(gone, "缺货")) })
		}, []string{"missed cancel.order so_id SO-2"}, []string{"cancel SO-2"}},
		{"goods returned", func(m *mall) {
			m.ship(m.order("SO-1"), "YT1", nil)
			asID := m.goodsBack("RF-1", "SO-1", "2")
			m.losing(all, func() { require.NoError(m.t, m.srv.ReceiveReturn(asID)) })
		}, []string{"missed refund.goods as_id 30001 确认收货 TS-BLK-M x2"}, []string{"确认收货 RF-1 TS-BLK-M x2"}},
		{"receipt undone", func(m *mall) {
			m.ship(m.order("SO-1"), "YT1", nil)
			asID := m.goodsBack("RF-1", "SO-1", "2")
			require.NoError(m.t, m.srv.ReceiveReturn(asID))
			m.losing(all, func() { require.NoError(m.t, m.srv.RevokeReturn(asID)) })
		}, []string{"missed refund.goods as_id 30001 取消收货 TS-BLK-M x2"}, []string{"取消收货 RF-1 TS-BLK-M x2"}},
		{"received again", func(m *mall) {
			m.ship(m.order("SO-1"), "YT1", nil)
			asID := m.goodsBack("RF-1", "SO-1", "2")
			require.NoError(m.t, m.srv.ReceiveReturn(asID))
			require.NoError(m.t, m.srv.RevokeReturn(asID))
			m.losing(all, func() { require.NoError(m.t, m.srv.ReceiveReturn(asID)) })
		}, []string{"missed refund.goods as_id 30001 确认收货 TS-BLK-M x2"}, []string{"确认收货 RF-1 TS-BLK-M x2"}},
		{"first of two receipts", func(m *mall) {
			m.ship(m.order("SO-1"), "YT1", nil)
			asID := m.goodsBack("RF-1", "SO-1", "2")
			m.losing(all, func() { m.confirm(asID, "R1", "1") })
			m.mu.Lock()
			m.late = nil // it cannot be told from the second, which comes
			m.mu.Unlock()
			m.confirm(asID, "R2", "1")
		}, []string{"differs refund.goods as_id 30001 items[TS-BLK-M].qty:1->2 确认收货 TS-BLK-M x1"}, []string{"确认收货 RF-1 TS-BLK-M x1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMall(t)
			c.happen(m)
			m.did()
			diffs := m.differences(m.documents())
			require.Equal(t, c.want, told(diffs))
			m.repair(m.documents(), diffs)
			assert.Equal(t, c.runs, m.did(), "handled as the push would have been")
			m.resend()
			assert.Empty(t, m.did(), "the late push is a repeat")
		})
	}
}

// Stock is compared with the last figure that was pushed, by the host's formula.
func TestReconcileStock(t *testing.T) {
	m := newMall(t)
	cfg := m.config()
	cfg.Shops = nil
	stock := func(sku, qty string) { require.NoError(t, m.srv.SetStock(mainWMS, sku, dec(qty))) }
	push := func() { require.NoError(t, m.srv.PushStock(mallShop, mainWMS)); m.settle() }

	stock(skuM, "15")
	push()
	assert.Empty(t, told(m.differences(cfg)))

	m.losing(all, func() { stock(skuM, "14"); push() })
	m.srv.Advance(time.Second)
	diffs := m.differences(cfg)
	require.Equal(t, []string{"missed inventory.upload sku_id TS-BLK-M 14"}, told(diffs))
	assert.Equal(t, skuM, diffs[0].Stock.Rows[0].ShopSKUID, "as the last push said")
	assert.Equal(t, mallShop, diffs[0].Stock.Rows[0].ShopID)
	m.did()
	m.repair(cfg, diffs)
	assert.Equal(t, []string{"stock TS-BLK-M 14"}, m.did())

	// An order holds some: the formula tells.
	oID := m.order("SO-1")
	_, err := m.srv.AssignOrder(oID, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"missed inventory.upload sku_id TS-BLK-L 999", "missed inventory.upload sku_id TS-BLK-M 12"}, sorted(told(m.differences(cfg))))

	// Another formula: the push of the same state differs. Unknown is not zero.
	push()
	assert.Empty(t, told(m.differences(cfg)))
	cfg.Stocks = []callback.ReconcileStock{{WMSCoID: mainWMS, Figure: func(row *jushuitan.InventoryRow) (decimal.Decimal, bool) {
		return row.Qty, row.SKUID == skuM
	}}}
	diffs = m.differences(cfg)
	assert.Equal(t, []string{"differs inventory.upload sku_id TS-BLK-M qty:12->14 14"}, told(diffs))

	// Never pushed, under another storage code.
	cfg.Stocks[0].StorageCode = "other"
	assert.Equal(t, []string{"missed inventory.upload sku_id TS-BLK-M 14"}, told(m.differences(cfg)))
}

// TestReconcileStockOfAWarehouse: the query names the warehouse, and none where the sum of all
// is compared.
func TestReconcileStockOfAWarehouse(t *testing.T) {
	m := newMall(t)
	m.srv.Advance(time.Hour) // past the grace
	for wms, want := range map[int64]string{0: "", mainWMS: fmt.Sprintf(`"wms_co_id":%d`, mainWMS)} {
		var asked []string
		client, err := m.srv.Client(jushuitan.WithOnExchange(func(_ context.Context, x jushuitan.Exchange) {
			if x.Op == "Inventory.Query" {
				asked = append(asked, x.Params.Get("biz"))
			}
		}))
		require.NoError(t, err)
		cfg := m.config()
		cfg.Shops, cfg.Client, cfg.Methods = nil, client.ForMerchant(cfg.EntID), []jushuitan.PushMethod{jushuitan.PushStock}
		cfg.Stocks = []callback.ReconcileStock{{WMSCoID: wms, Figure: func(*jushuitan.InventoryRow) (decimal.Decimal, bool) { return decimal.Zero, false }}}
		for _, err := range callback.Reconcile(t.Context(), cfg) {
			require.NoError(t, err)
		}
		require.NotEmpty(t, asked)
		for _, biz := range asked {
			assert.Contains(t, biz, want)
			assert.Equal(t, wms != 0, strings.Contains(biz, "wms_co_id"), biz)
		}
	}
}

func sorted(texts []string) []string {
	sort.Strings(texts)
	return texts
}

// Documents younger than the grace are not missed yet; the window's end is not in
// it; a document belongs to one window.
func TestReconcileWindow(t *testing.T) {
	m := newMall(t)
	one, two := m.order("SO-1"), m.order("SO-2")
	m.losing(all, func() { require.NoError(t, m.srv.CancelOrder(one, "")) })
	m.srv.Advance(10 * time.Minute)
	between := m.srv.Now().Truncate(time.Second)
	m.losing(all, func() { require.NoError(t, m.srv.CancelOrder(two, "")) })
	find := func(change func(*callback.ReconcileConfig)) []string {
		cfg := m.documents()
		change(&cfg)
		var out []*callback.Difference
		for diff, err := range callback.Reconcile(t.Context(), cfg) {
			require.NoError(t, err)
			out = append(out, diff)
		}
		return sorted(told(out))
	}
	const first, second = "missed cancel.order so_id SO-1", "missed cancel.order so_id SO-2"
	assert.Equal(t, []string{first}, find(func(*callback.ReconcileConfig) {}), "the second is too young")
	assert.Empty(t, find(func(cfg *callback.ReconcileConfig) { cfg.Grace = time.Hour }))
	m.srv.Advance(2 * time.Second)
	assert.Equal(t, []string{first, second}, find(func(cfg *callback.ReconcileConfig) { cfg.Grace = -1 }))
	assert.Equal(t, []string{first}, find(func(cfg *callback.ReconcileConfig) { cfg.To, cfg.Grace = between, -1 }))
	assert.Equal(t, []string{second}, find(func(cfg *callback.ReconcileConfig) { cfg.From, cfg.Grace = between, -1 }))
	assert.Empty(t, find(func(cfg *callback.ReconcileConfig) { cfg.Shops = []callback.ReconcileShop{{ShopID: 1}} }), "another shop")
	assert.Empty(t, find(func(cfg *callback.ReconcileConfig) {
		cfg.Methods, cfg.Grace = []jushuitan.PushMethod{jushuitan.PushShipment}, -1
	}), "another kind")
}

// The end of a window is where the next one begins, and never before its own beginning.
func TestReconcileConfigEnd(t *testing.T) {
	now := noon.Add(300 * time.Millisecond)
	at := noon.Truncate(time.Second)
	for name, c := range map[string]struct {
		from, to time.Time
		grace    time.Duration
		want     time.Time
	}{
		"now minus the grace":   {at.Add(-time.Hour), time.Time{}, 0, at.Add(-5 * time.Minute)},
		"no grace":              {at.Add(-time.Hour), time.Time{}, -1, at},
		"to":                    {at.Add(-time.Hour), at.Add(-time.Minute + 700*time.Millisecond), -1, at.Add(-time.Minute)},
		"nothing is old enough": {at.Add(-time.Minute), time.Time{}, 0, at.Add(-time.Minute)},
	} {
		cfg := callback.ReconcileConfig{From: c.from, To: c.to, Grace: c.grace, Now: func() time.Time { return now }}
		assert.True(t, c.want.Equal(cfg.End()), "%s: %s", name, cfg.End())
	}
}

// A message that Reconcile found says what the ERP says: a push that was sent before that and
// comes later is stale.
func TestRedeliverThenOlderPush(t *testing.T) {
	w := newWorld(t, 1)
	parcel := w.put(logisticPath, &modelDoc{key: "SO-1", row: map[string]any{
		"o_id": 1, "so_id": "SO-1", "shop_id": mallShop, "l_id": "YT1", "lc_id": "YTO", "send_date": w.erp.now.Format(modelTime),
		"items": []map[string]any{{"sku_id": "A", "qty": 1, "outer_oi_id": "SO-1-1"}},
	}})
	older := w.request(jushuitan.PushShipment, parcel.row)
	w.pass(time.Minute)
	parcel.row["l_id"], parcel.row["lc_id"] = "SF2", "SF" // of which the push is lost
	w.put(logisticPath, parcel)
	w.pass(time.Hour)
	for d, err := range callback.Reconcile(t.Context(), w.config(w.start)) {
		require.NoError(t, err)
		require.NoError(t, w.receiver.Redeliver(t.Context(), d))
	}
	w.arrive(onItsWay{req: older})
	assert.Equal(t, map[string]string{"1 SO-1-1A1": "SF2 SF"}, w.shipped)
}

// The same lines that are returned twice without unique_id look like a repeat when they are
// pushed: the second receipt is found, and runs once.
func TestReconcileTheSameLinesTwice(t *testing.T) {
	w := newWorld(t, 1)
	for i := range 2 {
		row := map[string]any{
			"io_id": i + 1, "as_id": 9, "shop_id": mallShop, "so_id": "SO-9", "status": "Confirmed", "io_date": w.erp.now.Format(modelTime),
			"items": []map[string]any{{"sku_id": "A", "qty": 1}},
		}
		w.put(receivedPath, &modelDoc{key: "9", row: row})
		w.arrive(onItsWay{req: w.request(jushuitan.PushGoodsReturned, map[string]any{"as_id": 9, "action_name": "确认收货", "items": row["items"]})})
		w.pass(time.Minute)
	}
	require.Equal(t, map[string]int64{"9": 1}, w.returned)
	w.pass(time.Hour)
	for range 2 {
		for d, err := range callback.Reconcile(t.Context(), w.config(w.start)) {
			require.NoError(t, err)
			assert.Equal(t, []string{"differs refund.goods as_id 9 items[A].qty:1->2 确认收货 A x1"}, told([]*callback.Difference{d}))
			require.NoError(t, w.receiver.Redeliver(t.Context(), d))
			require.ErrorIs(t, w.receiver.Redeliver(t.Context(), d), callback.ErrAlreadyHandled)
		}
	}
	assert.Equal(t, map[string]int64{"9": 2}, w.returned)
}

// TestReconcileLateStockWithoutModified: a late figure without modified replaces a newer one, and
// is found only in a window that has the row.
func TestReconcileLateStockWithoutModified(t *testing.T) {
	from := time.Date(2024, 1, 2, 0, 0, 0, 0, noon.Location())
	row := from.Add(12 * time.Hour)
	journal := callback.NewMemoryJournal(0, from)
	entry := callback.JournalEntry{
		JournalScope: callback.JournalScope{Method: jushuitan.PushStock, EntID: "10010", StorageCode: "7"}, Document: "sku_id A", SKUID: "A",
		At: row, Modified: row, Figure: dec("6"),
	}
	late := entry
	late.At, late.Modified, late.Figure = row.Add(2*time.Hour), time.Time{}, dec("5")
	require.NoError(t, journal.Record(t.Context(), entry))
	require.NoError(t, journal.Record(t.Context(), late))
	find := func(from time.Time) (found []string) {
		for d, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
			Client:  scripted(t, script{stockPath: {`{"sku_id":"A","qty":6,"modified":"2024-01-02 12:00:00"}`}}),
			Journal: journal, EntID: "10010", From: from, Now: func() time.Time { return row.Add(9 * time.Hour) },
			Stocks: []callback.ReconcileStock{{WMSCoID: 7, Figure: func(row *jushuitan.InventoryRow) (decimal.Decimal, bool) { return row.Qty, true }}},
		}) {
			require.NoError(t, err)
			found = append(found, fmt.Sprint(d.Kind, " ", d.Fields))
		}
		return found
	}
	assert.Empty(t, find(row.Add(time.Hour)))
	assert.Equal(t, []string{"differs [{qty 5 6}]"}, find(row.Add(-time.Hour)))
}

// Two shops of one warehouse have their own figures.
func TestReconcileStockOfTwoShops(t *testing.T) {
	w := newWorld(t, 1)
	w.put(stockPath, &modelDoc{key: "A", row: map[string]any{"sku_id": "A", "qty": 5}})
	w.arrive(onItsWay{req: w.request(jushuitan.PushStock, []map[string]any{{"shop_id": 7, "sku_id": "A", "qty": 5}})})
	w.arrive(onItsWay{req: w.request(jushuitan.PushStock, []map[string]any{{"shop_id": mallShop, "sku_id": "A", "qty": 4}})})
	w.pass(time.Hour)
	var found []*callback.Difference
	for d, err := range callback.Reconcile(t.Context(), w.config(w.start)) {
		require.NoError(t, err)
		found = append(found, d)
	}
	assert.Equal(t, []string{"differs inventory.upload sku_id A qty:4->5 5"}, told(found))
}

// Goods that come in while the window is read are left to the next one.
func TestReconcileGoodsOnTheirWay(t *testing.T) {
	m := newMall(t)
	m.ship(m.order("SO-1"), "YT1", nil)
	asID := m.goodsBack("RF-1", "SO-1", "2")
	m.confirm(asID, "R1", "1")
	m.settle()
	m.srv.Advance(time.Hour)
	m.losing(all, func() { m.confirm(asID, "R2", "1") })
	var out []*callback.Difference
	for diff, err := range callback.Reconcile(t.Context(), m.documents()) {
		require.NoError(t, err)
		out = append(out, diff)
	}
	assert.Empty(t, told(out))
	assert.Len(t, m.differences(m.documents()), 1)
}

// An order that the mall closed itself is no news to it.
func TestReconcileClosedByTheMall(t *testing.T) {
	m := newMall(t)
	m.order("SO-1")
	rows, err := m.client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{
		ShopID: mallShop, SoID: "SO-1", OrderDate: m.srv.Now(), ShopStatus: jushuitan.ShopStatusTradeClosed, ShopBuyerID: "b",
		ReceiverAddress: "a", ReceiverName: "n", ReceiverMobile: "13900000001", PayAmount: dec("165"),
		Items: []jushuitan.OrderUploadItem{{SKUID: skuM, ShopSKUID: skuM, Amount: dec("110"), BasePrice: dec("55"), Qty: dec("2"), Name: "短袖", OuterOIID: "SO-1-1"}},
		Pay:   &jushuitan.OrderUploadPay{OuterPayID: "PAY-SO-1", PayDate: m.srv.Now(), Payment: "微信", SellerAccount: "s", BuyerAccount: "b", Amount: dec("165")},
	}})
	require.NoError(t, err)
	require.NoError(t, rows[0].Err)
	o, _ := m.srv.OrderBySoID(mallShop, "SO-1")
	require.Equal(t, jushuitan.OrderStatusCancelled, o.Status)
	assert.Empty(t, told(m.differences(m.documents())))
}

// An ERP that answers what it is told, for what the fake does not do.
type script map[string][]string // path: rows

func (s script) RoundTrip(req *http.Request) (*http.Response, error) {
	rows, list := s[req.URL.Path], "datas"
	switch req.URL.Path {
	case "/open/logistic/query", "/open/orders/single/query":
		list = "orders"
	case stockPath:
		list = "inventorys"
	}
	body := fmt.Sprintf(`{"code":0,"msg":"ok","data":{"page_index":1,"page_size":50,"has_next":false,"data_count":%d,"page_count":1,%q:[%s]}}`, len(rows), list, strings.Join(rows, ","))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func scripted(t *testing.T, s script) *jushuitan.Client {
	t.Helper()
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt},
		jushuitan.WithHTTPClient(&http.Client{Transport: s}), jushuitan.WithQuota(jushuitan.Quota{Limit: 1000, Per: time.Second}))
	require.NoError(t, err)
	return c.WithToken("token")
}

const (
	logisticPath = "/open/logistic/query"
	outboundPath = "/open/orders/out/simple/query"
	ordersPath   = "/open/orders/single/query"
	receivedPath = "/open/aftersale/received/query"
	casesPath    = "/open/refund/single/query"
)

func parcelRow(oID int, soID, lID, lcID string, items ...string) string {
	return fmt.Sprintf(`{"o_id":%d,"shop_id":10350,"so_id":%q,"l_id":%q,"lc_id":%q,"send_date":"2024-01-02 12:00:00","items":[%s]}`, oID, soID, lID, lcID, strings.Join(items, ","))
}

func itemRow(sku, qty, outer, rawSoID string) string {
	return fmt.Sprintf(`{"sku_id":%q,"qty":%s,"outer_oi_id":%q,"raw_so_id":%q}`, sku, qty, outer, rawSoID)
}

// What pushes said against what the ERP says, for split and merged orders, changed
// waybills and lines, and pushes that do not name all.
func TestReconcileCompares(t *testing.T) {
	const ship, cancel, goods = jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned
	type pushes [][2]string
	a1, b1 := itemRow("A", "1", "SO-1-1", ""), itemRow("B", "1", "SO-1-2", "")
	push := func(oID, soID, lID, lcID, items string) [2]string {
		return [2]string{string(ship), fmt.Sprintf(`{"o_id":%q,"so_id":%q,"l_id":%q,"lc_id":%q,"items":[%s]}`, oID, soID, lID, lcID, items)}
	}
	receipt := func(ioID, asID int, status, sku, qty string) string {
		return fmt.Sprintf(`{"io_id":%d,"as_id":%d,"shop_id":10350,"so_id":"SO-1","status":%q,"modified":"2024-01-02 12:00:00","io_date":"2024-01-02 12:00:00","items":[{"sku_id":%q,"qty":%s}]}`, ioID, asID, status, sku, qty)
	}
	back := func(asID, outer, action, sku, qty string) [2]string {
		return [2]string{string(goods), fmt.Sprintf(`{"as_id":%q,"outer_as_id":%q,"so_id":"SO-1","action_name":%q,"items":[{"sku_id":%q,"qty":%s}]}`, asID, outer, action, sku, qty)}
	}
	caseRow := `{"as_id":9,"outer_as_id":"RF-9","shop_id":10350,"o_id":1,"so_id":"SO-1"}`
	for _, c := range []struct {
		name   string
		method jushuitan.PushMethod
		pushed pushes
		erp    script
		want   []string
	}{
		{"the same", ship, pushes{push("1", "SO-1", "YT1", "SF", a1+","+b1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF.9", b1, a1)}}, nil},
		{"a push without o_id", ship, pushes{push("", "SO-1", "YT1", "", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, nil},
		{"a push without lines", ship, pushes{push("1", "SO-1", "YT1", "SF", "")}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, nil},
		{"lines by SKU where numbers are missing", ship, pushes{push("1", "SO-1", "YT1", "SF", `{"sku_id":"A","qty":"1.0"}`)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, nil},
		{"split", ship, pushes{push("1", "SO-1", "YT1", "SF", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1), parcelRow(2, "SO-1", "YT2", "SF", b1)}}, []string{"missed logistics.upload o_id 2 YT2"}},
		{
			"merged", ship, pushes{push("3", "SO-1", "YT1", "SF", `{"sku_id":"A","qty":1,"so_id":"SO-1"},{"sku_id":"A","qty":2,"so_id":"SO-2"}`)},
			script{logisticPath: {parcelRow(3, "SO-1", "YT1", "SF", itemRow("A", "1", "", "SO-1"), itemRow("A", "2", "", "SO-2"))}}, nil,
		},
		{
			"merged with lines of another order", ship, pushes{push("3", "SO-1", "YT1", "SF", `{"sku_id":"A","qty":3}`)},
			script{logisticPath: {parcelRow(3, "SO-1", "YT1", "SF", itemRow("A", "1", "", "SO-1"), itemRow("A", "2", "", "SO-2"))}},
			[]string{"differs logistics.upload o_id 3 YT1 items[SO-1 A].qty:3->1 items[SO-2 A].qty:0->2"},
		},
		{"carrier", ship, pushes{push("1", "SO-1", "YT1", "YTO", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF.9", a1)}}, []string{"differs logistics.upload o_id 1 YT1 lc_id:YTO->SF.9"}},
		{"waybill", ship, pushes{push("1", "SO-1", "YT1", "SF", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT2", "SF", a1)}}, []string{"differs logistics.upload o_id 1 YT2 l_id:YT1->YT2"}},
		{
			"one waybill of two like parcels", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT2", "SF", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1), parcelRow(1, "SO-1", "YT3", "SF", a1)}}, []string{"differs logistics.upload o_id 1 YT3 l_id:YT2->YT3"},
		},
		{
			"one waybill for two parcels", ship, pushes{push("1", "SO-1", "YT1", "SF", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT2", "SF", a1), parcelRow(1, "SO-1", "YT3", "SF", a1)}},
			[]string{"differs logistics.upload o_id 1 YT2 l_id:YT1->YT2", "missed logistics.upload o_id 1 YT3"},
		},
		{"lines", ship, pushes{push("1", "SO-1", "YT1", "SF", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1, b1)}}, []string{"differs logistics.upload o_id 1 YT1 items[SO-1 SO-1-2 B].qty:0->1"}},
		{"corrected by a later push", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT1", "SF", a1+","+b1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1, b1)}}, nil},
		{
			"carrier changed and changed back", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT1", "YTO", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, []string{"differs logistics.upload o_id 1 YT1 lc_id:YTO->SF"},
		},
		{
			"waybill changed and changed back", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT2", "SF", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, []string{"differs logistics.upload o_id 1 YT1 l_id:YT2->YT1"},
		},
		{
			"lines changed and changed back", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT1", "SF", a1+","+b1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, []string{"differs logistics.upload o_id 1 YT1 items[SO-1 SO-1-2 B].qty:1->0"},
		},
		{
			"two like parcels", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT2", "SF", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1), parcelRow(1, "SO-1", "YT2", "SF", a1)}}, nil,
		},
		{
			"two parcels with one waybill", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT1", "SF", b1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1), parcelRow(1, "SO-1", "YT1", "SF", b1)}}, nil,
		},
		{
			"carrier by name", ship, pushes{{string(ship), `{"o_id":1,"so_id":"SO-1","l_id":"YT1","logistics_company":"圆通"}`}},
			script{logisticPath: {strings.Replace(parcelRow(1, "SO-1", "YT1", "", a1), `"l_id"`, `"logistics_company":"顺丰","l_id"`, 1)}},
			[]string{"differs logistics.upload o_id 1 YT1 logistics_company:圆通->顺丰"},
		},
		{
			"two orders in one parcel", ship, pushes{push("3", "SO-1", "YT1", "SF", "")},
			script{logisticPath: {parcelRow(3, "SO-1", "YT1", "SF"), parcelRow(3, "SO-2", "YT1", "SF")}}, []string{"missed logistics.upload o_id 3 YT1"},
		},
		{"phantom parcel", ship, pushes{push("1", "SO-1", "YT1", "SF", a1), push("1", "SO-1", "YT9", "SF", b1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, []string{"unexpected logistics.upload o_id 1 YT9 l_id:YT9->"}},
		{"phantom parcel, the first of all", ship, pushes{push("1", "SO-1", "YT9", "SF", b1), push("1", "SO-1", "YT1", "SF", a1)}, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a1)}}, []string{"unexpected logistics.upload o_id 1 YT9 l_id:YT9->"}},
		{"another shop's", ship, nil, script{logisticPath: {strings.Replace(parcelRow(1, "SO-1", "YT1", "SF", a1), "10350", "10351", 1)}}, nil},
		{
			"like parcels of two shops, changed in one", ship, pushes{push("", "SO-1", "YT1", "SF", a1), push("", "SO-1", "YT1", "YTO", a1)},
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "YTO", a1), strings.Replace(parcelRow(2, "SO-1", "YT7", "SF", a1), "10350", "10351", 1)}}, nil,
		},

		{
			"cancelled parts of a split order", cancel, nil, script{ordersPath: {
				`{"o_id":1,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
				`{"o_id":2,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
			}},
			[]string{"missed cancel.order so_id SO-1"},
		},
		{
			"a further part of an order", cancel, pushes{{string(cancel), `{"so_id":"SO-1"}`}}, script{ordersPath: {
				`{"o_id":1,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 11:59:00"}`,
				`{"o_id":2,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:01:00"}`,
			}},
			[]string{"missed cancel.order so_id SO-1 modified:2024-01-02 12:00:00->2024-01-02 12:01:00"},
		},
		{
			"a further part in the same second", cancel, pushes{{string(cancel), `{"so_id":"SO-1"}`}}, script{ordersPath: {
				`{"o_id":1,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
				`{"o_id":2,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
			}},
			[]string{"missed cancel.order so_id SO-1 modified:2024-01-02 12:00:00->2024-01-02 12:00:00"},
		},
		{
			"a part that the last push told of", cancel, pushes{{string(cancel), `{"so_id":"SO-1"}`}}, script{ordersPath: {
				`{"o_id":1,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 11:59:00"}`,
				`{"o_id":2,"so_id":"SO-1","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
			}},
			nil,
		},
		{
			"phantom cancel", cancel, pushes{{string(cancel), `{"so_id":"SO-1"}`}, {string(cancel), `{"so_id":"SO-2"}`}},
			script{ordersPath: {`{"o_id":1,"so_id":"SO-1","shop_id":10350,"status":"Sent","modified":"2024-01-02 12:00:00"}`}},
			[]string{"unexpected cancel.order so_id SO-1 status:Cancelled->Sent", "unexpected cancel.order so_id SO-2 status:Cancelled->"},
		},

		{"goods by the mall's number", goods, pushes{back("", "RF-9", "确认收货", "A", "1")}, script{receivedPath: {receipt(1, 9, "Confirmed", "A", "1")}, casesPath: {caseRow}}, nil},
		{"goods of another SKU", goods, pushes{back("9", "RF-9", "确认收货", "B", "1")}, script{receivedPath: {receipt(1, 9, "Confirmed", "A", "1")}, casesPath: {caseRow}}, []string{"differs refund.goods as_id 9 items[A].qty:0->1 items[B].qty:1->0"}},
		{"goods undone without lines", goods, pushes{back("9", "RF-9", "确认收货", "A", "1"), {string(goods), `{"as_id":9,"action_name":"取消收货"}`}}, script{receivedPath: {receipt(1, 9, "Cancelled", "A", "1")}, casesPath: {caseRow}}, nil},
		{"goods undone before any push", goods, nil, script{receivedPath: {receipt(1, 9, "Cancelled", "A", "1")}, casesPath: {caseRow}}, nil},
		{"goods undone in part", goods, pushes{back("9", "RF-9", "确认收货", "A", "3")}, script{receivedPath: {receipt(1, 9, "Cancelled", "A", "1"), receipt(2, 9, "Confirmed", "A", "2")}, casesPath: {caseRow}}, []string{"differs refund.goods as_id 9 items[A].qty:3->2 取消收货 A x1"}},
		{"a receipt of a state that is unknown", goods, nil, script{receivedPath: {receipt(1, 9, "Merged", "A", "1"), receipt(2, 9, "Confirmed", "A", "1")}, casesPath: {caseRow}}, []string{`receipt 1 of after-sale 9 has the unknown status "Merged" / 收货单状态未知`}},
		{
			"a state that is unknown, and another case", goods, nil,
			script{receivedPath: {receipt(1, 9, "Merged", "A", "1"), receipt(2, 10, "Confirmed", "A", "2")}, casesPath: {caseRow, strings.ReplaceAll(strings.Replace(caseRow, `"as_id":9`, `"as_id":10`, 1), "RF-9", "RF-10")}},
			[]string{"missed refund.goods as_id 10 确认收货 A x2", `receipt 1 of after-sale 9 has the unknown status "Merged" / 收货单状态未知`},
		},
		{
			"goods from before the journal", goods, nil,
			script{receivedPath: {strings.Replace(receipt(1, 9, "Confirmed", "A", "1"), `"io_date":"2024-01-02`, `"io_date":"2024-01-01`, 1), receipt(2, 9, "Confirmed", "A", "2")}, casesPath: {caseRow}},
			[]string{"missed refund.goods as_id 9 确认收货 A x2"},
		},
		{"a receipt that waits", goods, nil, script{receivedPath: {receipt(1, 9, "WaitConfirm", "A", "1")}, casesPath: {caseRow}}, nil},
		{
			"phantom goods, the first of all", goods, pushes{back("8", "RF-8", "确认收货", "A", "1"), back("9", "RF-9", "确认收货", "A", "1")},
			script{receivedPath: {receipt(1, 9, "Confirmed", "A", "1")}, casesPath: {caseRow}}, []string{"unexpected refund.goods as_id 8 action_name:确认收货->"},
		},
		{"phantom goods", goods, pushes{back("9", "RF-9", "确认收货", "A", "1")}, script{}, []string{"unexpected refund.goods as_id 9 action_name:确认收货->"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cst := time.FixedZone("CST", 8*3600)
			from := time.Date(2024, 1, 2, 0, 0, 0, 0, cst)
			now := from.Add(13 * time.Hour)
			journal := callback.NewMemoryJournal(0, from)
			h := &host{}
			cfg := h.config()
			arrived := from.Add(12 * time.Hour)
			cfg.Now = func() time.Time { return arrived }
			r := receiver(t, callback.WithJournal(cfg, journal))
			for i, p := range c.pushed {
				arrived = from.Add(12*time.Hour + time.Duration(i)*time.Second)
				w := httptest.NewRecorder()
				r.ServeHTTP(w, signedRequest(t, jushuitan.PushMethod(p[0]), p[1]))
				require.Equal(t, success, w.Body.String())
			}
			var out []*callback.Difference
			notCompared := []string{}
			for diff, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
				Client: scripted(t, c.erp), Journal: journal, EntID: "10010", From: from, Now: func() time.Time { return now }, Unexpected: true,
				Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{c.method},
			}) {
				if errors.Is(err, callback.ErrNotCompared) {
					_, why, _ := strings.Cut(err.Error(), callback.ErrNotCompared.Error()+": ")
					notCompared = append(notCompared, why)
					continue
				}
				require.NoError(t, err)
				out = append(out, diff)
			}
			want := c.want
			if want == nil {
				want = []string{}
			}
			assert.Equal(t, want, append(told(out), notCompared...))
			for _, diff := range out {
				if diff.JournalEntries(now) == nil {
					require.Error(t, r.Redeliver(t.Context(), diff), "there is no message")
					continue
				}
				require.NoError(t, r.Redeliver(t.Context(), diff))
			}
		})
	}
}

// signedRequest is a push as it comes, for entId 10010 and the mall's shop.
func signedRequest(t *testing.T, method jushuitan.PushMethod, body string) *http.Request {
	t.Helper()
	address := "http://mall.invalid" + paths[method] + "?entId=10010&storageCode=10350&method=" + string(method)
	req := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	q := req.URL.Query()
	q.Set("sign", jushuitan.SignPush(method, q))
	req.URL.RawQuery = q.Encode()
	return req
}

// A kind that fails says so, and the others go on; a failing journal too.
func TestReconcileErrors(t *testing.T) {
	m := newMall(t)
	shipped, gone := m.order("SO-1"), m.order("SO-2")
	m.losing(all, func() {
		m.ship(shipped, "YT1", nil)
		require.NoError(t, m.srv.CancelOrder(gone, ""))
	})
	m.srv.Advance(time.Hour)
	run := func(cfg callback.ReconcileConfig) (found []string, errs []error) {
		for diff, err := range callback.Reconcile(t.Context(), cfg) {
			if err != nil {
				assert.Nil(t, diff)
				errs = append(errs, err)
				continue
			}
			found = append(found, told([]*callback.Difference{diff})...)
		}
		return found, errs
	}
	remove := m.srv.Inject(jushuitantest.Fault{Path: logisticPath, Kind: jushuitantest.Refuse, Code: 190, Msg: "无权限"})
	found, errs := run(m.documents())
	assert.Equal(t, []string{"missed cancel.order so_id SO-2"}, found)
	require.Len(t, errs, 1)
	var failed *callback.ReconcileError
	require.ErrorAs(t, errs[0], &failed)
	assert.Equal(t, callback.JournalScope{Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "10350"}, failed.JournalScope)
	require.ErrorIs(t, errs[0], jushuitan.ErrPermission)
	assert.Contains(t, errs[0].Error(), `reconcile logistics.upload of merchant "10010"`)
	remove()

	cfg := m.documents()
	cfg.Journal = brokenJournal{m.journal}
	found, errs = run(cfg)
	assert.Empty(t, found)
	require.Len(t, errs, 3)
	for _, err := range errs {
		require.ErrorIs(t, err, callback.ErrJournal)
		require.ErrorIs(t, err, errBroken)
	}

	cfg = m.documents()
	cfg.From = m.start.Add(-time.Second)
	_, errs = run(cfg)
	require.Len(t, errs, 3)
	require.ErrorIs(t, errs[0], callback.ErrJournal, "the journal begins later")
}

// What is found before an error is given before it.
func TestReconcileGivesWhatItFoundBeforeAnError(t *testing.T) {
	m := newMall(t)
	m.srv.Advance(time.Hour)
	cfg := m.documents()
	cfg.Methods = []jushuitan.PushMethod{jushuitan.PushCancel}
	cfg.Journal = cutJournal{m.journal}
	var got []string
	for diff, err := range callback.Reconcile(t.Context(), cfg) {
		if err != nil {
			require.ErrorIs(t, err, errBroken)
			require.ErrorIs(t, err, callback.ErrJournal)
			got = append(got, "error")
			continue
		}
		got = append(got, told([]*callback.Difference{diff})...)
	}
	assert.Equal(t, []string{"unexpected cancel.order so_id SO-1 status:Cancelled->", "error"}, got)
}

// cutJournal breaks off after one receipt.
type cutJournal struct{ callback.Journal }

func (cutJournal) Between(context.Context, callback.JournalScope, time.Time, time.Time) iter.Seq2[callback.JournalEntry, error] {
	return func(yield func(callback.JournalEntry, error) bool) {
		if yield(callback.JournalEntry{Document: "so_id SO-1", SoID: "SO-1"}, nil) {
			yield(callback.JournalEntry{}, errBroken)
		}
	}
}

var errBroken = errors.New("table locked")

// brokenJournal takes nothing and finds nothing.
type brokenJournal struct{ callback.Journal }

func (brokenJournal) Record(context.Context, ...callback.JournalEntry) error { return errBroken }
func (brokenJournal) Since(context.Context, callback.JournalScope) (time.Time, error) {
	return time.Time{}, errBroken
}

// The loop ends when the context does, or when it is left: no call is made after.
func TestReconcileEnds(t *testing.T) {
	m := newMall(t)
	var orders []int64
	for i := range 5 {
		orders = append(orders, m.order(fmt.Sprintf("SO-%d", i)))
	}
	m.losing(all, func() {
		for i, oID := range orders {
			m.ship(oID, fmt.Sprintf("YT%d", i), nil)
		}
	})
	m.srv.Advance(time.Hour)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, errs := 0, []error(nil)
	for _, err := range callback.Reconcile(ctx, m.documents()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		n++
		cancel()
	}
	assert.Equal(t, 1, n)
	require.Len(t, errs, 1, "one error, not one for each kind")
	require.ErrorIs(t, errs[0], context.Canceled)

	for _, err := range callback.Reconcile(ctx, m.documents()) {
		require.ErrorIs(t, err, context.Canceled)
	}

	before := m.srv.Stats().Calls
	next, stop := iter.Pull2(callback.Reconcile(t.Context(), m.documents()))
	_, err, ok := next()
	require.True(t, ok)
	require.NoError(t, err)
	stop()
	calls := m.srv.Stats().Calls
	assert.LessOrEqual(t, calls-before, 3, "a page of parcels, and outbound documents")
	for _, r := range m.srv.Requests()[before:] {
		assert.NotEqual(t, ordersPath, r.Path, "cancels are not asked for")
	}
}

func TestReconcileConfig(t *testing.T) {
	m := newMall(t)
	for name, spoil := range map[string]func(*callback.ReconcileConfig){
		"Client":       func(c *callback.ReconcileConfig) { c.Client = nil },
		"Journal":      func(c *callback.ReconcileConfig) { c.Journal = nil },
		"From":         func(c *callback.ReconcileConfig) { c.From = time.Time{} },
		"To is before": func(c *callback.ReconcileConfig) { c.To = c.From.Add(-1) },
		"To is later than now minus Grace": func(c *callback.ReconcileConfig) {
			c.From = m.srv.Now().Add(-time.Hour)
			c.To = m.srv.Now().Add(-callback.DefaultGrace + time.Second)
		},
		"neither": func(c *callback.ReconcileConfig) { c.Shops, c.Stocks = nil, nil },
		"ShopID":  func(c *callback.ReconcileConfig) { c.Shops[0].ShopID = 0 },
		"Figure":  func(c *callback.ReconcileConfig) { c.Stocks[0].Figure = nil },
		"WMSCoID": func(c *callback.ReconcileConfig) { c.Stocks[0].WMSCoID = -1 },
		`the kind "no" cannot be compared`: func(c *callback.ReconcileConfig) {
			c.Methods = []jushuitan.PushMethod{jushuitan.PushCancel, "no"}
		},
	} {
		cfg := m.config()
		spoil(&cfg)
		n := 0
		for diff, err := range callback.Reconcile(t.Context(), cfg) {
			n++
			assert.Nil(t, diff)
			require.ErrorContains(t, err, name)
		}
		assert.Equal(t, 1, n, name)
	}
	assert.Zero(t, m.srv.Stats().Calls, "nothing was asked")
}

// What Redeliver answers where it does not call the function.
func TestRedeliver(t *testing.T) {
	m := newMall(t)
	gone := m.order("SO-1")
	m.losing(all, func() { require.NoError(t, m.srv.CancelOrder(gone, "")) })
	diffs := m.differences(m.documents())
	require.Len(t, diffs, 1)
	diff := diffs[0]

	// The push comes before it is redelivered.
	m.resend()
	require.ErrorIs(t, m.receiver.Redeliver(t.Context(), diff), callback.ErrAlreadyHandled)
	assert.Equal(t, []string{"cancel SO-1"}, m.did())

	// The function fails, then not.
	fails := errors.New("no database")
	other := m.serve(func(c *callback.Config) {
		c.Cancel = func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return fails }
	})
	err := other.Redeliver(t.Context(), diff)
	require.ErrorIs(t, err, fails)
	assert.Contains(t, err.Error(), `redeliver cancel.order of merchant "10010", storage code "10350", so_id SO-1`)
	fails = nil
	require.NoError(t, other.Redeliver(t.Context(), diff))
	require.ErrorIs(t, other.Redeliver(t.Context(), diff), callback.ErrAlreadyHandled)

	only := m.serve(func(c *callback.Config) { c.Cancel = nil })
	require.ErrorIs(t, only.Redeliver(t.Context(), diff), callback.ErrNoFunction)
	require.Error(t, only.Redeliver(t.Context(), &callback.Difference{Kind: callback.Unexpected, Method: jushuitan.PushCancel, SoID: "SO-1"}))
	require.Error(t, m.receiver.Redeliver(t.Context(), &callback.Difference{
		Kind: callback.Missed, Method: jushuitan.PushShipment, Shipment: &jushuitan.ShipmentPush{SoID: "SO-1"},
	}), "no receiver takes a parcel without a waybill")

	// What the envelope says, and that the message is the function's own.
	var env callback.Envelope
	seen := m.serve(func(c *callback.Config) {
		c.Cancel = func(_ context.Context, e callback.Envelope, p *jushuitan.CancelPush) error {
			env = e
			p.SoID = "changed"
			return nil
		}
	})
	require.NoError(t, seen.Redeliver(t.Context(), diff))
	assert.Equal(t, "SO-1", diff.Cancel.SoID)
	assert.Equal(t, callback.Envelope{EntID: "10010", StorageCode: "10350", Method: jushuitan.PushCancel, Raw: []byte(`{"so_id":"SO-1"}`)}, env)

	// Many at once run once.
	var wg sync.WaitGroup
	ran := make([]error, 8)
	many := m.serve()
	m.did()
	for i := range ran {
		wg.Go(func() { ran[i] = many.Redeliver(t.Context(), diff) })
	}
	wg.Wait()
	handled := 0
	for _, err := range ran {
		if errors.Is(err, callback.ErrAlreadyHandled) || errors.Is(err, jushuitan.ErrBusy) {
			handled++
			continue
		}
		require.NoError(t, err)
	}
	assert.Equal(t, len(ran)-1, handled)
	assert.Equal(t, []string{"cancel SO-1"}, m.did())
}

// A correction runs once though its key is that of the push it corrects.
func TestRedeliverCorrections(t *testing.T) {
	m := newMall(t)
	p := &jushuitan.ShipmentPush{OID: 1, SoID: "SO-1", LID: "YT1", LCID: "SF"}
	diff := func(kind callback.DifferenceKind, field string) *callback.Difference {
		out := &callback.Difference{Kind: kind, Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "10350", OID: 1, Shipment: p}
		if field != "" {
			out.Fields = []callback.FieldDifference{{Name: field}}
		}
		return out
	}
	require.NoError(t, m.receiver.Redeliver(t.Context(), diff(callback.Missed, "")))
	require.ErrorIs(t, m.receiver.Redeliver(t.Context(), diff(callback.Differs, "l_id")), callback.ErrAlreadyHandled, "a push of this waybill came")
	p.LCID = "YTO"
	require.NoError(t, m.receiver.Redeliver(t.Context(), diff(callback.Differs, "lc_id")))
	require.ErrorIs(t, m.receiver.Redeliver(t.Context(), diff(callback.Differs, "lc_id")), callback.ErrAlreadyHandled)
	assert.Equal(t, []string{"ship 1 SO-1 YT1 SF", "ship 1 SO-1 YT1 YTO"}, m.did())
}

// TestRedeliverSameCorrectionLater: a correction of the same values is another one once a push of
// the document was handled in between, and only then.
func TestRedeliverSameCorrectionLater(t *testing.T) {
	lines := []jushuitan.GoodsReturnedPushItem{{SKUID: "A", Qty: dec("2")}}
	for _, diff := range []callback.Difference{
		{Kind: callback.Differs, Method: jushuitan.PushShipment, Fields: []callback.FieldDifference{{Name: "lc_id", Pushed: "SF", Pulled: "YTO"}},
			Shipment: &jushuitan.ShipmentPush{OID: 1, SoID: "SO-1", LID: "YT1", LCID: "YTO"}},
		{Kind: callback.Missed, Method: jushuitan.PushCancel, Fields: []callback.FieldDifference{{Name: "modified", Pulled: "2024-01-02 12:00:00"}},
			Cancel: &jushuitan.CancelPush{SoID: "SO-1"}},
		{Kind: callback.Differs, Method: jushuitan.PushGoodsReturned, Fields: []callback.FieldDifference{{Name: "items[A].qty", Pushed: "1", Pulled: "3"}},
			GoodsReturned: &jushuitan.GoodsReturnedPush{ASID: 9, Action: jushuitan.GoodsReceived, Items: lines}},
	} {
		m := newMall(t)
		diff.EntID, diff.StorageCode, diff.LastHandled = "10010", "10350", noon
		later := diff
		later.LastHandled = noon.Add(time.Hour)
		abroad := diff
		abroad.LastHandled = noon.UTC()
		require.NoError(t, m.receiver.Redeliver(t.Context(), &diff), diff.Method)
		require.ErrorIs(t, m.receiver.Redeliver(t.Context(), &diff), callback.ErrAlreadyHandled, diff.Method)
		require.ErrorIs(t, m.receiver.Redeliver(t.Context(), &abroad), callback.ErrAlreadyHandled, "%s: the same time in another zone", diff.Method)
		require.NoError(t, m.receiver.Redeliver(t.Context(), &later), diff.Method)
		assert.Len(t, m.did(), 2, diff.Method)
	}
}

// TestRedeliverOneSide: the undoing of redelivered goods is no repeat of them, although it has the same lines.
func TestRedeliverOneSide(t *testing.T) {
	m := newMall(t)
	received := &jushuitan.GoodsReturnedPush{ASID: 9, Action: jushuitan.GoodsReceived, Items: []jushuitan.GoodsReturnedPushItem{{SKUID: "A", Qty: dec("2")}}}
	undone := *received
	undone.Action = jushuitan.GoodsRevoked
	for _, p := range []*jushuitan.GoodsReturnedPush{received, &undone, received} {
		d := callback.Difference{Kind: callback.Missed, Method: jushuitan.PushGoodsReturned, EntID: "10010", StorageCode: "10350", GoodsReturned: p}
		require.NoError(t, m.receiver.Redeliver(t.Context(), &d))
		require.ErrorIs(t, m.receiver.Redeliver(t.Context(), &d), callback.ErrAlreadyHandled)
	}
	assert.Len(t, m.did(), 3)
}

// Goods that were redelivered can be undone again: that push is no repeat of the one
// before.
func TestRedeliverThenUndone(t *testing.T) {
	m := newMall(t)
	m.ship(m.order("SO-1"), "YT1", nil)
	asID := m.goodsBack("RF-1", "SO-1", "2")
	require.NoError(t, m.srv.ReceiveReturn(asID))
	require.NoError(t, m.srv.RevokeReturn(asID))
	m.losing(all, func() { require.NoError(t, m.srv.ReceiveReturn(asID)) })
	m.repair(m.documents(), m.differences(m.documents()))
	m.did()
	require.NoError(t, m.srv.RevokeReturn(asID))
	assert.Equal(t, []string{"取消收货 RF-1 TS-BLK-M x2"}, m.did())
	assert.Empty(t, told(m.differences(m.documents())))
}

// Neither a difference nor an error shows personal data.
func TestReconcileShowsNoPersonalData(t *testing.T) {
	m := newMall(t)
	oID := m.order("SO-1")
	m.losing(all, func() { m.ship(oID, "YT1", nil) })
	diffs := m.differences(m.documents())
	require.Len(t, diffs, 1)
	diffs[0].Shipment.Extra = map[string]json.RawMessage{"receiver_name": json.RawMessage(`"林一"`)}
	text := fmt.Sprintf("%v %+v %#v %s %v", diffs[0], diffs[0], *diffs[0], diffs[0], diffs[0].LogValue())
	for _, secret := range []string{"林一", "13900000001", "buyer-7"} {
		assert.NotContains(t, text, secret)
	}
	assert.Contains(t, text, "YT1")
}

// Of some three hundred documents any subset of the pushes gets lost: exactly that
// is reported, each once, and after it was redelivered nothing is.
func TestReconcileFindsExactlyWhatWasLost(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newMall(t)
			rng := rand.New(rand.NewPCG(seed, 4))
			var mu sync.Mutex
			lost := map[string]bool{}
			lose := func(method jushuitan.PushMethod, body string) bool {
				mu.Lock()
				defer mu.Unlock()
				if rng.IntN(4) > 0 {
					return false
				}
				lost[pushText(t, method, body)] = true
				return true
			}
			var want []string
			m.losing(lose, func() {
				for i := range 70 { // one, two or three parcels
					oID, so := m.order(fmt.Sprintf("S-%d", i)), fmt.Sprint(i)
					if i%3 > 0 {
						m.ship(oID, "A"+so, map[string]decimal.Decimal{skuM: dec("1")})
					}
					if i%3 > 1 {
						m.ship(oID, "B"+so, map[string]decimal.Decimal{skuM: dec("1")})
					}
					m.ship(oID, "C"+so, nil)
				}
				for i := range 70 {
					require.NoError(t, m.srv.CancelOrder(m.order(fmt.Sprintf("C-%d", i)), ""))
				}
				for i := range 60 { // received, undone, and received again
					asID := m.goodsBack(fmt.Sprintf("RF-%d", i), fmt.Sprintf("S-%d", i), "2")
					require.NoError(t, m.srv.ReceiveReturn(asID))
					if i%3 > 0 {
						require.NoError(t, m.srv.RevokeReturn(asID))
					}
				}
			})
			for i := range 60 {
				received, undone := fmt.Sprintf("goods RF-%d 确认收货", i), fmt.Sprintf("goods RF-%d 取消收货", i)
				switch {
				case i%3 == 0 || !lost[received]:
				default: // undone before any push came: settled
					delete(lost, received)
					delete(lost, undone)
				}
			}
			for text := range lost {
				want = append(want, text)
			}
			slices.Sort(want)
			require.Greater(t, len(want), 30)

			m.srv.Advance(time.Hour)
			var got []string
			for diff, err := range callback.Reconcile(t.Context(), m.documents()) {
				require.NoError(t, err)
				assert.Equal(t, callback.Missed, diff.Kind)
				got = append(got, diffText(diff))
				require.NoError(t, m.receiver.Redeliver(t.Context(), diff))
			}
			slices.Sort(got)
			assert.Equal(t, want, got)
			assert.Empty(t, told(m.differences(m.documents())))

			m.did()
			kept := m.late[:0]
			for _, req := range m.late { // a receipt that is settled comes late: it is news
				if !strings.Contains(req.URL.Path, "return_goods") {
					kept = append(kept, req)
				}
			}
			m.late = kept
			m.resend()
			assert.Empty(t, m.did(), "late pushes are repeats")
		})
	}
}

// pushText names what a push is about.
func pushText(t *testing.T, method jushuitan.PushMethod, body string) string {
	switch method {
	case jushuitan.PushShipment:
		p, err := jushuitan.ParseShipmentPush([]byte(body))
		assert.NoError(t, err)
		return fmt.Sprintf("ship %d %s", p.OID, p.LID)
	case jushuitan.PushCancel:
		p, err := jushuitan.ParseCancelPush([]byte(body))
		assert.NoError(t, err)
		return "cancel " + p.SoID
	}
	p, err := jushuitan.ParseGoodsReturnedPush([]byte(body))
	assert.NoError(t, err)
	return fmt.Sprintf("goods %s %s", p.OuterASID, p.Action)
}

func diffText(diff *callback.Difference) string {
	switch {
	case diff.Shipment != nil:
		return fmt.Sprintf("ship %d %s", diff.Shipment.OID, diff.Shipment.LID)
	case diff.Cancel != nil:
		return "cancel " + diff.Cancel.SoID
	}
	return fmt.Sprintf("goods %s %s", diff.GoodsReturned.OuterASID, diff.GoodsReturned.Action)
}
