package sqlstate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// TestStoredForms: rows as version 1 of the schema holds them are read: a new version of this
// package must read what an old one has stored.
func TestStoredForms(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.exec(t, "INSERT INTO {token} (app, merchant, version, content, owner, ends, changed, moves) VALUES ('app', '%E5%95%86%E5%AE%B6+1', 7, ?, '', 0, 0, 0)",
			[]byte(`p{"a":"access","r":"refresh","e":"2026-06-01T10:00:00.000000001+08:00","s":"all"}`))
		tok, err := tokens(t, l.state).Load(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "商家 1"})
		require.NoError(t, err)
		assert.Equal(t, []any{"access", "refresh", "all", int64(7)}, []any{tok.AccessToken, tok.RefreshToken, tok.Scope, tok.Version})
		assert.True(t, tok.ExpiresAt.Equal(time.Date(2026, 6, 1, 2, 0, 0, 1, time.UTC)))

		l.exec(t, "INSERT INTO {seen} (id, said, memory, known, owner, ends, moves) VALUES ('k', 'A', ?, 99999999999999, '', 0, 0)", []byte("memory"))
		state, memory, err := l.state.Deduper().Claim(ctx, "k", "A", "o", time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []any{jushuitan.Committed, "memory"}, []any{state, memory})

		l.exec(t, "INSERT INTO {checkpoint} (app, merchant, stream, head, done, floor, fence, owner, ends, used, moves) VALUES ('app', 'm', 's', ?, ?, 2, 4, '', 0, 0, 0)",
			[]byte(`{"version":2,"cursor":9}`), []byte(`{"a":1,"b":2}`))
		l.exec(t, "INSERT INTO {checkpoint_row} (app, merchant, stream, id, entry, mark, moves) VALUES ('app', 'm', 's', 'x', ?, 3, 0)", []byte("c"))
		lease, err := l.state.Checkpoints().Acquire(ctx, sqlstate.StreamKey{AppKey: "app", Merchant: "m", Stream: "s"}, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, jushuitan.Checkpoint{Version: 2, Cursor: 9, Done: map[string]int64{"b": 2, "c": 3}}, lease.Checkpoint())
		assert.EqualValues(t, 5, lease.Fence())

		l.exec(t, "INSERT INTO {command} (app, merchant, document, operation, payload, state, attempts, reason, created, due, began, ended, changed, moves)"+
			" VALUES ('app', 'm', 'd+1', 'Orders.Upload', ?, 2, 3, 'why', 1000, 2000, 3000, 4000, 5000, 0)", []byte(`p[1]`))
		c, err := l.state.Commands(sqlstate.CommandsConfig{AppKey: "app"})
		require.NoError(t, err)
		got, err := c.List(ctx, sqlstate.Filter{Merchant: "m"})
		require.NoError(t, err)
		require.Len(t, got, 1)
		assert.Equal(t, []any{"d 1", "Orders.Upload", `[1]`, sqlstate.Unknown, 3, "why", int64(4)},
			[]any{got[0].Document, got[0].Operation, string(got[0].Payload), got[0].State, got[0].Attempts, got[0].Reason, got[0].Ended.Unix()})
	})
}

// TestMySQLSettings: the driver's settings that change how rows are counted and statements
// are sent do not matter.
func TestMySQLSettings(t *testing.T) {
	for _, d := range databases {
		if d.dialect != sqlstate.MySQL {
			continue
		}
		dsn := d.dsn(t)
		if dsn == "" {
			continue
		}
		l := newLab(t, d, strings.Replace(dsn, "interpolateParams=true", "clientFoundRows=true&parseTime=true", 1))
		require.NoError(t, l.state.Migrate(t.Context()))
		callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return l.state.Deduper() })
		jushuitantest.TestTokenStore(t, func(t *testing.T) jushuitan.TokenStore { return tokens(t, l.state) })
		l.effects(t)
		r := l.receiver(t, fine, unchanged)
		for range 2 {
			assert.True(t, send(t, r, shipment("A"), time.Time{}))
		}
		assert.Equal(t, 1, l.noted(t))
		srv := erp(t)
		c := l.commands(t, srv, standard)
		l.enqueue(t, c, upload("S-1"))
		assert.Equal(t, sqlstate.Progress{Done: 1}, drainAll(t, c))
	}
}

// hot are the statements that run for every message, row and command.
var hot = []string{
	"UPDATE {seen} SET owner = '' WHERE id = 'x'",
	"UPDATE {token} SET ends = 0 WHERE app = 'a' AND merchant = 'm' AND owner = 'o'",
	"UPDATE {checkpoint} SET ends = 0 WHERE app = 'a' AND merchant = 'm' AND stream = 's' AND owner = 'o' AND fence = 1",
	"SELECT id FROM {command} c WHERE c.app = 'a' AND c.merchant = 'm' AND c.state IN (0, 1) AND c.due <= 1 AND NOT EXISTS" +
		" (SELECT 1 FROM {command} b WHERE b.app = c.app AND b.merchant = c.merchant AND c.document <> '' AND b.document = c.document" +
		" AND b.id < c.id AND b.state < 4) ORDER BY c.id LIMIT 1",
}

// TestPlans: they find their rows by a key; none reads a whole table. SQLite's plan is read,
// since it does not depend on how many rows there are.
func TestPlans(t *testing.T) {
	d := databases[0]
	l := newLab(t, d, d.dsn(t))
	require.NoError(t, l.state.Migrate(t.Context()))
	for _, text := range hot {
		rows, err := l.db.QueryContext(t.Context(), l.q("EXPLAIN QUERY PLAN "+text))
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var a, b, c int
			var detail string
			require.NoError(t, rows.Scan(&a, &b, &c, &detail))
			plan = append(plan, detail)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		assert.NotContains(t, strings.Join(plan, "\n"), "SCAN", text)
		assert.Contains(t, strings.Join(plan, "\n"), "SEARCH", text)
	}
}
