package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/internal/flows/flowstest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestProgram(t *testing.T) {
	text := flowstest.Run(t, program())
	for _, want := range []string{
		`Our reading`, `聚水潭总数不变`,
		`the total is unchanged: no call to Jushuitan`,
		`TEE24-WHT-M 6: the lost items are missing in the total`,
		`cross warehouse: 10100088 -> 10100089`,
		`three uploads made one document`,
		`超发\n +library says: .*request rejected`,
		`the upload has the remark`,
		`商品编码 TEE24-WHT-XXL 不存在`,
		`状态为 Confirmed，不能取消`,
		`DD-6006 is read as received 已收货`,
		`sums and Jushuitan's stock agree: 6 of 6`,
		`outcome unknown`,
		`DD-6003 is received 已收货`,
		`CAP24-RED +4 +3 +2 +1 +1\n`,
		`店加线下仓 +CAP24-RED 7, TEE24-WHT-L 3`,
		`店加线下仓华南 +CAP24-RED 2, TEE24-WHT-L 2`,
		`"S02": it is bound to several places`,
		`"S99": it is bound to no warehouse`,
		`Differences 差异: 4 found, 0 unexplained`,
		`21 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
	flowstest.Scenes(t, text, flows.CarrierUnknown, flows.DuplicatePush, flows.LostPush)
}

func TestDryRun(t *testing.T) {
	text := flowstest.Run(t, program(), "-dry-run")
	assert.Contains(t, text, "the total is unchanged")
	assert.Contains(t, text, "dry run: Transfers.UploadCrossWarehouse")
	assert.Contains(t, text, "nothing was sent")
}

func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	require.NoError(t, flows.Furnish(srv))
	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	args = append(args, "-no", "DD-1", "-from", "10100088:1", "-to", "10100089:1", "-lines", demo.TeeM+"=3", "-yes")
	text, err := flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Contains(t, text, "waiting 待出库")
	require.NoError(t, srv.ShipTransfer(srv.Transfers()[0].IOID, nil))
	require.NoError(t, srv.ReceiveTransfer(srv.Transfers()[0].IOID, flows.Qtys{demo.TeeM: 2}.Decimals()))
	text, err = flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Regexp(t, demo.TeeM+` +3 +3 +2 +- +1\n`, text)
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
