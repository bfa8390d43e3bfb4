package jushuitantest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	limitTolerance = 2 * time.Millisecond // when comparing clocks
	limitPatience  = 5 * time.Second      // much longer than any permit should take
)

// TestLimiter checks that an implementation of [jushuitan.Limiter] keeps its contract
// (限流器一致性测试), and that of [jushuitan.Penalizer] if it has it. mk returns a
// limiter with exactly the given quotas; it is called once per subtest. The limiters
// may share their state, since every subtest uses keys of its own. The windows take
// hundreds of milliseconds of real time, a few seconds in total; a slack of some tens
// of milliseconds is tolerated.
//
// The order in which waiting calls are served is not checked, only that all are served.
func TestLimiter(t *testing.T, mk func(quotas ...jushuitan.Quota) jushuitan.Limiter) {
	t.Helper()
	for _, c := range limiterChecks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.check(t.Context(), mk); err != nil {
				t.Error(err)
			}
		})
	}
}

type limiterCheck struct {
	name  string
	check func(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error
}

var limiterChecks = []limiterCheck{
	{"windows", checkLimiterWindows},
	{"pending", checkLimiterPending},
	{"sent twice", checkLimiterSentTwice},
	{"done context", checkLimiterDoneContext},
	{"cancel", checkLimiterCancel},
	{"deadline", checkLimiterDeadline},
	{"independent keys", checkLimiterKeys},
	{"penalty", checkLimiterPenalty},
}

// limiterKey returns a unique key.
func limiterKey() jushuitan.LimitKey {
	return jushuitan.LimitKey{AppKey: "app-" + rand.Text(), Merchant: "merchant", Path: "/open/test"}
}

// limiterTake waits for a permit, with a generous timeout.
func limiterTake(ctx context.Context, l jushuitan.Limiter, key jushuitan.LimitKey) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, limitPatience)
	defer cancel()
	sent, err := l.Wait(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("no permit within %v: %w", limitPatience, err)
	}
	if sent == nil {
		return nil, errors.New("Wait returned neither sent nor an error")
	}
	return sent, nil
}

// limiterRefuse checks that no permit is granted within d, and that Wait returns then.
func limiterRefuse(ctx context.Context, l jushuitan.Limiter, key jushuitan.LimitKey, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	start := time.Now()
	sent, err := l.Wait(ctx, key)
	took := time.Since(start)
	switch {
	case err == nil:
		sent()
		return fmt.Errorf("a permit was given after %v, too early", took)
	case !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("errors.Is(err, context.DeadlineExceeded) is false for: %w", err)
	case took > d+limitPatience/5:
		return fmt.Errorf("Wait returned %v after its deadline", took-d)
	}
	return nil
}

// limiterPass acquires n permits in a row and marks each as sent.
func limiterPass(ctx context.Context, l jushuitan.Limiter, key jushuitan.LimitKey, n int) error {
	for range n {
		sent, err := limiterTake(ctx, l, key)
		if err != nil {
			return err
		}
		sent()
	}
	return nil
}

