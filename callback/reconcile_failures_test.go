package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// failsAt is an ERP one of whose answers is a refusal.
type failsAt struct {
	script
	at int // counted from 1, 0: none
	n  *int
}

func (f failsAt) RoundTrip(req *http.Request) (*http.Response, error) {
	if *f.n++; *f.n != f.at {
		return f.script.RoundTrip(req)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	_, err := w.WriteString(`{"code":190,"msg":"无权限"}`)
	return w.Result(), err
}

// journalFailsAt is a journal one of whose answers is an error.
type journalFailsAt struct {
	callback.Journal
	at int
	n  *int
}

func (j journalFailsAt) fails() error {
	if *j.n++; *j.n == j.at {
		return errBroken
	}
	return nil
}

func (j journalFailsAt) Find(ctx context.Context, of callback.JournalScope, document string) ([]callback.JournalEntry, error) {
	if err := j.fails(); err != nil {
		return nil, err
	}
	return j.Journal.Find(ctx, of, document)
}

func (j journalFailsAt) Since(ctx context.Context, of callback.JournalScope) (time.Time, error) {
	if err := j.fails(); err != nil {
		return time.Time{}, err
	}
	return j.Journal.Since(ctx, of)
}

func (j journalFailsAt) Between(ctx context.Context, of callback.JournalScope, from, to time.Time) iter.Seq2[callback.JournalEntry, error] {
	if err := j.fails(); err != nil {
		return func(yield func(callback.JournalEntry, error) bool) { yield(callback.JournalEntry{}, err) }
	}
	return j.Journal.Between(ctx, of, from, to)
}

// TestReconcileTellsEachFailure: whichever question to the ERP or to the journal fails, an error says
// so; without one, everything was compared.
func TestReconcileTellsEachFailure(t *testing.T) {
	const ship, cancel, goods = jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned
	from := time.Date(2024, 1, 2, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
	receipt := func(ioID, asID int) string {
		return fmt.Sprintf(`{"io_id":%d,"as_id":%d,"shop_id":10350,"so_id":"SO-1","status":"Confirmed","modified":"2024-01-02 12:00:00",`+
			`"io_date":"2024-01-02 12:00:00","items":[{"sku_id":"A","qty":1}]}`, ioID, asID)
	}
	line := `"items":[{"sku_id":"A","qty":1,"outer_oi_id":"SO-1-1"}]`
	erp := script{
		logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", itemRow("A", "2", "SO-1-1", "")), parcelRow(2, "SO-2", "YT2", "SF", itemRow("A", "1", "SO-2-1", ""))},
		outboundPath: {`{"io_id":1,"o_id":2,"so_id":"SO-2","shop_id":10350,"status":"Confirmed","l_id":"YT2","wms_co_id":7,"items":[]}`},
		ordersPath: {
			`{"o_id":3,"so_id":"SO-3","shop_id":10350,"status":"Cancelled","modified":"2024-01-02 12:00:00"}`,
			`{"o_id":4,"so_id":"SO-4","shop_id":10350,"status":"Sent","modified":"2024-01-02 12:00:00"}`,
		},
		receivedPath: {receipt(1, 8), receipt(2, 9)},
		casesPath:    {`{"as_id":8,"outer_as_id":"RF-8","shop_id":10350,"o_id":1,"so_id":"SO-1"}`, `{"as_id":9,"outer_as_id":"RF-9","shop_id":10350,"o_id":1,"so_id":"SO-1"}`},
	}
	pushes := [][2]string{
		{string(ship), `{"o_id":1,"so_id":"SO-1","l_id":"YT0","lc_id":"SF",` + line + `}`},
		{string(ship), `{"o_id":1,"so_id":"SO-1","l_id":"YT1","lc_id":"SF",` + line + `}`},
		{string(ship), `{"o_id":5,"so_id":"SO-5","l_id":"YT5","lc_id":"SF",` + line + `}`},
		{string(ship), `{"o_id":5,"so_id":"SO-5","l_id":"YT5","lc_id":"YTO",` + line + `}`},
		{string(cancel), `{"so_id":"SO-4"}`},
		{string(goods), `{"as_id":9,"outer_as_id":"RF-9","so_id":"SO-1","action_name":"确认收货","items":[{"sku_id":"B","qty":1}]}`},
		{string(goods), `{"as_id":7,"outer_as_id":"RF-7","so_id":"SO-1","action_name":"确认收货","items":[{"sku_id":"A","qty":1}]}`},
	}
	for _, method := range []jushuitan.PushMethod{ship, cancel, goods} {
		journal := callback.NewMemoryJournal(0, from)
		h := &host{}
		cfg := h.config()
		cfg.Now = func() time.Time { return from.Add(12 * time.Hour) }
		r := receiver(t, callback.WithJournal(cfg, journal))
		for _, p := range pushes {
			w := httptest.NewRecorder()
			r.ServeHTTP(w, signedRequest(t, jushuitan.PushMethod(p[0]), p[1]))
			require.Equal(t, success, w.Body.String())
		}
		compare := func(callAt, noteAt int) (calls, notes int, found []string, errs error) {
			c, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt},
				jushuitan.WithHTTPClient(&http.Client{Transport: failsAt{erp, callAt, &calls}}))
			require.NoError(t, err)
			for diff, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
				Client: c.WithToken("token"), Journal: journalFailsAt{journal, noteAt, &notes}, EntID: "10010", From: from, Unexpected: true,
				Now:   func() time.Time { return from.Add(13 * time.Hour) },
				Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{method},
			}) {
				if errs = errors.Join(errs, err); err == nil {
					found = append(found, told([]*callback.Difference{diff})...)
				}
			}
			return calls, notes, found, errs
		}
		calls, notes, all, err := compare(0, 0)
		require.NoError(t, err)
		require.NotEmpty(t, all, method)
		require.Greater(t, calls, 1, method)
		require.Greater(t, notes, 2, method)
		for at := range calls {
			_, _, found, err := compare(at+1, 0)
			require.ErrorIs(t, err, jushuitan.ErrPermission, "%s: call %d of %d", method, at+1, calls)
			assert.Subset(t, all, found)
		}
		for at := range notes {
			_, _, found, err := compare(0, at+1)
			require.ErrorIs(t, err, callback.ErrJournal, "%s: question %d of %d to the journal", method, at+1, notes)
			require.ErrorIs(t, err, errBroken)
			assert.Subset(t, all, found)
		}
	}
}

