package jushuitantest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestDocuments: documents without the API are in the API's form, with the orders
// that the API leaves out.
func TestDocuments(t *testing.T) {
	srv, client := furnished(t)
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: 10370, ShopName: "旗舰店", ShopSite: "淘宝天猫"}))
	var ids []int64
	for soID, shop := range map[string]int64{"A": mallShop, "B": 10370} {
		o := mallOrder(soID, srv.Now())
		o.ShopID = shop
		id, err := srv.ImportOrder(o)
		require.NoError(t, err)
		_, err = srv.AssignOrder(id, mainWMS)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	type page struct {
		Count  int64 `json:"data_count"`
		Orders []struct {
			SoID string `json:"so_id"`
		}
		Datas []struct {
			SoID string `json:"so_id"`
		}
	}
	read := func(text json.RawMessage, err error) (p page) {
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &p))
		return p
	}
	assert.EqualValues(t, 2, read(srv.QueryOrders(jushuitan.OrderQuery{OIDs: ids}, nil)).Count)
	onlyB := read(srv.QueryOrders(jushuitan.OrderQuery{PageSize: 500}, func(o *jushuitan.Order) bool { return o.ShopID == 10370 }))
	require.Len(t, onlyB.Orders, 1)
	assert.Equal(t, "B", onlyB.Orders[0].SoID)
	onlyA := read(srv.QueryOutbounds(jushuitan.OutboundQuery{}, func(d *jushuitan.Outbound) bool { return d.ShopID == mallShop }))
	require.Len(t, onlyA.Datas, 1)
	assert.Equal(t, "A", onlyA.Datas[0].SoID)
	assert.Empty(t, read(srv.QueryAfterSales(jushuitan.AfterSaleQuery{}, func(*jushuitan.AfterSale) bool { return true })).Datas)

	open, err := client.Orders.Query(t.Context(), &jushuitan.OrderQuery{OIDs: ids})
	require.NoError(t, err)
	require.Len(t, open.Orders, 1, "the open API leaves B out")
	assert.Equal(t, "A", open.Orders[0].SoID)
}
