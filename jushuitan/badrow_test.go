package jushuitan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const spoiledOrders = `{"code":0,"msg":"","data":{"page_index":1,"has_next":false,"orders":[
	{"o_id":1,"so_id":"A","pay_amount":12.5},
	{"o_id":2,"so_id":"B","pay_amount":"约12元"},
	{"o_id":3,"so_id":"C","items":[{"qty":1},{"qty":{"n":2}}]},
	{"o_id":4,"so_id":"D","shop_buyer_id":{"id":5},"items":[{"qty":1,"name":["x"]}]},
	{"o_id":"5x","so_id":"E"},
	null]}}`

// A value that cannot be decoded does not lose the page, and never becomes zero.
func TestBadRows(t *testing.T) {
	c := mocked(t, httpmock.NewStringResponder(200, spoiledOrders))
	page, err := c.ForMerchant("10010").WithToken("test-access-token-0001").Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
	require.ErrorIs(t, err, jushuitan.ErrDecode)
	var bad *jushuitan.BadRowsError
	require.ErrorAs(t, err, &bad)
	require.Len(t, page.Orders, 2, "the other rows are there")
	assert.Equal(t, int64(1), page.Orders[0].OID)
	assert.Equal(t, int64(4), page.Orders[1].OID)
	want := []struct {
		index     int
		key, path string
	}{
		{1, "2", "data.orders[1].pay_amount"}, {2, "3", "data.orders[2].items[1].qty"}, {4, "5x", "data.orders[4].o_id"},
	}
	require.Len(t, bad.Rows, len(want), "the null row is none of them")
	for i, w := range want {
		row := bad.Rows[i]
		assert.Equal(t, w.index, row.Index)
		assert.Equal(t, w.key, row.Key)
		assert.Equal(t, w.path, row.Path)
		assert.Equal(t, "Orders.Query", row.Op)
		assert.Equal(t, "10010", row.Merchant)
	}
	assert.JSONEq(t, `{"o_id":2,"so_id":"B","pay_amount":"约12元"}`, string(bad.Rows[0].Raw))
	assert.ErrorContains(t, err, "10010")
	for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v", bad.Rows[0], bad.Rows[0], bad.Rows[0])} {
		assert.NotContains(t, text, "约12元", "the value is not shown")
	}
}

// A value that is neither a key nor a figure is kept among the unknown members of the row.
func TestUnreadValues(t *testing.T) {
	var notes []jushuitan.Drift
	c := mocked(t, httpmock.NewStringResponder(200, spoiledOrders),
		jushuitan.WithOnBadRow(func(jushuitan.BadRow) {}), jushuitan.WithOnDrift(func(d jushuitan.Drift) { notes = append(notes, d) }))
	page, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
	require.NoError(t, err)
	row := page.Orders[1]
	assert.Equal(t, []string{"items[0].name", "shop_buyer_id"}, row.Unread())
	assert.JSONEq(t, `{"id":5}`, string(row.Extra["shop_buyer_id"]))
	assert.JSONEq(t, `["x"]`, string(row.Extra["items[0].name"]))
	assert.Empty(t, page.Orders[0].Unread())
	var unread []string
	for _, n := range notes {
		if n.Kind == jushuitan.Unreadable {
			unread = append(unread, n.Path)
		}
	}
	assert.ElementsMatch(t, []string{"data.orders[].shop_buyer_id", "data.orders[].items[].name"}, unread)
}

