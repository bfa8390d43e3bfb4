package jushuitan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The company that the examples below work with.
const (
	mallShop        = 10200077 // 微商城, takes uploads
	platformShop    = 10200001 // 抖音店
	mainWarehouse   = 10100001
	storesWarehouse = 10100088 // 店加线下仓
	shirt           = "TEE24-WHT-M"
)

// newFake starts a fake server with that company, and a client of it. With a real
// account the client comes from New.
func newFake(opts ...jushuitantest.Option) (*jushuitantest.Server, *jushuitan.Client) {
	srv := jushuitantest.NewServer(opts...)
	must(srv.AddShop(jushuitan.Shop{ShopID: mallShop, ShopName: "微商城", ShopSite: "商家自有商城"}))
	must(srv.AddShop(jushuitan.Shop{ShopID: platformShop, ShopName: "抖音店", ShopSite: "头条放心购"}))
	must(srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: mainWarehouse, Name: "总仓", IsMain: true}))
	must(srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: storesWarehouse, Name: "店加线下仓"}))
	must(srv.AddCarrier(jushuitan.Carrier{LCID: "YTO", LCName: "圆通速递"}))
	must(srv.AddSKU(jushuitan.SKU{SKUID: shirt, IID: "TEE24", Name: "圆领T恤", SalePrice: decimal.NewFromInt(99)}))
	must(srv.SetStock(mainWarehouse, shirt, decimal.NewFromInt(10)))
	must(srv.SetStock(storesWarehouse, shirt, decimal.NewFromInt(10)))
	client, err := srv.Client()
	must(err)
	return srv, client
}

// receive brings an order from the platform into the company.
func receive(srv *jushuitantest.Server, soID string) (oID int64) {
	oID, err := srv.ImportOrder(jushuitan.OrderUpload{
		ShopID: platformShop, SoID: soID, PayAmount: decimal.NewFromInt(99),
		Items: []jushuitan.OrderUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(1), Amount: decimal.NewFromInt(99)}},
	})
	must(err)
	return oID
}

// must keeps the examples short. Your code returns the error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Tasks.

// Iterate over a year of orders: the range is split into ranges that the server
// accepts, and the pages of each are fetched ahead.
func ExampleOrderService_All() {
	newYear := time.Date(2025, 1, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*60*60))
	srv, client := newFake(jushuitantest.WithClock(newYear), jushuitantest.WithoutQuota())
	defer srv.Close()
	for month := range 12 {
		receive(srv, fmt.Sprintf("DY-%02d", month+1))
		srv.Advance(30 * 24 * time.Hour)
	}

	n, sum := 0, decimal.Decimal{}
	year := &jushuitan.OrderQuery{ModifiedBegin: newYear, ModifiedEnd: newYear.AddDate(1, 0, 0)}
	for order, err := range client.Orders.All(context.Background(), year) {
		must(err)
		n++
		sum = sum.Add(order.PayAmount)
	}
	fmt.Println(n, "orders,", sum)
	// Output: 12 orders, 1188
}

// Resume after a crash: the checkpoint is stored as JSON, best in the transaction
// that stores the row's effects. Only the row in progress when the process died comes again.
func ExampleStream() {
	srv, client := newFake()
	defer srv.Close()
	for _, soID := range []string{"DY-1", "DY-2", "DY-3"} {
		receive(srv, soID)
	}

	stored := []byte("{}")
	work := func(crashAt string) {
		var from jushuitan.Checkpoint
		must(json.Unmarshal(stored, &from))
		stream := client.Orders.Stream(nil, from)
		for order, err := range stream.Rows(context.Background()) {
			must(err)
			if order.SoID == crashAt {
				return
			}
			fmt.Println(order.SoID)
			stream.Commit()
			stored, err = json.Marshal(stream.Checkpoint()) // with this row
			must(err)
		}
	}
	work("DY-2")
	fmt.Println("crashed, started again")
	for range 4 { // polls: committed rows are not repeated
		work("")
	}
	// Output:
	// DY-1
	// crashed, started again
	// DY-2
	// DY-3
}

