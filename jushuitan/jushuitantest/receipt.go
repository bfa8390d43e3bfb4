package jushuitantest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The states of receipts (采购入库单) and purchase returns (采购退货单).
const (
	stockDocWaitConfirm = "WaitConfirm"
	stockDocConfirmed   = "Confirmed"
	stockDocCancelled   = "Cancelled"
)

// purchaseSlot is the default slot of receipts and returns: the purchase slot (进货仓). It
// is documented for returns only.
const purchaseSlot = 3

type purchaseReceipt struct {
	jushuitan.Receipt
	slot int64
}

func (d *purchaseReceipt) lines() []docLine {
	lines := make([]docLine, len(d.Items))
	for i, it := range d.Items {
		lines[i] = docLine{it.SKUID, it.Qty}
	}
	return lines
}

// ReceivePurchase receives goods of a confirmed purchase order into the purchase slot
// (进货仓, in_qty) of its warehouse. received is the quantity by sku_id; nil means all
// that is outstanding. More than the order's more_rate allows is refused. It returns
// the number of the receipt.
func (c *Company) ReceivePurchase(poID int64, received map[string]decimal.Decimal) (ioID int64, err error) {
	defer c.change()()
	p := c.purchase(poID)
	if p == nil {
		return 0, problem("purchase order %d does not exist", poID)
	}
	if p.Status != purchaseConfirmed {
		return 0, problem("purchase order %d is %s, not Confirmed", poID, p.Status)
	}
	var lines []docLine
	for i := range p.Items {
		lines = append(lines, docLine{p.Items[i].SKUID, outstanding(p, &p.Items[i])})
	}
	parts, err := divide(lines, received, true)
	if err != nil {
		return 0, err
	}
	w, err := c.warehouse(p.WMSCoID)
	if err != nil {
		return 0, err
	}
	d := c.newReceipt(w, purchaseSlot, p, p.SupplierID)
	for i, qty := range parts {
		if qty.IsPositive() {
			c.addReceiptLine(d, p.Items[i].SKUID, qty, p.Items[i].Price, p.Items[i].TaxRate)
		}
	}
	if why := c.badReceipt(d, d.asked()); why != "" {
		return 0, problem("purchase order %d: %s", poID, why)
	}
	c.keepReceipt(d)
	c.receivePurchase(d, d.asked())
	return d.IOID, nil
}

func (d *purchaseReceipt) asked() []decimal.Decimal {
	parts := make([]decimal.Decimal, len(d.Items))
	for i, it := range d.Items {
		parts[i] = it.Qty
	}
	return parts
}

func (c *Company) newReceipt(w *jushuitan.Warehouse, where int64, p *jushuitan.Purchase, supplierID int64) *purchaseReceipt {
	d := &purchaseReceipt{slot: where}
	d.Receipt = jushuitan.Receipt{
		Warehouse: w.Name, WMSCoID: w.WMSCoID, WhID: text(where), SupplierID: supplierID, Status: stockDocWaitConfirm,
		IODate: c.now, Type: "采购进仓", FStatus: "WaitConfirm", CreatorName: "open",
	}
	if p != nil {
		d.POID, d.TaxRate = p.POID, p.TaxRate
	}
	if s := c.supplier(supplierID); s != nil {
		d.SupplierName = s.Name
	}
	return d
}

func (c *Company) addReceiptLine(d *purchaseReceipt, sku string, qty, price, tax decimal.Decimal) *jushuitan.ReceiptItem {
	s := c.skus[sku]
	d.Items = append(d.Items, jushuitan.ReceiptItem{
		SKUID: sku, IID: s.IID, Unit: s.Unit, Name: s.Name, Qty: qty, CostPrice: price, CostAmount: price.Mul(qty), TaxRate: tax,
	})
	return &d.Items[len(d.Items)-1]
}

// keepReceipt numbers a new receipt.
func (c *Company) keepReceipt(d *purchaseReceipt) {
	d.IOID = next(&c.nextIOID)
	for i := range d.Items {
		d.Items[i].IOID, d.Items[i].IOIID = d.IOID, next(&c.nextLine)
	}
	c.purchaseIns = append(c.purchaseIns, d)
	d.TS, d.Modified = c.bump(), c.now
}

