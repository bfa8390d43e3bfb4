package jushuitantest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The types and states of a transfer (调拨单).
const (
	transferOut = "调拨出"
	transferIn  = "调拨入"

	transferCreating   = "Creating"
	transferConfirming = "Confirming"
	transferConfirmed  = "Confirmed"
	transferCancelled  = "Cancelled"
)

// transfer is one document of a transfer. The upload creates the outgoing one, shipping
// the incoming one (assumption). In the outgoing document, qty is the requested and
// r_qty the shipped quantity; in the incoming one, qty is the shipped and r_qty the
// received quantity (assumption).
type transfer struct {
	jushuitan.Transfer
	soID    string // of the upload
	inner   bool   // between slots of one warehouse
	other   *transfer
	settled []decimal.Decimal // by line: settled by difference documents
}

func (t *transfer) lines() []docLine {
	lines := make([]docLine, len(t.Items))
	for i, it := range t.Items {
		lines[i] = docLine{it.SKUID, it.Qty}
	}
	return lines
}

// open reports whether a document waits for its goods.
func (t *transfer) open() bool {
	return t.Status == transferCreating || t.Status == transferConfirming
}

func (c *Company) transfer(ioID int64) *transfer {
	for _, t := range c.transfers {
		if t.IOID == ioID {
			return t
		}
	}
	return nil
}

// newTransfer returns a copy of a document with the lines that are not 0.
func (c *Company) newTransfer(like *transfer, parts []decimal.Decimal) *transfer {
	t := &transfer{Transfer: deepCopy(like.Transfer), soID: like.soID, inner: like.inner}
	t.IOID, t.CoID, t.IODate, t.Modified = next(&c.nextIOID), c.id, c.now, c.now
	t.Status, t.FStatus, t.CreatorName = transferCreating, "WaitConfirm", "open"
	t.Items = nil
	for i, it := range like.Items {
		if parts[i].IsPositive() {
			it.IOID, it.IOIID, it.Qty, it.RQty = t.IOID, next(&c.nextLine), parts[i], decimal.Decimal{}
			t.Items = append(t.Items, it)
		}
	}
	t.settled = make([]decimal.Decimal, len(t.Items))
	c.transfers = append(c.transfers, t)
	return t
}

// turned turns t into the document of the other end of a transfer.
func (t *transfer) turned(of *transfer) {
	t.WMSCoID, t.LinkWMSCoID = of.LinkWMSCoID, of.WMSCoID
	t.WhID, t.LinkWhID = of.LinkWhID, of.WhID
	t.LinkIOID = of.IOID
}

// ShipTransfer ships a transfer (调拨出库), given the number of its outgoing document.
// shipped is the picked quantity by sku_id; nil means all. Less than requested may be
// shipped; the rest stays in stock. The goods are in transit (allocate_qty of the
// receiving warehouse, which is an assumption), and an incoming document waits for
// them. A transfer between slots of one warehouse is completed at once.
func (c *Company) ShipTransfer(ioID int64, shipped map[string]decimal.Decimal) error {
	defer c.change()()
	t := c.transfer(ioID)
	switch {
	case t == nil:
		return problem("transfer %d does not exist", ioID)
	case t.Type != transferOut:
		return problem("transfer %d is the incoming document: ship the outgoing document %d", ioID, t.LinkIOID)
	case !t.open():
		return problem("transfer %d is %s, not Creating or Confirming", ioID, t.Status)
	}
	parts, err := divide(t.lines(), shipped, false)
	if err != nil {
		return err
	}
	if why := c.lacks(t.leaving(parts)); why != "" {
		return problem("transfer %d: %s", ioID, why)
	}
	c.shipTransfer(t, parts)
	return nil
}

// leaving returns what a transfer removes from the stock.
func (t *transfer) leaving(parts []decimal.Decimal) []stockMove {
	var moves []stockMove
	for i, it := range t.Items {
		moves = append(moves, stockMove{t.WMSCoID, it.SKUID, t.WhID, parts[i].Neg()})
	}
	return moves
}

func (c *Company) shipTransfer(t *transfer, parts []decimal.Decimal) {
	c.putAll(t.leaving(parts))
	for i := range t.Items {
		t.Items[i].RQty = parts[i]
		c.inTransit(t.LinkWMSCoID, t.Items[i].SKUID, "allocate_qty", parts[i])
	}
	in := c.newTransfer(t, parts)
	in.Type = transferIn
	in.turned(t)
	in.other, t.other, t.LinkIOID = t, in, in.IOID
	if !t.inner { // documented: only those show so_id
		in.SoID = t.soID
	}
	t.Status, t.IODate, t.Modified = transferConfirmed, c.now, c.now
	if t.inner {
		c.receiveTransfer(in, nil)
	}
}

