package jushuitan

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// LimitKey names one quota (限流维度): Jushuitan counts calls per access token
// (here: per app and merchant) and per endpoint.
type LimitKey struct {
	AppKey   string // 应用 app_key
	Merchant string // 商户, the merchant that the access token belongs to
	Path     string // 接口路径, such as /open/orders/single/query
}

// Quota (调用频率限制) allows Limit calls in any window of length Per.
// A window includes its beginning and not its end.
type Quota struct {
	Limit int
	Per   time.Duration
}

// Limiter (限流器) spaces the calls of each key so that Jushuitan's quotas are
// kept. Its methods may be called from many goroutines at once.
//
// sent takes no context, since the call's may have ended by then. An
// implementation with remote state limits that step itself, and lets a permit
// expire if sent is never called.
type Limiter interface {
	// Wait blocks until one call for key may be sent, or until ctx is done.
	//
	// When err is nil, sent is not nil and must be called once the request has
	// been written to the network or has been given up. Until then the permit
	// counts as being sent: it takes a place in every window, and its windows
	// have not begun. Calling sent again does nothing.
	//
	// When ctx ends the wait, errors.Is(err, ctx.Err()) holds. An
	// implementation may fail earlier, with an error that is
	// context.DeadlineExceeded, if the deadline of ctx is certainly before the
	// next possible permit.
	Wait(ctx context.Context, key LimitKey) (sent func(), err error)
}

// Penalizer is an optional interface of a [Limiter], found by type assertion.
type Penalizer interface {
	// Penalize reports that the server refused a call of key for exceeding a
	// quota: code 199 (per second, 每秒超限) or 200 (per minute, 每分钟超限).
	// No permit for key is granted for d from now. A penalty that lasts longer
	// stays in force; a d of zero or less changes nothing.
	Penalize(ctx context.Context, key LimitKey, d time.Duration) error
}

// LimiterConfig configures [NewLimiter]. Its zero value is usable.
type LimiterConfig struct {
	// Quotas all apply at once, to every key separately.
	// Empty means 5 per second and 100 per minute.
	Quotas []Quota

	// Slack is added to the length of every window. It absorbs the differences
	// in travel time between requests: two calls that leave a second apart may
	// arrive a little less than a second apart. The price is throughput:
	// a quota per second reaches Per/(Per+Slack) of its limit.
	// Zero means 10 ms, which costs 1 % of the quota of a second and 0.02 % of
	// that of a minute; time.Nanosecond practically disables it.
	Slack time.Duration
}

const (
	limitDefaultSlack = 10 * time.Millisecond
	limitShards       = 32
	limitNever        = time.Duration(math.MaxInt64)
)

// MemoryLimiter is a [Limiter] and [Penalizer] for one process. It is exact: a
// permit is granted only if, for every quota, the calls of the key that are being
// sent and those sent within the last Per+Slack number fewer than Limit. Calls
// that wait for the same key are served in the order of their arrival.
//
// It runs no goroutine. Its memory is proportional to the calls within the
// longest window; keys that have been idle for that long are dropped, a few at
// a time, by later calls for any key.
//
// Processes that share an app and a merchant need a Limiter with shared state,
// or must split the quotas among themselves.
type MemoryLimiter struct {
	base    time.Time // every time is a monotonic distance from here
	windows []limitWindow
	most    int           // the largest limit of all quotas
	short   time.Duration // the shortest window
	long    time.Duration // the longest window

	seed   maphash.Seed
	shards [limitShards]limitShard

	sweepEvery time.Duration // one shard is swept in each such interval
	sweepAt    atomic.Int64  // when the next one is due
	sweepNext  atomic.Uint32 // which one
}

var (
	_ Limiter   = (*MemoryLimiter)(nil)
	_ Penalizer = (*MemoryLimiter)(nil)
)

