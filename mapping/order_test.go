package mapping_test

import (
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
		"no order number":       func(o *dianjia.Order) { o.OrderNo = "" },
		"no shop":               func(o *dianjia.Order) { o.ShopID = 0 },
		"no lines":              func(o *dianjia.Order) { o.Items = nil },
		"has no number":         func(o *dianjia.Order) { o.Items[0].LineNo = "" },
		"duplicate line number": func(o *dianjia.Order) { o.Items = append(o.Items, o.Items[0]) },
		"above zero":            func(o *dianjia.Order) { o.Items[0].Qty = decimal.Decimal{} },
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
