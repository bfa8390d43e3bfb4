package dianjia_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const base = "https://open.dianplus.cn/api/product/rs/dex/jushuitan/"

const canary = "canary-secret-5bd1"

func TestURL(t *testing.T) {
	tests := map[string]struct {
		builder dianjia.URLBuilder
		url     dianjia.PushURL
		want    string // "": refused
	}{
		"shipment":        {url: dianjia.PushURL{Kind: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242"}, want: base + "delivery_callback?entId=10010&storageCode=133242"},
		"cancel":          {url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "10010", StorageCode: "133242"}, want: base + "cancal_callback?entId=10010&storageCode=133242"},
		"goods, of guide": {url: dianjia.PushURL{Kind: jushuitan.PushGoodsReturned, EntID: "10010", StorageCode: "133242"}, want: base + "return_goods_callback?entId=10010&storageCode=133242"},
		"stock":           {url: dianjia.PushURL{Kind: jushuitan.PushStock, EntID: "10010", StorageCode: "12345"}, want: base + "stock_callback?entId=10010&storageCode=12345&type=2"},
		"stock, own type": {url: dianjia.PushURL{Kind: jushuitan.PushStock, EntID: "10010", StorageCode: "1", Type: "x&y"}, want: base + "stock_callback?entId=10010&storageCode=1&type=x%26y"},
		"escaping":        {url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "a b+c&d=e#商", StorageCode: "1/2?%"}, want: base + "cancal_callback?entId=a%20b%2Bc%26d%3De%23%E5%95%86&storageCode=1%2F2%3F%25"},
		"other base":      {builder: dianjia.URLBuilder{BaseURL: "http://127.0.0.1:8080/push"}, url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"}, want: "http://127.0.0.1:8080/push/cancal_callback?entId=1&storageCode=2"},
		"jstToken": {
			builder: dianjia.URLBuilder{Secret: canary}, url: dianjia.PushURL{Kind: jushuitan.PushStock, EntID: "1", StorageCode: "2"},
			want: base + "stock_callback?entId=1&jstToken=" + pushsign.Token(canary, "inventory.upload", "1", "2") + "&storageCode=2&type=2",
		},
		"no kind":      {url: dianjia.PushURL{EntID: "1", StorageCode: "2"}},
		"unknown kind": {url: dianjia.PushURL{Kind: "x", EntID: "1", StorageCode: "2"}},
		"no merchant":  {url: dianjia.PushURL{Kind: jushuitan.PushCancel, StorageCode: "2"}},
		"no storage":   {url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "2"}},
		"base: query":  {builder: dianjia.URLBuilder{BaseURL: "https://h/x?a=1"}, url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"}},
		"base: scheme": {builder: dianjia.URLBuilder{BaseURL: "ftp://h/x"}, url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"}},
		"base: user":   {builder: dianjia.URLBuilder{BaseURL: "https://u:p@h/x"}, url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"}},
		"base: no URL": {builder: dianjia.URLBuilder{BaseURL: "https://h/%zz"}, url: dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.builder.URL(tt.url)
			if tt.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			back, err := dianjia.ParseURL(got)
			require.NoError(t, err)
			want := tt.url
			if want.Kind == jushuitan.PushStock && want.Type == "" {
				want.Type = "2"
			}
			assert.Equal(t, want, back)
			u, err := url.Parse(got)
			require.NoError(t, err)
			assert.Equal(t, tt.builder.Secret != "", u.Query().Has(pushsign.TokenParam))
		})
	}
}

func TestParseURL(t *testing.T) {
	arrived := base + "stock_callback?type=7&storageCode=2&entId=1&ts=1&partnerid=erp&method=inventory.upload&sign=0"
	p, err := dianjia.ParseURL(arrived)
	require.NoError(t, err)
	assert.Equal(t, dianjia.PushURL{Kind: jushuitan.PushStock, EntID: "1", StorageCode: "2", Type: "7"}, p)
	for name, text := range map[string]string{
		"empty":           "",
		"not a URL":       "https://h/%zz" + canary,
		"relative":        "/cancal_callback?entId=1&storageCode=2",
		"right spelling":  base + "cancel_callback?entId=1&storageCode=2",
		"slash after":     base + "cancal_callback/?entId=1&storageCode=2",
		"escaped slash":   base + "x%2Fcancal_callback?entId=1&storageCode=2",
		"no merchant":     base + "cancal_callback?storageCode=2&token=" + canary,
		"no storage":      base + "cancal_callback?entId=2",
		"twice":           base + "cancal_callback?entId=1&entId=2&storageCode=2&token=" + canary,
		"other case":      base + "cancal_callback?entid=1&storageCode=2",
		"other method":    base + "cancal_callback?entId=1&storageCode=2&method=refund.goods",
		"query":           base + "cancal_callback?entId=1;storageCode=2&token=" + canary,
		"with a fragment": base + "cancal_callback?entId=1&storageCode=2#x",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := dianjia.ParseURL(text)
			require.Error(t, err)
			assert.Zero(t, p)
			assert.NotContains(t, err.Error(), canary)
		})
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add(base+"return_goods_callback?entId=10010&storageCode=133242", "10010", "133242", "", 2)
	f.Add(base+"stock_callback?entId=a%20b&storageCode=%2B&type=2", "a b", "+", "\xff\x00", 3)
	f.Add("http://h/cancal_callback?entId=1&storageCode=2", "商家", "&=#", "2", 1)
	kinds := []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned, jushuitan.PushStock}
	f.Fuzz(func(t *testing.T, text, ent, storage, typ string, kind int) {
		builder := dianjia.URLBuilder{Secret: canary}
		again := func(p dianjia.PushURL) {
			made, err := builder.URL(p)
			require.NoError(t, err)
			back, err := dianjia.ParseURL(made)
			require.NoError(t, err)
			if p.Kind == jushuitan.PushStock && p.Type == "" {
				p.Type = dianjia.DefaultStockType
			}
			require.Equal(t, p, back)
		}
		if p, err := dianjia.ParseURL(text); err == nil {
			again(p)
		}
		if ent != "" && storage != "" {
			again(dianjia.PushURL{Kind: kinds[uint(kind)%4], EntID: ent, StorageCode: storage, Type: typ})
		}
	})
}

