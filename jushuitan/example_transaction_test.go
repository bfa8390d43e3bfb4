package jushuitan_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The statements of the host, for SQLite and PostgreSQL ($1 instead of ?); MySQL has ON DUPLICATE
// KEY UPDATE. An order that changes comes again, so it replaces what is stored.
const (
	storeRow   = `INSERT INTO orders (o_id, so_id, status) VALUES (?, ?, ?) ON CONFLICT (o_id) DO UPDATE SET status = excluded.status`
	storePoint = `INSERT INTO streams (name, checkpoint) VALUES ('orders', ?) ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint`
	loadPoint  = `SELECT checkpoint FROM streams WHERE name = 'orders'`
)

// syncOrders reads the orders that are new or changed and stores each with the checkpoint in one
// transaction of the host's database.
func syncOrders(ctx context.Context, db *sql.DB, client *jushuitan.Client) error {
	from := jushuitan.FromBeginning()
	var stored []byte
	err := db.QueryRowContext(ctx, loadPoint).Scan(&stored)
	if err == nil {
		err = json.Unmarshal(stored, &from)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	stream := client.Orders.Stream(nil, from)
	for order, err := range stream.Rows(ctx) {
		if err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		stream.Commit() // the checkpoint that is stored contains this order
		if err := storeOrder(ctx, tx, order, stream.Checkpoint()); err != nil {
			_ = tx.Rollback()
			return err // the next stream starts at the stored checkpoint: this order comes again
		}
	}
	return nil
}

func storeOrder(ctx context.Context, tx *sql.Tx, order *jushuitan.Order, at jushuitan.Checkpoint) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, storeRow, order.OID, order.SoID, order.Status); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, storePoint, text); err != nil {
		return err
	}
	return tx.Commit()
}

// Store an order and the checkpoint in one transaction of your database: whatever fails, no
// order is missing and none is stored twice.
func ExampleStream_transaction() {
	srv, client := newFake()
	defer srv.Close()
	for _, soID := range []string{"DY-1", "DY-2", "DY-3"} {
		receive(srv, soID)
	}
	table := &table{failAt: 4} // the second transaction cannot be committed
	db := sql.OpenDB(table)
	defer db.Close()

	fmt.Println(syncOrders(context.Background(), db, client), len(table.orders))
	for range 4 { // polls
		must(syncOrders(context.Background(), db, client))
	}
	fmt.Println(len(table.orders), "orders, stored", table.orders["DY-1"], table.orders["DY-2"], table.orders["DY-3"], "times")
	// Output:
	// the database is gone 1
	// 3 orders, stored 1 1 1 times
}

// TestStreamInTransaction: the database fails at each of its statements and commits in turn,
// and every order is stored once.
func TestStreamInTransaction(t *testing.T) {
	for failAt := 1; failAt <= 12; failAt++ {
		t.Run(fmt.Sprint("failure at step ", failAt), func(t *testing.T) {
			t.Parallel() // most of it is waiting for the quota
			srv, client := newFake()
			defer srv.Close()
			want := map[string]int{}
			for i := range 4 {
				soID := fmt.Sprint("DY-", i)
				receive(srv, soID)
				want[soID] = 1
			}
			table := &table{failAt: failAt}
			db := sql.OpenDB(table)
			defer db.Close()
			assert.ErrorIs(t, syncOrders(t.Context(), db, client), errGone)
			for range 4 {
				require.NoError(t, syncOrders(t.Context(), db, client))
			}
			assert.Equal(t, want, table.orders)
		})
	}
}

// table is a database of one connection: a table of orders, how often each was inserted, and
// one checkpoint. It fails at one step: a statement that writes, or a commit.
type table struct {
	orders     map[string]int
	checkpoint []byte
	failAt     int
	steps      int
}

var errGone = errors.New("the database is gone")

func (t *table) Connect(context.Context) (driver.Conn, error) { return &tableConn{table: t}, nil }
func (t *table) Driver() driver.Driver                        { return nil }

func (t *table) step() error {
	if t.steps++; t.steps == t.failAt {
		return errGone
	}
	return nil
}

// tableConn is its connection, with what the open transaction wrote.
type tableConn struct {
	*table
	orders     map[string]int
	checkpoint []byte
}

func (c *tableConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (c *tableConn) Close() error                        { return nil }

func (c *tableConn) Begin() (driver.Tx, error) {
	c.orders, c.checkpoint = maps.Clone(c.table.orders), c.table.checkpoint
	if c.orders == nil {
		c.orders = map[string]int{}
	}
	return c, nil
}

func (c *tableConn) Rollback() error { return nil }

func (c *tableConn) Commit() error {
	if err := c.step(); err != nil {
		return err
	}
	c.table.orders, c.table.checkpoint = c.orders, c.checkpoint
	return nil
}

func (c *tableConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	switch query {
	case storeRow:
		c.orders[args[1].Value.(string)]++
	case storePoint:
		c.checkpoint = args[0].Value.([]byte)
	}
	return driver.RowsAffected(1), nil
}

func (c *tableConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &tableRows{checkpoint: c.table.checkpoint}, nil
}

// tableRows is the result of the query for the checkpoint.
type tableRows struct{ checkpoint []byte }

func (r *tableRows) Columns() []string { return []string{"checkpoint"} }
func (r *tableRows) Close() error      { return nil }

func (r *tableRows) Next(dest []driver.Value) error {
	if r.checkpoint == nil {
		return io.EOF
	}
	dest[0], r.checkpoint = r.checkpoint, nil
	return nil
}
