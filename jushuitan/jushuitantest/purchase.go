package jushuitantest

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The states of a purchase order (采购单).
const (
	purchaseWaitConfirm = "WaitConfirm"
	purchaseConfirmed   = "Confirmed"
	purchaseFinished    = "Finished"
	purchaseCancelled   = "Cancelled" // voided after its audit (assumption)
	purchaseDelete      = "Delete"    // voided before
)

// AddSupplier adds a supplier (供应商), or replaces the one with the same supplier_id;
// 0 means a new one. It returns the supplier's number.
func (c *Company) AddSupplier(s jushuitan.Supplier) (supplierID int64, err error) {
	if s.Name == "" {
		return 0, problem("AddSupplier: name is missing")
	}
	defer c.change()()
	if s.SupplierID == 0 {
		s.SupplierID = next(&c.nextSupplier)
	}
	if s.Modified.IsZero() {
		s.Modified = c.now
	}
	if old := c.supplier(s.SupplierID); old != nil {
		*old = s
	} else {
		c.suppliers = append(c.suppliers, &s)
	}
	return s.SupplierID, nil
}

func (c *Company) supplier(id int64) *jushuitan.Supplier {
	for _, s := range c.suppliers {
		if s.SupplierID == id {
			return s
		}
	}
	return nil
}

// uploadSuppliers adds or changes suppliers by supplier_code. That names are unique too
// is an assumption.
func (c *Company) uploadSuppliers(_ *call, req []jushuitan.SupplierUpload) answer {
	rows := []map[string]any{}
	for _, u := range req {
		row := map[string]any{"id": int64(0), "supplier_code": u.SupplierCode, "name": u.Name, "issuccess": true, "msg": "ok"}
		rows = append(rows, row)
		var s *jushuitan.Supplier
		taken := false
		for _, known := range c.suppliers {
			if known.SupplierCode == u.SupplierCode {
				s = known
			} else if known.Name == u.Name {
				taken = true
			}
		}
		if taken {
			row["issuccess"], row["msg"] = false, "供应商名称 "+u.Name+" 已存在"
			continue
		}
		if s == nil {
			s = &jushuitan.Supplier{SupplierID: next(&c.nextSupplier), SupplierCode: u.SupplierCode, Modified: c.now}
			c.suppliers = append(c.suppliers, s)
		}
		was := *s
		s.Name, s.Enabled = u.Name, u.Enabled
		for _, p := range []struct{ to, from *string }{
			{&s.Remark, &u.Remark}, {&s.Remark2, &u.Remark2}, {&s.Remark3, &u.Remark3}, {&s.Group, &u.Group},
			{&s.DepositBank, &u.DepositBank}, {&s.BankAccount, &u.BankAccount}, {&s.AccountNumber, &u.AccountNumber},
		} {
			set(p.to, *p.from)
		}
		if *s != was {
			s.Modified = c.now
		}
		row["id"] = s.SupplierID
	}
	return done(map[string]any{"datas": rows})
}

func (c *Company) querySuppliers(q *call, req jushuitan.SupplierQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Supplier
	for _, s := range c.suppliers {
		if within.holds(s.Modified) && wanted(req.SupplierIDs, s.SupplierID) && wanted(req.SupplierCodes, s.SupplierCode) && wanted(req.Names, s.Name) {
			rows = append(rows, s)
		}
	}
	byModified(rows, func(s *jushuitan.Supplier) time.Time { return s.Modified }, func(s *jushuitan.Supplier) int64 { return s.SupplierID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"enabled": "false", "remark": `""`, "group": `""`,
	})
}

func (c *Company) purchase(poID int64) *jushuitan.Purchase {
	for _, p := range c.purchases {
		if p.POID == poID {
			return p
		}
	}
	return nil
}

func (c *Company) purchaseBySoID(soID string) *jushuitan.Purchase {
	for _, p := range c.purchases {
		if p.SoID == soID {
			return p
		}
	}
	return nil
}

