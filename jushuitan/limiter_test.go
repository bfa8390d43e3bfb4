package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In these tests time is virtual (testing/synctest), unless said otherwise: it
// passes only when every goroutine waits, and durations are exact.

var limitTestKey = LimitKey{AppKey: "app-canary", Merchant: "10010", Path: "/open/orders/single/query"}

// limitTick is a slack too small to matter.
const limitTick = time.Nanosecond

func newTestLimiter(t *testing.T, slack time.Duration, quotas ...Quota) *MemoryLimiter {
	t.Helper()
	l, err := NewLimiter(LimiterConfig{Quotas: quotas, Slack: slack})
	require.NoError(t, err)
	return l
}

// limitPass takes n permits, one after the other, and sends them at once.
func limitPass(t *testing.T, l Limiter, key LimitKey, n int) {
	t.Helper()
	for range n {
		sent, err := l.Wait(t.Context(), key)
		require.NoError(t, err)
		require.NotNil(t, sent)
		sent()
	}
}

// limitResult is what became of one call in its own goroutine.
type limitResult struct {
	sent func()
	err  error
	took time.Duration
}

func limitGo(ctx context.Context, l Limiter, key LimitKey) <-chan limitResult {
	c := make(chan limitResult, 1)
	go func() {
		start := time.Now()
		sent, err := l.Wait(ctx, key)
		c <- limitResult{sent, err, time.Since(start)}
	}()
	return c
}

// limitViolation looks for a window of a quota with too many calls. It knows
// nothing of the limiter but when its calls were sent.
func limitViolation(times []time.Duration, quotas []Quota) error {
	for _, q := range quotas {
		for _, from := range times { // a fullest window begins with a call
			n := 0
			for _, at := range times {
				if at >= from && at < from+q.Per {
					n++
				}
			}
			if n > q.Limit {
				return fmt.Errorf("%d calls in the %v from %v, maximum %d", n, q.Per, from, q.Limit)
			}
		}
	}
	return nil
}

func TestLimitViolation(t *testing.T) {
	t.Parallel()
	quotas := []Quota{{2, 10}, {3, 100}}
	require.NoError(t, limitViolation(nil, quotas))
	require.NoError(t, limitViolation([]time.Duration{0, 1, 10}, quotas))
	require.NoError(t, limitViolation([]time.Duration{0, 50, 60, 100}, quotas))
	require.Error(t, limitViolation([]time.Duration{0, 9, 5}, quotas))
	require.Error(t, limitViolation([]time.Duration{0, 50, 60, 99}, quotas))
}

func TestNewLimiterConfig(t *testing.T) {
	t.Parallel()
	second := Quota{Limit: 5, Per: time.Second}
	tests := []struct {
		name string
		cfg  LimiterConfig
		want []limitWindow
		err  string
	}{
		{"zero", LimiterConfig{}, []limitWindow{{5, 1010 * time.Millisecond}, {100, 60010 * time.Millisecond}}, ""},
		{"own quota", LimiterConfig{Quotas: []Quota{{7, time.Minute}}}, []limitWindow{{7, 60010 * time.Millisecond}}, ""},
		{"own slack", LimiterConfig{Quotas: []Quota{second}, Slack: time.Second}, []limitWindow{{5, 2 * time.Second}}, ""},
		{"endless window", LimiterConfig{Quotas: []Quota{{1, math.MaxInt64}}}, []limitWindow{{1, math.MaxInt64}}, ""},
		{"limit zero", LimiterConfig{Quotas: []Quota{second, {0, time.Second}}}, nil, "Quotas[1].Limit is 0"},
		{"limit negative", LimiterConfig{Quotas: []Quota{{-1, time.Second}}}, nil, "Quotas[0].Limit is -1"},
		{"per zero", LimiterConfig{Quotas: []Quota{{1, 0}}}, nil, "Quotas[0].Per is 0s"},
		{"per negative", LimiterConfig{Quotas: []Quota{{1, -time.Second}}}, nil, "Quotas[0].Per is -1s"},
		{"slack negative", LimiterConfig{Slack: -1}, nil, "Slack is -1ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := NewLimiter(tt.cfg)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				assert.Nil(t, l)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, l.windows)
		})
	}
}

