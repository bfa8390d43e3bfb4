package jushuitantest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const shopsPath = "/open/shops/query"

func TestProtocolRefusals(t *testing.T) {
	srv, _ := furnished(t)
	old := strconv.FormatInt(srv.Now().Add(-11*time.Minute).Unix(), 10)
	ahead := strconv.FormatInt(srv.Now().Add(11*time.Minute).Unix(), 10)
	for _, tt := range []struct {
		name   string
		path   string
		change func(form map[string]string)
		after  func(form map[string]string)
		code   string
		msg    string
	}{
		{name: "in order", code: "0", msg: "执行成功"},
		{name: "unknown app", change: func(f map[string]string) { f["app_key"] = "other" }, code: "10", msg: "app_key"},
		{name: "no biz", change: func(f map[string]string) { delete(f, "biz") }, code: "10015", msg: "biz"},
		{name: "no sign", after: func(f map[string]string) { delete(f, "sign") }, code: "10015", msg: "sign"},
		{name: "no charset", change: func(f map[string]string) { delete(f, "charset") }, code: "10015", msg: "charset"},
		{name: "wrong sign", after: func(f map[string]string) { f["sign"] = strings.Repeat("0", 32) }, code: "10", msg: "sign"},
		{name: "biz changed after signing", after: func(f map[string]string) { f["biz"] = `{"page_index":2}` }, code: "10", msg: "sign"},
		{name: "unsigned parameter", after: func(f map[string]string) { f["extra"] = "1" }, code: "10", msg: "sign"},
		{name: "empty parameters are not signed", after: func(f map[string]string) { f["extra"] = "" }, code: "0"},
		{name: "old timestamp", change: func(f map[string]string) { f["timestamp"] = old }, code: "140", msg: "timestamp"},
		{name: "early timestamp", change: func(f map[string]string) { f["timestamp"] = ahead }, code: "140", msg: "时间戳"},
		{name: "timestamp no number", change: func(f map[string]string) { f["timestamp"] = "now" }, code: "140", msg: "timestamp"},
		{name: "no token", change: func(f map[string]string) { delete(f, "access_token") }, code: "100", msg: "access_token"},
		{name: "unknown token", change: func(f map[string]string) { f["access_token"] = "x" }, code: "100", msg: "access_token"},
		{name: "version", change: func(f map[string]string) { f["version"] = "1" }, code: "130", msg: "version"},
		{name: "unknown path", path: "/open/shop/query", code: "10004", msg: "最接近的是 /open/shops/query"},
		{name: "biz no JSON", change: func(f map[string]string) { f["biz"] = "{'a':1}" }, code: "130", msg: "JSON"},
		{name: "biz array", change: func(f map[string]string) { f["biz"] = "[]" }, code: "130", msg: "对象"},
		{name: "biz scalar", change: func(f map[string]string) { f["biz"] = "1" }, code: "130", msg: "biz"},
		{name: "page too large", change: func(f map[string]string) { f["biz"] = `{"page_size":101}` }, code: "130", msg: "page_size"},
		{name: "wrong type", change: func(f map[string]string) { f["biz"] = `{"page_size":"many"}` }, code: "130", msg: "page_size"},
		{name: "unknown members are ignored", change: func(f map[string]string) { f["biz"] = `{"nonsense":true}` }, code: "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form := rawForm(srv, "{}")
			if tt.change != nil {
				tt.change(form)
			}
			signed(srv, form)
			if tt.after != nil {
				tt.after(form)
			}
			path := tt.path
			if path == "" {
				path = shopsPath
			}
			a := post(t, srv, path, form)
			assert.Equal(t, http.StatusOK, a.Status)
			assert.Equal(t, tt.code, string(a.Code), a.Msg)
			assert.Contains(t, a.Msg, tt.msg)
		})
	}
}

func TestMethodAndContentType(t *testing.T) {
	srv, _ := furnished(t)
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+shopsPath, nil)
	require.NoError(t, err)
	assert.Equal(t, "10004", string(send(t, get).Code))
	js, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+shopsPath, strings.NewReader("{}"))
	require.NoError(t, err)
	js.Header.Set("Content-Type", "application/json")
	a := send(t, js)
	assert.Equal(t, "10004", string(a.Code))
	assert.Contains(t, a.Msg, "Content-Type")
}

