package flows_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/head-office-allocates/allocate"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/examples/mall-order-warehouse-ships/mall"
	"github.com/dianjia/jushuitan-go/examples/online-order-store-ships/storeship"
	"github.com/dianjia/jushuitan-go/examples/store-replenishes/replenish"
	"github.com/dianjia/jushuitan-go/examples/store-returns/returns"
	"github.com/dianjia/jushuitan-go/examples/store-to-store/storetransfer"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// ledger is what must be where, kept by the test alone: by warehouse, slot and SKU.
type ledger map[string]int64

func place(wms int64, slot dianjia.WarehouseSlot, sku string) string {
	return fmt.Sprintf("%d/%d %s", wms, slot, sku)
}

// days starts a fake with stock and returns the ledger of it.
func days(t *testing.T) (*jushuitantest.Server, *jushuitan.Client, ledger) {
	t.Helper()
	erp := jushuitantest.NewServer(append(mall.FakeOptions(), jushuitantest.WithoutQuota())...)
	t.Cleanup(erp.Close)
	require.NoError(t, demo.Furnish(erp))
	require.NoError(t, flows.Furnish(erp))
	book := ledger{}
	for _, wms := range []int64{demo.MainWarehouse, demo.StoreWarehouse, flows.SouthStores} {
		for _, sku := range []string{demo.TeeM, demo.TeeL} {
			require.NoError(t, erp.SetStock(wms, sku, decimal.NewFromInt(2000)))
			book[place(wms, dianjia.SlotMain, sku)] = 2000
		}
	}
	client, err := erp.Client(jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: 1}))
	require.NoError(t, err)
	return erp, client.ForMerchant(demo.Merchant), book
}

// compare checks the fake's stock against the ledger.
func compare(t *testing.T, erp *jushuitantest.Server, book ledger, day int) {
	t.Helper()
	for _, wms := range []int64{demo.MainWarehouse, demo.StoreWarehouse, flows.SouthStores} {
		rows := map[string]jushuitan.InventoryRow{}
		for _, row := range erp.Stock(wms) {
			rows[row.SKUID] = row
		}
		for _, sku := range []string{demo.TeeM, demo.TeeL} {
			require.Equal(t, fmt.Sprint(book[place(wms, dianjia.SlotMain, sku)]), rows[sku].Qty.String(), "day %d: stock of %s in %d", day, sku, wms)
			require.True(t, rows[sku].AllocateQty.IsZero(), "day %d: nothing of %s is in transit to %d: %s", day, sku, wms, rows[sku].AllocateQty)
			require.Equal(t, fmt.Sprint(book[place(wms, dianjia.SlotSalesReturn, sku)]), rows[sku].ReturnQty.Add(decimal.New(0, 0)).String(), "day %d: returns of %s in %d", day, sku, wms)
		}
	}
}

