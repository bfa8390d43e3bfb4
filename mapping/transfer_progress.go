package mapping

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TransferState 调拨进度 is the progress of a transfer. The states are defined by this
// package. The zero value is TransferUnknown, which permits nothing.
type TransferState string

// The states.
const (
	TransferUnknown   TransferState = ""           // 未知: an undocumented status; have a person decide
	TransferWaiting   TransferState = "waiting"    // 待出库
	TransferInTransit TransferState = "in transit" // 在途: shipped, not received
	TransferReceived  TransferState = "received"   // 已收货
	TransferCancelled TransferState = "cancelled"  // 已取消
)

// Label returns the state in Chinese.
func (s TransferState) Label() string {
	switch s {
	case TransferWaiting:
		return "待出库"
	case TransferInTransit:
		return "在途"
	case TransferReceived:
		return "已收货"
	case TransferCancelled:
		return "已取消"
	}
	return "未知"
}

// The types of a transfer's documents.
const (
	transferOut = "调拨出"
	transferIn  = "调拨入"
)

// TransferProgress is a transfer updated from Jushuitan's documents.
type TransferProgress struct {
	// Transfer has the quantities that were shipped and received so far. SKUs that were
	// not requested are additional lines at the end, with a Qty of zero.
	Transfer dianjia.Transfer
	State    TransferState
	OutIOID  int64   // 调拨出 or 其它出库, zero if there is none
	InIOID   int64   // 调拨入 or 其它退货: the first by number, zero if there is none
	InIOIDs  []int64 // 调拨入: all that are not cancelled, ascending
	// Unclear 状态未知 lists the documents that make State TransferUnknown, with their status,
	// such as "调拨入 io_id 7: Foo". The status is undocumented, or it is Cancelled and no other
	// document receives the goods, or a line of a confirmed document does not state how much it was.
	Unclear []string

	// The carrier according to the documents; empty if nobody entered it. An upload can set it
	// only for an other-out or other-in. [Carriers.FromJushuitan] finds DianJia's carrier.
	LCID             string // 物流公司编码
	LogisticsCompany string // 物流公司
	LID              string // 物流单号

	in []*jushuitan.Transfer // the incoming documents
}

// TransferProgressOf combines a transfer with its documents in Jushuitan: rows of
// client.Transfers.Query with the transfer's number in so_ids. ioID is the number that
// the upload returned. Rows of other transfers, including difference documents, are
// ignored. The transfer is not modified.
//
// There may be several incoming documents: their quantities are added up, and cancelled
// ones are ignored; if all are cancelled, the state is unknown. The shipped quantity is the
// r_qty of the outgoing document, or the qty of the incoming ones if that is more. The
// received quantity is the r_qty of the confirmed incoming ones; the transfer is received when
// all of them are confirmed. The order of the rows has no effect; if a document occurs twice,
// the row modified later counts. The sources call r_qty 实际数量 without further explanation.
func TransferProgressOf(t *dianjia.Transfer, ioID int64, docs []jushuitan.Transfer) (TransferProgress, error) {
	p := TransferProgress{Transfer: *t}
	out, in := transferDocs(ioID, docs)
	if out == nil {
		p.Transfer.Items = slices.Clone(t.Items)
		return p, transferError(t, "", "", fmt.Sprintf("the outgoing document %d is not among the rows: query the transfer again by its number (so_ids)"+
			" / 查询结果中没有调拨出单 %[1]d，请按调拨单号（so_ids）重新查询", ioID))
	}
	p.OutIOID, p.State = out.IOID, transferOutState(out.Status)
	p.LCID, p.LogisticsCompany, p.LID = out.LCID, out.LogisticsCompany, out.LID
	if p.State == TransferUnknown {
		p.unclear(transferOut, out)
	}
	var shipped, announced, received []transferQty
	if p.State == TransferInTransit {
		for _, it := range out.Items {
			shipped = addQty(shipped, it.SKUID, it.RQty)
		}
		announced, received = p.incoming(in)
		p.actual(transferOut, out)
	}
	for _, q := range announced {
		if i := slices.IndexFunc(shipped, func(s transferQty) bool { return s.sku == q.sku }); i < 0 {
			shipped = append(shipped, q)
		} else {
			shipped[i].qty = decimal.Max(shipped[i].qty, q.qty)
		}
	}
	p.Transfer.Items = withActual(t.Items, shipped, received)
	return p, nil
}

