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
	// UnknownLeaveOut sums up those that are known: the figure is too low at worst, so
	// that nothing is oversold.
	UnknownLeaveOut UnknownStockPolicy = iota
	// UnknownWithhold leaves the SKU out of the result, so that the last figure pushed stays in effect.
	UnknownWithhold
)

// SharedStockPolicy decides what happens to stock that counts in several places.
type SharedStockPolicy int

// The policies.
const (
	// SharedRefuse is an error: the same pieces would be offered several times.
	SharedRefuse SharedStockPolicy = iota
	// SharedFull assigns each place the full figure. The host keeps the last piece from
	// being sold twice.
	SharedFull
	// SharedSplit assigns each place an equal part in whole pieces. What is left goes one
	// by one to the first places, by their number or code, and a fraction to the first.
	SharedSplit
)

// StockGapReason is why a figure is missing.
type StockGapReason string

// The reasons.
const (
	GapUnknown  StockGapReason = "unknown"  // 未知: no figure was given
	GapRepeated StockGapReason = "repeated" // 重复: several were given; the SKU is withheld whatever the policy
	GapFailed   StockGapReason = "failed"   // 无法计算: the rule for the figure failed; withheld too
)

// StockGap is a figure that is missing from a sum.
type StockGap struct {
	WMSCoID       int64                 // 聚水潭仓库编号
	Slot          dianjia.WarehouseSlot // 聚水潭仓位: of sums over Jushuitan's warehouses
	StoreCode     string                // 店仓编码: of sums over stores
	WarehouseCode string                // 店加仓库编码: of sums over Jushuitan's warehouses
	SKUCode       string                // 商品编码
	Reason        StockGapReason
	Withheld      bool  // the SKU has no figure in the result
	Err           error // of GapFailed
}

// StockGaps counts the missing figures and lists the first of them, by target, SKU and
// source.
type StockGaps struct {
	Total    int        // all of them
	Withheld int        // rows that the result does not have for that
	First    []StockGap // as many as the rules' Details
}

// StoreStockRules configures how stores' stock becomes the stock of a virtual
// warehouse. The zero value reserves nothing, sums the known figures and refuses shared
// stores.
type StoreStockRules struct {
	// Reserve 预留数量 is kept back in each store for each SKU; zero or more.
	Reserve decimal.Decimal
	// ReserveFor is asked first, where it is set. ok false leaves it at Reserve. It
	// must give the same answer each time.
	ReserveFor func(storeCode, skuCode string) (reserve decimal.Decimal, ok bool)
	Unknown    UnknownStockPolicy
	Shared     SharedStockPolicy // for a store that is bound to several virtual warehouses
	Details    int               // how many gaps are listed; zero is 1000, below zero none
}

// VirtualStock 虚拟库存 is the figure of a SKU in a warehouse of Jushuitan.
type VirtualStock struct {
	WMSCoID int64           // 分仓编号: of the virtual warehouse
	SKUCode string          // 商品编码: sku_id
	Qty     decimal.Decimal // 数量: absolute
}

// StoreStock is the result of [SumStoreStock].
type StoreStock struct {
	Rows     []VirtualStock // by warehouse and SKU, each once
	Gaps     StockGaps
	Ignored  int            // rows of stores that are not bound, or of another merchant
	Findings []SetupFinding // about the bindings; none of them makes the rows wrong
}

// SumStoreStock adds up the stock of the bound stores to the figure of their virtual
// warehouse, for each SKU that any of them has a row for. A store counts with its
// quantity less the reserve, and never with less than zero: a store that owes pieces
// does not take them from another. Sums are exact.
//
// A bound store without a row for a SKU is a gap, and so is a row that is there twice.
// The bindings are one merchant's; rows are matched by merchant and store. The error is
// a [*SetupError] if bindings are of several merchants, or a store is bound to several
// warehouses and the rules refuse that.
//
// The time is that of two map look-ups a row, the memory that of the result plus a bit
// for each store and SKU.
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