func TestLimiterWindows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { limitTestWindows(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// limitTestWindows sends bursts with random delays between permit and sent.
// Some callers give up, some keys are penalised.
func limitTestWindows(t *testing.T, rnd *rand.Rand) {
	var quotas []Quota
	limit, per := 0, time.Duration(0)
	for range 1 + rnd.IntN(3) {
		limit += 1 + rnd.IntN(6)
		per += time.Duration(1+rnd.IntN(1500)) * time.Millisecond
		quotas = append(quotas, Quota{limit, per})
	}
	rnd.Shuffle(len(quotas), func(i, j int) { quotas[i], quotas[j] = quotas[j], quotas[i] })
	l := newTestLimiter(t, time.Duration(1+rnd.IntN(50))*time.Millisecond, quotas...)

	keys := []LimitKey{limitTestKey, {Path: "/a"}, {Path: "/b"}}
	start := time.Now()
	var mu sync.Mutex
	times := make(map[LimitKey][]time.Duration)
	gaveUp := 0
	var wg sync.WaitGroup
	for range 12 { // bursts
		for range 1 + rnd.IntN(25) {
			key := keys[rnd.IntN(len(keys))]
			delay := time.Duration(rnd.IntN(3)) * time.Duration(rnd.IntN(400)) * time.Millisecond
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if rnd.IntN(4) == 0 {
				ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Millisecond)
			}
			wg.Go(func() {
				defer cancel()
				sent, err := l.Wait(ctx, key)
				if err != nil {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					mu.Lock()
					defer mu.Unlock()
					gaveUp++
					return
				}
				time.Sleep(delay)
				mu.Lock()
				times[key] = append(times[key], time.Since(start))
				mu.Unlock()
				sent()
				sent()
			})
		}
		if rnd.IntN(4) == 0 {
			require.NoError(t, l.Penalize(t.Context(), keys[0], time.Duration(rnd.IntN(1000))*time.Millisecond))
		}
		time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
	}
	wg.Wait() // everyone is served or gives up
	for _, at := range times {
		require.NoError(t, limitViolation(at, quotas), "quotas %v", quotas)
	}
}

func TestLimiterThroughput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		quotas []Quota
		during time.Duration
		ideal  int
	}{
		{"per second", []Quota{{5, time.Second}}, 100 * time.Second, 500},
		{"per minute", []Quota{{100, time.Minute}}, 20 * time.Minute, 2000},
		{"default", nil, 20 * time.Minute, 2000},
	}
	for _, tt := range tests {
		for _, callers := range []int{1, 20} {
			t.Run(fmt.Sprintf("%s, %d callers", tt.name, callers), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l := newTestLimiter(t, 0, tt.quotas...)
					start := time.Now()
					var mu sync.Mutex
					var times []time.Duration
					var wg sync.WaitGroup
					for range callers {
						wg.Go(func() {
							for {
								sent, err := l.Wait(t.Context(), limitTestKey)
								if !assert.NoError(t, err) {
									return
								}
								sent()
								if time.Since(start) >= tt.during {
									return
								}
								mu.Lock()
								times = append(times, time.Since(start))
								mu.Unlock()
							}
						})
					}
					wg.Wait()
					quotas := tt.quotas
					if quotas == nil {
						quotas = []Quota{{5, time.Second}, {100, time.Minute}}
					}
					require.NoError(t, limitViolation(times, quotas))
					assert.GreaterOrEqual(t, len(times), tt.ideal*97/100)
				})
			})
		}
	}
}

// TestLimiterSlowSend is the case of a slow handshake: calls that were permitted
// long ago are written at the same moment as new ones would be.
func TestLimiterSlowSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{2, time.Second})
		var open []func()
		for range 2 {
			sent, err := l.Wait(t.Context(), limitTestKey)
			require.NoError(t, err)
			open = append(open, sent)
		}
		third := limitGo(t.Context(), l, limitTestKey)
		synctest.Wait()
		fourth := limitGo(t.Context(), l, limitTestKey)
		time.Sleep(10 * time.Second)
		open[1]()
		time.Sleep(400 * time.Millisecond)
		open[0]()
		open[0]()
		open[1]()
		r := <-third
		require.NoError(t, r.err)
		assert.Equal(t, 11*time.Second+limitTick, r.took, "a window after the first sent")
		r.sent()
		s := <-fourth
		require.NoError(t, s.err)
		assert.Equal(t, 11400*time.Millisecond+limitTick, s.took, "a window after the second sent")
		s.sent()
	})
}

func TestLimiterNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second}, Quota{100, time.Minute})
		stuck, err := l.Wait(t.Context(), limitTestKey)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		limitPass(t, l, LimitKey{Path: "/other"}, 1) // and the stuck key is not dropped meanwhile

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := <-limitGo(ctx, l, limitTestKey)
		require.ErrorIs(t, r.err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, r.took)

		ctx, cancel = context.WithCancel(t.Context())
		waiting := limitGo(ctx, l, limitTestKey)
		time.Sleep(time.Hour)
		cancel()
		r = <-waiting
		require.ErrorIs(t, r.err, context.Canceled)
		assert.Equal(t, time.Hour, r.took)

		// Even if it were sent now, the window would last longer than this.
		ctx, cancel = context.WithTimeout(t.Context(), 999*time.Millisecond)
		defer cancel()
		r = <-limitGo(ctx, l, limitTestKey)
		require.ErrorIs(t, r.err, context.DeadlineExceeded)
		assert.Zero(t, r.took)

		stuck()
		limitPass(t, l, limitTestKey, 1)
	})
}

func TestLimiterDoneContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	tests := []struct {
		name string
		ctx  func(ctx context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(cause)
			return ctx, func() {}
		}, context.Canceled},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Now().Add(-time.Second))
		}, context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newTestLimiter(t, 0)
			ctx, cancel := tt.ctx(t.Context())
			defer cancel()
			sent, err := l.Wait(ctx, limitTestKey)
			require.ErrorIs(t, err, tt.want)
			assert.Nil(t, sent)
			assert.ErrorContains(t, err, limitTestKey.Path)
			assert.NotContains(t, err.Error(), limitTestKey.AppKey)
			assert.Zero(t, l.keys(), "nothing is remembered of it")
		})
	}
}

func TestLimiterCancel(t *testing.T) {
	t.Parallel()
	const waiters = 5
	for cancelled := range waiters {
		t.Run("position "+strconv.Itoa(cancelled), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newTestLimiter(t, limitTick, Quota{1, time.Second})
				limitPass(t, l, limitTestKey, 1)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var results []<-chan limitResult
				for i := range waiters {
					c := t.Context()
					if i == cancelled {
						c = ctx
					}
					results = append(results, limitGo(c, l, limitTestKey))
					synctest.Wait()
				}
				time.Sleep(500 * time.Millisecond)
				cancel()
				r := <-results[cancelled]
				require.ErrorIs(t, r.err, context.Canceled)
				assert.Nil(t, r.sent)
				assert.Equal(t, 500*time.Millisecond, r.took)
				assert.ErrorContains(t, r.err, limitTestKey.Path)
				assert.NotContains(t, r.err.Error(), limitTestKey.AppKey)
				want := time.Duration(0)
				for _, c := range slices.Delete(results, cancelled, cancelled+1) {
					want += time.Second + limitTick
					r := <-c
					require.NoError(t, r.err)
					assert.Equal(t, want, r.took)
					r.sent()
				}
			})
		})
	}
}

func TestLimiterCancelAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		limitPass(t, l, limitTestKey, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var results []<-chan limitResult
		for range 100 {
			results = append(results, limitGo(ctx, l, limitTestKey))
		}
		synctest.Wait()
		cancel()
		for _, c := range results {
			r := <-c
			require.ErrorIs(t, r.err, context.Canceled)
			assert.Zero(t, r.took)
		}
		r := <-limitGo(t.Context(), l, limitTestKey)
		require.NoError(t, r.err)
		assert.Equal(t, time.Second+limitTick, r.took, "none of them has used up the permit")
		r.sent()
	})
}

