// Command store-to-store is flow 6, 店店调拨: goods go from one of DianJia's stores to
// another.
//
//	go run ./examples/store-to-store
//	go run ./examples/store-to-store -dry-run    without a write
//
// The implementation guide shows this flow as a picture that is not available. Our
// interpretation: the stores are DianJia's own. If both feed the same virtual warehouse
// (店加线下仓), only their stock moves; Jushuitan sees one total, which does not change. If they
// feed different ones, a cross-warehouse transfer (跨仓调拨) is uploaded, and DianJia confirms
// both ends with what the stores counted. That moves real stock (实际库存): it is for stores
// whose sum is uploaded as a stocktake (盘点) and not as virtual quantities.
//
// The flow is in package storetransfer; its calls to Jushuitan about a transfer are in
// package allocate of head-office-allocates. It shows the seven failures that every flow
// shows. Transfers have no pushes; in their place it shows a job that runs twice and a
// missed poll. No API has a field for the carrier; in place of an unknown carrier it shows
// what becomes of the carrier's name.
//
// With a real account it uploads one transfer and shows its progress:
//
//	go run ./examples/store-to-store -app-key KEY -no DD-1 -from 10100088:1 -to 10100089:1 -lines 'TEE-M=3' -yes
package main

import (
	"context"
	_ "embed"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/store-to-store/storetransfer"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "store-to-store", Source: source, Flags: q.Flags, Furnish: storetransfer.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				h := &allocate.Host{Client: a.Client}
				return flows.Real(ctx, a, q, dianjia.TransferBetweenStores, h.Upload, h.Read)
			}
			return flows.Run(ctx, a, storetransfer.Play)
		},
	}
}
