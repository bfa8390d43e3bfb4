package redisstate

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Outage is what a [Limiter] does while Redis is unavailable.
type Outage int

const (
	// OutageRefuse (拒绝) fails calls once Redis has been away for [LimiterConfig].OutageWait:
	// no quota is ever exceeded.
	OutageRefuse Outage = iota
	// OutageLocalShare (本地配额) grants each process its share of the quotas, Limit divided
	// by [LimiterConfig].Processes, once Redis has been away for the longest window, when
	// no earlier call counts any more. More processes than that exceed the quotas.
	OutageLocalShare
)

// The defaults of [LimiterConfig].
const (
	DefaultSlack      = 10 * time.Millisecond
	DefaultPermitTTL  = 30 * time.Second
	DefaultOutageWait = 15 * time.Second
)

// ErrUnavailable means that Redis was unavailable for too long.
var ErrUnavailable = errors.New("redis does not answer")

// LimiterConfig configures [State.Limiter]. All processes must use the same values. The
// zero value is usable.
type LimiterConfig struct {
	// Quotas all apply at once, to every key separately. Empty means 5 per second and 100
	// per minute.
	Quotas []jushuitan.Quota
	// Slack is added to the length of every window, see [jushuitan.LimiterConfig].
	// 0 is [DefaultSlack].
	Slack time.Duration
	// PermitTTL is after how long an unreported permit counts as used, for processes
	// that died. It must be longer than it takes to write a request. 0 means
	// [DefaultPermitTTL].
	PermitTTL time.Duration

	// Outage selects what happens while Redis is unavailable.
	Outage Outage
	// OutageWait is how long a call waits for Redis to come back before it fails. 0
	// means [DefaultOutageWait].
	OutageWait time.Duration
	// Processes is how many processes share the quotas, for [OutageLocalShare].
	Processes int
}

// Limiter is a [jushuitan.Limiter] and [jushuitan.Penalizer] for any number of
// processes (分布式限流器). It is as exact as [jushuitan.MemoryLimiter]: a permit is
// granted only if, for every quota, fewer than Limit calls are being sent or were sent
// within the last Per+Slack. Time is measured by the clock of Redis, not by those of
// the processes.
//
// All callers in a process that wait for the same key share one request to Redis: one
// round trip grants one permit or many. Sent calls are reported with the next request, or in
// the background: at once while others may wait for them, otherwise within 50 ms.
// Processes are served in turn; within a process, callers are served in the order of
// arrival. A process that dies while it waits delays the others briefly.
//
// A permit costs Redis about 1.6 times as much as one of go-redis/redis_rate, which has one
// rate and does not wait: five commands, for three there, in a script that checks every
// quota; each call that was sent is recorded, which exactness requires. That is about
// 10,000 a second on two cores shared with Redis, and twice as many in batches of ten
// (BenchmarkPermit).
//
// Redis must not lose the record: after a restart without persistence, or a failover to
// a lagging replica, waiting processes report again what they sent, but idle ones do
// not. The clock of Redis must not jump.
type Limiter struct {
	state   *State
	cfg     LimiterConfig
	me      string
	quotas  []any         // for the script
	longest time.Duration // the longest window
	most    int           // the largest limit
	share   *jushuitan.MemoryLimiter

	mu     sync.Mutex
	states map[jushuitan.LimitKey]*limitState
	swept  time.Time
	since  time.Time // when Redis last answered
	away   bool      // the last call failed
	retry  time.Time // while away: time of the next call
}

var (
	_ jushuitan.Limiter   = (*Limiter)(nil)
	_ jushuitan.Penalizer = (*Limiter)(nil)
)

const (
	limitGrace = 250 * time.Millisecond // a process that does not ask in its turn is skipped
	limitPoll  = 2 * time.Second        // maximum time between two calls of a waiting process
	limitCall  = 2 * time.Second        // maximum time of a call to Redis
	limitAgain = 100 * time.Millisecond // between two calls while Redis is away
	limitMost  = 64                     // maximum permits per call
	limitHold  = 50 * time.Millisecond  // how long a report may wait for the next call
)

//go:embed lua/limit.lua
var limitLua string

var limitScript = redis.NewScript(limitLua)

