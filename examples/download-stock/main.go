// Command download-stock downloads the stock of Jushuitan's warehouses into DianJia's
// 库存下载 (下载策略):
//
//	go run ./examples/download-stock
//	go run ./examples/download-stock -expr '库存下载取数逻辑=实际库存+虚拟库存-订单占用' -explain TEE24-WHT-M
//	JUSHUITAN_APP_SECRET=... go run ./examples/download-stock -app-key KEY -bind 10100001=S01 -bundle SET-001
//
// Each warehouse of Jushuitan is mapped to one of DianJia, a formula determines
// its figure, and only rows that differ from the last download are sent to DianJia. A bundle
// 组合装 has no stock of its own: it has as many pieces as its components allow. The program
// reads Jushuitan and changes nothing there.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/file"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

// settings are what a merchant chooses on DianJia's page 下载策略.
type settings struct {
	bind       bindFlag
	expr       string
	explain    string
	noNegative bool
	last       string
	bundles    []string                    // codes of bundles, whose stock follows their components
	held       map[string][]*dianjia.Order // own orders that Jushuitan does not have yet, by warehouse
}

func program() app.Program {
	s := &settings{}
	return app.Program{
		Name: "download-stock", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.Var(&s.bind, "bind", "a warehouse 仓库 as wms_co_id=CODE or wms_co_id/SLOT=CODE, optionally followed by :NAME; SLOT 仓位 is 1 main 主仓, 2 returns 销退仓, 3 incoming 进货仓, 4 defective 次品仓; may be repeated")
			fs.StringVar(&s.expr, "expr", "", "formula 库存下载取数逻辑 of the main slots, such as 实际库存+虚拟库存-订单占用; empty means 实际库存")
			fs.StringVar(&s.explain, "explain", "", "SKU code 商品编码 whose stock to explain")
			fs.BoolVar(&s.noNegative, "no-negative", false, "replace negative figures with zero")
			fs.Func("held", "quantity that orders of DianJia hold which Jushuitan does not have yet 未付款订单占用, as CODE/SKU=QTY; deducted in that warehouse; may be repeated", s.hold)
			fs.Func("bundle", "SKU code of a bundle 组合装: its stock in each warehouse is what its components allow; may be repeated", func(code string) error {
				s.bundles = append(s.bundles, code)
				return nil
			})
			fs.StringVar(&s.last, "last", "", "file with the figures of the last download; it is overwritten")
		},
		Furnish: furnish,
		Run:     s.run,
	}
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	expression, err := formula.Parse(s.expr)
	if err != nil {
		return err // names the position and the nearest known word
	}
	if len(s.bind) == 0 {
		if a.Real() {
			return cli.Usagef("-bind is required, once per warehouse / 请用 -bind 指定仓库对应关系")
		}
		s.bind, s.bundles = demoBindings(), append(s.bundles, demoBundle)
	}
	for i := range s.bind {
		b := &s.bind[i]
		b.EntID = a.Client.Merchant()
		if b.Slot == 0 || b.Slot == dianjia.SlotMain {
			b.StockExpression = expression.String()
		}
	}
	d := &download{settings: s, expression: expression}
	if s.noNegative {
		d.policy.Negative = formula.NegativeZero
	}

	a.Printf("库存下载取数逻辑=%s\n  fields 字段: %s\n", expression, expression.Fields())
	for _, w := range expression.Lint() {
		a.Printf("  warning 提示 [%s]: %s\n", w.Code, w)
	}
	if err := d.checkWarehouses(ctx, a); err != nil {
		return err
	}
	last, err := readLast(s.last)
	if err != nil {
		return err
	}
	now, err := d.once(ctx, a, last)
	if err != nil {
		return err
	}
	if s.last != "" {
		if err := writeLast(s.last, now); err != nil {
			return err
		}
	}
	if a.Real() {
		return nil
	}
	return d.demo(ctx, a, now)
}

