package sqlstate_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
	"github.com/dianjia/jushuitan-go/qimen"
)

const pushSecret = "a secret of the tests only"

// effects creates a table in which a function notes each of its runs.
func (l *lab) effects(t testing.TB) {
	t.Helper()
	l.exec(t, "CREATE TABLE {effect} (what VARCHAR(100) NOT NULL)")
}

func (l *lab) note(ctx context.Context, tx *sql.Tx, what string) error {
	_, err := tx.ExecContext(ctx, l.q("INSERT INTO {effect} (what) VALUES (?)"), what)
	return err
}

func (l *lab) noted(t testing.TB) int { return l.count(t, "SELECT COUNT(*) FROM {effect}") }

// receiver is one whose functions work in the transaction; then is their error.
func (l *lab) receiver(t testing.TB, then func(what string) error, change func(cfg *callback.Config)) *callback.Receiver {
	t.Helper()
	cfg := callback.Config{
		Shipment: sqlstate.InTx(l.state, func(ctx context.Context, tx *sql.Tx, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			return errors.Join(l.note(ctx, tx, p.LID), then(p.LID))
		}),
		Cancel: sqlstate.InTx(l.state, func(ctx context.Context, tx *sql.Tx, _ callback.Envelope, p *jushuitan.CancelPush) error {
			return errors.Join(l.note(ctx, tx, "cancel "+p.SoID), then(p.SoID))
		}),
		Stock: sqlstate.InTx(l.state, func(ctx context.Context, tx *sql.Tx, _ callback.Envelope, _ *jushuitan.StockPush) error {
			return errors.Join(l.note(ctx, tx, "stock"), then("stock"))
		}),
		Deduper: l.state.TxDeduper(), Secrets: []string{pushSecret}, Wait: 5 * time.Second,
	}
	change(&cfg)
	r, err := callback.New(cfg)
	require.NoError(t, err)
	return r
}

func unchanged(*callback.Config) {}

func fine(string) error { return nil }

var pathOf = map[jushuitan.PushMethod]string{
	jushuitan.PushShipment: "/delivery_callback", jushuitan.PushCancel: "/cancal_callback", jushuitan.PushStock: "/stock_callback",
}

// send sends a push and returns whether it was acknowledged.
func send(t testing.TB, r http.Handler, body jushuitan.PushMessage, ts time.Time) bool {
	t.Helper()
	reply, err := callbacktest.Message{EntID: "10010", StorageCode: "1", Secret: pushSecret, TS: ts, Body: body}.
		Serve(t.Context(), r, pathOf[body.PushMethod()])
	require.NoError(t, err)
	return reply.OK()
}

func shipment(lid string) *jushuitan.ShipmentPush {
	return &jushuitan.ShipmentPush{OID: 1, SoID: "S-1", LID: lid, Items: []jushuitan.ShipmentPushItem{{SKUID: "K"}}}
}

// TestInTx: effect and memory commit together, and a duplicate has no effect.
func TestInTx(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		fail := errors.New("the host failed")
		var failing error
		r := l.receiver(t, func(string) error { return failing }, unchanged)
		failing = fail
		assert.False(t, send(t, r, shipment("A"), time.Time{}))
		assert.Zero(t, l.noted(t), "the effect of a failure is rolled back")
		assert.Zero(t, l.count(t, "SELECT COUNT(*) FROM {seen}"), "and so is its memory")
		failing = nil
		for range 3 {
			assert.True(t, send(t, r, shipment("A"), time.Time{}))
		}
		assert.Equal(t, 1, l.noted(t), "one effect")
		again := l.receiver(t, fine, unchanged)
		assert.True(t, send(t, again, shipment("A"), time.Time{}), "another process knows it too")
		assert.Equal(t, 1, l.noted(t))

		assert.True(t, send(t, r, shipment("B"), time.Time{}), "the waybill is changed")
		assert.True(t, send(t, r, shipment("A"), time.Time{}), "and changed back")
		assert.Equal(t, 3, l.noted(t))

		failing = fail
		assert.False(t, send(t, r, shipment("C"), time.Time{}))
		failing = nil
		assert.True(t, send(t, r, shipment("A"), time.Time{}), "what was handled last is still known")
		assert.Equal(t, 3, l.noted(t))
	})
}

