package qimen

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SceneService 聚水潭奇门自定义场景: Jushuitan's own methods behind the gateway. They give
// what the open API returns, and the orders of Taobao and Tmall besides, which that
// leaves out. Rows are the types of package jushuitan, so that a host handles one
// type whichever way a document came. Use it as client.Scene.
type SceneService service

// Limits of the methods. Sources differ about saleouts, 100 or 50 rows a page.
const (
	orderPageMax   = 100
	saleoutPageMax = 50
	legacyPageMax  = 50
	windowMax      = 7 * 24 * time.Hour
)

// OrderList 淘系订单查询: orders of the merchant, in one page. A PageIndex or PageSize
// of zero is 1 or 100. [SceneService.AllOrders] goes through all pages.
//
// Limits: page_size max 100; a time range at most 7 days (one article).
// Effect: read.
// Qimen method jushuitan.order.list.query.
func (s *SceneService) OrderList(ctx context.Context, req *OrderListRequest) (*jushuitan.OrderPage, error) {
	return sceneOrders.one(ctx, s.client, req)
}

// AllOrders goes through every row of [SceneService.OrderList]; a time range longer
// than 7 days is split into ranges that the server accepts. Without an EndTime the
// range ends now. It ends at the first error, which is the last pair. Orders that
// change while pages are read may be missed where the gateway sends no counts:
// [SceneService.OrdersSince] is the way to keep up.
func (s *SceneService) AllOrders(ctx context.Context, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders.all(ctx, s.client, req)
}

// OrdersSince follows the row version (行版本, ts): it yields the orders that changed
// after version since, 0 for all, and ends when none is newer. Begin the next run
// with the largest TS that was given. Time range, page and totals of req are not
// used.
func (s *SceneService) OrdersSince(ctx context.Context, since int64, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders.since(ctx, s.client, since, req)
}

// StreamOrders goes through the rows of [SceneService.OrderList] and can be resumed from
// a checkpoint after a crash: by row version, or by time where req has a StartTime.
func (s *SceneService) StreamOrders(req *OrderListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.Order] {
	return sceneOrders.stream(s.client, req, from)
}

// SaleoutList 淘系销售出库单查询: outbound documents, in one page; WMSCoID selects the
// warehouse (店加线下仓) and Status what is to be shipped
// ([jushuitan.OutboundStatusWaitConfirm]). A PageIndex or PageSize of zero is 1 or 50.
// [SceneService.AllSaleouts] goes through all pages.
//
// Limits: page_size max 100 in copies of the documentation, 50 in an article; a time
// range at most 7 days (one article).
// Effect: read.
// Qimen method jushuitan.saleout.list.query; its answer is not documented in public
// and read as the open API's.
func (s *SceneService) SaleoutList(ctx context.Context, req *SaleoutListRequest) (*jushuitan.OutboundPage, error) {
	return sceneSaleouts.one(ctx, s.client, req)
}

// AllSaleouts goes through every row of [SceneService.SaleoutList], as
// [SceneService.AllOrders] does for orders.
func (s *SceneService) AllSaleouts(ctx context.Context, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts.all(ctx, s.client, req)
}

// SaleoutsSince follows the row version, as [SceneService.OrdersSince] does for
// orders.
func (s *SceneService) SaleoutsSince(ctx context.Context, since int64, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts.since(ctx, s.client, since, req)
}

// StreamSaleouts goes through the rows of [SceneService.SaleoutList], as
// [SceneService.StreamOrders] does for orders.
func (s *SceneService) StreamSaleouts(req *SaleoutListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.Outbound] {
	return sceneSaleouts.stream(s.client, req, from)
}

// RefundList 淘系售后查询: after-sale cases whose row version is at least StartTS. Other
// parameters are not documented in public; req.Extra sends what a host knows of.
// [SceneService.RefundsSince] goes on to the end.
//
// Effect: read.
// Qimen method jushuitan.refund.list.query; its answer is not documented in public
// and read as the open API's.
func (s *SceneService) RefundList(ctx context.Context, req *RefundListRequest) (*jushuitan.AfterSalePage, error) {
	return sceneRefunds.one(ctx, s.client, req)
}

// RefundsSince follows the row version, as [SceneService.OrdersSince] does for
// orders. Since no page can be asked for, more cases of one version than an answer
// holds are an error ([jushuitan.ErrPaging]).
func (s *SceneService) RefundsSince(ctx context.Context, since int64, req *RefundListRequest) iter.Seq2[*jushuitan.AfterSale, error] {
	return sceneRefunds.since(ctx, s.client, since, req)
}

// StreamRefunds goes through the rows of [SceneService.RefundList] by row version and
// can be resumed from a checkpoint after a crash. [SceneService.RefundsSince] has its
// limit.
func (s *SceneService) StreamRefunds(req *RefundListRequest, from jushuitan.Checkpoint) *Stream[jushuitan.AfterSale] {
	return sceneRefunds.stream(s.client, req, from)
}

var sceneOrders = &pager[OrderListRequest, jushuitan.OrderPage, jushuitan.Order]{
	method: opOrderList, member: "orders", Query: pages.Query[OrderListRequest, jushuitan.OrderPage, jushuitan.Order]{
		PageSize: orderPageMax, WindowMax: windowMax,
		Page:   func(q *OrderListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window: func(q *OrderListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		Rows:   orderRows,
		Info:   orderInfo,
		Key:    orderKey,
		When: func(q *OrderListRequest, r *jushuitan.Order) time.Time {
			switch q.DateType {
			case 2:
				return r.OrderDate
			case 3:
				return r.SendDate
			}
			return r.Modified
		},
		Modified: func(r *jushuitan.Order) time.Time { return r.Modified },
		Cursor:   func(q *OrderListRequest) *int64 { return &q.StartTS },
		Version:  func(r *jushuitan.Order) int64 { return r.TS },
		NoTotal:  func(q *OrderListRequest) { q.IsGetTotal = new(false) },
	},
}

var sceneSaleouts = &pager[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
	method: opSaleoutList, member: "datas", Query: pages.Query[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
		PageSize: saleoutPageMax, WindowMax: windowMax,
		Page:   func(q *SaleoutListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window: func(q *SaleoutListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		Rows:   outboundRows,
		Info:   outboundInfo,
		Key:    outboundKey,
		When: func(q *SaleoutListRequest, r *jushuitan.Outbound) time.Time {
			if q.DateType == 2 {
				return r.IODate
			}
			return r.Modified
		},
		Modified: func(r *jushuitan.Outbound) time.Time { return r.Modified },
		Cursor:   func(q *SaleoutListRequest) *int64 { return &q.StartTS },
		Version:  func(r *jushuitan.Outbound) int64 { return r.TS },
		NoTotal:  func(q *SaleoutListRequest) { q.IsGetTotal = new(false) },
	},
}

// No page can be asked of it.
var sceneRefunds = &pager[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
	method: opRefundList, member: "datas", Query: pages.Query[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
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
	return pages.Info{HasNext: p.HasNext, Total: p.DataCount, Pages: p.PageCount}
}

func outboundInfo(p *jushuitan.OutboundPage) pages.Info {
	return pages.Info{HasNext: p.HasNext, Total: p.DataCount, Pages: p.PageCount}
}

func afterSaleInfo(p *jushuitan.AfterSalePage) pages.Info {
	return pages.Info{HasNext: p.HasNext, Total: p.DataCount, Pages: p.PageCount}
}
