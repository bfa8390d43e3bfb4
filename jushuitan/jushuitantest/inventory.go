package jushuitantest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// stockKey is one SKU in one warehouse.
type stockKey struct {
	wms int64
	sku string
}

// stocktake is a count document and its effect once confirmed.
type stocktake struct {
	jushuitan.Stocktake
	soID  string
	check bool // sets quantities; otherwise adds to them
	asked []jushuitan.StocktakeUploadItem
}

// row returns the stock of a SKU and creates it on first use.
func (c *Company) row(wms int64, sku string) *jushuitan.InventoryRow {
	k := stockKey{wms, sku}
	r := c.stock[k]
	if r == nil {
		r = &jushuitan.InventoryRow{SKUID: sku}
		if s := c.skus[sku]; s != nil {
			r.IID, r.Name = s.IID, s.Name
		}
		c.stock[k] = r
		c.stockOrder = append(c.stockOrder, k)
	}
	return r
}

// moved marks a stock row as changed.
func (c *Company) moved(r *jushuitan.InventoryRow) {
	r.TS, r.Modified = c.bump(), c.now
	if after := time.Duration(c.s.after.Load()); after > 0 {
		c.remember(r, c.s.Now().Add(after))
	}
}

// pastRow is a state of a stock row that a query sees from a time on.
type pastRow struct {
	from time.Time
	row  jushuitan.InventoryRow
}

// baseline remembers the present stock. The caller holds the lock.
func (c *Company) baseline() {
	for _, k := range c.stockOrder {
		c.remember(c.stock[k], time.Time{})
	}
}

func (c *Company) remember(r *jushuitan.InventoryRow, from time.Time) {
	if c.past == nil {
		c.past = map[*jushuitan.InventoryRow][]pastRow{}
	}
	c.past[r] = append(c.past[r], pastRow{from, *r})
	states, now := c.past[r], c.s.Now()
	for len(states) > 1 && !states[1].from.After(now) { // the first is no longer visible to any query
		states = states[1:]
	}
	c.past[r] = states
}

// seen returns a stock row as queries see it: its current state, unless that is not visible yet.
func (c *Company) seen(r *jushuitan.InventoryRow) *jushuitan.InventoryRow {
	states, now := c.past[r], c.s.Now()
	if c.s.after.Load() == 0 || len(states) == 0 {
		return r
	}
	visible := r
	for i := range states {
		if states[i].from.After(now) {
			break
		}
		visible = &states[i].row
	}
	return visible
}

// slot returns the quantity of a warehouse slot (仓库): 1 main, 2 sales return, 3
// purchase, 4 defective, 6 to 8 custom.
func slot(r *jushuitan.InventoryRow, n int64) *decimal.Decimal {
	switch n {
	case 1:
		return &r.Qty
	case 2:
		return &r.ReturnQty
	case 3:
		return &r.InQty
	case 4:
		return &r.DefectiveQty
	case 6:
		return &r.CustomizeQty1
	case 7:
		return &r.CustomizeQty2
	case 8:
		return &r.CustomizeQty3
	}
	return nil
}

// SetStock sets the actual stock (qty, 主仓实际库存) of a SKU in a warehouse; 0 means
// the main one. Quantities reserved by orders stay reserved.
func (c *Company) SetStock(wmsCoID int64, skuID string, qty decimal.Decimal) error {
	return c.SetStockRow(wmsCoID, jushuitan.InventoryRow{SKUID: skuID, Qty: qty}, "qty")
}

// SetStockRow sets the named quantities of a stock row: qty, virtual_qty, purchase_qty,
// return_qty, in_qty, defective_qty, pick_lock, lock_qty, min_qty, max_qty,
// allocate_qty, sale_refund_qty, customize_qty_1 to _3. order_lock follows from the
// orders.
func (c *Company) SetStockRow(wmsCoID int64, row jushuitan.InventoryRow, figures ...string) error {
	defer c.change()()
	w, err := c.warehouse(wmsCoID)
	if err != nil {
		return err
	}
	if c.skus[row.SKUID] == nil {
		return problem("SetStock: SKU %q does not exist: AddSKU first", row.SKUID)
	}
	for _, name := range figures {
		if figure(&row, name) == nil {
			return problem("SetStock: %q is not a figure of a stock row that can be set", name)
		}
	}
	r := c.row(w.WMSCoID, row.SKUID)
	for _, name := range figures {
		*figure(r, name) = *figure(&row, name)
	}
	c.moved(r)
	return nil
}

