package redisstate_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

func limiter(t testing.TB, s *redisstate.State, cfg redisstate.LimiterConfig) *redisstate.Limiter {
	t.Helper()
	l, err := s.Limiter(cfg)
	require.NoError(t, err)
	return l
}

func testLimiter(t *testing.T, rdb redis.UniversalClient) {
	s := stateOn(t, rdb, redisstate.Config{})
	jushuitantest.TestLimiter(t, func(quotas ...jushuitan.Quota) jushuitan.Limiter {
		return limiter(t, s, redisstate.LimiterConfig{Quotas: quotas, Slack: time.Millisecond})
	})
}

// A penalty that one process was told of holds the others up as well.
func testPenaltyIsShared(t *testing.T, rdb redis.UniversalClient) {
	s := stateOn(t, rdb, redisstate.Config{})
	one, other := limiter(t, s, redisstate.LimiterConfig{}), limiter(t, s, redisstate.LimiterConfig{})
	key := jushuitan.LimitKey{AppKey: "app", Merchant: "1", Path: "/p"}
	begin := time.Now()
	require.NoError(t, one.Penalize(t.Context(), key, 300*time.Millisecond))
	sent, err := other.Wait(t.Context(), key)
	require.NoError(t, err)
	sent()
	assert.GreaterOrEqual(t, time.Since(begin), 290*time.Millisecond)
}

// loadArgs is what a process needs that calls as often as it may.
type loadArgs struct {
	Redis, URL, Prefix string
	Token              string
	Quotas             []jushuitan.Quota
	Slack, For         time.Duration
	Workers            int
}

// loadChild calls the fake with all its workers until its time is over, and says how
// many calls there were and how many the busiest and the idlest worker had.
func loadChild(ctx context.Context, text []byte) error {
	var args loadArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	s, err := redisstate.New(dial(args.Redis), redisstate.Config{Prefix: args.Prefix})
	if err != nil {
		return err
	}
	l, err := s.Limiter(redisstate.LimiterConfig{Quotas: args.Quotas, Slack: args.Slack})
	if err != nil {
		return err
	}
	c, err := jushuitan.New(testApp(), jushuitan.WithBaseURL(args.URL), jushuitan.WithLimiter(l), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		return err
	}
	c = c.WithToken(args.Token)
	if _, err := fmt.Println("ready"); err != nil {
		return err
	}
	var line string
	if _, err := fmt.Scanln(&line); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, args.For)
	defer cancel()
	counts, errs := make([]int, args.Workers), make([]error, args.Workers)
	var wg sync.WaitGroup
	for i := range args.Workers {
		wg.Go(func() {
			for {
				if _, err := c.Shops.Query(ctx, &jushuitan.ShopQuery{}); err != nil {
					if ctx.Err() == nil && !errors.Is(err, jushuitan.ErrRateLimited) {
						errs[i] = err
					}
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	fmt.Println("calls", total, slices.Min(counts), slices.Max(counts))
	return nil
}

// Four processes with eight workers each call as often as they may: the server
// refuses none of the calls, and allows nearly all that the quota allows.
func TestProcessesShareTheQuota(t *testing.T) {
	quotas, windows, tries := []jushuitan.Quota{{Limit: 30, Per: time.Second}, {Limit: 60, Per: 4 * time.Second}}, 2, 3
	if *long {
		quotas, windows, tries = []jushuitan.Quota{{Limit: 5, Per: time.Second}, {Limit: 100, Per: time.Minute}}, 3, 1
	}
	// A busy machine may hold a call up on its way to the server, which then finds it
	// too close to the next.
	for try := 1; ; try++ {
		got := shareQuota(t, quotas, windows, os.Args[0])
		t.Log(got)
		if try < tries && !got.good() {
			continue
		}
		assert.Zero(t, got.refused)
		assert.GreaterOrEqual(t, got.served*100, got.allowed*97)
		assert.LessOrEqual(t, slices.Max(got.calls), 2*slices.Min(got.calls), "unfair")
		return
	}
}

// sharedQuota is what became of a quota.
type sharedQuota struct {
	served, allowed, refused int
	calls                    []int // by process
	windows                  int
	per                      time.Duration
}

func (q sharedQuota) good() bool {
	return q.refused == 0 && q.served*100 >= q.allowed*97 && slices.Max(q.calls) <= 2*slices.Min(q.calls)
}

func (q sharedQuota) String() string {
	return fmt.Sprintf("%d calls in %d windows of %v, maximum %d; by process %v; %d were refused", q.served, q.windows, q.per, q.allowed, q.calls, q.refused)
}

// shareQuota has four processes, of these programs in turn, call for some windows.
func shareQuota(t *testing.T, quotas []jushuitan.Quota, windows int, programs ...string) sharedQuota {
	t.Helper()
	const processes, workers = 4, 8
	counted := quotas[1]
	// Calls arrive bunched where the machine is busy.
	const bunched = 40 * time.Millisecond
	fake := jushuitantest.NewServer(jushuitantest.WithApp(testApp()), jushuitantest.WithQuota(quotas...))
	defer fake.Close()
	client(t)
	args := loadArgs{
		Redis: shared.addr, URL: fake.URL, Prefix: "test-" + rand.Text(), Token: fake.AccessToken(""),
		Quotas: quotas, Slack: bunched, For: time.Duration(windows)*counted.Per + 500*time.Millisecond, Workers: workers,
	}
	var all []*process
	for n := range processes {
		p := spawnProgram(t, programs[n%len(programs)], "load", args)
		require.Equal(t, "ready", p.next(t))
		all = append(all, p)
	}
	for _, p := range all {
		p.tell(t, "go")
	}
	got := sharedQuota{windows: windows, per: counted.Per, allowed: windows * counted.Limit}
	for _, p := range all {
		var n, least, most int
		_, err := fmt.Sscanf(p.next(t), "calls %d %d %d", &n, &least, &most)
		require.NoError(t, err)
		got.calls = append(got.calls, n)
	}
	records := fake.Requests()
	require.NotEmpty(t, records)
	for _, r := range records {
		if r.Code == 0 && r.Time.Sub(records[0].Time) < time.Duration(windows)*counted.Per {
			got.served++
		}
	}
	got.refused = fake.Stats().Throttled
	return got
}

// asks counts the calls to Redis that ask for a permit; those that only tell that one
// was used do not hold anybody up.
type asks struct{ n atomic.Int64 }

func (a *asks) DialHook(next redis.DialHook) redis.DialHook { return next }
func (a *asks) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (a *asks) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		// evalsha, script, number of keys, three keys, process, wish
		if args := cmd.Args(); cmd.Name() == "evalsha" && len(args) > 7 {
			if want, ok := args[7].(int); ok && want > 0 {
				a.n.Add(1)
			}
		}
		return next(ctx, cmd)
	}
}

// A permit takes one round trip, and many that are wanted at once take few.
func TestLimiterRoundTrips(t *testing.T) {
	const permits = 40
	rdb := client(t)
	var counted asks
	rdb.AddHook(&counted)
	l := limiter(t, stateOn(t, rdb, redisstate.Config{}), redisstate.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 3 * permits, Per: time.Minute}}})
	key := jushuitan.LimitKey{AppKey: "app", Merchant: "1", Path: "/p"}
	take := func() {
		sent, err := l.Wait(t.Context(), key)
		assert.NoError(t, err)
		if err == nil {
			sent()
		}
	}
	take() // the script is known from here on
	counted.n.Store(0)
	for range permits {
		take()
	}
	assert.EqualValues(t, permits, counted.n.Swap(0), "one after the other")
	all, err := l.WaitUpTo(t.Context(), key, permits)
	require.NoError(t, err)
	assert.Len(t, all, permits)
	assert.EqualValues(t, 1, counted.n.Swap(0), "in a batch")
	for _, sent := range all[:permits/2] {
		sent()
	}
	var wg sync.WaitGroup
	for range permits - 1 {
		wg.Go(take)
	}
	wg.Wait()
	assert.Less(t, counted.n.Load(), int64(permits/2), "at once")
}

