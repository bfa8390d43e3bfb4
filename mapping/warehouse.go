package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// UnknownStockPolicy decides the figure of a SKU if one of its contributing figures is
// unknown, which is not the same as zero.
type UnknownStockPolicy int

// The policies. Both report the gap.
const (
	// UnknownLeaveOut sums the known figures: the result is too low at worst, so that
	// nothing is oversold.
	UnknownLeaveOut UnknownStockPolicy = iota
	// UnknownWithhold omits the SKU from the result, so that the last pushed figure
	// stays in effect.
	UnknownWithhold
)

// SharedStockPolicy decides what happens to stock that counts in several places.
type SharedStockPolicy int

// The policies.
const (
	// SharedRefuse returns an error: the same pieces would be offered several times.
	SharedRefuse SharedStockPolicy = iota
	// SharedFull assigns each place the full figure. The host must prevent the last
	// piece from being sold twice.
	SharedFull
	// SharedSplit assigns each place an equal share in whole pieces. The remaining
	// pieces go one each to the first places, by number or code, and a fraction to the
	// first place.
	SharedSplit
)

// StockGapReason is why a figure is missing.
type StockGapReason string

// The reasons.
const (
	GapUnknown  StockGapReason = "unknown"  // 未知: no figure
	GapRepeated StockGapReason = "repeated" // 重复: several figures; the SKU is withheld under any policy
	GapFailed   StockGapReason = "failed"   // 无法计算: computing the figure failed; withheld as well
)

// StockGap is a figure that is missing from a sum.
type StockGap struct {
	WMSCoID       int64                 // 聚水潭仓库编号
	Slot          dianjia.WarehouseSlot // 聚水潭仓位: in sums over Jushuitan's warehouses
	StoreCode     string                // 店仓编码: in sums over stores
	WarehouseCode string                // 店加仓库编码: in sums over Jushuitan's warehouses
	SKUCode       string                // 商品编码
	Reason        StockGapReason
	Withheld      bool  // the SKU has no figure in the result
	Err           error // of GapFailed
}

// StockGaps counts the missing figures and lists the first of them, by target, SKU and
// source.
type StockGaps struct {
	Total    int        // number of gaps
	Withheld int        // rows missing from the result because of gaps
	First    []StockGap // at most the rules' Details
}

// StoreStockRules configures how stores' stock becomes the stock of a virtual
// warehouse. The zero value reserves nothing, sums the known figures and refuses shared
// stores.
type StoreStockRules struct {
	// Reserve 预留数量 is held back in each store for each SKU; zero or more.
	Reserve decimal.Decimal
	// ReserveFor, if set, returns the reserve of a SKU in a store; with ok false,
	// Reserve applies. It must be deterministic.
	ReserveFor func(storeCode, skuCode string) (reserve decimal.Decimal, ok bool)
	Unknown    UnknownStockPolicy
	Shared     SharedStockPolicy // for a store that is bound to several virtual warehouses
	Details    int               // maximum number of listed gaps; zero means 1000, a negative value none
}

// VirtualStock 虚拟库存 is the figure of a SKU in a warehouse of Jushuitan.
type VirtualStock struct {
	WMSCoID int64           // 分仓编号: of the virtual warehouse
	SKUCode string          // 商品编码: sku_id
	Qty     decimal.Decimal // 数量: absolute
}

// StoreStock is the result of [SumStoreStock].
type StoreStock struct {
	Rows     []VirtualStock // sorted by warehouse and SKU, each once
	Gaps     StockGaps
	Ignored  int            // rows of unbound stores or of another merchant
	Findings []SetupFinding // about the bindings; none of them invalidates the rows
}

