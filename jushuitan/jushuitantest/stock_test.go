package jushuitantest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const otherWMS = int64(11200902) // a second store's warehouse

func crossTransfer(soID string, from, to int64, qty string) jushuitan.CrossTransferUpload {
	return jushuitan.CrossTransferUpload{
		SoID: soID, GoCoID: from, Warehouse: 1, LinkCoID: to, LinkWarehouse: 1,
		Items: []jushuitan.CrossTransferUploadItem{{SKUID: "TS-BLK-M", Qty: d(qty)}},
	}
}

// uploadTransfer uploads one transfer and returns its number.
func uploadTransfer(t *testing.T, client *jushuitan.Client, u jushuitan.CrossTransferUpload) int64 {
	t.Helper()
	rows, err := client.Transfers.UploadCrossWarehouse(t.Context(), []jushuitan.CrossTransferUpload{u})
	require.NoError(t, err)
	return rows[0].Result.IOID
}

func transferOf(t *testing.T, client *jushuitan.Client, ioID int64) jushuitan.Transfer {
	t.Helper()
	page, err := client.Transfers.Query(t.Context(), &jushuitan.TransferQuery{IOIDs: []string{fmt.Sprint(ioID)}})
	require.NoError(t, err)
	require.Len(t, page.Transfers, 1)
	return page.Transfers[0]
}

func qtyOf(t *testing.T, srv *jushuitantest.Server, wms int64, name string) string {
	t.Helper()
	r := stockOf(t, srv.Company(""), wms, "TS-BLK-M")
	switch name {
	case "qty":
		return r.Qty.String()
	case "return_qty":
		return r.ReturnQty.String()
	case "in_qty":
		return r.InQty.String()
	case "defective_qty":
		return r.DefectiveQty.String()
	case "allocate_qty":
		return r.AllocateQty.String()
	case "purchase_qty":
		return r.PurchaseQty.String()
	}
	t.Fatalf("no figure %s", name)
	return ""
}

// Flows 3 and 4: head office allocates to a store, the warehouse ships fewer than
// asked, one piece is lost on the way and settled.
func TestHeadOfficeAllocatesToAStore(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	ioID := uploadTransfer(t, client, crossTransfer("TR-1", mainWMS, storeWMS, "6"))
	doc := transferOf(t, client, ioID)
	assert.Equal(t, "Creating", doc.Status)
	assert.Equal(t, "调拨出", doc.Type)
	assert.Empty(t, doc.SoID, "so_id is shown on the incoming document only")
	assert.Equal(t, "10", qtyOf(t, srv, mainWMS, "qty"), "nothing moves before it is shipped")
	require.Error(t, srv.ReceiveTransfer(ioID, nil), "not shipped")

	for why, bad := range map[string]map[string]decimal.Decimal{
		"more than asked": lines("TS-BLK-M", "7"), "unknown line": lines("TS-BLK-L", "1"),
		"negative": lines("TS-BLK-M", "-1"), "nothing": lines("TS-BLK-M", "0"),
	} {
		require.Error(t, srv.ShipTransfer(ioID, bad), why)
	}
	srv.Advance(time.Minute)
	require.NoError(t, srv.ShipTransfer(ioID, lines("TS-BLK-M", "5")))
	require.Error(t, srv.ShipTransfer(ioID, nil), "it is shipped")
	doc = transferOf(t, client, ioID)
	assert.Equal(t, "Confirmed", doc.Status)
	assert.Equal(t, "6", doc.Items[0].Qty.String())
	assert.Equal(t, "5", doc.Items[0].RQty.String())
	in := transferOf(t, client, doc.LinkIOID)
	assert.Equal(t, "调拨入", in.Type)
	assert.Equal(t, "Creating", in.Status)
	assert.Equal(t, "TR-1", in.SoID)
	assert.Equal(t, ioID, in.LinkIOID)
	assert.Equal(t, storeWMS, in.WMSCoID)
	assert.Equal(t, mainWMS, in.LinkWMSCoID)
	assert.Equal(t, "5", in.Items[0].Qty.String())
	assert.NotEqual(t, doc.Items[0].IOIID, in.Items[0].IOIID)
	assert.Equal(t, "5", qtyOf(t, srv, mainWMS, "qty"))
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "5", qtyOf(t, srv, storeWMS, "allocate_qty"))
	stock, err := client.Inventory.Query(ctx, &jushuitan.InventoryQuery{WMSCoID: storeWMS, SKUIDs: []string{"TS-BLK-M"}})
	require.NoError(t, err)
	assert.Equal(t, "5", stock.Rows[0].AllocateQty.String())
	require.Error(t, srv.ShipTransfer(in.IOID, nil), "it comes in")

	require.NoError(t, srv.ReceiveTransfer(in.IOID, lines("TS-BLK-M", "4")))
	require.Error(t, srv.ReceiveTransfer(in.IOID, nil), "it is received")
	assert.Equal(t, "4", transferOf(t, client, in.IOID).Items[0].RQty.String())
	assert.Equal(t, "8", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "1", qtyOf(t, srv, storeWMS, "allocate_qty"), "the lost piece")

	difference := func(ioID int64, qty string) (*jushuitan.TransferDifferenceReply, error) {
		return client.Transfers.CreateDifference(ctx, &jushuitan.TransferCreateDifferenceRequest{
			IOID: ioID, Items: []jushuitan.TransferCreateDifferenceItem{{SKUID: "TS-BLK-M", Qty: d(qty)}},
		})
	}
	for _, bad := range []string{"2", "-1", "0"} {
		_, err = difference(in.IOID, bad)
		require.ErrorIs(t, err, jushuitan.ErrInvalid, bad)
	}
	_, err = difference(ioID, "1")
	require.ErrorIs(t, err, jushuitan.ErrInvalid, "the outgoing document")
	reply, err := difference(in.IOID, "1")
	require.NoError(t, err)
	_, err = difference(in.IOID, "1")
	require.ErrorIs(t, err, jushuitan.ErrInvalid, "it is settled")
	diff := transferOf(t, client, reply.Rows[0].IOID)
	assert.Equal(t, in.IOID, diff.LinkIOID)
	assert.Equal(t, mainWMS, diff.WMSCoID)
	assert.Equal(t, "1", diff.Items[0].Qty.String())
	assert.Equal(t, "6", qtyOf(t, srv, mainWMS, "qty"))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "allocate_qty"))

	// More came than was shipped: the difference goes the other way.
	ioID = uploadTransfer(t, client, crossTransfer("TR-2", mainWMS, storeWMS, "2"))
	require.NoError(t, srv.ShipTransfer(ioID, nil))
	require.NoError(t, srv.ReceiveTransfer(ioID, lines("TS-BLK-M", "3")), "by the outgoing number")
	assert.Equal(t, "-1", qtyOf(t, srv, storeWMS, "allocate_qty"))
	_, err = difference(transferOf(t, client, ioID).LinkIOID, "-1")
	require.NoError(t, err)
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "allocate_qty"))
	assert.Equal(t, "3", qtyOf(t, srv, mainWMS, "qty"))
	assert.Equal(t, "11", qtyOf(t, srv, storeWMS, "qty"))
}

