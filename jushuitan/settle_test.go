package jushuitan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// settleCase is a write with what the ERP shows of it. Rows are without their number, where
// the ERP makes it, and without times.
type settleCase struct {
	op, request string
	asked       string // what the query must ask for
	applied     string // the row once the write was applied
	before      string // the row before; "" where the write creates the document
	undone      string // the row if the ERP has undone the write since; "" where no state says so
	other       string // of a write that creates: the row with other content
	fresh       bool   // no number names the document
}

// settleCases are all writes that can be read back.
var settleCases = []settleCase{
	{op: "AfterSales.Upload", request: `[{"shop_id":7,"outer_as_id":"A1","so_id":"S1","shop_status":"SUCCESS","items":[{"sku_id":"K","qty":1}]}]`, asked: `"so_ids":["S1"]`,
		applied: `"shop_id":7,"outer_as_id":"A1","shop_status":"SUCCESS","status":"WaitConfirm","items":[{"sku_id":"K","qty":1}]`,
		undone:  `"shop_id":7,"outer_as_id":"A1","shop_status":"SUCCESS","status":"Cancelled","items":[{"sku_id":"K","qty":"1"}]`,
		other:   `"shop_id":7,"outer_as_id":"A1","shop_status":"CLOSED","status":"WaitConfirm","items":[{"sku_id":"K","qty":1}]`},
	{op: "AfterSales.ConfirmGoods", request: `[{"as_id":5,"return_id":"r","items":[{"sku_id":"K","qty":2},{"sku_id":"L","qty":1}]}]`, asked: `"as_ids":[5]`, fresh: true,
		applied: `"as_id":5,"status":"Confirmed","items":[{"sku_id":"L","qty":1},{"sku_id":"K","qty":2}]`,
		undone:  `"as_id":5,"status":"Cancelled","items":[{"sku_id":"L","qty":1},{"sku_id":"K","qty":2}]`,
		other:   `"as_id":5,"status":"Confirmed","items":[{"sku_id":"K","qty":1},{"sku_id":"L","qty":1}]`},
	{op: "AfterSales.Confirm", request: `{"as_ids":[5]}`, asked: `"as_ids":[5]`, applied: `"as_id":5,"status":"Confirmed"`, before: `"as_id":5,"status":"WaitConfirm"`},
	{op: "AfterSales.Unconfirm", request: `{"as_ids":[5]}`, asked: `"as_ids":[5]`, applied: `"as_id":5,"status":"WaitConfirm"`, before: `"as_id":5,"status":"Confirmed"`},
	{op: "AfterSales.Cancel", request: `{"as_id":5}`, asked: `"as_ids":[5]`, applied: `"as_id":5,"status":"Cancelled"`, before: `"as_id":5,"status":"WaitConfirm"`},
	{op: "AfterSales.SetLabels", request: `{"as_id":5,"labels":"a,b"}`, asked: `"as_ids":[5]`, applied: `"as_id":5,"labels":"c,b,a"`, before: `"as_id":5,"labels":"c,b"`},
	{op: "Items.Upload", request: `{"items":[{"i_id":"I","name":"n","weight":1.5}]}`, asked: `"i_ids":["I"]`,
		applied: `"i_id":"I","name":"n","weight":"1.50"`, other: `"i_id":"I","name":"n","weight":"1"`},
	{op: "SKUs.Upload", request: `{"items":[{"sku_id":"K","i_id":"I","name":"n","s_price":9.5}]}`, asked: `"sku_ids":"K"`,
		applied: `"sku_id":"K","i_id":"I","name":"n","sale_price":9.5`, other: `"sku_id":"K","i_id":"I","name":"n","sale_price":9`},
	{op: "SKUs.BatchUpload", request: `{"items":[{"sku_id":"K","i_id":"I","name":"n","sale_price":9.5}]}`, asked: `"sku_ids":"K"`,
		applied: `"sku_id":"K","i_id":"I","name":"n","sale_price":9.5`, other: `"sku_id":"K","i_id":"I","name":"m","sale_price":9.5`},
	{op: "ShopSKUs.Upload", request: `{"items":[{"sku_id":"K","shop_i_id":"P","shop_sku_id":"P1","shop_id":7}]}`, asked: `"sku_ids":"P1"`,
		applied: `"shop_id":7,"shop_i_id":"P","shop_sku_id":"P1","sku_id":"P1","link_sku_id":"K"`, other: `"shop_id":7,"shop_i_id":"P","shop_sku_id":"P1","sku_id":"K2","link_sku_id":null`},
	{op: "Bundles.Upload", request: `{"items":[{"sku_id":"B","name":"n","childList":[{"src_sku_id":"K","qty":2,"sale_price":1}]}]}`, asked: `"sku_ids":"B"`,
		applied: `"sku_id":"B","name":"n","items":[{"src_sku_id":"K","qty":"2.0"}]`, other: `"sku_id":"B","name":"n","items":[{"src_sku_id":"K","qty":3}]`},
	{op: "ShopSKUs.Bind", request: `{"sku_id":"K","sku_codes":["P1"]}`, asked: `"sku_ids":"P1"`,
		applied: `"shop_id":7,"shop_sku_id":"P1","sku_id":"P1","link_sku_id":"K"`, before: `"shop_id":7,"shop_sku_id":"P1","sku_id":"P1","link_sku_id":"L"`},
	{op: "Receipts.Create", request: `[{"external_id":"E1","items":[{"sku_id":"K","qty":2}]}]`, asked: `"WaitConfirm"`,
		applied: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":2}]`, undone: `"so_id":"E1","status":"Delete","items":[{"sku_id":"K","qty":2}]`,
		other: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":3}]`},
	{op: "Receipts.Confirm", request: `[{"io_id":9,"items":[{"sku_id":"K","qty":2}]}]`, asked: `"io_ids":[9]`, applied: `"io_id":9,"status":"Confirmed"`, before: `"io_id":9,"status":"WaitConfirm"`},
	{op: "Inventory.SetVirtualQtys", request: `{"wms_co_id":3,"sku_and_qty":[{"sku_id":"K","qty":0}]}`, asked: `"wms_co_id":3`, applied: `"sku_id":"K","virtual_qty":"0.00"`, before: `"sku_id":"K","virtual_qty":4`},
	{op: "Stocktakes.Upload", request: `{"wms_co_id":3,"warehouse":"1","so_id":"C1","type":"check","is_confirm":true,"items":[{"sku_id":"K","qty":5}]}`, asked: `"modified_begin":"2026-06-01 1`, fresh: true,
		applied: `"wms_co_id":3,"wh_id":1,"status":"Confirmed","items":[{"sku_id":"K","qty":-2,"r_qty":5}]`,
		undone:  `"wms_co_id":3,"wh_id":1,"status":"Cancelled","items":[{"sku_id":"K","qty":-2,"r_qty":5}]`,
		other:   `"wms_co_id":3,"wh_id":1,"status":"Confirmed","items":[{"sku_id":"K","qty":5,"r_qty":9}]`},
	{op: "Logistics.WeighAndShip", request: `[{"l_id":"SF1","weight":1}]`, asked: `"l_ids":["SF1"]`, applied: `"l_id":"SF1","status":"Confirmed"`, before: `"l_id":"SF1","status":"WaitConfirm"`, undone: `"l_id":"SF1","status":"Cancelled"`},
	{op: "Orders.Upload", request: `[{"shop_id":7,"so_id":"S1","shop_status":"WAIT_SELLER_SEND_GOODS","pay_amount":10,"items":[{"sku_id":"K","qty":1}]}]`, asked: `"so_ids":["S1"]`,
		applied: `"shop_id":7,"so_id":"S1","status":"WaitConfirm","shop_status":"WAIT_SELLER_SEND_GOODS","pay_amount":"10.0","items":[{"sku_id":"GIFT","qty":1},{"sku_id":"K","qty":1}]`,
		undone:  `"shop_id":"7","so_id":"S1","status":"Cancelled","shop_status":"WAIT_SELLER_SEND_GOODS","pay_amount":10,"items":[{"sku_id":"K","qty":1}]`,
		other:   `"shop_id":7,"so_id":"S1","status":"WaitPay","shop_status":"WAIT_BUYER_PAY","pay_amount":10,"items":[{"sku_id":"K","qty":1}]`},
	{op: "Orders.Cancel", request: `{"o_ids":[4]}`, asked: `"o_ids":[4]`, applied: `"o_id":4,"status":"Cancelled"`, before: `"o_id":4,"status":"WaitConfirm"`},
	{op: "Orders.MarkSent", request: `{"items":[{"o_id":4,"so_id":"S1","shop_id":7,"l_id":"SF1"}]}`, asked: `"o_ids":[4]`, applied: `"o_id":4,"so_id":"S1","shop_id":7,"l_id":"SF1","status":"Sent"`,
		before: `"o_id":4,"so_id":"S1","shop_id":7,"l_id":"","status":"Delivering"`, undone: `"o_id":4,"so_id":"S1","shop_id":7,"l_id":"SF1","status":"SentCancelled"`},
	{op: "Orders.SetLabels", request: `{"o_id":4,"labels":["a"],"action_type":2}`, asked: `"o_ids":[4]`, applied: `"o_id":4,"labels":"b"`, before: `"o_id":4,"labels":"a,b"`},
	{op: "Orders.SetRemark", request: `{"o_id":4,"remark":"r","is_append":true}`, asked: `"o_ids":[4]`, applied: `"o_id":4,"remark":"old r"`, before: `"o_id":4,"remark":"old"`},
	{op: "Orders.SetRemarkBySoID", request: `{"so_id":"S1","remark":"r","is_append":false}`, asked: `"so_ids":["S1"]`, applied: `"o_id":4,"so_id":"S1","remark":"r"`, before: `"o_id":4,"so_id":"S1","remark":"old r"`},
	{op: "Orders.AssignWarehouse", request: `[{"o_id":4,"wms_co_id":100}]`, asked: `"o_ids":[4]`, applied: `"o_id":4,"co_id":100,"wms_co_id":"0"`, before: `"o_id":4,"co_id":100,"wms_co_id":"200"`},
	{op: "Orders.MarkQuestion", request: `{"so_ids":["S1"],"question_type":"q"}`, asked: `"so_ids":["S1"]`, applied: `"o_id":4,"so_id":"S1","status":"Question","question_type":"q"`, before: `"o_id":4,"so_id":"S1","status":"WaitConfirm","question_type":""`},
	{op: "Orders.Split", request: `{"o_id":4,"split_infos":[[{"oi_id":1,"qty":1}]]}`, asked: `"o_ids":[4]`, applied: `"o_id":4,"status":"Split"`, before: `"o_id":4,"status":"WaitConfirm"`},
	{op: "OtherInOuts.Upload", request: `{"type":"in","external_id":"E1","items":[{"sku_id":"K","qty":2},{"sku_id":"K","qty":1}]}`, asked: `"so_ids":["E1"]`,
		applied: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":3}]`, undone: `"so_id":"E1","status":"Cancelled","items":[{"sku_id":"K","qty":3}]`,
		other: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":3},{"sku_id":"L","qty":1}]`},
	{op: "OtherInOuts.ChangeStatus", request: `{"io_ids":["9"],"so_ids":["ignored"],"operate_type":"4"}`, asked: `"io_ids":["9"]`, applied: `"io_id":9,"status":"Confirmed"`, before: `"io_id":9,"status":"WaitConfirm"`, undone: `"io_id":9,"status":"Cancelled"`},
	{op: "Outbounds.Ship", request: `[{"io_id":9,"lc_name":"顺丰","l_id":"SF1","lc_id":"SF"}]`, asked: `"io_ids":["9"]`, applied: `"io_id":9,"l_id":"SF1","status":"Confirmed"`,
		before: `"io_id":9,"l_id":null,"status":"WaitConfirm"`, undone: `"io_id":9,"l_id":"SF1","status":"Cancelled"`},
	{op: "Purchases.Upload", request: `{"supplier_id":6,"external_id":"E1","items":[{"sku_id":"K","qty":2}]}`, asked: `"so_ids":["E1"]`,
		applied: `"so_id":"E1","supplier_id":6,"status":"Creating","items":[{"sku_id":"K","qty":2}]`, undone: `"so_id":"E1","supplier_id":6,"status":"Delete","items":[{"sku_id":"K","qty":2}]`,
		other: `"so_id":"E1","supplier_id":8,"status":"Creating","items":[{"sku_id":"K","qty":2}]`},
	{op: "Purchases.ChangeStatus", request: `{"po_ids":["9"],"option":4}`, asked: `"po_ids":["9"]`, applied: `"po_id":9,"status":"Finished"`, before: `"po_id":9,"status":"Confirmed"`},
	{op: "Purchases.Cancel", request: `{"po_ids":[9],"type":"po"}`, asked: `"po_ids":["9"]`, applied: `"po_id":9,"status":"Delete"`, before: `"po_id":9,"status":"WaitConfirm"`},
	{op: "Suppliers.Upload", request: `[{"supplier_code":"C","name":"n","enabled":true}]`, asked: `"supplier_codes":["C"]`,
		applied: `"supplier_code":"C","name":"n","enabled":1`, other: `"supplier_code":"C","name":"n","enabled":0`},
	{op: "PurchaseReturns.Create", request: `[{"external_id":"E1","items":[{"sku_id":"K","qty":2}]}]`, asked: `"so_ids":["E1"]`,
		applied: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":2}]`, undone: `"so_id":"E1","status":"Cancelled","items":[{"sku_id":"K","qty":2}]`,
		other: `"so_id":"E1","status":"WaitConfirm","items":[{"sku_id":"K","qty":1}]`},
	{op: "PurchaseReturns.Cancel", request: `{"io_ids":[9]}`, asked: `"io_ids":["9"]`, applied: `"io_id":9,"status":"Cancelled"`, before: `"io_id":9,"status":"WaitConfirm"`},
	{op: "Transfers.UploadCrossWarehouse", request: `[{"so_id":"T1","items":[{"sku_id":"K","qty":2}]}]`, asked: `"so_ids":["T1"]`,
		applied: `"so_id":"","type":"调拨出","status":"Creating","items":[{"sku_id":"K","qty":2}]`, undone: `"so_id":"","type":"调拨出","status":"Cancelled","items":[{"sku_id":"K","qty":2}]`,
		other: `"so_id":"","type":"调拨出","status":"Creating","items":[{"sku_id":"K","qty":1}]`},
	{op: "Transfers.UploadInWarehouse", request: `{"so_id":"T1","items":[{"sku_id":"K","qty":2}]}`, asked: `"so_ids":["T1"]`,
		applied: `"type":"调拨出","status":"Creating","items":[{"sku_id":"K","qty":2}]`, undone: `"type":"调拨出","status":"Cancelled","items":[{"sku_id":"K","qty":2}]`,
		other: `"type":"调拨出","status":"Creating","items":[{"sku_id":"L","qty":2}]`},
	{op: "Transfers.Confirm", request: `{"io_id":9,"items":[{"sku_id":"K","qty":2}]}`, asked: `"io_ids":["9"]`, applied: `"io_id":9,"status":"Confirmed","items":[{"sku_id":"K","qty":3,"r_qty":2}]`,
		before: `"io_id":9,"status":"Creating","items":[{"sku_id":"K","qty":3,"r_qty":0}]`},
	{op: "Transfers.Cancel", request: `{"io_id":9}`, asked: `"io_ids":["9"]`, applied: `"io_id":9,"status":"Cancelled"`, before: `"io_id":9,"status":"Creating"`},
	{op: "Transfers.CreateDifference", request: `{"io_id":9,"items":[{"sku_id":"K","qty":"-2"}]}`, asked: `"modified_begin":"2026-06-01 1`, fresh: true,
		applied: `"link_io_id":9,"status":"Confirmed","items":[{"sku_id":"K","qty":2}]`, undone: `"link_io_id":9,"status":"Cancelled","items":[{"sku_id":"K","qty":2}]`,
		other: `"link_io_id":9,"status":"Confirmed","items":[{"sku_id":"K","qty":1}]`},
}

// erpShows is a client of an ERP whose queries show rows, as of a time.
type erpShows struct {
	t     *testing.T
	now   time.Time
	query *catalog.Operation
	asked string
	rows  []string
	calls int
}

func (e *erpShows) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	require.NoError(e.t, err)
	form, err := url.ParseQuery(string(body))
	require.NoError(e.t, err)
	e.calls++
	assert.Equal(e.t, e.query.Path, r.URL.Path)
	rows := e.rows
	if e.asked != "" && !strings.Contains(form.Get("biz"), `"modified_begin"`) {
		assert.Contains(e.t, form.Get("biz"), e.asked)
	}
	answer := fmt.Sprintf(`{"code":0,"msg":"","data":{"page_index":1,"page_size":50,"data_count":%d,"page_count":1,"has_next":false,%q:[%s]}}`,
		len(rows), e.query.Rows, strings.Join(rows, ","))
	header := http.Header{"Content-Type": {"application/json"}, "Date": {e.now.UTC().Format(http.TimeFormat)}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(bytes.NewReader([]byte(answer))), Request: r}, nil
}

var writeBegan = time.Date(2026, 6, 1, 12, 0, 0, 0, time.FixedZone("", 8*3600))

// settleTable runs the situations of one write.
type settleTable struct {
	t     *testing.T
	c     settleCase
	write *catalog.Operation
	query *catalog.Operation
}

// row completes a row: with its number, if the ERP makes it, and its times.
func (s *settleTable) row(members string, number int, made, modified time.Time) string {
	if members == "" {
		return ""
	}
	out := members
	if id := s.query.Key[0]; !strings.Contains(members, `"`+id+`":`) {
		out += fmt.Sprintf(`,%q:%d`, id, number)
	}
	for _, name := range []string{"created", "io_date"} {
		out += fmt.Sprintf(`,%q:%q`, name, made.Format(time.DateTime))
	}
	return "{" + out + fmt.Sprintf(`,"ts":%d,"modified":%q}`, number, modified.Format(time.DateTime))
}

// at settles the write at a time after it, with what the ERP then shows.
func (s *settleTable) at(after time.Duration, rows ...string) jushuitan.Settlement {
	s.t.Helper()
	erp := &erpShows{t: s.t, now: writeBegan.Add(after), query: s.query, asked: s.c.asked}
	for _, row := range rows {
		if row != "" {
			erp.rows = append(erp.rows, row)
		}
	}
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "k", AppSecret: "s"}, jushuitan.WithToken("t"),
		jushuitan.WithHTTPClient(&http.Client{Transport: erp}), jushuitan.WithClock(func() time.Time { return erp.now }))
	require.NoError(s.t, err)
	out, err := client.Settle(context.Background(), jushuitan.Write{
		Operation: s.c.op, Request: json.RawMessage(s.c.request), Began: writeBegan, Ended: writeBegan.Add(2 * time.Second),
	})
	require.NoError(s.t, err)
	require.Len(s.t, out, 1)
	return out[0]
}

