package flows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Report prints a flow. Its steps, checks and differences are those of the timeline.
type Report struct {
	*demo.Timeline
	out io.Writer
}

// New returns a report that prints to out. Times count from now.
func New(out io.Writer) *Report { return NewAt(out, time.Now()) }

// NewAt returns a report that prints to out. Times count from begin.
func NewAt(out io.Writer, begin time.Time) *Report {
	return &Report{Timeline: demo.NewTimeline(out, begin), out: out}
}

// Reading says that a flow follows our interpretation of a part of the implementation guide
// whose picture is not available.
func (r *Report) Reading(english, chinese string) {
	fmt.Fprintf(r.out, "\nOur reading: the guide shows this flow in a picture that is not available. / 指南缺少配图，按我们的理解实现。\n  %s\n  %s\n", english, chinese)
}

// Says prints an expected error, as the library words it, and checks that it is of the
// class; a nil class accepts any error.
func (r *Report) Says(err, class error) {
	if err != nil {
		r.Timeline.Says(err.Error())
	}
	expected := err != nil && (class == nil || errors.Is(err, class))
	other := ""
	if err != nil && !expected {
		other = AnotherError
	}
	r.Check(expected, "an error is returned%s%s", of(class), other)
}

// AnotherError ends the text of a check that expected an error and saw one of another class.
const AnotherError = " (another error is)"

// Found prints a finding, as the library words it.
func (r *Report) Found(f mapping.SetupFinding) { r.Timeline.Says(fmt.Sprint(f)) }

func of(class error) string {
	if class == nil {
		return ""
	}
	return ": " + class.Error()
}

// Host prints what the host does about a failure.
func (r *Report) Host(format string, args ...any) { r.Does(fmt.Sprintf(format, args...)) }

// FailedChecks is the error of a run in which checks failed.
type FailedChecks struct {
	Of    int
	Texts []string // of those that failed
}

// Error lists them.
func (f *FailedChecks) Error() string {
	return fmt.Sprintf("%d of %d checks failed: %q", len(f.Texts), f.Of, f.Texts)
}

// Silent reports whether a check failed although no call reported an error.
func (f *FailedChecks) Silent() bool {
	return slices.ContainsFunc(f.Texts, func(text string) bool { return !strings.HasSuffix(text, AnotherError) })
}

// End prints the differences. It returns an error if a check failed.
func (r *Report) End() error {
	r.PrintDifferences()
	if failed := r.Failed(); len(failed) > 0 {
		return &FailedChecks{Of: len(r.Checks), Texts: failed}
	}
	fmt.Fprintf(r.out, "\n%d checks: every check passed\n", len(r.Checks))
	return nil
}

// Table prints the current quantities of a transfer (调拨差异) and records its differences.
func (r *Report) Table(p *mapping.TransferProgress) {
	t := &p.Transfer
	fmt.Fprintf(r.out, "\n   %s %s  %s -> %s  %s %s\n", t.Kind, t.TransferNo, t.FromCode, t.ToCode, p.State, p.State.Label())
	row := func(sku string, cells ...string) {
		fmt.Fprintf(r.out, "   %s", demo.Pad(sku, 14))
		for i, cell := range cells {
			fmt.Fprint(r.out, demo.PadLeft(cell, []int{12, 12, 12, 16, 20}[i]))
		}
		fmt.Fprintln(r.out)
	}
	row("SKU 商品", "asked 通知", "sent 实发", "received 实收", "not sent 少发", "not received 少收")
	differs := map[string]mapping.TransferDifference{}
	for _, d := range p.Differences() {
		differs[d.SKUCode] = d
		rules := p.Rules(d)
		if !d.NotShipped.IsZero() {
			r.Differs(t.TransferNo, d.SKUCode, demo.NotShipped, d.NotShipped)
			r.Decided(t.TransferNo, d.SKUCode, demo.NotShipped, string(rules[0]))
		}
		if !d.NotReceived.IsZero() {
			r.Differs(t.TransferNo, d.SKUCode, demo.NotReceived, d.NotReceived)
			r.Decided(t.TransferNo, d.SKUCode, demo.NotReceived, string(rules[len(rules)-1]))
		}
	}
	for _, it := range t.Items {
		d := differs[it.SKUCode]
		row(it.SKUCode, dash(it.Qty), dash(it.Shipped), dash(it.Received), dash(d.NotShipped), dash(d.NotReceived))
	}
}

func ioText(ioID int64) string { return strconv.FormatInt(ioID, 10) }

func dash(d decimal.Decimal) string {
	if d.IsZero() {
		return "-"
	}
	return d.String()
}

// HeadWarehouse is the code of DianJia's warehouse that corresponds to Jushuitan's head
// warehouse, which is the number of the latter (guide, part 4).
const HeadWarehouse = "10100001"