// Flow 5: a store returns to head office, into the sales-return slot, with the
// real quantities read back; once as a transfer, once as other-in.
func TestStoreReturnsToHeadOffice(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	u := crossTransfer("RT-1", storeWMS, mainWMS, "3")
	u.LinkWarehouse = 2
	ioID := uploadTransfer(t, client, u)
	require.NoError(t, srv.ShipTransfer(ioID, nil))
	require.NoError(t, srv.ReceiveTransfer(ioID, lines("TS-BLK-M", "2")))
	assert.Equal(t, "2", qtyOf(t, srv, mainWMS, "return_qty"))
	assert.Equal(t, "10", qtyOf(t, srv, mainWMS, "qty"))
	assert.Equal(t, "1", qtyOf(t, srv, storeWMS, "qty"))
	page, err := client.Transfers.Query(ctx, &jushuitan.TransferQuery{SoIDs: []string{"RT-1"}, Type: "调拨入"})
	require.NoError(t, err)
	require.Len(t, page.Transfers, 1)
	assert.Equal(t, int64(2), page.Transfers[0].WhID)
	assert.Equal(t, "3", page.Transfers[0].Items[0].Qty.String())
	assert.Equal(t, "2", page.Transfers[0].Items[0].RQty.String())

	made, err := client.OtherInOuts.Upload(ctx, &jushuitan.OtherInOutUpload{
		Type: "in", ExternalID: "RT-2", WMSCoID: mainWMS, Warehouse: 2, DrpCoName: "门店退货", Labels: []string{"退仓", "门店"},
		Items: []jushuitan.OtherInOutUploadItem{{SKUID: "TS-BLK-M", Qty: d("4"), SalePrice: new(d("55"))}, {SKUID: "TS-BLK-L", Qty: d("2")}},
	})
	require.NoError(t, err)
	assert.Equal(t, "2", qtyOf(t, srv, mainWMS, "return_qty"), "not yet received")
	require.Error(t, srv.ConfirmOtherInOut(made.IOID, lines("none", "1")))
	require.NoError(t, srv.ConfirmOtherInOut(made.IOID, lines("TS-BLK-M", "5")), "more came, and no TS-BLK-L")
	require.Error(t, srv.ConfirmOtherInOut(made.IOID, nil), "done")
	docs, err := client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{"RT-2"}})
	require.NoError(t, err)
	require.Len(t, docs.OtherInOuts, 1)
	doc := docs.OtherInOuts[0]
	assert.Equal(t, "Confirmed", doc.Status)
	assert.Equal(t, "其它退货", doc.Type)
	assert.Equal(t, "门店退货", doc.DrpCoName)
	assert.Equal(t, jushuitan.CommaList{"退仓", "门店"}, doc.Labels)
	assert.Equal(t, "5", doc.Items[0].Qty.String())
	assert.Equal(t, "275", doc.Items[0].SaleAmount.String())
	assert.True(t, doc.Items[1].Qty.IsZero())
	assert.Equal(t, "7", qtyOf(t, srv, mainWMS, "return_qty"))
}

// Flow 6: stores that feed different warehouses transfer goods: uploaded and
// confirmed by the caller, without staff.
func TestStoreToStoreTransfer(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "二店", WMSCoID: otherWMS}))
	ioID := uploadTransfer(t, client, crossTransfer("SS-1", storeWMS, otherWMS, "3"))
	confirm := func(req jushuitan.TransferConfirmRequest) error { return client.Transfers.Confirm(ctx, &req) }
	three := []jushuitan.TransferConfirmItem{{SKUID: "TS-BLK-M", Qty: d("3")}}
	require.ErrorIs(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID}), jushuitan.ErrInvalid, "branches need wms_co_id")
	require.ErrorIs(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: mainWMS}), jushuitan.ErrInvalid, "another's")
	require.ErrorIs(t, confirm(jushuitan.TransferConfirmRequest{IOID: 1, WMSCoID: storeWMS}), jushuitan.ErrInvalid, "unknown")
	require.NoError(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: storeWMS, Items: three}))
	require.ErrorIs(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: storeWMS}), jushuitan.ErrInvalid, "again")
	assert.Equal(t, "3", qtyOf(t, srv, otherWMS, "allocate_qty"))
	in := transferOf(t, client, ioID).LinkIOID
	require.NoError(t, confirm(jushuitan.TransferConfirmRequest{IOID: in, WMSCoID: otherWMS}))
	assert.Equal(t, "1", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "3", qtyOf(t, srv, otherWMS, "qty"))
	assert.Equal(t, "0", qtyOf(t, srv, otherWMS, "allocate_qty"))

	// At once.
	u := crossTransfer("SS-2", otherWMS, storeWMS, "2")
	u.IsConfirm = true
	ioID = uploadTransfer(t, client, u)
	assert.Equal(t, "3", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "Confirmed", transferOf(t, client, transferOf(t, client, ioID).LinkIOID).Status)

	// Goods that are not there, unless it is forced.
	ioID = uploadTransfer(t, client, crossTransfer("SS-3", otherWMS, storeWMS, "9"))
	require.ErrorIs(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: otherWMS}), jushuitan.ErrInvalid)
	require.Error(t, srv.ShipTransfer(ioID, nil))
	require.NoError(t, confirm(jushuitan.TransferConfirmRequest{IOID: ioID, WMSCoID: otherWMS, IsForce: true}))
	assert.Equal(t, "-8", qtyOf(t, srv, otherWMS, "qty"))
	assert.Len(t, srv.Transfers(), 6)
}

// TestSetWaybill: what the warehouse enters is shown by both documents of a transfer,
// and by an other-out.
func TestSetWaybill(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	ioID := uploadTransfer(t, client, crossTransfer("WB-1", mainWMS, storeWMS, "1"))
	require.NoError(t, srv.ShipTransfer(ioID, nil))
	other, err := client.OtherInOuts.Upload(ctx, &jushuitan.OtherInOutUpload{
		Type: "out", ExternalID: "WB-2", WMSCoID: mainWMS, Items: []jushuitan.OtherInOutUploadItem{{SKUID: "TS-BLK-M", Qty: d("1")}},
	})
	require.NoError(t, err)
	parcel := jushuitantest.Parcel{LCID: srv.Carriers()[0].LCID, LID: "W1"}
	want := parcel.LCID + " " + srv.Carriers()[0].LCName + " W1"
	for _, doc := range []int64{ioID, other.IOID} {
		require.NoError(t, srv.SetWaybill(doc, parcel))
	}
	out := transferOf(t, client, ioID)
	for _, doc := range []jushuitan.Transfer{out, transferOf(t, client, out.LinkIOID)} {
		assert.Equal(t, want, doc.LCID+" "+doc.LogisticsCompany+" "+doc.LID)
	}
	page, err := client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{SoIDs: []string{"WB-2"}})
	require.NoError(t, err)
	require.Len(t, page.OtherInOuts, 1)
	assert.Equal(t, want, page.OtherInOuts[0].LCID+" "+page.OtherInOuts[0].LogisticsCompany+" "+page.OtherInOuts[0].LID)

	require.ErrorContains(t, srv.SetWaybill(1, parcel), "number 1")
	require.ErrorContains(t, srv.SetWaybill(ioID, jushuitantest.Parcel{LCID: "NONE"}), `"NONE"`)
}

