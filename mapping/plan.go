package mapping

import (
	"cmp"
	"fmt"
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
	// Product is what to store. With ActionSkip it is the product that DianJia has, or
	// the zero value where it has none. It may share memory with what was planned from.
	Product dianjia.Product
	Changes []SyncChange // empty with ActionSkip
	Reasons []SyncReason // the rules that decided, in order
}

// Has reports whether the rule was among the reasons.
func (d SyncDecision) Has(rule SyncRule) bool {
	return slices.ContainsFunc(d.Reasons, func(r SyncReason) bool { return r.Rule == rule })
}

// String is the decision for support staff, in Chinese and English, a line for each
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
	RuleCategoryParked       SyncRule = "category_parked"        // 仅同步一次类目: put under 其他
	RuleCategoryWaiting      SyncRule = "category_waiting"       // 仅同步一次类目: still under 其他
	RuleCategoryKept         SyncRule = "category_kept"          // 仅同步一次类目: no longer under 其他
	RuleCategoryMounted      SyncRule = "category_mounted"       // 挂载类目
	RuleSpecTemplate         SyncRule = "spec_template"          // 规格模板
	RuleSKUAdded             SyncRule = "sku_added"              // SKUs that DianJia did not have
	RuleSKUGone              SyncRule = "sku_gone"               // 拉取SPU: SKUs that the style no longer has
	RuleSKUAbsent            SyncRule = "sku_absent"             // by SKU: SKUs that were not among the rows
	RuleSKURepeated          SyncRule = "sku_repeated"           // one code twice: the first counts
	RuleSKUNoCode            SyncRule = "sku_no_code"            // SKUs without 商品编码
	RuleEmptyKept            SyncRule = "empty_kept"             // fields that are empty in Jushuitan
	RuleGone                 SyncRule = "gone"                   // the product is not in Jushuitan
	RuleNoStyleNo            SyncRule = "no_style_no"            // the product has no 货号
	RuleOtherStyle           SyncRule = "other_style"            // two products were compared that are not the same
	RuleUnchanged            SyncRule = "unchanged"              // nothing differs
)

// syncRuleTexts are the rules in Chinese and in English.
var syncRuleTexts = map[SyncRule][2]string{
	RuleCreated:              {"已开启自动建档，新建商品", "auto-create is on: the product is created"},
	RuleNotCreated:           {"未开启自动建档，店加没有的商品不建档", "auto-create is off: a product that DianJia does not have is skipped"},
	RuleNotLabelled:          {"仅同步含店加标签的商品，该商品没有此标签", "only labelled products are synced: this one is not"},
	RuleSKUNotLabelled:       {"仅同步含店加标签的商品，这些SKU没有此标签，不同步", "only labelled SKUs are synced: these are left out"},
	RuleWholeStyle:           {"拉取SPU按款同步，同款中未打标签的SKU一并同步", "by style: SKUs without the label come with their style"},
	RuleSalePriceSkipped:     {"已开启不同步销售价，零售价未同步", "sale prices are not synced: that of Jushuitan is left out"},
	RuleSalePriceKept:        {"未授权覆盖销售价，保留店加零售价", "no permission to overwrite: DianJia's sale price stays"},
	RuleSalePriceOverwritten: {"已授权覆盖销售价，以聚水潭价格为准", "permitted: Jushuitan's sale price overwrites DianJia's"},
	RuleCategoryParked:       {"仅同步一次类目，首次同步归入“其他”", "category once: the first sync puts the product under the parking category"},
	RuleCategoryWaiting:      {"仅同步一次类目，商品仍在“其他”下，待人工归类", "category once: still under the parking category, a person has to move it"},
	RuleCategoryKept:         {"仅同步一次类目，商品已不在“其他”下，保留店加类目", "category once: no longer under the parking category, its category stays"},
	RuleCategoryMounted:      {"类目挂载到挂载类目下", "the category hangs below the mount category"},
	RuleSpecTemplate:         {"新建商品使用规格模板", "the new product has the spec template"},
	RuleSKUAdded:             {"新增SKU", "SKUs are added"},
	RuleSKUGone:              {"聚水潭该款已没有这些SKU，店加保留，请人工处理", "the style no longer has these SKUs: DianJia keeps them, a person decides"},
	RuleSKUAbsent:            {"本次数据不含这些SKU，店加保留不变", "these SKUs were not among the rows: they stay as they are"},
	RuleSKURepeated:          {"同一商品编码重复出现，以第一条为准", "duplicate SKU code: the first one counts"},
	RuleSKUNoCode:            {"缺少商品编码的SKU不同步", "SKUs without a code are left out"},
	RuleEmptyKept:            {"聚水潭为空的字段保留店加原值", "fields that are empty in Jushuitan stay as they are"},
	RuleGone:                 {"聚水潭没有该商品，店加保留，不会删除", "the product is not in Jushuitan: DianJia keeps it"},
	RuleNoStyleNo:            {"商品缺少货号，无法匹配，请先在聚水潭补全款式编码", "the product has no style number and cannot be matched: set i_id in Jushuitan"},
	RuleOtherStyle:           {"货号不一致，不是同一商品", "the style numbers differ: it is another product"},
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
	Fields []ProductField // where the rule is about fields
	SKUs   []string       // 商品编码, where it is about SKUs
}

