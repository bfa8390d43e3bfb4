package mapping

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TransferPlace is where a store or warehouse of DianJia is in Jushuitan.
type TransferPlace struct {
	Code    string                // 店仓编码
	WMSCoID int64                 // 分仓编号: zero if DianJia's code is not bound
	Slot    dianjia.WarehouseSlot // 仓位: for stores the main one
}

// Bound reports whether the place is bound to a warehouse of Jushuitan.
func (p TransferPlace) Bound() bool { return p.WMSCoID != 0 }

// TransferRoute is the kind of document that a DianJia transfer becomes in Jushuitan.
type TransferRoute string

// The routes.
const (
	RouteUnbound        TransferRoute = "unbound"         // 未绑定: Jushuitan has at most one end; only an other-out or other-in can represent it
	RouteNone           TransferRoute = "none"            // 无需上传: both ends are the same place in Jushuitan, whose total does not change
	RouteInWarehouse    TransferRoute = "in warehouse"    // 仓内调拨: two slots of one warehouse
	RouteCrossWarehouse TransferRoute = "cross warehouse" // 跨仓调拨: two warehouses
)

// TransferPlan is how a transfer (调拨) of DianJia is uploaded to Jushuitan.
type TransferPlan struct {
	From, To TransferPlace
	transfer dianjia.Transfer
	asked    []transferQty // by SKU, each once
}

type transferQty struct {
	sku string
	qty decimal.Decimal
}

// TransferError reports why a transfer cannot be uploaded to Jushuitan.
type TransferError struct {
	EntID      string // 商家
	TransferNo string // 调拨单号
	Code       string // 店仓编码: of the end concerned, otherwise empty
	SKUCode    string // 商品编码: of the line concerned, otherwise empty
	Problem    string // in English and Chinese
}

// Error names the transfer, the problem and what to do.
func (e *TransferError) Error() string {
	text := fmt.Sprintf("mapping: transfer %q of merchant %q", e.TransferNo, e.EntID)
	if e.Code != "" {
		text += fmt.Sprintf(", store or warehouse %q", e.Code)
	}
	if e.SKUCode != "" {
		text += fmt.Sprintf(", SKU %q", e.SKUCode)
	}
	return text + ": " + e.Problem
}

func transferError(t *dianjia.Transfer, code, sku, problem string) error {
	return &TransferError{EntID: t.EntID, TransferNo: t.TransferNo, Code: code, SKUCode: sku, Problem: problem}
}

// PlanTransfer finds the places of the two ends of a transfer in Jushuitan: a store is
// in the main slot of the warehouse it is bound to (绑定店仓), a warehouse where its
// binding (下载策略) states. Bindings of other merchants are ignored. Lines of the same
// SKU are summed.
//
// The error is a [*TransferError]: the number is missing, a quantity is not positive,
// or an end is bound to several places.
func PlanTransfer(t *dianjia.Transfer, stores []dianjia.StoreBinding, warehouses []dianjia.WarehouseBinding) (TransferPlan, error) {
	p := TransferPlan{transfer: *t}
	switch {
	case t.TransferNo == "":
		return p, transferError(t, "", "", "the transfer number is missing: Jushuitan detects duplicates by it / 缺少调拨单号，聚水潭据此去重")
	case t.FromCode == t.ToCode:
		return p, transferError(t, t.FromCode, "", "the sending and the receiving store are the same / 调出与调入店仓相同")
	case len(t.Items) == 0:
		return p, transferError(t, "", "", "the transfer has no lines / 没有明细")
	}
	for _, it := range t.Items {
		switch {
		case it.SKUCode == "":
			return p, transferError(t, "", "", "a line has no SKU code / 明细缺少商品编码")
		case !it.Qty.IsPositive():
			return p, transferError(t, "", it.SKUCode, "the quantity must be positive / 数量必须大于 0")
		}
		p.asked = addQty(p.asked, it.SKUCode, it.Qty)
	}
	var err error
	if p.From, err = transferPlace(t, t.FromCode, stores, warehouses); err != nil {
		return p, err
	}
	p.To, err = transferPlace(t, t.ToCode, stores, warehouses)
	return p, err
}

func addQty(to []transferQty, sku string, qty decimal.Decimal) []transferQty {
	if i := slices.IndexFunc(to, func(q transferQty) bool { return q.sku == sku }); i >= 0 {
		to[i].qty = to[i].qty.Add(qty)
		return to
	}
	return append(to, transferQty{sku, qty})
}

func transferPlace(t *dianjia.Transfer, code string, stores []dianjia.StoreBinding, warehouses []dianjia.WarehouseBinding) (TransferPlace, error) {
	place := TransferPlace{Code: code}
	found := func(wmsCoID int64, slot dianjia.WarehouseSlot) error {
		if slot == 0 {
			slot = dianjia.SlotMain
		}
		at := TransferPlace{Code: code, WMSCoID: wmsCoID, Slot: slot}
		if place.Bound() && place != at {
			return transferError(t, code, "", fmt.Sprintf("it is bound to several places in Jushuitan (warehouse %d slot %d, warehouse %d slot %d): keep one / 绑定了多个聚水潭仓位，请只保留一个",
				place.WMSCoID, place.Slot, at.WMSCoID, at.Slot))
		}
		place = at
		return nil
	}
	for _, b := range stores {
		if b.EntID == t.EntID && b.StoreCode == code && b.WMSCoID != 0 {
			if err := found(b.WMSCoID, dianjia.SlotMain); err != nil {
				return place, err
			}
		}
	}
	for _, b := range warehouses {
		if b.EntID == t.EntID && b.WarehouseCode == code && b.WMSCoID != 0 {
			if err := found(b.WMSCoID, b.Slot); err != nil {
				return place, err
			}
		}
	}
	return place, nil
}