// One client for each merchant: each granted the app, has a token and a quota of
// its own, and sees its own data.
func ExampleClient_ForMerchant() {
	srv := jushuitantest.NewServer(jushuitantest.WithApp(jushuitan.Credentials{
		AppKey: "demo-app", AppSecret: "demo-secret", Type: jushuitan.ServiceProvider,
	}))
	defer srv.Close()
	must(srv.Company("10010").AddShop(jushuitan.Shop{ShopID: 1, ShopName: "青禾"}))
	must(srv.Company("10011").AddShop(jushuitan.Shop{ShopID: 2, ShopName: "云帆"}))
	client, err := srv.Client()
	must(err)

	ctx := context.Background()
	for _, id := range []string{"10010", "10011"} {
		merchant := client.ForMerchant(id)
		redirect, err := client.ParseRedirect(srv.Authorize(id, "state-of-"+id)) // what the merchant's click brings
		must(err)
		_, err = merchant.ExchangeCode(ctx, redirect.Code)
		must(err)
		for shop, err := range merchant.Shops.All(ctx, nil) {
			must(err)
			fmt.Println(id, shop.ShopName)
		}
	}
	_, err = client.ForMerchant("10012").Shops.Query(ctx, &jushuitan.ShopQuery{})
	fmt.Println("10012", errors.Is(err, jushuitan.ErrReauthorize))
	// Output:
	// 10010 青禾
	// 10011 云帆
	// 10012 true
}

// mapStore is a TokenStore of your own, as small as one can be. Over a database
// CompareAndSwap is one statement: UPDATE ... WHERE version = $old.
type mapStore struct {
	mu     sync.Mutex
	tokens map[jushuitan.TokenKey]jushuitan.Token
}

func (s *mapStore) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, ok := s.tokens[key]; ok {
		return token, ctx.Err()
	}
	return jushuitan.Token{}, errors.Join(ctx.Err(), jushuitan.ErrNoToken)
}

func (s *mapStore) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return jushuitan.Token{}, false, err
	}
	if now := s.tokens[key]; now.Version != old.Version {
		return now, false, nil // somebody was first
	}
	next.Version = old.Version + 1
	s.tokens[key] = next
	return next, true, nil
}

// A token store of your own: of two processes that renew at once one wins, and both
// go on with its token. Prove yours with jushuitantest.TestTokenStore.
func ExampleTokenStore() {
	srv, _ := newFake()
	defer srv.Close()
	store := &mapStore{tokens: map[jushuitan.TokenKey]jushuitan.Token{}}
	client, err := srv.Client(jushuitan.WithTokenStore(store))
	must(err)
	ctx := context.Background()
	_, err = client.ForMerchant("10010").Shops.Query(ctx, &jushuitan.ShopQuery{})
	must(err)

	key := jushuitan.TokenKey{AppKey: srv.Credentials().AppKey, Merchant: "10010"}
	first, err := store.Load(ctx, key)
	must(err)
	fmt.Println("version", first.Version)
	for _, process := range []string{"a", "b"} { // both loaded version 1
		now, ok, err := store.CompareAndSwap(ctx, key, first, jushuitan.Token{AccessToken: "new-token-of-" + process})
		fmt.Println(process, ok, now.Version, now.AccessToken, err)
	}
	// Output:
	// version 1
	// a true 2 new-token-of-a <nil>
	// b false 2 new-token-of-a <nil>
}

func TestMapStore(t *testing.T) {
	jushuitantest.TestTokenStore(t, func(*testing.T) jushuitan.TokenStore {
		return &mapStore{tokens: map[jushuitan.TokenKey]jushuitan.Token{}}
	})
}

// Try an integration without changing anything: writes are checked, encoded and
// signed, and not sent.
func ExampleWithDryRun() {
	srv, _ := newFake()
	defer srv.Close()
	client, err := srv.Client(jushuitan.WithDryRun(func(call jushuitan.DryCall) {
		fmt.Printf("%s would send %s\n", call.Op, call.Biz) // %v of a call masks its data
	}))
	must(err)

	must(client.Orders.SetRemark(context.Background(), &jushuitan.OrderSetRemarkRequest{OID: 910233, Remark: "送货前电话"}))
	err = client.Orders.SetRemark(context.Background(), &jushuitan.OrderSetRemarkRequest{Remark: "x"})
	var wrong *jushuitan.ValidationError
	fmt.Println(errors.As(err, &wrong), wrong)
	// Output:
	// Orders.SetRemark would send {"o_id":910233,"remark":"送货前电话"}
	// true o_id is required
}

