package callback_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// keys notes the keys and owners of claims, and what is forgotten.
type keys struct{ keys, owners, forgotten []string }

func (k *keys) Claim(_ context.Context, key, owner string, _ time.Duration) (jushuitan.ClaimState, error) {
	k.keys, k.owners = append(k.keys, key), append(k.owners, owner)
	return jushuitan.Claimed, nil
}

func (k *keys) Commit(_ context.Context, key, _ string, ttl time.Duration) error {
	if ttl <= 0 {
		k.forgotten = append(k.forgotten, key)
	}
	return nil
}
func (k *keys) Release(context.Context, string, string) error { return nil }

// TestKeysStay: a shared store outlives an update of the program, which must find
// the keys that the one before it wrote. Owners are never the same.
func TestKeysStay(t *testing.T) {
	owners := map[string]bool{}
	for _, tt := range []struct {
		name, ent, storage string
		method             jushuitan.PushMethod
		body               string
		key, forgotten     string
	}{
		{
			name: "shipment", ent: "9001", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","items":[{"oi_id":2,"sku_id":"B","qty":"1.50","outer_oi_id":"2"},{"oi_id":1,"sku_id":"A","qty":2,"so_id":"T"}]}`,
			key:  "logistics.upload:5OOvu6BgMuc9jNLyntVu6hQIEY95Q0QoiqaMhUmHWrQ",
		},
		{
			name: "shipment, lines turned round", ent: "9001", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","items":[{"oi_id":1,"sku_id":"A","qty":2,"so_id":"T"},{"oi_id":2,"sku_id":"B","qty":"1.5","outer_oi_id":"2","so_id":"SO-1"}]}`,
			key:  "logistics.upload:5OOvu6BgMuc9jNLyntVu6hQIEY95Q0QoiqaMhUmHWrQ",
		},
		{
			name: "shipment without o_id and lines", ent: "9001", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"so_id":"SO-1","l_id":"YT1"}`, key: "logistics.upload:xc5027d9lAkLW09_7QE_8eIWbuMdkkpLhmCxuWG284w",
		},
		{
			name: "shipment, lines without oi_id", method: jushuitan.PushShipment,
			body: `{"so_id":"SO-1","l_id":"YT1","items":[{"sku_id":"A","qty":"0.5"},{"sku_id":"A","qty":-1}]}`, key: "logistics.upload:b4vgkTFTF8qz41tM0bjCAu-wIVKQtkKSywQ3YBbYnEw",
		},
		{
			name: "cancel", ent: "9001", storage: "10101010", method: jushuitan.PushCancel, body: cancelBody,
			key: "cancel.order:uUuhRs9y3L9u0lItmPkEHL0mKQS978imrCcaW54XWwM",
		},
		{name: "cancel without a merchant", method: jushuitan.PushCancel, body: cancelBody, key: "cancel.order:6_oBXdeN0fgoZmxzbxL1j-99gyo9UUT43fZrXzbRPrA"},
		{
			name: "goods received", ent: "9001", storage: "10101010", method: jushuitan.PushGoodsReturned, body: returnedBody,
			key: "refund.goods:BNGnxi-d_rb8Vre4Lwe87Udt2Ug_s8U-YkWlWjKrxZE", forgotten: "refund.goods:rV8MxCloFOQtqRseNCcgiblhdDVzU9t2x7MaGhbyMnU",
		},
		{
			name: "goods revoked", ent: "9001", storage: "10101010", method: jushuitan.PushGoodsReturned,
			body: `{"as_id":400001,"action_name":"取消收货"}`, key: "refund.goods:rV8MxCloFOQtqRseNCcgiblhdDVzU9t2x7MaGhbyMnU", forgotten: "refund.goods:BNGnxi-d_rb8Vre4Lwe87Udt2Ug_s8U-YkWlWjKrxZE",
		},
		{
			name: "goods received, no as_id", ent: "商家", storage: "1 2", method: jushuitan.PushGoodsReturned,
			body: `{"outer_as_id":"RT-1","action_name":"确认收货","unique_id":"U-1"}`,
			key:  "refund.goods:Wbk6PFFYHObpdfqsVyZQeozJ45Hwqy8PHRLMvNlG0dc", forgotten: "refund.goods:wrP0_Qcya_H_mlgS8R70jd0Fy9DNA3UI6yXNdK25DOE",
		},
		{name: "stock", ent: "9001", storage: "10101010", method: jushuitan.PushStock, body: stockBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 {
				var h host
				var k keys
				cfg := h.config()
				cfg.NoDedupe, cfg.Deduper = false, &k
				m := callbacktest.Message{Method: tt.method, EntID: tt.ent, StorageCode: tt.storage, Body: tt.body}
				assert.True(t, serve(t, receiver(t, cfg), m).OK())
				assert.Equal(t, tt.key, strings.Join(k.keys, " "))
				assert.Equal(t, tt.forgotten, strings.Join(k.forgotten, " "))
				for _, owner := range k.owners {
					assert.False(t, owners[owner])
					assert.GreaterOrEqual(t, len(owner), 26)
					owners[owner] = true
				}
			}
		})
	}
	assert.NotEmpty(t, owners)
}
