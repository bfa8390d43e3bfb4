package jushuitan_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// verdicts maps each check of a report to its verdict.
func verdicts(r *jushuitan.Report) map[string]jushuitan.Verdict {
	out := map[string]jushuitan.Verdict{}
	for _, f := range r.Findings {
		out[f.Check] = f.Verdict
	}
	return out
}

func TestDoctor(t *testing.T) {
	const mall, platform, stores = 10200077, 10200001, 10100088
	furnish := func(t *testing.T, srv *jushuitantest.Server) {
		require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: mall, ShopName: "微商城", ShopSite: "商家自有商城"}))
		require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: platform, ShopName: "抖音店", ShopSite: "头条放心购"}))
		require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "总仓", WMSCoID: 10100001, IsMain: true}))
		require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓", WMSCoID: stores}))
	}
	options := jushuitan.DoctorOptions{Operations: []string{"Orders.Query", "/open/sku/query", "Orders.Upload"}, ShopID: mall, Warehouse: "店加线下仓"}
	tests := map[string]struct {
		server  []jushuitantest.Option
		spoil   func(t *testing.T, srv *jushuitantest.Server)
		client  func(srv *jushuitantest.Server) (jushuitan.Credentials, []jushuitan.Option)
		options func(o *jushuitan.DoctorOptions)
		want    map[string]jushuitan.Verdict
		ok      bool
	}{
		"all is well": {want: map[string]jushuitan.Verdict{
			"sign 签名算法": jushuitan.VerdictOK, "host 主机": jushuitan.VerdictOK, "clock 时钟": jushuitan.VerdictOK, "token 令牌": jushuitan.VerdictOK,
			"account 账号": jushuitan.VerdictOK, "permission Orders.Query": jushuitan.VerdictOK, "permission /open/sku/query": jushuitan.VerdictOK,
			"permission Orders.Upload": jushuitan.VerdictSkipped, "quota 限流": jushuitan.VerdictOK, "shop 店铺": jushuitan.VerdictOK,
			"warehouse 仓库": jushuitan.VerdictOK, "routing loop 回流": jushuitan.VerdictOK,
		}, ok: true},
		"wrong secret": {client: func(srv *jushuitantest.Server) (jushuitan.Credentials, []jushuitan.Option) {
			cred := srv.Credentials()
			cred.AppSecret = "something else"
			return cred, nil
		}, want: map[string]jushuitan.Verdict{"token 令牌": jushuitan.VerdictFailed, "account 账号": jushuitan.VerdictSkipped}},
		"IP not allowed": {server: []jushuitantest.Option{jushuitantest.WithIPAllowlist(netip.MustParsePrefix("10.0.0.0/8"))},
			want: map[string]jushuitan.Verdict{"token 令牌": jushuitan.VerdictFailed, "account 账号": jushuitan.VerdictSkipped}},
		"clock wrong": {client: func(srv *jushuitantest.Server) (jushuitan.Credentials, []jushuitan.Option) {
			return srv.Credentials(), []jushuitan.Option{jushuitan.WithClock(func() time.Time { return time.Now().Add(-time.Hour) })}
		}, want: map[string]jushuitan.Verdict{"clock 时钟": jushuitan.VerdictFailed}},
		"no permission": {spoil: func(_ *testing.T, srv *jushuitantest.Server) { srv.RevokePermission("/open/sku/query") },
			want: map[string]jushuitan.Verdict{"permission /open/sku/query": jushuitan.VerdictFailed, "permission Orders.Query": jushuitan.VerdictOK}},
		"fixed token": {client: func(srv *jushuitantest.Server) (jushuitan.Credentials, []jushuitan.Option) {
			return srv.Credentials(), []jushuitan.Option{jushuitan.WithToken(srv.AccessToken(""))}
		}, want: map[string]jushuitan.Verdict{"token 令牌": jushuitan.VerdictWarning}, ok: true},
		"unknown operation":  {options: func(o *jushuitan.DoctorOptions) { o.Operations = []string{"Orders.Nothing"} }, want: map[string]jushuitan.Verdict{"permission Orders.Nothing": jushuitan.VerdictFailed}},
		"wrong kind of shop": {options: func(o *jushuitan.DoctorOptions) { o.ShopID = platform }, want: map[string]jushuitan.Verdict{"shop 店铺": jushuitan.VerdictFailed}},
		"no such shop":       {options: func(o *jushuitan.DoctorOptions) { o.ShopID = 5 }, want: map[string]jushuitan.Verdict{"shop 店铺": jushuitan.VerdictFailed}},
		"no such warehouse":  {options: func(o *jushuitan.DoctorOptions) { o.Warehouse = "线下" }, want: map[string]jushuitan.Verdict{"warehouse 仓库": jushuitan.VerdictFailed}},
		"orders come back": {spoil: func(t *testing.T, srv *jushuitantest.Server) {
			id, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: mall, SoID: "MALL-1", Items: []jushuitan.OrderUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(1)}}})
			require.NoError(t, err)
			_, err = srv.AssignOrder(id, stores)
			require.NoError(t, err)
		}, want: map[string]jushuitan.Verdict{"routing loop 回流": jushuitan.VerdictFailed}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := jushuitantest.NewServer(tt.server...)
			defer srv.Close()
			furnish(t, srv)
			if tt.spoil != nil {
				tt.spoil(t, srv)
			}
			cred, opts := srv.Credentials(), []jushuitan.Option(nil)
			if tt.client != nil {
				cred, opts = tt.client(srv)
			}
			c, err := jushuitan.New(cred, append(opts, jushuitan.WithBaseURL(srv.URL), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))...)
			require.NoError(t, err)
			o := options
			if tt.options != nil {
				tt.options(&o)
			}
			report, err := c.Doctor(t.Context(), o)
			require.NoError(t, err)
			got := verdicts(report)
			for check, want := range tt.want {
				assert.Equal(t, want, got[check], "%s\n%s", check, report)
			}
			assert.Equal(t, tt.ok, report.OK(), "%s", report)
			for _, f := range report.Findings {
				if f.Verdict == jushuitan.VerdictFailed {
					assert.NotEmpty(t, f.Hint, f.Check)
					assert.NotEmpty(t, f.HintZH, f.Check)
				}
			}
			text, err := report.JSON()
			require.NoError(t, err)
			var again jushuitan.Report
			require.NoError(t, json.Unmarshal(text, &again))
			assert.Equal(t, report.String(), again.String())
			assert.NotContains(t, report.String(), cred.AppSecret)
			assert.Regexp(t, `^merchant "[^"]*" at \S+\+08:00\n`, report.String(), "times are China's, whatever the host's zone")
			for _, f := range report.Findings {
				assert.NotRegexp(t, `\dZ`, f.Detail)
			}
		})
	}
}

