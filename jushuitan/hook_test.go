package jushuitan_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestHook sees every attempt, with its waits and its end.
func TestHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after []jushuitan.Attempt
		var log bytes.Buffer
		n := 0
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second) // virtual
			if n++; n == 1 {
				_, _ = io.WriteString(w, `{"code":199,"msg":"超过每秒调用次数, 手机13900000001","request_id":"r-7"}`)
				return
			}
			_, _ = io.WriteString(w, okShops)
		}, jushuitan.WithHook(jushuitan.Hook{
			Before: func(_ context.Context, a jushuitan.Attempt) { before = append(before, a) },
			After:  func(_ context.Context, a jushuitan.Attempt) { after = append(after, a) },
		}), jushuitan.WithHook(jushuitan.Hook{}),
			jushuitan.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		_, err := c.ForMerchant("10010").WithToken("test-access-token-0001").Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)

		require.Len(t, before, 2)
		require.Len(t, after, 2)
		assert.Equal(t, "Shops.Query", before[0].Op)
		assert.Equal(t, "10010", before[0].Merchant)
		assert.Equal(t, []int{1, 2}, []int{after[0].N, after[1].N})
		assert.ErrorIs(t, after[0].Err, jushuitan.ErrRateLimited)
		assert.EqualValues(t, 199, after[0].Code)
		assert.Equal(t, "r-7", after[0].RequestID)
		assert.Equal(t, jushuitan.Rejected, after[0].Outcome)
		assert.Equal(t, 2*time.Second, after[0].Took)
		assert.Equal(t, time.Second, after[1].Waited, "the penalty for code 199")
		assert.NoError(t, after[1].Err)
		assert.Equal(t, 200, after[1].HTTPStatus)
		assert.Equal(t, len(okShops), after[1].Received)
		assert.Equal(t, len("{}"), after[1].Sent)

		text := log.String()
		assert.Contains(t, text, "level=WARN")
		assert.Contains(t, text, "level=DEBUG")
		assert.Contains(t, text, "merchant=10010")
		for _, secret := range []string{"test-access-token", "test-secret", "13900000001", "sign="} {
			assert.NotContains(t, text+fmt.Sprintf("%+v", after), secret)
		}
	})
}