// Limiter returns a limiter. Use one per process.
func (s *State) Limiter(cfg LimiterConfig) (*Limiter, error) {
	if len(cfg.Quotas) == 0 {
		cfg.Quotas = []jushuitan.Quota{{Limit: 5, Per: time.Second}, {Limit: 100, Per: time.Minute}}
	}
	for name, d := range map[string]time.Duration{"Slack": cfg.Slack, "PermitTTL": cfg.PermitTTL, "OutageWait": cfg.OutageWait} {
		if d < 0 {
			return nil, fmt.Errorf("redisstate: limiter: %s is %v, must not be negative", name, d)
		}
	}
	cfg.Slack = cmp.Or(cfg.Slack, DefaultSlack)
	cfg.PermitTTL = cmp.Or(cfg.PermitTTL, DefaultPermitTTL)
	cfg.OutageWait = cmp.Or(cfg.OutageWait, DefaultOutageWait)
	l := &Limiter{
		state: s, cfg: cfg, me: nonce(), since: time.Now(), swept: time.Now(),
		states: map[jushuitan.LimitKey]*limitState{}, quotas: []any{len(cfg.Quotas)},
	}
	parts := make([]jushuitan.Quota, 0, len(cfg.Quotas))
	for i, q := range cfg.Quotas {
		if q.Limit <= 0 || q.Per <= 0 {
			return nil, fmt.Errorf("redisstate: limiter: Quotas[%d] is %d per %v, both must be positive", i, q.Limit, q.Per)
		}
		l.most = max(l.most, q.Limit)
		l.longest = max(l.longest, q.Per+cfg.Slack)
		l.quotas = append(l.quotas, q.Limit, (q.Per + cfg.Slack).Microseconds())
		if n := cfg.Processes; n > 0 {
			part := jushuitan.Quota{Limit: q.Limit / n, Per: q.Per}
			if part.Limit == 0 { // less than one per window
				part = jushuitan.Quota{Limit: 1, Per: q.Per * time.Duration((n+q.Limit-1)/q.Limit)}
			}
			parts = append(parts, part)
		}
	}
	switch cfg.Outage {
	case OutageRefuse:
	case OutageLocalShare:
		if cfg.Processes <= 0 {
			return nil, errors.New("redisstate: limiter: OutageLocalShare requires Processes, the number of processes / 使用本地配额时必须设置进程数 Processes")
		}
		var err error
		if l.share, err = jushuitan.NewLimiter(jushuitan.LimiterConfig{Quotas: parts, Slack: cfg.Slack}); err != nil {
			return nil, fmt.Errorf("redisstate: limiter: %w", err)
		}
	default:
		return nil, fmt.Errorf("redisstate: limiter: unknown Outage %d", int(cfg.Outage))
	}
	return l, nil
}

// Wait implements [jushuitan.Limiter]. It fails immediately if the next permit cannot
// be granted before the deadline of ctx, and with [ErrUnavailable] if Redis is
// unavailable for too long.
func (l *Limiter) Wait(ctx context.Context, key jushuitan.LimitKey) (sent func(), err error) {
	all, err := l.WaitUpTo(ctx, key, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// WaitUpTo waits for one permit and returns up to n if more are available then
// (批量取得许可), for callers that send several calls in a row. Use each permit at once
// or give it up, in both cases by calling its function like that of [Limiter.Wait]: it
// counts until then.
func (l *Limiter) WaitUpTo(ctx context.Context, key jushuitan.LimitKey, n int) (sent []func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, limitError(key, err)
	}
	if n <= 0 {
		return nil, limitError(key, fmt.Errorf("n is %d, must be positive", n))
	}
	w := &limitWaiter{ready: make(chan struct{}), n: min(n, l.most), begin: time.Now()}
	if t, ok := ctx.Deadline(); ok {
		w.deadline = t
	}
	st := l.enter(key, w)
	select {
	case <-w.ready:
	case <-ctx.Done():
		st.giveUp(w)
		return nil, limitError(key, ctx.Err())
	}
	switch {
	case w.err != nil:
		return nil, limitError(key, w.err)
	case w.local:
		done, err := l.share.Wait(ctx, key)
		if err != nil {
			return nil, limitError(key, err)
		}
		id := nonce()
		return []func(){sync.OnceFunc(func() { done(); st.sent(id) })}, nil
	}
	for _, id := range w.ids {
		sent = append(sent, sync.OnceFunc(func() { st.sent(id) }))
	}
	return sent, nil
}

// Penalize implements [jushuitan.Penalizer], for all processes. It takes effect even if
// ctx has ended.
func (l *Limiter) Penalize(ctx context.Context, key jushuitan.LimitKey, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if _, _, _, err := l.ask(context.WithoutCancel(ctx), l.names(key), -1, "", d, nil); err != nil {
		return fmt.Errorf("redisstate: limiter: penalty for %s: %w", key.Path, err)
	}
	return nil
}

func limitError(key jushuitan.LimitKey, err error) error {
	return fmt.Errorf("redisstate: rate limit 限流: waiting for a permit for %s of merchant %q: %w", key.Path, key.Merchant, err)
}

func (l *Limiter) names(key jushuitan.LimitKey) []string {
	log := l.state.key("limit", key.AppKey, key.Merchant, key.Path)
	return []string{log, log + ":queue", log + ":wait"}
}

// limitReport states when a permit was used, or that it was not.
type limitReport struct {
	id     string
	at     time.Time
	unused bool
}

// ask runs the script once.
func (l *Limiter) ask(ctx context.Context, names []string, want int, call string, penalty time.Duration, reports []limitReport) (given int, wait time.Duration, sure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, limitCall)
	defer cancel()
	args := make([]any, 0, 8+len(l.quotas)+2*len(reports))
	keep := l.longest + l.cfg.PermitTTL + limitPoll
	args = append(args, l.me, want, call, l.cfg.PermitTTL.Microseconds(), limitGrace.Microseconds(), penalty.Microseconds(), millis(keep))
	args = append(args, l.quotas...)
	args = append(args, len(reports))
	for _, r := range reports {
		age := int64(-1)
		if !r.unused {
			age = max(time.Since(r.at).Microseconds(), 0)
		}
		args = append(args, r.id, age)
	}
	answer, err := l.state.run(ctx, limitScript, names, args...)
	l.heard(err)
	if err != nil {
		return 0, 0, false, err
	}
	row, ok := answer.([]any)
	if !ok || len(row) != 3 {
		return 0, 0, false, errScript("limiter")
	}
	n, _ := row[0].(int64)
	micros, _ := row[1].(int64)
	flag, _ := row[2].(int64)
	return int(n), time.Duration(micros) * time.Microsecond, flag == 1, nil
}

