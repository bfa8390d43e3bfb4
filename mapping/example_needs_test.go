package mapping_test

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// Compute the stock of DianJia's warehouses from that of the ERP's: here two warehouses of
// the ERP feed one of DianJia's, one of them less what is locked by orders.
func ExampleSumDownloadedStock() {
	bindings := []dianjia.WarehouseBinding{
		{EntID: "10010", WarehouseCode: "W1", WMSCoID: 10100001, DownloadStock: true, StockExpression: "实际库存-订单占用"},
		{EntID: "10010", WarehouseCode: "W1", WMSCoID: 10100002, DownloadStock: true, StockExpression: "实际库存-订单占用"},
	}
	stock := []mapping.WarehouseStock{ // of client.Inventory.All for each warehouse
		{WMSCoID: 10100001, Rows: []*jushuitan.InventoryRow{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(10), OrderLock: decimal.NewFromInt(3)}}},
		{WMSCoID: 10100002, Rows: []*jushuitan.InventoryRow{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(5), OrderLock: decimal.NewFromInt(1)}}},
	}
	sum, err := mapping.SumDownloadedStock(bindings, stock, mapping.StockDownloadRules{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range sum.Rows {
		fmt.Println(row.StoreCode, row.SKUCode, row.Qty)
	}
	fmt.Println("gaps:", sum.Gaps.Total)
	// Output:
	// W1 TEE24-WHT-M 11
	// gaps: 0
}

// Push only the figures that changed since the last push. A SKU without a figure is not sold
// out: it is unknown.
func ExampleChangedStock() {
	row := func(sku string, qty int64) dianjia.StockRow {
		return dianjia.StockRow{EntID: "10010", StoreCode: "W1", SKUCode: sku, Qty: decimal.NewFromInt(qty)}
	}
	last := []dianjia.StockRow{row("A", 5), row("B", 2), row("C", 7)}
	now := []dianjia.StockRow{row("A", 5), row("B", 0), row("D", 1)}

	changes := mapping.ChangedStock(last, now)
	for _, r := range changes.Changed {
		fmt.Println("push", r.SKUCode, r.Qty)
	}
	for _, r := range changes.Gone {
		fmt.Println("unknown now:", r.SKUCode)
	}
	// Output:
	// push B 0
	// push D 1
	// unknown now: C
}

// Upload an allocation from head office to a store: the places of both ends decide which
// document it becomes in the ERP.
func ExamplePlanTransfer() {
	stores := []dianjia.StoreBinding{{EntID: "10010", StoreCode: "S01", WMSCoID: 10100088}}
	warehouses := []dianjia.WarehouseBinding{{EntID: "10010", WarehouseCode: "HQ", WMSCoID: 10100001}}
	plan, err := mapping.PlanTransfer(&dianjia.Transfer{
		EntID: "10010", TransferNo: "TR-1", Kind: dianjia.TransferAllocation, FromCode: "HQ", ToCode: "S01",
		Created: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC),
		Items:   []dianjia.TransferItem{{SKUCode: "TEE24-WHT-M", Qty: decimal.NewFromInt(8)}},
	}, stores, warehouses)
	if err != nil {
		fmt.Println(err) // which end is unbound, or which line is invalid
		return
	}
	if plan.Route() != mapping.RouteCrossWarehouse {
		fmt.Println("another document:", plan.Route())
		return
	}
	upload, err := plan.CrossTransfer() // a row of client.Transfers.UploadCrossWarehouse
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(upload.SoID, upload.GoCoID, "to", upload.LinkCoID, upload.Items[0].SKUID, upload.Items[0].Qty)
	// Output: TR-1 10100001 to 10100088 TEE24-WHT-M 8
}

// Turn an order of the mall into a row of Orders.Upload. The order number is its so_id, so
// that uploading it twice makes one order.
func ExampleOrderUpload() {
	price, paid := decimal.RequireFromString("59.00"), time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	order := &dianjia.Order{
		EntID: "10010", OrderNo: "MALL-1", ShopID: 10200077, Created: paid, Paid: paid,
		Amount: decimal.RequireFromString("64.00"), Freight: decimal.RequireFromString("5.00"),
		BuyerID: "buyer", ReceiverName: "收货人", ReceiverMobile: "13900000001", ReceiverAddress: "收货地址",
		Items: []dianjia.OrderItem{{LineNo: "1", SKUCode: "TEE24-WHT-M", Name: "T恤", Qty: decimal.NewFromInt(1), Price: price, Amount: price}},
	}
	upload, err := mapping.OrderUpload(order, mapping.OrderPayment{ID: "PAY-1", Method: "微信", SellerAccount: "mall", BuyerAccount: "buyer"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(upload.SoID, upload.ShopStatus, "pay", upload.PayAmount, "of which freight", upload.Freight)

	order.Amount = price // does not include the freight
	_, err = mapping.OrderUpload(order, mapping.OrderPayment{})
	fmt.Println("refused:", err != nil)
	// Output:
	// MALL-1 WAIT_SELLER_SEND_GOODS pay 64 of which freight 5
	// refused: true
}
