package jushuitantest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

type purchaseReturn struct{ jushuitan.PurchaseReturn }

func (d *purchaseReturn) asked() []decimal.Decimal {
	parts := make([]decimal.Decimal, len(d.Items))
	for i, it := range d.Items {
		parts[i] = it.Qty
	}
	return parts
}

func (d *purchaseReturn) moves(parts []decimal.Decimal) []stockMove {
	var moves []stockMove
	for i, it := range d.Items {
		moves = append(moves, stockMove{d.WMSCoID, it.SKUID, d.WhID, parts[i].Neg()})
	}
	return moves
}

// ShipPurchaseReturn ships a waiting purchase return (采购退货出库). shipped is the
// quantity by sku_id; nil means all. The stock is reduced, and the lines show the
// actual quantities (assumption).
func (c *Company) ShipPurchaseReturn(ioID int64, shipped map[string]decimal.Decimal) error {
	defer c.change()()
	d := c.purchaseReturn(ioID)
	if d == nil {
		return problem("purchase return %d does not exist", ioID)
	}
	if d.Status != stockDocWaitConfirm {
		return problem("purchase return %d is %s, not WaitConfirm", ioID, d.Status)
	}
	var lines []docLine
	for _, it := range d.Items {
		lines = append(lines, docLine{it.SKUID, it.Qty})
	}
	parts, err := divide(lines, shipped, false)
	if err != nil {
		return err
	}
	if why := c.badReturn(d, parts); why != "" {
		return problem("purchase return %d: %s", ioID, why)
	}
	c.shipReturn(d, parts)
	return nil
}

func (c *Company) purchaseReturn(ioID int64) *purchaseReturn {
	for _, d := range c.purchaseReturns {
		if d.IOID == ioID {
			return d
		}
	}
	return nil
}

// badReturn returns why quantities cannot be returned: they must be in stock and received
// by the purchase order (assumption).
func (c *Company) badReturn(d *purchaseReturn, parts []decimal.Decimal) string {
	if p := c.purchase(d.POID); p != nil {
		sums := map[string]decimal.Decimal{}
		for i, it := range d.Items {
			line := purchaseLine(p, it.SKUID)
			if line == nil {
				return "商品 " + it.SKUID + " 不在采购单 " + text(p.POID) + " 中"
			}
			sums[it.SKUID] = sums[it.SKUID].Add(parts[i])
			if left := line.InQty.Sub(line.ReturnQty); sums[it.SKUID].GreaterThan(left) {
				return "商品 " + it.SKUID + " 超出采购单可退数量 " + left.String()
			}
		}
	}
	return c.lacks(d.moves(parts))
}

// shipReturn confirms a return. The outstanding quantity of the purchase order stays.
func (c *Company) shipReturn(d *purchaseReturn, parts []decimal.Decimal) {
	c.putAll(d.moves(parts))
	for i := range d.Items {
		it := &d.Items[i]
		it.Qty, it.CostAmount = parts[i], it.CostPrice.Mul(parts[i])
	}
	if p := c.purchase(d.POID); p != nil {
		c.alter(p, func() {
			for i, it := range d.Items {
				line := purchaseLine(p, it.SKUID)
				line.ReturnQty = line.ReturnQty.Add(parts[i])
			}
		})
	}
	d.Status, d.IODate, d.Modified = stockDocConfirmed, c.now, c.now
}

// PurchaseReturns returns copies of all purchase returns (采购退货单), oldest first.
func (c *Company) PurchaseReturns() []jushuitan.PurchaseReturn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.purchaseReturns, func(d *purchaseReturn) *jushuitan.PurchaseReturn { return &d.PurchaseReturn })
}

// createPurchaseReturns handles 生成采购退货单: each row has its own result. A repeat returns
// the first result and changes nothing (assumption).
func (c *Company) createPurchaseReturns(_ *call, req []jushuitan.PurchaseReturnCreateRequest) answer {
	rows := []map[string]any{}
	for i := range req {
		u := &req[i]
		d, why := c.takeReturn(u)
		row := map[string]any{"external_id": u.ExternalID, "io_id": int64(0), "is_success": why == "", "msg": why}
		if d != nil {
			row["io_id"] = d.IOID
		}
		rows = append(rows, row)
	}
	return done(rows)
}

func (c *Company) takeReturn(u *jushuitan.PurchaseReturnCreateRequest) (*purchaseReturn, string) {
	for _, d := range c.purchaseReturns {
		if d.SoID == u.ExternalID {
			return d, ""
		}
	}
	p := c.purchase(u.POID)
	d, why := c.newReturn(u, p)
	if why != "" {
		return nil, why
	}
	for _, it := range u.Items {
		if why := c.badLine(it.SKUID, it.Qty); why != "" {
			return nil, why
		}
		d.Items = append(d.Items, c.returnLine(p, &it))
	}
	if u.IsConfirm {
		if why := c.badReturn(d, d.asked()); why != "" {
			return nil, why
		}
	}
	d.IOID, d.Modified = next(&c.nextIOID), c.now
	for i := range d.Items {
		d.Items[i].IOID, d.Items[i].IOIID = d.IOID, next(&c.nextLine)
	}
	c.purchaseReturns = append(c.purchaseReturns, d)
	if u.IsConfirm {
		c.shipReturn(d, d.asked())
	}
	return d, ""
}

