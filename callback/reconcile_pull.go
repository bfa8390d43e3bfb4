package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// errLeft: the caller left the loop.
var errLeft = errors.New("the loop was left")

// How many documents are looked at together: what the queries by number take.
const (
	chunkRows  = 50 // o_ids, as_ids
	chunkSoIDs = 20 // so_ids
)

// keptGiven bounds the memory of documents that were given; beyond it one may be
// given again.
const keptGiven = 50_000

// puller compares one kind of one shop.
type puller struct {
	client   *jushuitan.Client
	journal  Journal
	scope    JournalScope
	begin    time.Time // of the window, as it was asked for
	from, to time.Time // in whole seconds
	since    time.Time // of the journal
	yield    func(*Difference, error) bool
	given    map[string]struct{} // documents whose rows may come again
}

func (p *puller) run(ctx context.Context, job reconcileJob, unexpected bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	since, err := p.journal.Since(ctx, p.scope)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	if p.begin.Before(since) {
		return fmt.Errorf("%w: it knows pushes from %s on, the window begins at %s: begin later / 推送记录不覆盖所选时间段，请推迟开始时间",
			ErrJournal, since.In(wire.CST).Format(time.RFC3339), p.begin.In(wire.CST).Format(time.RFC3339))
	}
	// The ERP's times have no fractions of seconds: what came in the second in which the
	// journal began counts as known to it. At worst it is reported as missed.
	p.since = since.Truncate(time.Second)
	switch job.scope.Method {
	case jushuitan.PushShipment:
		if err := p.shipments(ctx, job.shop); err != nil || !unexpected {
			return err
		}
		return p.phantomShipments(ctx)
	case jushuitan.PushCancel:
		if err := p.cancels(ctx, job.shop); err != nil || !unexpected {
			return err
		}
		return p.phantomCancels(ctx, job.shop)
	case jushuitan.PushGoodsReturned:
		if err := p.goods(ctx, job.shop); err != nil || !unexpected {
			return err
		}
		return p.phantomGoods(ctx)
	}
	return p.stock(ctx, job.stock)
}

// give hands a difference on.
func (p *puller) give(ctx context.Context, d *Difference) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Method, d.EntID, d.StorageCode = p.scope.Method, p.scope.EntID, p.scope.StorageCode
	if !p.yield(d, nil) {
		return errLeft
	}
	return nil
}

// again tells whether a document was met before in this run, and remembers it.
func (p *puller) again(document string) bool {
	if _, met := p.given[document]; met {
		return true
	}
	if len(p.given) < keptGiven {
		p.given[document] = struct{}{}
	}
	return false
}