// Many permits take one round trip, and those that are not there are not waited for.
func TestLimiterBatches(t *testing.T) {
	l := limiter(t, state(t, redisstate.Config{}), redisstate.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 5, Per: 300 * time.Millisecond}}})
	key := jushuitan.LimitKey{AppKey: "app", Merchant: "1", Path: "/p"}
	first, err := l.WaitUpTo(t.Context(), key, 3)
	require.NoError(t, err)
	require.Len(t, first, 3)
	rest, err := l.WaitUpTo(t.Context(), key, 10)
	require.NoError(t, err)
	require.Len(t, rest, 2)
	for _, sent := range append(first, rest...) {
		sent()
	}
	begin := time.Now()
	again, err := l.WaitUpTo(t.Context(), key, 1)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(begin), 280*time.Millisecond)
	again[0]()
}

// A process that dies with a permit holds its place up for PermitTTL and one window.
func TestLimiterPermitEnds(t *testing.T) {
	l := limiter(t, state(t, redisstate.Config{}), redisstate.LimiterConfig{
		Quotas: []jushuitan.Quota{{Limit: 1, Per: 200 * time.Millisecond}}, PermitTTL: 300 * time.Millisecond,
	})
	key := jushuitan.LimitKey{AppKey: "app", Merchant: "1", Path: "/p"}
	begin := time.Now()
	_, err := l.Wait(t.Context(), key) // and nothing more is heard of it
	require.NoError(t, err)
	sent, err := l.Wait(t.Context(), key)
	require.NoError(t, err)
	sent()
	took := time.Since(begin)
	assert.GreaterOrEqual(t, took, 490*time.Millisecond)
	assert.Less(t, took, 5*time.Second)
}

// Nothing of this package prints keys, tokens or clients.
func TestPrintsNothing(t *testing.T) {
	s := state(t, redisstate.Config{Prefix: "p", Keyring: newKeyring(t, "k1")})
	for _, v := range []any{s, newKeyring(t, "k1"), tokenStore(t, s, redisstate.TokenStoreConfig{}), limiter(t, s, redisstate.LimiterConfig{}), s.Deduper(), s.Checkpoints(0), inbox(t, s, redisstate.InboxConfig{})} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			assert.Less(t, len(fmt.Sprintf(verb, v)), 80)
		}
	}
}