// TestReconcileParcelMessage: what a parcel lacks is taken from the outbound documents of its
// order that were not cancelled: of a line from the one with its SKU and its number in the mall.
func TestReconcileParcelMessage(t *testing.T) {
	document := func(ioID int, status, lID, cluster string, wms int, lines ...string) string {
		return fmt.Sprintf(`{"io_id":%d,"o_id":1,"so_id":"SO-1","shop_id":10350,"status":%q,"l_id":%q,"wms_co_id":%d,"cluster_infos":[%s],"items":[%s]}`,
			ioID, status, lID, wms, cluster, strings.Join(lines, ","))
	}
	line := func(oiID int, sku, outer string) string {
		return fmt.Sprintf(`{"oi_id":%d,"sku_id":%q,"outer_oi_id":%q,"name":"line %d","qty":1}`, oiID, sku, outer, oiID)
	}
	for name, c := range map[string]struct {
		documents []string
		all       bool
		wms       int64
		lines     string // the numbers of the lines A of O-2 and B of O-1
	}{
		"no document":           {nil, false, 0, "[0  0 ]"},
		"like lines":            {[]string{document(5, "Confirmed", "YT1", "", 7, line(11, "A", "O-1"), line(12, "B", "O-2"), line(13, "A", "O-2"), line(14, "B", "O-1"))}, true, 7, "[13 line 13 14 line 14]"},
		"other lines":           {[]string{document(5, "Confirmed", "YT1", "", 7, line(11, "A", "O-1"), line(12, "B", "O-2"))}, true, 7, "[0  0 ]"},
		"of two documents":      {[]string{document(5, "Confirmed", "YT0", "", 6, line(11, "A", "O-1"), line(14, "B", "O-1")), document(6, "Confirmed", "YT1", "", 7, line(13, "A", "O-2"))}, true, 7, "[13 line 13 14 line 14]"},
		"the first is its own":  {[]string{document(5, "Confirmed", "YT1", "", 7), document(6, "Confirmed", "YT0", "", 6)}, true, 7, "[0  0 ]"},
		"none is its own":       {[]string{document(5, "Confirmed", "YT2", "", 7), document(6, "Confirmed", "YT0", "", 6)}, true, 7, "[0  0 ]"},
		"one of several":        {[]string{document(5, "Confirmed", "YT0", "", 6), document(6, "Confirmed", "YT2", `{"l_id":"YT3"},{"l_id":"YT1"}`, 7)}, true, 7, "[0  0 ]"},
		"one waits":             {[]string{document(5, "WaitConfirm", "", "", 6), document(6, "Confirmed", "YT1", "", 7)}, false, 7, "[0  0 ]"},
		"the last waits":        {[]string{document(6, "Confirmed", "YT1", "", 7), document(5, "WaitConfirm", "", "", 6)}, false, 7, "[0  0 ]"},
		"cancelled and deleted": {[]string{document(5, "Cancelled", "YT1", "", 5, line(13, "A", "O-2")), document(6, "Delete", "YT1", "", 6, line(14, "B", "O-1")), document(7, "Confirmed", "YT1", "", 7)}, true, 7, "[0  0 ]"},
	} {
		t.Run(name, func(t *testing.T) {
			from := time.Date(2024, 1, 2, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
			erp := script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", itemRow("A", "1", "O-2", ""), itemRow("B", "1", "O-1", ""))}, outboundPath: c.documents}
			n := 0
			for diff, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
				Client: scripted(t, erp), Journal: callback.NewMemoryJournal(0, from), EntID: "10010", From: from,
				Now:   func() time.Time { return from.Add(13 * time.Hour) },
				Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{jushuitan.PushShipment},
			}) {
				require.NoError(t, err)
				n++
				m := diff.Shipment
				require.NotNil(t, m)
				assert.Equal(t, c.all, m.IsSendAll, "all sent")
				assert.Equal(t, c.wms, m.WMSCoID)
				var lines []any
				for _, it := range m.Items {
					lines = append(lines, it.OIID, it.Name)
				}
				assert.Equal(t, c.lines, fmt.Sprint(lines))
			}
			assert.Equal(t, 1, n)
		})
	}
}