// find gives the receipts of a document by its ERP number, and those of pushes
// that did not name it by the mall's.
func (p *puller) find(ctx context.Context, documents ...string) ([]Receipt, error) {
	var out []Receipt
	for i, document := range documents {
		if i > 0 && document == documents[0] {
			continue
		}
		found, err := p.journal.Find(ctx, p.scope, document)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrJournal, document, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// inWindow tells whether a time belongs to the window; one that is not told does.
func (p *puller) inWindow(t time.Time) bool {
	return t.IsZero() || !t.Before(p.from) && t.Before(p.to)
}

// chunks hands rows on some at a time; those before an error are handed on first.
func chunks[T any](rows iter.Seq2[T, error], size int, do func([]T) error) error {
	chunk := make([]T, 0, size)
	for row, err := range rows {
		if err != nil {
			if len(chunk) > 0 {
				if failed := do(chunk); failed != nil {
					return failed
				}
			}
			return err
		}
		if chunk = append(chunk, row); len(chunk) == size {
			if err := do(chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	if len(chunk) == 0 {
		return nil
	}
	return do(chunk)
}

// parcel is a row of a pull and what is wrong with it.
type parcel struct {
	row   *jushuitan.Shipment
	lines []ReceiptLine
	known []Receipt // of its order
	diff  *Difference
}

// shipTime asks for rows by ship time: that of a parcel does not change when its
// order does.
const shipTime = int64(3)

func (p *puller) shipments(ctx context.Context, shop int64) error {
	rows := p.client.Logistics.All(ctx, &jushuitan.ShipmentQuery{ShopID: shop, ModifiedBegin: p.from, ModifiedEnd: p.to, DateType: new(shipTime)})
	return chunks(rows, chunkRows, func(rows []*jushuitan.Shipment) error { return p.parcels(ctx, shop, rows) })
}

func (p *puller) parcels(ctx context.Context, shop int64, rows []*jushuitan.Shipment) error {
	var found, open []*parcel
	for _, row := range rows {
		if row.ShopID != shop || !p.inWindow(row.SendDate) {
			continue
		}
		c := &parcel{row: row, lines: parcelLines(row)}
		var err error
		if c.known, err = p.find(ctx, shipmentDocument(row.OID, row.SoID), shipmentDocument(0, row.SoID)); err != nil {
			return err
		}
		same := slices.DeleteFunc(slices.Clone(c.known), func(r Receipt) bool { return r.LID != row.LID })
		switch {
		case slices.ContainsFunc(same, func(r Receipt) bool { return len(c.compare(r)) == 0 }):
			continue
		case len(same) > 0:
			c.diff = &Difference{Kind: Differs, Fields: c.compare(same[len(same)-1])}
		case len(c.known) > 0:
			open = append(open, c) // another parcel of the order, or this one with another waybill
		default:
			c.diff = &Difference{Kind: Missed}
		}
		found = append(found, c)
	}
	if err := p.rewritten(ctx, open); err != nil {
		return err
	}
	if err := p.messages(ctx, found); err != nil {
		return err
	}
	for _, c := range found {
		if err := p.give(ctx, c.diff); err != nil {
			return err
		}
	}
	return nil
}

// compare compares a parcel with a push of it.
func (c *parcel) compare(r Receipt) []FieldDifference {
	var out []FieldDifference
	if r.LID != c.row.LID {
		out = append(out, FieldDifference{Name: "l_id", Pushed: r.LID, Pulled: c.row.LID})
	}
	if r.LCID != "" && c.row.LCID != "" && carrier(r.LCID) != carrier(c.row.LCID) {
		out = append(out, FieldDifference{Name: "lc_id", Pushed: r.LCID, Pulled: c.row.LCID})
	}
	return append(out, differentLines(r.Lines, c.lines)...)
}

func carrier(lcID string) string {
	base, _, _ := strings.Cut(lcID, ".")
	return base
}

func parcelLines(row *jushuitan.Shipment) []ReceiptLine {
	out := make([]ReceiptLine, len(row.Items))
	for i, it := range row.Items {
		out[i] = ReceiptLine{SoID: cmp.Or(it.RawSoID, row.SoID), OuterOIID: it.OuterOIID, SKUID: it.SKUID, Qty: it.Qty}
	}
	return out
}

// rewritten tells, of parcels whose orders have pushes of other waybills only,
// whether those are other parcels, or this one before its waybill was changed: then
// the ERP does not have the pushed waybill any more.
func (p *puller) rewritten(ctx context.Context, open []*parcel) error {
	soIDs := make([]string, 0, len(open))
	for _, c := range open {
		soIDs = append(soIDs, c.row.SoID)
	}
	there, err := p.parcelsOf(ctx, soIDs)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, c := range open {
		c.diff = &Difference{Kind: Missed}
		for _, r := range c.known {
			key := c.row.SoID + "\x00" + r.LID
			live := slices.ContainsFunc(there[c.row.SoID], func(s *jushuitan.Shipment) bool { return s.OID == c.row.OID && s.LID == r.LID })
			if live || used[key] || len(differentLines(r.Lines, c.lines)) > 0 {
				continue
			}
			used[key] = true
			c.diff = &Difference{Kind: Differs, Fields: c.compare(r)}
			break
		}
	}
	return nil
}

// parcelsOf is every parcel of some orders.
func (p *puller) parcelsOf(ctx context.Context, soIDs []string) (map[string][]*jushuitan.Shipment, error) {
	out := map[string][]*jushuitan.Shipment{}
	for part := range slices.Chunk(distinct(soIDs), chunkSoIDs) {
		for row, err := range p.client.Logistics.All(ctx, &jushuitan.ShipmentQuery{SoIDs: part}) {
			if err != nil {
				return nil, err
			}
			out[row.SoID] = append(out[row.SoID], row)
		}
	}
	return out, nil
}

func distinct[T cmp.Ordered](values []T) []T {
	slices.Sort(values)
	var zero T
	return slices.DeleteFunc(slices.Compact(values), func(v T) bool { return v == zero })
}

// messages makes the messages of parcels as the ERP should have pushed them: what
// the parcels do not tell is taken from the outbound documents.
func (p *puller) messages(ctx context.Context, found []*parcel) error {
	var oIDs []string
	for _, c := range found {
		if c.row.OID != 0 {
			oIDs = append(oIDs, strconv.FormatInt(c.row.OID, 10))
		}
	}
	documents := map[int64][]*jushuitan.Outbound{}
	for part := range slices.Chunk(distinct(oIDs), chunkRows) {
		for d, err := range p.client.Outbounds.All(ctx, &jushuitan.OutboundQuery{OIDs: part}) {
			if err != nil {
				return err
			}
			if d.Status != jushuitan.OutboundStatusDelete && d.Status != jushuitan.OutboundStatusCancelled {
				documents[d.OID] = append(documents[d.OID], d)
			}
		}
	}
	for _, c := range found {
		m := parcelMessage(c.row, documents[c.row.OID])
		d := c.diff
		d.SoID, d.OID, d.LID, d.Shipment = m.SoID, m.OID, m.LID, m
	}
	return nil
}

func parcelMessage(row *jushuitan.Shipment, documents []*jushuitan.Outbound) *jushuitan.ShipmentPush {
	m := &jushuitan.ShipmentPush{
		OID: row.OID, SoID: row.SoID, LID: row.LID, LCID: row.LCID, LogisticsCompany: row.LogisticsCompany, SendDate: row.SendDate,
		IsSendAll: len(documents) > 0,
	}
	for _, d := range documents {
		m.IsSendAll = m.IsSendAll && d.Status == jushuitan.OutboundStatusConfirmed
		if holds(d, row.LID) || m.WMSCoID == 0 {
			m.WMSCoID = d.WMSCoID
		}
	}
	for _, it := range row.Items {
		item := jushuitan.ShipmentPushItem{SKUID: it.SKUID, Qty: it.Qty, OuterOIID: it.OuterOIID, SoID: cmp.Or(it.RawSoID, row.SoID)}
		if line := outboundLine(documents, &it); line != nil {
			item.OIID, item.Name = line.OIID, line.Name
		}
		m.Items = append(m.Items, item)
	}
	return m
}

// holds tells whether an outbound document went out with a waybill.
func holds(d *jushuitan.Outbound, lID string) bool {
	return d.LID == lID || slices.ContainsFunc(d.ClusterInfos, func(c jushuitan.OutboundParcel) bool { return c.LID == lID })
}

func outboundLine(documents []*jushuitan.Outbound, it *jushuitan.ShipmentItem) *jushuitan.OutboundItem {
	for _, d := range documents {
		for i := range d.Items {
			if line := &d.Items[i]; line.SKUID == it.SKUID && line.OuterOIID == it.OuterOIID {
				return line
			}
		}
	}
	return nil
}

// phantomShipments finds pushes of parcels that the ERP does not have. One whose
// waybill was changed since is no such push.
func (p *puller) phantomShipments(ctx context.Context) error {
	return chunks(p.journal.Between(ctx, p.scope, p.from, p.to), chunkSoIDs, func(receipts []Receipt) error {
		soIDs := make([]string, len(receipts))
		for i, r := range receipts {
			soIDs[i] = r.SoID
		}
		there, err := p.parcelsOf(ctx, soIDs)
		if err != nil {
			return err
		}
		for _, r := range receipts {
			if r.SoID == "" || slices.ContainsFunc(there[r.SoID], func(s *jushuitan.Shipment) bool {
				return (r.OID == 0 || r.OID == s.OID) && (r.LID == s.LID || len(differentLines(r.Lines, parcelLines(s))) == 0)
			}) || p.again(r.Document+" "+r.LID) {
				continue
			}
			if err := p.give(ctx, &Difference{Kind: Unexpected, SoID: r.SoID, OID: r.OID, LID: r.LID, Fields: []FieldDifference{{Name: "l_id", Pushed: r.LID}}}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *puller) cancels(ctx context.Context, shop int64) error {
	for o, err := range p.client.Orders.All(ctx, &jushuitan.OrderQuery{
		ShopID: &shop, Status: jushuitan.OrderStatusCancelled, ModifiedBegin: p.from, ModifiedEnd: p.to,
	}) {
		if err != nil {
			return err
		}
		if o.ShopID != shop || o.SoID == "" || !cancelled(o) || closedByMall(o) || !p.inWindow(o.Modified) {
			continue
		}
		known, err := p.find(ctx, cancelDocument(o.SoID))
		if err != nil {
			return err
		}
		if len(known) > 0 || p.again(o.SoID) {
			continue
		}
		if err := p.give(ctx, &Difference{Kind: Missed, SoID: o.SoID, OID: o.OID, Cancel: &jushuitan.CancelPush{SoID: o.SoID}}); err != nil {
			return err
		}
	}
	return nil
}

func cancelled(o *jushuitan.Order) bool { return o.Status == jushuitan.OrderStatusCancelled }

// closedByMall tells whether the mall itself said that the order is closed.
func closedByMall(o *jushuitan.Order) bool {
	return o.ShopStatus == jushuitan.ShopStatusTradeClosed || o.ShopStatus == jushuitan.ShopStatusTradeClosedBeforePay
}

// phantomCancels finds pushes of orders no part of which is cancelled.
func (p *puller) phantomCancels(ctx context.Context, shop int64) error {
	return chunks(p.journal.Between(ctx, p.scope, p.from, p.to), chunkSoIDs, func(receipts []Receipt) error {
		soIDs := make([]string, len(receipts))
		for i, r := range receipts {
			soIDs[i] = r.SoID
		}
		if soIDs = distinct(soIDs); len(soIDs) == 0 {
			return nil
		}
		gone, status := map[string]bool{}, map[string]string{}
		for o, err := range p.client.Orders.All(ctx, &jushuitan.OrderQuery{ShopID: &shop, SoIDs: soIDs}) {
			if err != nil {
				return err
			}
			gone[o.SoID] = gone[o.SoID] || cancelled(o)
			status[o.SoID] = o.Status
		}
		for _, r := range receipts {
			if gone[r.SoID] || p.again(r.SoID) {
				continue
			}
			d := &Difference{Kind: Unexpected, SoID: r.SoID, Fields: []FieldDifference{{Name: "status", Pushed: jushuitan.OrderStatusCancelled, Pulled: status[r.SoID]}}}
			if err := p.give(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// returned is an after-sale case and what came in for it, by SKU.
type returned struct {
	asID      int64
	oID       int64
	soID      string
	outerASID string
	remark    string
	there     map[string]decimal.Decimal // by receipts
	pushed    map[string]decimal.Decimal // by pushes
	skip      bool                       // a receipt is not understood, or younger than the window
}

func (p *puller) goods(ctx context.Context, shop int64) error {
	rows := p.client.AfterSales.AllReceived(ctx, &jushuitan.ReturnReceiptQuery{ShopID: shop, ModifiedBegin: p.from, ModifiedEnd: p.to})
	return chunks(rows, chunkRows, func(rows []*jushuitan.ReturnReceipt) error {
		var asIDs []int64
		for _, row := range rows {
			if row.ShopID == shop && p.inWindow(row.Modified) && row.ASID != 0 {
				asIDs = append(asIDs, row.ASID)
			}
		}
		return p.cases(ctx, shop, distinct(asIDs))
	})
}

// cases compares after-sale cases, all receipts of each, since the window may have
// only some of them.
func (p *puller) cases(ctx context.Context, shop int64, asIDs []int64) error {
	if len(asIDs) == 0 {
		return nil
	}
	cases, err := p.received(ctx, asIDs)
	if err != nil {
		return err
	}
	var open []int64
	for _, asID := range asIDs {
		c := cases[asID]
		if c == nil || c.skip {
			continue
		}
		known, err := p.find(ctx, goodsDocument(asID, ""))
		if err != nil {
			return err
		}
		c.pushed = netGoods(known)
		if len(differentSums(c.pushed, c.there)) > 0 {
			open = append(open, asID)
		}
	}
	if len(open) == 0 {
		return nil
	}
	for row, err := range p.client.AfterSales.All(ctx, &jushuitan.AfterSaleQuery{ASIDs: open}) {
		if err != nil {
			return err
		}
		if c := cases[row.ASID]; c != nil {
			c.outerASID, c.remark = row.OuterASID, row.Remark
			c.oID, c.soID = cmp.Or(row.OID, c.oID), cmp.Or(row.SoID, c.soID)
		}
	}
	for _, asID := range open {
		c := cases[asID]
		if c.outerASID != "" {
			known, err := p.find(ctx, goodsDocument(asID, ""), goodsDocument(0, c.outerASID))
			if err != nil {
				return err
			}
			c.pushed = netGoods(known)
		}
		d := c.difference(shop)
		if d == nil || p.again(goodsDocument(asID, "")) {
			continue
		}
		if err := p.give(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// received adds up the receipts of cases.
func (p *puller) received(ctx context.Context, asIDs []int64) (map[int64]*returned, error) {
	out := map[int64]*returned{}
	for row, err := range p.client.AfterSales.AllReceived(ctx, &jushuitan.ReturnReceiptQuery{ASIDs: asIDs}) {
		if err != nil {
			return nil, err
		}
		c := out[row.ASID]
		if c == nil {
			c = &returned{asID: row.ASID, oID: row.OID, soID: row.SoID, there: map[string]decimal.Decimal{}}
			out[row.ASID] = c
		}
		switch row.Status {
		case jushuitan.OutboundStatusConfirmed:
			if row.IODate.IsZero() || !row.IODate.Before(p.since) { // else the journal cannot know
				for _, it := range row.Items {
					c.there[it.SKUID] = c.there[it.SKUID].Add(it.Qty)
				}
			}
		case jushuitan.OutboundStatusWaitConfirm, jushuitan.OutboundStatusCancelled, jushuitan.OutboundStatusDelete:
		default:
			c.skip = true
		}
		c.skip = c.skip || !row.Modified.Before(p.to) // a later window has it, and its push may be on its way
	}
	return out, nil
}

// netGoods is what came in by pushes, less what was undone, never less than none.
func netGoods(receipts []Receipt) map[string]decimal.Decimal {
	net := map[string]decimal.Decimal{}
	slices.SortStableFunc(receipts, func(a, b Receipt) int { return a.At.Compare(b.At) })
	for _, r := range receipts {
		switch {
		case r.Action == jushuitan.GoodsReceived:
			for _, l := range r.Lines {
				net[l.SKUID] = net[l.SKUID].Add(l.Qty)
			}
		case r.Action == jushuitan.GoodsRevoked && len(r.Lines) == 0:
			clear(net)
		case r.Action == jushuitan.GoodsRevoked:
			for _, l := range r.Lines {
				net[l.SKUID] = decimal.Max(decimal.Zero, net[l.SKUID].Sub(l.Qty))
			}
		}
	}
	return net
}

// difference is what is wrong with a case, or nil.
func (c *returned) difference(shop int64) *Difference {
	fields := differentSums(c.pushed, c.there)
	if len(fields) == 0 {
		return nil
	}
	missing, surplus := lacking(c.pushed, c.there), lacking(c.there, c.pushed)
	d := &Difference{Kind: Differs, SoID: c.soID, OID: c.oID, ASID: c.asID, OuterASID: c.outerASID, Fields: fields}
	if len(missing) > 0 && len(surplus) > 0 {
		return d // no message says this
	}
	if !some(c.pushed) || !some(c.there) { // nothing had been told, or all was undone
		d.Kind, d.Fields = Missed, nil
	}
	d.GoodsReturned = &jushuitan.GoodsReturnedPush{
		OID: c.oID, ASID: c.asID, SoID: c.soID, OuterASID: c.outerASID, ShopID: shop, Remark: c.remark,
		Action: jushuitan.GoodsReceived, Items: missing,
	}
	if len(surplus) > 0 {
		d.GoodsReturned.Action, d.GoodsReturned.Items = jushuitan.GoodsRevoked, surplus
	}
	return d
}

func some(sums map[string]decimal.Decimal) bool {
	for _, qty := range sums {
		if !qty.IsZero() {
			return true
		}
	}
	return false
}

// lacking is what has lacks of want, by SKU.
func lacking(has, want map[string]decimal.Decimal) []jushuitan.GoodsReturnedPushItem {
	var out []jushuitan.GoodsReturnedPushItem
	for sku, qty := range want {
		if lack := qty.Sub(has[sku]); lack.IsPositive() {
			out = append(out, jushuitan.GoodsReturnedPushItem{SKUID: sku, Qty: lack})
		}
	}
	slices.SortFunc(out, func(a, b jushuitan.GoodsReturnedPushItem) int { return cmp.Compare(a.SKUID, b.SKUID) })
	return out
}

// phantomGoods finds pushes of cases for which nothing was ever received.
func (p *puller) phantomGoods(ctx context.Context) error {
	return chunks(p.journal.Between(ctx, p.scope, p.from, p.to), chunkRows, func(receipts []Receipt) error {
		var asIDs []int64
		for _, r := range receipts {
			asIDs = append(asIDs, r.ASID)
		}
		if asIDs = distinct(asIDs); len(asIDs) == 0 {
			return nil
		}
		cases, err := p.received(ctx, asIDs)
		if err != nil {
			return err
		}
		for _, r := range receipts {
			if r.ASID == 0 || cases[r.ASID] != nil || p.again(r.Document) {
				continue
			}
			d := &Difference{
				Kind: Unexpected, SoID: r.SoID, OID: r.OID, ASID: r.ASID, OuterASID: r.OuterASID,
				Fields: []FieldDifference{{Name: "action_name", Pushed: string(r.Action)}},
			}
			if err := p.give(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *puller) stock(ctx context.Context, s *ReconcileStock) error {
	for row, err := range p.client.Inventory.All(ctx, &jushuitan.InventoryQuery{WMSCoID: s.WMSCoID, ModifiedBegin: p.from, ModifiedEnd: p.to}) {
		if err != nil {
			return err
		}
		if row.SKUID == "" || !p.inWindow(row.Modified) {
			continue
		}
		qty, ok := s.Figure(row)
		if !ok {
			continue
		}
		known, err := p.find(ctx, stockDocument(row.SKUID, ""))
		if err != nil {
			return err
		}
		if d := stockDifference(s, row, qty, known); d != nil {
			if err := p.give(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// stockDifference compares a row with the last push of its SKU.
func stockDifference(s *ReconcileStock, row *jushuitan.InventoryRow, qty decimal.Decimal, known []Receipt) *Difference {
	d := &Difference{Kind: Missed, SKUID: row.SKUID}
	message := jushuitan.StockPushRow{ShopID: s.ShopID, SKUID: row.SKUID, IID: row.IID, Qty: qty, Modified: row.Modified}
	var last *Receipt
	for i := range known {
		if r := &known[i]; last == nil || laterStock(*r, *last) {
			last = r
		}
	}
	if last != nil {
		if last.Figure.Equal(qty) {
			return nil
		}
		// A push that is not older than the row, or does not tell, was of this figure.
		told := last.Modified
		if told.IsZero() {
			told = last.At
		}
		if !told.Before(row.Modified) {
			d.Kind = Differs
			d.Fields = []FieldDifference{{Name: "qty", Pushed: last.Figure.String(), Pulled: qty.String()}}
		}
		message.ShopSKUID = last.ShopSKUID
	}
	d.Stock = &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{message}}
	return d
}
