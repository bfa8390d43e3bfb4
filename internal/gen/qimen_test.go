package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/catalog/qimen"
)

// TestFilesAreCurrent: the files in the packages are what the catalogs generate.
func TestFilesAreCurrent(t *testing.T) {
	for pkg, write := range map[string]func(string, []string) error{"jushuitan": run, "qimen": runQimen} {
		dir := t.TempDir()
		byHand, err := os.ReadFile(filepath.Join("..", "..", "jushuitan", pushFile))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, pushFile), byHand, 0o600))
		require.NoError(t, write(dir, nil))
		want, err := filepath.Glob(filepath.Join("..", "..", pkg, "*_gen.go"))
		require.NoError(t, err)
		got, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
		require.NoError(t, err)
		require.Len(t, got, len(want), pkg)
		for _, name := range want {
			wanted, err := os.ReadFile(name)
			require.NoError(t, err)
			written, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
			require.NoError(t, err)
			assert.True(t, string(wanted) == string(written), "%s is not what the catalog says: run go generate ./%s", name, pkg)
		}
	}
}

// family is a catalog of two methods with one element each, named head.
func family(change func(f *qimen.Family)) []*qimen.Family {
	method := func(name, goName string) *qimen.Method {
		return &qimen.Method{
			Method: name, Go: qimen.GoNames{Service: "S", Name: goName, Request: goName + "Request"},
			Body: "xml", Direction: "both", Effect: "keyed", Key: []string{"head.lines[].code"}, Why: "w", Confidence: "high",
			Request: []*qimen.Field{
				{Name: "head", Type: "object", Of: "Head"},
				{Name: "head.lines[]", Type: "[]object", Of: "Line", Child: "line"},
				{Name: "head.lines[].code", Type: "string", Required: true},
				{Name: "head.lines[].qty", Type: "decimal"},
				{Name: "head.lines[].at", Type: "date"},
			},
		}
	}
	f := &qimen.Family{
		Family: "f", Service: "S",
		Shared:  []*qimen.Shared{{Name: "Head", ZH: "头", EN: "head"}, {Name: "Line", ZH: "行", EN: "line"}},
		Methods: []*qimen.Method{method("m.one", "One"), method("m.two", "Two")},
	}
	if change != nil {
		change(f)
	}
	return []*qimen.Family{f}
}

