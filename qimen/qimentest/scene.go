package qimentest

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
)

// The limits of the scene. The sources name 100 and 50 rows for saleouts: the
// smaller is taken. That of refunds, for which no page is documented, is an
// assumption.
const (
	orderRows   = 100
	saleoutRows = 50
	refundRows  = 50
	legacyRows  = 50
	maxWindow   = 7 * 24 * time.Hour
)

// scene answers a call of Jushuitan's own scene from the company's documents.
func (x *exchange) scene() *answer {
	if isXML(x.format) {
		return refuse(codeInvalid, "Invalid arguments:format")
	}
	merchant, _ := x.s.customer(x.rec.Customer)
	if isLegacy(x.method.Name) {
		var a *answer
		if merchant, a = x.legacyMerchant(); a != nil {
			return a
		}
	}
	c := x.s.ERP.Company(merchant)
	switch x.method.Name {
	case "jushuitan.order.list.query":
		return ask(x, c, (*exchange).orders)
	case "jushuitan.saleout.list.query":
		return ask(x, c, (*exchange).saleouts)
	case "jushuitan.refund.list.query":
		return ask(x, c, (*exchange).refunds)
	case "jst.orders.query":
		return ask(x, c, (*exchange).legacyOrders)
	case "jst.orders.out.query":
		return ask(x, c, (*exchange).legacyOutbounds)
	case "jst.refund.query":
		return ask(x, c, (*exchange).legacyRefunds)
	}
	// No source shows what the others answer.
	return refuse(codePermission, "Insufficient app permissions")
}

// ask reads the parameters as the request's type and makes the query.
func ask[Req any](x *exchange, c *jushuitantest.Company, query func(*exchange, *jushuitantest.Company, *Req) (json.RawMessage, error)) *answer {
	req := new(Req)
	doc, err := document(x.business(), req)
	if err == nil {
		err = wire.Unmarshal(doc, req)
	}
	if err != nil {
		return refuse(codeArgument, fmt.Sprintf("参数无法转换：%v", err))
	}
	payload, err := query(x, c, req)
	if err != nil {
		if own, ok := errors.AsType[*refused](err); ok {
			return own.answer
		}
		return refuse(codeArgument, err.Error())
	}
	return done(payload)
}

// refused is an answer as the error of a query.
type refused struct{ *answer }

func (r *refused) Error() string { return r.message }

// legacyMerchant checks the partner's credentials and finds whose token it is.
func (x *exchange) legacyMerchant() (string, *answer) {
	p := x.params
	for _, name := range []string{"partnerid", "token", "ts", "jstsign"} {
		if p[name] == "" {
			return "", refuse(codeMissing, "Missing required arguments:"+name)
		}
	}
	merchant, ok := x.s.byToken(p["token"])
	if !ok || p["partnerid"] != demoPartner {
		return "", refuse(codeToken, "合作方编号或授权码错误")
	}
	want := qimen.LegacySign(x.method.Name, demoPartner, p["token"], p["ts"], demoPartnerKey)
	if subtle.ConstantTimeCompare([]byte(want), []byte(p["jstsign"])) != 1 {
		return "", refuse(codeJSTSign, "签名错误")
	}
	sec, err := strconv.ParseInt(p["ts"], 10, 64)
	if err != nil {
		return "", refuse(codeStamp, "时间戳错误")
	}
	if !fakeserver.InTime(x.s.Now(), time.Unix(sec, 0)) {
		return "", refuse(codeStamp, "时间戳错误")
	}
	return merchant, nil
}

// limits checks page and time range.
func (x *exchange) limits(index, size, most int64, begin, end time.Time) error {
	if !isLegacy(x.method.Name) {
		for _, name := range []string{"page_index", "page_size"} {
			if x.params[name] == "" {
				return &refused{refuse(codeMissing, "Missing required arguments:"+name)}
			}
		}
	}
	switch {
	case index < 0 || index == 0 && x.params["page_index"] != "":
		return fmt.Errorf("参数 page_index 应从1开始")
	case size < 0 || size == 0 && x.params["page_size"] != "" || size > most:
		return fmt.Errorf("参数 page_size 超出范围：最大%d", most)
	case begin.IsZero() != end.IsZero():
		return fmt.Errorf("开始时间与结束时间必须同时传")
	case end.Before(begin):
		return fmt.Errorf("结束时间不能早于开始时间")
	case end.Sub(begin) > maxWindow:
		return fmt.Errorf("开始时间与结束时间的间隔不能超过7天")
	}
	return nil
}

