package mapping_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// TestOutboundBecomesOrder: an outbound document becomes the order of the store with all its
// parts, unknown ones too, and the order becomes the shipment.
func TestOutboundBecomesOrder(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	doc := &jushuitan.Outbound{
		IOID: 7, OID: 8, SoID: "DY-1", ShopID: 5, WMSCoID: 10100088, Created: at, PayDate: at, PayAmount: dec("99"), FreeAmount: dec("1"), Freight: dec("0"),
		ReceiverName: "林一", ReceiverMobile: "13900000001", ReceiverAddress: "示例路8号", ReceiverCity: "杭州市",
		Items: []jushuitan.OutboundItem{{SKUID: "A", OuterOIID: "1", Name: "甲", Qty: dec("2"), SalePrice: dec("50"), SaleAmount: dec("100"), SaleBasePrice: dec("60")}, {SKUID: "G", OIID: 44, Qty: dec("1"), IsGift: true}},
		Extra: map[string]json.RawMessage{"new_member": json.RawMessage(`"x"`)},
	}
	o := mapping.OrderOfOutbound("10010", doc)
	assert.Equal(t, "10010 DY-1 5 99 1 杭州市", fmt.Sprint(o.EntID, " ", o.OrderNo, " ", o.ShopID, " ", o.Amount, " ", o.Discount, " ", o.ReceiverCity))
	require.Len(t, o.Items, 2)
	assert.Equal(t, "1 A 2 50 100 60 false", fmt.Sprint(o.Items[0].LineNo, " ", o.Items[0].SKUCode, " ", o.Items[0].Qty, " ", o.Items[0].Price, " ", o.Items[0].Amount, " ", o.Items[0].BasePrice, " ", o.Items[0].IsGift))
	assert.Equal(t, "44 true", fmt.Sprint(o.Items[1].LineNo, " ", o.Items[1].IsGift))
	assert.JSONEq(t, `"x"`, string(o.Extra["new_member"]), "unknown parts are kept")

	o.CarrierName = "圆通速递"
	_, err := mapping.OutboundShipment(doc, &o, mapping.DefaultCarriers())
	require.ErrorContains(t, err, "waybill number is missing")
	o.WaybillNo = "YT1"
	ship, err := mapping.OutboundShipment(doc, &o, mapping.DefaultCarriers())
	require.NoError(t, err)
	assert.Equal(t, jushuitan.OutboundShipRequest{IOID: 7, WMSCoID: 10100088, LCID: "YTO", LCName: "圆通速递", LID: "YT1"}, ship)
	o.CarrierName = "某某专线"
	_, err = mapping.OutboundShipment(doc, &o, mapping.DefaultCarriers())
	var unknown *mapping.UnknownCarrierError
	require.ErrorAs(t, err, &unknown)
	o.OrderNo = "DY-2"
	_, err = mapping.OutboundShipment(doc, &o, mapping.DefaultCarriers())
	require.ErrorContains(t, err, `order "DY-1"`)

	// An order that was uploaded comes back as it was.
	first := mallOrder()
	row, err := mapping.OrderUpload(first, mallPayment())
	require.NoError(t, err)
	back := mapping.OrderOf("10010", &jushuitan.Order{
		SoID: row.SoID, ShopID: row.ShopID, OrderDate: row.OrderDate, PayDate: row.Pay.PayDate, PayAmount: row.PayAmount, Freight: row.Freight, ReceiverName: row.ReceiverName,
		ReceiverMobile: row.ReceiverMobile, ReceiverAddress: row.ReceiverAddress,
		Items: []jushuitan.OrderItem{{SKUID: "A", Name: "短袖", Qty: row.Items[0].Qty, Price: row.Items[0].Price, Amount: row.Items[0].Amount, OuterOIID: "1"}},
	})
	first.BuyerID = "" // Jushuitan does not return it
	assert.Equal(t, *first, back)
}

func mallReturn() *dianjia.Return {
	return &dianjia.Return{
		EntID: "10010", ReturnNo: "RET-1", OrderNo: "MALL-1", ShopID: 10350, Kind: dianjia.ReturnGoods, State: dianjia.ReturnAgreed, Goods: dianjia.GoodsSentBack,
		Reason: "七天无理由退货", Total: dec("128"), Refund: dec("59"), Items: []dianjia.ReturnItem{{LineNo: "1", SKUCode: "A", Qty: dec("2"), Amount: dec("59")}},
	}
}

