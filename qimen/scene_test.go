package qimen_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

var cst = time.FixedZone("CST", 8*3600)

// row is a document of the server below.
type row struct {
	id, ts   int64
	modified time.Time
}

// scene serves rows of one kind as the scene does: by time range or row version, in
// pages, the signature checked.
type scene struct {
	t      *testing.T
	rows   []row
	member string // orders or datas
	id     string // o_id, io_id or as_id
	time   string // of the rows, that a range is about: modified unless set
	totals bool
	mangle func(params url.Values, answer map[string]any) // makes the answer wrong

	mu    sync.Mutex
	asked []url.Values
}

func (s *scene) client(opts ...qimen.Option) *qimen.Client {
	s.time = cmp.Or(s.time, "modified")
	srv := httptest.NewServer(s)
	s.t.Cleanup(srv.Close)
	cfg := config()
	cfg.Gateway = srv.URL + "/router/qm"
	cfg.Legacy = qimen.LegacyCredentials{PartnerID: "p1", PartnerKey: "k1", Token: "t1"}
	c, err := qimen.New(cfg, append([]qimen.Option{
		qimen.WithLimiter(&freeLimiter{}), qimen.WithClock(func() time.Time { return time.Date(2024, 1, 31, 0, 0, 0, 0, cst) }),
	}, opts...)...)
	require.NoError(s.t, err)
	return c
}

func (s *scene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := r.Form
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, p)
	params := map[string]string{}
	for name := range p {
		params[name] = p.Get(name)
	}
	if want, err := qimen.Sign(qimen.MD5, secret, params, nil); err != nil || want != p.Get("sign") {
		fmt.Fprint(w, `{"response":{"flag":"failure","code":25,"message":"Invalid signature"}}`)
		return
	}
	num := func(name string) int64 { n, _ := strconv.ParseInt(p.Get(name), 10, 64); return n }
	when := func(names ...string) time.Time {
		for _, name := range names {
			if t, err := time.ParseInLocation("2006-01-02 15:04:05", p.Get(name), cst); err == nil {
				return t
			}
		}
		return time.Time{}
	}
	begin, end := when("start_time", "modified_begin"), when("end_time", "modified_end")
	if end.Sub(begin) > 7*24*time.Hour {
		fmt.Fprint(w, `{"response":{"flag":"failure","code":140,"message":"at most 7 days"}}`)
		return
	}
	var found []row
	for _, d := range s.rows {
		// Both ends belong to a range; what is asked for has no fractions.
		second := d.modified.Truncate(time.Second)
		if num("start_ts") > 0 && d.ts < num("start_ts") || !begin.IsZero() && (second.Before(begin) || second.After(end)) {
			continue
		}
		found = append(found, d)
	}
	if p.Has("start_ts") {
		slices.SortStableFunc(found, func(a, b row) int { return int(a.ts - b.ts) })
	}
	index, size := max(num("page_index"), 1), num("page_size")
	if size == 0 {
		size = 3 // of the refunds, which no page can be asked of
	}
	from := min((index-1)*size, int64(len(found)))
	to := min(from+size, int64(len(found)))
	list := []map[string]any{}
	for _, d := range found[from:to] {
		list = append(list, map[string]any{s.id: strconv.FormatInt(d.id, 10), "ts": d.ts, s.time: d.modified.Format("2006-01-02 15:04:05.000"), "new_member": 1})
	}
	answer := map[string]any{"flag": "success", "code": 0, "page_index": index, "page_size": size, "has_next": to < int64(len(found)), s.member: list}
	if s.totals {
		answer["data_count"], answer["page_count"] = len(found), (int64(len(found))+size-1)/size
		delete(answer, "has_next")
	}
	if s.mangle != nil {
		s.mangle(p, answer)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"response": answer})
}

// days is n rows, one every two hours and one on each midnight with a fraction.
func days(n int) []row {
	var rows []row
	begin := time.Date(2024, 1, 1, 0, 0, 0, 500e6, cst)
	for i := range n {
		rows = append(rows, row{int64(i + 1), int64(1000 + i), begin.Add(time.Duration(i) * 2 * time.Hour)})
	}
	return rows
}