// newReturn returns the return of an upload, without lines; p is its purchase order or
// nil.
func (c *Company) newReturn(u *jushuitan.PurchaseReturnCreateRequest, p *jushuitan.Purchase) (*purchaseReturn, string) {
	supplier := c.supplier(u.SupplierID)
	where, wms := cmp.Or(u.Warehouse, purchaseSlot), u.WMSCoID
	if p != nil {
		wms = cmp.Or(wms, p.WMSCoID)
	}
	w, err := c.warehouse(wms)
	switch {
	case supplier == nil:
		return nil, "供应商编号 " + text(u.SupplierID) + " 不存在"
	case u.POID != 0 && p == nil:
		return nil, "采购单 " + text(u.POID) + " 不存在"
	case p != nil && p.SupplierID != u.SupplierID:
		return nil, "采购单 " + text(u.POID) + " 不属于供应商 " + text(u.SupplierID)
	case err != nil:
		return nil, "分仓编号 " + text(wms) + " 不存在"
	case !hasSlot(where):
		return nil, badSlot
	case u.Type < 0 || u.Type > 2:
		return nil, "type 应为 0、1、2"
	case u.CreateInOwner && u.IsConfirm:
		return nil, "create_in_owner 不能与 is_confirm 同时使用"
	}
	return &purchaseReturn{PurchaseReturn: jushuitan.PurchaseReturn{
		IODate: c.now, Status: stockDocWaitConfirm, SoID: u.ExternalID, FStatus: "WaitConfirm", Warehouse: w.Name, WMSCoID: w.WMSCoID,
		WhID: where, POID: u.POID, SellerID: u.SupplierID, ReceiverName: supplier.Name, ReceiverMobile: u.ReceiverMobile,
		ReceiverState: u.ReceiverState, ReceiverCity: u.ReceiverCity, ReceiverDistrict: u.ReceiverDistrict,
		ReceiverAddress: u.ReceiverAddress, Remark: u.Remark, Labels: slices.Clone(u.Labels), LCID: u.LCID, LID: u.LID,
		CreatorName: "open",
	}}, ""
}

// returnLine has the price of the purchase order's line unless the request sets one.
func (c *Company) returnLine(p *jushuitan.Purchase, it *jushuitan.PurchaseReturnCreateItem) jushuitan.PurchaseReturnItem {
	s := c.skus[it.SKUID]
	line := jushuitan.PurchaseReturnItem{
		SKUID: it.SKUID, IID: s.IID, Name: s.Name, PropertiesValue: s.PropertiesValue, Qty: it.Qty, CostPrice: s.CostPrice,
		Remark: it.Remark, BatchNo: it.BatchID, CoID: c.id,
	}
	if p != nil {
		if of := purchaseLine(p, it.SKUID); of != nil {
			line.CostPrice, line.TaxRate = of.Price, of.TaxRate
		}
	}
	setDecimal(&line.CostPrice, it.Price)
	setDecimal(&line.TaxRate, it.TaxRate)
	line.CostAmount = line.CostPrice.Mul(it.Qty)
	return line
}

func (c *Company) queryPurchaseReturns(q *call, req jushuitan.PurchaseReturnQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.PurchaseReturn
	for _, d := range c.purchaseReturns {
		if within.holds(byDate(req.DateType, d.Modified, d.IODate)) && wanted(req.SoIDs, d.SoID) && wanted(req.IOIDs, text(d.IOID)) &&
			(req.Status == "" || d.Status == req.Status) {
			rows = append(rows, &d.PurchaseReturn)
		}
	}
	byModified(rows, func(d *jushuitan.PurchaseReturn) time.Time { return d.Modified }, func(d *jushuitan.PurchaseReturn) int64 { return d.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"po_id": "0", "remark": `""`, "labels": `""`, "items": "[]", "batchs": "[]", "sns": "[]",
	})
}

// cancelPurchaseReturns handles 采购退货取消. All documents pass or none (assumption); a
// repeat has no effect.
func (c *Company) cancelPurchaseReturns(_ *call, req jushuitan.PurchaseReturnCancelRequest) answer {
	var found []*purchaseReturn
	for _, id := range req.IOIDs {
		d := c.purchaseReturn(id)
		if d == nil {
			return refuse(codeBadData, "采购退货单 %d 不存在", id)
		}
		found = append(found, d)
	}
	if len(req.IOIDs) == 0 { // io_ids take precedence
		for _, so := range req.SoIDs {
			i := slices.IndexFunc(c.purchaseReturns, func(d *purchaseReturn) bool { return d.SoID == so })
			if i < 0 {
				return refuse(codeBadData, "采购退货单 %s 不存在", so)
			}
			found = append(found, c.purchaseReturns[i])
		}
	}
	if len(found) == 0 {
		return refuse(codeBadData, "io_ids 与 so_ids 至少传一项")
	}
	for _, d := range found {
		if d.Status != stockDocWaitConfirm && d.Status != stockDocCancelled {
			return refuse(codeBadData, "采购退货单 %d 的状态为 %s，不能取消", d.IOID, d.Status)
		}
	}
	for _, d := range found {
		if d.Status == stockDocWaitConfirm {
			d.Status, d.Modified = stockDocCancelled, c.now
		}
	}
	return done(nil)
}
