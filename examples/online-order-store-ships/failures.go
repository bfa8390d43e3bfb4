package main

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// newSKU is in Jushuitan and was not downloaded to DianJia.
const newSKU = "TEE24-GRN-M"

func furnish(s *jushuitantest.Server) error {
	if err := s.AddSKU(jushuitan.SKU{SKUID: newSKU, IID: "TEE24", Name: "圆领纯棉T恤", PropertiesValue: "绿色;M", SalePrice: decimal.NewFromInt(59)}); err != nil {
		return err
	}
	return s.SetStock(demo.OtherWarehouse, newSKU, decimal.NewFromInt(20))
}

// failures are the scenes that go wrong on purpose.
type failures struct {
	*host
	erp   *jushuitantest.Server
	r     *flows.Report
	known map[string]bool // SKUs in DianJia's product centre
	order *jushuitan.Outbound
}

// arrive lets an online order come in and be assigned to 店加线下仓.
func (f *failures) arrive(ctx context.Context, soID string, skus ...string) error {
	o := jushuitan.OrderUpload{ShopID: demo.PlatformShop, SoID: soID}
	for _, sku := range skus {
		o.Items = append(o.Items, jushuitan.OrderUploadItem{SKUID: sku, Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)})
	}
	oID, err := f.erp.ReceiveOrder(o)
	if err != nil {
		return err
	}
	ioID, err := f.erp.Assign(oID, demo.StoreWarehouse)
	if err != nil {
		return err
	}
	if f.order, err = f.outbound(ctx, ioID); err != nil {
		return err
	}
	f.r.Step(demo.Jushuitan, "order assigned", fmt.Sprintf("%s io_id %d", soID, ioID), lines(f.order))
	return nil
}

func (f *failures) state(ctx context.Context) (mapping.OutboundState, error) {
	doc, err := f.outbound(ctx, f.order.IOID)
	if err != nil {
		return "", err
	}
	return mapping.OutboundStateOf(doc.Status), nil
}

func (f *failures) carrierUnknown(ctx context.Context) error {
	f.r.Failure("the store's carrier is not known 物流公司未知")
	if err := f.arrive(ctx, "DY-1101", demo.TeeM); err != nil {
		return err
	}
	f.r.Says(f.ship(ctx, f.order, "圆通速运达", "YT1101"), nil)
	state, err := f.state(ctx)
	if err != nil {
		return err
	}
	f.r.Check(state == mapping.OutboundWaiting, "nothing was sent, the document waits")
	f.r.Host("shows the nearest ones to choose from; or, since 圆通速运达 is a name that this merchant uses, adds it to the row")
	rows := f.carriers.Rows()
	for _, row := range rows {
		if row.Code == "YTO" {
			row.Aliases = append(row.Aliases, "圆通速运达")
			if f.carriers, err = f.carriers.With(row); err != nil {
				return err
			}
		}
	}
	if err := f.ship(ctx, f.order, "圆通速运达", "YT1101"); err != nil {
		return err
	}
	f.r.Step(demo.DianJia, "Outbounds.Ship", fmt.Sprintf("io_id %d YT1101", f.order.IOID), "shipped")

	f.r.Failure("the carrier is known, but the merchant has not set it up in Jushuitan 物流公司未在聚水潭设置")
	f.r.Says(f.ship(ctx, f.order, "韵达速递", "YD1"), nil)
	f.r.Host("asks the merchant to add the carrier in Jushuitan, and reads the carriers again")
	return nil
}

func (f *failures) shippedTwice(ctx context.Context) error {
	f.r.Failure("a job ships the same document twice 重复发货")
	err := f.ship(ctx, f.order, "圆通速递", "YT1101")
	f.r.Host("nothing: the ERP refuses the repeat, the document has this very waybill, so it is done")
	f.r.Check(err == nil, "the repeat counts as done")
	f.r.Failure("another store ships it too, with another waybill 两店同时发货")
	f.r.Says(f.ship(ctx, f.order, "顺丰速运", "SF1101"), jushuitan.ErrInvalid)
	f.r.Host("tells the second store to unpack")
	return nil
}

func (f *failures) cancelledAfterShipping(ctx context.Context) error {
	f.r.Failure("the buyer cancels after the store shipped 发货后取消")
	_, err := f.client.Orders.Cancel(ctx, &jushuitan.OrderCancel{OIDs: []int64{f.order.OID}, CancelType: "客户取消", Remark: "不想要了"})
	f.r.Says(err, jushuitan.ErrInvalid)
	f.r.Host("does not put the goods back into the store's stock: a return is opened when they come")
	return nil
}