// TestHundredDaysOfTransfers drives allocations and transfers the other way, in which a store
// returns goods, through 100 days of partial shipments, cancels, short and surplus receipts, and
// receivers that refuse all, each compared with the ledger.
func TestHundredDaysOfTransfers(t *testing.T) {
	erp, client, book := days(t)
	host := &allocate.Host{Client: client, Seen: erp.Now()}
	rng := rand.New(rand.NewPCG(22, 100))
	ends := []string{flows.HeadWarehouse, "S01", "S11"}
	for day := range 100 {
		from, to := rng.IntN(3), rng.IntN(3)
		if from == to {
			to = (to + 1) % 3
		}
		transfer := &dianjia.Transfer{EntID: demo.Merchant, TransferNo: fmt.Sprintf("T-%d", day), Kind: dianjia.TransferAllocation, FromCode: ends[from], ToCode: ends[to],
			Items: flows.Qtys{demo.TeeM: 1 + rng.Int64N(9), demo.TeeL: 1 + rng.Int64N(9)}.Items()}
		plan, err := mapping.PlanTransfer(transfer, flows.Stores(), flows.Warehouses())
		require.NoError(t, err)
		ioID, err := host.Upload(t.Context(), plan)
		require.NoError(t, err)
		if rng.IntN(5) == 0 {
			require.NoError(t, host.Cancel(t.Context(), ioID), "day %d", day)
			compare(t, erp, book, day)
			continue
		}
		shipped, received := flows.Qtys{}, flows.Qtys{}
		for _, it := range transfer.Items {
			shipped[it.SKUCode] = rng.Int64N(it.Qty.IntPart() + 1)
		}
		shipped[demo.TeeM] = max(shipped[demo.TeeM], 1)
		for sku, n := range shipped {
			if n > 0 { // a line that was not shipped is not in the incoming document
				received[sku] = rng.Int64N(n + 2) // at most one more than was shipped
			}
		}
		refused := day%7 == 3
		if refused || received[demo.TeeM]+received[demo.TeeL] == 0 {
			received = flows.Qtys{demo.TeeM: shipped[demo.TeeM]}
			if n := shipped[demo.TeeL]; n > 0 {
				received[demo.TeeL] = n
			}
		}
		require.NoError(t, erp.ShipTransfer(ioID, shipped.Decimals()))
		if rng.IntN(2) == 0 {
			require.Error(t, host.Cancel(t.Context(), ioID), "day %d: the goods have left", day)
		}
		require.NoError(t, erp.ReceiveTransfer(ioID, received.Decimals()))
		now, err := host.Read(t.Context(), transfer, ioID)
		require.NoError(t, err)
		require.Equal(t, mapping.TransferReceived, now.State, "day %d", day)
		for _, it := range now.Transfer.Items {
			require.Equal(t, fmt.Sprint(shipped[it.SKUCode], received[it.SKUCode]), fmt.Sprint(it.Shipped.IntPart(), it.Received.IntPart()), "day %d: %s", day, it.SKUCode)
			book[place(plan.From.WMSCoID, plan.From.Slot, it.SKUCode)] -= shipped[it.SKUCode]
			book[place(plan.To.WMSCoID, plan.To.Slot, it.SKUCode)] += received[it.SKUCode]
		}
		for _, d := range now.Differences() {
			require.Equal(t, shipped[d.SKUCode]-received[d.SKUCode], d.NotReceived.IntPart(), "day %d", day)
		}
		// What was not received goes back to the sender with a difference document.
		require.NoError(t, host.Settle(t.Context(), &now, func(_ int64, it jushuitan.TransferCreateDifferenceItem) {
			book[place(plan.From.WMSCoID, plan.From.Slot, it.SKUID)] += it.Qty.IntPart()
		}))
		compare(t, erp, book, day)
		if !refused {
			continue
		}
		// The receiver refuses the goods, which go back as a transfer of its own.
		back := &dianjia.Transfer{
			EntID: demo.Merchant, TransferNo: transfer.TransferNo + "-back", Kind: dianjia.TransferReturn, FromCode: transfer.ToCode, ToCode: transfer.FromCode,
			Items: received.Items(),
		}
		reverse, err := mapping.PlanTransfer(back, flows.Stores(), flows.Warehouses())
		require.NoError(t, err)
		backID, err := host.Upload(t.Context(), reverse)
		require.NoError(t, err)
		require.NoError(t, erp.ShipTransfer(backID, nil))
		require.NoError(t, erp.ReceiveTransfer(backID, nil))
		changed, err := host.Poll(t.Context(), erp.Now(), map[int64]*dianjia.Transfer{backID: back})
		require.NoError(t, err)
		require.Equal(t, mapping.TransferReceived, changed[backID].State, "day %d", day)
		for sku, n := range received {
			book[place(reverse.From.WMSCoID, reverse.From.Slot, sku)] -= n
			book[place(reverse.To.WMSCoID, reverse.To.Slot, sku)] += n
		}
		compare(t, erp, book, day)
	}
}

