package flows

import (
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// SceneKind is a failure that every flow shows.
type SceneKind string

// The scenes, see the table of the package.
const (
	Partial             SceneKind = "partial_shipment"
	CancelAfterShipping SceneKind = "cancel_after_shipping"
	CarrierUnknown      SceneKind = "carrier_unknown"
	SKUUnknown          SceneKind = "sku_unknown"
	TokenExpired        SceneKind = "token_expired"
	DuplicatePush       SceneKind = "duplicate_push"
	LostPush            SceneKind = "push_lost_found_reconcile"
)

// SceneKinds lists all of them.
func SceneKinds() []SceneKind {
	return []SceneKind{Partial, CancelAfterShipping, CarrierUnknown, SKUUnknown, TokenExpired, DuplicatePush, LostPush}
}

// Label returns the scene as text for people.
func (k SceneKind) Label() string {
	switch k {
	case Partial:
		return "partial shipment 部分发货"
	case CancelAfterShipping:
		return "cancel after shipping 发货后取消"
	case CarrierUnknown:
		return "carrier unknown 物流公司未知"
	case SKUUnknown:
		return "SKU unknown 商品编码未知"
	case TokenExpired:
		return "token expired 令牌过期"
	case DuplicatePush:
		return "duplicate push 重复推送"
	case LostPush:
		return "push lost, found by reconcile 推送丢失、核对补发"
	}
	return string(k)
}

// NoPush is the reason why the flows of transfers have no scene with a push.
const NoPush = "Jushuitan pushes four kinds of message, to self-owned malls (物流同步, 取消订单, 售后收货, 库存同步), none of them about transfers: the host asks / 调拨与其它出入库没有推送，由店加查询"

// Failure begins a deliberate failure that is specific to the flow.
func (r *Report) Failure(title string) { r.Scene(demo.Scene{Title: title}) }

// Shows begins a scene that every flow shows.
func (r *Report) Shows(kind SceneKind, title string) {
	r.Scene(demo.Scene{Kind: string(kind), Label: kind.Label(), Title: title})
}

// Instead begins what a flow shows instead of a scene that it cannot have, and says why.
func (r *Report) Instead(kind SceneKind, title, why string) {
	r.Scene(demo.Scene{Kind: string(kind), Label: kind.Label(), StandsIn: true, Title: title, Why: why})
}

// TokenEnds lets the token expire before a call.
func (r *Report) TokenEnds(erp *jushuitantest.Server, call func() error) error {
	r.Shows(TokenExpired, "the token expires in between")
	erp.ExpireTokens("")
	tokens := erp.Stats().TokenCalls
	if err := call(); err != nil {
		return err
	}
	r.Host("nothing: the client got a new token and retried the call")
	r.Check(erp.Stats().TokenCalls > tokens, "the client renewed the token")
	return nil
}

// UnknownSKU uploads a copy of a transfer under another number and with a SKU that
// Jushuitan does not have.
func (r *Report) UnknownSKU(t dianjia.Transfer, number string, upload func(mapping.TransferPlan) (int64, error)) error {
	r.Shows(SKUUnknown, "a line names a SKU that Jushuitan does not have")
	t.TransferNo = number
	t.Items = append([]dianjia.TransferItem{{SKUCode: "TEE24-WHT-XXL", Qty: decimal.NewFromInt(1)}}, t.Items...)
	plan, err := mapping.PlanTransfer(&t, Stores(), Warehouses())
	if err != nil {
		return err
	}
	_, err = upload(plan)
	r.Says(err, jushuitan.ErrInvalid)
	r.Host("downloads the products again, or removes the line and informs the author of the document; nothing was uploaded")
	return nil
}

// WaybillUnknown lets Jushuitan's staff ship a transfer or an other-out with a carrier that
// is not in DianJia's table. read reads the transfer.
func (r *Report) WaybillUnknown(erp *jushuitantest.Server, ioID int64, read func() (mapping.TransferProgress, error)) error {
	r.Shows(CarrierUnknown, "the WMS ships with a carrier that DianJia does not know")
	if err := erp.AddCarrier(jushuitan.Carrier{LCID: "CN-JSD", LCName: "菜鸟急送达"}); err != nil {
		return err
	}
	if err := erp.SetWaybill(ioID, jushuitantest.Parcel{LCID: "CN-JSD", LID: "JS" + ioText(ioID)}); err != nil {
		return err
	}
	p, err := read()
	if err != nil {
		return err
	}
	carriers := mapping.DefaultCarriers()
	_, err = carriers.FromJushuitan(p.LCID, p.LogisticsCompany)
	r.Says(err, nil)
	if carriers, err = carriers.With(mapping.CarrierRow{Code: "JSD", Name: "菜鸟急送达", LCIDs: []string{p.LCID}}); err != nil {
		return err
	}
	known, err := carriers.FromJushuitan(p.LCID, p.LogisticsCompany)
	r.Host("books the goods anyway, with the carrier's name and the waybill; a person adds the row, then it is %s %s", known.Code, p.LID)
	r.Check(err == nil && known.Code == "JSD" && p.LID != "", "the carrier is known once it has a row")
	return nil
}

// SettleNotShipped uploads what was not shipped as a new transfer, and records that as the
// decision.
func (r *Report) SettleNotShipped(p *mapping.TransferProgress, what string, upload func(mapping.TransferPlan) (int64, error)) error {
	rest, ok := p.Remaining(2)
	r.Check(ok, "the missing quantity is known: %s", rest.TransferNo)
	if !ok {
		return nil
	}
	plan, err := mapping.PlanTransfer(&rest, Stores(), Warehouses())
	if err != nil {
		return err
	}
	ioID, err := upload(plan)
	if err != nil {
		return err
	}
	for _, it := range rest.Items {
		r.Step(demo.DianJia, what, rest.TransferNo+" io_id "+ioText(ioID), "少发 "+it.SKUCode+" "+it.Qty.String())
		r.Settles(p.Transfer.TransferNo, it.SKUCode, demo.NotShipped, it.Qty, what+" as "+rest.TransferNo)
	}
	return nil
}

// One returns the quantity of a whole document that differs.
func One() decimal.Decimal { return decimal.NewFromInt(1) }
