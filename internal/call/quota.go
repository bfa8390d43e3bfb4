package call

import (
	"context"
	"errors"
	"time"
)

// Quota is the limit that a call counts against.
type Quota interface {
	// Wait waits until there is room. sent is called when the request is on the
	// wire, and once more when the attempt ends.
	Wait(ctx context.Context) (sent func(), err error)
	// Penalise holds all calls that count against the quota back for d, and reports
	// whether it can.
	Penalise(d time.Duration) bool
}

// Limiter counts calls by keys, as package jushuitan's Limiter does.
type Limiter[K any] interface {
	Wait(ctx context.Context, key K) (sent func(), err error)
}

// QuotaOf is the quota of one key.
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

// permit waits for the quota.
func (c *Call[O]) permit(ctx context.Context, seen *Seen[O]) (sent func(), f *Failure[O]) {
	if c.Quota == nil {
		return func() {}, nil
	}
	begin := time.Now()
	sent, err := c.Quota.Wait(ctx)
	seen.Waited = time.Since(begin)
	if err == nil {
		return sent, nil
	}
	f = &Failure[O]{Outcome: NotSent, Cause: err}
	if ctx.Err() == nil { // the wait would outlast the deadline, or the limiter failed
		f.Class = c.Rules.RateLimited
	}
	return nil, f
}

// penalise tells the limiter that the server counts more calls than we do, so that
// other calls wait as well. What is documented counts for its window; what a server
// asks for, up to the limit of the policy.
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