// TestInTxPanic: a panic, and a context that ends, leave nothing behind.
func TestInTxPanic(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		r := l.receiver(t, func(string) error { panic("the host") }, unchanged)
		assert.False(t, send(t, r, shipment("A"), time.Time{}))
		slow := l.receiver(t, fine, func(cfg *callback.Config) {
			cfg.ClaimTTL = 50 * time.Millisecond
			cfg.Shipment = sqlstate.InTx(l.state, func(ctx context.Context, tx *sql.Tx, _ callback.Envelope, _ *jushuitan.ShipmentPush) error {
				if err := l.note(ctx, tx, "slow"); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		assert.False(t, send(t, slow, shipment("A"), time.Time{}))
		assert.Zero(t, l.noted(t))
		assert.True(t, send(t, l.receiver(t, fine, unchanged), shipment("A"), time.Time{}), "nothing blocks it")
		assert.Equal(t, 1, l.noted(t))
	})
}

// TestInTxAtOnce: of many duplicates at once, one has an effect, and all are acknowledged;
// documents do not wait for each other's locks forever.
func TestInTxAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		receivers := []http.Handler{l.receiver(t, fine, unchanged), l.receiver(t, fine, unchanged)}
		const documents, copies = 8, 6
		var wg sync.WaitGroup
		acked := make([]bool, documents*copies)
		for i := range acked {
			wg.Go(func() {
				p := shipment("L")
				p.OID = int64(i%documents + 1)
				acked[i] = send(t, receivers[i%2], p, time.Time{})
			})
		}
		wg.Wait()
		assert.NotContains(t, acked, false)
		assert.Equal(t, documents, l.noted(t))
	})
}

// TestInTxAgain: what the receiver lets run again runs again: a cancel with a later ts, and
// stock, of which nothing is remembered.
func TestInTxAgain(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		r := l.receiver(t, fine, unchanged)
		now, cancel := time.Now(), &jushuitan.CancelPush{SoID: "S-1", Remark: "x"}
		assert.True(t, send(t, r, cancel, now.Add(-time.Hour)))
		assert.True(t, send(t, r, cancel, now.Add(-time.Hour)))
		assert.Equal(t, 1, l.noted(t))
		assert.True(t, send(t, r, cancel, now))
		assert.Equal(t, 2, l.noted(t), "the order was cancelled again")
		stock := &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "K"}}}
		assert.True(t, send(t, r, stock, now))
		assert.True(t, send(t, r, stock, now))
		assert.Equal(t, 4, l.noted(t))
	})
}

// TestInTxStale: what was sent before something that was handled has no effect.
func TestInTxStale(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		r, now := l.receiver(t, fine, unchanged), time.Now()
		assert.True(t, send(t, r, shipment("new"), now))
		assert.True(t, send(t, r, shipment("old"), now.Add(-time.Minute)))
		assert.Equal(t, 1, l.noted(t))
	})
}

// TestInTxWithout: a receiver that does not remember in the transaction is refused, since a
// crash could make it run twice.
func TestInTxWithout(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		for name, change := range map[string]func(*callback.Config){
			"memory":      func(cfg *callback.Config) { cfg.Deduper = nil },
			"no dedupe":   func(cfg *callback.Config) { cfg.Deduper, cfg.NoDedupe = nil, true },
			"claims":      func(cfg *callback.Config) { cfg.Deduper = l.state.Deduper() },
			"other state": func(cfg *callback.Config) { cfg.Deduper = l.with(t, func(*sqlstate.Config) {}).TxDeduper() },
		} {
			var failed error
			r := l.receiver(t, fine, func(cfg *callback.Config) {
				change(cfg)
				cfg.OnError = func(_ context.Context, _ callback.Envelope, err error) { failed = err }
			})
			assert.False(t, send(t, r, shipment("A"), time.Time{}), name)
			require.ErrorIs(t, failed, sqlstate.ErrNoTx, name)
		}
		assert.Zero(t, l.noted(t))
	})
}