// heard records whether Redis answers.
func (l *Limiter) heard(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.away = err != nil; l.away {
		l.retry = now.Add(limitAgain)
		return
	}
	l.since = now
}

// gone returns how long Redis has not answered, 0 if it does, and whether it is too
// early to call it again.
func (l *Limiter) gone() (gone time.Duration, rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.away {
		return 0, 0
	}
	return time.Since(l.since), time.Until(l.retry)
}

// limitWaiter is one caller. The lock of its state guards it until ready is closed.
type limitWaiter struct {
	ready    chan struct{}
	n        int       // permits requested
	deadline time.Time // zero: none
	begin    time.Time
	done     bool

	ids   []string // permits
	local bool     // use the local share
	err   error
}

func (w *limitWaiter) settle() {
	w.done = true
	close(w.ready)
}

// limitState is the state of one key in this process.
type limitState struct {
	l     *Limiter
	key   jushuitan.LimitKey
	names []string

	mu       sync.Mutex
	waiters  []*limitWaiter
	serving  bool          // a goroutine serves them
	wake     chan struct{} // wakes it once nobody waits
	reports  []limitReport // to be sent
	flushing *time.Timer   // sends them
	tight    bool          // at the last call a quota was used up or others waited: they need the reports at once
	recent   []limitReport // calls sent within the longest window, reported again after an outage
	lost     bool          // a call failed since they were reported
}

// enter queues the caller and ensures that a goroutine serves it. Once per window it
// drops unused states.
func (l *Limiter) enter(key jushuitan.LimitKey, w *limitWaiter) *limitState {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.swept) > l.longest {
		l.swept = now
		for k, st := range l.states {
			if st.idle(now) {
				delete(l.states, k)
			}
		}
	}
	st := l.states[key]
	if st == nil {
		st = &limitState{l: l, key: key, names: l.names(key), wake: make(chan struct{}, 1)}
		l.states[key] = st
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.waiters = append(st.waiters, w)
	if !st.serving {
		st.serving = true
		go st.serve()
	}
	return st
}

func (st *limitState) idle(now time.Time) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.forget(now)
	return len(st.waiters) == 0 && !st.serving && len(st.reports) == 0 && st.flushing == nil && len(st.recent) == 0
}

// forget drops what has left the longest window.
func (st *limitState) forget(now time.Time) {
	n := 0
	for n < len(st.recent) && now.Sub(st.recent[n].at) > st.l.longest {
		n++
	}
	st.recent = append(st.recent[:0:0], st.recent[n:]...)
}

// sent records that a permit was used.
func (st *limitState) sent(id string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	r := limitReport{id: id, at: time.Now()}
	if len(st.recent) >= 2*st.l.most {
		st.forget(r.at)
	}
	st.recent = append(st.recent, r)
	st.report(r)
}

// report reports to Redis in the background; the caller holds the lock. While the quotas are not
// used up, nobody waits for a report: it goes with the next call if that comes soon.
func (st *limitState) report(r limitReport) {
	st.reports = append(st.reports, r)
	urgent := r.unused || st.tight
	switch {
	case st.flushing == nil && urgent:
		st.flushing = time.AfterFunc(0, st.flush)
	case st.flushing == nil:
		st.flushing = time.AfterFunc(limitHold, st.flush)
	case urgent:
		st.flushing.Reset(0)
	}
}