func TestSettingsText(t *testing.T) {
	b := dianjia.URLBuilder{Secret: canary}
	s := dianjia.ShopSettings{EntID: "10010", ShopID: 133242, WMSCoID: 12345}
	var out bytes.Buffer
	require.NoError(t, b.WriteSettings(&out, s))
	text := out.String()
	assert.NotContains(t, text, canary)
	assert.Contains(t, text, "店铺编号 shop_id / Shop: 133242\n")
	assert.Contains(t, text, "仓库编号 wms_co_id / Warehouse: 12345\n")
	lines := strings.Split(text, "\n")
	want := map[string]dianjia.PushURL{
		"物流同步 (shipment)":       {Kind: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242"},
		"取消订单 (cancel)":         {Kind: jushuitan.PushCancel, EntID: "10010", StorageCode: "133242"},
		"售后收货 (goods returned)": {Kind: jushuitan.PushGoodsReturned, EntID: "10010", StorageCode: "133242"},
		"库存同步 (stock)":          {Kind: jushuitan.PushStock, EntID: "10010", StorageCode: "12345", Type: "2"},
	}
	found := 0
	for i, line := range lines {
		if p, ok := want[line]; ok {
			found++
			got, err := dianjia.ParseURL(lines[i+1])
			require.NoError(t, err)
			assert.Equal(t, p, got)
			made, err := b.URL(p)
			require.NoError(t, err)
			assert.Equal(t, made, lines[i+1])
		}
	}
	assert.Equal(t, 4, found)
	for name, bad := range map[string]dianjia.ShopSettings{
		"no merchant":  {ShopID: 2, WMSCoID: 4},
		"no shop":      {EntID: "1", WMSCoID: 2},
		"no warehouse": {EntID: "1", ShopID: 2},
		"new line":     {EntID: "1\n2", ShopID: 3, WMSCoID: 4},
	} {
		_, err := b.SettingsText(bad)
		assert.Error(t, err, name)
		assert.Error(t, b.WriteSettings(&out, bad), name)
	}
	for name, bad := range map[string]dianjia.ShopSettings{
		"no shop":      {EntID: "1", WMSCoID: 2},
		"no warehouse": {EntID: "1", ShopID: 2},
	} {
		_, err := b.URLs(bad)
		assert.Error(t, err, name)
	}
}

// shown prints a value in every way that could end up in a log.
func shown(v any) string {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	return fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v) + log.String()
}

func TestNothingSecretIsShown(t *testing.T) {
	b := dianjia.URLBuilder{Secret: canary}
	c, err := dianjia.New(dianjia.Config{URLs: b})
	require.NoError(t, err)
	o := dianjia.Order{
		OrderNo: "SO-1", BuyerID: canary, BuyerMessage: canary, Remark: canary, ReceiverName: canary, ReceiverMobile: canary,
		ReceiverState: canary, ReceiverCity: canary, ReceiverDistrict: canary, ReceiverAddress: canary,
	}
	for name, v := range map[string]any{
		"builder": b, "builder pointer": &b, "config": dianjia.Config{URLs: b}, "client": c,
		"order": o, "order pointer": &o, "transfer": dianjia.Transfer{TransferNo: "T-1", Remark: canary},
	} {
		assert.NotContains(t, shown(v), canary, name)
	}
	assert.Contains(t, shown(o), "SO-1", "the rest is shown")
}

func ExampleURLBuilder_URL() {
	urls := dianjia.URLBuilder{} // with a Secret, each URL gets a token
	text, err := urls.URL(dianjia.PushURL{Kind: jushuitan.PushGoodsReturned, EntID: "10010", StorageCode: "133242"})
	fmt.Println(text, err)
	p, err := dianjia.ParseURL(text)
	fmt.Println(p.Kind, p.EntID, p.StorageCode, err)
	// Output:
	// https://open.dianplus.cn/api/product/rs/dex/jushuitan/return_goods_callback?entId=10010&storageCode=133242 <nil>
	// refund.goods 10010 133242 <nil>
}

// TestShortSecret: a URL has no token that callback.New would not accept.
func TestShortSecret(t *testing.T) {
	for secret, ok := range map[string]bool{"fifteen-bytes-x": false, "sixteen-bytes-xy": true} {
		_, err := dianjia.URLBuilder{Secret: secret}.URL(dianjia.PushURL{Kind: jushuitan.PushCancel, EntID: "1", StorageCode: "2"})
		assert.Equal(t, ok, err == nil, "%d bytes: %v", len(secret), err)
	}
}