const (
	soon = time.Minute
	late = 10 * time.Minute
)

// TestSettleTable: every write that can be read back, in every situation.
func TestSettleTable(t *testing.T) {
	entries, err := catalog.Operations()
	require.NoError(t, err)
	byName := map[string]*catalog.Operation{}
	readBacks := 0
	for _, op := range entries {
		byName[op.Name()] = op
		if op.ReadBack != nil {
			readBacks++
		}
	}
	require.Len(t, settleCases, readBacks, "a write with a read-back is not in the table")
	cells, right := 0, 0
	for _, c := range settleCases {
		write := byName[c.op]
		require.NotNil(t, write, c.op)
		require.NotNil(t, write.ReadBack, c.op)
		s := &settleTable{t: t, c: c, write: write, query: byName[write.ReadBack.Operation]}
		for name, cell := range map[string]func(*settleTable) string{
			"applied": (*settleTable).applied, "not applied": (*settleTable).notApplied, "visible late": (*settleTable).visibleLate,
			"duplicate": (*settleTable).duplicate, "refused later": (*settleTable).refusedLater,
		} {
			cells++
			if why := cell(s); why != "" {
				t.Errorf("%s, %s: %s", c.op, name, why)
				continue
			}
			right++
		}
	}
	t.Logf("%d of %d cells: %d writes in 5 situations", right, cells, len(settleCases))
}