// What the doctor did not learn is unknown: a read that fails with anything but its
// permission is not called granted, and a page is no verdict on the shop.
func TestDoctorSaysUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   jushuitan.Verdict
	}{
		"data refused":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":130,"msg":"x"}`) }, jushuitan.VerdictUnknown},
		"page":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, jushuitan.VerdictUnknown},
		"unavailable":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, jushuitan.VerdictUnknown},
		"rate limited":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":199,"msg":"x"}`) }, jushuitan.VerdictUnknown},
		"no answer":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, jushuitan.VerdictUnknown},
		"no permission": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":190,"msg":"x"}`) }, jushuitan.VerdictFailed},
		"granted":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":0,"data":null}`) }, jushuitan.VerdictOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shops := 0
				c := served(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == http.MethodHead:
						w.Header()["Date"] = nil
					case strings.HasSuffix(r.URL.Path, "/shops/query"):
						if shops++; shops > 1 { // the first is the account's
							tt.answer(w, r)
							return
						}
						_, _ = io.WriteString(w, okShops)
					default:
						tt.answer(w, r)
					}
				}, jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}), jushuitan.WithLimiter(failingLimiter{}))
				report, err := c.Doctor(t.Context(), jushuitan.DoctorOptions{Operations: []string{"Orders.Query"}, ShopID: 1, Warehouse: "w"})
				require.NoError(t, err)
				got := verdicts(report)
				assert.Equal(t, tt.want, got["permission Orders.Query"], "%s", report)
				assert.Equal(t, jushuitan.VerdictUnknown, got["clock 时钟"], "no Date")
				assert.Equal(t, jushuitan.VerdictUnknown, got["quota 限流"])
				if tt.want != jushuitan.VerdictOK {
					assert.Equal(t, tt.want, got["shop 店铺"], "%s", report)
					assert.Equal(t, tt.want, got["warehouse 仓库"], "%s", report)
					assert.Equal(t, tt.want != jushuitan.VerdictFailed, report.OK())
					assert.Contains(t, report.String(), "\n"+string(tt.want))
				}
				text, err := report.JSON()
				require.NoError(t, err)
				assert.Contains(t, string(text), `"verdict": "unknown"`)
			})
		})
	}
}

