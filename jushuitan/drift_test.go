package jushuitan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestOnDrift reports what differs from the documentation, once for a path, and
// nothing else.
func TestOnDrift(t *testing.T) {
	body := `{"code":0,"msg":"","data":{"page_index":1,"has_next":"false","new_page_field":1,"orders":[
		{"o_id":1,"so_id":"a","pay_amount":12.5,"labels":"x,y","modified":"2024-06-11 09:20:31","brand_new":{"x":1}},
		{"o_id":"2","so_id":5,"status":"Sent","shop_status":"ANYTHING"},{"o_id":3,"status":"Teleported"},
		{"o_id":"2","so_id":5,"pay_amount":"12.5","brand_new":2,"items":[{"qty":"1","oi_id":7,"also_new":null}]}]}}`
	got := map[string]jushuitan.DriftKind{}
	c := mocked(t, httpmock.NewStringResponder(200, body), jushuitan.WithOnDrift(func(d jushuitan.Drift) {
		assert.Equal(t, "Orders.Query", d.Op)
		_, twice := got[d.Path+string(d.Kind)]
		assert.False(t, twice, "%s is reported twice", d.Path)
		got[d.Path+" "+string(d.Kind)] = d.Kind
	}))
	page, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
	require.NoError(t, err)
	assert.Len(t, page.Orders, 4)
	want := map[string]jushuitan.DriftKind{
		"data.has_next other kind":                      jushuitan.OtherKind,
		"data.new_page_field unknown member":            jushuitan.UnknownMember,
		"data.orders[].brand_new unknown member":        jushuitan.UnknownMember,
		"data.orders[].status new value":                jushuitan.NewValue,
		"data.orders[].o_id other kind":                 jushuitan.OtherKind,
		"data.orders[].so_id other kind":                jushuitan.OtherKind,
		"data.orders[].pay_amount other kind":           jushuitan.OtherKind,
		"data.orders[].items[].qty other kind":          jushuitan.OtherKind,
		"data.orders[].items[].also_new unknown member": jushuitan.UnknownMember,
	}
	assert.Equal(t, want, got)
}

// TestNoDriftInSamples: the samples of the catalog have no unknown members.
func TestNoDriftInSamples(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		if op.Go.Auth || op.Go.Raw || op.NullIsFailure || len(op.SampleResponse) == 0 {
			continue
		}
		c := mocked(t, httpmock.NewStringResponder(200, string(op.SampleResponse)), jushuitan.WithOnDrift(func(d jushuitan.Drift) {
			if d.Kind == jushuitan.UnknownMember {
				t.Errorf("%s: %s is unknown", op.Path, d.Path)
			}
		}))
		_, err := invoke(t, method(t, c, op), op.SampleRequest)
		require.NoError(t, err, op.Path)
	}
}

// TestDryRun: reads go out, writes do not, and their callers go on as if.
func TestDryRun(t *testing.T) {
	var calls []jushuitan.DryCall
	sent := 0
	c := mocked(t, func(*http.Request) (*http.Response, error) {
		sent++
		return httpmock.NewStringResponse(200, okShops), nil
	}, jushuitan.WithDryRun(func(d jushuitan.DryCall) { calls = append(calls, d) }))

	_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Equal(t, 1, sent)

	results, err := c.ForMerchant("10010").Orders.Upload(t.Context(), append(uploads(), sampleUpload("SO-50")))
	require.NoError(t, err)
	assert.Len(t, results, 51)
	cancelled, err := c.Orders.Cancel(t.Context(), &jushuitan.OrderCancelRequest{OIDs: []int64{1}})
	require.NoError(t, err)
	assert.NotNil(t, cancelled)
	require.NoError(t, c.Orders.SetRemark(t.Context(), &jushuitan.OrderSetRemarkRequest{OID: 1, Remark: "x"}))
	assert.Equal(t, 1, sent, "no write is sent")

	require.Len(t, calls, 4)
	assert.Equal(t, "Orders.Upload", calls[0].Op)
	assert.Equal(t, "10010", calls[0].Merchant)
	assert.Equal(t, jushuitan.Keyed, calls[0].Effect)
	assert.Len(t, calls[0].Sign, 32)
	var orders []map[string]any
	require.NoError(t, json.Unmarshal(calls[0].Biz, &orders))
	assert.Len(t, orders, 50)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", calls[0], calls[0], calls[0]), "13900000001")
	assert.NotContains(t, fmt.Sprintf("%+v", calls[0]), calls[0].Sign)
}

