package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
)

const (
	mall      = 10200077
	platform  = 10200001
	warehouse = 10100088
)

type sandbox struct {
	*jushuitantest.Server
	t *testing.T
}

func start(t *testing.T, cfg console.Config) *sandbox {
	t.Helper()
	srv := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(cfg)))
	t.Cleanup(srv.Close)
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "总仓", WMSCoID: 10100001, IsMain: true}))
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓", WMSCoID: warehouse}))
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: mall, ShopName: "微商城", ShopSite: "商家自有商城"}))
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: platform, ShopName: "抖音店", ShopSite: "头条放心购"}))
	require.NoError(t, srv.AddCarrier(jushuitan.Carrier{LCID: "SF", LCName: "顺丰速运"}))
	require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "A-1", Name: "T恤", SalePrice: decimal.NewFromInt(59)}))
	require.NoError(t, srv.SetStock(warehouse, "A-1", decimal.NewFromInt(10)))
	return &sandbox{srv, t}
}

// post runs an action; the answer is read into out where that is not nil.
func (s *sandbox) post(path, body string, want int, out any) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+console.Root+path, strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	return s.do(req, want, out)
}

func (s *sandbox) get(path string, out any) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+console.Root+path, http.NoBody)
	require.NoError(s.t, err)
	return s.do(req, http.StatusOK, out)
}

func (s *sandbox) do(req *http.Request, want int, out any) string {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, want, resp.StatusCode, string(text))
	if out != nil {
		require.NoError(s.t, json.Unmarshal(text, out), string(text))
	}
	return string(text)
}

