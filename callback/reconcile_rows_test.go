package callback_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestReconcileReportsBadRows: a row that cannot be decoded, in a listing or in what is asked
// of single documents, is reported with its key, and nothing is concluded about its document;
// the others are compared. So it is if the client's own option passes over such rows.
func TestReconcileReportsBadRows(t *testing.T) {
	const at = `"modified":"2024-01-02 12:00:00","shop_id":10350`
	order := func(oID int, more string) string {
		return fmt.Sprintf(`{"o_id":%d,"so_id":"SO-%d","status":"Cancelled",%s%s}`, oID, oID, at, more)
	}
	receipt := func(asID int, qty string) string {
		return fmt.Sprintf(`{"io_id":%d,"as_id":%d,"so_id":"SO-%d","status":"Confirmed","io_date":"2024-01-02 12:00:00",%s,"items":[{"sku_id":"A","qty":%s}]}`, 100+asID, asID, asID, at, qty)
	}
	caseRow := func(asID int) string {
		return fmt.Sprintf(`{"as_id":%d,"outer_as_id":"RF-%d",%s}`, asID, asID, at)
	}
	a := itemRow("A", "1", "1", "")
	for _, c := range []struct {
		name   string
		method jushuitan.PushMethod
		erp    script
		want   []string
		key    string
	}{
		{"cancel", jushuitan.PushCancel, script{ordersPath: {order(1, ""), order(2, `,"pay_amount":"x"`), order(3, "")}}, []string{"missed cancel.order so_id SO-1", "missed cancel.order so_id SO-3"}, "2"},
		{
			"shipment", jushuitan.PushShipment, script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a), parcelRow(2, "SO-2", "YT2", "SF", itemRow("A", `"many"`, "1", "")), parcelRow(3, "SO-3", "YT3", "SF", a)}},
			[]string{"missed logistics.upload o_id 1 YT1", "missed logistics.upload o_id 3 YT3"}, "2|YT2",
		},
		{
			"outbound document of a shipment", jushuitan.PushShipment,
			script{logisticPath: {parcelRow(1, "SO-1", "YT1", "SF", a)}, outboundPath: {`{"io_id":7,"o_id":1,"status":"Confirmed","pay_amount":"x"}`}},
			[]string{"missed logistics.upload o_id 1 YT1"}, "7",
		},
		{"stock", jushuitan.PushStock, script{stockPath: {`{"sku_id":"A","qty":5,` + at + `}`, `{"sku_id":"B","qty":"many",` + at + `}`}}, []string{"missed inventory.upload sku_id A 5"}, "B"},
		{
			"receipt", jushuitan.PushGoodsReturned,
			script{receivedPath: {receipt(1, "1"), receipt(2, `"many"`), receipt(3, "2")}, casesPath: {caseRow(1), caseRow(2), caseRow(3)}}, nil, "102",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := time.Date(2024, 1, 2, 0, 0, 0, 0, noon.Location())
			client, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt},
				jushuitan.WithHTTPClient(&http.Client{Transport: c.erp}), jushuitan.WithToken("token"),
				jushuitan.WithOnBadRow(func(jushuitan.BadRow) { t.Error("the host's function is not told") }))
			require.NoError(t, err)
			var found []*callback.Difference
			var bad []string
			for d, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
				Client: client, Journal: callback.NewMemoryJournal(0, from), EntID: "10010", From: from, Now: func() time.Time { return from.Add(13 * time.Hour) },
				Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{c.method},
				Stocks: []callback.ReconcileStock{{Figure: func(row *jushuitan.InventoryRow) (decimal.Decimal, bool) { return row.Qty, true }}},
			}) {
				if err == nil {
					found = append(found, d)
					continue
				}
				var incomplete *callback.ReconcileError
				require.ErrorAs(t, err, &incomplete)
				assert.Equal(t, c.method, incomplete.Method)
				var rows *jushuitan.BadRowsError
				require.ErrorAs(t, err, &rows)
				require.ErrorContains(t, err, "not compared, check them in the ERP")
				for _, row := range rows.Rows {
					bad = append(bad, row.Key)
				}
			}
			if c.want == nil {
				c.want = []string{}
			}
			assert.Equal(t, c.want, told(found))
			assert.Contains(t, bad, c.key)
		})
	}
}