// TestSharedTypesMustAgree: two methods that describe one member differently are an error;
// there is no silent choice.
func TestSharedTypesMustAgree(t *testing.T) {
	_, err := buildQimen(family(nil))
	require.NoError(t, err)
	field := func(f *qimen.Family, i int) *qimen.Field { return f.Methods[1].Request[i] }
	for _, tc := range []struct {
		name   string
		change func(f *qimen.Family)
		want   string
	}{
		{"Go type", func(f *qimen.Family) { field(f, 3).Type = "string" }, "m.two: request: Line.Qty: string here, decimal.Decimal before"},
		{"enumeration", func(f *qimen.Family) { field(f, 2).Enum = "Code" }, "Line.Code: Code here, string before"},
		{"date or time", func(f *qimen.Family) { field(f, 4).Type = "time" }, "Line.At: time here, date before"},
		{"quoting", func(f *qimen.Family) { field(f, 3).Quoted = true }, "Line.Qty: quoted true here, false before"},
		{"personal data", func(f *qimen.Family) { field(f, 2).PII = true }, "Line.Code: personal data true here, false before"},
		{"XML child", func(f *qimen.Family) { field(f, 1).Child = "row" }, "Head.Lines: XML lines>row here, lines>line before"},
		{"pointer", func(f *qimen.Family) { field(f, 3).Pointer = true }, "Line.Qty: *decimal.Decimal here, decimal.Decimal before"},
		{"Go name", func(f *qimen.Family) { field(f, 3).Go = "Count" }, "Line.Count: named Count here, Qty before"},
		{"not on the list", func(f *qimen.Family) { f.Shared = f.Shared[:1] }, "Line is a type of 2 methods and not on the list of shared types"},
		{"on the list for nothing", func(f *qimen.Family) { f.Shared = append(f.Shared, &qimen.Shared{Name: "Nobody"}) }, "shared type Nobody is used nowhere"},
		{"on the list twice", func(f *qimen.Family) { f.Shared = append(f.Shared, f.Shared[0]) }, "Head is there twice"},
		{"success", func(f *qimen.Family) { f.Methods[1].Success = []string{"flag ok"} }, `success "flag ok" is none of`},
		{"method twice", func(f *qimen.Family) { f.Methods[1].Method = "m.one" }, "m.one is there twice"},
		{"type twice", func(f *qimen.Family) { f.Methods[1].Go.Request = "OneRequest" }, "type OneRequest is there twice"},
		{"member twice", func(f *qimen.Family) { f.Methods[1].Request = append(f.Methods[1].Request, field(f, 3)) }, "head.lines[].qty is there twice"},
		{"two members of one name", func(f *qimen.Family) {
			f.Methods[1].Request = append(f.Methods[1].Request, &qimen.Field{Name: "head.x", Go: "Lines", Type: "string"})
		}, "Head.Lines is the name of both x and lines"},
		{"parent not listed", func(f *qimen.Family) { field(f, 3).Name = "head.rows[].qty" }, "head.rows[].qty: rows[] is not listed before it"},
		{"list without mark", func(f *qimen.Family) { field(f, 3).Type = "[]string" }, "head.lines[].qty is of type []string"},
		{"members of a text", func(f *qimen.Family) { field(f, 1).Type = "[]string" }, "has 3 members"},
		{"object without members", func(f *qimen.Family) { field(f, 3).Type = "object" }, "has 0 members"},
		{"unknown type", func(f *qimen.Family) { field(f, 3).Type = "float" }, `type "float"`},
		{"enumeration of numbers", func(f *qimen.Family) { field(f, 3).Enum = "Code" }, "has an enumeration"},
		{"key that is no member", func(f *qimen.Family) { f.Methods[1].Key = []string{"head.number"} }, "m.two: key head.number: Head has no number"},
		{"key through a list unmarked", func(f *qimen.Family) { f.Methods[1].Key = []string{"head.lines.code"} }, "Head has no lines"},
		{"key below a text", func(f *qimen.Family) { f.Methods[1].Key = []string{"head.lines[].code.x"} }, "nothing is below code"},
		{"keyed without key", func(f *qimen.Family) { f.Methods[1].Key = nil }, "effect keyed with 0 key members"},
		{"read with key", func(f *qimen.Family) { f.Methods[1].Effect = "read" }, "effect read with 1 key members"},
		{"write without reason", func(f *qimen.Family) { f.Methods[1].Why = "" }, "effect keyed without a reason"},
		{"effect", func(f *qimen.Family) { f.Methods[1].Effect = "maybe" }, `effect "maybe"`},
		{"direction", func(f *qimen.Family) { f.Methods[1].Direction = "up" }, `direction "up"`},
		{"body", func(f *qimen.Family) { f.Methods[1].Body = "json" }, `body "json"`},
		{"confidence", func(f *qimen.Family) { f.Methods[1].Confidence = "sure" }, `confidence "sure"`},
	} {
		_, err := buildQimen(family(tc.change))
		if assert.Error(t, err, tc.name) {
			assert.Contains(t, err.Error(), tc.want, tc.name)
		}
	}
}

// TestSharedTypesAreUnions: a member is always sent only if every method requires it.
func TestSharedTypesAreUnions(t *testing.T) {
	a, err := buildQimen(family(func(f *qimen.Family) {
		f.Methods[1].Request[2].Required = false
		f.Methods[1].Request = append(f.Methods[1].Request, &qimen.Field{Name: "head.lines[].more", Type: "string", Required: true})
	}))
	require.NoError(t, err)
	var w writer
	a.structType(&w, a.structs["Line"], "")
	assert.Contains(t, w.String(), "`json:\"code,omitzero\" xml:\"code\" wire:\"vital\"` // code (required by some methods)")
	assert.Contains(t, w.String(), "`json:\"more,omitzero\" xml:\"more\"`")
	assert.Contains(t, w.String(), "`json:\"at,omitzero\" xml:\"at\" time:\"date\"`")
	assert.Contains(t, w.String(), "any of 2 methods lists")

	a, err = buildQimen(family(nil))
	require.NoError(t, err)
	w = writer{}
	a.structType(&w, a.structs["Line"], "")
	assert.Contains(t, w.String(), "`json:\"code\" xml:\"code\" wire:\"vital\"` // code (required)")
}

