package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
)

// linesView is what the state says of the lines of documents.
type linesView struct {
	Outbounds, Transfers, OtherInOuts []docView
}

type docView struct {
	IOID    int64  `json:"io_id"`
	Type    string `json:"type"`
	Status  string `json:"status"`
	Parcels []struct {
		LID string `json:"l_id"`
	} `json:"parcels"`
	Lines []struct {
		SKUID    string          `json:"sku_id"`
		Qty      decimal.Decimal `json:"qty"`
		Shipped  decimal.Decimal `json:"shipped"`
		Received decimal.Decimal `json:"received"`
	} `json:"lines"`
}

// short is a document in a line: status, then quantity/shipped/received of each line.
func (d docView) short() string {
	text := d.Status
	for _, l := range d.Lines {
		text += fmt.Sprintf(" %s=%s/%s/%s", l.SKUID, l.Qty, l.Shipped, l.Received)
	}
	return text
}

func (s *sandbox) documents() linesView {
	s.t.Helper()
	var v struct {
		Outbounds   []docView `json:"outbounds"`
		Transfers   []docView `json:"transfers"`
		OtherInOuts []docView `json:"other_in_outs"`
	}
	s.get("state", &v)
	return linesView{v.Outbounds, v.Transfers, v.OtherInOuts}
}