// TestReturns: a return with a partial refund is uploaded, and the pushes about its goods are
// booked, also in parts and revoked.
func TestReturns(t *testing.T) {
	row, err := mapping.AfterSaleUpload(mallReturn())
	require.NoError(t, err)
	assert.Equal(t, "RET-1 普通退货 WAIT_BUYER_RETURN_GOODS BUYER_RETURNED_GOODS 128 59 退货", fmt.Sprint(row.OuterASID, " ", row.Type, " ", row.ShopStatus, " ", row.GoodStatus, " ", row.TotalAmount, " ", row.Refund, " ", row.Items[0].Type))
	for want, change := range map[string]func(*dianjia.Return){
		"the return number":        func(r *dianjia.Return) { r.ReturnNo = "" },
		"kind":                     func(r *dianjia.Return) { r.Kind = "吵架" },
		"goods state":              func(r *dianjia.Return) { r.Goods = "" },
		"reason":                   func(r *dianjia.Return) { r.Reason = "" },
		"no lines":                 func(r *dianjia.Return) { r.Items = nil },
		"whole number":             func(r *dianjia.Return) { r.Items[0].Qty = dec("0.5") },
		"more than 2 decimals":     func(r *dianjia.Return) { r.Refund = dec("59.001") },
		"negative":                 func(r *dianjia.Return) { r.Items[0].Amount = dec("-1") },
		"the lines add up to 59":   func(r *dianjia.Return) { r.Refund = dec("58") },
		"the refund of 129":        func(r *dianjia.Return) { r.Refund = dec("129") },
		`SKU "A": the quantity is`: func(r *dianjia.Return) { r.Items[0].Qty = dec("0") },
	} {
		r := mallReturn()
		change(r)
		_, err := mapping.AfterSaleUpload(r)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "10010")
	}
	for _, s := range []dianjia.ReturnState{dianjia.ReturnAsked, dianjia.ReturnAgreed, dianjia.ReturnSent, dianjia.ReturnRejected, dianjia.ReturnClosed, dianjia.ReturnDone} {
		status, ok := mapping.ReturnShopStatus(s)
		require.True(t, ok)
		back, ok := mapping.ReturnStateOf(status)
		assert.True(t, ok && back == s)
	}
	for _, s := range []dianjia.GoodsState{dianjia.GoodsNotReceived, dianjia.GoodsWithBuyer, dianjia.GoodsSentBack, dianjia.GoodsReceived} {
		status, ok := mapping.GoodStatus(s)
		require.True(t, ok)
		back, ok := mapping.GoodsStateOf(status)
		assert.True(t, ok && back == s)
	}
	_, ok := mapping.GoodsStateOf("FOO")
	assert.False(t, ok)

	push := func(action jushuitan.GoodsAction, qty string) *jushuitan.GoodsReturnedPush {
		return &jushuitan.GoodsReturnedPush{OuterASID: "RET-1", Action: action, Items: []jushuitan.GoodsReturnedPushItem{{SKUID: "A", Qty: dec(qty)}}}
	}
	r := *mallReturn()
	for _, step := range []struct {
		action jushuitan.GoodsAction
		qty    string
		want   string
	}{
		{jushuitan.GoodsReceived, "1", "1 买家已退货"}, {jushuitan.GoodsReceived, "1", "2 卖家已收货"}, {jushuitan.GoodsRevoked, "1", "1 买家已退货"},
		{jushuitan.GoodsReceived, "3", "4 卖家已收货"}, {jushuitan.GoodsRevoked, "4", "0 买家已退货"},
	} {
		r, err = mapping.ReturnReceived(&r, push(step.action, step.qty))
		require.NoError(t, err)
		assert.Equal(t, step.want, fmt.Sprint(r.Items[0].Received, " ", r.Goods))
	}
	bad := push(jushuitan.GoodsReceived, "1")
	bad.Items[0].SKUID = "B"
	other := push(jushuitan.GoodsReceived, "1")
	other.OuterASID = "RET-2"
	unknown := push(jushuitan.GoodsReceived, "1")
	unknown.Items[0].Qty = decimal.Decimal{}
	for want, p := range map[string]*jushuitan.GoodsReturnedPush{
		"not in the return": bad, `return "RET-2"`: other, "unknown: query": unknown, `action "吃掉"`: push("吃掉", "1"), "more than was received": push(jushuitan.GoodsRevoked, "1"),
	} {
		got, err := mapping.ReturnReceived(&r, p)
		require.ErrorContains(t, err, want)
		assert.Equal(t, "0", got.Items[0].Received.String(), "nothing is booked")
	}
	cancel := mapping.OrderCancel(7, "客户取消", "不想要了")
	assert.Equal(t, []int64{7}, cancel.OIDs)
}

