package mapping

import (
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
	TransferUnknown   TransferState = ""           // 未知: a status that is not documented; ask, do not act
	TransferWaiting   TransferState = "waiting"    // 待出库
	TransferInTransit TransferState = "in transit" // 在途: shipped, not received
	TransferReceived  TransferState = "received"   // 已收货
	TransferCancelled TransferState = "cancelled"  // 已取消
)

// Label is the state in Chinese.
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
	// Transfer has the quantities that were shipped and received so far. SKUs that
	// nobody asked for are lines of their own at the end, with a Qty of zero.
	Transfer dianjia.Transfer
	State    TransferState
	OutIOID  int64 // 调拨出 or 其它出库, zero where there is none
	InIOID   int64 // 调拨入 or 其它退货, zero where there is none

	// How the goods travel, as the documents have it; empty where nobody entered it. No
	// upload of a transfer takes these, one of an other-out or other-in does.
	// [Carriers.FromJushuitan] finds DianJia's carrier.
	LCID             string // 物流公司编码
	LogisticsCompany string // 物流公司
	LID              string // 物流单号
}

// ReadTransfer puts together a transfer and its documents in Jushuitan: rows of
// client.Transfers.Query with the transfer's number in so_ids. ioID is the number that
// the upload gave. Rows of other transfers, difference documents among them, are passed
// over. The transfer is not changed.
//
// The incoming document's qty is taken for what was shipped and its r_qty for what was
// received; before there is one, the outgoing document's r_qty is what was shipped. The
// sources name r_qty 实际数量 and say no more.
func ReadTransfer(t *dianjia.Transfer, ioID int64, docs []jushuitan.Transfer) (TransferProgress, error) {
	p := TransferProgress{Transfer: *t}
	var out, in *jushuitan.Transfer
	for i := range docs {
		d := &docs[i]
		switch {
		case d.Type == transferOut && d.IOID == ioID:
			out = d
		case d.Type == transferIn && d.LinkIOID == ioID:
			in = d
		}
	}
	if out == nil {
		p.Transfer.Items = slices.Clone(t.Items)
		return p, transferError(t, "", "", fmt.Sprintf("its outgoing document %d is not among the rows / 未找到调拨出单 %d", ioID, ioID))
	}
	p.OutIOID, p.State = out.IOID, transferOutState(out.Status)
	p.LCID, p.LogisticsCompany, p.LID = out.LCID, out.LogisticsCompany, out.LID
	var shipped, received []transferQty
	if p.State == TransferInTransit {
		for _, it := range out.Items {
			shipped = addQty(shipped, it.SKUID, it.RQty)
		}
	}
	if in != nil && p.LCID+p.LogisticsCompany+p.LID == "" {
		p.LCID, p.LogisticsCompany, p.LID = in.LCID, in.LogisticsCompany, in.LID
	}
	if in != nil && p.State == TransferInTransit {
		p.InIOID, p.State = in.IOID, transferInState(in.Status)
		shipped = nil
		for _, it := range in.Items {
			shipped = addQty(shipped, it.SKUID, it.Qty)
			if p.State == TransferReceived {
				received = addQty(received, it.SKUID, it.RQty)
			}
		}
	}
	p.Transfer.Items = withActual(t.Items, shipped, received)
	return p, nil
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

func transferInState(status string) TransferState {
	switch transferOutState(status) {
	case TransferWaiting:
		return TransferInTransit
	case TransferInTransit:
		return TransferReceived
	}
	return TransferUnknown // in transit, and the receiver's document was cancelled
}

// ReadOtherOut puts together a transfer and the other-out (其它出库) that it is in
// Jushuitan: the document's quantities are what was shipped once it is Confirmed. What
// is received only DianJia knows: it stays as it is in the transfer, which is not
// changed.
func ReadOtherOut(t *dianjia.Transfer, doc *jushuitan.OtherInOut) TransferProgress {
	p := TransferProgress{
		Transfer: *t, OutIOID: doc.IOID, State: otherState(doc.Status, TransferInTransit),
		LCID: doc.LCID, LogisticsCompany: doc.LogisticsCompany, LID: doc.LID,
	}
	p.Transfer.Items = slices.Clone(t.Items)
	if p.State == TransferInTransit {
		p.Transfer.Items = withActual(t.Items, otherQty(doc), transferColumn(t, func(it dianjia.TransferItem) decimal.Decimal { return it.Received }))
	}
	return p
}

// ReadOtherIn puts together a transfer and the other-in (其它退货) that it is in
// Jushuitan: the document's quantities are what was received once it is Confirmed. What
// was shipped only DianJia knows: it stays as it is in the transfer, which is not
// changed. Until then it is in transit.
func ReadOtherIn(t *dianjia.Transfer, doc *jushuitan.OtherInOut) TransferProgress {
	p := TransferProgress{
		Transfer: *t, InIOID: doc.IOID, State: otherState(doc.Status, TransferReceived),
		LCID: doc.LCID, LogisticsCompany: doc.LogisticsCompany, LID: doc.LID,
	}
	if p.State == TransferWaiting {
		p.State = TransferInTransit
	}
	p.Transfer.Items = slices.Clone(t.Items)
	if p.State == TransferReceived {
		p.Transfer.Items = withActual(t.Items, transferColumn(t, func(it dianjia.TransferItem) decimal.Decimal { return it.Shipped }), otherQty(doc))
	}
	return p
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

// withActual copies the lines of a transfer with real quantities. Of several lines of a
// SKU each gets up to what it asked for, and the last of them the rest.
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

// TransferDifference 调拨差异 is a SKU of which another quantity went or came than was
// to.
type TransferDifference struct {
	SKUCode                  string // 商品编码
	Asked, Shipped, Received decimal.Decimal
	// NotShipped 少发 is what was asked for and not shipped: it is still where it was. Below
	// zero, more was shipped.
	NotShipped decimal.Decimal
	// NotReceived 少收 is what was shipped and not received: it is in transit until
	// somebody decides where it went. Below zero, more came (多收). It is zero as long as
	// nothing is received.
	NotReceived decimal.Decimal
}

// Differences are the SKUs with a difference so far, in the order of the lines. Nothing
// that is only not done yet is a difference: before the goods are shipped there is none,
// before they are received only of what was shipped. Where one end is DianJia's own (an
// other-out's receipt), set Transfer and State first.
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

// maxDifferenceItems is how many lines a difference document takes.
const maxDifferenceItems = 100

// DifferenceDocuments are the requests of client.Transfers.CreateDifference (创建调拨差异单)
// that settle what was not received, and in documents of their own what came too much,
// with quantities below zero. Nothing may be settled twice: the call has no key. That
// the sign says which way it goes is inferred; the sources show a missing piece as 1.
// There are none before the goods are received, and none without an incoming document.
func (p *TransferProgress) DifferenceDocuments() []*jushuitan.TransferCreateDifferenceRequest {
	if p.InIOID == 0 || p.OutIOID == 0 {
		return nil
	}
	var missing, surplus []jushuitan.TransferCreateDifferenceItem
	for _, d := range p.Differences() {
		item := jushuitan.TransferCreateDifferenceItem{SKUID: d.SKUCode, Qty: d.NotReceived}
		switch d.NotReceived.Sign() {
		case 1:
			missing = append(missing, item)
		case -1:
			surplus = append(surplus, item)
		}
	}
	var out []*jushuitan.TransferCreateDifferenceRequest
	for _, items := range [][]jushuitan.TransferCreateDifferenceItem{missing, surplus} {
		for part := range slices.Chunk(items, maxDifferenceItems) {
			out = append(out, &jushuitan.TransferCreateDifferenceRequest{IOID: p.InIOID, Items: part})
		}
	}
	return out
}

// Remaining is a new transfer of what was asked for and not shipped, for a second try
// under the number of the first and a suffix such as -2. ok is false where nothing is
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
