package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// TestFindMountCategory: 挂载类目 is the name of a first-level category of DianJia.
func TestFindMountCategory(t *testing.T) {
	categories := []dianjia.Category{
		{Code: "9", Name: "聚水潭"}, {Code: "91", Name: "上衣", ParentCode: "9"}, {Code: "8", Name: "其他"}, {Code: "81", Name: "其他", ParentCode: "8"},
		{Code: "6", Name: "女装"}, {Code: "7", Name: "女装"},
	}
	got, err := mapping.FindMountCategory("\ufeff 聚水潭　\u200b", categories)
	require.NoError(t, err)
	assert.Equal(t, "9", got.Code)
	got, err = mapping.FindMountCategory("其他", categories)
	require.NoError(t, err)
	assert.Equal(t, "8", got.Code, "the one on the first level")
	for name, want := range map[string]string{"上衣": "not on the first level", "女装": "2 first-level categories", "男装": "no first-level category", "": "no first-level category"} {
		_, err := mapping.FindMountCategory(name, categories)
		require.ErrorContains(t, err, want, name)
	}
}

// TestMountedChain: a leaf below other categories is mounted with all of them, and the plan
// says which must exist, from the one below the mount down; planning again changes nothing.
func TestMountedChain(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{Categories: []jushuitan.Category{
		{CID: 1, Name: "服装"}, {CID: 11, ParentCID: 1, Name: "女装"}, {CID: 111, ParentCID: 11, Name: "T恤"},
		{CID: 21, ParentCID: 2, Name: "鞋"}, {CID: 31, ParentCID: 32, Name: "环"}, {CID: 32, ParentCID: 31, Name: "路"},
		{CID: 9, ParentCID: 1, Name: "聚水潭"}, {CID: 91, ParentCID: 9, Name: "鞋"},
	}})
	settings := mapping.SyncSettings{AutoCreate: true, MountCategory: dianjia.Category{Code: "9", Name: "聚水潭"}}
	for cid, want := range map[int64]string{
		111: "服装 (1) < 9; 女装 (11) < 1; T恤 (111) < 11",
		1:   "服装 (1) < 9",
		21:  " (2) < 9; 鞋 (21) < 2",
		77:  "散 (77) < 9",
		31:  "路 (32) < 9; 环 (31) < 32", // each category once, also where the tree is broken
		91:  "鞋 (91) < 9",              // the mount category is in the merchant's own tree
	} {
		incoming := m.SKUs([]jushuitan.SKU{{SKUID: "A-1", IID: "A", Name: "甲", CID: cid, Category: "散"}})[0]
		decision := settings.Plan(nil, incoming)
		var chain []string
		for _, c := range decision.Categories {
			chain = append(chain, fmt.Sprintf("%s (%s) < %s", c.Name, c.Code, c.ParentCode))
		}
		assert.Equal(t, want, strings.Join(chain, "; "))
		assert.True(t, decision.Has(mapping.RuleCategoryMounted))
		last := decision.Categories[len(decision.Categories)-1]
		assert.Equal(t, last, decision.Product.Category)
		again := settings.Plan(&decision.Product, incoming)
		assert.Equal(t, mapping.ActionSkip, again.Action, again.String())
		assert.Empty(t, again.Categories)
	}
}

// TestStyleOfSiblings: by SKU, the values of a style do not depend on the windows in which its
// SKUs come, and do not flip: they are those of the first SKU by code.
func TestStyleOfSiblings(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{Year: mapping.FromOther(1)})
	settings := mapping.SyncSettings{AutoCreate: true}
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 5))
		rows := make([]jushuitan.SKU, 2+rng.IntN(4))
		for i := range rows {
			rows[i] = jushuitan.SKU{SKUID: fmt.Sprintf("A-%d", i), IID: "A", Name: fmt.Sprint("名", rng.IntN(3)), Brand: []string{"", "青禾", "禾苗"}[rng.IntN(3)], Other1: []string{"", "2025", "2026"}[rng.IntN(3)], CID: int64(1 + rng.IntN(3)), Category: "类"}
		}
		whole := m.SKUs(rows)[0]
		var product *dianjia.Product
		apply := func(window ...jushuitan.SKU) mapping.SyncDecision {
			d := settings.Plan(product, m.SKUs(window)[0])
			if d.Action != mapping.ActionSkip {
				product = &d.Product
			}
			return d
		}
		order := rng.Perm(len(rows))
		for _, i := range order {
			apply(rows[i])
		}
		got := []string{product.Name, product.Brand, product.Year, product.Category.Code}
		require.Equal(t, []string{whole.Name, whole.Brand, whole.Year, whole.Category.Code}, got, "seed %d: the whole style in windows of one SKU, %v", seed, order)
		for range 4 { // increments that change nothing
			i := rng.IntN(len(rows))
			d := apply(rows[i])
			require.Equal(t, mapping.ActionSkip, d.Action, "seed %d: row %d again: %s", seed, i, d)
		}
	}
	d := settings.Plan(nil, m.SKUs([]jushuitan.SKU{{SKUID: "A-1", IID: "A", Name: "甲"}, {SKUID: "A-2", IID: "A", Name: "乙"}})[0])
	assert.Equal(t, "甲", d.Product.Name)
	assert.True(t, d.Has(mapping.RuleStyleFromFirst), "a reason says so")
	queries := mapping.SiblingQueries([]*dianjia.Product{{StyleNo: "B"}, {StyleNo: "A"}, {StyleNo: "B"}, {}, {StyleNo: "C"}}, func(no string) bool { return no == "C" })
	require.Len(t, queries, 1)
	assert.Equal(t, []string{"A", "B"}, queries[0].IIDs)
}