// NewLimiter returns a limiter that keeps its state in memory. It fails if a
// quota's Limit or Per is not positive or if Slack is negative.
func NewLimiter(cfg LimiterConfig) (*MemoryLimiter, error) {
	quotas := cfg.Quotas
	if len(quotas) == 0 {
		quotas = []Quota{{Limit: 5, Per: time.Second}, {Limit: 100, Per: time.Minute}}
	}
	slack := cfg.Slack
	if slack < 0 {
		return nil, fmt.Errorf("jushuitan: limiter: Slack is %v, must not be negative", slack)
	}
	if slack == 0 {
		slack = limitDefaultSlack
	}
	l := &MemoryLimiter{base: time.Now(), short: limitNever, seed: maphash.MakeSeed()}
	for i, q := range quotas {
		if q.Limit <= 0 {
			return nil, fmt.Errorf("jushuitan: limiter: Quotas[%d].Limit is %d, must be positive", i, q.Limit)
		}
		if q.Per <= 0 {
			return nil, fmt.Errorf("jushuitan: limiter: Quotas[%d].Per is %v, must be positive", i, q.Per)
		}
		w := limitWindow{limit: q.Limit, length: limitAdd(q.Per, slack)}
		l.windows = append(l.windows, w)
		l.most = max(l.most, w.limit)
		l.short = min(l.short, w.length)
		l.long = max(l.long, w.length)
	}
	l.sweepEvery = max(l.long/limitShards, 1)
	l.sweepAt.Store(int64(l.sweepEvery))
	return l, nil
}

// Wait implements [Limiter]. It fails at once, without queueing, if ctx is
// already done or if its deadline is before the next possible permit; the error
// then says how long the wait would have been. A queued call fails in the same
// way when a penalty or an exhausted longer window makes its deadline hopeless.
func (l *MemoryLimiter) Wait(ctx context.Context, key LimitKey) (sent func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, limitWaitError(key, err)
	}
	s := l.shard(key)
	s.mu.Lock()
	now := l.now()
	st := s.state(l, key)
	if st.first != nil { // the timer may be late: those before us go first
		st.dispatch(now)
	}
	at, _ := st.next(now)
	if at <= now { // only if nobody is left in the queue
		st.pending++
		s.mu.Unlock()
		l.sweep(now)
		return (&limitPermit{state: st}).sent, nil
	}
	deadline := limitNever
	if t, ok := ctx.Deadline(); ok {
		deadline = limitAdd(now, time.Until(t))
	}
	if deadline < at {
		s.mu.Unlock()
		l.sweep(now)
		return nil, limitLateError(key, at-now)
	}
	w := &limitWaiter{ready: make(chan struct{}), deadline: deadline}
	st.push(w)
	if st.first == w {
		st.dispatch(now) // sets the timer
	}
	s.mu.Unlock()
	l.sweep(now)

	select {
	case <-w.ready:
	case <-ctx.Done():
		s.mu.Lock()
		switch w.fate {
		case limitQueued:
			st.remove(w)
		case limitGranted: // in this very moment: the permit goes to the next
			st.pending--
		}
		st.dispatch(l.now())
		s.mu.Unlock()
		return nil, limitWaitError(key, ctx.Err())
	}
	if w.fate == limitLate {
		return nil, limitLateError(key, w.wait)
	}
	return (&limitPermit{state: st}).sent, nil
}

// Penalize implements [Penalizer]. It takes effect whatever the state of ctx,
// and its error is always nil. Calls that are already queued wait until the
// penalty has ended, and calls that are being sent are not affected.
func (l *MemoryLimiter) Penalize(_ context.Context, key LimitKey, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	s := l.shard(key)
	s.mu.Lock()
	now := l.now()
	st := s.state(l, key)
	st.penalty = max(st.penalty, limitAdd(now, d))
	st.dispatch(now)
	s.mu.Unlock()
	l.sweep(now)
	return nil
}

// Available returns how many calls for key may be made at this moment without waiting.
func (l *MemoryLimiter) Available(key LimitKey) int {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := l.now()
	st := s.states[key]
	free := -1
	for _, w := range l.windows {
		n := w.limit
		if st != nil {
			n -= st.pending
			for i := 1; i <= st.log.n && limitAdd(st.log.newest(i), w.length) > now; i++ {
				n--
			}
		}
		if free < 0 || n < free {
			free = n
		}
	}
	if st != nil && (st.penalty > now || st.first != nil) {
		return 0
	}
	return max(free, 0)
}

// now returns the monotonic time since the limiter was created.
func (l *MemoryLimiter) now() time.Duration { return time.Since(l.base) }

func (l *MemoryLimiter) shard(key LimitKey) *limitShard {
	return &l.shards[maphash.Comparable(l.seed, key)%limitShards]
}