func is(got jushuitan.Settlement, want jushuitan.Outcome, undone bool) string {
	if got.Outcome != want || got.Undone != undone {
		return fmt.Sprintf("is %v (undone %v, again %v, found %d: %s), want %v (undone %v)",
			got.Outcome, got.Undone, got.Again, got.Found, got.Reason, want, undone)
	}
	return ""
}

func (s *settleTable) applied() string {
	made, old := writeBegan.Add(time.Second), writeBegan.Add(-time.Hour)
	if s.c.before != "" {
		made = old
	}
	return is(s.at(soon, s.row(s.c.applied, 1, made, writeBegan.Add(time.Second))), jushuitan.Applied, false)
}

// notApplied: nothing was written, and what was there before is as it was.
func (s *settleTable) notApplied() string {
	old := writeBegan.Add(-time.Hour)
	before := s.row(s.c.before, 1, old, old)
	if early := s.at(soon, before); early.Outcome != jushuitan.Unknown || early.Again.Before(writeBegan.Add(jushuitan.DefaultSettleDelay)) {
		return fmt.Sprintf("after %s: %v, again %v: %s", soon, early.Outcome, early.Again, early.Reason)
	}
	if why := is(s.at(late, before), jushuitan.NotApplied, false); why != "" {
		return why
	}
	if s.c.other == "" || s.c.fresh {
		return ""
	}
	return is(s.at(late, s.row(s.c.other, 1, old, old)), jushuitan.NotApplied, false)
}

