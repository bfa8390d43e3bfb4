package main

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// catalogue is the catalog, read once; nobody changes it.
var catalogue = sync.OnceValues(catalog.Operations)

func operations(t *testing.T) []*catalog.Operation {
	t.Helper()
	ops, err := catalogue()
	require.NoError(t, err)
	return ops
}

// lab is a verifier and the fake that it calls.
type lab struct {
	*verifier
	srv *jushuitantest.Server
}

// newLab starts a fake with the demo merchant that speaks dialects.
func newLab(t *testing.T, dialects ...jushuitantest.Dialect) *lab {
	t.Helper()
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota(), jushuitantest.WithDialect(dialects...))
	t.Cleanup(srv.Close)
	require.NoError(t, demo.Furnish(srv))
	require.NoError(t, (&settings{}).furnish(srv))
	srv.Advance(400 * time.Millisecond) // the merchant is older than what a dialect has appear late
	v := newVerifier(operations(t))
	quick := jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond})
	client, err := srv.Client(append(v.options(), quick)...)
	require.NoError(t, err)
	v.client = client
	return &lab{v, srv}
}

// only restricts the lab to some operations.
func (l *lab) only(names ...string) *lab {
	l.ops = slices.DeleteFunc(l.ops, func(op *catalog.Operation) bool { return !slices.Contains(names, op.Name()) })
	return l
}

func (l *lab) verify(t *testing.T) []*result {
	t.Helper()
	results, err := l.run(t.Context())
	require.NoError(t, err)
	require.Len(t, results, len(l.ops))
	return results
}

