package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/file"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// calendar is the fake's time. It changes only when the fake is advanced, until run is
// called: a furnished year is the same at every start, so that a checkpoint of the previous
// run fits.
type calendar struct {
	start time.Time
	mu    sync.Mutex
	since time.Time
}

func (c *calendar) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() {
		return c.start
	}
	return c.start.Add(time.Since(c.since))
}

func (c *calendar) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = time.Now()
}

// furnish lets the merchant take orders for a year, some of which are cancelled.
func (s *settings) furnish(fake *jushuitantest.Server) error {
	if s.orders < 1 {
		return cli.Usagef("-orders must be at least 1")
	}
	step := 364 * 24 * time.Hour / time.Duration(s.orders)
	for i := range s.orders {
		fake.Advance(step)
		order, err := fake.ImportOrder(jushuitan.OrderUpload{
			ShopID: demo.MallShop, SoID: fmt.Sprintf("2025-%06d", i+1),
			Items: []jushuitan.OrderUploadItem{{SKUID: demo.TeeM, Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)}},
		})
		if err == nil && i%10 == 0 {
			err = fake.CancelOrder(order, "")
		}
		if err != nil {
			return err
		}
	}
	fake.Advance(24 * time.Hour)
	s.calendar.run()
	return nil
}

// demo reads the year in three runs: the first is stopped, the second meets faults and ends
// in a crash, and the third reaches the end.
func (s *settings) demo(ctx context.Context, a *app.App) (err error) {
	dir, err := os.MkdirTemp("", "backfill")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.checkpoint, s.out = filepath.Join(dir, "checkpoint.json"), filepath.Join(dir, "orders.jsonl")
	begin := time.Now()

	a.Printf("A year of %d orders; the rate limit is 60 times that of the platform. / 一年订单，限流放宽到平台的 60 倍\n", s.orders)
	a.Printf("\n-- Run 1: Ctrl-C after a third. / 第一次运行，三分之一时按 Ctrl-C\n")
	if err := s.stopped(ctx, a, 0.3); err != nil {
		return err
	}
	saved, err := os.ReadFile(s.checkpoint)
	if err != nil {
		return err
	}

	a.Printf("\n-- Run 2: the token expires and the gateway fails three times; after two thirds the power is cut and the last\n" +
		"   checkpoints are lost. / 第二次运行，令牌失效、网关报错三次，三分之二时断电，最后的断点丢失\n")
	a.Fake.ExpireTokens("")
	a.Fake.Inject(jushuitantest.Fault{Path: "/open/orders/single/query", Skip: 50, Times: 3, Kind: jushuitantest.HTTP5xx})
	if err := s.stopped(ctx, a, 0.6); err != nil {
		return err
	}
	if err := file.Replace(s.checkpoint, saved); err != nil {
		return err
	}

	a.Printf("\n-- Run 3: to the end. / 第三次运行，直到完成\n")
	sum, err := s.once(ctx, a, nil)
	a.Printf("%s\n", sum)
	if err != nil {
		return err
	}
	if err := s.compare(a); err != nil {
		return err
	}
	calls := 0
	for _, r := range a.Fake.Requests() {
		if r.Path == "/open/orders/single/query" {
			calls++
		}
	}
	a.Printf("%d calls in %s; with the platform's 100 calls a minute they take %s. / 按平台限流估算的耗时\n", calls,
		time.Since(begin).Round(100*time.Millisecond), (time.Duration(calls) * time.Minute / 100).Round(time.Second))
	a.Printf("From here on Orders.Since follows changes by row version. / 之后用 Orders.Since 按行版本增量同步\n")
	return nil
}

// once is one run; it is stopped after a part of the year if stop is not nil.
func (s *settings) once(ctx context.Context, a *app.App, stop func(progress)) (summary, error) {
	j := &job{settings: s, client: a.Client, now: a.Fake.Now(), show: func(p progress) {
		a.Printf("  %s\n", p)
		if stop != nil {
			stop(p)
		}
	}}
	return j.run(ctx)
}

// stopped is a run that Ctrl-C ends when a part of the year is done.
func (s *settings) stopped(whole context.Context, a *app.App, part float64) error {
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	sum, err := s.once(ctx, a, func(p progress) {
		if p.share() >= part {
			cancel()
		}
	})
	a.Printf("%s\n", sum)
	if whole.Err() != nil { // somebody pressed it
		return err
	}
	if !errors.Is(err, context.Canceled) {
		return errors.Join(errors.New("the run was to be interrupted"), err)
	}
	return nil
}

// compare compares the sink's file with the orders that the merchant really has.
func (s *settings) compare(a *app.App) error {
	text, err := os.ReadFile(s.out)
	if err != nil {
		return err
	}
	lines := map[int64]int{}
	for line := range bytes.Lines(text) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		lines[r.OID]++
	}
	missing, twice := 0, 0
	orders := a.Fake.Orders()
	for _, o := range orders {
		switch lines[o.OID] {
		case 0:
			missing++
		case 1:
		default:
			twice++
		}
	}
	a.Printf("\nIn Jushuitan %d orders, in the sink %d: missing 缺失 %d, duplicate 重复 %d\n", len(orders), len(lines), missing, twice)
	if missing > 0 || twice > 0 || len(lines) != len(orders) {
		return errors.New("the backfill is not complete / 补拉不完整")
	}
	return nil
}