// String is the rule in Chinese and English with what it was about.
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
	chinese, english := r.Rule.Text()
	text := fmt.Sprintf("[%s] %s / %s", r.Rule, chinese, english)
	if len(about) > 0 {
		text += ": " + strings.Join(about, ", ")
	}
	return text
}

// Plan decides what a sync does with a product: existing is what DianJia has, nil
// where it has none; incoming is what a [ProductMapper] made of Jushuitan's rows, nil
// where Jushuitan has none. Neither is changed.
//
// Nothing is deleted: SKUs that did not come stay, labels are added only, and a
// field that is empty or a price that is not valid leaves DianJia's as it is.
// Planning again after storing the decision's product returns ActionSkip.
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
	switch {
	case !labelled:
		p.Reasons = nil
		return p.skip(RuleNotLabelled)
	case existing == nil && !s.AutoCreate:
		p.Reasons = nil
		return p.skip(RuleNotCreated)
	case existing == nil:
		p.Product.StyleNo = incoming.StyleNo
		p.note(RuleCreated, "", "")
		p.change(FieldStyleNo, "", "", incoming.StyleNo)
	}

	out := &p.Product
	p.text(FieldName, "", &out.Name, incoming.Name)
	p.text(FieldBrand, "", &out.Brand, incoming.Brand)
	for i := range productAttributes {
		a := &productAttributes[i]
		p.text(a.field, "", a.value(out), *a.value(incoming))
	}
	p.category(incoming.Category)
	if p.created {
		p.template(incoming.SpecTemplate)
	}
	p.labels("", &out.Labels, incoming.Labels)
	styleRetail := out.Price.Retail // before this sync
	p.prices("", &out.Price, incoming.Price, decimal.NullDecimal{})
	p.skus(rows, incoming, styleRetail)

	switch {
	case p.created:
		p.Action = ActionCreate
	case len(p.Changes) > 0:
		p.Action = ActionUpdate
	default:
		p.note(RuleUnchanged, "", "")
	}
	return p.SyncDecision
}

// planner is a decision in the making.
type planner struct {
	SyncDecision
	settings SyncSettings
	created  bool
	quiet    bool // within a SKU that is added, which is one change
}

func (p *planner) skip(rule SyncRule) SyncDecision {
	p.note(rule, "", "")
	return p.SyncDecision
}

// note adds a reason, or to it.
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

// rows are the SKUs that take part.
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

// skus updates and adds the SKUs. StyleRetail is the sale price that DianJia had for
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
	for _, row := range rows {
		i, ok := at[row.Code]
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
		p.prices(row.Code, &sku.Price, row.Price, styleRetail)
		p.quiet = false
	}
	if len(at) == 0 {
		return
	}
	for i := range incoming.SKUs { // those that were left out did come
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

// prices updates prices. Above is the sale price that counts where the SKU has none
// of its own.
func (p *planner) prices(sku string, dst *dianjia.Price, price dianjia.Price, above decimal.NullDecimal) {
	p.price(FieldCost, sku, &dst.Cost, price.Cost)
	p.price(FieldTag, sku, &dst.Tag, price.Tag)

	if !price.Retail.Valid || planSamePrice(dst.Retail, price.Retail) {
		return
	}
	current := productFirst(dst.Retail, above)
	differs := !planSamePrice(current, price.Retail)
	switch {
	case p.settings.SkipSalePrice:
		if differs {
			p.note(RuleSalePriceSkipped, FieldRetail, sku)
		}
		return
	case current.Valid && !p.settings.OverwriteSalePrice:
		if differs {
			p.note(RuleSalePriceKept, FieldRetail, sku)
		}
		return
	case current.Valid && differs:
		p.note(RuleSalePriceOverwritten, FieldRetail, sku)
	}
	p.price(FieldRetail, sku, &dst.Retail, price.Retail)
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

func (p *planner) category(in dianjia.Category) {
	if p.settings.CategoryOnce {
		p.categoryOnce()
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
	case mount.Code != "" && in.ParentCode == "" && in.Code != mount.Code:
		in.ParentCode = mount.Code
	}
	if mount.Code != "" && in != none && (in.ParentCode == mount.Code || in == mount) {
		p.note(RuleCategoryMounted, FieldCategory, "")
	}
	p.setCategory(planMerge(in, have))
}

// planMerge is the category in; what Jushuitan does not say of the same category stays as
// in have.
func planMerge(in, have dianjia.Category) dianjia.Category {
	if in.Code != "" && in.Code == have.Code || in.Code == "" && in.Name == have.Name {
		in.Code = cmp.Or(in.Code, have.Code)
		in.Name = cmp.Or(in.Name, have.Name)
		in.ParentCode = cmp.Or(in.ParentCode, have.ParentCode)
	}
	return in
}

// categoryOnce puts a new product under the parking category and leaves all others.
func (p *planner) categoryOnce() {
	have, parking := p.Product.Category, p.settings.parking()
	switch {
	case have == (dianjia.Category{}):
		p.note(RuleCategoryParked, FieldCategory, "")
		p.setCategory(parking)
	case planUnder(have, parking):
		p.note(RuleCategoryWaiting, FieldCategory, "")
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

// planUnder reports whether a category is the parking category or below it.
func planUnder(c, parking dianjia.Category) bool {
	if parking.Code == "" || c.Code == "" {
		return c.Name == parking.Name
	}
	return c.Code == parking.Code || c.ParentCode == parking.Code
}

// planCategory is such as "T恤 (30011) < 3001".
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
