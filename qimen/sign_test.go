package qimen_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/qimen"
)

// TestSignVectors: the official example of the Taobao open platform (V1, md5), and
// examples computed with independent hashes. The published Qimen example is not
// among them, see [qimen.Sign].
func TestSignVectors(t *testing.T) {
	official := map[string]string{
		"app_key": "12345678", "fields": "num_iid,title,nick,price,num", "format": "json", "method": "taobao.item.seller.get",
		"num_iid": "11223344", "session": "test", "timestamp": "2016-01-01 12:00:00", "v": "2.0",
	}
	scene := map[string]string{
		"method": "jushuitan.saleout.list.query", "app_key": "12345678", "target_app_key": "23060081", "customer_id": "10000001",
		"timestamp": "2024-01-02 03:04:05", "format": "json", "v": "2.0", "page_index": "1", "page_size": "50",
		"start_time": "2024-01-01 00:00:00", "end_time": "2024-01-02 00:00:00", "status": "WaitConfirm", "wms_co_id": "10000002", "session": "",
	}
	warehouse := map[string]string{
		"method": "taobao.qimen.deliveryorder.confirm", "app_key": "12345678", "customerId": "stub-cust-code",
		"timestamp": "2024-01-02 03:04:05", "format": "xml", "v": "2.0",
	}
	const document = `<?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>出库单-1</deliveryOrderCode></deliveryOrder></request>`
	forwarded := map[string]string{
		"method": "deliveryorder.create", "app_key": "12345678", "customerId": "stub-cust-code", "format": "xml", "timestamp": "2024-01-02 03:04:05", "v": "2.0",
	}
	cloud := map[string]string{
		"customerid": "stub-cust-code", "app_key": "12345678", "target_appkey": "12345678", "method": "qimen.taobao.pos.weborder.sync",
		"format": "json", "request_id": "8ih3lzvo92w6", "source_appkey": "87654321", "timestamp": "2024-01-02 03:04:05",
	}
	legacy := map[string]string{
		"partnerid": "p1", "token": "t1", "ts": "1704135845", "jstsign": qimen.LegacySign("jst.orders.out.query", "p1", "t1", "1704135845", "k1"),
		"method": "jst.orders.out.query", "app_key": "12345678", "target_app_key": "23060081", "format": "json", "timestamp": "2024-01-02 03:04:05",
		"modified_begin": "2024-01-01 00:00:00", "modified_end": "2024-01-02 00:00:00", "page_index": "1", "page_size": "50",
	}
	assert.Equal(t, "5e26fbfa6166c81351c8cc1b983f7a45", legacy["jstsign"])
	tests := []struct {
		name   string
		method qimen.SignMethod
		secret string
		params map[string]string
		body   string
		want   string
	}{
		{"V1 md5", qimen.MD5, "helloworld", official, "", "66987CB115214E59E6EC978214934FB8"},
		{"V1 hmac", qimen.HMACMD5, "helloworld", official, "", "D56D7858309C31B6251083A874D48273"},
		{"V1 hmac-sha256", qimen.HMACSHA256, "helloworld", official, "", "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"},
		{"V2 md5", qimen.MD5, "helloworld", scene, "", "2C23FEC6149D6D95C071C8C66EA31F83"},
		{"V2 hmac", qimen.HMACMD5, "helloworld", scene, "", "2E7CA374EF7D5135B6E84551AB10F85D"},
		{"V2 hmac-sha256", qimen.HMACSHA256, "helloworld", scene, "", "BC8F1E5E035402D281EBBE7A156E289EE155644E1F77378177B3668FA1702DFB"},
		{"V3 md5", qimen.MD5, "helloworld", warehouse, document, "74B57F08DE802BDC103BEA7799475F57"},
		{"V3 hmac", qimen.HMACMD5, "helloworld", warehouse, document, "5D2BF29AC93BA9504C2FB6A718676FDE"},
		{"V3 hmac-sha256", qimen.HMACSHA256, "helloworld", warehouse, document, "B39DE6058CBD7C252CFADC2DE7B2029BE4DD53951F3B03AEF51EFB47D5BDD23B"},
		{"V4", qimen.MD5, "helloworld", forwarded, "<request/>", "30C8A6F9E301BC9128F33D08B86BE1C0"},
		{"V5", qimen.MD5, "helloworld", cloud, `{"orderBillCode":"A123"}`, "95AC3A06FE2C958A0ACF71F645517F69"},
		{"V6", qimen.MD5, "helloworld", legacy, "", "BE03CC10CF44F725D889ACE30E55B02C"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			params := maps.Clone(tt.params)
			params["sign_method"] = string(tt.method)
			got, err := qimen.Sign(tt.method, tt.secret, params, []byte(tt.body))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	_, err := qimen.Sign("sha1", "helloworld", scene, nil)
	assert.ErrorContains(t, err, `sign method "sha1" is unknown`)
	assert.False(t, qimen.SignMethod("MD5").Known())
}

func FuzzSign(f *testing.F) {
	f.Add("secret", "app_key", "app", "customerId", "c", []byte(`<request>中文</request>`))
	f.Add("", "", "", "sign", "x", []byte(nil))
	f.Fuzz(func(t *testing.T, secret, name1, value1, name2, value2 string, body []byte) {
		for _, m := range []qimen.SignMethod{qimen.MD5, qimen.HMACMD5, qimen.HMACSHA256} {
			params := map[string]string{name1: value1, name2: value2}
			got, err := qimen.Sign(m, secret, params, body)
			require.NoError(t, err)
			want := 32
			if m == qimen.HMACSHA256 {
				want = 64
			}
			if len(got) != want || strings.Trim(got, "0123456789ABCDEF") != "" {
				t.Fatalf("not %d upper-case hexadecimal digits: %q", want, got)
			}
			if _, taken := params["zz_empty"]; taken || name1 == "sign" || name2 == "sign" {
				continue
			}
			params["sign"], params["zz_empty"], params[""] = got, "", "x"
			again, err := qimen.Sign(m, secret, params, body)
			require.NoError(t, err)
			if again != got {
				t.Fatal("sign, empty names and empty values take part")
			}
			if other, _ := qimen.Sign(m, secret, params, append(body, '.')); other == got {
				t.Fatal("the body takes no part")
			}
		}
	})
}