// forgetful is an ERP that lists receipts and does not find them by their case.
type forgetful struct{ script }

func (e forgetful) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	if strings.Contains(req.PostForm.Get("biz"), "as_ids") {
		return script{}.RoundTrip(req)
	}
	return e.script.RoundTrip(req)
}

// TestReconcileVanishedReceipts: receipts that are listed and then not found are reported, and
// nothing is concluded from their absence.
func TestReconcileVanishedReceipts(t *testing.T) {
	from := time.Date(2024, 1, 2, 0, 0, 0, 0, noon.Location())
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt}, jushuitan.WithToken("token"),
		jushuitan.WithHTTPClient(&http.Client{Transport: forgetful{script{receivedPath: {
			`{"io_id":101,"as_id":1,"so_id":"SO-1","status":"Confirmed","modified":"2024-01-02 12:00:00","shop_id":10350,"items":[{"sku_id":"A","qty":1}]}`,
		}}}}))
	require.NoError(t, err)
	var errs []error
	for d, err := range callback.Reconcile(t.Context(), callback.ReconcileConfig{
		Client: client, Journal: callback.NewMemoryJournal(0, from), EntID: "10010", From: from, Now: func() time.Time { return from.Add(13 * time.Hour) },
		Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{jushuitan.PushGoodsReturned},
	}) {
		assert.Nil(t, d)
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], callback.ErrNotCompared)
	require.ErrorContains(t, errs[0], "check the document in the ERP / 该单据未核对，请在聚水潭中查看: document not compared: receipts of after-sale 1 are listed, but missing from its query")
}

// bigERP answers listings with many rows, made when they are asked for, whose times are spread
// over half a day. No document was pushed, so that each is found.
type bigERP struct{ rows int }

// bigDay is when its first row was modified.
var bigDay = time.Date(2024, 1, 2, 0, 0, 0, 0, noon.Location())

// modified is when row i was modified.
func (e bigERP) modified(i int) time.Time {
	return bigDay.Add(time.Duration(i) * 12 * time.Hour / time.Duration(e.rows)).Truncate(time.Second)
}

// first returns the first row that was modified at or after a time.
func (e bigERP) first(at string) int {
	t, err := time.ParseInLocation(time.DateTime, at, noon.Location())
	if err != nil {
		return 0
	}
	return sort.Search(e.rows, func(i int) bool { return !e.modified(i).Before(t) })
}

