package mapping_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

const transferHead, transferStores, transferOther = 11200000, 11200088, 11200099

func transferStoreBindings() []dianjia.StoreBinding {
	return []dianjia.StoreBinding{
		{EntID: "10010", StoreCode: "S01", WMSCoID: transferStores},
		{EntID: "10010", StoreCode: "S02", WMSCoID: transferStores},
		{EntID: "10010", StoreCode: "S03", WMSCoID: transferOther},
		{EntID: "10010", StoreCode: "S05", WMSCoID: transferStores},
		{EntID: "10010", StoreCode: "S05", WMSCoID: transferOther},
		{EntID: "20020", StoreCode: "S01", WMSCoID: 1},
	}
}

func transferWarehouseBindings() []dianjia.WarehouseBinding {
	return []dianjia.WarehouseBinding{
		{EntID: "10010", WarehouseCode: "11200000", WMSCoID: transferHead},
		{EntID: "10010", WarehouseCode: dianjia.ReturnWarehouseCode, WMSCoID: transferHead, Slot: dianjia.SlotSalesReturn},
	}
}

func transferOf(from, to string, items ...dianjia.TransferItem) *dianjia.Transfer {
	if items == nil {
		items = []dianjia.TransferItem{transferLine("A", 3)}
	}
	return &dianjia.Transfer{EntID: "10010", TransferNo: "DB-1", Kind: dianjia.TransferAllocation, FromCode: from, ToCode: to, Items: items}
}

func transferLine(sku string, qty int64) dianjia.TransferItem {
	return dianjia.TransferItem{SKUCode: sku, Qty: decimal.NewFromInt(qty)}
}

func TestPlanTransfer(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		route          mapping.TransferRoute
		fromAt, toAt   mapping.TransferPlace
	}{
		{"head office to a store", "11200000", "S01", mapping.RouteCrossWarehouse,
			mapping.TransferPlace{Code: "11200000", WMSCoID: transferHead, Slot: 1}, mapping.TransferPlace{Code: "S01", WMSCoID: transferStores, Slot: 1}},
		{"store to the return warehouse", "S01", "2", mapping.RouteCrossWarehouse,
			mapping.TransferPlace{Code: "S01", WMSCoID: transferStores, Slot: 1}, mapping.TransferPlace{Code: "2", WMSCoID: transferHead, Slot: 2}},
		{"stores of one warehouse", "S01", "S02", mapping.RouteNone,
			mapping.TransferPlace{Code: "S01", WMSCoID: transferStores, Slot: 1}, mapping.TransferPlace{Code: "S02", WMSCoID: transferStores, Slot: 1}},
		{"stores of two warehouses", "S01", "S03", mapping.RouteCrossWarehouse,
			mapping.TransferPlace{Code: "S01", WMSCoID: transferStores, Slot: 1}, mapping.TransferPlace{Code: "S03", WMSCoID: transferOther, Slot: 1}},
		{"two slots", "11200000", "2", mapping.RouteInWarehouse,
			mapping.TransferPlace{Code: "11200000", WMSCoID: transferHead, Slot: 1}, mapping.TransferPlace{Code: "2", WMSCoID: transferHead, Slot: 2}},
		{"a store that is not bound", "11200000", "S09", mapping.RouteUnbound,
			mapping.TransferPlace{Code: "11200000", WMSCoID: transferHead, Slot: 1}, mapping.TransferPlace{Code: "S09"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := mapping.PlanTransfer(transferOf(tt.from, tt.to), transferStoreBindings(), transferWarehouseBindings())
			require.NoError(t, err)
			assert.Equal(t, tt.fromAt, p.From)
			assert.Equal(t, tt.toAt, p.To)
			assert.Equal(t, tt.route, p.Route())

			otherwise := fmt.Sprintf("the route from %s to %s is %q, not", tt.from, tt.to, tt.route)
			if tt.route == mapping.RouteUnbound {
				otherwise = `store or warehouse "` + tt.to + `": it is bound to no warehouse`
			}
			cross, err := p.CrossTransfer()
			if tt.route == mapping.RouteCrossWarehouse {
				require.NoError(t, err)
				assert.Equal(t, jushuitan.CrossTransferUpload{
					SoID: "DB-1", GoCoID: tt.fromAt.WMSCoID, Warehouse: int64(tt.fromAt.Slot), LinkCoID: tt.toAt.WMSCoID, LinkWarehouse: int64(tt.toAt.Slot),
					Items: []jushuitan.CrossTransferUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(3)}},
				}, cross)
			} else {
				require.ErrorContains(t, err, "DB-1")
				require.ErrorContains(t, err, otherwise)
			}
			inner, err := p.InnerTransfer()
			if tt.route == mapping.RouteInWarehouse {
				require.NoError(t, err)
				assert.Equal(t, [3]int64{transferHead, 1, 2}, [3]int64{inner.WMSCoID, inner.Warehouse, inner.LinkWarehouse})
				assert.Equal(t, []jushuitan.InnerTransferUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(3)}}, inner.Items)
			} else {
				require.ErrorContains(t, err, otherwise)
			}
			out, err := p.OtherOut()
			require.NoError(t, err)
			assert.Equal(t, "out", out.Type)
			assert.Equal(t, [2]int64{tt.fromAt.WMSCoID, int64(tt.fromAt.Slot)}, [2]int64{out.WMSCoID, out.Warehouse})
			assert.True(t, out.ExecuteConfirming)
			assert.False(t, out.IsConfirm)
			lines := []jushuitan.OtherInOutUploadItem{{SKUID: "A", Qty: decimal.NewFromInt(3)}}
			assert.Equal(t, lines, out.Items)
			in, err := p.OtherIn()
			if !tt.toAt.Bound() {
				var bad *mapping.TransferError
				require.ErrorAs(t, err, &bad)
				assert.Equal(t, "S09", bad.Code)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "in", in.Type)
			assert.Equal(t, int64(tt.toAt.Slot), in.Warehouse)
			assert.Equal(t, lines, in.Items)
		})
	}
}

