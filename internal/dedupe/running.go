package dedupe

import (
	"sync"
	"time"
)

// runningList has the runs in progress, in the order in which they began.
type runningList struct {
	mu          sync.Mutex
	first, last *running
}

type running struct {
	start      time.Time
	prev, next *running
}

func (l *runningList) add(e *running, start time.Time) {
	e.start = start
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.prev = l.last; e.prev == nil {
		l.first = e
	} else {
		e.prev.next = e
	}
	l.last = e
}

func (l *runningList) remove(e *running) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
}

func (l *runningList) oldest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		return 0
	}
	return time.Since(l.first.start)
}
