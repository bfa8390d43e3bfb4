package sqlstate_test

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

// The flow of [TestKills]; `.ci/run long` uses 5000 and 200.
var (
	flowOrders = flag.Int("sql.orders", 300, "orders of the test of random kills")
	flowKills  = flag.Int("sql.kills", 20, "random kills of that test, per database")
)

// childEnv has what a child process does, as JSON of a job. The child kills itself at a
// point, or is killed.
const childEnv = "SQLSTATE_TEST_CHILD"

type job struct {
	Mode        string // push, sync, drain, flow
	Driver, DSN string
	Dialect     sqlstate.Dialect
	Prefix      string
	srv         *jushuitantest.Server // the ERP; nil: it needs none
	URL         string                // of the ERP
	Key, Secret string                // of the app: credentials are masked in JSON
	Token       string
	Point       int64 // at which it kills itself; 0: never
	Orders      int
	Whole       bool // sync saves whole checkpoints, not deltas
	Strict      bool
}

// points counts statements and HTTP requests, and kills the process at one of them.
type points struct{ n, kill atomic.Int64 }

var crossed points

func (p *points) cross() {
	if p.n.Add(1) == p.kill.Load() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal may take a moment
	}
}

// countedDriver makes connections whose statements are points.
type countedDriver struct {
	driver.Driver
	dsn string
}

func (d countedDriver) Connect(context.Context) (driver.Conn, error) {
	c, err := d.Driver.Open(d.dsn)
	return countedConn{c}, err
}

type connector struct{ countedDriver }

func (c connector) Driver() driver.Driver { return c.countedDriver.Driver }

type countedConn struct{ driver.Conn }

func (c countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	crossed.cross()
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return countedTx{tx}, err
}

func (c countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	crossed.cross()
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	crossed.cross()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

type countedTx struct{ driver.Tx }

func (t countedTx) Commit() error {
	crossed.cross()
	err := t.Tx.Commit()
	crossed.cross()
	return err
}

// countedTransport makes the time before a request and that after its answer points.
type countedTransport struct{}

func (countedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	crossed.cross()
	resp, err := http.DefaultTransport.RoundTrip(r)
	crossed.cross()
	return resp, err
}

// child does the job of a child process and prints how many points it crossed.
func child() int {
	var j job
	err := json.Unmarshal([]byte(os.Getenv(childEnv)), &j)
	if err == nil {
		err = j.run(context.Background())
	}
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("points:", crossed.n.Load())
	return 0
}

func (j *job) run(ctx context.Context) error {
	crossed.kill.Store(j.Point)
	plain, err := sql.Open(j.Driver, j.DSN)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector{countedDriver{plain.Driver(), j.DSN}})
	defer func() { _ = db.Close() }()
	state, err := sqlstate.New(db, sqlstate.Config{Dialect: j.Dialect, Prefix: j.Prefix})
	if err != nil {
		return err
	}
	switch j.Mode {
	case "push":
		return j.push(ctx, state)
	case "sync":
		return j.sync(ctx, db, state)
	case "drain":
		return j.drain(ctx, state)
	}
	return j.flow(ctx, db, state)
}

func (j *job) q(text string) string { return dialectText(j.Dialect, j.Prefix, text) }

func (j *job) client() (*jushuitan.Client, error) {
	return jushuitan.New(jushuitan.Credentials{AppKey: j.Key, AppSecret: j.Secret}, jushuitan.WithBaseURL(j.URL), jushuitan.WithToken(j.Token), jushuitan.WithHTTPClient(&http.Client{Transport: countedTransport{}}),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Second}), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
}

// push receives one push.
func (j *job) push(ctx context.Context, state *sqlstate.State) error {
	r, err := callback.New(callback.Config{
		Shipment: sqlstate.InTx(state, func(ctx context.Context, tx *sql.Tx, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			_, err := tx.ExecContext(ctx, j.q("INSERT INTO {effect} (what) VALUES (?)"), p.LID)
			return err
		}),
		Deduper: state.TxDeduper(), Secrets: []string{pushSecret},
	})
	if err != nil {
		return err
	}
	if !send(&fatal{}, r, shipment("A"), time.Unix(1780000000, 0)) {
		return errors.New("not acknowledged")
	}
	return nil
}

