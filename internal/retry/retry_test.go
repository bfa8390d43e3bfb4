package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/retry"
)

var errBusy = errors.New("busy")

func TestDo(t *testing.T) {
	tests := map[string]struct {
		passAt   int // the attempt that passes, 0: none
		limit    int
		attempts int
		err      error
		took     time.Duration
	}{
		"first":        {passAt: 1, limit: 3, attempts: 1},
		"third":        {passAt: 3, limit: 5, attempts: 3, took: 2 * time.Second},
		"never":        {limit: 4, attempts: 4, err: errBusy, took: 3 * time.Second},
		"not repeated": {limit: 1, attempts: 1, err: errBusy},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var seen []int
				n, err, cancelled := retry.Do(t.Context(), func(_ context.Context, n int) error {
					seen = append(seen, n)
					if n == tt.passAt {
						return nil
					}
					return errBusy
				}, func(n int, err error) (time.Duration, bool) {
					assert.Equal(t, errBusy, err)
					return time.Second, n < tt.limit
				})
				assert.Equal(t, tt.attempts, n)
				assert.Len(t, seen, tt.attempts)
				assert.Equal(t, tt.err, err, "the attempt's own error, not wrapped")
				assert.NoError(t, cancelled)
				assert.Equal(t, tt.took, time.Since(begin))
			})
		})
	}
}

func TestDoCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		n, err, cancelled := retry.Do(ctx, func(context.Context, int) error { return errBusy },
			func(int, error) (time.Duration, bool) { return time.Hour, true })
		assert.Equal(t, 1, n)
		assert.Equal(t, errBusy, err, "why the attempt failed is not lost")
		assert.ErrorIs(t, cancelled, context.Canceled)
		assert.Equal(t, time.Second, time.Since(begin))

		again := 0
		_, err, _ = retry.Do(ctx, func(context.Context, int) error { return errBusy },
			func(int, error) (time.Duration, bool) { again++; return 0, true })
		assert.Error(t, err)
		assert.Zero(t, again, "nothing is repeated after the end")
	})
}

func TestBackoff(t *testing.T) {
	for n, top := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 60: 5 * time.Second} {
		for range 100 {
			got := retry.Backoff(n, time.Second, 5*time.Second)
			assert.LessOrEqual(t, got, top)
			assert.GreaterOrEqual(t, got, top/2)
		}
	}
	assert.Zero(t, retry.Backoff(3, 0, 0))
}
