package jushuitantest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// afterSale is an after-sale case and the receipts of its goods.
type afterSale struct {
	jushuitan.AfterSale
	slotOf int64 // warehouse slot that the upload asked for
	moves  []stockMove
}

// stockMove is what a receipt added to the stock, kept for undoing it.
type stockMove struct {
	wms  int64
	sku  string
	slot int64
	qty  decimal.Decimal
}

const (
	goodsReceived  = "SELLER_RECEIVED"
	goodsOnTheWay  = "BUYER_RETURNED_GOODS"
	asWaitConfirm  = "WaitConfirm"
	asConfirmed    = "Confirmed"
	asCancelled    = "Cancelled"
	lineReturn     = "退货"
	receiptDone    = "Confirmed"
	receiptUndone  = "Cancelled"
	typeRefundOnly = "仅退款"
)

// AfterSales returns copies of all after-sale cases (售后单), oldest first.
func (c *Company) AfterSales() []jushuitan.AfterSale {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.asList, c.shown)
}

// AfterSale returns a copy of an after-sale case.
func (c *Company) AfterSale(asID int64) (jushuitan.AfterSale, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.afterSales[asID]; a != nil {
		return deepCopy(*c.shown(a)), true
	}
	return jushuitan.AfterSale{}, false
}

// ReturnReceipts returns copies of all receipts of returned goods (实际收货), oldest
// first.
func (c *Company) ReturnReceipts() []jushuitan.ReturnReceipt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.receipts)
}

// shown returns a case as queries show it.
func (c *Company) shown(a *afterSale) *jushuitan.AfterSale {
	row := a.AfterSale
	if o := c.orders[row.OID]; o != nil {
		row.OrderStatus = o.Status
	}
	return &row
}

func (c *Company) asChanged(a *afterSale) { a.TS, a.Modified = c.bump(), c.now }

// ReceiveReturn receives the outstanding goods of an after-sale case (确认收货): they
// are added to the sales-return slot (or the one in the upload), a receipt is created,
// and the shop receives a push.
func (c *Company) ReceiveReturn(asID int64) error {
	defer c.change()()
	a := c.afterSales[asID]
	if a == nil {
		return problem("after-sale case %d does not exist", asID)
	}
	var parts []received
	for i, it := range a.Items {
		if left := it.Qty.Sub(it.RQty); it.Type == lineReturn && left.IsPositive() {
			parts = append(parts, received{line: i, qty: left, slot: a.slotOf})
		}
	}
	if a.Status == asCancelled {
		return problem("after-sale case %d is cancelled", asID)
	}
	if len(parts) == 0 {
		return problem("after-sale case %d has no goods left to receive", asID)
	}
	w, err := c.warehouse(a.WMSCoID)
	if err != nil {
		return err
	}
	c.receive(a, w, parts)
	return nil
}

// received is a received quantity of a line, and its slot.
type received struct {
	line int
	qty  decimal.Decimal
	slot int64
}

func (c *Company) receive(a *afterSale, w *jushuitan.Warehouse, parts []received) {
	r := &jushuitan.ReturnReceipt{
		IOID: next(&c.nextIOID), OID: a.OID, SoID: a.SoID, ASID: a.ASID, LID: a.LID, LogisticsCompany: a.LogisticsCompany,
		IODate: c.now, Warehouse: w.Name, ShopID: a.ShopID, AftersaleRemark: a.Remark, Status: receiptDone,
		WhID: parts[0].slot, WMSCoID: w.WMSCoID, Type: a.Type, CreatorName: "jushuitantest",
	}
	msg := c.goodsPush(a, jushuitan.GoodsReceived)
	for _, p := range parts {
		it := &a.Items[p.line]
		it.RQty, it.ReceiveDate = it.RQty.Add(p.qty), c.now
		if p.slot == 4 {
			it.DefectiveQty = it.DefectiveQty.Add(p.qty)
		}
		c.put(stockMove{w.WMSCoID, it.SKUID, p.slot, p.qty})
		a.moves = append(a.moves, stockMove{w.WMSCoID, it.SKUID, p.slot, p.qty})
		r.Items = append(r.Items, jushuitan.ReturnReceiptItem{
			IOID: r.IOID, IOIID: next(&c.nextLine), SKUID: it.SKUID, IID: it.IID, Qty: p.qty, Name: it.Name,
			PropertiesValue: it.PropertiesValue, SalePrice: it.Price, SaleAmount: it.Price.Mul(p.qty),
		})
		msg.Items = append(msg.Items, jushuitan.GoodsReturnedPushItem{SKUID: it.SKUID, Qty: p.qty})
	}
	r.TS, r.Modified = c.bump(), c.now
	c.receipts = append(c.receipts, r)
	a.IOID = r.IOID
	if !slices.ContainsFunc(a.Items, func(it jushuitan.AfterSaleItem) bool { return it.Type == lineReturn && it.Qty.GreaterThan(it.RQty) }) {
		a.GoodStatus = goodsReceived
	}
	c.asChanged(a)
	c.push(a.ShopID, jushuitan.PushGoodsReturned, msg)
}