// transferDocs returns the documents of a transfer, the incoming ones by number, each once.
func transferDocs(ioID int64, docs []jushuitan.Transfer) (out *jushuitan.Transfer, in []*jushuitan.Transfer) {
	for i := range docs {
		d := &docs[i]
		switch {
		case d.Type == transferOut && d.IOID == ioID:
			out = laterTransfer(out, d)
		case d.Type == transferIn && d.LinkIOID == ioID:
			if j := slices.IndexFunc(in, func(o *jushuitan.Transfer) bool { return o.IOID == d.IOID }); j >= 0 {
				in[j] = laterTransfer(in[j], d)
			} else {
				in = append(in, d)
			}
		}
	}
	slices.SortFunc(in, func(a, b *jushuitan.Transfer) int { return cmp.Compare(a.IOID, b.IOID) })
	return out, in
}

// laterTransfer returns the row of a document that was modified later.
func laterTransfer(a, b *jushuitan.Transfer) *jushuitan.Transfer {
	if a == nil || cmp.Or(b.Modified.Compare(a.Modified), cmp.Compare(b.Status, a.Status)) > 0 {
		return b
	}
	return a
}

// incoming adds up the incoming documents of a transfer in transit and sets its state.
func (p *TransferProgress) incoming(in []*jushuitan.Transfer) (announced, received []transferQty) {
	done := 0
	for _, d := range in {
		state := transferOutState(d.Status)
		switch state {
		case TransferCancelled:
			if len(in) > 1 {
				continue
			}
			p.unclear(transferIn, d) // the goods were shipped, but no document receives them
		case TransferUnknown:
			p.unclear(transferIn, d)
		case TransferInTransit: // confirmed: received
			done++
		}
		if p.InIOIDs = append(p.InIOIDs, d.IOID); p.InIOID == 0 {
			p.InIOID = d.IOID
		}
		p.in = append(p.in, d)
		if p.LCID+p.LogisticsCompany+p.LID == "" {
			p.LCID, p.LogisticsCompany, p.LID = d.LCID, d.LogisticsCompany, d.LID
		}
		for _, it := range d.Items {
			announced = addQty(announced, it.SKUID, it.Qty)
			if state == TransferInTransit {
				received = addQty(received, it.SKUID, it.RQty)
			}
		}
	}
	defer func() {
		for _, d := range p.in {
			p.actual(transferIn, d)
		}
	}()
	switch {
	case len(in) > 0 && len(p.InIOIDs) == 0: // several, all cancelled
		p.unclear(transferIn, in[0])
	case done > 0 && done == len(p.InIOIDs):
		p.State = TransferReceived
	}
	return announced, received
}

// unclear records a document whose status is undocumented.
func (p *TransferProgress) unclear(kind string, d *jushuitan.Transfer) {
	p.State = TransferUnknown
	p.Unclear = append(p.Unclear, fmt.Sprintf("%s io_id %d: %q", kind, d.IOID, d.Status))
}

// actual checks that a confirmed document states the actual quantity of each line: unknown is not
// zero, which would be a difference of all of it.
func (p *TransferProgress) actual(kind string, d *jushuitan.Transfer) {
	if transferOutState(d.Status) != TransferInTransit {
		return
	}
	for _, it := range d.Items {
		if it.RQty == (decimal.Decimal{}) {
			p.State = TransferUnknown
			p.Unclear = append(p.Unclear, fmt.Sprintf("%s io_id %d: r_qty of %q", kind, d.IOID, it.SKUID))
		}
	}
}