func (e bigERP) RoundTrip(req *http.Request) (*http.Response, error) {
	var q struct {
		Page  int     `json:"page_index"`
		Size  int     `json:"page_size"`
		Begin string  `json:"modified_begin"`
		End   string  `json:"modified_end"`
		ASIDs []int64 `json:"as_ids"`
		OIDs  []any   `json:"o_ids"`
	}
	if err := readQuery(req, &q); err != nil {
		return nil, err
	}
	last := e.rows
	if t, err := time.ParseInLocation(time.DateTime, q.End, noon.Location()); err == nil {
		last = e.first(t.Add(time.Second).Format(time.DateTime))
	}
	first := e.first(q.Begin)
	list, total := "datas", last-first
	var rows []string
	switch {
	case len(q.ASIDs) > 0:
		for _, id := range q.ASIDs {
			rows = append(rows, fmt.Sprintf(`{"io_id":%d,"as_id":%d,"outer_as_id":"RF-%d","so_id":"SO-%d","status":"Confirmed",%s,"items":[{"sku_id":"A","qty":1}]}`, id, id, id, id, e.times(int(id))))
		}
		total, q.Page = len(rows), 1
	case len(q.OIDs) > 0:
		total = 0
	default:
		list = map[string]string{logisticPath: "orders", ordersPath: "orders", stockPath: "inventorys"}[req.URL.Path]
		if list == "" {
			list = "datas"
		}
		for i := first + (q.Page-1)*q.Size; i < min(first+q.Page*q.Size, last); i++ {
			rows = append(rows, fmt.Sprintf(`{"io_id":%[1]d,"o_id":%[1]d,"as_id":%[1]d,"sku_id":"SKU-%[1]d","so_id":"SO-%[1]d","l_id":"YT%[1]d","status":"Cancelled","qty":3,%[2]s,
				"items":[{"sku_id":"A","qty":1}]}`, i+1, e.times(i+1)))
		}
	}
	body := fmt.Sprintf(`{"code":0,"data":{"page_index":%d,"page_size":%d,"has_next":%t,"data_count":%d,"page_count":%d,%q:[%s]}}`,
		q.Page, q.Size, q.Page*q.Size < total, total, (total+max(q.Size, 1)-1)/max(q.Size, 1), list, strings.Join(rows, ","))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

// times returns the members of the row with a number, counted from 1, that have its time.
func (e bigERP) times(number int) string {
	at := e.modified(number - 1).Format(time.DateTime)
	return fmt.Sprintf(`"modified":%[1]q,"io_date":%[1]q,"send_date":%[1]q,"shop_id":10350`, at)
}

// emptyJournal has recorded nothing.
type emptyJournal struct{ callback.Journal }

func (emptyJournal) Find(context.Context, callback.JournalScope, string) ([]callback.JournalEntry, error) {
	return nil, nil
}

func (emptyJournal) Between(context.Context, callback.JournalScope, time.Time, time.Time) iter.Seq2[callback.JournalEntry, error] {
	return func(func(callback.JournalEntry, error) bool) {}
}

func (emptyJournal) Since(context.Context, callback.JournalScope) (time.Time, error) {
	return time.Time{}, nil
}

// heapSizes reconciles one kind over many documents and returns how many it found and how much
// larger than before the heap was, after collections, in ascending order.
func heapSizes(tb testing.TB, method jushuitan.PushMethod, documents int) (found int, sizes []uint64) {
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt},
		jushuitan.WithHTTPClient(&http.Client{Transport: bigERP{documents}}), jushuitan.WithToken("token"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}))
	require.NoError(tb, err)
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	var m runtime.MemStats
	heap := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for _, err := range callback.Reconcile(tb.Context(), callback.ReconcileConfig{
		Client: client, Journal: emptyJournal{}, EntID: "10010", From: bigDay, Now: func() time.Time { return bigDay.Add(13 * time.Hour) },
		Shops: []callback.ReconcileShop{{ShopID: mallShop}}, Methods: []jushuitan.PushMethod{method},
		Stocks: []callback.ReconcileStock{{Figure: func(row *jushuitan.InventoryRow) (decimal.Decimal, bool) { return row.Qty, true }}},
	}) {
		require.NoError(tb, err)
		if found++; found%1_000 == 0 {
			sizes = append(sizes, heap()-min(before, m.HeapAlloc))
		}
	}
	slices.Sort(sizes)
	return found, sizes
}

// TestReconcileMemory: six times as many documents take no more memory. If the listing and the
// set of reported documents remembered all of them, it would be 2 MiB.
func TestReconcileMemory(t *testing.T) {
	documents := max(1_000, racetest.Fewer(10_000))
	for _, method := range jushuitan.PushMethods() {
		var medians [2]uint64
		for i, n := range []int{documents, 6 * documents} {
			found, sizes := heapSizes(t, method, n)
			assert.Equal(t, n, found, method)
			medians[i] = sizes[len(sizes)/2]
		}
		if racetest.Enabled {
			continue // what is remembered of so few is not full yet
		}
		assert.Less(t, medians[1], medians[0]+1<<20, "%s: bytes of heap over %d documents, and over six times as many: %d", method, documents, medians)
	}
}

// BenchmarkReconcileMemory prints the median and the largest heap over 1,000, 10,000 and, without
// -short, 100,000 documents.
func BenchmarkReconcileMemory(b *testing.B) {
	sizes := []int{1_000, 10_000, 100_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, method := range jushuitan.PushMethods() {
		for _, documents := range sizes {
			b.Run(fmt.Sprintf("%s/%d", method, documents), func(b *testing.B) {
				for b.Loop() {
					found, sizes := heapSizes(b, method, documents)
					require.Equal(b, documents, found)
					b.ReportMetric(float64(sizes[len(sizes)/2])/(1<<20), "MiB-median")
					b.ReportMetric(float64(sizes[len(sizes)-1])/(1<<20), "MiB-peak")
				}
			})
		}
	}
}
