package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// FindMountCategory returns the mount category (挂载类目) that the merchant named: the only
// category with that name on the first level of DianJia's categories, apart from blanks and
// invisible characters around it. It returns an error if there is none or more than one.
func FindMountCategory(name string, categories []dianjia.Category) (dianjia.Category, error) {
	name = propTrim(name)
	var found []dianjia.Category
	below := 0
	for _, c := range categories {
		switch {
		case propTrim(c.Name) != name || name == "":
		case c.ParentCode != "":
			below++
		case !slices.Contains(found, c):
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return dianjia.Category{}, fmt.Errorf("mapping: mount category %q: %d first-level categories of DianJia have this name"+
			" (codes %s and %s): rename one"+
			" / 挂载类目 %[1]q 对应 %[2]d 个一级类目（编码 %[3]s、%[4]s），请改名",
			name, len(found), found[0].Code, found[1].Code)
	case below > 0:
		return dianjia.Category{}, fmt.Errorf("mapping: mount category %q is not on the first level in DianJia:"+
			" name a first-level category"+
			" / 挂载类目 %[1]q 不是一级类目，请填写一级类目名称", name)
	}
	return dianjia.Category{}, fmt.Errorf("mapping: mount category %q: DianJia has no first-level category of this name:"+
		" create it, or copy its name exactly"+
		" / 店加没有名为 %[1]q 的一级类目，请新建或核对名称", name)
}

// siblingBatch is the number of style numbers of one query.
const siblingBatch = 20

// SiblingQueries returns the queries (client.SKUs.All) for all SKUs of the styles that a sync
// by SKU would create, so that none is created with a part of its SKUs. Add their rows to the
// [ProductGrouper], then plan. stored reports whether DianJia has a style.
func SiblingQueries(incoming []*dianjia.Product, stored func(styleNo string) bool) []*jushuitan.SKUQuery {
	var missing []string
	for _, p := range incoming {
		if p.StyleNo != "" && !stored(p.StyleNo) {
			missing = append(missing, p.StyleNo)
		}
	}
	slices.Sort(missing)
	var queries []*jushuitan.SKUQuery
	for part := range slices.Chunk(slices.Compact(missing), siblingBatch) {
		queries = append(queries, &jushuitan.SKUQuery{IIDs: slices.Clone(part)})
	}
	return queries
}

// MovedSKUs finds the SKUs whose incoming style differs from the one that DianJia has stored.
// It returns a reason for each of the two styles, by 货号: [RuleSKUMovedAway] and
// [RuleSKUMovedHere].
func MovedSKUs(stored, incoming []*dianjia.Product) map[string][]SyncReason {
	type place struct{ style, sku string }
	byCode, byID, here := map[string]place{}, map[int64]place{}, map[place]bool{}
	for _, p := range stored {
		for i := range p.SKUs {
			at := place{p.StyleNo, p.SKUs[i].Code}
			byCode[at.sku] = at
			if id := p.SKUs[i].AutoID; id != 0 {
				byID[id] = at
			}
		}
	}
	for _, p := range incoming {
		for i := range p.SKUs {
			here[place{p.StyleNo, p.SKUs[i].Code}] = true
		}
	}
	moved := map[string][]SyncReason{}
	for _, p := range incoming {
		for i := range p.SKUs {
			sku := &p.SKUs[i]
			from, ok := byCode[sku.Code]
			if !ok {
				from, ok = byID[sku.AutoID]
			}
			if !ok || from.style == p.StyleNo || p.StyleNo == "" || here[from] {
				continue
			}
			moved[from.style] = append(moved[from.style],
				SyncReason{Rule: RuleSKUMovedAway, SKUs: []string{from.sku}, Styles: []string{p.StyleNo}})
			moved[p.StyleNo] = append(moved[p.StyleNo],
				SyncReason{Rule: RuleSKUMovedHere, SKUs: []string{sku.Code}, Styles: []string{from.style}})
		}
	}
	return moved
}

// unwanted reports whether a row must not create its SKU, which DianJia does not have.
func (p *planner) unwanted(row *dianjia.SKU) bool {
	if row.Kind != dianjia.KindPackaging && row.State != dianjia.SKUDisabled {
		return false
	}
	if slices.ContainsFunc(p.Product.SKUs, func(s dianjia.SKU) bool {
		return s.Code == row.Code || s.AutoID != 0 && s.AutoID == row.AutoID
	}) {
		return false
	}
	if row.Kind == dianjia.KindPackaging {
		p.note(RulePackaging, "", row.Code)
	} else {
		p.note(RuleDisabledNotCreated, "", row.Code)
	}
	return true
}

// renamedSKUs returns the index of each stored SKU that comes with another code, by its new code:
// it has the same autoid. A code that another stored SKU has is taken only if that one comes with
// another code too, as where two SKUs swap their codes.
func renamedSKUs(old []dianjia.SKU, rows []*dianjia.SKU, incoming *dianjia.Product) map[string]int {
	ids, unidentified := make(map[int64]int, len(incoming.SKUs)), map[string]bool{}
	for i := range incoming.SKUs {
		ids[incoming.SKUs[i].AutoID]++
		unidentified[incoming.SKUs[i].Code] = incoming.SKUs[i].AutoID == 0
	}
	codes := make(map[int64]string, len(rows))
	for _, row := range rows {
		if row.AutoID != 0 && ids[row.AutoID] == 1 {
			codes[row.AutoID] = row.Code
		}
	}
	renamed, holder := map[string]int{}, make(map[string]int, len(old))
	for i := range old {
		holder[old[i].Code] = i
		if code := codes[old[i].AutoID]; code != "" && code != old[i].Code && !unidentified[old[i].Code] {
			renamed[code] = i
		}
	}
	for again := true; again; { // a SKU that keeps its code may stop another one
		again = false
		moves := make(map[int]bool, len(renamed))
		for _, i := range renamed {
			moves[i] = true
		}
		for code := range renamed {
			if i, taken := holder[code]; taken && !moves[i] {
				delete(renamed, code)
				again = true
			}
		}
	}
	return renamed
}

// details updates the fields of a SKU other than its specification and prices.
func (p *planner) details(sku, row *dianjia.SKU) {
	p.text(FieldPicture, row.Code, &sku.Picture, row.Picture)
	p.text(FieldKind, row.Code, &sku.Kind, row.Kind)
	if row.State != "" && row.State != sku.State {
		p.change(FieldState, row.Code, string(sku.State), string(row.State))
		sku.State = row.State
	}
	if row.Weight.Valid {
		p.price(FieldWeight, row.Code, &sku.Weight, row.Weight)
	}
	if len(row.Barcodes) > 0 && !slices.Equal(sku.Barcodes, row.Barcodes) {
		p.change(FieldBarcodes, row.Code, strings.Join(sku.Barcodes, ","), strings.Join(row.Barcodes, ","))
		sku.Barcodes = row.Barcodes
	}
	if !p.settings.PullSPU && row.StockDisabled != sku.StockDisabled {
		p.change(FieldStockOff, row.Code, fmt.Sprint(sku.StockDisabled), fmt.Sprint(row.StockDisabled))
		sku.StockDisabled = row.StockDisabled
	}
	if row.AutoID != 0 && row.AutoID != sku.AutoID {
		p.change(FieldAutoID, row.Code, fmt.Sprint(sku.AutoID), fmt.Sprint(row.AutoID))
		sku.AutoID = row.AutoID
	}
}

// zeroPrices notes the prices that do not count: of 0, and negative ones.
func (p *planner) zeroPrices(sku string, own map[string]dianjia.OwnValue) {
	for _, field := range [...]ProductField{FieldCostPrice, FieldTagPrice, FieldRetailPrice} {
		switch text := own[string(field)].Text; {
		case strings.HasPrefix(text, "-"):
			p.note(RuleNegativePriceUnset, field, sku)
		case text != "":
			p.note(RuleZeroPriceUnset, field, sku)
		}
	}
}

// styleFields are the fields of a style for which its SKUs have values.
var styleFields = func() []ProductField {
	return append([]ProductField{FieldName, FieldBrand, FieldCategory}, FieldsWithSource()...)
}()

// styleValue returns a pointer to the value of a field of a product.
func styleValue(p *dianjia.Product, field ProductField) *string {
	switch field {
	case FieldName:
		return &p.Name
	case FieldBrand:
		return &p.Brand
	case FieldCategory:
		return &p.Category.Name
	}
	for i := range productAttributes {
		if productAttributes[i].field == field {
			return productAttributes[i].value(p)
		}
	}
	return new(string)
}

// styleOf returns the value of a field that Jushuitan has for a SKU.
func styleOf(p *dianjia.Product, sku *dianjia.SKU, field ProductField) string {
	return uploadOwn(sku, field, *styleValue(p, field))
}

// style returns the values of the style: by style the incoming ones, by SKU that of the first
// SKU by code that has a value, among DianJia's and the incoming SKUs.
func (p *planner) style(incoming *dianjia.Product, rows []*dianjia.SKU) *dianjia.Product {
	if p.settings.PullSPU || len(rows) == 0 {
		return incoming
	}
	in := *incoming
	for _, field := range styleFields {
		have := *styleValue(&p.Product, field)
		known := ""
		if have != "" {
			known = p.firstStored(field)
		}
		first, value := styleFirst(incoming, rows, field)
		keep := known != "" && first != "" && known < first
		switch {
		case field == FieldCategory && keep:
			p.keepCategory = true
		case field == FieldCategory: // with code and parent
		case keep:
			*styleValue(&in, field) = have
		default:
			*styleValue(&in, field) = value
		}
	}
	return &in
}

// styleCategory keeps the category that a style has in Jushuitan if DianJia's is another one: a
// field that is read from it is not changed when it is uploaded. By SKU, each SKU keeps its own.
func (p *planner) styleCategory(name string) {
	if !p.settings.PullSPU || name == "" {
		return
	}
	own := maps.Clone(p.Product.Own)
	if own == nil {
		own = map[string]dianjia.OwnValue{}
	}
	value := dianjia.OwnValue{}
	if name != p.Product.Category.Name {
		value = dianjia.OwnValue{Differs: true, Text: name}
	}
	if planOwn(own, FieldCategory, value); len(own) == 0 {
		own = nil
	}
	p.Product.Own = own
}

// firstStored returns DianJia's first SKU by code that has the style's value of a field.
func (p *planner) firstStored(field ProductField) string {
	first := ""
	for i := range p.Product.SKUs {
		if sku := &p.Product.SKUs[i]; !sku.Own[string(field)].Differs && (first == "" || sku.Code < first) {
			first = sku.Code
		}
	}
	return first
}

// styleFirst returns the first incoming SKU by code that has a value of a field, and the value.
func styleFirst(incoming *dianjia.Product, rows []*dianjia.SKU, field ProductField) (code, value string) {
	for _, row := range rows {
		if text := styleOf(incoming, row, field); text != "" && (code == "" || row.Code < code) {
			code, value = row.Code, text
		}
	}
	return code, value
}

// differences updates and notes the values by which the SKUs differ from their style.
func (p *planner) differences(before, incoming *dianjia.Product, rows []*dianjia.SKU) {
	comes := make(map[string]*dianjia.SKU, len(rows))
	for _, row := range rows {
		comes[row.Code] = row
	}
	stored := make(map[string]bool, len(before.SKUs))
	for i := range before.SKUs {
		stored[before.SKUs[i].Code] = true
	}
	for i := range p.Product.SKUs {
		sku := &p.Product.SKUs[i]
		row, from := comes[sku.Code], incoming
		if row == nil {
			row, from = sku, before
		}
		own := p.own(from, row, func(field ProductField) bool {
			return from == incoming && (p.settings.PullSPU || stored[sku.Code] && styleOf(before, sku, field) != "")
		})
		if stored[sku.Code] && !maps.Equal(sku.Own, own) {
			if old, now := planOwnText(sku.Own), planOwnText(own); old != now {
				p.change(FieldOwn, sku.Code, old, now)
			}
		}
		if sku.Own = own; len(own) == 0 {
			sku.Own = nil
		}
	}
}

// own returns the values by which a SKU differs from its style. from is the product of its
// row; kept reports whether DianJia keeps its value of a field if the row has none.
func (p *planner) own(from *dianjia.Product, row *dianjia.SKU, kept func(ProductField) bool) map[string]dianjia.OwnValue {
	own := maps.Clone(row.Own)
	if own == nil {
		own = map[string]dianjia.OwnValue{}
	}
	for _, field := range styleFields {
		text, value := styleOf(from, row, field), own[string(field)]
		differs := text != *styleValue(&p.Product, field)
		if text == "" && kept(field) {
			differs = differs && (field == FieldCategory || value.Differs) // an empty value leaves that of DianJia
		}
		value.Differs, value.Text = differs, ""
		if value.Differs {
			value.Text = text
			if !p.settings.PullSPU && field != FieldCategory {
				p.note(RuleStyleFromFirst, field, row.Code)
			}
		}
		planOwn(own, field, value)
	}
	return own
}

// planOwn sets a value, or removes it if it is the zero value.
func planOwn(own map[string]dianjia.OwnValue, field ProductField, value dianjia.OwnValue) {
	if value == (dianjia.OwnValue{}) {
		delete(own, string(field))
		return
	}
	own[string(field)] = value
}

// planOwnText formats differences, such as "name=圆领T恤 大码 tag=0", except for the category,
// which usually differs from that in DianJia.
func planOwnText(own map[string]dianjia.OwnValue) string {
	var texts []string
	for _, field := range slices.Sorted(maps.Keys(own)) {
		if field == string(FieldCategory) {
			continue
		}
		if v := own[field]; v.Differs {
			texts = append(texts, field+"="+v.Text)
		} else {
			texts = append(texts, field+" from "+v.From)
		}
	}
	return strings.Join(texts, " ")
}