func TestTransferWithinAWarehouse(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	req := jushuitan.InnerTransferUpload{
		SoID: "IN-1", Warehouse: 1, LinkWarehouse: 4, WMSCoID: storeWMS,
		Items: []jushuitan.InnerTransferUploadItem{{SKUID: "TS-BLK-M", Qty: d("1")}},
	}
	first, err := client.Transfers.UploadInWarehouse(ctx, &req)
	require.NoError(t, err)
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "defective_qty"))
	require.NoError(t, srv.ShipTransfer(first.IOID, nil))
	again, err := client.Transfers.UploadInWarehouse(ctx, &req)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	req.SoID, req.IsConfirm = "IN-2", true
	_, err = client.Transfers.UploadInWarehouse(ctx, &req)
	require.NoError(t, err)
	assert.Equal(t, "2", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "2", qtyOf(t, srv, storeWMS, "defective_qty"))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "allocate_qty"))
	for _, doc := range srv.Transfers() {
		assert.Equal(t, "Confirmed", doc.Status)
		assert.Empty(t, doc.SoID)
	}
	for why, change := range map[string]func(u *jushuitan.InnerTransferUpload){
		"same slot":     func(u *jushuitan.InnerTransferUpload) { u.LinkWarehouse = 1 },
		"unknown slot":  func(u *jushuitan.InnerTransferUpload) { u.LinkWarehouse = 5 },
		"warehouse":     func(u *jushuitan.InnerTransferUpload) { u.WMSCoID = 1 },
		"SKU":           func(u *jushuitan.InnerTransferUpload) { u.Items[0].SKUID = "none" },
		"quantity":      func(u *jushuitan.InnerTransferUpload) { u.Items[0].Qty = d("0") },
		"too few there": func(u *jushuitan.InnerTransferUpload) { u.Items[0].Qty = d("3") },
	} {
		bad := req
		bad.SoID, bad.Items = "IN-3", slices.Clone(req.Items)
		change(&bad)
		_, err = client.Transfers.UploadInWarehouse(ctx, &bad)
		require.ErrorIs(t, err, jushuitan.ErrInvalid, why)
	}
	assert.Len(t, srv.Transfers(), 4)
}

func TestTransferUploads(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	batch := []jushuitan.CrossTransferUpload{
		crossTransfer("TR-1", mainWMS, storeWMS, "2"), crossTransfer("TR-2", mainWMS, storeWMS, "3"),
	}
	batch[1].IsConfirming = true
	first, err := client.Transfers.UploadCrossWarehouse(ctx, batch)
	require.NoError(t, err)
	before := srv.Transfers()
	srv.Advance(time.Minute)
	batch[0].IsConfirm = true
	again, err := client.Transfers.UploadCrossWarehouse(ctx, batch)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, before, srv.Transfers(), "a repeat changes nothing")
	assert.Equal(t, "Confirming", before[1].Status)
	twice := sendAs(t, srv, "/open/allocate/kc/upload", []jushuitan.CrossTransferUpload{
		crossTransfer("TR-3", mainWMS, storeWMS, "1"), crossTransfer("TR-3", mainWMS, storeWMS, "1"),
	})
	assert.Equal(t, "0", string(twice.Code))
	assert.Len(t, srv.Transfers(), 3, "one document for a key that comes twice in one call")

	for why, change := range map[string]func(u *jushuitan.CrossTransferUpload){
		"from":         func(u *jushuitan.CrossTransferUpload) { u.GoCoID = 1 },
		"to":           func(u *jushuitan.CrossTransferUpload) { u.LinkCoID = 1 },
		"same":         func(u *jushuitan.CrossTransferUpload) { u.LinkCoID = mainWMS },
		"slot":         func(u *jushuitan.CrossTransferUpload) { u.Warehouse = 5 },
		"SKU":          func(u *jushuitan.CrossTransferUpload) { u.Items[0].SKUID = "none" },
		"quantity":     func(u *jushuitan.CrossTransferUpload) { u.Items[0].Qty = d("-1") },
		"short in all": func(u *jushuitan.CrossTransferUpload) { u.Items[0].Qty, u.IsConfirm = d("5"), true },
	} {
		good, bad := crossTransfer("TR-8", mainWMS, storeWMS, "6"), crossTransfer("TR-9", mainWMS, storeWMS, "1")
		good.IsConfirm = true
		change(&bad)
		_, err := client.Transfers.UploadCrossWarehouse(ctx, []jushuitan.CrossTransferUpload{good, bad})
		require.ErrorIs(t, err, jushuitan.ErrInvalid, why)
	}
	assert.Len(t, srv.Transfers(), 3, "all rows pass or none does")
	assert.Equal(t, "10", qtyOf(t, srv, mainWMS, "qty"))

	cancel := func(ioID int64) error {
		return client.Transfers.Cancel(ctx, &jushuitan.TransferCancelRequest{IOID: ioID})
	}
	require.NoError(t, cancel(first[0].Result.IOID))
	require.NoError(t, cancel(first[0].Result.IOID), "a repeat")
	require.ErrorIs(t, cancel(1), jushuitan.ErrInvalid)
	require.Error(t, srv.ShipTransfer(first[0].Result.IOID, nil), "cancelled")
	require.NoError(t, srv.ShipTransfer(first[1].Result.IOID, nil))
	require.ErrorIs(t, cancel(first[1].Result.IOID), jushuitan.ErrInvalid, "in transit")
	require.ErrorIs(t, cancel(transferOf(t, client, first[1].Result.IOID).LinkIOID), jushuitan.ErrInvalid, "incoming")
}

