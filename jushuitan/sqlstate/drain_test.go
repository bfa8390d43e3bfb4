package sqlstate_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

const (
	shopID   = 10360
	uploadOp = "Orders.Upload"
	remarkOp = "Orders.SetRemark"
	shipOp   = "Outbounds.Ship"
)

// erp is a fake Jushuitan with a shop and a SKU.
func erp(t testing.TB, opts ...jushuitantest.Option) *jushuitantest.Server {
	t.Helper()
	srv := jushuitantest.NewServer(append([]jushuitantest.Option{jushuitantest.WithoutQuota()}, opts...)...)
	t.Cleanup(srv.Close)
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: shopID, ShopName: "商城", ShopSite: "商家自有商城"}))
	require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: "K", Name: "短袖"}))
	return srv
}

func order(soID string) []jushuitan.OrderUpload {
	return []jushuitan.OrderUpload{{
		ShopID: shopID, SoID: soID, OrderDate: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), ShopStatus: "WAIT_SELLER_SEND_GOODS",
		ShopBuyerID: "b", ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "西湖区", ReceiverAddress: "x", ReceiverName: "n", ReceiverPhone: "13800000000",
		PayAmount: decimal.NewFromInt(10), Freight: decimal.Zero, ShopModified: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC),
		Items: []jushuitan.OrderUploadItem{{
			SKUID: "K", ShopSKUID: "K", Amount: decimal.NewFromInt(10), Price: decimal.NewFromInt(10), BasePrice: decimal.NewFromInt(10),
			Qty: decimal.NewFromInt(1), Name: "短袖", OuterOIID: soID + "-1",
		}},
		Pay: &jushuitan.OrderUploadPay{
			OuterPayID: soID, PayDate: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Payment: "支付宝", SellerAccount: "s", BuyerAccount: "b", Amount: decimal.NewFromInt(10),
		},
	}}
}

func handlers() map[string]sqlstate.Handler {
	return map[string]sqlstate.Handler{
		uploadOp: sqlstate.Write(func(ctx context.Context, c *jushuitan.Client, orders []jushuitan.OrderUpload) error {
			_, err := c.Orders.Upload(ctx, orders)
			return err
		}),
		remarkOp: sqlstate.Write(func(ctx context.Context, c *jushuitan.Client, req jushuitan.OrderSetRemarkRequest) error {
			return c.Orders.SetRemark(ctx, &req)
		}),
	}
}

func (l *lab) commands(t testing.TB, srv *jushuitantest.Server, change func(cfg *sqlstate.CommandsConfig)) *sqlstate.Commands {
	t.Helper()
	client, err := srv.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	cfg := sqlstate.CommandsConfig{
		AppKey: "app", Client: client, Handlers: handlers(), Lease: time.Second, SettleAfter: time.Millisecond,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	change(&cfg)
	c, err := l.state.Commands(cfg)
	require.NoError(t, err)
	return c
}

func standard(*sqlstate.CommandsConfig) {}

func (l *lab) enqueue(t testing.TB, c *sqlstate.Commands, commands ...sqlstate.Command) (ids []int64) {
	t.Helper()
	require.NoError(t, l.inTx(t, func(tx *sql.Tx) error {
		for _, cmd := range commands {
			if cmd.Merchant == "" {
				cmd.Merchant = "m"
			}
			id, err := c.Enqueue(t.Context(), tx, cmd)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	}))
	return ids
}

// drainAll drains until nothing is due, however often commands are put off.
func drainAll(t testing.TB, c *sqlstate.Commands) (total sqlstate.Progress) {
	t.Helper()
	for {
		p, err := c.Drain(t.Context(), "m")
		require.NoError(t, err)
		total.Done += p.Done
		total.Buried += p.Buried
		total.Unknown += p.Unknown
		total.Retried += p.Retried
		if p.Again == 0 {
			return total
		}
		timer := time.NewTimer(p.Again)
		select {
		case <-timer.C:
		case <-t.Context().Done():
			t.Fatal("not drained")
		}
	}
}

func states(t testing.TB, c *sqlstate.Commands) map[sqlstate.CommandState]int {
	t.Helper()
	entries, err := c.List(t.Context(), sqlstate.Filter{Limit: 10000})
	require.NoError(t, err)
	out := map[sqlstate.CommandState]int{}
	for _, e := range entries {
		out[e.State]++
	}
	return out
}

func upload(soID string) sqlstate.Command {
	return sqlstate.Command{Operation: uploadOp, Document: soID, Payload: order(soID)}
}

func remark(oID int64, text string) sqlstate.Command {
	return sqlstate.Command{Operation: remarkOp, Document: fmt.Sprint(oID), Payload: jushuitan.OrderSetRemarkRequest{OID: oID, Remark: text, IsAppend: true}}
}

// imported is an order that the ERP has, with its number.
func imported(t testing.TB, srv *jushuitantest.Server, soID string) int64 {
	t.Helper()
	oID, err := srv.ImportOrder(order(soID)[0])
	require.NoError(t, err)
	return oID
}

// TestDrain: what was committed reaches the ERP, in its order; what was rolled back does not.
func TestDrain(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, standard)
		oID := imported(t, srv, "S-0")
		var want strings.Builder
		for n := range 5 {
			l.enqueue(t, c, remark(oID, fmt.Sprint(n, ";")), upload(fmt.Sprint("S-", n+1)))
			want.WriteString(fmt.Sprint(n, ";"))
		}
		undone := errors.New("rolled back")
		require.ErrorIs(t, l.inTx(t, func(tx *sql.Tx) error {
			_, err := c.Enqueue(t.Context(), tx, sqlstate.Command{Merchant: "m", Operation: uploadOp, Payload: order("S-9")})
			return errors.Join(err, undone)
		}), undone)
		due, err := c.Due(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"m"}, due)
		assert.Equal(t, sqlstate.Progress{Done: 10}, drainAll(t, c))
		got, _ := srv.Order(oID)
		assert.Equal(t, want.String(), got.Remark)
		assert.Len(t, srv.Orders(), 6)
		stats, err := c.Stats(t.Context())
		require.NoError(t, err)
		assert.Empty(t, stats)
		assert.Equal(t, sqlstate.Progress{}, drainAll(t, c), "nothing is sent twice")
	})
}