// TestDoctorUnreachable says that the host is not reached.
func TestDoctorUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := served(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
		report, err := c.Doctor(t.Context(), jushuitan.DoctorOptions{})
		require.NoError(t, err)
		assert.Equal(t, jushuitan.VerdictFailed, verdicts(report)["host 主机"])
		assert.Equal(t, jushuitan.VerdictUnknown, verdicts(report)["clock 时钟"])
		assert.Equal(t, jushuitan.VerdictFailed, verdicts(report)["account 账号"])
	})
}

func TestLimiterAvailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := jushuitan.NewLimiter(jushuitan.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 5, Per: time.Second}, {Limit: 8, Per: time.Minute}}, Slack: time.Millisecond})
		require.NoError(t, err)
		key := jushuitan.LimitKey{Path: "/x"}
		assert.Equal(t, 5, l.Available(key))
		take := func(n int) {
			for range n {
				sent, err := l.Wait(t.Context(), key)
				require.NoError(t, err)
				sent()
			}
		}
		take(3)
		assert.Equal(t, 2, l.Available(key))
		time.Sleep(1100 * time.Millisecond) // virtual
		assert.Equal(t, 5, l.Available(key))
		take(5)
		assert.Equal(t, 0, l.Available(key))
		time.Sleep(1100 * time.Millisecond)
		assert.Equal(t, 0, l.Available(key), "the minute is used up")
		time.Sleep(time.Minute)
		assert.Equal(t, 5, l.Available(key))
		require.NoError(t, l.Penalize(t.Context(), key, time.Second))
		assert.Equal(t, 0, l.Available(key))
	})
}

// TestDoctorKnowsEveryOperation: reads are tried, whatever they ask for; writes never.
func TestDoctorKnowsEveryOperation(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota())
	defer srv.Close()
	client, err := srv.Client()
	require.NoError(t, err)
	want := map[string]jushuitan.Verdict{}
	var names []string
	for _, op := range jushuitan.Operations() {
		if op.Service == "" {
			continue // token calls
		}
		names = append(names, op.Name())
		want["permission "+op.Name()] = ""
		if op.Effect != jushuitan.Read {
			want["permission "+op.Name()] = jushuitan.VerdictSkipped
		}
	}
	report, err := client.Doctor(t.Context(), jushuitan.DoctorOptions{Operations: names})
	require.NoError(t, err)
	got := verdicts(report)
	granted := 0
	for check, verdict := range want {
		switch {
		case verdict != "":
			assert.Equal(t, verdict, got[check], check)
		case got[check] == jushuitan.VerdictOK:
			granted++
		default: // a read that needs a filter
			assert.Equal(t, jushuitan.VerdictUnknown, got[check], check)
		}
	}
	assert.Positive(t, granted)
	t.Logf("%d operations, %d of them granted", len(want), granted)
}
