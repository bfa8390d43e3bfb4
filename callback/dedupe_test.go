package callback_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

func TestMemoryDeduper(t *testing.T) {
	callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return jushuitan.NewMemoryDeduper(0) })
}

// TestMemoryDeduperBound: the oldest committed key goes first; claims never do.
func TestMemoryDeduperBound(t *testing.T) {
	ctx := t.Context()
	d := jushuitan.NewMemoryDeduper(3)
	claim := func(key string) jushuitan.ClaimState {
		state, _, err := d.Claim(ctx, key, "A", key, time.Minute)
		require.NoError(t, err)
		return state
	}
	for _, key := range []string{"a", "b", "c"} {
		require.Equal(t, jushuitan.Claimed, claim(key))
		require.NoError(t, d.Commit(ctx, key, "A", key, "", time.Minute))
	}
	require.NoError(t, d.Commit(ctx, "a", "A", "a", "", time.Minute)) // again: the newest now
	assert.Equal(t, jushuitan.Claimed, claim("d"))
	assert.Equal(t, 3, d.Len())
	assert.Equal(t, jushuitan.Committed, claim("a"))
	assert.Equal(t, jushuitan.Committed, claim("c"))
	assert.Equal(t, jushuitan.Claimed, claim("b"))
	assert.Equal(t, jushuitan.Claimed, claim("e"))
	assert.Equal(t, 3, d.Len())
	_, _, err := d.Claim(ctx, "f", "A", "f", time.Minute)
	require.Error(t, err, "three are being handled")
	require.Error(t, d.Commit(ctx, "f", "A", "f", "", time.Minute))
	require.NoError(t, d.Release(ctx, "e", "e"))
	assert.Equal(t, jushuitan.Claimed, claim("f"))
}

func TestMemoryDeduperForgetsEndedClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := jushuitan.NewMemoryDeduper(1)
		state, _, err := d.Claim(t.Context(), "a", "A", "a", time.Second)
		require.NoError(t, err)
		require.Equal(t, jushuitan.Claimed, state)
		time.Sleep(time.Second)
		state, _, err = d.Claim(t.Context(), "b", "A", "b", time.Second)
		require.NoError(t, err)
		require.Equal(t, jushuitan.Claimed, state)
	})
}

