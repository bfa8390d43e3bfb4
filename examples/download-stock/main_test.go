package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func none(string) string { return "" }

func run(t *testing.T, env func(string) string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := program().Start(t.Context(), args, env, &out)
	return out.String(), err
}

// figures returns the rows that a run writes to DianJia, in its order, as
// "warehouse SKU before -> after".
func figures(text string) (rows []string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 5 && words[3] == "->" {
			rows = append(rows, strings.Join(words, " "))
		}
	}
	return rows
}

func TestDefault(t *testing.T) {
	t.Parallel()
	text, err := run(t, none)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, []string{
		"10100001 CAP24-RED - -> 100", "10100001 SET24-FAMILY - -> 50", "10100001 TEE24-WHT-L - -> 100", "10100001 TEE24-WHT-M - -> 100",
		"2 CAP24-RED - -> 1", "2 SET24-FAMILY - -> 0", "2 TEE24-WHT-L - -> 0", "2 TEE24-WHT-M - -> 3",
		"SOUTH CAP24-RED - -> 2", "SOUTH SET24-FAMILY - -> 25", "SOUTH TEE24-WHT-L - -> 50", "SOUTH TEE24-WHT-M - -> 50",
		"10100001 SET24-FAMILY 50 -> 47", "10100001 TEE24-WHT-L 100 -> 95", // the second download: what changed, and nothing else
	}, figures(text))
	for _, want := range []string{
		"[oversells]", "未扣减订单占用", // the default expression counts what orders hold
		`是否为 "实际库存"`, "download_shared", "调拨在途 allocate_qty 未知",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "finding", "the demo merchant's warehouses are in order")
}

func TestExpression(t *testing.T) {
	t.Parallel()
	text, err := run(t, none, "-expr", "库存下载取数逻辑=实际库存+虚拟库存-订单占用", "-explain", "TEE24-WHT-M")
	require.NoError(t, err, "%s", text)
	assert.NotContains(t, text, "warning")
	assert.Contains(t, text, "qty+virtual_qty-order_lock")
	assert.Contains(t, text, "+ 虚拟库存 = 20\n  - 订单占用 = 30\n  结果 90")
	assert.Contains(t, figures(text), "10100001 TEE24-WHT-M - -> 90")
	assert.Contains(t, figures(text), "2 TEE24-WHT-M - -> 3", "the returns have the figure of their slot")
	assert.Contains(t, figures(text), "SOUTH CAP24-RED - -> -3", "orders hold more than there is")

	text, err = run(t, none, "-expr", "实际库存-订单占用", "-no-negative", "-explain", "NO-SUCH")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, figures(text), "SOUTH CAP24-RED - -> 0")
	assert.Contains(t, text, "请核对商品编码")

	_, err = run(t, none, "-expr", "实际库存+订单占")
	require.ErrorContains(t, err, "订单占用")

	text, err = run(t, none, "-expr", "实际库存-锁定库存")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, figures(text), "10100001 TEE24-WHT-M - -> 100", "lock_qty was asked for: it is known")
}

// TestHeld: what own unpaid orders hold is deducted in their warehouse only, not below zero.
func TestHeld(t *testing.T) {
	t.Parallel()
	text, err := run(t, none, "-held", "10100001/TEE24-WHT-M=2", "-held", "10100001/TEE24-WHT-M=3", "-held", "SOUTH/CAP24-RED=9")
	require.NoError(t, err, "%s", text)
	for _, want := range []string{"10100001 TEE24-WHT-M - -> 95", "SOUTH CAP24-RED - -> 0", "SOUTH TEE24-WHT-M - -> 50"} {
		assert.Contains(t, figures(text), want)
	}
	// An unpaid order of a bundle holds its components: one T-shirt in M and two in L.
	text, err = run(t, none, "-held", "SOUTH/SET24-FAMILY=4", "-held", "SOUTH/TEE24-WHT-M=5")
	require.NoError(t, err, "%s", text)
	for _, want := range []string{"SOUTH TEE24-WHT-M - -> 41", "SOUTH TEE24-WHT-L - -> 42", "SOUTH SET24-FAMILY - -> 21", "10100001 SET24-FAMILY - -> 50"} {
		assert.Contains(t, figures(text), want)
	}
	for _, wrong := range []string{"", "A", "A/B", "A/B=", "A/B=x", "A/B=0", "A/B=-1", "/B=1", "A/=1"} {
		_, err := run(t, none, "-held", wrong)
		require.ErrorContains(t, err, "应为 仓库编码/商品编码=数量", wrong)
	}
}

