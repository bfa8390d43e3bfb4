// Command backfill reads a year of a merchant's orders once 历史订单补拉. It can be stopped and
// resumed at any point:
//
//	go run ./examples/backfill                                 stops and crashes on purpose
//	go run ./examples/backfill -checkpoint at.json -out orders.jsonl
//	JUSHUITAN_APP_SECRET=... go run ./examples/backfill -app-key KEY -checkpoint at.json -out orders.jsonl
//
// With -checkpoint, stop it with Ctrl-C and start it again: it continues where it stopped.
// It only reads. Orders of Taobao, Tmall and Pinduoduo shops are not available through this
// API: they need Qimen.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

type settings struct {
	days       int
	shop       int64
	checkpoint string
	out        string
	every      int
	orders     int // in the fake
	calendar   *calendar
}

func program() app.Program {
	s := &settings{calendar: &calendar{start: time.Date(2025, 1, 1, 0, 0, 0, 0, wire.CST)}}
	return app.Program{
		Name: "backfill", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.IntVar(&s.days, "days", 365, "days of orders, by their last change 修改时间")
			fs.Int64Var(&s.shop, "shop", 0, "only orders of this shop_id 店铺编号")
			fs.StringVar(&s.checkpoint, "checkpoint", "", "checkpoint file 断点文件")
			fs.StringVar(&s.out, "out", "", "output file of the orders, one JSON object per line")
			fs.IntVar(&s.every, "every", 500, "orders between checkpoints")
			fs.IntVar(&s.orders, "orders", 3000, "number of orders of the fake merchant")
		},
		Furnish: s.furnish,
		Options: []jushuitantest.Option{
			jushuitantest.WithNow(s.calendar.now),
			// The platform allows 5 calls a second and 100 a minute: too slow to watch.
			jushuitantest.WithQuota(jushuitan.Quota{Limit: 300, Per: time.Second}),
		},
		Run: s.run,
	}
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	if s.days < 1 || s.every < 1 {
		return cli.Usagef("-days and -every must be at least 1")
	}
	if (s.checkpoint == "") != (s.out == "") {
		return cli.Usagef("-checkpoint and -out must be used together / -checkpoint 与 -out 需同时使用")
	}
	if s.checkpoint == "" {
		if a.Real() {
			return cli.Usagef("-checkpoint and -out are required / 请用 -checkpoint 与 -out 指定文件")
		}
		return s.demo(ctx, a)
	}
	now := time.Now()
	if !a.Real() {
		now = a.Fake.Now()
	}
	j := &job{settings: s, client: a.Client, now: now, show: func(p progress) { a.Printf("  %s\n", p) }}
	sum, err := j.run(ctx)
	a.Printf("%s\n", sum)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted; run it again with the same flags to continue / 已中断，用相同参数再次执行即可继续")
	}
	return err
}

// A job is one run of a backfill, from its checkpoint to the end or to an error.
type job struct {
	*settings
	client *jushuitan.Client
	now    time.Time // end of a new backfill
	show   func(progress)
}

// summary is what a run did.
type summary struct {
	given, repeats int64 // rows of the stream; and those of them that the sink already had
	total          int64 // orders in the sink
	resumed        time.Time
	done           bool
}

func (s summary) String() string {
	from, end := "from the beginning 从头开始", "not finished 未完成"
	if !s.resumed.IsZero() {
		from = "resumed at 续传自 " + s.resumed.Format(time.DateOnly)
	}
	if s.done {
		end = "finished 已完成"
	}
	return fmt.Sprintf("%s: %d orders received, %d of them duplicates 重复, %d in the sink 已入库; %s", from, s.given, s.repeats, s.total, end)
}

// run iterates over the orders. Orders are saved in the sink before the checkpoint that
// covers them: after a crash some orders are repeated, and none is missing.
func (j *job) run(ctx context.Context) (sum summary, err error) {
	at, err := readState(j.checkpoint, state{Shop: j.shop, Begin: j.now.AddDate(0, 0, -j.days), Until: j.now})
	if err != nil {
		return sum, err
	}
	sink, err := openSink(j.out)
	if err != nil {
		return sum, err
	}
	defer func() {
		sum.repeats, sum.total = sink.repeats, int64(len(sink.orders))
		err = errors.Join(err, sink.close())
	}()
	sum.resumed, sum.done = at.Checkpoint.Time, at.Done
	if at.Done {
		return sum, nil
	}
	query := &jushuitan.OrderQuery{ModifiedBegin: at.Begin, ModifiedEnd: at.Until}
	if j.shop != 0 {
		query.ShopID = &j.shop
	}
	stream := j.client.Orders.Stream(query, at.Checkpoint)
	save := func() error {
		if err := sink.flush(); err != nil {
			return err
		}
		at.Checkpoint = stream.Checkpoint()
		return at.write(j.checkpoint)
	}

	p := progress{begin: at.Begin, from: at.Begin, until: at.Until, started: time.Now()}
	if !at.Checkpoint.Time.IsZero() {
		p.from = at.Checkpoint.Time
	}
	for order, failed := range stream.Rows(ctx) {
		if failed != nil {
			// Ctrl-C, or the API is unavailable for longer than the client retries. What
			// arrived is kept; a checkpoint that was refused stays as it is.
			failed = fmt.Errorf("backfill of merchant %q: %w", j.client.Merchant(), failed)
			if sum.given == 0 {
				return sum, failed
			}
			return sum, errors.Join(failed, save())
		}
		// The checkpoint holds the orders before this one: all are in the sink.
		if sum.given > 0 && sum.given%int64(j.every) == 0 {
			if err := save(); err != nil {
				return sum, err
			}
			p.at, p.orders, p.now = order.Modified, sum.given, time.Now()
			j.show(p)
		}
		if err := sink.put(order); err != nil {
			return sum, err
		}
		sum.given++
	}
	at.Done, sum.done = true, true
	return sum, save()
}
