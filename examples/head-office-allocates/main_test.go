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
		`Our reading`, `跨仓调拨`,
		`商品编码 TEE24-WHT-XXL 不存在`,
		`three uploads of PH-3001 made one document`,
		`carrier "CN-JSD" \("菜鸟急送达"\) of Jushuitan 聚水潭 is not in the table`,
		`状态为 Confirmed，不能取消`,
		`PH-3002 is read as received 已收货`,
		`the client renewed the token`,
		`TEE24-WHT-L +6 +4 +- +2 +-\n`, // shipped less, nothing received yet
		`TEE24-WHT-M +10 +10 +9 +- +1\n`,
		`CAP24-RED +4 +4 +5 +- +-1\n`,
		`状态为 Confirmed，不能确认`,
		`TEE24-WHT-M 16 \(1 in transit\)`,
		`CreateDifference +差异单 io_id \d+ +TEE24-WHT-M 1`,
		`asked for again +PH-3001-2 io_id \d+ +少发 TEE24-WHT-L 2`,
		`PH-3001 +TEE24-WHT-M +not received 少收 +1  difference document`,
		`Differences 差异: 4 found, 0 unexplained`,
		`13 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
	flowstest.Scenes(t, text, flows.DuplicatePush, flows.LostPush)
}

func TestDryRun(t *testing.T) {
	text := flowstest.Run(t, program(), "-dry-run")
	assert.Contains(t, text, "dry run: Transfers.UploadCrossWarehouse")
	assert.Contains(t, text, "nothing was sent")
	assert.NotContains(t, text, "WMS ships")
}

// TestAccount: one transfer, uploaded once and followed by running the program again.
func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	_, err := flowstest.Start(t, program(), env, args...)
	require.ErrorContains(t, err, "requires -no")

	args = append(args, "-no", "PH-1", "-from", "10100001:1", "-to", "10100088:1", "-lines", demo.TeeM+"=10")
	text, err := flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Contains(t, text, "confirm with -yes")
	assert.Empty(t, srv.Transfers())

	args = append(args, "-yes")
	text, err = flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Contains(t, text, "waiting 待出库")
	require.Len(t, srv.Transfers(), 1)
	require.NoError(t, srv.ShipTransfer(srv.Transfers()[0].IOID, flows.Qtys{demo.TeeM: 8}.Decimals()))
	text, err = flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Regexp(t, demo.TeeM+` +10 +8 +- +2 +-\n`, text)
	assert.Len(t, srv.Transfers(), 2, "the outgoing document and its incoming one, no third")
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
