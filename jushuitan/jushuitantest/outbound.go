package jushuitantest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The states of an outbound document (出库单状态).
const (
	outWaitConfirm = "WaitConfirm"
	outConfirmed   = "Confirmed"
	outDelete      = "Delete"
)

// outbound is an outbound document and the shipped quantities of its lines.
type outbound struct {
	jushuitan.Outbound
	shipped map[int64]decimal.Decimal // by ioi_id
}

// shipment is a parcel as logistic/query shows it.
type shipment struct {
	jushuitan.Shipment
	orderDate time.Time
}

// Parcel is a parcel to ship, see [Company.ShipOutbound].
type Parcel struct {
	LCID             string                     // 物流公司编码: carrier code
	LogisticsCompany string                     // 物流公司: its name, by default that of the carrier
	LID              string                     // 快递单号: waybill
	Lines            map[string]decimal.Decimal // by sku_id; nil means all outstanding
}

// AuditOrder releases an order (审核) to its warehouse, which is the main one unless an
// upload or call set another: the order becomes Delivering and gets a waiting outbound
// document.
func (c *Company) AuditOrder(oID int64) error {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return err
	}
	if o.Status != orderWaitConfirm {
		return problem("order %d is %s, not WaitConfirm", oID, o.Status)
	}
	w, err := c.warehouse(o.WMSCoID)
	if err != nil {
		return err
	}
	c.assign(o, w)
	return nil
}

// AssignOrder releases an order to a warehouse (审核并指定仓库); 0 means the main one.
// The order becomes Delivering, it gets a waiting outbound document (WaitConfirm), and
// its stock is reserved (order_lock).
func (c *Company) AssignOrder(oID, wmsCoID int64) (ioID int64, err error) {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return 0, err
	}
	if o.Status != orderWaitConfirm {
		return 0, problem("order %d is %s, not WaitConfirm", oID, o.Status)
	}
	w, err := c.warehouse(wmsCoID)
	if err != nil {
		return 0, err
	}
	return c.assign(o, w).IOID, nil
}

// ReassignOrder moves a Delivering order to another warehouse (改仓): its outbound
// document is voided (Delete) and a new one is created.
func (c *Company) ReassignOrder(oID, wmsCoID int64) (ioID int64, err error) {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return 0, err
	}
	if o.Status != orderDelivering {
		return 0, problem("order %d is %s, not Delivering", oID, o.Status)
	}
	if len(o.shipped) > 0 {
		return 0, problem("order %d is shipped in part", oID)
	}
	w, err := c.warehouse(wmsCoID)
	if err != nil {
		return 0, err
	}
	c.void(o)
	return c.assign(o, w).IOID, nil
}

// assign creates the outbound document of an order.
func (c *Company) assign(o *order, w *jushuitan.Warehouse) *outbound {
	d := &outbound{shipped: map[int64]decimal.Decimal{}}
	d.Outbound = jushuitan.Outbound{
		IOID: next(&c.nextIOID), OID: o.OID, SoID: o.SoID, CoID: c.id, ShopID: o.ShopID, ShopName: o.ShopName,
		Created: c.now, Status: outWaitConfirm, OrderType: o.Type, WMSCoID: w.WMSCoID, StockEnabled: "on",
		ShopBuyerID: o.ShopBuyerID, ReceiverCountry: o.ReceiverCountry, ReceiverState: o.ReceiverState, ReceiverCity: o.ReceiverCity,
		ReceiverDistrict: o.ReceiverDistrict, ReceiverTown: o.ReceiverTown, ReceiverAddress: o.ReceiverAddress,
		ReceiverName: o.ReceiverName, ReceiverPhone: o.ReceiverPhone, ReceiverMobile: o.ReceiverMobile,
		BuyerMessage: o.BuyerMessage, Remark: o.Remark, IsCod: o.IsCod, PayAmount: o.PayAmount, PaidAmount: o.PaidAmount,
		FreeAmount: o.FreeAmount, Freight: o.Freight, Labels: slices.Clone(o.Labels), Currency: o.Currency, PayDate: o.PayDate,
		SellerFlag: o.SellerFlag, Node: o.Node, InvoiceTitle: o.InvoiceTitle, Shipment: o.Shipment,
	}
	for i := range o.Items {
		it := &o.Items[i]
		qty := o.left(it)
		if !qty.IsPositive() || it.SKUType == "no_deliver" {
			continue
		}
		d.Items = append(d.Items, jushuitan.OutboundItem{
			IOIID: next(&c.nextLine), Pic: it.Pic, SKUID: it.SKUID, Qty: qty, Name: it.Name, PropertiesValue: it.PropertiesValue,
			SalePrice: it.Price, OIID: it.OIID, SaleAmount: it.Price.Mul(qty), IID: it.IID, SaleBasePrice: it.BasePrice,
			IsGift: it.IsGift, OuterOIID: it.OuterOIID, RawSoID: it.RawSoID, BatchID: it.BatchID,
		})
		r := c.row(w.WMSCoID, it.SKUID)
		r.OrderLock = r.OrderLock.Add(qty)
		c.moved(r)
	}
	c.outbounds[d.IOID] = d
	c.outList = append(c.outList, d)
	c.changed(d)
	o.WMSCoID = c.orderWarehouse(w)
	c.setStatus(o, orderDelivering)
	c.touch(o, "审核", w.Name)
	return d
}

