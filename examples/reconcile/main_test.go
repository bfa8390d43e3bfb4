package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/internal/flows/flowstest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestProgram(t *testing.T) {
	text := flowstest.Run(t, program())
	for _, want := range []string{
		`5 pushes are lost; the host's state of MALL-8002: nothing`,
		`missed +logistics.upload MALL-8002 YT8002 +redelivered`,
		`missed +logistics.upload MALL-8002 SF8002 +redelivered`,
		`missed +cancel.order MALL-8003 +redelivered`,
		`missed +refund.goods RET-8001 +redelivered`,
		`missed +inventory.upload CAP24-RED +redelivered`,
		`the host knows: RET-8001 确认收货`,
		`it finds 0 differences`,
		`acknowledges them as duplicates: 5 of 5`,
		`unexpected +logistics.upload MALL-8003 FAKE1`,
		`13 checks: every check passed\n$`,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestDryRun(t *testing.T) {
	assert.Contains(t, flowstest.Run(t, program(), "-dry-run"), "nothing was sent")
}

// TestAccount: a parcel without a receipt in the file is reported, another is not, and
// nothing is written.
func TestAccount(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithClock(time.Now().Add(-time.Hour)))
	defer srv.Close()
	require.NoError(t, demo.Furnish(srv))
	path := filepath.Join(t.TempDir(), "pushes.jsonl")
	journal, err := flows.OpenJournal(path, srv.Now().Add(-time.Hour))
	require.NoError(t, err)
	for _, soID := range []string{"MALL-1", "MALL-2"} {
		oID, err := srv.ImportOrder(jushuitan.OrderUpload{ShopID: demo.MallShop, SoID: soID, Items: []jushuitan.OrderUploadItem{{SKUID: demo.Cap, Qty: decimal.NewFromInt(1)}}})
		require.NoError(t, err)
		ioID, err := srv.AssignOrder(oID, demo.MainWarehouse)
		require.NoError(t, err)
		require.NoError(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "YT-" + soID}))
		if soID == "MALL-1" {
			require.NoError(t, journal.Record(t.Context(), (&callback.Difference{
				Method: jushuitan.PushShipment, EntID: demo.Merchant, StorageCode: "10200077",
				Shipment: &jushuitan.ShipmentPush{OID: oID, SoID: soID, LID: "YT-" + soID, LCID: "YTO"},
			}).JournalEntries(srv.Now())...))
		}
	}
	require.NoError(t, journal.Close())
	srv.Advance(time.Hour)

	cred := srv.Credentials()
	env, args := flowstest.Account(cred.AppKey, cred.AppSecret, srv.URL)
	args = append(args, "-merchant", demo.Merchant)
	_, err = flowstest.Start(t, program(), env, args...)
	require.ErrorContains(t, err, "-journal")
	text, err := flowstest.Start(t, program(), env, append(args, "-journal", path, "-shop", "10200077")...)
	require.NoError(t, err)
	assert.Regexp(t, `missed logistics.upload o_id \d+ MALL-2 YT-MALL-2\n1 differences`, text)
}