// Warehouses returns the bindings of the demo merchant's warehouses: the head warehouse and
// the return warehouse 销退仓, whose code must be 2.
func Warehouses() []dianjia.WarehouseBinding {
	return []dianjia.WarehouseBinding{
		{EntID: demo.Merchant, WarehouseCode: HeadWarehouse, WarehouseName: "青禾总仓", WMSCoID: demo.MainWarehouse, Slot: dianjia.SlotMain},
		{EntID: demo.Merchant, WarehouseCode: dianjia.ReturnWarehouseCode, WarehouseName: "销退仓", WMSCoID: demo.MainWarehouse, Slot: dianjia.SlotSalesReturn},
	}
}

// Stores returns the bindings of the demo merchant's stores. S01 and S02 feed 店加线下仓, S11
// feeds a warehouse of its own.
func Stores() []dianjia.StoreBinding {
	return []dianjia.StoreBinding{
		{EntID: demo.Merchant, StoreCode: "S01", StoreName: "西湖店", WMSCoID: demo.StoreWarehouse, OrderStore: true},
		{EntID: demo.Merchant, StoreCode: "S02", StoreName: "滨江店", WMSCoID: demo.StoreWarehouse},
		{EntID: demo.Merchant, StoreCode: "S11", StoreName: "天河店", WMSCoID: SouthStores, OrderStore: true},
	}
}

// SouthStores is the virtual warehouse that represents the stores in the south.
const SouthStores int64 = 10100089

// Furnish adds to the demo merchant what the flows of stores and head office need: the
// second virtual warehouse, and the stores' stock in both.
func Furnish(s *jushuitantest.Server) error {
	return errors.Join(
		s.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓华南", CoID: demo.MainWarehouse, WMSCoID: SouthStores, Status: "生效"}),
		s.SetStock(demo.StoreWarehouse, demo.TeeM, decimal.NewFromInt(7)),
		s.SetStock(demo.StoreWarehouse, demo.TeeL, decimal.NewFromInt(5)),
		s.SetStock(demo.StoreWarehouse, demo.Cap, decimal.NewFromInt(9)),
		s.SetStock(SouthStores, demo.TeeM, decimal.NewFromInt(2)),
	)
}

// Qtys are quantities by SKU.
type Qtys map[string]int64

// Items returns the lines of a transfer, in the order of the SKUs.
func (q Qtys) Items() []dianjia.TransferItem {
	var out []dianjia.TransferItem
	for _, sku := range slices.Sorted(maps.Keys(q)) {
		out = append(out, dianjia.TransferItem{SKUCode: sku, Qty: decimal.NewFromInt(q[sku])})
	}
	return out
}

// Rows returns the stock of a store.
func (q Qtys) Rows(store string) []dianjia.StockRow {
	var out []dianjia.StockRow
	for _, it := range q.Items() {
		out = append(out, dianjia.StockRow{EntID: demo.Merchant, StoreCode: store, SKUCode: it.SKUCode, Qty: it.Qty})
	}
	return out
}

// Decimals returns the quantities in the form that the operator's side of the fake takes.
func (q Qtys) Decimals() map[string]decimal.Decimal {
	out := make(map[string]decimal.Decimal, len(q))
	for sku, n := range q {
		out[sku] = decimal.NewFromInt(n)
	}
	return out
}

// Total returns all that the fake's warehouses have of a SKU, in every slot and in transit:
// a transfer never changes it.
func Total(s *jushuitantest.Server, sku string) decimal.Decimal {
	sum := decimal.Decimal{}
	for _, row := range s.Stock(0) {
		if row.SKUID == sku {
			sum = decimal.Sum(sum, row.Qty, row.InQty, row.ReturnQty, row.DefectiveQty, row.AllocateQty)
		}
	}
	return sum
}

// Stock returns what the fake's warehouse has in a slot; for the main one it includes what
// is in transit, such as "TEE24-WHT-M 16 (1 in transit)".
func Stock(s *jushuitantest.Server, wmsCoID int64, slot dianjia.WarehouseSlot, skus ...string) string {
	rows := map[string]jushuitan.InventoryRow{}
	for _, row := range s.Stock(wmsCoID) {
		rows[row.SKUID] = row
	}
	var out []string
	for _, sku := range skus {
		row := rows[sku]
		text := sku + " " + row.Qty.String()
		if slot == dianjia.SlotSalesReturn {
			text = sku + " " + row.ReturnQty.String()
		}
		if slot == dianjia.SlotMain && !row.AllocateQty.IsZero() {
			text += " (" + row.AllocateQty.String() + " in transit)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// Run runs a flow alone, as its program does.
func Run(ctx context.Context, a *app.App, play func(context.Context, *app.App, *Report) error) error {
	r := New(a.Out)
	if err := play(ctx, a, r); err != nil || a.DryRun {
		return err
	}
	return r.End()
}