// TestLimiterCancelAtGrant ends the context at the moment at which the permit is
// due. Whichever is first, the permit is not lost.
func TestLimiterCancelAtGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const window = time.Second + limitTick
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		for i := range 500 {
			limitPass(t, l, limitTestKey, 1)
			ctx, cancel := context.WithCancel(t.Context())
			waiting := limitGo(ctx, l, limitTestKey)
			synctest.Wait()
			behind := limitGo(t.Context(), l, limitTestKey)
			synctest.Wait()
			time.AfterFunc(window, cancel)
			r, want := <-waiting, window
			assert.Equal(t, window, r.took)
			if r.err == nil {
				r.sent()
				want += window
			} else {
				require.ErrorIs(t, r.err, context.Canceled)
			}
			r = <-behind
			require.NoError(t, r.err, i)
			assert.Equal(t, want, r.took)
			r.sent()
			time.Sleep(window)
		}
	})
}

// TestLimiterReturnsGrantOfDoneContext settles the race of permit and
// cancellation both ways, by holding the lock until both have happened.
func TestLimiterReturnsGrantOfDoneContext(t *testing.T) {
	t.Parallel()
	var granted, gaveUp int
	for i := 0; granted == 0 || gaveUp == 0; i++ { // select chooses at random
		require.Less(t, i, 1000)
		l := newTestLimiter(t, limitTick, Quota{1, time.Hour})
		_, err := l.Wait(t.Context(), limitTestKey)
		require.NoError(t, err)
		ctx := &limitRaceContext{Context: t.Context(), done: make(chan struct{})}
		s := l.shard(limitTestKey)
		ctx.onDone = func() { // Wait is about to select
			s.mu.Lock()
			defer s.mu.Unlock()
			st := s.states[limitTestKey]
			st.pending-- // as if the call that is being sent had not been
			st.dispatch(l.now())
			close(ctx.done)
		}
		next, err := l.Wait(ctx, limitTestKey)
		s.mu.Lock()
		pending := s.states[limitTestKey].pending
		s.mu.Unlock()
		if err == nil {
			granted++
			require.NotNil(t, next)
			assert.Equal(t, 1, pending)
			continue
		}
		gaveUp++
		require.ErrorIs(t, err, context.Canceled)
		assert.Nil(t, next)
		assert.Zero(t, pending, "the permit was given back")
	}
}

// limitRaceContext calls onDone when Done is called.
type limitRaceContext struct {
	context.Context
	done   chan struct{}
	onDone func()
}

func (c *limitRaceContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *limitRaceContext) Done() <-chan struct{} { c.onDone(); return c.done }

func (c *limitRaceContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

func TestLimiterFIFO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second}, Quota{10, time.Minute})
		limitPass(t, l, limitTestKey, 1)
		const waiters = 50
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range waiters {
			wg.Go(func() {
				sent, err := l.Wait(t.Context(), limitTestKey)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				sent()
			})
			synctest.Wait()
			time.Sleep(time.Duration(i) * time.Millisecond) // some arrive when a permit has just become due
		}
		wg.Wait()
		want := make([]int, waiters)
		for i := range want {
			want[i] = i
		}
		assert.Equal(t, want, order)
	})
}

// TestLimiterLateTimer: one who comes when a permit is due, before the timer has
// fired, does not overtake the queue.
func TestLimiterLateTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		limitPass(t, l, limitTestKey, 1)
		first := limitGo(t.Context(), l, limitTestKey)
		synctest.Wait()
		s := l.shard(limitTestKey)
		s.mu.Lock()
		require.True(t, s.states[limitTestKey].timer.Stop())
		s.mu.Unlock()
		time.Sleep(5 * time.Second)
		second := limitGo(t.Context(), l, limitTestKey)
		r := <-first
		require.NoError(t, r.err)
		assert.Equal(t, 5*time.Second, r.took)
		r.sent()
		r = <-second
		require.NoError(t, r.err)
		assert.Equal(t, time.Second+limitTick, r.took)
		r.sent()
	})
}