func resultOf(t *testing.T, results []*result, name string) *result {
	t.Helper()
	i := slices.IndexFunc(results, func(r *result) bool { return r.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return results[i]
}

// TestEveryRead: each read of the catalog is called once or is said not to be, with the reason.
func TestEveryRead(t *testing.T) {
	l := newLab(t)
	results := l.verify(t)
	var want []string
	for _, op := range operations(t) {
		if op.Effect == "read" {
			want = append(want, op.Name())
		}
	}
	var names []string
	notTried := map[string]string{}
	for _, r := range results {
		names = append(names, r.Name)
		if r.Result == resultNotTried {
			notTried[r.Name] = r.Why
			assert.Zero(t, r.Calls, r.Name)
			continue
		}
		assert.Contains(t, []string{resultRows, resultEmpty}, r.Result, "%s: %s", r.Name, r.Why)
		assert.NotZero(t, r.Calls, r.Name)
	}
	assert.Equal(t, want, names)
	assert.Equal(t, map[string]string{
		"Bins.RecommendForPack":        "no answer had a value for pack_id",
		"SortingWall.CheckCarts":       "no answer had a value for carry_ids",
		"Distribution.QueryItemDetail": "no answer had a value for item_spuId",
		"CrossBorder.QueryTracks":      "the service charges for each call 按次收费",
	}, notTried)

	orders := resultOf(t, results, "Orders.Query")
	assert.Equal(t, resultRows, orders.Result)
	assert.Equal(t, 1+1+5+2, orders.Rows, "the first two of one row, then 5 and 2 of the pages of 5 rows")
	assert.Contains(t, orders.Missing, "data.orders[].receiver_city")
	assert.NotContains(t, orders.Missing, "data.orders[].receiver_name")
	assert.Equal(t, resultEmpty, resultOf(t, results, "Purchases.Query").Result)
	prices := resultOf(t, results, "SKUs.QueryCostPrices")
	assert.NotEmpty(t, prices.sent[0]["sku_ids"], "an id of an earlier answer")
}

// TestReadsOnly: no write reaches the service, whatever is called through the client.
func TestReadsOnly(t *testing.T) {
	l := newLab(t)
	l.verify(t)
	sent := map[string]bool{}
	for _, r := range l.srv.Requests() {
		sent[r.Path] = true
	}
	before := len(l.srv.Requests())
	writes := 0
	for _, op := range operations(t) {
		if op.Go.Auth || op.Effect == "read" {
			continue
		}
		for _, path := range append([]string{op.Path}, op.AltPaths...) {
			writes++
			assert.False(t, sent[path], "the run called %s", path)
			err := l.client.Call(t.Context(), path, map[string]any{}, nil, jushuitan.AsRead())
			require.ErrorIs(t, err, errNotARead, path)
		}
	}
	assert.Greater(t, writes, 80)
	require.ErrorIs(t, l.client.Call(t.Context(), "/open/no/such", map[string]any{}, nil), errNotARead)
	assert.Len(t, l.srv.Requests(), before, "nothing was sent")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/open/shops/query", nil)
	require.NoError(t, err)
	_, err = l.guard.allowed(req)
	require.ErrorIs(t, err, errNotARead)
}

// TestGuardKnowsPaths: a base URL may have a path, so the ends of paths are compared; no write
// may look like a read by that.
func TestGuardKnowsPaths(t *testing.T) {
	g := newGuard(operations(t))
	require.Len(t, g.tokens, 5)
	for _, op := range operations(t) {
		for _, path := range append([]string{op.Path}, op.AltPaths...) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/proxy"+path, nil)
			require.NoError(t, err)
			got, err := g.allowed(req)
			switch {
			case op.Go.Auth:
				require.NoError(t, err, path)
				assert.Nil(t, got, path)
			case op.Effect == "read":
				require.NoError(t, err, path)
				assert.Equal(t, op, got, path)
			default:
				require.ErrorIs(t, err, errNotARead, path)
			}
		}
	}
}

// TestAccounts: what an account lacks is reported as that.
func TestAccounts(t *testing.T) {
	t.Run("no permission", func(t *testing.T) {
		l := newLab(t).only("Shops.Query", "SKUs.Query")
		l.srv.RevokePermission("/open/sku/query")
		r := resultOf(t, l.verify(t), "SKUs.Query")
		assert.Equal(t, resultDenied, r.Result)
		assert.EqualValues(t, 190, r.Code)
		assert.Empty(t, r.Missing)
	})
	t.Run("refused", func(t *testing.T) {
		l := newLab(t).only("Shops.Query", "SKUs.Query")
		l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Refuse, Path: "/open/sku/query", Code: 130, Msg: "店铺 10200001 已停用"})
		r := resultOf(t, l.verify(t), "SKUs.Query")
		assert.Equal(t, resultRefused, r.Result)
		assert.Equal(t, `request rejected: "店铺 *** 已停用"`, r.Why, "the ids of other answers are masked")
	})
	t.Run("throttled", func(t *testing.T) {
		l := newLab(t).only("Shops.Query")
		l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Throttle, Path: "/open/shops/query", Times: 1})
		rep := l.report(l.verify(t), nil)
		assert.Equal(t, 1, rep.Throttled)
		assert.Contains(t, rep.Summary[0].String(), "limit: 1 call refused for the quota with code 199")
	})
	t.Run("no answer", func(t *testing.T) {
		l := newLab(t)
		l.srv.Close()
		results, err := l.run(t.Context())
		require.ErrorIs(t, err, jushuitan.ErrUnavailable)
		assert.Equal(t, "service unavailable", results[0].Why)
		assert.Equal(t, "the account cannot call", results[1].Why)
		assert.Equal(t, 1, l.silent, "no second operation was called")
	})
	t.Run("no answer any more", func(t *testing.T) {
		l := newLab(t)
		l.say = func(done, _ int, _ *result) {
			if done == 4 {
				l.srv.Close()
			}
		}
		results, err := l.run(t.Context())
		require.ErrorIs(t, err, jushuitan.ErrUnavailable)
		assert.Equal(t, mostSilent, l.silent)
		assert.Equal(t, resultFailed, results[4].Result)
		assert.Equal(t, resultNotTried, results[7].Result)
	})
	t.Run("slow", func(t *testing.T) {
		l := newLab(t).only("Shops.Query")
		l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Slow, Delay: 50 * time.Millisecond})
		l.patience = time.Millisecond
		slow := make(chan string, 1)
		l.slow = func(op *catalog.Operation) { slow <- op.Name() }
		l.verify(t)
		assert.Equal(t, "Shops.Query", <-slow)
	})
	t.Run("no token", func(t *testing.T) {
		l := newLab(t)
		l.client = l.client.WithToken("no-such-token")
		results, err := l.run(t.Context())
		require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
		assert.Equal(t, resultFailed, results[0].Result)
		assert.Regexp(t, "^access token invalid or expired: ", results[0].Why)
		for _, r := range results[1:] {
			assert.Equal(t, resultNotTried, r.Result, r.Name)
			assert.Equal(t, "the account cannot call", r.Why, r.Name)
		}
		assert.False(t, l.report(results, err).Complete)
	})
}

func none(string) string { return "" }

