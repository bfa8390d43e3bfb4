package jushuitantest_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestBundles: bundles are kept apart from products and have no stock of their own.
func TestBundles(t *testing.T) {
	srv, client := furnished(t)
	one, two := d("1"), d("2")
	upload := func(flags jushuitan.BundleUploadRequest, rows ...jushuitan.BundleUpload) error {
		flags.Items = rows
		return client.Bundles.Upload(t.Context(), &flags)
	}
	row := jushuitan.BundleUpload{
		SKUID: "SET-1", Name: "两件套", Labels: jushuitan.CommaList{"店加"}, Enabled: "备用",
		Components: []jushuitan.BundleUploadComponent{{SrcSKUID: "TS-BLK-M", Qty: one}, {SrcSKUID: "TS-BLK-L", Qty: two}},
	}
	read := func() map[string]jushuitan.Bundle {
		found := map[string]jushuitan.Bundle{}
		for b, err := range client.Bundles.All(t.Context(), &jushuitan.BundleQuery{SKUIDs: jushuitan.CommaList{"SET-1", "SET-2", "TS-BLK-M"}}) {
			require.NoError(t, err)
			found[b.SKUID] = *b
		}
		return found
	}

	require.NoError(t, upload(jushuitan.BundleUploadRequest{}, row))
	kept := read()["SET-1"]
	assert.Equal(t, []any{"SET-1", "两件套", int64(0), "2", jushuitan.CommaList{"店加"}},
		[]any{kept.IID, kept.Name, kept.Enabled, kept.SKUQty.String(), kept.Labels})
	require.Len(t, kept.Items, 2)
	assert.Equal(t, []any{"TS-BLK-L", "2", "SET-1"}, []any{kept.Items[1].SrcSKUID, kept.Items[1].Qty.String(), kept.Items[1].CombineSKUID})

	changed := row
	changed.Name, changed.Labels, changed.DeletedLabels, changed.Enabled = "", jushuitan.CommaList{"新品"}, jushuitan.CommaList{"店加"}, "启用"
	require.NoError(t, upload(jushuitan.BundleUploadRequest{IsCover: new(false)}, changed))
	assert.Equal(t, kept, read()["SET-1"], "is_cover false leaves an existing bundle as it is")
	require.NoError(t, upload(jushuitan.BundleUploadRequest{}, changed))
	kept = read()["SET-1"]
	assert.Equal(t, []any{"两件套", int64(1), jushuitan.CommaList{"新品"}}, []any{kept.Name, kept.Enabled, kept.Labels}, "an empty name changes nothing")
	changed.Labels, changed.IsAddLabels = jushuitan.CommaList{"套装"}, new(false)
	require.NoError(t, upload(jushuitan.BundleUploadRequest{}, changed))
	assert.Equal(t, jushuitan.CommaList{"套装"}, read()["SET-1"].Labels, "replaced")

	for name, wrong := range map[string]func(*jushuitan.BundleUpload){
		"a component that does not exist": func(u *jushuitan.BundleUpload) { u.Components[0].SrcSKUID = "none" },
		"a product's code":                func(u *jushuitan.BundleUpload) { u.SKUID = "TS-BLK-M" },
		"an unknown state":                func(u *jushuitan.BundleUpload) { u.Enabled = "1" },
		"an entity that does not exist":   func(u *jushuitan.BundleUpload) { u.EntitySKUID = "none" },
	} {
		bad := row
		bad.SKUID, bad.Components = "SET-2", append([]jushuitan.BundleUploadComponent(nil), row.Components...)
		wrong(&bad)
		good := row
		good.SKUID = "SET-2"
		require.Error(t, upload(jushuitan.BundleUploadRequest{}, good, bad), name)
		assert.NotContains(t, read(), "SET-2", "%s: all rows of a call are kept or none", name)
	}

	for _, r := range srv.Stock(0) {
		assert.NotEqual(t, "SET-1", r.SKUID, "a bundle has no stock row")
	}
	srv.Advance(time.Hour)
	require.NoError(t, srv.AddBundle(jushuitan.Bundle{SKUID: "SET-2", Items: []jushuitan.BundleComponent{{SrcSKUID: "TS-BLK-M", Qty: two}}}))
	n := 0
	for b, err := range client.Bundles.All(t.Context(), &jushuitan.BundleQuery{ModifiedBegin: srv.Now().Add(-time.Minute), ModifiedEnd: srv.Now()}) {
		require.NoError(t, err)
		assert.Equal(t, "SET-2", b.SKUID, "what changed in the window")
		n++
	}
	assert.Equal(t, 1, n)
	require.Error(t, srv.AddBundle(jushuitan.Bundle{SKUID: "SET-3"}))

	var rows []jushuitan.BundleUpload
	for i := range 51 {
		r := row
		r.SKUID = "MANY-" + strconv.Itoa(i)
		rows = append(rows, r)
	}
	require.NoError(t, upload(jushuitan.BundleUploadRequest{}, rows...), "the client sends 50 rows a call")
	page, err := client.Bundles.Query(t.Context(), &jushuitan.BundleQuery{IIDs: []string{"MANY-50"}})
	require.NoError(t, err)
	require.Len(t, page.Bundles, 1)
}