// Route returns the kind of document that the transfer becomes in Jushuitan.
func (p TransferPlan) Route() TransferRoute {
	switch {
	case !p.From.Bound() || !p.To.Bound():
		return RouteUnbound
	case p.From.WMSCoID != p.To.WMSCoID:
		return RouteCrossWarehouse
	case p.From.Slot != p.To.Slot:
		return RouteInWarehouse
	}
	return RouteNone
}

// CrossTransfer returns the row of client.Transfers.UploadCrossWarehouse. It is not
// confirmed: the warehouse staff pick, ship and receive it.
func (p TransferPlan) CrossTransfer() (jushuitan.CrossTransferUpload, error) {
	if r := p.Route(); r != RouteCrossWarehouse {
		return jushuitan.CrossTransferUpload{}, p.notRoute(r, RouteCrossWarehouse)
	}
	u := jushuitan.CrossTransferUpload{
		SoID: p.transfer.TransferNo, IODate: p.transfer.Created, Remark: p.transfer.Remark,
		GoCoID: p.From.WMSCoID, Warehouse: int64(p.From.Slot), LinkCoID: p.To.WMSCoID, LinkWarehouse: int64(p.To.Slot),
	}
	for _, q := range p.asked {
		u.Items = append(u.Items, jushuitan.CrossTransferUploadItem{SKUID: q.sku, Qty: q.qty})
	}
	return u, nil
}

// InnerTransfer returns the request of client.Transfers.UploadInWarehouse, unconfirmed.
func (p TransferPlan) InnerTransfer() (*jushuitan.InnerTransferUpload, error) {
	if r := p.Route(); r != RouteInWarehouse {
		return nil, p.notRoute(r, RouteInWarehouse)
	}
	u := &jushuitan.InnerTransferUpload{
		SoID: p.transfer.TransferNo, IODate: p.transfer.Created, Remark: p.transfer.Remark,
		WMSCoID: p.From.WMSCoID, Warehouse: int64(p.From.Slot), LinkWarehouse: int64(p.To.Slot),
	}
	for _, q := range p.asked {
		u.Items = append(u.Items, jushuitan.InnerTransferUploadItem{SKUID: q.sku, Qty: q.qty})
	}
	return u, nil
}

func (p TransferPlan) notRoute(is, want TransferRoute) error {
	for _, end := range []TransferPlace{p.From, p.To} {
		if !end.Bound() {
			return p.notBound(end)
		}
	}
	return transferError(&p.transfer, "", "", fmt.Sprintf("the route from %s to %s is %q, not %q: call the method for the route that Route returns"+
		" / %[1]s 到 %[2]s 的调拨方式为 %[3]q，不是 %[4]q：请按 Route 的结果选择方法", p.From.Code, p.To.Code, is, want))
}

func (p TransferPlan) notBound(end TransferPlace) error {
	return transferError(&p.transfer, end.Code, "", "it is bound to no warehouse in Jushuitan: bind it first / 未绑定聚水潭仓库，请先绑定")
}

// OtherOut returns the request of client.OtherInOuts.Upload for goods that leave the
// warehouse From (其它出库); Jushuitan does not learn their destination. The document
// is audited, so that the warehouse processes it, but not confirmed.
func (p TransferPlan) OtherOut() (*jushuitan.OtherInOutUpload, error) { return p.other("out", p.From) }

// OtherIn returns the request of client.OtherInOuts.Upload for goods that arrive in the
// warehouse To (其它退货), audited but not confirmed.
func (p TransferPlan) OtherIn() (*jushuitan.OtherInOutUpload, error) { return p.other("in", p.To) }

func (p TransferPlan) other(kind string, at TransferPlace) (*jushuitan.OtherInOutUpload, error) {
	if !at.Bound() {
		return nil, p.notBound(at)
	}
	u := &jushuitan.OtherInOutUpload{
		Type: kind, ExternalID: p.transfer.TransferNo, WMSCoID: at.WMSCoID, Warehouse: int64(at.Slot),
		Remark: p.transfer.Remark, DrpCoName: string(p.transfer.Kind), ExecuteConfirming: true,
	}
	for _, q := range p.asked {
		u.Items = append(u.Items, jushuitan.OtherInOutUploadItem{SKUID: q.sku, Qty: q.qty})
	}
	return u, nil
}

// Format prints the plan for people, without personal data.
func (p TransferPlan) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the plan for slog, without personal data.
func (p TransferPlan) LogValue() slog.Value { return redact.LogValue(p) }