func TestRefusalsThroughTheClient(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	_, err := client.Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.NoError(t, err)

	t.Run("sign", func(t *testing.T) {
		cred := srv.Credentials()
		cred.AppSecret = "wrong"
		other, err := jushuitan.New(cred, jushuitan.WithBaseURL(srv.URL), jushuitan.WithToken(srv.AccessToken("")))
		require.NoError(t, err)
		_, err = other.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrSign)
	})
	t.Run("clock", func(t *testing.T) {
		late, err := srv.Client(jushuitan.WithClock(func() time.Time { return srv.Now().Add(-time.Hour) }),
			jushuitan.WithToken(srv.AccessToken("")), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		_, err = late.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrTimestamp)
	})
	t.Run("fixed token", func(t *testing.T) {
		_, err := client.WithToken("no-such-token").Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
	})
	t.Run("permission", func(t *testing.T) {
		srv.RevokePermission(shopsPath)
		_, err := client.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrPermission)
		srv.GrantPermission(shopsPath)
		_, err = client.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.NoError(t, err)
	})
	t.Run("invalid", func(t *testing.T) {
		_, err := client.Inventory.Query(ctx, &jushuitan.InventoryQuery{PageSize: 1000, SKUIDs: jushuitan.CommaList{"A"}})
		require.ErrorIs(t, err, jushuitan.ErrInvalid)
	})
}

func TestIPAllowlist(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithIPAllowlist(netip.MustParsePrefix("10.0.0.0/8")))
	t.Cleanup(srv.Close)
	client, err := srv.Client()
	require.NoError(t, err)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrIPNotAllowed)

	open := jushuitantest.NewServer(jushuitantest.WithIPAllowlist(netip.MustParsePrefix("127.0.0.0/8")))
	t.Cleanup(open.Close)
	client, err = open.Client()
	require.NoError(t, err)
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
}

func TestQuota(t *testing.T) {
	now := time.Date(2026, 1, 3, 4, 0, 0, 0, time.UTC)
	srv := jushuitantest.NewServer(jushuitantest.WithNow(func() time.Time { return now }))
	t.Cleanup(srv.Close)
	ask := func(path string) string { return string(call(t, srv, path, "{}").Code) }
	for range 5 {
		assert.Equal(t, "0", ask(shopsPath))
	}
	assert.Equal(t, "199", ask(shopsPath))
	assert.Equal(t, "0", ask("/open/wms/partner/query"), "another path has its own quota")
	srv.AccessToken("")
	srv.Advance(time.Second - time.Nanosecond)
	assert.Equal(t, "199", ask(shopsPath), "the window is exact")
	srv.Advance(time.Nanosecond)
	assert.Equal(t, "0", ask(shopsPath))
	for range 18 {
		srv.Advance(time.Second)
		for range 5 {
			assert.Equal(t, "0", ask(shopsPath))
		}
	}
	srv.Advance(time.Second)
	for range 4 {
		assert.Equal(t, "0", ask(shopsPath))
	}
	a := call(t, srv, shopsPath, "{}")
	assert.Equal(t, "200", string(a.Code), "100 within the minute")
	assert.Contains(t, a.Msg, "每分钟")
	srv.Advance(time.Minute)
	assert.Equal(t, "0", ask(shopsPath))
	assert.Equal(t, 3, srv.Stats().Throttled)
}

// TestQuotaIsKeptByTheClient: no call of the client is refused, in virtual time, and without a
// way on which a call could be late.
func TestQuotaIsKeptByTheClient(t *testing.T) {
	srv := jushuitantest.NewServer()
	synctest.Test(t, func(t *testing.T) {
		defer srv.Close() // what it counts belongs to the bubble
		here := httpmock.NewMockTransport()
		here.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
			answer := httptest.NewRecorder()
			srv.Handler().ServeHTTP(answer, req)
			return answer.Result(), nil
		})
		client, err := srv.Client(jushuitan.WithHTTPClient(&http.Client{Transport: here}))
		require.NoError(t, err)
		start := time.Now()
		for range 101 {
			_, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.NoError(t, err)
		}
		assert.Zero(t, srv.Stats().Throttled)
		assert.GreaterOrEqual(t, time.Since(start), time.Minute, "both quotas were reached")
	})
}

func TestQuotaPerToken(t *testing.T) {
	now := time.Date(2026, 1, 3, 4, 0, 0, 0, time.UTC)
	srv := jushuitantest.NewServer(jushuitantest.WithNow(func() time.Time { return now }),
		jushuitantest.WithQuota(jushuitan.Quota{Limit: 1, Per: time.Second}))
	t.Cleanup(srv.Close)
	ask := func(merchant string) string {
		form := rawForm(srv, "{}")
		form["access_token"] = srv.AccessToken(merchant)
		return string(post(t, srv, shopsPath, signed(srv, form)).Code)
	}
	assert.Equal(t, "0", ask("a"))
	assert.Equal(t, "199", ask("a"))
	assert.Equal(t, "0", ask("b"))
}