// TestHundredDaysOfReturns drives store returns through 100 days of short and surplus counts,
// missing goods, cancels, and goods that go back on sale, each compared with the ledger.
func TestHundredDaysOfReturns(t *testing.T) {
	erp, client, book := days(t)
	host := &returns.Host{Client: client, Seen: erp.Now()}
	rng := rand.New(rand.NewPCG(22, 101))
	for day := range 100 {
		back := &dianjia.Transfer{EntID: demo.Merchant, TransferNo: fmt.Sprintf("R-%d", day), Kind: dianjia.TransferReturn, FromCode: "S01", ToCode: dianjia.ReturnWarehouseCode,
			Items: flows.Qtys{demo.TeeM: 1 + rng.Int64N(9), demo.TeeL: 1 + rng.Int64N(9)}.Items()}
		for i := range back.Items {
			back.Items[i].Shipped = back.Items[i].Qty
		}
		plan, err := mapping.PlanTransfer(returns.Packed(back), flows.Stores(), flows.Warehouses())
		require.NoError(t, err)
		ioID, err := host.Upload(t.Context(), plan)
		require.NoError(t, err)
		if rng.IntN(5) == 0 {
			require.NoError(t, host.Cancel(t.Context(), back, demo.MainWarehouse))
			compare(t, erp, book, day)
			continue
		}
		counted := flows.Qtys{}
		for _, it := range back.Items {
			counted[it.SKUCode] = rng.Int64N(it.Qty.IntPart() + 2)
		}
		counted[demo.TeeL] = max(counted[demo.TeeL], 1) // a count of nothing at all is refused
		require.NoError(t, erp.ConfirmOtherInOut(ioID, counted.Decimals()))
		require.Error(t, host.Cancel(t.Context(), back, demo.MainWarehouse), "day %d: it was counted", day)
		now, err := host.Read(t.Context(), back, ioID)
		require.NoError(t, err)
		for _, it := range now.Transfer.Items {
			require.Equal(t, counted[it.SKUCode], it.Received.IntPart(), "day %d", day)
			book[place(demo.MainWarehouse, dianjia.SlotSalesReturn, it.SKUCode)] += counted[it.SKUCode]
		}
		compare(t, erp, book, day)
		good := rng.Int64N(counted[demo.TeeM] + 1)
		if good == 0 {
			continue
		}
		// What can be sold again moves to the main slot.
		again, err := mapping.PlanTransfer(&dianjia.Transfer{
			EntID: demo.Merchant, TransferNo: fmt.Sprintf("U-%d", day), Kind: dianjia.TransferReturn, FromCode: dianjia.ReturnWarehouseCode, ToCode: flows.HeadWarehouse,
			Items: flows.Qtys{demo.TeeM: good}.Items(),
		}, flows.Stores(), flows.Warehouses())
		require.NoError(t, err)
		_, err = host.Restock(t.Context(), again)
		require.NoError(t, err, "day %d", day)
		book[place(demo.MainWarehouse, dianjia.SlotSalesReturn, demo.TeeM)] -= good
		book[place(demo.MainWarehouse, dianjia.SlotMain, demo.TeeM)] += good
		compare(t, erp, book, day)
	}
}

// TestHundredDaysOfReplenishments drives replenishments through 100 days of requests that are
// cancelled, shipped short, asked for again, and lost on the way. The warehouse's stock, the
// store's, and its sum in Jushuitan equal the ledger.
func TestHundredDaysOfReplenishments(t *testing.T) {
	erp, client, book := days(t)
	host := &replenish.Host{Client: client}
	rng := rand.New(rand.NewPCG(22, 102))
	store := flows.Qtys{demo.TeeM: 0, demo.TeeL: 0}
	for day := range 100 {
		asked := &dianjia.Transfer{EntID: demo.Merchant, TransferNo: fmt.Sprintf("B-%d", day), Kind: dianjia.TransferReplenishment, FromCode: flows.HeadWarehouse, ToCode: "S01",
			Items: flows.Qtys{demo.TeeM: 1 + rng.Int64N(9), demo.TeeL: 1 + rng.Int64N(9)}.Items()}
		plan, err := mapping.PlanTransfer(asked, flows.Stores(), flows.Warehouses())
		require.NoError(t, err)
		ioID, err := host.Upload(t.Context(), plan)
		require.NoError(t, err)
		if rng.IntN(5) == 0 {
			require.NoError(t, host.Cancel(t.Context(), asked, demo.MainWarehouse))
			now, err := host.Read(t.Context(), asked, ioID)
			require.NoError(t, err)
			require.Equal(t, mapping.TransferCancelled, now.State, "day %d", day)
			compare(t, erp, book, day)
			continue
		}
		for attempt := 2; ; attempt++ { // what is missing is asked for again
			shipped := flows.Qtys{}
			for _, it := range asked.Items {
				shipped[it.SKUCode] = rng.Int64N(it.Qty.IntPart() + 1)
			}
			shipped[asked.Items[0].SKUCode] = max(shipped[asked.Items[0].SKUCode], 1)
			require.NoError(t, erp.ConfirmOtherInOut(ioID, shipped.Decimals()))
			require.Error(t, host.Cancel(t.Context(), asked, demo.MainWarehouse), "day %d: the goods have left", day)
			now, err := host.Read(t.Context(), asked, ioID)
			require.NoError(t, err)
			now.State = mapping.TransferReceived
			for i := range now.Transfer.Items {
				it := &now.Transfer.Items[i]
				require.Equal(t, shipped[it.SKUCode], it.Shipped.IntPart(), "day %d", day)
				book[place(demo.MainWarehouse, dianjia.SlotMain, it.SKUCode)] -= shipped[it.SKUCode]
				it.Received = decimal.NewFromInt(rng.Int64N(shipped[it.SKUCode] + 1))
				store[it.SKUCode] += it.Received.IntPart()
			}
			for _, d := range now.Differences() {
				require.Equal(t, d.Asked.Sub(d.Shipped).String()+" "+d.Shipped.Sub(d.Received).String(), d.NotShipped.String()+" "+d.NotReceived.String(), "day %d", day)
			}
			rest, some := now.Remaining(attempt)
			require.Equal(t, slices.ContainsFunc(asked.Items, func(it dianjia.TransferItem) bool { return it.Qty.IntPart() > shipped[it.SKUCode] }), some, "day %d", day)
			if !some || attempt > 3 {
				break
			}
			asked = &rest
			if plan, err = mapping.PlanTransfer(asked, flows.Stores(), flows.Warehouses()); err == nil {
				ioID, err = host.Upload(t.Context(), plan)
			}
			require.NoError(t, err, "day %d", day)
		}
		compare(t, erp, book, day)
		_, err = host.PushStock(t.Context(), flows.Stores()[:1], store.Rows("S01"))
		require.NoError(t, err)
		for _, row := range erp.Stock(demo.StoreWarehouse) {
			if n, ok := store[row.SKUID]; ok {
				require.Equal(t, fmt.Sprint(n), row.VirtualQty.String(), "day %d: sum of %s in Jushuitan", day, row.SKUID)
			}
		}
	}
}

