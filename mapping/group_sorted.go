package mapping

import (
	"cmp"
	"fmt"
	"iter"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// GroupSorted groups a stream of SKU rows that the host has sorted by i_id, and by sku_id where
// that is empty, byte by byte: ORDER BY i_id, sku_id with a binary collation. It keeps only one
// style in memory, which suits millions of SKUs. Rows without i_id come first, each SKU a product
// of its own; with SKUCodeForStyleNo sort them by their sku_id among the i_ids instead. The
// results are those of [ProductGrouper], in the order of the rows. An error of the stream is
// passed on and ends the iteration, as does a row that is out of order.
func (m *ProductMapper) GroupSorted(rows iter.Seq2[*jushuitan.SKU, error]) iter.Seq2[*dianjia.Product, error] {
	return func(yield func(*dianjia.Product, error) bool) {
		var g *ProductGrouper
		var last sortedKey
		flush := func() bool {
			if g == nil {
				return true
			}
			for p := range g.Products() {
				if !yield(p, nil) {
					return false
				}
			}
			return true
		}
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			key := m.sortedKey(row)
			if key.compare(last) < 0 {
				yield(nil, fmt.Errorf("mapping: rows of style %q come after those of %q: sort the rows by i_id, then by sku_id, byte by byte"+
					" / 数据未排序，%[1]q 出现在 %[2]q 之后：请按 i_id、sku_id 的字节顺序排序", key.text(), last.text()))
				return
			}
			if g == nil || key != last {
				if !flush() {
					return
				}
				g, last = m.Grouper(), key
			}
			g.AddSKU(row)
		}
		flush()
	}
}

// A sortedKey is what keeps the rows of a product together.
type sortedKey struct{ iID, skuID string }

func (m *ProductMapper) sortedKey(row *jushuitan.SKU) sortedKey {
	switch {
	case row.IID != "":
		return sortedKey{iID: row.IID}
	case m.cfg.SKUCodeForStyleNo && row.SKUID != "":
		return sortedKey{iID: row.SKUID}
	}
	return sortedKey{skuID: row.SKUID}
}

func (k sortedKey) compare(o sortedKey) int {
	return cmp.Or(cmp.Compare(k.iID, o.iID), cmp.Compare(k.skuID, o.skuID))
}

func (k sortedKey) text() string { return cmp.Or(k.iID, k.skuID) }
