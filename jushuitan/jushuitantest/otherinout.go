package jushuitantest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The types and states of other in/out documents (其它出入库).
const (
	otherIn  = "其它退货"
	otherOut = "其它出库"

	otherWaitConfirm = "WaitConfirm"
	otherAudited     = "OuterConfirming" // waits for the warehouse (assumption)
	otherConfirmed   = "Confirmed"
	otherCancelled   = "Cancelled" // voided after it took effect
	otherDelete      = "Delete"    // voided before
)

type otherInOut struct {
	jushuitan.OtherInOut
	ts int64
}

// otherRow is a document as queries show it, with the row version that the cursor needs,
// although no source lists that member (assumption).
type otherRow struct {
	jushuitan.OtherInOut
	TS int64 `json:"ts"`
}

func (d *otherInOut) open() bool { return d.Status == otherWaitConfirm || d.Status == otherAudited }

func (d *otherInOut) lines() []docLine {
	lines := make([]docLine, len(d.Items))
	for i, it := range d.Items {
		lines[i] = docLine{it.SKUID, it.Qty}
	}
	return lines
}

// moves returns the effect of a document on the stock; undo is the opposite.
func (d *otherInOut) moves(parts []decimal.Decimal, undo bool) []stockMove {
	var moves []stockMove
	for i, it := range d.Items {
		qty := parts[i]
		if (d.Type == otherOut) != undo {
			qty = qty.Neg()
		}
		moves = append(moves, stockMove{d.WMSCoID, it.SKUID, d.WhID, qty})
	}
	return moves
}

func (d *otherInOut) asked() []decimal.Decimal {
	parts := make([]decimal.Decimal, len(d.Items))
	for i, it := range d.Items {
		parts[i] = it.Qty
	}
	return parts
}

func (c *Company) otherChanged(d *otherInOut) { d.ts, d.Modified = c.bump(), c.now }

// ConfirmOtherInOut puts an other in/out document into effect. actual is the quantity
// received or shipped by sku_id; nil means the requested quantity. The lines then show
// the actual quantities (assumption). More than requested may be received, but not
// shipped.
func (c *Company) ConfirmOtherInOut(ioID int64, actual map[string]decimal.Decimal) error {
	defer c.change()()
	d := c.otherInOut(ioID)
	if d == nil {
		return problem("other in/out document %d does not exist", ioID)
	}
	if !d.open() {
		return problem("other in/out document %d is %s, not WaitConfirm or OuterConfirming", ioID, d.Status)
	}
	parts, err := divide(d.lines(), actual, d.Type == otherIn)
	if err != nil {
		return err
	}
	moves := d.moves(parts, false)
	if why := c.lacks(moves); why != "" {
		return problem("other in/out document %d: %s", ioID, why)
	}
	c.effect(d, parts, moves)
	return nil
}

// effect puts a document into effect.
func (c *Company) effect(d *otherInOut, parts []decimal.Decimal, moves []stockMove) {
	c.putAll(moves)
	for i := range d.Items {
		it := &d.Items[i]
		it.Qty = parts[i]
		it.CostAmount, it.SaleAmount = it.CostPrice.Mul(it.Qty), it.SalePrice.Mul(it.Qty)
	}
	d.Status, d.IODate = otherConfirmed, c.now
	c.otherChanged(d)
}

func (c *Company) otherInOut(ioID int64) *otherInOut {
	for _, d := range c.otherInOuts {
		if d.IOID == ioID {
			return d
		}
	}
	return nil
}

// OtherInOuts returns copies of all other in/out documents (其它出入库), oldest first.
func (c *Company) OtherInOuts() []jushuitan.OtherInOut {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.otherInOuts, func(d *otherInOut) *jushuitan.OtherInOut { return &d.OtherInOut })
}

// CreateOtherInOut creates another in/out document (其它出入库单) as the staff do, without the
// API. It is processed like an upload; a repeat of an external_id changes nothing.
func (c *Company) CreateOtherInOut(u jushuitan.OtherInOutUpload) (ioID int64, err error) {
	u = deepCopy(u)
	defer c.change()()
	if u.ExternalID == "" || len(u.Items) == 0 {
		return 0, problem("CreateOtherInOut: external_id or items are missing")
	}
	a := c.uploadOtherInOut(&call{}, u)
	if a.code != 0 {
		return 0, problem("CreateOtherInOut: %s", a.msg)
	}
	i := slices.IndexFunc(c.otherInOuts, func(d *otherInOut) bool { return d.SoID == u.ExternalID })
	return c.otherInOuts[i].IOID, nil
}

