package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// SyncAction is what a sync does with a product.
type SyncAction int

// The actions.
const (
	ActionSkip   SyncAction = iota // 跳过: nothing to store
	ActionCreate                   // 新建
	ActionUpdate                   // 更新
)

func (a SyncAction) String() string {
	switch a {
	case ActionSkip:
		return "skip"
	case ActionCreate:
		return "create"
	case ActionUpdate:
		return "update"
	}
	return fmt.Sprintf("SyncAction(%d)", int(a))
}

// SyncDecision is what a sync does with one product, and why.
type SyncDecision struct {
	Action SyncAction
	// Product is the product to store. With ActionSkip it is DianJia's product, or the
	// zero value if there is none. It may share memory with the arguments of Plan.
	Product dianjia.Product
	// Categories is the chain of categories that must exist below the mount category, from top
	// to bottom; create those that DianJia does not have, in this order. The last one is the
	// product's. A category without a row in [ProductConfig].Categories has an empty name. It is
	// nil with ActionSkip.
	Categories []dianjia.Category
	Changes    []SyncChange // empty with ActionSkip
	Reasons    []SyncReason // the rules that decided, in order
}

// ToStore returns the product to store; ok is false if there is nothing to store.
func (d SyncDecision) ToStore() (product *dianjia.Product, ok bool) {
	if d.Action == ActionSkip {
		return nil, false
	}
	return &d.Product, true
}

// Has reports whether the rule was among the reasons.
func (d SyncDecision) Has(rule SyncRule) bool {
	return slices.ContainsFunc(d.Reasons, func(r SyncReason) bool { return r.Rule == rule })
}

// String returns the decision for support staff, in Chinese and English, one line per
// change and reason.
func (d SyncDecision) String() string {
	var b strings.Builder
	b.WriteString(d.Action.String())
	if d.Product.StyleNo != "" {
		b.WriteString(" " + d.Product.StyleNo)
	}
	for _, c := range d.Changes {
		b.WriteString("\n  " + c.String())
	}
	for _, r := range d.Reasons {
		b.WriteString("\n  " + r.String())
	}
	return b.String()
}

// SyncChange is a field that changes. An added SKU is one change, of FieldSKUCode. Old
// is empty if DianJia had no value.
type SyncChange struct {
	Field    ProductField
	SKU      string // 商品编码: empty for a field of the product
	Old, New string
}

// String returns a text such as "标准零售价 [TEE24-WHT-M]: 99 -> 89".
func (c SyncChange) String() string {
	where := ""
	if c.SKU != "" {
		where = " [" + c.SKU + "]"
	}
	return fmt.Sprintf("%s%s: %q -> %q", c.Field.Title(), where, c.Old, c.New)
}

// SyncRule is a rule of the product download.
type SyncRule string

