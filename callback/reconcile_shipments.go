package callback

import (
	"cmp"
	"context"
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

// compare finds parcels that no push told of, or a push told otherwise.
func (p *shipmentComparer) compare(ctx context.Context) error {
	rows := p.client.Logistics.All(ctx, &jushuitan.ShipmentQuery{ShopID: p.shop, ModifiedBegin: p.from, ModifiedEnd: p.to, DateType: new(shipTime)})
	return chunks(rows, chunkRows, func(rows []*jushuitan.Shipment) error { return p.parcels(ctx, rows) })
}

func (p *shipmentComparer) parcels(ctx context.Context, rows []*jushuitan.Shipment) error {
	var found, open []*parcel
	for _, row := range rows {
		if row.ShopID != p.shop || !p.inWindow(row.SendDate) {
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
func (p *shipmentComparer) rewritten(ctx context.Context, open []*parcel) error {
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
func (p *shipmentComparer) parcelsOf(ctx context.Context, soIDs []string) (map[string][]*jushuitan.Shipment, error) {
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

// messages makes the messages of parcels as the ERP should have pushed them: what
// the parcels do not tell is taken from the outbound documents.
func (p *shipmentComparer) messages(ctx context.Context, found []*parcel) error {
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

// unexpected finds pushes of parcels that the ERP does not have. One whose
// waybill was changed since is no such push.
func (p *shipmentComparer) unexpected(ctx context.Context) error {
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