// A row that fails the check before sending has an error of its own, and the others are
// sent, in their order; in lists of biz and in lists of a member.
func TestInvalidRowsAreLeftOut(t *testing.T) {
	var sent []string
	c := mocked(t, func(req *http.Request) (*http.Response, error) {
		biz := sentForm(t, req).Get("biz")
		sent = append(sent, biz)
		var rows, answers []map[string]any
		if json.Unmarshal([]byte(biz), &rows) != nil {
			var in struct{ Items []map[string]any }
			require.NoError(t, json.Unmarshal([]byte(biz), &in))
			rows = in.Items
		}
		for _, row := range rows {
			answers = append(answers, map[string]any{"so_id": row["so_id"], "sku_id": row["sku_id"], "o_id": 1, "issuccess": true, "is_success": true})
		}
		text, err := json.Marshal(map[string]any{"code": 0, "data": map[string]any{"datas": answers}})
		require.NoError(t, err)
		return httpmock.NewBytesResponse(http.StatusOK, text), nil
	})
	bad := sampleUpload("SO-BAD")
	bad.ReceiverName = " "
	orders := []jushuitan.OrderUpload{sampleUpload("SO-0"), bad, sampleUpload("SO-2"), {}}
	results, err := c.Orders.Upload(t.Context(), orders)
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	assert.Equal(t, 4, batch.Total)
	require.Len(t, batch.Failed, 2)
	require.Len(t, results, 4)
	require.Len(t, sent, 1)
	assert.NotContains(t, sent[0], "SO-BAD")
	for i, wantErr := range []bool{false, true, false, true} {
		assert.Equal(t, i, results[i].Index)
		if !wantErr {
			require.NoError(t, results[i].Err, "row %d", i)
			assert.Equal(t, orders[i].SoID, results[i].Result.SoID, "row %d", i)
			continue
		}
		var e *jushuitan.Error
		require.ErrorAs(t, results[i].Err, &e)
		assert.Equal(t, jushuitan.NotSent, e.Outcome)
		var v *jushuitan.ValidationError
		require.ErrorAs(t, results[i].Err, &v)
		for _, issue := range v.Issues {
			assert.Equal(t, i, issue.Row)
		}
	}

	sent = nil
	skus, err := c.SKUs.Upload(t.Context(), &jushuitan.SKUUploadRequest{Items: []jushuitan.SKUUpload{{IID: "I", SKUID: "A", Name: "a"}, {IID: "I", Name: "b"}, {IID: "I", SKUID: "C", Name: "c"}}})
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Failed, 1)
	assert.Equal(t, 1, batch.Failed[0].Index)
	require.Len(t, sent, 1)
	assert.Equal(t, "C", skus[2].Result.SKUID)

	sent = nil
	strict := mocked(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("nothing is sent") }, jushuitan.WithStrictUploads())
	results, err = strict.Orders.Upload(t.Context(), orders)
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	require.Len(t, results, 4)
	for i, r := range results {
		require.ErrorIs(t, r.Err, jushuitan.ErrInvalid, "row %d", i)
	}
}

// TestValidation: what is wrong is found before a call, all of it, by row and
// field.
func TestValidation(t *testing.T) {
	respond := func(*http.Request) (*http.Response, error) { return nil, errors.New("nothing is sent") }
	bad := sampleUpload("SO-1")
	bad.SoID, bad.ReceiverName = "", " "
	bad.ShopBuyerID = string(make([]rune, 51))
	bad.ReceiverState = "浙江省"
	bad.Pay.Amount = bad.Pay.Amount.Neg()
	bad.Items[1].OuterOIID = bad.Items[0].OuterOIID
	bad.Items[1].SKUID = ""
	c := mocked(t, respond, jushuitan.WithStrictUploads())
	_, err := c.ForMerchant("10010").WithToken("test-access-token-0001").Orders.Upload(t.Context(), []jushuitan.OrderUpload{sampleUpload("SO-0"), bad, {}})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	var e *jushuitan.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, jushuitan.NotSent, e.Outcome)
	assert.Zero(t, e.Attempts)
	assert.ErrorContains(t, err, "10010")
	var v *jushuitan.ValidationError
	require.ErrorAs(t, err, &v)
	byRow := map[int]map[string]string{}
	for _, i := range v.Issues {
		if byRow[i.Row] == nil {
			byRow[i.Row] = map[string]string{}
		}
		byRow[i.Row][i.Field] = i.Rule
	}
	assert.NotContains(t, byRow, 0)
	for _, field := range []string{"so_id", "receiver_name", "shop_buyer_id", "receiver_city", "receiver_district", "pay.amount", "items[1].sku_id", "items[1].outer_oi_id"} {
		assert.Contains(t, byRow[1], field)
	}
	for _, field := range []string{"shop_id", "so_id", "order_date", "items", "receiver_address"} {
		assert.Equal(t, "is required", byRow[2][field])
	}
	assert.ErrorContains(t, err, "row 1: so_id is required")

	tests := map[string]func(c *jushuitan.Client) error{
		"too many": func(c *jushuitan.Client) error {
			_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: make([]string, 21)})
			return err
		},
		"half a range": func(c *jushuitan.Client) error {
			_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: sampleUpload("").OrderDate})
			return err
		},
		"long range": func(c *jushuitan.Client) error {
			at := sampleUpload("").OrderDate
			_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: at, ModifiedEnd: at.AddDate(0, 0, 8)})
			return err
		},
		"missing document": func(c *jushuitan.Client) error {
			_, err := c.Stocktakes.Upload(t.Context(), &jushuitan.StocktakeUpload{Warehouse: "1"})
			return err
		},
		"labels": func(c *jushuitan.Client) error {
			return c.Orders.SetLabels(t.Context(), &jushuitan.OrderSetLabelsRequest{OID: 1, Labels: make([]string, 20), ActionType: 1})
		},
		"nobody's labels": func(c *jushuitan.Client) error {
			return c.Orders.SetLabels(t.Context(), &jushuitan.OrderSetLabelsRequest{Labels: []string{"a"}, ActionType: 1})
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			var v *jushuitan.ValidationError
			require.ErrorAs(t, call(mocked(t, respond)), &v)
			sent := false
			open := mocked(t, func(*http.Request) (*http.Response, error) {
				sent = true
				return httpmock.NewStringResponse(200, `{"code":0,"issuccess":true,"msg":"执行成功","data":null}`), nil
			}, jushuitan.WithoutValidation())
			assert.NoError(t, call(open))
			assert.True(t, sent, "WithoutValidation lets it through")
		})
	}
}
