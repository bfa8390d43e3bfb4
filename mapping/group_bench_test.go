package mapping_test

import (
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// sortedSKUs yields n rows of styles of ten SKUs, sorted by i_id, from one row that is reused.
func sortedSKUs(n int) iter.Seq2[*jushuitan.SKU, error] {
	return func(yield func(*jushuitan.SKU, error) bool) {
		var row jushuitan.SKU
		for i := range n {
			row = jushuitan.SKU{
				SKUID: fmt.Sprintf("S%07d-%d", i/10, i%10), IID: fmt.Sprintf("S%07d", i/10), Name: "圆领T恤", Brand: "青禾",
				PropertiesValue: []string{"红;M", "红;L", "白;M", "白;L"}[i%4], SalePrice: dec("59"), Labels: jushuitan.CommaList{"店加"},
			}
			if !yield(&row, nil) {
				return
			}
		}
	}
}

// BenchmarkGroupSorted groups and plans a sorted stream. peak-MB is the largest heap in use
// beyond the one at the start, which must not grow with the number of SKUs. With -short there
// are a tenth as many.
func BenchmarkGroupSorted(b *testing.B) {
	sizes := []int{100_000, 1_000_000}
	if testing.Short() {
		sizes = []int{10_000, 100_000}
	}
	m, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		b.Fatal(err)
	}
	settings := mapping.SyncSettings{AutoCreate: true}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var peak uint64
			for range b.N {
				peak = max(peak, groupPeak(b, m, settings, n))
			}
			b.ReportMetric(float64(peak)/1e6, "peak-MB")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/SKU")
		})
	}
}

func groupPeak(t testing.TB, m *mapping.ProductMapper, settings mapping.SyncSettings, n int) uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	start, peak, styles := stats.HeapAlloc, uint64(0), 0
	for p, err := range m.GroupSorted(sortedSKUs(n)) {
		if err != nil {
			t.Fatal(err)
		}
		if d := settings.Plan(nil, p); d.Action != mapping.ActionCreate {
			t.Fatal(d)
		}
		if styles++; styles%1000 == 0 {
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc-min(start, stats.HeapAlloc))
		}
	}
	if styles != n/10 {
		t.Fatalf("%d styles, want %d", styles, n/10)
	}
	return peak
}

// TestGroupSortedMemory: ten times the SKUs do not take more memory.
func TestGroupSortedMemory(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{})
	for _, n := range []int{racetest.Fewer(10_000), racetest.Fewer(100_000)} {
		if peak := groupPeak(t, m, mapping.SyncSettings{AutoCreate: true}, n); peak > 32<<20 {
			t.Errorf("%d SKUs take %d bytes of heap at the peak", n, peak)
		}
	}
}