func TestPlanTransferRefuses(t *testing.T) {
	noNumber := transferOf("11200000", "S01")
	noNumber.TransferNo = ""
	noLines := transferOf("11200000", "S01")
	noLines.Items = nil
	for want, tr := range map[string]*dianjia.Transfer{
		"number is missing": noNumber,
		"no lines":          noLines,
		"are the same":      transferOf("S01", "S01"),
		"no SKU code":       transferOf("11200000", "S01", transferLine("", 1)),
		`SKU "A"`:           transferOf("11200000", "S01", transferLine("A", 0)),
		"several places":    transferOf("11200000", "S05"),
	} {
		_, err := mapping.PlanTransfer(tr, transferStoreBindings(), transferWarehouseBindings())
		var bad *mapping.TransferError
		require.ErrorAs(t, err, &bad, want)
		require.ErrorContains(t, err, want)
		assert.Equal(t, "10010", bad.EntID)
	}
}

func TestTransferPrintsNoRemark(t *testing.T) {
	tr := transferOf("11200000", "S01")
	tr.Remark = "交给林一"
	plan, err := mapping.PlanTransfer(tr, transferStoreBindings(), transferWarehouseBindings())
	require.NoError(t, err)
	p, err := mapping.TransferProgressOf(tr, 7, []jushuitan.Transfer{transferDoc(7, 0, "调拨出", "Creating")})
	require.NoError(t, err)
	for _, v := range []any{plan, &plan, p, &p, plan.LogValue(), p.LogValue()} {
		text := fmt.Sprintf("%v %+v %#v", v, v, v)
		assert.NotContains(t, text, "林一")
		assert.Contains(t, text, "11200000")
	}
}

// TestPlanTransferAddsUp: Jushuitan gets one line of a SKU, and the plan leaves the
// transfer as it was.
func TestPlanTransferAddsUp(t *testing.T) {
	tr := transferOf("11200000", "S01", transferLine("A", 3), transferLine("B", 1), transferLine("A", 2))
	p, err := mapping.PlanTransfer(tr, transferStoreBindings(), transferWarehouseBindings())
	require.NoError(t, err)
	u, err := p.CrossTransfer()
	require.NoError(t, err)
	require.Len(t, u.Items, 2)
	assert.Equal(t, "A 5 B 1", fmt.Sprintf("%s %s %s %s", u.Items[0].SKUID, u.Items[0].Qty, u.Items[1].SKUID, u.Items[1].Qty))
	assert.Equal(t, "3", tr.Items[0].Qty.String())
}