// view is what the tests look at of the state.
type view struct {
	Orders []struct {
		OID     int64  `json:"o_id"`
		Status  string `json:"status"`
		WMSCoID int64  `json:"wms_co_id"`
		LID     string `json:"l_id"`
	} `json:"orders"`
	Outbounds []struct {
		IOID   int64  `json:"io_id"`
		Status string `json:"status"`
		Lines  []struct {
			Shipped decimal.Decimal `json:"shipped"`
		} `json:"lines"`
	} `json:"outbounds"`
	AfterSales []struct {
		ASID       int64  `json:"as_id"`
		GoodStatus string `json:"good_status"`
	} `json:"after_sales"`
	Stock []struct {
		WMSCoID int64           `json:"wms_co_id"`
		SKUID   string          `json:"sku_id"`
		Qty     decimal.Decimal `json:"qty"`
	} `json:"stock"`
	Addresses []struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"push_addresses"`
	Faults []struct {
		Kind  string `json:"kind"`
		Times int    `json:"times"`
	} `json:"faults"`
	Stats map[string]int `json:"stats"`
	Now   string         `json:"now"`
}

func (s *sandbox) state() view {
	s.t.Helper()
	var v view
	s.get("state", &v)
	return v
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// TestPushKinds: the page learns from the sandbox which kinds of push there are.
func TestPushKinds(t *testing.T) {
	var v view
	assert.Contains(t, start(t, console.Config{}).get("state", &v), `"push_kinds":[{"method":"logistics.upload","label":"物流同步","name":"shipment"},`+
		`{"method":"cancel.order","label":"取消订单","name":"cancel"},{"method":"refund.goods","label":"售后收货","name":"goods returned"},`+
		`{"method":"inventory.upload","label":"库存同步","name":"stock"}]`)
}

// TestOrder plays an order from its placing, unpaid, to its last parcel.
func TestOrder(t *testing.T) {
	s := start(t, console.Config{})
	pushed := make(chan string, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		pushed <- r.URL.Query().Get("method") + " " + string(body)
		_, _ = io.WriteString(w, `{"code":"0"}`)
	}))
	defer receiver.Close()
	s.post("push-addresses", `{"shop_id":10200001,"method":"logistics.upload","url":"`+receiver.URL+`/?entId=1&token=abcdefgh12345678"}`, 200, nil)
	state := s.state()
	require.Len(t, state.Addresses, 1)
	assert.NotContains(t, state.Addresses[0].URL, "abcdefgh12345678", "the token of the address is masked")

	var order struct {
		OID  int64  `json:"o_id"`
		SoID string `json:"so_id"`
	}
	s.post("orders", `{"shop_id":10200001,"unpaid":true,"items":[{"sku_id":"A-1","qty":3,"price":"59"}]}`, 200, &order)
	require.NotEmpty(t, order.SoID)
	base := "orders/" + id(order.OID) + "/"
	require.Equal(t, "WaitPay", s.state().Orders[0].Status)
	assert.Contains(t, s.post(base+"audit", ``, 409, nil), "error", "an unpaid order is not audited")
	s.post(base+"pay", ``, 200, nil)
	s.post(base+"pay", ``, 409, nil)
	require.Equal(t, "WaitConfirm", s.state().Orders[0].Status)
	var out struct {
		IOID int64 `json:"io_id"`
	}
	s.post(base+"assign", `{"wms_co_id":10100001}`, 200, &out)
	first := out.IOID
	s.post(base+"assign", `{"wms_co_id":10100088}`, 200, &out)
	require.NotEqual(t, first, out.IOID, "given to another warehouse the order has another outbound document")
	state = s.state()
	require.Equal(t, "Delivering", state.Orders[0].Status)
	require.EqualValues(t, warehouse, state.Orders[0].WMSCoID)

	ship := "outbounds/" + id(out.IOID) + "/ship"
	s.post(ship, `{"lc_id":"SF"}`, 400, nil)
	s.post(ship, `{"lc_id":"SF","l_id":"SF1","lines":{"A-1":"4"}}`, 409, nil)
	s.post(ship, `{"lc_id":"SF","l_id":"SF1","lines":{"A-1":1}}`, 200, nil)
	require.Equal(t, "Delivering", s.state().Orders[0].Status, "two pieces are left")
	s.post(ship, `{"lc_id":"SF","l_id":"SF2"}`, 200, nil)
	state = s.state()
	require.Equal(t, "Sent", state.Orders[0].Status)
	require.NoError(t, s.WaitPushes(t.Context()))
	assert.Contains(t, <-pushed, `"SF1"`)
	assert.Contains(t, <-pushed, `"SF2"`)
	for _, row := range state.Stock {
		if row.WMSCoID == warehouse {
			assert.Equal(t, "7", row.Qty.String())
		}
	}
	var log []struct {
		No   int64  `json:"no"`
		OK   bool   `json:"ok"`
		URL  string `json:"url"`
		Code string `json:"code"`
	}
	text := s.get("pushes", &log)
	require.Len(t, log, 2)
	assert.True(t, log[0].OK && log[1].OK)
	assert.NotContains(t, text, "abcdefgh12345678")
	s.get("pushes?after=1", &log)
	require.Len(t, log, 1)

	s.post("orders", `{"shop_id":10200077,"so_id":"M-2","items":[{"sku_id":"A-1","qty":1}]}`, 200, &order)
	s.post("orders/"+id(order.OID)+"/cancel", `{"remark":"缺货"}`, 200, nil)
	require.Equal(t, "Cancelled", s.state().Orders[0].Status)
}

// TestReturn receives returned goods, and takes that back.
func TestReturn(t *testing.T) {
	s := start(t, console.Config{})
	client, err := s.Client()
	require.NoError(t, err)
	var order struct {
		OID int64 `json:"o_id"`
	}
	s.post("orders", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":2,"price":"59"}]}`, 200, &order)
	var out struct {
		IOID int64 `json:"io_id"`
	}
	s.post("orders/"+id(order.OID)+"/assign", `{"wms_co_id":10100088}`, 200, &out)
	s.post("outbounds/"+id(out.IOID)+"/ship", `{"lc_id":"SF","l_id":"SF1"}`, 200, nil)
	_, err = client.AfterSales.Upload(t.Context(), []jushuitan.AfterSaleUpload{{
		ShopID: mall, OuterASID: "AS-1", SoID: "M-1", Type: "普通退货", ShopStatus: "SUCCESS", Remark: "七天无理由", GoodStatus: "BUYER_RETURNED_GOODS",
		QuestionType: "不喜欢", TotalAmount: decimal.NewFromInt(118), Refund: decimal.NewFromInt(118), Payment: decimal.Zero,
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "A-1", Qty: decimal.NewFromInt(2), Amount: decimal.NewFromInt(118), Type: "退货"}},
	}})
	require.NoError(t, err)
	a := s.state().AfterSales
	require.Len(t, a, 1)
	s.post("aftersales/"+id(a[0].ASID)+"/receive", ``, 200, nil)
	require.Equal(t, "SELLER_RECEIVED", s.state().AfterSales[0].GoodStatus)
	s.post("aftersales/"+id(a[0].ASID)+"/revoke", ``, 200, nil)
	require.NotEqual(t, "SELLER_RECEIVED", s.state().AfterSales[0].GoodStatus)
}