func (s *settleTable) visibleLate() string {
	old := writeBegan.Add(-time.Hour)
	made := writeBegan.Add(time.Second)
	if s.c.before != "" {
		made = old
	}
	early := s.at(soon, s.row(s.c.before, 1, old, old))
	if early.Outcome != jushuitan.Unknown || early.Again.IsZero() {
		return fmt.Sprintf("is %v before it is visible (%s), want unknown", early.Outcome, early.Reason)
	}
	return is(s.at(early.Again.Sub(writeBegan), s.row(s.c.applied, 1, made, made)), jushuitan.Applied, false)
}

func (s *settleTable) duplicate() string {
	made := writeBegan.Add(time.Second)
	if s.c.before != "" { // numbers of the ERP are unique: the same row twice is one
		made = writeBegan.Add(-time.Hour)
	}
	got := s.at(late, s.row(s.c.applied, 1, made, writeBegan.Add(time.Second)), s.row(s.c.applied, 2, made, writeBegan.Add(time.Second)))
	key := s.query.Key[0]
	want := 2
	if strings.Contains(s.c.applied, `"`+key+`":`) {
		want = 1
	}
	if got.Found != want || len(got.Rows) != want {
		return fmt.Sprintf("%d found, %d rows, want %d", got.Found, len(got.Rows), want)
	}
	if s.c.fresh {
		return is(got, jushuitan.Unknown, false)
	}
	return is(got, jushuitan.Applied, false)
}