func ids[T any](t *testing.T, seq func(func(*T, error) bool), id func(*T) int64) []int64 {
	t.Helper()
	var out []int64
	for r, err := range seq {
		require.NoError(t, err)
		out = append(out, id(r))
	}
	return out
}

func upTo(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i + 1)
	}
	return out
}

func orderID(o *jushuitan.Order) int64       { return o.OID }
func outboundID(o *jushuitan.Outbound) int64 { return o.IOID }
func caseID(a *jushuitan.AfterSale) int64    { return a.ASID }

// TestAll: all rows of a month, each once, in ranges of at most 7 days that share
// their ends.
func TestAll(t *testing.T) {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, cst)
	for _, totals := range []bool{false, true} {
		s := &scene{t: t, rows: days(350), member: "orders", id: "o_id", totals: totals}
		inOrder := qimen.WithPrefetch(1)
		got := ids(t, s.client(inOrder).Scene.AllOrders(t.Context(), &qimen.OrderListRequest{StartTime: begin, PageSize: 20}), orderID)
		assert.Equal(t, upTo(350), got)
		assert.Equal(t, "2024-01-08 00:00:00", s.asked[0].Get("end_time"))
		last := slices.MaxFunc(s.asked, func(a, b url.Values) int { return strings.Compare(a.Get("end_time"), b.Get("end_time")) })
		assert.Equal(t, "2024-01-31 00:00:00", last.Get("end_time"), "without an end the range ends now")

		s = &scene{t: t, rows: days(350), member: "datas", id: "io_id", totals: totals}
		got = ids(t, s.client(inOrder).Scene.AllSaleouts(t.Context(), &qimen.SaleoutListRequest{StartTime: begin, WMSCoID: 7, Status: "WaitConfirm"}), outboundID)
		assert.Equal(t, upTo(350), got)
		assert.Equal(t, "50", s.asked[0].Get("page_size"))
		assert.Equal(t, "7", s.asked[0].Get("wms_co_id"))

		s = &scene{t: t, rows: days(100), member: "orders", id: "o_id", totals: totals}
		assert.Equal(t, upTo(100), ids(t, s.client().Scene.AllLegacyOrders(t.Context(), &qimen.LegacyOrdersRequest{ModifiedBegin: begin}), orderID))
		s = &scene{t: t, rows: days(100), member: "datas", id: "io_id", totals: totals}
		assert.Equal(t, upTo(100), ids(t, s.client().Scene.AllLegacyOutbounds(t.Context(), &qimen.LegacyOutboundsRequest{ModifiedBegin: begin}), outboundID))
		s = &scene{t: t, rows: days(100), member: "datas", id: "as_id", totals: totals}
		assert.Equal(t, upTo(100), ids(t, s.client().Scene.AllLegacyRefunds(t.Context(), &qimen.LegacyRefundsRequest{ModifiedBegin: begin}), caseID))
	}
	// A range may be about another time.
	for kind, member := range map[int64]string{2: "order_date", 3: "send_date"} {
		s := &scene{t: t, rows: days(200), member: "orders", id: "o_id", time: member}
		assert.Equal(t, upTo(200), ids(t, s.client().Scene.AllOrders(t.Context(), &qimen.OrderListRequest{StartTime: begin, DateType: kind}), orderID))
	}
	s := &scene{t: t, rows: days(200), member: "datas", id: "io_id", time: "io_date"}
	assert.Equal(t, upTo(200), ids(t, s.client().Scene.AllSaleouts(t.Context(), &qimen.SaleoutListRequest{StartTime: begin, DateType: 2}), outboundID))
	// Without counts pages are read until two passes agree; breaking off asks for no more.
	s = &scene{t: t, rows: days(250), member: "orders", id: "o_id"}
	c := s.client(qimen.WithPrefetch(1))
	assert.Equal(t, upTo(250), ids(t, c.Scene.AllOrders(t.Context(), nil), orderID))
	assert.Len(t, s.asked, 6)
	s.asked = nil
	for _, err := range c.Scene.AllOrders(t.Context(), nil) {
		require.NoError(t, err)
		break
	}
	assert.Len(t, s.asked, 1)
}