func (c *Company) put(m stockMove) {
	r := c.row(m.wms, m.sku)
	f := slot(r, m.slot)
	*f = f.Add(m.qty)
	c.moved(r)
}

func (c *Company) goodsPush(a *afterSale, action jushuitan.GoodsAction) *jushuitan.GoodsReturnedPush {
	return &jushuitan.GoodsReturnedPush{
		OID: a.OID, ASID: a.ASID, SoID: a.SoID, OuterASID: a.OuterASID, ShopID: a.ShopID, Action: action, Remark: a.Remark,
	}
}

// RevokeReturn undoes the receipts of an after-sale case (取消收货): the stock is
// reduced, and the shop receives a push.
func (c *Company) RevokeReturn(asID int64) error {
	defer c.change()()
	a := c.afterSales[asID]
	if a == nil {
		return problem("after-sale case %d does not exist", asID)
	}
	if len(a.moves) == 0 {
		return problem("after-sale case %d: nothing was received", asID)
	}
	msg := c.goodsPush(a, jushuitan.GoodsRevoked)
	for i := range a.Items {
		it := &a.Items[i]
		if it.RQty.IsPositive() {
			msg.Items = append(msg.Items, jushuitan.GoodsReturnedPushItem{SKUID: it.SKUID, Qty: it.RQty})
		}
		it.RQty, it.DefectiveQty, it.ReceiveDate = decimal.Zero, decimal.Zero, time.Time{}
	}
	for _, m := range a.moves {
		m.qty = m.qty.Neg()
		c.put(m)
	}
	a.moves = nil
	for _, r := range c.receipts {
		if r.ASID == asID && r.Status == receiptDone {
			r.Status, r.TS, r.Modified = receiptUndone, c.bump(), c.now
		}
	}
	a.GoodStatus, a.IOID = goodsOnTheWay, 0
	c.asChanged(a)
	c.push(a.ShopID, jushuitan.PushGoodsReturned, msg)
	return nil
}

// ImportAfterSale imports an after-sale case (售后单) of an order from a platform into the
// ERP without the API. It is processed like an upload; missing members are filled in: a
// return (普通退货) whose goods are on the way. Every line must be of the order.
func (c *Company) ImportAfterSale(u jushuitan.AfterSaleUpload) (asID int64, err error) {
	u = deepCopy(u)
	defer c.change()()
	if u.OuterASID == "" || len(u.Items) == 0 {
		return 0, problem("ImportAfterSale: outer_as_id or items are missing")
	}
	o := c.orderBySoID(u.ShopID, u.SoID)
	for i, it := range u.Items {
		switch {
		case !it.Qty.IsPositive():
			return 0, problem("ImportAfterSale: items[%d]: qty is missing", i)
		case o != nil && !slices.ContainsFunc(o.Items, func(of jushuitan.OrderItem) bool { return of.SKUID == it.SKUID }):
			return 0, problem("ImportAfterSale: the order has no line of %q", it.SKUID)
		}
	}
	u.Type = cmp.Or(u.Type, "普通退货")
	usual, status := goodsOnTheWay, "WAIT_SELLER_CONFIRM_GOODS"
	if u.Type == typeRefundOnly {
		usual, status = "BUYER_RECEIVED", "WAIT_SELLER_AGREE"
	}
	u.GoodStatus, u.ShopStatus = cmp.Or(u.GoodStatus, usual), cmp.Or(u.ShopStatus, status)
	a, why := c.takeAfterSale(&u)
	if why != "" {
		return 0, problem("ImportAfterSale: %s", why)
	}
	return a.ASID, nil
}

func (c *Company) uploadAfterSales(_ *call, req []jushuitan.AfterSaleUpload) answer {
	rows := []map[string]any{}
	for i := range req {
		u := &req[i]
		row := map[string]any{
			"outer_as_id": u.OuterASID, "so_id": u.SoID, "issuccess": true, "msg": "ok", "id": 0, "order_type": nil, "oaid": nil,
		}
		if a, why := c.takeAfterSale(u); why != "" {
			row["issuccess"], row["msg"], row["as_id"] = false, why, int64(0)
		} else {
			row["as_id"], row["o_id"] = a.ASID, a.OID
		}
		rows = append(rows, row)
	}
	return done(map[string]any{"datas": rows})
}

