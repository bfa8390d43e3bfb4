package callback_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The host's memory of pushes is a table with one row for each document, which has the key of
// the message that was handled last (PostgreSQL, SQLite):
//
//	CREATE TABLE pushes (document varchar(64) PRIMARY KEY, last varchar(64) NOT NULL)
const remember = `INSERT INTO pushes (document, last) VALUES ($1, $2)
	ON CONFLICT (document) DO UPDATE SET last = excluded.last WHERE pushes.last <> excluded.last`

const store = `INSERT INTO shipments (so_id, l_id) VALUES ($1, $2)`

// storeOnce does the work of a push in the transaction that remembers it. A row that did not
// change was a repeat.
func storeOnce(ctx context.Context, db *sql.DB, env callback.Envelope, work func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	changed, err := tx.ExecContext(ctx, remember, env.Document(), env.Key())
	if err != nil {
		return err
	}
	switch n, err := changed.RowsAffected(); {
	case err != nil:
		return err
	case n == 0:
		return nil // acknowledged: it was handled last
	}
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// storeSecret is that of the tokens in the registered URLs; a host has it in its environment.
const storeSecret = "secret-of-the-registered-urls"

func databaseReceiver(db *sql.DB) (*callback.Receiver, error) {
	return callback.New(callback.Config{
		Shipment: func(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
			return storeOnce(ctx, db, env, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, store, p.SoID, p.LID)
				return err
			})
		},
		NoDedupe: true, // the table is the memory, also after a restart and for many processes
		Secrets:  []string{storeSecret},
	})
}

// Pushes are stored in a database exactly once: the work and the memory of the push are one
// transaction. The database fails at the first commit; the ERP repeats the push; and the
// waybill is changed and changed back.
func ExampleEnvelope_Document() {
	database := &pushTable{failAt: 3}
	db := sql.OpenDB(database)
	defer db.Close()
	receiver, err := databaseReceiver(db)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, waybill := range []string{"YT1", "YT1", "YT1", "YT2", "YT1"} {
		message := callbacktest.Message{
			Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242", Secret: storeSecret,
			Body: &jushuitan.ShipmentPush{OID: 200001, SoID: "SO-1", LID: waybill},
		}
		reply, err := message.Serve(context.Background(), receiver, "/delivery_callback")
		fmt.Println(waybill, reply.Status, database.work, err)
	}
	// Output:
	// YT1 500 [] <nil>
	// YT1 200 [SO-1 YT1] <nil>
	// YT1 200 [SO-1 YT1] <nil>
	// YT2 200 [SO-1 YT1 SO-1 YT2] <nil>
	// YT1 200 [SO-1 YT1 SO-1 YT2 SO-1 YT1] <nil>
}

// TestStoreOnce: the database fails at each of its statements and commits in turn, and every
// push is stored once, in order.
func TestStoreOnce(t *testing.T) {
	for failAt := 1; failAt <= 9; failAt++ {
		database := &pushTable{failAt: failAt}
		db := sql.OpenDB(database)
		receiver, err := databaseReceiver(db)
		require.NoError(t, err)
		for _, waybill := range []string{"YT1", "YT2", "YT1"} {
			m := callbacktest.Message{Method: jushuitan.PushShipment, EntID: "1", StorageCode: "1", Secret: storeSecret, Body: &jushuitan.ShipmentPush{SoID: "SO-1", LID: waybill}}
			for range 3 { // repeats, of which one may fail
				_, err := m.Serve(t.Context(), receiver, "/delivery_callback")
				require.NoError(t, err)
			}
		}
		assert.Equal(t, []string{"SO-1 YT1", "SO-1 YT2", "SO-1 YT1"}, database.work, "failure at step %d", failAt)
		require.NoError(t, db.Close())
	}
}

// pushTable is a database of one connection with the two tables, for the statements above. It
// fails at one step: a statement or a commit.
type pushTable struct {
	last          map[string]string
	work          []string
	failAt, steps int
}