func TestAllErrors(t *testing.T) {
	ask := func(c *qimen.Client, req *qimen.OrderListRequest) (n int, err error) {
		for _, err = range c.Scene.AllOrders(t.Context(), req) {
			if err == nil {
				n++
			}
		}
		return n, err
	}
	s := &scene{t: t, rows: days(250), member: "orders", id: "o_id"}
	n, err := ask(s.client(qimen.WithPrefetch(1)), &qimen.OrderListRequest{StartTime: time.Date(2024, 1, 2, 0, 0, 0, 0, cst), EndTime: time.Date(2024, 1, 1, 0, 0, 0, 0, cst)})
	assert.Zero(t, n)
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
	assert.ErrorContains(t, err, "the time range ends before it begins")

	s.mangle = func(_ url.Values, a map[string]any) { // every page is the first
		list := []map[string]any{}
		for _, d := range s.rows[:100] {
			list = append(list, map[string]any{"o_id": d.id, "modified": d.modified.Format("2006-01-02 15:04:05.000")})
		}
		a["has_next"], a["orders"] = true, list
	}
	n, err = ask(s.client(qimen.WithPrefetch(1)), nil)
	assert.Equal(t, 100, n)
	assert.ErrorIs(t, err, jushuitan.ErrPaging)
	assert.ErrorContains(t, err, "page 2 repeats the page before")

	s.mangle = func(_ url.Values, a map[string]any) { a["has_next"], a["orders"] = true, []any{} }
	_, err = ask(s.client(qimen.WithPrefetch(1)), nil)
	assert.ErrorIs(t, err, jushuitan.ErrPaging)
	assert.ErrorContains(t, err, "3 empty pages in a row promise more")

	s.mangle = func(p url.Values, a map[string]any) {
		if p.Get("page_index") == "2" {
			clear(a)
			a["flag"], a["code"] = "failure", 13
		}
	}
	n, err = ask(s.client(qimen.WithPrefetch(1)), nil)
	assert.Equal(t, 100, n)
	assert.ErrorIs(t, err, jushuitan.ErrPermission)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.mangle = nil
	n = 0
	for _, err = range s.client(qimen.WithPrefetch(1)).Scene.AllOrders(ctx, nil) {
		if n++; n == 100 {
			cancel()
		}
	}
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 101, n)
}

// TestWhereRowsStand: the rows of a page are found wherever they may stand, and a page whose rows
// cannot be told is an error, never an empty page.
func TestWhereRowsStand(t *testing.T) {
	for members, want := range map[string]string{
		`"orders":[{"o_id":1},{"o_id":2}]`:                     "1 2",
		`"datas":[{"o_id":1},{"o_id":2}]`:                      "1 2",
		`"data":{"orders":[{"o_id":1},{"o_id":2}]}`:            "1 2",
		`"data":"{\"orders\":[{\"o_id\":1},{\"o_id\":2}]}"`:    "1 2",
		`"orders":{"order":[{"o_id":1},{"o_id":2}]}`:           "1 2",
		`"orders":{"order":{"o_id":1}}`:                        "1",
		`"orders":[{"order":{"o_id":1}},{"order":{"o_id":2}}]`: "1 2",
		`"orders":[{"order":[{"o_id":1},{"o_id":2}]}]`:         "1 2",
		`"orders":[]`: "",
		`"orders":[{"o_id":1}],"orders":[{"o_id":1}]`:   "1",
		`"orders":[{"o_id":1}],"orders":[]`:             "orders: want one value",
		`"orders":[],"orders":[{"o_id":1}]`:             "orders: want one value",
		`"data":{"orders":[{"o_id":1}],"orders":[]}`:    "orders: want one value",
		`"orders":[],"datas":[{"o_id":1}]`:              "rows beside an empty orders",
		`"orders":[{"order":{"o_id":1}},{"o_id":2}]`:    "1 2",
		`"orders":[{"order":{"o_id":1}},{"order":"2"}]`: "rows in elements",
		`"orders":"x"`:         "orders: want array",
		`"orders":{"x":1}`:     "object without rows",
		`"data":"x"`:           "data: want object",
		`"data":{"x":{"y":1}}`: "orders: want array",
	} {
		body := `{"response":{"flag":"success","has_next":false,` + members + `}}`
		got := ""
		for o, err := range newClient(t, text(body), config()).Scene.AllOrders(t.Context(), nil) {
			if err != nil {
				assert.NotEmpty(t, want, members)
				assert.Contains(t, err.Error(), want, members)
				assert.ErrorIs(t, err, jushuitan.ErrDecode, members)
				got = want
				break
			}
			got = strings.TrimSpace(fmt.Sprint(got, " ", o.OID))
		}
		assert.Equal(t, want, got, members)
	}
}

