package jushuitantest

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The states of an order (状态).
const (
	orderWaitPay     = "WaitPay"
	orderWaitConfirm = "WaitConfirm"
	orderQuestion    = "Question"
	orderDelivering  = "Delivering"
	orderSent        = "Sent"
	orderCancelled   = "Cancelled"
)

// order is a sales order and the outstanding quantities of its lines.
type order struct {
	jushuitan.Order
	refunded map[int64]decimal.Decimal // by oi_id: not to be shipped
	shipped  map[int64]decimal.Decimal
}

// left returns the outstanding quantity of a line.
func (o *order) left(it *jushuitan.OrderItem) decimal.Decimal {
	return decimal.Max(decimal.Zero, it.Qty.Sub(o.refunded[it.OIID]).Sub(o.shipped[it.OIID]))
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

func parseInt(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// touch marks an order as changed and logs the action.
func (c *Company) touch(o *order, action, remark string) {
	o.TS, o.Modified = c.bump(), c.now
	c.actions = append(c.actions, jushuitan.OrderAction{
		OAID: next(&c.nextLine), OID: o.OID, Name: action, Remark: remark, Created: c.now, CreatorName: "jushuitantest",
	})
}

func (c *Company) order(oID int64) (*order, error) {
	if o := c.orders[oID]; o != nil {
		return o, nil
	}
	return nil, problem("order %d does not exist", oID)
}

func (c *Company) orderBySoID(shopID int64, soID string) *order {
	for _, o := range c.ordersBySo[soID] {
		if o.ShopID == shopID || shopID == 0 {
			return o
		}
	}
	return nil
}

// Orders returns copies of all orders (订单), oldest first.
func (c *Company) Orders() []jushuitan.Order {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.orderList, func(o *order) *jushuitan.Order { return &o.Order })
}

// Order returns a copy of an order.
func (c *Company) Order(oID int64) (jushuitan.Order, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.orders[oID]; o != nil {
		return deepCopy(o.Order), true
	}
	return jushuitan.Order{}, false
}

// OrderBySoID returns a copy of the order with the shop's order number (线上单号).
func (c *Company) OrderBySoID(shopID int64, soID string) (jushuitan.Order, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.orderBySoID(shopID, soID); o != nil {
		return deepCopy(o.Order), true
	}
	return jushuitan.Order{}, false
}

// ImportOrder imports an order from a platform into the ERP without the API. It is
// processed like an upload; missing members are filled in: the order is paid, its date
// is now, its amounts and names follow from its lines. Orders of shops of Taobao, Tmall
// and Pinduoduo (by their ShopSite) are omitted by orders/single/query, as on the
// platform; their outbound documents are not.
func (c *Company) ImportOrder(o jushuitan.OrderUpload) (oID int64, err error) {
	o = deepCopy(o)
	defer c.change()()
	if o.SoID == "" || len(o.Items) == 0 {
		return 0, problem("ImportOrder: so_id or items are missing")
	}
	if o.OrderDate.IsZero() {
		o.OrderDate = c.now
	}
	sum := o.Freight
	for i := range o.Items {
		it := &o.Items[i]
		if it.SKUID == "" || !it.Qty.IsPositive() {
			return 0, problem("ImportOrder: items[%d]: sku_id or qty is missing", i)
		}
		if it.Amount.IsZero() {
			it.Amount = it.Price.Mul(it.Qty)
		}
		if s := c.skus[it.SKUID]; s != nil {
			it.Name, it.IID = cmp.Or(it.Name, s.Name), cmp.Or(it.IID, s.IID)
			it.PropertiesValue = cmp.Or(it.PropertiesValue, s.PropertiesValue)
		}
		it.Name, it.ShopSKUID = cmp.Or(it.Name, it.SKUID), cmp.Or(it.ShopSKUID, it.SKUID)
		it.OuterOIID = cmp.Or(it.OuterOIID, fmt.Sprintf("%s-%d", o.SoID, i+1))
		sum = sum.Add(it.Amount)
	}
	if o.PayAmount.IsZero() {
		o.PayAmount = sum
	}
	o.ShopStatus = cmp.Or(o.ShopStatus, "WAIT_SELLER_SEND_GOODS")
	if o.Pay == nil && o.ShopStatus != "WAIT_BUYER_PAY" {
		o.Pay = &jushuitan.OrderUploadPay{OuterPayID: "PAY-" + o.SoID, PayDate: o.OrderDate, Payment: "支付宝", Amount: o.PayAmount}
	}
	got, err := c.take(&o, false)
	if err != nil {
		return 0, problem("ImportOrder: %w", err)
	}
	return got.OID, nil
}

// ResolveOrder turns an abnormal order (异常) back into a normal one (转正常单), which
// waits for its audit again.
func (c *Company) ResolveOrder(oID int64) error {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return err
	}
	if o.Status != orderQuestion {
		return problem("order %d is %s, not Question", oID, o.Status)
	}
	c.setStatus(o, orderWaitConfirm)
	o.QuestionType, o.QuestionDesc = "", ""
	c.touch(o, "转正常单", "")
	return nil
}

