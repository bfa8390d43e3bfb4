package dianjia_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// An exchange has the query and the body of the push, without token and signature.
func TestExchange(t *testing.T) {
	var seen []jushuitan.Exchange
	var query string
	c := mocked(t, dianjia.Config{OnExchange: func(_ context.Context, x jushuitan.Exchange) { seen = append(seen, x) }}, func(r *http.Request) (*http.Response, error) {
		query = r.URL.RawQuery
		q := r.URL.Query()
		return httpmock.NewStringResponse(500, fmt.Sprintf("<html>shown %s %s %s 13900000001 %s</html>", q.Get("jstToken"), q.Get("sign"), canary, query)), nil
	})
	require.Error(t, c.SendShipment(t.Context(), target, shipment))
	require.Len(t, seen, 1)
	x := seen[0]
	text := fmt.Sprintf("%v %+v", x, x.Params)
	assert.NotContains(t, text, canary)
	assert.NotContains(t, text, "13900000001")
	assert.NotContains(t, text, query)
	assert.Equal(t, "***", x.Params.Get("sign"))
	assert.Equal(t, "***", x.Params.Get("jstToken"))
	assert.Contains(t, x.Request, `"so_id":"SO-1"`)
	assert.Contains(t, x.Response, "shown ***")
	assert.Equal(t, []any{string(jushuitan.PushShipment), target.EntID, 500, jushuitan.Unknown}, []any{x.Op, x.Merchant, x.HTTPStatus, x.Outcome})
}

// The limiter spaces what is sent, of all kinds together.
func TestLimiterSpaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin := time.Now()
		c := mocked(t, dianjia.Config{Limiter: rate.NewLimiter(2, 1)}, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(begin))
			return httpmock.NewStringResponse(200, accepted), nil
		})
		for range 2 {
			require.NoError(t, c.SendCancel(t.Context(), target, cancel))
			require.NoError(t, c.SendStock(t.Context(), target, stock))
		}
		assert.Equal(t, []time.Duration{0, time.Second / 2, time.Second, 3 * time.Second / 2}, at)
	})
}

// The budget of the app counts for pushes too.
func TestLimiter(t *testing.T) {
	c := mocked(t, dianjia.Config{Limiter: rate.NewLimiter(1, 0)}, func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return httpmock.NewStringResponse(200, accepted), nil
	})
	err := c.SendCancel(t.Context(), target, cancel)
	e, ok := errors.AsType[*dianjia.Error](err)
	require.True(t, ok)
	assert.ErrorIs(t, err, dianjia.ErrUnavailable)
	assert.Equal(t, jushuitan.NotSent, e.Outcome)
}