// Find out why an integration does not work, or prove that it will.
func ExampleClient_Doctor() {
	srv, client := newFake()
	defer srv.Close()
	srv.RevokePermission("/open/orders/single/query")

	report, err := client.Doctor(context.Background(), jushuitan.DoctorOptions{
		Operations: []string{"Orders.Query"}, ShopID: mallShop, Warehouse: "店加线下仓",
	})
	must(err)
	for _, f := range report.Findings { // f.Detail says what was found, f.Hint what to do
		fmt.Println(f.Verdict, f.Check)
	}
	fmt.Println("all well:", report.OK())
	// Output:
	// ok sign 签名算法
	// ok host 主机
	// ok clock 时钟
	// ok token 令牌
	// ok account 账号
	// failed permission Orders.Query
	// ok quota 限流
	// ok shop 店铺
	// ok warehouse 仓库
	// ok routing loop 回流
	// all well: false
}

// See changes of the vendor's before they hurt. The answer is read all the same.
func ExampleWithOnDrift() {
	srv, _ := newFake()
	defer srv.Close()
	srv.Inject(jushuitantest.Fault{Path: "/open/shops/query", Kind: jushuitantest.TypeDrift})
	var mu sync.Mutex // calls come from many goroutines
	drifts := map[string]jushuitan.DriftKind{}
	client, err := srv.Client(jushuitan.WithOnDrift(func(d jushuitan.Drift) {
		mu.Lock()
		defer mu.Unlock()
		drifts[d.Path] = d.Kind
	}))
	must(err)

	page, err := client.Shops.Query(context.Background(), &jushuitan.ShopQuery{ShopIDs: []int64{mallShop}})
	must(err)
	fmt.Println(page.Shops[0].ShopID, page.Shops[0].ShopName)
	for _, path := range []string{"data.datas[].shop_id", "data.datas[].x_new_member"} {
		fmt.Println(path, "-", drifts[path])
	}
	// Output:
	// 10200077 微商城
	// data.datas[].shop_id - other kind
	// data.datas[].x_new_member - unknown member
}

// One for each service. The fake keeps the company's documents; what it does not
// keep it answers with a sample.

func ExampleShopService_All() {
	srv, client := newFake()
	defer srv.Close()
	for shop, err := range client.Shops.All(context.Background(), nil) {
		must(err)
		fmt.Println(shop.ShopID, shop.ShopName, shop.ShopSite)
	}
	// Output:
	// 10200077 微商城 商家自有商城
	// 10200001 抖音店 头条放心购
}

func ExampleWarehouseService_All() {
	srv, client := newFake()
	defer srv.Close()
	for w, err := range client.Warehouses.All(context.Background(), nil) {
		must(err)
		fmt.Println(w.WMSCoID, w.Name, w.IsMain)
	}
	// Output:
	// 10100001 总仓 true
	// 10100088 店加线下仓 false
}

func ExampleCarrierService_All() {
	srv, client := newFake()
	defer srv.Close()
	for carrier, err := range client.Carriers.All(context.Background(), nil) {
		must(err)
		fmt.Println(carrier.LCID, carrier.LCName)
	}
	// Output: YTO 圆通速递
}

func ExampleUserService_All() {
	srv, client := newFake()
	defer srv.Close()
	for user, err := range client.Users.All(context.Background(), &jushuitan.UserQuery{Version: 2}) { // 2: with groups and roles
		must(err)
		fmt.Println(user.UID, user.Name, user.UGNames)
	}
	// Output: 20011 仓管甲 [仓库]
}

func ExampleDistributionService_AllDistributors() {
	srv, client := newFake()
	defer srv.Close()
	for d, err := range client.Distribution.AllDistributors(context.Background(), nil) {
		must(err)
		fmt.Println(d.ChannelCoID, d.CoName)
	}
	// Output: 10300009 海川商贸
}

// Styles that changed in the last days, with their SKUs.
func ExampleItemService_All() {
	srv, client := newFake()
	defer srv.Close()
	query := &jushuitan.ItemQuery{ModifiedBegin: srv.Now().AddDate(0, 0, -20)}
	srv.Advance(time.Minute)
	for item, err := range client.Items.All(context.Background(), query) {
		must(err)
		fmt.Println(item.IID, item.SKUs[0].SKUID)
	}
	// Output: TEE24 TEE24-WHT-M
}

