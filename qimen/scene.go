package qimen

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SceneService 聚水潭奇门自定义场景 has Jushuitan's own methods behind the gateway. They
// return what the open API returns and also the orders of Taobao and Tmall, which the
// open API omits. Rows have the types of package jushuitan, so that you handle one type
// regardless of the source. Use it as client.Scene.
type SceneService service

// Limits of the methods. Sources differ about saleouts, 100 or 50 rows a page.
const (
	orderPageMax   = 100
	saleoutPageMax = 50
	legacyPageMax  = 50
	windowMax      = 7 * 24 * time.Hour
)

// OrderList 淘系订单查询: orders of the merchant, in one page. A PageIndex or PageSize
// of zero is 1 or 100. [SceneService.AllOrders] iterates over all pages.
//
// Limits: page_size max 100; a time range at most 7 days (one article).
// Effect: read.
// Qimen method jushuitan.order.list.query.
func (s *SceneService) OrderList(ctx context.Context, req *OrderListRequest) (*jushuitan.OrderPage, error) {
	return sceneOrders.one(ctx, s.client, req)
}

// AllOrders iterates over every row of [SceneService.OrderList]; a time range longer
// than 7 days is split into ranges that the server accepts. Without an EndTime the
// range ends now. It stops at the first error, which is the last pair yielded. If the
// gateway sends no counts, orders that change while pages are read may be missed: use
// [SceneService.OrdersSince] to keep up.
func (s *SceneService) AllOrders(ctx context.Context, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders.all(ctx, s.client, req)
}

// OrdersSince follows the row version (行版本, ts): it yields the orders that changed
// after version since, 0 for all, and ends when there is none newer. Start the next run
// with the largest TS yielded. Time range, page and totals of req are ignored.
func (s *SceneService) OrdersSince(ctx context.Context, since int64, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders.since(ctx, s.client, since, req)
}

// StreamOrders iterates over the rows of [SceneService.OrderList] and can be resumed from
// a checkpoint after a crash: by row version, or by time if req has a StartTime.
func (s *SceneService) StreamOrders(req *OrderListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.Order] {
	return sceneOrders.stream(s.client, req, from)
}

// SaleoutList 淘系销售出库单查询: outbound documents, in one page; WMSCoID selects the
// warehouse (店加线下仓) and Status what is to be shipped
// ([jushuitan.OutboundStatusWaitConfirm]). A PageIndex or PageSize of zero is 1 or 50.
// [SceneService.AllSaleouts] iterates over all pages.
//
// Limits: page_size max 100 in copies of the documentation, 50 in an article; a time
// range at most 7 days (one article).
// Effect: read.
// Qimen method jushuitan.saleout.list.query. Its answer is not publicly
// documented and is decoded like the open API's.
func (s *SceneService) SaleoutList(ctx context.Context, req *SaleoutListRequest) (*jushuitan.OutboundPage, error) {
	return sceneSaleouts.one(ctx, s.client, req)
}

// AllSaleouts iterates over every row of [SceneService.SaleoutList], as
// [SceneService.AllOrders] does for orders.
func (s *SceneService) AllSaleouts(ctx context.Context, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts.all(ctx, s.client, req)
}

// SaleoutsSince follows the row version, as [SceneService.OrdersSince] does for
// orders.
func (s *SceneService) SaleoutsSince(ctx context.Context, since int64, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts.since(ctx, s.client, since, req)
}

// StreamSaleouts iterates over the rows of [SceneService.SaleoutList], as
// [SceneService.StreamOrders] does for orders.
func (s *SceneService) StreamSaleouts(req *SaleoutListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.Outbound] {
	return sceneSaleouts.stream(s.client, req, from)
}

// RefundList 淘系售后查询: after-sale cases whose row version is at least StartTS.
// Other parameters are not publicly documented; req.Extra sends any that you know.
// [SceneService.RefundsSince] iterates to the end.
//
// Effect: read. Qimen method jushuitan.refund.list.query. Its answer is not publicly
// documented and is decoded like the open API's.
func (s *SceneService) RefundList(ctx context.Context, req *RefundListRequest) (*jushuitan.AfterSalePage, error) {
	return sceneRefunds.one(ctx, s.client, req)
}

// RefundsSince follows the row version, as [SceneService.OrdersSince] does for orders.
// Since the method has no pages, more cases of one version than an answer holds are an
// error ([jushuitan.ErrPaging]).
func (s *SceneService) RefundsSince(ctx context.Context, since int64, req *RefundListRequest) iter.Seq2[*jushuitan.AfterSale, error] {
	return sceneRefunds.since(ctx, s.client, since, req)
}

