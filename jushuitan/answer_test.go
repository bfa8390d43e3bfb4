package jushuitan_test

import (
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestObjectInPlaceOfRows: an object that stands where the list of rows should be is not an
// empty list, unless it is empty.
func TestObjectInPlaceOfRows(t *testing.T) {
	for data, want := range map[string]string{
		`{"datas":{"shop_id":1,"shop_name":"x"}}`: "datas",
		`{"datas":{"1":{"shop_id":1}}}`:           "datas",
		`{"datas":{}}`:                            "",
		`{"datas":null}`:                          "",
		`{"datas":[]}`:                            "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+data+`}`))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		if want == "" {
			assert.NoError(t, err, data)
			continue
		}
		require.ErrorIs(t, err, jushuitan.ErrDecode, data)
		assert.ErrorContains(t, err, want, data)
	}
}

// TestObjectInPlaceOfBareRows does so for an operation whose rows are data itself, which may
// also be a page with the rows.
func TestObjectInPlaceOfBareRows(t *testing.T) {
	for data, want := range map[string]string{
		`{"lwh_id":1,"lwh_name":"x"}`:       "data",
		`{"1":{"lwh_id":1}}`:                "data",
		`{}`:                                "",
		`null`:                              "",
		`[]`:                                "",
		`{"page_index":1,"has_next":false}`: "",
		`{"has_next":false}`:                "",
		`{"page":{}}`:                       "",
		`{"data":null}`:                     "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+data+`}`))
		_, err := c.VirtualWarehouses.List(t.Context(), &jushuitan.VirtualWarehouseQuery{})
		if want == "" {
			assert.NoError(t, err, data)
			continue
		}
		require.ErrorIs(t, err, jushuitan.ErrDecode, data)
		assert.ErrorContains(t, err, want, data)
	}
}

// TestRowInPlaceOfThePage: one row may stand where a page should be, with its key as a text or
// as a number.
func TestRowInPlaceOfThePage(t *testing.T) {
	for data, want := range map[string]string{
		`{"item_spu_id":"123"}`:            "123",
		`{"item_spu_id":123}`:              "123",
		`{"list":[{"item_spu_id":"123"}]}`: "123",
		`{"list":[]}`:                      "",
		`{"has_next":false}`:               "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+data+`}`))
		page, err := c.Distribution.QueryItems(t.Context(), &jushuitan.DistributionItemQuery{})
		require.NoError(t, err, data)
		var got string
		for _, row := range page.DistributionItems {
			got += row.ItemSPUID
		}
		assert.Equal(t, want, got, data)
	}
}

// TestDataOfData: the answer to some writes is nested in data of data, with the request id
// there or above. A list in its place proves nothing.
func TestDataOfData(t *testing.T) {
	for _, tt := range []struct {
		data      string
		class     error // nil: applied
		requestID string
	}{
		{`{"data":{"io_id":7}}`, nil, ""},
		{`{"data":[{"io_id":7}]}`, jushuitan.ErrOutcomeUnknown, ""},
		{`{"data":null}`, jushuitan.ErrOutcomeUnknown, ""},
		{`{"data":{"io_id":0}}`, jushuitan.ErrOutcomeUnknown, ""},
		{`{"data":{"io_id":0,"request_id":"r-1"}}`, jushuitan.ErrOutcomeUnknown, "r-1"},
		{`{"data":{"requestId":"r-2","io_id":0}}`, jushuitan.ErrOutcomeUnknown, "r-2"},
		{`{"data":null,"request_id":"r-3"}`, jushuitan.ErrOutcomeUnknown, "r-3"},
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+tt.data+`}`), jushuitan.WithoutValidation())
		out, err := c.Stocktakes.Upload(t.Context(), &jushuitan.StocktakeUpload{SoID: "P-1"})
		if tt.class == nil {
			require.NoError(t, err, tt.data)
			assert.Equal(t, int64(7), out.IOID)
			continue
		}
		require.ErrorIs(t, err, tt.class, tt.data)
		assert.NotErrorIs(t, err, jushuitan.ErrDecode, tt.data)
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tt.requestID, e.RequestID, tt.data)
	}
}

