// Command store-returns is flow 5, 店铺退货: a store sends goods back to head office, and
// Jushuitan's WMS receives them in its return warehouse 销退仓 (slot 2).
//
//	go run ./examples/store-returns
//	go run ./examples/store-returns -dry-run    without a write
//
// The implementation guide shows this flow as a picture that is not available. Our
// interpretation: an other-in (其它退货) to slot 2 of the head warehouse, which waits until the
// WMS has counted; the actual quantities are read back. Good items move from slot 2 to the
// main slot by a transfer within the warehouse (仓内调拨).
//
// The flow is in package returns; the code to copy is in its host.go. It shows the seven
// failures that every flow shows. Other-ins have no pushes; in their place it shows a job
// that runs twice and a missed poll.
//
// With a real account it uploads one other-in and shows its progress:
//
//	go run ./examples/store-returns -app-key KEY -no TH-1 -from S01 -to 10100001:2 -lines 'TEE-M=3' -yes
package main

import (
	"context"
	_ "embed"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/store-returns/returns"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "store-returns", Source: source, Flags: q.Flags, Furnish: returns.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				h := &returns.Host{Client: a.Client}
				return flows.Real(ctx, a, q, dianjia.TransferReturn, h.Upload, h.Read)
			}
			return flows.Run(ctx, a, returns.Play)
		},
	}
}