// Purchases returns copies of all purchase orders (采购单), oldest first.
func (c *Company) Purchases() []jushuitan.Purchase {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.purchases)
}

// outstanding returns the quantity of a line still to be received.
func outstanding(p *jushuitan.Purchase, it *jushuitan.PurchaseItem) decimal.Decimal {
	if p.Status != purchaseConfirmed {
		return decimal.Zero
	}
	return decimal.Max(decimal.Zero, it.Qty.Sub(it.InQty))
}

// alter changes a purchase order. Outstanding quantities of a confirmed one count as on
// the way (purchase_qty) to its warehouse. An unchanged order is left alone.
func (c *Company) alter(p *jushuitan.Purchase, change func()) {
	was := deepCopy(*p)
	change()
	in, all := false, true
	for i := range p.Items {
		it := &p.Items[i]
		it.IsDelivery = 0
		if it.InQty.IsPositive() {
			in, it.IsDelivery = true, 1
		}
		if it.InQty.LessThan(it.Qty) {
			all = false
		} else {
			it.IsDelivery = 2
		}
	}
	switch { // Timeout is not used: no source states when it occurs
	case !in:
		p.ReceiveStatus = "Not_Received"
	case all:
		p.ReceiveStatus = "Received"
	default:
		p.ReceiveStatus = "Part_Received"
	}
	if reflect.DeepEqual(was, *p) {
		return
	}
	p.Modified = c.now
	delta := map[stockKey]decimal.Decimal{}
	var order []stockKey
	count := func(p *jushuitan.Purchase, sign int64) {
		for i := range p.Items {
			k := stockKey{p.WMSCoID, p.Items[i].SKUID}
			if _, ok := delta[k]; !ok {
				order = append(order, k)
			}
			delta[k] = delta[k].Add(outstanding(p, &p.Items[i]).Mul(decimal.NewFromInt(sign)))
		}
	}
	count(&was, -1)
	count(p, 1)
	for _, k := range order {
		c.inTransit(k.wms, k.sku, "purchase_qty", delta[k])
	}
}

// uploadPurchase handles 采购单上传. A repeat returns the first result; it changes the
// document only with is_edit, like editpurchase.
func (c *Company) uploadPurchase(q *call, req jushuitan.PurchaseUpload) answer {
	if emptyText(q, "remark") {
		return refuse(codeBadData, "参数 remark 不能为空字符串")
	}
	p := c.purchaseBySoID(req.ExternalID)
	if p == nil || req.IsEdit {
		edit := jushuitan.PurchaseEditRequest{
			WMSCoID: req.WMSCoID, SupplierID: req.SupplierID, ItemType: req.ItemType, Remark: req.Remark, Term: req.Term,
			SendAddress: req.SendAddress, PurchaserName: req.PurchaserName, TaxRate: req.TaxRate, MoreRate: req.MoreRate,
			PODate: req.PODate, LogisticsCompany: req.LogisticsCompany, LID: req.LID, Labels: req.Labels, Freight: req.Freight,
			LockLWHID: req.LockLWHID,
		}
		for _, it := range req.Items {
			edit.Items = append(edit.Items, jushuitan.PurchaseEditItem{
				SKUID: it.SKUID, Qty: &it.Qty, Price: it.Price, Remark: it.Remark, TaxRate: it.TaxRate, DeliveryDate: it.PlanArriveDate,
			})
		}
		target := p
		if p == nil {
			w, err := c.warehouse(req.WMSCoID)
			if err != nil {
				return refuse(codeBadData, "参数 wms_co_id：分仓 %d 不存在或未与主仓关联", req.WMSCoID)
			}
			target = &jushuitan.Purchase{SoID: req.ExternalID, PODate: c.now, Status: purchaseWaitConfirm, WMSCoID: w.WMSCoID, WMSCoName: w.Name}
		}
		if why := c.badEdit(target, &edit); why != "" {
			return refuse(codeBadData, "%s", why)
		}
		if p == nil {
			p = target
			p.POID = next(&c.nextPOID)
			c.purchases = append(c.purchases, p)
		}
		c.alter(p, func() {
			c.edit(p, &edit)
			if req.IsConfirm && p.Status == purchaseWaitConfirm {
				p.Status, p.ConfirmDate = purchaseConfirmed, c.now
			}
		})
	}
	return done(map[string]any{"po_id": p.POID, "external_id": p.SoID})
}

