package jushuitan_test

import (
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestCodes: the class of each code of the service, with its hint in both languages.
func TestCodes(t *testing.T) {
	for _, tt := range []struct {
		code  int
		msg   string
		class error
		hint  string
	}{
		{1, "未知错误", jushuitan.ErrInvalid, "fix the request"},
		{10, "签名错误", jushuitan.ErrSign, "check AppKey and AppSecret"},
		{110, "IP 不在白名单", jushuitan.ErrIPNotAllowed, "IP allow list"},
		{120, "校验失败", jushuitan.ErrSign, "请检查 AppKey、AppSecret"},
		{130, "数据为空", jushuitan.ErrInvalid, "retrying will not help"},
		{140, "timestamp 无效", jushuitan.ErrTimestamp, "请校准本机时间"},
		{140, "sign 不正确", jushuitan.ErrSign, "签名校验失败"},
		{140, "参数格式错误", jushuitan.ErrInvalid, "请修正请求数据"},
		{150, "服务商应用不允许刷新token,请重新授权", jushuitan.ErrReauthorize, "请商家重新授权"},
		{150, "系统异常", jushuitan.ErrUnavailable, "try again later"},
		{160, "保存失败", jushuitan.ErrUnavailable, "请稍后重试"},
		{170, "店铺编号不存在", jushuitan.ErrInvalid, "fix the request"},
		{180, "时间错误", jushuitan.ErrTimestamp, "correct this machine's clock"},
		{190, "没有权限", jushuitan.ErrPermission, "apply for this endpoint"},
		{199, "超过每秒调用次数", jushuitan.ErrRateLimited, "多进程请共用一个限流器"},
		{200, "超过每分钟调用次数", jushuitan.ErrRateLimited, "call less often"},
		{200, "参数错误", jushuitan.ErrInvalid, "重试无效"},
		{21024, "只有自研应用可以调用", jushuitan.ErrPermission, "请在开放平台申请该接口权限"},
		{-4, "值超出范围", jushuitan.ErrInvalid, "fix the request"},
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, fmt.Sprintf(`{"code":%d,"msg":%q,"data":null}`, tt.code, tt.msg)))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, tt.class, "%d %s", tt.code, tt.msg)
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, int64(tt.code), e.Code)
		assert.Contains(t, e.Hint(), tt.hint, "%d %s", tt.code, tt.msg)
		assert.Regexp(t, `\p{Latin}.* / .*\p{Han}`, e.Hint(), "both languages")
		assert.Contains(t, err.Error(), e.Hint())
	}
}

// TestRequestIDInData: a request id in data is as good as one at the root, which comes
// first.
func TestRequestIDInData(t *testing.T) {
	for body, want := range map[string]string{
		`{"code":130,"msg":"x","data":{"requestId":"r-1"}}`:                      "r-1",
		`{"code":130,"msg":"x","data":{"request_id":"r-2"}}`:                     "r-2",
		`{"code":130,"msg":"x","request_id":"r-3","data":{"requestId":"other"}}`: "r-3",
		`{"code":130,"msg":"x","request_id":null,"data":{"requestId":"r-4"}}`:    "r-4",
		`{"code":130,"msg":"x","data":{"requestId":5}}`:                          "",
		`{"code":130,"msg":"x","data":[{"requestId":"of a row"}]}`:               "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, body))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e, body)
		assert.Equal(t, want, e.RequestID, body)
		if want != "" {
			assert.Contains(t, err.Error(), "request "+want, "support asks for it")
		}
	}
}

// TestTextOfARefusal: the text stands in msg, or in message.
func TestTextOfARefusal(t *testing.T) {
	for body, want := range map[string]string{
		`{"code":170,"msg":"店铺不存在","data":null}`:                "店铺不存在",
		`{"code":170,"message":"店铺不存在","data":null}`:            "店铺不存在",
		`{"code":170,"msg":"店铺不存在","message":"other"}`:          "店铺不存在",
		`{"code":170,"message":"other","msg":"店铺不存在"}`:          "店铺不存在",
		`{"code":170,"msg":"","message":"店铺不存在"}`:               "店铺不存在",
		`{"code":170,"message":{"text":"no text"},"data":null}`: "",
		`{"code":170,"message":7,"data":null}`:                  "",
	} {
		c := mocked(t, httpmock.NewStringResponder(http.StatusOK, body))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e, body)
		assert.Equal(t, want, e.Msg, body)
	}
}