// Upload products: a zero price is left out, unless the field is a pointer.
func ExampleSKUService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	results, err := client.SKUs.Upload(ctx, &jushuitan.SKUUploadRequest{Items: []jushuitan.SKUUpload{
		{SKUID: "TEE24-BLK-M", IID: "TEE24", Name: "圆领T恤", PropertiesValue: "黑色;M", SPrice: new(decimal.NewFromInt(99))},
		{SKUID: "TEE24-BLK-L", IID: "TEE24", Name: "圆领T恤", PropertiesValue: "黑色;L", SPrice: new(decimal.Decimal{})},
	}})
	must(err)
	for _, r := range results {
		fmt.Println(r.Key, r.Err)
	}
	page, err := client.SKUs.Query(ctx, &jushuitan.SKUQuery{SKUIDs: jushuitan.CommaList{"TEE24-BLK-M"}})
	must(err)
	fmt.Println(page.SKUs[0].PropertiesValue, page.SKUs[0].SalePrice)
	// Output:
	// TEE24-BLK-M <nil>
	// TEE24-BLK-L <nil>
	// 黑色;M 99
}

// Link a shop's own product to a SKU.
func ExampleShopSKUService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	must(client.ShopSKUs.Upload(ctx, &jushuitan.ShopSKUUploadRequest{Items: []jushuitan.ShopSKUUpload{
		{ShopID: mallShop, ShopIID: "880001", ShopSKUID: "880001-3", SKUID: shirt},
	}}))
	srv.Advance(time.Minute)
	for link, err := range client.ShopSKUs.All(ctx, &jushuitan.ShopSKUQuery{ModifiedBegin: srv.Now().Add(-time.Hour)}) {
		must(err)
		fmt.Println(link.ShopSKUID, "is", link.SKUID)
	}
	// Output: 880001-3 is TEE24-WHT-M
}

// A set of two shirts, sold as one.
func ExampleBundleService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	err := client.Bundles.Upload(context.Background(), &jushuitan.BundleUploadRequest{Items: []jushuitan.BundleUpload{{
		SKUID: "SET-001", Name: "T恤两件套",
		Components: []jushuitan.BundleUploadComponent{{SrcSKUID: shirt, Qty: decimal.NewFromInt(2), SalePrice: decimal.NewFromInt(90)}},
	}}})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleCategoryService_All() {
	srv, client := newFake()
	defer srv.Close()
	for c, err := range client.Categories.All(context.Background(), nil) {
		must(err)
		fmt.Println(c.CID, c.Name, c.ParentCID)
	}
	// Output: 30011 T恤 0
}

func ExampleSupplierSKUService_All() {
	srv, client := newFake()
	defer srv.Close()
	for s, err := range client.SupplierSKUs.All(context.Background(), &jushuitan.SupplierSKUQuery{SKUID: shirt}) {
		must(err)
		fmt.Println(s.SupplierName, s.SKUID, s.CostPrice)
	}
	// Output: 南城织造 TEE24-WHT-M 36
}

// What a bundle is made of.
func ExampleBOMService_All() {
	srv, client := newFake()
	defer srv.Close()
	for bom, err := range client.BOMs.All(context.Background(), &jushuitan.BOMQuery{SKUIDs: []string{"SET-001"}}) {
		must(err)
		for _, line := range bom.BOMs {
			fmt.Println(bom.SKUID, "needs", line.MapOuterSKUID)
		}
	}
	// Output: SET-001 needs TEE24-WHT-M
}

// What may be sold: the stock of one warehouse without what orders hold of it.
func ExampleInventoryService_Query() {
	srv, client := newFake()
	defer srv.Close()
	_, err := srv.AssignOrder(receive(srv, "DY-1"), storesWarehouse)
	must(err)
	page, err := client.Inventory.Query(context.Background(), &jushuitan.InventoryQuery{WMSCoID: storesWarehouse, SKUIDs: jushuitan.CommaList{shirt}})
	must(err)
	row := page.Rows[0]
	fmt.Println(row.Qty, row.OrderLock, "available:", row.Qty.Add(row.VirtualQty).Sub(row.OrderLock))
	// Output: 10 1 available: 9
}