// With WithOnBadRow iterators continue to the last page: the length of a page is what the
// server sent, whatever was left out.
func TestIteratorPassesBadRows(t *testing.T) {
	page := func(index int, next bool, rows string) string {
		return fmt.Sprintf(`{"code":0,"data":{"page_index":%d,"data_count":5,"has_next":%t,"orders":[%s]}}`, index, next, rows)
	}
	pages := []string{
		page(1, true, `{"o_id":1},{"o_id":2,"pay_amount":"x"}`), page(2, true, `{"o_id":3,"pay_amount":"y"},{"o_id":4,"pay_amount":"z"}`), page(3, false, `{"o_id":5}`),
	}
	calls := 0
	responder := httpmock.Responder(nil)
	for _, p := range pages {
		next := httpmock.NewStringResponder(200, p)
		if responder == nil {
			responder = next
			continue
		}
		responder = responder.Then(next)
	}
	var bad []string
	c := mocked(t, responder, jushuitan.WithPrefetch(1), jushuitan.WithOnBadRow(func(r jushuitan.BadRow) { bad = append(bad, r.Key) }))
	var got []int64
	for row, err := range c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 2, SoIDs: []string{"a"}}) {
		require.NoError(t, err)
		got = append(got, row.OID)
		calls++
	}
	assert.Equal(t, []int64{1, 5}, got)
	assert.Equal(t, []string{"2", "3", "4"}, bad)

	// The option of a call comes before that of the client.
	var own []string
	c = mocked(t, httpmock.NewStringResponder(200, pages[1]), jushuitan.WithOnBadRow(func(r jushuitan.BadRow) { bad = append(bad, r.Key) }))
	_, err := c.With(jushuitan.WithCallBadRow(func(r jushuitan.BadRow) { own = append(own, r.Key) })).Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"3", "4"}, own)
	assert.Len(t, bad, 3)

	c = mocked(t, httpmock.NewStringResponder(200, pages[0]))
	for _, err = range c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 2, SoIDs: []string{"a"}}) {
	}
	var rows *jushuitan.BadRowsError
	require.ErrorAs(t, err, &rows, "without the option the loop ends, so that no checkpoint passes the row")
}

// A member that the page depends on makes the whole page an error.
func TestBadPage(t *testing.T) {
	for _, member := range []string{`"has_next":"perhaps"`, `"data_count":"many"`} {
		c := mocked(t, httpmock.NewStringResponder(200, `{"code":0,"data":{`+member+`,"orders":[{"o_id":1}]}}`))
		_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
		require.ErrorIs(t, err, jushuitan.ErrDecode)
	}
}

// loops are the ways to iterate over orders, by pages of a size, or of the default size for 0.
func loops(t *testing.T, size int64) map[string]func(*jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	timed := &jushuitan.OrderQuery{PageSize: size, ModifiedBegin: begin, ModifiedEnd: begin.Add(23 * time.Hour)} // one range
	return map[string]func(*jushuitan.Client) iter.Seq2[*jushuitan.Order, error]{
		"all": func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] { return c.Orders.All(t.Context(), timed) },
		"since": func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.Since(t.Context(), 0, &jushuitan.OrderQuery{PageSize: size})
		},
		"version stream": func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.Stream(&jushuitan.OrderQuery{PageSize: size}, jushuitan.Checkpoint{}).Rows(t.Context())
		},
		"time stream": func(c *jushuitan.Client) iter.Seq2[*jushuitan.Order, error] {
			return c.Orders.Stream(timed, jushuitan.Checkpoint{}).Rows(t.Context())
		},
	}
}

// TestLoopsEndAtBadRows: a row that cannot be decoded ends every kind of loop with an error
// that has its key, path and text; WithOnBadRow goes on.
func TestLoopsEndAtBadRows(t *testing.T) {
	const body = `{"code":0,"data":{"has_next":false,"data_count":4,"orders":[{"o_id":1,"ts":7,"modified":"2024-06-01 01:00:00"},
		{"o_id":2,"ts":8,"pay_amount":"x"},null,{"o_id":3,"ts":9,"modified":"2024-06-01 02:00:00"}]}}`
	for name, loop := range loops(t, 0) {
		t.Run(name, func(t *testing.T) {
			_, err := collect(t, loop(mocked(t, httpmock.NewStringResponder(200, body))))
			var bad *jushuitan.BadRowsError
			require.ErrorAs(t, err, &bad)
			require.Len(t, bad.Rows, 1)
			assert.Equal(t, "2", bad.Rows[0].Key)
			assert.Equal(t, "data.orders[1].pay_amount", bad.Rows[0].Path)
			assert.JSONEq(t, `{"o_id":2,"ts":8,"pay_amount":"x"}`, string(bad.Rows[0].Raw))

			noted := map[string]string{}
			c := mocked(t, httpmock.NewStringResponder(200, body), jushuitan.WithOnBadRow(func(r jushuitan.BadRow) { noted[r.Path] = string(r.Raw) }))
			ids, err := collect(t, loop(c))
			require.NoError(t, err)
			assert.Equal(t, []int64{1, 3}, ids)
			require.Len(t, noted, 2)
			assert.Equal(t, "null", noted["data.orders[2]"])
		})
	}
}

