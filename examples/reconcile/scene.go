package main

import (
	"context"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// scene is a day on which pushes get lost.
type scene struct {
	*host
	way  *gate
	urls dianjia.URLBuilder
}

// order creates an order of the mall.
func (s *scene) order(soID string, lines flows.Qtys) (oID int64, err error) {
	u := jushuitan.OrderUpload{ShopID: demo.MallShop, SoID: soID}
	for _, it := range lines.Items() {
		u.Items = append(u.Items, jushuitan.OrderUploadItem{SKUID: it.SKUCode, Qty: it.Qty, Price: decimal.NewFromInt(59)})
	}
	return s.erp.ImportOrder(u)
}

// ship ships an order in parcels, by their waybills.
func (s *scene) ship(soID string, lines flows.Qtys, parcels ...jushuitantest.Parcel) error {
	oID, err := s.order(soID, lines)
	if err != nil {
		return err
	}
	ioID, err := s.erp.AssignOrder(oID, demo.MainWarehouse)
	if err != nil {
		return err
	}
	for _, p := range parcels {
		if err := s.erp.ShipOutbound(ioID, p); err != nil {
			return err
		}
		s.r.Step(demo.Jushuitan, "warehouse ships", soID+" "+p.LID, "")
	}
	return nil
}

func (s *scene) working(ctx context.Context) error {
	if err := s.ship("MALL-8001", flows.Qtys{demo.TeeM: 2}, jushuitantest.Parcel{LCID: "YTO", LID: "YT8001"}); err != nil {
		return err
	}
	if err := s.erp.PushStock(demo.MallShop, demo.MainWarehouse, demo.TeeM, demo.TeeL, demo.Cap); err != nil {
		return err
	}
	if err := s.erp.WaitPushes(ctx); err != nil {
		return err
	}
	state, calls := s.believes("MALL-8001 YT8001")
	s.r.Check(state == "shipped by 圆通速递" && calls == 4, "the shipment and three stock rows arrived: %s", state)
	s.erp.Advance(time.Minute)
	return nil
}

// down: the host is unavailable while people work in the ERP.
func (s *scene) down(ctx context.Context) error {
	s.r.Shows(flows.LostPush, "the receiver is down, and the pushes are lost")
	s.way.close(true)
	if err := s.ship("MALL-8002", flows.Qtys{demo.TeeM: 1, demo.Cap: 1},
		jushuitantest.Parcel{LCID: "YTO", LID: "YT8002", Lines: flows.Qtys{demo.TeeM: 1}.Decimals()},
		jushuitantest.Parcel{LCID: "SF", LID: "SF8002", Lines: flows.Qtys{demo.Cap: 1}.Decimals()}); err != nil {
		return err
	}
	oID, err := s.order("MALL-8003", flows.Qtys{demo.TeeL: 1})
	if err != nil {
		return err
	}
	if err := s.erp.CancelOrder(oID, "缺货"); err != nil {
		return err
	}
	s.r.Step(demo.Jushuitan, "order cancelled", "MALL-8003", "")
	price := decimal.NewFromInt(59)
	results, err := s.client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{{
		ShopID: demo.MallShop, SoID: "MALL-8001", OuterASID: "RET-8001", Type: "普通退货", ShopStatus: "WAIT_BUYER_RETURN_GOODS",
		GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "七天无理由退货", TotalAmount: price, Refund: price,
		Items: []jushuitan.AfterSaleUploadItem{{OuterOIID: "MALL-8001-1", SKUID: demo.TeeM, Qty: decimal.NewFromInt(1), Amount: price, Type: jushuitan.AfterSaleTypeReturn}},
	}})
	if err != nil {
		return err
	}
	if err := s.erp.ReceiveReturn(results[0].Result.ASID); err != nil {
		return err
	}
	s.r.Step(demo.Jushuitan, "goods received", "RET-8001", "")
	if err := s.erp.PushStock(demo.MallShop, demo.MainWarehouse, demo.TeeM, demo.Cap); err != nil {
		return err
	}
	if err := s.erp.WaitPushes(ctx); err != nil {
		return err
	}
	lost := 0
	for _, p := range s.erp.Pushes() {
		if !p.Delivered() {
			lost++
		}
	}
	state, calls := s.believes("MALL-8002 YT8002")
	for _, d := range [][2]string{{"MALL-8002", "YT8002"}, {"MALL-8002", "SF8002"}, {"MALL-8003"}, {"RET-8001"}, {demo.TeeM}, {demo.Cap}} {
		s.r.Differs(d[0], d[1], demo.PushMissed, flows.One())
	}
	s.r.Check(lost == 5 && calls == 4, "%d pushes are lost; the host's state of MALL-8002: %s", lost, state)
	s.erp.Advance(time.Hour) // newer documents may still be in transit
	s.way.close(false)
	return nil
}

