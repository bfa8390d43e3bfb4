package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/qimen"
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// document is a message of the gateway's before it is signed.
type document struct{ method, format, body string }

// documents are of every form of a key: one number, several, numbers with parts, a number
// with a page, one too long to stand in a key; and those that only their signature tells.
func documents() map[string]document {
	lines := func(numbers ...string) (text string) {
		for _, n := range numbers {
			text += "<orderLine><orderLineNo>" + n + "</orderLineNo></orderLine>"
		}
		return "<orderLines>" + text + "</orderLines>"
	}
	orders := func(codes ...string) (text string) {
		for _, c := range codes {
			text += "<order><deliveryOrder><deliveryOrderCode>" + c + "</deliveryOrderCode></deliveryOrder></order>"
		}
		return "<orders>" + text + "</orders>"
	}
	var many []string
	for n := range 40 {
		many = append(many, fmt.Sprintf("DELIVERY-ORDER-%04d", n))
	}
	xml := func(method, body string) document { return document{method, "xml", "<request>" + body + "</request>"} }
	return map[string]document{
		"delivery order":            xml("deliveryorder.create", `<deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode><orderType>JYCK</orderType></deliveryOrder>`),
		"delivery order, full name": xml("taobao.qimen.deliveryorder.create", `<deliveryOrder><deliveryOrderCode>SO-2</deliveryOrderCode></deliveryOrder>`),
		"delivery order as JSON":    {"deliveryorder.create", "json", `{"deliveryOrder":{"deliveryOrderCode":"SO-3"}}`},
		"number with separators":    xml("deliveryorder.create", `<deliveryOrder><deliveryOrderCode>SO|4\5</deliveryOrderCode></deliveryOrder>`),
		"without a number":          xml("deliveryorder.create", `<deliveryOrder><orderType>JYCK</orderType></deliveryOrder>`),
		"batch":                     xml("deliveryorder.batchcreate", orders("B-1", "B-2")),
		"batch too long for a key":  xml("deliveryorder.batchcreate", orders(many...)),
		"entry order in parts":      xml("entryorder.create", `<entryOrder><entryOrderCode>E-1</entryOrderCode></entryOrder>`+lines("1", "2")),
		"entry order confirmed":     xml("entryorder.confirm", `<entryOrder><entryOrderCode>E-1</entryOrderCode><outBizCode>OUT-1</outBizCode></entryOrder>`+lines("1")),
		"return order":              xml("returnorder.create", `<returnOrder><returnOrderCode>R-1</returnOrderCode></returnOrder>`),
		"stock out":                 xml("stockout.create", `<deliveryOrder><deliveryOrderCode>C-1</deliveryOrderCode></deliveryOrder>`+lines("1")),
		"process order":             xml("storeprocess.create", `<processOrderCode>P-1</processOrderCode>`),
		"confirmation":              xml("deliveryorder.confirm", `<deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode><outBizCode>OUT-2</outBizCode></deliveryOrder>`),
		"cancel":                    xml("order.cancel", `<warehouseCode>W</warehouseCode><orderCode>X-1</orderCode><orderType>JYCK</orderType>`),
		"cancel without a type":     xml("order.cancel", `<orderCode>X-2</orderCode>`),
		"inventory, second page":    xml("inventory.report", `<outBizCode>OUT-3</outBizCode><currentPage>2</currentPage>`),
		"status":                    {"qimen.taobao.pos.update.salesorder", "json", `{"orderBillCode":"BILL-1","status":"2"}`},
		"query":                     xml("deliveryorder.query", `<orderCode>SO-1</orderCode>`),
		"unknown method":            xml("made.up.method", `<a>1</a>`),
	}
}

// gateway is a mux that takes everything.
func gateway(d qimen.Deduper) (*qimen.Mux, error) {
	m, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.OneApp(gatewaySecret),
		Merchant: func(context.Context, string) (string, error) { return entID, nil },
		Deduper:  d, Now: sent,
	})
	if err != nil {
		return nil, err
	}
	accept[qimen.DeliveryOrderCreateRequest, qimen.DeliveryOrderCreateResponse](m)
	accept[qimen.DeliveryOrderBatchCreateRequest, qimen.DeliveryOrderBatchCreateResponse](m)
	accept[qimen.DeliveryOrderConfirmRequest, qimen.DeliveryOrderConfirmResponse](m)
	accept[qimen.DeliveryOrderQueryRequest, qimen.DeliveryOrderQueryResponse](m)
	accept[qimen.EntryOrderCreateRequest, qimen.EntryOrderCreateResponse](m)
	accept[qimen.EntryOrderConfirmRequest, qimen.EntryOrderConfirmResponse](m)
	accept[qimen.ReturnOrderCreateRequest, qimen.ReturnOrderCreateResponse](m)
	accept[qimen.StockOutCreateRequest, qimen.StockOutCreateResponse](m)
	accept[qimen.StoreProcessCreateRequest, qimen.StoreProcessCreateResponse](m)
	accept[qimen.OrderCancelRequest, qimen.OrderCancelResponse](m)
	accept[qimen.InventoryReportRequest, qimen.InventoryReportResponse](m)
	accept[qimen.POSUpdateSalesOrderRequest, qimen.POSUpdateSalesOrderResponse](m)
	m.HandleRaw("made.up.method", func(context.Context, qimen.Envelope, []byte) (any, error) { return nil, nil })
	return m, nil
}

func accept[Req, Resp any](m *qimen.Mux) {
	qimen.Handle(m, func(context.Context, qimen.Envelope, *Req) (*Resp, error) { return nil, nil })
}

// qimenMessages are the documents, signed, with their keys.
func qimenMessages() (all []message, err error) {
	for _, name := range sortedNames(documents()) {
		doc := documents()[name]
		params := map[string]string{
			"method": doc.method, "app_key": "12345678", "customerId": customer, "format": doc.format, "sign_method": "md5",
			"timestamp": sent().Format("2006-01-02 15:04:05"), "v": "2.0",
		}
		sign, err := qimen.Sign(qimen.MD5, gatewaySecret, params, []byte(doc.body))
		if err != nil {
			return nil, err
		}
		query := url.Values{"sign": {sign}}
		for n, v := range params {
			query.Set(n, v)
		}
		m := message{Name: name, Target: "/qimen?" + query.Encode(), Type: "text/xml;charset=utf-8", Body: doc.body}
		if strings.Contains(doc.format, "json") {
			m.Type = "application/json"
		}
		k := &keys{Deduper: callback.NewMemoryDeduper(0)}
		mux, err := gateway(k)
		if err != nil {
			return nil, err
		}
		if err := m.serve(context.Background(), mux, passed); err != nil {
			return nil, err
		}
		m.Key = cmp.Or(k.last, "")
		all = append(all, m)
	}
	return all, nil
}