func (f *failures) cancelledBeforeShipping(ctx context.Context) error {
	f.r.Failure("the order is cancelled while the store packs 拣货中取消")
	if err := f.arrive(ctx, "DY-1102", demo.TeeM); err != nil {
		return err
	}
	if err := f.erp.Cancel(f.order.OID, "买家取消"); err != nil {
		return err
	}
	f.r.Says(f.ship(ctx, f.order, "圆通速递", "YT1102"), jushuitan.ErrInvalid)
	state, err := f.state(ctx)
	if err != nil {
		return err
	}
	f.r.Check(state == mapping.OutboundVoided, "the document is %s", state.Label())
	f.r.Host("stops the parcel, and puts the goods back into the store's stock")
	return nil
}

// inParts: Outbounds.Ship ships a document whole, so an order that no store can ship
// alone is given back. The other warehouse ships it in two parcels.
func (f *failures) inParts(ctx context.Context) error {
	f.r.Failure("no store has all lines, the order goes out in parts 部分发货")
	if err := f.arrive(ctx, "DY-1103", demo.TeeL, demo.Cap); err != nil {
		return err
	}
	f.r.Host("S01 has the tee, S02 the cap: a document is shipped whole or not at all, so the order goes to %d", demo.OtherWarehouse)
	if err := f.client.Orders.AssignWarehouse(ctx, []jushuitan.OrderWarehouse{{OID: f.order.OID, WMSCoID: demo.OtherWarehouse}}); err != nil {
		return err
	}
	moved, ok := f.erp.OutboundOf(f.order.OID)
	f.r.Check(ok && moved.WMSCoID == demo.OtherWarehouse, "the other warehouse has the document")
	for i, sku := range []string{demo.TeeL, demo.Cap} {
		waybill := fmt.Sprintf("SF110%d", 3+i)
		if err := f.erp.Ship(moved.IOID, jushuitantest.Parcel{LCID: "SF", LID: waybill, Lines: flows.Qtys{sku: 1}.Decimals()}); err != nil {
			return err
		}
		page, err := f.client.Orders.Query(ctx, &jushuitan.OrderQuery{OIDs: []int64{f.order.OID}})
		if err != nil {
			return err
		}
		if len(page.Orders) != 1 {
			return fmt.Errorf("order %d: %d found", f.order.OID, len(page.Orders))
		}
		state := mapping.OrderStateOf(page.Orders[0].Status)
		f.r.Step(demo.Jushuitan, "warehouse ships", waybill+" "+sku, "the order is "+string(state)+" "+state.Label())
		want := []mapping.OrderState{mapping.OrderShipping, mapping.OrderShipped}[i]
		f.r.Check(state == want, "after parcel %d of 2 the order is %s", i+1, want)
	}
	return nil
}

// skuUnknown: what is not in DianJia's product centre is downloaded on the spot.
func (f *failures) skuUnknown(ctx context.Context) error {
	f.r.Failure("an order names a SKU that was not downloaded 商品未下载")
	if err := f.arrive(ctx, "DY-1104", newSKU); err != nil {
		return err
	}
	var missing []string
	for _, it := range f.order.Items {
		if !f.known[it.SKUID] {
			missing = append(missing, it.SKUID)
		}
	}
	page, err := f.client.SKUs.Query(ctx, &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList(missing)})
	if err != nil {
		return err
	}
	mapper, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		return err
	}
	for _, p := range mapper.SKUs(page.SKUs) {
		for _, sku := range p.SKUs {
			f.known[sku.Code] = true
			f.r.Step(demo.DianJia, "SKUs.Query", sku.Code, fmt.Sprintf("downloaded: %s %s %s %s", p.StyleNo, p.Name, sku.Color, sku.Size))
		}
	}
	f.r.Check(f.known[newSKU], "the SKU is known now")
	f.r.Host("no store has it: the order goes to %d. A SKU that Jushuitan has not either is marked abnormal (Orders.MarkQuestion)", demo.OtherWarehouse)
	return f.client.Orders.AssignWarehouse(ctx, []jushuitan.OrderWarehouse{{OID: f.order.OID, WMSCoID: demo.OtherWarehouse}})
}

func (f *failures) tokenExpired(ctx context.Context) error {
	f.r.Failure("the token ends in the middle 令牌过期")
	f.erp.ExpireTokens("")
	tokens := f.erp.Stats().TokenCalls
	n := 0
	for _, err := range f.client.Outbounds.Since(ctx, 0, &jushuitan.OutboundQuery{WMSCoID: demo.StoreWarehouse}) {
		if err != nil {
			return err
		}
		n++
	}
	f.r.Host("nothing: the client got a new token and read on, %d documents", n)
	f.r.Check(f.erp.Stats().TokenCalls > tokens && n > 0, "the token was renewed by itself")
	return nil
}
