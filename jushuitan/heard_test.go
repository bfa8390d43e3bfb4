package jushuitan_test

import (
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestAllWithoutRows: an answer that lacks its list of rows but counts some is an error
// that names both; one that counts none is empty.
func TestAllWithoutRows(t *testing.T) {
	tests := map[string]struct{ data, says string }{
		"another array": {`{"has_next":false,"order_list":[{"o_id":1}]}`, `no list "orders" where it is documented, but "data.order_list"`},
		"a count":       {`{"has_next":false,"data_count":3,"orders":null}`, `no "orders", but counts 3 rows`},
		"nothing":       {`{"has_next":false,"data_count":0,"orders":null}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := mocked(t, httpmock.NewStringResponder(200, `{"code":0,"data":`+tt.data+`}`))
			_, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{}))
			if tt.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, jushuitan.ErrPaging)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

// TestRowsElsewhere: an answer is empty only if nothing in it may be the rows that are missing,
// at whatever depth and in whatever form.
func TestRowsElsewhere(t *testing.T) {
	const row = `{"o_id":5}`
	for body, says := range map[string]string{
		`{"code":0,"orders":` + row + `}`:                                           `no list "orders" where it is documented, but "orders"`,
		`{"code":0,"data":{},"orders":` + row + `}`:                                 `no list "orders" where it is documented, but "orders"`,
		`{"code":0,"data":{"data":{"orders":` + row + `}}}`:                         `no list "orders" where it is documented, but "data.data.orders"`,
		`{"code":0,"data":{"list":{"orders":[` + row + `]}}}`:                       `no list "orders" where it is documented, but "data.list.orders"`,
		`{"code":0,"result":{"page":{"rows":[` + row + `]}}}`:                       `no list "orders" where it is documented, but "result.page.rows"`,
		`{"code":0,"data":{"list":"[{\"o_id\":5}]"}}`:                               `no list "orders" where it is documented, but "data.list"`,
		`{"code":0,"msg":"","result":"{\"orders\":[{\"o_id\":5}]}"}`:                `no list "orders" where it is documented, but "result"`,
		`{"code":0,"data":{"orders":null,"datas":[` + row + `]}}`:                   `no list "orders" where it is documented, but "data.datas"`,
		`{"code":0,"data":{"has_next":false,"orders":{}}}`:                          "",
		`{"code":0,"data":{"has_next":false,"list":[],"page":{"rows":[],"n":"0"}}}`: "",
		`{"code":0,"msg":"[成功]","data":{"has_next":false,"note":"[]"}}`:             "",
		`{"code":0,"msg":"","data":null,"request_id":"r-1"}`:                        "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, body))
		rows, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{}))
		page, once := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{})
		if says == "" {
			assert.NoError(t, err, body)
			assert.NoError(t, once, body)
			continue
		}
		assert.Empty(t, rows, body)
		require.ErrorIs(t, err, jushuitan.ErrPaging, body)
		assert.ErrorContains(t, err, says, body)
		require.ErrorIs(t, once, jushuitan.ErrPaging, "%s: %v", body, page)
	}
}

// TestEmptyFirstPage: no loop ends well with an empty list of rows that are counted.
func TestEmptyFirstPage(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	c := mocked(t, httpmock.NewStringResponder(200, `{"code":0,"data":{"has_next":false,"data_count":3,"orders":[]}}`))
	for name, rows := range map[string]iter.Seq2[*jushuitan.Order, error]{
		"all":            c.Orders.All(t.Context(), nil),
		"since":          c.Orders.Since(t.Context(), 0, nil),
		"version stream": c.Orders.Stream(nil, jushuitan.Checkpoint{}).Rows(t.Context()),
		"time stream":    c.Orders.Stream(&jushuitan.OrderQuery{ModifiedBegin: begin}, jushuitan.Checkpoint{}).Rows(t.Context()),
	} {
		_, err := collect(t, rows)
		assert.ErrorIs(t, err, jushuitan.ErrPaging, name)
	}
}

// TestWhereHasNextStands: only a has_next beside the rows says that there are no more; one
// inside a row, or with another meaning elsewhere, is no evidence.
func TestWhereHasNextStands(t *testing.T) {
	tests := map[string]struct {
		first string // of two pages of two rows
		calls int
	}{
		"beside the rows":               {`{"code":0,"data":{"has_next":false,"orders":[{"o_id":1}]}}`, 1},
		"after the rows":                {`{"code":0,"data":{"orders":[{"o_id":1}],"hasNext":"false"}}`, 1},
		"beside rows at the root":       {`{"code":0,"has_next":false,"orders":[{"o_id":1}]}`, 1},
		"in a row":                      {`{"code":0,"data":{"orders":[{"o_id":1,"has_next":false}]}}`, 4},
		"outside the payload":           {`{"code":0,"has_next":false,"data":{"orders":[{"o_id":1}]}}`, 4},
		"null":                          {`{"code":0,"data":{"has_next":null,"orders":[{"o_id":1}]}}`, 4},
		"misspelled":                    {`{"code":0,"data":{"has_nex":false,"orders":[{"o_id":1}]}}`, 4},
		"absent, in the text of a row":  {`{"code":0,"data":{"orders":[{"o_id":1,"remark":"\"has_next\":false"}]}}`, 4},
		"absent, and a bare list":       {`{"code":0,"data":[{"o_id":1}]}`, 4},
		"blank, which is no value":      {`{"code":0,"data":{"has_next":"","orders":[{"o_id":1}]}}`, 4},
		"beside rows, and in a row too": {`{"code":0,"data":{"orders":[{"o_id":1,"has_next":true}],"has_next":false}}`, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c := mocked(t, func(r *http.Request) (*http.Response, error) {
				calls++
				if readQuery(r).PageIndex == 1 {
					return httpmock.NewStringResponse(200, tt.first), nil
				}
				return httpmock.NewStringResponse(200, `{"code":0,"data":{"orders":[]}}`), nil
			}, jushuitan.WithPrefetch(1))
			got, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 2}))
			require.NoError(t, err)
			assert.Equal(t, []int64{1}, got)
			assert.Equal(t, tt.calls, calls, "a page behind a short one that says nothing is asked for, and both twice")
		})
	}
}

// TestStreamFilter: a checkpoint belongs to one filter.
func TestStreamFilter(t *testing.T) {
	c := mocked(t, nil)
	at := c.Orders.Stream(&jushuitan.OrderQuery{Status: "Sent"}, jushuitan.Checkpoint{}).Checkpoint()
	_, err := collect(t, c.Orders.Stream(&jushuitan.OrderQuery{Status: "Cancelled"}, at).Rows(t.Context()))
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
}
