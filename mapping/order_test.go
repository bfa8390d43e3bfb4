package mapping_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func mallOrder() *dianjia.Order {
	created := time.Date(2026, 5, 1, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))
	return &dianjia.Order{
		EntID: "10010", OrderNo: "MALL-1", ShopID: 10350, Created: created, Paid: created.Add(time.Minute),
		Amount: decimal.NewFromInt(128), Freight: decimal.NewFromInt(10),
		BuyerID: "buyer-7", ReceiverName: "林一", ReceiverMobile: "13900000001", ReceiverAddress: "示例路8号",
		Items: []dianjia.OrderItem{
			{LineNo: "1", SKUCode: "A", Name: "短袖", Qty: decimal.NewFromInt(2), Price: decimal.NewFromInt(59), Amount: decimal.NewFromInt(118)},
		},
	}
}

func mallPayment() mapping.OrderPayment {
	return mapping.OrderPayment{ID: "PAY-1", Method: "微信", SellerAccount: "seller-7", BuyerAccount: "buyer-7"}
}

// TestOrderUpload: the fake takes the row, and what it shows is the order.
func TestOrderUpload(t *testing.T) {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: 10350, ShopName: "微商城", ShopSite: mapping.MallShopSite}))
	client, err := srv.Client()
	require.NoError(t, err)
	for _, paid := range []bool{true, false} {
		o := mallOrder()
		want := mapping.OrderPaid
		if !paid {
			o.OrderNo, o.Paid, want = "MALL-2", time.Time{}, mapping.OrderUnpaid
		}
		row, err := mapping.OrderUpload(o, mallPayment())
		require.NoError(t, err)
		assert.Equal(t, paid, row.Pay != nil)
		results, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{row})
		require.NoError(t, err)
		page, err := client.Orders.Query(t.Context(), &jushuitan.OrderQuery{OIDs: []int64{results[0].Result.OID}})
		require.NoError(t, err)
		got := page.Orders[0]
		assert.Equal(t, want, mapping.OrderStateOf(got.Status))
		assert.Equal(t, "128 10 "+o.OrderNo, fmt.Sprintf("%s %s %s", got.PayAmount, got.Freight, got.SoID))
		assert.True(t, got.OrderDate.Equal(o.Created))
		require.Len(t, got.Items, 1)
		assert.Equal(t, "A 2 59 118 1", fmt.Sprintf("%s %s %s %s %s", got.Items[0].SKUID, got.Items[0].Qty, got.Items[0].Price, got.Items[0].Amount, got.Items[0].OuterOIID))
	}
}

func TestOrderUploadRefuses(t *testing.T) {
	for want, change := range map[string]func(*dianjia.Order){
		"order number is missing": func(o *dianjia.Order) { o.OrderNo = "" },
		"shop is missing":         func(o *dianjia.Order) { o.ShopID = 0 },
		"no lines":                func(o *dianjia.Order) { o.Items = nil },
		"has no number":           func(o *dianjia.Order) { o.Items[0].LineNo = "" },
		"duplicate line number":   func(o *dianjia.Order) { o.Items = append(o.Items, o.Items[0]) },
		"must be positive":        func(o *dianjia.Order) { o.Items[0].Qty = decimal.Decimal{} },
	} {
		o := mallOrder()
		change(o)
		_, err := mapping.OrderUpload(o, mallPayment())
		var bad *mapping.OrderUploadError
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "林一")
	}
	assert.NotContains(t, fmt.Sprintf("%+v %#v", mallPayment(), mallPayment()), "seller-7")
}

