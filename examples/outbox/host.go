package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/shopspring/decimal"
	_ "modernc.org/sqlite"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

const (
	shopID     = 10360
	uploadPath = "/open/jushuitan/orders/upload"
)

// host is the back end: its orders, the commands, and the engine, all in one database.
type host struct {
	db       *sql.DB
	commands *sqlstate.Commands
	river    *river.Client[*sql.Tx]
	insert   string // of an order
}

// openHost opens the database and brings all tables up to date.
func openHost(ctx context.Context, dsn string, client *jushuitan.Client, workers int) (_ *host, err error) {
	h := &host{insert: "INSERT INTO mall_order (so_id, merchant) VALUES (?, ?) ON CONFLICT DO NOTHING"}
	dialect := sqlstate.SQLite
	var engine riverdriver.Driver[*sql.Tx]
	if strings.HasPrefix(dsn, "postgres") {
		dialect, h.insert = sqlstate.PostgreSQL, strings.Replace(h.insert, "?, ?", "$1, $2", 1)
		h.db, err = sql.Open("pgx", dsn)
		engine = riverdatabasesql.New(h.db)
	} else {
		h.db, err = sql.Open("sqlite", "file:"+dsn+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		if err == nil {
			h.db.SetMaxOpenConns(1) // as river advises for SQLite, which has one writer
		}
		engine = riversqlite.New(h.db)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = h.db.Close()
		}
	}()
	if _, err := h.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS mall_order (so_id VARCHAR(50) PRIMARY KEY, merchant VARCHAR(50) NOT NULL)"); err != nil {
		return nil, err
	}
	state, err := sqlstate.New(h.db, sqlstate.Config{Dialect: dialect})
	if err != nil {
		return nil, err
	}
	if err := state.Migrate(ctx); err != nil {
		return nil, err
	}
	if h.commands, err = state.Commands(sqlstate.CommandsConfig{AppKey: "outbox", Client: client, Handlers: handlers()}); err != nil {
		return nil, err
	}
	return h, h.startEngine(ctx, engine, workers)
}

// handlers are the writes that the host makes.
func handlers() map[string]sqlstate.Handler {
	return map[string]sqlstate.Handler{
		"Orders.Upload": sqlstate.Write(func(ctx context.Context, c *jushuitan.Client, orders []jushuitan.OrderUpload) error {
			_, err := c.Orders.Upload(ctx, orders)
			return err
		}),
	}
}

// startEngine sets river up: a job drains a merchant, and a periodic one finds merchants for
// whom nobody was woken.
func (h *host) startEngine(ctx context.Context, engine riverdriver.Driver[*sql.Tx], workers int) error {
	migrator, err := rivermigrate.New(engine, nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	jobs := river.NewWorkers()
	river.AddWorker(jobs, &drainer{commands: h.commands})
	river.AddWorker(jobs, &sweeper{commands: h.commands})
	h.river, err = river.NewClient(engine, &river.Config{
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:           jobs,
		FetchPollInterval: 200 * time.Millisecond,
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(10*time.Second),
			func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil }, &river.PeriodicJobOpts{RunOnStart: true})},
	})
	return err
}

// patience is how long a graceful stop waits, such as for a command that waits for its quota.
const patience = 10 * time.Second

// stop stops gracefully: workers finish the command in progress, and the rest waits in the
// table. A command that takes longer is interrupted; the next process settles it.
func (h *host) stop(ctx context.Context) error {
	h.commands.Stop()
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := h.river.Stop(bounded)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	bounded, cancel = context.WithTimeout(ctx, patience)
	defer cancel()
	return h.river.StopAndCancel(bounded)
}

func (h *host) close() error { return h.db.Close() }

// take commits an order together with the command that uploads it and the job that wakes a
// worker: all three, or none.
func (h *host) take(ctx context.Context, merchant string, n int) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	soID := fmt.Sprintf("MALL-%s-%04d", merchant, n)
	res, err := tx.ExecContext(ctx, h.insert, soID, merchant)
	if err != nil {
		return err
	}
	if added, err := res.RowsAffected(); err != nil || added == 0 {
		return err // an earlier run of the program has it
	}
	_, err = h.commands.Enqueue(ctx, tx, sqlstate.Command{
		Merchant: merchant, Operation: "Orders.Upload", Document: soID, Payload: []jushuitan.OrderUpload{order(soID)},
	})
	if err != nil {
		return err
	}
	if _, err := h.river.InsertTx(ctx, tx, drainArgs{Merchant: merchant}, nil); err != nil {
		return err
	}
	return tx.Commit()
}

// orders returns how many orders are committed.
func (h *host) orders(ctx context.Context) (n int, err error) {
	return n, h.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM mall_order").Scan(&n)
}

func order(soID string) jushuitan.OrderUpload {
	price, at := decimal.NewFromInt(55), time.Now()
	return jushuitan.OrderUpload{
		ShopID: shopID, SoID: soID, OrderDate: at, ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer", ShopModified: at,
		ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "西湖区", ReceiverAddress: "文三路 1 号", ReceiverName: "示例", ReceiverPhone: "13800000000",
		PayAmount: price,
		Items: []jushuitan.OrderUploadItem{{
			SKUID: "TS-BLK-M", ShopSKUID: "TS-BLK-M", Name: "短袖", Qty: decimal.NewFromInt(1),
			Price: price, BasePrice: price, Amount: price, OuterOIID: soID + "-1",
		}},
		Pay: &jushuitan.OrderUploadPay{OuterPayID: soID, PayDate: at, Payment: "支付宝", SellerAccount: "seller", BuyerAccount: "buyer", Amount: price},
	}
}

// drainArgs is a job that drains a merchant.
type drainArgs struct {
	Merchant string `json:"merchant"`
}

// Kind implements river.JobArgs.
func (drainArgs) Kind() string { return "drain" }

type drainer struct {
	river.WorkerDefaults[drainArgs]
	commands *sqlstate.Commands
}

// Work drains a merchant. A job comes back when commands will be due, or when the worker that
// has the merchant may be done; an error is retried by river.
func (d *drainer) Work(ctx context.Context, job *river.Job[drainArgs]) error {
	p, err := d.commands.Drain(ctx, job.Args.Merchant)
	switch {
	case errors.Is(err, sqlstate.ErrLeaseHeld):
		return river.JobSnooze(time.Second)
	case err != nil:
		return err
	case p.Again > 0:
		return river.JobSnooze(p.Again)
	}
	return nil
}

// Timeout implements river.Worker: a merchant's backlog may take longer than river's default
// of a minute, and rate limits make it wait.
func (*drainer) Timeout(*river.Job[drainArgs]) time.Duration { return -1 }

// sweepArgs is the periodic job.
type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "sweep" }

type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	commands *sqlstate.Commands
}

// Work wakes a worker for each merchant with commands that are due, such as those that were
// replayed by hand.
func (s *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	merchants, err := s.commands.Due(ctx)
	if err != nil {
		return err
	}
	for _, m := range merchants {
		if _, err := river.ClientFromContext[*sql.Tx](ctx).Insert(ctx, drainArgs{Merchant: m}, nil); err != nil {
			return err
		}
	}
	return nil
}
