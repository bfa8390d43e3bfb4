package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func setupCodes(found []mapping.SetupFinding) []mapping.SetupCode {
	var codes []mapping.SetupCode
	for _, f := range found {
		codes = append(codes, f.Code)
	}
	return codes
}

// checkFindingTexts holds every finding to saying what is wrong and what to do, in both
// languages.
func checkFindingTexts(t *testing.T, found []mapping.SetupFinding) {
	t.Helper()
	han := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	for _, f := range found {
		assert.NotEmpty(t, f.What, f.Code)
		assert.NotEmpty(t, f.Do, f.Code)
		assert.True(t, han(f.WhatZH) && han(f.DoZH), f.Code)
		for _, part := range []string{string(f.Code), f.What, f.WhatZH, f.Do, f.DoZH} {
			assert.Contains(t, f.String(), part)
		}
	}
}

const (
	routingMall   = 133242
	routingTaobao = 133300
)

// goodRouting is a merchant with nothing wrong.
func goodRouting() mapping.Routing {
	first := bindStore("S1", warehouseVirtual)
	first.OrderStore = true
	return mapping.Routing{
		Shops: []jushuitan.Shop{
			{ShopID: routingMall, ShopSite: mapping.MallShopSite},
			{ShopID: routingTaobao, ShopSite: "淘宝天猫"},
		},
		Warehouses: []jushuitan.Warehouse{
			{Name: "杭州主仓", CoID: warehouseMain, WMSCoID: warehouseMain, IsMain: true, Status: "生效"},
			{Name: dianjia.WarehouseName, CoID: warehouseMain, WMSCoID: warehouseVirtual, Status: "生效"},
			{Name: "华南云仓", CoID: warehouseMain, WMSCoID: warehouseSecond, Status: "生效"},
		},
		Stores:     []dianjia.StoreBinding{first, bindStore("S2", warehouseVirtual)},
		Downloads:  []dianjia.WarehouseBinding{download("W1", warehouseMain, 0), download("W2", warehouseSecond, 0)},
		MallShopID: routingMall,
	}
}

