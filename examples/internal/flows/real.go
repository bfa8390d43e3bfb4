package flows

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Request is a transfer given by flags, for a real account.
type Request struct {
	no, from, to, lines string
	yes                 bool
}

// Flags adds the flags.
func (q *Request) Flags(fs *flag.FlagSet) {
	fs.StringVar(&q.no, "no", "", "real account: number of the transfer 调拨单号; repeating a number uploads nothing twice")
	fs.StringVar(&q.from, "from", "", "real account: origin as wms_co_id:slot, such as "+HeadWarehouse+":1, or the code of a store unknown to Jushuitan")
	fs.StringVar(&q.to, "to", "", "real account: destination, in the same form")
	fs.StringVar(&q.lines, "lines", "", "real account: SKUs and quantities, such as 'TEE-M=10,TEE-L=6'")
	fs.BoolVar(&q.yes, "yes", false, "real account: confirm the upload")
}

// transfer reads the flags.
func (q *Request) transfer(entID string, kind dianjia.TransferKind) (*dianjia.Transfer, []dianjia.WarehouseBinding, error) {
	if q.no == "" || q.from == "" || q.to == "" || q.lines == "" {
		return nil, nil, cli.Usagef("a real account requires -no, -from, -to and -lines / 连接真实账号需要这四个参数")
	}
	t := &dianjia.Transfer{EntID: entID, TransferNo: q.no, Kind: kind, FromCode: q.from, ToCode: q.to, Created: time.Now()}
	for part := range strings.SplitSeq(q.lines, ",") {
		sku, n, ok := strings.Cut(strings.TrimSpace(part), "=")
		qty, err := decimal.NewFromString(n)
		if !ok || err != nil {
			return nil, nil, cli.Usagef("-lines: %q is not SKU=quantity", part)
		}
		line := dianjia.TransferItem{SKUCode: sku, Qty: qty}
		if kind == dianjia.TransferReturn {
			line.Shipped = qty // the store has packed what it reports
		}
		t.Items = append(t.Items, line)
	}
	var bound []dianjia.WarehouseBinding
	for _, code := range []string{q.from, q.to} {
		number, slot, _ := strings.Cut(code, ":")
		wmsCoID, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue // a store that Jushuitan does not know
		}
		at := dianjia.SlotMain
		if slot != "" {
			n, err := strconv.Atoi(slot)
			if err != nil || n < 1 || n > 15 {
				return nil, nil, fmt.Errorf("%q: the slot is a number from 1 to 15", code)
			}
			at = dianjia.WarehouseSlot(n)
		}
		bound = append(bound, dianjia.WarehouseBinding{EntID: t.EntID, WarehouseCode: code, WMSCoID: wmsCoID, Slot: at})
	}
	return t, bound, nil
}

// DryRunEnds reports whether a dry run ends here, since what follows needs the document
// that was not created.
func DryRunEnds(a *app.App) bool {
	if a.DryRun {
		a.Printf("The dry run ends here; nothing was sent. / 演练结束，未发送任何数据。\n")
	}
	return a.DryRun
}

// Real runs a flow with a real account: it uploads the transfer of the flags and prints its
// progress. People do the picking, shipping and receiving; run it again to see the
// progress, since the number makes the upload idempotent.
func Real(
	ctx context.Context, a *app.App, q *Request, kind dianjia.TransferKind,
	upload func(context.Context, mapping.TransferPlan) (ioID int64, err error),
	read func(context.Context, *dianjia.Transfer, int64) (mapping.TransferProgress, error),
) error {
	t, bound, err := q.transfer(a.Client.Merchant(), kind)
	if err != nil {
		return err
	}
	plan, err := mapping.PlanTransfer(t, nil, bound)
	if err != nil {
		return err
	}
	a.Printf("%s %s: %s -> %s, %s, %d lines\n", t.Kind, t.TransferNo, t.FromCode, t.ToCode, plan.Route(), len(t.Items))
	if !q.yes && !a.DryRun {
		a.Printf("This uploads the transfer to a real account: confirm with -yes, or preview with -dry-run. / 将写入真实账号，确认请加 -yes\n")
		return nil
	}
	ioID, err := upload(ctx, plan)
	if err != nil || DryRunEnds(a) {
		return err
	}
	a.Printf("Jushuitan's document 单号: io_id %d\n", ioID)
	p, err := read(ctx, t, ioID)
	if err != nil {
		return err
	}
	New(a.Out).Table(&p)
	a.Printf("Run it again with the same number to see what was shipped and received. / 使用同一单号再次运行可查看最新实发、实收\n")
	return nil
}
