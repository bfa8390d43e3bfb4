// Command walkthroughs shows that what CONTRIBUTING describes is there.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/qimen"
)

var ctx = context.Background()

func main() {
	retryRule()
	dedupeKey()
	pushKind()
	productField()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// tooEarly answers the first request with 425, and others as the next one does.
type tooEarly struct {
	requests int
	next     http.RoundTripper
}

func (t *tooEarly) RoundTrip(req *http.Request) (*http.Response, error) {
	t.requests++
	if t.requests == 1 {
		return &http.Response{StatusCode: http.StatusTooEarly, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
	return t.next.RoundTrip(req)
}

func saying(body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
}

// retryRule calls each service with an answer of 425 at first.
func retryRule() {
	policy := jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond}
	early := func() (*tooEarly, *http.Client) {
		t := &tooEarly{next: http.DefaultTransport}
		return t, &http.Client{Transport: t}
	}
	server := jushuitantest.NewServer()
	defer server.Close()
	transport, hc := early()
	erp := must(server.Client(jushuitan.WithHTTPClient(hc), jushuitan.WithRetry(policy), jushuitan.WithToken(server.AccessToken(""))))
	_, err := erp.Shops.Query(ctx, &jushuitan.ShopQuery{})
	fmt.Println("jushuitan", transport.requests, err)

	gateway := saying(`<response><flag>success</flag><code>0</code><message>ok</message></response>`)
	defer gateway.Close()
	transport, hc = early()
	top := must(qimen.New(qimen.Config{AppKey: "12345678", AppSecret: "secret", Gateway: gateway.URL}, qimen.WithHTTPClient(hc), qimen.WithRetry(policy)))
	_, err = top.ForCustomer("c").Warehouse.StockQuery(ctx, &qimen.StockQueryRequest{})
	fmt.Println("qimen", transport.requests, err)

	receiver := saying(`{"code":"0"}`)
	defer receiver.Close()
	transport, hc = early()
	pushes := must(dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: receiver.URL}, HTTPClient: hc, Retry: policy}))
	err = pushes.SendCancel(ctx, dianjia.Target{EntID: "1", StorageCode: "2"}, &jushuitan.CancelPush{SoID: "SO-1"})
	fmt.Println("dianjia", transport.requests, err)
}

// dedupeKey compares the keys of two shipments that differ in the carrier alone.
func dedupeKey() {
	key := func(carrier string) string {
		return string(jushuitan.AppendPushRecord(nil, &jushuitan.ShipmentPush{OID: 1, LID: "YT1", LCID: carrier}))
	}
	fmt.Println("another carrier is another shipment:", key("YTO") != key("ZTO"), key("YTO") == key("YTO"))
}

// pushKind sends pushes of the new kind to a receiver, looks for the kind on the
// operator's page and asks to reconcile it.
func pushKind() {
	const secret = "0123456789abcdef"
	receiver := must(callback.New(callback.Config{Secrets: []string{secret}, MadeUp: func(_ context.Context, env callback.Envelope, p *jushuitan.MadeUpPush) error {
		fmt.Println("handled", env.Method, env.EntID, p.MadeUpID)
		return nil
	}}))
	host := httptest.NewServer(receiver)
	defer host.Close()
	pushes := must(dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: host.URL, Secret: secret}}))
	for _, id := range []string{"M-1", "M-1", "M-2"} {
		fmt.Println("sent", id, pushes.SendMadeUp(ctx, dianjia.Target{EntID: "9001", StorageCode: "1"}, &jushuitan.MadeUpPush{MadeUpID: id}))
	}
	urls := must(dianjia.URLBuilder{}.URLs(dianjia.ShopSettings{EntID: "9001", ShopID: 1, WMSCoID: 2}))
	fmt.Println("registered as", urls[jushuitan.PushMadeUp])

	server := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(console.Config{})))
	defer server.Close()
	page := must(http.Get(server.URL + console.Root + "state"))
	defer func() { _ = page.Body.Close() }()
	fmt.Println("on the page:", strings.Contains(string(must(io.ReadAll(page.Body))), `{"method":"made.up","label":"示例","name":"made up"}`))

	cfg := callback.ReconcileConfig{
		Client: must(server.Client()), Journal: callback.NewMemoryJournal(0, time.Time{}), EntID: "9001", From: time.Now().Add(-time.Hour),
		Shops: []callback.ReconcileShop{{ShopID: 1}},
	}
	for _, methods := range [][]jushuitan.PushMethod{nil, {jushuitan.PushMadeUp}} {
		cfg.Methods = methods
		result := "nothing was lost"
		for d, err := range callback.Reconcile(ctx, cfg) {
			result = cmp.Or(fmt.Sprint(err), fmt.Sprint(d))
		}
		fmt.Printf("reconcile %q: %s\n", methods, result)
	}
}

// productField maps, plans and uploads a product with the new field.
func productField() {
	m := must(mapping.NewProductMapper(mapping.ProductConfig{Fabric: mapping.FromOther(3)}))
	p := m.Item(&jushuitan.Item{IID: "A", Name: "甲", SKUs: []jushuitan.ItemSKU{{SKUID: "A-1", Other3: "棉"}}})
	for _, change := range (mapping.SyncSettings{}).Plan(&dianjia.Product{StyleNo: "A"}, p).Changes {
		if change.Field == mapping.FieldFabric {
			fmt.Println("planned", change.Field, change.Field.Title(), change.New)
		}
	}
	fmt.Println("uploaded", must(m.SKUUploads(p))[0].Other3)
}