// TestStockRows: a push and a row become figures of DianJia; own orders are deducted once;
// bundles follow their components; store stock becomes stocktakes, and one unknown SKU does
// not stop the rest.
func TestStockRows(t *testing.T) {
	rows := mapping.StockRowsOfPush("1", "W1", &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "B", Qty: dec("0")}, {SKUID: "A", Qty: dec("5")}, {SKUID: "A", Qty: dec("4")}, {SKUID: "A"}, {SKUID: "C"}, {Qty: dec("9")}}})
	require.Len(t, rows, 2)
	assert.Equal(t, "A 4 B 0", fmt.Sprint(rows[0].SKUCode, " ", rows[0].Qty, " ", rows[1].SKUCode, " ", rows[1].Qty))
	_, err := mapping.StockRowOf("1", "W1", &jushuitan.InventoryRow{SKUID: "A"}, nil, formula.EvalPolicy{})
	require.ErrorIs(t, err, formula.ErrMissing, "unknown is not zero")
	row, err := mapping.StockRowOf("1", "W1", &jushuitan.InventoryRow{SKUID: "A", Qty: dec("7"), VirtualQty: dec("0"), OrderLock: dec("2")}, formula.Sellable(), formula.EvalPolicy{})
	require.NoError(t, err)
	assert.Equal(t, "W1 A 5", fmt.Sprint(row.StoreCode, " ", row.SKUCode, " ", row.Qty))

	held := mapping.HeldStock([]*dianjia.Order{{Items: []dianjia.OrderItem{{SKUCode: "A", Qty: dec("3")}, {SKUCode: "C", Qty: dec("1")}}}, {Items: []dianjia.OrderItem{{SKUCode: "A", Qty: dec("2")}}}})
	left := mapping.DeductHeld(append(rows, dianjia.StockRow{EntID: "1", StoreCode: "W2", SKUCode: "A", Qty: dec("4")}, dianjia.StockRow{EntID: "1", StoreCode: "W1", SKUCode: "C", Qty: dec("-2")}), "W1", held)
	assert.Equal(t, "0 0 4 -2", fmt.Sprint(left[0].Qty, " ", left[1].Qty, " ", left[2].Qty, " ", left[3].Qty))
	assert.Equal(t, "4", rows[0].Qty.String(), "the rows are not changed")

	component := func(sku, n string) jushuitan.BundleComponent {
		return jushuitan.BundleComponent{SrcSKUID: sku, Qty: dec(n)}
	}
	bundles := []*jushuitan.Bundle{{SKUID: "SET", Items: []jushuitan.BundleComponent{component("A", "2"), component("C", "1")}}, {SKUID: "FAR", Items: []jushuitan.BundleComponent{component("X", "1")}}}
	sets, gaps := mapping.BundleStockRows([]dianjia.StockRow{{StoreCode: "W1", SKUCode: "A", Qty: dec("9")}, {StoreCode: "W1", SKUCode: "C", Qty: dec("3")}, {StoreCode: "W2", SKUCode: "A", Qty: dec("9")}}, bundles)
	held = mapping.HeldStock([]*dianjia.Order{{Items: []dianjia.OrderItem{{SKUCode: "SET", Qty: dec("3")}, {SKUCode: "A", Qty: dec("1")}}}}, bundles...)
	assert.Equal(t, "map[A:7 C:3]", fmt.Sprint(held), "an order of a bundle holds its components")
	require.Len(t, sets, 1)
	assert.Equal(t, "W1 SET 3", fmt.Sprint(sets[0].StoreCode, " ", sets[0].SKUCode, " ", sets[0].Qty))
	require.Len(t, gaps, 1)
	assert.Equal(t, "W2 SET", gaps[0].WarehouseCode+" "+gaps[0].SKUCode)
	require.ErrorIs(t, gaps[0].Err, formula.ErrMissing)
	assert.Equal(t, "SET FAR", bundles[0].SKUID+" "+bundles[1].SKUID, "the caller's list is not sorted")

	var stock []mapping.VirtualStock
	for i := range 1203 {
		stock = append(stock, mapping.VirtualStock{WMSCoID: 7 + int64(i%2), SKUCode: fmt.Sprintf("S%04d", i), Qty: decimal.NewFromInt(int64(i))})
	}
	kept, unknown := mapping.KnownStock(stock, func(sku string) bool { return sku != "S0003" })
	require.Len(t, unknown, 1)
	requests := mapping.StocktakeRequests(kept, "DJ-1", "店加门店库存汇总")
	total, numbers := 0, map[string]bool{}
	for _, r := range requests {
		total += len(r.Items)
		numbers[r.SoID] = true
		assert.LessOrEqual(t, len(r.Items), 500)
		assert.True(t, r.IsConfirm && r.Type == jushuitan.StocktakeCheck && r.Warehouse == "1")
	}
	assert.Equal(t, 1202, total)
	assert.Len(t, numbers, len(requests), "each request has a number of its own")
	assert.Len(t, requests, 4)
}