func TestRequestChecks(t *testing.T) {
	srv, _ := furnished(t)
	row := `{"shop_id":10350,"so_id":"A","order_date":"2026-01-03 12:00:00","shop_status":"WAIT_BUYER_PAY","shop_buyer_id":"b",` +
		`"receiver_address":"x","receiver_name":"n","pay_amount":1,"freight":0,"items":[{"sku_id":"S","shop_sku_id":"S","amount":1,"base_price":1,"qty":1,"name":"n","outer_oi_id":"1"}]}`
	for _, tt := range []struct{ name, path, biz, code, msg string }{
		{"object for array", "/open/jushuitan/orders/upload", row, "130", "数组"},
		{"empty array", "/open/jushuitan/orders/upload", "[]", "130", "空"},
		{"element no object", "/open/jushuitan/orders/upload", "[1]", "130", "biz[0]"},
		{"in order", "/open/jushuitan/orders/upload", "[" + row + "]", "0", ""},
		{"missing field", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"so_id":"A",`, "", 1) + "]", "130", "[0].so_id"},
		{"empty field", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"so_id":"A"`, `"so_id":""`, 1) + "]", "130", "so_id"},
		{"nested field", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"qty":1,`, "", 1) + "]", "130", "[0].items[0].qty"},
		{"pay without amount", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"freight"`, `"pay":{"outer_pay_id":"p"},"freight"`, 1) + "]", "130", "pay."},
		{"text too long", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"so_id":"A"`, `"so_id":"`+strings.Repeat("长", 51)+`"`, 1) + "]", "130", "最长50"},
		{"text of the right length", "/open/jushuitan/orders/upload", "[" + strings.Replace(row, `"so_id":"A"`, `"so_id":"`+strings.Repeat("长", 50)+`"`, 1) + "]", "0", ""},
		{"too many rows", "/open/jushuitan/orders/upload", "[" + row + strings.Repeat(","+row, 50) + "]", "130", "50"},
		{"too many ids", "/open/orders/single/query", `{"so_ids":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 21), ",") + `]}`, "130", "so_ids"},
		{"too many in a text", "/open/sku/query", `{"sku_ids":"` + strings.TrimSuffix(strings.Repeat("a,", 21), ",") + `"}`, "130", "sku_ids"},
		{"text for a list", "/open/orders/single/query", `{"so_ids":"a,b"}`, "130", "so_ids"},
		{"a list that may be a text", "/open/mall/item/query", `{"i_ids":"TS,X"}`, "0", ""},
		{"window too long", "/open/orders/single/query", `{"modified_begin":"2026-01-01 00:00:00","modified_end":"2026-01-08 00:00:01"}`, "130", "7天"},
		{"longest window", "/open/orders/single/query", `{"modified_begin":"2026-01-01 00:00:00","modified_end":"2026-01-08 00:00:00"}`, "0", ""},
		{"half a window", "/open/orders/single/query", `{"modified_begin":"2026-01-01 00:00:00"}`, "130", "modified_end"},
		{"window backwards", "/open/orders/single/query", `{"modified_begin":"2026-01-02 00:00:00","modified_end":"2026-01-01 00:00:00"}`, "130", "早于"},
		{"no time", "/open/orders/single/query", `{"modified_begin":"yesterday","modified_end":"today"}`, "130", "modified_begin"},
		{"one day", "/open/order/action/query", `{"modified_begin":"2026-01-01 00:00:00","modified_end":"2026-01-02 00:00:01"}`, "130", "1天"},
		{"no filter", "/open/orders/single/query", `{"shop_id":10350}`, "130", "start_ts"},
		{"no filter for stock", "/open/inventory/query", `{}`, "170", "sku_ids"},
		{"negative page", "/open/shops/query", `{"page_index":-1}`, "130", "page_index"},
		{"page beyond the last", "/open/jushuitan/inout/water/query", `{"page_index":801}`, "130", "800"},
		{"remark may be cleared", "/open/jushuitan/order/remark/upload", `{"o_id":1,"remark":""}`, "130", "不存在"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := call(t, srv, tt.path, tt.biz)
			assert.Equal(t, tt.code, string(a.Code), a.Msg)
			assert.Contains(t, a.Msg, tt.msg)
		})
	}
}