// TestPartial: what is left of an outbound document is told after each parcel, of
// lines with the same SKU too.
func TestPartial(t *testing.T) {
	s := start(t, console.Config{})
	require.NoError(t, s.AddSKU(jushuitan.SKU{SKUID: "B-1", Name: "帽子"}))
	var order struct {
		OID int64 `json:"o_id"`
	}
	var out struct {
		IOID int64 `json:"io_id"`
	}
	s.post("orders", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":2},{"sku_id":"B-1","qty":"1.5"},{"sku_id":"A-1","qty":2}]}`, 200, &order)
	s.post("orders/"+id(order.OID)+"/assign", `{"wms_co_id":10100088}`, 200, &out)
	ship := "outbounds/" + id(out.IOID) + "/ship"
	s.post(ship, `{"lc_id":"SF","l_id":"SF1","lines":{"A-1":3}}`, 200, nil)
	d := s.documents().Outbounds[0]
	assert.Equal(t, "WaitConfirm A-1=2/2/0 B-1=1.5/0/0 A-1=2/1/0", d.short())
	s.post(ship, `{"lc_id":"SF","l_id":"SF2","lines":{"A-1":"1","B-1":"0.5"}}`, 200, nil)
	d = s.documents().Outbounds[0]
	assert.Equal(t, "WaitConfirm A-1=2/2/0 B-1=1.5/0.5/0 A-1=2/2/0", d.short())
	s.post(ship, `{"lc_id":"SF","l_id":"SF3"}`, 200, nil)
	d = s.documents().Outbounds[0]
	assert.Equal(t, "Confirmed A-1=2/2/0 B-1=1.5/1.5/0 A-1=2/2/0", d.short())
	require.Len(t, d.Parcels, 3)
	assert.Equal(t, "SF1 SF2 SF3", d.Parcels[0].LID+" "+d.Parcels[1].LID+" "+d.Parcels[2].LID)
}

// TestStockDocuments: the warehouse ships and receives less than was asked, and that
// is told.
func TestStockDocuments(t *testing.T) {
	s := start(t, console.Config{})
	client, err := s.Client()
	require.NoError(t, err)
	five := decimal.NewFromInt(5)
	rows, err := client.Transfers.UploadCrossWarehouse(t.Context(), []jushuitan.CrossTransferUpload{{
		SoID: "TR-1", GoCoID: warehouse, Warehouse: 1, LinkCoID: 10100001, LinkWarehouse: 1,
		Items: []jushuitan.CrossTransferUploadItem{{SKUID: "A-1", Qty: five}},
	}})
	require.NoError(t, err)
	transfer := "transfers/" + id(rows[0].Result.IOID)
	s.post(transfer+"/ship", `{"lines":{"A-1":6}}`, 409, nil)
	s.post(transfer+"/ship", `{"lines":{"A-1":4}}`, 200, nil)
	docs := s.documents().Transfers
	require.Len(t, docs, 2)
	assert.Equal(t, "Creating A-1=4/0/0", docs[0].short())
	assert.Equal(t, "Confirmed A-1=5/4/0", docs[1].short())
	s.post(transfer+"/receive", `{"lines":{"A-1":3}}`, 200, nil)
	assert.Equal(t, "Confirmed A-1=4/0/3", s.documents().Transfers[0].short())

	other, err := client.OtherInOuts.Upload(t.Context(), &jushuitan.OtherInOutUpload{
		Type: "in", ExternalID: "RT-1", WMSCoID: warehouse, Warehouse: 2, Items: []jushuitan.OtherInOutUploadItem{{SKUID: "A-1", Qty: five}},
	})
	require.NoError(t, err)
	s.post("otherinouts/"+id(other.IOID)+"/confirm", `{"lines":{"A-1":"2"}}`, 200, nil)
	assert.Equal(t, "Confirmed A-1=2/0/0", s.documents().OtherInOuts[0].short())
}

// TestErrors: what cannot be done is said in both languages, and not in the words of
// a Go program.
func TestErrors(t *testing.T) {
	s := start(t, console.Config{})
	var sent, open struct {
		OID int64 `json:"o_id"`
	}
	var out struct {
		IOID int64 `json:"io_id"`
	}
	s.post("orders", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":2}]}`, 200, &sent)
	s.post("orders/"+id(sent.OID)+"/assign", `{"wms_co_id":10100088}`, 200, &out)
	s.post("outbounds/"+id(out.IOID)+"/ship", `{"lc_id":"SF","l_id":"SF1","lines":{"A-1":1}}`, 200, nil)
	s.post("orders", `{"shop_id":10200001,"so_id":"P-1","items":[{"sku_id":"A-1","qty":1}]}`, 200, &open)
	m, ship := "orders/"+id(sent.OID)+"/", "outbounds/"+id(out.IOID)+"/ship"
	client, err := s.Client()
	require.NoError(t, err)
	rows, err := client.AfterSales.Upload(t.Context(), []jushuitan.AfterSaleUpload{{
		ShopID: mall, OuterASID: "AS-1", SoID: "M-1", Type: "普通退货", ShopStatus: "SUCCESS", Remark: "r", GoodStatus: "BUYER_RETURNED_GOODS", QuestionType: "不喜欢",
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "A-1", Qty: decimal.NewFromInt(1), Type: "退货"}},
	}})
	require.NoError(t, err)
	as := "aftersales/" + id(rows[0].Result.ASID)

	for _, tt := range []struct {
		path, body string
		status     int
		en, zh     string
	}{
		{"orders/99/pay", ``, 409, "order 99 does not exist", "订单 99 不存在"},
		{"orders/none/pay", ``, 400, `"none" is not a document number`, "不是单据编号"},
		{"orders/" + id(open.OID) + "/pay", ``, 409, "is WaitConfirm; this is only possible while it is WaitPay", "只有 WaitPay 状态才能这样操作"},
		{"orders/" + id(open.OID) + "/assign", `{"wms_co_id":5}`, 409, "warehouse 5 does not exist", "仓库 5 不存在"},
		{m + "assign", `{"wms_co_id":10100001}`, 409, "shipped in part and stays", "已部分发货，不能改仓"},
		{m + "cancel", ``, 409, "shipped in part and cannot be cancelled", "已部分发货，不能取消"},
		{m + "pay", `{"now":true}`, 400, "does not match the endpoint", "请求内容与接口不符"},
		{ship, ``, 400, "l_id (waybill) are required", "请填写物流公司"},
		{"outbounds/7/ship", `{"lc_id":"SF","l_id":"SF1"}`, 409, "outbound document 7 does not exist", "出库单 7 不存在"},
		{ship, `{"lc_id":"NONE","l_id":"SF2"}`, 409, `carrier "NONE" does not exist`, "物流公司"},
		{ship, `{"lc_id":"SF","l_id":"SF1"}`, 409, "is a parcel of order", "已是订单"},
		{ship, `{"lc_id":"SF","l_id":"SF2","lines":{"A-1":2}}`, 409, `less of "A-1" left: 1 too many`, "多了 1"},
		{ship, `{"lc_id":"SF","l_id":"SF2","lines":{"A-1":0}}`, 409, "is not above 0", "必须大于 0"},
		{ship, `{"lc_id":"SF","l_id":"SF2","lines":{}}`, 409, "the parcel is empty", "包裹是空的"},
		{as + "/revoke", ``, 409, "nothing was received", "还没有收货"},
		{"aftersales/7/receive", ``, 409, "after-sale case 7 does not exist", "售后单 7 不存在"},
		{"transfers/7/ship", ``, 409, "transfer 7 does not exist", "调拨单 7 不存在"},
		{"otherinouts/7/confirm", ``, 409, "document 7 does not exist", "其它出入库单 7 不存在"},
		{"aftersales", `{"shop_id":10200077,"so_id":"M-1"}`, 409, "the document has no items", "没有商品明细"},
		{"aftersales", `{"shop_id":10200077,"so_id":"M-9","items":[{"sku_id":"A-1","qty":1}]}`, 409, "the order does not exist", "订单不存在"},
		{"aftersales", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"B-1","qty":1}]}`, 409, `no line of "B-1"`, "订单中没有商品"},
		{"aftersales", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":0}]}`, 409, "items[0]", "数量不大于 0"},
		{"aftersales", `{"shop_id":5,"so_id":"M-1","items":[{"sku_id":"A-1","qty":1}]}`, 409, "shop 5 does not exist", "店铺 5 不存在"},
		{"transfers", `{"wms_co_id":10100088,"link_wms_co_id":10100088,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "both warehouses are the same", "相同"},
		{"transfers", `{"wms_co_id":5,"link_wms_co_id":10100088,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "warehouse 5 does not exist", "调出仓 5 不存在"},
		{"transfers", `{"wms_co_id":10100088,"link_wms_co_id":10100001,"items":[{"sku_id":"none","qty":1}]}`, 409, "SKU none does not exist", "商品 none 不存在"},
		{"otherinouts", `{"type":"up","wms_co_id":10100088,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "type must be in or out", "in 或 out"},
		{"otherinouts", `{"type":"in","wms_co_id":5,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "warehouse 5 does not exist", "仓库 5 不存在"},
		{"otherinouts", `{"type":"in","wms_co_id":10100088,"items":[{"sku_id":"A-1","qty":0}]}`, 409, "the quantity of A-1 is not above 0", "必须大于 0"},
		{"otherinouts", `{"type":"in","wms_co_id":10100088,"warehouse":5,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "the document is refused", "单据被拒绝"},
		{"orders", `{"shop_id":5,"items":[{"sku_id":"A-1","qty":1}]}`, 409, "shop 5 does not exist", "店铺 5 不存在"},
		{"orders", `{"shop_id":10200077}`, 409, "no items", "没有商品明细"},
		{"orders", `{"shop_id":10200077,"items":[{"sku_id":"A-1"}]}`, 409, "items[0]", "第 0 行"},
		{"stock", `{"wms_co_id":10100088}`, 400, "sku_id and qty are required", "请填写商品编码"},
		{"stock", `{"wms_co_id":10100088,"sku_id":"none","qty":1}`, 409, `SKU "none" does not exist`, "商品 \"none\" 不存在"},
		{"stock/push", `{"shop_id":10200077,"wms_co_id":10100088}`, 409, "has no push address for inventory.upload: register one", "请先登记"},
		{"push-addresses", `{"shop_id":10200077,"method":"none","url":"http://127.0.0.1/"}`, 409, `there is no push "none"`, "这种推送"},
		{"push-addresses", `{"shop_id":10200077,"method":"cancel.order","url":"/there"}`, 409, "http(s)://host/path?query", "地址应为"},
		{"push-addresses", `{"shop_id":10200077,"method":"cancel.order","url":"http://127.0.0.1/?sign=1"}`, 409, "the parameter sign", "不能含参数 sign"},
		{"faults", `{"kind":"none"}`, 400, `no fault "none"`, "这种故障"},
		{"faults", `{"kind":"throttle","path":"/open/none"}`, 400, "no operation has the path", "没有路径为"},
		{"faults", `{"kind":"slow"}`, 400, "slow requires seconds", "秒数"},
		{"faults", `{"kind":"refuse"}`, 400, "requires a code", "错误码"},
		{"faults", `{"kind":"http-5xx","status":200}`, 400, "from 500 to 599", "HTTP 状态"},
		{"faults", `{"kind":"throttle","times":-1}`, 400, "out of range", "超出范围"},
		{"advance", `{}`, 400, "seconds must be", "秒数"},
	} {
		var got struct {
			Error string `json:"error"`
			ZH    string `json:"error_zh"`
		}
		s.post(tt.path, tt.body, tt.status, &got)
		assert.Contains(t, got.Error, tt.en, tt.path)
		assert.Contains(t, got.ZH, tt.zh, tt.path)
		assert.NotRegexp(t, regexp.MustCompile(`jushuitantest|first$|\b(Add|Set|Register)[A-Z]`), got.Error+got.ZH)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+console.Root+"requests?after=x", http.NoBody)
	require.NoError(t, err)
	s.do(req, http.StatusBadRequest, nil)
}

// TestMerchants: each merchant has documents of its own, and those that call are
// offered.
func TestMerchants(t *testing.T) {
	s := start(t, console.Config{})
	var v struct {
		Merchant  string     `json:"merchant"`
		Merchants []string   `json:"merchants"`
		CoID      int64      `json:"co_id"`
		Shops     []struct{} `json:"shops"`
	}
	s.get("state", &v)
	require.Equal(t, []string{""}, v.Merchants)
	require.Len(t, v.Shops, 2)
	first := v.CoID

	require.NoError(t, s.Company("b").AddShop(jushuitan.Shop{ShopID: 1, ShopName: "乙"}))
	client, err := s.Client()
	require.NoError(t, err)
	_, err = client.WithToken(s.AccessToken("b")).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	s.get("state", &v)
	require.Equal(t, []string{"", "b"}, v.Merchants)
	s.get("state?merchant=b", &v)
	require.Equal(t, "b", v.Merchant)
	require.Len(t, v.Shops, 1)
	require.NotEqual(t, first, v.CoID)

	token := s.AccessToken("b")
	s.post("tokens/expire?merchant=b", ``, 200, nil)
	require.NotEqual(t, token, s.AccessToken("b"))
	s.get("state?merchant=new", &v)
	require.Equal(t, []string{"", "b", "new"}, v.Merchants)
	require.Empty(t, v.Shops)
}

// TestPushLogMasked: a push that fails is told without the token of its address.
func TestPushLogMasked(t *testing.T) {
	srv := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(console.Config{})), jushuitantest.WithPushRetry())
	defer srv.Close()
	s := &sandbox{srv, t}
	require.NoError(t, s.AddWarehouse(jushuitan.Warehouse{Name: "总仓", WMSCoID: 10100001, IsMain: true}))
	require.NoError(t, s.AddShop(jushuitan.Shop{ShopID: mall}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s.post("push-addresses", `{"shop_id":10200077,"method":"cancel.order","url":"`+gone.URL+`/?entId=1&token=abcdefgh12345678"}`, 200, nil)
	var order struct {
		OID int64 `json:"o_id"`
	}
	s.post("orders", `{"shop_id":10200077,"items":[{"sku_id":"A-1","qty":1}]}`, 200, &order)
	assert.JSONEq(t, `{"ok":true}`, s.post("orders/"+id(order.OID)+"/cancel", ``, 200, nil), "the shop has an address")
	require.NoError(t, s.WaitPushes(t.Context()))
	var log []struct {
		Done, OK bool
		Error    string
		URL      string
	}
	text := s.get("pushes", &log)
	require.Len(t, log, 1)
	assert.True(t, log[0].Done && !log[0].OK)
	assert.NotEmpty(t, log[0].Error)
	assert.Contains(t, log[0].URL, "entId=1")
	assert.NotContains(t, text, "abcdefgh12345678")

	s.post("push-addresses", `{"shop_id":10200077,"method":"cancel.order"}`, 200, nil)
	assert.Empty(t, s.state().Addresses, "without a URL it is taken back")
}

// TestMadeByStaff: the staff make a return, a transfer and another in/out document, and
// complete them; what the stock lacks is refused in both languages.
func TestMadeByStaff(t *testing.T) {
	s := start(t, console.Config{})
	var made struct {
		OID       int64  `json:"o_id"`
		IOID      int64  `json:"io_id"`
		ASID      int64  `json:"as_id"`
		OuterASID string `json:"outer_as_id"`
	}
	s.post("orders", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":2,"price":59}]}`, 200, &made)
	s.post("orders/"+id(made.OID)+"/assign", `{"wms_co_id":10100088}`, 200, &made)
	assert.JSONEq(t, `{"ok":true,"not_pushed":{"shop_id":10200077,"method":"logistics.upload"}}`, s.post("outbounds/"+id(made.IOID)+"/ship", `{"lc_id":"SF","l_id":"SF1"}`, 200, nil))
	s.post("aftersales", `{"shop_id":10200077,"so_id":"M-1","items":[{"sku_id":"A-1","qty":1,"price":59}]}`, 200, &made)
	assert.NotEmpty(t, made.OuterASID)
	require.Equal(t, jushuitan.GoodStatusBuyerReturnedGoods, s.state().AfterSales[0].GoodStatus)
	assert.Contains(t, s.post("aftersales/"+id(made.ASID)+"/receive", ``, 200, nil), `"not_pushed":{"shop_id":10200077,"method":"refund.goods"}`)
	require.Equal(t, jushuitan.GoodStatusSellerReceived, s.state().AfterSales[0].GoodStatus)
	s.post("aftersales", `{"shop_id":10200077,"so_id":"M-1","type":"仅退款","items":[{"sku_id":"A-1","qty":1,"price":59}]}`, 200, &made)
	s.post("aftersales/"+id(made.ASID)+"/receive", ``, 409, nil) // no goods come back

	s.post("transfers", `{"wms_co_id":10100088,"link_wms_co_id":10100001,"items":[{"sku_id":"A-1","qty":9}]}`, 200, &made)
	var lacks struct {
		Error string `json:"error"`
		ZH    string `json:"error_zh"`
	}
	s.post("transfers/"+id(made.IOID)+"/ship", ``, 409, &lacks)
	assert.Equal(t, "transfer "+id(made.IOID)+": not enough stock of A-1: 9 needed, 8 there", lacks.Error)
	assert.Contains(t, lacks.ZH, "商品 A-1 库存不足，需要 9，现有 8")
	s.post("transfers/"+id(made.IOID)+"/ship", `{"lines":{"A-1":8}}`, 200, nil)

	s.post("otherinouts", `{"type":"out","wms_co_id":10100088,"items":[{"sku_id":"A-1","qty":1}]}`, 200, &made)
	s.post("otherinouts/"+id(made.IOID)+"/confirm", ``, 409, &lacks)
	assert.Contains(t, lacks.Error, "not enough stock of A-1: 1 needed, 0 there")
	s.post("otherinouts", `{"type":"in","wms_co_id":10100088,"warehouse":1,"items":[{"sku_id":"A-1","qty":3}]}`, 200, &made)
	s.post("otherinouts/"+id(made.IOID)+"/confirm", ``, 200, nil)
	assert.Equal(t, "3", s.Stock(warehouse)[0].Qty.String())
}

// TestPushContent: the log shows what was pushed and answered, without personal data, and
// an answer that is no JSON as text without tokens.
func TestPushContent(t *testing.T) {
	answers := make(chan string, 3)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(<-answers)) }))
	defer receiver.Close()
	srv := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(console.Config{})), jushuitantest.WithPushRetry())
	defer srv.Close()
	s := &sandbox{srv, t}
	require.NoError(t, s.AddShop(jushuitan.Shop{ShopID: mall}))
	s.post("push-addresses", `{"shop_id":10200077,"method":"cancel.order","url":"`+receiver.URL+`/?entId=1"}`, 200, nil)
	for i, answer := range []string{`{"code":"0","buyer_name":"某某人"}`, "no such token: abcdefgh12345678, call 13911112222", ""} {
		answers <- answer
		oID, err := s.ImportOrder(jushuitan.OrderUpload{ShopID: mall, SoID: "C-" + id(int64(i)), Items: []jushuitan.OrderUploadItem{{SKUID: "A-1", Qty: decimal.NewFromInt(1)}}})
		require.NoError(t, err)
		require.NoError(t, s.CancelOrder(oID, "缺货"))
		require.NoError(t, s.WaitPushes(t.Context()))
	}
	var log []struct {
		OK     bool            `json:"ok"`
		Body   json.RawMessage `json:"body"`
		Answer json.RawMessage `json:"answer"`
	}
	s.get("pushes", &log)
	require.Len(t, log, 3)
	assert.JSONEq(t, `{"so_id":"C-0","remark":"缺货"}`, string(log[0].Body))
	assert.True(t, log[0].OK)
	assert.JSONEq(t, `{"code":"0","buyer_name":"***"}`, string(log[0].Answer))
	assert.JSONEq(t, `"no such token: ***, call 139***"`, string(log[1].Answer))
	assert.Empty(t, log[2].Answer)
}
