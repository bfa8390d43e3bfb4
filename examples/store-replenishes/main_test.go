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
		`Our reading`, `其它出库`,
		`S02 TEE24-WHT-L asked 8 +approved 批准 5`,
		`three uploads made one document`,
		`BH-4002 is cancelled 已取消`,
		`BH-4001 +in transit 在途, cursor \d+`,
		`商品编码 TEE24-WHT-XXL 不存在`,
		`carrier "CN-JSD" \("菜鸟急送达"\) of Jushuitan 聚水潭 is not in the table`,
		`1 document found, cursor \d+\n +check ok: BH-4001-2 is read as in transit`,
		`TEE24-WHT-L +5 +4 +- +1 +-\n`,
		`after the goods left\n.*BH-4001 is in transit and cannot be cancelled`,
		`TEE24-WHT-M +12 +12 +11 +- +1\n`,
		`在途损耗 TEE24-WHT-M 1`,
		`SetVirtualQtys +wms_co_id 10100088 +TEE24-WHT-M 16`,
		`BH-4001 +TEE24-WHT-L +not approved 未批准 +3 `,
		`BH-4001 +TEE24-WHT-L +not shipped 少发 +1  asked for again as BH-4001-2`,
		`Differences 差异: 4 found, 0 unexplained`,
		`13 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
	flowstest.Scenes(t, text, flows.DuplicatePush, flows.LostPush)
}

func TestDryRun(t *testing.T) {
	text := flowstest.Run(t, program(), "-dry-run")
	assert.Contains(t, text, "dry run: Inventory.SetVirtualQtys")
	assert.Contains(t, text, "dry run: OtherInOuts.Upload")
	assert.Contains(t, text, "nothing was sent")
}

func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	args = append(args, "-no", "BH-1", "-from", "10100001:1", "-to", "S02", "-lines", demo.TeeM+"=10", "-yes")
	for _, want := range []string{`waiting 待出库`, demo.TeeM + ` +10 +10 +-`} {
		text, err := flowstest.Start(t, program(), env, args...)
		require.NoError(t, err)
		assert.Regexp(t, want, text)
		require.Len(t, srv.OtherInOuts(), 1)
		if srv.OtherInOuts()[0].Status != "Confirmed" {
			require.NoError(t, srv.ConfirmOtherInOut(srv.OtherInOuts()[0].IOID, nil))
		}
	}
}

// TestProgramUnderDialects: the program's checks hold in every dialect.
func TestProgramUnderDialects(t *testing.T) { flowstest.UnderDialects(t, program) }