// ReceiveTransfer receives a shipped transfer (调拨入库), given the number of either
// document. received is the actual quantity by sku_id; nil means all that was shipped.
// Missing goods stay in transit and excess goods are negative in transit until a
// difference document (调拨差异单) settles them from the sender's stock (assumption).
func (c *Company) ReceiveTransfer(ioID int64, received map[string]decimal.Decimal) error {
	defer c.change()()
	t := c.transfer(ioID)
	if t != nil && t.Type == transferOut && t.other != nil {
		t = t.other
	}
	switch {
	case t == nil:
		return problem("transfer %d does not exist", ioID)
	case t.Type != transferIn:
		return problem("transfer %d is %s: it was not shipped", ioID, t.Status)
	case !t.open():
		return problem("transfer %d is %s, not Creating", t.IOID, t.Status)
	}
	parts, err := divide(t.lines(), received, true)
	if err != nil {
		return err
	}
	c.receiveTransfer(t, parts)
	return nil
}

// receiveTransfer receives goods; without parts, all of them.
func (c *Company) receiveTransfer(t *transfer, parts []decimal.Decimal) {
	for i := range t.Items {
		it := &t.Items[i]
		it.RQty = it.Qty
		if len(parts) > 0 {
			it.RQty = parts[i]
		}
		c.inTransit(t.WMSCoID, it.SKUID, "allocate_qty", it.RQty.Neg())
		c.putAll([]stockMove{{t.WMSCoID, it.SKUID, t.WhID, it.RQty}})
	}
	t.Status, t.IODate, t.Modified = transferConfirmed, c.now, c.now
}

// SetWaybill records the carrier (物流公司) and waybill (物流单号) of a transfer or
// another in/out document, given the number of one of its documents; queries show them.
// In Jushuitan the staff enter them; no upload of a transfer has them. The parcel's
// Lines are ignored.
func (c *Company) SetWaybill(ioID int64, p Parcel) error {
	defer c.change()()
	company, err := c.carrier(p.LCID, p.LogisticsCompany)
	if err != nil {
		return err
	}
	if d := c.otherInOut(ioID); d != nil {
		d.LCID, d.LogisticsCompany, d.LID = p.LCID, company, p.LID
		c.otherChanged(d)
		return nil
	}
	t := c.transfer(ioID)
	if t == nil {
		return problem("no transfer and no other in/out document has the number %d", ioID)
	}
	for _, doc := range []*transfer{t, t.other} {
		if doc != nil {
			doc.LCID, doc.LogisticsCompany, doc.LID, doc.Modified = p.LCID, company, p.LID, c.now
		}
	}
	return nil
}

// Transfers returns copies of all documents of transfers (调拨单), oldest first.
func (c *Company) Transfers() []jushuitan.Transfer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copiesOf(c.transfers, func(t *transfer) *jushuitan.Transfer { return &t.Transfer })
}

func (c *Company) queryTransfers(q *call, req jushuitan.TransferQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Transfer
	for _, t := range c.transfers {
		// so_ids finds both documents, although only one shows it (assumption).
		if within.holds(byDate(req.DateType, t.Modified, t.IODate)) && wanted(req.SoIDs, t.soID) &&
			wanted(req.IOIDs, text(t.IOID)) && (req.Type == "" || t.Type == req.Type) {
			rows = append(rows, &t.Transfer)
		}
	}
	byModified(rows, func(t *jushuitan.Transfer) time.Time { return t.Modified }, func(t *jushuitan.Transfer) int64 { return t.IOID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"so_id": `""`, "link_io_id": "0", "remark": `""`, "labels": "[]", "lables": "[]", "items": "[]", "batchs": "[]", "sns": "[]",
	})
}