func (c *Company) takeAfterSale(u *jushuitan.AfterSaleUpload) (*afterSale, string) {
	if c.shop(u.ShopID) == nil {
		return nil, "店铺编号 " + text(u.ShopID) + " 不存在"
	}
	if u.WMSCoID != 0 {
		if _, err := c.warehouse(u.WMSCoID); err != nil {
			return nil, "分仓编号 " + text(u.WMSCoID) + " 不存在"
		}
	}
	where := cmp.Or(u.WarehouseType, 2)
	if slot(new(jushuitan.InventoryRow), where) == nil {
		return nil, "warehouse_type 不正确"
	}
	i := slices.IndexFunc(c.asList, func(a *afterSale) bool { return a.ShopID == u.ShopID && a.OuterASID == u.OuterASID })
	if i >= 0 {
		return c.updateAfterSale(c.asList[i], u), ""
	}
	o := c.orderBySoID(u.ShopID, u.SoID)
	if o == nil {
		return nil, "线上单号不存在，请先上传订单"
	}
	a := c.newAfterSale(u, o, where)
	c.afterSales[a.ASID] = a
	c.asList = append(c.asList, a)
	if u.ShopStatus == "CLOSED" {
		a.Status = asCancelled
	}
	c.asChanged(a)
	return a, ""
}

// newAfterSale returns the case of an upload for an order.
func (c *Company) newAfterSale(u *jushuitan.AfterSaleUpload, o *order, where int64) *afterSale {
	a := &afterSale{slotOf: where}
	a.AfterSale = jushuitan.AfterSale{
		ASID: next(&c.nextASID), ASDate: c.now, OuterASID: u.OuterASID, OID: o.OID, SoID: u.SoID, Type: u.Type, Created: c.now,
		Status: asWaitConfirm, ShopStatus: u.ShopStatus, Remark: u.Remark, QuestionType: u.QuestionType, Refund: u.Refund,
		Payment: u.Payment, GoodStatus: u.GoodStatus, ShopID: u.ShopID, ShopName: o.ShopName, LogisticsCompany: u.LogisticsCompany,
		LID: u.LID, WhID: where, WMSCoID: u.WMSCoID, Freight: u.Freight, ReceiverName: o.ReceiverName,
		ReceiverMobile: o.ReceiverMobile, ShopBuyerID: o.ShopBuyerID, OrderLabels: slices.Clone(o.Labels), OrderType: o.Type,
	}
	if a.WMSCoID == 0 {
		a.WMSCoID = o.WMSCoID
	}
	usual := lineReturn
	switch u.Type {
	case typeRefundOnly:
		usual = "其它"
	case "补发":
		usual = "补发"
	}
	for _, it := range u.Items {
		line := jushuitan.AfterSaleItem{
			ASIID: next(&c.nextLine), ASID: a.ASID, SKUID: it.SKUID, Qty: it.Qty, Amount: it.Amount, Name: it.Name, Pic: it.Pic,
			Type: cmp.Or(it.Type, usual), PropertiesValue: it.PropertiesValue, OuterOIID: it.OuterOIID, Remark: it.Description, SKUType: "normal",
		}
		for _, of := range o.Items {
			if of.OuterOIID == it.OuterOIID && it.OuterOIID != "" || it.OuterOIID == "" && of.SKUID == it.SKUID {
				line.Price, line.ShopAmount, line.IID = of.Price, of.Amount, of.IID
				line.Name, line.ShopSKUID = cmp.Or(line.Name, of.Name), of.ShopSKUID
				line.PropertiesValue, line.Pic = cmp.Or(line.PropertiesValue, of.PropertiesValue), cmp.Or(line.Pic, of.Pic)
				break
			}
		}
		a.Items = append(a.Items, line)
	}
	return a
}

// updateAfterSale applies what an upload may change: states and, until the goods are
// received, the parcel.
func (c *Company) updateAfterSale(a *afterSale, u *jushuitan.AfterSaleUpload) *afterSale {
	shop, good, lid, company, remark, status := a.ShopStatus, a.GoodStatus, a.LID, a.LogisticsCompany, a.Remark, a.Status
	a.ShopStatus, a.Remark = u.ShopStatus, cmp.Or(u.Remark, a.Remark)
	if len(a.moves) == 0 {
		a.GoodStatus = u.GoodStatus
		a.LID, a.LogisticsCompany = cmp.Or(u.LID, a.LID), cmp.Or(u.LogisticsCompany, a.LogisticsCompany)
	}
	if u.ShopStatus == "CLOSED" && a.Status == asWaitConfirm {
		a.Status = asCancelled
	}
	if shop != a.ShopStatus || good != a.GoodStatus || lid != a.LID || company != a.LogisticsCompany || remark != a.Remark || status != a.Status {
		c.asChanged(a)
	}
	return a
}