// TestHundredDaysOfStoreTransfers drives transfers between stores through 100 days: of one
// virtual warehouse, where Jushuitan sees only what gets lost, and of different ones, with short
// packing, cancels, losses, and the other way, in which refused goods go back. Every store, and the sums in Jushuitan, equal
// the ledger.
func TestHundredDaysOfStoreTransfers(t *testing.T) {
	erp, client, _ := days(t)
	rng := rand.New(rand.NewPCG(22, 105))
	stores, skus := []string{"S01", "S02", "S11"}, []string{demo.TeeM, demo.TeeL}
	host := &storetransfer.Host{Host: allocate.Host{Client: client, Seen: erp.Now()}, Stores: flows.Stores(), Stock: map[string]map[string]decimal.Decimal{}}
	own := map[string]flows.Qtys{}
	for _, code := range stores {
		own[code] = flows.Qtys{demo.TeeM: 500, demo.TeeL: 500}
		host.Stock[code] = own[code].Decimals()
	}
	same := func(day int) {
		t.Helper()
		_, err := host.PushStock(t.Context(), fmt.Sprintf("DAY-%d", day))
		require.NoError(t, err)
		sums := map[string]int64{}
		for _, b := range flows.Stores() {
			for _, sku := range skus {
				require.Equal(t, fmt.Sprint(own[b.StoreCode][sku]), host.Stock[b.StoreCode][sku].String(), "day %d: %s of %s", day, sku, b.StoreCode)
				sums[place(b.WMSCoID, dianjia.SlotMain, sku)] += own[b.StoreCode][sku]
			}
		}
		for _, wms := range []int64{demo.StoreWarehouse, flows.SouthStores} {
			for _, row := range erp.Stock(wms) {
				if slices.Contains(skus, row.SKUID) {
					require.Equal(t, fmt.Sprint(sums[place(wms, dianjia.SlotMain, row.SKUID)]), row.Qty.String(), "day %d: %s in %d", day, row.SKUID, wms)
				}
			}
		}
	}
	same(-1)
	for day := range 100 {
		i := rng.IntN(3)
		from, to := stores[i], stores[(i+1+rng.IntN(2))%3]
		transfer := &dianjia.Transfer{
			EntID: demo.Merchant, TransferNo: fmt.Sprintf("D-%d", day), Kind: dianjia.TransferBetweenStores, FromCode: from, ToCode: to,
			Items: flows.Qtys{demo.TeeM: 1 + rng.Int64N(9), demo.TeeL: 1 + rng.Int64N(9)}.Items(),
		}
		shipped, received := flows.Qtys{}, flows.Qtys{}
		for _, it := range transfer.Items {
			shipped[it.SKUCode] = 1 + rng.Int64N(it.Qty.IntPart())
			received[it.SKUCode] = shipped[it.SKUCode] - rng.Int64N(2)
		}
		received[demo.TeeL] = max(received[demo.TeeL], 1)
		plan, err := mapping.PlanTransfer(transfer, host.Stores, flows.Warehouses())
		require.NoError(t, err)
		now := mapping.TransferProgress{Transfer: *transfer, State: mapping.TransferReceived}
		if plan.Route() == mapping.RouteNone {
			for i := range now.Transfer.Items {
				it := &now.Transfer.Items[i]
				it.Shipped, it.Received = decimal.NewFromInt(shipped[it.SKUCode]), decimal.NewFromInt(received[it.SKUCode])
			}
		} else {
			ioID, err := host.Upload(t.Context(), plan)
			require.NoError(t, err)
			if rng.IntN(5) == 0 {
				require.NoError(t, host.Cancel(t.Context(), ioID), "day %d", day)
				same(day)
				continue
			}
			require.NoError(t, host.Confirm(t.Context(), ioID, plan.From, shipped.Items()), "day %d", day)
			require.Error(t, host.Cancel(t.Context(), ioID), "day %d: the goods have left", day)
			now, err = host.Read(t.Context(), transfer, ioID)
			require.NoError(t, err)
			require.NoError(t, erp.ReceiveTransfer(now.InIOID, received.Decimals()), "day %d", day)
			now, err = host.Read(t.Context(), transfer, ioID)
			require.NoError(t, err)
			require.Equal(t, mapping.TransferReceived, now.State, "day %d", day)
		}
		host.Move(&now)
		for _, sku := range skus {
			own[from][sku] -= shipped[sku]
			own[to][sku] += received[sku]
		}
		if plan.Route() != mapping.RouteNone {
			require.NoError(t, host.Settle(t.Context(), &now, func(_ int64, it jushuitan.TransferCreateDifferenceItem) {
				host.Stock[from][it.SKUID] = host.Stock[from][it.SKUID].Add(it.Qty) // what did not arrive goes back
				own[from][it.SKUID] += shipped[it.SKUID] - received[it.SKUID]
			}))
		}
		same(day)
	}
}