// uploadTransfers handles 跨仓调拨. Its rows have no result of their own: all pass or none
// (assumption). A repeat returns the first result and changes nothing (assumption).
func (c *Company) uploadTransfers(_ *call, req []jushuitan.CrossTransferUpload) answer {
	var made []*transfer
	var moves []stockMove
	for i := range req {
		u := &req[i]
		found := func(t *transfer) bool { return t.soID == u.SoID && t.Type == transferOut && !t.inner }
		if j := slices.IndexFunc(c.transfers, found); j >= 0 {
			made = append(made, c.transfers[j])
			continue
		}
		if j := slices.IndexFunc(made, found); j >= 0 { // twice in one call
			made = append(made, made[j])
			continue
		}
		t, why := c.crossTransfer(u)
		if why == "" && u.IsConfirm {
			moves = append(moves, t.leaving(t.asked())...)
			why = c.lacks(moves)
		}
		if why != "" {
			return refuse(codeBadData, "[%d] 调拨单 %s：%s", i, u.SoID, why)
		}
		made = append(made, t)
	}
	rows := []map[string]any{}
	for i, t := range made {
		if t.IOID == 0 {
			c.begin(t, req[i].IsConfirm, req[i].IsConfirming)
		}
		rows = append(rows, map[string]any{"so_id": t.soID, "io_id": text(t.IOID)})
	}
	return done(map[string]any{"datas": rows})
}

func (t *transfer) asked() []decimal.Decimal {
	parts := make([]decimal.Decimal, len(t.Items))
	for i, it := range t.Items {
		parts[i] = it.Qty
	}
	return parts
}

// begin numbers a new document and confirms it if its upload asks for that.
func (c *Company) begin(t *transfer, confirm, confirming bool) {
	if t.IODate.IsZero() {
		t.IODate = c.now
	}
	t.IOID, t.CoID, t.Modified, t.FStatus, t.CreatorName = next(&c.nextIOID), c.id, c.now, "WaitConfirm", "open"
	t.Type, t.Status = transferOut, transferCreating
	if confirming {
		t.Status = transferConfirming
	}
	for i := range t.Items {
		t.Items[i].IOID, t.Items[i].IOIID = t.IOID, next(&c.nextLine)
	}
	c.transfers = append(c.transfers, t)
	if confirm {
		c.shipTransfer(t, t.asked())
		if t.other.open() {
			c.receiveTransfer(t.other, nil)
		}
	}
}

// CreateTransfer creates a transfer (跨仓调拨单) as the staff do, without the API. It is
// processed like an upload: the slots are the main ones (主仓) unless they are named, and a
// repeat of a so_id changes nothing. It returns the number of the outgoing document.
func (c *Company) CreateTransfer(u jushuitan.CrossTransferUpload) (ioID int64, err error) {
	u = deepCopy(u)
	defer c.change()()
	if u.SoID == "" || len(u.Items) == 0 {
		return 0, problem("CreateTransfer: so_id or items are missing")
	}
	u.Warehouse, u.LinkWarehouse = cmp.Or(u.Warehouse, 1), cmp.Or(u.LinkWarehouse, 1)
	a := c.uploadTransfers(nil, []jushuitan.CrossTransferUpload{u})
	if a.code != 0 {
		_, why, _ := strings.Cut(a.msg, "：")
		return 0, problem("CreateTransfer: %s", why)
	}
	i := slices.IndexFunc(c.transfers, func(t *transfer) bool { return t.soID == u.SoID && t.Type == transferOut && !t.inner })
	return c.transfers[i].IOID, nil
}

func (c *Company) crossTransfer(u *jushuitan.CrossTransferUpload) (*transfer, string) {
	from, err := c.warehouse(u.GoCoID)
	if err != nil {
		return nil, "调出仓 " + text(u.GoCoID) + " 不存在"
	}
	to, err := c.warehouse(u.LinkCoID)
	switch {
	case err != nil:
		return nil, "调入仓 " + text(u.LinkCoID) + " 不存在"
	case from == to:
		return nil, "调出仓与调入仓相同，请用仓内调拨"
	case !hasSlot(u.Warehouse) || !hasSlot(u.LinkWarehouse):
		return nil, badSlot
	}
	t := &transfer{soID: u.SoID}
	t.Transfer = jushuitan.Transfer{
		IODate: u.IODate, Remark: u.Remark, Type: transferOut,
		WMSCoID: from.WMSCoID, WhID: u.Warehouse, Warehouse: from.Name,
		LinkWMSCoID: to.WMSCoID, LinkWhID: u.LinkWarehouse, LinkWarehouse: to.Name,
		Labels: slices.Clone(u.Labels), LabelList: slices.Clone(u.Labels),
		// By their names the query returns these encrypted; here they are plain.
		ReceiverNameEn: u.ReceiverName, ReceiverMobileEn: u.ReceiverMobile, ReceiverState: u.ReceiverState,
		ReceiverCity: u.ReceiverCity, ReceiverDistrict: u.ReceiverDistrict, ReceiverAddress: u.ReceiverAddress,
	}
	for _, it := range u.Items {
		if why := c.badLine(it.SKUID, it.Qty); why != "" {
			return nil, why
		}
		t.Items = append(t.Items, c.transferItem(it.SKUID, it.Qty, it.BatchID, it.ProducedDate, it.ExpirationDate))
	}
	return t, ""
}