// The rules.
const (
	RuleCreated              SyncRule = "created"                // 自动建档 is on
	RuleNotCreated           SyncRule = "not_created"            // 自动建档 is off
	RuleNotLabelled          SyncRule = "not_labelled"           // 仅同步含店加标签: the product has no such label
	RuleSKUNotLabelled       SyncRule = "sku_not_labelled"       // 仅同步含店加标签: SKUs without it, by SKU
	RuleWholeStyle           SyncRule = "whole_style"            // 拉取SPU: SKUs without the label come with their style
	RuleSalePriceSkipped     SyncRule = "sale_price_skipped"     // 不同步销售价
	RuleSalePriceKept        SyncRule = "sale_price_kept"        // no permission to overwrite it
	RuleSalePriceOverwritten SyncRule = "sale_price_overwritten" // 覆盖销售价 is permitted
	RuleCategoryInitial      SyncRule = "category_initial"       // 仅同步一次类目: put into the initial category 其他
	RuleCategoryStillInitial SyncRule = "category_still_initial" // 仅同步一次类目: still in the initial category
	RuleCategoryKept         SyncRule = "category_kept"          // 仅同步一次类目: no longer in the initial category
	RuleCategoryMounted      SyncRule = "category_mounted"       // 挂载类目
	RuleSpecTemplate         SyncRule = "spec_template"          // 规格模板
	RuleSKUAdded             SyncRule = "sku_added"              // SKUs new to DianJia
	RuleSKUGone              SyncRule = "sku_gone"               // 拉取SPU: SKUs that the style no longer has
	RuleSKUAbsent            SyncRule = "sku_absent"             // by SKU: SKUs without a row
	RuleSKURepeated          SyncRule = "sku_repeated"           // duplicate code: the first counts
	RuleSKUNoCode            SyncRule = "sku_no_code"            // SKUs without 商品编码
	RuleEmptyKept            SyncRule = "empty_kept"             // fields that are empty in Jushuitan
	RuleGone                 SyncRule = "gone"                   // the product is not in Jushuitan
	RuleNoStyleNo            SyncRule = "no_style_no"            // the product has no 货号
	RuleOtherStyle           SyncRule = "other_style"            // the two products differ in 货号
	RuleStyleFromFirst       SyncRule = "style_from_first_sku"   // by SKU: SKUs differ, the first by code decides for the style
	RuleZeroPriceUnset       SyncRule = "zero_price_unset"       // prices of 0 that do not count
	RuleNegativePriceUnset   SyncRule = "negative_price_unset"   // negative prices, which do not count
	RulePackaging            SyncRule = "packaging"              // 包材 is not created as a product
	RuleDisabledNotCreated   SyncRule = "disabled_not_created"   // 停用 SKUs that DianJia does not have
	RuleSKURenamed           SyncRule = "sku_renamed"            // the same SKU with another code
	RuleSKUMovedAway         SyncRule = "sku_moved_away"         // the SKU is in another style now
	RuleSKUMovedHere         SyncRule = "sku_moved_here"         // the SKU was in another style
	RuleUnchanged            SyncRule = "unchanged"              // nothing differs
)

// syncRuleTexts are the rules in Chinese and in English.
var syncRuleTexts = map[SyncRule][2]string{
	RuleCreated:              {"已开启自动建档，新建商品", "auto-create is on: the product is created"},
	RuleNotCreated:           {"未开启自动建档，店加没有的商品不建档", "auto-create is off: a product that DianJia does not have is skipped"},
	RuleNotLabelled:          {"仅同步含店加标签的商品，该商品没有此标签", "only labelled products are synced: this one is not"},
	RuleSKUNotLabelled:       {"仅同步含店加标签的商品，这些SKU没有此标签，不同步", "only labelled SKUs are synced: these are left out"},
	RuleWholeStyle:           {"拉取SPU按款同步，同款中未打标签的SKU一并同步", "by style: SKUs without the label come with their style"},
	RuleSalePriceSkipped:     {"已开启不同步销售价，零售价未同步", "sale prices are not synced: Jushuitan's is ignored"},
	RuleSalePriceKept:        {"未授权覆盖销售价，保留店加零售价", "no permission to overwrite: DianJia's sale price stays"},
	RuleSalePriceOverwritten: {"已授权覆盖销售价，以聚水潭价格为准", "permitted: Jushuitan's sale price overwrites DianJia's"},
	RuleCategoryInitial:      {"仅同步一次类目，首次同步归入“其他”", "category once: the first sync puts the product under the initial category"},
	RuleCategoryStillInitial: {"仅同步一次类目，商品仍在“其他”下，待人工归类", "category once: still under the initial category, a person has to move it"},
	RuleCategoryKept:         {"仅同步一次类目，商品已不在“其他”下，保留店加类目", "category once: no longer under the initial category, its category stays"},
	RuleCategoryMounted:      {"类目挂载到挂载类目下", "the category is placed below the mount category"},
	RuleSpecTemplate:         {"新建商品使用规格模板", "the spec template is assigned to the new product"},
	RuleSKUAdded:             {"新增SKU", "SKUs are added"},
	RuleSKUGone:              {"聚水潭该款已没有这些SKU，店加保留，请人工处理", "the style no longer has these SKUs: DianJia keeps them, a person decides"},
	RuleSKUAbsent:            {"本次数据不含这些SKU，店加保留不变", "these SKUs were not among the rows: they stay as they are"},
	RuleSKURepeated:          {"同一商品编码重复出现，以第一条为准", "duplicate SKU code: the first one counts"},
	RuleSKUNoCode:            {"缺少商品编码的SKU不同步", "SKUs without a code are left out"},
	RuleEmptyKept:            {"聚水潭为空的字段保留店加原值", "fields that are empty in Jushuitan stay as they are"},
	RuleGone:                 {"聚水潭没有该商品，店加保留，不会删除", "the product is not in Jushuitan: DianJia keeps it"},
	RuleNoStyleNo:            {"商品缺少货号，无法匹配，请先在聚水潭补全款式编码", "the product has no style number and cannot be matched: set i_id in Jushuitan"},
	RuleOtherStyle:           {"货号不一致，不是同一商品", "the style numbers differ: it is another product"},
	RuleStyleFromFirst:       {"同款SKU的值不一致，款式取编码最小的SKU的值，其他SKU保留自己的值", "SKUs of the style differ: the first by code decides, the others keep their own values"},
	RuleZeroPriceUnset:       {"聚水潭价格为 0，视为未填写，保留店加价格", "a price of 0 in Jushuitan counts as not entered: DianJia's stays"},
	RuleNegativePriceUnset:   {"聚水潭价格为负数，视为未填写，保留店加价格", "a negative price in Jushuitan counts as not entered: DianJia's stays"},
	RulePackaging:            {"包材不建档", "packaging is not created as a product"},
	RuleDisabledNotCreated:   {"已停用且店加没有的SKU不建档", "disabled SKUs that DianJia does not have are left out"},
	RuleSKURenamed:           {"商品编码已变更，按聚水潭唯一编号识别为同一SKU", "the SKU code was changed: it is the same SKU by its autoid"},
	RuleSKUMovedAway:         {"SKU已移至其他款式，本款保留，请人工处理", "the SKU moved to another style: this one keeps it, a person decides"},
	RuleSKUMovedHere:         {"SKU原属其他款式", "the SKU was in another style"},
	RuleUnchanged:            {"没有变化", "nothing differs"},
}

