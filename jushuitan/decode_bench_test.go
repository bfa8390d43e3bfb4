package jushuitan_test

import (
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// fullPage is a page of 50 orders with 3 lines each and a value in every field of
// the catalog. asText writes every number as text.
func fullPage(tb testing.TB, asText bool) []byte {
	tb.Helper()
	ops, err := catalog.Operations()
	require.NoError(tb, err)
	var op *catalog.Operation
	for _, o := range ops {
		if o.Path == "/open/orders/single/query" {
			op = o
		}
	}
	require.NotNil(tb, op)
	orderFields, lineFields := 0, 0
	object := func(prefix string, nested func(leaf string) any) map[string]any {
		out := map[string]any{}
		for _, f := range op.Response {
			rest, ok := strings.CutPrefix(f.Name, prefix)
			if !ok || strings.Contains(rest, ".") {
				continue
			}
			if prefix == "data.orders[]." {
				orderFields++
			} else if prefix == "data.orders[].items[]." {
				lineFields++
			}
			number := func(v any) any {
				if asText || f.Wire == "string" {
					return fmt.Sprint(v)
				}
				return v
			}
			switch f.Type {
			case "int":
				out[rest] = number(910233)
			case "decimal":
				out[rest] = number(1234.56)
			case "bool":
				out[rest] = true
			case "time":
				out[rest] = "2024-06-11 09:20:31"
			case "string":
				out[rest] = "some text " + rest
			case "commas":
				out[rest] = "first,second"
			case "any":
				out[rest] = []any{"WEB-1"}
			default:
				out[rest] = nested(rest)
			}
		}
		return out
	}
	line := object("data.orders[].items[].", nil)
	order := object("data.orders[].", func(leaf string) any {
		switch leaf {
		case "items":
			return []any{line, line, line}
		case "pays":
			return []any{object("data.orders[].pays[].", nil)}
		default:
			return object("data.orders[]."+leaf+".", nil)
		}
	})
	orders := make([]any, 50)
	for i := range orders {
		orders[i] = order
	}
	text, err := stdjson.Marshal(map[string]any{"code": 0, "msg": "执行成功", "data": map[string]any{
		"page_index": 1, "page_size": 50, "data_count": 50, "page_count": 1, "has_next": false, "orders": orders,
	}})
	require.NoError(tb, err)
	return text
}

// plainType is a type as a user of encoding/json would write it: float64 for
// decimals, string for times, nothing for unknown members. asText makes every
// number a string, since encoding/json reads nothing else from text.
func plainType(t reflect.Type, asText bool) reflect.Type {
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		if asText {
			return reflect.TypeFor[string]()
		}
		return reflect.TypeFor[float64]()
	case reflect.TypeFor[time.Time](), reflect.TypeFor[jushuitan.CommaList]():
		return reflect.TypeFor[string]()
	case reflect.TypeFor[stdjson.RawMessage]():
		return t
	}
	switch t.Kind() {
	case reflect.Int64:
		if asText {
			return reflect.TypeFor[string]()
		}
	case reflect.Slice:
		return reflect.SliceOf(plainType(t.Elem(), asText))
	case reflect.Struct:
		var fields []reflect.StructField
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			if tag == ",embed" || !f.IsExported() {
				continue
			}
			name, opts, _ := strings.Cut(tag, ",")
			keep := ""
			if strings.Contains(opts, "string") && !asText && f.Type.Kind() == reflect.Int64 {
				keep = ",string"
			}
			typ := plainType(f.Type, asText)
			if f.Type == reflect.TypeFor[decimal.Decimal]() && !asText && textDecimal[name] {
				typ, keep = reflect.TypeFor[float64](), ",string"
			}
			fields = append(fields, reflect.StructField{Name: f.Name, Type: typ, Tag: reflect.StructTag(`json:"` + name + keep + `"`)})
		}
		return reflect.StructOf(fields)
	}
	return t
}

// textDecimal are the decimals of an order that the documentation has as text.
var textDecimal = map[string]bool{"freight": true, "cb_total_tax": true, "first_freight": true, "outerwms_freight": true, "f_freight": true}

func plainReply(asText bool) reflect.Type {
	return reflect.StructOf([]reflect.StructField{
		{Name: "Code", Type: reflect.TypeFor[int](), Tag: `json:"code"`},
		{Name: "Msg", Type: reflect.TypeFor[string](), Tag: `json:"msg"`},
		{Name: "Data", Tag: `json:"data"`, Type: reflect.StructOf([]reflect.StructField{
			{Name: "Orders", Type: reflect.SliceOf(plainType(reflect.TypeFor[jushuitan.Order](), asText)), Tag: `json:"orders"`},
		})},
	})
}