func (c *Company) transferItem(sku string, qty decimal.Decimal, batch string, produced, expires time.Time) jushuitan.TransferItem {
	s := c.skus[sku]
	return jushuitan.TransferItem{
		SKUID: sku, IID: s.IID, Name: s.Name, PropertiesValue: s.PropertiesValue, Qty: qty,
		BatchID: batch, ProductDate: produced, ExpirationDate: expires,
	}
}

// uploadInnerTransfer handles 仓内调拨.
func (c *Company) uploadInnerTransfer(_ *call, req jushuitan.InnerTransferUpload) answer {
	answered := func(t *transfer) answer { return done(map[string]any{"io_id": t.IOID, "so_id": t.soID}) }
	for _, t := range c.transfers {
		if t.soID == req.SoID && t.inner && t.Type == transferOut {
			return answered(t)
		}
	}
	w, err := c.warehouse(req.WMSCoID)
	switch {
	case err != nil:
		return refuse(codeBadData, "参数 wms_co_id：分仓 %d 不存在或未与主仓关联", req.WMSCoID)
	case !hasSlot(req.Warehouse) || !hasSlot(req.LinkWarehouse):
		return refuse(codeBadData, badSlot)
	case req.Warehouse == req.LinkWarehouse:
		return refuse(codeBadData, "参数 warehouse 与 link_warehouse 相同")
	}
	t := &transfer{soID: req.SoID, inner: true}
	t.Transfer = jushuitan.Transfer{
		IODate: req.IODate, Remark: req.Remark, WMSCoID: w.WMSCoID, LinkWMSCoID: w.WMSCoID, Warehouse: w.Name, LinkWarehouse: w.Name,
		WhID: req.Warehouse, LinkWhID: req.LinkWarehouse, Labels: slices.Clone(req.Labels), LabelList: slices.Clone(req.Labels),
	}
	for i, it := range req.Items {
		if why := c.badLine(it.SKUID, it.Qty); why != "" {
			return refuse(codeBadData, "items[%d]：%s", i, why)
		}
		t.Items = append(t.Items, c.transferItem(it.SKUID, it.Qty, it.BatchID, it.ProducedDate, it.ExpirationDate))
	}
	if req.IsConfirm {
		if why := c.lacks(t.leaving(t.asked())); why != "" {
			return refuse(codeBadData, "%s", why)
		}
	}
	c.begin(t, req.IsConfirm, false)
	return answered(t)
}

// confirmTransfer ships the outgoing document or receives the incoming one; items are the
// actual quantities, and is_force allows negative stock (assumptions).
func (c *Company) confirmTransfer(_ *call, req jushuitan.TransferConfirmRequest) answer {
	t := c.transfer(req.IOID)
	if t == nil {
		return refuse(codeBadData, "调拨单 %d 不存在", req.IOID)
	}
	main := c.mainWarehouse()
	ends := []int64{t.WMSCoID, t.LinkWMSCoID} // the sample names the other end
	switch {
	case req.WMSCoID == 0 && (main == nil || t.WMSCoID != main.WMSCoID):
		return refuse(codeBadData, "分仓调拨单必须传 wms_co_id")
	case req.WMSCoID != 0 && !slices.Contains(ends, req.WMSCoID):
		return refuse(codeBadData, "调拨单 %d 不属于分仓 %d", req.IOID, req.WMSCoID)
	case !t.open():
		return refuse(codeBadData, "调拨单 %d 的状态为 %s，不能确认", req.IOID, t.Status)
	}
	var actual map[string]decimal.Decimal
	for _, it := range req.Items {
		if actual == nil {
			actual = map[string]decimal.Decimal{}
		}
		actual[it.SKUID] = actual[it.SKUID].Add(it.Qty)
	}
	parts, err := divide(t.lines(), actual, t.Type == transferIn)
	if err != nil {
		return refuse(codeBadData, "调拨单 %d：%v", req.IOID, err)
	}
	if t.Type == transferOut && !req.IsForce {
		if why := c.lacks(t.leaving(parts)); why != "" {
			return refuse(codeBadData, "调拨单 %d：%s", req.IOID, why)
		}
	}
	set(&t.Remark, req.Remark)
	if t.Type == transferIn {
		c.receiveTransfer(t, parts)
	} else {
		c.shipTransfer(t, parts)
	}
	return done(nil)
}