// Text returns the rule in Chinese and in English.
func (r SyncRule) Text() (chinese, english string) {
	text, ok := syncRuleTexts[r]
	if !ok {
		return string(r), string(r)
	}
	return text[0], text[1]
}

// SyncReason is a rule that contributed to a decision, with the fields and SKUs it
// concerns.
type SyncReason struct {
	Rule   SyncRule
	Fields []ProductField // if the rule concerns fields
	SKUs   []string       // 商品编码, if it concerns SKUs
	Styles []string       // 货号, if it concerns other styles
}

// String returns the rule in Chinese and English with its fields and SKUs.
func (r SyncReason) String() string {
	var about []string
	for _, f := range r.Fields {
		about = append(about, f.Title())
	}
	if n := len(r.SKUs); n > 10 {
		about = append(about, strings.Join(r.SKUs[:10], " ")+fmt.Sprintf(" … (%d)", n))
	} else if n > 0 {
		about = append(about, strings.Join(r.SKUs, " "))
	}
	about = append(about, r.Styles...)
	chinese, english := r.Rule.Text()
	text := fmt.Sprintf("[%s] %s / %s", r.Rule, chinese, english)
	if len(about) > 0 {
		text += ": " + strings.Join(about, ", ")
	}
	return text
}

// Plan decides what a sync does with a product. existing is DianJia's product, nil if
// there is none; incoming is the product that a [ProductMapper] made of Jushuitan's
// rows, nil if Jushuitan has none. Neither is modified.
//
// By SKU, a style may come in parts. Its name, brand, category and attributes are those of its
// first SKU by code, among the SKUs that DianJia has and the incoming ones. SKUs that differ
// keep their values in [dianjia.SKU.Own], and [RuleStyleFromFirst] names them. Before a
// style is created, query all its SKUs with [SiblingQueries].
//
// Nothing is deleted: SKUs without a row stay, labels are only added, and an empty
// field or an invalid price leaves DianJia's value unchanged. Planning again after
// storing the decision's product returns ActionSkip.
func (s SyncSettings) Plan(existing, incoming *dianjia.Product) SyncDecision {
	p := planner{settings: s, created: existing == nil}
	if existing != nil {
		p.Product = *existing
	}
	switch {
	case incoming == nil:
		return p.skip(RuleGone)
	case incoming.StyleNo == "":
		return p.skip(RuleNoStyleNo)
	case existing != nil && existing.StyleNo != incoming.StyleNo:
		return p.skip(RuleOtherStyle)
	}
	rows, labelled := p.rows(incoming)
	if !labelled {
		return p.skip(RuleNotLabelled)
	}
	had := len(rows)
	rows = slices.DeleteFunc(rows, p.unwanted)
	switch {
	case existing == nil && had > 0 && len(rows) == 0:
		return p.SyncDecision // packaging, or disabled
	case existing == nil && !s.AutoCreate:
		p.Reasons = nil
		return p.skip(RuleNotCreated)
	case existing == nil:
		p.Product.StyleNo = incoming.StyleNo
		p.note(RuleCreated, "", "")
		p.change(FieldStyleNo, "", "", incoming.StyleNo)
	}
	p.fields(incoming, rows)

	switch {
	case p.created:
		p.Action = ActionCreate
	case len(p.Changes) > 0:
		p.Action = ActionUpdate
	default:
		p.Product, p.Categories = *existing, nil
		p.note(RuleUnchanged, "", "")
	}
	return p.SyncDecision
}