// TestInTxAfterClaims: a receiver that is changed from a Deduper to a TxDeduper knows what
// the former remembers, waits for its claims, and doubts what a dead claim has done.
func TestInTxAfterClaims(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		before := l.receiver(t, fine, func(cfg *callback.Config) {
			cfg.Deduper, cfg.Shipment = l.state.Deduper(), func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return nil }
		})
		require.True(t, send(t, before, shipment("A"), time.Time{}))
		var repeats []bool
		after := l.receiver(t, fine, func(cfg *callback.Config) {
			cfg.Wait = -1
			cfg.Shipment = sqlstate.InTx(l.state, func(ctx context.Context, tx *sql.Tx, env callback.Envelope, _ *jushuitan.ShipmentPush) error {
				repeats = append(repeats, env.MayRepeat)
				return l.note(ctx, tx, "x")
			})
		})
		assert.True(t, send(t, after, shipment("A"), time.Time{}))
		assert.Zero(t, l.noted(t), "it is remembered")
		l.exec(t, "UPDATE {seen} SET owner = 'x', ends = 9999999999999")
		assert.False(t, send(t, after, shipment("A"), time.Time{}), "claimed")
		l.exec(t, "UPDATE {seen} SET ends = 1")
		assert.True(t, send(t, after, shipment("A"), time.Time{}))
		assert.Equal(t, []bool{true}, repeats)
	})
}

func qimenRequest(t testing.TB, method, body string) *http.Request {
	t.Helper()
	params := map[string]string{
		"method": method, "app_key": "app", "customerId": "c", "sign_method": "md5", "format": "xml", "v": "2.0",
		"timestamp": time.Now().In(time.FixedZone("CST", 8*60*60)).Format("2006-01-02 15:04:05"),
	}
	sign, err := qimen.Sign(qimen.MD5, pushSecret, params, []byte(body))
	require.NoError(t, err)
	query := url.Values{"sign": {sign}}
	for name, value := range params {
		query.Set(name, value)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/qimen?"+query.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml;charset=utf-8")
	return r
}

// TestMuxInTx: Qimen's messages are remembered in the transaction too, and cancelling a
// document makes its creation new again in the same transaction.
func TestMuxInTx(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		var failing error
		open := func() *qimen.Mux {
			m, err := qimen.NewMux(qimen.MuxConfig{
				Secrets:  qimen.StaticSecrets(pushSecret),
				Merchant: func(context.Context, string) (string, error) { return "m", nil },
				Deduper:  l.state.TxDeduper(),
			})
			require.NoError(t, err)
			qimen.Handle(m, sqlstate.MuxInTx(l.state, func(ctx context.Context, tx *sql.Tx, _ qimen.Envelope, _ *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
				return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D"}, errors.Join(l.note(ctx, tx, "create"), failing)
			}))
			qimen.Handle(m, sqlstate.MuxInTx(l.state, func(ctx context.Context, tx *sql.Tx, _ qimen.Envelope, _ *qimen.OrderCancelRequest) (*qimen.OrderCancelResponse, error) {
				return nil, errors.Join(l.note(ctx, tx, "cancel"), failing)
			}))
			return m
		}
		create := func(m http.Handler) string {
			w := httptest.NewRecorder()
			m.ServeHTTP(w, qimenRequest(t, "deliveryorder.create", "<request><deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode></deliveryOrder></request>"))
			return w.Body.String()
		}
		cancel := func(m http.Handler) string {
			w := httptest.NewRecorder()
			m.ServeHTTP(w, qimenRequest(t, "order.cancel", "<request><orderCode>SO-1</orderCode></request>"))
			return w.Body.String()
		}
		failing = errors.New("the host failed")
		assert.Contains(t, create(open()), "failure")
		failing = nil
		for range 3 {
			assert.Contains(t, create(open()), "success", "each by another process")
		}
		assert.Equal(t, 1, l.noted(t))
		failing = errors.New("the host failed")
		assert.Contains(t, cancel(open()), "failure")
		failing = nil
		assert.Contains(t, create(open()), "success")
		assert.Equal(t, 1, l.noted(t), "a cancel that failed has changed no memory")
		assert.Contains(t, cancel(open()), "success")
		assert.Contains(t, cancel(open()), "success")
		assert.Equal(t, 2, l.noted(t))
		assert.Contains(t, create(open()), "success")
		assert.Equal(t, 3, l.noted(t), "after the cancel it is created anew")
	})
}