// sync stores rows of a stream with its checkpoint.
func (j *job) sync(ctx context.Context, db *sql.DB, state *sqlstate.State) error {
	client, err := j.client()
	if err != nil {
		return err
	}
	lease, err := state.Checkpoints().Acquire(ctx, streamKey, 5*time.Second)
	if err != nil {
		return err
	}
	stream := client.Orders.Stream(&jushuitan.OrderQuery{}, lease.Checkpoint())
	for row, err := range stream.Rows(ctx) {
		if err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, j.q("INSERT INTO {effect} (what) VALUES (?)"), row.SoID)
		if stream.Commit(); err == nil && j.Whole {
			err = lease.SaveTx(ctx, tx, stream.Checkpoint())
		} else if err == nil {
			err = lease.SaveDelta(ctx, tx, stream.Delta())
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return lease.Release(ctx)
}

func (j *job) commands(state *sqlstate.State) (*sqlstate.Commands, error) {
	client, err := j.client()
	if err != nil {
		return nil, err
	}
	return state.Commands(sqlstate.CommandsConfig{
		AppKey: "app", Client: client, Handlers: handlers(), Lease: 5 * time.Second, SettleAfter: time.Millisecond,
		Backoff: func(int) time.Duration { return time.Millisecond }, Strict: j.Strict,
	})
}

// drain drains until nothing is left to do.
func (j *job) drain(ctx context.Context, state *sqlstate.State) error {
	c, err := j.commands(state)
	if err != nil {
		return err
	}
	return drainOf(ctx, c, "m")
}

func drainOf(ctx context.Context, c *sqlstate.Commands, merchant string) error {
	for {
		p, err := c.Drain(ctx, merchant)
		wait := p.Again
		if errors.Is(err, sqlstate.ErrLeaseHeld) {
			wait, err = 20*time.Millisecond, nil
		}
		if err != nil || wait == 0 {
			return err
		}
		<-time.After(wait)
	}
}

// flow commits orders together with their commands, and drains them.
func (j *job) flow(ctx context.Context, db *sql.DB, state *sqlstate.State) error {
	c, err := j.commands(state)
	if err != nil {
		return err
	}
	for {
		var last int
		if err := db.QueryRowContext(ctx, j.q("SELECT COUNT(*) FROM {effect}")).Scan(&last); err != nil {
			return err
		}
		if last == j.Orders {
			return drainOf(ctx, c, "m")
		}
		for n := last; n < min(last+25, j.Orders); n++ {
			if err := j.take(ctx, db, c, n); err != nil {
				return err
			}
		}
		if _, err := c.Drain(ctx, "m"); err != nil && !errors.Is(err, sqlstate.ErrLeaseHeld) {
			return err
		}
	}
}

// take commits an order.
func (j *job) take(ctx context.Context, db *sql.DB, c *sqlstate.Commands, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	soID := fmt.Sprintf("S-%05d", n)
	if _, err := tx.ExecContext(ctx, j.q("INSERT INTO {effect} (what) VALUES (?)"), soID); err != nil {
		return err
	}
	if _, err := c.Enqueue(ctx, tx, sqlstate.Command{Merchant: "m", Operation: uploadOp, Document: soID, Payload: order(soID)}); err != nil {
		return err
	}
	return tx.Commit()
}

// fatal is the testing.TB of a child process.
type fatal struct{ testing.TB }

func (*fatal) Helper()                  {}
func (*fatal) Context() context.Context { return context.Background() }
func (*fatal) Errorf(format string, args ...any) {
	fmt.Printf("error: "+format+"\n", args...)
}
func (*fatal) FailNow() { os.Exit(1) }

// complete adds to a job where everything is.
func (l *lab) complete(j job) job {
	j.Driver, j.DSN, j.Dialect, j.Prefix = l.driver, l.dsn, l.dialect, l.cfg.Prefix
	if j.srv != nil {
		cred := j.srv.Credentials()
		j.URL, j.Key, j.Secret, j.Token = j.srv.URL, cred.AppKey, cred.AppSecret, j.srv.AccessToken("")
	}
	return j
}

// expire is the time that passes until the leases of a dead process end.
func (l *lab) expire(t testing.TB) {
	t.Helper()
	l.exec(t, "UPDATE {drain} SET ends = 1")
	l.exec(t, "UPDATE {checkpoint} SET ends = 1")
}

// finish does a job in this process.
func (l *lab) finish(t testing.TB, j job) {
	t.Helper()
	j = l.complete(j)
	require.NoError(t, j.run(t.Context()))
}

// spawn runs a job in a process and returns the number of points, or 0 if it was killed. It
// is killed after a time if that is not 0.
func (l *lab) spawn(t testing.TB, j job, after time.Duration) int64 {
	t.Helper()
	text, err := json.Marshal(l.complete(j))
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return 0
	}
	require.NoError(t, err, "%s", out)
	for s := bufio.NewScanner(strings.NewReader(out.String())); s.Scan(); {
		if n, ok := strings.CutPrefix(s.Text(), "points: "); ok {
			crossed, err := strconv.ParseInt(n, 10, 64)
			require.NoError(t, err)
			return crossed
		}
	}
	t.Fatalf("the child did not finish: %s", out)
	return 0
}

// atEach runs a job once to its end, to learn how many points it has, then kills it at each,
// and finishes the work. fresh prepares each run and verify checks it.
func (l *lab) atEach(t *testing.T, fresh func() job, verify func(point int64)) {
	t.Helper()
	total := l.spawn(t, fresh(), 0)
	verify(0)
	require.Greater(t, total, int64(3))
	for point := int64(1); point <= total; point++ {
		j := fresh()
		j.Point = point
		assert.Zero(t, l.spawn(t, j, 0), "point %d of %d was not reached", point, total)
		j.Point = 0
		l.expire(t)
		l.finish(t, j)
		verify(point)
	}
	t.Logf("%s: killed at each of %d points", l.name, total)
}

