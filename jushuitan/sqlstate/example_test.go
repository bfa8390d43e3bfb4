package sqlstate_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// An outbox 发件箱: an order and the command that uploads it are committed in one transaction.
// A worker sends what was committed; what was rolled back is never sent.
func ExampleCommands() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	must(srv.AddShop(jushuitan.Shop{ShopID: shopID, ShopName: "商城", ShopSite: "商家自有商城"}))
	must(srv.AddSKU(jushuitan.SKU{SKUID: "K", Name: "短袖"}))
	client, err := srv.Client()
	must(err)
	dir, err := os.MkdirTemp("", "outbox")
	must(err)
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "host.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	must(err)
	defer db.Close()

	ctx := context.Background()
	_, err = db.ExecContext(ctx, `CREATE TABLE orders (so_id TEXT PRIMARY KEY)`)
	must(err)
	state, err := sqlstate.New(db, sqlstate.Config{Dialect: sqlstate.SQLite})
	must(err)
	must(state.Migrate(ctx))
	commands, err := state.Commands(sqlstate.CommandsConfig{
		AppKey: srv.Credentials().AppKey, Client: client,
		Handlers: map[string]sqlstate.Handler{
			"Orders.Upload": sqlstate.Write(func(ctx context.Context, c *jushuitan.Client, orders []jushuitan.OrderUpload) error {
				_, err := c.Orders.Upload(ctx, orders)
				return err
			}),
		},
	})
	must(err)

	for _, place := range []struct {
		soID string
		paid bool
	}{{"MALL-1", true}, {"MALL-2", false}} {
		tx, err := db.BeginTx(ctx, nil)
		must(err)
		_, err = tx.ExecContext(ctx, `INSERT INTO orders VALUES (?)`, place.soID)
		must(err)
		_, err = commands.Enqueue(ctx, tx, sqlstate.Command{
			Merchant: "10010", Operation: "Orders.Upload", Document: place.soID, Payload: order(place.soID),
		})
		must(err)
		if !place.paid {
			must(tx.Rollback())
			continue
		}
		must(tx.Commit())
	}

	done, err := commands.Drain(ctx, "10010") // in a worker, for each merchant of commands.Due
	must(err)
	fmt.Println(done.Done, "sent")
	for o, err := range client.Orders.All(ctx, &jushuitan.OrderQuery{SoIDs: []string{"MALL-1", "MALL-2"}}) {
		must(err)
		fmt.Println("in the ERP:", o.SoID)
	}
	// Output:
	// 1 sent
	// in the ERP: MALL-1
}

// must keeps the example short. Your code returns the error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
