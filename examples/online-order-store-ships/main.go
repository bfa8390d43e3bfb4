// Command online-order-store-ships is flow 1 of the implementation guide, 业务一
// 线上订单线下发货: an online order that the ERP assigned to 店加线下仓 and a store ships.
//
//	go run ./examples/online-order-store-ships
//
// First the flow as it should go (part 2 of the guide), then what goes wrong: a carrier
// that nobody knows, a SKU that was not downloaded, an order that no store can ship
// whole, orders that are cancelled too late, documents that are shipped twice, a token
// that ends in the middle.
//
// With a real account it lists what stores are to ship, and ships one document:
//
//	go run ./examples/online-order-store-ships -app-key KEY
//	go run ./examples/online-order-store-ships -app-key KEY -ship 123456 -carrier 圆通速递 -waybill YT1 -yes
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func main() { app.Main(program()) }

// options are the program's own flags.
type options struct {
	virtual          bool
	days             int
	ship             int64
	carrier, waybill string
	yes              bool
}

func program() app.Program {
	var o options
	return app.Program{
		Name: "online-order-store-ships", Furnish: furnish,
		Flags: func(fs *flag.FlagSet) {
			fs.BoolVar(&o.virtual, "virtual", false, "push store stock as virtual quantities (虚拟库存) instead of a stocktake (盘点)")
			fs.IntVar(&o.days, "days", 7, "real account: how far back to look for documents that wait")
			fs.Int64Var(&o.ship, "ship", 0, "real account: io_id of the outbound document 出库单 to ship")
			fs.StringVar(&o.carrier, "carrier", "", "real account: name of the carrier 物流公司")
			fs.StringVar(&o.waybill, "waybill", "", "real account: waybill 快递单号")
			fs.BoolVar(&o.yes, "yes", false, "real account: really ship")
		},
		Run: func(ctx context.Context, a *app.App) error {
			h := &host{client: a.Client}
			if a.Real() {
				return h.real(ctx, a, o)
			}
			return h.demo(ctx, a, o.virtual)
		},
	}
}

// host is DianJia's side of the flow. Its methods are what to copy.
type host struct {
	client   *jushuitan.Client
	carriers mapping.Carriers
}

// loadCarriers makes the table of carriers: the built-in one with what the merchant has
// set up in Jushuitan. Rows of DianJia's own are added with With.
func (h *host) loadCarriers(ctx context.Context) error {
	var rows []jushuitan.Carrier
	for row, err := range h.client.Carriers.All(ctx, &jushuitan.CarrierQuery{}) {
		if err != nil {
			return err
		}
		rows = append(rows, *row)
	}
	var err error
	h.carriers, _, err = mapping.DefaultCarriers().WithJushuitan(rows)
	return err
}

// warehouse is the wms_co_id of 店加线下仓.
func (h *host) warehouse(ctx context.Context) (int64, error) {
	for w, err := range h.client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return 0, err
		}
		if w.Name == dianjia.WarehouseName {
			return w.WMSCoID, nil
		}
	}
	return 0, fmt.Errorf("no warehouse is named %s: make it in Jushuitan, or configure its number / 未找到名为%s的仓库", dianjia.WarehouseName, dianjia.WarehouseName)
}

// outbound reads one outbound document.
func (h *host) outbound(ctx context.Context, ioID int64) (*jushuitan.Outbound, error) {
	page, err := h.client.Outbounds.Query(ctx, &jushuitan.OutboundQuery{IOIDs: []string{strconv.FormatInt(ioID, 10)}})
	if err != nil {
		return nil, err
	}
	if len(page.Outbounds) != 1 {
		return nil, fmt.Errorf("outbound document %d: %d found / 出库单不存在", ioID, len(page.Outbounds))
	}
	return &page.Outbounds[0], nil
}

// ship tells Jushuitan that a store shipped a document, which is shipped whole. An
// unknown carrier is an error before anything is sent. carrier is the name that the staff
// chose.
func (h *host) ship(ctx context.Context, doc *jushuitan.Outbound, carrier, waybill string) error {
	lcID, company, err := h.carriers.ToJushuitan("", carrier)
	if err != nil {
		return err
	}
	_, err = h.client.Outbounds.Ship(ctx, []jushuitan.OutboundShip{{IOID: doc.IOID, WMSCoID: doc.WMSCoID, LCID: lcID, LCName: company, LID: waybill}})
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	// A job that ran twice, or whose answer was lost: was it this very shipment?
	now, readErr := h.outbound(ctx, doc.IOID)
	if readErr == nil && mapping.OutboundStateOf(now.Status) == mapping.OutboundShipped && now.LID == waybill {
		return nil
	}
	return err
}

// real lists what waits for stores, or ships one document.
func (h *host) real(ctx context.Context, a *app.App, o options) error {
	if err := h.loadCarriers(ctx); err != nil {
		return err
	}
	if o.ship != 0 {
		doc, err := h.outbound(ctx, o.ship)
		if err != nil {
			return err
		}
		a.Printf("io_id %d %s: %s, %s\n", doc.IOID, doc.SoID, mapping.OutboundStateOf(doc.Status).Label(), lines(doc))
		if !o.yes && !a.DryRun {
			a.Printf("This ships it in a real account: give -yes to do it, -dry-run to see it. / 将写入真实账号，确认请加 -yes\n")
			return nil
		}
		return h.ship(ctx, doc, o.carrier, o.waybill)
	}
	wmsCoID, err := h.warehouse(ctx)
	if err != nil {
		return err
	}
	n := 0
	for doc, err := range h.client.Outbounds.All(ctx, &jushuitan.OutboundQuery{
		WMSCoID: wmsCoID, Status: jushuitan.OutboundStatusWaitConfirm, ModifiedBegin: time.Now().AddDate(0, 0, -o.days),
	}) {
		if err != nil {
			return err
		}
		n++
		a.Printf("io_id %d  %s  %s\n", doc.IOID, doc.SoID, lines(doc))
	}
	a.Printf("%d documents of %d days wait in %s (%d). / 近 %d 天 %d 张出库单待发货\n", n, o.days, dianjia.WarehouseName, wmsCoID, o.days, n)
	return nil
}

func lines(doc *jushuitan.Outbound) string {
	var out []string
	for _, it := range doc.Items {
		out = append(out, fmt.Sprintf("%s x%s", it.SKUID, it.Qty))
	}
	return strings.Join(out, ", ")
}

// demo goes through the flow and its failures against the fake.
func (h *host) demo(ctx context.Context, a *app.App, virtual bool) error {
	if flows.DryRunEnds(a) {
		return nil
	}
	r := flows.New(a.Out)
	dj, err := demo.NewHost(a.Client, r.Timeline)
	if err != nil {
		return err
	}
	if err := demo.FlowOne(ctx, a.Fake, dj, virtual); err != nil {
		return err
	}
	if err := h.loadCarriers(ctx); err != nil {
		return err
	}
	f := &failures{host: h, erp: a.Fake, r: r, known: map[string]bool{demo.TeeM: true, demo.TeeL: true, demo.Cap: true}}
	for _, scene := range []func(context.Context) error{
		f.carrierUnknown, f.shippedTwice, f.cancelledAfterShipping, f.cancelledBeforeShipping, f.inParts, f.skuUnknown, f.tokenExpired,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return r.End()
}