func TestLimiterDeadline(t *testing.T) {
	t.Parallel()
	const slack = 20 * time.Millisecond
	tests := []struct {
		name     string
		before   int // calls just before
		deadline time.Duration
		took     time.Duration
		err      string
	}{
		{"free", 4, time.Millisecond, 0, ""},
		{"enough for the second", 5, 1020*time.Millisecond + 1, time.Second + slack, ""},
		{"too short for the second", 5, 1020*time.Millisecond - 1, 0, "at least 1.02s"},
		// The tenth call is sent at 1.02 s, and the window of the first ends at 59.02 s.
		{"too short for the long window", 10, 58*time.Second - 1, 0, "at least 58s"},
		{"enough for the long window", 10, 58*time.Second + 1, 58 * time.Second, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newTestLimiter(t, slack, Quota{5, time.Second}, Quota{10, 59 * time.Second})
				limitPass(t, l, limitTestKey, tt.before)
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				r := <-limitGo(ctx, l, limitTestKey)
				assert.Equal(t, tt.took, r.took)
				if tt.err == "" {
					require.NoError(t, r.err)
					r.sent()
					return
				}
				require.ErrorIs(t, r.err, context.DeadlineExceeded)
				require.NoError(t, ctx.Err(), "it fails before the deadline")
				assert.Nil(t, r.sent)
				assert.ErrorContains(t, r.err, tt.err)
				assert.ErrorContains(t, r.err, limitTestKey.Path)
				assert.NotContains(t, r.err.Error(), limitTestKey.AppKey)
				time.Sleep(time.Minute)
				start := time.Now()
				limitPass(t, l, limitTestKey, 5)
				assert.Zero(t, time.Since(start), "no permit was used up")
			})
		})
	}
}

// TestLimiterDeadlineInQueue: the deadline of a call is not certainly too early
// while only others that may give up are before it.
func TestLimiterDeadlineInQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		limitPass(t, l, limitTestKey, 1)
		ctx, cancel := context.WithCancel(t.Context())
		before := limitGo(ctx, l, limitTestKey)
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer stop()
		lucky := limitGo(short, l, limitTestKey)
		synctest.Wait()
		unlucky := limitGo(short, l, limitTestKey)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, (<-before).err, context.Canceled)
		r := <-lucky
		require.NoError(t, r.err)
		assert.Equal(t, time.Second+limitTick, r.took)
		r.sent()
		r = <-unlucky
		require.ErrorIs(t, r.err, context.DeadlineExceeded)
		assert.Equal(t, 1500*time.Millisecond, r.took)
	})
}

// TestLimiterLongWindowFailsQueue: when the minute is used up, calls in the
// queue whose deadline has become hopeless do not wait for it.
func TestLimiterLongWindowFailsQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second}, Quota{3, time.Minute})
		limitPass(t, l, limitTestKey, 1)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var served, late []time.Duration
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				sent, err := l.Wait(ctx, limitTestKey)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					served = append(served, time.Since(start))
					sent()
					return
				}
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorContains(t, err, "at least 58s")
				late = append(late, time.Since(start))
			})
		}
		synctest.Wait()
		patient := limitGo(t.Context(), l, limitTestKey) // the last in the queue
		wg.Wait()
		r := <-patient
		require.NoError(t, r.err)
		r.sent()
		assert.Equal(t, time.Minute+limitTick, time.Since(start))
		assert.Len(t, served, 2)
		assert.Len(t, late, 4)
		for _, at := range late {
			assert.Equal(t, 2*(time.Second+limitTick), at, "when the third call was sent")
		}
	})
}

func TestLimiterKeysAreIndependent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, 0)
		start := time.Now()
		keys := []LimitKey{
			limitTestKey,
			{"other", limitTestKey.Merchant, limitTestKey.Path},
			{limitTestKey.AppKey, "other", limitTestKey.Path},
			{limitTestKey.AppKey, limitTestKey.Merchant, "other"},
			{},
		}
		for _, key := range keys {
			limitPass(t, l, key, 5)
			require.NoError(t, l.Penalize(t.Context(), key, time.Hour))
		}
		assert.Zero(t, time.Since(start))
		assert.Equal(t, len(keys), l.keys())
	})
}