// uploadOtherInOut handles 新建其它出入库. A repeat returns the first result and changes
// nothing (assumption).
func (c *Company) uploadOtherInOut(q *call, req jushuitan.OtherInOutUpload) answer {
	answered := func(d *otherInOut) answer {
		return done(map[string]any{"external_id": d.SoID, "io_id": d.IOID})
	}
	for _, d := range c.otherInOuts {
		if d.SoID == req.ExternalID {
			return answered(d)
		}
	}
	kind := map[string]string{"in": otherIn, "out": otherOut}[req.Type]
	w, err := c.warehouse(req.WMSCoID)
	where := cmp.Or(req.Warehouse, 1)
	switch {
	case kind == "":
		return refuse(codeBadData, "参数 type 应为 in 或 out")
	case err != nil:
		return refuse(codeBadData, "参数 wms_co_id：分仓 %d 不存在或未与主仓关联", req.WMSCoID)
	case !hasSlot(where):
		return refuse(codeBadData, badSlot)
	case emptyText(q, "remark"):
		return refuse(codeBadData, "参数 remark 不能为空字符串")
	case len([]rune(strings.Join(req.Labels, ","))) > 200:
		return refuse(codeBadData, "参数 labels 总长最长200个字符")
	}
	d := &otherInOut{}
	d.OtherInOut = jushuitan.OtherInOut{
		IODate: c.now, Created: c.now, Status: otherWaitConfirm, SoID: req.ExternalID, Type: kind, FStatus: "WaitConfirm",
		Warehouse: w.Name, WMSCoID: w.WMSCoID, WhID: where, Remark: req.Remark, DrpCoName: req.DrpCoName, CreatorName: "open",
		Labels: slices.Clone(req.Labels), LockWhID: req.LockWhID, LockWhName: req.LockWhName,
		ReceiverName: req.ReceiverName, ReceiverMobile: req.ReceiverMobile, ReceiverState: req.ReceiverState,
		ReceiverCity: req.ReceiverCity, ReceiverDistrict: req.ReceiverDistrict, ReceiverAddress: req.ReceiverAddress,
		LID: req.LID, LCID: req.LCID, LogisticsCompany: req.LogisticsCompany,
	}
	if req.ExecuteConfirming {
		d.Status = otherAudited
	}
	for i, it := range req.Items {
		if why := c.badLine(it.SKUID, it.Qty); why != "" {
			return refuse(codeBadData, "items[%d]：%s", i, why)
		}
		d.Items = append(d.Items, otherLine(c.skus[it.SKUID], &it))
	}
	moves := d.moves(d.asked(), false)
	if req.IsConfirm {
		if why := c.lacks(moves); why != "" {
			return refuse(codeBadData, "%s", why)
		}
	}
	d.IOID = next(&c.nextIOID)
	for i := range d.Items {
		d.Items[i].IOID, d.Items[i].IOIID = d.IOID, next(&c.nextLine)
	}
	c.otherInOuts = append(c.otherInOuts, d)
	c.otherChanged(d)
	if req.IsConfirm {
		c.effect(d, d.asked(), moves)
	}
	return answered(d)
}

func otherLine(s *jushuitan.SKU, it *jushuitan.OtherInOutUploadItem) jushuitan.OtherInOutItem {
	line := jushuitan.OtherInOutItem{
		SKUID: it.SKUID, IID: s.IID, Name: s.Name, Unit: s.Unit, PropertiesValue: s.PropertiesValue, Qty: it.Qty,
		CostPrice: s.CostPrice, CostAmount: s.CostPrice.Mul(it.Qty), Remark: it.Remark, SupplierID: it.SupplierID,
		BatchID: it.BatchID, ProductDate: it.ProducedDate, ExpirationDate: it.ExpirationDate,
	}
	setDecimal(&line.SalePrice, it.SalePrice)
	line.SaleAmount = line.SalePrice.Mul(it.Qty)
	return line
}

