package sqlstate_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

func TestTokenStore(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		jushuitantest.TestTokenStore(t, func(t *testing.T) jushuitan.TokenStore { return tokens(t, l.state) })
	})
}

func TestDeduper(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return l.state.Deduper() })
	})
}

// TestTxDeduper: without a transaction of a message it keeps the same contract.
func TestTxDeduper(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		callbacktest.TestDeduper(t, func(*testing.T) jushuitan.Deduper { return l.state.TxDeduper() })
	})
}

func tokens(t testing.TB, s *sqlstate.State) *sqlstate.TokenStore {
	t.Helper()
	store, err := s.TokenStore(500 * time.Millisecond)
	require.NoError(t, err)
	return store
}

func ring(t testing.TB, present string, ids ...string) *keyring.Keyring {
	t.Helper()
	keys := map[string][]byte{}
	for _, id := range append(ids, present) {
		key := make([]byte, keyring.KeySize)
		copy(key, id)
		keys[id] = key
	}
	r, err := keyring.New(present, keys)
	require.NoError(t, err)
	return r
}

// TestEncryption: tokens and payloads are stored encrypted, bound to their merchant, and can
// be encrypted again with another key.
func TestEncryption(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		ctx, key := t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
		sealed := l.with(t, func(c *sqlstate.Config) { c.Keyring = ring(t, "one") })
		_, ok, err := tokens(t, sealed).CompareAndSwap(ctx, key, jushuitan.Token{}, jushuitan.Token{AccessToken: "CANARY-token"})
		require.NoError(t, err)
		require.True(t, ok)
		commands, err := sealed.Commands(sqlstate.CommandsConfig{AppKey: "app"})
		require.NoError(t, err)
		require.NoError(t, l.inTx(t, func(tx *sql.Tx) error {
			_, err := commands.Enqueue(ctx, tx, sqlstate.Command{Merchant: "m", Operation: "Op", Payload: map[string]string{"name": "CANARY"}})
			return err
		}))
		var stored, payload []byte
		require.NoError(t, l.db.QueryRowContext(ctx, l.q("SELECT content FROM {token}")).Scan(&stored))
		require.NoError(t, l.db.QueryRowContext(ctx, l.q("SELECT payload FROM {command}")).Scan(&payload))
		assert.NotContains(t, string(stored)+string(payload), "CANARY")

		_, err = tokens(t, l.state).Load(ctx, key)
		require.ErrorIs(t, err, keyring.ErrDecrypt, "without a keyring")
		l.exec(t, "INSERT INTO {token} (app, merchant, version, content, owner, ends, changed, moves) VALUES ('app', 'other', 1, ?, '', 0, 0, 0)", stored)
		_, err = tokens(t, sealed).Load(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "other"})
		require.ErrorIs(t, err, keyring.ErrDecrypt, "copied to another merchant")

		rotated := tokens(t, l.with(t, func(c *sqlstate.Config) { c.Keyring = ring(t, "two", "one") }))
		again, err := rotated.Reencrypt(ctx, key)
		require.NoError(t, err)
		assert.True(t, again)
		again, err = rotated.Reencrypt(ctx, key)
		require.NoError(t, err)
		assert.False(t, again, "it is encrypted with the current key")
		tok, err := tokens(t, l.with(t, func(c *sqlstate.Config) { c.Keyring = ring(t, "two") })).Load(ctx, key)
		require.NoError(t, err)
		assert.Equal(t, "CANARY-token", tok.AccessToken)
	})
}

// TestTokenFence: a process that lost the lease cannot store its token before the new holder,
// nor over the new holder's.
func TestTokenFence(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		ctx, key := t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
		silent, other := tokens(t, l.state), tokens(t, l.state)
		first, _, err := silent.CompareAndSwap(ctx, key, jushuitan.Token{}, jushuitan.Token{AccessToken: "first"})
		require.NoError(t, err)
		release, err := silent.Lease(ctx, key, first)
		require.NoError(t, err)
		defer release()
		// Nobody hears of the first: its lease is given to another.
		l.exec(t, "UPDATE {token} SET owner = 'another', moves = moves + 1")
		_, ok, err := silent.CompareAndSwap(ctx, key, first, jushuitan.Token{AccessToken: "late"})
		require.ErrorIs(t, err, sqlstate.ErrFenced)
		assert.False(t, ok)
		second, ok, err := other.CompareAndSwap(ctx, key, first, jushuitan.Token{AccessToken: "second"})
		require.NoError(t, err)
		assert.True(t, ok)
		got, ok, err := silent.CompareAndSwap(ctx, key, first, jushuitan.Token{AccessToken: "late"})
		require.NoError(t, err)
		assert.False(t, ok)
		assert.Equal(t, second, got)
	})
}

// TestMigrate: any number of processes may migrate at once; a newer schema is refused; the
// statements of Schema lead to the same.
func TestMigrate(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		fresh := newLab(t, l.database, l.dsn)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = fresh.state.Migrate(context.WithoutCancel(t.Context())) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		assert.Equal(t, 1, fresh.count(t, "SELECT COUNT(*) FROM {schema}"))
		fresh.exec(t, "INSERT INTO {schema} (version, applied) VALUES (99, 0)")
		require.ErrorContains(t, fresh.state.Migrate(t.Context()), "version 99")

		byHand := newLab(t, l.database, l.dsn)
		statements, err := sqlstate.Schema(l.dialect, byHand.cfg.Prefix)
		require.NoError(t, err)
		for _, text := range statements {
			_, err := byHand.db.ExecContext(t.Context(), text)
			require.NoError(t, err, text)
		}
		require.NoError(t, byHand.state.Migrate(t.Context()))
		_, _, err = tokens(t, byHand.state).CompareAndSwap(t.Context(), jushuitan.TokenKey{AppKey: "a"}, jushuitan.Token{}, jushuitan.Token{AccessToken: "x"})
		require.NoError(t, err)
	})
}

func TestConfig(t *testing.T) {
	db := &sql.DB{}
	for name, cfg := range map[string]sqlstate.Config{
		"no dialect":     {},
		"no such":        {Dialect: 9},
		"prefix":         {Dialect: sqlstate.SQLite, Prefix: "a; DROP TABLE b"},
		"prefix 2":       {Dialect: sqlstate.SQLite, Prefix: "a.b.c"},
		"retention":      {Dialect: sqlstate.SQLite, Retention: sqlstate.Retention{Commands: -1}},
		"prefix of dots": {Dialect: sqlstate.PostgreSQL, Prefix: "."},
	} {
		_, err := sqlstate.New(db, cfg)
		require.Error(t, err, name)
	}
	_, err := sqlstate.New(nil, sqlstate.Config{Dialect: sqlstate.SQLite})
	require.Error(t, err)
	_, err = sqlstate.Schema(sqlstate.SQLite, "a b")
	require.Error(t, err)
}
