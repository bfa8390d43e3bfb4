package routers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/examples/routers"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const secret = "a secret of these tests"

// TestRouters: each router passes all that the handlers need.
func TestRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	for name, mount := range map[string]func(*callback.Receiver, http.Handler) http.Handler{
		"net/http": routers.NetHTTP, "chi": routers.Chi, "gin": routers.Gin, "echo": routers.Echo,
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			pushes, err := callback.New(callback.Config{
				Secrets: []string{secret},
				Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
					got = append(got, "shipment "+env.EntID+" "+p.LID)
					return nil
				},
				Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
					got = append(got, "cancel "+p.SoID)
					return nil
				},
				GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
					got = append(got, "returned "+p.OuterASID)
					return nil
				},
				Stock: func(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
					got = append(got, "stock "+env.Type+" "+p.Rows[0].SKUID)
					return nil
				},
			})
			require.NoError(t, err)
			fake := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{
				AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider,
			}))
			defer fake.Close()
			client, err := fake.Client()
			require.NoError(t, err)
			granted, err := callback.NewAuthorizeHandler(client, callback.AuthorizeConfig{StateSecrets: []string{secret}})
			require.NoError(t, err)
			server := httptest.NewServer(mount(pushes, granted))
			defer server.Close()

			for _, m := range []struct {
				path string
				callbacktest.Message
			}{
				{"delivery_callback", callbacktest.Message{Body: &jushuitan.ShipmentPush{SoID: "SO-1", LID: "YT1"}}},
				{"cancal_callback", callbacktest.Message{Body: &jushuitan.CancelPush{SoID: "SO-1"}}},
				{"return_goods_callback", callbacktest.Message{Body: &jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsReceived}}},
				{"stock_callback", callbacktest.Message{Type: "2", Body: &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A"}}}}},
			} {
				m.EntID, m.StorageCode, m.Secret = "10010", "133242", secret
				for range 2 {
					reply, err := m.Send(t.Context(), server.Client(), server.URL+routers.Prefix+m.path)
					require.NoError(t, err)
					assert.True(t, reply.OK(), reply.Body)
				}
				m.Secret = "a secret of somebody else"
				reply, err := m.Send(t.Context(), server.Client(), server.URL+routers.Prefix+m.path)
				require.NoError(t, err)
				assert.Equal(t, http.StatusForbidden, reply.Status)
			}
			assert.Equal(t, []string{"shipment 10010 YT1", "cancel SO-1", "returned RT-1", "stock 2 A", "stock 2 A"}, got)

			redirect := fake.Authorize("10010", granted.State("10010"))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+routers.Authorized+"?"+redirect.Encode(), nil)
			require.NoError(t, err)
			res, err := server.Client().Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, http.StatusOK, res.StatusCode)
			token, err := client.ForMerchant("10010").Token(t.Context())
			require.NoError(t, err)
			assert.NotEmpty(t, token.AccessToken)
		})
	}
}
