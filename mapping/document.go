package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// OrderOf converts an order of Jushuitan (订单) to DianJia's type. The carrier stays that of
// Jushuitan; [Carriers.FromJushuitan] finds DianJia's. Undocumented members are kept in Extra.
// [OrderUpload] is the reverse.
func OrderOf(entID string, o *jushuitan.Order) dianjia.Order {
	out := dianjia.Order{
		EntID: entID, OrderNo: o.SoID, ShopID: o.ShopID, Created: o.OrderDate, Paid: o.PayDate,
		Amount: o.PayAmount, Discount: o.FreeAmount, Freight: o.Freight, BuyerMessage: o.BuyerMessage, Remark: o.Remark,
		ReceiverName: o.ReceiverName, ReceiverMobile: o.ReceiverMobile, ReceiverState: o.ReceiverState, ReceiverCity: o.ReceiverCity,
		ReceiverDistrict: o.ReceiverDistrict, ReceiverAddress: o.ReceiverAddress,
		CarrierCode: o.LCID, CarrierName: o.LogisticsCompany, WaybillNo: o.LID, Extra: documentExtra(o.Extra),
	}
	for i := range o.Items {
		it := &o.Items[i]
		out.Items = append(out.Items, dianjia.OrderItem{
			LineNo: documentLine(it.OuterOIID, it.OIID), SKUCode: it.SKUID, Name: it.Name, Qty: it.Qty, Price: it.Price,
			Amount: it.Amount, BasePrice: it.BasePrice, IsGift: it.IsGift,
		})
	}
	return out
}

// OrderOfOutbound converts an outbound document (出库单) to the order that a store ships.
// [StoreAllocator] chooses the store; [OutboundShipment] is the reverse. Undocumented members
// are kept in Extra.
func OrderOfOutbound(entID string, d *jushuitan.Outbound) dianjia.Order {
	out := dianjia.Order{
		EntID: entID, OrderNo: d.SoID, ShopID: d.ShopID, Created: d.Created, Paid: d.PayDate,
		Amount: d.PayAmount, Discount: d.FreeAmount, Freight: d.Freight, BuyerID: d.ShopBuyerID, BuyerMessage: d.BuyerMessage, Remark: d.Remark,
		ReceiverName: d.ReceiverName, ReceiverMobile: d.ReceiverMobile, ReceiverState: d.ReceiverState, ReceiverCity: d.ReceiverCity,
		ReceiverDistrict: d.ReceiverDistrict, ReceiverAddress: d.ReceiverAddress,
		CarrierCode: d.LCID, CarrierName: d.LogisticsCompany, WaybillNo: d.LID, Extra: documentExtra(d.Extra),
	}
	for i := range d.Items {
		it := &d.Items[i]
		out.Items = append(out.Items, dianjia.OrderItem{
			LineNo: documentLine(it.OuterOIID, it.OIID), SKUCode: it.SKUID, Name: it.Name, Qty: it.Qty, Price: it.SalePrice,
			Amount: it.SaleAmount, BasePrice: it.SaleBasePrice, IsGift: it.IsGift,
		})
	}
	return out
}

// documentLine returns the shop's line number or, if there is none, Jushuitan's.
func documentLine(outer string, oiID int64) string {
	if outer == "" && oiID != 0 {
		return strconv.FormatInt(oiID, 10)
	}
	return outer
}

func documentExtra(extra map[string]json.RawMessage) map[string]json.RawMessage {
	return maps.Clone(extra)
}

// OutboundShipment returns the row of client.Outbounds.Ship that reports the outbound document
// d as shipped by a store, as order o. Jushuitan ships a document only as a whole. The error is
// an [*UnknownCarrierError] for the carrier, or an [*OrderUploadError] if the waybill is
// missing or o is not the order of the document.
func OutboundShipment(d *jushuitan.Outbound, o *dianjia.Order, carriers Carriers) (jushuitan.OutboundShipRequest, error) {
	bad := func(problem string) (jushuitan.OutboundShipRequest, error) {
		return jushuitan.OutboundShipRequest{}, &OrderUploadError{EntID: o.EntID, OrderNo: o.OrderNo, Problem: problem}
	}
	switch {
	case o.OrderNo != d.SoID:
		return bad(fmt.Sprintf("the outbound document %d belongs to order %q / 出库单 %[1]d 属于订单 %[2]q", d.IOID, d.SoID))
	case o.WaybillNo == "":
		return bad("the waybill number is missing: enter the one of the parcel / 缺少快递单号，请填写")
	}
	lcID, company, err := carriers.ToJushuitan(o.CarrierCode, o.CarrierName)
	if err != nil {
		return jushuitan.OutboundShipRequest{}, err
	}
	return jushuitan.OutboundShipRequest{IOID: d.IOID, WMSCoID: d.WMSCoID, LCID: lcID, LCName: company, LID: o.WaybillNo}, nil
}

// OrderCancel returns the request of client.Orders.Cancel for an uploaded order; oID is the
// number that the upload returned. Jushuitan refuses to cancel a shipped order: open a return
// then, see [AfterSaleUpload].
func OrderCancel(oID int64, kind, remark string) *jushuitan.OrderCancelRequest {
	return &jushuitan.OrderCancelRequest{OIDs: []int64{oID}, CancelType: kind, Remark: remark}
}