func ExampleVirtualWarehouseService_List() {
	srv, client := newFake()
	defer srv.Close()
	list, err := client.VirtualWarehouses.List(context.Background(), nil)
	must(err)
	for _, w := range list.VirtualWarehouses {
		fmt.Println(w.LWHID, w.Name)
	}
	// Output: 501 抖音专用仓
}

// Ship what a warehouse is to ship. The order is shipped with its last document.
func ExampleOutboundService_Ship() {
	srv, client := newFake()
	defer srv.Close()
	oID := receive(srv, "DY-1")
	_, err := srv.AssignOrder(oID, storesWarehouse)
	must(err)

	ctx := context.Background()
	waiting := &jushuitan.OutboundQuery{WMSCoID: storesWarehouse, Status: jushuitan.OutboundStatusWaitConfirm}
	for doc, err := range client.Outbounds.Since(ctx, 0, waiting) {
		must(err)
		results, err := client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{IOID: doc.IOID, LCID: "YTO", LCName: "圆通速递", LID: "YT-1"}})
		must(err)
		fmt.Println(doc.SoID, results[0].Err)
	}
	order, _ := srv.Order(oID)
	fmt.Println(order.Status, order.LID)
	// Output:
	// DY-1 <nil>
	// Sent YT-1
}

func ExampleWaveService_Query() {
	srv, client := newFake()
	defer srv.Close()
	list, err := client.Waves.Query(context.Background(), &jushuitan.WaveQuery{WaveIDs: []int64{331}, CheckWMSCoID: new(false)})
	must(err)
	for _, wave := range list.Waves {
		fmt.Println(wave.WaveID, wave.Status, wave.PickedQty)
	}
	// Output: 331 Finished 2
}

// What was shipped since yesterday, to tell one's own customers.
func ExampleLogisticService_All() {
	srv, client := newFake()
	defer srv.Close()
	ioID, err := srv.AssignOrder(receive(srv, "DY-1"), mainWarehouse)
	must(err)
	must(srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "YT-1"}))
	srv.Advance(time.Minute)
	for s, err := range client.Logistics.All(context.Background(), &jushuitan.ShipmentQuery{ModifiedBegin: srv.Now().AddDate(0, 0, -1)}) {
		must(err)
		fmt.Println(s.SoID, s.LogisticsCompany, s.LID)
	}
	// Output: DY-1 圆通速递 YT-1
}

// A customer sends a shirt back; the warehouse receives it.
func ExampleAfterSaleService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	ioID, err := srv.AssignOrder(receive(srv, "DY-1"), mainWarehouse)
	must(err)
	must(srv.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LID: "YT-1"}))

	ctx := context.Background()
	results, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{{
		ShopID: platformShop, OuterASID: "RF-1", SoID: "DY-1", Type: "普通退货", QuestionType: "尺码不合",
		ShopStatus: "WAIT_SELLER_CONFIRM_GOODS", GoodStatus: "BUYER_RETURNED_GOODS",
		TotalAmount: decimal.NewFromInt(99), Refund: decimal.NewFromInt(99),
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(1), Type: "退货"}},
	}})
	must(err)
	must(srv.ReceiveReturn(results[0].Result.ASID))
	for receipt, err := range client.AfterSales.ReturnReceiptsSince(ctx, 0, nil) {
		must(err)
		fmt.Println(receipt.SoID, receipt.Items[0].SKUID, receipt.Items[0].Qty)
	}
	// Output: DY-1 TEE24-WHT-M 1
}

// Mark a case for the staff, then void it: each reads back as what was asked for.
func ExampleAfterSaleService_Cancel() {
	srv, client := newFake()
	defer srv.Close()
	receive(srv, "DY-1")
	ctx := context.Background()
	results, err := client.AfterSales.Upload(ctx, []jushuitan.AfterSaleUpload{{
		ShopID: platformShop, OuterASID: "RF-1", SoID: "DY-1", Type: "仅退款",
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(1)}},
	}})
	must(err)
	asID := results[0].Result.ASID
	must(client.AfterSales.SetLabels(ctx, &jushuitan.AfterSaleSetLabelsRequest{ASID: asID, Labels: jushuitan.CommaList{"加急"}}))
	must(client.AfterSales.Cancel(ctx, &jushuitan.AfterSaleCancelRequest{ASID: asID}))
	page, err := client.AfterSales.Query(ctx, &jushuitan.AfterSaleQuery{ASIDs: []int64{asID}})
	must(err)
	fmt.Println(page.AfterSales[0].Labels, page.AfterSales[0].Status)
	// Output: 加急 Cancelled
}

