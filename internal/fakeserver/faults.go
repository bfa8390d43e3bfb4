package fakeserver

import (
	"slices"
	"sync"
	"time"
)

// Faults holds the pending faults, in the order of injection. F is a fake's type of fault.
type Faults[F any] struct {
	mu     sync.Mutex
	active []*activeFault[F]
}

type activeFault[F any] struct {
	fault F
	plan  Plan
	every bool
}

// Plan determines which matching requests a fault affects.
type Plan struct {
	Skip  int // how many it lets pass before
	Times int // how many it affects, 0: all
	// A slowing fault delays the request and leaves it to the other faults.
	Slows bool
	Delay time.Duration
}

// Inject adds a fault that lasts until remove is called or its plan is fulfilled.
func (f *Faults[F]) Inject(fault F, plan Plan) (remove func()) {
	a := &activeFault[F]{fault: fault, plan: plan, every: plan.Times <= 0}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, a)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(a)
	}
}

func (f *Faults[F]) drop(a *activeFault[F]) {
	f.active = slices.DeleteFunc(f.active, func(b *activeFault[F]) bool { return a == b })
}

// Pick returns what happens to a request: the total delay of all faults that slow it, and
// the first other fault, or nil. Faults after that one do not count the request.
func (f *Faults[F]) Pick(meets func(F) bool) (delay time.Duration, fault *F) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range slices.Clone(f.active) {
		if !a.plan.Slows && fault != nil || !meets(a.fault) {
			continue
		}
		if a.plan.Skip > 0 {
			a.plan.Skip--
			continue
		}
		if !a.every {
			if a.plan.Times--; a.plan.Times == 0 {
				f.drop(a)
			}
		}
		if a.plan.Slows {
			delay += a.plan.Delay
			continue
		}
		copied := a.fault
		fault = &copied
	}
	return delay, fault
}

// Each calls visit with each fault and the remainder of its plan.
func (f *Faults[F]) Each(visit func(fault F, left Plan)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.active {
		visit(a.fault, a.plan)
	}
}

// Clear removes all faults.
func (f *Faults[F]) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = nil
}