// TestMoved: a row that a new one pushed to the next page is given once, and the new one
// is found when the pages are read again.
func TestMoved(t *testing.T) {
	s := &scene{t: t, rows: days(150), member: "orders", id: "o_id"}
	s.mangle = func(p url.Values, _ map[string]any) {
		if p.Get("page_index") == "1" && len(s.rows) == 150 { // a new row, first in the order of the pages
			s.rows = append([]row{{999, 1, time.Date(2024, 1, 1, 0, 0, 0, 0, cst)}}, s.rows...)
		}
	}
	got := ids(t, s.client().Scene.AllOrders(t.Context(), nil), orderID)
	assert.Equal(t, append(upTo(150), 999), got)
}

// TestSince follows the row version: from the beginning, from the last row of a run
// before, and over many rows of one version.
func TestSince(t *testing.T) {
	s := &scene{t: t, rows: days(250), member: "orders", id: "o_id"}
	c := s.client()
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, cst)
	got := ids(t, c.Scene.OrdersSince(t.Context(), 0, &qimen.OrderListRequest{StartTime: begin, Status: "Sent"}), orderID)
	assert.Equal(t, upTo(250), got)
	for _, asked := range s.asked {
		assert.Equal(t, "1", asked.Get("page_index"))
		assert.Equal(t, "false", asked.Get("is_get_total"))
		assert.Equal(t, "Sent", asked.Get("status"))
		assert.False(t, asked.Has("start_time"))
	}
	assert.Equal(t, "1", s.asked[0].Get("start_ts"))
	assert.Equal(t, []int64{249, 250}, ids(t, c.Scene.OrdersSince(t.Context(), 1247, nil), orderID))
	assert.Empty(t, ids(t, c.Scene.OrdersSince(t.Context(), 1249, nil), orderID))

	s = &scene{t: t, rows: days(130), member: "datas", id: "io_id"}
	for i := range s.rows[:120] {
		s.rows[i].ts = 500 // more than two pages at once
	}
	assert.Equal(t, upTo(130), ids(t, s.client().Scene.SaleoutsSince(t.Context(), 0, nil), outboundID))

	s = &scene{t: t, rows: days(10), member: "datas", id: "as_id"}
	assert.Equal(t, upTo(10), ids(t, s.client().Scene.RefundsSince(t.Context(), 0, nil), caseID))
	assert.False(t, s.asked[0].Has("page_index"), "not documented")

	// What cannot be told apart is an error, not a loss.
	for i := range s.rows {
		s.rows[i].ts = 500
	}
	var last error
	for _, err := range s.client().Scene.RefundsSince(t.Context(), 0, nil) {
		last = err
	}
	assert.ErrorIs(t, last, jushuitan.ErrPaging)
	assert.ErrorContains(t, last, "more rows than an answer holds at one row version")

	s.mangle = func(_ url.Values, a map[string]any) { delete(a["datas"].([]map[string]any)[0], "ts") }
	for _, err := range s.client().Scene.RefundsSince(t.Context(), 0, nil) {
		last = err
	}
	assert.ErrorIs(t, last, jushuitan.ErrPaging)
	assert.ErrorContains(t, last, "row 1 has no row version")

	s.mangle = func(_ url.Values, a map[string]any) { clear(a); a["flag"], a["code"] = "failure", 25 }
	for _, err := range s.client().Scene.RefundsSince(t.Context(), 0, nil) {
		last = err
	}
	assert.ErrorIs(t, last, jushuitan.ErrSign)
}

