package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// FlowOne is 业务一, 线上订单线下发货: online orders that stores ship.
//
// The host pushes the stores' summed stock to 店加线下仓; the ERP assigns online orders to it;
// the host fetches the outbound documents (through the open API, or through Qimen, see
// [Host.ViaQimen]) and ships them from stores. With virtual the stock is uploaded as
// virtual quantities (虚拟库存) instead of a stocktake (盘点).
//
//nolint:gocyclo,funlen // a script, read from top to bottom; nearly all its branches are errors
func FlowOne(ctx context.Context, erp *jushuitantest.Server, h *Host, virtual bool) error {
	t := h.line
	t.Flow(1, "线上订单线下发货: an online order, shipped by a store")

	// 1. The warehouse that represents the stores, by its name.
	for w, err := range h.jst.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return err
		}
		if w.Name == StoreWarehouseName {
			h.wmsCoID = w.WMSCoID
		}
	}
	t.Step(DianJia, "Warehouses.All", StoreWarehouseName, fmt.Sprintf("wms_co_id %d", h.wmsCoID))
	t.Check(h.wmsCoID == StoreWarehouse, "the warehouse for stores is found by name")

	// 2. Stores are bound to it and their summed stock is pushed.
	h.AddStore("S01", map[string]int64{TeeM: 2, TeeL: 1})
	h.AddStore("S02", map[string]int64{TeeM: 5, Cap: 3})
	h.AddStore("S03", map[string]int64{TeeL: 4, Cap: 6, StoreOnly: 8})
	h.designated = "S02"
	t.Step(DianJia, "bind stores", "S01 S02 S03", fmt.Sprintf("bound to %d, designated store S02", h.wmsCoID))
	if err := h.pushStock(ctx, virtual); err != nil {
		return err
	}

	// 3. Online orders arrive in the ERP and are assigned to that warehouse.
	online := map[string]int64{}
	for _, o := range []struct{ soID, sku string }{{"DY-1001", TeeM}, {"DY-1002", TeeL}, {"DY-1003", Cap}} {
		oID, err := erp.ImportOrder(onlineOrder(o.soID, o.sku))
		if err != nil {
			return err
		}
		ioID, err := erp.AssignOrder(oID, StoreWarehouse)
		if err != nil {
			return err
		}
		online[o.soID] = oID
		t.Step(Jushuitan, "order assigned", fmt.Sprintf("%s o_id %d io_id %d", o.soID, oID, ioID), StoreWarehouseName)
	}

	// 4. and 5. The host fetches what must be shipped and chooses stores.
	docs, err := h.FetchOutbounds(ctx)
	if err != nil {
		return err
	}
	t.Check(len(docs) == 3, "three outbound documents are fetched")
	for _, soID := range slices.Sorted(maps.Keys(docs)) {
		d := docs[soID]
		store, err := h.choose(d)
		if err != nil {
			return err
		}
		store.take(d.Items, 1)
		h.reserved[d.IOID] = store
		t.Step(DianJia, "choose store", fmt.Sprintf("io_id %d %s x%s", d.IOID, d.Items[0].SKUID, d.Items[0].Qty), "store "+store.Code)
	}
	t.Check(h.reserved[docs["DY-1001"].IOID].Code == "S02", "the designated store is asked first")
	t.Check(h.reserved[docs["DY-1002"].IOID].Code != "S02", "a store with the goods is asked if the designated one has none")

	// 6. One is shipped from its store; the ERP shows it.
	doc := docs["DY-1001"]
	waybill := "YT1000000001"
	if _, err := h.jst.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{
		IOID: doc.IOID, WMSCoID: h.wmsCoID, LCID: "YTO", LCName: "圆通速递", LID: waybill,
	}}); err != nil {
		return err
	}
	t.Step(DianJia, "Outbounds.Ship", fmt.Sprintf("io_id %d %s", doc.IOID, waybill), "shipped by store "+h.reserved[doc.IOID].Code)
	state, err := h.orderState(ctx, online["DY-1001"])
	if err != nil {
		return err
	}
	t.Step(DianJia, "Orders.Query", "DY-1001", state)
	t.Check(state == jushuitan.OrderStatusSent, "the ERP shows the order Sent")

	// 7. One is cancelled before it is shipped, and the host sees it.
	if err := erp.CancelOrder(online["DY-1002"], "买家取消"); err != nil {
		return err
	}
	t.Step(Jushuitan, "order cancelled", "DY-1002", "the outbound document is voided")
	changed, err := h.FetchOutbounds(ctx)
	if err != nil {
		return err
	}
	gone := changed["DY-1002"]
	t.Check(gone != nil && gone.Status == jushuitan.OutboundStatusDelete, "the voided document is found")
	if gone != nil {
		store := h.reserved[gone.IOID]
		store.take(gone.Items, -1)
		delete(h.reserved, gone.IOID)
		t.Step(DianJia, "release stock", fmt.Sprintf("io_id %d", gone.IOID), "stock back in store "+store.Code)
	}

	// 8. One is refused by its store and goes to another warehouse.
	doc = docs["DY-1003"]
	store := h.reserved[doc.IOID]
	store.Refuses = true
	store.take(doc.Items, -1)
	delete(h.reserved, doc.IOID)
	if err := h.jst.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: online["DY-1003"], WMSCoID: OtherWarehouse}}); err != nil {
		return err
	}
	t.Step(DianJia, "Orders.AssignWarehouse", fmt.Sprintf("DY-1003 o_id %d", online["DY-1003"]), fmt.Sprintf("store %s refused, now warehouse %d", store.Code, OtherWarehouse))
	moved, ok := erp.OutboundOfOrder(online["DY-1003"])
	t.Check(ok && moved.WMSCoID == OtherWarehouse, "the other warehouse has the document")
	if err := erp.ShipOutbound(moved.IOID, jushuitantest.Parcel{LCID: "SF", LogisticsCompany: "顺丰速运", LID: "SF2000000001"}); err != nil {
		return err
	}
	t.Step(Jushuitan, "warehouse ships", fmt.Sprintf("io_id %d SF2000000001", moved.IOID), "")
	if state, err = h.orderState(ctx, online["DY-1003"]); err != nil {
		return err
	}
	t.Check(state == jushuitan.OrderStatusSent, "the refused order is Sent by the other warehouse")
	if _, err := h.FetchOutbounds(ctx); err != nil {
		return err
	}

	// The stores' new sum is uploaded again.
	return h.pushStock(ctx, virtual)
}

