package qimen_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/qimen"
)

// discard is a transport that reads the request and answers success.
type discard struct{}

func (discard) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	body := `<?xml version="1.0" encoding="utf-8"?><response><flag>success</flag><code>0</code><message>ok</message></response>`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

func confirm(lines int) *qimen.DeliveryOrderConfirmRequest {
	req := &qimen.DeliveryOrderConfirmRequest{Packages: []qimen.Package{{LogisticsCode: "SF", ExpressCode: "SF1234567890123", Weight: decimal.RequireFromString("1.25")}}}
	req.DeliveryOrder.DeliveryOrderCode, req.DeliveryOrder.WarehouseCode, req.DeliveryOrder.OrderType = "SO20240102030405", "WH-1", qimen.OrderTypeSalesOut
	req.DeliveryOrder.OutBizCode, req.DeliveryOrder.OrderConfirmTime = "biz-1", time.Date(2024, 1, 2, 3, 4, 5, 0, cst)
	for i := range lines {
		req.OrderLines = append(req.OrderLines, qimen.DeliveredLine{
			OrderLineNo: strconv.Itoa(i + 1), ItemCode: "TEE-WHITE-" + strconv.Itoa(i), ItemID: "item-" + strconv.Itoa(i), OwnerCode: "OWNER",
			InventoryType: "ZP", PlanQty: decimal.New(int64(i+1), 0), ActualQty: decimal.New(int64(i+1), 0),
		})
	}
	return req
}

// bareConfirm is what a program with encoding/xml alone would write for the same
// document.
type bareConfirm struct {
	XMLName       xml.Name `xml:"request"`
	DeliveryOrder struct {
		DeliveryOrderCode string `xml:"deliveryOrderCode"`
		WarehouseCode     string `xml:"warehouseCode"`
		OrderType         string `xml:"orderType"`
		OutBizCode        string `xml:"outBizCode,omitempty"`
		OrderConfirmTime  string `xml:"orderConfirmTime,omitempty"`
	} `xml:"deliveryOrder"`
	Packages   []barePackage `xml:"packages>package"`
	OrderLines []bareLine    `xml:"orderLines>orderLine"`
}

type barePackage struct {
	LogisticsCode string `xml:"logisticsCode"`
	ExpressCode   string `xml:"expressCode"`
	Weight        string `xml:"weight,omitempty"`
}

type bareLine struct {
	OrderLineNo   string `xml:"orderLineNo,omitempty"`
	ItemCode      string `xml:"itemCode"`
	ItemID        string `xml:"itemId,omitempty"`
	OwnerCode     string `xml:"ownerCode"`
	InventoryType string `xml:"inventoryType,omitempty"`
	PlanQty       string `xml:"planQty,omitempty"`
	ActualQty     string `xml:"actualQty"`
}

// sendBare signs and sends a document and reads the answer, with the standard
// library alone.
func sendBare(hc *http.Client, doc *bareConfirm) error {
	body, err := xml.Marshal(doc)
	if err != nil {
		return err
	}
	body = append([]byte(xml.Header), body...)
	params := map[string]string{
		"method": "taobao.qimen.deliveryorder.confirm", "app_key": "12345678", "customerId": customer, "format": "xml", "v": "2.0",
		"sign_method": "md5", "timestamp": time.Now().In(cst).Format("2006-01-02 15:04:05"),
	}
	var names []string
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	h := md5.New()
	_, _ = io.WriteString(h, secret)
	q := url.Values{}
	for _, name := range names {
		_, _ = io.WriteString(h, name+params[name])
		q.Set(name, params[name])
	}
	_, _ = h.Write(body)
	_, _ = io.WriteString(h, secret)
	q.Set("sign", strings.ToUpper(hex.EncodeToString(h.Sum(nil))))
	resp, err := hc.Post(gateway+"?"+q.Encode(), "text/xml;charset=utf-8", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Flag string `xml:"flag"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return err
	}
	if answer.Flag != "success" {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// BenchmarkSend encodes, signs and sends deliveryorder.confirm with 100 lines and
// reads the answer, here and with the standard library alone, by turns over the same
// transport, and reports how many times as fast ours is.
func BenchmarkSend(b *testing.B) {
	hc := &http.Client{Transport: discard{}}
	c, err := qimen.New(config(), qimen.WithHTTPClient(hc), qimen.WithLimiter(plainLimiter{}))
	require.NoError(b, err)
	req := confirm(100)
	doc := &bareConfirm{}
	doc.DeliveryOrder.DeliveryOrderCode, doc.DeliveryOrder.WarehouseCode, doc.DeliveryOrder.OrderType = "SO20240102030405", "WH-1", "JYCK"
	doc.DeliveryOrder.OutBizCode, doc.DeliveryOrder.OrderConfirmTime = "biz-1", "2024-01-02 03:04:05"
	doc.Packages = []barePackage{{"SF", "SF1234567890123", "1.25"}}
	for _, l := range req.OrderLines {
		doc.OrderLines = append(doc.OrderLines, bareLine{
			l.OrderLineNo, l.ItemCode, l.ItemID, l.OwnerCode, string(l.InventoryType), l.PlanQty.String(), l.ActualQty.String(),
		})
	}
	b.ReportAllocs()
	var ours, bare time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := c.Warehouse.DeliveryOrderConfirm(b.Context(), req); err != nil {
			b.Fatal(err)
		}
		mid := time.Now()
		if err := sendBare(hc, doc); err != nil {
			b.Fatal(err)
		}
		ours += mid.Sub(begin)
		bare += time.Since(mid)
	}
	b.ReportMetric(float64(bare)/float64(ours), "x_encoding/xml")
}