func (c *Company) queryAfterSales(q *call, req jushuitan.AfterSaleQuery) answer {
	var rows []*jushuitan.AfterSale
	for _, a := range c.asList {
		if c.wantsAfterSale(&req, a) && q.keeps(&a.AfterSale) {
			rows = append(rows, c.shown(a))
		}
	}
	inOrder(rows, req.StartTS,
		func(a *jushuitan.AfterSale) int64 { return a.TS },
		func(a *jushuitan.AfterSale) time.Time { return a.Modified },
		func(a *jushuitan.AfterSale) int64 { return a.ASID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, noTotal: req.IsGetTotal != nil && !*req.IsGetTotal}, rows, map[string]string{
		"refund": "0", "payment": "0", "remark": `""`, "l_id": `""`, "logistics_company": `""`, "wms_co_id": "0", "items": "[]",
	})
}

func (c *Company) wantsAfterSale(req *jushuitan.AfterSaleQuery, a *afterSale) bool {
	return a.TS >= req.StartTS && span{req.ModifiedBegin, req.ModifiedEnd}.holds(a.Modified) && c.shopWanted(req.ShopID, req.IsOfflineShop, a.ShopID) &&
		wanted(req.SoIDs, a.SoID) && wanted(req.OIDs, a.OID) && wanted(req.ASIDs, a.ASID) && wanted(req.ShopBuyerIDs, a.ShopBuyerID) &&
		matches(req.Status, a.Status) && matches(req.GoodStatus, a.GoodStatus) && matches(req.Type, a.Type)
}

