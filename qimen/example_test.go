package qimen_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// answering is a gateway that answers everything alike.
func answering(body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
}

// The outbound documents of a virtual warehouse that wait to be shipped, through
// Jushuitan's own scene.
func ExampleSceneService_AllSaleouts() {
	gateway := answering(`{"response":{"flag":"success","code":0,"has_next":false,"datas":[
		{"io_id":7001,"o_id":9001,"so_id":"TB1","status":"WaitConfirm","items":[{"sku_id":"TEE-M","qty":2}]},
		{"io_id":7002,"o_id":9002,"so_id":"TB2","status":"WaitConfirm","items":[{"sku_id":"TEE-L","qty":"1"}]}]}}`)
	defer gateway.Close()

	client, err := qimen.New(qimen.Config{AppKey: "12345678", AppSecret: "secret", Gateway: gateway.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	merchant := client.ForCustomer("10000001") // 奇门客户编码
	req := &qimen.SaleoutListRequest{WMSCoID: 10000002, Status: jushuitan.OutboundStatusWaitConfirm}
	for doc, err := range merchant.Scene.AllSaleouts(context.Background(), req) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(doc.IOID, doc.SoID, doc.Items[0].SKUID, doc.Items[0].Qty)
	}
	// Output:
	// 7001 TB1 TEE-M 2
	// 7002 TB2 TEE-L 1
}

// What a warehouse shipped, told to the ERP with a standard XML document. Under its
// OutBizCode a repeat changes nothing, so that a lost answer is no trouble.
func ExampleWarehouseService_DeliveryOrderConfirm() {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(r.URL.Query().Get("method"))
		fmt.Println(string(body))
		_, _ = io.WriteString(w, `<response><flag>success</flag><code>0</code><message>ok</message></response>`)
	}))
	defer gateway.Close()

	client, err := qimen.New(qimen.Config{AppKey: "12345678", AppSecret: "secret", CustomerID: "10000001", Gateway: gateway.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := &qimen.DeliveryOrderConfirmRequest{
		DeliveryOrder: qimen.DeliveredOrder{
			DeliveryOrderCode: "7001", WarehouseCode: "WH-1", OrderType: qimen.OrderTypeSalesOut, OutBizCode: "ship-7001-1",
			OrderConfirmTime: time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("CST", 8*3600)),
		},
		OrderLines: []qimen.DeliveredLine{{OrderLineNo: "1", ItemCode: "TEE-M", ActualQty: decimal.NewFromInt(2)}},
	}
	if _, err := client.Warehouse.DeliveryOrderConfirm(context.Background(), req); err != nil {
		fmt.Println(err)
	}
	// Output:
	// taobao.qimen.deliveryorder.confirm
	// <?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>7001</deliveryOrderCode><warehouseCode>WH-1</warehouseCode><orderType>JYCK</orderType><outBizCode>ship-7001-1</outBizCode><confirmType>0</confirmType><orderConfirmTime>2024-01-02 03:04:05</orderConfirmTime></deliveryOrder><orderLines><orderLine><orderLineNo>1</orderLineNo><itemCode>TEE-M</itemCode><actualQty>2</actualQty></orderLine></orderLines></request>
}

// A method by its name, with a map for its parameters.
func ExampleClient_Call() {
	gateway := answering(`{"qimen_taobao_pos_clerk_get_response":{"flag":"success","code":"0","clerks":[{"name":"店员"}]}}`)
	defer gateway.Close()

	client, err := qimen.New(qimen.Config{AppKey: "12345678", AppSecret: "secret", CustomerID: "10000001", Gateway: gateway.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	var answer struct {
		Clerks json.RawMessage `json:"clerks"`
	}
	if err := client.Call(context.Background(), "qimen.taobao.pos.clerk.get", map[string]string{"storeCode": "S1"}, &answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answer.Clerks))
	// Output: [{"name":"店员"}]
}

// A refusal has the gateway's words, a class and a hint.
func ExampleError() {
	gateway := answering(`{"response":{"flag":"failure","code":25,"message":"Invalid signature","request_id":"rq1"}}`)
	defer gateway.Close()

	client, err := qimen.New(qimen.Config{AppKey: "12345678", AppSecret: "wrong", CustomerID: "10000001", Gateway: gateway.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Scene.RefundList(context.Background(), &qimen.RefundListRequest{StartTS: 1})
	e := &qimen.Error{}
	fmt.Println(errors.As(err, &e), errors.Is(err, jushuitan.ErrSign), e.Code, e.Msg, e.RequestID, e.Outcome)
	// Output: true true 25 Invalid signature rq1 rejected
}

// The official example of the Taobao open platform.
func ExampleSign() {
	sign, err := qimen.Sign(qimen.MD5, "helloworld", map[string]string{
		"method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "timestamp": "2016-01-01 12:00:00", "format": "json",
		"v": "2.0", "sign_method": "md5", "fields": "num_iid,title,nick,price,num", "num_iid": "11223344",
	}, nil)
	fmt.Println(sign, err)
	// Output: 66987CB115214E59E6EC978214934FB8 <nil>
}