// badReceipt returns why quantities cannot be received: the purchase order must be
// confirmed, have the SKU, and allow the quantity (assumption).
func (c *Company) badReceipt(d *purchaseReceipt, parts []decimal.Decimal) string {
	if d.POID == 0 {
		return ""
	}
	p := c.purchase(d.POID)
	if p.Status != purchaseConfirmed {
		return "采购单 " + text(p.POID) + " 的状态为 " + p.Status + "，不能入库"
	}
	sums := map[string]decimal.Decimal{}
	for i, it := range d.Items {
		line := purchaseLine(p, it.SKUID)
		if line == nil {
			return "商品 " + it.SKUID + " 不在采购单 " + text(p.POID) + " 中"
		}
		sums[it.SKUID] = sums[it.SKUID].Add(parts[i])
		limit := line.Qty.Mul(decimal.NewFromInt(100).Add(p.MoreRate)).Div(decimal.NewFromInt(100))
		if line.InQty.Add(sums[it.SKUID]).GreaterThan(limit) {
			return "商品 " + it.SKUID + " 超出采购单可入库数量 " + limit.Sub(line.InQty).String()
		}
	}
	return ""
}

// receivePurchase confirms a receipt: it adds to the stock and to the order's received
// quantities.
func (c *Company) receivePurchase(d *purchaseReceipt, parts []decimal.Decimal) {
	for i := range d.Items {
		it := &d.Items[i]
		it.Qty, it.CostAmount = parts[i], it.CostPrice.Mul(parts[i])
		c.putAll([]stockMove{{d.WMSCoID, it.SKUID, d.slot, parts[i]}})
	}
	if p := c.purchase(d.POID); p != nil {
		c.alter(p, func() {
			for i, it := range d.Items {
				line := purchaseLine(p, it.SKUID)
				line.InQty = line.InQty.Add(parts[i])
			}
		})
	}
	d.Status, d.IODate = stockDocConfirmed, c.now
	d.TS, d.Modified = c.bump(), c.now
}

// PurchaseReceipts returns copies of all purchase receipts (采购入库单), oldest first.
func (c *Company) PurchaseReceipts() []jushuitan.Receipt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.purchaseIns, func(d *purchaseReceipt) *jushuitan.Receipt { return &d.Receipt })
}

// createReceipts handles 生成采购入库单: each row has its own result. A repeat returns the first
// result and changes nothing (assumption).
func (c *Company) createReceipts(_ *call, req []jushuitan.ReceiptCreateRequest) answer {
	rows := []map[string]any{}
	for i := range req {
		u := &req[i]
		d, why := c.takeReceipt(u)
		row := map[string]any{"external_id": u.ExternalID, "io_id": "", "is_success": why == "", "msg": why}
		if d != nil {
			row["io_id"] = text(d.IOID)
		}
		rows = append(rows, row)
	}
	return done(rows)
}

func (c *Company) takeReceipt(u *jushuitan.ReceiptCreateRequest) (*purchaseReceipt, string) {
	for _, d := range c.purchaseIns {
		if d.SoID == u.ExternalID {
			return d, ""
		}
	}
	var p *jushuitan.Purchase
	if u.POID != 0 || u.OuterPOID != 0 {
		if p = c.purchase(u.POID); u.POID == 0 {
			p = c.purchaseBySoID(text(u.OuterPOID))
		}
		if p == nil {
			return nil, "采购单 " + text(cmp.Or(u.POID, u.OuterPOID)) + " 不存在"
		}
	}
	supplier, wms := u.SupplierID, u.WMSCoID
	if p != nil {
		supplier, wms = cmp.Or(supplier, p.SupplierID), cmp.Or(wms, p.WMSCoID)
	}
	if c.supplier(supplier) == nil {
		return nil, "供应商编号 " + text(supplier) + " 不存在"
	}
	w, err := c.warehouse(wms)
	if err != nil {
		return nil, "分仓编号 " + text(wms) + " 不存在"
	}
	where := cmp.Or(u.Warehouse, purchaseSlot)
	if !hasSlot(where) {
		return nil, badSlot
	}
	d := c.newReceipt(w, where, p, supplier)
	d.SoID, d.Remark = u.ExternalID, u.Remark
	setDecimal(&d.TaxRate, u.TaxRate)
	if why := c.addReceiptLines(d, p, u.Items); why != "" {
		return nil, why
	}
	if why := c.badReceipt(d, d.asked()); why != "" {
		return nil, why
	}
	c.keepReceipt(d)
	if u.IsConfirm {
		c.receivePurchase(d, d.asked())
	}
	return d, ""
}

