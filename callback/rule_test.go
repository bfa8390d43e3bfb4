package callback_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// said is a message as the rule sees it.
type said struct {
	document, body string
	ts             int64 // 0 if missing
	side           int   // of returned goods: received or undone
	whole          bool  // it names no lines, and speaks of all
}

// undoes reports whether two messages of different documents undo each other.
func (m said) undoes(of said) bool {
	return m.side != 0 && m.side != of.side && (m.whole || of.whole)
}

// ruling is what becomes of a message after others that were handled: a repeat says the same as
// the last one of its document, and nothing has undone that one; stale is what was sent before one that was
// handled; everything else runs, and is flagged if it was handled before.
func ruling(handled []said, m said) (outcome callback.Outcome, flagged bool) {
	last := -1
	for i, h := range handled {
		if h.document == m.document {
			last = i
		}
	}
	if last >= 0 && handled[last].body == m.body && !slices.ContainsFunc(handled[last:], m.undoes) {
		return callback.Repeat, false
	}
	for _, h := range handled {
		if m.ts > 0 && h.ts > m.ts && (h.document == m.document || m.undoes(h)) {
			return callback.Stale, false
		}
	}
	return callback.Handled, slices.ContainsFunc(handled, func(h said) bool { return h.body == m.body })
}

// shared hides that a store is in memory.
type shared struct{ jushuitan.Deduper }

// TestRule: random messages of one order or after-sale, with and without ts, of which some fail
// and some follow a restart, have the outcome that the rule says.
func TestRule(t *testing.T) {
	for seed := range uint64(racetest.Fewer(600)) {
		rng := rand.New(rand.NewPCG(seed, 9))
		var h host
		var outcome callback.Outcome
		fails := false
		h.reply = func() error {
			if fails {
				return errors.New("not now")
			}
			return nil
		}
		cfg := h.config()
		cfg.NoDedupe, cfg.Checksum = false, callback.ChecksumOff
		cfg.Now = func() time.Time { return time.Unix(1_700_100_000, 0) }
		cfg.OnResult = func(_ context.Context, _ callback.Envelope, r callback.Result) { outcome = r.Outcome }
		if cfg.Deduper = jushuitan.NewMemoryDeduper(0); seed%2 == 0 {
			cfg.Deduper = shared{cfg.Deduper}
		}
		r := receiver(t, cfg)
		story := fmt.Sprint("seed ", seed)
		var handled []said
		for range 14 {
			method, m := jushuitan.PushShipment, said{document: fmt.Sprint(rng.IntN(2))}
			m.body = fmt.Sprintf(`{"o_id":7,"so_id":"S","l_id":"L%d","items":[{"oi_id":%s,"sku_id":"X","qty":1}]}`, rng.IntN(3), m.document)
			if seed%4 > 1 {
				method, m = jushuitan.PushGoodsReturned, said{side: rng.IntN(2) + 1}
				lines := ""
				if part := rng.IntN(3); part > 0 {
					lines = fmt.Sprintf(`,"items":[{"sku_id":"X","qty":%d}]`, part)
				}
				m.document, m.whole = lines, lines == ""
				m.body = fmt.Sprintf(`{"as_id":9,"action_name":%q%s}`, []string{"", "确认收货", "取消收货"}[m.side], lines)
			}
			query := "/?entId=1&storageCode=1&method=" + string(method)
			if rng.IntN(3) > 0 {
				m.ts = 1_700_000_000 + rng.Int64N(6)
				query += fmt.Sprint("&ts=", m.ts)
			}
			if rng.IntN(8) == 0 {
				r, story = receiver(t, cfg), story+"\nrestart"
			}
			want, flagged := ruling(handled, m)
			if fails = rng.IntN(5) == 0; fails && want == callback.Handled {
				want = callback.Failed
			}
			before := len(h.seen)
			send(t, r, "POST", query, m.body)
			story += fmt.Sprintf("\n%s ts %d: %s", strings.TrimPrefix(m.body, `{"o_id":7,`), m.ts, outcome)
			require.Equal(t, want, outcome, story)
			if len(h.seen) > before {
				require.Equal(t, flagged, h.envs[before].MayRepeat, "%s: flagged", story)
			}
			if want == callback.Handled {
				handled = append(handled, m)
			}
		}
	}
}
