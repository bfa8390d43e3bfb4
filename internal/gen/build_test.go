package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// orders is a catalog of two keyed operations of one service.
func orders(change func(g *catalog.Group)) []*catalog.Group {
	upload := func(path, method string) *catalog.Operation {
		return &catalog.Operation{
			Group: "g", Path: path, TitleZH: "上传", TitleEN: "Upload", Effect: "keyed", Key: []string{"shop_id", "so_id"}, Why: "w", Biz: "array",
			Go:      catalog.GoNames{Service: "Orders", Method: method, Request: "OrderUpload"},
			Request: []*catalog.Field{{Name: "shop_id", Type: "int"}, {Name: "so_id", Type: "string"}, {Name: "add", Type: "bool"}},
		}
	}
	g := &catalog.Group{
		Group: "g", Services: []*catalog.Service{{Name: "Orders", ZH: "订单", EN: "orders"}},
		Operations: []*catalog.Operation{upload("/a", "A"), upload("/b", "B")},
	}
	change(g)
	return []*catalog.Group{g}
}

// TestCatalogMistakes: what the catalog leaves undecided is an error that says what to add.
func TestCatalogMistakes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(g *catalog.Group)
		want   string
	}{
		{"service not declared", func(g *catalog.Group) { g.Operations[1].Go.Service = "Shops" }, `/b: add service "Shops" to the services of g.json`},
		{"service declared twice", func(g *catalog.Group) { g.Services = append(g.Services, g.Services[0]) }, "g.json: service Orders is there twice"},
		{"service without operations", func(g *catalog.Group) {
			g.Services = append(g.Services, &catalog.Service{Name: "Shops", ZH: "店铺", EN: "shops"})
		}, "g.json: service Shops has no operation"},
		{"service without a title", func(g *catalog.Group) { g.Services[0].ZH = "" }, "g.json: service Orders needs zh and en"},
		{"one request, two keys", func(g *catalog.Group) { g.Operations[1].Key = []string{"shop_id"} }, "/b: no member of OrderUpload"},
		{"key that is no member", func(g *catalog.Group) { g.Operations[0].Key = []string{"o_id"} }, "/a: no member of OrderUpload or of its lists is of the key o_id"},
		{"one request, two flags", func(g *catalog.Group) { g.Operations[1].UnsafeWhen = "add" }, "/b: OrderUpload has another key in /a"},
		{"keyed without a request", func(g *catalog.Group) { g.Operations[0].Go.Request = "" }, "/a: a keyed operation without a request type"},
	} {
		_, err := build(orders(tc.change))
		require.Error(t, err, tc.name)
		assert.Contains(t, err.Error(), tc.want, tc.name)
	}
}

// TestKeyed: each way in which a request identifies its documents.
func TestKeyed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(op *catalog.Operation)
		want   string
	}{
		{"its own member; the shop alone names nothing", func(*catalog.Operation) {},
			"// keyed reports whether so_id is set.\nfunc (r *OrderUpload) keyed() bool { return !blank(r.SoID) }\n\n"},
		{"one of two members, unless a flag is set", func(op *catalog.Operation) {
			op.Key, op.UnsafeWhen = []string{"o_id", "as_ids"}, "add"
			op.Request = append(op.Request, &catalog.Field{Name: "o_id", Type: "int"}, &catalog.Field{Name: "as_ids", Type: "[]int"})
		}, "// keyed reports whether o_id or as_ids is set and add, which makes a repeat unsafe, is not.\n" +
			"func (r *OrderUpload) keyed() bool { return (r.OID != 0 || len(r.ASIDs) > 0) && !r.Add }\n\n"},
		{"a member of each row", func(op *catalog.Operation) {
			op.Key = []string{"o_id", "sku_id"}
			op.Request = append(op.Request, &catalog.Field{Name: "items", Type: "[]object"},
				&catalog.Field{Name: "items[].o_id", Type: "int"}, &catalog.Field{Name: "items[].sku_id", Type: "string"})
		}, "// keyed reports whether o_id or sku_id is set in every row of items.\n" +
			"func (r *OrderUpload) keyed() bool {\nfor i := range r.Items {\n" +
			"if r.Items[i].OID == 0 && blank(r.Items[i].SKUID) {\nreturn false\n}\n}\nreturn true\n}\n\n"},
	} {
		groups := orders(func(g *catalog.Group) {
			g.Operations = g.Operations[:1]
			tc.change(g.Operations[0])
		})
		a, err := build(groups)
		require.NoError(t, err, tc.name)
		var w writer
		a.keyed(&w, groups[0].Operations[0])
		assert.Equal(t, tc.want, w.String(), tc.name)
	}
}