// SumStoreStock sums the stock of the bound stores into the stock of their virtual
// warehouse, for each SKU with a row in any of them. A store contributes its quantity
// minus the reserve, but at least zero: a negative store does not reduce the stock of
// others. Sums are exact.
//
// A bound store without a row for a SKU is a gap, and so is a duplicate row. The
// bindings are those of one merchant; rows are matched by merchant and store. The error
// is a [*SetupError] if the bindings are of several merchants, or if a store is bound
// to several warehouses and the rules refuse that.
//
// It takes two map lookups per row, and memory for the result plus one bit per store
// and SKU.
func SumStoreStock(bindings []dianjia.StoreBinding, rows []dianjia.StockRow, rules StoreStockRules) (*StoreStock, error) {
	if rules.Reserve.IsNegative() {
		return nil, fmt.Errorf("mapping: the reserve of stores is negative: %s / 店仓预留数量不能为负：%[1]s", rules.Reserve)
	}
	findings, err := acceptedFindings(bindings, rules.Shared)
	if err != nil {
		return nil, err
	}
	result := &StoreStock{Findings: findings}

	sums, stores, ent := warehouseStores(bindings, rules.Shared)
	reserve := warehouseQtyOf(rules.Reserve)
	for i := range rows {
		r := &rows[i]
		feeds := stores[r.StoreCode]
		if len(feeds) == 0 || r.EntID != ent || r.SKUCode == "" {
			result.Ignored++
			continue
		}
		keep := reserve
		if rules.ReserveFor != nil {
			if keep, err = rules.reserveFor(r, reserve); err != nil {
				return nil, err
			}
		}
		qty := warehouseQtyOf(r.Qty).above(keep)
		for _, f := range feeds {
			f.sum.add(f.member, r.SKUCode, qty.part(f.part, f.parts), time.Time{})
		}
	}

	gaps := warehouseGaps{max: warehouseDetails(rules.Details)}
	for _, s := range sums {
		for sku, total := range s.rows(rules.Unknown, &gaps) {
			result.Rows = append(result.Rows, VirtualStock{WMSCoID: s.wms, SKUCode: sku, Qty: total.qty.decimal()})
		}
	}
	result.Gaps = gaps.StockGaps
	return result, nil
}

// acceptedFindings returns the findings about the bindings, or a [*SetupError] for those
// that the rules refuse.
func acceptedFindings(bindings []dianjia.StoreBinding, shared SharedStockPolicy) ([]SetupFinding, error) {
	var accepted, refused []SetupFinding
	for _, f := range warehouseStoreFindings(bindings) {
		if f.Code == SetupMerchantsMixed || f.Code == SetupStoreShared && shared == SharedRefuse {
			refused = append(refused, f)
		} else {
			accepted = append(accepted, f)
		}
	}
	if len(refused) > 0 {
		return nil, &SetupError{Findings: refused}
	}
	return accepted, nil
}

// reserveFor returns the reserve of the row's SKU in its store.
func (rules *StoreStockRules) reserveFor(r *dianjia.StockRow, usual warehouseQty) (warehouseQty, error) {
	own, ok := rules.ReserveFor(r.StoreCode, r.SKUCode)
	switch {
	case !ok:
		return usual, nil
	case own.IsNegative():
		return usual, fmt.Errorf("mapping: the reserve of store %q for SKU %q is negative: %s / 店仓 %[1]q 商品 %[2]q 的预留数量不能为负：%[3]s",
			r.StoreCode, r.SKUCode, own)
	}
	return warehouseQtyOf(own), nil
}

// warehouseStores creates a sum for each virtual warehouse, ascending, and returns where
// each store contributes.
func warehouseStores(bindings []dianjia.StoreBinding, shared SharedStockPolicy) (sums []*warehouseSum, stores map[string][]warehouseFeed, ent string) {
	type bound struct {
		wms  int64
		code string
	}
	pairs := make([]bound, 0, len(bindings))
	for _, b := range bindings {
		if b.WMSCoID != 0 && b.StoreCode != "" {
			pairs, ent = append(pairs, bound{b.WMSCoID, b.StoreCode}), b.EntID
		}
	}
	slices.SortFunc(pairs, func(a, b bound) int {
		return cmp.Or(cmp.Compare(a.wms, b.wms), cmp.Compare(a.code, b.code))
	})
	pairs = slices.Compact(pairs)
	stores = make(map[string][]warehouseFeed, len(pairs))
	for _, p := range pairs {
		if len(sums) == 0 || sums[len(sums)-1].wms != p.wms {
			sums = append(sums, &warehouseSum{wms: p.wms})
		}
		s := sums[len(sums)-1]
		stores[p.code] = append(stores[p.code], s.join(warehouseMember{wms: p.wms, store: p.code}))
	}
	for _, feeds := range stores {
		warehouseShare(feeds, shared)
	}
	return sums, stores, ent
}

// WarehouseStock is the result of client.Inventory.All for one warehouse. Its rows do
// not name the warehouse: it is the queried one.
type WarehouseStock struct {
	WMSCoID int64 // 聚水潭仓库编号: zero means the sum of all warehouses
	Rows    []*jushuitan.InventoryRow
}