// CancelOrder cancels an order that was not shipped: its outbound document is voided
// (Delete), its reserved stock is released, and the shop receives a push.
func (c *Company) CancelOrder(oID int64, remark string) error {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return err
	}
	if err := cancellable(o); err != nil {
		return err
	}
	c.cancel(o, remark, true)
	return nil
}

func cancellable(o *order) error {
	switch o.Status {
	case orderWaitPay, orderWaitConfirm, orderDelivering, orderQuestion:
	default:
		return problem("order %d is %s and cannot be cancelled", o.OID, o.Status)
	}
	if len(o.shipped) > 0 {
		return problem("order %d is shipped in part and cannot be cancelled", o.OID)
	}
	return nil
}

func (c *Company) cancel(o *order, remark string, tell bool) {
	c.void(o)
	c.setStatus(o, orderCancelled)
	c.touch(o, "取消订单", remark)
	if tell {
		c.push(o.ShopID, jushuitan.PushCancel, &jushuitan.CancelPush{SoID: o.SoID, Remark: remark})
	}
}

// setStatus sets the status of an order and of its unfinished lines.
func (c *Company) setStatus(o *order, status string) {
	o.Status = status
	for i := range o.Items {
		it := &o.Items[i]
		switch it.ItemStatus {
		case orderSent, orderCancelled:
			continue
		}
		it.ItemStatus = status
	}
}

// uploadOrders handles 订单上传.
func (c *Company) uploadOrders(_ *call, req []jushuitan.OrderUpload) answer {
	rows := []map[string]any{}
	for i := range req {
		row := map[string]any{"so_id": req[i].SoID, "issuccess": true, "msg": "ok"}
		if o, err := c.take(&req[i], true); err != nil {
			row["issuccess"], row["msg"], row["o_id"] = false, err.Error(), int64(0)
		} else {
			row["o_id"] = o.OID
		}
		rows = append(rows, row)
	}
	return done(map[string]any{"datas": rows})
}

// take creates or changes an order. Its errors are the platform's messages.
func (c *Company) take(u *jushuitan.OrderUpload, byAPI bool) (*order, error) {
	shop := c.shop(u.ShopID)
	switch {
	case shop == nil:
		return nil, fmt.Errorf("店铺编号 %d 不存在", u.ShopID)
	case byAPI && !takesUploads(shop.ShopSite):
		return nil, fmt.Errorf("店铺 %d 的类型（%s）不支持上传订单", u.ShopID, shop.ShopSite)
	}
	if u.WMSCoID != 0 {
		if _, err := c.warehouse(u.WMSCoID); err != nil {
			return nil, fmt.Errorf("分仓编号 %d 不存在", u.WMSCoID)
		}
	}
	lines := map[string]bool{}
	for i, it := range u.Items {
		if lines[it.OuterOIID] {
			return nil, fmt.Errorf("items[%d].outer_oi_id 在订单内重复", i)
		}
		lines[it.OuterOIID] = true
		if !it.Qty.IsPositive() {
			return nil, fmt.Errorf("items[%d].qty 必须大于0", i)
		}
	}
	o := c.orderBySoID(u.ShopID, u.SoID)
	if o == nil {
		return c.newOrder(shop, u, byAPI), nil
	}
	return o, c.update(o, u)
}