func TestTransferPagesAndWindows(t *testing.T) {
	srv, client := furnished(t)
	start := srv.Now()
	for i := range 65 {
		uploadTransfer(t, client, crossTransfer(fmt.Sprintf("TR-%02d", i), mainWMS, storeWMS, "1"))
		srv.Advance(6 * time.Hour) // over 16 days: three windows
	}
	seen := map[int64]bool{}
	for doc, err := range client.Transfers.All(t.Context(), &jushuitan.TransferQuery{ModifiedBegin: start.Add(-time.Hour), ModifiedEnd: srv.Now(), PageSize: 10}) {
		require.NoError(t, err)
		seen[doc.IOID] = true
	}
	assert.Len(t, seen, 65)
	page, err := client.Transfers.Query(t.Context(), &jushuitan.TransferQuery{PageIndex: 3})
	require.NoError(t, err)
	assert.Len(t, page.Transfers, 5)
	assert.Equal(t, int64(65), page.DataCount)
	assert.False(t, page.HasNext)
	byKey, err := client.Transfers.Query(t.Context(), &jushuitan.TransferQuery{SoIDs: []string{"TR-07", "TR-08"}})
	require.NoError(t, err)
	assert.Len(t, byKey.Transfers, 2)
	srv.Advance(time.Hour)
	shipped := byKey.Transfers[0].IOID
	require.NoError(t, srv.ShipTransfer(shipped, nil))
	changed, err := client.Transfers.Query(t.Context(), &jushuitan.TransferQuery{
		ModifiedBegin: srv.Now().Add(-time.Minute), ModifiedEnd: srv.Now(), Type: "调拨出", DateType: new(int64(2)),
	})
	require.NoError(t, err)
	require.Len(t, changed.Transfers, 1, "the change brings it into the window")
	assert.Equal(t, shipped, changed.Transfers[0].IOID)
	long := sendAs(t, srv, "/open/allocate/query", jushuitan.TransferQuery{ModifiedBegin: start, ModifiedEnd: start.AddDate(0, 0, 8)})
	assert.Equal(t, "130", string(long.Code))
}

func TestOtherInOutStates(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	upload := func(id, kind, qty string, confirm bool) int64 {
		r, err := client.OtherInOuts.Upload(ctx, &jushuitan.OtherInOutUpload{
			Type: kind, ExternalID: id, IsConfirm: confirm, WMSCoID: storeWMS, Items: []jushuitan.OtherInOutUploadItem{{SKUID: "TS-BLK-M", Qty: d(qty)}},
		})
		require.NoError(t, err)
		return r.IOID
	}
	turn := func(ioID int64, operate string) error {
		return client.OtherInOuts.ChangeStatus(ctx, &jushuitan.OtherInOutChangeStatusRequest{IOIDs: []string{fmt.Sprint(ioID)}, WMSCoID: storeWMS, OperateType: operate})
	}
	status := func(ioID int64) string {
		page, err := client.OtherInOuts.Query(ctx, &jushuitan.OtherInOutQuery{IOIDs: []string{fmt.Sprint(ioID)}})
		require.NoError(t, err)
		return page.OtherInOuts[0].Status
	}
	out := upload("O-1", "out", "2", false)
	assert.Equal(t, out, upload("O-1", "out", "3", true), "a repeat returns the first result")
	assert.Equal(t, "WaitConfirm", status(out))
	require.NoError(t, turn(out, "1"))
	assert.Equal(t, "OuterConfirming", status(out))
	require.Error(t, turn(out, "1"), "audited")
	require.NoError(t, turn(out, "2"))
	require.NoError(t, turn(out, "4"))
	assert.Equal(t, "2", qtyOf(t, srv, storeWMS, "qty"))
	require.NoError(t, turn(out, "")) // void after it took effect
	assert.Equal(t, "Cancelled", status(out))
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "qty"))
	require.Error(t, turn(out, "3"), "void")
	require.Error(t, srv.ConfirmOtherInOut(out, nil), "void")

	in := upload("O-2", "in", "3", true)
	assert.Equal(t, "7", qtyOf(t, srv, storeWMS, "qty"))
	gone := upload("O-3", "out", "6", true)
	require.ErrorIs(t, turn(in, "3"), jushuitan.ErrInvalid, "what came in is gone")
	require.NoError(t, turn(gone, "3"))
	require.NoError(t, turn(in, "3"))
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "qty"))
	draft := upload("O-4", "out", "6", false)
	require.ErrorIs(t, turn(draft, "4"), jushuitan.ErrInvalid, "too few there")
	require.Error(t, srv.ConfirmOtherInOut(draft, nil), "too few there")
	require.Error(t, srv.ConfirmOtherInOut(draft, lines("TS-BLK-M", "7")), "more than asked")
	require.NoError(t, client.OtherInOuts.ChangeStatus(ctx, &jushuitan.OtherInOutChangeStatusRequest{SoIDs: []string{"O-4"}, WMSCoID: storeWMS}))
	assert.Equal(t, "Delete", status(draft))
	assert.Len(t, srv.OtherInOuts(), 4)

	for why, req := range map[string]jushuitan.OtherInOutChangeStatusRequest{
		"branch":    {SoIDs: []string{"O-4"}},
		"other's":   {SoIDs: []string{"O-4"}, WMSCoID: mainWMS},
		"unknown":   {SoIDs: []string{"none"}, WMSCoID: storeWMS},
		"nothing":   {WMSCoID: storeWMS},
		"operation": {SoIDs: []string{"O-2"}, WMSCoID: storeWMS, OperateType: "5"},
	} {
		require.ErrorIs(t, client.OtherInOuts.ChangeStatus(ctx, &req), jushuitan.ErrInvalid, why)
	}
	for _, bad := range []string{
		`{"type":"up","external_id":"X","items":[{"sku_id":"TS-BLK-M","qty":1}]}`,
		`{"type":"in","external_id":"X","remark":"","items":[{"sku_id":"TS-BLK-M","qty":1}]}`,
		`{"type":"in","external_id":"X","warehouse":5,"items":[{"sku_id":"TS-BLK-M","qty":1}]}`,
		`{"type":"in","external_id":"X","wms_co_id":1,"items":[{"sku_id":"TS-BLK-M","qty":1}]}`,
		`{"type":"in","external_id":"X","items":[{"sku_id":"none","qty":1}]}`,
		`{"type":"in","external_id":"X","items":[{"sku_id":"TS-BLK-M","qty":0}]}`,
		`{"type":"out","external_id":"X","is_confirm":true,"items":[{"sku_id":"TS-BLK-M","qty":11}]}`,
	} {
		a := call(t, srv, "/open/jushuitan/otherinout/upload", bad)
		assert.Equal(t, "130", string(a.Code), bad)
	}
	assert.Len(t, srv.OtherInOuts(), 4)
}

