package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func none(string) string { return "" }

// output calls after once the expected text has been written.
type output struct {
	strings.Builder
	wait  string
	after func()
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Builder.Write(p)
	if o.after != nil && strings.Contains(o.String(), o.wait) {
		o.after()
		o.after = nil
	}
	return n, err
}

func TestDemo(t *testing.T) {
	t.Parallel()
	var out output
	require.NoError(t, program().Start(t.Context(), nil, none, &out), "%s", &out)
	text := out.String()
	assert.Contains(t, text, "In Jushuitan 3000 orders, in the sink 3000: missing 缺失 0, duplicate 重复 0")
	assert.Equal(t, 2, strings.Count(text, "not finished 未完成"), "%s", text)
	assert.Equal(t, 1, strings.Count(text, "finished 已完成"), "%s", text)
	assert.Contains(t, text, " 33%  at 进度 2025-05-02    1000 orders")
	assert.Contains(t, text, "from the beginning 从头开始: 10", "it was stopped soon after the thousandth")

	// The third run began before the lost checkpoints: what the second run had stored was
	// returned again, and recognised.
	_, third, _ := strings.Cut(text, "Run 3")
	assert.Contains(t, third, "resumed at 续传自 2025-04-30")
	assert.NotContains(t, third, " 0 of them known already")
	assert.Contains(t, third, "3000 in the sink")
}

// TestStop stops the program itself in the middle and starts it again.
func TestStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"-checkpoint", filepath.Join(dir, "at.json"), "-out", filepath.Join(dir, "orders.jsonl"), "-orders", "1000", "-every", "100"}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := &output{wait: "500 orders", after: cancel}
	err := program().Start(ctx, args, none, first)
	require.ErrorContains(t, err, "再次执行即可继续", "%s", first)
	assert.Contains(t, first.String(), "not finished")

	var second output
	require.NoError(t, program().Start(t.Context(), args, none, &second), "%s", &second)
	assert.Contains(t, second.String(), "resumed at 续传自 2025-0")
	assert.Contains(t, second.String(), " 0 of them duplicates 重复, 1000 in the sink 已入库; finished")

	var third output
	require.NoError(t, program().Start(t.Context(), args, none, &third), "%s", &third)
	assert.Contains(t, third.String(), ": 0 orders received, 0 of them duplicates 重复, 1000 in the sink 已入库; finished")

	lines, err := os.ReadFile(args[3])
	require.NoError(t, err)
	assert.Equal(t, 1000, strings.Count(string(lines), "\n"))
	assert.Equal(t, 100, strings.Count(string(lines), `"Cancelled"`))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no part of a file is left behind")
}

// TestReal treats a fake as a real account.
func TestReal(t *testing.T) {
	t.Parallel()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	for shop := range int64(2) {
		require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: shop + 1}))
		_, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: shop + 1, SoID: "SO", ReceiverName: "林一", Items: []jushuitan.OrderUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(1)}}})
		require.NoError(t, err)
	}
	cred := srv.Credentials()
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	dir := t.TempDir()
	at, orders := filepath.Join(dir, "at.json"), filepath.Join(dir, "orders.jsonl")
	run := func(args ...string) (string, error) {
		var out output
		err := program().Start(t.Context(), append([]string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-days", "2"}, args...), env, &out)
		return out.String(), err
	}
	_, err := run()
	require.ErrorContains(t, err, "-checkpoint and -out are required")
	_, err = run("-checkpoint", at)
	require.ErrorContains(t, err, "must be used together")
	_, err = run("-every", "0")
	require.ErrorContains(t, err, "at least 1")

	text, err := run("-checkpoint", at, "-out", orders, "-shop", "2", "-merchant", "10010")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, text, "1 orders received, 0 of them duplicates 重复, 1 in the sink")
	kept, err := os.ReadFile(orders)
	require.NoError(t, err)
	assert.NotContains(t, string(kept), "林一")

	_, err = run("-checkpoint", at, "-out", orders, "-shop", "1")
	require.ErrorContains(t, err, "断点文件属于另一店铺")

	// A checkpoint of another merchant is refused, and stays unchanged.
	before, err := os.ReadFile(at)
	require.NoError(t, err)
	unfinished := strings.Replace(string(before), `"done":true,`, "", 1)
	require.NotEqual(t, string(before), unfinished)
	require.NoError(t, os.WriteFile(at, []byte(unfinished), 0o600))
	_, err = run("-checkpoint", at, "-out", orders, "-shop", "2", "-merchant", "10011")
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	after, err := os.ReadFile(at)
	require.NoError(t, err)
	assert.Equal(t, unfinished, string(after))

	require.NoError(t, os.WriteFile(at, []byte("x"), 0o600))
	_, err = run("-checkpoint", at, "-out", orders)
	require.ErrorContains(t, err, "不是断点文件")
}

// TestSink: an order is kept once in each version, even if the machine died while it was
// being written.
func TestSink(t *testing.T) {
	name := filepath.Join(t.TempDir(), "orders.jsonl")
	when := time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)
	order := func(id int64, age time.Duration) *jushuitan.Order {
		return &jushuitan.Order{OID: id, Modified: when.Add(-age)}
	}
	s, err := openSink(name)
	require.NoError(t, err)
	for _, o := range []*jushuitan.Order{order(1, time.Hour), order(1, 0), order(1, time.Minute), order(2, 0), order(1, 0)} {
		require.NoError(t, s.put(o))
	}
	assert.Equal(t, int64(2), s.repeats, "the older and the equal one")
	require.NoError(t, s.close())

	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(whole), "\n"))
	require.NoError(t, os.WriteFile(name, whole[:len(whole)-4], 0o600))

	s, err = openSink(name)
	require.NoError(t, err)
	require.NoError(t, s.put(order(1, 0)))
	require.NoError(t, s.put(order(2, 0)))
	assert.Equal(t, int64(1), s.repeats, "the order of the cut line is new")
	require.NoError(t, s.close())
	again, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(whole), string(again))

	require.NoError(t, os.WriteFile(name, []byte("{}\nx\n"), 0o600))
	_, err = openSink(name)
	require.ErrorContains(t, err, "line 2 is not an order")
}

func TestProgress(t *testing.T) {
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return begin.AddDate(0, 0, n) }
	for _, tc := range []struct {
		name     string
		from, at time.Time
		until    time.Time
		orders   int64
		seconds  int
		want     string
	}{
		{"half", day(0), day(50), day(100), 1000, 10, " 50%  at 进度 2025-02-20    1000 orders    100/s  remaining 预计剩余 10s"},
		{"resumed", day(50), day(75), day(100), 500, 4, " 75%  at 进度 2025-03-17     500 orders    125/s  remaining 预计剩余 4s"},
		{"not begun", day(0), day(0), day(100), 0, 0, "  0%  at 进度 2025-01-01       0 orders      0/s  remaining 预计剩余 ?"},
		{"the end", day(0), day(100), day(100), 10, 1, "100%  at 进度 2025-04-11      10 orders     10/s  remaining 预计剩余 0s"},
		{"beyond", day(0), day(101), day(100), 10, 1, "100%  at 进度 2025-04-12      10 orders     10/s  remaining 预计剩余 0s"},
		{"no range", day(0), day(0), day(0), 10, 1, "100%  at 进度 2025-01-01      10 orders     10/s  remaining 预计剩余 ?"},
	} {
		p := progress{
			begin: begin, until: tc.until, from: tc.from, at: tc.at, orders: tc.orders,
			started: begin, now: begin.Add(time.Duration(tc.seconds) * time.Second),
		}
		assert.Equal(t, tc.want, p.String(), tc.name)
	}
}
