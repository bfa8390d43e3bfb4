package arch

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Package callback accepts what package dianjia sends.
func TestDianJiaToReceiver(t *testing.T) {
	var got []string
	note := func(env callback.Envelope, key string) error {
		got = append(got, string(env.Method)+" "+env.EntID+" "+env.StorageCode+" "+env.Type+" "+env.ChecksumForm+" "+key)
		return nil
	}
	receiver, err := callback.New(callback.Config{
		Secrets: []string{"a-secret-of-32-characters-000001"},
		Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
			return note(env, p.LID)
		},
		Cancel: func(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
			return note(env, p.SoID)
		},
		GoodsReturned: func(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			return note(env, p.OuterASID)
		},
		Stock: func(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
			return note(env, p.Rows[0].Qty.String())
		},
	})
	require.NoError(t, err)
	server := httptest.NewServer(receiver)
	defer server.Close()
	client, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: server.URL + "/dex/", Secret: "a-secret-of-32-characters-000001"}})
	require.NoError(t, err)
	to := dianjia.Target{EntID: "商 家+&", StorageCode: "133242"}
	require.NoError(t, client.SendShipment(t.Context(), to, &jushuitan.ShipmentPush{SoID: "SO-1", LID: "YT1"}))
	require.NoError(t, client.SendCancel(t.Context(), to, &jushuitan.CancelPush{SoID: "SO-1"}))
	require.NoError(t, client.SendGoodsReturned(t.Context(), to, &jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsRevoked}))
	require.NoError(t, client.SendStock(t.Context(), to, &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A", Qty: decimal.NewFromInt(7)}}}))
	assert.Equal(t, []string{
		"logistics.upload 商 家+& 133242  sorted YT1", "cancel.order 商 家+& 133242  sorted SO-1",
		"refund.goods 商 家+& 133242  sorted RT-1", "inventory.upload 商 家+& 133242 2 sorted 7",
	}, got)
}
