// Package storeship is flow 1 of the implementation guide, 业务一 线上订单线下发货. [Host] is
// what to copy; [Play] goes through the flow and its failures against a fake Jushuitan.
package storeship

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Host is DianJia's side of the flow.
type Host struct {
	Client   *jushuitan.Client
	Carriers mapping.Carriers
}

// LoadCarriers returns the table of carriers: the built-in one together with the carriers
// that the merchant has set up in Jushuitan. Add rows of DianJia's own with With.
func (h *Host) LoadCarriers(ctx context.Context) error {
	var rows []jushuitan.Carrier
	for row, err := range h.Client.Carriers.All(ctx, &jushuitan.CarrierQuery{}) {
		if err != nil {
			return err
		}
		rows = append(rows, *row)
	}
	var err error
	h.Carriers, _, err = mapping.DefaultCarriers().WithJushuitan(rows)
	return err
}

// Warehouse is the wms_co_id of 店加线下仓.
func (h *Host) Warehouse(ctx context.Context) (int64, error) {
	for w, err := range h.Client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return 0, err
		}
		if w.Name == dianjia.WarehouseName {
			return w.WMSCoID, nil
		}
	}
	return 0, fmt.Errorf("Warehouses.Query merchant %q: no warehouse is named %s: create it in Jushuitan, or configure its number / 未找到名为%s的仓库", h.Client.Merchant(), dianjia.WarehouseName, dianjia.WarehouseName)
}

// Outbound reads one outbound document.
func (h *Host) Outbound(ctx context.Context, ioID int64) (*jushuitan.Outbound, error) {
	page, err := h.Client.Outbounds.Query(ctx, &jushuitan.OutboundQuery{IOIDs: []string{strconv.FormatInt(ioID, 10)}})
	if err != nil {
		return nil, err
	}
	if len(page.Outbounds) != 1 {
		return nil, fmt.Errorf("Outbounds.Query merchant %q: outbound document %d: %d found, want one: check the io_id / 出库单不存在，请核对 io_id", h.Client.Merchant(), ioID, len(page.Outbounds))
	}
	return &page.Outbounds[0], nil
}

// Ship tells Jushuitan that a store has shipped a whole document. An unknown carrier is an
// error before anything is sent. carrier is the name that the staff chose.
func (h *Host) Ship(ctx context.Context, doc *jushuitan.Outbound, carrier, waybill string) error {
	order := mapping.OrderOfOutbound(h.Client.Merchant(), doc)
	order.CarrierCode, order.CarrierName, order.WaybillNo = "", carrier, waybill
	row, err := mapping.OutboundShipment(doc, &order, h.Carriers)
	if err != nil {
		return err
	}
	rows := []jushuitan.OutboundShipRequest{row}
	_, err = h.Client.Outbounds.Ship(ctx, rows)
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	// The job ran twice, or the answer was lost: Settle reads whether it was this very shipment.
	found, readErr := h.Client.SettleError(ctx, err, rows)
	if len(found) == 1 && found[0].Outcome == jushuitan.Applied && !found[0].Undone {
		return nil
	}
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return err
}

// Lines returns the items that a document asks for, such as "TEE24-WHT-M x1".
func Lines(doc *jushuitan.Outbound) string {
	var out []string
	for _, it := range doc.Items {
		out = append(out, fmt.Sprintf("%s x%s", it.SKUID, it.Qty))
	}
	return strings.Join(out, ", ")
}