func (c *Company) newOrder(shop *jushuitan.Shop, u *jushuitan.OrderUpload, byAPI bool) *order {
	o := &order{refunded: map[int64]decimal.Decimal{}, shipped: map[int64]decimal.Decimal{}}
	o.Order = jushuitan.Order{
		OID: next(&c.nextOID), CoID: c.id, ShopID: u.ShopID, ShopName: shop.ShopName, ShopSite: shop.ShopSite, SoID: u.SoID,
		OuterSoID: u.OuterSoID, Type: "普通订单", OrderDate: u.OrderDate, Created: c.now, ShopStatus: u.ShopStatus,
		ShopBuyerID: u.ShopBuyerID, ReceiverCountry: u.ReceiverCountry, PayAmount: u.PayAmount, Freight: u.Freight,
		IsCod: u.IsCod, SellerFlag: u.SellerFlag, Labels: slices.Clone(u.Labels), Currency: u.Currency,
		InvoiceType: u.InvoiceType, InvoiceTitle: u.InvoiceTitle, BuyerTaxNo: u.BuyerTaxNo, Node: u.Node,
		Shipment: u.Shipment, CreatorName: u.CreatorName,
	}
	if byAPI {
		o.OrderFrom = "open"
	}
	if main := c.mainWarehouse(); main == nil || u.WMSCoID != main.WMSCoID {
		o.WMSCoID = u.WMSCoID
	}
	c.header(o, u)
	goods := decimal.Zero
	for _, it := range u.Items {
		line := jushuitan.OrderItem{
			OIID: next(&c.nextOIID), SKUID: it.SKUID, ShopSKUID: it.ShopSKUID, ShopIID: it.ShopIID, IID: it.IID, Pic: it.Pic,
			PropertiesValue: it.PropertiesValue, Amount: it.Amount, Price: it.Price, BasePrice: it.BasePrice, Qty: it.Qty,
			Name: it.Name, OuterOIID: it.OuterOIID, Remark: it.Remark, BatchID: it.BatchID, ProducedDate: it.ProducedDate,
			IsGift: it.IsGift, RefundStatus: "none", RefundID: "0", SKUType: "normal",
		}
		if line.Price.IsZero() && !it.Amount.IsZero() {
			line.Price = it.Amount.DivRound(it.Qty, 4)
		}
		if s := c.skus[it.SKUID]; s != nil {
			line.IID, line.SKUType = cmp.Or(line.IID, s.IID), cmp.Or(s.SKUType, "normal")
			line.PropertiesValue = cmp.Or(line.PropertiesValue, s.PropertiesValue)
		}
		o.Items = append(o.Items, line)
		goods = goods.Add(it.Amount)
	}
	o.FreeAmount = goods.Add(u.Freight).Sub(u.PayAmount)
	c.orders[o.OID] = o
	c.ordersBySo[o.SoID] = append(c.ordersBySo[o.SoID], o)
	c.orderList = append(c.orderList, o)
	c.setStatus(o, orderWaitPay)
	c.pay(o, u)
	c.follow(o, u)
	c.touch(o, "创建订单", "")
	return o
}

// header applies the fields that an upload may change until the order is shipped.
func (c *Company) header(o *order, u *jushuitan.OrderUpload) {
	for _, p := range []struct{ to, from *string }{
		{&o.ReceiverState, &u.ReceiverState}, {&o.ReceiverCity, &u.ReceiverCity}, {&o.ReceiverDistrict, &u.ReceiverDistrict},
		{&o.ReceiverAddress, &u.ReceiverAddress}, {&o.ReceiverName, &u.ReceiverName}, {&o.ReceiverPhone, &u.ReceiverPhone},
		{&o.ReceiverMobile, &u.ReceiverMobile}, {&o.ReceiverTown, &u.ReceiverTown}, {&o.ReceiverZip, &u.ReceiverZip},
		{&o.ReceiverEmail, &u.ReceiverEmail}, {&o.BuyerMessage, &u.BuyerMessage}, {&o.Remark, &u.Remark},
	} {
		*p.to = cmp.Or(*p.from, *p.to)
	}
	if !u.PlanDeliveryDate.IsZero() {
		o.PlanDeliveryDate = u.PlanDeliveryDate
	}
}

// pay records the payment, once.
func (c *Company) pay(o *order, u *jushuitan.OrderUpload) {
	p := u.Pay
	if p == nil || slices.ContainsFunc(o.Pays, func(old jushuitan.OrderPay) bool { return old.OuterPayID == p.OuterPayID }) {
		return
	}
	o.Pays = append(o.Pays, jushuitan.OrderPay{
		IsOrderPay: true, BuyerAccount: p.BuyerAccount, Amount: p.Amount, PayDate: p.PayDate, OuterPayID: p.OuterPayID,
		PayID: text(next(&c.nextLine)), Payment: p.Payment, OID: o.OID,
	})
	o.PaidAmount = o.PaidAmount.Add(p.Amount)
	o.PayDate, o.OuterPayID = p.PayDate, p.OuterPayID
}