// refusedLater: the ERP has undone the write, or no longer shows it, since.
func (s *settleTable) refusedLater() string {
	made, changed := writeBegan.Add(time.Second), writeBegan.Add(3*time.Minute)
	old := writeBegan.Add(-time.Hour)
	if s.c.before != "" {
		made = old
	}
	if s.c.undone != "" {
		if why := is(s.at(late, s.row(s.c.undone, 1, made, changed)), jushuitan.Applied, true); why != "" {
			return why
		}
	}
	if s.c.op == "Outbounds.Ship" || s.c.op == "Logistics.WeighAndShip" { // shipping that is undone has a state of its own
		return is(s.at(late, s.row(s.c.before, 1, made, changed)), jushuitan.NotApplied, false)
	}
	members := s.c.before
	if members == "" {
		members = s.c.other
		if !s.c.fresh {
			made = old
		}
	}
	got := s.at(late, s.row(members, 1, made, changed))
	if !got.Again.IsZero() {
		return fmt.Sprintf("again %v of a document that was changed since: reading again does not help", got.Again)
	}
	return is(got, jushuitan.Unknown, false)
}

// TestSettleEdges: what an answer does not show is no evidence, neither for nor against.
func TestSettleEdges(t *testing.T) {
	entries, err := catalog.Operations()
	require.NoError(t, err)
	byName := map[string]*catalog.Operation{}
	for _, op := range entries {
		byName[op.Name()] = op
	}
	at := func(after time.Duration) string { return writeBegan.Add(after).Format(time.DateTime) }
	order := `{"o_id":1,"shop_id":7,"so_id":"S1","shop_status":"WAIT_SELLER_SEND_GOODS","pay_amount":10,"items":[{"sku_id":"K","qty":1}]`
	for _, tc := range []struct {
		name, op string
		rows     []string
		want     jushuitan.Outcome
		again    bool
	}{
		{"a change in the second of the creation", "Orders.Upload", []string{strings.Replace(order, `"pay_amount":10`, `"pay_amount":9`, 1) +
			`,"created":"` + at(0) + `","modified":"` + at(0) + `"}`}, jushuitan.Unknown, false},
		{"an order without its lines", "Orders.Upload", []string{`{"o_id":1,"shop_id":7,"so_id":"S1","shop_status":"WAIT_SELLER_SEND_GOODS","pay_amount":10,"created":"` +
			at(-time.Hour) + `","modified":"` + at(time.Second) + `"}`}, jushuitan.Unknown, false},
		{"the same number in another shop", "Orders.Upload", []string{strings.Replace(order, `"shop_id":7`, `"shop_id":8`, 1) + `,"created":"` + at(time.Minute) + `"}`},
			jushuitan.NotApplied, false},
		{"a split order", "Orders.Upload", []string{strings.Replace(order, `"qty":1`, `"qty":0.5`, 1) + `,"created":"` + at(-time.Hour) + `","modified":"` + at(time.Minute) + `"}`,
			strings.Replace(strings.Replace(order, `"qty":1`, `"qty":"0.5"`, 1), `"o_id":1`, `"o_id":2`, 1) + `,"created":"` + at(-time.Hour) + `","modified":"` + at(time.Minute) + `"}`},
			jushuitan.Applied, false},
		{"no status", "Orders.Cancel", []string{`{"o_id":4,"modified":"` + at(time.Minute) + `"}`}, jushuitan.Unknown, false},
		{"no status, unchanged", "Orders.Cancel", []string{`{"o_id":4,"modified":"` + at(-time.Minute) + `"}`}, jushuitan.NotApplied, false},
		{"no status and no time", "Orders.Cancel", []string{`{"o_id":4}`}, jushuitan.Unknown, false},
		{"an order that is not shown", "Orders.Cancel", nil, jushuitan.Unknown, false},
		{"shipped with another waybill", "Outbounds.Ship", []string{`{"io_id":9,"l_id":"SF2","status":"Confirmed","modified":"` + at(time.Minute) + `"}`}, jushuitan.Unknown, false},
		{"an outer warehouse still ships", "Outbounds.Ship", []string{`{"io_id":9,"l_id":"SF1","status":"OuterConfirming","modified":"` + at(time.Minute) + `"}`}, jushuitan.Unknown, true},
		{"no virtual quantity is not 0", "Inventory.SetVirtualQtys", []string{`{"sku_id":"K","ts":1,"modified":"` + at(time.Minute) + `"}`}, jushuitan.Unknown, false},
		{"another SKU", "Inventory.SetVirtualQtys", []string{`{"sku_id":"k","virtual_qty":0,"ts":1}`}, jushuitan.Unknown, false},
		{"a filter that is ignored", "Transfers.UploadCrossWarehouse", []string{`{"io_id":1,"so_id":"T2","type":"调拨入","items":[{"sku_id":"K","qty":2}]}`,
			`{"io_id":2,"type":"调拨出","items":[{"sku_id":"K","qty":2}]}`}, jushuitan.Unknown, false},
		{"a count that is not confirmed shows no quantity", "Stocktakes.Upload", []string{`{"io_id":1,"wms_co_id":3,"wh_id":1,"status":"WaitConfirm","io_date":"` + at(time.Second) +
			`","modified":"` + at(time.Second) + `","items":[{"sku_id":"K"}]}`}, jushuitan.Unknown, false},
		{"an older count", "Stocktakes.Upload", []string{`{"io_id":1,"wms_co_id":3,"wh_id":1,"status":"Confirmed","io_date":"` + at(-time.Hour) +
			`","modified":"` + at(time.Second) + `","items":[{"sku_id":"K","r_qty":5}]}`}, jushuitan.NotApplied, false},
		{"goods received in two documents", "AfterSales.ConfirmGoods", []string{
			`{"io_id":1,"as_id":5,"io_date":"` + at(time.Second) + `","items":[{"sku_id":"K","qty":2}]}`,
			`{"io_id":2,"as_id":5,"io_date":"` + at(time.Second) + `","items":[{"sku_id":"L","qty":1}]}`}, jushuitan.Applied, false},
	} {
		c := settleCases[slices.IndexFunc(settleCases, func(c settleCase) bool { return c.op == tc.op })]
		s := &settleTable{t: t, c: c, query: byName[byName[tc.op].ReadBack.Operation]}
		got := s.at(late, tc.rows...)
		assert.Equal(t, tc.want, got.Outcome, "%s: %s", tc.name, got.Reason)
		assert.Equal(t, tc.again, !got.Again.IsZero(), "%s: again %v", tc.name, got.Again)
	}
}

