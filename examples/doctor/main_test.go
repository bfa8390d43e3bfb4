package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func none(string) string { return "" }

func doctor(t *testing.T, env func(string) string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := program().Start(t.Context(), args, env, &out)
	return out.String(), err
}

// verdicts returns the lines of a report by verdict and check.
func verdicts(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 {
			found[words[1]] = words[0]
		}
	}
	return found
}

func TestHealthy(t *testing.T) {
	text, err := doctor(t, none)
	require.NoError(t, err, "%s", text)
	found := verdicts(text)
	for _, check := range []string{"sign", "host", "clock", "token", "account", "shop", "warehouse", "routing", "bindings"} {
		assert.Equal(t, "ok", found[check], "%s: %s", check, text)
	}
	assert.Regexp(t, `permission Orders.Query +granted`, text)
	assert.NotContains(t, text, "failed")
}

func TestBroken(t *testing.T) {
	text, err := doctor(t, none, "-broken")
	require.ErrorContains(t, err, "有需要处理的问题")
	found := verdicts(text)
	for check, want := range map[string]string{
		"token": "ok", "clock": "warning", "shop": "failed", "routing": "failed",
		string(mapping.SetupMallShopSiteWrong):           "failed",
		string(mapping.SetupMainWarehouseBound):          "failed",
		string(mapping.SetupOrderStoreMissing):           "failed",
		string(mapping.SetupVirtualWarehouseDownloaded):  "failed",
		string(mapping.SetupStockLoop):                   "failed",
		string(mapping.SetupMallOrderToVirtualWarehouse): "failed",
		string(mapping.SetupWarehouseDisabled):           "warning",
	} {
		assert.Equal(t, want, found[check], check)
	}
	assert.Contains(t, text, "no permission, code 190")
	assert.Contains(t, text, "请在开放平台申请该接口权限", "each has a hint")
	assert.Contains(t, text, `10100088 -> "S001" -> 10100088`)
}

// TestReal treats a fake as a real account: bindings come from flags, and the report is
// machine-readable.
func TestReal(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 5, IsMain: true, Name: "总仓"}))
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 6, Name: "店加线下仓"}))
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: 9, ShopName: "商城"}))
	cred := srv.Credentials()
	secretIs := func(secret string) func(string) string {
		return func(name string) string { return map[string]string{app.EnvAppSecret: secret}[name] }
	}
	secret := secretIs(cred.AppSecret)
	args := []string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-merchant", "10010", "-shop", "9", "-json", "-store", "S1=6,order", "-download", "W1=5"}

	read := func(text string) (jushuitan.Report, map[string]jushuitan.Finding) {
		var report jushuitan.Report
		require.NoError(t, json.Unmarshal([]byte(text), &report), text)
		found := map[string]jushuitan.Finding{}
		for _, f := range report.Findings {
			found[f.Check] = f
		}
		return report, found
	}
	text, err := doctor(t, secret, args...)
	require.NoError(t, err, "%s", text)
	report, found := read(text)
	assert.Equal(t, "10010", report.Merchant)
	assert.Equal(t, jushuitan.VerdictOK, found["bindings 绑定"].Verdict)

	text, err = doctor(t, secret, append(args, "-store", "S2=7")...)
	require.Error(t, err)
	_, found = read(text)
	assert.Equal(t, jushuitan.VerdictFailed, found[string(mapping.SetupWarehouseUnknown)].Verdict)
	assert.Contains(t, found[string(mapping.SetupWarehouseUnknown)].Detail, "warehouse 7")

	// An account that cannot call at all is reported as such, and the rest is not guessed.
	text, err = doctor(t, secretIs("another-secret"), args...)
	require.Error(t, err)
	_, found = read(text)
	assert.Equal(t, jushuitan.VerdictFailed, found["token 令牌"].Verdict)
	assert.Equal(t, jushuitan.VerdictSkipped, found["account 账号"].Verdict)
	assert.Equal(t, jushuitan.VerdictUnknown, found["bindings 绑定"].Verdict)
	assert.NotContains(t, text, "another-secret")

	_, err = doctor(t, secret, append(args, "-broken")...)
	require.ErrorContains(t, err, "for the fake only")
}

// -raw prints what went over the wire, without secrets.
func TestRaw(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	cred := srv.Credentials()
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	text, _ := doctor(t, env, "-app-key", cred.AppKey, "-base-url", srv.URL, "-merchant", "10010", "-raw")
	assert.Contains(t, text, "Shops.Query "+srv.URL+"/open/shops/query")
	assert.Contains(t, text, "> access_token=***")
	assert.Contains(t, text, "> biz={")
	assert.Contains(t, text, "< HTTP 200")
	assert.Contains(t, text, `< {"code":0`)
	assert.Contains(t, text, "account 账号")
	for _, secret := range []string{cred.AppSecret, srv.AccessToken("10010"), srv.AccessToken("")} {
		if secret != "" {
			assert.NotContains(t, text, secret)
		}
	}
	_, err := doctor(t, none, "-raw", "-json")
	require.ErrorContains(t, err, "-raw")
}

func TestBindingFlags(t *testing.T) {
	for _, text := range []string{"", "S1", "S1=", "=6", "S1=x", "S1=-6", "S1=6,orders"} {
		var f storeFlag
		require.ErrorContains(t, f.Set(text), "CODE=wms_co_id", text)
		assert.Empty(t, f)
	}
	var f storeFlag
	require.NoError(t, f.Set("S1=6"))
	require.NoError(t, f.Set("S2=6,order"))
	assert.Equal(t, []bool{false, true}, []bool{f[0].OrderStore, f[1].OrderStore})
}
