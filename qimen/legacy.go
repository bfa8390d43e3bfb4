package qimen

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The old jst.* methods (旧版聚水潭奇门接口, 2018 to 2020) are sent as those of the scene,
// but without a customer id: a partner's token identifies the merchant, and a second
// signature the partner. See [LegacyCredentials] and [Client.WithLegacy].

// LegacyOrders 订单查询(奇门): orders, in one page. A PageIndex or PageSize of zero is 1
// or 50. [SceneService.AllLegacyOrders] iterates over all pages.
//
// Limits: page_size max 50; a time range at most 7 days.
// Effect: read.
// Qimen method jst.orders.query; confidence of the known facts: medium.
func (s *SceneService) LegacyOrders(ctx context.Context, req *LegacyOrdersRequest) (*jushuitan.OrderPage, error) {
	return legacyOrders.one(ctx, s.client, req)
}

// AllLegacyOrders iterates over every row of [SceneService.LegacyOrders]; a longer
// time range is split.
func (s *SceneService) AllLegacyOrders(ctx context.Context, req *LegacyOrdersRequest) iter.Seq2[*jushuitan.Order, error] {
	return legacyOrders.all(ctx, s.client, req)
}

// LegacyOutbounds 出库查询(奇门): outbound documents, in one page. A PageIndex or PageSize
// of zero is 1 or 50. [SceneService.AllLegacyOutbounds] iterates over all pages.
//
// Limits: page_size max 50; a time range at most 7 days.
// Effect: read.
// Qimen method jst.orders.out.query; confidence of the known facts: medium.
func (s *SceneService) LegacyOutbounds(ctx context.Context, req *LegacyOutboundsRequest) (*jushuitan.OutboundPage, error) {
	return legacyOutbounds.one(ctx, s.client, req)
}

// AllLegacyOutbounds iterates over every row of [SceneService.LegacyOutbounds]; a
// longer time range is split.
func (s *SceneService) AllLegacyOutbounds(ctx context.Context, req *LegacyOutboundsRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return legacyOutbounds.all(ctx, s.client, req)
}

// LegacyRefunds 退货退款查询(奇门): after-sale cases, in one page. A PageIndex or PageSize of
// zero is 1 or 50. [SceneService.AllLegacyRefunds] iterates over all pages.
//
// Limits: page_size max 50; a time range at most 7 days.
// Effect: read.
// Qimen method jst.refund.query; confidence of the known facts: medium.
func (s *SceneService) LegacyRefunds(ctx context.Context, req *LegacyRefundsRequest) (*jushuitan.AfterSalePage, error) {
	return legacyRefunds.one(ctx, s.client, req)
}

// AllLegacyRefunds iterates over every row of [SceneService.LegacyRefunds]; a longer
// time range is split.
func (s *SceneService) AllLegacyRefunds(ctx context.Context, req *LegacyRefundsRequest) iter.Seq2[*jushuitan.AfterSale, error] {
	return legacyRefunds.all(ctx, s.client, req)
}

// LegacyOrderSources 订单源数据查询(奇门): the orders as the shop's platform has them. The
// answer is not documented, so it is returned as raw JSON.
//
// Effect: read.
// Qimen method jst.orders.source.query.
//
// Experimental: it may change in any minor version.
func (s *SceneService) LegacyOrderSources(ctx context.Context, req *LegacyOrderSourcesRequest) (json.RawMessage, error) {
	return legacyRaw(ctx, s.client, opLegacyOrderSources, req)
}

// LegacyOutboundSNs 出库唯一码查询(奇门): the serial numbers of outbound documents. The
// answer is not documented, so it is returned as raw JSON.
//
// Effect: read.
// Qimen method jst.orders.out.skusn.query.
//
// Experimental: it may change in any minor version.
func (s *SceneService) LegacyOutboundSNs(ctx context.Context, req *LegacyOutboundSNsRequest) (json.RawMessage, error) {
	return legacyRaw(ctx, s.client, opLegacyOutboundSNs, req)
}

func legacyRaw(ctx context.Context, c *Client, m *Method, req any) (json.RawMessage, error) {
	out, err := call[json.RawMessage](ctx, c, m, req)
	if err != nil {
		return nil, err
	}
	return *out, nil
}

var legacyOrders = &pager[LegacyOrdersRequest, jushuitan.OrderPage, jushuitan.Order]{
	method: opLegacyOrders, member: "orders", key: "o_id", Query: pages.Query[LegacyOrdersRequest, jushuitan.OrderPage, jushuitan.Order]{
		PageSize: legacyPageMax, WindowMax: windowMax,
		Page:     func(q *LegacyOrdersRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window:   func(q *LegacyOrdersRequest) (begin, end *time.Time) { return &q.ModifiedBegin, &q.ModifiedEnd },
		Rows:     orderRows,
		Info:     orderInfo,
		Key:      orderKey,
		Modified: func(r *jushuitan.Order) time.Time { return r.Modified },
	},
}

var legacyOutbounds = &pager[LegacyOutboundsRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
	method: opLegacyOutbounds, member: "datas", key: "io_id", Query: pages.Query[LegacyOutboundsRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
		PageSize: legacyPageMax, WindowMax: windowMax,
		Page:     func(q *LegacyOutboundsRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window:   func(q *LegacyOutboundsRequest) (begin, end *time.Time) { return &q.ModifiedBegin, &q.ModifiedEnd },
		Rows:     outboundRows,
		Info:     outboundInfo,
		Key:      outboundKey,
		Modified: func(r *jushuitan.Outbound) time.Time { return r.Modified },
	},
}

var legacyRefunds = &pager[LegacyRefundsRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
	method: opLegacyRefunds, member: "datas", key: "as_id", Query: pages.Query[LegacyRefundsRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
		PageSize: legacyPageMax, WindowMax: windowMax,
		Page:     func(q *LegacyRefundsRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		Window:   func(q *LegacyRefundsRequest) (begin, end *time.Time) { return &q.ModifiedBegin, &q.ModifiedEnd },
		Rows:     afterSaleRows,
		Info:     afterSaleInfo,
		Key:      afterSaleKey,
		Modified: func(r *jushuitan.AfterSale) time.Time { return r.Modified },
	},
}

// withLegacy adds the partner's parameters, with a new time stamp, to those of a
// form.
func (k *oneCall) withLegacy(form map[string]string, now time.Time) map[string]string {
	out := maps.Clone(form)
	ts := strconv.FormatInt(now.Unix(), 10)
	out["partnerid"], out["token"], out["ts"] = k.legacy.PartnerID, k.legacy.Token, ts
	out["jstsign"] = LegacySign(k.method.Name, k.legacy.PartnerID, k.legacy.Token, ts, k.legacy.PartnerKey)
	return out
}