// TestFallOfTheTotal: when a row leaves while pages are read, the row that moved to a page
// already read is returned all the same.
func TestFallOfTheTotal(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	rows := someOrders(6, time.Hour)
	calls := 0
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		left := rows
		if calls++; calls > 1 { // the first order changed, and is of another day now
			left = rows[1:]
		}
		orderStore(left, true)(w, r)
	}, jushuitan.WithPrefetch(1))
	got, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(24 * time.Hour), PageSize: 2}))
	require.NoError(t, err)
	assert.ElementsMatch(t, idsOf(rows), got, "each once, order 3 too, which moved from page 2 to page 1")
}

// TestRowsAtWindowBorders: a row in the second in which one time range ends and the next
// begins is returned once, as are its neighbours, whatever time the range filters by.
func TestRowsAtWindowBorders(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	now := begin
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota(), jushuitantest.WithNow(func() time.Time { return now }))
	t.Cleanup(srv.Close)
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: dialectShop, ShopSite: "头条放心购"}))
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 5, IsMain: true, Name: "总仓"}))
	want := 0
	for _, border := range []time.Duration{0, 7 * 24 * time.Hour, 14 * 24 * time.Hour} {
		for _, off := range []time.Duration{-time.Second, 0, 0, time.Second} {
			if now = begin.Add(border + off); now.Before(begin) {
				continue
			}
			want++
			oID, err := srv.ImportOrder(jushuitan.OrderUpload{
				ShopID: dialectShop, SoID: fmt.Sprint("SO-", want), OrderDate: now, Items: []jushuitan.OrderUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(1)}},
			})
			require.NoError(t, err)
			ioID, err := srv.AssignOrder(oID, 5)
			require.NoError(t, err)
			require.NoError(t, srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: fmt.Sprint("YT", want)}))
		}
	}
	now = begin.AddDate(0, 1, 0)
	c, err := srv.Client()
	require.NoError(t, err)
	end := begin.Add(20 * 24 * time.Hour)
	orders := func(by *int64) *jushuitan.OrderQuery {
		return &jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: end, DateType: by, PageSize: 3}
	}
	parcels := &jushuitan.ShipmentQuery{ModifiedBegin: begin, ModifiedEnd: end, PageSize: 3}
	for name, rows := range map[string]func() ([]string, error){
		"orders by modified":   func() ([]string, error) { return keys(c.Orders.All(t.Context(), orders(nil))) },
		"orders by order date": func() ([]string, error) { return keys(c.Orders.All(t.Context(), orders(new(int64(2))))) },
		"parcels":              func() ([]string, error) { return keys(c.Logistics.All(t.Context(), parcels)) },
		"stream of orders": func() ([]string, error) {
			return keys(c.Orders.Stream(orders(nil), jushuitan.Checkpoint{}).Rows(t.Context()))
		},
		"stream of orders, order date": func() ([]string, error) {
			return keys(c.Orders.Stream(orders(new(int64(2))), jushuitan.Checkpoint{}).Rows(t.Context()))
		},
		"stream of parcels": func() ([]string, error) {
			return keys(c.Logistics.Stream(parcels, jushuitan.Checkpoint{}).Rows(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rows()
			require.NoError(t, err)
			assert.Len(t, got, want)
			slices.Sort(got)
			assert.Equal(t, slices.Compact(slices.Clone(got)), got, "a row came twice")
		})
	}
}

// keys returns the key of each row.
func keys[T any](rows iter.Seq2[*T, error]) (out []string, _ error) {
	for row, err := range rows {
		if err != nil {
			return out, err
		}
		switch r := any(row).(type) {
		case *jushuitan.Order:
			out = append(out, r.SoID)
		case *jushuitan.Shipment:
			out = append(out, r.LID)
		}
	}
	return out, nil
}