func (c *Company) queryReceipts(q *call, req jushuitan.ReturnReceiptQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.ReturnReceipt
	for _, r := range c.receipts {
		t := r.Modified
		if req.DateType != nil {
			switch *req.DateType {
			case 1, 4:
				t = r.IODate
			case 2:
				if o := c.orders[r.OID]; o != nil {
					t = o.OrderDate
				}
			}
		}
		if r.TS >= req.StartTS && within.holds(t) && (req.ShopID == 0 || r.ShopID == req.ShopID) && wanted(req.SoIDs, r.SoID) &&
			wanted(req.OIDs, text(r.OID)) && wanted(req.ASIDs, r.ASID) && wanted(req.IOIDs, r.IOID) {
			rows = append(rows, r)
		}
	}
	inOrder(rows, req.StartTS,
		func(r *jushuitan.ReturnReceipt) int64 { return r.TS },
		func(r *jushuitan.ReturnReceipt) time.Time { return r.Modified },
		func(r *jushuitan.ReturnReceipt) int64 { return r.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, nil)
}

// results collects the verdicts of the webapi after-sale operations.
type results struct{ success, fail []map[string]any }

func (r *results) add(a *afterSale, asID int64, why string, more map[string]any) {
	row := map[string]any{"as_id": asID, "outer_as_id": "", "message": why, "details": "", "is_success": why == ""}
	if a != nil {
		row["outer_as_id"] = a.OuterASID
	}
	for k, v := range more {
		row[k] = v
	}
	if why == "" {
		r.success = append(r.success, row)
	} else {
		r.fail = append(r.fail, row)
	}
}

func (r *results) answer() answer {
	if r.success == nil {
		r.success = []map[string]any{}
	}
	if r.fail == nil {
		r.fail = []map[string]any{}
	}
	return answer{payload: map[string]any{
		"success": r.success, "fail": r.fail, "success_count": len(r.success), "fail_count": len(r.fail),
	}}
}

// confirmGoods handles 售后-确认收到货物; a known return_id changes nothing.
func (c *Company) confirmGoods(_ *call, req []jushuitan.AfterSaleConfirmGoodsRequest) answer {
	var out results
	for _, r := range req {
		a := c.afterSales[r.ASID]
		out.add(a, r.ASID, c.confirmOne(a, &r), nil)
	}
	return out.answer()
}

func (c *Company) confirmOne(a *afterSale, r *jushuitan.AfterSaleConfirmGoodsRequest) string {
	switch {
	case a == nil:
		return "售后单不存在"
	case r.ReturnID != "" && c.returnIDs[r.ReturnID]:
		return ""
	case a.Status == asCancelled:
		return "售后单已作废"
	}
	id := r.WMSCoID
	if id == 0 {
		id = a.WMSCoID
	}
	w, err := c.warehouse(id)
	if err != nil {
		return "分仓编号 " + text(id) + " 不存在"
	}
	parts, why := a.divideGoods(r)
	if why != "" {
		return why
	}
	if r.ReturnID != "" {
		c.returnIDs[r.ReturnID] = true
	}
	a.LID, a.LogisticsCompany = cmp.Or(r.LID, a.LID), cmp.Or(r.LogisticsCompany, a.LogisticsCompany)
	if r.Remark != "" && !strings.Contains(a.Remark, r.Remark) {
		a.Remark += r.Remark
	}
	c.receive(a, w, parts)
	return ""
}

// divideGoods distributes received goods among the waiting lines, or returns why it
// cannot.
func (a *afterSale) divideGoods(r *jushuitan.AfterSaleConfirmGoodsRequest) (parts []received, why string) {
	taken := map[int]decimal.Decimal{}
	for _, it := range r.Items {
		where := int64(2)
		if r.WhID != nil {
			where = *r.WhID
		}
		if it.QtyType != nil && *it.QtyType != 0 {
			where = *it.QtyType
		}
		if slot(new(jushuitan.InventoryRow), where) == nil {
			return nil, "仓库或良次品类型不正确"
		}
		left := it.Qty
		if !left.IsPositive() {
			return nil, "商品 " + it.SKUID + " 的数量必须大于0"
		}
		for i, line := range a.Items {
			open := line.Qty.Sub(line.RQty).Sub(taken[i])
			if line.SKUID != it.SKUID || line.Type != lineReturn || !open.IsPositive() || !left.IsPositive() {
				continue
			}
			qty := decimal.Min(open, left)
			taken[i] = taken[i].Add(qty)
			left = left.Sub(qty)
			parts = append(parts, received{line: i, qty: qty, slot: where})
		}
		if left.IsPositive() {
			return nil, "商品 " + it.SKUID + " 超出可收货数量"
		}
	}
	return parts, ""
}

func (c *Company) confirmAfterSales(_ *call, req jushuitan.AfterSaleConfirmRequest) answer {
	return c.turn(req.ASIDs, asConfirmed, map[string]any{"new_o_id": ""})
}

func (c *Company) unconfirmAfterSales(_ *call, req jushuitan.AfterSaleUnconfirmRequest) answer {
	return c.turn(req.ASIDs, asWaitConfirm, nil)
}

// turn confirms cases or revokes that.
func (c *Company) turn(ids []int64, status string, more map[string]any) answer {
	var out results
	for _, id := range ids {
		a := c.afterSales[id]
		switch {
		case a == nil:
			out.add(nil, id, "售后单不存在", nil)
			continue
		case a.Status != asWaitConfirm && a.Status != asConfirmed:
			out.add(a, id, "售后单状态为 "+a.Status, nil)
			continue
		case a.Status != status:
			a.Status = status
			a.ConfirmDate = time.Time{}
			if status == asConfirmed {
				a.ConfirmDate = c.now
			}
			c.asChanged(a)
		}
		out.add(a, id, "", more)
	}
	return out.answer()
}

// cancelAfterSale is 售后单作废. That a confirmed case stays is an assumption.
func (c *Company) cancelAfterSale(_ *call, req jushuitan.AfterSaleCancelRequest) answer {
	a := c.afterSales[req.ASID]
	switch {
	case a == nil:
		return refuse(codeIntegrity, "售后单不存在")
	case a.Status == asConfirmed:
		return refuse(codeIntegrity, "售后单状态为 %s", a.Status)
	case a.Status != asCancelled:
		a.Status = asCancelled
		c.asChanged(a)
	}
	return done(nil)
}

// setAfterSaleLabels is 设置售后标签. That the labels replace the earlier ones is an
// assumption.
func (c *Company) setAfterSaleLabels(_ *call, req jushuitan.AfterSaleSetLabelsRequest) answer {
	a := c.afterSales[req.ASID]
	if a == nil {
		return refuse(codeIntegrity, "售后单不存在")
	}
	if !slices.Equal(a.Labels, req.Labels) {
		a.Labels = slices.Clone(req.Labels)
		c.asChanged(a)
	}
	return done(nil)
}

// queryReturnParcels is 快递登记查询. The members of its rows are unknown, so it has none.
func (c *Company) queryReturnParcels(_ *call, req jushuitan.ReturnParcelQuery) answer {
	if req.PageSize != 0 && !slices.Contains([]int64{100, 200, 500}, req.PageSize) {
		return refuse(codeBadData, "参数 page_size 只能为 100、200 或 500")
	}
	return done(map[string]any{})
}