// checkLimiterWindows lets many callers compete. The time just before sent is
// what is compared. A correct limiter stamps each call at that time or later,
// and what was not yet stamped when a permit was given was counted as pending.
func checkLimiterWindows(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	quotas := []jushuitan.Quota{{Limit: 5, Per: 200 * time.Millisecond}, {Limit: 12, Per: 700 * time.Millisecond}}
	l, key := mk(quotas...), limiterKey()
	const callers, calls = 8, 4
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		times []time.Time
		errs  []error
	)
	start := time.Now()
	for range callers {
		wg.Go(func() {
			for range calls {
				sent, err := limiterTake(ctx, l, key)
				mu.Lock()
				if err == nil {
					times = append(times, time.Now())
				} else {
					errs = append(errs, err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
				sent()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	took := time.Since(start)
	slices.SortFunc(times, time.Time.Compare)
	for _, q := range quotas {
		for i := q.Limit; i < len(times); i++ {
			if d := times[i].Sub(times[i-q.Limit]); d < q.Per-limitTolerance {
				return fmt.Errorf("quota of %d per %v: calls %d to %d were within %v", q.Limit, q.Per, i-q.Limit+1, i+1, d)
			}
		}
	}
	// 32 calls need two windows of 700 ms and one of 200 ms: 1.6 s.
	if most := 1600*time.Millisecond + limitPatience/2; took > most {
		return fmt.Errorf("%d calls took %v, more than %v", len(times), took, most)
	}
	return nil
}

func checkLimiterPending(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	const per = 150 * time.Millisecond
	l, key := mk(jushuitan.Quota{Limit: 2, Per: per}), limiterKey()
	var open []func()
	for range 2 {
		sent, err := limiterTake(ctx, l, key)
		if err != nil {
			return err
		}
		open = append(open, sent)
	}
	if err := limiterRefuse(ctx, l, key, 3*per); err != nil {
		return fmt.Errorf("two calls are being sent, which is the limit: %w", err)
	}
	start := time.Now()
	for _, sent := range open {
		sent()
	}
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return fmt.Errorf("after both were sent: %w", err)
	}
	if took := time.Since(start); took < per-limitTolerance {
		return fmt.Errorf("a permit was given %v after two calls were sent, although the window is %v", took, per)
	}
	return nil
}

func checkLimiterSentTwice(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	const per = 150 * time.Millisecond
	l, key := mk(jushuitan.Quota{Limit: 2, Per: per}), limiterKey()
	first, err := limiterTake(ctx, l, key)
	if err != nil {
		return err
	}
	second, err := limiterTake(ctx, l, key)
	if err != nil {
		return err
	}
	first()
	first()
	third, err := limiterTake(ctx, l, key) // when the first has left the window
	if err != nil {
		return err
	}
	first()
	if err := limiterRefuse(ctx, l, key, 3*per); err != nil {
		return fmt.Errorf("two calls are being sent; the first was sent three times: %w", err)
	}
	second()
	third()
	return nil
}

func checkLimiterDoneContext(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	l, key := mk(jushuitan.Quota{Limit: 1, Per: time.Hour}), limiterKey()
	done, cancel := context.WithCancel(ctx)
	cancel()
	for range 3 {
		sent, err := l.Wait(done, key)
		if err == nil {
			sent()
			return errors.New("a permit was granted for a context that is done")
		}
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("errors.Is(err, context.Canceled) is false for: %w", err)
		}
	}
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return fmt.Errorf("a context that was done has used up a permit: %w", err)
	}
	return nil
}

// checkLimiterCancel cancels a waiting call with others behind it.
func checkLimiterCancel(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	const per = 800 * time.Millisecond
	l, key := mk(jushuitan.Quota{Limit: 1, Per: per}), limiterKey()
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		at  time.Time
		err error
	}
	cancelled := make(chan result, 1)
	go func() {
		sent, err := l.Wait(waiting, key)
		if err == nil {
			sent()
		}
		cancelled <- result{time.Now(), err}
	}()
	behind := make(chan result, 2)
	for range 2 {
		go func() {
			err := limiterPass(ctx, l, key, 1)
			behind <- result{time.Now(), err}
		}()
	}
	select {
	case r := <-cancelled:
		return fmt.Errorf("Wait returned before it was cancelled, error: %w", r.err)
	case <-time.After(per / 4):
	}
	at := time.Now()
	cancel()
	var r result
	select {
	case r = <-cancelled:
	case <-time.After(limitPatience):
		return fmt.Errorf("Wait did not return within %v of its cancellation", limitPatience)
	}
	if !errors.Is(r.err, context.Canceled) {
		return fmt.Errorf("errors.Is(err, context.Canceled) is false for: %w", r.err)
	}
	// The next permit is due 600 ms from here.
	if d := r.at.Sub(at); d > per/2 {
		return fmt.Errorf("Wait returned %v after it was cancelled", d)
	}
	for range 2 {
		if r := <-behind; r.err != nil {
			return fmt.Errorf("a call that waited behind a cancelled one: %w", r.err)
		} else if d := r.at.Sub(at); d > 2*per+limitPatience/2 {
			return fmt.Errorf("a call that waited behind a cancelled one took %v", d)
		}
	}
	return nil
}

func checkLimiterDeadline(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	const per = 800 * time.Millisecond
	l, key := mk(jushuitan.Quota{Limit: 1, Per: per}), limiterKey()
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return err
	}
	for range 3 { // together far less than per
		if err := limiterRefuse(ctx, l, key, per/16); err != nil {
			return err
		}
	}
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return fmt.Errorf("after other calls had passed their deadlines: %w", err)
	}
	return nil
}

func checkLimiterKeys(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	l, key := mk(jushuitan.Quota{Limit: 1, Per: time.Hour}), limiterKey()
	app, merchant, path := key, key, key
	app.AppKey += "2"
	merchant.Merchant += "2"
	path.Path += "2"
	// Joined without care, these two would be one.
	left, right := key, key
	left.Merchant, left.Path = "a:/b", "/c"
	right.Merchant, right.Path = "a", "/b:/c"
	for _, k := range []jushuitan.LimitKey{key, app, merchant, path, left, right} {
		if err := limiterPass(ctx, l, k, 1); err != nil {
			return fmt.Errorf("keys that differ in one field are not independent: %w", err)
		}
	}
	return limiterRefuse(ctx, l, key, 50*time.Millisecond)
}

func checkLimiterPenalty(ctx context.Context, mk func(...jushuitan.Quota) jushuitan.Limiter) error {
	const d = 300 * time.Millisecond
	l, key, other := mk(jushuitan.Quota{Limit: 100, Per: 50 * time.Millisecond}), limiterKey(), limiterKey()
	p, ok := l.(jushuitan.Penalizer)
	if !ok {
		return nil
	}
	start := time.Now()
	for _, d := range []time.Duration{d, d / 10, 0, -time.Hour} { // only the first counts
		if err := p.Penalize(ctx, key, d); err != nil {
			return fmt.Errorf("Penalize(%v): %w", d, err)
		}
	}
	if err := limiterPass(ctx, l, other, 1); err != nil {
		return fmt.Errorf("a key without a penalty: %w", err)
	}
	if err := limiterPass(ctx, l, key, 1); err != nil {
		return fmt.Errorf("after the penalty: %w", err)
	}
	if took := time.Since(start); took < d-limitTolerance {
		return fmt.Errorf("a permit was given %v into a penalty of %v", took, d)
	}
	return nil
}