// stockSKUs lists the goods of the stores, those of the demo merchant first.
func (h *Host) stockSKUs() []string {
	skus := []string{Cap, TeeL, TeeM}
	for _, s := range h.stores {
		for _, sku := range slices.Sorted(maps.Keys(s.stock)) {
			if !slices.Contains(skus, sku) {
				skus = append(skus, sku)
			}
		}
	}
	return skus
}

// inJushuitan returns the SKUs that Jushuitan has. A host that downloads products knows them.
func (h *Host) inJushuitan(ctx context.Context, skus []string) (map[string]bool, error) {
	found := map[string]bool{}
	for part := range slices.Chunk(skus, 20) {
		for row, err := range h.jst.SKUs.All(ctx, &jushuitan.SKUQuery{SKUIDs: part}) {
			if err != nil {
				return nil, err
			}
			found[row.SKUID] = true
		}
	}
	return found, nil
}

// SendStock uploads the summed stock of the stores to their warehouse, as a stocktake (盘点)
// or as virtual quantities (虚拟库存). It returns the goods that Jushuitan does not have, whose
// stock is left out: one of them would make it refuse all.
func (h *Host) SendStock(ctx context.Context, wmsCoID int64, virtual bool) (sent, unknown []mapping.VirtualStock, err error) {
	skus := h.stockSKUs()
	known, err := h.inJushuitan(ctx, skus)
	if err != nil {
		return nil, nil, err
	}
	var rows []mapping.VirtualStock
	for _, sku := range skus {
		rows = append(rows, mapping.VirtualStock{WMSCoID: wmsCoID, SKUCode: sku, Qty: h.total(sku)})
	}
	sent, unknown = mapping.KnownStock(rows, func(sku string) bool { return known[sku] })
	if virtual {
		for _, req := range mapping.VirtualQtyRequests(sent) {
			if err := h.jst.Inventory.SetVirtualQtys(ctx, req); err != nil {
				return nil, nil, err
			}
		}
		return sent, unknown, nil
	}
	for _, req := range mapping.StocktakeRequests(sent, fmt.Sprintf("DJ-STOCK-%d", time.Now().UnixNano()), "店加门店库存汇总") {
		if _, err := h.jst.Stocktakes.Upload(ctx, req); err != nil {
			return nil, nil, err
		}
	}
	return sent, unknown, nil
}