func TestOtherInOutCursor(t *testing.T) {
	srv, client := furnished(t)
	upload := func(id string) int64 {
		r, err := client.OtherInOuts.Upload(t.Context(), &jushuitan.OtherInOutUpload{
			Type: "in", ExternalID: id, Items: []jushuitan.OtherInOutUploadItem{{SKUID: "TS-BLK-M", Qty: d("1")}},
		})
		require.NoError(t, err)
		return r.IOID
	}
	first, second := upload("A"), upload("B")
	type row struct {
		IOID int64 `json:"io_id"`
		TS   int64 `json:"ts"`
	}
	since := func(ts int64) []row {
		a := call(t, srv, "/open/other/inout/query", fmt.Sprintf(`{"start_ts":%d,"page_index":1}`, ts))
		require.Equal(t, "0", string(a.Code), a.Msg)
		var data struct{ Datas []row }
		require.NoError(t, json.Unmarshal(a.Data, &data))
		return data.Datas
	}
	rows := since(1)
	require.Len(t, rows, 2)
	last := rows[1].TS
	require.NoError(t, srv.ConfirmOtherInOut(first, nil))
	rows = since(last)
	require.Len(t, rows, 2, "the boundary row and the change")
	assert.Equal(t, []int64{second, first}, []int64{rows[0].IOID, rows[1].IOID})
	assert.Greater(t, rows[1].TS, last)
	assert.Len(t, since(rows[1].TS), 1)
	a := call(t, srv, "/open/other/inout/query", `{"start_ts":1,"status":"Confirmed"}`)
	assert.Equal(t, "130", string(a.Code), "a cursor goes with no filter")

	var got []int64
	var newest int64
	for row, err := range client.OtherInOuts.Since(t.Context(), 0, nil) {
		require.NoError(t, err)
		got = append(got, row.IOID)
		newest = row.TS
	}
	assert.Equal(t, []int64{second, first}, got)
	for row, err := range client.OtherInOuts.Since(t.Context(), newest, nil) {
		require.NoError(t, err)
		t.Errorf("document %d is not newer", row.IOID)
	}
}

// purchased uploads a confirmed purchase of 10 TS-BLK-M and returns its number.
func purchased(t *testing.T, srv *jushuitantest.Server, client *jushuitan.Client, id string, more string) (poID, supplierID int64) {
	t.Helper()
	supplierID, err := srv.AddSupplier(jushuitan.Supplier{Name: "工厂" + id, SupplierCode: id, Enabled: true})
	require.NoError(t, err)
	r, err := client.Purchases.Upload(t.Context(), &jushuitan.PurchaseUpload{
		ExternalID: id, SupplierID: supplierID, WMSCoID: storeWMS, IsConfirm: true, MoreRate: new(d(more)), TaxRate: new(d("13")),
		Items: []jushuitan.PurchaseUploadItem{{SKUID: "TS-BLK-M", Qty: d("10"), Price: new(d("21.5"))}},
	})
	require.NoError(t, err)
	return r.POID, supplierID
}

func purchaseOf(t *testing.T, client *jushuitan.Client, poID int64) jushuitan.Purchase {
	t.Helper()
	page, err := client.Purchases.Query(t.Context(), &jushuitan.PurchaseQuery{POIDs: []string{fmt.Sprint(poID)}})
	require.NoError(t, err)
	require.Len(t, page.Purchases, 1)
	return page.Purchases[0]
}

func TestPurchaseReceivedAndReturned(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	poID, supplierID := purchased(t, srv, client, "PO-1", "20")
	assert.Equal(t, "10", qtyOf(t, srv, storeWMS, "purchase_qty"))
	p := purchaseOf(t, client, poID)
	assert.Equal(t, "Confirmed", p.Status)
	assert.Equal(t, "Not_Received", p.ReceiveStatus)
	assert.Equal(t, "工厂PO-1", p.Seller)

	ioID, err := srv.ReceivePurchase(poID, lines("TS-BLK-M", "4"))
	require.NoError(t, err)
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "in_qty"))
	assert.Equal(t, "6", qtyOf(t, srv, storeWMS, "purchase_qty"))
	p = purchaseOf(t, client, poID)
	assert.Equal(t, "Part_Received", p.ReceiveStatus)
	assert.Equal(t, "4", p.Items[0].InQty.String())
	assert.Equal(t, int64(1), p.Items[0].IsDelivery)
	_, err = srv.ReceivePurchase(poID, lines("TS-BLK-M", "9"))
	require.Error(t, err, "over the 12 that are allowed")
	_, err = srv.ReceivePurchase(1, nil)
	require.Error(t, err)

	rows, err := client.Receipts.Create(ctx, []jushuitan.ReceiptCreateRequest{
		{ExternalID: "IN-1", POID: poID, Warehouse: 1, Items: []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-M", Qty: d("6")}}},
		{ExternalID: "IN-2", POID: poID, Items: []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-L", Qty: d("1")}}},
		{ExternalID: "IN-3", SupplierID: 1, Items: []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-M", Qty: d("1")}}},
		{ExternalID: "IN-4", SupplierID: supplierID, IsConfirm: true, Items: []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-M", Qty: d("1")}}},
		{ExternalID: "IN-5", POID: poID, Items: []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-M", Qty: d("9")}}},
	})
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	for i, ok := range []bool{true, false, false, true, false} {
		assert.Equal(t, ok, rows[i].Err == nil, "row %d: %v", i, rows[i].Err)
	}
	assert.Equal(t, "1", qtyOf(t, srv, mainWMS, "in_qty"), "without a purchase order, in the main warehouse")
	again, err := client.Receipts.Create(ctx, []jushuitan.ReceiptCreateRequest{{ExternalID: "IN-1", POID: poID, IsConfirm: true}})
	require.NoError(t, err)
	assert.Equal(t, rows[0].Result.IOID, again[0].Result.IOID)
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "qty"), "a repeat does not confirm")

	confirm := func(ioID int64, qty string) error {
		return client.Receipts.Confirm(ctx, []jushuitan.ReceiptConfirmRequest{{IOID: ioID, Items: []jushuitan.ReceiptConfirmItem{{SKUID: "TS-BLK-M", Qty: d(qty)}}}})
	}
	require.Error(t, confirm(rows[0].Result.IOID, "9"), "over")
	require.Error(t, confirm(1, "1"), "unknown")
	require.NoError(t, confirm(rows[0].Result.IOID, "7"))
	require.Error(t, confirm(rows[0].Result.IOID, "1"), "again")
	assert.Equal(t, "11", qtyOf(t, srv, storeWMS, "qty"))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "purchase_qty"))
	assert.Equal(t, "Received", purchaseOf(t, client, poID).ReceiveStatus)

	old, err := client.Receipts.Query(ctx, &jushuitan.ReceiptQuery{POIDs: []string{fmt.Sprint(poID)}})
	require.NoError(t, err)
	require.Len(t, old.Receipts, 2)
	assert.Equal(t, ioID, old.Receipts[0].IOID)
	assert.Equal(t, "150.5", old.Receipts[1].Items[0].CostAmount.String())
	v2, err := client.Receipts.QueryV2(ctx, &jushuitan.ReceiptV2Query{POIDs: []int64{poID}})
	require.NoError(t, err)
	require.Len(t, v2.ReceiptV2s, 2)
	assert.Equal(t, old.Receipts[1].TS, v2.ReceiptV2s[1].TS)
	assert.Equal(t, "21.5", v2.ReceiptV2s[1].Items[0].CostPrice.String())
	assert.Len(t, srv.PurchaseReceipts(), 3)

	// Two go back, from the purchase slot.
	back, err := client.PurchaseReturns.Create(ctx, []jushuitan.PurchaseReturnCreateRequest{
		{ExternalID: "PR-1", SupplierID: supplierID, POID: poID, Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: "TS-BLK-M", Qty: d("3")}}},
		{ExternalID: "PR-2", SupplierID: supplierID, POID: poID, IsConfirm: true, Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: "TS-BLK-M", Qty: d("5")}}},
		{ExternalID: "PR-3", SupplierID: supplierID, WMSCoID: storeWMS, Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: "TS-BLK-M", Qty: d("1")}}},
		{ExternalID: "PR-4", SupplierID: supplierID, CreateInOwner: true, IsConfirm: true, Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: "TS-BLK-M", Qty: d("1")}}},
	})
	require.ErrorAs(t, err, &batch)
	for i, ok := range []bool{true, false, true, false} {
		assert.Equal(t, ok, back[i].Err == nil, "row %d: %v", i, back[i].Err)
	}
	assert.Equal(t, "4", qtyOf(t, srv, storeWMS, "in_qty"))
	require.NoError(t, srv.ShipPurchaseReturn(back[0].Result.IOID, lines("TS-BLK-M", "2")))
	require.Error(t, srv.ShipPurchaseReturn(back[0].Result.IOID, nil), "gone")
	assert.Equal(t, "2", qtyOf(t, srv, storeWMS, "in_qty"))
	assert.Equal(t, "2", purchaseOf(t, client, poID).Items[0].ReturnQty.String())
	cancel := func(req jushuitan.PurchaseReturnCancelRequest) error { return client.PurchaseReturns.Cancel(ctx, &req) }
	require.ErrorIs(t, cancel(jushuitan.PurchaseReturnCancelRequest{IOIDs: []int64{back[0].Result.IOID}}), jushuitan.ErrInvalid)
	for range 2 {
		require.NoError(t, cancel(jushuitan.PurchaseReturnCancelRequest{SoIDs: []string{"PR-3"}}))
	}
	page, err := client.PurchaseReturns.Query(ctx, &jushuitan.PurchaseReturnQuery{SoIDs: []string{"PR-1", "PR-3"}})
	require.NoError(t, err)
	require.Len(t, page.PurchaseReturns, 2)
	byKey := map[string]string{}
	for _, r := range page.PurchaseReturns {
		byKey[r.SoID] = r.Status
	}
	assert.Equal(t, map[string]string{"PR-1": "Confirmed", "PR-3": "Cancelled"}, byKey)
	assert.Len(t, srv.PurchaseReturns(), 2)
}

