package jushuitantest

import (
	"fmt"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// quotas counts the calls of each access token and path in sliding windows. A
// window includes its beginning and not its end. Refused calls do not count
// (assumption), unless a [Dialect] says so.
type quotas struct {
	limits []jushuitan.Quota
	slack  time.Duration
	mu     sync.Mutex
	calls  map[quotaKey][]time.Time
}

type quotaKey struct{ token, path string }

// take counts a call, or returns why it exceeds a limit. If refused is true, refused calls
// count as well.
func (q *quotas) take(token, path string, now time.Time, refused bool) (code int64, msg string) {
	if len(q.limits) == 0 {
		return 0, ""
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.calls == nil {
		q.calls = map[quotaKey][]time.Time{}
	}
	key := quotaKey{token, path}
	times := q.calls[key]
	longest := time.Duration(0)
	for _, l := range q.limits {
		longest = max(longest, l.Per)
	}
	for len(times) > 0 && now.Sub(times[0]) >= longest {
		times = times[1:]
	}
	q.calls[key] = times
	for _, l := range q.limits {
		n := 0
		for _, t := range times {
			if now.Sub(t) < l.Per-q.slack {
				n++
			}
		}
		if n < l.Limit {
			continue
		}
		if refused {
			q.calls[key] = append(times, now)
		}
		if l.Per >= time.Minute {
			return codeTooManyMinute, fmt.Sprintf("调用频率超限：每分钟最多%d次", l.Limit)
		}
		return codeTooManySecond, fmt.Sprintf("调用频率超限：每秒最多%d次", l.Limit)
	}
	q.calls[key] = append(times, now)
	return 0, ""
}
