package call

import (
	"context"
	"net/http"
	"time"
)

// Seen describes an attempt. Before the attempt, only N is set.
type Seen[O ~int] struct {
	N        int           // counted from 1
	Waited   time.Duration // for the quota
	Took     time.Duration // the whole attempt, including the wait
	Received int           // size of the answer in bytes
	Status   int
	Failure  *Failure[O] // nil if the attempt succeeded
	Wire     *Wire       // for OnExchange, if the request was signed
}

// Hook is called around every attempt. Either function may be nil.
type Hook[A any] struct {
	Before func(ctx context.Context, a A)
	After  func(ctx context.Context, a A)
}

// Tell returns a hook that calls all hooks of a service; attempt converts the argument.
func Tell[A any, O ~int](hooks []Hook[A], attempt func(*Seen[O]) A) *Hook[Seen[O]] {
	return &Hook[Seen[O]]{
		Before: func(ctx context.Context, s Seen[O]) {
			a := attempt(&s)
			for _, h := range hooks {
				if h.Before != nil {
					h.Before(ctx, a)
				}
			}
		},
		After: func(ctx context.Context, s Seen[O]) {
			a := attempt(&s)
			for _, h := range hooks {
				if h.After != nil {
					h.After(ctx, a)
				}
			}
		},
	}
}

// watched runs one attempt between the hooks. Panics of the host's functions are not
// recovered.
func (l *loop[O]) watched(req *http.Request) (resp *http.Response) {
	seen := Seen[O]{N: l.attempts}
	if l.Hook == nil && l.OnExchange == nil {
		resp, l.failed = l.attempt(req, &seen)
		return resp
	}
	ctx := req.Context()
	if l.Hook != nil {
		l.Hook.Before(ctx, seen)
	}
	begin := time.Now()
	resp, l.failed = l.attempt(req, &seen)
	seen.Took, seen.Failure = time.Since(begin), l.failed
	if seen.Failure != nil {
		seen.Failure.Attempts = l.attempts
	}
	if l.Hook != nil {
		l.Hook.After(ctx, seen)
	}
	if seen.Wire != nil {
		l.OnExchange(ctx, &seen)
	}
	return resp
}
