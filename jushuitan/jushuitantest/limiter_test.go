package jushuitantest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

func newMemoryLimiter(quotas ...jushuitan.Quota) *jushuitan.MemoryLimiter {
	l, err := jushuitan.NewLimiter(jushuitan.LimiterConfig{Quotas: quotas})
	if err != nil {
		panic(err)
	}
	return l
}

func TestMemoryLimiterConforms(t *testing.T) {
	t.Parallel()
	TestLimiter(t, func(quotas ...jushuitan.Quota) jushuitan.Limiter { return newMemoryLimiter(quotas...) })
}

// onlyLimiter hides Penalize.
type onlyLimiter struct{ jushuitan.Limiter }

func TestLimiterWithoutPenalizerConforms(t *testing.T) {
	t.Parallel()
	for _, c := range limiterChecks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, c.check(t.Context(), func(quotas ...jushuitan.Quota) jushuitan.Limiter {
					return onlyLimiter{newMemoryLimiter(quotas...)}
				}))
			})
		})
	}
}

// spoiltLimiter is a limiter with one fault.
type spoiltLimiter struct {
	*jushuitan.MemoryLimiter
	wait     func(ctx context.Context, key jushuitan.LimitKey) (func(), error)
	penalize func(ctx context.Context, key jushuitan.LimitKey, d time.Duration) error
}

func (l *spoiltLimiter) Wait(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
	if l.wait != nil {
		return l.wait(ctx, key)
	}
	return l.MemoryLimiter.Wait(ctx, key)
}

func (l *spoiltLimiter) Penalize(ctx context.Context, key jushuitan.LimitKey, d time.Duration) error {
	if l.penalize != nil {
		return l.penalize(ctx, key, d)
	}
	return l.MemoryLimiter.Penalize(ctx, key, d)
}

// TestLimiterChecksFindFaults holds the checks against limiters that are wrong
// in one way each, in virtual time.
func TestLimiterChecksFindFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault string
		check string
		want  string
		spoil func(l *spoiltLimiter, quotas []jushuitan.Quota)
	}{
		{"no limit at all", "windows", "quota of 5", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(context.Context, jushuitan.LimitKey) (func(), error) { return func() {}, nil }
		}},
		{"only the first quota", "windows", "quota of 12", func(l *spoiltLimiter, q []jushuitan.Quota) {
			l.wait = newMemoryLimiter(q[0]).Wait
		}},
		{"one too many", "windows", "quota of 5", func(l *spoiltLimiter, q []jushuitan.Quota) {
			l.wait = newMemoryLimiter(jushuitan.Quota{Limit: q[0].Limit + 1, Per: q[0].Per}).Wait
		}},
		{"far too slow", "windows", "took", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = newMemoryLimiter(jushuitan.Quota{Limit: 5, Per: 700 * time.Millisecond}).Wait
		}},
		{"stamps at the grant", "pending", "too early", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				sent, err := l.MemoryLimiter.Wait(ctx, key)
				if err == nil {
					sent()
				}
				return sent, err
			}
		}},
		{"frees the place without a stamp", "pending", "although the window is", func(l *spoiltLimiter, q []jushuitan.Quota) {
			places := make(chan struct{}, q[0].Limit)
			l.wait = func(ctx context.Context, _ jushuitan.LimitKey) (func(), error) {
				select {
				case places <- struct{}{}:
					return func() { <-places }, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}},
		{"counts sent twice", "sent twice", "too early", func(l *spoiltLimiter, q []jushuitan.Quota) {
			// Each extra call of sent ends another call that is being sent.
			var mu sync.Mutex
			var open []func()
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				sent, err := l.MemoryLimiter.Wait(ctx, key)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				defer mu.Unlock()
				open = append(open, sent)
				return func() {
					mu.Lock()
					defer mu.Unlock()
					if len(open) > 0 {
						open[0]()
						open = open[1:]
					}
				}, nil
			}
		}},
		{"uses a permit for a done context", "done context", "a permit was granted for", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				return l.MemoryLimiter.Wait(context.WithoutCancel(ctx), key)
			}
		}},
		{"hides the cancellation", "done context", "context.Canceled) is false", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				if ctx.Err() != nil {
					return nil, errors.New("gave up")
				}
				return l.MemoryLimiter.Wait(ctx, key)
			}
		}},
		{"does not notice the cancellation", "cancel", "context.Canceled) is false", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				return l.MemoryLimiter.Wait(context.WithoutCancel(ctx), key)
			}
		}},
		{"hides the deadline", "deadline", "context.DeadlineExceeded) is false", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				sent, err := l.MemoryLimiter.Wait(ctx, key)
				if err != nil {
					err = errors.New("would exceed the deadline")
				}
				return sent, err
			}
		}},
		{"ignores the merchant", "independent keys", "not independent", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				key.Merchant = ""
				return l.MemoryLimiter.Wait(ctx, key)
			}
		}},
		{"joins the fields", "independent keys", "not independent", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.wait = func(ctx context.Context, key jushuitan.LimitKey) (func(), error) {
				return l.MemoryLimiter.Wait(ctx, jushuitan.LimitKey{Path: key.AppKey + ":" + key.Merchant + ":" + key.Path})
			}
		}},
		{"ignores penalties", "penalty", "into a penalty of", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.penalize = func(context.Context, jushuitan.LimitKey, time.Duration) error { return nil }
		}},
		{"penalises all keys", "penalty", "into a penalty of", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.penalize = func(ctx context.Context, key jushuitan.LimitKey, d time.Duration) error {
				return l.MemoryLimiter.Penalize(ctx, jushuitan.LimitKey{}, d)
			}
		}},
		{"penalises for ever", "penalty", "after the penalty", func(l *spoiltLimiter, _ []jushuitan.Quota) {
			l.penalize = func(ctx context.Context, key jushuitan.LimitKey, _ time.Duration) error {
				return l.MemoryLimiter.Penalize(ctx, key, time.Hour)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(limiterChecks, func(c limiterCheck) bool { return c.name == tt.check })
			require.NotEqual(t, -1, i)
			synctest.Test(t, func(t *testing.T) {
				err := limiterChecks[i].check(t.Context(), func(quotas ...jushuitan.Quota) jushuitan.Limiter {
					l := &spoiltLimiter{MemoryLimiter: newMemoryLimiter(quotas...)}
					tt.spoil(l, quotas)
					return l
				})
				require.Error(t, err)
				assert.ErrorContains(t, err, tt.want)
				time.Sleep(time.Minute) // in the bubble: calls that are still waiting end
			})
		})
	}
}