// The self-owned mall's orders must never go to 店加线下仓: they would come back.
func TestGuidePart3_5MallOrdersStayAway(t *testing.T) {
	check := mapping.NewRoutingChecker(goodRouting())
	assert.Empty(t, check.Findings())
	tests := []struct {
		name  string
		order jushuitan.Order
		want  mapping.SetupCode
	}{
		{"mall to the main warehouse", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseMain}, ""},
		{"mall, not assigned", jushuitan.Order{ShopID: routingMall}, ""},
		{"mall to another warehouse", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseSecond}, ""},
		{"Taobao to the virtual one", jushuitan.Order{ShopID: routingTaobao, WMSCoID: warehouseVirtual, Status: "Delivering"}, ""},
		{"mall to the virtual one", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseVirtual, Status: "Delivering"}, mapping.SetupMallOrderToVirtualWarehouse},
		{"though shipped", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseVirtual, Status: "Sent"}, mapping.SetupMallOrderToVirtualWarehouse},
		{"a status that is unknown", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseVirtual, Status: "Lock"}, mapping.SetupMallOrderToVirtualWarehouse},
		{"cancelled", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseVirtual, Status: "Cancelled"}, ""},
		{"split", jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseVirtual, Status: "Split"}, ""},
		{"a mall that only the order names", jushuitan.Order{ShopID: 7, ShopSite: "商家自有商城", WMSCoID: warehouseVirtual}, mapping.SetupMallOrderToVirtualWarehouse},
		{"an unknown shop", jushuitan.Order{ShopID: 7, WMSCoID: warehouseVirtual}, mapping.SetupOrderShopUnknown},
		{"an unknown shop elsewhere", jushuitan.Order{ShopID: 7, WMSCoID: warehouseMain}, ""},
		{"a shop that only the order names", jushuitan.Order{ShopID: 7, ShopSite: "拼多多", WMSCoID: warehouseVirtual}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.order.OID, tt.order.SoID, tt.order.ReceiverName = 11, "SO-11", "王小明"
			f, bad := check.Order(&tt.order)
			assert.Equal(t, tt.want, f.Code)
			assert.Equal(t, tt.want != "", bad)
			if bad {
				checkFindingTexts(t, []mapping.SetupFinding{f})
				assert.Contains(t, f.String(), "SO-11")
				assert.NotContains(t, fmt.Sprintf("%+v", f), "王小明")
				assert.EqualValues(t, 11, f.OID)
			}
		})
	}
	_, bad := check.Order(nil)
	assert.False(t, bad)

	found := mapping.CheckRouting(goodRouting(), &tests[4].order, &tests[3].order, &tests[5].order)
	assert.Equal(t, []mapping.SetupCode{mapping.SetupMallOrderToVirtualWarehouse, mapping.SetupMallOrderToVirtualWarehouse}, setupCodes(found))

	// A mall that is configured counts as one, even if the shops were not read.
	r := goodRouting()
	r.Shops = nil
	assert.Len(t, mapping.CheckRouting(r, &tests[4].order), 1)
	r.MallShopID = 0
	assert.Empty(t, mapping.CheckRouting(r, &tests[4].order), "nothing says that it is one")
	// Stores bound to the main warehouse do not make it a virtual one.
	r = goodRouting()
	r.Stores[0].WMSCoID, r.Stores[1].WMSCoID = warehouseMain, warehouseMain
	r.Warehouses = r.Warehouses[:1]
	assert.NotContains(t, setupCodes(mapping.CheckRouting(r, &jushuitan.Order{ShopID: routingMall, WMSCoID: warehouseMain})), mapping.SetupMallOrderToVirtualWarehouse)
	// The warehouse's name is enough to know the virtual one.
	r = goodRouting()
	r.Stores = nil
	assert.Equal(t, []mapping.SetupCode{mapping.SetupVirtualWarehouseUnbound, mapping.SetupMallOrderToVirtualWarehouse}, setupCodes(mapping.CheckRouting(r, &tests[4].order)))
}