// TestProductDetails: packaging and disabled SKUs are not created, a renamed SKU is the same
// one, a SKU that moved is reported on both styles, a price of 0 is said.
func TestProductDetails(t *testing.T) {
	m := mapper(t, mapping.ProductConfig{})
	settings := mapping.SyncSettings{AutoCreate: true}
	row := jushuitan.SKU{SKUID: "A-1", IID: "A", Name: "甲", Enabled: 1, Autoid: 501, SKUCodes: jushuitan.CommaList{"69", "70"}, Pic: "https://img.example/a.jpg", Weight: dec("0.25"), StockDisabled: 1, MarketPrice: dec("0"), SalePrice: dec("-59"), ItemType: "成品", SKUCode: "6901"}
	box := jushuitan.SKU{SKUID: "A-9", IID: "A", Name: "盒", ItemType: dianjia.KindPackaging}
	off := jushuitan.SKU{SKUID: "A-8", IID: "A", Name: "旧", Enabled: -1}
	d := settings.Plan(nil, m.SKUs([]jushuitan.SKU{row, box, off})[0])
	require.Len(t, d.Product.SKUs, 1)
	sku := d.Product.SKUs[0]
	assert.Equal(t, "A-1 [69 70] https://img.example/a.jpg 0.25 启用 true 501 成品", fmt.Sprint(sku.Code, " ", sku.Barcodes, " ", sku.Picture, " ", sku.Weight.Decimal, " ", sku.State, " ", sku.StockDisabled, " ", sku.AutoID, " ", sku.Kind))
	for _, rule := range []mapping.SyncRule{mapping.RulePackaging, mapping.RuleDisabledNotCreated, mapping.RuleZeroPriceUnset, mapping.RuleNegativePriceUnset} {
		assert.True(t, d.Has(rule), rule)
	}
	assert.Equal(t, dianjia.Price{}, sku.Price)
	only := settings.Plan(nil, m.SKUs([]jushuitan.SKU{box})[0])
	assert.Equal(t, mapping.ActionSkip, only.Action, "packaging is no product")
	assert.True(t, only.Has(mapping.RulePackaging))

	changed := row // each detail changes, and each change is said
	changed.SKUCode = "6902"
	changed.SKUCodes, changed.Pic, changed.Weight, changed.StockDisabled, changed.Autoid, changed.ItemType, changed.Enabled = jushuitan.CommaList{"71"}, "b.jpg", dec("0.3"), 0, 502, "半成品", -1
	update := settings.Plan(&d.Product, m.SKUs([]jushuitan.SKU{changed})[0])
	said := map[mapping.ProductField]string{}
	for _, c := range update.Changes {
		assert.Equal(t, "A-1", c.SKU)
		said[c.Field] = c.Old + ">" + c.New
	}
	assert.Equal(t, map[mapping.ProductField]string{
		mapping.FieldPicture: "https://img.example/a.jpg>b.jpg", mapping.FieldKind: "成品>半成品", mapping.FieldState: "启用>停用", mapping.FieldWeight: "0.25>0.3",
		mapping.FieldBarcodes: "69,70>71", mapping.FieldStockOff: "true>false", mapping.FieldAutoID: "501>502",
		mapping.FieldBarcode: "6901>6902",
	}, said)
	sku = update.Product.SKUs[0]
	assert.Equal(t, "6902", sku.Barcode)
	assert.Equal(t, "A-1 [71] b.jpg 0.3 停用 false 502 半成品", fmt.Sprint(sku.Code, " ", sku.Barcodes, " ", sku.Picture, " ", sku.Weight.Decimal, " ", sku.State, " ", sku.StockDisabled, " ", sku.AutoID, " ", sku.Kind))

	renamed := row
	renamed.SKUID, renamed.Enabled = "A-1-NEW", -1
	next := settings.Plan(&d.Product, m.SKUs([]jushuitan.SKU{renamed})[0])
	require.Len(t, next.Product.SKUs, 1)
	assert.Equal(t, "A-1-NEW 停用", fmt.Sprint(next.Product.SKUs[0].Code, " ", next.Product.SKUs[0].State))
	assert.True(t, next.Has(mapping.RuleSKURenamed))
	assert.True(t, slices.Contains(next.Changes, mapping.SyncChange{Field: mapping.FieldSKUCode, SKU: "A-1-NEW", Old: "A-1", New: "A-1-NEW"}))
	assert.Equal(t, mapping.ActionSkip, settings.Plan(&next.Product, m.SKUs([]jushuitan.SKU{renamed})[0]).Action)

	there := row
	there.IID = "B"
	moved := mapping.MovedSKUs([]*dianjia.Product{&d.Product}, m.SKUs([]jushuitan.SKU{there}))
	require.Len(t, moved, 2)
	assert.Equal(t, mapping.RuleSKUMovedAway, moved["A"][0].Rule)
	assert.Equal(t, mapping.RuleSKUMovedHere, moved["B"][0].Rule)
	assert.Contains(t, moved["B"][0].String(), "A")
}

