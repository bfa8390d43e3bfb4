package callback_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// stockLine is a row of a stock push.
type stockLine struct {
	shop          int
	sku, shopSKU  string
	qty, modified int // minutes of the day, -1: none
}

func (l stockLine) String() string {
	text := fmt.Sprintf(`{"shop_id":%d,"sku_id":%q,"shop_sku_id":%q,"qty":%d`, l.shop, l.sku, l.shopSKU, l.qty)
	if l.modified >= 0 {
		text += fmt.Sprintf(`,"modified":"2024-01-01 %02d:%02d:00"`, l.modified/60, l.modified%60)
	}
	return text + "}"
}

func stockPush(rows []stockLine) string {
	var texts []string
	for _, l := range rows {
		texts = append(texts, l.String())
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func stockQuery(ent, storage string) string {
	return "/?method=" + string(jushuitan.PushStock) + "&entId=" + ent + "&storageCode=" + storage
}

// TestStaleStockRule: of random pushes, some of which fail, the host sees the rows that are as new
// as all that it accepted of their SKU, and in the push before them, whatever it does with the
// push that it is given.
func TestStaleStockRule(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var seen []string
		var outcome callback.Outcome
		var fails error
		r := receiver(t, callback.Config{
			AllowUnauthenticated: true, Checksum: callback.ChecksumOff, DropStaleStock: true,
			OnResult: func(_ context.Context, _ callback.Envelope, res callback.Result) { outcome = res.Outcome },
			Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
				seen = []string{}
				for i, row := range p.Rows {
					seen = append(seen, row.Qty.String())
					p.Rows[i] = jushuitan.StockPushRow{SKUID: "changed by the host"}
				}
				p.Rows = p.Rows[:0]
				return fails
			},
		})
		newest := map[string]int{}
		story := fmt.Sprint("seed ", seed)
		for push := range 12 {
			ent, storage := fmt.Sprint(rng.IntN(2)), fmt.Sprint(rng.IntN(2))
			rows := make([]stockLine, 1+rng.IntN(4))
			want := []string{}
			accepted := map[string]int{}
			for i := range rows {
				l := stockLine{shop: rng.IntN(2), sku: string('A' + rune(rng.IntN(2))), shopSKU: []string{"", "x"}[rng.IntN(2)], qty: push*10 + i, modified: rng.IntN(6) - 1}
				rows[i] = l
				key := fmt.Sprint(ent, storage, l.shop, l.sku, l.shopSKU)
				if l.modified >= 0 {
					if at, ok := newest[key]; ok && l.modified < at {
						continue
					}
					if at, ok := accepted[key]; ok && l.modified < at {
						continue
					}
					accepted[key] = l.modified
				}
				want = append(want, fmt.Sprint(l.qty))
			}
			if fails = nil; rng.IntN(4) == 0 {
				fails = errors.New("not now")
			}
			body := stockPush(rows)
			story += fmt.Sprintf("\n%s/%s %s, fails %t", ent, storage, body, fails != nil)
			seen = nil
			send(t, r, "POST", stockQuery(ent, storage), body)
			switch {
			case len(want) == 0:
				require.Nil(t, seen, story)
				require.Equal(t, callback.Stale, outcome, story)
				continue
			case fails != nil:
				require.Equal(t, callback.Failed, outcome, story)
			default:
				require.Equal(t, callback.Handled, outcome, story)
				for key, at := range accepted {
					newest[key] = at
				}
			}
			require.Equal(t, want, seen, story)
		}
	}
}

// TestStaleStockEmpty: a push without rows, if it is accepted at all, is not stale.
func TestStaleStockEmpty(t *testing.T) {
	outcomes := map[bool]callback.Outcome{}
	for _, drop := range []bool{false, true} {
		var h host
		cfg := h.config()
		cfg.Checksum, cfg.DropStaleStock = callback.ChecksumOff, drop
		cfg.OnResult = func(_ context.Context, _ callback.Envelope, res callback.Result) { outcomes[drop] = res.Outcome }
		send(t, receiver(t, cfg), "POST", stockQuery("1", "1"), `{"datas":[]}`)
	}
	assert.Equal(t, outcomes[false], outcomes[true])
}

// TestStaleStockForgets: 200,000 SKUs are remembered; the one that was accepted the longest time
// ago is forgotten first, and an older figure of it is accepted then.
func TestStaleStockForgets(t *testing.T) {
	seen := 0
	r := receiver(t, callback.Config{
		AllowUnauthenticated: true, Checksum: callback.ChecksumOff, DropStaleStock: true, MaxBody: 64 << 20, MaxRows: -1,
		Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			seen = len(p.Rows)
			return nil
		},
	})
	push := func(modified int, skus ...string) int {
		var b strings.Builder
		for _, sku := range skus {
			fmt.Fprintf(&b, `,{"sku_id":%q,"qty":1,"modified":"2024-01-01 00:%02d:00"}`, sku, modified)
		}
		seen = 0
		assert.Equal(t, 200, send(t, r, "POST", stockQuery("1", "1"), "["+b.String()[1:]+"]").Code)
		return seen
	}
	require.Equal(t, 2, push(10, "first", "second"))
	many := make([]string, 200_000-2)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	require.Equal(t, len(many), push(10, many...))
	assert.Equal(t, 0, push(9, "first", "second", "0", many[len(many)-1]), "as many as are remembered")
	assert.Equal(t, 1, push(10, "first"), "accepted again")
	assert.Equal(t, 1, push(10, "one more"))
	assert.Equal(t, 0, push(9, "first"), "not the oldest any more")
	assert.Equal(t, 0, push(9, "0"))
	assert.Equal(t, 1, push(9, "second"), "forgotten")
}

