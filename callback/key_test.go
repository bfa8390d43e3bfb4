package callback_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// keys notes the keys and owners of claims.
type keys struct{ keys, owners []string }

func (k *keys) Claim(_ context.Context, key, owner string, _ time.Duration) (callback.ClaimState, error) {
	k.keys, k.owners = append(k.keys, key), append(k.owners, owner)
	return callback.Claimed, nil
}
func (k *keys) Commit(context.Context, string, string, time.Duration) error { return nil }
func (k *keys) Release(context.Context, string, string) error               { return nil }

// TestKeysStay: a shared store outlives an update of the program, which must find
// the keys that the one before it wrote. Owners are never the same.
func TestKeysStay(t *testing.T) {
	var h host
	var k keys
	for range 2 {
		cfg := h.config()
		cfg.NoDedupe, cfg.Deduper = false, &k
		r := receiver(t, cfg)
		for _, m := range []callbacktest.Message{
			{Method: jushuitan.PushShipment, Body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","items":[{"oi_id":2,"sku_id":"B","qty":"1.50","outer_oi_id":"2"},{"oi_id":1,"sku_id":"A","qty":2,"so_id":"T"}]}`},
			{Method: jushuitan.PushShipment, Body: `{"so_id":"SO-1","l_id":"YT1"}`},
			{Method: jushuitan.PushCancel, Body: cancelBody},
			{Method: jushuitan.PushGoodsReturned, Body: returnedBody},
		} {
			m.EntID, m.StorageCode = "9001", "10101010"
			assert.True(t, serve(t, r, m).OK())
		}
	}
	want := []string{
		"logistics.upload:5OOvu6BgMuc9jNLyntVu6hQIEY95Q0QoiqaMhUmHWrQ",
		"logistics.upload:xc5027d9lAkLW09_7QE_8eIWbuMdkkpLhmCxuWG284w",
		"cancel.order:uUuhRs9y3L9u0lItmPkEHL0mKQS978imrCcaW54XWwM",
		"refund.goods:BNGnxi-d_rb8Vre4Lwe87Udt2Ug_s8U-YkWlWjKrxZE",
	}
	assert.Equal(t, append(want, want...), k.keys)
	owners := map[string]bool{}
	for _, owner := range k.owners {
		assert.False(t, owners[owner])
		assert.GreaterOrEqual(t, len(owner), 26)
		owners[owner] = true
	}
}
