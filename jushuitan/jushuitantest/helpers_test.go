package jushuitantest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const (
	mallShop   = int64(10350)    // 商家自有商城
	onlineShop = int64(10360)    // of a platform
	mainWMS    = int64(11200000) // 主仓
	storeWMS   = int64(11200901) // 店加线下仓
)

func d(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// furnished is a server with two shops, two warehouses, a carrier, two SKUs and
// stock, and a client of it. There are no quotas unless opts say otherwise.
func furnished(t *testing.T, opts ...jushuitantest.Option) (*jushuitantest.Server, *jushuitan.Client) {
	t.Helper()
	srv := jushuitantest.NewServer(append([]jushuitantest.Option{jushuitantest.WithoutQuota()}, opts...)...)
	t.Cleanup(srv.Close)
	furnish(t, srv.Company(""))
	client, err := srv.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond}))
	require.NoError(t, err)
	return srv, client
}

func furnish(t *testing.T, c *jushuitantest.Company) {
	t.Helper()
	require.NoError(t, c.AddShop(jushuitan.Shop{ShopID: mallShop, ShopName: "微商城"}))
	require.NoError(t, c.AddShop(jushuitan.Shop{ShopID: onlineShop, ShopName: "抖音店", ShopSite: "头条放心购"}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{Name: "主仓", WMSCoID: mainWMS, IsMain: true}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓", WMSCoID: storeWMS}))
	require.NoError(t, c.AddCarrier(jushuitan.Carrier{LCID: "YTO", LCName: "圆通速递"}))
	require.NoError(t, c.AddCarrier(jushuitan.Carrier{LCID: "SF.9", LCName: "顺丰速运"}))
	for _, id := range []string{"TS-BLK-M", "TS-BLK-L"} {
		require.NoError(t, c.AddSKU(jushuitan.SKU{SKUID: id, IID: "TS", Name: "短袖", SalePrice: d("55"), PropertiesValue: "黑色;" + id[7:]}))
		require.NoError(t, c.SetStock(mainWMS, id, d("10")))
		require.NoError(t, c.SetStock(storeWMS, id, d("4")))
	}
}

// mallOrder is a paid order of the mall: two TS-BLK-M and one TS-BLK-L.
func mallOrder(soID string, now time.Time) jushuitan.OrderUpload {
	return jushuitan.OrderUpload{
		ShopID: mallShop, SoID: soID, OrderDate: now, ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer",
		ReceiverAddress: "浙江省杭州市示例路8号", ReceiverName: "林一", ReceiverMobile: "13900000001",
		PayAmount: d("173"), Freight: d("8"),
		Items: []jushuitan.OrderUploadItem{
			{SKUID: "TS-BLK-M", ShopSKUID: "TS-BLK-M", Amount: d("110"), BasePrice: d("60"), Qty: d("2"), Name: "短袖", OuterOIID: soID + "-1"},
			{SKUID: "TS-BLK-L", ShopSKUID: "TS-BLK-L", Amount: d("55"), BasePrice: d("60"), Qty: d("1"), Name: "短袖", OuterOIID: soID + "-2"},
		},
		Pay: &jushuitan.OrderUploadPay{OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "s", BuyerAccount: "b", Amount: d("173")},
	}
}

// stockOf finds a stock row.
func stockOf(t *testing.T, c *jushuitantest.Company, wms int64, sku string) jushuitan.InventoryRow {
	t.Helper()
	for _, r := range c.Stock(wms) {
		if r.SKUID == sku {
			return r
		}
	}
	t.Fatalf("no stock row of %s in %d", sku, wms)
	return jushuitan.InventoryRow{}
}

func lines(sku, qty string) map[string]decimal.Decimal {
	return map[string]decimal.Decimal{sku: d(qty)}
}

// afterSale is a return of some TS-BLK-M.
func afterSale(outerID, soID, qty string) jushuitan.AfterSaleUpload {
	return jushuitan.AfterSaleUpload{
		ShopID: mallShop, OuterASID: outerID, SoID: soID, Type: "普通退货", ShopStatus: "WAIT_SELLER_CONFIRM_GOODS",
		GoodStatus: "BUYER_RETURNED_GOODS", QuestionType: "尺码不合", TotalAmount: d("173"), Refund: d("55"),
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "TS-BLK-M", Qty: d(qty), OuterOIID: soID + "-1", Amount: d("55"), Type: "退货"}},
	}
}

// rawAnswer is an answer read without the SDK.
type rawAnswer struct {
	Status int
	Code   json.RawMessage `json:"code"`
	Msg    string          `json:"msg"`
	Data   json.RawMessage `json:"data"`
	Text   string
}

// rawForm is a complete business form; change it, then sign it.
func rawForm(srv *jushuitantest.Server, biz string) map[string]string {
	return map[string]string{
		"app_key": srv.Credentials().AppKey, "access_token": srv.AccessToken(""), "charset": "utf-8", "version": "2",
		"timestamp": strconv.FormatInt(srv.Now().Unix(), 10), "biz": biz,
	}
}

func signed(srv *jushuitantest.Server, form map[string]string) map[string]string {
	form["sign"] = jushuitan.Sign(srv.Credentials().AppSecret, form)
	return form
}

func post(t *testing.T, srv *jushuitantest.Server, path string, form map[string]string) rawAnswer {
	t.Helper()
	values := url.Values{}
	for k, v := range form {
		values.Set(k, v)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	return send(t, req)
}

func send(t *testing.T, req *http.Request) rawAnswer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := rawAnswer{Status: resp.StatusCode, Text: string(body)}
	require.NoError(t, json.Unmarshal(body, &a), "%s", body)
	return a
}

// call sends biz with everything in order.
func call(t *testing.T, srv *jushuitantest.Server, path, biz string) rawAnswer {
	t.Helper()
	return post(t, srv, path, signed(srv, rawForm(srv, biz)))
}

func unmarshal(t *testing.T, data []byte, out any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(data, out))
}

func fmtAll(values ...any) string { return fmt.Sprintf("%+v %#v", values, values) }

// sendAs sends a request of the SDK's types without the client, which would refuse
// some of them itself.
func sendAs(t *testing.T, srv *jushuitantest.Server, path string, req any) rawAnswer {
	t.Helper()
	biz, err := wire.Marshal(req)
	require.NoError(t, err)
	return call(t, srv, path, string(biz))
}

// uploadOrders uploads without the client.
func uploadOrders(t *testing.T, srv *jushuitantest.Server, orders ...jushuitan.OrderUpload) []jushuitan.OrderUploadResult {
	t.Helper()
	a := sendAs(t, srv, "/open/jushuitan/orders/upload", orders)
	require.Equal(t, "0", string(a.Code), a.Msg)
	var data struct {
		Rows []jushuitan.OrderUploadResult `json:"datas"`
	}
	require.NoError(t, json.Unmarshal(a.Data, &data))
	return data.Rows
}

func waitPushes(t *testing.T, srv *jushuitantest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, srv.WaitPushes(ctx))
}