// TestHundredDaysOfStoreShipping drives online orders through 100 days: stores are allocated,
// refuse and ship, orders that every store refuses go to a warehouse that ships them in parcels,
// and orders are cancelled. The stores' stock, its sum in Jushuitan, the warehouse's stock and the
// documents equal the ledger.
func TestHundredDaysOfStoreShipping(t *testing.T) {
	erp, client, main := days(t)
	host := &storeship.Host{Client: client}
	require.NoError(t, host.LoadCarriers(t.Context()))
	rng := rand.New(rand.NewPCG(22, 103))
	stores, skus := flows.Stores()[:2], []string{demo.TeeM, demo.TeeL}
	stock, book, done := map[string]flows.Qtys{"S01": {demo.TeeM: 60, demo.TeeL: 60}, "S02": {demo.TeeM: 60, demo.TeeL: 60}}, flows.Qtys{demo.TeeM: 120, demo.TeeL: 120}, 0
	allocator := mapping.StoreAllocator{Stores: stores}
	rows := func() []dianjia.StockRow { return append(stock["S01"].Rows("S01"), stock["S02"].Rows("S02")...) }
	push := func(number string) {
		t.Helper()
		sums, err := mapping.SumStoreStock(stores, rows(), mapping.StoreStockRules{})
		require.NoError(t, err)
		for _, r := range mapping.StocktakeRequests(sums.Rows, number, "店加门店库存汇总") {
			_, err := client.Stocktakes.Upload(t.Context(), r)
			require.NoError(t, err)
		}
	}
	same := func(day int) {
		t.Helper()
		for _, wms := range []int64{demo.StoreWarehouse, demo.MainWarehouse} {
			for _, row := range erp.Stock(wms) {
				want := main[place(wms, dianjia.SlotMain, row.SKUID)]
				if wms == demo.StoreWarehouse {
					want = book[row.SKUID]
				}
				if slices.Contains(skus, row.SKUID) {
					require.Equal(t, fmt.Sprint(want), row.Qty.String(), "day %d: %s in %d", day, row.SKUID, wms)
				}
			}
		}
		for _, sku := range skus {
			require.Equal(t, book[sku], stock["S01"][sku]+stock["S02"][sku], "day %d: %s", day, sku)
		}
	}
	push("BEGIN")
	same(-1)
	for day := range 100 {
		order := jushuitan.OrderUpload{ShopID: demo.PlatformShop, SoID: fmt.Sprintf("DY-%d", day)}
		for _, sku := range skus[:1+rng.IntN(2)] {
			order.Items = append(order.Items, jushuitan.OrderUploadItem{SKUID: sku, Qty: decimal.NewFromInt(1 + rng.Int64N(2)), Price: decimal.NewFromInt(59)})
		}
		oID, err := erp.ImportOrder(order)
		require.NoError(t, err)
		ioID, err := erp.AssignOrder(oID, demo.StoreWarehouse)
		require.NoError(t, err)
		doc, err := host.Outbound(t.Context(), ioID)
		require.NoError(t, err)
		refused := [][]string{nil, nil, {"S01"}, {"S01"}, {"S02"}, {"S02", "S01"}}[rng.IntN(6)]
		mine := mapping.OrderOfOutbound(demo.Merchant, doc)
		found := allocator.Allocate(demo.StoreWarehouse, mine.Items, rows(), refused...)
		if len(refused) == 2 {
			require.Empty(t, found.Parts, "day %d: %s", day, found.Why)
			require.NoError(t, client.Orders.AssignWarehouse(t.Context(), []jushuitan.OrderAssignWarehouseRequest{{OID: oID, WMSCoID: demo.MainWarehouse}}))
			require.Error(t, host.Ship(t.Context(), doc, "圆通速递", fmt.Sprintf("YT%d", day)), "day %d: the store's document is void", day)
			moved, ok := erp.OutboundOfOrder(oID)
			require.True(t, ok)
			for _, it := range order.Items { // a parcel for each line
				require.NoError(t, erp.ShipOutbound(moved.IOID, jushuitantest.Parcel{LCID: "YTO", LID: fmt.Sprintf("YT%d-%s", day, it.SKUID), Lines: map[string]decimal.Decimal{it.SKUID: it.Qty}}))
				main[place(demo.MainWarehouse, dianjia.SlotMain, it.SKUID)] -= it.Qty.IntPart()
			}
			done++
			same(day)
			continue
		}
		require.True(t, found.Whole(), "day %d: %s", day, found.Why)
		store := found.Parts[0].StoreCode
		require.Equal(t, slices.Contains(refused, "S01"), store == "S02", "day %d: the designated store unless it refused", day)
		if rng.IntN(5) == 0 {
			require.NoError(t, erp.CancelOrder(oID, "买家取消"))
			require.Error(t, host.Ship(t.Context(), doc, "圆通速递", fmt.Sprintf("YT%d", day)), "day %d: it was cancelled", day)
			same(day)
			continue
		}
		require.NoError(t, host.Ship(t.Context(), doc, "圆通速递", fmt.Sprintf("YT%d", day)))
		require.NoError(t, host.Ship(t.Context(), doc, "圆通速递", fmt.Sprintf("YT%d", day)), "the job ran twice")
		done++
		for _, it := range mine.Items {
			stock[store][it.SKUCode] -= it.Qty.IntPart()
		}
		for _, it := range order.Items {
			book[it.SKUID] -= it.Qty.IntPart()
		}
		same(day) // Jushuitan deducts what was shipped: no push is needed
		for _, sku := range skus {
			if stock[store][sku] < 10 {
				stock[store][sku], book[sku] = stock[store][sku]+60, book[sku]+60
				push(fmt.Sprintf("GOODS-IN-%d-%s", day, sku))
			}
		}
		same(day)
	}
	shipped := 0
	for _, d := range erp.Outbounds() {
		if mapping.OutboundStateOf(d.Status) == mapping.OutboundShipped {
			shipped++
		}
	}
	require.Equal(t, done, shipped, "documents shipped")
}

