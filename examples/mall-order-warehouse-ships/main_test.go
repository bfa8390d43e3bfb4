package main

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows/flowstest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestProgram(t *testing.T) {
	text := flowstest.Run(t, program())
	for _, want := range []string{
		`Flow 2 线下订单线上发货`,
		`\["BAG24-NAT"\] is missing in Jushuitan`, `0 missing now`,
		`mall_order_to_virtual_warehouse: order \d+ \(so_id "MALL-2102"\)`,
		`shipped 2 of 2 tees, 0 of 1 caps`, `状态为 Delivering，不能取消`,
		`two parcels, all shipped: \["圆通速递 YT2103" "顺丰速运 SF2103"\]`,
		`carrier "CN-JSD" \("菜鸟急送达"\) of Jushuitan 聚水潭 is not in the table`,
		`delivered at attempt 2: \["菜鸟急送达 JS2104"\]`,
		`2 attempts, handled 1 time, 2 tees shipped`,
		`token of the URL refused: missing`,
		`the client renewed the token`,
		`2 pushes are lost: DianJia knows of no parcel`,
		`Reconcile +MALL-2107 YT2107 +missed: handed to the function for pushes`,
		`2 found, the order is all shipped`, `the next run finds 0`,
		`MALL-2103 +CAP24-RED +not shipped 少发 +1  parcel SF2103`,
		`Differences 差异: 4 found, 0 unexplained`,
		`RET-2103 received 1 +卖家已收货, to pay back 54`, `RET-2103 received 0 +买家已退货, to pay back 0`,
		`29 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
	flowstest.Scenes(t, text)
}

func TestDryRun(t *testing.T) {
	text := flowstest.Run(t, program(), "-dry-run")
	assert.Contains(t, text, "dry run: Orders.Upload")
	assert.Contains(t, text, "nothing was sent")
}

// TestAccount reads a real account: what must be registered, and an order's state.
func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	_, err := flowstest.Start(t, program(), env, args...)
	require.ErrorContains(t, err, "商家自有商城")

	require.NoError(t, demo.Furnish(srv))
	_, err = srv.ImportOrder(jushuitan.OrderUpload{ShopID: demo.MallShop, SoID: "MALL-1", Items: []jushuitan.OrderUploadItem{{SKUID: demo.Cap, Qty: decimal.NewFromInt(1)}}})
	require.NoError(t, err)
	text, err := flowstest.Start(t, program(), env, append(args, "-merchant", "10010", "-order", "MALL-1")...)
	require.NoError(t, err)
	assert.Contains(t, text, "https://open.dianplus.cn/api/product/rs/dex/jushuitan/cancal_callback?entId=10010&storageCode=10200077")
	assert.Contains(t, text, "stock_callback?entId=10010&storageCode=10100001&type=2")
	assert.Regexp(t, `MALL-1 o_id \d+: 已付款`, text)
	for _, r := range srv.Requests() {
		assert.NotContains(t, r.Path, "upload", "it writes nothing")
	}
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