// start runs the program with arguments.
func start(ctx context.Context, args ...string) (text, progress string, err error) {
	var out, machine strings.Builder
	err = (&settings{progress: &machine}).program().Start(ctx, args, none, &out)
	return out.String(), machine.String(), err
}

// few are operations that have rows in the fake.
const few = "-operations=Shops.Query,SKUs.Query,Orders.Query,Bins.RecommendForPack"

func TestText(t *testing.T) {
	text, progress, err := start(t.Context(), few, "-dialect", "text-numbers,clock-ahead")
	require.NoError(t, err)
	assert.Empty(t, progress)
	for _, want := range []string{
		`\[ 1/4\] rows +Shops\.Query 店铺查询`, `Operations 接口: 4; with rows 有数据 3, without rows 无数据 0, .* not tried 未调用 1`,
		`Clock 时钟: the server's is 6m0s ahead of this one`, `Latency 延迟: median \d+ ms`, `Quota 限流: \d+ calls`,
		`Not tried 未调用:\n  Bins\.RecommendForPack: no answer had a value for pack_id`,
		`clock: the server's clock is 6m0s ahead`, `other kind: text, documented as int \(number\) \(\d+ members of Shops\.Query, SKUs\.Query, Orders\.Query\)`,
		`other kind data\.datas\[\]\.co_id: text, documented as int`, `and \d+ more, see -json`, `members documented and not seen`, `No read shows 查询无法验证`,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestJSON(t *testing.T) {
	text, progress, err := start(t.Context(), few, "-json", "-dialect", "text-numbers")
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(progress, "\n"), "progress goes elsewhere")
	var got report
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&got))
	assert.True(t, got.Complete)
	assert.Equal(t, demo.Merchant, got.Merchant)
	require.Len(t, got.Operations, 4)
	assert.NotEmpty(t, got.Operations[0].Findings)
	assert.NotNil(t, got.Offset)
	assert.NotEmpty(t, got.Unseen)
}

func TestFixturesFlag(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "answers")
	text, _, err := start(t.Context(), few, "-fixtures", dir)
	require.NoError(t, err)
	assert.Contains(t, text, "answers with invented values are in "+dir)
	entries, err := os.ReadDir(filepath.Join(dir, "jushuitan-answer"))
	require.NoError(t, err)
	assert.Greater(t, len(entries), 10)
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	assert.Contains(t, string(index), `"target": "/open/orders/single/query"`)
}

// TestReal treats a fake as a real account.
func TestReal(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	cred := srv.Credentials()
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	args := []string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-operations", "Shops.Query"}
	var out strings.Builder
	require.NoError(t, (&settings{}).program().Start(t.Context(), args, env, &out))
	assert.Regexp(t, `^\[ 1/1\] rows +Shops\.Query`, out.String())

	err := (&settings{}).program().Start(t.Context(), append(args, "-dialect", "bom"), env, &out)
	require.ErrorContains(t, err, "-dialect is for the fake only")
	wrong := func(string) string { return "wrong" }
	err = (&settings{}).program().Start(t.Context(), args, wrong, &out)
	require.ErrorIs(t, err, jushuitan.ErrSign)
	require.ErrorContains(t, err, "run examples/doctor")
	assert.NotContains(t, out.String()+err.Error(), cred.AppSecret)
}

// TestInterrupt: Ctrl-C ends with a sentence, after the report of what was called until then.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &trigger{on: "[ 5/", do: cancel}
	err := (&settings{}).program().Start(ctx, nil, none, out)
	require.ErrorContains(t, err, "已中断")
	assert.Contains(t, out.String(), "Waves.Query: interrupted")
	assert.Regexp(t, `with rows 有数据 [345],`, out.String())
}

// trigger does something when a text is written.
type trigger struct {
	strings.Builder
	on string
	do func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.on) {
		w.do()
	}
	return w.Builder.Write(p)
}

func TestUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"-json and -patch exclude each other": {"-json", "-patch"},
		`"Orders.Upload" is no query`:         {"-operations", "Orders.Upload"},
		`"" is no query`:                      {"-operations", "Orders.Query,"},
		"-dialect: ":                          {"-dialect", "no-such"},
		"not defined: -no-such":               {"-no-such"},
		`unexpected argument "extra"`:         {"extra"},
	} {
		_, _, err := start(t.Context(), args...)
		assert.ErrorContains(t, err, want, "%q", args)
	}
	text, _, err := start(t.Context(), "-h")
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Equal(t, 3, strings.Count(text, "go run ./examples/verify"), "three invocations")
}