func transferDoc(ioID, link int64, kind, status string, lines ...[2]int64) jushuitan.Transfer {
	d := jushuitan.Transfer{IOID: ioID, LinkIOID: link, Type: kind, Status: status}
	for i, l := range lines {
		d.Items = append(d.Items, jushuitan.TransferItem{SKUID: string(rune('A' + i)), Qty: decimal.NewFromInt(l[0]), RQty: decimal.NewFromInt(l[1])})
	}
	return d
}

func transferText(p *mapping.TransferProgress) string {
	text := string(p.State) + ":"
	for _, it := range p.Transfer.Items {
		text += fmt.Sprintf(" %s %s/%s/%s", it.SKUCode, it.Qty, it.Shipped, it.Received)
	}
	for _, d := range p.Differences() {
		text += fmt.Sprintf("; %s %s %s", d.SKUCode, d.NotShipped, d.NotReceived)
	}
	return text
}

func TestReadTransfer(t *testing.T) {
	out := func(status string) jushuitan.Transfer {
		return transferDoc(7, 8, "调拨出", status, [2]int64{5, 4}, [2]int64{2, 2})
	}
	in := func(status string) jushuitan.Transfer {
		return transferDoc(8, 7, "调拨入", status, [2]int64{4, 3}, [2]int64{2, 3}, [2]int64{1, 1})
	}
	stranger := transferDoc(9, 100, "调拨入", "Confirmed", [2]int64{50, 50})
	tr := transferOf("11200000", "S01", transferLine("A", 3), transferLine("B", 2), transferLine("A", 2))
	for _, tt := range []struct {
		name string
		docs []jushuitan.Transfer
		want string
	}{
		{"waiting", []jushuitan.Transfer{stranger, out("Picking")}, "waiting: A 3/0/0 B 2/0/0 A 2/0/0"},
		{"shipped", []jushuitan.Transfer{out("Confirmed")}, "in transit: A 3/3/0 B 2/2/0 A 2/1/0; A 1 0"},
		{"on the way", []jushuitan.Transfer{in("Creating"), out("Confirmed")}, "in transit: A 3/3/0 B 2/2/0 A 2/1/0 C 0/1/0; A 1 0; C -1 0"},
		{"received", []jushuitan.Transfer{out("Archive"), in("Confirmed"), stranger}, "received: A 3/3/3 B 2/2/3 A 2/1/0 C 0/1/1; A 1 1; B 0 -1; C -1 0"},
		{"cancelled", []jushuitan.Transfer{out("Cancelled")}, "cancelled: A 3/0/0 B 2/0/0 A 2/0/0"},
		{"unknown", []jushuitan.Transfer{out("Lost")}, ": A 3/0/0 B 2/0/0 A 2/0/0"},
		{"receipt cancelled", []jushuitan.Transfer{out("Confirmed"), in("Delete")}, ": A 3/3/0 B 2/2/0 A 2/1/0 C 0/1/0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := mapping.TransferProgressOf(tr, 7, tt.docs)
			require.NoError(t, err)
			assert.Equal(t, tt.want, transferText(&p))
			assert.True(t, tr.Items[0].Shipped.IsZero(), "the transfer is not changed")
			assert.NotEmpty(t, p.State.Label())
		})
	}
	_, err := mapping.TransferProgressOf(tr, 7, []jushuitan.Transfer{stranger})
	require.ErrorContains(t, err, "document 7")
}

func TestReadOther(t *testing.T) {
	doc := func(status string) *jushuitan.OtherInOut {
		return &jushuitan.OtherInOut{IOID: 5, Status: status, Items: []jushuitan.OtherInOutItem{{SKUID: "A", Qty: decimal.NewFromInt(2)}}}
	}
	tr := transferOf("11200000", "S01")
	tr.Items[0].Shipped, tr.Items[0].Received = decimal.NewFromInt(3), decimal.NewFromInt(1)
	for status, want := range map[string][2]string{
		"WaitConfirm":     {"waiting: A 3/3/1", "in transit: A 3/3/1"},
		"OuterConfirming": {"waiting: A 3/3/1", "in transit: A 3/3/1"},
		"Confirmed":       {"in transit: A 3/2/1; A 1 0", "received: A 3/3/2; A 0 1"},
		"Cancelled":       {"cancelled: A 3/3/1", "cancelled: A 3/3/1"},
		"Lost":            {": A 3/3/1", ": A 3/3/1"},
	} {
		out, in := mapping.OtherOutProgressOf(tr, doc(status)), mapping.OtherInProgressOf(tr, doc(status))
		assert.Equal(t, want, [2]string{transferText(&out), transferText(&in)}, status)
		assert.Equal(t, [2]int64{5, 5}, [2]int64{out.OutIOID, in.InIOID})
		assert.Empty(t, in.DifferenceRequests(), "an other-in has no difference document")
	}
}