var errTableGone = errors.New("the database is gone")

func (t *pushTable) Connect(context.Context) (driver.Conn, error) { return &pushConn{table: t}, nil }
func (t *pushTable) Driver() driver.Driver                        { return nil }

func (t *pushTable) step() error {
	if t.steps++; t.steps == t.failAt {
		return errTableGone
	}
	return nil
}

// pushConn is its connection, with what the open transaction wrote.
type pushConn struct {
	table *pushTable
	last  map[string]string
	work  []string
}

func (c *pushConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (c *pushConn) Close() error                        { return nil }
func (c *pushConn) Rollback() error                     { return nil }

func (c *pushConn) Begin() (driver.Tx, error) {
	c.last, c.work = maps.Clone(c.table.last), c.table.work
	if c.last == nil {
		c.last = map[string]string{}
	}
	return c, nil
}

func (c *pushConn) Commit() error {
	if err := c.table.step(); err != nil {
		return err
	}
	c.table.last, c.table.work = c.last, c.work
	return nil
}

func (c *pushConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.table.step(); err != nil {
		return nil, err
	}
	one, two := fmt.Sprint(args[0].Value), fmt.Sprint(args[1].Value)
	switch {
	case query == store:
		c.work = append(c.work[:len(c.work):len(c.work)], one+" "+two)
	case c.last[one] == two:
		return driver.RowsAffected(0), nil
	default:
		c.last[one] = two
	}
	return driver.RowsAffected(1), nil
}

// What the functions handled is recorded, for Reconcile to find what they did not.
func ExampleWithJournal() {
	ctx := context.Background()
	start := time.Date(2024, 1, 2, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	journal := callback.NewMemoryJournal(0, start) // a host has one of its own, over a table
	receiver, err := callback.New(callback.WithJournal(callback.Config{
		Cancel:               func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil },
		Now:                  func() time.Time { return start.Add(time.Minute) },
		AllowUnauthenticated: true, // for this example only
	}, journal))
	if err != nil {
		fmt.Println(err)
		return
	}
	message := callbacktest.Message{EntID: "10010", StorageCode: "133242", TS: start, Body: &jushuitan.CancelPush{SoID: "SO-1"}}
	for range 2 { // the repeat is not recorded again
		if _, err := message.Serve(ctx, receiver, "/cancal_callback"); err != nil {
			fmt.Println(err)
		}
	}
	scope := callback.JournalScope{Method: jushuitan.PushCancel, EntID: "10010", StorageCode: "133242"}
	entries, err := journal.Find(ctx, scope, "so_id SO-1")
	for _, e := range entries {
		fmt.Println(e.Document, "sent", e.Sent.Format(time.TimeOnly), "handled", e.At.Format(time.TimeOnly))
	}
	fmt.Println(err)
	// Output:
	// so_id SO-1 sent 12:00:00 handled 12:01:00
	// <nil>
}

// A difference that Reconcile found is passed to the function of its kind, once; the push that
// arrives after all is a repeat.
func ExampleReceiver_Redeliver() {
	ctx := context.Background()
	receiver, err := callback.New(callback.Config{
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			fmt.Println("shipped", p.SoID, p.LID)
			return nil
		},
		AllowUnauthenticated: true, // for this example only
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	missed := &callback.Difference{
		Kind: callback.Missed, Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242", SoID: "SO-1",
		Shipment: &jushuitan.ShipmentPush{SoID: "SO-1", LID: "YT1"},
	}
	fmt.Println(receiver.Redeliver(ctx, missed))
	fmt.Println(errors.Is(receiver.Redeliver(ctx, missed), callback.ErrAlreadyHandled))
	late := callbacktest.Message{EntID: "10010", StorageCode: "133242", Body: missed.Shipment}
	reply, err := late.Serve(ctx, receiver, "/delivery_callback")
	fmt.Println(reply.Status, err)
	// Output:
	// shipped SO-1 YT1
	// <nil>
	// true
	// 200 <nil>
}