// TestBundle: a bundle has what its components allow in each warehouse, nothing where one of them
// is unknown, and a code that is no bundle is an error.
func TestBundle(t *testing.T) {
	t.Parallel()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	n := decimal.NewFromInt
	for _, wms := range []int64{5, 6} {
		require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: wms, IsMain: wms == 5, Name: "仓"}))
	}
	for _, sku := range []string{"A", "B"} {
		require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: sku}))
		require.NoError(t, srv.SetStock(5, sku, n(7)))
	}
	require.NoError(t, srv.SetStock(6, "A", n(9)))
	args := []string{"-app-key", srv.Credentials().AppKey, "-base-url", srv.URL, "-merchant", "10010", "-bind", "5=W5", "-bind", "6=W6"}
	for i := range 25 { // more than a query takes
		code := fmt.Sprintf("SET-%02d", i)
		require.NoError(t, srv.AddBundle(jushuitan.Bundle{SKUID: code, Items: []jushuitan.BundleComponent{{SrcSKUID: "A", Qty: n(1)}, {SrcSKUID: "B", Qty: n(3)}}}))
		args = append(args, "-bundle", code)
	}
	env := func(name string) string {
		return map[string]string{app.EnvAppSecret: srv.Credentials().AppSecret}[name]
	}
	text, err := run(t, env, args...)
	require.NoError(t, err, "%s", text)
	assert.Contains(t, figures(text), "W5 SET-24 - -> 2")
	assert.NotContains(t, strings.Join(figures(text), "\n"), "W6 SET-24")
	assert.Contains(t, text, "SET-24 for W6: mapping: bundle \"SET-24\", component \"B\": the stock of the component is unknown")
	_, err = run(t, env, append(args, "-bundle", "A")...)
	require.ErrorContains(t, err, `has no bundles ["A"]`)
}

// TestBindings: two warehouses feed one, and the stores' own stock is downloaded back.
func TestBindings(t *testing.T) {
	t.Parallel()
	text, err := run(t, none, "-bind", "10100001=10100001:青禾总仓", "-bind", "10100099=10100001", "-bind", "10100088=STORES")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, figures(text), "10100001 TEE24-WHT-M - -> 150")
	assert.Contains(t, text, "virtual_warehouse_downloaded")
	assert.Contains(t, text, "return_warehouse_missing")
}

// TestLast treats a fake as a real account: only what changed since the file was written is
// sent to DianJia.
func TestLast(t *testing.T) {
	t.Parallel()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	n := decimal.NewFromInt
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 5, IsMain: true, Name: "总仓"}))
	for _, sku := range []string{"A", "B"} {
		require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: sku}))
		require.NoError(t, srv.SetStock(5, sku, n(7)))
	}
	cred := srv.Credentials()
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	file := filepath.Join(t.TempDir(), "last.json")
	args := []string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-merchant", "10010", "-last", file, "-bind", "5=W5"}

	text, err := run(t, env, args...)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, []string{"W5 A - -> 7", "W5 B - -> 7"}, figures(text))
	assert.NotContains(t, text, "Failure scenes", "a real account is not played with")

	text, err = run(t, env, args...)
	require.NoError(t, err, "%s", text)
	assert.Empty(t, figures(text))
	assert.Contains(t, text, "0 of 2 figures changed")

	require.NoError(t, srv.SetStock(5, "B", n(6)))
	text, err = run(t, env, args...)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, []string{"W5 B 7 -> 6"}, figures(text))

	names, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, names, 1, "no part of a file is left behind")

	// A warehouse that is no longer mapped: its figures are not treated as zero.
	text, err = run(t, env, append(args[:len(args)-1:len(args)-1], "5=W6")...)
	require.NoError(t, err, "%s", text)
	assert.Contains(t, text, "7 -> no longer known")

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = run(t, env, args...)
	require.ErrorContains(t, err, "文件内容无法读取")

	_, err = run(t, env, args[:len(args)-2]...)
	require.ErrorContains(t, err, "-bind is required")
}

func TestBindFlag(t *testing.T) {
	for _, text := range []string{"", "5", "5=", "=W", "x=W", "-5=W", "5/0=W", "5/5=W", "5/x=W", "5/2="} {
		var f bindFlag
		require.Error(t, f.Set(text), text)
		assert.Empty(t, f)
	}
	var f bindFlag
	require.NoError(t, f.Set("5/2=2:销退仓"))
	assert.Equal(t, bindFlag{{WMSCoID: 5, Slot: dianjia.SlotSalesReturn, WarehouseCode: "2", WarehouseName: "销退仓", DownloadStock: true}}, f)
}