func (c *Company) queryOtherInOuts(q *call, req jushuitan.OtherInOutQuery) answer {
	if req.StartTS > 0 && (!req.ModifiedBegin.IsZero() || len(req.SoIDs)+len(req.IOIDs)+len(req.Types) > 0 ||
		req.Status != "" || req.WMSCoID != 0 || req.DateType != nil) {
		return refuse(codeBadData, "参数 start_ts 只能与分页参数一起使用")
	}
	var rows []otherRow
	for _, d := range c.otherInOuts {
		if wantsOtherInOut(&req, d) {
			rows = append(rows, otherRow{d.OtherInOut, d.ts})
		}
	}
	inOrder(rows, req.StartTS,
		func(d otherRow) int64 { return d.TS },
		func(d otherRow) time.Time { return d.Modified },
		func(d otherRow) int64 { return d.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"remark": `""`, "labels": `""`, "items": "[]", "batchs": "[]", "sns": "[]",
	})
}

func wantsOtherInOut(req *jushuitan.OtherInOutQuery, d *otherInOut) bool {
	return d.ts >= req.StartTS && span{req.ModifiedBegin, req.ModifiedEnd}.holds(byDate(req.DateType, d.Modified, d.IODate)) &&
		wanted(req.SoIDs, d.SoID) && wanted(req.IOIDs, text(d.IOID)) && wanted(req.Types, d.Type) &&
		matches(req.Status, d.Status) && matches(req.WMSCoID, d.WMSCoID)
}

// changeOtherInOuts handles 其它出入库状态变更. All documents pass or none, and one that is
// already in the state is refused (assumptions).
func (c *Company) changeOtherInOuts(_ *call, req jushuitan.OtherInOutChangeStatusRequest) answer {
	found, bad := c.findOtherInOuts(&req)
	if bad != nil {
		return *bad
	}
	operate := cmp.Or(req.OperateType, "3")
	if !slices.Contains([]string{"1", "2", "3", "4"}, operate) {
		return refuse(codeBadData, "参数 operate_type 应为 1、2、3、4")
	}
	var moves []stockMove
	for _, d := range found {
		of, ok := d.operation(operate)
		if !ok {
			return refuse(codeBadData, "其它出入库单 %d 的状态为 %s，不能变更", d.IOID, d.Status)
		}
		moves = append(moves, of...)
	}
	if why := c.lacks(moves); why != "" {
		return refuse(codeBadData, "%s", why)
	}
	for _, d := range found {
		switch {
		case operate == "1":
			d.Status = otherAudited
		case operate == "2":
			d.Status = otherWaitConfirm
		case operate == "4":
			c.effect(d, d.asked(), d.moves(d.asked(), false))
			continue
		case d.Status == otherConfirmed:
			c.putAll(d.moves(d.asked(), true))
			d.Status = otherCancelled
		default:
			d.Status = otherDelete
		}
		c.otherChanged(d)
	}
	return done(nil)
}

// findOtherInOuts returns the documents that a change names, each once.
func (c *Company) findOtherInOuts(req *jushuitan.OtherInOutChangeStatusRequest) (found []*otherInOut, bad *answer) {
	named := map[string]*otherInOut{}
	names := req.IOIDs
	for _, id := range names {
		named[id] = c.otherInOut(parseInt(id))
	}
	if len(names) == 0 { // io_ids take precedence
		names = req.SoIDs
		for _, so := range names {
			if i := slices.IndexFunc(c.otherInOuts, func(d *otherInOut) bool { return d.SoID == so }); i >= 0 {
				named[so] = c.otherInOuts[i]
			}
		}
	}
	main := c.mainWarehouse()
	for _, name := range names {
		d := named[name]
		switch {
		case d == nil:
			return nil, refused(codeBadData, "其它出入库单 %s 不存在", name)
		case req.WMSCoID == 0 && (main == nil || d.WMSCoID != main.WMSCoID):
			return nil, refused(codeBadData, "其它出入库单 %s 属于分仓，必须传 wms_co_id", name)
		case req.WMSCoID != 0 && req.WMSCoID != d.WMSCoID:
			return nil, refused(codeBadData, "其它出入库单 %s 不属于分仓 %d", name, req.WMSCoID)
		}
		if !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return nil, refused(codeBadData, "io_ids 与 so_ids 至少传一项")
	}
	return found, nil
}

// operation reports whether the document may be changed (operate_type 1 to 4), and the
// effect on the stock.
func (d *otherInOut) operation(operate string) (moves []stockMove, ok bool) {
	switch operate {
	case "1":
		return nil, d.Status == otherWaitConfirm
	case "2":
		return nil, d.Status == otherAudited
	case "3":
		if d.Status == otherConfirmed {
			return d.moves(d.asked(), true), true
		}
		return nil, d.open()
	default:
		return d.moves(d.asked(), false), d.open()
	}
}
