package jushuitan_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestErrorTexts: the whole text of an error, which is what an engineer has at night.
func TestErrorTexts(t *testing.T) {
	const (
		later   = "; try again later / 服务暂不可用，请稍后重试 [outcome unknown, attempts 1]"
		between = `: the answer has no verdict of the API (content type "text/html", host "openapi.jushuitan.com"): something between here and it answered`
	)
	answer := func(status int, body string, header ...string) httpmock.Responder {
		r := httpmock.NewStringResponse(status, body)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return httpmock.ResponderFromResponse(r)
	}
	for name, c := range map[string]struct {
		respond httpmock.Responder
		want    string
	}{
		"no connection": {httpmock.NewErrorResponder(errors.New("connection reset")), "service unavailable: connection reset" + later},
		"redirect": {
			answer(302, "", "Location", "https://login.example.com/x?token=hidden"),
			`service unavailable, HTTP 302: the server redirects to host "login.example.com", which is not followed with a signed request: check the address` + later,
		},
		"redirect to nowhere":   {answer(302, ""), "service unavailable, HTTP 302: the server redirects, which is not followed with a signed request: check the address" + later},
		"a proxy's page":        {answer(404, "<html>", "Content-Type", "text/html"), "service unavailable, HTTP 404" + between + later},
		"a proxy's error":       {answer(502, "<html>", "Content-Type", "text/html"), "service unavailable, HTTP 502" + between + later},
		"code 0 with an error":  {answer(500, `{"code":0,"msg":"x"}`, "Content-Type", "text/html"), "service unavailable, HTTP 500" + between + later},
		"cut off":               {answer(200, `{"code":0`), "service unavailable: JSON cut off at byte 9" + later},
		"refused":               {answer(200, `{"code":100,"msg":"店铺不存在","requestId":"r-2"}`), `request rejected, code 100, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1, request r-2]`},
		"refused with code 1":   {answer(200, `{"code":1,"msg":"店铺不存在"}`), `request rejected, code 1, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1]`},
		"refused, another HTTP": {answer(400, `{"code":100,"msg":"店铺不存在"}`), `request rejected, code 100, HTTP 400, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mocked(t, c.respond).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.EqualError(t, err, "jushuitan: Shops.Query (店铺查询): "+c.want)
		})
	}
}

// TestValidationErrorText: ten issues are listed, and the others counted.
func TestValidationErrorText(t *testing.T) {
	text := func(n int) string {
		e := &jushuitan.ValidationError{}
		for i := range n {
			e.Issues = append(e.Issues, jushuitan.Issue{Row: i - 1, Field: "so_id", Rule: "is required"})
		}
		return e.Error()
	}
	assert.Contains(t, text(2), "so_id is required; row 0: so_id is required")
	assert.Contains(t, text(10), "row 8: so_id is required")
	assert.NotContains(t, text(10), "more")
	assert.Contains(t, text(11), "row 8: so_id is required; and 1 more")
	assert.Contains(t, text(12), "; and 2 more")
	assert.NotContains(t, text(12), "row 9")
}

// TestOrderUploadRules: what an order to be uploaded needs besides its required members.
func TestOrderUploadRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *jushuitan.OrderUpload)
		want   string
	}{
		"card without a number": {func(o *jushuitan.OrderUpload) { o.Card = &jushuitan.OrderUploadCard{Name: "x"} }, "row 0: card requires both name and card_id"},
		"card without a name":   {func(o *jushuitan.OrderUpload) { o.Card = &jushuitan.OrderUploadCard{CardID: "1"} }, "row 0: card requires both name and card_id"},
		"half an address":       {func(o *jushuitan.OrderUpload) { o.ReceiverCity = "杭州市" }, "row 0: receiver_district is missing: set it together with receiver_state, receiver_city and receiver_district, or none of them"},
		"one line twice": {func(o *jushuitan.OrderUpload) {
			o.Items = []jushuitan.OrderUploadItem{{OuterOIID: "1"}, {}, {}, {OuterOIID: "1"}}
		}, "row 0: items[3].outer_oi_id is a duplicate in this order"},
	} {
		t.Run(name, func(t *testing.T) {
			order := jushuitan.OrderUpload{SoID: "A"}
			c.change(&order)
			client := mocked(t, httpmock.NewErrorResponder(errors.New("it went out")))
			rows, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{order})
			require.Error(t, err)
			require.Len(t, rows, 1)
			require.ErrorIs(t, rows[0].Err, jushuitan.ErrInvalid)
			var wrong *jushuitan.ValidationError
			require.ErrorAs(t, rows[0].Err, &wrong)
			var texts []string
			for _, issue := range wrong.Issues {
				texts = append(texts, issue.String())
			}
			assert.Contains(t, texts, c.want)
		})
	}
}

// TestRejectedWithoutAReason: a row that the server lists as refused, and says nothing of.
func TestRejectedWithoutAReason(t *testing.T) {
	client := mocked(t, httpmock.NewStringResponder(200, `{"code":0,"data":{"total_qty":2,"success_qty":1,"fail_qty":1,"fail_style_code_list":["K-1"]}}`), jushuitan.WithoutValidation())
	_, err := client.Distribution.SetItemStatus(t.Context(), &jushuitan.DistributionItemSetStatusRequest{})
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Failed, 1)
	assert.Equal(t, "K-1", batch.Failed[0].Key)
	assert.ErrorContains(t, batch.Failed[0].Err, "rejected without a reason")
}

// TestRowsOfAWrongRequest: what is wrong with the request as a whole is an error of each row, and
// nothing is sent.
func TestRowsOfAWrongRequest(t *testing.T) {
	client := mocked(t, httpmock.NewErrorResponder(errors.New("it went out")))
	err := client.Inventory.SetVirtualQtys(t.Context(), &jushuitan.InventorySetVirtualQtysRequest{SKUAndQty: []jushuitan.VirtualQty{{SKUID: "A"}, {SKUID: "B"}}})
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	require.ErrorContains(t, err, "wms_co_id is required")
	require.NotContains(t, err.Error(), "it went out")
}

// TestBatchErrorText: three rows are shown, by place or by key, after merchant and counts.
func TestBatchErrorText(t *testing.T) {
	row := func(i int) jushuitan.RowError {
		return jushuitan.RowError{Index: i, Key: fmt.Sprint("K", i), Err: errors.New("no")}
	}
	e := &jushuitan.BatchError{Op: "Orders.Upload", Merchant: "10010", Total: 9, Failed: []jushuitan.RowError{row(0), row(-1), row(1)}}
	require.EqualError(t, e, `jushuitan: Orders.Upload merchant "10010": 3 of 9 rows failed; row 0 (K0): no; K-1: no; row 1 (K1): no`)
	e = &jushuitan.BatchError{Op: "Orders.Upload", Failed: []jushuitan.RowError{row(0), row(1), row(2), row(3)}}
	require.EqualError(t, e, `jushuitan: Orders.Upload: 4 rows failed; row 0 (K0): no; row 1 (K1): no; row 2 (K2): no; ...`)
}