// StockDownloadRules configures how Jushuitan's stock becomes the stock of DianJia's
// warehouses. By default each binding takes the figure of its slot.
type StockDownloadRules struct {
	// Figure overrides the StockExpression 库存下载取数逻辑 of the bindings; usually it
	// is nil. It returns an invalid figure for an unknown one. Without an expression, a
	// binding takes the figure of its slot: 实际库存 for none and the main slot,
	// 销退仓库存, 进货仓库存 or 次品仓库存 for the others. If the row lacks a figure
	// that the expression needs, that is a gap unless Policy counts it as zero.
	Figure  func(b dianjia.WarehouseBinding, row *jushuitan.InventoryRow) (decimal.NullDecimal, error)
	Policy  *formula.EvalPolicy // for the expressions; nil means exact: no rounding, negative figures kept
	Unknown UnknownStockPolicy
	Shared  SharedStockPolicy // for a warehouse and slot that is downloaded into several warehouses
	Details int               // maximum number of listed gaps; zero means 1000, a negative value none
}

// DownloadedStock is the result of [SumDownloadedStock].
type DownloadedStock struct {
	Rows    []dianjia.StockRow // sorted by warehouse and SKU, each once; StoreCode is the warehouse's code
	Gaps    StockGaps
	Ignored int // rows of warehouses that no binding downloads
	// Findings are about the bindings. Each figure is what its binding asks for, but with
	// [SetupTermCountedTwice] the total of the warehouses counts goods twice.
	Findings []SetupFinding
}

// SumDownloadedStock computes the stock of DianJia's warehouses (业务三 下载策略) from
// that of Jushuitan's: several warehouses may contribute to one, which is their sum,
// and one may contribute to several, as the rules determine. Bindings that do not
// download stock are skipped. Figures are exact and, as in Jushuitan, may be negative.
// Modified is the latest of the contributing rows.
//
// A SKU for which only some of the contributing warehouses have a row is a gap, and so
// is a duplicate row. The error is a [*SetupError] if the bindings are of several
// merchants, if the sum of all warehouses is bound in addition to a single one, if a
// warehouse contributes to several and the rules refuse that, or if an expression
// cannot be parsed.
func SumDownloadedStock(bindings []dianjia.WarehouseBinding, stock []WarehouseStock, rules StockDownloadRules) (*DownloadedStock, error) {
	result := &DownloadedStock{}
	var refused []SetupFinding
	for _, f := range warehouseDownloadFindings(bindings) {
		switch {
		case f.Code == SetupMerchantsMixed, f.Code == SetupDownloadOfAll && warehouseSources(bindings) > 1,
			f.Code == SetupDownloadShared && rules.Shared == SharedRefuse:
			refused = append(refused, f)
		default:
			result.Findings = append(result.Findings, f)
		}
	}
	figure := rules.Figure
	if figure == nil {
		result.Findings = append(result.Findings, warehouseTermFindings(bindings)...)
		var unreadable []SetupFinding
		figure, unreadable = warehouseExpressions(bindings, cmp.Or(rules.Policy, &formula.EvalPolicy{Rounding: formula.RoundNone}))
		refused = append(refused, unreadable...)
	}
	if len(refused) > 0 {
		return nil, &SetupError{Findings: refused}
	}

	sums, sources, ent := warehouseTargets(bindings, rules.Shared)
	for _, w := range stock {
		feeds := sources[w.WMSCoID]
		if len(feeds) == 0 {
			result.Ignored += len(w.Rows)
			continue
		}
		for _, row := range w.Rows {
			if row == nil || row.SKUID == "" {
				result.Ignored++
				continue
			}
			for i := range feeds {
				f := &feeds[i]
				qty, err := figure(f.binding, row)
				f.take(row, qty, err)
			}
		}
	}

	gaps := warehouseGaps{max: warehouseDetails(rules.Details)}
	for _, s := range sums {
		for sku, total := range s.rows(rules.Unknown, &gaps) {
			result.Rows = append(result.Rows, dianjia.StockRow{
				EntID: ent, StoreCode: s.warehouse, SKUCode: sku, Qty: total.qty.decimal(), Modified: total.modified,
			})
		}
	}
	result.Gaps = gaps.StockGaps
	return result, nil
}

// A warehouseDownload is a feed with the binding it comes from.
type warehouseDownload struct {
	warehouseFeed
	binding dianjia.WarehouseBinding
}

// take adds the figure of a row to the sum, or the reason why there is none.
func (f *warehouseDownload) take(row *jushuitan.InventoryRow, qty decimal.NullDecimal, err error) {
	switch {
	case err != nil:
		f.sum.fail(f.member, row.SKUID, err)
	case !qty.Valid:
		f.sum.at(row.SKUID)
	default:
		f.sum.add(f.member, row.SKUID, warehouseQtyOf(qty.Decimal).part(f.part, f.parts), row.Modified)
	}
}

// warehouseSource is what a binding downloads: a slot of a warehouse.
type warehouseSource struct {
	wms  int64
	slot dianjia.WarehouseSlot
}