// returned is a return of the mall in the ledger.
type returned struct {
	kind     dianjia.ReturnKind
	refund   decimal.Decimal
	received flows.Qtys // so far
	whole    bool
}

// mallDays is the state of the mall's 100 days.
type mallDays struct {
	*testing.T
	erp     *jushuitantest.Server
	client  *jushuitan.Client
	host    *mall.Host
	rng     *rand.Rand
	book    ledger
	down    atomic.Bool // pushes do not get through
	returns map[string]*returned
}

// comesBack lets the buyer of a shipped order send back some of it, or ask for money only. The
// warehouse receives it in one or two parts, and may undo that and receive it again.
func (d *mallDays) comesBack(day int, number string, ordered flows.Qtys) {
	r := &dianjia.Return{
		EntID: demo.Merchant, ShopID: demo.MallShop, OrderNo: number, ReturnNo: "RET-" + number, Kind: dianjia.ReturnGoods,
		State: dianjia.ReturnSent, Goods: dianjia.GoodsSentBack, Reason: "七天无理由退货",
	}
	mine := &returned{received: flows.Qtys{}}
	for i, sku := range []string{demo.TeeL, demo.TeeM} {
		r.Total = r.Total.Add(decimal.NewFromInt(59 * ordered[sku]))
		n := d.rng.Int64N(ordered[sku] + 1)
		if n == 0 {
			continue
		}
		part := decimal.NewFromInt(59 * n).Sub(decimal.New(d.rng.Int64N(500), -2)) // not all of the price
		r.Items = append(r.Items, dianjia.ReturnItem{LineNo: fmt.Sprint(i + 1), SKUCode: sku, Qty: decimal.NewFromInt(n), Amount: part})
		r.Refund = r.Refund.Add(part)
	}
	if len(r.Items) == 0 {
		return
	}
	if d.rng.IntN(4) == 0 {
		r.Kind, r.State, r.Goods = dianjia.ReturnRefund, dianjia.ReturnAsked, dianjia.GoodsWithBuyer
	}
	mine.kind, mine.refund, d.returns[r.ReturnNo] = r.Kind, r.Refund, mine
	asID, err := d.host.Return(d.Context(), r)
	require.NoError(d, err)
	if r.Kind == dianjia.ReturnRefund {
		require.Error(d, d.erp.ReceiveReturn(asID), "day %d: no goods come back", day)
		return
	}
	steps := [][]string{{"all"}, {"part", "all"}, {"all", "undo"}, {"part", "undo", "all"}, {"all", "undo", "all"}, {"part"}, {}}[d.rng.IntN(7)]
	for _, step := range steps {
		d.down.Store(d.rng.IntN(4) == 0)
		one := &r.Items[d.rng.IntN(len(r.Items))]
		sku, first := one.SKUCode, one.Qty.IntPart()
		now := flows.Qtys{}
		switch step {
		case "part":
			now[sku] = 1
			_, err := d.client.AfterSales.ConfirmGoods(d.Context(), []jushuitan.AfterSaleConfirmGoodsRequest{{
				ASID: asID, ReturnID: fmt.Sprint(r.ReturnNo, len(steps)), Items: []jushuitan.AfterSaleConfirmGoodsItem{{SKUID: sku, Qty: decimal.NewFromInt(1)}},
			}})
			require.NoError(d, err, "day %d", day)
		case "all":
			for _, it := range r.Items {
				now[it.SKUCode] = it.Qty.IntPart()
			}
			if first == 1 && len(r.Items) == 1 && mine.received[sku] == 1 {
				require.Error(d, d.erp.ReceiveReturn(asID), "day %d: all of it is there", day)
			} else {
				require.NoError(d, d.erp.ReceiveReturn(asID), "day %d", day)
			}
		case "undo":
			require.NoError(d, d.erp.RevokeReturn(asID), "day %d", day)
		}
		require.NoError(d, d.erp.WaitPushes(d.Context()))
		for _, it := range r.Items {
			d.book[place(demo.MainWarehouse, dianjia.SlotSalesReturn, it.SKUCode)] += now[it.SKUCode] - mine.received[it.SKUCode]
		}
		mine.received, mine.whole = now, step == "all" || step == "part" && first == 1 && len(r.Items) == 1
		d.down.Store(d.rng.IntN(4) == 0)
		again, err := d.host.Return(d.Context(), r)
		require.NoError(d, err)
		require.Equal(d, asID, again, "day %d: the job ran twice", day)
	}
}