// TestReadWaybill: the carrier and the waybill come from whichever document has them.
func TestReadWaybill(t *testing.T) {
	text := func(p mapping.TransferProgress) string { return p.LCID + " " + p.LogisticsCompany + " " + p.LID }
	tr := transferOf("11200000", "S01")
	for _, have := range []int64{7, 8} {
		docs := []jushuitan.Transfer{transferDoc(7, 8, "调拨出", "Confirmed", [2]int64{3, 3}), transferDoc(8, 7, "调拨入", "Creating", [2]int64{3, 0})}
		for i := range docs {
			if docs[i].IOID == have {
				docs[i].LCID, docs[i].LogisticsCompany, docs[i].LID = "YTO", "圆通速递", "YT1"
			}
		}
		p, err := mapping.TransferProgressOf(tr, 7, docs)
		require.NoError(t, err)
		assert.Equal(t, "YTO 圆通速递 YT1", text(p))
	}
	p, err := mapping.TransferProgressOf(tr, 7, []jushuitan.Transfer{transferDoc(7, 0, "调拨出", "Creating")})
	require.NoError(t, err)
	assert.Equal(t, "  ", text(p), "nobody entered it")

	doc := &jushuitan.OtherInOut{IOID: 5, Status: "Confirmed", LCID: "SF", LogisticsCompany: "顺丰速运", LID: "SF1"}
	assert.Equal(t, "SF 顺丰速运 SF1", text(mapping.OtherOutProgressOf(tr, doc)))
	assert.Equal(t, "SF 顺丰速运 SF1", text(mapping.OtherInProgressOf(tr, doc)))
}

func TestDifferenceDocuments(t *testing.T) {
	var lines []dianjia.TransferItem
	for i := range 205 {
		it := transferLine(fmt.Sprintf("M%03d", i), 2)
		it.Shipped, it.Received = it.Qty, decimal.NewFromInt(1)
		if i >= 203 {
			it.Received = decimal.NewFromInt(5)
		}
		lines = append(lines, it)
	}
	p := mapping.TransferProgress{Transfer: *transferOf("11200000", "S01", lines...), State: mapping.TransferReceived, OutIOID: 7, InIOID: 8}
	var sizes []int
	for _, d := range p.DifferenceRequests() {
		sizes = append(sizes, len(d.Items))
		assert.Equal(t, int64(8), d.IOID)
		for _, it := range d.Items {
			assert.Equal(t, d.Items[0].Qty.Sign(), it.Qty.Sign(), "a document goes one way")
		}
	}
	assert.Equal(t, []int{100, 100, 3, 2}, sizes)
	_, ok := p.Remaining(2)
	assert.False(t, ok)
	p.State = mapping.TransferInTransit
	assert.Empty(t, p.DifferenceRequests(), "nothing is missing before it was received")
}