// TestDrainRefused: a refused command is buried with its reason, stops its own document and no
// other, and runs after Replay; Drop lets those behind it go on. In strict order it stops all.
func TestDrainRefused(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, standard)
		oID := imported(t, srv, "S-0")
		ids := l.enqueue(t, c, upload("S-1"), upload("S-1"), remark(oID, "x"), sqlstate.Command{Operation: "No.Such"})
		srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Refuse, Code: 130, Msg: "参数错误", Times: 1, Path: "/open/jushuitan/orders/upload"})
		assert.Equal(t, sqlstate.Progress{Done: 1, Buried: 2}, drainAll(t, c))
		buried, err := c.List(t.Context(), sqlstate.Filter{Merchant: "m", States: []sqlstate.CommandState{sqlstate.Buried}})
		require.NoError(t, err)
		require.Len(t, buried, 2)
		assert.Contains(t, buried[0].Reason, "Orders.Upload")
		assert.JSONEq(t, `"S-1"`, string(mustField(t, buried[0].Payload, "so_id")))
		stats, err := c.Stats(t.Context())
		require.NoError(t, err)
		require.Len(t, stats, 1)
		assert.Equal(t, []int{1, 2}, []int{stats[0].Waiting, stats[0].Buried})

		require.ErrorIs(t, c.Replay(t.Context(), ids[1]), sqlstate.ErrState, "it is waiting")
		require.NoError(t, c.Replay(t.Context(), ids[0]))
		require.NoError(t, c.Drop(t.Context(), ids[3]))
		assert.Equal(t, sqlstate.Progress{Done: 2}, drainAll(t, c))
		require.ErrorIs(t, c.Drop(t.Context(), ids[0]), sqlstate.ErrState, "it is done")

		strict := l.commands(t, srv, func(cfg *sqlstate.CommandsConfig) { cfg.Strict = true })
		ids = l.enqueue(t, strict, sqlstate.Command{Operation: "No.Such"}, upload("S-2"))
		assert.Equal(t, sqlstate.Progress{Buried: 1}, drainAll(t, strict))
		require.NoError(t, strict.Drop(t.Context(), ids[0]))
		assert.Equal(t, sqlstate.Progress{Done: 1}, drainAll(t, strict))
	})
}

func mustField(t testing.TB, payload json.RawMessage, field string) json.RawMessage {
	t.Helper()
	var rows []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(payload, &rows))
	return rows[0][field]
}