func (c *Company) changed(d *outbound) { d.TS, d.Modified = c.bump(), c.now }

// waiting returns the unshipped outbound document of an order.
func (c *Company) waiting(o *order) *outbound {
	for _, d := range c.outList {
		if d.OID == o.OID && d.Status == outWaitConfirm {
			return d
		}
	}
	return nil
}

// void voids the outbound document of an order, if there is one, and releases its
// reserved stock.
func (c *Company) void(o *order) {
	d := c.waiting(o)
	if d == nil {
		return
	}
	for i := range d.Items {
		it := &d.Items[i]
		r := c.row(d.WMSCoID, it.SKUID)
		r.OrderLock = r.OrderLock.Sub(it.Qty.Sub(d.shipped[it.IOIID]))
		c.moved(r)
	}
	d.Status = outDelete
	c.changed(d)
}

// ShipOutbound ships an outbound document, or a parcel of it (出库发货). The stock is
// reduced by the parcel. Once nothing is outstanding the document is Confirmed and the
// order Sent. The shop receives a push for each parcel.
func (c *Company) ShipOutbound(ioID int64, p Parcel) error {
	defer c.change()()
	d := c.outbounds[ioID]
	if d == nil {
		return problem("outbound document %d does not exist", ioID)
	}
	return c.ship(d, p)
}

func (c *Company) ship(d *outbound, p Parcel) error {
	o := c.orders[d.OID]
	if d.Status != outWaitConfirm {
		return problem("outbound document %d is %s, not WaitConfirm", d.IOID, d.Status)
	}
	if p.LID == "" {
		return problem("the waybill (LID) is missing")
	}
	company, err := c.carrier(p.LCID, p.LogisticsCompany)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.shipments, func(s *shipment) bool { return s.OID == d.OID && s.LID == p.LID }) {
		return problem("waybill %s is a parcel of order %d already", p.LID, d.OID)
	}
	parts, err := d.pack(p.Lines)
	if err != nil {
		return err
	}
	p.LogisticsCompany = company
	for i, qty := range parts {
		if !qty.IsPositive() {
			continue
		}
		it := &d.Items[i]
		d.shipped[it.IOIID] = d.shipped[it.IOIID].Add(qty)
		r := c.row(d.WMSCoID, it.SKUID)
		r.Qty, r.OrderLock = r.Qty.Sub(qty), r.OrderLock.Sub(qty)
		c.moved(r)
		o.shipped[it.OIID] = o.shipped[it.OIID].Add(qty)
		for j := range o.Items {
			if line := &o.Items[j]; line.OIID == it.OIID && !o.left(line).IsPositive() {
				line.ItemStatus = orderSent
			}
		}
	}
	all := d.allShipped()
	if d.LID == "" {
		d.LID, d.LCID, d.LogisticsCompany = p.LID, p.LCID, company
		o.LID, o.LCID, o.LogisticsCompany = p.LID, p.LCID, company
	} else {
		d.ClusterInfos = append(d.ClusterInfos, jushuitan.OutboundParcel{IOID: d.IOID, LID: p.LID, LCID: p.LCID, LogisticCompany: company})
	}
	if all {
		d.Status, d.IODate = outConfirmed, c.now
		o.SendDate = c.now
		c.setStatus(o, orderSent)
	}
	c.changed(d)
	c.touch(o, "发货", p.LID)
	c.book(o, d, p, parts, all)
	return nil
}

