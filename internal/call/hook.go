package call

import (
	"context"
	"net/http"
	"time"
)

// Seen is what an attempt was like. Before it, only N is set.
type Seen[O ~int] struct {
	N        int           // from 1
	Waited   time.Duration // for the quota
	Took     time.Duration // all of the attempt, the wait included
	Received int           // bytes of the answer
	Status   int
	Failure  *Failure[O] // nil when it passed
}

// Hook is called around every attempt. Either function may be nil.
type Hook[A any] struct {
	Before func(ctx context.Context, a A)
	After  func(ctx context.Context, a A)
}

// Tell is the hook of a call that calls all of a service's, each with what attempt
// makes of what was seen.
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

// watched runs one attempt between the hooks.
func (l *loop[O]) watched(req *http.Request) (resp *http.Response) {
	seen := Seen[O]{N: l.attempts}
	if l.Hook == nil {
		resp, l.failed = l.attempt(req, &seen)
		return resp
	}
	ctx := req.Context()
	l.Hook.Before(ctx, seen)
	begin := time.Now()
	resp, l.failed = l.attempt(req, &seen)
	seen.Took, seen.Failure = time.Since(begin), l.failed
	if seen.Failure != nil {
		seen.Failure.Attempts = l.attempts
	}
	l.Hook.After(ctx, seen)
	return resp
}