func transferOutState(status string) TransferState {
	switch status {
	case "Creating", "Confirming", "Picking", "OuterConfirming", "WaitConfirm":
		return TransferWaiting
	case "Confirmed", "Archive":
		return TransferInTransit
	case "Cancelled", "Delete":
		return TransferCancelled
	}
	return TransferUnknown
}

// OtherOutProgressOf combines a transfer with its other-out (其它出库) in Jushuitan:
// the document's quantities count as shipped once it is Confirmed. Only DianJia knows
// what was received, which stays as in the transfer. The transfer is not modified.
func OtherOutProgressOf(t *dianjia.Transfer, doc *jushuitan.OtherInOut) TransferProgress {
	p := TransferProgress{
		Transfer: *t, OutIOID: doc.IOID, State: otherState(doc.Status, TransferInTransit),
		LCID: doc.LCID, LogisticsCompany: doc.LogisticsCompany, LID: doc.LID,
	}
	p.otherUnclear("其它出库", doc)
	p.Transfer.Items = slices.Clone(t.Items)
	if p.State == TransferInTransit {
		p.Transfer.Items = withActual(t.Items, otherQty(doc), transferColumn(t, func(it dianjia.TransferItem) decimal.Decimal { return it.Received }))
	}
	return p
}

// OtherInProgressOf combines a transfer with its other-in (其它退货) in Jushuitan: the
// document's quantities count as received once it is Confirmed, and until then the
// transfer is in transit. Only DianJia knows what was shipped, which stays as in the
// transfer. The transfer is not modified.
func OtherInProgressOf(t *dianjia.Transfer, doc *jushuitan.OtherInOut) TransferProgress {
	p := TransferProgress{
		Transfer: *t, InIOID: doc.IOID, State: otherState(doc.Status, TransferReceived),
		LCID: doc.LCID, LogisticsCompany: doc.LogisticsCompany, LID: doc.LID,
	}
	if p.State == TransferWaiting {
		p.State = TransferInTransit
	}
	p.otherUnclear("其它退货", doc)
	p.Transfer.Items = slices.Clone(t.Items)
	if p.State == TransferReceived {
		p.Transfer.Items = withActual(t.Items, transferColumn(t, func(it dianjia.TransferItem) decimal.Decimal { return it.Shipped }), otherQty(doc))
	}
	return p
}

// otherUnclear records an undocumented status, and lines of a confirmed document without a quantity.
func (p *TransferProgress) otherUnclear(kind string, doc *jushuitan.OtherInOut) {
	if p.State == TransferUnknown {
		p.Unclear = append(p.Unclear, fmt.Sprintf("%s io_id %d: %q", kind, doc.IOID, doc.Status))
		return
	}
	for _, it := range doc.Items {
		if doc.Status == "Confirmed" && it.Qty == (decimal.Decimal{}) {
			p.State = TransferUnknown
			p.Unclear = append(p.Unclear, fmt.Sprintf("%s io_id %d: qty of %q", kind, doc.IOID, it.SKUID))
		}
	}
}

func otherState(status string, done TransferState) TransferState {
	switch status {
	case "WaitConfirm", "OuterConfirming":
		return TransferWaiting
	case "Confirmed":
		return done
	case "Cancelled", "Delete":
		return TransferCancelled
	}
	return TransferUnknown
}

func otherQty(doc *jushuitan.OtherInOut) (out []transferQty) {
	for _, it := range doc.Items {
		out = addQty(out, it.SKUID, it.Qty)
	}
	return out
}

func transferColumn(t *dianjia.Transfer, of func(dianjia.TransferItem) decimal.Decimal) (out []transferQty) {
	for _, it := range t.Items {
		out = addQty(out, it.SKUCode, of(it))
	}
	return out
}