// fields updates the product from the rows to process.
func (p *planner) fields(incoming *dianjia.Product, rows []*dianjia.SKU) {
	out, before := &p.Product, p.Product
	in := p.style(incoming, rows)
	p.text(FieldName, "", &out.Name, in.Name)
	p.text(FieldBrand, "", &out.Brand, in.Brand)
	for i := range productAttributes {
		a := &productAttributes[i]
		p.text(a.field, "", a.value(out), *a.value(in))
	}
	p.category(in.Category, in.CategoryPath)
	p.styleCategory(in.Category.Name)
	if p.created {
		p.template(incoming.SpecTemplate)
	}
	p.labels("", &out.Labels, incoming.Labels)
	p.zeroPrices("", incoming.Own)
	styleRetail := out.Price.Retail // before this sync
	p.prices("", &out.Price, incoming.Price, decimal.NullDecimal{})
	p.skus(rows, incoming, styleRetail)
	p.differences(&before, incoming, rows)
}

// planner is a decision in progress.
type planner struct {
	SyncDecision
	settings SyncSettings
	created  bool
	quiet    bool // inside an added SKU, which counts as a single change

	keepCategory bool // the category comes from a stored SKU that is not among the incoming ones
}

func (p *planner) skip(rule SyncRule) SyncDecision {
	p.note(rule, "", "")
	return p.SyncDecision
}

// note adds a reason, or extends it.
func (p *planner) note(rule SyncRule, field ProductField, sku string) {
	i := slices.IndexFunc(p.Reasons, func(r SyncReason) bool { return r.Rule == rule })
	if i < 0 {
		i = len(p.Reasons)
		p.Reasons = append(p.Reasons, SyncReason{Rule: rule})
	}
	r := &p.Reasons[i]
	if field != "" && !slices.Contains(r.Fields, field) {
		r.Fields = append(r.Fields, field)
	}
	if n := len(r.SKUs); sku != "" && (n == 0 || r.SKUs[n-1] != sku) {
		r.SKUs = append(r.SKUs, sku)
	}
}

func (p *planner) change(field ProductField, sku, from, to string) {
	if !p.quiet {
		p.Changes = append(p.Changes, SyncChange{Field: field, SKU: sku, Old: from, New: to})
	}
}

// rows returns the SKUs to process.
func (p *planner) rows(incoming *dianjia.Product) (rows []*dianjia.SKU, labelled bool) {
	s := p.settings
	marked := func(i int) bool { return s.HasSyncLabel(incoming.SKUs[i].Labels) }
	some := false
	if s.OnlyLabelled {
		for i := range incoming.SKUs {
			some = some || marked(i)
		}
		if !some && !s.HasSyncLabel(incoming.Labels) {
			return nil, false
		}
	}
	seen := make(map[string]struct{}, len(incoming.SKUs))
	for i := range incoming.SKUs {
		sku := &incoming.SKUs[i]
		if sku.Code == "" {
			p.note(RuleSKUNoCode, "", "")
			continue
		}
		if some && !marked(i) {
			if !s.PullSPU {
				p.note(RuleSKUNotLabelled, "", sku.Code)
				continue
			}
			p.note(RuleWholeStyle, "", sku.Code)
		}
		if _, ok := seen[sku.Code]; ok {
			p.note(RuleSKURepeated, "", sku.Code)
			continue
		}
		seen[sku.Code] = struct{}{}
		rows = append(rows, sku)
	}
	return rows, true
}