// pack distributes a parcel among the lines of a document.
func (d *outbound) pack(lines map[string]decimal.Decimal) ([]decimal.Decimal, error) {
	parts := make([]decimal.Decimal, len(d.Items))
	some := false
	left := func(i int) decimal.Decimal { return d.Items[i].Qty.Sub(d.shipped[d.Items[i].IOIID]) }
	if lines == nil {
		for i := range d.Items {
			parts[i] = left(i)
			some = some || parts[i].IsPositive()
		}
	}
	for sku, qty := range lines {
		if !qty.IsPositive() {
			return nil, problem("Parcel: quantity of %q is not positive", sku)
		}
		for i := range d.Items {
			if d.Items[i].SKUID != sku {
				continue
			}
			parts[i] = decimal.Min(left(i), qty)
			qty = qty.Sub(parts[i])
			some = some || parts[i].IsPositive()
		}
		if qty.IsPositive() {
			return nil, problem("Parcel: %s more of %q than outbound document %d has left", qty, sku, d.IOID)
		}
	}
	if !some {
		return nil, problem("Parcel: empty")
	}
	return parts, nil
}

func (d *outbound) allShipped() bool {
	for _, it := range d.Items {
		if it.Qty.GreaterThan(d.shipped[it.IOIID]) {
			return false
		}
	}
	return true
}

// book records a parcel and pushes it to the shop.
func (c *Company) book(o *order, d *outbound, p Parcel, parts []decimal.Decimal, all bool) {
	s := &shipment{orderDate: o.OrderDate}
	s.Shipment = jushuitan.Shipment{
		OID: o.OID, ShopID: o.ShopID, SoID: o.SoID, SendDate: c.now, Freight: o.Freight, LCID: p.LCID, LID: p.LID, LogisticsCompany: p.LogisticsCompany,
	}
	msg := &jushuitan.ShipmentPush{
		OID: o.OID, SoID: o.SoID, LID: p.LID, LCID: p.LCID, LogisticsCompany: p.LogisticsCompany, SendDate: c.now,
		OrderFrom: o.OrderFrom, WMSCoID: d.WMSCoID, IsSendAll: all,
	}
	for i, qty := range parts {
		if !qty.IsPositive() {
			continue
		}
		it := d.Items[i]
		s.Items = append(s.Items, jushuitan.ShipmentItem{SKUID: it.SKUID, Qty: qty, OuterOIID: it.OuterOIID, RawSoID: it.RawSoID, OID: o.OID})
		msg.Items = append(msg.Items, jushuitan.ShipmentPushItem{
			OIID: it.OIID, SKUID: it.SKUID, Qty: qty, Name: it.Name, OuterOIID: it.OuterOIID, SoID: cmp.Or(it.RawSoID, o.SoID),
		})
	}
	c.shipments = append(c.shipments, s)
	c.push(o.ShopID, jushuitan.PushShipment, msg)
}

// Outbounds returns copies of all outbound documents (销售出库单), oldest first.
func (c *Company) Outbounds() []jushuitan.Outbound {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.outList, func(d *outbound) *jushuitan.Outbound { return &d.Outbound })
}

// OutboundOfOrder returns a copy of the newest outbound document of an order.
func (c *Company) OutboundOfOrder(oID int64) (jushuitan.Outbound, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range slices.Backward(c.outList) {
		if d.OID == oID {
			return deepCopy(d.Outbound), true
		}
	}
	return jushuitan.Outbound{}, false
}

// ShippedQtys returns the shipped quantity of each line (ioi_id) of an outbound
// document over all its parcels, which the document itself does not show.
func (c *Company) ShippedQtys(ioID int64) map[int64]decimal.Decimal {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.outbounds[ioID]; d != nil {
		return maps.Clone(d.shipped)
	}
	return nil
}

func (c *Company) queryOutbounds(q *call, req jushuitan.OutboundQuery) answer {
	var rows []*jushuitan.Outbound
	for _, d := range c.outList {
		if c.wantsOutbound(&req, d) && q.keeps(&d.Outbound) {
			rows = append(rows, &d.Outbound)
		}
	}
	noTotal := req.StartTS > 0 // the default of newer documentation
	if req.IsGetTotal != nil {
		noTotal = !*req.IsGetTotal
	}
	inOrder(rows, req.StartTS,
		func(d *jushuitan.Outbound) int64 { return d.TS },
		func(d *jushuitan.Outbound) time.Time { return d.Modified },
		func(d *jushuitan.Outbound) int64 { return d.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, noTotal: noTotal}, rows, map[string]string{
		"l_id": `""`, "lc_id": `""`, "logistics_company": `""`, "io_date": `""`, "labels": `""`, "pay_amount": "0", "paid_amount": "0",
		"free_amount": "0", "freight": "0", "is_cod": "false", "remark": `""`, "items": "[]",
	})
}