// Map the shop's SKUs to one of the ERP.
func ExampleShopSKUService_Bind() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	must(client.ShopSKUs.Upload(ctx, &jushuitan.ShopSKUUploadRequest{Items: []jushuitan.ShopSKUUpload{
		{ShopID: mallShop, ShopSKUID: "P-1", SKUID: "UNKNOWN", ShopIID: "P"},
	}}))
	must(client.ShopSKUs.Bind(ctx, &jushuitan.ShopSKUBindRequest{SKUID: shirt, SKUCodes: []string{"P-1"}}))
	page, err := client.ShopSKUs.Query(ctx, &jushuitan.ShopSKUQuery{SKUIDs: []string{shirt}})
	must(err)
	fmt.Println(page.ShopSKUs[0].ShopSKUID, page.ShopSKUs[0].SKUID)
	// Output: P-1 TEE24-WHT-M
}

// Order goods, then look at what the purchase department ordered this week.
func ExamplePurchaseService_All() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	_, err := client.Purchases.Upload(ctx, purchaseOf(client))
	must(err)
	srv.Advance(time.Minute)
	week := &jushuitan.PurchaseQuery{ModifiedBegin: srv.Now().AddDate(0, 0, -6), SoIDs: []string{"PO-EXT-31"}}
	for purchase, err := range client.Purchases.All(ctx, week) {
		must(err)
		fmt.Println(purchase.SoID, purchase.Items[0].Qty)
	}
	// Output: PO-EXT-31 100
}

// purchaseOf is a purchase of 100 shirts from a supplier.
func purchaseOf(client *jushuitan.Client) *jushuitan.PurchaseUpload {
	return &jushuitan.PurchaseUpload{
		SupplierID: supplierOf(client), ExternalID: "PO-EXT-31", IsConfirm: true, WMSCoID: mainWarehouse,
		Items: []jushuitan.PurchaseUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(100), Price: new(decimal.RequireFromString("21.5"))}},
	}
}

// supplierOf makes a supplier and returns its number.
func supplierOf(client *jushuitan.Client) int64 {
	results, err := client.Suppliers.Upload(context.Background(), []jushuitan.SupplierUpload{{SupplierCode: "SUP-8", Name: "示例厂", Enabled: true}})
	must(err)
	return results[0].Result.ID
}

func ExampleSupplierService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	results, err := client.Suppliers.Upload(context.Background(), []jushuitan.SupplierUpload{
		{SupplierCode: "SUP-8", Name: "示例厂", Enabled: true},
		{SupplierCode: "SUP-9", Name: "南城织造", Enabled: true},
	})
	must(err)
	for _, r := range results {
		fmt.Println(r.Key, r.Result.ID != 0, r.Err)
	}
	// Output:
	// SUP-8 true <nil>
	// SUP-9 true <nil>
}

// What a factory makes, and of what.
func ExampleManufactureService_All() {
	srv, client := newFake()
	defer srv.Close()
	for m, err := range client.Manufactures.All(context.Background(), &jushuitan.ManufactureQuery{StartTime: srv.Now().AddDate(0, 0, -6)}) {
		must(err)
		fmt.Println(m.Seller, m.Items[0].Qty, m.Items[0].SKUID, "of", m.Raws[0].Qty, m.Raws[0].SKUID)
	}
	// Output: 示例厂 10 SET-1 of 20 TS-BLK-M
}

// Goods came for a purchase.
func ExampleReceiptService_Create() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	purchase, err := client.Purchases.Upload(ctx, purchaseOf(client))
	must(err)
	results, err := client.Receipts.Create(ctx, []jushuitan.ReceiptCreateRequest{{
		ExternalID: "IN-EXT-5", POID: purchase.POID, WMSCoID: mainWarehouse,
		Items: []jushuitan.ReceiptCreateItem{{SKUID: shirt, Qty: decimal.NewFromInt(40)}},
	}})
	must(err)
	fmt.Println(results[0].Key, results[0].Result.IOID != 0, results[0].Err)
	// Output: IN-EXT-5 true <nil>
}

