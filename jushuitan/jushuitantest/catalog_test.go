package jushuitantest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// seedSamples makes the documents that the samples of the catalog name.
func seedSamples(t *testing.T, s *Server, path string) {
	t.Helper()
	c := s.Company("")
	for _, id := range []int64{10350, 10200001} {
		require.NoError(t, c.AddShop(jushuitan.Shop{ShopID: id}))
	}
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{WMSCoID: 10100001, IsMain: true}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{WMSCoID: 11200901}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{WMSCoID: 11200345}))
	for _, id := range []string{"TS-BLK-M", "TEE24-WHT-M", "TEE24-BLK-M"} {
		require.NoError(t, c.AddSKU(jushuitan.SKU{SKUID: id}))
		for _, wms := range []int64{0, 11200901} {
			ten := decimal.NewFromInt(10)
			require.NoError(t, c.SetStockRow(wms, jushuitan.InventoryRow{SKUID: id, Qty: ten, InQty: ten}, "qty", "in_qty"))
		}
	}
	c.mu.Lock()
	c.nextOID, c.nextASID = 910233-1, 30017-1
	c.mu.Unlock()
	oID, err := c.ReceiveOrder(jushuitan.OrderUpload{ShopID: 10350, SoID: "WEB-20240611-0007", Items: []jushuitan.OrderUploadItem{
		{SKUID: "TS-BLK-M", Qty: decimal.NewFromInt(2), OuterOIID: "WEB-20240611-0007-1"},
	}})
	require.NoError(t, err)
	require.Equal(t, int64(910233), oID)
	seedStockDocuments(t, c, path)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, why := c.takeAfterSale(&jushuitan.AfterSaleUpload{
		ShopID: 10350, OuterASID: "RF-5", SoID: "WEB-20240611-0007", Type: "普通退货",
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "TS-BLK-M", Qty: decimal.NewFromInt(1)}},
	})
	require.Empty(t, why)
}

// seedStockDocuments makes the documents that samples about stock name, in the
// state that the sample of the path needs.
func seedStockDocuments(t *testing.T, c *Company, path string) {
	t.Helper()
	one, sku := decimal.NewFromInt(1), "TS-BLK-M"
	good := func(a answer) {
		t.Helper()
		require.Zero(t, a.code, a.msg)
	}
	_, err := c.AddSupplier(jushuitan.Supplier{SupplierID: 881, Name: "示例工厂", SupplierCode: "SUP-1"})
	require.NoError(t, err)
	defer c.change()()
	transfer := func(soID string, ioID int64, qty int64) {
		c.nextIOID = ioID - 1
		good(c.uploadTransfers(nil, []jushuitan.CrossTransferUpload{{
			SoID: soID, GoCoID: 0, Warehouse: 1, LinkCoID: 11200901, LinkWarehouse: 1,
			Items: []jushuitan.CrossTransferUploadItem{{SKUID: sku, Qty: decimal.NewFromInt(qty)}},
		}}))
	}
	if path == "/open/jushuitan/diffallocate/create" {
		transfer("TR-SEED", 50300, 2)
		out := c.transfer(50300)
		c.shipTransfer(out, out.asked())
		require.Equal(t, int64(50301), out.LinkIOID)
		c.receiveTransfer(out.other, []decimal.Decimal{one})
	} else {
		transfer("TR-SEED", 50300, 10)
	}
	c.nextIOID = 50280 - 1
	good(c.uploadOtherInOut(&call{}, jushuitan.OtherInOutUpload{
		Type: "out", ExternalID: "OIO-SEED", Items: []jushuitan.OtherInOutUploadItem{{SKUID: sku, Qty: one}},
	}))
	c.nextPOID = 71002 - 1
	good(c.uploadPurchase(&call{}, jushuitan.PurchaseUpload{
		ExternalID: "PO-SEED", SupplierID: 881, WMSCoID: 11200901, IsConfirm: path != "/open/jushuitan/purchase/change/status",
		Items: []jushuitan.PurchaseUploadItem{{SKUID: sku, Qty: decimal.NewFromInt(100)}},
	}))
	switch path {
	case "/open/purchasein/received/upload":
		c.nextIOID = 50203 - 1
		_, why := c.takeReceipt(&jushuitan.ReceiptCreateRequest{ExternalID: "IN-SEED", POID: 71002})
		require.Empty(t, why)
	case "/open/webapi/wmsapi/purchaseout/createbatch":
		_, why := c.takeReceipt(&jushuitan.ReceiptCreateRequest{ExternalID: "IN-SEED", POID: 71002, IsConfirm: true})
		require.Empty(t, why)
	case "/open/jushuitan/purchaseout/cancel":
		c.nextIOID = 50230 - 1
		_, why := c.takeReturn(&jushuitan.PurchaseReturnCreateRequest{
			ExternalID: "PR-SEED", SupplierID: 881, Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: sku, Qty: one}},
		})
		require.Empty(t, why)
	}
}