// A purchase order limits what its documents can receive and return in total.
func TestPurchaseBoundsItsDocuments(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	poID, supplierID := purchased(t, srv, client, "PO-1", "0")
	six := []jushuitan.ReceiptCreateItem{{SKUID: "TS-BLK-M", Qty: d("6")}}
	rows, err := client.Receipts.Create(ctx, []jushuitan.ReceiptCreateRequest{
		{ExternalID: "IN-1", POID: poID, Items: six}, {ExternalID: "IN-2", POID: poID, Items: six},
	})
	require.NoError(t, err)
	confirm := func(first, second string) error {
		return client.Receipts.Confirm(ctx, []jushuitan.ReceiptConfirmRequest{
			{IOID: rows[0].Result.IOID, Items: []jushuitan.ReceiptConfirmItem{{SKUID: "TS-BLK-M", Qty: d(first)}}},
			{IOID: rows[1].Result.IOID, Items: []jushuitan.ReceiptConfirmItem{{SKUID: "TS-BLK-M", Qty: d(second)}}},
		})
	}
	require.Error(t, confirm("6", "6"))
	assert.Equal(t, "10", qtyOf(t, srv, storeWMS, "purchase_qty"), "all rows pass or none does")
	page, err := client.Receipts.Query(ctx, &jushuitan.ReceiptQuery{SoIDs: []string{"IN-1", "IN-2"}})
	require.NoError(t, err)
	assert.Empty(t, page.Receipts, "by default only what is received")
	page, err = client.Receipts.Query(ctx, &jushuitan.ReceiptQuery{Statuses: []string{"WaitConfirm"}})
	require.NoError(t, err)
	assert.Len(t, page.Receipts, 2)
	require.NoError(t, confirm("6", "4"))
	assert.Equal(t, "10", qtyOf(t, srv, storeWMS, "in_qty"))

	require.NoError(t, srv.SetStock(storeWMS, "TS-BLK-M", d("50")))
	for qty, ok := range map[string]bool{"11": false, "10": true} {
		_, err = client.PurchaseReturns.Create(ctx, []jushuitan.PurchaseReturnCreateRequest{{
			ExternalID: "PR-" + qty, SupplierID: supplierID, POID: poID, Warehouse: 1, IsConfirm: true,
			Items: []jushuitan.PurchaseReturnCreateItem{{SKUID: "TS-BLK-M", Qty: d(qty)}},
		}})
		assert.Equal(t, ok, err == nil, "%s: %v", qty, err)
	}
	assert.Equal(t, "40", qtyOf(t, srv, storeWMS, "qty"))
	require.Error(t, srv.ShipPurchaseReturn(1, nil))
}

func TestReceiptCursor(t *testing.T) {
	srv, client := furnished(t)
	poID, _ := purchased(t, srv, client, "PO-1", "0")
	var want []int64
	for range 5 {
		ioID, err := srv.ReceivePurchase(poID, lines("TS-BLK-M", "1"))
		require.NoError(t, err)
		want = append(want, ioID)
	}
	var got []int64
	var last int64
	for r, err := range client.Receipts.Since(t.Context(), 1, &jushuitan.ReceiptQuery{PageSize: 2}) {
		require.NoError(t, err)
		got, last = append(got, r.IOID), r.TS
	}
	assert.Equal(t, want, got)
	ioID, err := srv.ReceivePurchase(poID, nil)
	require.NoError(t, err)
	page, err := client.Receipts.Query(t.Context(), &jushuitan.ReceiptQuery{StartTS: last, IsGetTotal: new(false)})
	require.NoError(t, err)
	require.Len(t, page.Receipts, 2, "the boundary row and the new one")
	assert.Equal(t, ioID, page.Receipts[1].IOID)
	a := sendAs(t, srv, "/open/purchasein/query", jushuitan.ReceiptQuery{StartTS: 1, POIDs: []string{"1"}})
	assert.Equal(t, "130", string(a.Code))
	a = sendAs(t, srv, "/open/webapi/wmsapi/purchasein/purchaseinquery", jushuitan.ReceiptV2Query{SellerIDs: []int64{1}})
	assert.Equal(t, "130", string(a.Code))
}

