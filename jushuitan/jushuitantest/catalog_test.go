package jushuitantest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
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
	oID, err := c.ImportOrder(jushuitan.OrderUpload{ShopID: 10350, SoID: "WEB-20240611-0007", Items: []jushuitan.OrderUploadItem{
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
				status, m := ask(t, s, path, sampleBiz(op))
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
			if op.Evidence != nil && op.Evidence.None != "" { // no answer proves it
				require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
				return
			}
			require.NoError(t, err)
		})
	}
}

// TestEveryMemberHasASource: the fake sends no member that the catalog, and so some
// source, does not show for that operation, beside those that every answer has.
func TestEveryMemberHasASource(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		if op.Go.Auth {
			continue
		}
		t.Run(op.Path, func(t *testing.T) {
			s := NewServer()
			defer s.Close()
			seedSamples(t, s, op.Path)
			_, m := ask(t, s, op.Path, sampleBiz(op))
			known := map[string]bool{"code": true, "msg": true, "request_id": true, "data": true}
			open := []string{} // what stands below is the caller's or unknown
			for _, f := range op.Response {
				name := strings.ReplaceAll(f.Name, "[]", "")
				for i := range len(name) {
					if name[i] == '.' {
						known[name[:i]] = true
					}
				}
				known[name] = true
				if f.Type == "any" || f.Type == "map" || strings.Contains(name, "*") {
					open = append(open, strings.TrimSuffix(name[:len(name)-len(f.Leaf())], ".*."), name)
				}
			}
			for name, v := range m {
				eachMember(t, name, v, func(path string) {
					below := slices.ContainsFunc(open, func(at string) bool { return at != "" && strings.HasPrefix(path, at+".") })
					assert.True(t, known[path] || below, "no source shows %s", path)
				})
			}
		})
	}
}

// eachMember visits the members of a JSON value by path, without [].
func eachMember(t *testing.T, path string, v json.RawMessage, visit func(path string)) {
	t.Helper()
	visit(path)
	switch strings.TrimSpace(string(v))[0] {
	case '{':
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(v, &m))
		for name, e := range m {
			eachMember(t, path+"."+name, e, visit)
		}
	case '[':
		var list []json.RawMessage
		require.NoError(t, json.Unmarshal(v, &list))
		for _, e := range list {
			if text := strings.TrimSpace(string(e)); text[0] == '{' || text[0] == '[' {
				eachMember(t, path, e, func(at string) {
					if at != path {
						visit(at)
					}
				})
			}
		}
	}
}

// TestInferredIsNotEnforced: what is only inferred to be required may be left out, of
// the check before the call as well as of the server's.
func TestInferredIsNotEnforced(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	n := 0
	for _, op := range ops {
		for _, f := range op.Request {
			if !f.Inferred {
				continue
			}
			n++
			s := NewServer()
			seedSamples(t, s, op.Path)
			var v any
			require.NoError(t, json.Unmarshal([]byte(sampleBiz(op)), &v))
			drop(v, strings.Split(strings.ReplaceAll(f.Name, "[]", ""), "."))
			_, m := ask(t, s, op.Path, string(mustJSON(v)))
			assert.NotContains(t, string(m["msg"]), "必填", "%s without %s", op.Path, f.Name)
			s.Close()
		}
	}
	t.Logf("%d members", n)
	assert.NotZero(t, n)
}

// drop removes a member wherever it stands.
func drop(v any, path []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			drop(e, path)
		}
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
		} else {
			drop(v[path[0]], path[1:])
		}
	}
}

// TestEveryWriteProves: the fake's answer to a write has what the catalog says proves it.
func TestEveryWriteProves(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		if op.Go.Auth || op.Evidence == nil || op.Evidence.None != "" || op.Path == "/open/orders/wms/sent/upload" { // no such document
			continue
		}
		t.Run(op.Path, func(t *testing.T) {
			s := NewServer()
			defer s.Close()
			seedSamples(t, s, op.Path)
			_, m := ask(t, s, op.Path, sampleBiz(op))
			var answer any
			require.NoError(t, json.Unmarshal(mustJSON(m), &answer))
			assert.True(t, op.Proves(answer), "%+v is not in %s", *op.Evidence, mustJSON(m))
		})
	}
}

// sampleBiz is the sample request of an operation, or an empty one.
func sampleBiz(op *catalog.Operation) string {
	if biz := string(op.SampleRequest); biz != "" && biz != "null" {
		return biz
	}
	return map[string]string{"array": "[{}]", "object": "{}"}[op.Biz]
}