// acceptedFindings returns what is odd about the bindings. What the rules refuse is a
// [*SetupError].
func acceptedFindings(bindings []dianjia.StoreBinding, shared SharedStockPolicy) ([]SetupFinding, error) {
	var accepted, refused []SetupFinding
	for _, f := range warehouseStoreFindings(bindings) {
		if f.Code == MerchantsMixed || f.Code == StoreShared && shared == SharedRefuse {
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

// reserveFor is what the store of a row keeps of the SKU.
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

// warehouseStores makes a sum for each virtual warehouse, ascending, and says where
// each store counts.
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

// WarehouseStock is the answer of client.Inventory.All for one warehouse. Its rows do
// not name the warehouse: it is the one that was asked for.
type WarehouseStock struct {
	WMSCoID int64 // 聚水潭仓库编号: zero is the sum of all warehouses
	Rows    []*jushuitan.InventoryRow
}

// StockDownloadRules configures how Jushuitan's stock becomes the stock of DianJia's
// warehouses. The zero value takes the figure of each binding's slot.
type StockDownloadRules struct {
	// Figure computes the figure of a row for a binding in another way than by the
	// binding's StockExpression 库存下载取数逻辑. One that is not valid is unknown. It is
	// nil as a rule. The expression of a binding that has none is the figure of its
	// slot: 实际库存 for none and the main one, 销退仓库存, 进货仓库存, 次品仓库存 for the
	// others. A figure that the expression needs and the row does not have is a gap,
	// unless Policy takes it for zero.
	Figure  func(b dianjia.WarehouseBinding, row *jushuitan.InventoryRow) (decimal.NullDecimal, error)
	Policy  *formula.EvalPolicy // of the expressions; nil is exact: no rounding, negative figures kept
	Unknown UnknownStockPolicy
	Shared  SharedStockPolicy // for a warehouse and slot that is downloaded into several warehouses
	Details int               // how many gaps are listed; zero is 1000, below zero none
}

// DownloadedStock is the result of [CombineStock].
type DownloadedStock struct {
	Rows     []dianjia.StockRow // by warehouse and SKU, each once; StoreCode is the warehouse's code
	Gaps     StockGaps
	Ignored  int            // rows of warehouses that no binding downloads
	Findings []SetupFinding // about the bindings; none of them makes the rows wrong
}

// CombineStock makes the stock of DianJia's warehouses (业务三 下载策略) from that of
// Jushuitan's: several warehouses may feed one, which sums them up, and one may feed
// several, if the rules say how. Bindings that do not download stock are passed over.
// Figures are exact and may be below zero, as Jushuitan's are. Modified is the latest
// of those that make up a row.
//
// A SKU that one of a target's warehouses has and another has no row for is a gap, and
// so is a row that is there twice. The error is a [*SetupError] if bindings are of
// several merchants, the sum of all warehouses is bound beside a single one, a source
// feeds several targets and the rules refuse that, or a binding's expression cannot
// be read.
func CombineStock(bindings []dianjia.WarehouseBinding, stock []WarehouseStock, rules StockDownloadRules) (*DownloadedStock, error) {
	result := &DownloadedStock{}
	var refused []SetupFinding
	for _, f := range warehouseDownloadFindings(bindings) {
		switch {
		case f.Code == MerchantsMixed, f.Code == DownloadOfAll && warehouseSources(bindings) > 1,
			f.Code == DownloadShared && rules.Shared == SharedRefuse:
			refused = append(refused, f)
		default:
			result.Findings = append(result.Findings, f)
		}
	}
	figure := rules.Figure
	if figure == nil {
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

// take adds the figure of a row to the sum, or why it has none.
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

// warehouseTargets makes a sum for each of DianJia's warehouses, by code, and says
// where each of Jushuitan's counts.
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
// expressions, which are read once.
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
			refused = append(refused, f.with(ExpressionUnreadable,
				fmt.Sprintf("the stock expression of warehouse %q cannot be read: %v", b.WarehouseCode, err),
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

// warehouseSlotTerm is the stock of a slot as a term of an expression.
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