func (c *Company) wantsOutbound(req *jushuitan.OutboundQuery, d *outbound) bool {
	t := d.Modified
	if req.DateType != nil {
		switch *req.DateType {
		case 1:
			t = d.Created
		case 2:
			t = d.IODate
		}
	}
	return d.TS >= req.StartTS && span{req.ModifiedBegin, req.ModifiedEnd}.holds(t) && !req.Archive && c.shopWanted(req.ShopID, req.IsOfflineShop, d.ShopID) &&
		matches(req.WMSCoID, d.WMSCoID) && matches(req.Status, d.Status) && wanted(req.SoIDs, d.SoID) && wanted(req.OIDs, text(d.OID)) &&
		wanted(req.IOIDs, text(d.IOID)) && wanted(req.LIDs, d.LID) && wanted(req.WaveIDs, d.WaveID)
}

// shipOutbounds handles 出库发货: one result for each row, whose o_id is the io_id.
func (c *Company) shipOutbounds(_ *call, req []jushuitan.OutboundShipRequest) answer {
	rows := []map[string]any{}
	for _, r := range req {
		row := map[string]any{"o_id": r.IOID, "issuccess": true, "msg": "ok"}
		if why := c.shipRow(&r); why != "" {
			row["issuccess"], row["msg"] = false, why
		}
		rows = append(rows, row)
	}
	return done(map[string]any{"data": rows})
}

func (c *Company) shipRow(r *jushuitan.OutboundShipRequest) string {
	d := c.outbounds[r.IOID]
	switch {
	case d == nil:
		return "出库单不存在"
	case r.WMSCoID != 0 && r.WMSCoID != d.WMSCoID:
		return "出库单不属于该分仓"
	case d.Status == outConfirmed:
		return "出库单已发货，不能重复发货"
	case d.Status != outWaitConfirm:
		return "出库单状态为 " + d.Status + "，不能发货"
	case r.IsUnLID && (r.TrackingCode == "" || r.TrackingInfo == ""):
		return "国际物流必须传 tracking_code 与 tracking_info"
	}
	if _, err := c.carrier(r.LCID, r.LCName); err != nil {
		return "物流公司编码 " + r.LCID + " 不存在"
	}
	if err := c.ship(d, Parcel{LCID: r.LCID, LogisticsCompany: r.LCName, LID: r.LID}); err != nil {
		return "发货失败：" + err.Error()
	}
	return ""
}

// markSent handles 订单发货: it ships whole orders, with or without an outbound document.
// All rows pass or none (assumption).
func (c *Company) markSent(_ *call, req jushuitan.OrderMarkSentRequest) answer {
	var found []*order
	for i, r := range req.Items {
		o, bad := c.find(r.OID, r.ShopID, r.SoID)
		if bad != nil {
			return *bad
		}
		switch {
		case o.Status != orderWaitConfirm && o.Status != orderDelivering:
			return refuse(codeBadData, "items[%d]：订单 %d 的状态为 %s，不能发货", i, o.OID, o.Status)
		case slices.Contains(found, o):
			return refuse(codeBadData, "items[%d]：订单 %d 重复", i, o.OID)
		case slices.ContainsFunc(c.shipments, func(s *shipment) bool { return s.LID == r.LID && (!r.SendByUsedLID || s.OID == o.OID) }):
			return refuse(codeBadData, "items[%d].l_id：物流单号已使用", i)
		}
		if _, err := c.carrier(r.LCID, r.LCName); err != nil {
			return refuse(codeBadData, "items[%d].lc_id：物流公司编码 %s 不存在", i, r.LCID)
		}
		if o.Status == orderWaitConfirm {
			if _, err := c.warehouse(o.WMSCoID); err != nil {
				return refuse(codeBadData, "items[%d]：订单 %d 未指定发货仓", i, o.OID)
			}
		}
		found = append(found, o)
	}
	for i, o := range found {
		r := req.Items[i]
		d := c.waiting(o)
		if d == nil {
			w, _ := c.warehouse(o.WMSCoID)
			d = c.assign(o, w)
		}
		if err := c.ship(d, Parcel{LCID: r.LCID, LogisticsCompany: r.LCName, LID: r.LID}); err != nil {
			return refuse(codeBadData, "items[%d]：%v", i, err)
		}
	}
	return done(map[string]any{"data": []any{}})
}

func (c *Company) queryShipments(q *call, req jushuitan.ShipmentQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*shipment
	for _, s := range c.shipments {
		t := s.SendDate
		if req.DateType != nil && *req.DateType == 2 {
			t = s.orderDate
		}
		if within.holds(t) && wanted(req.SoIDs, s.SoID) && (req.ShopID == 0 || s.ShopID == req.ShopID) {
			rows = append(rows, s)
		}
	}
	byModified(rows, func(s *shipment) time.Time { return s.SendDate }, func(s *shipment) int64 { return s.OID })
	plain := make([]jushuitan.Shipment, len(rows))
	for i, s := range rows {
		plain[i] = s.Shipment
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, plain, nil)
}
