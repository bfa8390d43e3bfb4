package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// starter starts this program once more, with other arguments.
type starter func(ctx context.Context, args ...string) (*exec.Cmd, error)

// The demo's data: what each merchant has.
const (
	demoWorkers = 4
	demoOrders  = 60 // at the start
	demoLater   = 15 // more that arrive while the processes run
	demoSKUs    = 30
	demoCases   = 8  // after-sales
	demoPushes  = 30 // of stock, for each merchant
	demoShop    = 10200077
	demoLimit   = 2 * time.Minute
)

// The last of the merchants revokes its authorisation in the middle.
var demoMerchants = [...]string{"10010", "10011", "10012", "10013", "10014"}

// demo is a fake Jushuitan, a Redis and some processes.
type demo struct {
	settings
	out   io.Writer
	fake  *jushuitantest.Server
	boss  *worker // does no work: it checks what the others did
	front *front
	again starter

	workers []*process // the running ones
	number  int
	saved   chan string // names of workers that saved orders

	mu sync.Mutex // guards out
}

// process is one of the workers.
type process struct {
	name  string
	addr  atomic.Value // string: the address where it receives pushes
	cmd   *exec.Cmd
	ended chan error
}

// line is what a worker logs.
type line struct {
	Worker   string `json:"worker"`
	Msg      string `json:"msg"`
	Merchant string `json:"merchant"`
	Stream   string `json:"stream"`
	Says     string `json:"says"` // from asynq
	Error    string `json:"error"`
	Address  string `json:"address"`
}

func demonstrate(ctx context.Context, out io.Writer, again starter) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	addr, closeRedis, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRedis()) }()
	fake, err := jushuitantest.Start(ctx, "127.0.0.1:0", jushuitantest.WithApp(jushuitan.Credentials{
		AppKey: "clusterappkey0000000000000000001", AppSecret: "clustersecret0000000000000000001", Type: jushuitan.ServiceProvider,
	}), jushuitantest.WithPushRetry(100*time.Millisecond, 400*time.Millisecond, time.Second, 2*time.Second, 4*time.Second))
	if err != nil {
		return err
	}
	defer fake.Close()

	d := &demo{out: out, fake: fake, again: again, saved: make(chan string, 1000), settings: settings{
		name: "demo", redis: addr, prefix: "jst", baseURL: fake.URL, provider: true,
		appKey: fake.Credentials().AppKey, appSecret: fake.Credentials().AppSecret,
		concurrency: 8, period: time.Second, lease: 2 * time.Second, turn: time.Minute, permit: 3 * time.Second,
		// A busy machine delivers calls late, so that they arrive closer together.
		slack: 250 * time.Millisecond, page: 5, batch: 5,
		listen: "127.0.0.1:0", pushSecret: "clusterpush000000000000000000001",
	}}
	if d.front, err = newFront(ctx); err != nil {
		return err
	}
	defer d.front.close()
	if d.boss, err = newWorker(d.settings, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	defer d.boss.close()
	defer d.end()
	return d.play(ctx)
}

func (d *demo) printf(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format, args...)
}

// status prints the table in one piece.
func (d *demo) status(ctx context.Context) error {
	var table strings.Builder
	err := d.boss.status(ctx, &table)
	d.printf("%s", table.String())
	return err
}