// TestNullRows: a null in a list of rows has nothing to decode. Every loop skips it, and
// hooks, the log and the drift report name it.
func TestNullRows(t *testing.T) {
	const rows = `{"o_id":1,"ts":7,"modified":"2024-06-01 01:00:00"},null,{"o_id":3,"ts":9,"modified":"2024-06-01 02:00:00"}`
	for _, members := range []string{`"has_next":false,"data_count":3`, `"has_next":false,"data_count":2`, `"has_next":false`, `"data_count":2`, `"page_index":1`} {
		for name, loop := range loops(t, 0) {
			t.Run(name+" "+members, func(t *testing.T) {
				var drift []jushuitan.Drift
				var attempts []jushuitan.Attempt
				var log strings.Builder
				answer := func(r *http.Request) (*http.Response, error) {
					var biz struct {
						Page int64 `json:"page_index"`
					}
					if err := json.Unmarshal([]byte(r.FormValue("biz")), &biz); err != nil {
						return nil, err
					}
					if biz.Page > 1 {
						return httpmock.NewStringResponse(200, `{"code":0,"data":{`+members+`,"orders":[]}}`), nil
					}
					return httpmock.NewStringResponse(200, `{"code":0,"data":{`+members+`,"orders":[`+rows+`]}}`), nil
				}
				c := mocked(t, answer, jushuitan.WithPrefetch(1), jushuitan.WithOnDrift(func(d jushuitan.Drift) { drift = append(drift, d) }),
					jushuitan.WithHook(jushuitan.Hook{After: func(_ context.Context, a jushuitan.Attempt) { attempts = append(attempts, a) }}),
					jushuitan.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				ids, err := collect(t, loop(c))
				require.NoError(t, err)
				assert.Equal(t, []int64{1, 3}, ids)
				assert.Contains(t, drift, jushuitan.Drift{Op: "Orders.Query", Path: "data.orders[]", Kind: jushuitan.NullRow})
				assert.Equal(t, 1, attempts[0].NullRows)
				require.NoError(t, attempts[0].Err)
				assert.Contains(t, log.String(), "level=WARN msg=\"jushuitan call\"")
				assert.Contains(t, log.String(), "null_rows=1")
			})
		}
	}
}

// A null is no evidence of a row that is counted: the loop reads on, and misses none.
func TestNullRowsDoNotCount(t *testing.T) {
	pages := []string{`{"o_id":1},null`, `{"o_id":2},{"o_id":3}`, `{"o_id":4}`}
	for _, members := range []string{`"data_count":4`, `"data_count":4,"has_next":false`, `"data_count":4,"page_count":2`, `"page_size":2`} {
		c := mocked(t, func(r *http.Request) (*http.Response, error) {
			var biz struct {
				Page int `json:"page_index"`
			}
			if err := json.Unmarshal([]byte(r.FormValue("biz")), &biz); err != nil {
				return nil, err
			}
			rows := ""
			if biz.Page <= len(pages) {
				rows = pages[biz.Page-1]
			}
			return httpmock.NewStringResponse(200, `{"code":0,"data":{`+members+`,"orders":[`+rows+`]}}`), nil
		})
		ids, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 2, SoIDs: []string{"a"}}))
		require.NoError(t, err, members)
		assert.Equal(t, []int64{1, 2, 3, 4}, ids, members)
	}
}
