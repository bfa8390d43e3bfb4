package qimentest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

const (
	mallShop   = int64(10350)
	tmallShop  = int64(10360)
	mainWMS    = int64(11200000)
	storeWMS   = int64(11200901)
	otherMerch = "20020"
	otherID    = "10000002" // customer id of otherMerch
)

func d(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

// noWaits retries at once.
func noWaits() qimen.Option {
	return qimen.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond})
}

// started is a gateway, its ERP and a client.
func started(t *testing.T, opts ...qimentest.Option) (*qimentest.Server, *qimen.Client) {
	t.Helper()
	erp := jushuitantest.NewServer(jushuitantest.WithoutQuota())
	t.Cleanup(erp.Close)
	all := append([]qimentest.Option{qimentest.WithERP(erp), qimentest.WithCustomer(otherID, otherMerch)}, opts...)
	srv := qimentest.NewServer(all...)
	t.Cleanup(srv.Close)
	client, err := srv.Client(noWaits())
	require.NoError(t, err)
	return srv, client
}

func furnish(t *testing.T, c *jushuitantest.Company) {
	t.Helper()
	require.NoError(t, c.AddShop(jushuitan.Shop{ShopID: mallShop, ShopName: "微商城"}))
	require.NoError(t, c.AddShop(jushuitan.Shop{ShopID: tmallShop, ShopName: "旗舰店", ShopSite: "淘宝天猫"}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{Name: "主仓", WMSCoID: mainWMS, IsMain: true}))
	require.NoError(t, c.AddWarehouse(jushuitan.Warehouse{Name: "店加线下仓", WMSCoID: storeWMS}))
	for _, id := range []string{"TS-M", "TS-L"} {
		require.NoError(t, c.AddSKU(jushuitan.SKU{SKUID: id, IID: "TS", Name: "短袖", SalePrice: d(55), PropertiesValue: "黑色;" + id[3:]}))
		require.NoError(t, c.SetStock(mainWMS, id, d(1000)))
		require.NoError(t, c.SetStock(storeWMS, id, d(400)))
	}
}

func upload(shop int64, soID string, now time.Time) jushuitan.OrderUpload {
	return jushuitan.OrderUpload{
		ShopID: shop, SoID: soID, OrderDate: now, ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopBuyerID: "buyer-01",
		ReceiverName: "林一", ReceiverMobile: "13900000001", ReceiverAddress: "浙江省杭州市示例路8号", PayAmount: d(173), Freight: d(8),
		Items: []jushuitan.OrderUploadItem{
			{SKUID: "TS-M", ShopSKUID: "TS-M", Amount: d(110), BasePrice: d(60), Qty: d(2), Name: "短袖", OuterOIID: soID + "-1"},
			{SKUID: "TS-L", ShopSKUID: "TS-L", Amount: d(55), BasePrice: d(60), Qty: d(1), Name: "短袖", OuterOIID: soID + "-2"},
		},
		Pay: &jushuitan.OrderUploadPay{OuterPayID: "PAY-" + soID, PayDate: now, Payment: "微信", SellerAccount: "s", BuyerAccount: "b", Amount: d(173)},
	}
}

// busy fills a company with n orders of the mall, an hour and a bit apart, in all
// states: waiting, to be shipped by either warehouse, shipped, cancelled, returned.
func busy(t *testing.T, erp *jushuitantest.Server, c *jushuitantest.Company, n int) {
	t.Helper()
	for i := range n {
		erp.Advance(61 * time.Minute)
		oID, err := c.ImportOrder(upload(mallShop, fmt.Sprintf("SO-%03d", i), erp.Now()))
		require.NoError(t, err)
		if i%5 == 0 {
			continue
		}
		ioID, err := c.AssignOrder(oID, []int64{mainWMS, storeWMS}[i%2])
		require.NoError(t, err)
		switch i % 5 {
		case 1, 4:
			require.NoError(t, c.ShipOutbound(ioID, jushuitantest.Parcel{LCID: "YTO", LogisticsCompany: "圆通速递", LID: fmt.Sprintf("YT%03d", i)}))
		case 2:
			require.NoError(t, c.CancelOrder(oID, "买家取消"))
		}
	}
}