//nolint:gocyclo // a table of names and fields
func figure(r *jushuitan.InventoryRow, name string) *decimal.Decimal {
	switch name {
	case "qty":
		return &r.Qty
	case "virtual_qty":
		return &r.VirtualQty
	case "purchase_qty":
		return &r.PurchaseQty
	case "return_qty":
		return &r.ReturnQty
	case "in_qty":
		return &r.InQty
	case "defective_qty":
		return &r.DefectiveQty
	case "pick_lock":
		return &r.PickLock
	case "lock_qty":
		return &r.LockQty
	case "min_qty":
		return &r.MinQty
	case "max_qty":
		return &r.MaxQty
	case "allocate_qty":
		return &r.AllocateQty
	case "sale_refund_qty":
		return &r.SaleRefundQty
	case "customize_qty_1":
		return &r.CustomizeQty1
	case "customize_qty_2":
		return &r.CustomizeQty2
	case "customize_qty_3":
		return &r.CustomizeQty3
	}
	return nil
}

var allFigures = []string{
	"qty", "virtual_qty", "purchase_qty", "return_qty", "in_qty", "defective_qty", "pick_lock", "lock_qty",
	"min_qty", "max_qty", "allocate_qty", "sale_refund_qty", "customize_qty_1", "customize_qty_2", "customize_qty_3",
}

// Stock returns a copy of the stock of a warehouse; 0 means the sum of all, as in
// queries.
func (c *Company) Stock(wmsCoID int64) []jushuitan.InventoryRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.stockRows(wmsCoID, nil))
}

// stockRows returns the rows of a warehouse, or for 0 the sums over all warehouses.
// seen, if not nil, returns each row as the caller sees it.
func (c *Company) stockRows(wms int64, seen func(*jushuitan.InventoryRow) *jushuitan.InventoryRow) []*jushuitan.InventoryRow {
	var rows []*jushuitan.InventoryRow
	if seen == nil {
		seen = func(r *jushuitan.InventoryRow) *jushuitan.InventoryRow { return r }
	}
	if wms != 0 {
		for _, k := range c.stockOrder {
			if k.wms == wms {
				rows = append(rows, seen(c.stock[k]))
			}
		}
		return rows
	}
	sums := map[string]*jushuitan.InventoryRow{}
	for _, k := range c.stockOrder {
		r := seen(c.stock[k])
		sum := sums[k.sku]
		if sum == nil {
			copied := *r
			sums[k.sku] = &copied
			rows = append(rows, &copied)
			continue
		}
		for _, name := range allFigures {
			to := figure(sum, name)
			*to = to.Add(*figure(r, name))
		}
		sum.OrderLock = sum.OrderLock.Add(r.OrderLock)
		if r.TS > sum.TS {
			sum.TS = r.TS
		}
		if r.Modified.After(sum.Modified) {
			sum.Modified = r.Modified
		}
	}
	return rows
}

// ConfirmStocktake confirms a count document that was uploaded without is_confirm, which
// changes the stock.
func (c *Company) ConfirmStocktake(ioID int64) error {
	defer c.change()()
	for _, d := range c.stocktakes {
		if d.IOID == ioID {
			if d.Status != "WaitConfirm" {
				return problem("stocktake %d is %s, not WaitConfirm", ioID, d.Status)
			}
			c.apply(d)
			return nil
		}
	}
	return problem("stocktake %d does not exist", ioID)
}

func (c *Company) apply(d *stocktake) {
	for i, it := range d.asked {
		r := c.row(d.WMSCoID, it.SKUID)
		figure := slot(r, d.WhID)
		before := *figure
		if d.check {
			*figure = it.Qty
		} else {
			*figure = before.Add(it.Qty)
		}
		d.Items[i].RQty, d.Items[i].Qty = *figure, figure.Sub(before)
		c.moved(r)
	}
	d.Status, d.Modified = "Confirmed", c.now
}

func (c *Company) queryInventory(q *call, req jushuitan.InventoryQuery) answer {
	wms := req.WMSCoID
	if wms != 0 {
		w, err := c.warehouse(wms)
		if err != nil {
			return refuse(codeBadData, "参数 wms_co_id：分仓 %d 不存在或未与主仓关联", wms)
		}
		wms = w.WMSCoID
	}
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.InventoryRow
	for _, r := range c.stockRows(wms, c.seen) {
		if r.TS >= req.TS && within.holds(r.Modified) && wanted(req.SKUIDs, r.SKUID) && wanted(req.Names, r.Name) && wanted(req.IIDs, r.IID) {
			row := *r
			if !req.HasLockQty {
				row.LockQty = decimal.Decimal{}
			}
			rows = append(rows, &row)
		}
	}
	if req.TS > 0 {
		byVersion(rows, func(r *jushuitan.InventoryRow) int64 { return r.TS })
	} else {
		byModified(rows, func(r *jushuitan.InventoryRow) time.Time { return r.Modified }, func(r *jushuitan.InventoryRow) string { return r.SKUID })
	}
	always := map[string]string{
		"qty": "0", "order_lock": "0", "pick_lock": "0", "virtual_qty": "0", "purchase_qty": "0", "return_qty": "0",
		"in_qty": "0", "defective_qty": "0", "min_qty": "null", "max_qty": "null",
	}
	if req.HasLockQty {
		always["lock_qty"] = "0"
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, always)
}