func TestFullPageSize(t *testing.T) {
	page := fullPage(t, false)
	var got struct {
		Data jushuitan.OrderPage `json:"data"`
	}
	require.NoError(t, wire.Unmarshal(page, &got))
	require.Len(t, got.Data.Orders, 50)
	require.Len(t, got.Data.Orders[49].Items, 3)
	require.Equal(t, "1234.56", got.Data.Orders[49].Items[2].Amount.String())
	require.Empty(t, got.Data.Orders[0].Extra)
	t.Logf("%d bytes", len(page))

	text := fullPage(t, true)
	got.Data = jushuitan.OrderPage{}
	require.NoError(t, wire.Unmarshal(text, &got))
	require.Equal(t, "1234.56", got.Data.Orders[49].Items[2].Amount.String())
}

// BenchmarkDecodePage decodes a full page of orders. Compare the sub-benchmarks
// of one run: ours against encoding/json.
func BenchmarkDecodePage(b *testing.B) {
	for _, form := range []struct {
		name   string
		asText bool
	}{{"documented", false}, {"all-text", true}} {
		page := fullPage(b, form.asText)
		b.Run(form.name+"/this-package", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				var got struct {
					Data jushuitan.OrderPage `json:"data"`
				}
				if err := wire.Unmarshal(page, &got); err != nil {
					b.Fatal(err)
				}
			}
		})
		plain := plainReply(false)
		if form.asText {
			plain = plainReply(true)
		}
		b.Run(form.name+"/encoding-json-plain", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				got := reflect.New(plain)
				if err := stdjson.Unmarshal(page, got.Interface()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(form.name+"/encoding-json-map", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				var got map[string]any
				if err := stdjson.Unmarshal(page, &got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func uploads() []jushuitan.OrderUpload {
	orders := make([]jushuitan.OrderUpload, 50)
	for i := range orders {
		orders[i] = sampleUpload(fmt.Sprintf("SO-%d", i))
	}
	return orders
}

// sampleUpload is a paid order of two lines.
func sampleUpload(soID string) jushuitan.OrderUpload {
	at := time.Date(2024, 6, 11, 9, 20, 31, 0, wire.CST)
	return jushuitan.OrderUpload{
		ShopID: 10350, SoID: soID, OrderDate: at, ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer",
		ReceiverAddress: "示例路8号", ReceiverName: "收货人甲", ReceiverMobile: "13900000001",
		PayAmount: decimal.RequireFromString("118.00"), Freight: decimal.RequireFromString("8"), ShopModified: at,
		Items: []jushuitan.OrderUploadItem{
			{SKUID: "TS-BLK-M", ShopSKUID: "TS-BLK-M", Amount: decimal.RequireFromString("55"), BasePrice: decimal.RequireFromString("60"), Qty: decimal.NewFromInt(1), Name: "短袖", OuterOIID: soID + "-1"},
			{SKUID: "TS-BLK-L", ShopSKUID: "TS-BLK-L", Amount: decimal.RequireFromString("55"), BasePrice: decimal.RequireFromString("60"), Qty: decimal.NewFromInt(1), Name: "短袖", OuterOIID: soID + "-2"},
		},
		Pay: &jushuitan.OrderUploadPay{OuterPayID: "PAY-" + soID, PayDate: at, Payment: "微信", SellerAccount: "seller", BuyerAccount: "buyer", Amount: decimal.RequireFromString("118.00")},
	}
}

// BenchmarkSignEncode encodes and signs an upload of 50 orders.
func BenchmarkSignEncode(b *testing.B) {
	orders := uploads()
	b.ReportAllocs()
	for b.Loop() {
		biz, err := wire.Marshal(orders)
		if err != nil {
			b.Fatal(err)
		}
		form := map[string]string{"app_key": "app", "access_token": "token", "timestamp": "1767225600", "charset": "utf-8", "version": "2", "biz": string(biz)}
		form["sign"] = jushuitan.Sign("secret", form)
	}
}

// BenchmarkCall makes a whole call over loopback, beside a bare post that decodes
// with encoding/json.
func BenchmarkCall(b *testing.B) {
	page := []byte(`{"code":0,"msg":"执行成功","data":{"page_index":1,"page_size":100,"has_next":false,"datas":[{"shop_id":10200001,"shop_name":"青禾旗舰店","co_id":10100001}]}}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(page)
	}))
	defer srv.Close()
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "secret"}, jushuitan.WithBaseURL(srv.URL),
		jushuitan.WithToken("token"), jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}))
	require.NoError(b, err)
	b.Run("this-package", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Shops.Query(context.Background(), &jushuitan.ShopQuery{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare-post", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resp, err := http.PostForm(srv.URL+"/open/shops/query", url.Values{"biz": {"{}"}, "app_key": {"app"}})
			if err != nil {
				b.Fatal(err)
			}
			var got struct {
				Code int
				Data struct {
					Datas []struct {
						ShopID   int64  `json:"shop_id"`
						ShopName string `json:"shop_name"`
					}
				}
			}
			if err := stdjson.NewDecoder(resp.Body).Decode(&got); err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	})
}
