package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func none(string) string { return "" }

func run(t *testing.T, env func(string) string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := program().Start(t.Context(), args, env, &out)
	return out.String(), err
}

// TestSettings runs the program with each of the guide's settings and checks the counts and
// reasons of its two downloads.
func TestSettings(t *testing.T) {
	const nothing = "1. Contradictory settings" // of the part that comes last
	tests := []struct {
		name          string
		args          []string
		first, second string   // counts of the downloads
		want          []string // in the output
		not           []string
	}{
		{
			name:   "by SKU",
			first:  "10 rows, 6 styles 款: 6 created 新建, 0 updated 更新, 0 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want: []string{
				`商品名称: "碎花连衣裙" -> "碎花连衣裙 新款"`, `类目: "夏装 (C0102) < C01" -> "连衣裙 < C01"`,
				`商品编码 [DRESS25-BLU-L]: "" -> "DRESS25-BLU-L"`, "1 x sale_price_kept",
				"1 x [same_barcode]", "1 x [invalid_barcode]", "1 x [style_no_is_sku]", nothing,
			},
			not: []string{"not_labelled", `"239" -> "279"`, "Missing"},
		},
		{
			name:   "by style",
			args:   []string{"-spu", "-source", "year=ups:年份", "-source", "season=ups:季节|const:四季", "-source", "wave=ups:波段"},
			first:  "6 rows, 6 styles 款: 6 created 新建, 0 updated 更新, 0 skipped 跳过",
			second: "6 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want: []string{
				"Missing 缺值: 年份（FromUps(\"年份\")）：6 个商品中 3 个无值，例如 CAP24、GIFTBAG、TEE24", "6 个商品中 5 个无值，例如 CAP24、COAT25",
			},
			not: []string{"缺值: 季节"},
		},
		{
			name:   "only labelled",
			args:   []string{"-only-labelled"},
			first:  "10 rows, 6 styles 款: 2 created 新建, 0 updated 更新, 4 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want:   []string{"1 x sku_not_labelled", ": DRESS25-RED-M", "4 x not_labelled"},
			not:    []string{"whole_style", `"DRESS25-RED-M" -> `},
		},
		{
			name:   "only labelled, by style",
			args:   []string{"-only-labelled", "-spu"},
			first:  "6 rows, 6 styles 款: 2 created 新建, 0 updated 更新, 4 skipped 跳过",
			second: "6 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want:   []string{"1 x whole_style", `商品编码 [DRESS25-RED-M]: "" -> "DRESS25-RED-M"`},
			not:    []string{"sku_not_labelled"},
		},
		{
			name:   "another label",
			args:   []string{"-only-labelled", "-label", "店加二期"},
			first:  "10 rows, 6 styles 款: 1 created 新建, 0 updated 更新, 5 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 0 updated 更新, 6 skipped 跳过",
			want:   []string{"create COAT25"},
		},
		{
			name:   "category once, sale price overwritten",
			args:   []string{"-category-once", "-overwrite-sale-price", "-mount-category", "C09:女装", "-spec-template", "女装规格"},
			first:  "10 rows, 6 styles 款: 6 created 新建, 0 updated 更新, 0 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want: []string{
				"6 x category_initial", "1 x category_kept", "5 x category_still_initial", `规格模板: "" -> "女装规格"`,
				`标准零售价 [DRESS25-BLU-M]: "239" -> "279"`,
			},
			not: []string{"category_mounted", "夏装 (C0102)"},
		},
		{
			name:   "sale price skipped",
			args:   []string{"-skip-sale-price", "-only-labelled"},
			first:  "10 rows, 6 styles 款: 2 created 新建, 0 updated 更新, 4 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 1 updated 更新, 5 skipped 跳过",
			want:   []string{"sale_price_skipped"},
			not:    []string{"标准零售价: ", "标准零售价 ["},
		},
		{
			name:   "nothing is created",
			args:   []string{"-auto-create=false"},
			first:  "10 rows, 6 styles 款: 0 created 新建, 0 updated 更新, 6 skipped 跳过",
			second: "11 rows, 6 styles 款: 0 created 新建, 0 updated 更新, 6 skipped 跳过",
			want:   []string{"6 x not_created"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			text, err := run(t, none, tc.args...)
			require.NoError(t, err, "%s", text)
			before, after, ok := strings.Cut(text, "-- In DianJia somebody")
			require.True(t, ok, "%s", text)
			assert.Contains(t, before, tc.first)
			assert.Contains(t, after, tc.second)
			assert.Contains(t, after, "6 styles: nothing to store", "the third download")
			for _, want := range tc.want {
				assert.Contains(t, text, want)
			}
			for _, not := range tc.not {
				assert.NotContains(t, text, not)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-skip-sale-price", "-overwrite-sale-price"}, "不能同时开启"},
		{[]string{"-mount-category", ""}, "挂载类目"},
		{[]string{"-spec-template", ""}, "规格模板"},
		{[]string{"-label", "店加,其他"}, "标签只能填一个"},
		{[]string{"-source", "year=ups:年份"}, "类目属性仅在拉取SPU时返回"},
		{[]string{"-spu", "-source", "year=other:7"}, "year"},
		{[]string{"-source", "year"}, "应为 字段=来源"},
		{[]string{"-source", "colour=other:1"}, "not one of year 年份, season 季节"},
		{[]string{"-source", "year=other:11"}, "来源写法有误"},
		{[]string{"-source", "year=other:1x"}, "来源写法有误"},
		{[]string{"-source", "year=ups:"}, "来源写法有误"},
		{[]string{"-source", "year=other:1|"}, "来源写法有误"},
		{[]string{"-source", "year=category:x"}, "来源写法有误"},
	} {
		_, err := run(t, none, tc.args...)
		require.ErrorContains(t, err, tc.want, "%q", tc.args)
	}
}

// TestReal treats a fake as a real account: there is one download, which shows what DianJia
// would have to create, and nothing is written.
func TestReal(t *testing.T) {
	t.Parallel()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "A-1", IID: "A", Name: "甲", PropertiesValue: "红;M", Other2: "秋", Labels: jushuitan.CommaList{"年:2026"}}))
	cred := srv.Credentials()
	env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
	text, err := run(t, env, "-app-key", cred.AppKey, "-base-url", srv.URL,
		"-source", "season=other:2", "-source", "year=label:年:", "-source", "series=const:基本", "-source", "tier=category")
	require.NoError(t, err, "%s", text)
	assert.Contains(t, text, "1 rows, 1 styles 款: 1 created 新建")
	for _, want := range []string{`季节: "" -> "秋"`, `年份: "" -> "2026"`, `系列: "" -> "基本"`, "缺值: 商品层"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "Failure scenes", "a real account is not played with")
	for _, r := range srv.Requests() {
		assert.NotContains(t, r.Path, "upload")
	}
}