// TestOrderAmounts: an order whose figures contradict each other, or that the endpoint does
// not take, is an error that names the order, the line and the figure.
func TestOrderAmounts(t *testing.T) {
	dec := decimal.RequireFromString
	line := func(qty, price, amount, paid string) func(*dianjia.Order) {
		return func(o *dianjia.Order) {
			o.Items[0].Qty, o.Items[0].Price, o.Items[0].Amount, o.Amount = dec(qty), dec(price), dec(amount), dec(paid)
		}
	}
	tests := []struct {
		name   string
		change func(*dianjia.Order)
		want   string // "" if it is valid
	}{
		{"as it is", func(*dianjia.Order) {}, ""},
		{"discount", func(o *dianjia.Order) { o.Discount, o.Amount = dec("28.5"), dec("99.5") }, ""},
		{"rounded price", line("3", "33.33", "100", "110"), ""},
		{"gift", func(o *dianjia.Order) {
			o.Items = append(o.Items, dianjia.OrderItem{LineNo: "2", SKUCode: "G", Name: "赠品", Qty: dec("1"), Price: dec("0"), BasePrice: dec("19.9"), IsGift: true})
		}, ""},
		{"price in four decimals", line("7", "14.2857", "100", "110"), ""},
		{"price in four decimals, amount in cents", line("7", "0.1234", "0.86", "10.86"), ""},
		{"trailing zeros of a rounded price", line("30", "33.3300", "1000", "1010"), ""},
		{"a price in four decimals is not rounded to cents", line("70", "14.2857", "1000.5", "1010.5"), "70 pieces at 14.2857 cost 999.999"},
		{"gift with a price", func(o *dianjia.Order) {
			o.Items = append(o.Items, dianjia.OrderItem{LineNo: "2", SKUCode: "G", Name: "赠品", Qty: dec("1"), Price: dec("19.9"), IsGift: true})
		}, "the paid price must be 0"},
		{"discount larger than the goods", func(o *dianjia.Order) { o.Discount, o.Amount = dec("120"), dec("8") }, ""},
		{"discount larger than everything", func(o *dianjia.Order) { o.Discount, o.Amount = dec("130"), dec("-2") }, "amount payable is negative"},
		{"lines do not add up", func(o *dianjia.Order) { o.Amount = dec("127.99") }, "lines 118 - discount 0 + freight 10 = 128"},
		{"freight is missing", func(o *dianjia.Order) { o.Freight = dec("0") }, "应付金额 128"},
		{"discount is missing", func(o *dianjia.Order) { o.Discount = dec("1") }, "discount 1"},
		{"line", func(o *dianjia.Order) { o.Items[0].Amount, o.Amount = dec("100"), dec("110") }, `line "1": the amount is 100, but 2 pieces at 59 cost 118`},
		{"negative", func(o *dianjia.Order) { o.Freight, o.Amount = dec("-10"), dec("108") }, "freight is negative"},
		{"negative discount", func(o *dianjia.Order) { o.Discount, o.Amount = dec("-1"), dec("129") }, "discount is negative"},
		{"decimals of the amount", func(o *dianjia.Order) { o.Amount, o.Freight = dec("128.001"), dec("10.001") }, "more than 2 decimals"},
		{"decimals of the price", func(o *dianjia.Order) { o.Items[0].Price = dec("59.00001") }, "price has more than 4 decimals"},
		{"decimals of the list price", func(o *dianjia.Order) { o.Items[0].BasePrice = dec("59.001") }, "list price has more than 2 decimals"},
		{"half a piece", func(o *dianjia.Order) { o.Items[0].Qty, o.Items[0].Price = dec("1.5"), dec("78.6666") }, "not a whole number"},
		{"gift that costs", func(o *dianjia.Order) { o.Items[0].IsGift = true }, "the line is a gift, but its amount is 118"},
		{"paid too early", func(o *dianjia.Order) { o.Paid = o.Created.Add(-time.Second) }, "payment time is before the creation time"},
		{"trailing zeros", func(o *dianjia.Order) { o.Amount, o.Items[0].Qty = dec("128.0000"), dec("2.000") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mallOrder()
			tt.change(o)
			row, err := mapping.OrderUpload(o, mallPayment())
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			var wrong *mapping.OrderUploadError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, "MALL-1", wrong.OrderNo)
			assert.Contains(t, err.Error(), tt.want)
			assert.Contains(t, err.Error(), "10010")
			assert.Empty(t, row.Items)
		})
	}
	o := mallOrder()
	o.Items[0].BasePrice = dec("99")
	o.Items = append(o.Items, dianjia.OrderItem{LineNo: "2", SKUCode: "G", Name: "赠品", Qty: dec("1"), IsGift: true})
	row, err := mapping.OrderUpload(o, mallPayment())
	require.NoError(t, err)
	assert.Equal(t, "59 99 false", fmt.Sprintf("%s %s %t", row.Items[0].Price, row.Items[0].BasePrice, row.Items[0].IsGift), "list and paid price are apart")
	assert.True(t, row.Items[1].IsGift)
}

// TestStoredOrderUploadsTheSame: an order that goes through a queue or a table as JSON is uploaded
// as before, also where it leaves out the list price.
func TestStoredOrderUploadsTheSame(t *testing.T) {
	for _, base := range []string{"", "0", "79.9"} {
		o := mallOrder()
		o.Items[0].BasePrice = decimal.Decimal{}
		if base != "" {
			o.Items[0].BasePrice = decimal.RequireFromString(base)
		}
		want, err := mapping.OrderUpload(o, mallPayment())
		require.NoError(t, err)
		text, err := json.Marshal(o)
		require.NoError(t, err)
		var stored dianjia.Order
		require.NoError(t, json.Unmarshal(text, &stored))
		got, err := mapping.OrderUpload(&stored, mallPayment())
		require.NoError(t, err)
		before, err := json.Marshal(want)
		require.NoError(t, err)
		after, err := json.Marshal(got)
		require.NoError(t, err)
		assert.JSONEq(t, string(before), string(after), "list price %q", base)
		if base != "79.9" {
			assert.Equal(t, "59", got.Items[0].BasePrice.String(), "the paid price")
		}
	}
}