// TestDrainLost: a write whose answer is lost is read back, and has one effect, whether or
// not it was carried out.
func TestDrainLost(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		for _, kind := range []jushuitantest.FaultKind{jushuitantest.LostAnswer, jushuitantest.Reset, jushuitantest.HTTP5xx, jushuitantest.Throttle} {
			srv := erp(t)
			c := l.commands(t, srv, standard)
			l.enqueue(t, c, upload("S-1"))
			srv.Inject(jushuitantest.Fault{Kind: kind, Times: 1, Path: "/open/jushuitan/orders/upload"})
			p := drainAll(t, c)
			assert.Equal(t, 1, p.Done, "%s: %+v", kind, p)
			assert.Len(t, srv.Orders(), 1, kind)
		}
	})
}

// TestDrainUnknown: a write that no query decides is sent once, and waits for a person.
func TestDrainUnknown(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		sent := 0
		c := l.commands(t, srv, func(cfg *sqlstate.CommandsConfig) {
			cfg.Handlers = map[string]sqlstate.Handler{"Own": {
				Do: func(context.Context, *jushuitan.Client, json.RawMessage) error {
					sent++
					return errors.New("the connection broke")
				},
				Settle: func(context.Context, *jushuitan.Client, jushuitan.Write) ([]jushuitan.Settlement, error) {
					return nil, errors.ErrUnsupported
				},
			}, "Panics": {
				Do: func(context.Context, *jushuitan.Client, json.RawMessage) error { panic("the handler") },
				Settle: func(context.Context, *jushuitan.Client, jushuitan.Write) ([]jushuitan.Settlement, error) {
					return []jushuitan.Settlement{{Outcome: jushuitan.Unknown, Found: 2, Reason: "two match"}}, nil
				},
			}, "Refuses": {
				Do: func(context.Context, *jushuitan.Client, json.RawMessage) error {
					return fmt.Errorf("%w: no such shop", sqlstate.ErrRefused)
				},
			}}
		})
		ids := l.enqueue(t, c, sqlstate.Command{Operation: "Own", Document: "d"}, sqlstate.Command{Operation: "Own", Document: "d"},
			sqlstate.Command{Operation: "Panics"}, sqlstate.Command{Operation: "Refuses"})
		assert.Equal(t, sqlstate.Progress{Unknown: 2, Buried: 1}, drainAll(t, c))
		assert.Equal(t, 1, sent)
		assert.Equal(t, sqlstate.Progress{}, drainAll(t, c), "nothing is repeated")
		require.NoError(t, c.Drop(t.Context(), ids[0]), "a person has seen that it was applied")
		assert.Equal(t, sqlstate.Progress{Unknown: 1}, drainAll(t, c))
		assert.Equal(t, 2, sent)
	})
}

// TestDrainMerchantFault: an error about the app or the merchant buries nothing.
func TestDrainMerchantFault(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, standard)
		l.enqueue(t, c, upload("S-1"), upload("S-2"))
		srv.RevokePermission("/open/jushuitan/orders/upload")
		_, err := c.Drain(t.Context(), "m")
		require.ErrorIs(t, err, jushuitan.ErrPermission)
		assert.Equal(t, map[sqlstate.CommandState]int{sqlstate.Waiting: 2}, states(t, c))
		srv.GrantPermission("/open/jushuitan/orders/upload")
		assert.Equal(t, sqlstate.Progress{Done: 2}, drainAll(t, c))
	})
}

// TestDrainStops: after Stop the command in progress is finished, and the rest waits.
func TestDrainStops(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		var c *sqlstate.Commands
		c = l.commands(t, srv, func(cfg *sqlstate.CommandsConfig) {
			handler := cfg.Handlers["Orders.Upload"]
			do := handler.Do
			handler.Do = func(ctx context.Context, client *jushuitan.Client, payload json.RawMessage) error {
				c.Stop()
				return do(ctx, client, payload)
			}
			cfg.Handlers = map[string]sqlstate.Handler{"Orders.Upload": handler}
		})
		l.enqueue(t, c, upload("S-1"))
		l.enqueue(t, c, upload("S-2"))
		for done := range 2 {
			p, err := c.Drain(t.Context(), "m")
			require.NoError(t, err)
			assert.Equal(t, sqlstate.Progress{Done: 1 - done, Again: time.Second}, p)
			assert.Len(t, srv.Orders(), 1)
		}
	})
}

// TestDrainAttempts: a command that never gets through is buried at last.
func TestDrainAttempts(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, func(cfg *sqlstate.CommandsConfig) { cfg.MaxAttempts = 3 })
		l.enqueue(t, c, upload("S-1"))
		srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Throttle, Path: "/open/jushuitan/orders/upload"})
		assert.Equal(t, sqlstate.Progress{Buried: 1, Retried: 2}, drainAll(t, c))
	})
}