// download is the work for one merchant.
type download struct {
	*settings
	expression *formula.Formula
	policy     formula.EvalPolicy
}

// hold reads a -held flag.
func (s *settings) hold(text string) error {
	place, number, _ := strings.Cut(text, "=")
	code, sku, _ := strings.Cut(place, "/")
	qty, err := decimal.NewFromString(number)
	if err != nil || code == "" || sku == "" || !qty.IsPositive() {
		return fmt.Errorf("%q is not CODE/SKU=QTY / 应为 仓库编码/商品编码=数量", text)
	}
	if s.held == nil {
		s.held = map[string][]*dianjia.Order{}
	}
	s.held[code] = append(s.held[code], &dianjia.Order{Items: []dianjia.OrderItem{{SKUCode: sku, Qty: qty}}})
	return nil
}

// checkWarehouses compares the bindings with the merchant's real warehouses.
func (d *download) checkWarehouses(ctx context.Context, a *app.App) error {
	routing := mapping.Routing{Downloads: d.bind}
	var head jushuitan.Warehouse
	for w, err := range a.Client.Warehouses.All(ctx, &jushuitan.WarehouseQuery{}) {
		if err != nil {
			return err
		}
		routing.Warehouses = append(routing.Warehouses, *w)
		if w.IsMain {
			head = *w
		}
	}
	a.Printf("\nWarehouses 仓库对应\n")
	for _, b := range d.bind {
		figure := b.StockExpression
		if figure == "" {
			figure = fmt.Sprintf("the figure of slot %d 该仓位库存", b.Slot)
		}
		a.Printf("  %d -> %-8s %s  %s\n", b.WMSCoID, b.WarehouseCode, b.WarehouseName, figure)
	}
	for _, f := range append(mapping.CheckRouting(routing), mapping.CheckWarehouseSlots(head, d.bind)...) {
		// Shops and stores are not checked here: see examples/doctor.
		if f.Code != mapping.SetupMallShopMissing && f.Code != mapping.SetupVirtualWarehouseUnbound {
			a.Printf("  finding 发现: %s\n", f)
		}
	}
	return nil
}

// once downloads everything and shows what DianJia has to change.
func (d *download) once(ctx context.Context, a *app.App, last []dianjia.StockRow) ([]dianjia.StockRow, error) {
	stock, rows, err := d.read(ctx, a.Client)
	if err != nil {
		return nil, err
	}
	combined, err := mapping.SumDownloadedStock(d.bind, stock, mapping.StockDownloadRules{Policy: &d.policy})
	if err != nil {
		return nil, err
	}
	a.Printf("\nDownloaded 已下载: %d rows of %d warehouses, %d figures for DianJia\n", rows, len(stock), len(combined.Rows))
	for _, g := range combined.Gaps.First {
		a.Printf("  no figure 缺数: warehouse %d, SKU %s for %s: %s (summed without it: %t)\n", g.WMSCoID, g.SKUCode, g.WarehouseCode, g.Reason, !g.Withheld)
	}
	if d.explain != "" {
		d.explainSKU(a, stock)
	}

	bundles, err := d.readBundles(ctx, a.Client)
	if err != nil {
		return nil, err
	}
	figures := combined.Rows
	for code, orders := range d.held {
		figures = mapping.DeductHeld(figures, code, mapping.HeldStock(orders, bundles...))
	}
	sets, gaps := mapping.BundleStockRows(figures, bundles)
	for _, g := range gaps {
		a.Printf("  no figure 缺数: %s for %s: %v\n", g.SKUCode, g.WarehouseCode, g.Err)
	}
	figures = append(figures, sets...)

	// A host writes these rows to its WMS, in one transaction with the figures that it
	// keeps for the next comparison.
	change := mapping.ChangedStock(last, figures)
	a.Printf("To DianJia 写入店加: %d of %d figures changed\n", len(change.Changed), len(figures))
	before := map[[2]string]decimal.Decimal{}
	for _, r := range last {
		before[[2]string{r.StoreCode, r.SKUCode}] = r.Qty
	}
	for _, r := range change.Changed {
		was := "-"
		if q, ok := before[[2]string{r.StoreCode, r.SKUCode}]; ok {
			was = q.String()
		}
		a.Printf("  %-8s %-16s %6s -> %s\n", r.StoreCode, r.SKUCode, was, r.Qty)
	}
	for _, r := range change.Gone { // unknown is not zero
		a.Printf("  %-8s %-16s %6s -> no longer known 无数据, left unchanged\n", r.StoreCode, r.SKUCode, r.Qty)
	}
	return figures, nil
}