//nolint:gocyclo,funlen // a script, read from top to bottom; nearly all its branches are errors
func (d *demo) play(ctx context.Context) error {
	d.printf("Redis runs at %s, a fake Jushuitan at %s. Its quotas: 5 calls a second and 100 a minute for each merchant and endpoint. / 已启动 Redis 与模拟聚水潭\n",
		d.redis, d.baseURL)
	d.printf("%d worker processes share the work for %d merchants. / 进程 %d 个，商家 %d 个\n", demoWorkers, len(demoMerchants), demoWorkers, len(demoMerchants))
	for _, merchant := range demoMerchants {
		if err := d.furnish(ctx, merchant); err != nil {
			return err
		}
		if err := d.grant(ctx, merchant); err != nil {
			return err
		}
	}
	d.fake.Inject(jushuitantest.Fault{Path: "/open/orders/single/query", Skip: 40, Times: 5, Kind: jushuitantest.HTTP5xx})
	if err := d.boss.rdb.SAdd(ctx, d.merchantsKey(), "10010", "10011", "10012", "10013", "10014").Err(); err != nil {
		return err
	}
	for range demoWorkers {
		if err := d.start(ctx); err != nil {
			return err
		}
	}

	victim, err := d.await(ctx, 3)
	if err != nil {
		return err
	}
	if err := d.push(0, demoPushes/2); err != nil {
		return err
	}
	d.printf("\n-- %s is processing orders and receiving pushes: kill -9. / 强制结束\n", victim.name)
	if err := d.kill(ctx, victim); err != nil {
		return err
	}
	last := demoMerchants[len(demoMerchants)-1]
	d.printf("-- Merchant %s revokes its authorisation. / 商家取消授权\n", last)
	d.fake.ExpireTokens(last)

	leaving, err := d.await(ctx, 2)
	if err != nil {
		return err
	}
	if err := d.push(demoPushes/2, demoPushes); err != nil {
		return err
	}
	d.printf("-- %s is processing orders and receiving pushes: SIGTERM. / 优雅退出\n", leaving.name)
	if err := d.stop(ctx, leaving); err != nil {
		return err
	}
	d.printf("-- It exited by itself; another takes its place, and %d more orders arrive for each merchant. / 补充进程，新增订单\n", demoLater)
	if err := d.start(ctx); err != nil {
		return err
	}
	for _, merchant := range demoMerchants {
		if err := d.receive(merchant, demoOrders, demoLater); err != nil {
			return err
		}
	}
	if err := d.until(ctx, demoMerchants[:len(demoMerchants)-1]...); err != nil {
		return err
	}
	d.printf("\n-- All merchants but %s are complete: / 其余商家已同步完成\n", last)
	if err := d.status(ctx); err != nil {
		return err
	}
	d.printf("%s", legend)

	d.printf("\n-- Merchant %s authorises the app again; its jobs resume by themselves. / 重新授权，自动恢复\n", last)
	if err := d.grant(ctx, last); err != nil {
		return err
	}
	if err := d.until(ctx, demoMerchants[:]...); err != nil {
		return err
	}
	for _, p := range slices.Clone(d.workers) {
		if err := d.stop(ctx, p); err != nil {
			return err
		}
	}
	d.printf("\n-- All processes have stopped. What they did: / 全部停止，结果如下\n")
	if err := d.status(ctx); err != nil {
		return err
	}
	return d.compare(ctx)
}

// furnish creates a merchant's goods, orders in several states and after-sales.
func (d *demo) furnish(ctx context.Context, merchant string) error {
	c := d.fake.Company(merchant)
	err := errors.Join(
		c.AddWarehouse(jushuitan.Warehouse{Name: "总仓", WMSCoID: c.CoID(), IsMain: true}),
		c.AddShop(jushuitan.Shop{ShopID: demoShop, ShopName: "微商城", ShopSite: "商家自有商城"}),
	)
	for i := range demoSKUs {
		sku := fmt.Sprintf("SKU-%02d", i)
		err = errors.Join(err, c.AddSKU(jushuitan.SKU{SKUID: sku, Name: "T恤"}), c.SetStock(c.CoID(), sku, decimal.NewFromInt(1000)))
	}
	if err := errors.Join(err, d.receive(merchant, 0, demoOrders)); err != nil {
		return err
	}
	for i, o := range c.Orders() {
		if i%2 == 0 {
			err = errors.Join(err, c.AuditOrder(o.OID))
		}
	}
	if err != nil {
		return err
	}
	address, err := dianjia.URLBuilder{BaseURL: "http://" + d.front.addr + pushPath, Secret: d.pushSecret}.URL(dianjia.PushURL{
		Kind: jushuitan.PushStock, EntID: merchant, StorageCode: strconv.FormatInt(c.CoID(), 10),
	})
	if err := errors.Join(err, c.RegisterPush(demoShop, jushuitan.PushStock, address)); err != nil {
		return err
	}
	var cases []jushuitan.AfterSaleUpload
	for i := range demoCases {
		cases = append(cases, jushuitan.AfterSaleUpload{
			ShopID: demoShop, SoID: soID(i), OuterASID: fmt.Sprintf("RET-%d", i), Type: "仅退款", ShopStatus: "WAIT_SELLER_AGREE",
			GoodStatus: jushuitan.GoodStatusBuyerNotReceived, QuestionType: "其它", TotalAmount: decimal.NewFromInt(59), Refund: decimal.NewFromInt(59),
			Items: []jushuitan.AfterSaleUploadItem{{SKUID: "SKU-00", Qty: decimal.NewFromInt(1), Amount: decimal.NewFromInt(59)}},
		})
	}
	_, err = d.boss.client.WithToken(d.fake.AccessToken(merchant)).AfterSales.Upload(ctx, cases)
	return err
}