// TestRenamedSKUs: a SKU is the one with its autoid, in any order of the rows: also where codes
// are swapped or passed on. A code that an unknown SKU has stays with the one that has it.
func TestRenamedSKUs(t *testing.T) {
	const letters = "ABCDE"
	for seed := range uint64(racetest.Fewer(10000)) {
		rng := rand.New(rand.NewPCG(seed, 8))
		stored, incoming, want := &dianjia.Product{StyleNo: "S"}, &dianjia.Product{StyleNo: "S"}, map[int64]string{}
		before, after := rng.Perm(len(letters)), rng.Perm(len(letters))
		n := 1 + rng.IntN(4)
		for i := range n {
			id := int64(100 + i)
			stored.SKUs = append(stored.SKUs, dianjia.SKU{Code: letters[before[i] : before[i]+1], AutoID: id, Barcode: fmt.Sprint(id)})
			incoming.SKUs = append(incoming.SKUs, dianjia.SKU{Code: letters[after[i] : after[i]+1], AutoID: id, Barcode: fmt.Sprint(id)})
			want[id] = letters[after[i] : after[i]+1]
		}
		rng.Shuffle(n, func(i, j int) { incoming.SKUs[i], incoming.SKUs[j] = incoming.SKUs[j], incoming.SKUs[i] })
		d := mapping.SyncSettings{}.Plan(stored, incoming)
		require.Len(t, d.Product.SKUs, n, "seed %d: %s", seed, d)
		for i := range d.Product.SKUs {
			sku := &d.Product.SKUs[i]
			require.Equal(t, want[sku.AutoID], sku.Code, "seed %d", seed)
			require.Equal(t, stored.SKUs[i].AutoID, sku.AutoID, "seed %d: the same SKU in its place", seed)
			require.Equal(t, fmt.Sprint(sku.AutoID), sku.Barcode, "seed %d", seed)
		}
		require.Equal(t, mapping.ActionSkip, mapping.SyncSettings{}.Plan(&d.Product, incoming).Action, "seed %d", seed)
	}
	sku := func(code string, id int64) dianjia.SKU { return dianjia.SKU{Code: code, AutoID: id} }
	for _, tt := range []struct {
		name             string
		stored, incoming []dianjia.SKU
		want             string
	}{
		{"the code passed on, the last one is not among the rows", []dianjia.SKU{sku("A", 1), sku("B", 2)}, []dianjia.SKU{sku("B", 1)}, "A B"},
		{"a new SKU has the old code", []dianjia.SKU{sku("A", 1)}, []dianjia.SKU{sku("A", 2), sku("N", 1)}, "N A"},
		{"the old code comes without an autoid", []dianjia.SKU{sku("A", 1)}, []dianjia.SKU{sku("A", 0), sku("N", 1)}, "A N"},
		{"an autoid that is no identity", []dianjia.SKU{sku("A", 1)}, []dianjia.SKU{sku("N", 1), sku("M", 1)}, "A N M"},
		{"nobody knows the autoid", []dianjia.SKU{sku("A", 0)}, []dianjia.SKU{sku("N", 1)}, "A N"},
	} {
		d := mapping.SyncSettings{}.Plan(&dianjia.Product{StyleNo: "S", SKUs: tt.stored}, &dianjia.Product{StyleNo: "S", SKUs: tt.incoming})
		var codes []string
		for _, s := range d.Product.SKUs {
			codes = append(codes, s.Code)
		}
		assert.Equal(t, tt.want, strings.Join(codes, " "), tt.name)
	}
}