// TestStaleStockTurns: pushes that name a shop in common run one after the other, whatever the
// order in which they name their shops; others do not wait, and one that gives up leaves nothing
// behind.
func TestStaleStockTurns(t *testing.T) {
	type push struct {
		at            time.Duration
		ent, storage  string
		shops         []int
		lasts         time.Duration
		status, ended int // the answer, and after how many seconds it came
	}
	const s = time.Second
	for name, pushes := range map[string][]push{
		"one shop": {
			{0, "1", "1", []int{1}, s, 200, 1}, {1, "1", "1", []int{1}, s, 200, 2}, {2, "1", "1", []int{1}, s, 200, 3}, {5 * s, "1", "1", []int{1}, s, 200, 6},
		},
		"others": {
			{0, "1", "1", []int{1}, s, 200, 1}, {1, "1", "1", []int{2}, s, 200, 1}, {2, "1", "2", []int{1}, s, 200, 1}, {3, "2", "1", []int{1}, s, 200, 1},
		},
		"in any order": {
			{0, "1", "1", []int{2, 1}, s, 200, 1}, {1, "1", "1", []int{1, 2}, s, 200, 2}, {2, "1", "1", []int{2, 1, 2}, s, 200, 3},
		},
		"one in common": {
			{0, "1", "1", []int{1, 2}, 2 * s, 200, 2}, {1, "1", "1", []int{3, 2}, s, 200, 3}, {2, "1", "1", []int{4}, s, 200, 1},
		},
		"gives up": {
			{0, "1", "1", []int{2}, 10 * s, 200, 10}, {s, "1", "1", []int{1, 2, 3}, s, 500, 4}, // it has the turn of 1, and waits
			{2 * s, "1", "1", []int{1}, s, 200, 5}, {2 * s, "1", "1", []int{3}, s, 200, 3},
			{6 * s, "1", "1", []int{2}, s, 500, 9}, {9 * s, "1", "1", []int{2}, s, 200, 11},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				running := map[string]int{}
				busy := func(env callback.Envelope, rows []jushuitan.StockPushRow, by int) {
					mu.Lock()
					defer mu.Unlock()
					of := map[string]bool{}
					for _, row := range rows {
						of[fmt.Sprint(env.EntID, "/", env.StorageCode, "/", row.ShopID)] = true
					}
					for shop := range of {
						running[shop] += by
						assert.LessOrEqual(t, running[shop], 1, "two at once")
					}
				}
				r := receiver(t, callback.Config{
					AllowUnauthenticated: true, Checksum: callback.ChecksumOff, DropStaleStock: true, Wait: 3 * s, MaxAhead: -1,
					Stock: func(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
						busy(env, p.Rows, 1)
						defer busy(env, p.Rows, -1)
						time.Sleep(time.Duration(p.Rows[0].Qty.IntPart()))
						return nil
					},
				})
				begin := time.Now()
				var wg sync.WaitGroup
				for i, p := range pushes {
					wg.Go(func() {
						time.Sleep(p.at)
						var rows []stockLine
						for _, shop := range p.shops {
							rows = append(rows, stockLine{shop: shop, sku: "A", qty: int(p.lasts), modified: -1})
						}
						assert.Equal(t, p.status, send(t, r, "POST", stockQuery(p.ent, p.storage), stockPush(rows)).Code, "push %d", i)
						assert.Equal(t, p.ended, int(time.Since(begin).Round(s)/s), "push %d", i)
					})
				}
				wg.Wait()
			})
		})
	}
}

// TestStaleStockAhead: a row may be dated up to MaxAhead in the future, a day unless the config
// says otherwise, and any time if it says never.
func TestStaleStockAhead(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
	for name, tt := range map[string]struct {
		maxAhead, ahead time.Duration
		status          int
	}{
		"the default":      {0, 24 * time.Hour, 200},
		"beyond it":        {0, 24*time.Hour + time.Second, 422},
		"of the config":    {time.Minute, time.Minute, 200},
		"beyond that":      {time.Minute, time.Minute + time.Second, 422},
		"not limited":      {-1, 9000 * time.Hour, 200},
		"without any time": {0, -1, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.Checksum, cfg.DropStaleStock, cfg.MaxAhead, cfg.Now = callback.ChecksumOff, true, tt.maxAhead, func() time.Time { return now }
			row := `{"sku_id":"B","qty":1}`
			if tt.ahead >= 0 {
				row = fmt.Sprintf(`{"sku_id":"A","qty":1,"modified":%q}`, now.Add(tt.ahead).Format(time.DateTime))
			}
			body := `[{"sku_id":"0","qty":1},` + row + `]`
			w := send(t, receiver(t, cfg), "POST", stockQuery("1", "1")+fmt.Sprint("&ts=", now.Unix()), body)
			assert.Equal(t, tt.status, w.Code)
			if tt.status != 200 {
				require.Len(t, h.errs, 1)
				assert.Empty(t, h.seen)
				require.ErrorIs(t, h.errs[0], jushuitan.ErrWindow)
				require.ErrorContains(t, h.errs[0], "datas[1].modified")
			}
		})
	}
}