// TestCrashOfPush: a process that is killed at any statement of a push leaves nothing or
// everything: the push that is sent again has one effect in all.
func TestCrashOfPush(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		l.atEach(t, func() job {
			l.exec(t, "DELETE FROM {effect}")
			l.exec(t, "DELETE FROM {seen}")
			return job{Mode: "push"}
		}, func(point int64) {
			assert.Equal(t, 1, l.noted(t), "killed at point %d", point)
		})
	})
}

// TestCrashOfSync: a process that is killed at any statement or request of a sync stores
// every row once.
func TestCrashOfSync(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		srv := erp(t)
		imported(t, srv, "S-1")
		imported(t, srv, "S-2")
		for _, whole := range []bool{false, true} {
			if whole && l.start != nil {
				break // one database is enough for the other form of the checkpoint
			}
			l.atEach(t, func() job {
				l.exec(t, "DELETE FROM {effect}")
				require.NoError(t, l.state.Checkpoints().Forget(t.Context(), streamKey.AppKey, streamKey.Merchant))
				return job{Mode: "sync", srv: srv, Whole: whole}
			}, func(point int64) {
				assert.Equal(t, 2, l.noted(t), "killed at point %d", point)
				assert.Equal(t, 2, l.count(t, "SELECT COUNT(DISTINCT what) FROM {effect}"), "killed at point %d", point)
			})
		}
	})
}

// TestCrashOfDrain: a process that is killed at any statement or request of a drain has each
// write carried out once: at once, after it was read back, or after a person looked.
func TestCrashOfDrain(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		srv := erp(t)
		c := l.commands(t, srv, standard)
		run, asked := 0, 0
		var oID int64
		l.atEach(t, func() job {
			l.exec(t, "DELETE FROM {command}")
			run++
			oID = imported(t, srv, fmt.Sprint("R-", run))
			l.enqueue(t, c, remark(oID, "a;"), upload(fmt.Sprint("S-", run)))
			return job{Mode: "drain", srv: srv}
		}, func(point int64) {
			asked += person(t, l, c, srv, oID)
			got, _ := srv.Order(oID)
			assert.Equal(t, "a;", got.Remark, "killed at point %d", point)
			_, ok := srv.OrderBySoID(shopID, fmt.Sprint("S-", run))
			assert.True(t, ok, "killed at point %d", point)
			assert.Equal(t, map[sqlstate.CommandState]int{sqlstate.Done: 2}, onlyDone(states(t, c)), "killed at point %d", point)
		})
		t.Logf("%s: %d times a person had to look", l.name, asked)
	})
}

// onlyDone counts dropped commands, which a person found applied, as done.
func onlyDone(n map[sqlstate.CommandState]int) map[sqlstate.CommandState]int {
	if dropped := n[sqlstate.Dropped]; dropped > 0 {
		n[sqlstate.Done] += dropped
		delete(n, sqlstate.Dropped)
	}
	return n
}

// person does with unknown remarks what a person does: look, and replay or drop.
func person(t testing.TB, l *lab, c *sqlstate.Commands, srv *jushuitantest.Server, oID int64) int {
	t.Helper()
	unknown, err := c.List(t.Context(), sqlstate.Filter{States: []sqlstate.CommandState{sqlstate.Unknown}})
	require.NoError(t, err)
	for _, e := range unknown {
		require.Equal(t, remarkOp, e.Operation, "a keyed write needs no person: %s", e.Reason)
		if got, _ := srv.Order(oID); got.Remark != "" {
			require.NoError(t, c.Drop(t.Context(), e.ID))
			continue
		}
		require.NoError(t, c.Replay(t.Context(), e.ID))
	}
	if len(unknown) > 0 {
		l.finish(t, job{Mode: "drain", srv: srv})
	}
	return len(unknown)
}

// TestKills: while orders are committed and drained, their process is killed at random: every
// order arrives once, and in strict order.
func TestKills(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		l.effects(t)
		srv := erp(t)
		j := job{Mode: "flow", srv: srv, Orders: *flowOrders, Strict: true}
		kills := 0
		for longest := int64(100); kills < *flowKills; {
			j.Point = 1 + r.Int64N(longest)
			l.expire(t)
			if l.spawn(t, j, 0) == 0 {
				kills++
				longest = 4*int64(*flowOrders)/int64(*flowKills) + 40
				continue
			}
			t.Logf("all orders had arrived after %d kills", kills)
			break
		}
		j.Point = 0
		l.expire(t)
		l.finish(t, j)
		assert.Equal(t, *flowOrders, l.noted(t), "orders of the host")
		orders := srv.Orders()
		require.Len(t, orders, *flowOrders, "orders of the ERP")
		for i := range orders {
			require.Equal(t, fmt.Sprintf("S-%05d", i), orders[i].SoID, "order of the ERP")
		}
		c := l.commands(t, srv, standard)
		entries := l.count(t, "SELECT COUNT(*) FROM {command} WHERE state = 4")
		assert.Equal(t, *flowOrders, entries, "%v", states(t, c))
		t.Logf("%s: %d kills", l.name, kills)
	})
}
