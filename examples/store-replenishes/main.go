// Command store-replenishes is flow 4, 店铺补货: a store asks for goods, head office
// approves what it has, Jushuitan's WMS picks and ships them.
//
//	go run ./examples/store-replenishes
//	go run ./examples/store-replenishes -dry-run    without a write
//
// The implementation guide shows this flow as a picture that is not available. Our
// interpretation: an other-out (其它出库) from the head warehouse. Jushuitan learns what leaves
// but not its destination: the receipt exists only in DianJia, and the stores' new sum is
// pushed to 店加线下仓 afterwards. A transfer as in head-office-allocates works too; an
// other-out also works for a store that is not bound to a warehouse.
//
// The flow is in package replenish; the code to copy is in its host.go. It shows the seven
// failures that every flow shows. Other-outs have no pushes; in their place it shows a job
// that runs twice and a missed poll.
//
// With a real account it uploads one other-out and shows its progress:
//
//	go run ./examples/store-replenishes -app-key KEY -no BH-1 -from 10100001:1 -to S02 -lines 'TEE-M=10' -yes
package main

import (
	"context"
	_ "embed"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/store-replenishes/replenish"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "store-replenishes", Source: source, Flags: q.Flags, Furnish: replenish.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				h := &replenish.Host{Client: a.Client}
				return flows.Real(ctx, a, q, dianjia.TransferReplenishment, h.Upload, h.Read)
			}
			return flows.Run(ctx, a, replenish.Play)
		},
	}
}