// TestWriters: the generated code for each decision of the catalog.
func TestWriters(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(op *catalog.Operation)
		want   []string
	}{
		{"a request whose answer nobody shows", func(op *catalog.Operation) {
			op.Effect, op.Biz, op.Go.Raw, op.Go.Request = "read", "object", true, "OrderQuery"
		}, []string{
			"type OrderQuery struct {", "so it returns raw JSON",
			"A(ctx context.Context, req *OrderQuery) (json.RawMessage, error) {\n\treturn callForRaw(ctx, s.client, opOrdersA, req)",
		}},
		{"neither is shown", func(op *catalog.Operation) { op.Effect, op.Go.Raw, op.Go.Request = "read", true, "" }, []string{
			"takes and returns raw JSON.", "A(ctx context.Context, biz any) (json.RawMessage, error) {\n\treturn callRaw(ctx,",
		}},
		{"one source", func(op *catalog.Operation) { op.Sources = []string{"a"} }, []string{"// It is documented by one source only.\n"}},
		{"a member of one source", func(op *catalog.Operation) {
			op.Sources, op.Request[1].Sources = []string{"a", "b"}, []string{"c"}
		}, []string{"SoID string `json:\"so_id,omitzero\"` // so_id (one source)"}},
		{"inferred: neither checked nor sent when zero", func(op *catalog.Operation) {
			op.Request = append(op.Request, &catalog.Field{Name: "amount", Type: "decimal", Inferred: true})
		}, []string{"Amount decimal.Decimal `json:\"amount,omitzero\"` // amount (probably required)"}},
		{"a total in two spellings", func(op *catalog.Operation) {
			op.Effect, op.Key, op.Biz, op.Payload, op.Rows, op.Go.Response = "read", nil, "object", "data", "datas", "OrderPage"
			op.Paging = &catalog.Paging{Index: "page_index", Size: "page_size", Max: 50, Total: "date_count"}
			op.Request = []*catalog.Field{{Name: "page_index", Type: "int"}, {Name: "page_size", Type: "int"}}
			op.Response = []*catalog.Field{
				{Name: "data.date_count", Go: "DateCount", Type: "int"}, {Name: "data.data_count", Type: "int"},
				{Name: "data.datas", Type: "[]object"}, {Name: "data.datas[].so_id", Type: "string"},
			}
		}, []string{"Total: cmp.Or(p.DateCount, p.DataCount)"}},
	} {
		groups := orders(func(g *catalog.Group) {
			g.Operations = g.Operations[:1]
			tc.change(g.Operations[0])
		})
		a, err := build(groups)
		require.NoError(t, err, tc.name)
		text := a.groupFile(groups[0])
		for _, want := range tc.want {
			assert.Contains(t, text, want, tc.name)
		}
	}
}

// TestEvidence: the client has the evidence of writes and the queries that show them.
func TestEvidence(t *testing.T) {
	var w writer
	op := &catalog.Operation{
		Evidence: &catalog.Evidence{
			Of: "row", Flags: []string{"issuccess"}, Root: []string{"success"}, IDs: []string{"o_id"},
			Messages: []catalog.Message{{Text: "成功", Source: "a"}},
		},
		ReadBack: &catalog.ReadBack{
			Operation: "Orders.Query", Ask: map[string]string{"shop_id": "shop_id", "so_ids": "so_id"},
			Key: map[string]string{"so_id": "so_id"}, Effect: catalog.Effect{Proof: map[string][]string{"status": {"Sent"}}},
			Cases: []catalog.Case{{If: map[string][]string{"type": {"2"}}, Effect: catalog.Effect{Unproven: "why"}}},
		},
	}
	query := &catalog.Operation{Request: []*catalog.Field{{Name: "shop_id", Type: "int"}, {Name: "so_ids", Type: "[]string", MaxItems: 50}}}
	evidenceEntry(&w, op)
	readBackEntry(&w, op, map[string]*catalog.Operation{"Orders.Query": query})
	assert.Equal(t, `evidence: &evidence{
of: "row",
flags: []string{"issuccess"},
rootFlags: []string{"success"},
ids: []string{"o_id"},
messages: []string{"成功"},
},
readBack: &readBack{
query: opOrdersQuery,
ask: []ask{
{"shop_id", "shop_id", 0},
{"so_ids", "so_id", 50},
},
key: [][2]string{{"so_id", "so_id"}},
readEffect: readEffect{
proof: map[string][]string{"status": {"Sent"}},
},
cases: []readCase{
{
when: map[string][]string{"type": {"2"}},
readEffect: readEffect{
unproven: "why",
},
},
},
},
`, w.String())
}

// TestTitles: operations without a path are named below the table, in its language.
func TestTitles(t *testing.T) {
	groups := orders(func(g *catalog.Group) {
		g.Titles = []*catalog.Title{{TitleZH: "取消", TitleEN: "Cancel"}, {TitleZH: "解绑", TitleEN: "Unbind"}}
	})
	a, err := build(groups)
	require.NoError(t, err)
	assert.Contains(t, a.table(english), "so there is no method: 取消 Cancel, 解绑 Unbind.\n")
	assert.Contains(t, a.table(chinese), "没有对应方法：取消、解绑。\n")
}