// TestLegacy: V6 as it goes over the wire, with a new stamp for both signatures.
func TestLegacy(t *testing.T) {
	cfg := config()
	cfg.AppSecret, cfg.CustomerID = "helloworld", ""
	f := text(`{"response":{"flag":"success","code":0,"has_next":false,"datas":[{"io_id":"12"}]}}`)
	c := newClient(t, f, cfg, qimen.WithClock(func() time.Time { return time.Unix(1704135845, 0) })).
		WithLegacy(qimen.LegacyCredentials{PartnerID: "p1", PartnerKey: "k1", Token: "t1"})
	req := &qimen.LegacyOutboundsRequest{
		ModifiedBegin: time.Date(2024, 1, 1, 0, 0, 0, 0, cst), ModifiedEnd: time.Date(2024, 1, 2, 0, 0, 0, 0, cst), PageIndex: 1, PageSize: 50,
	}
	page, err := c.Scene.LegacyOutbounds(t.Context(), req)
	require.NoError(t, err)
	assert.EqualValues(t, 12, page.Outbounds[0].IOID)
	got := f.last()
	assert.Equal(t, "5e26fbfa6166c81351c8cc1b983f7a45", got.form.Get("jstsign"))
	assert.Equal(t, "1704135845", got.form.Get("ts"))
	assert.Equal(t, "2024-01-02 03:04:05", got.query.Get("timestamp"))
	params := map[string]string{"v": ""} // the vector was made without it
	for _, values := range []url.Values{got.query, got.form} {
		for name := range values {
			if name != "v" {
				params[name] = values.Get(name)
			}
		}
	}
	sign, err := qimen.Sign(qimen.MD5, "helloworld", params, nil)
	require.NoError(t, err)
	assert.Equal(t, "BE03CC10CF44F725D889ACE30E55B02C", sign)

	for name, call := range map[string]func() (json.RawMessage, error){
		"sources": func() (json.RawMessage, error) {
			return c.Scene.LegacyOrderSources(t.Context(), &qimen.LegacyOrderSourcesRequest{SoIDs: jushuitan.CommaList{"a", "b"}})
		},
		"serial numbers": func() (json.RawMessage, error) {
			return c.Scene.LegacyOutboundSNs(t.Context(), &qimen.LegacyOutboundSNsRequest{SoIDs: jushuitan.CommaList{"a", "b"}})
		},
	} {
		raw, err := call()
		require.NoError(t, err, name)
		assert.Contains(t, string(raw), `"datas":[{"io_id":"12"}]`)
		assert.Equal(t, "a,b", f.last().form.Get("so_ids"))
	}
	f = text(`{"response":{"code":"100","issuccess":false,"msg":"token t1-long-token is wrong"}}`)
	c = newClient(t, f, cfg).WithLegacy(qimen.LegacyCredentials{PartnerID: "p1", PartnerKey: "k1", Token: "t1-long-token"})
	_, err = c.Scene.LegacyOrders(t.Context(), nil)
	assert.ErrorContains(t, err, "token *** is wrong")
	_, err = c.Scene.LegacyRefunds(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
	_, err = c.Scene.LegacyOrderSources(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
}

// TestSameValues: a document is the same value whichever way it came.
func TestSameValues(t *testing.T) {
	const order = `{"o_id":"11","so_id":12345678901234567,"shop_id":1,"modified":"2024-01-02 03:04:05.123","order_date":"2024/1/2",
		"pay_amount":"12.50","paid_amount":12.5,"is_cod":"false","status":"WaitConfirm","receiver_state":"浙江省","ts":99,
		"new_member":{"a":[1]},"labels":"a,b","items":[{"oi_id":"5","sku_id":"TEE","qty":2,"price":"6.25","is_gift":0,"more":"x"}],
		"pays":[{"pay_id":7,"amount":"12.5","pay_date":""}]}`
	const outbound = `{"io_id":21,"o_id":11,"modified":"2024-01-02 03:04:05","io_date":null,"status":"WaitConfirm","wms_co_id":"8","ts":"100",
		"receiver_name":"x","items":[{"ioi_id":1,"sku_id":"TEE","qty":"2","sale_price":6.25}],"new_member":1}`
	const refund = `{"as_id":"31","o_id":11,"modified":"2024-01-02","good_status":"SELLER_RECEIVED","refund":"1.00","ts":101,"items":[{"asi_id":1,"qty":1,"r_qty":"1.0"}]}`
	openAPI := func(rows string) *jushuitan.Client {
		f := text(`{"code":0,"issuccess":true,"msg":null,"data":{"page_index":1,"page_size":50,"has_next":false,` + rows + `}}`)
		c, err := jushuitan.New(jushuitan.Credentials{AppKey: "a", AppSecret: "b"}, jushuitan.WithToken("t"),
			jushuitan.WithHTTPClient(&http.Client{Transport: f.transport()}), jushuitan.WithoutValidation())
		require.NoError(t, err)
		return c
	}
	gatewayOf := func(format, rows string) *qimen.Client {
		if !strings.Contains(rows, "has_next") {
			rows = `"has_next":false,` + rows
		}
		return newClient(t, text(fmt.Sprintf(format, `"page_index":"1","page_size":50,`+rows)), config())
	}
	const flat, deep = `{"response":{"flag":"success","code":"0",%s}}`, `{"response":{"code":0,"issuccess":true,"msg":"","data":{%s}}}`

	want, err := openAPI(`"orders":[`+order+`]`).Orders.Query(t.Context(), &jushuitan.OrderQuery{})
	require.NoError(t, err)
	for _, format := range []string{flat, deep} {
		got, err := gatewayOf(format, `"orders":[`+order+`]`).Scene.OrderList(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Contains(t, got.Orders[0].Extra, "new_member")
	}

	wantOut, err := openAPI(`"datas":[`+outbound+`]`).Outbounds.Query(t.Context(), &jushuitan.OutboundQuery{})
	require.NoError(t, err)
	for _, rows := range []string{"datas", "orders", "list"} { // the name is not documented
		for _, format := range []string{flat, deep} {
			got, err := gatewayOf(format, `"`+rows+`":[`+outbound+`]`).Scene.SaleoutList(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, wantOut, got)
		}
	}

	wantCase, err := openAPI(`"datas":[`+refund+`]`).AfterSales.Query(t.Context(), &jushuitan.AfterSaleQuery{})
	require.NoError(t, err)
	got, err := gatewayOf(flat, `"datas":[`+refund+`]`).Scene.RefundList(t.Context(), &qimen.RefundListRequest{StartTS: 1})
	require.NoError(t, err)
	assert.Equal(t, wantCase, got)

	// Rows that cannot be found are not taken for none.
	_, err = gatewayOf(flat, `"result":{"list":[`+refund+`]}`).Scene.RefundList(t.Context(), nil)
	assert.ErrorIs(t, err, jushuitan.ErrDecode)
	assert.ErrorContains(t, err, "response.datas: want array, got nothing of that name")
	for body, says := range map[string]string{
		`"a":[],"b":[` + refund + `]`:  `no list "datas" where it is documented, but "a"`,
		`"list":[]`:                    `no list "datas" where it is documented, but "list"`,
		`"list":[{"name":"x"}]`:        `no list "datas" where it is documented, but "list"`,
		`"datas":null,"data_count":2`:  `no "datas", but counts 2 rows`,
		`"datas":"","data_count":"2"`:  `no "datas", but counts 2 rows`,
		`"datas":null,"has_next":true`: `no "datas", but has_next`,
	} {
		_, err = gatewayOf(flat, body).Scene.RefundList(t.Context(), nil)
		assert.ErrorIs(t, err, jushuitan.ErrPaging, body)
		assert.ErrorContains(t, err, says)
	}
	for _, body := range []string{`"list":[` + refund + `]`, `"datas":{"data":[` + refund + `]}`, `"datas":{"data":` + refund + `}`, `"datas":` + refund} {
		got, err = gatewayOf(flat, body).Scene.RefundList(t.Context(), &qimen.RefundListRequest{StartTS: 1})
		require.NoError(t, err, body)
		assert.Equal(t, wantCase.AfterSales, got.AfterSales, "a list of another name, or as in XML, whose rows have the key")
	}
	inXML := `<response><flag>success</flag><has_next>false</has_next><orders><order><o_id>11</o_id></order><order><o_id>12</o_id></order></orders></response>`
	orders, err := newClient(t, text(inXML), config()).Scene.OrderList(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, orders.Orders, 2, "a page in XML")
	assert.EqualValues(t, 12, orders.Orders[1].OID)
	none, err := newClient(t, text(`{"response":{"flag":"success","code":0,"data":null}}`), config()).Scene.RefundList(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, none.AfterSales)
}

// sceneLoops are the ways to iterate over the orders of the scene.
func sceneLoops(t *testing.T) map[string]func(*qimen.Client) iter.Seq2[*jushuitan.Order, error] {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, cst)
	timed := &qimen.OrderListRequest{StartTime: begin, EndTime: begin.AddDate(0, 0, 6)}
	return map[string]func(*qimen.Client) iter.Seq2[*jushuitan.Order, error]{
		"all": func(c *qimen.Client) iter.Seq2[*jushuitan.Order, error] { return c.Scene.AllOrders(t.Context(), nil) },
		"since": func(c *qimen.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Scene.OrdersSince(t.Context(), 0, nil)
		},
		"version stream": func(c *qimen.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Scene.StreamOrders(nil, jushuitan.Checkpoint{}).Rows(t.Context())
		},
		"time stream": func(c *qimen.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Scene.StreamOrders(timed, jushuitan.Checkpoint{}).Rows(t.Context())
		},
	}
}

// TestSceneBadRows: a row that cannot be decoded ends every loop over the scene with an error
// that has its key, path and text; WithOnBadRow takes note of it, and the loop goes on.
func TestSceneBadRows(t *testing.T) {
	const body = `{"response":{"flag":"success","code":0,"data":{"page_index":1,"page_size":100,"has_next":false,"data_count":4,"orders":[
		{"o_id":1,"ts":7,"modified":"2024-01-02 03:04:05"},{"o_id":2,"pay_amount":"about 12","ts":8},null,{"o_id":3,"ts":9,"modified":"2024-01-02 03:04:06"}]}}}`
	for name, loop := range sceneLoops(t) {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range loop(newClient(t, text(body), config())) {
				last = err
			}
			var bad *jushuitan.BadRowsError
			require.ErrorAs(t, last, &bad)
			require.Len(t, bad.Rows, 1, "the null row is none of them")
			assert.Equal(t, "2", bad.Rows[0].Key)
			assert.Equal(t, "data.orders[1].pay_amount", bad.Rows[0].Path)
			assert.JSONEq(t, `{"o_id":2,"pay_amount":"about 12","ts":8}`, string(bad.Rows[0].Raw))

			noted := map[string]bool{}
			c := newClient(t, text(body), config(), qimen.WithOnBadRow(func(r jushuitan.BadRow) { noted[string(r.Raw)] = true }))
			var ids []int64
			for o, err := range loop(c) {
				require.NoError(t, err)
				ids = append(ids, o.OID)
			}
			assert.Equal(t, []int64{1, 3}, ids)
			assert.Len(t, noted, 2, "the row and the null")
		})
	}
}