// TestHundredDaysOfMallOrders drives mall orders through 100 days: the buyer or the warehouse
// cancels some, some go out in two parcels, some come back in whole or in part, receipts are
// undone, and pushes are lost on the way until they are reconciled. The mall's orders, returns
// and refunds, the ERP's documents and its stock equal the ledger.
func TestHundredDaysOfMallOrders(t *testing.T) {
	erp, client, book := days(t)
	host, err := mall.New(client, erp.Now)
	require.NoError(t, err)
	d := &mallDays{T: t, erp: erp, client: client, host: host, rng: rand.New(rand.NewPCG(22, 104)), book: book, returns: map[string]*returned{}}
	rng := d.rng
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if d.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		host.Receiver.ServeHTTP(w, req)
	}))
	defer web.Close()
	urls := dianjia.URLBuilder{BaseURL: web.URL + "/dex/jushuitan/", Secret: host.Secret}
	for _, kind := range []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned} {
		address, err := urls.URL(dianjia.PushURL{Kind: kind, EntID: demo.Merchant, StorageCode: fmt.Sprint(demo.MallShop)})
		require.NoError(t, err)
		require.NoError(t, erp.RegisterPush(demo.MallShop, kind, address))
	}

	shipped, cancelled, from, lost, parcels := map[string]flows.Qtys{}, map[string]bool{}, erp.Now(), 0, 0
	for day := range 100 {
		number, ordered := fmt.Sprintf("MALL-%d", day), flows.Qtys{demo.TeeM: 1 + rng.Int64N(3), demo.TeeL: 1 + rng.Int64N(3)}
		var lines []dianjia.OrderItem
		for i, it := range ordered.Items() {
			price := decimal.NewFromInt(59)
			lines = append(lines, dianjia.OrderItem{LineNo: fmt.Sprint(i + 1), SKUCode: it.SKUCode, Name: it.SKUCode, Qty: it.Qty, Price: price, Amount: price.Mul(it.Qty)})
		}
		oID, err := host.Upload(t.Context(), number, lines...)
		require.NoError(t, err)
		again, err := host.Upload(t.Context(), number, lines...)
		require.NoError(t, err)
		require.Equal(t, oID, again, "day %d: the job ran twice", day)
		ioID, err := erp.AssignOrder(oID, demo.MainWarehouse)
		require.NoError(t, err)
		cancel := &jushuitan.OrderCancelRequest{OIDs: []int64{oID}, CancelType: "客户取消", Remark: "不想要了"}
		d.down.Store(rng.IntN(4) == 0)
		switch who := rng.IntN(10); {
		case who < 2:
			_, err := client.Orders.Cancel(t.Context(), cancel)
			require.NoError(t, err)
		case who == 2:
			require.NoError(t, erp.CancelOrder(oID, "缺货"), "the warehouse cannot ship it")
		}
		require.NoError(t, erp.WaitPushes(t.Context()))
		if o, _ := erp.Order(oID); mapping.OrderStateOf(o.Status) == mapping.OrderCancelled {
			cancelled[number] = true
			compare(t, erp, book, day)
		} else {
			first := flows.Qtys{}
			if rng.IntN(3) == 0 {
				first[demo.TeeM] = ordered[demo.TeeM]
			}
			for i, part := range []flows.Qtys{first, nil} {
				if i == 0 && len(part) == 0 {
					continue
				}
				p := jushuitantest.Parcel{LCID: "YTO", LID: fmt.Sprintf("YT%d-%d", day, i)}
				if part != nil {
					p.Lines = part.Decimals()
				}
				require.NoError(t, erp.ShipOutbound(ioID, p))
				require.NoError(t, erp.WaitPushes(t.Context()))
				if parcels++; d.down.Load() {
					lost++
				}
			}
			_, err = client.Orders.Cancel(t.Context(), cancel)
			require.Error(t, err, "day %d: the goods have left", day)
			shipped[number] = ordered
			for sku, n := range ordered {
				book[place(demo.MainWarehouse, dianjia.SlotMain, sku)] -= n
			}
			if rng.IntN(2) == 0 {
				d.comesBack(day, number, ordered)
			}
			compare(t, erp, book, day)
		}
		d.down.Store(false)
		erp.Advance(24 * time.Hour)
		if day%10 == 9 {
			found := 0
			require.NoError(t, host.Reconcile(t.Context(), demo.MallShop, from, func(diff *callback.Difference, err error) {
				require.NoError(t, err, "day %d: %v", day, diff)
				if diff.Method == jushuitan.PushShipment {
					found++
				}
			}))
			require.Equal(t, lost, found, "day %d: lost pushes", day)
			lost, from = 0, erp.Now()
		}
	}
	require.NoError(t, host.Reconcile(t.Context(), demo.MallShop, from, func(_ *callback.Difference, err error) { require.NoError(t, err) }))
	seen := 0
	for day := range 100 {
		number := fmt.Sprintf("MALL-%d", day)
		o, all := host.State(number)
		require.Equal(t, cancelled[number], o.Cancelled, number)
		require.Equal(t, !cancelled[number], all, number)
		seen += len(o.Parcels)
		for sku, n := range shipped[number] {
			require.Equal(t, fmt.Sprint(n), o.Shipped[sku].String(), "%s: %s", number, sku)
		}
	}
	require.Equal(t, parcels, seen, "parcels booked once each")

	due, paid := decimal.Decimal{}, decimal.Decimal{}
	for number, want := range d.returns {
		r, refund := host.Refunds(number)
		paid = paid.Add(refund)
		for _, it := range r.Items {
			require.Equal(t, fmt.Sprint(want.received[it.SKUCode]), it.Received.String(), "%s: %s", number, it.SKUCode)
		}
		if want.whole || want.kind == dianjia.ReturnRefund {
			due = due.Add(want.refund)
		}
	}
	require.Equal(t, due.String(), paid.String(), "refunds")
	require.Greater(t, len(d.returns), 20)
}
