package mapping

import (
	"fmt"
	"iter"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// GroupSorted groups a stream of SKU rows that the host has sorted by i_id, for example with
// ORDER BY. It keeps only one style in memory, which suits millions of SKUs. Rows without i_id
// come first, each a product of its own. The results are those of [ProductGrouper], in the
// order of the rows. An error of the stream is passed on and ends the iteration, as does a row
// that is out of order.
func (m *ProductMapper) GroupSorted(rows iter.Seq2[*jushuitan.SKU, error]) iter.Seq2[*dianjia.Product, error] {
	return func(yield func(*dianjia.Product, error) bool) {
		var g *ProductGrouper
		last := ""
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
			if row.IID < last {
				yield(nil, fmt.Errorf("mapping: rows of style %q come after those of %q: sort the rows by i_id / 数据未按款式编码排序，%[1]q 出现在 %[2]q 之后：请按 i_id 排序", row.IID, last))
				return
			}
			if g == nil || row.IID != last || row.IID == "" {
				if !flush() {
					return
				}
				g, last = m.Grouper(), row.IID
			}
			g.AddSKU(row)
		}
		flush()
	}
}
