package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// StorePart is what one store ships of an order.
type StorePart struct {
	StoreCode string // 店仓编码
	Items     []dianjia.OrderItem
}

// StoreAllocation states which stores ship an order (派单), and why.
type StoreAllocation struct {
	Parts   []StorePart         // empty if the stores do not have everything
	Missing []dianjia.OrderItem // items that no store has, with the missing quantity
	Why     []string            // the steps of the decision, in English and Chinese
}

// Whole reports whether one store ships the whole order.
func (a StoreAllocation) Whole() bool { return len(a.Parts) == 1 }

// StoreAllocator chooses the stores that ship an order of a virtual warehouse.
type StoreAllocator struct {
	// Stores 绑定店仓 are the bindings; those of other warehouses are ignored.
	Stores []dianjia.StoreBinding
	// Split 拆单 allows several stores to ship an order if no single store has all of it.
	// Outbounds.Ship ships a whole document, so the host has to split the order in Jushuitan.
	Split bool
}

// Allocate chooses the stores for an order that Jushuitan assigned to a virtual warehouse.
// Candidates are the stores bound to the warehouse that have stock, except those that refused
// the order. They are tried in a fixed sequence: the designated order store (指定下单店仓),
// then the others by code. The first store that has the whole order ships it. Otherwise, with
// Split, stores that can complete more lines come first, and each ships what it has of the
// remaining items. If the stores together lack anything, nothing is allocated.
//
// stock holds the free quantities of the stores, without those reserved for other orders. A
// SKU without a row is unknown and counts as not in stock. Equal arguments return equal results.
func (s *StoreAllocator) Allocate(wmsCoID int64, items []dianjia.OrderItem, stock []dianjia.StockRow, refused ...string) StoreAllocation {
	var out StoreAllocation
	have := allocateStock(stock)
	candidates := s.candidates(wmsCoID, refused, &out)
	for _, b := range candidates {
		if part, rest := allocatePart(have[allocateKey{b.EntID, b.StoreCode}], items); len(rest) == 0 && len(items) > 0 {
			out.say("store %s has the whole order", "门店 %s 可整单发货", b.StoreCode)
			out.Parts = []StorePart{{b.StoreCode, part}}
			return out
		}
		out.say("store %s does not have the whole order", "门店 %s 不能整单发货", b.StoreCode)
	}
	parts, rest := allocateSplit(candidates, have, items)
	switch {
	case len(rest) > 0 || len(parts) == 0:
		out.Missing = rest
		out.say("the stores together lack %s", "所有门店合计仍缺 %s", allocateText(rest))
	case !s.Split:
		out.say("no single store has the order, and splitting is not allowed", "没有门店可整单发货，且未允许拆单")
	default:
		out.Parts = parts
		for _, p := range parts {
			out.say("store %s ships %s", "门店 %s 发 %s", p.StoreCode, allocateText(p.Items))
		}
	}
	return out
}

// say adds a step of the decision.
func (a *StoreAllocation) say(en, zh string, args ...any) {
	a.Why = append(a.Why, fmt.Sprintf(en, args...)+" / "+fmt.Sprintf(zh, args...))
}

// candidates returns the stores to try, in their order, and says which have refused.
func (s *StoreAllocator) candidates(wmsCoID int64, refused []string, out *StoreAllocation) []dianjia.StoreBinding {
	var candidates []dianjia.StoreBinding
	for _, b := range s.Stores {
		same := func(c dianjia.StoreBinding) bool { return c.StoreCode == b.StoreCode }
		switch {
		case b.WMSCoID != wmsCoID || b.StoreCode == "" || slices.ContainsFunc(candidates, same):
		case slices.Contains(refused, b.StoreCode):
			out.say("store %s refused the order", "门店 %s 已拒单", b.StoreCode)
		default:
			candidates = append(candidates, b)
		}
	}
	slices.SortStableFunc(candidates, func(a, b dianjia.StoreBinding) int {
		if a.OrderStore != b.OrderStore {
			if a.OrderStore {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.StoreCode, b.StoreCode)
	})
	return candidates
}

type allocateKey struct{ ent, store string }

// allocateStock returns the figures by store and SKU; of duplicate rows the lowest counts.
func allocateStock(rows []dianjia.StockRow) map[allocateKey]map[string]decimal.Decimal {
	have := map[allocateKey]map[string]decimal.Decimal{}
	for _, r := range rows {
		key := allocateKey{r.EntID, r.StoreCode}
		if have[key] == nil {
			have[key] = map[string]decimal.Decimal{}
		}
		if old, ok := have[key][r.SKUCode]; !ok || r.Qty.LessThan(old) {
			have[key][r.SKUCode] = r.Qty
		}
	}
	return have
}

// allocateSplit returns the items that each store ships, the store that completes most lines
// first, and the items that remain.
func allocateSplit(
	candidates []dianjia.StoreBinding, have map[allocateKey]map[string]decimal.Decimal, items []dianjia.OrderItem,
) (parts []StorePart, rest []dianjia.OrderItem) {
	rest = items
	for len(rest) > 0 {
		best, bestLines, bestPart, bestRest := -1, 0, []dianjia.OrderItem(nil), rest
		for i, b := range candidates {
			if slices.ContainsFunc(parts, func(p StorePart) bool { return p.StoreCode == b.StoreCode }) {
				continue
			}
			part, left := allocatePart(have[allocateKey{b.EntID, b.StoreCode}], rest)
			if lines := 1 + len(rest) - len(left); len(part) > 0 && lines > bestLines {
				best, bestLines, bestPart, bestRest = i, lines, part, left
			}
		}
		if best < 0 {
			break
		}
		parts = append(parts, StorePart{candidates[best].StoreCode, bestPart})
		rest = bestRest
	}
	return parts, rest
}

// allocatePart returns the items that a store has, in whole pieces, and those that remain.
func allocatePart(have map[string]decimal.Decimal, items []dianjia.OrderItem) (part, rest []dianjia.OrderItem) {
	used := map[string]decimal.Decimal{}
	for _, it := range items {
		free := decimal.Max(have[it.SKUCode].Sub(used[it.SKUCode]).Floor(), decimal.Decimal{})
		take := decimal.Min(free, it.Qty)
		used[it.SKUCode] = used[it.SKUCode].Add(take)
		if take.IsPositive() {
			got := it
			got.Qty = take
			part = append(part, got)
		}
		if left := it.Qty.Sub(take); left.IsPositive() {
			it.Qty = left
			rest = append(rest, it)
		}
	}
	return part, rest
}

func allocateText(items []dianjia.OrderItem) string {
	texts := make([]string, len(items))
	for i, it := range items {
		texts[i] = it.SKUCode + " x" + it.Qty.String()
	}
	return strings.Join(texts, ", ")
}