func (x *exchange) orders(c *jushuitantest.Company, req *qimen.OrderListRequest) (json.RawMessage, error) {
	if err := x.limits(req.PageIndex, req.PageSize, orderRows, req.StartTime, req.EndTime); err != nil {
		return nil, err
	}
	_, byPaid := x.params["is_paid"]
	return c.QueryOrders(jushuitan.OrderQuery{
		ShopID: filter(req.ShopID), SoIDs: req.SoIDs, OIDs: req.OIDs, Status: req.Status, OrderTypes: req.OrderTypes,
		ModifiedBegin: req.StartTime, ModifiedEnd: req.EndTime, DateType: filter(req.DateType),
		PageIndex: req.PageIndex, PageSize: req.PageSize, StartTS: req.StartTS, IsGetTotal: req.IsGetTotal, Archive: req.Archive,
	}, func(o *jushuitan.Order) bool {
		return (req.WMSCoID == 0 || o.WMSCoID == req.WMSCoID) && (req.NotStatus == "" || o.Status != req.NotStatus) &&
			(!byPaid || o.PayDate.IsZero() != req.IsPaid)
	})
}

func (x *exchange) saleouts(c *jushuitantest.Company, req *qimen.SaleoutListRequest) (json.RawMessage, error) {
	if err := x.limits(req.PageIndex, req.PageSize, saleoutRows, req.StartTime, req.EndTime); err != nil {
		return nil, err
	}
	return c.QueryOutbounds(jushuitan.OutboundQuery{
		ShopID: filter(req.ShopID), SoIDs: req.SoIDs, OIDs: texts(req.OIDs), IOIDs: texts(req.IOIDs), Status: req.Status,
		WMSCoID: req.WMSCoID, WaveIDs: req.WaveIDs, ModifiedBegin: req.StartTime, ModifiedEnd: req.EndTime, DateType: filter(req.DateType),
		PageIndex: req.PageIndex, PageSize: req.PageSize, StartTS: req.StartTS, IsGetTotal: req.IsGetTotal, Archive: req.Archive,
	}, func(d *jushuitan.Outbound) bool { return req.OwnerCoID == 0 || d.OwnerCoID == req.OwnerCoID })
}

func (x *exchange) refunds(c *jushuitantest.Company, req *qimen.RefundListRequest) (json.RawMessage, error) {
	return c.QueryAfterSales(jushuitan.AfterSaleQuery{StartTS: req.StartTS, PageSize: refundRows}, nil)
}

func (x *exchange) legacyOrders(c *jushuitantest.Company, req *qimen.LegacyOrdersRequest) (json.RawMessage, error) {
	if err := x.limits(req.PageIndex, req.PageSize, legacyRows, req.ModifiedBegin, req.ModifiedEnd); err != nil {
		return nil, err
	}
	return c.QueryOrders(jushuitan.OrderQuery{
		ShopID: filter(req.ShopID), SoIDs: req.SoIDs, Status: req.Status, ModifiedBegin: req.ModifiedBegin, ModifiedEnd: req.ModifiedEnd,
		PageIndex: req.PageIndex, PageSize: req.PageSize,
	}, nil)
}

func (x *exchange) legacyOutbounds(c *jushuitantest.Company, req *qimen.LegacyOutboundsRequest) (json.RawMessage, error) {
	if err := x.limits(req.PageIndex, req.PageSize, legacyRows, req.ModifiedBegin, req.ModifiedEnd); err != nil {
		return nil, err
	}
	return c.QueryOutbounds(jushuitan.OutboundQuery{
		SoIDs: req.SoIDs, ModifiedBegin: req.ModifiedBegin, ModifiedEnd: req.ModifiedEnd, PageIndex: req.PageIndex, PageSize: req.PageSize,
	}, nil)
}

func (x *exchange) legacyRefunds(c *jushuitantest.Company, req *qimen.LegacyRefundsRequest) (json.RawMessage, error) {
	if err := x.limits(req.PageIndex, req.PageSize, legacyRows, req.ModifiedBegin, req.ModifiedEnd); err != nil {
		return nil, err
	}
	return c.QueryAfterSales(jushuitan.AfterSaleQuery{
		SoIDs: req.SoIDs, ShopBuyerIDs: slices.Clone(req.ShopBuyerIDs), ModifiedBegin: req.ModifiedBegin, ModifiedEnd: req.ModifiedEnd,
		PageIndex: req.PageIndex, PageSize: req.PageSize,
	}, nil)
}

// filter is a number that narrows a query unless it is 0.
func filter(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func texts(numbers []int64) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.FormatInt(n, 10))
	}
	return out
}