func (c *Company) queryStocktakes(q *call, req jushuitan.StocktakeQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Stocktake
	for _, d := range c.stocktakes {
		if within.holds(d.Modified) && wanted(req.IOIDs, text(d.IOID)) && (req.Status == "" || d.Status == req.Status) {
			rows = append(rows, &d.Stocktake)
		}
	}
	byModified(rows, func(d *jushuitan.Stocktake) time.Time { return d.Modified }, func(d *jushuitan.Stocktake) int64 { return d.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, nil)
}

var slotNames = map[int64]string{1: "主仓", 2: "销退仓", 3: "进货仓", 4: "次品仓", 6: "自定义1仓", 7: "自定义2仓", 8: "自定义3仓"}

func (c *Company) uploadStocktake(_ *call, req jushuitan.StocktakeUpload) answer {
	for _, d := range c.stocktakes {
		if d.soID == req.SoID { // a repeat returns the first result
			return stocktakeDone(d)
		}
	}
	w, err := c.warehouse(req.WMSCoID)
	if err != nil {
		return refuse(codeBadData, "参数 wms_co_id：分仓 %d 不存在或未与主仓关联", req.WMSCoID)
	}
	kind := cmp.Or(req.Type, "adjust")
	if kind != "adjust" && kind != "check" {
		return refuse(codeBadData, "参数 type 应为 check 或 adjust")
	}
	whID := parseInt(req.Warehouse)
	if slot(new(jushuitan.InventoryRow), whID) == nil {
		return refuse(codeBadData, "参数 warehouse 应为 1、2、3、4、6、7、8")
	}
	for i, it := range req.Items {
		if c.skus[it.SKUID] == nil {
			return refuse(codeBadData, "items[%d].sku_id：商品编码 %s 不存在", i, it.SKUID)
		}
		if kind == "check" && it.Qty.IsNegative() {
			return refuse(codeBadData, "items[%d].qty：盘点数量不能为负数", i)
		}
		if kind == "adjust" && len(it.SKUSNs) > 0 {
			return refuse(codeBadData, "items[%d].sku_sns：adjust 不支持唯一码", i)
		}
	}
	d := &stocktake{soID: req.SoID, check: kind == "check", asked: slices.Clone(req.Items)}
	d.Stocktake = jushuitan.Stocktake{
		Type: "盘点", IOID: next(&c.nextIOID), IODate: c.now, Status: "WaitConfirm", Warehouse: slotNames[whID],
		Remark: req.Remark, WhID: whID, WMSCoID: w.WMSCoID, Modified: c.now, FStatus: "WaitConfirm",
		LockWhID: req.LockWhID, LockWhName: req.LockWhName,
	}
	for _, it := range req.Items {
		s := c.skus[it.SKUID]
		d.Items = append(d.Items, jushuitan.StocktakeItem{
			IOID: d.IOID, IOIID: next(&c.nextLine), SKUID: it.SKUID, IID: s.IID, Name: s.Name,
			PropertiesValue: s.PropertiesValue, RQty: it.Qty, BatchID: it.BatchID,
		})
	}
	c.stocktakes = append(c.stocktakes, d)
	if req.IsConfirm {
		c.apply(d)
	}
	return stocktakeDone(d)
}

func stocktakeDone(d *stocktake) answer {
	return done(map[string]any{"msg": "", "so_id": d.soID, "io_id": d.IOID})
}

func (c *Company) setVirtualQtys(_ *call, req jushuitan.InventorySetVirtualQtysRequest) answer {
	w, err := c.warehouse(req.WMSCoID)
	changed := 0
	if err == nil {
		for _, v := range req.SKUAndQty {
			if c.skus[v.SKUID] == nil {
				continue
			}
			r := c.row(w.WMSCoID, v.SKUID)
			r.VirtualQty = v.Qty
			c.moved(r)
			changed++
		}
	}
	if changed == 0 { // observed
		return answer{msg: "未获取到有效的传入数据"}
	}
	return done("执行成功")
}
