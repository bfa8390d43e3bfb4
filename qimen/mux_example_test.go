package qimen_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// forwarded is a message as the gateway forwards it, for these examples.
func forwarded(method, secret, body string) *http.Request {
	params := map[string]string{
		"method": method, "app_key": "12345678", "customerId": "10000001", "format": "xml", "sign_method": "md5", "v": "2.0",
		"timestamp": time.Now().In(time.FixedZone("CST", 8*60*60)).Format("2006-01-02 15:04:05"),
	}
	sign, err := qimen.Sign(qimen.MD5, secret, params, []byte(body))
	if err != nil {
		panic(err)
	}
	query := url.Values{"sign": {sign}}
	for name, value := range params {
		query.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "/qimen?"+query.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml;charset=utf-8")
	return r
}

// A warehouse that takes delivery orders. The repeat has the id of the first message,
// without a call; a forged message gets nowhere.
func ExampleNewMux() {
	const secret = "from the host's configuration"
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets: qimen.StaticSecrets(secret),
		Merchant: func(_ context.Context, customerID string) (string, error) {
			return "merchant of " + customerID, nil // "" for one that is unknown
		},
		OnError: func(_ context.Context, _ qimen.Envelope, err error) { fmt.Println("refused:", err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	qimen.Handle(mux, func(_ context.Context, env qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		for _, line := range req.OrderLines {
			fmt.Println(env.Merchant, "order", req.DeliveryOrder.DeliveryOrderCode, "wants", line.PlanQty, "of", line.ItemCode)
		}
		return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-1"}, nil // the order is created from here on
	})

	const body = `<request><deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode></deliveryOrder>` +
		`<orderLines><orderLine><itemCode>SKU-A</itemCode><planQty>2</planQty></orderLine></orderLines></request>`
	for _, key := range []string{secret, secret, "somebody else's"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, forwarded("deliveryorder.create", key, body))
		_, answer, _ := strings.Cut(w.Body.String(), "?>")
		fmt.Println(answer)
	}
	// Output:
	// merchant of 10000001 order SO-1 wants 2 of SKU-A
	// <response><flag>success</flag><code>0</code><message>ok</message><deliveryOrderId>D-1</deliveryOrderId></response>
	// <response><flag>success</flag><code>0</code><message>ok</message><deliveryOrderId>D-1</deliveryOrderId></response>
	// refused: qimen: mux: "taobao.qimen.deliveryorder.create": signature refused: it was not computed with a secret of the app
	// <response><flag>failure</flag><code>sign-check-failure</code><message>Illegal request</message></response>
}

// After a restart the first answers are forgotten: the host looks the id up.
func ExampleHandleRepeat() {
	cfg := qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets("secret"),
		Merchant: func(context.Context, string) (string, error) { return "merchant-1", nil },
		Deduper:  jushuitan.NewMemoryDeduper(0), // as jushuitan.NewMemoryDeduper is; in real life a store that outlives the process
	}
	orders := map[string]string{} // of the host: id by number
	start := func() *qimen.Mux {
		mux, err := qimen.NewMux(cfg)
		if err != nil {
			panic(err)
		}
		qimen.Handle(mux, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
			fmt.Println("creates", req.DeliveryOrder.DeliveryOrderCode)
			orders[req.DeliveryOrder.DeliveryOrderCode] = "D-1"
			return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "D-1"}, nil
		})
		qimen.HandleRepeat(mux, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
			fmt.Println("looks up", req.DeliveryOrder.DeliveryOrderCode)
			return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: orders[req.DeliveryOrder.DeliveryOrderCode]}, nil
		})
		return mux
	}
	for range 2 { // two processes, one after the other
		w := httptest.NewRecorder()
		start().ServeHTTP(w, forwarded("deliveryorder.create", "secret",
			`<request><deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode></deliveryOrder></request>`))
		fmt.Println(strings.Contains(w.Body.String(), "<deliveryOrderId>D-1</deliveryOrderId>"))
	}
	// Output:
	// creates SO-1
	// true
	// looks up SO-1
	// true
}

// A method that is not fully documented, and a failure that the handler
// chooses.
func ExampleMux_HandleRaw() {
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets("secret"),
		Merchant: func(context.Context, string) (string, error) { return "merchant-1", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.HandleRaw("inventoryreserve.cancel", func(_ context.Context, env qimen.Envelope, body []byte) (any, error) {
		fmt.Println(env.Method, len(body), "bytes")
		return nil, &qimen.Failure{Code: "S001", Message: "库存不足"}
	})
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, forwarded("inventoryreserve.cancel", "secret", `<request><x>1</x></request>`))
	_, answer, _ := strings.Cut(w.Body.String(), "?>")
	fmt.Println(answer)
	// Output:
	// taobao.qimen.inventoryreserve.cancel 27 bytes
	// <response><flag>failure</flag><code>S001</code><message>库存不足</message></response>
}
