package flows_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func TestHeadWarehouse(t *testing.T) {
	assert.Equal(t, strconv.FormatInt(demo.MainWarehouse, 10), flows.HeadWarehouse)
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	r := flows.New(&out)
	r.Says(jushuitan.ErrInvalid, jushuitan.ErrInvalid)
	require.NoError(t, r.End())
	r.Says(nil, nil)
	r.Says(errors.New("something else"), jushuitan.ErrInvalid)
	require.ErrorContains(t, r.End(), "2 of 5 checks failed")
	assert.Contains(t, out.String(), "library says: something else")
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	n := decimal.NewFromInt
	r := flows.New(&out)
	r.Table(&mapping.TransferProgress{State: mapping.TransferReceived, Transfer: dianjia.Transfer{
		TransferNo: "PH-1", Items: []dianjia.TransferItem{{SKUCode: "A", Qty: n(10), Shipped: n(8), Received: n(9)}},
	}})
	assert.Regexp(t, `PH-1 .*received 已收货`, out.String())
	assert.Regexp(t, `A +10 +8 +9 +2 +-1\n`, out.String())
	r.Settles("PH-1", "A", demo.NotShipped, n(2), "asked again")
	require.Len(t, r.Unexplained(), 1, "the other one")
	require.ErrorContains(t, r.End(), "every difference is explained: 1 of 2")
	assert.Regexp(t, `PH-1 +A +not received 少收 +-1  UNEXPLAINED: -1\n`, out.String())
}

func TestJournal(t *testing.T) {
	ctx := context.Background()
	path := t.TempDir() + "/pushes.jsonl"
	begin := time.Date(2026, 5, 1, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))
	scope := callback.JournalScope{Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "7"}
	receipt := callback.JournalEntry{JournalScope: scope, Document: "o_id 1", At: begin.Add(time.Hour), OID: 1, LID: "YT1",
		Lines: []callback.JournalLine{{SKUID: "A", Qty: decimal.RequireFromString("1.50")}}}

	j, err := flows.OpenJournal(path, begin)
	require.NoError(t, err)
	require.NoError(t, j.Record(ctx, receipt))
	require.NoError(t, j.Close())
	require.Error(t, j.Record(ctx, receipt), "a closed journal notes nothing")

	// A crash cuts the last line short.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"Method":"logistics`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	for range 2 { // lines written after that are complete
		j, err = flows.OpenJournal(path, begin.Add(24*time.Hour))
		require.NoError(t, err)
		since, err := j.Since(ctx, scope)
		require.NoError(t, err)
		assert.True(t, since.Equal(begin), "it is kept since its beginning, not since it was opened")
		found, err := j.Find(ctx, scope, "o_id 1")
		require.NoError(t, err)
		require.NotEmpty(t, found)
		assert.True(t, found[0].At.Equal(receipt.At))
		assert.Equal(t, "YT1 A 1.5", found[0].LID+" "+found[0].Lines[0].SKUID+" "+found[0].Lines[0].Qty.String())
		require.NoError(t, j.Record(ctx, receipt))
		require.NoError(t, j.Close())
	}

	require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	_, err = flows.OpenJournal(path, begin)
	require.ErrorContains(t, err, path)
}

// TestReal: a transfer given by flags.
func TestReal(t *testing.T) {
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret"})
	require.NoError(t, err)
	uploads := 0
	run := func(dry bool, args ...string) (string, error) {
		q := &flows.Request{}
		fs := flag.NewFlagSet("x", flag.ContinueOnError)
		q.Flags(fs)
		require.NoError(t, fs.Parse(args))
		var out bytes.Buffer
		err := flows.Real(t.Context(), &app.App{Client: client.ForMerchant("20020"), Out: &out, DryRun: dry}, q, dianjia.TransferReturn,
			func(_ context.Context, plan mapping.TransferPlan) (int64, error) {
				uploads++
				_, err := plan.OtherIn()
				return 7, err
			},
			func(_ context.Context, tr *dianjia.Transfer, ioID int64) (mapping.TransferProgress, error) {
				return mapping.OtherInProgressOf(tr, &jushuitan.OtherInOut{IOID: ioID, Status: "Confirmed"}), nil
			})
		return out.String(), err
	}
	good := []string{"-no", "TH-1", "-from", "S01", "-to", "10100001:2", "-lines", "A=3, B=1.5"}

	text, err := run(false, good...)
	require.NoError(t, err)
	assert.Contains(t, text, "confirm with -yes")
	assert.Zero(t, uploads, "nothing is written without -yes")

	text, err = run(false, append(good, "-yes")...)
	require.NoError(t, err)
	assert.Regexp(t, `B +1\.5 +1\.5 +- +- +1\.5\n`, text)
	assert.Contains(t, text, "io_id 7")

	text, err = run(true, good...)
	require.NoError(t, err)
	assert.Contains(t, text, "nothing was sent")
	assert.Equal(t, 2, uploads)

	for want, args := range map[string][]string{
		"requires -no":       nil,
		"not SKU=quantity":   {"-no", "1", "-from", "1", "-to", "2", "-lines", "A"},
		"from 1 to 15":       {"-no", "1", "-from", "1", "-to", "2:99", "-lines", "A=1"},
		"must be positive":   {"-no", "1", "-from", "1", "-to", "2", "-lines", "A=-1", "-yes"},
		"merchant \"20020\"": {"-no", "1", "-from", "1", "-to", "S01", "-lines", "A=1", "-yes"},
	} {
		_, err := run(false, args...)
		require.ErrorContains(t, err, want)
	}
}