// TestDrainAtOnce: of several workers one drains a merchant; a worker that lost the lease
// sends nothing more.
func TestDrainAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, standard)
		const n = 20
		for i := range n {
			l.enqueue(t, c, upload(fmt.Sprint("S-", i)))
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		done, held := 0, 0
		for range 4 {
			wg.Go(func() {
				p, err := l.commands(t, srv, standard).Drain(t.Context(), "m")
				mu.Lock()
				defer mu.Unlock()
				if done += p.Done; errors.Is(err, sqlstate.ErrLeaseHeld) {
					held++
				} else {
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		done += drainAll(t, c).Done
		assert.Equal(t, n, done)
		assert.Len(t, srv.Orders(), n)
		uploads := 0
		for _, r := range srv.Requests() {
			if strings.HasSuffix(r.Path, "orders/upload") {
				uploads++
			}
		}
		assert.Equal(t, n, uploads, "none is sent twice")

		// The lease passes to another while a call is in progress.
		var lost error
		taken := l.commands(t, srv, func(cfg *sqlstate.CommandsConfig) {
			cfg.Lease = 150 * time.Millisecond
			cfg.Handlers = map[string]sqlstate.Handler{"Slow": {Do: func(ctx context.Context, _ *jushuitan.Client, _ json.RawMessage) error {
				l.exec(t, "UPDATE {drain} SET fence = fence + 1, owner = 'another', ends = 9999999999999, moves = moves + 1")
				<-ctx.Done()
				return nil
			}}}
		})
		l.enqueue(t, taken, sqlstate.Command{Operation: "Slow"})
		_, lost = taken.Drain(t.Context(), "m")
		require.ErrorIs(t, lost, sqlstate.ErrLeaseLost)
		assert.Equal(t, 1, states(t, taken)[sqlstate.Unsettled], "the other settles it")
	})
}

// TestForgetAndCleanup: a merchant that left leaves nothing; what nothing needs is deleted
// after its time, and nothing else.
func TestForgetAndCleanup(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv, ctx := erp(t), t.Context()
		c := l.commands(t, srv, standard)
		l.enqueue(t, c, upload("S-1"), sqlstate.Command{Operation: "No.Such"}, sqlstate.Command{Merchant: "other", Operation: uploadOp})
		key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
		_, _, err := tokens(t, l.state).CompareAndSwap(ctx, key, jushuitan.Token{}, jushuitan.Token{AccessToken: "a"})
		require.NoError(t, err)
		lease, err := l.state.Checkpoints().Acquire(ctx, sqlstate.StreamKey{AppKey: "app", Merchant: "m", Stream: "s"}, time.Minute)
		require.NoError(t, err)
		require.NoError(t, lease.Save(ctx, jushuitan.Checkpoint{Cursor: 1}))
		require.NoError(t, lease.Release(ctx))
		d := l.state.Deduper()
		require.NoError(t, d.Commit(ctx, "short", "", "o", "", time.Millisecond))
		require.NoError(t, d.Commit(ctx, "long", "", "o", "", time.Hour))
		drainAll(t, c) // one done, one buried

		l.exec(t, "UPDATE {seen} SET known = 1 WHERE id = 'short'")
		n, err := l.state.Cleanup(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, n, "only what is remembered too long")
		brief := l.with(t, func(cfg *sqlstate.Config) {
			cfg.Retention = sqlstate.Retention{Commands: time.Millisecond, Tokens: time.Millisecond, Checkpoints: time.Millisecond}
		})
		l.exec(t, "UPDATE {command} SET changed = 1")
		l.exec(t, "UPDATE {checkpoint} SET used = 1")
		n, err = brief.Cleanup(ctx)
		require.NoError(t, err)
		assert.Equal(t, 2, n, "the done command and the checkpoint")
		assert.Equal(t, map[sqlstate.CommandState]int{sqlstate.Buried: 1, sqlstate.Waiting: 1}, states(t, c))

		require.NoError(t, l.state.Forget(ctx, "app", "m"))
		require.NoError(t, l.state.Forget(ctx, "app", "m"), "again")
		_, err = tokens(t, l.state).Load(ctx, key)
		require.ErrorIs(t, err, jushuitan.ErrNoToken)
		assert.Equal(t, map[sqlstate.CommandState]int{sqlstate.Waiting: 1}, states(t, c), "the other merchant's stays")
	})
}
