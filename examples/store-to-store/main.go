// Command store-to-store is flow 6, 店店调拨: goods go from one of DianJia's stores to
// another.
//
//	go run ./examples/store-to-store
//
// The implementation guide shows this flow as a picture that is not available. Our
// reading: the stores are DianJia's own. When both feed the same virtual warehouse
// (店加线下仓) only their stock moves; Jushuitan sees one total, which stays as it is. When
// they feed different ones, a cross-warehouse transfer (跨仓调拨) is uploaded, and DianJia
// confirms both ends with what the stores counted. That moves real stock (实际库存): it is
// for stores whose sum goes up as a stocktake (盘点) and not as virtual quantities.
//
// The flow is in package storetransfer; what it says to Jushuitan about a transfer is
// package allocate of head-office-allocates. It shows the seven failures that every flow
// shows; instead of pushes, which transfers do not have, a job that runs twice and a poll
// that was missed; and instead of an unknown carrier, for which no API has a field,
// what becomes of the carrier's name.
//
// With a real account it uploads one transfer and shows how far it is:
//
//	go run ./examples/store-to-store -app-key KEY -no DD-1 -from 10100088:1 -to 10100089:1 -lines 'TEE-M=3' -yes
package main

import (
	"context"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/store-to-store/storetransfer"
)

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "store-to-store", Flags: q.Flags, Furnish: storetransfer.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				h := &allocate.Host{Client: a.Client}
				return flows.Real(ctx, a, q, dianjia.TransferBetweenStores, h.Upload, h.Read)
			}
			return flows.Run(ctx, a, storetransfer.Play)
		},
	}
}
