package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// TestReturnReceivedOracle applies random pushes to random returns, also with several lines of a
// SKU: what was received by SKU, and whether all of it is there, equal a count by SKU.
func TestReturnReceivedOracle(t *testing.T) {
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 22))
		skus := []string{"A", "B", "C"}[:1+rng.IntN(3)]
		r := dianjia.Return{ReturnNo: "R", Goods: dianjia.GoodsSentBack}
		want, has := map[string]int64{}, map[string]int64{}
		for i := range 1 + rng.IntN(4) {
			sku, n := skus[rng.IntN(len(skus))], 1+rng.Int64N(3)
			r.Items = append(r.Items, dianjia.ReturnItem{LineNo: fmt.Sprint(i), SKUCode: sku, Qty: decimal.NewFromInt(n)})
			want[sku] += n
		}
		for step := range 1 + rng.IntN(5) {
			push := &jushuitan.GoodsReturnedPush{OuterASID: "R", Action: jushuitan.GoodsReceived}
			if rng.IntN(3) == 0 {
				push.Action = jushuitan.GoodsRevoked
			}
			next, refused := map[string]int64{}, false
			for sku, n := range has {
				next[sku] = n
			}
			for range 1 + rng.IntN(3) {
				sku, n := skus[rng.IntN(len(skus))], rng.Int64N(4)
				push.Items = append(push.Items, jushuitan.GoodsReturnedPushItem{SKUID: sku, Qty: decimal.New(n, 0)})
				if push.Action == jushuitan.GoodsRevoked {
					n = -n
				}
				next[sku] += n
				refused = refused || want[sku] == 0 || next[sku] < 0
			}
			out, err := mapping.ReturnReceived(&r, push)
			require.Equal(t, refused, err != nil, "seed %d, step %d: %v", seed, step, err)
			if err == nil {
				r, has = out, next
			}
			got := map[string]int64{}
			for _, it := range r.Items {
				require.False(t, it.Received.IsNegative(), "seed %d", seed)
				got[it.SKUCode] += it.Received.IntPart()
			}
			all := true
			for sku, n := range want {
				require.Equal(t, has[sku], got[sku], "seed %d, step %d: %s", seed, step, sku)
				all = all && has[sku] >= n
			}
			require.Equal(t, all, r.Goods == dianjia.GoodsReceived, "seed %d, step %d: %v of %v", seed, step, has, want)
		}
	}
}
