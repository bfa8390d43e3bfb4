package qimen

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SceneService 聚水潭奇门自定义场景: Jushuitan's own methods behind the gateway. They give
// what the open API gives, and the orders of Taobao and Tmall besides, which that
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
	return sceneOrders().one(ctx, s.client, req)
}

// AllOrders goes through every row of [SceneService.OrderList]; a time range longer
// than 7 days is split into ranges that the server accepts. Without an EndTime the
// range ends now. It ends at the first error, which is the last pair. Orders that
// change while pages are read may be missed: [SceneService.OrdersSince] is the way
// to keep up.
func (s *SceneService) AllOrders(ctx context.Context, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders().all(ctx, s.client, req)
}

// OrdersSince follows the row version (行版本, ts): it gives the orders that changed
// after version since, 0 for all, and ends when none is newer. Begin the next run
// with the largest TS that was given. Time range, page and totals of req are not
// used.
func (s *SceneService) OrdersSince(ctx context.Context, since int64, req *OrderListRequest) iter.Seq2[*jushuitan.Order, error] {
	return sceneOrders().since(ctx, s.client, since, req)
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
	return sceneSaleouts().one(ctx, s.client, req)
}

// AllSaleouts goes through every row of [SceneService.SaleoutList], as
// [SceneService.AllOrders] does for orders.
func (s *SceneService) AllSaleouts(ctx context.Context, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts().all(ctx, s.client, req)
}

// SaleoutsSince follows the row version, as [SceneService.OrdersSince] does for
// orders.
func (s *SceneService) SaleoutsSince(ctx context.Context, since int64, req *SaleoutListRequest) iter.Seq2[*jushuitan.Outbound, error] {
	return sceneSaleouts().since(ctx, s.client, since, req)
}

// RefundList 淘系售后查询: after-sale cases whose row version is at least StartTS. Other
// parameters are not documented in public; req.Extra sends what a host knows of.
// [SceneService.RefundsSince] goes on to the end.
//
// Effect: read.
// Qimen method jushuitan.refund.list.query; its answer is not documented in public
// and read as the open API's.
func (s *SceneService) RefundList(ctx context.Context, req *RefundListRequest) (*jushuitan.AfterSalePage, error) {
	return sceneRefunds().one(ctx, s.client, req)
}

// RefundsSince follows the row version, as [SceneService.OrdersSince] does for
// orders. Since no page can be asked for, more cases of one version than an answer
// holds are an error ([jushuitan.ErrPaging]).
func (s *SceneService) RefundsSince(ctx context.Context, since int64, req *RefundListRequest) iter.Seq2[*jushuitan.AfterSale, error] {
	return sceneRefunds().since(ctx, s.client, since, req)
}