// TestSettleUnanswered: a query that fails, or whose answer has no list, settles nothing.
func TestSettleUnanswered(t *testing.T) {
	for name, answer := range map[string]string{
		"refused": `{"code":130,"msg":"x"}`, "no list": `{"code":0,"msg":"","data":null}`, "empty object": `{"code":0,"msg":"","data":{}}`,
		"null rows": `{"code":0,"data":{"orders":[null],"data_count":0,"has_next":false}}`, "null list": `{"code":0,"data":{"orders":null,"has_next":false}}`, "cut": `{"code":0,"data":{"orders":[`, "another list": `{"code":0,"data":{"datas":[{"o_id":1}],"has_next":false}}`,
		"another empty list": `{"code":0,"data":{"datas":[],"has_next":false}}`,
	} {
		client, err := jushuitan.New(jushuitan.Credentials{AppKey: "k", AppSecret: "s"}, jushuitan.WithToken("t"),
			jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}), jushuitan.WithClock(func() time.Time { return writeBegan.Add(late) }),
			jushuitan.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
			})}))
		require.NoError(t, err)
		got, err := client.Settle(t.Context(), jushuitan.Write{
			Operation: "Orders.Upload", Request: []jushuitan.OrderUpload{{ShopID: 7, SoID: "S1"}}, Began: writeBegan,
		})
		if name == "refused" || name == "cut" || name == "another list" {
			require.Error(t, err, name)
		}
		require.Len(t, got, 1, name)
		assert.Equal(t, jushuitan.Unknown, got[0].Outcome, "%s: %s", name, got[0].Reason)
		assert.False(t, got[0].Again.IsZero(), name)
	}
}

