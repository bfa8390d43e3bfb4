package jushuitantest

import (
	"encoding/json"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// QueryOrders returns orders (订单查询) for other ways into the ERP than the open API,
// such as a fake Qimen gateway, in the JSON of the open API: an object with page_index,
// page_size, has_next, data_count, page_count and orders. Unlike the open API it
// includes orders of Taobao, Tmall and Pinduoduo and checks no limit. keep, if not nil,
// selects the rows; it must neither change a row nor call the company.
func (c *Company) QueryOrders(req jushuitan.OrderQuery, keep func(*jushuitan.Order) bool) (json.RawMessage, error) {
	return documents(c, "/open/orders/single/query", req, keep, (*Company).queryOrders)
}

// QueryOutbounds returns outbound documents (销售出库查询) like [Company.QueryOrders];
// the rows are in datas.
func (c *Company) QueryOutbounds(req jushuitan.OutboundQuery, keep func(*jushuitan.Outbound) bool) (json.RawMessage, error) {
	return documents(c, "/open/orders/out/simple/query", req, keep, (*Company).queryOutbounds)
}

// QueryAfterSales returns after-sale cases (退货退款查询) like [Company.QueryOrders];
// the rows are in datas.
func (c *Company) QueryAfterSales(req jushuitan.AfterSaleQuery, keep func(*jushuitan.AfterSale) bool) (json.RawMessage, error) {
	return documents(c, "/open/refund/single/query", req, keep, (*Company).queryAfterSales)
}

func documents[Req, Row any](c *Company, path string, req Req, keep func(*Row) bool, query func(*Company, *call, Req) answer) (json.RawMessage, error) {
	q := &call{op: c.s.ops.byPath[path], keep: func(row any) bool {
		r, ok := row.(*Row)
		return ok && (keep == nil || keep(r))
	}}
	defer c.change()()
	a := query(c, q, req)
	if a.code != codeOK {
		return nil, problem("%s: %s", path, a.msg)
	}
	return wire.MarshalExact(a.payload)
}