// sweep drops the idle keys of the shards that are due. It is called by every
// operation, outside the lock, and visits each key once per longest window. A
// key that survives has been used within that window, so that the cost per call
// is constant on average.
func (l *MemoryLimiter) sweep(now time.Duration) {
	due := l.sweepAt.Load()
	if int64(now) < due || !l.sweepAt.CompareAndSwap(due, int64(limitAdd(now, l.sweepEvery))) {
		return
	}
	n := 1 + (int64(now)-due)/int64(l.sweepEvery)
	for range min(n, limitShards) {
		l.shards[l.sweepNext.Add(1)%limitShards].sweep(now, l.long)
	}
}

// keys returns the number of keys in memory.
func (l *MemoryLimiter) keys() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.states)
		s.mu.Unlock()
	}
	return n
}

// limitWindow is a quota whose slack has been added.
type limitWindow struct {
	limit  int
	length time.Duration
}

// limitShard is the part of the keys that one lock guards: the map, the states
// in it, and the waiters and permits that belong to them.
type limitShard struct {
	mu     sync.Mutex
	states map[LimitKey]*limitState
	peak   int // the largest size of the map since it was made
}

func (s *limitShard) state(l *MemoryLimiter, key LimitKey) *limitState {
	if st := s.states[key]; st != nil {
		return st
	}
	if s.states == nil {
		s.states = make(map[LimitKey]*limitState)
	}
	st := &limitState{limiter: l, shard: s}
	s.states[key] = st
	s.peak = max(s.peak, len(s.states))
	return st
}

// sweep drops the idle keys, and the map itself when most of it is unused,
// since a map does not shrink by deleting.
func (s *limitShard) sweep(now, window time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, st := range s.states {
		if st.idle(now, window) {
			delete(s.states, key)
		}
	}
	if len(s.states) > s.peak/4 {
		return
	}
	var states map[LimitKey]*limitState
	if len(s.states) > 0 {
		states = make(map[LimitKey]*limitState, len(s.states))
		for key, st := range s.states {
			states[key] = st
		}
	}
	s.states, s.peak = states, len(states)
}

// limitState is what is known of one key. The lock of its shard guards it.
type limitState struct {
	limiter *MemoryLimiter
	shard   *limitShard

	log     limitLog      // when calls were sent
	pending int           // permits given whose sent has not been called
	penalty time.Duration // no permit before this time

	first, last *limitWaiter  // the queue, oldest first
	timer       *time.Timer   // wakes the queue
	armed       time.Duration // when timer fires; 0 if it is not set
	screened    time.Duration // the bound of the last call of failLate
}

// next returns the earliest time at which one more permit may be granted. If sure
// is false, a pending permit has to be sent first, and at is only a lower bound: the
// time if all of them were sent now.
func (st *limitState) next(now time.Duration) (at time.Duration, sure bool) {
	at, sure = st.penalty, true
	for _, w := range st.limiter.windows {
		free := w.limit - st.pending
		switch {
		case free <= 0:
			at, sure = max(at, limitAdd(now, w.length)), false
		case free <= st.log.n:
			at = max(at, limitAdd(st.log.newest(free), w.length))
		}
	}
	return at, sure
}

// dispatch grants permits to the head of the queue as long as that is allowed,
// and sees to it that the timer fires when the next one will be.
func (st *limitState) dispatch(now time.Duration) {
	for st.first != nil {
		at, sure := st.next(now)
		if at <= now {
			w := st.first
			st.remove(w)
			st.pending++
			w.fate = limitGranted
			close(w.ready)
			continue
		}
		// A wait beyond the shortest window is that of a penalty or a longer
		// window. It is worth a look at all waiters, but not again and again.
		if at-now > st.limiter.short && at > limitAdd(st.screened, st.limiter.short) {
			st.screened = at
			st.failLate(now, at)
			continue
		}
		if !sure {
			break // sent will call dispatch
		}
		st.arm(now, at)
		return
	}
	if st.armed != 0 {
		st.timer.Stop()
		st.armed = 0
	}
}

