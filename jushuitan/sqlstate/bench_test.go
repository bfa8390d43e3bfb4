package sqlstate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// BenchmarkPush compares pushes through receiver and sqlstate with the same inserts by hand:
// identity, state and memory of the push, and its effect, in one transaction. The rounds alternate; the reported ratio is
// that of the medians.
//
//	go test -run '^$' -bench Push -benchtime 1x -sql.durable
func BenchmarkPush(b *testing.B) {
	for _, d := range databases {
		dsn := d.dsn(b)
		if dsn == "" {
			continue
		}
		b.Run(d.name, func(b *testing.B) {
			l := newLab(b, d, dsn)
			require.NoError(b, l.state.Migrate(b.Context()))
			l.effects(b)
			blob := map[sqlstate.Dialect]string{sqlstate.PostgreSQL: "BYTEA", sqlstate.MySQL: "LONGBLOB", sqlstate.SQLite: "BLOB"}[l.dialect]
			l.exec(b, "CREATE TABLE {byhand} (id VARCHAR(200) NOT NULL PRIMARY KEY, state VARCHAR(100) NOT NULL, memory "+blob+" NOT NULL, until BIGINT NOT NULL)")
			const rounds, pushes, workers = 9, 300, 8
			var ours, theirs []time.Duration
			for b.Loop() {
				for round := range rounds {
					prefix := fmt.Sprintf("%d-%d-", b.N, round)
					requests := make([]*http.Request, pushes)
					for i := range requests {
						p := shipment(fmt.Sprint(prefix, i))
						p.OID = int64(round*pushes+i) + time.Now().UnixNano()
						req, err := callbacktest.Message{EntID: "10010", StorageCode: "1", Secret: pushSecret, Body: p}.Request(b.Context(), "http://h/delivery_callback")
						require.NoError(b, err)
						requests[i] = req
					}
					r := l.receiver(b, fine, unchanged)
					ours = append(ours, together(b, workers, pushes, func(i int) error {
						w := httptest.NewRecorder()
						r.ServeHTTP(w, requests[i])
						if w.Code != http.StatusOK {
							return fmt.Errorf("status %d", w.Code)
						}
						return nil
					}))
					theirs = append(theirs, together(b, workers, pushes, func(i int) error { return l.byHand(b.Context(), fmt.Sprint(prefix, i)) }))
				}
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			a, h := ours[len(ours)/2], theirs[len(theirs)/2]
			b.ReportMetric(pushes/a.Seconds(), "pushes/s")
			b.ReportMetric(pushes/h.Seconds(), "by-hand/s")
			b.ReportMetric(h.Seconds()/a.Seconds(), "ratio")
		})
	}
}

// byHand is what a host would write itself, as the comment of [jushuitan.Deduper] says, if its
// pushes came out of the air: it neither receives nor decodes one.
func (l *lab) byHand(ctx context.Context, id string) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	state := sha256.Sum256([]byte(id))
	if _, err := tx.ExecContext(ctx, l.q("INSERT INTO {byhand} (id, state, memory, until) VALUES (?, ?, ?, ?)"), "logistics.upload/"+hex.EncodeToString(state[:21]),
		hex.EncodeToString(state[:8]), []byte(hex.EncodeToString(state[:22])), time.Now().Add(24*time.Hour).UnixMilli()); err != nil {
		return err
	}
	if err := l.note(ctx, tx, id); err != nil {
		return err
	}
	return tx.Commit()
}

// together runs f n times on several goroutines and returns how long that took.
func together(b *testing.B, workers, n int, f func(i int) error) time.Duration {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