func sceneOrders() *pager[OrderListRequest, jushuitan.OrderPage, jushuitan.Order] {
	return &pager[OrderListRequest, jushuitan.OrderPage, jushuitan.Order]{
		method: opOrderList, member: "orders", size: orderPageMax,
		page:   func(q *OrderListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		window: func(q *OrderListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		rows:   func(p *jushuitan.OrderPage) []jushuitan.Order { return p.Orders },
		info:   orderInfo,
		key:    func(r *jushuitan.Order) string { return strconv.FormatInt(r.OID, 10) },
		when: func(q *OrderListRequest, r *jushuitan.Order) time.Time {
			switch q.DateType {
			case 2:
				return r.OrderDate
			case 3:
				return r.SendDate
			}
			return r.Modified
		},
		modified: func(r *jushuitan.Order) time.Time { return r.Modified },
		cursor:   func(q *OrderListRequest) *int64 { q.IsGetTotal = new(false); return &q.StartTS },
		version:  func(r *jushuitan.Order) int64 { return r.TS },
	}
}

func sceneSaleouts() *pager[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound] {
	return &pager[SaleoutListRequest, jushuitan.OutboundPage, jushuitan.Outbound]{
		method: opSaleoutList, member: "datas", size: saleoutPageMax,
		page:   func(q *SaleoutListRequest) (index, size *int64) { return &q.PageIndex, &q.PageSize },
		window: func(q *SaleoutListRequest) (begin, end *time.Time) { return &q.StartTime, &q.EndTime },
		rows:   func(p *jushuitan.OutboundPage) []jushuitan.Outbound { return p.Outbounds },
		info:   outboundInfo,
		key:    func(r *jushuitan.Outbound) string { return strconv.FormatInt(r.IOID, 10) },
		when: func(q *SaleoutListRequest, r *jushuitan.Outbound) time.Time {
			if q.DateType == 2 {
				return r.IODate
			}
			return r.Modified
		},
		modified: func(r *jushuitan.Outbound) time.Time { return r.Modified },
		cursor:   func(q *SaleoutListRequest) *int64 { q.IsGetTotal = new(false); return &q.StartTS },
		version:  func(r *jushuitan.Outbound) int64 { return r.TS },
	}
}

func sceneRefunds() *pager[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale] {
	return &pager[RefundListRequest, jushuitan.AfterSalePage, jushuitan.AfterSale]{
		method: opRefundList, member: "datas",
		rows:     func(p *jushuitan.AfterSalePage) []jushuitan.AfterSale { return p.AfterSales },
		info:     afterSaleInfo,
		key:      func(r *jushuitan.AfterSale) string { return strconv.FormatInt(r.ASID, 10) },
		modified: func(r *jushuitan.AfterSale) time.Time { return r.Modified },
		cursor:   func(q *RefundListRequest) *int64 { return &q.StartTS },
		version:  func(r *jushuitan.AfterSale) int64 { return r.TS },
	}
}

func orderInfo(p *jushuitan.OrderPage) pageInfo {
	return pageInfo{hasNext: p.HasNext, total: p.DataCount, pages: p.PageCount}
}

func outboundInfo(p *jushuitan.OutboundPage) pageInfo {
	return pageInfo{hasNext: p.HasNext, total: p.DataCount, pages: p.PageCount}
}

func afterSaleInfo(p *jushuitan.AfterSalePage) pageInfo {
	return pageInfo{hasNext: p.HasNext, total: p.DataCount, pages: p.PageCount}
}

// pageInfo is what an answer says about the pages to come.
type pageInfo struct {
	hasNext      bool
	total, pages int64
}

// more tells whether page index, with n rows, is followed by another.
func (i pageInfo) more(index, size int64, n int) bool {
	switch {
	case i.hasNext:
		return true
	case i.pages > 0:
		return index < i.pages
	case i.total > 0:
		return index*size < i.total
	default: // nothing is said: a full page may have one behind it
		return int64(n) >= size
	}
}

// pager is how a query turns its pages. What a method does not have is nil.
type pager[Req, Page, Row any] struct {
	method   *Method
	member   string // of the answer, that holds the rows
	size     int64  // rows a page
	page     func(*Req) (index, size *int64)
	window   func(*Req) (begin, end *time.Time)
	rows     func(*Page) []Row
	info     func(*Page) pageInfo
	key      func(*Row) string
	when     func(*Req, *Row) time.Time // the time that a range is about
	modified func(*Row) time.Time
	cursor   func(*Req) *int64
	version  func(*Row) int64
}

// fetch asks for one page, as req has it.
func (p *pager[Req, Page, Row]) fetch(ctx context.Context, c *Client, req *Req) (*Page, error) {
	out := pageReader[Page]{member: p.member}
	if err := c.call(ctx, p.method, req, &out); err != nil {
		return nil, err
	}
	return &out.page, nil
}

func (p *pager[Req, Page, Row]) one(ctx context.Context, c *Client, req *Req) (*Page, error) {
	var q Req
	if req != nil {
		q = *req
	}
	if p.page != nil {
		index, size := p.page(&q)
		*index = max(*index, 1)
		if *size <= 0 {
			*size = p.size
		}
	}
	return p.fetch(ctx, c, &q)
}

// emptyPages is how many empty pages in a row may promise more.
const emptyPages = 3

// all goes through the rows of every page of every time range.
func (p *pager[Req, Page, Row]) all(ctx context.Context, c *Client, req *Req) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		parts, err := p.split(c, req)
		if err != nil {
			yield(nil, err)
			return
		}
		var edge map[string]time.Time // rows on the end of the range before
		for i := range parts {
			if edge, err = p.part(ctx, c, &parts[i], edge, yield); err != nil {
				yield(nil, err)
				return
			}
			if edge == nil {
				return // the reader has enough
			}
		}
	}
}

// part goes through the pages of one time range. It gives the rows on the end of
// it, which the next range has too, or nothing once the reader has enough.
func (p *pager[Req, Page, Row]) part(ctx context.Context, c *Client, q *Req, before map[string]time.Time, yield func(*Row, error) bool) (edge map[string]time.Time, err error) {
	edge = map[string]time.Time{}
	index, size := p.page(q)
	*index = 1
	if *size <= 0 {
		*size = p.size
	}
	var end time.Time
	if p.window != nil {
		_, e := p.window(q)
		end = *e
	}
	empty := 0
	var last map[string]time.Time // rows of the page before
	for {
		page, err := p.fetch(ctx, c, q)
		if err != nil {
			return nil, err
		}
		rows := p.rows(page)
		now := make(map[string]time.Time, len(rows))
		for i := range rows {
			now[p.key(&rows[i])] = p.modified(&rows[i])
		}
		if len(now) > 0 && len(now) == len(last) && maps.EqualFunc(now, last, time.Time.Equal) {
			return nil, p.paging(c, "page %d repeats the page before", *index)
		}
		for i := range rows {
			r := &rows[i]
			key, modified := p.key(r), p.modified(r)
			if at, ok := last[key]; ok && at.Equal(modified) { // moved on by a new row before it
				continue
			}
			if at, ok := before[key]; ok && at.Equal(modified) {
				continue
			}
			if when := p.when(q, r); !end.IsZero() && !when.Before(end.Truncate(time.Second)) {
				edge[key] = modified
			}
			if !yield(r, nil) {
				return nil, nil
			}
		}
		if !p.info(page).more(*index, *size, len(rows)) {
			return edge, nil
		}
		if empty++; len(rows) > 0 {
			empty = 0
		}
		if empty == emptyPages {
			return nil, p.paging(c, "%d empty pages in a row promise more", empty)
		}
		last = now
		*index++
	}
}