func TestPurchaseStates(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	poID, supplierID := purchased(t, srv, client, "PO-1", "0")
	turn := func(option int64) error {
		reply, err := client.Purchases.ChangeStatus(ctx, &jushuitan.PurchaseChangeStatusRequest{POIDs: []string{fmt.Sprint(poID)}, Option: option})
		if err == nil {
			assert.Equal(t, purchaseOf(t, client, poID).Status, reply.Rows[0].Status)
		}
		return err
	}
	require.Error(t, turn(1), "it is confirmed")
	require.NoError(t, turn(2))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "purchase_qty"))
	_, err := srv.ReceivePurchase(poID, nil)
	require.Error(t, err, "it waits")
	require.NoError(t, turn(1))
	require.NoError(t, turn(4))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "purchase_qty"))
	require.Error(t, client.Purchases.Cancel(ctx, &jushuitan.PurchaseCancelRequest{Type: "po", POIDs: []int64{poID}}), "finished")
	require.NoError(t, turn(5))
	assert.Equal(t, "10", qtyOf(t, srv, storeWMS, "purchase_qty"))

	before := purchaseOf(t, client, poID)
	srv.Advance(time.Minute)
	same := jushuitan.PurchaseUpload{
		ExternalID: "PO-1", SupplierID: supplierID, WMSCoID: mainWMS, Remark: "急",
		Items: []jushuitan.PurchaseUploadItem{{SKUID: "TS-BLK-M", Qty: d("12")}, {SKUID: "TS-BLK-L", Qty: d("1")}},
	}
	r, err := client.Purchases.Upload(ctx, &same)
	require.NoError(t, err)
	assert.Equal(t, poID, r.POID)
	assert.Equal(t, before, purchaseOf(t, client, poID), "a repeat changes nothing")
	same.IsEdit = true
	_, err = client.Purchases.Upload(ctx, &same)
	require.NoError(t, err)
	p := purchaseOf(t, client, poID)
	assert.Equal(t, "急", p.Remark)
	assert.Len(t, p.Items, 2)
	assert.True(t, p.Modified.After(before.Modified))
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "purchase_qty"), "moved to the other warehouse")
	assert.Equal(t, "12", qtyOf(t, srv, mainWMS, "purchase_qty"))
	srv.Advance(time.Minute)
	edit := &jushuitan.PurchaseEditRequest{POID: poID, Items: []jushuitan.PurchaseEditItem{{SKUID: "TS-BLK-M", Qty: new(d("11"))}}}
	require.NoError(t, client.Purchases.Edit(ctx, edit))
	edited := purchaseOf(t, client, poID)
	srv.Advance(time.Minute)
	require.NoError(t, client.Purchases.Edit(ctx, edit))
	assert.Equal(t, edited, purchaseOf(t, client, poID), "a repeat changes nothing")
	assert.Equal(t, "11", qtyOf(t, srv, mainWMS, "purchase_qty"))

	labels := func(action int64, l ...string) error {
		return client.Purchases.SetLabels(ctx, &jushuitan.PurchaseSetLabelsRequest{SoID: "PO-1", Labels: l, ActionType: action})
	}
	require.NoError(t, labels(0, "加急", "夏"))
	require.NoError(t, labels(2, "夏"))
	assert.Equal(t, jushuitan.CommaList{"加急"}, purchaseOf(t, client, poID).Labels)
	require.ErrorIs(t, labels(1, "一二三四五六七八九十一"), jushuitan.ErrInvalid)
	require.ErrorIs(t, labels(3, "夏"), jushuitan.ErrInvalid)

	_, err = srv.ReceivePurchase(poID, lines("TS-BLK-M", "5"))
	require.NoError(t, err)
	edit.Items[0].Qty = new(d("4"))
	require.ErrorIs(t, client.Purchases.Edit(ctx, edit), jushuitan.ErrInvalid, "fewer than received")
	require.Error(t, turn(2), "received in part")
	require.Error(t, turn(3), "received in part")
	require.ErrorIs(t, client.Purchases.Cancel(ctx, &jushuitan.PurchaseCancelRequest{Type: "po", POIDs: []int64{poID}}), jushuitan.ErrInvalid)

	voided, _ := purchased(t, srv, client, "PO-2", "0")
	for range 2 {
		require.NoError(t, client.Purchases.Cancel(ctx, &jushuitan.PurchaseCancelRequest{Type: "po", SoIDs: []string{"PO-2"}}))
	}
	assert.Equal(t, "Cancelled", purchaseOf(t, client, voided).Status)
	assert.Equal(t, "0", qtyOf(t, srv, storeWMS, "purchase_qty"))
	require.ErrorIs(t, client.Purchases.Edit(ctx, &jushuitan.PurchaseEditRequest{POID: voided, Remark: "x"}), jushuitan.ErrInvalid)
	reply, err := client.Purchases.ChangeStatus(ctx, &jushuitan.PurchaseChangeStatusRequest{POIDs: []string{"1"}, Option: 1})
	require.Error(t, err)
	assert.Equal(t, "采购单不存在", reply.Rows[0].Msg)
	page, err := client.Purchases.Query(ctx, &jushuitan.PurchaseQuery{Statuses: []string{"Cancelled"}})
	require.NoError(t, err)
	assert.Len(t, page.Purchases, 1)
	assert.Len(t, srv.Purchases(), 2)
	_, err = client.Purchases.Upload(ctx, &jushuitan.PurchaseUpload{ExternalID: "X", SupplierID: 1, Items: same.Items})
	require.ErrorIs(t, err, jushuitan.ErrInvalid, "no such supplier")
}

func TestSuppliers(t *testing.T) {
	srv, client := furnished(t)
	ctx := t.Context()
	rows, err := client.Suppliers.Upload(ctx, []jushuitan.SupplierUpload{
		{SupplierCode: "S-1", Name: "甲厂", Enabled: true}, {SupplierCode: "S-2", Name: "甲厂"}, {SupplierCode: "S-3", Name: "丙厂"},
	})
	var batch *jushuitan.BatchError
	require.ErrorAs(t, err, &batch)
	require.NoError(t, rows[0].Err)
	require.Error(t, rows[1].Err, "the name is taken")
	begin := srv.Now()
	srv.Advance(time.Hour)
	again, err := client.Suppliers.Upload(ctx, []jushuitan.SupplierUpload{
		{SupplierCode: "S-1", Name: "甲厂", Enabled: true}, {SupplierCode: "S-3", Name: "丙厂", Group: "面料"},
	})
	require.NoError(t, err)
	assert.Equal(t, rows[0].Result.ID, again[0].Result.ID)
	page, err := client.Suppliers.Query(ctx, &jushuitan.SupplierQuery{ModifiedBegin: begin.Add(time.Minute), ModifiedEnd: begin.Add(2 * time.Hour)})
	require.NoError(t, err)
	require.Len(t, page.Suppliers, 1, "a repeat that changes nothing is no change")
	assert.Equal(t, "面料", page.Suppliers[0].Group)
	a := call(t, srv, "/open/supplier/query", `{}`)
	assert.Equal(t, "130", string(a.Code), "a list or the window is needed")
	_, err = srv.AddSupplier(jushuitan.Supplier{})
	require.Error(t, err)
}

