// Command head-office-allocates is flow 3, 总部配货: head office sends goods to a store,
// Jushuitan's WMS picks and ships them, the store receives them.
//
//	go run ./examples/head-office-allocates
//	go run ./examples/head-office-allocates -dry-run    without a write
//
// The implementation guide shows this flow as a picture that is not available. Our
// interpretation: a cross-warehouse transfer (跨仓调拨) from the head warehouse to the
// warehouse that represents the stores. Shipped and received quantities are read back, and
// each difference requires a decision: request again, or settle with a difference document.
//
// The flow is in package allocate; the code to copy is in its host.go. It shows the seven
// failures that every flow shows. Transfers have no pushes; in their place it shows a job
// that runs twice and a missed poll.
//
// With a real account it uploads one transfer and shows its progress:
//
//	go run ./examples/head-office-allocates -app-key KEY -no PH-1 -from 10100001:1 -to 10100088:1 -lines 'TEE-M=10' -yes
package main

import (
	"context"
	_ "embed"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

func program() app.Program {
	q := &flows.Request{}
	return app.Program{
		Name: "head-office-allocates", Source: source, Flags: q.Flags, Furnish: allocate.Furnish,
		Run: func(ctx context.Context, a *app.App) error {
			if a.Real() {
				h := &allocate.Host{Client: a.Client}
				return flows.Real(ctx, a, q, dianjia.TransferAllocation, h.Upload, h.Read)
			}
			return flows.Run(ctx, a, allocate.Play)
		},
	}
}
