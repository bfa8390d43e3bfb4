package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// FlowTwo is 业务二, 线下订单线上发货: orders of the host's mall that the e-commerce warehouse ships.
// pushURL is the address of the host's handler.
//
//nolint:gocyclo,funlen // a script, read from top to bottom; nearly all its branches are errors
func FlowTwo(ctx context.Context, erp *jushuitantest.Server, h *Host, pushURL string) error {
	t := h.line
	t.Flow(2, "线下订单线上发货: a mall order, shipped by the e-commerce warehouse")

	// 1. The self-owned mall shop and its message settings.
	var shopID int64
	for s, err := range h.jst.Shops.All(ctx, &jushuitan.ShopQuery{}) {
		if err != nil {
			return err
		}
		if s.ShopSite == MallSite {
			shopID = s.ShopID
		}
	}
	t.Step(DianJia, "Shops.All", MallSite, fmt.Sprintf("shop_id %d", shopID))
	t.Check(shopID == MallShop, "the self-owned mall shop is found")
	urls := dianjia.URLBuilder{BaseURL: pushURL + "/dex/jushuitan/", Secret: h.Secret}
	registered, err := urls.URLs(dianjia.ShopSettings{EntID: Merchant, ShopID: shopID, WMSCoID: MainWarehouse})
	if err != nil {
		return err
	}
	for method, url := range registered {
		if err := erp.RegisterPush(shopID, method, url); err != nil {
			return err
		}
	}
	t.Step(Jushuitan, "push URLs set", fmt.Sprintf("shop_id %d", shopID), "物流同步 取消订单 售后收货 库存同步, each with a token")

	// 2. A mall order is uploaded. Its answer is lost on purpose: the call is keyed by
	// shop_id + so_id, so the client retries it without creating a second order.
	remove := erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/orders/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	oID, err := h.upload(ctx, "MALL-2001", map[string]int64{TeeM: 2, Cap: 1})
	remove()
	if err != nil {
		return err
	}
	t.Step(DianJia, "Orders.Upload", fmt.Sprintf("MALL-2001 o_id %d", oID), "first answer lost, retried")
	same := 0
	for _, o := range erp.Orders() {
		if o.SoID == "MALL-2001" {
			same++
		}
	}
	t.Check(same == 1, "one order is stored although the upload was sent twice")

	// 3. The warehouse ships it in two parcels; two pushes arrive.
	ioID, err := erp.AssignOrder(oID, MainWarehouse)
	if err != nil {
		return err
	}
	t.Step(Jushuitan, "order assigned", fmt.Sprintf("MALL-2001 io_id %d", ioID), "青禾总仓, never 店加线下仓, which would send it back to the stores")
	for i, parcel := range []jushuitantest.Parcel{
		{LCID: "YTO", LogisticsCompany: "圆通速递", LID: "YT3000000001", Lines: map[string]decimal.Decimal{TeeM: qty(2)}},
		{LCID: "SF", LogisticsCompany: "顺丰速运", LID: "SF3000000002", Lines: map[string]decimal.Decimal{Cap: qty(1)}},
	} {
		if err := erp.ShipOutbound(ioID, parcel); err != nil {
			return err
		}
		t.Step(Jushuitan, "warehouse ships", fmt.Sprintf("io_id %d %s", ioID, parcel.LID), fmt.Sprintf("parcel %d of 2", i+1))
		if err := h.listen(ctx, erp); err != nil {
			return err
		}
		want := []string{"partly shipped", "shipped"}[i]
		o := h.order("MALL-2001")
		t.Check(o.Status == want, "the mall order is %s after parcel %d", want, i+1)
		t.Outstanding(o.SoID, o.Ordered, o.Shipped, "parcel "+parcel.LID)
	}

	// 4. Both sides cancel orders.
	first, err := h.upload(ctx, "MALL-2002", map[string]int64{TeeL: 1})
	if err != nil {
		return err
	}
	if _, err := h.jst.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{first}, CancelType: "客户取消", Remark: "不想要了"}); err != nil {
		return err
	}
	state, err := h.orderState(ctx, first)
	if err != nil {
		return err
	}
	t.Step(DianJia, "Orders.Cancel", fmt.Sprintf("MALL-2002 o_id %d", first), state)
	t.Check(state == jushuitan.OrderStatusCancelled, "the order cancelled by the mall is Cancelled in the ERP")
	if err := h.listen(ctx, erp); err != nil {
		return err
	}
	second, err := h.upload(ctx, "MALL-2003", map[string]int64{TeeL: 1})
	if err != nil {
		return err
	}
	if err := erp.CancelOrder(second, "缺货"); err != nil {
		return err
	}
	t.Step(Jushuitan, "order cancelled", fmt.Sprintf("MALL-2003 o_id %d", second), "缺货")
	if err := h.listen(ctx, erp); err != nil {
		return err
	}
	t.Check(h.order("MALL-2003").Status == "cancelled", "the order cancelled by the ERP is cancelled in the mall")

	// 5. A return is uploaded and received, and its receipt is revoked.
	back := dianjia.Return{
		EntID: Merchant, ShopID: shopID, OrderNo: "MALL-2001", ReturnNo: "RET-1", Kind: dianjia.ReturnGoods, State: dianjia.ReturnAgreed, Goods: dianjia.GoodsSentBack,
		Reason: "七天无理由退货", Total: qty(177), Refund: qty(59), CarrierName: "圆通速递", WaybillNo: "YT9000000009",
		Items: []dianjia.ReturnItem{{LineNo: "MALL-2001-2", SKUCode: TeeM, Qty: qty(1), Amount: qty(59)}},
	}
	upload, err := mapping.AfterSaleUpload(&back)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.returns[back.ReturnNo] = back
	h.mu.Unlock()
	results, err := h.jst.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{upload})
	if err != nil {
		return err
	}
	asID := results[0].Result.ASID
	t.Step(DianJia, "AfterSales.Upload", fmt.Sprintf("RET-1 as_id %d", asID), "uploaded")
	for _, step := range []struct {
		do    func(int64) error
		call  string
		state dianjia.GoodsState
	}{{erp.ReceiveReturn, "goods received", dianjia.GoodsReceived}, {erp.RevokeReturn, "receipt undone", dianjia.GoodsSentBack}} {
		if err := step.do(asID); err != nil {
			return err
		}
		t.Step(Jushuitan, step.call, fmt.Sprintf("as_id %d", asID), "")
		if err := h.listen(ctx, erp); err != nil {
			return err
		}
		h.mu.Lock()
		got := h.returns["RET-1"].Goods
		h.mu.Unlock()
		t.Check(got == step.state, "the goods of the mall's return: %s", step.state)
	}

	// 6. The ERP pushes stock, and the host pulls it: the figures are the same.
	if err := erp.PushStock(shopID, MainWarehouse, TeeM, TeeL, Cap); err != nil {
		return err
	}
	if err := h.listen(ctx, erp); err != nil {
		return err
	}
	equal := 0
	for row, err := range h.jst.Inventory.All(ctx, &jushuitan.InventoryQuery{WMSCoID: MainWarehouse, SKUIDs: jushuitan.CommaList{TeeM, TeeL, Cap}}) {
		if err != nil {
			return err
		}
		h.mu.Lock()
		pushed := h.pushed[row.SKUID]
		h.mu.Unlock()
		// The shop's formula in the ERP: stock less what orders reserve.
		if pushed.Equal(row.Qty.Sub(row.OrderLock).Add(row.VirtualQty)) {
			equal++
		}
		t.Step(DianJia, "Inventory.All", row.SKUID, fmt.Sprintf("qty %s, held %s, pushed %s", row.Qty, row.OrderLock, pushed))
	}
	t.Check(equal == 3, "pushed and pulled stock agree")
	return nil
}

// upload uploads a mall order and records it.
func (h *Host) upload(ctx context.Context, soID string, lines map[string]int64) (int64, error) {
	o := &MallOrder{SoID: soID, Status: "paid", Ordered: map[string]decimal.Decimal{}, Shipped: map[string]decimal.Decimal{}}
	for sku, n := range lines {
		o.Ordered[sku] = qty(n)
	}
	h.mu.Lock()
	h.mall[soID] = o
	h.mu.Unlock()
	results, err := h.jst.Orders.Upload(ctx, []jushuitan.OrderUpload{order(MallShop, soID, lines)})
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o.OID = results[0].Result.OID
	return o.OID, nil
}

// listen waits until the ERP has delivered its pushes and prints them.
func (h *Host) listen(ctx context.Context, erp *jushuitantest.Server) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := erp.WaitPushes(ctx); err != nil {
		return err
	}
	for _, text := range h.news() {
		method, rest, _ := strings.Cut(text, " ")
		h.line.Step(DianJia, "push "+method, rest, "handled, answered 执行成功")
	}
	return nil
}
