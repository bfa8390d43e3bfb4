package qimen_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// bareCreate is deliveryorder.create as a program with encoding/xml alone would read
// it: the members that the document below has, all of them text.
type bareCreate struct {
	DeliveryOrder struct {
		DeliveryOrderCode  string     `xml:"deliveryOrderCode"`
		OrderType          string     `xml:"orderType"`
		WarehouseCode      string     `xml:"warehouseCode"`
		SourcePlatformCode string     `xml:"sourcePlatformCode"`
		CreateTime         string     `xml:"createTime"`
		PlaceOrderTime     string     `xml:"placeOrderTime"`
		OperateTime        string     `xml:"operateTime"`
		ShopNick           string     `xml:"shopNick"`
		LogisticsCode      string     `xml:"logisticsCode"`
		TotalAmount        string     `xml:"totalAmount"`
		Freight            string     `xml:"freight"`
		SenderInfo         barePerson `xml:"senderInfo"`
		ReceiverInfo       barePerson `xml:"receiverInfo"`
		BuyerMessage       string     `xml:"buyerMessage"`
	} `xml:"deliveryOrder"`
	OrderLines []struct {
		OrderLineNo     string `xml:"orderLineNo"`
		SourceOrderCode string `xml:"sourceOrderCode"`
		OwnerCode       string `xml:"ownerCode"`
		ItemCode        string `xml:"itemCode"`
		ItemName        string `xml:"itemName"`
		InventoryType   string `xml:"inventoryType"`
		PlanQty         string `xml:"planQty"`
		RetailPrice     string `xml:"retailPrice"`
		ActualPrice     string `xml:"actualPrice"`
		DiscountAmount  string `xml:"discountAmount"`
	} `xml:"orderLines>orderLine"`
}

type barePerson struct {
	Name          string `xml:"name"`
	Mobile        string `xml:"mobile"`
	Province      string `xml:"province"`
	City          string `xml:"city"`
	Area          string `xml:"area"`
	DetailAddress string `xml:"detailAddress"`
}

// realistic is deliveryorder.create with so many lines.
func realistic(lines int) *qimen.DeliveryOrderCreateRequest {
	r := &qimen.DeliveryOrderCreateRequest{}
	o := &r.DeliveryOrder
	o.DeliveryOrderCode, o.OrderType, o.WarehouseCode, o.SourcePlatformCode = "SO20240102030405", qimen.OrderTypeSalesOut, "WH-SHOP-01", "TM"
	o.CreateTime, o.PlaceOrderTime, o.OperateTime = muxTime(), muxTime().Add(-time.Hour), muxTime()
	o.ShopNick, o.LogisticsCode, o.BuyerMessage = "旗舰店", "SF", "请尽快发货，谢谢"
	o.TotalAmount, o.Freight = decimal.RequireFromString("1288.50"), decimal.RequireFromString("10.00")
	o.SenderInfo, o.ReceiverInfo = &qimen.SenderInfo{}, &qimen.ReceiverInfo{}
	o.SenderInfo.Name, o.SenderInfo.Mobile, o.SenderInfo.Province, o.SenderInfo.City, o.SenderInfo.Area, o.SenderInfo.DetailAddress =
		"仓库", "13000000000", "浙江省", "杭州市", "余杭区", "文一西路 1 号"
	o.ReceiverInfo.Name, o.ReceiverInfo.Mobile, o.ReceiverInfo.Province, o.ReceiverInfo.City, o.ReceiverInfo.Area, o.ReceiverInfo.DetailAddress =
		"收件人", "13100000000", "上海市", "上海市", "徐汇区", "漕溪北路 2 号 3 单元 & 4 室"
	for i := range lines {
		r.OrderLines = append(r.OrderLines, qimen.DeliveryOrderLine{
			OrderLineNo: fmt.Sprint(i + 1), SourceOrderCode: "3900000000000000000", OwnerCode: "OWNER", ItemCode: fmt.Sprintf("TEE-WHITE-%03d", i),
			ItemName: "纯棉短袖 T 恤 白色", InventoryType: "ZP", PlanQty: decimal.New(int64(i+1), 0),
			RetailPrice: decimal.RequireFromString("129.00"), ActualPrice: decimal.RequireFromString("64.43"), DiscountAmount: decimal.RequireFromString("5.00"),
		})
	}
	return r
}

// bareHandler is what a program would write by hand with encoding/xml alone: it reads
// the body, decodes it into plain structs and writes an answer that is a constant.
// Nothing is verified or remembered, no number or time is understood.
func bareHandler(lines *int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var doc bareCreate
		if err == nil {
			err = xml.Unmarshal(body, &doc)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		*lines = len(doc.OrderLines)
		w.Header().Set("Content-Type", "text/xml;charset=utf-8")
		_, _ = io.WriteString(w, xml.Header+"<response><flag>success</flag><code>0</code><message>ok</message><deliveryOrderId>D-1</deliveryOrderId></response>")
	}
}

// BenchmarkMux verifies, reads, remembers and answers deliveryorder.create with so many
// lines, as a new document each time, against [bareHandler] with the same request. Both
// run by turns, so that what disturbs the machine disturbs both; it reports how many
// times as fast ours is, of the totals and of the median pair.
func BenchmarkMux(b *testing.B) {
	codec := &xmlwire.Codec{}
	for _, lines := range []int{1, 20, 200} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			m := newMux(b, muxConfig(new(reasons)))
			got, gotBare := 0, 0
			qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
				got = len(req.OrderLines)
				return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-1"}, nil
			})
			bare := bareHandler(&gotBare)
			doc := realistic(lines)
			var pairs []float64
			var tookOurs, tookBare time.Duration
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				doc.DeliveryOrder.DeliveryOrderCode = fmt.Sprintf("SO%014d", n)
				text, err := codec.Marshal("request", doc)
				require.NoError(b, err)
				b.SetBytes(int64(len(text)))
				msg := message("deliveryorder.create", string(text))
				r, w := msg.request(), httptest.NewRecorder()
				bareR, bareW := msg.request(), httptest.NewRecorder()
				b.StartTimer()

				begin := time.Now()
				m.ServeHTTP(w, r)
				mid := time.Now()
				bare(bareW, bareR)
				end := time.Now()
				for _, w := range []*httptest.ResponseRecorder{w, bareW} {
					if got != lines || gotBare != lines || !strings.Contains(w.Body.String(), "D-1") || w.Code != http.StatusOK {
						b.Fatal(got, gotBare, w.Body)
					}
				}
				tookOurs += mid.Sub(begin)
				tookBare += end.Sub(mid)
				pairs = append(pairs, float64(end.Sub(mid))/float64(mid.Sub(begin)))
			}
			slices.Sort(pairs)
			b.ReportMetric(float64(tookBare)/float64(tookOurs), "throughput-ratio")
			b.ReportMetric(pairs[len(pairs)/2], "median-ratio")
			b.ReportMetric(float64(tookOurs)/float64(b.N), "ns/mux")
			b.ReportMetric(float64(tookBare)/float64(b.N), "ns/bare")
		})
	}
}