// push lets Jushuitan push the stock of SKUs to every merchant's shop, one at a time.
func (d *demo) push(from, to int) error {
	for i := from; i < to; i++ {
		for _, merchant := range demoMerchants {
			c := d.fake.Company(merchant)
			if err := c.PushStock(demoShop, c.CoID(), fmt.Sprintf("SKU-%02d", i%demoSKUs)); err != nil {
				return err
			}
		}
	}
	return nil
}

func soID(i int) string { return fmt.Sprintf("MALL-%04d", i) }

// receive lets a merchant take orders, starting with the given one.
func (d *demo) receive(merchant string, first, n int) error {
	for i := first; i < first+n; i++ {
		_, err := d.fake.Company(merchant).ImportOrder(jushuitan.OrderUpload{ShopID: demoShop, SoID: soID(i), Items: []jushuitan.OrderUploadItem{
			{SKUID: fmt.Sprintf("SKU-%02d", i%demoSKUs), Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// grant does what a merchant and the page behind the redirect do: see package callback.
func (d *demo) grant(ctx context.Context, merchant string) error {
	redirect, err := d.boss.client.ParseRedirect(d.fake.Authorize(merchant, merchant))
	if err != nil {
		return err
	}
	_, err = d.boss.client.ForMerchant(redirect.State).ExchangeCode(ctx, redirect.Code)
	return err
}

// start starts a worker.
func (d *demo) start(ctx context.Context) error {
	d.number++
	p := &process{name: fmt.Sprintf("worker %d", d.number), ended: make(chan error, 1)}
	cmd, err := d.again(ctx, "-name", p.name, "-redis", d.redis, "-prefix", d.prefix, "-app-key", d.appKey, "-service-provider", "-base-url", d.baseURL,
		"-concurrency", strconv.Itoa(d.concurrency), "-period", d.period.String(), "-lease", d.lease.String(), "-turn", d.turn.String(),
		"-permit", d.permit.String(), "-slack", d.slack.String(), "-page", strconv.FormatInt(d.page, 10), "-batch", strconv.Itoa(d.batch), "-listen", d.listen)
	if err != nil {
		return err
	}
	p.cmd = cmd
	cmd.Env = append(cmd.Env, envAppSecret+"="+d.appSecret, envPushSecret+"="+d.pushSecret)
	cmd.Stderr = os.Stderr
	log, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	d.workers = append(d.workers, p)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			d.hear(p, lines.Bytes())
		}
		p.ended <- cmd.Wait()
	}()
	return nil
}

// hear reads what a worker logs: that it saved is not shown, but recorded for await.
func (d *demo) hear(p *process, text []byte) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		d.printf("   %s: %s\n", p.name, text)
		return
	}
	if l.Address != "" {
		p.addr.Store(l.Address)
		d.front.add(l.Address)
		return
	}
	if l.Msg == "saved" {
		if l.Stream == "orders" {
			select {
			case d.saved <- p.name:
			default: // nobody is waiting
			}
		}
		return
	}
	what := l.Msg
	if l.Merchant != "" {
		what += ": " + l.Stream + " of merchant " + l.Merchant
	}
	if l.Says != "" {
		what += ": " + l.Says
	}
	if l.Error != "" {
		what += ": " + l.Error
	}
	d.printf("   %s: %s\n", p.name, what)
}

// await waits for the worker that is the first to have saved orders n times from now on.
func (d *demo) await(ctx context.Context, n int) (*process, error) {
	for len(d.saved) > 0 {
		<-d.saved // discard earlier ones
	}
	times := map[string]int{}
	for {
		select {
		case <-ctx.Done():
			return nil, errSlow
		case name := <-d.saved:
			times[name]++
			i := slices.IndexFunc(d.workers, func(p *process) bool { return p.name == name })
			if i >= 0 && times[name] >= n {
				return d.workers[i], nil
			}
		}
	}
}

var errSlow = errors.New("the demo timed out / 演示超时")

// wait waits until a process has ended, which then is no longer a worker.
func (d *demo) wait(ctx context.Context, p *process) error {
	d.workers = slices.DeleteFunc(d.workers, func(q *process) bool { return p == q })
	select {
	case err := <-p.ended:
		if addr, ok := p.addr.Load().(string); ok {
			d.front.remove(addr) // until here the balancer has not noticed
		}
		return err
	case <-ctx.Done():
		return errSlow
	}
}

// kill ends a worker as a crash does.
func (d *demo) kill(ctx context.Context, p *process) error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	if err := d.wait(ctx, p); err == nil {
		return fmt.Errorf("%s had exited before it was killed", p.name)
	}
	return nil
}

// stop tells a worker to end, and requires that it does so without an error.
func (d *demo) stop(ctx context.Context, p *process) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := d.wait(ctx, p); err != nil {
		return fmt.Errorf("%s did not stop cleanly: %w", p.name, err)
	}
	return nil
}

