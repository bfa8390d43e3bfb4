package callback_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// keys notes the keys, states and owners of claims.
type keys struct{ keys, owners []string }

func (k *keys) Claim(_ context.Context, key, state, owner string, _ time.Duration) (jushuitan.ClaimState, string, error) {
	k.keys, k.owners = append(k.keys, strings.TrimSpace(key+" "+state)), append(k.owners, owner)
	return jushuitan.Claimed, "", nil
}

func (k *keys) Commit(context.Context, string, string, string, string, time.Duration) error {
	return nil
}
func (k *keys) Release(context.Context, string, string) error { return nil }

// TestKeysStay: a shared store outlives an update of the program, which must find the keys
// and states that the one before it wrote, and the keys of before there were states. Owners are
// never the same.
func TestKeysStay(t *testing.T) {
	const shipmentLines = `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","items":[{"oi_id":2,"sku_id":"B","qty":"1.50","outer_oi_id":"2"},{"oi_id":1,"sku_id":"A","qty":2,"so_id":"T"}]}`
	owners := map[string]bool{}
	for _, tt := range []struct {
		name, storage, body string
		method              jushuitan.PushMethod
		keys                []string // and states; then the key of before there were states
	}{
		{
			name: "shipment", storage: "10101010", method: jushuitan.PushShipment, body: shipmentLines,
			keys: []string{"logistics.upload/W_IYkhu2faQ85eX9iIL4k0Z2uRv6s3m_BX-9xQAc_D4 HFaQcAfiOYjzjZuPo9A1vepAMYUdN3dhfy1UHPlvoHE", "logistics.upload:5OOvu6BgMuc9jNLyntVu6hQIEY95Q0QoiqaMhUmHWrQ"},
		},
		{
			name: "shipment, turned round", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"items":[{"oi_id":1,"sku_id":"A","qty":2,"so_id":"T"},{"oi_id":2,"sku_id":"B","qty":1.5,"outer_oi_id":"2","so_id":"SO-1"}],"l_id":"YT1","so_id":"SO-1","o_id":"200001"}`,
			keys: []string{"logistics.upload/W_IYkhu2faQ85eX9iIL4k0Z2uRv6s3m_BX-9xQAc_D4 HFaQcAfiOYjzjZuPo9A1vepAMYUdN3dhfy1UHPlvoHE", "logistics.upload:5OOvu6BgMuc9jNLyntVu6hQIEY95Q0QoiqaMhUmHWrQ"},
		},
		{
			name: "shipment without o_id and lines", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"so_id":"SO-1","l_id":"YT1"}`,
			keys: []string{"logistics.upload/rgX_eZmplcaUD7d2MfJJIpmvfXIC7TRn2mJJh_WsDWE DWt0LAU7WW1MTcxcPP3-5CbDSNGO1SxxT2VY0Rgo6Eg", "logistics.upload:xc5027d9lAkLW09_7QE_8eIWbuMdkkpLhmCxuWG284w"},
		},
		{
			name: "shipment without lines", storage: "10101010", method: jushuitan.PushShipment,
			body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1"}`, keys: []string{"logistics.upload/yg3HONRMJ2gPmCGV3LZsBdn1L6LHA2pbBVjzFxt_qis wz_zPlpVumJ96hB2leOlwJJJo_HoIBgul_g7tm7_TN4", "logistics.upload:E4JoRkN_b6S334aIT4xzr26Y6XcLxQyqDBDwYacpGSs"},
		},
		{name: "cancel", storage: "10101010", method: jushuitan.PushCancel, body: cancelBody, keys: []string{"cancel.order/uUuhRs9y3L9u0lItmPkEHL0mKQS978imrCcaW54XWwM XWdiWrV8wSeueAaYBpihvRCsP14g3DQ6_cQSVicCBMA", "cancel.order:uUuhRs9y3L9u0lItmPkEHL0mKQS978imrCcaW54XWwM"}},
		{name: "goods received", storage: "10101010", method: jushuitan.PushGoodsReturned, body: returnedBody, keys: []string{"refund.goods/eiiEXPwYh0R5EGoduzOYSt3n2KG-Buonth69Z8l0J0w 9MAIBpJB7m5fMRFmLpsx5F_GRVg98vhponY7Ta968hs", "refund.goods:BNGnxi-d_rb8Vre4Lwe87Udt2Ug_s8U-YkWlWjKrxZE"}},
		{
			name: "goods revoked", storage: "10101010", method: jushuitan.PushGoodsReturned,
			body: `{"as_id":400001,"action_name":"取消收货"}`, keys: []string{"refund.goods/eiiEXPwYh0R5EGoduzOYSt3n2KG-Buonth69Z8l0J0w wr_mq_IKgOb9lZnT8TVqDB_6Tb_0G163LJugs9BYsPQ", "refund.goods:rV8MxCloFOQtqRseNCcgiblhdDVzU9t2x7MaGhbyMnU"},
		},
		{
			name: "goods received, no as_id", storage: "1 2", method: jushuitan.PushGoodsReturned,
			body: `{"outer_as_id":"RT-1","action_name":"确认收货","unique_id":"U-1"}`, keys: []string{"refund.goods/NdK1ehwexe8FeSylcvv-MKGcXJZ_nm68Wg4OVXiojyM usoY6IyCsI7Xxmiz_0abS1RpQg7eK2TdsOJZ4hRkxhE", "refund.goods:31tPE5OsM0oy_Xpbrr4kFnAvKZmjJt3sK87QVW3jVUo"},
		},
		{name: "stock", storage: "10101010", method: jushuitan.PushStock, body: stockBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 {
				var h host
				var k keys
				cfg := h.config()
				cfg.NoDedupe, cfg.Deduper = false, &k
				m := callbacktest.Message{Method: tt.method, EntID: "9001", StorageCode: tt.storage, Body: tt.body}
				assert.True(t, serve(t, receiver(t, cfg), m).OK())
				assert.Equal(t, tt.keys, k.keys)
				for _, owner := range k.owners {
					owners[owner] = true
					assert.GreaterOrEqual(t, len(owner), 26)
				}
				require.Len(t, h.envs, 1)
				if len(k.keys) > 0 {
					assert.True(t, strings.HasSuffix(k.keys[0], " "+strings.TrimPrefix(h.envs[0].Key(), string(tt.method)+":")), "Envelope.Key is the state")
				}
			}
		})
	}
	assert.Len(t, owners, 2*8, "owners")
}