func (c *Company) cancelTransfer(_ *call, req jushuitan.TransferCancelRequest) answer {
	t := c.transfer(req.IOID)
	switch {
	case t == nil:
		return refuse(codeBadData, "调拨单 %d 不存在", req.IOID)
	case t.Type != transferOut:
		return refuse(codeBadData, "io_id 应为调拨出单号：%d", t.LinkIOID)
	case t.Status == transferCancelled: // a repeat
	case !t.open():
		return refuse(codeBadData, "调拨单 %d 的状态为 %s，不能取消", req.IOID, t.Status)
	default:
		t.Status, t.Modified = transferCancelled, c.now
	}
	return done(nil)
}

// createDifference settles missing (qty above 0) or excess goods (below 0) with the
// sender's stock (assumption).
func (c *Company) createDifference(_ *call, req jushuitan.TransferCreateDifferenceRequest) answer {
	t := c.transfer(req.IOID)
	switch {
	case t == nil || t.Type != transferIn || t.other == nil:
		return refuse(codeBadData, "调拨入单 %d 不存在", req.IOID)
	case t.open():
		return refuse(codeBadData, "调拨入单 %d 尚未收货", req.IOID)
	}
	parts, sign, bad := t.differences(req.Items)
	if bad != nil {
		return *bad
	}
	out := t.other
	var moves []stockMove
	amounts := make([]decimal.Decimal, len(parts))
	for j, part := range parts {
		moves = append(moves, stockMove{out.WMSCoID, t.Items[j].SKUID, out.WhID, part})
		amounts[j] = part.Abs()
	}
	if why := c.lacks(moves); why != "" {
		return refuse(codeBadData, "%s", why)
	}
	c.putAll(moves)
	for j, part := range parts {
		t.settled[j] = t.settled[j].Add(part)
		c.inTransit(t.WMSCoID, t.Items[j].SKUID, "allocate_qty", part.Neg())
	}
	t.Modified = c.now
	diff := c.newTransfer(t, amounts)
	diff.turned(t)
	diff.SoID, diff.soID = "", "" // not found by the transfer's key
	diff.Type, diff.Status, diff.Remark = transferIn, transferConfirmed, "调拨差异"
	if sign < 0 {
		diff.Type = transferOut
	} else {
		diff.Warehouse, diff.LinkWarehouse = diff.LinkWarehouse, diff.Warehouse
	}
	for j := range diff.Items {
		diff.Items[j].RQty = diff.Items[j].Qty
	}
	return done([]map[string]any{{"io_id": diff.IOID}})
}

// differences distributes the differences of a request among the lines of the incoming
// document. sign is their common direction (assumption).
func (t *transfer) differences(items []jushuitan.TransferCreateDifferenceItem) (parts []decimal.Decimal, sign int, bad *answer) {
	parts = make([]decimal.Decimal, len(t.Items))
	for i, it := range items {
		left := it.Qty
		switch {
		case left.IsZero():
			return nil, 0, refused(codeBadData, "items[%d].qty 不能为0", i)
		case sign != 0 && sign != left.Sign():
			return nil, 0, refused(codeBadData, "items[%d].qty：多收与少收请分开创建", i)
		}
		sign = left.Sign()
		for j, line := range t.Items {
			open := line.Qty.Sub(line.RQty).Sub(t.settled[j]).Sub(parts[j])
			if line.SKUID != it.SKUID || open.Sign() != sign {
				continue
			}
			part := left
			if part.Abs().GreaterThan(open.Abs()) {
				part = open
			}
			parts[j], left = parts[j].Add(part), left.Sub(part)
		}
		if !left.IsZero() {
			return nil, 0, refused(codeBadData, "items[%d]：商品 %s 超出调拨差异", i, it.SKUID)
		}
	}
	return parts, sign, nil
}