// follow sets the status of an order from its shop_status.
func (c *Company) follow(o *order, u *jushuitan.OrderUpload) {
	o.ShopStatus = u.ShopStatus
	before := o.Status == orderWaitPay || o.Status == orderWaitConfirm || o.Status == orderQuestion
	switch u.ShopStatus {
	case "TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO":
		if cancellable(o) == nil {
			c.cancel(o, "线上交易关闭", false)
		}
		return
	case "WAIT_SELLER_SEND_GOODS":
		if o.Status == orderWaitPay && (u.IsCod || o.PaidAmount.Equal(o.PayAmount)) {
			c.setStatus(o, orderWaitConfirm)
		}
	case "WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED":
		if before { // shipped outside the ERP
			o.LID, o.LCID, o.LogisticsCompany = u.LID, u.LCID, u.LogisticsCompany
			if o.SendDate = u.SendDate; o.SendDate.IsZero() {
				o.SendDate = c.now
			}
			c.setStatus(o, orderSent)
		}
		return
	}
	c.refunds(o, u)
}

// refunds applies the refund states of the lines: any refund makes the order abnormal, a
// refunded line is not shipped, and if all lines are refunded the order is cancelled. An
// order in delivery is taken back (assumption).
func (c *Company) refunds(o *order, u *jushuitan.OrderUpload) {
	changed := false
	for _, from := range u.Items {
		i := slices.IndexFunc(o.Items, func(it jushuitan.OrderItem) bool { return it.OuterOIID == from.OuterOIID })
		if i < 0 || from.RefundStatus == "" || from.RefundStatus == o.Items[i].RefundStatus {
			continue
		}
		it := &o.Items[i]
		if o.Status == orderSent || o.Status == orderCancelled {
			continue
		}
		it.RefundStatus = from.RefundStatus
		changed = true
		delete(o.refunded, it.OIID)
		if from.RefundStatus == "success" {
			qty := from.RefundQty
			if !qty.IsPositive() || qty.GreaterThan(it.Qty) {
				qty = it.Qty
			}
			o.refunded[it.OIID] = qty
			if qty.Equal(it.Qty) {
				it.ItemStatus = orderCancelled
			}
		}
	}
	if !changed {
		return
	}
	if !slices.ContainsFunc(o.Items, func(it jushuitan.OrderItem) bool { return it.ItemStatus != orderCancelled }) {
		c.cancel(o, "线上全部退款", false)
		return
	}
	if o.Status != orderWaitPay {
		c.void(o)
		c.setStatus(o, orderQuestion)
		o.QuestionType, o.QuestionDesc = "线上退款", ""
	}
}

// update changes an order that was uploaded before. An identical upload changes nothing,
// not even the row version.
func (c *Company) update(o *order, u *jushuitan.OrderUpload) error {
	if o.Status == orderCancelled {
		return nil
	}
	was, wasRefunded := deepCopy(o.Order), maps.Clone(o.refunded)
	version := c.version
	if o.Status != orderSent {
		c.header(o, u)
		c.pay(o, u)
	}
	c.follow(o, u)
	if version == c.version && reflect.DeepEqual(was, o.Order) && reflect.DeepEqual(wasRefunded, o.refunded) {
		return nil
	}
	c.touch(o, "更新订单", "")
	return nil
}

func (c *Company) queryOrders(q *call, req jushuitan.OrderQuery) answer {
	var rows []*jushuitan.Order
	for _, o := range c.orderList {
		if c.wantsOrder(&req, o) && (q.keep != nil || !hidden(o.ShopSite)) && q.keeps(&o.Order) {
			rows = append(rows, &o.Order)
		}
	}
	inOrder(rows, req.StartTS,
		func(o *jushuitan.Order) int64 { return o.TS },
		func(o *jushuitan.Order) time.Time { return o.Modified },
		func(o *jushuitan.Order) int64 { return o.OID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, noTotal: req.IsGetTotal != nil && !*req.IsGetTotal}, rows, map[string]string{
		"wms_co_id": `"0"`, "freight": "0", "pay_amount": "0", "paid_amount": "0", "free_amount": "0", "platform_free_amount": `""`,
		"shop_free_amount": `""`, "labels": `""`, "seller_flag": "0", "is_cod": "false", "send_date": `""`, "l_id": `""`,
		"lc_id": `""`, "logistics_company": `""`, "question_type": `""`, "remark": `""`, "pays": "[]", "items": "[]",
	})
}