// TestGroupSorted: a sorted stream yields the same styles as the grouper, one at a time.
func TestGroupSorted(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{Year: mapping.FromOther(1)})
	stream := func(rows []jushuitan.SKU, last error) iter.Seq2[*jushuitan.SKU, error] {
		return func(yield func(*jushuitan.SKU, error) bool) {
			for i := range rows {
				if !yield(&rows[i], nil) {
					return
				}
			}
			if last != nil {
				yield(nil, last)
			}
		}
	}
	own := mapper(t, mapping.ProductConfig{Year: mapping.FromOther(1), SKUCodeForStyleNo: true})
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 4))
		m, byCode := m, seed%2 == 1
		if byCode {
			m = own
		}
		key := func(row *jushuitan.SKU) string {
			if row.IID == "" && byCode {
				return row.SKUID
			}
			return row.IID
		}
		var rows []jushuitan.SKU
		for range rng.IntN(12) { // a SKU may occur again, and its code may be the number of a style
			row := randomSKU(rng, []string{"", "A", "B", "C"}[rng.IntN(4)], rng.IntN(3))
			if row.IID == "" {
				row.SKUID = []string{"A", "B", "A-0", "Z"}[rng.IntN(4)]
			}
			rows = append(rows, row)
		}
		slices.SortStableFunc(rows, func(a, b jushuitan.SKU) int {
			return cmp.Or(cmp.Compare(key(&a), key(&b)), cmp.Compare(a.SKUID, b.SKUID))
		})
		want := m.SKUs(rows)
		var got []*dianjia.Product
		for p, err := range m.GroupSorted(stream(rows, nil)) {
			require.NoError(t, err, "seed %d", seed)
			got = append(got, p)
		}
		require.Len(t, got, len(want), "seed %d", seed)
		for i := range want {
			require.Equal(t, want[i], got[i], "seed %d", seed)
		}
		// Rows in another order are the same products or an error, never other products.
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		seen := map[string]bool{}
		for p, err := range m.GroupSorted(stream(rows, nil)) {
			if err != nil {
				break
			}
			name := p.StyleNo + "/"
			if p.StyleNo == "" {
				name += p.SKUs[0].Code
			}
			require.False(t, seen[name], "seed %d: %s comes twice", seed, name)
			seen[name] = true
		}
	}
	rows := []jushuitan.SKU{{SKUID: "B-1", IID: "B"}, {SKUID: "A-1", IID: "A"}}
	var last error
	for _, err := range m.GroupSorted(stream(rows, nil)) {
		last = err
	}
	require.ErrorContains(t, last, "sort the rows by i_id")
	for _, err := range m.GroupSorted(stream([]jushuitan.SKU{{SKUID: "B"}, {SKUID: "A"}}, nil)) {
		last = err
	}
	require.ErrorContains(t, last, `rows of style "A" come after those of "B"`)
	broken := errors.New("broken")
	for _, err := range m.GroupSorted(stream(rows[:1], broken)) {
		last = err
	}
	require.ErrorIs(t, last, broken)
}