func TestCheckRoutingSettings(t *testing.T) {
	type routing = mapping.Routing
	tests := []struct {
		name   string
		change func(*routing)
		want   []mapping.SetupCode
	}{
		{"good", func(*routing) {}, nil},
		{"nothing read", func(r *routing) { *r = routing{} }, nil},
		{"mall shop by its type", func(r *routing) { r.MallShopID = 0 }, nil},
		{"no mall shop", func(r *routing) { r.MallShopID, r.Shops = 0, r.Shops[1:] }, []mapping.SetupCode{mapping.SetupMallShopMissing}},
		{"mall shop that is not there", func(r *routing) { r.MallShopID = 1 }, []mapping.SetupCode{mapping.SetupMallShopUnknown}},
		{"mall shop of another type", func(r *routing) { r.MallShopID = routingTaobao }, []mapping.SetupCode{mapping.SetupMallShopSiteWrong}},
		{"store without a code", func(r *routing) { r.Stores[1].StoreCode = "" }, []mapping.SetupCode{mapping.SetupBindingCodeMissing}},
		{"store without a warehouse", func(r *routing) { r.Stores[1].WMSCoID = 0 }, []mapping.SetupCode{mapping.SetupStoreWithoutWarehouse}},
		{"store bound twice", func(r *routing) { r.Stores = append(r.Stores, r.Stores[1]) }, []mapping.SetupCode{mapping.SetupStoreBoundTwice}},
		{"store shared", func(r *routing) {
			b := bindStore("S2", warehouseSecond)
			b.OrderStore = true
			r.Stores, r.Downloads = append(r.Stores, b), r.Downloads[:1]
		}, []mapping.SetupCode{mapping.SetupStoreShared}},
		{"another merchant's store", func(r *routing) { r.Stores[1].EntID = "20020" }, []mapping.SetupCode{mapping.SetupMerchantsMixed}},
		{"unknown warehouse", func(r *routing) { r.Stores[0].WMSCoID, r.Stores[1].WMSCoID = 5, 5 }, []mapping.SetupCode{mapping.SetupWarehouseUnknown, mapping.SetupVirtualWarehouseUnbound}},
		{"warehouse out of use", func(r *routing) { r.Warehouses[1].Status = "失效" }, []mapping.SetupCode{mapping.SetupWarehouseDisabled}},
		{"main warehouse", func(r *routing) {
			r.Stores[0].WMSCoID, r.Stores[1].WMSCoID = warehouseMain, warehouseMain
			r.Warehouses, r.Downloads = r.Warehouses[:1], nil
		}, []mapping.SetupCode{mapping.SetupMainWarehouseBound}},
		{"no order store", func(r *routing) { r.Stores[0].OrderStore = false }, []mapping.SetupCode{mapping.SetupOrderStoreMissing}},
		{"two order stores", func(r *routing) { r.Stores[1].OrderStore = true }, []mapping.SetupCode{mapping.SetupOrderStoreAmbiguous}},
		{"virtual warehouse downloaded", func(r *routing) { r.Downloads[1].WMSCoID = warehouseVirtual }, []mapping.SetupCode{mapping.SetupVirtualWarehouseDownloaded}},
		{"not downloaded", func(r *routing) { r.Downloads[1].WMSCoID, r.Downloads[1].DownloadStock = warehouseVirtual, false }, nil},
		{"all warehouses downloaded", func(r *routing) { r.Downloads[1].WMSCoID = 0 }, []mapping.SetupCode{mapping.SetupDownloadOfAll}},
		{"warehouse downloaded twice", func(r *routing) { r.Downloads[1] = r.Downloads[0] }, []mapping.SetupCode{mapping.SetupDownloadBoundTwice}},
		{"warehouse downloaded into two", func(r *routing) { r.Downloads[1].WMSCoID = warehouseMain }, []mapping.SetupCode{mapping.SetupDownloadShared}},
		{"unknown warehouse downloaded", func(r *routing) { r.Downloads[1].WMSCoID = 5 }, []mapping.SetupCode{mapping.SetupWarehouseUnknown}},
		{"download without a code", func(r *routing) { r.Downloads[1].WarehouseCode = "" }, []mapping.SetupCode{mapping.SetupBindingCodeMissing}},
		{"loop", func(r *routing) { r.Downloads[1].WMSCoID, r.Downloads[1].WarehouseCode = warehouseVirtual, "S2" }, []mapping.SetupCode{mapping.SetupVirtualWarehouseDownloaded, mapping.SetupStockLoop}},
		{"loop through all", func(r *routing) { r.Downloads[1].WMSCoID, r.Downloads[1].WarehouseCode = 0, "S2" }, []mapping.SetupCode{mapping.SetupDownloadOfAll, mapping.SetupStockLoop}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := goodRouting()
			tt.change(&r)
			found := mapping.CheckRouting(r)
			assert.Equal(t, tt.want, setupCodes(found))
			checkFindingTexts(t, found)
		})
	}
	assert.True(t, mapping.SetupMallShopMissing.Warning())
	assert.False(t, mapping.SetupStockLoop.Warning())
}

func TestRoutingLoopPath(t *testing.T) {
	r := mapping.Routing{
		Stores:    []dianjia.StoreBinding{bindStore("S1", 1), bindStore("S2", 2), bindStore("S3", 3)},
		Downloads: []dianjia.WarehouseBinding{download("S2", 1, 0), download("S1", 2, 0), download("S4", 3, 0)},
	}
	var loops []mapping.SetupFinding
	for _, f := range mapping.CheckRouting(r) {
		if f.Code == mapping.SetupStockLoop {
			loops = append(loops, f)
		}
	}
	require.Len(t, loops, 1, "both warehouses are in one loop")
	assert.Equal(t, []string{"1", `"S2"`, "2", `"S1"`, "1"}, loops[0].Path)
	assert.Equal(t, "S2", loops[0].StoreCode)
	assert.EqualValues(t, 1, loops[0].WMSCoID)
	assert.Contains(t, loops[0].String(), `1 -> "S2" -> 2 -> "S1" -> 1`)
}