func (c *Company) wantsOrder(req *jushuitan.OrderQuery, o *order) bool {
	t := o.Modified
	if req.DateType != nil {
		switch *req.DateType {
		case 2:
			t = o.OrderDate
		case 3:
			t = o.SendDate
		}
	}
	return o.TS >= req.StartTS && span{req.ModifiedBegin, req.ModifiedEnd}.holds(t) && !req.Archive && c.shopWanted(req.ShopID, req.IsOfflineShop, o.ShopID) &&
		wanted(req.SoIDs, o.SoID) && wanted(req.OIDs, o.OID) && wanted(req.OrderTypes, o.Type) && matches(req.Status, o.Status)
}

// shopWanted is the filter by shop: shop_id 0 with is_offline_shop selects all shops whose
// site is offline.
func (c *Company) shopWanted(want *int64, offline bool, shopID int64) bool {
	switch {
	case want == nil:
		return true
	case *want == 0 && offline:
		s := c.shop(shopID)
		return s != nil && strings.Contains(s.ShopSite, "线下")
	}
	return *want == shopID
}

func (c *Company) cancelOrders(_ *call, req jushuitan.OrderCancelRequest) answer {
	if len(req.OIDs) > 50 {
		return refuse(codeBadData, "参数 o_ids 最多50项，实际%d项", len(req.OIDs))
	}
	for _, id := range req.OIDs {
		o := c.orders[id]
		if o == nil {
			return refuse(codeBadData, "内部单号 %d 不存在", id)
		}
		if o.Status != orderCancelled && cancellable(o) != nil {
			return refuse(codeBadData, "内部单号 %d 的状态为 %s，不能取消", id, o.Status)
		}
	}
	for _, id := range req.OIDs {
		if o := c.orders[id]; o.Status != orderCancelled {
			c.cancel(o, cmp.Or(req.Remark, req.CancelType), true)
		}
	}
	return done(map[string]any{"data": nil})
}

func (c *Company) assignWarehouses(_ *call, req []jushuitan.OrderAssignWarehouseRequest) answer {
	for i, r := range req {
		o := c.orders[r.OID]
		if o == nil {
			return refuse(codeBadData, "[%d].o_id：内部单号 %d 不存在", i, r.OID)
		}
		if _, err := c.warehouse(r.WMSCoID); err != nil {
			return refuse(codeBadData, "[%d].wms_co_id：分仓编号 %d 不存在", i, r.WMSCoID)
		}
		if cancellable(o) != nil {
			return refuse(codeBadData, "[%d].o_id：内部单号 %d 的状态为 %s，不能指定发货仓", i, r.OID, o.Status)
		}
	}
	for _, r := range req {
		o := c.orders[r.OID]
		w, _ := c.warehouse(r.WMSCoID)
		if c.orderWarehouse(w) == o.WMSCoID {
			continue
		}
		if o.Status == orderDelivering {
			c.void(o)
			c.assign(o, w)
			continue
		}
		o.WMSCoID = c.orderWarehouse(w)
		c.touch(o, "指定发货仓", w.Name)
	}
	return done(nil)
}

// orderWarehouse returns a warehouse number as used in orders: 0 for the main one.
func (c *Company) orderWarehouse(w *jushuitan.Warehouse) int64 {
	if w.IsMain {
		return 0
	}
	return w.WMSCoID
}

// find finds an order by its o_id or by the shop's number.
func (c *Company) find(oID, shopID int64, soID string) (*order, *answer) {
	var o *order
	switch {
	case oID != 0:
		o = c.orders[oID]
	case soID != "":
		o = c.orderBySoID(shopID, soID)
	default:
		a := refuse(codeBadData, "o_id 与 so_id 至少传一项")
		return nil, &a
	}
	if o == nil {
		a := refuse(codeBadData, "订单不存在：o_id %d，so_id %s", oID, soID)
		return nil, &a
	}
	return o, nil
}