// Whatever is done, transfers neither make goods nor lose them: stock in all slots
// of all warehouses and what is in transit add up to the same.
func TestTransfersConserveStock(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { conserve(t, rand.New(rand.NewPCG(seed, 3)), done) })
	}
	for _, name := range []string{"cross", "inner", "confirm", "ship", "receive", "cancel", "difference", "in", "out", "purchase"} {
		assert.GreaterOrEqual(t, done[name], 5, "%s: %v", name, done)
	}
}

// conserve does random things and counts what worked.
func conserve(t *testing.T, r *rand.Rand, done map[string]int) {
	srv, client := furnished(t)
	ctx := t.Context()
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{Name: "二店", WMSCoID: otherWMS}))
	warehouses := []int64{mainWMS, storeWMS, otherWMS}
	slots := []int64{1, 1, 1, 2, 3, 4, 6}
	skus := []string{"TS-BLK-M", "TS-BLK-L"}
	poID, _ := purchased(t, srv, client, "PO", "1000")
	want := map[string]decimal.Decimal{skus[0]: d("14"), skus[1]: d("14")}
	count := func(name string, err error) bool {
		if err == nil {
			done[name]++
		}
		return err == nil
	}
	some := func(doc jushuitan.Transfer) map[string]decimal.Decimal {
		if len(doc.Items) == 0 {
			return nil
		}
		return map[string]decimal.Decimal{doc.Items[0].SKUID: decimal.NewFromInt(r.Int64N(4))}
	}
	for step := range 120 {
		docs := srv.Transfers()
		// one is some document; most of the time one for which fit holds.
		one := func(fit func(doc jushuitan.Transfer) bool) jushuitan.Transfer {
			list := docs
			if r.IntN(4) > 0 {
				list = slices.DeleteFunc(slices.Clone(docs), func(doc jushuitan.Transfer) bool { return !fit(doc) })
			}
			if len(list) == 0 {
				return jushuitan.Transfer{IOID: 1}
			}
			return list[r.IntN(len(list))]
		}
		open := func(doc jushuitan.Transfer) bool { return doc.Status == "Creating" }
		id := fmt.Sprintf("D-%d", step)
		sku, qty := skus[r.IntN(2)], decimal.NewFromInt(1+r.Int64N(4))
		switch r.IntN(9) {
		case 0, 1:
			_, err := client.Transfers.UploadCrossWarehouse(ctx, []jushuitan.CrossTransferUpload{{
				SoID: id, GoCoID: warehouses[r.IntN(3)], Warehouse: slots[r.IntN(len(slots))], LinkCoID: warehouses[r.IntN(3)], LinkWarehouse: slots[r.IntN(len(slots))],
				Items: []jushuitan.CrossTransferUploadItem{{SKUID: sku, Qty: qty}}, IsConfirm: r.IntN(3) == 0,
			}})
			count("cross", err)
		case 2:
			_, err := client.Transfers.UploadInWarehouse(ctx, &jushuitan.InnerTransferUpload{
				SoID: id, WMSCoID: warehouses[r.IntN(3)], Warehouse: slots[r.IntN(len(slots))], LinkWarehouse: slots[r.IntN(len(slots))],
				Items: []jushuitan.InnerTransferUploadItem{{SKUID: sku, Qty: qty}}, IsConfirm: r.IntN(2) == 0,
			})
			count("inner", err)
		case 3:
			doc := one(open)
			count("confirm", client.Transfers.Confirm(ctx, &jushuitan.TransferConfirmRequest{IOID: doc.IOID, WMSCoID: doc.WMSCoID, IsForce: r.IntN(2) == 0}))
		case 4:
			doc := one(func(doc jushuitan.Transfer) bool { return open(doc) && doc.Type == "调拨出" })
			count("ship", srv.ShipTransfer(doc.IOID, some(doc)))
		case 5:
			doc := one(func(doc jushuitan.Transfer) bool { return open(doc) && doc.Type == "调拨入" })
			count("receive", srv.ReceiveTransfer(doc.IOID, some(doc)))
		case 6:
			count("cancel", client.Transfers.Cancel(ctx, &jushuitan.TransferCancelRequest{IOID: one(func(jushuitan.Transfer) bool { return true }).IOID}))
		case 7:
			doc := one(func(doc jushuitan.Transfer) bool {
				return !open(doc) && doc.Type == "调拨入" && !doc.Items[0].Qty.Equal(doc.Items[0].RQty)
			})
			if len(doc.Items) > 0 {
				sku = doc.Items[0].SKUID
			}
			_, err := client.Transfers.CreateDifference(ctx, &jushuitan.TransferCreateDifferenceRequest{IOID: doc.IOID, Items: []jushuitan.TransferCreateDifferenceItem{
				{SKUID: sku, Qty: decimal.NewFromInt(r.Int64N(4) - 1)},
			}})
			count("difference", err)
		case 8: // goods that do come in or go out
			kind := []string{"in", "out"}[r.IntN(2)]
			_, err := client.OtherInOuts.Upload(ctx, &jushuitan.OtherInOutUpload{
				Type: kind, ExternalID: id, IsConfirm: true, Warehouse: slots[r.IntN(len(slots))],
				Items: []jushuitan.OtherInOutUploadItem{{SKUID: sku, Qty: qty}},
			})
			if count(kind, err) {
				if kind == "out" {
					qty = qty.Neg()
				}
				want[sku] = want[sku].Add(qty)
			}
			if _, err := srv.ReceivePurchase(poID, lines(skus[0], "1")); count("purchase", err) {
				want[skus[0]] = want[skus[0]].Add(d("1"))
			}
		}
		got := map[string]decimal.Decimal{}
		for _, row := range srv.Stock(0) {
			got[row.SKUID] = row.Qty.Add(row.ReturnQty).Add(row.InQty).Add(row.DefectiveQty).Add(row.CustomizeQty1).Add(row.AllocateQty)
		}
		for _, sku := range skus {
			require.True(t, want[sku].Equal(got[sku]), "step %d, %s: %s, not %s", step, sku, got[sku], want[sku])
		}
	}
	// What is in transit is what shipped documents still wait for or miss.
	open := decimal.Zero
	for _, doc := range srv.Transfers() {
		for _, it := range doc.Items {
			switch {
			case doc.Remark == "调拨差异" && doc.Type == "调拨入":
				open = open.Sub(it.Qty)
			case doc.Remark == "调拨差异":
				open = open.Add(it.Qty)
			case doc.Type == "调拨入":
				open = open.Add(it.Qty).Sub(it.RQty)
			}
		}
	}
	sum := decimal.Zero
	for _, row := range srv.Stock(0) {
		sum = sum.Add(row.AllocateQty)
	}
	assert.True(t, open.Equal(sum), "in transit %s, documents %s", sum, open)
}