// badEdit returns what is wrong with a change to a purchase order.
func (c *Company) badEdit(p *jushuitan.Purchase, e *jushuitan.PurchaseEditRequest) string {
	if p.Status != purchaseWaitConfirm && p.Status != purchaseConfirmed {
		return "采购单状态为 " + p.Status + "，不能修改"
	}
	if id := cmp.Or(e.SupplierID, p.SupplierID); c.supplier(id) == nil {
		return "供应商编号 " + text(id) + " 不存在"
	}
	if e.WMSCoID != 0 {
		if _, err := c.warehouse(e.WMSCoID); err != nil {
			return "分仓编号 " + text(e.WMSCoID) + " 不存在"
		}
	}
	seen := map[string]bool{}
	for i, it := range e.Items {
		old := purchaseLine(p, it.SKUID)
		qty := decimal.Zero
		switch {
		case it.Qty != nil:
			qty = *it.Qty
		case old != nil:
			qty = old.Qty
		}
		why := c.badLine(it.SKUID, qty)
		switch {
		case why != "":
		case seen[it.SKUID]: // one line per SKU (assumption)
			why = "商品编码 " + it.SKUID + " 重复"
		case old != nil && qty.LessThan(old.InQty):
			why = "商品 " + it.SKUID + " 的数量不能小于已入库数量 " + old.InQty.String()
		}
		if why != "" {
			return "items[" + text(int64(i)) + "]：" + why
		}
		seen[it.SKUID] = true
	}
	return ""
}

func purchaseLine(p *jushuitan.Purchase, sku string) *jushuitan.PurchaseItem {
	for i := range p.Items {
		if p.Items[i].SKUID == sku {
			return &p.Items[i]
		}
	}
	return nil
}

// edit changes what is present: lines by their SKU; other lines stay (assumption).
func (c *Company) edit(p *jushuitan.Purchase, e *jushuitan.PurchaseEditRequest) {
	if e.SupplierID != 0 {
		p.SupplierID, p.Seller = e.SupplierID, c.supplier(e.SupplierID).Name
	}
	if e.WMSCoID != 0 {
		w, _ := c.warehouse(e.WMSCoID) // checked before
		p.WMSCoID, p.WMSCoName = w.WMSCoID, w.Name
	}
	for _, s := range []struct{ to, from *string }{
		{&p.ItemType, &e.ItemType}, {&p.Remark, &e.Remark}, {&p.Term, &e.Term}, {&p.SendAddress, &e.SendAddress},
		{&p.PurchaserName, &e.PurchaserName}, {&p.LogisticsCompany, &e.LogisticsCompany}, {&p.LID, &e.LID},
		{&p.ReceiverName, &e.ReceiverName}, {&p.ReceiverPhone, &e.ReceiverPhone},
	} {
		set(s.to, *s.from)
	}
	setDecimal(&p.TaxRate, e.TaxRate)
	setDecimal(&p.MoreRate, e.MoreRate)
	setDecimal(&p.Freight, e.Freight)
	set(&p.LockLWHID, e.LockLWHID)
	if !e.PODate.IsZero() {
		p.PODate = e.PODate
	}
	if e.Labels != nil {
		p.Labels = slices.Clone(e.Labels)
	}
	for _, from := range e.Items {
		it := purchaseLine(p, from.SKUID)
		if it == nil {
			s := c.skus[from.SKUID]
			p.Items = append(p.Items, jushuitan.PurchaseItem{
				SKUID: s.SKUID, IID: s.IID, Name: s.Name, Price: s.CostPrice, TaxRate: p.TaxRate, POID: p.POID, POIID: next(&c.nextLine),
			})
			it = &p.Items[len(p.Items)-1]
		}
		setDecimal(&it.Qty, from.Qty)
		setDecimal(&it.Price, from.Price)
		setDecimal(&it.TaxRate, from.TaxRate)
		set(&it.Remark, from.Remark)
		if !from.DeliveryDate.IsZero() {
			it.DeliveryDate = from.DeliveryDate
		}
	}
}

