// Package allocate is flow 3 of the implementation guide, 总部配货. [Host] is what to
// copy; [Play] goes through the flow and its failures against a fake Jushuitan.
package allocate

import (
	"context"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Host is DianJia's side of transfers (跨仓调拨).
type Host struct {
	Client *jushuitan.Client
	Seen   time.Time // changes up to this time were read; a host keeps it in its database
}

// Upload sends the transfer to Jushuitan. A retry with the same number returns the same
// document, so that the client retries by itself if the answer is lost.
func (h *Host) Upload(ctx context.Context, plan mapping.TransferPlan) (ioID int64, err error) {
	row, err := plan.CrossTransfer()
	if err != nil {
		return 0, err
	}
	results, err := h.Client.Transfers.UploadCrossWarehouse(ctx, []jushuitan.CrossTransferUpload{row})
	if err != nil {
		return 0, err
	}
	return results[0].Result.IOID, nil
}

// Read queries what has been shipped and received so far.
func (h *Host) Read(ctx context.Context, t *dianjia.Transfer, ioID int64) (mapping.TransferProgress, error) {
	var docs []jushuitan.Transfer
	for d, err := range h.Client.Transfers.All(ctx, &jushuitan.TransferQuery{SoIDs: []string{t.TransferNo}}) {
		if err != nil {
			return mapping.TransferProgress{}, err
		}
		docs = append(docs, *d)
	}
	return mapping.TransferProgressOf(t, ioID, docs)
}

// Poll is the job that detects what happened in Jushuitan, since there is no push for
// transfers: it returns the open transfers (by io_id) whose documents have changed since
// the last run. Transfers have no row version, so it queries by the time of change and
// starts slightly before the last run ended, in order not to miss a document that was being
// written then. Reading a state twice does no harm.
func (h *Host) Poll(ctx context.Context, now time.Time, open map[int64]*dianjia.Transfer) (map[int64]mapping.TransferProgress, error) {
	changed := map[int64]mapping.TransferProgress{}
	for d, err := range h.Client.Transfers.All(ctx, &jushuitan.TransferQuery{ModifiedBegin: h.Seen.Add(-5 * time.Minute), ModifiedEnd: now}) {
		if err != nil {
			return nil, err // Seen is unchanged: the next run repeats the query
		}
		for _, ioID := range []int64{d.IOID, d.LinkIOID} { // either end
			if _, read := changed[ioID]; read || open[ioID] == nil {
				continue
			}
			if changed[ioID], err = h.Read(ctx, open[ioID], ioID); err != nil {
				return nil, err
			}
		}
	}
	h.Seen = now
	return changed, nil
}

// Confirm books one end of a transfer with the counted quantities. It has no key: after
// jushuitan.ErrOutcomeUnknown settle it with [ConfirmRequest] before you try again.
func (h *Host) Confirm(ctx context.Context, ioID int64, at mapping.TransferPlace, counted []dianjia.TransferItem) error {
	return h.Client.Transfers.Confirm(ctx, ConfirmRequest(ioID, at, counted))
}

// ConfirmRequest is the request of [Host.Confirm].
func ConfirmRequest(ioID int64, at mapping.TransferPlace, counted []dianjia.TransferItem) *jushuitan.TransferConfirmRequest {
	req := &jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: at.WMSCoID}
	for _, it := range counted {
		req.Items = append(req.Items, jushuitan.TransferConfirmItem{SKUID: it.SKUCode, Qty: it.Qty})
	}
	return req
}

// Cancel cancels a transfer. Jushuitan refuses it once the goods have left.
func (h *Host) Cancel(ctx context.Context, ioID int64) error {
	return h.Client.Transfers.Cancel(ctx, &jushuitan.TransferCancelRequest{IOID: ioID})
}

// Settle creates the difference documents (调拨差异单) of a transfer that was received.
func (h *Host) Settle(ctx context.Context, p *mapping.TransferProgress, booked func(ioID int64, item jushuitan.TransferCreateDifferenceItem)) error {
	for _, doc := range p.DifferenceRequests() {
		reply, err := h.Client.Transfers.CreateDifference(ctx, doc)
		if err != nil {
			return err
		}
		for _, it := range doc.Items {
			booked(reply.Rows[0].IOID, it)
		}
	}
	return nil
}
