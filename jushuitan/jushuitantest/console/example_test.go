package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
)

// Play the ERP's staff from a test in any language: the page and its HTTP API are served
// beside the fake.
func ExampleMiddleware() {
	srv := jushuitantest.NewServer(jushuitantest.WithMiddleware(console.Middleware(console.Config{})))
	defer srv.Close()
	if err := srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: 10100001, Name: "总仓", IsMain: true}); err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.AddSKU(jushuitan.SKU{SKUID: "CAP24-RED", Name: "棒球帽"}); err != nil {
		fmt.Println(err)
		return
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, srv.URL+console.Root+"stock",
		strings.NewReader(`{"wms_co_id":10100001,"sku_id":"CAP24-RED","qty":99}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, strings.TrimSpace(string(answer)), err)
	fmt.Println(srv.Stock(10100001)[0].Qty)
	// Output:
	// 200 {"ok":true} <nil>
	// 99
}
