package jushuitan_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Operations of whose answers no source shows the members: they return data as it is, for
// you to read once you have seen it.

// Parcels that came back and were registered. A page has 100, 200 or 500 rows, nothing else.
func ExampleAfterSaleService_QueryReturnParcels() {
	srv, client := newFake()
	defer srv.Close()
	data, err := client.AfterSales.QueryReturnParcels(context.Background(), &jushuitan.ReturnParcelQuery{PageIndex: 1, PageSize: 100})
	must(err)
	fmt.Println(string(data))
	// Output: {}
}

func ExampleFinanceService_QueryExpenseItems() {
	srv, client := newFake()
	defer srv.Close()
	data, err := client.Finance.QueryExpenseItems(context.Background(), &jushuitan.ExpenseItemQuery{PageIndex: 1, PageSize: 100})
	must(err)
	fmt.Println(string(data))
	// Output: {}
}

func ExampleFinanceService_QueryOperatingExpenses() {
	srv, client := newFake()
	defer srv.Close()
	to := srv.Now()
	data, err := client.Finance.QueryOperatingExpenses(context.Background(), &jushuitan.OperatingExpenseQuery{
		StartTime: to.AddDate(0, 0, -1), EndTime: to, PageIndex: 1, PageSize: 100,
	})
	must(err)
	fmt.Println(string(data))
	// Output: {}
}

// Payables and payments of the new finance module. The time range is checked before the call.
func ExampleFinanceService_QueryPayableList() {
	srv, client := newFake()
	defer srv.Close()
	ctx := context.Background()
	_, err := client.Finance.QueryPayableList(ctx, &jushuitan.PayableListQuery{Type: 1})
	var invalid *jushuitan.ValidationError
	fmt.Println(errors.As(err, &invalid), invalid)

	to := srv.Now()
	data, err := client.Finance.QueryPayableList(ctx, &jushuitan.PayableListQuery{StartTime: to.AddDate(0, 0, -1), EndTime: to, Type: 1})
	must(err)
	fmt.Println(string(data))
	// Output:
	// true start_time is required; end_time is required
	// {}
}

func ExampleFinanceService_QueryPaymentList() {
	srv, client := newFake()
	defer srv.Close()
	to := srv.Now()
	data, err := client.Finance.QueryPaymentList(context.Background(), &jushuitan.PaymentListQuery{StartTime: to.AddDate(0, 0, -1), EndTime: to})
	must(err)
	fmt.Println(string(data))
	// Output: {}
}

// A row needs a bin, whose member no source names: ask the platform for it.
func ExampleBinService_ShelveRaw() {
	srv, client := newFake()
	defer srv.Close()
	_, err := client.Bins.ShelveRaw(context.Background(), map[string]any{"items": []map[string]any{{"sku_id": shirt}}})
	var e *jushuitan.Error
	fmt.Println(errors.As(err, &e), e.Msg)
	// Output: true 上架仓位不能为空
}

// A row needs a box, whose member no source names.
func ExampleBinService_TakeOffRaw() {
	srv, client := newFake()
	defer srv.Close()
	_, err := client.Bins.TakeOffRaw(context.Background(), map[string]any{"items": []map[string]any{{"sku_id": shirt}}})
	var e *jushuitan.Error
	fmt.Println(errors.As(err, &e), e.Msg)
	// Output: true 指定箱不存在
}