// TestSiblings: a new style of which only one SKU is in the window is created with all of them,
// and a SKU that is now in another style is reported on both.
func TestSiblings(t *testing.T) {
	t.Parallel()
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "A-1", IID: "A", Name: "甲", PropertiesValue: "红;M", Modified: srv.Now().AddDate(0, -2, 0)}))
	require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "A-2", IID: "A", Name: "甲", PropertiesValue: "红;L"}))
	client, err := srv.Client()
	require.NoError(t, err)
	s := &settings{}
	s.flags(flag.NewFlagSet("", flag.ContinueOnError))
	mapper, err := mapping.NewProductMapper(s.config)
	require.NoError(t, err)
	d := &download{settings: s, mapper: mapper, catalogue: map[string]*dianjia.Product{"B": {StyleNo: "B", SKUs: []dianjia.SKU{{Code: "A-2"}}}}}
	var out strings.Builder
	a := &app.App{Client: client, Out: &out}
	r, err := d.once(t.Context(), a)
	require.NoError(t, err)
	assert.Equal(t, 1, r.rows, "the other one did not change")
	require.Contains(t, d.catalogue, "A")
	assert.Len(t, d.catalogue["A"].SKUs, 2)
	r.print(a)
	assert.Contains(t, out.String(), "Moved 换款 A: [sku_moved_here]")
	assert.Contains(t, out.String(), "Moved 换款 B: [sku_moved_away]")
}