// end kills the processes that still run when the demo fails.
func (d *demo) end() {
	for _, p := range d.workers {
		_ = p.cmd.Process.Kill()
		if err := <-p.ended; err != nil {
			continue // killed
		}
	}
}

// outcome compares a stream of a merchant with what Jushuitan has.
type outcome struct {
	there, stored     int   // rows in Jushuitan, rows in the sink
	missing, outdated int   // compared with Jushuitan
	times             int64 // how often the sink stored something
}

func (o outcome) complete() bool { return o.missing == 0 && o.outdated == 0 && o.stored == o.there }

// truth holds the rows that a merchant has in Jushuitan, by stream and number.
func (d *demo) truth(merchant string) map[string]map[string]int64 {
	c := d.fake.Company(merchant)
	all := map[string]map[string]int64{}
	for _, s := range d.boss.streams {
		all[s.name] = map[string]int64{}
	}
	for _, r := range c.Orders() {
		all["orders"][strconv.FormatInt(r.OID, 10)] = r.TS
	}
	for _, r := range c.Outbounds() {
		all["outbounds"][strconv.FormatInt(r.IOID, 10)] = r.TS
	}
	for _, r := range c.AfterSales() {
		all["after-sales"][strconv.FormatInt(r.ASID, 10)] = r.TS
	}
	for _, r := range c.Stock(c.CoID()) {
		all["stock"][r.SKUID] = r.TS
	}
	return all
}

func (d *demo) outcomes(ctx context.Context, merchant string) (map[string]outcome, error) {
	all := map[string]outcome{}
	for stream, there := range d.truth(merchant) {
		rows, times, err := d.boss.sink.rows(ctx, merchant, stream)
		if err != nil {
			return nil, err
		}
		o := outcome{there: len(there), stored: len(rows), times: times}
		for id, version := range there {
			got, ok := rows[id]
			switch {
			case !ok:
				o.missing++
			case got != version:
				o.outdated++
			}
		}
		all[stream] = o
	}
	pushed, times, err := d.boss.sink.rows(ctx, merchant, pushStream)
	if err != nil {
		return nil, err
	}
	all[pushStream] = outcome{there: demoPushes, stored: len(pushed), missing: demoPushes - len(pushed), times: times}
	return all, nil
}

// until waits until the merchants are complete.
func (d *demo) until(ctx context.Context, merchants ...string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for _, merchant := range merchants {
		for {
			all, err := d.outcomes(ctx, merchant)
			if err != nil {
				return err
			}
			done := true
			for _, o := range all {
				done = done && o.complete()
			}
			if done {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%w: merchant %s has %+v", errSlow, merchant, all)
			case <-tick.C:
			}
		}
	}
	return nil
}

func streamNames(streams []stream) (names []string) {
	for _, s := range streams {
		names = append(names, s.name)
	}
	return names
}

// compare prints what is in the sink beside what is in Jushuitan, and fails unless
// everything is there, orders were stored once each, and no call exceeded a quota.
func (d *demo) compare(ctx context.Context) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nmerchant\tstream\tin Jushuitan\tin the sink\tmissing\toutdated\tstored twice\t\n")
	var faults []error
	orders := 0
	for _, merchant := range demoMerchants {
		all, err := d.outcomes(ctx, merchant)
		if err != nil {
			return err
		}
		for _, name := range append(streamNames(d.boss.streams), pushStream) {
			o := all[name]
			twice := o.times - int64(o.stored)
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t\n", merchant, name, o.there, o.stored, o.missing, o.outdated, twice)
			// No row of these changes while the processes run; stock does.
			if !o.complete() || name != "stock" && twice != 0 {
				faults = append(faults, fmt.Errorf("%s of merchant %s: %+v", name, merchant, o))
			}
		}
		orders += all["orders"].stored
	}
	if err := t.Flush(); err != nil {
		return err
	}
	d.printf("%s", table.String())
	stats := d.fake.Stats()
	d.printf("\nJushuitan counted %d calls and throttled %d. / 服务端计数、限流次数\n", stats.Calls, stats.Throttled)
	d.printf("It pushed %d messages, %d of them again since no process answered, and gave up on %d. / 推送次数、重发次数、放弃次数\n",
		stats.Pushes, stats.PushAttempts-stats.Pushes, stats.PushFailures)
	if stats.Throttled != 0 {
		faults = append(faults, fmt.Errorf("%d calls were throttled", stats.Throttled))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	d.printf("Every one of %d orders is in the sink exactly once. / 每张订单恰好入库一次\n", orders)
	return nil
}
