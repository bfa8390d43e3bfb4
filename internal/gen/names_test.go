package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGoName(t *testing.T) {
	for wire, want := range map[string]string{
		"o_id": "OID", "so_id": "SoID", "i_id": "IID", "sku_id": "SKUID", "io_id": "IOID", "as_id": "ASID", "l_id": "LID",
		"lc_id": "LCID", "wms_co_id": "WMSCoID", "outer_oi_id": "OuterOIID", "outer_as_id": "OuterASID", "ts": "TS",
		"ClusterInfos": "ClusterInfos", "isIgnore_check_stock": "IsIgnoreCheckStock", "other_price_10": "OtherPrice10",
		"userName": "UserName", "sku_sns": "SKUSNs", "receiver_name_en": "ReceiverNameEn", "loadSkuBin": "LoadSKUBin",
		"is_success": "IsSuccess", "pic": "Pic", "c_id": "CID", "drp_co_id_from": "DrpCoIDFrom",
	} {
		assert.Equal(t, want, goName(wire), wire)
	}
}

func TestSingular(t *testing.T) {
	for plural, want := range map[string]string{
		"Items": "Item", "Categories": "Category", "Batches": "Batch", "Stock": "Stock", "Address": "Address", "SKUs": "SKU", "Pays": "Pay",
	} {
		assert.Equal(t, want, singular(plural), plural)
	}
}

func TestTableCells(t *testing.T) {
	assert.Equal(t, `a\|b`, cell("a|b"))
	assert.Equal(t, "1 day", days(1))
	assert.Equal(t, "7 days", days(7))
}