// What suppliers announced for this week.
func ExampleAppointmentService_All() {
	srv, client := newFake()
	defer srv.Close()
	week := &jushuitan.AppointmentQuery{StartTime: srv.Now().AddDate(0, 0, -6), EndTime: srv.Now()}
	for a, err := range client.Appointments.All(context.Background(), week) {
		must(err)
		fmt.Println(a.ExternalID, a.Items[0].SKUID, a.Items[0].PlanQty)
	}
	// Output: BK-9 TS-BLK-M 60
}

// Send goods back to their supplier.
func ExamplePurchaseReturnService_Create() {
	srv, client := newFake()
	defer srv.Close()
	results, err := client.PurchaseReturns.Create(context.Background(), []jushuitan.PurchaseReturnCreateRequest{{
		ExternalID: "PR-EXT-1", SupplierID: supplierOf(client), WMSCoID: mainWarehouse, Warehouse: 1,
		Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: shirt, Qty: decimal.NewFromInt(5), Price: new(decimal.RequireFromString("21.5"))}},
	}})
	must(err)
	fmt.Println(results[0].Key, results[0].Result.IOID != 0, results[0].Err)
	// Output: PR-EXT-1 true <nil>
}

// Found stock comes in without a purchase.
func ExampleOtherInOutService_Upload() {
	srv, client := newFake()
	defer srv.Close()
	result, err := client.OtherInOuts.Upload(context.Background(), &jushuitan.OtherInOutUpload{
		Type: "in", ExternalID: "OIO-1", WMSCoID: mainWarehouse, Warehouse: 1, IsConfirm: true,
		Items: []jushuitan.OtherInOutUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(3)}},
	})
	must(err)
	fmt.Println(result.ExternalID, result.IOID != 0)
	// Output: OIO-1 true
}

// Where a piece with a serial number is.
func ExampleSerialNumberService_Query() {
	srv, client := newFake()
	defer srv.Close()
	page, err := client.SerialNumbers.Query(context.Background(), &jushuitan.SerialNumberQuery{SKUSNs: []string{"SN0001"}})
	must(err)
	for _, sn := range page.SerialNumberStates {
		fmt.Println(sn.SKUSN, sn.SKUID, sn.Status)
	}
	// Output: SN0001 TS-BLK-M Out
}

// Send goods from the main warehouse to the stores. The number of yours makes it
// safe to repeat.
func ExampleTransferService_UploadCrossWarehouse() {
	srv, client := newFake()
	defer srv.Close()
	results, err := client.Transfers.UploadCrossWarehouse(context.Background(), []jushuitan.CrossTransferUpload{{
		SoID: "TR-1", GoCoID: mainWarehouse, Warehouse: 1, LinkCoID: storesWarehouse, LinkWarehouse: 1,
		Items: []jushuitan.CrossTransferUploadItem{{SKUID: shirt, Qty: decimal.NewFromInt(4)}},
	}})
	must(err)
	fmt.Println(results[0].Key, results[0].Result.IOID != 0, results[0].Err)
	// Output: TR-1 true <nil>
}

// The fake knows no cross-border orders.
func ExampleCrossBorderService_AllOrders() {
	srv, client := newFake()
	defer srv.Close()
	n := 0
	for order, err := range client.CrossBorder.AllOrders(context.Background(), &jushuitan.CrossBorderOrderQuery{ModifiedBegin: srv.Now().AddDate(0, 0, -6)}) {
		must(err)
		fmt.Println(order.SoID, order.ReceiverCountry)
		n++
	}
	fmt.Println(n, "orders")
	// Output: 0 orders
}

// What is owed. The fake knows no payables.
func ExampleFinanceService_AllPayables() {
	srv, client := newFake()
	defer srv.Close()
	var owed decimal.Decimal
	for p, err := range client.Finance.AllPayables(context.Background(), &jushuitan.PayableQuery{StartTime: srv.Now().AddDate(0, -1, 0), Type: 1}) {
		must(err)
		owed = owed.Add(p.InvAmount.Sub(p.PaidAmount))
	}
	fmt.Println("owed:", owed)
	// Output: owed: 1220.5
}