func TestTables(t *testing.T) {
	families, err := qimen.Load()
	require.NoError(t, err)
	methods, err := buildQimen(families)
	require.NoError(t, err)
	groups, err := catalog.Load()
	require.NoError(t, err)
	endpoints, err := build(groups)
	require.NoError(t, err)

	operations, listed := 0, 0
	for _, g := range groups {
		operations += len(g.Operations)
	}
	for _, f := range families {
		listed += len(f.Methods)
	}
	en, zh := filepath.Join(t.TempDir(), "README.md"), filepath.Join(t.TempDir(), "README.zh-CN.md")
	for _, name := range []string{en, zh} {
		require.NoError(t, os.WriteFile(name, []byte("# T\n"+tableBegin+"\nSTALE"+tableEnd+"\n"+qimenBegin+qimenEnd+"\nend\n"), 0o600))
	}
	sum := fmt.Sprintf("\n%d operations in %d services.\n\n| path", operations, len(endpoints.services))
	sumZH := fmt.Sprintf("\n共 %d 个接口，%d 个服务。\n\n| 路径", operations, len(endpoints.services))
	for range 2 { // the second time changes nothing
		require.NoError(t, writeTables([]string{en, zh}, tableBegin, tableEnd, endpoints.table))
		require.NoError(t, writeTables([]string{en, zh}, qimenBegin, qimenEnd, methods.table))
		for name, rows := range map[string][]string{
			en: {
				sum, fmt.Sprintf("\n%d methods.\n\n| method", listed),
				"| `/open/orders/single/query` | `Orders.Query` | 订单查询(自有商城、跨境下线) Query orders | read | 100, start_ts | range 7 days; `so_ids` up to 20; `o_ids` up to 20 | ",
				"| `/open/pack/query` | `Inventory.QueryPacks` | 箱及仓位库存查询 Query the stock of cartons and bins | read | 200 | range 1 day; `sku_ids` up to 20 | ",
				"| `/open/jushuitan/orders/upload` | `Orders.Upload` | 订单上传(商家自有商城、跨境线下) Upload orders (self-built shop) | keyed: shop_id, so_id |  | 50 rows a call | ",
				"| `taobao.qimen.deliveryorder.confirm` | `Warehouse.DeliveryOrderConfirm` | 发货单确认接口 ",
				"| `qimen.taobao.pos.deliveryorder.get` | `POS.DeliveryOrderGet` |",
				"| `qimen.taobao.erp.order.add` | `Call` |",
			},
			zh: {
				sumZH, fmt.Sprintf("\n共 %d 个接口。\n\n| 接口", listed),
				"| `/open/orders/single/query` | `Orders.Query` | 订单查询(自有商城、跨境下线) | 只读 | 100, start_ts | 时间跨度 7 天; `so_ids` 最多 20 个; `o_ids` 最多 20 个 | ",
				"| `/open/jushuitan/orders/upload` | `Orders.Upload` | 订单上传(商家自有商城、跨境线下) | 幂等: shop_id, so_id |  | 每次 50 行 | ",
				"| `taobao.qimen.deliveryorder.confirm` | `Warehouse.DeliveryOrderConfirm` | 发货单确认接口 |",
			},
		} {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			assert.Equal(t, operations+listed+4, strings.Count(string(text), "\n|"), "a row for each, and two of each head")
			assert.NotContains(t, string(text), "STALE")
			assert.True(t, strings.HasSuffix(string(text), qimenEnd+"\nend\n"))
			for _, row := range rows {
				assert.Contains(t, string(text), row)
			}
		}
	}

	require.NoError(t, os.WriteFile(en, []byte(tableEnd+tableBegin), 0o600))
	for _, name := range []string{en, filepath.Join(t.TempDir(), "none")} {
		require.ErrorContains(t, writeTables([]string{name}, tableBegin, tableEnd, endpoints.table), name)
	}
}
