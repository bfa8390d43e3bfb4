package jushuitan_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestSignVectors: two official examples, one of a public client's tests, and
// examples computed with an independent MD5.
func TestSignVectors(t *testing.T) {
	const official = "e9c5ca33fecb404b8e6cdbd0ef4a6d25"
	const own = "demosecret0000000000000000000001"
	key := map[string]string{"app_key": "demoappkey0000000000000000000001", "timestamp": "1767225600", "charset": "utf-8"}
	with := func(more map[string]string) map[string]string {
		m := maps.Clone(key)
		maps.Copy(m, more)
		return m
	}
	business := func(biz string) map[string]string {
		return with(map[string]string{"access_token": "demoaccess000000000000000000tok1", "version": "2", "biz": biz})
	}
	tests := map[string]struct {
		secret string
		params map[string]string
		want   string
	}{
		"official token call": {official, map[string]string{
			"app_key": "5b53060f23d84ddf9703056e84fa5a2d", "timestamp": "1639128407", "grant_type": "authorization_code", "charset": "utf-8", "code": "123456",
		}, "05e3a51e19e0883afd1882ccd309e0b9"},
		"official business call": {official, map[string]string{
			"app_key": "5b53060f23d84ddf9703056e84fa5a2d", "timestamp": "1639128407", "access_token": "d7b01bf0842a4742a9450e21ffd95f60",
			"version": "2", "charset": "utf-8", "biz": `{"page_index":"1","page_size":"100","nicks":["老板"]}`,
		}, "395f5a78b446be465ac03a02491296c7"},
		"a client's test":        {"secret", map[string]string{"timestamp": "100", "app_key": "app", "charset": "utf-8"}, "706427ca94e342781ac36d501151cb10"},
		"auth page":              {own, with(map[string]string{"state": "shop-42"}), "5e4a47af571128112d3302b0e1aa4845"},
		"auth page, empty state": {own, with(map[string]string{"state": ""}), "73a890941d2b2278708f107cae86e3ac"},
		"getInitToken":           {own, with(map[string]string{"grant_type": "authorization_code", "code": "a1b2c3"}), "b6d2728b64df7cecc7322dd4f8434e25"},
		"accessToken":            {own, with(map[string]string{"grant_type": "authorization_code", "code": "cb-code-0001"}), "bc189ed371882aa90086ed7f277b29b2"},
		"refreshToken": {own, with(map[string]string{
			"grant_type": "refresh_token", "refresh_token": "demorefresh00000000000000000tok1", "scope": "all",
		}), "af809badfb9dc96b32b8f0ed3b5bf107"},
		"redirect": {own, map[string]string{
			"app_key": "demoappkey0000000000000000000001", "code": "cb-code-0001", "state": "shop-42",
		}, "92c5e5ccd15f09cc8b765ee28c7edb49"},
		"empty object":      {own, business(`{}`), "1f9a9dda6e0383278eb0c2575009f449"},
		"Chinese":           {own, business(`{"page_index":1,"page_size":50,"exactly_name":"纯棉T恤 白色"}`), "1fbf14c6cbd7a085f99518bcb4e189e6"},
		"Chinese, escaped":  {own, business(`{"page_index":1,"page_size":50,"exactly_name":"\u7eaf\u68c9T\u6064 \u767d\u8272"}`), "9d30239645b583b78aecec1415157223"},
		"array":             {own, business(`[{"sku_id":"TEE-WHITE-M","bin":"A-01-02"}]`), "2158944137ddc772fe4bd7e71fa7e03f"},
		"form characters":   {own, business(`{"sku_ids":"A&B=1,C+D%2F/E"}`), "a828cbc1ee4df837b7b6394ee6198daf"},
		"a sign is ignored": {"secret", map[string]string{"timestamp": "100", "app_key": "app", "charset": "utf-8", "sign": "x"}, "706427ca94e342781ac36d501151cb10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, jushuitan.Sign(tt.secret, tt.params))
		})
	}
}

func FuzzSign(f *testing.F) {
	f.Add("secret", "app_key", "app", "biz", `{"a":"<&+%/=中文😀"}`)
	f.Add("", "", "", "sign", "x")
	f.Fuzz(func(t *testing.T, secret, name1, value1, name2, value2 string) {
		params := map[string]string{name1: value1, name2: value2}
		got := jushuitan.Sign(secret, params)
		if len(got) != 32 || strings.Trim(got, "0123456789abcdef") != "" {
			t.Fatalf("not lower-case hexadecimal: %q", got)
		}
		params["sign"], params["zz_empty"] = got, ""
		if name1 != "sign" && name2 != "sign" && name1 != "zz_empty" && name2 != "zz_empty" && jushuitan.Sign(secret, params) != got {
			t.Fatal("sign and empty parameters take part")
		}
	})
}