func (s *scene) makeGood(ctx context.Context) error {
	s.r.Part("Reconcile 核对补发: the first run")
	found, err := s.reconcile(ctx)
	if err != nil {
		return err
	}
	missed := 0
	for _, d := range found {
		if d.Kind == callback.Missed {
			missed++
		}
	}
	s.r.Check(missed == 6 && len(found) == 6, "two parcels, a cancel, a return and two stock figures were missed: %d differences", len(found))
	for _, want := range [][2]string{
		{"MALL-8002 YT8002", "shipped by 圆通速递"}, {"MALL-8002 SF8002", "shipped by 顺丰速运"}, {"MALL-8003", "cancelled"}, {"RET-8001", "确认收货"}, {demo.Cap, "99"},
	} {
		state, _ := s.believes(want[0])
		s.r.Check(state == want[1], "the host knows: %s %s", want[0], state)
	}
	return nil
}

func (s *scene) again(ctx context.Context) error {
	s.r.Part("Reconcile 核对补发: the second run")
	found, err := s.reconcile(ctx)
	if err != nil {
		return err
	}
	s.r.Check(len(found) == 0, "it finds %d differences", len(found))
	return nil
}

func (s *scene) late(ctx context.Context) error {
	s.r.Shows(flows.DuplicatePush, "the lost pushes arrive late 迟到的推送")
	_, before := s.believes("")
	sent, taken := s.way.late(ctx)
	_, after := s.believes("")
	state, _ := s.believes("MALL-8002 YT8002")
	s.r.Host("acknowledges them as duplicates: %d of %d; MALL-8002 is %s", taken, sent, state)
	// The stock push has no key: its figures are absolute, and its rows may be handled
	// again.
	s.r.Check(sent == 5 && taken == 5 && after-before <= 2, "no shipment, cancel or return was handled a second time")
	return nil
}

// unexpected: somebody has seen the registered URL, with its token.
func (s *scene) unexpected(ctx context.Context) error {
	s.r.Failure("a push of a parcel unknown to the ERP, from somebody who has seen the URL 可疑推送")
	sender, err := dianjia.New(dianjia.Config{URLs: s.urls})
	if err != nil {
		return err
	}
	order, ok := s.erp.OrderBySoID(demo.MallShop, "MALL-8003")
	s.r.Check(ok, "the order is there")
	if err := sender.SendShipment(ctx, dianjia.Target{EntID: demo.Merchant, StorageCode: strconv.FormatInt(demo.MallShop, 10)}, &jushuitan.ShipmentPush{
		OID: order.OID, SoID: order.SoID, LID: "FAKE1", LCID: "YTO", LogisticsCompany: "圆通速递",
		Items: []jushuitan.ShipmentPushItem{{SKUID: demo.TeeL, Qty: decimal.NewFromInt(1), SoID: order.SoID}},
	}); err != nil {
		return err
	}
	s.erp.Advance(time.Hour / 2)
	found, err := s.reconcile(ctx)
	if err != nil {
		return err
	}
	s.r.Differs("MALL-8003", "FAKE1", demo.NotInERP, flows.One())
	for _, d := range found {
		s.r.Settles(d.SoID, d.LID, demo.NotInERP, flows.One(), "a person removes the parcel from the order")
	}
	s.r.Host("removes the parcel from the order and changes the secret of the URLs (receive-callbacks -new-secret)")
	s.r.Check(len(found) == 1 && found[0].Kind == callback.Unexpected && found[0].LID == "FAKE1", "%d difference: the ERP has no such parcel", len(found))
	return nil
}