func ask(t *testing.T, s *Server, path, biz string) (int, map[string]json.RawMessage) {
	t.Helper()
	form := map[string]string{
		"app_key": s.cfg.app.AppKey, "access_token": s.AccessToken(""), "charset": "utf-8", "version": "2",
		"timestamp": strconv.FormatInt(s.Now().Unix(), 10), "biz": biz,
	}
	values := url.Values{"sign": {jushuitan.Sign(s.cfg.app.AppSecret, form)}}
	for k, v := range form {
		values.Set(k, v)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &m), "%s", body)
	return resp.StatusCode, m
}

// Every operation takes the sample request of the catalog.
func TestEveryOperationAnswers(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	n := 0
	for _, op := range ops {
		if op.Go.Auth {
			continue
		}
		n++
		for _, path := range append([]string{op.Path}, op.AltPaths...) {
			t.Run(path, func(t *testing.T) {
				s := NewServer()
				defer s.Close()
				seedSamples(t, s, op.Path)
				biz := string(op.SampleRequest)
				if biz == "" || biz == "null" {
					biz = map[string]string{"array": "[{}]"}[op.Biz]
				}
				if biz == "" {
					biz = "{}"
				}
				status, m := ask(t, s, path, biz)
				assert.Equal(t, http.StatusOK, status)
				if op.Path == "/open/orders/wms/sent/upload" {
					assert.Contains(t, string(m["data"]), `"issuccess":false`) // no such document
				}
				assert.Contains(t, []string{"0", `"0"`}, string(m["code"]), string(m["msg"]))
			})
		}
	}
	assert.Greater(t, n, 60)
}

// The SDK sends the sample request of every operation and reads the answer.
func TestTheClientReadsEverySample(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		if op.Go.Auth || op.Go.Raw || len(op.SampleRequest) == 0 {
			continue
		}
		t.Run(op.Path, func(t *testing.T) {
			s := NewServer(WithoutQuota())
			defer s.Close()
			seedSamples(t, s, op.Path)
			client, err := s.Client()
			require.NoError(t, err)
			method := reflect.ValueOf(client).Elem().FieldByName(op.Go.Service).MethodByName(op.Go.Method)
			require.True(t, method.IsValid())
			args := []reflect.Value{reflect.ValueOf(t.Context())}
			if method.Type().NumIn() == 2 {
				req := reflect.New(method.Type().In(1))
				if in := req.Elem(); in.Kind() == reflect.Pointer {
					in.Set(reflect.New(in.Type().Elem()))
					require.NoError(t, wire.Unmarshal(op.SampleRequest, in.Interface()))
				} else {
					require.NoError(t, wire.Unmarshal(op.SampleRequest, req.Interface()))
				}
				args = append(args, req.Elem())
			}
			out := method.Call(args)
			err, _ = out[len(out)-1].Interface().(error)
			if op.Path == "/open/orders/wms/sent/upload" {
				require.ErrorIs(t, err, jushuitan.ErrInvalid)
				return
			}
			require.NoError(t, err)
		})
	}
}