// failLate ends the wait of those whose deadline is before at.
func (st *limitState) failLate(now, at time.Duration) {
	for w := st.first; w != nil; {
		next := w.next
		if w.deadline < at {
			st.remove(w)
			w.fate, w.wait = limitLate, at-now
			close(w.ready)
		}
		w = next
	}
}

func (st *limitState) arm(now, at time.Duration) {
	if st.armed == at {
		return
	}
	st.armed = at
	if st.timer == nil {
		st.timer = time.AfterFunc(at-now, st.fire)
		return
	}
	st.timer.Reset(at - now)
}

// fire is called by the timer. It may be called late, or once more after the timer
// was set again.
func (st *limitState) fire() {
	st.shard.mu.Lock()
	defer st.shard.mu.Unlock()
	st.armed = 0
	st.dispatch(st.limiter.now())
}

func (st *limitState) push(w *limitWaiter) {
	if st.last == nil {
		st.first, st.last = w, w
		return
	}
	st.last.next, w.prev = w, st.last
	st.last = w
}

func (st *limitState) remove(w *limitWaiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		st.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		st.last = w.prev
	}
	w.prev, w.next = nil, nil
}

// idle reports whether a new state would behave no differently.
func (st *limitState) idle(now, window time.Duration) bool {
	return st.pending == 0 && st.first == nil && st.penalty <= now &&
		(st.log.n == 0 || limitAdd(st.log.newest(1), window) <= now)
}

type limitFate uint8

const (
	limitQueued limitFate = iota
	limitGranted
	limitLate
)

// limitWaiter is one queued call. Its fate is settled under the lock before
// ready is closed.
type limitWaiter struct {
	prev, next *limitWaiter
	ready      chan struct{}
	deadline   time.Duration // limitNever if there is none
	fate       limitFate
	wait       time.Duration // for limitLate: how long it would have been
}

// limitPermit is one call that is being sent.
type limitPermit struct {
	state *limitState
	done  bool
}

func (p *limitPermit) sent() {
	st := p.state
	st.shard.mu.Lock()
	defer st.shard.mu.Unlock()
	if p.done {
		return
	}
	p.done = true
	now := st.limiter.now()
	st.pending--
	st.log.add(now, now-st.limiter.long, st.limiter.most)
	st.dispatch(now)
}

// limitLog is a ring of the times of the newest calls, in ascending order.
type limitLog struct {
	ring  []time.Duration
	start int // index of the oldest
	n     int
}

// newest returns the k-th newest time, 1 <= k <= n.
func (g *limitLog) newest(k int) time.Duration {
	i := g.start + g.n - k
	if i >= len(g.ring) {
		i -= len(g.ring)
	}
	return g.ring[i]
}

// add appends t and drops up to two entries that are not after expired, which bounds
// the work and still keeps up. It holds at most most entries.
func (g *limitLog) add(t, expired time.Duration, most int) {
	for range 2 {
		if g.n > 0 && g.ring[g.start] <= expired {
			g.drop()
		}
	}
	if g.n == len(g.ring) {
		if g.n >= most {
			g.drop()
		} else {
			g.grow(min(max(4, 2*g.n), most))
		}
	}
	i := g.start + g.n
	if i >= len(g.ring) {
		i -= len(g.ring)
	}
	g.ring[i] = t
	g.n++
}

func (g *limitLog) drop() {
	g.start++
	if g.start == len(g.ring) {
		g.start = 0
	}
	g.n--
}

func (g *limitLog) grow(size int) {
	ring := make([]time.Duration, size)
	copy(ring[copy(ring, g.ring[g.start:]):], g.ring[:g.start])
	g.ring, g.start = ring, 0
}

// limitAdd is a+b for b >= 0 or a >= 0, bounded by limitNever.
func limitAdd(a, b time.Duration) time.Duration {
	if b > 0 && a > limitNever-b {
		return limitNever
	}
	return a + b
}

func limitWaitError(key LimitKey, err error) error {
	return fmt.Errorf("jushuitan: rate limit 限流: waiting for a permit for %s: %w", key.Path, err)
}

func limitLateError(key LimitKey, wait time.Duration) error {
	if wait > time.Millisecond {
		wait = wait.Round(time.Millisecond)
	}
	return fmt.Errorf("jushuitan: rate limit 限流: a permit for %s would take at least %v, longer than the context allows: %w",
		key.Path, wait, context.DeadlineExceeded)
}