func TestTokensOfASelfBuiltApp(t *testing.T) {
	srv, client := furnished(t, jushuitantest.WithTokenLife(48*time.Hour))
	ctx := t.Context()
	tok, err := client.Token(ctx)
	require.NoError(t, err)
	assert.Len(t, tok.AccessToken, 32)
	assert.WithinDuration(t, srv.Now().Add(48*time.Hour), tok.ExpiresAt, 2*time.Second)

	srv.Advance(49 * time.Hour)
	a := post(t, srv, shopsPath, func() map[string]string {
		form := rawForm(srv, "{}")
		form["access_token"] = tok.AccessToken
		return signed(srv, form)
	}())
	assert.Equal(t, "100", string(a.Code))
	assert.Contains(t, a.Msg, "access_token")
	_, err = client.Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.NoError(t, err, "the client renews")

	srv.ExpireTokens("")
	_, err = client.Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.NoError(t, err, "a refused token is replaced and the call sent again")
	fresh, err := client.Token(ctx)
	require.NoError(t, err)
	assert.NotEqual(t, tok.AccessToken, fresh.AccessToken)
	assert.Positive(t, srv.Stats().TokenCalls)
}

func tokenForm(srv *jushuitantest.Server, more map[string]string) map[string]string {
	form := map[string]string{
		"app_key": srv.Credentials().AppKey, "timestamp": strconv.FormatInt(srv.Now().Unix(), 10), "charset": "utf-8",
	}
	for k, v := range more {
		form[k] = v
	}
	return signed(srv, form)
}

func TestTokenEndpoints(t *testing.T) {
	isv := jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider}
	get := map[string]string{"grant_type": "authorization_code", "code": "a1b2c3"}
	for _, tt := range []struct {
		name string
		opts []jushuitantest.Option
		path string
		form map[string]string
		code string
	}{
		{"getInitToken", nil, "/openWeb/auth/getInitToken", get, "0"},
		{"the test host's path", nil, "/openWebIsv/auth/getInitToken", get, "0"},
		{"wrong grant", nil, "/openWeb/auth/getInitToken", map[string]string{"grant_type": "x", "code": "a"}, "130"},
		{"no code", nil, "/openWeb/auth/getInitToken", map[string]string{"grant_type": "authorization_code"}, "10015"},
		{"service provider", []jushuitantest.Option{jushuitantest.WithApp(isv)}, "/openWeb/auth/getInitToken", get, "21024"},
		{"unknown code", nil, "/openWeb/auth/accessToken", get, "130"},
		{"service provider refreshes", []jushuitantest.Option{jushuitantest.WithApp(isv)}, "/openWeb/auth/refreshToken",
			map[string]string{"grant_type": "refresh_token", "refresh_token": "x", "scope": "all"}, "150"},
		{"unknown refresh token", nil, "/openWeb/auth/refreshToken",
			map[string]string{"grant_type": "refresh_token", "refresh_token": "x", "scope": "all"}, "100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := jushuitantest.NewServer(tt.opts...)
			t.Cleanup(srv.Close)
			a := post(t, srv, tt.path, tokenForm(srv, tt.form))
			assert.Equal(t, tt.code, string(a.Code), a.Msg)
		})
	}
}

func TestRefreshOfTokens(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []jushuitantest.Option
		same bool
		old  string // code that the old token gets afterwards
	}{
		{"new text", nil, false, "0"},
		{"same text", []jushuitantest.Option{jushuitantest.WithRefreshKeepsToken()}, true, "0"},
		{"single token", []jushuitantest.Option{jushuitantest.WithSingleToken()}, false, "100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := jushuitantest.NewServer(append(tt.opts, jushuitantest.WithoutQuota())...)
			t.Cleanup(srv.Close)
			take := func(form map[string]string, path string) (access, refresh string) {
				a := post(t, srv, path, tokenForm(srv, form))
				require.Equal(t, "0", string(a.Code), a.Msg)
				var p struct {
					AccessToken  string `json:"access_token"`
					RefreshToken string `json:"refresh_token"`
					ExpiresIn    int64  `json:"expires_in"`
				}
				unmarshal(t, a.Data, &p)
				assert.Equal(t, int64(30*24*3600), p.ExpiresIn)
				return p.AccessToken, p.RefreshToken
			}
			access, refresh := take(map[string]string{"grant_type": "authorization_code", "code": "a1b2c3"}, "/openWeb/auth/getInitToken")
			srv.Advance(time.Hour)
			next, _ := take(map[string]string{"grant_type": "refresh_token", "refresh_token": refresh, "scope": "all"}, "/openWeb/auth/refreshToken")
			assert.Equal(t, tt.same, access == next)
			form := rawForm(srv, "{}")
			form["access_token"] = access
			assert.Equal(t, tt.old, string(post(t, srv, shopsPath, signed(srv, form)).Code))
		})
	}
}