// TestRepeats: which messages are repeats of which.
func TestRepeats(t *testing.T) {
	ship := func(items string) string { return `{"o_id":1,"so_id":"S","l_id":"L","items":` + items + `}` }
	one, two := `{"sku_id":"A","qty":1,"outer_oi_id":"1"}`, `{"sku_id":"B","qty":2,"outer_oi_id":"2"}`
	goods := func(members string) string { return `{"action_name":"确认收货",` + members + `}` }
	for name, tt := range map[string]struct {
		method        jushuitan.PushMethod
		first, second string
		repeat        bool
	}{
		"shipment":                    {jushuitan.PushShipment, shipmentBody, shipmentBody, true},
		"shipment, text for numbers":  {jushuitan.PushShipment, ship("[" + one + "]"), `{"o_id":"1","l_id":"L","so_id":"S","items":[{"outer_oi_id":1,"sku_id":"A","qty":"1.0","so_id":"S"}]}`, true},
		"shipment, lines reordered":   {jushuitan.PushShipment, ship("[" + one + "," + two + "]"), ship("[" + two + "," + one + "]"), true},
		"shipment, as a form":         {jushuitan.PushShipment, shipmentBody, biz(shipmentBody), true},
		"shipment, other waybill":     {jushuitan.PushShipment, shipmentBody, strings.Replace(shipmentBody, "YT1", "YT2", 1), false},
		"shipment, other order":       {jushuitan.PushShipment, shipmentBody, strings.Replace(shipmentBody, "200001", "200002", 1), false},
		"shipment, other lines":       {jushuitan.PushShipment, ship("[" + one + "]"), ship("[" + two + "]"), false},
		"shipment, one line more":     {jushuitan.PushShipment, ship("[" + one + "]"), ship("[" + one + "," + one + "]"), false},
		"shipment, without o_id":      {jushuitan.PushShipment, `{"so_id":"S","l_id":"L"}`, `{"so_id":"T","l_id":"L"}`, false},
		"cancel":                      {jushuitan.PushCancel, cancelBody, cancelBody, true},
		"cancel, other remark":        {jushuitan.PushCancel, cancelBody, `{"so_id":"SO-1","remark":"another"}`, false},
		"cancel, other order":         {jushuitan.PushCancel, cancelBody, `{"so_id":"SO-2"}`, false},
		"returned":                    {jushuitan.PushGoodsReturned, returnedBody, returnedBody, true},
		"returned, revoked":           {jushuitan.PushGoodsReturned, returnedBody, strings.Replace(returnedBody, "确认", "取消", 1), false},
		"returned, other document":    {jushuitan.PushGoodsReturned, goods(`"as_id":1`), goods(`"as_id":2`), false},
		"returned, other unique_id":   {jushuitan.PushGoodsReturned, goods(`"as_id":1,"unique_id":"a"`), goods(`"as_id":1,"unique_id":"b"`), false},
		"returned, by outer number":   {jushuitan.PushGoodsReturned, goods(`"outer_as_id":"R"`), goods(`"outer_as_id":"R"`), true},
		"returned, numbers alike":     {jushuitan.PushGoodsReturned, goods(`"outer_as_id":"1"`), goods(`"as_id":1`), false},
		"stock is never a repeat":     {jushuitan.PushStock, stockBody, stockBody, false},
		"stock, row without modified": {jushuitan.PushStock, `[{"sku_id":"A","qty":1}]`, `[{"sku_id":"A","qty":1}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var h host
			cfg := h.config()
			cfg.NoDedupe = false
			r := receiver(t, cfg)
			for _, body := range []string{tt.first, tt.second} {
				assertSuccess(t, send(t, r, "POST", "/?"+query(tt.method), body))
			}
			assert.Len(t, h.seen, map[bool]int{true: 1, false: 2}[tt.repeat])
			m := callbacktest.Message{Method: tt.method, EntID: "9002", StorageCode: "10101010", Body: tt.first}
			before := len(h.seen)
			assert.True(t, serve(t, r, m).OK())
			m.StorageCode = "2"
			assert.True(t, serve(t, r, m).OK())
			assert.Len(t, h.seen, before+2, "another merchant's and another shop's are not repeats")
		})
	}
}

// TestFailedIsRunAgain: after an error, a panic, or the end of the goroutine.
func TestFailedIsRunAgain(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return assert.AnError },
		"panic": func() error { panic("x") },
	} {
		t.Run(name, func(t *testing.T) {
			failures := 2
			h := host{}
			h.reply = func() error {
				if failures--; failures >= 0 {
					return fail()
				}
				return nil
			}
			cfg := h.config()
			cfg.NoDedupe = false
			r := receiver(t, cfg)
			for i, status := range []int{500, 500, 200, 200} {
				assert.Equal(t, status, send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody).Code, i)
			}
			assert.Len(t, h.seen, 3)
		})
	}
	t.Run("goroutine ends", func(t *testing.T) {
		h := host{reply: func() error { runtime.Goexit(); return nil }}
		cfg := h.config()
		cfg.NoDedupe = false
		r := receiver(t, cfg)
		var wg sync.WaitGroup
		wg.Go(func() { send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody) })
		wg.Wait()
		h.reply = nil
		assertSuccess(t, send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody))
		assert.Len(t, h.seen, 2)
	})
}

// TestTwoAtOnce: the second waits and is acknowledged, or is answered failure
// when the first takes longer than Wait.
func TestTwoAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		wait, run time.Duration
		err       error
		statuses  [2]int
		calls     int
		took      time.Duration // of the second
	}{
		"waits":                     {0, time.Second, nil, [2]int{200, 200}, 1, time.Second},
		"waits in vain":             {time.Second, 10 * time.Second, nil, [2]int{200, 500}, 1, time.Second},
		"does not wait":             {-1, time.Second, nil, [2]int{200, 500}, 1, 0},
		"runs when the first fails": {2 * time.Second, time.Second, assert.AnError, [2]int{500, 500}, 2, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := host{reply: func() error { time.Sleep(tt.run); return tt.err }}
				cfg := h.config()
				cfg.NoDedupe, cfg.Wait = false, tt.wait
				r := receiver(t, cfg)
				var statuses [2]int
				var took time.Duration
				var wg sync.WaitGroup
				wg.Go(func() { statuses[0] = send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody).Code })
				synctest.Wait()
				wg.Go(func() {
					start := time.Now()
					statuses[1] = send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody).Code
					took = time.Since(start)
				})
				wg.Wait()
				assert.Equal(t, tt.statuses, statuses)
				assert.Len(t, h.seen, tt.calls)
				assert.InDelta(t, tt.took, took, float64(250*time.Millisecond))
				if tt.statuses[1] == 500 && tt.err == nil {
					require.ErrorIs(t, h.errs[0], jushuitan.ErrBusy)
				}
			})
		})
	}
}

// TestClaimBoundsTheRun: the function's context ends with the claim.
func TestClaimBoundsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := receiver(t, callback.Config{AllowUnauthenticated: true, ClaimTTL: 7 * time.Second,
			Cancel: func(ctx context.Context, _ callback.Envelope, _ *jushuitan.CancelPush) error {
				<-ctx.Done()
				return context.Cause(ctx)
			}})
		assertFailure(t, send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody), 500)
		assert.Equal(t, 7*time.Second, time.Since(start))
	})
}

// broken is a store that fails on demand.
type broken struct {
	jushuitan.Deduper
	claim, commit, release error
	state                  jushuitan.ClaimState
}

func (b *broken) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	if b.claim != nil || b.state != 0 {
		return b.state, "", b.claim
	}
	return b.Deduper.Claim(ctx, key, state, owner, ttl)
}

func (b *broken) Commit(ctx context.Context, _, _, _, _ string, _ time.Duration) error {
	return errors.Join(b.commit, ctx.Err())
}

func (b *broken) Release(ctx context.Context, _, _ string) error {
	return errors.Join(b.release, ctx.Err())
}

func TestBrokenStore(t *testing.T) {
	lost := errors.New("store lost")
	for name, tt := range map[string]struct {
		store  broken
		reply  error
		status int
		calls  int
		errs   int
	}{
		"claim":         {broken{claim: lost}, nil, 500, 0, 1},
		"unknown state": {broken{state: 9}, nil, 500, 0, 1},
		"commit":        {broken{commit: lost}, nil, 200, 1, 1},
		"release":       {broken{release: lost}, assert.AnError, 500, 1, 3}, // that of the earlier version's key too
	} {
		t.Run(name, func(t *testing.T) {
			h := host{reply: func() error { return tt.reply }}
			cfg := h.config()
			tt.store.Deduper = jushuitan.NewMemoryDeduper(0)
			cfg.NoDedupe, cfg.Deduper = false, &tt.store
			w := send(t, receiver(t, cfg), "POST", "/?"+query(jushuitan.PushCancel), cancelBody)
			assert.Equal(t, tt.status, w.Code)
			assert.Len(t, h.seen, tt.calls)
			require.Len(t, h.errs, tt.errs)
			require.ErrorIs(t, h.errs[0], jushuitan.ErrDedupe)
		})
	}
}

// TestCommitAfterHangUp: what was done is noted although the sender has gone.
func TestCommitAfterHangUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	r := receiver(t, callback.Config{AllowUnauthenticated: true,
		Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { calls++; cancel(); return nil }})
	m := message()
	m.Secret = ""
	_, err := m.Serve(ctx, r, "/")
	require.NoError(t, err)
	assert.True(t, serve(t, r, m).OK())
	assert.Equal(t, 1, calls)
}

// TestStaleStock: older figures are left out, whatever order they come in.
func TestStaleStock(t *testing.T) {
	row := func(sku, qty, minute string) string {
		return fmt.Sprintf(`{"sku_id":%q,"qty":%s,"modified":"2024-01-01 12:%s:00"}`, sku, qty, minute)
	}
	var h host
	cfg := h.config()
	cfg.DropStaleStock = true
	r := receiver(t, cfg)
	post := func(ent string, rows ...string) {
		m := callbacktest.Message{Method: jushuitan.PushStock, EntID: ent, Body: "[" + strings.Join(rows, ",") + "]"}
		assert.True(t, serve(t, r, m).OK())
	}
	post("1", row("A", "1", "10"), row("B", "1", "10"))
	post("1", row("A", "2", "09"), row("B", "2", "11")) // A is stale
	post("1", row("A", "3", "09"))                      // all stale: no call
	post("1", row("A", "4", "10"))                      // as old: kept
	post("2", row("A", "5", "01"))                      // another merchant
	post("1", `{"sku_id":"A","qty":6}`)                 // no time: kept
	post("1", row("A", "7", "20"), row("A", "8", "19")) // within one push
	failing := true
	h.reply = func() error {
		if failing {
			return assert.AnError
		}
		return nil
	}
	m := callbacktest.Message{Method: jushuitan.PushStock, EntID: "1", Body: "[" + row("A", "9", "40") + "]"}
	assert.False(t, serve(t, r, m).OK())
	failing = false
	post("1", row("A", "10", "30")) // the one at :40 was not taken
	assert.Equal(t, []string{
		"stock [A/ 1] [B/ 1]", "stock [B/ 2]", "stock [A/ 4]", "stock [A/ 5]", "stock [A/ 6]", "stock [A/ 7]", "stock [A/ 9]", "stock [A/ 10]",
	}, h.seen)
}

// TestStaleStockInTurn: an older push that comes while a newer one runs waits,
// and is then left out.
func TestStaleStockInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := host{reply: func() error { time.Sleep(time.Second); return nil }}
		cfg := h.config()
		cfg.DropStaleStock, cfg.MaxAhead = true, -1 // virtual time begins in the year 2000
		r := receiver(t, cfg)
		var wg sync.WaitGroup
		for _, minute := range []string{"30", "20"} {
			wg.Go(func() {
				assertSuccess(t, send(t, r, "POST", "/?"+query(jushuitan.PushStock), `[{"sku_id":"A","qty":`+minute+`,"modified":"2024-01-01 12:`+minute+`:00"}]`))
			})
			synctest.Wait()
		}
		wg.Wait()
		assert.Equal(t, []string{"stock [A/ 30]"}, h.seen)

		h.reply = func() error { time.Sleep(time.Minute); return nil }
		var slow int
		wg.Go(func() { send(t, r, "POST", "/?"+query(jushuitan.PushStock), stockBody) })
		synctest.Wait()
		slow = send(t, r, "POST", "/?"+query(jushuitan.PushStock), stockBody).Code
		wg.Wait()
		assert.Equal(t, 500, slow, "not longer than Wait")
	})
}

// TestReturnedAgain: goods that were received, given back and received again are
// three messages; each of them repeated is none.
func TestReturnedAgain(t *testing.T) {
	var h host
	cfg := h.config()
	cfg.NoDedupe = false
	r := receiver(t, cfg)
	revoked := strings.Replace(returnedBody, "确认", "取消", 1)
	for i, body := range []string{returnedBody, returnedBody, revoked, revoked, returnedBody, returnedBody, revoked} {
		assertSuccess(t, send(t, r, "POST", "/?"+query(jushuitan.PushGoodsReturned), body))
		assert.Len(t, h.seen, []int{1, 1, 2, 2, 3, 3, 4}[i])
	}
}
