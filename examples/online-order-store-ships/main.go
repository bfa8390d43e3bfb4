// Command online-order-store-ships is flow 1 of the implementation guide, 业务一
// 线上订单线下发货: an online order that the ERP assigned to 店加线下仓 and a store ships.
//
//	go run ./examples/online-order-store-ships
//
// It shows the flow as it should go (part 2 of the guide), then what goes wrong: the seven
// failures that every flow shows, and some of its own. Jushuitan sends no pushes for these
// documents, so they are polled: a job that runs twice takes the place of a duplicate push,
// and a missed poll that of a lost push.
//
// The flow is in package storeship; the code to copy is in its host.go.
//
// With a real account it lists what stores must ship, and ships one document:
//
//	go run ./examples/online-order-store-ships -app-key KEY
//	go run ./examples/online-order-store-ships -app-key KEY -ship 123456 -carrier 圆通速递 -waybill YT1 -yes
package main

import (
	"context"
	_ "embed"
	"flag"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/online-order-store-ships/storeship"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

//go:embed main.go
var source string

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
		Name: "online-order-store-ships", Source: source, Furnish: storeship.Furnish,
		Flags: func(fs *flag.FlagSet) {
			fs.BoolVar(&o.virtual, "virtual", false, "push store stock as virtual quantities (虚拟库存) instead of a stocktake (盘点)")
			fs.IntVar(&o.days, "days", 7, "real account: days to look back for waiting documents")
			fs.Int64Var(&o.ship, "ship", 0, "real account: io_id of the outbound document 出库单 to ship")
			fs.StringVar(&o.carrier, "carrier", "", "real account: name of the carrier 物流公司")
			fs.StringVar(&o.waybill, "waybill", "", "real account: waybill number 快递单号")
			fs.BoolVar(&o.yes, "yes", false, "real account: confirm the shipment")
		},
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				return real(ctx, a, o)
			}
			return flows.Run(ctx, a, storeship.Play(storeship.Options{Virtual: o.virtual}))
		},
	}
}

// real lists the documents that wait for stores, or ships one.
func real(ctx context.Context, a *app.App, o options) error {
	h := &storeship.Host{Client: a.Client}
	if err := h.LoadCarriers(ctx); err != nil {
		return err
	}
	if o.ship != 0 {
		doc, err := h.Outbound(ctx, o.ship)
		if err != nil {
			return err
		}
		a.Printf("io_id %d %s: %s, %s\n", doc.IOID, doc.SoID, mapping.OutboundStateOf(doc.Status).Label(), storeship.Lines(doc))
		if !o.yes && !a.DryRun {
			a.Printf("This ships it in a real account: confirm with -yes, or preview with -dry-run. / 将写入真实账号，确认请加 -yes\n")
			return nil
		}
		return h.Ship(ctx, doc, o.carrier, o.waybill)
	}
	wmsCoID, err := h.Warehouse(ctx)
	if err != nil {
		return err
	}
	n := 0
	for doc, err := range h.Client.Outbounds.All(ctx, &jushuitan.OutboundQuery{
		WMSCoID: wmsCoID, Status: jushuitan.OutboundStatusWaitConfirm, ModifiedBegin: time.Now().AddDate(0, 0, -o.days),
	}) {
		if err != nil {
			return err
		}
		n++
		a.Printf("io_id %d  %s  %s\n", doc.IOID, doc.SoID, storeship.Lines(doc))
	}
	a.Printf("%d documents of %d days are waiting in %s (%d). / 近 %d 天 %d 张出库单待发货\n", n, o.days, dianjia.WarehouseName, wmsCoID, o.days, n)
	return nil
}
