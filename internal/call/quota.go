package call

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Quota is the rate limit of a call.
type Quota interface {
	// Wait waits until the limit permits a call. It returns sent, which is called when the
	// request is on the wire and once more when the attempt ends.
	Wait(ctx context.Context) (sent func(), err error)
	// Penalise delays all calls that count against the quota by d, and reports whether it
	// can.
	Penalise(d time.Duration) bool
}

// Limiter counts calls by keys, as package jushuitan's Limiter does.
type Limiter[K any] interface {
	Wait(ctx context.Context, key K) (sent func(), err error)
}

// QuotaOf returns the rate limit of one key.
func QuotaOf[K any](l Limiter[K], key K) Quota { return &quota[K]{l, key} }

type quota[K any] struct {
	limiter Limiter[K]
	key     K
}

func (q *quota[K]) Wait(ctx context.Context) (sent func(), err error) {
	return q.limiter.Wait(ctx, q.key)
}

func (q *quota[K]) Penalise(d time.Duration) bool {
	p, ok := q.limiter.(interface {
		Penalize(ctx context.Context, key K, d time.Duration) error
	})
	return ok && p.Penalize(context.Background(), q.key, d) == nil
}

// permit waits for the quota and then for the budget of the app, which other clients share.
// In this order, a call that waits for its own quota takes nothing from the others. If the
// budget then fails, the permit of the quota is returned.
func (c *Call[O]) permit(ctx context.Context, seen *Seen[O]) (sent func(), f *Failure[O]) {
	if c.Quota == nil && c.Rate == nil {
		return func() {}, nil
	}
	begin := time.Now()
	defer func() { seen.Waited = time.Since(begin) }()
	sent = func() {}
	if c.Quota != nil {
		var err error
		if sent, err = c.Quota.Wait(ctx); err != nil {
			return nil, c.noPermit(ctx, err)
		}
	}
	if c.Rate != nil {
		if err := c.Rate.Wait(ctx); err != nil {
			sent()
			return nil, c.noPermit(ctx, fmt.Errorf("budget of the app: %w", err))
		}
	}
	return sent, nil
}

func (c *Call[O]) noPermit(ctx context.Context, err error) *Failure[O] {
	f := &Failure[O]{Outcome: NotSent, Cause: err}
	if ended(ctx) == nil { // the wait would outlast the deadline, or the limiter failed
		f.Class = c.Rules.RateLimited
	}
	return f
}

// penalise tells the limiter that the server has counted more calls than it has, so that
// other calls wait as well: for the documented window, or for as long as the server
// requests, up to the limit of the policy.
func (c *Call[O]) penalise(f *Failure[O]) {
	if c.Quota == nil || !errors.Is(f.Class, c.Rules.RateLimited) {
		return
	}
	window := f.Window
	if window == 0 {
		window = min(f.After, c.Retry.MaxRetryAfter)
	}
	f.held = window > 0 && c.Quota.Penalise(window)
}
