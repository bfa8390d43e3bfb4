package jushuitan_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The options of single calls apply to typed methods, iterators, uploads and Call of the
// client that With returns, and to no other.
func TestCallOptions(t *testing.T) {
	once := jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: 1})
	calls := map[string]func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error{
		"typed": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			_, err := c.With(opts...).Shops.Query(ctx, &jushuitan.ShopQuery{})
			return err
		},
		"iterator": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) (err error) {
			for _, err = range c.With(opts...).Shops.All(ctx, &jushuitan.ShopQuery{}) {
				continue
			}
			return err
		},
		"upload": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			_, err := c.With(opts...).Orders.Upload(ctx, []jushuitan.OrderUpload{{SoID: "SO-1"}})
			return err
		},
		"Call": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			return c.Call(ctx, "/open/x", nil, nil, append(opts, jushuitan.AsRead())...)
		},
		"merchant first": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			_, err := c.ForMerchant("m").With(opts...).Shops.Query(ctx, &jushuitan.ShopQuery{})
			return err
		},
		"merchant behind": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			_, err := c.With(opts...).ForMerchant("m").WithToken("another-token-0002").Shops.Query(ctx, &jushuitan.ShopQuery{})
			return err
		},
		"one by one": func(ctx context.Context, c *jushuitan.Client, opts ...jushuitan.CallOption) error {
			c = c.With(jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: 9}), jushuitan.WithCallTimeout(time.Hour))
			for _, opt := range opts {
				c = c.With(opt)
			}
			_, err := c.Shops.Query(ctx, &jushuitan.ShopQuery{})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				busy := served(t, func(w http.ResponseWriter, _ *http.Request) {
					sent++
					w.Header().Set("X-Trace", fmt.Sprint(sent))
					w.WriteHeader(http.StatusServiceUnavailable)
				})
				var traces []string
				header := jushuitan.WithResponseHeader(func(h http.Header) { traces = append(traces, h.Get("X-Trace")) })
				err := call(t.Context(), busy, once, header)
				require.ErrorIs(t, err, jushuitan.ErrUnavailable)
				assert.Equal(t, 1, sent)
				assert.Equal(t, []string{"1"}, traces)

				sent, traces = 0, nil
				err = call(t.Context(), busy, jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: 3, MinWait: time.Minute, MaxWait: time.Minute}), header)
				require.ErrorIs(t, err, jushuitan.ErrUnavailable)
				assert.Equal(t, 3, sent)
				assert.Len(t, traces, 3)

				sent = 0
				_, err = busy.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
				require.Error(t, err)
				assert.Equal(t, 4, sent, "the client itself stays as it was")
			})
			synctest.Test(t, func(t *testing.T) {
				slow := served(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) }) // virtual
				begin := time.Now()
				err := call(t.Context(), slow, once, jushuitan.WithCallTimeout(3*time.Second))
				require.ErrorIs(t, err, jushuitan.ErrUnavailable)
				assert.Equal(t, 3*time.Second, time.Since(begin))
				time.Sleep(time.Hour) // virtual: the handler ends
			})
			synctest.Test(t, func(t *testing.T) {
				c := served(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
				for _, bad := range []jushuitan.CallOption{
					jushuitan.WithCallTimeout(0), jushuitan.WithCallRetry(jushuitan.RetryPolicy{MaxAttempts: -1}), jushuitan.WithResponseHeader(nil), jushuitan.WithCallBadRow(nil),
				} {
					err := call(t.Context(), c, bad)
					require.ErrorIs(t, err, jushuitan.ErrInvalid)
					assert.ErrorContains(t, err, "call option: With")
				}
			})
		})
	}
}

// The effect of a typed method is known: AsRead on a client does not make its writes
// retryable.
func TestEffectIsOfCallOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := served(t, func(w http.ResponseWriter, _ *http.Request) {
			sent++
			w.WriteHeader(http.StatusServiceUnavailable)
		}).With(jushuitan.AsRead())
		_, err := c.Orders.Split(t.Context(), &jushuitan.OrderSplitRequest{OID: 1})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
		assert.Equal(t, 1, sent)
		require.Error(t, c.Call(t.Context(), "/open/x", nil, nil))
		assert.Equal(t, 5, sent)
	})
}

// One budget applies to all merchants together and to the clients that share it, in
// addition to the quota of each merchant; the wait is not part of the timeout and is
// visible in the hook.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := rate.NewLimiter(2, 1)
		var sent []time.Duration
		var waited time.Duration
		begin := time.Now()
		client := func() *jushuitan.Client {
			return served(t, func(w http.ResponseWriter, _ *http.Request) {
				sent = append(sent, time.Since(begin))
				_, _ = io.WriteString(w, okShops)
			}, jushuitan.WithRate(budget), jushuitan.WithTimeout(time.Millisecond), jushuitan.WithHook(jushuitan.Hook{
				After: func(_ context.Context, a jushuitan.Attempt) { waited += a.Waited },
			}))
		}
		a, b := client(), client()
		for i := range 6 {
			c := a
			if i%2 == 1 {
				c = b
			}
			_, err := c.ForMerchant(fmt.Sprint(i)).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.NoError(t, err)
		}
		for i, at := range sent {
			assert.Equal(t, time.Duration(i)*time.Second/2, at)
		}
		assert.Equal(t, 5*time.Second/2, waited)
	})
}

// A wait that would outlast the deadline does not begin, and the permit of the quota is
// free for others; the same holds if the caller gives up while waiting. Retries count too.
func TestRateLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := rate.NewLimiter(rate.Every(time.Minute), 1)
		require.True(t, budget.Allow())
		quota := &countingLimiter{}
		sent := 0
		c := served(t, func(w http.ResponseWriter, _ *http.Request) {
			sent++
			_, _ = io.WriteString(w, okShops)
		}, jushuitan.WithRate(budget), jushuitan.WithLimiter(quota))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Shops.Query(ctx, &jushuitan.ShopQuery{})
		e := &jushuitan.Error{}
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, jushuitan.ErrRateLimited)
		assert.Equal(t, jushuitan.NotSent, e.Outcome)
		assert.ErrorContains(t, err, "budget of the app")
		assert.Zero(t, quota.held.Load(), "the permit was given back")

		ctx, give := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, give)
		_, err = c.Shops.Query(ctx, &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, jushuitan.ErrRateLimited)
		assert.Zero(t, quota.held.Load())
		assert.Zero(t, sent)

		_, err = c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err, "what was not used is not lost")
		assert.Equal(t, 1, sent)
		assert.Zero(t, quota.held.Load())
	})
	_, err := jushuitan.New(jushuitan.Credentials{AppKey: "a", AppSecret: "b"}, jushuitan.WithRate(nil))
	assert.ErrorContains(t, err, "WithRate")
}

// countingLimiter counts the permits that are held.
type countingLimiter struct{ held atomic.Int64 }

func (l *countingLimiter) Wait(context.Context, jushuitan.LimitKey) (func(), error) {
	l.held.Add(1)
	freed := false
	return func() {
		if !freed {
			freed = true
			l.held.Add(-1)
		}
	}, nil
}