// Is a seeding cart free?
func ExampleSortingWallService_CheckCarts() {
	srv, client := newFake()
	defer srv.Close()
	check, err := client.SortingWall.CheckCarts(context.Background(), &jushuitan.CartCheck{CarryIDs: []string{"CART-7"}})
	must(err)
	fmt.Println(check.OK)
	// Output: true
}

// The labels of an order: members are in UpperCamelCase on the wire, which callers do not see.
func ExampleQuickSaleService_AllLabels() {
	srv, client := newFake()
	defer srv.Close()
	for label, err := range client.QuickSale.AllLabels(context.Background(), &jushuitan.QuickSaleLabelQuery{SoIDs: []string{"DY-1"}}) {
		must(err)
		fmt.Println(label.SKUSN, label.SKUID, label.Qty)
	}
	// Output: SN0001 TEE24-WHT-M 2
}

// Where to put goods that came.
func ExampleBinService_Recommend() {
	srv, client := newFake()
	defer srv.Close()
	recommendation, err := client.Bins.Recommend(context.Background(), &jushuitan.BinRecommendQuery{SKUID: shirt})
	must(err)
	fmt.Println(recommendation.Bin)
	// Output: A-01-02
}

// Keep a packing machine's video with its parcel.
func ExamplePackingService_SaveVideo() {
	srv, client := newFake()
	defer srv.Close()
	err := client.Packing.SaveVideo(context.Background(), &jushuitan.PackingVideoSaveRequest{
		LIDs: jushuitan.CommaList{"YT-1"}, DIDs: jushuitan.CommaList{"CAM-2"}, VideoDuration: decimal.NewFromInt(12),
	})
	// No source says which answer means that the record was saved.
	fmt.Println(errors.Is(err, jushuitan.ErrOutcomeUnknown))
	// Output: true
}

func ExampleCheckoutService_CountFastDeliveryOrders() {
	srv, client := newFake()
	defer srv.Close()
	count, err := client.Checkout.CountFastDeliveryOrders(context.Background(), &jushuitan.FastDeliveryCountQuery{OwnerCoID: 10100001, SKUID: shirt})
	must(err)
	fmt.Println(count.Count)
	// Output: 3
}

// Credit a packer with a parcel. This is never repeated by itself: an error may be
// ErrOutcomeUnknown.
func ExampleWorkLogService_AddWorkload() {
	srv, client := newFake()
	defer srv.Close()
	result, err := client.WorkLogs.AddWorkload(context.Background(), &jushuitan.WorkloadAddRequest{LID: "YT-1", Packer: "20011"})
	must(err)
	fmt.Println(result.Success)
	// Output: true
}

// Close a work order from one's own service desk.
func ExampleWorkOrderService_Update() {
	srv, client := newFake()
	defer srv.Close()
	_, err := client.WorkOrders.Update(context.Background(), &jushuitan.WorkOrderUpdateRequest{
		Data: &jushuitan.WorkOrderData{WONo: "WO-1", OperateType: "COMPLETE"},
	})
	// No source says which answer means that the work order was changed.
	fmt.Println(errors.Is(err, jushuitan.ErrOutcomeUnknown))
	// Output: true
}

// TestEveryServiceHasAnExample: one that runs, and that uses the service.
func TestEveryServiceHasAnExample(t *testing.T) {
	names, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	uses := map[string]map[string]bool{} // services used, by the type that an example is of
	for _, example := range doc.Examples(files...) {
		if example.Output == "" && !example.EmptyOutput {
			t.Errorf("Example%s has no output: it would not run", example.Name)
		}
		of, _, _ := strings.Cut(example.Name, "_")
		if uses[of] == nil {
			uses[of] = map[string]bool{}
		}
		ast.Inspect(example.Code, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				uses[of][s.Sel.Name] = true
			}
			return true
		})
	}

	client := reflect.TypeFor[jushuitan.Client]()
	services := map[string]string{} // field of Client -> type
	for _, f := range reflect.VisibleFields(client) {
		if f.IsExported() {
			services[f.Name] = f.Type.Elem().Name()
		}
	}
	require.Greater(t, len(services), 30)
	for _, field := range slices.Sorted(maps.Keys(services)) {
		assert.True(t, uses[services[field]][field], "no Example%s_... uses client.%s", services[field], field)
	}
}