// TestStreamName: a checkpoint belongs to one operation and one merchant.
func TestStreamName(t *testing.T) {
	c := mocked(t, nil)
	at := c.ForMerchant("10010").Orders.Stream(&jushuitan.OrderQuery{}, jushuitan.Checkpoint{}).Checkpoint()
	_, err := collect(t, c.ForMerchant("10010").Orders.Stream(&jushuitan.OrderQuery{Status: "x"}, at).Rows(t.Context()))
	require.ErrorIs(t, err, jushuitan.ErrInvalid, "another query")
	_, err = collect(t, c.ForMerchant("10011").Orders.Stream(&jushuitan.OrderQuery{}, at).Rows(t.Context()))
	require.ErrorIs(t, err, jushuitan.ErrInvalid, "another merchant")
	for _, err := range c.ForMerchant("10010").Outbounds.Stream(&jushuitan.OutboundQuery{}, at).Rows(t.Context()) {
		require.ErrorIs(t, err, jushuitan.ErrInvalid, "another operation")
		return
	}
	t.Error("a checkpoint of orders was taken for outbound documents")
}

// TestTimeRangeOfAQuery: what is wrong with the range of a query is said before it is sent.
func TestTimeRangeOfAQuery(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"orders":[],"has_next":false}}`))
	for _, tt := range []struct {
		begin, end time.Time
		want       string
	}{
		{begin, begin.AddDate(0, 0, 7), ""},
		{begin, begin, ""},
		{begin, begin.AddDate(0, 0, 7).Add(time.Second), "modified_begin and modified_end span more than 7 days: use All, which splits the range"},
		{begin, begin.Add(-time.Second), "modified_begin and modified_end are in the wrong order"},
		{begin, time.Time{}, "modified_begin and modified_end must be set together"},
		{time.Time{}, begin, "modified_begin and modified_end must be set together"},
	} {
		_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: tt.begin, ModifiedEnd: tt.end})
		if tt.want == "" {
			assert.NoError(t, err)
			continue
		}
		var wrong *jushuitan.ValidationError
		require.ErrorAs(t, err, &wrong, tt.want)
		assert.ErrorContains(t, err, tt.want)
		assert.Len(t, wrong.Issues, 1)
	}
}

// TestLimitsOfARequest: lists and texts have the length that the service accepts, counted in
// characters; one more is said before it is sent.
func TestLimitsOfARequest(t *testing.T) {
	c := mocked(t, httpmock.NewStringResponder(http.StatusOK, `{"code":0,"msg":"","data":{"datas":[],"orders":[],"has_next":false}}`))
	ids := make([]int64, 51)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	skus := make(jushuitan.CommaList, 21)
	for i := range skus {
		skus[i] = fmt.Sprint("S", i)
	}
	long := strings.Repeat("单", 51)
	receipts := func(ids []int64) error {
		_, err := c.AfterSales.QueryReturnReceipts(t.Context(), &jushuitan.ReturnReceiptQuery{ASIDs: ids})
		return err
	}
	goods := func(skus jushuitan.CommaList) error {
		_, err := c.SKUs.Query(t.Context(), &jushuitan.SKUQuery{SKUIDs: skus})
		return err
	}
	_, tooLong := c.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{SoID: long}})
	for _, tt := range []struct {
		err  error
		want string
	}{
		{receipts(ids), "as_ids has 51 items, maximum 50"},
		{receipts(ids[1:]), ""},
		{goods(skus), "sku_ids has 21 items, maximum 20"},
		{goods(skus[1:]), ""},
		{tooLong, "so_id has 51 characters, maximum 50"},
	} {
		if tt.want == "" {
			assert.NoError(t, tt.err)
			continue
		}
		var wrong *jushuitan.ValidationError
		require.ErrorAs(t, tt.err, &wrong, tt.want)
		assert.ErrorContains(t, tt.err, tt.want)
	}
	_, err := c.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{SoID: long[3:]}})
	assert.NotContains(t, fmt.Sprint(err), "characters, maximum")
}