func (c *Company) setLabels(_ *call, req jushuitan.OrderSetLabelsRequest) answer {
	if req.ActionType != 1 && req.ActionType != 2 {
		return refuse(codeBadData, "参数 action_type 应为 1 或 2")
	}
	for i, l := range req.Labels {
		if len([]rune(l)) > 10 {
			return refuse(codeBadData, "参数 labels[%d] 最长10个字符", i)
		}
	}
	o, bad := c.find(req.OID, req.ShopID, req.SoID)
	if bad != nil {
		return *bad
	}
	before := slices.Clone(o.Labels)
	o.Labels = slices.DeleteFunc(o.Labels, func(l string) bool { return req.ActionType == 2 && slices.Contains(req.Labels, l) })
	for _, l := range req.Labels {
		if req.ActionType == 1 && !slices.Contains(o.Labels, l) {
			o.Labels = append(o.Labels, l)
		}
	}
	if !slices.Equal(before, o.Labels) {
		c.touch(o, "修改标签", "")
	}
	return done(nil)
}

func (c *Company) setRemark(_ *call, req jushuitan.OrderSetRemarkRequest) answer {
	return c.remark(req.OID, "", req.Remark, req.IsAppend)
}

func (c *Company) setRemarkBySoID(_ *call, req jushuitan.OrderSetRemarkBySoIDRequest) answer {
	return c.remark(0, req.SoID, req.Remark, req.IsAppend)
}

func (c *Company) remark(oID int64, soID, remark string, add bool) answer {
	o, bad := c.find(oID, 0, soID)
	if bad != nil {
		return *bad
	}
	if add {
		remark = o.Remark + remark
	}
	if o.Remark != remark {
		o.Remark = remark
		c.touch(o, "修改卖家备注", "")
	}
	return done(nil)
}

func (c *Company) setNodes(_ *call, req jushuitan.OrderSetNodesRequest) answer {
	var found []*order
	var nodes []string
	for _, it := range req.Items {
		if it.OID == 0 && it.SoID == "" {
			return refuse(codeBadData, "o_id 与 so_id 至少传一项")
		}
		for _, by := range []struct {
			oID  int64
			soID string
		}{{it.OID, ""}, {0, it.SoID}} {
			if by.oID == 0 && by.soID == "" {
				continue
			}
			o, bad := c.find(by.oID, req.ShopID, by.soID)
			if bad != nil {
				return *bad
			}
			found, nodes = append(found, o), append(nodes, it.Node)
		}
	}
	for i, o := range found {
		if o.Node != nodes[i] {
			o.Node = nodes[i]
			c.touch(o, "修改线下备注", "")
		}
	}
	return done(nil)
}

func (c *Company) markQuestions(_ *call, req jushuitan.OrderMarkQuestionRequest) answer {
	if len(req.OIDs) == 0 && len(req.SoIDs) == 0 {
		return refuse(codeBadData, "o_ids 与 so_ids 至少传一项")
	}
	failed := []map[string]any{}
	success := int64(0)
	mark := func(o *order, id int64) {
		switch {
		case o == nil:
			failed = append(failed, map[string]any{"id": id, "msg": "订单不存在"})
		case cancellable(o) != nil:
			failed = append(failed, map[string]any{"id": o.OID, "msg": "订单状态为 " + o.Status + "，不能转异常"})
		default:
			success++
			if o.Status != orderQuestion || o.QuestionType != req.QuestionType || o.QuestionDesc != req.QuestionDesc {
				c.void(o)
				c.setStatus(o, orderQuestion)
				o.QuestionType, o.QuestionDesc = req.QuestionType, req.QuestionDesc
				c.touch(o, "转异常", cmp.Or(req.Channel, "open"))
			}
		}
	}
	for _, id := range req.OIDs {
		mark(c.orders[id], id)
	}
	for _, so := range req.SoIDs {
		mark(c.orderBySoID(0, so), 0)
	}
	return done(map[string]any{"success": success, "fail": len(failed), "message": failed})
}

func (c *Company) queryActions(q *call, req jushuitan.OrderActionQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []jushuitan.OrderAction
	for _, a := range c.actions {
		if within.holds(a.Created) && (req.OID == 0 || a.OID == req.OID) && (req.ActionName == "" || a.Name == req.ActionName) {
			rows = append(rows, a)
		}
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, usual: 50}, rows, nil)
}
