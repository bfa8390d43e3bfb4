package jushuitan_test

import (
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// An upload in bulk may answer one object in place of a list.
func TestUploadAnswersOneObject(t *testing.T) {
	for name, data := range map[string]string{
		"object": `{"external_id":"A","io_id":"50203","is_success":"true","msg":""}`,
		"list":   `[{"external_id":"A","io_id":50203,"is_success":true,"msg":""}]`,
	} {
		t.Run(name, func(t *testing.T) {
			c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+data+`}`))
			rows, err := c.Receipts.Create(t.Context(), []jushuitan.ReceiptCreateRequest{{ExternalID: "A"}})
			require.NoError(t, err)
			require.Len(t, rows, 1)
			assert.Equal(t, int64(50203), rows[0].Result.IOID)

			rows, err = c.Receipts.Create(t.Context(), []jushuitan.ReceiptCreateRequest{{ExternalID: "A"}, {ExternalID: "B"}})
			require.ErrorIs(t, err, jushuitan.ErrDecode, "nothing is said about B")
			assert.NoError(t, rows[0].Err)
			assert.Error(t, rows[1].Err)
		})
	}
}

// Refusals that hide behind code 0.
func TestRefusedInsideCodeZero(t *testing.T) {
	c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"cart in use","data":false}`))
	require.ErrorIs(t, c.SortingWall.BindCart(t.Context(), &jushuitan.CartBindRequest{}), jushuitan.ErrInvalid)

	c = mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":null}`))
	require.ErrorIs(t, c.SortingWall.BindCart(t.Context(), &jushuitan.CartBindRequest{}), jushuitan.ErrOutcomeUnknown, "neither true nor false")

	c = mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"io_id":1,"error":"no such document"}}`))
	_, err := c.Packing.PackShipment(t.Context(), &jushuitan.ShippingPackRequest{IOID: 1})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)

	c = mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"result":[{"po_id":"1","issuccess":true},{"po_id":"2","issuccess":false,"msg":"void"}]}}`))
	reply, err := c.Purchases.ChangeStatus(t.Context(), &jushuitan.PurchaseChangeStatusRequest{POIDs: []string{"1", "2"}, Option: 1})
	var failed *jushuitan.BatchError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Failed, 1)
	assert.Equal(t, "2", failed.Failed[0].Key)
	assert.Len(t, reply.Rows, 2)

	c = mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"total_qty":2,"fail_qty":1,"success_style_code_list":["S1"],"fail_style_code_list":["S2"]}}`))
	_, err = c.Distribution.SetItemStatus(t.Context(), &jushuitan.DistributionItemSetStatusRequest{ItemSPUIDs: []string{"S1", "S2"}})
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "S2", failed.Failed[0].Key)

	for _, data := range []string{`{"is_success":false,"success":[],"fail":[]}`, `{"success":null,"IsSuccess":"false"}`} {
		c = mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":`+data+`}`), jushuitan.WithoutValidation())
		_, err = c.AfterSales.ConfirmGoods(t.Context(), []jushuitan.AfterSaleConfirmGoodsRequest{{ASID: 1}})
		require.ErrorIs(t, err, jushuitan.ErrInvalid, data)
		assert.NotErrorIs(t, err, jushuitan.ErrOutcomeUnknown, data)
	}
}

// TestPageBehindAByteOrderMark: a page is a page, whatever stands before it.
func TestPageBehindAByteOrderMark(t *testing.T) {
	for _, before := range []string{"", "\ufeff", " \r\n", "\ufeff \n", "\n\ufeff"} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, before+"<html>blocked</html>"))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrUnavailable, "%q", before)
		assert.ErrorContains(t, err, "HTML or XML", "%q", before)
	}
}