// skus updates and adds the SKUs. styleRetail is the sale price that DianJia had for
// the style.
func (p *planner) skus(rows []*dianjia.SKU, incoming *dianjia.Product, styleRetail decimal.NullDecimal) {
	old := p.Product.SKUs
	p.Product.SKUs = slices.Grow(slices.Clone(old), len(rows))
	at := make(map[string]int, len(old))
	for i := range old {
		if _, ok := at[old[i].Code]; !ok {
			at[old[i].Code] = i
		}
	}
	renamed := renamedSKUs(old, rows, incoming)
	for _, i := range renamed {
		delete(at, old[i].Code)
	}
	maps.Copy(at, renamed)
	for _, row := range rows {
		i, ok := at[row.Code]
		if _, is := renamed[row.Code]; is {
			p.note(RuleSKURenamed, "", row.Code)
			p.change(FieldSKUCode, row.Code, old[i].Code, row.Code)
			p.Product.SKUs[i].Code = row.Code
		}
		if !ok {
			i = len(p.Product.SKUs)
			p.Product.SKUs = append(p.Product.SKUs, dianjia.SKU{Code: row.Code})
			p.change(FieldSKUCode, row.Code, "", row.Code)
			if !p.created {
				p.note(RuleSKUAdded, "", row.Code)
			}
			p.quiet = true
		}
		sku := &p.Product.SKUs[i]
		p.text(FieldBarcode, row.Code, &sku.Barcode, row.Barcode)
		p.text(FieldColor, row.Code, &sku.Color, row.Color)
		p.text(FieldSize, row.Code, &sku.Size, row.Size)
		p.text(FieldProperties, row.Code, &sku.PropertiesText, row.PropertiesText)
		p.labels(row.Code, &sku.Labels, row.Labels)
		p.zeroPrices(row.Code, row.Own)
		p.prices(row.Code, &sku.Price, row.Price, styleRetail)
		p.details(sku, row)
		p.quiet = false
	}
	if len(at) == 0 {
		return
	}
	for i := range incoming.SKUs { // including those that were skipped
		delete(at, incoming.SKUs[i].Code)
	}
	rule := RuleSKUAbsent
	if p.settings.PullSPU {
		rule = RuleSKUGone
	}
	for i := range old {
		if j, ok := at[old[i].Code]; ok && j == i {
			p.note(rule, "", old[i].Code)
		}
	}
}

func (p *planner) text(field ProductField, sku string, dst *string, value string) {
	switch {
	case *dst == value:
	case value == "":
		p.note(RuleEmptyKept, field, sku)
	default:
		p.change(field, sku, *dst, value)
		*dst = value
	}
}

// labels adds labels; DianJia's own stay.
func (p *planner) labels(sku string, dst *[]string, labels []string) {
	joined := productJoinLabels(*dst, labels)
	if len(joined) == len(*dst) {
		return
	}
	p.change(FieldLabels, sku, strings.Join(*dst, ","), strings.Join(joined, ","))
	*dst = joined
}

// prices updates prices. above is the sale price of the style, which applies if the SKU has none.
func (p *planner) prices(sku string, dst *dianjia.Price, price dianjia.Price, above decimal.NullDecimal) {
	p.price(FieldCostPrice, sku, &dst.Cost, price.Cost)
	p.price(FieldTagPrice, sku, &dst.Tag, price.Tag)

	if !price.Retail.Valid || planSamePrice(dst.Retail, price.Retail) {
		return
	}
	current := productFirst(dst.Retail, above)
	differs := !planSamePrice(current, price.Retail)
	switch {
	case p.settings.SkipSalePrice:
		if differs {
			p.note(RuleSalePriceSkipped, FieldRetailPrice, sku)
		}
		return
	case current.Valid && !p.settings.OverwriteSalePrice:
		if differs {
			p.note(RuleSalePriceKept, FieldRetailPrice, sku)
		}
		return
	case current.Valid && differs:
		p.note(RuleSalePriceOverwritten, FieldRetailPrice, sku)
	}
	p.price(FieldRetailPrice, sku, &dst.Retail, price.Retail)
}

func (p *planner) price(field ProductField, sku string, dst *decimal.NullDecimal, price decimal.NullDecimal) {
	if !price.Valid || planSamePrice(*dst, price) {
		return
	}
	p.change(field, sku, planPrice(*dst), planPrice(price))
	*dst = price
}