func TestLimiterPenalty(t *testing.T) {
	t.Parallel()
	type penalty struct{ at, d time.Duration }
	tests := []struct {
		name      string
		penalties []penalty
		want      time.Duration // of a call that waits from 0 s; the quota alone makes it 1 s
	}{
		{"none", nil, time.Second},
		{"within the window", []penalty{{0, 900 * time.Millisecond}}, time.Second},
		{"longer than the window", []penalty{{0, 5 * time.Second}}, 5 * time.Second},
		{"postpones the waiting", []penalty{{500 * time.Millisecond, 5 * time.Second}}, 5500 * time.Millisecond},
		{"a shorter one does not shorten", []penalty{{0, 5 * time.Second}, {0, time.Second}, {time.Second, time.Second}}, 5 * time.Second},
		{"a longer one lengthens", []penalty{{0, 2 * time.Second}, {time.Second, 5 * time.Second}}, 6 * time.Second},
		{"zero and negative", []penalty{{0, 0}, {0, -time.Hour}}, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newTestLimiter(t, limitTick, Quota{1, time.Second - limitTick})
				done, cancel := context.WithCancel(t.Context())
				cancel()
				limitPass(t, l, limitTestKey, 1)
				waiting := limitGo(t.Context(), l, limitTestKey)
				synctest.Wait()
				start := time.Now()
				for _, p := range tt.penalties {
					time.Sleep(p.at - time.Since(start))
					require.NoError(t, l.Penalize(done, limitTestKey, p.d))
				}
				r := <-waiting
				require.NoError(t, r.err)
				assert.Equal(t, tt.want, r.took)
				r.sent()
			})
		})
	}
}

func TestLimiterPenaltyFailsLateWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		sent, err := l.Wait(t.Context(), limitTestKey) // being sent: the queue waits for it
		require.NoError(t, err)
		short, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		long, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		var late, patient []<-chan limitResult
		for range 3 {
			late = append(late, limitGo(short, l, limitTestKey))
			synctest.Wait()
			patient = append(patient, limitGo(long, l, limitTestKey))
			synctest.Wait()
		}
		require.NoError(t, l.Penalize(t.Context(), limitTestKey, time.Minute))
		for _, c := range late {
			r := <-c
			require.ErrorIs(t, r.err, context.DeadlineExceeded)
			assert.ErrorContains(t, r.err, "at least 1m0s")
			assert.Zero(t, r.took)
		}
		sent()
		for i, c := range patient {
			r := <-c
			require.NoError(t, r.err)
			assert.Equal(t, time.Minute+time.Duration(i)*(time.Second+limitTick), r.took)
			r.sent()
		}

		require.NoError(t, l.Penalize(t.Context(), limitTestKey, math.MaxInt64))
		r := <-limitGo(long, l, limitTestKey)
		require.ErrorIs(t, r.err, context.DeadlineExceeded)
		assert.Zero(t, r.took)
	})
}

func TestLimiterDropsIdleKeys(t *testing.T) {
	// Not parallel: it measures the heap.
	synctest.Test(t, func(t *testing.T) {
		const merchants = 100_000
		l := newTestLimiter(t, 0)
		one := LimitKey{Path: "/one"}
		limitPass(t, l, one, 1)
		before := limitTestHeap()
		for i := range merchants {
			limitPass(t, l, LimitKey{limitTestKey.AppKey, strconv.Itoa(i), limitTestKey.Path}, 1)
		}
		penalised, waited, stuck := LimitKey{Path: "/penalised"}, LimitKey{Path: "/waited"}, LimitKey{Path: "/stuck"}
		require.NoError(t, l.Penalize(t.Context(), penalised, time.Hour))
		require.NoError(t, l.Penalize(t.Context(), waited, time.Hour))
		waiting := limitGo(t.Context(), l, waited)
		sent, err := l.Wait(t.Context(), stuck)
		require.NoError(t, err)
		full := limitTestHeap()
		require.Equal(t, merchants+4, l.keys())
		require.Greater(t, full, before+merchants*100, "the measurement sees the keys")

		// Still within the longest window: nothing may be forgotten.
		for range limitShards + 1 {
			time.Sleep(59 * time.Second / (limitShards + 1))
			limitPass(t, l, one, 1)
		}
		assert.Equal(t, merchants+4, l.keys())

		// Ordinary calls for one key are enough to drop the idle ones.
		for range 2 * limitShards {
			time.Sleep(2 * time.Second)
			limitPass(t, l, one, 1)
		}
		assert.Equal(t, 4, l.keys(), "in use, penalised, waited for, being sent")
		after := limitTestHeap()
		assert.Less(t, after, before+(full-before)/20)

		// One call after a long silence does it all.
		time.Sleep(2 * time.Hour)
		sent()
		require.NoError(t, (<-waiting).err) // never sent: stays
		time.Sleep(2 * time.Hour)
		limitPass(t, l, one, 1)
		assert.Equal(t, 2, l.keys())
		runtime.KeepAlive(l)
	})
}

func limitTestHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLimiterDroppedKeyStartsAnew holds on to what belonged to a dropped key.
func TestLimiterDroppedKeyStartsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, limitTick, Quota{1, time.Second})
		old, err := l.Wait(t.Context(), limitTestKey)
		require.NoError(t, err)
		old()
		time.Sleep(time.Minute)
		limitPass(t, l, LimitKey{Path: "/other"}, 1)
		require.Equal(t, 1, l.keys())
		sent, err := l.Wait(t.Context(), limitTestKey)
		require.NoError(t, err)
		old()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, (<-limitGo(ctx, l, limitTestKey)).err, context.DeadlineExceeded)
		sent()
	})
}

func TestLimiterMemoryPerKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(t, 0)
		ring := func() int {
			s := l.shard(limitTestKey)
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.states[limitTestKey].log.ring)
		}
		limitPass(t, l, limitTestKey, 3)
		assert.Equal(t, 4, ring(), "a key that is seldom used is small")
		limitPass(t, l, limitTestKey, 500)
		assert.Equal(t, 100, ring(), "never more than the largest limit")

		// A limit that is never reached does not cost its size.
		l = newTestLimiter(t, 0, Quota{math.MaxInt32, time.Second})
		for range 1000 {
			limitPass(t, l, limitTestKey, 1)
			time.Sleep(100 * time.Millisecond)
		}
		assert.LessOrEqual(t, ring(), 16)
	})
}

func TestLimitLog(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		most, window := 1+rnd.IntN(40), time.Duration(1+rnd.IntN(200))
		var g limitLog
		var all []time.Duration
		now := time.Duration(0)
		for range 300 {
			now += time.Duration(rnd.IntN(20)) * time.Duration(rnd.IntN(2))
			g.add(now, now-window, most)
			all = append(all, now)
			require.LessOrEqual(t, len(g.ring), most)
			kept := make([]time.Duration, g.n)
			for i := range kept {
				kept[i] = g.newest(g.n - i)
			}
			require.Equal(t, all[len(all)-g.n:], kept)
			if g.n < most && g.n < len(all) {
				require.LessOrEqual(t, all[len(all)-g.n-1], now-window, "only what has expired is forgotten")
			}
		}
	}
}

func TestLimitAdd(t *testing.T) {
	t.Parallel()
	tests := []struct{ a, b, want time.Duration }{
		{1, 2, 3},
		{1, -2, -1},
		{0, math.MaxInt64, math.MaxInt64},
		{1, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64 - 1, 1, math.MaxInt64},
		{math.MaxInt64, -1, math.MaxInt64 - 1},
		{1, math.MinInt64, math.MinInt64 + 1},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, limitAdd(tt.a, tt.b), "%d + %d", tt.a, tt.b)
	}
}

// TestLimiterHammer runs in real time, for the race detector.
func TestLimiterHammer(t *testing.T) {
	t.Parallel()
	quotas := []Quota{{20, 5 * time.Millisecond}, {60, 20 * time.Millisecond}}
	l := newTestLimiter(t, time.Millisecond, quotas...)
	keys := []LimitKey{{Path: "/a"}, {Path: "/b"}, {Path: "/c"}}
	start := time.Now()
	var mu sync.Mutex
	times := make(map[LimitKey][]time.Duration)
	var wg sync.WaitGroup
	for g := range 24 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 3))
			for range 40 {
				key := keys[rnd.IntN(len(keys))]
				ctx, cancel := context.WithCancel(t.Context())
				switch rnd.IntN(8) {
				case 0:
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Microsecond)
				case 1:
					time.AfterFunc(time.Duration(rnd.IntN(3000))*time.Microsecond, cancel)
				case 2:
					assert.NoError(t, l.Penalize(ctx, key, time.Duration(rnd.IntN(1000))*time.Microsecond))
				case 3:
					l.keys()
				}
				sent, err := l.Wait(ctx, key)
				if err == nil {
					mu.Lock()
					times[key] = append(times[key], time.Since(start))
					mu.Unlock()
					sent()
				} else {
					assert.True(t, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		assert.NotEmpty(t, times[key])
		require.NoError(t, limitViolation(times[key], quotas))
	}
}