// findPurchase finds an order by po_id, which takes precedence, or by the caller's number.
func (c *Company) findPurchase(poID int64, soID string) (*jushuitan.Purchase, *answer) {
	var p *jushuitan.Purchase
	switch {
	case poID != 0:
		p = c.purchase(poID)
	case soID != "":
		p = c.purchaseBySoID(soID)
	default:
		a := refuse(codeBadData, "采购单号与外部单号至少传一项")
		return nil, &a
	}
	if p == nil {
		a := refuse(codeBadData, "采购单不存在：%d %s", poID, soID)
		return nil, &a
	}
	return p, nil
}

func (c *Company) editPurchase(_ *call, req jushuitan.PurchaseEditRequest) answer {
	p, bad := c.findPurchase(req.POID, req.ExternalID)
	if bad != nil {
		return *bad
	}
	if why := c.badEdit(p, &req); why != "" {
		return refuse(codeBadData, "%s", why)
	}
	c.alter(p, func() { c.edit(p, &req) })
	return done(nil)
}

func (c *Company) setPurchaseLabels(_ *call, req jushuitan.PurchaseSetLabelsRequest) answer {
	p, bad := c.findPurchase(req.POID, req.SoID)
	if bad != nil {
		return *bad
	}
	action := cmp.Or(req.ActionType, 1)
	if action != 1 && action != 2 {
		return refuse(codeBadData, "参数 action_type 应为 1 或 2")
	}
	if len(req.Labels) > 19 {
		return refuse(codeBadData, "参数 labels 最多19项，实际%d项", len(req.Labels))
	}
	for i, l := range req.Labels {
		if len([]rune(l)) > 10 {
			return refuse(codeBadData, "参数 labels[%d] 最长10个字符", i)
		}
	}
	c.alter(p, func() { p.Labels = relabel(p.Labels, req.Labels, action == 2) })
	return done(nil)
}

func (c *Company) queryPurchases(q *call, req jushuitan.PurchaseQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Purchase
	for _, p := range c.purchases {
		if within.holds(p.Modified) && wanted(req.SoIDs, p.SoID) && wanted(req.POIDs, text(p.POID)) &&
			(req.Status == "" || p.Status == req.Status) && wanted(req.Statuses, p.Status) {
			row := *p
			if req.IsLock != "1" && req.IsLock != "true" {
				row.LockLWHID = 0
			}
			rows = append(rows, &row)
		}
	}
	byModified(rows, func(p *jushuitan.Purchase) time.Time { return p.Modified }, func(p *jushuitan.Purchase) int64 { return p.POID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"remark": `""`, "labels": `""`, "tax_rate": "0", "more_rate": "0", "freight": "0", "items": "[]",
	})
}

// voidable returns why a purchase order cannot be voided.
func voidable(p *jushuitan.Purchase) string {
	switch {
	case p.Status == purchaseFinished:
		return "采购单状态为 " + p.Status + "，不能作废"
	case p.ReceiveStatus != "Not_Received":
		return "采购单已入库，不能作废"
	}
	return ""
}

func (c *Company) voidPurchase(p *jushuitan.Purchase) {
	c.alter(p, func() {
		switch p.Status {
		case purchaseWaitConfirm:
			p.Status = purchaseDelete
		case purchaseConfirmed:
			p.Status = purchaseCancelled
		}
	})
}