func warehouseSourceOf(b dianjia.WarehouseBinding) warehouseSource {
	if b.Slot == 0 {
		return warehouseSource{b.WMSCoID, dianjia.SlotMain}
	}
	return warehouseSource{b.WMSCoID, b.Slot}
}

// warehouseTargets creates a sum for each of DianJia's warehouses, by code, and returns
// where each of Jushuitan's contributes.
func warehouseTargets(bindings []dianjia.WarehouseBinding, shared SharedStockPolicy) (sums []*warehouseSum, sources map[int64][]warehouseDownload, ent string) {
	used := make([]dianjia.WarehouseBinding, 0, len(bindings))
	for _, b := range bindings {
		if b.DownloadStock && b.WarehouseCode != "" {
			used, ent = append(used, b), b.EntID
		}
	}
	order := func(a, b dianjia.WarehouseBinding) int {
		x, y := warehouseSourceOf(a), warehouseSourceOf(b)
		return cmp.Or(cmp.Compare(a.WarehouseCode, b.WarehouseCode), cmp.Compare(x.wms, y.wms), cmp.Compare(x.slot, y.slot))
	}
	slices.SortStableFunc(used, order)
	used = slices.CompactFunc(used, func(a, b dianjia.WarehouseBinding) bool { return order(a, b) == 0 })
	bySource := map[warehouseSource][]warehouseFeed{}
	for _, b := range used {
		if len(sums) == 0 || sums[len(sums)-1].warehouse != b.WarehouseCode {
			sums = append(sums, &warehouseSum{warehouse: b.WarehouseCode})
		}
		source := warehouseSourceOf(b)
		bySource[source] = append(bySource[source], sums[len(sums)-1].join(warehouseMember{wms: b.WMSCoID, slot: b.Slot}))
	}
	sources = make(map[int64][]warehouseDownload, len(used))
	for _, feeds := range bySource {
		warehouseShare(feeds, shared)
	}
	for _, b := range used {
		source := warehouseSourceOf(b)
		sources[b.WMSCoID] = append(sources[b.WMSCoID], warehouseDownload{bySource[source][0], b})
		bySource[source] = bySource[source][1:]
	}
	return sums, sources, ent
}

// warehouseExpressions returns the function that computes figures by the bindings'
// expressions, which are parsed once.
func warehouseExpressions(bindings []dianjia.WarehouseBinding, policy *formula.EvalPolicy) (
	figure func(b dianjia.WarehouseBinding, row *jushuitan.InventoryRow) (decimal.NullDecimal, error), refused []SetupFinding,
) {
	type source struct {
		text string
		slot dianjia.WarehouseSlot
	}
	read := map[source]*formula.Formula{}
	for _, b := range bindings {
		if !b.DownloadStock {
			continue
		}
		text := b.StockExpression
		if strings.TrimSpace(text) == "" {
			if !warehouseSlotKnown(b.Slot) {
				refused = append(refused, warehouseSlotFinding(b))
				continue
			}
			text = warehouseSlotTerm(b.Slot)
		}
		e, err := formula.Parse(text)
		if err != nil {
			f := SetupFinding{EntID: b.EntID, WarehouseCode: b.WarehouseCode, WMSCoID: b.WMSCoID}
			refused = append(refused, f.with(SetupExpressionUnreadable,
				fmt.Sprintf("the stock expression of warehouse %q cannot be parsed: %v", b.WarehouseCode, err),
				fmt.Sprintf("仓库 %q 的库存下载取数逻辑无法解析：%v", b.WarehouseCode, err),
				"correct the expression, or empty it for 实际库存", "请修改取数逻辑，或清空以使用实际库存"))
			continue
		}
		read[source{b.StockExpression, b.Slot}] = e
	}
	return func(b dianjia.WarehouseBinding, row *jushuitan.InventoryRow) (decimal.NullDecimal, error) {
		stock := StockOf(row)
		qty, err := read[source{b.StockExpression, b.Slot}].EvalWith(&stock, *policy)
		switch {
		case errors.Is(err, formula.ErrMissing):
			return decimal.NullDecimal{}, nil
		case err != nil:
			return decimal.NullDecimal{}, err
		}
		return decimal.NewNullDecimal(qty), nil
	}, refused
}

// warehouseSlotTerm returns the stock of a slot as a term of an expression.
func warehouseSlotTerm(slot dianjia.WarehouseSlot) string {
	switch slot {
	case dianjia.SlotSalesReturn:
		return "销退仓库存"
	case dianjia.SlotPurchaseIn:
		return "进货仓库存"
	case dianjia.SlotDefective:
		return "次品仓库存"
	}
	return "实际库存"
}
