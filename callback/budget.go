package callback

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// budgetMerchants is how many merchants' budgets are kept in a generation.
const budgetMerchants = 10_000

// budget limits the pushes of each merchant. The merchants of the generation before the
// last are forgotten, which fills their budgets.
type budget struct {
	limit rate.Limit
	burst int

	mu            sync.Mutex
	present, past map[string]*rate.Limiter
}

// newBudget returns nil without a limit.
func newBudget(limit rate.Limit, burst int) *budget {
	if limit <= 0 {
		return nil
	}
	return &budget{limit: limit, burst: burst, present: map[string]*rate.Limiter{}}
}

// take takes one push from a merchant's budget.
func (b *budget) take(entID string, now func() time.Time) error {
	if b == nil || b.of(entID).AllowN(now(), 1) {
		return nil
	}
	return ErrRate
}

func (b *budget) of(entID string) *rate.Limiter {
	entID = brief(entID)
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.present[entID]
	if l != nil {
		return l
	}
	if l = b.past[entID]; l == nil {
		l = rate.NewLimiter(b.limit, b.burst)
	}
	if len(b.present) >= budgetMerchants {
		b.past, b.present = b.present, map[string]*rate.Limiter{}
	}
	b.present[strings.Clone(entID)] = l // the whole query would be kept with its part
	return l
}