// A store received less than the warehouse shipped, which shipped less than was asked.
func ExampleTransferProgressOf() {
	tr := &dianjia.Transfer{
		EntID: "10010", TransferNo: "PH-1", Kind: dianjia.TransferAllocation, FromCode: "11200000", ToCode: "S01",
		Items: []dianjia.TransferItem{{SKUCode: "TEE24-WHT-M", Qty: decimal.NewFromInt(10)}},
	}
	// Rows of client.Transfers.Query with so_ids PH-1.
	line := func(qty, real int64) []jushuitan.TransferItem {
		return []jushuitan.TransferItem{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(qty), RQty: decimal.NewFromInt(real)}}
	}
	p, err := mapping.TransferProgressOf(tr, 7, []jushuitan.Transfer{
		{IOID: 7, Type: "调拨出", Status: "Confirmed", LinkIOID: 8, Items: line(10, 8)},
		{IOID: 8, Type: "调拨入", Status: "Confirmed", LinkIOID: 7, Items: line(8, 7)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range p.Differences() {
		fmt.Println(p.State.Label(), d.SKUCode, "not shipped", d.NotShipped, "not received", d.NotReceived)
	}
	for _, doc := range p.DifferenceRequests() { // for client.Transfers.CreateDifference
		fmt.Println("settle", doc.IOID, doc.Items[0].SKUID, doc.Items[0].Qty)
	}
	if rest, ok := p.Remaining(2); ok {
		fmt.Println("ask again", rest.TransferNo, rest.Items[0].Qty)
	}
	// Output:
	// 已收货 TEE24-WHT-M not shipped 2 not received 1
	// settle 8 TEE24-WHT-M 1
	// ask again PH-1-2 2
}

// TestSeveralIncoming: the goods of one transfer arrive with several documents; the result
// is the same in any order of the rows, cancelled documents do not count, a row that is read
// twice counts once, and an undocumented status is said.
func TestSeveralIncoming(t *testing.T) {
	dec := decimal.NewFromInt
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	doc := func(id, link int64, kind, status string, qty, real int64) jushuitan.Transfer {
		return jushuitan.Transfer{IOID: id, LinkIOID: link, Type: kind, Status: status, Modified: at, Items: []jushuitan.TransferItem{{SKUID: "A", Qty: dec(qty), RQty: dec(real)}}}
	}
	unstated := func(d jushuitan.Transfer) jushuitan.Transfer {
		d.Items[0].RQty = decimal.Decimal{}
		return d
	}
	out := doc(1, 2, "调拨出", "Confirmed", 10, 10)
	older := doc(2, 1, "调拨入", "WaitConfirm", 6, 0)
	older.Modified = at.Add(-time.Minute)
	tests := []struct {
		name  string
		docs  []jushuitan.Transfer
		want  string // state: shipped/received
		in    []int64
		says  string
		diffs int // difference documents
	}{
		{"two received", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 6, 6), doc(3, 1, "调拨入", "Confirmed", 4, 3)}, "received 10/9", []int64{2, 3}, "", 1},
		{"one received", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 6, 6), doc(3, 1, "调拨入", "WaitConfirm", 4, 0)}, "in transit 10/6", []int64{2, 3}, "", 0},
		{"one cancelled", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Cancelled", 10, 10), doc(3, 1, "调拨入", "Confirmed", 10, 8)}, "received 10/8", []int64{3}, "", 1},
		{"all cancelled", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Cancelled", 6, 0), doc(3, 1, "调拨入", "Delete", 4, 0)}, " 10/0", nil, "Cancelled", 0},
		{"unknown", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 6, 6), doc(3, 1, "调拨入", "Foo", 4, 4)}, " 10/6", []int64{2, 3}, `调拨入 io_id 3: "Foo"`, 0},
		{"unknown outgoing", []jushuitan.Transfer{doc(1, 2, "调拨出", "Bar", 10, 10)}, " 0/0", nil, `调拨出 io_id 1: "Bar"`, 0},
		{"the outgoing one does not count", []jushuitan.Transfer{doc(1, 2, "调拨出", "Confirmed", 10, 0), doc(2, 1, "调拨入", "Confirmed", 6, 6), doc(3, 1, "调拨入", "Confirmed", 4, 3)}, "received 10/9", []int64{2, 3}, "", 1},
		{"the outgoing quantity is unknown", []jushuitan.Transfer{unstated(doc(1, 2, "调拨出", "Confirmed", 10, 0))}, " 0/0", nil, `调拨出 io_id 1: r_qty of "A"`, 0},
		{"a received quantity is unknown", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 6, 6), unstated(doc(3, 1, "调拨入", "Confirmed", 4, 0))}, " 10/6", []int64{2, 3}, `调拨入 io_id 3: r_qty of "A"`, 0},
		{"an open one need not state it", []jushuitan.Transfer{out, unstated(doc(2, 1, "调拨入", "WaitConfirm", 10, 0))}, "in transit 10/0", []int64{2}, "", 0},
		{"read twice", []jushuitan.Transfer{out, older, doc(2, 1, "调拨入", "Confirmed", 10, 10), out}, "received 10/10", []int64{2}, "", 0},
		{"of others", []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 10, 10), doc(8, 7, "调拨入", "Confirmed", 5, 5), doc(9, 2, "调拨差异", "Confirmed", 5, 5)}, "received 10/10", []int64{2}, "", 0},
	}
	transfer := &dianjia.Transfer{EntID: "10010", TransferNo: "T-1", Items: []dianjia.TransferItem{{SKUCode: "A", Qty: dec(10)}}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(22, 9))
			for range 20 {
				rng.Shuffle(len(tt.docs), func(i, j int) { tt.docs[i], tt.docs[j] = tt.docs[j], tt.docs[i] })
				p, err := mapping.TransferProgressOf(transfer, 1, tt.docs)
				require.NoError(t, err)
				line := p.Transfer.Items[0]
				require.Equal(t, tt.want, fmt.Sprintf("%s %s/%s", p.State, line.Shipped, line.Received))
				require.Equal(t, tt.in, p.InIOIDs)
				if tt.says == "" {
					require.Empty(t, p.Unclear)
				} else {
					require.Contains(t, strings.Join(p.Unclear, "; "), tt.says)
				}
				require.Len(t, p.DifferenceRequests(), tt.diffs)
			}
		})
	}
	for kind, read := range map[string]func(*dianjia.Transfer, *jushuitan.OtherInOut) mapping.TransferProgress{"其它出库": mapping.OtherOutProgressOf, "其它退货": mapping.OtherInProgressOf} {
		p := read(transfer, &jushuitan.OtherInOut{IOID: 7, Status: "Confirmed", Items: []jushuitan.OtherInOutItem{{SKUID: "A"}}})
		assert.Equal(t, []string{kind + ` io_id 7: qty of "A"`}, p.Unclear)
		assert.Equal(t, mapping.TransferUnknown, p.State)
		assert.Empty(t, p.Differences())
		p = read(transfer, &jushuitan.OtherInOut{IOID: 7, Status: "Foo"})
		assert.Equal(t, []string{kind + ` io_id 7: "Foo"`}, p.Unclear)
	}
	p, err := mapping.TransferProgressOf(transfer, 1, tests[0].docs)
	require.NoError(t, err)
	request := p.DifferenceRequests()[0]
	assert.Equal(t, int64(3), request.IOID, "the difference is that of the second document")
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var stored mapping.TransferProgress
	require.NoError(t, json.Unmarshal(text, &stored))
	assert.Empty(t, stored.DifferenceRequests(), "the rows are lost: the difference must not go to the first document")
	assert.Equal(t, "1", request.Items[0].Qty.String())

	p, err = mapping.TransferProgressOf(transfer, 1, []jushuitan.Transfer{out, doc(2, 1, "调拨入", "Confirmed", 10, 8)})
	require.NoError(t, err)
	text, err = json.Marshal(p)
	require.NoError(t, err)
	stored = mapping.TransferProgress{}
	require.NoError(t, json.Unmarshal(text, &stored))
	require.Len(t, stored.DifferenceRequests(), 1, "of a single document it is known")
	assert.Equal(t, p.DifferenceRequests(), stored.DifferenceRequests())
}

// TestDifferenceRules: each difference of a transfer is decided by a rule with a name.
func TestDifferenceRules(t *testing.T) {
	dec := decimal.NewFromInt
	for _, tt := range []struct {
		kind           dianjia.TransferKind
		out, in        int64
		short, missing int64
		want           string
	}{
		{dianjia.TransferAllocation, 1, 2, 2, 1, "[ask_again difference_document]"},
		{dianjia.TransferAllocation, 1, 2, -1, 0, "[over_shipped]"},
		{dianjia.TransferBetweenStores, 1, 2, 1, -1, "[stays_with_sender difference_document]"},
		{dianjia.TransferReplenishment, 1, 0, 0, 1, "[loss_in_transit]"},
		{dianjia.TransferReturn, 0, 2, 0, -1, "[sender_corrected]"},
		{dianjia.TransferReturn, 0, 2, 0, 0, "[]"},
	} {
		p := mapping.TransferProgress{Transfer: dianjia.Transfer{Kind: tt.kind}, OutIOID: tt.out, InIOID: tt.in}
		assert.Equal(t, tt.want, fmt.Sprint(p.Rules(mapping.TransferDifference{NotShipped: dec(tt.short), NotReceived: dec(tt.missing)})))
	}
}
