package jushuitan_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// A page of a proxy is not the API's verdict: the error says who seems to have answered, and
// never tells the caller to fix the request.
func TestPageOfAProxy(t *testing.T) {
	const page = "<html><body>13800138000 test-access-token-0001</body></html>"
	for _, status := range []int{400, 401, 403, 404, 405, 413, 414} {
		c := mocked(t, func(*http.Request) (*http.Response, error) {
			r := httpmock.NewStringResponse(status, page)
			r.Header.Set("Content-Type", "text/html; charset=gb2312")
			return r, nil
		}).WithToken("test-access-token-0001")
		for _, call := range []func() error{
			func() error { _, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{}); return err },
			func() error { return c.Call(t.Context(), "/open/endpoint/without/a/method", nil, nil) },
		} {
			err := call()
			e := &jushuitan.Error{}
			require.ErrorAs(t, err, &e)
			assert.ErrorIs(t, err, jushuitan.ErrUnavailable)
			assert.NotErrorIs(t, err, jushuitan.ErrInvalid)
			assert.Equal(t, jushuitan.Unknown, e.Outcome)
			assert.Equal(t, status, e.HTTPStatus)
			assert.Equal(t, 1, e.Attempts, "it is not retried")
			assert.Contains(t, err.Error(), `content type "text/html; charset=gb2312", host "openapi.jushuitan.com"`)
			assert.NotContains(t, err.Error(), "13800138000")
			assert.NotContains(t, err.Error(), "fix the request")
		}
	}
}

// A caller that gives up is told of its own context only: the classes are those of the
// service's failures. What is known of the write stays.
func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mocked(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}).WithToken("test-access-token-0001")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Call(ctx, "/open/endpoint/without/a/method", nil, nil)
		e := &jushuitan.Error{}
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
		assert.Equal(t, jushuitan.Unknown, e.Outcome)
		assert.False(t, e.Temporary())
		for _, class := range []error{jushuitan.ErrUnavailable, jushuitan.ErrRateLimited, jushuitan.ErrInvalid, jushuitan.ErrDecode} {
			assert.NotErrorIs(t, err, class)
		}
	})
}
