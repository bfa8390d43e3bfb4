package inuse

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// TestShared: one store serves pushes and Qimen's messages, of the same order too.
func TestShared(t *testing.T) {
	store := jushuitan.NewMemoryDeduper(0)
	pushed, created := 0, 0
	receiver, err := callback.New(callback.Config{
		AllowUnauthenticated: true, Deduper: store,
		Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { pushed++; return nil },
	})
	require.NoError(t, err)
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets("secret"),
		Merchant: func(context.Context, string) (string, error) { return "m", nil },
		Deduper:  store,
	})
	require.NoError(t, err)
	qimen.Handle(mux, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		created++
		return nil, nil
	})
	for range 2 {
		push := callbacktest.Message{Method: jushuitan.PushCancel, EntID: "c", Body: `{"so_id":"SO-1"}`}
		reply, err := push.Serve(t.Context(), receiver, "/")
		require.NoError(t, err)
		assert.True(t, reply.OK())

		body := `<request><deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode></deliveryOrder></request>`
		params := map[string]string{
			"method": "deliveryorder.create", "app_key": "1", "customerId": "c", "v": "2.0",
			"timestamp": time.Now().In(wire.CST).Format(wire.TimeLayout),
		}
		sign, err := qimen.Sign(qimen.MD5, "secret", params, []byte(body))
		require.NoError(t, err)
		q := url.Values{"sign": {sign}}
		for name, v := range params {
			q.Set(name, v)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?"+q.Encode(), strings.NewReader(body)))
		assert.Contains(t, w.Body.String(), "<flag>success</flag>")
	}
	assert.Equal(t, []int{1, 1}, []int{pushed, created})
	assert.Equal(t, 2, store.Len())
}