func planSamePrice(a, b decimal.NullDecimal) bool {
	return a.Valid == b.Valid && (!a.Valid || a.Decimal.Equal(b.Decimal))
}

func planPrice(d decimal.NullDecimal) string {
	if !d.Valid {
		return ""
	}
	return d.Decimal.String()
}

func (p *planner) template(template string) {
	if template == "" && p.settings.SpecTemplate != "" {
		template = p.settings.SpecTemplate
		p.note(RuleSpecTemplate, FieldTemplate, "")
	}
	p.text(FieldTemplate, "", &p.Product.SpecTemplate, template)
}

// category sets the category. path holds the categories from the first level down to it, if known.
func (p *planner) category(in dianjia.Category, path []dianjia.Category) {
	if p.settings.CategoryOnce {
		p.categoryOnce()
		return
	}
	if p.keepCategory {
		return
	}
	have := p.Product.Category
	none := dianjia.Category{}
	mount := p.settings.MountCategory
	switch {
	case in == none && have != none:
		p.note(RuleEmptyKept, FieldCategory, "")
		return
	case in == none:
		in = mount
	case mount.Code != "":
		p.Categories = planChain(in, path, mount)
		in = p.Categories[len(p.Categories)-1]
	}
	if mount.Code != "" && in != none {
		p.note(RuleCategoryMounted, FieldCategory, "")
	}
	p.setCategory(planMerge(in, have))
}

// planChain returns the categories from the one directly below the mount category down to c.
func planChain(c dianjia.Category, path []dianjia.Category, mount dianjia.Category) []dianjia.Category {
	chain := slices.Clone(path)
	if len(chain) == 0 || chain[len(chain)-1].Code != c.Code {
		chain = []dianjia.Category{c}
	}
	if i := slices.IndexFunc(chain, func(c dianjia.Category) bool { return c.Code == mount.Code }); i >= 0 && i+1 < len(chain) {
		chain = chain[i+1:]
	} else if above := chain[0].ParentCode; above != "" && above != mount.Code &&
		!slices.ContainsFunc(chain, func(c dianjia.Category) bool { return c.Code == above }) { // a tree may be broken
		chain = append([]dianjia.Category{{Code: above}}, chain...)
	}
	if chain[0].Code != mount.Code {
		chain[0].ParentCode = mount.Code
	}
	return chain
}

// planMerge returns the category in. If have is the same category, values that Jushuitan does
// not have are taken from it.
func planMerge(in, have dianjia.Category) dianjia.Category {
	if in.Code != "" && in.Code == have.Code || in.Code == "" && in.Name == have.Name {
		in.Code = cmp.Or(in.Code, have.Code)
		in.Name = cmp.Or(in.Name, have.Name)
		in.ParentCode = cmp.Or(in.ParentCode, have.ParentCode)
	}
	return in
}

// categoryOnce puts a new product under the initial category and leaves all others.
func (p *planner) categoryOnce() {
	have, initial := p.Product.Category, p.settings.initialCategory()
	switch {
	case have == (dianjia.Category{}):
		p.note(RuleCategoryInitial, FieldCategory, "")
		p.setCategory(initial)
	case planUnder(have, initial):
		p.note(RuleCategoryStillInitial, FieldCategory, "")
	default:
		p.note(RuleCategoryKept, FieldCategory, "")
	}
}

func (p *planner) setCategory(c dianjia.Category) {
	if c == p.Product.Category {
		return
	}
	p.change(FieldCategory, "", planCategory(p.Product.Category), planCategory(c))
	p.Product.Category = c
}

// planUnder reports whether a category is the initial category or below it.
func planUnder(c, initial dianjia.Category) bool {
	if initial.Code == "" || c.Code == "" {
		return c.Name == initial.Name
	}
	return c.Code == initial.Code || c.ParentCode == initial.Code
}

// planCategory formats a category, such as "T恤 (30011) < 3001".
func planCategory(c dianjia.Category) string {
	text := c.Name
	if c.Code != "" {
		text += " (" + c.Code + ")"
	}
	if c.ParentCode != "" {
		text += " < " + c.ParentCode
	}
	return strings.TrimSpace(text)
}