// pushStock uploads the stock and checks that the ERP has it.
func (h *Host) pushStock(ctx context.Context, virtual bool) error {
	call, skus, sums := "Stocktakes.Upload", []string{}, map[string]string{}
	if virtual {
		call = "Inventory.SetVirtualQtys"
	}
	sent, unknown, err := h.SendStock(ctx, h.wmsCoID, virtual)
	if err != nil {
		return err
	}
	want := map[string]string{}
	for _, r := range sent {
		skus, want[r.SKUCode] = append(skus, r.SKUCode), r.Qty.String()
	}
	for row, err := range h.jst.Inventory.All(ctx, &jushuitan.InventoryQuery{WMSCoID: h.wmsCoID, SKUIDs: skus}) {
		if err != nil {
			return err
		}
		n := row.Qty
		if virtual {
			n = row.VirtualQty
		}
		sums[row.SKUID] = n.String()
	}
	h.line.Step(DianJia, call, fmt.Sprintf("wms_co_id %d", h.wmsCoID), fmt.Sprintf("%s=%s %s=%s %s=%s", TeeM, sums[TeeM], TeeL, sums[TeeL], Cap, sums[Cap]))
	h.line.Check(maps.Equal(sums, want), "the ERP has the stores' sums")
	for _, r := range unknown {
		h.line.Step(DianJia, "left out", r.SKUCode+" "+r.Qty.String(), "Jushuitan does not have the SKU 聚水潭无此商品, not sent")
	}
	h.line.Check(len(unknown) == 1 && unknown[0].SKUCode == StoreOnly, "goods that only the stores have do not stop the others")
	return nil
}

// FetchOutbounds reads the outbound documents (出库单) of the stores' warehouse that have
// changed since the last time, by online order number. It keeps the row version that it
// reached: a host stores it in its database, together with what it did about the documents.
func (h *Host) FetchOutbounds(ctx context.Context) (map[string]*jushuitan.Outbound, error) {
	docs := map[string]*jushuitan.Outbound{}
	call, changed := h.outboundsSince(ctx, h.cursor)
	for d, err := range changed {
		if err != nil {
			return nil, err
		}
		docs[d.SoID] = d
		h.cursor = max(h.cursor, d.TS)
	}
	names := slices.Sorted(maps.Keys(docs))
	h.line.Step(DianJia, call, strings.Join(names, " "), fmt.Sprintf("%s changed, cursor %d", Count(len(docs), "document"), h.cursor))
	return docs, nil
}

func (h *Host) orderState(ctx context.Context, oID int64) (string, error) {
	page, err := h.jst.Orders.Query(ctx, &jushuitan.OrderQuery{OIDs: []int64{oID}})
	if err != nil {
		return "", err
	}
	if len(page.Orders) != 1 {
		return "", fmt.Errorf("order %d: %d found", oID, len(page.Orders))
	}
	return page.Orders[0].Status, nil
}

// onlineOrder returns an order as a platform brings it into the ERP.
func onlineOrder(soID, sku string) jushuitan.OrderUpload {
	return order(PlatformShop, soID, map[string]int64{sku: 1})
}

// order returns a paid order of some goods.
func order(shopID int64, soID string, lines map[string]int64) jushuitan.OrderUpload {
	now := time.Now()
	o := jushuitan.OrderUpload{
		ShopID: shopID, SoID: soID, OrderDate: now, ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopModified: now,
		ShopBuyerID: "buyer-01", ReceiverName: "林一", ReceiverMobile: "13900000001", ReceiverAddress: "浙江省杭州市西湖区示例路8号",
	}
	for i, sku := range slices.Sorted(maps.Keys(lines)) {
		n, price := qty(lines[sku]), qty(59)
		o.Items = append(o.Items, jushuitan.OrderUploadItem{
			SKUID: sku, ShopSKUID: sku, Name: sku, Qty: n, Price: price, BasePrice: price, Amount: price.Mul(n), OuterOIID: fmt.Sprintf("%s-%d", soID, i+1),
		})
		o.PayAmount = o.PayAmount.Add(price.Mul(n))
	}
	o.Pay = &jushuitan.OrderUploadPay{
		OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "seller01", BuyerAccount: "buyer-01", Amount: o.PayAmount,
	}
	return o
}
