package mapping

import (
	"cmp"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// A warehouseQty is an exact number: a whole number of up to 18 digits, or a decimal.
type warehouseQty struct {
	whole int64
	exact decimal.Decimal // instead of whole
	big   bool            // the number is in exact
}

const warehouseMaxDigits = 18

func warehouseQtyOf(d decimal.Decimal) warehouseQty {
	if d.Exponent() <= 0 && d.NumDigits() <= warehouseMaxDigits && d.IsInteger() {
		return warehouseQty{whole: d.IntPart()}
	}
	return warehouseQty{exact: d, big: true}
}

func (q warehouseQty) decimal() decimal.Decimal {
	if q.big {
		return q.exact
	}
	return decimal.NewFromInt(q.whole)
}

// above returns q minus a reserve, at least zero.
func (q warehouseQty) above(reserve warehouseQty) warehouseQty {
	if !q.big && !reserve.big {
		return warehouseQty{whole: max(0, q.whole-reserve.whole)}
	}
	left := q.decimal().Sub(reserve.decimal())
	if left.IsNegative() {
		return warehouseQty{}
	}
	return warehouseQtyOf(left)
}

func (q warehouseQty) plus(p warehouseQty) warehouseQty {
	if !q.big && !p.big {
		if sum := q.whole + p.whole; (sum > q.whole) == (p.whole > 0) {
			return warehouseQty{whole: sum}
		}
	}
	return warehouseQty{exact: q.decimal().Add(p.decimal()), big: true}
}

// part returns the share of a place if q is split among several.
func (q warehouseQty) part(place, places int) warehouseQty {
	if places <= 1 {
		return q
	}
	if !q.big {
		n, k := q.whole/int64(places), q.whole%int64(places)
		switch {
		case k > int64(place):
			n++
		case -k > int64(place):
			n--
		}
		return warehouseQty{whole: n}
	}
	pieces := q.exact.Truncate(0)
	n, k := pieces.QuoRem(decimal.NewFromInt(int64(places)), 0)
	if k.Abs().GreaterThan(decimal.NewFromInt(int64(place))) {
		n = n.Add(decimal.NewFromInt(int64(k.Sign())))
	}
	if place == 0 {
		n = n.Add(q.exact.Sub(pieces))
	}
	return warehouseQtyOf(n)
}

// A warehouseTotal is the sum for one SKU.
type warehouseTotal struct {
	qty      warehouseQty
	modified time.Time // the latest
}

// A warehouseMember is a contributor to a sum.
type warehouseMember struct {
	wms   int64
	slot  dianjia.WarehouseSlot
	store string
}

// A warehouseFeed is the target of a member's figures, and its share.
type warehouseFeed struct {
	sum         *warehouseSum
	member      int
	part, parts int
}

// warehouseShare splits figures among several places if the policy requires it.
func warehouseShare(feeds []warehouseFeed, policy SharedStockPolicy) {
	for i := range feeds {
		if policy == SharedSplit {
			feeds[i].part, feeds[i].parts = i, len(feeds)
		}
	}
}

// A warehouseSum sums its members' figures per SKU and records which members have one.
type warehouseSum struct {
	wms       int64  // the target of stores
	warehouse string // the target of Jushuitan's warehouses
	members   []warehouseMember

	index  map[string]int32
	skus   []string
	totals []warehouseTotal
	given  []uint64 // a bit for each member, SKU after SKU
	bad    map[int32][]warehouseFault
}

// A warehouseFault is the reason why a SKU with figures has no sum.
type warehouseFault struct {
	member int
	reason StockGapReason
	err    error
}

// join adds a member. All join before the first figure.
func (s *warehouseSum) join(m warehouseMember) warehouseFeed {
	s.members = append(s.members, m)
	return warehouseFeed{sum: s, member: len(s.members) - 1}
}

func (s *warehouseSum) words() int { return (len(s.members) + 63) / 64 }

// at returns the index of a SKU, which it adds if necessary.
func (s *warehouseSum) at(sku string) int32 {
	if i, ok := s.index[sku]; ok {
		return i
	}
	if s.index == nil {
		s.index = make(map[string]int32)
	}
	i := int32(len(s.skus))
	s.index[sku] = i
	s.skus = append(s.skus, sku)
	s.totals = append(s.totals, warehouseTotal{})
	for range s.words() {
		s.given = append(s.given, 0)
	}
	return i
}

func (s *warehouseSum) add(member int, sku string, qty warehouseQty, modified time.Time) {
	i := s.at(sku)
	if s.mark(i, member) {
		s.fault(i, warehouseFault{member: member, reason: GapRepeated})
		return
	}
	t := &s.totals[i]
	t.qty = t.qty.plus(qty)
	if modified.After(t.modified) {
		t.modified = modified
	}
}

func (s *warehouseSum) fail(member int, sku string, err error) {
	i := s.at(sku)
	s.mark(i, member)
	s.fault(i, warehouseFault{member: member, reason: GapFailed, err: err})
}

// mark records that a member has a figure, and reports whether it had one before.
func (s *warehouseSum) mark(i int32, member int) (before bool) {
	word := &s.given[int(i)*s.words()+member/64]
	bit := uint64(1) << (member % 64)
	before = *word&bit != 0
	*word |= bit
	return before
}

// fault records why a SKU has no sum, once for each member.
func (s *warehouseSum) fault(i int32, f warehouseFault) {
	if slices.ContainsFunc(s.bad[i], func(g warehouseFault) bool { return g.member == f.member }) {
		return
	}
	if s.bad == nil {
		s.bad = make(map[int32][]warehouseFault)
	}
	s.bad[i] = append(s.bad[i], f)
}

// rows returns the sums by SKU and adds missing figures to gaps.
func (s *warehouseSum) rows(policy UnknownStockPolicy, gaps *warehouseGaps) iter.Seq2[string, *warehouseTotal] {
	return func(yield func(string, *warehouseTotal) bool) {
		order := make([]int32, len(s.skus))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(s.skus[a], s.skus[b]) })
		for _, i := range order {
			given := 0
			for _, word := range s.given[int(i)*s.words() : (int(i)+1)*s.words()] {
				given += bits.OnesCount64(word)
			}
			bad, missing := s.bad[i], len(s.members)-given
			// Without any figure the sum is unknown, not zero.
			withheld := len(bad) > 0 || given == 0 || missing > 0 && policy == UnknownWithhold
			if len(bad) > 0 || missing > 0 {
				gaps.note(s, i, missing, withheld)
			}
			if !withheld && !yield(s.skus[i], &s.totals[i]) {
				return
			}
		}
	}
}