func (st *limitState) flush() {
	for {
		reports := st.take()
		var err error
		if len(reports) > 0 {
			_, _, _, err = st.l.ask(context.Background(), st.names, -1, "", 0, reports)
			st.failed(err, reports)
		}
		st.mu.Lock()
		ended := err != nil || len(st.reports) == 0
		if ended {
			st.flushing = nil
		}
		st.mu.Unlock()
		if ended {
			return
		}
	}
}

// take returns the pending reports.
func (st *limitState) take() []limitReport {
	st.mu.Lock()
	defer st.mu.Unlock()
	reports := st.reports
	st.reports = nil
	if st.lost {
		st.forget(time.Now())
		reports = append(reports, st.recent...)
		st.lost = false
	}
	return reports
}

// failed records that reports may be lost. Used permits are reported again with the
// next call; unused ones expire.
func (st *limitState) failed(err error, reports []limitReport) {
	if err == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lost = true
	for _, r := range reports {
		if r.unused {
			st.reports = append(st.reports, r)
		}
	}
}

// giveUp ends the wait of a caller whose context is done. Permits granted to it at the
// same moment go to the next caller.
func (st *limitState) giveUp(w *limitWaiter) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if w.done {
		st.hand(w.ids)
		return
	}
	for i, other := range st.waiters {
		if other == w {
			st.waiters = append(st.waiters[:i:i], st.waiters[i+1:]...)
			break
		}
	}
	if len(st.waiters) == 0 {
		select {
		case st.wake <- struct{}{}:
		default:
		}
	}
}

// hand passes permits to the waiting callers and returns the rest to Redis.
func (st *limitState) hand(ids []string) {
	for len(ids) > 0 && len(st.waiters) > 0 {
		w := st.waiters[0]
		st.waiters = st.waiters[1:]
		n := min(w.n, len(ids))
		w.ids, ids = ids[:n:n], ids[n:]
		w.settle()
	}
	for _, id := range ids {
		st.report(limitReport{id: id, unused: true})
	}
}

// serve asks for permits as long as somebody waits.
func (st *limitState) serve() {
	queued := false // in Redis
	for {
		st.mu.Lock()
		if len(st.waiters) == 0 {
			st.serving = false
			st.mu.Unlock()
			if queued {
				_, _, _, _ = st.l.ask(context.Background(), st.names, 0, "", 0, nil)
			}
			return
		}
		want := 0
		for _, w := range st.waiters {
			want += w.n
		}
		want = min(want, st.l.most, limitMost)
		st.mu.Unlock()

		gone, rest := st.l.gone()
		if rest > 0 {
			st.outage(gone, nil)
			st.sleep(rest)
			continue
		}
		reports, call := st.take(), nonce()
		given, wait, sure, err := st.l.ask(context.Background(), st.names, want, call, 0, reports)
		if err != nil {
			st.failed(err, reports)
			gone, _ = st.l.gone()
			st.outage(gone, err)
			continue
		}
		ids := make([]string, given)
		for i := range ids {
			ids[i] = call + ":" + strconv.Itoa(i+1)
		}
		st.mu.Lock()
		st.tight = given < want || !sure
		st.hand(ids)
		if wait > 0 && sure {
			st.failLate(wait)
		}
		st.mu.Unlock()
		queued = given < want
		if wait > 0 {
			st.sleep(min(wait, limitPoll))
		}
	}
}

// failLate ends the wait of those whose deadline is before the next permit.
func (st *limitState) failLate(wait time.Duration) {
	next := time.Now().Add(wait)
	keep := st.waiters[:0:0]
	for _, w := range st.waiters {
		if !w.deadline.IsZero() && w.deadline.Before(next) {
			w.err = fmt.Errorf("the next permit takes at least %v, longer than the context allows: %w", wait.Round(time.Millisecond), context.DeadlineExceeded)
			w.settle()
			continue
		}
		keep = append(keep, w)
	}
	st.waiters = keep
}

// outage decides about waiting callers while Redis is unavailable.
func (st *limitState) outage(gone time.Duration, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	keep := st.waiters[:0:0]
	for _, w := range st.waiters {
		switch {
		case st.l.share != nil && gone > st.l.longest:
			w.local = true
		case st.l.share == nil && gone > 0 && time.Since(w.begin) > st.l.cfg.OutageWait:
			w.err = fmt.Errorf("%w since %v; retry once it is back / Redis 无响应，请恢复后重试", ErrUnavailable, gone.Round(time.Millisecond))
			if err != nil {
				w.err = fmt.Errorf("%w: %w", w.err, err)
			}
		default:
			keep = append(keep, w)
			continue
		}
		w.settle()
	}
	st.waiters = keep
}

// sleep pauses while a caller waits.
func (st *limitState) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-st.wake:
	}
}

// Format prints no keys, for any verb.
func (l *Limiter) Format(f fmt.State, _ rune) { opaque(f, "redisstate.Limiter") }