// withActual copies the lines of a transfer with actual quantities. Of several lines of
// a SKU each receives up to its requested quantity, and the last one the rest.
func withActual(items []dianjia.TransferItem, shipped, received []transferQty) []dianjia.TransferItem {
	out := slices.Clone(items)
	last := map[string]int{}
	for i := range out {
		last[out[i].SKUCode] = i
		out[i].Shipped, out[i].Received = decimal.Decimal{}, decimal.Decimal{}
	}
	spread := func(all []transferQty, cell func(*dianjia.TransferItem) *decimal.Decimal, limit func(*dianjia.TransferItem) decimal.Decimal) {
		for _, q := range all {
			if _, asked := last[q.sku]; !asked {
				if q.qty.IsZero() {
					continue
				}
				last[q.sku] = len(out)
				out = append(out, dianjia.TransferItem{SKUCode: q.sku})
			}
			left := q.qty
			for i := range out {
				if out[i].SKUCode != q.sku {
					continue
				}
				part := left
				if i != last[q.sku] {
					part = decimal.Min(left, limit(&out[i]))
				}
				*cell(&out[i]) = part
				left = left.Sub(part)
			}
		}
	}
	spread(shipped,
		func(it *dianjia.TransferItem) *decimal.Decimal { return &it.Shipped },
		func(it *dianjia.TransferItem) decimal.Decimal { return it.Qty })
	spread(received,
		func(it *dianjia.TransferItem) *decimal.Decimal { return &it.Received },
		func(it *dianjia.TransferItem) decimal.Decimal { return it.Shipped })
	return out
}

// TransferDifference 调拨差异 is a SKU whose shipped or received quantity differs from
// the expected one.
type TransferDifference struct {
	SKUCode                  string // 商品编码
	Asked, Shipped, Received decimal.Decimal
	// NotShipped 少发 is the requested quantity that was not shipped and is still in place. If
	// negative, more was shipped.
	NotShipped decimal.Decimal
	// NotReceived 少收 is the shipped quantity that was not received: it stays in transit
	// until the difference is settled. If negative, more was received (多收). It is zero
	// until something is received.
	NotReceived decimal.Decimal
}

// Differences returns the SKUs with a difference so far, in the order of the lines.
// Pending steps are not differences: before the goods are shipped there are none, and
// before they are received only those of shipping. If one end exists only in DianJia
// (such as the receipt of an other-out), set Transfer and State first.
func (p *TransferProgress) Differences() []TransferDifference {
	if p.State != TransferInTransit && p.State != TransferReceived {
		return nil
	}
	var out []TransferDifference
	for _, it := range p.Transfer.Items {
		i := slices.IndexFunc(out, func(d TransferDifference) bool { return d.SKUCode == it.SKUCode })
		if i < 0 {
			i = len(out)
			out = append(out, TransferDifference{SKUCode: it.SKUCode})
		}
		d := &out[i]
		d.Asked, d.Shipped, d.Received = d.Asked.Add(it.Qty), d.Shipped.Add(it.Shipped), d.Received.Add(it.Received)
	}
	for i := range out {
		d := &out[i]
		d.NotShipped = d.Asked.Sub(d.Shipped)
		if p.State == TransferReceived {
			d.NotReceived = d.Shipped.Sub(d.Received)
		}
	}
	return slices.DeleteFunc(out, func(d TransferDifference) bool { return d.NotShipped.IsZero() && d.NotReceived.IsZero() })
}

// DifferenceRule 差异处理规则 is a rule that decides about a difference.
type DifferenceRule string

// The rules.
const (
	RuleAskAgain           DifferenceRule = "ask_again"           // 补发: what was not shipped goes into a new transfer, see Remaining
	RuleStaysWithSender    DifferenceRule = "stays_with_sender"   // 不再补发: between stores, what was not shipped stays
	RuleOverShipped        DifferenceRule = "over_shipped"        // 超发: more was shipped than requested
	RuleDifferenceDocument DifferenceRule = "difference_document" // 调拨差异单: settled in Jushuitan, see DifferenceRequests
	RuleLossInTransit      DifferenceRule = "loss_in_transit"     // 在途损耗: Jushuitan has only one end, so the loss is claimed from the carrier
	RuleSenderCorrected    DifferenceRule = "sender_corrected"    // 更正发货方库存: more was received than the sender recorded
)