// TestSceneNullRows: every loop over the scene skips a null in the list of rows, and hooks and
// the log name it.
func TestSceneNullRows(t *testing.T) {
	const rows = `{"o_id":1,"ts":7,"modified":"2024-01-02 03:04:05"},null,{"o_id":3,"ts":9,"modified":"2024-01-02 03:04:06"}`
	for _, members := range []string{`"has_next":false,"data_count":3`, `"has_next":false,"data_count":2`, `"has_next":false`} {
		for name, loop := range sceneLoops(t) {
			t.Run(name+" "+members, func(t *testing.T) {
				var nulls []int
				var log strings.Builder
				answer := text(`{"response":{"flag":"success","code":0,"data":{` + members + `,"orders":[` + rows + `]}}}`)
				c := newClient(t, answer, config(), qimen.WithPrefetch(1), qimen.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
					qimen.WithHook(jushuitan.Hook{After: func(_ context.Context, a jushuitan.Attempt) { nulls = append(nulls, a.NullRows) }}))
				var ids []int64
				for o, err := range loop(c) {
					require.NoError(t, err)
					ids = append(ids, o.OID)
				}
				assert.Equal(t, []int64{1, 3}, ids)
				assert.Equal(t, 1, nulls[0])
				assert.Contains(t, log.String(), "level=WARN msg=\"qimen call\"")
				assert.Contains(t, log.String(), "null_rows=1")
			})
		}
	}
	c := newClient(t, text(`{"response":{"flag":"success","code":0,"data":{"has_next":false,"data_count":2,"datas":[{"as_id":1,"ts":7},null]}}}`), config())
	n := 0
	for _, err := range c.Scene.RefundsSince(t.Context(), 0, nil) {
		require.NoError(t, err, "a method without pages")
		n++
	}
	assert.Equal(t, 1, n)
}
