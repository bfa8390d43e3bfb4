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
		`Our reading`, `其它退货入销退仓（仓位 2）`,
		`return_warehouse_code: the code of the return warehouse is "9"`,
		`made one document, with 圆通速递 YT5001`,
		`TH-5001 io_id \d+ +10100001 slot 2`,
		`carrier "圆通速运达" of DianJia 店加 is not in the table`,
		`商品编码 TEE24-WHT-XXL 不存在`,
		`TH-5001 is received and cannot be cancelled`,
		`TH-5001-2 is read as received 已收货, nothing is missing`,
		`TEE24-WHT-M +3 +3 +2 +- +1\n`,
		`CAP24-RED +2 +2 +3 +- +-1\n`,
		`next return +TH-5001-2 io_id \d+ +少发 TEE24-WHT-L 1`,
		`TH-5001 +CAP24-RED +not received 少收 +-1  the store's stock was corrected`,
		`销退仓 slot 2 +TEE24-WHT-M 2, TEE24-WHT-L 1, CAP24-RED 3`,
		`库存不足：需要 3，现有 2`,
		`slot 2 -> slot 1`,
		`Differences 差异: 4 found, 0 unexplained`,
		`16 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
	flowstest.Scenes(t, text, flows.DuplicatePush, flows.LostPush)
}

func TestDryRun(t *testing.T) {
	text := flowstest.Run(t, program(), "-dry-run")
	assert.Contains(t, text, "dry run: OtherInOuts.Upload")
	assert.Contains(t, text, "nothing was sent")
}

func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	args = append(args, "-no", "TH-1", "-from", "S01", "-to", "10100001:2", "-lines", demo.TeeM+"=3", "-yes")
	text, err := flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Contains(t, text, "in transit 在途")
	require.Len(t, srv.OtherInOuts(), 1)
	assert.Equal(t, int64(2), srv.OtherInOuts()[0].WhID, "it is for the return warehouse")
	require.NoError(t, srv.ConfirmOtherInOut(srv.OtherInOuts()[0].IOID, flows.Qtys{demo.TeeM: 1}.Decimals()))
	text, err = flowstest.Start(t, program(), env, args...)
	require.NoError(t, err)
	assert.Regexp(t, demo.TeeM+` +3 +3 +1 +- +2\n`, text)
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