// Rules returns the rules that decide about a difference of the transfer, first about what was
// not shipped, then about what was not received.
func (p *TransferProgress) Rules(d TransferDifference) (rules []DifferenceRule) {
	switch {
	case d.NotShipped.IsPositive() && p.Transfer.Kind == dianjia.TransferBetweenStores:
		rules = append(rules, RuleStaysWithSender)
	case d.NotShipped.IsPositive():
		rules = append(rules, RuleAskAgain)
	case d.NotShipped.IsNegative():
		rules = append(rules, RuleOverShipped)
	}
	switch {
	case d.NotReceived.IsZero():
	case p.OutIOID != 0 && p.InIOID != 0:
		rules = append(rules, RuleDifferenceDocument)
	case d.NotReceived.IsPositive():
		rules = append(rules, RuleLossInTransit)
	default:
		rules = append(rules, RuleSenderCorrected)
	}
	return rules
}

// maxDifferenceItems is the maximum number of lines of a difference document.
const maxDifferenceItems = 100

// DifferenceRequests returns the requests of client.Transfers.CreateDifference
// (创建调拨差异单) that settle what was not received and, in separate documents with
// negative quantities, what was received in excess. Send each only once: the call is
// not idempotent. That the sign states the direction is inferred: the sources show a
// missing piece as 1. There are none before the goods are received or without an
// incoming document. With several incoming documents each has its own, which needs their rows: a
// progress that went through JSON has lost them, and none is returned; read it again.
func (p *TransferProgress) DifferenceRequests() []*jushuitan.TransferCreateDifferenceRequest {
	if p.InIOID == 0 || p.OutIOID == 0 {
		return nil
	}
	var out []*jushuitan.TransferCreateDifferenceRequest
	settle := func(ioID int64, differences []TransferDifference) {
		var missing, surplus []jushuitan.TransferCreateDifferenceItem
		for _, d := range differences {
			item := jushuitan.TransferCreateDifferenceItem{SKUID: d.SKUCode, Qty: d.NotReceived}
			switch d.NotReceived.Sign() {
			case 1:
				missing = append(missing, item)
			case -1:
				surplus = append(surplus, item)
			}
		}
		for _, items := range [][]jushuitan.TransferCreateDifferenceItem{missing, surplus} {
			for part := range slices.Chunk(items, maxDifferenceItems) {
				out = append(out, &jushuitan.TransferCreateDifferenceRequest{IOID: ioID, Items: part})
			}
		}
	}
	switch {
	case len(p.InIOIDs) > 1 && len(p.in) == 0: // which of them differs is unknown
		return nil
	case len(p.in) < 2 || p.State != TransferReceived:
		settle(p.InIOID, p.Differences())
		return out
	}
	for _, d := range p.in { // each document has its own
		var own []TransferDifference
		for _, it := range d.Items {
			own = append(own, TransferDifference{SKUCode: it.SKUID, NotReceived: it.Qty.Sub(it.RQty)})
		}
		settle(d.IOID, own)
	}
	return out
}

// Remaining returns a new transfer of what was requested but not shipped, for a second
// attempt under the first number with a suffix such as -2. ok is false if nothing is
// missing.
func (p *TransferProgress) Remaining(suffix int) (rest dianjia.Transfer, ok bool) {
	rest = p.Transfer
	rest.TransferNo += "-" + strconv.Itoa(suffix)
	rest.Items = nil
	for _, d := range p.Differences() {
		if d.NotShipped.IsPositive() {
			rest.Items = append(rest.Items, dianjia.TransferItem{SKUCode: d.SKUCode, Qty: d.NotShipped})
		}
	}
	return rest, len(rest.Items) > 0
}

// Format prints the progress for people, without personal data.
func (p TransferProgress) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the progress for slog, without personal data.
func (p TransferProgress) LogValue() slog.Value { return redact.LogValue(p) }