// read downloads the stock of each warehouse once. A row does not name its warehouse: it is
// the one in the request.
func (d *download) read(ctx context.Context, client *jushuitan.Client) (stock []mapping.WarehouseStock, rows int, err error) {
	seen := map[int64]bool{}
	for _, b := range d.bind {
		if seen[b.WMSCoID] {
			continue
		}
		seen[b.WMSCoID] = true
		w := mapping.WarehouseStock{WMSCoID: b.WMSCoID}
		query := &jushuitan.InventoryQuery{WMSCoID: b.WMSCoID, HasLockQty: d.expression.HasLockQty()}
		// By row version from the beginning: the whole stock, however old.
		latest := map[string]int{}
		for row, err := range client.Inventory.Since(ctx, 0, query) {
			if err != nil {
				return nil, 0, fmt.Errorf("stock of warehouse %d: %w", b.WMSCoID, err)
			}
			if i, again := latest[row.SKUID]; again { // it changed during the download
				w.Rows[i] = row
				continue
			}
			latest[row.SKUID] = len(w.Rows)
			w.Rows = append(w.Rows, row)
		}
		rows += len(w.Rows)
		stock = append(stock, w)
	}
	return stock, rows, nil
}

// maxBundleCodes is the maximum number of codes in a query of bundles.
const maxBundleCodes = 20

// readBundles reads the bundles. One that Jushuitan does not have is an error: its stock would
// stay as it was last.
func (d *download) readBundles(ctx context.Context, client *jushuitan.Client) (bundles []*jushuitan.Bundle, err error) {
	missing := slices.Clone(d.bundles)
	for codes := range slices.Chunk(d.bundles, maxBundleCodes) {
		for b, err := range client.Bundles.All(ctx, &jushuitan.BundleQuery{SKUIDs: codes}) {
			if err != nil {
				return nil, fmt.Errorf("bundles: %w", err)
			}
			bundles = append(bundles, b)
			missing = slices.DeleteFunc(missing, func(code string) bool { return code == b.SKUID })
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("merchant %q: Jushuitan has no bundles %q: check the codes / 聚水潭没有这些组合装，请核对编码", client.Merchant(), missing)
	}
	return bundles, nil
}

// explainSKU shows support staff how the figures of a SKU are computed.
func (d *download) explainSKU(a *app.App, stock []mapping.WarehouseStock) {
	found := false
	for _, w := range stock {
		for _, row := range w.Rows {
			if row.SKUID != d.explain {
				continue
			}
			found = true
			figures := mapping.StockOf(row)
			a.Printf("  warehouse 仓库 %d, %s\n", w.WMSCoID, d.expression.Explain(&figures, d.policy))
		}
	}
	if !found {
		a.Printf("  none of these warehouses has SKU %s / 这些仓库没有商品 %[1]s，请核对商品编码\n", d.explain)
	}
}

// readLast reads the figures of the last download; there are none without a file.
func readLast(name string) (rows []dianjia.StockRow, err error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s is not a file of downloaded figures / 文件内容无法读取: %w", name, err)
	}
	return rows, nil
}

func writeLast(name string, rows []dianjia.StockRow) error {
	text, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		return err
	}
	return file.Replace(name, text)
}