// addReceiptLines adds the received lines; without items, everything outstanding of the
// purchase order p (assumption).
func (c *Company) addReceiptLines(d *purchaseReceipt, p *jushuitan.Purchase, items []jushuitan.ReceiptCreateItem) (why string) {
	if p != nil && len(items) == 0 {
		for i := range p.Items {
			if it := &p.Items[i]; outstanding(p, it).IsPositive() {
				c.addReceiptLine(d, it.SKUID, outstanding(p, it), it.Price, it.TaxRate)
			}
		}
	}
	for _, it := range items {
		if why := c.badLine(it.SKUID, it.Qty); why != "" {
			return why
		}
		price, tax := c.skus[it.SKUID].CostPrice, d.TaxRate
		if p != nil {
			if line := purchaseLine(p, it.SKUID); line != nil {
				price, tax = line.Price, line.TaxRate
			}
		}
		setDecimal(&price, it.Price)
		setDecimal(&tax, it.TaxRate)
		line := c.addReceiptLine(d, it.SKUID, it.Qty, price, tax)
		line.Remark, line.BatchNo = it.Remark, it.BatchID
	}
	if len(d.Items) == 0 {
		return "没有可入库的商品"
	}
	return ""
}

// confirmReceipts handles 入库单确认, with the actual quantities; a SKU that is not named was
// not received. All rows pass or none, since they have no result (assumptions).
func (c *Company) confirmReceipts(_ *call, req []jushuitan.ReceiptConfirmRequest) answer {
	var found []*purchaseReceipt
	var all [][]decimal.Decimal
	coming := map[int64]map[string]decimal.Decimal{} // by purchase order
	for i, r := range req {
		j := slices.IndexFunc(c.purchaseIns, func(d *purchaseReceipt) bool { return d.IOID == r.IOID })
		if j < 0 {
			return refuse(codeBadData, "[%d]：入库单 %d 不存在", i, r.IOID)
		}
		d := c.purchaseIns[j]
		if d.Status != stockDocWaitConfirm || slices.Contains(found, d) {
			return refuse(codeBadData, "[%d]：入库单 %d 的状态为 %s，不能重复确认", i, r.IOID, d.Status)
		}
		parts, err := divide(d.lines(), comingBySKU(r.Items), true)
		if err != nil {
			return refuse(codeBadData, "[%d]：入库单 %d：%v", i, r.IOID, err)
		}
		if d.POID != 0 && coming[d.POID] == nil {
			coming[d.POID] = map[string]decimal.Decimal{}
		}
		before := make([]decimal.Decimal, len(parts)) // with what other rows bring
		named := map[string]bool{}
		for k, it := range d.Items {
			before[k] = parts[k]
			if !named[it.SKUID] && d.POID != 0 {
				before[k] = before[k].Add(coming[d.POID][it.SKUID])
			}
			named[it.SKUID] = true
		}
		if why := c.badReceipt(d, before); why != "" {
			return refuse(codeBadData, "[%d]：%s", i, why)
		}
		for k, it := range d.Items {
			if d.POID != 0 {
				coming[d.POID][it.SKUID] = coming[d.POID][it.SKUID].Add(parts[k])
			}
		}
		found, all = append(found, d), append(all, parts)
	}
	for i, d := range found {
		c.receivePurchase(d, all[i])
	}
	return done(nil)
}

func comingBySKU(items []jushuitan.ReceiptConfirmItem) map[string]decimal.Decimal {
	sum := map[string]decimal.Decimal{}
	for _, it := range items {
		sum[it.SKUID] = sum[it.SKUID].Add(it.Qty)
	}
	return sum
}

// findReceipts returns the receipts that match a query, in its order.
func (c *Company) findReceipts(startTS int64, keep func(d *purchaseReceipt) bool) []*purchaseReceipt {
	var rows []*purchaseReceipt
	for _, d := range c.purchaseIns {
		if d.TS >= startTS && keep(d) {
			rows = append(rows, d)
		}
	}
	inOrder(rows, startTS,
		func(d *purchaseReceipt) int64 { return d.TS },
		func(d *purchaseReceipt) time.Time { return d.Modified },
		func(d *purchaseReceipt) int64 { return d.IOID })
	return rows
}