// TestWrongs makes requests go wrong, ends tokens and lets time pass.
func TestWrongs(t *testing.T) {
	s := start(t, console.Config{})
	client, err := s.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{PageIndex: 1, PageSize: 10})
	require.NoError(t, err)

	s.post("faults", `{"kind":"refuse","code":120,"msg":"签名错误","times":1}`, 200, nil)
	require.Len(t, s.state().Faults, 1)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{PageIndex: 1, PageSize: 10})
	require.ErrorIs(t, err, jushuitan.ErrSign)
	require.Empty(t, s.state().Faults)

	s.post("faults", `{"kind":"reset"}`, 200, nil)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{PageIndex: 1, PageSize: 10})
	require.ErrorIs(t, err, jushuitan.ErrUnavailable)
	s.post("faults/clear", ``, 200, nil)
	s.post("faults", `{"kind":"no such"}`, 400, nil)
	s.post("faults", `{"kind":"slow","seconds":-1}`, 400, nil)

	before := s.AccessToken("")
	s.post("tokens/expire", ``, 200, nil)
	require.NotEqual(t, before, s.AccessToken(""))

	now := s.Now()
	s.post("advance", `{"seconds":3600}`, 200, nil)
	require.WithinDuration(t, now.Add(time.Hour), s.Now(), time.Minute)
	s.post("advance", `{"seconds":-1}`, 400, nil)
	s.post("stock", `{"wms_co_id":10100088,"sku_id":"A-1"}`, 400, nil)
	s.post("stock", `{"wms_co_id":10100088,"sku_id":"A-1","qty":"0"}`, 200, nil)
	s.post("stock", `{"wms_co_id":10100088,"sku_id":"A-1","qty":"0","colour":1}`, 400, nil)
	s.post("stock", `{"wms_co_id":5,"sku_id":"A-1","qty":"1"}`, 409, nil)
	s.post("orders/none/pay", ``, 400, nil)
	s.post("orders/99/pay", ``, 409, nil)

	var log []struct {
		Path   string `json:"path"`
		Status int    `json:"status"`
		Code   any    `json:"code"`
		Msg    string `json:"msg"`
	}
	var codes []any
	require.Eventually(t, func() bool { // the entry of a cut request comes after the cut
		codes = nil
		s.get("requests", &log)
		for _, e := range log {
			if e.Path == "/open/shops/query" {
				codes = append(codes, e.Code)
			}
		}
		return len(codes) == 3
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []any{0.0, 120.0, nil}, codes, "one passed, one refused, one cut")
}

// TestMasked: the logs show what was sent without people and secrets in it.
func TestMasked(t *testing.T) {
	s := start(t, console.Config{})
	client, err := s.Client()
	require.NoError(t, err)
	_, err = client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{
		ShopID: mall, SoID: "M-77", OrderDate: s.Now(), ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer-nickname",
		ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "某区", ReceiverAddress: "某路99号", ReceiverName: "某某人", ReceiverMobile: "13911112222",
		PayAmount: decimal.NewFromInt(59),
		Items:     []jushuitan.OrderUploadItem{{SKUID: "A-1", ShopSKUID: "A-1", Name: "T恤", Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59), BasePrice: decimal.NewFromInt(59), Amount: decimal.NewFromInt(59), OuterOIID: "M-77-1"}},
		Pay:       &jushuitan.OrderUploadPay{OuterPayID: "P-77", PayDate: s.Now(), Payment: "支付宝", SellerAccount: "s", BuyerAccount: "payer-account", Amount: decimal.NewFromInt(59)},
	}})
	require.NoError(t, err)
	_, err = client.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"M-77"}})
	require.NoError(t, err)
	text := s.get("requests", nil) + s.get("state", nil)
	require.Contains(t, text, `"order_from":"open"`, "answers are shown")
	require.Contains(t, text, `"name":"T恤"`, "what is not personal is shown")
	require.Contains(t, text, "M-77")
	for _, private := range []string{"buyer-nickname", "某路99号", "某某人", "13911112222", "payer-account", s.Credentials().AppSecret, s.AccessToken("")} {
		assert.NotContains(t, text, private)
	}
}

