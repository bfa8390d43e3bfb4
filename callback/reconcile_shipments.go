package callback

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// shipmentComparer compares parcels (发货信息) with shipment pushes.
type shipmentComparer struct {
	*puller
	shop int64
}

// parcel is a queried row and its difference.
type parcel struct {
	row   *jushuitan.Shipment
	lines []JournalLine
	known []JournalEntry // of its order
	diff  *Difference
}

// The times that a query of parcels can filter by. The ship time does not change when the
// order is modified, so that a window has every parcel that was shipped in it; by modified
// it also has those whose waybill, carrier or lines were corrected later.
const (
	byModified = int64(0)
	byShipTime = int64(3)
)

// compare finds parcels without a push, or whose last one differs.
func (p *shipmentComparer) compare(ctx context.Context) error {
	for _, by := range []int64{byShipTime, byModified} {
		rows := listed(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Shipment, error] {
			return c.Logistics.All(ctx, &jushuitan.ShipmentQuery{ShopID: p.shop, ModifiedBegin: p.from, ModifiedEnd: p.to, DateType: &by})
		})
		err := chunks(rows, chunkRows, func(rows []*jushuitan.Shipment) error {
			rows = slices.DeleteFunc(rows, func(row *jushuitan.Shipment) bool {
				return row.ShopID != p.shop || by == byShipTime && !p.inWindow(row.SendDate) || by == byModified && !row.SendDate.Before(p.from)
			})
			return separately(p.puller, rows, func(rows []*jushuitan.Shipment) error { return p.parcels(ctx, rows) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *shipmentComparer) parcels(ctx context.Context, rows []*jushuitan.Shipment) error {
	var found []*parcel
	var unsure []string // the orders whose other parcels have to be known
	for _, row := range rows {
		c := &parcel{row: row, lines: parcelLines(row)}
		known, err := p.find(ctx, shipmentDocument(row.OID, row.SoID), shipmentDocument(0, row.SoID))
		if err != nil {
			return err
		}
		if c.known = slices.DeleteFunc(known, func(r JournalEntry) bool { return !c.speaks(r) }); !c.clear() {
			unsure = append(unsure, row.SoID)
		}
		found = append(found, c)
	}
	there, err := p.parcelsOf(ctx, unsure)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, c := range found {
		c.decide(there[c.row.SoID], used)
	}
	found = slices.DeleteFunc(found, func(c *parcel) bool {
		// What was pushed before the journal began it does not have.
		return c.diff == nil || c.diff.Kind == Missed && !c.row.SendDate.IsZero() && c.row.SendDate.Before(p.since)
	})
	if err := p.messages(ctx, found); err != nil {
		if _, bad := errors.AsType[*jushuitan.BadRowsError](err); !bad || len(rows) > 1 {
			return err
		}
		if err := p.report(err); err != nil { // what is known of a single parcel is found nevertheless
			return err
		}
	}
	return p.giveAll(ctx, found)
}

// giveAll reports what was found, except for what was reported before.
func (p *shipmentComparer) giveAll(ctx context.Context, found []*parcel) error {
	for _, c := range found {
		if p.again(shipmentDocument(c.row.OID, c.row.SoID) + " " + c.row.LID) {
			continue
		}
		if err := p.give(ctx, c.diff); err != nil {
			return err
		}
	}
	return nil
}

// speaks reports whether a push is about the mall's order of a parcel: of several orders that
// were merged into one parcel each may have a push.
func (c *parcel) speaks(r JournalEntry) bool {
	return r.SoID == "" || r.SoID == c.row.SoID || slices.ContainsFunc(r.Lines, func(l JournalLine) bool { return l.SoID == c.row.SoID })
}

// last returns the place of the last push that says what the ERP says of a parcel, or -1.
func (c *parcel) last() int {
	for i, r := range slices.Backward(c.known) {
		if len(c.compare(r)) == 0 {
			return i
		}
	}
	return -1
}

// about reports whether a push may be of the parcel: it has its waybill, or its lines.
func (c *parcel) about(r JournalEntry) bool {
	return r.LID == c.row.LID || len(differentLines(r.Lines, c.lines)) == 0
}

// clear reports whether a parcel can be compared without the other parcels of its order: no
// push of the order was handled, or none about the parcel after the one that says the same.
func (c *parcel) clear() bool {
	equal := c.last()
	return len(c.known) == 0 || equal >= 0 && !slices.ContainsFunc(c.known[equal+1:], c.about)
}

// decide sets the difference of a parcel, if there is one. there are all parcels of its order,
// unless it is clear. Pushes of waybills that the ERP does not have any more were of parcels
// that were changed; used has those that explain a parcel already.
func (c *parcel) decide(there []*parcel, used map[string]bool) {
	there = slices.DeleteFunc(slices.Clone(there), func(other *parcel) bool { return other.row.OID != c.row.OID })
	equal := c.last()
	var gone []JournalEntry
	for _, r := range slices.Backward(c.known[equal+1:]) {
		switch {
		case !c.about(r):
		case r.LID == c.row.LID:
			if !slices.ContainsFunc(there, func(other *parcel) bool { return len(other.compare(r)) == 0 }) {
				c.diff = &Difference{Kind: Differs, Fields: c.compare(r)}
				return
			}
		case !slices.ContainsFunc(there, func(other *parcel) bool { return other.row.LID == r.LID }):
			gone = append(gone, r)
		}
	}
	if equal >= 0 {
		if len(gone) > c.waiting(there) { // it was changed, and changed back
			c.diff = &Difference{Kind: Differs, Fields: c.compare(gone[0])}
		}
		return
	}
	c.diff = &Difference{Kind: Missed}
	for _, r := range slices.Backward(gone) {
		if key := c.row.SoID + "\x00" + r.LID; !used[key] {
			used[key] = true
			c.diff = &Difference{Kind: Differs, Fields: c.compare(r)}
			return
		}
	}
}

// waiting counts the like parcels of an order of which no push was handled: their waybills
// may have replaced others.
func (c *parcel) waiting(there []*parcel) int {
	n := 0
	for _, other := range there {
		if other.row.LID != c.row.LID && len(differentLines(other.lines, c.lines)) == 0 &&
			!slices.ContainsFunc(c.known, func(r JournalEntry) bool { return r.LID == other.row.LID }) {
			n++
		}
	}
	return n
}

// compare compares a parcel with a push of it.
func (c *parcel) compare(r JournalEntry) []FieldDifference {
	var out []FieldDifference
	if r.LID != c.row.LID {
		out = append(out, FieldDifference{Name: "l_id", Pushed: r.LID, Pulled: c.row.LID})
	}
	if r.LCID != "" && c.row.LCID != "" && carrier(r.LCID) != carrier(c.row.LCID) {
		out = append(out, FieldDifference{Name: "lc_id", Pushed: r.LCID, Pulled: c.row.LCID})
	}
	if stated := r.LCID != "" && c.row.LCID != ""; !stated && r.Carrier != "" && c.row.LogisticsCompany != "" && r.Carrier != c.row.LogisticsCompany {
		out = append(out, FieldDifference{Name: "logistics_company", Pushed: r.Carrier, Pulled: c.row.LogisticsCompany})
	}
	return append(out, differentLines(r.Lines, c.lines)...)
}

func carrier(lcID string) string {
	base, _, _ := strings.Cut(lcID, ".")
	return base
}

func parcelLines(row *jushuitan.Shipment) []JournalLine {
	out := make([]JournalLine, len(row.Items))
	for i, it := range row.Items {
		out[i] = JournalLine{SoID: cmp.Or(it.RawSoID, row.SoID), OuterOIID: it.OuterOIID, SKUID: it.SKUID, Qty: it.Qty}
	}
	return out
}

// parcelsOf returns all parcels of some orders.
func (p *shipmentComparer) parcelsOf(ctx context.Context, soIDs []string) (map[string][]*parcel, error) {
	out := map[string][]*parcel{}
	for part := range slices.Chunk(distinct(soIDs), chunkSoIDs) {
		for row, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Shipment, error] {
			return c.Logistics.All(ctx, &jushuitan.ShipmentQuery{SoIDs: part})
		}) {
			if err != nil {
				return nil, err
			}
			out[row.SoID] = append(out[row.SoID], &parcel{row: row, lines: parcelLines(row)})
		}
	}
	return out, nil
}

// messages builds the messages that the ERP should have pushed for parcels. What the
// parcels lack is taken from the outbound documents.
func (p *shipmentComparer) messages(ctx context.Context, found []*parcel) error {
	var oIDs []string
	for _, c := range found {
		if c.row.OID != 0 {
			oIDs = append(oIDs, strconv.FormatInt(c.row.OID, 10))
		}
	}
	for _, c := range found {
		c.diff.SoID, c.diff.OID, c.diff.LID, c.diff.LastHandled = c.row.SoID, c.row.OID, c.row.LID, lastHandled(c.known)
	}
	documents := map[int64][]*jushuitan.Outbound{}
	for part := range slices.Chunk(distinct(oIDs), chunkRows) {
		for d, err := range queried(p.puller, func(c *jushuitan.Client) iter.Seq2[*jushuitan.Outbound, error] {
			return c.Outbounds.All(ctx, &jushuitan.OutboundQuery{OIDs: part})
		}) {
			if err != nil {
				return err
			}
			if d.Status != jushuitan.OutboundStatusDelete && d.Status != jushuitan.OutboundStatusCancelled {
				documents[d.OID] = append(documents[d.OID], d)
			}
		}
	}
	for _, c := range found {
		c.diff.Shipment = parcelMessage(c.row, documents[c.row.OID])
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

// holds reports whether an outbound document went out with a waybill.
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

// late compares the orders of which the window has a push that changed what was handled before.
// Of their parcels only those are compared that this push may be of.
func (p *shipmentComparer) late(ctx context.Context) error {
	return chunks(p.between(ctx), chunkSoIDs, func(pushes []JournalEntry) error {
		var changes []JournalEntry
		for _, r := range pushes {
			known, err := p.find(ctx, r.Document)
			if err != nil {
				return err
			}
			if r.SoID != "" && slices.ContainsFunc(known, func(k JournalEntry) bool { return k.At.Before(r.At) && changed(k, r) }) {
				changes = append(changes, r)
			}
		}
		return separately(p.puller, changes, func(changes []JournalEntry) error { return p.changes(ctx, changes) })
	})
}

// changed reports whether a push says something else of the lines of another.
func changed(before, r JournalEntry) bool {
	as := parcel{row: &jushuitan.Shipment{LID: before.LID, LCID: before.LCID, LogisticsCompany: before.Carrier}, lines: before.Lines}
	return as.about(r) && len(as.compare(r)) > 0
}

// changes compares the parcels of some pushes.
func (p *shipmentComparer) changes(ctx context.Context, pushes []JournalEntry) error {
	var soIDs []string
	for _, r := range pushes {
		soIDs = append(soIDs, r.SoID)
	}
	there, err := p.parcelsOf(ctx, soIDs)
	if err != nil {
		return err
	}
	var rows []*jushuitan.Shipment
	for _, r := range pushes {
		for _, c := range there[r.SoID] {
			mine := c.row.ShopID == p.shop && (r.OID == 0 || r.OID == c.row.OID) && c.about(r)
			if mine && !slices.Contains(rows, c.row) && c.row.SendDate.Before(p.to) {
				rows = append(rows, c.row)
			}
		}
	}
	return p.parcels(ctx, rows)
}

// unexpected finds pushes of parcels that the ERP does not have. One whose
// waybill was changed since is no such push.
func (p *shipmentComparer) unexpected(ctx context.Context) error {
	return chunks(p.between(ctx), chunkSoIDs, func(receipts []JournalEntry) error {
		return separately(p.puller, receipts, func(receipts []JournalEntry) error { return p.phantoms(ctx, receipts) })
	})
}

// phantoms reports the pushes of parcels that the ERP does not have.
func (p *shipmentComparer) phantoms(ctx context.Context, receipts []JournalEntry) error {
	soIDs := make([]string, len(receipts))
	for i, r := range receipts {
		soIDs[i] = r.SoID
	}
	there, err := p.parcelsOf(ctx, soIDs)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		if r.SoID == "" || slices.ContainsFunc(there[r.SoID], func(s *parcel) bool {
			return (r.OID == 0 || r.OID == s.row.OID) && s.about(r)
		}) || p.again(r.Document+" "+r.LID) {
			continue
		}
		if err := p.give(ctx, &Difference{Kind: Unexpected, SoID: r.SoID, OID: r.OID, LID: r.LID, Fields: []FieldDifference{{Name: "l_id", Pushed: r.LID}}}); err != nil {
			return err
		}
	}
	return nil
}
