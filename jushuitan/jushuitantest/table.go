package jushuitantest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// call is a request of an operation that passed the protocol checks.
type call struct {
	op    *operation
	biz   jsontext.Value
	rows  []map[string]any // of an upload, decoded loosely
	drift bool

	speech *speech                  // of the dialects, nil for none
	hides  func(version int64) bool // rows that a query does not see yet; nil: none
	keep   func(row any) bool       // additional filter of a query of documents; nil for the open API
}

// keeps reports whether a query returns a row that matches its filters.
func (q *call) keeps(row any) bool { return q.keep == nil || q.keep(row) }

// handler answers an operation from a company's state. The caller holds its lock.
type handler func(c *Company, q *call) answer

// operation is a prepared entry of the catalog.
type operation struct {
	*catalog.Operation
	handler handler
	fields  *member
	either  []string            // one of these members is required
	members map[string][]string // documented members of the answer by place
	hasFlag bool                // the answer has an issuccess
}

// member is a field of a request with its members.
type member struct {
	name     string
	field    *catalog.Field
	children []*member
}

func (m *member) child(name string) *member {
	for _, c := range m.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// table has every operation by path.
type table struct {
	byPath map[string]*operation
	paths  []string
}

// loadTable loads the catalog once.
var loadTable = sync.OnceValues(func() (*table, error) {
	ops, err := catalog.Operations()
	if err != nil {
		return nil, err
	}
	t := &table{byPath: map[string]*operation{}}
	stateful := handlers()
	for _, entry := range ops {
		if entry.Go.Auth {
			continue
		}
		op := &operation{Operation: entry, handler: stateful[entry.Path], fields: &member{}, members: map[string][]string{}}
		for _, f := range entry.Request {
			op.fields.insert(f)
		}
		for _, f := range entry.Response {
			op.document(f)
		}
		op.either = eitherOf(op)
		for _, path := range append([]string{entry.Path}, entry.AltPaths...) {
			t.byPath[path] = op
			t.paths = append(t.paths, path)
		}
		delete(stateful, entry.Path)
	}
	for path := range stateful {
		return nil, fmt.Errorf("the catalog has no %s", path)
	}
	slices.Sort(t.paths)
	return t, nil
})

// insert adds a field by its path. Members of a map are left out, since their names are
// the caller's.
func (m *member) insert(f *catalog.Field) {
	at := m
	for part := range strings.SplitSeq(f.Name, ".") {
		name := strings.TrimRight(part, "[]")
		if name == "*" {
			return
		}
		next := at.child(name)
		if next == nil {
			next = &member{name: name}
			at.children = append(at.children, next)
		}
		at = next
	}
	at.field = f
}

func (op *operation) document(f *catalog.Field) {
	name := strings.ReplaceAll(f.Name, "[]", "")
	if name == "issuccess" {
		op.hasFlag = true
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 && !strings.Contains(name, "*") {
		op.members[name[:i]] = append(op.members[name[:i]], name[i+1:])
	}
}

// eitherOf lists the filters of which a query requires one, if documented.
func eitherOf(op *operation) []string {
	switch op.Path {
	case "/open/orders/single/query", "/open/orders/out/simple/query", "/open/inventory/query",
		"/open/refund/single/query", "/open/aftersale/received/query", "/open/logistic/query",
		"/open/sku/query", "/open/mall/item/query", "/open/supplier/query":
	default:
		return nil
	}
	var names []string
	for _, f := range op.Request {
		if f.Conditional && !strings.Contains(f.Name, ".") {
			names = append(names, f.Name)
		}
	}
	if op.Cursor != nil && !slices.Contains(names, op.Cursor.Param) {
		names = append(names, op.Cursor.Param)
	}
	return names
}

// canonical returns the main path of an operation with several paths.
func (t *table) canonical(path string) string {
	if op := t.byPath[path]; op != nil {
		return op.Path
	}
	return path
}

// nearest returns the known path most similar to an unknown one.
func (t *table) nearest(path string) string {
	path = trimPath(path)
	best, least := "", 1<<30
	for _, p := range t.paths {
		if d := distance(path, p); d < least {
			best, least = p, d
		}
	}
	return best
}

// distance counts the single-byte edits between two texts.
func distance(a, b string) int {
	if len(a) > 200 {
		a = a[:200]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// decode returns a handler that calls a function with the decoded request.
func decode[T any](f func(c *Company, q *call, req T) answer) handler {
	return func(c *Company, q *call) answer {
		var req T
		if err := wire.Unmarshal(q.biz, &req); err != nil {
			return refuse(codeBadData, "参数无法转换：%v", err)
		}
		return f(c, q, req)
	}
}

// textLists splits comma-separated texts into lists, for members that accept both.
func textLists(h handler, names ...string) handler {
	return func(c *Company, q *call) answer {
		var m map[string]jsontext.Value
		if wire.Unmarshal(q.biz, &m) != nil {
			return h(c, q)
		}
		for _, name := range names {
			if v := m[name]; v.Kind() == '"' {
				m[name] = jsontext.Value("[" + string(v) + "]")
			}
		}
		changed := *q
		changed.biz = mustJSON(m)
		return h(c, &changed)
	}
}

// handlers are the operations with state.
//
//nolint:funlen // a table of paths and handlers
func handlers() map[string]handler {
	return map[string]handler{
		"/open/shops/query":            decode((*Company).queryShops),
		"/open/wms/partner/query":      decode((*Company).queryWarehouses),
		"/open/logisticscompany/query": decode((*Company).queryCarriers),

		"/open/sku/query":                decode((*Company).querySKUs),
		"/open/mall/item/query":          textLists(decode((*Company).queryItems), "i_ids"),
		"/open/jushuitan/itemsku/upload": decode((*Company).uploadSKUs),
		"/open/combine/sku/query":        decode((*Company).queryBundles),
		"/open/item/combinesku/upload":   decode((*Company).uploadBundles),
		"/open/skumap/query":             decode((*Company).queryShopSKUs),
		"/open/jushuitan/skumap/upload":  decode((*Company).uploadShopSKUs),

		"/open/webapi/itemapi/skulink/bindskulinks":           decode((*Company).bindShopSKUs),
		"/open/webapi/wmsapi/openshelve/skubatchshelve":       decode(shelve("上架仓位不能为空")),
		"/open/webapi/wmsapi/openoffshelve/skubatchoffshelve": decode(shelve("指定箱不存在")),

		"/open/inventory/query":                                        decode((*Company).queryInventory),
		"/open/inventory/count/query":                                  decode((*Company).queryStocktakes),
		"/open/jushuitan/inventoryv2/upload":                           decode((*Company).uploadStocktake),
		"/open/webapi/itemapi/iteminventory/batchupdatewmsvirtualqtys": decode((*Company).setVirtualQtys),

		"/open/jushuitan/orders/upload":                 decode((*Company).uploadOrders),
		"/open/orders/single/query":                     decode((*Company).queryOrders),
		"/open/jushuitan/orderbyoid/cancel":             decode((*Company).cancelOrders),
		"/open/orders/modifywms/upload":                 decode((*Company).assignWarehouses),
		"/open/jushuitan/order/label/upload":            decode((*Company).setLabels),
		"/open/jushuitan/order/remark/upload":           decode((*Company).setRemark),
		"/open/webapi/orderapi/modifyorder/saveremark":  decode((*Company).setRemarkBySoID),
		"/open/order/node/soid/set":                     decode((*Company).setNodes),
		"/open/webapi/orderapi/questionorder/questions": decode((*Company).markQuestions),
		"/open/order/action/query":                      decode((*Company).queryActions),
		"/open/order/sent/upload":                       decode((*Company).markSent),
		"/open/orders/out/simple/query":                 decode((*Company).queryOutbounds),
		"/open/orders/wms/sent/upload":                  decode((*Company).shipOutbounds),
		"/open/logistic/query":                          decode((*Company).queryShipments),
		"/open/aftersale/upload":                        decode((*Company).uploadAfterSales),
		"/open/refund/single/query":                     decode((*Company).queryAfterSales),
		"/open/aftersale/received/query":                decode((*Company).queryReceipts),
		"/open/webapi/aftersaleapi/confirmgoods":        decode((*Company).confirmGoods),
		"/open/webapi/aftersaleapi/open/confirm":        decode((*Company).confirmAfterSales),
		"/open/webapi/aftersaleapi/open/unconfirm":      decode((*Company).unconfirmAfterSales),
		"/open/webapi/aftersaleapi/open/cancel":         decode((*Company).cancelAfterSale),
		"/open/webapi/aftersaleapi/setaslabels":         decode((*Company).setAfterSaleLabels),
		"/open/webapi/aftersaleapi/getasexpress":        decode((*Company).queryReturnParcels),

		"/open/allocate/kc/upload":            decode((*Company).uploadTransfers),
		"/open/jushuitan/allocate/in/upload":  decode((*Company).uploadInnerTransfer),
		"/open/allocate/query":                decode((*Company).queryTransfers),
		"/open/jushuitan/allocate/confirm":    decode((*Company).confirmTransfer),
		"/open/jushuitan/allocate/cancel/v2":  decode((*Company).cancelTransfer),
		"/open/jushuitan/diffallocate/create": decode((*Company).createDifference),
		"/open/jushuitan/otherinout/upload":   decode((*Company).uploadOtherInOut),
		"/open/other/inout/query":             decode((*Company).queryOtherInOuts),
		"/open/jushuitan/otherinout/cancel":   decode((*Company).changeOtherInOuts),

		"/open/supplier/upload":                          decode((*Company).uploadSuppliers),
		"/open/supplier/query":                           decode((*Company).querySuppliers),
		"/open/jushuitan/purchase/upload":                decode((*Company).uploadPurchase),
		"/open/purchase/query":                           decode((*Company).queryPurchases),
		"/open/jushuitan/purchase/change/status":         decode((*Company).changePurchases),
		"/open/webapi/wmsapi/purchase/cancel":            decode((*Company).cancelPurchases),
		"/open/webapi/wmsapi/openpurchase/editpurchase":  decode((*Company).editPurchase),
		"/open/jushuitan/purchaselabel/upload":           decode((*Company).setPurchaseLabels),
		"/open/webapi/wmsapi/purchasein/createbatch":     decode((*Company).createReceipts),
		"/open/purchasein/query":                         decode((*Company).queryPurchaseReceipts),
		"/open/webapi/wmsapi/purchasein/purchaseinquery": decode((*Company).queryPurchaseReceiptsV2),
		"/open/purchasein/received/upload":               decode((*Company).confirmReceipts),
		"/open/webapi/wmsapi/purchaseout/createbatch":    decode((*Company).createPurchaseReturns),
		"/open/purchaseout/query":                        decode((*Company).queryPurchaseReturns),
		"/open/jushuitan/purchaseout/cancel":             decode((*Company).cancelPurchaseReturns),
	}
}