// changePurchases handles 变更采购单状态: 1 audit, 2 change (back to WaitConfirm), 3 void, 4
// finish, 5 undo finish. A document that is already in the state fails (assumption).
func (c *Company) changePurchases(_ *call, req jushuitan.PurchaseChangeStatusRequest) answer {
	if req.Option < 1 || req.Option > 5 {
		return refuse(codeBadData, "参数 option 应为 1 至 5")
	}
	if len(req.POIDs) == 0 && len(req.SoIDs) == 0 {
		return refuse(codeBadData, "so_ids 与 po_ids 至少传一项")
	}
	rows := []map[string]any{}
	change := func(p *jushuitan.Purchase, poID, soID string) {
		row := map[string]any{"code": codeOK, "issuccess": true, "msg": "", "po_id": poID, "so_id": soID, "status": ""}
		why := "采购单不存在"
		if p != nil {
			why = c.turnPurchase(p, req.Option)
			row["po_id"], row["so_id"], row["status"] = text(p.POID), p.SoID, p.Status
		}
		if why != "" {
			row["code"], row["issuccess"], row["msg"] = codeBadData, false, why
		}
		rows = append(rows, row)
	}
	for _, id := range req.POIDs {
		change(c.purchase(parseInt(id)), id, "")
	}
	if len(req.POIDs) == 0 { // po_ids take precedence, as elsewhere (assumption)
		for _, so := range req.SoIDs {
			change(c.purchaseBySoID(so), "", so)
		}
	}
	return done(map[string]any{"result": rows})
}

func (c *Company) turnPurchase(p *jushuitan.Purchase, option int64) string {
	from := map[int64]string{1: purchaseWaitConfirm, 2: purchaseConfirmed, 4: purchaseConfirmed, 5: purchaseFinished}[option]
	if option == 3 {
		if p.Status != purchaseWaitConfirm && p.Status != purchaseConfirmed {
			return "采购单状态为 " + p.Status + "，不能作废"
		}
		if why := voidable(p); why != "" {
			return why
		}
		c.voidPurchase(p)
		return ""
	}
	if p.Status != from {
		return "采购单状态为 " + p.Status + "，不能变更"
	}
	if option == 2 && p.ReceiveStatus != "Not_Received" {
		return "采购单已入库，不能变更"
	}
	c.alter(p, func() {
		switch option {
		case 1:
			p.Status, p.ConfirmDate = purchaseConfirmed, c.now
		case 2:
			p.Status, p.ConfirmDate = purchaseWaitConfirm, time.Time{}
		case 4:
			p.Status, p.FinishTime = purchaseFinished, c.now
		case 5:
			p.Status, p.FinishTime = purchaseConfirmed, time.Time{}
		}
	})
	return ""
}

// cancelPurchases handles 采购单作废. All documents pass or none (assumption); a repeat has
// no effect. Processing and appointment documents have no state here and always pass.
func (c *Company) cancelPurchases(_ *call, req jushuitan.PurchaseCancelRequest) answer {
	switch req.Type {
	case "po":
	case "mo", "bio":
		return done("")
	default:
		return refuse(codeBadData, "参数 type 应为 po、mo、bio")
	}
	var found []*jushuitan.Purchase
	for _, id := range req.POIDs {
		p, bad := c.findPurchase(id, "")
		if bad != nil {
			return *bad
		}
		found = append(found, p)
	}
	if len(req.POIDs) == 0 { // po_ids take precedence
		for _, so := range req.SoIDs {
			p, bad := c.findPurchase(0, so)
			if bad != nil {
				return *bad
			}
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return refuse(codeBadData, "po_ids 与 so_ids 至少传一项")
	}
	for _, p := range found {
		if why := voidable(p); why != "" {
			return refuse(codeBadData, "采购单 %d：%s", p.POID, why)
		}
	}
	for _, p := range found {
		c.voidPurchase(p)
	}
	return done("")
}