// StreamRefunds iterates over the rows of [SceneService.RefundList] by row version and
// can be resumed from a checkpoint after a crash. It has the limit of
// [SceneService.RefundsSince].
func (s *SceneService) StreamRefunds(req *RefundListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.AfterSale] {
	return sceneRefunds.stream(s.client, req, from)
}

var sceneOrders = &pager[OrderListRequest, jushuitan.OrderPage, jushuitan.Order]{
	method: opOrderList, member: "orders", key: "o_id", Query: pages.Query[OrderListRequest, jushuitan.OrderPage, jushuitan.Order]{
		PageSize: orderPageMax, WindowMax: windowMax,
		Page:   func(q *OrderListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window: func(q *OrderListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		Rows:   orderRows,
		Info:   orderInfo,
		Key:    orderKey,
		When: func(q *OrderListRequest, r *jushuitan.Order) time.Time {
			switch q.DateType {
			case 0:
				return r.Modified
			case 2:
				return r.OrderDate
			case 3:
				return r.SendDate
			}
			return time.Time{}
		},
		Modified: func(r *jushuitan.Order) time.Time { return r.Modified },
		Cursor:   func(q *OrderListRequest) *int64 { return &q.StartTS },
		Version:  func(r *jushuitan.Order) int64 { return r.TS },
		NoTotal:  func(q *OrderListRequest) { q.IsGetTotal = new(false) },
	},
}

var sceneSaleouts = &pager[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
	method: opSaleoutList, member: "datas", key: "io_id", Query: pages.Query[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
		PageSize: saleoutPageMax, WindowMax: windowMax,
		Page:   func(q *SaleoutListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window: func(q *SaleoutListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		Rows:   outboundRows,
		Info:   outboundInfo,
		Key:    outboundKey,
		When: func(q *SaleoutListRequest, r *jushuitan.Outbound) time.Time {
			switch q.DateType {
			case 0:
				return r.Modified
			case 2:
				return r.IODate
			}
			return time.Time{}
		},
		Modified: func(r *jushuitan.Outbound) time.Time { return r.Modified },
		Cursor:   func(q *SaleoutListRequest) *int64 { return &q.StartTS },
		Version:  func(r *jushuitan.Outbound) int64 { return r.TS },
		NoTotal:  func(q *SaleoutListRequest) { q.IsGetTotal = new(false) },
	},
}

// It has no pages.
var sceneRefunds = &pager[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
	method: opRefundList, member: "datas", key: "as_id", Query: pages.Query[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
		Rows:     afterSaleRows,
		Info:     afterSaleInfo,
		Key:      afterSaleKey,
		Modified: func(r *jushuitan.AfterSale) time.Time { return r.Modified },
		Cursor:   func(q *RefundListRequest) *int64 { return &q.StartTS },
		Version:  func(r *jushuitan.AfterSale) int64 { return r.TS },
	},
}

// The pages of documents, which the scene's methods and the old ones share.

func orderRows(p *jushuitan.OrderPage) []jushuitan.Order             { return p.Orders }
func outboundRows(p *jushuitan.OutboundPage) []jushuitan.Outbound    { return p.Outbounds }
func afterSaleRows(p *jushuitan.AfterSalePage) []jushuitan.AfterSale { return p.AfterSales }

func orderKey(r *jushuitan.Order) string         { return strconv.FormatInt(r.OID, 10) }
func outboundKey(r *jushuitan.Outbound) string   { return strconv.FormatInt(r.IOID, 10) }
func afterSaleKey(r *jushuitan.AfterSale) string { return strconv.FormatInt(r.ASID, 10) }

func orderInfo(p *jushuitan.OrderPage) pages.Info {
	return pages.Info{HasNext: p.HasNext, KnowsNext: true, Total: p.DataCount, Pages: p.PageCount, Size: p.PageSize}
}

func outboundInfo(p *jushuitan.OutboundPage) pages.Info {
	return pages.Info{HasNext: p.HasNext, KnowsNext: true, Total: p.DataCount, Pages: p.PageCount, Size: p.PageSize}
}

func afterSaleInfo(p *jushuitan.AfterSalePage) pages.Info {
	return pages.Info{HasNext: p.HasNext, KnowsNext: true, Total: p.DataCount, Pages: p.PageCount, Size: p.PageSize}
}