func TestGrantOfAServiceProvider(t *testing.T) {
	isv := jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider}
	srv := jushuitantest.NewServer(jushuitantest.WithApp(isv), jushuitantest.WithoutQuota())
	t.Cleanup(srv.Close)
	require.NoError(t, srv.Company("ent-1").AddShop(jushuitan.Shop{ShopID: 1, ShopName: "一"}))
	require.NoError(t, srv.Company("ent-2").AddShop(jushuitan.Shop{ShopID: 2, ShopName: "二"}))
	client, err := srv.Client()
	require.NoError(t, err)
	ctx := t.Context()

	_, err = client.ForMerchant("ent-1").Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrReauthorize, "nobody has granted the app yet")

	for i, ent := range []string{"ent-1", "ent-2"} {
		redirect, err := client.ParseRedirect(srv.Authorize(ent, "state-"+ent))
		require.NoError(t, err)
		assert.Equal(t, "state-"+ent, redirect.State)
		merchant := client.ForMerchant(ent)
		_, err = merchant.ExchangeCode(ctx, redirect.Code)
		require.NoError(t, err)
		page, err := merchant.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.NoError(t, err)
		require.Len(t, page.Shops, 1, "each company has its own shops")
		assert.Equal(t, int64(i+1), page.Shops[0].ShopID)
		_, err = merchant.ExchangeCode(ctx, redirect.Code)
		require.Error(t, err, "a code works once")
	}
	late := srv.Authorize("ent-1", "")
	srv.Advance(15 * time.Minute)
	_, err = client.ForMerchant("ent-1").ExchangeCode(ctx, late.Get("code"))
	require.Error(t, err, "a code works for 15 minutes")

	forged := srv.Authorize("ent-1", "s")
	forged.Set("state", "other")
	_, err = client.ParseRedirect(forged)
	require.ErrorIs(t, err, jushuitan.ErrSign)

	srv.ExpireTokens("ent-1")
	_, err = client.ForMerchant("ent-1").Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.ErrorIs(t, err, jushuitan.ErrReauthorize)
	_, err = client.ForMerchant("ent-2").Shops.Query(ctx, &jushuitan.ShopQuery{})
	require.NoError(t, err)
}

func TestRecordsHoldNoSecrets(t *testing.T) {
	srv, client := furnished(t)
	_, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{mallOrder("SO-1", srv.Now())})
	require.NoError(t, err)
	token, err := client.Token(t.Context())
	require.NoError(t, err)
	var last jushuitantest.RequestRecord
	for _, r := range srv.Requests() {
		last = r
	}
	assert.Equal(t, "/open/jushuitan/orders/upload", last.Path)
	assert.Equal(t, http.StatusOK, last.Status)
	text := fmtAll(srv.Requests(), srv.Stats(), srv, srv.Company(""))
	for _, secret := range []string{token.AccessToken, token.RefreshToken, srv.Credentials().AppSecret, "13900000001", "林一"} {
		assert.NotContains(t, text, secret)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, opt := range map[string]jushuitantest.Option{
		"app":        jushuitantest.WithApp(jushuitan.Credentials{}),
		"quota":      jushuitantest.WithQuota(jushuitan.Quota{}),
		"token life": jushuitantest.WithTokenLife(0),
		"latency":    jushuitantest.WithLatency(-1),
		"slack":      jushuitantest.WithSlack(-1),
		"now":        jushuitantest.WithNow(nil),
		"push":       jushuitantest.WithPushClient(nil),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jushuitantest.Start(t.Context(), "127.0.0.1:0", opt)
			require.Error(t, err)
		})
	}
	_, err := jushuitantest.Start(t.Context(), "256.0.0.1:bad")
	require.Error(t, err)
}

func TestUnusualHTTP(t *testing.T) {
	srv, _ := furnished(t)
	form := signed(srv, rawForm(srv, "{}"))
	values := url.Values{}
	for k, v := range form {
		values.Set(k, v)
	}
	values.Add("biz", "{}")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+shopsPath, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := send(t, req)
	assert.Equal(t, "10", string(a.Code), "a parameter given twice cannot be signed")
}