// TestSettleError: only what an error leaves open is read back, for its merchant.
func TestSettleError(t *testing.T) {
	answer, queried := "", ""
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "k", AppSecret: "s"}, jushuitan.WithToken("t"),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
		jushuitan.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			text := answer
			if strings.HasSuffix(r.URL.Path, "query") {
				form, err := url.ParseQuery(string(body))
				require.NoError(t, err)
				queried = form.Get("biz")
				text = `{"code":0,"msg":"","data":{"has_next":false,"data_count":1,"orders":[{"o_id":1,"shop_id":7,"so_id":"S2","created":"2099-01-01 00:00:00"}]}}`
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(strings.NewReader(text))}, nil
		})}), jushuitan.WithoutValidation())
	require.NoError(t, err)
	rows := []jushuitan.OrderUpload{{ShopID: 7, SoID: "S1"}, {ShopID: 7, SoID: "S2"}, {ShopID: 7, SoID: "S3"}}
	for _, tc := range []struct {
		name, second string
		settled      int
	}{
		{"no verdict", `{"so_id":"S2"}`, 1},
		{"it exists", `{"so_id":"S2","issuccess":false,"msg":"单号已存在"}`, 1},
		{"refused", `{"so_id":"S2","issuccess":false,"msg":"收货地址不能为空"}`, 0},
		{"stored", `{"so_id":"S2","issuccess":true,"o_id":1}`, 0},
	} {
		queried = ""
		answer = `{"code":0,"msg":"","data":{"datas":[{"so_id":"S1","issuccess":true,"o_id":9},` + tc.second + `,{"so_id":"S3","issuccess":false,"msg":"金额不符"}]}}`
		_, err := client.ForMerchant("m").Orders.Upload(t.Context(), rows)
		require.Error(t, err, tc.name)
		got, err := client.SettleError(t.Context(), err, rows)
		require.NoError(t, err, tc.name)
		require.Len(t, got, tc.settled, tc.name)
		if tc.settled == 0 {
			assert.Empty(t, queried, tc.name)
			continue
		}
		assert.Equal(t, []any{1, "m", jushuitan.Applied, "7|S2"}, []any{got[0].Index, got[0].Merchant, got[0].Outcome, got[0].Key}, "%s: %s", tc.name, got[0].Reason)
		assert.Contains(t, queried, `"so_ids":["S2"]`, tc.name)
	}
	got, err := client.SettleError(t.Context(), io.EOF, rows)
	assert.Empty(t, got)
	assert.NoError(t, err)
}

// TestSettleRefuses: what cannot be settled is an error, not an outcome.
func TestSettleRefuses(t *testing.T) {
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "k", AppSecret: "s"}, jushuitan.WithToken("t"))
	require.NoError(t, err)
	for _, tc := range []struct {
		name string
		w    jushuitan.Write
		want string
	}{
		{"no operation", jushuitan.Write{Operation: "Orders.None", Request: "{}", Began: writeBegan}, "no such operation"},
		{"no query", jushuitan.Write{Operation: "Orders.SetNodes", Request: json.RawMessage("{}"), Began: writeBegan}, "no query shows"},
		{"no time", jushuitan.Write{Operation: "Orders.Cancel", Request: json.RawMessage("{}")}, "Began is missing"},
		{"no document", jushuitan.Write{Operation: "Orders.Upload", Request: json.RawMessage("[]"), Began: writeBegan}, "names no document"},
	} {
		_, err := client.Settle(context.Background(), tc.w)
		assert.ErrorContains(t, err, tc.want, tc.name)
		assert.Equal(t, tc.name == "no query", errors.Is(err, errors.ErrUnsupported), tc.name)
	}
}