var receiptAlways = map[string]string{
	"po_id": "0", "so_id": `""`, "remark": `""`, "labels": `""`, "tax_rate": "0", "items": "[]", "batchs": "[]", "sns": "[]",
}

func (c *Company) queryPurchaseReceipts(q *call, req jushuitan.ReceiptQuery) answer {
	if req.StartTS > 0 && (!req.ModifiedBegin.IsZero() || len(req.POIDs)+len(req.IOIDs)+len(req.Statuses)+len(req.SoIDs) > 0 ||
		req.DateType != nil || req.OwnerCoID != 0 || req.WMSCoID != 0) {
		return refuse(codeBadData, "参数 start_ts 只能与分页参数一起使用")
	}
	found := c.findReceipts(req.StartTS, func(d *purchaseReceipt) bool { return c.wantsReceipt(&req, d) })
	rows := make([]*jushuitan.Receipt, len(found))
	for i, d := range found {
		rows[i] = &d.Receipt
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, noTotal: req.IsGetTotal != nil && !*req.IsGetTotal}, rows, receiptAlways)
}

func (c *Company) wantsReceipt(req *jushuitan.ReceiptQuery, d *purchaseReceipt) bool {
	statuses := req.Statuses
	if len(statuses) == 0 { // documented
		statuses = []string{stockDocConfirmed}
	}
	return span{req.ModifiedBegin, req.ModifiedEnd}.holds(byDate(req.DateType, d.Modified, d.IODate)) && wanted(req.POIDs, text(d.POID)) &&
		wanted(req.IOIDs, d.IOID) && wanted(statuses, d.Status) && wanted(req.SoIDs, d.SoID) && matches(req.WMSCoID, d.WMSCoID) &&
		matches(req.OwnerCoID, c.id)
}

// queryPurchaseReceiptsV2 handles the newer query. That it returns receipts of all states
// is an assumption: only the older one documents a default.
func (c *Company) queryPurchaseReceiptsV2(q *call, req jushuitan.ReceiptV2Query) answer {
	if len(req.SellerIDs) > 0 && req.ModifiedBegin.IsZero() {
		return refuse(codeBadData, "参数 seller_ids 必须与修改时间一起使用")
	}
	if len(req.POIDs) > 30 || len(req.IOIDs) > 30 {
		return refuse(codeBadData, "参数 po_ids 与 io_ids 最多30项")
	}
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	found := c.findReceipts(req.StartTS, func(d *purchaseReceipt) bool {
		return within.holds(byDate(req.DateType, d.Modified, d.IODate)) && wanted(req.POIDs, d.POID) && wanted(req.IOIDs, d.IOID) &&
			wanted(req.Statuses, d.Status) && wanted(req.SoIDs, d.SoID) && wanted(req.SellerIDs, d.SupplierID)
	})
	rows := make([]*jushuitan.ReceiptV2, len(found))
	for i, d := range found {
		rows[i] = &jushuitan.ReceiptV2{
			POID: d.POID, IODate: d.IODate, Remark: d.Remark, Warehouse: d.Warehouse, Type: d.Type, TaxRate: d.TaxRate, IOID: d.IOID,
			Labels: d.Labels, WMSCoID: d.WMSCoID, WhID: d.WhID, SoID: d.SoID, Modified: d.Modified, CreatorName: d.CreatorName,
			SupplierName: d.SupplierName, SupplierID: d.SupplierID, FStatus: d.FStatus, Status: d.Status, TS: d.TS,
		}
		for _, it := range d.Items {
			rows[i].Items = append(rows[i].Items, jushuitan.ReceiptV2Item{
				IOIID: it.IOIID, SKUID: it.SKUID, IID: it.IID, Unit: it.Unit, Name: it.Name, Qty: it.Qty, IOID: it.IOID,
				CostPrice: it.CostPrice, CostAmount: it.CostAmount, Remark: it.Remark, BatchNo: it.BatchNo, TaxRate: it.TaxRate,
			})
		}
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, noTotal: req.IsGetTotal != nil && !*req.IsGetTotal}, rows, receiptAlways)
}