// A warehouse is in a reported loop if and only if stock can go from it back to it.
func TestRoutingLoopProperties(t *testing.T) {
	loops := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		const warehouses, stores = 4, 4
		var routing mapping.Routing
		var reach [warehouses + stores][warehouses + stores]bool
		for range r.IntN(6) {
			w, s := r.IntN(warehouses), r.IntN(stores)
			routing.Stores = append(routing.Stores, bindStore(fmt.Sprint(s), int64(1+w)))
			reach[warehouses+s][w] = true
		}
		for range r.IntN(6) {
			w, s := r.IntN(warehouses), r.IntN(stores)
			b := download(fmt.Sprint(s), int64(1+w), 0)
			b.DownloadStock = r.IntN(4) > 0
			routing.Downloads = append(routing.Downloads, b)
			reach[w][warehouses+s] = reach[w][warehouses+s] || b.DownloadStock
		}
		edges := reach
		for k := range reach {
			for i := range reach {
				for j := range reach {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		inLoop := map[string]bool{}
		for _, f := range mapping.CheckRouting(routing) {
			if f.Code != mapping.SetupStockLoop {
				continue
			}
			loops++
			node := func(text string) int {
				var n int
				if strings.HasPrefix(text, `"`) {
					_, err := fmt.Sscanf(text, `"%d"`, &n)
					require.NoError(t, err)
					return warehouses + n
				}
				_, err := fmt.Sscan(text, &n)
				require.NoError(t, err)
				return n - 1
			}
			require.Equal(t, f.Path[0], f.Path[len(f.Path)-1])
			for i, text := range f.Path {
				inLoop[text] = true
				if i > 0 {
					assert.True(t, edges[node(f.Path[i-1])][node(text)], "seed %d: %v has a step that is not there", seed, f.Path)
				}
			}
		}
		for w := range warehouses {
			assert.Equal(t, reach[w][w], inLoop[fmt.Sprint(1+w)], "seed %d: warehouse %d", seed, 1+w)
		}
	}
	assert.Greater(t, loops, 50)
}

// The check keeps a copy of what it was given.
func TestRoutingCheckIsItsOwn(t *testing.T) {
	r := goodRouting()
	check := mapping.NewRoutingChecker(r)
	r.Stores[0].WMSCoID, r.Downloads[0].WMSCoID, r.Shops[0].ShopSite = 5, warehouseVirtual, "x"
	assert.Empty(t, check.Findings())
}

func BenchmarkRoutingCheckOrder(b *testing.B) {
	check := mapping.NewRoutingChecker(goodRouting())
	order := &jushuitan.Order{OID: 1, ShopID: routingTaobao, WMSCoID: warehouseVirtual, Status: "Delivering"}
	b.ReportAllocs()
	for b.Loop() {
		if _, bad := check.Order(order); bad {
			b.Fatal("found")
		}
	}
}

func ExampleCheckRouting() {
	routing := mapping.Routing{
		Shops:  []jushuitan.Shop{{ShopID: 133242, ShopSite: mapping.MallShopSite}},
		Stores: []dianjia.StoreBinding{{EntID: "10010", StoreCode: "0001", WMSCoID: 10100077, OrderStore: true}},
	}
	order := &jushuitan.Order{OID: 200001, SoID: "SO-1", ShopID: 133242, WMSCoID: 10100077, Status: "Delivering"}
	for _, f := range mapping.CheckRouting(routing, order) {
		fmt.Println(f.Code)
		fmt.Println(f.WhatZH)
		fmt.Println(f.DoZH)
	}
	// Output:
	// mall_order_to_virtual_warehouse
	// 自有商城店铺 133242 的订单 200001（线上单号 "SO-1"）分配到了店加线下仓 10100077：订单会回流到门店
	// 请改派到其他仓库，并在聚水潭的订单分配策略中排除该店铺到店加线下仓的分配
}
