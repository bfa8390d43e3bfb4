package jushuitantest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Common parts of stock documents (purchases, transfers, other in/out).

// docLine identifies a line of a document.
type docLine struct {
	sku string
	qty decimal.Decimal
}

// divide distributes quantities by SKU among the lines of a document; nil means the
// quantities of the lines. A SKU may exceed its lines only if more allows it.
func divide(lines []docLine, actual map[string]decimal.Decimal, more bool) ([]decimal.Decimal, error) {
	parts := make([]decimal.Decimal, len(lines))
	if actual == nil {
		for i, l := range lines {
			parts[i] = l.qty
		}
	}
	for _, sku := range slices.Sorted(maps.Keys(actual)) {
		left, last := actual[sku], -1
		if left.IsNegative() {
			return nil, problem("quantity of %q is negative", sku)
		}
		for i, l := range lines {
			if l.sku == sku {
				parts[i] = decimal.Min(l.qty, left)
				left, last = left.Sub(parts[i]), i
			}
		}
		switch {
		case last < 0:
			return nil, problem("the document has no line of %q", sku)
		case left.IsPositive() && !more:
			return nil, problem("%s more of %q than the document has", left, sku)
		}
		parts[last] = parts[last].Add(left)
	}
	if !slices.ContainsFunc(parts, decimal.Decimal.IsPositive) {
		return nil, problem("all quantities are 0")
	}
	return parts, nil
}

// badLine returns what is wrong with a line of an upload.
func (c *Company) badLine(sku string, qty decimal.Decimal) string {
	switch {
	case c.skus[sku] == nil:
		return "商品编码 " + sku + " 不存在"
	case !qty.IsPositive():
		return "商品 " + sku + " 的数量必须大于0"
	}
	return ""
}

// lacks returns which stock is insufficient for the moves. That the platform refuses such
// documents is an assumption; merchants can allow negative stock there.
func (c *Company) lacks(moves []stockMove) string {
	type place struct {
		stockKey
		slot int64
	}
	taken := map[place]decimal.Decimal{}
	for _, m := range moves {
		if !m.qty.IsNegative() {
			continue
		}
		k := place{stockKey{m.wms, m.sku}, m.slot}
		taken[k] = taken[k].Add(m.qty.Neg())
		var has decimal.Decimal
		if r := c.stock[k.stockKey]; r != nil {
			has = *slot(r, m.slot)
		}
		if taken[k].GreaterThan(has) {
			return "商品 " + m.sku + " 库存不足：需要 " + taken[k].String() + "，现有 " + has.String()
		}
	}
	return ""
}

func (c *Company) putAll(moves []stockMove) {
	for _, m := range moves {
		if !m.qty.IsZero() {
			c.put(m)
		}
	}
}

// inTransit changes the quantity in transit to a warehouse.
func (c *Company) inTransit(wms int64, sku, name string, qty decimal.Decimal) {
	if qty.IsZero() {
		return
	}
	r := c.row(wms, sku)
	f := figure(r, name)
	*f = f.Add(qty)
	c.moved(r)
}

// hasSlot reports whether a number is a warehouse slot. Documents know custom slots
// 6 to 15; stock rows have figures for 6 to 8 only, so others are refused
// (assumption).
func hasSlot(n int64) bool { return slot(new(jushuitan.InventoryRow), n) != nil }

const badSlot = "仓库类型应为 1、2、3、4、6、7、8"

// emptyText reports whether a request has a member that is "", which some documents must
// omit instead.
func emptyText(q *call, name string) bool {
	var m map[string]jsontext.Value
	return wire.Unmarshal(q.biz, &m) == nil && string(m[name]) == `""`
}

// byDate returns the time that date_type selects: 0 modified, 2 io_date.
func byDate[T any](dateType *int64, modified, ioDate T) T {
	if dateType != nil && *dateType == 2 {
		return ioDate
	}
	return modified
}

// relabel adds or removes labels.
func relabel(labels, change []string, remove bool) []string {
	out := slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return remove && slices.Contains(change, l) })
	for _, l := range change {
		if !remove && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// set copies the fields that a request sets.
func set[T cmp.Ordered](to *T, from T) { *to = cmp.Or(from, *to) }

func setDecimal(to, from *decimal.Decimal) {
	if from != nil {
		*to = *from
	}
}