// split makes requests that the server accepts of one whose time range may be
// longer. Ranges share their boundary, since both ends belong to a range and times
// have fractions; a row on a boundary is given once.
func (p *pager[Req, Page, Row]) split(c *Client, req *Req) ([]Req, error) {
	var q Req
	if req != nil {
		q = *req
	}
	if p.window == nil {
		return []Req{q}, nil
	}
	begin, end := p.window(&q)
	if begin.IsZero() {
		return []Req{q}, nil
	}
	if end.IsZero() {
		*end = c.core.now()
	}
	if end.Before(*begin) {
		return nil, (&oneCall{Client: c, method: p.method}).invalid("the time range ends before it begins / 结束时间早于开始时间")
	}
	var out []Req
	for from := *begin; ; from = from.Add(windowMax) {
		part := q
		b, e := p.window(&part)
		*b = from
		if to := from.Add(windowMax); to.Before(*end) {
			*e = to
			out = append(out, part)
			continue
		}
		return append(out, part), nil
	}
}

// since follows the row version. The server gives rows whose version is at least
// the cursor, oldest first, always on page 1; should a page not be in order, or all
// of one version, its query is paged to the end before the cursor moves.
func (p *pager[Req, Page, Row]) since(ctx context.Context, c *Client, since int64, req *Req) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		var q Req
		if req != nil {
			q = *req
		}
		index, size := new(int64), new(int64)
		if p.page != nil {
			if index, size = p.page(&q); *size <= 0 {
				*size = p.size
			}
		}
		if p.window != nil {
			begin, end := p.window(&q)
			*begin, *end = time.Time{}, time.Time{}
		}
		cursor, top := since, since
		given := map[string]int64{} // rows given since the cursor moved, and those on it
		fresh := 0                  // of them, those given since page 1 was asked for
		for *index = 1; ; {
			*p.cursor(&q) = max(cursor, 1) // the documented first value
			page, err := p.fetch(ctx, c, &q)
			if err != nil {
				yield(nil, err)
				return
			}
			rows := p.rows(page)
			ordered, before := true, int64(0)
			for i := range rows {
				v, key := p.version(&rows[i]), p.key(&rows[i])
				if v <= 0 {
					yield(nil, p.paging(c, "row %s has no row version / 数据行缺少 ts", key))
					return
				}
				ordered = ordered && v >= before
				before = v
				if known, ok := given[key]; v < cursor || v == since || ok && known == v {
					continue
				}
				given[key] = v
				top = max(top, v)
				fresh++
				if !yield(&rows[i], nil) {
					return
				}
			}
			full := len(rows) > 0 && (p.info(page).hasNext || *size > 0 && int64(len(rows)) >= *size)
			switch {
			case full && (!ordered || *index > 1 || top == cursor):
				if p.page == nil {
					yield(nil, p.paging(c, "more rows than an answer holds at one row version"))
					return
				}
				if *index++; *index > 1_000_000 {
					yield(nil, p.paging(c, "no end after %d pages at one row version", *index))
					return
				}
			case fresh == 0:
				return // nothing newer
			default:
				*index, cursor, fresh = 1, top, 0
				maps.DeleteFunc(given, func(_ string, v int64) bool { return v < cursor })
			}
		}
	}
}

func (p *pager[Req, Page, Row]) paging(c *Client, format string, args ...any) error {
	return (&oneCall{Client: c, method: p.method}).fail(&Error{Outcome: jushuitan.Applied, class: jushuitan.ErrPaging, cause: fmt.Errorf(format, args...)})
}

// pageReader reads a page whose rows may stand in data, or under another name than
// the open API's: not every answer is documented.
type pageReader[Page any] struct {
	page   Page
	member string
}

func (r *pageReader[Page]) readPayload(payload jsontext.Value) error {
	lenient := json.JoinOptions(json.Deterministic(true), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var members map[string]jsontext.Value
	if err := json.Unmarshal(payload, &members, lenient); err != nil {
		return err
	}
	if _, ok := members[r.member]; !ok && members["data"].Kind() == '{' {
		payload = members["data"]
		clear(members)
		if err := json.Unmarshal(payload, &members, lenient); err != nil {
			return err
		}
	}
	if _, ok := members[r.member]; ok {
		return wire.Unmarshal(payload, &r.page)
	}
	var lists, objects []string
	for name, v := range members {
		switch v.Kind() {
		case '[':
			lists = append(lists, name)
		case '{':
			objects = append(objects, name)
		}
	}
	switch {
	case len(lists) == 1:
		members[r.member] = members[lists[0]]
		delete(members, lists[0])
		renamed, err := json.Marshal(members, lenient)
		if err != nil {
			return err
		}
		payload = renamed
	case len(lists) > 1, len(objects) > 0: // rows could be anywhere: not an empty page
		return &wire.FieldError{Path: r.member, Want: "array", Got: "nothing of that name"}
	}
	return wire.Unmarshal(payload, &r.page)
}
