package main

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/internal/flows/flowstest"
	"github.com/dianjia/jushuitan-go/examples/online-order-store-ships/storeship"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestProgram(t *testing.T) {
	for _, args := range [][]string{nil, {"-virtual"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			text := flowstest.Run(t, program(), args...)
			for _, want := range []string{
				`Flow 1 线上订单线下发货`,
				`carrier "圆通速运达" of DianJia 店加 is not in the table; most similar: .*"YTO"`,
				`nothing was sent, the document waits`,
				`io_id \d+ YT1101 +shipped`,
				`carrier "YUNDA" \("韵达速递"\) has no code for Jushuitan`,
				`the repeat counts as done`,
				`出库单已发货，不能重复发货`,
				`状态为 Sent，不能取消`,
				`出库单状态为 Delete`, `the document is 作废`,
				`SF1103 TEE24-WHT-L +the order is shipping 发货中`,
				`SF1104 CAP24-RED +the order is shipped 已发货`,
				`downloaded: TEE24 圆领纯棉T恤 绿色 M`,
				`the client renewed the token`,
				`2 documents found, DY-1106 is voided`,
				`DY-1105 +not read 漏读 +1  read by the next poll: waiting 待出库`,
				`Differences 差异: 3 found, 0 unexplained`,
				`left out +GIFT-BAG 8 +Jushuitan does not have the SKU`,
				`29 checks: every check passed\n$`,
			} {
				assert.Regexp(t, want, text)
			}
			flowstest.Scenes(t, text, flows.DuplicatePush, flows.LostPush)
		})
	}
}

func TestDryRun(t *testing.T) {
	for want, args := range map[string][]string{"Stocktakes.Upload": {"-dry-run"}, "Inventory.SetVirtualQtys": {"-dry-run", "-virtual"}} {
		text := flowstest.Run(t, program(), args...)
		assert.Contains(t, text, "dry run: "+want)
		assert.Contains(t, text, "dry run: Outbounds.Ship")
		assert.Contains(t, text, "nothing was sent")
	}
}

// TestAccount lists the waiting documents, and ships one once.
func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	require.NoError(t, storeship.Furnish(srv))
	oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: demo.PlatformShop, SoID: "DY-1", Items: []jushuitan.OrderUploadItem{{SKUID: storeship.NewSKU, Qty: decimal.NewFromInt(1)}}})
	require.NoError(t, err)
	ioID, err := srv.AssignOrder(oID, demo.StoreWarehouse)
	require.NoError(t, err)

	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	text, err := flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Contains(t, text, fmt.Sprintf("io_id %d  DY-1  %s x1", ioID, storeship.NewSKU))
	assert.Contains(t, text, "1 documents of 7 days are waiting")

	args = append(args, "-ship", fmt.Sprint(ioID), "-waybill", "YT1")
	text, err = flowstest.Start(t, program(), env, append(args, "-carrier", "圆通速递")...)
	require.NoError(t, err)
	assert.Contains(t, text, "confirm with -yes")
	text, err = flowstest.Start(t, program(), env, append(args, "-carrier", "圆通速递", "-dry-run")...)
	require.NoError(t, err)
	assert.Contains(t, text, "dry run: Outbounds.Ship")
	waiting, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, jushuitan.OutboundStatusWaitConfirm, waiting.Status, "a dry run ships nothing")
	_, err = flowstest.Start(t, program(), env, append(args, "-carrier", "圆快", "-yes")...)
	require.ErrorContains(t, err, "not in the table")
	for range 2 { // the second time it is already done
		_, err = flowstest.Start(t, program(), env, append(args, "-carrier", "圆通速递", "-yes")...)
		require.NoError(t, err)
	}
	doc, _ := srv.OutboundOfOrder(oID)
	assert.Equal(t, "Confirmed YTO YT1", doc.Status+" "+doc.LCID+" "+doc.LID)
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