// TestGuard: who may use the console.
func TestGuard(t *testing.T) {
	s := start(t, console.Config{})
	open := start(t, console.Config{AllowRemote: true})
	handler, openHandler := s.Handler(), open.Handler()
	for _, tt := range []struct {
		name, remote, host, origin, kind string
		open                             bool
		want                             int
	}{
		{"this machine", "127.0.0.1:5000", "127.0.0.1:80", "", "application/json", false, 200},
		{"by name", "127.0.0.1:5000", "localhost:80", "http://localhost:80", "application/json; charset=utf-8", false, 200},
		{"IPv6", "[::1]:5000", "[::1]:80", "", "application/json", false, 200},
		{"another machine", "192.0.2.7:5000", "127.0.0.1:80", "", "application/json", false, 403},
		{"a name that resolves here", "127.0.0.1:5000", "rebound.example:80", "", "application/json", false, 403},
		{"a page of elsewhere", "127.0.0.1:5000", "127.0.0.1:80", "http://elsewhere.example", "application/json", false, 403},
		{"a page of another port", "127.0.0.1:5000", "127.0.0.1:80", "http://127.0.0.1:81", "application/json", false, 403},
		{"a form", "127.0.0.1:5000", "127.0.0.1:80", "", "application/x-www-form-urlencoded", false, 415},
		{"another machine, allowed", "192.0.2.7:5000", "sandbox.example:80", "", "application/json", true, 200},
		{"a page of elsewhere, allowed machines", "192.0.2.7:5000", "sandbox.example:80", "http://elsewhere.example", "application/json", true, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, console.Root+"faults/clear", http.NoBody)
			req.RemoteAddr, req.Host = tt.remote, tt.host
			req.Header.Set("Content-Type", tt.kind)
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			w := httptest.NewRecorder()
			if tt.open {
				openHandler.ServeHTTP(w, req)
			} else {
				handler.ServeHTTP(w, req)
			}
			assert.Equal(t, tt.want, w.Code, w.Body.String())
		})
	}
}

// TestPage: the page and its parts come from the console alone.
func TestPage(t *testing.T) {
	s := start(t, console.Config{})
	for path, want := range map[string]string{"": "<!doctype html>", "app.js": `"use strict"`, "style.css": ":root"} {
		text := s.get(path, nil)
		assert.Contains(t, text, want)
		for _, outside := range []string{"http://", "https://", "@import", "innerHTML"} {
			assert.NotContains(t, strings.ReplaceAll(text, "http://127.0.0.1:8081/", ""), outside)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/_sandbox", http.NoBody)
	require.NoError(t, err)
	s.do(req, http.StatusOK, nil)
}

// TestTimes: what is shown is China's time, whatever the host's zone.
func TestTimes(t *testing.T) {
	s := start(t, console.Config{})
	china := time.FixedZone("CST", 8*60*60)
	now, err := time.ParseInLocation(time.DateTime, s.state().Now, china)
	require.NoError(t, err)
	assert.WithinDuration(t, s.Now(), now, time.Minute)
	var placed struct {
		SoID string `json:"so_id"`
	}
	s.post("orders", `{"shop_id":10200001,"items":[{"sku_id":"A-1","qty":1}]}`, 200, &placed)
	assert.Contains(t, placed.SoID, s.Now().In(china).Format("20060102"))
}

// TestShippedElsewhere: the page knows what is left, whoever shipped the rest.
func TestShippedElsewhere(t *testing.T) {
	s := start(t, console.Config{})
	oID, err := s.ImportOrder(jushuitan.OrderUpload{ShopID: platform, SoID: "DY-9", Items: []jushuitan.OrderUploadItem{
		{SKUID: "A-1", Qty: decimal.NewFromInt(3), OuterOIID: "1"}, {SKUID: "A-1", Qty: decimal.NewFromInt(2), OuterOIID: "2"},
	}})
	require.NoError(t, err)
	ioID, err := s.AssignOrder(oID, warehouse)
	require.NoError(t, err)
	require.NoError(t, s.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "SF", LID: "SF1", Lines: map[string]decimal.Decimal{"A-1": decimal.NewFromInt(4)}}))
	require.Len(t, s.state().Outbounds, 1)
	shipped := decimal.Decimal{}
	for _, line := range s.state().Outbounds[0].Lines {
		shipped = shipped.Add(line.Shipped)
	}
	assert.Equal(t, "4", shipped.String())
	assert.Nil(t, s.ShippedQtys(ioID+1), "there is no such document")
}