// TestBrokenAnswers: an answer that is not JSON to its end says nothing, wherever it breaks.
func TestBrokenAnswers(t *testing.T) {
	for _, body := range []string{
		`{"code":0,"data":{"datas":[]},"msg":{"a":1,}`,
		`{"code":0,"data":{"datas":[]},"msg":[1,}`,
		`{"data":{"datas":[]},"code":{"a":1,}`,
		`{"code":0,"data":{"datas":[]},"issuccess":{"a":1,}`,
		`{"code":0,"data":{"datas":[],}`,
		`{"code":0,"data":{"datas":[]},"request_id":"a\q"}`,
		`{"code":0,"data":{"datas":[]}}}`,
		`{"code":0,"data":{"datas":[]}`,
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, body))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e, body)
		assert.Equal(t, jushuitan.Unknown, e.Outcome, body)
		assert.True(t, e.Code == 0 && e.Msg == "", body)
	}
}

// TestResultsByPosition: results without a key belong to the rows in their order; with the
// key of one, the others are of nobody.
func TestResultsByPosition(t *testing.T) {
	for name, tt := range map[string]struct{ datas, first, second string }{
		"no keys":               {`[{"o_id":1,"issuccess":true},{"issuccess":false,"msg":"x"}]`, "", "x"},
		"zeros are no keys":     {`[{"so_id":"0","o_id":1,"issuccess":true},{"so_id":"","issuccess":false,"msg":"x"}]`, "", "x"},
		"one key":               {`[{"so_id":"B","issuccess":false,"msg":"x"},{"issuccess":true}]`, "no result for this row", "x"},
		"fewer results":         {`[{"issuccess":true}]`, "no result for this row", "no result for this row"},
		"the key of one, twice": {`[{"so_id":"B","issuccess":false,"msg":"x"},{"so_id":"B","issuccess":true}]`, "no result for this row", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"datas":`+tt.datas+`}}`), jushuitan.WithoutValidation())
			rows, err := c.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{SoID: "A"}, {SoID: "B"}})
			require.Error(t, err)
			require.Len(t, rows, 2)
			for i, want := range []string{tt.first, tt.second} {
				if want == "" {
					assert.NoError(t, rows[i].Err)
					assert.Equal(t, int64(1), rows[i].Result.OID)
					continue
				}
				assert.ErrorContains(t, rows[i].Err, want)
			}
		})
	}
}

// TestKeyOfARefusedRow: the error of a row has its key, whatever other texts the row has.
func TestKeyOfARefusedRow(t *testing.T) {
	for _, row := range []string{
		`{"po_id":"2","issuccess":false,"msg":"void","status":"x","remark":"y"}`,
		`{"remark":"y","msg":"void","issuccess":false,"po_id":"2"}`,
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"result":[`+row+`]}}`))
		_, err := c.Purchases.ChangeStatus(t.Context(), &jushuitan.PurchaseChangeStatusRequest{POIDs: []string{"2"}, Option: 1})
		var failed *jushuitan.BatchError
		require.ErrorAs(t, err, &failed, row)
		require.Len(t, failed.Failed, 1)
		assert.Equal(t, "2", failed.Failed[0].Key, row)
		assert.ErrorContains(t, err, "void")
	}
}

// TestShipmentAbroad: a shipment without a waybill number names its tracking.
func TestShipmentAbroad(t *testing.T) {
	for _, tt := range []struct {
		row jushuitan.OutboundShipRequest
		bad bool
	}{
		{jushuitan.OutboundShipRequest{IOID: 1, IsUnLID: true}, true},
		{jushuitan.OutboundShipRequest{IOID: 1, IsUnLID: true, TrackingCode: "T"}, true},
		{jushuitan.OutboundShipRequest{IOID: 1, IsUnLID: true, TrackingInfo: "I"}, true},
		{jushuitan.OutboundShipRequest{IOID: 1, IsUnLID: true, TrackingCode: "T", TrackingInfo: "I"}, false},
		{jushuitan.OutboundShipRequest{IOID: 1}, false},
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":130,"msg":"x"}`))
		_, err := c.Outbounds.Ship(t.Context(), []jushuitan.OutboundShipRequest{tt.row})
		require.Error(t, err)
		if tt.bad {
			assert.ErrorContains(t, err, "is_un_lid requires tracking_code and tracking_info", "%+v", tt.row)
		} else {
			assert.NotContains(t, err.Error(), "is_un_lid", "%+v", tt.row)
		}
	}
}

// TestRequestThatCannotBeEncoded: a request with text that is not UTF-8 is not sent.
func TestRequestThatCannotBeEncoded(t *testing.T) {
	c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"orders":[]}}`))
	out, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{Status: "\xff"})
	var e *jushuitan.Error
	require.ErrorAs(t, err, &e)
	assert.Nil(t, out)
	assert.ErrorIs(t, err, jushuitan.ErrInvalid)
	assert.Equal(t, jushuitan.NotSent, e.Outcome)
	assert.ErrorContains(t, err, "cannot encode the request")
}