// warehouseGaps collects gaps, and the details of the first max.
type warehouseGaps struct {
	StockGaps
	max int
}

// warehouseDetails returns how many gaps are listed.
func warehouseDetails(details int) int {
	if details == 0 {
		return 1000
	}
	return max(0, details)
}

// note records the missing figures of one SKU, by member.
func (g *warehouseGaps) note(s *warehouseSum, i int32, missing int, withheld bool) {
	g.Total += missing + len(s.bad[i])
	if withheld {
		g.Withheld++
	}
	if len(g.First) >= g.max {
		return
	}
	faults := make(map[int]warehouseFault, len(s.bad[i]))
	for _, f := range s.bad[i] {
		faults[f.member] = f
	}
	for member, m := range s.members {
		gap := StockGap{WMSCoID: m.wms, Slot: m.slot, StoreCode: m.store, WarehouseCode: s.warehouse, SKUCode: s.skus[i], Reason: GapUnknown, Withheld: withheld}
		if f, ok := faults[member]; ok {
			gap.Reason, gap.Err = f.reason, f.err
		} else if s.given[int(i)*s.words()+member/64]&(1<<(member%64)) != 0 {
			continue
		}
		if len(g.First) == g.max {
			return
		}
		g.First = append(g.First, gap)
	}
}

// warehouseKeys returns the keys of a map by warehouse, ascending.
func warehouseKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }
